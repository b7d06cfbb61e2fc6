"""How many borders between files a call crosses: what has to be read to follow it, and what it costs."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

import fakeprovider
import onetake
import vcr
from onetake.runtime import secrets
from tests.support.walk import walk

# Measured, with a few to spare. The first version crossed 71 and 62 for a replay, 243 and 222 to record.
REPLAYED = {"stream": 32, "json": 34}
RECORDED = {"stream": 125, "json": 111}
REPLAYED_THROUGH_VCR = {"stream": 150, "json": 150}
RECORDED_THROUGH_VCR = {"stream": 325, "json": 310}


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """No values that tests before these have made known: looking for them is a walk of its own."""
    monkeypatch.setattr(secrets, "_variables", {})
    monkeypatch.setattr(secrets, "_values", None)


def asking(client: httpx.Client, url: str, *, stream: bool, text: str) -> Callable[[], bytes]:

    def ask() -> bytes:
        chat = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": text}]}
        with client.stream("POST", f"{url}/v1/chat/completions", json=chat) as answer:
            return b"".join(answer.iter_bytes())

    return ask


@pytest.mark.parametrize("kind", ["stream", "json"])
def test_a_call_crosses_few_borders_between_files(
    provider: fakeprovider.Provider, project: object, kind: str
) -> None:
    with httpx.Client() as client:
        first, second = (
            asking(client, provider.url, stream=kind == "stream", text=text)
            for text in ("one", "two")
        )
        with onetake.use_cassette("main"):
            first()
            recorded = walk(second)
        with onetake.use_cassette("main"):
            first()
            replayed = walk(second)

    assert recorded.all_hops <= RECORDED[kind], recorded
    assert replayed.all_hops <= REPLAYED[kind], replayed


@pytest.mark.parametrize("kind", ["stream", "json"])
def test_a_call_through_vcr_crosses_few_borders_too(
    provider: fakeprovider.Provider, project: object, kind: str
) -> None:
    with httpx.Client() as client:
        first, second = (
            asking(client, provider.url, stream=kind == "stream", text=text)
            for text in ("one", "two")
        )
        match_on = ["method", "uri", "body"]
        with vcr.use_cassette("main.yaml", match_on=match_on):
            first()
            recorded = walk(second)
        with vcr.use_cassette("main.yaml", match_on=match_on):
            first()
            replayed = walk(second)

    assert recorded.all_hops <= RECORDED_THROUGH_VCR[kind], recorded
    assert replayed.all_hops <= REPLAYED_THROUGH_VCR[kind], replayed
