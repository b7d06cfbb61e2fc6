"""From what happened on the wire to one word per test."""

from __future__ import annotations

from collections.abc import Mapping

# Worst first (DESIGN section 13); OVERFLOW needs run history.
ORDER = ("MISS", "NOT_PERSISTED", "LIVE", "STALE", "PARTIAL", "RECORDED", "HIT", "NO_TRAFFIC")


def verdict(counts: Mapping[str, int], *, persisted: bool) -> str:
    """`counts` has `replayed`, `stale`, `recorded`, `live`, `missed`; `persisted`: that all is kept."""
    if counts.get("missed"):
        return "MISS"
    if counts.get("recorded") and not persisted:
        return "NOT_PERSISTED"
    if counts.get("live"):
        return "LIVE"
    if counts.get("stale"):
        return "STALE"
    if counts.get("recorded"):
        return "PARTIAL" if counts.get("replayed") else "RECORDED"
    return "HIT" if counts.get("replayed") else "NO_TRAFFIC"
