"""One opening's redactor: requests and interactions in, safe ones out.

What it redacted in an answer it knows again when the program sends it on; what it redacted in a
request it knows again when an answer echoes it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from msgspec.structs import replace

from onetake.config.paths import Path
from onetake.content import Content, Kind, completed, opened, read_request, read_response
from onetake.errors import RedactionError
from onetake.messages import Body, Chunk, Failure, Headers, Interaction, Request, Response
from onetake.redaction.bodies import Pass
from onetake.redaction.book import Book, Known, Secret, edits_of, merged, written_text
from onetake.redaction.headers import secrets_in_line
from onetake.redaction.pieces import pieces_of
from onetake.redaction.rules import ruled_line, ruled_query
from onetake.redaction.sought import Sought
from onetake.redaction.urls import secrets_in_text, secrets_in_url
from onetake.redaction.values import NO_VALUES, Values
from onetake.wire.edits import Edit, apply, shift
from onetake.wire.placeholders import READABLE


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
        self._book = Book()
        self._answered = Known()  # redacted in answers; replaced in requests and answers
        self._sent = Known()  # redacted in requests; replaced in answers alone

    @property
    def given(self) -> Container[str]:
        """Return the secrets that answers gave to the program, tokens among them."""
        return self._answered.kinds

    def url(self, url: str) -> str:
        """Return `url` without its secrets."""
        data = url.encode("utf-8", "surrogatepass")
        known = replace(self._values.sought, by_value=True)
        return written_text(url, merged(self._in_url(url), known.secrets(data)), self._book)

    def text(self, text: str) -> str:
        """Return any text without its secrets: what an error says, a warning."""
        data = text.encode("utf-8", "surrogatepass")
        known = [one.secrets(data) for one in self._known()]
        return written_text(text, merged(secrets_in_text(text), *known), self._book)

    def request(self, request: Request, paths: Sequence[Path] = ()) -> Request:
        """Return `request` without its secrets by name and shape: what is matched. Idempotent."""
        # What an answer gave is replaced as a whole; a part of more base64 is no part of the identity.
        given = [Sought(self._answered.kinds, whole=True)] if self._answered else []
        found: list[Secret] = []
        url = self._rewritten(
            request.url, (ruled_query(request.url, paths), self._in_url(request.url)), given, found
        )
        headers = self._headers(request.headers, paths, given, found)
        one_pass = Pass(self._book, paths=paths, known=given)
        safe = self._with_body(opened(request), url, headers, one_pass, found)
        if found:
            self._sent = self._sent.with_(one for one in found if not one.is_known)
        return safe

    def _with_body(
        self, request: Request, url: str, headers: Headers, one_pass: Pass, found: list[Secret]
    ) -> Request:
        body = request.body
        if body:
            content = read_request(request)
            secrets = one_pass.secrets(content)
            found += (*secrets, *one_pass.inner)
            body = _edited(content, secrets, self._book)[0]
        if url == request.url and headers is request.headers and body == request.body:
            return request
        if len(body) != len(request.body):
            headers = _with_length(headers, len(body))
        return request.replace(url=url, headers=headers, body=body)

    def note(self, request: Request, values: Iterable[str] = ()) -> None:
        """Know the secrets of `request`, and `values`, in what is redacted from now on."""
        self.request(request)
        self._sent = self._sent.with_(Secret(0, 0, "rule", one) for one in values)

    def by_value(self, request: Request) -> Request:
        """Return `request`, which is safe by name and shape, without known values: what is written.

        Its own secrets in other places, which nothing there gives away, are gone too.
        """
        known = [replace(one, by_value=True) for one in self._known()]
        if not known:
            return request
        url = self._rewritten(request.url, (), known, [])
        headers = self._headers(request.headers, (), known, [], by_name=False)
        one_pass = Pass(self._book, known=known, names=False, shapes=False)
        return self._with_body(request, url, headers, one_pass, [])

    def interaction(self, interaction: Interaction, paths: Sequence[Path] = ()) -> Interaction:
        """Return `interaction`, whose request is safe already, without the secrets of its answer."""
        response = interaction.response
        if response is not None:
            response = self._response(response, interaction.at + interaction.ms / 1000, paths)
        failure = interaction.failure
        if failure is not None and failure.args:
            args = tuple(map(self.text, failure.args))
            failure = Failure(kind=failure.kind, type=failure.type, args=args)
        return interaction.replace(response=response, failure=failure)

    def _response(self, response: Response, given_s: float, paths: Sequence[Path]) -> Response:
        found: list[Secret] = []
        headers = self._headers(response.headers, paths, (), found)
        content = read_response(response)
        one_pass = Pass(self._book, paths=paths, given_s=given_s)
        pieces = pieces_of(content)
        own = merged(one_pass.secrets(content), one_pass.in_pieces(content, pieces))
        self._learn([*found, *own, *one_pass.inner])
        known = self._known()
        if known:
            headers = self._headers(headers, (), known, [], by_name=False)
            by_value = Pass(self._book, known=known, names=False, shapes=False, given_s=given_s)
            own = merged(own, by_value.secrets(content), by_value.in_pieces(content, pieces))
        data, edits = _edited(content, own, self._book)
        body = response.body
        if data != content.data:
            chunks = shift(_chunks(body, content), edits)
            body = Body(data=data, chunks=chunks, encoding=content.encoding)
            if not body.encoding:
                headers = _with_length(headers, len(data))
        reason = self.text(response.reason) if response.reason else ""
        return response.replace(reason=reason, headers=headers, body=body)

    def _learn(self, found: Sequence[Secret]) -> None:
        """Know what an answer gave: not what the program sent itself, nor a token that was made readable."""
        sent = self._sent.kinds
        self._answered = self._answered.with_(
            one for one in found if one.value not in sent and READABLE not in one.value
        )

    def _known(self) -> list[Sought]:
        kinds = {**self._sent.kinds, **self._answered.kinds}
        known = [Sought(kinds, whole=True, within=True)] if kinds else []
        return [*known, self._values.sought] if self._values else known

    def _in_url(self, url: str) -> Sequence[Secret]:
        return secrets_in_url(url, self._own_query)

    def _rewritten(
        self,
        text: str,
        groups: Sequence[Sequence[Secret]],
        known: Sequence[Sought],
        found: list[Secret],
    ) -> str:
        if known:
            data = text.encode("utf-8", "surrogatepass")
            groups = (*groups, *(one.secrets(data) for one in known))
        if not any(groups):
            return text
        secrets = merged(*groups)
        found += secrets
        return written_text(text, secrets, self._book)

    def _headers(
        self,
        headers: Headers,
        paths: Sequence[Path],
        known: Sequence[Sought],
        found: list[Secret],
        *,
        by_name: bool = True,
    ) -> Headers:
        ruled = any(path.root == "header" for path in paths)
        known = _those_in(headers, known)
        lines: list[tuple[str, str]] = []
        for line in headers.items:
            groups: list[Sequence[Secret]] = []
            if ruled:
                groups.append(ruled_line(line, paths))
            if by_name:
                own = bool(self._own_headers) and line[0].lower() in self._own_headers
                groups.append(secrets_in_line(line, is_credential=own))
            is_safe = not known and not any(groups)
            new = line[1] if is_safe else self._rewritten(line[1], groups, known, found)
            lines.append((line[0], new))
        made = tuple(lines)
        return headers if made == headers.items else Headers(made)


def _those_in(headers: Headers, known: Sequence[Sought]) -> Sequence[Sought]:
    """Return the values that stand in a header line; the lines are searched as one text."""
    if not known:
        return known
    whole = "\n".join([value for _, value in headers.items]).encode("utf-8", "surrogatepass")
    return [one for one in known if one.secrets(whole)]


def _edited(
    content: Content, secrets: Sequence[Secret], book: Book
) -> tuple[bytes, Sequence[Edit]]:
    """Return the bytes of `content` with what stands for `secrets`, and the edits that make them."""
    data = content.data
    edits = completed(content, edits_of(secrets, book))
    made = apply(data, edits) if edits else data
    if made != data and content.kind is Kind.JSON and any(one.is_known for one in secrets):
        again = Content(made, content.content_type)
        if again.kind is not Kind.JSON:
            raise RedactionError(
                "A known secret cannot be taken out of a JSON body without breaking it.",
                remedy="Nothing was written. Use a longer, less ordinary credential here.",
            )
    return made, edits


def _chunks(body: Body, content: Content) -> Sequence[Chunk]:
    """Return the chunks of `body` in the data of `content`, in proportion where it was kept as it came."""
    if content.encoding == body.encoding or not body.data:
        return body.chunks
    size, whole = len(content.data), len(body.data)
    return [Chunk(chunk.end * size // whole, chunk.ms) for chunk in body.chunks]


def _with_length(headers: Headers, length: int) -> Headers:
    if "content-length" not in headers:
        return headers
    return headers.replacing("content-length", str(length))
