#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_corpus.sh — bundles made by other people's software give what their list says, key by key.
#
# P12_CORPUS names a folder with the bundles and INDEX.tsv: file, password (<empty>, <null>: Enter), outcome (ok,
# error), keys, certificates, note.  A note that begins with "depends:" leaves the outcome to us: then a clear refusal
# and a working card are both right.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

[ -n "${P12_CORPUS:-}" ] || skip_all "P12_CORPUS names no folder with bundles"
[ -r "$P12_CORPUS/INDEX.tsv" ] || skip_all "there is no INDEX.tsv in $P12_CORPUS"
have jq || skip_all "jq is not installed"

declare -A algorithm=([RSA1024]=06 [RSA2048]=07 [RSA3072]=05 [RSA4096]=16 [P-256]=11 [P-384]=14 [Ed25519]=e0 [X25519]=e1)
card=$XDG_DATA_HOME/vpiv/cards/corpus.card

forget() { rm -rf "$XDG_DATA_HOME" "$XDG_STATE_HOME"; }

# The card's slots do through a real pcscd what the certificates say, which are those of the list.
works() {
    local uses=() slot key wanted got
    while read -r slot key; do uses+=("$slot:${algorithm[$key]}"); done \
        < <(jq -r '.keys[] | "\(.slot) \(.key)"' "$scratch/out")
    wanted=$(jq -r '.keys[] | "\(.slot) \(.serial)"' "$scratch/out" | tr a-f A-F)
    got=$(vpiv run -c corpus -- "$top_builddir/card_uses" "$PIN" "${uses[@]}" 2>"$scratch/err") || return 1
    got=$(tr a-f A-F <<<"$got")
    [ "$got" = "$wanted" ] || { echo "certificates: $got, wanted: $wanted" >"$scratch/err"; return 1; }
}

# Fails with what is wrong in $scratch/err.
judge() { # outcome keys certificates status
    if [ "$4" -eq 0 ]; then
        [ "$1" = ok ] || { echo "it was imported" >"$scratch/err"; return 1; }
        if [ "$2" != - ] && ! jq -e --argjson k "$2" --argjson c "$3" \
            '.files[0].keys == $k and .files[0].certificates == $c and (.keys | length) == $k' "$scratch/out" >/dev/null; then
            { echo "wanted $2 keys and $3 certificates"; jq -c '.files[0]' "$scratch/out"; } >"$scratch/err"
            return 1
        fi
        works
    else
        [ "$1" = error ] && [ "$4" -eq 1 ] && [ "$(wc -l <"$scratch/err")" -eq 1 ] && [ ! -e "$card" ] &&
            ! [ -s "$scratch/out" ]
    fi
}

total=0 right=0
while IFS=$'\t' read -r file password outcome keys certs note; do
    case $password in '<empty>' | '<null>') password= ;; esac
    export PASSWORD=$password
    forget
    SECONDS=0
    import corpus --json "$P12_CORPUS/$file" >"$scratch/out" 2>"$scratch/err"
    status=$?
    spent=$SECONDS
    case $note:$status in depends:*:0) outcome=ok keys=- ;; depends:*) outcome=error ;; esac
    total=$((total + 1))
    if judge "$outcome" "$keys" "$certs" "$status" && [ "$spent" -le 10 ]; then
        right=$((right + 1))
        pass "$file: $outcome"
    else
        fail "$file: $outcome" "status $status, $spent s: $(cat "$scratch/err")" "$note"
    fi
done < <(tail -n +2 "$P12_CORPUS/INDEX.tsv")

diag "$right of $total bundles give what their list says"
is "every bundle gives what its list says" "$right of $total" "$total of $total"
done_testing
