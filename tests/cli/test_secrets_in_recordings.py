"""`onetake scan` and `onetake scrub`, and what push, pull and promote make of secrets."""

from __future__ import annotations

import gzip
import json
import os
import re
import secrets
import shutil
import time
from contextlib import closing

import pytest
import yaml

from onetake.cassettes.decisions import Slot
from onetake.cassettes.fold import Take
from onetake.cli import main
from onetake.formats import reading, vcr_text
from onetake.formats.reading import Entry
from onetake.messages import Body, Headers
from onetake.stores.file_names import name_in
from onetake.stores.files import FileCassette
from onetake.stores.folders import FolderShelf
from onetake.stores.journal import Journal, every_journal, read_quarantine
from onetake.stores.opening import open_shelf, open_store
from onetake.stores.port import Row
from onetake.wire.encodings import decoder
from tests.cli.conftest import STORES
from tests.cli.recordings import MATCHER, call, put, questions, snapshot
from tests.support.runs import ROOT, result, run_program
from tests.unit.redaction.secrets import BODIES, HEADERS, URLS

KEY = "sk-proj-" + "Ab3dEf6hIj9kLmN0pQr5StUv"
TOKEN = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"
BINARY = b"\x00\xff" + KEY.encode() + b"\x00" + os.urandom(20_000)
EVERY_KIND = pytest.mark.parametrize("url", [*STORES, "cluster", "object-files"], indirect=True)


def joined(text):
    """Without the ends of lines, which depend on the length of paths."""
    return " ".join(text.split())


def with_key(question, **more):
    one = call(question, **more)
    headers = Headers((*one.request.headers, ("authorization", f"Bearer {KEY}")))
    return one.replace(request=one.request.replace(headers=headers))


def dirty(shelf):
    """Two cassettes with secrets, one of them with several recordings, and a clean one."""
    long = "word " * 300
    put(shelf, "tests/test_a/test_one", *[with_key(f"{long} {n} {KEY}") for n in range(6)])
    put(shelf, "main", call("binary", answer=BINARY), call("b"))
    put(shelf, "clean", call("c", answer=b"\x00\xff" * 10_000), call("d"))


def everything(shelf):
    """All that a store holds, with what recordings have replaced."""
    texts = [text for texts in snapshot(shelf).values() for text in texts]
    bodies = [
        one.stored.interaction.response.body.data
        for name in shelf.names()
        for one in shelf.recordings(name)
    ]
    return texts + bodies + [text for name in shelf.names() for text in shelf.replaced(name)]


@EVERY_KIND
def test_every_store_is_scanned_and_scrubbed(url, project, shelf, told, typed):
    dirty(shelf)
    before = snapshot(shelf)

    scanned = told("scan")
    shown = typed("scan")
    dry = typed("scrub")

    kinds = {(one["interaction"], one["path"], one["kind"]) for one in scanned["found"]}
    assert kinds == {
        *((n, "header.authorization", "openai-key") for n in range(1, 7)),
        *((n, "body.ask", "openai-key") for n in range(1, 7)),
        *((n, "response.body.to", "openai-key") for n in range(1, 7)),
        (1, "response.body", "openai-key"),
    }
    assert (scanned["places"], scanned["interactions"], scanned["unreadable"]) == (3, 10, [])
    assert (shown.exit_code, dry.exit_code) == (1, 1)
    assert "19 secrets in 2 of 3 places (10 interactions)." in shown.stdout
    assert "Would rewrite 7 interactions in 2 places." in dry.stdout
    assert all(KEY not in text for text in (shown.output, dry.output, json.dumps(scanned)))
    assert snapshot(shelf) == before

    done = told("scrub", "--yes")

    assert (done["rewritten"], done["left"], len(done["blobs"])) == (7, [], 1)
    assert not any(KEY.encode() in text for text in everything(shelf))
    assert snapshot(shelf)["clean"] == before["clean"]
    assert questions(shelf, "tests/test_a/test_one")[2].endswith("2 REDACTED-openai-key-1")
    assert typed("scan").exit_code == 0
    after = snapshot(shelf)
    again = typed("scrub", "--yes")
    assert (again.exit_code, again.stdout) == (0, "Nothing to scrub.\n")
    assert snapshot(shelf) == after
    opened = shelf.cassette("tests/test_a/test_one").load(MATCHER.key, MATCHER.fingerprint)
    assert list(opened.keys) == [MATCHER.key(one.request) for one in opened.entries]
    put(shelf, "tests/test_a/test_one", call("more"))
    assert questions(shelf, "tests/test_a/test_one")[-1] == "more"


