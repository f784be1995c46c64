#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# coverage.sh — how much of applet/ and conf/ the unit tests reach: lines and branches of each file, by gcov.
#
#   make coverage          the report; a folder ./coverage with FILE.gcov of each file, where ##### marks what is missed
set -eu
top_srcdir=${VPIV_TOP_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
programs=${PROGRAMS:-check_vpiv check_conform memory fuzz_apdu}
mkdir -p coverage
cd coverage
"$top_srcdir/configure" -q CC=gcc CFLAGS='-O0 -g --coverage' >configure.log 2>&1
# shellcheck disable=SC2086 # a list of programs
make -s $programs >make.log 2>&1 || {
    cat make.log >&2
    exit 1
}
find . -name '*.gcda' -exec rm -f {} +
for program in $programs; do
    VPIV_TOP_SRCDIR=$top_srcdir "./$program" >"$program.log" 2>&1 || {
        grep -v '^ok' "$program.log" >&2
        exit 1
    }
done

report() { # folder: one line a file, and a total
    find "$1" -name '*.gcno' ! -name '*check_vpiv*' -print0 | sort -z |
        xargs -0 gcov -b -o "$1/.libs" 2>/dev/null |
        awk -v folder="$1" '
            /^$/ { ours = 0 }
            /^File / { file = $2; gsub("\047", "", file); ours = index(file, "/" folder "/") && file ~ /\.c$/
                       sub(".*/" folder "/", folder "/", file) }
            ours && /^Lines executed:/ { split($2, l, /[:%]/); lines[file] = l[2]; n_lines[file] = $4 }
            ours && /^Taken at least once:/ { split($4, b, /[:%]/); branches[file] = b[2]; n_branches[file] = $6 }
            END {
                for (f in lines) {
                    printf "%-28s lines %6.2f %% of %4d   branches %6.2f %% of %4d\n", f, lines[f], n_lines[f],
                           ((f in branches) ? branches[f] : 100), n_branches[f] | "sort"
                    ln += n_lines[f]; lh += n_lines[f] * lines[f] / 100
                    bn += n_branches[f]; bh += n_branches[f] * branches[f] / 100
                }
                close("sort")
                if (ln > 0)
                    printf "%-28s lines %6.2f %% of %4d   branches %6.2f %% of %4d\n\n", folder "/", 100 * lh / ln, ln,
                           (bn > 0 ? 100 * bh / bn : 100), bn
            }'
}
report applet
report conf
