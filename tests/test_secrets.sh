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
    apdu 0020FF80
    step "$kind: after logout" none
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
        use "$kind"
        ok "$kind: eject" vpiv eject
        wait_for 5 sh -c '! opensc-tool --atr' || fail "$kind: the card goes"
        step "$kind: after removal" none ;;
    esac
    is "$kind: the card file holds none of them" \
        "$("$search" "$secrets" "$XDG_DATA_HOME/vpiv/cards/secret-$kind.card" | tail -n 1)" "0 hits, 0 dumped, 0 unlocked"
    reader_stop
done

# The control: a program that holds a secret openly is found out.
printf 'control %s\n' "$(printf %s 'a secret in plain sight, forty bytes long' | hex)" >"$secrets"
control='a secret in plain sight, forty bytes long' sleep 60 &
daemon=$!
started "$daemon"
wait_for 5 grep -q sleep "/proc/$daemon/comm"
not_ok "the control is found out" "$search" "$secrets" "$daemon"
done_testing
