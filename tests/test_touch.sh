#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_touch.sh — keys that want a touch: an operation waits, is seen to wait, and ends by a finger, by time, by removal.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

for program in pcscd openssl yubico-piv-tool; do
    have "$program" || skip_all "$program is not installed"
done

tool() { timeout 60 yubico-piv-tool -r "CCID 0${reader:-0} 00" "$@" 2>&1; }
milliseconds() { date +%s%3N; }
waits() { [ -e "$VPIV_READER_DIR/${1:-0}/touch" ]; }
still_waits() { waits && kill -0 "$signer" 2>/dev/null; }

# sign SLOT KEY — in the background; ends in $scratch/sign.status, and took $scratch/sign.ms.
sign() {
    local start
    rm -f "$scratch/sign.status"
    start=$(milliseconds)
    {
        tool -a verify-pin -P 123456 -a test-signature -s "$1" -i "$scratch/$2.pem" >"$scratch/sign.log" 2>&1
        echo $? >"$scratch/sign.new"
        echo $(($(milliseconds) - start)) >"$scratch/sign.ms"
        mv "$scratch/sign.new" "$scratch/sign.status"
    } &
    signer=$!
    started "$signer"
}
signed() { # it ends, and well
    wait_for 10 test -e "$scratch/sign.status" && [ "$(cat "$scratch/sign.status")" = 0 ]
}
failed() { wait_for 20 test -e "$scratch/sign.status" && [ "$(cat "$scratch/sign.status")" != 0 ]; }
between() { # NAME value least most
    [ "$2" -ge "$3" ] && [ "$2" -le "$4" ] && pass "$1" || fail "$1" "$2, not between $3 and $4"
}
put_key() { # SLOT NAME POLICY
    tool -a import-key -a import-certificate -s "$1" -K PKCS12 -p "$PASSWORD" --touch-policy="$3" -i "$scratch/$2.p12"
}

make_bundle finger 9a P-256 && make_bundle free 9c P-256 || exit 99

# --- as long as a real key, beside all that follows -------------------------------------------------------------------
export -f put_key tool
export scratch PASSWORD
# shellcheck disable=SC2016 # expanded inside
vpiv run --persona yubikey --touch never -- bash -c '
    put_key 9a finger always && start=$(date +%s%3N)
    tool -a verify-pin -P 123456 -a test-signature -s 9a -i "$scratch/finger.pem"
    echo "status $? after $(($(date +%s%3N) - start))"' >"$scratch/long.log" 2>&1 &
long=$!
started $long

# --- an operation waits ------------------------------------------------------------------------------------------------
reader_start_with --persona yubikey --touch wait -t -t || { fail "a private pcscd starts"; done_testing; exit; }
ok "a key that always wants a touch" put_key 9a finger always
ok "the other reader's too" env reader=1 bash -c 'put_key 9a finger always && put_key 9c free never'
is "nothing waits yet" "$(vpiv touch 2>&1)" "vpiv: nothing in reader 0 waits for a touch"
sign 9a finger
ok "a signature waits" wait_for 10 waits
like "the list tells it" "$(vpiv list)" '^reader 0: test, key 9a waits for a touch$'
like "… and of the other reader it does not" "$(vpiv list)" '^reader 1: test-1$'
is "… in JSON too" "$(vpiv list --json | tr -d ' \n' | grep -oE '"readers":[^]]*')" \
    '"readers":[{"reader":0,"card":"test","touch":"9a"},{"reader":1,"card":"test-1","touch":null}'
like "pcscd's log tells it" "$(cat "$(dirname "$PCSCLITE_CSOCK_NAME")/pcscd.log")" \
    'reader .*/0: key 9a waits for a touch, 15 s at most'
ok "another reader signs meanwhile" env reader=1 bash -c \
    'tool -a verify-pin -P 123456 -a test-signature -s 9c -i "$scratch/free.pem"'
