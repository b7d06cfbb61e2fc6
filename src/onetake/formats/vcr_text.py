"""The text of a vcrpy cassette: YAML or JSON, packed with gzip or not, to its tree and back."""

from __future__ import annotations

import json
import re
import zlib

from onetake.errors import CassetteError, UsageError
from onetake.formats import yaml_text
from onetake.formats.foreign import GZIP, RESTORE, conflict
from onetake.formats.vcr import Tree, from_tree
from onetake.messages import Interaction

_MOST = 256 << 20  # bytes, unpacked
_ALWAYS, _MOST_TIMES = 4 << 20, 200  # bytes that may be more than so many times what is packed
_BOM = "\ufeff"
_JSON = re.compile(
    r'\s*(?:\{\s*"|\[\s*[\[{"])'
)  # YAML in one line begins otherwise, as it is written


def read(text: bytes, path: str) -> tuple[Interaction, ...]:
    """The interactions of a cassette file. Raises `CassetteError` that names `path`, and `UsageError` where
    it is YAML and the extra is missing."""
    return from_tree(read_tree(text, path), path)


def read_tree(text: bytes, path: str, *, is_vcr: bool = True) -> object:
    """What vcrpy's serializer gives for the text of a cassette; None for an empty one.

    `path` tells nothing but where it lies: JSON, YAML and gzip are known by their bytes. Raises as `read`.
    Where `is_vcr` is not so, it is of another program that writes the same way.
    """
    plain = unpacked(text, path)
    try:
        written = plain.decode().removeprefix(_BOM)
    except UnicodeDecodeError as error:
        raise CassetteError(
            f"{path} is no UTF-8 at byte {error.start}.", remedy=RESTORE, path=path
        ) from None
    if not written.strip():
        return None
    try:
        tree = _parsed(written)
    except UsageError as error:
        raise UsageError(f"{path} cannot be read: {error.message}", remedy=error.remedy) from None
    except CassetteError as error:
        raise conflict(plain, path) or CassetteError(
            f"{path} is not a whole cassette{' of vcrpy' if is_vcr else ''}: {error.message}",
            remedy=error.remedy or RESTORE,
            path=path,
        ) from error
    may_be_torn = is_vcr and not written.endswith("\n") and not _JSON.match(written)
    if may_be_torn and isinstance(tree, dict) and "version" not in tree:
        # vcrpy ends its files with the version and a line end: this one ends before.
        raise CassetteError(
            f"{path} is not a whole cassette of vcrpy: it breaks off at its end.",
            remedy=RESTORE,
            path=path,
        )
    return tree


def _parsed(text: str) -> object:
    if _JSON.match(text):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CassetteError(f"{error}.") from error
    return yaml_text.load(text)


def unpacked(text: bytes, path: str) -> bytes:
    """`text`, without gzip. Raises `CassetteError` for what is broken, or a bomb."""
    if not text.startswith(GZIP):
        return text
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    limit = min(_MOST, max(_ALWAYS, _MOST_TIMES * len(text)))
    try:
        plain = inflater.decompress(text, limit + 1)
    except zlib.error as error:
        raise CassetteError(f"{path} is broken: {error}.", remedy=RESTORE, path=path) from error
    if len(plain) > limit:
        raise CassetteError(
            f"{path} has more than {limit} bytes when unpacked.",
            remedy="Unpack it by hand, if it is to be trusted.",
            path=path,
        )
    if not inflater.eof:
        raise CassetteError(f"{path} breaks off.", remedy=RESTORE, path=path)
    return plain


def to_yaml(tree: Tree) -> bytes:
    """The text that vcrpy's serializer `yaml` gives for `tree`. Raises `UsageError` without the extra."""
    return yaml_text.dump(tree).encode()


def to_json(tree: Tree) -> bytes:
    """The text that vcrpy's serializer `json` gives for `tree`. Raises `UsageError` for bytes that are no text,
    which it cannot hold."""
    try:
        return (json.dumps(tree, indent=4) + "\n").encode()
    except TypeError as error:
        raise UsageError(
            "vcrpy's JSON cannot hold a body that is no text.",
            remedy="Name the cassette .yaml.",
        ) from error
