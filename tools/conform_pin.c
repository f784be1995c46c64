/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_pin.c — rows of groups 4 to 6: VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER. */
#include "tools/conform_judge.h"

/* A reference can be verified exactly when the discovery object's first byte names it.  SP 800-73-5 Part 1, 3.3.2. */
static bool ver_27(struct judge *j)
{
    static const struct {
        uint8_t ref, bit;
    } references[] = { { 0x80, 0x40 }, { 0x00, 0x20 }, { 0x96, 0x10 }, { 0x97, 0x10 }, { 0x98, 0x08 } };

    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        bool named = (j->usage & references[i].bit) != 0;
        if (!playf(j, "002000%02X -> %s", references[i].ref, named ? "63xx|6983" : "6A88"))
            return false;
    }
    return true;
}

/* Yubico's programs block a card so; by the standard it may say 6A80 and count nothing. */
static bool ver_16(struct judge *j)
{
    if (!play(j, "verify {FF*8} -> T-1~6A80"))
        return false;
    if (j->sw == 0x6A80)
        return play(j, "try -> T");
    return play(j, "unblock {puk} {pin} -> 9000; check drain T 00200080[{FF*8}]; verify {pin} -> 6983");
}

/* Only cards that compare fingerprints must take VERIFY in parts. */
static bool ver_28(struct judge *j)
{
    if (!play(j, "a := left 4 {pin}; b := skip 4 {pin}; 10200080[{a}] -> 9000~6884|6E00|6A81|6A80|6700"))
        return false;
    j->result->came[0] = '\0';
    if (j->sw != 0x9000)
        return does_not_apply(j, "the card takes VERIFY in one part only, which is an option");
    return play(j, "00200080[{b}] -> 9000; try -> 9000");
}

const struct row rows_ver[] = {
    { "VER-01", "F verify", "the right PIN verifies", "pin; try -> 9000", NULL, "P2 3.2.1" },
    { "VER-02", "F", "asking costs nothing", "try -> T; try -> T", NULL, "P2 3.2.1" },
    { "VER-03", "F tries", "a wrong PIN costs one try", "bad; try -> T-1", NULL, "P2 3.2.1" },
    { "VER-04", "F tries", "the right PIN brings the tries back",
      "bad; pin; try -> 9000; logout; try -> T", NULL, "P2 3.2.1" },
    { "VER-05", "F tries changes write", "wrong PINs block the PIN",
      "check drain T 00200080[{bad}]; verify {bad} -> 6983", NULL, "P2 3.2.1" },
    { "VER-06", "F blocked changes write", "the right PIN does not help a blocked one",
      "verify {pin} -> 6983", NULL, "P2 3.2.1" },
    { "VER-07", "F blocked changes write", "a blocked PIN says so when asked",
      "try -> 6983~63C0", NULL, "P2 3.2.1" },
    { "VER-08", "F pin tries", "a wrong PIN ends the verified state", "bad; try -> T-1", NULL, "P2 3.2.1" },
    { "VER-09", "F pin", "logging out ends the verified state and costs no try",
      "logout; try -> T", NULL, "P2 3.2.1" },
    { "VER-10", "F tries", "logging out brings no try back", "bad; logout; try -> T-1", NULL, "P2 3.2.1" },
    { "VER-11", "F verify", "logging out takes no data, and presents no PIN",
      "0020FF80[{pin}] -> 6A80~err|9000; try -> T", NULL, "P2 3.2.1" },
    { "VER-12", "F verify", "P1 is 00 or FF",
      "each 01 7F FE: 0020{.}80[{pin}] -> 6A86, try -> T", NULL, "P2 3.2.1" },
    { "VER-13", "F puk changes write", "VERIFY never takes the PUK, and no try of it is lost",
      "00200081[{puk}] -> 6A88; unblock {badpuk} {newpin} -> U-1", NULL, "P2 3.2.1" },
    { "VER-14", "F verify nogpin noocc", "other key references cannot be verified",
      "each 00 96 97 98 9B FF: 002000{.}[{pin}] -> 6A88, try -> T", NULL, "P2 3.2.1" },
    { "VER-15", "F tries", "a PIN that is too short is wrong data, or counts as a wrong one",
      "verify 3132333435FFFFFF -> T-1~6A80", NULL, "P2 2.4.3, house" },
    { "VER-16", "F tries changes write", "eight FF are wrong data; or they count as a wrong PIN, up to blocking",
      NULL, ver_16, "P2 2.4.3, YK" },
    { "VER-17", "F tries", "a PIN without padding is refused",
      "p := left 6 {pin}; verify {p} -> 6A80~T-1|6700; house: try -> T", NULL, "P2 2.4.3" },
    { "VER-18", "F tries", "a PIN padded with 00 is a wrong one",
      "p := left 6 {pin}; verify {p}0000 -> T-1~6A80", NULL,
      "P2 2.4.3" },
    { "VER-19", "F tries", "FF in the middle makes a wrong PIN",
      "verify 3132FF343536FFFF -> T-1~6A80", NULL, "P2 2.4.3" },
    { "VER-20", "F tries", "the PIN twice over is refused",
      "verify {pin}{pin} -> 6A80~T-1|6700; house: try -> T", NULL, "P2 3.2.1" },
    { "VER-21", "hands", "the try is on disk before the comparison",
      "needs a power cut: left to the tree's own tests", NULL, "house" },
    { "VER-22", "F pin", "errors elsewhere do not log out",
      "00EE0000 -> 6D00; try -> 9000", NULL, "P2 2.4.2" },
    { "VER-23", "F pcsc verify", "the verified state is the card's: another client sees it",
      "pin", other_client_sees_pin, "7816-4 5.4" },
    { "VER-24", "F gpin", "the global PIN opens what the discovery object says", NULL, NULL, "P1 3.3.2" },
    { "VER-25", "F blocked changes write", "logging out of a blocked PIN is no error",
      "logout; try -> 6983~63C0", NULL, "P2 3.2.1" },
    { "VER-26", "hands", "no card is made with more than ten tries",
      "is about making cards, not about commands: left to the tree's own tests", NULL, "P1 5.1" },
    { "VER-27", "F", "what can be verified is what the discovery object names", NULL, ver_27, "P2 3.2.1" },
    { "VER-28", "F verify", "a VERIFY in two parts is one command",
      NULL, ver_28, "P2 3" },
    { .id = NULL },
};

