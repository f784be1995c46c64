/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_pkcs11.c — rows of group 15: they go through somebody else's PKCS#11 module, not through this program. */
#include "tools/conform_judge.h"

#define HANDS "goes through a PKCS#11 module: left to the tree's own shell tests"

const struct row rows_p11[] = {
    { "P11-01", "hands", "one slot for each card, with constant names", HANDS, NULL, "PKCS#11 5.5" },
    { "P11-02", "hands", "token flags", HANDS, NULL, "PKCS#11 3.2" },
    { "P11-03", "hands", "objects before login", HANDS, NULL, "OpenSC" },
    { "P11-04", "hands", "ids and labels", HANDS, NULL, "OpenSC" },
    { "P11-05", "hands", "login right and wrong", HANDS, NULL, "PKCS#11 5.6" },
    { "P11-06", "hands", "mechanisms", HANDS, NULL, "OpenSC" },
    { "P11-07", "hands", "RSA signatures", HANDS, NULL, "PKCS#11" },
    { "P11-08", "hands", "ECDSA signatures with 9C", HANDS, NULL, "PKCS#11" },
    { "P11-09", "hands", "decryption", HANDS, NULL, "PKCS#11" },
    { "P11-10", "hands", "key agreement", HANDS, NULL, "PKCS#11" },
    { "P11-11", "hands", "private keys stay private", HANDS, NULL, "PKCS#11" },
    { "P11-12", "hands", "key usage", HANDS, NULL, "OpenSC" },
    { "P11-13", "hands", "24 keys and certificates at once", HANDS, NULL, "OpenSC" },
    { "P11-14", "hands", "changing and unblocking the PIN", HANDS, NULL, "OpenSC" },
    { "P11-15", "hands", "generating a key pair", HANDS, NULL, "OpenSC" },
    { "P11-16", "hands", "writing certificates and objects", HANDS, NULL, "OpenSC" },
    { "P11-17", "hands", "a card taken out during a session", HANDS, NULL, "PKCS#11 5.5" },
    { "P11-18", "hands", "another card in the same reader", HANDS, NULL, "PKCS#11" },
    { "P11-19", "hands", "many threads and processes", HANDS, NULL, "PKCS#11 6.7" },
    { "P11-20", "hands", "pkcs11-tool's own test", HANDS, NULL, "OpenSC" },
    { "P11-21", "hands", "two modules at once", HANDS, NULL, "PC/SC" },
    { "P11-22", "hands", "p11-kit, NSS and Java list the same", HANDS, NULL, "-" },
    { "P11-23", "hands", "9C without its own login", HANDS, NULL, "PKCS#11" },
    { "P11-24", "hands", "login at the reader's keys", HANDS, NULL, "PC/SC part 10" },
    { "P11-25", "hands", "compressed and large certificates", HANDS, NULL, "OpenSC" },
    { "P11-26", "hands", "a key without certificate, a certificate without key", HANDS, NULL, "OpenSC" },
    { "P11-27", "hands", "the last try", HANDS, NULL, "PKCS#11 3.2" },
    { .id = NULL },
};
