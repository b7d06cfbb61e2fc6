"""What a run can show for itself: that it replayed everything, from which recordings, and paid nothing.

The digest is SHA-256 over the sorted lines `<cassette> <SHA-256 of a recording's text>` of each recording
that was used. A cassette in a file is called by its path from the project's root, another by its name in
the store, so the digest is the same on every machine that has the same recordings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from onetake.config import is_local
from onetake.errors import UsageError
from onetake.reports.json_report import Report
from onetake.reports.terminal import of_noun
from onetake.stores.names import digest_in_order
from onetake.stores.usage import digests

VERSION = 1
_PREFIX = "sha256:"
_SHOWN = 10


class Cassette(Struct, frozen=True, kw_only=True):
    """Recordings that a run has used: all of `name` but the `unused`, which are named by `stores.usage`.

    `digest` is that of all it held, in order; empty where the run could not tell.
    """

    name: str
    store: str = ""
    unused: tuple[str, ...] = ()
    digest: str = ""

    @property
    def is_file(self) -> bool:
        return is_local(self.store)


class Receipt(Struct, frozen=True, kw_only=True):
    """`digest` is of `recordings` recordings in `cassettes`; `reasons` say why it is not clean."""

    onetake_receipt: int
    digest: str
    recordings: int
    cassettes: tuple[Cassette, ...]
    tests: int
    replayed: int
    paid: int
    missed: int
    egress: int
    runs: tuple[dict[str, Any], ...]
    reasons: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        return not self.reasons


class Digest:
    """The digest of used recordings, cassette by cassette; `changed` are those that are not what they were."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self.changed: list[str] = []

    def add(self, cassette: Cassette, texts: Sequence[bytes] | None) -> None:
        """`texts` are the recordings (`Stored.raw`) as they lie now, None where they cannot be read."""
        if texts is None:
            self.changed.append(f"{cassette.name}: cannot be read")
            return
        if cassette.digest and digest_in_order(texts) != cassette.digest:
            self.changed.append(f"{cassette.name}: has changed since it was used")
        left = set(cassette.unused)
        for text, name in zip(texts, digests(texts), strict=True):
            if name not in left:
                self._lines.append(f"{cassette.name} {hashlib.sha256(text).hexdigest()}\n")

    @property
    def recordings(self) -> int:
        return len(self._lines)

    @property
    def value(self) -> str:
        lines = "".join(sorted(self._lines)).encode("utf-8", "surrogatepass")
        return _PREFIX + hashlib.sha256(lines).hexdigest()


def cassettes_of(report: Report) -> list[Cassette]:
    """Those from which a run has replayed, in the order of their names."""
    found = [
        Cassette(
            name=one["place"] if is_local(one["store"]) else one["cassette"],
            store=one["store"],
            unused=tuple(one["unused"]),
            digest=one["digest"],
        )
        for one in report.recordings
        if len(one["unused"]) < one["held"]
    ]
    return sorted(found, key=lambda one: (one.name, one.store))


def receipt_of(report: Report, cassettes: Sequence[Cassette], digest: Digest) -> Receipt:
    """The receipt of a run, or of several that were merged; `digest` has seen each of `cassettes`."""
    totals = report.totals
    return Receipt(
        onetake_receipt=VERSION,
        digest=digest.value,
        recordings=digest.recordings,
        cassettes=tuple(cassettes),
        tests=totals.tests,
        replayed=totals.calls.get("replayed", 0),
        paid=totals.paid,
        missed=totals.calls.get("missed", 0),
        egress=sum(totals.egress.values()),
        runs=tuple(
            {
                "id": run.id,
                "onetake": run.onetake,
                "mode": run.mode,
                "started": run.started,
                "exit_code": run.exit_code,
            }
            for run in report.runs
        ),
        reasons=tuple(_reasons(report, digest)),
    )


