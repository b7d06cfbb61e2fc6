"""Rules narrow or widen matching for a host, a path or a method. They are data, checked at the start.

    [[tool.onetake.rules]]
    host = "api.example.com"
    path = "/v1/uploads/*"
    ignore = ["body.metadata.trace_id", "part.file.filename"]
    replace = { "body.user" = "user" }

Every rule that fits a request applies: what they ignore and replace adds up, of the rest the last rule
that says something wins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from onetake.config.choices import TELEMETRY
from onetake.config.durations import parse_duration
from onetake.config.paths import Path, parse_path
from onetake.config.patterns import check_pattern
from onetake.errors import UsageError, did_you_mean
from onetake.messages import glob

CLASSES = ("telemetry", "credential-exchange", "ordinary")
RULE_MODES = ("replay", "once", "auto", "live", "block")
_PORT = re.compile(r":[0-9*]+\Z")


class Replacement(Struct, frozen=True, forbid_unknown_fields=True):
    """What of a value is compared as `name`: all of it, or what the regular expression finds."""

    name: str
    pattern: str = ""


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is different for the requests that `host`, `path` and `method` (globs) fit; "" fits all."""

    host: str = ""
    path: str = ""
    method: str = ""
    ignore: tuple[str, ...] = ()
    replace: dict[str, Replacement | str] = {}
    match_on: tuple[str, ...] | None = None
    volatile: tuple[str, ...] | None = None
    mode: str | None = None
    class_: str | None = msgspec.field(default=None, name="class")
    telemetry: str | None = None
    repeats: str | None = None
    ttl: float | str | None = None
    max_age: float | str | None = None
    credential: tuple[str, ...] = ()
    redact: tuple[str, ...] = ()

    def fits(self, method: str, netloc: str, path: str) -> bool:
        """Whether it applies to a request; `netloc` is the lower-case host, with its port if it has one."""
        host = netloc if _PORT.search(self.host) else _PORT.sub("", netloc)
        return (
            (not self.method or glob(self.method.upper()).fullmatch(method.upper()) is not None)
            and (not self.host or glob(self.host.lower()).fullmatch(host) is not None)
            and (not self.path or glob(self.path).fullmatch(path) is not None)
        )

    @property
    def ignored(self) -> tuple[Path, ...]:
        return tuple(map(parse_path, self.ignore))

    @property
    def replaced(self) -> tuple[tuple[Path, Replacement], ...]:
        return tuple(
            (parse_path(path), Replacement(new) if isinstance(new, str) else new)
            for path, new in self.replace.items()
        )

    @property
    def lifetime(self) -> tuple[float | None, float | None]:
        """`ttl` and `max_age` in seconds; None where it says nothing of them."""
        return _seconds(self.ttl, "ttl"), _seconds(self.max_age, "max_age")

    @property
    def credential_paths(self) -> tuple[Path, ...]:
        return tuple(map(parse_path, self.credential))

    @property
    def redacted(self) -> tuple[Path, ...]:
        return tuple(map(parse_path, self.redact))


def _seconds(value: float | str | None, place: str) -> float | None:
    return None if value is None else parse_duration(value, place)


_PLACES = ("host", "path", "method")
NAMES = tuple(field.encode_name for field in msgspec.structs.fields(Rule))


def parse_rules(values: object, source: str, lines: Sequence[int] = ()) -> tuple[Rule, ...]:
    """Rules from plain data (or `Rule`s). Raises `UsageError` naming `source`, the rule and its key.

    `lines` are the lines of a file on which the rules begin, where they are known.
    """
    if isinstance(values, str | bytes):
        try:
            values = msgspec.json.decode(values)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise UsageError(
                f"Setting 'rules' in {source} is not JSON: {error}.",
                remedy='Write a list of rules: [{"host": "...", "ignore": ["..."]}].',
            ) from None
    if not isinstance(values, Sequence):
        raise UsageError(
            f"Setting 'rules' in {source} is not a list.",
            remedy="Write a list of rules; in TOML, one [[tool.onetake.rules]] table for each.",
        )
    places = [f"rule {i} (line {line}) in {source}" for i, line in enumerate(lines, 1)]
    places += [f"rule {i} in {source}" for i in range(len(places) + 1, len(values) + 1)]
    return tuple(map(_rule, values, places))


