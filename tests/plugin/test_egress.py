"""Connections that no interceptor handles: seen by host, refused in replay, counted elsewhere."""

from __future__ import annotations

import json

import pytest

import fakeprovider
from tests.plugin.suite import Run, Suite

# Names below .test lead to this machine, after the real look-up has failed: that is what the guard sees.
_RESOLVER = """
    import socket
    import sys

    sys.path.insert(0, __file__.rpartition("/")[0])
    _real = socket.getaddrinfo

    def _mapped(host, *args, **options):
        try:
            return _real(host, *args, **options)
        except socket.gaierror:
            if host is not None and b".test" in (host if isinstance(host, bytes) else host.encode()):
                return _real("127.0.0.1", *args, **options)
            raise

    socket.getaddrinfo = _mapped
"""

# Each says `connect(url)`, where `url` is that of the provider with another host name.
_WAYS = {
    "raw_socket": """
        import socket
        def connect(url):
            host, port = url.removeprefix("http://").split(":")
            socket.create_connection((host, int(port))).close()
    """,
    "asyncio_streams": """
        import asyncio
        async def opened(url):
            host, port = url.removeprefix("http://").split(":")
            _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
            await writer.wait_closed()
        def connect(url):
            asyncio.run(opened(url))
    """,
    "anyio": """
        import anyio
        async def opened(url):
            host, port = url.removeprefix("http://").split(":")
            async with await anyio.connect_tcp(host, int(port)):
                pass
        def connect(url):
            anyio.run(opened, url, backend="trio")
    """,
    "websockets_sync": """
        from websockets.exceptions import InvalidStatus
        from websockets.sync.client import connect as open_socket
        def connect(url):
            try:
                open_socket(url.replace("http", "ws"), proxy=None)
            except InvalidStatus:
                pass  # the provider speaks none, but was asked
    """,
    "websockets_async": """
        import asyncio
        from websockets.asyncio.client import connect as open_socket
        from websockets.exceptions import InvalidStatus
        async def opened(url):
            try:
                await open_socket(url.replace("http", "ws"), proxy=None)
            except InvalidStatus:
                pass
        def connect(url):
            asyncio.run(opened(url))
    """,
    "ftp": """
        import ftplib
        def connect(url):
            host, port = url.removeprefix("http://").split(":")
            ftp = ftplib.FTP()
            try:
                ftp.connect(host, int(port), timeout=0.2)
            except TimeoutError:
                pass  # it does not greet
            finally:
                ftp.close()
    """,
}
_TEST = """
    import os
    import pytest
    from way import connect

    URL = os.environ["PROVIDER_URL"].replace("127.0.0.1", "api.example.test")

    @pytest.mark.onetake
    def test_one():
        connect(URL)
"""


def _write(suite: Suite, way: str, test: str = _TEST) -> None:
    suite.write("conftest.py", _RESOLVER)
    suite.write("way.py", _WAYS[way])
    suite.write("test_a.py", test)


@pytest.mark.parametrize("way", _WAYS)
def test_in_replay_it_is_refused_naming_test_host_and_remedy(suite: Suite, way: str) -> None:
    _write(suite, way)

    run = suite.run("-v", "--onetake-mode=replay")

    told = " ".join(run.output.split())
    assert run.outcomes == {"failed": 1}, run.output
    assert run.verdicts == ["[MISS] refused=1"]
    assert "test_a.py::test_one connects, past onetake, to api.example.test" in told
    assert "in mode replay (explicit: --onetake-mode) nothing goes to the network" in told
    assert 'Add "api.example.test" to allow_hosts, use a client that onetake records, or' in told
    assert run.line("refused:") == (
        "refused: 1 connection to the network: api.example.test x1 (test_a.py::test_one)"
    )


@pytest.mark.parametrize("way", _WAYS)
def test_elsewhere_it_is_counted(suite: Suite, way: str) -> None:
    _write(suite, way)

    run = suite.run("-v")

    assert run.outcomes == {"passed": 1}, run.output
    assert run.verdicts == ["[NO_TRAFFIC] egress=1"]
    assert run.line("egress:").startswith("egress: 1 connection that onetake does not handle: ")


