"""The cassette as a text for review in git, and the journal's lines.

    {
      "onetake": 1,
      "interactions": [
        {
          "request": {...},
          "response": {...},
          "recorded": {"at": 1753228800, "ms": 412}
        }
      ]
    }

One idea: an entry's text is never made twice. `parse` finds where each entry begins and ends and decodes
nothing more; `join` puts the same texts together again, so a diff shows what is new and nothing else. A
request is decoded when its key is wanted, an answer when it is replayed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from onetake.errors import CassetteError
from onetake.formats.bodies import StoredBody, from_raw, from_stored, to_plain, to_stored
from onetake.formats.foreign import RESTORE, refusal
from onetake.formats.header_lines import check_one_line, from_lines, one_line, to_lines
from onetake.formats.volatile import same_but_volatile
from onetake.messages import Body, Chunk, Ended, Failure, Interaction, Request, Response

__all__ = [
    "VERSION",
    "Document",
    "Outcome",
    "Stored",
    "decode_plain",
    "encode_entry",
    "encode_inline",
    "encode_interaction",
    "encode_plain",
    "join",
    "parse",
    "same_but_volatile",
]

VERSION = 1

# A body in one chunk that came this soon after its head needs no index: it replays as if with its head.
_WITH_HEAD_MS = 50

_USUAL = "HTTP/1.1"
_MOST_ARGUMENTS = 32  # of an exception

# What a message or a clock can say; anything else was never recorded.
_Status = Annotated[int, Meta(ge=100, le=999)]
_Moment = Annotated[int, Meta(ge=0, le=253_402_300_799)]  # the end of the year 9999
_LONGEST_MS = 1 << 40  # 34 years
_Milliseconds = Annotated[int, Meta(ge=0, le=_LONGEST_MS)]


class _Request(Struct, omit_defaults=True, gc=False):
    method: str
    url: str
    headers: list[str | tuple[str, str]] = []
    encoding: str = ""
    body: StoredBody | None = None
    credential: int | str = 0
    by_value: tuple[str, ...] = ()


class _Head(Struct, omit_defaults=True):
    status: _Status
    reason: str = ""
    http_version: str | UnsetType = UNSET
    headers: list[str | tuple[str, str]] = []
    encoding: str = ""


class _Response(_Head):
    body: StoredBody | None = None


class _Recorded(Struct):
    at: _Moment = 0
    ms: _Milliseconds = 0
    chunks: tuple[Chunk, ...] | UnsetType = UNSET


class _Entry(Struct, omit_defaults=True):
    request: _Request
    response: _Response | None = None
    failure: Failure | None = None
    ended: Ended = Ended.COMPLETE
    recorded: _Recorded | None = None


class _Line(_Entry, kw_only=True):
    seq: int


class _RawResponse(_Head, gc=False):
    body: dict[str, Raw] | None = None


class _Answer(Struct):
    """An entry without its request, which msgspec passes over, and with the answer's body as text."""

    response: _RawResponse | None = None
    failure: Failure | None = None
    ended: Ended = Ended.COMPLETE
    recorded: _Recorded | None = None


class _Asked(Struct, gc=False):
    request: _Request


class _Made(Struct, gc=False):
    """When an entry was recorded."""

    recorded: _Recorded | None = None


class _Document(Struct):
    onetake: int
    interactions: list[Raw]
    name: str | None = None
    origin: str = ""


_NOT_RECORDED = _Recorded()

# Number literals stay as they were written (see `json_text`).
_documents = msgspec.json.Decoder(_Document)
_asked = msgspec.json.Decoder(_Asked, float_hook=Raw)
_made = msgspec.json.Decoder(_Made)
_answers = msgspec.json.Decoder(_Answer, float_hook=Raw)
_entries = msgspec.json.Decoder(_Entry, float_hook=Raw)
_lines = msgspec.json.Decoder(_Line, float_hook=Raw)
_encode = msgspec.json.Encoder().encode
_BROKEN = (msgspec.MsgspecError, RecursionError, ValueError)