def _rule(value: Any, place: str) -> Rule:
    if isinstance(value, Rule):
        rule = value
    elif isinstance(value, Mapping):
        _check_keys(value, NAMES, place)
        replaced = value.get("replace")
        for path, new in replaced.items() if isinstance(replaced, Mapping) else ():
            if isinstance(new, Mapping):
                _check_keys(new, ("name", "pattern"), f"'replace' of {place}, {path}")
        try:
            rule = msgspec.convert(_listed(value), Rule)
        except msgspec.ValidationError as error:
            raise UsageError(
                f"A wrong value in {place}: {_readable(error)}.", remedy=_FORM
            ) from None
    else:
        raise UsageError(f"The {place} is not a table.", remedy=_FORM)
    _check(rule, place)
    return rule


_FORM = 'A rule looks like { host = "api.example.com", ignore = ["body.metadata.trace_id"] }.'


def _check_keys(value: Mapping[str, Any], known: Sequence[str], place: str) -> None:
    for key in value:
        if key not in known:
            hint = did_you_mean(key, known) or f"Known: {', '.join(known)}."
            raise UsageError(f"Unknown key {key!r} in {place}.", remedy=hint)


def _listed(value: Mapping[str, Any]) -> dict[str, Any]:
    """One text where a list of texts is meant."""
    lists = ("ignore", "match_on", "volatile", "credential", "redact")
    return {k: [v] if k in lists and isinstance(v, str) else v for k, v in value.items()}


def _readable(error: msgspec.ValidationError) -> str:
    text, _, where = str(error).partition(" - at ")
    return f"{where.strip('`').removeprefix('$.')}: {text.lower()}" if where else text.lower()


def _check(rule: Rule, place: str) -> None:
    for key, paths in (
        ("ignore", rule.ignore),
        ("replace", tuple(rule.replace)),
        ("credential", rule.credential),
        ("redact", rule.redact),
    ):
        for path in paths:
            try:
                parse_path(path)
            except UsageError as error:
                raise UsageError(
                    f"{key!r} of {place}: {error.message}", remedy=error.remedy
                ) from None
    if "/" in rule.host:
        raise UsageError(
            f"'host' of {place} is {rule.host!r}, which is no host name.",
            remedy='Write host = "api.example.com", with path = "/v1/*" beside it.',
        )
    if rule.path and (rule.path[:1] not in "/*" or "?" in rule.path):
        raise UsageError(
            f"'path' of {place} is {rule.path!r}, which no request can have.",
            remedy='A path begins with "/" (or "*") and has no query; name pairs of the query as query.NAME.',
        )
    for key, age in (("ttl", rule.ttl), ("max_age", rule.max_age)):
        _seconds(age, f"{key!r} of {place}")
    for taken in rule.credential_paths:
        if taken.root not in ("header", "query") or not isinstance(taken.steps[0], str):
            raise UsageError(
                f"'credential' of {place} is {taken.text!r}, which is no header and no query pair.",
                remedy="Write header.x-gateway-key or query.token.",
            )
    for hidden in rule.redacted:
        if hidden.root in ("method", "url") or hidden.steps[1:2] == ("type",):
            raise UsageError(
                f"'redact' of {place} is {hidden.text!r}, where nothing is redacted by a rule.",
                remedy="Write body.user.ssn, form.pin, part.file.filename, header.x-thing or query.code.",
            )
    for replaced, new in rule.replaced:
        if not new.name or not new.name.isprintable():
            raise UsageError(
                f"'replace' of {place}, {replaced.text}: {new.name!r} is no name.",
                remedy='Write what the value is: replace = { "body.user" = "user" }.',
            )
        if new.pattern:
            check_pattern(new.pattern, f"'replace' of {place}, {replaced.text}")
    for key, value, known in (
        ("class", rule.class_, CLASSES),
        ("telemetry", rule.telemetry, TELEMETRY),
        ("mode", rule.mode, RULE_MODES),
        ("repeats", rule.repeats, ("none", "last")),
    ):
        if value is not None and value not in known:
            hint = f"{did_you_mean(value, known)} Known: {', '.join(known)}.".lstrip()
            raise UsageError(f"{key!r} of {place} is {value!r}.", remedy=hint)
    if rule == Rule(host=rule.host, path=rule.path, method=rule.method):
        raise UsageError(
            f"The {place} says nothing.",
            remedy=f"Give it one of {', '.join(name for name in NAMES if name not in _PLACES)}.",
        )
