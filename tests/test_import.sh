#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_import.sh — bundles of real programs become cards; slots, renewal, chains; all of it or nothing; what goes wrong
# is said in one sentence.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

have jq || skip_all "jq is not installed"
cards=$XDG_DATA_HOME/vpiv/cards

# json FILTER — of what the last `import … --json` said.
json() { jq -r "$1" "$scratch/out"; }
import_json() { import "$@" --json >"$scratch/out" 2>"$scratch/err"; }
slots() { vpiv show --json "$1" | jq -r '[.slots[] | select(.key != null) | .slot] | join(" ")'; }
subject() { vpiv show --json "$1" | jq -r ".slots[] | select(.slot == \"$2\") | .certificate.subject"; }

# works CARD SLOT:ALGORITHM… — the keys do through pcscd what their certificates say.
works() {
    local card=$1
    shift
    vpiv run -c "$card" -- "$top_builddir/card_uses" "$PIN" "$@"
}

# refused "what is promised" REGEX VERB… — exit 1, one sentence that matches, nothing on stdout, nothing written.
state_of() { (cd "$scratch" && find data state -type f -path '*card*' -exec sha256sum {} + 2>/dev/null | sort); }
refused() {
    local name=$1 regex=$2 before after status
    shift 2
    before=$(state_of)
    "$@" >"$scratch/out" 2>"$scratch/err"
    status=$?
    after=$(state_of)
    if [ "$status" -eq 1 ] && [ "$(wc -l <"$scratch/err")" -eq 1 ] && ! [ -s "$scratch/out" ] &&
        grep -qE -- "$regex" "$scratch/err" && [ "$before" = "$after" ]; then
        pass "$name"
    else
        fail "$name" "status $status" "$(cat "$scratch/out" "$scratch/err")" "wanted: $regex"
    fi
}

# --- slots by key usage -------------------------------------------------------------------------------------------------
make_bundle login 9a RSA2048 && make_bundle sign 9c P-256 && make_bundle mail 9d RSA2048 && make_bundle door 9e P-256
import_json four "$scratch"/{mail,door,login,sign}.p12
is "each certificate goes where its key usage says" "$(json '[.keys[] | .slot] | join(" ")')" "9d 9e 9a 9c"
is "the output says why" "$(json '[.keys[] | select(.reason | length > 10)] | length')" 4
is "the chain is kept once" "$(json '.chain | join(",")')" "CN=Test CA"
ok "all four keys work" works four 9a:07 9c:11 9d:07 9e:11
like "a new card shows PUK and key once" "$(vpiv import -c once -p pass:secret --pin env:PIN "$scratch/login.p12")" \
    "PUK: +[0-9]{8}\$"
unlike "given ones are not shown" "$(import given "$scratch/login.p12" --management-key "pass:$(openssl rand -hex 24)")" \
    "PUK|Management key"
is "the card is named like the file" "$(cd "$scratch" && vpiv import -p pass:secret --pin env:PIN login.p12 --json |
    jq -r .card)" login

# --- bundles of other programs ----------------------------------------------------------------------------------------------
export WORD='Größe 世界'
from() { # program card password — $scratch/x.p12 becomes a card that works
    vpiv import -c "$2" --pin env:PIN --password "$3" --json "$scratch/x.p12" >"$scratch/out" &&
        works "$2" "$(json '.keys[0].slot'):$4"
}
quiet openssl pkcs12 -export -inkey "$scratch/login.key" -in "$scratch/login.pem" -passout env:WORD -out "$scratch/x.p12"
ok "openssl 3" from openssl o3 env:WORD 07
if quiet openssl pkcs12 -export -legacy -inkey "$scratch/login.key" -in "$scratch/login.pem" -passout env:WORD \
    -out "$scratch/x.p12"; then
    ok "openssl -legacy" from openssl ol env:WORD 07
else
    skip "openssl -legacy" "this openssl has no legacy provider"
fi
if have certtool; then
    quiet certtool --to-p12 --load-privkey "$scratch/sign.key" --load-certificate "$scratch/sign.pem" --p12-name x \
        --password "$WORD" --outder --outfile "$scratch/x.p12"
    ok "GnuTLS certtool" from certtool gt env:WORD 11
    quiet certtool --to-p12 --load-privkey "$scratch/sign.key" --load-certificate "$scratch/sign.pem" --p12-name x \
        --empty-password --null-password --password "" --outder --outfile "$scratch/x.p12"
    ok "GnuTLS certtool without a password" from certtool gn pass: 11
else
    skip "GnuTLS certtool" "certtool is not installed"
