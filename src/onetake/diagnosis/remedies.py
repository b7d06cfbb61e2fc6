"""The rule, ready to paste, that would have made requests equal; none where a rule would be wrong.

A rule is proposed for values that mean nothing (new on each run, or a counter) and for names of uploads,
never for what a provider reads; and only after it was tried: with it, the requests have one key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from onetake.config.rules import Rule, parse_rules
from onetake.diagnosis.differences import Change, Moments
from onetake.diagnosis.kinds import MISSING, NEW_EACH_RUN, embedded_kinds, kind_of
from onetake.errors import OnetakeError
from onetake.matching import Matcher
from onetake.messages import Request, read_url
from onetake.providers import PARAMETERS

_PATTERNS = {
    "uuid": "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "hex": "[0-9a-fA-F]{16,}",
    "iso-time": r"\d{4}-?\d\d-?\d\d[Tt ]\d\d:?\d\d(:?\d\d([.,]\d+)?)?( ?([Zz]|UTC|[+-]\d\d:?\d\d))?",
    "epoch": r"\d{10}(\d{3})?(\.\d+)?",
}
_CONTEXT = 16  # characters of text before and after a counter that a pattern holds on to
_MOST = 12  # a rule of more paths than these explains nothing
_INDEX = re.compile(r"\[\d+\]")
_LAST_NAME = re.compile(r"[.\[\"]([\w-]+)[\"\]]*\Z")


class Edits(Struct, frozen=True):
    """What a rule would ignore, and what it would replace: (path, kind, pattern)."""

    ignore: tuple[str, ...] = ()
    replace: tuple[tuple[str, str, str], ...] = ()


def edits_for(found: Sequence[Change], at: Moments, *, in_prose: bool = False) -> Edits | None:
    """The edits under which the two sides of every change are equal; None where one means something.

    `in_prose` also takes a counter within a sentence for one that means nothing: right only where many
    requests differ in nothing else.
    """
    if not found or len(found) > _MOST or any(change.path == "url.host" for change in found):
        return None
    ignore: list[str] = []
    replace: list[tuple[str, str, str]] = []
    for change in found:
        if change.path.startswith("part") and change.path.endswith(".filename"):
            ignore.append(change.path)
            continue
        kind = kind_of(change.recorded, change.sent, at)
        if not all(one in NEW_EACH_RUN for one in kind.split("+")):
            return None
        if kind == "counter" and not in_prose and _is_read_by_a_provider(change):
            return None
        if _is_whole(change, at) and change.path != "url.path":
            ignore.append(change.path)
            continue
        pattern = _pattern(change.recorded, change.sent, kind, at)
        if not pattern:
            return None
        replace.append((change.path, kind.replace("+", "-"), pattern))
    return Edits(tuple(ignore), tuple(replace))


def rule_of(edits: Iterable[Edits], requests: Sequence[Request]) -> Rule:
    """The rule with all `edits` for `requests`, which are of one host; it is not tried yet."""
    every = list(edits)
    ignore = dict.fromkeys(path for one in every for path in one.ignore)
    replace: dict[str, tuple[str, list[str]]] = {}
    for path, kind, pattern in (row for one in every for row in one.replace):
        patterns = replace.setdefault(path, (kind, []))[1]
        if pattern not in patterns:
            patterns.append(pattern)
    url = read_url(requests[0].url)
    values = {
        "host": url.netloc if url.port else url.host,
        "path": _path_glob([read_url(one.url).path for one in requests]),
        "ignore": _merged(list(ignore)),
        "replace": {
            path: {"name": name, "pattern": "|".join(patterns)}
            for path, (name, patterns) in replace.items()
            if path not in ignore
        },
    }
    return parse_rules([{name: value for name, value in values.items() if value}], "a proposal")[0]


def rule_for(
    recorded: Request, sent: Request, found: Sequence[Change], at: Moments, matcher: Matcher
) -> Rule | None:
    """The rule that makes `sent` match `recorded`, which differ in `found`, under `matcher`'s settings."""
    edits = edits_for(found, at)
    if edits is None:
        return None
    rule = rule_of([edits], [recorded, sent])
    return rule if is_enough(rule, [recorded, sent], matcher) else None


def is_enough(rule: Rule, requests: Sequence[Request], matcher: Matcher) -> bool:
    """Whether with `rule` all `requests` have one key."""
    try:
        tried = matcher.with_rules((*matcher.rules, rule))
        return len({tried.key(request) for request in requests}) == 1
    except OnetakeError:  # a user's match function failed
        return False


def to_toml(rule: Rule, header: str = "[[tool.onetake.rules]]") -> str:
    """The rule as a table of pyproject.toml (of onetake.toml with `header` `[[rules]]`)."""
    lines = [header]
    for name, value in msgspec.to_builtins(rule).items():
        if value and name != "replace":
            lines.append(f"{name} = {_toml(value)}")
    if rule.replace:
        inner = ", ".join(
            f"{_toml(path.text)} = {{ name = {_toml(new.name)}, pattern = {_toml(new.pattern)} }}"
            for path, new in rule.replaced
        )
        lines.append(f"replace = {{ {inner} }}")
    return "\n".join(lines)


def _pattern(recorded: Any, sent: Any, kind: str, at: Moments) -> str:
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


def _is_read_by_a_provider(change: Change) -> bool:
    """A number that sets something (`max_tokens`), or one in a sentence."""
    name = _LAST_NAME.search(change.path)
    if name is not None and name[1].lower() in PARAMETERS:
        return True
    return isinstance(change.sent, str) and any(mark.isspace() for mark in change.sent.strip())


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


def _path_glob(paths: Sequence[str]) -> str:
    """The path that all share, with `*` for the segments in which they differ; "" for unlike ones."""
    if len(set(paths)) == 1:
        return paths[0]
    pieces = [path.split("/") for path in paths]
    if len({len(some) for some in pieces}) > 1:
        return ""
    return "/".join(some[0] if len(set(some)) == 1 else "*" for some in zip(*pieces, strict=True))


def _toml(value: Any) -> str:
    if isinstance(value, str):
        if "\\" in value and "'" not in value and value.isprintable():
            return f"'{value}'"  # literal: a regular expression stays readable
        return msgspec.json.encode(value).decode()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)