def test_an_allowed_host_passes(suite: Suite) -> None:
    _write(suite, "raw_socket")

    run = suite.run("-v", "--onetake-mode=replay", ONETAKE_ALLOW_HOSTS="*.example.test")

    assert run.outcomes == {"passed": 1}, run.output
    assert run.verdicts == ["[NO_TRAFFIC]"]


def test_this_machine_passes_in_replay(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import asyncio
        import os
        import socket
        import pytest

        PORT = int(os.environ["PROVIDER_URL"].rpartition(":")[2])

        @pytest.mark.onetake
        def test_one(tmp_path):
            for host in ("localhost", "127.0.0.1", "::ffff:127.0.0.1"):
                socket.create_connection((host, PORT)).close()
            with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
                server.bind(str(tmp_path / "socket"))
                server.listen()
                client.connect(str(tmp_path / "socket"))

            async def pair():
                _, writer = await asyncio.open_connection("localhost", PORT)
                writer.close()
                await writer.wait_closed()

            asyncio.run(pair())
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                one.connect(("192.0.2.1", 80))  # sends nothing: it asks for the own address
        """,
    )

    run = suite.run("-v", "--onetake-mode=replay")

    assert run.outcomes == {"passed": 1}, run.output
    assert run.verdicts == ["[NO_TRAFFIC]"]


def test_an_address_that_no_name_led_to_is_counted_as_itself(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import socket
        import pytest

        @pytest.mark.onetake
        def test_one():
            with socket.socket() as one:
                one.setblocking(False)
                one.connect_ex(("192.0.2.1", 9))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two:
                for _ in range(3):
                    try:
                        two.sendto(b"x", ("192.0.2.2", 9))
                        two.sendto(b"x", ("192.0.2.3", 53))  # a name server
                    except OSError:
                        pass  # no network here
        """,
    )

    counted = suite.run("-v")
    refused = suite.run("-v", "--onetake-mode=replay")

    assert counted.verdicts == ["[NO_TRAFFIC] egress=2"]
    assert refused.outcomes == {"failed": 1}
    assert "connects, past onetake, to 192.0.2.1" in " ".join(refused.output.split())


def test_a_refusal_that_is_swallowed_fails_the_test(suite: Suite) -> None:
    _write(suite, "raw_socket", _TEST.replace("connect(URL)", "quietly(URL)") + _QUIETLY)

    run = suite.run("-v", "--onetake-mode=replay")

    assert run.outcomes == {"failed": 1}
    assert run.verdicts == ["[MISS] refused=1"]
    assert "connects, past onetake, to api.example.test" in " ".join(run.output.split())


_QUIETLY = """
    def quietly(url):
        try:
            connect(url)
        except OSError:
            pass

    quiet_thread = None
"""


def test_a_refusal_that_is_expected_fails_nothing(suite: Suite) -> None:
    body = "with pytest.raises(OSError), cassette.expect_miss():\n            connect(URL)"
    test = _TEST.replace("connect(URL)", body).replace("test_one()", "test_one(cassette)")
    _write(suite, "raw_socket", test)

    run = suite.run("-v", "--onetake-mode=replay")

    assert run.outcomes == {"passed": 1}, run.output
    assert run.verdicts == ["[NO_TRAFFIC]"]


def test_threads_and_executors_connect_for_the_test_that_started_them(suite: Suite) -> None:
    _write(
        suite,
        "raw_socket",
        """
        import os
        import threading
        from concurrent.futures import ThreadPoolExecutor
        import pytest
        from way import connect

        URL = os.environ["PROVIDER_URL"].replace("127.0.0.1", "api.example.test")

        @pytest.mark.onetake
        def test_one():
            thread = threading.Thread(target=connect, args=(URL,))
            thread.start()
            thread.join()

        @pytest.mark.onetake
        def test_two():
            with ThreadPoolExecutor() as pool:
                pool.submit(connect, URL).result()
        """,
    )

    run = suite.run("-v")

    assert run.verdicts == ["[NO_TRAFFIC] egress=1"] * 2


