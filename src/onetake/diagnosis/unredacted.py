"""Secrets that a recording holds, as it was made by an older version, by others, or by hand.

One idea: a recording is redacted once more, as if it were made today. Where that changes it there was a
secret, and what came of it is what stands there from now on. So nothing is found that redaction leaves
alone, and of the rest no dummies, with which nobody would get in. Secrets themselves never leave this
module: of each its place and its kind are told.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import Struct

from onetake.config.paths import path_text
from onetake.content import Meaning, PartFacts, opened
from onetake.diagnosis.differences import changes
from onetake.diagnosis.dummies import is_dummy, is_no_credential
from onetake.matching import Matcher, paths_by_value
from onetake.messages import Headers, Interaction, Request, Response
from onetake.redaction import (
    BY_VALUE,
    Redactor,
    Secret,
    Values,
    kinds_in,
    put_away,
    shaped_secrets,
)
from onetake.wire.encodings import decoder
from onetake.wire.placeholders import READABLE

_RULE = "rule"
_BODY = ("content-type",)
# As YAML breaks it, and JSON escapes it; base64 of 18 bytes or more.
_CODED = re.compile(rb"[A-Za-z0-9+/_-]{24,}(?:[ \t]*(?:\\n|\r?\n)[ \t]*[A-Za-z0-9+/_-]{4,})*={0,2}")
_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")
_GZIP = b"\x1f\x8b"


class Unredacted(Struct, frozen=True):
    """A secret of a `kind` (as placeholders name them) at `path`, in the grammar of differences.

    Paths in the answer begin with `response.`; `failure` is what an error says.
    """

    path: str
    kind: str


class Cleaned(Struct, frozen=True):
    """A recording as it would be written today, the same object where nothing was found in it."""

    interaction: Interaction
    found: tuple[Unredacted, ...] = ()


class Cleaner:
    """Cleans one cassette. A secret that one recording gives away by its name is known in all of them."""

    def __init__(self, matcher: Matcher, redactor: Redactor) -> None:
        self._matcher = matcher
        self._redactor = redactor

    def clean(self, interactions: Sequence[Interaction]) -> list[Cleaned]:
        """All recordings of the cassette, in order. Raises `RedactionError`."""
        once = list(map(self._cleaned, interactions))
        if not any(one.found for one in once):
            return once
        return [_together(one, self._cleaned(one.interaction)) for one in once]

    def _cleaned(self, interaction: Interaction) -> Cleaned:
        asked = interaction.request
        paths = self._matcher.active(asked).redact
        safe = self._redactor.request(asked, paths)
        written = self._redactor.by_value(safe)
        if written is not safe:
            listed = (*asked.by_value, *paths_by_value(written))
            written = written.replace(by_value=tuple(dict.fromkeys(listed)))
        new = self._redactor.interaction(interaction.replace(request=written), paths)
        if new == interaction:
            return Cleaned(interaction)
        found = tuple(dict.fromkeys(_found(interaction, new)))
        return Cleaned(new, found) if found else Cleaned(interaction)


def _together(one: Cleaned, other: Cleaned) -> Cleaned:
    return Cleaned(other.interaction, tuple(dict.fromkeys((*one.found, *other.found))))


def _found(before: Interaction, after: Interaction) -> Iterator[Unredacted]:
    yield from _in_request(before.request, after.request)
    one, other = before.response, after.response
    if one is not None and other is not None:
        for each in _in_answer(one, other):
            yield Unredacted(f"response.{each.path}", each.kind)
    if before.failure is not None and after.failure is not None:
        for old, new in zip(before.failure.args, after.failure.args, strict=True):
            yield from _of("failure", old, new)


def _in_request(before: Request, after: Request) -> Iterator[Unredacted]:
    before = opened(before)
    if before.url != after.url:
        plain = Request(method="", url=before.url), Request(method="", url=after.url)
        named = [
            one for each in changes(*plain) for one in _of(each.path, each.recorded, each.sent)
        ]
        yield from named
        # The user info, beside the host, and the fragment are not compared.
        kinds = {one.kind for one in named}
        for one in _of("url.path", before.url, after.url):
            if one.kind not in kinds:
                yield Unredacted("url.host" if one.kind == "userinfo" else one.path, one.kind)
    yield from _in_headers(before.headers, after.headers)
    if before.body != after.body:
        yield from _in_body(before.headers, before.body, after.body)


def _in_answer(before: Response, after: Response) -> Iterator[Unredacted]:
    yield from _of("reason", before.reason, after.reason)
    yield from _in_headers(before.headers, after.headers)
    one, other = before.body, after.body
    if one.encoding != other.encoding:  # it was kept as it came, packed
        yield from _of("body", b"", other.data)
    elif one.data != other.data:
        yield from _in_body(before.headers, one.data, other.data)


def _in_headers(before: Headers, after: Headers) -> Iterator[Unredacted]:
    for (name, old), (_, new) in zip(before, after, strict=False):
        if old != new:
            yield from _of(path_text("header", (name.lower(),)), old, new)


def _in_body(headers: Headers, before: bytes, after: bytes) -> Iterator[Unredacted]:
    lines = Headers(tuple(line for line in headers if line[0].lower() in _BODY))
    asked = Request(method="", url="", headers=lines)
    told = False
    for change in changes(asked.replace(body=before), asked.replace(body=after)):
        old, new = change.recorded, change.sent
        if isinstance(old, Meaning) or isinstance(new, Meaning):
            old, new = before, after
        for one in _of(change.path, old, new):
            told = True
            yield one
    if not told:  # more than are compared, or what no comparison of meanings shows
        yield from _of("body", before, after)


def _of(path: str, before: Any, after: Any) -> Iterator[Unredacted]:
    """What stands in `after` that did not in `before`: of placeholders spelled otherwise nothing."""
    if before == after:
        return
    old, new = _bytes(before), _bytes(after)
    kinds = kinds_in(new) - kinds_in(old)
    dummies = Counter(
        kind
        for kind, was, head in put_away(old, new)
        if kind != BY_VALUE and not kinds_in(was) and is_no_credential(_text(was), _text(head))
    )
    if kinds and not (kinds := kinds - dummies):
        return
    if not kinds and _is_zeroed(before, after):
        kinds = Counter({_RULE: 1})
    for kind in kinds:
        yield Unredacted(path, kind)


def _is_zeroed(before: Any, after: Any) -> bool:
    """Whether a rule has put a 0 in the place of a number."""
    return after == 0 and isinstance(after, int) and isinstance(before, int | float | msgspec.Raw)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _bytes(value: Any) -> bytes:
    match value:
        case str():
            return value.encode("utf-8", "surrogatepass")
        case bytes():
            return value
        case PartFacts():
            content = _bytes(value.content)
            return b"%b\n%b" % ((value.filename or "").encode("utf-8", "replace"), content)
        case Meaning():
            return _bytes(value.value)
    try:
        return msgspec.json.encode(value)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return b""


class InText(Struct, frozen=True):
    """A secret of a `kind` in the line of that number."""

    line: int
    kind: str


def in_text(data: bytes, values: Values) -> list[InText]:
    """The secrets in a file of any format, by shape and value: as they are, in URL escapes, in base64."""
    found = dict.fromkeys(
        InText(_line(data, one.start), _kind(one)) for one in _secrets(data, values)
    )
    known = {(one.line, one.kind) for one in found}
    for at, text in _decoded(data):
        for kind in {_kind(one) for one in _secrets(text, values)}:
            lines = range(_line(data, at), _line(data, at) + text.count(b"\n") + 2)
            if not any((line, kind) in known for line in lines):
                found[InText(_line(data, at), kind)] = None
    return sorted(found, key=lambda one: (one.line, one.kind))


def holds_secrets(data: bytes, values: Values) -> bool:
    """Whether one stands in `data` as it is."""
    return bool(_secrets(data, values))


def _secrets(data: bytes, values: Values) -> list[Secret]:
    shaped = [one for one in shaped_secrets(data) if not _opens_nothing(one.value)]
    # What a variable holds is a secret, whatever it looks like.
    return [*shaped, *values.sought.secrets(data)]


def _opens_nothing(text: str) -> bool:
    return READABLE in text or is_dummy(text)


def _decoded(data: bytes) -> Iterator[tuple[int, bytes]]:
    """What stands coded in `data`, and where."""
    at = 0
    for line in data.splitlines(keepends=True) if _ESCAPE.search(data) else ():
        if _ESCAPE.search(line):
            yield at, unquote_to_bytes(line)
        at += len(line)
    for coded in _CODED.finditer(data):
        letters = re.sub(rb"\\n|\s", b"", coded[0]).rstrip(b"=")
        letters = letters[: len(letters) - (len(letters) % 4 == 1)]
        text = b64decode(letters + b"=" * (-len(letters) % 4), altchars=_altchars(letters))
        yield coded.start(), _unpacked(text)


def _altchars(letters: bytes) -> bytes | None:
    return b"-_" if b"-" in letters or b"_" in letters else None


def _unpacked(data: bytes) -> bytes:
    coder = decoder("gzip") if data[:2] == _GZIP else None
    if coder is None:
        return data
    try:
        return coder.feed(data) + coder.finish()
    except Exception:  # each library has its own errors; it was no gzip
        return data


def _line(data: bytes, at: int) -> int:
    return data.count(b"\n", 0, at) + 1


def _kind(secret: Secret) -> str:
    return BY_VALUE if secret.is_known else secret.kind


__all__ = ["BY_VALUE", "Cleaned", "Cleaner", "InText", "Unredacted", "holds_secrets", "in_text"]
