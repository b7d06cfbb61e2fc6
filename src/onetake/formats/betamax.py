"""Cassettes of betamax and of Ruby's VCR, which share one format: read, and never written.

https://betamax.readthedocs.io/en/latest/cassettes.html, https://benoittgt.github.io/vcr/ (version 6)
"""

from __future__ import annotations

from base64 import b64decode

from onetake.errors import CassetteError
from onetake.formats.moments import to_seconds
from onetake.formats.taken import Taken, take
from onetake.formats.vcr import interaction_of
from onetake.formats.vcr_text import read_tree
from onetake.messages import Interaction

_BYTES = ("ascii-8bit", "binary")  # Ruby's names for text that is none


def is_betamax(tree: object) -> bool:
    return isinstance(tree, dict) and isinstance(tree.get("http_interactions"), list)


def read(text: bytes, path: str) -> Taken:
    """Raises `CassetteError` that names `path`, and `UsageError` where it is YAML and the extra is missing."""
    return from_tree(read_tree(text, path, is_vcr=False), path)


def from_tree(tree: object, path: str) -> Taken:
    """Take the recordings of what betamax's serializer has read. Raises `CassetteError`."""
    if not isinstance(tree, dict) or not isinstance(entries := tree.get("http_interactions"), list):
        raise CassetteError(
            f"{path} is no cassette of betamax or of Ruby's VCR: it has no http_interactions.",
            remedy="Say what it is: --from vcr or --from har.",
            path=path,
        )
    return take(entries, _interaction)


def _interaction(entry: object) -> Interaction:
    fields = entry if isinstance(entry, dict) else {}
    asked, answer = fields.get("request"), fields.get("response")
    if not isinstance(asked, dict) or not isinstance(answer, dict):
        raise CassetteError("It has no request, or no response.")
    one = interaction_of(
        {
            "request": {**asked, "body": _bytes(asked.get("body"))},
            "response": {**answer, "body": {"string": _bytes(answer.get("body"))}},
        }
    )
    return one.replace(at=to_seconds(fields.get("recorded_at")))


def _bytes(body: object) -> bytes:
    match body:
        case None:
            return b""
        case str():
            return body.encode()
        case bytes():
            return body
        case {"base64_string": str(text)}:
            return b64decode(text)
        case {"string": None}:
            return b""
        case {"string": bytes(data)}:
            return data
        case {"string": str(text), "encoding": encoding}:
            return _encoded(text, encoding)
        case {"string": str(text)}:
            return text.encode()
        case dict() if not body:
            return b""
    raise CassetteError("Its body is of no known kind.")


def _encoded(text: str, encoding: object) -> bytes:
    """Return the bytes of a body as they were before betamax made a text of them."""
    name = str(encoding or "utf-8").lower()
    if name in _BYTES:
        name = "latin-1"
    try:
        return text.encode(name)
    except (LookupError, UnicodeError):
        return text.encode()
