"""Secrets in the leaves of a body by the name of their field.

The leaves of most bodies are never made: all names in a body are listed first, by expressions that begin with
one rare byte, and a body that has no name of a secret among them is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from urllib.parse import unquote_plus

from onetake.content import Content, Kind, Leaf, assignments, is_settings, settings
from onetake.errors import RedactionError
from onetake.providers.secret_names import EXEMPT, field_kind, guarded_kind, is_secret_whatever
from onetake.redaction.headers import secrets_in_lines
from onetake.redaction.names import is_secret_value, secret_kind
from onetake.redaction.placeholders import is_placeholder
from onetake.redaction.rare import rare_findall
from onetake.redaction.secret import Secret
from onetake.wire.json_tokens import text_of

_GRANT = b"authorization_code"
_SECURE = b"SecureString"
_DOCUMENTS = frozenset({"query", "mutation", "document"})  # fields that hold GraphQL
_VALUES = frozenset({"value", "val"})
_TELLING = frozenset({"name", "key"})  # fields that tell what the value beside them is
_DIGITS = 4  # that a number has at the least, to be a PIN


@cache
def _quoted_names() -> re.Pattern[bytes]:
    """Return an expression for names of JSON, and for the first name of a form in a JSON string."""
    return re.compile(rb'"([\w\\$.%:/ -]{2,80})(?:"\s*:|=)')


@cache
def _guarded_names() -> re.Pattern[bytes]:
    """Return an expression for ambiguous names in front of a value that is long enough for a secret."""
    return re.compile(rb'"((?i:key|secret|token))\\{0,7}"\s*:\s*\\{0,7}"[^\s"]{16}')


@cache
def _later_names() -> re.Pattern[bytes]:
    """Return an expression for the names of a form behind the first."""
    return re.compile(rb"&([\w%.-]{2,64})=")


@cache
def _coded_names() -> re.Pattern[bytes]:
    """Return an expression for names of JSON that stands within a form."""
    return re.compile(rb"%22([\w.-]{2,64})(?:%5[cC])*%22(?:%20|\+)*(?:%3[aA]|:)")


@cache
def _xml_names() -> tuple[re.Pattern[bytes], ...]:
    return (
        re.compile(rb"<(?:[\w.-]{1,64}:)?([\w.-]{2,64})"),
        re.compile(rb"[\s:]([\w.-]{2,64})\s{0,4}=\s{0,4}[\"']"),
    )


@cache
def _pair_names() -> re.Pattern[bytes]:
    """Return an expression for what fields and attributes say that the value beside them is."""
    return re.compile(
        rb'\b(?i:name|key)\\{0,7}"?\s{0,4}[:=]\s{0,4}\\{0,7}"([\w.:/ -]{2,64})\\{0,7}"'
    )


_HOLDING = "secret_string"  # a secret of AWS: mostly JSON, whose fields have names


@cache
def _arguments() -> re.Pattern[bytes]:
    """Return an expression for arguments of GraphQL that are strings."""
    return re.compile(rb'\b([A-Za-z_]\w{1,63})\s{0,4}:\s{0,4}\\{0,7}"')


def named_secrets(content: Content) -> Iterator[tuple[Leaf, Secret]]:
    """Yield the secrets in the leaves of `content`, which has no parts; places are those of a leaf's value."""
    if content.kind in (Kind.EMPTY, Kind.BINARY):
        return
    if content.kind is Kind.TEXT and is_settings(content):
        for leaf in settings(content):
            if kind := _kind(leaf):
                yield from _whole(leaf, kind)
        return
    held = content.within
    if held is not None and (kind := _kind(held)) and kind != _HOLDING:
        yield from _whole(held, kind)
        return
    names = _names(content)
    may_pair = any(name.lower() in _VALUES for name in names) and _holds_pairs(content)
    may_grant = "code" in names and _GRANT in content.text
    if not may_pair and not may_grant and not any(map(_tells, names)):
        return
    if content.overflow:
        raise RedactionError(
            f"A body names secrets and cannot be redacted: {content.overflow}.",
            remedy='Nothing was written. Let the call through by a rule with mode = "live", or send less.',
        )
    leaves = list(content.leaves(numbers=may_pair or any(map(_may_be_digits, names))))
    in_grant = may_grant and any(leaf.value == _GRANT for leaf in leaves)
    paired = _paired(leaves) if may_pair else {}
    is_graphql = "graphql" in content.media_type
    for leaf in leaves:
        if leaf.quoting.is_whole or _is_exempt(leaf):
            continue
        kind = paired.get(id(leaf)) or _kind(leaf, in_grant=in_grant)
        if kind is not None:
            # What holds secrets by their own names is read further, if it can be.
            is_read = leaf.content is not None and leaf.content.kind is not Kind.FORM
            if not (is_read and kind == _HOLDING):
                yield from _whole(leaf, kind)
        elif leaf.content is None and (is_graphql or leaf.name in _DOCUMENTS):
            for argument in assignments(leaf):
                if _is_quoted(argument) and (kind := _kind(argument)):
                    yield from _whole(argument, kind)


def head_secrets(leaf: Leaf) -> Iterator[tuple[Leaf, Secret]]:
    """Yield the secrets of a header line of a part."""
    (secrets,) = secrets_in_lines([(leaf.name, _text_of_line(leaf.value))])
    for secret in secrets:
        yield leaf, secret


