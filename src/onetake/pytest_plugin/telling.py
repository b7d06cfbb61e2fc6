"""The one way in which the plugin writes to the terminal: without secrets."""

from __future__ import annotations

from typing import Any

from onetake.runtime.secrets import safe_text


def tell(reporter: Any, line: str, **markup: bool) -> None:
    """`reporter` is pytest's for the terminal."""
    reporter.write_line(safe_text(line), **markup)
