#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_house.sh — the rules of the tree that a script can see.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

cd "$top_srcdir" || exit 99
shopt -s nullglob
folders='applet conf driver tools'
# The product; tests are tables of cases more than code, and may be as wide and long as their tables.
product_files() { printf '%s\n' {applet,conf,driver,tools}/*.[ch]; }
c_files() { printf '%s\n' {applet,conf,driver,tools,tests}/*.[ch]; }

# --- licence and size -------------------------------------------------------------------------------------------------
licence_missing() {
    local f
    for f in $(c_files) tests/*.sh tests/bench/* tools/*.sh */local.mk autogen.sh configure.ac Makefile.am doc/*.[1-8] doc/*.in; do
        head -n 3 "$f" | grep -q 'SPDX-License-Identifier: BSD-2-Clause' || echo "$f"
    done
}
is "every source file names its licence" "$(licence_missing)" ""

one_job_missing() { # the second line says what the file is for, and starts with the file's name
    local f
    for f in $(c_files); do sed -n 2p "$f" | grep -qF "/* $(basename "$f") — " || echo "$f"; done
}
is "every C file says in one line what it is for" "$(one_job_missing)" ""
is "no C file is longer than 500 lines" "$(product_files | xargs wc -l | awk '$2 != "total" && $1 > 500')" ""
is "no function is longer than 60 lines" \
    "$(c_files | grep 'c$' | xargs awk 'FNR == 1 { open = 0 } /^{/ { open = FNR } /^}/ && open { if (FNR - open - 1 > 60)
        print FILENAME ":" open ": " FNR - open - 1 " lines"; open = 0 }')" ""
is "no line is longer than 120 columns" "$(product_files | xargs grep -noE '^.{121,}$' | cut -d: -f1,2)" ""
is "indentation is by spaces" "$(c_files | xargs grep -nP '^ *\t')" ""

# --- who includes whom: driver → conf → applet, tools → conf → applet ---------------------------------------------------
includes() { grep -noE '^ *# *include +"[^"]+"' "$1" | sed -E 's/:.*"([^"]+)"/: \1/'; }
wrong_includes() { # folder allowed-regex
    local f
    for f in "$1"/*.[ch]; do includes "$f" | grep -vE ": ($2)\$" | sed "s|^|$f:|"; done
}
public='applet/(alg|apdu|applet|card|env|err|keyref|object|persona|seal|secret|tlv)\.h'
is "applet/ includes nothing but itself" "$(wrong_includes applet 'applet/[a-z0-9_]+\.h')" ""
is "conf/ includes itself and what applet/ shows" "$(wrong_includes conf "conf/[a-z0-9_]+\\.h|config\\.h|$public")" ""
is "driver/ includes itself, conf/ and what applet/ shows" \
    "$(wrong_includes driver "(driver|conf)/[a-z0-9_]+\\.h|config\\.h|$public")" ""
is "tools/ includes itself, conf/ and applet/" \
    "$(wrong_includes tools '(tools|conf|applet)/[a-z0-9_]+\.h|config\.h')" ""
is "applet/ includes no library but libcrypto, zlib and the C standard's" \
    "$(grep -nE '^ *# *include +<' applet/*.[ch] |
        grep -vE '<(openssl/[a-z0-9_]+|zlib|assert|ctype|errno|inttypes|limits|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings)\.h>')" ""
is "only conf/ knows libconfig" "$(grep -lE 'include +<libconfig\.h>' {applet,driver,tools}/*.[ch])" ""
is "only tools/ knows JSON" "$(grep -lE 'include +<jansson\.h>' {applet,conf,driver}/*.[ch])" ""
is "only driver/ and tools/ know PC/SC" "$(grep -lE 'include +<(winscard|ifdhandler|pcsclite|reader)\.h>' {applet,conf}/*.[ch])" ""

# --- files in directories that others may write in ------------------------------------------------------------------------
is "nobody changes the mode or owner of what a name leads to" \
    "$(grep -nE '\b(chmod|chown|fchmodat|fchownat) *\(' {applet,conf,driver,tools}/*.c | grep -v AT_SYMLINK_NOFOLLOW)" ""

# --- every header compiles alone ------------------------------------------------------------------------------------------
headers_that_lean() {
    local f cflags
    cflags=$(pkg-config --cflags libcrypto libpcsclite libconfig jansson zlib check 2>/dev/null)
    for f in {applet,conf,driver,tools,tests}/*.h; do
        echo "#include \"$f\"" >"$scratch/alone.c"
        # shellcheck disable=SC2086 # a list of options
        ${CC:-cc} -std=c11 -D_GNU_SOURCE -I. -I"$top_builddir" $cflags -Wall -Wextra -Werror -fsyntax-only \
            "$scratch/alone.c" >"$scratch/alone.log" 2>&1 || { echo "$f"; head -n 3 "$scratch/alone.log"; }
    done
}
is "every header compiles alone" "$(headers_that_lean)" ""

# --- what the linker sees ----------------------------------------------------------------------------------------------------
if [ -e "$VPIV_DRIVER" ]; then
    is "the driver exports IFDH… and nothing else" \
        "$(nm -D --defined-only "$VPIV_DRIVER" | awk '$3 !~ /^IFDH/ { print $3 }')" ""
    is "it exports all that pcscd looks for" "$(
        for f in CreateChannel CreateChannelByName CloseChannel GetCapabilities SetCapabilities SetProtocolParameters \
            PowerICC TransmitToICC ICCPresence Control; do
            nm -D --defined-only "$VPIV_DRIVER" | grep -q " T IFDH$f\$" || echo "IFDH$f"
        done
    )" ""
else
    fail "the driver is built" "$VPIV_DRIVER is missing"
fi
mutable() { # objects in sections that can be written: const data with addresses in it lies in .data.rel.ro
    objdump -t "$top_builddir/.libs/lib$1.a" 2>/dev/null |
        awk 'NF > 4 && $(NF-2) ~ /^\.(bss|data)$/ && / O / { print $NF }' | grep -v '^__'
}
for library in applet conf; do
    is "$library/ has no variable outside a function" "$(mutable "$library")" ""
done

# --- what people read ----------------------------------------------------------------------------------------------------------
verbs=$("$VPIV" --help 2>/dev/null | sed -n 's/^  *\([a-z]\{2,\}\)  .*/\1/p')
unlike "vpiv --help lists its verbs" "$verbs" '^$'
for verb in $verbs; do
    like "vpiv $verb --help shows how" "$("$VPIV" "$verb" --help 2>&1)" "vpiv $verb"
    ok "vpiv(1) describes $verb" grep -qE "^\\.(S[sS]|It Nm|TP|B|SH)? *.*\\b$verb\\b" doc/vpiv.1
done

done_testing
