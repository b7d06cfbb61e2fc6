"""How rooms that know nothing of secrets tell what stands for one that was known by its value.

The kinds and their spellings are those of `redaction.placeholders`.
"""

from __future__ import annotations

import re

BY_VALUE_KIND = b"env"

READABLE = "onetake-redacted-token--"
"""The signature of a token that stands for another: 24 letters, as base64 wants them."""

BY_VALUE = re.compile(
    r"REDACTED-env(?:-\d{1,4}|(?![a-z0-9_]))"
    # In base64, with the letters and the padding that hold some of its bits.
    r"|[A-Za-z0-9+/_-]?(?:REDACTED0)+(?:REDACTED|REDACTE|REDACT|REDAC|REDA|RED|RE|R)?"
    r"[A-Za-z0-9+/_-]?={0,2}"
)
"""What stands for a value that was known to be secret, not seen to be one."""
