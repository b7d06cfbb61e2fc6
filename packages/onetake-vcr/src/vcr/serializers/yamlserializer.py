"""The tree of a cassette as YAML. It builds plain values only, whatever the file asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onetake.formats import yaml_text


class _Serializer:
    def __init__(self, constructors: Mapping[str, yaml_text.Constructor]) -> None:
        self._constructors = dict(constructors)

    def deserialize(self, cassette_string: str) -> Any:
        return yaml_text.load(cassette_string, self._constructors)

    def serialize(self, cassette_dict: Any) -> str:
        return yaml_text.dump(cassette_dict, self._constructors)


def with_custom_tags(constructors: Mapping[str, yaml_text.Constructor]) -> _Serializer:
    """A serializer that reads and writes objects of those tags too: each with the function (of PyYAML's loader
    and node) that makes one."""
    return _Serializer(constructors)


_plain = _Serializer({})


def deserialize(cassette_string: str) -> Any:
    """Raises `CassetteError` for what is no YAML or asks for an object, `UsageError` without PyYAML."""
    return _plain.deserialize(cassette_string)


def serialize(cassette_dict: Any) -> str:
    """Raises `UsageError` for an object that could not be read again, and without PyYAML."""
    return _plain.serialize(cassette_dict)
