"""The matcher: settings and rules in, a pure function from request to match key out.

Two keys: `key` is exact; `loose` has numbered placeholders where volatile values stand, and is None
where there are none, as then nothing but an equal request could have the same.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import TypeAlias

import msgspec
from msgspec import Struct

from onetake.config.paths import Path, parse_path
from onetake.config.rules import Replacement, Rule
from onetake.errors import UsageError
from onetake.matching.bodies import body_identity, meaning_identity
from onetake.matching.by_value import Template, fitted
from onetake.matching.fields import Fields, Value, blanked, fields_of, replacing, without
from onetake.matching.placeholders import unnumbered_request
from onetake.matching.raw import READ_FROM_BYTES
from onetake.matching.urls import (
    framed,
    host_identity,
    parts_identity,
    path_identity,
    query_identity,
    to_bytes,
    url_identity,
)
from onetake.matching.volatile import DAY_S, KINDS, TIMES, Volatile
from onetake.messages import Request, media_type, read_url
from onetake.wire.pairs import identity_of, pairs_identity

MatchKey: TypeAlias = bytes
"""16 bytes: equal for equal requests."""

BUILT_IN = ("method", "url", "host", "path", "query", "body", "headers", "credential")

DEFAULT_HEADERS = (
    "accept",
    "anthropic-beta",
    "anthropic-version",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "x-amz-target",
    "x-goog-user-project",
)
"""What `headers` compares where none are named: headers that change what the answer means."""

_PARTS_BY_ROOT = {
    "method": ("method",),
    "url": ("url", "host", "path"),
    "query": ("url", "query"),
    "header": ("headers",),
    **dict.fromkeys(("body", "form", "part"), ("body",)),
}

# Raised whenever equal requests would get another key than before.
_VERSION = "5"
_MOST_PLACES = 4096  # (method, host, path) whose rules are remembered

_encoder = msgspec.json.Encoder(order="deterministic", enc_hook=repr)

RequestPart: TypeAlias = Callable[[Request], bytes]
FieldsPart: TypeAlias = Callable[[Fields, Request], bytes]


class Active(Struct, frozen=True, kw_only=True):
    """What the rules that fit a request say together: None where they say nothing."""

    edits: tuple[tuple[Path, Replacement | None], ...] = ()
    edited: frozenset[str] = frozenset()  # built-in parts that the edits change
    match_on: tuple[str, ...]
    volatile: Volatile
    mode: str | None = None
    traffic: str | None = None
    telemetry: str | None = None
    repeats: str | None = None
    ttl_s: float | None = None
    max_age_s: float | None = None
    credential: tuple[Path, ...] = ()
    redact: tuple[Path, ...] = ()
    has_ages: bool = False  # a rule says how old recordings may be

    def ignores(self, text: str) -> bool:
        """Whether the value at the concrete path `text` is not compared, or all of it as one name."""
        try:
            path = parse_path(text)
        except UsageError:
            return False
        steps = tuple(step for step in path.steps if isinstance(step, str | int))
        return any(
            edit.root == path.root and any(edit.fits(steps[:n]) for n in range(len(steps) + 1))
            for edit, new in self.edits
            if new is None or not new.pattern
        )


class Loose(Struct, frozen=True):
    """The loose key, and what was left out of it."""

    key: MatchKey
    values: tuple[Value, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The values that name something: all but times."""
        return tuple(one.text for one in self.values if one.kind not in TIMES)


