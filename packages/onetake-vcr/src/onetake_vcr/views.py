"""A request as matchers compare it: redacted, as recordings are, so that old ones that are not fit too."""

from __future__ import annotations

from onetake.errors import OnetakeError
from onetake.matching.placeholders import unnumbered_request
from onetake.messages import Request as Message
from onetake.redaction import Redactor
from onetake.runtime.secrets import known_values
from onetake_vcr.conversion import to_message, to_request
from vcr.request import Request


def view_of_safe(message: Message) -> Request:
    """Return a request that is redacted already as matchers compare it."""
    return to_request(unnumbered_request(message))


def view_of(request: Request) -> Request:
    """`request` itself where it has no secret. What cannot be read is compared as it is."""
    try:
        message = to_message(request)
        redactor = Redactor(values=known_values())
        safe = unnumbered_request(redactor.by_value(redactor.request(message)))
    except (OnetakeError, ValueError, TypeError, AttributeError):
        return request
    return request if safe == message else to_request(safe)
