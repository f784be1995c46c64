/* SPDX-License-Identifier: BSD-2-Clause */
/* batch.c — many imports side by side: the list of jobs, the processes, a line for each card, the summary.
 *
 * Each card is made by `vpiv import` itself, in a process that is forked for it: what holds for one holds for all,
 * and a bundle that stops its process stops no other.
 */
#include "tools/batch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/plain.h"

enum { WORKERS_MAX = 64, ARGUMENTS_MAX = 96, SAID_MAX = 1024 };

/* struct job — one card. */
struct job {
    char *name, *file;
    char *password, *pin; /* specs, or NULL */
    pid_t pid;
    int out, err;         /* memory files: JSON, and the sentence on failure */
};

struct batch {
    struct cli *cli;
    char *const *arguments;
    const char *password, *pin;
    struct job *jobs;
    size_t n, next, done;
    size_t made, changed, unchanged, failed;
    json_t *cards;
    bool progress;
};

/* --- the list ------------------------------------------------------------------------------------------ */

static bool add(struct batch *b, const char *name, const char *file, const char *password, const char *pin)
{
    struct job *more = realloc(b->jobs, (b->n + 1) * sizeof *more), *job;

    if (more == NULL)
        return false;
    b->jobs = more;
    job = &b->jobs[b->n++];
    *job = (struct job){ strdup(name), strdup(file), password == NULL ? NULL : strdup(password),
                         pin == NULL ? NULL : strdup(pin), 0, -1, -1 };
    return job->name != NULL && job->file != NULL;
}

static int is_bundle(const struct dirent *d)
{
    size_t n = strlen(d->d_name);

    return n > 4 && d->d_name[0] != '.' &&
           (strcasecmp(d->d_name + n - 4, ".p12") == 0 || strcasecmp(d->d_name + n - 4, ".pfx") == 0);
}

/* Whoever fills the folder may put other things into it: opening a FIFO waits, for ever where nobody writes. */
static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) != 0 || S_ISREG(st.st_mode); /* a link that leads nowhere is told of when it is opened */
}

static bool list_folder(struct batch *b, const char *folder)
{
    struct dirent **found = NULL;
    int n = scandir(folder, &found, is_bundle, alphasort);
    bool ok = n >= 0;

    if (n == 0)
        cli_refuse(b->cli, "%s: no .p12 and no .pfx file in it", folder);
    else if (n < 0)
        cli_refuse(b->cli, "%s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX], name[NAME_MAX + 1];

        snprintf(name, sizeof name, "%.*s", (int)strlen(found[i]->d_name) - 4, found[i]->d_name);
        ok = ok && snprintf(path, sizeof path, "%s/%s", folder, found[i]->d_name) < (int)sizeof path &&
             (!is_file(path) || add(b, name, path, NULL, NULL));
        free(found[i]);
    }
    free(found);
    if (ok && b->n == 0 && n > 0)
        cli_refuse(b->cli, "%s: no .p12 and no .pfx file in it", folder);
    return ok && b->n > 0;
}

/* One line: NAME, FILE, password and PIN source, with tabs between them; the last two may be left out. */
static bool take_line(struct batch *b, const char *table, unsigned number, char *line)
{
    char *rest = line, *field[4] = { NULL };

    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '\0' || line[0] == '#')
        return true;
    for (size_t i = 0; i < 4; i++)
        field[i] = strsep(&rest, "\t");
    for (size_t i = 2; i < 4; i++)
        if (field[i] != NULL && field[i][0] == '\0')
            field[i] = NULL;
    if (rest != NULL || field[0][0] == '\0' || field[1] == NULL || field[1][0] == '\0')
        return cli_refuse(b->cli, "%s:%u: a line is NAME, FILE, password and PIN source, with tabs between them", table,
                          number), false;
    return add(b, field[0], field[1], field[2], field[3]);
}

static bool list_table(struct batch *b, const char *table)
{
    FILE *f = fopen(table, "re");
    char *line = NULL;
    size_t cap = 0;
    unsigned number = 0;
    bool ok = f != NULL;

    if (f == NULL)
        return cli_refuse(b->cli, "%s: %s", table, strerror(errno)), false;
    while (ok && getline(&line, &cap, f) > 0)
        ok = take_line(b, table, ++number, line);
    free(line);
    fclose(f);
    if (ok && b->n == 0)
        return cli_refuse(b->cli, "%s: no line with a card in it", table), false;
    return ok;
}

