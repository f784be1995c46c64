/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_report.c — samples on stdin to a table on stdout, and to JSON and a picture.
 *
 *   bench_report JSON SVG     exit 0 also where a bar is missed: machines differ */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <jansson.h>

#include "tests/bench/bars.h"
#include "tests/bench/picture.h"

static const char *const sides[] = { "openssl", "null", "floor", "vpiv", "vpcd", "softhsm" };
enum { SIDES = sizeof sides / sizeof *sides };

static double middle(const struct series *s)
{
    return quantile(s->sorted, s->n, 0.5);
}

/* --- text ------------------------------------------------------------------------------------------------------- */

static void print_number(const struct series *s, double v)
{
    if (strcmp(s->unit, "us") == 0 && v >= 10e6)
        printf(" %8.1f s ", v / 1e6);
    else if (strcmp(s->unit, "us") == 0 && v >= 10000)
        printf(" %8.1f ms", v / 1000);
    else if (strcmp(s->unit, "us") == 0)
        printf(" %8.1f us", v);
    else if (strcmp(s->unit, "kB") == 0)
        printf(" %8.0f kB", v);
    else
        printf(" %8.0f   ", v);
}

static void print_row(const struct shown *row, const struct samples *s)
{
    const struct series *own = samples_of(s, row->row, "vpiv");
    const struct series *base = row->base == NULL ? NULL : samples_of(s, row->row, row->base);

    if (own == NULL)
        return;
    printf("%-42s", row->title);
    print_number(own, middle(own));
    print_number(own, quantile(own->sorted, own->n, 0.99));
    if (base != NULL) {
        struct ratio r = ratio_of(own, base);
        printf("  %6.3f x %-7s [%.3f %.3f]", r.median, row->base, r.low, r.high);
    }
    for (size_t i = 0; i < SIDES; i++) {
        const struct series *other = samples_of(s, row->row, sides[i]);
        if (other == NULL || other == own)
            continue;
        printf("  %s", sides[i]);
        print_number(other, middle(other));
    }
    putchar('\n');
}

static void print_machine(void)
{
    double load[3] = { 0 };
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    (void)getloadavg(load, 3);
    printf("%ld processors, load %.1f%s\n", n, load[1],
           load[1] > (double)n ? ": ratios hold, times do not" : "");
}

static void print_rows(const struct samples *s)
{
    const char *section = "";

    for (size_t i = 0; i < shown_count; i++) {
        if (samples_of(s, shown[i].row, "vpiv") == NULL)
            continue;
        if (strcmp(section, shown[i].section) != 0)
            printf("\n%-42s %11s %11s  ratio, median and quartiles; medians of the others\n", shown[i].section,
                   "median", "p99");
        section = shown[i].section;
        print_row(&shown[i], s);
    }
}

static void print_bars(const struct samples *s)
{
    printf("\nThe bar\n");
    for (size_t i = 0; i < bars_count; i++) {
        struct verdict v = bar_judge(&bars[i], s);
        const char *word = !v.measured ? "not measured" : v.met ? "met" : "missed";
        printf("%-12s %s", word, bars[i].title);
        if (v.measured)
            printf(": %.*f, to be %s %.*f (%.*s%s%s)", v.value < 100 ? 3 : 0, v.value,
                   bars[i].measure == SCALING ? "at least" : "at most", bars[i].limit < 100 ? 2 : 0, bars[i].limit,
                   (int)strcspn(v.row, " "), v.row, v.note[0] == '\0' ? "" : "; ", v.note);
        putchar('\n');
        if (v.measured && !v.met)
            printf("             bounded by: %s\n", bars[i].bound);
    }
}

/* What a signature costs when there is nothing but pcscd and OpenSSL. */
static void print_floor(const struct samples *s)
{
    static const char *const rows[] = { "sign-rsa2048", "sign-p256" };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct series *floor = samples_of(s, rows[i], "floor"), *null = samples_of(s, rows[i], "null");
        const struct series *raw = samples_of(s, rows[i], "openssl");
        if (floor != NULL && null != NULL && raw != NULL)
            printf("%s%s: the floor handler takes %.2f x (null APDU + raw OpenSSL)\n", i == 0 ? "\n" : "", rows[i],
                   middle(floor) / (middle(null) + middle(raw)));
    }
}

/* --- JSON ------------------------------------------------------------------------------------------------------- */

static json_t *json_series(const struct series *s)
{
    return json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:f, s:f}", "unit", s->unit, "n", (json_int_t)s->n,
                     "min", s->sorted[0], "p25", quantile(s->sorted, s->n, 0.25), "median", middle(s),
                     "p95", quantile(s->sorted, s->n, 0.95), "p99", quantile(s->sorted, s->n, 0.99),
                     "max", s->sorted[s->n - 1]);
}

static json_t *json_row(const struct shown *row, const struct samples *s)
{
    const struct series *own = samples_of(s, row->row, "vpiv");
    json_t *all = json_object(), *ratios = json_object();

    for (size_t i = 0; i < SIDES; i++) {
        const struct series *one = samples_of(s, row->row, sides[i]);
        if (one == NULL)
            continue;
        json_object_set_new(all, sides[i], json_series(one));
        if (own != NULL && one != own) {
            struct ratio r = ratio_of(own, one);
            json_object_set_new(ratios, sides[i],
                                json_pack("{s:f, s:f, s:f}", "median", r.median, "p25", r.low, "p75", r.high));
        }
    }
    return json_pack("{s:s, s:s, s:o, s:o}", "section", row->section, "title", row->title, "sides", all,
                     "vpiv_to", ratios);
}

static bool write_json(const char *path, const struct samples *s)
{
    json_t *rows = json_object(), *verdicts = json_array(), *all;
    struct utsname name;
    bool ok;

    for (size_t i = 0; i < shown_count; i++)
        if (samples_of(s, shown[i].row, "vpiv") != NULL)
            json_object_set_new(rows, shown[i].row, json_row(&shown[i], s));
    for (size_t i = 0; i < bars_count; i++) {
        struct verdict v = bar_judge(&bars[i], s);
        json_t *one = json_pack("{s:s, s:f, s:b, s:b}", "title", bars[i].title, "limit", bars[i].limit, "measured",
                                v.measured, "met", v.met);
        if (v.measured)
            json_object_set_new(one, "value", json_real(v.value));
        json_object_set_new(one, "bound", json_string(bars[i].bound));
        json_array_append_new(verdicts, one);
    }
    uname(&name);
    all = json_pack("{s:{s:s, s:s, s:s, s:I}, s:o, s:o}", "machine", "system", name.sysname, "release", name.release,
                    "architecture", name.machine, "processors", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "rows",
                    rows, "bars", verdicts);
    ok = all != NULL && json_dump_file(all, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) == 0;
    json_decref(all);
    return ok;
}

int main(int argc, char **argv)
{
    struct samples s;

    if (argc != 3) {
        fputs("usage: bench_report JSON SVG <SAMPLES\n", stderr);
        return 2;
    }
    if (!samples_read(stdin, &s)) {
        fputs("bench_report: no samples\n", stderr);
        return 1;
    }
    print_machine();
    print_rows(&s);
    print_floor(&s);
    print_bars(&s);
    bool ok = write_json(argv[1], &s) && picture_write(argv[2], &s);
    if (!ok)
        perror("bench_report");
    samples_free(&s);
    return ok ? 0 : 1;
}
