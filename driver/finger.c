/* SPDX-License-Identifier: BSD-2-Clause */
/* finger.c — one wait for a touch. */
#include "driver/finger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "applet/keyref.h"
#include "conf/touch.h"
#include "driver/log.h"
#include "driver/watch.h"

static const char *key_name(uint8_t ref, char name[TOUCH_KEY_MAX])
{
    snprintf(name, TOUCH_KEY_MAX, "%02x", ref);
    return name;
}

/* watch — until something decides.  The state is looked at after the watches stand, so that no change is missed. */
static enum err watch(struct finger *f, struct watch *w, enum touch_mode mode, uint64_t deadline)
{
    enum watch_event event = WATCH_LOOK;

    for (;;) {
        if (atomic_load(&f->stopped) || event == WATCH_REPLACED || !f->there(f->ctx))
            return ERR_ABSENT;
        if (mode == TOUCH_WAIT && !touch_stands(f->directory))
            return ERR_NONE;
        if (watch_clock() >= deadline)
            return ERR_SECURITY;
        event = watch_wait(w, deadline);
    }
}

static const char *const outcomes[ERR_COUNT] = {
    [ERR_NONE] = "touched",
    [ERR_SECURITY] = "nobody touched it in time",
    [ERR_ABSENT] = "the card is gone",
};

enum err finger_wait(struct finger *f, const struct settings *settings, const char *card, uint8_t ref)
{
    enum touch_mode mode = touch_mode_by_name(settings->touch);
    char key[TOUCH_KEY_MAX];
    uint64_t deadline = watch_clock() + (uint64_t)settings->touch_seconds * 1000;
    struct watch *w;
    int fd = -1;
    enum err e;

    if (mode == TOUCH_AUTO)
        return ERR_NONE;
    w = watch_new(f->directory, "card");
    if (w == NULL)
        return ERR_MEMORY;
    watch_follow(w, card);
    atomic_store(&f->waits, true);
    e = touch_ask(f->directory, key_name(ref, key), mode, &fd);
    if (e == ERR_NONE) {
        /* Of no error, but a program that hangs wants an explanation, and this is what pcscd shows by default. */
        log_line(LEVEL_ERROR, "reader %s: key %s waits for a touch, %d s at most", f->directory, key,
                 settings->touch_seconds);
        e = watch(f, w, mode, deadline);
        touch_end(f->directory, fd);
        log_line(LEVEL_INFO, "reader %s: key %s: %s", f->directory, key, outcomes[e]);
    } else {
        log_line(LEVEL_ERROR, "reader %s: key %s wants a touch, but that cannot be shown there: %s", f->directory, key,
                 strerror(errno));
    }
    atomic_store(&f->waits, false);
    watch_free(w);
    return e;
}

void finger_stop(struct finger *f)
{
    atomic_store(&f->stopped, true);
    if (atomic_load(&f->waits))
        touch_end(f->directory, -1); /* the wait sees its entry go, and then why */
}
