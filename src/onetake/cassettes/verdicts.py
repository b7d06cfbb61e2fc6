"""From what happened on the wire to one word per test."""

from __future__ import annotations

from collections.abc import Mapping

# Worst first (DESIGN section 13).
ORDER = (
    *("MISS", "NOT_PERSISTED", "LIVE", "OVERFLOW", "STALE"),
    *("PARTIAL", "RECORDED", "HIT", "NO_TRAFFIC"),
)


def verdict(counts: Mapping[str, int], *, persisted: bool) -> str:
    """From `counts` of calls; `persisted`: what was recorded is kept.

    `replayed`, `recorded`, `live`, `missed` and `refused` are outcomes; `stale` were replayed past their
    soft age, and by `overflow` the cassette grew, as it did on the run before.
    """
    if counts.get("missed") or counts.get("refused"):
        return "MISS"
    if counts.get("recorded") and not persisted:
        return "NOT_PERSISTED"
    if counts.get("live"):
        return "LIVE"
    if counts.get("overflow"):
        return "OVERFLOW"
    if counts.get("stale"):
        return "STALE"
    if counts.get("recorded"):
        return "PARTIAL" if counts.get("replayed") else "RECORDED"
    return "HIT" if counts.get("replayed") else "NO_TRAFFIC"