like "and readers are listed" "$("$top_builddir/pcsc_probe" names)" 'CCID 00 00'
like "the reader shows its card" "$("$top_builddir/pcsc_probe" state 'Yubico YubiKey CCID 00 00')" '^present'
not_ok "the other reader's finger is not asked" vpiv touch -r 1
ok "it waits still" still_waits
is "vpiv touch says which key" "$(vpiv touch)" "key 9a is touched"
ok "the signature is made" signed
not_ok "the entry is gone" waits
not_ok "once more there is nothing to touch" vpiv touch
sign 9a finger
ok "the next signature waits again" wait_for 10 waits
ok "rm is a touch as well" rm "$VPIV_READER_DIR/0/touch"
ok "… and it is made" signed
vpiv touch --wait 20 >"$scratch/touch.log" 2>&1 &
started $!
toucher=$!
sign 9a finger
ok "vpiv touch --wait is there before it is wanted" signed
wait "$toucher"
is "… and ends well" $? 0
is "… having said so" "$(cat "$scratch/touch.log")" "key 9a is touched"
start=$(milliseconds)
not_ok "vpiv touch --wait gives up" vpiv touch --wait 1
between "… when its time is over" $(($(milliseconds) - start)) 1000 3000

# --- a touch that lasts, and the management key's ------------------------------------------------------------------------
ok "a key whose touch lasts" put_key 9c free cached
sign 9c free
ok "a touch for another key serves it" signed
vpiv eject >/dev/null && vpiv insert >/dev/null
ok "not after the card was out" wait_for 10 tool -a verify-pin -P 123456
sign 9c free
ok "then it waits once" wait_for 10 waits
ok "touch" vpiv touch
ok "it is signed" signed
sign 9c free
ok "and at once the second time" signed
ok "a management key that wants a touch" tool -a set-mgm-key --touch-policy=always \
    -n 010203040506070801020304050607080102030405060708
is "its metadata say so" "$(vpiv apdu -r 'CCID 00 00' 00F7009B00 | head -n 1 | tr -d ' \n')" 010103020200020501019000
vpiv touch --wait 20 >"$scratch/touch.log" 2>&1 &
started $!
toucher=$!
ok "it serves when it is touched" tool -a set-chuid
wait "$toucher"
is "for that it was" "$(cat "$scratch/touch.log")" "key 9b is touched"

# --- the card goes ----------------------------------------------------------------------------------------------------------
sign 9a finger
ok "a signature waits" wait_for 10 waits
start=$(milliseconds)
ok "the card is pulled" vpiv eject
ok "the signature fails" failed
between "… at once" $(($(milliseconds) - start)) 0 1500
not_ok "nothing waits any more" waits
like "the reader is empty" "$("$top_builddir/pcsc_probe" state 'Yubico YubiKey CCID 00 00')" '^empty'
ok "the card comes back" vpiv insert
ok "and works" wait_for 10 tool -a verify-pin -P 123456
# pcscd's event thread stands behind the exchange once its own five seconds are over.
sign 9a finger
ok "a signature waits" wait_for 10 waits
sleep 6
ok "six seconds later it does so still" still_waits
start=$(milliseconds)
vpiv eject >/dev/null && vpiv insert >/dev/null
ok "the card pulled and put back: the signature fails" failed
between "… at once" $(($(milliseconds) - start)) 0 1500
ok "and the card works" wait_for 10 tool -a verify-pin -P 123456

# --- nobody comes --------------------------------------------------------------------------------------------------------------
echo 'persona = "yubikey"; touch = "never"; touch_seconds = 2;' >"$VPIV_READER_DIR/0/settings"
vpiv eject >/dev/null && vpiv insert >/dev/null
ok "the card with other settings" wait_for 10 tool -a verify-pin -P 123456
sign 9a finger
ok "a signature waits" wait_for 10 waits
is "a reader that feels nothing" "$(vpiv touch 2>&1)" \
    'vpiv: key 9a waits in reader 0, which feels no touch: its settings say touch = "never"'
ok "the signature fails" failed
between "… when its time is over" "$(cat "$scratch/sign.ms")" 2000 4000
like "yubico-piv-tool has no reason but the card's" "$(cat "$scratch/sign.log")" 'Failed signing'
ok "the next command is answered" tool -a verify-pin -P 123456

# --- pcscd goes ------------------------------------------------------------------------------------------------------------------
sign 9a finger
ok "a signature waits" wait_for 10 waits
daemon=$(reader_daemon) && kill -KILL "$daemon"
ok "its program fails with pcscd" failed
ok "what it left is there" waits
not_ok "… and deceives nobody" vpiv touch
like "… nor in the list" "$(vpiv list)" '^reader 0: test$'
reader_stop
start=$(milliseconds)
# shellcheck disable=SC2016 # expanded inside
ok "vpiv run ends while a signature waits" "$VPIV" run --user --persona yubikey --touch never -- bash -c '
    put_key 9a finger always || exit
    tool -a verify-pin -P 123456 -a test-signature -s 9a -i "$scratch/finger.pem" &
    for i in $(seq 500); do [ ! -e "$VPIV_READER_DIR/0/touch" ] || exit 0; sleep 0.02; done
    exit 1'
