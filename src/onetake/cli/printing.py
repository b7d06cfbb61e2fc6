"""How the commands print sizes, ages, statuses and what strangers have written."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import click
import msgspec

from onetake.care.side_by_side import Showing
from onetake.diagnosis import one_line, wrapped
from onetake.errors import UsageError, printable
from onetake.formats.document import Outcome
from onetake.messages import Ended
from onetake.runtime.secrets import safe_bytes, safe_text

_Made = TypeVar("_Made")
_WIDTH = 80
_AGES = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


_ABOVE_ASCII = re.compile(r"[^\n -~]")


def echo(text: str = "", *, err: bool = False, nl: bool = True, **style: Any) -> None:
    """What every command prints with: no secret, and nothing that a terminal would obey but `style`."""
    click.secho(printable(safe_text(text)), err=err, nl=nl, **style)


def echo_json_text(text: str) -> None:
    """The same for JSON, where that is written as escapes, so that programs read what was there."""
    data = text.encode("utf-8", "surrogatepass")
    click.echo(_ABOVE_ASCII.sub(_escaped, safe_bytes(data).decode("utf-8", "surrogatepass")))


def echo_json(data: object) -> None:
    """What every verb prints with `--json`. Raises `UsageError` for what is no text."""
    try:
        text = msgspec.json.encode(data)
    except UnicodeEncodeError:
        raise UsageError(
            "The name of a file here is no UTF-8, which JSON cannot tell.",
            remedy="Give the file another name.",
        ) from None
    echo_json_text(msgspec.json.format(text, indent=2).decode())


def _escaped(found: re.Match[str]) -> str:
    if found[0].isprintable():
        return found[0]
    units = found[0].encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def to_size(number: int) -> str:
    """`312 B`, `1.2 kB`, `40.0 MB`."""
    if number < 1000:
        return f"{number} B"
    size, unit = number / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if size < 999.95:
            break
        size, unit = size / 1000, larger
    return f"{size:.1f} {unit}"


def to_age(at: float, now_s: float) -> str:
    """`3d`, `2h`; `?` where nobody knows when it was made."""
    if not at:
        return "?"
    age_s = max(0, int(now_s - at))
    unit, letter = next((one for one in _AGES if age_s >= one[0]), _AGES[-1])
    return f"{age_s // unit}{letter}"


def to_ages(moments: Sequence[float], now_s: float) -> str:
    """The youngest and the oldest: `2h-3d`."""
    known = [at for at in moments if at]
    if not known:
        return "?"
    youngest, oldest = to_age(max(known), now_s), to_age(min(known), now_s)
    return youngest if youngest == oldest else f"{youngest}-{oldest}"


def to_status(outcome: Outcome) -> str:
    """`200`, `200 cut`, `read-timeout`."""
    text = str(outcome.status) if outcome.status else outcome.failure or "no answer"
    return text if outcome.ended is Ended.COMPLETE else f"{text} {outcome.ended.value}"


def in_lines(text: str, indent: str = "") -> str:
    """The same, its lines kept."""
    return "\n".join(
        f"{indent}{one_line(line.expandtabs(4))}".rstrip() for line in text.splitlines()
    )


def fitted(text: str, width: int) -> str:
    """The first characters of `text`, at most `width`."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def beside(line: str, more: str, indent: int) -> str:
    """`more` at the end of the line, or where that is too long below it, cut to the width."""
    if len(line) + 2 + len(more) <= _WIDTH:
        return f"{line}  {more}"
    return f"{line}\n{' ' * indent}{fitted(more, _WIDTH - indent)}"


def progress(*, quiet: bool) -> Showing:
    """Show long work as a bar on stderr, where that is a terminal."""

    def showing(steps: Iterator[_Made], count: int, label: str) -> Iterator[_Made]:
        hidden = quiet or count < 50 or not sys.stderr.isatty()
        with click.progressbar(steps, count, label, file=sys.stderr, hidden=hidden) as bar:
            yield from bar

    return showing


def say(text: str) -> None:
    """Text of our own, at most a terminal wide."""
    for line in wrapped(one_line(text), rest="  "):
        echo(line)


def warn(text: str) -> None:
    """The same on stderr."""
    for line in wrapped(one_line(text), rest="  "):
        echo(line, fg="yellow", err=True)


def left_out(problems: Sequence[str]) -> None:
    for text in problems:
        warn(f"left out: {text}")
