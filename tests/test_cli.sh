#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_cli.sh — the command line: usage, exit codes, one sentence on failure, secrets, readers as directories.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

export TMPDIR=$scratch/t
unset XDG_RUNTIME_DIR
mkdir -m 700 "$TMPDIR"

# fails NAME STATUS REGEX command… — that status, nothing on stdout, one line on stderr which matches.
fails() {
    local name=$1 status=$2 regex=$3 got
    shift 3
    "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
    got=$?
    if [ "$got" = "$status" ] && [ ! -s "$scratch/out" ] && [ "$(wc -l <"$scratch/err")" = 1 ] &&
        grep -qE -- "$regex" "$scratch/err"; then
        pass "$name"
    else
        fail "$name" "status $got, wanted $status and one line like: $regex" \
            "$(cat "$scratch/out" "$scratch/err")"
    fi
}

# --- usage ------------------------------------------------------------------------------------------
fails "no verb" 2 '^vpiv: a verb is missing' "$VPIV"
fails "an unknown verb" 2 "^vpiv: there is no verb 'nonsense'" "$VPIV" nonsense
fails "an option where a verb belongs" 2 "^vpiv: there is no verb '--json'" "$VPIV" --json
fails "an unknown long option" 2 '^vpiv list: there is no option --nonsense' vpiv list --nonsense
fails "an unknown short option" 2 '^vpiv list: there is no option -z here' vpiv list -z
fails "an option without its value" 2 '^vpiv eject: -r wants a value' vpiv eject -r
fails "a long option without its value" 2 '^vpiv eject: --reader wants a value' vpiv eject --reader
fails "a value that is too much" 2 '^vpiv list: ' vpiv list --json=yes
for n in x -1 1x '' 99999999999999999999; do
    fails "'$n' is no number" 2 "^vpiv eject: --reader: '$n' is not a number" vpiv eject -r "$n"
done
fails "a missing argument" 2 '^vpiv new: CARD is missing' vpiv new
fails "an argument too many" 2 '^vpiv eject: too many arguments' vpiv eject it
fails "vpiv run keeps its statuses apart from CMD's" 125 '^vpiv run: there is no option' vpiv run --nonsense

is "vpiv --version" "$("$VPIV" --version)" "vpiv $(sed -n 's/^AC_INIT(\[vpiv\], \[\(.*\)\], \[\], .*/\1/p' \
    "$top_srcdir/configure.ac")"
verbs=$("$VPIV" --help | sed -n 's/^  *\([a-z]\{2,\}\)  .*/\1/p')
section() { sed -n "/^\.SS vpiv $1\$/,/^\.S[HS] /p" "$top_srcdir/doc/vpiv.1"; }
undocumented() { # verb — options of its help that vpiv(1) lacks
    local option
    "$VPIV" "$1" --help | grep -oE '^  +(-., )?--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+' |
        while read -r option; do
            { section "$1"; sed -n '/^\.SH COMMON/,/^\.SH VERBS/p' "$top_srcdir/doc/vpiv.1"; } |
                sed 's/\\-/-/g' | grep -qE -- "$option( |\$)" || echo "$option"
        done
}
surplus() { # verb — options of vpiv(1) that its help lacks
    section "$1" | grep -A1 -E '^\.T[PQ]' | sed 's/\\-/-/g' | grep -oE -- '--[a-z0-9-]+' |
        while read -r option; do
            "$VPIV" "$1" --help | grep -qE -- "^ .*$option( |\$)" || echo "$option"
        done
}
for verb in $verbs; do
    ok "vpiv $verb --help succeeds" "$VPIV" "$verb" --help
    is "vpiv(1) has every option of vpiv $verb" "$(undocumented "$verb")" ""
    is "vpiv(1) has no other" "$(surplus "$verb")" ""
