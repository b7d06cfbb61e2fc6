"""`python -m fuzz.one READER SECONDS RUNS FILE`: fuzz one reader in this process; FILE gets the figures."""

from __future__ import annotations

import mmap
import os
import resource
import struct
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from random import Random
from typing import Any

from fuzz.mutations import LIMIT, mutated

atheris: Any = None
if not os.environ.get("FUZZ_AT_RANDOM"):
    with suppress(ImportError):  # of some Pythons and machines there is none
        import atheris


class _Figures:
    """Executions, the slowest in seconds, MB before and at most: in a file, as nothing survives a crash."""

    def __init__(self, path: str) -> None:
        with open(path, "r+b") as file:
            file.truncate(32)
            self._told = mmap.mmap(file.fileno(), 32)
        self._executions, self._slowest_s, self._before_mb = 0, 0.0, 0.0

    def begin(self) -> None:
        self._before_mb = _peak_mb()

    def add(self, seconds: float) -> None:
        self._executions += 1
        self._slowest_s = max(self._slowest_s, seconds)
        self._told[:] = struct.pack(
            "<qddd", self._executions, self._slowest_s, self._before_mb, _peak_mb()
        )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(name: str, seconds: int, runs: int, told: str) -> None:
    with atheris.instrument_imports(include=["onetake"]) if atheris else nullcontext():
        from fuzz.readers import READERS, check
    for one in READERS[name].seeds:
        check(name, one)
    figures = _Figures(told)
    figures.begin()

    def once(data: bytes) -> None:
        start = time.process_time()
        try:
            check(name, data)
        finally:
            figures.add(time.process_time() - start)

    seeds = READERS[name].seeds
    if atheris:
        _by_coverage(once, seeds, seconds, runs)
    else:
        _at_random(once, seeds, seconds, runs)


def _by_coverage(
    once: Callable[[bytes], None], seeds: tuple[bytes, ...], seconds: int, runs: int
) -> None:
    corpus = Path(os.environ["FUZZ_CORPUS"])
    corpus.mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(one)

    def change(data: bytes, size: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.5:
            return bytes(atheris.Mutate(data, size))
        return mutated(data, random)[:size]

    arguments = [
        "fuzz",
        f"-max_total_time={seconds}",
        f"-runs={runs}",
        f"-max_len={LIMIT}",
        "-timeout=10",
        "-rss_limit_mb=1000",
        f"-artifact_prefix={os.environ['FUZZ_FOUND']}",
        "-verbosity=0",
        str(corpus),
    ]
    atheris.Setup(arguments, once, custom_mutator=change)
    atheris.Fuzz()


def _at_random(
    once: Callable[[bytes], None], seeds: tuple[bytes, ...], seconds: int, runs: int
) -> None:
    random: Any = Random(time.time_ns())
    until = time.monotonic() + seconds
    found = Path(os.environ["FUZZ_CORPUS"])
    sources = [*seeds, *(one.read_bytes() for one in sorted(found.glob("*")))]
    # Of the slow ones (bombs) fewer: a million of them say no more than some thousands.
    weights = [1 / (0.0005 + _seconds(once, one)) for one in sources]
    for _ in range(runs):
        if time.monotonic() > until:
            return
        data = (
            random.randbytes(random.randrange(200))
            if random.random() < 0.1
            else random.choices(sources, weights)[0]
        )
        data = mutated(data, random)
        try:
            once(data)
        except Exception:
            Path(f"{os.environ['FUZZ_FOUND']}{random.randrange(1 << 32):08x}").write_bytes(data)
            raise


def _seconds(once: Callable[[bytes], None], data: bytes) -> float:
    start = time.process_time()
    once(data)
    return time.process_time() - start


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
