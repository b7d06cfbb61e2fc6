"""The recordings that a run has used, as they lie now: their digest, and whether a receipt is of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from onetake.care.receipt import (
    Cassette,
    Digest,
    Receipt,
    cassettes_of,
    is_digest,
    read_receipt,
    receipt_of,
    same,
)
from onetake.care.workplace import Workplace
from onetake.config.settings import is_local
from onetake.errors import OnetakeError, UsageError
from onetake.reports.json_report import Report
from onetake.reports.merging import merge, read_report
from onetake.stores.files import read_cassette
from onetake.stores.private import read_regular
from onetake.stores.reports import kept_reports


class Check(Struct, frozen=True, kw_only=True):
    """Whether the recordings here are those of the digest that was `wanted`; `found` is theirs."""

    is_same: bool
    wanted: str
    found: str
    recordings: int
    changed: list[str]


def made(place: Workplace, reports: Sequence[Path], problems: list[str]) -> Receipt:
    """The receipt of the last run, or of those of the `reports` together."""
    report = _report(place, reports)
    cassettes = cassettes_of(report)
    return receipt_of(report, cassettes, _digest(place, cassettes, problems))


def check(place: Workplace, reports: Sequence[Path], given: str, problems: list[str]) -> Check:
    """Compare the recordings here with those of a receipt, a file, or of a digest.

    A digest alone does not say which recordings it is of: a report does. Raises `UsageError`.
    """
    if is_digest(given):
        wanted, cassettes = given, cassettes_of(_report(place, reports))
    else:
        if reports:
            raise UsageError(
                "A receipt says itself which recordings it is of.",
                remedy="Leave out the reports, or give --check a digest.",
            )
        try:
            text = read_regular(place.here / given)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(
                f"{given} is no digest, and no file that can be read: {reason}.",
                remedy="Give a file that `onetake receipt --json` has printed, or sha256:... in full.",
            ) from None
        receipt = read_receipt(text, given)
        wanted, cassettes = receipt.digest, list(receipt.cassettes)
    digest = _digest(place, cassettes, problems)
    return Check(
        is_same=same(digest.value, wanted) and not digest.changed,
        wanted=wanted,
        found=digest.value,
        recordings=digest.recordings,
        changed=digest.changed,
    )


def _report(place: Workplace, reports: Sequence[Path]) -> Report:
    if not reports:
        reports = kept_reports(place.cache)[:1]
    if not reports:
        raise UsageError(
            "No run of pytest here has left a report.",
            remedy="Run the tests once, or name what --onetake-report has written.",
        )
    return merge([read_report(path) for path in reports])


def _digest(place: Workplace, cassettes: Sequence[Cassette], problems: list[str]) -> Digest:
    digest = Digest()
    for one in cassettes:
        texts: list[bytes] | None = None
        try:
            texts = _texts(place, one)
        except OnetakeError as error:
            problems.append(error.message)
        digest.add(one, texts)
    return digest


def _texts(place: Workplace, one: Cassette) -> list[bytes]:
    """The recordings as they lie now. Raises `OnetakeError`."""
    if one.is_file:
        return [
            stored.raw
            for stored in read_cassette(
                place.root / one.name, None if Path(one.name).is_absolute() else place.root
            )
        ]
    if is_local(place.settings.store):  # of another one the digest tells whether it is right
        raise UsageError(
            f"{one.name} is in {one.store}, which is not the store of this project's settings.",
            remedy="Name it with its user and password: --store URL.",
        )
    return [kept.stored.raw for kept in place.shelf.recordings(one.name)]
