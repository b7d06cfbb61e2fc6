"""urllib3, requests and botocore: what is recorded is replayed as it was seen live."""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import urllib3
import urllib3.connectionpool

import fakeprovider
from fakeprovider.client import open_gate
from onetake.errors import MissError
from onetake.interceptors import http_client_, urllib3_
from onetake.messages import Ended, Failure, Interaction, Request
from onetake.runtime.context import owned_by
from tests.clients.hand_made import HandMadeOwner

requests = pytest.importorskip("requests")


@pytest.fixture(autouse=True, scope="module")
def _installed() -> None:
    http_client_.install(http.client)
    urllib3_.install(urllib3.connectionpool)


def error_of(error: BaseException) -> tuple[str, str]:
    """Its type, and its text without what differs between two pools."""
    text = str(error)
    while " object at 0x" in text:
        start = text.index(" object at 0x")
        text = text[:start] + text[text.index(">", start) :]
    while " at 0x" in text:
        start = text.index(" at 0x")
        text = text[:start] + text[text.index(">", start) :]
    return f"{type(error).__module__}.{type(error).__qualname__}", text


def both(observe: Callable[[], Any], **options: Any) -> tuple[Any, HandMadeOwner]:
    """Observe recorded and replayed: both see the same. Gives that and the recording owner."""
    recorder = HandMadeOwner(**options)
    with owned_by(recorder):
        recorded = observe()
    assert len(recorder.kept) == len(recorder.asked)
    player = recorder.replayer()
    with owned_by(player):
        replayed = observe()
    assert replayed == recorded
    assert [a.headers for a in player.asked] == [a.headers for a in recorder.asked]
    assert set(recorder.clients) == {"urllib3"}
    return recorded, recorder


def ask(
    method: str, url: str, *, read: int | None = None, size: int | None = None, **arguments: Any
) -> Any:
    """One request with requests, read as a stream."""
    with requests.Session() as session:
        session.trust_env = False
        seen: list[bytes] = []
        try:
            answer = session.request(method, url, stream=True, timeout=5, **arguments)
        except Exception as error:
            return error_of(error)
        end: Any = None
        try:
            for chunk in answer.iter_content(size):
                seen.append(chunk)
                if len(seen) == read:
                    break
        except Exception as error:
            end = error_of(error)
        answer.close()
        return (
            answer.status_code,
            answer.reason,
            answer.raw.version,
            list(answer.raw.headers.items()),
            seen,
            dict(session.cookies),
            [(hop.status_code, hop.url) for hop in answer.history],
            end,
        )


