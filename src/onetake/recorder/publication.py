"""The end of a take: when its scope has ended it joins the cassette, or is set apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct, field

from onetake.messages import Request
from onetake.recorder.forks import forks
from onetake.recorder.live_calls import LiveCalls
from onetake.recorder.takes import Takes
from onetake.stores.journal import Journal, Quarantine
from onetake.stores.port import CassetteStore


class Published(Struct, frozen=True):
    """`gained` are the requests that fill slots of their own, `added` how many recordings the cassette
    gained, `paid_twice` how many answers it had already, `left_out` what is to be said of recordings that
    it does not take."""

    gained: tuple[Request, ...] = ()
    added: int = 0
    paid_twice: int = 0
    left_out: tuple[str, ...] = ()


class Publication(Struct):
    """The places of one opening: its cassette, its journal, and what an earlier opening has left."""

    store: CassetteStore
    journal: Journal
    quarantine: Quarantine
    takes: Takes
    live: LiveCalls
    key_of: Callable[[Request], bytes]
    forks_before: int = field(default_factory=forks)  # of this process, before the opening

    def publish(self, replacing_run: str | None) -> Published:
        """Into the cassette; `replacing_run` begins it anew for that run. Raises `OnetakeError`, OSError."""
        has_children = bool(self.live.kept()) or forks() > self.forks_before
        children = list(self.journal.of_children()) if has_children else []
        takes = self.takes.of_all(self.live.answered)
        takes += self.takes.of_children(one for _, found in children for one in found)
        published = Published()
        if takes:
            done = self.store.publish(takes, self.key_of, replacing_run=replacing_run)
            gained = (take.interaction.request for take in takes if take.replaces is None)
            published = Published(tuple(gained), done.added, done.paid_twice, done.left_out)
        self.journal.drop()
        for path, _ in children:
            path.unlink(missing_ok=True)
        promoted = (recorded for _, recorded, _ in self.takes.sequence.taken_from_quarantine)
        self.quarantine.drop({id(recorded.interaction) for recorded in promoted})
        return published

    def set_apart(self) -> Path | None:
        """Leave the take for the next opening by the same test, and return where it lies. Raises OSError."""
        return self.journal.quarantine()
