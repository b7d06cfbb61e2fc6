"""vcrpy's cassettes where ours would lie: read in place, added to, taken over, never damaged."""

from __future__ import annotations

import gzip
import io
import json
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from onetake.cassettes.decisions import Slot
from onetake.cassettes.fold import Take
from onetake.errors import CassetteError
from onetake.formats import vcr_text
from onetake.formats.document import parse
from onetake.matching import Matcher
from onetake.messages import Body, Failure, Headers, Interaction, Request, Response
from onetake.stores import vcr_files
from onetake.stores.file_names import cassette_files
from onetake.stores.files import FileCassette, read_cassette
from onetake.stores.folders import FolderShelf
from onetake.stores.names import file_safe

MATCHER = Matcher()
SECRET = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"


def entry(n: int, token: str = "DUMMY") -> dict[str, Any]:
    return {
        "request": {
            "method": "POST",
            "uri": "http://a.test/v1",
            "body": json.dumps({"n": n}),
            "headers": {"Authorization": [f"Bearer {token}"]},
        },
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {"Content-Type": ["application/json"]},
            "body": {"string": json.dumps({"answer": n, "access_token": SECRET})},
        },
    }


def text_of(*entries: dict[str, Any], **extra: Any) -> str:
    return yaml.dump({"interactions": list(entries), "version": 1, **extra}, Dumper=yaml.CDumper)


def request(n: int) -> Request:
    return Request(method="POST", url="http://a.test/v1", body=b'{"n":%d}' % n)


def take(n: int, answer: bytes = b'{"answer":"new"}') -> Take:
    one = request(n).replace(headers=Headers((("authorization", "Bearer REDACTED-token"),)))
    response = Response(status=200, reason="OK", body=Body(data=answer))
    return Take(
        Slot(MATCHER.key(one), 0), Interaction(request=one, response=response, at=1_769_000_000)
    )


def cassette(
    folder: Path, name: str = "c.json", raw: str | None = None, *, keeps_vcr: bool = False
) -> FileCassette:
    there = folder / "cassettes"
    there.mkdir(exist_ok=True)
    return FileCassette(
        there / name, there / "blobs", cache=folder / ".onetake", raw_name=raw, keeps_vcr=keeps_vcr
    )


def answers(held: FileCassette) -> list[Any]:
    opened = held.load(MATCHER.key, MATCHER.fingerprint)
    found = [one.interaction.response for one in opened.entries]
    return [json.loads(one.body.data)["answer"] for one in found if one is not None]


