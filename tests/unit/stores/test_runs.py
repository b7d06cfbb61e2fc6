"""The record of what runs could not replay."""

from __future__ import annotations

import os

from onetake.diagnosis import Event, Miss
from onetake.stores.runs import RunRecord, last_run


def event(test: str) -> Event:
    miss = Miss(request_line="POST https://h/p", reason="changed", cause="c")
    return Event(test=test, cassette="a.json", outcome="missed", miss=miss)


def test_every_process_of_a_run_adds_to_one_record(tmp_path):
    RunRecord(tmp_path, "one").add([event("a")])
    RunRecord(tmp_path, "one").add([event("b"), event("c")])

    found = last_run(tmp_path)

    assert found is not None
    assert [one.test for one in found.events] == ["a", "b", "c"]


def test_the_newest_run_is_the_last_and_a_torn_line_is_left_out(tmp_path):
    RunRecord(tmp_path, "old").add([event("a")])
    os.utime(tmp_path / "runs" / "old.jsonl", (1, 1))
    RunRecord(tmp_path, "new").add([event("b")])
    with (tmp_path / "runs" / "new.jsonl").open("ab") as file:
        file.write(b'{"test": "torn')

    found = last_run(tmp_path)

    assert found is not None
    assert [one.test for one in found.events] == ["b"]


def test_old_runs_are_dropped(tmp_path):
    for n in range(25):
        RunRecord(tmp_path, f"run{n}").add([event("a")])
        os.utime(tmp_path / "runs" / f"run{n}.jsonl", (n + 1, n + 1))

    assert len(list((tmp_path / "runs").iterdir())) <= 21


def test_a_clean_run_makes_no_folder(tmp_path):
    RunRecord(tmp_path, "one").add([])

    assert last_run(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_no_trouble(tmp_path):
    (tmp_path / "file").write_text("")

    RunRecord(tmp_path / "file", "one").add([event("a")])

    assert last_run(tmp_path / "file") is None
