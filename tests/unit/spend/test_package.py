"""What is kept of the package's prices gives what the package gives, for each model that it has."""

from __future__ import annotations

import random

import pytest
from genai_prices.data import providers

from onetake.spend import Usage, package
from onetake.spend.package import package_price

AT_S = 1_795_651_200  # 2026-11-26
OURS = {theirs: ours for ours, theirs in package._PROVIDERS.items()}
MODELS = [
    (OURS[provider.id], model.id)
    for provider in providers
    if provider.id in OURS
    for model in provider.models
]
SIZES = (0, 1, 900, 128_001, 200_000, 200_001, 300_000, 2_000_000)


def usages(provider: str, model: str, chance: random.Random) -> list[Usage]:
    def some(*counts: int) -> int | None:
        return chance.choice((None, *counts))

    return [
        Usage(
            provider=provider,
            model=model,
            input_tokens=some(*SIZES),
            cache_read_tokens=some(0, 10, 1000),
            cache_write_tokens=some(0, 20),
            cache_write_1h_tokens=some(0, 7, 30),
            output_tokens=some(*SIZES),
            reasoning_tokens=some(0, 5, 1000),
            web_searches=some(*(0,) * 9, 2),
            input_audio_tokens=some(*(0,) * 9, 3),
            tier=chance.choice(("", "", "", "flex", "priority", "fast")),
        )
        for _ in range(4)
    ]


def test_every_model_costs_what_the_package_says(monkeypatch):
    chance = random.Random(20261126)
    asked = [one for model in MODELS for one in usages(*model, chance)]
    days = [AT_S - chance.randrange(800) * 86_400 - chance.randrange(86_400) for _ in asked]
    kept = [package_price(one, at_s) for one, at_s in zip(asked, days, strict=True)]
    monkeypatch.setattr(package, "_steps", lambda *_: None)
    exact = [package_price(one, at_s) for one, at_s in zip(asked, days, strict=True)]
    wrong = [
        (one, ours, theirs)
        for one, ours, theirs in zip(asked, kept, exact, strict=True)
        if ours != (theirs if theirs is None else pytest.approx(theirs, rel=1e-12, abs=0))
    ]
    assert wrong == []
    assert sum(one is not None for one in kept) > len(MODELS)


def test_what_the_package_does_not_know_is_asked_of_it_once(monkeypatch):
    package._steps.cache_clear()
    usage = Usage(provider="openai", model="gpt-0-never-heard-of", input_tokens=5)
    assert package_price(usage, AT_S) is None
    monkeypatch.setattr(package, "_asked", None)
    assert [package_price(usage, AT_S + second) for second in (1, 60)] == [None, None]


def test_a_price_by_the_hour_is_asked_of_the_package_each_time():
    usage = Usage(provider="deepseek", model="deepseek-chat", input_tokens=1000, output_tokens=0)
    midnight, noon = package_price(usage, AT_S), package_price(usage, AT_S + 12 * 3600)
    assert (midnight or 0) < (noon or 0)


def test_behind_a_gateway_an_embedding_of_openai_costs_what_it_costs():
    usage = Usage(provider="", model="text-embedding-3-small", input_tokens=1_000_000)
    assert package_price(usage, None) == pytest.approx(0.02)
