"""Secrets in the ids of tests."""

from __future__ import annotations

import re

import pytest

from onetake.redaction import without_secrets_in_id
from tests.unit.redaction.texts import KEY, ORDINARY, OTHER

VALUE = "zq7XWv9kk2"
AS_KEY = re.compile(r"REDACTED-openai-key-[0-9a-f]{8}")


def safe(test_id: str, **variables: str) -> str:
    return without_secrets_in_id(test_id, {value: name for name, value in variables.items()})


@pytest.mark.parametrize("form", ["t[{}]", "t[fast-{}]", "m.py::t[{}-é]", "@wide[{}]"])
def test_a_key_becomes_its_kind_and_a_digest(form):
    one, again, other = safe(form.format(KEY)), safe(form.format(KEY)), safe(form.format(OTHER))
    assert AS_KEY.search(one)
    assert one == again != other
    assert KEY not in one
    assert safe(one) == one


def test_a_value_of_the_environment_becomes_its_variable_whatever_it_is():
    assert safe(f"t[a-{VALUE}]", MY_KEY=VALUE) == "t[a-REDACTED-MY_KEY]"
    assert safe(f"t[{KEY}]", MY_KEY=KEY) == "t[REDACTED-MY_KEY]"


def test_a_password_gets_no_digest_by_which_it_could_be_guessed():
    one, other = (
        safe(f"t[redis://me:{password}@h/0]") for password in ("hunter2hunter2", "letmein-letmein")
    )
    assert one == other == "t[redis://REDACTED-userinfo@h/0]"


def test_what_stands_before_the_parameters_is_kept():
    assert safe(f"tests/{KEY}.py::t", MY_KEY=KEY) == f"tests/{KEY}.py::t"


def test_ordinary_parameters_are_left_as_they_are():
    ids = [f"t[{text}]" for text in ORDINARY] + [f"t[x-{text}-1]" for text in ORDINARY]
    assert [one for one in ids if safe(one) != one] == []
