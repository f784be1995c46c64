/* SPDX-License-Identifier: BSD-2-Clause */
/* attack.c — does any attack on the files of a card, or any accident, ever grant a guess too many?  Lives of cards, each
 * from a random seed, until the time is over; then the controls, in which guesses too many must be found.
 *
 *   attack [SECONDS [SEED [KIND]]]     with KIND (0 …): that one life again
 *
 * What is promised: PROOFS.md part A, A0.
 */
#include "tests/attack.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>

static struct tree base;
static char root[PATH_ROOM];
static uint8_t guid[16];
static struct verdict *verdict;
static unsigned number, failed;

/* A world with a rule less, for the controls. */
static struct world {
    bool deaf;       /* fdatasync does nothing: seen in power cuts */
    bool generous;   /* of two files one is torn: it costs nothing */
    bool unlocked;   /* every lock is granted to everybody */
} world;

/* struct tally — of the lives of one kind. */
struct tally {
    unsigned long lives, guesses, moves, faults, guilty;
    unsigned most;
};

/* --- a rule less ---------------------------------------------------------------------------------------- */

static struct record found[RECORD_FILES];

enum err __real_record_read(const struct record_place *place, struct record records[RECORD_FILES]);
enum err __wrap_record_read(const struct record_place *place, struct record records[RECORD_FILES]);
enum err __wrap_record_read(const struct record_place *place, struct record records[RECORD_FILES])
{
    enum err e = __real_record_read(place, records);

    memcpy(found, records, sizeof found);
    return e;
}

/* The record that tries.c writes when just one of the two was valid: give it back what it lost. */
enum err __real_record_write(const struct record_place *place, const struct record *record);
enum err __wrap_record_write(const struct record_place *place, const struct record *record);
enum err __wrap_record_write(const struct record_place *place, const struct record *record)
{
    const struct record *valid = found[0].valid ? &found[0] : &found[1];

    if (world.generous && found[0].valid != found[1].valid && record->sequence == valid->sequence + 1)
        ((struct record *)record)->tries = valid->tries;
    return __real_record_write(place, record);
}

/* --- a store with two cards ----------------------------------------------------------------------------- */

static bool make_base(void)
{
    struct report report = { .acked = 0 };
    struct rig rig;
    bool ok;

    rig_init(&rig, root, &report);
    ok = rig_make(&rig, "piv", ATTACK_LIMIT) == ERR_NONE && rig_open(&rig) == ERR_NONE;
    if (ok)
        memcpy(guid, piv_card(rig.piv)->guid, sizeof guid);
    rig_close(&rig);
    rig_init(&rig, root, &report);
    snprintf(rig.card_path, sizeof rig.card_path, "%s/cards/z.card", root);
    return ok && rig_make(&rig, "piv", ATTACK_LIMIT) == ERR_NONE && tree_load(&base, root);
}

