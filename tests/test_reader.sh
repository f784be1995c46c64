#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_reader.sh — what pcscd and its clients see of a reader: presence, events, handles, parallel work, bad cards, ends.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

probe=$top_builddir/pcsc_probe
cards=$XDG_DATA_HOME/vpiv/cards
readers=$scratch/readers

PATH=$PATH:/usr/sbin
have pcscd || skip_all "pcscd is not installed"

make_bundle one 9e P-256 && make_bundle two-rsa 9e RSA2048 || exit 1
import one "$scratch/one.p12" >"$scratch/import.log" 2>&1 && import two "$scratch/two-rsa.p12" >>"$scratch/import.log" 2>&1 ||
    { cat "$scratch/import.log" >&2; exit 1; }

# pcscd's parser takes few characters in a path: the library goes by a name in the scratch directory.
mkdir -p "$scratch/conf" "$readers"
ln -s "$VPIV_DRIVER" "$scratch/libifdvpiv.so"
for n in 0 1 2; do
    printf 'FRIENDLYNAME "Reader %s"\nDEVICENAME %s/%s:\nLIBPATH %s/libifdvpiv.so\n' "$n" "$readers" "$n" "$scratch"
done >"$scratch/conf/vpiv"
reader_make() { mkdir "$readers/$1" && ln -s "$XDG_STATE_HOME/vpiv" "$readers/$1/state"; }
reader_make 0 && reader_make 1 # the third comes later

# From 2.0 on pcscd asks polkit, which is not there where nobody has a session; before, it does not know the option.
no_polkit=$(PATH=$PATH:/usr/sbin pcscd --help 2>&1 | grep -o -m 1 -e --disable-polkit)

daemon_start() {
    rm -f "$scratch/socket"
    # shellcheck disable=SC2086 # one argument or none
    "$top_builddir/pcscd_private" "$scratch" $no_polkit >>"$scratch/pcscd.log" 2>&1 &
    daemon=$!
    started "$daemon"
    wait_for 10 test -S "$scratch/socket" || exit 99
}
export PCSCLITE_CSOCK_NAME=$scratch/socket
daemon_start

state() { "$probe" state "Reader $1"; }
state_is() { [ "$(state "$1" | cut -d' ' -f1)" = "$2" ]; }
insert() { ln -s "$cards/$2.card" "$readers/$1/card"; } # READER CARD
value() { sed -n "s/^$1=//p" "$scratch/out"; }
run_probe() { # NAME verb… — its output is in $scratch/out
    local name=$1
    shift
    "$probe" "$@" >"$scratch/out" 2>&1 && pass "$name" || fail "$name" "$(cat "$scratch/out")"
}
below() { # NAME value limit
    awk -v v="$2" -v l="$3" 'BEGIN { exit !(v != "" && v + 0 < l) }' && pass "$1" || fail "$1" "$2, not below $3"
}

# --- events -------------------------------------------------------------------------------------------------------
is "every configured reader is there, also one without a directory" "$("$probe" names | tr '\n' ,)" \
    "Reader 0 00 00,Reader 1 01 00,Reader 2 02 00,"
is "a reader without a card is empty" "$(state 0)" "empty 0"
run_probe "100 insertions and removals, with an APDU between" events "Reader 0" "$readers/0/card" "$cards/one.card" 100
is "… are 200 events" "$(value events)" 200
# How fast is for the bench to say; a reader that is polled would take a quarter of a second.
below "a waiting client hears of an insertion by an event (median)" "$(value insert_median_us)" 100000
below "… and of a removal" "$(value remove_median_us)" 100000
insert 0 one
run_probe "100 swaps of the link" swap "Reader 0" "$readers/0/card" "$cards/one.card" "$cards/two.card" 100
is "… are 200 events" "$(value events)" 200

counter() { state "$1" | cut -d' ' -f2; }
counter_is() { [ "$(counter "$1")" = "$2" ]; }
wait_for 5 state_is 0 present
before=$(counter 0)
rm "$readers/0/card" && insert 0 one
ok "the same card taken out and put back at once is a removal and an insertion" \
    wait_for 5 counter_is 0 $((before + 2))
