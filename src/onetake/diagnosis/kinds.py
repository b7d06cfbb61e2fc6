"""What sort of change lies between two values: the reason why a request was another one.

`uuid`, `iso-time`, `epoch`, `hex` (new on each run), `counter` (one number that moved a little), `random`
(a token that looks drawn), `number`, `float-noise`, `key-order`, `white-space`, `encoding` (the same text
written otherwise), `image` (another picture), `bytes`, `type`, `added`, `removed`, and `text` for everything
that means something.
"""

from __future__ import annotations

import binascii
import math
import re
import unicodedata
from base64 import b64decode
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from onetake.matching import DAY_S, KINDS, Found, Volatile
from onetake.wire.json_values import parse_json, write_json
from onetake.wire.late import late_pattern

NEW_EACH_RUN = (*KINDS, "counter")
"""Kinds of values that mean nothing where they stand alone."""

# A time that is not of now, but of the same year, is still told as a time; a number of ten digits from
# another year is rather an order number.
_NEAR = Volatile(KINDS, window_s=400 * DAY_S)
# Where the moment of a request is not known, what is written as a time still is one.
UNDATED = Volatile(("uuid", "iso-time", "hex"), window_s=math.inf)
_NUMBER = late_pattern(r"\d+")
_SPACE = late_pattern(r"\s+")
_IMAGE = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
# A token of 8 letters and digits or more that change places often: a ULID, a nanoid, a short hash. Names of
# models and products change at most twice between letters and digits.
_TOKEN = late_pattern(
    r"(?<![A-Za-z0-9_-])(?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]{8,64}(?![A-Za-z0-9_-])"
)
_CHANGE = late_pattern(r"[0-9](?=[A-Za-z])|[A-Za-z](?=[0-9])|[a-z](?=[A-Z])")
_LEAST_CHANGES = 3
_MOST = 1 << 20
_COUNTED = 10_000  # how far a counter moves between two runs


class _Missing(msgspec.Struct, frozen=True):
    """Stands for what one side does not have."""


MISSING = _Missing()


class Number(str):
    """A number's literal text: numbers are compared as they are written."""

    __slots__ = ()


def kind_of(recorded: Any, sent: Any, at: tuple[float, float] = (0.0, 0.0)) -> str:
    """The kind of change from one leaf value (text, number, bool, None, bytes) to another. Never raises.

    `at` is when the two requests were made (UTC seconds, 0 if not known).
    """
    if recorded is MISSING:
        return "added"
    if sent is MISSING:
        return "removed"
    if isinstance(recorded, bytes) and isinstance(sent, bytes):
        return _of_bytes(recorded, sent, at)
    numbers = _number(recorded), _number(sent)
    if numbers[0] is not None and numbers[1] is not None:
        return _of_numbers(numbers[0], numbers[1], at)
    if isinstance(recorded, str) and isinstance(sent, str):
        return _of_texts(recorded, sent, at)
    if type(recorded) is not type(sent):
        return "type"
    return "text"


def _number(value: Any) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode("ascii", "replace")
    return str(value) if isinstance(value, Number) else None


def _of_numbers(recorded: str, sent: str, at: tuple[float, float]) -> str:
    try:
        one, other = float(recorded), float(sent)
    except (ValueError, OverflowError):
        return "text"
    if embedded_kinds(recorded, sent, at) == ("epoch",):
        return "epoch"
    if any(mark in recorded + sent for mark in ".eE"):
        return "float-noise" if math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-12) else "number"
    return _of_steps(one, other)


def _of_steps(one: float, other: float) -> str:
    return "counter" if abs(one - other) <= _COUNTED else "number"


def _of_texts(recorded: str, sent: str, at: tuple[float, float]) -> str:
    if len(recorded) > _MOST or len(sent) > _MOST:
        recorded, sent = recorded[:_MOST], sent[:_MOST]
    volatile = embedded_kinds(recorded, sent, at)
    if volatile:
        return "+".join(volatile)
    if _SPACE.sub(" ", recorded).strip() == _SPACE.sub(" ", sent).strip():
        return "white-space"
    if _SPACE.sub("", recorded) == _SPACE.sub("", sent):
        return "white-space"
    if _plain(recorded) == _plain(sent):
        return "encoding"
    same = _of_json_text(recorded, sent)
    if same:
        return same
    pictures = _picture(recorded), _picture(sent)
    if pictures[0] and pictures[1]:
        return "image"
    if _NUMBER.sub("0", recorded) == _NUMBER.sub("0", sent):
        pairs = zip(_NUMBER.findall(recorded), _NUMBER.findall(sent), strict=True)
        changed = {(one, other) for one, other in pairs if one != other}
        if len(changed) == 1:
            one, other = changed.pop()
            return _of_steps(float(one[:300]), float(other[:300]))
    return "random" if random_tokens(recorded, sent) else "text"


