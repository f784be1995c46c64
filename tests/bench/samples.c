/* SPDX-License-Identifier: BSD-2-Clause */
/* samples.c — reading samples, quantiles, and ratios block by block. */
#include "tests/bench/samples.h"

#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double quantile(const double *sorted, size_t n, double q)
{
    size_t i = (size_t)(q * (double)(n - 1) + 0.5);

    return n == 0 ? 0 : sorted[i < n ? i : n - 1];
}

const struct series *samples_of(const struct samples *s, const char *row, const char *side)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->series[i].row, row) == 0 && strcmp(s->series[i].side, side) == 0)
            return &s->series[i];
    return NULL;
}

static bool append(double **values, size_t n, const double *more, size_t m)
{
    double *grown = realloc(*values, (n + m) * sizeof *grown);

    if (grown == NULL)
        return false;
    memcpy(grown + n, more, m * sizeof *more);
    *values = grown;
    return true;
}

/* The series of the line's first three words: the one there is, or a new one. */
static struct series *series_for(struct samples *s, const char *row, const char *side, const char *unit)
{
    struct series *old = (struct series *)samples_of(s, row, side), *grown;

    if (old != NULL)
        return old;
    grown = realloc(s->series, (s->n + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    s->series = grown;
    grown[s->n] = (struct series){ .sorted = NULL };
    snprintf(grown[s->n].row, sizeof grown->row, "%s", row);
    snprintf(grown[s->n].side, sizeof grown->side, "%s", side);
    snprintf(grown[s->n].unit, sizeof grown->unit, "%s", unit);
    return &grown[s->n++];
}

static bool take_line(struct samples *s, char *line)
{
    double values[1024];
    size_t n = 0;
    char *row = strtok(line, " \n"), *side = strtok(NULL, " \n"), *unit = strtok(NULL, " \n"), *word;
    struct series *series = unit == NULL ? NULL : series_for(s, row, side, unit);

    while ((word = strtok(NULL, " \n")) != NULL && n < sizeof values / sizeof *values)
        values[n++] = strtod(word, NULL);
    if (series == NULL || n == 0 || !append(&series->sorted, series->n, values, n))
        return false;
    series->n += n;
    qsort(values, n, sizeof *values, by_value);
    double median = quantile(values, n, 0.5);
    bool ok = append(&series->medians, series->n_blocks, &median, 1) &&
              append(&series->slowest, series->n_blocks, &values[n - 1], 1);
    series->n_blocks += ok;
    return ok;
}

bool samples_read(FILE *f, struct samples *s)
{
    char *line = NULL;
    size_t cap = 0;
    bool ok = true;

    *s = (struct samples){ .n = 0 };
    while (ok && getline(&line, &cap, f) > 0)
        ok = take_line(s, line);
    free(line);
    for (size_t i = 0; i < s->n; i++)
        qsort(s->series[i].sorted, s->series[i].n, sizeof(double), by_value);
    return ok && s->n > 0;
}

void samples_free(struct samples *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->series[i].sorted);
        free(s->series[i].medians);
        free(s->series[i].slowest);
    }
    free(s->series);
}

static struct ratio ratio_by_block(const double *a, const double *b, size_t n)
{
    double *ratios = calloc(n, sizeof *ratios);
    struct ratio r = { 0, 0, 0 };

    if (ratios == NULL)
        return r;
    for (size_t i = 0; i < n; i++)
        ratios[i] = b[i] > 0 ? a[i] / b[i] : 0;
    qsort(ratios, n, sizeof *ratios, by_value);
    r = (struct ratio){ quantile(ratios, n, 0.5), quantile(ratios, n, 0.25), quantile(ratios, n, 0.75) };
    free(ratios);
    return r;
}

static size_t common(const struct series *a, const struct series *b)
{
    return a->n_blocks < b->n_blocks ? a->n_blocks : b->n_blocks;
}

struct ratio ratio_of(const struct series *a, const struct series *b)
{
    return ratio_by_block(a->medians, b->medians, common(a, b));
}

struct ratio ratio_of_slowest(const struct series *a, const struct series *b)
{
    return ratio_by_block(a->slowest, b->slowest, common(a, b));
}
