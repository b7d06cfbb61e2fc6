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


def test_a_miss_while_reading_is_a_miss_in_the_verdict(provider, project):
    program = """
        import json, sys, onetake
        from tests.support.clients import Ask, observe
        url, reads = sys.argv[1:]
        with onetake.use_cassette("main") as cassette:
            observe("httpx", Ask(url=url + "/stream/5?size=10&delay_ms=20", read=int(reads) or None))
        print(json.dumps([cassette.verdict, cassette.counts]))
    """
    run_program(program, project, provider.url, "2")

    done = run_program(program, project, provider.url, "0", ONETAKE_MODE="replay")

    assert "when it was made, the client closed the stream before its end" in done.stderr
    assert done.returncode == 1
