#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_replay.sh — vpiv replay: a recorded session is sent again; and the start-up of OpenSC, Yubico's tool and NSS, as it
# was recorded once (golden/), is answered by our card as it was then.
#
# VPIV_RECORD=1 records the golden traces anew.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

have pcscd || [ -x /usr/sbin/pcscd ] || skip_all "pcscd is not installed"
export VPIV
golden=$top_srcdir/tests/golden
status_of() { "$@" >"$scratch/out" 2>&1; echo $?; }
last() { tail -n 1 "$scratch/out"; }

# --- the verb ----------------------------------------------------------------------------------------------------------
session() { # trace command… — lines of standard input too
    local trace=$1
    shift
    vpiv run --seed a --trace "$trace" -- "$VPIV" apdu -a "$@" >/dev/null
}
session "$scratch/a.trace" 00A4040009A00000030800001000 00CB3FFF055C035FC10200 00200080 \
    0020008008313233343536FFFF 00200080 0020FF80 00200080
session "$scratch/w.trace" 0020008008393939393939FFFF 00200080 00CB3FFF055C035FC10200 0020008008313233343536FFFF
vpiv run --seed a -- "$VPIV" replay --pin pass:123456 "$scratch/a.trace" >"$scratch/out"
is "the same card answers the same" "$? $(last)" "0 7 exchanges, 0 different, 0 left out"
vpiv run --seed a -- "$VPIV" replay "$scratch/w.trace" >"$scratch/out"
is "no wrong PIN is told to a card that may be somebody's" "$?" 1
like "… so that the tries differ" "$(tail -n 1 "$scratch/out")" '< 63C3$'
is "another card does not: 1" "$(status_of vpiv replay -t "$scratch/a.trace")" 1
like "the first difference is shown, in words" "$(head -n 2 "$scratch/out" | tr '\n' ' ')" \
    '^exchange 2 differs: the trace, and what came now - GET DATA, Card Holder Unique Identifier \(5FC102\): 9000 success $'
is "… and it alone" "$(grep -c differs "$scratch/out")" 1
is "--all goes on" "$(status_of vpiv replay -t --all "$scratch/w.trace")" 1
is "… and counts; a test card may be told a wrong PIN" "$(last)" "4 exchanges, 1 different, 0 left out"
is "a card of the store" "$(vpiv new own --factory >/dev/null; status_of vpiv replay -c own "$scratch/a.trace")" 1
is "no trace: 1" "$(status_of vpiv replay -t "$scratch/none")" 1
sed 's/63C3$/63C2/' "$scratch/a.trace" >"$scratch/b.trace"
grep -v ' 0020FF80 ' "$scratch/a.trace" >"$scratch/c.trace"
is "--diff: the same" "$(status_of vpiv replay --diff "$scratch/a.trace" "$scratch/a.trace")" 0
is "--diff: another answer" "$(status_of vpiv replay --diff "$scratch/b.trace" "$scratch/a.trace")" 1
is "… before and after, at both places" "$(grep -c '^[-+] VERIFY, PIN (80), ask for tries' "$scratch/out")" 4
is "--diff: one exchange less" "$(status_of vpiv replay --diff "$scratch/c.trace" "$scratch/a.trace"; grep -c '^[-+]' "$scratch/out")" \
    "$(printf '1\n1')"
is "--diff sends nothing: 2" "$(status_of vpiv replay -t --diff "$scratch/a.trace" "$scratch/a.trace")" 2

# What is masked cannot be said again; a seeded test card and an open trace bring back a whole session, challenges too.
if have yubico-piv-tool; then
    cat >"$scratch/admin.sh" <<'SHELL'
yubico-piv-tool -r Yubi -a set-chuid &&
    yubico-piv-tool -r Yubi -a set-mgm-key -n 0F1E2D3C4B5A69788796A5B4C3D2E1F00112233445566778 &&
    yubico-piv-tool -r Yubi -a verify-pin -P 123456 -a change-pin -N 654321
