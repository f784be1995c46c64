/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_readerdir.c — any entries in a reader's directory, and what becomes of them while the driver looks.
 *
 * The input is a list of steps of three bytes: what to do, at which entry, with what.  The driver is called as pcscd
 * calls it.  It must never hang and never crash; what it shows must be a good card that the entry `card` leads to; what
 * it does not show it must have told in one line; and once the directory is as it should be, the card is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <ifdhandler.h>

#include "applet/applet.h"
#include "conf/cardfile.h"
#include "conf/store.h"
#include "tests/fuzz.h"

enum { PATH = 200, STEPS = 60 };
static char root[PATH], reader[PATH + 20];

/* --- the log -------------------------------------------------------------------------------------------- */

static unsigned told;

/* pcscd's.  One line, with the reader or a path in it, and not a word that a terminal would take for more. */
void log_msg(const int priority, const char *format, ...) PRINTF_LIKE(2, 3);
__attribute__((visibility("default"))) void log_msg(const int priority, const char *format, ...)
{
    char line[2048];
    va_list list;
    int n;

    va_start(list, format);
    n = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (getenv("VPIV_FUZZ_LOG") != NULL)
        fprintf(stderr, "%s\n", line);
    must_hold(n > (int)strlen("vpiv: ") && (size_t)n < sizeof line);
    for (int i = 0; i < n; i++)
        must_hold((unsigned char)line[i] >= ' ' && line[i] != 0x7F);
    if (priority >= 2) {
        must_hold(strchr(line, '/') != NULL || strstr(line, "vault") != NULL || strstr(line, "key") != NULL);
        told++;
    }
}

/* --- a world of things that a link can lead to ------------------------------------------------------------ */

static const char *at(const char *name)
{
    static char paths[4][PATH + 300];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", root, name);
    return path;
}

static void write_file(const char *name, const void *p, size_t n, mode_t mode)
{
    int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0600);

    if (fd < 0)
        return;
    must_hold(pwrite(fd, p, n, 0) == (ssize_t)n && fchmod(fd, mode) == 0);
    close(fd);
}

static void huge_file(const char *name)
{
    write_file(name, "# vpiv-card 1 1 ", 16, 0600);
    (void)!truncate(at(name), (off_t)1 << 40);
}

