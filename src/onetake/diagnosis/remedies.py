"""The rule, ready to paste, that would have made two requests equal; none where a rule would be wrong.

A rule is proposed for values that mean nothing (new on each run, or a counter) and for names of uploads,
never for what a provider reads; and only after it was tried: with it, the two requests have one key.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from onetake.config import Rule, parse_rules
from onetake.diagnosis.differences import Change, Moments
from onetake.diagnosis.kinds import MISSING, NEW_EACH_RUN, embedded_kinds, kind_of
from onetake.errors import OnetakeError
from onetake.matching import Matcher
from onetake.messages import Request, read_url

_PATTERNS = {
    "uuid": "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "hex": "[0-9a-fA-F]{16,}",
    "iso-time": r"\d{4}-?\d\d-?\d\d[T ]\d\d:?\d\d(:?\d\d([.,]\d+)?)?( ?(Z|UTC|[+-]\d\d:?\d\d))?",
    "epoch": r"\d{10}(\d{3})?(\.\d+)?",
}
_CONTEXT = 16  # characters of text before and after a counter that a pattern holds on to
_MOST = 12  # a rule of more paths than these explains nothing
_INDEX = re.compile(r"\[\d+\]")


def rule_for(
    recorded: Request, sent: Request, found: Sequence[Change], at: Moments, matcher: Matcher
) -> Rule | None:
    """The rule that makes `sent` match `recorded`, which differ in `found`, under `matcher`'s settings."""
    if not found or len(found) > _MOST or any(change.path == "url.host" for change in found):
        return None
    ignore: list[str] = []
    replace: dict[str, Any] = {}
    for change in found:
        if _is_name_of_upload(change):
            ignore.append(change.path)
            continue
        kind = kind_of(change.recorded, change.sent, at)
        if not all(one in NEW_EACH_RUN for one in kind.split("+")):
            return None
        if _is_whole(change, at) and change.path != "url.path":
            ignore.append(change.path)
            continue
        pattern = pattern_for(change.recorded, change.sent, kind, at)
        if not pattern:
            return None
        replace[change.path] = {"name": kind.partition("+")[0], "pattern": pattern}
    url = read_url(sent.url)
    values = {
        "host": url.netloc if url.port else url.host,
        "path": _path_glob(recorded, sent),
        "ignore": _merged(ignore),
        "replace": replace,
    }
    rule = parse_rules([{name: value for name, value in values.items() if value}], "a proposal")[0]
    return rule if is_enough(rule, [recorded, sent], matcher) else None


def is_enough(rule: Rule, requests: Sequence[Request], matcher: Matcher) -> bool:
    """Whether with `rule` all `requests` have one key."""
    try:
        tried = matcher.with_rules((*matcher.rules, rule))
        return len({tried.key(request) for request in requests}) == 1
    except OnetakeError:  # a user's match function failed
        return False


def pattern_for(recorded: Any, sent: Any, kind: str, at: Moments) -> str:
    """A regular expression for what varies within two texts, "" where there is none."""
    if not isinstance(recorded, str) or not isinstance(sent, str):
        return ""
    embedded = embedded_kinds(recorded, sent, at)
    if embedded and all(one in _PATTERNS for one in embedded):
        return "|".join(_PATTERNS[one] for one in embedded)
    if kind != "counter":
        return ""
    pieces = re.split(r"(\d+)", recorded), re.split(r"(\d+)", sent)
    for i in range(1, min(map(len, pieces)), 2):
        if pieces[0][i] != pieces[1][i]:
            before, after = pieces[1][i - 1][-_CONTEXT:], pieces[1][i + 1][:_CONTEXT]
            return re.escape(before) + r"\d+" + re.escape(after)
    return ""


def to_toml(rule: Rule) -> str:
    """The rule as a table of pyproject.toml."""
    lines = ["[[tool.onetake.rules]]"]
    for name, value in msgspec.to_builtins(rule).items():
        if value and name != "replace":
            lines.append(f"{name} = {_toml(value)}")
    if rule.replace:
        inner = ", ".join(
            f"{_toml(path)} = {{ name = {_toml(new.name)}, pattern = {_toml(new.pattern)} }}"
            for path, new in ((path.text, new) for path, new in rule.replaced)
        )
        lines.append(f"replace = {{ {inner} }}")
    return "\n".join(lines)


def _toml(value: Any) -> str:
    if isinstance(value, str):
        if "\\" in value and "'" not in value and value.isprintable():
            return f"'{value}'"  # literal: a regular expression stays readable
        return msgspec.json.encode(value).decode()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_name_of_upload(change: Change) -> bool:
    return change.path.startswith("part") and change.path.endswith(".filename")


def _is_whole(change: Change, at: Moments) -> bool:
    """Whether all of the value is what varies, and nothing around it would be lost with it."""
    one, other = change.recorded, change.sent
    if one is MISSING or other is MISSING:
        return False
    if not isinstance(one, str) or not isinstance(other, str):
        return True
    kinds = embedded_kinds(one, other, at)
    if kinds:
        # A prefix such as `trace-` is part of the value; words and spaces are not.
        return not any(mark in one for mark in " \n\t") and len(one) <= 80
    return one.strip().isdigit() and other.strip().isdigit()


def _merged(paths: Sequence[str]) -> list[str]:
    """Paths that differ in their indexes alone become one of every item, where there are several."""
    by_shape: dict[str, list[str]] = {}
    for path in paths:
        by_shape.setdefault(_INDEX.sub("[*]", path), []).append(path)
    return [shape if len(some) > 1 else some[0] for shape, some in by_shape.items()]


def _path_glob(recorded: Request, sent: Request) -> str:
    one, other = read_url(recorded.url).path, read_url(sent.url).path
    if one == other:
        return other
    pieces = one.split("/"), other.split("/")
    if len(pieces[0]) != len(pieces[1]):
        return ""
    return "/".join(left if left == right else "*" for left, right in zip(*pieces, strict=True))
