"""The nearest recording, found without decoding all of them.

Each recording's method and URL are read from the beginning of its text; of those for the same place the
text is searched for pieces of the request that tell recordings apart, and only the best few are decoded
and compared. The cost is a few passes of `bytes.find` over the requests, whatever the bodies are.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any, Protocol

import msgspec

from onetake.diagnosis.excerpts import likeness
from onetake.errors import OnetakeError
from onetake.matching import Kind, read_body
from onetake.messages import Request, read_url

_FEW = 40  # recordings that are decoded and compared
_PIECE = 32  # bytes of a piece
_MOST_PIECES = 160
_SAMPLE = 24  # recordings on which pieces are tried
_PASSES = 3  # pieces that are looked for in every recording of the place
_HEADERS = 2_000  # bytes that a stored request is longer than its body, at most mostly


class Recording(Protocol):
    """A recorded request, decoded when asked for."""

    @property
    def line(self) -> tuple[str, str] | None:
        """Method and URL, read cheaply; None where they cannot be."""

    @property
    def request(self) -> Request:
        """Raises an `OnetakeError` for stored data that cannot be read."""

    @property
    def at(self) -> float: ...

    def text(self, limit: int) -> bytes:
        """The beginning of its stored text."""


Place = tuple[bool, bool, bool]
"""Same host, same path, same method."""


def nearest(
    request: Request,
    recordings: Sequence[Recording],
    used: Container[int] = (),
    among: Sequence[int] | None = None,
) -> tuple[int, Place] | None:
    """The index of the nearest recording and what of its place is the same; None where there is none.

    `used` holds the indexes of those that were replayed already; of equally near ones another is taken.
    `among` are the indexes to choose from (default: all).
    Never raises: what cannot be read is passed over.
    """
    sent = read_url(request.url)
    method = request.method.upper()
    best: Place = (False, False, False)
    at_best: list[int] = []
    places: dict[tuple[str, str], Place] = {}
    for i in range(len(recordings)) if among is None else among:
        line = recordings[i].line
        if line is None:
            continue
        place = places.get(line)
        if place is None:
            url = read_url(line[1])
            same_host = url.netloc == sent.netloc
            place = (same_host, url.path == sent.path, line[0].upper() == method)
            places[line] = place
        if place > best or not at_best:
            best, at_best = place, []
        if place == best:
            at_best.append(i)
    if not at_best:
        return None
    few = _promising(request, recordings, at_best, used)
    scored = [(score, i) for i in few if (score := _score(request, recordings[i])) is not None]
    if not scored:
        return None
    _, _, index = max((score, (i not in used, -i), i) for score, i in scored)
    return index, best


def _score(request: Request, recording: Recording) -> float | None:
    """How much of the longer body is common at both ends, and the same for the URL."""
    try:
        other = recording.request
    except OnetakeError:
        return None
    return likeness(request.url, other.url) + 2 * likeness(request.body, other.body)


def _promising(
    request: Request, recordings: Sequence[Recording], indexes: list[int], used: Container[int]
) -> list[int]:
    if len(indexes) <= _FEW:
        return indexes
    limit = len(request.body) * 5 // 4 + len(request.url) + _HEADERS
    text_of: Callable[[int], bytes] = lambda i: recordings[i].text(limit)  # noqa: E731
    pieces = _telling(_pieces(request), [text_of(i) for i in _spread(indexes, _SAMPLE)])
    hits = dict.fromkeys(indexes, 0)
    for done, piece in enumerate(pieces, 1):
        for i in indexes:
            if piece in text_of(i):
                hits[i] += 1
        if done >= _PASSES and any(hits.values()):
            break
        if done >= 2 * _PASSES:
            break
    order = sorted(indexes, key=lambda i: (-hits[i], i in used))
    return order[:_FEW]


def _pieces(request: Request) -> list[bytes]:
    """Pieces of the body as they stand in a stored text."""
    content = read_body(request)
    texts: list[str] = []
    match content.kind:
        case Kind.JSON | Kind.LINES:
            _collect(content.value, texts)
        case Kind.MULTIPART:
            texts = [part.content.decode("utf-8", "ignore")[:100_000] for part in content.value]
        case _:
            texts = request.body[:100_000].decode("utf-8", "ignore").split("\n")
    pieces: list[bytes] = []
    for text in sorted(texts, key=len, reverse=True)[:40]:
        try:
            stored = msgspec.json.encode(text)[1:-1]
        except ValueError:
            continue
        pieces += [stored[at : at + _PIECE] for at in range(0, len(stored), _PIECE)]
    return _spread([piece for piece in pieces if len(piece) >= 4], _MOST_PIECES)


def _collect(value: Any, texts: list[str]) -> None:
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, texts)
    elif isinstance(value, list):
        for item in value:
            _collect(item, texts)


def _telling(pieces: list[bytes], sample: list[bytes]) -> list[bytes]:
    """The pieces that tell recordings apart: those that not most of the sample has, rarest of all last.

    A piece that nothing has may be the changed one, so those that something has come first.
    """
    rates = {piece: sum(piece in text for text in sample) / len(sample) for piece in pieces}
    some = [piece for piece, rate in rates.items() if 0 < rate < 0.7]
    none = [piece for piece, rate in rates.items() if rate == 0]
    return _spread(some, _PASSES - 1) + _spread(none, 2 * _PASSES)


def _spread(items: list[Any], most: int) -> list[Any]:
    """At most `most` of `items`, evenly, the first among them."""
    if len(items) <= most:
        return items
    return [items[i * len(items) // most] for i in range(most)]
