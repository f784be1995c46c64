/* SPDX-License-Identifier: BSD-2-Clause */
/* card_uses.c — a PC/SC client: reads the certificates of slots, and has each key do what its certificate can check.
 *
 * card_uses PIN SLOT:ALGORITHM… (hex) — prints "SLOT serial-number" for each that works; exit 1 at the first that
 * does not.  It shares with the card nothing but the byte cursors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winscard.h>
#include <zlib.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "applet/tlv.h"

enum { ANSWER_MAX = 65536 + 2, DATA_MAX = 512 };

static SCARDHANDLE card;

static bool fail(const char *what)
{
    fprintf(stderr, "card_uses: %s\n", what);
    return false;
}

static bool connect_card(SCARDCONTEXT *context)
{
    char readers[4096];
    DWORD n = sizeof readers, protocol;

    return SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, context) == SCARD_S_SUCCESS &&
           SCardListReaders(*context, NULL, readers, &n) == SCARD_S_SUCCESS &&
           SCardConnect(*context, readers, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T1, &card, &protocol) ==
               SCARD_S_SUCCESS;
}

/* One extended APDU; the answer's data without 9000. */
static bool send(uint8_t ins, uint8_t p1, uint8_t p2, struct in data, struct out *answer)
{
    uint8_t room[DATA_MAX + 64], rsp[ANSWER_MAX];
    struct out cmd = out_of(room, sizeof room);
    DWORD n = sizeof rsp;

    out_put(&cmd, in_of((const uint8_t[]){ 0x00, ins, p1, p2 }, 4));
    out_u8(&cmd, 0);
    out_u16(&cmd, (uint16_t)data.n);
    out_put(&cmd, data);
    out_u16(&cmd, 0);
    if (cmd.bad || SCardTransmit(card, SCARD_PCI_T1, cmd.p, cmd.n, NULL, rsp, &n) != SCARD_S_SUCCESS || n < 2 ||
        rsp[n - 2] != 0x90 || rsp[n - 1] != 0x00)
        return false;
    *answer = (struct out){ answer->p, 0, answer->cap, false };
    out_put(answer, in_of(rsp, n - 2));
    return !answer->bad;
}

static bool select_piv(void)
{
    static const uint8_t aid[] = { 0xA0, 0x00, 0x00, 0x03, 0x08 };
    uint8_t room[512];
    struct out answer = out_of(room, sizeof room);

    return send(0xA4, 0x04, 0x00, in_of(aid, sizeof aid), &answer);
}

static bool verify(const char *pin)
{
    uint8_t padded[8], room[8];
    struct out p = out_of(padded, sizeof padded), answer = out_of(room, sizeof room);

    out_put(&p, in_of(pin, strlen(pin)));
    while (p.n < sizeof padded && !p.bad)
        out_u8(&p, 0xFF);
    return send(0x20, 0x00, 0x80, in_of(padded, sizeof padded), &answer);
}

/* SP 800-73-5 Part 1, table 3. */
static uint32_t certificate_tag(unsigned slot)
{
    switch (slot) {
    case 0x9A:
        return 0x5FC105;
    case 0x9C:
        return 0x5FC10A;
    case 0x9D:
        return 0x5FC10B;
    case 0x9E:
        return 0x5FC101;
    default:
        return 0x5FC10D + slot - 0x82;
    }
}

static X509 *inflated(struct in packed)
{
    static uint8_t plain[65536];
    z_stream z = { .next_in = (Bytef *)packed.p, .avail_in = (uInt)packed.n, .next_out = plain,
                   .avail_out = sizeof plain };
    const uint8_t *at = plain;
    int done;

    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return NULL;
    done = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return done == Z_STREAM_END ? d2i_X509(NULL, &at, (long)z.total_out) : NULL;
}

