"""Scenarios 13 and 14: a test author's own fake is never recorded and always answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.runs import result, run_program

FAKES = {
    "MockTransport": """
        import httpx
        def call():
            calls.append(1)
            transport = httpx.MockTransport(lambda request: httpx.Response(200, text="fake"))
            with httpx.Client(transport=transport) as client:
                return client.get("http://api.example.test/").text
    """,
    "httpx2.MockTransport": """
        import httpx2
        def call():
            transport = httpx2.MockTransport(lambda request: httpx2.Response(200, text="fake"))
            with httpx2.Client(transport=transport) as client:
                return client.get("http://api.example.test/").text
    """,
    "ASGITransport": """
        import asyncio, httpx
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"fake"})
        async def acall():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
                return (await client.get("http://api.example.test/")).text
        def call():
            return asyncio.run(acall())
    """,
    "respx": """
        import httpx, respx
        def fake():
            mock = respx.mock(assert_all_called=False)
            mock.get("http://api.example.test/").respond(200, text="fake")
            return mock
        def call():
            return httpx.get("http://api.example.test/").text
    """,
    "respx-async": """
        import asyncio, httpx, respx
        def fake():
            mock = respx.mock(assert_all_called=False)
            mock.get("http://api.example.test/").respond(200, text="fake")
            return mock
        async def acall():
            async with httpx.AsyncClient() as client:
                return (await client.get("http://api.example.test/")).text
        def call():
            return asyncio.run(acall())
    """,
    "responses": """
        import requests, responses
        def fake():
            mock = responses.RequestsMock(assert_all_requests_are_fired=False)
            mock.add(responses.GET, "http://api.example.test/", body="fake")
            return mock
        def call():
            return requests.get("http://api.example.test/").text
    """,
    "aioresponses": """
        import asyncio, aiohttp
        from aioresponses import aioresponses
        from inspect import signature
        from unittest.mock import Mock
        class Answer(aiohttp.ClientResponse):
            # aioresponses 0.7 does not know of an argument that aiohttp 3.14 demands.
            def __init__(self, *args, **options):
                if "stream_writer" in signature(aiohttp.ClientResponse).parameters:
                    options.setdefault("stream_writer", Mock(output_size=0))
                super().__init__(*args, **options)
        def fake():
            mock = aioresponses()
            class Scope:
                def __enter__(self):
                    mock.__enter__()
                    mock.get("http://api.example.test/", body="fake", repeat=True,
                             response_class=Answer)
                def __exit__(self, *args):
                    mock.__exit__(*args)
            return Scope()
        async def acall():
            async with aiohttp.ClientSession() as session:
                async with session.get("http://api.example.test/") as answer:
                    return await answer.text()
        def call():
            return asyncio.run(acall())
    """,
}

PATCHING = ["respx", "respx-async", "responses", "aioresponses"]

_FRAME = """
import contextlib, json, sys
import onetake
calls = []
{fake}
order = sys.argv[1]
def cassette():
    return onetake.use_cassette("main")
if order == "no fake object":
    with cassette() as held:
        got = [call(), call()]
elif order == "installed before the fake":
    onetake.Recorder()
    with fake(), cassette() as held:
        got = [call(), call()]
elif order == "installed during the fake":
    with fake(), cassette() as held:
        got = [call(), call()]
elif order == "fake inside the cassette":
    with cassette() as held:
        with fake():
            got = [call(), call()]
elif order == "fake left before the cassette":
    one, two = contextlib.ExitStack(), contextlib.ExitStack()
    one.enter_context(fake())
    held = two.enter_context(cassette())
    got = [call(), call()]
    one.close()
    two.close()
print(json.dumps([got, held.verdict, len(held.interactions)]))
"""


def recorded(project: Path) -> list[Path]:
    """The cassettes of the project."""
    return [path for path in project.rglob("*.json") if ".onetake" not in path.parts]


def _program(name: str) -> str:
    import textwrap

    return _FRAME.format(fake=textwrap.dedent(FAKES[name]))


@pytest.mark.parametrize("name", ["MockTransport", "httpx2.MockTransport", "ASGITransport"])
def test_13_a_fake_transport_answers_in_both_runs(project, name):
    for _ in range(2):
        assert result(run_program(_program(name), project, "no fake object")) == [
            ["fake", "fake"],
            "NO_TRAFFIC",
            0,
        ]
    assert recorded(project) == []


@pytest.mark.parametrize(
    "order",
    [
        "installed before the fake",
        "installed during the fake",
        "fake inside the cassette",
        "fake left before the cassette",
    ],
)
@pytest.mark.parametrize("name", PATCHING)
def test_14_a_fake_that_patches_answers_in_both_runs(project, name, order):
    for _ in range(2):
        assert result(run_program(_program(name), project, order)) == [
            ["fake", "fake"],
            "NO_TRAFFIC",
            0,
        ]
    assert recorded(project) == []


@pytest.mark.parametrize("order", ["installed during the fake", "fake left before the cassette"])
@pytest.mark.parametrize("name", PATCHING)
def test_14_after_a_fake_real_calls_are_recorded_again(provider, project, name, order):
    after = """
