#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_presence.sh — sixteen readers on one pcscd: events through PKCS#11, cards pulled at work, stuck and dying cards beside
# others, one line of log for each event and no secret in it.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

probe=$top_builddir/pcsc_probe
cards=$XDG_DATA_HOME/vpiv/cards
readers=$scratch/readers
PATH=$PATH:/usr/sbin
for program in pcscd openssl pkcs11-tool flock; do have "$program" || skip_all "$program is not installed"; done

export -n PIN PUK
PIN=83920571 PUK=61738204
make_bundle one 9a P-256 && make_bundle two-rsa 9e RSA2048 || exit 1
for card in one two three; do
    bundle=$card
    [ "$card" = one ] || bundle=two-rsa
    PIN=$PIN PUK=$PUK import "$card" "$scratch/$bundle.p12" >"$scratch/import.log" 2>&1 || { cat "$scratch/import.log" >&2; exit 1; }
done

mkdir -p "$scratch/conf" "$readers"
ln -s "$VPIV_DRIVER" "$scratch/libifdvpiv.so"
for n in {0..15}; do
    mkdir "$readers/$n" && ln -s "$XDG_STATE_HOME/vpiv" "$readers/$n/state"
    printf 'FRIENDLYNAME "Reader %02d"\nDEVICENAME %s/%s:\nLIBPATH %s/libifdvpiv.so\n' "$n" "$readers" "$n" "$scratch"
done >"$scratch/conf/vpiv"
no_polkit=$(pcscd --help 2>&1 | grep -o -m 1 -e --disable-polkit)
# shellcheck disable=SC2086 # one argument or none
"$top_builddir/pcscd_private" "$scratch" --debug $no_polkit >"$scratch/pcscd.log" 2>&1 &
daemon=$!
started "$daemon"
wait_for 10 test -S "$scratch/socket" || { diag "$(tail -n 5 "$scratch/pcscd.log")"; exit 99; }
export PCSCLITE_CSOCK_NAME=$scratch/socket

state_is() { [ "$("$probe" state "Reader $1" | cut -d' ' -f1)" = "$2" ]; }
insert() { ln -s "$cards/$2.card" "$readers/$1/card"; } # READER CARD
value() { sed -n "s/^$1=//p" "$2"; }
below() { # NAME value limit
    awk -v v="$2" -v l="$3" 'BEGIN { exit !(v != "" && v + 0 < l) }' && pass "$1" || fail "$1" "$2, not below $3"
}
select_piv=00A4040009A00000030800001000
verify=0020008008$(printf %s "$PIN" | hex)

is "sixteen readers, as many as pcscd 1.9 has room for" "$("$probe" names | grep -c '^Reader [0-9][0-9] ')" 16
insert 0 one && insert 15 two
ok "the first has its card" wait_for 5 state_is 00 present
ok "… and the last has another" wait_for 5 state_is 15 present
not_ok "… which no two readers share" sh -c "[ \"\$($probe attributes 'Reader 00' | grep serial=)\" = \"\$($probe attributes 'Reader 15' | grep serial=)\" ]"

# --- events through PKCS#11 -------------------------------------------------------------------------------------------
# With two readers of their own: OpenSC and pcsc-lite 1.9 cannot wait for 16 and the one for new ones.  pkcs11-tool asks for
# Return before it calls C_WaitForSlotEvent, which first tells of what it finds, and x ends each of its two rounds.
events_through_pkcs11() {
    reader_start_with -c three -e || return
    mkfifo "$scratch/keys"
    stdbuf -oL pkcs11-tool --test-hotplug <"$scratch/keys" >"$scratch/hotplug" 2>&1 &
    local hotplug=$!
    started "$hotplug"
    exec 8>"$scratch/keys"
    printed() { [ "$(grep -c "$1" "$scratch/hotplug")" -ge "$2" ]; }
    round() { [ "$(tail -n 1 "$scratch/hotplug" | grep -c 'x to exit: $')" = 1 ]; }
    wait_for 20 round && echo x >&8
    wait_for 20 printed 'C_WaitForSlotEvent()' 1 && wait_for 5 round && echo >&8
    wait_for 20 printed 'event on slot' 1 && wait_for 5 round
    is "… and shows the card" "$(grep -c 'token label' "$scratch/hotplug")" 1
    echo >&8
    sleep 0.5 # it waits now, or finds the change when it comes there
    not_ok "… and waits while nothing happens" printed 'event on slot' 2
    vpiv eject >/dev/null
    ok "C_WaitForSlotEvent of OpenSC returns for a removal" wait_for 10 printed 'event on slot' 2
    wait_for 5 round
    is "… and the slot is empty" "$(grep -c '(empty)' "$scratch/hotplug")" 3
    echo >&8
    sleep 0.5
    vpiv insert >/dev/null
    ok "… and for an insertion" wait_for 10 printed 'event on slot' 3
    wait_for 5 round
    is "… and the card is there" "$(grep -c 'token label' "$scratch/hotplug")" 2
    echo x >&8
    exec 8>&-
    wait_for 5 gone "$hotplug" || kill "$hotplug"
    reader_stop
}
events_through_pkcs11 || fail "a private pcscd with two readers"
export PCSCLITE_CSOCK_NAME=$scratch/socket
export VPIV_READER_DIR=$readers

