"""Which recordings lie unused: the union over openings, processes and shards."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from onetake.errors import StoreError
from onetake.stores.usage import (
    Usage,
    digests,
    last_usage,
    neighbours,
    orphans,
    read_usage,
    relative_to,
    united,
    write_usage,
)


def used(test: str, *unused: str, place: str = "cassettes/test_a/test_x.json") -> Usage:
    return Usage(
        place=place,
        cassette="test_a/test_x",
        store="files:cassettes",
        tests=(test,),
        passed=True,
        is_own=True,
        held=3,
        unused=unused,
    )


def shared(one: Usage) -> Usage:
    return replace(one, is_own=False)


def failed(one: Usage) -> Usage:
    return replace(one, passed=False, unused=())


def unused_of(*usages: Usage, is_whole: bool = True) -> set[str]:
    found = united(usages, is_whole=is_whole, all_passed=True)
    return {name for one in found.cassettes for name in one.unused}


def test_unused_is_what_every_opening_left() -> None:
    assert unused_of(used("t", "a", "b"), used("u", "b", "c")) == {"b"}
    assert unused_of(used("t", "a"), used("u")) == set()


def test_nothing_is_unused_where_an_opening_did_not_come_to_all_of_its_calls() -> None:
    assert unused_of(used("t", "a"), failed(used("u"))) == set()


def test_a_failure_says_nothing_of_other_cassettes() -> None:
    other = failed(used("u", place="cassettes/test_a/test_y.json"))

    assert unused_of(used("t", "a"), other) == {"a"}


def test_of_a_part_of_the_suite_only_a_tests_own_cassette_is_known() -> None:
    assert unused_of(used("t", "a"), is_whole=False) == {"a"}
    assert unused_of(shared(used("t", "a")), is_whole=False) == set()
    assert unused_of(shared(used("t", "a")), is_whole=True) == {"a"}


def test_equal_recordings_have_names_of_their_own() -> None:
    first, second, third = digests([b"x", b"y", b"x"])

    assert len({first, second, third}) == 3
    assert third == f"{first}.2"
    assert list(digests([b"x", b"x"])) == [first, third]


def test_files_of_several_shards_are_read_as_one(tmp_path: Path) -> None:
    for name, usage in (("one", used("t", "a", "b")), ("two", used("u", "b"))):
        write_usage(tmp_path, name, [shared(usage)], is_whole=False, all_passed=True)
    paths = sorted((tmp_path / "usage").glob("*.jsonl"))

    found = read_usage(paths, is_whole=True)

    (cassette,) = found.cassettes
    assert (cassette.unused, cassette.tests, cassette.held) == (("b",), ("t", "u"), 3)
    assert (found.is_whole, found.all_passed) == (True, True)
    assert [one.unused for one in read_usage(paths).cassettes] == [()]


def test_a_whole_run_says_so_of_itself_and_two_do_not(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_usage(tmp_path, name, [used("t", "a")], is_whole=True, all_passed=False)
    paths = sorted((tmp_path / "usage").glob("*.jsonl"))

    assert read_usage(paths[:1]).is_whole
    assert not read_usage(paths).is_whole
    assert not read_usage(paths).all_passed


def test_two_runs_under_one_id_both_stay(tmp_path: Path) -> None:
    for test in ("t", "u"):
        write_usage(tmp_path, "one", [used(test)], is_whole=True, all_passed=True)

    paths = sorted((tmp_path / "usage").glob("*.jsonl"))
    assert read_usage(paths).cassettes[0].tests in (("t", "u"), ("u", "t"))


def test_old_files_are_dropped_and_the_newest_is_the_last(tmp_path: Path) -> None:
    for n in range(15):
        write_usage(tmp_path, f"run{n}", [used("t")], is_whole=True, all_passed=True)

    assert len(list((tmp_path / "usage").iterdir())) == 10
    last = last_usage(tmp_path)
    assert last is not None
    assert read_usage([last]).is_whole
    assert last_usage(tmp_path / "none") is None


@pytest.mark.parametrize("text", ["", "{}", '{"usage": 1', '{"usage": 2, "at": 1}'])
def test_what_is_no_usage_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(text)
    with pytest.raises(StoreError, match="tells no usage"):
        read_usage([path])
    with pytest.raises(StoreError):
        read_usage([tmp_path / "none.jsonl"])


def test_a_torn_file_is_refused_as_a_whole(tmp_path: Path) -> None:
    write_usage(tmp_path, "one", [used("t", "a")], is_whole=True, all_passed=True)
    (path,) = (tmp_path / "usage").glob("*.jsonl")
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(StoreError):
        read_usage([path])


def test_what_came_after_a_run_is_none_of_its_orphans(tmp_path: Path) -> None:
    lay(tmp_path, "test_a/test_x", "test_a/test_gone")
    usages = [used("t")]
    lying = neighbours(usages, tmp_path)
    write_usage(tmp_path, "one", usages, is_whole=True, all_passed=True, lying=lying)
    lay(tmp_path, "test_a/test_recorded_since")

    found = orphans(read_usage(list((tmp_path / "usage").iterdir())))

    assert found == ["cassettes/test_a/test_gone.json"]


def test_places_are_named_from_the_root(tmp_path: Path) -> None:
    usage = used("t", place=str(tmp_path / "tests/cassettes/test_a/test_x.json"))
    usage = replace(usage, store=f"files:{tmp_path}/tests/cassettes")
    far = replace(usage, place="redis://host#test_a/test_x", store="redis://host")

    near = relative_to(usage, tmp_path)

    assert (near.place, near.store) == (
        "tests/cassettes/test_a/test_x.json",
        "files:tests/cassettes",
    )
    assert relative_to(far, tmp_path) == far


def lay(root: Path, *names: str) -> None:
    for name in names:
        path = root / "cassettes" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")


def orphans_of(root: Path, *usages: Usage, is_whole: bool = True, all_passed: bool = True):
    lying = neighbours(usages, root)
    return orphans(united(usages, is_whole=is_whole, all_passed=all_passed, lying=lying))


def test_an_orphan_is_a_file_among_those_of_a_module_that_no_test_opened(tmp_path: Path) -> None:
    others = ("test_left_out/test_y", "named", "test_a/deeper/z")  # of whom nobody knows
    lay(tmp_path, "test_a/test_x", "test_a/test_gone", "test_a/@fixture", *others)

    assert orphans_of(tmp_path, used("t")) == [
        "cassettes/test_a/@fixture.json",
        "cassettes/test_a/test_gone.json",
    ]
    assert orphans_of(tmp_path, used("t"), is_whole=False) == []
    assert orphans_of(tmp_path) == []


def test_where_not_all_passed_a_fixture_has_no_orphan(tmp_path: Path) -> None:
    lay(tmp_path, "test_a/test_x", "test_a/test_gone", "test_a/@fixture", "test_gone/y", "named")

    assert orphans_of(tmp_path, used("t"), all_passed=False) == ["cassettes/test_a/test_gone.json"]
