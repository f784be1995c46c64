/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_driver.c — a driver without a pcscd around it: what can be counted, and so is the same each time.
 *
 *   bench_driver DRIVER DIRECTORY SIDE allocations   per APDU: malloc and its kin, and OpenSSL's secure heap
 *   bench_driver DRIVER DIRECTORY SIDE calls         system calls per APDU (the program traces a child)
 *   bench_driver DRIVER DIRECTORY SIDE plain         nothing; for callgrind, which dumps at each call of `mark`
 *   bench_driver DRIVER DIRECTORY SIDE rows          the names of the rows, in their order
 *   bench_driver DRIVER DIRECTORY SIDE growth N      bytes more after N APDUs, of memory in use and resident
 *
 * DIRECTORY is a reader with a card that bench.sh has made.  Lines of samples as in bench.sh. */
#include <dlfcn.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ifdhandler.h>

enum { TIMES = 100, ANSWER_MAX = 65538 };

static const char verify[] = "0020008008313233343536FFFF";

/* Everything but signing is without cryptography; `first` is sent before the row, uncounted. */
static const struct row {
    const char *name, *first, *hex;
    size_t padding;        /* so many FF bytes, and an extended Le, follow */
} rows[] = {
    { "select", NULL, "00A4040009A0000003080000100000", 0 },
    { "status", "0020FF80", "00200080", 0 },
    { "status-verified", verify, "00200080", 0 },
    { "discovery", NULL, "00CB3FFF0000035C017E0000", 0 },
    { "get-1200", NULL, "00CB3FFF0000055C035FC1050000", 0 },
    { "get-1200-short", NULL, "00CB3FFF055C035FC10500", 0 },
    { "get-3000", NULL, "00CB3FFF0000055C035FC10A0000", 0 },
    { "unknown", NULL, "00EE0000", 0 },
    { "verify-later", verify, verify, 0 },
    { "sign-p256", NULL, "0087119E000026" "7C24" "8200" "8120", 32 },
    { "sign-rsa2048", verify, "0087079A00010A" "7C820106" "8200" "81820100" "0001", 254 },
};

enum { ROWS = sizeof rows / sizeof *rows };

/* --- allocations ------------------------------------------------------------------------------------------------ */

extern void *__libc_malloc(size_t n), *__libc_calloc(size_t n, size_t size), *__libc_realloc(void *p, size_t n);

#define EXPORT __attribute__((visibility("default"))) /* seen before libc's by the driver and libcrypto */
EXPORT void *CRYPTO_secure_malloc(size_t n, const char *file, int line);

static size_t allocations;

EXPORT void *malloc(size_t n)
{
    allocations++;
    return __libc_malloc(n);
}

EXPORT void *calloc(size_t n, size_t size)
{
    allocations++;
    return __libc_calloc(n, size);
}

EXPORT void *realloc(void *p, size_t n)
{
    allocations++;
    return __libc_realloc(p, n);
}

/* What the driver asks for itself; what libcrypto does within, it does where it counts too (vault.c). */
EXPORT void *CRYPTO_secure_malloc(size_t n, const char *file, int line)
{
    static void *(*next)(size_t, const char *, int);

    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "CRYPTO_secure_malloc");
    allocations++;
    return next(n, file, line);
}

/* --- the driver ------------------------------------------------------------------------------------------------- */

static struct {
    RESPONSECODE (*create)(DWORD, LPSTR);
    RESPONSECODE (*power)(DWORD, DWORD, PUCHAR, PDWORD);
    RESPONSECODE (*transmit)(DWORD, SCARD_IO_HEADER, PUCHAR, DWORD, PUCHAR, PDWORD, PSCARD_IO_HEADER);
} ifd;

static void fail(const char *what)
{
    fprintf(stderr, "bench_driver: %s\n", what);
    exit(1);
}

static void power_up(void)
{
    UCHAR atr[MAX_ATR_SIZE];
    DWORD n = sizeof atr;

    if (ifd.power(0, IFD_POWER_UP, atr, &n) != IFD_SUCCESS)
        fail("no card");
}

static void load(const char *driver, const char *directory)
{
    void *library = dlopen(driver, RTLD_NOW | RTLD_GLOBAL); /* global: for RTLD_NEXT above */
    char name[4096];

    if (library == NULL)
        fail(dlerror());
    *(void **)&ifd.create = dlsym(library, "IFDHCreateChannelByName");
    *(void **)&ifd.power = dlsym(library, "IFDHPowerICC");
    *(void **)&ifd.transmit = dlsym(library, "IFDHTransmitToICC");
    snprintf(name, sizeof name, "%s:", directory);
    if (ifd.create == NULL || ifd.power == NULL || ifd.transmit == NULL || ifd.create(0, name) != IFD_SUCCESS)
        fail("the driver does not start");
    power_up();
}

static size_t unhex(const char *text, unsigned char *out)
{
    size_t n = 0;
    unsigned byte;

    for (; *text != '\0' && sscanf(text, "%2x", &byte) == 1; text += 2)
        out[n++] = (unsigned char)byte;
    return n;
}

