"""Recordings that are near-equal: what varies in them, and the rules under which they would be one.

Two requests are near-equal when they are the same once every uuid, hex number, time, count and random
token in them is the same; that is a key, so recordings are sorted into clusters without comparing every
pair. What then differs within a cluster is looked at value by value.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from onetake.config.rules import Rule
from onetake.content import Kind, Meaning, PartFacts
from onetake.diagnosis.differences import Change, changes
from onetake.diagnosis.excerpts import excerpts, line_of
from onetake.diagnosis.json_differences import shown
from onetake.diagnosis.kinds import kind_of, split_at, tokens_in
from onetake.diagnosis.nearest import Recording
from onetake.diagnosis.remedies import Edit, edits_for, is_enough, rule_of, to_toml
from onetake.errors import OnetakeError
from onetake.matching import (
    KINDS,
    Fields,
    Found,
    Matcher,
    Volatile,
    fields_of,
)
from onetake.messages import Request, media_type, read_url
from onetake.wire.pairs import Pair

_FEW = 3  # near-equal requests from which on a counter in a sentence is taken for one
_MOST_COMPARED = 500  # of one cluster
_ANY_TIME = Volatile(KINDS, window_s=math.inf)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_BOUNDARY = re.compile(r'boundary="?([^";]+)', re.IGNORECASE)
_encode = msgspec.json.Encoder(order="deterministic").encode


class Varying(Struct, frozen=True, kw_only=True):
    """A field that is not the same in all requests of a cluster; `examples` are two of its `values`.

    One that is never compared (a multipart boundary) needs no rule.
    """

    path: str
    kind: str
    values: int
    examples: tuple[str, str]
    is_compared: bool = True


class Cluster(Struct, frozen=True, kw_only=True):
    """Near-equal recordings of one cassette: their indexes, and how many different keys they have."""

    cassette: str
    line: str
    members: tuple[int, ...]
    keys: int
    varying: tuple[Varying, ...]


class Proposal(Struct, frozen=True, kw_only=True):
    """One rule; `clusters` become one key each. `note` says what to look at before it is taken."""

    rule: Rule
    clusters: tuple[Cluster, ...]
    note: str = ""

    @property
    def merged(self) -> int:
        """How many interactions it makes equal to another one."""
        return sum(one.keys - 1 for one in self.clusters)

    @property
    def is_sure(self) -> bool:
        return not self.note

    def to_toml(self, header: str = "[[tool.onetake.rules]]") -> str:
        return to_toml(self.rule, header)


class Report(Struct, frozen=True, kw_only=True):
    """What was found. `unsolved` are clusters for which no rule is right."""

    interactions: int = 0
    unreadable: int = 0
    proposals: tuple[Proposal, ...] = ()
    unsolved: tuple[Cluster, ...] = ()


class _Member(Struct, frozen=True):
    index: int
    request: Request
    at: float


class _Found(Struct, frozen=True):
    """A cluster with what its rule is made of: one request of each key, and the edits, if one is right."""

    cluster: Cluster
    requests: tuple[Request, ...]
    edits: tuple[Edit, ...] | None


def examine(cassettes: Iterable[tuple[str, Sequence[Recording]]], matcher: Matcher) -> Report:
    """Clusters of each (name, recordings), under `matcher`'s settings. Never raises for what is stored."""
    count = unreadable = 0
    found: list[_Found] = []
    others: dict[str, list[Request]] = {}
    for cassette, recordings in cassettes:
        members: list[_Member] = []
        for i, recording in enumerate(recordings):
            try:
                members.append(_Member(i, recording.request, recording.at))
            except OnetakeError:
                unreadable += 1
        count += len(recordings)
        clusters = _clusters(cassette, members, matcher)
        if clusters:
            found += clusters
            others[cassette] = [one.request for one in members]
    proposals, unsolved = _proposals(found, others, matcher)
    return Report(
        interactions=count,
        unreadable=unreadable,
        proposals=tuple(proposals),
        unsolved=tuple(unsolved),
    )


