/* SPDX-License-Identifier: BSD-2-Clause */
/* slip.c — a tries record for tests. */
#include "tests/slip.h"

#include <stdio.h>
#include <string.h>

#include <check.h>

const uint8_t slip_guid[16] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
                                0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x00 };
const struct tries slip_three = { { 3, 3, 0 }, { 3, 3, 0 } };

struct slip slip;

void slip_make(void)
{
    struct why why = { "" };

    scratch_make(slip.scratch);
    ck_assert_int_eq(state_open(slip.scratch, true, false, NULL, &slip.state, &why), ERR_NONE);
    ck_assert_int_eq(tries_create(slip.state, slip_guid, &slip_three, SLIP_GENERATION, &why), ERR_NONE);
    ck_assert_str_eq(why.text, "");
    snprintf(slip.directory, sizeof slip.directory, "%s/tries/112233445566778899aabbccddeeff00", slip.scratch);
    for (int i = 0; i < RECORD_FILES; i++)
        snprintf(slip.files[i], sizeof slip.files[i], "%s/%d", slip.directory, i);
    slip.memory = (struct tries_memory){ 0, 0 };
}

void slip_remove(void)
{
    state_close(slip.state);
    scratch_remove(slip.scratch);
}

/* What a host does for one guess, or one look. */
enum err slip_load(struct tries *tries, uint64_t *generation)
{
    struct tries_lock lock;
    enum err e = tries_lock(slip.state, slip_guid, &lock);

    memset(tries, 0, sizeof *tries);
    if (e != ERR_NONE)
        return e;
    lock.memory = slip.memory;
    e = tries_load(slip.state, &lock, slip_guid, tries, generation);
    slip.memory = lock.memory;
    tries_unlock(&lock);
    return e;
}

enum err slip_set_left(uint8_t left)
{
    struct tries_lock lock;
    struct tries tries;
    uint64_t generation;
    enum err e = tries_lock(slip.state, slip_guid, &lock);

    if (e != ERR_NONE)
        return e;
    lock.memory = slip.memory;
    e = tries_load(slip.state, &lock, slip_guid, &tries, &generation);
    if (e == ERR_NONE) {
        tries.left[PIN_APPLICATION] = left;
        e = tries_save(slip.state, &lock, slip_guid, &tries, generation);
    }
    slip.memory = lock.memory;
    tries_unlock(&lock);
    return e;
}

uint8_t slip_left(void)
{
    struct tries tries;
    uint64_t generation;

    ck_assert_int_eq(slip_load(&tries, &generation), ERR_NONE);
    return tries.left[PIN_APPLICATION];
}

uint8_t slip_peek(void)
{
    struct tries tries;

    ck_assert_int_eq(tries_peek(slip.state, slip_guid, &slip.memory, &tries), ERR_NONE);
    return tries.left[PIN_APPLICATION];
}
