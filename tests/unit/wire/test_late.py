"""What is made late does as what was made at once."""

from __future__ import annotations

import re
import subprocess
import sys

import msgspec
import pytest

from onetake.wire.late import late_decoder, late_names, late_pattern


@pytest.mark.parametrize("method", ["search", "match", "fullmatch", "findall", "split"])
def test_a_late_pattern_has_the_methods_of_a_pattern(method):
    text = "one 2 three 44"

    late, plain = late_pattern(r"[0-9]+"), re.compile(r"[0-9]+")

    for _ in range(2):
        found, expected = getattr(late, method)(text), getattr(plain, method)(text)
        assert str(found) == str(expected)
    assert late.pattern == plain.pattern


def test_a_late_pattern_is_made_when_it_is_used():
    faulty = late_pattern("(")

    with pytest.raises(re.error):
        faulty.search("text")


def test_a_late_decoder_decodes_its_type():
    decoder = late_decoder(list[int])

    assert decoder.decode(b"[1, 2]") == [1, 2]
    with pytest.raises(msgspec.ValidationError):
        decoder.decode(b'["1"]')


def test_a_late_name_brings_its_module_when_it_is_asked_for():
    code = """
import sys, onetake.spend
assert "onetake.spend.estimates" not in sys.modules
assert onetake.spend.model_of.__module__ == "onetake.spend.estimates"
assert "model_of" in vars(onetake.spend)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"'onetake\.wire' has no attribute 'nothing'"):
        late_names("onetake.wire", {"late": ("late_names",)})("nothing")
