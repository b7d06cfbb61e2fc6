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
from onetake.diagnosis.kinds import MISSING, NEW_EACH_RUN, embedded, kind_of, random_tokens
from onetake.errors import OnetakeError
from onetake.matching import Matcher
from onetake.messages import Request, read_url
from onetake.providers import is_bookkeeping, is_parameter

# Readable ones, as people will meet them in their files; the text around them says the rest.
_PATTERNS = {
    "uuid": "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "hex": "[0-9a-fA-F]{16,64}",
    "iso-time": r"\d{4}-?\d\d-?\d\d[Tt ]\d\d:?\d\d(:?\d\d([.,]\d+)?)?( ?([Zz]|UTC|[+-]\d\d:?\d\d))?",
    "epoch": r"\d{10}(\d{3})?(\.\d+)?",
}
_CONTEXT = 16  # characters of text before and after a value that a pattern holds on to
_MOST = 12  # a rule of more paths than these explains nothing
_INDEX = re.compile(r"\[\d+\]")


class Edit(Struct, frozen=True):
    """What a rule would do at `path`: ignore it, or replace what `pattern` finds there.

    `is_sure` says that the value means nothing; a number that only seems to count runs is not.
    """

    path: str
    kind: str
    pattern: str = ""
    is_sure: bool = True


def edits_for(
    found: Sequence[Change], at: Moments, *, unsure: bool = False
) -> tuple[Edit, ...] | None:
    """The edits under which the two sides of every change are equal; None where one means something.

    `unsure` also takes numbers for counters of runs where only many requests can tell.
    """
    if not found or len(found) > _MOST or any(change.path == "url.host" for change in found):
        return None
    edits: list[Edit] = []
    for change in found:
        edit = _edit_for(change, at)
        if edit is None or not (edit.is_sure or unsure):
            return None
        edits.append(edit)
    return tuple(edits)


def _edit_for(change: Change, at: Moments) -> Edit | None:
    path = change.path
    if path.startswith("part") and path.endswith(".filename"):
        return Edit(path, "filename")
    kind = kind_of(change.recorded, change.sent, at)
    if kind != "random" and not all(one in NEW_EACH_RUN for one in kind.split("+")):
        return None
    is_sure = kind != "random"
    if kind == "random" and (is_parameter(path) or path.startswith("url")):
        return None
    if kind == "counter":
        if is_parameter(path) or path.startswith(("url", "method")):
            return None
        text = change.sent if isinstance(change.sent, str) else ""
        is_sure = is_bookkeeping(path) and not any(mark.isspace() for mark in text.strip())
    if _is_whole(change, at) and path != "url.path":
        return Edit(path, kind, is_sure=is_sure)
    pattern = _pattern(change.recorded, change.sent, kind, at)
    return Edit(path, kind.replace("+", "-"), pattern, is_sure) if pattern else None


def rule_of(edits: Iterable[Edit], requests: Sequence[Request]) -> Rule:
    """The rule with all `edits` for `requests`, which are of one host; it is not tried yet."""
    ignore: dict[str, None] = {}
    replace: dict[str, tuple[str, list[str]]] = {}
    for edit in edits:
        if not edit.pattern:
            ignore[edit.path] = None
            continue
        patterns = replace.setdefault(edit.path, (edit.kind, []))[1]
        if edit.pattern not in patterns:
            patterns.append(edit.pattern)
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
    rule = rule_of(edits, [recorded, sent])
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
    """A regular expression for what varies within two texts, "" where there is none.

    All but uuids hold on to the text around them: another number in it may be an order number.
    """
    if not isinstance(recorded, str) or not isinstance(sent, str):
        return ""
    spans = [
        (one.start, one.end, _PATTERNS[one.kind])
        for one, old in embedded(recorded, sent, at)
        if sent[one.start : one.end] != old
    ]
    if kind == "random":
        pairs = [
            one
            for one in random_tokens(recorded, sent)
            if sent[one[0].start : one[0].end] != one[1]
        ]
        spans = [(new.start, new.end, "[A-Za-z0-9_-]{8,64}") for new, _ in pairs]
    if not spans and kind == "counter":
        digits = [list(re.finditer(r"\d+", text)) for text in (recorded, sent)]
        numbers = zip(*digits, strict=False)
        spans = [(*new.span(), r"\d+") for old, new in numbers if old[0] != new[0]]
    if len({sent[start:end] for start, end, _ in spans}) > _MOST:
        return ""
    ends = [0, *(end for _, end, _ in spans)]
    starts = [*(start for start, _, _ in spans), len(sent)]
    patterns: dict[str, None] = {}
    for i, (start, end, expression) in enumerate(spans):
        if expression == _PATTERNS["uuid"]:
            patterns[expression] = None
            continue
        before = sent[max(ends[i], start - _CONTEXT) : start]
        after = sent[end : min(starts[i + 1], end + _CONTEXT)]
        patterns[re.escape(before) + expression + re.escape(after)] = None
    return "|".join(patterns)


def _is_whole(change: Change, at: Moments) -> bool:
    """Whether all of the value is what varies, and nothing around it would be lost with it."""
    one, other = change.recorded, change.sent
    if one is MISSING or other is MISSING:
        return False
    if not isinstance(one, str) or not isinstance(other, str):
        return True
    if embedded(one, other, at) or random_tokens(one, other):
        # A prefix such as `trace-` is part of the value; words and spaces are not.
        return not any(mark in one for mark in " \n\t") and len(one) <= 80
    return one.strip().isdigit() and other.strip().isdigit()


def of_every_item(path: str) -> str:
    """`path` with `[*]` for each index."""
    return _INDEX.sub("[*]", path)


def _merged(paths: Sequence[str]) -> list[str]:
    """Paths that differ in their indexes alone become one of every item, where there are several."""
    by_shape: dict[str, list[str]] = {}
    for path in paths:
        by_shape.setdefault(of_every_item(path), []).append(path)
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
        return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)
