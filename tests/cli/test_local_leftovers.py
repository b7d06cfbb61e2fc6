"""What lies beside recordings on this machine: blobs, quarantine, dead journals, the spool."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from onetake.cli import main
from onetake.errors import UsageError
from onetake.stores.folders import FolderShelf
from onetake.stores.opening import open_shelf, open_store
from onetake.stores.rows.layered import LayeredStore
from tests.cli.recordings import MATCHER, call, put, questions, snapshot
from tests.support import valkey
from tests.support.runs import result, run_program, run_python

PICTURE = b"\x89PNG" + bytes(range(256)) * 100


def folder_shelf(project: Path) -> FolderShelf:
    return FolderShelf(project, None, project / ".onetake")


def age(paths: list[Path], days: float) -> None:
    for path in paths:
        moment = time.time() - days * 86_400
        os.utime(path, (moment, moment))


def test_blobs_that_nothing_names_go_when_they_are_a_day_old(project, typed, told):
    shelf = folder_shelf(project)
    put(shelf, "kept", call("a", answer=PICTURE))
    put(shelf, "gone", call("b", answer=PICTURE + b"b"), call("c", answer=PICTURE))
    assert typed("flush", "gone", "--yes").exit_code == 0
    assert told("prune")["blobs"] == []  # too young
    age(shelf.blobs(), 2)

    dry = told("prune")
    done = typed("prune", "--yes")

    assert len(dry["blobs"]) == 1
    assert (done.exit_code, len(shelf.blobs())) == (0, 1)
    (one,) = shelf.recordings("kept")
    answer = one.stored.interaction.response
    assert answer is not None
    assert answer.body.data == PICTURE


def test_blobs_of_what_is_pruned_go_with_it(project, told, monkeypatch):
    shelf = folder_shelf(project)
    put(shelf, "old", call("a", answer=PICTURE, days=10))
    put(shelf, "new", call("a", answer=PICTURE + b"n"))
    age(shelf.blobs(), 10)
    monkeypatch.setenv("ONETAKE_TTL", "7d")

    dry = told("prune")
    done = told("prune", "--yes")

    assert len(dry["blobs"]) == 1
    assert done["blobs"] == dry["blobs"]
    assert len(shelf.blobs()) == 1


def test_a_writer_at_work_finds_its_blobs(project, monkeypatch):
    """Old blobs that nothing names are named again and again, while they are pruned."""
    monkeypatch.setattr("onetake.stores.folders.BLOB_AGE_S", -1)
    shelf = folder_shelf(project)
    is_over = threading.Event()

    def prune() -> None:
        while not is_over.is_set():
            shelf.remove_unnamed_blobs()

    pruning = threading.Thread(target=prune)
    pruning.start()
    try:
        for n in range(41):
            put(shelf, f"c{n % 4}", call(str(n), answer=PICTURE))
            if n % 3 == 0:
                for name in shelf.names():
                    shelf.remove(name, shelf.recordings(name))
    finally:
        is_over.set()
        pruning.join()

    held = [one for name in shelf.names() for one in shelf.recordings(name)]
    assert held
    assert all(one.stored.interaction.response.body.data == PICTURE for one in held)  # type: ignore[union-attr]


def test_the_token_of_a_folder_lies_beside_its_recordings(project, typed):
    put(folder_shelf(project), "a", call("x"))

    typed("flush", "--all", "--once", "new-model", "--yes")

    assert (project / "cassettes" / ".flushed").read_text() == "new-model\n"


FAILING = """
    import sys, httpx, onetake
    with onetake.use_cassette(sys.argv[2]):
        httpx.post(sys.argv[1] + "/echo", json={"n": 1})
        httpx.post(sys.argv[1] + "/echo", json={"n": 1})
        httpx.get(sys.argv[1] + "/status/503")
        if len(sys.argv) > 3:
            if sys.argv[3] == "kill":
                import os, signal
                os.kill(os.getpid(), signal.SIGKILL)
            raise SystemExit(3)
