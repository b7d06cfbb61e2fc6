"""An answer that was not read to its end never stands for the whole one."""

from __future__ import annotations

import pytest

from tests.plugin.suite import new_suite
from tests.support.runs import result, run_program

CLIENTS = ["httpx", "httpx-async", "httpx2", "requests", "urllib3", "aiohttp", "urllib"]
SUITE = """
    import os, pytest
    from tests.support.clients import Ask, observe
    from tests.support import clients

    class Chunks(list):
        def append(self, chunk):
            super().append(chunk)
            if "STOP" in os.environ:
                how = os.environ["STOP"]
                if how == "kill":
                    os.kill(os.getpid(), 9)
                raise {"assertion": AssertionError, "interrupt": KeyboardInterrupt}[how]

    @pytest.mark.onetake
    def test_stream(monkeypatch):
        seen = clients.Seen
        monkeypatch.setattr(clients, "Seen", lambda: seen(chunks=Chunks()))
        url = os.environ["PROVIDER_URL"] + "/stream/5?delay_ms=20&size=10"
        assert len(observe(os.environ["CLIENT"], Ask(url=url))["chunks"]) == 5
"""


@pytest.mark.parametrize("how", ["assertion", "interrupt", "kill"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_test_that_was_stopped_in_a_stream_asks_anew(provider, tmp_path, client, how):
    suite = new_suite(tmp_path, provider.url)
    suite.write("test_a.py", SUITE)

    stopped = suite.run(CLIENT=client, STOP=how)
    again = suite.run(CLIENT=client)
    replayed = suite.run("--onetake-mode=replay", CLIENT=client)

    assert stopped.code != 0
    assert again.outcomes == replayed.outcomes == {"passed": 1}
    assert "replayed: 1" in replayed.output
    assert provider.billed() == 2


TWO = """
    import json, sys, onetake
    from tests.support.clients import Ask, observe
    url, store, first_reads, second_reads = sys.argv[1:]

    def ask(reads):
        return observe("httpx", Ask(url=url + "/stream/5?size=10&delay_ms=20", read=int(reads) or None))

    first = onetake.use_cassette("main", store=store)
    first.__enter__()
    ask(first_reads)
    second = onetake.use_cassette("main", store=store)
    second.__enter__()
    first.__exit__(None, None, None)
    ask(second_reads)
    second.__exit__(None, None, None)
    with onetake.use_cassette("main", store=store, mode="replay") as cassette:
        seen = ask(0)
    print(json.dumps([len(seen["chunks"]), cassette.verdict, len(cassette.interactions)]))
"""


@pytest.mark.parametrize(("first", "second"), [(2, 0), (0, 2)])
def test_a_whole_answer_beats_a_part_whoever_comes_first(provider, project, store, first, second):
    done = run_program(TWO, project, provider.url, store.url, str(first), str(second))
    assert result(done) == [5, "HIT", 1]


READER = """
    import json, sys, time, onetake
    from onetake.runtime import playback
    from tests.support.clients import Ask, observe
    url, client, reads, timeout_s, quiet_s = sys.argv[1:]
    playback._QUIET_S = float(quiet_s)
    ask = Ask(
        url=url + "/stream/6?size=10&delay_ms=60", read=int(reads) or None, timeout_s=float(timeout_s)
    )
    start = time.monotonic()
    with onetake.use_cassette("main") as cassette, cassette.expect_miss():
        seen = observe(client, ask)
    print(json.dumps([len(seen["chunks"]), seen["error"], time.monotonic() - start, cassette.counts]))
"""


@pytest.mark.parametrize("client", CLIENTS)
def test_reading_past_what_was_read_waits_and_is_then_a_miss(provider, project, client):
    run_program(READER, project, provider.url, client, "2", "10", "30")

    done = run_program(
        READER, project, provider.url, client, "0", "10", "0.5", ONETAKE_MODE="replay"
    )

    chunks, error, waited_s, counts = result(done)
    assert "MissError" in error
    assert (chunks, counts) == (2, {"replayed": 1})
    assert waited_s >= 0.5


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_that_runs_out_of_patience_raises_its_own_error(provider, project, client):
    run_program(READER, project, provider.url, client, "2", "10", "30")

    done = run_program(
        READER, project, provider.url, client, "0", "0.3", "30", ONETAKE_MODE="replay"
    )

    own = "requests.exceptions.ConnectionError" if client == "requests" else "imeout"
    assert own in result(done)[1]


@pytest.mark.parametrize("timeout_s", ["10", "0.2"])
def test_a_reader_that_wants_more_than_was_recorded_is_a_miss(provider, project, timeout_s):
    program = """
        import json, sys, onetake
        from onetake.runtime import playback
        from tests.support.clients import Ask, observe
        url, reads, timeout_s = sys.argv[1:]
        playback._QUIET_S = 0.5
        url += "/stream/6?size=10&delay_ms=60"
        cassette = onetake.use_cassette("main")
        try:
            with cassette as opened:
                observe("httpx", Ask(url=url, read=int(reads) or None, timeout_s=float(timeout_s)))
        except onetake.MissError as error:
            print(json.dumps([opened.verdict, opened.counts, str(error)]))
    """
    run_program(program, project, provider.url, "2", "10")

    done = run_program(program, project, provider.url, "0", timeout_s, ONETAKE_MODE="replay")

    verdict, counts, message = result(done)
    assert (verdict, counts) == ("MISS", {"replayed": 1, "missed": 1})
    assert "the client closed the stream before its end" in message


@pytest.mark.parametrize("client", ["httpx-async", "httpx2-async", "aiohttp"])
def test_a_time_out_around_a_stream_passes_again(provider, project, client):
    program = """
        import asyncio, json, sys, onetake
        url, client = sys.argv[1:]

        async def chunks():
            if client == "aiohttp":
                import aiohttp
                async with aiohttp.ClientSession() as session, session.get(url) as answer:
                    async for chunk in answer.content.iter_any():
                        yield chunk
            else:
                library = __import__(client.partition("-")[0])
                async with library.AsyncClient() as session, session.stream("GET", url) as answer:
                    async for chunk in answer.aiter_bytes():
                        yield chunk

        async def main():
            seen = []
            try:
                async with asyncio.timeout(None) as limit:
                    async for chunk in chunks():
                        seen.append(len(chunk))
                        limit.reschedule(asyncio.get_running_loop().time() + 0.3)
            except TimeoutError:
                return [seen, "timed out"]
            return [seen, "read"]

        with onetake.use_cassette("main") as cassette:
            found = asyncio.run(main())
        print(json.dumps([found, cassette.verdict]))
    """
    gate = f"{provider.url}/stream/3?size=10&gate={client}"  # the second chunk never comes

    recorded = result(run_program(program, project, gate, client))
    replayed = result(run_program(program, project, gate, client, ONETAKE_MODE="replay"))

    assert recorded == [[[10], "timed out"], "RECORDED"]
    assert replayed == [[[10], "timed out"], "HIT"]
    assert provider.billed() == 1
