/* SPDX-License-Identifier: BSD-2-Clause */
/* outfit.c — what lies in the private directory of `vpiv run`: cards, readers, pcscd's configuration. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applet/alg.h"
#include "conf/cardfile.h"
#include "conf/conftext.h"
#include "conf/settings.h"
#include "tools/import.h"
#include "tools/run.h"

struct outfit {
    struct cli *cli;
    const struct run_plan *plan;
    int directory;
    struct state *state;  /* of the test cards: a host secret of their own, gone with them */
    FILE *configuration;
};

static bool failed(const struct outfit *o, const char *name)
{
    cli_refuse(o->cli, "%s/%s: %s", o->plan->directory, name, strerror(errno));
    return false;
}

static bool put_link(const struct outfit *o, const char *target, const char *name)
{
    return symlinkat(target, o->directory, name) == 0 || failed(o, name);
}

static bool put_directory(const struct outfit *o, const char *name)
{
    return mkdirat(o->directory, name, 0700) == 0 || failed(o, name);
}

static FILE *put_file(const struct outfit *o, const char *name)
{
    int fd = openat(o->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

    if (f == NULL)
        failed(o, name);
    return f;
}

static bool end_file(const struct outfit *o, FILE *f, const char *name)
{
    bool ok = !ferror(f);

    return (fclose(f) == 0 && ok) || failed(o, name);
}

/* ---- Test cards: PIN 123456, PUK 12345678, the factory's management key ---- */

static enum err factory(struct secret **pin, struct secret **puk, struct secret **management)
{
    enum err e = factory_pin(pin);

    if (e == ERR_NONE)
        e = factory_puk(puk);
    if (e == ERR_NONE)
        e = factory_management(ALG_3DES, management);
    return e;
}

static enum err test_card(const struct outfit *o, const struct run_reader *reader, const char *path,
                          struct why *why)
{
    struct secret *pin = NULL, *puk = NULL, *management = NULL;
    struct piv_env env = state_env(o->state);
    struct settings settings;
    struct card *card = NULL;
    enum err e = factory(&pin, &puk, &management);

    settings_default(&settings);
    struct tries tries = { 0 };
    tries.left[PIN_APPLICATION] = tries.allowed[PIN_APPLICATION] = (uint8_t)settings.pin_tries;
    tries.left[PIN_PUK] = tries.allowed[PIN_PUK] = (uint8_t)settings.puk_tries;
    if (e == ERR_NONE) {
        const struct card_plan plan = {
            .persona = o->plan->persona,
            .test = true,
            .log_n = SEAL_LOG_N_TEST,
            .pin = pin,
            .puk = puk,
            .management_alg = ALG_3DES,
            .management = management,
        };
        e = card_new(&env, &plan, &card);
    }
    if (e == ERR_NONE && reader->what != NULL)
        e = import_bundle(&env, card, reader->what, reader->password, why);
    if (e == ERR_NONE)
        e = cardfile_create(path, o->state, card, &tries, why);
    card_free(card);
    secret_free(management);
    secret_free(puk);
    secret_free(pin);
    return e;
}

/* put_seed — before the state is opened, which looks for it. */
static bool put_seed(const struct outfit *o)
{
    FILE *f = put_directory(o, "state") ? put_file(o, "state/seed") : NULL;

    if (f == NULL)
        return false;
    fputs(o->plan->seed, f);
    return end_file(o, f, "state/seed");
}

static bool open_test_state(struct outfit *o)
{
    struct why why = { "" };
    char path[PATH_MAX];
    enum err e;

    if (o->state != NULL)
        return true;
    snprintf(path, sizeof path, "%s/state", o->plan->directory);
    if (o->plan->seed != NULL && !put_seed(o))
        return false;
    e = state_open(path, true, false, NULL, &o->state, &why);
    return e == ERR_NONE || (cli_fail(o->cli, e, &why), false);
}

/* make_test — a fresh card for reader i.  reader: what its entries lead to. */
static bool make_test(struct outfit *o, size_t i, char card[PATH_MAX], char state[PATH_MAX])
{
    struct why why = { "" };
    char suffix[24] = "";
    enum err e;

    if (!open_test_state(o))
        return false;
    if (i > 0)
        snprintf(suffix, sizeof suffix, "-%zu", i);
    snprintf(card, PATH_MAX, "%s/cards/test%s.card", o->plan->directory, suffix);
    snprintf(state, PATH_MAX, "%s", state_directory(o->state));
    e = test_card(o, &o->plan->readers[i], card, &why);
    return e == ERR_NONE || (cli_fail(o->cli, e, &why), false);
}

/* ---- Cards of the store ---- */

/* check_card — as the reader will open it: what is wrong is said here, not in a log.  Its persona names the
 * reader. */
static bool check_card(struct outfit *o, const char *path, const struct persona **persona)
{
    struct cardfile *file = NULL;
    struct card *card = NULL;
    struct why why = { "" };
    enum err e;

    if (!cli_state(o->cli, false))
        return false;
    e = cardfile_open(path, o->cli->state, &file, &card, &why);
    if (e == ERR_NONE)
        *persona = card->persona;
    card_free(card);
    cardfile_close(file);
    return e == ERR_NONE || (cli_fail(o->cli, e, &why), false);
}

/* store_state — where cards of the store have their tries, also one that is put into an empty reader then. */
static bool store_state(struct outfit *o, char state[PATH_MAX])
{
    return cli_state(o->cli, true)
        && (realpath(state_directory(o->cli->state), state) != NULL
            || (cli_refuse(o->cli, "%s: %s", state_directory(o->cli->state), strerror(errno)), false));
}

/* ---- Readers ---- */

static bool put_settings(const struct outfit *o, size_t i, const struct persona *persona)
{
    char name[64];
    FILE *f;

    snprintf(name, sizeof name, "readers/%zu/settings", i);
    f = put_file(o, name);
    if (f == NULL)
        return false;
    fprintf(f, "persona = \"%s\";\n", persona->name);
    if (o->plan->touch != NULL)
        fprintf(f, "touch = \"%s\";\n", o->plan->touch);
    if (o->plan->slots > 1)
        fprintf(f, "slots = %u;\n", o->plan->slots);
    if (o->plan->pinpad)
        fputs("pinpad = true;\n", f);
    return end_file(o, f, name);
}

/* put_trace — its entries are there before the reader is, so that nothing is missed. */
static bool put_trace(const struct outfit *o, size_t i)
{
    char name[64];
    FILE *f;

    if (o->plan->trace == NULL)
        return true;
    snprintf(name, sizeof name, "readers/%zu/unmask", i);
    if (o->plan->unmask && ((f = put_file(o, name)) == NULL || !end_file(o, f, name)))
        return false;
    snprintf(name, sizeof name, "readers/%zu/trace", i);
    return put_link(o, o->plan->trace_path, name);
}

static bool put_faults(const struct outfit *o, size_t i)
{
    char name[64], *text = NULL;
    FILE *f;
    bool ok;

    if (o->plan->faults == NULL)
        return true;
    if (conftext_read(o->plan->faults, &text, NULL) != ERR_NONE)
        return cli_refuse(o->cli, "%s: it has just changed", o->plan->faults), false;
    snprintf(name, sizeof name, "readers/%zu/faults", i);
    f = put_file(o, name);
    ok = f != NULL && fputs(text, f) >= 0;
    ok = f != NULL && end_file(o, f, name) && ok;
    free(text);
    return ok;
}

static bool put_reader(struct outfit *o, size_t i)
{
    const struct run_reader *reader = &o->plan->readers[i];
    const struct persona *persona = o->plan->persona;
    char card[PATH_MAX] = "", state[PATH_MAX], name[64];
    bool ok = reader->kind == RUN_TEST ? make_test(o, i, card, state)
            : reader->kind == RUN_EMPTY ? store_state(o, state)
            : check_card(o, strcpy(card, reader->path), &persona) && store_state(o, state);

    snprintf(name, sizeof name, "readers/%zu", i);
    ok = ok && put_directory(o, name);
    snprintf(name, sizeof name, "readers/%zu/state", i);
    ok = ok && put_link(o, state, name);
    snprintf(name, sizeof name, "readers/%zu/card", i);
    ok = ok && (card[0] == '\0' || put_link(o, card, name));
    ok = ok && put_settings(o, i, persona) && put_trace(o, i) && put_faults(o, i);
    /* The colon keeps pcscd from looking for a device file.  Further slots' directories follow the first one's. */
    if (ok && (o->plan->slots < 2 || i % o->plan->slots == 0))
        fprintf(o->configuration,
                "FRIENDLYNAME \"%s\"\nDEVICENAME %s/readers/%zu:\nLIBPATH %s/libifdvpiv.so\n",
                o->plan->reader_name != NULL ? o->plan->reader_name : persona->reader, o->plan->directory, i,
                o->plan->directory);
    return ok;
}

bool outfit_make(struct cli *cli, const struct run_plan *plan, int directory)
{
    struct outfit o = { .cli = cli, .plan = plan, .directory = directory };
    bool ok = secret_heap();

    if (!ok)
        cli_refuse(cli, "there is no protected memory for secrets");
    /* A link: the library's own path may hold characters that pcscd's configuration cannot. */
    ok = ok && put_link(&o, plan->driver, "libifdvpiv.so") && put_directory(&o, "cards")
        && put_directory(&o, "readers") && put_directory(&o, "usb");
    o.configuration = ok ? put_file(&o, "reader.conf") : NULL;
    ok = o.configuration != NULL;
    for (size_t i = 0; ok && i < plan->n; i++)
        ok = put_reader(&o, i);
    if (o.configuration != NULL)
        ok = end_file(&o, o.configuration, "reader.conf") && ok;
    state_close(o.state);
    return ok;
}
