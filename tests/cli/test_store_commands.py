"""ls, show, stats, flush, prune, push and pull over every kind of store."""

from __future__ import annotations

import threading
import time

import pytest

from onetake.stores.opening import open_shelf
from onetake.stores.shelf import Shelf
from tests.cli.conftest import STORES
from tests.cli.recordings import MATCHER, call, put, questions, snapshot
from tests.support import s3
from tests.support.runs import result, run_program

EVERY_KIND = pytest.mark.parametrize("url", [*STORES, "cluster", "object-files"], indirect=True)


@pytest.fixture
def held(shelf: Shelf) -> Shelf:
    """Two tests' cassettes and a program's: five recordings, one of them 10 days old, one a failure."""
    put(shelf, "tests/test_a/test_one", call("a", days=10), call("b", status=429))
    put(shelf, "tests/test_a/test_one[x/y]", call("c", host="other.example.test"))
    put(shelf, "main", call("d"), call("e", status=0))
    return shelf


def test_ls_lists_cassettes_with_what_they_hold(held, told, typed):
    listed = told("ls")["cassettes"]

    assert [(one["name"], one["interactions"], list(one["hosts"])) for one in listed] == [
        ("main", 2, ["api.example.test"]),
        ("tests/test_a/test_one", 2, ["api.example.test"]),
        ("tests/test_a/test_one[x/y]", 1, ["other.example.test"]),
    ]
    assert listed[1]["newest_at"] - listed[1]["oldest_at"] >= 863_999
    assert all(one["bytes"] > 0 and one["place"] for one in listed)
    shown = typed("ls")
    assert (shown.exit_code, "3 cassettes, 5 interactions" in shown.stdout) == (0, True)
    assert "0s-10d" in shown.stdout or "1s-10d" in shown.stdout or "2s-10d" in shown.stdout


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["tests/test_a.py"], 3),
        (["tests/test_a.py::test_one"], 3),
        (["tests/test_a.py::test_one[x/y]"], 1),
        (["test_a.py::test_one"], 3),
        (["tests/*"], 3),
        (["main"], 2),
        (["tests/test_a.py::test_on"], 0),
        (["--test", "test_a.py::test_one", "--status", "429"], 1),
        (["--host", "other.*"], 1),
        (["--older-than", "7d"], 1),
        (["--newer-than", "7d"], 4),
        (["--status", "2xx"], 3),
        (["--status", "400-499,failed"], 2),
    ],
)
@pytest.mark.parametrize("url", ["cassettes", "sqlite"], indirect=True)
def test_filters_choose_recordings(held, told, words, found):
    listed = told("ls", *words)["cassettes"]

    assert sum(one["interactions"] for one in listed) == found


def test_show_tells_each_interaction_and_one_in_full(held, told, typed):
    short = told("show", "main")["interactions"]

    facts = [(one["number"], one["status"], one["failure"], one["ended"]) for one in short]
    assert facts == [(1, 200, None, "complete"), (2, None, "refused", "cut")]
    assert (short[0]["request_bytes"], short[0]["response_bytes"]) == (12, 11)
    full = typed("show", "tests/test_a.py::test_one[x/y]", "1").stdout
    assert "POST https://other.example.test/v1/chat" in full
    assert '"ask": "c"' in full
    assert '"to": "c"' in full


def test_stats_count_the_store(held, told):
    totals = told("stats")

    assert (totals["cassettes"], totals["interactions"]) == (3, 5)
    assert totals["hosts"] == {"api.example.test": 4, "other.example.test": 1}
    assert totals["statuses"] == {"200": 3, "429": 1, "failed": 1}
    assert (totals["expired"], totals["waiting"], totals["quarantine"]) == (0, 0, 0)
    assert totals["oldest_at"] < totals["newest_at"]
    assert totals["capacity"] is None


@EVERY_KIND
def test_flush_is_a_dry_run_until_yes(held, told, typed):
    before = snapshot(held)

    dry = typed("flush", "--older-than", "7d")

    assert (dry.exit_code, snapshot(held)) == (1, before)
    assert "Would remove 1 interaction of 1 cassette" in dry.stdout
    assert "tests/test_a/test_one: 1 of 2" in dry.stdout
    done = told("flush", "--older-than", "7d", "--yes")
    assert done["removed"] == 1
    assert questions(held, "tests/test_a/test_one") == ["b"]
    again = typed("flush", "--older-than", "7d", "--yes")
    assert (again.exit_code, "Nothing fits" in again.stdout) == (0, True)
    assert typed("flush", "--all", "--yes").exit_code == 0
    assert snapshot(held) == {}


