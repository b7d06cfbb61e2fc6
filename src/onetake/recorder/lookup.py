"""The look-up of requests: each gets the form that may be written, and the key of its recording.

Everything that an opening asks its redactor and its matcher about requests is asked here. The redacted
request is matched, so that a stored recording and a live request give the same key. Redaction by name and
shape is enough to find most recordings; values are looked for only where that finds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from threading import Lock
from typing import Protocol

from msgspec.structs import replace

from onetake.cassettes.decisions import Replay
from onetake.config import Settings
from onetake.content import Content, read_request
from onetake.errors import OnetakeError
from onetake.matching import Active, Matcher, Template, Value, paths_by_value, templates_of
from onetake.messages import Interaction, Request, read_url
from onetake.recorder.principals import Principals, names_in
from onetake.redaction import Redactor
from onetake.runtime.secrets import known_values


class Holder(Protocol):
    """A holder of recordings by key."""

    def holds(self, key: bytes) -> bool:
        """Return whether there is a recording of `key`. Takes no lock."""


@lru_cache(maxsize=512)
def _netloc(url: str) -> str:
    return read_url(url).netloc


class Lookup:
    """The redactor, the matcher and the numbered credentials of one opening. Thread-safe.

    `recorded` gives the requests of recordings in which something was redacted by its value.
    """

    def __init__(
        self,
        matcher: Matcher,
        settings: Settings,
        holder: Holder,
        recorded: Callable[[], Iterable[Request]],
        principals: Principals | None,
    ) -> None:
        places = [path for rule in settings.rules for path in rule.credential_paths]
        self._redactor = Redactor(
            names_in(places, "header"), names_in(places, "query"), known_values()
        )
        self._matcher = matcher
        self._holder = holder
        self._recorded = recorded
        self._principals = principals
        self._templates: list[tuple[Template, ...]] | None = None
        self._lock = Lock()  # of the principals
        self._redacting = Lock()  # of what the redactor learns: none is lost of two at once
        self.has_learned = False  # secrets of this opening, which may stand in later requests

    def active(self, request: Request) -> Active:
        """Return what the rules say of `request`, which is not redacted. Raises `OnetakeError`."""
        return self._matcher.active(request)

    def head(self, bare: Request) -> tuple[Request, Request] | None:
        """Return an ordinary request without its body as it is matched, and as the account shows it.

        None where two such requests of the same bytes may be different ones by the rules. Raises
        `OnetakeError`.
        """
        active = self._matcher.active(bare)
        if not self._matcher.only_compares(active):
            return None
        if self._principals is not None:
            bare = bare.replace(principal=self._principal(bare, active))
        safe = self._redactor.request(bare)
        if self._matcher.active(safe) != active:  # other rules fit what was recorded
            return None
        return safe, safe.replace(url=self._redactor.url(safe.url))

    def find(
        self, request: Request, active: Active, content: Content, *, is_ordinary: bool = True
    ) -> tuple[Request, bytes]:
        """Return `request` as it may be written, and the key of its recording. Raises `OnetakeError`.

        `content` is its body, read, of which every coding is undone that can be.
        Only an ordinary call may be answered by a recording, and has its credential numbered.
        """
        if is_ordinary and self._principals is not None:
            request = replace(request, principal=self._principal(request, active))
        with self._redacting:
            safe = self._redactor.request(request, active.redact, content)
        key = self._matcher.key(safe, active)
        is_same = safe.body is request.body and not active.redact
        content_of_safe = content if is_same else read_request(safe)
        if self._holder.holds(key):  # all of its recordings may have been given: then it goes live
            return self._written(safe, content_of_safe), key
        return self._redacted(safe, key, active, content_of_safe)

    def key_of(self, safe: Request) -> bytes:
        """The key of a request that is safe already. Raises `OnetakeError`."""
        return self._matcher.key(safe)

    def told(self, request: Request, active: Active) -> Request:
        """Return `request` as the account shows it, where nothing is kept. Raises `RedactionError`."""
        return self._redactor.by_value(self._redactor.request(request, active.redact))

    def line(self, request: Request) -> Request:
        """Return only the method and the safe URL of `request`, which may be impossible to redact."""
        return Request(method=request.method, url=self._redactor.url(request.url))

    def note(self, request: Request, values: Iterable[str]) -> None:
        """Know the secrets of `request`, and `values`, in what is redacted from now on."""
        self.has_learned = True
        with self._redacting:
            self._redactor.note(request, values)

    def written(self, interaction: Interaction, safe: Request) -> Interaction:
        """Return `interaction` as it may be written, with `safe` for its request. Raises `OnetakeError`."""
        self.has_learned = True
        paths = self._matcher.active(interaction.request).redact if self._matcher.rules else ()
        with self._redacting:
            return self._redactor.interaction(replace(interaction, request=safe), paths)

    def learn(self, interaction: Interaction) -> None:
        """Know the secrets of an answer of which nothing is kept, when the program sends them on."""
        self.has_learned = True
        with suppress(OnetakeError), self._redacting:
            self._redactor.interaction(interaction)

    def forgiven(self, replay: Replay) -> list[tuple[Value, Value]]:
        """The volatile values in which a loose hit differs: what was recorded, and what was sent now."""
        if replay.recorded is None or replay.sent is None:
            return []
        stored = self._matcher.loose(replay.recorded.request, replay.recorded.at)
        if stored is None:
            return []
        pairs = zip(stored.values, replay.sent.values, strict=False)
        return [(old, new) for old, new in pairs if old.text != new.text]

    def _principal(self, request: Request, active: Active) -> int | str:
        assert self._principals is not None
        host = _netloc(request.url)
        with self._lock:
            return self._principals.of(request, host, self._redactor.given, active.credential)

    def _redacted(
        self, safe: Request, key: bytes, active: Active, content: Content
    ) -> tuple[Request, bytes]:
        """Redact by value what is redacted by name and shape already.

        A value that only the environment tells to be secret may be another one than was recorded.
        """
        written = self._written(safe, content)
        if written is not safe:
            key = self._matcher.key(written, active)
            if self._holder.holds(key):
                return written, key
        recorded = self._recorded_by_value()
        for fitting in self._matcher.keys_as(safe, recorded) if recorded else ():
            if self._holder.holds(fitting):
                return written, fitting
        return written, key

    def _written(self, safe: Request, content: Content) -> Request:
        written = self._redactor.by_value(safe, content)
        if written is safe:
            return safe
        return replace(written, by_value=paths_by_value(written))

    def _recorded_by_value(self) -> Sequence[tuple[Template, ...]]:
        """Return the forms of requests whose recordings have values redacted."""
        if self._templates is None:
            found = map(templates_of, self._recorded())
            self._templates = list(dict.fromkeys(templates for templates in found if templates))
        return self._templates
