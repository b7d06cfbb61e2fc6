"""What a suite puts into a cassette by itself, as it may be written."""

from __future__ import annotations

from typing import Any

from onetake.compat.vcr.conversion import to_answer, to_interaction, to_request
from onetake.compat.vcr.request import Request
from onetake.errors import OnetakeError
from onetake.runtime.secrets import safe_text
from onetake.stores.vcr_files import fit_to_write


def safe_pair(request: Any, response: Any) -> tuple[Any, Any]:
    """A request and its answer without secrets; the same objects where there are none, or no messages."""
    if not isinstance(request, Request):
        return request, response
    try:
        interaction = to_interaction(request, response)
    except (OnetakeError, ValueError, TypeError, AttributeError, LookupError):
        return request, response
    (safe,) = fit_to_write([interaction])
    if safe.response is None or safe == interaction:
        return request, response
    return to_request(safe.request), to_answer(safe.response, ended=safe.ended)


def safe_value(value: Any) -> Any:
    """A plain value without the secrets in its texts."""
    match value:
        case str():
            return safe_text(value)
        case dict():
            return {safe_value(name): safe_value(one) for name, one in value.items()}
        case list() | tuple():
            return type(value)(map(safe_value, value))
    return value