done
full() { "$@" >/dev/full 2>"$scratch/err"; echo $?; }
is "output that cannot be written is a failure" "$(full "$VPIV" --help)" 1
is "and so is JSON" "$(full vpiv list --json)" 1

# --- secrets -----------------------------------------------------------------------------------------
make_bundle alice 9a P-256 || exit 99
opens() { vpiv run -i "$scratch/alice.p12" "$@" -- true; }
if have pcscd || [ -x /usr/sbin/pcscd ]; then
    printf 'secret\nwrong\n' >"$scratch/secrets"
    ok "pass:" opens -p pass:secret
    ok "env:" opens -p env:PASSWORD
    ok "file: its first line" opens -p "file:$scratch/secrets"
    ok "fd:" opens -p fd:7 7<"$scratch/secrets"
    ok "stdin" opens -p stdin <"$scratch/secrets"
    printf secret >"$scratch/unended"
    ok "a line without an end" opens -p "file:$scratch/unended"
    for spec in "file:$scratch/two" fd:7 stdin; do
        printf 'secret\nsecret\n' >"$scratch/two"
        ok "two from $spec take two lines" opens -i "$scratch/alice.p12" -p "$spec" \
            7<"$scratch/two" <"$scratch/two"
        fails "the second line counts ($spec)" 125 'alice.p12: wrong password' sh -c '
            exec "$1" run --user -i "$2" -i "$2" -p "$3" true 7<"$4" <"$4"' \
            x "$VPIV" "$scratch/alice.p12" "${spec/two/secrets}" "$scratch/secrets"
    done
fi
fails "no terminal to ask on" 125 'alice.p12 is needed and there is no terminal to ask on: give --password' \
    setsid -w "$VPIV" run --user -i "$scratch/alice.p12" true
fails "a missing variable" 125 '^vpiv: env:NOBODY: ' opens -p env:NOBODY
fails "a missing file" 125 '^vpiv: file:/nonexistent: No such file' opens -p file:/nonexistent
fails "a descriptor that is not open" 125 '^vpiv: fd:77: Bad file descriptor' opens -p fd:77
fails "a descriptor that is no number" 125 '^vpiv run: fd:x: a descriptor is a number' opens -p fd:x
fails "an input that is at its end" 125 '^vpiv: stdin: a line is missing there' opens -p stdin
printf 'x%.0s' {1..5000} >"$scratch/long"
fails "a line without end" 125 'is longer than 1024 bytes' opens -p "file:$scratch/long"
fails "a secret that stands there alone" 125 '^vpiv run: --password wants pass:TEXT' opens -p hunter2
unlike "it is not repeated" "$(cat "$scratch/err")" hunter2
if have python3; then
    cat >"$scratch/ask.py" <<'PYTHON'
import os, pty, sys, termios
keys, command = sys.argv[1].encode().decode("unicode_escape").encode(), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(command[0], command)
seen = b""
for key in keys.split(b"|"):
    while not seen.endswith(b": "):
        seen += os.read(fd, 1000)
    while termios.tcgetattr(fd)[3] & termios.ECHO: # OpenSSL prompts first
        pass
    os.write(fd, key)
    print(seen.decode().strip().splitlines()[-1]); seen = b""
try:
    while True:
        seen += os.read(fd, 1000)
except OSError:
    pass
print(seen.decode().replace("\r", "").strip())
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
    ask() { timeout 20 python3 "$scratch/ask.py" "$@"; }
    is "a terminal is asked, and shows nothing of the answer" \
        "$(ask 'secret\n' "$VPIV" run --user -i "$scratch/alice.p12" echo fine)" \
        "$(printf '%s\n' "Password of $scratch/alice.p12:" fine 0)"
    like "^C at the question ends vpiv by that signal" \
        "$(ask '\x03' "$VPIV" run --user -i "$scratch/alice.p12" echo fine | tail -n 1)" '^-2$'
    is "a new PIN is asked twice, and both must be the same" \
        "$(ask '123456\n|654321\n' "$VPIV" new --user twice | tail -n 2 | sed 's/^vpiv: .*: //')" \
        "$(printf '%s\n' "the two were not the same" 1)"
    not_ok "and nothing is made" test -e "$XDG_DATA_HOME/vpiv/cards/twice.card"
