# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures that give tests a smart card: `readers` for the whole session, `card` fresh power for each test."""
import json
import os
import subprocess
import sys

import pytest

OPTIONS = ["--test"]  # of `vpiv run`: -i FILE.p12, --persona yubikey, --empty, …
TELL = "import json, os, sys; print(json.dumps(dict(os.environ)), flush=True); sys.stdin.read()"


@pytest.fixture(scope="session")
def readers():
    """A private pcscd.  libpcsclite looks for it once, so there is one for all tests."""
    command = ["vpiv", "run", *OPTIONS, "--", sys.executable, "-c", TELL]
    run = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    line = run.stdout.readline()
    if not line:
        pytest.fail(f"vpiv run ended with status {run.wait()}")
    inside = json.loads(line)
    names = ["PCSCLITE_CSOCK_NAME", "VPIV_READER_DIR", "PKCS11_MODULE_PATH"]
    os.environ.update({name: inside[name] for name in names if name in inside})
    yield inside["VPIV_READER_DIR"]
    run.stdin.close()  # what `vpiv run` has started ends, and so does pcscd
    run.wait()


@pytest.fixture
def card(readers):
    """A connection to the card in the first reader, which forgets afterwards that a PIN was shown to it."""
    from smartcard.scard import SCARD_RESET_CARD
    from smartcard.System import readers as system_readers

    connection = system_readers()[0].createConnection()
    connection.connect(disposition=SCARD_RESET_CARD)
    yield connection
    connection.disconnect()
