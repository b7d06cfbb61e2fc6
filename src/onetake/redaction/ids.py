"""Secrets in the names of tests: a parameter that is a key gets into ids, and so into names of files.

The same test must find its recordings again, and two tests must not share them, so numbers will not do.
A value of the environment becomes the name of its variable, whatever it holds elsewhere. What has a shape
becomes its kind and 32 bits of a digest, which say nothing of a random key; a password might be guessed by
them, and gets none.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

from onetake.redaction.placeholders import url_placeholder
from onetake.redaction.shapes import find
from onetake.redaction.spelled import filling, sightings
from onetake.wire.edits import Edit, apply

_GUESSABLE = frozenset({"userinfo"})


def without_secrets_in_id(test_id: str, variables: Mapping[str, str]) -> str:
    """`test_id` as it may be written: the same for equal ids, with the parameters behind `[` redacted.

    `variables` has the secret values of the environment and in which variable each is.
    """
    test, bracket, parameters = test_id.partition("[")
    if not bracket:
        return test_id
    data = parameters.encode("utf-8", "surrogatepass")
    data = apply(data, _by_value(data, variables))
    data = apply(data, _by_shape(data))
    return test + bracket + data.decode("utf-8", "surrogatepass")


def _by_value(data: bytes, variables: Mapping[str, str]) -> list[Edit]:
    return [
        Edit(
            one.start,
            one.end,
            filling(one.end - one.start)
            if one.value is None
            else b"REDACTED-%b" % variables[one.value].encode("utf-8", "surrogatepass"),
        )
        for one in sightings(data, tuple(variables))
    ]


def _by_shape(data: bytes) -> list[Edit]:
    edits: list[Edit] = []
    for one in find(data, after_hyphens=True):
        new = url_placeholder(one.kind)
        if one.kind not in _GUESSABLE:
            new += "-" + blake2b(data[one.start : one.end], digest_size=4).hexdigest()
        edits.append(Edit(one.start, one.end, new.encode()))
    return edits
