#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_pinpad.sh — the PIN comes from the reader's keypad: OpenSC's programs, PC/SC part 10 itself, and what a person sees.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

probe=$top_builddir/pcsc_probe
PATH=$PATH:/usr/sbin
for program in pcscd openssl opensc-tool pkcs11-tool pkcs15-tool; do
    have "$program" || skip_all "$program is not installed"
done

# Not in pcscd's environment, which has the test's: what is found in its memory came through the keypad.
export -n PIN PUK
PIN=83920571 PUK=61738204
with_pins() { PIN=$PIN PUK=$PUK "$@"; }
make_bundle one 9a P-256 && with_pins import one "$scratch/one.p12" >"$scratch/import.log" 2>&1 ||
    { cat "$scratch/import.log" >&2; exit 1; }
make_bundle two 9e P-256 && with_pins import two "$scratch/two.p12" >"$scratch/import.log" 2>&1 || exit 1
reader_start_with --pinpad --reader-name Keypad -c one -c two || exit 1

# keys "KEYS" command… — a keypad that presses these keys, while the command runs.  Its output in $scratch/out, what the
# keypad says in $scratch/pad.
keys() {
    KEYS=$1 "$VPIV" pinpad --user --keys env:KEYS >"$scratch/pad" 2>&1 &
    local pad=$! status
    started "$pad"
    shift
    "$@" >"$scratch/out" 2>&1
    status=$?
    wait_for 5 gone "$pad" || kill "$pad" # it was not asked as often as it has keys
    wait "$pad"
    return $status
}
pad_says() { is "… and the keypad says so" "$(cat "$scratch/pad")" "reader 0: $1"; }
out_like() { like "$1" "$(cat "$scratch/out")" "$2"; }
p11() { timeout 60 pkcs11-tool --login --list-objects --type privkey; }

mkdir -p "$scratch/second/conf"
ln -s "$VPIV_DRIVER" "$scratch/second/libifdvpiv.so"
printf 'FRIENDLYNAME "Second"\nDEVICENAME %s/0:\nLIBPATH %s/second/libifdvpiv.so\n' "$VPIV_READER_DIR" "$scratch" \
    >"$scratch/second/conf/vpiv"

# --- what is announced ----------------------------------------------------------------------------------------------
"$probe" attributes "Keypad 00" >"$scratch/out" 2>&1
value() { sed -n "s/^$1=//p" "$scratch/out"; }
is "verify, modify, properties of PINs and of the reader" "$(value features)" \
    0604423300060704423300070A044233000A120442330012
like "6 to 8 digits, a display of two lines" "$(value properties)" '01021002020103030100060106070108$'
like "OpenSC sees a keypad" "$(opensc-tool -l 2>&1)" 'PIN pad'
like "… and says that it has to be used" "$(pkcs11-tool -L 2>&1)" 'PIN pad present'

# --- OpenSC ---------------------------------------------------------------------------------------------------------
ok "pkcs11-tool --login: the PIN comes from the keypad" keys "$PIN" p11
out_like "… and the private key is there" 'Private Key Object'
pad_says accepted
not_ok "a wrong PIN" keys 111111 p11
out_like "… is CKR_PIN_INCORRECT" CKR_PIN_INCORRECT
pad_says "wrong, 2 tries left"
not_ok "the Cancel key" keys cancel p11
out_like "… is CKR_FUNCTION_CANCELED" CKR_FUNCTION_CANCELED
pad_says cancelled
not_ok "no key pressed" keys timeout p11
out_like "… is CKR_FUNCTION_CANCELED as well (OpenSC has no other word)" CKR_FUNCTION_CANCELED
pad_says "the time is over"
not_ok "a PIN that cannot be one" keys 12345 p11
out_like "… is CKR_PIN_LEN_RANGE" CKR_PIN_LEN_RANGE
pad_says "too short or too long"
ok "… and none of the three has cost a try" keys "$PIN" pkcs15-tool --verify-pin
sign() { head -c 32 /dev/zero >"$scratch/message"; pkcs11-tool --login --sign --id 01 -m ECDSA -i "$scratch/message" -o "$scratch/sig"; }
ok "a signature" keys "$PIN" sign || diag "$(cat "$scratch/out")"
ok "pkcs15-tool --unblock-pin: PUK and new PIN, twice" keys "$PUK 24681357 24681357" pkcs15-tool --unblock-pin
pad_says accepted
ok "… and the new PIN is the one" keys 24681357 p11
PIN=24681357

# --- others that stand on PKCS#11 ------------------------------------------------------------------------------------------
module=$(find /usr/lib /usr/lib64 -name opensc-pkcs11.so 2>/dev/null | head -n 1)
if have ssh-keygen && [ -n "$module" ]; then
    ssh-keygen -D "$module" -e >"$scratch/ca.pub" 2>/dev/null
    ssh-keygen -q -t ed25519 -N "" -f "$scratch/user" </dev/null
    ok "ssh-keygen signs a certificate with the card's key" \
        keys "$PIN" timeout 60 ssh-keygen -s "$scratch/ca.pub" -D "$module" -I test -n test "$scratch/user.pub"
    ok "… which is one" ssh-keygen -L -f "$scratch/user-cert.pub"
