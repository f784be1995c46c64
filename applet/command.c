/* SPDX-License-Identifier: BSD-2-Clause */
/* command.c — the table of commands. */
#include "applet/command.h"

enum access { ANYONE, ADMIN, BY_DATA };

#define ANY (-1)
#define any NULL
#define YK SET_YUBIKEY
#define PIV APPLICATION_PIV
#define MGR APPLICATION_MANAGEMENT
#define OTP APPLICATION_OTP
#define EACH (APPLICATION_NONE | APPLICATION_PIV | APPLICATION_MANAGEMENT | APPLICATION_OTP)

/* Every command the card answers.  P1, P2: the only value, or ANY = the handler judges.  GET RESPONSE is not here:
 * it belongs to the transport (applet.c). */
static const struct command {
    uint8_t ins;
    int p1, p2;
    unsigned sets;         /* command sets that have it */
    unsigned applications; /* it belongs to */
    unsigned feature;      /* of the firmware, or 0 */
    enum access access;    /* BY_DATA: the handler asks the row of the object or key */
    bool (*names)(const struct piv *p, const struct apdu *c); /* P1, P2 name what it works on, on this card */
    sw_t (*run)(struct piv *p, const struct apdu *c, struct out *rsp);
} commands[] = {
/*    INS   P1    P2    sets     app   feature           access   names           handler          SP 800-73-5 Part 2 */
    { 0xA4, ANY,  ANY,  SET_ALL, EACH, 0,                ANYONE,  any,            cmd_select },            /* 3.1.1 */
    { 0xCB, 0x3F, 0xFF, SET_ALL, PIV,  0,                BY_DATA, any,            cmd_get_data },          /* 3.1.2 */
    { 0x20, ANY,  ANY,  SET_ALL, PIV,  0,                ANYONE,  any,            cmd_verify },            /* 3.2.1 */
    { 0x24, 0x00, ANY,  SET_ALL, PIV,  0,                ANYONE,  any,            cmd_change_reference },  /* 3.2.2 */
    { 0x2C, 0x00, ANY,  SET_ALL, PIV,  0,                ANYONE,  any,            cmd_reset_retry_counter }, /* 3.2.3 */
    { 0x87, ANY,  ANY,  SET_ALL, PIV,  0,                BY_DATA, any,            cmd_general_authenticate },/* 3.2.4 */
    { 0xDB, 0x3F, 0xFF, SET_ALL, PIV,  0,                ADMIN,   any,            cmd_put_data },          /* 3.3.1 */
    { 0x47, 0x00, ANY,  SET_ALL, PIV,  0,                ADMIN,   generate_names, cmd_generate },          /* 3.3.2 */
    /*                                                                                                      Yubico */
    { 0xFD, 0x00, 0x00, YK,      PIV,  0,                ANYONE,  any,            cmd_version },
    { 0xF8, 0x00, 0x00, YK,      PIV,  FEATURE_SERIAL,   ANYONE,  any,            cmd_serial },
    { 0xF7, 0x00, ANY,  YK,      PIV,  FEATURE_METADATA, ANYONE,  any,            cmd_metadata },
    { 0xFA, ANY,  ANY,  YK,      PIV,  0,                ADMIN,   any,            cmd_set_retries },
    { 0xFB, 0x00, 0x00, YK,      PIV,  0,                ANYONE,  any,            cmd_reset },
    { 0xFE, ANY,  ANY,  YK,      PIV,  0,                ADMIN,   import_names,   cmd_import },
    { 0xFF, 0xFF, ANY,  YK,      PIV,  0,                ADMIN,   touch_names,    cmd_set_management },
    { 0xF9, ANY,  0x00, YK,      PIV,  0,                ANYONE,  any,            cmd_attest },
    { 0xF6, ANY,  ANY,  YK,      PIV,  FEATURE_MOVE,     ADMIN,   move_names,     cmd_move },
    { 0x1D, ANY,  0x00, YK,      MGR,  0,                ANYONE,  any,            cmd_read_config },
    { 0x1C, ANY,  ANY,  YK,      MGR,  0,                ANYONE,  any,            cmd_refuse }, /* write config */
    { 0x16, ANY,  ANY,  YK,      MGR,  0,                ANYONE,  any,            cmd_refuse }, /* set mode */
    { 0x1F, ANY,  ANY,  YK,      MGR,  0,                ANYONE,  any,            cmd_refuse }, /* reset the device */
    { 0x01, 0x10, 0x00, YK,      OTP,  FEATURE_OTP,      ANYONE,  any,            cmd_serial },
};

#undef any
#undef YK
#undef PIV
#undef MGR
#undef OTP
#undef EACH

/* The row, if this card has the command and the application it belongs to is selected. */
static const struct command *command_by_ins(const struct piv *p, uint8_t ins)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const struct command *row = &commands[i];

        if (row->ins == ins && (row->sets & piv_set(p)) != 0 && (row->applications & p->application) != 0 &&
            (row->feature & ~piv_features(p)) == 0)
            return row;
    }
    return NULL;
}

/* What people read in traces: the standard's names, and Yubico's.  One for each row above, and the transport's. */
static const struct {
    uint8_t ins;
    const char *name;
} names[] = {
    { 0xA4, "SELECT" },
    { 0xCB, "GET DATA" },
    { 0x20, "VERIFY" },
    { 0x24, "CHANGE REFERENCE DATA" },
    { 0x2C, "RESET RETRY COUNTER" },
    { 0x87, "GENERAL AUTHENTICATE" },
    { 0xDB, "PUT DATA" },
    { 0x47, "GENERATE ASYMMETRIC KEY PAIR" },
    { 0xFD, "GET VERSION" },
    { 0xF8, "GET SERIAL" },
    { 0xF7, "GET METADATA" },
    { 0xFA, "SET PIN RETRIES" },
    { 0xFB, "RESET" },
    { 0xFE, "IMPORT ASYMMETRIC KEY" },
    { 0xFF, "SET MANAGEMENT KEY" },
    { 0xF9, "ATTEST" },
    { 0xF6, "MOVE KEY" },
    { 0x1D, "READ CONFIG" },
    { 0x1C, "WRITE CONFIG" },
    { 0x16, "SET MODE" },
    { 0x1F, "RESET DEVICE" },
    { 0x01, "API REQUEST" },
    { 0xC0, "GET RESPONSE" },
};

const char *command_name(uint8_t ins)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].ins == ins)
            return names[i].name;
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
    /* A wrong name is a wrong parameter before it is a question of rights. */
    if (row->names != NULL && !row->names(p, c))
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