@EVERY_KIND
def test_a_token_is_used_once_whoever_comes_first(held, typed, told):
    words = ("flush", "main", "--once", "2026-07-new-model")
    assert typed(*words).exit_code == 1  # a dry run uses nothing up

    assert told(*words, "--yes")["removed"] == 2
    put(held, "main", call("fresh"))
    again = typed(*words, "--yes")

    assert again.exit_code == 0
    assert "Done before" in again.stdout
    assert "1 interaction of 1 cassette" in " ".join(again.stdout.split())
    assert questions(held, "main") == ["fresh"]
    assert told("flush", "main", "--once", "another", "--yes")["removed"] == 1


def test_a_token_is_used_up_where_nothing_fits_so_that_nothing_fresh_ever_goes(shelf, told, typed):
    words = ("flush", "main", "--once", "t", "--yes")
    assert "is used up all the same" in " ".join(typed(*words).stdout.split())
    put(shelf, "main", call("fresh"))

    again = told(*words)

    assert (again["done_before"], again["removed"]) == (True, 0)
    assert questions(shelf, "main") == ["fresh"]


@pytest.mark.parametrize("url", ["cassettes", "redis"], indirect=True)
def test_an_interrupted_flush_says_what_is_left_and_wipes_nothing_fresh(held, typed, monkeypatch):
    words = ("flush", "--all", "--once", "t", "--yes")
    remove = type(held).remove

    def interrupted(self, name, recordings):
        if name != "main":
            raise KeyboardInterrupt
        return remove(self, name, recordings)

    with monkeypatch.context() as patch:
        patch.setattr(type(held), "remove", interrupted)
        broken = typed(*words)
    put(held, "main", call("fresh"))
    before = snapshot(held)
    again = typed(*words)

    assert broken.exit_code == 1
    assert "2 interactions removed; left: 3 interactions of 2 cassettes" in " ".join(
        broken.stderr.split()
    )
    assert (again.exit_code, snapshot(held)) == (0, before)
    assert "left by an interruption: 4 interactions" in " ".join(again.stdout.split())


def test_flush_without_a_word_wants_all(held, typed):
    done = typed("flush", "--yes")

    assert done.exit_code == 2
    assert "--all" in done.stderr
    assert len(snapshot(held)) == 3


def test_prune_takes_what_is_expired(held, told, typed, monkeypatch):
    assert "Nothing to prune" in typed("prune").stdout
    monkeypatch.setenv("ONETAKE_MAX_AGE", "7d")
    before = snapshot(held)

    dry = told("prune")

    assert [(one["cassette"], one["reason"]) for one in dry["interactions"]] == [
        ("tests/test_a/test_one", "expired")
    ]
    assert snapshot(held) == before
    assert told("stats")["expired"] == 1
    assert typed("prune", "--yes").exit_code == 0
    assert questions(held, "tests/test_a/test_one") == ["b"]
    assert typed("prune").exit_code == 0


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_rule_has_an_age_of_its_own(held, project, told):
    (project / "onetake.toml").write_text('[[rules]]\nhost = "api.*"\nttl = "1d"\n')

    assert len(told("prune")["interactions"]) == 1


def test_what_was_recorded_since_is_not_removed(held):
    old = held.recordings("main")
    put(held, "main", call("d", answer=b'{"to": "new"}'), replacing="run-2")

    assert held.remove("main", old) == 0
    assert questions(held, "main") == ["d"]


def test_a_recording_that_was_removed_is_recorded_again(held):
    put(held, "main", call("d", status=500), call("d", answer=b'{"to": "third"}'))
    unwanted = [one for one in held.recordings("main") if one.stored.outcome.status == 500]

    assert held.remove("main", unwanted) == 1
    put(held, "main", call("d", answer=b'{"to": "fourth"}'))

    statuses = [one.stored.outcome.status for one in held.recordings("main")]
    assert statuses == [200, 0, 200, 200]


