"""A cassette's file: what is in it stays, whoever wrote it and whatever the hooks make of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from onetake.config import Mode
from vcr.cassette import Cassette
from vcr.config import VCR
from vcr.errors import UnhandledHTTPRequestError
from vcr.request import Request

KEY = "sk-proj-" + "a1B2c3D4" * 6


def pair(path: str, answer: str = "") -> tuple[Request, dict[str, Any]]:
    response = {
        "status": {"code": 200, "message": "OK"},
        "headers": {},
        "body": {"string": (answer or path).encode()},
    }
    return Request("GET", f"http://a.test/{path}", None, {}), response


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.yaml"


def opened(path: Path, **more: Any) -> Cassette:
    return Cassette.load(path=str(path), **more)


def record(path: Path, *pairs: tuple[Any, Any], **more: Any) -> None:
    opened(path, **more).publish(pairs)


def held(path: Path) -> list[tuple[str, str]]:
    tree = yaml.safe_load(path.read_text())
    return [
        (one["request"]["uri"].rpartition("/")[2], one["response"]["body"]["string"])
        for one in tree["interactions"]
    ]


def test_what_others_have_added_meanwhile_stays_and_is_not_added_twice(path):
    mine = opened(path)
    record(path, pair("a"), pair("theirs"))

    assert mine.publish([pair("a", "mine"), pair("b")]) == (1, 1)
    assert held(path) == [("a", "a"), ("theirs", "theirs"), ("b", "b")]


def test_what_others_have_recorded_anew_is_not_put_back(path):
    record(path, pair("a", "old"), pair("b"))
    mine = opened(path)
    record(path, pair("a", "new"), record_mode="all")

    mine.publish([pair("c")])

    assert held(path) == [("b", "b"), ("a", "new"), ("c", "c")]


def test_what_others_have_taken_out_is_not_put_back(path):
    record(path, pair("a"), pair("b"))
    mine = opened(path)
    path.unlink()
    record(path, pair("z"))

    mine.publish([pair("c")])

    assert held(path) == [("z", "z"), ("c", "c")]


def test_only_what_was_loaded_and_not_played_is_dropped_and_only_after_a_pass(path):
    record(path, pair("played"), pair("unplayed"))
    mine = opened(path, drop_unused_requests=True)
    mine.play_response(pair("played")[0])
    record(path, pair("theirs"))

    mine.publish([], may_drop=False)
    assert [name for name, _ in held(path)] == ["played", "unplayed", "theirs"]
    assert not mine.is_unsaved(may_drop=False)
    assert mine.is_unsaved(may_drop=True)

    mine.publish([])
    assert [name for name, _ in held(path)] == ["played", "theirs"]


def test_a_stronger_mode_records_anew_whatever_the_cassettes_own_says(path):
    record(path, pair("a", "old"), pair("b"))
    mine = opened(path, record_mode="none")
    mine.held_to = Mode.RECORD, "explicit"

    assert mine.next_for(pair("a")[0]) is None
    mine.publish([pair("a", "new")])

    assert held(path) == [("b", "b"), ("a", "new")]


def test_stored_answers_do_not_drift_with_the_hooks(path):
    def louder(response):
        response["body"]["string"] += b"!"
        return response

    for name in ("a", "b", "c"):
        mine = opened(path, before_record_response=louder)
        mine.publish([pair(name)])

    assert held(path) == [("a", "a"), ("b", "b"), ("c", "c")]


def test_further_keys_and_values_of_what_is_stored_stay(path):
    path.write_text("""\
interactions:
- request:
    body: null
    headers: {x: [a, b], y: plain}
    method: GET
    more: kept
    uri: http://a.test/a
  response: {body: {string: a}, headers: {}, status: {code: 200, message: OK}, url: kept too}
