/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_script.c — plays a row's script, statement by statement (conform.h describes the language). */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tools/conform_judge.h"

enum { STATEMENT_MAX = 4096, TEXT_MAX = 512 };

/* Verbs are texts: $1 to $3 are the words behind the verb; what stands behind them is added.  A verb that holds an
 * expectation is used without one, or another one stands behind it and takes its place. */
struct verb {
    const char *name;
    unsigned words;
    const char *text;
};

static const struct verb verbs[] = {
/*    name         words  text */
    { "select",    0, "00A40400[{aid}]00 -> 61* 9000+" },
    { "try",       0, "00200080" },
    { "pin",       0, "00200080[{pin}] -> 9000" },
    { "bad",       0, "00200080[{bad}] -> T-1" },
    { "verify",    1, "00200080[$1]" },
    { "logout",    0, "0020FF80 -> 9000" },
    { "change",    2, "00240080[$1_$2]" },
    { "changepuk", 2, "00240081[$1_$2]" },
    { "unblock",   2, "002C0080[$1_$2]" },
    { "get",       1, "00CB3FFF[5C($1)]00" },
    { "put",       2, "chain 00DB3FFF[5C($1)53($2)]" },
    { "sign",      3, "chain 0087$2$1[7C(82()81($3))]00" },
    { "ecdh",      3, "chain 0087$2$1[7C(82()85($3))]00" },
    { "generate",  2, "0047 00 $1[AC(80($2))]00" },
    { "adm",       0, "check management" },
    /* PUT DATA of an object that no card has, without a value: nothing is written, whatever the card makes of it. */
    { "admin",     0, "00DB3FFF[5C(5FC1FE)] -> 6A80~6Axx|6700" }, /* who may write is told that, */
    { "stranger",  0, "00DB3FFF[5C(5FC1FE)] -> 6982" },           /* … who may not is told so */
};

bool fail(struct judge *j, const char *format, ...)
{
    va_list args;

    if (j->result->verdict == VERDICT_FAIL)
        return false; /* the first to speak was nearest to the fault */
    j->result->verdict = VERDICT_FAIL;
    va_start(args, format);
    vsnprintf(j->result->text, sizeof j->result->text, format, args);
    va_end(args);
    return false;
}

bool does_not_apply(struct judge *j, const char *reason)
{
    if (j->result->verdict != VERDICT_FAIL) {
        j->result->verdict = VERDICT_NOT_APPLICABLE;
        snprintf(j->result->text, sizeof j->result->text, "%s", reason);
    }
    return false;
}

/* T, T-1, U-2: the status word 63Cn; 6983 where no try is left is what the row must say itself. */
static bool tries_word(const struct judge *j, const char *word, uint16_t *sw)
{
    int tries = word[0] == 'T' ? j->pin_limit : word[0] == 'U' ? j->puk_limit : -1;

    if (tries < 0 || (word[1] != '\0' && word[1] != '-'))
        return false;
    if (word[1] == '-')
        tries -= atoi(word + 2);
    *sw = (uint16_t)(0x63C0 | (tries < 0 ? 0 : tries > 15 ? 15 : tries));
    return true;
}

/* A status as people read it: "T-1~6A80|err" is "63C2 or 6A80 or an error"; our own card's choices alone, where they
 * are what is wanted. */
static void say_status(const struct judge *j, const char *status, struct out *text)
{
    char copy[TEXT_MAX], number[8], *rest = NULL;
    const char *or = "";
    uint16_t sw;

    snprintf(copy, sizeof copy, "%.*s", (int)sizeof copy - 1, status);
    if (j->terms.house)
        copy[strcspn(copy, "~")] = '\0';
    for (char *word = strtok_r(copy, "|~", &rest); word != NULL; word = strtok_r(NULL, "|~", &rest), or = " or ") {
        const char *said = strcmp(word, "err") == 0 ? "another error" : strcmp(word, "none") == 0 ? "no answer" : word;
        if (tries_word(j, word, &sw)) {
            snprintf(number, sizeof number, "%04X", sw);
            said = number;
        }
        out_put(text, in_of(or, strlen(or)));
        out_put(text, in_of(said, strlen(said)));
    }
}

