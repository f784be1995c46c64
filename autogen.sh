#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# autogen.sh — from a fresh checkout to a configured build, a demonstration or a checked build, in one command.
set -eu

usage() {
    cat <<'END'
Usage: ./autogen.sh [configure options]          install what building needs, bootstrap, configure in ./build
       ./autogen.sh demo [FILE.p12]              … build, and show a card made from FILE.p12 (or from a throw-away one)
       ./autogen.sh check [configure options]    … build, and run every test; the last line counts the test cases
With NOCONFIGURE=1 in the environment all three stop before configure.
Packages are installed only when some are missing (Debian, Ubuntu; Fedora untried), with sudo unless you are root.
END
}

say() { printf '\n==> %s\n' "$*"; }
die() {
    printf 'autogen.sh: %s\n' "$*" >&2
    exit 1
}

# What each step needs.  One line a purpose; names that a distribution does not have are left out where marked
# optional, and the tests that need them say that they were skipped.
debian_build='autoconf automake libtool make gcc libc6-dev pkgconf
    libssl-dev libpcsclite-dev libconfig-dev libjansson-dev zlib1g-dev'
debian_demo='pcscd opensc openssl'
debian_check='bash check xz-utils binutils clang gdb valgrind python3 jq procps util-linux man-db groff-base
    pcsc-tools nginx curl xvfb xdotool libnss3-tools xauth'
debian_check_optional='chromium yubico-piv-tool ykcs11 yubikey-manager libengine-pkcs11-openssl pkcs11-provider
    gnutls-bin softhsm2 libp11-kit-dev gnupg gpgsm scdaemon openssh-client yubikey-agent
    python3-yaml python3-pytest python3-pyscard'

# Untried.
fedora_build='autoconf automake libtool make gcc pkgconf-pkg-config
    openssl-devel pcsc-lite-devel libconfig-devel jansson-devel zlib-devel'
fedora_demo='pcsc-lite opensc openssl'
fedora_check='bash check-devel xz binutils clang gdb valgrind python3 jq procps-ng util-linux man-db groff-base
    pcsc-tools nginx curl xorg-x11-server-Xvfb xdotool nss-tools xorg-x11-xauth libasan libubsan'
fedora_check_optional='chromium gnupg2 gnupg2-smime openssh-clients yubico-piv-tool yubikey-manager openssl-pkcs11 pkcs11-provider'

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        die "packages are missing and there is no sudo; as root: $*"
    fi
}

debian_has() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
debian_offers() { [ -n "$(apt-cache show "$1" 2>/dev/null)" ]; }

debian_install() { # required packages, optional packages
    missing='' wanted=''
    for p in $1; do debian_has "$p" || missing="$missing $p"; done
    for p in $2; do debian_has "$p" || wanted="$wanted $p"; done
    [ -n "$missing$wanted" ] || return 0
    # An optional package that the lists do not offer is no reason to ask for a password each time.
    if [ -z "$missing" ]; then
        offered=''
        for p in $wanted; do ! debian_offers "$p" || offered="$offered $p"; done
        [ -n "$offered" ] || return 0
    fi
    say "Installing:$missing$wanted"
    as_root apt-get -qq update || echo "    the package lists could not be renewed; trying with those that are there"
    for p in $wanted; do
        if debian_offers "$p"; then
            missing="$missing $p"
        else
            echo "    $p is not offered by this distribution: what needs it will be skipped"
        fi
    done
    # shellcheck disable=SC2086 # a list of names
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends \
        $missing
    # The tests start an nginx of their own: the service that the package has just started is not wanted.
    case $missing in
    *nginx*) [ ! -d /run/systemd/system ] || as_root systemctl disable --quiet --now nginx || true ;;
    esac
}

fedora_install() {
    missing=''
    for p in $1; do rpm -q --quiet "$p" || missing="$missing $p"; done
    for p in $2; do rpm -q --quiet "$p" || missing="$missing $p"; done
    [ -n "$missing" ] || return 0
    say "Installing:$missing (these package names are untried)"
    # shellcheck disable=SC2086 # a list of names
    as_root dnf -y --setopt=install_weak_deps=False --skip-unavailable install $missing
}

install_packages() { # build|demo|check
    if command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1; then
        family=debian
    elif command -v dnf >/dev/null 2>&1; then
        family=fedora
    else
        echo "autogen.sh: no apt-get and no dnf here: what is missing has to be installed by hand" >&2
        return 0
    fi
    eval "required=\$${family}_build optional="
    case $1 in
    demo | check) eval "required=\"\$required \$${family}_demo\"" ;;
    esac
    case $1 in
    check) eval "required=\"\$required \$${family}_check\" optional=\$${family}_check_optional" ;;
    esac
    "${family}_install" "$required" "$optional"
}

bootstrap() {
    say "Bootstrapping"
    mkdir -p m4
    autoreconf -fi >build-aux.log 2>&1 || {
        cat build-aux.log >&2
        die "autoreconf failed"
    }
    rm -f build-aux.log
}

configure_and_build() { # configure options
    say "Configuring in ./build"
    mkdir -p build
    (cd build && ../configure -q "$@")
    [ "$verb" != build ] || return 0
    say "Building"
    make -C build -s -j"$(nproc 2>/dev/null || echo 2)"
}

# One line for all programs: the sum of the test cases that they reported.
run_tests() {
    say "Testing"
    rm -f build/check.status
    {
        status=0
        make -C build -s -j2 check VERBOSE=1 2>&1 || status=$?
        echo "$status" >build/check.status
    } | tee build/check.out | grep -v '^PASS: ' || true
    status=$(cat build/check.status)
    count() { sed -n "s/^# $1: *\([0-9][0-9]*\).*/\1/p" build/check.out | tail -n 1; }
    passed=$(count PASS) xfailed=$(count XFAIL)
    failed=$(count FAIL) xpassed=$(count XPASS) errors=$(count ERROR)
    skipped=$(count SKIP)
    bad=$((${failed:-0} + ${xpassed:-0} + ${errors:-0}))
    # make failed but no test did: it did not build.
    [ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
    printf '%d passed, %d failed, %d skipped\n' "$((${passed:-0} + ${xfailed:-0}))" "$bad" "${skipped:-0}"
    [ "$bad" -eq 0 ] && [ "${passed:-0}" -gt 0 ]
}

verb=build
case ${1:-} in
demo | check)
    verb=$1
    shift
    ;;
-h | --help | help)
    usage
    exit 0
    ;;
'' | -*) ;;
*=*) ;; # a configure variable
*)
    usage >&2
    exit 2
    ;;
esac

bundle=''
if [ "$verb" = demo ] && [ $# -gt 0 ]; then
    [ $# -eq 1 ] || {
        usage >&2
        exit 2
    }
    [ -r "$1" ] || die "$1: no such file, or it may not be read"
    bundle=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
    shift
fi

cd "$(dirname "$0")"
[ -f applet/applet.h ] || die "this is not the source tree of vpiv"
install_packages "$verb"
bootstrap
if [ -n "${NOCONFIGURE:-}" ]; then
    say "Next: mkdir -p build && cd build && ../configure && make"
    exit 0
fi
configure_and_build "$@"
case $verb in
build) say "Next: make -C build, then build/vpiv --help" ;;
demo) exec sh tools/demo.sh build ${bundle:+"$bundle"} ;;
check) run_tests ;;
esac
