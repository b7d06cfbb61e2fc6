"""`onetake import` and `onetake export`, as they are typed in a project."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from onetake.formats import har, vcr_text
from tests.support.runs import result, run_program, run_python

SECRET = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"
REPLAY = """
    import json, sys
    import httpx, onetake
    seen = []
    with onetake.use_cassette(sys.argv[1], mode="replay") as cassette, httpx.Client() as client:
        for n in (1, 2):
            key = {"authorization": "Bearer sk-first-0123456789"}
            seen.append(client.post("http://a.test/v1", json={"n": n}, headers=key).json()["n"])
    print(json.dumps([*seen, cassette.verdict]))
"""


def onetake(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_python(project, "-m", "onetake", *arguments)


def entry(n: int, token: str) -> dict[str, Any]:
    return {
        "request": {
            "method": "POST",
            "uri": "http://a.test/v1",
            "body": json.dumps({"n": n}),
            "headers": {"Authorization": [f"Bearer {token}"], "Content-Type": ["application/json"]},
        },
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {"Content-Type": ["application/json"]},
            "body": {"string": json.dumps({"n": n, "access_token": SECRET})},
        },
    }


def everything(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


def test_a_cassette_of_vcrpy_is_imported_redacted_and_replays(project: Path) -> None:
    tree = {
        "interactions": [entry(1, SECRET), entry(2, SECRET), {"request": 1}],
        "version": 1,
    }
    there = project / "cassettes" / "main.yaml"
    there.parent.mkdir(exist_ok=True)
    there.write_text(yaml.dump(tree, Dumper=yaml.CDumper))

    shown = onetake(project, "import", "cassettes", "--store", "files:kept", "--json")
    assert shown.returncode == 1, shown.stderr
    assert not (project / "kept").exists()
    done = onetake(project, "import", "cassettes", "--store", "files:kept", "--yes")
    again = onetake(project, "import", "cassettes", "--store", "files:kept", "--yes", "--json")

    (file,) = json.loads(shown.stdout)["files"]
    assert file == {
        "file": "cassettes/main.yaml", "from": "vcr", "cassette": "main", "interactions": 2,
        "redacted": 2, "added": 0, "left": [{"entry": 3, "reason": "It has no request, or no response."}],
    }  # fmt: skip
    assert "2 interactions, 2 redacted, 2 added" in done.stdout
    assert "left: entry 3" in done.stderr
    assert json.loads(again.stdout)["files"][0]["added"] == 0
    assert SECRET not in everything(project / "kept")
    (project / "onetake.toml").write_text('store = "files:kept"\n')
    assert result(run_program(REPLAY, project, "main")) == [1, 2, "HIT"]


def test_one_that_lies_where_ours_would_be_is_taken_over(project: Path) -> None:
    there = project / "cassettes" / "main.yaml"
    there.parent.mkdir(exist_ok=True)
    there.write_text(
        yaml.dump({"interactions": [entry(1, SECRET), entry(2, SECRET)], "version": 1})
    )
    done = onetake(project, "import", "cassettes/main.yaml", "--yes")
    assert done.returncode == 0, done.stderr
    assert SECRET not in (there.parent / "main.json").read_text()
    assert there.exists()
    assert result(run_program(REPLAY, project, "main")) == [1, 2, "HIT"]


def test_har_and_betamax_are_told_by_their_content_and_exports_come_back(project: Path) -> None:
    calls = vcr_text.read(
        json.dumps({"interactions": [entry(1, SECRET), entry(2, SECRET)]}).encode(), "a"
    )
    (project / "calls.har").write_bytes(har.to_har(calls, "1"))
    body = {"encoding": "utf-8", "string": "x"}
    ruby = entry(1, SECRET)
    ruby["request"]["body"] = ruby["response"]["body"] = body
    (project / "ruby.json").write_text(json.dumps({"http_interactions": [ruby]}))

    done = onetake(project, "import", "calls.har", "ruby.json", "--yes", "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    assert [(one["from"], one["added"]) for one in json.loads(done.stdout)["files"]] == [
        ("har", 2), ("betamax", 1),
    ]  # fmt: skip
    for kind, name in (("har", "out.har"), ("vcr", "out.yaml"), ("vcr", "out.json")):
        made = onetake(project, "export", kind, "calls", "ruby", "-o", name)
        assert (made.returncode, made.stdout) == (0, f"3 interactions in {name}\n"), made.stderr
        assert SECRET not in (project / name).read_text()
    assert len(har.read((project / "out.har").read_bytes(), "a").interactions) == 3
    for name in ("out.yaml", "out.json"):
        assert len(vcr_text.read((project / name).read_bytes(), name)) == 3
    assert json.loads(onetake(project, "export", "har", "ruby").stdout)["log"]["version"] == "1.2"


def test_what_is_none_is_said(project: Path) -> None:
    (project / "own.json").write_text('{"onetake": 1, "interactions": []}')
    (project / "other.json").write_text('{"a": 1}')
    done = onetake(project, "import", "own.json", "other.json")
    assert done.returncode == 1
    assert "own.json is a cassette of onetake already" in done.stderr
    assert "other.json is no recording that is known" in done.stderr
    assert onetake(project, "import", "nowhere").returncode == 2


def test_what_cannot_be_written_is_told_before_it_is_tried(tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "one.yaml").write_text(yaml.dump({"interactions": [entry(1, SECRET)], "version": 1}))
    for more in ((), ("--yes",)):
        done = onetake(alone, "import", "one.yaml", *more)
        assert "is no project" in done.stderr
        assert (done.returncode, "To import this" in done.stdout) == (2, False)

    (alone / "cassettes").mkdir()
    assert onetake(alone, "import", "one.yaml", "--yes").returncode == 0
    done = onetake(alone, "export", "har", "one", "-o", "nodir/x.har")
    assert (done.returncode, "nodir" in done.stderr) == (2, True)
    assert not (alone / "nodir").exists()