/* "sent … received … expected …" */
static bool fail_answer(struct judge *j, struct in command, const char *pattern, const char *status)
{
    char sent[TEXT_MAX], received[TEXT_MAX], expected[TEXT_MAX];
    struct out s = out_of(sent, sizeof sent - 1), r = out_of(received, sizeof received - 1);
    struct out e = out_of(expected, sizeof expected - 1);

    hex_masked(j, command, 60, &s);
    if (j->answered) {
        uint8_t sw[2] = { (uint8_t)(j->sw >> 8), (uint8_t)j->sw };
        hex_masked(j, j->data, 60, &r);
        if (j->data.n > 0)
            out_u8(&r, ' ');
        hex_masked(j, in_of(sw, sizeof sw), sizeof sw, &r);
    } else {
        out_put(&r, in_of("nothing", 7));
    }
    if (pattern != NULL) {
        out_put(&e, in_of(pattern, strlen(pattern)));
        out_u8(&e, ' ');
    }
    say_status(j, status, &e);
    return fail(j, "sent %.*s%s received %.*s expected %.*s", (int)s.n, sent, command.n > 60 ? " (cut)" : "", (int)r.n,
                received, (int)e.n, expected);
}

/* One of the alternatives between the "|". */
static bool status_is(const struct judge *j, const char *word)
{
    uint16_t sw;

    if (strcmp(word, "none") == 0)
        return !j->answered;
    if (!j->answered)
        return false;
    if (strcmp(word, "err") == 0)
        return j->sw >= 0x6400 && j->sw < 0x7000 && j->data.n == 0;
    if (tries_word(j, word, &sw))
        return j->sw == sw;
    if (strlen(word) < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char digit = "0123456789ABCDEF"[j->sw >> (12 - 4 * i) & 0x0F];
        if (word[i] != digit && word[i] != 'x')
            return false;
    }
    return true;
}

static void came(struct judge *j)
{
    char *text = j->result->came, word[8] = "nothing";

    if (j->answered)
        snprintf(word, sizeof word, "%04X", j->sw);
    if (strstr(text, word) != NULL)
        return;
    size_t n = strlen(text);
    snprintf(text + n, sizeof j->result->came - n, "%s%s", n > 0 ? ", " : "", word);
}

static bool one_of(struct judge *j, char *words)
{
    char *rest = NULL;

    for (char *word = strtok_r(words, "|", &rest); word != NULL; word = strtok_r(NULL, "|", &rest))
        if (status_is(j, word))
            return true;
    return false;
}

/* "6A80|6A86~err": what this project's card says, and what others may. */
static bool status_matches(struct judge *j, const char *status)
{
    char copy[TEXT_MAX], *others;

    snprintf(copy, sizeof copy, "%.*s", (int)sizeof copy - 1, status);
    bool choice = strchr(copy, '|') != NULL;
    if ((others = strchr(copy, '~')) != NULL)
        *others++ = '\0';
    if (one_of(j, copy)) {
        if (choice && others == NULL)
            came(j);
        return true;
    }
    if (others == NULL || j->terms.house || !one_of(j, others))
        return false;
    came(j);
    return true;
}

/* What the promised answers so far say about the PIN's counter.  SP 800-73-5 Part 2, 3.2.1 to 3.2.3. */
static void count_tries(struct judge *j, struct in command)
{
    uint8_t ins, p1, p2;

    if (!j->answered || command.n < 4)
        return;
    ins = command.p[1];
    p1 = command.p[2];
    p2 = command.p[3];
    if (ins == 0xFA || ins == 0xFB)
        j->pin_left = j->sw == 0x9000 ? -1 : j->pin_left;
    if (p2 != 0x80 || p1 != 0x00 || (ins != 0x20 && ins != 0x24 && ins != 0x2C))
        return;
    if (j->sw == 0x9000 && command.n > 5 && (command.p[0] & 0x10) == 0)
        j->pin_left = j->pin_limit;
    else if ((j->sw & 0xFFF0) == 0x63C0 && ins != 0x2C)
        j->pin_left = j->sw & 0x0F;
    else if (j->sw == 0x6983 && ins != 0x2C)
        j->pin_left = 0;
}

