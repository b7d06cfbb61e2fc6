"""One entry of a document: an interaction as the JSON value that is stored, and back.

Reading leaves the bodies as texts. That of a JSON body needs no values to be made of it, and most answers of a
cassette are never asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from onetake.errors import CassetteError
from onetake.formats.bodies import RawBody, StoredBody, from_raw, to_plain
from onetake.formats.header_lines import check_one_line, from_lines, one_line, one_lines, to_lines
from onetake.messages import Body, Chunk, Ended, Failure, Headers, Interaction, Request, Response

# A body in one chunk that came this soon after its head needs no index: it replays as if with its head.
_WITH_HEAD_MS = 50

_USUAL = "HTTP/1.1"
_MOST_ARGUMENTS = 32  # of an exception

# What a message or a clock can say; anything else was never recorded.
_Status = Annotated[int, Meta(ge=100, le=999)]
_Moment = Annotated[int, Meta(ge=0, le=253_402_300_799)]  # the end of the year 9999
_LONGEST_MS = 1 << 40  # 34 years
_Milliseconds = Annotated[int, Meta(ge=0, le=_LONGEST_MS)]

Blobs: TypeAlias = Callable[[str], bytes]
"""Gives the bytes of a blob by its name. Raises `CassetteError`."""


class _Request(Struct, omit_defaults=True, gc=False):
    method: str
    url: str
    headers: list[str | tuple[str, str]] = []
    encoding: str = ""
    body: StoredBody | None = None
    credential: int | str = 0
    by_value: tuple[str, ...] = ()


class _Response(Struct, omit_defaults=True):
    status: _Status
    reason: str = ""
    http_version: str | UnsetType = UNSET
    headers: list[str | tuple[str, str]] = []
    encoding: str = ""
    body: StoredBody | None = None


class Recorded(Struct):
    """When an entry was recorded, and when the chunks of its answer came."""

    at: _Moment = 0
    ms: _Milliseconds = 0
    chunks: tuple[Chunk, ...] | UnsetType = UNSET


class Entry(Struct, omit_defaults=True):
    """An entry as it is written."""

    request: _Request
    response: _Response | None = None
    failure: Failure | None = None
    ended: Ended = Ended.COMPLETE
    recorded: Recorded | None = None


class RawRequest(Struct, gc=False):
    """A request as it is read, with its body as text."""

    method: str
    url: str
    headers: list[str | tuple[str, str]] = []
    encoding: str = ""
    body: RawBody | None = None
    credential: int | str = 0
    by_value: tuple[str, ...] = ()


class _RawResponse(Struct, gc=False):
    status: _Status
    reason: str = ""
    http_version: str | UnsetType = UNSET
    headers: list[str | tuple[str, str]] = []
    encoding: str = ""
    body: RawBody | None = None


class RawAnswer(Struct):
    """An entry without its request, which msgspec passes over, and with the answer's body as text."""

    response: _RawResponse | None = None
    failure: Failure | None = None
    ended: Ended = Ended.COMPLETE
    recorded: Recorded | None = None


class RawEntry(Struct, kw_only=True):
    """An entry as it is read."""

    request: RawRequest
    response: _RawResponse | None = None
    failure: Failure | None = None
    ended: Ended = Ended.COMPLETE
    recorded: Recorded | None = None


NOT_RECORDED = Recorded()
BROKEN = (msgspec.MsgspecError, RecursionError, ValueError)
"""What reading a text raises that is no entry."""


def recorded_of(interaction: Interaction) -> Recorded:
    """Return what is stored of the times of `interaction`, without an index of chunks where none is needed."""
    response = interaction.response
    chunks = response.body.chunks if response is not None else ()
    size = len(response.body.data) if response is not None else 0
    plain = (
        len(chunks) == 1
        and chunks[0].end == size > 0
        and 0 <= chunks[0].ms - interaction.ms <= _WITH_HEAD_MS
    ) or (not chunks and not size)
    return Recorded(interaction.at, interaction.ms, UNSET if plain else chunks)