static X509 *read_certificate(unsigned slot)
{
    static uint8_t room[ANSWER_MAX];
    struct out answer = out_of(room, sizeof room), name = out_of((uint8_t[8]){ 0 }, 8);
    uint32_t tag = certificate_tag(slot);
    struct in at, object, cert, info;
    uint8_t how = 0;
    const uint8_t *der;

    tlv_put(&name, 0x5C, in_of((const uint8_t[]){ (uint8_t)(tag >> 16), (uint8_t)(tag >> 8), (uint8_t)tag }, 3));
    if (!send(0xCB, 0x3F, 0xFF, out_in(&name), &answer))
        return NULL;
    at = out_in(&answer);
    if (!tlv_get(&at, 0x53, &object) || !tlv_get(&object, 0x70, &cert) || !tlv_get(&object, 0x71, &info) ||
        !in_u8(&info, &how))
        return NULL;
    der = cert.p;
    return how & 1 ? inflated(cert) : d2i_X509(NULL, &der, (long)cert.n);
}

/* The certificate's key; one for OAEP alone is an RSA key as ever. */
static EVP_PKEY *public_of(X509 *cert)
{
    EVP_PKEY *key = X509_get_pubkey(cert), *plain = NULL;
    EVP_PKEY_CTX *ctx;
    OSSL_PARAM *params = NULL;
    const uint8_t *bits;
    int n;

    if (key == NULL && X509_PUBKEY_get0_param(NULL, &bits, &n, NULL, X509_get_X509_PUBKEY(cert)) == 1)
        return d2i_PublicKey(EVP_PKEY_RSA, NULL, &bits, n);
    if (key == NULL || !EVP_PKEY_is_a(key, "RSA-PSS"))
        return key;
    ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &params) != 1 || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &plain, EVP_PKEY_PUBLIC_KEY, params) != 1)
        plain = NULL;
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return plain;
}

static bool general_authenticate(unsigned slot, unsigned alg, uint8_t tag, struct in data, struct out *result)
{
    uint8_t room[DATA_MAX + 32], rsp[ANSWER_MAX];
    struct out body = out_of(room, sizeof room), answer = out_of(rsp, sizeof rsp);
    struct in at, inner, value;
    size_t mark = tlv_begin(&body, 0x7C);

    tlv_put(&body, 0x82, in_of(NULL, 0));
    tlv_put(&body, tag, data);
    tlv_end(&body, mark);
    if (body.bad || !send(0x87, (uint8_t)alg, (uint8_t)slot, out_in(&body), &answer))
        return false;
    at = out_in(&answer);
    if (!tlv_get(&at, 0x7C, &inner) || !tlv_get(&inner, 0x82, &value))
        return false;
    out_put(result, value);
    return !result->bad;
}

static const uint8_t message[] = "card_uses";

/* RSASSA-PKCS1-v1_5 with SHA-256: the card computes, we pad.  RFC 8017, 9.2. */
static bool check_rsa(unsigned slot, unsigned alg, EVP_PKEY *public)
{
    static const uint8_t info[] = { 0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                    0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };
    uint8_t room[DATA_MAX], sig[DATA_MAX], hash[32];
    size_t size = (size_t)EVP_PKEY_get_size(public);
    struct out block = out_of(room, sizeof room), result = out_of(sig, sizeof sig);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool right;

    EVP_Digest(message, sizeof message, hash, NULL, EVP_sha256(), NULL);
    out_u16(&block, 0x0001);
    while (!block.bad && block.n + 1 + sizeof info + sizeof hash < size)
        out_u8(&block, 0xFF);
    out_u8(&block, 0);
    out_put(&block, in_of(info, sizeof info));
    out_put(&block, in_of(hash, sizeof hash));
    right = !block.bad && general_authenticate(slot, alg, 0x81, out_in(&block), &result) &&
            EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, public) == 1 &&
            EVP_DigestVerify(ctx, result.p, result.n, message, sizeof message) == 1;
    EVP_MD_CTX_free(ctx);
    return right;
}

