"""Requests and responses to the text of a cassette and back, through one of the serializers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from onetake.errors import CassetteError
from onetake.formats.vcr import VERSION, entries_of
from onetake_vcr.conversion import entry_of
from vcr.errors import UnreadableCassetteError
from vcr.request import Request
from vcr.serializers.compat import convert_to_bytes, convert_to_unicode

CASSETTE_FORMAT_VERSION = VERSION


class Serializer(Protocol):
    """A module or object that turns a tree with `interactions` into text and back."""

    def serialize(self, cassette_dict: Any, /) -> str: ...

    def deserialize(self, cassette_string: str, /) -> Any: ...


def deserialize(cassette_string: str, serializer: Serializer) -> tuple[Any, ...]:
    """The requests and the responses, and the metadata as a third where there are any.

    ValueError (`UnreadableCassetteError`) for what is no cassette of this format.
    """
    with _told():
        tree = serializer.deserialize(cassette_string)
        if _is_ancient(tree):
            raise UnreadableCassetteError(
                "The cassette was written by vcrpy before 1.0.",
                remedy="Delete it to record anew, or run the migration script: "
                "python -m vcr.migration PATH",
            )
        entries: list[Any] = entries_of(tree, "The cassette")
        requests = [Request._from_dict(entry["request"]) for entry in entries]
        responses = [convert_to_bytes(entry["response"]) for entry in entries]
    metadata = tree.get("metadata") if isinstance(tree, dict) else None
    return (requests, responses, metadata) if metadata else (requests, responses)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except UnreadableCassetteError:
        raise
    except CassetteError as error:
        raise UnreadableCassetteError(
            f"There was a problem loading the cassette: {error.message}",
            remedy=error.remedy or "Restore it from version control, or delete it to record anew.",
        ) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise UnreadableCassetteError(
            f"There was a problem loading the cassette: an interaction lacks what it needs ({error!r}).",
            remedy="Correct it by hand, or restore it from version control.",
        ) from error


def serialize(cassette_dict: Mapping[str, Any], serializer: Serializer) -> str:
    """The text of `requests` and `responses`, which stay as they are, and of `metadata`."""
    pairs = zip(cassette_dict["requests"], cassette_dict["responses"], strict=False)
    tree: dict[str, Any] = {
        "version": CASSETTE_FORMAT_VERSION,
        "interactions": [
            {
                "request": convert_to_unicode(entry_of(request)),
                "response": convert_to_unicode(response),
            }
            for request, response in pairs
        ],
    }
    if metadata := cassette_dict.get("metadata"):
        tree["metadata"] = metadata
    return serializer.serialize(tree)


def _is_ancient(tree: Any) -> bool:
    return bool(isinstance(tree, list) and tree and "request" in tree[0])
