"""What models cost, as settings say it: a table by model, of dollars per million tokens.

    [tool.onetake.prices."my-model"]
    input = 0.5
    output = 1.5

Read late, like rules: most projects have no prices of their own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from onetake.errors import UsageError, did_you_mean


class Price(Struct, frozen=True, kw_only=True, omit_defaults=True):
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


NAMES = Price.__struct_fields__

_FORM = 'Write dollars per million tokens by model: "my-model" = { input = 0.5, output = 1.5 }.'


def parse_prices(values: object, source: str) -> dict[str, Price]:
    """Prices by lower-case name of a model, from plain data, JSON text or `Price`s.

    Raises `UsageError` naming `source`, the model and the field.
    """
    place = f"Setting 'prices' in {source}"
    if isinstance(values, str | bytes):
        try:
            values = msgspec.json.decode(values)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise UsageError(
                f"{place} is not JSON: {error}.",
                remedy='Write {"my-model": {"input": 0.5, "output": 1.5}}.',
            ) from None
    if not isinstance(values, Mapping):
        raise UsageError(f"{place} is no table.", remedy=_FORM)
    return {
        _name(model, place): _price(price, f"{place}, model {str(model)!r},")
        for model, price in values.items()
    }


def _name(model: object, place: str) -> str:
    if not isinstance(model, str) or not model.strip():
        raise UsageError(f"{place} has {model!r}, which is no name of a model.", remedy=_FORM)
    return model.strip().lower()


def _price(value: Any, place: str) -> Price:
    if isinstance(value, Price):
        fields = {name: getattr(value, name) for name in NAMES}
        value = {name: one for name, one in fields.items() if one is not None}
    if not isinstance(value, Mapping):
        raise UsageError(f"{place} is no table.", remedy=_FORM)
    if not value:
        raise UsageError(f"{place} says nothing.", remedy=_FORM)
    return Price(**{name: _dollars(name, one, place) for name, one in value.items()})


def _dollars(name: object, value: object, place: str) -> float:
    if name not in NAMES:
        hint = did_you_mean(name, NAMES) or f"Known: {', '.join(NAMES)}."
        raise UsageError(f"{place} has {name!r}, which is unknown.", remedy=hint)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not (math.isfinite(value) and value >= 0):  # type: ignore[arg-type,operator]
        raise UsageError(
            f"{place} has {name} = {value!r}, which is no amount of dollars.",
            remedy="Write a number, 0 or more.",
        )
    return float(value)  # type: ignore[arg-type]
