"""What must not be written. First layer: secrets found by the name that they stand under.

A redacted value becomes `<redacted:kind>`, in URLs and forms (where that would need escapes)
`REDACTED-kind`; all values of a kind are equal, so redacted requests still meet their recordings.
"""

from onetake.redaction.redactor import Redactor
from onetake.redaction.urls import safe_url

__all__ = ["Redactor", "safe_url"]
