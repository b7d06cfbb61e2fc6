"""Scenarios 16 to 19, 26 and 36: streams, cuts, errors and framing come back as they were."""

from __future__ import annotations

import pytest

from tests.support.clients import CLIENTS
from tests.support.runs import environment, result, run_program
from tests.support.twice import run, twice

EVERY_CLIENT = sorted(CLIENTS)


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_16_a_stream_arrives_at_once_and_is_replayed_in_the_same_pieces(provider, project, client):
    program = """
        import json, sys, onetake
        from fakeprovider.client import open_gate
        from tests.support import clients
        from tests.support.clients import Ask, observe
        url, client = sys.argv[1:]
        class Chunks(list):
            def append(self, chunk):
                open_gate(url, client)  # the first piece is here: only now is the second sent
                super().append(chunk)
        seen_class = clients.Seen
        clients.Seen = lambda: seen_class(chunks=Chunks())
        with onetake.use_cassette("main") as cassette:
            seen = observe(client, Ask(url=url + f"/stream/5?delay_ms=50&size=10&gate={client}"))
        print(json.dumps([seen, cassette.verdict]))
    """

    recorded, _ = result(run_program(program, project, provider.url, client))
    replayed, verdict = result(run_program(program, project, provider.url, client))

    assert len(recorded["chunks"]) == 5
    assert verdict == "HIT"
    assert replayed == recorded
    assert provider.billed() == 1


@pytest.mark.parametrize("client", ["httpx", "httpx-async", "requests", "aiohttp"])
def test_16_a_paced_replay_keeps_the_order_of_time(provider, project, client):
    body = """return [Ask(url=url + "/stream/4?delay_ms=100&size=10")]"""
    run(provider, project, client, body)
    program = f"""
        import json, sys, time, aiohttp, httpx, requests, onetake
        from tests.support.clients import Ask, observe
        with onetake.use_cassette("main", speed=float(sys.argv[2])):
            start = time.monotonic()
            observe({client!r}, Ask(url=sys.argv[1] + "/stream/4?delay_ms=100&size=10"))
        print(json.dumps(time.monotonic() - start))
    """

    paced = result(run_program(program, project, provider.url, "1.0"))
    twice_as_fast = result(run_program(program, project, provider.url, "2.0"))
    result(run_program(program, project, provider.url, "0"))

    # A wait is never shorter than asked for; how much longer it is says something of the machine only.
    assert paced > 0.28
    assert twice_as_fast > 0.14
    assert provider.billed() == 1


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_17_a_cut_stream_is_replayed_with_its_chunks_and_its_error(provider, project, client):
    body = """return [Ask(url=url + "/cut/3")]"""

    found = twice(provider, project, client, body)

    assert len(found.recorded.seen[0]["chunks"]) == 3
    assert found.recorded.seen[0]["error"]
    assert found.is_faithful()
    assert found.interactions[0]["ended"] == "cut"


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_17_a_body_shorter_than_it_said_is_replayed_so(provider, project, client):
    found = twice(provider, project, client, """return [Ask(url=url + "/cut-length")]""")

    # `read1` of http.client takes an early end for the end; the other clients raise.
    assert found.recorded.seen[0]["error"] or client == "urllib"
    assert found.is_faithful()


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_17_a_stream_that_the_client_closed_replays_what_was_read(provider, project, client):
    body = """return [Ask(url=url + "/stream/6?delay_ms=60&size=10", read=2)]"""

    found = twice(provider, project, client, body)

    assert len(found.recorded.seen[0]["chunks"]) == 2
    assert found.is_faithful()
    assert found.interactions[0]["ended"] == "closed"


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_17_a_refused_connection_is_replayed_as_the_same_error(provider, project, client):
    import socket

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        body = f"""return [Ask(url="http://127.0.0.1:{port}/", timeout_s=5)]"""

        found = twice(provider, project, client, body)

    assert found.recorded.seen[0]["error"]
    assert found.is_faithful()


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_17_a_time_out_is_replayed_at_once_as_the_same_error(provider, project, client):
    body = """return [Ask(method="POST", url=url + "/v1/chat/completions", timeout_s=0.4,
            json={"model": "fake-hang", "messages": [{"role": "user", "content": "x"}]})]"""

    found = twice(provider, project, client, body)

    assert found.recorded.seen[0]["error"]
    assert found.is_faithful()


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_17_a_protocol_error_is_replayed_as_the_same_error(provider, project, client):
    body = """return [Ask(method="POST", url=url + "/v1/chat/completions",
            json={"model": "fake-protocol-error", "messages": [{"role": "user", "content": "x"}]})]"""

    found = twice(provider, project, client, body)

    assert found.recorded.seen[0]["error"]
    assert found.is_faithful()


