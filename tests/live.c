/* SPDX-License-Identifier: BSD-2-Clause */
/* live.c — a live card for tests. */
#include "tests/live.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/crypto.h>

enum { MAX_DATA = 65535 };

struct in hex(const char *text, struct out *room)
{
    for (const char *s = text; *s != '\0'; s++) {
        int high, low;

        if (*s == ' ')
            continue;
        high = OPENSSL_hexchar2int((unsigned char)s[0]);
        low = OPENSSL_hexchar2int((unsigned char)s[1]);
        ck_assert_msg(high >= 0 && low >= 0, "not hexadecimal: %s", text);
        out_u8(room, (uint8_t)(high << 4 | low));
        s++;
    }
    ck_assert(!room->bad);
    return out_in(room);
}

void live_init(struct live *l, const char *persona, uint8_t management, unsigned options)
{
    struct card_plan plan = { .persona = persona_by_name(persona), .serial = 12345678, .log_n = SEAL_LOG_N_TEST,
                              .test = true, .management_alg = management };
    struct secret *pin = NULL, *puk = NULL, *global = NULL, *key = NULL;
    struct card *card;

    memset(l, 0, sizeof *l);
    fake_init(&l->fake, 1);
    ck_assert_int_eq(factory_pin(&pin), ERR_NONE);
    ck_assert_int_eq(factory_puk(&puk), ERR_NONE);
    ck_assert_int_eq(factory_management(management, &key), ERR_NONE);
    if (options & LIVE_GLOBAL) {
        ck_assert_int_eq(pin_from_text(in_of("654321", 6), &global), ERR_NONE);
        l->fake.tries.left[PIN_GLOBAL] = l->fake.tries.allowed[PIN_GLOBAL] = 3;
    }
    plan.allow_rsa1024 = (options & LIVE_RSA1024) != 0;
    plan.empty = (options & LIVE_EMPTY) != 0;
    plan.pin = pin;
    plan.puk = puk;
    plan.global = global;
    plan.management = key;
    ck_assert_int_eq(card_new(&l->fake.env, &plan, &card), ERR_NONE);
    secret_free(key);
    secret_free(global);
    secret_free(puk);
    secret_free(pin);
    l->piv = piv_new(&l->fake.env, card);
    ck_assert_ptr_nonnull(l->piv);
    ck_assert_ptr_nonnull(piv_power(l->piv));
    l->fake.steps = 0;
}

void live_clear(struct live *l)
{
    piv_free(l->piv);
    fake_clear(&l->fake);
}

void live_reset(struct live *l)
{
    piv_unpower(l->piv);
    ck_assert_ptr_nonnull(piv_power(l->piv));
}

sw_t live_send(struct live *l, struct in command)
{
    struct out rsp = out_of(l->room, sizeof l->room);
    uint8_t *exact = malloc(command.n > 0 ? command.n : 1);
    struct in sw;
    uint16_t word;

    ck_assert_ptr_nonnull(exact);
    if (command.n > 0)
        memcpy(exact, command.p, command.n);
    piv_exchange(l->piv, in_of(exact, command.n), &rsp);
    free(exact);
    ck_assert(!rsp.bad && !l->fake.inside);
    sw = out_in(&rsp);
    ck_assert(sw.n >= 2 && in_take(&sw, sw.n - 2, &l->data) && in_u16(&sw, &word));
    l->sw = word;
    ck_assert_msg(l->data.n == 0 || word == SW_SUCCESS || (word & 0xFF00) == SW_MORE, "data with %04X", word);
    return word;
}

sw_t live_hex(struct live *l, const char *text)
{
    size_t n = strlen(text);
    uint8_t *bytes = malloc(n + 1);
    struct out room = out_of(bytes, n + 1);
    sw_t sw;

    ck_assert_ptr_nonnull(bytes);
    sw = live_send(l, hex(text, &room));
    free(bytes);
    return sw;
}

static void put_header(struct out *out, uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2)
{
    const uint8_t header[] = { cla, ins, p1, p2 };

    out_put(out, in_of(header, sizeof header));
}

sw_t live_call(struct live *l, uint8_t ins, uint8_t p1, uint8_t p2, struct in data)
{
    uint8_t *bytes = malloc(PIV_COMMAND_MAX);
    struct out out = out_of(bytes, PIV_COMMAND_MAX);
    sw_t sw;

    ck_assert_ptr_nonnull(bytes);
    put_header(&out, 0x00, ins, p1, p2);
    out_u8(&out, 0x00);
    if (data.n > 0)
        out_u16(&out, (uint16_t)data.n);
    out_put(&out, data);
    out_u16(&out, 0x0000);
    ck_assert(!out.bad && data.n <= MAX_DATA);
    sw = live_send(l, out_in(&out));
    free(bytes);
    return sw;
}

