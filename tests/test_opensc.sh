#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_opensc.sh — OpenSC and Yubico's tool use a card made from PKCS#12 files; OpenSSL checks what the card computes.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

for program in pcscd openssl opensc-tool piv-tool pkcs15-tool pkcs11-tool scriptor; do
    have "$program" || skip_all "$program is not installed"
done

p11() { timeout 60 pkcs11-tool "$@" 2>&1; }
logged_in() { p11 --login --pin env:PIN "$@"; }

# sign ID — a signature of the card over a message in the scratch directory, checked by OpenSSL with `NAME.pub`.
sign_and_verify() { # name kind id
    local at=$scratch/$1
    rm -f "$at.sig"
    printf 'a message for %s\n' "$1" >"$at.msg"
    case $2 in
    RSA*) logged_in --sign --id "$3" -m SHA256-RSA-PKCS -i "$at.msg" -o "$at.sig" || return 1 ;;
    *)
        openssl dgst -sha256 -binary -out "$at.hash" "$at.msg"
        logged_in --sign --id "$3" -m ECDSA --signature-format openssl -i "$at.hash" -o "$at.sig" || return 1
        ;;
    esac
    openssl dgst -sha256 -verify "$at.pub" -signature "$at.sig" "$at.msg"
}
# The card authentication key asks for no PIN (SP 800-73-5 Part 1, table 5).  pkcs11-tool logs in before any signature;
# pkcs15-crypt does so only where the key says.
sign_without_pin() { # name kind id
    local at=$scratch/$1 format=()
    case $2 in
    RSA*) format=(--pkcs1 --sha-256) ;;
    *) format=(--signature-format openssl) ;;
    esac
    rm -f "$at.sig"
    printf 'a message for %s\n' "$1" >"$at.msg"
    openssl dgst -sha256 -binary -out "$at.hash" "$at.msg"
    timeout 60 pkcs15-crypt --sign --key "$3" "${format[@]}" -i "$at.hash" -o "$at.sig" </dev/null &&
        openssl dgst -sha256 -verify "$at.pub" -signature "$at.sig" "$at.msg"
}
decrypt() { # name kind id
    local at=$scratch/$1
    rm -f "$at.clear"
    printf 'for your eyes' >"$at.msg"
    openssl pkeyutl -encrypt -pubin -inkey "$at.pub" -in "$at.msg" -out "$at.enc" &&
        logged_in --decrypt --id "$3" -m RSA-PKCS -i "$at.enc" -o "$at.clear" && cmp "$at.msg" "$at.clear"
}
derive() { # name kind id
    local at=$scratch/$1
    rm -f "$at.shared"
    make_key "$2" "$at.peer" && openssl pkey -in "$at.peer" -pubout -outform DER -out "$at.peer.der" &&
        openssl pkeyutl -derive -inkey "$at.peer" -peerkey "$at.pub" -out "$at.wanted" &&
        logged_in --derive --id "$3" -m ECDH1-COFACTOR-DERIVE -i "$at.peer.der" -o "$at.shared" &&
        cmp "$at.wanted" "$at.shared"
}

