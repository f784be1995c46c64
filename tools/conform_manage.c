/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_manage.c — rows of group 7: GENERAL AUTHENTICATE with the card management key. */
#include <stdlib.h>
#include <string.h>

#include "tools/conform_judge.h"

/* First steps of the two schemes, and answers that refuse without saying more than they must. */
#define WITNESS "0087{alg}9B[7C(80())]00 -> 7C(80(?b=w)) 9000; d := decrypt {w}; c := random b; e := encrypt {c};"
#define CHALLENGE "0087{alg}9B[7C(81())]00 -> 7C(81(?b=r)) 9000; e := encrypt {r};"
#define NOT_RIGHT "6982~err|63xx;"
#define REFUSED "6985|6982|6A80~err;"

/* The key's own algorithm works, the others are refused. */
static bool gam_05(struct judge *j)
{
    static const uint8_t ciphers[] = { ALG_3DES, ALG_AES128, ALG_AES192, ALG_AES256 };
    const char *refused = j->terms.yubikey ? "6A80" : "6A86~err";

    for (size_t i = 0; i < sizeof ciphers; i++) {
        bool own = ciphers[i] == j->terms.management_alg;
        if (!playf(j, "0087%02X9B[7C(80())]00 -> %s", ciphers[i], own ? "7C(80(?b)) 9000" : refused))
            return false;
    }
    return true;
}

/* A response that is as long as `n`, and one that claims more than the template holds. */
static bool gam_15(struct judge *j)
{
    static const unsigned sizes[] = { 0, 1, 7, 15, 17, 32 };

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (!playf(j, CHALLENGE "0087{alg}9B[7C(82({00*%u}))] -> 6A80|6700|6982~err; stranger", sizes[i]))
            return false;
    return play(j, CHALLENGE "0087{alg}9B[7C(8240{00*8})] -> 6A80|6700|6982~err; stranger");
}

static bool gam_16(struct judge *j)
{
    static const unsigned sizes[] = { 0, 7, 17 };

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (!playf(j, WITNESS "0087{alg}9B[7C(80({d})81({00*%u}))]00 -> 6A80|6700~err; stranger", sizes[i]))
            return false;
    return true;
}

enum { BYTE_VALUES = 256 };

/* Chi-square against a flat histogram; 330.5 is where 255 degrees of freedom have p = 0.001. */
static bool flat(const unsigned *count, unsigned long total)
{
    double expected = (double)total / BYTE_VALUES, sum = 0;

    for (unsigned i = 0; i < BYTE_VALUES; i++)
        sum += ((double)count[i] - expected) * ((double)count[i] - expected) / expected;
    return sum < 330.5;
}