def _clusters(cassette: str, members: Sequence[_Member], matcher: Matcher) -> list[_Found]:
    near: dict[bytes, dict[bytes, list[_Member]]] = {}
    for one in members:
        by_key = near.setdefault(near_key(one.request), {})
        by_key.setdefault(matcher.key(one.request), []).append(one)
    return [
        _cluster(cassette, list(by_key.values()), matcher)
        for by_key in near.values()
        if len(by_key) > 1
    ]


def _cluster(cassette: str, equals: Sequence[Sequence[_Member]], matcher: Matcher) -> _Found:
    """`equals` are the members of each key."""
    firsts = [some[0] for some in equals]
    first = firsts[0]
    fields: dict[str, list[Change]] = {}
    kinds: dict[str, Counter[str]] = {}
    edits: dict[Edit, None] | None = {}
    headers = matcher.headers if "headers" in matcher.match_on else ()
    for other in firsts[1:_MOST_COMPARED]:
        try:
            found = changes(first.request, other.request, headers)
        except RecursionError:
            found = []
        moments = (first.at, other.at)
        for change in found:
            fields.setdefault(change.path, []).append(change)
            kind = kind_of(change.recorded, change.sent, moments)
            kinds.setdefault(change.path, Counter())[kind] += 1
        its = edits_for(found, moments, unsure=len(firsts) >= _FEW)
        edits = None if its is None or edits is None else edits | dict.fromkeys(its)
    varying = [_varying(path, fields[path], kinds[path]) for path in fields]
    boundaries = {_boundary(one.request) for one in firsts}
    if len(boundaries) > 1:
        examples = sorted(boundaries)[:2]
        varying.append(
            Varying(
                path="header.content-type",
                kind="boundary",
                values=len(boundaries),
                examples=(examples[0], examples[1]),
                is_compared=False,
            )
        )
    cluster = Cluster(
        cassette=cassette,
        line=line_of(first.request),
        members=tuple(sorted(one.index for some in equals for one in some)),
        keys=len(equals),
        varying=tuple(varying),
    )
    requests = tuple(one.request for one in firsts)
    return _Found(cluster, requests, None if edits is None else tuple(edits))


def _varying(path: str, found: Sequence[Change], kinds: Counter[str]) -> Varying:
    values = {shown_value(found[0].recorded), *(shown_value(one.sent) for one in found)}
    return Varying(
        path=path,
        kind=kinds.most_common(1)[0][0],
        values=len(values),
        examples=excerpts(shown_value(found[0].recorded), shown_value(found[0].sent)),
    )


