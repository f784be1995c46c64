/* SPDX-License-Identifier: BSD-2-Clause */
/* crash_tree.c — a directory with all below it as a value: from the disk, changed, and to the disk. */
#include "tests/crash.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct node *tree_add(struct tree *tree, unsigned id, bool directory, mode_t mode)
{
    struct node *node = &tree->nodes[tree->n_nodes];

    if (tree->n_nodes == NODES_MAX)
        abort();
    tree->n_nodes++;
    *node = (struct node){ id, directory, mode & 07777, NULL, 0 };
    return node;
}

struct node *tree_find(struct tree *tree, unsigned id)
{
    for (unsigned i = 0; i < tree->n_nodes; i++)
        if (tree->nodes[i].id == id)
            return &tree->nodes[i];
    return NULL;
}

void tree_unname(struct tree *tree, unsigned in, const char *name)
{
    for (unsigned i = 0; i < tree->n_names; i++)
        if (tree->names[i].in == in && strcmp(tree->names[i].name, name) == 0)
            tree->names[i--] = tree->names[--tree->n_names];
}

void tree_name(struct tree *tree, unsigned in, unsigned id, const char *name)
{
    struct name *n;

    tree_unname(tree, in, name);
    n = &tree->names[tree->n_names];
    if (tree->n_names == NODES_MAX)
        abort();
    tree->n_names++;
    n->in = in;
    n->id = id;
    snprintf(n->name, sizeof n->name, "%s", name);
}

/* Grow or shrink, with zeros. */
void node_resize(struct node *node, size_t n)
{
    node->p = realloc(node->p, n + 1);
    if (node->p == NULL)
        abort();
    if (n > node->n)
        memset(node->p + node->n, 0, n - node->n);
    node->n = n;
}

static bool load_file(struct node *node, const char *path, size_t n)
{
    FILE *f = fopen(path, "rb");
    bool ok;

    if (f == NULL)
        return false;
    node_resize(node, n);
    ok = fread(node->p, 1, n, f) == n;
    fclose(f);
    return ok;
}

static bool load_below(struct tree *tree, unsigned in, const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *d;
    bool ok = dir != NULL;

    while (ok && (d = readdir(dir)) != NULL) {
        char below[PATH_MAX];
        struct stat st;
        struct node *node;

        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        snprintf(below, sizeof below, "%s/%s", path, d->d_name);
        ok = lstat(below, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
        if (!ok)
            break;
        node = tree_add(tree, tree->n_nodes, S_ISDIR(st.st_mode), st.st_mode);
        tree_name(tree, in, node->id, d->d_name);
        ok = node->directory ? load_below(tree, node->id, below) : load_file(node, below, (size_t)st.st_size);
    }
    if (dir != NULL)
        closedir(dir);
    return ok;
}

bool tree_load(struct tree *tree, const char *path)
{
    *tree = (struct tree){ 0 };
    tree_add(tree, 0, true, 0700);
    return load_below(tree, 0, path);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st, (void)type;
    return walk->level == 0 ? 0 : remove(path);
}

static bool save_file(const struct node *node, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && (node->n == 0 || pwrite(fd, node->p, node->n, 0) == (ssize_t)node->n) &&
              (node->mode == 0600 || fchmod(fd, node->mode) == 0);

    if (fd >= 0)
        close(fd);
    return ok;
}

static bool save_below(const struct tree *tree, unsigned in, const char *path)
{
    for (unsigned i = 0; i < tree->n_names; i++) {
        const struct name *name = &tree->names[i];
        const struct node *node;
        char below[PATH_MAX];

        if (name->in != in || (node = tree_find((struct tree *)tree, name->id)) == NULL)
            continue;
        snprintf(below, sizeof below, "%s/%s", path, name->name);
        if (node->directory ? mkdir(below, node->mode) != 0 || !save_below(tree, node->id, below)
                            : !save_file(node, below))
            return false;
    }
    return true;
}

bool tree_save(const struct tree *tree, const char *path)
{
    return nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0 && save_below(tree, 0, path);
}

void tree_clear(struct tree *tree)
{
    for (unsigned i = 0; i < tree->n_nodes; i++)
        free(tree->nodes[i].p);
    *tree = (struct tree){ 0 };
}

void tree_copy(const struct tree *from, struct tree *to)
{
    *to = *from;
    for (unsigned i = 0; i < to->n_nodes; i++) {
        struct node *node = &to->nodes[i];
        size_t n = node->n;

        node->p = NULL;
        node->n = 0;
        if (!node->directory) {
            node_resize(node, n);
            memcpy(node->p, from->nodes[i].p, n);
        }
    }
}
