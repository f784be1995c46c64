/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_sign.c — rows of group 8: GENERAL AUTHENTICATE with the asymmetric keys. */
#include "tools/conform_judge.h"

/* Key agreement with a fresh host key: the card's secret is the one that the library computes.
 * tries: host keys to go through until a secret begins with 00; 1 = any secret will do. */
static bool agreement(struct judge *j, uint8_t ref, uint8_t alg, unsigned tries)
{
    struct slot *slot = slot_of(j, ref);
    uint8_t point[133], secret[66];
    struct out p = out_of(point, sizeof point), s = out_of(secret, sizeof secret);
    bool good = slot != NULL && slot->pub != NULL;

    for (unsigned i = 0; good && i < tries; i++) {
        EVP_PKEY *own = curve_key(slot->pub);
        out_cut(&p, 0);
        out_cut(&s, 0);
        good = own != NULL && point_of(own, &p) && agree(own, slot->pub, &s);
        EVP_PKEY_free(own);
        if (s.n > 0 && s.p[0] == 0x00)
            break;
    }
    if (!good || (tries > 1 && s.p[0] != 0x00))
        return fail(j, "the host could not agree with the certificate's key");
    return var_set(j, "point", out_in(&p)) && var_set(j, "secret", out_in(&s)) &&
           playf(j, "ecdh %02X %02X {point} -> 7C(82({secret})) 9000+", ref, alg);
}

static bool gas_18(struct judge *j)
{
    for (int i = 0; i < 8; i++)
        if (!agreement(j, 0x9D, ALG_P256, 1))
            return false;
    return true;
}

static bool gas_19(struct judge *j)
{
    return agreement(j, 0x9D, ALG_P256, 20000);
}

static bool gas_30(struct judge *j)
{
    unsigned n = j->terms.full ? 10000 : 200;

    for (unsigned i = 0; i < n; i++)
        if (!play(j, "x := random 32; h := pkcs1 256 {x}; sign 9A 07 {h} -> 7C(82(?256=s)) 9000+;"
                     "check rsa 9A {h} {s}"))
            return false;
    return true;
}

/* Half of a signature, another client's reading, the other half. */
static bool gas_35(struct judge *j)
{
    return play(j, "t := bytes 7C(82()81({5A*32})); a := left 20 {t}; b := skip 20 {t}; 1087119C[{a}] -> 9000") &&
           other_client_reads(j) && play(j, "0087119C[{b}]00 -> err");
}

/* x of P-256 beyond the prime: p itself stands for 0, whose y is the root of b. */
#define POINT_X_TOO_LARGE                                                                                            \
    "04FFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF"                                             \
    "66485C780E2F83D72433BD5D84A06BB6541C2AF31DAE871728BF856A174F93F4"