fi
if have keytool; then
    rm -f "$scratch/x.p12"
    quiet keytool -genkeypair -alias me -keyalg EC -groupname secp384r1 -dname CN=Java -storetype PKCS12 -storepass changeit \
        -keystore "$scratch/x.p12"
    ok "Java keytool" from keytool kt pass:changeit 14
    rm "$scratch/x.p12"
    quiet keytool -J-Dkeystore.pkcs12.legacy -genkeypair -alias me -keyalg RSA -keysize 2048 -dname CN=Java \
        -storetype PKCS12 -storepass changeit -keystore "$scratch/x.p12"
    ok "Java keytool of old" from keytool kl pass:changeit 07
else
    skip "Java keytool" "keytool is not installed"
fi
if have pk12util && have certutil; then
    mkdir "$scratch/nss"
    quiet certutil -N -d "$scratch/nss" --empty-password &&
        quiet pk12util -i "$scratch/login.p12" -W "$PASSWORD" -d "$scratch/nss" &&
        quiet pk12util -o "$scratch/x.p12" -n login -d "$scratch/nss" -W "$WORD"
    ok "NSS pk12util" from pk12util nss env:WORD 07
else
    skip "NSS pk12util" "pk12util is not installed"
fi

# --- several keys, certificates from elsewhere ---------------------------------------------------------------------------------
quiet openssl pkcs12 -export -inkey "$scratch/login.key" -nocerts -passout env:PASSWORD -out "$scratch/bare.p12"
refused "a key without a certificate is refused with the way out" "bare.p12: .*--cert FILE" import bare "$scratch/bare.p12"
import_json bare "$scratch/bare.p12" --cert "$scratch/login.pem"
is "--cert gives it one" "$(json '.keys[0].subject')" "O=vpiv test,CN=login"
quiet openssl x509 -in "$scratch/login.pem" -outform DER -out "$scratch/login.der"
ok "--cert takes DER" import der "$scratch/bare.p12" --cert "$scratch/login.der"
refused "--cert of another key is refused" "do not belong together" import no "$scratch/bare.p12" --cert "$scratch/sign.pem"
is "-s decides" "$(import asked -s 9c "$scratch/login.p12" --json | jq -r '.keys[0].slot + .keys[0].reason')" "9cas asked"
import_json policy "$scratch/login.p12" --pin-policy always
is "--pin-policy is kept" "$(vpiv show --json policy | jq -r '.slots[0].pin_policy')" always

# --- a card that is there -----------------------------------------------------------------------------------------------------------
renew() { # NAME — the same key, a certificate that is newer
    quiet openssl req -new -key "$scratch/$1.key" -out "$scratch/$1.csr" -subj "/CN=$1 renewed" &&
        quiet openssl x509 -req -in "$scratch/$1.csr" -CA "$scratch/ca.pem" -CAkey "$scratch/ca.key" -days 60 \
            -set_serial 77 -extfile "$scratch/$1.ext" -out "$scratch/$1-new.pem" &&
        quiet openssl pkcs12 -export -inkey "$scratch/$1.key" -in "$scratch/$1-new.pem" -passout env:PASSWORD \
            -out "$scratch/$1-new.p12"
}
change() { # CARD FILE… — with the PIN of the card
    local card=$1
    shift
    vpiv import -c "$card" --password env:PASSWORD --pin env:PIN --json "$@" >"$scratch/out" 2>"$scratch/err"
}
renew login
guid=$(vpiv show --json four | jq -r .guid)
change four "$scratch/login-new.p12"
is "the same key is renewed in place" "$(json '.keys[0] | .slot + " " + .how')" "9a renewed"
is "its certificate is the new one" "$(subject four 9a)" "CN=login renewed"
is "the GUID stays" "$(vpiv show --json four | jq -r .guid)" "$guid"
is "the URI stays" "$(vpiv uri -s 9a four)" \
    "pkcs11:manufacturer=piv_II;serial=$(tr -d - <<<"$guid" | cut -c17-);id=%01"
before=$(sha256sum "$XDG_DATA_HOME/vpiv/cards/four.card")
change four "$scratch/login-new.p12" --pin-policy never
is "once more changes nothing" "$(json '.keys[0].how + " " + (.written | tostring)')" "unchanged false"
is "… not a byte" "$(sha256sum "$XDG_DATA_HOME/vpiv/cards/four.card")" "$before"
like "… nor its PIN policy, which is said" "$(json '.keys[0].warnings | join("; ")')" 'keeps its PIN policy'
make_bundle mail2 9d P-256
change four "$scratch/mail2.p12"
is "a new key-management key retires the old one" "$(json '.keys[0] | .slot + " " + .retired_to')" "9d 82"
is "the old one is there with its certificate" "$(subject four 82)" "O=vpiv test,CN=mail"
ok "both still work" works four 9d:11 82:07
make_bundle login2 9a P-384
change four "$scratch/login2.p12"
is "another login key finds the places taken" "$(json '.keys[0].slot')" 83
is "--dry-run writes nothing" "$(sum=$(sha256sum <"$cards/four.card")
    change four -n "$scratch/sign.p12" "$scratch/mail.p12" && [ "$sum" = "$(sha256sum <"$cards/four.card")" ] && json .written)" false
