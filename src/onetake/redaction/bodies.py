"""One pass over a body: its secrets by rule, by name, by value and by shape, as edits of its bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from onetake.config.paths import Path
from onetake.content import DEEPEST, Content, Leaf, Quoting, edited, may_be_text
from onetake.redaction.book import Book, edits_of
from onetake.redaction.named import head_secrets, named_secrets
from onetake.redaction.pieces import NO_PIECES, Pieces
from onetake.redaction.rules import is_ruled, ruled_leaf
from onetake.redaction.secret import Secret, merged, outside
from onetake.redaction.shapes import shaped_secrets
from onetake.redaction.sought import Sought
from onetake.redaction.urls import secrets_in_bytes
from onetake.wire.edits import Edit

_Stretch: TypeAlias = tuple[Content, int, int]
_Way: TypeAlias = Callable[[bytes], Sequence[Secret]]


class Pass:
    """One search of a body for secrets, and the placeholders that it puts there.

    `given_s` is the moment (UTC seconds) of an answer, in which tokens stay readable. `inner` has the secrets
    that were found in what is packed within a body, which is written anew as a whole. A shape that is but a
    part of one of `longer` is left to whoever redacts these.
    """

    def __init__(
        self,
        book: Book,
        *,
        paths: Sequence[Path] = (),
        known: Sequence[Sought] = (),
        longer: Sequence[Sought] = (),
        names: bool = True,
        shapes: bool = True,
        given_s: float | None = None,
    ) -> None:
        self._book, self._paths, self._known, self._longer = book, paths, known, longer
        self._names, self._shapes, self._given_s = names, shapes, given_s
        self.inner: list[Secret] = []

    def secrets(self, content: Content, pieces: Pieces = NO_PIECES) -> Sequence[Secret]:
        """Return the secrets of `content`, in the order of its bytes, each with what is to stand there.

        Among them are those that a stream says in more than one of its `pieces`. Of two that overlap the one
        stays that a rule or a name tells of, then what is known, then a shape.
        """
        ruled = [self._in_leaf(*one) for one in self._ruled(content)] if self._paths else []
        named: list[Secret] = []
        known: list[Secret] = []
        shaped: list[Secret] = []
        for whole in _wholes(content):
            if self._names:
                named += (self._in_leaf(*one) for one in _named(whole))
            if packed := _packed(whole):
                named += self._in_packed(packed)
                continue
            for stretch in _stretches(whole):
                for sought in self._known:
                    known += self._in_stretch(stretch, sought.secrets)
                if self._shapes and _may_hold_shapes(whole):
                    shaped += self._in_stretch(stretch, self._shapes_of(whole))
        split = list(self._in_pieces(content, pieces)) if pieces.lanes else []
        if not (ruled or named or known or shaped or any(split)):
            return ()
        if len(self._known) > 1:
            known = list(outside(known, [known]))
        return merged(ruled, named, known, shaped, *split)

    def _shapes_of(self, content: Content) -> _Way:
        way = secrets_in_bytes if content.parts else shaped_secrets
        if not self._longer:
            return way
        return lambda text: outside(way(text), (one.secrets(text) for one in self._longer))

    def _in_pieces(self, content: Content, pieces: Pieces) -> Iterator[Sequence[Secret]]:
        ways: list[_Way] = [sought.secrets for sought in self._known]
        if self._shapes:
            ways.append(shaped_secrets)
        return (self._joined(content, pieces.secrets(way)) for way in ways)

    def _ruled(self, content: Content) -> Iterator[tuple[Leaf, Secret]]:
        for leaf in content.leaves():
            if is_ruled(leaf, self._paths) and (secret := ruled_leaf(leaf)):
                yield leaf, secret

    def _in_leaf(self, leaf: Leaf, secret: Secret) -> Secret:
        return _placed(leaf.edit(self._new(secret), secret.start, secret.end), secret)

    def _in_stretch(self, stretch: _Stretch, way: _Way) -> Iterator[Secret]:
        content, start, end = stretch
        is_whole = not start and end == len(content.text)
        for secret in way(content.text if is_whole else content.text[start:end]):
            edit = Edit(start + secret.start, start + secret.end, self._new(secret))
            yield _placed(content.lifted(edit), secret)

    def _joined(self, content: Content, pieces: Iterator[tuple[Secret, bool]]) -> list[Secret]:
        found: list[Secret] = []
        for secret, is_first in pieces:
            new = self._new(secret) if is_first else b""
            found.append(_placed(content.lifted(Edit(secret.start, secret.end, new)), secret))
        return found

    def _in_packed(self, leaf: Leaf) -> Iterator[Secret]:
        """Redact a gzip file, and write all of it without compression, as no two compressors write the same."""
        inner = Content(leaf.value, depth=leaf.holder.depth + 1)
        secrets = self.secrets(inner) if inner.depth < DEEPEST else ()
        if secrets:
            self.inner += secrets
            new = edited(inner, edits_of(secrets, self._book))
            yield _placed(leaf.edit(new), Secret(0, 0, "gzip", "", is_known=True))

    def _new(self, secret: Secret) -> bytes:
        return self._book.new(secret, self._given_s)


def _placed(edit: Edit, secret: Secret) -> Secret:
    return replace(secret, start=edit.start, end=edit.end, new=edit.new)


def _wholes(content: Content) -> Iterator[Content]:
    """Yield the body, and those of its parts at any depth."""
    yield content
    for part in content.parts:
        yield from _wholes(part.content)


def _named(content: Content) -> Iterator[tuple[Leaf, Secret]]:
    if not content.parts:
        return named_secrets(content)
    return (
        found
        for part in content.parts
        for leaf in part.head_leaves()
        for found in head_secrets(leaf)
    )


def _packed(content: Content) -> Leaf | None:
    """Return the leaf that is a gzip file, if `content` is one that can be opened."""
    if content.data[:2] != b"\x1f\x8b":
        return None
    leaf = next(content.leaves(), None)
    is_packed = leaf is not None and leaf.quoting is Quoting.GZIP and leaf.value != leaf.raw
    return leaf if is_packed else None


def _stretches(content: Content) -> Iterable[_Stretch]:
    """Return the stretches of a body that are searched: all of it, or what stands around its parts."""
    if not content.parts:
        return ((content, 0, len(content.text)),)
    return _around_parts(content)


def _around_parts(content: Content) -> Iterator[_Stretch]:
    at = 0
    for part in content.parts:
        within = part.content.within
        if within is not None:
            yield content, at, within.start
            at = within.end
    yield content, at, len(content.text)


def _may_hold_shapes(content: Content) -> bool:
    """Return whether keys may stand in a body. In a picture they would be found by chance."""
    if not may_be_text(content.media_type):
        return False
    return not content.depth or b"\0" not in content.data
