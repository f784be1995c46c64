/* SPDX-License-Identifier: BSD-2-Clause */
/* check_cardtext.c — everything in a card survives the text, and no text that was touched is believed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/cardtext.h"
#include "tests/cards.h"
#include "tests/check_suites.h"
#include "tests/fake.h"

static struct fake fake;
static struct why why;
static const struct cardfile_head head = {
    CARDFILE_VERSION, 7, { 0xA0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 }
};

static void set_up(void)
{
    fake_init(&fake, 1);
    why = (struct why){ "" };
}

static void tear_down(void)
{
    fake_clear(&fake);
}

static struct out written(const struct card *card)
{
    struct out text = out_of(malloc(CARDFILE_MAX), CARDFILE_MAX);

    ck_assert_ptr_nonnull(text.p);
    ck_assert_int_eq(cardtext_write(&fake.env, &head, card, &text), ERR_NONE);
    return text;
}

/* From memory of the text's exact size, so that a sanitizer sees one byte too many. */
static enum err read_text(const void *p, size_t n, struct card **card)
{
    uint8_t *exact = malloc(n > 0 ? n : 1);
    struct cardfile_head found;
    enum err e;

    ck_assert_ptr_nonnull(exact);
    memcpy(exact, p, n);
    why = (struct why){ "" };
    e = cardtext_read(&fake.env, "x.card", in_of(exact, n), &found, card, &why);
    free(exact);
    ck_assert_msg((e == ERR_NONE) == (*card != NULL), "%s", err_name(e));
    ck_assert_msg((e == ERR_NONE) == (why.text[0] == '\0'), "%s: %s", err_name(e), why.text);
    return e;
}

static void check_round_trip(const struct card *card)
{
    struct out text = written(card);
    struct card *again;

    ck_assert_msg(read_text(text.p, text.n, &again) == ERR_NONE, "%s", why.text);
    ck_assert(same_card(card, again));
    free(text.p);
    card_free(again);
}

START_TEST(a_plain_card_survives)
{
    struct card *card = sample_card(&fake.env);

    check_round_trip(card);
    card_free(card);
}
END_TEST

START_TEST(every_field_survives)
{
    struct card *card = full_card(&fake.env);

    check_round_trip(card);
    card_free(card);
}
END_TEST

/* Each value that has a name of its own. */
START_TEST(every_name_survives)
{
    struct card *card = sample_card(&fake.env);

    for (size_t i = 0; i < PERSONA_COUNT; i++) {
        card->persona = &personas[i];
        check_round_trip(card);
    }
    for (size_t i = 0; i < ATR_COUNT; i++) {
        card->atr = &atrs[i];
        check_round_trip(card);
    }
    for (size_t i = 0; i < ALG_COUNT; i++) {
        if (algs[i].family == ALG_CIPHER)
            card->management.alg = algs[i].id;
        else
            card->keys[0].alg = algs[i].id;
        check_round_trip(card);
    }
    for (size_t i = 0; i < KEYREF_COUNT; i++) {
        card->keys[0].ref = keyrefs[i].ref;
        check_round_trip(card);
    }
    for (size_t i = 0; i < OBJECT_COUNT; i++) {
        while (card->n_objects > 1)
            ck_assert_int_eq(card_put_object(card, card->objects[1].tag, in_of(NULL, 0)), ERR_NONE);
        card->objects[0].tag = objects[i].last;
        check_round_trip(card);
    }
    card_free(card);
}
END_TEST

/* What a reader would refuse is not written: a card must not lock itself out. */
static void spoil(struct card *card, int how)
{
    switch (how) {
    case 0: card->serial = 0; break;
    case 1: card->persona = NULL; break;
    case 2: card->keys[0].number = card->next_number; break;
    case 3: card->keys[1].ref = card->keys[0].ref; break;
    case 4: card->keys[1].number = card->keys[0].number; break;
    case 5: card->objects[1].tag = card->objects[0].tag; break;
    case 6: card->objects[0].tag = 0x5FC0FF; break;
    case 7: card->keys[0].pin_policy = PIN_POLICY_DEFAULT; break;
    case 8: card->keys[0].touch_policy = 4; break;
    case 9: card->keys[0].origin = 0; break;
    case 10: card->keys[0].alg = 0x99; break;
    case 11: card->keys[0].ref = KEYREF_MANAGEMENT; break;
    case 12: bytes_clear(&card->keys[0].sealed); break;
    case 13: bytes_clear(&card->agreement_sealed); break;
    case 14: bytes_clear(&card->chain[0]); break;
    case 15: card->pin[PIN_PUK].log_n = SEAL_LOG_N_MAX + 1; break;
    case 16: card->keys[0].number = 0; break;
    }
}

