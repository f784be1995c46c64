#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_system.sh — installed for a whole machine: make install, vpiv setup, the system's pcscd as root and as a user of its
# own, restarts, make uninstall.  In a mount namespace: the machine itself sees none of it.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

PATH=$PATH:/usr/sbin:/sbin
for program in pcscd opensc-tool pkcs15-tool unshare setpriv make; do
    have "$program" || skip_all "$program is not installed"
done
variable() { sed -n "s/^$1 = //p" "$top_builddir/Makefile" | head -n 1; }
prefix=$(variable prefix)
[ "$(variable localstatedir)" = "\${prefix}/var" ] && [ "$(variable sysconfdir)" = "\${prefix}/etc" ] ||
    skip_all "this build is configured for the machine itself"
case $prefix in
/usr | / | "") skip_all "this build is configured for the machine itself" ;;
esac
[ -d "$prefix" ] || skip_all "$prefix is missing: nothing can be mounted there"
case $top_builddir/ in
"$prefix"/*) skip_all "the build lies in $prefix" ;;
esac

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" -eq 0 ] || skip_all "root alone has users and groups to try it with"
    unshare --mount true 2>/dev/null || skip_all "no mount namespace here"
    trap - EXIT
    rm -rf "$scratch"
    exec unshare --mount --propagation private bash "$0" --inside "$(readlink /proc/self/ns/mnt)"
fi
[ "$(readlink /proc/self/ns/mnt)" != "${2:-}" ] || { echo "Bail out! not in a namespace of its own"; exit 99; }
mount -t tmpfs tmpfs "$prefix" && mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /etc/init.d && mkdir /run/pcscd || { echo "Bail out! cannot mount"; exit 99; }

unset VPIV_DRIVER
store=$prefix/var/lib/vpiv
conf=$prefix/etc/reader.conf.d
vpiv() { "$prefix/bin/vpiv" "$@"; }
no_polkit=$(pcscd --help 2>&1 | grep -o -m 1 -e --disable-polkit)

# The system's pcscd: its own socket, its own pid file.  Arguments: a command that becomes someone else.
daemon=
daemon_start() {
    # shellcheck disable=SC2086 # one argument or none
    (umask 077 && exec "$@" pcscd --foreground --config "$conf" $no_polkit) >>"$scratch/pcscd.log" 2>&1 &
    daemon=$!
    started "$daemon"
    wait_for 10 test -S /run/pcscd/pcscd.comm -a -s /run/pcscd/pcscd.pid
}
daemon_stop() {
    kill "$daemon"
    wait "$daemon"
    rm -f /run/pcscd/pcscd.comm
}
shows() { opensc-tool -l 2>&1 | grep -cE "^[0-9]+ +$1 .*vpiv"; }
seen() { [ "$(shows "$1")" = "$2" ]; }
new() { vpiv new --no-insert "$1" --pin env:PIN --puk env:PUK; }
verify() { pkcs15-tool --verify-pin --pin "$1"; }

# --- installed --------------------------------------------------------------------------------------------------------
ok "make install" make -s -C "$top_builddir" install
ok "… with the driver" test -x "$prefix/lib/pcsc/drivers/serial/libifdvpiv.so"
is "… declared for pcscd" "$(grep -c "^LIBPATH $prefix/lib/pcsc/drivers/serial/libifdvpiv.so" "$conf/vpiv")" 1
is "… and nothing of systemd's, for this is not the whole machine's prefix" "$(find "$prefix" -name '*.d' ! -name reader.conf.d)" ""
daemon_start
ok "pcscd starts before anything else is there, with an empty reader" wait_for 5 seen No 1
like "vpiv list says how to begin" "$(vpiv list 2>&1)" 'no cards'
out=$(vpiv setup)
like "vpiv setup makes the directories" "$out" "$store/readers/0: made"
like "… and finds that pcscd knows all of it" "$out" 'pcscd knows'
is "host secret, directories and the reader's link" \
    "$(cd "$store" && stat -c '%n %a' host.key cards readers readers/0 tries && readlink readers/0/state)" \
    "$(printf '%s\n' 'host.key 640' 'cards 2770' 'readers 2770' 'readers/0 2770' 'tries 2770' ../..)"
before=$(stat -c %y "$conf/vpiv" "$store/host.key")
is "a second time it does nothing" "$(vpiv setup)" "pcscd knows all of it"
is "… to no file" "$(stat -c %y "$conf/vpiv" "$store/host.key")" "$before"

# --- cards ------------------------------------------------------------------------------------------------------------
ok "a card for the machine" new alice
ok "… is put into the reader" vpiv insert alice
ok "… and every program sees it" wait_for 5 seen Yes 1
ok "… and its PIN is verified" verify "$PIN"
not_ok "a wrong PIN is refused" verify 999999
like "vpiv list shows reader and card" "$(vpiv list)" 'reader 0: alice'
like "… and who manages them" "$(vpiv list)" 'managed by: root'
daemon_stop
daemon_start
ok "it is still there after pcscd has been restarted" wait_for 5 seen Yes 1
like "… and the wrong guess still counts" "$(vpiv show alice)" '2 tries|2 of 3|2 left'

# --- more readers -------------------------------------------------------------------------------------------------------
sed -i 's/^FRIENDLYNAME.*/FRIENDLYNAME "vpiv of Alice"/' "$conf/vpiv"
touch -d '1 hour ago' "$conf/vpiv" "$prefix/lib/pcsc/drivers/serial/libifdvpiv.so"
out=$(vpiv setup --readers 3)
like "two more readers are declared" "$out" 'reader 2: declared'
like "… and pcscd has to be restarted for them" "$out" 'must be restarted'
is "… and what was declared is as it was" "$(grep -c FRIENDLYNAME "$conf/vpiv") $(head -n 20 "$conf/vpiv" | grep -m 1 FRIENDLYNAME)" \
    '3 FRIENDLYNAME "vpiv of Alice"'
