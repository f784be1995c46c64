/* SPDX-License-Identifier: BSD-2-Clause */
/* pinpad.c — `vpiv pinpad`: this terminal, or a script, is the keypad of a reader. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "conf/keypad.h"
#include "conf/settings.h"
#include "tools/pick.h"

struct pinpad_options {
    unsigned reader;
    const char *keys;
    bool once;
};

static const struct option_row rows[] = {
    { "reader", 'r', OPTION_NUMBER, "N", offsetof(struct pinpad_options, reader), "number of the reader (0)", NULL },
    { "keys", 'k', OPTION_SECRET, "PASS", offsetof(struct pinpad_options, keys),
      "press these: digits, cancel, timeout; one after the other", NULL },
    { "once", '1', OPTION_FLAG, NULL, offsetof(struct pinpad_options, once), "end after one use", NULL },
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

struct pad {
    struct cli *cli;
    unsigned number;
    int directory, events, socket, terminal;
    struct secret *script; /* NULL = the terminal */
    struct in rest;        /* of the script */
};

/* What becomes of one question.  PRESSED_NOTHING: the reader does not want it any more. */
enum pressed { PRESSED_ENTER, PRESSED_CANCEL, PRESSED_TIMEOUT, PRESSED_NOTHING };

/* ---- The script ---- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == ',' || c == '\t';
}

/* next_word — of the script; false at its end. */
static bool next_word(struct in *rest, struct in *word)
{
    size_t n = 0;
    struct in blank;

    while (rest->n > 0 && is_blank(rest->p[0]))
        if (!in_take(rest, 1, &blank))
            return false;
    while (n < rest->n && !is_blank(rest->p[n]))
        n++;
    return in_take(rest, n, word) && n > 0;
}

static bool is_word(struct in word, const char *text)
{
    return in_equal(word, in_of(text, strlen(text)));
}

static bool is_number(struct in word)
{
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] < '0' || word.p[i] > '9')
            return false;
    return word.n <= KEYPAD_DIGITS_MAX;
}

static bool read_script(struct pad *pad, const char *spec)
{
    struct ask ask = { spec, "--keys", "Keys", false };
    struct in rest, word;

    if (!cli_secret(pad->cli, &ask, &pad->script))
        return false;
    pad->rest = rest = secret_in(pad->script);
    while (next_word(&rest, &word))
        if (!is_word(word, "cancel") && !is_word(word, "timeout") && !is_number(word))
            return cli_usage(pad->cli, "--keys: there are digits (up to %d in a row), cancel and timeout",
                             KEYPAD_DIGITS_MAX), false;
    return true;
}

static bool script_over(const struct pad *pad)
{
    struct in rest = pad->rest, word;

    return pad->script != NULL && !next_word(&rest, &word);
}

static enum pressed press_script(struct pad *pad, struct out *digits)
{
    struct in word;

    if (!next_word(&pad->rest, &word) || is_word(word, "cancel"))
        return PRESSED_CANCEL;
    if (is_word(word, "timeout"))
        return PRESSED_TIMEOUT;
    out_put(digits, word);
    return PRESSED_ENTER;
}

/* ---- The terminal ---- */

/* quiet — no echo, each key at once, and ^C is a key: it must not leave the terminal like this. */
static bool quiet(int terminal, struct termios *before)
{
    struct termios now;

    if (tcgetattr(terminal, before) != 0)
        return false;
    now = *before;
    now.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    return tcsetattr(terminal, TCSAFLUSH, &now) == 0;
}

/* press_key — what one key does.  PRESSED_NOTHING: go on. */
static enum pressed press_key(struct pad *pad, const struct keypad_question *q, uint8_t key, struct out *digits)
{
    enum { INTERRUPT = 3, END = 4, BACKSPACE = 8, ESCAPE = 27, DELETE = 127 };

