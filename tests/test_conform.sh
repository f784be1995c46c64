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
like "a wrong PIN is told before anything is judged" "$out" 'cannot be judged: .*63C2'
unlike "… and the PIN itself is not shown" "$out" '313131|111111'

# --- through pcscd ----------------------------------------------------------------------------------------------------
judged() { # persona least-number
    local persona=$1 out=$scratch/$1.json
    reader_start_with --test --persona "$persona" || { fail "$persona: a private pcscd starts" && return; }
    conform --destructive --json >"$out"
    is "$persona: the exit status says that nothing failed" $? 0
    is "$persona: no row fails" "$(failures "$out")" ""
    is "$persona: all the rows of the plan are reported" "$(wc -l <"$out")" 382
    ok "$persona: $(results pass "$out") rows really run, at least $2" test "$(results pass "$out")" -ge "$2"
    conform --destructive --json >"$out.again"
    is "$persona: nor in a second run on the same card" "$(failures "$out.again")" ""
    reader_stop
}
judged piv 230
judged yubikey 280

# --- read-only ----------------------------------------------------------------------------------------------------------
make_bundle mine 9a RSA2048 && ok "a card with a key of its own" import mine "$scratch/mine.p12"
if reader_start mine; then
    before=$(sha256sum "$XDG_DATA_HOME/vpiv/cards/mine.card")
    conform --json >"$scratch/plain.json"
    is "read-only: no row fails" "$(failures "$scratch/plain.json")" ""
    conform --json --pin env:PIN >"$scratch/pin.json"
    is "with the PIN: no row fails" "$(failures "$scratch/pin.json")" ""
    ok "with the PIN more rows run" test "$(results pass "$scratch/pin.json")" -gt "$(results pass "$scratch/plain.json")"
    is "the card file is as it was" "$(sha256sum "$XDG_DATA_HOME/vpiv/cards/mine.card")" "$before"
    like "all tries are left" "$(conform --pin env:PIN VER-02)" '^ok +VER-02'
    out=$(conform --persona yubikey --json YK-01)
    is "a card that is not what it is taken for fails" "$?" 1
    like "… with what was sent, received and expected" "$out" 'sent 00FD000000 received 6D00 expected 0507'
    is "a reader can be named by its number" "$(conform -r 0 CLA-01 >/dev/null; echo $?)" 0
    like "one that is not there is named" "$(conform -r nowhere)" 'nowhere: there is no such reader'
    reader_stop
else
    fail "a private pcscd starts"
fi
like "without pcscd one sentence says so" "$(PCSCLITE_CSOCK_NAME=$scratch/none conform)" 'pcscd cannot be reached'

done_testing
