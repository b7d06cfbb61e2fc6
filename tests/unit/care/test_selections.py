"""Which cassettes and recordings a command is about, and what names tests have in stores."""

from __future__ import annotations

import pytest

from onetake.care.prune import Needless, unused
from onetake.care.selection import Found, Selection, one_cassette
from onetake.stores.names import name_of_test
from onetake.stores.opening import open_shelf
from tests.cli.recordings import MATCHER, call, put


@pytest.mark.parametrize(
    ("test_id", "name"),
    [
        ("tests/test_a.py::test_one", "tests/test_a/test_one"),
        ("test_a.py::test_one[x::y/z]", "test_a/test_one[x::y/z]"),
        ("tests/test_a.py::TestC::test_one[1]", "tests/test_a/TestC.test_one[1]"),
        ("tests/test_a.py::TestA::TestB::test_one", "tests/test_a/TestB.test_one"),
        ("./tests/test_a.py", "tests/test_a"),
    ],
)
def test_a_test_has_this_name_in_a_store(test_id, name):
    assert name_of_test(test_id) == name


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("one", "tests/test_a/test_one", True),
        ("*one", "tests/test_a/test_one", True),
        ("one*", "tests/test_a/test_one", False),
        ("tests/test_a.py", "tests/test_a/test_one", True),
        ("test_a.py", "tests/test_a/test_one", True),
        ("test_a.py", "tests/test_ab/test_one", False),
        ("a.py", "tests/test_a/test_one", False),
        ("test_a.py::test_one", "tests/test_a/test_one[x]", True),
        ("test_a.py::test_one", "tests/test_a/test_one_more", False),
        ("test_a.py::test_*", "tests/test_a/test_one_more", True),
        ("test_a.py::TestC", "tests/test_a/TestC.test_one", True),
        ("test_a.py::test_one[x]", "tests/test_a/test_one[y]", False),
        ("cassettes/main.json", "main", True),
        ("main.json", "other", False),
    ],
)
def test_a_pattern_means_these_names(pattern, name, fits):
    where = f"cassettes/{name}.json"

    assert Selection(patterns=(pattern,)).fits_name(name, where) is fits


def test_a_cassette_of_vcrpy_is_named_by_its_path_as_commands_print_it(tmp_path):
    for name in "tests/cassettes/x/y.yaml", "cassettes/x/y.yaml", "cassettes/z.yml":
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("interactions: []\nversion: 1\n")
    shelf = open_shelf("", tmp_path, MATCHER.fingerprint)

    asked = ("tests/cassettes/x/y.yaml", "cassettes/x/y.yaml", "./cassettes/z.yml", "z.yml")

    assert [one_cassette(shelf, text) for text in asked] == ["tests/x/y", "x/y", "z", "z"]


def test_unused_recordings_and_orphans_go_by_digest_and_place(tmp_path):
    shelf = open_shelf("", tmp_path, MATCHER.fingerprint)
    twice = call("same")
    put(shelf, "a", call("x"), twice, twice)
    put(shelf, "b", call("y"))
    found = [
        Found(name, shelf.where(name), held, held)
        for name in shelf.names()
        if (held := shelf.recordings(name))
    ]
    digest = found[0].held[1].digest

    plan = unused(found, Needless({"cassettes/a.json": [f"{digest}.2"]}, ["cassettes/b.json"]))

    assert [[(n, reason) for n, _, reason in one.gone] for one in plan] == [
        [(3, "unused")],
        [(1, "orphan")],
    ]
