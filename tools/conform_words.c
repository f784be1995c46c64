/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_words.c — TABLES of what a script can compute ("x := WORD …") and test ("check WORD …"). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "tools/conform_judge.h"

/* struct args — the words behind, each read as it is needed. */
struct args {
    struct judge *judge;
    const struct words *words;
    uint8_t *space;      /* of COMMAND_MAX for every argument that is bytes */
    size_t used;
};

struct function {
    const char *name;
    unsigned words;      /* behind the name */
    bool (*run)(struct args *a, struct out *out);
};

struct test {
    const char *name;
    unsigned words;
    bool (*run)(struct args *a);
};

static const char *text_arg(const struct args *a, unsigned i)
{
    return a->words->word[1 + i];
}

static size_t number_arg(const struct args *a, unsigned i)
{
    const char *text = text_arg(a, i);

    return strcmp(text, "b") == 0 ? management_block(a->judge) : strtoul(text, NULL, 10);
}

static uint32_t hex_arg(const struct args *a, unsigned i)
{
    return (uint32_t)strtoul(text_arg(a, i), NULL, 16);
}

static bool bytes_arg(struct args *a, unsigned i, struct in *in)
{
    struct out out = out_of(a->space + a->used, COMMAND_MAX - a->used);

    if (!bytes_build(a->judge, text_arg(a, i), &out))
        return false;
    a->used += out.n;
    *in = out_in(&out);
    return true;
}

bool tlv_at(struct in data, const char *path, struct in *value)
{
    *value = data;
    while (path != NULL && *path != '\0') {
        uint32_t want = (uint32_t)strtoul(path, NULL, 16), tag;
        struct in level = *value;
        bool found = false;
        while (!found && tlv_next(&level, &tag, value))
            found = tag == want;
        if (!found)
            return false;
        path = strchr(path, '/');
        path = path == NULL ? NULL : path + 1;
    }
    return true;
}

static bool run_bytes(struct args *a, struct out *out)
{
    struct in in;

    if (!bytes_arg(a, 0, &in))
        return false;
    out_put(out, in);
    return true;
}

static bool run_random(struct args *a, struct out *out)
{
    return random_bytes(out, number_arg(a, 0));
}

/* Bytes that are the same every time and differ from their neighbours: a lost or doubled one shows. */
static bool run_pattern(struct args *a, struct out *out)
{
    for (size_t i = 0; i < number_arg(a, 0); i++)
        out_u8(out, (uint8_t)(0x5A + 167 * i + 13 * (i >> 8)));
    return true;
}

static bool crypt_arg(struct args *a, bool encrypt, struct out *out)
{
    struct in in;

    return bytes_arg(a, 0, &in) && management_crypt(a->judge, encrypt, in, out);
}

static bool run_encrypt(struct args *a, struct out *out)
{
    return crypt_arg(a, true, out);
}

static bool run_decrypt(struct args *a, struct out *out)
{
    return crypt_arg(a, false, out);
}

static bool run_at(struct args *a, struct out *out)
{
    struct in in, value;

    if (!bytes_arg(a, 1, &in))
        return false;
    if (!tlv_at(in, text_arg(a, 0), &value))
        return fail(a->judge, "there is no %s in what the card sent", text_arg(a, 0));
    out_put(out, value);
    return true;
}

static bool run_left(struct args *a, struct out *out)
{
    struct in in, part;

    if (!bytes_arg(a, 1, &in) || !in_take(&in, number_arg(a, 0), &part))
        return false;
    out_put(out, part);
    return true;
}

static bool run_skip(struct args *a, struct out *out)
{
    struct in in, part;

    if (!bytes_arg(a, 1, &in) || !in_take(&in, number_arg(a, 0), &part))
        return false;
    out_put(out, in);
    return true;
}

static bool run_flip(struct args *a, struct out *out)
{
    struct in in;

    if (!bytes_arg(a, 0, &in) || in.n == 0)
        return false;
    out_put(out, in);
    if (!out->bad)
        out->p[out->n - 1] ^= 0x01;
    return true;
}

/* GET DATA with all its pieces; nothing where the card says 6A82. */
static bool run_object(struct args *a, struct out *out)
{
    struct judge *j = a->judge;
    struct in data;
    uint32_t tag;

    if (!playf(j, "get %s -> * 9000|6A82+", text_arg(a, 0)))
        return false;
    j->result->came[0] = '\0';
    out_put(out, j->data);
    if (j->sw != 0x9000)
        return j->data.n == 0;
    return (tlv_next(&(struct in){ j->data.p, j->data.n }, &tag, &data) &&
            (tag == 0x53 || tag == 0x7E || tag == 0x7F61)) ||
           fail(j, "object %s is not one template", text_arg(a, 0));
}

