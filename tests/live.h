/* SPDX-License-Identifier: BSD-2-Clause */
/* live.h — a live card for tests: a fake world, factory PIN, PUK and management key, power on, APDUs in and out. */
#ifndef VPIV_TESTS_LIVE_H
#define VPIV_TESTS_LIVE_H

#include "applet/applet.h"
#include "tests/fake.h"

struct live {
    struct fake fake;
    struct piv *piv;
    uint8_t room[PIV_RESPONSE_MAX];
    struct in data; /* of the last answer, without its status word; borrowed from room */
    sw_t sw;        /* of the last answer */
};

enum live_option { LIVE_GLOBAL = 1 << 0, LIVE_RSA1024 = 1 << 1, LIVE_EMPTY = 1 << 2 };

/* live_init — persona "piv" or "yubikey".  With LIVE_GLOBAL the card has a global PIN, 654321, with 3 tries. */
void live_init(struct live *l, const char *persona, uint8_t management, unsigned options);
void live_clear(struct live *l);

/* live_reset — power off and on. */
void live_reset(struct live *l);

/* live_send — one APDU in memory of its exact size, so that a sanitizer sees one byte too many.
 * live_hex — the same, written as "00 20 00 80". */
sw_t live_send(struct live *l, struct in command);
sw_t live_hex(struct live *l, const char *hex);

/* live_call — one extended APDU; its whole answer comes at once. */
sw_t live_call(struct live *l, uint8_t ins, uint8_t p1, uint8_t p2, struct in data);

/* live_chain — the same as short APDUs of at most `block` bytes each, chained; Le = 00 in the last one. */
sw_t live_chain(struct live *l, uint8_t ins, uint8_t p1, uint8_t p2, struct in data, size_t block);

/* live_rest — fetch what 61xx announces with GET RESPONSE of `le`; all of it is in l->data afterwards. */
sw_t live_rest(struct live *l, uint8_t le);

/* live_compute — GENERAL AUTHENTICATE of a private key.  tag 81: sign or decrypt, 85: agree.  On success *result
 * is the inside of 82, borrowed from l. */
sw_t live_compute(struct live *l, uint8_t alg, uint8_t ref, uint8_t tag, struct in data, struct in *result);

/* live_template — 7C { 82 00, tag value } in room. */
struct in live_template(struct out *room, uint8_t tag, struct in value);

/* GET DATA and PUT DATA of one object.  *value: the inside of 53 (7E, 7F61: of their own tag). */
sw_t live_get(struct live *l, uint32_t tag, struct in *value);
sw_t live_put(struct live *l, uint32_t tag, struct in value);

/* live_verify, live_admin — must succeed.  live_tries — what an empty VERIFY answers. */
void live_verify(struct live *l);
void live_admin(struct live *l);
sw_t live_tries(struct live *l);

/* live_put_key — as import does it, in process. */
void live_put_key(struct live *l, uint8_t ref, const EVP_PKEY *key, enum pin_policy pin, enum touch_policy touch);

/* hex — bytes of a text with or without spaces, into room; the test fails if they do not fit. */
struct in hex(const char *text, struct out *room);

#define LIVE_PIN "313233343536FFFF"
#define LIVE_PUK "3132333435363738"
#define LIVE_GLOBAL_PIN "363534333231FFFF"
#define LIVE_PIN_OK "0020008008" LIVE_PIN
#define LIVE_PIN_BAD "0020008008" "313131313131FFFF"

/* answers — the status word, shown in hexadecimal where it is another one. */
#define answers(got, wanted)                                                                                           \
    do {                                                                                                               \
        unsigned answers_got = (got), answers_wanted = (wanted);                                                       \
        ck_assert_msg(answers_got == answers_wanted, "%s: %04X, wanted %04X", #got, answers_got, answers_wanted);      \
    } while (0)

#endif
