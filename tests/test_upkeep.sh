#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_upkeep.sh — vpiv pin, unblock, adopt and remove; OpenSC sees what they did.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

have opensc-tool || skip_all "opensc-tool is not installed"

says() { "$@" 2>&1; }
ask_card() { # hex: the answer to an empty VERIFY
    vpiv run -c care -- opensc-tool -s 00200080 2>/dev/null | sed -n 's/.*SW1=0x\(..\), SW2=0x\(..\).*/\1\2/p'
}
verify() { # PIN in hex, padded
    vpiv run -c care -- opensc-tool -s "0020008008$1" 2>/dev/null | sed -n 's/.*SW1=0x\(..\), SW2=0x\(..\).*/\1\2/p'
}
card=$XDG_DATA_HOME/vpiv/cards/care.card

ok "a card" vpiv new --pin env:PIN --puk env:PUK care
like "a wrong PIN counts and says so" "$(says vpiv pin --pin pass:000000 --new-pin pass:222222 care)" \
    '^vpiv: care: wrong PIN; 2 tries are left$'
is "the card says the same" "$(ask_card)" 63C2
like "a new PIN that is none is refused" "$(says vpiv pin --pin env:PIN --new-pin pass:12345 care)" '6 to 8 digits'
is "… and costs nothing" "$(ask_card)" 63C2
ok "the PIN is changed" vpiv pin --pin env:PIN --new-pin pass:222222 care
is "OpenSC verifies the new one" "$(verify 323232323232FFFF)" 9000
for left in 2 1 0; do
    like "a wrong PIN, $left left" "$(says vpiv pin --pin pass:000000 --new-pin pass:222222 care)" "; $left tr(y is|ies are) left"
done
like "then it is blocked" "$(says vpiv pin --pin pass:222222 --new-pin pass:333333 care)" "blocked; 'vpiv unblock'"
is "the card says the same" "$(ask_card)" 6983
like "a wrong PUK counts" "$(says vpiv unblock --puk pass:00000000 --new-pin pass:444444 care)" 'wrong PUK; 2 tries are left'
ok "the PUK unblocks" vpiv unblock --puk env:PUK --new-pin pass:444444 care
is "OpenSC verifies the PIN it gave" "$(verify 343434343434FFFF)" 9000
ok "the PUK is changed" vpiv pin --change-puk --puk env:PUK --new-puk pass:11112222 care
not_ok "the old PUK no longer unblocks" vpiv unblock --puk env:PUK --new-pin pass:555555 care
not_ok "options of both at once are refused" vpiv pin --change-puk --pin env:PIN care

# A restored backup: an older copy is refused, a lost record means no tries, and the owner has a way out.
cp "$card" "$scratch/backup.card"
ok "another change" vpiv pin --pin pass:444444 --new-pin pass:666666 care
cp "$scratch/backup.card" "$card"
like "an older copy put back is refused" "$(says vpiv pin --pin pass:444444 --new-pin pass:777777 care)" 'older copy.*vpiv adopt'
ok "its owner takes it into use" vpiv adopt care
is "OpenSC verifies the PIN it had" "$(verify 343434343434FFFF)" 9000
rm -rf "$XDG_STATE_HOME/vpiv/tries"
is "without its record the card has no tries" "$(ask_card)" 6983
ok "its owner takes it into use" vpiv adopt care
is "three tries again" "$(ask_card)" 63C3
not_ok "a card with a good record is not for adopting" vpiv adopt care
not_ok "remove asks, and nobody is there" vpiv remove care
ok "remove --yes" vpiv remove --yes care
is "nothing of the card is left" "$(find "$XDG_DATA_HOME" "$XDG_STATE_HOME" -path '*tries/*' -o -name '*.card*')" ""
done_testing
