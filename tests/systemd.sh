#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# systemd.sh — vpiv under a real systemd: pcscd by its socket, in its unit's sandbox, with polkit; users, groups, restarts.
#
# Usage: systemd.sh DIRECTORY      a Debian system in which vpiv is installed for the whole machine, with systemd, dbus,
#                                  polkitd, pcscd and opensc; root only.  Its systemd is started in namespaces of its own.
set -eu
die() {
    printf 'systemd.sh: %s\n' "$*" >&2
    exit 1
}

# --- process 1 of the system, in a control group of its own -------------------------------------------------------------------
if [ "${1:-}" = --boot ]; then
    root=$2 groups=$3
    mount -t cgroup2 cgroup2 "$groups"
    mkdir -p "$groups/vpiv-test.$$"
    echo $$ >"$groups/vpiv-test.$$/cgroup.procs"
    exec unshare --cgroup --mount --pid --ipc --uts --fork --kill-child "$0" --inside "$root"
fi
if [ "${1:-}" = --inside ]; then
    mount --make-rprivate /
    mount --bind "$2" "$2"
    cd "$2"
    mount -t proc proc proc
    mount --bind proc/sys proc/sys && mount -o remount,bind,ro proc/sys # no setting of this kernel is its own
    mount -t sysfs -o ro sysfs sys && mount -t cgroup2 cgroup2 sys/fs/cgroup
    # Devices of its own: systemd gives them modes.
    mount -t tmpfs -o mode=755 tmpfs dev
    while read -r name major minor; do mknod -m 666 "dev/$name" c "$major" "$minor"; done <<'END'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
END
    mkdir dev/pts dev/shm
    mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts && mount -t tmpfs tmpfs dev/shm
    ln -s pts/ptmx dev/ptmx && ln -s /proc/self/fd dev/fd
    ln -s fd/0 dev/stdin && ln -s fd/1 dev/stdout && ln -s fd/2 dev/stderr
    mount -t tmpfs -o mode=755 tmpfs run && mount -t tmpfs -o mode=1777 tmpfs tmp
    mkdir -p .old
    pivot_root . .old
    umount -l /.old
    hostname vpiv-test
    exec env -i container=vpiv-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=kmsg --show-status=0
fi

[ $# -eq 1 ] && [ -x "$1/lib/systemd/systemd" ] && [ -x "$1/usr/bin/vpiv" ] || die "usage: systemd.sh DIRECTORY (see the file)"
[ "$(id -u)" -eq 0 ] || die "root only"
top_srcdir=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
mkdir "$scratch/groups"
unshare --mount --propagation private "$0" --boot "$1" "$scratch/groups" >"$scratch/boot.log" 2>&1 &
boot=$!
init=
trap '[ -z "$init" ] || kill -9 "$init" 2>/dev/null; wait "$boot" 2>/dev/null || true; rm -rf --one-file-system "$scratch"' EXIT
for _ in $(seq 100); do
    child=$(cat "/proc/$boot/task/$boot/children" 2>/dev/null | tr -d ' ')
    [ -z "$child" ] || ! grep -qz '/lib/systemd/systemd' "/proc/$child/cmdline" 2>/dev/null || { init=$child && break; }
    sleep 0.1
done
[ -n "$init" ] || die "systemd did not start: $(cat "$scratch/boot.log")"
cp "$top_srcdir/tests/systemd-inside.sh" "$1/root/systemd-inside.sh"
cp "$top_srcdir/conf/polkit.rules" "$1/root/polkit.rules"
nsenter --target "$init" --mount --pid --ipc --uts --cgroup env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root \
    timeout 120 bash /root/systemd-inside.sh
