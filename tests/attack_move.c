/* SPDX-License-Identifier: BSD-2-Clause */
/* attack_move.c — what somebody who may write in the store, but does not read the host secret, does to its files. */
#include "tests/attack.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SEQUENCE_AT = 24, LEFT_AT = 40, PATH_SIZE = PATH_ROOM + 70 };

static void path_of(const char *record, unsigned file, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%u", record, file % RECORD_FILES);
}

static size_t read_bytes(const char *path, uint8_t *p, size_t cap)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : pread(fd, p, cap, 0);

    if (fd >= 0)
        close(fd);
    return n > 0 ? (size_t)n : 0;
}

/* Whatever has the name goes; so a link is not followed, and a FIFO not waited for. */
static void clear_name(const char *path)
{
    if (unlink(path) != 0)
        (void)rmdir(path);
}

/* In place, with the same inode, or a new file under the name. */
static void write_bytes(struct life *life, const char *path, const uint8_t *p, size_t n)
{
    bool in_place = pick(life, 2) == 0;
    struct stat st;
    int fd;

    if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode) || !in_place)
        clear_name(path);
    fd = open(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    if (ftruncate(fd, 0) != 0 || pwrite(fd, p, n, 0) != (ssize_t)n)
        abort();
    close(fd);
}

static void garbage(struct life *life, uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)pick(life, 256);
}

/* --- on one file ---------------------------------------------------------------------------------------- */

static void delete_one(struct life *life, const char *path)
{
    (void)life;
    clear_name(path);
}

static void flip_bit(struct life *life, const char *path)
{
    uint8_t bytes[2 * RECORD_SIZE];
    size_t n = read_bytes(path, bytes, sizeof bytes);

    if (n == 0)
        return;
    bytes[pick(life, (unsigned)n)] ^= (uint8_t)(1 << pick(life, 8));
    write_bytes(life, path, bytes, n);
}

static void edit_left(struct life *life, const char *path)
{
    uint8_t bytes[RECORD_SIZE];

    if (read_bytes(path, bytes, sizeof bytes) != sizeof bytes)
        return;
    memset(bytes + LEFT_AT, ATTACK_LIMIT, PIN_COUNT);
    write_bytes(life, path, bytes, sizeof bytes);
}

static void edit_sequence(struct life *life, const char *path)
{
    uint8_t bytes[RECORD_SIZE];

    if (read_bytes(path, bytes, sizeof bytes) != sizeof bytes)
        return;
    bytes[SEQUENCE_AT + 7] = (uint8_t)(bytes[SEQUENCE_AT + 7] + 2);
    write_bytes(life, path, bytes, sizeof bytes);
}

static void cut_short(struct life *life, const char *path)
{
    if (truncate(path, pick(life, RECORD_SIZE)) != 0)
        return;
}

static void make_longer(struct life *life, const char *path)
{
    if (truncate(path, RECORD_SIZE + 1 + (off_t)pick(life, 5000)) != 0)
        return;
}

static void fill_garbage(struct life *life, const char *path)
{
    uint8_t bytes[RECORD_SIZE];

    garbage(life, bytes, sizeof bytes);
    write_bytes(life, path, bytes, sizeof bytes);
}

static void fill_zero(struct life *life, const char *path)
{
    static const uint8_t zeros[RECORD_SIZE];

    write_bytes(life, path, zeros, sizeof zeros);
}

static void forbid(struct life *life, const char *path)
{
    struct stat st;

    (void)life;
    /* Not through a link of link_to: as root it would take the machine's /dev/zero from everybody. */
    if (lstat(path, &st) != 0 || S_ISLNK(st.st_mode) || chmod(path, 0) != 0)
        return;
}

static void older(struct life *life, const char *path)
{
    const struct version *v = &life->versions[pick(life, life->n_versions)];

    write_bytes(life, path, v->bytes, sizeof v->bytes);
}

static void another_cards(struct life *life, const char *path)
{
    char from[PATH_SIZE];
    uint8_t bytes[RECORD_SIZE];

    path_of(life->other_record, pick(life, 2), from);
    write_bytes(life, path, bytes, read_bytes(from, bytes, sizeof bytes));
}

static void link_to(struct life *life, const char *path)
{
    static const char *const targets[] = { "0", "1", "/dev/zero", "/nowhere", "." };
    char to[PATH_SIZE];

    life->odd = true;
    clear_name(path);
    path_of(life->other_record, pick(life, 2), to);
    if (symlink(pick(life, 4) == 0 ? to : targets[pick(life, 5)], path) != 0)
        return;
}

