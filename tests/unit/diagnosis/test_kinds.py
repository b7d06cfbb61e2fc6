"""What sort of change lies between two values, from shapes that real requests have."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.diagnosis import kind_of
from onetake.diagnosis.kinds import MISSING, Number

THEN, NOW = 1_795_577_062.0, 1_795_663_463.0  # 2026-11-25 03:24:22 and 24 h later
MOMENTS = (THEN, NOW)
PNG = b"\x89PNG\r\n\x1a\n"
ONE, OTHER = "0b6c4f4e-6b9b-4a3e-9b1c-7a4d2f3e5c6d", "9f8e7d6c-5b4a-4392-8170-6f5e4d3c2b1a"


@pytest.mark.parametrize(
    ("recorded", "sent", "expected"),
    [
        (ONE, OTHER, "uuid"),
        (f"Summarise job {ONE} now", f"Summarise job {OTHER} now", "uuid"),
        (f"{ONE} {ONE}", f"{OTHER} {OTHER}", "uuid"),
        ("trace-00f067aa0ba902b7", "trace-53995c3f42cd8ad8", "hex"),
        (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-a3ce929d0e0e47364bf92f3577b34da6-53995c3f42cd8ad8-01",
            "hex",
        ),
        ("Now: 2026-11-25T03:24:22.614324+00:00", "Now: 2026-11-26T03:24:23+00:00", "iso-time"),
        ("20261125T032422Z", "20261126T032423Z", "iso-time"),
        (Number("1795577062.73"), Number("1795663463.01"), "epoch"),
        (1795577062, 1795663463, "epoch"),
        (1795577062123, 1795663463456, "epoch"),
        ("asked at 1795577062", "asked at 1795663463", "epoch"),
        (f"{ONE} at 1795577062", f"{OTHER} at 1795663463", "uuid+epoch"),
        (41, 42, "counter"),
        ("run-41", "run-42", "counter"),
        ("This is attempt 7 of many", "This is attempt 8 of many", "counter"),
        (1234567890, 1987654321, "number"),
        ("order 1234567890", "order 1987654321", "number"),
        (Number("0.1"), Number("0.10000000000000002"), "float-noise"),
        (Number("0.1"), Number("0.7"), "number"),
        ("two  words\n", "two words", "white-space"),
        ("a\r\nb", "a\nb", "white-space"),
        ("caf\u00e9", "cafe\u0301", "encoding"),
        ("a%20b", "a b", "encoding"),
        ("AT&amp;T", "AT&T", "encoding"),
        ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}', "key-order"),
        ("data:image/png;base64," + b64encode(PNG + b"1" * 40).decode(),
         "data:image/png;base64," + b64encode(PNG + b"2" * 40).decode(), "image"),
        (PNG + b"one", PNG + b"two", "image"),
        (b"\xff\x00one", b"\xff\x00two", "bytes"),
        ("caf\u00e9".encode(), "caf\u00e9".encode("latin-1"), "encoding"),
        ("job 01J9ZC5M3K8Q7W", "job 01JA0D6N4L9R8X", "random"),
        ("V1StGXR8_Z5jdHi6B-myT", "a8Kd02jX_Q7rtYu3-PoW9", "random"),
        ("commit a3f9c2d1 please", "commit b7e1d4c9 please", "random"),
        ("gpt-4o-mini", "gpt-5o-mini", "counter"),
        ("gpt-4o-mini", "claude-3-opus", "text"),
        ("the capital of France", "the capital of Italy", "text"),
        (MISSING, "x", "added"),
        ("x", MISSING, "removed"),
        ("1", 1, "type"),
        (True, 1, "type"),
        (True, False, "text"),
    ],
)  # fmt: skip
def test_each_kind_is_told_from_the_others(recorded, sent, expected):
    assert kind_of(recorded, sent, MOMENTS) == expected


def test_an_order_number_is_no_time():
    assert kind_of("order 1234567890", "order 1034567890", (THEN, NOW)) != "epoch"


def test_without_a_moment_a_number_of_ten_digits_is_a_number():
    assert kind_of(1795577062, 1895577062) == "number"
    assert kind_of("2026-11-25T03:24:22Z", "2027-11-25T03:24:22Z") == "iso-time"


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.binary()
    | st.sampled_from([MISSING, Number("1e999"), Number("-0.0"), Number("9" * 400)])
    | st.floats(allow_nan=False).map(lambda one: Number(json.dumps(one)))
)


@given(leaves, leaves, st.floats(0, 2e9))
def test_every_change_has_a_kind(recorded, sent, at):
    assert kind_of(recorded, sent, (at, at))