refused "a wrong PIN counts" "wrong PIN; 2 tries are left" \
    env PIN=999999 bash -c 'exec "$0" import --user -c four -p env:PASSWORD --pin env:PIN "$1"' "$VPIV" "$scratch/login.p12"
is "one try is gone" "$(vpiv show --json four | jq .pin.left)" 2
key=$(openssl rand -hex 24)
quiet import keyed "$scratch/login.p12" --management-key "pass:$key"
ok "the management key will do instead" \
    vpiv import -c keyed -p env:PASSWORD --management-key "pass:$key" "$scratch/sign.p12"
ok "and the keys work" works keyed 9a:07 9c:11
refused "a wrong management key will not" "wrong management key" \
    vpiv import -c keyed -p env:PASSWORD --management-key "pass:$(openssl rand -hex 24)" "$scratch/mail.p12"

# --- chains -------------------------------------------------------------------------------------------------------------------------------
is "vpiv cert writes the certificate" "$(vpiv cert -c keyed 9a)" "$(openssl x509 -in "$scratch/login.pem")"
vpiv cert -c keyed --chain 9a >"$scratch/chain.pem"
is "--chain adds the CA's" "$(grep -c BEGIN "$scratch/chain.pem")" 2
ok "which verifies it" openssl verify -CAfile "$scratch/chain.pem" "$scratch/login.pem"
import_json chained --chain-slots "$scratch/login.p12"
is "--chain-slots puts the CA into a retired slot" "$(subject chained 82)" "CN=Test CA"

# --- warnings: the import goes on ---------------------------------------------------------------------------------------------------------------
warns() { # "what" REGEX openssl-req-options…
    local name=$1 regex=$2
    shift 2
    quiet openssl req -x509 -key "$scratch/login.key" -subj /CN=w -out "$scratch/w.pem" "$@" &&
        quiet openssl pkcs12 -export -inkey "$scratch/login.key" -in "$scratch/w.pem" -passout env:PASSWORD \
            -out "$scratch/w.p12"
    rm -f "$cards/w.card"
    rm -rf "$XDG_STATE_HOME/vpiv/tries"
    like "$name" "$(import w "$scratch/w.p12" 2>&1 >/dev/null) status $?" "warning: .*$regex.* status 0"
}
warns "soon to expire" "expires soon" -days 10
warns "key usage forbids signing" "forbids signing" -days 100 -addext keyUsage=keyCertSign
make_key RSA1024 "$scratch/weak.key"
quiet openssl req -x509 -key "$scratch/weak.key" -subj /CN=weak -days 100 -out "$scratch/weak.pem"
quiet openssl pkcs12 -export -nomac -inkey "$scratch/weak.key" -in "$scratch/weak.pem" -passout env:PASSWORD \
    -out "$scratch/weak.p12"
import weak "$scratch/weak.p12" >/dev/null 2>"$scratch/err"
like "RSA-1024 is taken with a warning" "$(cat "$scratch/err")" "RSA1024 is too weak"
like "a missing MAC is a warning" "$(cat "$scratch/err")" "no integrity check"
ok "and the key works" works weak 9a:06

# U+009B is "escape [" to a terminal; a subject may hold it.
quiet openssl req -x509 -key "$scratch/login.key" -utf8 -subj "$(printf '/CN=red\302\23331m')" -days 100 -out "$scratch/red.pem"
quiet openssl pkcs12 -export -inkey "$scratch/login.key" -in "$scratch/red.pem" -passout env:PASSWORD -out "$scratch/red.p12"
rm -f "$cards/red.card"
is "a subject that a terminal would obey is shown without that" \
    "$(import red "$scratch/red.p12" 2>/dev/null | grep -o 'CN=.*'; vpiv show red | grep -o 'CN=.*' | sort -u)" \
    "$(printf 'CN=red??31m\nCN=red??31m')"

# --- what cannot be ---------------------------------------------------------------------------------------------------------------------------------
refused "a wrong password" "login.p12: wrong password, or the file is damaged" \
    vpiv import -c no -p pass:wrong --pin env:PIN "$scratch/login.p12"