metadata: {seed: 1}
version: 1
""")
    before = yaml.safe_load(path.read_text())
    mine = opened(path)
    assert mine.get_metadata("seed", 2) == 1
    mine.record_mode = "new_episodes"
    mine.get_metadata("mine", 3)

    mine.publish([pair("b")])

    after = yaml.safe_load(path.read_text())
    assert after["interactions"][0] == before["interactions"][0]
    assert after["metadata"] == {"seed": 1, "mine": 3}


def test_what_is_added_by_hand_is_saved_once_and_without_secrets(path):
    mine = opened(path)
    request, response = pair("a")
    request.headers["Authorization"] = f"Bearer {KEY}"
    mine.append(request, response)
    mine.get_metadata("token", KEY)

    mine._save()
    mine.publish([pair("b")])
    mine._save(force=True)

    assert held(path) == [("a", "a"), ("b", "b")]
    assert KEY not in path.read_text()


def test_no_error_shows_a_secret(path):
    with pytest.raises(UnhandledHTTPRequestError) as caught:
        opened(path).play_response(Request("GET", f"http://a.test/?api_key={KEY}", None, {}))

    assert KEY not in str(caught.value)


def test_what_was_recorded_now_answers_only_where_answers_may_repeat(path):
    record(path, pair("a"))
    mine, repeating = (
        opened(path, record_mode="new_episodes", allow_playback_repeats=repeats)
        for repeats in (False, True)
    )
    for one in (mine, repeating):
        one.answered(*pair("b"))
        one.answered(*pair("c"), is_real=False)

    assert mine.next_for(pair("b")[0]) is None
    assert repeating.next_for(pair("b")[0]) == 1
    assert repeating.next_for(pair("c")[0]) is None


def test_a_known_value_in_an_old_cassette_is_found_by_a_request_with_it(path, monkeypatch):
    monkeypatch.setenv("BOT_API_TOKEN", "1234567:AAbbCCddEEffGG")
    record(path, pair("bot1234567:AAbbCCddEEffGG"))

    redacted = Request("GET", "http://a.test/botREDACTED-env", None, {})
    assert opened(path).next_for(redacted) == 0


def test_a_filtered_request_is_found_again(path):
    my_vcr = VCR(filter_query_parameters=["key"], record_mode="none")
    record(path, (Request("GET", "http://a.test/a", None, {}), pair("a")[1]))

    config = my_vcr.get_merged_config(path=str(path))
    known = {name: config[name] for name in ("match_on", "before_record_request")}
    assert opened(path, **known).can_play_response_for(
        Request("GET", "http://a.test/a?key=1", None, {})
    )


def test_what_others_have_added_stays_also_where_all_is_recorded_anew_and_the_rest_dropped(path):
    record(path, pair("old"))
    mine = opened(path, record_mode="all", drop_unused_requests=True)
    record(path, pair("theirs"))

    mine.publish([pair("a")])

    assert [name for name, _ in held(path)] == ["theirs", "a"]


def test_an_odd_answer_and_a_hook_put_no_secret_into_the_file(path):
    def add(request, response):
        request.headers["Authorization"] = f"Bearer {KEY}"
        return request, response

    mine = opened(path, before_save_interaction=add)
    mine.append(
        Request("GET", f"http://a.test/?api_key={KEY}", None, {}), {"body": {"string": b"x"}}
    )
    mine.get_metadata("more", {"bytes": KEY.encode(), "pair": (KEY, 1)})
    mine.publish([pair("a")])

    assert KEY not in path.read_text()
    assert "c2stcHJvai" not in path.read_text()  # in base64


def test_a_suite_may_replace_how_requests_are_compared(monkeypatch):
    """vcrpy's own suite replaces the name in this module, and asks with what is no request."""
    monkeypatch.setattr("vcr.cassette.requests_match", lambda *_: True)
    cassette = Cassette("any.yaml")
    cassette.append("foo", "bar")
    assert "foo" in cassette
    assert cassette.play_response("foo") == "bar"
