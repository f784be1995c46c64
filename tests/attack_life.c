/* SPDX-License-Identifier: BSD-2-Clause */
/* attack_life.c — one life of one card: guesses, each in its own way, and between two of them a move of the attacker or
 * a fault of the machine. */
#include "tests/attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* SplitMix64: a life can be lived again from its seed. */
unsigned pick(struct life *life, unsigned n)
{
    uint64_t z = life->seed += 0x9E3779B97F4A7C15;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return n == 0 ? 0 : (unsigned)((z ^ z >> 31) % n);
}

void tell(struct life *life, const char *format, ...)
{
    size_t n = strlen(life->verdict->story);
    va_list list;

    if (n > 0)
        n += (size_t)snprintf(life->verdict->story + n, sizeof life->verdict->story - n, "; ");
    if (n >= sizeof life->verdict->story)
        return;
    va_start(list, format);
    vsnprintf(life->verdict->story + n, sizeof life->verdict->story - n, format, list);
    va_end(list);
}

/* --- what is on disk ------------------------------------------------------------------------------------ */

/* The directory is another one after a power cut. */
static void open_state(struct life *life)
{
    char path[PATH_ROOM + 10];

    state_close(life->state);
    snprintf(path, sizeof path, "%s/state", life->root);
    if (state_open(path, false, false, NULL, &life->state, NULL) != ERR_NONE)
        abort();
}

bool life_look(struct life *life, struct record records[RECORD_FILES])
{
    int fd = open(life->record, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct record_place place;
    bool ok;

    memset(records, 0, RECORD_FILES * sizeof *records);
    if (fd < 0)
        return false;
    ok = record_place(&place, life->state, fd, life->guid) == ERR_NONE && record_read(&place, records) == ERR_NONE;
    secret_free(place.key);
    close(fd);
    return ok;
}

/* The attacker keeps a copy of every record that there has been. */
static void keep_record(struct life *life)
{
    struct record records[RECORD_FILES];
    char path[PATH_ROOM + 70];

    if (!life_look(life, records))
        return;
    for (unsigned i = 0; i < RECORD_FILES; i++) {
        struct version v = { records[i].sequence, { 0 } };
        bool known = false;
        int fd;

        if (!records[i].valid)
            continue;
        snprintf(path, sizeof path, "%s/%u", life->record, i);
        fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || pread(fd, v.bytes, sizeof v.bytes, 0) != (ssize_t)sizeof v.bytes)
            abort();
        close(fd);
        for (unsigned k = 0; k < life->n_versions; k++)
            known |= memcmp(life->versions[k].bytes, v.bytes, sizeof v.bytes) == 0;
        if (!known && life->n_versions < VERSIONS_MAX)
            life->versions[life->n_versions++] = v;
        if (v.sequence > life->newest)
            life->newest = v.sequence;
    }
}