class Outcome(Struct, frozen=True):
    """What came of a request, bodies apart. Without an answer `status` is 0, and `failure` its kind."""

    status: int
    failure: str
    ended: Ended
    at: int
    ms: int


# An entry begins so; a URL with escapes, or a hand-written order, is decoded.
_LINE = re.compile(rb'\A\{\s*"request":\s*\{\s*"method":\s*"([A-Za-z]+)",\s*"url":\s*"([^"\\]*)"')
_LINE_WITHIN = 600


class Stored:
    """One entry of a document: its text, decoded when asked for. Safe to share between threads."""

    __slots__ = ("_blob", "_interaction", "_place", "_text")

    def __init__(
        self,
        text: Raw | Callable[[], bytes],
        place: tuple[str, int],
        blob: Callable[[str], bytes],
    ) -> None:
        """`text` may be what gives it when it is first wanted, and raises `CassetteError`."""
        self._text = text
        self._place = place
        self._blob = blob
        self._interaction: Interaction | None = None

    @property
    def _raw(self) -> Raw:
        if not isinstance(self._text, Raw):
            self._text = Raw(self._text())
        return self._text

    @property
    def raw(self) -> bytes:
        """Its text, exactly as it lies in the document."""
        return bytes(self._raw)

    def text(self, limit: int) -> bytes:
        """The beginning of its text; empty where that cannot be read."""
        try:
            return bytes(memoryview(self._raw)[:limit])
        except CassetteError:
            return b""

    @property
    def line(self) -> tuple[str, str] | None:
        """Method and URL, mostly without decoding; None for an entry that cannot be read."""
        try:
            found = _LINE.search(self.text(_LINE_WITHIN))
            if found is not None:
                return found[1].decode("utf-8", "replace"), found[2].decode("utf-8", "replace")
            request = self.request
        except CassetteError:
            return None
        return request.method, request.url

    @property
    def request(self) -> Request:
        """Decoded anew each time. Raises `CassetteError`, and what the blob's reader raises."""
        if self._interaction is not None:
            return self._interaction.request
        try:
            return _to_request(_asked.decode(self._raw).request, self._blob)
        except (*_BROKEN, CassetteError) as error:
            raise self._located(error) from error

    @property
    def has_values_redacted(self) -> bool:
        """Whether its request may list paths at which something was redacted by value. Cheap."""
        try:
            return b'"by_value"' in self.raw
        except CassetteError:
            return False

    @property
    def at(self) -> float:
        """When it was made, UTC seconds; 0 where that is not known."""
        try:
            made = _made.decode(self._raw).recorded
        except (*_BROKEN, CassetteError) as error:
            raise self._located(error) from error
        return float(made.at) if made is not None else 0.0

    @property
    def outcome(self) -> Outcome:
        """Read without its bodies. Raises `CassetteError`."""
        try:
            found = _answers.decode(self.raw)
        except (*_BROKEN, CassetteError) as error:
            raise self._located(error) from error
        status = found.response.status if found.response is not None else 0
        failure = found.failure.kind if found.failure is not None else ""
        recorded = found.recorded or _NOT_RECORDED
        return Outcome(status, failure, found.ended, recorded.at, recorded.ms)

    @property
    def interaction(self) -> Interaction:
        """Decoded once. Raises `CassetteError`, and what the blob's reader raises."""
        if self._interaction is None:
            try:
                self._interaction = _to_interaction(_entries.decode(self._raw), self._blob)
            except (*_BROKEN, CassetteError) as error:
                raise self._located(error) from error
        return self._interaction

    def answering(self, request: Request) -> Interaction:
        """The interaction with `request`, known to be the equal of the stored one, in its place.

        Decodes the answer alone. Raises as `interaction` does.
        """
        if self._interaction is not None:
            return self._interaction
        try:
            found = _answers.decode(self._raw)
            stored = found.response
            data = b"" if stored is None else from_raw(stored.body, self._blob)
            return _to_answer(found, request, data)
        except (*_BROKEN, CassetteError) as error:
            raise self._located(error) from error

    def _located(self, error: Exception) -> CassetteError:
        path, index = self._place
        if isinstance(error, CassetteError):
            if error.path:  # of a blob, by its reader
                return error
            reason = error.message
        else:
            reason = f"{error}."
        return CassetteError(
            f"Interaction {index + 1} of {path} cannot be read: {reason}",
            remedy=error.remedy if isinstance(error, CassetteError) and error.remedy else RESTORE,
            path=path,
        )


