"""`python -m tests_compat.corpus.player WAY BASE FOLDER CLIENT...`: plays scenarios, prints observations.

It runs in an environment of its own, with vcrpy or with onetake. The ways: `record` and `replay` with the
`vcr` that is installed; `facade-record` and `facade-replay` with that of onetake-vcr; `in-place`, where
onetake replays vcrpy's cassettes by itself.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests_compat.corpus import clients
from tests_compat.corpus.clients import Seen
from tests_compat.corpus.scenarios import Scenario, of_client

Cassette = Callable[[Path, Scenario], AbstractContextManager[Any]]


def _facade(mode: str) -> Cassette:
    import vcr

    def cassette(path: Path, scenario: Scenario) -> AbstractContextManager[Any]:
        return vcr.VCR(record_mode=mode, **scenario.options).use_cassette(str(path))

    return cassette


def _in_place(path: Path, scenario: Scenario) -> AbstractContextManager[Any]:  # noqa: ARG001
    import onetake

    return onetake.use_cassette(str(path), mode="replay")


def _cassettes(way: str) -> Cassette:
    if way == "in-place":
        return _in_place
    return _facade("once" if way.endswith("record") else "none")


def _played(
    cassette: Cassette, path: Path, client: clients.Client, base: str, scenario: Scenario, way: str
) -> list[Seen]:
    """What was seen, in the order of the steps."""
    is_recording = way.endswith("record")
    found: list[Seen] = []
    steps = list(scenario.steps)
    order = list(range(len(steps)))
    if not is_recording:
        order = list(scenario.order) or order
        if scenario.unrecorded:
            steps = list(scenario.unrecorded)
            order = list(range(len(steps)))
    try:
        with cassette(path, scenario):
            found = client.play(base, [steps[i] for i in order])
    except Exception as error:  # of the cassette itself
        if is_recording or not found:  # else it repeats what a step has shown
            return [{"cassette": f"{type(error).__name__}: {error}"[:300]}]
    return [seen for _, seen in sorted(zip(order, found, strict=True), key=lambda pair: pair[0])]


def main() -> None:
    warnings.simplefilter("ignore")
    way, base, folder, *names = sys.argv[1:]
    cassette = _cassettes(way)
    seen: dict[str, dict[str, list[Seen]]] = {}
    for client in map(clients.named, names):
        of_it = seen.setdefault(client.name, {})
        for scenario in of_client(client.can):
            if scenario.in_place or way != "in-place":
                path = Path(folder, client.name, scenario.file)
                of_it[scenario.name] = _played(cassette, path, client, base, scenario, way)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
