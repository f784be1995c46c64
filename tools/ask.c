/* SPDX-License-Identifier: BSD-2-Clause */
/* ask.c — pass phrases, PINs and keys: in OpenSSL's notation, or asked on the terminal. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ui.h>

#include "tools/vpiv.h"

/* As long as openssl(1) takes them. */
enum { ASK_MAX = 1024 };

/* read_line — one line, byte by byte: what follows it belongs to the next reader, no buffer keeps a copy. */
static enum err read_line(int fd, struct secret *line, size_t *n)
{
    for (*n = 0;; ++*n) {
        uint8_t c;
        ssize_t got;

        do
            got = read(fd, &c, 1);
        while (got < 0 && errno == EINTR);
        if (got < 0)
            return ERR_STORE;
        if (got == 0)
            return *n == 0 ? ERR_NOT_FOUND : ERR_NONE;
        if (c == '\n')
            return ERR_NONE;
        if (*n == line->n)
            return ERR_FULL;
        line->p[*n] = c;
        OPENSSL_cleanse(&c, sizeof c);
    }
}

static bool from_fd(struct cli *cli, int fd, const char *spec, struct secret **out)
{
    struct secret *line = secret_new(ASK_MAX);
    size_t n = 0;
    enum err e = line == NULL ? ERR_MEMORY : read_line(fd, line, &n);

    if (e == ERR_NONE) {
        *out = secret_copy(in_of(line->p, n));
        e = *out == NULL ? ERR_MEMORY : ERR_NONE;
    }
    secret_free(line);
    if (e == ERR_NOT_FOUND)
        cli_refuse(cli, "%s: a line is missing there", spec);
    else if (e == ERR_FULL)
        cli_refuse(cli, "%s: the line is longer than %d bytes", spec, ASK_MAX);
    else if (e == ERR_STORE)
        cli_refuse(cli, "%s: %s", spec, strerror(errno));
    else if (e != ERR_NONE)
        cli_fail(cli, e, NULL);
    return e == ERR_NONE;
}

static bool from_text(struct cli *cli, const char *rest, const char *spec, struct secret **out)
{
    (void)spec;
    *out = secret_copy(in_of(rest, strlen(rest)));
    if (*out == NULL)
        cli_fail(cli, ERR_MEMORY, NULL);
    return *out != NULL;
}

static bool from_environment(struct cli *cli, const char *rest, const char *spec, struct secret **out)
{
    const char *value = getenv(rest);

    if (value == NULL)
        return cli_refuse(cli, "%s: there is no such environment variable", spec), false;
    return from_text(cli, value, spec, out);
}

static bool from_file(struct cli *cli, const char *rest, const char *spec, struct secret **out)
{
    size_t i = 0;

    while (i < cli->n_sources && strcmp(cli->sources[i].path, rest) != 0)
        i++;
    if (i == sizeof cli->sources / sizeof *cli->sources)
        return cli_refuse(cli, "%s: too many files with secrets", spec), false;
    if (i == cli->n_sources) {
        int fd = open(rest, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
            return cli_refuse(cli, "%s: %s", spec, strerror(errno)), false;
        cli->sources[i].path = rest;
        cli->sources[i].fd = fd;
        cli->n_sources++;
    }
    return from_fd(cli, cli->sources[i].fd, spec, out);
}

static bool from_number(struct cli *cli, const char *rest, const char *spec, struct secret **out)
{
    char *end;
    long fd = strtol(rest, &end, 10);

    if (rest[0] < '0' || rest[0] > '9' || *end != '\0' || fd > INT_MAX)
        return cli_usage(cli, "%s: a descriptor is a number", spec), false;
    return from_fd(cli, (int)fd, spec, out);
}

static bool from_stdin(struct cli *cli, const char *rest, const char *spec, struct secret **out)
{
    if (*rest != '\0')
        return cli_usage(cli, "%s: nothing follows stdin", spec), false;
    return from_fd(cli, STDIN_FILENO, spec, out);
}

/* openssl-passphrase-options(1). */
static const struct {
    const char *start;
    bool (*read)(struct cli *cli, const char *rest, const char *spec, struct secret **out);
} notation[] = {
    { "pass:", from_text },
    { "env:", from_environment },
    { "file:", from_file },
    { "fd:", from_number },
    { "stdin", from_stdin },
};

static bool from_spec(struct cli *cli, const struct ask *ask, struct secret **out)
{
    for (size_t i = 0; i < sizeof notation / sizeof *notation; i++) {
        size_t n = strlen(notation[i].start);
        if (strncmp(ask->spec, notation[i].start, n) == 0)
            return notation[i].read(cli, ask->spec + n, ask->spec, out);
    }
    /* It may be the secret itself: it is not repeated. */
    cli_usage(cli, "%s wants pass:TEXT, env:NAME, file:PATH, fd:NUMBER or stdin", ask->option);
    return false;
}

/* have_terminal — without one OpenSSL reads stdin, and takes a secret that nobody meant. */
static bool have_terminal(void)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return false;
    close(fd);
    return true;
}

