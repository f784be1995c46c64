/* SPDX-License-Identifier: BSD-2-Clause */
/* reader.c — presence, power and exchange of one reader; the only lock of the driver is here. */
#include "driver/reader.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/settings.h"
#include "driver/finger.h"
#include "driver/host.h"
#include "driver/log.h"
#include "driver/pinpad.h"
#include "driver/stage.h"
#include "driver/vault.h"
#include "driver/watch.h"

enum {
    RETRY_MS = 1000, /* a card that cannot be read for reasons outside its directories: look again */
    SETTLE_MAX = 8,  /* loads of a card that keeps changing, in one look */
};

struct reader {
    pthread_mutex_t lock; /* `host`, and all that is done with the card */
    struct host *host;    /* the card that is shown, or NULL; replaced in reader_poll alone */
    atomic_bool shown;    /* host != NULL, to be read without the lock */
    bool lost;            /* the card went while its exchange waited for a touch */
    struct finger finger;
    uint64_t insertion;   /* counts the cards that were shown */
    struct pinpad *pinpad;
    int slots;
    struct stage stage;   /* who listens or plays tricks; under the lock */
    atomic_bool staged;   /* somebody does: the one question that an exchange asks without the lock */
    int events;           /* inotify of the card's tries record: not the watch's, for it is read by exchanges */

    /* The event thread's own (and reader_new's, before there is one). */
    struct watch *watch;
    OSSL_LIB_CTX *lib;
    struct settings settings; /* read before a card is shown: its exchanges read them too */
    uint64_t hidden_until; /* a swapped card stays absent this long */
    uint64_t retry_at;     /* 0 = nothing to try again */
    struct why said;       /* the last line about a card that did not load: said once */
    struct why said_settings;
    char directory[PATH_MAX];
    char entry[PATH_MAX];  /* DIRECTORY/card */
};

/* follow — (re)new the watches: the reader's directory, and where its entry leads. */
static void follow(struct reader *r)
{
    char target[PATH_MAX], path[2 * PATH_MAX];
    ssize_t n = readlink(r->entry, target, sizeof target - 1);

    if (n <= 0) {
        watch_follow(r->watch, NULL);
        return;
    }
    target[n] = '\0';
    if (target[0] == '/')
        snprintf(path, sizeof path, "%s", target);
    else
        snprintf(path, sizeof path, "%s/%s", r->directory, target);
    watch_follow(r->watch, realpath(path, target) != NULL ? target : path);
}

/* say_once — not each second the same. */
static void say_once(struct reader *r, struct why *said, const struct why *why)
{
    if (strcmp(said->text, why->text) == 0)
        return;
    *said = *why;
    if (why->text[0] != '\0')
        log_line(LEVEL_ERROR, "reader %s: %s", r->directory, why->text);
}

static void read_settings(struct reader *r)
{
    struct settings now;
    struct why why = { "" };
    char own[PATH_MAX];
    int n = snprintf(own, sizeof own, "%s/settings", r->directory);

    settings_default(&now);
    enum err e = ERR_NONE;
    if (is_system(r->directory))
        e = settings_read(VPIV_SYSCONFDIR "/vpiv/vpiv.conf", &now, &why);
    if (e == ERR_NONE && n > 0 && (size_t)n < sizeof own)
        e = settings_read(own, &now, &why);
    if (e == ERR_NONE)
        r->settings = now; /* a file with a fault in it changes nothing */
    say_once(r, &r->said_settings, &why);
    pinpad_set(r->pinpad, r->settings.pinpad);
}

/* passing — what may be over soon without any change of the card file: another's lock, a host key to come. */
static bool passing(enum err e)
{
    return e == ERR_BUSY || e == ERR_STORE || e == ERR_MEMORY || e == ERR_NOT_FOUND;
}

static void show(struct reader *r, struct host *host)
{
    pthread_mutex_lock(&r->lock);
    struct host *before = r->host;
    r->host = host;
    r->insertion += host != NULL;
    atomic_store(&r->shown, host != NULL);
    trace_card(r->stage.trace, host != NULL ? piv_card(host->piv) : NULL);
    pthread_mutex_unlock(&r->lock);
    /* pcscd tells a driver of no removal, so this is where a removed card forgets its PIN. */
    host_close(before);
}

