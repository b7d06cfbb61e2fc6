"""The options by which commands say which store and which recordings they are about."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from onetake.care.selection import Selection
from onetake.care.workplace import Workplace
from onetake.config.durations import parse_duration
from onetake.config.statuses import parse_statuses
from onetake.errors import UsageError

_FAILED = "failed"
_Decorator = Callable[[Callable[..., None]], Callable[..., None]]


def with_selection(*, pattern: bool = True) -> _Decorator:
    """Give a command the options of a selection, and `place` and `selection` for them."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def selecting(
            *,
            store: str | None,
            host: str | None,
            older_than: str | None,
            newer_than: str | None,
            status: str | None,
            test: str | None,
            pattern: str | None = None,
            **rest: Any,
        ) -> None:
            given = {"PATTERN": pattern, "--test": test, "--host": host, "--status": status}
            for option, value in given.items():
                if value is not None:
                    check_given(value.strip(", "), option)
            listed = [one.strip() for one in (status or "").split(",") if one.strip()]
            selection = Selection(
                patterns=tuple(filter(None, (pattern, test))),
                host=host or "",
                older_s=_seconds(older_than, "--older-than"),
                newer_s=_seconds(newer_than, "--newer-than"),
                statuses=parse_statuses([one for one in listed if one != _FAILED], "--status"),
                failed=_FAILED in listed,
                now_s=time.time(),
            )
            command(place=Workplace(store), selection=selection, **rest)

        options: list[_Decorator] = [
            with_store,
            click.option("--host", metavar="GLOB", help="Only of these hosts."),
            click.option("--older-than", metavar="AGE", help="Only what is older: 7d, 12h, 2w."),
            click.option("--newer-than", metavar="AGE", help="Only what is newer."),
            click.option(
                *("--status", "status"),
                metavar="LIST",
                help="Only these: 200, 4xx, 500-503, failed (no answer).",
            ),
            click.option("--test", metavar="TEST", help="Only of this test (an id or a part)."),
        ]
        if pattern:
            options.append(click.argument("pattern", required=False))
        made: Callable[..., None] = selecting
        for option in reversed(options):
            made = option(made)
        return made

    return decorate


def check_given(value: str, option: str) -> None:
    """Raises `UsageError` for an empty word, often a variable that is not set: it would mean everything."""
    if not value.strip():
        raise UsageError(f"{option} is empty.", remedy="Give it a value, or leave it out.")


def with_store(command: Callable[..., None]) -> Callable[..., None]:
    """The option for another store than the project's."""
    return click.option(
        "--store", metavar="URL", help="Another store than that of the project's settings."
    )(command)


def _seconds(value: str | None, option: str) -> float | None:
    return None if value is None else parse_duration(value, option)
