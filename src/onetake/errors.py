"""Every error that onetake raises, split by who must act.

- OnetakeError
  - UsageError        the caller: a setting, a name, a combination that cannot work
  - MissError         the prompt or the recording changed: nothing recorded answers this request
  - CassetteError     stored data: corrupt, half-written, or of a newer format
  - StoreError        the place where recordings are kept: unreadable, unwritable, full
  - RedactionError    something could not be made safe, so it was not written
  - GuardError        a call that may not go to the network: its host, or what it would cost

Each carries one line of remedy; the text of the error ends with it. What strangers have written may stand
in a text: nothing that a terminal would obey is ever in one.
"""

from __future__ import annotations

from collections.abc import Iterable

_KEPT = "\n\t\xa0"


def printable(text: str) -> str:
    """`text` in its lines, without what a terminal would obey (escapes, overriding directions, halves of
    surrogate pairs)."""
    if text.isprintable():
        return text
    return "".join(
        [c if c.isprintable() or c in _KEPT else "\N{REPLACEMENT CHARACTER}" for c in text]
    )


class OnetakeError(Exception):
    """Root of the tree. `remedy` is one line that says what to do."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        message, remedy = printable(message), printable(remedy)
        super().__init__(f"{message}\n{remedy}" if remedy else message)
        self.message = message
        self.remedy = remedy


class UsageError(OnetakeError):
    """A setting, name or call that cannot be honoured."""


class MissError(OnetakeError):
    """No recording answers the request and the mode forbids a live call.

    `request` is one redacted line (`POST https://host/path`); `reason` is a short word:
    `no-recording`, `exhausted`, `changed`, `credential`, `upload`, `closed`, `cancelled`, `unsupported`.
    `explanation` is what the text was made of (an `onetake.diagnosis.Miss`), or None.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        request: str = "",
        reason: str = "no-recording",
        explanation: object = None,
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.explanation = explanation
        self.request = request
        self.reason = reason


class CassetteError(OnetakeError):
    """Stored data that cannot be read: `path` names the file."""

    def __init__(self, message: str, *, remedy: str = "", path: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.path = path


class StoreError(OnetakeError):
    """The store could not be read or written: `path` names the file or server."""

    def __init__(self, message: str, *, remedy: str = "", path: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.path = path


class RedactionError(OnetakeError):
    """A value that must not be written could not be removed."""


class GuardError(OnetakeError, OSError):
    """A call that may not go to the network, and did not.

    `host` is where it was to go, `test` whose it is (empty where nobody's), `reason` a short word:
    `egress` (replay, or `guard = "refuse"`) or `spend` (`max_spend` is reached).
    """

    def __init__(
        self, message: str, *, remedy: str = "", host: str = "", test: str = "", reason: str = ""
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.host = host
        self.test = test
        self.reason = reason


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """`Did you mean 'uuid'?`, or "" where nothing known is near."""
    import difflib  # late: most runs have no typo

    near = difflib.get_close_matches(str(name), list(known), 1)
    return f"Did you mean {near[0]!r}?" if near else ""
