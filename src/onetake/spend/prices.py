"""Dollars of what was used: by the caller's own prices, by the answer's own word, else by `genai-prices`.

The package brings its table with it (extra `[spend]`); its updater, which reads the web, is never started.
It gives 0 for whatever it has no price for, so here its answer counts only where it prices every class
that was used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from onetake.messages import glob
from onetake.spend.usage import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice, PriceCalculation

_DATE = re.compile(r"[-@](?:20\d{6}|20\d\d-\d\d-\d\d)\Z")

_SHARED = (
    *("openai", "anthropic", "mistral", "cohere", "groq", "perplexity", "openrouter", "deepseek"),
    *("together", "fireworks", "cerebras", "minimax", "databricks", "cloudflare"),
)
_PROVIDERS = {name: name for name in _SHARED} | {
    "azure-openai": "azure",
    "gemini": "google",
    "vertex": "google",
    "bedrock": "aws",
    "xai": "x-ai",
    "voyage": "voyageai",
    "moonshot": "moonshotai",
}
"""Names of `onetake.providers`, and what the package calls them."""

_CLOSED = frozenset({"openai", "anthropic", "google", "x-ai"})
"""Makers whose models run nowhere for free: behind an unknown host, a gateway, they cost what they cost."""

_SAME_NAMES = (
    *("input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens"),
    *("input_audio_tokens", "input_image_tokens", "cache_audio_read_tokens"),
    *("cache_image_read_tokens", "output_tokens", "output_audio_tokens", "output_image_tokens"),
    *("audio_seconds", "input_characters", "web_searches", "storage_searches", "rerank_searches"),
)


class Price(Struct, frozen=True, kw_only=True):
    """Dollars per million tokens by class; `image`, `search` and `second` are dollars for one.

    A part that has no price of its own costs what its whole costs: cached, audio and image tokens like
    `input` (or `output`), a cache written for an hour like `cache_write`. `characters` are a million.
    """

    input: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None
    input_audio: float | None = None
    input_image: float | None = None
    output: float | None = None
    reasoning: float | None = None
    output_audio: float | None = None
    output_image: float | None = None
    characters: float | None = None
    image: float | None = None
    second: float | None = None
    search: float | None = None


def price_of(
    usage: Usage, *, table: Mapping[str, Price] = {}, at_s: int | None = None
) -> float | None:
    """Dollars, or None where a price is not known (or `genai-prices` is not there). Never raises.

    `table` wins: its names are of models (`gpt-4o` is also every dated `gpt-4o`), may be
    `provider/model`, and may be globs. `at_s` (UTC seconds) asks for what it cost then; without it the
    package takes the prices of today. Of a usage that is not `complete` this is the lower bound.
    """
    own = _own_price(usage, table)
    if own is not None:
        return _by(own, usage)
    if usage.billed_usd is not None:
        return usage.billed_usd
    return _by_package(usage, at_s)


def _own_price(usage: Usage, table: Mapping[str, Price]) -> Price | None:
    if not table:
        return None
    model = usage.model.lower()
    undated = _DATE.sub("", model)
    names = [f"{usage.provider}/{model}", model, f"{usage.provider}/{undated}", undated]
    prices = {name.lower(): price for name, price in table.items()}
    for name in names:
        if name in prices:
            return prices[name]
    patterns = [name for name in prices if "*" in name]
    for pattern in sorted(patterns, key=len, reverse=True):
        if any(glob(pattern).fullmatch(name) for name in names):
            return prices[pattern]
    return None


def _by(price: Price, usage: Usage) -> float | None:
    """Each unit of `usage` in exactly one row, times its price."""
    read, written = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
    hour = usage.cache_write_1h_tokens or 0
    cached_audio, cached_image = (
        usage.cache_audio_read_tokens or 0,
        usage.cache_image_read_tokens or 0,
    )
    audio, image = usage.input_audio_tokens or 0, usage.input_image_tokens or 0
    if price.cache_read is not None:  # what is cached costs as such, whatever it is
        audio, image = audio - cached_audio, image - cached_image
    else:
        read -= cached_audio + cached_image
    spoken, drawn = usage.output_audio_tokens or 0, usage.output_image_tokens or 0
    thought = usage.reasoning_tokens or 0
    whole_in, whole_out = usage.input_tokens or 0, usage.output_tokens or 0
    write = price.input if price.cache_write is None else price.cache_write
    rows: list[tuple[float, float | None]] = [
        (read / 1e6, price.input if price.cache_read is None else price.cache_read),
        ((written - hour) / 1e6, write),
        (hour / 1e6, write if price.cache_write_1h is None else price.cache_write_1h),
        (audio / 1e6, price.input if price.input_audio is None else price.input_audio),
        (image / 1e6, price.input if price.input_image is None else price.input_image),
        ((whole_in - read - written - audio - image) / 1e6, price.input),
        (spoken / 1e6, price.output if price.output_audio is None else price.output_audio),
        (drawn / 1e6, price.output if price.output_image is None else price.output_image),
        (thought / 1e6, price.output if price.reasoning is None else price.reasoning),
        ((whole_out - spoken - drawn - thought) / 1e6, price.output),
        ((usage.input_characters or 0) / 1e6, price.characters),
        (usage.images or 0, price.image),
        (usage.audio_seconds or 0, price.second),
        (usage.web_searches or 0, price.search),
        (usage.storage_searches or 0, price.search),
        (usage.rerank_searches or 0, price.search),
    ]
    dollars = 0.0
    for count, one in rows:
        if count < 0 or (count and one is None):
            return None  # parts that exceed their whole, or a class without a price
        dollars += count * (one or 0)
    return dollars


def _by_package(usage: Usage, at_s: int | None) -> float | None:
    provider, model = _named(usage)
    if provider is None and usage.provider:
        return None
    try:
        from genai_prices import Usage as Counts
        from genai_prices import calc_price
    except ImportError:
        return None
    counts = {name: getattr(usage, name) for name in _SAME_NAMES}
    counts["output_reasoning_tokens"] = usage.reasoning_tokens
    counts["input_audio_seconds"] = usage.audio_seconds
    terms = {"service_tier": usage.tier, "speed": usage.tier} if usage.tier else None
    try:
        moment = None if at_s is None else datetime.fromtimestamp(at_s, UTC)
        found = calc_price(
            Counts(**counts),
            model,
            provider_id=provider,
            genai_request_timestamp=moment,
            price_context=terms,
        )
        if provider is None and found.provider.id not in _CLOSED:
            return None
        if usage.tier and not _has_terms(found, usage.tier, moment):
            return None
        return float(found.total_price) if _covers(found.model_price, found, usage) else None
    # LookupError for a model, ValueError for classes that overlap unsplit; it documents no others.
    except (LookupError, ValueError, TypeError, ArithmeticError, OSError):
        return None


def _maker(model: str) -> tuple[str, str] | None:
    """`openai/gpt-4o`, as gateways name models."""
    maker, slash, rest = model.partition("/")
    return (maker, rest) if slash and maker in _CLOSED else None


def _named(usage: Usage) -> tuple[str | None, str]:
    """Provider and model as the package names them; None for a provider that it does not have."""
    made = _maker(usage.model.lower())
    if made and usage.provider in ("", "vertex", "azure-openai"):
        return (_PROVIDERS.get(usage.provider) or made[0]), made[1]
    return _PROVIDERS.get(usage.provider), usage.model


def _has_terms(found: PriceCalculation, tier: str, moment: datetime | None) -> bool:
    return any(
        tier in variant.when.values()
        and (moment is None or variant.constraint is None or variant.constraint.active(moment))
        for variant in found.model.price_variants or ()
    )


def _covers(price: ModelPrice, found: PriceCalculation, usage: Usage) -> bool:
    """Whether the package has a price for every class that was used."""
    has = {name for name, one in vars(price).items() if one is not None}
    parts = [
        (usage.output_audio_tokens or 0, "output_audio_mtok"),
        (usage.output_image_tokens or 0, "output_image_mtok"),
    ]
    plain_out = (usage.output_tokens or 0) - sum(count for count, name in parts if name in has)
    needed = [
        (usage.input_tokens, {"input_mtok"}),
        (plain_out, {"output_mtok"}),
        (usage.audio_seconds, {"audio_hours", "input_audio_hours"}),
        (usage.input_characters, {"input_mchars"}),
        (usage.web_searches, {"web_searches_kcount"}),
        (usage.storage_searches, {"storage_searches_kcount"}),
        (usage.rerank_searches, {"rerank_searches_kcount"}),
        (usage.images, set[str]()),
    ]
    if found.provider.id in ("openai", "azure"):
        # They never sell audio at the price of text: where its price is missing, it is missing.
        needed.append((usage.input_audio_tokens, {"input_audio_mtok"}))
        needed.append((usage.output_audio_tokens, {"output_audio_mtok"}))
    return all(names & has for count, names in needed if count)
