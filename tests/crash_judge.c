/* SPDX-License-Identifier: BSD-2-Clause */
/* crash_judge.c — whether what a dead process left behind is what it must be. */
#include "tests/crash.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static bool PRINTF_LIKE(2, 3) guilty(struct report *report, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(report->verdict, sizeof report->verdict, format, list);
    va_end(list);
    return false;
}

/* The number of the step after which the card is as it is: all that was acknowledged, or one more. */
static bool find_step(const struct trial *trial, struct report *report, const struct seen *seen, unsigned *at)
{
    const struct seen *base = &trial->models[0].seen;

    for (*at = report->acked; *at <= report->acked + 1 && *at <= trial->n; ++*at)
        if (trial->models[*at].opens && seen_same(seen, &trial->models[*at].seen, base))
            return true;
    return guilty(report, "the card is neither what it was after %u steps nor after one more", report->acked);
}

static bool has_made(const struct trial *trial, struct report *report, const struct seen *seen)
{
    for (unsigned i = 0; i < report->acked; i++) {
        uint8_t ref = trial->scene->steps[i].makes;

        for (size_t k = 0; ref != 0 && k < seen->n_keys; k++)
            if (seen->keys[k].ref == ref && memcmp(seen->keys[k].public, report->made[ref], 32) != 0)
                return guilty(report, "the key in %02X is not the one whose public half was answered", ref);
    }
    return true;
}

static bool check_tries(const struct trial *trial, struct report *report, const struct seen *seen, unsigned at)
{
    const struct tries *before = &trial->models[report->acked].seen.tries, *now = &seen->tries;
    const struct tries *after = report->acked < trial->n ? &trial->models[report->acked + 1].seen.tries : before;

    if (report->overdrawn)
        return guilty(report, "a guess was granted that was not left");
    /* Between the two records of an adoption neither counts: no guess is granted, and the owner adopts again. */
    if (!trial->models[report->acked].opens && now->allowed[PIN_APPLICATION] == 0 && now->allowed[PIN_PUK] == 0)
        return now->left[PIN_APPLICATION] + now->left[PIN_PUK] == 0 || guilty(report, "tries without a record");
    for (int i = PIN_APPLICATION; i <= PIN_PUK; i++) {
        if (now->left[i] > report->credit[i])
            return guilty(report, "%d tries of %s left, where %d may be", now->left[i], i == 0 ? "PIN" : "PUK",
                          report->credit[i]);
        if (now->left[i] + 1 < report->sure[i])
            return guilty(report, "%d tries of %s left: a fault cost more than one of %d", now->left[i],
                          i == 0 ? "PIN" : "PUK", report->sure[i]);
        if (now->allowed[i] != after->allowed[i] &&
            (now->allowed[i] != before->allowed[i] || !trial->models[report->acked].opens))
            return guilty(report, "%d tries allowed, neither the old number nor the new", now->allowed[i]);
    }
    if (at == report->acked && memcmp(now->allowed, before->allowed, PIN_COUNT) != 0 &&
        !seen_same(&trial->models[at].seen, &trial->models[report->acked + 1].seen, seen))
        return guilty(report, "the tries are those of a change that the card does not have");
    return true;
}

/* Nothing but the card in its directory once it has been written again. */
static bool has_litter(const struct rig *rig)
{
    char path[PATH_ROOM + 8];
    struct dirent *d;
    unsigned n = 0;
    DIR *dir;

    snprintf(path, sizeof path, "%s/cards", rig->root);
    dir = opendir(path);
    while (dir != NULL && (d = readdir(dir)) != NULL)
        n += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
    if (dir != NULL)
        closedir(dir);
    return n != 1;
}

/* The owner goes on: a right PIN, or the PUK where the PIN is blocked; a change; a look. */
static bool works(struct rig *rig, struct report *report, const struct seen *seen)
{
    int pin = seen->pin[PIN_APPLICATION], puk = seen->pin[PIN_PUK];
    struct seen after;
    sw_t sw = rig_verify(rig, pin);

    if (sw == SW_BLOCKED) {
        sw = rig_change(rig, 0x2C, 0x80, pin_value(PIN_PUK, puk), pin_value(PIN_APPLICATION, pin));
        if (sw == SW_SUCCESS)
            sw = rig_verify(rig, pin);
        if (sw == SW_BLOCKED)
            return true;
    }
    if (sw != SW_SUCCESS)
        return guilty(report, "afterwards the right PIN is answered %04X", sw);
    if (!rig_admin(rig, seen->management))
        return guilty(report, "afterwards the management key is refused");
    sw = rig_send(rig, 0xDB, 0x3F, 0xFF, in_of("\x5C\x03\x5F\xC1\x06\x53\x04last", 11));
    if (sw != SW_SUCCESS)
        return guilty(report, "afterwards PUT DATA is answered %04X", sw);
    if (has_litter(rig))
        return guilty(report, "litter stays beside the card");
    return seen_look(rig, &after, report->verdict, sizeof report->verdict);
}

