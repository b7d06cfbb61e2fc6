"""vcrpy's cassettes (format 1): between their tree and interactions.

The *tree* is what vcrpy's serializers read and write: a dict with `interactions`, of plain values. How it
lies in a file is `vcr_text`'s matter.

vcrpy keeps an answer's body as the client had it: decoded or not, beside the same header. So the bytes tell
whether they are compressed, and the header alone never does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import quote, urlencode

from onetake.errors import CassetteError
from onetake.formats.header_lines import MOST_LINES, check_one_line, one_line
from onetake.formats.yaml_text import Iterated
from onetake.messages import Body, Chunk, Ended, Headers, Interaction, Request, Response, media_type
from onetake.wire.encodings import decoder, encoded
from onetake.wire.http1 import has_body

__all__ = [
    "VERSION",
    "Tree",
    "entries_of",
    "from_tree",
    "interaction_of",
    "is_expressible",
    "located",
    "message_of",
    "numbered",
    "readable",
    "to_entry",
    "to_response",
    "to_tree",
    "whole",
    "with_entries",
]

VERSION = 1

Tree = dict[str, object]

_UNSAFE = re.compile(r"[^\x21-\x7e]")
_FORM = "application/x-www-form-urlencoded"
# How compressed bytes begin (RFC 1952, RFC 8878); brotli and deflate have no mark.
_CODINGS = {
    "gzip": b"\x1f\x8b",
    "x-gzip": b"\x1f\x8b",
    "zstd": b"\x28\xb5\x2f\xfd",
    "br": None,
    "deflate": None,
}
_CONTROL = re.compile(r"[\x00-\x08]")
# A key of ours in an answer, which vcrpy passes over: the program that was recorded read no further.
_ENDED = "ended"
_LONGEST_STATUS = 3  # digits


def from_tree(tree: object, path: str) -> tuple[Interaction, ...]:
    """The interactions of a cassette, in order; none of an empty file. `tree` stays as it is.

    Raises `CassetteError` that names `path` and the first interaction that cannot be read.
    """
    return tuple(
        numbered(entry, number, path) for number, entry in enumerate(entries_of(tree, path), 1)
    )


def numbered(entry: object, number: int, path: str) -> Interaction:
    """Do what `interaction_of` does; an error names the file and the number of the interaction in it."""
    try:
        return interaction_of(entry)
    except CassetteError as error:
        raise located(error, number, path) from error


def located(error: Exception, number: int, path: str) -> CassetteError:
    """Return `error` with the file and the number of the interaction in it."""
    if isinstance(error, CassetteError) and error.path:
        return error
    reason = error.message if isinstance(error, CassetteError) else f"{error}."
    return CassetteError(
        f"Interaction {number} of {path} cannot be read: {reason}",
        remedy="Correct it by hand, or delete the file to record anew.",
        path=path,
    )


def entries_of(tree: object, path: str) -> list[object]:
    """The interactions, each still as in the tree. Raises `CassetteError` where it is no tree of vcrpy's."""
    if tree is None:
        return []
    if isinstance(tree, list) and tree and isinstance(tree[0], dict) and "request" in tree[0]:
        raise CassetteError(
            f"{path} is a cassette of vcrpy before 1.0, a list without a format version.",
            remedy=f"Run: pip install onetake-vcr && python -m vcr.migration {path}\n"
            "Or delete it to record anew.",
            path=path,
        )
    if isinstance(tree, dict) and isinstance(tree.get("onetake"), int):
        raise CassetteError(
            f"{path} is in onetake's own format, not in vcrpy's.",
            remedy="Open it with onetake.use_cassette, or give the one of vcrpy another name.",
            path=path,
        )
    if isinstance(tree, dict) and "interactions" in tree:
        version, entries = tree.get("version", VERSION), tree["interactions"]
        if version not in (VERSION, str(VERSION), None):
            raise CassetteError(
                f"{path} is of vcrpy's format {str(version)[:40]}, this version reads {VERSION}.",
                remedy="Upgrade onetake.",
                path=path,
            )
        if entries is None or isinstance(entries, list):
            return entries or []
    if isinstance(tree, dict) and "http_interactions" in tree:
        raise CassetteError(
            f"{path} is a cassette of betamax or of Ruby's VCR.",
            remedy=f"Import it: onetake import {path}",
            path=path,
        )
    raise CassetteError(
        f"{path} is no cassette of vcrpy: it has no list of interactions.",
        remedy="Restore it from version control, or delete it to record anew.",
        path=path,
    )


def interaction_of(entry: object) -> Interaction:
    """One interaction of a tree. Raises `CassetteError` for what no client has sent or received.

    It has no moment and no times: vcrpy keeps none.
    """
    match entry:
        case {"request": dict(asked), "response": dict(answer)}:
            request = message_of(asked)
            response, ended = readable(answer, request.method)
            return Interaction(request=request, response=response, ended=ended)
    raise CassetteError("It has no request, or no response.")


_UNREADABLE = (ValueError, TypeError, LookupError, RecursionError)


# Requests.