static bool run_sha256(struct args *a, struct out *out)
{
    struct in in;
    uint8_t *room = out_room(out, SHA256_DIGEST_LENGTH);

    return room != NULL && bytes_arg(a, 0, &in) && SHA256(in.p, in.n, room) != NULL;
}

static bool run_pkcs1(struct args *a, struct out *out)
{
    struct in in;

    return bytes_arg(a, 1, &in) && pkcs1_block(number_arg(a, 0), in, out);
}

static bool run_pss(struct args *a, struct out *out)
{
    struct in in;

    return bytes_arg(a, 1, &in) && pss_block(number_arg(a, 0), in, out);
}

static bool run_hostkey(struct args *a, struct out *out)
{
    if (!host_key(a->judge, (uint8_t)hex_arg(a, 0)))
        return false;
    out_put(out, var(a->judge, "public"));
    return true;
}

static EVP_PKEY *pub_arg(struct args *a, unsigned i)
{
    struct slot *slot = slot_of(a->judge, (uint8_t)hex_arg(a, i));

    if (slot == NULL || slot->pub == NULL)
        fail(a->judge, "no certificate tells the public key of %s", text_arg(a, i));
    return slot == NULL ? NULL : slot->pub;
}

static bool run_cryptogram(struct args *a, bool oaep, struct out *out)
{
    struct in in;
    EVP_PKEY *pub = pub_arg(a, 0);

    return pub != NULL && bytes_arg(a, 1, &in) && rsa_encrypt(pub, oaep, in, out);
}

static bool run_rsa(struct args *a, struct out *out)
{
    return run_cryptogram(a, false, out);
}

static bool run_oaep(struct args *a, struct out *out)
{
    return run_cryptogram(a, true, out);
}

static bool run_point(struct args *a, struct out *out)
{
    EVP_PKEY *pub = pub_arg(a, 0);

    return pub != NULL && point_of(pub, out);
}

static const struct function functions[] = {
/*    name       words  function */
    { "bytes",      1,  run_bytes },
    { "random",     1,  run_random },      /* N, or b */
    { "pattern",    1,  run_pattern },     /* N */
    { "encrypt",    1,  run_encrypt },     /* with the management key */
    { "decrypt",    1,  run_decrypt },
    { "at",         2,  run_at },          /* 7C/82 BYTES: the value there */
    { "left",       2,  run_left },        /* N BYTES: the first N */
    { "skip",       2,  run_skip },        /* N BYTES: all but the first N */
    { "flip",       1,  run_flip },        /* the last bit */
    { "object",     1,  run_object },      /* TAG: as GET DATA shows it; empty where there is none */
    { "sha256",     1,  run_sha256 },
    { "pkcs1",      2,  run_pkcs1 },       /* SIZE MESSAGE: block type 01 of the SHA-256 digest */
    { "pss",        2,  run_pss },         /* SIZE DIGEST */
    { "hostkey",    1,  run_hostkey },     /* ALG: {parts} and {public}; the value is the public key too */
    { "rsa",        2,  run_rsa },         /* KEY MESSAGE: PKCS #1 v1.5 cryptogram */
    { "oaep",       2,  run_oaep },        /* KEY MESSAGE */
    { "point",      1,  run_point },       /* KEY: its public point */
};

static bool test_equal(struct args *a)
{
    struct in x, y;

    if (!bytes_arg(a, 0, &x) || !bytes_arg(a, 1, &y))
        return false;
    return in_equal(x, y) || fail(a->judge, "%s (%zu bytes) and %s (%zu bytes) differ", text_arg(a, 0), x.n,
                                  text_arg(a, 1), y.n);
}

static bool test_differ(struct args *a)
{
    struct in x, y;

    if (!bytes_arg(a, 0, &x) || !bytes_arg(a, 1, &y))
        return false;
    return !in_equal(x, y) || fail(a->judge, "%s and %s are the same", text_arg(a, 0), text_arg(a, 1));
}

static bool test_signature(struct args *a, bool (*verify)(EVP_PKEY *, struct in, struct in))
{
    struct in signed_data, signature;
    EVP_PKEY *pub = pub_arg(a, 0);

    if (pub == NULL || !bytes_arg(a, 1, &signed_data) || !bytes_arg(a, 2, &signature))
        return false;
    return verify(pub, signed_data, signature) || fail(a->judge, "the signature of %s does not verify", text_arg(a, 0));
}

