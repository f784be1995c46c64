#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_run.sh — vpiv run: its status is CMD's, the reader is there, and nothing is left, whoever is killed.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

have pcscd || [ -x /usr/sbin/pcscd ] || skip_all "pcscd is not installed"
[ -r /proc/self/task/$$/children ] || skip_all "this kernel does not tell a process its children"
probe=$top_builddir/pcsc_probe

# Everything of a run lies in here, and its stray processes sleep for a time that no one else sleeps.
unset XDG_RUNTIME_DIR
export TMPDIR=$scratch/t
mkdir -m 700 "$TMPDIR"
nap=86400.$$
printf '%s\n' "$TMPDIR/vpiv-run-" "$nap" >"$scratch/ours" # in a file: grep must not find itself

nothing_left() {
    [ -z "$(ls -A "$TMPDIR")" ] && ! grep -qsF -f "$scratch/ours" /proc/[0-9]*/cmdline
}
status_of() { # command…
    "$@" >"$scratch/out" 2>&1
    echo $?
}
parent() { awk '{ print $4 }' "/proc/$1/stat"; }

# --- status ---------------------------------------------------------------------------------------
for n in 0 1 2 77 125 255; do
    is "the status $n of CMD is ours" "$(status_of vpiv run -- sh -c "exit $n")" "$n"
done
# What was started in the background ignores SIGINT, and hands that down.
for s in HUP INT TERM KILL SEGV USR1; do
    is "CMD ended by SIG$s gives 128 + n" \
        "$(status_of env --default-signal "$VPIV" run --user -- sh -c "kill -$s \$\$")" \
        $((128 + $(kill -l $s)))
done
is "127: CMD is not there" "$(status_of vpiv run -- /nonexistent/program)" 127
like "it is named" "$(cat "$scratch/out")" '^vpiv: /nonexistent/program: No such file or directory$'
is "126: CMD is no program" "$(status_of vpiv run -- "$scratch")" 126
is "125: an unknown option" "$(status_of vpiv run --nonsense -- true)" 125
is "125: an unknown persona" "$(status_of vpiv run --persona nonsense -- true)" 125
is "125: no driver" "$(VPIV_DRIVER=/nonexistent/driver.so status_of vpiv run -- true)" 125
like "the way out is named" "$(cat "$scratch/out")" '^vpiv: /nonexistent/driver.so: .*VPIV_DRIVER$'
is "125: no such card" "$(status_of vpiv run -c nonsense -- true)" 125
is "125: too many readers" "$(status_of vpiv run $(printf -- '-e %.0s' {1..17}) -- true)" 125
ok "nothing is left of any of them" wait_for 10 nothing_left