refused "a file that is not there" "nowhere.p12: No such file" import no "$scratch/nowhere.p12"
refused "a directory" "it is a directory" import no "$scratch"
refused "PEM" "openssl pkcs12 -export" import no "$scratch/login.key"
refused "a certificate" "no private key" import no "$scratch/login.pem"
quiet openssl pkcs12 -export -nokeys -in "$scratch/login.pem" -passout env:PASSWORD -out "$scratch/nokey.p12"
refused "no private key" "nokey.p12: no private key in it, only 1 certificate:" import no "$scratch/nokey.p12"
for kind in P-521:P-521 secp256k1:secp256k1 ED448:ED448 RSA8192:"RSA 8192" DSA:DSA; do
    case $kind in
    ED448*) quiet openssl genpkey -algorithm ED448 -out "$scratch/odd.key" ;;
    RSA8192*) quiet openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:8192 -pkeyopt rsa_keygen_primes:5 \
        -out "$scratch/odd.key" ;;
    DSA*) quiet openssl genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:1024 -out "$scratch/dsa.par" &&
        quiet openssl genpkey -paramfile "$scratch/dsa.par" -out "$scratch/odd.key" ;;
    *) make_key "${kind%%:*}" "$scratch/odd.key" ;;
    esac
    quiet openssl req -x509 -key "$scratch/odd.key" -subj /CN=odd -days 9 -out "$scratch/odd.pem"
    quiet openssl pkcs12 -export -inkey "$scratch/odd.key" -in "$scratch/odd.pem" -passout env:PASSWORD \
        -out "$scratch/odd.p12"
    refused "a ${kind##*:} key, by name" "no place for its key: .*${kind##*:}" import no "$scratch/odd.p12"
done
for pin in 12345 123456789 12345a ""; do
    refused "PIN '$pin'" "a PIN is 6 to 8 digits" \
        env PIN="$pin" bash -c 'exec "$0" import --user -c no -p env:PASSWORD --pin env:PIN "$1"' "$VPIV" "$scratch/login.p12"
done
refused "one bad bundle among good ones: none is taken" "nokey.p12" import no "$scratch/login.p12" "$scratch/nokey.p12"
refused "no terminal to ask on" "give --pin" setsid "$VPIV" import --user -c no -p env:PASSWORD "$scratch/login.p12"
echo broken >"$cards/broken.card"
chmod 600 "$cards/broken.card"
refused "a broken card" "broken" vpiv import -c broken -p env:PASSWORD --pin env:PIN "$scratch/login.p12"
is "usage: -s with two keys" "$(import no -s 9a "$scratch"/{login,sign}.p12 2>/dev/null; echo $?)" 2
is "usage: an unknown slot" "$(import no -s 9b "$scratch/login.p12" 2>/dev/null; echo $?)" 2
ok "no key is on the disk in the clear" bash -c "! grep -rqE 'PRIVATE KEY|$PASSWORD' \"\$0\"" "$XDG_DATA_HOME"

# --- new, show, list ----------------------------------------------------------------------------------------------------------------------------------
like "vpiv new says what comes next" "$(vpiv new plain --pin env:PIN)" "Next: 'vpiv import -c plain FILE.p12'"
refused "vpiv new does not overwrite" "there already" vpiv new plain --pin env:PIN
is "vpiv new --factory asks nothing" "$(vpiv new works --factory --json | jq -r 'has("puk")')" false
is "options are kept" "$(vpiv new opts --factory --guid 00112233-4455-4677-8899-aabbccddeeff --management-algorithm AES-192 \
    --pin-tries 5 --puk-tries 7 >/dev/null && vpiv show --json opts |
    jq -r '"\(.guid) \(.management_algorithm) \(.pin.allowed) \(.puk.allowed)"')" \
    "00112233-4455-4677-8899-aabbccddeeff AES-192 5 7"
is "vpiv list names cards, good and broken" "$(vpiv list --json | jq -r '[.cards[] | select(.card == "four" or .card == "broken") |
    .card + (.error != null | tostring)] | join(" ")')" "brokentrue fourfalse"
like "vpiv list in words" "$(vpiv list)" "^broken +- +broken: "
for word in subject issuer serial valid usage label; do
    like "vpiv show tells the $word" "$(vpiv show four)" "^    $word +[^ ]"
done
is "vpiv show without a name shows the card in the reader" "$(vpiv run -c four -- "$VPIV" show --user --json | jq -r '.card + "\(.reader)"')" four0
if have p11tool; then
    like "p11-kit finds the key by its URI" "$(vpiv run -c four -- p11tool --list-all "$(vpiv uri -s 9a four)" 2>&1)" "CN=login|Certificate for PIV"
else
    skip "p11-kit finds the key by its URI" "p11tool is not installed"
fi
done_testing
