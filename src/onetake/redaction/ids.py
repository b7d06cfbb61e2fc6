"""Secrets in the names of tests: a parameter that is a key gets into ids, and so into names of files.

The same test must find its recordings again, and two tests must not share them, so numbers will not do.
A value of the environment becomes the name of its variable, whatever it holds elsewhere. What has a shape
becomes its kind and 32 bits of a digest, which say nothing of a random key; a password might be guessed by
them, and gets none.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b

from onetake.redaction.placeholders import BY_VALUE, placeholder
from onetake.redaction.shapes import find
from onetake.redaction.spelled import filling, sightings
from onetake.redaction.values import Values
from onetake.wire.edits import Edit, apply

_GUESSABLE = frozenset({"userinfo"})


def without_secrets_in_id(test_id: str, variables: Mapping[str, str]) -> str:
    """Return `test_id` as it may be written: equal for equal ids, with the parameters behind `[` redacted.

    `variables` has the secret values of the environment and in which variable each is.
    """
    test, bracket, parameters = test_id.partition("[")
    return test + bracket + without_secrets_in_name(parameters, variables) if bracket else test_id


def without_secrets_in_name(name: str, variables: Mapping[str, str]) -> str:
    """Return `name`, of a file for example, as it may be written: the same for equal names."""
    data = name.encode("utf-8", "surrogatepass")
    data = apply(data, _by_value(data, variables))
    return apply(data, _by_shape(data)).decode("utf-8", "surrogatepass")


def kinds_in_name(name: str, values: Values) -> list[str]:
    """Return the kinds of the secrets in `name`, each once."""
    data = name.encode("utf-8", "surrogatepass")
    kinds = {one.kind for one in find(data, after_hyphens=True)}
    return sorted(kinds | {BY_VALUE} if sightings(data, values.values) else kinds)


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


@lru_cache(maxsize=64)  # a test is asked for its id several times
def _by_shape(data: bytes) -> tuple[Edit, ...]:
    edits: list[Edit] = []
    for one in find(data, after_hyphens=True):
        new = placeholder(one.kind)
        if one.kind not in _GUESSABLE:
            new += "-" + blake2b(data[one.start : one.end], digest_size=4).hexdigest()
        edits.append(Edit(one.start, one.end, new.encode()))
    return tuple(edits)
