#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_trace.sh — vpiv trace: every exchange in words, live and from a file, and no secret in it at any time.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

have pcscd || [ -x /usr/sbin/pcscd ] || skip_all "pcscd is not installed"
export VPIV
status_of() { "$@" >"$scratch/out" 2>&1; echo $?; }

# --- from a program to words -------------------------------------------------------------------------------------
make_bundle one 9a RSA2048 && make_bundle two 9d P-256 || exit 99
trace=$scratch/one.trace
# shellcheck disable=SC2016 # expanded inside
vpiv run --trace "$trace" -p env:PASSWORD -i "$scratch/one.p12" -t -- sh -c '
    "$VPIV" apdu -r 0 -a 00CB3FFF055C035FC10200 00200080 00CB3FFF055C035FC10900
    echo 0020008008313233343536FFFF | "$VPIV" apdu -r 0
    "$VPIV" apdu -r 1 00FD000000' >/dev/null
is "the file begins with what it is" "$(head -n 1 "$trace")" "# vpiv-trace 1"
words=$(vpiv trace "$trace")
like "which card is in which reader" "$words" '  1 +card piv test [0-9A-F]{32}$'
like "power and ATR" "$words" '  0 +power 3B[0-9A-F]+$'
like "command, object, status word" "$words" \
    '^[0-9:.]{15}  0 +[0-9.]+ ms  GET DATA, Card Holder Unique Identifier \(5FC102\): 9000 success, 61 bytes$'
like "tries" "$words" 'VERIFY, PIN \(80\), ask for tries: 63C3 verification failed, 3 tries left$'
like "what is not there" "$words" 'GET DATA, Printed Information \(5FC109\): 6982 security status not satisfied$'
like "the other reader" "$words" '  1 +[0-9.]+ ms  GET VERSION: 6D00 instruction not supported$'
like "--hex shows the bytes, the PIN but its length" "$(vpiv trace -x "$trace")" '^ {20}> 0020008008\*{16}$'
is "raw is the trace again" "$(vpiv trace -f raw "$trace" | sha256sum)" "$(sha256sum <"$trace")"
like "JSON, a line each" "$(vpiv trace --json "$trace" | grep '"VERIFY"' | tail -n 1)" \
    '^\{"time":[0-9.]+,"reader":"0","event":"apdu","us":[0-9]+,"apdu":"0020008008\*+","answer":"9000",.*"masked":true\}$'
is "standard input" "$(vpiv trace - <"$trace" | wc -l)" "$(grep -vc '^#' "$trace")"
printf 'nonsense\n' >"$scratch/bad.trace"
is "no trace: 1" "$(status_of vpiv trace "$scratch/bad.trace")" 1
is "… with file and line" "$(cat "$scratch/out")" "vpiv: $scratch/bad.trace:1: no line of a trace"
printf '1.000000 0 none \033]0;title\007\n' >"$scratch/bad.trace"
is "words that a terminal would obey are none of a trace" "$(status_of vpiv trace "$scratch/bad.trace")" 1
is "no such file: 1" "$(status_of vpiv trace "$scratch/none")" 1
is "no such format: 2" "$(status_of vpiv trace -f pdf "$trace")" 2

# --- no secret ---------------------------------------------------------------------------------------------------
# Each is what a session sends or gets, in hex.
secrets="393837363534FFFF 3837363534333231 0F1E2D3C4B5A69788796A5B4C3D2E1F00112233445566778 5EC4E7 A1B2C3D4E5F6"
cat >"$scratch/session" <<'APDUS'
# the PIN, changed; wrong ones; the PUK changes, and unblocks
0020008008313233343536FFFF
0024008010313233343536FFFF393837363534FFFF
0020008008393837363534FFFF
00240081103132333435363738 3837363534333231
002C008010 3837363534333231 393837363534FFFF
0020008008393837363534FFFF
# sent in other forms, chained, with a wrong length
00200080000008393837363534FFFF
1020008004 39383736
0020008004 3534FFFF
0020008007 393837363534FFFF
# a key that comes in, an object that is read after the PIN alone
1B20008008393837363534FFFF
10FE079A08 0108A1B2C3D4E5F6
00FE079A02 0718
00FE119A0B 0609 5EC4E7A1B2C3D4E507
00DB3FFF0A 5C035FC109 53035EC4E7
10DB3FFF07 5C035FC1095303
00DB3FFF03 5EC4E7
APDUS
cat >"$scratch/session.sh" <<'SHELL'
"$VPIV" apdu -r 0 -a 00A4040009A00000030800001000 >/dev/null
"$VPIV" apdu -r 0 <"$1"
# The management key, the factory's, then one of our own; a decryption; an agreement.
yubico-piv-tool -r Yubi -a set-mgm-key -n 0F1E2D3C4B5A69788796A5B4C3D2E1F00112233445566778
SHELL
session() { # trace-file option…
    local file=$1
    shift
    vpiv run --persona yubikey --trace "$file" "$@" -- sh "$scratch/session.sh" "$scratch/session" \
        >"$scratch/session.log" 2>&1
}
found() { # trace-file
    local s
    for s in $secrets; do
        ! grep -q "$s" "$1" || printf '%s ' "$s"
    done
}
session "$scratch/masked.trace" || diag "$(cat "$scratch/session.log")"
session "$scratch/open.trace" --unmask
is "PIN, PUK, keys and what only the PIN opens are in no line" "$(found "$scratch/masked.trace")" ""
if have yubico-piv-tool; then
    is "the control: --unmask on a test card shows each of them" "$(found "$scratch/open.trace")" "$secrets "
