"""What the marks of a test say: its cassette's name and its settings."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import pytest

from onetake.config import Source
from onetake.errors import UsageError

HELP = (
    "onetake(name=None, **settings): record this test's HTTP calls once and replay them; "
    "settings by name (mode=, store=, match_on=, ...)"
)

# "one_take", "onetke" and "onetakes" are close; "onetime" is another word.
_CLOSE = 0.85


def marks_of(item: pytest.Item) -> list[pytest.Mark]:
    """Every `onetake` mark of the test, the closest first: those of its parameters, then its own."""
    marks = list(item.iter_markers("onetake"))
    of_params = getattr(getattr(item, "callspec", None), "marks", ())
    return sorted(marks, key=lambda mark: not any(mark is one for one in of_params))


def is_marked_itself(item: pytest.Item) -> bool:
    """Whether the mark is on the test's function or on its parameter, and not on what is around it."""
    marks = [
        *getattr(getattr(item, "obj", None), "pytestmark", ()),
        *getattr(getattr(item, "callspec", None), "marks", ()),
    ]
    return any(mark.name == "onetake" for mark in marks)


def name_in(marks: list[pytest.Mark], test: str) -> str | None:
    """The closest name. Raises `UsageError`."""
    for mark in marks:
        if len(mark.args) > 1:
            raise UsageError(
                f"The onetake marker of {test} has {len(mark.args)} positional arguments.",
                remedy="It takes one, the cassette's name; settings are given by name.",
            )
        name = mark.args[0] if mark.args else mark.kwargs.get("name")
        if mark.args and "name" in mark.kwargs:
            raise UsageError(
                f"The onetake marker of {test} has its name twice.", remedy="Give it once."
            )
        if name is not None:
            if not isinstance(name, str):
                raise UsageError(
                    f"The onetake marker of {test} has the name {name!r}, which is no text.",
                    remedy='Say @pytest.mark.onetake("name") or leave the name out.',
                )
            return name
    return None


def sources_in(marks: list[pytest.Mark], test: str) -> list[Source]:
    """The settings of each mark, the broadest first."""
    return [
        Source(f"the onetake marker of {test}", _settings(mark.kwargs))
        for mark in reversed(marks)
        if _settings(mark.kwargs)
    ]


def _settings(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if name != "name"}


class TypoCheck:
    """Finds marks that were meant to be `onetake`. Each mark's name is looked at once."""

    def __init__(self, config: pytest.Config) -> None:
        lines: list[str] = config.getini("markers")
        registered = {line.split(":")[0].split("(")[0].strip() for line in lines}
        self._is_typo = dict.fromkeys(registered, False)

    def check(self, item: pytest.Item) -> None:
        """Raises `UsageError` naming the test and the right name."""
        for mark in item.iter_markers():
            if mark.name not in self._is_typo:
                plain = mark.name.lower()
                ratio = difflib.SequenceMatcher(None, plain, "onetake").ratio()
                self._is_typo[mark.name] = ratio >= _CLOSE
            if self._is_typo[mark.name]:
                raise UsageError(
                    f"{item.nodeid} has the unknown marker {mark.name!r}.",
                    remedy="Did you mean 'onetake'? (A marker of your own by that name: "
                    "register it under `markers`.)",
                )
