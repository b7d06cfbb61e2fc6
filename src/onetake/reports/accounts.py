"""The view model: one account per opening, and the sums of a whole run.

Accounts are plain data, so that those of worker processes can be sent to the process that prints.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from onetake.diagnosis import Group
    from onetake.reports.dollars import Spending
    from onetake.stores.budget import Balance

# Worst first; the tests without a cassette come last.
VERDICTS = (
    "MISS",
    "NOT_PERSISTED",
    "LIVE",
    "OVERFLOW",
    "STALE",
    "PARTIAL",
    "RECORDED",
    "HIT",
    "NO_TRAFFIC",
    "UNMARKED:LIVE",
    "UNMARKED:NO_TRAFFIC",
)

_SHOWN = 10  # tests or hosts for which a run fails

# The cassette of requests that belong to no test and no fixture: import time, foreign threads.
SESSION = "@session"

COUNTS = (
    *("replayed", "loose", "stale", "recorded", "live", "missed", "refused", "local", "exchanged"),
    *("passed", "unsent", "paid_twice", "quarantined"),
)


class Account(Struct, frozen=True, kw_only=True):
    """What one opening of a cassette, or one test without a cassette, came to.

    `test` is the node id, or `<module>/@<fixture>` for a fixture wider than function. `events` are the
    requests that were not replayed, and why (`diagnosis.Event` as plain data); `loose` counts forgiven
    values by path and kind, `local` what was answered here by kind and host; `place` is the file or URL,
    empty without a cassette. One that `is_late` is of requests made after the test's end, on top of its
    own account; one that `is_inner` of a cassette that the test opened by itself. One that `is_cut` did not
    come to all of its calls. `degraded` is what
    stores could not do until then (`stores.layered.Trouble` as plain data),
    `capacity` how many bytes of them are used, of how many; `growth` by what the cassette grows from run to
    run (`recorder.growth.Growth`); `notes` are remarks on cassettes by their file or name. `usages` are
    what a process used of cassettes (`stores.usage.Usage`); one that `is_partial` says that not all tests of
    the suite are run. `hosts` are those of calls that went live, `held` is how many recordings the cassette
    had before.

    `number` is that of the account in its process (0: none). `spent` (`spend.Spent` as plain data) is what
    its calls used, those that were paid and those that were saved. `egress` counts connections that onetake
    does not handle, by host, and `refused_egress` those of them that were refused. `skipped` is why the test
    was skipped. `line_number` is where it stands, from 1. `ledger` are its calls (`recorder.Call`), kept only
    for a report. `asked` says of a test that passed in mode `record` who asked for recordings of it: `test`
    where the mark is its own, else `run`.
    """

    test: str
    verdict: str
    counts: dict[str, int] = {}
    place: str = ""
    folder: str = ""
    is_fixture: bool = False
    events: tuple[dict[str, Any], ...] = ()
    loose: dict[str, int] = {}
    local: dict[str, int] = {}
    warnings: tuple[str, ...] = ()
    error: str = ""
    is_late: bool = False
    is_inner: bool = False
    is_cut: bool = False
    degraded: tuple[dict[str, Any], ...] = ()
    capacity: dict[str, tuple[int, int]] = {}
    growth: dict[str, Any] | None = None
    notes: dict[str, str] = {}
    usages: tuple[dict[str, Any], ...] = ()
    is_partial: bool = False
    hosts: dict[str, int] = {}
    held: int = 0
    number: int = 0
    spent: tuple[dict[str, Any], ...] = ()
    egress: dict[str, int] = {}
    refused_egress: dict[str, int] = {}
    skipped: str = ""
    line_number: int = 0
    ledger: tuple[dict[str, Any], ...] = ()
    asked: str = ""

    @property
    def is_part(self) -> bool:
        """Whether it stands beside the test's own account, which has the verdict."""
        return self.is_late or self.is_inner

    @property
    def is_marked(self) -> bool:
        return not self.verdict.startswith("UNMARKED:")

    @property
    def line(self) -> str:
        """`[HIT] replayed=4`."""
        counted = [f"{name}={self.counts[name]}" for name in COUNTS if self.counts.get(name)]
        if self.egress:
            counted.append(f"egress={sum(self.egress.values())}")
        return " ".join([f"[{self.verdict}]", *counted, *["skipped"] * bool(self.skipped)])


def to_data(account: Account) -> dict[str, Any]:
    """Dicts, lists, texts and numbers only: what pytest-xdist can send."""
    data: dict[str, Any] = msgspec.to_builtins(account)
    return data


def from_data(data: Mapping[str, Any]) -> Account:
    return msgspec.convert(data, Account)


