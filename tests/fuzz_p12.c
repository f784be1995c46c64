/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_p12.c — any bytes as a PKCS#12 bundle: read, judged and put onto a card in memory.
 *
 * The first byte chooses the password.  The code is that of the command, with a low limit on rounds; what lies behind
 * a MAC is reached by bundles without one.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz.h"
#include "tools/trial.h"

static void read_one(OSSL_LIB_CTX *lib, struct in file, const struct secret *password)
{
    struct bundle bundle = { "fuzz", NULL };
    struct why why = { "" };
    struct card *card = NULL;
    struct slots slots;
    struct trial_world world;

    if (p12_read(lib, file, password, FUZZ_P12_ITERATIONS, &bundle.p12, &why) != ERR_NONE)
        return;
    if (bundle_check(&bundle, &why) == ERR_NONE && trial_world_open(&world) == ERR_NONE) {
        struct bundles bundles = { 1, { bundle } };
        struct slots_wish wish = { .chain_slots = true };
        struct piv_env env = trial_env(&world);

        if (trial_blank(&world, &personas[0], &card) == ERR_NONE &&
            slots_fill(&env, card, &bundles, &wish, &slots, &why) != ERR_NONE && why.text[0] == '\0')
            abort(); /* a failure without a sentence */
        card_free(card);
        trial_world_close(&world);
    }
    p12_free(bundle.p12);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const passwords[] = {
        [FUZZ_P12_PASSWORD] = "Passw0rd", "", "Gr\xC3\xB6\xC3\x9F\x65",
    };
    static struct p12_library library;
    struct in in = in_of(data, size);
    struct secret *password;
    const char *text;
    uint8_t choice;

    if (library.ctx == NULL && (!secret_heap() || p12_library_open(&library) != ERR_NONE))
        abort();
    if (!in_u8(&in, &choice))
        return 0;
    text = passwords[choice % (sizeof passwords / sizeof passwords[0])];
    password = secret_copy(in_of(text, strlen(text)));
    read_one(library.ctx, in, password);
    secret_free(password);
    return 0;
}
