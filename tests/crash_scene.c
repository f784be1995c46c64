/* SPDX-License-Identifier: BSD-2-Clause */
/* crash_scene.c — what a card lives through, as a table: each scene is done step by step, and each step may be the last
 * that the process does. */
#include "tests/crash.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/x509.h>

#include "applet/alg.h"
#include "applet/key.h"
#include "conf/store.h"

static struct {
    EVP_PKEY *first, *second;
    X509 *first_cert, *second_cert;
    uint8_t scalar[32]; /* of the second */
} stuff;

static X509 *certificate_of(EVP_PKEY *key, const char *name)
{
    X509 *cert = X509_new();
    X509_NAME *subject = cert == NULL ? NULL : X509_get_subject_name(cert);

    if (subject != NULL && X509_set_version(cert, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(cert), 86400) != NULL &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) == 1 &&
        X509_set_issuer_name(cert, subject) == 1 && X509_set_pubkey(cert, key) == 1 &&
        X509_sign(cert, key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

bool scene_stuff(void)
{
    struct secret *private = NULL;
    struct in body, value;
    bool ok;

    stuff.first = EVP_EC_gen("P-256");
    stuff.second = EVP_EC_gen("P-256");
    if (stuff.first == NULL || stuff.second == NULL ||
        key_encode_private(stuff.second, alg_by_id(ALG_P256), &private) != ERR_NONE)
        return false;
    body = secret_in(private);
    ok = tlv_get(&body, 0x06, &value) && value.n == sizeof stuff.scalar;
    if (ok)
        memcpy(stuff.scalar, value.p, value.n);
    secret_free(private);
    stuff.first_cert = certificate_of(stuff.first, "First");
    stuff.second_cert = certificate_of(stuff.second, "Second");
    return ok && stuff.first_cert != NULL && stuff.second_cert != NULL;
}

void scene_stuff_free(void)
{
    X509_free(stuff.first_cert);
    X509_free(stuff.second_cert);
    EVP_PKEY_free(stuff.first);
    EVP_PKEY_free(stuff.second);
}

/* --- steps ---------------------------------------------------------------------------------------------- */

static enum err new_card(const struct piv_env *env, const char *persona, struct card **card)
{
    struct card_plan plan = { .persona = persona_by_name(persona), .test = true, .log_n = SEAL_LOG_N_TEST,
                              .management_alg = ALG_3DES, .empty = true };
    struct secret *pin = NULL, *puk = NULL, *management = NULL;
    const struct keyref *ref = keyref_by_name("9a");
    enum err e = factory_pin(&pin);

    *card = NULL;
    if (e == ERR_NONE)
        e = factory_puk(&puk);
    if (e == ERR_NONE)
        e = factory_management(ALG_3DES, &management);
    plan.pin = pin;
    plan.puk = puk;
    plan.management = management;
    if (e == ERR_NONE)
        e = card_new(env, &plan, card);
    if (e == ERR_NONE)
        e = card_put_key(env, *card, ref, stuff.first, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT, ORIGIN_IMPORTED,
                         "one");
    if (e == ERR_NONE)
        e = card_put_certificate(*card, ref, stuff.first_cert);
    secret_free(pin);
    secret_free(puk);
    secret_free(management);
    return e;
}

enum err rig_make(struct rig *rig, const char *persona, uint8_t limit)
{
    const struct tries tries = { { limit, limit, 0 }, { limit, limit, 0 } };
    char cards[PATH_ROOM + 8];
    struct state *state = NULL;
    struct card *card = NULL;
    struct piv_env env;
    enum err e;

    snprintf(cards, sizeof cards, "%s/cards", rig->root);
    e = state_open(rig->state_path, true, false, NULL, &state, NULL);
    if (e == ERR_NONE)
        e = make_directories(cards, false, NULL);
    if (e == ERR_NONE) {
        env = state_env(state);
        e = new_card(&env, persona, &card);
    }
    if (e == ERR_NONE)
        e = cardfile_create(rig->card_path, state, card, &tries, NULL);
    card_free(card);
    state_close(state);
    return e;
}

static sw_t step_make(struct rig *rig)
{
    return sw_of(rig_make(rig, "piv", 3));
}

static sw_t step_renew(struct rig *rig)
{
    const struct keyref *ref = keyref_by_name("9a");
    struct card *next = NULL;
    enum err e = card_copy(piv_card(rig->piv), &next);

    if (e == ERR_NONE)
        e = card_put_key(&rig->inner, next, ref, stuff.second, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT,
                         ORIGIN_IMPORTED, "two");
    if (e == ERR_NONE)
        e = card_put_certificate(next, ref, stuff.second_cert);
    if (e == ERR_NONE)
        e = card_add_chain(next, stuff.first_cert);
    if (e == ERR_NONE)
        return sw_of(piv_commit(rig->piv, next));
    card_free(next);
    return sw_of(e);
}

static sw_t step_adopt(struct rig *rig)
{
    static const struct tries fresh = { { 3, 3, 0 }, { 3, 3, 0 } };
    struct state *state = NULL;
    enum err e = state_open(rig->state_path, false, false, NULL, &state, NULL);

    memset(rig->report->credit, 3, 2);
    journal_mark(rig->report->acked, rig->report->credit, rig->report->sure);
    if (e == ERR_NONE)
        e = cardfile_adopt(rig->card_path, state, &fresh, NULL);
    if (e == ERR_NONE)
        memset(rig->report->sure, 3, 2);
    state_close(state);
    return sw_of(e);
}

static sw_t step_right(struct rig *rig)
{
    return rig_verify(rig, OLD);
}

static sw_t step_right_new(struct rig *rig)
{
    return rig_verify(rig, NEW);
}

static sw_t step_wrong(struct rig *rig)
{
    return rig_verify(rig, WRONG);
}

static sw_t step_change_pin(struct rig *rig)
{
    return rig_change(rig, 0x24, 0x80, pin_value(PIN_APPLICATION, OLD), pin_value(PIN_APPLICATION, NEW));
}

static sw_t step_change_wrong(struct rig *rig)
{
    return rig_change(rig, 0x24, 0x80, pin_value(PIN_APPLICATION, WRONG), pin_value(PIN_APPLICATION, OLD));
}

static sw_t step_change_puk(struct rig *rig)
{
    return rig_change(rig, 0x24, 0x81, pin_value(PIN_PUK, OLD), pin_value(PIN_PUK, NEW));
}

static sw_t step_unblock_wrong(struct rig *rig)
{
    return rig_change(rig, 0x2C, 0x80, pin_value(PIN_PUK, WRONG), pin_value(PIN_APPLICATION, NEW));
}

static sw_t step_unblock(struct rig *rig)
{
    return rig_change(rig, 0x2C, 0x80, pin_value(PIN_PUK, OLD), pin_value(PIN_APPLICATION, NEW));
}

/* Every change that needs key 9B proves it first. */
static sw_t manage(struct rig *rig, uint8_t ins, uint8_t p1, uint8_t p2, const char *data, size_t n)
{
    if (!rig_admin(rig, OLD))
        return SW_MEMORY_FAILURE;
    return rig_send(rig, ins, p1, p2, in_of(data, n));
}

static sw_t generate(struct rig *rig, uint8_t ref)
{
    sw_t sw = manage(rig, 0x47, 0x00, ref, "\xAC\x03\x80\x01\x11", 5);
    struct in answer = rig_answer(), body;

    if (sw == SW_SUCCESS && tlv_get(&answer, 0x7F49, &body))
        digest(body, rig->report->made[ref]);
    return sw;
}

static sw_t step_generate_9c(struct rig *rig)
{
    return generate(rig, 0x9C);
}

static sw_t step_generate_9a(struct rig *rig)
{
    return generate(rig, 0x9A);
}

static sw_t put(struct rig *rig, size_t n)
{
    uint8_t bytes[4096], value[3000];
    struct out data = out_of(bytes, sizeof bytes);

    memset(value, 'v', sizeof value);
    tlv_put(&data, 0x5C, in_of("\x5F\xC1\x09", 3));
    tlv_put(&data, 0x53, in_of(value, n));
    return manage(rig, 0xDB, 0x3F, 0xFF, (const char *)bytes, data.n);
}

static sw_t step_put(struct rig *rig)
{
    return put(rig, 100);
}

static sw_t step_put_more(struct rig *rig)
{
    return put(rig, 3000);
}

static sw_t step_delete(struct rig *rig)
{
    return put(rig, 0);
}

static sw_t step_reset(struct rig *rig)
{
    return rig_send(rig, 0xFB, 0, 0, in_of(NULL, 0));
}

static sw_t step_retries(struct rig *rig)
{
    sw_t sw = rig_verify(rig, OLD);

    return sw != SW_SUCCESS ? sw : manage(rig, 0xFA, 5, 4, NULL, 0);
}

static sw_t step_import(struct rig *rig)
{
    uint8_t bytes[64];
    struct out data = out_of(bytes, sizeof bytes);

    tlv_put(&data, 0x06, in_of(stuff.scalar, sizeof stuff.scalar));
    return manage(rig, 0xFE, ALG_P256, 0x9D, (const char *)bytes, data.n);
}

static sw_t step_move(struct rig *rig)
{
    return manage(rig, 0xF6, 0x82, 0x9A, NULL, 0);
}

static sw_t step_delete_key(struct rig *rig)
{
    return manage(rig, 0xF6, 0xFF, 0x82, NULL, 0);
}

static sw_t step_management(struct rig *rig)
{
    uint8_t bytes[32];
    struct out data = out_of(bytes, sizeof bytes);

    out_u8(&data, ALG_3DES);
    tlv_put(&data, KEYREF_MANAGEMENT, management_value(NEW));
    return manage(rig, 0xFF, 0xFF, 0xFF, (const char *)bytes, data.n);
}

/* --- what goes before ----------------------------------------------------------------------------------- */

static sw_t block_pin(struct rig *rig)
{
    while (rig_verify(rig, WRONG) != SW_BLOCKED)
        continue;
    return SW_SUCCESS;
}

static sw_t block_both(struct rig *rig)
{
    while (step_unblock_wrong(rig) != SW_BLOCKED)
        continue;
    return block_pin(rig);
}

/* The card of yesterday is put back: its owner has to adopt it. */
static sw_t put_back(struct rig *rig)
{
    struct tree *tree = calloc(1, sizeof *tree), *later = calloc(1, sizeof *later);
    bool ok = tree != NULL && later != NULL && step_wrong(rig) == (SW_TRIES | 2) && tree_load(tree, rig->root) &&
              step_put(rig) == SW_SUCCESS && tree_load(later, rig->root);

    for (unsigned i = 0; ok && i < tree->n_names; i++) {
        struct node *old = &tree->nodes[tree->names[i].id];

        for (unsigned k = 0; k < later->n_names && strcmp(tree->names[i].name, "x.card") == 0; k++) {
            struct node *new = &later->nodes[later->names[k].id], swap = *new;

            if (strcmp(later->names[k].name, "x.card") != 0)
                continue;
            new->p = old->p, new->n = old->n;
            old->p = swap.p, old->n = swap.n;
        }
    }
    ok = ok && tree_save(later, rig->root);
    if (ok) {
        tree_clear(tree);
        tree_clear(later);
    }
    free(tree);
    free(later);
    return ok ? SW_SUCCESS : SW_MEMORY_FAILURE;
}

#define OK SW_SUCCESS
#define LEFT(n) (SW_TRIES | (n))

const struct scene scenes[] = {
    { .name = "make a card", .persona = "piv", .limit = 3, .empty = true, .closed = true,
      .steps = { { "make", step_make, OK } } },
    { .name = "renew key and certificate", .persona = "piv", .limit = 3,
      .steps = { { "renew", step_renew, OK } } },
    { .name = "verify", .persona = "piv", .limit = 8, .guesses = true,
      .steps = { { "wrong", step_wrong, LEFT(7), .wrong = true }, { "wrong", step_wrong, LEFT(6), .wrong = true },
                 { "right", step_right, OK }, { "wrong", step_wrong, LEFT(7), .wrong = true },
                 { "right", step_right, OK }, { "right again", step_right, OK } } },
    { .name = "block", .persona = "piv", .limit = 3, .guesses = true,
      .steps = { { "wrong", step_wrong, LEFT(2), .wrong = true }, { "wrong", step_wrong, LEFT(1), .wrong = true },
                 { "wrong", step_wrong, LEFT(0), .wrong = true },
                 { "wrong", step_wrong, SW_BLOCKED, .wrong = true } } },
    { .name = "change PIN and PUK", .persona = "piv", .limit = 3, .guesses = true,
      .steps = { { "PIN", step_change_pin, OK }, { "wrong", step_change_wrong, LEFT(2), .wrong = true },
                 { "PUK", step_change_puk, OK } } },
    { .name = "unblock", .persona = "piv", .limit = 3, .guesses = true, .prepare = block_pin,
      .steps = { { "wrong", step_unblock_wrong, LEFT(2), .wrong = true }, { "right", step_unblock, OK, .again = true },
                 { "verify", step_right_new, OK } } },
    { .name = "generate", .persona = "piv", .limit = 3,
      .steps = { { "9c", step_generate_9c, OK, .makes = 0x9C }, { "9a", step_generate_9a, OK, .makes = 0x9A } } },
    { .name = "put and delete data", .persona = "piv", .limit = 3,
      .steps = { { "put", step_put, OK }, { "put more", step_put_more, OK }, { "delete", step_delete, OK } } },
    { .name = "reset", .persona = "yubikey", .limit = 3, .guesses = true, .prepare = block_both,
      .steps = { { "reset", step_reset, OK, .again = true }, { "verify", step_right, OK } } },
    { .name = "set retries", .persona = "yubikey", .limit = 3, .guesses = true,
      .steps = { { "set", step_retries, OK, .again = true } } },
    { .name = "import a key", .persona = "yubikey", .limit = 3, .steps = { { "import", step_import, OK } } },
    { .name = "move and delete a key", .persona = "yubikey", .limit = 3,
      .steps = { { "move", step_move, OK }, { "delete", step_delete_key, OK } } },
    { .name = "set the management key", .persona = "yubikey", .limit = 3,
      .steps = { { "set", step_management, OK } } },
    { .name = "adopt", .persona = "piv", .limit = 3, .guesses = true, .closed = true, .prepare = put_back,
      .steps = { { "adopt", step_adopt, OK } } },
};
const size_t n_scenes = sizeof scenes / sizeof scenes[0];

unsigned scene_steps(const struct scene *scene)
{
    unsigned n = 0;

    while (n < STEPS_MAX && scene->steps[n].run != NULL)
        n++;
    return n;
}

bool scene_base(const struct scene *scene, struct rig *rig)
{
    bool ok;

    if (scene->empty)
        return true;
    ok = rig_make(rig, scene->persona, scene->limit) == ERR_NONE;
    if (ok && scene->prepare != NULL) {
        ok = rig_open(rig) == ERR_NONE && scene->prepare(rig) == SW_SUCCESS;
        rig_close(rig);
    }
    return ok;
}

static bool as_expected(const struct step *step, sw_t sw, bool later)
{
    return sw == step->expected || (later && step->wrong && ((sw & 0xFFF0) == SW_TRIES || sw == SW_BLOCKED));
}

void scene_run(const struct scene *scene, struct rig *rig, unsigned from, unsigned to, bool later)
{
    struct report *report = rig->report;
    enum err e = scene->closed ? ERR_NONE : rig_open(rig);

    report->acked = from;
    journal_mark(from, report->credit, report->sure);
    report->failed = e != ERR_NONE;
    report->sw = sw_of(e);
    for (unsigned i = from; i < to && !report->failed; i++) {
        report->sw = scene->steps[i].run(rig);
        report->failed = !as_expected(&scene->steps[i], report->sw, later);
        if (!report->failed)
            report->acked = i + 1;
        journal_mark(report->acked, report->credit, report->sure);
    }
}

/* --- a place -------------------------------------------------------------------------------------------- */

bool scratch_root(char path[PATH_ROOM])
{
    const char *base = getenv("TMPDIR");

    if (base == NULL || base[0] != '/' || strlen(base) > 100)
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, PATH_ROOM, "%s/vpiv-crash.XXXXXX", base);
    return mkdtemp(path) != NULL;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st, (void)type, (void)walk;
    return remove(path);
}

void scratch_gone(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
