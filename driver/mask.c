/* SPDX-License-Identifier: BSD-2-Clause */
/* mask.c — TABLE of instructions by what they carry, and the hex text of an exchange. */
#include "driver/mask.h"

#include "applet/alg.h"
#include "applet/apdu.h"
#include "applet/keyref.h"
#include "applet/object.h"

enum {
    HIDDEN = 0,      /* what no row knows: a secret of some other application, maybe */
    OPEN_COMMAND = 1,
    OPEN_ANSWER = 2,
    OPEN = OPEN_COMMAND | OPEN_ANSWER,
    BY_OBJECT = 4,   /* what is not open is hidden when the object is read after the PIN alone */
    BY_KEY = 8,      /* GENERAL AUTHENTICATE */
};

/* By INS.  SP 800-73-5 Part 2; Yubico's extensions. */
static const uint8_t carries[256] = {
    [0xA4] = OPEN,        /* SELECT */
    [0xCB] = OPEN_COMMAND | BY_OBJECT, /* GET DATA */
    [0xDB] = BY_OBJECT,   /* PUT DATA */
    [0x87] = BY_KEY,      /* GENERAL AUTHENTICATE */
    [0x47] = OPEN,        /* GENERATE ASYMMETRIC KEY PAIR: the public key */
    [0xC0] = OPEN,        /* GET RESPONSE: as the answer before */
    [0x20] = OPEN_ANSWER, /* VERIFY */
    [0x24] = OPEN_ANSWER, /* CHANGE REFERENCE DATA */
    [0x2C] = OPEN_ANSWER, /* RESET RETRY COUNTER */
    [0xFE] = OPEN_ANSWER, /* IMPORT ASYMMETRIC KEY */
    [0xFF] = OPEN_ANSWER, /* SET MANAGEMENT KEY */
    [0xFD] = OPEN,        /* GET VERSION */
    [0xF8] = OPEN,        /* GET SERIAL */
    [0xF7] = OPEN,        /* GET METADATA */
    [0xFA] = OPEN,        /* SET PIN RETRIES */
    [0xFB] = OPEN,        /* RESET */
    [0xF9] = OPEN,        /* ATTEST */
    [0xF6] = OPEN,        /* MOVE KEY */
    [0x1D] = OPEN,        /* READ CONFIG */
};

enum { INS_GENERAL_AUTHENTICATE = 0x87, INS_GET_RESPONSE = 0xC0 };

/* ---- What may be seen ---- */

/* Whoever may read the object before the PIN may read it in a trace.  A first block of a chain may end anywhere behind
 * the tag; one that ends before it is hidden. */
static bool object_is_open(struct in body)
{
    struct in list;
    uint32_t tag = 0;
    uint8_t b;

    if (tlv_get(&body, 0x5C, &list) && list.n <= 3)
        while (in_u8(&list, &b))
            tag = tag << 8 | b;
    const struct object *o = object_by_tag(tag);
    return o != NULL && o->read == READ_ALWAYS;
}

static bool begins_object(struct in body)
{
    uint8_t tag;

    return in_u8(&body, &tag) && tag == 0x5C;
}

/* A block that PKCS#1 has padded for a signature: the answer is that signature, and nothing was decrypted. */
static bool is_padded_for_signature(struct in value)
{
    uint32_t head;

    return in_u32(&value, &head) && head == 0x0001FFFF;
}

/* The answer to this first or only block is a signature; where that cannot be seen it is not. */
static bool signs(const struct apdu *c)
{
    const struct alg *alg = alg_by_id(c->p1);
    struct in body = c->data, tag_and_length, inside = body, value;
    bool challenge = false, exponent = false, padded = false;
    uint32_t tag;

    if (alg == NULL || alg->family == ALG_MONTGOMERY)
        return false;
    if (alg->family == ALG_EDWARDS)
        return true;
    if (apdu_chained(c)) { /* RSA alone needs two blocks: 7C 82 LLLL 82 00 81 82 LLLL, in what order ever */
        enum { HEAD = 10 };
        return alg->family == ALG_RSA && in_take(&body, HEAD, &tag_and_length) && is_padded_for_signature(body);
    }
    if (!tlv_get(&body, 0x7C, &inside) || !in_end(&body))
        return false;
    while (tlv_next(&inside, &tag, &value)) {
        challenge |= tag == 0x81 && value.n > 0;
        exponent |= tag == 0x85;
        padded |= tag == 0x81 && is_padded_for_signature(value);
    }
    return in_end(&inside) && challenge && !exponent && (alg->family == ALG_EC || padded);
}

