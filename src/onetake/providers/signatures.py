"""Signed URLs: what of their query is new with each signature, though the request is the same.

Sources: AWS Signature Version 4 and 2 for queries, Google Cloud Storage V4 and V2 signing, Azure shared
access signatures, signed URLs of Amazon CloudFront.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import unquote_plus

from msgspec import Struct


class Signature(Struct, frozen=True):
    """A query is so signed if it has every one of `marks`; then `changing` say nothing about it."""

    marks: frozenset[str]
    changing: frozenset[str]


def _signature(marks: str, changing: str) -> Signature:
    return Signature(frozenset(marks.split()), frozenset(f"{marks} {changing}".split()))


SIGNATURES = (
    _signature("x-amz-signature x-amz-credential", "x-amz-date x-amz-security-token"),
    _signature("signature awsaccesskeyid", "expires x-amz-security-token"),
    _signature("x-goog-signature x-goog-credential", "x-goog-date"),
    _signature("signature googleaccessid", "expires"),
    _signature("signature ossaccesskeyid", "expires security-token"),
    _signature("signature key-pair-id", "expires policy"),
    Signature(frozenset({"sig", "sv", "se"}), frozenset({"sig", "se", "st", "ske", "skt"})),
)
"""Names of parameters in lower case. Who signed is the principal's to say."""


@lru_cache(maxsize=512)
def unsigned(query: str) -> str:
    """`query` without what its signature put there; as it is where it has none."""
    if "ig" not in query and "IG" not in query:  # of Signature, sig
        return query
    pieces = [(unquote_plus(piece.partition("=")[0]).lower(), piece) for piece in query.split("&")]
    names = {name for name, _ in pieces}
    for signature in SIGNATURES:
        if signature.marks <= names:
            return "&".join(piece for name, piece in pieces if name not in signature.changing)
    return query