class Document(Struct, frozen=True):
    """A cassette file: `name` is the test's own name where the file's is a safe form of it.

    `origin` names another program whose recordings it began with, which say nothing of credentials.
    """

    name: str | None
    entries: list[Stored]
    origin: str = ""


def parse(text: bytes, path: str, blob: Callable[[str], bytes]) -> Document:
    """The entries of a document, not decoded yet. Raises `CassetteError` that names `path`.

    `blob` gives the bytes of a blob by its name, when an entry that needs it is decoded.
    """
    try:
        found = _documents.decode(text.removeprefix(b"\xef\xbb\xbf"))
    except _BROKEN as error:
        raise refusal(text, path, str(error), VERSION) from error
    if found.onetake != VERSION:
        raise refusal(text, path, "its format version is not known", VERSION)
    entries = [Stored(raw, (path, at), blob) for at, raw in enumerate(found.interactions)]
    return Document(found.name, entries, found.origin)


def join(entries: Sequence[bytes], name: str | None, origin: str = "") -> bytes:
    """The whole document of entry texts, each taken over as it is."""
    lines = [b'{\n  "onetake": %d,\n' % VERSION]
    if name is not None:
        lines.append(b'  "name": %b,\n' % _encode(_sound(name)))
    if origin:
        lines.append(b'  "origin": %b,\n' % _encode(_sound(origin)))
    if entries:
        lines += [b'  "interactions": [\n    ', b",\n    ".join(entries), b"\n  ]\n}\n"]
    else:
        lines.append(b'  "interactions": []\n}\n')
    return b"".join(lines)


def encode_interaction(interaction: Interaction, blobs: dict[str, bytes]) -> bytes:
    """The text of one entry, as `join` takes it. Large binaries are added to `blobs` by name."""
    entry = _with_blobs(interaction, blobs)
    text = msgspec.json.format(_encode(entry), indent=2).removesuffix(b"\n}")
    one_line = msgspec.json.format(_encode(_made_of(interaction)), indent=0)
    return (text + b',\n  "recorded": ' + one_line + b"\n}").replace(b"\n", b"\n    ")


def encode_entry(interaction: Interaction, blobs: dict[str, bytes]) -> bytes:
    """The same in one compact line, for stores that nobody reads."""
    entry = _with_blobs(interaction, blobs)
    entry.recorded = _made_of(interaction)
    return _encode(entry)


def encode_inline(interaction: Interaction) -> bytes:
    """The same with every body in it, in the form that is made soonest: for copies on this machine."""
    entry = _from_interaction(interaction, lambda data, _: to_plain(data))
    entry.recorded = _made_of(interaction)
    return _encode(entry)


def _with_blobs(interaction: Interaction, blobs: dict[str, bytes]) -> _Entry:
    return _from_interaction(interaction, lambda data, kind: to_stored(data, kind, blobs))


def _made_of(interaction: Interaction) -> _Recorded:
    response = interaction.response
    chunks = response.body.chunks if response is not None else ()
    size = len(response.body.data) if response is not None else 0
    plain = (
        len(chunks) == 1
        and chunks[0].end == size > 0
        and 0 <= chunks[0].ms - interaction.ms <= _WITH_HEAD_MS
    ) or (not chunks and not size)
    return _Recorded(interaction.at, interaction.ms, UNSET if plain else chunks)