BODIES = {
    "none": dict,
    "bytes": lambda: {"data": b"\x00\xffbytes"},
    "str": lambda: {"data": "str"},
    "json": lambda: {"json": {"a": [1, None]}},
    "form": lambda: {"data": {"a": "b c"}},
    "generator": lambda: {"data": iter([b"one", b"", b"two"])},
    "file": lambda: {"data": io.BytesIO(b"a file" * 5000)},
    "files": lambda: {
        "files": {"f": ("n.txt", io.BytesIO(b"part"))},
        "headers": {"content-type": "multipart/form-data; boundary=x"},
    },
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_of_any_form_is_sent_and_recorded_alike(provider, kind):
    def observe() -> Any:
        if kind == "files":  # a random boundary would be another request
            body, content_type = urllib3.encode_multipart_formdata(
                {"f": ("n.txt", b"part")}, boundary="x"
            )
            return ask("POST", provider.url + "/echo", data=body, headers={"x": content_type})
        return ask("POST", provider.url + "/echo", **BODIES[kind]())

    _, recorder = both(observe)

    (sent,) = provider.requests()
    (recorded,) = recorder.asked
    assert recorded.body == sent["body"]
    assert [(n, v) for n, v in recorded.headers] == [tuple(line) for line in sent["headers"]]
    assert provider.billed() == 1


def test_a_file_is_read_from_where_it_stands(provider):
    def observe() -> Any:
        file = io.BytesIO(b"0123456789")
        file.seek(4)
        pool = urllib3.PoolManager(retries=False)
        return pool.request("POST", provider.url + "/echo", body=file).data

    _, recorder = both(observe)

    assert recorder.asked[0].body == b"456789"
    assert provider.requests()[0]["body"] == b"456789"


@pytest.mark.parametrize(
    "path",
    [
        "/stream/5",
        "/gzip",
        "/gzip-chunked",
        "/redirect/2",
        "/set-cookie",
        "/status/204",
        "/status/304",
        "/status/404",
        "/status/500",
        "/cut/3",
        "/cut-length",
    ],
)
@pytest.mark.parametrize("size", [None, 7, 4096])
def test_an_answer_is_replayed_as_it_was_seen(provider, path, size):
    seen, recorder = both(lambda: ask("GET", provider.url + path, size=size), exact_encoding=True)

    assert provider.billed() == len(recorder.kept)
    assert seen[-1] is None or path.startswith("/cut")
    ended = {found.ended for found in recorder.kept.values()}
    assert ended == {Ended.CUT if path.startswith("/cut") else Ended.COMPLETE}


@pytest.mark.parametrize("path", ["/gzip", "/gzip-chunked"])
def test_a_decoded_body_is_encoded_again(provider, path):
    recorder = HandMadeOwner()
    with owned_by(recorder):
        recorded = ask("GET", provider.url + path)
    with owned_by(recorder.replayer()):
        replayed = ask("GET", provider.url + path)

    response = recorder.kept[1].response
    assert response is not None
    assert response.body.encoding == "gzip"
    assert response.body.data == b"".join(recorded[4])
    assert replayed[4] == recorded[4]
    names = [name for name, _ in recorded[3]]
    assert [name for name, _ in replayed[3]] == names


def test_chunks_are_those_of_the_wire(provider):
    seen, recorder = both(lambda: ask("GET", provider.url + "/stream/5"))

    assert len(seen[4]) == 5
    response = recorder.kept[1].response
    assert response is not None
    assert [data for data, _ in response.body.pieces()] == seen[4]


def test_head_has_no_body(provider):
    both(lambda: ask("HEAD", provider.url + "/gzip"))


def test_a_close_delimited_answer_stays_so(provider):
    url = provider.script(
        {"chunks": [b"one", b"two"], "framing": "close", "headers": [["X-Mixed", "1"]]}
    )

    seen, _ = both(lambda: ask("GET", url))

    assert b"".join(seen[4]) == b"onetwo"


def test_a_stream_closed_early_ends_where_it_was_closed(provider):
    url = provider.url + "/stream/6?delay_ms=30"
    seen, recorder = both(lambda: ask("GET", url, read=2))
    assert len(seen[4]) == 2
    assert recorder.kept[1].ended is Ended.CLOSED

    with owned_by(recorder.replayer()):
        beyond = ask("GET", url)

    assert beyond[4] == seen[4]
    assert beyond[-1][0] == "onetake.errors.MissError"


def test_a_chunk_is_there_before_the_next_is_sent(provider):
    chunks: list[bytes] = []
    url = provider.url + "/stream/4?delay_ms=50&gate=urllib3"
    with owned_by(HandMadeOwner()), requests.get(url, stream=True, timeout=30) as answer:
        for chunk in answer.iter_content(None):
            open_gate(provider.url, "urllib3")
            chunks.append(chunk)

    assert len(chunks) == 4


def test_a_paced_replay_takes_its_time(provider):
    recorder = HandMadeOwner()
    with owned_by(recorder):
        ask("GET", provider.url + "/stream/4?delay_ms=60")
    start = time.monotonic()
    with owned_by(recorder.replayer(speed=1.0)):
        ask("GET", provider.url + "/stream/4?delay_ms=60")

    assert time.monotonic() - start > 0.15


def test_a_connection_is_reused_and_may_change_between_live_and_replayed(provider):
    def observe() -> Any:
        pool = urllib3.PoolManager(retries=False)
        return [pool.request("GET", provider.url + f"/status/20{n}").data for n in range(3)]

    _, recorder = both(observe)

    pool = urllib3.PoolManager(retries=False)
    ours = [HandMadeOwner(), recorder.replayer(), None, recorder.replayer(), HandMadeOwner()]
    found = []
    for owner in ours:
        with owned_by(owner):
            found.append(pool.request("GET", provider.url + "/status/200").status)
    assert found == [200] * 5
    assert pool.connection_from_url(provider.url).num_connections == 1


@pytest.mark.parametrize("preload", [True, False])
@pytest.mark.parametrize("path", ["/stream/3", "/gzip-chunked", "/echo", "/cut/2", "/cut-length"])
def test_urllib3_itself(provider, preload, path):
    def observe() -> Any:
        pool = urllib3.PoolManager(retries=False)
        try:
            answer = pool.request("GET", provider.url + path, preload_content=preload)
            return (
                answer.status,
                answer.version_string,
                answer.reason,
                list(answer.headers.items()),
                answer.data,
                answer.url,
                answer.connection is None,
            )
        except Exception as error:
            return error_of(error)

    both(observe, exact_encoding=True)
    assert provider.billed() == 1


def test_read1_and_file_reading(provider):
    def observe() -> Any:
        answer = urllib3.PoolManager().request(
            "GET", provider.url + "/stream/3", preload_content=False
        )
        first = answer.read1()
        second = answer.read(4)
        return first, second, answer.read(), answer.read(), answer.tell()

    both(observe)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def test_a_refused_connection_is_refused_again():
    url = f"http://127.0.0.1:{free_port()}/"

    seen, recorder = both(lambda: ask("GET", url))

    assert seen[0] == "requests.exceptions.ConnectionError"
    assert recorder.kept[1].failure is not None
    assert recorder.kept[1].failure.kind == "refused"


def test_retries_are_interactions_of_their_own():
    url = f"http://127.0.0.1:{free_port()}/"

    def observe() -> Any:
        try:
            urllib3.PoolManager(retries=urllib3.Retry(2, backoff_factor=0)).request("GET", url)
        except Exception as error:
            return error_of(error)

    seen, recorder = both(observe)

    assert seen[0] == "urllib3.exceptions.MaxRetryError"
    assert len(recorder.kept) == 3


def test_a_name_that_does_not_resolve():
    seen, recorder = both(lambda: ask("GET", "http://no-such-host.invalid/"))
    assert recorder.kept[1].failure is not None
    assert recorder.kept[1].failure.kind == "dns"
    assert "Name" in seen[1]


def test_a_read_timeout_is_raised_again_at_once(provider):
    url = provider.script({"chunks": [b"late"], "head_delay_ms": 2000})

    def observe() -> Any:
        try:
            requests.get(url, timeout=0.2)
        except Exception as error:
            return error_of(error)

    seen, recorder = both(observe)
    assert seen[0] == "requests.exceptions.ReadTimeout"
    assert recorder.kept[1].failure is not None
    assert recorder.kept[1].failure.kind == "read-timeout"


def test_a_timeout_in_the_middle_of_a_stream(provider):
    def observe() -> Any:
        answer = requests.get(provider.url + "/stream/3?delay_ms=1500", stream=True, timeout=0.3)
        seen = []
        try:
            seen.extend(answer.iter_content(None))
        except Exception as error:
            return seen, error_of(error)

    seen, _ = both(observe)
    assert len(seen[0]) == 1
    assert seen[1][0] == "requests.exceptions.ConnectionError"


@pytest.mark.parametrize("raw", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n5\r\nab",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nzz\r\nab",
    b"HTTP/1.0 299 Odd  words\r\nset-cookie: a=1\r\nSET-Cookie: b=2\r\n\r\nold"])  # fmt: skip