START_TEST(what_would_be_refused_is_not_written)
{
    struct out text = out_of(malloc(CARDFILE_MAX), CARDFILE_MAX);
    struct card *card = full_card(&fake.env);

    spoil(card, _i);
    ck_assert_int_eq(cardtext_write(&fake.env, &head, card, &text), ERR_DATA);
    card_free(card);
    free(text.p);
}
END_TEST

START_TEST(a_card_that_does_not_fit_is_full)
{
    struct card *card = full_card(&fake.env);
    struct out whole = written(card);

    for (size_t cap = 0; cap < whole.n; cap += cap < 300 || cap + 300 > whole.n ? 1 : 997) {
        struct out text = out_of(malloc(cap > 0 ? cap : 1), cap);

        ck_assert_int_eq(cardtext_write(&fake.env, &head, card, &text), ERR_FULL);
        free(text.p);
    }
    free(whole.p);
    card_free(card);
}
END_TEST

START_TEST(every_flipped_bit_is_refused)
{
    struct card *card = sample_card(&fake.env), *again;
    struct out text = written(card);

    for (size_t bit = 0; bit < 8 * text.n; bit++) {
        text.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_msg(read_text(text.p, text.n, &again) != ERR_NONE, "bit %zu", bit);
        text.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free(text.p);
    card_free(card);
}
END_TEST

START_TEST(every_truncation_and_addition_is_refused)
{
    struct card *card = sample_card(&fake.env), *again;
    struct out text = written(card);

    for (size_t n = 0; n < text.n; n++)
        ck_assert_msg(read_text(text.p, n, &again) != ERR_NONE, "%zu bytes", n);
    for (int b = 0; b < 256; b++) {
        text.p[text.n] = (uint8_t)b;
        ck_assert_msg(read_text(text.p, text.n + 1, &again) != ERR_NONE, "byte %d more", b);
    }
    free(text.p);
    card_free(card);
}
END_TEST

START_TEST(another_host_is_told_apart)
{
    struct card *card = sample_card(&fake.env), *again;
    struct out text = written(card);

    fake_clear(&fake);
    fake_init(&fake, 2);
    ck_assert_int_eq(read_text(text.p, text.n, &again), ERR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(why.text, "host"));
    free(text.p);
    card_free(card);
}
END_TEST

/* reseal — the text of a card with one edit, under a seal that fits: what a later or careless program might write. */
static size_t reseal(char *text, size_t room)
{
    size_t n = strlen(text);
    struct out out = out_of(text + n, room - n);
    struct secret *key;
    uint8_t guid[16], seal[32];
    const char *found = strstr(text, "guid = \"");

    ck_assert_ptr_nonnull(found);
    for (int i = 0; i < 16; i++) {
        unsigned b;

        ck_assert_int_eq(sscanf(found + 8 + 2 * i, "%2x", &b), 1);
        guid[i] = (uint8_t)b;
    }
    ck_assert_int_eq(derive_host(&fake.env, "file", guid, &key), ERR_NONE);
    ck_assert_int_eq(mac(NULL, secret_in(key), in_of(text, n), in_of(NULL, 0), seal), ERR_NONE);
    secret_free(key);
    out_put(&out, in_of("seal = \"", 8));
    for (int i = 0; i < 32; i++) {
        char hex[3];

        snprintf(hex, sizeof hex, "%02x", (unsigned)seal[i]);
        out_put(&out, in_of(hex, 2));
    }
    out_put(&out, in_of("\";\n", 3));
    ck_assert(!out.bad);
    return n + out.n;
}

static const struct {
    const char *from, *to, *says;
    enum err e;
} edits[] = {
    { "serial", "serial", "", ERR_NONE }, /* the control: resealing alone is accepted */
    { "test = true;", "test = true;\nfuture = 1;", "future", ERR_DATA },
    { "test = true;", "test = 1;", "test", ERR_DATA },
    { "test = true;\n", "", "test", ERR_DATA },
    { "persona = \"piv\"", "persona = \"visa\"", "visa", ERR_DATA },
    { "atr = \"auto\"", "atr = \"manual\"", "manual", ERR_DATA },
    { "pin_usage = \"", "pin_usage = \"00", "pin_usage", ERR_DATA },
    { "guid = \"", "guid = \"0", "GUID", ERR_DATA },
    { "guid = \"", "guid  = \"", "GUID", ERR_DATA },
    { "guid = \"", "serial = 1;\nguid = \"", "GUID", ERR_DATA },
    { "log_n = 4", "log_n = 0", "log_n", ERR_DATA },
    { "log_n = 4", "log_n = 21", "log_n", ERR_DATA },
    { "log_n = 4", "log_n = 4.0", "log_n", ERR_DATA },
    { "algorithm = \"RSA2048\"", "algorithm = \"AES-128\"", "algorithm", ERR_DATA },
    { "algorithm = \"3DES\"", "algorithm = \"RSA2048\"", "algorithm", ERR_DATA },
    { "pin_policy = \"once\"", "pin_policy = \"default\"", "pin_policy", ERR_DATA },
    { "slot = \"9a\"", "slot = \"9b\"", "slot", ERR_DATA },
    { "number = 1;", "number = 4294967295L;", "number", ERR_DATA },
    { "number = 1;", "number = -1;", "number", ERR_DATA },
    { "number = 1;", "number = 0;", "number", ERR_DATA },
    { "tag = \"5FC102\"", "tag = \"5fc102\"", "tag", ERR_DATA },
    { "tag = \"5FC102\"", "tag = \"5FC107\"", "tag", ERR_DATA },
    { "chain = (", "chain = { }; (", "", ERR_DATA },
    { "chain = (", "chain = ( 1,", "chain", ERR_DATA },
    { "keys = (", "keys = ( { }, ", "slot", ERR_DATA },
    { "label = \"", "label = \"@include ", "@include", ERR_DATA },
    { "persona", "\n@include \"/etc/passwd\"\npersona", "@include", ERR_DATA },
    { "persona", "/* @include */ persona", "@include", ERR_DATA },
    { "persona = \"piv\";", "persona = \"piv\"; persona = \"piv\";", "", ERR_DATA },
    { "persona = \"piv\";", "persona = \"piv\"; seal = \"00\";", "seal", ERR_DATA },
    { "agreement_sealed =", "agreement_sealed = \"=\"", "agreement_sealed", ERR_DATA },
    { "agreement_sealed =", "agreement_sealed = \"A===\" ", "agreement_sealed", ERR_DATA },
    { "agreement_sealed =", "agreement_sealed = \"AA A\" ", "agreement_sealed", ERR_DATA },
    { "# vpiv-card 1 7 ", "# vpiv-card 2 7 ", "version 2", ERR_VERSION },
    { "# vpiv-card 1 7 ", "# vpiv-card 1 0 ", "", ERR_DATA },
    { "# vpiv-card 1 7 ", "# vpiv-card 01 7 ", "", ERR_DATA },
    { "# vpiv-card 1 7 ", "# vpiv-card 1 +7 ", "", ERR_DATA },
    { "# vpiv-card 1 7 ", "# vpiv-card 1  7 ", "", ERR_DATA },
    { "# vpiv-card 1 7 ", " # vpiv-card 1 7 ", "", ERR_DATA },
    { "# vpiv-card 1 7 ", "# vpiv-card 1 99999999999999999999 ", "", ERR_DATA },
};

START_TEST(a_sealed_edit_is_checked_all_the_same)
{
    enum { ROOM = 32768 };
    struct card *card = sample_card(&fake.env), *again;
    struct out text = written(card);
    char *edited = calloc(1, ROOM), *whole = calloc(1, text.n + 1);
    const char *at, *seal;
    int n;
    enum err e;

    memcpy(whole, text.p, text.n);
    seal = strstr(whole, "\nseal = ") + 1;
    at = strstr(whole, edits[_i].from);
    ck_assert_msg(at != NULL, "no “%s”", edits[_i].from);
    n = snprintf(edited, ROOM, "%.*s%s%.*s", (int)(at - whole), whole, edits[_i].to,
                 (int)(seal - at - (ptrdiff_t)strlen(edits[_i].from)), at + strlen(edits[_i].from));
    ck_assert_int_lt(n, ROOM);
    /* An edited GUID would need the key of that GUID; it is refused before. */
    if (strncmp(edits[_i].from, "guid", 4) != 0)
        e = read_text(edited, reseal(edited, ROOM), &again);
    else
        e = read_text(edited, strlen(strcat(edited, seal)), &again);
    ck_assert_msg(e == edits[_i].e, "%s: %s", err_name(e), why.text);
    ck_assert_msg(strstr(why.text, edits[_i].says) != NULL, "%s", why.text);
    card_free(again);
    card_free(card);
    free(text.p);
    free(edited);
    free(whole);
}
END_TEST

START_TEST(a_fault_is_told_with_its_line)
{
    struct card *again;
    char text[512];

    snprintf(text, sizeof text,
             "# vpiv-card 1 1 000102030405060708090a0b0c0d0e0f\nguid = \"%032d\";\n\nbroken = = ;\n", 0);
    ck_assert_int_eq(read_text(text, reseal(text, sizeof text), &again), ERR_DATA);
    ck_assert_msg(strstr(why.text, "x.card:4:") == why.text, "%s", why.text);
    snprintf(text, sizeof text, "# vpiv-card 1 1 000102030405060708090a0b0c0d0e0f\nguid = \"%032d\";\n\nodd = 1;\n",
             0);
    ck_assert_int_eq(read_text(text, reseal(text, sizeof text), &again), ERR_DATA);
    ck_assert_msg(strstr(why.text, "x.card:4:") == why.text, "%s", why.text);
}
END_TEST

START_TEST(a_zero_byte_is_refused)
{
    struct card *card = sample_card(&fake.env), *again;
    struct out text = written(card);

    text.p[text.n / 2] = 0;
    ck_assert_int_eq(read_text(text.p, text.n, &again), ERR_DATA);
    free(text.p);
    card_free(card);
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
    enum { DEPTH = 400000, ROOM = DEPTH + 512 };
    struct card *again;
    char *text = malloc(ROOM);
    int n = snprintf(text, ROOM, "# vpiv-card 1 1 000102030405060708090a0b0c0d0e0f\nguid = \"%032d\";\na = ", 0);

    memset(text + n, '(', DEPTH);
    text[n + DEPTH] = '\n';
    text[n + DEPTH + 1] = '\0';
    ck_assert_int_eq(read_text(text, reseal(text, ROOM), &again), ERR_DATA);
    free(text);
}
END_TEST

START_TEST(the_head_is_read_alone)
{
    struct cardfile_head found;
    struct card *card = sample_card(&fake.env);
    struct out text = written(card);

    ck_assert_int_eq(cardtext_head(in_of(text.p, CARDTEXT_HEAD_MAX), &found), ERR_NONE);
    ck_assert_uint_eq(found.version, head.version);
    ck_assert_uint_eq(found.generation, head.generation);
    ck_assert_mem_eq(found.stamp, head.stamp, sizeof head.stamp);
    ck_assert_int_eq(cardtext_head(in_of("", 0), &found), ERR_DATA);
    ck_assert_int_eq(cardtext_head(in_of("# vpiv-card 1", 13), &found), ERR_DATA);
    ck_assert_int_eq(cardtext_head(in_of("# vpiv-card 9 and other things", 30), &found), ERR_VERSION);
    free(text.p);
    card_free(card);
}
END_TEST

/* conf/example.card: read by every later version of this program, and written by this one.  When the format or what a
 * new card holds changes on purpose, the file that this test leaves in the build directory is the new example. */
START_TEST(the_example_is_what_we_write)
{
    struct card *card = sample_card(&fake.env), *example;
    struct out text = written(card);
    char path[PATH_MAX];
    uint8_t *bytes;
    size_t n;

    source_path("conf/example.card", path);
    read_whole(path, &bytes, &n);
    if (n != text.n || memcmp(bytes, text.p, n) != 0)
        write_whole("example.card", text.p, text.n);
    ck_assert_msg(read_text(bytes, n, &example) == ERR_NONE, "%s", why.text);
    ck_assert_uint_eq(n, text.n);
    ck_assert_mem_eq(bytes, text.p, n);
    card_free(example);
    card_free(card);
    free(bytes);
    free(text.p);
}
END_TEST

Suite *suite_cardtext(void)
{
    Suite *suite = suite_create("cardtext");
    TCase *writing = tcase_create("writing"), *reading = tcase_create("reading");

    tcase_add_checked_fixture(writing, set_up, tear_down);
    tcase_set_timeout(writing, 60);
    tcase_add_test(writing, a_plain_card_survives);
    tcase_add_test(writing, every_field_survives);
    tcase_add_test(writing, every_name_survives);
    tcase_add_loop_test(writing, what_would_be_refused_is_not_written, 0, 17);
    tcase_add_test(writing, a_card_that_does_not_fit_is_full);
    tcase_add_test(writing, the_example_is_what_we_write);
    suite_add_tcase(suite, writing);
    tcase_add_checked_fixture(reading, set_up, tear_down);
    tcase_set_timeout(reading, 120);
    tcase_add_test(reading, every_flipped_bit_is_refused);
    tcase_add_test(reading, every_truncation_and_addition_is_refused);
    tcase_add_test(reading, another_host_is_told_apart);
    tcase_add_loop_test(reading, a_sealed_edit_is_checked_all_the_same, 0, (int)(sizeof edits / sizeof edits[0]));
    tcase_add_test(reading, a_fault_is_told_with_its_line);
    tcase_add_test(reading, a_zero_byte_is_refused);
    tcase_add_test(reading, deep_nesting_is_refused);
    tcase_add_test(reading, the_head_is_read_alone);
    suite_add_tcase(suite, reading);
    return suite;
}
