/* SPDX-License-Identifier: BSD-2-Clause */
/* command.c — the table of commands, and SELECT. */
#include "applet/command.h"

enum access { ANYONE, ADMIN, BY_DATA };

#define ANY (-1)

/* Every command the card answers.  P1, P2: the only value, or ANY = the handler judges.  GET RESPONSE is not here:
 * it belongs to the transport (applet.c). */
static const struct command {
    uint8_t ins;
    int p1, p2;
    unsigned sets;      /* command sets that have it */
    enum access access; /* BY_DATA: the handler asks the row of the object or key */
    sw_t (*run)(struct piv *p, const struct apdu *c, struct out *rsp);
} commands[] = {
/*    INS   P1    P2    sets     access   handler                        SP 800-73-5 Part 2 */
    { 0xA4, ANY,  ANY,  SET_ALL, ANYONE,  cmd_select },               /* 3.1.1 */
    { 0xCB, 0x3F, 0xFF, SET_ALL, BY_DATA, cmd_get_data },             /* 3.1.2 */
    { 0x20, ANY,  ANY,  SET_ALL, ANYONE,  cmd_verify },               /* 3.2.1 */
    { 0x24, 0x00, ANY,  SET_ALL, ANYONE,  cmd_change_reference },     /* 3.2.2 */
    { 0x2C, 0x00, ANY,  SET_ALL, ANYONE,  cmd_reset_retry_counter },  /* 3.2.3 */
    { 0x87, ANY,  ANY,  SET_ALL, BY_DATA, cmd_general_authenticate }, /* 3.2.4 */
    { 0xDB, 0x3F, 0xFF, SET_ALL, ADMIN,   cmd_put_data },             /* 3.3.1 */
    { 0x47, 0x00, ANY,  SET_ALL, ADMIN,   cmd_generate },             /* 3.3.2 */
};

static const struct command *command_by_ins(const struct piv *p, uint8_t ins)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (commands[i].ins == ins && (commands[i].sets & piv_set(p)) != 0)
            return &commands[i];
    return NULL;
}

static bool fits(int wanted, uint8_t value)
{
    return wanted == ANY || wanted == value;
}

sw_t command_admit(const struct piv *p, const struct apdu *c)
{
    const struct command *row = command_by_ins(p, c->ins);

    if (row == NULL)
        return SW_INS_NOT_SUPPORTED;
    if (!fits(row->p1, c->p1) || !fits(row->p2, c->p2))
        return SW_WRONG_P1P2;
    /* GENERATE names its key in P2: a wrong one is a wrong parameter before it is a question of rights. */
    if (row->run == cmd_generate && !generate_allows(p, c->p2))
        return SW_WRONG_P1P2;
    if (row->access == ADMIN && (p->status & STATUS_ADMIN) == 0)
        return SW_SECURITY_STATUS;
    return SW_SUCCESS;
}

sw_t command_run(struct piv *p, const struct apdu *c, struct out *rsp)
{
    sw_t sw = command_admit(p, c);

    return sw != SW_SUCCESS ? sw : command_by_ins(p, c->ins)->run(p, c, rsp);
}

/* Any right-truncated form of the AID, down to the RID that real clients send alone. */
enum { RID_SIZE = 5 };

static bool is_piv_aid(struct in aid)
{
    struct in full = piv_aid, prefix;

    return aid.n >= RID_SIZE && in_take(&full, aid.n, &prefix) && in_equal(aid, prefix);
}

/* One AC for each algorithm: 80 holds one identifier, 06 the byte 00 (SP 800-73-5 Part 2, 3.1.1, table 4). */
static void put_algorithms(struct out *rsp)
{
    for (size_t i = 0; i < ALG_COUNT; i++) {
        size_t mark;

        if (algs[i].family == ALG_CIPHER)
            continue;
        mark = tlv_begin(rsp, 0xAC);
        tlv_put_u8(rsp, 0x80, algs[i].id);
        tlv_put_u8(rsp, 0x06, 0x00);
        tlv_end(rsp, mark);
    }
}

static void put_property_template(const struct piv *p, struct out *rsp)
{
    static const char label[] = "vpiv virtual PIV card";
    struct in rid = piv_aid, authority;
    size_t template = tlv_begin(rsp, 0x61), mark;

    tlv_put(rsp, 0x4F, piv_aid);
    mark = tlv_begin(rsp, 0x79);
    if (in_take(&rid, RID_SIZE, &authority))
        tlv_put(rsp, 0x4F, authority);
    tlv_end(rsp, mark);
    tlv_put(rsp, 0x50, in_of(label, sizeof label - 1));
    if (card_announces(p->card))
        put_algorithms(rsp);
    tlv_end(rsp, template);
}

/* SP 800-73-5 Part 2, 3.1.1.  A foreign AID costs nothing: PIV stays selected and every status stays. */
sw_t cmd_select(struct piv *p, const struct apdu *c, struct out *rsp)
{
    enum { BY_FILE = 0x00, BY_NAME = 0x04, NO_DATA = 0x0C };

    if (c->p1 == BY_FILE)
        return SW_NOT_FOUND;
    if (c->p1 != BY_NAME || (c->p2 != 0x00 && c->p2 != NO_DATA))
        return SW_WRONG_P1P2;
    if (!is_piv_aid(c->data))
        return SW_NOT_FOUND;
    if (c->p2 != NO_DATA)
        put_property_template(p, rsp);
    return SW_SUCCESS;
}
