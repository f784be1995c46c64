#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_clients.sh — curl and Chromium show the card's certificate to a web server that demands one.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

PATH=$PATH:/usr/sbin
for program in pcscd openssl nginx pkcs11-tool; do
    have "$program" || skip_all "$program is not installed"
done
module=$(find /usr/lib /usr/lib64 -name opensc-pkcs11.so 2>/dev/null | head -n 1)
[ -n "$module" ] || skip_all "OpenSC's PKCS#11 module is not installed"

nginx_start || skip_all "nginx did not start"

# --- curl --------------------------------------------------------------------------------------------------------------
# OpenSSL reaches the card by libp11's engine or, where a distribution has dropped engines, by the pkcs11 provider.
openssl_directory() { openssl version "$1" | sed 's/.*"\(.*\)"/\1/'; }
engine=$(openssl_directory -e 2>/dev/null)/pkcs11.so
provider=$(openssl_directory -m 2>/dev/null)/pkcs11.so
uri="pkcs11:id=%01;type"
cat >"$scratch/openssl.cnf" <<END
openssl_conf = main
[main]
providers = providers
[providers]
default = default_provider
pkcs11 = pkcs11_provider
[default_provider]
activate = 1
[pkcs11_provider]
module = $provider
pkcs11-module-path = $module
activate = 1
END

fetch_engine() {
    PKCS11_MODULE_PATH=$module timeout 60 curl -sS --cacert "$scratch/ca.pem" "$@" --engine pkcs11 --cert-type ENG \
        --cert "$uri=cert" --key-type ENG --key "$uri=private;pin-value=$PIN" "$web/" 2>&1
}
fetch_provider() {
    OPENSSL_CONF=$scratch/openssl.cnf timeout 60 curl -sS --cacert "$scratch/ca.pem" "$@" --cert-type PROV \
        --cert "$uri=cert" --key-type PROV --key "$uri=private?pin-value=$PIN" "$web/" 2>&1
}
fetch='' how=''
if ! have curl; then
    how="curl is not installed"
elif [ -e "$engine" ] && curl --version | grep -q OpenSSL && PKCS11_MODULE_PATH=$module openssl engine pkcs11 >/dev/null 2>&1; then
    fetch=fetch_engine how="OpenSSL engine"
elif [ -e "$provider" ]; then
    fetch=fetch_provider how="pkcs11 provider"
else
    how="OpenSSL has neither the pkcs11 engine nor the provider"
fi

for kind in RSA2048 P-256; do
    make_bundle "web-$kind" 9a "$kind" "/CN=Alice $kind/O=vpiv test" || exit 99
    ok "$kind: vpiv import makes a card" import "web-$kind" "$scratch/web-$kind.p12"
done
ok "the server refuses those without a certificate" grep -q '400 No required SSL certificate' \
    <(curl -s --cacert "$scratch/ca.pem" "$web/")

if [ -n "$fetch" ]; then
    for kind in RSA2048 P-256; do
        reader_start "web-$kind"
        for version in 1.2 1.3; do
            like "$kind: curl ($how) shows the card's certificate, TLS $version" \
                "$("$fetch" --tls-max "$version" --tlsv"$version")" "CN=Alice $kind.*TLSv$version"
        done
        reader_stop
    done
else
    skip "curl shows the card's certificate" "$how"
fi

# --- Chromium ----------------------------------------------------------------------------------------------------------
chromium=$(command -v chromium || command -v chromium-browser)
why=
for program in Xvfb xdotool certutil modutil; do have "$program" || why="$program is not installed"; done
[ -n "$chromium" ] || why="Chromium is not installed"
case $(readlink -f "$chromium") in *snap*) why="Chromium as a snap cannot reach a private pcscd" ;; esac
if [ -n "$why" ]; then
    skip "Chromium shows the card's certificate" "$why"
    done_testing
    exit
fi

chromium_start() { # profile-directory
    local sandbox=()
    [ "$(id -u)" -ne 0 ] || sandbox=(--no-sandbox)
    "$chromium" "${sandbox[@]}" --user-data-dir="$1" --no-first-run --no-default-browser-check --disable-gpu \
        --disable-quic --disable-background-networking --disable-component-update --disable-sync \
        --disable-default-apps --disable-breakpad --disable-crash-reporter --disable-features=Translate,OptimizationHints,MediaRouter \
        --password-store=basic --window-size=1000,700 "$web/" >"$scratch/chromium.log" 2>&1 &
    chromium_pid=$!
    started "$chromium_pid"
}
# The PIN is asked in a window of its own.  Which certificate (the first one is chosen) is asked in such a window too, or
# by newer ones inside the browser's: then a Return there takes it.  The page's title is the end of it.
chromium_choose() {
    local window
    window=$(xdotool search --onlyvisible --name 'Chromium$' 2>/dev/null | tail -n 1)
    [ -n "$window" ] && timeout 5 xdotool windowfocus --sync "$window" && xdotool key Return
}
chromium_shows() { # kind
    local kind=$1 nss=sql:$HOME/.pki/nssdb status=1 end next=0
    rm -rf "$HOME/.pki" && mkdir -p "$HOME/.pki/nssdb" &&
        quiet certutil -N -d "$nss" --empty-password &&
        quiet certutil -A -d "$nss" -n "Test CA" -t C,, -i "$scratch/ca.pem" &&
        quiet modutil -dbdir "$nss" -force -add OpenSC -libfile "$module" || return 1
    asked_for_pin=no
    chromium_start "$scratch/profile-$kind"
    end=$((SECONDS + 90))
    while [ "$SECONDS" -lt "$end" ] && ! gone "$chromium_pid"; do
        if window_is "hello .*Alice $kind"; then
            status=0
            break
        elif window_is 'Unlock Security Device'; then
            window_answer 'Unlock Security Device' "$PIN" && asked_for_pin=yes
        elif window_is 'Select a certificate'; then
            window_answer 'Select a certificate' ''
        elif [ "$SECONDS" -ge "$next" ]; then
            next=$((SECONDS + 3))
            chromium_choose
        fi
        sleep 0.05
    done
    if [ "$status" -ne 0 ]; then
        window_titles
        grep -v dbus "$scratch/chromium.log"
        [ -z "${VPIV_TEST_SCREENSHOT:-}" ] || command import -window root "$VPIV_TEST_SCREENSHOT"
    fi
    kill "$chromium_pid"
    wait_for 20 gone "$chromium_pid"
    return "$status"
}
if screen_start; then
    for kind in RSA2048 P-256; do
        reader_start "web-$kind"
        chromium_shows "$kind" >"$scratch/chromium.out" 2>&1
        is "$kind: Chromium shows the page for the card's subject" "$?" 0 || diag "$(cat "$scratch/chromium.out")"
        is "$kind: Chromium asked for the card's PIN" "$asked_for_pin" yes
        reader_stop
    done
else
    skip "Chromium shows the card's certificate" "Xvfb did not start"
fi

done_testing
