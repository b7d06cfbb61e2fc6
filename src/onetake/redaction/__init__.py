"""What must not be written: secrets by the name that they stand under, by their shape, and by value.

A value that is redacted becomes `REDACTED-kind` wherever it stands; all placeholders of a kind are equal in
identity, so redacted requests still meet their recordings.
"""

from onetake.redaction.book import without_shapes
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
from onetake.redaction.secret import Secret
from onetake.redaction.shapes import shaped_secrets
from onetake.redaction.urls import safe_url, without_secrets_in_urls
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
    "Secret",
    "Values",
    "holds_placeholder",
    "is_placeholder",
    "is_secret_name",
    "is_worth_remembering",
    "kinds_in",
    "kinds_in_name",
    "put_away",
    "safe_url",
    "secret_values",
    "shaped_secrets",
    "without_secrets_in_id",
    "without_secrets_in_name",
    "without_secrets_in_urls",
    "without_shapes",
    "without_values",
]