@pytest.mark.parametrize("url", ["sqlite", "redis"], indirect=True)
def test_nothing_stays_in_files_of_this_machine(url, project, shelf, typed):
    run = """
        import onetake
        with onetake.use_cassette("main", mode="replay") as cassette:
            print(len([one.response.body.data for one in cassette.interactions]))
    """
    put(shelf, "main", call("a", answer=BINARY))
    assert run_program(run, project, ONETAKE_STORE=url).stdout.strip() == "1"  # fills a cache

    def holding():
        files = (path for path in project.rglob("*") if path.is_file())
        return [path.name for path in files if KEY.encode() in path.read_bytes()]

    before = holding()
    assert typed("scrub", "--yes").exit_code == 0

    assert (bool(before), holding()) == (True, [])


@pytest.mark.parametrize("url", ["cassettes"], indirect=True)
def test_only_files_with_secrets_are_touched(url, project, shelf, typed):
    dirty(shelf)
    for path in project.rglob("*.json"):
        os.utime(path, (1_000_000, 1_000_000))
    kept = project / "cassettes" / "clean.json"
    before = kept.read_bytes()

    assert typed("scrub", "--yes").exit_code == 0
    times = {path.name: path.stat().st_mtime for path in project.rglob("*.json")}

    assert (kept.read_bytes(), times["clean.json"]) == (before, 1_000_000)
    assert times["main.json"] > 1_000_000


@pytest.mark.parametrize("url", ["cassettes"], indirect=True)
def test_a_blob_that_another_cassette_names_stays_until_none_does(url, project, shelf, typed, told):
    put(shelf, "one", call("a", answer=BINARY))
    put(shelf, "other", call("b", answer=BINARY))

    first = told("scrub", "cassettes/one.json", "--yes")
    assert (first["rewritten"], first["blobs"]) == (1, [])
    second = told("scrub", "--yes")
    assert (second["rewritten"], len(second["blobs"])) == (1, 1)
    assert len(list((project / "cassettes/blobs").iterdir())) == 1
    assert typed("scan").exit_code == 0


@pytest.mark.parametrize("url", ["cassettes"], indirect=True)
def test_a_blob_that_none_names_is_scanned_and_goes(url, project, shelf, typed, told):
    put(shelf, "one", call("a", answer=BINARY))
    (project / "cassettes/one.json").unlink()

    (leak,) = told("scan")["found"]
    assert (leak["kind"], leak["line"] is not None) == ("openai-key", True)
    assert typed("scrub", "--yes").exit_code == 0
    assert list((project / "cassettes/blobs").glob("*")) == []


@pytest.mark.parametrize("url", ["cassettes"], indirect=True)
def test_names_and_paths_choose(url, project, shelf, typed, told):
    dirty(shelf)

    assert told("scan", "cassettes/clean.json")["places"] == 1
    assert typed("scan", "clean").exit_code == 0
    assert {one["place"] for one in told("scan", "main")["found"]} == {"cassettes/main.json"}
    assert told("scan", "cassettes/tests")["places"] == 1
    assert told("scan", ".")["places"] == 3
    assert typed("scan", "nothing-of-the-kind").exit_code == 2


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_cassette_of_a_shared_store_is_named(url, project, shelf, typed, told, monkeypatch):
    dirty(shelf)
    monkeypatch.setenv("ONETAKE_STORE", "")

    assert typed("scan", "clean", "--store", url).exit_code == 0
    (leak,) = told("scan", "main", "--store", url)["found"]
    assert leak["remedy"] == f"onetake scrub main --store {url}"
    assert typed(*leak["remedy"].split()[1:], "--yes").exit_code == 0
    assert typed("scan", "main", "--store", url).exit_code == 0
    assert typed("scan", "tests/test_a", "--store", url).exit_code == 1