@EVERY_KIND
def test_writers_lose_nothing_to_a_flush(shelf):
    rounds = 15

    def write(writer: int) -> None:
        for n in range(rounds):
            put(shelf, "busy", call(f"good {writer} {n}"), call(f"bad {writer} {n}", status=500))

    writers = [threading.Thread(target=write, args=(one,)) for one in range(2)]
    for one in writers:
        one.start()
    is_over = False
    while not is_over:
        is_over = not any(one.is_alive() for one in writers)
        held = shelf.recordings("busy")
        shelf.remove("busy", [one for one in held if one.stored.outcome.status == 500])

    expected = sorted(f"good {writer} {n}" for writer in range(2) for n in range(rounds))
    assert sorted(questions(shelf, "busy")) == expected


RECORD = """
    import json, sys, httpx, onetake
    url, last = sys.argv[1], int(sys.argv[2])
    for name in ("chat", "tests/deep/other"):
        with onetake.use_cassette(name) as cassette:
            for n in range(last):
                httpx.post(url + "/v1/chat/completions", json={
                    "model": "m", "messages": [{"role": "user", "content": f"question {n % 2}"}]})
            httpx.post(url + "/echo", files={"f": ("a.png", b"\\x89PNG" + bytes(range(256)) * 100)})
            with httpx.stream("POST", url + "/v1/chat/completions", json={
                "model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}) as it:
                it.read()
    print(json.dumps(cassette.counts))
"""


@EVERY_KIND
def test_push_and_pull_bring_recordings_there_and_back(url, project, provider, told, typed):
    name = "sqlite:here.db" if url == "" else ""
    here = {"ONETAKE_STORE": name or "files:here"}
    there = s3.ENVIRONMENT | {"ONETAKE_STORE": url}
    result(run_program(RECORD, project, provider.url, "3", **here))
    billed = provider.billed()

    pushed = told("push", "--from", here["ONETAKE_STORE"], "--to", url or "files:cassettes")
    again = told("push", "--from", here["ONETAKE_STORE"], "--to", url or "files:cassettes")

    assert (pushed["added"], pushed["there"]) == (10, 0)
    assert (again["added"], again["there"]) == (0, 10)
    counts = result(run_program(RECORD, project, provider.url, "3", **there, ONETAKE_MODE="replay"))
    assert counts == {"replayed": 5}
    assert (
        told("pull", url or "files:cassettes", "--to", "files:back", "--only", "chat")["added"] == 5
    )
    assert told("pull", url or "files:cassettes", "--to", "files:back")["added"] == 5
    back = {"ONETAKE_STORE": "files:back", "ONETAKE_MODE": "replay"}
    assert result(run_program(RECORD, project, provider.url, "3", **back)) == {"replayed": 5}
    assert provider.billed() == billed


def test_the_first_take_keeps_its_slot_in_a_push(shelf, url, project, told):
    here = open_shelf("files:here", project, MATCHER.fingerprint)
    put(here, "c", call("a", answer=b'{"to": "here"}'), call("a"), call("b"))
    put(shelf, "c", call("a", answer=b'{"to": "there"}'), call("x"))

    done = told("push", "--from", "files:here", "--to", url or "files:cassettes")

    assert (done["added"], done["there"]) == (2, 1)
    assert sorted(questions(shelf, "c")) == ["a", "a", "b", "x"]
    first = shelf.recordings("c")[0].stored.interaction.response
    assert first is not None
    assert first.body.data == b'{"to": "there"}'
    assert questions(here, "c") == ["a", "a", "b"]


def test_blobs_that_nothing_names_go_from_the_store(shelf, url, told, monkeypatch):
    picture = b"\x89PNG" + bytes(range(256)) * 100
    put(shelf, "kept", call("a", answer=picture))
    put(shelf, "gone", call("b", answer=picture + b"b"))
    told("flush", "gone", "--yes")
    assert told("prune")["blobs"] == []  # too young
    monkeypatch.setattr("onetake.stores.folders.BLOB_AGE_S", -1)
    monkeypatch.setattr("onetake.stores.row_blobs._AGE_DAYS", -1)

    dry, done, after = told("prune"), told("prune", "--yes"), told("prune")

    can_tell = not url.startswith(("s3:", "file:"))
    assert (len(dry["blobs"]), done["blobs"], after["blobs"]) == (can_tell, dry["blobs"], [])
    answer = shelf.recordings("kept")[0].stored.interaction.response
    assert answer is not None
    assert answer.body.data == picture