else
    skip "the control: --unmask on a test card shows each of them" "yubico-piv-tool is not installed"
fi
is "both are of the same session" "$(grep -c apdu "$scratch/masked.trace")" "$(grep -c apdu "$scratch/open.trace")"

# What a key opens: the same message, decrypted and agreed on by OpenSC, and looked for.
if have pkcs11-tool && have openssl; then
    printf 'attack at dawn!!' >"$scratch/message"
    make_bundle dec 9d RSA2048 || exit 99
    openssl pkeyutl -encrypt -pubin -inkey "$scratch/dec.pub" -pkeyopt rsa_padding_mode:pkcs1 -in "$scratch/message" \
        -out "$scratch/cipher"
    make_key P-256 "$scratch/peer.key"
    openssl pkey -in "$scratch/peer.key" -pubout -outform DER -out "$scratch/peer.der" 2>/dev/null
    # shellcheck disable=SC2016
    vpiv run --trace "$scratch/use.trace" -p env:PASSWORD -i "$scratch/dec.p12" -i "$scratch/two.p12" -- sh -c '
        pkcs11-tool --module "$PKCS11_MODULE_PATH" --slot-index 0 --login --pin 123456 --decrypt -m RSA-PKCS --id 03 \
            -i "$0/cipher" -o "$0/plain"
        pkcs11-tool --module "$PKCS11_MODULE_PATH" --slot-index 1 --login --pin 123456 --derive -m ECDH1-DERIVE \
            --id 03 -i "$0/peer.der" -o "$0/agreed"' "$scratch" >"$scratch/use.log" 2>&1
    is "OpenSC has decrypted with the card" "$(cat "$scratch/plain" 2>/dev/null)" "$(cat "$scratch/message")"
    ok "OpenSC has agreed on a secret with the card" test -s "$scratch/agreed"
    for what in message agreed; do
        not_ok "the $what is not in the trace" grep -qi "$(hex <"$scratch/$what")" "$scratch/use.trace"
    done
    like "it says that there was one" "$(vpiv trace "$scratch/use.trace")" \
        'GENERAL AUTHENTICATE, Key Management \(9d\), P-256, agree on a secret: 9000 success, 36 bytes$'
fi

# --- live ----------------------------------------------------------------------------------------------------------
listen() { # into option…
    local into=$1
    shift
    "$VPIV" trace --user "$@" >"$into" 2>"$into.err" &
    listener=$!
    started "$listener"
    # The first line tells what is in the reader; a page is written at the end.
    [ "${into%.html}" != "$into" ] || wait_for 10 test -s "$into" || diag "$(cat "$into.err")"
}
hang_up() { kill -INT "$listener" && wait "$listener"; }
reader_start_with -t -e || exit 99
listen "$scratch/live"
vpiv apdu -r 0 00200080 >/dev/null
ok "a line comes while it happens" wait_for 5 grep -q 'ask for tries: 63C3' "$scratch/live"
is "a second listener is refused" "$(status_of vpiv trace)" 1
like "… with a reason" "$(cat "$scratch/out")" 'another .vpiv trace. listens to reader 0'
vpiv eject >/dev/null
ok "an ejected card is told" wait_for 5 grep -qE '  0 +none$' "$scratch/live"
vpiv insert >/dev/null
hang_up
is "SIGINT ends it with status 0" $? 0
is "nothing is left in the readers" "$(find "$VPIV_READER_DIR" -name '*trace*')" ""
listen "$scratch/live.html" --format html -r 0
wait_for 10 test -S "$VPIV_READER_DIR/0/trace"
vpiv apdu -r 0 00200080 00F9000000 >/dev/null
hang_up
like "a page of what was heard" "$(grep -c 'ask for tries' "$scratch/live.html")" '^1$'
listen "$scratch/dead"
kill -KILL "$listener" && wait "$listener" 2>/dev/null
is "a listener that was killed hinders nobody" "$(vpiv apdu -r 0 00200080)" 63C3
listen "$scratch/live2" -x
vpiv apdu -r 0 00200080 >/dev/null
ok "and another one takes its place" wait_for 5 grep -q 63C3 "$scratch/live2"
# A listener that does not read: its socket takes so much, the rest is counted.
kill -STOP "$listener"
for _ in {1..3000}; do echo 00CB3FFF055C035FC10200; done | vpiv apdu -r 0 >/dev/null
kill -CONT "$listener"
vpiv apdu -r 0 00200080 >/dev/null
ok "a slow listener costs lines, not time, and is told how many" wait_for 5 grep -qE '  0 +lost [0-9]+$' "$scratch/live2"
hang_up
reader_stop

