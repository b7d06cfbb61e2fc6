"""The tree of a cassette as YAML. It builds plain values only, whatever the file asks for."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any, Protocol

from onetake.errors import CassetteError
from onetake.formats import yaml_text


class Readable(Protocol):
    """An open file."""

    def read(self) -> str | bytes: ...


Text = str | bytes | bytearray | Readable


class _Serializer:
    def __init__(self, constructors: Mapping[str, yaml_text.Constructor]) -> None:
        self._constructors = dict(constructors)

    def deserialize(self, cassette_string: Text) -> Any:
        return yaml_text.load(_text(cassette_string), self._constructors)

    def serialize(self, cassette_dict: Any) -> str:
        return yaml_text.dump(cassette_dict, self._constructors)


def with_custom_tags(constructors: Mapping[str, yaml_text.Constructor]) -> _Serializer:
    """A serializer that reads and writes objects of those tags too: each with the function (of PyYAML's loader
    and node) that makes one."""
    return _Serializer(constructors)


_plain = _Serializer({})


def deserialize(cassette_string: Text) -> Any:
    """Read a cassette's text, its bytes (UTF-8, or UTF-16 with a mark) or an open file, as PyYAML does.

    Raises `CassetteError` for what is no YAML or asks for an object, `UsageError` without PyYAML."""
    return _plain.deserialize(cassette_string)


def serialize(cassette_dict: Any) -> str:
    """Raises `UsageError` for an object that could not be read again, and without PyYAML."""
    return _plain.serialize(cassette_dict)


def _text(given: Text) -> str:
    """Raises `CassetteError` for bytes that are no text."""
    content = given if isinstance(given, str | bytes | bytearray) else given.read()
    if isinstance(content, str):
        return content
    is_utf16 = content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    try:
        return content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise CassetteError(f"The cassette is no text at byte {error.start}.") from error
