"""The border to `genai-prices`, whose table comes with it (extra `[spend]`).

The package works in decimals over a register of units: exact, and some eighty microseconds a time. So
what it says of a model is turned once into prices of our own and kept; what these cannot express (a price
by the time of day, anything but text) is asked of it each time. Its updater, which reads the web, is
never started. It gives 0 for whatever it has no price for, so here its answer counts only where it prices
every class that was used.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from msgspec import Struct

from onetake.config.prices import Price
from onetake.spend.dollars import dollars_by, is_of_text
from onetake.spend.facts import Usage

if TYPE_CHECKING:
    from decimal import Decimal

    from genai_prices.types import ModelInfo, ModelPrice, PriceCalculation, Tier, TieredPrices

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

_ONLY_OPENAI = ("text-embedding-3-", "text-embedding-ada-", "gpt-image-", "tts-1")
"""Names by which the package finds no maker without its host, and that nobody else sells."""

_SAME_NAMES = (
    *("input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens"),
    *("input_audio_tokens", "input_image_tokens", "cache_audio_read_tokens"),
    *("cache_image_read_tokens", "output_tokens", "output_audio_tokens", "output_image_tokens"),
    *("audio_seconds", "input_characters", "web_searches", "storage_searches", "rerank_searches"),
)

_OF_TEXT = {
    "input_mtok": "input",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
}
"""Its prices of text, and what they are called here."""

_DAY_S = 86_400

_Steps = tuple[tuple[int, Price], ...]
"""The price above a number of input tokens, for all of them; the last step that fits counts."""

_NOT_PRICED: _Steps = ()


class Said(Struct, frozen=True, array_like=True):
    """What the package says of a text of this model today: `steps` are empty where it has no price."""

    provider: str
    model: str
    tier: str
    steps: _Steps


_today: dict[tuple[str, str, str], Said] = {}


def said() -> list[Said]:
    """All that it has said so far, asked for prices of today: worth keeping, as it takes long to load."""
    return list(_today.values())


def learn(earlier: Iterable[Said]) -> None:
    """Take what it has said to another process today instead of asking it again."""
    for one in earlier:
        _today.setdefault((one.provider, one.model, one.tier), one)


def is_installed() -> bool:
    """Whether the package is there; it is not loaded."""
    return find_spec("genai_prices") is not None


def package_price(usage: Usage, at_s: int | None) -> float | None:
    """Dollars, or None where the package is not there or does not price all of it. Never raises."""
    if is_of_text(usage):
        day = None if at_s is None else at_s // _DAY_S
        steps = _steps(usage.provider, usage.model, usage.tier, day)
        if steps is not None:
            if not steps:
                return None
            _, price = steps[0]
            whole = usage.input_tokens or 0
            for above, dearer in steps[1:]:
                if whole > above:
                    price = dearer
            dollars = dollars_by(price, usage)
            if dollars is not None:
                return dollars
    found = _asked(usage, at_s)
    if found is None:
        return None
    return float(found.total_price) if _covers(found.model_price, found, usage) else None


@lru_cache(maxsize=1024)
def _steps(provider: str, model: str, tier: str, day: int | None) -> _Steps | None:
    """Return the package's prices for a text of this model on this day; None where they are not as simple.

    Without a day they are those of the day on which this was first asked.
    """
    if day is None and (known := _today.get((provider, model, tier))) is not None:
        return known.steps
    steps = _asked_steps(provider, model, tier, day)
    if day is None and steps is not None:
        _today[provider, model, tier] = Said(provider, model, tier, steps)
    return steps


def _asked_steps(provider: str, model: str, tier: str, day: int | None) -> _Steps | None:
    nothing = Usage(provider=provider, model=model, tier=tier)
    found = _asked(nothing, None if day is None else day * _DAY_S)
    if found is None:
        return _NOT_PRICED
    if _depends_on_hour(found.model):
        return None
    said = {name: one for name, one in vars(found.model_price).items() if one is not None}
    if "requests_kcount" in said:
        return None
    texts = {ours: said[name] for name, ours in _OF_TEXT.items() if name in said}
    starts = sorted({one.start for price in texts.values() for one in _tiers(price)})
    return tuple(
        (start, Price(**{ours: float(_above(one, start)) for ours, one in texts.items()}))
        for start in (-1, *starts)
    )


def _tiers(price: Decimal | TieredPrices) -> list[Tier]:
    return getattr(price, "tiers", [])  # the types are imported with the package, late


def _above(price: Decimal | TieredPrices, start: int) -> Decimal:
    base: Decimal = getattr(price, "base", None) or price  # type: ignore[assignment]
    fitting = [one.price for one in _tiers(price) if one.start <= start]
    return fitting[-1] if fitting else base


def _depends_on_hour(model: ModelInfo) -> bool:
    from genai_prices.types import TimeOfDateConstraint

    conditional = model.prices if isinstance(model.prices, list) else []
    return any(
        isinstance(one.constraint, TimeOfDateConstraint)
        for one in (*conditional, *(model.price_variants or ()))
    )


def _asked(usage: Usage, at_s: int | None) -> PriceCalculation | None:
    """What the package makes of it; None where it knows no such model on such terms."""
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
        return found
    # LookupError for a model, ValueError for classes that overlap unsplit; it documents no others.
    except (LookupError, ValueError, TypeError, ArithmeticError, OSError):
        return None


def _maker(model: str) -> tuple[str, str] | None:
    """`openai/gpt-4o`, as gateways name models."""
    maker, slash, rest = model.partition("/")
    return (maker, rest) if slash and maker in _CLOSED else None


def _named(usage: Usage) -> tuple[str | None, str]:
    """Provider and model as the package names them; None for a provider that it does not have."""
    if not usage.provider and usage.model.startswith(_ONLY_OPENAI):
        return "openai", usage.model
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
