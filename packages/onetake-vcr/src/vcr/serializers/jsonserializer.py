"""The tree of a cassette as JSON."""

from __future__ import annotations

import json
from typing import Any


def deserialize(cassette_string: str) -> Any:
    """ValueError where it is no JSON."""
    return json.loads(cassette_string)


def serialize(cassette_dict: Any) -> str:
    """TypeError for bytes that are no text."""
    try:
        return json.dumps(cassette_dict, indent=4) + "\n"
    except TypeError as error:
        raise TypeError(
            f"JSON cannot hold this cassette: {error}. Does this HTTP interaction contain binary data? "
            "Then use serializer='yaml' for it."
        ) from None
