/* SPDX-License-Identifier: BSD-2-Clause */
/* secret_search.c — looks for secrets in the memory of processes and in files (core images, logs, card files).
 *
 *   secret_search SECRETS PID|FILE …
 *
 * SECRETS holds one secret a line: NAME and its bytes in hex.  Each is looked for as windows of 12 bytes (a shorter
 * one as a whole), as written and reversed (numbers lie little-endian in memory); long ones also as digits of 52 and
 * of 29 bits in 64-bit lanes, as OpenSSL's vector code holds numbers.  Windows of fewer than 6 different bytes say
 * nothing and are left out.
 *
 * Prints one line a run of hits: where (dumped, locked: what a core image holds and what swap can see), name, form,
 * length, address, map.  Last line "N hits, N dumped, N unlocked".  Exit status 1 on a hit, 2 on a fault.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW = 12, HEAD = 8, DISTINCT = 6, TABLE_BITS = 22, CHUNK = 1 << 20 };

struct window {
    uint8_t bytes[32];
    size_t n;
    const char *name, *form;
    struct window *next; /* same slot of the table */
};

static struct window *table[1 << 16];
static uint8_t bits[1 << (TABLE_BITS - 3)];
static size_t windows;

static uint64_t head_of(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, HEAD);
    return v * UINT64_C(0x9E3779B97F4A7C15);
}

static bool says_something(const uint8_t *p, size_t n)
{
    bool seen[256] = { false };
    size_t different = 0;

    for (size_t i = 0; i < n; i++) {
        different += !seen[p[i]];
        seen[p[i]] = true;
    }
    return different >= (n < WINDOW ? 4 : DISTINCT);
}

static void add_window(const uint8_t *p, size_t n, const char *name, const char *form)
{
    struct window *w;
    uint64_t h;

    if (n < HEAD || !says_something(p, n))
        return;
    w = calloc(1, sizeof *w);
    if (w == NULL)
        exit(2);
    memcpy(w->bytes, p, n);
    w->n = n;
    w->name = name;
    w->form = form;
    h = head_of(p);
    w->next = table[h >> 48];
    table[h >> 48] = w;
    bits[(h >> (64 - TABLE_BITS)) / 8] |= (uint8_t)(1 << (h >> (64 - TABLE_BITS)) % 8);
    windows++;
}

static void add_bytes(const uint8_t *p, size_t n, const char *name, const char *form)
{
    if (n <= WINDOW)
        add_window(p, n, name, form);
    for (size_t i = 0; n > WINDOW && i + WINDOW <= n; i++)
        add_window(p + i, WINDOW, name, form);
}

/* The number p (little-endian) as digits of `width` bits, `lanes` of them in 64-bit lanes to a window. */
static void add_digits(const uint8_t *p, size_t n, size_t width, size_t lanes, const char *name, const char *form)
{
    size_t count = 8 * n / width;
    uint64_t *digits = calloc(count + 1, sizeof *digits);

    if (digits == NULL)
        exit(2);
    for (size_t bit = 0; bit < count * width; bit++)
        if (p[bit / 8] >> bit % 8 & 1)
            digits[bit / width] |= UINT64_C(1) << bit % width;
    for (size_t i = 0; i + lanes <= count; i++)
        add_window((const uint8_t *)(digits + i), 8 * lanes, name, form);
    free(digits);
}

static void add_secret(const uint8_t *p, size_t n, const char *name)
{
    uint8_t *reversed = malloc(n);

    if (reversed == NULL)
        exit(2);
    for (size_t i = 0; i < n; i++)
        reversed[i] = p[n - 1 - i];
    add_bytes(p, n, name, "as written");
    add_bytes(reversed, n, name, "reversed");
    if (n >= 24) {
        add_digits(reversed, n, 52, 2, name, "digits of 52 bits");
        add_digits(reversed, n, 29, 3, name, "digits of 29 bits");
    }
    free(reversed);
}

static void read_secrets(const char *path)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;

    if (f == NULL) {
        perror(path);
        exit(2);
    }
    while (getline(&line, &cap, f) > 0) {
        char *name = strtok(line, " \t\n"), *hex = strtok(NULL, " \t\n");
        size_t n = hex == NULL ? 0 : strlen(hex) / 2;
        uint8_t *bytes = malloc(n + 1);

        if (name == NULL || bytes == NULL)
            continue;
        for (size_t i = 0; i < n; i++)
            if (sscanf(hex + 2 * i, "%2hhx", &bytes[i]) != 1)
                exit(2);
        name = strdup(name);
        if (n < HEAD)
            fprintf(stderr, "%s: %s is shorter than %d bytes: not looked for\n", path, name, HEAD);
        add_secret(bytes, n, name);
        free(bytes);
    }
    free(line);
    fclose(f);
}