static bool check_signature(unsigned slot, unsigned alg, EVP_PKEY *public)
{
    bool edwards = EVP_PKEY_is_a(public, "ED25519");
    uint8_t sig[DATA_MAX], hash[32];
    struct out result = out_of(sig, sizeof sig);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool right;

    EVP_Digest(message, sizeof message, hash, NULL, EVP_sha256(), NULL);
    right = general_authenticate(slot, alg, 0x81, edwards ? in_of(message, sizeof message) : in_of(hash, sizeof hash),
                                 &result) &&
            EVP_DigestVerifyInit(ctx, NULL, edwards ? NULL : EVP_sha256(), NULL, public) == 1 &&
            EVP_DigestVerify(ctx, result.p, result.n, message, sizeof message) == 1;
    EVP_MD_CTX_free(ctx);
    return right;
}

static bool check_agreement(unsigned slot, unsigned alg, EVP_PKEY *public)
{
    EVP_PKEY_CTX *make = EVP_PKEY_CTX_new(public, NULL), *derive;
    EVP_PKEY *ours = NULL;
    uint8_t *point = NULL, room[DATA_MAX], secret[DATA_MAX];
    struct out result = out_of(room, sizeof room);
    size_t n, secret_n = sizeof secret;
    bool right;

    if (EVP_PKEY_keygen_init(make) != 1 || EVP_PKEY_keygen(make, &ours) != 1)
        return fail("no key pair to agree with");
    derive = EVP_PKEY_CTX_new(ours, NULL);
    n = EVP_PKEY_get1_encoded_public_key(ours, &point);
    right = general_authenticate(slot, alg, 0x85, in_of(point, n), &result) && EVP_PKEY_derive_init(derive) == 1 &&
            EVP_PKEY_derive_set_peer(derive, public) == 1 && EVP_PKEY_derive(derive, secret, &secret_n) == 1 &&
            in_equal(out_in(&result), in_of(secret, secret_n));
    OPENSSL_free(point);
    EVP_PKEY_CTX_free(make);
    EVP_PKEY_CTX_free(derive);
    EVP_PKEY_free(ours);
    return right;
}

static bool check_slot(const char *argument, const char *pin)
{
    char *end;
    unsigned slot = (unsigned)strtoul(argument, &end, 16), alg = *end == ':' ? (unsigned)strtoul(end + 1, NULL, 16) : 0;
    X509 *cert = read_certificate(slot);
    EVP_PKEY *public = cert == NULL ? NULL : public_of(cert);
    bool signs = slot == 0x9A || slot == 0x9C || slot == 0x9E, right;
    BIGNUM *serial;
    char *hex;

    if (public == NULL)
        return fail("no certificate there, or an unknown one");
    if (!verify(pin))
        return fail("the PIN is wrong");
    if (EVP_PKEY_is_a(public, "RSA"))
        right = check_rsa(slot, alg, public);
    else if (EVP_PKEY_is_a(public, "X25519") || (EVP_PKEY_is_a(public, "EC") && !signs))
        right = check_agreement(slot, alg, public);
    else
        right = check_signature(slot, alg, public);
    serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    hex = BN_bn2hex(serial);
    if (right)
        printf("%02x %s\n", slot, hex);
    OPENSSL_free(hex);
    BN_free(serial);
    EVP_PKEY_free(public);
    X509_free(cert);
    return right || fail("the key's answer does not fit the certificate");
}

int main(int argc, char **argv)
{
    SCARDCONTEXT context;

    if (argc < 3 || !connect_card(&context) || !select_piv())
        return fail("no card, or no PIV card"), EXIT_FAILURE;
    for (int i = 2; i < argc; i++)
        if (!check_slot(argv[i], argv[1])) {
            fprintf(stderr, "card_uses: %s failed\n", argv[i]);
            return EXIT_FAILURE;
        }
    SCardDisconnect(card, SCARD_RESET_CARD);
    SCardReleaseContext(context);
    return EXIT_SUCCESS;
}
