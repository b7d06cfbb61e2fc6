"""What a suite puts into a cassette by itself, as it may be written."""

from __future__ import annotations

from typing import Any

from onetake.content import read_request
from onetake.errors import OnetakeError
from onetake.messages import Interaction
from onetake.runtime.secrets import safe_bytes, safe_text
from onetake.stores.vcr_files import fit_to_write
from onetake_vcr.conversion import to_answer, to_interaction, to_message, to_request
from vcr.request import Request


def safe_pair(request: Any, response: Any) -> tuple[Any, Any]:
    """A request and its answer without secrets; the same objects where there are none, or no messages."""
    if not isinstance(request, Request):
        return request, response
    try:
        interaction = to_interaction(request, response)
    except (OnetakeError, ValueError, TypeError, AttributeError, LookupError):
        (asked,) = fit_to_write([Interaction(request=to_message(request))])
        return to_request(asked.request), safe_value(response)
    (safe,) = fit_to_write([interaction])
    if safe.response is None or safe == interaction:
        return request, response
    return to_request(safe.request), to_answer(safe.response, ended=safe.ended)


def hidden_texts(before: Request, after: Request) -> frozenset[str]:
    """Return the texts that the built-in filters took out of a request: the suite calls them secret."""
    return frozenset(text for _, text in _texts_in(before) - _texts_in(after))


def _texts_in(request: Request) -> frozenset[tuple[str, str]]:
    """The texts of headers (also behind the name of a scheme), of the query, of fields of a form or JSON, each
    with its place."""
    found: list[tuple[str, str]] = []
    for name, value in request.headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        found += [(f"header.{name}", text), (f"header.{name}", text.partition(" ")[2])]
    found += [(f"query.{name}", text) for name, text in request.query]
    for leaf in read_request(to_message(request)).leaves():
        steps = [step for step in leaf.steps if isinstance(step, str)]
        found.append((".".join((leaf.root, *steps)), leaf.value.decode("utf-8", "replace")))
    return frozenset(found)


def safe_value(value: Any) -> Any:
    """A plain value without the secrets in its texts."""
    match value:
        case str():
            return safe_text(value)
        case bytes():
            return safe_bytes(value)
        case dict():
            return {safe_value(name): safe_value(one) for name, one in value.items()}
        case list():
            return [safe_value(one) for one in value]
        case tuple():
            return tuple(safe_value(one) for one in value)
    return value
