#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_yubikey.sh — Yubico's programs take the card for a YubiKey 5.7.1; OpenSSL checks what it computes.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

for program in pcscd openssl yubico-piv-tool pkcs11-tool; do
    have "$program" || skip_all "$program is not installed"
done

management=010203040506070801020304050607080102030405060708
other_management=a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718
tool_version=$(yubico-piv-tool --version | awk '{ print $2 }')
# A fault of 2.2.0 with OpenSSL 3: it fails before it sends anything.
signs_itself() { [ "${tool_version%%.*}" -gt 2 ] || [ "$(echo "$tool_version" | cut -d. -f2)" -ge 4 ]; }

tool() { timeout 60 yubico-piv-tool "$@" 2>&1; }
fresh() { # card of its own for each part
    [ -z "$reader_pid" ] || reader_stop
    reader_start_with --persona yubikey "$@"
}
verify_with() { # certificate.pem message signature
    openssl x509 -in "$1" -noout -pubkey >"$scratch/verify.pub" &&
        openssl dgst -sha256 -verify "$scratch/verify.pub" -signature "$3" "$2"
}

# --- yubico-piv-tool: every action ----------------------------------------------------------------------------------
piv_tool_actions() {
    local out slot=9a
    fresh || { fail "a private pcscd starts" && return; }
    out=$(tool -a status)
    like "status: firmware 5.7.1" "$out" '^Version:[[:space:]]+5\.7\.1'
    like "status: a serial number" "$out" '^Serial Number:[[:space:]]+[1-9][0-9]*'
    like "status: three tries" "$out" 'PIN tries left:[[:space:]]+3'
    like "version" "$(tool -a version)" '5\.7\.1'
    like "list-readers" "$(tool -a list-readers)" '^Yubico YubiKey CCID'
    ok "verify-pin" tool -a verify-pin -P 123456
    not_ok "verify-pin with a wrong PIN" tool -a verify-pin -P 111111
    ok "set-chuid" tool -a set-chuid
    ok "set-ccc" tool -a set-ccc

    ok "generate RSA-2048 in 9a" tool -a generate -s 9a -A RSA2048 -o "$scratch/9a.pub"
    ok "generate P-256 in 9c" tool -a generate -s 9c -A ECCP256 -o "$scratch/9c.pub"
    ok "generate P-384 in 9d" tool -a generate -s 9d -A ECCP384 -o "$scratch/9d.pub"
    ok "the public keys are keys" openssl pkey -pubin -in "$scratch/9d.pub" -noout
    if signs_itself; then
        ok "selfsign" tool -a verify-pin -a selfsign -s 9a -S "/CN=nine a/" -P 123456 -i "$scratch/9a.pub" \
            -o "$scratch/9a.pem"
        ok "its signature verifies" openssl verify -CAfile "$scratch/9a.pem" "$scratch/9a.pem"
        ok "request-certificate" tool -a verify-pin -a request -s 9c -S "/CN=nine c/" -P 123456 \
            -i "$scratch/9c.pub" -o "$scratch/9c.csr"
        ok "its signature verifies" openssl req -in "$scratch/9c.csr" -verify -noout
        ok "import-certificate" tool -a import-certificate -s 9a -i "$scratch/9a.pem"
        ok "read-certificate" tool -a read-certificate -s 9a -o "$scratch/9a.read"
        ok "… reads what was written" diff <(openssl x509 -in "$scratch/9a.pem") <(openssl x509 -in "$scratch/9a.read")
        ok "test-signature" tool -a verify-pin -a test-signature -s 9a -P 123456 -i "$scratch/9a.pem"
        ok "test-decipher" tool -a verify-pin -a test-decipher -s 9a -P 123456 -i "$scratch/9a.pem"
        ok "delete-certificate" tool -a delete-certificate -s 9a
        not_ok "… and it is gone" tool -a read-certificate -s 9a
    else
        skip "selfsign, request" "yubico-piv-tool $tool_version fails here by itself, before any command to the card"
    fi
    ok "attest" tool -a attest -s 9a -o "$scratch/attest.pem"
    ok "read the issuer of attestations" tool -a read-certificate -s f9 -o "$scratch/f9.pem"
    ok "the attestation verifies" openssl verify -CAfile "$scratch/f9.pem" "$scratch/attest.pem"
    like "its issuer says that it is virtual" "$(openssl x509 -in "$scratch/f9.pem" -noout -subject)" 'virtual'
    is "it is of the slot's key" "$(openssl x509 -in "$scratch/attest.pem" -noout -pubkey)" \
        "$(openssl pkey -pubin -in "$scratch/9a.pub")"
    for slot in 9a:RSA2048 9e:P-256; do
        make_bundle "yk-${slot#*:}" 9a "${slot#*:}" || exit 99
        ok "import ${slot#*:} from PKCS#12 into ${slot%:*}" tool -a import-key -a import-certificate -s "${slot%:*}" \
            -K PKCS12 -p "$PASSWORD" -i "$scratch/yk-${slot#*:}.p12"
        ok "test-signature with it" tool -a verify-pin -a test-signature -s "${slot%:*}" -P 123456 \
            -i "$scratch/yk-${slot#*:}.pem"
    done
    not_ok "an imported key is not attested" tool -a attest -s 9a
    ok "delete-certificate" tool -a delete-certificate -s 9e
    not_ok "… and it is gone" tool -a read-certificate -s 9e
    if yubico-piv-tool --help | grep -q move-key; then
        ok "move-key" tool -a move-key -s 9d --to-slot 82
        ok "delete-key" tool -a delete-key -s 82
        not_ok "… nothing left to attest" tool -a attest -s 82
    else
        skip "move-key, delete-key" "yubico-piv-tool $tool_version does not have them"
    fi
    ok "set-mgm-key" tool -a set-mgm-key -n "$other_management"
    not_ok "the old one is refused" tool -a set-chuid
    ok "the new one serves" tool "-k$other_management" -a set-chuid
    ok "change-pin" tool -a change-pin -P 123456 -N 654321
    ok "change-puk" tool -a change-puk -P 12345678 -N 87654321
    ok "unblock-pin" tool -a unblock-pin -P 87654321 -N 123456
    ok "pin-retries" tool "-k$other_management" -a verify-pin -P 123456 -a pin-retries --pin-retries 5 --puk-retries 4
    like "five tries" "$(tool -a status)" 'PIN tries left:[[:space:]]+5'
    not_ok "reset while not blocked" tool -a reset
    for _ in 1 2 3 4 5; do tool -a verify-pin -P 000000 >/dev/null; done
    for _ in 1 2 3 4; do tool -a change-puk -P 00000000 -N 11111111 >/dev/null; done
    ok "reset when both are blocked" tool -a reset
    ok "the factory PIN is back" tool -a verify-pin -P 123456
    ok "the factory management key is back" tool -a set-chuid
}