/* "[BYTES] STATUS [=x]" against the last answer. */
static bool expect(struct judge *j, struct in command, const char *text)
{
    char copy[STATEMENT_MAX], *keep = NULL, *status, *pattern = copy;

    snprintf(copy, sizeof copy, "%s", text);
    for (size_t n = strlen(copy); n > 0 && copy[n - 1] == ' '; n--)
        copy[n - 1] = '\0';
    char *last = strrchr(copy, ' ');
    if (last != NULL && last[1] == '=') {
        keep = last + 2;
        *last = '\0';
        last = strrchr(copy, ' ');
    }
    status = last == NULL ? copy : last + 1;
    if (last == NULL)
        pattern = NULL;
    else
        *last = '\0';
    if (status[strlen(status) - 1] == '+') {
        status[strlen(status) - 1] = '\0';
        if (j->answered && j->sw >> 8 == 0x61)
            send_fetch(j, 0);
    }
    bool good = status_matches(j, status);
    if (pattern == NULL || (j->answered && j->sw >= 0x6400 && j->sw < 0x7000 && strpbrk(status, "|~") != NULL))
        good = good && j->data.n == 0; /* the bytes are those of success: an error that is allowed has none */
    else
        good = good && bytes_match(j, pattern, j->data);
    if (!good)
        return fail_answer(j, command, pattern, status);
    count_tries(j, command);
    return keep == NULL || var_set(j, keep, j->data);
}

static bool exchange(struct judge *j, const char *bytes, const char *answer)
{
    struct out out = out_of(j->command, COMMAND_MAX);
    size_t block = 0;

    if (strncmp(bytes, "chain", 5) == 0) { /* chain, or chain2: blocks of two bytes */
        bytes += 5;
        block = *bytes == ' ' ? 255 : strtoul(bytes, (char **)&bytes, 10);
    }
    if (!bytes_build(j, bytes, &out))
        return false;
    struct in command = out_in(&out);
    if (block > 0)
        send_chain(j, command, block);
    else
        send_command(j, command);
    if (j->result->verdict == VERDICT_FAIL)
        return false;
    return expect(j, command, answer);
}

static bool statement(struct judge *j, const char *text);

/* The statements behind "each …:" and the like are separated by commas. */
static bool sequence(struct judge *j, const char *text)
{
    char copy[STATEMENT_MAX], *rest = NULL;

    snprintf(copy, sizeof copy, "%s", text);
    for (char *part = strtok_r(copy, ",", &rest); part != NULL; part = strtok_r(NULL, ",", &rest))
        if (!statement(j, part))
            return false;
    return true;
}

static bool each_value(struct judge *j, const char *value, const char *body)
{
    uint8_t space[TEXT_MAX];
    struct out out = out_of(space, sizeof space);

    return bytes_build(j, value, &out) && var_set(j, ".", out_in(&out)) && sequence(j, body);
}

/* each 00 7F..81: … */
static bool each(struct judge *j, char *values, const char *body)
{
    char *rest = NULL;

    for (char *v = strtok_r(values, " ", &rest); v != NULL; v = strtok_r(NULL, " ", &rest)) {
        unsigned first, last;
        char one[8];
        if (strstr(v, "..") == NULL) {
            if (!each_value(j, v, body))
                return false;
            continue;
        }
        if (sscanf(v, "%2X..%2X", &first, &last) != 2)
            return fail(j, "the row's range cannot be read: %s", v);
        for (unsigned i = first; i <= last; i++) {
            snprintf(one, sizeof one, "%02X", i);
            if (!each_value(j, one, body))
                return false;
        }
    }
    return true;
}

static bool repeat(struct judge *j, const char *count, const char *body)
{
    for (int i = atoi(count); i > 0; i--)
        if (!sequence(j, body))
            return false;
    return true;
}

/* "piv: …", "yk: …", "ext: …", "house: …", "each A B: …", "repeat 3: …" */
static bool prefixed(struct judge *j, char *text, const char *body)
{
    if (strcmp(text, "piv") == 0)
        return j->terms.yubikey || sequence(j, body);
    if (strcmp(text, "yk") == 0)
        return !j->terms.yubikey || sequence(j, body);
    if (strcmp(text, "ext") == 0)
        return !j->extended || sequence(j, body);
    if (strcmp(text, "house") == 0)
        return !j->terms.house || sequence(j, body);
    if (strncmp(text, "each ", 5) == 0)
        return each(j, text + 5, body);
    if (strncmp(text, "repeat ", 7) == 0)
        return repeat(j, text + 7, body);
    return fail(j, "the row's words cannot be read: %s", text);
}