_CLIENTS = """
    import os
    import aiohttp
    import anyio
    import boto3
    import botocore.config
    import httpx
    import pytest
    import requests

    def url(name):
        return os.environ["PROVIDER_URL"].replace("127.0.0.1", name + ".test")

    def by_requests():
        requests.post(url("requests") + "/echo", json={})

    def by_httpx():
        with httpx.Client(trust_env=False, verify=False) as client:
            client.post(url("httpx") + "/echo", json={})

    async def httpx_async():
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            await client.post(url("httpx-async") + "/echo", json={})

    def by_httpx_async():
        anyio.run(httpx_async)

    def by_httpx_trio():
        anyio.run(httpx_async, backend="trio")

    def by_aiohttp():
        async def ask():
            async with aiohttp.ClientSession() as session:
                async with session.post(url("aiohttp") + "/echo", json={}) as answer:
                    await answer.read()

        anyio.run(ask)

    def by_boto3():
        client = boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=url("boto3"),
            aws_access_key_id="AKIAAAAAAAAAAAAAAAAA",
            aws_secret_access_key="secret",
            config=botocore.config.Config(retries={"max_attempts": 0}),
        )
        client.converse(modelId="m", messages=[{"role": "user", "content": [{"text": "hi"}]}])

    WAYS = [by_requests, by_httpx, by_httpx_async, by_httpx_trio, by_aiohttp, by_boto3]
"""
_OWNED = """
    import pytest
    from clients import WAYS

    @pytest.mark.parametrize("ask", WAYS, ids=lambda way: way.__name__)
    def test_one(ask):
        ask()
"""
_HOSTS = {
    "by_requests": "requests.test",
    "by_httpx": "httpx.test",
    "by_httpx_async": "httpx-async.test",
    "by_httpx_trio": "httpx-async.test",
    "by_aiohttp": "aiohttp.test",
    "by_boto3": "boto3.test",
}


def _report(
    suite: Suite, *arguments: str, **extra: str
) -> tuple[Run, dict[str, dict[str, object]]]:
    run = suite.run("-v", "--onetake-report=report.json", *arguments, **extra)
    report = json.loads((suite.root / "report.json").read_text())
    named = {one["test"].partition("[")[2].rstrip("]"): one for one in report["tests"]}
    return run, named