static void copy_file(const char *from, const char *to, mode_t mode, size_t less)
{
    static uint8_t bytes[CARDFILE_MAX];
    int fd = open(at(from), O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : pread(fd, bytes, sizeof bytes, 0);

    must_hold(n > 0 && (size_t)n > less);
    close(fd);
    write_file(to, bytes, (size_t)n - less, mode);
}

static enum err new_card(const struct piv_env *env, struct card **card)
{
    struct card_plan plan = { .persona = persona_by_name("piv"), .test = true, .log_n = SEAL_LOG_N_TEST,
                              .management_alg = ALG_3DES };
    struct secret *pin = NULL, *puk = NULL, *management = NULL;
    enum err e = factory_pin(&pin);

    *card = NULL;
    if (e == ERR_NONE)
        e = factory_puk(&puk);
    if (e == ERR_NONE)
        e = factory_management(ALG_3DES, &management);
    plan.pin = pin;
    plan.puk = puk;
    plan.management = management;
    if (e == ERR_NONE)
        e = card_new(env, &plan, card);
    secret_free(pin);
    secret_free(puk);
    secret_free(management);
    return e;
}

static void make_store(const char *state_name, const char *name)
{
    static const struct tries tries = { { 3, 3, 0 }, { 3, 3, 0 } };
    struct state *state;
    struct card *card;
    struct piv_env env;

    must_hold(state_open(at(state_name), true, false, NULL, &state, NULL) == ERR_NONE);
    env = state_env(state);
    must_hold(new_card(&env, &card) == ERR_NONE && cardfile_create(at(name), state, card, &tries, NULL) == ERR_NONE);
    card_free(card);
    state_close(state);
}

/* Each a card that must be refused, but for the first two, and for the other one in its own state. */
static const char *const cards[] = {
    "cards/good.card", "cards/link.card", "cards/none.card", "cards/loop.card", "cards/fifo.card", "cards/folder.card",
    "cards/huge.card", "cards/empty.card", "cards/open.card", "cards/shared.card", "cards/short.card",
    "cards/other.card", "cards/foreign.card", "cards/second.card", "cards/socket.card", "/dev/zero", "/proc/self/mem",
    "/dev/full", "cards/good.card/x", "cards/changing.card",
};
enum { CARDS = sizeof cards / sizeof cards[0] };

/* Each a state that is none, but for the first and for the other one. */
static const char *const states[] = {
    "state", "none", "cards/loop.card", "cards/fifo.card", "/dev/zero", "cards", "state.fifo", "state.short",
    "state.huge", "state.open", "state.folder", "state.other", "cards/good.card", "/",
};
enum { STATES = sizeof states / sizeof states[0] };

static void bad_state(const char *name)
{
    must_hold(mkdir(at(name), 0700) == 0);
}

static void make_states(void)
{
    bad_state("state.fifo");
    must_hold(mkfifo(at("state.fifo/host.key"), 0600) == 0);
    bad_state("state.short");
    write_file("state.short/host.key", "short", 5, 0600);
    bad_state("state.huge");
    huge_file("state.huge/host.key");
    bad_state("state.open");
    copy_file("state/host.key", "state.open/host.key", 0644, 0);
    bad_state("state.folder");
    must_hold(mkdir(at("state.folder/host.key"), 0700) == 0);
}

static void make_socket(const char *path)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || strlen(path) >= sizeof name.sun_path)
        return;
    strcpy(name.sun_path, path);
    (void)!bind(fd, (const struct sockaddr *)&name, sizeof name);
    close(fd);
}

static void make_cards(void)
{
    must_hold(symlink("good.card", at("cards/link.card")) == 0 && symlink("loop.card", at("cards/loop.card")) == 0 &&
         mkfifo(at("cards/fifo.card"), 0600) == 0 && mkdir(at("cards/folder.card"), 0700) == 0);
    huge_file("cards/huge.card");
    write_file("cards/empty.card", "", 0, 0600);
    copy_file("cards/good.card", "cards/open.card", 0644, 0);
    copy_file("cards/good.card", "cards/shared.card", 0666, 0);
    copy_file("cards/good.card", "cards/short.card", 0600, 100);
    copy_file("cards/good.card", "cards/foreign.card", 0600, 0);
    if (geteuid() != 0 || chown(at("cards/foreign.card"), 12345, 12345) != 0)
        write_file("cards/foreign.card", "x", 1, 0600);
    write_file("cards/second.card", "# vpiv-card 2 1 000102030405060708090a0b0c0d0e0f\n", 49, 0600);
    make_socket(at("cards/socket.card"));
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st, (void)type, (void)walk;
    return remove(path);
}

