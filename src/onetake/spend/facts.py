"""What calls used and what was paid for, as values. Nothing is read here."""

from __future__ import annotations

from msgspec import Struct

_FREE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
NEVER_SENT = frozenset({"refused", "connect-timeout", "pool-timeout", "tls", "dns"})
"""Kinds of failures (`messages.Failure`) before a request was sent, so that nobody is billed."""


class Usage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens by class, and what else is billed. None is what the answer does not say.

    `input_tokens` and `output_tokens` are whole; the other classes are parts of them, and
    `cache_audio_read_tokens` is a part of both the cached and the audio. `provider` is a name of
    `onetake.providers` or "" for a host that is none's. `tier` is "" for the standard terms,
    else the word of the answer (`flex`, `priority`, `batch`, `fast`, `us`).
    `billed_usd` is the charge where the answer states it. `complete` is False where more was used than
    is counted: a stream was cut before its last count, or a tool ran that is charged apart.
    """

    provider: str
    model: str
    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    input_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    cache_audio_read_tokens: int | None = None
    cache_image_read_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    output_audio_tokens: int | None = None
    output_image_tokens: int | None = None
    images: int | None = None
    audio_seconds: float | None = None
    input_characters: int | None = None
    web_searches: int | None = None
    storage_searches: int | None = None
    rerank_searches: int | None = None
    tier: str = ""
    billed_usd: float | None = None
    complete: bool = True


class Spent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Equal calls that were paid for (`recorded`, `live`), or would have been (`replayed`).

    `usage` is that of one of them. It is None where the answer does not say, or where nobody has read it.
    """

    outcome: str
    host: str  # of the API
    usage: Usage | None = None
    calls: int = 1


def is_free(method: str) -> bool:
    """Return whether a request costs nothing: a list of models, the state of a batch, a pre-flight."""
    return method.upper() in _FREE_METHODS