def random_tokens(recorded: str, sent: str) -> list[tuple[Found, str]]:
    """Each random token in `sent` and what stands there in `recorded`; [] if the rests differ."""
    return _paired(recorded, sent, list(tokens_in(recorded)), list(tokens_in(sent)))


def tokens_in(text: str) -> Iterator[Found]:
    """Every token that looks random."""
    for found in _TOKEN.finditer(text):
        if len(_CHANGE.findall(found[0])) >= _LEAST_CHANGES:
            yield Found(found.start(), found.end(), "random")


def embedded_kinds(recorded: str, sent: str, at: tuple[float, float]) -> tuple[str, ...]:
    """The kinds of volatile values in which alone two texts differ, in their order; () if in more."""
    differing = (
        one.kind for one, old in embedded(recorded, sent, at) if sent[one.start : one.end] != old
    )
    return tuple(dict.fromkeys(differing))


def embedded(recorded: str, sent: str, at: tuple[float, float]) -> list[tuple[Found, str]]:
    """Each volatile value in `sent` and what stands there in `recorded`; [] if the rests differ."""
    moments = at[0] or at[1], at[1] or at[0]
    volatile = _NEAR if moments[0] else UNDATED
    found = [
        list(volatile.find(text, moment or 1.0))
        for text, moment in zip((recorded, sent), moments, strict=True)
    ]
    return _paired(recorded, sent, *found)


def _paired(
    recorded: str, sent: str, olds: list[Found], news: list[Found]
) -> list[tuple[Found, str]]:
    if not olds or len(olds) != len(news) or split_at(recorded, olds) != split_at(sent, news):
        return []
    return [(new, recorded[old.start : old.end]) for old, new in zip(olds, news, strict=True)]


def split_at(text: str, found: Iterable[Found]) -> list[str]:
    """What stands around each value, and between that the value's kind."""
    pieces: list[str] = []
    end = 0
    for one in found:
        pieces += (text[end : one.start], one.kind)
        end = one.end
    return [*pieces, text[end:]]


def _plain(text: str) -> str:
    """The text behind escapes of URLs and HTML, and the forms of Unicode."""
    from html import unescape

    text = unicodedata.normalize("NFC", unescape(unquote_plus(text)))
    return text.replace("\\/", "/").replace("\u00a0", " ")


def _of_json_text(recorded: str, sent: str) -> str:
    """JSON within a text: the same value in another order, or written otherwise."""
    if recorded[:1] not in "{[" or sent[:1] not in "{[" or not recorded or not sent:
        return ""
    one, other = parse_json(recorded), parse_json(sent)
    is_same = one is not None and other is not None and write_json(one[0]) == write_json(other[0])
    return "key-order" if is_same else ""


def _picture(text: str) -> bool:
    """Whether a text is base64 (or a data URL) of an image."""
    text = text.partition(";base64,")[2] or text
    if not _BASE64.match(text[:64]):
        return False
    try:
        return is_image(b64decode(text[:32]))
    except (binascii.Error, ValueError):
        return False


def is_image(data: bytes) -> bool:
    """PNG, JPEG, GIF or WebP by its first bytes."""
    return data.startswith(_IMAGE)


def _of_bytes(recorded: bytes, sent: bytes, at: tuple[float, float]) -> str:
    if is_image(recorded) and is_image(sent):
        return "image"
    if len(recorded) <= _MOST and len(sent) <= _MOST:
        try:
            return _of_texts(recorded.decode(), sent.decode(), at)
        except UnicodeDecodeError:
            pass
        for one, other in ((recorded, sent), (sent, recorded)):
            try:
                if one.decode("utf-8") == other.decode("latin-1"):
                    return "encoding"
            except UnicodeDecodeError:
                continue
    return "bytes"
