/* SPDX-License-Identifier: BSD-2-Clause */
/* apdu.c — `vpiv apdu`: command APDUs in hex to a card, its answers in hex. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "applet/applet.h"
#include "tools/decode.h"
#include "tools/sendto.h"

struct apdu_options {
    struct sendto_options to;
    bool all, explain, fail;
};

#define AT(member) offsetof(struct apdu_options, member)
static const struct option_row rows[] = {
    SENDTO_ROWS(AT(to)),
    { "all", 'a', OPTION_FLAG, NULL, AT(all), "fetch what is left with GET RESPONSE, and show one answer", NULL },
    { "explain", 'x', OPTION_FLAG, NULL, AT(explain), "say in words what was sent and what came", NULL },
    { "fail", 'f', OPTION_FLAG, NULL, AT(fail), "end with status 1 at the first answer that is not a success", NULL },
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

/* One byte more than an APDU may have, so that the card refuses a longer one and not this program; --all collects. */
enum { COMMAND_ROOM = PIV_COMMAND_MAX + 1, ROOM = COMMAND_ROOM + 4 * PIV_RESPONSE_MAX };

struct session {
    struct cli *cli;
    const struct apdu_options *options;
    struct wire wire;
    struct out command, answer;
    json_t *list; /* --json */
};

/* ---- Hex ---- */

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : isxdigit((unsigned char)c) ? toupper((unsigned char)c) - 'A' + 10 : -1;
}

/* read_hex — digits in pairs; blanks and colons separate pairs, '#' starts a remark. */
static bool read_hex(const char *text, struct out *out)
{
    out_cut(out, 0);
    while (*text != '\0' && *text != '#') {
        if (isspace((unsigned char)*text) || *text == ':') {
            text++;
            continue;
        }
        int high = digit(text[0]), low = high < 0 ? -1 : digit(text[1]);
        if (low < 0)
            return false;
        out_u8(out, (uint8_t)(high << 4 | low));
        text += 2;
    }
    return !out->bad;
}

static void print_hex(struct in bytes)
{
    uint8_t b;

    while (in_u8(&bytes, &b))
        printf("%02X", b);
}

static json_t *json_hex(struct in bytes)
{
    char *text = malloc(2 * bytes.n + 1);
    json_t *string;
    size_t n = 0;
    uint8_t b;

    if (text == NULL)
        return NULL;
    while (in_u8(&bytes, &b))
        n += (size_t)sprintf(text + n, "%02X", b);
    string = json_stringn(text, n);
    OPENSSL_cleanse(text, n);
    free(text);
    return string;
}

/* ---- One exchange ---- */

static bool parts(const struct out *answer, struct in *data, uint16_t *sw)
{
    struct in whole = out_in(answer);

    return whole.n >= 2 && in_take(&whole, whole.n - 2, data) && in_u16(&whole, sw);
}

/* fetch — GET RESPONSE until nothing is left; the status words in between are cut out.  A card that has always more and
 * never gives any is not listened to for ever. */
static bool fetch(struct session *s)
{
    const uint8_t more[] = { 0x00, 0xC0, 0x00, 0x00, 0x00 };
    struct in data;
    uint16_t sw;

    while (parts(&s->answer, &data, &sw) && (sw & 0xFF00) == SW_MORE && !s->answer.bad) {
        size_t before = data.n;

        out_cut(&s->answer, before);
        if (!s->wire.send(s->wire.ctx, in_of(more, sizeof more), &s->answer))
            return false;
        if (s->answer.n <= before + 2)
            break;
    }
    return true;
}

static void show(struct session *s, struct in data, uint16_t sw)
{
    struct decoded d;

    decode(out_in(&s->command), out_in(&s->answer), &d);
    if (s->list != NULL) {
        json_array_append_new(s->list, json_pack("{s:o, s:o, s:s, s:s, s:s, s:s}", "apdu",
                                                 json_hex(out_in(&s->command)), "data", json_hex(data), "status",
                                                 d.status, "command", d.command, "what", d.what, "meaning",
                                                 d.meaning));
        return;
    }
    if (s->options->explain)
        printf("%s%s%s: %s\n    ", d.command, d.what[0] != '\0' ? ", " : "", d.what, d.meaning);
    print_hex(data);
    printf("%s%04X\n", data.n > 0 ? " " : "", sw);
    fflush(stdout);
}

static bool exchange(struct session *s)
{
    struct in data;
    uint16_t sw;

    out_cut(&s->answer, 0);
    if (!s->wire.send(s->wire.ctx, out_in(&s->command), &s->answer) || (s->options->all && !fetch(s))
        || !parts(&s->answer, &data, &sw))
        return cli_refuse(s->cli, "%s: the card did not answer", s->wire.name), false;
    show(s, data, sw);
    if (s->options->fail && sw != SW_SUCCESS && (sw & 0xFF00) != SW_MORE) {
        s->cli->status = CLI_FAILED; /* the answer has said why */
        return false;
    }
    return true;
}

/* line — one command, or "reset". */
static bool line(struct session *s, const char *text)
{
    text += strspn(text, " \t\r\n");
    if (strncmp(text, "reset", 5) == 0 && strchr("#", text[5 + strspn(text + 5, " \t\r\n")]) != NULL)
        return s->wire.reset(s->wire.ctx, true)
            || (cli_refuse(s->cli, "%s: the card cannot be reset", s->wire.name), false);
    /* The line is not shown: it may hold a PIN. */
    if (!read_hex(text, &s->command))
        return cli_refuse(s->cli, "a line is neither hex digits in pairs nor 'reset'"), false;
    return s->command.n == 0 || exchange(s);
}

static bool lines(struct session *s, FILE *f)
{
    char *text = NULL;
    size_t room = 0;
    bool ok = true;

    while (ok && getline(&text, &room, f) >= 0) {
        ok = line(s, text);
        OPENSSL_cleanse(text, room);
    }
    free(text);
    return ok;
}

int verb_apdu(struct cli *cli, int argc, char **argv)
{
    struct apdu_options o = { .all = false };
    struct session s = { .cli = cli, .options = &o };
    uint8_t *room = NULL;
    bool ok;

    if (!cli_options(cli, rows, &o, &argc, &argv))
        return cli->status;
    if (!sendto_open(cli, &o.to, &s.wire))
        return cli->status;
    room = OPENSSL_malloc(ROOM);
    ok = room != NULL || (cli_fail(cli, ERR_MEMORY, NULL), false);
    if (ok) {
        s.command = out_of(room, COMMAND_ROOM);
        s.answer = out_of(room + COMMAND_ROOM, ROOM - COMMAND_ROOM);
        s.list = cli->json ? json_array() : NULL;
    }
    for (int i = 0; ok && i < argc; i++)
        ok = line(&s, argv[i]);
    if (ok && argc == 0)
        ok = lines(&s, stdin);
    if (s.list != NULL && cli_json(cli, s.list) != CLI_DONE)
        ok = false;
    sendto_close(&s.wire);
    OPENSSL_clear_free(room, ROOM);
    return ok ? CLI_DONE : cli->status;
}