def from_interaction(
    interaction: Interaction, stored: Callable[[bytes, Headers], StoredBody | None] = to_plain
) -> Entry:
    """Return what is written of `interaction`, whose bodies `stored` makes of bytes and header lines."""
    asked, answer, failure = interaction.request, interaction.response, interaction.failure
    reason = "" if answer is None else answer.reason.encode("latin-1", "replace").decode("latin-1")
    version = "" if answer is None else sound(answer.http_version)
    method, url, reason, version = one_lines(sound(asked.method), sound(asked.url), reason, version)
    return Entry(
        request=_Request(
            method=method,
            url=url,
            headers=to_lines(asked.headers),
            encoding=asked.encoding,
            body=stored(asked.body, asked.headers),
            credential=asked.principal,
            by_value=tuple(map(sound, asked.by_value)),
        ),
        response=None
        if answer is None
        else _Response(
            status=answer.status,
            reason=reason,
            http_version=UNSET if version == _USUAL else version,
            headers=to_lines(answer.headers),
            encoding=answer.body.encoding,
            body=stored(answer.body.data, answer.headers),
        ),
        failure=None
        if failure is None
        else Failure(
            kind=failure.kind,
            type=failure.type,
            args=tuple(sound(arg) for arg in failure.args[:_MOST_ARGUMENTS]),
        ),
        ended=interaction.ended,
    )


def sound(text: str) -> str:
    """Return `text` without half surrogates (of file names in errors), which JSON in UTF-8 cannot hold."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def to_request(stored: RawRequest, blob: Blobs) -> Request:
    """Return the request that `stored` stands for. Raises `CassetteError`, and what `blob` raises."""
    check_one_line(stored.method, "The method of a request")
    check_one_line(stored.url, "The URL of a request")
    return Request(
        method=stored.method,
        url=stored.url,
        headers=from_lines(stored.headers),
        body=from_raw(stored.body, blob),
        encoding=stored.encoding,
        principal=stored.credential,
        by_value=stored.by_value,
    )


def to_interaction(entry: RawEntry, blob: Blobs) -> Interaction:
    """Return the interaction that `entry` stands for. Raises `CassetteError`, and what `blob` raises."""
    return to_answer(entry, to_request(entry.request, blob), blob)


def _is_latin(text: str) -> bool:
    return text.isascii() or text.encode("latin-1", "ignore").decode("latin-1") == text


def to_answer(entry: RawEntry | RawAnswer, request: Request, blob: Blobs) -> Interaction:
    """Return the interaction of `entry`, with `request` in its place. Raises as `to_interaction` does."""
    recorded = entry.recorded or NOT_RECORDED
    response = None
    if (stored := entry.response) is not None:
        check_one_line(stored.reason, "The reason phrase of an answer")
        if not _is_latin(stored.reason):
            raise CassetteError("The reason phrase of an answer holds more than latin-1.")
        data = from_raw(stored.body, blob)
        response = Response(
            status=stored.status,
            reason=stored.reason,
            http_version=_USUAL if stored.http_version is UNSET else one_line(stored.http_version),
            headers=from_lines(stored.headers),
            body=Body(data=data, chunks=_chunks(recorded, len(data)), encoding=stored.encoding),
        )
    if entry.failure is not None and len(entry.failure.args) > _MOST_ARGUMENTS:
        raise CassetteError("A failure has more arguments than any exception.")
    return Interaction(
        request=request,
        response=response,
        failure=entry.failure,
        ended=entry.ended,
        at=recorded.at,
        ms=recorded.ms,
    )


def _chunks(recorded: Recorded, size: int) -> tuple[Chunk, ...]:
    """The index of chunks, made to fit where the body was edited by hand."""
    chunks = recorded.chunks
    if chunks is UNSET:
        return (Chunk(size, recorded.ms),) if size else ()
    ends = [chunk.end for chunk in chunks]
    times = [chunk.ms for chunk in chunks]
    if times and (min(times) < 0 or max(times) > _LONGEST_MS):
        raise CassetteError("A chunk of an answer came at no time.")
    if (ends and ends[0] < 0) or ends != sorted(ends):
        raise CassetteError("The chunks of an answer do not follow one another.")
    if not chunks or ends[-1] == size:
        return chunks
    kept = tuple(chunk for chunk in chunks if chunk.end < size)
    return (*kept[: len(chunks) - 1], Chunk(size, chunks[-1].ms))
