"""Texts that are no cassette of ours: what they are instead, in a sentence that says what to do."""

from __future__ import annotations

import re
import zlib

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from onetake.errors import CassetteError
from onetake.wire.late import late_pattern

RESTORE = "Restore it from version control, or delete it to record anew."

_CONFLICT = late_pattern(rb"^(?:<{7}|\|{7}|>{7})(?: |\r?$)", re.MULTILINE)
_VCR_YAML = late_pattern(rb"^(?:interactions|version)[ \t]*:", re.MULTILINE)
_AT_BYTE = late_pattern(r"^(.*?) \(byte (\d+)\)$")


_HAR = late_pattern(rb'\A\s*\{\s*"log"\s*:\s*\{')
_LISTS = late_pattern(rb"^[\"']?(http_)?interactions[\"']?[ \t]*:", re.MULTILINE)
_LISTS_JSON = late_pattern(
    rb'\A\s*\{(?:\s*"(?:version|metadata|recorded_with)"\s*:\s*(?:\d+|"[^"]*"|\{[^{}]*\})\s*,)*'
    rb'\s*"(http_)?interactions"\s*:'
)
GZIP = b"\x1f\x8b"
_HEAD_SIZE = 1 << 16


class _Marks(Struct):
    """What tells one format from another."""

    onetake: Raw | UnsetType = UNSET
    version: Raw | UnsetType = UNSET
    interactions: Raw | UnsetType = UNSET


def refusal(text: bytes, path: str, reason: str, version: int) -> CassetteError:
    """The error for a text that could not be read as a document of format `version`.

    `reason` is what the JSON reader said.
    """
    if (found := conflict(text, path)) is not None:
        return found
    try:
        marks = msgspec.json.decode(text.removeprefix(b"\xef\xbb\xbf"), type=_Marks)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        if is_vcr(text):
            return _not_here(path)
        return CassetteError(
            f"{path} is not a whole cassette: {_position(text, reason)}.",
            remedy=RESTORE,
            path=path,
        )
    if marks.onetake is UNSET:
        if marks.interactions is not UNSET:
            return _not_here(path)
        return CassetteError(
            f'{path} is no cassette: it has no format version ("onetake": {version}).',
            remedy=RESTORE,
            path=path,
        )
    written = bytes(marks.onetake)
    if written.isdigit() and int(written[:9]) > version:
        return CassetteError(
            f"{path} was written by a newer onetake: its format is {written[:9].decode()}, "
            f"this version reads {version}.",
            remedy="Upgrade onetake.",
            path=path,
        )
    return CassetteError(f"{path} cannot be read: {reason}.", remedy=RESTORE, path=path)


def looks_like(text: bytes) -> str:
    """The program that made recordings of another format, "" for other texts. Raises nothing."""
    if text.startswith(GZIP):
        try:
            text = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(text, _HEAD_SIZE)
        except zlib.error:
            return ""
    text = text.removeprefix(b"\xef\xbb\xbf")
    if _HAR.match(text):
        return "HAR"
    pattern = _LISTS_JSON if text.lstrip()[:1] == b"{" else _LISTS
    if (found := pattern.search(text)) is None:
        return ""
    return "betamax" if found[1] else "vcrpy"


def conflict(text: bytes, path: str) -> CassetteError | None:
    """The error for a text with git's conflict markers; None for any other."""
    if not (found := _CONFLICT.search(text)):
        return None
    return CassetteError(
        f"{path} holds git conflict markers (line {_line(text, found.start())}).",
        remedy="Resolve the conflict: keep one side, or both sides' interactions.",
        path=path,
    )


def is_vcr(text: bytes) -> bool:
    """Whether it is, or begins as, a cassette of vcrpy: in JSON, in YAML, packed or not."""
    start = text.lstrip()[:1]
    if start == b"{":
        try:
            marks = msgspec.json.decode(text, type=_Marks)
        except (msgspec.MsgspecError, RecursionError, ValueError):
            return False
        return marks.onetake is UNSET and marks.interactions is not UNSET
    return _VCR_YAML.search(text) is not None


def _not_here(path: str) -> CassetteError:
    return CassetteError(
        f"{path} is a cassette of vcrpy, which is read only where it lies as a file.",
        remedy="Put it into a folder of cassettes, or delete it to record anew.",
        path=path,
    )


def _position(text: bytes, reason: str) -> str:
    if not text.strip():
        return "it is empty"
    if found := _AT_BYTE.match(reason):
        at = int(found[2])
        column = at - (text.rfind(b"\n", 0, at) + 1) + 1
        return f"{found[1]} at line {_line(text, at)}, column {column}"
    if "truncated" in reason:
        return f"it breaks off at its end, line {_line(text, len(text))}"
    return reason


def _line(text: bytes, at: int) -> int:
    return text.count(b"\n", 0, at) + 1
