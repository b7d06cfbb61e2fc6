"""Scenarios 12, 21, 24, 26, 37 and 38 over every store: pytest in processes of its own, real servers."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

import fakeprovider
from onetake.formats.packing import pack
from onetake.stores.port import Row
from tests.plugin.suite import Suite, new_suite
from tests.support.runs import result, run_program
from tests.support.stores import SHARED, Store

# What a test asks, and where it fails, are told by the environment; so is whom it waits for.
_TEST = """
    import os, pathlib, time
    import httpx, pytest
    from calls import ask

    before = httpx.HTTPTransport.handle_request

    @pytest.fixture
    def fragile():
        yield
        assert os.environ.get("FAIL") != "teardown"

    @pytest.mark.onetake
    def test_it(fragile):
        for prompt in os.environ["PROMPTS"].split():
            assert ask(prompt)
        if "WAIT" in os.environ:
            pathlib.Path("ready").touch()
            while not pathlib.Path("go").exists():
                time.sleep(0.01)
        assert os.environ.get("FAIL") != "call"

    @pytest.mark.onetake
    def test_next():
        assert httpx.HTTPTransport.handle_request is before
        assert ask("of the next")
"""


class Machine:
    """A checkout of the project on a machine of its own."""

    def __init__(self, root: Path, url: str, store: Store) -> None:
        root.mkdir()
        self.suite: Suite = new_suite(root, url)
        self.suite.write("test_a.py", _TEST)
        self.store = store

    def run(self, prompts: str, *arguments: str, test: str = "test_it", **extra: str):
        words = ("-v", "-k", test, *arguments)
        return self.suite.run(*words, PROMPTS=prompts, **self.store.environment, **extra)


@pytest.fixture
def machine(
    tmp_path: Path, provider: fakeprovider.Provider, store: Store
) -> Callable[..., Machine]:
    def make(name: str, url: str = provider.url) -> Machine:
        return Machine(tmp_path / name, url, store)

    return make


def test_12_sixty_different_calls_are_saved_and_replayed(machine, provider):
    prompts = " ".join(f"question-{n}" for n in range(60))

    recorded = machine("one").run(prompts)
    replayed = machine("other").run(prompts, "--onetake-mode=replay")

    assert recorded.verdicts == ["[RECORDED] recorded=60"]
    assert replayed.verdicts == ["[HIT] replayed=60"]
    assert provider.billed() == 60


def test_21_a_store_that_takes_nothing_loses_nothing_and_disturbs_no_other_test(
    machine, store, provider
):
    one = machine("one")
    one.run("at-first")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(one.run, "one", test="test_it or test_next", WAIT="1")
        while not (one.suite.root / "ready").exists():
            assert not running.done(), running.result().output
            time.sleep(0.01)
        with store.refusing():
            (one.suite.root / "go").touch()
            refused = running.result()
    paid = provider.billed()
    both = "test_it or test_next"
    again = one.run("one", test=both)
    elsewhere = machine("other").run("one", "--onetake-mode=replay", test=both)

    assert refused.outcomes == {"passed": 2}
    if store.is_remote:
        assert refused.code == 0
        assert "2 recordings kept on this machine" in " ".join(refused.output.split())
        assert refused.line("DEGRADED")
    else:
        assert refused.code == 1
        assert all(verdict.startswith("[NOT_PERSISTED]") for verdict in refused.verdicts)
        assert "kept in" in refused.output
    assert "Traceback" not in refused.output
    assert again.verdicts == elsewhere.verdicts == ["[HIT] replayed=1"] * 2
    assert (paid, provider.billed()) == (3, 3)


def test_24_a_test_that_fails_changes_no_recording_and_pays_once(machine, store, provider):
    one = machine("one")
    one.run("one")
    before = store.held()
    failed = [one.run("one two", FAIL="call"), one.run("one two three", FAIL="teardown")]

    assert [run.code for run in failed] == [1, 1]
    assert store.held() == before
    assert provider.billed() == 3

    passed = one.run("one two three")
    elsewhere = machine("other").run("one two three", "--onetake-mode=replay")
    assert passed.verdicts == elsewhere.verdicts == ["[HIT] replayed=3"]
    assert store.held().keys() >= before.keys()
    assert provider.billed() == 3


_WATCH = """
    import sys

    def watch(event, values):
        if event == "socket.connect":
            with open("connected", "a") as file:
                print(values[1], file=file)

    sys.addaudithook(watch)
    sys.path.insert(0, __file__.rpartition("/")[0])
