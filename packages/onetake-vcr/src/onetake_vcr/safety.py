"""What a suite puts into a cassette by itself, as it may be written."""

from __future__ import annotations

from typing import Any

from onetake.content.texts import texts_in
from onetake.errors import OnetakeError
from onetake.messages import Interaction
from onetake.runtime.secrets import safe_value
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
    return frozenset(text for _, text in texts_in(to_message(before)) - texts_in(to_message(after)))