SHELL
    ok "Yubico's tool writes to a seeded card" \
        vpiv run --seed z --persona yubikey --trace "$scratch/z.trace" --unmask -- sh "$scratch/admin.sh"
    is "all of it can be said again" \
        "$(vpiv run --seed z --persona yubikey -- "$VPIV" replay --exact "$scratch/z.trace")" \
        "$(grep -c ' apdu ' "$scratch/z.trace") exchanges, 0 different, 0 left out"
else
    skip "a session that writes" "yubico-piv-tool is not installed"
fi

# --- golden traces: what clients say first, and what our card answers ------------------------------------------------------
opensc_start() { timeout 30 pkcs11-tool --module "$PKCS11_MODULE_PATH" --list-objects; }
yubico_start() { timeout 30 yubico-piv-tool -r Yubi -a status; }
nss_start() {
    rm -rf "$HOME/nss" && mkdir "$HOME/nss"
    timeout 30 certutil -N -d "sql:$HOME/nss" --empty-password
    timeout 30 modutil -dbdir "sql:$HOME/nss" -add OpenSC -libfile "$PKCS11_MODULE_PATH" -force
    timeout 30 certutil -L -d "sql:$HOME/nss" -h all
}
opensc_version() { have pkcs11-tool && opensc-tool --info 2>/dev/null | head -n 1; }
yubico_version() { have yubico-piv-tool && yubico-piv-tool --version; }
nss_version() { have certutil && have modutil && opensc_version && dpkg-query -W -f 'NSS ${Version}' libnss3-tools 2>/dev/null; }
export -f opensc_start yubico_start nss_start
options_of() { case $1 in yubico) echo "--persona yubikey" ;; esac; }
card() { # client option… -- command…: the golden card of this client
    local client=$1
    shift
    # shellcheck disable=SC2046 # a list of options
    vpiv run --seed golden $(options_of "$client") -p env:PASSWORD -i "$golden/card.p12" "$@"
}
record() { # client file
    local times='s/^[0-9.]+ /0.000000 /; s/ apdu [0-9]+ / apdu 0 /'
    card "$1" --trace "$scratch/record.trace" -- bash -c "$1_start" >"$scratch/record.log" 2>&1
    { echo "# vpiv-trace 1"; echo "# $1 $("$1_version" | tr '\n' ' ')"; grep -v '^#' "$scratch/record.trace" | sed -E "$times"; } >"$2"
}
number_of() { # client — the part of its version that names the file
    case $1 in
    nss) "$1_version" | sed -nE 's/.*NSS ([0-9]+:)?([0-9]+\.[0-9]+).*/\2/p' ;;
    *) "$1_version" | head -n 1 | grep -oE '[0-9]+\.[0-9]+' | head -n 1 ;;
    esac
}
for client in opensc yubico nss; do
    version=$("${client}_version" 2>/dev/null | tr '\n' ' ')
    [ -z "${VPIV_RECORD:-}" ] || record "$client" "$golden/$client-$(number_of "$client").trace"
    for file in "$golden/$client"-*.trace; do
        recorded=$(sed -n "s/^# $client //p" "$file")
        is "our card answers the start of $client $recorded as it did" \
            "$(card "$client" -- "$VPIV" replay --exact "$file" | tail -n 1)" \
            "$(grep -c ' apdu ' "$file") exchanges, 0 different, 0 left out"
    done
    file=$(grep -lxF "# $client $version" "$golden/$client"-*.trace)
    if [ -n "$version" ] && [ -n "$file" ]; then
        record "$client" "$scratch/$client.trace"
        is "$client says what it said" "$(vpiv replay --exact --diff "$scratch/$client.trace" "$file")" ""
    else
        skip "$client says what it said" "there is no trace of ${version:-$client, which is not installed}"
    fi
done

done_testing
