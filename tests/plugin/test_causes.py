"""A run says why it paid or missed: by cause, with one remedy each."""

from __future__ import annotations

import json
import re

import pytest

import fakeprovider
from tests.plugin.suite import Suite

GROWING = """
    import os
    import httpx, pytest
    from calls import URL

    def ask(**body):
        return httpx.post(URL, json=body).json()

    @pytest.mark.onetake
    @pytest.mark.parametrize("n", range(4))
    def test_counter(n):
        ask(prompt=f"call {'abcd'[n]}", run=int(os.environ["ROUND"]))

    @pytest.mark.onetake
    def test_prompt():
        ask(prompt="word " * 20 + os.environ["ROUND"] + "th" + os.environ["WORD"])
"""


def test_misses_are_grouped_by_cause_with_one_remedy_each(suite: Suite) -> None:
    suite.write("test_a.py", GROWING)
    assert suite.run(ROUND="1", WORD="red").code == 0

    run = suite.run("--onetake-mode=replay", ROUND="2", WORD="blue")

    assert run.outcomes == {"failed": 5}
    end = run.output[run.output.index("- onetake -") :]
    assert "4 misses: `body.run` changes with each run (counter)" in end
    assert 'ignore = ["body.run"]' in end
    assert "1 miss: `body.prompt` changed at character 100" in end
    assert "in test_a.py::test_counter[0], test_a.py::test_counter[1]," in end
    assert max(map(len, end.splitlines())) <= 80


def test_what_auto_pays_for_again_is_named_too(suite: Suite) -> None:
    suite.write("test_a.py", GROWING)
    suite.run(ROUND="1", WORD="red")

    run = suite.run("-n2", plugins=("xdist.plugin",), ROUND="2", WORD="red")

    assert run.outcomes == {"passed": 5}
    assert run.output.count("4 calls paid again: `body.run`") == 1
    assert "1 call paid again: `body.prompt` changed" in run.output


def test_new_calls_are_not_called_paid_again(suite: Suite) -> None:
    suite.write("test_a.py", GROWING)
    suite.run(ROUND="1", WORD="red")
    suite.write("test_a.py", GROWING + '\n        ask(prompt="one more")\n')

    run = suite.run(ROUND="1", WORD="red")

    assert run.line("paid calls").startswith("paid calls: 1 (recorded 1)")
    assert "paid again" not in run.output


