#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_fault.sh — vpiv fault: each trick through a real pcscd, and how OpenSC takes it (vpiv(1) says the same).
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

have pcscd || [ -x /usr/sbin/pcscd ] || skip_all "pcscd is not installed"
status_of() { "$@" >"$scratch/out" 2>&1; echo $?; }
said() { cat "$scratch/out"; }

# --- scripts ---------------------------------------------------------------------------------------------------------
script() { printf '%s\n' "$@" >"$scratch/script"; }
check() { status_of vpiv fault --check "$scratch/script"; }
script '# two tricks' 'seed = 1;' 'faults = (' '  { ins = 0xCB; nth = 1; sw = 0x6581; },' '  { chance = 5; drop = true; }' ');'
is "a script is well" "$(check)" 0
refused() { # wanted lines…
    local wanted=$1
    shift
    script "$@"
    is "refused: $wanted" "$(check) $(said)" "1 vpiv: $scratch/script:$wanted"
}
refused '2: ins must be a byte from 0x00 to 0xFF' 'faults = (' '{ ins = 0x100; drop = true; } );'
refused '1: sw must be a status word from 0x6000 to 0x9FFF' 'faults = ( { sw = 5; } );'
refused '1: drop must be true' 'faults = ( { drop = 1; } );'
refused '2: sw and drop: one action a row' 'faults = ( { sw = 0x6581;' 'drop = true; } );'
refused '1: this row does nothing: sw, delay, drop, remove, mute or cut is missing' 'faults = ( { nth = 1; } );'
refused '1: unknown word “foo”; there are: sw, delay, drop, remove, mute, cut, at, ins, p1, p2, nth, chance' \
    'faults = ( { foo = 1; } );'
refused '3: unknown word “fault”; there are: seed, faults' '' '' 'fault = 1;'
refused '1: a row stands in braces: { ins = 0xCB; sw = 0x6581; }' 'faults = ( 1 );'
refused '1: faults is a list: ( { … }, { … } )' 'faults = 1;'
refused '2: syntax error' 'faults = (' '{ ins 1 } );'
is "no such script: 1" "$(status_of vpiv fault --check "$scratch/none")" 1
is "a row of the command line" "$(status_of vpiv fault --check -e 'ins = 0xCB; sw = 0x6581' -e 'at = 3; remove = true')" 0
is "nothing to do: 2" "$(status_of vpiv fault)" 2
is "a broken script does not start a run: 125" "$(script 'faults = 1;'; status_of vpiv run --faults "$scratch/script" -- true)" 125

# --- each trick, byte for byte -----------------------------------------------------------------------------------------
make_bundle one 9a RSA2048 || exit 99
export VPIV
reader_start_with -p env:PASSWORD -i "$scratch/one.p12" -t --trace "$scratch/trace" || exit 99
apdu() { vpiv apdu -r 1 "$@" 2>&1 || true; }
play() { vpiv fault -r 1 "$@"; }
ask=00200080 wrong=0020008008393939393939FFFF right=0020008008313233343536FFFF
play -e 'ins = 0x20; nth = 2; sw = 0x6581'
is "sw: the second VERIFY is answered so, no other" "$(apdu $ask $ask $ask 00F9000000)" "$(printf '%s\n' 63C3 6581 63C3 6D00)"
play -e 'ins = 0x20; sw = 0x6581'
is "… and the card has heard nothing" "$(apdu $wrong; vpiv fault -r 1 --off; apdu $ask)" "$(printf '%s\n' 6581 63C3)"
play -e 'at = 2; sw = 0x6F00' -e 'p1 = 0x3F; p2 = 0xFF; sw = 0x6A82'
is "at, p1 and p2" "$(apdu $ask $ask $ask 00CB3FFF055C035FC10200)" "$(printf '%s\n' 63C3 6F00 63C3 6A82)"
play -e 'ins = 0x20; delay = 300'
began=$(date +%s%N)
is "delay: the answer is the card's own, later" "$(apdu $ask)" 63C3
ok "… by as much" test $(($(date +%s%N) - began)) -ge 300000000
play -e 'ins = 0x20; nth = 1; drop = true'
like "drop: there is no answer" "$(apdu $wrong)" 'did not answer$'
is "… but the card has heard it" "$(apdu $ask)" 63C2
play -e 'ins = 0x20; nth = 1; mute = 400'
like "mute: nobody answers" "$(apdu $wrong)" 'did not answer$'
# The client has reset the card at its end, in vain: for pcscd it is dead until it comes anew.
vpiv fault -r 1 --off
like "… and pcscd takes the card for dead" "$(apdu $ask)" 'no card can be reached'
vpiv eject -r 1 >/dev/null && vpiv insert -r 1 >/dev/null
ok "… until it is inserted again" wait_for 5 sh -c '"$0" apdu -r 1 00200080 | grep -qx 63C2' "$VPIV"
play -e 'ins = 0x20; remove = true'
like "remove: the card is gone" "$(apdu $wrong)" 'did not answer$'
vpiv fault -r 1 --off
is "… as if it had been ejected, and has heard nothing" \
    "$(vpiv insert -r 1; wait_for 5 sh -c '"$0" apdu -r 1 00200080 | grep -q 63C' "$VPIV"; apdu $right $ask | tail -n 1)" \
    "$(printf '%s\n' 'test-1 is in reader 1' 9000)"
