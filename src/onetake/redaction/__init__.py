"""What must not be written: secrets by the name that they stand under, by their shape, and by value.

A redacted value becomes `<redacted:kind>`, in URLs and forms (where that would need escapes)
`REDACTED-kind`; all values of a kind are equal, so redacted requests still meet their recordings.
"""

from onetake.redaction.ids import kinds_in_name, without_secrets_in_id, without_secrets_in_name
from onetake.redaction.names import is_worth_remembering
from onetake.redaction.placeholders import (
    BY_VALUE,
    holds_placeholder,
    is_placeholder,
    kinds_in,
    put_away,
)
from onetake.redaction.redactor import Redactor
from onetake.redaction.shaped import shape_edits, without_shapes
from onetake.redaction.urls import redact_text_with_urls, safe_url
from onetake.redaction.values import (
    NO_VALUES,
    Values,
    is_secret_name,
    secret_values,
    without_values,
)

__all__ = [
    "BY_VALUE",
    "NO_VALUES",
    "Redactor",
    "Values",
    "holds_placeholder",
    "is_placeholder",
    "is_secret_name",
    "is_worth_remembering",
    "kinds_in",
    "kinds_in_name",
    "put_away",
    "redact_text_with_urls",
    "safe_url",
    "secret_values",
    "shape_edits",
    "without_secrets_in_id",
    "without_secrets_in_name",
    "without_shapes",
    "without_values",
]