def test_bytes_of_any_kind(raw):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(raw)

        thread = threading.Thread(target=serve)
        thread.start()
        both(lambda: ask("GET", url))
        thread.join()


def test_replay_needs_no_server():
    with fakeprovider.running() as provider:
        url = provider.url + "/redirect/1"
        recorder = HandMadeOwner()
        with owned_by(recorder):
            recorded = ask("GET", url)
    with owned_by(recorder.replayer()):
        assert ask("GET", url) == recorded


def test_two_threads_have_two_owners(provider):
    found: dict[str, Any] = {}
    pool = urllib3.PoolManager(maxsize=2)

    def run(name: str) -> None:
        owner = HandMadeOwner()
        with owned_by(owner):
            for n in range(10):
                pool.request("POST", provider.url + "/echo", body=f"{name}{n}".encode())
        found[name] = [a.body.decode() for a in owner.asked], len(owner.kept)

    threads = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == {name: ([f"{name}{n}" for n in range(10)], 10) for name in "ab"}


def test_a_body_above_the_limit_goes_live_and_is_not_recorded(provider):
    owner = HandMadeOwner()
    owner.max_request_body = 10
    with owned_by(owner):
        for body in (b"x" * 50, iter([b"x" * 20, b"y" * 30]), io.BytesIO(b"x" * 50)):
            answer = urllib3.PoolManager().request("POST", provider.url + "/echo", body=body)
            assert answer.status == 200
    assert not owner.asked
    assert owner.let_through_from == [(f"POST {provider.url}/echo", "urllib3")] * 3
    assert [len(request["body"]) for request in provider.requests()] == [50, 50, 50]


def test_a_body_above_the_limit_may_be_refused(provider):
    owner = HandMadeOwner()
    owner.max_request_body, owner.refusal = 10, MissError("too large")
    with owned_by(owner), pytest.raises(MissError):
        urllib3.PoolManager().request("POST", provider.url + "/echo", body=b"x" * 50)
    assert provider.requests() == []


