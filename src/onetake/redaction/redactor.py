"""One opening's redactor: requests and interactions in, safe ones out.

What it redacted in an answer it knows again when the program sends it on; what it redacted in a
request it knows again when an answer echoes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Sequence
from functools import lru_cache, partial

from onetake.config.paths import Path
from onetake.errors import RedactionError
from onetake.messages import Body, Failure, Headers, Interaction, Request, Response
from onetake.redaction.bodies import body_edits, is_form, is_json, is_text, shaped_body_edits
from onetake.redaction.headers import redact_credential, redact_line, treatment
from onetake.redaction.known import Known
from onetake.redaction.packed import packed_edits
from onetake.redaction.paths import ruled_body, ruled_headers, ruled_url
from onetake.redaction.pieces import Search, lanes_of, piece_edits
from onetake.redaction.placeholders import BY_VALUE, settle
from onetake.redaction.shaped import shape_edits
from onetake.redaction.tokens import readable_jwt
from onetake.redaction.urls import redact_text_with_urls, redact_url
from onetake.redaction.values import NO_VALUES, Values
from onetake.wire.edits import Edit, apply, shift
from onetake.wire.encodings import decoder


class Redactor:
    """Its methods raise nothing but `RedactionError`, and may be called from any thread.

    What is remembered is replaced as a whole, never changed; of two calls at the same instant one
    may not profit from the other's, which could not have been relied on before either.
    """

    def __init__(
        self, headers: Sequence[str] = (), query: Sequence[str] = (), values: Values = NO_VALUES
    ) -> None:
        """`headers` and `query` are names, in lower case, of credentials besides the known ones."""
        self._own_headers, self._own_query = frozenset(headers), frozenset(query)
        self._values = values
        self._answered = Known()  # redacted in answers; replaced in requests and answers
        self._sent = Known()  # redacted in requests; replaced in answers alone

    @property
    def given(self) -> Container[str]:
        """The secrets that answers gave to the program: tokens among them."""
        return self._answered.kinds

    def url(self, url: str) -> str:
        """`url` without its secrets."""
        url = redact_url(url, self._own_query)[0]
        return _replaced_text(url, (self._values,), in_url=True)

    def request(self, request: Request, paths: Sequence[Path] = ()) -> Request:
        """`request` without its secrets by name and shape: what is matched. Idempotent."""
        return self.by_shape(self.by_name(request, paths))

    def by_name(self, request: Request, paths: Sequence[Path] = ()) -> Request:
        """The same, but for the shapes in its body, which take longest to look for.

        A request that is equal to a recording as it is has none that the recording has not.
        """
        found: list[Edit] = []
        if paths:  # what rules name
            request = _ruled(request, paths, found)
        url, edits = redact_url(request.url, self._own_query)
        found += edits
        body = request.body
        headers = self._headers(request.headers, found)
        content_type = headers.get("content-type")
        edits = body_edits(content_type, body)
        if edits:
            body = _checked(body, apply(body, edits))
            found += edits
        if found:
            self._sent = self._sent.with_(found)
        known = self._answered
        if known:
            url = _replaced_text(url, [known], in_url=True, within=False)
            headers = _replaced_headers(headers, [known], within=False)
            in_form = is_form(content_type, body)
            body = _checked(body, apply(body, known.edits(body, in_url=in_form)))
        if "redacted" in url or "REDACTED" in url:
            url = _settled_text(url, in_url=True)
        headers = _settled(headers)
        if is_form(content_type, body) and 0 < len(body) < _SETTLED_BODY:
            body = settle(body, in_url=True)
        return _changed(request, url, headers, body)

    def note(self, request: Request, values: Iterable[str] = ()) -> None:
        """Know the secrets of `request`, and `values`, in what is redacted from now on."""
        self.request(request)
        self._sent = self._sent.with_(Edit(0, 0, b"", "rule", one) for one in values)

    def by_shape(self, request: Request) -> Request:
        """`request`, whose secrets by name are gone, without those in its body that have a shape."""
        body = request.body
        if not body:
            return request
        content_type = request.headers.get("content-type")
        found: list[Edit] = []
        body = _opened(content_type, body, partial(_found_out, found))
        if is_text(content_type):
            edits = shaped_body_edits(content_type, body, in_url=is_form(content_type, body))
            if edits:
                body = _checked(body, apply(body, edits))
                found += edits
        if body is request.body:
            return request
        self._sent = self._sent.with_(found)
        return _changed(request, request.url, request.headers, body)

    def by_value(self, request: Request) -> Request:
        """`request`, which is safe by name and shape, without known values: what is written.

        So are its own secrets in other places, which nothing there gives away.
        """
        known = [one for one in (self._values, self._answered, self._sent) if one]
        url, headers, body = request.url, request.headers, request.body
        content_type = headers.get("content-type")
        in_form = is_form(content_type, body)
        if known:  # what is packed first: what is put back is not compressed
            body = _opened(content_type, body, partial(_replaced, known=known, kind=BY_VALUE))
        body = _checked(body, _replaced(body, known, in_url=in_form, kind=BY_VALUE))
        url = _replaced_text(url, known, in_url=True, kind=BY_VALUE)
        headers = _replaced_headers(headers, known, kind=BY_VALUE)
        return _changed(request, url, headers, body)

    def text(self, text: str) -> str:
        """Any text without its secrets: what an error says, a warning."""
        known = (self._answered, self._sent, self._values)
        return _replaced_text(redact_text_with_urls(text), known, in_url=False)

    def interaction(self, interaction: Interaction, paths: Sequence[Path] = ()) -> Interaction:
        """`interaction`, whose request is safe already, without the secrets of its answer."""
        response = interaction.response
        if response is not None:
            response = self._response(response, interaction.at + interaction.ms / 1000, paths)
        failure = interaction.failure
        if failure is not None and failure.args:
            args = tuple(map(self.text, failure.args))
            failure = Failure(kind=failure.kind, type=failure.type, args=args)
        return interaction.replace(response=response, failure=failure)

    def _response(self, response: Response, given_s: float, paths: Sequence[Path]) -> Response:
        headers, found = ruled_headers(response.headers, paths)
        headers = self._headers(headers, found)
        readable = body = _readable(response)
        content_type = headers.get("content-type")
        if paths:
            edits = ruled_body(content_type, body.data, paths)
            found += edits
            body = _edited(body, edits)
        edits = [_readably(edit, given_s) for edit in body_edits(content_type, body.data)]
        # A token that was made readable before is nobody's secret.
        edits = [edit for edit in edits if body.data[edit.start : edit.end] != edit.new]
        found += edits
        body = _edited(body, edits)
        of_packed = packed_edits(content_type, body.data, partial(_found_out, found))
        body = _edited(body, list(of_packed))
        if is_text(content_type):
            edits = shaped_body_edits(content_type, body.data, given_s=given_s)
            found += edits
            body = _edited(body, edits)
        body, edits = _joined(content_type, body, [partial(shape_edits, given_s=given_s)])
        found += edits
        if found:
            # What the program sent itself was not given to it.
            sent = self._sent.kinds
            self._answered = self._answered.with_(one for one in found if one.value not in sent)
        known = [one for one in (self._answered, self._sent, self._values) if one]
        if known:
            of_packed = packed_edits(content_type, body.data, partial(_replaced, known=known))
            body = _edited(body, list(of_packed))
        for one in known:
            body = _edited(body, one.edits(body.data, in_url=False, within=True))
        searches = [partial(one.edits, in_url=False, within=True) for one in known]
        body, _ = _joined(content_type, body, searches)
        headers = _replaced_headers(headers, known)
        reason = self.text(response.reason) if response.reason else ""
        if body.data == readable.data:
            body = response.body
        elif not body.encoding:
            headers = _with_length(headers, len(body.data))
        return response.replace(reason=reason, headers=headers, body=body)

    def _headers(self, headers: Headers, found: list[Edit]) -> Headers:
        lines: list[tuple[str, str]] | None = None
        for i, line in enumerate(headers.items):
            safe = redact_line(line)
            if safe is None and line[0].lower() in self._own_headers:
                safe = redact_credential(line)
            if safe is not None:
                lines = lines or list(headers.items)
                lines[i], edits = safe
                found += edits
        return headers if lines is None else Headers(tuple(lines))


def _ruled(request: Request, paths: Sequence[Path], found: list[Edit]) -> Request:
    url, of_url = ruled_url(request.url, paths)
    headers, of_headers = ruled_headers(request.headers, paths)
    content_type = headers.get("content-type")
    edits = ruled_body(content_type, request.body, paths)
    found += (*of_url, *of_headers, *edits)
    body = _checked(request.body, apply(request.body, edits)) if edits else request.body
    return _changed(request, url, headers, body)


def _readably(edit: Edit, given_s: float) -> Edit:
    """An edit of an answer's field: a token that programs read stays one."""
    value = edit.value.encode("utf-8", "surrogatepass")
    new = readable_jwt(value, given_s) if value.startswith(b"eyJ") else None
    return edit if new is None else Edit(edit.start, edit.end, new, "jwt", edit.value)


