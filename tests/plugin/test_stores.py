"""A run against a store on another machine, up and down."""

from __future__ import annotations

from tests.support import valkey

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
    with valkey.Valkey(password="hidden-word") as server:
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
