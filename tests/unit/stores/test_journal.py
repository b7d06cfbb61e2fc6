"""What waits for the next attempt: journals of the dead and of those that failed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onetake.messages import Interaction, Request, Response
from onetake.stores.journal import Journal, read_quarantine

TEST = "test_a.py::test_it"


def one(n: int, status: int = 200) -> Interaction:
    return Interaction(
        request=Request(method="GET", url=f"http://host/{n}"), response=Response(status=status)
    )


def set_apart(cache: Path, test_id: str, *interactions: Interaction) -> None:
    journal = Journal(cache, "c", test_id)
    for seq, interaction in enumerate(interactions):
        journal.append(seq, interaction)
    journal.quarantine()


def urls(cache: Path, test_id: str) -> list[str]:
    return [one.request.url for one in read_quarantine(cache, "c", test_id).interactions]


def files(cache: Path) -> list[Path]:
    return list(cache.glob("quarantine/c/*"))


@pytest.mark.parametrize("test_id", ["", "test_a/@fixture", "@session"])
def test_a_pass_leaves_what_others_under_the_same_id_have_recorded(tmp_path, test_id):
    set_apart(tmp_path, test_id, one(1), one(2), one(3, status=500))
    first = read_quarantine(tmp_path, "c", test_id)
    second = read_quarantine(tmp_path, "c", test_id)

    first.drop({id(first.interactions[0])})
    assert urls(tmp_path, test_id) == ["http://host/2"]

    second.drop({id(second.interactions[1])})
    assert files(tmp_path) == []


def test_a_pass_of_a_test_is_the_end_of_its_earlier_attempts(tmp_path):
    set_apart(tmp_path, TEST, one(1), one(2))
    set_apart(tmp_path, "test_a.py::test_other", one(3))

    read_quarantine(tmp_path, "c", TEST).drop(set())

    assert urls(tmp_path, TEST) == []
    assert urls(tmp_path, "test_a.py::test_other") == ["http://host/3"]


def test_what_was_published_by_one_that_died_then_is_not_given_again(tmp_path):
    set_apart(tmp_path, "", one(1), one(2))

    left = read_quarantine(tmp_path, "c", "").without([one(1)])
    left.drop({id(left.interactions[0])})

    assert [interaction.request.url for interaction in left.interactions] == ["http://host/2"]
    assert files(tmp_path) == []


def test_a_journal_without_a_finished_call_is_tidied_away(tmp_path):
    set_apart(tmp_path, "", one(1))
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes()[:-9])

    read_quarantine(tmp_path, "c", "").drop(set())

    assert files(tmp_path) == []


def test_a_journal_is_nobody_elses_until_it_is_gone(tmp_path, monkeypatch):
    """Else what is published already would come back as quarantine."""
    journal = Journal(tmp_path, "c", "")
    journal.append(0, one(1))
    unlink, seen = Path.unlink, []

    def look(path: Path, missing_ok: bool = False) -> None:
        seen.append(urls(tmp_path, ""))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", look)
    journal.drop()

    assert seen[0] == []
    assert files(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_two_that_ask_at_once_both_take_up_what_the_dead_left(tmp_path):
    child = os.fork()
    if child == 0:
        Journal(tmp_path, "c", "").append(0, one(1))
        os._exit(0)
    os.waitpid(child, 0)
    from onetake.stores.locks import is_free

    (path,) = tmp_path.glob("journal/c/*.jsonl")
    fd = os.open(path, os.O_RDWR)
    try:
        assert is_free(fd)  # another process is asking at this moment
        assert urls(tmp_path, "") == ["http://host/1"]
    finally:
        os.close(fd)