def put(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / "cassettes" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("name", ["c.yaml", "c.yml", "c.yaml.gz", "c.json"])
@pytest.mark.parametrize("is_named", [False, True])
def test_a_cassette_of_vcrpy_is_read_where_it_lies(
    tmp_path: Path, name: str, is_named: bool
) -> None:
    text: str | bytes = text_of(entry(1), entry(2))
    if name.endswith("json"):
        text = json.dumps(yaml.safe_load(text), indent=4)
    text = gzip.compress(str(text).encode()) if name.endswith("gz") else text
    path = put(tmp_path, name, text)

    held = cassette(tmp_path, name if is_named else "c.json")

    opened = held.load(MATCHER.key, MATCHER.fingerprint)
    assert answers(held) == [1, 2]
    assert opened.keys == (MATCHER.key(request(1)), MATCHER.key(request(2)))
    assert opened.has_principals is False
    assert held.path == path
    assert held.place == str(path)
    assert [p.name for p in (tmp_path / "cassettes").iterdir()] == [name]


def test_ours_wins_over_a_twin(tmp_path: Path) -> None:
    put(tmp_path, "c.yaml", text_of(entry(1)))
    put(tmp_path, "c.json", '{"onetake": 1, "interactions": []}')
    assert answers(cassette(tmp_path)) == []
    assert answers(cassette(tmp_path, "c.yaml")) == []
    assert [path.name for path in cassette_files(tmp_path)] == ["c.json"]


def test_an_empty_file_is_no_cassette(tmp_path: Path) -> None:
    put(tmp_path, "c.yaml", "\n")
    assert answers(cassette(tmp_path)) == []


def test_the_name_of_a_test_is_made_safe_as_vcrpy_makes_it(tmp_path: Path) -> None:
    raw = "test_a[x/y]"
    put(tmp_path, f"{file_safe(raw)}.yaml", text_of(entry(1)))
    held = cassette(tmp_path, f"{file_safe(raw)}.json", raw)
    assert answers(held) == [1]
    held.publish([take(2)], MATCHER.key, replacing_run=None)
    assert answers(cassette(tmp_path, f"{file_safe(raw)}.json", raw)) == [1, "new"]


def test_reading_one_leaves_nothing_behind(tmp_path: Path) -> None:
    put(tmp_path, "c.yaml", text_of(entry(1, SECRET)))

    assert answers(cassette(tmp_path)) == [1]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["c.yaml"]


def test_a_raw_credential_is_no_part_of_what_is_compared(tmp_path: Path) -> None:
    raw = entry(1, SECRET)
    raw["request"]["uri"] += f"?api_key={SECRET}"
    scrubbed = entry(1)
    scrubbed["request"]["uri"] += "?api_key=DUMMY-KEY"
    put(tmp_path, "a.yaml", text_of(raw))
    put(tmp_path, "b.yaml", text_of(scrubbed))
    first, second = (
        cassette(tmp_path, f"{name}.json").load(MATCHER.key, MATCHER.fingerprint).keys
        for name in "ab"
    )
    assert first == second


def test_what_is_recorded_makes_one_of_ours_beside_it(tmp_path: Path) -> None:
    path = put(tmp_path, "c.yaml", text_of(entry(1, SECRET), entry(2)))
    before = path.read_bytes()

    done = cassette(tmp_path).publish([take(3)], MATCHER.key, replacing_run=None)

    assert done.added == 1
    assert path.read_bytes() == before
    held = cassette(tmp_path)
    assert held.path == path.with_suffix(".json")
    assert answers(held) == [1, 2, "new"]
    assert held.load(MATCHER.key, MATCHER.fingerprint).has_principals is False
    assert SECRET not in held.path.read_text()
    assert parse(held.path.read_bytes(), "c", lambda _: b"").origin == "vcrpy"
    held.publish([take(4)], MATCHER.key, replacing_run=None)
    assert answers(held) == [1, 2, "new", "new"]
    assert parse(held.path.read_bytes(), "c", lambda _: b"").origin == "vcrpy"


def test_vcrpys_json_under_our_name_is_kept_beside_ours(tmp_path: Path) -> None:
    path = put(tmp_path, "c.json", json.dumps({"version": 1, "interactions": [entry(1)]}))
    before = path.read_bytes()
    cassette(tmp_path).publish([take(2)], MATCHER.key, replacing_run=None)
    assert answers(cassette(tmp_path)) == [1, "new"]
    assert path.with_name("c.json.vcrpy").read_bytes() == before


def test_recording_anew_takes_nothing_over(tmp_path: Path) -> None:
    path = put(tmp_path, "c.yaml", text_of(entry(1, SECRET)))
    before = path.read_bytes()
    held = cassette(tmp_path)
    held.publish([take(1)], MATCHER.key, replacing_run="r")
    held.publish([take(2)], MATCHER.key, replacing_run="r")
    assert answers(held) == ["new", "new"]
    assert held.load(MATCHER.key, MATCHER.fingerprint).has_principals
    assert path.read_bytes() == before
    assert SECRET not in held.path.read_text()


@pytest.mark.parametrize("name", ["c.yaml", "c.yaml.gz", "c.json"])
def test_with_vcrpys_format_it_is_added_to_as_vcrpy_would(tmp_path: Path, name: str) -> None:
    tree = {"interactions": [entry(1)], "version": 1, "metadata": {"seed": 7}}
    text = yaml.dump(tree, Dumper=yaml.CDumper)
    if name == "c.json":
        text = json.dumps(tree, indent=4) + "\n"
    path = put(tmp_path, name, gzip.compress(text.encode()) if name.endswith("gz") else text)

    held = cassette(tmp_path, keeps_vcr=True)
    held.publish([take(2)], MATCHER.key, replacing_run=None)

    assert answers(held) == [1, "new"]
    assert [one.name for one in path.parent.iterdir()] == [name]
    written = vcr_text.unpacked(path.read_bytes(), name)
    found = vcr_text.read_tree(written, name)
    assert isinstance(found, dict)
    assert (found["metadata"], found["interactions"][0]) == ({"seed": 7}, entry(1))
    if name != "c.json":
        assert written.decode() == yaml.dump(found, Dumper=yaml.CDumper)


def test_a_new_cassette_in_vcrpys_format_has_its_name(tmp_path: Path) -> None:
    cassette(tmp_path, keeps_vcr=True).publish([take(1)], MATCHER.key, replacing_run=None)
    cassette(tmp_path, "d.yml", keeps_vcr=True).publish([take(1)], MATCHER.key, replacing_run=None)
    cassette(tmp_path, "e.yaml").publish([take(1)], MATCHER.key, replacing_run=None)
    names = {"c.yaml", "d.yml", "e.json"}
    assert {path.name for path in cassette_files(tmp_path)} == names
    assert yaml.safe_load((tmp_path / "cassettes" / "c.yaml").read_text())["version"] == 1


def test_recording_anew_in_vcrpys_format_replaces_once(tmp_path: Path) -> None:
    put(tmp_path, "c.yaml", text_of(entry(1), metadata={"a": 1}))
    held = cassette(tmp_path, keeps_vcr=True)
    held.publish([take(1)], MATCHER.key, replacing_run="r")
    held.publish([take(2)], MATCHER.key, replacing_run="r")
    assert answers(held) == ["new", "new"]
    assert yaml.safe_load(held.path.read_text())["metadata"] == {"a": 1}


def test_errors_of_the_network_are_named_where_vcrpys_format_cannot_hold_them(
    tmp_path: Path,
) -> None:
    failure = Failure(kind="refused", type="httpcore.ConnectError")
    failed = Take(Slot(b"k", 0), Interaction(request=request(9), failure=failure))
    held = cassette(tmp_path, keeps_vcr=True)
    done = held.publish([failed, take(1)], MATCHER.key, replacing_run=None)
    said = "POST http://a.test/v1: vcrpy's format cannot hold an error of the network, so it is not recorded."
    assert (done.added, done.left_out) == (1, (said,))
    assert answers(held) == ["new"]


def test_a_shelf_lists_and_prunes_them(tmp_path: Path) -> None:
    path = put(tmp_path, "c.yaml", text_of(entry(1), entry(2), metadata={"a": 1}))
    put(tmp_path, "d.yaml", "services: {}\n")  # something else
    shelf = FolderShelf(tmp_path, None, tmp_path / ".onetake")
    assert shelf.names() == ["c"]
    first, second = shelf.recordings("c")
    assert shelf.remove("c", [first]) == 1
    assert [one.stored.raw for one in shelf.recordings("c")] == [second.stored.raw]
    assert yaml.safe_load(path.read_text()) == {
        "interactions": [entry(2)], "version": 1, "metadata": {"a": 1},
    }  # fmt: skip
    assert shelf.remove("c", [second]) == 1
    assert not path.exists()


def test_what_was_taken_over_and_removed_does_not_come_back(tmp_path: Path) -> None:
    put(tmp_path, "c.yaml", text_of(entry(1)))
    held = cassette(tmp_path)
    held.publish([take(2)], MATCHER.key, replacing_run=None)
    assert held.remove({one.raw: 1 for one in held.recordings()}) == 2
    assert answers(cassette(tmp_path)) == []


def test_what_is_broken_is_named_and_stays(tmp_path: Path) -> None:
    text = text_of(entry(1))
    path = put(tmp_path, "c.yaml", text[: len(text) // 2])
    held = cassette(tmp_path)
    with pytest.raises(CassetteError) as caught:
        held.load(MATCHER.key, MATCHER.fingerprint)
    assert caught.value.path == str(path)
    with pytest.raises(CassetteError):
        held.publish([take(2)], MATCHER.key, replacing_run=None)
    assert path.read_text() == text[: len(text) // 2]


def test_no_link_leads_out(tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text(text_of(entry(1)))
    (tmp_path / "project" / "cassettes").mkdir(parents=True)
    (tmp_path / "project" / "cassettes" / "c.yaml").symlink_to(outside)
    with pytest.raises(CassetteError, match="leads to"):
        cassette(tmp_path / "project").load(MATCHER.key, MATCHER.fingerprint)


def test_one_that_is_named_on_the_command_line_is_read_without_a_copy(tmp_path: Path) -> None:
    path = put(tmp_path, "c.yaml", text_of(entry(1)))
    assert len(read_cassette(path)) == 1
    assert not list(tmp_path.rglob(".onetake"))


def test_a_cassette_with_bodies_that_were_iterators_or_files_is_added_to_and_rewritten(tmp_path):
    tree = {"interactions": [entry(1), entry(2), entry(3)], "version": 1}
    tree["interactions"][0]["request"]["body"] = io.BytesIO(b"a\xff")
    tree["interactions"][1]["request"]["body"] = iter([b"a", "b"])
    tree["interactions"][2]["request"]["body"] = used_up = iter([b"a"])
    assert list(used_up) == [b"a"]
    path = put(tmp_path, "c.yaml", yaml.dump(tree))
    held = cassette(tmp_path, "c.yaml", keeps_vcr=True)

    added = held.publish([take(4)], MATCHER.key, replacing_run=None).added
    changed = vcr_files.rewrite(path, lambda entries: {3: entries[3].read()})

    assert (added, changed) == (1, 1)
    # As vcrpy itself reads it, which builds what the tags say.
    one, other, empty, *_ = yaml.unsafe_load(path.read_text())["interactions"]
    assert one["request"]["body"].read() == b"a\xff"
    assert list(other["request"]["body"]) == [b"a", "b"]
    assert list(empty["request"]["body"]) == []
    assert [one.request.body for one in vcr_text.read(path.read_bytes(), "c")][:2] == [
        b"a\xff",
        b"ab",
    ]


@pytest.mark.parametrize("name", ["c.yaml", "c.yaml.gz", "c.json"])
def test_what_is_recorded_while_a_cassette_is_rewritten_stays(tmp_path, name):
    text = text_of(entry(1)) if name != "c.json" else json.dumps({"interactions": [entry(1)]})
    path = put(
        tmp_path, name, gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
    )
    held = cassette(tmp_path, name, keeps_vcr=True)
    threads: list[threading.Thread] = []

    def anew(entries):
        threads.append(threading.Thread(target=_record, args=(held,)))
        threads[0].start()
        threads[0].join(0.2)
        return {0: entries[0].read()}

    vcr_files.rewrite(path, anew)
    threads[0].join()

    assert answers(cassette(tmp_path, name)) == [1, "new"]


def _record(held: FileCassette) -> None:
    held.publish([take(2)], MATCHER.key, replacing_run=None)


UNRELATED = '{"users": [1, 2]}\n'


@pytest.mark.parametrize("keeps_vcr", [True, False])
@pytest.mark.parametrize(
    "beside", [UNRELATED, "[1]", json.dumps({"interactions": [entry(7)], "version": 1})]
)
def test_a_file_beside_a_named_cassette_that_is_none_of_ours_is_left_alone(
    tmp_path, beside, keeps_vcr
):
    put(tmp_path, "c.yaml", text_of(entry(1)))
    other = put(tmp_path, "c.json", beside)
    held = cassette(tmp_path, "c.yaml", keeps_vcr=keeps_vcr)
    assert answers(held) == [1]

    held.publish([take(2)], MATCHER.key, replacing_run=None)

    assert other.read_text() == beside
    assert answers(cassette(tmp_path, "c.yaml", keeps_vcr=keeps_vcr)) == [1, "new"]


def test_the_first_recording_of_a_named_cassette_leaves_a_file_beside_it_alone(tmp_path):
    other = put(tmp_path, "c.json", UNRELATED)

    cassette(tmp_path, "c.yaml").publish([take(2)], MATCHER.key, replacing_run=None)

    assert other.read_text() == UNRELATED
    assert answers(cassette(tmp_path, "c.yaml")) == ["new"]


@pytest.mark.parametrize("broken", ["", "<<<<<<< HEAD\n{}\n", '{"onetake": 1, "interactions": ['])
def test_a_broken_document_of_ours_is_no_reason_to_read_what_it_was_made_of(tmp_path, broken):
    put(tmp_path, "c.yaml", text_of(entry(1)))
    put(tmp_path, "c.json", broken)

    with pytest.raises(CassetteError, match=r"c\.json"):
        answers(cassette(tmp_path, "c.yaml"))
