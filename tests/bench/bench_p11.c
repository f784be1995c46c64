/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_p11.c — keys through PKCS#11, on every module in turn: `bench_p11 DIVISOR SIDE=MODULE…`
 *
 * A key is found by what it can do, over all tokens whose PIN is 123456; so one program serves a card with numbered
 * slots and a token with labels.  Built without p11-kit's header it says so and exits 77. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/alternate.h"

#if defined(__has_include)
#if __has_include(<p11-kit-1/p11-kit/pkcs11.h>)
#define HAVE_PKCS11 1
#endif
#endif

#ifdef HAVE_PKCS11
#include <p11-kit-1/p11-kit/pkcs11.h>

#include <openssl/ec.h>
#include <openssl/evp.h>

enum what { SIGN, DECRYPT, DERIVE };

static const struct row {
    const char *name;
    enum what what;
    CK_KEY_TYPE type;
    size_t size;           /* of the modulus or the curve's numbers, bytes */
    size_t n, blocks;
} rows[] = {
    { "p11-sign-rsa2048", SIGN, CKK_RSA, 256, 8, 20 },      { "p11-sign-rsa3072", SIGN, CKK_RSA, 384, 4, 10 },
    { "p11-sign-rsa4096", SIGN, CKK_RSA, 512, 2, 10 },      { "p11-sign-p256", SIGN, CKK_EC, 32, 20, 20 },
    { "p11-sign-p384", SIGN, CKK_EC, 48, 6, 10 },           { "p11-ecdh-p256", DERIVE, CKK_EC, 32, 8, 20 },
    { "p11-decrypt-rsa2048", DECRYPT, CKK_RSA, 256, 8, 20 },
};

enum { ROWS = sizeof rows / sizeof *rows, TOKENS = 16 };
static const double row_seconds = 5;

static CK_FUNCTION_LIST *p11;
static CK_SESSION_HANDLE sessions[TOKENS];
static size_t n_sessions;

static bool open_module(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CK_RV (*list)(CK_FUNCTION_LIST **) = NULL;
    CK_SLOT_ID slots[TOKENS];
    CK_ULONG n = TOKENS;
    CK_UTF8CHAR pin[] = "123456";

    if (library != NULL)
        *(void **)&list = dlsym(library, "C_GetFunctionList");
    if (list == NULL || list(&p11) != CKR_OK || p11->C_Initialize(NULL) != CKR_OK ||
        p11->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
        return false;
    for (CK_ULONG i = 0; i < n; i++) {
        CK_SESSION_HANDLE session;
        if (p11->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) == CKR_OK &&
            p11->C_Login(session, CKU_USER, pin, sizeof pin - 1) == CKR_OK)
            sessions[n_sessions++] = session;
    }
    return n_sessions > 0;
}

/* --- finding a key ---------------------------------------------------------------------------------------------- */

/* The length of the modulus; of the numbers on the curve that the DER of its name tells: …07 P-256, …22 P-384. */
static size_t size_of(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_KEY_TYPE type)
{
    CK_BYTE value[1024] = { 0 };
    CK_ATTRIBUTE a = { type == CKK_RSA ? CKA_MODULUS : CKA_EC_PARAMS, value, sizeof value };

    if (p11->C_GetAttributeValue(session, key, &a, 1) != CKR_OK || a.ulValueLen == 0 || a.ulValueLen > sizeof value)
        return 0;
    if (type == CKK_RSA)
        return a.ulValueLen;
    return value[a.ulValueLen - 1] == 0x07 ? 32 : value[a.ulValueLen - 1] == 0x22 ? 48 : 0;
}

/* A key that wants its PIN each time (9C) is another measurement. */
static bool wants_pin(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_BBOOL always = CK_FALSE;
    CK_ATTRIBUTE a = { CKA_ALWAYS_AUTHENTICATE, &always, sizeof always };

    return p11->C_GetAttributeValue(session, key, &a, 1) == CKR_OK && always;
}

static bool find_in(CK_SESSION_HANDLE session, const struct row *row, CK_OBJECT_HANDLE *key)
{
    static const CK_ATTRIBUTE_TYPE uses[] = { [SIGN] = CKA_SIGN, [DECRYPT] = CKA_DECRYPT, [DERIVE] = CKA_DERIVE };
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = row->type;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE wanted[] = { { CKA_CLASS, &class, sizeof class }, { CKA_KEY_TYPE, &type, sizeof type },
                              { uses[row->what], &yes, sizeof yes } };
    CK_OBJECT_HANDLE found[32];
    CK_ULONG n = 0;
    bool ok = false;

    if (p11->C_FindObjectsInit(session, wanted, 3) != CKR_OK)
        return false;
    p11->C_FindObjects(session, found, 32, &n);
    p11->C_FindObjectsFinal(session);
    for (CK_ULONG i = 0; i < n && !ok; i++) {
        ok = size_of(session, found[i], type) == row->size && !wants_pin(session, found[i]);
        *key = found[i];
    }
    return ok;
}

