/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_yubikey_code.c — the rows of group 14 that need more than a script. */
#include "tools/conform_yubikey.h"

#include <string.h>
#include <strings.h>

#include "applet/keyref.h"

/* The metadata's public key is the certificate's. */
static bool metadata_of(struct judge *j, uint8_t ref, const char *head)
{
    struct slot *slot = slot_of(j, ref);
    struct in inside;

    if (slot == NULL || slot->pub == NULL || !playf(j, "00F700%02X00 -> %s* 9000+", ref, head))
        return false;
    EVP_PKEY *pub = tlv_at(j->data, "04", &inside) ? public_from_template(slot->alg, inside) : NULL;
    bool same = pub != NULL && EVP_PKEY_eq(pub, slot->pub) == 1;
    EVP_PKEY_free(pub);
    return same || fail(j, "the metadata of %02X has another public key than its certificate", ref);
}

bool yk_07(struct judge *j)
{
    return metadata_of(j, 0x9A, "01(07)02(0201)03(01)") && metadata_of(j, 0x9C, "01(11)02(0301)03(01)") &&
           metadata_of(j, 0x9E, "01(11)02(0101)03(01)");
}

/* Set a new key, try both, and go back to the old one.  The judge's own key is the new one meanwhile. */
static bool exchange_management(struct judge *j, uint8_t alg, size_t size)
{
    struct terms old = j->terms, next = old;
    struct secret *key = secret_new(size);
    struct out out = { .cap = size, .p = key == NULL ? NULL : key->p };

    if (key == NULL || !random_bytes(&out, size))
        return fail(j, "no new key could be made");
    next.management = key;
    next.management_alg = alg;
    bool good = var_set(j, "new", secret_in(key)) && var_set(j, "old", secret_in(old.management)) &&
                playf(j, "00FFFFFF[%02X9B%02X{new}] -> 9000; reset; select", alg, (unsigned)size);
    if (good) {
        /* The old key: its algorithm is refused, or its answer is. */
        good = old.management_alg != alg ? play(j, "0087{alg}9B[7C(80())]00 -> 6A80|6A86")
                                         : play(j, "0087{alg}9B[7C(80())]00 -> 7C(80(?b=w)) 9000;"
      "d := decrypt {w};"
                                                   "c := random b;"
      "0087{alg}9B[7C(80({d})81({c}))]00 -> 6982");
        j->terms = next;
        good = var_set(j, "alg", in_of(&alg, 1)) && play(j, "adm; admin") && good;
        good = playf(j, "00FFFFFF[%02X9B%02X{old}] -> 9000", old.management_alg, (unsigned)old.management->n) && good;
        j->terms = old;
        good = var_set(j, "alg", in_of(&old.management_alg, 1)) && play(j, "reset; select; adm;"
      "admin") && good;
    }
    j->result->came[0] = '\0';
    secret_free(key);
    return good;
}

bool yk_18(struct judge *j)
{
    return exchange_management(j, ALG_3DES, 24) && exchange_management(j, ALG_AES128, 16) &&
           exchange_management(j, ALG_AES192, 24) && exchange_management(j, ALG_AES256, 32);
}

/* Import a host key into 83; metadata and a signature show that it is this one. */
static bool import_and_sign(struct judge *j, uint8_t alg)
{
    const struct alg *row = alg_by_id(alg);

    if (!playf(j, "k := hostkey %02X; chain 00FE%02X83[{parts}] -> 9000;"
                  "00F7008300 -> 01(%02X)02(0201)03(02)04({public}) 9000+; pin", alg, alg, alg))
        return false;
    if (row->family == ALG_RSA)
        return playf(j, "h := pkcs1 %zu {aid}; sign 83 %02X {h} -> 7C(82(?%zu=s)) 9000+;"
      "check signs %02X {public} {h} {s}",
                     row->size, alg, row->size, alg);
    return playf(j, "d := random %zu; sign 83 %02X {d} -> 7C* 9000+ =a; s := at 7C/82 {a};"
                    "check signs %02X {public} {d} {s}", row->size, alg, alg);
}