def message_of(asked: Tree) -> Request:
    """Read the request of an entry. Raises `CassetteError`."""
    try:
        return _to_request(asked)
    except _UNREADABLE as error:
        raise CassetteError(f"A value in it cannot be read: {error}.") from error


def _to_request(asked: Tree) -> Request:
    method, url = asked.get("method"), asked.get("uri", asked.get("url"))
    if not isinstance(method, str) or not isinstance(url, str):
        raise CassetteError("Its request has no method, or no uri.")
    check_one_line(f"{method} {url}", "The line of a request")
    headers = _to_headers(asked.get("headers"))
    form = media_type(headers.get("content-type")) == _FORM
    parsed = asked.get("parsed_body")
    kept = _untyped(asked.get("body")) if parsed is None else _Structure(parsed)
    body = _sent(kept, is_form=form)
    return Request(method=method.upper(), url=_escaped(url), headers=headers, body=body)


def _untyped(body: object) -> object:
    """What cassetter keeps with its kind, beside format 1: `{type: none | text | json | binary, content}`."""
    match body:
        case {"type": "none", **more} if not more:
            return None
        case {"type": "text", "content": str(text), **more} if not more:
            return text
        case {"type": "json", "content": value, **more} if not more:
            return _Structure(value)
        case {"type": "binary", "content": str(digits), **more} if not more:
            return bytes.fromhex(digits)
    return body


class _Structure:
    """What a serializer of the project's own keeps apart, as `parsed_body`: always what was parsed."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


def _escaped(url: str) -> str:
    """Return `url` without its fragment; what no client sends as it is becomes percent escapes."""
    url = url.partition("#")[0]
    return _UNSAFE.sub(lambda found: quote(found[0]), url) if _UNSAFE.search(url) else url


def _sent(body: object, *, is_form: bool) -> bytes:
    match body:
        case Iterated() | tuple():
            return b"".join(_sent(part, is_form=is_form) for part in body)
        case dict() | list():
            # The dictionary that aiohttp was given, as `json` or as `data`: only its headers can tell.
            return _written(body, is_form=is_form or _holds_bytes(body))
    return _plain(body, "request", is_form=is_form)


def _plain(body: object, whose: str, *, is_form: bool = False) -> bytes:
    match body:
        case None:
            return b""
        case bytes():
            return bytes(body)
        case str():
            return _encoded(body)
        case _Structure():
            return _written(body.value, is_form=is_form)
        case bool() | int() | float():  # a number or a word that was written without quotes
            return json.dumps(body).encode()
    raise CassetteError(f"The body of its {whose} is of no known kind: {type(body).__name__}.")


def _written(structure: object, *, is_form: bool) -> bytes:
    if is_form and isinstance(structure, dict):
        return urlencode(structure, doseq=True).encode()
    return json.dumps(structure).encode()


def _holds_bytes(body: object) -> bool:
    return isinstance(body, dict) and any(isinstance(one, bytes) for one in body.values())


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise CassetteError("A text in it holds half a surrogate pair.") from error


# Headers.


def _to_headers(stored: object) -> Headers:
    """Read headers from a dict of lists or of texts, or from a list of pairs."""
    match stored:
        case None:
            return Headers()
        case dict():
            pairs: Iterable[object] = stored.items()
        case list():
            pairs = stored
        case _:
            raise CassetteError("Its headers are neither a mapping nor a list.")
    lines: list[tuple[str, str]] = []
    for pair in pairs:
        match pair:
            case (name, value):
                values = value if isinstance(value, list | tuple) else (value,)
                lines += [(_latin(name), _value(one)) for one in values if one is not None]
            case _:
                raise CassetteError("A header in its list is no pair.")
        if len(lines) > MOST_LINES:
            raise CassetteError(f"There are more than {MOST_LINES} header lines.")
    check_one_line("".join(text for line in lines for text in line), "A header")
    return Headers(tuple(lines))


def _value(stored: object) -> str:
    value = _latin(stored)
    if (
        "\r" in value or "\n" in value
    ):  # folded: what a parser of e-mail gives; a client sees spaces
        value = " ".join(value.split("\r\n")) if "\n" not in value.replace("\r\n", "") else value
    return value


def _latin(stored: object) -> str:
    """Header texts are latin-1 here; what was stored beyond that went to the wire as UTF-8."""
    match stored:
        case str() if stored.isascii():
            return stored
        case bytes():
            return stored.decode("latin-1")
        case bool():
            return str(stored).lower()
        case int() | float():
            return str(stored)
        case str():
            try:
                stored.encode("latin-1")
            except UnicodeEncodeError:
                return _encoded(stored).decode("latin-1")
            return stored
    raise CassetteError(f"A header in it is of no known kind: {type(stored).__name__}.")


# Answers.


def readable(answer: Tree, method: str) -> tuple[Response, Ended]:
    """Read the answer of an entry to `method`, and how it ended. Raises `CassetteError`."""
    try:
        ended = Ended.CLOSED if answer.get(_ENDED) == Ended.CLOSED else Ended.COMPLETE
        return to_response(answer, method), ended
    except _UNREADABLE as error:
        raise CassetteError(f"A value in it cannot be read: {error}.") from error


def to_response(answer: Tree, method: str) -> Response:
    """An answer to a request with `method`, also of the shape that vcrpy had for httpx before 6.0."""
    headers = _to_headers(answer.get("headers"))
    status, reason = _status(answer)
    data = _received(answer)
    data, encoding = as_sent(data, headers) if has_body(status, method) else (b"", "")
    return Response(
        status=status,
        reason=reason,
        headers=headers,
        body=whole(data, encoding),
    )


def whole(data: bytes, encoding: str = "") -> Body:
    """A body of which nobody knows the chunks: it came at once."""
    return Body(data=data, chunks=(Chunk(len(data), 0),) if data else (), encoding=encoding)


def _status(answer: Tree) -> tuple[int, str]:
    match answer:
        case {"status": {"code": code}}:
            stored = answer["status"]
            message = stored.get("message") if isinstance(stored, dict) else None
        case {"status_code": code} | {"status": code}:
            message = None
        case _:
            raise CassetteError("Its response has no status.")
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) <= _LONGEST_STATUS:
        code = int(code)
    if not isinstance(code, int) or isinstance(code, bool) or not 100 <= code <= 999:
        raise CassetteError("The status of its response is none.")
    if message is None:
        return code, _phrase(code)
    text = message.decode("latin-1") if isinstance(message, bytes) else str(message)
    return code, one_line(text.encode("latin-1", "replace").decode("latin-1"))


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return ""


def _received(answer: Tree) -> bytes:
    if (parsed := answer.get("parsed_body")) is not None:
        return _written(parsed, is_form=False)
    body = _untyped(answer.get("body", answer.get("content")))
    if isinstance(body, dict) and not isinstance(body.get("string"), dict):
        body = body.get("string")
    return _plain(body, "response")


def as_sent(data: bytes, headers: Headers) -> tuple[bytes, str]:
    """`data` decoded, and the coding in which a client is to get it: what the bytes say.

    Compressed bytes that cannot be decoded here stay as they are, for a client that can.
    """
    coding = headers.get("content-encoding").strip().lower()
    if not data or coding not in _CODINGS:
        return data, ""
    mark = _CODINGS[coding]
    if mark is not None:
        is_compressed, is_sure = data.startswith(mark), True
    else:
        is_compressed, is_sure = not _is_text(data), decoder(coding) is None
    if not is_compressed:
        return data, coding
    decoded = _decoded(data, coding)
    if decoded is not None:
        return decoded, coding
    return data, "" if is_sure else coding


def _is_text(data: bytes) -> bool:
    try:
        return _CONTROL.search(data.decode()) is None
    except UnicodeDecodeError:
        return False


def _decoded(data: bytes, coding: str) -> bytes | None:
    found = decoder(coding)
    if found is None:
        return None
    try:
        decoded = found.feed(data) + found.finish()
    except Exception:  # each library has errors of its own
        return None
    # A torn one is no error: its end, the size of what was packed (RFC 1952), is not there.
    is_torn = "gzip" in coding and int.from_bytes(data[-4:], "little") != len(decoded)
    return None if is_torn else decoded


# Writing.


def is_expressible(interaction: Interaction) -> bool:
    """Whether vcrpy's format can hold it: it has no errors of the transport, and no calls without answer."""
    return interaction.response is not None and interaction.ended in (Ended.COMPLETE, Ended.CLOSED)


