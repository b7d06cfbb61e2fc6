"""A request belongs to the cassette of the context that started it, and to no other."""

from __future__ import annotations

import json

import pytest

from tests.support.runs import result, run_program

STARTERS = {
    "thread": "t = threading.Thread(target=call); t.start(); t.join()",
    "pool": "with ThreadPoolExecutor() as pool: pool.submit(call).result()",
    "pool started before": "EARLY.submit(call).result()",
    "to_thread": "asyncio.run(asyncio.to_thread(call))",
    "run_in_executor": "asyncio.run(in_executor())",
    "task": "asyncio.run(in_task())",
}

FRAME = """
import asyncio, json, sys, threading
from concurrent.futures import ThreadPoolExecutor
import httpx, onetake
url = sys.argv[1]
EARLY = ThreadPoolExecutor(1)
EARLY.submit(int).result()
def call():
    assert httpx.get(url + "/status/200").status_code == 200
async def in_executor():
    await asyncio.get_running_loop().run_in_executor(None, call)
async def in_task():
    async def acall():
        async with httpx.AsyncClient() as client:
            await client.get(url + "/status/200")
    await asyncio.create_task(acall())
with onetake.use_cassette("main") as cassette:
    {start}
print(json.dumps([cassette.verdict, cassette.counts]))
"""


@pytest.mark.parametrize("start", sorted(STARTERS))
def test_what_a_cassette_starts_belongs_to_it(provider, project, start):
    source = FRAME.replace("{start}", STARTERS[start])

    assert result(run_program(source, project, provider.url)) == ["RECORDED", {"recorded": 1}]
    assert result(run_program(source, project, provider.url)) == ["HIT", {"replayed": 1}]
    assert provider.billed() == 1


def test_two_cassettes_in_two_tasks_or_threads_never_mix(provider, project):
    program = """
        import asyncio, json, sys, threading, aiohttp, httpx, onetake
        url = sys.argv[1]
        async def in_task(name):
            with onetake.use_cassette(name) as cassette:
                async with httpx.AsyncClient() as one, aiohttp.ClientSession() as two:
                    for n in range(5):
                        await one.post(url + "/echo", json={"from": name, "n": n})
                        async with two.get(url + f"/status/200?from={name}&n={n}") as answer:
                            await answer.read()
            return cassette
        def in_thread(name, found):
            with onetake.use_cassette(name) as cassette, httpx.Client() as client:
                for n in range(10):
                    client.post(url + "/echo", json={"from": name, "n": n})
            found.append(cassette)
        async def tasks():
            return await asyncio.gather(*(in_task(f"task{n}") for n in range(4)))
        found = asyncio.run(tasks())
        threads = [threading.Thread(target=in_thread, args=(f"thread{n}", found)) for n in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        print(json.dumps(sorted((c.name, c.verdict, c.counts) for c in found)))
    """

    recorded = result(run_program(program, project, provider.url))
    paid = provider.billed()
    replayed = result(run_program(program, project, provider.url))

    assert all(counts == {"recorded": 10} for _, _, counts in recorded)
    assert all(found[1:] == ["HIT", {"replayed": 10}] for found in replayed)
    assert (paid, provider.billed()) == (80, 80)
    for path in (project / "cassettes").glob("*.json"):
        text = json.dumps(json.loads(path.read_text())["interactions"])
        others = {f"{kind}{n}" for kind in ("task", "thread") for n in range(4)} - {path.stem}
        assert not [other for other in others if f'"{other}"' in text or f"from={other}&" in text]


def test_cassettes_nest_and_the_innermost_owns_the_call(provider, project):
    program = """
        import httpx, json, sys, onetake
        with onetake.use_cassette("outer") as outer:
            httpx.get(sys.argv[1] + "/status/200")
            with onetake.use_cassette("inner") as inner:
                httpx.get(sys.argv[1] + "/status/201")
            httpx.get(sys.argv[1] + "/status/202")
        print(json.dumps([outer.counts, inner.counts]))
    """

    assert result(run_program(program, project, provider.url)) == [{"recorded": 2}, {"recorded": 1}]


def test_onetake_imports_no_client_library(project):
    program = """
        import json, sys, onetake
        with onetake.use_cassette("main"):
            pass
        clients = {"httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3", "aiohttp",
                   "botocore", "boto3", "openai", "anthropic", "http.client", "asyncio"}
        print(json.dumps(sorted(clients & set(sys.modules))))
    """

    found = result(run_program(program, project))

    assert [name for name in found if name not in ("asyncio", "http.client")] == []


def test_a_client_that_is_imported_later_is_recorded_too(provider, project):
    program = """
        import json, sys, onetake
        with onetake.use_cassette("main") as cassette:
            import requests, httpx, urllib.request
            requests.get(sys.argv[1] + "/status/200")
            httpx.get(sys.argv[1] + "/status/200")
            urllib.request.urlopen(sys.argv[1] + "/status/200").read()
        print(json.dumps(cassette.counts))
    """

    assert result(run_program(program, project, provider.url)) == {"recorded": 3}


def test_a_decorated_function_opens_its_cassette_at_each_call(provider, project):
    program = """
        import asyncio, httpx, json, sys, onetake
        url = sys.argv[1] + "/status/200"
        @onetake.use_cassette("plain")
        def plain():
            return httpx.get(url).status_code
        @onetake.use_cassette("coroutine")
        async def coroutine():
            async with httpx.AsyncClient() as client:
                return (await client.get(url)).status_code
        print(json.dumps([plain(), plain(), asyncio.run(coroutine()), asyncio.run(coroutine())]))
    """

    assert result(run_program(program, project, provider.url)) == [200] * 4
    assert provider.billed() == 2


def test_ci_holds_a_program_to_replay_and_says_why(provider, project):
    program = """
        import httpx, json, sys, onetake
        try:
            with onetake.use_cassette("main", mode="auto"):
                httpx.get(sys.argv[1] + "/status/200")
        except onetake.MissError as miss:
            print(json.dumps(str(miss)))
    """

    text = result(run_program(program, project, provider.url, CI="true"))

    assert "CI is set" in text
    assert "ONETAKE_MODE" in text
    assert provider.billed() == 0