bool yk_23(struct judge *j)
{
    return import_and_sign(j, ALG_RSA2048);
}

bool yk_24(struct judge *j)
{
    return import_and_sign(j, ALG_RSA1024) && import_and_sign(j, ALG_RSA3072) && import_and_sign(j, ALG_RSA4096);
}

bool yk_25(struct judge *j)
{
    return import_and_sign(j, ALG_P256) && import_and_sign(j, ALG_P384);
}

/* The card's X25519 secret with a host pair is the library's. */
bool yk_26(struct judge *j)
{
    uint8_t raw[32], secret[32];
    size_t n = sizeof raw;
    struct out s = out_of(secret, sizeof secret);
    EVP_PKEY *own = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    EVP_PKEY *card = NULL;
    bool good = import_and_sign(j, ALG_ED25519) && play(j, "k := hostkey E1; chain 00FEE183[{parts}] -> 9000; pin") &&
                own != NULL && EVP_PKEY_get_raw_public_key(own, raw, &n) == 1;

    if (good)
        card = public_from_template(ALG_X25519, var(j, "public"));
    good = good && card != NULL && agree(own, card, &s) && var_set(j, "point", in_of(raw, n)) &&
           var_set(j, "secret", out_in(&s)) && play(j, "ecdh 83 E1 {point} -> 7C(82({secret})) 9000");
    EVP_PKEY_free(card);
    EVP_PKEY_free(own);
    return good;
}

#define REFUSED " -> 6A80; 00F7008300 -> 6A88;"

/* Parts of two keys, an even prime, one missing, one too long; scalars of zero and of the order. */
bool yk_27(struct judge *j)
{
    return play(j, "k := hostkey 07; p := at 01 {parts}; q := at 02 {parts}; a := at 03 {parts}; b := at 04 {parts};"
                   "c := at 05 {parts}; k := hostkey 07; x := at 02 {parts}; e := flip {p};"
                   "chain 00FE0783[01({p})02({x})03({a})04({b})05({c})]" REFUSED
                   "chain 00FE0783[01({e})02({q})03({a})04({b})05({c})]" REFUSED
                   "chain 00FE0783[01({p})02({q})03({b})04({a})05({c})]" REFUSED
                   "chain 00FE0783[01({p})02({q})03({a})04({b})]" REFUSED
                   "chain 00FE0783[01(00{p})02({q})03({a})04({b})05({c})]" REFUSED
                   "00FE1183[06({00*32})]" REFUSED
                   "00FE1183[06(FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551)]" REFUSED
                   "00FE1183[06({5A*31})]" REFUSED "00FE1183[06({5A*33})]" REFUSED);
}

bool yk_34(struct judge *j)
{
    static const unsigned sizes[] = { 0, 1, 32, 1000 };

    if (!play(j, "k := hostkey E0; chain 00FEE083[{parts}] -> 9000; pin"))
        return false;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (!playf(j, "m := pattern %u; sign 83 E0 %s -> 7C(82(?64=s)) 9000;"
      "check signs E0 {public} %s {s}", sizes[i],
                   sizes[i] == 0 ? "_" : "{m}", sizes[i] == 0 ? "_" : "{m}"))
            return false;
    return true;
}

/* The attestation in {a}. */
static X509 *attestation(struct judge *j)
{
    struct in der = var(j, "a");
    const unsigned char *p = der.p;
    X509 *x = d2i_X509(NULL, &p, (long)der.n);

    if (x == NULL)
        fail(j, "the attestation is no certificate");
    return x;
}

static bool name_holds(X509_NAME *name, const char *text)
{
    char line[256];

    return X509_NAME_oneline(name, line, sizeof line) != NULL && strcasestr(line, text) != NULL;
}

