"""Recordings and answers that somebody made to do harm: bombs, header lines, links, escapes."""

from __future__ import annotations

import json
import os
import stat
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

import onetake
from onetake.cli import main
from onetake.errors import CassetteError, StoreError, UsageError
from onetake.matching import Matcher
from onetake.stores.file_names import locate
from onetake.stores.files import FileCassette
from onetake.stores.folders import FolderShelf
from onetake.stores.port import Row
from onetake.stores.rows.sqlite import SqliteStore
from tests.cli.recordings import call, put
from tests.plugin.suite import new_suite
from tests.support.runs import result, run_program, run_python

BOMB = """
    import hashlib, http.client, json, resource, socket, sys, threading, zlib
    import onetake

    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(320)) + packer.flush()

    def serve(server):
        other, _ = server.accept()
        while b"\\r\\n\\r\\n" not in other.recv(65536):
            pass
        head = f"HTTP/1.1 200 OK\\r\\ncontent-encoding: gzip\\r\\ncontent-length: {len(packed)}\\r\\n\\r\\n"
        other.sendall(head.encode() + packed)

    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(server,)).start()
    port = server.getsockname()[1]

    def ask():
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/bomb")
        return connection.getresponse().read()

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    before = peak()
    with onetake.use_cassette("bomb", mode="once"):
        live = ask()
    server.close()
    with onetake.use_cassette("bomb", mode="replay") as cassette:
        again = ask()
    print(json.dumps([live == packed, again == packed, cassette.counts["replayed"], peak() - before < 200]))
"""


def test_a_bomb_of_320_megabytes_reaches_its_client_and_is_kept_as_it_came(project):
    assert result(run_program(BOMB, project)) == [True, True, 1, True]


def recording(**changes: object) -> dict[str, object]:
    answer = {"status": 200, "reason": "OK", "headers": ["content-type: text/plain"]} | changes
    request = {"method": "GET", "url": "http://api.test/"}
    return {"onetake": 1, "interactions": [{"request": request, "response": answer}]}


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": ["x: a\r\nset-cookie: b=c"]},
        {"headers": ["x\r\ny: a"]},
        {"headers": ["x: a\nb"]},
        {"headers": ["x: a\0b"]},
        {"headers": [["x: y\r", "a"]]},
        {"headers": [f"x-{n}: a" for n in range(1001)]},
        {"reason": "OK\r\nset-cookie: b=c"},
        {"reason": "\N{SNOWMAN}"},
        {"status": 99},
        {"status": -1},
    ],
)
def test_what_would_be_a_line_of_its_own_in_an_answer_is_refused(project, changes):
    import httpx

    path = project / "a.json"
    path.write_text(json.dumps(recording(**changes)))

    with pytest.raises(CassetteError, match=r"Interaction 1 of .*a\.json cannot be read"):
        with onetake.use_cassette(str(path), mode="replay"):
            httpx.get("http://api.test/")


@pytest.mark.parametrize(
    "failure",
    [
        {"kind": "refused", "type": "aiohttp.asyncio"},
        {"kind": "refused", "type": "builtins.eval", "args": ["1"]},
        {"kind": "read", "type": "builtins.OSError", "args": ["--1", "x"]},
        {"kind": "protocol", "type": "http.client.IncompleteRead", "args": ["x", "y"]},
        {"kind": "dns", "type": "urllib3.exceptions.NameResolutionError"},
        {"kind": "no-such-kind", "type": "os.system", "args": ["true"]},
    ],
)
def test_a_failure_of_no_exception_is_one_of_the_client_by_its_kind(project, failure):
    import requests

    path = project / "a.json"
    made = recording()
    made["interactions"] = [
        {"request": {"method": "GET", "url": "http://api.test/"}, "failure": failure}
    ]
    path.write_text(json.dumps(made))

    with pytest.raises(requests.RequestException) as caught:
        with onetake.use_cassette(str(path), mode="replay", match_on=["method", "url"]):
            requests.get("http://api.test/", timeout=5)
    assert repr(caught.value)


# Names and links.


@pytest.mark.parametrize(
    "name", ["../a", "a/../../b", "a\\..\\b", "C:a", "C:\\a", "\\\\host\\a", "a\0b", "a\x1bb", ""]
)
def test_a_name_that_leads_out_of_the_store_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="refused"):
        locate(name, store="", directory=tmp_path, root=tmp_path)
    with pytest.raises(UsageError, match="refused"):
        FolderShelf(tmp_path, tmp_path / "kept", tmp_path / ".onetake").cassette(name)