static void hex_of(const uint8_t bytes[16], char hex[33])
{
    for (int i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

static bool place_life(struct life *life)
{
    char hex[33], tries[PATH_ROOM + 20];
    struct dirent *d;
    DIR *dir;

    hex_of(guid, hex);
    snprintf(life->root, sizeof life->root, "%s", root);
    snprintf(tries, sizeof tries, "%s/state/tries", root);
    snprintf(life->record, sizeof life->record, "%s/%s", tries, hex);
    snprintf(life->card, sizeof life->card, "%s/cards/x.card", root);
    snprintf(life->other_card, sizeof life->other_card, "%s/cards/z.card", root);
    snprintf(life->second_card, sizeof life->second_card, "%s/cards/y.card", root);
    memcpy(life->guid, guid, sizeof guid);
    dir = opendir(tries);
    while (dir != NULL && (d = readdir(dir)) != NULL)
        if (d->d_name[0] != '.' && strcmp(d->d_name, hex) != 0)
            snprintf(life->other_record, sizeof life->other_record, "%s/%.32s", tries, d->d_name);
    if (dir != NULL)
        closedir(dir);
    return life->other_record[0] != '\0';
}

/* --- one life ------------------------------------------------------------------------------------------- */

static void live(enum kind kind, uint64_t seed)
{
    enum { PATIENCE = 120 };
    struct life *life = calloc(1, sizeof *life);

    alarm(PATIENCE);
    if (life == NULL || !place_life(life))
        abort();
    life->kind = kind;
    life->seed = seed;
    life->verdict = verdict;
    life->deaf = world.deaf;
    fault_unlock(world.unlocked);
    life_run(life);
    free(life);
}

/* What was promised of a life of this kind, after it. */
static void judge_life(enum kind kind, struct tally *tally)
{
    static const char *const names[] = { "PIN", "PUK" };

    for (int i = PIN_APPLICATION; i <= PIN_PUK; i++) {
        unsigned granted = 0;

        for (size_t k = 0; k < sizeof verdict->reports / sizeof verdict->reports[0]; k++)
            granted += verdict->reports[k].granted[i];
        if (granted > tally->most)
            tally->most = granted;
        if (verdict->sentence[0] != '\0')
            continue;
        if (granted > ATTACK_LIMIT)
            snprintf(verdict->sentence, sizeof verdict->sentence, "%u guesses at the %s granted, of %d", granted,
                     names[i], ATTACK_LIMIT);
        else if ((kind == KIND_HONEST || kind == KIND_CROWD) && granted + verdict->faults < ATTACK_LIMIT)
            snprintf(verdict->sentence, sizeof verdict->sentence, "%u guesses at the %s are left: %u faults cost more",
                     granted, names[i], verdict->faults);
    }
}

static bool live_and_judge(enum kind kind, uint64_t seed, struct tally *tally)
{
    int status = 0;
    pid_t pid;

    memset(verdict, 0, sizeof *verdict);
    if (!tree_save(&base, root))
        abort();
    pid = fork();
    if (pid < 0)
        abort();
    if (pid == 0) {
        live(kind, seed);
        _exit(0);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!WIFEXITED(status))
        snprintf(verdict->sentence, sizeof verdict->sentence, "killed by signal %d", WTERMSIG(status));
    judge_life(kind, tally);
    tally->lives++;
    tally->guesses += verdict->guesses;
    tally->moves += verdict->moves;
    tally->faults += verdict->faults;
    tally->guilty += verdict->sentence[0] != '\0';
    return verdict->sentence[0] == '\0';
}

/* --- all lives ------------------------------------------------------------------------------------------ */

static uint64_t seed_of(uint64_t seed, unsigned long i)
{
    return seed + i * UINT64_C(0xD1B54A32D192ED03);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void say(bool ok, const char *what, const struct tally *t)
{
    printf("%sok %u - %s: %lu lives, %lu guesses, %lu moves, %lu faults; at most %u granted of %d, %lu guilty\n",
           ok ? "" : "not ", ++number, what, t->lives, t->guesses, t->moves, t->faults, t->most, ATTACK_LIMIT,
           t->guilty);
    fflush(stdout);
    failed += !ok;
}

static void run_all(double seconds, uint64_t seed)
{
    enum { SHOWN = 10, PROMISED = KIND_CROWD + 1 };
    static const char *const names[PROMISED] = {
        "whatever is done to the files, and whenever a program dies",
        "with older copies of the record, while a program goes on serving the card",
        "an accident costs at most one try",
        "eight programs guess at once",
    };
    struct tally tallies[PROMISED] = { 0 };
    unsigned shown = 0;
    double end = now() + seconds;

    for (unsigned long i = 0; now() < end; i++) {
        enum kind kind = (enum kind)(i % PROMISED);
        uint64_t s = seed_of(seed, i);

        if (!live_and_judge(kind, s, &tallies[kind]) && shown++ < SHOWN)
            printf("# attack 0 %llu %u: %s\n#   %s\n", (unsigned long long)s, kind, verdict->sentence, verdict->story);
    }
    for (int kind = 0; kind < PROMISED; kind++)
        say(tallies[kind].guilty == 0 && tallies[kind].lives > 0, names[kind], &tallies[kind]);
}

/* A control ends when it has bitten. */
static void run_control(const char *what, enum kind kind, struct world less, uint64_t seed)
{
    enum { PATIENCE = 60, ENOUGH = 3 };
    struct tally tally = { 0 };
    double end = now() + PATIENCE;

    world = less;
    for (unsigned long i = 0; tally.guilty < ENOUGH && now() < end; i++)
        (void)live_and_judge(kind, seed_of(seed, i), &tally);
    world = (struct world){ false };
    say(tally.guilty >= ENOUGH && tally.most > ATTACK_LIMIT, what, &tally);
}

static int live_once(uint64_t seed, enum kind kind)
{
    struct tally tally = { 0 };
    bool ok = live_and_judge(kind, seed, &tally);

    printf("%sok 1 - this life %s\n#   %s\n1..1\n", ok ? "" : "not ", verdict->sentence, verdict->story);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 20;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    int status;

    verdict = mmap(NULL, sizeof *verdict, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (verdict == MAP_FAILED || !secret_heap() || !scene_stuff() || !scratch_root(root) || !make_base() ||
        (argc <= 2 && RAND_bytes((unsigned char *)&seed, sizeof seed) != 1)) {
        printf("Bail out! no scratch directory, no memory or no OpenSSL\n");
        return EXIT_FAILURE;
    }
    if (argc > 3) {
        status = live_once(seed, (enum kind)(strtoul(argv[3], NULL, 10) % KIND_COUNT));
    } else {
        printf("# seed %llu\n", (unsigned long long)seed);
        run_all(seconds, seed);
        run_control("control: without fdatasync", KIND_HONEST, (struct world){ .deaf = true }, seed);
        run_control("control: where a torn record costs nothing", KIND_FILES, (struct world){ .generous = true }, seed);
        run_control("control: without the lock", KIND_CROWD, (struct world){ .unlocked = true }, seed);
        run_control("control: an older copy of the record, to a program that starts afresh, is what vpiv(7) says",
                    KIND_OLDER, (struct world){ false }, seed);
        printf("1..%u\n", number);
        status = failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    tree_clear(&base);
    scene_stuff_free();
    scratch_gone(root);
    return status;
}