const struct row rows_crd[] = {
    { "CRD-01", "F tries changes write", "the new PIN works and the old one does not",
      "change {pin} {newpin} -> 9000; verify {newpin} -> 9000; verify {pin} -> T-1;"
      "change {newpin} {pin} -> 9000",
      NULL, "P2 3.2.2" },
    { "CRD-02", "F tries changes write", "a change brings the tries back",
      "bad; change {pin} {newpin} -> 9000; logout; try -> T; change {newpin} {pin} -> 9000",
      NULL, "P2 3.2.2" },
    { "CRD-03", "F verify changes write", "a change verifies",
      "change {pin} {newpin} -> 9000; try -> 9000; change {newpin} {pin} -> 9000", NULL, "P2 3.2.2" },
    { "CRD-04", "F tries changes write", "a wrong old PIN costs a try and changes nothing",
      "change {bad} {newpin} -> T-1; try -> T-1; pin", NULL, "P2 3.2.2" },
    { "CRD-05", "F pin tries changes write", "a wrong old PIN ends the verified state",
      "change {bad} {newpin} -> T-1; try -> T-1", NULL, "P2 3.2.2" },
    { "CRD-06", "F verify changes write", "a new PIN of five digits is refused and nothing changes",
      "change {pin} 3132333435FFFFFF -> 6A80; try -> T; pin", NULL, "P2 3.2.2" },
    { "CRD-07", "F verify changes write", "letters are no PIN; a YubiKey takes them",
      "piv: change {pin} 616263646566FFFF -> 6A80, pin;"
      "yk: change {pin} 616263646566FFFF -> 9000, change 616263646566FFFF {pin} -> 9000",
      NULL, "P2 2.4.3, YK" },
    { "CRD-08", "F verify changes write", "eight FF are no PIN",
      "change {pin} {FF*8} -> 6A80; try -> T; pin", NULL,
      "P2 2.4.3" },
    { "CRD-09", "F tries changes write", "with a wrong old PIN the form of the new one does not matter",
      "change {bad} 3132333435FFFFFF -> T-1~6A80", NULL, "P2 3.2.2" },
    { "CRD-10", "F tries changes write", "wrong old PINs block the PIN",
      "check drain T 00240080[{bad}{newpin}]; verify {pin} -> 6983", NULL, "P2 3.2.2" },
    { "CRD-11", "F blocked changes write", "a blocked PIN cannot be changed",
      "change {pin} {newpin} -> 6983", NULL,
      "P2 3.2.2" },
    { "CRD-12", "F puk newpuk changes write", "the PUK can be changed, and the new one unblocks",
      "changepuk {puk} {newpuk} -> 9000; unblock {newpuk} {pin} -> 9000;"
      "changepuk {newpuk} {puk} -> 9000", NULL,
      "P2 3.2.2" },
    { "CRD-13", "F puk newpuk changes write", "a wrong old PUK costs a try of the PUK alone",
      "changepuk {badpuk} {newpuk} -> U-1; try -> T", NULL, "P2 3.2.2" },
    { "CRD-14", "F puk newpuk verify pukgone last write saves:5FC102,5FC107",
      "wrong old PUKs block the PUK and not the PIN",
      "check drain U 00240081[{badpuk}{newpuk}]; changepuk {puk} {newpuk} -> 6983;"
      "unblock {puk} {pin} -> 6983; pin",
      NULL, "P2 3.2.2" },
    { "CRD-15", "F verify changes write nogpin", "other references cannot be changed",
      "each 00 9A 9B FF: 002400{.}[{pin}{newpin}] -> 6A88", NULL, "P2 3.2.2" },
    { "CRD-16", "F verify changes write", "P1 is 00",
      "each 01 FF: 0024{.}80[{pin}{newpin}] -> 6A86~err", NULL, "P2 3.2.2" },
    { "CRD-17", "F verify changes write", "data are sixteen bytes; others cost no try",
      "00240080 -> 6A80~err; 0024008000 -> 6A80~err; 00240080[{pin}] -> 6A80~err; x := left 15 {pin}{newpin};"
      "00240080[{x}] -> 6A80~err; 00240080[{pin}{newpin}FF] -> 6A80~err;"
      "00240080[{pin}{newpin}{pin}{newpin}] -> 6A80~err;"
      "try -> T", NULL, "P2 3.2.2" },
    { "CRD-18", "F verify changes write", "the new PIN may be the old one",
      "change {pin} {pin} -> 9000; pin", NULL,
      "house" },
    { "CRD-19", "hands", "after a change and a restart every key works",
      "needs a restart of pcscd: left to the tree's own tests", NULL, "house" },
    { "CRD-20", "hands", "a change that is cut off leaves the old PIN or the new one",
      "needs a power cut: left to the tree's own tests", NULL, "house" },
    { .id = NULL },
};

