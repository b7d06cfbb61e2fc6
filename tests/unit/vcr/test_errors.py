from __future__ import annotations

from types import SimpleNamespace

import pytest

from onetake.errors import MissError
from vcr import matchers
from vcr.errors import (
    CannotOverwriteExistingCassetteException,
    MissingMetadataError,
    UnhandledHTTPRequestError,
)
from vcr.record_mode import RecordMode
from vcr.request import Request

SECRET = "sk-proj-" + "Zq8Lk3Vn7Tx2" * 4


class Cassette(SimpleNamespace):
    def __len__(self):
        return len(self.data)

    def find_requests_with_most_matches(self, request):
        return self.similar


def cassette(*similar, recorded=1, **more) -> Cassette:
    facts = {
        "record_mode": RecordMode.ONCE,
        "rewound": True,
        "_path": "some/one.yaml",
        "_match_on": [matchers.method, matchers.body],
        "play_counts": {},
        "similar": list(similar),
        "data": [None] * recorded,
    }
    return Cassette(**(facts | more))


def failure(cassette, body=None) -> CannotOverwriteExistingCassetteException:
    request = Request("POST", f"http://host/p?api_key={SECRET}", body, {})
    return CannotOverwriteExistingCassetteException(cassette=cassette, failed_request=request)


STORED = Request("GET", "http://host/p", None, {})
NEAR = (STORED, ["body"], [("method", "POST != GET")])


@pytest.mark.parametrize(
    ("kept", "reason", "remedy"),
    [
        (cassette(recorded=0, rewound=False), "cassette_not_found", "cassette_library_dir"),
        (cassette((STORED, ["method"], [])), "already_played", "allow_playback_repeats=True"),
        (cassette(NEAR), "no_match", "record_mode='new_episodes'"),
        (cassette(), "nothing_similar", "ignore_hosts"),
    ],
)
def test_the_reason_and_its_remedy(kept, reason, remedy):
    error = failure(kept)
    assert isinstance(error, MissError)
    assert (error.reason, error.cassette, error.similar_requests) == (reason, kept, kept.similar)
    assert remedy in error.remedy
    assert "some/one.yaml" in str(error)


def test_what_differs_is_shown():
    assert (
        "Closest recorded requests:\n"
        "  1. GET http://host/p\n"
        "     method differs: POST != GET\n"
        "  2. GET http://host/p\n"
        "     method differs: POST != GET\n"
        "  3. GET http://host/p\n"
        "     method differs: POST != GET\n"
        "  …and 2 more that also differ in method.\n"
    ) in str(failure(cassette(*[NEAR] * 5)))


def test_no_secret_is_told():
    similar = (STORED, [], [("body", f"- {SECRET}\n+ {SECRET}")])
    error = failure(cassette(similar), f"{'x' * 279} {SECRET} {'y' * 50}")
    assert SECRET[:20] not in f"{error}{error.request}"
    assert "body: xxx" in str(error)


def test_the_others():
    error = MissingMetadataError(cassette=cassette(), key="seed")
    assert (error.key, error.reason, error.failed_request) == ("seed", "missing_metadata", None)
    with pytest.raises(KeyError) as caught:
        raise UnhandledHTTPRequestError("no answer")
    assert isinstance(caught.value, MissError)
    assert caught.value.message == "no answer"
