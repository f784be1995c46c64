#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# bench.sh — how long things take (make bench).  One line a figure: what, median, and the worst of how many.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/../..}/tests/harness.sh"

probe=$top_builddir/pcsc_probe

# microseconds N command… — the command N times, one after the other.
microseconds() {
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
        printf "%-50s median %9.3f ms, worst of %d %9.3f ms\n", name, t[int((NR + 1) / 2)] / 1000, NR, t[NR] / 1000 }'
}
probed() { # name key; pcsc_probe's lines on stdin
    awk -F= -v name="$1" -v key="$2" '$1 == key "_median_us" { median = $2 } $1 == key "_max_us" { max = $2 } END {
        if (median == "") exit 1
        printf "%-50s median %9.3f ms, worst %9.3f ms\n", name, median / 1000, max / 1000 }'
}

microseconds 50 vpiv run -- "$probe" names | figure "vpiv run: fresh card, list readers, all gone"

make_bundle bench 9a P-256 && import bench "$scratch/bench.p12" >/dev/null && reader_start bench || exit 1
# GET DATA of the discovery object: the smallest answer that is not a status word alone.
"$probe" rate vpiv 20000 00CB3FFF035C017E00 00A4040009A0000003080000100000 |
    probed "GET DATA, discovery object, through pcscd" apdu
card=$(readlink "$VPIV_READER_DIR/0/card")
rm "$VPIV_READER_DIR/0/card"
"$probe" events vpiv "$VPIV_READER_DIR/0/card" "$card" 50 >"$scratch/events"
probed "insertion, until a waiting client knows" insert <"$scratch/events"
probed "removal, until a waiting client knows" remove <"$scratch/events"
reader_stop
