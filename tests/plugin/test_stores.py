"""A run against a store on another machine, up and down."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.plugin.suite import new_suite
from tests.support.valkey import Valkey

_TESTS = """
    import pytest
    from calls import ask

    @pytest.mark.onetake
    @pytest.mark.parametrize("n", range(4))
    def test_it(n):
        assert ask(f"question {n}")
"""


def test_a_store_that_is_down_fails_no_test_and_is_named(suite):
    suite.write("test_a.py", _TESTS)
    with Valkey(password="hidden-word") as server:
        url = server.url
        first = suite.run("-n", "2", plugins=("xdist",), ONETAKE_STORE=url)
        server.stop()
        down = suite.run("-n", "2", "--onetake-mode=record", plugins=("xdist",), ONETAKE_STORE=url)
        strict = suite.run("--onetake-mode=record", ONETAKE_STORE=url, ONETAKE_STRICT="true")
        server.start()
        back = suite.run(ONETAKE_STORE=url)

    assert first.outcomes == {"passed": 4}
    assert "DEGRADED" not in first.output
    assert down.outcomes == {"passed": 4}
    assert "4 recordings kept on this machine" in " ".join(down.output.split())
    assert down.line("DEGRADED")
    assert "refused" in down.output
    assert strict.outcomes == {"passed": 4}
    assert (down.code, strict.code) == (0, 1)
    assert "delivered to redis://" in back.output
    assert "replayed: 4" in back.output
    assert not any("hidden-word" in run.output for run in (first, down, strict, back))


_WAITING_TESTS = """
    import pathlib, time
    import pytest
    from calls import ask

    def wait_for(word):
        pathlib.Path(f"{word}-wanted").touch()
        while not pathlib.Path(word).exists():
            time.sleep(0.01)

    @pytest.mark.onetake
    @pytest.mark.parametrize("n", range(200))
    def test_it(n):
        assert ask(f"question {n}")
        if n == 60:
            wait_for("stopped")
        if n == 140:
            wait_for("started")
"""


def test_a_store_that_is_down_in_the_middle_of_a_run_costs_nothing(
    suite, tmp_path_factory, provider
):
    """For five seconds and eighty tests. Every test is paid for once, whichever machine asks again."""
    suite.write("test_a.py", _WAITING_TESTS)
    other = new_suite(tmp_path_factory.mktemp("other"), provider.url)
    other.write("test_a.py", _WAITING_TESTS)
    for word in ("stopped", "started"):
        (other.root / word).touch()

    def wait_until_wanted(word: str) -> None:
        while not (suite.root / f"{word}-wanted").exists():
            assert not running.done(), running.result().output
            time.sleep(0.01)

    with Valkey(is_persistent=True) as server, ThreadPoolExecutor(1) as pool:
        running = pool.submit(suite.run, ONETAKE_STORE=server.url)
        wait_until_wanted("stopped")
        server.stop()
        began = time.monotonic()
        (suite.root / "stopped").touch()
        wait_until_wanted("started")
        time.sleep(max(0.0, 5 - (time.monotonic() - began)))
        server.start()
        (suite.root / "started").touch()
        down = running.result()
        billed = provider.billed()
        again = suite.run(ONETAKE_STORE=server.url)
        elsewhere = other.run("--onetake-mode=replay", ONETAKE_STORE=server.url)

    assert (down.code, down.outcomes, billed) == (0, {"passed": 200}, 200)
    assert "redis://127.0.0.1" in down.line("DEGRADED")
    assert (again.code, elsewhere.code) == (0, 0)
    assert "replayed: 200" in again.output
    assert "replayed: 200" in elsewhere.output
    assert provider.billed() == 200


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [("redis://127.0.0.1:1", "redis", "redis"), ("s3://bucket/prefix", "obstore", "objects")],
)
def test_a_store_whose_extra_is_not_installed_says_what_to_install(suite, url, package, extra):
    suite.write("conftest.py", f"import sys\nsys.modules[{package!r}] = None\n")
    suite.write("test_a.py", _TESTS)

    run = suite.run(ONETAKE_STORE=url)

    assert run.outcomes == {"error": 4}
    assert f"onetake[{extra}]" in run.output
    assert "Traceback" not in run.output
