#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_gnupg.sh — GnuPG's own card daemon uses the card: gpg-card, S/MIME, an OpenPGP key, its agent for ssh.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

PATH=$PATH:/usr/sbin
for program in pcscd openssl gpgsm gpgconf gpg-connect-agent; do
    have "$program" || skip_all "$program is not installed"
done
gnupg=$(gpgsm --version | sed -n '1s/.* \([0-9]*\.[0-9]*\).*/\1/p')
case $gnupg in
2.[0-2]) skip_all "GnuPG $gnupg: its card daemon knows PIV cards from 2.3 on" ;;
esac
have gpg-card || skip_all "gpg-card is not installed"

make_bundle auth 9a RSA2048 "/CN=auth" && make_bundle sign 9c P-256 "/CN=sign" && make_bundle mail 9d P-384 "/CN=mail" ||
    exit 99
echo "a message" >"$scratch/message"

# The pinentry of these tests knows the PIN.
cat >"$scratch/pinentry" <<'END'
#!/bin/sh
echo "OK"
while read -r word _; do
    case $word in
    GETPIN) echo "D $PIN"; echo OK ;;
    CONFIRM) echo "ERR 83886179 cancelled" ;; # to put a card back
    BYE) echo OK; exit 0 ;;
    *) echo OK ;;
    esac
done
END
chmod 755 "$scratch/pinentry"

# A home of its own; GnuPG would take the reader for itself, past pcscd and without sharing it.
home() {
    export GNUPGHOME=$scratch/$1
    mkdir -m 700 "$GNUPGHOME"
    printf 'disable-ccid\npcsc-shared\n' >"$GNUPGHOME/scdaemon.conf"
    printf 'pinentry-program %s\nenable-ssh-support\n' "$scratch/pinentry" >"$GNUPGHOME/gpg-agent.conf"
    printf 'disable-crl-checks\ndisable-dirmngr\n' >"$GNUPGHOME/gpgsm.conf"
    openssl x509 -in "$scratch/ca.pem" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g; s/$/ S/' >"$GNUPGHOME/trustlist.txt"
    gpgsm --quiet --import "$scratch/ca.pem" >"$scratch/import-ca.log" 2>&1
}
# The agent takes what it knows of its surroundings from its first client: a new one for each reader, and each PIN.
daemons() { gpg-connect-agent --no-autostart "getinfo pid" "scd getinfo pid" /bye 2>/dev/null | sed -n 's/^D //p'; }
end_agent() {
    local pid pids
    pids=$(daemons)
    gpgconf --kill gpg-agent
    for pid in $pids; do wait_for 10 gone "$pid"; done
}
grip() { gpgsm --with-keygrip -k "$1" 2>/dev/null | sed -n 's/ *keygrip: *//p'; }
smime() { timeout 60 gpgsm --quiet --batch --yes "$@"; }
signs() { # name
    smime -u "CN=$1" -o "$scratch/$1.p7" --detach-sign "$scratch/message" &&
        openssl cms -verify -binary -inform DER -in "$scratch/$1.p7" -content "$scratch/message" \
            -CAfile "$scratch/ca.pem" -purpose any -out /dev/null
}

use() { # persona
    local out
    home "$1"
    reader_start "$1" || { fail "a private pcscd starts"; return; }
    out=$(gpg-card list </dev/null 2>&1)
    like "$1: gpg-card takes it for a PIV card" "$out" '^Application type .: PIV'
    like "$1: … and shows the authentication key" "$out" 'keyref \.*: PIV\.9A'
    like "$1: … of its kind" "$out" 'algorithm \.*: rsa2048'
    is "$1: three keys in all" "$(echo "$out" | grep -c 'algorithm \.*: \(rsa2048\|nistp256\|nistp384\)')" 3
    like "$1: three tries" "$out" 'PIN retry counter : - 3 -'
    if [ "$1" = yubikey ]; then
        like "yubikey: it is a YubiKey" "$out" '^Card type \.*: yubikey'
        like "yubikey: of firmware 5.7.1" "$out" '^Card firmware \.*: 5\.7\.1'
    fi
    end_agent
    PIN=111111 not_ok "$1: gpg-card does not verify a wrong PIN" gpg-card verify PIV.80
    end_agent
    like "$1: … which counts" "$(gpg-card list </dev/null 2>&1)" 'PIN retry counter : - 2 -'
    ok "$1: gpg-card verifies the PIN" gpg-card verify PIV.80

    ok "$1: gpgsm learns the certificates" gpgsm --learn-card
    ok "$1: gpgsm signs with 9A" signs auth
    ok "$1: gpgsm signs with 9C" signs sign
    openssl cms -encrypt -binary -aes256 -in "$scratch/message" -outform DER -out "$scratch/mail.p7" "$scratch/mail.pem"
    ok "$1: gpgsm decrypts with 9D what OpenSSL encrypted" \
        smime -o "$scratch/mail.$1" --decrypt "$scratch/mail.p7"
    ok "$1: … byte for byte" cmp "$scratch/message" "$scratch/mail.$1"

    printf '%%no-protection\nKey-Type: RSA\nKey-Grip: %s\nKey-Usage: sign\nName-Real: Card\nName-Email: card@example.org\n' \
        "$(grip auth)" >"$scratch/openpgp"
    ok "$1: an OpenPGP key over 9A" timeout 60 gpg --quiet --batch --generate-key "$scratch/openpgp"
    ok "$1: gpg signs with it" timeout 60 gpg --quiet --batch --yes -u card@example.org -o "$scratch/message.gpg" \
        --sign "$scratch/message"
    ok "$1: … and it verifies" gpg --quiet --verify "$scratch/message.gpg"

    if have ssh-add; then
        SSH_AUTH_SOCK=$(gpgconf --list-dirs agent-ssh-socket)
        export SSH_AUTH_SOCK
        is "$1: gpg-agent offers 9A to ssh" "$(ssh-add -L 2>/dev/null | cut -d' ' -f1,2)" \
            "$(ssh-keygen -i -m PKCS8 -f "$scratch/auth.pub")"
        ssh-add -L >"$scratch/ssh.pub" 2>/dev/null
        ok "$1: … and signs" ssh-keygen -q -Y sign -n file -f "$scratch/ssh.pub" "$scratch/message"
        ok "$1: … what ssh-keygen verifies" bash -c '
            printf "me %s\n" "$(cat "$0/ssh.pub")" >"$0/allowed" &&
                ssh-keygen -Y verify -n file -I me -f "$0/allowed" -s "$0/message.sig" <"$0/message"' "$scratch"
        rm -f "$scratch/message.sig"
    else
        skip "$1: gpg-agent for ssh" "ssh-add is not installed"
    fi
    ok "$1: the card is pulled" vpiv eject
    not_ok "$1: then gpgsm cannot sign" signs auth
    ok "$1: put back" vpiv insert
    ok "$1: and it signs again" wait_for 15 signs auth
    end_agent
    reader_stop
}

for persona in piv yubikey; do
    vpiv import -c $persona --persona $persona --password env:PASSWORD --pin env:PIN --puk env:PUK \
        "$scratch/auth.p12" "$scratch/sign.p12" "$scratch/mail.p12" >"$scratch/import.log" 2>&1 ||
        { cat "$scratch/import.log" >&2; exit 99; }
    use $persona
done
done_testing