# --- slots ---------------------------------------------------------------------------------------------------------------
slots() {
    reader_start_with --slots 2 --reader-name Twin -c one -c two -c three || return
    is "two readers of two slots, one card in each but the last" \
        "$("$probe" names | while read -r name; do echo "$name: $("$probe" state "$name" | cut -d' ' -f1)"; done)" \
        "$(printf '%s\n' 'Twin 00 00: present' 'Twin 00 01: present' 'Twin 01 00: present' 'Twin 01 01: empty')"
    is "… each its own" "$(for name in "Twin 00 00" "Twin 00 01" "Twin 01 00"; do
        "$probe" attributes "$name" | grep ^serial=; done | sort -u | wc -l)" 3
    "$probe" rate "Twin 00 00" 1 "$verify" "$select_piv" >"$scratch/slot" 2>&1
    is "… with its own PIN state" "$(value sw "$scratch/slot")" 9000
    "$probe" rate "Twin 00 01" 1 00200080 "$select_piv" >"$scratch/slot" 2>&1
    like "… which the slot beside it has not" "$(value sw "$scratch/slot")" '^63C'
    vpiv eject -r 1 >/dev/null
    is "vpiv eject takes the card out of the second slot alone" "$("$probe" state "Twin 00 00" | cut -d' ' -f1) $(
        "$probe" state "Twin 00 01" | cut -d' ' -f1)" "present empty"
    vpiv insert -r 3 two >/dev/null
    is "… and vpiv insert puts it into the empty one" "$("$probe" state "Twin 01 01" | cut -d' ' -f1)" present
    is "… where OpenSC finds it" "$(opensc-tool -l 2>/dev/null | grep -c '^[0-9]* *Yes .*Twin')" 3
    reader_stop
}
slots || fail "a private pcscd with slots"
export PCSCLITE_CSOCK_NAME=$scratch/socket VPIV_READER_DIR=$readers

# --- pulled at work ---------------------------------------------------------------------------------------------------
sign=0087079E00010A7C82010682008182010000$(printf '55%.0s' {1..255})0000
"$probe" rate "Reader 15" 1000000 "$sign" "$select_piv" >"$scratch/pulled" 2>&1 &
worker=$!
busy() { [ "$(awk '{ print $14 + $15 }' "/proc/$worker/stat")" -gt 2 ]; }
wait_for 10 busy
rm "$readers/15/card"
wait "$worker"
# pcscd says the second where the command was on its way already.
like "a card pulled while it signs is a removed card to its program" "$(tail -n 1 "$scratch/pulled")" \
    '^SCardTransmit: (Card was removed|No smart card inserted)\.$'
insert 15 two
wait_for 5 state_is 15 present
"$probe" rate "Reader 15" 1 "$sign" "$select_piv" >"$scratch/back" 2>&1
is "… and after it comes back it signs again" "$(value sw "$scratch/back")" 9000

