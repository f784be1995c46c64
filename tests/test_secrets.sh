#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_secrets.sh — after every single step, what of a card's secrets can be found in a real pcscd, its log, the card.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

for program in pcscd openssl opensc-tool pkcs11-tool scriptor; do
    have "$program" || skip_all "$program is not installed"
done
search=$top_builddir/secret_search
# The memory of a process of the same user can be read unless the system forbids it to all but its parent.
[ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" = 0 ] || [ "$(id -u)" = 0 ] ||
    skip_all "kernel.yama.ptrace_scope keeps a user out of the memory of his own processes"

# Not in the environment: pcscd would have them from there.  Digits that no program holds by itself.
export -n PIN PUK
PIN=83920571
PUK=61738204
secrets=$scratch/secrets

# The private numbers of a key, one a line.  Public ones are left out: they are everywhere.
numbers() { # key file
    openssl pkey -in "$1" -text -noout 2>/dev/null | awk '
        /^[a-zA-Z0-9]+:/ { name = $1; sub(":", "", name); next }
        /^ / { gsub(/[ :]/, ""); value[name] = value[name] $0 }
        END { for (name in value) if (name ~ /^(privateExponent|prime[12]|exponent[12]|coefficient|priv)$/) {
            sub(/^00/, "", value[name]); print name, value[name] } }'
}
step() { # what limit: none = nothing found; locked = only in pages that no core image and no swap holds
    local out status
    out=$("$search" "$secrets" "$daemon")
    status=$?
    [ "$status" -lt 2 ] || { fail "$1: the search works" "$out"; return; }
    case $2 in
    none) is "$1: nothing is found" "$(printf '%s\n' "$out" | tail -n 1)" "0 hits, 0 dumped, 0 unlocked" || diag "$(printf '%s\n' "$out" | grep -v '^not-dumped locked' | head -n 10)" ;;
    locked) like "$1: found in locked memory alone" "$(printf '%s\n' "$out" | tail -n 1)" \
        '^[1-9][0-9]* hits, 0 dumped, 0 unlocked$' || diag "$(printf '%s\n' "$out" | grep -v '^not-dumped locked' | head -n 10)" ;;
    esac
}
# An image of the daemon's memory, as a debugger writes it, and as the kernel would: without the pages that are not to
# be dumped.  "all": with them, which shows that there is something to be found.
core=
if have gdb; then core=$scratch/core.gdb; else diag "gdb is not installed: no core images by it"; fi
image() { # [all]
    local excluded=off
    [ "${1:-}" = all ] && excluded=on
    rm -f "$core"
    gdb -nx -batch -iex "set debuginfod enabled off" -iex "set auto-solib-add off" -ex "set use-coredump-filter on" \
        -ex "set dump-excluded-mappings $excluded" -p "$daemon" -ex "gcore $core" >"$scratch/gdb.log" 2>&1
    [ -s "$core" ]
}
no_hits="0 hits, 0 dumped, 0 unlocked"
found_in() { "$search" "$secrets" "$@" | tail -n 1; }
core_step() { # what: no core image holds a secret now
    [ -n "$core" ] || return 0
    image || { fail "$1: a core image" "$(tail -n 3 "$scratch/gdb.log")"; return; }
    is "$1: nothing in a core image of $(($(stat -c %s "$core") / 1024)) KiB" "$(found_in "$core")" "$no_hits"
}
with_pins() { PIN=$PIN PUK=$PUK "$@"; }
apdu() { opensc-tool -s "$1" >/dev/null 2>&1; }
use() { # kind: one signature through OpenSC, then the card still verified (OpenSC leaves it so)
    local mechanism=ECDSA
    case $1 in RSA*) mechanism=SHA256-RSA-PKCS ;; esac
    head -c 32 /dev/urandom >"$scratch/message"
    PIN=$PIN pkcs11-tool --login --pin env:PIN --sign --id 01 -m $mechanism -i "$scratch/message" -o "$scratch/signature" \
        >/dev/null 2>&1
}

