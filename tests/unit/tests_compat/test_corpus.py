"""How the replay of a recorded corpus is judged: what may differ, and what is a fault."""

import pytest

from tests_compat.corpus import comparison
from tests_compat.corpus.comparison import Known

_SEEN = {
    "status": 200,
    "headers": [["content-encoding", "gzip"], ["content-length", "9"], ["transfer-encoding", "x"]],
    "body": "9 bytes",
    "content": "20 bytes",
    "url": "/?q=a%20b",
}
_KNOWN = [Known(where=("vcrpy-*/one/*/listed",), reason="It is known.")]


def _judged(live, seen, theirs=None, scenario="plain"):
    (case,) = comparison.compare(
        "vcrpy-1",
        "in-place",
        {"one": {scenario: live}},
        {"one": {scenario: live if theirs is None else theirs}},
        {"one": {scenario: seen}},
        _KNOWN,
    )
    return case.verdict, case.why


def _without(name):
    return [pair for pair in _SEEN["headers"] if pair[0] != name]


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, ("same", "")),
        ({"body": "8 bytes", "headers": _without("content-length")}, ("by rule", "packed anew")),
        ({"headers": _without("transfer-encoding")}, ("by rule", "transfer-encoding")),
        ({"url": "/?q=a+b"}, ("by rule", "space in a query")),
        ({"content": "21 bytes"}, ("different", "step 0, content: '20 bytes', and '21 bytes' now")),
        ({"status": 201}, ("different", "step 0, status: 200, and 201 now")),
    ],
)
def test_a_difference_is_one_unless_a_rule_says_why(change, verdict):
    assert _judged([_SEEN], [_SEEN | change]) == verdict


def test_what_vcrpy_itself_shows_is_enough():
    other = _SEEN | {"status": 201}
    assert _judged([_SEEN], [other], theirs=[other]) == ("as vcrpy", "")
    refused = {"error": "CannotOverwriteExistingCassetteException"}
    assert _judged([_SEEN], [{"error": "MissError"}], theirs=[refused]) == ("by rule", "refused")


def test_a_missing_step_is_a_difference():
    assert _judged([_SEEN, _SEEN], [_SEEN]) == ("different", "2 steps, and 1")


def test_a_listed_difference_has_its_reason():
    other = _SEEN | {"status": 201}
    assert _judged([_SEEN], [other], scenario="listed") == ("as listed", "It is known.")


def test_what_the_recorder_broke_is_not_judged():
    assert _judged([{"error": "IndexError"}], [_SEEN]) == ("unrecorded", "IndexError")