/* Two cards of one name would be one card with two people's keys. */
static bool check_names(const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(b->jobs[i].name, b->jobs[k].name) == 0)
                return cli_refuse(b->cli, "%s and %s would both become the card %s", b->jobs[k].file, b->jobs[i].file,
                                  b->jobs[i].name), false;
    return true;
}

/* --- the processes --------------------------------------------------------------------------------------- */

static void work(struct batch *b, const struct job *job)
{
    const char *argv[ARGUMENTS_MAX + 16];
    const char *password = job->password != NULL ? job->password : b->password;
    const char *pin = job->pin != NULL ? job->pin : b->pin;
    struct cli cli = { .program = b->cli->program, .verb = b->cli->verb };
    int argc = 0, null = open("/dev/null", O_RDONLY);

    argv[argc++] = b->cli->verb->name;
    for (size_t i = 0; b->arguments[i] != NULL && argc < ARGUMENTS_MAX; i++)
        argv[argc++] = b->arguments[i];
    argv[argc++] = "--json";
    argv[argc++] = "--card";
    argv[argc++] = job->name;
    if (password != NULL) {
        argv[argc++] = "--password";
        argv[argc++] = password;
    }
    if (pin != NULL) {
        argv[argc++] = "--pin";
        argv[argc++] = pin;
    }
    argv[argc++] = "--";
    argv[argc++] = job->file;
    argv[argc] = NULL;
    /* Nobody can be asked here: setsid leaves the terminal behind. */
    setsid();
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(job->out, STDOUT_FILENO) < 0 ||
        dup2(job->err, STDERR_FILENO) < 0)
        _exit(CLI_FAILED);
    argc = verb_import(&cli, argc, (char **)argv);
    fflush(stdout);
    _exit(argc);
}

static bool start(struct batch *b, struct job *job)
{
    job->out = memfd_create("vpiv", MFD_CLOEXEC);
    job->err = memfd_create("vpiv", MFD_CLOEXEC);
    fflush(stdout);
    fflush(stderr);
    if (job->out < 0 || job->err < 0 || (job->pid = fork()) < 0)
        return cli_refuse(b->cli, "%s: %s", job->name, strerror(errno)), false;
    if (job->pid == 0)
        work(b, job);
    return true;
}

/* The child's one sentence, without the program's name; warnings stand before it. */
static void sentence(int fd, char said[SAID_MAX])
{
    ssize_t n = pread(fd, said, SAID_MAX - 1, 0);
    char *last;

    said[n > 0 ? n : 0] = '\0';
    while ((last = strrchr(said, '\n')) != NULL && last[1] == '\0')
        *last = '\0';
    last = strrchr(said, '\n');
    last = last == NULL ? said : last + 1;
    if (strncmp(last, "vpiv: ", 6) == 0)
        last += 6;
    memmove(said, last, strlen(last) + 1);
}

static void say_made(const struct job *job, const json_t *card)
{
    const char *puk = json_string_value(json_object_get(card, "puk"));
    const char *management = json_string_value(json_object_get(card, "management_key"));
    json_t *key;
    size_t i;

    printf("%s:%s", job->name, json_is_true(json_object_get(card, "new"))       ? ""
                               : json_is_true(json_object_get(card, "written")) ? " changed:"
                                                                                 : " unchanged:");
    json_array_foreach(json_object_get(card, "keys"), i, key)
        printf(" %s %s", json_string_value(json_object_get(key, "slot")),
               json_string_value(json_object_get(key, "key")));
    if (puk != NULL)
        printf("  PUK %s", puk);
    if (management != NULL)
        printf("  management key %s", management);
    putchar('\n');
}

static void count(struct batch *b, const json_t *card)
{
    if (json_is_true(json_object_get(card, "new")))
        b->made++;
    else if (json_is_true(json_object_get(card, "written")))
        b->changed++;
    else
        b->unchanged++;
}

