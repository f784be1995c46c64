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

# wait_for SECONDS command… — until it succeeds; fails when the time is over.
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.02
    done
}
gone() { ! kill -0 "$1" 2>/dev/null; }
hex() { od -An -v -tx1 | tr -d ' \n'; }
unhex() { # hex digits on stdin, spaces and colons ignored
    printf '%b' "$(tr -d ' :\n' | sed 's/../\\x&/g')"
}

# --- the program under test, in a store of its own ------------------------------------------------------------
VPIV=${VPIV:-$top_builddir/vpiv}
export VPIV_DRIVER=${VPIV_DRIVER:-$top_builddir/.libs/libifdvpiv.so}
export XDG_CONFIG_HOME=$scratch/config XDG_DATA_HOME=$scratch/data XDG_STATE_HOME=$scratch/state
export HOME=$scratch/home
mkdir -m 700 "$HOME"
export PIN=123456 PUK=87654321 PASSWORD=secret

[ -x "$VPIV" ] || {
    echo "Bail out! $VPIV is not built: VPIV_TOP_BUILDDIR names the build directory"
    exit 99
}

# vpiv VERB … — also as root on the test's own store, never on the machine's.
vpiv() {
    local verb=$1
    shift
    "$VPIV" "$verb" --user "$@"
}
# import CARD FILE.p12 … — with the test's PIN, PUK and pass phrase.
import() {
    local card=$1
    shift
    vpiv import -c "$card" --password env:PASSWORD --pin env:PIN --puk env:PUK "$@"
}

# reader_start CARD… — a private pcscd with one reader for each card, for every program started after it.
# reader_start_with OPTION… — the same with any options of `vpiv run`.
# reader_stop — ends it and returns the status of `vpiv run`.  restarting reader_start afterwards is fine.
reader_pid=
reader_start() {
    local card args=()
    for card in "$@"; do args+=(-c "$card"); done
    reader_start_with "${args[@]}"
}
reader_start_with() {
    rm -f "$scratch/reader.env" "$scratch/reader.end"
    mkfifo "$scratch/reader.end"
    # shellcheck disable=SC2016 # expanded inside
    vpiv run "$@" -- sh -c '
        printf "%s\n%s\n" "$PCSCLITE_CSOCK_NAME" "$VPIV_READER_DIR" >"$0/reader.tmp"
        mv "$0/reader.tmp" "$0/reader.env"
        exec cat "$0/reader.end"' "$scratch" 2>"$scratch/reader.log" &
    reader_pid=$!
    started "$reader_pid"
    if ! wait_for 20 test -e "$scratch/reader.env" -o ! -d "/proc/$reader_pid" || ! [ -e "$scratch/reader.env" ]; then
        diag "vpiv run did not start:" "$(cat "$scratch/reader.log")"
        return 1
    fi
    { read -r PCSCLITE_CSOCK_NAME && read -r VPIV_READER_DIR; } <"$scratch/reader.env"
    export PCSCLITE_CSOCK_NAME VPIV_READER_DIR
}
reader_stop() {
    unset PCSCLITE_CSOCK_NAME VPIV_READER_DIR
    [ -d "/proc/$reader_pid" ] || { wait "$reader_pid"; return; }
    : >"$scratch/reader.end" # the writer that cat waits for comes and goes
    wait "$reader_pid"
}
# reader_daemon — the process id of the private pcscd: the one whose arguments lie in the readers' directory's parent.
reader_daemon() {
    local base pid
    [ -n "${PCSCLITE_CSOCK_NAME:-}" ] || return 1
    base=$(dirname "$PCSCLITE_CSOCK_NAME")
    for pid in /proc/[0-9]*; do
        if [ "$(cat "$pid/comm" 2>/dev/null)" = pcscd ] && tr '\0' ' ' <"$pid/cmdline" | grep -qF "$base"; then
            basename "$pid"
            return 0
        fi
    done
    return 1
}

# --- certificates ---------------------------------------------------------------------------------------------
# One issuing CA in $scratch/ca.pem.  Keys are made as the test needs them.
quiet() { "$@" >"$scratch/quiet.log" 2>&1 || { diag "$*" "$(cat "$scratch/quiet.log")"; return 1; }; }