const struct row rows_unb[] = {
    { "UNB-01", "F blocked puk changes write", "the PUK unblocks and gives a new PIN",
      "unblock {puk} {newpin} -> 9000; try -> T; verify {newpin} -> 9000", NULL, "P2 3.2.3" },
    { "UNB-02", "F pin puk changes write", "unblocking does not end the verified state",
      "unblock {puk} {newpin} -> 9000; try -> 9000", NULL, "P2 3.2.3" },
    { "UNB-03", "F puk changes write", "unblocking does not verify",
      "unblock {puk} {newpin} -> 9000; try -> T", NULL,
      "P2 3.2.3" },
    { "UNB-04", "F pin puk changes write", "a wrong PUK costs a try of the PUK and ends the verified state",
      "unblock {badpuk} {newpin} -> U-1; try -> T; pin", NULL, "P2 3.2.3" },
    { "UNB-05", "F puk verify pukgone last write saves:5FC102,5FC107", "wrong PUKs block the PUK",
      "check drain U 002C0080[{badpuk}{newpin}]; unblock {puk} {newpin} -> 6983; pin", NULL, "P2 3.2.3" },
    { "UNB-06", "F tries pukblocked pukgone last write saves:5FC102,5FC107",
      "the right PUK does not help a blocked one",
      "bad; unblock {puk} {newpin} -> 6983; try -> T-1", NULL, "P2 3.2.3" },
    { "UNB-07", "F puk verify changes write", "a new PIN of five digits is refused and costs no try of either",
      "unblock {puk} 3132333435FFFFFF -> 6A80; unblock {badpuk} {newpin} -> U-1; pin", NULL, "P2 3.2.3" },
    { "UNB-08", "F puk changes write", "a wrong PUK counts whatever the new PIN looks like",
      "unblock {badpuk} {FF*8} -> U-1~6A80", NULL, "P2 3.2.3, YK" },
    { "UNB-09", "F puk changes write", "only the PIN can be unblocked",
      "each 81 00 9B: 002C00{.}[{puk}{newpin}] -> 6A88, try -> T; unblock {badpuk} {newpin} -> U-1",
      NULL, "P2 3.2.3" },
    { "UNB-10", "F puk changes write", "P1 is 00",
      "each 01 02 03: 002C{.}80[{puk}{newpin}] -> 6A86~err", NULL, "P2 3.2.3" },
    { "UNB-11", "F puk changes write", "data are sixteen bytes; others cost no try",
      "002C0080 -> 6A80~err; 002C008000 -> 6A80~err; 002C0080[{puk}] -> 6A80~err; x := left 15 {puk}{newpin};"
      "002C0080[{x}] -> 6A80~err; 002C0080[{puk}{newpin}FF] -> 6A80~err; try -> T;"
      "unblock {badpuk} {newpin} -> U-1", NULL,
      "P2 3.2.3" },
    { "UNB-12", "F puk changes write", "the right PUK brings its own tries back",
      "unblock {badpuk} {newpin} -> U-1; unblock {puk} {pin} -> 9000; unblock {badpuk} {newpin} -> U-1", NULL,
      "P2 3.2.3, house" },
    { "UNB-13", "P 9A:07 9C:11 9D:11 9E:11 blocked puk changes write", "the keys survive a PIN that was lost",
      "unblock {puk} {newpin} -> 9000; h := pkcs1 256 {aid}; verify {newpin} -> 9000;"
      "sign 9A 07 {h} -> 7C(82(?256=s)) 9000+; check rsa 9A {h} {s}; d := sha256 {aid};"
      "each 9C 9D 9E: verify {newpin} -> 9000, sign {.} 11 {d} -> 7C* 9000", NULL, "house" },
    { "UNB-14", "hands", "unblocking that is cut off leaves the old PIN or the new one",
      "needs a power cut: left to the tree's own tests", NULL, "house" },
    { .id = NULL },
};