for kind in RSA2048 RSA4096 P-256 P-384; do
    make_bundle "$kind" 9a "$kind" || exit 99
    { numbers "$scratch/$kind.key"; echo "PIN $(printf %s "$PIN" | hex)"; echo "PUK $(printf %s "$PUK" | hex)"; } >"$secrets"
    ok "$kind: a card" with_pins import "secret-$kind" "$scratch/$kind.p12"
    reader_start "secret-$kind" || { fail "$kind: a private pcscd starts" && continue; }
    daemon=$(reader_daemon)
    step "$kind: before anything" none
    if [ "$kind" = RSA4096 ]; then # more than OpenSC 0.23 can use: a raw block
        block=7C820206820081820200$({ printf '\0'; head -c 511 /dev/urandom; } | hex)
        like "$kind: a signature" "$(printf '%s\n' "0020008008$(printf %s "$PIN" | hex)" "0087169A00020A${block}0000" |
            sed 's/../& /g' | scriptor -p T=1 2>&1)" '90 00 : Normal processing'
    else
        ok "$kind: a signature" use "$kind"
    fi
    step "$kind: verified, and the key used" locked
    core_step "$kind: verified, and the key used"
    if [ -n "$core" ] && [ "$kind" = RSA2048 ] && image all; then
        unlike "$kind: the same with the pages that are not to be dumped shows what is there" "$(found_in "$core")" "^0 hits"
    fi
    apdu 0020FF80
    step "$kind: after logout" none
    case $kind in RSA2048 | P-256) core_step "$kind: after logout" ;; esac
    apdu "0020008008$(printf %s "$PIN" | hex)"
    apdu "00200080083030303030303030"
    step "$kind: after a wrong PIN" none
    # The PIN comes with the first block, and is used by a second one that looks like a question.
    like "$kind: a PIN in two blocks" "$(printf '%s\n' "1020008008$(printf %s "$PIN" | hex)" 00200080 |
        sed 's/../& /g' | scriptor -p T=1 2>&1 | grep -c "90 00 : Normal")" "^2\$"
    step "$kind: after a PIN in two blocks" none
    case $kind in RSA4096) ;; *)
        use "$kind"
        ok "$kind: reset" opensc-tool --reset=warm
        step "$kind: after a reset" none
        [ "$kind" != RSA2048 ] || core_step "$kind: after a reset"
        use "$kind"
        ok "$kind: eject" vpiv eject
        wait_for 5 sh -c '! opensc-tool --atr' || fail "$kind: the card goes"
        step "$kind: after removal" none
        [ "$kind" != RSA2048 ] || core_step "$kind: after removal" ;;
    esac
    is "$kind: card file, record of tries and log hold none of them" \
        "$(found_in "$XDG_DATA_HOME/vpiv/cards/secret-$kind.card" "$XDG_STATE_HOME"/vpiv/tries/*/[01] "$scratch/reader.log")" \
        "$no_hits"
    reader_stop
done

# --- other processors, and a daemon that may lock little -----------------------------------------------------------------
# OpenSSL computes elsewhere where the processor has no vector units, or not all.
cp "$scratch/RSA2048.key" "$scratch/key"
{ numbers "$scratch/key"; echo "PIN $(printf %s "$PIN" | hex)"; } >"$secrets"
for mask in :0 :0x20 :~0xd0230000; do
    export OPENSSL_ia32cap=$mask
    reader_start secret-RSA2048 || { fail "OPENSSL_ia32cap=$mask: a private pcscd starts" && continue; }
    daemon=$(reader_daemon)
    ok "OPENSSL_ia32cap=$mask: a signature" use RSA2048
    step "OPENSSL_ia32cap=$mask: verified, and the key used" locked
    apdu 0020FF80
    step "OPENSSL_ia32cap=$mask: after logout" none
    reader_stop
done
unset OPENSSL_ia32cap

