/* SPDX-License-Identifier: BSD-2-Clause */
/* decode.c — names of commands, objects, keys, algorithms and status words, each read from its one table. */
#include "tools/decode.h"

#include <stdio.h>
#include <string.h>

#include "applet/command.h"

typedef void (*describe)(const struct apdu *c, char *text, size_t room);

static const struct {
    struct in aid;
    const char *name;
} applications[] = {
    { { (const uint8_t *)"\xA0\x00\x00\x03\x08", 5 }, "PIV" },
    { { (const uint8_t *)"\xA0\x00\x00\x05\x27\x47\x11\x17", 8 }, "Yubico management" },
    { { (const uint8_t *)"\xA0\x00\x00\x05\x27\x20\x01\x01", 8 }, "Yubico OTP" },
    { { (const uint8_t *)"\xA0\x00\x00\x05\x27\x21\x01", 7 }, "Yubico OATH" },
    { { (const uint8_t *)"\xA0\x00\x00\x06\x47\x2F\x00\x01", 8 }, "FIDO" },
    { { (const uint8_t *)"\xD2\x76\x00\x01\x24\x01", 6 }, "OpenPGP" },
    { { (const uint8_t *)"\xA0\x00\x00\x00\x63PKCS-15", 12 }, "PKCS#15" },
    { { (const uint8_t *)"\xA0\x00\x00\x01\x51", 5 }, "GlobalPlatform" },
};

static void hex(struct in bytes, char *text, size_t room)
{
    uint8_t b;

    text[0] = '\0';
    for (size_t n = 0; n + 2 < room && in_u8(&bytes, &b); n += 2)
        snprintf(text + n, room - n, "%02X", b);
}

static void say_application(const struct apdu *c, char *text, size_t room)
{
    char aid[2 * 16 + 1];

    hex(c->data, aid, sizeof aid);
    for (size_t i = 0; i < sizeof applications / sizeof *applications; i++) {
        struct in rest = c->data, start;

        if (in_take(&rest, applications[i].aid.n, &start) && in_equal(start, applications[i].aid)) {
            snprintf(text, room, "%s (%s)", applications[i].name, aid);
            return;
        }
    }
    snprintf(text, room, "%s", aid);
}

static void say_object(const struct apdu *c, char *text, size_t room)
{
    struct in body = c->data, list;
    const struct object *o;
    uint32_t tag = 0;
    uint8_t b;
    char number[16] = "";

    if (tlv_next(&body, &tag, &list) && tag == 0x5C && list.n <= 4)
        for (tag = 0; in_u8(&list, &b);)
            tag = tag << 8 | b;
    o = object_by_tag(tag);
    if (o == NULL) {
        snprintf(text, room, "object %02X", (unsigned)tag);
        return;
    }
    if (o->first != o->last)
        snprintf(number, sizeof number, " %u", (unsigned)(tag - o->first + 1));
    snprintf(text, room, "%s%s (%02X)", o->name, number, (unsigned)tag);
}

/* The reference data that are no keys.  SP 800-73-5 Part 1, table 5. */
static const char *pin_name(uint8_t ref)
{
    return ref == 0x80 ? "PIN" : ref == 0x81 ? "PUK" : ref == 0x00 ? "global PIN" : ref == 0x96 ? "fingerprint"
         : ref == 0x97 ? "second fingerprint" : ref == 0x98 ? "pairing code" : "unknown reference";
}

static void say_pin(const struct apdu *c, char *text, size_t room)
{
    const char *does = c->ins != 0x20 ? "" : c->p1 == 0xFF ? ", log out" : c->data.n == 0 ? ", ask for tries" : "";

    snprintf(text, room, "%s (%02X)%s", pin_name(c->p2), c->p2, does);
}

static void say_ref(uint8_t ref, char *text, size_t room)
{
    const struct keyref *row = keyref_by_ref(ref);

    if (row != NULL)
        snprintf(text, room, "%s (%s)", row->use, row->name);
    else if (ref == KEYREF_MANAGEMENT)
        snprintf(text, room, "Card Management (9b)");
    else if (ref == 0x80 || ref == 0x81)
        snprintf(text, room, "%s", pin_name(ref));
    else
        snprintf(text, room, "key %02X", ref);
}

static const char *algorithm(uint8_t id)
{
    const struct alg *alg = alg_by_id(id);

    return alg == NULL ? "unknown algorithm" : alg->name;
}

