#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# package.sh — the Debian package on a machine: built, installed, used through the system's pcscd, removed, purged.
#
# Usage: package.sh --on-this-machine      as root, where nothing is lost: it installs and purges packages (distros.sh
#                                          runs it in a system of its own).  VPIV_PACKAGE_KEEP: leave it there
[ "${1:-}" = --on-this-machine ] || {
    sed -n '3,7s/^# //p' "$0" >&2
    exit 2
}
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 99
export DEBIAN_FRONTEND=noninteractive

# --- built and installed, before the harness looks for the program ---------------------------------------------------------
built=$(mktemp -d) && cp -r "$top" "$built/vpiv" && cd "$built/vpiv" && rm -rf build || exit 99
{
    apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends dpkg-dev debhelper pcscd opensc &&
        apt-get -qq -y -o Dpkg::Use-Pty=0 build-dep --no-install-recommends . && dpkg-buildpackage -b -us -uc &&
        apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends "$built"/vpiv_*.deb
} >"$built/log" 2>&1 || {
    tail -n 30 "$built/log"
    echo "Bail out! the package could not be built and installed"
    exit 99
}
[ -z "${VPIV_PACKAGE_KEEP:-}" ] || cp "$built"/vpiv_*.deb "$VPIV_PACKAGE_KEEP/"
VPIV=/usr/bin/vpiv VPIV_TOP_SRCDIR=$top
. "$top/tests/harness.sh"
unset VPIV_DRIVER
vpiv() { /usr/bin/vpiv "$@"; }
conf=/etc/reader.conf.d/vpiv
store=/var/lib/vpiv
installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = "$2" ]; }

ok "the package is installed" installed vpiv installed
is "a reader is declared, in no conffile" "$(grep -c ^LIBPATH $conf) $(dpkg-query -W -f '${Conffiles}' vpiv)" "1 "
ok "… with a driver that is there" test -e "$(sed -n 's/^LIBPATH //p' $conf)"
is "group and directories" "$(cd $store && stat -c '%n %a %U:%G' host.key cards readers/0 tries)" \
    "$(printf '%s\n' 'host.key 640 root:vpiv' 'cards 2770 root:vpiv' 'readers/0 2770 root:vpiv' 'tries 2770 root:vpiv')"
ok "pcscd's drop-in" test -s /usr/lib/systemd/system/pcscd.service.d/vpiv.conf

# --- the system's pcscd, as its unit has it where no systemd runs -----------------------------------------------------------
user=$(sed -n 's/^User=//p' /usr/lib/systemd/system/pcscd.service)
no_polkit=$(pcscd --help 2>&1 | grep -o -m 1 -e --disable-polkit)
mkdir -p /run/pcscd
[ -z "$user" ] || chown "$user:$user" /run/pcscd
daemon_start() {
    local as=()
    [ -z "$user" ] || as=(setpriv --reuid "$user" --regid "$user" --groups "$(getent group vpiv | cut -d: -f3)"
        --bounding-set -all --no-new-privs)
    # shellcheck disable=SC2086 # one argument or none
    (umask 077 && exec "${as[@]}" pcscd --foreground $no_polkit) >>"$scratch/pcscd.log" 2>&1 &
    daemon=$!
    started "$daemon"
    wait_for 10 test -S /run/pcscd/pcscd.comm -a -s /run/pcscd/pcscd.pid
}
daemon_stop() {
    kill "$daemon"
    wait "$daemon"
    rm -f /run/pcscd/pcscd.comm
}
sees() { opensc-tool -l 2>&1 | grep -qE "^[0-9]+ +$1 .*vpiv"; }

daemon_start
ok "pcscd $(dpkg-query -W -f '${Version}' pcscd), ${user:-root}, has the reader" wait_for 5 sees No
make_bundle alice 9a P-256
like "vpiv import puts the card into it" \
    "$(vpiv import --password env:PASSWORD --pin env:PIN --puk env:PUK "$scratch/alice.p12" 2>&1)" 'alice: new card'
ok "opensc-tool -l shows it" wait_for 5 sees Yes
ok "… its PIN is verified" pkcs15-tool --verify-pin --pin "$PIN"
ok "… and a wrong one counts" eval '! pkcs15-tool --verify-pin --pin 999999 && vpiv show alice | grep -q "2 of 3\|2 left\|2 tries"'
like "vpiv list shows it" "$(vpiv list)" 'reader 0: alice'
daemon_stop
daemon_start
ok "after a restart it is still there" wait_for 5 sees Yes
ok "a second reader" vpiv setup --readers 2
like "… wants a restart" "$(vpiv list 2>&1)" 'setup --restart'
daemon_stop
daemon_start
ok "… and is there" eval '[ "$(opensc-tool -l | grep -c vpiv)" = 2 ]'

# --- installed again, removed, purged ---------------------------------------------------------------------------------------
apt_quiet() { apt-get -qq -y -o Dpkg::Use-Pty=0 "$@"; }
ok "installed again" apt_quiet install --reinstall "$built"/vpiv_*.deb
is "… both readers stay declared" "$(grep -c ^LIBPATH $conf)" 2
ok "removed" apt_quiet remove vpiv
not_ok "… the declaration is gone with the driver" test -e $conf
daemon_stop
daemon_start
like "… and pcscd still starts" "$(opensc-tool -l 2>&1)" 'No smart card readers found'
daemon_stop
ok "purged" apt_quiet purge vpiv
ok "… the card is left" test -s $store/cards/alice.card
ok "installed anew" apt_quiet install --no-install-recommends "$built"/vpiv_*.deb
daemon_start
ok "… the card is in its reader" wait_for 5 sees Yes
ok "… with its PIN" pkcs15-tool --verify-pin --pin "$PIN"
daemon_stop
rm $store/cards/alice.card
ok "purged without cards" apt_quiet purge vpiv
not_ok "… nothing is left" test -e $store
rm -rf "$built"
done_testing