def test_a_test_without_a_cassette_is_counted_with_the_hosts_that_it_calls(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("conftest.py", _RESOLVER)
    suite.write("clients.py", _CLIENTS)
    suite.write("test_a.py", _OWNED)
    port = suite.url.rpartition(":")[2]

    run, tests = _report(suite)

    assert run.outcomes == {"passed": 6}, run.output
    assert {name: one["hosts"] for name, one in tests.items()} == {
        name: {f"{host}:{port}": 1} for name, host in _HOSTS.items()
    }
    assert [one["egress"] for one in tests.values()] == [{}] * 6  # handled, so counted once
    assert provider.billed() == 6


def test_with_guard_refuse_a_test_without_a_cassette_reaches_no_host(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("conftest.py", _RESOLVER)
    suite.write("clients.py", _CLIENTS)
    suite.write("test_a.py", _OWNED)

    run, tests = _report(suite, ONETAKE_GUARD="refuse")

    assert run.outcomes == {"failed": 6}, run.output
    assert {name: one["refused_egress"] for name, one in tests.items()} == {
        name: {host: 1} for name, host in _HOSTS.items()
    }
    told = " ".join(run.output.split())
    assert "test_a.py::test_one[by_boto3] calls boto3.test, and without a cassette" in told
    assert provider.billed() == 0


def test_what_onetake_records_is_no_egress(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write("conftest.py", _RESOLVER)
    suite.write("clients.py", _CLIENTS)
    suite.write("test_a.py", _OWNED)

    recorded, first = _report(suite, ONETAKE_AUTO_MARK="true")
    replayed, again = _report(suite, "--onetake-mode=replay", ONETAKE_AUTO_MARK="true")

    assert recorded.verdicts == ["[RECORDED] recorded=1"] * 6, recorded.output
    assert replayed.verdicts == ["[HIT] replayed=1"] * 6, replayed.output
    assert [one["egress"] for one in (*first.values(), *again.values())] == [{}] * 12
    assert provider.billed() == 6


def test_with_guard_refuse_streams_and_code_of_no_test_are_refused_too(suite: Suite) -> None:
    _write(
        suite,
        "raw_socket",
        """
        import os
        import pytest
        from way import connect

        URL = os.environ["PROVIDER_URL"].replace("127.0.0.1", "api.example.test")
        try:
            connect(URL)
        except OSError:
            pass

        @pytest.fixture(scope="module")
        def wide():
            with pytest.raises(OSError):
                connect(URL)

        def test_unmarked():
            connect(URL)

        @pytest.mark.onetake
        def test_marked():
            connect(URL.replace("api", "other"))
        """,
    )

    run = suite.run("-v", ONETAKE_GUARD="refuse")

    assert run.outcomes == {"failed": 1, "passed": 1}, run.output
    assert run.line("refused:").startswith("refused: 2 connections to the network: ")
    assert run.line("ownerless:").startswith("ownerless: 1 refused")
    assert run.line("egress:").startswith("egress: 1 connection")
    assert run.code == 1


def test_a_wider_fixture_is_refused_in_replay_and_counted_elsewhere(suite: Suite) -> None:
    _write(
        suite,
        "raw_socket",
        """
        import os
        import pytest
        from way import connect

        URL = os.environ["PROVIDER_URL"].replace("127.0.0.1", "api.example.test")

        @pytest.fixture(scope="module")
        def wide():
            connect(URL)

        @pytest.mark.onetake
        def test_one(wide): ...
        """,
    )

    counted = suite.run("-v")
    refused = suite.run("-v", "--onetake-mode=replay")

    assert "[NO_TRAFFIC] egress=1 test_a/@wide" in counted.verdicts
    assert "error" in refused.outcomes
    assert "test_a/@wide connects, past onetake, to api.example.test" in " ".join(
        refused.output.split()
    )


def test_the_gate_fails_a_run_with_egress_and_the_leak_one_of_a_provider(suite: Suite) -> None:
    _write(suite, "raw_socket", _TEST + _TO_A_PROVIDER)

    egress = suite.run("--onetake-fail-on=egress")
    leak = suite.run("--onetake-fail-on=leak", "-n2", plugins=("xdist",))

    assert egress.code == leak.code == 1
    assert egress.line("FAILED: 2 connections") == (
        "FAILED: 2 connections that onetake does not handle"
    )
    assert egress.line("  test_a.py::test_one:") == "  test_a.py::test_one: api.example.test x1"
    gate = leak.output.partition("FAILED:")[2].splitlines()
    assert "  test_a.py::test_two: 1 to api.openai.com" in gate
    assert "  test_a.py::test_one:" not in leak.output


_TO_A_PROVIDER = """
    @pytest.mark.onetake
    def test_two():
        with pytest.raises(OSError):
            connect("http://api.openai.com:1")
"""


def test_calls_to_a_local_server_pass_unless_they_are_of_a_priced_api(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import os
        import httpx
        from calls import ask

        def test_own_server():
            ask("hello")

        def test_gateway():
            url = os.environ["PROVIDER_URL"] + "/v1/chat/completions"
            httpx.post(url, json={"model": "m", "messages": []})
        """,
    )

    run = suite.run("-v", "--onetake-max-live=0")

    assert run.verdicts == ["[UNMARKED:NO_TRAFFIC] passed=1", "[UNMARKED:LIVE] live=1"]
    assert run.line("FAILED: ").startswith("FAILED: 1 call went live")


def test_connections_to_a_store_are_none_of_the_tests(suite: Suite, redis_url: str) -> None:
    port = redis_url.partition("//")[2].partition("/")[0].rpartition(":")[2]
    store = f"redis://redis.ci.test:{port}/0?namespace=egress"
    suite.write("conftest.py", _RESOLVER)
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        @pytest.mark.onetake
        def test_one():
            ask("hello")
        """,
    )

    recorded = suite.run("-v", ONETAKE_STORE=store)
    replayed = suite.run("-v", "--onetake-mode=replay", ONETAKE_STORE=store)

    assert recorded.verdicts == ["[RECORDED] recorded=1"], recorded.output
    assert replayed.verdicts == ["[HIT] replayed=1"], replayed.output
    for run in (recorded, replayed):
        assert "egress:" not in run.output
        assert "DEGRADED" not in run.output
