"""`python -m tests_compat.corpus [--vcrpy VERSION] [--client NAME]`; exits with 1 on an unlisted difference."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests_compat.corpus import comparison, environments, server
from tests_compat.corpus.clients import CLIENTS, Client
from tests_compat.corpus.comparison import Case, Known, Observations
from tests_compat.corpus.environments import ONETAKE, VCRPY, WORK, Environment

_KNOWN = Path(__file__).parent / "differences.toml"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests_compat.corpus", description=__doc__)
    versions = [one.recorder.partition("==")[2] for one in VCRPY]
    parser.add_argument("--vcrpy", choices=versions, action="append", help="only this version")
    names = [client.name for client in CLIENTS]
    parser.add_argument("--client", choices=names, action="append", help="only this client")
    chosen = parser.parse_args()
    wanted = [client for client in CLIENTS if client.name in (chosen.client or names)]
    recorders = [
        one for one in VCRPY if one.recorder.partition("==")[2] in (chosen.vcrpy or versions)
    ]
    known = comparison.read_known(_KNOWN)
    try:
        for environment in {*recorders, ONETAKE, VCRPY[-1]}:
            environments.prepare(environment)
        with server.running() as running:
            run = _Run(running, known)
            for recorder in recorders:
                run.replay_theirs(
                    recorder, [one for one in wanted if one.since <= recorder.version]
                )
            if VCRPY[-1] in recorders:  # its own replays are what these are compared with, too
                run.replay_ours(wanted)
    except subprocess.CalledProcessError as error:
        print(error)
        return 1
    return int(not _report(run.cases, run.trouble))


class _Run:
    """Records and replays with one server. `trouble` is what no single case has."""

    def __init__(self, running: server.Server, known: list[Known]) -> None:
        self._server = running
        self._known = known
        self.cases: list[Case] = []
        self.trouble: list[str] = []
        self._theirs: Observations = {}  # vcrpy's replay of its own cassettes

    def replay_theirs(self, recorder: Environment, clients: list[Client]) -> None:
        """What vcrpy has recorded, replayed by itself and by onetake in both ways."""
        folder = _emptied(recorder.name)
        live = self._played(recorder, "record", folder, clients)
        theirs = self._played(recorder, "replay", folder, clients)
        for way in ("facade-replay", "in-place"):
            seen = self._played(ONETAKE, way, folder, clients)
            self.cases += comparison.compare(recorder.name, way, live, theirs, seen, self._known)
        self._theirs = theirs

    def replay_ours(self, clients: list[Client]) -> None:
        """What onetake records, replayed by itself and by the last vcrpy."""
        folder = _emptied("onetake")
        live = self._played(ONETAKE, "facade-record", folder, clients)
        ours = self._played(ONETAKE, "facade-replay", folder, clients)
        theirs = self._played(VCRPY[-1], "replay", folder, clients)
        for way, seen in (("facade-replay", ours), ("vcrpy-replay", theirs)):
            self.cases += comparison.compare("onetake", way, live, self._theirs, seen, self._known)

    def _played(
        self, environment: Environment, way: str, folder: Path, clients: list[Client]
    ) -> Observations:
        """The replay of a cassette reaches no server: each request that arrives is trouble."""
        print(f"{folder.name}: {way} ...", flush=True)
        self._server.begin()
        names = [client.name for client in clients]
        printed = environments.play(
            environment, way, self._server.base, str(folder), *names, cwd=folder
        )
        (folder / f"{way}.json").write_text(printed, encoding="utf-8")
        if not way.endswith("record") and self._server.hits:
            self.trouble.append(f"{folder.name}: {way} sent {self._server.hits} requests")
        seen: Observations = json.loads(printed)
        return seen


def _emptied(name: str) -> Path:
    """A project of its own, so that nothing of this repository counts."""
    folder = WORK / "cassettes" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[tool.onetake]\n")
    return folder


def _report(cases: list[Case], trouble: list[str]) -> bool:
    """Prints the tables; whether all is as it should be."""
    different = [case for case in cases if case.verdict == comparison.DIFFERENT]
    for case in different:
        print(f"different: {case.name}: {case.why}")
    for text in trouble:
        print(f"trouble: {text}")
    for verdict in (comparison.BY_RULE, comparison.LISTED, comparison.UNRECORDED):
        for why, count in Counter(case.why for case in cases if case.verdict == verdict).items():
            print(f"{verdict}: {count} times: {why[:200]}")
    print(
        f"\n{'':24}{'':14}{'scenarios':>10}" + "".join(f"{one:>11}" for one in comparison.VERDICTS)
    )
    rows: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        rows.setdefault((case.recorder, case.client), []).append(case)
    for (recorder, client), of_it in rows.items():
        print(_row(recorder, client, of_it))
    print(_row("in all", "", cases))
    recorded = {(case.recorder, case.client, case.scenario) for case in cases}
    theirs = sum(recorder != "onetake" for recorder, _, _ in recorded)
    print(f"{theirs} scenarios recorded by vcrpy, {len(recorded) - theirs} by onetake.")
    return bool(cases) and not different and not trouble


def _row(recorder: str, client: str, cases: Iterable[Case]) -> str:
    cases = list(cases)
    counts = Counter(case.verdict for case in cases)
    recorded = len({(case.recorder, case.client, case.scenario) for case in cases})
    return f"{recorder:24}{client:14}{recorded:>10}" + "".join(
        f"{counts[verdict] or '':>11}" for verdict in comparison.VERDICTS
    )


if __name__ == "__main__":
    sys.exit(main())
