#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_bench.sh — `make bench` runs, and what of it is counted and not timed holds: a short form of it, without a clock.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

for program in pcscd openssl python3; do
    have "$program" || skip_all "$program is not installed"
done
out=$scratch/out
ok "the bench runs from end to end" bash "$top_srcdir/tests/bench/bench.sh" "$out" 60
[ -s "$out/bench.txt" ] || { diag "$(cat "$out/bench.txt" 2>&1)"; done_testing; exit 1; }

met() { # what is promised, the bar's title
    case $(grep -F "$2" "$out/bench.txt") in
    'not measured'*) skip "$1" "what counts it is not installed" ;;
    met*) pass "$1" ;;
    *) fail "$1" "$(grep -F -A1 "$2" "$out/bench.txt")" ;;
    esac
}
met "an APDU without cryptography takes at most 5,000 instructions" "instructions per APDU without cryptography"
met "it allocates nothing" "allocations per APDU without cryptography"
met "it makes no system call" "system calls per APDU without cryptography"
met "a status query makes one" "system calls of a status query"
met "nothing grows with the number of APDUs" "growth over many APDUs, bytes in use"

# Every section of the table has figures, in JSON too, and the picture is one.
like "each part has its rows" "$(grep -c -E '^(APDUs|Keys, through SC|A card|RSA-2048 sign|Counted|Memory)' "$out/bench.txt")" '^6$'
not_ok "no figure is missing or absurd" grep -qE '(nan|inf|-[0-9]+\.[0-9] us)' "$out/bench.txt"
ok "the JSON has every side of every row" python3 - "$out/bench.json" <<'END'
import json, sys
bench = json.load(open(sys.argv[1]))
rows = bench["rows"]
for row in ("select", "status", "get-1200", "get-3000-short", "sign-p256", "sign-rsa2048", "ecdh-p256"):
    sides = rows[row]["sides"]
    assert {"null", "floor", "vpiv"} <= set(sides), (row, sides)
    assert all(s["min"] <= s["median"] <= s["p99"] <= s["max"] for s in sides.values()), row
for row in ("verify-first", "verify-later", "insert", "remove", "run-true", "import", "rate-2r-8c", "resident-16"):
    assert rows[row]["sides"]["vpiv"]["median"] > 0, row
assert len(bench["bars"]) > 10
END
ok "the picture is well-formed" python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' "$out/bench.svg"
done_testing