# --- stuck and dying cards --------------------------------------------------------------------------------------------
insert 1 three
wait_for 5 state_is 01 present
generation() { head -n 1 "$cards/three.card" | cut -d' ' -f4; }
old=$(generation)
mkfifo "$scratch/lock.end"
guid=$("$probe" attributes "Reader 01" | sed -n 's/^serial=\(.*\)00$/\1/p' | unhex | tr A-F a-f)
flock "$XDG_STATE_HOME/vpiv/tries/$guid" sh -c "touch '$scratch/locked'; exec cat '$scratch/lock.end'" &
holder=$!
started "$holder"
wait_for 5 test -e "$scratch/locked"
change=0024008010$(printf %s "$PIN$PIN" | hex)
"$probe" rate "Reader 01" 1 "$change" "$select_piv" >"$scratch/stuck" 2>&1 &
stuck=$!
"$probe" rate "Reader 15" 2000 00CB3FFF055C035FC10200 "$select_piv" >"$scratch/free" 2>&1
is "while another program holds a card's lock, the card beside it answers" "$(value sw "$scratch/free")" 9000
below "… without waiting once (µs)" "$(value apdu_max_us "$scratch/free")" 400000
wait "$stuck"
is "… and the held one says 6581 within its second" "$(value sw "$scratch/stuck")" 6581
below "… and not much later (µs)" "$(value apdu_max_us "$scratch/stuck")" 2500000
is "… with nothing written" "$(generation)" "$old"
: >"$scratch/lock.end"
wait "$holder"
"$probe" rate "Reader 01" 1 "$change" "$select_piv" >"$scratch/stuck" 2>&1
is "… until the lock is free" "$(value sw "$scratch/stuck")" 9000
rm "$cards/three.card" && mkfifo "$cards/three.card"
ok "a card that has become a FIFO holds nobody up: its reader is empty" wait_for 5 state_is 01 empty
"$probe" rate "Reader 15" 100 00CB3FFF055C035FC10200 "$select_piv" >"$scratch/free" 2>&1
is "… and the card beside it answers" "$(value sw "$scratch/free")" 9000
rm "$cards/three.card" "$readers/1/card"
chmod 000 "$readers/2"
insert 3 one 2>/dev/null
rm "$readers/3/card"
chmod 700 "$readers/2"
ok "pcscd has lived through all of it" kill -0 "$daemon"

# --- the log ------------------------------------------------------------------------------------------------------------
insert 4 two
wait_for 5 state_is 04 present
rm "$readers/4/card"
wait_for 5 state_is 04 empty
"$probe" rate "Reader 00" 5 "$verify" "$select_piv" >"$scratch/out" 2>&1
is "the PIN is verified" "$(value sw "$scratch/out")" 9000
"$probe" rate "Reader 00" 1 0020008008$(printf %s 99999999 | hex) "$select_piv" >"$scratch/out" 2>&1
"$probe" rate "Reader 00" 1 0020008008$(printf %s 9999999 | hex)FF "$select_piv" "$verify" >"$scratch/out" 2>&1
ours() { grep 'vpiv: ' "$scratch/pcscd.log" | sed 's/.*vpiv: //'; }
is "an insertion is one line in pcscd's log, a removal another" "$(ours | grep "reader $readers/4:")" \
    "reader $readers/4: card $cards/two.card
reader $readers/4: no card"
is "a bad card is one line, however often it is looked at" "$(ours | grep "reader $readers/1:" | grep -c FIFO\\\|regular)" 1
before=$(ours | wc -l)
"$probe" rate "Reader 00" 500 00CB3FFF055C035FC10200 "$select_piv" "$verify" >"$scratch/out" 2>&1
is "commands are no lines" "$(ours | wc -l)" "$before"
secret() { grep -aiqE "$PIN|$PUK|$(printf %s "$PIN" | hex)|$(printf %s "$PUK" | hex)|$(printf %s "$PIN" | hex | sed 's/../& /g')" "$1"; }
like "pcscd logs at its most talkative" "$(cat "$scratch/pcscd.log")" 'SCardTransmit|winscard_svc'
not_ok "… and there is no PIN in it" secret "$scratch/pcscd.log"
private=$(openssl pkey -in "$scratch/one.key" -text -noout | sed -n '/^priv:/,/^pub:/{/^ /p}' | tr -d ' :\n')
not_ok "… and no private key" grep -aiqF "${private:0:24}" "$scratch/pcscd.log"
kill "$daemon"
wait "$daemon" 2>/dev/null
done_testing
