"""The cassette as a text for review in git, and the journal's lines.

    {
      "onetake": 1,
      "interactions": [
        {
          "request": {...},
          "response": {...},
          "recorded": {"at": 1753228800, "ms": 412}
        }
      ]
    }

One idea: an entry's text is never made twice. `parse` finds where each entry begins and ends and decodes
nothing more; `join` puts the same texts together again, so a diff shows what is new and nothing else. A
request is decoded when its key is wanted, an answer when it is replayed.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from onetake.formats.bodies import to_stored
from onetake.formats.entries import BROKEN, Blobs, Entry, from_interaction, recorded_of, sound
from onetake.formats.foreign import refusal
from onetake.formats.stored import Outcome, Stored
from onetake.formats.volatile import same_but_volatile
from onetake.messages import Interaction
from onetake.wire.late import late_decoder

__all__ = [
    "VERSION",
    "Document",
    "Outcome",
    "Stored",
    "encode_entry",
    "encode_inline",
    "encode_interaction",
    "join",
    "parse",
    "same_but_volatile",
]

VERSION = 1


class _Document(Struct):
    onetake: int
    interactions: list[Raw]
    name: str | None = None
    origin: str = ""


_documents = late_decoder(_Document)
_encode = msgspec.json.Encoder().encode


class Document(Struct, frozen=True):
    """A cassette file: `name` is the test's own name where the file's is a safe form of it.

    `origin` names another program whose recordings it began with, which say nothing of credentials.
    """

    name: str | None
    entries: list[Stored]
    origin: str = ""


def parse(text: bytes, path: str, blob: Blobs) -> Document:
    """The entries of a document, not decoded yet. Raises `CassetteError` that names `path`.

    `blob` gives the bytes of a blob by its name, when an entry that needs it is decoded.
    """
    try:
        found = _documents.decode(text.removeprefix(b"\xef\xbb\xbf"))
    except BROKEN as error:
        raise refusal(text, path, str(error), VERSION) from error
    if found.onetake != VERSION:
        raise refusal(text, path, "its format version is not known", VERSION)
    entries = [Stored(raw, (path, at), blob) for at, raw in enumerate(found.interactions)]
    return Document(found.name, entries, found.origin)


def join(entries: Sequence[bytes], name: str | None, origin: str = "") -> bytes:
    """The whole document of entry texts, each taken over as it is."""
    lines = [b'{\n  "onetake": %d,\n' % VERSION]
    if name is not None:
        lines.append(b'  "name": %b,\n' % _encode(sound(name)))
    if origin:
        lines.append(b'  "origin": %b,\n' % _encode(sound(origin)))
    if entries:
        lines += [b'  "interactions": [\n    ', b",\n    ".join(entries), b"\n  ]\n}\n"]
    else:
        lines.append(b'  "interactions": []\n}\n')
    return b"".join(lines)


def encode_interaction(interaction: Interaction, blobs: dict[str, bytes]) -> bytes:
    """The text of one entry, as `join` takes it. Large binaries are added to `blobs` by name."""
    entry = _with_blobs(interaction, blobs)
    text = msgspec.json.format(_encode(entry), indent=2).removesuffix(b"\n}")
    one_line = msgspec.json.format(_encode(recorded_of(interaction)), indent=0)
    return (text + b',\n  "recorded": ' + one_line + b"\n}").replace(b"\n", b"\n    ")


def encode_entry(interaction: Interaction, blobs: dict[str, bytes]) -> bytes:
    """Write an interaction as one compact line, for stores that nobody reads."""
    entry = _with_blobs(interaction, blobs)
    entry.recorded = recorded_of(interaction)
    return _encode(entry)


def encode_inline(interaction: Interaction) -> bytes:
    """Write an interaction with its bodies in the form that is made soonest: for copies on this machine."""
    entry = from_interaction(interaction)
    entry.recorded = recorded_of(interaction)
    return _encode(entry)


def _with_blobs(interaction: Interaction, blobs: dict[str, bytes]) -> Entry:
    return from_interaction(
        interaction, lambda data, headers: to_stored(data, headers.get("content-type"), blobs)
    )
