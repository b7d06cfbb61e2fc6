"""What a suite catches: a request that its cassette does not answer."""

from __future__ import annotations

import os
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from onetake.errors import CassetteError, MissError
from onetake.runtime.secrets import safe_text
from vcr.matchers import Failure, Matcher
from vcr.request import Request
from vcr.util import read_body

MAX_SHOWN_SIMILAR_REQUESTS = 3
MAX_BODY_PREVIEW = 300

Similar = tuple[Request, list[str], list[Failure]]


class _Cassette(Protocol):
    """What a cassette says of itself here."""

    rewound: bool
    record_mode: Any
    _path: Any
    _match_on: Sequence[Matcher]

    @property
    def play_counts(self) -> Mapping[int, int]: ...

    def __len__(self) -> int: ...

    def find_requests_with_most_matches(self, request: Any) -> list[Similar]: ...


class CannotOverwriteExistingCassetteException(MissError):  # noqa: N818  (its name is known)
    """No recording answers `failed_request`, and the record mode of `cassette` allows no call.

    `reason` is `cassette_not_found`, `already_played`, `no_match` or `nothing_similar`; `similar_requests`
    are the recorded requests that most matchers accept, each with the names of those that do and what
    the others say.
    """

    def __init__(self, *_: object, cassette: Any, failed_request: Any) -> None:
        self.cassette = cassette
        self.failed_request = failed_request
        self.similar_requests = cassette.find_requests_with_most_matches(failed_request)
        reason = _reason(cassette, self.similar_requests)
        message, remedy = _told(cassette, failed_request, self.similar_requests, reason)
        line = safe_text(_line(failed_request))
        super().__init__(message, remedy=remedy, request=line, reason=reason)
        self.advice = _LIFT if _holds(cassette) else _REMEDIES[reason][0]

    @classmethod
    def _get_message(cls, cassette: Any, failed_request: Any) -> str:
        return str(cls(cassette=cassette, failed_request=failed_request))


class MissingMetadataError(CannotOverwriteExistingCassetteException):
    """The cassette has nothing under `key`, and its record mode adds nothing."""

    def __init__(self, *_: object, cassette: Any, key: Any) -> None:
        self.cassette = cassette
        self.key = key
        self.failed_request = None
        self.similar_requests = []
        MissError.__init__(
            self,
            safe_text(
                f"Cassette {cassette._path} has no metadata {key!r}, "
                f"and record_mode {_mode(cassette)!r} adds none."
            ),
            remedy="Record with record_mode='new_episodes', or delete the cassette to record it anew.",
            reason="missing_metadata",
        )


class UnhandledHTTPRequestError(MissError, KeyError):
    """The cassette was asked for an answer that it does not have."""

    def __init__(self, *said: object) -> None:
        super().__init__(" ".join(map(str, said)))


class UnreadableCassetteError(CassetteError, ValueError):
    """The text of a cassette is none that can be read."""


def _mode(cassette: _Cassette) -> str:
    return str(getattr(cassette.record_mode, "value", cassette.record_mode))


def _holds(cassette: _Cassette) -> str:
    """What holds the cassette to its recordings, whatever its own mode is; "" where nothing does."""
    held_to: tuple[Any, str] | None = getattr(cassette, "held_to", None)
    return held_to[1] if held_to is not None and str(held_to[0]) == "replay" else ""


def _reason(cassette: _Cassette, similar: list[Similar]) -> str:
    if not cassette.rewound and not len(cassette):
        return "cassette_not_found"
    if not similar:
        return "nothing_similar"
    return "no_match" if similar[0][2] else "already_played"


def _told(
    cassette: _Cassette, request: Any, similar: list[Similar], reason: str
) -> tuple[str, str]:
    """The message and its remedy."""
    mode = _mode(cassette)
    names = [getattr(matcher, "__name__", repr(matcher)) for matcher in cassette._match_on]
    lines = [
        *_headline(cassette, similar, reason, mode),
        "",
        *(
            f"  {line}"
            for line in _described(request, with_body=bool({"body", "raw_body"} & {*names}))
        ),
        "",
        f"Cassette: {cassette._path}",
        f"  record_mode: {mode}"
        + (f", held to replay ({_holds(cassette)})" if _holds(cassette) else ""),
        f"  match_on: {', '.join(names)}",
        f"  interactions: {len(cassette)} recorded, {len(cassette.play_counts)} played",
    ]
    if reason == "no_match":
        lines += ["", "Closest recorded requests:", *_closest(similar)]
    holds = _holds(cassette)
    remedies = [
        textwrap.fill(text, width=80, initial_indent="  * ", subsequent_indent="    ")
        for text in ((_LIFT,) if holds else ()) + _REMEDIES[reason]
    ]
    return safe_text("\n".join([*lines, ""])), "\n".join(["How to fix:", *remedies])


