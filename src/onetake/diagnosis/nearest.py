"""The nearest recording, found without decoding all of them.

The request is written as it would be stored; its lines, cut into pieces, are what a stored text like it
has as well, whatever the body is. A sample of the recordings of the same place says which pieces tell
recordings apart. Those few are looked for in all of them, as `bytes.find` does it, and only the best are
decoded and compared.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import accumulate, islice
from typing import Any, Protocol

import msgspec

from onetake.diagnosis.excerpts import likeness
from onetake.diagnosis.kinds import UNDATED
from onetake.errors import OnetakeError
from onetake.formats.document import encode_interaction
from onetake.messages import Headers, Interaction, Request, read_url
from onetake.wire.late import late_pattern

_FEW = 24  # recordings whose texts are compared by every piece
_DECODED = 12  # those of them that are decoded
_PIECE = 48  # bytes of a piece; shorter ones are found more slowly
_LEAST_PIECE = 12
_MOST_PIECES = 100
_SAMPLE = 16  # recordings on which pieces are tried
_LEAST_TELLING, _MOST_TELLING = 2, 8  # pieces that are looked for in all; a short one counts twice
_MOST_SEARCHED = 90_000_000  # bytes, if that is enough for the least: about 25 ms
_AT_ONCE = 100_000  # bytes that are searched as one: more quickly, and in memory that is at hand
_HEADERS = 400  # bytes that headers add to a stored request, at most mostly
_BEFORE_URL = 100  # bytes of a stored text, mostly
_GOLDEN = 0.618034  # its multiples, modulo 1, fill the range evenly however many are taken


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

TextOf = Callable[[int], bytes]


def nearest(
    request: Request,
    recordings: Sequence[Recording],
    used: Container[int] = (),
    among: Sequence[int] | None = None,
) -> tuple[int, Place] | None:
    """The index of the nearest recording and what of its place is the same.

    None where none has the same host or path. `used` holds the indexes of those that were replayed
    already; of equally near ones another is taken. `among` are the indexes to choose from (default: all).
    Never raises: what cannot be read is passed over.
    """
    every = range(len(recordings)) if among is None else among
    place, indexes = _at_best_place(request, recordings, every)
    if not (place[0] or place[1]):
        return None
    stored = _as_stored(request)
    limit = len(stored) + _HEADERS
    text_of: TextOf = lambda i: recordings[i].text(limit)  # noqa: E731
    pieces = _pieces(stored)
    if len(indexes) > _FEW:
        indexes = _holding_most(pieces, indexes, text_of, used, limit)
    shares = {i: _share(pieces, text_of(i)) for i in indexes}
    scored = (
        (alike + shares[i], i not in used, -i)
        for i in sorted(indexes, key=lambda i: (-shares[i], i in used))
        if (alike := _likeness(request, recordings[i])) is not None
    )
    best = max(islice(scored, _DECODED), default=None)
    return None if best is None else (-best[2], place)


def _at_best_place(
    request: Request, recordings: Sequence[Recording], indexes: Iterable[int]
) -> tuple[Place, list[int]]:
    """The indexes of those whose host, path and method are the same, or as much of it as can be had."""
    places = _Places(request)
    best: Place = (False, False, False)
    at_best: list[int] = []
    for i in indexes:
        place = places.of(recordings[i])
        if place is None:
            continue
        if place > best:
            best, at_best = place, []
        if place == best:
            at_best.append(i)
    return best, at_best


class _Places:
    """What of the place of a request recordings share.

    Once one of its method and origin was seen, others are known by the beginning of their text.
    """

    def __init__(self, request: Request) -> None:
        url = read_url(request.url)
        self._host, self._path, self._method = url.netloc, url.path, request.method.upper()
        self._origin = f'"{url.scheme}://{url.netloc}/'.encode("utf-8", "replace")
        path = msgspec.json.encode(url.path[1:].encode("utf-8", "replace").decode())[1:-1]
        self._paths = path + b'"', path + b"?", path + b"#"
        self._head = b""
        self._length = len(self._origin) + _BEFORE_URL
        self._known: dict[tuple[str, str], Place] = {}

    def of(self, recording: Recording) -> Place | None:
        """None where that cannot be read."""
        if self._head:
            text = recording.text(self._length)
            if text.startswith(self._head):
                return (True, text.startswith(self._paths, len(self._head)), True)
        line = recording.line
        if line is None:
            return None
        place = self._known.get(line)
        if place is None:
            url = read_url(line[1])
            same_method = line[0].upper() == self._method
            place = (url.netloc == self._host, url.path == self._path, same_method)
            self._known[line] = place
        if place[0] and place[2] and not self._head:
            before, origin, _ = recording.text(self._length).partition(self._origin)
            if origin and f'"{line[0]}"'.encode() in before:
                self._head = before + origin
                self._length = len(self._head) + len(self._paths[0])
        return place


def _likeness(request: Request, recording: Recording) -> float | None:
    """How much of the longer body is common at both ends, and of the URL."""
    try:
        other = recording.request
    except OnetakeError:
        return None
    return likeness(request.url, other.url) + likeness(request.body, other.body)


def _share(pieces: Sequence[bytes], text: bytes) -> float:
    return sum([piece in text for piece in pieces]) / (len(pieces) or 1)


def _holding_most(
    pieces: list[bytes], indexes: list[int], text_of: TextOf, used: Container[int], limit: int
) -> list[int]:
    """The few that hold most of the telling pieces; one that few others hold says more."""
    most = _MOST_SEARCHED // (limit * len(indexes))
    most = max(_LEAST_TELLING, min(most, _MOST_TELLING))
    telling = _telling(pieces, [text_of(i) for i in _spread(indexes, _SAMPLE)], most)
    weights = dict.fromkeys(indexes, 0.0)
    for holders in _holders(telling, indexes, text_of, max(1, _AT_ONCE // limit)):
        for i in holders:
            weights[i] += 1 / len(holders)
    return sorted(indexes, key=lambda i: (-weights[i], i in used))[:_FEW]


def _holders(
    pieces: list[bytes], indexes: list[int], text_of: TextOf, at_once: int
) -> list[list[int]]:
    """The indexes of those that hold each piece. Texts are joined: one long search beats many short."""
    found: list[list[int]] = [[] for _ in pieces]
    for start in range(0, len(indexes), at_once):
        some = indexes[start : start + at_once]
        texts = [text_of(i) for i in some]
        ends = list(accumulate([len(text) + 1 for text in texts]))
        joined = b"\0".join(texts)
        for piece, holders in zip(pieces, found, strict=True):
            at = joined.find(piece)
            while at >= 0:
                number = bisect_right(ends, at)
                holders.append(some[number])
                at = joined.find(piece, ends[number])
    return found


def _telling(pieces: list[bytes], sample: list[bytes], most: int) -> list[bytes]:
    """Pieces that tell recordings apart. One that the sample lacks is rare, or is what has changed."""
    rates = {piece: sum([piece in text for text in sample]) / len(sample) for piece in pieces}
    rare = [piece for piece, rate in rates.items() if not rate]
    some = sorted([piece for piece, rate in rates.items() if 0 < rate < 0.7], key=rates.__getitem__)
    size = _PIECE // 2
    while len(rare) + len(some) <= most // 2 and size >= _LEAST_PIECE:
        # The change may stand beside what tells: then a smaller piece does.
        starts = range(0, _PIECE - size + 1, size)
        cut = [piece[at : at + size] for piece in rare for at in starts if at + size <= len(piece)]
        lacking = [piece for piece in cut if not any(piece in text for text in sample)]
        rare = list(dict.fromkeys((*rare, *lacking)))
        size //= 2
    order = [*rare[: max(most - 1, most - len(some))], *some]
    costs = accumulate([1 if len(piece) >= _PIECE // 2 else 2 for piece in order])
    return [piece for piece, cost in zip(order, costs, strict=True) if cost <= most]


def _as_stored(request: Request) -> bytes:
    """URL and body of `request` as a document holds them, without how a JSON body was spelt.

    Of other headers than its type many are new each time.
    """
    content_type = request.headers.get("content-type").encode("ascii", "replace").decode()
    headers = Headers((("content-type", content_type),))
    text = encode_interaction(Interaction(request=request.replace(headers=headers)), {})
    return _AFTER_BODY.split(text, 1)[0]


_UUID = 36  # bytes
_AFTER_BODY = late_pattern(rb'\n          "form": |\n      "recorded": ')
_SAYS_NOTHING = late_pattern(rb'.*[\[{]\Z|.{0,3}\Z|"boundary": |"content-type: ')


def _pieces(stored: bytes) -> list[bytes]:
    """Pieces of the lines of a stored text: the first of every line before the second of any.

    What is new on each run comes last: as a rule no recording holds it.
    """
    turns: dict[bytes, tuple[bool, int]] = {}
    for indented in _spread(stored.split(b"\n"), _MOST_PIECES):
        line = indented.strip(b" ,")
        if _SAYS_NOTHING.match(line):
            continue
        for turn, (start, piece) in enumerate(_cut(line, indented.rstrip(b","))):
            around = line[max(0, start - _UUID) : start + _PIECE + _UUID]
            turns.setdefault(piece, (_has_new_each_run(around), turn))
    return sorted(turns, key=turns.__getitem__)[:_MOST_PIECES]


def _cut(line: bytes, indented: bytes) -> Iterator[tuple[int, bytes]]:
    """Pieces of a line and where they begin, in an order in which the first of them lie far apart."""
    if line.startswith(b'"url": '):
        steps = [found.start() for found in re.finditer(rb"[/?&]|\Z", line)]
        yield from ((start, line[start:end]) for start, end in zip(steps, steps[2:], strict=False))
    elif len(line) < _PIECE:
        yield 0, indented  # a longer piece, that stands on a line of its own
    else:
        starts = range(0, len(line), max(_PIECE, len(line) // _MOST_PIECES))
        for k in sorted(range(len(starts)), key=lambda k: k * _GOLDEN % 1):
            start = min(starts[k], len(line) - _PIECE)
            yield start, line[start : start + _PIECE]


def _has_new_each_run(text: bytes) -> bool:
    found = UNDATED.find(text.decode("utf-8", "ignore"), at=1.0)
    return next(found, None) is not None


def _spread(items: list[Any], most: int) -> list[Any]:
    """At most `most` of `items`, evenly, the first among them."""
    if len(items) <= most:
        return items
    return [items[i * len(items) // most] for i in range(most)]