/* card_is_there — with the lock held; asked while an exchange waits for a touch, and while a PIN is entered. */
static bool card_is_there(void *ctx)
{
    const struct reader *r = ctx;
    char path[PATH_MAX];

    return realpath(r->entry, path) != NULL && host_same(r->host, path);
}

static enum err wait_for_finger(void *ctx, uint8_t ref)
{
    struct reader *r = ctx;
    enum err e = finger_wait(&r->finger, &r->settings, r->host->path, ref);

    r->lost = e == ERR_ABSENT;
    return e;
}

/* load — the card under `path`.  True: it is shown now.  *again: something changed meanwhile. */
static bool load(struct reader *r, const char *path, bool *again)
{
    struct why why = { "" };
    struct host *host = NULL;
    const struct seat seat = { r->directory, r->lib, wait_for_finger, r, &r->events };
    enum err e = host_open(&seat, path, &host, &why);

    /* An event up to here may belong to what was read or not; one that comes later is a change for sure. */
    *again = watch_drain(r->watch) != WATCH_TIMEOUT;
    if (*again) {
        host_close(host);
        return false;
    }
    say_once(r, &r->said, &why);
    r->retry_at = passing(e) ? watch_clock() + RETRY_MS : 0;
    if (e != ERR_NONE)
        return false;
    log_line(LEVEL_INFO, "reader %s: card %s", r->directory, path);
    show(r, host);
    return true;
}

/* look_around — who listens, what is played?  This thread alone changes it; an exchange may hold the lock for long. */
static void look_around(struct reader *r)
{
    const struct stage before = r->stage, now = stage_look(&before, r->directory);

    if (now.trace == before.trace && now.tricks == before.tricks)
        return;
    pthread_mutex_lock(&r->lock);
    r->stage = now;
    if (now.trace != before.trace)
        trace_card(now.trace, r->host != NULL ? piv_card(r->host->piv) : NULL);
    atomic_store(&r->staged, now.trace != NULL || now.tricks != NULL);
    pthread_mutex_unlock(&r->lock);
    stage_leave(&before, &now);
}

/* look — compare what is there with what is shown.  True: what is shown has changed. */
static bool look(struct reader *r, enum watch_event event)
{
    char path[PATH_MAX];
    bool again = true;

    look_around(r);
    for (int i = 0; i < SETTLE_MAX && again; i++) {
        follow(r);
        if (watch_drain(r->watch) == WATCH_REPLACED)
            event = WATCH_REPLACED;
        bool there = realpath(r->entry, path) != NULL;
        if (r->host != NULL) {
            if (there && event != WATCH_REPLACED && atomic_load(&r->shown) && host_same(r->host, path))
                return false;
            log_line(LEVEL_INFO, "reader %s: no card", r->directory);
            show(r, NULL);
            r->hidden_until = there ? watch_clock() + (uint64_t)r->settings.absent_ms : 0;
            return true;
        }
        if (i == 0)
            read_settings(r);
        if (!there) {
            r->said.text[0] = '\0';
            r->retry_at = r->hidden_until = 0;
            return false;
        }
        if (watch_clock() < r->hidden_until)
            return false;
        if (load(r, path, &again))
            return true;
    }
    if (again)
        r->retry_at = watch_clock() + RETRY_MS;
    return false;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return b != 0 && b < a ? b : a;
}

void reader_poll(struct reader *r, int ms)
{
    uint64_t deadline = watch_clock() + (ms > 0 ? (uint64_t)ms : 0);
    enum watch_event event = WATCH_LOOK;

    while (!look(r, event)) {
        uint64_t hidden = watch_clock() < r->hidden_until ? r->hidden_until : 0;
        event = watch_wait(r->watch, sooner(sooner(deadline, r->retry_at), hidden));
        if (event == WATCH_STOPPED || (event == WATCH_TIMEOUT && watch_clock() >= deadline))
            return;
    }
}