"""


@pytest.mark.parametrize("how", ["fail", "kill"])
@pytest.mark.parametrize("url", ["cassettes", "sqlite", "redis"], indirect=True)
def test_what_a_failed_program_paid_for_is_promoted(
    url, project, provider, shelf, typed, told, how
):
    run_program(FAILING, project, provider.url, "deep/main", how, ONETAKE_STORE=url)
    assert shelf.names() == []

    (one,) = told("promote")["quarantine"]
    dry = typed("promote", "deep/main")

    assert (len(one["interactions"]), one["left_out"], one["is_of_this_store"]) == (2, 1, True)
    assert (dry.exit_code, shelf.names()) == (1, [])
    assert "1 error that may pass: paid anew" in dry.stdout
    assert told("promote", "--yes")["added"] == 2
    assert (shelf.names(), len(shelf.recordings("deep/main"))) == (["deep/main"], 2)
    assert "Nothing is set apart" in typed("promote").stdout
    paid = provider.billed()
    run_program(FAILING, project, provider.url, "deep/main", ONETAKE_STORE=url)
    assert provider.billed() == paid + 1  # the 503 alone


def test_a_promotion_that_was_interrupted_adds_nothing_twice(
    project, provider, typed, told, monkeypatch
):
    run_program(FAILING, project, provider.url, "main", "fail")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        assert typed("promote", "--yes").exit_code == 1
    assert len(folder_shelf(project).recordings("main")) == 2

    assert told("promote", "--yes")["added"] == 0
    assert len(folder_shelf(project).recordings("main")) == 2
    assert told("promote")["quarantine"] == []


def test_what_is_set_apart_for_another_store_stays(project, provider, typed):
    run_program(FAILING, project, provider.url, "main", "fail", ONETAKE_STORE="sqlite:a.db")

    done = typed("promote", "--yes")

    assert done.exit_code == 1
    assert "of another store" in done.stderr
    assert typed("promote", "--yes", "--store", "sqlite:a.db").exit_code == 0


def test_old_quarantine_is_pruned(project, provider, typed, told):
    run_program(FAILING, project, provider.url, "main", "fail")
    files = list((project / ".onetake" / "quarantine").glob("*/*"))
    assert told("prune")["quarantine"] == []
    age(files, 40)

    assert len(told("prune")["quarantine"]) == 1
    assert [path.exists() for path in files] == [True]
    assert typed("prune", "--yes").exit_code == 0
    assert [path.exists() for path in files] == [False]


def test_what_waits_for_a_store_is_told_and_goes_with_a_flush(project, typed, told, monkeypatch):
    with valkey.Valkey() as server:
        monkeypatch.setenv("ONETAKE_STORE", server.url)
        store = open_store(server.url, project)
        assert isinstance(store, LayeredStore)
        shelf = open_shelf(server.url, project, MATCHER.fingerprint)
        put(shelf, "a", call("x"))
        server.stop()
        down = typed("ls")
        from onetake.stores.shared import SharedCassette

        cassette = SharedCassette(store, "a", fingerprint=MATCHER.fingerprint)
        from onetake.cassettes.decisions import Slot
        from onetake.cassettes.fold import Take

        one = call("y")
        take = Take(Slot(MATCHER.key(one.request), 0), one)
        assert cassette.publish([take], MATCHER.key, replacing_run=None).added == 1
        server.start()

        assert (down.exit_code, server.url.partition("?")[0] in down.stderr) == (2, True)
        assert told("stats")["waiting"] == 1
        assert "Waiting here until" in " ".join(typed("ls").stderr.split())
        scanned = typed("scan")
        assert (scanned.exit_code, "left out: 1 interaction" in scanned.stderr) == (2, True)
        before = snapshot(shelf)
        dry = typed("flush", "--all")
        assert snapshot(shelf) == before
        assert "Brought to" in " ".join(dry.stderr.split())
        assert told("flush", "--all", "--yes")["removed"] == len(before.get("a", [])) + 1
        assert (snapshot(shelf), told("stats")["waiting"]) == ({}, 0)


def test_unreadable_cassettes_are_named_and_left_out(project, typed, told):
    shelf = folder_shelf(project)
    put(shelf, "good", call("a"))
    (project / "cassettes" / "torn.json").write_text('{"onetake": 1, "interactions": [{')

    for verb in ("ls", "stats"):
        done = typed(verb)
        assert (done.exit_code, "torn.json" in done.stderr) == (1, True)
        assert len(told(verb)["unreadable"]) == 1
    assert typed("prune").exit_code == 1
    assert typed("flush", "--all", "--once", "t", "--yes").exit_code == 1
    assert [path.name for path in (project / "cassettes").glob("*.json")] == ["torn.json"]
    assert typed("push", "sqlite:x.db").exit_code == 1
    assert typed("show", "torn").exit_code == 2


def test_nothing_that_a_terminal_would_obey_is_printed(project, typed):
    shelf = folder_shelf(project)
    gotcha = "\x1b]0;gotcha\x07\x9b31m\u202e"
    one = call("a", answer=gotcha.encode())
    headers = type(one.request.headers)((("x-\x1b", gotcha[:-1]),))
    put(
        shelf,
        "evil",
        one.replace(request=one.request.replace(url=f"https://a.test/{gotcha}", headers=headers)),
    )

    for words in (
        ("ls",),
        ("show", "evil"),
        ("show", "evil", "1"),
        ("stats",),
        ("flush", "evil"),
        ("push", "sqlite:x.db"),
    ):
        done = typed(*words)
        assert done.exit_code in (0, 1), done.output
        assert not set(done.output) & {"\x1b", "\x07", "\x9b", "\u202e"}, words


def test_binary_is_shown_by_size_and_digest(project, typed):
    put(folder_shelf(project), "a", call("x", answer=b"\x00\xff" * 500))

    shown = typed("show", "a", "1").stdout

    assert "<1.0 kB binary, sha256-" in shown


def test_no_secret_of_a_url_is_printed(project, typed):
    put(folder_shelf(project), "a", call("x"))
    url = "redis://user:hunter2secret@127.0.0.1:1/0?password=hunter2secret"
    for words in (("ls", "--store", url), ("push", url), ("stats", "--store", url, "--json")):
        done = typed(*words)
        assert done.exit_code == 2
        assert "hunter2secret" not in done.output + done.stderr


def test_what_is_printed_fits_a_terminal(project, typed):
    shelf = folder_shelf(project)
    name = "tests/test_summaries/TestWithALongName.test_that_has_a_name_as_well[gpt-4o-mini]"
    put(shelf, name, *(call(f"{n} {'x' * 100}", host=f"h{n}.example.test") for n in range(30)))

    for words in (("ls",), ("show", name), ("stats",), ("flush", "--all")):
        lines = typed(*words).stdout.splitlines()
        assert [line for line in lines if len(line) > 80 and name not in line] == []


def test_writers_lose_nothing_to_a_push(project):
    here = open_shelf("files:here", project, MATCHER.fingerprint)
    there = open_shelf("sqlite:there.db", project, MATCHER.fingerprint)
    put(here, "c", *(call(f"here {n}") for n in range(20)))

    def write() -> None:
        for n in range(20):
            put(there, "c", call(f"there {n}"))

    writing = threading.Thread(target=write)
    writing.start()
    done = CliRunner().invoke(main, ["push", "--from", "files:here", "--to", "sqlite:there.db"])
    writing.join()

    assert done.exit_code == 0, done.output
    expected = sorted(f"{side} {n}" for side in ("here", "there") for n in range(20))
    assert sorted(questions(there, "c")) == expected


CHAT = """
    import json, sys, httpx, onetake
    with onetake.use_cassette("main") as cassette:
        httpx.post(sys.argv[1] + "/echo", json={"n": 1})
    print(json.dumps(cassette.counts))