def _reasons(report: Report, digest: Digest) -> Iterable[str]:
    totals = report.totals
    for run in report.runs:
        if run.exit_code:
            yield f"the run {run.id} ended with exit code {run.exit_code}"
    if totals.paid:
        calls = totals.calls
        kinds = [("recorded", calls.get("recorded", 0)), ("let through", calls.get("live", 0))]
        kinds.append(("of tests without a cassette", totals.unmarked))
        parts = ", ".join(f"{count} {name}" for name, count in kinds if count)
        yield f"{of_noun(totals.paid, 'call')} went live ({parts})"
        paying = [test for test in report.tests if test.hosts]
        for one in paying[:_SHOWN]:
            live = sum(one.hosts.values())
            yield f"  {one.test}: {live} to {', '.join(sorted(one.hosts))}"
        if len(paying) > _SHOWN:
            yield f"  and {of_noun(len(paying) - _SHOWN, 'other test')}"
    for outcome, what in (("missed", "was missed"), ("refused", "was refused")):
        if count := totals.calls.get(outcome, 0):
            yield f"{of_noun(count, 'call')} {what if count == 1 else what.replace('was', 'were')}"
    if count := totals.calls.get("exchanged", 0):
        yield f"{of_noun(count, 'request')} for a token went live"
    if totals.egress:
        hosts = ", ".join(sorted(totals.egress)[:_SHOWN])
        connections = of_noun(sum(totals.egress.values()), "connection")
        yield f"{connections} past onetake, to {hosts}"
    yield from (f"{gate.gate}: {gate.text}" for gate in report.gates)
    yield from digest.changed[:_SHOWN]
    if len(digest.changed) > _SHOWN:
        yield f"and {of_noun(len(digest.changed) - _SHOWN, 'other cassette')} changed"


def to_text(receipt: Receipt) -> str:
    """In a few lines; what is not clean says so first."""
    lines = [] if receipt.is_clean else ["NOT CLEAN:"]
    lines += [f"  {reason}" for reason in receipt.reasons]
    return "\n".join([*lines, *_lines(receipt)])


def to_markdown(receipt: Receipt) -> str:
    """For a pull request."""
    from onetake.reports.github import escaped, fenced

    head = "**onetake receipt: clean**" if receipt.is_clean else "**onetake receipt: not clean**"
    reasons = [f"- {escaped(reason)}" for reason in receipt.reasons]
    # Each line stays one.
    text = "\n".join(" ".join(line.split()) for line in _lines(receipt))
    parts = [head, "", *([*reasons, ""] if reasons else []), fenced(text)]
    return "\n".join(parts).rstrip("\n")


def _lines(receipt: Receipt) -> list[str]:
    return [
        (
            f"Replayed {of_noun(receipt.replayed, 'call')} of {of_noun(receipt.tests, 'test')} "
            f"from {of_noun(receipt.recordings, 'recording')}; "
            f"paid {receipt.paid}; egress {receipt.egress}"
        ),
        f"recordings {receipt.digest}",
        *(
            f"onetake {run['onetake']}; run {run['id']} at {run['started']}; mode {run['mode']}"
            for run in receipt.runs
        ),
    ]


def read_receipt(text: bytes, name: str) -> Receipt:
    """Raises `UsageError` for what is no receipt, as `onetake receipt --json` prints it."""
    try:
        receipt = msgspec.json.decode(text, type=Receipt)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{name} is no receipt: {error}.",
            remedy="Name a file that `onetake receipt --json` has printed, or a digest.",
        ) from None
    if receipt.onetake_receipt != VERSION:
        raise UsageError(
            f"{name} is a receipt of version {receipt.onetake_receipt}; {VERSION} is known.",
            remedy="Use the version of onetake that wrote it.",
        )
    return receipt


def is_digest(text: str) -> bool:
    digits = text.removeprefix(_PREFIX)
    return len(digits) == 64 and all(one in "0123456789abcdef" for one in digits)


def same(one: str, other: str) -> bool:
    return one.removeprefix(_PREFIX) == other.removeprefix(_PREFIX)