# --- raw commands -----------------------------------------------------------------------------------------------
# The last status word of an `opensc-tool -s … -s …` run.
last_sw() { sed -n 's/^Received (SW1=0x\(..\), SW2=0x\(..\)).*/\1\2/p' | tail -n 1; }
send() { # APDU in hex …
    local a args=()
    for a in "$@"; do args+=(-s "$a"); done
    opensc-tool "${args[@]}" 2>&1
}
verify_apdu() { # PIN: padded with FF to eight bytes (SP 800-73-5 Part 2, 2.4.3)
    local digits
    digits=$(printf '%s' "$1" | hex)ffffffffffffffff
    printf '0020008008%s' "${digits:0:16}"
}
repeat() { printf "$1%.0s" $(seq "$2"); }
# The template 7C with an empty 82 and a challenge 81 (SP 800-73-5 Part 2, 3.2.4), as short commands in a chain.
general_authenticate() { # algorithm reference challenge; prints APDUs
    local n=$((${#3} / 2)) rest template cla=10
    if [ "$n" -lt 128 ]; then
        template=$(printf '7C%02X820081%02X%s' $((n + 4)) "$n" "$3")
    elif [ "$n" -lt 252 ]; then
        template=$(printf '7C81%02X82008181%02X%s' $((n + 5)) "$n" "$3")
    else
        template=$(printf '7C82%04X82008182%04X%s' $((n + 6)) "$n" "$3")
    fi
    for ((rest = ${#template}; rest > 510; rest -= 510)); do
        printf '%s87%s%sFF%s\n' "$cla" "$1" "$2" "${template:${#template}-rest:510}"
    done
    printf '0087%s%s%02X%s00\n' "$1" "$2" $((rest / 2)) "${template:${#template}-rest}"
}

# --- four keys of one kind on a card ------------------------------------------------------------------------------
block_of() { # kind: algorithm, reference and a block of its size (SP 800-78-5, table 9)
    case $1 in
    RSA2048) echo "07 9A $(repeat 01 256)" ;;
    RSA3072) echo "05 9A $(repeat 01 384)" ;;
    P-256) echo "11 9A $(repeat 01 32)" ;;
    P-384) echo "14 9A $(repeat 01 48)" ;;
    esac
}
four_keys() { # kind
    local kind=$1 card=opensc-$1 role out
    local files=()
    for role in 9a 9c 9d 9e; do
        make_bundle "$kind-$role" "$role" "$kind" || exit 99
        files+=("$scratch/$kind-$role.p12")
    done
    ok "$kind: vpiv import takes four bundles" import "$card" "${files[@]}" || return
    reader_start "$card" || { fail "$kind: a private pcscd starts" && return; }

    like "$kind: opensc-tool -n names a PIV card" "$(opensc-tool -n 2>&1)" '[Pp][Ii][Vv]'
    like "$kind: opensc-tool -a shows an ATR" "$(opensc-tool -a 2>&1)" '^3b(:[0-9a-f]{2})+$'
    like "$kind: piv-tool --name names a PIV card" "$(piv-tool --name 2>&1)" '[Pp][Ii][Vv]'

    out=$(pkcs15-tool -D 2>&1)
    is "$kind: pkcs15-tool -D shows four private keys" "$(grep -c '^Private .* Key' <<<"$out")" 4 ||
        diag "$out"
    is "$kind: pkcs15-tool -D shows four certificates" "$(grep -c '^X.509 Certificate' <<<"$out")" 4 ||
        diag "$out"
    out=$(logged_in -O)
    is "$kind: pkcs11-tool -O --login shows four private keys" "$(grep -c '^Private Key Object' <<<"$out")" 4 ||
        diag "$out"
    out=$(logged_in --test)
    like "$kind: pkcs11-tool --test --login ends without errors" "$(tail -n 1 <<<"$out")" '^No errors$' ||
        diag "$out"

    ok "$kind: 9A signs, OpenSSL verifies" sign_and_verify "$kind-9a" "$kind" 01
    ok "$kind: 9C signs, OpenSSL verifies" sign_and_verify "$kind-9c" "$kind" 02
    ok "$kind: 9E signs without a PIN, OpenSSL verifies" sign_without_pin "$kind-9e" "$kind" 04
    # shellcheck disable=SC2046 # one APDU a word
    is "$kind: 9A does not sign without a PIN" \
        "$(opensc-tool --reset >/dev/null 2>&1; send $(general_authenticate $(block_of "$kind")) | last_sw)" 6982
    case $kind in
    RSA*) ok "$kind: 9D decrypts what OpenSSL encrypted" decrypt "$kind-9d" "$kind" 03 ;;
    *) ok "$kind: 9D derives the secret that OpenSSL derives" derive "$kind-9d" "$kind" 03 ;;
    esac
    reader_stop
    is "$kind: vpiv run ends with the status of its command" $? 0
}

for kind in RSA2048 RSA3072 P-256 P-384; do four_keys "$kind"; done

