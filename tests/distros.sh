#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# distros.sh — the two commands on freshly installed distributions (make check-distros).  Root only, needs debootstrap.
#
# Usage: distros.sh [SUITE…]     bookworm trixie sid by default
# VPIV_MIRROR: a Debian mirror; otherwise the one this machine's own apt uses.
# VPIV_DISTROS_DIR: keep base systems and logs there; otherwise a scratch directory that is removed.
#
# Each suite gets a new minimal system, the sources, and no more; in it run `./autogen.sh demo` and `./autogen.sh check`
# as root, the Debian package in its whole life, then the demonstration again as an ordinary user; then its systemd is started.
set -eu

die() {
    printf 'distros.sh: %s\n' "$*" >&2
    exit 1
}

# The second half: process 1 of its own process and mount namespaces, with the new system as its root.
inside() { # directory suite
    mount --bind "$1" "$1"
    cd "$1"
    mount -t proc proc proc
    mount --rbind /dev dev
    mount -t tmpfs tmpfs run
    mkdir -p .old
    pivot_root . .old # and not chroot, in which the kernel allows no user namespace
    umount -l /.old
    exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb \
        CI=true VPIV_TEST_SECONDS="${VPIV_TEST_SECONDS:-10}" sh /root/steps
}
if [ "${1:-}" = --inside ]; then
    inside "$2"
fi

top_srcdir=$(cd "$(dirname "$0")/.." && pwd)
[ "$(id -u)" -eq 0 ] || die "debootstrap wants root"
command -v debootstrap >/dev/null 2>&1 || die "debootstrap is not installed"
mirror=${VPIV_MIRROR:-$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' |
    sed -n 's/^Debian Debian //p' | head -n 1)}
[ -n "$mirror" ] || die "this machine's apt names no Debian mirror: set VPIV_MIRROR"
if [ -n "${VPIV_DISTROS_DIR:-}" ]; then
    dir=$VPIV_DISTROS_DIR
    mkdir -p "$dir"
else
    dir=$(mktemp -d "${TMPDIR:-/tmp}/vpiv-distros.XXXXXX")
    trap 'rm -rf --one-file-system "$dir"' EXIT
fi

new_system() { # suite
    local root=$dir/$1
    if [ ! -e "$dir/$1.tar" ]; then
        rm -rf --one-file-system "$root"
        debootstrap --variant=minbase "$1" "$root" "$mirror" >"$dir/$1.debootstrap" 2>&1 || {
            tail -n 5 "$dir/$1.debootstrap" >&2
            return 1
        }
        tar -C "$root" -cf "$dir/$1.tar" .
    fi
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    tar -C "$root" -xf "$dir/$1.tar"
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    # As this machine reaches its mirror; a mirror that stands still for a while is good enough for a test.
    { apt-config dump | grep -E '^Acquire::https?::' || true; echo 'Acquire::Check-Valid-Until "false";'; } \
        >"$root/etc/apt/apt.conf.d/99-vpiv-test"
    # No service starts in there.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    mkdir "$root/root/vpiv"
    tar -C "$top_srcdir" --exclude=.git --exclude='./build*' --exclude='./autom4te.cache' -cf - . | tar -C "$root/root/vpiv" -xf -
    cat >"$root/root/steps" <<'END'
cd /root/vpiv
step() {
    name=$1
    shift
    start=$(date +%s)
    echo "--- $name"
    "$@" </dev/null
    echo "=== $name: status $? after $(($(date +%s) - start)) s"
}
step demo ./autogen.sh demo
step check ./autogen.sh check --enable-werror
useradd --create-home tester
cp -r /root/vpiv /home/tester/vpiv
chown -R tester /home/tester/vpiv
step package env VPIV_PACKAGE_KEEP=/root tests/package.sh --on-this-machine
step "package for systemd" apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends /root/vpiv_*.deb systemd dbus polkitd
step "demo as an ordinary user" su tester -c 'cd && rm -rf vpiv/build && cd vpiv && ./autogen.sh demo'
END
}

bad=0
[ $# -gt 0 ] || set -- bookworm trixie sid
for suite; do
    log=$dir/$suite.log
    if ! new_system "$suite"; then
        printf '%s: could not be installed\n' "$suite"
        bad=$((bad + 1))
        continue
    fi
    unshare --mount --pid --fork --kill-child "$0" --inside "$dir/$suite" >"$log" 2>&1 || true
    sed -n "s/^=== /$suite: /p" "$log"
    grep -E '^[0-9]+ passed' "$log" || true
    if [ "$(grep -c '^=== .*: status 0 ' "$log")" -ne 5 ]; then
        bad=$((bad + 1))
        tail -n 60 "$log"
        continue
    fi
    if ! "$top_srcdir/tests/systemd.sh" "$dir/$suite" >"$dir/$suite.systemd.log" 2>&1; then
        bad=$((bad + 1))
        printf '%s: under systemd:\n' "$suite"
        cat "$dir/$suite.systemd.log"
    fi
done
[ "$bad" -eq 0 ]
