"""Large bytes by the name of their content, also those that lie as base64 inside JSON."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from hashlib import sha256

from onetake.errors import CassetteError
from onetake.wire.late import late_pattern

BLOB_THRESHOLD = 16 * 1024

_NAME = late_pattern(r"sha256-[0-9a-f]{64}")
_NAMES = late_pattern(_NAME.pattern.encode())
_DATA_URL = late_pattern(r"data:[^,]{0,200};base64,")


def blob_name(data: bytes) -> str:
    """`sha256-` and 64 hex digits."""
    return f"sha256-{sha256(data).hexdigest()}"


def blobs_named(text: bytes) -> list[str]:
    """The names of blobs in the text of a recording, each as often as it stands there."""
    return [name.decode() for name in _NAMES.findall(text)]


def fetch(name: object, blob: Callable[[str], bytes]) -> bytes:
    """The blob of that name. Raises `CassetteError` where it is no name of a blob."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CassetteError("A stored body refers to a blob by what is no blob's name.")
    return blob(name)


def take_out(structure: object, blobs: dict[str, bytes]) -> tuple[object, list[dict[str, str]]]:
    """Move large base64 strings into `blobs`: the structure with names for them, and where they were.

    The structure is changed in place. A place is `{"at": <JSON pointer>}` with the `prefix` of a data: URL.
    """
    places: list[dict[str, str]] = []
    root: list[object] = [structure]
    waiting: list[tuple[list[object] | dict[str, object], str]] = [(root, "")]
    while waiting:
        holder, path = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            value = holder[key]  # type: ignore[index]
            at = "" if holder is root else f"{path}/{_escaped(str(key))}"
            if isinstance(value, dict | list):
                waiting.append((value, at))
            elif isinstance(value, str) and len(value) >= BLOB_THRESHOLD:
                found = _payload(value)
                if found is not None:
                    prefix, data = found
                    name = blob_name(data)
                    blobs[name] = data
                    holder[key] = name  # type: ignore[index]
                    places.append({"at": at, "prefix": prefix} if prefix else {"at": at})
    return root[0], sorted(places, key=lambda place: place["at"])


def put_back(structure: object, places: object, blob: Callable[[str], bytes]) -> object:
    """The structure with its payloads; the one given stays as it is. Raises `CassetteError`."""
    if not isinstance(places, list):
        raise CassetteError("The blobs of a stored JSON body are not a list.")
    root: list[object] = [structure]
    copied: dict[int, object] = {id(root): root}  # by id, and kept alive by it
    for place in places:
        match place:
            case {"at": str(at)} if not at or at.startswith("/"):
                prefix = place.get("prefix", "")
            case _:
                raise CassetteError("A blob of a stored JSON body has no place.")
        holder: object = root
        key: object = 0
        for step in at.split("/")[1:]:
            holder = _own(holder, key, copied)
            key = _key(holder, step)
        name = holder[key]  # type: ignore[index]
        if not isinstance(prefix, str):
            raise CassetteError("The prefix of a blob in a stored JSON body is not text.")
        if not (isinstance(name, str) and _NAME.fullmatch(name)):
            continue  # the value was edited by hand: it is what is wanted
        payload = prefix + b64encode(fetch(name, blob)).decode()
        holder[key] = payload  # type: ignore[index]
    return root[0]


def _own(holder: object, key: object, copied: dict[int, object]) -> object:
    """The container at `key`, copied once before it is changed."""
    value: object = holder[key]  # type: ignore[index]
    if id(value) in copied:
        return value
    if not isinstance(value, dict | list):
        raise CassetteError("A blob of a stored JSON body has a place that is not there.")
    own = value.copy()
    copied[id(own)] = own
    holder[key] = own  # type: ignore[index]
    return own


def _key(holder: object, step: str) -> object:
    name = step.replace("~1", "/").replace("~0", "~")
    if isinstance(holder, dict) and name in holder:
        return name
    if isinstance(holder, list) and re.fullmatch(r"[0-9]{1,9}", name) and int(name) < len(holder):
        return int(name)
    raise CassetteError("A blob of a stored JSON body has a place that is not there.")


def _payload(value: str) -> tuple[str, bytes] | None:
    prefix = found[0] if (found := _DATA_URL.match(value)) else ""
    text = value[len(prefix) :]
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return None
    return (prefix, data) if b64encode(data).decode() == text else None


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
