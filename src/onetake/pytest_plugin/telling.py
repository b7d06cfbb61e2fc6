"""The one way in which the plugin writes to the terminal: without secrets, and nothing that it would obey."""

from __future__ import annotations

from typing import Any

from onetake.errors import printable
from onetake.runtime.secrets import safe_text


def tell(reporter: Any, line: str, **markup: bool) -> None:
    """`reporter` is pytest's for the terminal."""
    reporter.write_line(printable(safe_text(line)), **markup)
