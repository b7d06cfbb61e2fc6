"""The grammar of paths: what a line of a difference says is what a rule may say.

    method · url.scheme · url.host · url.path
    query.NAME · header.NAME · form.NAME
    body · body.metadata.trace_id · body.messages[0].content · body.messages[*].id · body.**.request_id
    part.NAME · part.NAME.filename · part.NAME.type · part.NAME.header.content-id
    part.NAME.content · part.NAME.content.user.id · part.NAME.content.INNER.content

A name that is more than letters, digits, `_`, `-` and `$` stands in brackets: `query["page[size]"]`. In
a plain name `*` stands for any run of characters (`header.x-session-*`); `[*]` is every item of a list,
`**` any number of steps. A part without a name is called by its number: `part["0"].header.content-id`. A
message within a body (HTTP in a batch, an e-mail) has `line`, `header.NAME` and `content`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct

from onetake.errors import UsageError
from onetake.messages import glob
from onetake.wire.late import late_pattern

Step: TypeAlias = str | int
"""A field's name, or the index of an item."""

ROOTS = ("method", "url", "query", "header", "form", "body", "part")
URL_PARTS = ("scheme", "host", "path")
PART_FACTS = ("filename", "type", "header", "content")
GRAMMAR = "Paths look like body.messages[*].id, query.sig, header.x-session, form.user, part.file.filename."

_PLAIN = r"[A-Za-z_$][\w$-]*"
_PLAIN_NAME = late_pattern(_PLAIN)
_STEP = late_pattern(
    r"""\.(?P<deep>\*\*) | \.(?P<name>[\w$*-]+) | \[(?P<index>\d+)\] | \[(?P<every>\*)\]
    | \[(?P<quoted>"(?:[^"\\]|\\.)*")\]""",
    re.VERBOSE,
)


class Every(Struct, frozen=True):
    """`[*]`: every item of a list."""


class Deep(Struct, frozen=True):
    """`**`: any number of steps, also none."""


class Glob(Struct, frozen=True):
    """A name with `*` in it."""

    text: str

    def fits(self, name: str) -> bool:
        return glob(self.text).fullmatch(name) is not None


Pattern: TypeAlias = str | int | Every | Deep | Glob


class Path(Struct, frozen=True):
    """A parsed path: where it starts, and the steps from there."""

    root: str
    steps: tuple[Pattern, ...] = ()
    text: str = ""

    def fits(self, steps: Sequence[Step]) -> bool:
        """Whether this path names the place reached by `steps` from its root."""
        return _fits(self.steps, tuple(steps))


def step_text(step: Step) -> str:
    """One step as it is written: `.name`, `[0]` or `["any name"]`."""
    if isinstance(step, int):
        return f"[{step}]"
    if _PLAIN_NAME.fullmatch(step):
        return f".{step}"
    return f"[{json.dumps(step, ensure_ascii=False)}]"


def path_text(root: str, steps: Sequence[Step]) -> str:
    """A concrete path as it is written; `parse_path` reads it back."""
    return root + "".join(map(step_text, steps))


@lru_cache(maxsize=1024)
def parse_path(text: str) -> Path:
    """Raises `UsageError` that says where `text` stops being a path."""
    root = re.match(r"[A-Za-z]*", text)
    name = root[0] if root else ""
    if name not in ROOTS:
        raise UsageError(
            f"The path {text!r} does not begin with one of {', '.join(ROOTS)}.", remedy=GRAMMAR
        )
    steps: list[Pattern] = []
    at = len(name)
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise UsageError(
                f"The path {text!r} cannot be read from character {at + 1} ({text[at:][:12]!r}) on.",
                remedy=GRAMMAR,
            )
        try:
            step = _pattern(found)
        except ValueError as error:  # a broken escape, or an index without end
            raise UsageError(
                f"The path {text!r} cannot be read from character {at + 1} on: {error}.",
                remedy=GRAMMAR,
            ) from None
        if not (isinstance(step, Deep) and steps[-1:] == [step]):  # `**.**` says nothing more
            steps.append(step)
        at = found.end()
    _check(text, name, steps)
    return Path(name, tuple(steps), text)


def _pattern(found: re.Match[str]) -> Pattern:
    if found["deep"]:
        return Deep()
    if found["every"]:
        return Every()
    if found["index"]:
        return int(found["index"])
    if found["quoted"]:
        return str(json.loads(found["quoted"], strict=False))
    name = found["name"]
    return Glob(name) if "*" in name else name


def _check(text: str, root: str, steps: list[Pattern]) -> None:
    wrong = ""
    if root == "method" and steps:
        wrong = "method has no parts"
    elif root == "url" and (len(steps) != 1 or steps[0] not in URL_PARTS):
        wrong = f"url has the parts {', '.join(URL_PARTS)}"
    elif root in ("query", "header", "form") and len(steps) != 1:
        wrong = f"{root} is followed by one name"
    elif root == "part" and not steps:
        wrong = "part is followed by a name"
    elif root not in ("body", "url") and steps and not isinstance(steps[0], str | Glob):
        wrong = f"{root} is followed by a name, in which * stands for any characters"
    elif root == "part" and len(steps) > 1 and steps[1] not in PART_FACTS:
        wrong = f"a part has {', '.join(PART_FACTS)}"
    elif root == "part" and steps[1:2] == ["header"] and len(steps) != 3:
        wrong = "header is followed by one name"
    elif root == "part" and len(steps) > 2 and steps[1] not in ("header", "content"):
        wrong = "only a part's content goes deeper"
    if wrong:
        raise UsageError(f"The path {text!r} names nothing: {wrong}.", remedy=GRAMMAR)


def _fits(pattern: tuple[Pattern, ...], steps: tuple[Step, ...]) -> bool:
    if not pattern:
        return not steps
    first, rest = pattern[0], pattern[1:]
    if isinstance(first, Deep):
        return any(_fits(rest, steps[at:]) for at in range(len(steps) + 1))
    return bool(steps) and step_fits(first, steps[0]) and _fits(rest, steps[1:])


def step_fits(pattern: Pattern, step: Step) -> bool:
    """Whether one step is what one element of a path (not `**`) asks for."""
    match pattern:
        case Every():
            return isinstance(step, int)
        case Glob():
            return isinstance(step, str) and pattern.fits(step)
    return pattern == step
