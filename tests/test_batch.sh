#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_batch.sh — vpiv import --batch: a folder or a table of bundles becomes many cards, none half made.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

have pkcs11-tool || skip_all "pkcs11-tool is not installed"
cards() { find "$XDG_DATA_HOME/vpiv/cards" -name '*.card' 2>/dev/null | wc -l; }
says() { "$@" 2>&1; }

mkdir "$scratch/folder"
for name in ada bea cyd; do
    make_bundle $name 9a P-256 || exit 99
    cp "$scratch/$name.p12" "$scratch/folder/"
done
out=$(says vpiv import --batch "$scratch/folder" --password env:PASSWORD --pin env:PIN)
is "a folder of three bundles" "$?" 0
is "… makes three cards" "$(cards)" 3
is "each PIN and each PUK is sealed at the full price of a guess" \
    "$(cat "$XDG_DATA_HOME"/vpiv/cards/*.card | grep -o 'log_n = [0-9]*' | sort | uniq -c | xargs)" "6 log_n = 15"
like "each has a line with what must be kept" "$out" '^bea: 9a P-256  PUK [0-9]{8}  management key [0-9a-f]{48}$'
like "a summary comes last" "$(tail -n 1 <<<"$out")" '^3 made, 0 not made$'
printf 'a message' >"$scratch/message"
openssl dgst -sha256 -binary -out "$scratch/hash" "$scratch/message"
reader_start cyd
ok "OpenSC signs with one of them" pkcs11-tool --login --pin env:PIN --sign --id 01 -m ECDSA \
    --signature-format openssl -i "$scratch/hash" -o "$scratch/signature"
ok "OpenSSL verifies it" openssl dgst -sha256 -verify "$scratch/cyd.pub" -signature "$scratch/signature" "$scratch/message"
reader_stop
out=$(says vpiv import --batch "$scratch/folder" --password env:PASSWORD --pin env:PIN)
like "the same folder once more: nothing is done twice" "$(tail -n 1 <<<"$out")" \
    '^0 made, 0 changed, 3 unchanged, 0 not made$'
like "… and each line says so" "$out" '^bea: unchanged: 9a P-256$'
vpiv remove --yes ada >"$scratch/quiet.log" && vpiv remove --yes bea >"$scratch/quiet.log" &&
    vpiv remove --yes cyd >"$scratch/quiet.log"

echo "not a bundle" >"$scratch/folder/bad.pfx"
out=$(says vpiv import --batch "$scratch/folder" --password env:PASSWORD --pin env:PIN)
is "one bad file among them: the status says so" "$?" 1
like "… its line says why" "$out" '^bad: not made: .*not a PKCS#12 file'
is "… and the others are made" "$(cards)" 3

export OTHER=654321
printf '# name, file, password, PIN\ndot\t%s\tenv:PASSWORD\tenv:OTHER\nann\t%s\tpass:wrong\n' "$scratch/ada.p12" \
    "$scratch/bea.p12" >"$scratch/table"
out=$(says vpiv import --json --batch "$scratch/table" --pin env:PIN)
is "a table with a wrong password in it: the status says so" "$?" 1
like "JSON counts them" "$(tr -d ' \n' <<<"$out")" '"made":1,"changed":0,"unchanged":0,"failed":1}$'
reader_start dot
ok "the table's own PIN is the card's" pkcs11-tool --login --pin env:OTHER --list-objects
reader_stop
printf 'eve\t%s\neve\t%s\n' "$scratch/ada.p12" "$scratch/bea.p12" >"$scratch/table"
like "two of one name are refused before anything is made" "$(says vpiv import --batch "$scratch/table" --pin env:PIN \
    --password env:PASSWORD)" 'would both become the card eve'
like "stdin cannot be shared" "$(says vpiv import --batch "$scratch/folder" --pin stdin </dev/null)" 'cannot share stdin'
is "no card came of these" "$(cards)" 4

# A folder that others fill: what waits when it is opened, and names that a terminal would obey.
mkdir "$scratch/others" && mkfifo "$scratch/others/waits.p12" && cp "$scratch/bea.p12" "$scratch/others/fay.p12"
cp "$scratch/bea.p12" "$scratch/others/$(printf 'x\033]0;title\007').p12"
out=$(says timeout 30 "$VPIV" import --user --batch "$scratch/others" --password env:PASSWORD --pin env:PIN)
like "a FIFO in the folder is passed by" "$(tail -n 1 <<<"$out")" '^1 made, 1 not made$'
unlike "no control character comes through" "$out" $'[\001-\011\013-\037\177]'
done_testing