# --- a pcscd that says all it can, locks as little as it may, and is killed by a signal that leaves a core --------------------
kernel=$scratch/kernel
mkdir -p "$kernel/conf" "$kernel/0"
ln -s "$XDG_STATE_HOME/vpiv" "$kernel/0/state"
ln -s "$XDG_DATA_HOME/vpiv/cards/secret-RSA2048.card" "$kernel/0/card"
ln -s "$VPIV_DRIVER" "$kernel/libifdvpiv.so"
printf 'FRIENDLYNAME "vpiv"\nDEVICENAME %s/0:\nLIBPATH %s/libifdvpiv.so\n' "$kernel" "$kernel" >"$kernel/conf/vpiv"
no_polkit=$(PATH=$PATH:/usr/sbin pcscd --help 2>&1 | grep -o -m 1 -e --disable-polkit)
# Root may lock what it likes, unless it has given that right away.
unprivileged=
[ "$(id -u)" != 0 ] || unprivileged='setpriv --bounding-set=-ipc_lock --inh-caps=-ipc_lock'
loud_daemon() { # KiB that may be locked, or "unlimited"; further arguments of pcscd
    local limit=$1
    shift
    rm -f "$kernel/socket" "$kernel"/core*
    # shellcheck disable=SC2086 # lists of arguments
    (cd "$kernel" && { ulimit -c unlimited || :; } && { ulimit -l "$limit" || exit 1; } &&
        exec $unprivileged "$top_builddir/pcscd_private" "$kernel" $no_polkit --debug "$@" >"$kernel/log" 2>&1) 2>/dev/null &
    daemon=$!
    started "$daemon"
    export PCSCLITE_CSOCK_NAME=$kernel/socket
    wait_for 10 test -S "$kernel/socket" && wait_for 10 opensc-tool --atr
}
as_text() { # the secrets as a log would show them: in digits, or in hex with and without blanks
    while read -r name value; do
        printf '%s %s\n' "$name" "$(printf %s "$value" | tr a-f A-F | hex)" "$name" "$(printf %s "$value" | hex)" \
            "$name" "$(printf %s "$value" | tr a-f A-F | sed 's/../& /g' | hex)"
    done <"$secrets"
}
as_text >"$scratch/secrets.text"
quiet_log() { "$search" "$scratch/secrets.text" "$kernel/log" | tail -n 1; }

if [ -n "$unprivileged" ] && ! have setpriv; then
    skip "a daemon that may lock little" "setpriv is not installed"
else
    for limit in 0 64; do
        loud_daemon "$limit" || { fail "pcscd that may lock $limit KiB starts" "$(tail -n 5 "$kernel/log")" && continue; }
        ok "locking $limit KiB: a signature" use RSA2048
        like "locking $limit KiB: the log says that it is too little" "$(cat "$kernel/log")" 'cannot be locked.*RLIMIT_MEMLOCK'
        like "locking $limit KiB: still nothing that a core image would hold" "$("$search" "$secrets" "$daemon" | tail -n 1)" \
            '^[1-9][0-9]* hits, 0 dumped, '
        apdu 0020FF80
        step "locking $limit KiB: after logout" none
        is "locking $limit KiB: pcscd's log at its loudest holds none of them" "$(quiet_log)" "$no_hits"
        kill "$daemon" && wait_for 10 gone "$daemon"
    done
fi
unprivileged=
case $(cat /proc/sys/kernel/core_pattern) in
*/* | *'|'*) skip "a core image by the kernel" "kernel.core_pattern leads elsewhere" ;;
*)
    if loud_daemon unlimited --apdu 2>/dev/null || loud_daemon "$(ulimit -l)" --apdu; then
        ok "a signature before the end" use RSA2048
        unlike "the control: pcscd's own option --apdu does log the PIN" "$(quiet_log)" "^0 hits"
        # The kernel writes where the process stands, and pcscd goes to the top of all directories.
        [ -z "$core" ] || gdb -nx -batch -iex "set debuginfod enabled off" -p "$daemon" \
            -ex "call (int) chdir(\"$kernel\")" >"$scratch/gdb.log" 2>&1
        if [ "$(readlink "/proc/$daemon/cwd")" = "$kernel" ]; then
            kill -ABRT "$daemon" && wait_for 10 gone "$daemon"
        fi
        image=$(find "$kernel" -name 'core*' -size +100k | head -n 1)
        if [ -n "$image" ]; then
            is "verified, and the key used: nothing in the $(($(stat -c %s "$image") / 1024)) KiB that the kernel wrote" \
                "$(found_in "$image")" "$no_hits"
        else
            skip "a core image by the kernel" "it wrote none"
        fi
    else
        fail "pcscd starts" "$(tail -n 5 "$kernel/log")"
    fi ;;
esac
unset PCSCLITE_CSOCK_NAME

# The control: a program that holds a secret openly is found out.
printf 'control %s\n' "$(printf %s 'a secret in plain sight, forty bytes long' | hex)" >"$secrets"
control='a secret in plain sight, forty bytes long' sleep 60 &
daemon=$!
started "$daemon"
wait_for 5 grep -q sleep "/proc/$daemon/comm"
not_ok "the control is found out" "$search" "$secrets" "$daemon"
done_testing