# --- RSA-4096, which OpenSC 0.23 does not know ----------------------------------------------------------------
raw_rsa4096() {
    local at=$scratch/big digest block out signature
    make_bundle big 9a RSA4096 && import big "$at.p12" && reader_start big || return 1
    printf 'a message for the large key\n' >"$at.msg"
    # EMSA-PKCS1-v1_5 of RFC 8017, 9.2: the host pads, the card computes.
    digest=3031300D060960864801650304020105000420$(openssl dgst -sha256 -binary "$at.msg" | hex)
    block=0001$(repeat FF $((512 - 3 - ${#digest} / 2)))00$digest
    # OpenSC reads the discovery object between any two commands, which ends a chain: so by another program, in one piece.
    out=$(printf '%s\n' "$(verify_apdu "$PIN")" "0087169A00020A7C820206820081820200${block}0000" | sed 's/../& /g' |
        scriptor -p T=1 2>&1)
    signature=$(sed -n '/^< 7C/,$p' <<<"$out" | sed 's/ :.*//; s/^< //' | tr -d ' \n')
    reader_stop
    # 7C 82 0204 82 82 0200, then the signature.
    [ "${signature:0:16}" = 7C82020482820200 ] || { echo "$out"; return 1; }
    unhex <<<"${signature:16:1024}" >"$at.sig"
    openssl dgst -sha256 -verify "$at.pub" -signature "$at.sig" "$at.msg"
}
ok "RSA4096: a raw extended GENERAL AUTHENTICATE signs, OpenSSL verifies" raw_rsa4096

# --- PIN and PUK ------------------------------------------------------------------------------------------------------
# An empty VERIFY asks without counting (SP 800-73-5 Part 2, 3.2.1); the reset forgets a PIN that was verified.
tries_left() {
    opensc-tool --reset >/dev/null 2>&1
    send 00200080 | last_sw
}
# C_SetPIN with the PUK is how an application unblocks that has not logged in; OpenSC wants to be told so.
cat >"$scratch/opensc.conf" <<'END'
app default { }
app opensc-pkcs11 { pkcs11 { user_pin_unblock_style = set_pin_in_unlogged_session; } }
END
unblock_by_pkcs11() { OPENSC_CONF=$scratch/opensc.conf p11 --unlock-pin --puk "$1" --new-pin "$2"; }
wrong_pin() { p11 --login --pin 000000 -O; }

make_bundle blocked 9a P-256 || exit 99
ok "vpiv import makes a card for the PIN tests" import blocked "$scratch/blocked.p12"
reader_start blocked || fail "a private pcscd starts"
is "a fresh card has three tries" "$(tries_left)" 63C3
like "a wrong PIN is refused" "$(wrong_pin)" CKR_PIN_INCORRECT
is "a wrong PIN costs a try" "$(tries_left)" 63C2
ok "the right PIN is accepted" logged_in -O
is "the right PIN brings the tries back" "$(tries_left)" 63C3
for try in 1 2 3; do like "wrong PIN number $try of 3 is refused" "$(wrong_pin)" 'CKR_PIN_(INCORRECT|LOCKED)'; done
is "three wrong PINs block" "$(tries_left)" 6983
like "the right PIN does not help any more" "$(logged_in -O)" CKR_PIN_LOCKED
ok "the PUK unblocks through pkcs15-tool" \
    pkcs15-tool --unblock-pin --auth-id 01 --puk "$PUK" --new-pin 246810
is "the tries are back after unblocking" "$(tries_left)" 63C3
PIN=246810
ok "the new PIN signs" sign_and_verify blocked P-256 01
for try in 1 2 3; do like "blocked again: wrong PIN number $try of 3" "$(wrong_pin)" 'CKR_PIN_(INCORRECT|LOCKED)'; done
ok "the PUK unblocks through pkcs11-tool" unblock_by_pkcs11 "$PUK" 135790
PIN=135790
ok "that PIN signs" sign_and_verify blocked P-256 01
ok "pkcs15-tool changes the PIN" pkcs15-tool --change-pin --auth-id 01 --pin "$PIN" --new-pin 123456
PIN=123456
ok "the changed PIN signs" sign_and_verify blocked P-256 01
reader_stop

# --- Yubico's tool ------------------------------------------------------------------------------------------------------
yubico_version=$(yubico-piv-tool --version 2>/dev/null | sed -n 's/^yubico-piv-tool \([0-9.]*\).*/\1/p')
case $yubico_version in
2.2.*)
    reader_start opensc-RSA2048
    out=$(yubico-piv-tool -r '' -a status 2>&1)
    like "yubico-piv-tool status reads the CHUID" "$out" 'CHUID:[[:space:]]*30'
    is "yubico-piv-tool status shows four certificates" "$(grep -c 'Subject DN:' <<<"$out")" 4 || diag "$out"
    ok "yubico-piv-tool verify-pin accepts the PIN" yubico-piv-tool -r '' -a verify-pin -P "$PIN"
    not_ok "yubico-piv-tool verify-pin refuses a wrong one" yubico-piv-tool -r '' -a verify-pin -P 000000
    reader_stop
    ;;
'') skip "yubico-piv-tool reads the card" "yubico-piv-tool is not installed" ;;
*) skip "yubico-piv-tool reads the card" "yubico-piv-tool $yubico_version wants a YubiKey; only 2.2 goes on without" ;;
esac

done_testing