cp -p "$cards/one.card" "$cards/copy.card"
{ head -n 1 "$cards/one.card" | tr 0-9a-f 1-9a-f0; tail -n +2 "$cards/one.card"; } >"$cards/.next"
chmod 600 "$cards/.next" && mv "$cards/.next" "$cards/one.card"
ok "a card file replaced behind the link is seen: this one is not a card of this host" wait_for 5 state_is 0 empty
mv "$cards/copy.card" "$cards/one.card"
ok "… and so is the one put back" wait_for 5 state_is 0 present
before=$(counter 0)
run_probe "a foreign file in the reader's directory ends no PIN" grace "Reader 0" "$readers/0/note"
is "… it is still verified" "$(value verified)" 9000
like "… and not after a reset" "$(value after_reset)" '^63C'
run_probe "a foreign file beside the card ends no PIN" grace "Reader 0" "$cards/note"
is "… it is still verified" "$(value verified)" 9000
is "… and nothing of this was an event" "$(counter 0)" "$before"
pin=313233343536FFFF
generation() { head -n 1 "$cards/one.card" | cut -d' ' -f4; }
written=$(generation)
run_probe "22 changes of the PIN" rate "Reader 0" 20 "0024008010$pin$pin" 00A4040009A00000030800001000
is "… are done" "$(value sw)" 9000
is "… and on disk" "$(generation)" $((written + 22))
is "… and what the driver writes itself is no swap" "$(counter 0)" "$before"

# --- a directory that comes and goes ------------------------------------------------------------------------------
reader_make 2 && insert 2 two
ok "a directory that comes later is a reader like others" wait_for 5 state_is 2 present
mv "$readers/2" "$readers/away"
ok "… its card is gone with it" wait_for 5 state_is 2 empty
mv "$readers/away" "$readers/2"
ok "… and back" wait_for 5 state_is 2 present
rm "$readers/2/card"

# --- bad cards ----------------------------------------------------------------------------------------------------
logged() { grep -qE "$1" "$scratch/pcscd.log"; }
echo nonsense >"$cards/bad.card"
chmod 600 "$cards/bad.card"
insert 2 bad
ok "a broken card is a line in the log" wait_for 5 logged 'vpiv: reader .*/2: .*bad\.card'
is "… and an empty reader" "$(state 2 | cut -d' ' -f1)" empty
cp "$cards/two.card" "$cards/.next" && chmod 644 "$cards/.next" && mv "$cards/.next" "$cards/bad.card"
ok "a card that others can read is a line in the log" wait_for 5 logged 'vpiv: reader .*/2: .*bad\.card.*'
is "… and an empty reader" "$(state 2 | cut -d' ' -f1)" empty
chmod 600 "$cards/bad.card"
ok "… until its mode is mended" wait_for 5 state_is 2 present
rm "$readers/2/card" "$cards/bad.card"
wait_for 5 state_is 2 empty
mv "$XDG_STATE_HOME/vpiv/host.key" "$scratch/host.key"
insert 2 two
ok "a card without its host key is a line in the log" wait_for 5 logged 'vpiv: reader .*/2: .*host\.key'
mv "$scratch/host.key" "$XDG_STATE_HOME/vpiv/host.key"
ok "… and there as soon as the key is" wait_for 5 state_is 2 present

# --- what the reader says of itself -------------------------------------------------------------------------------
run_probe "attributes and features can be asked for" attributes "Reader 0"
is "the vendor's name" "$(value vendor_name)" 7670697600
is "the protocol is T=1" "$(value protocol)" 02000000
is "the card is there" "$(value presence)" 02
like "the ATR is one" "$(value atr)" '^3B[0-9A-F]+$'
is "the reader's name is pcscd's to tell" "$(value friendly)" "$(printf 'Reader 0 00 00\0' | hex | tr a-f A-F)"
is "clients are told no code address" "$(value poll_function)" "Feature not supported."
if have python3; then # as no library asks: what pcscd sends along with an error
    python3 - <<'END' >"$scratch/raw" 2>&1
