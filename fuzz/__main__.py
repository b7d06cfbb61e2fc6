"""`python -m fuzz [--seconds N] [--runs N] [--at-random] [READER ...]`: each reader in a process of its own.

With atheris coverage steers what is tried. Without it, and `--at-random`, changes at random do, of the seeds and of
what coverage has found before: many times as fast. A reader is done after `--runs` executions or `--seconds`,
whichever comes first. An input that breaks one is kept in `fuzz/found/`.
"""

from __future__ import annotations

import argparse
import os
import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fuzz.readers import READERS

_FOUND = Path(__file__).parent / "found"
_CORPUS = Path(__file__).parent / "corpus"
SLOWEST_S, MOST_MB = 1.0, 200


class Result(NamedTuple):
    """How often a reader was run, the longest it took, and what it took above the seeds alone."""

    name: str
    executions: int
    slowest_s: float
    peak_mb: int
    grown_mb: int
    failure: str

    @property
    def is_good(self) -> bool:
        return not self.failure and self.slowest_s <= SLOWEST_S and self.grown_mb <= MOST_MB


def run(name: str, seconds: int, runs: int, *, at_random: bool = False) -> Result:
    """Fuzz one reader."""
    _FOUND.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile() as told:
        command = [sys.executable, "-m", "fuzz.one", name, str(seconds), str(runs), told.name]
        environment = os.environ | {
            "FUZZ_CORPUS": str(_CORPUS / name),
            "FUZZ_FOUND": f"{_FOUND}/{name}-",
            "FUZZ_AT_RANDOM": "1" if at_random else "",
        }
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", env=environment, check=False
        )
        data = Path(told.name).read_bytes().ljust(32, b"\0")
    executions, slowest_s, before_mb, peak_mb = struct.unpack("<qddd", data[:32])
    failure = "" if done.returncode == 0 else _why(done.stdout + done.stderr)
    return Result(name, executions, slowest_s, round(peak_mb), round(peak_mb - before_mb), failure)


def _why(output: str) -> str:
    for sign in (
        r"=== Uncaught Python exception: ===\n(.*)",
        r"(ERROR: libFuzzer: .*)",
        r"^(\w*(?:Error|Exception).*)",
    ):
        if found := re.findall(sign, output, re.MULTILINE):
            return str(found[-1])[:300]
    return output[-300:]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--at-random", action="store_true")
    parser.add_argument("readers", nargs="*", metavar="READER")
    given = parser.parse_args(arguments)
    unknown = set(given.readers) - set(READERS)
    if unknown:
        parser.error(
            f"no such reader: {', '.join(sorted(unknown))}; there are {', '.join(READERS)}"
        )
    print(f"{'reader':14} {'executions':>11} {'slowest':>9} {'peak':>7} {'grown':>7}", flush=True)
    bad = 0
    for name in given.readers or READERS:
        one = run(name, given.seconds, given.runs, at_random=given.at_random)
        bad += not one.is_good
        print(
            f"{name:14} {one.executions:11,} {one.slowest_s * 1000:6.0f} ms {one.peak_mb:4} MB {one.grown_mb:4} MB"
            f"  {one.failure or ('' if one.is_good else 'TOO SLOW OR TOO LARGE')}",
            flush=True,
        )
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