static void hard_link(struct life *life, const char *path)
{
    char from[PATH_SIZE];

    life->odd = true;
    path_of(pick(life, 2) ? life->record : life->other_record, pick(life, 2), from);
    if (strcmp(from, path) == 0)
        return;
    clear_name(path);
    if (link(from, path) != 0)
        return;
}

static void fifo(struct life *life, const char *path)
{
    life->odd = true;
    clear_name(path);
    if (mkfifo(path, 0600) != 0)
        return;
}

static void directory(struct life *life, const char *path)
{
    (void)life;
    clear_name(path);
    if (mkdir(path, 0700) != 0)
        return;
}

/* --- on the record as a whole --------------------------------------------------------------------------- */

static void swap(const char *a, const char *b)
{
    char middle[PATH_SIZE + 10];

    snprintf(middle, sizeof middle, "%s.middle", a);
    if (rename(a, middle) == 0) {
        (void)!rename(b, a);
        (void)!rename(middle, b);
    }
}

static void exchange(struct life *life)
{
    char a[PATH_SIZE], b[PATH_SIZE];

    path_of(life->record, 0, a);
    path_of(life->record, 1, b);
    swap(a, b);
}

static void duplicate(struct life *life)
{
    unsigned from = pick(life, 2);
    char a[PATH_SIZE], b[PATH_SIZE];
    uint8_t bytes[RECORD_SIZE];

    path_of(life->record, from, a);
    path_of(life->record, from + 1, b);
    write_bytes(life, b, bytes, read_bytes(a, bytes, sizeof bytes));
}

static void mixture(struct life *life)
{
    char path[PATH_SIZE];

    for (unsigned file = 0; file < RECORD_FILES; file++) {
        path_of(life->record, file, path);
        if (pick(life, 4) > 0)
            older(life, path);
    }
}

static void delete_both(struct life *life)
{
    char path[PATH_SIZE];

    for (unsigned file = 0; file < RECORD_FILES; file++) {
        path_of(life->record, file, path);
        clear_name(path);
    }
    if (pick(life, 2))
        clear_name(life->record);
}

static void exchange_directories(struct life *life)
{
    swap(life->record, life->other_record);
}

static void link_directory(struct life *life)
{
    char away[PATH_SIZE];

    life->odd = true;
    snprintf(away, sizeof away, "%s.away", life->record);
    if (rename(life->record, away) == 0 && symlink(pick(life, 2) ? away : life->other_record, life->record) != 0)
        abort();
}

static void directory_away(struct life *life)
{
    char away[PATH_SIZE];

    snprintf(away, sizeof away, "%s.away", life->record);
    if (rename(life->record, away) == 0 && pick(life, 2) && mkdir(life->record, 0700) != 0)
        abort();
}

/* --- on card file and host secret ----------------------------------------------------------------------- */

static void older_card(struct life *life)
{
    unsigned i = pick(life, life->n_cards);

    write_bytes(life, life->card, life->cards[i].bytes, life->cards[i].n);
}

static void another_card(struct life *life)
{
    uint8_t bytes[CARD_ROOM];

    write_bytes(life, life->card, bytes, read_bytes(life->other_card, bytes, sizeof bytes));
}

static void spoil_card(struct life *life)
{
    uint8_t bytes[CARD_ROOM];
    size_t n = read_bytes(life->card, bytes, sizeof bytes);

    if (n > 0)
        bytes[pick(life, (unsigned)n)] ^= 1;
    write_bytes(life, life->card, bytes, n);
}

static void second_name(struct life *life)
{
    const char *to = life->second_card;
    uint8_t bytes[CARD_ROOM];

    clear_name(to);
    switch (pick(life, 3)) {
    case 0:
        write_bytes(life, to, bytes, read_bytes(life->card, bytes, sizeof bytes));
        break;
    case 1:
        life->odd = true;
        (void)!link(life->card, to);
        break;
    default:
        life->odd = true;
        (void)!symlink(life->card, to);
        break;
    }
}

/* Another GUID would find another record; and the seal would not be of this text any more. */
static void edit_guid(struct life *life)
{
    uint8_t bytes[CARD_ROOM];
    size_t n = read_bytes(life->card, bytes, sizeof bytes);
    uint8_t *at = n == 0 ? NULL : memmem(bytes, n, "guid", 4);
    uint8_t *quote = at == NULL ? NULL : memchr(at, '"', n - (size_t)(at - bytes));

    if (quote == NULL || quote + 2 >= bytes + n)
        return;
    quote[1] = quote[1] == '0' ? '1' : '0';
    write_bytes(life, pick(life, 2) ? life->card : life->second_card, bytes, n);
}