static int compare16(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

/* Draw n challenges (or witnesses) of `step`; all must differ, and *even says that their bytes are spread evenly. */
static bool draw(struct judge *j, const char *step, unsigned n, bool *even)
{
    unsigned count[BYTE_VALUES] = { 0 };
    uint8_t (*all)[16] = calloc(n, sizeof *all);
    bool good = all != NULL;
    size_t block = management_block(j);

    for (unsigned i = 0; good && i < n; i++) {
        good = play(j, step);
        struct in r = var(j, "r");
        for (size_t k = 0; good && k < r.n && k < block; k++) {
            all[i][k] = r.p[k];
            count[r.p[k]]++;
        }
    }
    if (good) {
        qsort(all, n, sizeof *all, compare16);
        for (unsigned i = 1; i < n; i++)
            if (memcmp(all[i - 1], all[i], sizeof *all) == 0)
                good = fail(j, "the same challenge came twice");
    }
    *even = flat(count, (unsigned long)n * block);
    free(all);
    return good;
}

static bool gam_17(struct judge *j)
{
    static const char *const steps[] = { "0087{alg}9B[7C(81())]00 -> 7C(81(?b=r)) 9000",
                                         "0087{alg}9B[7C(80())]00 -> 7C(80(?b=r)) 9000" };
    unsigned n = j->terms.full ? 10000 : 1000;
    bool even;

    for (size_t i = 0; i < 2; i++) {
        if (!draw(j, steps[i], n, &even))
            return false;
        /* A good generator fails one time in a thousand: twice in a row it does not. */
        if (!even && (!draw(j, steps[i], n, &even) || !even))
            return fail(j, "the bytes of %u challenges are not spread evenly", n);
    }
    return true;
}

/* The time of a refusal must not tell how many leading bytes were right: none, four, all but the last bit. */
static bool gam_23(struct judge *j)
{
    static const struct timing_kind wrong[] = {
        { CHALLENGE "x := skip 4 {e}; x := bytes {00*4}{x}", "0087{alg}9B[7C(82({x}))] -> 6982~err|63xx", NULL },
        { CHALLENGE "x := left 4 {e}; y := skip 8 {e};"
      "x := bytes {x}{00*4}{y}", "0087{alg}9B[7C(82({x}))] -> 6982~err|63xx",
          NULL },
        { CHALLENGE "x := flip {e}", "0087{alg}9B[7C(82({x}))] -> 6982~err|63xx", NULL },
    };

    return timing_alike(j, wrong, 3, j->terms.full ? 33333 : 150) && play(j, "stranger; adm; admin");
}

/* The standard lets the key authenticate the card to the host ("INTERNAL AUTHENTICATE"), and so encrypt what the host
 * likes.  This project's card does not. */
static bool gam_21(struct judge *j)
{
    if (!play(j, "x := random b; e := encrypt {x}; 0087{alg}9B[7C(82()81({x}))]00 -> * 6A80~err|9000+"))
        return false;
    if (j->sw != 0x9000)
        return play(j, "0087{alg}9B[7C(81({x})82())]00 -> 6A80~err");
    return play(j, "0087{alg}9B[7C(82()81({x}))]00 -> 7C(82({e})) 9000+") &&
           does_not_apply(j, "the card authenticates itself with the management key, which is an option");
}

const struct row rows_gam[] = {
    { "GAM-01", "F key", "a witness is one block of the key's algorithm, with Le and without",
      "0087{alg}9B[7C(80())]00 -> 7C(80(?b)) 9000; 0087{alg}9B[7C(80())] -> 7C(80(?b)) 9000",
      NULL, "P2 3.2.4, A" },
    { "GAM-02", "F key", "mutual authentication, in either order of tags, with a last 82 00 and without",
      WITNESS "0087{alg}9B[7C(80({d})81({c}))]00 -> 7C(82({e})) 9000;"
      WITNESS "0087{alg}9B[7C(81({c})80({d}))]00 -> 7C(82({e})) 9000;"
      WITNESS "0087{alg}9B[7C(80({d})81({c})82())]00 -> 7C(82({e})) 9000;"
      WITNESS "0087{alg}9B[7C(81({c})80({d})82())]00 -> 7C(82({e})) 9000; admin", NULL, "P2 A" },
    { "GAM-03", "F adm write saves:5FC102", "after it objects can be written",
      "o := object 5FC102; v := at 53 {o}; put 5FC102 {v} -> 9000; get 5FC102 -> {o} 9000+",
      NULL, "P2 3.3.1" },
    { "GAM-04", "F key", "single authentication: the host answers the card's challenge",
      CHALLENGE "0087{alg}9B[7C(82({e}))] -> 9000; admin", NULL, "P2 3.2.4" },
    { "GAM-05", "F key", "only the key's own algorithm works", NULL, gam_05, "78 5" },
    { "GAM-06", "F key 3des", "3DES is also called 00",
      "0087009B[7C(80())]00 -> 7C(80(?8=w)) 9000; d := decrypt {w}; c := random b; e := encrypt {c};"
      "0087009B[7C(80({d})81({c}))]00 -> 7C(82({e})) 9000; admin", NULL, "78 5" },
    { "GAM-07", "F key", "a wrong witness is refused, and the right one after it too",
      WITNESS "x := flip {d}; 0087{alg}9B[7C(80({x})81({c}))]00 -> " NOT_RIGHT "stranger;"
      WITNESS "x := flip {d}; 0087{alg}9B[7C(80({x})81({c}))]00 -> " NOT_RIGHT
      "0087{alg}9B[7C(80({d})81({c}))]00 -> " REFUSED "stranger", NULL, "P2 3.2.4" },
    { "GAM-08", "F key", "a wrong response is refused",
      CHALLENGE "x := flip {e}; 0087{alg}9B[7C(82({x}))] -> " NOT_RIGHT "stranger", NULL, "P2 3.2.4" },
    { "GAM-09", "F key", "a response that nobody asked for is refused",
      "x := random b; 0087{alg}9B[7C(82({x}))] -> " REFUSED "stranger", NULL, "P2 3.2.4" },
    { "GAM-10", "F key", "a challenge serves once",
      CHALLENGE "0087{alg}9B[7C(82({e}))] -> 9000; 0087{alg}9B[7C(82({e}))] -> " REFUSED
      "reset; select; 0087{alg}9B[7C(82({e}))] -> " REFUSED "stranger", NULL, "P2 3.2.4" },
    { "GAM-11", "F key", "after a wrong response the right one comes too late",
      CHALLENGE "x := flip {e}; 0087{alg}9B[7C(82({x}))] -> " NOT_RIGHT
      "0087{alg}9B[7C(82({e}))] -> " REFUSED "stranger",
      NULL, "P2 3.2.4" },
    { "GAM-12", "F key", "another command in between ends the handshake",
      CHALLENGE "get {any} -> * 9000+; 0087{alg}9B[7C(82({e}))] -> " REFUSED "stranger;"
      WITNESS "get {any} -> * 9000+; 0087{alg}9B[7C(80({d})81({c}))]00 -> " REFUSED "stranger", NULL, "house" },
    { "GAM-13", "F key", "a witness is no challenge",
      WITNESS "0087{alg}9B[7C(82({w}))] -> " REFUSED "stranger;"
      WITNESS "0087{alg}9B[7C(82({d}))] -> " REFUSED "stranger", NULL, "house" },
    { "GAM-14", "F key", "a challenge is no witness",
      CHALLENGE "c := random b; 0087{alg}9B[7C(80({r})81({c}))]00 -> " REFUSED "stranger;"
      CHALLENGE "c := random b; 0087{alg}9B[7C(80({e})81({c}))]00 -> " REFUSED "stranger", NULL, "house" },
    { "GAM-15", "F key", "a response of another length is refused", NULL, gam_15, "house" },
    { "GAM-16", "F key", "a host challenge of another length is refused", NULL, gam_16, "P2 A" },
    { "GAM-17", "F key", "challenges never repeat, and their bytes are spread evenly (1,000; --full: 10,000)",
      NULL, gam_17, "78 6" },
    { "GAM-18", "F adm", "a new handshake ends the old state at its first step",
      WITNESS "x := flip {d}; 0087{alg}9B[7C(80({x})81({c}))]00 -> " NOT_RIGHT "stranger; adm;"
      "" CHALLENGE "stranger", NULL,
      "P2 2.4.2" },
    { "GAM-19", "F key", "asymmetric keys give no witness",
      "each 9A 9E: 0087{alg}{.}[7C(80())]00 -> 6A80|6A86|6982~err, 008711{.}[7C(80())]00 -> 6A80|6A86|6982~err", NULL,
      "P2 3.2.4" },
    { "GAM-20", "F adm", "logging out of the PIN leaves the administrator",
      "logout; admin", NULL, "P2 2.4.2" },
    { "GAM-21", "F key", "the management key encrypts nothing for the host alone",
      NULL, gam_21, "house" },
    { "GAM-22", "F key", "two challenges in a row differ, also asked under the number 00",
      "0087009B[7C(81())]00 -> 7C(81(?b=a)) 9000; 0087009B[7C(81())]00 -> 7C(81(?b=x)) 9000;"
      "check differ {a} {x}",
      NULL, "OpenSC" },
    { "GAM-23", "F key", "the time of a refusal tells nothing; there is no counter (450; --full: 100,000)",
      NULL, gam_23, "house" },
    { "GAM-24", "F adm", "an answer that nobody asked for ends what an earlier handshake has brought",
      "admin; x := random b; 0087{alg}9B[7C(82({x}))] -> " REFUSED "stranger; adm; admin; c := random b;"
      "0087{alg}9B[7C(80({x})81({c})82())]00 -> " REFUSED "stranger", NULL, "P2 2.4.2" },
    { .id = NULL },
};