/* And of every card file; only of what opens. */
static void keep_card(struct life *life)
{
    uint8_t bytes[CARD_ROOM];
    int fd = open(life->card, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : pread(fd, bytes, sizeof bytes, 0);

    if (fd >= 0)
        close(fd);
    if (n <= 0 || life->n_cards == sizeof life->cards / sizeof life->cards[0])
        return;
    memcpy(life->cards[life->n_cards].bytes, bytes, (size_t)n);
    life->cards[life->n_cards++].n = (size_t)n;
}

/* is_back — the record is what it was before some guess, as a copy of it that was kept. */
static bool is_back(struct life *life)
{
    struct record records[RECORD_FILES], *a = &records[0], *b = &records[1];
    uint64_t best;

    if (!life_look(life, records) || (!a->valid && !b->valid))
        return false;
    if (a->valid && b->valid) {
        if (a->sequence != b->sequence + 1 && b->sequence != a->sequence + 1)
            return false;
        best = a->sequence > b->sequence ? a->sequence : b->sequence;
        return best < life->newest;
    }
    /* The one before the newest, alone, counts one less: that is no more than the newest. */
    best = a->valid ? a->sequence : b->sequence;
    return best + 1 < life->newest;
}

/* --- a guess -------------------------------------------------------------------------------------------- */

static bool is_this(const struct life *life, const struct rig *rig)
{
    return memcmp(piv_card(rig->piv)->guid, life->guid, sizeof life->guid) == 0;
}

static void guess(struct life *life, struct rig *rig, enum pin which)
{
    static struct report elsewhere;

    life->verdict->guesses++;
    /* A guess at another card is none at this one. */
    if (!is_this(life, rig))
        rig->report = &elsewhere;
    if (which == PIN_APPLICATION)
        (void)rig_verify(rig, WRONG);
    else
        (void)rig_change(rig, 0x24, 0x81, pin_value(PIN_PUK, WRONG), pin_value(PIN_PUK, NEW));
}

static void guess_fresh(struct life *life, struct report *report, const char *card, enum pin which)
{
    struct rig rig;

    rig_init(&rig, life->root, report);
    snprintf(rig.card_path, sizeof rig.card_path, "%s", card);
    if (rig_open(&rig) == ERR_NONE)
        guess(life, &rig, which);
    rig_close(&rig);
}

static void guess_kept(struct life *life, enum pin which)
{
    if (life->kept.piv == NULL) {
        rig_init(&life->kept, life->root, life->verdict->reports);
        life->kept.events = &life->events;
        if (rig_open(&life->kept) != ERR_NONE || !is_this(life, &life->kept)) {
            rig_close(&life->kept);
            return;
        }
    }
    guess(life, &life->kept, which);
}

static void end_of(pid_t pid, struct life *life)
{
    int status;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!WIFEXITED(status))
        snprintf(life->verdict->sentence, sizeof life->verdict->sentence, "a guess was ended by signal %d",
                 WTERMSIG(status));
}

static pid_t child(void)
{
    enum { PATIENCE = 60 };
    pid_t pid = fork();

    if (pid < 0)
        abort();
    if (pid == 0)
        alarm(PATIENCE);
    return pid;
}

static struct fault any_fault(struct life *life, bool fatal)
{
    static const int errors[] = { ENOSPC, EIO, EROFS, EINTR, EDQUOT, EACCES };
    static const enum fault_kind deaths[] = { FAULT_DIE_BEFORE, FAULT_DIE_AFTER, FAULT_PREFIX_DIE, FAULT_GARBAGE_DIE,
                                              FAULT_LOST_DIE };
    static const enum fault_kind others[] = { FAULT_ERROR, FAULT_STUCK, FAULT_SHORT, FAULT_PREFIX_ERROR };
    enum { CALLS = 70 };
    struct fault fault = { .kind = fatal ? deaths[pick(life, 5)] : others[pick(life, 4)], .at = 1 + pick(life, CALLS),
                           .error = errors[pick(life, 6)], .bytes = pick(life, RECORD_SIZE + 1) };

    /* Interrupted for ever is no disk. */
    if (fault.kind == FAULT_STUCK && fault.error == EINTR)
        fault.error = EROFS;
    return fault;
}

/* --- turns ---------------------------------------------------------------------------------------------- */

static void turn_fresh(struct life *life, enum pin which)
{
    guess_fresh(life, life->verdict->reports, life->card, which);
}

static void turn_second(struct life *life, enum pin which)
{
    guess_fresh(life, life->verdict->reports, life->second_card, which);
}

static void turn_death(struct life *life, enum pin which)
{
    struct fault fault = any_fault(life, true);
    pid_t pid = child();

    life->verdict->faults++;
    if (pid == 0) {
        fault_arm(&fault);
        guess_fresh(life, life->verdict->reports, life->card, which);
        _exit(0);
    }
    end_of(pid, life);
}

static void turn_error(struct life *life, enum pin which)
{
    struct fault fault = any_fault(life, false);

    life->verdict->faults++;
    fault_arm(&fault);
    if (life->kind == KIND_SERVED || pick(life, 2) == 0)
        guess_kept(life, which);
    else
        guess_fresh(life, life->verdict->reports, life->card, which);
    fault_disarm();
}