# --- ykman ----------------------------------------------------------------------------------------------------------
ykman_actions() {
    local out
    if ! have ykman; then
        skip "ykman" "ykman is not installed"
        return
    fi
    yk() { timeout 60 ykman "$@" 2>&1; }
    fresh || { fail "a private pcscd starts" && return; }
    like "ykman list: a YubiKey with its serial number" "$(yk list)" 'YubiKey.*\(5\.7\.1\).*Serial: [1-9][0-9]*'
    like "ykman info: PIV alone" "$(yk info)" 'PIV[[:space:]]+Enabled'
    ok "keys generate" yk piv keys generate -m "$management" -P 123456 -a ECCP256 9a "$scratch/yk.pub"
    ok "certificates generate" yk piv certificates generate -m "$management" -P 123456 -s "CN=nine a" 9a "$scratch/yk.pub"
    ok "certificates export" yk piv certificates export 9a "$scratch/yk.pem"
    ok "… it verifies" openssl verify -CAfile "$scratch/yk.pem" "$scratch/yk.pem"
    ok "certificates request" yk piv certificates request -P 123456 -s "CN=nine a" 9a "$scratch/yk.pub" "$scratch/yk.csr"
    ok "… it verifies" openssl req -in "$scratch/yk.csr" -verify -noout
    ok "keys attest" yk piv keys attest 9a "$scratch/yk.attest"
    make_bundle ykman 9c RSA2048 || exit 99
    ok "keys import of a PKCS#12 file" yk piv keys import -m "$management" -P 123456 -p "$PASSWORD" 9c "$scratch/ykman.p12"
    ok "certificates import" yk piv certificates import -m "$management" -P 123456 -p "$PASSWORD" 9c "$scratch/ykman.p12"
    out=$(yk piv info)
    like "info names both slots" "$out" 'Slot 9[aA]'
    like "info names both slots" "$out" 'Slot 9[cC]'
    ok "objects import" yk piv objects import -m "$management" 0x5fc10a "$scratch/yk.pem"
    ok "objects export" yk piv objects export 0x5fc10a "$scratch/yk.object"
    ok "… byte for byte" cmp "$scratch/yk.pem" "$scratch/yk.object"
    ok "access change-pin" yk piv access change-pin -P 123456 -n 654321
    ok "access change-puk" yk piv access change-puk -p 12345678 -n 87654321
    ok "access unblock-pin" yk piv access unblock-pin -p 87654321 -n 123456
    ok "access change-management-key, protected by the PIN" yk piv access change-management-key -m "$management" \
        -P 123456 --protect --generate -f
    ok "… which then serves" yk piv keys generate -P 123456 -a ECCP384 9d "$scratch/yk.9d"
    ok "reset" yk piv reset -f
    like "after it nothing is left" "$(yk piv info)" 'No data available'
}

