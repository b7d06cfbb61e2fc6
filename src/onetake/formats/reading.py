"""What lies in a file, whichever program wrote it: one place that knows every format that is read.

A format is a line in `_FORMATS`: its name, how its bytes are told from others', and its reader, which gives
the recordings in order. What none of them recognises is text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from msgspec import Struct

from onetake.errors import CassetteError
from onetake.formats.document import Stored, parse
from onetake.formats.foreign import looks_like
from onetake.formats.lines import decode_plain, encode_plain
from onetake.formats.taken import Taken
from onetake.messages import Interaction

Blob = Callable[[str], bytes]
"""The bytes of a blob by its name."""

NATIVE = "onetake"
JOURNAL = "journal"
VCR = "vcrpy"

_NATIVE = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"onetake"\s*:')
_HEAD = b'{"journal":'


class Entry(Struct, frozen=True):
    """One recording of a file: its `text` there, and what reads it (raises `CassetteError`).

    `text` is b"" where a format has none for a single recording. One `is_torn` that a killed process began
    to write: that it cannot be read says nothing.
    """

    read: Callable[[], Interaction]
    text: bytes = b""
    is_torn: bool = False


class _Format(Struct, frozen=True):
    name: str
    fits: Callable[[bytes, str], bool]
    read: Callable[[bytes, str, Blob], list[Entry]]


def recognised(data: bytes, path: str) -> str:
    """The name of the format of `data`, which lies in the file `path`; "" for mere text."""
    return next((one.name for one in _FORMATS if one.fits(data, path)), "")


def read_entries(data: bytes, path: str, blob: Blob) -> list[Entry]:
    """The recordings of a file whose format is recognised. Raises `CassetteError` that names `path`."""
    return next(one.read(data, path, blob) for one in _FORMATS if one.fits(data, path))


def entry_of(stored: Stored) -> Entry:
    """A recording of a cassette. Raises `CassetteError` where its text cannot be had."""
    return Entry(lambda: stored.interaction, stored.raw)


def _native(data: bytes, path: str, blob: Blob) -> list[Entry]:
    return [entry_of(stored) for stored in parse(data, path, blob).entries]


def _journal(data: bytes, _path: str, _blob: Blob) -> list[Entry]:
    *whole, last = data.split(b"\n")[1:] or [b""]
    entries = [Entry(partial(_in_line, line), line) for line in whole if line]
    return [*entries, Entry(partial(_in_line, last), last, is_torn=True)] if last else entries


def _in_line(line: bytes) -> Interaction:
    return decode_plain(line)[1]


def journal_anew(
    data: bytes,
    anew: Callable[[list[Entry]], dict[int, Interaction]],
    text: Callable[[bytes], bytes],
) -> bytes:
    """A journal with others in the place of its recordings; lines that cannot be read become their `text`.

    A torn last one goes.
    """
    entries = _journal(data, "", _no_blob)
    changed = anew(entries)
    head = data.partition(b"\n")[0]
    lines: list[bytes] = []
    for at, entry in enumerate(entries):
        try:
            seq, _ = decode_plain(entry.text)
        except CassetteError:
            lines += [] if entry.is_torn else [text(entry.text)]
        else:
            lines.append(encode_plain(changed[at], seq) if at in changed else entry.text)
    return b"\n".join((head, *lines, b""))


def _no_blob(name: str) -> bytes:
    raise CassetteError(f"A line of a journal refers to the blob {name}.")


def _vcr(data: bytes, path: str, _blob: Blob) -> list[Entry]:
    from onetake.formats import vcr, vcr_text  # late, as the rest: most projects have none

    entries = vcr.entries_of(vcr_text.read_tree(data, path), path)
    return [
        Entry(partial(vcr.numbered, one, number, path)) for number, one in enumerate(entries, 1)
    ]


def _har(data: bytes, path: str, _blob: Blob) -> list[Entry]:
    from onetake.formats import har

    return _taken(har.read(data, path), path)


def _betamax(data: bytes, path: str, _blob: Blob) -> list[Entry]:
    from onetake.formats import betamax

    return _taken(betamax.read(data, path), path)


def _taken(taken: Taken, path: str) -> list[Entry]:
    """What could not be read comes last."""

    def refused(number: int, reason: str) -> Interaction:
        raise CassetteError(f"Entry {number} of {path} cannot be read: {reason}", path=path)

    whole = [Entry(partial(_given, one)) for one in taken.interactions]
    return whole + [Entry(partial(refused, *one)) for one in taken.left]


def _given(interaction: Interaction) -> Interaction:
    return interaction


_FORMATS = (
    _Format(NATIVE, lambda data, _: _NATIVE.match(data) is not None, _native),
    _Format(JOURNAL, lambda data, _: data.startswith(_HEAD), _journal),
    _Format(VCR, lambda data, _: looks_like(data) == VCR, _vcr),
    _Format("HAR", lambda data, _: looks_like(data) == "HAR", _har),
    _Format("betamax", lambda data, _: looks_like(data) == "betamax", _betamax),
)
