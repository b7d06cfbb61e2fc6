"""A project that comes from vcrpy: its cassettes answer as they lie, and are added to as it wishes."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from pathlib import Path

import pytest
import yaml

from tests.support.clients import CLIENTS
from tests.support.runs import result, run_program

BODY = {"greeting": "hello", "more": "x" * 200}
TEXT = json.dumps(BODY)
PACKED = b64encode(gzip.compress(TEXT.encode())).decode()

# As urllib3 and aiohttp had it (decoded, beside the old headers), as httpx had it (packed), and as
# `decode_compressed_response` leaves it.
BODIES = {
    "decoded": f"headers: {{Content-Encoding: [gzip], Content-Length: ['99']}}\n    body: {{string: '{TEXT}'}}",
    "packed": f"headers: {{content-encoding: [gzip]}}\n    body: {{string: !!binary {PACKED}}}",
    "corrected": f"headers: {{Content-Length: ['{len(TEXT)}']}}\n    body: {{string: '{TEXT}'}}",
}


def written(body: str, times: int) -> str:
    """What each client sends, as some version of vcrpy has stored it."""
    answer = f"  response:\n    status: {{code: 200, message: OK}}\n    {BODIES[body]}\n"
    get = "- request: {method: get, uri: 'http://api.test:9/a?x=1&y=2', headers: {}, body: null}\n"
    post = (
        "- request: {method: POST, uri: 'http://api.test:9/p', body: '{\"a\": 1}',\n"
        "    headers: {Authorization: [DUMMY], Content-Type: application/json, x-amz-date: [!!binary aGk=]}}\n"
    )
    mapping = (
        "- request: {method: POST, uri: 'http://api.test:9/m', body: {a: [1, null]}, headers: {}}\n"
    )
    return (
        "interactions:\n"
        + (get + answer + post + answer + mapping + answer) * times
        + "version: 1\n"
    )


REPLAY = """
    import asyncio, json
    import aiohttp, httpx, requests, urllib3
    import onetake

    key = {"Authorization": "Bearer sk-live-0123456789abcdefghij"}
    base = "http://api.test:9"
    seen = []

    async def with_aiohttp():
        async with aiohttp.ClientSession(headers=key) as session:
            async with session.get(base + "/a?y=2&x=1") as answer:
                seen.append(await answer.json(content_type=None))
            for path, body in (("/p", {"a": 1}), ("/m", {"a": [1, None]})):
                async with session.post(base + path, json=body) as answer:
                    seen.append(await answer.json(content_type=None))

    with onetake.use_cassette("calls", mode="replay") as cassette:
        asyncio.run(with_aiohttp())
        with httpx.Client(headers=key) as client:
            seen.append(client.get(base + "/a?y=2&x=1").json())
            seen.append(client.post(base + "/p", json={"a": 1}).json())
            seen.append(client.post(base + "/m", json={"a": [1, None]}).json())
        with requests.Session() as session:
            seen.append(session.get(base + "/a?y=2&x=1", headers=key).json())
            seen.append(session.post(base + "/p", json={"a": 1}, headers=key).json())
            seen.append(session.post(base + "/m", json={"a": [1, None]}).json())
        with urllib3.PoolManager() as pool:
            seen.append(pool.request("GET", base + "/a?y=2&x=1").json())
            seen.append(pool.request("POST", base + "/p", json={"a": 1}).json())
            seen.append(pool.request("POST", base + "/m", json={"a": [1, None]}).json())
    print(json.dumps({"seen": seen, "verdict": cassette.verdict}))
"""


@pytest.mark.parametrize("body", BODIES)
def test_every_client_reads_an_old_cassette_where_it_lies(tmp_path: Path, body: str) -> None:
    (tmp_path / "onetake.toml").write_text("")
    there = tmp_path / "cassettes" / "calls.yaml"
    there.parent.mkdir()
    there.write_text(written(body, 4))
    before = there.read_bytes()

    seen = result(run_program(REPLAY, tmp_path))

    assert seen == {"seen": [BODY] * 12, "verdict": "HIT"}
    assert there.read_bytes() == before
    assert list(there.parent.iterdir()) == [there]


ADD = """
    import json, sys
    import httpx
    import onetake

    mode = sys.argv[2]
    with onetake.use_cassette("calls", mode=mode) as cassette, httpx.Client() as client:
        for key in ("sk-one-0123456789abcdefghij", "sk-two-0123456789abcdefghij"):
            client.get(sys.argv[1] + "/echo?n=1", headers={"authorization": "Bearer " + key})
    print(json.dumps([cassette.counts, cassette.path.name]))
"""


@pytest.mark.parametrize(("kind", "name"), [("vcrpy", "calls.yaml"), ("onetake", "calls.json")])
def test_what_is_recorded_is_added_in_the_format_that_is_set(
    tmp_path, provider, kind, name
) -> None:
    (tmp_path / "onetake.toml").write_text(f'format = "{kind}"\n')
    there = tmp_path / "cassettes" / "calls.yaml"
    there.parent.mkdir()
    there.write_text(written("packed", 1))
    old = yaml.safe_load(there.read_text())["interactions"]

    recorded = result(run_program(ADD, tmp_path, provider.url, "auto"))
    replayed = result(run_program(ADD, tmp_path, provider.url, "replay"))

    assert recorded[0] == {"recorded": 2}
    assert replayed == [{"replayed": 2}, name]
    assert provider.billed() == 2
    now = yaml.safe_load(there.read_text())["interactions"]
    assert now[:3] == old
    assert len(now) == (5 if kind == "vcrpy" else 3)
    assert "sk-one" not in "".join(path.read_text() for path in there.parent.iterdir())


TWO_FRAMINGS = """
    import json, sys, warnings
    import logging
    logged = []
    class Kept(logging.Handler):
        def emit(self, record):
            logged.append(record.getMessage())
    logging.getLogger().addHandler(Kept(logging.WARNING))
    import onetake
    from tests.support.clients import Ask, observe
    with onetake.use_cassette("c.yaml", mode="replay"):
        seen = observe(sys.argv[1], Ask(url="http://api.test:9/a"))
    print(json.dumps([seen["status"], "".join(seen["chunks"]), seen["error"], logged]))
"""


@pytest.mark.parametrize("client", sorted(CLIENTS))
@pytest.mark.parametrize("length", ["5", "99"])
def test_an_answer_with_two_framings_is_replayed_with_one(project, client, length):
    headers = {"Transfer-Encoding": ["chunked"], "Content-Length": [length]}
    answer = {
        "status": {"code": 200, "message": "OK"},
        "headers": headers,
        "body": {"string": "hello"},
    }
    asked = {"method": "GET", "uri": "http://api.test:9/a", "body": None, "headers": {}}
    entry = {"request": asked, "response": answer}
    (project / "c.yaml").write_text(json.dumps({"version": 1, "interactions": [entry]}))

    seen = result(run_program(TWO_FRAMINGS, project, client))

    assert seen == [200, b"hello".hex(), "", []]
