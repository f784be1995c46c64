# SPDX-License-Identifier: BSD-2-Clause
"""What tests with the fixtures of conftest.py look like."""
import subprocess

VERIFY = [0x00, 0x20, 0x00, 0x80]


def test_the_pin_opens_the_card(card):
    assert card.transmit(VERIFY)[1:] == (0x63, 0xC3)  # three tries
    assert card.transmit(VERIFY + [8] + list(b"123456\xff\xff"))[1:] == (0x90, 0x00)
    assert card.transmit(VERIFY)[1:] == (0x90, 0x00)


def test_another_test_is_asked_again(card):
    assert card.transmit(VERIFY)[1:] == (0x63, 0xC3)


def test_a_card_that_fails(card):
    subprocess.run(["vpiv", "fault", "-e", "ins = 0x20; sw = 0x6581"], check=True)
    try:
        assert card.transmit(VERIFY)[1:] == (0x65, 0x81)
    finally:
        subprocess.run(["vpiv", "fault", "--off"], check=True)