def test_what_cannot_be_read_is_named_and_hides_nothing(project, typed, told):
    shelf = open_shelf("", project, MATCHER.fingerprint)
    put(shelf, "one", call("a"))
    broken = project / "cassettes/broken.json"
    broken.write_text('{"onetake": 1, "interactions": [')
    alone = typed("scan")
    assert (alone.exit_code, "broken.json is not a whole cassette" in joined(alone.stderr)) == (
        2,
        True,
    )
    unread = ", but not everything could be read (in 1 of 2 places): 1 interaction."
    assert joined(alone.stdout) == f"No secret found{unread}"

    broken.write_text(f'{{"onetake": 1,\n "interactions": [{{"x": "{KEY}"')
    put(shelf, "two", with_key("b"))
    found = told("scan")
    assert [(one["place"], one["line"], one["kind"]) for one in found["found"]] == [
        ("cassettes/broken.json", 2, "openai-key"),
        ("cassettes/two.json", None, "openai-key"),
    ]
    assert len(found["unreadable"]) == 1
    assert told("scrub", "--yes")["rewritten"] == 1
    gone = typed("scan", "gone.json")
    assert gone.exit_code == 2


def test_one_recording_that_cannot_be_read_does_not_hide_those_beside_it(project, told):
    shelf = open_shelf("", project, MATCHER.fingerprint)
    put(shelf, "one", with_key("a"), with_key("b"))
    path = project / "cassettes/one.json"
    path.write_text(path.read_text().replace('"status": 200', '"status": 7', 1))

    found = told("scan")

    told_of = [(one["interaction"], one["path"]) for one in found["found"]]
    assert (told_of, len(found["unreadable"])) == ([(1, ""), (2, "header.authorization")], 1)


def test_one_broken_file_of_another_program_hides_nothing_of_the_others(project, typed, told):
    there = project / "cassettes"
    there.mkdir()
    entry = {
        "request": {"method": "GET", "uri": "http://a.test/", "headers": {}, "body": None},
        "response": {"status": {"code": 200}, "headers": {}, "body": {"string": KEY}},
    }
    untyped = entry | {"request": entry["request"] | {"body": {"type": "binary", "content": "zz"}}}
    half = entry | {"request": entry["request"] | {"uri": "http://a.test/\ud800"}}
    for name, one in (("a", untyped), ("b", half), ("c", entry)):
        (there / f"{name}.json").write_text(json.dumps({"version": 1, "interactions": [one]}))
    (there / "packed.yaml.gz").write_bytes(b"\x1f\x8bgarbage")

    found = told("scan")
    done = told("scrub", "--yes")

    assert {one["place"] for one in found["found"]} == {f"cassettes/{one}.json" for one in "abc"}
    assert sorted(one.partition(" ")[0] for one in found["unreadable"]) == [
        "Interaction", "Interaction", "cassettes/packed.yaml.gz",
    ]  # fmt: skip
    assert (done["rewritten"], KEY in (there / "c.json").read_text()) == (1, False)


def test_a_cassette_of_vcrpy_is_scrubbed_in_its_own_format(project, typed, told):
    path = project / "vcr.yaml"
    path.write_text(f"""\
interactions:
- request:
    body: '{{"token": "{TOKEN}"}}'
    headers: {{authorization: [Bearer {KEY}], content-type: [application/json]}}
    method: POST
    uri: http://a.test/b
  response:
    body: {{string: 'your key is {KEY}'}}
    headers: {{content-type: [text/plain]}}
    status: {{code: 200, message: OK}}
- request: {{body: null, headers: {{}}, method: GET, uri: 'http://a.test/c'}}
  response: {{body: {{string: fine}}, headers: {{}}, status: {{code: 200, message: OK}}}}
metadata: {{kept: 1}}
version: 1
""")

    found = told("scan", "vcr.yaml")["found"]
    done = typed("scrub", "vcr.yaml", "--yes")

    assert [(one["interaction"], one["path"]) for one in found] == [
        (1, "header.authorization"), (1, "body.token"), (1, "response.body"),
    ]  # fmt: skip
    assert done.exit_code == 0, done.output
    assert told("scan", "vcr.yaml")["found"] == []
    text = path.read_text()
    assert KEY not in text
    assert TOKEN not in text
    assert "fine" in text
    assert text.endswith("metadata:\n  kept: 1\nversion: 1\n")
    assert typed("scrub", "vcr.yaml", "--yes").exit_code == 0
    assert path.read_text() == text


VCR = f"""\
interactions:
- request: {{body: null, headers: {{}}, method: GET, uri: 'http://a.test/c'}}
  response: {{body: {{string: 'your key is {KEY}'}}, headers: {{}}, status: {{code: 200, message: OK}}}}
version: 1
"""
OPENED = """
    import onetake
    for name in ("a.yaml", "b.yaml.gz", "c.json"):
        with onetake.use_cassette(name, mode="replay") as cassette:
            list(cassette.interactions)
    from vcr import VCR
    with VCR(record_mode="none").use_cassette("large.yaml") as cassette:
        cassette.responses
"""


