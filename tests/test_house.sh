#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_house.sh — the rules of the tree that a script can see.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

cd "$top_srcdir" || exit 99

without_spdx() {
    local f
    for f in applet/*.[ch] conf/*.[ch] driver/*.[ch] tools/*.[ch] tests/*.[ch] tests/*.sh */local.mk; do
        [ -e "$f" ] || continue
        head -n 3 "$f" | grep -q 'SPDX-License-Identifier: BSD-2-Clause' || echo "$f"
    done
}
is "every source file names its licence" "$(without_spdx)" ""

done_testing
