"""Lines of runs on their way to a shared store: no test waits for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from onetake.cassettes.growth import RunLine
from onetake.errors import StoreError
from onetake.stores import history
from onetake.stores.port import LINES, Row
from onetake.stores.rows.sqlite import SqliteStore
from onetake.stores.shared import SharedCassette
from tests.support.runs import run_program


class Counting(SqliteStore):
    """A store that remembers what was told of runs."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.batches: list[int] = []
        self.is_down = False

    def append(self, cassette: str, rows: Any, **more: Any) -> frozenset[str]:
        assert cassette == LINES
        self.batches.append(len(rows))
        if self.is_down:
            raise StoreError("down")
        return super().append(cassette, rows, **more)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Counting]:
    made = Counting(tmp_path / "store.sqlite")
    yield made
    made.close()


def line(**counts: Any) -> RunLine:
    return RunLine(run="run", at=1, **counts)


def test_all_lines_of_a_process_go_in_one_batch_a_cassette_once(store: Counting) -> None:
    cassettes = [SharedCassette(store, f"c{n}", fingerprint="") for n in range(3)]
    for _ in range(4):
        for one in cassettes:
            one.add_run(line(replayed=2, recorded=1))
    cassettes[0].add_run(line(recorded=1, grew=("t",)))
    assert store.batches == []

    history.send()
    history.send()

    assert store.batches == [1]
    assert cassettes[0].history() == [line(replayed=8, recorded=5, grew=("t",))]
    assert cassettes[2].history() == [line(replayed=8, recorded=4)]


def test_a_store_that_is_down_is_no_error(store: Counting) -> None:
    store.is_down = True
    SharedCassette(store, "c", fingerprint="").add_run(line(recorded=1))

    history.send()

    assert len(store.batches) == 1


def test_a_replay_changes_no_file_that_may_lie_in_git(store: Counting) -> None:
    SharedCassette(store, "c", fingerprint="").add_run(line(replayed=3))

    history.send()

    assert store.batches == []


def test_a_line_that_cannot_be_read_is_left_out() -> None:
    assert history.decode([b"", b"{", history.encode(line()), b'{"run": 1}']) == [line()]


_PROGRAM = """
    import sys
    import httpx
    import onetake

    with onetake.use_cassette("report") as cassette, httpx.Client() as client:
        client.post(sys.argv[1] + "/echo", json={"prompt": sys.argv[2]})
    print(cassette.verdict)
"""


@pytest.mark.parametrize("store", ["", "sqlite:store.sqlite"])
def test_a_program_is_judged_as_a_test_is(tmp_path, provider, store) -> None:
    (tmp_path / "onetake.toml").write_text(f'store = "{store}"\n' if store else "")
    verdicts = []
    for words in ("green apples", "old ships", "old ships", "cold rain", "deep snow"):
        done = run_program(_PROGRAM, tmp_path, provider.url, words)
        assert done.returncode == 0, done.stderr
        verdicts.append(done.stdout.strip())

    assert verdicts == ["RECORDED", "RECORDED", "HIT", "OVERFLOW", "OVERFLOW"]


def test_a_line_that_cannot_be_read_stays_and_the_others_are_merged(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "store.sqlite")) as store:
        store.append(LINES, [Row("0", b"of another key")])
        for _ in range(2 * history._MERGED_FROM):
            history.write(store, {"c": history.encode(line(recorded=1))})

        assert len(list(store.names(LINES))) < history._MERGED_FROM
        assert "0" in store.names(LINES)
        assert history.read(store, "c")