def test_a_tunnel_is_opened_only_when_live():
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = f"http://127.0.0.1:{server.getsockname()[1]}"
        seen_by_proxy: list[bytes] = []

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                seen_by_proxy.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 407 No\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()

        def observe() -> Any:
            try:
                urllib3.ProxyManager(proxy, retries=False).request("GET", "https://example.test/a")
            except Exception as error:
                return error_of(error)

        seen, recorder = both(observe)
        thread.join()
    assert seen_by_proxy[0].startswith(b"CONNECT example.test:443")
    assert recorder.asked[0].url == "https://example.test/a"
    assert "407" in seen[1]


def test_a_tunnel_that_works_and_tls_that_does_not():
    """Two connections through the proxy: CONNECT is granted, then the far side speaks no TLS."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"

        def serve() -> None:
            for tunnel in (True, False):
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    if tunnel:
                        connection.sendall(b"HTTP/1.1 200 Yes\r\n\r\n")
                        connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 400 No\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()

        def observe() -> Any:
            proxies = {"https": f"http://{address}"}
            return (
                ask("GET", "https://example.test/a", proxies=proxies),
                ask("GET", f"https://{address}/"),
            )

        seen, recorder = both(observe)
        thread.join()
    assert [error for error, _ in seen] == ["requests.exceptions.SSLError"] * 2
    assert [found.failure.kind for found in recorder.kept.values() if found.failure] == ["tls"] * 2


def test_a_proxy_gets_the_absolute_form(provider):
    def observe() -> Any:
        proxies = {"http": provider.url}
        return ask("GET", "http://example.test/echo", proxies=proxies)

    seen, recorder = both(observe)
    assert seen[0] == 200
    assert recorder.asked[0].url == "http://example.test/echo"


@pytest.mark.parametrize("error", [TimeoutError("timed out"), OSError(113, "No route to host")])
def test_errors_of_connecting(monkeypatch, error):
    def create_connection(*_args: Any, **_options: Any) -> Any:
        raise error

    monkeypatch.setattr(urllib3.util.connection, "create_connection", create_connection)
    _, recorder = both(lambda: ask("GET", "http://example.test/"))
    failure = recorder.kept[1].failure
    assert failure is not None
    assert failure.kind == ("network" if error.errno else "connect-timeout")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("refused", "ConnectionError"),
        ("dns", "ConnectionError"),
        ("tls", "SSLError"),
        ("connect-timeout", "ConnectTimeout"),
        ("read-timeout", "ReadTimeout"),
        ("disconnected", "ConnectionError"),
        ("protocol", "ConnectionError"),
        ("read", "ConnectionError"),
    ],
)
def test_a_failure_that_another_client_recorded(kind, name):
    request = Request(method="GET", url="http://example.test/")
    failure = Failure(kind=kind, type="httpcore.ConnectError", args=("text",))
    owner = HandMadeOwner({1: Interaction(request=request, failure=failure, ended=Ended.CUT)})
    with owned_by(owner):
        assert ask("GET", request.url)[0] == f"requests.exceptions.{name}"


@pytest.fixture
def bedrock(provider) -> Callable[[], Any]:
    boto3 = pytest.importorskip("boto3")

    def client() -> Any:
        return boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=provider.url,
            aws_access_key_id="good",
            aws_secret_access_key="secret",
        )

    return client


MESSAGES = [{"role": "user", "content": [{"text": "hello"}]}]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_bedrock(provider, bedrock):
    def observe() -> Any:
        client = bedrock()
        whole = client.converse(modelId="m", messages=MESSAGES)
        events = list(client.converse_stream(modelId="m", messages=MESSAGES)["stream"])
        return whole, events

    recorder = HandMadeOwner()
    with owned_by(recorder):
        recorded = observe()
    with owned_by(recorder.replayer()):
        assert observe() == recorded

    assert len(recorded[1]) > 3
    assert provider.billed() == 2
    assert {found.ended for found in recorder.kept.values()} == {Ended.COMPLETE}


def test_nothing_is_kept_without_an_owner(provider):
    with owned_by(None):
        assert urllib3.PoolManager().request("GET", provider.url + "/echo").status == 200


def test_another_urllib3_is_left_alone(monkeypatch):
    monkeypatch.setattr(urllib3, "__version__", "1.26.20")
    assert not urllib3_.is_supported(urllib3.connectionpool)