static bool test_rsa(struct args *a)
{
    return test_signature(a, verify_rsa);
}

static bool test_pss(struct args *a)
{
    return test_signature(a, verify_pss);
}

static bool test_ec(struct args *a)
{
    return test_signature(a, verify_ec);
}

/* Where no certificate tells the public key: the inside of 7F49 does. */
static bool test_signs(struct args *a)
{
    struct in public, data, signature;

    return bytes_arg(a, 1, &public) && bytes_arg(a, 2, &data) && bytes_arg(a, 3, &signature) &&
           signs(a->judge, (uint8_t)hex_arg(a, 0), public, data, signature);
}

/* Send until the counter is empty; every answer must say one less than the one before. */
static bool test_drain(struct args *a)
{
    struct judge *j = a->judge;
    int left = text_arg(a, 0)[0] == 'U' ? j->puk_limit : j->pin_limit;
    const char *command = text_arg(a, 1);

    while (left-- > 0) {
        char script[600];
        int n = snprintf(script, sizeof script, "%s -> 63C%X", command, left > 15 ? 15 : (unsigned)left);
        if (n < 0 || (size_t)n >= sizeof script || !play(j, script))
            return false;
    }
    return true;
}

/* Mutual authentication, SP 800-73-5 Part 2, appendix A. */
static bool test_management(struct args *a)
{
    return play(a->judge, "0087{alg}9B[7C(80())]00 -> 7C(80(?b=w)) 9000; d := decrypt {w}; c := random b;"
                          "e := encrypt {c}; 0087{alg}9B[7C(80({d})81({c}))]00 -> 7C(82({e})) 9000");
}

/* The discovery object's two bytes of PIN usage, SP 800-73-5 Part 1, table 18: the second is 10 or 20 with a global
 * PIN, and 00 without. */
static bool test_usage(struct args *a)
{
    struct in p;

    if (!bytes_arg(a, 0, &p) || p.n != 2)
        return false;
    bool global = (p.p[0] & 0x20) != 0, lone = (p.p[0] & 0x0C) == 0x04; /* no pairing code, and no interface for it */
    return ((p.p[0] & 0xC3) == 0x40 && !lone && (global ? p.p[1] == 0x10 || p.p[1] == 0x20 : p.p[1] == 0x00)) ||
           fail(a->judge, "PIN usage %02X %02X is not possible", p.p[0], p.p[1]);
}

/* VERIFY 00 is known exactly where the discovery object names the global PIN. */
static bool test_global(struct args *a)
{
    return play(a->judge, (a->judge->usage & 0x20) != 0 ? "00200000 -> 63Cx|6983|9000" : "00200000 -> 6A88");
}

static const struct test tests[] = {
/*    name         words  test */
    { "equal",        2,  test_equal },
    { "differ",       2,  test_differ },
    { "rsa",          3,  test_rsa },      /* KEY BLOCK SIGNATURE: the block comes back under the public key */
    { "pss",          3,  test_pss },      /* KEY DIGEST SIGNATURE */
    { "ec",           3,  test_ec },       /* KEY DIGEST SIGNATURE */
    { "signs",        4,  test_signs },    /* ALG PUBLIC DATA SIGNATURE */
    { "drain",        2,  test_drain },    /* T|U COMMAND: wrong values until no try is left */
    { "management",   0,  test_management },
    { "usage",        1,  test_usage },
    { "global",       0,  test_global },
};

bool word_compute(struct judge *j, const struct words *w, struct out *out)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        const struct function *f = &functions[i];
        if (w->n == 0 || strcmp(f->name, w->word[0]) != 0)
            continue;
        struct args a = { j, w, malloc(COMMAND_MAX), 0 };
        bool good = a.space != NULL && w->n == 1 + f->words && f->run(&a, out);
        OPENSSL_clear_free(a.space, COMMAND_MAX);
        return good;
    }
    return fail(j, "the row computes with an unknown word: %s", w->n > 0 ? w->word[0] : "");
}

bool word_check(struct judge *j, const struct words *w)
{
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        const struct test *t = &tests[i];
        if (w->n == 0 || strcmp(t->name, w->word[0]) != 0)
            continue;
        struct args a = { j, w, malloc(COMMAND_MAX), 0 };
        bool good = a.space != NULL && w->n == 1 + t->words && t->run(&a);
        OPENSSL_clear_free(a.space, COMMAND_MAX);
        return good || fail(j, "the test %s failed", t->name);
    }
    return fail(j, "the row makes an unknown test: %s", w->n > 0 ? w->word[0] : "");
}
