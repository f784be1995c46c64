/* SPDX-License-Identifier: BSD-2-Clause */
/* crash_disk.c — a disk that may forget, at a power cut, whatever was not synced.
 *
 * It is stricter than any file system we know: of the changes that no fsync or fdatasync has made durable, each may
 * be lost or kept on its own, in whatever order they were made.
 */
#include "tests/crash.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum change_kind { MADE, WRITTEN, SIZED, MODED, RENAMED, REMOVED, SYNCED, MARKED };

struct change {
    enum change_kind kind;
    unsigned id;             /* of the file */
    unsigned in;             /* its directory; of a sync: the file */
    bool directory, keep, data;
    mode_t mode;
    char name[NAME_MAX + 1], to[NAME_MAX + 1];
    size_t at, n;
    uint8_t *p;
    struct mark mark;
};

enum { CHANGES_MAX = 4096 };
static struct {
    bool on;
    unsigned n, next_id;
    struct change changes[CHANGES_MAX];
    struct {
        ino_t inode;
        unsigned id;
    } ids[CHANGES_MAX];
    unsigned n_ids;
} journal;

/* A file system gives the number of a file that is gone to the next one: the last to have it counts. */
static void remember_id(ino_t inode, unsigned id)
{
    if (journal.n_ids == CHANGES_MAX)
        abort();
    journal.ids[journal.n_ids].inode = inode;
    journal.ids[journal.n_ids++].id = id;
}

static bool id_of(int dir, const char *path, unsigned *id)
{
    struct stat st;

    if ((path == NULL ? fstat(dir, &st) : fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW)) != 0)
        return false;
    for (unsigned i = journal.n_ids; i > 0; i--) {
        if (journal.ids[i - 1].inode == st.st_ino) {
            *id = journal.ids[i - 1].id;
            return true;
        }
    }
    return false;
}

static struct change *add(enum change_kind kind)
{
    struct change *c = &journal.changes[journal.n];

    if (journal.n == CHANGES_MAX)
        abort();
    journal.n++;
    *c = (struct change){ .kind = kind };
    return c;
}

/* The numbers are those of the base tree. */
static void number_below(const struct tree *tree, unsigned in, const char *path)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        abort();
    remember_id(st.st_ino, in);
    for (unsigned i = 0; i < tree->n_names; i++) {
        char below[PATH_MAX];

        if (tree->names[i].in != in)
            continue;
        snprintf(below, sizeof below, "%s/%s", path, tree->names[i].name);
        number_below(tree, tree->names[i].id, below);
    }
}

void journal_begin(const char *root, const struct tree *base)
{
    journal_free();
    number_below(base, 0, root);
    journal.next_id = base->n_nodes;
    journal.on = true;
}

unsigned journal_end(void)
{
    journal.on = false;
    return journal.n;
}

void journal_free(void)
{
    for (unsigned i = 0; i < journal.n; i++)
        free(journal.changes[i].p);
    journal.n = journal.n_ids = journal.next_id = 0;
    journal.on = false;
}

void journal_mark(unsigned acked, const uint8_t credit[PIN_COUNT], const uint8_t sure[PIN_COUNT])
{
    struct change *c;

    if (!journal.on)
        return;
    c = add(MARKED);
    c->mark.acked = acked;
    memcpy(c->mark.credit, credit, PIN_COUNT);
    memcpy(c->mark.sure, sure, PIN_COUNT);
}

/* Where a path's directory is in the base tree, and its last part. */
static bool place_of(int dir, const char *path, unsigned *in, const char **base)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');

    *base = slash == NULL ? path : slash + 1;
    if (slash == NULL)
        return id_of(dir, dir == AT_FDCWD ? "." : NULL, in);
    snprintf(directory, sizeof directory, "%.*s", (int)(slash - path), path);
    return id_of(dir, directory, in);
}

