"""Equal calls under way at once, in any process of a shared store, are paid once."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from onetake.stores.budget import Budget
from tests.support import s3
from tests.support.runs import result, run_program, start_program
from tests.support.stores import SHARED, url_of

_PROGRAM = """
    import asyncio, json, os, sys, time
    import httpx
    import onetake

    url, calls, client, go = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]

    def body(n):
        return {"model": "m", "messages": [{"role": "user", "content": f"question {n}"}]}

    def ask(n):
        return session.post(url + "/v1/chat/completions", json=body(n)).text

    async def with_httpx():
        async with httpx.AsyncClient(timeout=60) as session:
            asked = [session.post(url + "/v1/chat/completions", json=body(n)) for n in range(calls)]
            return [answer.text for answer in await asyncio.gather(*asked)]

    async def with_aiohttp():
        import aiohttp
        async with aiohttp.ClientSession() as session:
            answers = []
            for n in range(calls):
                async with session.post(url + "/v1/chat/completions", json=body(n)) as answer:
                    answers.append(await answer.text())
            return answers

    print("ready", flush=True)
    while not os.path.exists(go):
        time.sleep(0.01)
    with onetake.use_cassette("flights") as cassette:
        if client == "sync":
            with httpx.Client(timeout=60) as session:
                answers = [ask(n) for n in range(calls)]
        else:
            answers = asyncio.run(with_httpx() if client == "httpx" else with_aiohttp())
    print(json.dumps({"answers": answers, "counts": cassette.counts}))
"""


def at_once(
    folder: Path, url: str, store: str, calls: int, clients: list[str], **settings: str
) -> list[Any]:
    """What one process for each of `clients` gets, all starting at the same moment."""
    go = folder / "go"
    running = []
    for n, client in enumerate(clients):
        project = folder / f"machine-{n}"  # each with a cache and a spool of its own
        project.mkdir()
        (project / "onetake.toml").write_text("")
        extra = s3.ENVIRONMENT | {"ONETAKE_STORE": store} | settings
        words = (url, str(calls), client, str(go))
        running.append(start_program(_PROGRAM, project, *words, **extra))
    for one in running:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    go.touch()
    results = []
    for one in running:
        text, _ = one.communicate(timeout=240)
        assert one.returncode == 0
        results.append(json.loads(text))
    return results


@pytest.mark.parametrize("kind", SHARED)
def test_equal_calls_of_many_processes_are_made_once(kind, request, tmp_path, provider):
    store = url_of(kind, request, tmp_path)
    is_full = kind == "redis" or os.environ.get("STRESS") == "1"
    processes, calls = (16, 100) if is_full else (4, 25)

    results = at_once(tmp_path, provider.url, store, calls, ["sync"] * processes)

    assert provider.billed() == calls
    assert {tuple(one["answers"]) for one in results} == {tuple(results[0]["answers"])}
    assert sum(one["counts"].get("recorded", 0) for one in results) == calls
    assert not any(one["counts"].get("paid_twice") for one in results)


def test_what_others_have_paid_for_is_not_spent_here(request, tmp_path, provider):
    store = url_of("sqlite", request, tmp_path)
    prices = json.dumps({"m": {"input": 0, "output": 1_000_000}})  # a dollar for each token
    limits = {"ONETAKE_MAX_SPEND": "100000", "ONETAKE_PRICES": prices, "ONETAKE_RUN_ID": "one"}

    results = at_once(tmp_path, provider.url, store, 10, ["sync", "sync", "httpx"], **limits)

    assert provider.billed() == 10
    tokens = [json.loads(one)["usage"]["completion_tokens"] for one in results[0]["answers"]]
    budgets = [Budget(tmp_path / f"machine-{n}" / ".onetake", "one") for n in range(3)]
    balances = [one.balance() for one in budgets]
    assert sum(one.settled for one in balances) == pytest.approx(sum(tokens))
    assert {one.reserved for one in balances} == {0}


def test_event_loops_wait_too(request, tmp_path, provider):
    store = url_of("redis", request, tmp_path)

    results = at_once(tmp_path, provider.url, store, 10, ["httpx", "aiohttp", "sync"])

    assert provider.billed() == 10
    assert len({tuple(one["answers"]) for one in results}) == 1


def test_recording_anew_is_shared_within_one_run(request, tmp_path, provider):
    store = url_of("redis", request, tmp_path)
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    at_once(tmp_path / "first", provider.url, store, 5, ["sync"])

    results = at_once(
        *(tmp_path / "second", provider.url, store, 5, ["sync"] * 3),
        ONETAKE_MODE="record",
        ONETAKE_RUN_ID="run-2",
    )

    assert provider.billed() == 10
    assert len({tuple(one["answers"]) for one in results}) == 1


def test_what_a_dead_process_was_about_to_call_is_called_by_another(request, tmp_path, provider):
    store = url_of("redis", request, tmp_path)
    dying = """
        import os, sys
        import httpx
        import onetake

        def stop(*_):
            os._exit(9)

        with onetake.use_cassette("flights"):
            # The call is claimed, and then the process is gone.
            import socket
            socket.socket.connect = stop
            body = {"model": "m", "messages": [{"role": "user", "content": "question 0"}]}
            httpx.post(sys.argv[1] + "/v1/chat/completions", json=body)
    """
    folder = tmp_path / "dead"
    folder.mkdir()
    (folder / "onetake.toml").write_text("")
    settings = {"ONETAKE_STORE": store, "ONETAKE_SINGLE_FLIGHT": "4s"}
    dead = run_program(dying, folder, provider.url, **settings)
    assert dead.returncode == 9

    start = time.monotonic()
    results = at_once(
        tmp_path, provider.url, store, 1, ["sync", "sync"], ONETAKE_SINGLE_FLIGHT="4s"
    )

    assert time.monotonic() - start < 60
    assert provider.billed() == 1
    assert len({tuple(one["answers"]) for one in results}) == 1


_CANCELLED = """
    import asyncio, json, sys
    import httpx
    import onetake

    async def main():
        url = sys.argv[1] + "/v1/chat/completions"
        body = {"model": "fake-hang", "messages": [{"role": "user", "content": "hi"}]}
        async with httpx.AsyncClient(timeout=60) as client:
            first = asyncio.create_task(call("one", client, url, body, 3))
            await asyncio.sleep(0.5)
            second = asyncio.create_task(call("other", client, url, body, 1))
            return await asyncio.gather(first, second)

    async def call(test, client, url, body, seconds):
        recorder = onetake.Recorder()
        with recorder.use_cassette("cancelled") as cassette:
            try:
                await asyncio.wait_for(client.post(url, json=body), seconds)
            except TimeoutError:
                pass
        return [cassette.counts, len(cassette.interactions), [one.ended for one in cassette.interactions]]

    print(json.dumps(asyncio.run(main())))