const struct row rows_gas[] = {
    { "GAS-01", "P pin 9A:07", "RSA signs a padded block, and the certificate verifies it",
      "h := pkcs1 256 {aid}; sign 9A 07 {h} -> 7C(82(?256=s)) 9000+; check rsa 9A {h} {s}",
      NULL, "P2 3.2.4" },
    { "GAS-02", "P 9A:07", "9A wants the PIN",
      "h := pkcs1 256 {aid}; sign 9A 07 {h} -> 6982", NULL, "P1 5.1" },
    { "GAS-03", "P pin 9A:07", "for 9A one PIN lasts",
      "h := pkcs1 256 {aid}; repeat 10: sign 9A 07 {h} -> 7C* 9000+", NULL, "P1 5.1" },
    { "GAS-04", "P pin 9C:11", "for 9C every signature wants its own PIN",
      "d := sha256 {aid}; sign 9C 11 {d} -> 7C* 9000 =a; s := at 7C/82 {a}; check ec 9C {d} {s};"
      "sign 9C 11 {d} -> 6982", NULL, "P1 5.1" },
    { "GAS-05", "P pin 9A:07 9C:11", "the fresh PIN is spent by any private key",
      "h := pkcs1 256 {aid}; d := sha256 {aid}; sign 9A 07 {h} -> 7C* 9000+; sign 9C 11 {d} -> 6982",
      NULL, "P1 5.1" },
    { "GAS-06", "P pin 9C:11", "a command between PIN and signature ends freshness and not the verified state",
      "d := sha256 {aid}; get 5FC10A -> * 9000+; sign 9C 11 {d} -> 6982; try -> 9000", NULL, "P1 5.1" },
    { "GAS-07", "P pin 9C:11", "a signature that fails spends the fresh PIN too",
      "d := sha256 {aid}; 0087119C[7D()]00 -> 6A80; sign 9C 11 {d} -> 6982", NULL, "house" },
    { "GAS-08", "P pin 9A:07 9C:11", "9C's rule does not log out",
      "h := pkcs1 256 {aid}; d := sha256 {aid}; sign 9C 11 {d} -> 7C* 9000; try -> 9000;"
      "sign 9A 07 {h} -> 7C* 9000+",
      NULL, "YK" },
    { "GAS-09", "P 9E:11", "9E signs without a PIN",
      "d := sha256 {aid}; sign 9E 11 {d} -> 7C* 9000 =a; s := at 7C/82 {a}; check ec 9E {d} {s}",
      NULL, "P1 5.1" },
    { "GAS-10", "P pin 9C:11", "ECDSA answers in the shortest DER there is",
      "repeat 32: d := random 32, pin, sign 9C 11 {d} -> 7C* 9000 =a, s := at 7C/82 {a},"
      " check ec 9C {d} {s}", NULL,
      "78 4" },
    { "GAS-11", "P pin 9D:11", "a short digest is a number, of a long one the left counts, an empty one is refused",
      "d := random 20; sign 9D 11 {d} -> 7C* 9000 =a; s := at 7C/82 {a}; check ec 9D {d} {s};"
      "sign 9D 11 _ -> 6A80;"
      "d := random 33; l := left 32 {d}; sign 9D 11 {d} -> 7C* 9000 =a; s := at 7C/82 {a};"
      "check ec 9D {l} {s};"
      "d := random 64; l := left 32 {d}; sign 9D 11 {d} -> 7C* 9000 =a; s := at 7C/82 {a};"
      "check ec 9D {l} {s}", NULL,
      "house" },
    { "GAS-12", "P pin 95:14", "P-384 signs 48 bytes",
      "d := random 48; sign 95 14 {d} -> 7C* 9000+ =a; s := at 7C/82 {a}; check ec 95 {d} {s}",
      NULL, "78 4" },
    { "GAS-13", "P pin 9A:07", "a block that is not below the modulus is refused",
      "sign 9A 07 {FF*256} -> 6A80", NULL,
      "house" },
    { "GAS-14", "P pin 9A:07", "a block of another length than the modulus is refused",
      "sign 9A 07 {00*255} -> 6A80; sign 9A 07 {00*257} -> 6A80; sign 9A 07 _ -> 6A80", NULL, "P2 3.2.4" },
    { "GAS-15", "P pin 9A:07", "PSS is the host's business: the card does not look into the block",
      "d := sha256 {aid}; h := pss 256 {d}; sign 9A 07 {h} -> 7C(82(?256=s)) 9000+;"
      "check pss 9A {d} {s}", NULL,
      "78 4" },
    { "GAS-16", "P pin 82:07", "decryption brings back the whole padded block",
      "m := random 32; x := rsa 82 {m}; sign 82 07 {x} -> 7C(82(0002?221_00{m})) 9000+;"
      "x := oaep 82 {m}; sign 82 07 {x} -> 7C(82(?256=s)) 9000+; check rsa 82 {x} {s}", NULL, "P2 3.2.4" },
    { "GAS-17", "P 82:07 9D:11", "decryption wants the PIN, and so does key agreement",
      "m := random 32; x := rsa 82 {m}; sign 82 07 {x} -> 6982; p := point 9D; ecdh 9D 11 {p} -> 6982;"
      "sign 9D 11 {m} -> 6982", NULL, "P1 5.1" },
    { "GAS-18", "P pin 9D:11", "key agreement gives the x coordinate that a library computes",
      NULL, gas_18, "P2 A" },
    { "GAS-19", "P pin 9D:11", "a shared secret keeps its leading zeros", NULL, gas_19, "78 4" },
    { "GAS-20", "P pin 9D:11", "points that are not on the curve are refused",
      "p := point 9D; x := flip {p}; ecdh 9D 11 {x} -> 6A80; ecdh 9D 11 04{FF*64} -> 6A80;"
      "ecdh 9D 11 04{00*64} -> 6A80;"
      "ecdh 9D 11 00 -> 6A80; ecdh 9D 11 " POINT_X_TOO_LARGE " -> 6A80", NULL, "78, SP 800-56A 5.6.2.3" },
    { "GAS-21", "P pin 9D:11", "points in another form are refused",
      "p := point 9D; x := left 33 {p}; x := skip 1 {x}; ecdh 9D 11 02{x} -> 6A80; ecdh 9D 11 03{x} -> 6A80;"
      "x := skip 1 {p}; ecdh 9D 11 {x} -> 6A80; ecdh 9D 11 {p}00 -> 6A80", NULL, "P2 3.2.4" },
    { "GAS-22", "P pin 9A:07 9D:11", "an RSA key agrees on nothing; 9D may sign",
      "p := point 9D; ecdh 9A 07 {p} -> 6A80|6A86; d := sha256 {aid}; sign 9D 11 {d} -> 7C* 9000 =a;"
      "s := at 7C/82 {a}; check ec 9D {d} {s}", NULL, "P2 3.2.4" },
    { "GAS-23", "P pin 9A:07 9D:11 95:14", "an algorithm that is not the key's is refused",
      "piv: sign 95 11 {00*32} -> 6A86~err, sign 9D 07 {00*32} -> 6A86~err, sign 9A 14 {00*48} -> 6A86~err;"
      "yk: sign 95 11 {00*32} -> 6A80, sign 9D 07 {00*32} -> 6A80, sign 9A 14 {00*48} -> 6A80;"
      "try -> 9000", NULL,
      "P2 3.2.4" },
    { "GAS-24", "F empty constant verify", "a key reference without a key is refused",
      "piv: each 07 11 14: 0087{.}{empty}[7C(82()81({00*32}))]00 -> 6A86~err;"
      "yk: each 07 11 14: 0087{.}{empty}[7C(82()81({00*32}))]00 -> 6A80|6A86|6A88", NULL, "P2 3.2.4" },
    { "GAS-25", "F pin", "numbers that are no key are refused",
      "piv: each 00 7F 81 96 99 A0 FF: 008711{.}[7C(82()81({00*32}))]00 -> 6A86~err;"
      "yk: each 00 7F 81 96 99 A0 FF: 008711{.}[7C(82()81({00*32}))]00 -> 6A80", NULL, "P2 3.2.4" },
    { "GAS-26", "P pin 9D:11", "ill-formed templates are wrong data",
      "0087119D[7D()]00 -> 6A80; 0087119D -> 6A80; 0087119D[7C()]00 -> 6A80;"
      "0087119D[7C8105_82008101]00 -> 6A80;"
      "0087119D[7C(82()8120AABB)]00 -> 6A80; 0087119D[7C80_82008101AA]00 -> 6A80", NULL, "P2 3.2.4" },
    { "GAS-27", "P pin 9D:11", "tags may stand in either order, once each",
      "d := sha256 {aid}; 0087119D[7C(81({d})82())]00 -> 7C* 9000; 0087119D[7C(81({d}))]00 -> 6A80;"
      "0087119D[7C(82()81({d})82())]00 -> 6A80; 0087119D[7C(82()81({d})81({d}))]00 -> 6A80",
      NULL, "P2 3.2.4" },
    { "GAS-28", "P pin 9A:07", "one extended command, two parts, or a hundred: the same signature",
      "h := pkcs1 256 {aid}; chain 0087079A[7C(82()81({h}))]00 -> 7C(82(?256)) 9000+ =a;"
      "ext: 0087079A[7C(82()81({h}))]0000 -> {a} 9000; chain2 0087079A[7C(82()81({h}))]00 -> {a} 9000+;"
      "chain1 0087079A[7C(82()81({h}))]00 -> {a} 9000+", NULL, "7816-4 5.3.3" },
    { "GAS-29", "P pin 9A:07", "a result in pieces is the same result",
      "h := pkcs1 256 {aid}; sign 9A 07 {h} -> 7C(82(?256)) 9000+ =a;"
      "chain 0087079A[7C(82()81({h}))]00 -> ?256=x 6108; 00C0000008 -> ?8=s 9000;"
      "check equal {a} {x}{s}", NULL,
      "P2 3.2.4" },
    { "GAS-30", "P pin 9A:07", "every signature verifies (200; --full: 10,000)", NULL, gas_30, "house" },
    { "GAS-31", "hands", "a card that was taken out and put back signs nothing before the PIN",
      "needs the card taken out and put back: left to the tree's own tests", NULL, "house" },
    { "GAS-32", "hands", "a fault inside RSA never comes out as a signature",
      "needs a hook that makes the fault: left to the tree's own tests", NULL, "house" },
    { "GAS-33", "P pin 9C:11 9E:11", "key agreement is for 9D and the retired keys; a YubiKey lets every key agree",
      "p := point 9D; piv: each 9E 9C: pin, ecdh {.} 11 {p} -> 6A80;"
      "yk: each 9E 9C: pin, ecdh {.} 11 {p} -> 7C* 9000",
      NULL, "P2 3.2.4, YK" },
    { "GAS-34", "P 9A:07", "the access rule is looked at before the data",
      "0087079A[7D()]00 -> 6982", NULL, "house" },
    { "GAS-35", "P pin 9C:11", "another client's command ends a half-sent chain",
      NULL, gas_35, "7816-4 5.3.3" },
    { "GAS-36", "P pin 9C:11", "an interrupted chain has no effect and spends no PIN",
      "t := bytes 7C(82()81({5A*32})); a := left 20 {t}; d := sha256 {aid}; 1087119C[{a}] -> 9000; pin;"
      "sign 9C 11 {d} -> 7C* 9000 =a; s := at 7C/82 {a}; check ec 9C {d} {s}", NULL, "P2 3.2.4" },
    { .id = NULL },
};