/* What a dynamic authentication template asks for: 81 challenge, 82 response, 85 exponentiation, 80 witness. */
static const char *asked(const struct apdu *c)
{
    struct in body = c->data, inside, value;
    bool has[6] = { false };
    uint32_t tag;

    if (!tlv_get(&body, 0x7C, &inside))
        return apdu_chained(c) ? ", more follows" : "";
    while (tlv_next(&inside, &tag, &value))
        if (tag >= 0x80 && tag <= 0x85)
            has[tag - 0x80] = true;
    if (has[5])
        return ", agree on a secret";
    if (has[0])
        return has[1] ? ", answer witness, send challenge" : ", ask for a witness";
    if (has[1])
        return has[2] ? ", sign or decrypt" : ", ask for a challenge";
    return has[2] ? ", answer the challenge" : "";
}

static void say_key(const struct apdu *c, char *text, size_t room)
{
    char ref[64];

    say_ref(c->p2, ref, sizeof ref);
    snprintf(text, room, "%s, %s%s", ref, algorithm(c->p1), asked(c));
}

static void say_import(const struct apdu *c, char *text, size_t room)
{
    char ref[64];

    say_ref(c->p2, ref, sizeof ref);
    snprintf(text, room, "%s, %s", ref, algorithm(c->p1));
}

static void say_generate(const struct apdu *c, char *text, size_t room)
{
    struct in body = c->data, inside, value;
    uint8_t id;
    char ref[64];

    say_ref(c->p2, ref, sizeof ref);
    if (tlv_get(&body, 0xAC, &inside) && tlv_get(&inside, 0x80, &value) && in_u8(&value, &id))
        snprintf(text, room, "%s, %s", ref, algorithm(id));
    else
        snprintf(text, room, "%s", ref);
}

static void say_p1(const struct apdu *c, char *text, size_t room)
{
    say_ref(c->p1, text, room);
}

static void say_p2(const struct apdu *c, char *text, size_t room)
{
    say_ref(c->p2, text, room);
}

static void say_move(const struct apdu *c, char *text, size_t room)
{
    char from[64], to[64];

    say_ref(c->p2, from, sizeof from);
    say_ref(c->p1, to, sizeof to);
    snprintf(text, room, "%s to %s", from, c->p1 == 0xFF ? "nowhere: deleted" : to);
}

static void say_tries(const struct apdu *c, char *text, size_t room)
{
    snprintf(text, room, "PIN %u, PUK %u", c->p1, c->p2);
}

static const struct {
    uint8_t ins;
    describe say;
} details[] = {
    { 0xA4, say_application }, { 0xCB, say_object }, { 0xDB, say_object }, { 0x20, say_pin },  { 0x24, say_pin },
    { 0x2C, say_pin },         { 0x87, say_key },    { 0x47, say_generate }, { 0xFE, say_import }, { 0xF7, say_p2 },
    { 0xF9, say_p1 },          { 0xF6, say_move },   { 0xFA, say_tries },
};

static void decode_answer(struct in answer, struct decoded *d)
{
    struct in data;
    uint16_t sw;

    if (answer.n < 2 || !in_take(&answer, answer.n - 2, &data) || !in_u16(&answer, &sw)) {
        snprintf(d->status, sizeof d->status, "none");
        snprintf(d->meaning, sizeof d->meaning, "no answer");
        return;
    }
    snprintf(d->status, sizeof d->status, "%04X", sw);
    if ((sw & 0xFFF0) == SW_TRIES)
        snprintf(d->meaning, sizeof d->meaning, "verification failed, %u %s left", sw & 0xFU,
                 (sw & 0xF) == 1 ? "try" : "tries");
    else
        snprintf(d->meaning, sizeof d->meaning, "%s", sw_sentence(sw));
}

void decode(struct in command, struct in answer, struct decoded *d)
{
    struct apdu c;

    memset(d, 0, sizeof *d);
    decode_answer(answer, d);
    if (!apdu_parse(command, &c)) {
        snprintf(d->command, sizeof d->command, "malformed");
        snprintf(d->what, sizeof d->what, "lengths that no command APDU has");
        return;
    }
    const char *name = command_name(c.ins);
    if (name != NULL)
        snprintf(d->command, sizeof d->command, "%s", name);
    else
        snprintf(d->command, sizeof d->command, "INS %02X", c.ins);
    for (size_t i = 0; i < sizeof details / sizeof *details; i++)
        if (details[i].ins == c.ins)
            details[i].say(&c, d->what, sizeof d->what);
}
