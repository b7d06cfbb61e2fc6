"""`python -m tests_compat [--peer NAME] [ARGUMENTS FOR PYTEST]`; exits with 1 on an unlisted failure."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter

from tests_compat import deviations, peers

_VERDICTS = ("passed", "as listed", "unexpected", "skipped")
_MOST_NAMED = 40


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests_compat", description=__doc__)
    names = [peer.name for peer in peers.PEERS]
    parser.add_argument("--peer", choices=names, action="append", help="only this one")
    chosen, arguments = parser.parse_known_args()
    known = deviations.read(peers.HERE / "deviations.toml")
    bad = False
    for peer in peers.PEERS:
        if peer.name in (chosen.peer or names):
            ours = [one for one in known if one.peer == peer.name]
            bad |= not _run(peer, ours, arguments)
    return int(bad)


def _run(peer: peers.Peer, known: list[deviations.Deviation], arguments: list[str]) -> bool:
    """Whether all went as was known."""
    try:
        peers.prepare(peer)
        outcomes = peers.run(peer, arguments)
    except subprocess.SubprocessError as error:
        print(f"{peer.name}: {error}")
        return False
    comparison = deviations.compare(outcomes, known)
    print(f"\n{peer.name} {peer.version}")
    total: Counter[str] = Counter()
    for file, counts in sorted(comparison.by_file.items()):
        print(_row(file, counts))
        total += counts
    print(_row("in all", total))
    _name("Unexpected", comparison.unexpected)
    _name("Listed, and passing now", comparison.better)
    print(f"Output: {(peer.folder / 'output.txt').relative_to(peers.ROOT)}")
    if not outcomes:
        print("Nothing was run.")
    return bool(outcomes) and not comparison.unexpected


def _row(title: str, counts: Counter[str]) -> str:
    return (
        f"  {title:45}"
        + "".join(
            f"{counts[verdict]:5} {verdict}" if counts[verdict] else " " * (6 + len(verdict))
            for verdict in _VERDICTS
        ).rstrip()
    )


def _name(title: str, tests: list[str]) -> None:
    if tests:
        print(f"{title}:")
        for test in tests[:_MOST_NAMED]:
            print(f"  {test}")
        if len(tests) > _MOST_NAMED:
            print(f"  and {len(tests) - _MOST_NAMED} more")


if __name__ == "__main__":
    sys.exit(main())