# --- what is left while CMD runs: shell, keeper and launcher are its ancestors -----------------------------------------
printf 'an odd one' >"$scratch/odd" # as a file: the environment is inherited
PASSWORD="an odd one" make_bundle odd 9a P-256 || exit 99
printf 'PASSWORD %s\n' "$(hex <"$scratch/odd")" >"$scratch/secrets"
ancestors() { # of which the first forks this
    keeper=$(parent $$)
    "$top_builddir/secret_search" "$scratch/secrets" "$keeper" "$(parent "$keeper")"
}
export -f ancestors parent
if [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" = 0 ] || [ "$(id -u)" = 0 ]; then
    is "the password of a bundle is gone when CMD starts" "$(env -u PASSWORD scratch="$scratch" \
        top_builddir="$top_builddir" "$VPIV" run --user -p file:"$scratch/odd" -i "$scratch/odd.p12" -- \
        bash -c ancestors | tail -n 1)" "0 hits, 0 dumped, 0 unlocked"
else
    skip "the password of a bundle is gone when CMD starts" "kernel.yama.ptrace_scope"
fi

# --- what CMD sees --------------------------------------------------------------------------------
is "its files get the modes that they get without us" "$(umask 027; vpiv run -- sh -c umask)" 0027
readers() { vpiv run "$@" -- "$probe" names 2>&1; }
is "one reader by default" "$(readers)" "vpiv 00 00"
is "as many as are asked for" "$(readers -e -t -t)" "$(printf 'vpiv 0%d 00\n' 0 1 2)"
like "a fresh card is in it" "$(vpiv run -- "$probe" state vpiv)" '^present '
is "CMD's arguments are its own" "$(vpiv run sh -c 'echo "$1"' x --json)" --json
is "standard input is CMD's" "$(echo text | vpiv run -- cat)" text
is "closed standard streams do not matter" "$(vpiv run -- true <&- >&- 2>&-; echo $?)" 0
is "no descriptor of ours reaches CMD" "$(vpiv run -- sh -c 'ls /proc/$$/fd')" "$(sh -c 'ls /proc/$$/fd')"
is "the signal mask is the caller's" "$(vpiv run -- grep SigBlk /proc/self/status)" \
    "$(grep SigBlk /proc/self/status)"
like "the socket is private" "$(vpiv run -- sh -c 'stat -c %a $(dirname $PCSCLITE_CSOCK_NAME)')" '^700$'
like "run works inside run" "$(vpiv run -- "$VPIV" run -- "$probe" names)" "^vpiv 00 00$"
is "eject and insert, inside" \
    "$(vpiv run -- sh -c '"$0" eject && "$0" eject; "$0" insert && "$0" insert' "$VPIV" 2>&1)" \
    "$(printf '%s\n' "test is out of reader 0" "vpiv: there is no card in reader 0" "test is in reader 0" \
        "vpiv: reader 0 has a card in it already")"
ok "nothing is left" wait_for 10 nothing_left

# --- a workshop -----------------------------------------------------------------------------------
# shellcheck disable=SC2016 # expanded inside
like "CMD knows its readers and OpenSC's module" \
    "$(vpiv run -- sh -c 'ls -d "$VPIV_READER_DIR/0" && echo "${PKCS11_MODULE_PATH-none}"')" \
    '(opensc-pkcs11.so|none)$'
# shellcheck disable=SC2016
is "a module that the caller has chosen stays" \
    "$(PKCS11_MODULE_PATH=/x vpiv run -- sh -c 'echo "$PKCS11_MODULE_PATH"')" /x
make_bundle one 9a P-256 && make_bundle two 9a P-256 || exit 99
certificate() { "$VPIV" apdu -r "$1" -a 00CB3FFF055C035FC10500 | cut -c 1-60; }
several() {
    certificate 0 && certificate 1 && "$VPIV" apdu -r 3 00FD000000
    "$VPIV" insert -r 2 "$HOME/../data/vpiv/cards/own.card" && "$VPIV" apdu -r 2 00200080
}
export VPIV
export -f certificate several
ok "a card of one's own" vpiv new own --factory
like "bundles, an empty reader, a fresh card of another persona, all at once" \
    "$(vpiv run --persona yubikey -p env:PASSWORD -i "$scratch/one.p12" -i "$scratch/two.p12" -e -t -- \
        bash -c several 2>/dev/null | tr '\n' ' ')" \
    '^(53[0-9A-F]{58} ){2}050701 9000 own is in reader 2 63C3 $'
in_turns() { # a card is there when insert is done, and gone when eject is
    local i
    for i in {1..40}; do
        "$VPIV" eject >/dev/null && ! "$VPIV" apdu -r 0 00200080 >/dev/null 2>&1 && "$VPIV" insert >/dev/null &&
            "$VPIV" apdu -r 0 00200080 >/dev/null || return 1
    done
}
export -f in_turns
ok "who inserts a card can use it in the next line, 40 times" vpiv run -- bash -c in_turns
stopped() { # a daemon that hangs keeps nobody from ejecting
    local pid status
    pid=$(reader_daemon) && kill -STOP "$pid" && timeout 20 "$VPIV" eject >/dev/null
    status=$?
    kill -CONT "$pid"
    return $status
}
export -f stopped reader_daemon
ok "a pcscd that has been stopped keeps nobody from ejecting" vpiv run -- bash -c stopped
identity() {
    vpiv run "$@" -- "$VPIV" apdu -r 0 -a 00CB3FFF055C035FC10200 00CB3FFF055C035FC10700 \
        0087039B047C02810000 0087039B047C02810000
}
first=$(identity --seed 7)
is "--seed: GUID and challenges are the same again" "$(identity --seed 7)" "$first"
is "… the challenges differ among themselves" "$(printf '%s\n' "$first" | sort -u | wc -l)" 4
unlike "… and from those of another seed" "$(identity --seed 8)" "$(printf '%s\n' "$first" | head -n 1)"
is "… and of the reader beside it" "$(vpiv run --seed 7 -t -t -- sh -c \
    '"$0" apdu -r 0 -a 00CB3FFF055C035FC10200; "$0" apdu -r 1 -a 00CB3FFF055C035FC10200' "$VPIV" | sort -u | wc -l)" 2
is "no seed for a card of the store: 125" "$(status_of vpiv run --seed 7 -c own -- true)" 125
echo 7 >"$XDG_STATE_HOME/vpiv/seed"
not_ok "a seed that lies where other cards are is refused" vpiv show own
like "… with a reason" "$(vpiv show own 2>&1)" 'no test card'
rm "$XDG_STATE_HOME/vpiv/seed"
is "--contactless is reserved: 125" "$(status_of vpiv run --contactless -- true)" 125
kept=$(vpiv run --keep -- true 2>&1 | sed -n 's/^vpiv: \(.*\) stays: .*/\1/p')
ok "--keep leaves the private directory, and says where" test -s "$kept/cards/test.card"
ok "… without a socket that nobody serves" test ! -e "$kept/pcscd.sock"
ok "… and nobody sweeps it" sh -c "touch -d '1 hour ago' '$kept' && '$VPIV' run --user -- true && test -d '$kept'"
rm -rf "$kept"
fifty() {
    local i
    for i in {1..50}; do
        vpiv run -- "$VPIV" apdu -a 00CB3FFF055C035FC10200 >"$scratch/fifty.$i" 2>&1 &
    done
    wait
    cat "$scratch"/fifty.*
}
all=$(fifty)
is "50 at once: each has its own card and nothing else" \
    "$(printf '%s\n' "$all" | grep -c '^53.* 9000$') $(printf '%s\n' "$all" | sort -u | wc -l)" "50 50"
ok "nothing is left" wait_for 10 nothing_left

# --- a pcscd that does not start ------------------------------------------------------------------
mkdir "$scratch/bin"
printf '#!/bin/sh\n[ "$1" = --help ] || { echo "no such library"; exit 3; }\n' >"$scratch/bin/pcscd"
chmod 755 "$scratch/bin/pcscd"
like "what it said last is told" "$(PATH=$scratch/bin:$PATH vpiv run -- sleep 1 2>&1)" \
    '^vpiv: pcscd has ended with status 3: no such library$'
printf '\n' >"$scratch/bin/pcscd"
is "a pcscd that cannot be run: 125" \
    "$(PATH=$scratch/bin:$PATH status_of vpiv run -- touch "$scratch/ran")" 125
ok "CMD has not been started" test ! -e "$scratch/ran"
cat >"$scratch/bin/pcscd" <<'SHELL'
#!/bin/sh
[ "$1" != --help ] || exec echo "  --disable-polkit"
echo "$@" >&2
exit 1
SHELL
like "--disable-polkit where pcscd knows it" "$(PATH=$scratch/bin:$PATH vpiv run -- sleep 1 2>&1)" \
    '--foreground --config .*/reader.conf --disable-polkit$'
ok "nothing is left" wait_for 10 nothing_left

# The shell's own word on a child that was killed is no part of the test.
quiet_wait() { wait "$1" 2>/dev/null; }

# --- signals --------------------------------------------------------------------------------------
# start CMD… — in the background; sets launcher, keeper, command and daemon.
start() {
    rm -f "$scratch/pid"
    # A shell starts what runs in the background deaf to INT and QUIT, and no shell can undo that.
    # shellcheck disable=SC2016 # expanded inside
    env --default-signal setsid "$VPIV" run --user -- \
        sh -c 'echo $$ >"$0.tmp"; mv "$0.tmp" "$0"; eval "$1"' "$scratch/pid" "$1" \
        >"$scratch/out" 2>&1 9>"$scratch/mark" &
    launcher=$!
    started "$launcher"
    wait_for 10 test -e "$scratch/pid" || fail "a run starts" "$(cat "$scratch/out")" || exit 99
    command=$(cat "$scratch/pid")
    keeper=$(parent "$command")
    daemon=
    for child in $(cat "/proc/$keeper/task/$keeper/children"); do
        [ "$child" = "$command" ] || daemon=$child
    done
    [ "$(parent "$keeper")" = "$launcher" ] && [ -n "$daemon" ] && return
    fail "launcher, keeper and pcscd are there"
    exit 99
}
for s in HUP INT QUIT TERM USR1 USR2; do
    start "trap 'exit 55' $s; echo ready; while :; do sleep 0.02; done"
    wait_for 10 grep -q ready "$scratch/out"
    kill -$s "$launcher"
    quiet_wait "$launcher"
    is "SIG$s reaches CMD" $? 55
done
ok "nothing is left" wait_for 10 nothing_left

# CMD with a child in the background, a daemon in a session of its own, and one that does not listen to TERM.
family="sleep $nap & setsid sleep $nap & (trap '' TERM; exec sleep $nap) & exec sleep $nap"
for s in INT TERM HUP KILL; do
    for victim in launcher keeper command; do
        start "$family"
        kill -$s "${!victim}"
        quiet_wait "$launcher"
        ok "SIG$s of the $victim leaves nothing" wait_for 10 nothing_left
    done
done
start "$family"
# shellcheck disable=SC2012
unlike "pcscd has nothing open of what we had" "$(ls -l "/proc/$daemon/fd")" "$scratch/mark"
kill -KILL "$daemon"
ok "pcscd killed: CMD goes on, and it is told" \
    wait_for 10 grep -q '^vpiv: pcscd was ended by signal 9' "$scratch/out"
sock=$(tr '\0' '\n' <"/proc/$command/environ" | sed -n 's/^PCSCLITE_CSOCK_NAME=//p')
not_ok "a client is refused then and does not wait" timeout 10 env PCSCLITE_CSOCK_NAME="$sock" "$probe" names
kill -TERM "$launcher"
quiet_wait "$launcher"
ok "SIGKILL of pcscd leaves nothing" wait_for 10 nothing_left
start "$family"
kill -KILL -- "-$launcher"
quiet_wait "$launcher"
ok "SIGKILL of the whole group leaves nothing" wait_for 10 nothing_left
for i in 1 2 3 4 5 6 7 8; do
    setsid "$VPIV" run --user -- sleep "$nap" >/dev/null 2>&1 &
    launcher=$!
    sleep "0.00$i"
    kill -KILL "$launcher"
    quiet_wait "$launcher"
done
ok "SIGKILL of the launcher in its first milliseconds leaves nothing" wait_for 10 nothing_left

# Nobody is left to clear up when both go: the next run does it (10 s later).
start "exec sleep $nap"
kill -STOP "$launcher" "$keeper"
kill -KILL "$launcher" "$keeper"
quiet_wait "$launcher"
left=$TMPDIR/$(ls "$TMPDIR")
ok "SIGKILL of launcher and keeper ends pcscd and CMD" \
    wait_for 10 sh -c "! kill -0 $daemon && ! kill -0 $command"

# --- the terminal ---------------------------------------------------------------------------------
if have python3; then
    cat >"$scratch/terminal.py" <<'PYTHON'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "run", "--user", "--", "sh", "-c",
             "trap 'n=$((n+1))' INT; echo ready; while [ -z \"$n\" ]; do sleep 0.02; done; "
             "sleep 0.2; exit $((40+n))"])
