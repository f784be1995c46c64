/* SPDX-License-Identifier: BSD-2-Clause */
/* writers.c — many programs at one card: writers that do what the `vpiv` command does, one of them killed again and
 * again, one that only looks, and two drivers with a client each.  No update may be lost, no file torn, nobody stuck,
 * and to a driver a card that another has changed is a card that was taken out and put in again.
 *
 *   writers [SECONDS]
 */
#include "tests/writers.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct shared *shared;
static unsigned number, failed;

bool guilty(struct ledger *ledger, const char *format, ...)
{
    va_list list;

    if (ledger->verdict[0] == '\0') {
        va_start(list, format);
        vsnprintf(ledger->verdict, sizeof ledger->verdict, format, list);
        va_end(list);
    }
    return false;
}

uint64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void took(struct ledger *ledger, uint64_t since)
{
    unsigned ms = (unsigned)(clock_ms() - since);

    if (ms > ledger->longest_ms)
        ledger->longest_ms = ms;
}

void pause_ms(unsigned at_most)
{
    struct timespec t = { 0, (random() % (1000 * (long)at_most + 1)) * 1000 };

    nanosleep(&t, NULL);
}

/* --- the stage ------------------------------------------------------------------------------------------ */

static void work_reader(unsigned role)
{
    char directory[PATH_ROOM + 20];

    snprintf(directory, sizeof directory, "%s/readers/%u", shared->root, role);
    work_driver(role, directory);
}

struct role {
    const char *name;
    void (*work)(unsigned role);
    bool driver;
};

static const struct role cast[] = {
    { "writer", work_writer, false }, { "writer", work_writer, false }, { "writer", work_writer, false },
    { "killed writer", work_victim, false }, { "looker", work_looker, false },
    { "driver", work_reader, true }, { "driver", work_reader, true },
};
enum { CAST = sizeof cast / sizeof cast[0], DRIVERS = 2 };

/* The control's: writers without rest. */
static const struct role hasty[] = {
    { "writer", work_hasty, false }, { "writer", work_hasty, false }, { "writer", work_hasty, false },
    { "writer", work_hasty, false },
};
enum { HASTY = sizeof hasty / sizeof hasty[0] };

static bool make_reader(unsigned role)
{
    char path[PATH_ROOM + 40], to[PATH_ROOM + 20];

    snprintf(path, sizeof path, "%s/readers", shared->root);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return false;
    snprintf(path, sizeof path, "%s/readers/%u", shared->root, role);
    if (mkdir(path, 0700) != 0)
        return false;
    snprintf(path, sizeof path, "%s/readers/%u/state", shared->root, role);
    snprintf(to, sizeof to, "%s/state", shared->root);
    if (symlink(to, path) != 0)
        return false;
    snprintf(path, sizeof path, "%s/readers/%u/card", shared->root, role);
    snprintf(to, sizeof to, "%s/cards/x.card", shared->root);
    return symlink(to, path) == 0;
}