def _text_of_line(value: bytes) -> str:
    """Return the text of a header line with every byte in its place; what is no UTF-8 becomes `?`."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("ascii", "replace").replace("\ufffd", "?")


def _names(content: Content) -> set[str]:
    """Return every name in `content` that has a value, and that of the field or part that holds it."""
    text = content.text
    found = set(rare_findall(_quoted_names(), b'"', text))
    found.update(rare_findall(_later_names(), b"&", text))
    match content.kind:
        case Kind.FORM:
            found.update(piece.partition(b"=")[0] for piece in text.split(b"&"))
            found.update(_coded_names().findall(text))
        case Kind.XML:
            for pattern in _xml_names():
                found.update(pattern.findall(text))
    names = set(_plain(found))
    if names & _DOCUMENTS or "graphql" in content.media_type:
        names.update(_plain(_arguments().findall(text)))
    if any(map(guarded_kind, names)):
        names -= {name for name in names if guarded_kind(name) and content.kind is not Kind.FORM}
        names.update(_plain(_guarded_names().findall(text)))
    if content.within is not None:
        names.add(content.within.name)
    return names


def _plain(names: Iterable[bytes]) -> Iterator[str]:
    for name in names:
        if b"\\" in name:  # an escape of JSON, or the one in front of a quote within a string
            name = text_of(name.rstrip(b"\\")).encode("utf-8", "replace")  # noqa: PLW2901
        yield unquote_plus(name.decode("utf-8", "replace"))


@lru_cache(maxsize=2048)
def _tells(name: str) -> bool:
    """Return whether a value under this name may be a secret, by itself or with what stands beside it."""
    return field_kind(name) is not None or guarded_kind(name) is not None


@lru_cache(maxsize=2048)
def _may_be_digits(name: str) -> bool:
    """Return whether a number under this name may be a secret."""
    kind = field_kind(name)
    return kind is not None and is_secret_whatever(kind)


def _is_exempt(leaf: Leaf) -> bool:
    return any(isinstance(step, str) and step.lower() in EXEMPT for step in leaf.steps)


def _is_quoted(leaf: Leaf) -> bool:
    return leaf.holder.text[leaf.start - 1 : leaf.start] in (b'"', b"'")


def _kind(leaf: Leaf, *, in_grant: bool = False) -> str | None:
    """Return the kind of secret that the value of `leaf` is by its name, or by the field around it."""
    name = leaf.name
    value = leaf.value.decode("utf-8", "replace")
    kind = _kind_as(name, leaf)
    if kind is not None or leaf.is_number:
        return kind
    if leaf.holder.kind is Kind.FORM and guarded_kind(name) == "token" and is_secret_value(value):
        return "token"
    if in_grant and name == "code" and value:
        return "code"
    texts = [step for step in leaf.steps if isinstance(step, str)]
    if name.lower() == "value" and len(texts) > 1:  # {"client_secret": {"value": "..."}}
        return secret_kind(texts[-2], value)
    within_secret = any(field_kind(step) == "secret_string" for step in texts[:-1])
    return "secret_string" if within_secret and value else None


def _holds_pairs(content: Content) -> bool:
    """Return whether a name of a secret may stand in `content` as the value of a field beside its own."""
    if _SECURE in content.text:
        return True
    names = _pair_names().findall(content.text)
    return any(field_kind(name.decode()) is not None for name in names)


def _paired(leaves: list[Leaf]) -> dict[int, str]:
    """Return the kinds of the secrets whose name is told by a field beside them, by the identity of the leaf.

    `{"name": "DB_PASSWORD", "value": "x"}` is a variable of Docker, Kubernetes or ECS, `<add key="ApiKey"
    value="x"/>` a setting of .NET, `{"Type": "SecureString", "Value": "x"}` a parameter of AWS.
    """
    told: dict[tuple[object, ...], str] = {}
    values: list[tuple[tuple[object, ...], Leaf]] = []
    place: tuple[object, ...] = ()
    for number, leaf in enumerate(leaves):
        name = leaf.name.lower()
        if leaf.holder.kind is Kind.XML:  # attributes of one element follow each other
            place = (id(leaf.holder), number if name in _TELLING else number - 1)
        else:
            place = (id(leaf.holder), *leaf.steps[:-1])
        if name in _VALUES:
            values.append((place, leaf))
        elif name in _TELLING and field_kind(text := leaf.value.decode("utf-8", "replace")):
            told[place] = text
        elif name == "type" and leaf.value == _SECURE:
            told[place] = "secret_string"
    kinds = ((leaf, _kind_as(told[place], leaf)) for place, leaf in values if place in told)
    return {id(leaf): kind for leaf, kind in kinds if kind is not None}


def _kind_as(name: str, leaf: Leaf) -> str | None:
    """Return the kind of secret that the value of `leaf` is where it stands under `name`."""
    value = leaf.value.decode("utf-8", "replace")
    if not leaf.is_number:
        return secret_kind(name, value)
    kind = field_kind(name)
    is_pin = kind is not None and is_secret_whatever(kind) and len(value.lstrip("0")) >= _DIGITS
    return kind if is_pin and value.isdigit() else None


def _whole(leaf: Leaf, kind: str) -> Iterator[tuple[Leaf, Secret]]:
    value = leaf.value.decode("utf-8", "surrogateescape")
    if leaf.is_number:
        yield leaf, Secret(0, len(leaf.value), kind, "", b"0")
    elif value and not is_placeholder(value):
        yield leaf, Secret(0, len(leaf.value), kind, value)