else
    skip "ssh-keygen signs a certificate with the card's key" "ssh-keygen is not installed"
fi
if have certutil && have modutil && [ -n "$module" ]; then
    mkdir "$scratch/nss"
    quiet certutil -N -d "sql:$scratch/nss" --empty-password
    quiet modutil -force -dbdir "sql:$scratch/nss" -add opensc -libfile "$module"
    nss_keys() { timeout 60 certutil -K -h all -d "sql:$scratch/nss" </dev/null; }
    keys "$PIN" nss_keys
    out_like "NSS lists the card's private key" 'PIV AUTH key'
    pad_says accepted
else
    skip "NSS lists the card's private key" "NSS's tools are not installed"
fi

# --- PC/SC part 10 -----------------------------------------------------------------------------------------------------
verify=1E1E820800080602FF000000000000
modify=1E1E8208000008080603020300000001020000
le32() { printf '%02X000000' "$1"; }
ff8=FFFFFFFFFFFFFFFF
verify_pin() { "$probe" control "Keypad 00" 42330006 "${1:-$verify}$(le32 13)${2:-0020008008}$ff8"; }
modify_pin() { "$probe" control "Keypad 00" 42330007 "${modify}00$(le32 21)${1:-0024008010}$ff8$ff8"; }
answer() { is "$1" "$(value answer)" "$2"; }
keys "$PIN" verify_pin
answer "VERIFY_PIN_DIRECT is answered with the card's status word" 9000
keys 111111 verify_pin
answer "… also when it is no good one" 63C2
keys cancel verify_pin
answer "Cancel is 6401" 6401
keys timeout verify_pin
answer "time over is 6400" 6400
keys 123456789 verify_pin
answer "too many digits are 6403" 6403
"$probe" control "Keypad 00" 42330006 "1E1E810800080602FF000000000000$(le32 13)0020008008$ff8" >"$scratch/out"
answer "a structure for BCD is 6B80, and nobody is asked" 6B80
"$probe" control "Keypad 00" 42330006 "$verify$(le32 13)00DB3FFF08$ff8" >"$scratch/out"
answer "a command that would store the PIN is 6B80" 6B80
keys "$PIN 135790 135790" modify_pin
answer "MODIFY_PIN_DIRECT changes the PIN" 9000
pad_says accepted
keys "135790 $PIN 135791" modify_pin
answer "two new PINs that differ are 6402" 6402
keys "135790 $PIN" modify_pin
answer "a script that ends too soon is 6401" 6401
keys "135790 $PIN $PIN" modify_pin
answer "… and back" 9000
keys "$PUK 135790 135790" modify_pin 002C008010
answer "RESET RETRY COUNTER asks for the PUK" 9000
keys "135790 $PIN $PIN" modify_pin
verify_short="01${verify#1E}"
verify_pin "$verify_short" >"$scratch/out"
answer "without a keypad the time is over after what the client said" 6400
like "… which was a second" "$(value ms)" '^1[0-4][0-9][0-9]$'

# --- others while a person thinks ---------------------------------------------------------------------------------------
verify_pin >"$scratch/waiting" 2>&1 &
waiting=$!
wait_for 5 grep -q '^asking' "$scratch/waiting"
is "another reader works on meanwhile" \
    "$(timeout 10 "$probe" rate "Keypad 01" 100 00A4040009A00000030800001000 | sed -n 's/^sw=//p')" 9000
ok "… and a client that leaves it ends nothing here" kill -0 "$waiting"
# Five seconds after the card was powered up pcscd's event thread looks at it, and so stands behind the entry.
sleep 5.2
vpiv eject >/dev/null
wait_for 2 gone "$waiting" && pass "the entry ends as soon as the card is pulled" ||
    fail "the entry ends as soon as the card is pulled" "still waiting after 2 s"
wait "$waiting"
like "… with an error, as with a card that is gone" "$(sed -n 's/^answer=//p' "$scratch/waiting")" '[a-z]{4}'
ms=$(sed -n 's/^ms=//p' "$scratch/waiting")
[ "${ms:-9999}" -lt 10000 ] && pass "… long before its time is over" || fail "… long before its time is over" "$ms ms"
vpiv insert >/dev/null

