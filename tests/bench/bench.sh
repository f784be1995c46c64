#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# bench.sh — what the card costs (make bench): runs the parts, collects their samples, has them judged and drawn.
#
#     bench.sh DIRECTORY [DIVISOR]     DIRECTORY gets bench.txt, bench.json, bench.svg and the samples; a DIVISOR
#                                      above 1 takes fewer samples (and of fewer keys), for who wants to see it run
#
# A file of samples has lines "ROW SIDE UNIT VALUE…"; line i of each side of a row belongs to the same alternation.
# What is compared runs pinned to one core and in turns.  Sides: a null handler, a handler that does nothing but use
# keys (floor), OpenSSL without pcscd, and where they are installed Debian's virtual reader (vpcd) and SoftHSM2.

# Root goes before others: in a session of its own, for Linux weighs sessions, and nice(1) counts within one.
if [ "$(id -u)" -eq 0 ] && [ "${2:-1}" -eq 1 ] && [ -z "${VPIV_BENCH_FIRST:-}" ]; then
    VPIV_BENCH_FIRST=1 setsid nice -n -10 bash "$0" "$@" &
    trap 'kill $!' INT TERM
    wait $!
    exit
fi
[ -z "${VPIV_BENCH_FIRST:-}" ] || [ ! -e /proc/$$/autogroup ] || echo -10 >/proc/$$/autogroup

. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/../..}/tests/harness.sh"

out=$1 divisor=${2:-1}
samples=$out/bench.samples
probe=$top_builddir/pcsc_probe
libs=$top_builddir/.libs
note() { printf '%s\n' "$*" >&2; }
step() { note "$(printf '%4d s  %s' "$SECONDS" "$*")"; }
die() { note "bench.sh: $*"; exit 1; }

# some N — a number of repetitions, divided, at least 2.
some() { echo $(($1 / divisor > 2 ? $1 / divisor : 2)); }
sample() { printf '%s\n' "$*" >>"$samples"; } # ROW SIDE UNIT VALUE…

# What is compared stays on one core.
pin=()
if have taskset; then pin=(taskset -c "$(taskset -pc $$ | grep -oE '[0-9]+$')"); fi

# --- cards ------------------------------------------------------------------------------------------------------------
# make_padded NAME ROLE KIND SIZE — a bundle whose certificate object has about SIZE bytes; 0 = as it comes.
make_padded() {
    local name=$1 role=$2 kind=$3 size=$4 n
    make_cert "$name" "$role" "$kind" || return 1
    n=$((size - $(openssl x509 -in "$scratch/$name.pem" -outform DER | wc -c) - 38))
    extensions_of "$role" "$kind" >"$scratch/$name.ext"
    [ "$n" -le 0 ] || printf 'nsComment=%s\n' "$(openssl rand -hex $((n / 2)))" >>"$scratch/$name.ext"
    quiet openssl x509 -req -in "$scratch/$name.csr" -CA "$scratch/ca.pem" -CAkey "$scratch/ca.key" -days 30 \
        -extfile "$scratch/$name.ext" -out "$scratch/$name.pem" &&
        quiet openssl pkcs12 -export -inkey "$scratch/$name.key" -in "$scratch/$name.pem" -name "$name" \
            -passout env:PASSWORD -out "$scratch/$name.p12"
}
# put CARD SLOT NAME [OPTION…] — the first makes the card, with a random PUK.
put() {
    local card=$1 slot=$2 name=$3
    shift 3
    quiet vpiv import -c "$card" -s "$slot" --password env:PASSWORD --pin env:PIN "$@" "$scratch/$name.p12"
}
make_cards() {
    make_padded rsa2048 9a RSA2048 1200 && make_padded large 9c P-256 3000 && make_padded p256 9e P-256 0 &&
        make_padded decrypt 9d RSA2048 0 && make_padded p384 9e P-384 0 && make_padded agree 9d P-256 0 || return 1
    put one 9a rsa2048 && put one 9c large && put one 9d decrypt && put one 9e p256 && put two 9e p384 &&
        put two 9d agree && put four 9a rsa2048 || return 1
    [ "$divisor" -eq 1 ] || return 0
    make_padded rsa3072 9a RSA3072 0 && make_padded rsa4096 9a RSA4096 0 &&
        put two 9a rsa3072 && put three 9a rsa4096 --persona yubikey
}

# --- a daemon for each side --------------------------------------------------------------------------------------------
# side NAME DRIVER COMMAND… — a private pcscd with that driver, started by COMMAND; its socket stands in $scratch/NAME.
# end_sides — ends them.
declare -A daemons=()
side() {
    local name=$1
    rm -f "$scratch/$name" "$scratch/$name.end"
    mkfifo "$scratch/$name.end"
    # shellcheck disable=SC2016 # expanded inside
    VPIV_DRIVER=$2 "${@:3}" -- sh -c 'echo "$PCSCLITE_CSOCK_NAME" >"$0.tmp"; mv "$0.tmp" "$0"; exec cat "$0.end"' \
        "$scratch/$name" 2>"$scratch/$name.log" &
    daemons[$name]=$!
    started $!
    wait_for 20 test -e "$scratch/$name" || die "$name did not start: $(cat "$scratch/$name.log")"
}
end_sides() {
    local name
    for name in "${!daemons[@]}"; do
        : >"$scratch/$name.end"
        wait "${daemons[$name]}"
    done
    daemons=()
}
run=("$VPIV" run --user)
socket() { cat "$scratch/$1"; }

