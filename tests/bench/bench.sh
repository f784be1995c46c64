#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# bench.sh — how long things take (make bench).  One line a figure: what, median, and the worst of how many.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/../..}/tests/harness.sh"

client=$top_builddir/pcsc_client

# milliseconds N command… — the command N times, one after the other.
milliseconds() {
    local n=$1 i start
    shift
    for ((i = 0; i < n; i++)); do
        start=${EPOCHREALTIME/[.,]/}
        "$@" >/dev/null || return 1
        echo $((${EPOCHREALTIME/[.,]/} - start))
    done
}
figure() { # name; microseconds on stdin
    sort -n | awk -v name="$1" '{ t[NR] = $1 } END {
        if (NR == 0) exit 1
        printf "%-60s median %8.2f ms  worst of %d %8.2f ms\n", name, t[int((NR + 1) / 2)] / 1000, NR, t[NR] / 1000 }'
}

milliseconds 50 vpiv run -- "$client" list |
    figure "vpiv run, fresh card, list readers, all gone again"

make_bundle bench 9a P-256 && import bench "$scratch/bench.p12" >/dev/null || exit 1
reader_start bench || exit 1
"$client" exchange 20000 | awk '{ printf "%-60s median %8.3f ms  worst %.3f ms\n", "GET DATA (discovery object) through pcscd", $3, $5 }'
"$client" events "$VPIV_READER_DIR/0" 50 | awk '{ printf "%-60s median %8.3f ms  worst of 50 %.3f ms\n", $1 " until a waiting client knows", $3, $5 }'
reader_stop
