"""A request that is known and goes live all the same is written without values of the environment."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

import fakeprovider
import onetake

SECRET = "zq7XWv9kk2onItsWay"


def test_a_call_beyond_those_recorded_holds_no_known_value(
    provider: fakeprovider.Provider, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    for calls in (1, 2):
        with onetake.use_cassette("main", mode="auto"), httpx.Client() as client:
            for _ in range(calls):
                client.post(f"{provider.url}/echo", json={}, headers={"X-Custom": SECRET})

    kept = Path("cassettes/main.json").read_text()
    assert kept.count("REDACTED-env") >= 2
    assert SECRET not in kept
