#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# demo.sh — a PKCS#12 file becomes a card: OpenSC lists it, the card signs, OpenSSL verifies.
#
# Usage: demo.sh BUILD-DIRECTORY [FILE.p12]
# Everything lives in a temporary directory that is removed at the end; nothing of the machine's is touched.
set -eu

say() { printf '\n==> %s\n' "$*"; }
show() {
    printf '$ %s\n' "$*"
    "$@"
}
die() {
    printf 'demo: %s\n' "$*" >&2
    exit 1
}

# The second half, run by `vpiv run` with PCSCLITE_CSOCK_NAME set: PIN and work directory are in the environment.
inside() {
    cd "$DEMO_DIRECTORY"
    say "OpenSC lists the card"
    show opensc-tool --list-readers
    show pkcs11-tool --list-objects --login --pin env:DEMO_PIN || die "OpenSC does not see the card"
    say "The card signs, OpenSSL verifies"
    printf 'signed by a card that is a file\n' >message
    for id in $(pkcs11-tool --list-objects --type cert 2>/dev/null | sed -n 's/^ *ID: *//p'); do
        pkcs11-tool --read-object --type cert --id "$id" --output-file cert.der >/dev/null 2>&1 || continue
        openssl x509 -inform DER -in cert.der -pubkey -noout >public.pem || continue
        case $(openssl pkey -pubin -in public.pem -noout -text) in
        *"ASN1 OID:"*) mechanism=ECDSA input=digest ;;
        *) mechanism=SHA256-RSA-PKCS input=message ;;
        esac
        openssl dgst -sha256 -binary -out digest message
        set -- --sign --id "$id" --mechanism "$mechanism" --input-file "$input" --output-file signature
        [ "$mechanism" != ECDSA ] || set -- "$@" --signature-format openssl
        printf '$ pkcs11-tool --login %s\n' "$*"
        if ! pkcs11-tool --login --pin env:DEMO_PIN "$@" >log 2>&1; then
            # A key for decryption does not sign (SP 800-73-5 Part 1, 3.1); the next one may.
            sed 's/^/    /' log
            continue
        fi
        show openssl dgst -sha256 -verify public.pem -signature signature message
        openssl x509 -inform DER -in cert.der -noout -subject
        return 0
    done
    die "no key of this card signs with a mechanism that this OpenSC knows"
}

if [ "${1:-}" = --inside ]; then
    inside
    exit
fi

self=$(readlink -f "$0")
build=$(cd "$1" && pwd)
bundle=${2:-}
umask 077
DEMO_DIRECTORY=$(mktemp -d "${TMPDIR:-/tmp}/vpiv-demo.XXXXXX")
trap 'cd / && rm -rf "$DEMO_DIRECTORY"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
export DEMO_DIRECTORY
export XDG_CONFIG_HOME="$DEMO_DIRECTORY/config" XDG_DATA_HOME="$DEMO_DIRECTORY/data"
export XDG_STATE_HOME="$DEMO_DIRECTORY/state"
export VPIV_DRIVER="${VPIV_DRIVER:-$build/.libs/libifdvpiv.so}"
# Only for the card of this demonstration, which is gone in a moment.
export DEMO_PIN=123456

if [ -n "$bundle" ]; then
    say "Importing $bundle (the card's PIN is $DEMO_PIN for this demonstration)"
    show "$build/vpiv" import --user -c demo --pin env:DEMO_PIN "$bundle"
else
    say "Making a certificate authority and a certificate, in a PKCS#12 file"
    cd "$DEMO_DIRECTORY"
    export DEMO_PASSWORD=throw-away
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj "/CN=Throw-away CA" 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -keyout alice.key -out alice.csr -subj "/CN=Alice Demo/O=vpiv" 2>/dev/null
    cat >extensions <<'END'
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
END
    openssl x509 -req -in alice.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile extensions \
        -out alice.pem 2>/dev/null
    show openssl pkcs12 -export -inkey alice.key -in alice.pem -certfile ca.pem -name "Alice Demo" \
        -out alice.p12 -passout env:DEMO_PASSWORD
    rm -f alice.key ca.key
    say "Importing it"
    show "$build/vpiv" import --user -c demo --password env:DEMO_PASSWORD --pin env:DEMO_PIN alice.p12
fi
show "$build/vpiv" show --user demo

say "Running OpenSC in a private pcscd with the card in its reader"
show "$build/vpiv" run --user -c demo -- sh "$self" --inside

cat <<END

It works. The demonstration's card is gone again; nothing of this machine's was changed. What to do next:

    make -C build install                        # or: cd build && ../configure --prefix=\$HOME/.local && make install
    vpiv import FILE.p12                         # makes a card of your own file; asks its password and a new PIN
    vpiv run -c CARD -- chromium                 # any program, with the card in a private reader
    vpiv run                                     # a shell with a throw-away card (PIN 123456)
    man vpiv                                     # everything else

END
