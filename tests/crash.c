/* SPDX-License-Identifier: BSD-2-Clause */
/* crash.c — every crash point: each scene is stopped before and after every call that touches storage, gets every error
 * from it, tears every write, and loses at a power cut what was not synced; then a new process looks at what is left.
 *
 *   crash [check | all] [SCENE]     all: every point (make check-crash); check: each N-th of them (make check)
 */
#include "tests/crash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const int errors[] = { ENOSPC, EIO, EROFS, EINTR, EDQUOT };
enum { N_ERRORS = sizeof errors / sizeof errors[0], SECTOR = 512, SHOWN = 10 };

/* One in so many, so that `make check` stays short. */
static struct pace {
    unsigned faults, tears, pages, cuts;
} pace = { 7, 61, 997, 61 };

static struct trial trial;
static struct report *report; /* shared with those who die */
static unsigned long points, faults_found;
static unsigned long tick;
static struct called called[CALLS_MAX];
static unsigned n_called;

static bool due(unsigned every)
{
    return tick++ % every == 0;
}

/* --- the golden run ------------------------------------------------------------------------------------- */

static void start(struct report *r)
{
    const struct model *m = &trial.models[0];

    memset(r, 0, sizeof *r);
    for (int i = PIN_APPLICATION; i <= PIN_PUK; i++)
        r->credit[i] = r->sure[i] = m->opens ? m->seen.tries.left[i] : trial.scene->limit;
    /* Before it is adopted again, the card that was put back has what its record says. */
    if (trial.scene->closed && !trial.scene->empty)
        r->sure[PIN_APPLICATION] = 2;
}

static bool look(struct model *model)
{
    char verdict[200];
    struct rig rig;
    bool ok = true;

    rig_init(&rig, trial.rig.root, report);
    model->opens = rig_open(&rig) == ERR_NONE;
    if (model->opens)
        ok = seen_look(&rig, &model->seen, verdict, sizeof verdict);
    rig_close(&rig);
    return ok;
}

static bool run_to(unsigned to)
{
    start(report);
    scene_run(trial.scene, &trial.rig, 0, to, false);
    rig_close(&trial.rig);
    return !report->failed && report->acked == to && !report->overdrawn;
}

/* Every step's outcome; the calls, in order; the journal of them. */
static bool learn(const struct scene *scene)
{
    static const struct fault none = { .kind = FAULT_NONE };
    bool ok = scene_base(scene, &trial.rig) && tree_load(&trial.base, trial.rig.root);

    trial.scene = scene;
    trial.n = scene_steps(scene);
    for (unsigned i = 0; ok && i <= trial.n; i++)
        ok = tree_save(&trial.base, trial.rig.root) && run_to(i) && look(&trial.models[i]);
    ok = ok && trial.models[trial.n].opens;
    if (!ok || !tree_save(&trial.base, trial.rig.root))
        return false;
    journal_begin(trial.rig.root, &trial.base);
    fault_arm(&none);
    ok = run_to(trial.n);
    n_called = fault_disarm();
    journal_end();
    memcpy(called, fault_calls(), sizeof called);
    return ok && n_called <= CALLS_MAX;
}

/* --- one point ------------------------------------------------------------------------------------------ */