static void turn_crowd(struct life *life, enum pin which)
{
    pid_t pids[CROWD];

    life->verdict->go = false;
    for (unsigned i = 0; i < CROWD; i++) {
        pids[i] = child();
        if (pids[i] != 0)
            continue;
        while (!life->verdict->go)
            sched_yield();
        for (int k = 0; k < CROWD_GUESSES; k++)
            guess_fresh(life, &life->verdict->reports[1 + i], life->card, which);
        _exit(0);
    }
    life->verdict->go = true;
    for (unsigned i = 0; i < CROWD; i++)
        end_of(pids[i], life);
}

static struct cut any_cut(struct life *life, unsigned changes)
{
    enum { LOOSE = 64 };
    size_t sizes[LOOSE];
    struct cut cut = { .kind = (enum cut_kind)pick(life, CUT_RANDOM + 1), .at = 1 + pick(life, changes),
                       .deaf = life->deaf, .seed = pick(life, 1u << 30) };
    unsigned n = journal_loose(cut.at, cut.deaf, sizes, LOOSE);

    cut.which = pick(life, n);
    cut.bytes = pick(life, RECORD_SIZE + 1);
    return cut;
}

/* A power cut's ledger is of this card alone, and the disk that forgets knows no links. */
static bool may_cut(struct life *life, struct tree *base)
{
    struct report none = { .acked = 0 };
    struct rig rig;
    bool ok;

    if (life->odd)
        return false;
    rig_init(&rig, life->root, &none);
    ok = rig_open(&rig) == ERR_NONE && is_this(life, &rig);
    rig_close(&rig);
    return ok && tree_load(base, life->root);
}

/* The power fails while, or just after, somebody guesses: what was not synced may be lost. */
static void turn_cut(struct life *life, enum pin which)
{
    enum { MANY = 200 };
    struct report now = { .acked = 0 }, *report = life->verdict->reports;
    struct tree base, disk;
    struct mark mark = { .acked = 0 };
    unsigned changes;
    struct cut cut;

    if (!may_cut(life, &base)) {
        turn_fresh(life, which);
        return;
    }
    rig_close(&life->kept);
    memset(now.credit, MANY, sizeof now.credit);
    memset(mark.credit, MANY, sizeof mark.credit);
    journal_begin(life->root, &base);
    for (unsigned n = 1 + pick(life, 2); n > 0; n--)
        guess_fresh(life, &now, life->card, which);
    changes = journal_end();
    if (changes > 0) {
        cut = any_cut(life, changes);
        (void)journal_cut(&base, &cut, &disk, &mark);
        if (!tree_save(&disk, life->root))
            abort();
        tree_clear(&disk);
        open_state(life);
        life->verdict->faults++;
        for (int i = 0; i < PIN_COUNT; i++)
            report->granted[i] += (unsigned)(MANY - mark.credit[i]);
    }
    journal_free();
    tree_clear(&base);
}

/* The owner writes to the card: its next generation. */
static void turn_owner(struct life *life, enum pin which)
{
    struct report own = { .acked = 0 };
    struct rig fresh, *rig = life->kind == KIND_SERVED ? &life->kept : &fresh;

    (void)which;
    rig_init(&fresh, life->root, &own);
    if ((rig == &fresh ? rig_open(rig) != ERR_NONE : rig->piv == NULL) || !is_this(life, rig))
        tell(life, "not opened");
    else if (rig_admin(rig, OLD) &&
             rig_send(rig, 0xDB, 0x3F, 0xFF, in_of("\x5C\x03\x5F\xC1\x06\x53\x04mine", 11)) == SW_SUCCESS)
        keep_card(life);
    rig_close(&fresh);
}