fi
is "nothing is left of any run" "$(ls -A "$TMPDIR")" ""

# --- readers -----------------------------------------------------------------------------------------
fails "an ordinary user has no reader" 1 "^vpiv: there is no reader here: 'vpiv run' makes one" vpiv eject
fails "nor to insert into" 1 "^vpiv: there is no reader here" vpiv insert alice
vpiv new --factory alice >/dev/null && vpiv new --factory bob >/dev/null || exit 99
cards=$XDG_DATA_HOME/vpiv/cards
export VPIV_READER_DIR=$scratch/readers
fails "a folder of readers that is not there" 1 "^vpiv: there is no reader 0: $VPIV_READER_DIR/0 is missing" \
    vpiv eject
mkdir -p "$VPIV_READER_DIR/0" "$VPIV_READER_DIR/1"
fails "a reader without a state" 1 '^vpiv: .*host' vpiv insert alice
ln -s "$XDG_STATE_HOME/vpiv" "$VPIV_READER_DIR/0/state"
ln -s "$XDG_STATE_HOME/vpiv" "$VPIV_READER_DIR/1/state"
in_reader() { basename "$(readlink "$VPIV_READER_DIR/$1/card")"; }

fails "a reader that is empty has nothing to eject" 1 '^vpiv: there is no card in reader 0' vpiv eject
fails "and nothing to take back" 1 '^vpiv: no card was ejected from reader 0' vpiv insert
fails "a card that is not there" 1 "^vpiv: $cards/carol.card: there is no such card" vpiv insert carol
fails "no name of a card" 1 '^vpiv: ' vpiv insert .hidden
is "a card goes in" "$(vpiv insert alice)" "alice is in reader 0"
is "the link is absolute" "$(readlink "$VPIV_READER_DIR/0/card")" "$cards/alice.card"
ok "it is in already: nothing to do" vpiv insert alice
fails "a card is in one reader at a time" 1 \
    "^vpiv: $cards/alice.card is in reader 0: 'vpiv eject -r 0' first" vpiv insert -r 1 alice
fails "take back what was ejected: the reader is taken" 1 '^vpiv: reader 0 has a card in it already' \
    vpiv insert
is "another card takes its place" "$(vpiv insert "$cards/bob.card")" "bob is in reader 0"
is "the first one can go elsewhere now" "$(vpiv insert -r 1 alice)" "alice is in reader 1"
is "a card goes out" "$(vpiv eject)" "bob is out of reader 0"
not_ok "the reader is empty" test -L "$VPIV_READER_DIR/0/card"
is "and comes back without its name" "$(vpiv insert)" "bob is in reader 0"
ls -A "$VPIV_READER_DIR/0" >"$scratch/entries"
is "nothing else lies there" "$(sort "$scratch/entries" | tr '\n' ' ')" "card state "
is "the other reader is its own" "$(vpiv eject -r 1)" "alice is out of reader 1"
mv "$cards/alice.card" "$cards/dave.card"
fails "the card ejected last is gone" 1 '^vpiv: the card ejected last from reader 1 is gone' vpiv insert -r 1
echo '# broken' >"$cards/broken.card"
chmod 600 "$cards/broken.card"
fails "a broken card is refused, not put in" 1 'broken.card' vpiv insert -r 1 broken
XDG_STATE_HOME=$scratch/other vpiv new --factory eve >/dev/null
fails "a card of another host too" 1 'eve.card' vpiv insert -r 1 eve
not_ok "reader 1 is empty still" test -L "$VPIV_READER_DIR/1/card"
is "reader 0 has its card still" "$(in_reader 0)" bob.card
done_testing