    if (key >= '0' && key <= '9' && digits->n < digits->cap) {
        out_u8(digits, key);
        dprintf(pad->terminal, "*");
        return q->until_full && digits->n == q->max ? PRESSED_ENTER : PRESSED_NOTHING;
    }
    if (key == '\r' || key == '\n')
        return PRESSED_ENTER;
    if ((key == BACKSPACE || key == DELETE) && digits->n > 0) {
        out_cut(digits, digits->n - 1);
        dprintf(pad->terminal, "\b \b");
    }
    if (key == INTERRUPT)
        pad->cli->interrupted = true;
    return key == INTERRUPT || key == END || key == ESCAPE ? PRESSED_CANCEL : PRESSED_NOTHING;
}

static enum pressed press_terminal(struct pad *pad, const struct keypad_question *q, struct out *digits)
{
    struct pollfd fds[] = { { pad->terminal, POLLIN, 0 }, { pad->socket, POLLIN, 0 } };
    enum pressed pressed = PRESSED_NOTHING;
    struct termios before;
    uint8_t key;

    if (!quiet(pad->terminal, &before)) /* before the prompt: nothing typed at it may show */
        return PRESSED_CANCEL;
    dprintf(pad->terminal, "reader %u: %s (Esc cancels): ", pad->number, keypad_prompt(q->entry));
    while (pressed == PRESSED_NOTHING) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            break;
        if (fds[1].revents != 0) /* no question is followed by another before its answer */
            break;
        if (fds[0].revents != 0)
            pressed = read(pad->terminal, &key, 1) == 1 ? press_key(pad, q, key, digits) : PRESSED_CANCEL;
    }
    OPENSSL_cleanse(&key, sizeof key);
    tcsetattr(pad->terminal, TCSAFLUSH, &before);
    dprintf(pad->terminal, "\n");
    return pressed;
}

/* ---- The reader ---- */

static bool send_keys(struct pad *pad, const struct keypad_question *q)
{
    struct secret *message = secret_new(KEYPAD_MESSAGE_MAX);
    bool sent = true;

    if (message == NULL)
        return cli_fail(pad->cli, ERR_MEMORY, NULL), false;
    struct out digits = out_of(message->p + 1, message->n - 1);
    enum pressed pressed = pad->script != NULL ? press_script(pad, &digits) : press_terminal(pad, q, &digits);
    if (pressed != PRESSED_NOTHING) {
        struct out kind = out_of(message->p, 1);
        out_u8(&kind, pressed == PRESSED_ENTER ? 'E' : pressed == PRESSED_CANCEL ? 'C' : 'T');
        size_t n = 1 + (pressed == PRESSED_ENTER ? digits.n : 0);
        sent = send(pad->socket, message->p, n, MSG_NOSIGNAL) == (ssize_t)n;
    }
    secret_free(message);
    return sent;
}

/* converse — from the first question to the end of it.  True: it was used.  False: the reader hung up before. */
static bool converse(struct pad *pad)
{
    uint8_t bytes[KEYPAD_MESSAGE_MAX];
    struct keypad_question question;
    char words[KEYPAD_WORDS];
    bool asked = false;
    ssize_t n;
    sw_t sw;

    while ((n = recv(pad->socket, bytes, sizeof bytes, 0)) > 0 || (n < 0 && errno == EINTR)) {
        struct in message = in_of(bytes, n > 0 ? (size_t)n : 0);
        if (keypad_get_result(message, &sw)) {
            printf("reader %u: %s\n", pad->number, keypad_words(sw, words));
            fflush(stdout);
            return true;
        }
        if (keypad_get_question(message, &question)) {
            asked = true;
            if (!send_keys(pad, &question))
                break;
        }
    }
    if (asked)
        printf("reader %u: it has gone away\n", pad->number);
    return asked;
}

