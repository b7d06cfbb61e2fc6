"""The fake provider, asked by the real clients and by bare sockets."""

from __future__ import annotations

import base64
import gzip
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anthropic
import boto3
import httpx2
import openai
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import fakeprovider
from fakeprovider.client import open_gate

MESSAGES: list[Any] = [{"role": "user", "content": "Wie heißt die Hauptstadt?\nSay it."}]
BEDROCK: list[Any] = [{"role": "user", "content": [{"text": "Say it."}]}]


@pytest.fixture(scope="module")
def shared() -> Iterator[fakeprovider.Provider]:
    with fakeprovider.running() as provider:
        yield provider
        assert provider.complaints() == ""


@pytest.fixture(autouse=True)
def provider(shared: fakeprovider.Provider) -> fakeprovider.Provider:
    shared.reset()
    return shared


@pytest.fixture(scope="module")
def http(shared: fakeprovider.Provider) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=shared.url, trust_env=False, verify=False, timeout=5) as client:
        yield client


@pytest.fixture(scope="module")
def gpt(shared: fakeprovider.Provider) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{shared.url}/v1", api_key="sk-x", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def claude(shared: fakeprovider.Provider) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=shared.url, api_key="sk-x", max_retries=0) as client:
        yield client


def bedrock(provider: fakeprovider.Provider, key: str = "AKIAX") -> Any:
    session = boto3.Session(key, "secret", region_name="us-east-1")
    config = Config(retries={"total_max_attempts": 1}, read_timeout=5)
    return session.client("bedrock-runtime", endpoint_url=provider.url, config=config)


def read_to_the_cut(response: httpx2.Response) -> tuple[bytes, httpx2.TransportError | None]:
    """What came before the cut, and the error that told of it."""
    received = b""
    try:
        for piece in response.iter_raw():
            received += piece
    except httpx2.TransportError as error:
        return received, error
    return received, None


def exchange(provider: fakeprovider.Provider, *sent: bytes) -> bytes:
    """All that comes back on one socket until the server closes it."""
    where = urlsplit(provider.url)
    with socket.create_connection((where.hostname, where.port), timeout=5) as connection:
        for data in sent:
            connection.sendall(data)
            time.sleep(0.01)
        connection.shutdown(socket.SHUT_WR)
        received = bytearray()
        while data := connection.recv(65536):
            received += data
    return bytes(received)


