"""What an answer gave is met again wherever a program sends it on, and no secret of any place is written.

Each client records and replays in processes of their own; nothing is paid for the second time.
"""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import pytest
from click.testing import CliRunner

import fakeprovider
from onetake.cli import main
from tests.support.clients import CLIENTS
from tests.support.runs import result, run_program
from tests.unit.redaction.secrets import BODIES, HEADERS, KEYS, URLS, Case
from tests.unit.redaction.test_sent_on import FIELDS, SHAPES

EVERY_CLIENT = sorted(CLIENTS)
GIVEN = list(itertools.product(FIELDS, SHAPES))
CASES = [*BODIES, *HEADERS, *URLS]

PROGRAM = """
    import base64, json, sys
    from pathlib import Path
    from urllib.parse import quote
    import onetake
    from tests.support.clients import Ask, observe

    url, client, told = sys.argv[1:4]
    told = json.loads(Path(told).read_text())
    JSON = (("content-type", "application/json"),)


    def text_of(seen):
        assert not seen["error"], seen["error"]
        return b"".join(bytes.fromhex(one) for one in seen["chunks"])


    def sent_on(number, text):
        coded = quote(text, safe="")
        echo, own = url + "/echo", (("X-Own", text),)
        return [
            Ask(url=f"{echo}?key={coded}"),
            Ask(url=f"{echo}?a=1&access_token={coded}"),
            Ask(url=f"{echo}?note={coded}&b=2"),
            Ask(url=f"{url}/scripted/path/{coded}/x"),
            Ask(method="POST", url=echo, form=(("refresh_token", text), ("b", text))),
            Ask(method="POST", url=echo, headers=own, json={"api_key": text, "say": f"use {text}."}),
        ][number % 3 :: 3]


    seen = []
    with onetake.use_cassette("main") as cassette:
        for number, field in enumerate(told["given"]):
            answer = json.loads(text_of(observe(client, Ask(url=f"{url}/scripted/give-{number}"))))
            for ask in sent_on(number, answer[field]):
                seen.append(observe(client, ask)["status"])
        for number, case in enumerate(told["cases"]):
            lines = tuple(map(tuple, case["headers"]))
            if not case["answers_only"]:
                body = base64.b64decode(case["body"])
                ask = Ask(method="POST", url=url + case["path"], headers=lines, content=body)
                seen.append(observe(client, ask)["status"])
            seen.append(observe(client, Ask(url=f"{url}/scripted/case-{number}"))["status"])
    print(json.dumps({"seen": seen, "counts": cassette.counts}))
"""


def _headers(case: Case) -> list[list[str]]:
    lines = [["Content-Type", case.content_type or "application/octet-stream"]]
    if case.encoding:
        lines.append(["Content-Encoding", case.encoding])
    return [*lines, list(case.header)] if case.header else lines


def _told(case: Case) -> dict[str, Any]:
    path = case.url.removeprefix("https://api.test").removeprefix("https://b.test")
    return {
        "path": f"/scripted/path{path}" if case in URLS else "/echo",
        "headers": _headers(case),
        "body": base64.b64encode(case.body).decode(),
        "answers_only": case.answers_only,
    }


def _script(provider: fakeprovider.Provider, given: list[tuple[str, str]]) -> None:
    for number, (field, shape) in enumerate(given):
        body = json.dumps({"id": number, field: SHAPES[shape]}).encode()
        provider.script(
            {
                "id": f"give-{number}",
                "headers": [["content-type", "application/json"]],
                "chunks": [body],
            }
        )
    for number, case in enumerate(CASES):
        provider.script({"id": f"case-{number}", "headers": _headers(case), "chunks": [case.body]})
    provider.script({"id": "path", "chunks": [b"fine"]})


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_what_answers_gave_and_what_stands_anywhere(provider, project, client, tmp_path):
    # Each client sends on a quarter of what may be given; that all of it is met is tested without a client.
    given = GIVEN[EVERY_CLIENT.index(client) % 4 :: 4]
    _script(provider, given)
    told = tmp_path / "told.json"
    told.write_text(
        json.dumps({"given": [field for field, _ in given], "cases": list(map(_told, CASES))})
    )

    def run(mode: str) -> Any:
        return result(
            run_program(PROGRAM, project, provider.url, client, str(told), ONETAKE_MODE=mode)
        )

    recorded = run("auto")
    paid = provider.billed()
    replayed = run("replay")

    assert replayed["seen"] == recorded["seen"]
    assert provider.billed() == paid
    assert replayed["counts"].get("missed", 0) == 0
    files = [path.read_bytes() for path in (project / "cassettes").rglob("*") if path.is_file()]
    texts = b"".join(files)
    secrets = [SHAPES[shape] for field, shape in given if (field, shape) != ("value", "none")]
    secrets += [case.secret for case in CASES if len(case.secret) > 12]
    assert [one for one in secrets if one.encode() in texts] == []
    scanned = CliRunner().invoke(main, ["scan"])
    assert scanned.exit_code == 0, scanned.output


def test_keys_of_every_maker_are_written_nowhere(provider, project):
    program = """
        import json, sys, httpx, onetake
        keys = json.loads(sys.argv[2])
        with onetake.use_cassette("main"):
            for kind, key in keys.items():
                body = {"messages": [{"content": f"use {key} for {kind}"}]}
                httpx.post(sys.argv[1] + "/echo", json=body, headers={"x-note": key})
        print("{}")
    """
    told = json.dumps(KEYS)
    for mode in "auto", "replay":
        result(run_program(program, project, provider.url, told, ONETAKE_MODE=mode))
    assert provider.billed() == len(KEYS)
    text = (project / "cassettes/main.json").read_text()
    assert [key for key in KEYS.values() if key.split(" ")[-1].rpartition("/")[2] in text] == []