"""


def test_26_replay_alone_says_what_is_missing_and_opens_no_socket(machine):
    with fakeprovider.running() as stopped:
        one = machine("one", stopped.url)
        one.suite.write("conftest.py", _WATCH)
        one.run("something-like-it")
    connected = one.suite.root / "connected"
    there = f", {stopped.url.rpartition(':')[2]})"
    assert there in connected.read_text()
    connected.write_text("")

    near = one.run("something-like-this", "--onetake-mode=replay")
    (one.suite.root / "test_a.py").rename(one.suite.root / "test_b.py")
    none = one.run("anything", "--onetake-mode=replay")

    for run, name in ((near, "test_a.py::test_it"), (none, "test_b.py::test_it")):
        assert run.outcomes == {"failed": 1}
        assert f"POST {stopped.url}/echo" in run.output
        assert name in run.output
    assert "something-like-it" in near.output
    assert "nothing is recorded yet" in none.output
    assert there not in connected.read_text()


def test_37_two_branches_of_one_test_keep_their_recordings(machine, provider):
    one, other = machine("one"), machine("other")
    runs = [one.run("a b"), other.run("c d"), one.run("a b"), other.run("c d")]

    assert [run.verdicts for run in runs] == [
        ["[RECORDED] recorded=2"],
        ["[RECORDED] recorded=2"],
        ["[HIT] replayed=2"],
        ["[HIT] replayed=2"],
    ]
    assert provider.billed() == 4
    assert not any("OVERFLOW" in run.output for run in runs)


_CALLS = """
    import json, sys
    import httpx, onetake

    seen = {}
    for name in sys.argv[2:]:
        try:
            with onetake.use_cassette(name):
                httpx.post(sys.argv[1] + "/echo", json={"n": 1})
            seen[name] = ["", ""]
        except onetake.OnetakeError as error:
            seen[name] = [type(error).__name__, str(error)]
    print(json.dumps(seen))
"""

_NEWER = msgspec.msgpack.encode([2, {"at": 1}, "of tomorrow"])
_NEWER_OF_THIS_SHAPE = msgspec.msgpack.encode([2, [0, 0], b"", pack(b"{}"), "more"])


def packed_otherwise(data: bytes) -> bytes:
    *head, entry = msgspec.msgpack.decode(data)
    return msgspec.msgpack.encode([*head, b"\x09" + entry[1:]])


BROKEN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "garbage": (lambda _: b"\x00\x01 nonsense", "cannot be read"),
    "half-written": (lambda data: data[: len(data) // 2], "cannot be read"),
    "of no known packing": (packed_otherwise, "not known"),
    "empty": (lambda _: b"", "cannot be read"),
    "newer": (lambda _: _NEWER, "newer"),
    "newer, with more in it": (lambda _: _NEWER_OF_THIS_SHAPE, "newer"),
}


def call(root: Path, url: str, store: Store, mode: str, *names: str) -> dict[str, list[str]]:
    """The error of one call in each of the cassettes `names`: its class and its text."""
    root.mkdir(exist_ok=True)
    (root / "onetake.toml").write_text("")
    done = run_program(_CALLS, root, url, *names, **store.environment, ONETAKE_MODE=mode)
    found: dict[str, list[str]] = result(done)
    return found


ROWS = SHARED  # files: test_nothing_is_lost.py


@pytest.mark.parametrize("store", ROWS, indirect=True)
def test_38_a_broken_recording_is_a_clear_error_and_never_an_answer(tmp_path, store, provider):
    call(tmp_path / "one", provider.url, store, "auto", "sound", *BROKEN)
    with store.opened() as opened:
        for kind, (change, _) in BROKEN.items():
            (row,) = opened.read(kind).rows
            opened.remove(kind, [row.slot])
            opened.append(kind, [Row(row.slot, change(row.data))])
    before = store.held()

    # On the machine that still has it in its cache, and on one that has not.
    for machine, mode in (("one", "auto"), ("other", "replay")):
        seen = call(tmp_path / machine, provider.url, store, mode, *BROKEN, "sound")

        assert seen.pop("sound") == ["", ""]
        for kind, (name, text) in seen.items():
            assert name == "CassetteError"
            assert BROKEN[kind][1] in text
            assert f"#{kind}" in text
            assert "anew" in text or "pdate onetake" in text
    assert store.held() == before
    assert provider.billed() == len(BROKEN) + 1


@pytest.mark.parametrize("store", ["s3", "object-files"], indirect=True)
def test_38_a_broken_object_is_a_clear_error_and_never_an_answer(tmp_path, store, provider):
    sizes = {"nothing": 0.0, "half": 0.5, "nearly all": 0.98}
    call(tmp_path / "one", provider.url, store, "auto", "sound", *sizes)
    paths = {}
    with store.opened() as opened:
        for name, size in sizes.items():
            (one,) = opened._list(opened._folder(name))
            paths[name] = one.path
            data, _ = opened._bucket.get(one.path)
            opened._bucket.put(one.path, data[: int(len(data) * size)])

    for machine, mode in (("one", "auto"), ("other", "replay")):
        seen = call(tmp_path / machine, provider.url, store, mode, *sizes, "sound")

        assert seen.pop("sound") == ["", ""]
        for kind, (name, text) in seen.items():
            assert name == "CassetteError"
            assert paths[kind] in text
    assert provider.billed() == len(sizes) + 1