@pytest.mark.parametrize("url", ["sqlite", "redis", "cluster"], indirect=True)
def test_a_writer_at_work_finds_its_blobs_in_a_shared_store(shelf, url, project, monkeypatch):
    """What is put is never pruned before it is named, however old it was."""
    picture = b"\x89PNG" + bytes(range(256)) * 100
    age_s = 0.5
    monkeypatch.setattr("onetake.stores.row_blobs._DAY_S", age_s / 30)
    is_over = threading.Event()

    def prune() -> None:
        other = open_shelf(url, project, MATCHER.fingerprint)
        while not is_over.is_set():
            other.remove_unnamed_blobs()

    pruning = threading.Thread(target=prune)
    pruning.start()
    try:
        for n in range(5):
            put(shelf, f"c{n}", call(str(n), answer=picture))
            (one,) = shelf.recordings(f"c{n}")
            answer = one.stored.interaction.response
            assert answer is not None
            assert answer.body.data == picture
            shelf.remove(f"c{n}", [one])
            time.sleep(age_s + 0.02 * n)
    finally:
        is_over.set()
        pruning.join()


RECORDING = {"cassette", "number", "method", "url", "status", "at", "bytes", "digest", "reason"}
SCHEMAS = {
    ("ls",): {"store", "cassettes", "waiting", "unreadable"},
    ("show", "main"): {"name", "place", "interactions"},
    ("stats",): {
        *("store", "cassettes", "interactions", "bytes", "blobs", "blob_bytes", "hosts"),
        *("statuses", "newest_at", "oldest_at", "expired", "quarantine", "waiting", "capacity"),
        "unreadable",
    },
    ("flush", "main"): {
        *("store", "dry_run", "done_before", "removed", "interactions", "unreadable"),
    },
    ("prune",): {"store", "dry_run", "interactions", "blobs", "quarantine", "unreadable"},
    ("push", "sqlite:other.db"): {
        *("from", "to", "added", "there", "cassettes", "refused", "unreadable"),
    },
    ("promote",): {"dry_run", "added", "quarantine", "refused", "unreadable"},
    ("scan",): {"found", "places", "interactions", "unreadable"},
    ("scrub",): {
        *("dry_run", "found", "rewritten", "to_rewrite", "blobs", "left", "unreadable"),
    },
}


@pytest.mark.parametrize("url", ["cassettes", "redis"], indirect=True)
def test_programs_can_rely_on_these_names(held, told):
    found = {words: told(*words) for words in SCHEMAS}

    assert {words: set(data) for words, data in found.items()} == SCHEMAS
    assert set(found["ls",]["cassettes"][0]) == {
        *("name", "place", "interactions", "bytes", "newest_at", "oldest_at", "hosts"),
    }
    assert set(found["show", "main"]["interactions"][0]) == {
        *("number", "method", "url", "status", "failure", "ended", "at", "ms"),
        *("request_bytes", "response_bytes", "digest"),
    }
    assert set(found["flush", "main"]["interactions"][0]) == RECORDING
    assert set(found["push", "sqlite:other.db"]["cassettes"][0]) == {"cassette", "added", "there"}


@pytest.mark.parametrize("url", ["cassettes", "files", "sqlite"], indirect=True)
def test_of_equal_recordings_those_go_that_were_shown(shelf):
    one, other = call("a"), call("a", answer=b'{"to": "other"}')
    put(shelf, "c", one, other, one, one)
    held = shelf.recordings("c")

    assert shelf.remove("c", held[2:3]) == 1
    assert [kept.stored.raw for kept in shelf.recordings("c")] == [
        held[n].stored.raw for n in (0, 1, 2)
    ]


@pytest.mark.parametrize("url", ["redis", "s3"], indirect=True)
def test_one_run_does_not_tell_what_others_leave_unused(held, project, typed):
    from onetake.stores.usage import Usage, digests, write_usage

    place = held.where("main")
    names = tuple(digests(one.stored.raw for one in held.recordings("main")))
    usage = Usage(
        place=place,
        cassette="main",
        store=held.place,
        tests=(),
        passed=True,
        held=2,
        unused=names[1:],
    )
    write_usage(project / ".onetake", "r", [usage], is_whole=True, all_passed=True)
    file = str(next((project / ".onetake/usage").iterdir()))

    refused = typed("prune", "--unused", "--yes")

    assert (refused.exit_code, questions(held, "main")) == (2, ["d", "e"])
    assert "all branches" in refused.stderr
    assert typed("prune", "--unused", "--usage", file, "--whole", "--yes").exit_code == 0
    assert questions(held, "main") == ["d"]