"""


def test_what_was_flushed_is_recorded_anew(project, provider, typed):
    result(run_program(CHAT, project, provider.url))

    typed("flush", "main", "--yes")

    assert not (project / "cassettes" / "main.json").exists()
    assert result(run_program(CHAT, project, provider.url)) == {"recorded": 1}
    assert result(run_program(CHAT, project, provider.url)) == {"replayed": 1}


def test_a_name_from_elsewhere_reaches_no_file_outside(project, typed, told):
    there = open_shelf("sqlite:there.db", project, MATCHER.fingerprint)
    names = ["../out", "/etc/out", "a//b", "x" * 300, "bell\x07", "", "~/out", "fine/one"]
    for name in names:
        put(there, name, call("x"))

    done = told("pull", "sqlite:there.db")

    assert {one["cassette"] for one in done["cassettes"]} == {"fine/one", "~/out"}
    assert len(done["unreadable"]) == 6
    files = [path.relative_to(project).as_posix() for path in project.rglob("*.json")]
    assert sorted(files) == ["cassettes/fine/one.json", "cassettes/~/out.json"]
    assert "\x07" not in typed("pull", "sqlite:there.db").output


@pytest.mark.parametrize("store", ["", "files:kept"])
def test_a_pull_puts_recordings_where_the_tests_look_for_them(project, told, store):
    (project / "tests" / "deep").mkdir(parents=True)
    (project / "tests" / "deep" / "test_a.py").write_text("")
    there = open_shelf("sqlite:there.db", project, MATCHER.fingerprint)
    put(there, "tests/deep/test_a/TestC.test_one[a/b?]", call("x"))
    put(there, "tests/deep/gone/test_two", call("x"))
    put(there, "main", call("x"))

    told("pull", "--from", "sqlite:there.db", *(["--to", store] if store else []))

    files = [path.relative_to(project).as_posix() for path in project.rglob("*.json")]
    assert sorted(files) == (
        [
            "kept/main.json",
            "kept/tests/deep/gone/test_two.json",
            "kept/tests/deep/test_a/TestC.test_one[a-b-].json",
        ]
        if store
        else [
            "cassettes/main.json",
            "cassettes/tests/deep/gone/test_two.json",
            "tests/deep/cassettes/test_a/TestC.test_one[a-b-].json",
        ]
    )
    listed = told("ls", *(["--store", store] if store else []))["cassettes"]
    assert "tests/deep/test_a/TestC.test_one[a/b?]" in [one["name"] for one in listed]


SUITE = """
    import os, httpx, pytest

    URL = os.environ["URL"]
    pytestmark = pytest.mark.onetake

    @pytest.fixture(scope="module")
    def account():
        return httpx.post(URL + "/echo", json={"account": 1}).json()

    @pytest.mark.parametrize("what", ["France", "a/b: c?"])
    def test_capital(what, account):
        assert httpx.post(URL + "/echo", json={"capital of": what}).status_code == 200

    class TestUploads:
        def test_picture(self):
            httpx.post(URL + "/echo", files={"f": ("a.png", b"PNG" + bytes(range(256)) * 100)})

    def test_that_fails():
        httpx.post(URL + "/echo", json={"n": 1})
        assert "FAIL" not in os.environ