class Matcher:
    """Computes match keys.

    `match_on` names built-in parts or `functions`; an unknown name is a `UsageError`, there and in the
    rules. No method raises for any request, save that an exception of a user's function becomes a
    `UsageError` naming it. Thread-safe: what changes after construction is a cache.
    """

    def __init__(
        self,
        match_on: Sequence[str] = ("method", "url", "body", "credential"),
        match_headers: Sequence[str] = DEFAULT_HEADERS,
        functions: Mapping[str, Callable[[Request], object]] | None = None,
        *,
        rules: Sequence[Rule] = (),
        volatile: Sequence[str] = KINDS,
        patterns: Mapping[str, str] | None = None,
        window_s: float = DAY_S,
    ) -> None:
        self._functions = dict(functions or {})
        self._match_headers, self._kinds = tuple(match_headers), tuple(volatile)
        for name in self._functions:
            if name in BUILT_IN:
                raise UsageError(
                    f"The match function {name!r} has the name of a built-in part.",
                    remedy="Register it under another name.",
                )
        self._headers = tuple(sorted({name.lower() for name in match_headers}))
        self.match_on = self._checked(match_on, "match_on")
        self.rules = tuple(rules)
        self._patterns = dict(patterns or {})
        self._window_s = window_s
        self._plain = Active(match_on=self.match_on, volatile=self._volatile(volatile))
        self._places: dict[tuple[str, str, str], Active] = {}
        self._request_parts: dict[str, RequestPart] = {
            "method": _method,
            "url": lambda request: url_identity(request.url),
            "host": lambda request: host_identity(request.url),
            "path": lambda request: path_identity(request.url),
            "query": lambda request: query_identity(request.url),
            "body": body_identity,
            "headers": self._headers_identity,
            "credential": _credential,
        }
        self._fields_parts: dict[str, FieldsPart] = {
            "method": lambda fields, _: to_bytes(fields.method),
            "url": lambda fields, _: parts_identity(fields.url, _query(fields)),
            "host": lambda fields, _: to_bytes(fields.url.netloc),
            "path": lambda fields, _: to_bytes(fields.url.path),
            "query": lambda fields, _: _query(fields),
            "body": lambda fields, _: meaning_identity(fields.content),
            "headers": lambda fields, _: self._lines_identity(fields.headers),
            "credential": lambda _, request: _credential(request),
        }
        for name, function in self._functions.items():
            self._request_parts[name] = part = _user_part(name, function)
            self._fields_parts[name] = _on_request(part)
        for number, rule in enumerate(self.rules, 1):
            place = _described(rule, number)
            if rule.match_on is not None:
                self._checked(rule.match_on, f"match_on of {place}")
            if rule.volatile is not None:
                self._volatile(rule.volatile, f"volatile of {place}")
        self._quick = tuple(self._request_parts[name] for name in self.match_on)
        self._compared = frozenset(self.match_on).union(
            *(rule.match_on or () for rule in self.rules)
        )
        self.fingerprint = self._fingerprint(volatile)
        """What kept keys are valid for; empty where keys must not be kept."""

    def with_rules(self, rules: Sequence[Rule]) -> Matcher:
        """Return this matcher with other rules."""
        return Matcher(
            self.match_on,
            self._match_headers,
            self._functions,
            rules=rules,
            volatile=self._kinds,
            patterns=self._patterns,
            window_s=self._window_s,
        )

    def key(self, request: Request, active: Active | None = None) -> MatchKey:
        """The exact key. `active` is what `active` says of `request`, where that is known already."""
        request = unnumbered_request(request)
        if not self.rules:
            pieces = [part(request) for part in self._quick]
        else:
            active = active or self.active(request)
            if active.edits:
                fields = _edited(request, active, headers="headers" in active.edited)
                pieces = [
                    self._fields_parts[name](fields, request)
                    if name in active.edited
                    else self._request_parts[name](request)
                    for name in active.match_on
                ]
            else:
                pieces = [self._request_parts[name](request) for name in active.match_on]
        return sha256(framed(*pieces)).digest()[:16]

    def keys_as(
        self, request: Request, recorded: Iterable[Sequence[Template]]
    ) -> Iterator[MatchKey]:
        """Yield the exact keys of those `recorded` requests, given by their templates, that `request` fits."""
        active, whole = self.active(request), None
        for templates in recorded:
            if whole is None:
                whole = _edited(unnumbered_request(request), active)
            fields = fitted(whole, templates)
            if fields is not None:
                pieces = [self._fields_parts[name](fields, request) for name in active.match_on]
                yield sha256(framed(*pieces)).digest()[:16]

    def loose(self, request: Request, at: float) -> Loose | None:
        """The key without volatile values of `request`, made at `at` (UTC seconds; 0 if not known)."""
        request = unnumbered_request(request)
        active = self.active(request)
        if not active.volatile.kinds:
            return None
        fields, values = blanked(
            _edited(request, active), active.volatile, at, active.match_on, self._headers
        )
        if not values:
            return None
        pieces = [self._fields_parts[name](fields, request) for name in active.match_on]
        return Loose(sha256(framed(b"loose", *pieces)).digest()[:16], values)

    def differing(self, one: Request, other: Request) -> tuple[str, ...]:
        """The parts of match_on in which the keys of two requests differ, by the rules of `other`.

        A user's function that fails for one of them is among the parts.
        """
        active = self.active(other)
        both = [(_edited(unnumbered_request(each), active), each) for each in (one, other)]
        return tuple(name for name in active.match_on if self._differ(name, both))

    def _differ(self, name: str, both: Sequence[tuple[Fields, Request]]) -> bool:
        try:
            return len({self._fields_parts[name](fields, request) for fields, request in both}) > 1
        except UsageError:
            return True

    def only_compares(self, active: Active) -> bool:
        """Return whether rules say of a request only how it is compared, which is the same for equal bytes."""
        if active is self._plain:
            return READ_FROM_BYTES.issuperset(self.match_on)
        plain = self._plain
        how = msgspec.structs.replace(
            plain,
            edits=active.edits,
            edited=active.edited,
            match_on=active.match_on,
            volatile=active.volatile,
        )
        return active == how and READ_FROM_BYTES.issuperset(active.match_on)

    @property
    def headers(self) -> tuple[str, ...]:
        """The names, in lower case, that `headers` compares."""
        return self._headers

    @property
    def uses_credential(self) -> bool:
        return "credential" in self._compared

    def active(self, request: Request) -> Active:
        """What the rules say about `request`."""
        if not self.rules:
            return self._plain
        url = read_url(request.url)
        place = (request.method, url.netloc, url.path)
        found = self._places.get(place)
        if found is None:
            found = self._combined(*place)
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            self._places[place] = found
        return found

    def _combined(self, method: str, netloc: str, path: str) -> Active:
        active = self._plain
        for rule in self.rules:
            if not rule.fits(method, netloc, path):
                continue
            replaced: list[tuple[Path, Replacement | None]] = list(rule.replaced)
            ttl_s, max_age_s = rule.lifetime
            active = msgspec.structs.replace(
                active,
                edits=(*active.edits, *((path, None) for path in rule.ignored), *replaced),
                match_on=rule.match_on or active.match_on,
                volatile=active.volatile
                if rule.volatile is None
                else self._volatile(rule.volatile),
                mode=rule.mode or active.mode,
                traffic=rule.class_ or active.traffic,
                telemetry=rule.telemetry or active.telemetry,
                repeats=rule.repeats or active.repeats,
                ttl_s=active.ttl_s if ttl_s is None else ttl_s,
                max_age_s=active.max_age_s if max_age_s is None else max_age_s,
                credential=(*active.credential, *rule.credential_paths),
                redact=(*active.redact, *rule.redacted),
            )
        edited = [name for path, _ in active.edits for name in _PARTS_BY_ROOT[path.root]]
        return msgspec.structs.replace(
            active,
            edited=frozenset(edited),
            has_ages=active.ttl_s is not None or active.max_age_s is not None,
        )

    def _volatile(self, kinds: Sequence[str], place: str = "volatile") -> Volatile:
        known = (*KINDS, *self._patterns)
        for kind in kinds:
            if kind not in known:
                raise _unknown(place, kind, known)
        return Volatile(kinds, self._patterns, self._window_s)

    def _checked(self, match_on: Sequence[str], place: str) -> tuple[str, ...]:
        names = (match_on,) if isinstance(match_on, str) else tuple(dict.fromkeys(match_on))
        known = (*BUILT_IN, *self._functions)
        if not names:
            raise UsageError(
                f"{place} is empty, so every request would be the same.",
                remedy=f"Name at least one of {', '.join(known)}.",
            )
        for name in names:
            if name not in known:
                raise _unknown(place, name, known)
        return names

    def _headers_identity(self, request: Request) -> bytes:
        return self._lines_identity([(name.lower(), value) for name, value in request.headers])

    def _lines_identity(self, lines: Sequence[tuple[str, str]]) -> bytes:
        pieces: list[bytes] = []
        for wanted in self._headers:
            for name, value in lines:
                if name == wanted:
                    if name == "content-type" and media_type(value).startswith("multipart/"):
                        value = media_type(value)  # noqa: PLW2901 - the boundary never counts
                    pieces += [to_bytes(name), to_bytes(value.strip())]
        return framed(*pieces)

    def _fingerprint(self, volatile: Sequence[str]) -> str:
        """Return a digest of all that keys depend on; empty where a user's function has a part in them.

        Nobody can tell whether a function still gives what it gave when keys were kept.
        """
        if not self._functions.keys().isdisjoint(self._compared):
            return ""
        uses_headers = "headers" in self._compared
        settings = (
            _VERSION,
            self.match_on,
            self._headers if uses_headers else (),
            msgspec.to_builtins(self.rules),
            tuple(volatile),
            sorted(self._patterns.items()),
            self._window_s,
        )
        return sha256(_encoder.encode(settings)).hexdigest()[:16]