# --- one keypad's place, two pcscds -----------------------------------------------------------------------------------------
socket=$VPIV_READER_DIR/0/pinpad
before=$(stat -c %i "$socket")
"$top_builddir/pcscd_private" "$scratch/second" $(pcscd --help 2>&1 | grep -o -m 1 -e --disable-polkit) >"$scratch/second.log" 2>&1 &
second=$!
started "$second"
PCSCLITE_CSOCK_NAME=$scratch/second/socket "$probe" names >/dev/null 2>&1
taken() { grep -q 'no socket for its keypad' "$scratch/second.log"; }
ok "a second pcscd with the same reader leaves the keypad to the first" wait_for 5 taken
touch "$VPIV_READER_DIR/0/note"
is "… which keeps its socket" "$(stat -c %i "$socket")" "$before"
is "… and the second says so once" "$(grep -c 'no socket for its keypad' "$scratch/second.log")" 1
kill "$second"
wait "$second" 2>/dev/null
ok "… and the first asks as before" keys "$PIN" p11

# --- no secret is left --------------------------------------------------------------------------------------------------
ok "one more login" keys "$PIN" p11
opensc-tool -s 0020FF80 >/dev/null 2>&1
daemon=$(reader_daemon)
if [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" = 0 ] || [ "$(id -u)" = 0 ]; then
    printf 'PIN %s\nPUK %s\n' "$(printf %s "$PIN" | hex)" "$(printf %s "$PUK" | hex)" >"$scratch/secrets"
    is "no PIN is left in pcscd" "$("$top_builddir/secret_search" "$scratch/secrets" "$daemon" | tail -n 1)" \
        "0 hits, 0 dumped, 0 unlocked"
else
    skip "no PIN is left in pcscd" "kernel.yama.ptrace_scope"
fi
log=$(dirname "$PCSCLITE_CSOCK_NAME")/pcscd.log
unlike "… and none in its log" "$(cat "$log")" "$PIN|$PUK|135790"

# --- a person -----------------------------------------------------------------------------------------------------------
if have python3; then
    python3 - "$VPIV" "$PIN" "$probe" >"$scratch/person" 2>&1 <<'END'
import os, pty, subprocess, sys, time, select
vpiv, pin, probe = sys.argv[1:]
verify = "1E1E820800080602FF000000000000" "0D000000" "0020008008FFFFFFFFFFFFFFFF"
pid, fd = pty.fork()
if pid == 0:
    os.execv(vpiv, [vpiv, "pinpad", "--user"])
seen = b""
def until(text, seconds=10):
    global seen
    end = time.time() + seconds
    while text not in seen:
        if not select.select([fd], [], [], max(0, end - time.time()))[0]:
            sys.exit("waited for %r, saw %r" % (text, seen))
        seen += os.read(fd, 1024)
    before, seen = seen.split(text, 1)
    return before
def ask():
    return subprocess.Popen([probe, "control", "Keypad 00", "42330006", verify], stdout=subprocess.PIPE)
def answer(client):
    return client.communicate(timeout=20)[0].decode().split("answer=")[1].strip()
client = ask()
until(b"reader 0: PIN (Esc cancels): ")
os.write(fd, pin[:3].encode() + b"9\x7f" + pin[3:].encode() + b"\r")
shown = until(b"accepted")
print("typed:", answer(client), "echoed" if pin.encode() in shown else "hidden", shown.count(b"*"))
client = ask()
until(b"reader 0: PIN (Esc cancels): ")
os.write(fd, b"12\x1b")
print("escape:", answer(client))
until(b"cancelled")
client = ask()
until(b"reader 0: PIN (Esc cancels): ")
os.write(fd, b"12\x03")
print("interrupt:", answer(client))
print("ends:", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
    is "a person types it unseen, corrects, cancels, and ends it with ^C" "$(cat "$scratch/person")" \
        "typed: 9000 hidden 9
escape: 6401
interrupt: 6401
ends: -2"
else
    skip "a person types it unseen, corrects, cancels, and ends it with ^C" "python3 is not installed"
fi

# --- the end ------------------------------------------------------------------------------------------------------------
verify_pin >"$scratch/waiting" 2>&1 &
waiting=$!
wait_for 5 grep -q '^asking' "$scratch/waiting"
kill "$daemon"
ok "pcscd ends at once while a PIN is asked for" wait_for 3 gone "$daemon"
wait "$waiting"
reader_stop 2>/dev/null

# --- readers without one ------------------------------------------------------------------------------------------------
reader_start one || exit 1
"$probe" attributes "vpiv" >"$scratch/out" 2>&1
is "a reader without the setting has no keypad" "$(value features)" 120442330012
"$probe" control "vpiv" 42330006 "$verify$(le32 13)0020008008$ff8" >"$scratch/out"
answer "… and refuses its control codes" "Feature not supported."
out=$(KEYS=1 "$VPIV" pinpad --user --keys env:KEYS 2>&1)
is "vpiv pinpad says what to do" "$?: $out" "1: vpiv: reader 0 has no keypad: 'pinpad = true;' in $VPIV_READER_DIR/0/settings gives it one"
reader_stop

done_testing
