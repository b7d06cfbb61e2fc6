"""Texts that assign values to names line by line: YAML, `.env` and INI files.

Nothing is parsed as these languages have it: of each line its name and its value are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from onetake.content.kinds import Kind
from onetake.content.leaves import Leaf, assignments
from onetake.content.quoting import Quoting

if TYPE_CHECKING:
    from onetake.content.body import Content


@cache
def _line() -> re.Pattern[bytes]:
    """Return an expression for a line that is empty, a comment or a mark, or that assigns something."""
    return re.compile(
        rb"[ \t]*(?:[#;].*|---.*|\.\.\.|\[[^\]]*\]|-(?:[ \t].*)?"
        rb"|(?:-[ \t]+|export[ \t]+)?[\"']?[\w.$-]{1,64}[\"']?[ \t]*(?::(?:[ \t].*)?|=.*))?\r?"
    )


@cache
def _assigned() -> re.Pattern[bytes]:
    return re.compile(
        rb"^[ \t]*(?:-[ \t]+|export[ \t]+)?(?P<quote>[\"']?)(?P<name>[\w.$-]{1,64})(?P=quote)[ \t]*[:=][ \t]*"
        rb"(?:[|>][-+\d]{0,2}[ \t]*\r?\n[ \t]+(?P<block>\S[^\n]*(?:\n[ \t]+\S[^\n]*|\n[ \t]*(?=\n))*)"
        rb"|(?P<flow>\{[^\n]{1,65536}\})"
        rb"|\"(?P<double>(?:[^\"\\\n]|\\.){1,65536})\"|'(?P<single>[^'\n]+)'"
        rb"|(?P<bare>[^\s|>{\[\"'#&*!]\S*+(?:[ \t]++(?!#)\S++)*+))(?:[ \t]++#[^\n]*+)?[ \t]*+\r?$",
        re.MULTILINE,
    )


def is_settings(content: Content) -> bool:
    """Return whether `content` is a text of which every line assigns something, or that claims to be YAML."""
    if content.kind is not Kind.TEXT:
        return False
    if "yaml" in content.media_type:
        return True
    text = content.text
    fits = _line().fullmatch
    return b"\n" in text.strip(b"\n") and all(map(fits, text.split(b"\n")))


def settings(content: Content) -> Iterator[Leaf]:
    """Yield the value of every line of `content` that assigns one, named as the line names it."""
    for found in _assigned().finditer(content.text):
        group = found.lastgroup or "bare"
        quoting = Quoting.JSON if group == "double" else Quoting.PLAIN
        name = found["name"].decode("utf-8", "replace")
        leaf = Leaf(content, content.root, content.prefix, *found.span(group), quoting, name)
        if group == "flow":  # `db: {user: bob, password: x}`
            yield from assignments(leaf)
        else:
            yield leaf