void journal_created(int dir, const char *path, bool directory)
{
    struct stat st;
    const char *base;
    struct change *c;
    unsigned in;

    if (!journal.on || !place_of(dir, path, &in, &base) || fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    c = add(MADE);
    c->id = journal.next_id++;
    c->in = in;
    c->directory = directory;
    c->mode = st.st_mode & 07777;
    snprintf(c->name, sizeof c->name, "%s", base);
    remember_id(st.st_ino, c->id);
}

void journal_written(int fd, const void *p, size_t n, off_t at)
{
    struct change *c;
    unsigned id;

    if (!journal.on || !id_of(fd, NULL, &id))
        return;
    c = add(WRITTEN);
    c->id = id;
    c->at = (size_t)at;
    c->n = n;
    c->p = malloc(n);
    if (c->p == NULL)
        abort();
    memcpy(c->p, p, n);
}

void journal_size(int fd, off_t n)
{
    struct change *c;
    unsigned id;

    if (!journal.on || !id_of(fd, NULL, &id))
        return;
    c = add(SIZED);
    c->id = id;
    c->n = (size_t)n;
}

void journal_mode(int fd, mode_t mode)
{
    struct change *c;
    unsigned id;

    if (!journal.on || !id_of(fd, NULL, &id))
        return;
    c = add(MODED);
    c->id = id;
    c->mode = mode;
}

void journal_renamed(int dir, const char *from, const char *to, bool keep)
{
    struct change *c;
    unsigned in, id;

    if (!journal.on || !id_of(dir, NULL, &in) || !id_of(dir, to, &id))
        return;
    c = add(RENAMED);
    c->id = id;
    c->in = in;
    c->keep = keep;
    snprintf(c->name, sizeof c->name, "%s", from);
    snprintf(c->to, sizeof c->to, "%s", to);
}

void journal_removed(int dir, const char *path)
{
    const char *base;
    struct change *c;
    unsigned in;

    if (!journal.on || !place_of(dir, path, &in, &base))
        return;
    c = add(REMOVED);
    c->in = in;
    snprintf(c->name, sizeof c->name, "%s", base);
}

void journal_synced(int fd, bool data)
{
    struct change *c;
    unsigned id;

    if (!journal.on || !id_of(fd, NULL, &id))
        return;
    c = add(SYNCED);
    c->id = id;
    c->data = data;
}

/* --- a power cut ---------------------------------------------------------------------------------------- */

/* What must be synced for this change to last: the file's contents, or the directory that names it. */
static unsigned home_of(const struct change *c)
{
    return c->kind == MADE || c->kind == RENAMED || c->kind == REMOVED ? c->in : c->id;
}

static bool is_loose(unsigned i, unsigned at, bool deaf)
{
    const struct change *c = &journal.changes[i];

    if (c->kind == SYNCED || c->kind == MARKED)
        return false;
    for (unsigned k = i + 1; k < at; k++) {
        const struct change *s = &journal.changes[k];

        if (s->kind == SYNCED && s->id == home_of(c) && !(deaf && s->data))
            return false;
    }
    return true;
}

unsigned journal_loose(unsigned at, bool deaf, size_t sizes[], unsigned max)
{
    unsigned n = 0;

    for (unsigned i = 0; i < at && i < journal.n; i++) {
        if (!is_loose(i, at, deaf))
            continue;
        if (n < max)
            sizes[n] = journal.changes[i].kind == WRITTEN ? journal.changes[i].n : 0;
        n++;
    }
    return n < max ? n : max;
}

static void apply(struct tree *disk, const struct change *c, size_t part, bool zero)
{
    struct node *node = tree_find(disk, c->id);

    switch (c->kind) {
    case MADE:
        if (node == NULL)
            tree_add(disk, c->id, c->directory, c->mode);
        tree_name(disk, c->in, c->id, c->name);
        break;
    case WRITTEN:
        if (node == NULL)
            node = tree_add(disk, c->id, false, 0600);
        if (node->n < c->at + (zero ? c->n : part))
            node_resize(node, c->at + (zero ? c->n : part));
        if (!zero)
            memcpy(node->p + c->at, c->p, part);
        break;
    case SIZED:
        if (node != NULL)
            node_resize(node, c->n);
        break;
    case MODED:
        if (node != NULL)
            node->mode = c->mode & 07777;
        break;
    case RENAMED:
        if (!c->keep)
            tree_unname(disk, c->in, c->name);
        if (node == NULL)
            tree_add(disk, c->id, false, 0600);
        tree_name(disk, c->in, c->id, c->to);
        break;
    case REMOVED:
        tree_unname(disk, c->in, c->name);
        break;
    case SYNCED:
    case MARKED:
        break;
    }
}

/* SplitMix64. */
static bool coin(uint64_t *seed)
{
    uint64_t z = *seed += 0x9E3779B97F4A7C15;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return ((z ^ z >> 31) & 1) != 0;
}

static bool arrives(const struct cut *cut, unsigned number, uint64_t *seed)
{
    switch (cut->kind) {
    case CUT_NONE:
        return false;
    case CUT_ONE:
        return number == cut->which;
    case CUT_BUT:
        return number != cut->which;
    case CUT_RANDOM:
        return coin(seed);
    default:
        return true;
    }
}

bool journal_cut(const struct tree *base, const struct cut *cut, struct tree *disk, struct mark *mark)
{
    uint64_t seed = cut->seed;
    unsigned number = 0;
    bool marked = false;

    tree_copy(base, disk);
    for (unsigned i = 0; i < cut->at && i < journal.n; i++) {
        const struct change *c = &journal.changes[i];
        size_t part = c->n;
        bool zero = false;

        if (c->kind == MARKED) {
            *mark = c->mark;
            marked = true;
        }
        if (is_loose(i, cut->at, cut->deaf)) {
            bool mine = number == cut->which;

            if (!arrives(cut, number++, &seed))
                continue;
            if (mine && cut->kind == CUT_TORN)
                part = cut->bytes < c->n ? cut->bytes : c->n;
            zero = mine && cut->kind == CUT_ZERO && c->kind == WRITTEN;
        }
        apply(disk, c, part, zero);
    }
    return marked;
}
