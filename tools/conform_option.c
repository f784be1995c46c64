/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_option.c — rows of group 12: options that are not there, contactless, secure messaging. */
#include "tools/conform_judge.h"

static bool names_no_suite(struct judge *j)
{
    return !j->secure || fail(j, "SELECT announces secure messaging");
}

const struct row rows_opt[] = {
    { "OPT-01", "F nosm", "without secure messaging its key establishment is refused and not announced",
      "piv: each 27 2E: 0087{.}04[7C(81({00*74})82())]00 -> 6A86;"
      "yk: each 27 2E: 0087{.}04[7C(81({00*74})82())]00 -> 6A80|6A86; get 5FC122 -> 6A82",
      names_no_suite, "P2 4.1" },
    { "OPT-02", "F nosm", "without secure messaging its class byte is refused",
      "0CCB3FFF[5C(7E)]00 -> 6882; 1C870799[{00*8}] -> 6882; 0C200080 -> 6882", NULL, "P2 4.2" },
    { "OPT-03", "F noocc", "without on-card comparison its references and its object are not there",
      "each 96 97: 002000{.} -> 6A88; get 7F61 -> 6A82", NULL, "P2 3.2.1" },
    { "OPT-04", "hands", "by contact every row holds by the contact rules",
      "it is what groups 1 to 11 say together",
      NULL, "P1 3.5" },
    { .id = NULL },
};

const struct row rows_ctl[] = {
    { "CTL-01", "P ctl", "what is read without contact is what may be", NULL, NULL, "P1 3.5" },
    { "CTL-02", "P ctl", "what may not be read without contact is not", NULL, NULL, "P1 3.5" },
    { "CTL-03", "P ctl", "the PIN is not taken without contact", NULL, NULL, "P2 3.2.1" },
    { "CTL-04", "P ctl", "nothing is changed without contact", NULL, NULL, "P2 3" },
    { "CTL-05", "P ctl", "9E signs without contact", NULL, NULL, "P1 5.1" },
    { "CTL-06", "P ctl", "the other keys do not work without contact", NULL, NULL, "P1 5.1" },
    { "CTL-07", "P ctl", "the management key does not work without contact", NULL, NULL, "P1 5.1" },
    { "CTL-08", "P ctl", "the PUK is not changed without contact", NULL, NULL, "P2 3.2.2" },
    { .id = NULL },
};

const struct row rows_sm[] = {
    { "SM-01", "P sm", "a session is established", NULL, NULL, "P2 4.1" },
    { "SM-02", "P sm", "commands inside it do what they do outside", NULL, NULL, "P2 4.2" },
    { "SM-03", "P sm", "a bit flipped ends it", NULL, NULL, "P2 4.2" },
    { "SM-04", "P sm", "a plain command inside it", NULL, NULL, "P2 4.2" },
    { "SM-05", "P sm", "a command replayed is refused", NULL, NULL, "P2 4.2" },
    { "SM-06", "P sm", "a host key that is none is refused", NULL, NULL, "P2 4.1" },
    { "SM-07", "P sm ctl", "with the pairing code the card behaves as by contact", NULL, NULL, "P1 5.5" },
    { "SM-08", "P sm ctl", "a wrong pairing code", NULL, NULL, "P2 3.2.1" },
    { "SM-09", "P sm ctl", "the PIN is blocked over the air before it is by contact",
      NULL, NULL, "P2 3.2.1" },
    { "SM-10", "P sm", "a secured command with a part missing", NULL, NULL, "P2 4.2" },
    { "SM-11", "P sm", "a new session takes the place of the old one", NULL, NULL, "P2 4.3" },
    { "SM-12", "P sm", "a reset ends it", NULL, NULL, "P2 4.3" },
    { "SM-13", "P sm", "another suite than the card's is refused", NULL, NULL, "P2 3.2.4" },
    { "SM-14", "P sm", "chains and long answers inside it", NULL, NULL, "P2 4.2, OpenSC" },
    { .id = NULL },
};
