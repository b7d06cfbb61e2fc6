"""Reading request bodies that nobody promised anything about."""

from __future__ import annotations

import json

from fakeprovider.messages import RefusalError, Request

Fields = dict[str, object]


def json_fields(request: Request) -> Fields:
    """The body as a JSON object; RefusalError 400 otherwise."""
    try:
        value: object = json.loads(request.body)
    except (ValueError, RecursionError):
        raise RefusalError(400, "We could not parse the JSON body of your request.") from None
    if not isinstance(value, dict):
        raise RefusalError(400, "The JSON body of your request must be an object.")
    return value


def text_field(fields: Fields, name: str, default: str = "") -> str:
    """The string at `name`, or `default` if it is missing or of another type."""
    value = fields.get(name)
    return value if isinstance(value, str) else default


def object_field(fields: Fields, name: str) -> Fields:
    """The object at `name`, or an empty one."""
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def required_text(fields: Fields, name: str) -> str:
    """The string at `name`; RefusalError 400 naming it otherwise."""
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise RefusalError(400, f"Missing required parameter: '{name}'.", param=name)
    return value


def required_list(fields: Fields, name: str) -> list[object]:
    """The non-empty list at `name`; RefusalError 400 naming it otherwise."""
    value = fields.get(name)
    if not isinstance(value, list) or not value:
        raise RefusalError(400, f"Missing required parameter: '{name}'.", param=name)
    return value


def whole_number(value: object, name: str, *, most: int) -> int:
    """`value` (a number or its digits) from 0 to `most`; RefusalError 400 naming it otherwise."""
    try:
        number = int(str(value))
    except ValueError:
        raise RefusalError(400, f"'{name}' must be a whole number.", param=name) from None
    if not 0 <= number <= most:
        raise RefusalError(400, f"'{name}' must lie between 0 and {most}.", param=name)
    return number