static void host_secret(struct life *life)
{
    char path[PATH_SIZE], away[PATH_SIZE];
    uint8_t bytes[HOST_SECRET_SIZE];

    snprintf(path, sizeof path, "%s/state/host.key", life->root);
    snprintf(away, sizeof away, "%s/state/host.away", life->root);
    if (access(away, F_OK) == 0) {
        (void)!rename(away, path);
    } else if (rename(path, away) == 0 && pick(life, 2)) {
        garbage(life, bytes, sizeof bytes);
        write_bytes(life, path, bytes, sizeof bytes);
    }
}

/* --- the newest again ----------------------------------------------------------------------------------- */

static const struct version *version_of(const struct life *life, uint64_t sequence)
{
    for (unsigned i = life->n_versions; i > 0; i--)
        if (life->versions[i - 1].sequence == sequence)
            return &life->versions[i - 1];
    return NULL;
}

static void heal_directory(struct life *life)
{
    char away[PATH_SIZE];
    struct stat st;

    snprintf(away, sizeof away, "%s.away", life->record);
    if (lstat(away, &st) == 0) {
        char path[PATH_SIZE];

        for (unsigned file = 0; file < RECORD_FILES; file++) {
            path_of(life->record, file, path);
            if (lstat(life->record, &st) == 0 && S_ISDIR(st.st_mode))
                clear_name(path);
        }
        clear_name(life->record);
        (void)!rename(away, life->record);
    }
    if (lstat(life->record, &st) != 0)
        (void)!mkdir(life->record, 0700);
}

static void heal_record(struct life *life)
{
    char path[PATH_SIZE];

    heal_directory(life);
    for (unsigned back = 0; back < RECORD_FILES; back++) {
        const struct version *v = version_of(life, life->newest - back);

        path_of(life->record, (unsigned)((life->newest - back) % RECORD_FILES), path);
        if (v != NULL)
            write_bytes(life, path, v->bytes, sizeof v->bytes);
    }
}

void move_heal_card(struct life *life)
{
    char path[PATH_SIZE];

    write_bytes(life, life->card, life->cards[life->n_cards - 1].bytes, life->cards[life->n_cards - 1].n);
    snprintf(path, sizeof path, "%s/state/host.away", life->root);
    if (access(path, F_OK) == 0)
        host_secret(life);
}

void move_heal(struct life *life)
{
    heal_record(life);
    move_heal_card(life);
}

static const struct move {
    const char *name;
    void (*one)(struct life *life, const char *path); /* on one file of the record … */
    void (*all)(struct life *life);                   /* … or on something else */
    unsigned weight;
} moves[] = {
    { "nothing", NULL, NULL, 6 },
    { "heal", NULL, move_heal, 12 },
    { "delete", delete_one, NULL, 2 },
    { "flip", flip_bit, NULL, 2 },
    { "edit left", edit_left, NULL, 1 },
    { "edit sequence", edit_sequence, NULL, 1 },
    { "cut short", cut_short, NULL, 1 },
    { "longer", make_longer, NULL, 1 },
    { "garbage", fill_garbage, NULL, 1 },
    { "zero", fill_zero, NULL, 1 },
    { "forbid", forbid, NULL, 1 },
    { "older", older, NULL, 4 },
    { "another card's", another_cards, NULL, 1 },
    { "link", link_to, NULL, 1 },
    { "hard link", hard_link, NULL, 1 },
    { "fifo", fifo, NULL, 1 },
    { "directory", directory, NULL, 1 },
    { "exchange", NULL, exchange, 1 },
    { "duplicate", NULL, duplicate, 1 },
    { "mixture", NULL, mixture, 6 },
    { "delete both", NULL, delete_both, 1 },
    { "exchange directories", NULL, exchange_directories, 1 },
    { "link directory", NULL, link_directory, 1 },
    { "directory away", NULL, directory_away, 1 },
    { "older card", NULL, older_card, 3 },
    { "another card", NULL, another_card, 1 },
    { "spoil card", NULL, spoil_card, 1 },
    { "second name", NULL, second_name, 3 },
    { "edit GUID", NULL, edit_guid, 1 },
    { "host secret", NULL, host_secret, 1 },
};
enum { MOVES = sizeof moves / sizeof moves[0] };

void move_make(struct life *life)
{
    unsigned sum = 0, at;
    const struct move *m = moves;
    char path[PATH_SIZE];

    for (size_t i = 0; i < MOVES; i++)
        sum += moves[i].weight;
    at = pick(life, sum);
    while (at >= m->weight)
        at -= m++->weight;
    tell(life, "%s", m->name);
    if (m->one != NULL) {
        path_of(life->record, pick(life, 2), path);
        m->one(life, path);
    } else if (m->all != NULL) {
        m->all(life);
    }
    life->verdict->moves += m->one != NULL || m->all != NULL;
}