def _changed(request: Request, url: str, headers: Headers, body: bytes) -> Request:
    if url == request.url and headers is request.headers and body is request.body:
        return request
    if len(body) != len(request.body):
        headers = _with_length(headers, len(body))
    return request.replace(url=url, headers=headers, body=body)


_SETTLED_BODY = 1 << 20
_PLACEHOLDER = re.compile("redacted|REDACTED|PHJlZGFjdGVkO")


def _edited(body: Body, edits: list[Edit]) -> Body:
    if not edits:
        return body
    data = _checked(body.data, apply(body.data, edits))
    return Body(data=data, chunks=shift(body.chunks, edits), encoding=body.encoding)


def _joined(content_type: str, body: Body, searches: Sequence[Search]) -> tuple[Body, list[Edit]]:
    """`body` without what `searches` find where the pieces of a stream are put together."""
    found: list[Edit] = []
    lanes = lanes_of(content_type, body.data) if searches else {}
    for search in searches:
        edits = piece_edits(body.data, lanes, search)
        if edits:
            found += edits
            body = _edited(body, edits)
            lanes = lanes_of(content_type, body.data)
    return body, found


def _checked(before: bytes, after: bytes) -> bytes:
    """`after`, unless it broke what was JSON."""
    if after is not before and after != before and not is_json(after) and is_json(before):
        raise RedactionError(
            "A known secret cannot be taken out of a JSON body without breaking it.",
            remedy="Nothing was written. Use a longer, less ordinary credential here.",
        )
    return after


