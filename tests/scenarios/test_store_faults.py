"""What goes wrong with a Redis in the middle of a run: no test fails, nothing is lost, replay stays home."""

from __future__ import annotations

import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_server

import pytest

from tests.plugin.suite import Suite, new_suite
from tests.support.valkey import Valkey, free_port

_TESTS = """
    import os, pathlib, time
    import pytest
    from calls import ask

    pytestmark = pytest.mark.onetake

    def test_before():
        assert ask("before")

    def test_during():
        assert ask("twice")
        if "WAIT" in os.environ:
            pathlib.Path("wanted").touch()
            while not pathlib.Path("go").exists():
                time.sleep(0.01)
        assert ask("twice")

    def test_after():
        assert ask("after")
"""


def machine(root: Path, url: str) -> Suite:
    root.mkdir()
    suite = new_suite(root, url)
    suite.write("test_a.py", _TESTS)
    return suite


@contextmanager
def full(server: Valkey) -> Iterator[None]:
    with server.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        yield
        client.config_set("maxmemory", 0)


@contextmanager
def read_only(server: Valkey) -> Iterator[None]:
    with server.client() as client:
        client.replicaof("127.0.0.1", str(free_port()))
        yield
        client.replicaof("NO", "ONE")


@contextmanager
def another_password(server: Valkey) -> Iterator[None]:
    with server.client() as client:
        client.config_set("requirepass", "another")
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        yield
        client.config_set("requirepass", "")


@contextmanager
def killed_and_empty(server: Valkey) -> Iterator[None]:
    server.kill()
    server.start()
    yield


@contextmanager
def flushed(server: Valkey) -> Iterator[None]:
    with server.client() as client:
        client.flushall()
    yield


@contextmanager
def evicted(server: Valkey) -> Iterator[None]:
    with server.client() as client:
        client.delete(*client.keys("onetake:c:*"))
    yield


@dataclass(frozen=True)
class Fault:
    begin: Callable[[Valkey], object]
    replayed: dict[str, int]  # on another machine meanwhile, of what the server then has
    reason: str = ""  # in the banner
    is_loss: bool = False


FAULTS = {
    "full": Fault(full, {"passed": 1, "failed": 2}, "memory is full"),
    "read-only": Fault(read_only, {"passed": 1, "failed": 2}, "read-only replica"),
    "another password": Fault(another_password, {"failed": 3}, "refuses the user or password"),
    "killed, and empty": Fault(killed_and_empty, {"passed": 2, "failed": 1}, is_loss=True),
    "flushed": Fault(flushed, {"passed": 2, "failed": 1}, is_loss=True),
    "evicted": Fault(evicted, {"passed": 2, "failed": 1}, is_loss=True),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_the_middle_of_a_run_fails_no_test_and_loses_nothing(tmp_path, provider, name):
    """What the server itself loses is paid once more, by whoever needs it first."""
    fault = FAULTS[name]
    one = machine(tmp_path / "one", provider.url)
    with Valkey() as server, ThreadPoolExecutor(1) as pool:
        running = pool.submit(one.run, ONETAKE_STORE=server.url, WAIT="1")
        while not (one.root / "wanted").exists():
            assert not running.done(), running.result().output
            time.sleep(0.01)
        with fault.begin(server):
            (one.root / "go").touch()
            run = running.result()
            paid = provider.billed()
            replayed = machine(tmp_path / "third", provider.url).run(
                "--onetake-mode=replay", ONETAKE_STORE=server.url
            )
            assert provider.billed() == paid
        again = one.run(ONETAKE_STORE=server.url)
        billed = provider.billed()
        elsewhere = machine(tmp_path / "other", provider.url).run(
            "--onetake-mode=replay", ONETAKE_STORE=server.url
        )

    assert (run.code, run.outcomes, paid) == (0, {"passed": 3}, 4)
    if fault.reason:
        assert run.line("DEGRADED")
        assert fault.reason in " ".join(run.output.split())
    assert again.outcomes == elsewhere.outcomes == {"passed": 3}
    assert "replayed: 4" in elsewhere.output
    assert (billed, provider.billed()) == ((5, 5) if fault.is_loss else (4, 4))
    assert replayed.outcomes == fault.replayed


@contextmanager
def self_signed(folder: Path) -> Iterator[str]:
    """A server whose certificate nobody vouches for."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    subprocess.run(
        [*words.split(), "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                    context.wrap_socket(connection, server_side=True).close()
                except ssl.SSLError:
                    connection.close()
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield f"rediss://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(2)


def test_a_certificate_that_nobody_vouches_for_fails_no_test(tmp_path, provider):
    one = machine(tmp_path / "one", provider.url)
    with self_signed(tmp_path) as url:
        run = one.run(ONETAKE_STORE=url)
        again = one.run("--onetake-mode=replay", ONETAKE_STORE=url)

    assert (run.code, run.outcomes) == (0, {"passed": 3})
    assert "no TLS connection could be made" in " ".join(run.output.split())
    assert "replayed: 4" in again.output
    assert provider.billed() == 4


def test_tls_to_a_server_without_it_fails_no_test(tmp_path, provider):
    one = machine(tmp_path / "one", provider.url)
    with Valkey() as server:
        url = server.url.replace("redis:", "rediss:")
        run = one.run(ONETAKE_STORE=f"{url}?socket_timeout=0.3")

    assert (run.code, run.outcomes) == (0, {"passed": 3})
    assert run.line("DEGRADED")
    assert provider.billed() == 4