/* prompt — ask once for each of n lines.  Returns what UI_process does: -2 = interrupted. */
static int prompt(const struct ask *ask, struct secret *const line[2], int n)
{
    UI *ui = have_terminal() ? UI_new_method(UI_OpenSSL()) : NULL;
    char text[2][256];
    int ok = ui == NULL ? -1 : 0;

    for (int i = 0; i < n && ok >= 0; i++) {
        snprintf(text[i], sizeof text[i], "%s%s: ", ask->prompt, i == 0 ? "" : " again");
        ok = UI_add_input_string(ui, text[i], 0, (char *)line[i]->p, 0, ASK_MAX);
    }
    if (ok >= 0)
        ok = UI_process(ui);
    UI_free(ui);
    return ok;
}

static size_t text_length(const struct secret *s)
{
    return strnlen((const char *)s->p, ASK_MAX);
}

static bool from_terminal(struct cli *cli, const struct ask *ask, struct secret **out)
{
    struct secret *line[2] = { secret_new(ASK_MAX + 1), secret_new(ASK_MAX + 1) };
    enum err e = line[0] == NULL || line[1] == NULL ? ERR_MEMORY : ERR_NONE;

    if (e == ERR_NONE) {
        int ok = prompt(ask, line, ask->twice ? 2 : 1);
        cli->interrupted = ok == -2;
        e = cli->interrupted ? ERR_CHANGED : ok < 0 ? ERR_NOT_FOUND : ERR_NONE;
    }
    if (e == ERR_NONE && ask->twice && !secret_equal(line[0], in_of(line[1]->p, line[1]->n)))
        e = ERR_MISMATCH;
    if (e == ERR_NONE) {
        *out = secret_copy(in_of(line[0]->p, text_length(line[0])));
        e = *out == NULL ? ERR_MEMORY : ERR_NONE;
    }
    secret_free(line[0]);
    secret_free(line[1]);
    if (e == ERR_NOT_FOUND)
        cli_refuse(cli, "%s is needed and there is no terminal to ask on: give %s", ask->prompt, ask->option);
    else if (e == ERR_MISMATCH)
        cli_refuse(cli, "%s: the two were not the same", ask->prompt);
    else if (e == ERR_CHANGED)
        cli_refuse(cli, "%s: interrupted", ask->prompt);
    else if (e != ERR_NONE)
        cli_fail(cli, e, NULL);
    return e == ERR_NONE;
}

bool cli_secret(struct cli *cli, const struct ask *ask, struct secret **out)
{
    *out = NULL;
    if (!secret_heap())
        return cli_refuse(cli, "there is no protected memory for secrets"), false;
    return ask->spec != NULL ? from_spec(cli, ask, out) : from_terminal(cli, ask, out);
}
