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
from onetake.redaction.book import Book, Known, edits_of, written_text
from onetake.redaction.headers import secrets_in_lines
from onetake.redaction.pieces import pieces_of
from onetake.redaction.rules import ruled_line, ruled_query
from onetake.redaction.secret import Secret, merged, outside
from onetake.redaction.sought import Sought
from onetake.redaction.urls import secrets_in_text, secrets_in_url
from onetake.redaction.values import NO_VALUES, Values
from onetake.wire.edits import Edit, apply, shift
from onetake.wire.placeholders import READABLE


class Redactor:
    """Finds and replaces secrets. Raises nothing but `RedactionError`, and may be called from any thread.

    What is remembered is replaced as a whole, never changed; of two calls at the same instant one
    may not profit from the other's, which could not have been relied on before either.
    """

    def __init__(
        self, headers: Sequence[str] = (), query: Sequence[str] = (), values: Values = NO_VALUES
    ) -> None:
        """`headers` and `query` are names, in lower case, of credentials besides the known ones."""
        self._own_headers, self._own_query = frozenset(headers), frozenset(query)
        self._values = [values.sought] if values else []
        self._unnamed = [replace(one, by_value=True) for one in self._values]
        self._book = Book()
        self._answered = Known()  # redacted in answers; replaced in requests and answers
        self._sent = Known()  # redacted in requests; replaced in answers alone
        self.given: Container[str] = self._answered.kinds
        """The secrets that answers gave to the program, tokens among them."""

    def url(self, url: str) -> str:
        """Return `url` without its secrets."""
        return self._rewritten(url, [self._in_url(url)], self._unnamed, [])

    def text(self, text: str) -> str:
        """Return any text without its secrets: what an error says, a warning."""
        return self._rewritten(text, [secrets_in_text(text)], self._known(), [])

    def request(
        self, request: Request, paths: Sequence[Path] = (), content: Content | None = None
    ) -> Request:
        """Return `request` without its secrets by name and shape: what is matched. Idempotent.

        `content` is its body, read, where it was read already and no coding of it is left to be undone.
        """
        if content is None:
            request = opened(request)
            content = read_request(request)
        # What an answer gave is replaced as a whole; a part of more base64 is no part of the identity.
        kinds = self._answered.kinds
        given = [Sought(kinds, whole=True)] if kinds else []
        longer = self._known()
        if given or longer:
            texts = _texts_of(request, content)
            longer = _standing(longer, texts)
            given = _standing(given, texts) if longer else []  # the longer ones have them too
        found: list[Secret] = []
        groups = [self._in_url(request.url)]
        if paths:
            groups.insert(0, ruled_query(request.url, paths))
        url = self._rewritten(request.url, groups, given, found, longer)
        headers = self._headers(request.headers, paths, given, found, longer)
        one_pass = Pass(self._book, paths=paths, known=given, longer=longer)
        safe = self._with_body(request, url, headers, one_pass, found, content)
        if found:
            self._sent = self._sent.with_([one for one in found if not one.is_known])
        return safe

    def _with_body(
        self,
        request: Request,
        url: str,
        headers: Headers,
        one_pass: Pass,
        found: list[Secret],
        content: Content,
    ) -> Request:
        body = request.body
        secrets = one_pass.secrets(content) if body else ()
        if secrets:
            found += (*secrets, *one_pass.inner)
            body = _edited(content, secrets, self._book)[0]
        if url == request.url and headers is request.headers and body == request.body:
            return request
        if len(body) != len(request.body):
            headers = _with_length(headers, len(body))
        return replace(request, url=url, headers=headers, body=body)

    def note(self, request: Request, values: Iterable[str] = ()) -> None:
        """Know the secrets of `request`, and `values`, in what is redacted from now on."""
        self.request(request)
        self._sent = self._sent.with_(Secret(0, 0, "rule", one) for one in values)

    def by_value(self, request: Request, content: Content | None = None) -> Request:
        """Return `request`, which is safe by name and shape, without known values: what is written.

        Its own secrets in other places, which nothing there gives away, are gone too. `content` is its body,
        read, where it was read already.
        """
        known = self._known()
        if not known:
            return request
        content = content or read_request(request)
        known = _standing(known, _texts_of(request, content))
        if not known:
            return request
        known = [replace(one, by_value=True) for one in known]
        url = self._rewritten(request.url, (), known, [])
        headers = self._headers(request.headers, (), known, [], by_name=False)
        one_pass = Pass(self._book, known=known, names=False, shapes=False)
        return self._with_body(request, url, headers, one_pass, [], content)

    def interaction(self, interaction: Interaction, paths: Sequence[Path] = ()) -> Interaction:
        """Return `interaction`, whose request is safe already, without the secrets of its answer."""
        response = interaction.response
        if response is not None:
            response = self._response(response, interaction.at + interaction.ms / 1000, paths)
        failure = interaction.failure
        if failure is not None and failure.args:
            args = tuple(map(self.text, failure.args))
            failure = Failure(kind=failure.kind, type=failure.type, args=args)
        return replace(interaction, response=response, failure=failure)

    def _response(self, response: Response, given_s: float, paths: Sequence[Path]) -> Response:
        found: list[Secret] = []
        content = read_response(response)
        pieces = pieces_of(content)
        reason, body = response.reason, response.body
        headers = self._headers(response.headers, paths, (), found, self._known())
        one_pass = Pass(self._book, paths=paths, given_s=given_s)
        own = one_pass.secrets(content, pieces)
        if found or own:
            self._learn([*found, *own, *one_pass.inner])
        known = self._known()
        if known:
            texts = _texts(reason, headers, content)
            known = _standing(known, None if texts is None else (*texts, *pieces.wholes))
        if known:
            headers = self._headers(headers, (), known, [], by_name=False)
            by_value = Pass(self._book, known=known, names=False, shapes=False, given_s=given_s)
            again = by_value.secrets(content, pieces)
            own = merged(outside(own, [again]), again)
        if reason:
            reason = self._rewritten(reason, [secrets_in_text(reason)], known, [])
        if own:
            data, edits = _edited(content, own, self._book)
            chunks = shift(_chunks(body, content), edits)
            body = Body(data=data, chunks=chunks, encoding=content.encoding)
            if not body.encoding:
                headers = _with_length(headers, len(data))
        return replace(response, reason=reason, headers=headers, body=body)

    def _learn(self, found: Sequence[Secret]) -> None:
        """Know what an answer gave: not what the program sent itself, nor a token that was made readable."""
        sent = self._sent.kinds
        self._answered = self._answered.with_(
            [one for one in found if one.value not in sent and READABLE not in one.value]
        )
        self.given = self._answered.kinds

    def _known(self) -> list[Sought]:
        kinds = {**self._sent.kinds, **self._answered.kinds}
        return [Sought(kinds, whole=True, within=True), *self._values] if kinds else self._values

    def _in_url(self, url: str) -> Sequence[Secret]:
        return secrets_in_url(url, self._own_query)

    def _rewritten(
        self,
        text: str,
        groups: Sequence[Sequence[Secret]],
        known: Sequence[Sought],
        found: list[Secret],
        longer: Sequence[Sought] = (),
    ) -> str:
        if not known and not any(groups):
            return text
        data = text.encode("utf-8", "surrogatepass")
        if longer and any(one.is_shaped for group in groups for one in group):
            of_longer = [one.secrets(data) for one in longer]
            groups = [outside(group, of_longer) for group in groups]
        if known or len(groups) > 1:
            of_known = [one.secrets(data) for one in known]
            secrets = merged(*groups, *(outside(group, of_known) for group in of_known))
        else:
            (secrets,) = groups  # in order, as none overlaps another
        found += secrets
        return written_text(text, secrets, self._book)

    def _headers(
        self,
        headers: Headers,
        paths: Sequence[Path],
        known: Sequence[Sought],
        found: list[Secret],
        longer: Sequence[Sought] = (),
        *,
        by_name: bool = True,
    ) -> Headers:
        lines = headers.items
        named = secrets_in_lines(lines, self._own_headers) if by_name else [()] * len(lines)
        is_ruled = any(path.root == "header" for path in paths)
        if known:
            known = _standing(known, [_joined(headers)])
        if not (known or is_ruled or any(named)):
            return headers
        made: list[tuple[str, str]] = []
        for line, secrets in zip(lines, named, strict=True):
            groups = (ruled_line(line, paths), secrets) if is_ruled else (secrets,)
            made.append((line[0], self._rewritten(line[1], groups, known, found, longer)))
        new = tuple(made)
        return headers if new == lines else Headers(new)


def _standing(known: Sequence[Sought], texts: Sequence[bytes] | None) -> list[Sought]:
    """Return those of `known` of which something may stand in one of `texts`: all where these are not given."""
    return [one for one in known if texts is None or one.may_stand_in(texts)]


def _texts_of(request: Request, content: Content) -> Sequence[bytes] | None:
    return _texts(request.url, request.headers, content)


def _texts(line: str, headers: Headers, content: Content) -> Sequence[bytes] | None:
    """Return the texts of a message in which values are looked for; None where the body has bodies within."""
    if content.parts or content.data[:2] == b"\x1f\x8b":
        return None
    return line.encode("utf-8", "surrogatepass"), _joined(headers), content.text


def _joined(headers: Headers) -> bytes:
    return "\n".join([value for _, value in headers.items]).encode("utf-8", "surrogatepass")


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
