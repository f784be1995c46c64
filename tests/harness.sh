# SPDX-License-Identifier: BSD-2-Clause
# harness.sh — what the shell tests share: TAP, a scratch directory, the build tree, a test CA, waiting.
#
# A test sources this file and speaks through it:
#     . "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"
#     ok "what is promised" command args…     passes when the command succeeds
#     is "what is promised" GOT WANTED        passes when both strings are equal
#     like "what is promised" GOT REGEX       passes when GOT matches the extended regular expression
#     skip "what is promised" "reason"        neither passes nor fails
#     done_testing                            the plan, at the end
# Nothing sleeps: wait_for SECONDS command… tries until the command succeeds or the time is over.

set -u
export LC_ALL=C.UTF-8 TZ=UTC
unset SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE PCSCLITE_CSOCK_NAME VPIV_READER_DIR OPENSSL_CONF

top_srcdir=$(cd "${VPIV_TOP_SRCDIR:-$(dirname "${BASH_SOURCE[0]}")/..}" && pwd)
top_builddir=${VPIV_TOP_BUILDDIR:-$top_srcdir/build}

tap_n=0
tap_failed=0
scratch=$(mktemp -d "${TMPDIR:-/tmp}/vpiv-test.XXXXXX") || exit 99
children=

# Kill what the test started (recorded by `started`), then remove the scratch directory.
tap_end() {
    local status=$? pid
    trap - EXIT
    for pid in $children; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    cd / && rm -rf "$scratch"
    [ "$status" -ne 0 ] && exit "$status"
    [ "$tap_failed" -eq 0 ]
    exit
}
trap tap_end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
started() { children="$children $1"; }

diag() { printf '%s\n' "$@" | sed 's/^/# /'; }

tap_line() { # ok|"not ok" name
    tap_n=$((tap_n + 1))
    printf '%s %d - %s\n' "$1" "$tap_n" "$2"
    [ "$1" = ok ] || tap_failed=$((tap_failed + 1))
}
pass() { tap_line ok "$1"; }
fail() { # name [diagnosis…]
    tap_line "not ok" "$1"
    shift
    [ $# -eq 0 ] || diag "$@"
    return 1
}
skip() { tap_line ok "$1 # SKIP ${2:-}"; }

ok() {
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then
        pass "$name"
    else
        fail "$name" "status $?: $*" "$out"
    fi
}
not_ok() { # the command must fail
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then
        fail "$name" "should have failed: $*" "$out"
    else
        pass "$name"
    fi
}
is() {
    if [ "$2" = "$3" ]; then
        pass "$1"
    else
        fail "$1" "got:    $2" "wanted: $3"
    fi
}
like() {
    if printf '%s\n' "$2" | grep -qE -- "$3"; then
        pass "$1"
    else
        fail "$1" "got: $2" "wanted a match of: $3"
    fi
}
unlike() {
    if printf '%s\n' "$2" | grep -qE -- "$3"; then
        fail "$1" "got: $2" "wanted no match of: $3"
    else
        pass "$1"
    fi
}
done_testing() { printf '1..%d\n' "$tap_n"; }
skip_all() { # reason; before any test
    printf '1..0 # SKIP %s\n' "$1"
    exit 0
}

have() { command -v "$1" >/dev/null 2>&1; }
