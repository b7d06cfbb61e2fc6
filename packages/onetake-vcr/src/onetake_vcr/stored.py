"""Stored interactions as they lie in a cassette: told apart by their content, and passed through hooks."""

from __future__ import annotations

import hashlib
import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from onetake_vcr.lookup import Pair
from vcr.request import Request


def digest(pair: Pair) -> bytes:
    """Return what is equal for the same interaction in two readings of a file."""
    request, response = pair
    told = request._to_entry() if isinstance(request, Request) else request
    return hashlib.blake2b(_encode([told, response]), digest_size=16).digest()


_encode = msgspec.msgpack.Encoder(order="deterministic", enc_hook=repr).encode


def without(
    pairs: Sequence[Pair], digests: Sequence[bytes], unwanted: Iterable[bytes]
) -> list[Pair]:
    """Return `pairs`, whose digests these are, without as many of each as are `unwanted`: the first go."""
    left_out = Counter(unwanted)
    kept: list[Pair] = []
    for pair, own in zip(pairs, digests, strict=True):
        if left_out[own]:
            left_out[own] -= 1
        else:
            kept.append(pair)
    return kept


def hooks_of(given: Any) -> list[Callable[..., Any]]:
    """Return the hooks of a setting, which may be one, several or None."""
    if given is None:
        return []
    return list(given) if isinstance(given, Iterable) else [given]


def hooked(hooks: Iterable[Callable[..., Any]], pair: Pair, cassette: Any) -> Pair | None:
    """Return what `hooks` make of an interaction; None where one of them drops it. Raises TypeError."""
    request, response = pair
    for hook in hooks:
        asked = (request, response, cassette) if _takes_three(hook) else (request, response)
        result = hook(*asked)
        if result is None:
            return None
        if not isinstance(result, tuple | list) or len(result) != 2:
            name = getattr(hook, "__qualname__", repr(hook))
            raise TypeError(
                f"Interaction hook {name} must return (request, response) or None, "
                f"not {type(result).__name__}"
            )
        request, response = result
    return request, response


def _takes_three(hook: Callable[..., Any]) -> bool:
    try:
        inspect.signature(hook).bind(None, None, None)
    except (TypeError, ValueError):
        return False
    return True
