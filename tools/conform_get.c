/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_get.c — rows of group 3: GET DATA and GET RESPONSE. */
#include "tools/conform_judge.h"

static bool get_19(struct judge *j)
{
    static const unsigned sizes[] = { 1, 127, 128, 255, 256, 257, 511, 512, 1300, 3000, 16384 };

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        /* 1336 bytes are the least that this object must hold (P1, appendix A), 16384 this card's limit. */
        const char *answer = sizes[i] > 1336 ? "9000~6A84" : "9000";
        if (!playf(j, "v := pattern %u; put 5FC106 {v} -> %s", sizes[i], answer))
            return false;
        if (j->sw == 0x9000 && !play(j, "get 5FC106 -> 53* 9000+ =a; x := at 53 {a}; check equal {x} {v};"
                                        "house: get 5FC106 -> 53({v}) 9000+"))
            return false;
    }
    return true;
}

static bool get_03(struct judge *j)
{
    if (!play(j, "get 7E -> * 9000~6A82+"))
        return false;
    j->result->came[0] = '\0';
    if (j->sw != 0x9000)
        return does_not_apply(j, "the card has no discovery object, which is an option");
    return play(j, "get 7E -> 7E* 9000+ =a; x := at 7E/4F {a}; check equal {x} {aid}; x := at 7E/5F2F {a}");
}

const struct row rows_get[] = {
    { "GET-01", "F", "the CHUID is there", "get 5FC102 -> 53* 9000+", NULL, "P2 3.1.2" },
    { "GET-02", "F", "the CCC is there", "get 5FC107 -> 53* 9000+", NULL, "P1 3.1.1" },
    { "GET-03", "F", "the discovery object comes without 53 around it",
      NULL, get_03, "P1 3.3.2" },
    { "GET-04", "P 9A:00 9C:00 9D:00 9E:00", "the four certificates are read without a PIN",
      "each 5FC105 5FC10A 5FC10B 5FC101: get {.} -> * 9000+ =a, x := at 53/70 {a}, x := at 53/71 {a},"
      "x := at 53/FE {a}", NULL, "P1 3.5" },
    { "GET-05", "P 82:00", "the key history is there", "get 5FC10C -> 53* 9000+ =a; x := at 53/C1 {a};"
      "x := at 53/C2 {a}; x := at 53/FE {a}", NULL, "P1 3.3.3" },
    { "GET-06", "P 82:00 95:00", "retired certificates are read without a PIN",
      "each 5FC10D 5FC120: get {.} -> * 9000+ =a, x := at 53/70 {a}", NULL, "P1 3.3.4" },
    { "GET-07", "F", "printed information wants the PIN", "get 5FC109 -> 6982~6A82", NULL, "P1 3.5" },
    { "GET-08", "F pin", "printed information with the PIN: what is there, or that nothing is",
      "o := object 5FC109", NULL, "P1 3.5" },
    { "GET-09", "F", "biometric objects want the PIN",
      "each 5FC103 5FC108 5FC121: get {.} -> 6982~6A82", NULL, "P1 3.5" },
    { "GET-10", "F pin", "biometric objects with the PIN: what is there, or that nothing is",
      "each 5FC103 5FC108 5FC121: o := object {.}", NULL, "P1 3.5" },
    { "GET-11", "F", "the pairing code wants the PIN", "get 5FC123 -> 6982~6A82", NULL, "P1 3.3.8" },
    { "GET-12", "F factory pin", "what is empty and what does not exist are told alike",
      "each 5FC105 5FC103 5FC106 5FC108 5FC109 5FC101 5FC10A 5FC10B 5FC10C 5FC10D 5FC11F 5FC120 5FC121 5FC122 5FC123"
      " 7F61: get {.} -> * 6A82~9000+; get 5FC1FE -> 6A82", NULL, "P2 3.1.2" },
    { "GET-13", "F", "tags that no one has given out are not found",
      "each 5FC1FF 5FFFFF 05CF20: get {.} -> 6A82", NULL, "P2 3.1.2" },
    { "GET-14", "F", "P1 P2 other than 3FFF are refused",
      "each 3FFE 00FF 3F00: 00CB{.}[5C({any})]00 -> 6A86~err", NULL, "P2 3.1.2" },
    { "GET-15", "F", "another tag than 5C is wrong data",
      "00CB3FFF[5D(5FC102)]00 -> 6A80~err", NULL, "P2 3.1.2" },
    { "GET-16", "F", "a tag list whose length does not fit is wrong data",
      "00CB3FFF[5C04_5FC102]00 -> 6A80~err; 00CB3FFF[5C02_5FC102]00 -> 6A80~err", NULL, "P2 3.1.2" },
    { "GET-17", "F", "no tag list, or an empty one, is wrong data",
      "00CB3FFF -> 6A80~err; 00CB3FFF00 -> 6A80~err; 00CB3FFF[5C]00 -> 6A80~err; 00CB3FFF[5C()]00 -> 6A80~err",
      NULL, "P2 3.1.2" },
    { "GET-18", "F", "two tags in one list are wrong data",
      "00CB3FFF[5C(5FC1025FC107)]00 -> 6A80~err", NULL, "P2 3.1.2" },
    { "GET-19", "F adm write saves:5FC106", "objects of every size come back byte for byte",
      NULL, get_19, "P2 3.1.2" },
    { "GET-20", "F", "another command drops what was waiting for GET RESPONSE",
      "00CB3FFF[5C({any})]08 -> ?8 61xx; try -> T; 00C0000000 -> 6985~err", NULL, "7816-4 7.6.1" },
    { "GET-21", "F", "GET RESPONSE with nothing waiting is refused",
      "00C0000000 -> 6985~err", NULL, "7816-4 7.6.1" },
    { "GET-22", "F", "GET RESPONSE has P1 P2 of zero",
      "each 0100 0001: 00CB3FFF[5C({any})]08 -> ?8 61xx, 00C0{.}00 -> 6A86~err", NULL, "7816-4 7.6.1" },
    { "GET-23", "F", "GET RESPONSE gives as much as is asked for, then the rest",
      "o := object {any}; 00CB3FFF[5C({any})]08 -> ?8=a 61xx; 00C0000004 -> ?4=b 61xx; 00C00000FF -> * 9000+ =c;"
      "check equal {o} {a}{b}{c}", NULL, "7816-4 7.6.1" },
    { "GET-24", "F", "nothing lists the card's objects",
      "00CB3FFF[5C()]00 -> 6A80~err; get 5FC100 -> 6A80|6A82", NULL, "house" },
    { "GET-25", "F", "a client that asks eight bytes first and then all of it gets all of it",
      "each {any}: o := object {.}, h := left 8 {o}, 00CB3FFF[5C({.})]08 -> {h} 61xx,"
      "00CB3FFF[5C({.})]00 -> {o} 9000+", NULL, "OpenSC" },
    { .id = NULL },
};