some() { # one of two hundred in ten, the same each time
    play -e 'chance = 10; sw = 0x6F00'
    for _ in {1..200}; do echo $ask; done | vpiv apdu -r 1 | grep -n 6F00 | tr '\n' ' '
}
first=$(some)
is "chance: so many in a hundred, and the same again" "$(some)" "$first"
n=$(printf '%s' "$first" | wc -w)
ok "… $n of 200 at a chance of 10" test "$n" -gt 8 -a "$n" -lt 35
vpiv fault -r 1 --off

# --- the power goes at a write: the card is what it was, or what it should be ----------------------------------------------
change=0024008010313233343536FFFF363534333231FFFF other=0020008008363534333231FFFF
cut() { # n command
    play -e "nth = 1; cut = $1"
    apdu "$2"
    vpiv fault -r 1 --off
}
like "cut: VERIFY loses its power before the try is on disk" "$(cut 1 $wrong)" 'did not answer$'
is "… so it was none" "$(apdu $ask)" 63C3
like "VERIFY with the right PIN loses it before the tries are back" "$(cut 2 $right)" 'did not answer$'
is "… one try less, and the right PIN brings it back" "$(apdu $ask $right $ask; vpiv apdu -r 1 'reset' 2>/dev/null; apdu $right)" \
    "$(printf '%s\n' 63C2 9000 9000 9000)"
for n in 1 2 3; do
    cut $n $change >/dev/null
    is "CHANGE REFERENCE DATA, cut at write $n: one PIN of the two" \
        "$({ apdu $other; apdu $right; } | grep -c '^9000$')" 1
    apdu $other 0024008010363534333231FFFF313233343536FFFF $right >/dev/null # back to the old one
done
is "afterwards it is whole" "$(apdu $right)" 9000

# --- how OpenSC takes it ----------------------------------------------------------------------------------------------------
reader_stop
if have pkcs11-tool; then
    reader_start_with -p env:PASSWORD -i "$scratch/one.p12" || exit 99
    module=$(vpiv run -- sh -c 'echo "$PKCS11_MODULE_PATH"')
    printf 'to be signed' >"$scratch/message"
    opensc() { # row
        vpiv fault -e "$1"
        timeout 30 pkcs11-tool --module "$module" --login --pin 123456 --sign -m SHA256-RSA-PKCS --id 01 \
            -i "$scratch/message" -o "$scratch/signature" 2>&1
        vpiv fault --off
        vpiv insert >/dev/null 2>&1
        wait_for 5 sh -c '"$0" apdu -r 0 00200080 >/dev/null' "$VPIV"
    }
    good() { openssl dgst -sha256 -verify "$scratch/one.pub" -signature "$scratch/signature" "$scratch/message" >/dev/null; }
    like "sw = 0x6581: CKR_DEVICE_ERROR" "$(opensc 'ins = 0x87; sw = 0x6581')" 'CKR_DEVICE_ERROR'
    like "sw = 0x6982: CKR_USER_NOT_LOGGED_IN" "$(opensc 'ins = 0x87; sw = 0x6982')" 'CKR_USER_NOT_LOGGED_IN'
    like "drop: an error" "$(opensc 'ins = 0x87; drop = true')" 'C_Sign.*CKR_(GENERAL_ERROR|DEVICE_ERROR|FUNCTION_FAILED)'
    like "remove: CKR_DEVICE_REMOVED" "$(opensc 'ins = 0x87; remove = true')" 'CKR_(DEVICE_REMOVED|TOKEN_NOT_PRESENT)'
    like "mute at login: an error" "$(opensc 'ins = 0x20; mute = 500')" 'CKR_'
    opensc 'ins = 0x87; delay = 300' >/dev/null
    ok "delay: it waits, and the signature is good" good
    rm "$scratch/signature"
    opensc 'ins = 0x99; drop = true' >/dev/null
    ok "a trick that is never met changes nothing" good
    like "cut = 1 at login: an error" "$(opensc 'ins = 0x20; cut = 1')" 'C_Login.*CKR_'
    reader_stop
else
    skip "how OpenSC takes it" "pkcs11-tool is not installed"
fi

# --- a card that means no good ---------------------------------------------------------------------------------------------------
script 'faults = ( { ins = 0xC0; sw = 0x6100; } );'
like "vpiv apdu --all ends with a card that has always more and gives nothing" \
    "$(timeout 20 "$VPIV" run --user --faults "$scratch/script" -- "$VPIV" apdu -r 0 --all 00CB3FFF055C035FC10208 2>&1)" \
    '^[0-9A-F]{16} 6100$'

# --- and what the trace says of it ---------------------------------------------------------------------------------------------
words=$(vpiv trace "$scratch/trace")
like "the trace names the trick" "$words" '  1 +fault row 1: sw 6581$'
like "… and the answer that was lost" "$words" 'VERIFY, PIN \(80\): none no answer$'

done_testing