ok "bob's card" new bob
like "vpiv insert says that pcscd does not know the reader yet" "$(vpiv insert bob -r 2 2>&1)" 'bob is in reader 2.*|older than its readers'
like "… and so does vpiv list" "$(vpiv list 2>&1)" 'setup --restart'
is "… and its JSON" "$(vpiv list --json | sed -n 's/.*"pcscd": "\(.*\)".*/\1/p')" restart
out=$(vpiv setup --restart 2>&1)
like "a pcscd that was started by hand is not ours to restart" "$?$out" '1.*started by hand'
daemon_stop
daemon_start
ok "restarted it has three readers, two with a card" wait_for 5 seen Yes 2
is "… and an empty one" "$(shows No)" 1
like "… and knows all of it" "$(vpiv setup)" 'pcscd knows'
ok "make install again" make -s -C "$top_builddir" install
is "… leaves the three as they are" "$(grep -c FRIENDLYNAME "$conf/vpiv")" 3
daemon_stop

# --- a pcscd that is not root, a group that manages the cards ---------------------------------------------------------------
group=7777
{ grep -v ^vpiv: /etc/group; echo "vpiv:x:$group:daemon"; } >"$scratch/group"
chmod 644 "$scratch/group" && mount --bind "$scratch/group" /etc/group
rm -rf "$store"
vpiv setup --readers 1 >"$scratch/out" 2>&1 || diag "$(cat "$scratch/out")"
is "the store belongs to group vpiv" "$(cd "$store" && stat -c '%n %a %U:%G' host.key cards readers/0)" \
    "$(printf '%s\n' 'host.key 640 root:vpiv' 'cards 2770 root:vpiv' 'readers/0 2770 root:vpiv')"
ok "a card" new carol
ok "… in the reader" vpiv insert carol
is "… is shared with the group" "$(stat -c '%a %G' "$store/cards/carol.card")" "660 vpiv"
like "vpiv list names who is in it" "$(vpiv list)" 'group vpiv \(daemon\)'
# As the unit of pcscd 2.4: a user of its own, no capability, no new privileges, umask 0077 (systemd gives it the group).
as_pcscd() { setpriv --reuid nobody --regid nogroup --groups "$group" --bounding-set -all --no-new-privs "$@"; }
chown nobody /run/pcscd
# The scratch directory is root's; the log goes by an open descriptor.
daemon_start setpriv --reuid nobody --regid nogroup --groups "$group" --bounding-set -all --no-new-privs
is "pcscd is nobody" "$(stat -c %U "/proc/$daemon")" nobody
ok "… and has the card" wait_for 5 seen Yes 1
not_ok "… and counts a wrong PIN" verify 999999
ok "… and verifies the right one" verify "$PIN"
ok "… and changes it" pkcs15-tool --change-pin --pin "$PIN" --new-pin 654321
is "… the card file is the group's, whoever wrote it" "$(stat -c '%a %U:%G' "$store/cards/carol.card")" "660 nobody:vpiv"
ok "root's command still reads it" vpiv show carol
as_member() { setpriv --reuid daemon --regid daemon --groups "$group" env "$@"; }
ok "a member of the group ejects it" as_member "$prefix/bin/vpiv" eject --system
ok "… and programs see it go" wait_for 5 seen No 3
ok "… and changes its PIN" as_member "NEW=$PIN" OLD=654321 "$prefix/bin/vpiv" pin --system --pin env:OLD --new-pin env:NEW carol
ok "… and puts it back" as_member "$prefix/bin/vpiv" insert --system
ok "… and programs see it" wait_for 5 seen Yes 1
ok "… with its new PIN" verify "$PIN"
as_stranger() { setpriv --reuid bin --regid bin --clear-groups "$@"; }
not_ok "who is not in the group reads no card" as_stranger cat "$store/cards/carol.card"
not_ok "… and sees none" as_stranger "$prefix/bin/vpiv" eject --system
like "… and is told so" "$(as_stranger env HOME=/nonexistent "$prefix/bin/vpiv" list --system 2>&1)" 'root and group vpiv'
ok "… but uses it through pcscd" as_stranger env HOME=/nonexistent pkcs15-tool --verify-pin --pin "$PIN"
daemon_stop

# --- gone ---------------------------------------------------------------------------------------------------------------
ok "vpiv setup --remove" vpiv setup --remove
not_ok "… takes the readers away from pcscd" test -e "$conf/vpiv"
vpiv setup >/dev/null 2>&1
ok "make uninstall" make -s -C "$top_builddir" uninstall
is "… leaves the cards, and nothing that is not theirs" "$(find "$prefix" -type f | grep -v "^$store/")" ""
ok "… carol's is there" test -s "$store/cards/carol.card"
done_testing
