"""Names of cassettes as pytest-recording makes them."""

from __future__ import annotations

import hashlib

import pytest

from onetake_vcr.naming import default_name, within_limit


def test_each_character_that_files_cannot_have_is_a_dash():
    class TestA: ...

    assert default_name(TestA, r"""test[<>?%*:|"'/\ü.x]""") == "TestA.test[-----------ü.x]"
    assert default_name(None, "test_b") == "test_b"


@pytest.mark.parametrize("letter", ["x", "ü", "語"])
@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_a_long_name_is_cut_and_has_the_digest_of_the_whole(letter, suffix):
    name = letter * 300
    mark = hashlib.md5(name.encode()).hexdigest()

    found = within_limit(name, suffix)

    kept = (255 - len(suffix) - 3 - 32) // len(letter.encode())
    assert found == f"{letter * kept}...{mark}"


def test_a_name_that_just_fits_stays():
    assert within_limit("x" * 250, ".yaml") == "x" * 250
    assert within_limit("x" * 251, ".yaml").startswith("x" * 215 + "...")