def _headline(
    cassette: _Cassette, similar: list[Similar], reason: str, mode: str
) -> tuple[str, ...]:
    """What is wrong in one sentence, and why no call was made."""
    existing = "" if mode == "none" else " into an existing cassette"
    refusal = f"record_mode '{mode}' doesn't record new requests{existing}."
    if holds := _holds(cassette):
        refusal = f"Nothing is recorded here, whatever the record_mode: {holds}."
    match reason:
        case "cassette_not_found":
            there = _exists(cassette._path)
            what = "the cassette file couldn't be loaded" if there else "the cassette doesn't exist"
            if not holds:
                what += f", and record_mode '{mode}' doesn't record new ones"
                refusal = ""
        case "already_played":
            count = sum(not failed for _, _, failed in similar)
            what = (
                "it matches 1 recorded interaction, but that has already been played back"
                if count == 1
                else f"it matches {count} recorded interactions, but they have all been played back"
            )
        case "no_match":
            differing = _joined(name for name, _ in similar[0][2])
            what = f"no recorded interaction matches it (the closest differ in {differing})"
        case _:
            what = "the cassette has nothing similar to it"
    first = f"Can't play back this request: {what}."
    return (first, refusal) if refusal else (first,)


_RECORD = (
    "run once with record_mode='new_episodes' to add it, or with record_mode='all' and "
    "drop_unused_requests=True to record the whole cassette anew."
)
_LIFT = "To record here all the same, set ONETAKE_MODE=once (or auto, or record) for one run."
_IGNORE = "take it out of match_on, or make it always the same in before_record_request."
_REMEDIES = {
    "cassette_not_found": (
        "Run once with record_mode='once' or 'new_episodes' to make the cassette.",
        "It should be there? Look at its path and at cassette_library_dir.",
    ),
    "already_played": (
        "Where the same answer may come each time, set allow_playback_repeats=True.",
        "Else record the further call: run once with record_mode='new_episodes'.",
    ),
    "no_match": (
        f"If the request was changed on purpose, {_RECORD}",
        f"If what differs changes with every run (a time, a random id), {_IGNORE}",
    ),
    "nothing_similar": (
        f"To record this request, {_RECORD}",
        "Where it shall never be recorded, name its host in ignore_hosts, or set ignore_localhost.",
    ),
}


def _line(request: Any) -> str:
    method, uri = getattr(request, "method", None), getattr(request, "uri", None)
    return repr(request) if method is None or uri is None else f"{method} {uri}"


def _described(request: Any, *, with_body: bool) -> list[str]:
    body = read_body(request) if with_body and hasattr(request, "body") else None
    return [_line(request), *([f"body: {_preview(body)}"] if body else [])]


def _preview(body: Any) -> str:
    if isinstance(body, bytes | bytearray):
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return f"<{len(body)} bytes of binary data>"
    else:
        text = str(body)
    text = safe_text(text)  # before it is cut: half a secret has no shape
    if len(text) <= MAX_BODY_PREVIEW:
        return text
    return f"{text[:MAX_BODY_PREVIEW]}… ({len(text)} characters)"


def _closest(similar: list[Similar]) -> list[str]:
    lines: list[str] = []
    for number, (request, _, failed) in enumerate(similar[:MAX_SHOWN_SIMILAR_REQUESTS], 1):
        lines.append(f"  {number}. {_line(request)}")
        for name, details in failed:
            text = (details or "").strip()
            if text and "\n" not in text:
                lines.append(f"     {name} differs: {text}")
            else:
                lines.append(f"     {name} differs{':' if text else ''}")
                lines += [f"       {line}" for line in text.splitlines()]
    rest = similar[MAX_SHOWN_SIMILAR_REQUESTS:]
    groups = Counter(tuple(name for name, _ in failed) for _, _, failed in rest)
    if len(groups) == 1:
        (names,) = groups
        lines.append(f"  …and {len(rest)} more that also differ in {_joined(names)}.")
    elif groups:
        lines.append(f"  …and {len(rest)} more:")
        lines += [
            f"     {count} differ in {_joined(names)}" for names, count in groups.most_common()
        ]
    return lines


def _joined(names: Iterable[str]) -> str:
    *others, last = [*names] or [""]
    return f"{', '.join(others)} and {last}" if others else last


def _exists(path: Any) -> bool:
    try:
        return os.path.exists(path)
    except (TypeError, ValueError):
        return False
