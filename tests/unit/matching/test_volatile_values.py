"""Which texts are volatile values: uuids, random hex, times of now, and what a user names."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.matching import DAY_S, KINDS, Volatile, volatile
from onetake.matching.volatile import epoch_s, iso_s

AT = 1_790_000_000.0  # 2026-09-21T14:13:20Z
UUID = "3f2a1b4c-9d8e-4f70-8a61-b2c3d4e5f607"
HEX = "4bf92f3577b34da6a3ce929d0e0e4736"


def found(text: str, at: float = AT, **how) -> list[tuple[str, str]]:
    """The kinds and texts that are found, in order."""
    return [(one.kind, text[one.start : one.end]) for one in Volatile(**how).find(text, at)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"Summarise {UUID}, please.", UUID),
        (f"Summarise {UUID.upper()}.", UUID.upper()),
        (f"urn:uuid:{UUID}", UUID),
        (f"{{{UUID}}}", UUID),
        (f"/v1/files/{UUID}.jsonl", UUID),
        (f"req_{UUID}_1", UUID),
        (f"test{UUID}", UUID),
        (f"face{UUID}", UUID),
        (f"{UUID}x", UUID),
        (f"item-7-{UUID}", UUID),
        (f"0{UUID}", UUID),
    ],
)
def test_a_uuid_is_found_wherever_it_stands(text, value):
    assert found(text) == [("uuid", value)]


def test_uuids_without_anything_between_them_are_two():
    other = UUID.replace("3f2a", "0000")

    assert found(UUID + other) == [("uuid", UUID), ("uuid", other)]


@pytest.mark.parametrize(
    "text",
    [
        UUID[:-1],
        UUID.replace("-", "_"),
        UUID.replace("f", "g"),
        "3f2a1b4c-9d8e-4f70-8a61",
        "12345678-1234-1234-1234",
    ],
)
def test_what_has_not_the_shape_of_a_uuid_is_none(text):
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (HEX, HEX),
        (HEX.upper(), HEX.upper()),
        (f"call_{HEX[:16]}", HEX[:16]),
        (f"00-{HEX}-00f067aa0ba902b7-01", HEX),
        (f"sha256:{HEX * 2}", HEX * 2),
        (f"{HEX}.png", HEX),
    ],
)
def test_hex_of_sixteen_digits_and_more_is_found(text, value):
    assert found(text)[0] == ("hex", value)


@pytest.mark.parametrize(
    "text",
    [
        HEX[:15],
        f"trace{HEX}",  # a part of a longer word: base64 and names are full of it
        f"{HEX}xyz",
        "4bf92F3577b34Da6",  # of both cases: not hex as programs write it
        "1234567890123456",  # an order number
        "12345678901234567890",
        "deadbeefdeadbeef",  # a word
        "1.2345678901234567e-05",  # a float in a prompt
        "2345678901234567e10",
    ],
)
def test_words_numbers_and_short_hex_are_not_random_hex(text):
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "2026-09-21T14:13:20Z",
        "2026-09-21T14:13:20z",
        "2026-09-21T14:13:20.123456+00:00",
        "2026-09-21T16:13:20+02:00",
        "2026-09-21T16:13:20+0200",
        "2026-09-21T16:13:20+02",
        "2026-09-21T04:13:20-10:00",
        "2026-09-21 14:13:20",
        "2026-09-21 14:13:20.123456",
        "2026-09-21 14:13:20,123",
        "2026-09-21 14:13:20 +0000",
        "2026-09-21 14:13:20 UTC",
        "2026-09-21T14:13",
        "2026-09-21t14:13:20Z",
        "20260921T141320Z",
        "20260921T141320",
        "20260921T141320.123Z",
        "20260921T161320+0200",
    ],
)
def test_an_iso_time_of_now_is_found_whole(text):
    assert found(f"Now: {text}.") == [("iso-time", text)]
    assert found(f"log{text}") == [("iso-time", text)]


@pytest.mark.parametrize(
    "text",
    [
        "2026-09-21",  # a date is what a prompt is about
        "14:13:20",
        "2025-09-21T14:13:20Z",
        "1969-07-20T20:17:40Z",
        "0000-00-00T00:00:00",
        "2026-13-01T00:00:00Z",
        "2026-09-21T14:61:00Z",
        "12026-09-21T14:13:20Z",
        "20260921T1413205",
    ],
)
def test_dates_and_times_of_another_day_are_not_volatile(text):
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1790000000", "1790000000"),
        ("at 1790000000.", "1790000000"),
        ("1790000000.1234567", "1790000000.1234567"),  # time.time()
        ("1790000000123", "1790000000123"),
        ("1790000000123.5", "1790000000123.5"),  # performance.timeOrigin
        ("run-1790000000", "1790000000"),
        ("run1790000000", "1790000000"),
        ("face1790000000", "1790000000"),
        ("/logs/1790000000/a.txt", "1790000000"),
    ],
)
def test_the_epoch_of_now_is_found_in_seconds_and_milliseconds(text, value):
    assert found(text) == [("epoch", value)]


@pytest.mark.parametrize(
    "text",
    [
        "1234567890",
        "1987654321",
        "2000000001",
        "179000000",
        "17900000000",  # eleven digits
        "1.1790000000",
        "17900000001790000000",
        "99999999999999",
    ],
)
def test_other_numbers_of_ten_digits_are_not_times(text):
    assert found(text) == []


def test_epochs_from_2033_on_are_times_then():
    assert found("2000000001", at=2_000_000_500.0) == [("epoch", "2000000001")]


@pytest.mark.parametrize(
    ("text", "distance_s", "expected"),
    [
        ("1790000000", DAY_S, True),
        ("1790000000", -DAY_S, True),
        ("1790000000", DAY_S + 1, False),
        ("1790000000", -DAY_S - 1, False),
        ("1790000000000", DAY_S + 1, False),
        ("2026-09-21T14:13:20Z", DAY_S, True),
        ("2026-09-21T14:13:20Z", DAY_S + 1, False),
        ("2026-09-21T16:13:20+02:00", -DAY_S, True),
        ("2026-09-21T16:13:20+02:00", -DAY_S - 1, False),
    ],
)
def test_a_time_counts_within_a_day_of_its_request(text, distance_s, expected):
    assert bool(found(text, at=AT + distance_s)) is expected


def test_the_window_can_be_set():
    assert found("1790000000", at=AT + 61, window_s=60) == []
    assert found("1790000000", at=AT + 60, window_s=60) != []
    assert found("1234567890", window_s=float("inf")) == [("epoch", "1234567890")]


def test_without_a_moment_there_are_no_times_but_other_values():
    text = f"1790000000 2026-09-21T14:13:20Z 0 {UUID} {HEX}"

    assert found(text, at=0.0) == [("uuid", UUID), ("hex", HEX)]
    assert found("0000000000", at=0.0) == []


EVERY = f"{UUID} 2026-09-21T14:13:20Z 1790000000 {HEX}"


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_named_and_left_out_by_name(kind):
    only = [one for one, _ in found(EVERY, kinds=[kind])]
    others = [one for one, _ in found(EVERY, kinds=[one for one in KINDS if one != kind])]

    assert only == [kind]
    assert sorted([*others, kind]) == sorted(KINDS)


def test_no_kinds_find_nothing():
    assert found(EVERY, kinds=[]) == []


def test_a_users_kind_is_found_where_its_expression_fits():
    how = {"kinds": ["uuid", "run"], "patterns": {"run": r"run-\d+"}}

    assert found(f"run-12 of {UUID} and run-7", **how) == [
        ("run", "run-12"),
        ("uuid", UUID),
        ("run", "run-7"),
    ]
    assert found("run-12", kinds=["uuid"], patterns=how["patterns"]) == []


def test_of_a_users_kinds_the_first_and_longest_wins_and_before_the_built_in():
    how = {"kinds": ["short", "long", "uuid"], "patterns": {"short": "ab", "long": f"abc|{UUID}"}}

    assert found(f"abc ab {UUID}", **how) == [("long", "abc"), ("short", "ab"), ("long", UUID)]


def test_an_expression_that_finds_empty_text_finds_nothing_there():
    assert found("aXb", kinds=["own"], patterns={"own": "X?"}) == [("own", "X")]


def test_figures_of_other_scripts_are_no_digits():
    assert found("\u0661\u0667\u0669" + "\u0660" * 7) == []
    assert found("\u0662\u0660\u0662\u0666-09-21T14:13:20Z") == []


@pytest.mark.parametrize(("text", "kind"), [(UUID, "uuid"), (f" {UUID}", ""), ("x", "")])
def test_the_kind_of_a_text_is_that_of_all_of_it(text, kind):
    assert Volatile().kind_of(text, AT) == kind


@given(st.integers(0, 4_000_000_000), st.sampled_from(["Z", "+00:00", "-11:30", "+0545", ""]))
def test_iso_times_are_read_as_the_standard_library_reads_them(moment_s, zone):
    from datetime import UTC, datetime

    text = datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%dT%H:%M:%S") + zone
    expected = datetime.fromisoformat(text)
    if expected.tzinfo is None:
        expected = expected.replace(tzinfo=UTC)

    assert iso_s(text) == expected.timestamp()


def test_epochs_are_read_by_their_length():
    assert epoch_s("1790000000") == epoch_s("1790000000000") == epoch_s("1790000000000.0") == AT


class Counting:
    """A regular expression that counts where it was tried, and how much text it was given."""

    def __init__(self, expression: re.Pattern[str]) -> None:
        self._expression = expression
        self.tried = 0

    def match(self, text: str, start: int, end: int) -> re.Match[str] | None:
        self.tried += 1
        return self._expression.match(text, start, end)


MEGABYTE = 1 << 20
ADVERSARIAL = {
    "letters": "1 " + "a" * MEGABYTE,
    "digits": "1" * MEGABYTE,
    "hex": "a1" * (MEGABYTE // 2),
    "hex in a word": "x" + "a1" * (MEGABYTE // 2) + "g",
    "hex of both cases": "aB3" * (MEGABYTE // 3),
    "hex and a dash": "a-" * (MEGABYTE // 2) + "1",
    "eights and dashes": "1234abcd-" * (MEGABYTE // 9),
    "nearly uuids": (UUID[:-1] + "-") * (MEGABYTE // 36),
    "nearly epochs": "1234567890." * (MEGABYTE // 11),
    "nearly floats": "1" * (MEGABYTE // 2) + "e" + "1" * (MEGABYTE // 2) + "e",
    "dates": "2026-09-21 " * (MEGABYTE // 11),
    "fractions": "2026-09-21T14:13:20." + "1" * MEGABYTE,
}


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_a_megabyte_of_anything_is_searched_in_a_number_of_steps_of_its_length(name):
    # Quadratic work on a megabyte would take hours: that this returns is the better half of the test.
    finder = Volatile()
    finder._built_in = counting = Counting(finder._built_in)

    list(finder.find(ADVERSARIAL[name], AT))

    assert counting.tried <= MEGABYTE


def pieces() -> Iterator[st.SearchStrategy[str]]:
    yield st.sampled_from([UUID, HEX, HEX[:16].upper(), "1790000000", "2026-09-21T14:13:20Z"])
    yield st.text("0123456789abcdefABCDEF-T:. ", max_size=20)
    yield st.text(max_size=5)


@given(st.lists(st.one_of(*pieces()), max_size=8).map("".join), st.sampled_from([0.0, AT]))
def test_what_is_found_is_in_order_apart_and_of_a_known_kind(text, at):
    end = 0
    for one in Volatile().find(text, at):
        assert end <= one.start < one.end <= len(text)
        assert one.kind in KINDS
        end = one.end


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_uuid_is_found_between_any_texts(before, after):
    if not re.search(r"[0-9a-fA-F-]\Z", before) and not re.match("[0-9a-fA-F-]", after):
        assert ("uuid", UUID) in found(f"{before}{UUID}{after}")


def test_every_built_in_kind_has_an_expression():
    assert set(volatile._EXPRESSIONS) == set(KINDS) == set(volatile._BUILT_IN)