between "… within seconds" $(($(milliseconds) - start)) 0 6000

# --- ykman, which asks people -------------------------------------------------------------------------------------------------------
if have ykman; then
    management=010203040506070801020304050607080102030405060708
    reader_start_with --persona yubikey --touch wait || fail "a private pcscd starts"
    ok "ykman: keys generate --touch-policy always" \
        timeout 60 ykman piv keys generate -m $management --touch-policy always -a ECCP256 9a "$scratch/ykman.pub"
    timeout 60 ykman piv certificates generate -m $management -P 123456 -s CN=touched 9a "$scratch/ykman.pub" \
        >"$scratch/ykman.log" 2>&1 &
    started $!
    signer=$!
    ok "certificates generate waits" wait_for 20 waits
    ok "… and asks for the finger" wait_for 10 grep -q 'Touch your YubiKey' "$scratch/ykman.log"
    ok "touch" vpiv touch
    wait "$signer"
    is "it is made" $? 0
    ok "… and verifies" bash -c 'ykman piv certificates export 9a "$0" && openssl verify -CAfile "$0" "$0"' \
        "$scratch/ykman.pem"
    like "the key's metadata tell the policy" "$(vpiv apdu -r 0 00F7009A00 | tr -d ' \n')" '^01011102020202'
    reader_stop
else
    skip "ykman" "ykman is not installed"
fi

# --- yubikey-agent (piv-go): its set-up on a terminal, then ssh with a key that always wants a touch --------------------------------
agent_setup() {
    python3 - <<'END'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp("yubikey-agent", ["yubikey-agent", "-setup"])
seen, typed = b"", 0
while True:
    try:
        part = os.read(fd, 4096)
    except OSError:
        break
    if not part:
        break
    seen += part
    while typed < seen.count(b"PIN/PUK:"):  # the new one, and once more
        os.write(fd, b"654321\n")
        typed += 1
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
}
if have yubikey-agent && have ssh-add && have python3; then
    mkdir "$scratch/bin"
    printf '#!/bin/sh\necho "pinentry:Passphrase Entry:%s"\n' "$scratch/bin/pinentry" >"$scratch/bin/gpgconf"
    cat >"$scratch/bin/pinentry" <<'END'
#!/bin/sh
echo "OK"
while read -r word _; do
    case $word in
    GETPIN) echo "D 654321"; echo OK ;;
    BYE) echo OK; exit 0 ;;
    *) echo OK ;;
    esac
done
END
    chmod 755 "$scratch/bin/"*
    reader_start_with --persona yubikey --touch wait || fail "a private pcscd starts"
    ok "yubikey-agent -setup" agent_setup
    PATH=$scratch/bin:$PATH yubikey-agent -l "$scratch/agent" >"$scratch/agent.log" 2>&1 &
    started $!
    wait_for 10 test -S "$scratch/agent"
    export SSH_AUTH_SOCK=$scratch/agent
    ok "it offers its key" bash -c 'ssh-add -L >"$scratch/agent.pub"'
    ssh-keygen -q -Y sign -n file -f "$scratch/agent.pub" "$scratch/free.pem" >"$scratch/ssh.log" 2>&1 &
    started $!
    signer=$!
    ok "its signature waits" wait_for 10 waits
    ok "touch" vpiv touch
    wait "$signer"
    is "it is made" $? 0
    ok "… and verifies" bash -c 'printf "me %s\n" "$(cat "$scratch/agent.pub")" >"$scratch/allowed" &&
        ssh-keygen -Y verify -n file -I me -f "$scratch/allowed" -s "$scratch/free.pem.sig" <"$scratch/free.pem"'
    reader_stop
else
    skip "yubikey-agent" "yubikey-agent, ssh-add or python3 is not installed"
fi

wait "$long"
like "without a setting the wait is a failure …" "$(cat "$scratch/long.log")" '^status [1-9][0-9]* after'
between "… after fifteen seconds" "$(sed -n 's/^status [0-9]* after //p' "$scratch/long.log")" 15000 18000
done_testing