/* A copy goes in: the driver wipes what carries a PIN. */
static unsigned transmit(const unsigned char *apdu, size_t n)
{
    static unsigned char command[1024], answer[ANSWER_MAX];
    SCARD_IO_HEADER pci = { 1, 0 };
    DWORD m = sizeof answer;

    memcpy(command, apdu, n);
    if (ifd.transmit(0, pci, command, n, answer, &m, &pci) != IFD_SUCCESS || m < 2)
        fail("no answer");
    return (unsigned)answer[m - 2] << 8 | answer[m - 1];
}

static size_t apdu_of(const struct row *row, unsigned char apdu[1024])
{
    size_t n = unhex(row->hex, apdu);

    if (row->padding > 0) {
        memset(apdu + n, 0xFF, row->padding);
        memset(apdu + n + row->padding, 0, 2);
        n += row->padding + 2;
    }
    return n;
}

static void warm(const struct row *row, const unsigned char *apdu, size_t n)
{
    unsigned char first[64];

    if (row->first != NULL)
        transmit(first, unhex(row->first, first));
    for (int i = 0; i < 3; i++)
        transmit(apdu, n);
}

/* --- counting --------------------------------------------------------------------------------------------------- */

/* mark — seen by callgrind as a function and by `calls` as a system call that nobody else makes. */
__attribute__((noinline)) void mark(void);
void mark(void)
{
    syscall(SYS_getppid);
}

/* A mark before and after each row's APDUs, which are all alike. */
static void run_rows(const char *side, bool print)
{
    for (size_t i = 0; i < ROWS; i++) {
        unsigned char apdu[1024];
        size_t n = apdu_of(&rows[i], apdu);
        warm(&rows[i], apdu, n);
        size_t before = allocations;
        mark();
        for (int k = 0; k < TIMES; k++)
            transmit(apdu, n);
        mark();
        if (print)
            printf("allocations-%s %s n %.2f\n", rows[i].name, side, (double)(allocations - before) / TIMES);
    }
}

/* The parent: system calls of its child between two marks. */
static int trace(pid_t child, const char *side)
{
    struct __ptrace_syscall_info info;
    size_t marks = 0, calls = 0;
    int status;

    waitpid(child, &status, 0);
    if (ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0)
        return 77;
    while (ptrace(PTRACE_SYSCALL, child, NULL, NULL) == 0 && waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        if (WSTOPSIG(status) != (SIGTRAP | 0x80))
            return 1; /* it crashed, and goes with us */
        if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info) <= 0)
            return 77;
        if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
            continue;
        if (info.entry.nr != SYS_getppid) {
            calls++;
            continue;
        }
        if (marks++ % 2 == 1 && marks / 2 <= ROWS)
            printf("calls-%s %s n %.2f\n", rows[marks / 2 - 1].name, side, (double)calls / TIMES);
        calls = 0;
    }
    return marks == 2 * ROWS && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

static int count_calls(char **argv)
{
    pid_t child = fork();

    if (child != 0)
        return trace(child, argv[3]);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(77);
    raise(SIGSTOP);
    load(argv[1], argv[2]);
    run_rows(argv[3], false);
    _exit(0);
}

/* --- growth ----------------------------------------------------------------------------------------------------- */

static size_t resident(void)
{
    size_t size = 0, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (f == NULL || fscanf(f, "%zu %zu", &size, &pages) != 2)
        fail("/proc/self/statm");
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* All rows in turn; those that cost most are rare, as they are in life. */
static void live(size_t n)
{
    static unsigned char apdus[ROWS][1024], first[64];
    size_t lengths[ROWS], n_first = unhex(verify, first);

    for (size_t i = 0; i < ROWS; i++)
        lengths[i] = apdu_of(&rows[i], apdus[i]);
    for (size_t k = 0; k < n; k++) {
        size_t i = k % ROWS;
        bool rare = strncmp(rows[i].name, "sign", 4) == 0 || strncmp(rows[i].name, "verify", 6) == 0;
        if (k % 200000 == 0) {
            power_up();
            transmit(first, n_first);
        }
        if (!rare || k % (ROWS * 128) == i)
            transmit(apdus[i], lengths[i]);
        else
            transmit(apdus[0], lengths[0]);
    }
}

static int measure_growth(const char *side, size_t n)
{
    size_t used, before;

    live(n / 10);
    used = mallinfo2().uordblks;
    before = resident();
    live(n);
    printf("growth-used %s bytes %zd\n", side, (ssize_t)(mallinfo2().uordblks - used));
    printf("growth-resident %s bytes %zd\n", side, (ssize_t)(resident() - before));
    return 0;
}

static int print_rows(void)
{
    for (size_t i = 0; i < ROWS; i++)
        puts(rows[i].name);
    return 0;
}

int main(int argc, char **argv)
{
    bool growth = argc == 6 && strcmp(argv[4], "growth") == 0;

    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (argc == 5 && strcmp(argv[4], "calls") == 0)
        return count_calls(argv);
    if (argc != 5 && !growth)
        fail("usage: bench_driver DRIVER DIRECTORY SIDE allocations | calls | plain | rows | growth N");
    if (strcmp(argv[4], "rows") == 0)
        return print_rows();
    load(argv[1], argv[2]);
    if (growth)
        return measure_growth(argv[3], strtoul(argv[5], NULL, 10));
    run_rows(argv[3], strcmp(argv[4], "allocations") == 0);
    return 0;
}
