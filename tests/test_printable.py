"""Text from outside does not act on a terminal."""

import json

import pytest

from emolive.printable import printable, printable_json

ODD = "a\x1b[2J\r\nb\x9bc\u202ed\u2028é😀"


def test_only_what_cannot_be_printed_is_escaped():
    assert printable("plain é 😀") == "plain é 😀"
    assert printable(ODD) == r"a\x1b[2J\r\nb\x9bc\u202ed\u2028é😀"
    assert printable(ODD).isprintable()


@pytest.mark.parametrize("indent", [None, 1])
def test_json_reads_as_the_same_values(indent):
    values = {"file": ODD, ODD: [1, ODD]}
    text = printable_json(values, indent)
    assert json.loads(text) == values
    assert text.replace("\n", "").isprintable()
    assert "é😀" in text