def to_tree(interactions: Iterable[Interaction]) -> Tree:
    """A whole cassette, as vcrpy 9.4 gives it to its serializers. All must be expressible."""
    return {"version": VERSION, "interactions": [to_entry(one) for one in interactions]}


def with_entries(tree: object, entries: list[object]) -> Tree:
    """`tree` with `entries` as its interactions, everything else in it as it was; None is an empty one."""
    known = tree if isinstance(tree, dict) else {"version": VERSION}
    return {**known, "interactions": entries}


def to_entry(interaction: Interaction) -> Tree:
    """Write one interaction as an entry of a tree.

    A compressed answer is written decoded, without its header, so that every client can read it from vcrpy,
    which keeps what each client takes for itself. A compressed request is written as it was sent, since vcrpy
    compares it with what the client sends.
    """
    request, response = interaction.request, interaction.response
    assert response is not None
    headers, body = response.headers, response.body
    if body.encoding:
        headers = headers.without("content-encoding")
        if "content-length" in headers:
            headers = headers.replacing("content-length", str(len(body.data)))
    sends_none = request.method in ("GET", "HEAD", "DELETE", "OPTIONS") and not request.body
    return {
        "request": {
            "method": request.method,
            "uri": request.url,
            "body": None if sends_none else _readable(encoded(request.body, request.encoding)),
            "headers": _grouped(request.headers),
        },
        "response": {
            "status": {"code": response.status, "message": response.reason},
            "headers": _grouped(headers),
            "body": {"string": _readable(body.data)},
        }
        | ({_ENDED: "closed"} if interaction.ended is Ended.CLOSED else {}),
    }


def _grouped(headers: Headers) -> dict[str, list[str]]:
    """Each name as it was first written, with its values."""
    names: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(names.setdefault(name.lower(), name), []).append(value)
    return found


def _readable(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