# vpcd_start — Debian's virtual reader, on a port that nobody has, and a card that is as quick as can be.
vpcd_start() {
    local lib=/usr/lib/pcsc/drivers/serial/libifdvpcd.so port=$((20000 + RANDOM % 20000)) dir=$scratch/vpcd.d
    [ -e "$lib" ] || { note "       vpcd: not installed (vsmartcard-vpcd)"; return 1; }
    mkdir -p "$dir/conf"
    printf 'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:0x%X\nLIBPATH %s\nCHANNELID 0x%X\n' "$port" "$lib" "$port" \
        >"$dir/conf/vpcd"
    "${pin[@]}" "$top_builddir/pcscd_private" "$dir" >"$scratch/vpcd.log" 2>&1 &
    started $!
    wait_for 10 env PCSCLITE_CSOCK_NAME="$dir/socket" "$probe" names || return 1
    echo "$dir/socket" >"$scratch/vpcd"
    "${pin[@]}" "$top_builddir/bench_vpcd" "$port" >"$scratch/vpcd_card.log" 2>&1 &
    started $!
    PCSCLITE_CSOCK_NAME=$dir/socket timeout 10 "$probe" connect Virtual >/dev/null ||
        { note "       vpcd: no card came: $(cat "$scratch/vpcd_card.log")"; return 1; }
}

# --- the parts ---------------------------------------------------------------------------------------------------------
part_rows() {
    local cards=(-c one -c two) tests=(-t -t) sides
    [ "$divisor" -gt 1 ] || { cards+=(-c three) tests+=(-t); }
    side null "$libs/libifdnull.so" "${pin[@]}" "${run[@]}" "${tests[@]}"
    side floor "$libs/libifdfloor.so" "${pin[@]}" "${run[@]}" "${tests[@]}"
    side vpiv "$libs/libifdvpiv.so" "${pin[@]}" "${run[@]}" "${cards[@]}"
    sides=("null=$(socket null)" "floor=$(socket floor)" "vpiv=$(socket vpiv)" openssl)
    if vpcd_start; then sides+=("vpcd=$(socket vpcd)"); fi
    "${pin[@]}" "$top_builddir/bench_apdu" rows "$divisor" "${sides[@]}" >>"$samples"
}

# The same keys in a token of SoftHSM2.
softhsm_start() {
    local key id=0
    have softhsm2-util || { note "       SoftHSM2: not installed (softhsm2)"; return 1; }
    softhsm=$(find /usr/lib* -name libsofthsm2.so 2>/dev/null | head -n 1)
    export SOFTHSM2_CONF=$scratch/softhsm2.conf
    mkdir "$scratch/tokens"
    echo "directories.tokendir = $scratch/tokens" >"$SOFTHSM2_CONF"
    quiet softhsm2-util --init-token --free --label bench --pin "$PIN" --so-pin "$PIN" || return 1
    for key in rsa2048 rsa3072 rsa4096 p256 p384 agree; do
        [ -e "$scratch/$key.key" ] || continue
        quiet openssl pkcs8 -topk8 -nocrypt -in "$scratch/$key.key" -out "$scratch/$key.p8" &&
            quiet softhsm2-util --import "$scratch/$key.p8" --token bench --label "$key" --id "0$((++id))" --pin "$PIN"
    done
}
part_p11() { # the daemon of part_rows
    local opensc modules status
    opensc=$(find /usr/lib* -name opensc-pkcs11.so 2>/dev/null | head -n 1)
    [ -n "$opensc" ] || { note "       OpenSC's PKCS#11: not installed (opensc-pkcs11)"; return; }
    modules=("vpiv=$opensc")
    if softhsm_start; then modules+=("softhsm=$softhsm"); fi
    PCSCLITE_CSOCK_NAME=$(socket vpiv) "${pin[@]}" "$top_builddir/bench_p11" "$divisor" "${modules[@]}" \
        >>"$samples" 2>"$scratch/p11.log"
    status=$?
    sort -u "$scratch/p11.log" | sed 's/^/       /' >&2
    [ $status -eq 0 ] || [ $status -eq 77 ]
}

part_events() {
    local card link
    side events "$libs/libifdvpiv.so" "${run[@]}" -c one
    card=$XDG_DATA_HOME/vpiv/cards/one.card
    link=$(dirname "$(socket events)")/readers/0/card
    rm "$link"
    PCSCLITE_CSOCK_NAME=$(socket events) "$probe" events vpiv "$link" "$card" "$(some 60)" |
        sed -nE 's/^(insert|remove)_all_us=/\1 vpiv us /p' >>"$samples"
    end_sides
}

