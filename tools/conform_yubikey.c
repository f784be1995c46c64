/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_yubikey.c — rows of group 14: what persona yubikey adds. */
#include "tools/conform_yubikey.h"

#define MANAGEMENT "A000000527471117"
#define FINGER "needs a finger on the key, or none: left to the tree's own tests"
#define PROGRAM "goes through Yubico's programs: left to the tree's own shell tests"

/* A key of algorithm ALG, made by the host, in 83; and a signature of the digest by it. */
#define IMPORT(alg) "k := hostkey " alg "; chain 00FE" alg "83[{parts}] -> 9000;"
#define EMPTY_83 "00F7008300 -> 6A88"

const struct row rows_yk[] = {
    { "YK-01", "F yk", "the firmware's version is three bytes",
      "00FD000000 -> ?3 9000; house: 00FD000000 -> 0507?1 9000; each 0100 0001: 00FD{.}00 -> 6A86", NULL, "YK" },
    { "YK-02", "F yk serial", "the serial number is the same wherever it is asked",
      "each 0100 0001: 00F8{.}00 -> 6A86; 00F8000000 -> ?4 9000 =a; reset; select; 00F8000000 -> {a} 9000;"
      "00A40400[" MANAGEMENT "]00 -> * 9000;"
      "001D000000 -> * 9000 =c; c := skip 1 {c}; x := at 02 {c}; check equal {x} {a}; select", NULL, "YK" },
    { "YK-03", "F yk meta values", "metadata of the PIN", "00F7008000 -> 01(FF)05(01)06(0303) 9000", NULL, "YK" },
    { "YK-04", "F yk meta values tries changes write", "metadata of a PIN that was changed and missed once",
      "change {pin} {newpin} -> 9000; verify {pin} -> T-1; 00F7008000 -> 01(FF)05(00)06(0302) 9000;"
      "change {newpin} {pin} -> 9000", NULL, "YK" },
    { "YK-05", "F yk meta values", "metadata of the PUK", "00F7008100 -> 01(FF)05(01)06(0303) 9000", NULL, "YK" },
    { "YK-06", "F yk meta values", "metadata of the management key",
      "00F7009B00 -> 01({alg})02(0001)05(01) 9000", NULL, "YK" },
    { "YK-07", "P yk meta 9A:07 9C:11 9E:11", "metadata of a key: algorithm, policies, origin, public key",
      NULL, yk_07, "YK" },
    { "YK-08", "F yk meta empty verify", "an empty key reference has no metadata",
      "00F700{empty}00 -> 6A88", NULL, "YK" },
    { "YK-09", "F yk meta", "metadata of nothing",
      "00F7018000 -> 6A86; each 00 96: 00F700{.}00 -> 6A88", NULL, "YK" },
    { "YK-10", "F yk verify write", "no reset while PIN and PUK are alive",
      "00FB0000 -> 6985; each 0100 0001: 00FB{.} -> 6A86; pin", NULL, "YK" },
    { "YK-11", "F yk blocked changes write", "no reset while the PUK is alive",
      "00FB0000 -> 6985", NULL, "YK" },
    { "YK-12", "P yk meta values puk tries pukgone last write saves:5FC102,5FC107",
      "a reset brings the factory's state; serial number and attestation stay",
      "00F8000000 -> ?4 9000 =a; o := object 5FFF01; 00F700F900 -> * 9000+ =m; check drain T 00200080[{bad}];"
      "check drain U 002C0080[{badpuk}{newpin}]; 00FB0000 -> 9000; try -> 63C3; get 5FC102 -> 6A82;"
      "get 5FC105 -> 6A82; get 7E -> 7E* 9000; each 9A 9C 9D 9E 82 95: 00F700{.}00 -> 6A88;"
      "00F8000000 -> {a} 9000; get 5FFF01 -> {o} 9000+; 00F700F900 -> {m} 9000+; pin; adm; admin",
      NULL, "YK" },
    { "YK-13", "hands", "a reset that is cut off leaves the old card or the factory's",
      "needs a power cut: left to the tree's own tests", NULL, "house" },
    { "YK-14", "F yk meta values adm pin write", "setting the tries brings the factory's PIN and PUK",
      "00FA0507 -> 9000; try -> 63C5; 00F7008000 -> 01(FF)05(01)06(0505) 9000;"
      "00F7008100 -> 01(FF)05(01)06(0707) 9000; pin; adm; pin; 00FA0303 -> 9000; try -> 63C3", NULL, "YK" },
    { "YK-15", "F yk key verify write", "setting the tries wants both management key and PIN",
      "pin; 00FA0507 -> 6982; reset; select; adm; 00FA0507 -> 6982; try -> T", NULL, "YK" },
    { "YK-16", "F yk adm pin write", "no tries at all cannot be set",
      "00FA0003 -> 6A80; 00FA0300 -> 6A80", NULL, "YK" },
    { "YK-17", "F yk meta values adm pin write", "more than fifteen tries are told as fifteen",
      "00FAFFFF -> 9000; verify {bad} -> 63CF; 00F7008000 -> 01(FF)05(01)06(FFFE) 9000; pin; adm; pin;"
      "00FA0303 -> 9000; try -> 63C3", NULL, "YK" },
    { "YK-18", "F yk aes adm write", "a new management key of every algorithm works, and the old one does not",
      NULL, yk_18, "YK" },
    { "YK-19", "F yk write", "a new management key wants the old one",
      "00FFFFFF[039B18{5A*8}{A5*8}{3C*8}] -> 6982", NULL, "YK" },
    { "YK-20", "F yk adm write", "an ill-formed management key is refused, and the old one stays",
      "each 039B17{5A*23} 089B18{5A*24} 0A9B10{5A*16} 0C9B18{5A*24} 079B18{5A*24} 089A10{5A*16}: 00FFFFFF[{.}] -> 6A80;"
      "00FF00FF[089B10{5A*16}] -> 6A86; 00FFFF00[089B10{5A*16}] -> 6A86; adm; admin", NULL, "YK" },
    { "YK-21", "F yk meta values adm write", "a management key may want a touch",
      "m := bytes 039B18_0102030405060708_0102030405060708_0102030405060708; 00FFFFFE[{m}] -> 9000;"
      "00F7009B00 -> 01(03)02(0002)05(?1) 9000; 00FFFFFF[{m}] -> 9000;"
      "00F7009B00 -> 01(03)02(0001)05(01) 9000",
      NULL, "YK" },
    { "YK-22", "F yk values adm write", "a 3DES key may have equal parts: Yubico's own tests set such a one",
      "00FFFFFF[039B18{5A*24}] -> 9000; 00FFFFFF[039B18{5A*16}{A5*8}] -> 9000;"
      "m := bytes 039B18_0102030405060708_0102030405060708_0102030405060708; 00FFFFFF[{m}] -> 9000; adm; admin",
      NULL, "YK" },
    { "YK-23", "F yk meta adm verify write clears:83", "an RSA-2048 key is imported and signs",
      NULL, yk_23, "YK" },
    { "YK-24", "F yk meta adm verify write clears:83", "RSA keys of the other sizes are imported and sign",
      NULL, yk_24, "YK 5.7" },
    { "YK-25", "F yk meta adm verify write clears:83", "P-256 and P-384 keys are imported and sign",
      NULL, yk_25, "YK" },
    { "YK-26", "F yk meta adm verify write clears:83", "Ed25519 and X25519 keys are imported, sign and agree",
      NULL, yk_26, "YK 5.7" },
    { "YK-27", "F yk v57 adm write clears:83", "parts that make no key are refused", NULL, yk_27, "YK, house" },
    { "YK-28", "F yk v57 write", "importing wants the management key",
      "chain 00FE1183[06({5A*32})] -> 6982; " EMPTY_83,
      NULL, "YK" },
    { "YK-29", "F yk meta adm verify write clears:83", "a key may bring its own policies: never, once, always",
      IMPORT("11") "each 01 02 03: chain 00FE1183[{parts}AA(01)AB({.})] -> 9000,"
      "00F7008300 -> 01(11)02(01{.})03(02)04({public}) 9000;"
      "d := sha256 {aid}; logout; chain 00FE1183[{parts}AA(01)AB(01)] -> 9000; sign 83 11 {d} -> 7C* 9000;"
      "chain 00FE1183[{parts}AA(02)AB(01)] -> 9000; 00F7008300 -> 01(11)02(0201)* 9000;"
      "sign 83 11 {d} -> 6982;"
      "pin; repeat 2: sign 83 11 {d} -> 7C* 9000;"
      "chain 00FE1183[{parts}AA(03)AB(01)] -> 9000; 00F7008300 -> 01(11)02(0301)* 9000; pin;"
      "sign 83 11 {d} -> 7C* 9000; sign 83 11 {d} -> 6982", NULL, "YK" },
    { "YK-30", "F yk v57 adm write clears:83", "policies that are none are refused; 00 is the key reference's own",
      "k := hostkey 11; each AA(04) AA(05) AA(06) AB(04) AA(01)AA(01): chain 00FE1183[{parts}{.}] -> 6A80,"
      " " EMPTY_83
      "; chain 00FE1183[{parts}AA(00)AB(00)] -> 9000; 00F7008300 -> 01(11)02(0201)03(02)04({public}) 9000",
      NULL, "YK" },
    { "YK-31", "F yk meta adm verify write clears:83", "a key that is generated may bring its own policies",
      "d := sha256 {aid}; each 01 02 03: 00470083[AC(80(11)AB(01)AA({.}))]00 -> 7F49(86(04?64)) 9000,"
      "00470083[AC(80(11)AA({.})AB(01))]00 -> 7F49(86(04?64)) 9000,"
      "00F7008300 -> 01(11)02({.}01)03(01)* 9000; pin; sign 83 11 {d} -> 7C* 9000; sign 83 11 {d} -> 6982",
      NULL, "YK" },
    { "YK-32", "F yk adm verify write clears:83", "Ed25519 and X25519 keys are generated and work",
      "generate 83 E0 -> 7F49(86(?32)) 9000 =a; k := at 7F49 {a}; pin; m := random 100;"
      "sign 83 E0 {m} -> 7C(82(?64=s)) 9000; check signs E0 {k} {m} {s};"
      "generate 83 E1 -> 7F49(86(?32)) 9000; pin; ecdh 83 E1 09{00*31} -> 7C(82(?32)) 9000", NULL, "YK 5.7" },
    { "YK-33", "F yk adm late write clears:83", "RSA-3072 and RSA-4096 keys are generated",
      "00470083[AC(80(05))]00 -> 7F49(81(?384)82(010001)) 9000+;"
      "00470083[AC(80(16))]00 -> 7F49(81(?512)82(010001)) 9000+", NULL, "YK 5.7" },
    { "YK-34", "F yk adm verify write clears:83", "Ed25519 signs messages of any length",
      NULL, yk_34, "YK 5.7" },
    { "YK-35", "F yk v57 adm verify write clears:83", "X25519 refuses points of low order",
      IMPORT("E1") "pin; ecdh 83 E1 {00*32} -> 6A80; ecdh 83 E1 01{00*31} -> 6A80;"
      "ecdh 83 E1 ECFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF7F -> 6A80;"
      "ecdh 83 E1 09{00*30} -> 6A80", NULL, "RFC 7748 6.1" },
    { "YK-36", "F yk adm write clears:83", "an attestation tells the key, and F9's certificate verifies it",
      "generate 83 11 -> * 9000 =k; k := at 7F49 {k}; 00F9830000 -> 30* 9000+ =a", yk_36, "YK" },
    { "YK-37", "F yk adm write clears:83", "imported keys are not attested",
      IMPORT("11") "00F9830000 -> 6A80", NULL, "YK" },
    { "YK-38", "F yk serial adm write clears:83", "an attestation tells version, serial number, policies and form",
      "00FD000000 -> ?3 9000 =v; 00F8000000 -> ?4 9000 =n; generate 83 11 -> * 9000;"
      "00F9830000 -> 30* 9000+ =a",
      yk_38, "YK" },
    { "YK-39", "F yk empty verify", "nothing else is attested",
      "00F9{empty}0000 -> 6A80|6A88; 00F99A0100 -> 6A86; each F9 9B: 00F9{.}0000 -> 6A80|6A88", NULL, "YK" },
    { "YK-40", "F yk house", "the issuer of attestations says that it is virtual", NULL, yk_40, "house" },
    { "YK-41", "P yk 9A:07 adm write spoils:9A clears:83", "a key moves with its metadata; certificates stay",
      "o := object 5FC105; 00F7009A00 -> * 9000+ =m; 00F6839A -> 9000; 00F7008300 -> {m} 9000+;"
      "00F7009A00 -> 6A88;"
      "get 5FC105 -> {o} 9000+", NULL, "YK 5.7" },
    { "YK-42", "P yk 9A:07 adm write spoils:9A", "a key is deleted",
      "00F6FF9A -> 9000; 00F7009A00 -> 6A88", NULL,
      "YK 5.7" },
    { "YK-43", "P yk 9A:07 82:07 adm write", "moves that cannot be are refused",
      "00F7009A00 -> * 9000+ =m; 00F7008200 -> * 9000+ =n; 00F68483 -> 6A88; 00F6829A -> 6A80;"
      "00F69A9A -> 6A80;"
      "00F6839B -> 6A86; 00F683F9 -> 6A86; 00F7009A00 -> {m} 9000+; 00F7008200 -> {n} 9000+",
      NULL, "YK 5.7" },
    { "YK-44", "P yk v57 9A:07 write", "moving wants the management key",
      "00F6839A -> 6982; 00F6FF9A -> 6982", NULL, "YK" },
    { "YK-45", "hands", "a move that is cut off leaves the key in one place",
      "needs a power cut: left to the tree's own tests", NULL, "house" },
    { "YK-46", "hands", "a key that wants a touch", FINGER, NULL, "YK" },
    { "YK-47", "hands", "a touch that lasts", FINGER, NULL, "YK" },
    { "YK-48", "F yk adm write saves:5FFF00,5FFF02,5FFF0F,5FFF10,5FFF1F",
      "Yubico's own objects are stored and read without a PIN",
      "each 5FFF00 5FFF02 5FFF0F 5FFF10 5FFF1F: v := random 40, put {.} {v} -> 9000, get {.} -> 53({v}) 9000",
      NULL, "YK" },
    { "YK-49", "F yk adm verify write saves:5FC109", "a management key kept in printed information wants the PIN",
      "k := random 24; put 5FC109 88(89({k})) -> 9000; logout; get 5FC109 -> 6982; pin;"
      "get 5FC109 -> 53(88(89({k}))) 9000", NULL, "YK" },
    { "YK-50", "F yk house",
      "the management application tells serial number, form, firmware and that only PIV is there",
      "00F8000000 -> ?4 9000 =n; 00FD000000 -> ?3 9000 =v; 00A40400[" MANAGEMENT "]00 -> ?1* 9000;"
      "001D000000 -> * 9000 =c; c := skip 1 {c}; x := at 02 {c}; check equal {x} {n}; x := at 05 {c};"
      "check equal {x} {v}; x := at 01 {c}; check equal {x} 0010; x := at 03 {c}; check equal {x} 0010;"
      "x := at 04 {c}; x := left 1 {x}; select", NULL, "YK" },
    { "YK-51", "F yk house", "Yubico's other applications are not there",
      "00A40400[A000000527200101]00 -> ?1* 6A82|9000;" /* a YubiKey 4 is asked there for its serial number */
      "each A0000005272101 D27600012401 A0000006472F0001: 00A40400[{.}]00 -> 6A82; select",
      NULL, "YK" },
    { "YK-52", "hands", "yubico-piv-tool", PROGRAM, NULL, "YK" },
    { "YK-53", "hands", "ykman", PROGRAM, NULL, "YK" },
    { "YK-54", "F yk puk changes write", "a PUK with a byte above 7F is refused or taken, always alike",
      NULL, yk_54, "YK" },
    { "YK-55", "hands", "ykman piv reset", PROGRAM, NULL, "YK" },
    { "YK-56", "F piv write", "without Yubico's commands each of them is unknown",
      "each FD F8 F7 FA FB FE FF F9 F6: 00{.}0000 -> 6D00", NULL, "house" },
    { "YK-57", "F yk house", "the management application has one page, changes nothing, and knows no PIV",
      "00A40400[" MANAGEMENT "]00 -> * 9000; 001D010000 -> 6B00; 001C0000[0A0101] -> 6985;"
      "00CB3FFF[5C(7E)]00 -> 6D00;"
      "select", NULL, "YK" },
    { "YK-58", "F yk pcsc", "the reader's name and the ATR are those that Yubico's tools look for",
      NULL, yk_58, "YK" },
    { .id = NULL },
};