static void finish(struct batch *b, struct job *job, bool made)
{
    char said[SAID_MAX];
    json_t *card = NULL;

    if (made && lseek(job->out, 0, SEEK_SET) == 0)
        card = json_loadfd(job->out, 0, NULL);
    sentence(job->err, said);
    if (!made || card == NULL) {
        json_decref(card);
        if (said[0] == '\0')
            snprintf(said, sizeof said, "%s", "its process died");
        card = json_pack("{s:s, s:s, s:b, s:s}", "card", job->name, "file", job->file, "written", 0, "error", said);
        b->failed++;
        if (!b->cli->json)
            printf("%s: not made: %s\n", plain_text(job->name), plain_text(said));
    } else {
        count(b, card);
        if (!b->cli->json)
            say_made(job, card);
    }
    if (b->cli->json)
        json_array_append_new(b->cards, card);
    else
        json_decref(card);
    close(job->out);
    close(job->err);
    b->done++;
    if (b->progress)
        fprintf(stderr, "\r%zu of %zu%s", b->done, b->n, b->done == b->n ? "\n" : "");
}

static bool reap(struct batch *b)
{
    int status;
    pid_t pid = waitpid(-1, &status, 0);

    if (pid < 0)
        return errno == EINTR;
    for (size_t i = 0; i < b->next; i++)
        if (b->jobs[i].pid == pid) {
            b->jobs[i].pid = 0;
            finish(b, &b->jobs[i], WIFEXITED(status) && WEXITSTATUS(status) == CLI_DONE);
        }
    return true;
}

static void run(struct batch *b)
{
    long workers = sysconf(_SC_NPROCESSORS_ONLN);
    size_t running;

    if (workers < 1 || workers > WORKERS_MAX)
        workers = workers < 1 ? 1 : WORKERS_MAX;
    while (b->done < b->n) {
        for (running = b->next - b->done; running < (size_t)workers && b->next < b->n; running++) {
            if (!start(b, &b->jobs[b->next])) {
                b->failed += b->n - b->next; /* what is running still ends in good order */
                b->n = b->next;
                break;
            }
            b->next++;
        }
        if (b->done < b->next && !reap(b))
            return;
    }
}

static int summary(struct batch *b)
{
    if (b->cli->json) {
        int status = cli_json(b->cli, json_pack("{s:o, s:i, s:i, s:i, s:i}", "cards", b->cards, "made", (int)b->made,
                                                "changed", (int)b->changed, "unchanged", (int)b->unchanged, "failed",
                                                (int)b->failed));

        if (status != CLI_DONE)
            return status;
    } else {
        printf("%zu made, ", b->made);
        if (b->changed + b->unchanged > 0)
            printf("%zu changed, %zu unchanged, ", b->changed, b->unchanged);
        printf("%zu not made\n", b->failed);
    }
    return b->cli->status = b->failed == 0 ? CLI_DONE : CLI_FAILED;
}

/* A standard stream or descriptor can be read once, and not by many processes. */
static bool shareable(const char *spec)
{
    return spec == NULL || (strcmp(spec, "stdin") != 0 && strncmp(spec, "fd:", 3) != 0);
}

int batch_run(struct cli *cli, const char *source, char *const *arguments, const char *password, const char *pin)
{
    struct batch b = { .cli = cli, .arguments = arguments, .password = password, .pin = pin };
    DIR *folder;
    int status = CLI_FAILED;
    bool ok;

    if (!shareable(password) || !shareable(pin))
        return cli_usage(cli, "--batch: many cards cannot share stdin or a descriptor: use file: or env:");
    folder = opendir(source);
    ok = folder != NULL ? list_folder(&b, source) : list_table(&b, source);
    if (folder != NULL)
        closedir(folder);
    b.progress = isatty(STDERR_FILENO) && !cli->json;
    b.cards = json_array();
    if (ok && check_names(&b)) {
        run(&b);
        status = summary(&b);
    } else {
        json_decref(b.cards);
        if (cli->status == CLI_DONE)
            cli_fail(cli, ERR_MEMORY, NULL);
        status = cli->status;
    }
    for (size_t i = 0; i < b.n; i++) {
        free(b.jobs[i].name);
        free(b.jobs[i].file);
        free(b.jobs[i].password);
        free(b.jobs[i].pin);
    }
    free(b.jobs);
    return status;
}