import os, socket, struct
pcscd = socket.socket(socket.AF_UNIX)
pcscd.connect(os.environ["PCSCLITE_CSOCK_NAME"])
def call(command, body):
    pcscd.sendall(struct.pack("=II", len(body), command) + body)
    return pcscd.recv(len(body), socket.MSG_WAITALL)
call(0x11, struct.pack("=iiI", 4, 4, 0))
context = struct.unpack("=III", call(0x01, struct.pack("=III", 2, 0, 0)))[1]
connect = struct.pack("=I128sIIiII", context, b"Reader 0 00 00", 2, 3, 0, 0, 0)
card = struct.unpack("=I128sIIiII", call(0x04, connect))[4]
for tag in 0x0FB2, 0x0FB3:
    answer = call(0x0F, struct.pack("=iI264sII", card, tag, bytes(264), 264, 0))
    print("%X" % struct.unpack("=iI264sII", answer)[4], answer[8:272].strip(b"\0").hex())
END
    is "… nor in an error's own buffer" "$(cat "$scratch/raw")" "$(printf '8010001F \n8010001F ')"
else
    skip "… nor in an error's own buffer" "python3 is not installed"
fi
is "one feature: GET_TLV_PROPERTIES" "$(value features)" 120442330012
like "APDUs of 65536 bytes" "$(value properties)" '^0A0400000100'
is "another control code is refused" "$(value unknown)" "Feature not supported."

# --- handles and parallel work ------------------------------------------------------------------------------------
insert 1 two
wait_for 5 state_is 1 present
digest=$(printf '55%.0s' {1..32})
sign_ec=0087119E267C2482008120${digest}00
block=00$(printf '55%.0s' {1..255})
sign_rsa=0087079E00010A7C820106820081820100${block}0000
select_piv=00A4040009A00000030800001000
"$probe" stale "Reader 2" "$readers/2/card" "$cards/two.card" >"$scratch/stale.out" 2>&1 &
stale=$!
workers=()
for n in 1 2; do
    "$probe" rate "Reader 0" 1000 "$sign_ec" "$select_piv" >"$scratch/rate.0.$n" 2>&1 &
    workers+=($!)
    "$probe" rate "Reader 1" 300 "$sign_rsa" "$select_piv" >"$scratch/rate.1.$n" 2>&1 &
    workers+=($!)
done
for n in "${workers[@]}"; do wait "$n"; done
is "two readers sign for two clients each, at the same time" "$(grep -h '^sw=' "$scratch"/rate.* | sort | uniq -c | tr -s ' ')" \
    " 4 sw=9000"
wait "$stale"
is "a handle that lived through a removal and the end of power goes on after SCardReconnect" \
    "$(cat "$scratch/stale.out")" "answers=2"

# --- ends -----------------------------------------------------------------------------------------------------------
end_while_signing() { # signal — pcscd's status
    "$probe" rate "Reader 0" 1000000 "$sign_ec" "$select_piv" >"$scratch/end.0" 2>&1 &
    local ec=$!
    "$probe" rate "Reader 1" 1000000 "$sign_rsa" "$select_piv" >"$scratch/end.1" 2>&1 &
    local rsa=$!
    wait_for 5 busy "$ec" && wait_for 5 busy "$rsa"
    kill -"$1" "$daemon"
    wait "$daemon" 2>/dev/null
    local status=$?
    wait "$ec" "$rsa"
    return $status
}
busy() { [ "$(awk '{ print $14 + $15 }' "/proc/$1/stat")" -gt 2 ]; } # ticks of processor time: it is at work
statuses=
for _ in 1 2 3 4 5; do
    end_while_signing TERM
    statuses+="$? "
    daemon_start
    wait_for 5 state_is 0 present
done
is "pcscd ends by SIGTERM without a crash while two cards sign, five times" "$statuses" "0 0 0 0 0 "
end_while_signing KILL
is "killed" $? 137
daemon_start
ok "… the next pcscd has both cards" wait_for 5 state_is 1 present
unlike "nothing but what was meant is in pcscd's log" "$(grep vpiv: "$scratch/pcscd.log")" 'vault|secure heap'

done_testing
