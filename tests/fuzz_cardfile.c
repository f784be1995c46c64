/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_cardfile.c — any bytes as a card file.
 *
 * The first byte chooses: even = the bytes are the file; odd = the file gets a head and the seal that fits it, so that
 * what lies behind the seal is reached too.  A refusal must be a sentence that names the file; a card that is taken must
 * be written again, read again as the same, and must work.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applet/applet.h"
#include "conf/cardtext.h"
#include "tests/fake.h"
#include "tests/fuzz.h"

static const char path[] = "/cards/x.card";

/* seal — as cardtext.c does it: under a key of the host and the GUID of the second line. */
static void seal(const struct fake *fake, struct out *text)
{
    static const char before[] = "guid = \"", digits[] = "0123456789abcdef";
    struct in in = out_in(text), line;
    const uint8_t *end = memchr(text->p, '\n', text->n);
    uint8_t guid[16] = { 0 }, mac_bytes[32];
    struct secret *key = NULL;

    if (end != NULL && in_take(&in, (size_t)(end - text->p) + 1 + sizeof before - 1, &line) && in.n >= 32) {
        for (size_t i = 0; i < 32; i++) {
            const char *digit = memchr(digits, in.p[i], 16);

            guid[i / 2] = (uint8_t)(guid[i / 2] << 4 | (digit == NULL ? 0 : digit - digits));
        }
    }
    must_hold(derive_host(&fake->env, "file", guid, &key) == ERR_NONE &&
         mac(fake->env.lib, secret_in(key), out_in(text), in_of(NULL, 0), mac_bytes) == ERR_NONE);
    secret_free(key);
    out_put(text, in_of("seal = \"", 8));
    for (size_t i = 0; i < sizeof mac_bytes; i++) {
        out_u8(text, (uint8_t)digits[mac_bytes[i] >> 4]);
        out_u8(text, (uint8_t)digits[mac_bytes[i] & 15]);
    }
    out_put(text, in_of("\";\n", 3));
}

/* Commands that look at everything there is. */
static void use(struct fake *fake, struct card *card)
{
    static const struct in commands[] = {
        { (const uint8_t *)"\x00\xA4\x04\x00\x05\xA0\x00\x00\x03\x08", 10 },
        { (const uint8_t *)"\x00\xCB\x3F\xFF\x03\x5C\x01\x7E\x00", 9 },
        { (const uint8_t *)"\x00\xCB\x3F\xFF\x05\x5C\x03\x5F\xC1\x02\x00", 11 },
        { (const uint8_t *)"\x00\xCB\x3F\xFF\x05\x5C\x03\x5F\xC1\x05\x00", 11 },
        { (const uint8_t *)"\x00\xCB\x3F\xFF\x05\x5C\x03\x5F\xC1\x0C\x00", 11 },
        { (const uint8_t *)"\x00\xF7\x00\x9A\x00", 5 },
        { (const uint8_t *)"\x00\x20\x00\x80\x08\x31\x32\x33\x34\x35\x36\xFF\xFF", 13 },
        { (const uint8_t *)"\x00\x87\x11\x9A\x26\x7C\x24\x82\x00\x81\x20" "0123456789abcdef0123456789abcdef\x00", 44 },
        { (const uint8_t *)"\x00\x87\x03\x9B\x04\x7C\x02\x81\x00\x00", 10 },
    };
    struct piv *piv = piv_new(&fake->env, card);

    must_hold(piv != NULL);
    piv_power(piv);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        static uint8_t answer[PIV_RESPONSE_MAX];
        struct out rsp = out_of(answer, sizeof answer);

        piv_exchange(piv, commands[i], &rsp);
        must_hold(!rsp.bad && rsp.n >= 2);
    }
    piv_free(piv);
}

/* What was read is what is written, and what is written is read. */
static void round_trip(struct fake *fake, struct cardfile_head head, struct card *card)
{
    static uint8_t once[CARDFILE_MAX], twice[CARDFILE_MAX];
    struct out first = out_of(once, sizeof once), second = out_of(twice, sizeof twice);
    struct why why = { "" };
    struct card *again = NULL;
    enum err e = cardtext_write(&fake->env, &head, card, &first);

    /* Base64 in the file may be shorter than as we write it. */
    if (e == ERR_FULL)
        return;
    must_hold(e == ERR_NONE && cardtext_read(&fake->env, path, out_in(&first), &head, &again, &why) == ERR_NONE);
    must_hold(cardtext_write(&fake->env, &head, again, &second) == ERR_NONE &&
         in_equal(out_in(&first), out_in(&second)));
    card_free(again);
}

/* An expensive seal would only cost time here. */
static bool is_dear(const struct card *card)
{
    for (int i = 0; i < PIN_COUNT; i++)
        if (card->pin[i].log_n > SEAL_LOG_N_TEST)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char head_line[] = "# vpiv-card 1 1 000102030405060708090a0b0c0d0e0f\n";
    struct in in = in_of(bytes, n);
    uint8_t choice, *room = malloc(n + 256);
    struct out text = out_of(room, n + 256);
    struct cardfile_head head;
    struct card *card = NULL;
    struct why why = { "" };
    struct fake fake;
    enum err e;

    must_hold(secret_heap() && room != NULL);
    fake_init(&fake, 1);
    if (in_u8(&in, &choice)) {
        if (choice % 2 != 0)
            out_put(&text, in_of(head_line, sizeof head_line - 1));
        out_put(&text, in);
        if (choice % 2 != 0)
            seal(&fake, &text);
        e = cardtext_read(&fake.env, path, out_in(&text), &head, &card, &why);
        must_hold((e == ERR_NONE) == (card != NULL));
        must_hold((e == ERR_NONE) == (why.text[0] == '\0'));
        must_hold(e == ERR_NONE || strncmp(why.text, path, sizeof path - 1) == 0);
        if (e == ERR_NONE) {
            round_trip(&fake, head, card);
            if (is_dear(card))
                card_free(card);
            else
                use(&fake, card);
        }
    }
    fake_clear(&fake);
    free(room);
    return 0;
}