sw_t live_chain(struct live *l, uint8_t ins, uint8_t p1, uint8_t p2, struct in data, size_t block)
{
    uint8_t bytes[4 + 1 + 255 + 1];
    struct in part;

    for (;;) {
        size_t n = data.n < block ? data.n : block;
        bool last = n == data.n;
        struct out out = out_of(bytes, sizeof bytes);

        ck_assert(in_take(&data, n, &part));
        put_header(&out, last ? 0x00 : 0x10, ins, p1, p2);
        out_u8(&out, (uint8_t)n);
        out_put(&out, part);
        if (last)
            out_u8(&out, 0x00);
        ck_assert(!out.bad);
        if (live_send(l, out_in(&out)) != SW_SUCCESS || last)
            return l->sw;
        ck_assert_uint_eq(l->data.n, 0);
    }
}

sw_t live_rest(struct live *l, uint8_t le)
{
    uint8_t *all = malloc(PIV_RESPONSE_MAX);
    struct out whole = out_of(all, PIV_RESPONSE_MAX), again = out_of(l->room, sizeof l->room);

    ck_assert_ptr_nonnull(all);
    out_put(&whole, l->data);
    while ((l->sw & 0xFF00) == SW_MORE) {
        const uint8_t get_response[] = { 0x00, 0xC0, 0x00, 0x00, le };

        live_send(l, in_of(get_response, sizeof get_response));
        out_put(&whole, l->data);
    }
    out_put(&again, out_in(&whole));
    ck_assert(!whole.bad && !again.bad);
    l->data = out_in(&again);
    free(all);
    return l->sw;
}

struct in live_template(struct out *room, uint8_t tag, struct in value)
{
    size_t mark = tlv_begin(room, 0x7C);

    tlv_put(room, 0x82, in_of(NULL, 0));
    tlv_put(room, tag, value);
    tlv_end(room, mark);
    ck_assert(!room->bad);
    return out_in(room);
}

sw_t live_compute(struct live *l, uint8_t alg, uint8_t ref, uint8_t tag, struct in data, struct in *result)
{
    uint8_t *bytes = malloc(MAX_DATA);
    struct out room = out_of(bytes, MAX_DATA);
    struct in body;
    sw_t sw;

    ck_assert_ptr_nonnull(bytes);
    sw = live_call(l, 0x87, alg, ref, live_template(&room, tag, data));
    free(bytes);
    if (sw != SW_SUCCESS)
        return sw;
    ck_assert(tlv_get(&l->data, 0x7C, &body) && in_end(&l->data));
    ck_assert(tlv_get(&body, 0x82, result) && in_end(&body));
    return sw;
}

static void put_tag_list(struct out *out, uint32_t tag)
{
    size_t mark = tlv_begin(out, 0x5C);

    if (tag > 0xFFFF)
        out_u8(out, (uint8_t)(tag >> 16));
    if (tag > 0xFF)
        out_u8(out, (uint8_t)(tag >> 8));
    out_u8(out, (uint8_t)tag);
    tlv_end(out, mark);
}

sw_t live_get(struct live *l, uint32_t tag, struct in *value)
{
    uint8_t bytes[8];
    struct out list = out_of(bytes, sizeof bytes);
    bool own = tag == OBJECT_DISCOVERY || tag == OBJECT_BIT_GROUP;
    struct in answer;

    put_tag_list(&list, tag);
    if (live_call(l, 0xCB, 0x3F, 0xFF, out_in(&list)) != SW_SUCCESS)
        return l->sw;
    answer = l->data;
    ck_assert(tlv_get(&answer, own ? tag : 0x53, value) && in_end(&answer));
    return l->sw;
}

sw_t live_put(struct live *l, uint32_t tag, struct in value)
{
    uint8_t *bytes = malloc(MAX_DATA);
    struct out out = out_of(bytes, MAX_DATA);
    sw_t sw;

    ck_assert_ptr_nonnull(bytes);
    put_tag_list(&out, tag);
    tlv_put(&out, 0x53, value);
    ck_assert(!out.bad);
    sw = live_call(l, 0xDB, 0x3F, 0xFF, out_in(&out));
    free(bytes);
    return sw;
}

void live_verify(struct live *l)
{
    answers(live_hex(l, LIVE_PIN_OK), SW_SUCCESS);
}

void live_admin(struct live *l)
{
    struct secret *key = NULL;

    ck_assert_int_eq(factory_management(piv_card(l->piv)->management.alg, &key), ERR_NONE);
    ck_assert_int_eq(piv_authenticate_management(l->piv, secret_in(key)), ERR_NONE);
    secret_free(key);
}

sw_t live_tries(struct live *l)
{
    return live_hex(l, "00200080");
}

void live_put_key(struct live *l, uint8_t ref, const EVP_PKEY *key, enum pin_policy pin, enum touch_policy touch)
{
    struct card *next;

    ck_assert_int_eq(card_copy(piv_card(l->piv), &next), ERR_NONE);
    ck_assert_int_eq(card_put_key(&l->fake.env, next, keyref_by_ref(ref), key, pin, touch, ORIGIN_IMPORTED, NULL),
                     ERR_NONE);
    ck_assert_int_eq(piv_commit(l->piv, next), ERR_NONE);
}