static void remove_all(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_world(void)
{
    remove_all(root);
}

static void make_world(void)
{
    char name[PATH + 30];

    snprintf(root, sizeof root, "%s/vpiv-fuzz.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    must_hold(mkdtemp(root) != NULL);
    atexit(remove_world);
    snprintf(reader, sizeof reader, "%s/reader", root);
    /* The driver first: its vault wants to be before any other use of the library. */
    snprintf(name, sizeof name, "%s:", reader);
    must_hold(IFDHCreateChannelByName(0, name) == IFD_SUCCESS);
    must_hold(make_directories(at("cards"), false, NULL) == ERR_NONE);
    make_store("state", "cards/good.card");
    make_store("state.other", "cards/other.card");
    make_states();
    make_cards();
}

/* --- steps ---------------------------------------------------------------------------------------------- */

static const char *const entries[] = { "card", "state", "settings", "trace", "unmask", "touch", "pinpad", "faults",
                                       "x", "card.new" };
enum { ENTRIES = sizeof entries / sizeof entries[0] };

static const char *const texts[] = {
    "absent_ms = 1;\n", "absent_ms = 0;", "absent_ms = 4294967296;\n", "pinpad = true;\n", "touch = \"wait\";\n",
    "x", "absent_ms = ", "@include \"/dev/zero\"\n", "pinpad = (((((((((", "# vpiv-card 1 1 \n",
};
enum { TEXTS = sizeof texts / sizeof texts[0] };

static void clear(const char *path)
{
    struct stat st;

    if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
        remove_all(path);
    else
        unlink(path);
}

static void link_entry(const char *entry, const char *path, uint8_t what)
{
    bool state = strcmp(entry, "state") == 0;
    const char *to = state ? states[what % STATES] : cards[what % CARDS];
    bool relative = what >= 128;
    char target[PATH + 300];

    if (to[0] == '/')
        snprintf(target, sizeof target, "%s", to);
    else
        snprintf(target, sizeof target, "%s/%s", relative ? ".." : root, to);
    (void)!symlink(target, path);
}

static void long_link(const char *path)
{
    char target[4000];

    memset(target, 'a', sizeof target - 1);
    target[sizeof target - 1] = '\0';
    for (size_t i = 200; i < sizeof target - 1; i += 200)
        target[i] = '/';
    (void)!symlink(target, path);
}

static void make_entry(uint8_t kind, const char *entry, uint8_t what)
{
    char path[PATH + 60];

    snprintf(path, sizeof path, "%s/%s", reader, entry);
    clear(path);
    switch (kind) {
    case 0: break;
    case 1: case 2: case 3: link_entry(entry, path, what); break;
    case 4: (void)!symlink(entry, path); break;
    case 5: (void)!mkfifo(path, 0600); break;
    case 6: (void)!mkdir(path, what % 2 ? 0700 : 0); break;
    case 7: make_socket(path); break;
    case 8: long_link(path); break;
    case 9: {
        char name[80];

        snprintf(name, sizeof name, "reader/%s", entry);
        if (what % 8 == 0)
            huge_file(name);
        else
            write_file(name, texts[what % TEXTS], strlen(texts[what % TEXTS]), what & 1 ? 0600 : 0);
        break;
    }
    default: {
        char from[PATH + 60];

        /* Renamed into its place, as `ln -sf` and editors do. */
        snprintf(from, sizeof from, "%s/.new", reader);
        clear(from);
        link_entry(entry, from, what);
        (void)!rename(from, path);
        break;
    }
    }
}

static void power(void)
{
    uint8_t atr[MAX_ATR_SIZE];
    DWORD n = sizeof atr;

    if (IFDHPowerICC(0, IFD_POWER_UP, atr, &n) == IFD_SUCCESS)
        must_hold(n > 0 && atr[0] == 0x3B);
}

static void exchange(uint8_t what)
{
    static const struct in commands[] = {
        { (const uint8_t *)"\x00\xA4\x04\x00\x05\xA0\x00\x00\x03\x08", 10 },
        { (const uint8_t *)"\x00\x20\x00\x80", 4 },
        { (const uint8_t *)"\x00\x20\x00\x80\x08\x31\x32\x33\x34\x35\x36\xFF\xFF", 13 },
        { (const uint8_t *)"\x00\xCB\x3F\xFF\x05\x5C\x03\x5F\xC1\x02\x00", 11 },
    };
    static uint8_t answer[PIV_RESPONSE_MAX];
    const struct in *c = &commands[what % 4];
    SCARD_IO_HEADER send = { 1, 0 }, receive = { 0, 0 };
    uint8_t bytes[16];
    DWORD n = sizeof answer;

    memcpy(bytes, c->p, c->n);
    if (IFDHTransmitToICC(0, send, bytes, c->n, answer, &n, &receive) == IFD_SUCCESS)
        must_hold(n >= 2);
    else
        must_hold(n == 0);
}

static void poll_once(void)
{
    long (*poll_events)(DWORD, int) = NULL;
    DWORD n = sizeof poll_events;

    must_hold(IFDHGetCapabilities(0, TAG_IFD_POLLING_THREAD_WITH_TIMEOUT, &n, (PUCHAR)&poll_events) == IFD_SUCCESS);
    must_hold(poll_events(0, 0) == IFD_SUCCESS);
}

static void look_around(uint8_t what)
{
    uint8_t value[256];
    DWORD n = sizeof value;

    (void)IFDHGetCapabilities(0, what % 2 ? TAG_IFD_ATR : 0x00090300 /* SCARD_ATTR_ICC_PRESENCE */, &n, value);
}

/* --- what must hold ------------------------------------------------------------------------------------- */

static bool shown(void)
{
    return IFDHICCPresence(0) == IFD_ICC_PRESENT;
}

/* Nothing is shown that the entry does not lead to. */
static void check_shown(void)
{
    char path[PATH_MAX], entry[PATH + 60];

    struct timespec hidden = { 0, 3000000 }; /* longer than any absent_ms above */

    for (int i = 0; i < 4; i++) {
        poll_once();
        if (i == 1)
            nanosleep(&hidden, NULL);
    }
    if (!shown())
        return;
    snprintf(entry, sizeof entry, "%s/card", reader);
    /* The other one is good too, where the entry `state` leads to its own. */
    must_hold(realpath(entry, path) != NULL &&
         (strcmp(path, at("cards/good.card")) == 0 || strcmp(path, at("cards/other.card")) == 0));
}

/* What is there and is not shown has been told of. */
static void check_told(unsigned before)
{
    char entry[PATH + 60], path[PATH_MAX];

    snprintf(entry, sizeof entry, "%s/card", reader);
    must_hold(shown() || told > before || realpath(entry, path) == NULL);
}

static uint64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* All as it should be: the card comes, at the latest when a time is over for which it was to be hidden. */
static void check_recovers(void)
{
    enum { PATIENCE_MS = 15000 };
    uint64_t until = clock_ms() + PATIENCE_MS;

    remove_all(reader);
    must_hold(mkdir(reader, 0700) == 0);
    make_entry(1, "state", 0);
    make_entry(1, "card", 0);
    do
        poll_once();
    while (!shown() && clock_ms() < until);
    must_hold(shown());
    power();
    exchange(0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct in in = in_of(bytes, n);
    char name[PATH + 30];
    unsigned before = told;
    uint8_t act, entry, what;

    if (root[0] == '\0')
        make_world();
    remove_all(reader);
    if (n % 2 == 0)
        must_hold(mkdir(reader, 0700) == 0);
    /* Mostly the reader of the last input goes on: to close one takes the kernel ten milliseconds. */
    if (n > 0 && bytes[0] >= 128) {
        must_hold(IFDHCloseChannel(0) == IFD_SUCCESS);
        snprintf(name, sizeof name, "%s:", reader);
        must_hold(IFDHCreateChannelByName(0, name) == IFD_SUCCESS);
    }
    if (n % 4 == 0)
        make_entry(1, "state", 0);
    for (int i = 0; i < STEPS && in_u8(&in, &act) && in_u8(&in, &entry) && in_u8(&in, &what); i++) {
        switch (act % 16) {
        case 11: poll_once(); break;
        case 12: power(); break;
        case 13: exchange(what); break;
        case 14: look_around(what); break;
        case 15:
            if (mkdir(reader, 0700) != 0)
                remove_all(reader);
            break;
        default: make_entry(act % 16, entries[entry % ENTRIES], what); break;
        }
    }
    check_shown();
    check_told(before);
    check_recovers();
    return 0;
}
