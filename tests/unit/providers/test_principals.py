"""Principals of one opening: numbers in order of first use, or keyed digests."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.messages import Headers, Request
from onetake.recorder.principals import Principals
from tests.support.runs import result, run_program

KEY = b"a secret of the team"


def call(key: str, host: str = "api.example.com") -> Request:
    lines = (("authorization", f"Bearer {key}"),) if key else ()
    return Request(method="GET", url=f"https://{host}/", headers=Headers(lines))


def numbers(*keys: str) -> list[int | str]:
    principals = Principals()
    return [principals.of(call(key), "api.example.com") for key in keys]


def test_principals_are_numbered_in_order_of_first_use():
    assert numbers("good", "bad", "good", "", "bad", "") == [0, 1, 0, 2, 1, 2]


def test_dummy_keys_have_the_numbers_of_the_real_ones():
    assert numbers("sk-live-1", "sk-live-2", "sk-live-1") == numbers("dummy", "fake", "dummy")


def test_each_host_numbers_its_own():
    principals = Principals()

    found = [
        principals.of(call(key, host), host)
        for key, host in [("a", "one"), ("b", "two"), ("a", "two"), ("b", "one")]
    ]

    assert found == [0, 0, 1, 1]


def test_a_rotating_token_keeps_its_number():
    assert numbers("ya29.one", "sk-key", "ya29.two") == [0, 1, 0]


@given(st.lists(st.sampled_from(["", "a", "b", "c", "ya29.x", "ya29.y"])))
def test_numbers_are_dense_and_tell_as_much_as_the_keys(keys):
    found = numbers(*keys)

    assert sorted(set(found)) == list(range(len(set(found))))
    rotated = ["ya29" if key.startswith("ya29") else key for key in keys]
    for i, one in enumerate(rotated):
        for j, other in enumerate(rotated):
            assert (found[i] == found[j]) == (one == other)


def test_tokens_that_answers_gave_share_a_number():
    principals, given = Principals(), {"first-token-1": "access_token", "second-token-2": "token"}

    found = [
        principals.of(call(key), "h", given)
        for key in ("first-token-1", "sk-key-12345", "second-token-2")
    ]

    assert found == [0, 1, 0]


def digest(key: str, secret: bytes = KEY, host: str = "api.example.com") -> int | str:
    return Principals(secret).of(call(key, host), host)


def test_a_digest_depends_on_the_credential_the_host_and_the_key():
    same = digest("sk-live-1234567890")

    assert same == digest("sk-live-1234567890")
    assert len({same, digest("other"), digest("sk-live-1234567890", b"another")}) == 3
    assert digest("sk-live-1234567890", host="other.example.com") != same


def test_a_digest_does_not_depend_on_who_came_before():
    principals = Principals(KEY)
    principals.of(call("first"), "api.example.com")

    assert principals.of(call("second"), "api.example.com") == digest("second")


def test_a_digest_shows_nothing_of_the_credential():
    found = str(digest("sk-live-1234567890"))

    assert len(found) == 24
    assert set(found) <= set("0123456789abcdef")


def test_a_call_without_a_credential_has_no_digest():
    assert digest("") == ""


def test_a_rotating_token_keeps_its_digest():
    assert digest("ya29.one") == digest("ya29.two") != digest("sk-live-1")


@pytest.mark.parametrize("secret", [KEY, b"\x00", b"x" * 500])
def test_digests_are_the_same_in_every_process(project, secret):
    program = """
        import json, sys
        from onetake.messages import Headers, Request
        from onetake.recorder.principals import Principals
        line = ("authorization", "Bearer sk-live-1234567890")
        request = Request(method="GET", url="https://api.example.com/", headers=Headers((line,)))
        key = bytes.fromhex(sys.argv[1])
        print(json.dumps(Principals(key).of(request, "api.example.com")))
    """
    one, other = (
        result(run_program(program, project, secret.hex(), PYTHONHASHSEED=seed))
        for seed in ("1", "2")
    )

    assert one == other == digest("sk-live-1234567890", secret)
    assert "sk-live" not in json.dumps([one, other])


@given(st.text(), st.text())
def test_any_text_has_a_digest(key, host):
    assert digest(key, host=host) == digest(key, host=host)
