#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# systemd-inside.sh — what systemd.sh tries inside the system that it has started.
n=0 failed=0
ok() { # NAME command…
    local name=$1 out
    shift
    n=$((n + 1))
    if out=$("$@" 2>&1); then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        printf '%s\n' "$out" | sed 's/^/# /'
        failed=$((failed + 1))
    fi
}
not() { ! "$@"; }
export PIN=123456 PUK=87654321
sees() { for _ in $(seq 50); do opensc-tool -l 2>&1 | grep -qE "^$1 +$2 .*vpiv" && return; sleep 0.1; done; return 1; }
property() { systemctl show -p "$1" --value pcscd.service; }
as() { # user command…
    local user=$1
    shift
    setpriv --reuid "$user" --regid "$user" --init-groups env HOME="/home/$user" "$@"
}
finds() { as "$1" opensc-tool -l 2>&1 | grep -q ' vpiv '; }

# Some units have nothing to do here and fail: "degraded" is good enough.
for _ in $(seq 300); do
    case $(systemctl is-system-running 2>/dev/null) in running | degraded) break ;; esac
    sleep 0.1
done
rm -rf /var/lib/vpiv /etc/reader.conf.d/vpiv /etc/polkit-1/rules.d/50-vpiv.rules
vpiv setup >/dev/null
ok "pcscd waits behind its socket" systemctl is-active pcscd.socket
ok "a card" vpiv new alice --pin env:PIN --puk env:PUK
ok "… starts pcscd and is seen" sees 0 Yes
user=$(property User)
ok "pcscd is ${user:-root}, in group vpiv" eval "ps -o user= -p $(property MainPID) | grep -qx ${user:-root} &&
    grep -qw $(getent group vpiv | cut -d: -f3) <(grep ^Groups: /proc/$(property MainPID)/status)"
ok "… in its sandbox" grep -q '^Seccomp:.2' "/proc/$(property MainPID)/status"
ok "a wrong PIN is refused" not pkcs15-tool --verify-pin --pin 999999
ok "… and counted" eval 'vpiv show alice | grep -qE "2 of 3|2 left|2 tries"'
ok "the PIN is verified" pkcs15-tool --verify-pin --pin "$PIN"
ok "… and changed" pkcs15-tool --change-pin --pin "$PIN" --new-pin 654321
ok "… in a file that stays the group's" eval '[ "$(stat -c %a:%G /var/lib/vpiv/cards/alice.card)" = 660:vpiv ]'
ok "ejected" eval 'vpiv eject && sees 0 No'
ok "… and inserted" eval 'vpiv insert && sees 0 Yes'
vpiv setup --readers 2 >/dev/null
ok "a second reader wants a restart" eval 'vpiv list 2>&1 | grep -q "setup --restart"'
ok "… which vpiv setup --restart does" vpiv setup --restart
ok "… and it is there" sees 1 No
systemctl stop pcscd.service pcscd.socket && systemctl start pcscd.socket
ok "after a restart the card is in its reader" sees 0 Yes
ok "… with its PIN" pkcs15-tool --verify-pin --pin 654321

for name in anna bert; do id "$name" >/dev/null 2>&1 || useradd --create-home "$name"; done
usermod --append --groups vpiv anna
if systemctl cat polkit.service >/dev/null 2>&1 && pcscd --version 2>&1 | grep -q polkit; then
    ok "polkit lets nobody in who does not sit before the machine" not finds anna
    cp /root/polkit.rules /etc/polkit-1/rules.d/50-vpiv.rules && chmod 644 /etc/polkit-1/rules.d/50-vpiv.rules
    systemctl restart polkit.service
    ok "… with the example's rule a member of the group" finds anna
    ok "… and no one else" not finds bert
fi
ok "a member manages cards" as anna vpiv eject --system
ok "… back" as anna vpiv insert --system
ok "a stranger does not" not as bert vpiv eject --system
echo 'pinpad = true;' >/var/lib/vpiv/readers/0/settings && vpiv eject >/dev/null && vpiv insert >/dev/null
sees 0 Yes
(KEYS=654321 as anna timeout 30 vpiv pinpad --system --keys env:KEYS) >/dev/null 2>&1 &
ok "a member is the keypad" timeout 30 pkcs15-tool --verify-pin
ok "a stranger is none" not as bert timeout 5 env KEYS=1 vpiv pinpad --system --keys env:KEYS
echo "1..$n"
[ "$failed" -eq 0 ]