make_key() { # RSA2048|…|P-256|P-384 file
    case $1 in
    RSA*) quiet openssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:${1#RSA}" -out "$2" ;;
    *) quiet openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$1" -out "$2" ;;
    esac
}
make_ca() {
    [ -e "$scratch/ca.pem" ] && return 0
    make_key P-256 "$scratch/ca.key" &&
        quiet openssl req -x509 -new -key "$scratch/ca.key" -out "$scratch/ca.pem" -days 30 -subj "/CN=Test CA"
}
extensions_of() { # role key-kind
    local agree=keyEncipherment
    case $2 in P-*) agree=keyAgreement ;; esac
    echo "basicConstraints=CA:FALSE"
    case $1 in
    9a) printf '%s\n' "keyUsage=critical,digitalSignature" "extendedKeyUsage=clientAuth,msSmartcardLogin" ;;
    9c) printf '%s\n' "keyUsage=critical,digitalSignature,nonRepudiation" "extendedKeyUsage=emailProtection" ;;
    9d) printf '%s\n' "keyUsage=critical,$agree" "extendedKeyUsage=emailProtection" ;;
    9e) printf '%s\n' "keyUsage=critical,digitalSignature" "extendedKeyUsage=2.16.840.1.101.3.6.8" ;;
    server) printf '%s\n' "keyUsage=critical,digitalSignature" "extendedKeyUsage=serverAuth" \
        "subjectAltName=DNS:localhost,IP:127.0.0.1" ;;
    esac
}
# make_cert NAME ROLE KIND [SUBJECT] — NAME.key and NAME.pem in the scratch directory.
make_cert() {
    local at=$scratch/$1
    make_ca && make_key "$3" "$at.key" &&
        quiet openssl req -new -key "$at.key" -out "$at.csr" -subj "${4:-/CN=$1/O=vpiv test}" &&
        extensions_of "$2" "$3" >"$at.ext" &&
        quiet openssl x509 -req -in "$at.csr" -CA "$scratch/ca.pem" -CAkey "$scratch/ca.key" -days 30 \
            -set_serial "0x$(openssl rand -hex 8)" -extfile "$at.ext" -out "$at.pem" &&
        quiet openssl x509 -in "$at.pem" -noout -pubkey -out "$at.pub"
}
# make_bundle NAME ROLE KIND [SUBJECT] — the same, and NAME.p12 under the test's pass phrase.
make_bundle() {
    make_cert "$@" &&
        quiet openssl pkcs12 -export -inkey "$scratch/$1.key" -in "$scratch/$1.pem" -certfile "$scratch/ca.pem" \
            -name "$1" -passout env:PASSWORD -out "$scratch/$1.p12"
}

# --- a web server that demands a client certificate: $web is its address ----------------------------------------
nginx_start() {
    local nginx port
    nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || return 1
    make_cert server server P-256 "/CN=localhost" || return 1
    mkdir -p "$scratch/nginx"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        port=$((20000 + RANDOM % 20000))
        cat >"$scratch/nginx.conf" <<END
daemon off;
pid $scratch/nginx/pid;
error_log $scratch/nginx/error.log;
events { }
http {
    access_log $scratch/nginx/access.log;
    client_body_temp_path $scratch/nginx/1; proxy_temp_path $scratch/nginx/2; fastcgi_temp_path $scratch/nginx/3;
    uwsgi_temp_path $scratch/nginx/4; scgi_temp_path $scratch/nginx/5;
    keepalive_timeout 0;
    server {
        listen 127.0.0.1:$port ssl;
        server_name localhost;
        ssl_certificate $scratch/server.pem;
        ssl_certificate_key $scratch/server.key;
        ssl_client_certificate $scratch/ca.pem;
        ssl_verify_client on;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_tickets off;
        ssl_session_cache off;
        default_type text/html;
        location / {
            return 200 "<!DOCTYPE html><title>hello \$ssl_client_s_dn</title><p>\$ssl_client_s_dn \$ssl_protocol</p>\n";
        }
    }
}
END
        "$nginx" -c "$scratch/nginx.conf" -e "$scratch/nginx/error.log" &
        started $!
        # Another program may have the port: then it ends at once.
        if wait_for 10 test -s "$scratch/nginx/pid" -o ! -d "/proc/$!" && [ -d "/proc/$!" ]; then
            web=https://localhost:$port
            return 0
        fi
    done
    diag "$(cat "$scratch/nginx/error.log")"
    return 1
}

# --- a screen without a screen -----------------------------------------------------------------------------------
screen_start() {
    Xvfb -displayfd 3 -screen 0 1280x1024x24 -nolisten tcp -noreset 3>"$scratch/display" >"$scratch/xvfb.log" 2>&1 &
    started $!
    wait_for 20 test -s "$scratch/display" || return 1
    DISPLAY=:$(cat "$scratch/display")
    export DISPLAY
}
window_is() { xdotool search --onlyvisible --name "$1" >/dev/null 2>&1; }
window_titles() {
    local window
    for window in $(xdotool search --onlyvisible --name . 2>/dev/null); do xdotool getwindowname "$window"; done
}
# window_answer TITLE TEXT — type TEXT into the window whose title matches, press Return, and see it go.
window_answer() {
    local window
    window=$(xdotool search --onlyvisible --name "$1" 2>/dev/null | tail -n 1)
    [ -n "$window" ] && timeout 5 xdotool windowfocus --sync "$window" || return 1
    [ -z "$2" ] || xdotool type --delay 20 "$2"
    xdotool key Return
    # shellcheck disable=SC2317 # called by wait_for
    closed() { ! xdotool search --onlyvisible --name "$1" 2>/dev/null | grep -qx "$window"; }
    wait_for 5 closed "$1"
}