/* By weight: how often in which kind of life. */
static const struct {
    const char *name;
    void (*run)(struct life *life, enum pin which);
    unsigned weight[KIND_COUNT];
} turns[] = {
    { "fresh", turn_fresh, { 6, 0, 3, 0, 6 } },
    { "kept", guess_kept, { 6, 12, 3, 0, 0 } },
    { "second name", turn_second, { 2, 0, 0, 0, 0 } },
    { "death", turn_death, { 4, 0, 3, 0, 0 } },
    { "error", turn_error, { 4, 3, 3, 0, 0 } },
    { "power cut", turn_cut, { 4, 0, 6, 0, 0 } },
    { "crowd", turn_crowd, { 1, 0, 0, 1, 0 } },
    { "owner", turn_owner, { 2, 1, 1, 0, 0 } },
};

static void take_turn(struct life *life)
{
    enum pin which = pick(life, 4) == 0 ? PIN_PUK : PIN_APPLICATION;
    unsigned sum = 0, at, i = 0;

    for (size_t k = 0; k < sizeof turns / sizeof turns[0]; k++)
        sum += turns[k].weight[life->kind];
    at = pick(life, sum);
    while (at >= turns[i].weight[life->kind])
        at -= turns[i++].weight[life->kind];
    tell(life, "(%s %s)", turns[i].name, which == PIN_PUK ? "PUK" : "PIN");
    turns[i].run(life, which);
}

/* Guess to the end, with nothing in the way. */
static void squeeze(struct life *life)
{
    for (int i = PIN_APPLICATION; i <= PIN_PUK; i++)
        for (int n = 0; n < 2 * ATTACK_LIMIT; n++) {
            if (life->kind == KIND_SERVED)
                guess_kept(life, (enum pin)i);
            else
                guess_fresh(life, life->verdict->reports, life->card, (enum pin)i);
        }
}

/* --- the way out ---------------------------------------------------------------------------------------- */

/* Whatever was done to the record, the owner who has his card says `vpiv adopt`: then all is as new, also for the
 * program that has served the card all the time, unless it remembers more than an older copy holds: it wants the card
 * put in anew. */
static void adopt(struct life *life)
{
    static const struct tries fresh = { { ATTACK_LIMIT, ATTACK_LIMIT, 0 }, { ATTACK_LIMIT, ATTACK_LIMIT, 0 } };
    static struct report own;
    char *sentence = life->verdict->sentence;
    struct why why = { "" };
    struct rig rig;
    sw_t sw;

    move_make(life);
    if (life->kind != KIND_SERVED && is_back(life))
        move_heal(life);
    move_heal_card(life);
    tell(life, "(adopt)");
    if (cardfile_adopt(life->card, life->state, &fresh, &why) != ERR_NONE) {
        snprintf(sentence, sizeof life->verdict->sentence, "it cannot be adopted: %.150s", why.text);
        return;
    }
    rig_init(&rig, life->root, &own);
    sw = rig_open(&rig) != ERR_NONE ? SW_NOT_FOUND : rig_verify(&rig, OLD);
    rig_close(&rig);
    life->kept.report = &own;
    if (sw != SW_SUCCESS)
        snprintf(sentence, sizeof life->verdict->sentence, "once adopted, the right PIN is answered %04X", sw);
    else if (life->kind != KIND_SERVED && life->kept.piv != NULL && (sw = rig_verify(&life->kept, OLD)) != SW_SUCCESS)
        snprintf(sentence, sizeof life->verdict->sentence,
                 "once adopted, who served the card before answers the right PIN with %04X", sw);
}

void life_run(struct life *life)
{
    bool still = life->kind == KIND_CROWD; /* they all come at once */

    life->events = -1;
    open_state(life);
    keep_record(life);
    keep_card(life);
    if (life->kind == KIND_SERVED)
        guess_kept(life, PIN_APPLICATION);
    for (int turn = 0; turn < (still ? 1 : TURNS) && life->verdict->sentence[0] == '\0'; turn++) {
        if (!still && life->kind != KIND_HONEST)
            move_make(life);
        if (life->kind == KIND_FILES && is_back(life)) {
            tell(life, "(undone)");
            move_heal(life);
        }
        take_turn(life);
        keep_record(life);
    }
    squeeze(life);
    if (life->kind != KIND_OLDER && life->verdict->sentence[0] == '\0')
        adopt(life);
    rig_close(&life->kept);
    state_close(life->state);
}