"""


def test_a_call_that_is_cancelled_while_it_waits_is_recorded_as_cancelled(
    request, tmp_path, provider
):
    store = url_of("redis", request, tmp_path)
    (tmp_path / "onetake.toml").write_text("")

    found = result(run_program(_CANCELLED, tmp_path, provider.url, ONETAKE_STORE=store))

    assert [one[2] for one in found] == [["cancelled"], ["cancelled"]]
    assert found[1][0]["local"] == 1  # nobody was asked


_LOGIN = """
    import json, os, sys, time
    import httpx
    import onetake

    kind, login, api, go = sys.argv[1:5]
    print("ready", flush=True)
    while not os.path.exists(go):
        time.sleep(0.01)
    with onetake.use_cassette("login") as cassette, httpx.Client() as client:
        answer = client.post(login, json={"who": "me"})
        token = answer.json().get("access_token", "none")
        statuses = [client.post(api, json={"n": n}, headers={"authorization": f"Bearer {token}"}).status_code
                    for n in range(3)]
    print(json.dumps({"statuses": statuses, "counts": cassette.counts}))
"""


@pytest.mark.parametrize(
    ("head", "body", "logins"),
    [
        ([], b'{"access_token": "a-token-of-twenty-letters"}', 2),
        ([["set-cookie", "session=a-cookie-of-twenty-letters"]], b"{}", 2),
        ([["set-cookie", "__cf_bm=a-cookie-of-twenty-letters"]], b"{}", 1),
    ],
    ids=["token", "cookie", "cookie of the network"],
)
def test_what_is_redacted_in_an_answer_is_of_no_use_to_others(
    request, tmp_path, provider, head, body, logins
):
    store, go = url_of("redis", request, tmp_path), tmp_path / "go"
    head = [["content-type", "application/json"], *head]
    login = provider.script({"status": 200, "headers": head, "chunks": [body]})
    running = []
    for n in range(2):
        project = tmp_path / f"machine-{n}"
        project.mkdir()
        (project / "onetake.toml").write_text("")
        words = ("x", login, provider.url + "/echo", str(go))
        running.append(start_program(_LOGIN, project, *words, ONETAKE_STORE=store))
    for one in running:
        one.stdout.readline()
    go.touch()
    results = [json.loads(one.communicate(timeout=120)[0]) for one in running]

    assert [one["statuses"] for one in results] == [[200] * 3] * 2
    assert not any(one["counts"].get("missed") for one in results)
    path = "/" + login.split("/", 3)[3]
    assert provider.counts()[f"POST {path}"] <= logins
