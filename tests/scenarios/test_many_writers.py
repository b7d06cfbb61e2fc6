"""Many processes that record into the same cassettes at once, and some of them killed.

`make stress` runs it in full: 8 processes with 1,000 interactions each into 50 cassettes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import fakeprovider
from tests.support.nurseries import Started
from tests.support.runs import result, run_program, start_program
from tests.support.stores import Store

IS_FULL = os.environ.get("STRESS") == "1"
WRITERS, CASSETTES, CALLS = (8, 50, 20) if IS_FULL else (4, 5, 10)
EACH = CASSETTES * CALLS
_WITHIN_S = 600 if IS_FULL else 60
_KILLED_ON = ["sqlite", "redis", "s3"] + (["files", "cluster", "object-files"] if IS_FULL else [])

# Each begins at another cassette, so that all are written by some at any moment.
_WRITER = """
    import json, os, sys
    import httpx
    import onetake

    url, writer, cassettes, calls = sys.argv[1], *map(int, sys.argv[2:])
    counts = {}
    recorder = onetake.Recorder()
    with httpx.Client() as client:
        for n in range(cassettes):
            number = (n + writer * cassettes // 8) % cassettes
            with recorder.use_cassette(f"shared/{number}") as cassette:
                for call in range(calls):
                    said = f"{number} {writer} {call}"
                    client.post(url + "/v1/chat/completions", json={
                        "model": "m", "messages": [{"role": "user", "content": said}]}
                    ).raise_for_status()
                    os.write(1, f"{said}\\n".encode())
            for name, count in cassette.counts.items():
                counts[name] = counts.get(name, 0) + count
    opening = sys.modules.get("onetake.stores.opening")
    trouble = [one.last_error for one in opening.drain_trouble()] if opening else []
    print(json.dumps({"counts": counts, "trouble": trouble}))
"""

_READER = """
    import json, sys
    import onetake

    recorder = onetake.Recorder(mode="replay")
    said = []
    for number in range(int(sys.argv[1])):
        with recorder.use_cassette(f"shared/{number}") as cassette:
            for one in cassette.interactions:
                said.append(json.loads(one.request.body)["messages"][0]["content"])
    print(json.dumps(said))
"""


@dataclass
class Writer:
    """A process that says a line for each answer that it has, and what it counted as its last."""

    process: Started | subprocess.Popen[str]
    output: Path

    @property
    def completed(self) -> list[str]:
        lines = self.output.read_text().split("\n")[:-1]
        return [line for line in lines if not line.startswith("{")]

    def end(self) -> Any:
        assert self.process.wait(_WITHIN_S) == 0, self.output.read_text()[-4000:]
        last = json.loads(self.output.read_text().splitlines()[-1])
        assert last["trouble"] == []
        return {name: last["counts"][name] for name in _OUTCOMES if name in last["counts"]}


_OUTCOMES = ("replayed", "recorded", "live", "missed", "paid_twice")


@dataclass
class Team:
    project: Path
    store: Store
    provider: fakeprovider.Provider

    def start(self, number: int) -> Writer:
        output = self.project / f"writer-{number}-{time.monotonic_ns()}"
        words = [self.provider.url, *map(str, (number, CASSETTES, CALLS))]
        with output.open("wb") as stream:
            process = start_program(
                _WRITER, self.project, *words, output=stream, **self.store.environment
            )
        return Writer(process, output)

    def held(self) -> Counter[str]:
        """What was asked in the recordings that the store holds, as another machine sees it."""
        other = self.project.parent / "other"
        other.mkdir(exist_ok=True)
        (other / "onetake.toml").write_text("")
        done = run_program(_READER, other, str(CASSETTES), **self.store.environment)
        return Counter(result(done))


@pytest.fixture
def team(tmp_path: Path, store: Store, provider: fakeprovider.Provider) -> Team:
    project = tmp_path / "project"
    project.mkdir()
    (project / "onetake.toml").write_text("")
    return Team(project, store, provider)


def everything() -> Counter[str]:
    return Counter(
        f"{number} {writer} {call}"
        for number in range(CASSETTES)
        for writer in range(WRITERS)
        for call in range(CALLS)
    )


def test_what_many_record_into_the_same_cassettes_is_all_there_once(team):
    began = time.monotonic()
    writers = [team.start(number) for number in range(WRITERS)]
    counts = [writer.end() for writer in writers]
    took_s = time.monotonic() - began

    print(f"{team.store.kind}: {WRITERS} x {EACH} recorded in {took_s:.1f} s")
    assert counts == [{"recorded": EACH}] * WRITERS
    assert team.held() == everything()
    assert team.provider.billed() == WRITERS * EACH


@pytest.mark.parametrize("store", _KILLED_ON, indirect=True)
def test_what_those_had_completed_that_were_killed_is_not_paid_again(team):
    """A killed process leaves its answers in the journal; whoever asks the same next time has them."""
    began = time.monotonic()
    writers = [team.start(number) for number in range(WRITERS)]
    killed, others = writers[: WRITERS // 2], writers[WRITERS // 2 :]
    for n, writer in enumerate(killed):
        while len(writer.completed) < EACH * (n + 1) // (len(killed) + 2):
            assert writer.process.poll() in (None, 0), writer.output.read_text()
            time.sleep(0.005)
        writer.process.send_signal(signal.SIGKILL)
        writer.process.wait()
    for writer in others:
        assert writer.end() == {"recorded": EACH}
    completed = [len(writer.completed) for writer in killed]
    paid = team.provider.billed()
    done = sum(completed) + len(others) * EACH
    assert done <= paid <= done + len(killed)  # at most the one call each that was under way

    again = [team.start(number) for number in range(len(killed))]
    counts = [writer.end() for writer in again]
    took_s = time.monotonic() - began

    print(f"{team.store.kind}: killed after {completed} of {EACH}, {counts} in {took_s:.1f} s")
    for before, count in zip(completed, counts, strict=True):
        assert before <= count["replayed"] <= before + 1
        assert sum(count.values()) == EACH
        assert count.keys() <= {"replayed", "recorded"}
    assert team.provider.billed() == paid + sum(count.get("recorded", 0) for count in counts)
    assert team.held() == everything()
    assert not list(team.project.glob(".onetake/quarantine/*/*.jsonl"))
