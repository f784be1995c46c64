/* SPDX-License-Identifier: BSD-2-Clause */
/* picture.c — one line a row: how vpiv compares with its floor, and how long everybody takes. */
#include "tests/bench/picture.h"

#include <math.h>
#include <string.h>

#include "tests/bench/bars.h"

enum { WIDTH = 1120, LEFT = 270, RATIOS = 330, GAP = 60, LINE = 22, TOP = 84, TIMES = WIDTH - LEFT - RATIOS - GAP - 30 };

static const struct {
    const char *side, *colour, *what;
} colours[] = {
    { "openssl", "#7f7f7f", "OpenSSL alone" }, { "null", "#1f77b4", "null handler" },
    { "floor", "#2ca02c", "floor handler" },   { "vpcd", "#9467bd", "vsmartcard" },
    { "softhsm", "#8c564b", "SoftHSM2" },      { "vpiv", "#d62728", "vpiv" },
};

enum { COLOURS = sizeof colours / sizeof *colours };
static const double ratio_from = 0.9, ratio_to = 1.3, time_from = 10, time_to = 1e6, bar = 1.05;

static double clamp(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static double ratio_x(double r)
{
    return LEFT + RATIOS * clamp((r - ratio_from) / (ratio_to - ratio_from));
}

static double time_x(double us)
{
    return LEFT + RATIOS + GAP + TIMES * clamp(log(us / time_from) / log(time_to / time_from));
}

static void text(FILE *f, double x, double y, const char *anchor, const char *what)
{
    fprintf(f, "<text x='%.1f' y='%.1f' text-anchor='%s'>", x, y, anchor);
    for (; *what != '\0'; what++)
        fputs(*what == '<' ? "&lt;" : *what == '&' ? "&amp;" : (const char[]){ *what, '\0' }, f);
    fputs("</text>\n", f);
}

static void line(FILE *f, double x, double y, double x2, double y2, const char *colour)
{
    fprintf(f, "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='%s'/>\n", x, y, x2, y2, colour);
}

static void dot(FILE *f, double x, double y, const char *colour)
{
    fprintf(f, "<circle cx='%.1f' cy='%.1f' r='4' fill='%s' fill-opacity='0.85'/>\n", x, y, colour);
}

static bool in_picture(const struct shown *row, const struct samples *s)
{
    const struct series *own = samples_of(s, row->row, "vpiv");

    return own != NULL && strcmp(own->unit, "us") == 0 && quantile(own->sorted, own->n, 0.5) < time_to;
}

static void draw_axes(FILE *f, double bottom)
{
    char word[32];

    text(f, LEFT, 20, "start", "vpiv / its floor (null handler without a key, floor handler with one): median, quartiles");
    for (double r = ratio_from; r < ratio_to + 0.01; r += 0.1) {
        snprintf(word, sizeof word, "%.1f", r);
        line(f, ratio_x(r), TOP - 14, ratio_x(r), bottom, "#dddddd");
        text(f, ratio_x(r), TOP - 20, "middle", word);
    }
    line(f, ratio_x(bar), TOP - 14, ratio_x(bar), bottom, "#d62728");
    for (double us = time_from; us < time_to * 1.1; us *= 10) {
        snprintf(word, sizeof word, us < 1000 ? "%.0f us" : "%.0f ms", us < 1000 ? us : us / 1000);
        line(f, time_x(us), TOP - 14, time_x(us), bottom, "#dddddd");
        text(f, time_x(us), TOP - 20, "middle", word);
    }
    for (size_t i = 0; i < COLOURS; i++) {
        double x = LEFT + (double)i * 130;
        dot(f, x, 38, colours[i].colour);
        text(f, x + 8, 42, "start", colours[i].what);
    }
}

static void draw_row(FILE *f, double y, const struct shown *row, const struct samples *s)
{
    const struct series *own = samples_of(s, row->row, "vpiv");
    const struct series *base = row->base == NULL ? NULL : samples_of(s, row->row, row->base);
    char title[96];

    snprintf(title, sizeof title, "%s%s", row->title, strncmp(row->row, "p11", 3) == 0 ? " (PKCS#11)" : "");
    text(f, LEFT - 12, y + 4, "end", title);
    if (base != NULL && base->n_blocks > 1 && strcmp(row->base, "softhsm") != 0) {
        struct ratio r = ratio_of(own, base);
        line(f, ratio_x(r.low), y, ratio_x(r.high), y, "#000000");
        dot(f, ratio_x(r.median), y, "#d62728");
    }
    for (size_t i = 0; i < COLOURS; i++) {
        const struct series *one = samples_of(s, row->row, colours[i].side);
        if (one != NULL)
            dot(f, time_x(quantile(one->sorted, one->n, 0.5)), y, colours[i].colour);
    }
}

bool picture_write(const char *path, const struct samples *s)
{
    FILE *f = fopen(path, "w");
    size_t n = 0;
    double y = TOP;

    if (f == NULL)
        return false;
    for (size_t i = 0; i < shown_count; i++)
        n += in_picture(&shown[i], s);
    fprintf(f, "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%zu' font-family='sans-serif' "
               "font-size='12'>\n<rect width='100%%' height='100%%' fill='white'/>\n",
            WIDTH, TOP + n * LINE + 20);
    draw_axes(f, (double)(TOP + n * LINE));
    for (size_t i = 0; i < shown_count; i++) {
        if (!in_picture(&shown[i], s))
            continue;
        draw_row(f, y, &shown[i], s);
        y += LINE;
    }
    fputs("</svg>\n", f);
    return fclose(f) == 0;
}