def shown_value(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes, {blake2b(value, digest_size=6).hexdigest()}"
    return repr(value) if isinstance(value, Meaning | PartFacts) else shown(value)


def _boundary(request: Request) -> str:
    content_type = request.headers.get("content-type")
    if not media_type(content_type).startswith("multipart/"):
        return ""
    found = _BOUNDARY.search(content_type)
    return found[1].strip() if found else ""


def _proposals(
    found: Sequence[_Found], requests: dict[str, list[Request]], matcher: Matcher
) -> tuple[list[Proposal], list[Cluster]]:
    """Clusters of one host and path share a rule where that is enough for each of them."""
    by_place: dict[tuple[str, str], list[_Found]] = {}
    unsolved: list[Cluster] = []
    for one in found:
        if one.edits is None:
            unsolved.append(one.cluster)
            continue
        url = read_url(one.requests[0].url)
        by_place.setdefault((url.netloc, _near_text(url.path)), []).append(one)
    proposals: list[Proposal] = []
    for some in by_place.values():
        for its in _sharing(some, matcher):
            clusters = tuple(one.cluster for one in its)
            rule = _rule(its, matcher)
            if rule is None or _is_too_wide(rule, its, requests, matcher):
                unsolved += clusters
            else:
                proposals.append(Proposal(rule=rule, clusters=clusters, note=_note(its)))
    proposals.sort(key=lambda one: -one.merged)
    return proposals, unsolved


def _sharing(some: Sequence[_Found], matcher: Matcher) -> list[Sequence[_Found]]:
    """All together where one rule is enough for each of them, else one by one.

    One whose rule is to be looked at first is never mixed with others.
    """
    sure = [one for one in some if all(edit.is_sure for edit in one.edits or ())]
    alone: list[Sequence[_Found]] = [[one] for one in some if one not in sure]
    if not sure:
        return alone
    shared = [sure] if _rule(sure, matcher) is not None else [[one] for one in sure]
    return [*shared, *alone]


def _rule(its: Sequence[_Found], matcher: Matcher) -> Rule | None:
    edits = dict.fromkeys(edit for one in its for edit in one.edits or ())
    rule = rule_of(edits, [request for one in its for request in one.requests])
    return rule if all(is_enough(rule, one.requests, matcher) for one in its) else None


def _is_too_wide(
    rule: Rule, its: Sequence[_Found], requests: dict[str, list[Request]], matcher: Matcher
) -> bool:
    """Whether it would also make requests equal that are no cluster."""
    tried = matcher.with_rules((*matcher.rules, rule))
    for cassette in {one.cluster.cassette for one in its}:
        before = {matcher.key(request) for request in requests[cassette]}
        after = {tried.key(request) for request in requests[cassette]}
        gone = sum(one.cluster.keys - 1 for one in its if one.cluster.cassette == cassette)
        if len(after) < len(before) - gone:
            return True
    return False


def _note(its: Sequence[_Found]) -> str:
    counters = {edit.path for one in its for edit in one.edits or () if not edit.is_sure}
    if not counters:
        return ""
    return (
        f"{', '.join(sorted(counters))} counts up, or looks random. Where that is new with each run, take the "
        "rule; where one test makes several calls that differ in it, it would make them one."
    )


def near_key(request: Request) -> bytes:
    """Return a key that requests share which differ in uuids, hex numbers, times and numbers. Never raises."""
    try:
        near = _encode(_near_fields(fields_of(request), request))
    except RecursionError:  # nested too deeply to be looked into
        near = request.body
    return blake2b(near, digest_size=16).digest()


def _near_fields(fields: Fields, request: Request) -> list[Any]:
    url = fields.url
    pairs = [_near_pair(pair) for pair in fields.query or ()]
    return [
        fields.method,
        url.scheme,
        url.netloc,
        _near_text(url.path),
        sorted(pairs) if fields.query is not None else _near_text(url.query),
        fields.content.kind.value,
        _near_content(fields.content),
        str(request.principal),
    ]


def _near_content(content: Meaning) -> Any:
    match content.kind:
        case Kind.JSON | Kind.LINES:
            return _near_json(content.value)
        case Kind.FORM:
            return sorted(_near_pair(pair) for pair in content.value)
        case Kind.MULTIPART:
            return [_near_part(part) for part in content.value]
        case Kind.MESSAGE:
            return _near_part(content.value)
    return _near_bytes(content.value)


def _near_part(part: PartFacts) -> list[Any]:
    lines = [[name, _near_text(value)] for name, value in part.further]
    near = _near_content(part.content)
    filename = _near_text(part.filename or "")
    return [part.name, filename, part.content_type, _near_text(part.line), lines, near]


def _near_pair(pair: Pair) -> list[str]:
    value = "-" if pair.value is None else "=" + _near_text(pair.value.decode("utf-8", "replace"))
    return [pair.name.decode("utf-8", "replace"), value]


def _near_bytes(data: bytes) -> str:
    try:
        return _near_text(data.decode())
    except UnicodeDecodeError:
        return blake2b(data, digest_size=16).hexdigest()


def _near_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _near_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_near_json(item) for item in value]
    if isinstance(value, str):
        return _near_text(value)
    return value if value is None or isinstance(value, bool) else 0


def _near_text(text: str) -> str:
    text = _blanked(text, _ANY_TIME.find(text, 1.0))
    return _NUMBER.sub("0", _blanked(text, tokens_in(text)))


def _blanked(text: str, found: Iterable[Found]) -> str:
    return "\0".join(split_at(text, found)[::2])