"""


def test_a_suite_is_pushed_wiped_pulled_and_replayed_with_nothing_billed(project, provider, told):
    module = project / "tests" / "api" / "test_chat.py"
    module.parent.mkdir(parents=True)
    module.write_text(textwrap.dedent(SUITE))

    def run(**extra: str) -> str:
        words = ("-m", "pytest", "-q", "-p", "no:randomly", "tests")
        return run_python(project, *words, URL=provider.url, PYTHONWARNINGS="", **extra).stdout

    assert "1 failed, 3 passed" in run(FAIL="1")
    promoted = told("promote", "tests/api/test_chat.py::test_that_fails", "--yes")
    billed = provider.billed()

    pushed = told("push", "sqlite:shared.db")
    names = [one["name"] for one in told("ls", "--store", "sqlite:shared.db")["cassettes"]]
    shutil.rmtree(project / "tests" / "api" / "cassettes")
    from_the_store = run(ONETAKE_STORE="sqlite:shared.db", ONETAKE_MODE="replay")
    pulled = told("pull", "sqlite:shared.db")
    from_files = run(ONETAKE_MODE="replay")

    assert (promoted["added"], pushed["added"], pulled["added"]) == (1, 5, 5)
    assert names == [
        "tests/api/test_chat/@account",
        "tests/api/test_chat/TestUploads.test_picture",
        "tests/api/test_chat/test_capital[France]",
        "tests/api/test_chat/test_capital[a/b: c?]",
        "tests/api/test_chat/test_that_fails",
    ]
    for told_by_pytest in (from_the_store, from_files):
        assert "4 passed" in told_by_pytest, told_by_pytest
        assert "paid calls: 0; replayed: 5" in " ".join(told_by_pytest.split())
    assert provider.billed() == billed


def test_stats_tell_how_full_a_server_is(project, told, typed):
    redis = pytest.importorskip("redis")
    with valkey.Valkey() as server:
        with redis.Redis.from_url(server.url) as client:
            client.config_set("maxmemory", "100mb")
        put(open_shelf(server.url, project, MATCHER.fingerprint), "a", call("x"))

        capacity = told("stats", "--store", server.url)["capacity"]

        assert capacity["limit"] == 100 * 2**20
        assert 0 < capacity["used"] < capacity["limit"]
        assert "of 104.9 MB (" in typed("stats", "--store", server.url).stdout


def test_one_recording_that_cannot_be_read_leaves_out_its_cassette(project, typed, told):
    shelf = folder_shelf(project)
    put(shelf, "bad", call("a"), call("b"))
    put(shelf, "good", call("c"))
    path = project / "cassettes/bad.json"
    path.write_text(path.read_text().replace('"status": 200', '"status": "x"', 1))

    for words in (("ls",), ("stats",), ("prune",), ("flush", "--all"), ("flush", "--all", "--yes")):
        done = told(*words)
        assert len(done["unreadable"]) == 1, words
    assert [one.name for one in (project / "cassettes").glob("*.json")] == ["bad.json"]


@pytest.mark.parametrize("how", ["format", "head", "line", "torn"])
def test_what_is_promoted_goes_only_if_all_of_it_was_read(project, provider, typed, told, how):
    run_program(FAILING, project, provider.url, "main", "fail")
    (path,) = (project / ".onetake/quarantine").glob("*/*")
    lines = path.read_bytes().split(b"\n")
    if how == "format":
        lines[0] = lines[0].replace(b'"journal":1', b'"journal":2')
    elif how == "head":
        lines[0] = b"\xff"
    else:
        at = 2 if how == "line" else 3
        lines[at:] = [lines[at][:-9], *(lines[at + 1 :] if how == "line" else ())]
    path.write_bytes(b"\n".join(lines))

    done = typed("promote", "--yes")

    assert (done.exit_code, path.exists()) == ((0, False) if how == "torn" else (1, True))
    published = {"format": 0, "head": 0, "line": 1, "torn": 2}[how]
    assert len(folder_shelf(project).recordings("main")) == published
    if how in ("format", "head"):
        assert len(told("stats")["unreadable"]) == 1
        assert "no journal that this version" in " ".join(done.stderr.split())


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are UTF-8")
def test_names_of_files_that_are_no_utf_8_are_told(project, typed, told):
    put(folder_shelf(project), "good", call("a"))
    good = os.fsencode(project / "cassettes/good.json")
    os.link(good, os.fsencode(project / "cassettes") + b"/b\xffad.json")

    for words in (("ls",), ("stats",), ("flush", "--all"), ("push", "sqlite:x.db")):
        assert "no UTF-8" in told(*words)["unreadable"][0]
        assert "no UTF-8" in " ".join(typed(*words).stderr.split())
    for words in (("show", "b"), ("show", "b", "--json")):
        done = typed(*words)
        assert (done.exit_code, "no UTF-8" in done.stderr) == (2, True)


def test_a_working_directory_that_is_gone_is_told(project, typed, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    done = typed("ls")

    assert (done.exit_code, "working directory is gone" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ["", "--older-than", "0"],
        [" "],
        ["--status", ""],
        ["--status", ","],
        ["--status", "500-400"],
        ["--host", ""],
        ["--test", ""],
        ["--older-than", ""],
        ["--all", "--store", ""],
        ["--all", "--store", "files:"],
    ],
)
def test_an_empty_word_does_not_mean_everything(project, typed, words):
    put(folder_shelf(project), "a", call("x"))

    assert typed("flush", *words, "--yes").exit_code == 2
    assert folder_shelf(project).names() == ["a"]


def test_what_was_typed_is_named(project, typed):
    for words, name in (
        (["push", "nowhere"], "STORE"),
        (["push", "--to", "nowhere"], "--to"),
        (["pull", "--from", "nowhere"], "--from"),
        (["pull", "sqlite:a.db", "--to", "files:"], "--to"),
        (["ls", "--store", "redis://"], "names no host"),
        (["pull", "sqlite:a.db", "--only", ""], "--only"),
        (["promote", ""], "CASSETTE"),
    ):
        done = typed(*words)
        assert (done.exit_code, name in done.stderr) == (2, True), done.stderr


def test_names_of_a_shared_store_reach_no_terminal_as_they_are(project, typed):
    there = open_shelf("sqlite:there.db", project, MATCHER.fingerprint)
    for name in ("one\x1b]0;x\x07", "one\x9b31m", "one\u202e"):
        put(there, name, call("x"))

    for words in (["show", "one"], ["show", "one\x9b31m", "9"], ["flush", "--all", "--yes"]):
        done = typed(*words, "--store", "sqlite:there.db")
        assert not set(done.output + done.stderr) & {"\x1b", "\x07", "\x9b", "\u202e"}, words
    for name in ("a\x9b", "a\u202e", "a\u2066"):
        with pytest.raises(UsageError):
            folder_shelf(project).cassette(name)


def test_no_color_prints_no_styles(project, monkeypatch):
    put(folder_shelf(project), "a", call("x"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" in CliRunner().invoke(main, ["ls"], color=True).output

    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in CliRunner().invoke(main, ["ls"], color=True).output


def test_a_pull_writes_nothing_that_no_listing_finds(project, told):
    there = open_shelf("sqlite:there.db", project, MATCHER.fingerprint)
    for name in ("blobs/a", "deep/blobs/a", ".hidden", ".git/hooks/x", "deep/.x/a", "fine/blobs"):
        put(there, name, call("x"))

    done = told("pull", "sqlite:there.db")

    assert [one["cassette"] for one in done["cassettes"]] == ["fine/blobs"]
    assert [one["name"] for one in told("ls")["cassettes"]] == ["fine/blobs"]


def test_what_a_test_would_replay_is_not_pruned_for_its_jitter(project, told, monkeypatch):
    shelf = folder_shelf(project)
    put(shelf, "a", call("x", days=6.9), call("y", days=7.1))
    (project / "onetake.toml").write_text('[[rules]]\nhost = "api.*"\nmax_age = "7d"\n')

    assert [one["number"] for one in told("prune")["interactions"]] == [2]
