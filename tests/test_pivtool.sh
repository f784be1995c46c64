#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_pivtool.sh — OpenSC writes to a card of persona piv: keys, objects, certificates; and sees 24 keys at once.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

for program in pcscd openssl piv-tool pkcs15-tool pkcs11-tool; do
    have "$program" || skip_all "$program is not installed"
done

# The management key reaches piv-tool by a file that this variable names.
export PIV_EXT_AUTH_KEY=$scratch/management
printf '01:02:03:04:05:06:07:08:01:02:03:04:05:06:07:08:01:02:03:04:05:06:07:08\n' >"$PIV_EXT_AUTH_KEY"
admin() { timeout 60 piv-tool -A M:9B:03 "$@" 2>&1; }

# --- management key, generation, objects, certificate ---------------------------------------------------------------
ok "a card with the factory management key" vpiv new --factory written
reader_start written || skip_all "vpiv run does not start"
# OpenSC (0.23 and 0.26 seen) builds the parameters of the public key twice, and OpenSSL 3 takes the second, empty ones for no key: the
# card has generated it all the same.  What the card answered stands in piv-tool's own log.
answer_to_generate() {
    awk '/INS:47,/ { on = 1 } /Incoming APDU/ && on { take = 1; next }
         take && /^[0-9A-F][0-9A-F] / { line = substr($0, 1, 48); gsub(/[^0-9A-F]/, "", line); body = body line; next }
         take { sub(/(90|61)..$/, "", body); take = 0 } /INS:(DB|20|CB),/ { on = 0 } END { print body }' "$1"
}
spki_of() { # modulus in hex: a public key as OpenSSL reads it
    printf 'asn1=SEQUENCE:spki\n[spki]\nalgorithm=SEQUENCE:rsa\nkey=BITWRAP,SEQUENCE:numbers\n[rsa]\noid=OID:rsaEncryption
none=NULL\n[numbers]\nn=INTEGER:0x%s\ne=INTEGER:0x010001\n' "$1" |
        openssl asn1parse -genconf /dev/stdin -noout -out "$scratch/spki.der" &&
        openssl pkey -pubin -inform DER -in "$scratch/spki.der" -out "$2"
}
out=$(admin -vvv -G 9A:07 -o "$scratch/9a.file")
printf '%s\n' "$out" >"$scratch/log"
body=$(answer_to_generate "$scratch/log")
like "the card answers GENERATE with a 2048-bit modulus and 65537" "$body" '^7F4982010981820100[0-9A-F]{512}8203010001$'
ok "… which is a public key" spki_of "${body:18:512}" "$scratch/9a.pub"
if grep -q 'BEGIN PUBLIC KEY' "$scratch/9a.file"; then
    pass "piv-tool -G 9A:07 writes the public key"
else
    skip "piv-tool -G 9A:07 writes the public key" "this OpenSC fails here by itself, after the card's answer"
fi
make_ca
quiet openssl req -new -newkey rsa:2048 -nodes -keyout "$scratch/other.key" -subj "/CN=made on the card" \
    -out "$scratch/other.csr"
quiet openssl x509 -req -in "$scratch/other.csr" -force_pubkey "$scratch/9a.pub" -CA "$scratch/ca.pem" \
    -CAkey "$scratch/ca.key" -set_serial 7 -days 30 -out "$scratch/9a.pem"
# Its exit status is the number of bytes written, cut to a byte: what counts is what is on the card then.
admin -C 9A -i "$scratch/9a.pem" >/dev/null
is "piv-tool -C writes a certificate" "$(pkcs11-tool --read-object --type cert --id 01 2>/dev/null | openssl x509 -inform DER)" \
    "$(openssl x509 -in "$scratch/9a.pem")"
printf 'a message' >"$scratch/message"
ok "pkcs11-tool signs with the generated key" pkcs11-tool --login --pin 123456 --sign --id 01 -m SHA256-RSA-PKCS \
    -i "$scratch/message" -o "$scratch/signature"
ok "OpenSSL verifies it" openssl dgst -sha256 -verify "$scratch/9a.pub" -signature "$scratch/signature" \
    "$scratch/message"
# What piv-tool takes as an object is the whole element, 53 and its length.
printf '\x53\x0a\x70\x05hello\x71\x01\x00' >"$scratch/object"
admin -O 6030 -i "$scratch/object" >/dev/null
like "piv-tool -O -i writes an object" "$(opensc-tool -s 0020008008313233343536FFFF -s 00CB3FFF055C035FC10800 2>/dev/null |
    tail -n 2 | tr -d '\n')" '53 0A 70 05 68 65 6C 6C 6F 71 01 00'
printf '00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00\n' >"$PIV_EXT_AUTH_KEY"
not_ok "the wrong management key is refused" admin -G 9A:07 -o "$scratch/not"
ok "pkcs15-tool --change-pin" pkcs15-tool --change-pin --auth-id 01 --pin 123456 --new-pin 654321
ok "pkcs15-tool --unblock-pin" pkcs15-tool --unblock-pin --auth-id 01 --puk 12345678 --new-pin 123456
ok "the PIN it gave is right" pkcs15-tool --verify-pin --auth-id 01 --pin 123456
reader_stop

# --- 24 keys and certificates at once ---------------------------------------------------------------------------------
files=()
for n in $(seq 1 24); do
    role=9d
    case $n in 1) role=9a ;; 2) role=9c ;; 3) role=9e ;; esac
    make_bundle "full-$n" $role P-256 || exit 99
    files+=("$scratch/full-$n.p12")
done
ok "24 bundles make one card" import full "${files[@]}"
reader_start full || skip_all "vpiv run does not start"
is "OpenSC lists 24 certificates" "$(pkcs11-tool --list-objects --type cert 2>/dev/null | grep -c '^Certificate Object')" 24
is "OpenSC lists 24 private keys" "$(pkcs11-tool --login --pin env:PIN --list-objects --type privkey 2>/dev/null |
    grep -c '^Private Key Object')" 24
make_key P-256 "$scratch/peer" && openssl pkey -in "$scratch/peer" -pubout -outform DER -out "$scratch/peer.der"
ok "the last retired key derives" pkcs11-tool --login --pin env:PIN --derive --id 18 -m ECDH1-COFACTOR-DERIVE \
    -i "$scratch/peer.der" -o "$scratch/shared"
found=
for n in $(seq 1 24); do
    openssl pkeyutl -derive -inkey "$scratch/peer" -peerkey "$scratch/full-$n.pub" -out "$scratch/wanted" &&
        cmp -s "$scratch/wanted" "$scratch/shared" && found=$n
done
like "… what OpenSSL derives with one of the 24" "$found" '^[0-9]+$'
reader_stop
done_testing
