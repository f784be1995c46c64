#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A shell script that has a smart card from here on, until it ends, however it ends.  Arguments: options of `vpiv run`.
set -eu

card=$(mktemp -d)
mkfifo "$card/end"
# shellcheck disable=SC2016 # expanded inside
vpiv run "$@" -- sh -c '
    printf "export PCSCLITE_CSOCK_NAME=%s VPIV_READER_DIR=%s PKCS11_MODULE_PATH=%s\n" \
        "$PCSCLITE_CSOCK_NAME" "$VPIV_READER_DIR" "${PKCS11_MODULE_PATH:-}" >"$0/new" && mv "$0/new" "$0/env"
    exec cat "$0/end"' "$card" &
run=$!
trap 'kill "$run" 2>/dev/null || true; wait "$run" || true; rm -rf "$card"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
until [ -e "$card/env" ]; do
    kill -0 "$run" # or it has said why it could not
    sleep 0.05
done
. "$card/env"

# Your tests from here on.  The card can be pulled, and it can fail:
vpiv apdu 00200080
vpiv eject
vpiv insert
vpiv fault -e 'ins = 0x20; nth = 1; sw = 0x6581'
vpiv apdu 00200080 00200080