/* In a process of its own.  True: it ended by itself, with this status. */
static bool in_child(void (*work)(const void *), const void *about, int *status)
{
    enum { PATIENCE = 60 };
    pid_t pid = fork();

    if (pid < 0)
        abort();
    if (pid == 0) {
        alarm(PATIENCE);
        work(about);
        _exit(0);
    }
    while (waitpid(pid, status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(*status);
}

struct doom {
    struct fault fault;
    bool goes_on; /* guessing, in the same process, after the fault */
};

static void live(const void *about)
{
    const struct doom *doom = about;

    fault_arm(&doom->fault);
    scene_run(trial.scene, &trial.rig, 0, trial.n, true);
    report->spent = doom->goes_on;
    for (int i = 0; doom->goes_on && trial.rig.piv != NULL && i < 2 * trial.scene->limit; i++)
        (void)rig_verify(&trial.rig, WRONG);
}

static void look_after(const void *about)
{
    const bool *guess = about;

    if (!judge(&trial, report, *guess) && report->verdict[0] == '\0')
        snprintf(report->verdict, sizeof report->verdict, "the judge failed");
}

static void tell(const char *what)
{
    if (report->verdict[0] == '\0')
        return;
    if (faults_found++ < SHOWN)
        printf("# %s, after step %u: %s: %s\n", trial.scene->name, report->acked, what, report->verdict);
}

static void sentence(const struct doom *doom, char text[], size_t room)
{
    static const char *const kinds[FAULT_KINDS] = {
        "none", "dies before", "dies after", "error from", "disk stuck at", "prefix, then dies in",
        "garbage, then dies in", "lost write, then dies after", "short", "prefix, then error from",
    };
    const struct fault *f = &doom->fault;

    snprintf(text, room, "%s call %u, %s (%zu bytes, %s)%s", kinds[f->kind], f->at, call_name(called[f->at - 1].call),
             f->bytes, strerror(f->error), doom->goes_on ? ", goes on" : "");
}

static void judge_point(const char *what)
{
    bool guess = trial.scene->guesses || points % 8 == 0;
    int status;

    if (!in_child(look_after, &guess, &status))
        snprintf(report->verdict, sizeof report->verdict, "the next process was killed by signal %d", WTERMSIG(status));
    tell(what);
}

static void point(enum fault_kind kind, unsigned at, int error, size_t bytes, bool goes_on)
{
    const struct scene *scene = trial.scene;
    const struct doom doom = { { kind, at, error, bytes }, goes_on && scene->guesses && !scene->closed };
    char what[200];
    int status;

    points++;
    sentence(&doom, what, sizeof what);
    if (!tree_save(&trial.base, trial.rig.root))
        abort();
    start(report);
    if (!in_child(live, &doom, &status)) {
        snprintf(report->verdict, sizeof report->verdict, "killed by signal %d", WTERMSIG(status));
        tell(what);
        return;
    }
    judge_point(what);
}

static void faults_at(unsigned at)
{
    if (due(pace.faults))
        point(FAULT_DIE_BEFORE, at, 0, 0, false);
    if (due(pace.faults))
        point(FAULT_DIE_AFTER, at, 0, 0, false);
    for (int i = 0; i < N_ERRORS; i++) {
        if (due(pace.faults))
            point(FAULT_ERROR, at, errors[i], 0, false);
        if (trial.scene->guesses && due(pace.faults))
            point(FAULT_ERROR, at, errors[i], 0, true);
        if (call_changes(called[at - 1].call) && errors[i] != EINTR && due(pace.faults))
            point(FAULT_STUCK, at, errors[i], 0, i % 2 != 0);
    }
}

/* At every byte; where only each so-manieth is due, still at every sector's edge. */
static void tears_at(unsigned at)
{
    size_t n = called[at - 1].bytes;

    for (size_t bytes = 0; bytes <= n; bytes++) {
        for (int kind = FAULT_PREFIX_DIE; kind < FAULT_KINDS; kind++) {
            bool edge = bytes % SECTOR == 0 && kind <= FAULT_GARBAGE_DIE && n > SECTOR;

            if (kind == FAULT_LOST_DIE ? bytes > 0 : (kind == FAULT_SHORT && bytes == 0))
                continue;
            if (due(n > SECTOR ? pace.pages : pace.tears) || edge)
                point((enum fault_kind)kind, at, errors[bytes % N_ERRORS], bytes, bytes % 2 != 0);
        }
    }
}

/* --- power cuts ----------------------------------------------------------------------------------------- */

static void cut_point(const struct cut *cut)
{
    struct tree *disk = calloc(1, sizeof *disk);
    struct mark mark;
    char what[200];

    if (disk == NULL)
        abort();
    points++;
    start(report);
    if (journal_cut(&trial.base, cut, disk, &mark)) {
        report->acked = mark.acked;
        memcpy(report->credit, mark.credit, PIN_COUNT);
        memcpy(report->sure, mark.sure, PIN_COUNT);
    }
    if (!tree_save(disk, trial.rig.root))
        abort();
    tree_clear(disk);
    free(disk);
    /* What GENERATE answered is known of the golden run, once it was answered. */
    memcpy(report->made, ((struct report *)report)[1].made, sizeof report->made);
    snprintf(what, sizeof what, "power cut before change %u, kind %d, number %u, %zu bytes, seed %llu", cut->at,
             cut->kind, cut->which, cut->bytes, (unsigned long long)cut->seed);
    judge_point(what);
}

static void cuts_at(unsigned at, bool deaf, unsigned every)
{
    enum { LOOSE = 64, TOSSES = 12 };
    size_t sizes[LOOSE];
    unsigned n = journal_loose(at, deaf, sizes, LOOSE);
    struct cut cut = { .at = at, .deaf = deaf };

    for (cut.kind = CUT_NONE; cut.kind <= CUT_ALL; cut.kind++)
        if (due(every))
            cut_point(&cut);
    for (cut.which = 0; cut.which < n; cut.which++) {
        for (cut.kind = CUT_ONE; cut.kind <= CUT_BUT; cut.kind++)
            if (n > 1 && due(every))
                cut_point(&cut);
        cut.kind = CUT_TORN;
        for (cut.bytes = 0; cut.bytes < sizes[cut.which]; cut.bytes += sizes[cut.which] > SECTOR ? 61 : 7)
            if (due(every))
                cut_point(&cut);
        cut.kind = CUT_ZERO;
        if (sizes[cut.which] > 0 && due(every))
            cut_point(&cut);
    }
    cut.kind = CUT_RANDOM;
    for (cut.seed = 1; n > 1 && cut.seed <= TOSSES; cut.seed++)
        if (due(every))
            cut_point(&cut);
}

/* --- scenes --------------------------------------------------------------------------------------------- */

static bool run_scene(const struct scene *scene, unsigned number)
{
    unsigned long before = points, found = faults_found;
    unsigned changes;

    if (!learn(scene)) {
        printf("not ok %u - %s: fails without any fault, at step %u with %04X\n", number, scene->name, report->acked,
               report->sw);
        return false;
    }
    report[1] = report[0];
    for (unsigned at = 1; at <= n_called; at++) {
        faults_at(at);
        if (called[at - 1].call == CALL_PWRITE)
            tears_at(at);
    }
    changes = journal_end();
    for (unsigned at = 1; at <= changes; at++)
        cuts_at(at, false, pace.cuts);
    printf("%s %u - %s: %lu points in %u calls and %u changes of the disk\n", faults_found == found ? "ok" : "not ok",
           number, scene->name, points - before, n_called, changes);
    fflush(stdout);
    return faults_found == found;
}

/* The judge bites: where fdatasync does nothing, a power cut must give guesses away. */
static bool run_control(const struct scene *scene, unsigned number)
{
    unsigned long before = points, found = faults_found, bitten;
    unsigned changes;

    if (!learn(scene))
        return false;
    report[1] = report[0];
    changes = journal_end();
    faults_found = SHOWN;
    for (unsigned at = 1; at <= changes; at++)
        cuts_at(at, true, pace.cuts > 4 ? 4 : 1);
    bitten = faults_found - SHOWN;
    faults_found = found;
    printf("%s %u - control: without fdatasync %lu of %lu power cuts are found guilty\n", bitten > 0 ? "ok" : "not ok",
           number, bitten, points - before);
    points = before;
    return bitten > 0;
}

static bool one_scene(const struct scene *scene, unsigned number, bool control)
{
    char root[PATH_ROOM];
    bool ok;

    if (!scratch_root(root)) {
        printf("not ok %u - %s: no scratch directory\n", number, scene->name);
        return false;
    }
    rig_init(&trial.rig, root, report);
    ok = control ? run_control(scene, number) : run_scene(scene, number);
    journal_free();
    tree_clear(&trial.base);
    scratch_gone(root);
    return ok;
}

int main(int argc, char **argv)
{
    enum { PROMISED = 100000 };
    bool all = argc > 1 && strcmp(argv[1], "all") == 0, ok = true;
    const char *only = argc > 2 ? argv[2] : NULL;
    unsigned number = 0;

    if (all)
        pace = (struct pace){ 1, 1, 3, 1 };
    report = mmap(NULL, 2 * sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED || !secret_heap() || !scene_stuff()) {
        printf("Bail out! no memory or no OpenSSL\n");
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < n_scenes; i++)
        if (only == NULL || strstr(scenes[i].name, only) != NULL)
            ok &= one_scene(&scenes[i], ++number, false);
    for (size_t i = 0; i < n_scenes && only == NULL; i++)
        if (strcmp(scenes[i].name, "block") == 0)
            ok &= one_scene(&scenes[i], ++number, true);
    if (all && only == NULL) {
        ok &= points >= PROMISED;
        printf("%sok %u - %lu crash points, no fewer than %d\n", points >= PROMISED ? "" : "not ", ++number, points,
               (int)PROMISED);
    }
    printf("1..%u\n# %lu crash points, %lu of them guilty\n", number, points, faults_found);
    scene_stuff_free();
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