import httpx, requests, aiohttp, asyncio
async def aio(url):
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            return answer.status
with cassette() as held:
    url = sys.argv[2] + "/status/200"
    httpx.get(url), requests.get(url), asyncio.run(aio(url))
print(json.dumps([held.verdict, len(held.interactions)]))
"""

    found = result(run_program(_program(name) + after, project, order, provider.url))

    assert found == ["RECORDED", 3]
    assert provider.billed() == 3


def test_14_a_fake_left_while_its_cassette_is_open_gives_the_calls_back(provider, project):
    program = """
        import contextlib, httpx, json, respx, sys, onetake
        fake = contextlib.ExitStack()
        fake.enter_context(respx.mock(assert_all_called=False))
        with onetake.use_cassette("main") as held:
            fake.close()
            httpx.get(sys.argv[1] + "/status/200")
        print(json.dumps([held.verdict, len(held.interactions)]))
    """

    assert result(run_program(program, project, provider.url)) == ["RECORDED", 1]
    assert result(run_program(program, project, provider.url)) == ["HIT", 1]


_OVER_A_RECORDING = """
import contextlib, json, sys
import {library} as library, {pool} as pool
import onetake

class Transport(library.HTTPTransport):
    def handle_request(self, request):
        return library.Response(200, text="fake")

def answer(self, request):
    return library.Response(200, text="fake")

def answer_at_pool(self, request):
    return pool.Response(200, content=b"fake")

@contextlib.contextmanager
def patched(owner, name, new):
    old = owner.__dict__[name]
    setattr(owner, name, new)
    try:
        yield
    finally:
        setattr(owner, name, old)

def fake():
    if sys.argv[1] == "transport":
        return patched(library.HTTPTransport, "handle_request", answer)
    return patched(pool.ConnectionPool, "handle_request", answer_at_pool)

def call(transport=None):
    with library.Client(transport=transport, trust_env=False, verify=False) as client:
        return client.post(sys.argv[2] + "/echo", json={{"a": 1}}).text != "fake"

def on_instance():
    transport = library.HTTPTransport()
    transport._pool.handle_request = lambda request: answer_at_pool(None, request)
    return transport

with onetake.use_cassette("main", repeats="last"):
    found = [call()]
    with fake():
        found.append(call())
    found += [call(Transport()), call(on_instance()), call()]
with fake(), onetake.use_cassette("main", repeats="last"):
    found.append(call())
one, two = contextlib.ExitStack(), contextlib.ExitStack()
one.enter_context(fake())
two.enter_context(onetake.use_cassette("main", repeats="last"))
found.append(call())
one.close()
found.append(call())
two.close()
with onetake.use_cassette("main", repeats="last") as held:
    found.append(call())
print(json.dumps([found, held.verdict]))
"""


@pytest.mark.parametrize("place", ["transport", "pool"])
@pytest.mark.parametrize(("library", "pool"), [("httpx", "httpcore"), ("httpx2", "httpcore2")])
def test_14_a_fake_stays_on_top_of_what_is_recorded(provider, project, library, pool, place):
    program = _OVER_A_RECORDING.format(library=library, pool=pool)
    run_program(program, project, "none", provider.url)  # records
    billed = provider.billed()

    found, verdict = result(run_program(program, project, place, provider.url))

    inside, around, crossing = [True, False, False, False, True], [False], [False, True]
    assert found == [*inside, *around, *crossing, True]
    assert verdict == "HIT"
    assert provider.billed() == billed


def test_pytest_httpx_answers_inside_a_marked_test(project):
    (project / "test_it.py").write_text(
        "import httpx, pytest\n"
        "@pytest.mark.onetake\n"
        "def test_it(httpx_mock, cassette):\n"
        "    httpx_mock.add_response(text='fake')\n"
        "    assert httpx.get('http://api.example.test/').text == 'fake'\n"
        "    assert cassette.verdict == 'NO_TRAFFIC'\n"
    )
    program = "import pytest, sys; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '-p', 'no:asyncio']))"
    for _ in range(2):
        done = run_program(program, project, is_bare=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert recorded(project) == []
