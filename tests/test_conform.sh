#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_conform.sh — `vpiv conform` judges cards through an unmodified pcscd; the judge itself is judged a little too.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

have pcscd || skip_all "pcscd is not installed"
conform() { timeout 300 "$VPIV" conform "$@" 2>&1; }
results() { grep -c "\"result\":\"$1\"" "$2"; } # pass|fail|n/a, of a file of JSON lines
failures() { grep '"result":"fail"' "$1"; }

# --- a card in this process, without pcscd ------------------------------------------------------------------------
is "an unknown group is a wrong command line" "$(conform --applet NONE >/dev/null; echo $?)" 2
is "a persona that is none, too" "$(conform --applet --persona none >/dev/null; echo $?)" 2
out=$(conform --applet --tap GET CLA-01)
is "TAP: the plan counts the lines" "$(head -n 1 <<<"$out")" "1..$(grep -cE '^(not )?ok ' <<<"$out")"
like "TAP: a row by its own name" "$out" '^ok [0-9]+ - CLA-01 '
like "text: one line a row, and totals" "$(conform --applet CLA)" '^CLA +6 ok +0 not ok +0 not applicable'
conform --applet --persona yubikey --json YK >"$scratch/yk.json"
is "every line of JSON has an id and a result" \
    "$(grep -cvE '^\{"id":"YK-[0-9]{2}","result":"(pass|fail|n/a)",.*\}$' "$scratch/yk.json")" 0
is "all the rows of a group are there" "$(wc -l <"$scratch/yk.json")" 58
out=$(conform --applet --pin pass:111111)
like "a wrong PIN is told before anything is judged" "$out" "cannot be judged: the PIN .* not this card's \(63C2\)"
unlike "… and the PIN itself is not shown" "$out" '313131|111111'

# --- through pcscd ----------------------------------------------------------------------------------------------------
judged() { # persona least-number
    local persona=$1 out=$scratch/$1.json
    reader_start_with --test --persona "$persona" || { fail "$persona: a private pcscd starts" && return; }
    conform --destructive --json >"$out"
    is "$persona: the exit status says that nothing failed" $? 0
    is "$persona: no row fails" "$(failures "$out")" ""
    is "$persona: all the rows of the plan are reported" "$(wc -l <"$out")" 386
    ok "$persona: $(results pass "$out") rows really run, at least $2" test "$(results pass "$out")" -ge "$2"
    conform --destructive --json >"$out.again"
    is "$persona: nor in a second run on the same card" "$(failures "$out.again")" ""
    reader_stop
}
judged piv 230
judged yubikey 280
# What came with a later firmware is no failure of an older YubiKey.
for firmware in 4.3.5 5.4.3; do
    ok "firmware $firmware: a card" vpiv new --persona yubikey --firmware "$firmware" --factory "fw-$firmware"
    reader_start "fw-$firmware" || { fail "a private pcscd starts" && continue; }
    conform --destructive --json VER YK >"$scratch/firmware.json"
    is "firmware $firmware: no row fails" "$(failures "$scratch/firmware.json")" ""
    reader_stop
done

# --- read-only ----------------------------------------------------------------------------------------------------------
make_bundle mine 9a RSA2048 && ok "a card with a key of its own" import mine "$scratch/mine.p12"
if reader_start mine; then
    before=$(sha256sum "$XDG_DATA_HOME/vpiv/cards/mine.card")
    tries=$(cat "$XDG_STATE_HOME"/vpiv/tries/*/* | sha256sum)
    conform --json >"$scratch/plain.json"
    is "read-only: no row fails" "$(failures "$scratch/plain.json")" ""
    is "… and no try is spent, not even for a moment" "$(cat "$XDG_STATE_HOME"/vpiv/tries/*/* | sha256sum)" "$tries"
    conform --json --pin env:PIN >"$scratch/pin.json"
    is "with the PIN: no row fails" "$(failures "$scratch/pin.json")" ""
    ok "with the PIN more rows run" test "$(results pass "$scratch/pin.json")" -gt "$(results pass "$scratch/plain.json")"
    is "the card file is as it was" "$(sha256sum "$XDG_DATA_HOME/vpiv/cards/mine.card")" "$before"
    like "all tries are left" "$(conform --pin env:PIN VER-02)" '^ok +VER-02'
    out=$(conform --persona yubikey --json YK-01)
    is "a card that is not what it is taken for fails" "$?" 1
    like "… with what was sent, received and expected" "$out" 'sent 00FD000000 received 6D00 expected \?3 9000'
    is "a reader can be named by its number" "$(conform -r 0 CLA-01 >/dev/null; echo $?)" 0
    like "one that is not there is named" "$(conform -r nowhere)" 'nowhere: there is no such reader'
    reader_stop
