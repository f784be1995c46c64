/* SPDX-License-Identifier: BSD-2-Clause */
/* writers_role.c — the programs at the card that are no drivers: writers, one that is killed, one that looks. */
#include "tests/writers.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

bool counters_read(struct in value, struct counters *counters)
{
    memset(counters, 0, sizeof *counters);
    if (value.n == 0)
        return true; /* not yet written */
    for (unsigned i = 0; i < ROLES; i++)
        if (!in_u32(&value, &counters->of[i]))
            return false;
    return value.n == 0;
}

void counters_write(const struct counters *counters, uint8_t bytes[COUNTERS_SIZE])
{
    struct out out = out_of(bytes, COUNTERS_SIZE);

    for (unsigned i = 0; i < ROLES; i++)
        out_u32(&out, counters->of[i]);
}

/* What a card is refused for while others are at it; all else is a card that is lost or torn. */
static bool passing(struct ledger *ledger, enum err e)
{
    if (e == ERR_BUSY)
        ledger->busy++;
    else if (e == ERR_CHANGED)
        ledger->refused++;
    return e == ERR_BUSY || e == ERR_CHANGED;
}

/* open_counted — the card as any program opens it, and its counters.  None of them ever goes back. */
bool open_counted(struct rig *rig, struct ledger *ledger, struct counters *last, struct counters *now)
{
    enum err e = rig_open(rig);

    if (e != ERR_NONE)
        return passing(ledger, e) ? false : guilty(ledger, "the card does not open: %s", err_name(e));
    ledger->looks++;
    if (!counters_read(card_object(piv_card(rig->piv), COUNTED), now))
        return guilty(ledger, "what is on the card is not what anybody wrote");
    for (unsigned i = 0; i < ROLES; i++)
        if (now->of[i] < last->of[i])
            return guilty(ledger, "counter %u was %u and is %u: an update was lost", i, last->of[i], now->of[i]);
    *last = *now;
    return true;
}

static enum err count(struct rig *rig, struct counters now, unsigned role)
{
    uint8_t bytes[COUNTERS_SIZE];
    struct card *next = NULL;
    enum err e = card_copy(piv_card(rig->piv), &next);

    now.of[role]++;
    counters_write(&now, bytes);
    if (e == ERR_NONE)
        e = card_put_object(next, COUNTED, in_of(bytes, sizeof bytes));
    if (e == ERR_NONE)
        return piv_commit(rig->piv, next);
    card_free(next);
    return e;
}

/* Now and then a new seal of the same PIN: a try is taken and given back, and the card is written. */
static enum err change_pin(struct rig *rig)
{
    uint8_t left;

    return piv_change(rig->piv, PIN_APPLICATION, pin_value(PIN_APPLICATION, OLD), PIN_APPLICATION,
                      pin_value(PIN_APPLICATION, OLD), &left);
}

static void write_once(struct rig *rig, unsigned role, struct counters *last, bool exact)
{
    struct ledger *ledger = &shared->of[role];
    uint64_t since = clock_ms();
    bool pin = random() % 8 == 0;
    struct counters now;
    enum err e;

    if (open_counted(rig, ledger, last, &now)) {
        if (exact && now.of[role] != ledger->counted)
            guilty(ledger, "counter %u is %u after %u acknowledged updates", role, now.of[role], ledger->counted);
        e = pin ? change_pin(rig) : count(rig, now, role);
        if (e == ERR_NONE) {
            ledger->done++;
            ledger->counted += !pin;
        } else if (!passing(ledger, e)) {
            guilty(ledger, "a change failed: %s", err_name(e));
        }
    }
    rig_close(rig);
    took(ledger, since);
}

static void write_on(unsigned role, bool exact, unsigned rest)
{
    struct ledger *ledger = &shared->of[role];
    struct counters last = { { 0 } };
    struct report report;
    struct rig rig;

    srandom((unsigned)(clock_ms() ^ ((uint64_t)getpid() << 8)));
    rig_init(&rig, shared->root, &report);
    while (shared->phase == PHASE_WORK && ledger->verdict[0] == '\0') {
        memset(&report, 0, sizeof report);
        write_once(&rig, role, &last, exact);
        pause_ms(rest);
    }
}

void work_writer(unsigned role)
{
    write_on(role, true, 25);
}

void work_hasty(unsigned role)
{
    write_on(role, true, 0);
}

/* A writer that is killed wherever it is, and another in its place.  Each kill may leave one change unanswered. */
void work_victim(unsigned role)
{
    struct ledger *ledger = &shared->of[role];

    srandom((unsigned)clock_ms());
    while (shared->phase == PHASE_WORK && ledger->verdict[0] == '\0') {
        pid_t pid = fork();

        if (pid < 0)
            abort();
        if (pid == 0) {
            write_on(role, false, 2);
            _exit(0);
        }
        pause_ms(60);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        ledger->kills++;
    }
}

void work_looker(unsigned role)
{
    struct ledger *ledger = &shared->of[role];
    struct counters last = { { 0 } }, now;
    struct report report;
    struct rig rig;

    rig_init(&rig, shared->root, &report);
    while (shared->phase == PHASE_WORK && ledger->verdict[0] == '\0') {
        uint64_t since = clock_ms();

        (void)open_counted(&rig, ledger, &last, &now);
        rig_close(&rig);
        took(ledger, since);
    }
}