def _edited(request: Request, active: Active, *, headers: bool = True) -> Fields:
    fields = fields_of(request, headers=headers)
    for path, new in active.edits:
        fields = without(fields, path) if new is None else replacing(fields, path, new)
    return fields


def _described(rule: Rule, number: int) -> str:
    """The rule by what it fits, as its file is not known here; `number` counts those of every source."""
    names = (("host", rule.host), ("path", rule.path), ("method", rule.method))
    fits = ", ".join(f"{name} = {text!r}" for name, text in names if text)
    return f"rule {number} ({fits or 'for every request'})"


def _method(request: Request) -> bytes:
    return request.method.upper().encode("utf-8", "surrogatepass")


def _credential(request: Request) -> bytes:
    return str(request.principal).encode()


def _query(fields: Fields) -> bytes:
    if fields.query is None:
        return pairs_identity(to_bytes(fields.url.query))
    return identity_of(fields.query, well_escaped=True)


def _user_part(name: str, function: Callable[[Request], object]) -> RequestPart:
    def part(request: Request) -> bytes:
        try:
            return _encoder.encode(function(request))
        except Exception as error:
            raise UsageError(
                f"The match function {name!r} failed: {type(error).__name__}.",
                remedy="A match function must return a plain value for every request.",
            ) from error

    return part


def _on_request(part: RequestPart) -> FieldsPart:
    return lambda _, request: part(request)


def _unknown(place: str, name: str, known: Sequence[str]) -> UsageError:
    nearest = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    remedy = f"Did you mean {nearest[0]!r}?" if nearest else f"Known: {', '.join(known)}."
    return UsageError(f"{place} names {name!r}, which is unknown.", remedy=remedy)