class Reason(Struct, frozen=True, kw_only=True):
    """Why a run fails: the `gate` (a name of `fail_on`, `max-live` or `max-spend`), a sentence, and where."""

    gate: str
    text: str
    where: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[str, ...]:
        """The first ten of `where`."""
        more = len(self.where) - _SHOWN
        return (*self.where[:_SHOWN], *([f"and {more} more"] if more > 0 else []))


class Summary:
    """The sums of a run. A test that ran again counts once, by its last verdict; calls all count."""

    def __init__(self) -> None:
        self._last: dict[str, Account] = {}
        self.accounts: list[Account] = []  # also of attempts before the last, and late ones
        self.calls: Counter[str] = Counter()
        self.unmarked: Counter[str] = Counter()
        self.events: list[dict[str, Any]] = []
        self.loose: Counter[str] = Counter()
        self.local: Counter[str] = Counter()
        self.warnings: list[tuple[str, str]] = []
        self.errors: list[tuple[str, str]] = []
        self.folders: Counter[str] = Counter()
        self.ownerless: Counter[str] = Counter()
        self.degraded: dict[str, Counter[str]] = {}  # by store
        self.last_errors: dict[str, str] = {}
        self.capacity: dict[str, tuple[int, int]] = {}
        self.growth: dict[str, dict[str, Any]] = {}  # by test
        self.notes: dict[str, str] = {}  # by cassette
        self.usages: list[dict[str, Any]] = []
        self.is_partial = False
        self.unused: dict[str, tuple[int, int]] = {}  # by cassette: of how many recordings
        self.orphans: list[str] = []
        self.recordings: list[dict[str, Any]] = []  # what cassettes held, and what was used
        self.skipped: Counter[str] = Counter()  # by reason
        self.lettered: set[str] = set()  # verdicts that were shown by their letters
        # Known at the end.
        self.spending: Spending | None = None
        self.leaks: Counter[str] | None = None  # by test
        self.balance: Balance | None = None  # of `max_spend`, known at the end
        self.max_spend: float | None = None
        self.failed: list[Reason] = []  # why the run fails, though its tests may have passed

    def add(self, account: Account) -> None:
        if account.test:
            self.accounts.append(account)
        if not account.is_part:
            self._last[account.test] = account
        if account.skipped:
            self.skipped[account.skipped] += 1
        for trouble in account.degraded:
            counts = self.degraded.setdefault(trouble["place"], Counter())
            counts.update({name: trouble[name] for name in ("failures", "spooled", "delivered")})
            if trouble["last_error"]:
                self.last_errors[trouble["place"]] = trouble["last_error"]
        self.capacity.update(account.capacity)
        self.notes.update(account.notes)
        self.usages += account.usages
        self.is_partial = self.is_partial or account.is_partial
        if account.growth is not None:
            self.growth[account.test] = account.growth
        self.warnings += [(account.test, warning) for warning in account.warnings]
        if not account.is_marked:
            if live := account.counts.get("live", 0) - account.counts.get("unsent", 0):
                self.unmarked[account.test] += live
            if account.test == SESSION:  # of a run in which no test has a cassette
                self.ownerless["refused"] += account.counts.get("refused", 0)
            return
        self.calls.update(account.counts)
        if account.test == SESSION:
            self.ownerless.update(account.counts)
        self.events += account.events
        self.loose.update(account.loose)
        self.local.update(account.local)
        if account.error:
            self.errors.append((account.test, account.error))
        if account.folder and (account.counts.get("replayed") or account.counts.get("recorded")):
            self.folders[account.folder] += 1

    @property
    def is_empty(self) -> bool:
        """No test used a cassette, nothing went live, and nothing was connected to past onetake."""
        if self.unmarked or self.failed or (self.balance is not None and self.balance.refused):
            return False
        if any(one.is_marked for one in self._last.values()):
            return False
        return not any(one.egress or one.refused_egress for one in self.accounts)

    @property
    def has_missed_late(self) -> bool:
        """Whether a call was missed or refused when its test was over, so that no test could fail for it."""
        late = (one.counts for one in self.accounts if one.is_late)
        return any(counts.get("missed") or counts.get("refused") for counts in late)

    @property
    def verdicts(self) -> dict[str, int]:
        """How many tests (and wider fixtures) ended with each verdict, worst first."""
        found = Counter(account.verdict for account in self._last.values())
        return {verdict: found[verdict] for verdict in VERDICTS if found[verdict]}

    @property
    def groups(self) -> tuple[Group, ...]:
        """What was not replayed, by cause."""
        if not self.events:
            return ()
        from onetake.diagnosis import Event, group

        return group(msgspec.convert(self.events, list[Event]))

    @property
    def paid(self) -> int:
        """Calls that went to the network: recorded, let through, or made by unmarked tests.

        Not those that failed before they were sent (no such host, nobody there).
        """
        sent = self.calls["recorded"] + self.calls["live"] - self.calls["unsent"]
        return sent + self.unmarked.total()
