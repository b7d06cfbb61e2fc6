"""Scenarios 21 to 23 and 38, `kill -9`, and several processes at one cassette."""

from __future__ import annotations

import json
import random
import signal
import textwrap
import time

import pytest

from tests.support.runs import result, run_program, start_program

CALLS = """
    import json, sys, httpx, onetake
    url, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    done = []
    with onetake.use_cassette("main") as cassette, httpx.Client() as client:
        for n in range(first, last):
            client.post(url + "/echo", json={"n": n})
            print("done", n, flush=True)
    print(json.dumps([cassette.verdict, cassette.counts]))
"""


@pytest.mark.parametrize("seed", range(4))
def test_kill_9_loses_no_completed_interaction(provider, project, seed):
    process = start_program(CALLS, project, provider.url, "0", "400")
    assert process.stdout is not None
    enough = random.Random(seed).randrange(1, 60)
    for _ in range(enough):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    completed = enough + rest.count("\n")
    paid = provider.billed()
    assert completed <= paid <= completed + 1

    again = result(run_program(CALLS, project, provider.url, "0", str(completed)))

    assert again == ["HIT", {"replayed": completed}]
    assert provider.billed() == paid
    assert (
        len(json.loads((project / "cassettes/main.json").read_text())["interactions"]) == completed
    )


def test_four_processes_record_into_one_cassette_without_loss(provider, project):
    processes = [
        start_program(CALLS, project, provider.url, str(n), str(n + 20)) for n in range(0, 80, 20)
    ]
    for process in processes:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output

    assert provider.billed() == 80
    again = result(run_program(CALLS, project, provider.url, "0", "80"))

    assert again == ["HIT", {"replayed": 80}]
    assert provider.billed() == 80


def test_four_processes_that_record_the_same_calls_keep_each_once(provider, project):
    wait = "    import time; time.sleep(max(0, float(sys.argv[4]) - time.time()))\n"
    source = textwrap.dedent(wait + CALLS.replace("import json, sys,", "import json,", 1))
    start = str(time.time() + 1.5)
    processes = [
        start_program("import sys\n" + source, project, provider.url, "0", "20", start)
        for _ in range(4)
    ]
    counts = [json.loads(p.communicate(timeout=60)[0].splitlines()[-1])[1] for p in processes]

    held = json.loads((project / "cassettes/main.json").read_text())["interactions"]
    assert len(held) == 20
    assert sum(c.get("paid_twice", 0) for c in counts) == provider.billed() - 20


def test_21_a_place_that_cannot_be_written_is_one_clear_error_and_loses_nothing(provider, project):
    (project / "cassettes").write_text("in the way")
    program = """
        import httpx, json, sys, onetake
        with onetake.use_cassette("first", store="memory:"):
            before = httpx.HTTPTransport.handle_request  # with the hook, which is put there once
        error = None
        try:
            with onetake.use_cassette("main") as cassette:
                status = httpx.get(sys.argv[1] + "/status/200").status_code
        except onetake.StoreError as caught:
            error = str(caught)
        with onetake.use_cassette("memory", store="memory:") as other:
            httpx.get(sys.argv[1] + "/status/200")
        print(json.dumps([status, error, cassette.verdict, other.verdict,
                          httpx.HTTPTransport.handle_request is before]))
    """

    status, error, verdict, other, restored = result(run_program(program, project, provider.url))

    assert (status, verdict, other, restored) == (200, "NOT_PERSISTED", "RECORDED", True)
    assert "cassettes" in error
    assert "kept in" in error
    assert "run again" in error
    assert "Traceback" not in error

    (project / "cassettes").unlink()
    again = run_program(
        """
        import httpx, json, sys, onetake
        with onetake.use_cassette("main") as cassette:
            httpx.get(sys.argv[1] + "/status/200")
        print(json.dumps(cassette.verdict))
        """,
        project,
        provider.url,
    )
    assert result(again) == "HIT"
    assert provider.billed() == 2


@pytest.mark.parametrize("client", ["httpx", "requests", "aiohttp"])
def test_22_a_stream_that_nobody_reads_or_closes_touches_nothing_else(provider, project, client):
    opens = {
        "httpx": "kept = httpx.Client().send(httpx.Request('GET', url), stream=True)",
        "requests": "kept = requests.get(url, stream=True)",
        "aiohttp": "kept = asyncio.run(left_open(url))",
    }
    program = f"""
        import asyncio, json, sys, warnings, aiohttp, httpx, requests, onetake
        warnings.simplefilter("ignore")
        async def left_open(url):
            session = aiohttp.ClientSession()
            answer = await session.get(url)
            await session.close()
            return answer
        url = sys.argv[1] + "/stream/3?delay_ms=20&size=5"
        with onetake.use_cassette("first") as first:
            {opens[client]}
        with onetake.use_cassette("second") as second:
            httpx.get(sys.argv[1] + "/status/200")
        print(json.dumps([second.verdict, len(second.interactions), first.counts]))
    """

    verdict, held, counts = result(run_program(program, project, provider.url))

    assert (verdict, held) == ("RECORDED", 1)
    assert counts == {"recorded": 1}


def test_23_loading_runs_no_filter_and_changes_no_byte(provider, project):
    run_program(CALLS, project, provider.url, "0", "10")
    cassette = project / "cassettes" / "main.json"
    before = cassette.read_bytes()
    program = (
        CALLS.replace("import json,", "import onetake, json,")
        .replace(
            'use_cassette("main")', 'use_cassette("main", match_on=["method", "url", "nothing"])'
        )
        .replace(
            "done = []", 'done = []; onetake.register_matcher("nothing", lambda request: None)'
        )
    )

    found = result(run_program(program, project, provider.url, "0", "10"))

    assert found == ["HIT", {"replayed": 10}]
    assert cassette.read_bytes() == before


BROKEN = {
    "corrupt": (b'{"onetake": 1, "interactions": [{"request": 5}]}', "record anew"),
    "not JSON": (b"\x00\x01 nonsense", "record anew"),
    "half-written": (None, "record anew"),
    "newer": (b'{"onetake": 99, "interactions": []}', "pgrade onetake"),
    "conflicting": (b'{\n<<<<<<< HEAD\n  "onetake": 1\n', "conflict"),
    "empty": (b"", "record anew"),
}


@pytest.mark.parametrize("mode", ["replay", "auto"])
@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_38_a_broken_file_is_one_clear_error_and_never_a_wrong_answer(
    provider, project, kind, mode
):
    run_program(CALLS, project, provider.url, "0", "3")
    cassette = project / "cassettes" / "main.json"
    text, remedy = BROKEN[kind]
    cassette.write_bytes(cassette.read_bytes()[:300] if text is None else text)
    before = cassette.read_bytes()
    program = """
        import httpx, json, sys, onetake
        try:
            with onetake.use_cassette("main"):
                httpx.post(sys.argv[1] + "/echo", json={"n": 0})
        except onetake.CassetteError as error:
            print(json.dumps(str(error)))
    """

    error = result(run_program(program, project, provider.url, ONETAKE_MODE=mode))

    assert "main.json" in error
    assert remedy.lower() in error.lower()
    assert cassette.read_bytes() == before
    assert provider.billed() == 3