else
    fail "a private pcscd starts"
fi
# --- a card as an issuer of the federal profile makes it: the rows of state T ---------------------------------------
guid=11223344556647788899aabbccddeeff
cat >"$scratch/federal.cnf" <<END
[req]
distinguished_name = dn
[dn]
[signer]
extendedKeyUsage = 2.16.840.1.101.3.6.7
[9a]
certificatePolicies = 2.16.840.1.101.3.2.1.3.13
keyUsage = critical,digitalSignature
subjectAltName = @san
[9c]
certificatePolicies = 2.16.840.1.101.3.2.1.3.13
keyUsage = critical,digitalSignature,nonRepudiation
[9d]
certificatePolicies = 2.16.840.1.101.3.2.1.3.13
keyUsage = critical,keyAgreement
[9e]
certificatePolicies = 2.16.840.1.101.3.2.1.3.17
keyUsage = critical,digitalSignature
extendedKeyUsage = 2.16.840.1.101.3.6.8
subjectAltName = @san
[wrong]
certificatePolicies = 2.16.840.1.101.3.2.1.3.13
keyUsage = critical,digitalSignature,dataEncipherment
[san]
otherName = 2.16.840.1.101.3.6.6;FORMAT:HEX,OCT:D4E739DA739CED39CE739D836858210842108421C84210C3EB
URI = urn:uuid:11223344-5566-4778-8899-aabbccddeeff
END
federal() { # section [kind]: a self-signed certificate, key and bundle
    local at=$scratch/federal-$1
    make_key "${2:-P-256}" "$at.key" &&
        quiet openssl req -x509 -new -config "$scratch/federal.cnf" -extensions "$1" -key "$at.key" -subj "/CN=$1" \
            -days 365 -out "$at.pem" &&
        quiet openssl pkcs12 -export -inkey "$at.key" -in "$at.pem" -passout env:PASSWORD -out "$at.p12"
}
for section in signer 9a 9c 9d 9e wrong; do federal "$section" || exit 99; done
onto() { # card FILE.p12 …: the card is there already
    local card=$1
    shift
    vpiv import -c "$card" --password env:PASSWORD --pin env:PIN "$@"
}
signed() { # card [options]
    vpiv new --profile piv --signer "$scratch/federal-signer.p12" --signer-password env:PASSWORD --pin env:PIN \
        --puk env:PUK --affiliation Test --card-serial 1 --issuer Test "$@"
}
issued() { # card bundle-of-9a
    signed --guid "$guid" "$1" &&
        onto "$1" -s 9a "$scratch/federal-$2.p12" &&
        onto "$1" "$scratch/federal-9c.p12" "$scratch/federal-9d.p12" "$scratch/federal-9e.p12"
}
ok "a card of an issuer is made" issued federal 9a
if reader_start federal; then
    conform --pin env:PIN --json DAT GET >"$scratch/federal.json"
    is "issued: no row fails" "$(failures "$scratch/federal.json")" ""
    is "issued: the rows of state T run" \
        "$(grep -cE '"id":"DAT-(1[2-5]|2[1-478])","result":"pass"' "$scratch/federal.json")" 10
    reader_stop
fi
# A signer of another kind signs with the hash that belongs to it; one of a kind that signs no PIV card is refused.
for kind in P-384 RSA3072; do
    federal signer "$kind"
    ok "$kind: a card of an issuer is made" signed "by-$kind"
    reader_start "by-$kind" || { fail "a private pcscd starts" && continue; }
    conform --pin env:PIN --json DAT >"$scratch/by.json"
    is "$kind: no row fails" "$(failures "$scratch/by.json")" ""
    is "$kind: CHUID and security object are judged" \
        "$(grep -cE '"id":"DAT-2[2378]","result":"pass"' "$scratch/by.json")" 4
    reader_stop
done
federal signer RSA1024
like "RSA1024: signs no PIV card" "$(signed by-RSA1024 2>&1)" "signer's key signs no PIV card"
federal signer
guid=11223344556647788899aabbccddee00
ok "one with a wrong key usage and other names too" issued wrong wrong
if reader_start wrong; then
    conform --pin env:PIN --json DAT >"$scratch/wrong.json"
    is "… and those two rows fail" "$(failures "$scratch/wrong.json" | grep -oE 'DAT-[0-9]+' | tr '\n' ' ')" \
        "DAT-12 DAT-24 "
    reader_stop
fi

like "without pcscd one sentence says so" "$(PCSCLITE_CSOCK_NAME=$scratch/none conform)" 'pcscd cannot be reached'

done_testing
