#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# test_recipes.sh — each of doc/recipes/ does what it says: the steps of the workflows, read from their YAML, the commands of
# the Dockerfile, the fixtures, the script.  What fetches and installs is held against autogen.sh's list of packages.
. "${VPIV_TOP_SRCDIR:-$(dirname "$0")/..}/tests/harness.sh"

have pcscd || [ -x /usr/sbin/pcscd ] || skip_all "pcscd is not installed"
recipes=$top_srcdir/doc/recipes
mkdir "$scratch/bin" && ln -s "$VPIV" "$scratch/bin/vpiv"
export PATH=$scratch/bin:$PATH

# The first python that has these modules.
python_with() { # module…
    local python
    for python in python3 /usr/bin/python3; do
        "$python" -c "import $(echo "$@" | tr ' ' ,)" 2>/dev/null && echo "$python" && return
    done
    return 1
}

# Somebody's tests, in a directory of their own.
elsewhere() { # name
    mkdir -p "$scratch/$1" && cd "$scratch/$1" || return
    printf 'test:\n\tvpiv apdu -f 00CB3FFF055C035FC10200\n' >Makefile
    ! have pkcs11-tool || printf '\tpkcs11-tool --module "$$PKCS11_MODULE_PATH" --list-token-slots | grep -q PIV\n' >>Makefile
}

# --- packages --------------------------------------------------------------------------------------------------------------
known=$(sed -n "/^debian_build=/,/^debian_check=/p" "$top_srcdir/autogen.sh" | tr "'" ' ')
unknown() { # recipe — packages that it installs and autogen.sh does not; what an image lacks, or runs with, is added
    local p
    tr '\n' ' ' <"$recipes/$1" | sed 's/\\ / /g' | grep -oE 'apt-get install -y --no-install-recommends [a-z0-9 .+-]+' |
        sed 's/.*recommends //; s/ - .*//; s/ && .*//' | tr ' ' '\n' | grep -v '^-*$' | sort -u |
        while read -r p; do
            case " $known curl ca-certificates libconfig9 libjansson4 " in
            *[[:space:]]"$p"[[:space:]]*) ;;
            *) echo "$p" ;;
            esac
        done
}
for recipe in github-actions.yml gitlab-ci.yml Dockerfile; do
    like "$recipe installs packages" "$(tr '\n' ' ' <"$recipes/$recipe" | grep -o 'install -y --no-install-recommends pcscd')" pcscd
    is "… such as autogen.sh knows" "$(unknown "$recipe")" ""
done

# --- workflows --------------------------------------------------------------------------------------------------------------
if yaml=$(python_with yaml); then
    steps() { # recipe expression over `w`: prints commands
        "$yaml" -c "import sys, yaml; w = yaml.safe_load(open(sys.argv[1])); print('\n'.join($2))" "$recipes/$1"
    }
    named() { echo "[s['run'] for s in w['jobs']['card']['steps'] if s.get('name') == '$1']"; }
    is "github-actions.yml: every step is one that GitHub knows" "$(steps github-actions.yml \
        "[str(s) for s in w['jobs']['card']['steps'] if not ('uses' in s or 'run' in s)]")" ""
    elsewhere github || exit 99
    steps github-actions.yml "$(named Test)" >test.sh && steps github-actions.yml "$(named Page)" >page.sh
    ok "github-actions.yml: the test step" bash -e test.sh
    ok "… and its page" sh -c 'bash -e page.sh && grep -q "Card Holder Unique Identifier" card.html'
    printf 'test:\n\tfalse\n' >Makefile
    not_ok "… a test that fails fails the step" bash -e test.sh
    ok "… and leaves a page all the same" bash -e page.sh
    elsewhere gitlab || exit 99
    steps gitlab-ci.yml "w['smart card']['script']" >test.sh && steps gitlab-ci.yml "w['smart card']['after_script']" >page.sh
    ok "gitlab-ci.yml: the script" sh -e test.sh
    ok "… and its page" sh -c 'sh -e page.sh && grep -q "Card Holder Unique Identifier" card.html'
    steps github-actions.yml "$(named vpiv)" >"$scratch/github.sh"
    steps gitlab-ci.yml "[s for s in w['smart card']['before_script'] if 'apt-get' not in s]" >"$scratch/gitlab.sh"
    for recipe in github gitlab; do ok "$recipe: installing is a script" bash -n "$scratch/$recipe.sh"; done
else
    skip "workflows" "python3-yaml is not installed"
fi

# --- Dockerfile: what an image runs when it is told nothing, and when it is told something ---------------------------------------
words() { sed -n "s/^$1 \\[\\(.*\\)\\]\$/\\1/p" "$recipes/Dockerfile" | sed 's/", "/\n/g; s/^"//; s/"$//'; }
mapfile -t entry < <(words ENTRYPOINT)
mapfile -t command < <(words CMD)
if have pkcs11-tool; then
    like "Dockerfile: the image lists its card" "$("${entry[@]}" "${command[@]}" 2>&1)" 'token label +: '
else
    skip "Dockerfile: the image lists its card" "pkcs11-tool is not installed"
fi
is "… and gives a card to any command" "$("${entry[@]}" vpiv apdu 00200080)" 63C3

# --- pytest ----------------------------------------------------------------------------------------------------------------------
if python=$(python_with pytest smartcard); then
    cp "$recipes/conftest.py" "$recipes/test_example.py" "$scratch/"
    like "the fixtures" "$(cd "$scratch" && "$python" -m pytest -q -p no:cacheprovider test_example.py 2>&1)" '^3 passed'
else
    skip "the fixtures" "python3-pytest or python3-pyscard is not installed"
fi

# --- a shell script --------------------------------------------------------------------------------------------------------------
elsewhere trap || exit 99
export TMPDIR=$scratch/tmp
mkdir -m 700 "$TMPDIR"
unset XDG_RUNTIME_DIR
is "trap.sh has a card that is pulled, and fails" "$(sh "$recipes/trap.sh" --seed 1)" \
    "$(printf '%s\n' 63C3 'test is out of reader 0' 'test is in reader 0' 6581 63C3)"
is "nothing is left of it" "$(ls "$TMPDIR")" ""
sed '/^# Your tests/,$d' "$recipes/trap.sh" >killed.sh
echo 'echo ready; sleep 60 & wait $!' >>killed.sh
sh killed.sh >killed.out 2>&1 &
pid=$!
started $pid
wait_for 10 grep -q ready killed.out
kill -TERM $pid
wait $pid
is "… nor when it is killed" "$? $(ls "$TMPDIR")" "143 "
ok "… nor when vpiv cannot start" sh -c '! sh "$0" --nonsense 2>/dev/null && [ -z "$(ls "$TMPDIR")" ]' "$recipes/trap.sh"

done_testing