def encode_plain(interaction: Interaction, seq: int) -> bytes:
    """One line of a journal, without its line end: `seq` is the place in the order of sending."""
    entry = _from_interaction(interaction, lambda data, _: to_plain(data))
    response = interaction.response
    chunks = response.body.chunks if response is not None else ()
    line = _Line(
        seq=seq,
        request=entry.request,
        response=entry.response,
        failure=entry.failure,
        ended=entry.ended,
        recorded=_Recorded(interaction.at, interaction.ms, chunks),
    )
    return _encode(line)


def decode_plain(line: bytes) -> tuple[int, Interaction]:
    """Raises `CassetteError` for a torn or strange line."""
    try:
        found = _lines.decode(line)
        return found.seq, _to_interaction(found, _no_blob)
    except _BROKEN as error:
        raise CassetteError(f"A line of a journal cannot be read: {error}.") from error


def _no_blob(name: str) -> bytes:
    raise CassetteError(f"A line of a journal refers to the blob {name}.")


def _from_interaction(
    interaction: Interaction, stored: Callable[[bytes, str], StoredBody | None]
) -> _Entry:
    asked, answer, failure = interaction.request, interaction.response, interaction.failure
    return _Entry(
        request=_Request(
            method=one_line(_sound(asked.method)),
            url=one_line(_sound(asked.url)),
            headers=to_lines(asked.headers),
            encoding=asked.encoding,
            body=stored(asked.body, asked.headers.get("content-type")),
            credential=asked.principal,
            by_value=tuple(map(_sound, asked.by_value)),
        ),
        response=None
        if answer is None
        else _Response(
            status=answer.status,
            reason=one_line(answer.reason.encode("latin-1", "replace").decode("latin-1")),
            http_version=UNSET
            if answer.http_version == _USUAL
            else one_line(_sound(answer.http_version)),
            headers=to_lines(answer.headers),
            encoding=answer.body.encoding,
            body=stored(answer.body.data, answer.headers.get("content-type")),
        ),
        failure=None
        if failure is None
        else Failure(
            kind=failure.kind,
            type=failure.type,
            args=tuple(_sound(arg) for arg in failure.args[:_MOST_ARGUMENTS]),
        ),
        ended=interaction.ended,
    )


def _sound(text: str) -> str:
    """Without half surrogates (from file names in errors), which JSON in UTF-8 cannot hold."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _to_request(stored: _Request, blob: Callable[[str], bytes]) -> Request:
    check_one_line(stored.method, "The method of a request")
    check_one_line(stored.url, "The URL of a request")
    return Request(
        method=stored.method,
        url=stored.url,
        headers=from_lines(stored.headers),
        body=from_stored(stored.body, blob),
        encoding=stored.encoding,
        principal=stored.credential,
        by_value=stored.by_value,
    )


def _to_interaction(entry: _Entry, blob: Callable[[str], bytes]) -> Interaction:
    data = b"" if entry.response is None else from_stored(entry.response.body, blob)
    return _to_answer(entry, _to_request(entry.request, blob), data)


def _is_latin(text: str) -> bool:
    return text.isascii() or text.encode("latin-1", "ignore").decode("latin-1") == text


def _to_answer(entry: _Entry | _Answer, request: Request, data: bytes) -> Interaction:
    recorded = entry.recorded or _NOT_RECORDED
    response = None
    if (stored := entry.response) is not None:
        check_one_line(stored.reason, "The reason phrase of an answer")
        if not _is_latin(stored.reason):
            raise CassetteError("The reason phrase of an answer holds more than latin-1.")
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


def _chunks(recorded: _Recorded, size: int) -> tuple[Chunk, ...]:
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