seen = b""
while b"ready" not in seen:
    seen += os.read(fd, 1000)
os.write(fd, b"\x03")
try:
    while os.read(fd, 1000):
        pass
except OSError:
    pass
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
    is "^C reaches CMD once, and CMD decides" "$(timeout 20 python3 "$scratch/terminal.py" "$VPIV")" 41
else
    skip "^C reaches CMD once, and CMD decides" "python3 is not installed"
fi

# --- without root, without /run/pcscd -------------------------------------------------------------
if [ "$(id -u)" = 0 ] && have setpriv && have unshare && unshare -m true 2>/dev/null; then
    mkdir -m 755 "$scratch/any" "$scratch/root"
    cp "$VPIV" "$VPIV_DRIVER" "$probe" "$scratch/any"
    chmod 711 "$scratch"
    cat >"$scratch/any/view.sh" <<'SHELL'
# view.sh there|missing as-whom command… — in a view of the system with or without /run/pcscd
any=$1 view=$2 who=$3
shift 3
mount -t tmpfs none /run && mount -t tmpfs -o mode=1777 none /tmp/. || exit 99
[ "$view" = missing ] || { mkdir /run/pcscd && echo 1 >/run/pcscd/pcscd.pid &&
    touch -d 2001-01-01 /run/pcscd/pcscd.pid; }