/* has_pinpad — do its settings give it one? */
static bool has_pinpad(struct pad *pad)
{
    char path[PATH_MAX], system[] = VPIV_SYSCONFDIR "/vpiv/vpiv.conf";
    struct settings settings;
    struct why why = { "" };
    enum err e = ERR_NONE;

    settings_default(&settings);
    if (!reader_entry(&pad->cli->store, pad->number, "settings", path))
        return cli_refuse(pad->cli, "%s: the path is too long", pad->cli->store.readers), false;
    if (pad->cli->store.system)
        e = settings_read(system, &settings, &why);
    if (e == ERR_NONE)
        e = settings_read(path, &settings, &why);
    if (e != ERR_NONE)
        return cli_fail(pad->cli, e, &why), false;
    if (!settings.pinpad)
        cli_refuse(pad->cli, "reader %u has no keypad: 'pinpad = true;' in %s gives it one", pad->number, path);
    return settings.pinpad;
}

/* join — stand in the queue of the reader's keypads; waits for pcscd, which need not run yet. */
static bool join(struct pad *pad)
{
    char drain[4096];
    struct stat st;
    bool said = false;

    while ((pad->socket = keypad_connect(pad->directory)) < 0) {
        if (errno != ENOENT && errno != ECONNREFUSED)
            return cli_refuse(pad->cli, "reader %u: its keypad cannot be reached: %s", pad->number, strerror(errno)),
                   false;
        if (fstat(pad->directory, &st) != 0 || st.st_nlink == 0)
            return cli_refuse(pad->cli, "reader %u is gone", pad->number), false;
        if (!said && !has_pinpad(pad))
            return false;
        if (!said)
            cli_warn(pad->cli, "reader %u: waiting for pcscd", pad->number);
        said = true;
        if (read(pad->events, drain, sizeof drain) < 0 && errno != EINTR)
            return cli_refuse(pad->cli, "no file events: %s", strerror(errno)), false;
    }
    return true;
}

static bool open_pad(struct pad *pad, const char *keys)
{
    char path[PATH_MAX];

    if (!cli_store(pad->cli))
        return false;
    if (pad->cli->store.readers[0] == '\0')
        return cli_refuse(pad->cli, "there is no reader here: 'vpiv run --pinpad' makes one, and the system's belong "
                          "to --system"), false;
    if (!reader_entry(&pad->cli->store, pad->number, "", path))
        return cli_refuse(pad->cli, "%s: the path is too long", pad->cli->store.readers), false;
    pad->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (pad->directory < 0)
        return cli_refuse(pad->cli, "reader %u: %s: %s", pad->number, path, strerror(errno)), false;
    pad->events = inotify_init1(IN_CLOEXEC);
    if (pad->events < 0 || inotify_add_watch(pad->events, path, IN_CREATE | IN_ATTRIB | IN_DELETE_SELF) < 0)
        return cli_refuse(pad->cli, "%s: no file events: %s", path, strerror(errno)), false;
    if (keys != NULL)
        return read_script(pad, keys);
    if (!secret_heap())
        return cli_refuse(pad->cli, "there is no protected memory for secrets"), false;
    pad->terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (pad->terminal < 0)
        return cli_refuse(pad->cli, "there is no terminal to press keys on: give --keys"), false;
    return true;
}

int verb_pinpad(struct cli *cli, int argc, char **argv)
{
    struct pinpad_options options = { 0 };
    struct pad pad = { .cli = cli, .directory = -1, .events = -1, .socket = -1, .terminal = -1 };
    bool used = false;

    if (!cli_options(cli, rows, &options, &argc, &argv))
        return cli->status;
    pad.number = options.reader;
    if (open_pad(&pad, options.keys)) {
        while (!cli->interrupted && !script_over(&pad) && !(options.once && used) && join(&pad)) {
            used = converse(&pad);
            close(pad.socket);
        }
    }
    int *const fds[] = { &pad.directory, &pad.events, &pad.terminal };
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (*fds[i] >= 0)
            close(*fds[i]);
    secret_free(pad.script);
    return cli->status;
}