def test_the_rule_that_is_printed_stops_it(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write("test_a.py", GROWING)
    suite.run(ROUND="1", WORD="red")
    run = suite.run("-k", "counter", "--onetake-mode=replay", ROUND="2", WORD="red")
    found = re.search(r"^ +\[\[rules\]\]\n(?: +\w+ = .*\n)+", run.output, re.MULTILINE)
    assert found is not None, run.output
    rule = "\n".join(line.strip() for line in found[0].splitlines())
    suite.write("onetake.toml", rule)
    provider.reset()

    run = suite.run("-v", "-k", "counter", ROUND="3", WORD="red")

    assert run.verdicts == ["[HIT] replayed=1"] * 4
    assert provider.billed() == 0


def test_loose_hits_are_told_with_field_and_kind(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import time, uuid
        import httpx, pytest
        from calls import URL

        @pytest.mark.onetake
        def test_loose(cassette):
            httpx.post(URL, json={"prompt": f"job {uuid.uuid4()}", "meta": {"at": time.time()}})
            print([(one.path, one.kind) for call in cassette.calls for one in call.loose])
        """,
    )
    suite.run()

    run = suite.run("-v", "-s")

    assert run.verdicts == ["[HIT] replayed=1 loose=1"]
    assert "[('body.meta.at', 'epoch'), ('body.prompt', 'uuid')]" in run.output
    assert run.line("paid calls") == "paid calls: 0; replayed: 1 (1 loosely)"
    assert run.line("equal but for volatile values:") == (
        "equal but for volatile values: body.meta.at (epoch) x1, body.prompt (uuid) x1"
    )


TELEMETRY = """
    import asyncio, threading
    import httpx, pytest
    from calls import URL, ask

    EXPORT = URL.replace("/echo", "/v1/traces")
    LINES = {"content-type": "application/x-protobuf"}
    go, done = threading.Event(), threading.Event()
    answers = []

    def export():
        go.wait(20)
        answers.append(httpx.post(EXPORT, headers=LINES, content=b"spans").status_code)
        answers.append(httpx.post(URL, json={"prompt": "late"}).status_code)
        done.set()

    @pytest.mark.onetake
    def test_a():
        ask("a")
        threading.Thread(target=export).start()

    @pytest.mark.onetake
    def test_b(cassette):
        ask("b")
        go.set()
        assert done.wait(20)
        ask("b too")
        assert answers == [200, 200]
        assert len(cassette.calls) == 2
"""


def test_20_a_thread_of_one_test_that_exports_during_another_is_its_own(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("test_a.py", TELEMETRY)

    run = suite.run("-v", "-p", "no:randomly")

    assert run.outcomes == {"passed": 2}
    for name, expected in (("test_a", ["a"]), ("test_b", ["b", "b too"])):
        text = (suite.root / "cassettes" / "test_a" / f"{name}.json").read_text()
        prompts = [
            one["request"]["body"]["json"]["prompt"] for one in json.loads(text)["interactions"]
        ]
        assert prompts == expected
        assert "/v1/traces" not in text
    told = re.sub(r"127\.0\.0\.1:\d+", "HOST", " ".join(run.output.split()))
    late = "warning: test_a.py::test_a: sent after its end: POST http://HOST"
    assert f"{late}/v1/traces (local: telemetry)" in told
    assert f"{late}/echo (live: its cassette is closed)" in told
    assert told.count("warning:") == 2
    assert "answered by onetake: telemetry 127.0.0.1:" in run.output
    assert provider.counts().get("POST /v1/traces", 0) == 0


def test_20_a_late_call_of_a_test_without_a_cassette_is_its_own(suite: Suite) -> None:
    source = TELEMETRY.replace("@pytest.mark.onetake", "", 1).replace("[200, 200]", "[404, 200]")
    suite.write("test_a.py", source)

    run = suite.run("-v")

    assert run.outcomes == {"passed": 2}
    text = (suite.root / "cassettes" / "test_a" / "test_b.json").read_text()
    assert len(json.loads(text)["interactions"]) == 2
    told = " ".join(run.output.split())
    assert told.count("warning: test_a.py::test_a: sent after its end: POST ") == 2


EXPORTS_OF_THREADS = {
    "httpx": "httpx.post(EXPORT, headers=LINES, content=b'spans').status_code",
    "httpx2": "httpx2.post(EXPORT, headers=LINES, content=b'spans').status_code",
    "requests": "requests.post(EXPORT, headers=LINES, data=b'spans').status_code",
    "urllib3": "urllib3.request('POST', EXPORT, headers=LINES, body=b'spans').status",
    "urllib.request": "urllib.request.urlopen("
    "urllib.request.Request(EXPORT, b'spans', LINES, method='POST')).status",
}


@pytest.mark.parametrize("library", sorted(EXPORTS_OF_THREADS))
def test_20_the_thread_may_export_by_any_client(
    suite: Suite, provider: fakeprovider.Provider, library: str
) -> None:
    source = TELEMETRY.replace("import httpx, pytest", f"import httpx, pytest, {library}")
    source = source.replace(
        'httpx.post(EXPORT, headers=LINES, content=b"spans").status_code',
        EXPORTS_OF_THREADS[library],
    )
    suite.write("test_a.py", source)

    run = suite.run("-v")

    assert run.outcomes == {"passed": 2}, run.output
    assert run.output.count("test_a.py::test_a: sent after its end:") == 2
    assert provider.counts().get("POST /v1/traces", 0) == 0


TASKS = """
    import asyncio
    import {library}, pytest
    from calls import URL, ask_async

    EXPORT = URL.replace("/echo", "/v1/traces")
    LINES = {{"content-type": "application/x-protobuf"}}
    pytestmark = [pytest.mark.onetake, pytest.mark.asyncio(loop_scope="session")]
    kept = []

    async def export(go):
        await go.wait()
        {export}

    async def test_a():
        go = asyncio.Event()
        kept.extend([go, asyncio.create_task(export(go))])
        await ask_async("a")

    async def test_b(cassette):
        await ask_async("b")
        kept[0].set()
        assert await kept[1] == 200
        assert len(cassette.calls) == 1
"""
EXPORTS_OF_TASKS = {
    "httpx": "async with httpx.AsyncClient() as client:\n"
    "            return (await client.post(EXPORT, headers=LINES, content=b's')).status_code",
    "httpx2": "async with httpx2.AsyncClient() as client:\n"
    "            return (await client.post(EXPORT, headers=LINES, content=b's')).status_code",
    "aiohttp": "async with aiohttp.ClientSession() as client:\n"
    "            async with client.post(EXPORT, headers=LINES, data=b's') as answer:\n"
    "                return answer.status",
}


@pytest.mark.parametrize("library", sorted(EXPORTS_OF_TASKS))
def test_20_a_task_that_exports_during_another_test_is_its_own(
    suite: Suite, provider: fakeprovider.Provider, library: str
) -> None:
    suite.write("test_a.py", TASKS.format(library=library, export=EXPORTS_OF_TASKS[library]))

    loops = "asyncio_default_fixture_loop_scope=session"

    run = suite.run("-v", "-o", loops, plugins=("pytest_asyncio.plugin",))

    assert run.outcomes == {"passed": 2}, run.output
    assert run.output.count("test_a.py::test_a: sent after its end: POST") == 1
    assert provider.counts().get("POST /v1/traces", 0) == 0
