"""Scenario 25: a recording has an age of its own, whatever happens to the others around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import s3
from tests.support.runs import result, run_program
from tests.support.stores import EVERY, url_of

# The clock is set before onetake is imported: later changes do not reach it.
_PROGRAM = """
    import json, sys, time
    url, hours, questions = sys.argv[1], float(sys.argv[2]), sys.argv[3].split()
    real = time.time
    time.time = lambda: real() + hours * 3600

    import httpx
    import onetake

    def ask(client, question):
        body = {"model": "m", "messages": [{"role": "user", "content": question}]}
        try:
            return client.post(url + "/v1/chat/completions", json=body).text
        except onetake.MissError as error:
            return str(error)

    answers = []
    try:
        with onetake.use_cassette("ages") as cassette, httpx.Client() as client:
            answers += [ask(client, question) for question in questions]
    except onetake.MissError:
        pass
    print(json.dumps({"answers": answers, "verdict": cassette.verdict, "counts": cassette.counts}))
"""


_BOTH_KINDS = ["files", "redis"]


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_of(request.param, request, tmp_path)


class Team:
    """Runs of one program at different hours."""

    def __init__(self, folder: Path, provider: Any, store: str) -> None:
        self.folder, self.provider, self.store = folder, provider, store
        (folder / "onetake.toml").write_text("")

    def run(self, hours: float, questions: str, **settings: str) -> Any:
        before = self.provider.billed()
        extra = s3.ENVIRONMENT | {
            f"ONETAKE_{name.upper()}": text for name, text in settings.items()
        }
        if self.store:
            extra["ONETAKE_STORE"] = self.store
        arguments = (self.provider.url, str(hours), questions)
        done = run_program(_PROGRAM, self.folder, *arguments, is_bare=True, **extra)
        return result(done) | {"billed": self.provider.billed() - before}


@pytest.fixture
def team(tmp_path: Path, provider: Any, store: str) -> Team:
    return Team(tmp_path, provider, store)


@pytest.mark.parametrize("store", EVERY, indirect=True)
def test_25_each_recording_has_an_age_of_its_own_and_reading_changes_none(team):
    team.run(0, "A", ttl="24h")
    team.run(20, "A B", ttl="24h")
    team.run(21, "A B", ttl="24h", mode="replay")

    expired = team.run(25, "A B", ttl="24h", mode="replay")
    anew = team.run(25, "A B", ttl="24h")
    again = team.run(26, "A B", ttl="24h", mode="replay")
    untouched = team.run(26, "A B", mode="replay")

    assert expired["billed"] == 0
    assert "has expired" in expired["answers"][0]
    assert "an equal recording, 1d1h old" in expired["answers"][0]
    assert "good for 1d here (ttl)" in expired["answers"][0]
    assert expired["counts"] == {"missed": 1, "replayed": 1}
    assert (anew["billed"], anew["verdict"]) == (1, "PARTIAL")
    assert (again["billed"], again["verdict"]) == (0, "HIT")
    assert again["answers"] == anew["answers"] == untouched["answers"]
    assert anew["answers"][1] == expired["answers"][1]


@pytest.mark.parametrize("store", _BOTH_KINDS, indirect=True)
def test_past_its_soft_age_a_recording_is_still_replayed_and_told(team):
    first = team.run(0, "A", refresh="soft", ttl="24h", max_age="72h")

    stale = team.run(25, "A", refresh="soft", ttl="24h", max_age="72h", mode="replay")
    in_auto = team.run(25, "A", refresh="soft", ttl="24h", max_age="72h")
    too_old = team.run(73, "A", refresh="soft", ttl="24h", max_age="72h", mode="replay")
    anew = team.run(73, "A", refresh="soft", ttl="24h", max_age="72h")

    for one in (stale, in_auto):
        assert (one["answers"], one["verdict"], one["billed"]) == (first["answers"], "STALE", 0)
    assert "(max_age)" in too_old["answers"][0]
    assert (anew["billed"], anew["verdict"]) == (1, "RECORDED")
    assert anew["answers"] != first["answers"]


@pytest.mark.parametrize("store", _BOTH_KINDS, indirect=True)
def test_recording_anew_makes_recordings_young_though_they_say_nothing_new(team):
    team.run(0, "A", ttl="24h")

    team.run(25, "A", ttl="24h", mode="record")

    assert team.run(26, "A", ttl="24h", mode="replay")["verdict"] == "HIT"


@pytest.mark.parametrize("store", _BOTH_KINDS, indirect=True)
def test_a_rule_says_how_old_what_it_fits_may_become(team):
    rules = '[{"path": "/v1/chat/*", "max_age": "1h"}, {"path": "/other/*", "ttl": "1m"}]'
    team.run(0, "A", ttl="inf")

    assert team.run(0.5, "A", rules=rules)["verdict"] == "HIT"
    assert team.run(2, "A", rules=rules)["verdict"] == "RECORDED"