/* decide — for a command that is not one more block of a chain. */
static void decide(struct mask *m, const struct apdu *c)
{
    uint8_t what = carries[c->ins];

    m->values = false;
    m->hide_command = (what & OPEN_COMMAND) == 0;
    m->hide_answer = (what & OPEN_ANSWER) == 0;
    if (what & BY_OBJECT) {
        m->hide_answer = !object_is_open(c->data);
        m->hide_command = m->hide_command && m->hide_answer;
    }
    if (what == BY_KEY && c->p2 == KEYREF_MANAGEMENT) {
        /* Guesses at the key, which some programs make of the PIN, could be tried on a pair of blocks. */
        m->hide_command = m->hide_answer = m->values = true;
    } else if (what == BY_KEY) {
        m->hide_command = false;
        m->hide_answer = m->values = !signs(c);
    }
}

/* ---- Text ---- */

void mask_hex(struct in bytes, struct out *text)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t b;

    while (in_u8(&bytes, &b)) {
        out_u8(text, (uint8_t)digits[b >> 4]);
        out_u8(text, (uint8_t)digits[b & 0xF]);
    }
}

static void put_stars(size_t n, struct out *text)
{
    while (n-- > 0)
        out_put(text, in_of("**", 2));
}

/* A dynamic authentication template with its tags and lengths. */
static bool put_values(struct in data, struct out *text)
{
    struct in rest = data, inside, value, whole, head;
    size_t before = text->n;
    uint32_t tag;

    if (!tlv_get(&rest, 0x7C, &inside) || !in_end(&rest) || !in_take(&data, data.n - inside.n, &head))
        return false;
    mask_hex(head, text);
    for (whole = inside; tlv_next(&inside, &tag, &value); whole = inside) {
        size_t n = whole.n - inside.n - value.n;

        if (!in_take(&whole, n, &head))
            break;
        mask_hex(head, text);
        put_stars(value.n, text);
    }
    if (in_end(&inside))
        return true;
    out_cut(text, before);
    return false;
}

static void put_data(struct in data, bool hide, bool values, struct out *text)
{
    if (!hide)
        mask_hex(data, text);
    else if (!values || !put_values(data, text))
        put_stars(data.n, text);
}

static void put_command(const struct mask *m, struct in command, const struct apdu *c, struct out *text)
{
    struct in head, body;

    if (c == NULL) { /* no length can be trusted: only the header is known to be one */
        size_t n = command.n < 4 ? command.n : 4;

        if (in_take(&command, n, &head))
            mask_hex(head, text);
        put_stars(command.n, text);
        return;
    }
    size_t before = c->data.n > 0 ? (size_t)(c->data.p - command.p) : 4;
    if (!in_take(&command, before, &head) || !in_take(&command, c->data.n, &body))
        return;
    mask_hex(head, text);
    put_data(body, m->hide_command, m->values, text);
    /* A wrong Lc makes the end of a PIN an Le. */
    if (m->hide_command && !m->values && (c->data.n > 0 || command.n > 1))
        put_stars(command.n, text);
    else
        mask_hex(command, text);
}

static void put_answer(struct mask *m, struct in answer, bool hide, bool values, struct out *text)
{
    struct in data;
    uint16_t sw;

    out_u8(text, ' ');
    if (answer.n < 2 || !in_take(&answer, answer.n - 2, &data)) {
        out_u8(text, '-');
        return;
    }
    put_data(data, hide, values, text);
    mask_hex(answer, text);
    m->rest = in_u16(&answer, &sw) && (sw & 0xFF00) == SW_MORE && hide;
}

void mask_exchange(struct mask *m, struct in command, struct in answer, struct out *text)
{
    struct apdu c;

    if (!apdu_parse(command, &c)) {
        put_command(m, command, NULL, text);
        put_answer(m, answer, true, false, text);
        m->chained = false;
        return;
    }
    if (c.ins == INS_GET_RESPONSE) {
        m->hide_command = m->values = false;
        put_command(m, command, &c, text);
        put_answer(m, answer, m->rest, false, text);
        return;
    }
    if (!m->chained || m->ins != c.ins || m->p1 != c.p1 || m->p2 != c.p2)
        decide(m, &c);
    else if ((carries[c.ins] & BY_OBJECT) && begins_object(c.data) && !object_is_open(c.data))
        m->hide_command = m->hide_answer = true; /* its program began anew */
    m->chained = apdu_chained(&c);
    m->ins = c.ins;
    m->p1 = c.p1;
    m->p2 = c.p2;
    put_command(m, command, &c, text);
    put_answer(m, answer, m->hide_answer, m->values, text);
}

void mask_nothing(struct in command, struct in answer, struct out *text)
{
    mask_hex(command, text);
    out_u8(text, ' ');
    if (answer.n < 2)
        out_u8(text, '-');
    else
        mask_hex(answer, text);
}