/* A PUK that was right at its last try but one, and whose restoration was torn: blocked, as by two wrong ones. */
static bool is_blocked(const struct trial *trial, const struct report *report, const struct seen *seen)
{
    const struct model *before = &trial->models[report->acked];

    return report->spent || (before->opens && before->seen.tries.left[PIN_PUK] > 0 && seen->n_keys > 0 &&
                             seen->tries.left[PIN_PUK] == 0);
}

/* What was not acknowledged is done again, or its effect is there; then the rest; then the card is what it should
 * be. */
static bool finish(const struct trial *trial, struct report *report, const struct seen *seen, unsigned at)
{
    struct report later = *report;
    struct rig rig;
    struct seen end;
    bool over = is_blocked(trial, report, seen);
    unsigned from = at, to = over ? at : trial->n;
    bool ok;

    if (!over && at > report->acked && trial->scene->steps[at - 1].again &&
        (seen->tries.left[PIN_APPLICATION] == 0 ||
         memcmp(seen->tries.allowed, trial->models[at].seen.tries.allowed, PIN_COUNT) != 0))
        from = report->acked;
    rig_init(&rig, trial->rig.root, &later);
    scene_run(trial->scene, &rig, from, to, true);
    rig_close(&rig);
    if (later.acked != to)
        return guilty(report, "afterwards step %u, %s, is answered %04X", later.acked,
                      trial->scene->steps[later.acked].name, later.sw);
    if (rig_open(&rig) != ERR_NONE)
        ok = guilty(report, "after the end the card does not open");
    else
        ok = seen_look(&rig, &end, report->verdict, sizeof report->verdict) &&
             (seen_same(&end, &trial->models[to].seen, &trial->models[0].seen) ||
              guilty(report, "in the end the card is not what it should be")) &&
             works(&rig, report, &end);
    rig_close(&rig);
    return ok && (!later.overdrawn || guilty(report, "a guess was granted that was not left"));
}

static bool guess_all(const struct trial *trial, struct report *report, const struct seen *seen)
{
    struct report later = *report;
    struct rig rig;

    rig_init(&rig, trial->rig.root, &later);
    for (int i = PIN_APPLICATION; i <= PIN_PUK; i++) {
        int granted = rig_guess(&rig, (enum pin)i);

        if (granted != seen->tries.left[i])
            return guilty(report, "%d guesses granted where %d were left", granted, seen->tries.left[i]);
    }
    return !later.overdrawn || guilty(report, "a guess was granted that was not left");
}

static bool judge_opened(const struct trial *trial, struct report *report, struct rig *rig, struct seen *seen,
                         unsigned *at)
{
    return seen_look(rig, seen, report->verdict, sizeof report->verdict) && find_step(trial, report, seen, at) &&
           has_made(trial, report, seen) && check_tries(trial, report, seen, *at);
}

bool judge(const struct trial *trial, struct report *report, bool guess)
{
    static struct tree left;
    struct report now = *report;
    struct seen seen = { .n_keys = 0 };
    unsigned at = report->acked;
    struct rig rig;
    bool ok;
    enum err e;

    if (report->failed && report->sw != SW_MEMORY_FAILURE)
        return guilty(report, "a fault was answered %04X", report->sw);
    if (!tree_load(&left, trial->rig.root))
        return guilty(report, "the store cannot be read");
    rig_init(&rig, trial->rig.root, &now);
    e = rig_open(&rig);
    if (e == ERR_NONE)
        ok = judge_opened(trial, report, &rig, &seen, &at);
    else
        ok = !trial->models[report->acked].opens || guilty(report, "the card does not open: %s", err_name(e));
    rig_close(&rig);
    if (ok && guess && e == ERR_NONE)
        ok = tree_save(&left, trial->rig.root) && guess_all(trial, report, &seen);
    if (ok)
        ok = tree_save(&left, trial->rig.root) && finish(trial, report, &seen, at);
    tree_clear(&left);
    return ok;
}
