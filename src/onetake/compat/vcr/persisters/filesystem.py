"""Cassettes in files: UTF-8, put in place whole or not at all."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from onetake.compat.vcr.serialize import Serializer, deserialize, serialize
from onetake.stores.placing import put_in_place


class CassetteNotFoundError(FileNotFoundError):
    """There is no such cassette, or it is empty."""


class CassetteDecodeError(ValueError):
    """The bytes of a cassette are no text."""


class FilesystemPersister:
    """Any object or class with these two methods can stand in its place."""

    @classmethod
    def load_cassette(
        cls, cassette_path: str | PathLike[str], serializer: Serializer
    ) -> tuple[Any, ...]:
        """What `deserialize` gives. Raises `CassetteNotFoundError`, `CassetteDecodeError`, ValueError."""
        try:
            text = Path(cassette_path).read_bytes().decode("utf-8-sig")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise CassetteNotFoundError(f"There is no cassette {cassette_path}.") from error
        except UnicodeDecodeError as error:
            text = f"The cassette {cassette_path} is no UTF-8 at byte {error.start}."
            raise CassetteDecodeError(text) from error
        if not text.strip():
            raise CassetteNotFoundError(f"The cassette {cassette_path} is empty.")
        return deserialize(text, serializer)

    @staticmethod
    def save_cassette(
        cassette_path: str | PathLike[str], cassette_dict: dict[str, Any], serializer: Serializer
    ) -> None:
        """Folders are made. Raises OSError, and what the serializer raises; then the old file stays."""
        text = serialize(cassette_dict, serializer)
        put_in_place(Path(cassette_path), text.encode())