/* --- looking -------------------------------------------------------------------------------------------- */

struct place {
    const char *what;     /* map or file */
    bool dumped, locked;
};

static struct {
    size_t hits, dumped, unlocked;
} total;

static struct {
    const struct window *window;
    uint64_t from, to;
} run;

static void say_run(const struct place *place)
{
    if (run.window != NULL)
        printf("%s %s: %s, %s, %" PRIu64 " bytes at %" PRIx64 " in %s\n", place->dumped ? "dumped" : "not-dumped",
               place->locked ? "locked" : "unlocked", run.window->name, run.window->form, run.to - run.from, run.from,
               place->what);
    run.window = NULL;
}

static void hit(const struct window *w, uint64_t at, const struct place *place)
{
    total.hits++;
    total.dumped += place->dumped;
    total.unlocked += !place->locked;
    if (run.window != NULL && run.window->name == w->name && run.window->form == w->form && at <= run.to) {
        run.to = at + w->n;
        return;
    }
    say_run(place);
    run.window = w;
    run.from = at;
    run.to = at + w->n;
}

static void look(const uint8_t *p, size_t n, uint64_t at, const struct place *place, size_t until)
{
    for (size_t i = 0; i < until && i + HEAD <= n; i++) {
        uint64_t h = head_of(p + i);

        if (!(bits[(h >> (64 - TABLE_BITS)) / 8] >> (h >> (64 - TABLE_BITS)) % 8 & 1))
            continue;
        for (const struct window *w = table[h >> 48]; w != NULL; w = w->next)
            if (i + w->n <= n && memcmp(w->bytes, p + i, w->n) == 0) {
                hit(w, at + i, place);
                break;
            }
    }
}

/* From `from` to `to` of an open file, in pieces that overlap by the longest window. */
static void look_range(int fd, uint64_t from, uint64_t to, const struct place *place)
{
    static uint8_t room[CHUNK + sizeof ((struct window *)0)->bytes];
    const size_t overlap = sizeof room - CHUNK;

    for (uint64_t at = from; at < to; at += CHUNK) {
        size_t want = to - at < sizeof room ? (size_t)(to - at) : sizeof room;
        ssize_t n = pread(fd, room, want, (off_t)at);

        if (n <= 0)
            continue; /* a page that cannot be read, such as [vvar] */
        look(room, (size_t)n, at, place, (size_t)n == sizeof room ? sizeof room - overlap : (size_t)n);
    }
    say_run(place);
}

static void look_file(const char *path)
{
    struct place place = { path, true, false };
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        perror(path);
        exit(2);
    }
    look_range(fd, 0, (uint64_t)lseek(fd, 0, SEEK_END), &place);
    close(fd);
}

/* Each map of the process.  VmFlags: dd = left out of core images, lo = locked. */
static void look_process(const char *pid)
{
    char path[64], line[512], name[512] = "";
    uint64_t from = 0, to = 0;
    bool readable = false;
    FILE *maps;
    int mem;

    snprintf(path, sizeof path, "/proc/%s/mem", pid);
    mem = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%s/smaps", pid);
    maps = fopen(path, "r");
    if (mem < 0 || maps == NULL) {
        perror(path);
        exit(2);
    }
    while (fgets(line, sizeof line, maps) != NULL) {
        char rights[8];
        uint64_t a, b;
        int at = 0;

        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %*s %n", &a, &b, rights, &at) >= 3) {
            from = a;
            to = b;
            readable = rights[0] == 'r';
            line[strcspn(line, "\n")] = '\0';
            snprintf(name, sizeof name, "%s", at > 0 && line[at] != '\0' ? line + at : "anonymous memory");
        } else if (strncmp(line, "VmFlags:", 8) == 0 && readable) {
            struct place place = { name, strstr(line, " dd") == NULL, strstr(line, " lo") != NULL };

            look_range(mem, from, to, &place);
        }
    }
    fclose(maps);
    close(mem);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: secret_search SECRETS PID|FILE …\n");
        return 2;
    }
    read_secrets(argv[1]);
    if (windows == 0) {
        fprintf(stderr, "%s: no secret to look for\n", argv[1]);
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        if (argv[i][strspn(argv[i], "0123456789")] == '\0')
            look_process(argv[i]);
        else
            look_file(argv[i]);
    }
    printf("%zu hits, %zu dumped, %zu unlocked\n", total.hits, total.dumped, total.unlocked);
    return total.hits > 0;
}
