#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh — build a fuzz target with clang, ASan, UBSan and libFuzzer, and run it for some seconds.
#
#   make fuzz TARGET=apdu TIME=600          or: tests/fuzz.sh apdu 600
#   make fuzz TARGET=apdu TIME=600 DISTIL=1 afterwards, the corpus of the source tree becomes the smallest set of
#                                           inputs that reaches as many branches
#
# The corpus found so far stays in ./fuzz/TARGET; it starts from tests/corpus/TARGET, where there is one.  A finding is a file
# ./fuzz/TARGET-crash-…: `fuzz_TARGET FILE` replays it.
set -eu
top_srcdir=${VPIV_TOP_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
target=${1:-apdu} seconds=${2:-60} build=$PWD out=$PWD/fuzz length=4096
: "${CLANG:=clang}"

# What each target is made of, besides tests/fuzz_TARGET.c.
case $target in
apdu) sources='applet/*.c tests/fake.c' libraries='libcrypto zlib' ;;
cardfile)
    sources='applet/*.c conf/*.c tests/fake.c' libraries='libcrypto libconfig zlib' length=8192
    # libconfig 1.5 loses some memory at the end of a broken string.
    export ASAN_OPTIONS=detect_leaks=0
    ;;
settings) sources='applet/*.c conf/*.c' libraries='libcrypto libconfig zlib' && export ASAN_OPTIONS=detect_leaks=0 ;;
readerdir)
    sources='applet/*.c conf/*.c driver/*.c' libraries='libcrypto libconfig libpcsclite zlib' length=200
    export ASAN_OPTIONS=detect_leaks=0
    ;;
p12)
    sources='applet/*.c tools/bundle.c tools/certinfo.c tools/p12*.c tools/plain.c tools/slots.c tools/trial.c'
    libraries='libcrypto jansson zlib'
    ;;
*)
    echo "fuzz.sh: no target $target" >&2
    exit 2
    ;;
esac
command -v "$CLANG" >/dev/null || {
    echo "fuzz.sh: $CLANG is needed" >&2
    exit 77
}

corpus=$top_srcdir/tests/corpus/$target
mkdir -p "$out/$target"
[ -d "$corpus" ] || corpus=
cd "$top_srcdir"
# shellcheck disable=SC2086,SC2046 # lists of files and of options
"$CLANG" -std=c11 -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
    -D_GNU_SOURCE -DVPIV_STATEDIR='"/nowhere/vpiv"' -DVPIV_SYSCONFDIR='"/nowhere"' -I. -I"$build" $(pkg-config --cflags $libraries) "tests/fuzz_$target.c" $sources \
    $(pkg-config --libs $libraries) -o "$out/fuzz_$target"
cd "$out"
dictionary=''
[ ! -e "$top_srcdir/tests/corpus/$target.dict" ] || dictionary=-dict=$top_srcdir/tests/corpus/$target.dict
# shellcheck disable=SC2086 # may be empty
"./fuzz_$target" "$target" ${corpus:+"$corpus"} $dictionary -max_len=$length -timeout=60 \
    -max_total_time="$seconds" -print_final_stats=1 -artifact_prefix="$target-" 2>&1 |
    grep -vE '^#[0-9]+[[:space:]]+(NEW|REDUCE|pulse|RELOAD)|# Uses:|recommended dictionary'
[ "${PIPESTATUS[0]}" -eq 0 ]

if [ -n "${DISTIL:-}" ]; then
    rm -rf "$target.new"
    mkdir "$target.new"
    "./fuzz_$target" -merge=1 -use_counters=0 "$target.new" ${corpus:+"$corpus"} "$target" 2>/dev/null
    mkdir -p "$top_srcdir/tests/corpus"
    rm -rf "$top_srcdir/tests/corpus/$target"
    mv "$target.new" "$top_srcdir/tests/corpus/$target"
    echo "tests/corpus/$target: $(find "$top_srcdir/tests/corpus/$target" -type f | wc -l) inputs"
fi
