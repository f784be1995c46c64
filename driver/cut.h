/* SPDX-License-Identifier: BSD-2-Clause */
/* cut.h — a card whose power goes at its n-th write: between applet and card file. */
#ifndef VPIV_DRIVER_CUT_H
#define VPIV_DRIVER_CUT_H

#include "applet/env.h"

struct cut {
    struct piv_env inner;
    unsigned at;  /* this write from now on does not happen, nor does any after it; 0 = none is cut */
    bool fell;    /* it has happened */
};

/* cut_env — an env that writes through `cut`, which it borrows: the card file itself and each change of its tries are
 * one write. */
struct piv_env cut_env(struct cut *cut, const struct piv_env *inner);

#endif