static bool assign(struct judge *j, char *name, char *rest)
{
    uint8_t *space = malloc(COMMAND_MAX);
    struct words w = words_split(rest);
    bool good = false;

    if (space != NULL) {
        struct out out = out_of(space, COMMAND_MAX);
        good = word_compute(j, &w, &out) && !out.bad && var_set(j, words_split(name).word[0], out_in(&out));
        OPENSSL_clear_free(space, COMMAND_MAX);
    }
    return good || fail(j, "%s could not be computed", name);
}

/* The verb's text with its words filled in, and what stands behind them. */
static bool verb_text(struct judge *j, const struct verb *verb, const char *behind, char *text, size_t cap)
{
    char copy[STATEMENT_MAX], *word[3] = { NULL }, *s = copy;
    size_t n = 0;

    snprintf(copy, sizeof copy, "%s", behind);
    for (unsigned i = 0; i < verb->words; i++) {
        while (*s == ' ')
            s++;
        word[i] = s;
        s += strcspn(s, " ");
        if (word[i] == s)
            return fail(j, "the row's verb %s wants %u words", verb->name, verb->words);
        if (*s != '\0')
            *s++ = '\0';
    }
    const char *end = verb->text + strlen(verb->text);
    if (strstr(s, "->") != NULL && strstr(verb->text, "->") != NULL)
        end = strstr(verb->text, "->");
    for (const char *t = verb->text; t < end && n + 1 < cap; t++) {
        if (*t == '$')
            n += (size_t)snprintf(text + n, cap - n, "%s", word[*++t - '1']);
        else
            text[n++] = *t;
        if (n >= cap)
            return fail(j, "the row's statement is too long");
    }
    int more = snprintf(text + n, cap - n, " %s", s);
    return (more >= 0 && (size_t)more < cap - n) || fail(j, "the row's statement is too long");
}

static bool reset_word(struct judge *j, const char *text, bool *good)
{
    bool cold = strncmp(text, "cold", 4) == 0;

    if (!cold && strncmp(text, "reset", 5) != 0)
        return false;
    *good = j->wire->reset(j->wire->ctx, cold) || fail(j, "the reader could not reset the card");
    return true;
}

static bool statement(struct judge *j, const char *text)
{
    char copy[STATEMENT_MAX], *s = copy, *mark;
    bool good;

    if (strlen(text) >= sizeof copy)
        return fail(j, "the row's statement is too long");
    snprintf(copy, sizeof copy, "%s", text);
    while (*s == ' ' || *s == '\n')
        s++;
    if (*s == '\0')
        return true;
    if ((mark = strchr(s, ':')) != NULL) { /* "x := …" or "each …: …" */
        *mark = '\0';
        return mark[1] == '=' ? assign(j, s, mark + 2) : prefixed(j, s, mark + 1);
    }
    if (reset_word(j, s, &good))
        return good;
    if (strncmp(s, "check ", 6) == 0) {
        struct words w = words_split(s + 6);
        return word_check(j, &w);
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        size_t n = strlen(verbs[i].name);
        char whole[STATEMENT_MAX];
        if (strncmp(s, verbs[i].name, n) == 0 && !isalnum((unsigned char)s[n]))
            return verb_text(j, &verbs[i], s + n, whole, sizeof whole) && statement(j, whole);
    }
    if ((mark = strstr(s, "->")) == NULL)
        return fail(j, "the row's statement has no expectation: %s", s);
    *mark = '\0';
    return exchange(j, s, mark + 2 + strspn(mark + 2, " "));
}

/* A script may be long; it is cut into statements without being copied as a whole. */
bool play(struct judge *j, const char *script)
{
    char one[STATEMENT_MAX];

    while (script != NULL && *script != '\0') {
        size_t n = strcspn(script, ";");
        if (n >= sizeof one)
            return fail(j, "the row's statement is too long");
        memcpy(one, script, n);
        one[n] = '\0';
        if (!statement(j, one))
            return false;
        script += n + (script[n] == ';');
    }
    return true;
}

bool playf(struct judge *j, const char *format, ...)
{
    char script[STATEMENT_MAX];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(script, sizeof script, format, args);
    va_end(args);
    return n >= 0 && (size_t)n < sizeof script ? play(j, script) : fail(j, "the row's script is too long");
}