void reader_stop(struct reader *r)
{
    watch_stop(r->watch);
    pinpad_wake(r->pinpad); /* pcscd stops an event thread when no client is left, or at its end */
}

void reader_close(struct reader *r)
{
    finger_stop(&r->finger);
    reader_stop(r);
}

struct reader *reader_new(const char *directory, OSSL_LIB_CTX *lib)
{
    struct reader *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    snprintf(r->directory, sizeof r->directory, "%s", directory);
    if (snprintf(r->entry, sizeof r->entry, "%s/card", r->directory) >= (int)sizeof r->entry)
        log_line(LEVEL_ERROR, "reader %s: the path is too long", r->directory);
    r->lib = lib;
    r->finger = (struct finger){ .directory = r->directory, .there = card_is_there, .ctx = r };
    settings_default(&r->settings);
    r->events = -1;
    r->watch = watch_new(directory, "card");
    r->pinpad = pinpad_new(directory);
    if (r->watch == NULL || r->pinpad == NULL) {
        reader_free(r);
        return NULL;
    }
    (void)look(r, WATCH_LOOK);
    r->slots = r->settings.slots;
    return r;
}

void reader_free(struct reader *r)
{
    if (r == NULL)
        return;
    host_close(r->host);
    stage_leave(&r->stage, &(struct stage){ NULL, NULL });
    watch_free(r->watch);
    if (r->events >= 0)
        close(r->events);
    pinpad_free(r->pinpad);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

bool reader_present(const struct reader *r)
{
    return atomic_load(&r->shown);
}

enum err reader_power(struct reader *r, struct out *atr)
{
    enum err e = ERR_ABSENT;

    pthread_mutex_lock(&r->lock);
    if (tricks_mute(r->stage.tricks, watch_clock())) {
        e = ERR_STORE;
    } else if (r->host != NULL) {
        const struct atr *a = piv_power(r->host->piv);
        out_put(atr, in_of(a->bytes, a->n));
        e = atr->bad ? ERR_FULL : ERR_NONE;
        trace_power(r->stage.trace, in_of(a->bytes, a->n));
    }
    pthread_mutex_unlock(&r->lock);
    vault_sweep();
    return e;
}

void reader_unpower(struct reader *r)
{
    pthread_mutex_lock(&r->lock);
    if (r->host != NULL) {
        piv_unpower(r->host->piv);
        trace_off(r->stage.trace);
    }
    pthread_mutex_unlock(&r->lock);
    vault_sweep();
}

/* exchange — with whatever card is in (number 0), or that one. */
static enum err exchange(struct reader *r, uint64_t number, struct in command, struct out *rsp)
{
    enum err e = ERR_ABSENT;

    vault_prepare(r->lib, command.p, command.n);
    pthread_mutex_lock(&r->lock);
    if (r->host != NULL && (number == 0 || number == r->insertion)) {
        if (!piv_powered(r->host->piv))
            (void)piv_power(r->host->piv);
        piv_exchange(r->host->piv, command, rsp);
        /* pcscd takes the error for the removal itself, and must not be told otherwise until the event thread,
         * which may wait for pcscd's own lock, has seen it too. */
        if (r->lost)
            atomic_store(&r->shown, false);
        else
            e = ERR_NONE;
        r->lost = false;
    }
    pthread_mutex_unlock(&r->lock);
    return e;
}

/* ---- An exchange that somebody listens to or plays tricks on ---- */

static void lose(struct out *rsp)
{
    OPENSSL_cleanse(rsp->p, rsp->n);
    out_cut(rsp, 0);
}

/* take_out — as `vpiv eject` does it.  What pcscd is shown changes at once, for the reason that exchange has. */
static enum err take_out(struct reader *r)
{
    char ejected[PATH_MAX];

    if (snprintf(ejected, sizeof ejected, "%s/ejected", r->directory) < (int)sizeof ejected
        && rename(r->entry, ejected) == 0)
        atomic_store(&r->shown, false);
    return ERR_ABSENT;
}

/* exchange_cut — the power goes at the n-th write; 0: it stays. */
static enum err exchange_cut(struct reader *r, uint64_t number, unsigned n, struct in command, struct out *rsp)
{
    pthread_mutex_lock(&r->lock);
    if (r->host != NULL)
        r->host->cut.at = n;
    pthread_mutex_unlock(&r->lock);
    enum err e = exchange(r, number, command, rsp);
    pthread_mutex_lock(&r->lock);
    if (r->host != NULL && r->host->cut.fell) {
        piv_unpower(r->host->piv);
        lose(rsp);
        e = ERR_STORE;
    }
    if (r->host != NULL) {
        r->host->cut.at = 0;
        r->host->cut.fell = false;
    }
    pthread_mutex_unlock(&r->lock);
    return e;
}

static enum err exchange_staged(struct reader *r, uint64_t number, struct in command, struct out *rsp)
{
    uint64_t began = trace_clock();
    struct verdict v;
    enum err e;

    pthread_mutex_lock(&r->lock);
    stage_judge(&r->stage, command, &v);
    pthread_mutex_unlock(&r->lock);
    if (v.delay > 0)
        stage_pause(v.delay);
    if (v.remove) {
        e = take_out(r);
    } else if (v.mute) {
        e = ERR_STORE;
    } else if (v.sw != 0 && reader_present(r)) {
        out_u16(rsp, v.sw);
        e = ERR_NONE;
    } else {
        e = exchange_cut(r, number, v.cut, command, rsp);
    }
    if (v.drop && e == ERR_NONE) {
        lose(rsp);
        e = ERR_STORE;
    }
    pthread_mutex_lock(&r->lock);
    trace_apdu(r->stage.trace, began, command, e == ERR_NONE ? out_in(rsp) : in_of(NULL, 0));
    pthread_mutex_unlock(&r->lock);
    return e;
}

static enum err exchange_any(struct reader *r, uint64_t number, struct in command, struct out *rsp)
{
    return atomic_load_explicit(&r->staged, memory_order_relaxed) ? exchange_staged(r, number, command, rsp)
                                                                  : exchange(r, number, command, rsp);
}

enum err reader_exchange(struct reader *r, struct in command, struct out *rsp)
{
    return exchange_any(r, 0, command, rsp);
}

enum err reader_exchange_with(struct reader *r, uint64_t number, struct in command, struct out *rsp)
{
    return exchange_any(r, number, command, rsp);
}

bool reader_insertion(struct reader *r, uint64_t *number, char path[PATH_MAX])
{
    pthread_mutex_lock(&r->lock);
    bool there = r->host != NULL;
    *number = r->insertion;
    snprintf(path, PATH_MAX, "%s", there ? r->host->path : "");
    pthread_mutex_unlock(&r->lock);
    return there;
}

bool reader_still(struct reader *r, uint64_t number)
{
    pthread_mutex_lock(&r->lock);
    bool there = r->host != NULL && r->insertion == number && card_is_there(r);
    pthread_mutex_unlock(&r->lock);
    return there;
}

int reader_slots(const struct reader *r)
{
    return r->slots;
}

struct pinpad *reader_pinpad(struct reader *r)
{
    return r->pinpad;
}

const char *reader_directory(const struct reader *r)
{
    return r->directory;
}

bool reader_atr(struct reader *r, struct out *atr)
{
    pthread_mutex_lock(&r->lock);
    bool there = r->host != NULL;
    if (there && piv_powered(r->host->piv)) {
        const struct atr *a = card_atr(piv_card(r->host->piv));
        out_put(atr, in_of(a->bytes, a->n));
    }
    pthread_mutex_unlock(&r->lock);
    return there;
}

bool reader_guid(struct reader *r, struct out *guid)
{
    pthread_mutex_lock(&r->lock);
    bool there = r->host != NULL;
    if (there)
        out_put(guid, in_of(piv_card(r->host->piv)->guid, sizeof piv_card(r->host->piv)->guid));
    pthread_mutex_unlock(&r->lock);
    return there;
}

void reader_abandon(struct reader *r)
{
    finger_stop(&r->finger);
    if (pthread_mutex_trylock(&r->lock) == 0 && r->host != NULL)
        piv_unpower(r->host->piv); /* the lock stays taken: nobody begins anything any more */
}