# microseconds COMMAND… — how long it took.
microseconds() {
    local start=${EPOCHREALTIME/[.,]/}
    "$@" >/dev/null 2>&1 || return 1
    echo $((${EPOCHREALTIME/[.,]/} - start))
}
part_run() {
    local i name start at
    for ((i = 0; i < $(some 40); i++)); do
        for name in null vpiv; do
            export VPIV_DRIVER=$libs/libifd$name.so
            sample run-true "$name" us "$(microseconds "${run[@]}" -- true)"
            sample run-names "$name" us "$(microseconds "${run[@]}" -- "$probe" names)"
            start=${EPOCHREALTIME/[.,]/}
            at=$("${run[@]}" -- "$probe" connect vpiv)
            sample run-connect "$name" us $((${at#at_us=} - start))
        done
    done
    export VPIV_DRIVER=$libs/libifdvpiv.so
}
part_import() {
    local i n us
    for ((i = 0; i < $(some 10); i++)); do
        sample import vpiv us "$(microseconds vpiv import -c "new$i" --password env:PASSWORD --pin env:PIN \
            --puk env:PUK --no-insert "$scratch/p256.p12")"
    done
    n=$(some 40)
    mkdir "$scratch/folder"
    for ((i = 0; i < n; i++)); do cp "$scratch/p256.p12" "$scratch/folder/person$i.p12"; done
    us=$(microseconds vpiv import --batch "$scratch/folder" --password env:PASSWORD --pin env:PIN --puk env:PUK \
        --no-insert) || die "a batch of imports failed"
    note "       1,000 imports: $n, times $((1000 / n))"
    sample import-1000 vpiv us $((us * 1000 / n))
}

part_rates() {
    side floor "$libs/libifdfloor.so" "${run[@]}" -t -t
    side vpiv "$libs/libifdvpiv.so" "${run[@]}" -c one -c four
    "$top_builddir/bench_apdu" rates 60 "$(some 25)" "floor=$(socket floor)" \
        "vpiv=$(socket vpiv)" >>"$samples"
    end_sides
}

# counted MODE ARGUMENT… — the driver in a program of its own.
make_reader() {
    mkdir -p "$scratch/reader"
    ln -sf "$XDG_DATA_HOME/vpiv/cards/one.card" "$scratch/reader/card"
    ln -sfn "$XDG_STATE_HOME/vpiv" "$scratch/reader/state"
}
counted=("$top_builddir/bench_driver" "$libs/libifdvpiv.so" "$scratch/reader" vpiv)
part_counts() {
    local row n=0 file
    make_reader
    "${counted[@]}" allocations >>"$samples" || die "allocations cannot be counted"
    "${counted[@]}" calls >>"$samples" || note "       system calls cannot be counted here (ptrace)"
    "${counted[@]}" growth $((1000000 / divisor)) >>"$samples" || die "no growth to be seen"
    have valgrind || { note "       instructions: valgrind is not installed"; return; }
    (cd "$scratch" && quiet valgrind --tool=callgrind --toggle-collect=IFDHTransmitToICC --dump-before=mark \
        --callgrind-out-file=callgrind "${counted[@]}" plain) || die "callgrind failed"
    # Two dumps a row: up to its first mark, and between its two.
    for row in $("${counted[@]}" rows); do
        file=$scratch/callgrind.$((n += 2))
        sample "instructions-$row" vpiv n "$(awk '/^(summary|totals):/ { print $2 / 100; exit }' "$file")"
    done
}

resident() { # NAME — of the side's daemon, kB
    local pid
    pid=$(PCSCLITE_CSOCK_NAME=$(socket "$1") reader_daemon) && awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"
}
part_memory() {
    local readers name i tests
    for readers in 1 16; do
        tests=()
        for ((i = 0; i < readers; i++)); do tests+=(-t); done
        for name in null vpiv; do
            side "$name" "$libs/libifd$name.so" "${run[@]}" "${tests[@]}"
            PCSCLITE_CSOCK_NAME=$(socket "$name") "$probe" connect "$(printf '%02d 00' $((readers - 1)))" >/dev/null
            sample "resident-$readers" "$name" kB "$(resident "$name")"
        done
        end_sides
    done
}

# --- all of it ---------------------------------------------------------------------------------------------------------
mkdir -p "$out" && : >"$samples" || exit 1
note "bench: ${pin[*]:-not pinned}, nice $(nice), load $(cut -d' ' -f1-3 /proc/loadavg)"
step "cards"
make_cards || exit 1
step "APDUs and keys, side by side"
part_rows || exit 1
step "PKCS#11"
part_p11 || exit 1
end_sides
step "insertion and removal"
part_events
step "vpiv run"
part_run
step "import"
part_import
step "clients and readers"
part_rates
step "counts"
part_counts
step "memory"
part_memory
step "done"
"$top_builddir/bench_report" "$out/bench.json" "$out/bench.svg" <"$samples" >"$out/bench.txt" || exit 1
cat "$out/bench.txt"
