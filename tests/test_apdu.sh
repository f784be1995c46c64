#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_apdu.sh — vpiv apdu: hex in, hex out, to a card file under all its rules, to a test card and to a reader.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

apdu() { vpiv apdu "$@" 2>&1; }
status_of() { "$@" >"$scratch/out" 2>&1; echo $?; }
select_piv=00A4040009A00000030800001000

# --- a test card in this process ---------------------------------------------------------------------------------
is "an answer is data and status word" "$(apdu -t 00F9000000 '00 20:00 80')" "$(printf '%s\n' 6D00 63C3)"
like "SELECT is answered" "$(apdu -t $select_piv)" '^61[0-9A-F]+ 9000$'
is "lines of standard input, remarks, reset" \
    "$(printf '%s\n' '# asks' '00200080 # tries' '' 0020008008313233343536FFFF 00200080 'reset # power' 00200080 | apdu -t)" \
    "$(printf '%s\n' 63C3 9000 9000 63C3)"
like "words come from the applet's tables" "$(apdu -t -x 00CB3FFF055C035FC10200 | head -n 1)" \
    '^GET DATA, Card Holder Unique Identifier \(5FC102\): success$'
like "tries are said in words" "$(apdu -t -x 0020008008393939393939FFFF | head -n 1)" \
    '^VERIFY, PIN \(80\): verification failed, 2 tries left$'
is "--fail ends at the first error" "$(status_of vpiv apdu -t -f 00200080 00200080)" 1
is "… after having shown it" "$(cat "$scratch/out")" 63C3
is "--json tells the same" \
    "$(apdu -t --json 00200080 | tr -d ' \n')" \
    '[{"apdu":"00200080","data":"","status":"63C3","command":"VERIFY","what":"PIN(80),askfortries","meaning":"verificationfailed,3triesleft"}]'
is "a persona of one's own" "$(apdu -t --persona yubikey $select_piv 00FD000000 | tail -n 1)" "050701 9000"
for bad in 0 0G 00A4z 'reset it'; do
    is "'$bad' is refused" "$(status_of vpiv apdu -t "$bad")" 1
done
is "a refused line is not repeated: it may hold a PIN" "$(grep -c 'reset it' "$scratch/out")" 0
is "an APDU of any length is the card's to refuse" "$(printf '%s\n' 00 00A4 00A40400FF | apdu -t)" \
    "$(printf '%s\n' 6700 6700 6A82)"
is "one card at a time" "$(status_of vpiv apdu -t -c x 00)" 2

# --- a card file: no pcscd, but every rule of the card -----------------------------------------------------------
ok "a card" vpiv new a --factory
put=00DB3FFF0A5C035FC109530301020300
is "without the management key nothing is written" "$(apdu -c a $put)" 6982
is "a wrong PIN counts, and is remembered" "$(apdu -c a 0020008008393939393939FFFF; apdu -c a 00200080)" \
    "$(printf '%s\n' 63C2 63C2)"
is "the right one restores the tries" "$(echo 0020008008313233343536FFFF | apdu -c a; apdu -c a 00200080)" \
    "$(printf '%s\n' 9000 63C3)"
is "a changed PIN is on disk" \
    "$(echo 0024008010313233343536FFFF363534333231FFFF | apdu -c a; echo 0020008008363534333231FFFF | apdu -c a)" \
    "$(printf '%s\n' 9000 9000)"
is "no such card: 1" "$(status_of vpiv apdu -c nonsense 00)" 1

# --- long answers ------------------------------------------------------------------------------------------------
make_bundle long 9a RSA2048 "/CN=$(printf 'x%.0s' {1..60})/O=$(printf 'y%.0s' {1..60})" || exit 99
ok "a card with a certificate" import b "$scratch/long.p12"
like "more is announced" "$(apdu -c b 00CB3FFF055C035FC10500)" ' 61[0-9A-F]{2}$'
like "--all fetches it" "$(apdu -c b -a 00CB3FFF055C035FC10500)" '^53[0-9A-F]{800,} 9000$'

# --- a reader ----------------------------------------------------------------------------------------------------
if have pcscd || [ -x /usr/sbin/pcscd ]; then
    is "the only reader with a card is the default" "$(vpiv run -- "$VPIV" apdu 00200080)" 63C3
    is "a reader by number, a card in it" "$(vpiv run -e -c b -- "$VPIV" apdu -r 1 00200080)" 63C3
    is "a reader without a card: 1" "$(status_of vpiv run -e -- "$VPIV" apdu -r 0 00200080)" 1
else
    skip "through pcscd" "pcscd is not installed"
fi

done_testing