@pytest.fixture
def outside(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outside")


def cassette_at(project: Path) -> FileCassette:
    path, blobs = locate("a/one", store="", directory=project, root=project)
    return FileCassette(path, blobs, cache=project / ".onetake")


@pytest.mark.parametrize("link", ["cassettes", "cassettes/a"])
def test_nothing_is_written_or_taken_away_through_a_folder_that_is_a_link_outside(
    project, outside, link
):
    (project / link).parent.mkdir(exist_ok=True)
    (project / link).symlink_to(outside)
    made = FolderShelf(project, None, project / ".onetake")

    with pytest.raises(CassetteError, match="out of"):
        put(made, "a/one", call("hello"))
    with pytest.raises(CassetteError, match="out of"):
        cassette_at(project).remove({b"{}": 1})
    assert list(outside.iterdir()) == []


def test_a_cassette_that_is_a_link_outside_is_not_read(project, outside):
    (outside / "one.json").write_text(json.dumps(recording()))
    (project / "cassettes" / "a").mkdir(parents=True)
    (project / "cassettes" / "a" / "one.json").symlink_to(outside / "one.json")

    with pytest.raises(CassetteError, match="out of"):
        cassette_at(project).load(Matcher().key, "")


def test_a_cassette_that_is_a_device_is_an_error_and_no_endless_read(project):
    (project / "cassettes" / "a").mkdir(parents=True)
    os.mkfifo(project / "cassettes" / "a" / "one.json")

    with pytest.raises(StoreError, match="it is no file"):
        cassette_at(project).load(Matcher().key, "")


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_blob_behind_a_link_outside_is_not_read(project, outside, is_folder):
    shelf = FolderShelf(project, None, project / ".onetake")
    put(shelf, "one", call("hello", answer=bytes(20_000) + b"\xff"))
    blobs = project / "cassettes" / "blobs"
    (blob,) = blobs.iterdir()
    blob.rename(outside / blob.name)
    if is_folder:
        blobs.rmdir()
        blobs.symlink_to(outside)
    else:
        blob.symlink_to(outside / blob.name)

    with pytest.raises(CassetteError, match="out of"):
        _ = shelf.recordings("one")[0].stored.interaction


def test_a_link_within_the_project_is_followed(project):
    (project / "shared").mkdir()
    (project / "cassettes").symlink_to("shared")
    shelf = FolderShelf(project, None, project / ".onetake")

    put(shelf, "one", call("hello"))

    assert (project / "shared" / "one.json").is_file()
    assert cassette_names(shelf) == ["one"]


def cassette_names(shelf: FolderShelf) -> list[str]:
    return shelf.names()


def test_a_cache_directory_that_is_a_link_is_not_written_into(provider, project, outside):
    import httpx

    (project / ".onetake").symlink_to(outside)

    with onetake.use_cassette("one", mode="once"):
        assert httpx.post(provider.url + "/echo", json={}).status_code == 200

    assert list(outside.iterdir()) == []


def test_a_file_of_sqlite_that_runs_something_is_refused(tmp_path):
    import sqlite3

    path = tmp_path / "a.db"
    with closing(SqliteStore(path)) as store:
        store.claim("token", "me", 60.0)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TRIGGER t AFTER INSERT ON claims BEGIN DELETE FROM rows; END")
    connection.close()

    with closing(SqliteStore(path)) as store, pytest.raises(StoreError, match="trigger"):
        store.claim("other", "me", 60.0)


def test_what_sqlite_holds_of_another_type_is_an_error_of_the_store(tmp_path):
    import sqlite3

    path = tmp_path / "a.db"
    with closing(SqliteStore(path)) as store:
        store.append("c", [Row("a", b"1")])
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE rows SET data = 5")
    connection.close()

    with closing(SqliteStore(path)) as store, pytest.raises(StoreError, match="did not write"):
        store.read("c")


# What a terminal would obey.

ESCAPE = "\x1b]0;owned\x07\x9b31m\u202e"


def test_no_command_prints_what_a_terminal_would_obey(project):
    text = json.dumps(
        recording(
            reason="OK\x1b[2J\x9b",
            headers=["x: \x1b[31m\x9b", "content-type: text/plain"],
            body={"text": [f"line {ESCAPE}", "two"]},
        )
    ).replace("http://api.test/", "http://api\\u001b[31m.test/\\u001b]0;x?a=\\u009b")
    other = text.replace("line ", "other ").replace("?a=", "?b=")
    for name, one in (("one", text), ("two", other)):
        (project / "cassettes").mkdir(exist_ok=True)
        (project / "cassettes" / f"{name}.json").write_text(one)
    named = text.replace('"onetake": 1', '"onetake": 1, "name": "x\\u001b[31m"')
    (project / "cassettes" / "x.json").write_text(named)
    (project / "cassettes" / "bad.json").write_text(text.replace("200", '"\\u001b[31m"'))
    (project / "cassettes" / "\x1b[31m.json").write_text(text)

    for words in (
        ["ls"], ["show", "one"], ["show", "one", "1"], ["diff", "one", "two"], ["doctor"], ["flush"], ["prune"],
        ["stats"], ["explain"], ["receipt"], ["ls", "--json"], ["show", "one", "1", "--json"],
        ["diff", "one", "two", "--json"], ["flush", "--json"], ["show", "x"], ["show", "bad"],
        ["push", "sqlite:a.db"], ["ls", "--store", "sqlite:a.db"],
    ):  # fmt: skip
        done = CliRunner().invoke(main, words)
        assert isinstance(done.exception, SystemExit | None), (words, done.exception)
        obeyed = [c for c in done.output if not c.isprintable() and c not in "\n\xa0"]
        assert obeyed == [], words


def test_what_json_prints_is_what_there_is(project):
    (project / "cassettes").mkdir()
    body = {"text": f"{ESCAPE}\N{GRINNING FACE}\U000e0001"}
    (project / "cassettes" / "one.json").write_text(json.dumps(recording(body=body)))

    done = CliRunner().invoke(main, ["show", "one", "1", "--json"])

    assert json.loads(done.output)["interactions"][0]["response"]["body"] == body["text"]


def test_an_error_says_nothing_that_a_terminal_would_obey():
    error = CassetteError(f"a {ESCAPE}\nb", remedy="c\x1b")

    assert str(error) == "a \N{REPLACEMENT CHARACTER}]0;owned" + "\N{REPLACEMENT CHARACTER}" * 2 + (
        "31m\N{REPLACEMENT CHARACTER}\nb\nc\N{REPLACEMENT CHARACTER}"
    )


# Who may read it.

MODES = """
    import os
    import pytest
    from calls import ask, chat

    @pytest.mark.onetake
    def test_good():
        chat("good")

    @pytest.mark.onetake
    def test_bad():
        ask("bad")
        raise AssertionError

    @pytest.mark.onetake(store="sqlite:kept.db")
    def test_sqlite():
        ask("sqlite")
"""

LAYERED = """
    import os
    os.umask(0)
    from pathlib import Path
    from onetake.stores.opening import open_store
    from onetake.stores.port import Row
    store = open_store("file:///" + os.path.abspath("objects").lstrip("/"), Path.cwd())
    store.append("a", [Row("0" * 32 + ".0", b"\\0{}")])
    store.read("a")
    print("[]")
"""


def test_what_may_hold_recordings_is_its_owners_alone_whatever_the_umask(provider, tmp_path):
    suite = new_suite(tmp_path, provider.url)
    suite.write("test_a.py", MODES)
    suite.write(
        "conftest.py",
        "import os, sys\nos.umask(0)\nsys.path.insert(0, __file__.rpartition('/')[0])\n",
    )

    suite.run("--onetake-mode=once", "--onetake-max-spend=5", "test_a.py")
    result(run_program(LAYERED, tmp_path))

    cache = tmp_path / ".onetake"
    private = [cache, *cache.rglob("*"), tmp_path / "kept.db"]
    kinds = {path.name for path in cache.iterdir()}
    assert {"quarantine", "reports", "spend", "stores", "tallies", "usage"} <= kinds
    assert [str(path) for path in private if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
    (cassette,) = (tmp_path / "cassettes").rglob("*.json")
    assert stat.S_IMODE(cassette.stat().st_mode) == 0o666


def test_a_cache_directory_of_an_older_version_is_closed(provider, project):
    import httpx

    (project / ".onetake").mkdir()
    (project / ".onetake").chmod(0o755)

    with onetake.use_cassette("one", mode="once"):
        httpx.post(provider.url + "/echo", json={})

    assert stat.S_IMODE((project / ".onetake").stat().st_mode) == 0o700


# Files given on the command line.


@pytest.mark.parametrize(
    "change",
    [
        {"recordings": [{"place": "a"}]},
        {"degraded": [{}]},
        {"totals": {"paid": 2**63}},
        {"tests": [{"test": "a", "calls": [{"a": [[[]] * 5] * 5}], "hosts": {"a": "b"}}]},
    ],
)
def test_a_report_that_no_run_has_written_is_refused(project, change):
    run = {
        "id": "r", "onetake": "1", "mode": "auto", "mode_reason": "", "store": "", "started": "", "seconds": 1,
        "exit_code": 0,
    }  # fmt: skip
    (project / "a.json").write_bytes(
        msgspec.json.encode({"onetake_report": 1, "runs": [run], "totals": {}} | change)
    )

    done = CliRunner().invoke(main, ["report", "merge", "a.json"])

    assert done.exit_code == 2
    assert "is no report" in done.output


def test_the_fuzzer_runs(tmp_path):
    done = run_python(Path(__file__).parents[2], "-m", "fuzz", "--seconds=2", "--runs=50", "names")

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 2