/* --- one operation ---------------------------------------------------------------------------------------------- */

struct use {
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    CK_BYTE data[512];
    CK_ULONG n;
};

/* Sign: PKCS#1 of 32 bytes, or a hash.  Decrypt: a block that is a number below the modulus.  Derive: a point. */
static void make_data(const struct row *row, struct use *use)
{
    size_t n = sizeof use->data;
    EVP_PKEY *pair = row->what == DERIVE ? EVP_EC_gen("P-256") : NULL;

    memset(use->data, 0x42, sizeof use->data);
    use->n = row->what == DECRYPT ? row->size : row->type == CKK_RSA ? 32 : row->size;
    if (pair != NULL && EVP_PKEY_get_octet_string_param(pair, "pub", use->data, n, &n) == 1)
        use->n = n;
    EVP_PKEY_free(pair);
}

static CK_RV sign(const struct row *row, struct use *use)
{
    CK_MECHANISM mechanism = { row->type == CKK_RSA ? CKM_RSA_PKCS : CKM_ECDSA, NULL, 0 };
    CK_BYTE result[512];
    CK_ULONG n = sizeof result;
    CK_RV rv = p11->C_SignInit(use->session, &mechanism, use->key);

    return rv != CKR_OK ? rv : p11->C_Sign(use->session, use->data, use->n, result, &n);
}

static CK_RV decrypt(struct use *use)
{
    CK_MECHANISM mechanism = { CKM_RSA_X_509, NULL, 0 };
    CK_BYTE result[512];
    CK_ULONG n = sizeof result;
    CK_RV rv = p11->C_DecryptInit(use->session, &mechanism, use->key);

    return rv != CKR_OK ? rv : p11->C_Decrypt(use->session, use->data, use->n, result, &n);
}

static CK_RV derive(struct use *use)
{
    CK_ECDH1_DERIVE_PARAMS about = { CKD_NULL, 0, NULL, use->n, use->data };
    CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &about, sizeof about };
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL no = CK_FALSE, yes = CK_TRUE;
    CK_ULONG n = 32;
    CK_ATTRIBUTE wanted[] = { { CKA_CLASS, &class, sizeof class }, { CKA_KEY_TYPE, &type, sizeof type },
                              { CKA_TOKEN, &no, sizeof no },       { CKA_SENSITIVE, &no, sizeof no },
                              { CKA_EXTRACTABLE, &yes, sizeof yes }, { CKA_VALUE_LEN, &n, sizeof n } };
    CK_OBJECT_HANDLE secret;
    CK_RV rv = p11->C_DeriveKey(use->session, &mechanism, use->key, wanted, 6, &secret);

    return rv != CKR_OK ? rv : p11->C_DestroyObject(use->session, secret);
}

static bool run(size_t number, size_t n, double *us)
{
    static struct use uses[ROWS];
    struct use *use = &uses[number];
    const struct row *row = &rows[number];

    for (size_t i = 0; i < n_sessions && use->session == 0; i++)
        if (find_in(sessions[i], row, &use->key))
            use->session = sessions[i];
    if (use->session == 0)
        return false;
    if (use->n == 0)
        make_data(row, use);
    for (size_t i = 0; i < n; i++) {
        double before = now_us();
        CK_RV rv = row->what == SIGN ? sign(row, use) : row->what == DECRYPT ? decrypt(use) : derive(use);
        us[i] = now_us() - before;
        if (rv != CKR_OK) {
            fprintf(stderr, "%s: the module refuses it (CK_RV 0x%lX)\n", row->name, rv);
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct side sides[4];
    size_t n = 0, divisor = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;

    if (divisor == 0)
        return 2;
    for (int i = 2; i < argc && n < 4; i++, n++) {
        char *module = strchr(argv[i], '=');
        if (module == NULL)
            return 2;
        *module = '\0';
        sides[n] = (struct side){ argv[i], module + 1, open_module, run, 0, -1 };
        if (!side_start(&sides[n]))
            return 1;
    }
    for (size_t i = 0; i < ROWS; i++)
        alternate(sides, n, i, rows[i].name, rows[i].n, 1 + (rows[i].blocks - 1) / divisor, row_seconds);
    for (size_t i = 0; i < n; i++)
        side_stop(&sides[i]);
    return 0;
}
#else
int main(void)
{
    fputs("bench_p11: built without p11-kit's pkcs11.h\n", stderr);
    return 77;
}
#endif