def _readable(response: Response) -> Body:
    """The body decoded where it was kept as it came (`exact_encoding`), if it can be."""
    body = response.body
    coding = response.headers.get("content-encoding").strip().lower()
    if body.encoding or not body.data or coding in ("", "identity"):
        return body
    coder = decoder(coding)
    if coder is None:
        return body
    try:
        data = coder.feed(body.data) + coder.finish()
    except Exception:  # each library has its own errors; the body is not so encoded
        return body
    whole = len(body.data)
    chunks = tuple(type(c)(c.end * len(data) // whole, c.ms) for c in body.chunks)
    return Body(data=data, chunks=chunks, encoding=coding)


def _found_out(found: list[Edit], data: bytes) -> bytes:
    """`data` of any kind without its secrets by name and shape, which are added to `found`."""
    for edits_of in (partial(body_edits, ""), shape_edits):
        edits = edits_of(data)
        if edits:
            data = _checked(data, apply(data, edits))
            found += edits
    return data


def _opened(content_type: str, body: bytes, change: Callable[[bytes], bytes]) -> bytes:
    edits = list(packed_edits(content_type, body, change))
    return apply(body, edits) if edits else body


def _replaced(
    data: bytes,
    known: Iterable[Known | Values],
    *,
    in_url: bool = False,
    within: bool = True,
    kind: str = "",
) -> bytes:
    for one in known:
        edits = one.edits(data, in_url=in_url, within=within, kind=kind)
        if edits:
            data = apply(data, edits)
    return data


def _replaced_text(
    text: str,
    known: Iterable[Known | Values],
    *,
    in_url: bool,
    within: bool = True,
    kind: str = "",
) -> str:
    known = [one for one in known if one]
    if not known:
        return text
    data = text.encode("utf-8", "surrogatepass")
    new = _replaced(data, known, in_url=in_url, within=within, kind=kind)
    return text if new is data else new.decode("utf-8", "surrogatepass")


def _replaced_headers(
    headers: Headers, known: Iterable[Known | Values], *, within: bool = True, kind: str = ""
) -> Headers:
    known = [one for one in known if one]
    whole = "\n".join([value for _, value in headers]) if known else ""
    if _replaced_text(whole, known, in_url=False, within=within, kind=kind) == whole:
        return headers
    lines = tuple(
        (name, _replaced_text(value, known, in_url=False, within=within, kind=kind))
        for name, value in headers
    )
    return headers if lines == headers.items else Headers(lines)


def _settled(headers: Headers) -> Headers:
    lines = tuple(map(_settled_line, headers.items))
    return headers if lines == headers.items else Headers(lines)


@lru_cache(maxsize=512)
def _settled_line(line: tuple[str, str]) -> tuple[str, str]:
    name, value = line
    if treatment(name) or not _PLACEHOLDER.search(value):
        return line
    return name, _settled_text(value)


def _settled_text(text: str, *, in_url: bool = False) -> str:
    data = settle(text.encode("utf-8", "surrogatepass"), in_url=in_url)
    return data.decode("utf-8", "surrogatepass")


def _with_length(headers: Headers, length: int) -> Headers:
    if "content-length" not in headers:
        return headers
    return headers.replacing("content-length", str(length))