/* This process never touches OpenSSL: a driver's vault wants to be the first to do so. */
static bool in_child(bool (*work)(void))
{
    int status = 0;
    pid_t pid = fork();

    if (pid < 0)
        abort();
    if (pid == 0)
        _exit(work() ? 0 : 1);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool make_card(void)
{
    struct report report;
    struct rig rig;

    rig_init(&rig, shared->root, &report);
    return secret_heap() && scene_stuff() && rig_make(&rig, "piv", LIMIT) == ERR_NONE;
}

/* What is on the card when all is quiet. */
static bool look_at_end(void)
{
    struct counters none = { { 0 } };
    struct ledger *ledger = &shared->of[ROLES - 1];
    struct cardfile_head head;
    struct report report = { .acked = 0 };
    struct tries tries;
    struct rig rig;
    bool ok;

    rig_init(&rig, shared->root, &report);
    ok = open_counted(&rig, ledger, &none, &shared->last) && rig_verify(&rig, OLD) == SW_SUCCESS &&
         rig.inner.tries_read(rig.inner.ctx, &tries) == ERR_NONE && cardfile_head(rig.card_path, &head) == ERR_NONE;
    if (ok)
        shared->generation = head.generation;
    if (ok && tries.left[PIN_APPLICATION] != LIMIT)
        ok = guilty(ledger, "after the right PIN %u tries are left of %u", tries.left[PIN_APPLICATION], LIMIT);
    rig_close(&rig);
    return ok;
}

static void say(bool ok, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(bool ok, const char *format, ...)
{
    va_list list;

    printf("%sok %u - ", ok ? "" : "not ", ++number);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    printf("\n");
    fflush(stdout);
    failed += !ok;
}

static void start_all(const struct role *roles, unsigned n, pid_t pids[])
{
    for (unsigned i = 0; i < n; i++) {
        pids[i] = fork();
        if (pids[i] < 0)
            abort();
        if (pids[i] == 0) {
            roles[i].work(i);
            _exit(0);
        }
    }
}

/* Everybody of one kind comes to an end by himself, or is stuck. */
static void end_all(const struct role *roles, unsigned n, pid_t pids[], bool drivers)
{
    enum { PATIENCE_MS = 20000 };
    uint64_t until = clock_ms() + PATIENCE_MS;

    for (unsigned i = 0; i < n; i++) {
        int status = 0;

        if (roles[i].driver != drivers)
            continue;
        while (waitpid(pids[i], &status, WNOHANG) == 0 && clock_ms() < until)
            pause_ms(5);
        if (clock_ms() >= until && kill(pids[i], SIGKILL) == 0) {
            waitpid(pids[i], &status, 0);
            guilty(&shared->of[i], "it is stuck");
        } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            guilty(&shared->of[i], "it was ended by signal %d", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
        }
    }
}

/* The next phase, and all drivers through with it. */
static void go_on(enum phase phase)
{
    enum { PATIENCE_MS = 20000 };

    shared->ready = 0;
    shared->phase = phase;
    for (uint64_t until = clock_ms() + PATIENCE_MS; shared->ready < DRIVERS && clock_ms() < until;)
        pause_ms(2);
}

static unsigned verdicts(const struct role *roles, unsigned n)
{
    unsigned found = 0;

    for (unsigned i = 0; i < ROLES; i++) {
        if (shared->of[i].verdict[0] == '\0')
            continue;
        printf("# %s %u: %s\n", i < n ? roles[i].name : "at the end", i, shared->of[i].verdict);
        found++;
    }
    return found;
}

/* --- the judgement -------------------------------------------------------------------------------------- */

struct sums {
    unsigned done, refused, busy, looks, kills, removals, insertions, interrupted, longest_ms;
};

static struct sums sum_up(const struct role *roles, unsigned n)
{
    struct sums s = { 0 };

    for (unsigned i = 0; i < n; i++) {
        const struct ledger *l = &shared->of[i];

        printf("# %s %u: %u changes, %u refused, %u busy, %u looks, %u kills, %u removals, %u insertions, "
               "%u sessions interrupted, longest %u ms\n", roles[i].name, i, l->done, l->refused, l->busy, l->looks,
               l->kills, l->removals, l->insertions, l->interrupted, l->longest_ms);
        s.done += l->done, s.refused += l->refused, s.busy += l->busy, s.looks += l->looks, s.kills += l->kills;
        s.removals += l->removals, s.insertions += l->insertions, s.interrupted += l->interrupted;
        if (l->longest_ms > s.longest_ms)
            s.longest_ms = l->longest_ms;
    }
    return s;
}

/* Behind by nothing; ahead by what a killed writer was not told. */
static bool nothing_lost(const struct role *roles, unsigned n, const struct sums *s)
{
    bool ok = shared->generation >= 1 + s->done && shared->generation <= 1 + s->done + s->kills;

    if (!ok)
        printf("# the card was written %llu times, acknowledged %u times\n",
               (unsigned long long)shared->generation - 1, s->done);
    for (unsigned i = 0; i < n; i++) {
        unsigned done = shared->of[i].counted, card = shared->last.of[i];

        if (card >= done && card <= done + shared->of[i].kills)
            continue;
        printf("# %s %u: %u updates acknowledged, %u on the card\n", roles[i].name, i, done, card);
        ok = false;
    }
    return ok;
}

/* Each driver shows what is in the file, and after each removal came an insertion. */
static bool drivers_agree(void)
{
    bool ok = true;

    for (unsigned i = 0; i < CAST; i++) {
        const struct ledger *l = &shared->of[i];

        if (!cast[i].driver || (memcmp(&l->seen, &shared->last, sizeof l->seen) == 0 &&
                                l->insertions == l->removals + 1))
            continue;
        printf("# driver %u: %u removals, %u insertions; what it shows %s what is in the file\n", i, l->removals,
               l->insertions, memcmp(&l->seen, &shared->last, sizeof l->seen) == 0 ? "is" : "is not");
        ok = false;
    }
    return ok;
}

static bool prepare(const struct role *roles, unsigned n)
{
    memset(shared, 0, sizeof *shared);
    shared->alone = ROLES;
    if (!scratch_root(shared->root) || !in_child(make_card))
        return false;
    for (unsigned i = 0; i < n; i++) {
        if (roles[i].driver && !make_reader(i))
            return false;
        if (roles[i].driver && shared->alone == ROLES)
            shared->alone = i;
    }
    return true;
}

static void work_for(unsigned ms)
{
    for (uint64_t until = clock_ms() + ms; clock_ms() < until;)
        pause_ms(20);
}

/* One driver's client goes on alone: to its own driver that is no change, to the other it is. */
static void judge_alone(void)
{
    unsigned before[CAST], own = 0, others = 0;

    for (unsigned i = 0; i < CAST; i++)
        before[i] = shared->of[i].removals;
    go_on(PHASE_ALONE);
    in_child(look_at_end);
    go_on(PHASE_AGREE_AGAIN);
    for (unsigned i = 0; i < CAST; i++)
        *(i == shared->alone ? &own : &others) += shared->of[i].removals - before[i];
    say(own == 0 && others > 0 && drivers_agree(),
        "%u changes by a driver are %u removals to itself, and %u to the other", (unsigned)ALONE_CHANGES, own, others);
}

static void run_cast(unsigned seconds)
{
    pid_t pids[CAST];
    struct sums s;
    bool opens;

    start_all(cast, CAST, pids);
    work_for(1000 * seconds);
    shared->phase = PHASE_QUIET;
    end_all(cast, CAST, pids, false);
    go_on(PHASE_STOP);
    opens = in_child(look_at_end);
    go_on(PHASE_AGREE);
    s = sum_up(cast, CAST);
    say(opens && nothing_lost(cast, CAST, &s) && s.done > 0,
        "no update of %u is lost: %u refused because another was first, %u found no lock, %u kills", s.done, s.refused,
        s.busy, s.kills);
    say(drivers_agree() && s.removals > 0,
        "a card that another changed is taken out and put in: %u removals, %u insertions, %u sessions interrupted",
        s.removals, s.insertions, s.interrupted);
    judge_alone();
    shared->phase = PHASE_END;
    end_all(cast, CAST, pids, true);
    say(verdicts(cast, CAST) == 0, "no file is torn in %u looks, nobody is stuck: the longest change or look took %u ms",
        s.looks, s.longest_ms);
}

/* The judge bites: without the lock updates are lost. */
static void run_control(void)
{
    enum { CONTROL_MS = 10000 };
    pid_t pids[HASTY];
    uint64_t until = clock_ms() + CONTROL_MS;
    unsigned found = 0;
    struct sums s;

    fault_unlock(true);
    start_all(hasty, HASTY, pids);
    while (found == 0 && clock_ms() < until) {
        work_for(100);
        for (unsigned i = 0; i < HASTY; i++)
            found += shared->of[i].verdict[0] != '\0';
    }
    shared->phase = PHASE_QUIET;
    end_all(hasty, HASTY, pids, false);
    fault_unlock(false);
    (void)in_child(look_at_end);
    s = sum_up(hasty, HASTY);
    say(verdicts(hasty, HASTY) > 0 || !nothing_lost(hasty, HASTY, &s),
        "control: without the lock %u changes are found guilty", s.done);
}

int main(int argc, char **argv)
{
    unsigned seconds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5;

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || seconds == 0) {
        printf("Bail out! usage: writers [SECONDS]\n");
        return EXIT_FAILURE;
    }
    for (int control = 0; control <= 1; control++) {
        if (prepare(control ? hasty : cast, control ? HASTY : CAST)) {
            control ? run_control() : run_cast(seconds);
        } else {
            say(false, "a card to write to");
        }
        scratch_gone(shared->root);
    }
    printf("1..%u\n", number);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