def test_18_an_sdk_sees_its_three_attempts_again(provider, project):
    program = """
        import json, sys, openai, onetake
        with onetake.use_cassette("main") as cassette:
            client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="sk-test-0123456789",
                                   max_retries=3)
            answer = client.chat.completions.create(
                model="fake-429", messages=[{"role": "user", "content": "x"}])
        print(json.dumps([answer.id, len(cassette.calls), cassette.verdict]))
    """

    recorded = result(run_program(program, project, provider.url))
    assert recorded[1:] == [3, "RECORDED"]
    assert provider.billed() == 3
    replayed = result(run_program(program, project, provider.url))

    assert replayed == [recorded[0], 3, "HIT"]
    assert provider.billed() == 3


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_19_an_error_answer_is_recorded_too(provider, project, client):
    found = twice(provider, project, client, """return [Ask(url=url + "/status/400")]""")

    assert found.recorded.seen[0]["status"] == 400
    assert found.is_faithful()


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_26_replay_without_a_server_and_without_recordings_fails_at_once(project, client):
    program = f"""
        import json, socket, sys, onetake
        from tests.support.clients import Ask, observe
        def no_network(event, args):
            if event in ("socket.connect", "socket.getaddrinfo"):
                print("NETWORK", args)
        sys.addaudithook(no_network)
        try:
            with onetake.use_cassette("nothing-here"):
                seen = observe({client!r}, Ask(url="http://api.example.test/v1/models"))
        except onetake.MissError as miss:
            print(json.dumps([seen["error"], str(miss)]))
    """

    done = run_program(program, project, ONETAKE_MODE="replay")

    assert "NETWORK" not in done.stdout
    error, text = result(done)
    assert "MissError" in error
    assert "api.example.test/v1/models" in text
    assert "nothing-here" in text


@pytest.mark.parametrize("client", EVERY_CLIENT)
@pytest.mark.parametrize("path", ["/gzip", "/gzip-chunked", "/redirect/1", "/set-cookie"])
def test_36_encoded_and_chunked_answers_are_framed_anew(provider, project, client, path):
    found = twice(provider, project, client, f"""return [Ask(url=url + "{path}")]""")

    assert found.recorded.seen[0]["chunks"]
    for seen in (*found.recorded.seen, *found.replayed.seen):
        # A gzip body is encoded anew, so its length may be another; the client reads all of it.
        seen["headers"] = [line for line in seen["headers"] if line[0].lower() != "content-length"]
    assert found.is_faithful()


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_36_a_stale_length_in_the_file_harms_nobody(provider, project, client):
    body = """return [Ask(url=url + "/status/200")]"""
    first = run(provider, project, client, body)
    cassette = project / "cassettes" / "main.json"
    text = cassette.read_text()
    import re

    cassette.write_text(re.sub(r'"(content-length): \d+"', r'"\1: 0"', text, flags=re.IGNORECASE))

    again = run(provider, project, client, body, ONETAKE_MODE="replay")

    assert again.seen[0]["chunks"] == first.seen[0]["chunks"]
    assert again.billed == 0


def test_the_environment_of_these_programs_is_a_laptop_s():
    assert "CI" not in environment()