class TestOpenAI:
    def test_answers_differ_by_call_but_not_in_content(self, gpt: openai.OpenAI) -> None:
        one = gpt.chat.completions.with_raw_response.create(model="gpt-fake", messages=MESSAGES)
        two = gpt.chat.completions.with_raw_response.create(model="gpt-fake", messages=MESSAGES)
        first, second = one.parse(), two.parse()
        assert first.choices[0].message.content == second.choices[0].message.content
        assert first.id.startswith("chatcmpl-")
        assert len(first.id) == len("chatcmpl-000007")
        assert first.id != second.id
        assert one.headers["x-request-id"] != two.headers["x-request-id"]
        assert len(one.headers.get_list("set-cookie")) == 2

    def test_a_stream_says_what_the_whole_says(self, gpt: openai.OpenAI) -> None:
        whole = gpt.chat.completions.create(model="gpt-fake", messages=MESSAGES)
        chunks = list(
            gpt.chat.completions.create(
                model="gpt-fake",
                messages=MESSAGES,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert text == whole.choices[0].message.content
        assert chunks[-1].choices == []
        assert chunks[-1].usage == whole.usage

    def test_a_stream_ends_in_done_and_has_one_chunk_for_each_event(
        self, http: httpx2.Client
    ) -> None:
        body = {"model": "gpt-fake", "messages": MESSAGES, "stream": True}
        text = http.post("/v1/chat/completions", json=body).text
        assert text.endswith("data: [DONE]\n\n")
        assert "usage" not in text

    def test_responses_whole_and_streamed(self, gpt: openai.OpenAI) -> None:
        whole = gpt.responses.create(model="gpt-fake", input="Say it.")
        with gpt.responses.stream(model="gpt-fake", input="Say it.") as stream:
            kinds = [event.type for event in stream]
            final = stream.get_final_response()
        assert final.output_text == whole.output_text != ""
        assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")

    def test_embeddings_are_the_same_in_both_encodings(self, gpt: openai.OpenAI) -> None:
        floats = gpt.embeddings.create(model="e", input=["a", "b"], encoding_format="float")
        packed = gpt.embeddings.create(model="e", input=["a", "b"])
        assert [e.embedding for e in packed.data] == [e.embedding for e in floats.data]
        assert floats.data[0].embedding != floats.data[1].embedding

    @pytest.mark.parametrize("size", [0, 100, 5_000, 200_001])
    def test_an_edit_gives_a_valid_picture_of_the_size(self, gpt: openai.OpenAI, size: int) -> None:
        answer = gpt.images.edit(
            image=[("a.png", b"x"), ("b.png", b"y")],
            prompt="a cat",
            extra_body={"size_bytes": size} if size else None,
        )
        assert answer.data is not None
        assert answer.data[0].b64_json is not None
        png = base64.b64decode(answer.data[0].b64_json)
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        assert len(png) == size or size <= 100
        at, kinds = 8, []
        while at < len(png) and b"IEND" not in kinds:
            length, kind = struct.unpack_from(">I4s", png, at)
            (crc,) = struct.unpack_from(">I", png, at + 8 + length)
            assert crc == zlib.crc32(png[at + 4 : at + 8 + length])
            kinds.append(kind)
            at += 12 + length
        assert kinds[-1] == b"IEND"

    def test_an_empty_file_part_is_refused_by_name(self, gpt: openai.OpenAI) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            gpt.images.edit(image=("a.png", b"x"), mask=("m.png", b""), prompt="a cat")
        assert caught.value.param == "mask"

    def test_a_generation(self, gpt: openai.OpenAI) -> None:
        answer = gpt.images.generate(prompt="a cat", extra_body={"size_bytes": 3000})
        assert answer.data is not None
        assert answer.data[0].b64_json is not None
        assert len(base64.b64decode(answer.data[0].b64_json)) == 3000

    def test_a_batch_completes_at_the_third_look(self, gpt: openai.OpenAI) -> None:
        made = gpt.batches.create(
            completion_window="24h", endpoint="/v1/chat/completions", input_file_id="file-1"
        )
        seen = [gpt.batches.retrieve(made.id).status for _ in range(4)]
        assert seen == ["in_progress", "in_progress", "completed", "completed"]
        with pytest.raises(openai.NotFoundError):
            gpt.batches.retrieve("batch_none")

    def test_models_and_a_bad_key(self, gpt: openai.OpenAI) -> None:
        assert "fake-slow" in [model.id for model in gpt.models.list()]
        with pytest.raises(openai.AuthenticationError) as caught:
            gpt.with_options(api_key="sk-bad").models.list()
        assert caught.value.code == "invalid_api_key"

    @pytest.mark.parametrize(
        ("model", "error"),
        [
            ("fake-400", openai.BadRequestError),
            ("fake-500", openai.InternalServerError),
            ("fake-429", openai.RateLimitError),
            ("fake-protocol-error", openai.APIConnectionError),
            ("fake-cut", openai.APIConnectionError),
        ],
    )
    def test_misbehaviour_by_model(
        self, gpt: openai.OpenAI, model: str, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            gpt.chat.completions.create(model=model, messages=MESSAGES)

    def test_429_twice_for_each_body_then_200(
        self, provider: fakeprovider.Provider, gpt: openai.OpenAI
    ) -> None:
        patient = gpt.with_options(max_retries=2)
        for text in ("one", "two"):
            patient.chat.completions.create(
                model="fake-429", messages=[{"role": "user", "content": text}]
            )
        assert provider.counts() == {"POST /v1/chat/completions": 6}

    def test_a_hang_lasts_until_the_client_goes(
        self, provider: fakeprovider.Provider, gpt: openai.OpenAI
    ) -> None:
        with pytest.raises(openai.APITimeoutError):
            gpt.with_options(timeout=0.2).chat.completions.create(
                model="fake-hang", messages=MESSAGES
            )
        assert provider.billed() == 1

    def test_a_cut_stream_has_three_chunks(self, http: httpx2.Client) -> None:
        body = {"model": "fake-cut", "messages": MESSAGES, "stream": True}
        with http.stream("POST", "/v1/chat/completions", json=body) as response:
            received, error = read_to_the_cut(response)
        assert (received.count(b"data: "), type(error)) == (3, httpx2.RemoteProtocolError)

    def test_a_slow_stream_comes_piece_by_piece(self, http: httpx2.Client) -> None:
        body = {"model": "fake-slow", "messages": MESSAGES, "stream": True}
        with http.stream("POST", "/v1/chat/completions", json=body) as response:
            pieces = response.iter_raw()
            first_two = [next(pieces), next(pieces)]
        assert [piece.count(b"data: ") for piece in first_two] == [1, 1]

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"model": 3}', b"\xff"])
    def test_bad_bodies_are_refused_in_shape(self, http: httpx2.Client, body: bytes) -> None:
        answer = http.post("/v1/chat/completions", content=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request_error"


class TestAnthropic:
    def test_whole_and_streamed(self, claude: anthropic.Anthropic) -> None:
        whole = claude.messages.create(model="claude", max_tokens=9, messages=MESSAGES)
        with claude.messages.stream(model="claude", max_tokens=9, messages=MESSAGES) as stream:
            text = "".join(stream.text_stream)
            final = stream.get_final_message()
        assert whole.content[0].type == "text"
        assert text == whole.content[0].text
        assert final.id != whole.id
        assert final.stop_reason == "end_turn"
        assert final.usage.output_tokens == whole.usage.output_tokens

    @pytest.mark.parametrize(
        ("model", "error", "kind"),
        [
            ("fake-400", anthropic.BadRequestError, "invalid_request_error"),
            ("fake-429", anthropic.RateLimitError, "rate_limit_error"),
            ("fake-500", anthropic.InternalServerError, "api_error"),
        ],
    )
    def test_errors(
        self,
        claude: anthropic.Anthropic,
        model: str,
        error: type[anthropic.APIStatusError],
        kind: str,
    ) -> None:
        with pytest.raises(error) as caught:
            claude.messages.create(model=model, max_tokens=9, messages=MESSAGES)
        body: Any = caught.value.body
        assert (body["type"], body["error"]["type"]) == ("error", kind)

    def test_a_bad_key(self, claude: anthropic.Anthropic) -> None:
        with pytest.raises(anthropic.AuthenticationError):
            claude.with_options(api_key="bad").messages.create(
                model="claude", max_tokens=9, messages=MESSAGES
            )


class TestBedrock:
    MODEL = "anthropic.claude-3-haiku-20240307-v1:0"

    def test_whole_and_streamed(self, provider: fakeprovider.Provider) -> None:
        client = bedrock(provider)
        whole = client.converse(modelId=self.MODEL, messages=BEDROCK)
        events = list(client.converse_stream(modelId=self.MODEL, messages=BEDROCK)["stream"])
        deltas = [
            e["contentBlockDelta"]["delta"]["text"]
            for e in events
            if len(e) == 1 and "contentBlockDelta" in e
        ]
        assert "".join(deltas) == whole["output"]["message"]["content"][0]["text"]
        assert len(deltas) > 3
        assert [next(iter(e)) for e in (events[0], *events[-2:])] == [
            "messageStart",
            "messageStop",
            "metadata",
        ]
        assert events[-1]["metadata"]["usage"] == whole["usage"]

    @pytest.mark.parametrize(
        ("model", "key", "code"),
        [
            ("fake-400", "AKIAX", "ValidationException"),
            ("fake-429", "AKIAX", "ThrottlingException"),
            ("fake-500", "AKIAX", "InternalServerException"),
            (MODEL, "AKIAbad", "UnrecognizedClientException"),
        ],
    )
    def test_errors(self, provider: fakeprovider.Provider, model: str, key: str, code: str) -> None:
        with pytest.raises(ClientError) as caught:
            bedrock(provider, key).converse(modelId=model, messages=BEDROCK)
        assert caught.value.response["Error"]["Code"] == code


class TestGeneric:
    def test_echo(self, http: httpx2.Client) -> None:
        answer = http.request("PATCH", "/echo?a=1", content=b"\x00\xff", headers={"X-Odd": "e"})
        value = answer.json()
        assert (value["method"], value["path"], value["query"]) == ("PATCH", "/echo", {"a": "1"})
        assert base64.b64decode(value["body"]) == b"\x00\xff"
        assert "x-odd" in [name.lower() for name, _ in value["headers"]]

    @pytest.mark.parametrize("code", [200, 204, 304, 404, 418, 503, 599])
    def test_status(self, http: httpx2.Client, code: int) -> None:
        assert http.get(f"/status/{code}").status_code == code
        assert http.get("/echo").status_code == 200  # the connection is still in step

    def test_redirects(self, provider: fakeprovider.Provider, http: httpx2.Client) -> None:
        assert http.get("/redirect/3", follow_redirects=True).status_code == 200
        assert provider.billed() == 4

    @pytest.mark.parametrize("path", ["/gzip", "/gzip-chunked"])
    def test_gzip(self, http: httpx2.Client, path: str) -> None:
        with http.stream("GET", path) as answer:
            raw = b"".join(answer.iter_raw())
        assert gzip.decompress(raw).startswith(b'{"gzipped":true')
        assert answer.headers.get("content-length") in {None, str(len(raw))}
        assert http.get(path).json()["gzipped"] is True

    def test_cookies(self, http: httpx2.Client) -> None:
        assert len(http.get("/set-cookie").headers.get_list("set-cookie")) == 2

    def test_stream(self, http: httpx2.Client) -> None:
        body = http.get("/stream/3?delay_ms=5&size=4").content
        assert body == b"0 ..1 ..2 .."

    @pytest.mark.parametrize("path", ["/cut/0", "/cut/2", "/cut-length"])
    def test_cuts(self, http: httpx2.Client, path: str) -> None:
        with pytest.raises(httpx2.RemoteProtocolError):
            http.get(path)

    def test_json_lines(self, http: httpx2.Client) -> None:
        assert http.post("/jsonl", content=b'1\n"a"\n').text == (
            '{"line":1,"value":1}\n{"line":2,"value":"a"}\n'
        )
        assert http.post("/jsonl", content=b"no").status_code == 400

    def test_head_has_no_body_and_unknown_paths_are_404(self, http: httpx2.Client) -> None:
        assert http.head("/gzip").content == b""
        assert http.get("/nowhere").status_code == 404
        assert http.get("/jsonl").status_code == 405
        assert http.get("/v1/nowhere").json()["error"]["message"] == "Invalid URL (GET /v1/nowhere)"


class TestScripts:
    def test_the_answer_is_exact_to_the_byte(self, provider: fakeprovider.Provider) -> None:
        url = provider.script(
            {
                "id": "exact",
                "status": 299,
                "reason": "Quite Fine",
                "headers": [["X-B", "1"], ["x-a", "é"], ["X-B", "2"]],
                "chunks": [b"ab", b"\x00"],
                "framing": "chunked",
            }
        )
        assert url == f"{provider.url}/scripted/exact"
        got = exchange(provider, b"GET /scripted/exact/more?x=1 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert got == (
            b"HTTP/1.1 299 Quite Fine\r\nX-B: 1\r\nx-a: \xe9\r\nX-B: 2\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\n\x00\r\n0\r\n\r\n"
        )
        assert provider.counts() == {"GET /scripted/exact/more": 1}

    @pytest.mark.parametrize(
        ("framing", "line"),
        [("length", b"Content-Length: 2"), ("close", b"Connection: close")],
    )
    def test_other_framings(
        self, provider: fakeprovider.Provider, framing: str, line: bytes
    ) -> None:
        path = urlsplit(provider.script({"chunks": [b"a", b"b"], "framing": framing})).path
        got = exchange(provider, f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert got == b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\nab"

    @pytest.mark.parametrize("framing", ["chunked", "length", "close"])
    def test_a_cut_is_an_error_in_every_framing(
        self, provider: fakeprovider.Provider, http: httpx2.Client, framing: str
    ) -> None:
        url = provider.script({"chunks": [b"a"], "framing": framing, "cut": True})
        with http.stream("GET", url) as response:
            received, error = read_to_the_cut(response)
        assert received == b"a"
        assert error is not None

    def test_a_sequence_goes_by_call_and_stays_at_its_end(
        self, provider: fakeprovider.Provider, http: httpx2.Client
    ) -> None:
        url = provider.script({"headers": [["a", "b"]], "sequence": [{"status": 500}, {}]})
        assert [http.get(url).status_code for _ in range(3)] == [500, 200, 200]
        provider.reset()
        answer = http.get(url)
        assert (answer.status_code, answer.headers["a"]) == (500, "b")

    def test_delays(self, provider: fakeprovider.Provider, http: httpx2.Client) -> None:
        url = provider.script({"chunks": [b"a", b"b"], "delay_ms": 60, "head_delay_ms": 60})
        started = time.monotonic()
        with http.stream("GET", url) as answer:
            assert list(answer.iter_raw()) == [b"a", b"b"]
        assert time.monotonic() - started >= 0.12

    @pytest.mark.parametrize(
        "spec",
        [
            {"status": "x"},
            {"framing": []},
            {"chunks": ["?"]},
            {"chunks": 1},
            {"headers": [["a"]]},
            {"sequence": []},
            {"sequence": [1]},
            {"id": "a/b"},
            {"delay": 1},
            {"reason": "\u0100"},
        ],
    )
    def test_a_bad_script_is_refused(
        self, provider: fakeprovider.Provider, spec: dict[str, object]
    ) -> None:
        with pytest.raises(ValueError, match=r"\S"):
            provider.script(spec)


class TestWire:
    def test_pipelined_requests_on_one_connection(self, provider: fakeprovider.Provider) -> None:
        request = b"GET /status/200 HTTP/1.1\r\nHost: a\r\n\r\n"
        got = exchange(provider, request + request[:9], request[9:])
        assert got.count(b"HTTP/1.1 200 OK") == 2

    def test_a_chunked_body_with_expect_extension_and_trailer(
        self, provider: fakeprovider.Provider
    ) -> None:
        got = exchange(
            provider,
            b"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n",
            b"3;x=y\r\nab",
            b"c\r\n1\r\nd\r\n0\r\nTrailer: t\r\n\r\n",
        )
        assert got.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
        assert b'"body":"%b"' % base64.b64encode(b"abcd") in got
        assert provider.requests()[0]["body"] == b"abcd"

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            (b"nonsense\r\n\r\n", 400),
            (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
            (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a\r\nbad name: x\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a", 400),
            (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
            (b"POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417),
            (b"GET / HTTP/1.1\r\nHost: a\r\nx: " + b"a" * 300_000 + b"\r\n\r\n", 431),
        ],
    )
    def test_malformed_requests_are_refused_unbilled(
        self, provider: fakeprovider.Provider, sent: bytes, status: int
    ) -> None:
        got = exchange(provider, sent)
        assert got.startswith(b"HTTP/1.1 %d " % status)
        assert provider.billed() == 0

    def test_a_client_that_leaves_early_is_no_trouble(
        self, provider: fakeprovider.Provider
    ) -> None:
        where = urlsplit(provider.url)
        for sent in (
            b"",
            b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
            b"GET /stream/50?delay_ms=1&size=100000 HTTP/1.1\r\nHost: a\r\n\r\n",
        ):
            with socket.create_connection((where.hostname, where.port)) as connection:
                connection.sendall(sent)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        time.sleep(0.1)
        assert provider.complaints() == ""

    def test_http_1_0_gets_no_chunks(self, provider: fakeprovider.Provider) -> None:
        got = exchange(provider, b"GET /stream/2 HTTP/1.0\r\n\r\n")
        assert got.endswith(b"Connection: close\r\n\r\n0 ........1 ........")


def test_only_the_last_fifty_requests_are_kept(
    provider: fakeprovider.Provider, http: httpx2.Client
) -> None:
    for number in range(52):
        http.get(f"/echo?n={number}")
    kept = provider.requests()
    assert (len(kept), kept[0]["query"], provider.billed()) == (50, {"n": "2"}, 52)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_tells_its_address_and_ends_quietly(number: signal.Signals) -> None:
    home = Path(fakeprovider.__file__).parent.parent
    with subprocess.Popen(
        [sys.executable, "-m", "fakeprovider", "--port", "0"],
        cwd=home,
        env={**os.environ, "PYTHONPATH": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        where = urlsplit(line.removeprefix("listening on ").strip())
        with socket.create_connection((where.hostname, where.port)) as idle:
            idle.sendall(b"GET /stream/9?delay_ms=5000 HTTP/1.1\r\nHost: a\r\n\r\n")
            idle.recv(10)
            process.send_signal(number)
            out, err = process.communicate(timeout=5)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_gate_holds_back_what_follows_the_first_chunk(
    provider: fakeprovider.Provider, http: httpx2.Client
) -> None:
    with http.stream("GET", "/stream/3?gate=held") as answer:
        chunks = answer.iter_raw()
        first = next(chunks)
        open_gate(provider.url, "held")
        assert len([first, *chunks]) == 3
