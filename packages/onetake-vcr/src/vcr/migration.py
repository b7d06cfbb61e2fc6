"""Cassettes of vcrpy before 1.0, a list without a version, to format 1.

`python -m vcr.migration PATH`, a file or a folder with all below it. A file is replaced whole
once it has been read whole; what is no such cassette is left alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from onetake.errors import OnetakeError, printable
from onetake.runtime.secrets import safe_text
from onetake.stores.placing import put_in_place
from vcr.request import Request
from vcr.serialize import Serializer, serialize
from vcr.serializers import jsonserializer, yamlserializer

_DEFAULT_PORTS = {"http": 80, "https": 443}


def _mapping(loader: Any, node: Any) -> Any:
    return loader.construct_mapping(node, deep=True)


def _first_argument(loader: Any, node: Any) -> Any:
    arguments = loader.construct_sequence(node, deep=True)
    return arguments[0] if arguments else []


_PYTHON = "tag:yaml.org,2002:python/object"
_ancient_yaml = yamlserializer.with_custom_tags(
    {
        f"{_PYTHON}:vcr.request.Request": _mapping,
        f"{_PYTHON}/apply:__builtin__.frozenset": _first_argument,
        f"{_PYTHON}/apply:builtins.frozenset": _first_argument,
    }
)
_SERIALIZERS: dict[str, tuple[Callable[[str], Any], Serializer]] = {
    ".json": (jsonserializer.deserialize, jsonserializer),
    ".yaml": (_ancient_yaml.deserialize, yamlserializer),
    ".yml": (_ancient_yaml.deserialize, yamlserializer),
}


def try_migrate(path: str | os.PathLike[str]) -> bool:
    """Whether the file was one to migrate, and now is of format 1. Raises OSError."""
    file = Path(path)
    if file.suffix not in _SERIALIZERS:
        return False
    read, serializer = _SERIALIZERS[file.suffix]
    try:
        entries = read(file.read_bytes().decode())
        requests = [_request(entry["request"]) for entry in entries]
        responses = [_response(entry["response"]) for entry in entries]
        text = serialize({"requests": requests, "responses": responses}, serializer)
    except (OnetakeError, ValueError, LookupError, TypeError, AttributeError):
        return False
    put_in_place(file, text.encode())
    return True


def _request(old: dict[str, Any]) -> Request:
    scheme, port = old["protocol"], old["port"]
    authority = old["host"] if port == _DEFAULT_PORTS[scheme] else f"{old['host']}:{port}"
    uri = f"{scheme}://{authority}{old['path']}"
    return Request(old["method"], uri, old["body"], dict(old["headers"]))


def _response(old: dict[str, Any]) -> dict[str, Any]:
    headers: dict[str, list[str]] = {}
    for line in old["headers"]:
        name, _, value = line.partition(":")
        headers.setdefault(name, []).append(value.strip())
    return {**old, "headers": headers}


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit("Give one file or folder: python -m vcr.migration PATH")
    for file in _files(Path(sys.argv[1])):
        try:
            outcome = "migrated" if try_migrate(file) else "left alone"
        except OSError as error:
            outcome = f"failed ({error.strerror})"
        print(printable(safe_text(f"{outcome}: {file}")), file=sys.stderr)


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    yield from sorted(file for file in path.rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
