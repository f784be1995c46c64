/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_main.c — a fuzz target as an ordinary test: replays its corpus, whole and cut short.  TAP on stdout, with the
 * name of each input before it runs: the last one is the one that failed.
 *
 *   fuzz_TARGET [FILE or FOLDER …]     without one: tests/corpus/TARGET of the source tree
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz.h"

enum { PATH = 4096, INPUT_MAX = 1 << 20, CUTS = 24 };

static void bail(const char *what, const char *path)
{
    printf("Bail out! %s: %s\n", path, what);
    exit(1);
}

/* In memory of its exact size, so that a sanitizer sees one byte too many. */
static void run(const uint8_t *bytes, size_t n)
{
    uint8_t *exact = malloc(n > 0 ? n : 1);

    if (exact == NULL)
        bail("out of memory", "input");
    memcpy(exact, bytes, n);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
}

static void replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(INPUT_MAX);
    const char *base = strrchr(path, '/');
    size_t n;

    if (f == NULL || bytes == NULL)
        bail("cannot be read", path);
    n = fread(bytes, 1, INPUT_MAX, f);
    fclose(f);
    printf("# %s\n", base == NULL ? path : base + 1);
    fflush(stdout);
    run(bytes, n);
    for (size_t i = 1; i < CUTS; i++)
        run(bytes, n * i / CUTS);
    free(bytes);
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int replay_all(const char *path, int number)
{
    struct dirent **entries;
    struct stat st;
    int n;

    if (stat(path, &st) != 0)
        bail("is not there", path);
    if (!S_ISDIR(st.st_mode)) {
        replay(path);
        number++;
        return number;
    }
    n = scandir(path, &entries, not_hidden, alphasort);
    for (int i = 0; i < n; i++) {
        char file[PATH];

        snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
        replay(file);
        number++;
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return number;
}

int main(int argc, char **argv)
{
    const char *top = getenv("VPIV_TOP_SRCDIR"), *name = strstr(argv[0], "fuzz_");
    char corpus[PATH];
    int number = 0;

    /* libtool may run it as …/.libs/lt-fuzz_TARGET. */
    for (const char *later = name; later != NULL; later = strstr(later + 1, "fuzz_"))
        name = later;
    if (argc > 1) {
        for (int i = 1; i < argc; i++)
            number = replay_all(argv[i], number);
    } else {
        snprintf(corpus, sizeof corpus, "%s/tests/corpus/%s", top == NULL ? "." : top,
                 name == NULL ? "" : name + strlen("fuzz_"));
        number = replay_all(corpus, number);
    }
    printf("%sok 1 - %d inputs, whole and cut short\n1..1\n", number > 0 ? "" : "not ", number);
    return number > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