# --- older ones: what the tools ask of each firmware --------------------------------------------------------------------------
older_firmware() {
    local firmware out model
    for firmware in 4.3.5:YubiKey\ 4 5.4.3:YubiKey\ 5; do
        model=${firmware#*:} firmware=${firmware%:*}
        ok "a card of firmware $firmware" vpiv new "yk-$firmware" --persona yubikey --firmware "$firmware" --serial 12345678 \
            --factory --no-insert
        [ -z "$reader_pid" ] || reader_stop
        reader_start "yk-$firmware" || { fail "a private pcscd starts" && return; }
        out=$(tool -a status)
        like "$firmware: yubico-piv-tool knows it" "$out" "^Version:[[:space:]]+${firmware//./\\.}"
        like "$firmware: … with its serial number" "$out" '^Serial Number:[[:space:]]+12345678'
        like "$firmware: … reads its objects" "$out" '^CHUID:[[:space:]]+3019'
        like "$firmware: … and its tries" "$out" '^PIN tries left:[[:space:]]+3'
        ok "$firmware: generate" tool -a generate -s 9a -A ECCP256 -o "$scratch/old.pub"
        ok "$firmware: attest" tool -a attest -s 9a -o "$scratch/old.pem"
        not_ok "$firmware: no RSA-4096" tool -a generate -s 9c -A RSA4096 -o "$scratch/old.pub"
        if have ykman; then
            like "$firmware: ykman knows it" "$(timeout 60 ykman list 2>&1)" "$model.*\(${firmware//./\\.}\).*Serial: 12345678"
            like "$firmware: ykman piv info" "$(timeout 60 ykman piv info 2>&1)" "PIV version: +${firmware//./\\.}"
            if [ "$firmware" = 4.3.5 ]; then
                not_ok "$firmware: no AES" timeout 60 ykman piv access change-management-key -m "$management" -a AES128 -g -f
            else
                ok "$firmware: AES" timeout 60 ykman piv access change-management-key -m "$management" -a AES128 -f \
                    -n 000102030405060708090a0b0c0d0e0f
            fi
        fi
    done
}

# --- ykcs11 and OpenSC's module on the same card --------------------------------------------------------------------
modules() {
    local module
    module=$(find /usr/lib /usr/local/lib -name 'libykcs11.so*' 2>/dev/null | head -n 1)
    fresh || { fail "a private pcscd starts" && return; }
    make_bundle both 9a RSA2048 || exit 99
    ok "import for both modules" tool -a import-key -a import-certificate -s 9a -K PKCS12 -p "$PASSWORD" \
        -i "$scratch/both.p12"
    like "OpenSC's self-test" "$(pkcs11-tool --login --pin 123456 --test 2>&1)" '^No errors'
    if [ -z "$module" ]; then
        skip "Yubico's module" "libykcs11 is not installed"
        return
    fi
    like "Yubico's module: self-test" "$(pkcs11-tool --module "$module" --login --pin 123456 --test 2>&1)" '^No errors'
    like "Yubico's module generates a key" "$(pkcs11-tool --module "$module" --login --login-type so \
        --so-pin "$management" --keypairgen --key-type EC:prime256v1 --id 3 2>&1)" 'Key pair generated'
    like "… and shows its attestation" "$(pkcs11-tool --module "$module" --list-objects --type cert 2>&1)" \
        'Attestation of (Key Management|key 9d)|X.509 Certificate for PIV Attestation 9d'
}

# --- what OpenSC's own continuous integration does with its PIV card (.github/test-piv.sh), as one line ------------------------
opensc_chain() {
    local start
    if ! signs_itself; then
        skip "the chain of OpenSC's continuous integration" "it needs a yubico-piv-tool that signs"
        return
    fi
    cat >"$scratch/chain" <<'END'
set -ex
cd "$(dirname "$0")"
opensc-tool --card-driver default --send-apdu 80b80000120ba000000308000010000100050000020F0F7f
opensc-tool -n
for key in 9e:RSA2048 9a:RSA2048 9c:ECCP256 9d:ECCP256; do
    slot=${key%:*}
    tool="yubico-piv-tool -v -P 123456 -s $slot"
    $tool -r 'Virtual PCD 00 00' -a generate -A "${key#*:}" >"$slot.pub"
    $tool -r 'Virtual PCD 00 00' -S "/CN=$slot/OU=test/O=example.com/" -a verify-pin -a selfsign <"$slot.pub" >"$slot.crt"
    $tool -r 'Virtual PCD 00 00' -a import-certificate <"$slot.crt"
done
pkcs11-tool -l -O -p 123456
pkcs11-tool -l -t -p 123456
END
    start=$(date +%s%3N)
    ok "OpenSC's chain" vpiv run --persona yubikey --reader-name "Virtual PCD" -- sh "$scratch/chain"
    start=$(($(date +%s%3N) - start))
    diag "$start ms; the two sleeps of the original take 10000"
    vpiv run --persona yubikey --reader-name "Virtual PCD" -- sh "$scratch/chain" >"$scratch/chain.log" 2>&1
    like "the applet is not to be installed" "$(cat "$scratch/chain.log")" 'SW1=0x6E, SW2=0x00'
    is "pkcs11-tool -l -O: four private keys" "$(grep -c '^Private Key' "$scratch/chain.log")" 4
    like "pkcs11-tool -l -t" "$(cat "$scratch/chain.log")" '^No errors'
}

piv_tool_actions
ykman_actions
older_firmware
modules
opensc_chain
[ -z "$reader_pid" ] || reader_stop
done_testing