bool yk_36(struct judge *j)
{
    X509 *issuer = certificate_read(j, 0x5FFF01), *x = attestation(j);
    EVP_PKEY *key = public_from_template(ALG_P256, var(j, "k"));
    bool good = x != NULL && issuer != NULL && key != NULL;

    if (!good)
        fail(j, "there is no certificate of F9, or no attestation");
    else if (!name_holds(X509_get_subject_name(x), "CN=YubiKey PIV Attestation 83"))
        good = fail(j, "the attestation's subject is another");
    else if (EVP_PKEY_eq(X509_get0_pubkey(x), key) != 1)
        good = fail(j, "the attestation's key is another");
    else if (X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(issuer)) != 0)
        good = fail(j, "the attestation's issuer is not F9's subject");
    else if (X509_verify(x, X509_get0_pubkey(issuer)) != 1)
        good = fail(j, "F9's certificate does not verify the attestation");
    EVP_PKEY_free(key);
    X509_free(issuer);
    X509_free(x);
    return good;
}

static bool extension_is(struct judge *j, X509 *x, const char *oid, struct in value)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    int at = object == NULL ? -1 : X509_get_ext_by_OBJ(x, object, -1);
    const ASN1_OCTET_STRING *octets = at < 0 ? NULL : X509_EXTENSION_get_data(X509_get_ext(x, at));
    bool same = octets != NULL &&
                in_equal(in_of(ASN1_STRING_get0_data(octets), (size_t)ASN1_STRING_length(octets)), value);

    ASN1_OBJECT_free(object);
    return same || fail(j, "extension %s is not there, or not what the card says elsewhere", oid);
}

/* An INTEGER as DER has it: no leading zeros but one before a high bit. */
static void put_integer(struct out *out, struct in number)
{
    struct in skipped;
    bool high;

    while (number.n > 1 && number.p[0] == 0x00 && in_take(&number, 1, &skipped))
        continue;
    high = (number.p[0] & 0x80) != 0;
    tlv_head(out, 0x02, number.n + high);
    if (high)
        out_u8(out, 0x00);
    out_put(out, number);
}

bool yk_38(struct judge *j)
{
    static const uint8_t policies[] = { PIN_POLICY_ONCE, TOUCH_POLICY_NEVER };
    uint8_t space[8];
    struct out serial = out_of(space, sizeof space);
    X509 *x = attestation(j);

    put_integer(&serial, var(j, "n"));
    bool good = x != NULL && extension_is(j, x, "1.3.6.1.4.1.41482.3.3", var(j, "v")) &&
                extension_is(j, x, "1.3.6.1.4.1.41482.3.7", out_in(&serial)) &&
                extension_is(j, x, "1.3.6.1.4.1.41482.3.8", in_of(policies, sizeof policies)) &&
                extension_is(j, x, "1.3.6.1.4.1.41482.3.9", in_of("\x01", 1));
    X509_free(x);
    return good;
}

bool yk_40(struct judge *j)
{
    X509 *x = certificate_read(j, 0x5FFF01);
    bool good = x != NULL && name_holds(X509_get_issuer_name(x), "virtual");

    X509_free(x);
    return good || fail(j, "there is no certificate of F9, or its issuer does not say that it is virtual");
}

bool yk_54(struct judge *j)
{
    if (!play(j, "changepuk {puk} 3132333435363780 -> 9000|6A80"))
        return false;
    return j->sw == 0x6A80 || play(j, "changepuk 3132333435363780 {puk} -> 9000");
}

bool yk_58(struct judge *j)
{
    struct in atr = j->wire->atr(j->wire->ctx);
    uint8_t ts, t0;

    if (strstr(j->wire->name, "Yubico YubiKey") == NULL)
        return fail(j, "the reader's name is %s", j->wire->name);
    if (strstr(j->wire->name, "OTP") != NULL || strstr(j->wire->name, "FIDO") != NULL)
        return fail(j, "the reader's name speaks of interfaces that are not there");
    return (in_u8(&atr, &ts) && in_u8(&atr, &t0) && t0 >> 4 == 0x0F) ||
           fail(j, "the second byte of the ATR does not begin with F");
}