def of_vcrpy(project):
    """Cassettes of vcrpy that hold a key, after they were replayed."""
    entry = yaml.safe_load(VCR)
    large = json.loads(json.dumps(entry["interactions"] * 200))  # without references
    (project / "a.yaml").write_text(VCR)
    (project / "b.yaml.gz").write_bytes(gzip.compress(VCR.encode()))
    (project / "c.json").write_text(json.dumps(entry))
    (project / "large.yaml").write_text(yaml.dump(entry | {"interactions": large}))
    assert run_program(OPENED, project).returncode == 0


def holding_key(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [
        path.relative_to(folder).as_posix()
        for path in files
        if KEY.encode() in vcr_text.unpacked(path.read_bytes(), "")
    ]


def test_replaying_cassettes_of_vcrpy_leaves_no_copies_of_their_secrets(project, typed):
    of_vcrpy(project)
    assert len(holding_key(project)) == 4

    done = typed("scrub", "--yes", "a.yaml", "b.yaml.gz", "c.json", "large.yaml")

    assert (done.exit_code, holding_key(project)) == (0, [])


def test_what_is_kept_of_a_cassette_that_was_taken_over_is_scanned_and_scrubbed(
    project, typed, told
):
    of_vcrpy(project)
    FileCassette(project / "c.json", project / "blobs", cache=project / ".onetake").take_over()

    assert typed("scan", ".").exit_code == 1
    assert [one for one in holding_key(project) if one.startswith("c")] == ["c.json.vcrpy"]
    assert "c.json.vcrpy" in {one["place"] for one in told("scan", ".")["found"]}
    assert (typed("scrub", ".", "--yes").exit_code, holding_key(project)) == (0, [])


def test_a_folder_is_scanned_without_packages_and_hidden_ones(project, told):
    for folder in ("node_modules", "env", ".git", "tests/.hidden", "tests/deep"):
        (project / folder).mkdir(parents=True)
        (project / folder / "a.yaml").write_text(VCR)
    (project / "env" / "pyvenv.cfg").touch()

    assert {one["place"] for one in told("scan", ".")["found"]} == {"tests/deep/a.yaml"}
    assert {one["place"] for one in told("scan", "env")["found"]} == {"env/a.yaml"}


def test_recordings_that_lie_anywhere_in_the_project_are_scanned(project, typed, told):
    shelf = open_shelf("", project, MATCHER.fingerprint)
    put(shelf, "main", with_key("a"))
    own = (project / "cassettes/main.json").read_bytes()
    held = {
        **dict.fromkeys(("x.json", "lib/.onetake/not", "fixtures/no_suffix"), own),
        **dict.fromkeys(("lib/helper_cassettes/one.yaml", "lib/two.vcr"), VCR.encode()),
        "lib/packed.yaml.gz": gzip.compress(VCR.encode()),
        "cassettes/deep/one.pretty": f"made by hand: {KEY}".encode(),
        "node_modules/a.json": own,
        ".hidden/a.json": own,
        "src/a.py": VCR.encode(),
        "src/rules.yaml": f"interactions:\n- none: {KEY}\n".encode(),
        "settings.yaml": f"key: {KEY}\n".encode(),
    }
    for name, data in held.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes(data)

    places = {one["place"] for one in told("scan")["found"]}
    within = {one["place"] for one in told("scan", "cassettes/deep")["found"]}

    assert places == {
        *("cassettes/main.json", "x.json", "fixtures/no_suffix", "cassettes/deep/one.pretty"),
        *("lib/helper_cassettes/one.yaml", "lib/two.vcr", "lib/packed.yaml.gz"),
    }
    assert within == {"cassettes/deep/one.pretty"}
    assert typed("scrub", "--yes").exit_code == 1  # the one that is mere text is left
    assert {one["place"] for one in told("scan")["found"]} == within


def test_a_secret_in_the_name_of_a_file_is_told_and_not_shown(project, typed, told):
    clean = VCR.replace(KEY, "here")
    for name in f"test_n_param[{KEY}].yaml", f"test_n_param-{KEY}.yaml", f"{KEY}/a.json":
        path = project / "cassettes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(clean if name.endswith(".yaml") else VCR)

    found = told("scan")["found"]
    shown, done = typed("scan"), typed("scrub", "--yes")

    assert [(one["kind"], one["path"]) for one in found].count(("openai-key", "in its name")) == 3
    assert (shown.exit_code, done.exit_code) == (1, 1)
    assert "in its name: openai-key (rename it, or record it anew" in joined(shown.stdout)
    assert done.stdout.count("left: ") == 3
    assert all(KEY not in text for text in (shown.output, done.output, json.dumps(found)))


def test_scrub_says_where_vcrpy_will_miss_what_it_compares(project, typed):
    asked = VCR.replace(KEY, "here").replace("http://a.test/c", "http://a.test/c?api_key=abcdefgh1")
    (project / "query.yaml").write_text(asked)
    (project / "answer.yaml").write_text(VCR)

    said = {name: joined(typed("scrub", name).stdout) for name in ("query.yaml", "answer.yaml")}

    assert {name: "vcrpy itself misses" in text for name, text in said.items()} == {
        "query.yaml": True,
        "answer.yaml": False,
    }


WITHOUT_YAML = """
    import sys
    sys.modules["yaml"] = sys.modules["yaml12"] = None  # as if they were not installed
    from onetake.cli import main
    main(sys.argv[1:])
"""


def test_that_not_everything_was_read_is_said_with_what_there_is_to_do(project):
    (project / "a.yaml").write_text(VCR.replace(KEY, "here"))

    scanned, scrubbed = (
        run_program(WITHOUT_YAML, project, verb, "a.yaml") for verb in ("scan", "scrub")
    )

    unread = ", but not everything could be read (in 1 of 1 place)"
    assert joined(scanned.stdout) == f"No secret found{unread}: 0 interactions."
    assert joined(scrubbed.stdout) == f"Nothing to scrub{unread}."
    assert (scanned.returncode, scrubbed.returncode) == (2, 1)
    assert all("pip install 'onetake[vcr]'" in joined(one.stderr) for one in (scanned, scrubbed))


def test_other_programs_files_are_scanned_as_text_and_left(project, typed, told):
    (project / "vcr.yaml").write_text(f"interactions:\n- request:\n    a: [Bearer {KEY}]\n")
    (project / "page.har").write_text(f'{{"log": {{"entries": [], "comment": "{TOKEN}"}}}}')
    (project / "notes.txt").write_text(f"one\ntwo {TOKEN}\n")
    (project / "fine.bin").write_bytes(os.urandom(50_000))
    words = ("vcr.yaml", "page.har", "notes.txt", "fine.bin")
    before = {word: (project / word).read_bytes() for word in words}

    found = told("scan", *words)["found"]
    done = typed("scrub", *words, "--yes")

    assert [(one["place"], one["line"], one["kind"]) for one in found] == [
        ("vcr.yaml", 3, "openai-key"),
        ("page.har", 1, "github-token"),
        ("notes.txt", 2, "github-token"),
    ]
    assert [one["remedy"].split(",")[0] for one in found] == [
        "onetake scrub vcr.yaml",
        "onetake import page.har",
        "take it out by hand",
    ]
    assert done.exit_code == 1
    assert done.stdout.count("left: ") == 3
    assert {word: (project / word).read_bytes() for word in words} == before


def test_what_an_edit_by_hand_has_left_is_found_and_goes(project, typed, told):
    shelf = open_shelf("", project, MATCHER.fingerprint)
    spaced = b'{ "to":   "%s" ,"n": 1.50}' % TOKEN.encode()
    put(shelf, "one", call("a", answer=spaced))
    path = project / "cassettes/one.json"
    document = json.loads(path.read_text())
    document["interactions"][0]["response"]["body"]["json"]["to"] = "nobody"
    path.write_text(json.dumps(document))
    assert TOKEN in path.read_text()

    (leak,) = told("scan")["found"]
    assert leak["path"] == "what is kept beside its bodies"
    assert typed("scrub", "--yes").exit_code == 0
    assert TOKEN not in path.read_text()
    assert '"nobody"' in path.read_text()


def test_journals_and_quarantine_are_scanned_and_scrubbed(project, typed, told):
    cache = project / ".onetake"
    ended = Journal(cache, "c", "test_a.py::test_it")
    ended.append(0, with_key("a"))
    ended.append(1, call("b"))
    kept = ended.quarantine()
    with kept.open("ab") as file:
        file.write(b'{"seq":2,"request":{"method":"%s' % KEY.encode())  # torn
    live = Journal(cache, "c", "test_a.py::test_other")
    live.append(0, with_key("c"))

    found = told("scan")["found"]
    first = typed("scrub", "--yes")

    assert [(one["interaction"], one["kind"]) for one in found if one["path"]] == [
        (1, "openai-key"),
        (1, "openai-key"),
    ]
    assert (first.exit_code, "belongs to a run that has not ended" in joined(first.stderr)) == (
        1,
        True,
    )
    assert KEY.encode() not in kept.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600
    live.quarantine()
    assert typed("scrub", "--yes").exit_code == 0
    assert not any(KEY.encode() in path.read_bytes() for path in every_journal(cache))
    asked = [
        one.request.body for one in read_quarantine(cache, "c", "test_a.py::test_it").interactions
    ]
    assert asked == [b'{"ask": "a"}', b'{"ask": "b"}']


def test_a_cassette_under_the_name_of_a_test_keeps_it(project, typed):
    raw = "test_one[x y/z]"
    shelf = open_shelf("", project, MATCHER.fingerprint)
    (project / "tests").mkdir()
    (project / "tests/test_a.py").write_text("")
    put(shelf, f"tests/test_a/{raw}", with_key("a"))
    (path,) = (project / "tests/cassettes").rglob("*.json")
    assert name_in(path) == raw

    assert typed("scrub", str(path), "--yes").exit_code == 0
    assert (name_in(path), KEY in path.read_text()) == (raw, False)


def test_no_link_leads_out_of_the_project(project, tmp_path_factory, typed):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    put(FolderShelf(elsewhere, None, elsewhere / ".onetake"), "one", with_key("a"))
    (project / "cassettes").mkdir()
    target = elsewhere / "cassettes/one.json"
    before = target.read_bytes()
    (project / "cassettes/one.json").symlink_to(target)

    for words in (("scan",), ("scan", "cassettes/one.json"), ("scrub", "--yes")):
        done = typed(*words)
        assert done.exit_code == (2 if words[0] == "scan" else 1)
        assert "out of" in joined(done.stderr)
    assert (project / "cassettes/one.json").is_symlink()
    assert target.read_bytes() == before
    (project / "cassettes/one.json").unlink()
    put(open_shelf("", project, MATCHER.fingerprint), "own", with_key("a"))
    (project / "cassettes/link.json").symlink_to("own.json")
    assert typed("scrub", "--yes").exit_code == 0
    assert (project / "cassettes/link.json").is_symlink()
    assert KEY not in (project / "cassettes/own.json").read_text()


@pytest.mark.parametrize("url", ["cassettes", "sqlite"], indirect=True)
def test_push_and_pull_spread_no_secrets(url, project, shelf, typed, told):
    dirty(shelf)

    pushed = told("push", "sqlite:other.db")
    shown = typed("push", "sqlite:other.db")

    other = open_shelf("sqlite:other.db", project, MATCHER.fingerprint)
    assert (pushed["added"], {one["cassette"] for one in pushed["refused"]}) == (
        2,
        {"tests/test_a/test_one", "main"},
    )
    assert (shown.exit_code, other.names()) == (1, ["clean"])
    assert "2 cassettes with secrets not copied" in shown.stdout
    remedies = {leak["remedy"] for one in pushed["refused"] for leak in one["found"]}
    for remedy in remedies:
        assert typed(*remedy.split()[1:], "--yes").exit_code == 0
    assert typed("push", "sqlite:other.db").exit_code == 0
    assert not any(KEY.encode() in text for text in everything(other))

    put(other, "late", with_key("z"))
    assert typed("pull", "sqlite:other.db").exit_code == 1
    assert "late" not in shelf.names()
    assert typed("pull", "sqlite:other.db", "--allow-secrets").exit_code == 0
    assert "late" in shelf.names()


def test_promote_publishes_no_secrets(project, provider, typed, told):
    program = """
        import sys, httpx, onetake
        with onetake.use_cassette("main"):
            httpx.post(sys.argv[1] + "/echo", json={"n": 1})
            raise SystemExit(3)
    """
    run_program(program, project, provider.url)
    (path,) = every_journal(project / ".onetake")
    path.write_bytes(
        path.read_bytes().replace(b'"headers":[', b'"headers":["x-api-key: %s",' % KEY.encode(), 1)
    )

    refused = typed("promote", "--yes")

    assert (refused.exit_code, "secret, not published" in refused.stdout) == (1, True)
    assert KEY not in refused.output
    assert typed("scrub", "--yes").exit_code == 0
    assert told("promote", "--yes")["added"] == 1
    assert typed("scan").exit_code == 0


@pytest.mark.parametrize("url", ["sqlite", "redis"], indirect=True)
def test_an_encrypted_store_is_scrubbed_too(url, project, typed, told, monkeypatch):
    monkeypatch.setenv("ONETAKE_KEY", secrets.token_hex(32))
    monkeypatch.setenv("ONETAKE_ENCRYPT", "env:ONETAKE_KEY")
    shelf = open_shelf(url, project, MATCHER.fingerprint, "env:ONETAKE_KEY")
    dirty(shelf)

    done = told("scrub", "--yes")

    assert (done["rewritten"], done["left"], len(done["blobs"])) == (7, [], 1)
    assert not any(KEY.encode() in text for text in everything(shelf))
    assert typed("scan").exit_code == 0


@pytest.mark.parametrize("url", ["sqlite", "redis"], indirect=True)
def test_a_secret_in_a_recording_that_was_replaced_is_found_and_goes(
    url, project, shelf, told, typed
):
    put(shelf, "c", with_key("replaced"))
    put(shelf, "other", call("new"))
    with closing(open_store(url, project)) as store:
        (old,), (new,) = store.read("c").rows, store.read("other").rows
        store.append("c", [Row(f"{old.slot}.5", new.data)])  # as if `old` could not be taken away

    found = told("scan")["found"]

    assert questions(shelf, "c") == ["new"]
    assert {leak["path"] for leak in found} == {"a recording that was replaced"}
    assert typed("scrub", "--yes").exit_code == 0
    assert shelf.replaced("c") == []
    assert not any(KEY.encode() in text for text in everything(shelf))
    assert typed("scan").exit_code == 0


@pytest.mark.parametrize("url", ["sqlite", "redis", "s3", "object-files"], indirect=True)
def test_what_others_record_meanwhile_stays_and_can_be_read(url, project, shelf):
    put(shelf, "c", *[call("word " * 300 + str(n)) for n in range(6)])
    writer = shelf.cassette("c")
    writer.load(MATCHER.key, MATCHER.fingerprint)
    seen = []

    def anew(held):
        seen.append(len(held))
        if len(seen) == 1:
            put(open_shelf(url, project, MATCHER.fingerprint), "c", call("meanwhile"))
        return {0: call("rewritten")}

    done = shelf.rewrite("c", anew)

    assert (done.number, seen, shelf.replaced("c")) == (1, [6, 7], [])
    late = call("word " * 300 + "late")
    writer.publish(
        [Take(Slot(MATCHER.key(late.request), 0), late)], MATCHER.key, replacing_run=None
    )
    asked = questions(shelf, "c")
    assert (asked[0], asked[6:], len(asked)) == (
        "rewritten",
        ["meanwhile", "word " * 300 + "late"],
        8,
    )


def test_recordings_of_another_format_are_read_by_their_reader(project, typed, told, monkeypatch):
    def read(data, _path, _blob):
        return [Entry(lambda line=line: with_key(line)) for line in data.decode().split()[1:]]

    toy = reading._Format("toy", lambda data, _: data.startswith(b"toy"), read)
    monkeypatch.setattr(reading, "_FORMATS", (*reading._FORMATS, toy))
    (project / "a.txt").write_text(f"toy one {TOKEN}")

    found = [
        (one["interaction"], one["line"], one["kind"]) for one in told("scan", "a.txt")["found"]
    ]
    done = typed("scrub", "a.txt", "--yes")

    assert found == [
        (1, None, "openai-key"),
        (2, None, "openai-key"),
        (2, None, "github-token"),
        (2, None, "github-token"),
    ]
    assert (done.exit_code, done.stdout.count("left: ")) == (1, len(found))
    assert (project / "a.txt").read_text() == f"toy one {TOKEN}"


def test_the_hook_of_pre_commit_gets_recordings_and_blobs():
    text = (ROOT / ".pre-commit-hooks.yaml").read_text()
    (entry,) = re.findall(r"^  entry: onetake (.*)$", text, re.MULTILINE)
    (files,) = re.findall(r"^  files: (.*)$", text, re.MULTILINE)

    assert entry in main.commands
    wanted = (
        "tests/cassettes/a.json",
        "a.yaml",
        "b.yml",
        "c.har",
        "d.yaml.gz",
        "e.json.vcrpy",
        "f.jsonl",
        "tests/cassettes/test_a/one.pretty",
        "cassettes/two",
        f"cassettes/blobs/sha256-{'0' * 64}",
    )
    assert all(re.search(files, one) for one in wanted)
    others = ("src/a.py", "a.json.py", "blobs/sha256-0", "my_cassettes/a", "tests/cassettes")
    assert not any(re.search(files, one) for one in others)
    assert f"files: {files}" in (ROOT / "docs/redaction.md").read_text()


ASKING = """
    import json, os, sys, httpx, onetake
    with onetake.use_cassette("main") as cassette:
        for n in range(2):
            httpx.post(
                sys.argv[1] + "/echo",
                headers={"authorization": "Bearer " + os.environ["REAL"]},
                json={"n": n, "say": os.environ["SAID"], "password": os.environ["REAL"]},
            )
    print(json.dumps(cassette.counts))
"""


@pytest.mark.parametrize("url", ["cassettes", "sqlite", "redis"], indirect=True)
def test_what_was_recorded_with_secrets_is_replayed_after_it_was_scrubbed(
    url, project, provider, shelf, typed, told, monkeypatch
):
    said = "vq8Zk3mmPw7internalValue"
    run = {"REAL": "opaque-4f9a8b7c6d5e4f3a", "SAID": said}  # nothing says that this is secret
    result(run_program(ASKING, project, provider.url, ONETAKE_STORE="files:old", **run))
    path = project / "old/main.json"
    path.write_text(path.read_text().replace("REDACTED-token", run["REAL"]))
    words = ("pull", "files:old") if not url else ("push", url, "--from", "files:old")
    assert typed(*words).exit_code == 1
    assert typed(*words, "--allow-secrets").exit_code == 0
    monkeypatch.setenv("INTERNAL_SECRET", said)
    paid = provider.billed()

    found = {(one["path"], one["kind"]) for one in told("scan")["found"]}
    assert {
        ("header.authorization", "token"),
        ("body.password", "token"),
        ("body.say", "env"),
    } <= found
    where_from = 0 if url else 2  # a folder of this project, which is looked at too
    assert told("scrub", "--yes")["rewritten"] == 2 + where_from
    assert typed("scan").exit_code == 0
    assert not any(secret.encode() in text for secret in run.values() for text in everything(shelf))
    (asked, _) = [one.stored.request for one in shelf.recordings("main")]
    assert asked.by_value == ("body.say",)

    monkeypatch.delenv("INTERNAL_SECRET")
    same = result(run_program(ASKING, project, provider.url, ONETAKE_STORE=url, **run))
    others = {"REAL": "another-1a2b3c4d5e6f7a8b", "SAID": "a dummy"}
    other = result(run_program(ASKING, project, provider.url, ONETAKE_STORE=url, **others))
    assert (same, other) == ({"replayed": 2}, {"replayed": 2})
    assert provider.billed() == paid


def test_a_thousand_cassettes_are_scanned_in_seconds(project, told):
    shelf = open_shelf("", project, MATCHER.fingerprint)
    put(shelf, "some/c0", *[call("word " * 200 + str(n)) for n in range(3)])
    first = project / "cassettes/some/c0.json"
    for n in range(1, 1000):
        shutil.copy(first, first.with_name(f"c{n}.json"))

    started = time.process_time()
    found = told("scan")

    assert (found["places"], found["interactions"], found["found"]) == (1000, 3000, [])
    assert time.process_time() - started < 20


@pytest.mark.parametrize("url", ["", "sqlite"], indirect=True)
def test_every_place_of_a_secret_is_found_and_mended(url, project, shelf, told):
    cases = [*BODIES, *HEADERS, *URLS]
    recordings = [_holding(case) for case in cases]
    put(shelf, "main", *recordings)

    found = told("scan")["found"]
    assert {one["interaction"] for one in found} == set(range(1, len(cases) + 1))
    done = told("scrub", "--yes")

    assert (done["rewritten"], done["left"]) == (len(cases), [])
    assert told("scan")["found"] == []
    texts = b"".join(everything(shelf))
    assert [
        case.name for case in cases if len(case.secret) > 12 and case.secret.encode() in texts
    ] == []


def _holding(case):
    lines = [("content-type", case.content_type)] if case.content_type else []
    headers = Headers((*lines, *((case.header,) if case.header else ())))
    one = call(case.name, answer=case.body)
    response = one.response.replace(headers=headers)
    if case.encoding:
        coder = decoder(case.encoding)
        body = Body(data=coder.feed(case.body) + coder.finish(), encoding=case.encoding)
        coded = Headers((*headers, ("content-encoding", case.encoding)))
        response = response.replace(headers=coded, body=body)
    return one.replace(request=one.request.replace(url=case.url), response=response)
