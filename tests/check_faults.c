/* SPDX-License-Identifier: BSD-2-Clause */
/* check_faults.c — scripts of tricks: what a row holds, which exchanges meet it, and where the power goes. */
#include <stdlib.h>
#include <string.h>

#include "conf/faults.h"
#include "conf/seed.h"
#include "driver/cut.h"
#include "tests/check_suites.h"

static const struct {
    const char *text;
    size_t rows;
    const char *why; /* NULL: it is well */
} scripts[] = {
    { "", 0, NULL },
    { "faults = ();", 0, NULL },
    { "seed = 3; faults = ( { ins = 0xCB; nth = 1; sw = 0x6581; }, { drop = true; } );", 2, NULL },
    { "faults = ( { at = 2147483647; cut = 100; } );", 1, NULL },
    { "faults = ( { chance = 0; mute = 600000; } );", 1, NULL },
    { "faults = ( { chance = 101; drop = true; } );", 0, "s:1: chance must be so many in a hundred, from 0 to 100" },
    { "faults = ( { ins = \"CB\"; drop = true; } );", 0, "s:1: ins must be a byte from 0x00 to 0xFF" },
    { "faults = ( { delay = 0; } );", 0, "s:1: delay must be milliseconds from 1 to 60000" },
    { "faults = ( { drop = false; } );", 0, "s:1: drop must be true" },
    { "faults = ( { sw = 0xA000; } );", 0, "s:1: sw must be a status word from 0x6000 to 0x9FFF" },
    { "faults = (\n{ sw = 0x6581;\ncut = 1; } );", 0, "s:3: sw and cut: one action a row" },
    { "faults = ( { } );", 0, "s:1: this row does nothing: sw, delay, drop, remove, mute or cut is missing" },
    { "faults = [ 1 ];", 0, "s:1: faults is a list: ( { … }, { … } )" },
    { "seed = -1;", 0, "s:1: seed must be a number from 0" },
    { "faults = ( { drop = true; }", 0, "s:1: syntax error" },
};

START_TEST(a_script_is_read_or_refused)
{
    struct faults *faults = malloc(sizeof *faults);
    struct why why = { "" };
    enum err e = faults_parse("s", scripts[_i].text, faults, &why);

    if (scripts[_i].why == NULL) {
        ck_assert_msg(e == ERR_NONE, "%s", why.text);
        ck_assert_uint_eq(faults->n, scripts[_i].rows);
    } else {
        ck_assert_int_eq(e, ERR_DATA);
        ck_assert_str_eq(why.text, scripts[_i].why);
    }
    free(faults);
}
END_TEST

START_TEST(there_is_room_for_so_many_rows_and_no_more)
{
    static const char row[] = "{ drop = true; },";
    char *text = malloc(64 + (FAULTS_MAX + 1) * sizeof row);
    struct faults *faults = malloc(sizeof *faults);

    for (size_t n = FAULTS_MAX; n <= FAULTS_MAX + 1; n++) {
        struct why why = { "" };

        strcpy(text, "faults = (");
        for (size_t i = 0; i < n; i++)
            strcat(text, row);
        strcpy(text + strlen(text) - 1, ");");
        ck_assert_int_eq(faults_parse("s", text, faults, &why), n == FAULTS_MAX ? ERR_NONE : ERR_DATA);
    }
    free(faults);
    free(text);
}
END_TEST

/* ---- The power goes ---- */

struct disk {
    unsigned writes;
};

static enum err disk_store(void *ctx, const struct card *next)
{
    struct disk *d = ctx;

    (void)next;
    d->writes++;
    return ERR_NONE;
}

static enum err disk_spend(void *ctx, enum pin which, uint8_t *left)
{
    struct disk *d = ctx;

    (void)which;
    *left = 2;
    d->writes++;
    return ERR_NONE;
}

static enum err disk_restore(void *ctx, enum pin which)
{
    struct disk *d = ctx;

    (void)which;
    d->writes++;
    return ERR_NONE;
}

static enum err disk_write(void *ctx, const struct tries *next)
{
    struct disk *d = ctx;

    (void)next;
    d->writes++;
    return ERR_NONE;
}

START_TEST(from_one_write_on_none_happens)
{
    struct disk disk = { 0 };
    const struct piv_env inner = { .ctx = &disk, .store = disk_store, .tries_spend = disk_spend,
                                   .tries_restore = disk_restore, .tries_write = disk_write };
    struct cut cut = { .at = 0 };
    struct piv_env env = cut_env(&cut, &inner);
    const struct tries tries = { .left = { 0 } };
    unsigned before = (unsigned)_i == 0 ? 4 : (unsigned)_i - 1; /* 0: nothing is cut */
    uint8_t left;

    cut.at = (unsigned)_i;
    ck_assert_int_eq(env.tries_spend(env.ctx, PIN_APPLICATION, &left), before > 0 ? ERR_NONE : ERR_STORE);
    ck_assert_int_eq(env.store(env.ctx, NULL), before > 1 ? ERR_NONE : ERR_STORE);
    ck_assert_int_eq(env.tries_restore(env.ctx, PIN_APPLICATION), before > 2 ? ERR_NONE : ERR_STORE);
    ck_assert_int_eq(env.tries_write(env.ctx, &tries), before > 3 ? ERR_NONE : ERR_STORE);
    ck_assert_uint_eq(disk.writes, before > 4 ? 4 : before);
    ck_assert_int_eq(cut.fell, before < 4);
}
END_TEST

/* ---- The seed of test cards ---- */

START_TEST(a_seed_gives_one_stream_for_each_name)
{
    struct seed a = { .set = true, .key = { 1 } }, b = a, c = a;
    uint8_t x[100], y[100], z[100], again[100];

    ck_assert_int_eq(seed_start(&a, NULL, (const uint8_t *)"one", 3), ERR_NONE);
    ck_assert_int_eq(seed_start(&b, NULL, (const uint8_t *)"one", 3), ERR_NONE);
    ck_assert_int_eq(seed_start(&c, NULL, (const uint8_t *)"two", 3), ERR_NONE);
    ck_assert_int_eq(seed_bytes(&a, NULL, x, sizeof x), ERR_NONE);
    ck_assert_int_eq(seed_bytes(&b, NULL, y, sizeof y), ERR_NONE);
    ck_assert_int_eq(seed_bytes(&c, NULL, z, sizeof z), ERR_NONE);
    ck_assert_int_eq(seed_bytes(&a, NULL, again, sizeof again), ERR_NONE);
    ck_assert_mem_eq(x, y, sizeof x);
    ck_assert_mem_ne(x, z, sizeof x);
    ck_assert_mem_ne(x, again, sizeof x);
    for (size_t block = 0; block + 64 <= sizeof x; block += 32)
        ck_assert_mem_ne(x + block, x + block + 32, 32);
}
END_TEST

Suite *suite_faults(void)
{
    Suite *s = suite_create("faults");
    TCase *script = tcase_create("scripts"), *power = tcase_create("power"), *seed = tcase_create("seed");

    tcase_add_loop_test(script, a_script_is_read_or_refused, 0, sizeof scripts / sizeof scripts[0]);
    tcase_add_test(script, there_is_room_for_so_many_rows_and_no_more);
    suite_add_tcase(s, script);
    tcase_add_loop_test(power, from_one_write_on_none_happens, 0, 6);
    suite_add_tcase(s, power);
    tcase_add_test(seed, a_seed_gives_one_stream_for_each_name);
    suite_add_tcase(s, seed);
    return s;
}
