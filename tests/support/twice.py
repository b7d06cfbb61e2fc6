"""A program that runs twice, in two processes: the first records, the second replays."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fakeprovider
from tests.support.runs import result, run_program

_PROGRAM = """
    import json, sys, os
    import onetake
    from tests.support.clients import Ask, observe

    url, client = sys.argv[1:]

    def asks(url, n):
        {body}

    with onetake.use_cassette("main") as cassette:
        seen = [observe(client, ask) for ask in asks(url, int(os.environ.get("ROUND", "1")))]
    print(json.dumps({{"seen": seen, "verdict": cassette.verdict, "counts": cassette.counts,
                       "warnings": cassette.warnings, "held": len(cassette.interactions)}}))
"""


@dataclass(frozen=True)
class Run:
    seen: list[dict[str, Any]]
    verdict: str
    counts: dict[str, int]
    warnings: list[str]
    billed: int


@dataclass(frozen=True)
class Twice:
    recorded: Run
    replayed: Run
    cassette: Path

    @property
    def interactions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.cassette.read_text())["interactions"]
        return found

    def is_faithful(self) -> bool:
        """The second run paid nothing, saw the same, and is a HIT."""
        return (
            self.replayed.billed == 0
            and self.replayed.seen == self.recorded.seen
            and self.replayed.verdict == "HIT"
        )


def run(
    provider: fakeprovider.Provider, project: Path, client: str, body: str, **extra: str
) -> Run:
    before = provider.billed()
    source = _PROGRAM.format(body=body.strip())
    found = result(run_program(source, project, provider.url, client, **extra))
    return Run(
        found["seen"],
        found["verdict"],
        found["counts"],
        found["warnings"],
        provider.billed() - before,
    )


def twice(
    provider: fakeprovider.Provider, project: Path, client: str, body: str, **extra: str
) -> Twice:
    """`body` is the body of `asks(url, n)`, which returns a list of `Ask`."""
    return Twice(
        run(provider, project, client, body, **extra),
        run(provider, project, client, body, **({"ONETAKE_MODE": "replay"} | extra)),
        project / "cassettes" / "main.json",
    )
