/* SPDX-License-Identifier: BSD-2-Clause */
/* report.c — what an import did, in words and as JSON. */
#include "tools/report.h"

#include <stdio.h>

static const char *how_word(enum slot_how how)
{
    static const char *const words[] = {
        [SLOT_NEW] = "new", [SLOT_RENEWED] = "renewed", [SLOT_SAME] = "unchanged", [SLOT_REPLACED] = "replaced",
    };

    return words[how];
}

static void warn_slots(struct cli *cli, const struct report *r)
{
    for (size_t i = 0; i < r->slots->n; i++) {
        const struct slot *s = &r->slots->of[i];

        for (size_t k = 0; k < s->remarks.n; k++)
            cli_warn(cli, "warning: %s: slot %s: %s", s->bundle->path, s->ref->name, s->remarks.text[k]);
    }
}

static void warn_bundles(struct cli *cli, const struct report *r)
{
    for (size_t i = 0; i < r->bundles->n; i++)
        if (!r->bundles->of[i].p12->protected)
            cli_warn(cli, "warning: %s: it has no integrity check (MAC): nobody can tell whether it was changed",
                     r->bundles->of[i].path);
}

static void text_slot(const struct slot *s)
{
    char subject[CERT_TEXT], date[CERT_DATE];

    cert_subject(s->cert, subject);
    cert_date(X509_get0_notAfter(s->cert), false, date);
    printf("  %s  %-8s until %s  %s\n      %s: %s\n", s->ref->name, s->key->alg->name, date, subject, how_word(s->how),
           s->reason);
    if (s->retired != NULL)
        printf("      the key that was there is kept in %s, for what was encrypted with it\n", s->retired->name);
}

static void text_rest(const struct report *r)
{
    size_t crls = 0, secrets = 0, others = 0;

    if (r->slots->n_chain > 0)
        printf("  %zu CA certificate%s of the chain kept in the card file\n", r->slots->n_chain,
               r->slots->n_chain == 1 ? "" : "s");
    for (size_t i = 0; i < r->bundles->n; i++) {
        const struct p12 *p = r->bundles->of[i].p12;

        crls += p->crls;
        secrets += p->secrets;
        others += p->others;
        if (p->password != NULL)
            printf("  %s was opened with %s\n", r->bundles->of[i].path, p->password);
    }
    if (r->slots->left_out > 0)
        printf("  left out: %zu certificate%s without a key here\n", r->slots->left_out,
               r->slots->left_out == 1 ? "" : "s");
    if (crls + secrets + others > 0)
        printf("  left out: %zu revocation list%s, %zu secret%s, %zu other thing%s\n", crls, crls == 1 ? "" : "s",
               secrets, secrets == 1 ? "" : "s", others, others == 1 ? "" : "s");
}

static void text_next(struct cli *cli, const struct report *r)
{
    if (r->dry)
        printf("Nothing was written (--dry-run).\n");
    else if (r->in_reader)
        printf("The card is in reader %u: programs see it now.\n", r->reader);
    else if (cli->store.readers[0] != '\0')
        printf("Next: '%s insert %s' puts it into a reader.\n", cli->program, r->name);
    else
        printf("Next: '%s run -c %s -- PROGRAM' starts a program that sees it.\n", cli->program, r->name);
}

void report_text(struct cli *cli, const struct report *r)
{
    static const char *const words[2][2] = { { "new card", "would be a new card" }, { "changed", "would be changed" } };
    const char *what = r->made == NULL && !r->slots->changed ? "unchanged" : words[r->made == NULL][r->dry];

    printf("%s: %s (%s)\n", r->name, what, r->path);
    for (size_t i = 0; i < r->slots->n; i++)
        text_slot(&r->slots->of[i]);
    text_rest(r);
    if (r->made != NULL && !r->dry)
        newcard_show(r->made);
    text_next(cli, r);
    fflush(stdout);
    warn_bundles(cli, r);
    warn_slots(cli, r);
}

static json_t *json_slot(const struct slot *s)
{
    json_t *o = cert_json(s->cert), *remarks = json_array();

    if (o == NULL || remarks == NULL) {
        json_decref(o);
        json_decref(remarks);
        return NULL;
    }
    for (size_t i = 0; i < s->remarks.n; i++)
        json_array_append_new(remarks, json_text(s->remarks.text[i]));
    json_object_set_new(o, "file", json_text(s->bundle->path));
    json_object_set_new(o, "slot", json_string(s->ref->name));
    json_object_set_new(o, "key", json_string(s->key->alg->name));
    json_object_set_new(o, "label", json_text(s->key->name));
    json_object_set_new(o, "how", json_string(how_word(s->how)));
    json_object_set_new(o, "reason", json_string(s->reason));
    json_object_set_new(o, "retired_to", s->retired == NULL ? json_null() : json_string(s->retired->name));
    json_object_set_new(o, "warnings", remarks);
    return o;
}

static json_t *json_files(const struct report *r)
{
    json_t *files = json_array();

    for (size_t i = 0; i < r->bundles->n; i++) {
        const struct p12 *p = r->bundles->of[i].p12;

        json_array_append_new(files, json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:b, s:s?}", "file",
                                               json_text(r->bundles->of[i].path), "keys", (json_int_t)p->key_bags,
                                               "certificates", (json_int_t)p->cert_bags, "revocation_lists",
                                               (json_int_t)p->crls, "secrets", (json_int_t)p->secrets, "others",
                                               (json_int_t)p->others, "integrity_checked", p->protected,
                                               "password_form", p->password));
    }
    return files;
}

json_t *report_json(const struct report *r)
{
    json_t *o = json_object(), *keys = json_array(), *chain = json_array();
    char guid[2 * sizeof r->card->guid + 1], subject[CERT_TEXT];

    hex_text(in_of(r->card->guid, sizeof r->card->guid), guid);
    for (size_t i = 0; i < r->slots->n; i++)
        json_array_append_new(keys, json_slot(&r->slots->of[i]));
    for (size_t i = 0; i < r->slots->n_chain; i++) {
        cert_subject(r->slots->chain[i], subject);
        json_array_append_new(chain, json_text(subject));
    }
    json_object_set_new(o, "card", json_text(r->name));
    json_object_set_new(o, "path", json_text(r->path));
    json_object_set_new(o, "new", json_boolean(r->made != NULL));
    json_object_set_new(o, "written", json_boolean(!r->dry && r->slots->changed));
    if (!r->dry)
        json_object_set_new(o, "guid", json_string(guid));
    json_object_set_new(o, "files", json_files(r));
    json_object_set_new(o, "keys", keys);
    json_object_set_new(o, "chain", chain);
    json_object_set_new(o, "left_out", json_integer((json_int_t)r->slots->left_out));
    json_object_set_new(o, "reader", r->in_reader ? json_integer(r->reader) : json_null());
    if (r->made != NULL && !r->dry)
        newcard_json(r->made, o);
    return o;
}
