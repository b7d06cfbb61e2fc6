"""A store that is nearly full is named before it refuses anything, and with what it refused."""

from __future__ import annotations

import re

from tests.support import valkey

_TESTS = """
    import pytest
    from calls import ask

    @pytest.mark.onetake
    @pytest.mark.parametrize("n", range(2))
    def test_it(n):
        assert ask(f"question {n}" + 2000 * "x")
"""

_LIMIT = 16 * 1024 * 1024


def fill(server: valkey.Valkey, percent: int) -> None:
    """Bring the server to `percent` of its memory."""
    with server.client() as client:
        n = 0
        while 100 * client.info("memory")["used_memory"] < percent * _LIMIT:
            client.set(f"else:{n}", bytes(50_000))
            n += 1


def test_a_store_is_named_from_85_percent_on(suite):
    suite.write("test_a.py", _TESTS)
    with valkey.Valkey(f"maxmemory {_LIMIT}", "maxmemory-policy noeviction") as server:
        empty = suite.run(ONETAKE_STORE=server.url)
        fill(server, 90)
        full = suite.run("-n", "2", plugins=("xdist",), ONETAKE_STORE=server.url)
        quiet = suite.run("-q", ONETAKE_STORE=server.url)

    assert "NEARLY FULL" not in empty.output
    told = f"NEARLY FULL: {server.url}: (89|90|91) % of 16.0 MB used"
    assert re.match(told, full.line("NEARLY FULL"))
    assert re.search(told, quiet.line("onetake:"))
    assert (full.code, quiet.code) == (0, 0)


def test_a_store_that_refuses_for_its_size_says_how_full_it_is(suite):
    suite.write("test_a.py", _TESTS)
    with valkey.Valkey(f"maxmemory {_LIMIT}", "maxmemory-policy noeviction") as server:
        fill(server, 99)
        with server.client() as client:
            client.config_set("maxmemory", int(client.info("memory")["used_memory"]) - 10_000)
        run = suite.run(ONETAKE_STORE=server.url)

    told = " ".join(run.output.split())
    assert run.outcomes == {"passed": 2}
    assert "DEGRADED" in told
    assert "memory is full" in told
    assert "% of 15.9 MB used" in told or "% of 15.8 MB used" in told