before=$(find /run -printf '%p %t %m %s\n')
case $who in
nobody) setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@" ;;
*) "$@" ;;
esac
status=$?
[ "$before" = "$(find /run -printf '%p %t %m %s\n')" ] || echo "/run has changed"
exit $status
SHELL
    # The scratch directory lies under /tmp, which is covered: the programs are reached by another path.
    in_view() { # there|missing who
        VPIV_DRIVER=/var/tmp/vpiv-test-$$/$(basename "$VPIV_DRIVER") TMPDIR=/tmp HOME=/ XDG_DATA_HOME=/tmp/d \
            XDG_STATE_HOME=/tmp/s unshare -m sh -c "
            mkdir -p /var/tmp/vpiv-test-$$ && mount --bind '$scratch/any' /var/tmp/vpiv-test-$$ &&
            exec sh /var/tmp/vpiv-test-$$/view.sh x $1 $2 ${3:-} /var/tmp/vpiv-test-$$/vpiv run --user -- \
                /var/tmp/vpiv-test-$$/pcsc_probe names" 2>&1
        rmdir "/var/tmp/vpiv-test-$$"
    }
    for view in there missing; do
        for who in root nobody; do
            is "as $who with /run/pcscd $view; /run stays as it was" "$(in_view $view $who)" "vpiv 00 00"
        done
    done
    # A chroot is a place where users get no namespace.
    jail() { # who
        unshare -m sh -c "mount --rbind / '$scratch/root' && mount -t tmpfs none '$scratch/root/run' &&
            VPIV_DRIVER='$scratch/any/$(basename "$VPIV_DRIVER")' TMPDIR=/tmp exec \
            chroot '$scratch/root' setpriv $1 '$scratch/any/vpiv' run --user -- \
                '$scratch/any/pcsc_probe' names" 2>&1
    }
    like "no namespace and no /run/pcscd: one sentence with the way out" \
        "$(HOME=/ jail '--reuid=65534 --regid=65534 --clear-groups')" \
        "^vpiv: /run/pcscd is missing.*let root run 'mkdir /run/pcscd'"
    is "root without namespaces and without a pcscd" "$(jail '--bounding-set=-sys_admin')" "vpiv 00 00"
else
    skip "other users and views of the system" "needs root, setpriv and unshare"
fi

# --- the directory of the run whose launcher and keeper were killed -------------------------------
sweep() { vpiv run -- true && [ ! -e "$left" ]; }
ok "a later run removes what that run has left" wait_for 20 sweep
ok "nothing is left at the end" wait_for 10 nothing_left
done_testing
