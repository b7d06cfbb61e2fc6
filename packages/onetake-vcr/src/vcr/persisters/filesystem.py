"""Cassettes in files: UTF-8, put in place whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from onetake.formats.foreign import conflict
from onetake.stores.placing import put_in_place
from vcr.errors import UnreadableCassetteError
from vcr.serialize import Serializer, deserialize, serialize

_Save = TypeVar("_Save", bound=Callable[..., None])


class CassetteNotFoundError(FileNotFoundError):
    """There is no such cassette, or it is empty."""


class CassetteDecodeError(ValueError):
    """The bytes of a cassette are no text."""


def writes_files(save: _Save) -> _Save:
    """Mark the `save_cassette` of a persister that puts all that it is given into a file, or raises."""
    save.writes_files = True  # type: ignore[attr-defined]
    return save


class FilesystemPersister:
    """Any object or class with these two methods can stand in its place."""

    @classmethod
    def load_cassette(
        cls, cassette_path: str | PathLike[str], serializer: Serializer
    ) -> tuple[Any, ...]:
        """What `deserialize` gives. Raises `CassetteNotFoundError`, `CassetteDecodeError`, ValueError."""
        content = _bytes_of(cassette_path)
        with _named(cassette_path, content):
            return deserialize(_text_of(content, cassette_path), serializer)

    @staticmethod
    @writes_files
    def save_cassette(
        cassette_path: str | PathLike[str], cassette_dict: dict[str, Any], serializer: Serializer
    ) -> None:
        """Folders are made. Raises OSError, and what the serializer raises; then the old file stays."""
        text = serialize(cassette_dict, serializer)
        put_in_place(Path(cassette_path), text.encode())


@contextmanager
def _named(path: str | PathLike[str], content: bytes) -> Iterator[None]:
    """What cannot be read is told with its file, and what is in the way there."""
    try:
        yield
    except UnreadableCassetteError as error:
        found = conflict(content, str(path)) or error
        message = found.message if found is not error else f"{path}: {error.message}"
        raise UnreadableCassetteError(message, remedy=found.remedy, path=str(path)) from error


def _bytes_of(path: str | PathLike[str]) -> bytes:
    """Raises `CassetteNotFoundError`."""
    try:
        return Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise CassetteNotFoundError(f"There is no cassette {path}.") from error


def _text_of(content: bytes, path: str | PathLike[str]) -> str:
    """Raises `CassetteNotFoundError` where there is none, and `CassetteDecodeError`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CassetteDecodeError(
            f"The cassette {path} is no UTF-8 at byte {error.start}."
        ) from error
    if not text.strip():
        raise CassetteNotFoundError(f"The cassette {path} is empty.")
    return text