mkdir -p "$scratch/nobody/0"
VPIV_READER_DIR=$scratch/nobody "$VPIV" trace --user 2>"$scratch/nobody.err" &
listener=$!
started "$listener"
ok "where no pcscd runs it says that it waits" wait_for 5 grep -qx 'vpiv: no pcscd shows this reader yet; waiting' "$scratch/nobody.err"
hang_up

# --- whose secrets -------------------------------------------------------------------------------------------------
ok "a card of one's own" vpiv new own --factory
# shellcheck disable=SC2016
vpiv run -c own --trace "$scratch/own.trace" --unmask -- sh -c '
    echo 0020008008313233343536FFFF | "$VPIV" apdu -r 0' >/dev/null
like "--unmask opens nothing but test cards" "$(cat "$scratch/own.trace")" ' 0020008008\*{16} 9000$'
# shellcheck disable=SC2016
vpiv run -t -- sh -c 'chmod g+w "$VPIV_READER_DIR/0"; : >"$VPIV_READER_DIR/0/trace"; "$VPIV" apdu -r 0 00200080
    cp "$VPIV_READER_DIR/0/trace" "$0"' "$scratch/shared.trace" >/dev/null
is "where others may write a file is no listener" "$(wc -c <"$scratch/shared.trace")" 0

# shellcheck disable=SC2016
is "… but a socket is, as in the system's readers" "$(vpiv run -t -- sh -c 'chmod 2770 "$VPIV_READER_DIR/0"
    "$VPIV" trace >"$0" & listener=$!
    until [ -s "$0" ]; do kill -0 $listener || exit; sleep 0.02; done
    ls -l "$VPIV_READER_DIR/0/trace" | cut -c 1-10
    "$VPIV" apdu -r 0 00200080
    until grep -q 63C3 "$0"; do sleep 0.02; done
    kill $listener; wait' "$scratch/shared.trace")" "$(printf '%s\n' srw-rw---- 63C3)"

through_link() { # mode — what a listener to reader 0 hears of reader 1, whose entry is a link to it
    # shellcheck disable=SC2016
    vpiv run -e -t -- sh -c '"$VPIV" trace -r 0 >"$0" & listener=$!
        until [ -S "$VPIV_READER_DIR/0/trace" ]; do sleep 0.02; done
        chmod "$1" "$VPIV_READER_DIR/1"; ln -s ../0/trace "$VPIV_READER_DIR/1/trace"
        "$VPIV" apdu -r 1 00200080 >/dev/null; kill $listener; wait; grep -c VERIFY "$0"' "$scratch/link.trace" "$1"
}
is "… but no link to one: it could lead to a socket of root's" "$(through_link 2770)" 0
is "… where nobody else may write, it may" "$(through_link 0700)" 1

# --- the page, in a browser ------------------------------------------------------------------------------------------
vpiv trace -f html -o "$scratch/page.html" "$trace"
not_ok "the page fetches nothing" grep -qE '(src|href)=|https?:|@import|url\(' "$scratch/page.html"
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -n "$browser" ]; then
    rows_of() { # hash
        timeout 120 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$scratch/browser" --virtual-time-budget=5000 \
            --dump-dom "file://$scratch/page.html#$1" 2>/dev/null | grep -o '<tr[ >].*' | sed 's/<\/tr>/&\n/g' | grep '<td'
    }
    all=$(rows_of '')
    is "Chromium shows a row for each event" "$(printf '%s\n' "$all" | wc -l)" "$(grep -vc '^#' "$trace")"
    like "… in words" "$all" '>Card Holder Unique Identifier \(5FC102\)</td><td class="st">9000</td>'
    is "a search leaves what it names" "$(rows_of 'text=verify+tries' | wc -l)" \
        "$(vpiv trace "$trace" | grep -c 'VERIFY.*tries')"
    is "errors alone" "$(rows_of 'errors=1' | wc -l)" "$(vpiv trace "$trace" | grep -cE ' (6[^1]..) ')"
    is "one reader" "$(rows_of 'reader=1' | wc -l)" "$(grep -c '^[0-9.]* 1 ' "$trace")"
    like "bytes on demand" "$(rows_of 'text=5FC102&hex=1' | tr '\n' ' ')" '<pre><b>&gt; </b>00CB3FFF055C035FC10200'
    # What stands in a trace must not become a part of the page.
    printf '1.000001 0 fault </script><script>document.title="owned"</script><!--<script>\n' >>"$trace"
    vpiv trace -f html -o "$scratch/page.html" "$trace"
    like "a hostile trace stays text" "$(rows_of '' | head -n 1)" \
        'fault</td><td colspan="3">&lt;/script&gt;&lt;script&gt;document.title="owned"'
else
    skip "the page in a browser" "Chromium is not installed"
fi

done_testing
