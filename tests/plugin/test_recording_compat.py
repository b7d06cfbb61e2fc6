"""Suites of pytest-recording and pytest-vcr, run with onetake in the place of those plugins."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import fakeprovider
from tests.plugin.suite import Run, Suite

PLUGIN = "onetake_vcr.plugin"

VARIED = """
    import unittest

    import pytest
    import requests
    import vcr as vcrpy
    from calls import URL, ask, ask_async

    @pytest.fixture(scope="module")
    def vcr_config():
        return {"filter_headers": ["authorization"], "match_on": ["method", "uri", "body"]}

    @pytest.fixture
    def warm():
        return ask("warm")

    @pytest.mark.vcr
    def test_sync(vcr, warm):
        assert isinstance(vcr, vcrpy.cassette.Cassette)
        ask("one")
        ask("one")

    @pytest.mark.vcr
    def test_other_client():
        assert requests.post(URL, json={"prompt": "two"}, timeout=9).status_code == 200

    @pytest.mark.vcr
    @pytest.mark.asyncio
    async def test_async():
        await ask_async("three")

    @pytest.mark.vcr
    @pytest.mark.anyio
    async def test_anyio(anyio_backend):
        await ask_async("four")

    @pytest.fixture
    def anyio_backend():
        return "asyncio"

    @pytest.mark.vcr
    class TestClass:
        @pytest.mark.parametrize("x", ["a/b:c"])
        def test_param(self, x):
            ask(x)

    @pytest.mark.vcr
    class Case(unittest.TestCase):
        def test_case(self):
            ask("five")

    @pytest.mark.vcr
    def test_quiet(vcr):
        assert len(vcr) == 0

    @pytest.mark.onetake
    def test_ours(vcr):
        assert vcr is None
        ask("six")

    def test_plain(vcr):
        assert vcr is None
"""
ASYNC = ("pytest_asyncio.plugin", "anyio.pytest_plugin")
LOOPS = ("-o", "asyncio_default_fixture_loop_scope=function")


def run(suite: Suite, *arguments: str, plugins: tuple[str, ...] = (), **extra: str) -> Run:
    return suite.run(*arguments, plugins=(PLUGIN, *plugins), **extra)


def cassettes(suite: Suite) -> list[str]:
    folder = suite.root / "cassettes"
    return sorted(one.relative_to(folder).as_posix() for one in folder.rglob("*.yaml"))


def write_cassette(suite: Suite, name: str, *prompts: str) -> Path:
    """A cassette of `ask`, in JSON, which is YAML too."""
    answer = {"status": {"code": 200, "message": "OK"}, "headers": {}}
    interactions = [
        {
            "request": {
                "method": "POST",
                "uri": f"{suite.url}/echo",
                "body": json.dumps({"prompt": prompt}),
                "headers": {},
            },
            "response": answer | {"body": {"string": json.dumps({"kept": prompt})}},
        }
        for prompt in prompts
    ]
    path = suite.root / "cassettes" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": 1, "interactions": interactions}))
    return path


def test_what_one_process_records_others_replay(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("test_a.py", VARIED)
    recorded = run(suite, *LOOPS, "--record-mode=once", plugins=ASYNC)
    assert recorded.outcomes == {"passed": 9}
    assert provider.billed() == 9
    assert cassettes(suite) == [
        "test_a/Case.test_case.yaml",
        "test_a/TestClass.test_param[a-b-c].yaml",
        "test_a/test_anyio.yaml",
        "test_a/test_async.yaml",
        "test_a/test_other_client.yaml",
        "test_a/test_sync.yaml",
    ]
    provider.reset()

    replayed = run(suite, *LOOPS, "-v", plugins=ASYNC)
    parallel = run(suite, *LOOPS, "-n2", plugins=(*ASYNC, "xdist.plugin"))

    assert replayed.outcomes == parallel.outcomes == {"passed": 9}
    assert provider.billed() == 0
    assert replayed.verdicts == [
        "[HIT] replayed=3",
        *["[HIT] replayed=1"] * 5,
        "[NO_TRAFFIC]",
        "[HIT] replayed=1",
    ]
    assert (
        replayed.line("HIT") == parallel.line("HIT") == "HIT 7  NO_TRAFFIC 1  UNMARKED:NO_TRAFFIC 1"
    )
    assert replayed.line("recordings:") == parallel.line("recordings:") == "recordings: cassettes"


MODES = """
    import pytest
    from calls import ask_quietly

    @pytest.mark.vcr
    def test_default():
        ask_quietly("one")

    @pytest.mark.vcr(record_mode="new_episodes")
    def test_marked():
        ask_quietly("two")

    class TestConfig:
        @pytest.fixture
        def vcr_config(self):
            return {"record_mode": "once"}

        @pytest.mark.vcr
        def test_config(self):
            ask_quietly("three")

        @pytest.mark.vcr(record_mode="none")
        def test_both(self):
            ask_quietly("four")
"""
DEFAULT, MARKED, CONFIG, BOTH = (
    "test_default",
    "test_marked",
    "TestConfig.test_config",
    "TestConfig.test_both",
)


@pytest.mark.parametrize(
    ("arguments", "variables", "recording"),
    [
        ([], {}, [CONFIG, MARKED]),
        (["--record-mode=none"], {}, []),
        (["--record-mode=none"], {"ONETAKE_MODE": "auto"}, []),
        (["--record-mode=all"], {"ONETAKE_MODE": "replay"}, []),
        ([], {"CI": "true"}, []),
        (["--record-mode=all"], {"CI": "true"}, [CONFIG, DEFAULT, MARKED]),
        (["--onetake-mode=auto"], {"CI": "true"}, [BOTH, CONFIG, DEFAULT, MARKED]),
    ],
)
def test_who_decides_on_the_mode(
    suite: Suite,
    provider: fakeprovider.Provider,
    arguments: list[str],
    variables: dict[str, str],
    recording: list[str],
) -> None:
    suite.write("test_a.py", MODES)
    done = run(suite, *arguments, **variables)
    assert done.outcomes == {"passed": 4}
    assert cassettes(suite) == [f"test_a/{name}.yaml" for name in recording]
    assert provider.billed() == len(recording)
    missed = 4 - len(recording)
    # What the tests swallow is told, and does not fail them.
    assert (f"MISS {missed}" in done.output) == bool(missed)
    assert "UNMARKED" not in done.output
    assert "mark it" not in done.output


def test_the_hook_changes_what_nobody_else_says_and_not_the_ceiling(suite: Suite) -> None:
    suite.write(
        "conftest.py",
        """
        import sys
        sys.path.insert(0, __file__.rpartition('/')[0])
        from vcr.record_mode import RecordMode

        def pytest_recording_configure(config, vcr):
            vcr.record_mode = RecordMode.NEW_EPISODES
            vcr.register_matcher("prompt", lambda one, other: one.body == other.body)
            vcr.match_on = ["method", "prompt"]
        """,
    )
    suite.write("test_a.py", MODES)
    held = run(suite, "--record-mode=none")
    assert held.outcomes == {"passed": 4}
    assert cassettes(suite) == []
    run(suite)
    assert cassettes(suite) == [f"test_a/{name}.yaml" for name in (CONFIG, DEFAULT, MARKED)]


def test_other_cassettes_are_read_after_the_default_one_which_alone_is_written(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write(
        "test_a.py",
        f"""
        import pytest
        from calls import ask

        pytestmark = pytest.mark.vcr("far.yaml", match_on=["method", "uri"])

        @pytest.mark.vcr("near.yaml", {str(suite.root / "absolute.yaml")!r}, "missing.yaml",
            "near.yaml", record_mode="new_episodes")
        def test_order(vcr):
            assert len(vcr) == 4
            assert [ask("any").get("kept") for _ in range(5)] == ["own", "near", "absolute", "far", None]

        def test_far():
            assert ask("any")["kept"] == "far"
        """,
    )
    write_cassette(suite, "test_a/test_order.yaml", "own")
    near = write_cassette(suite, "test_a/near.yaml", "near")
    write_cassette(suite, "test_a/far.yaml", "far")
    write_cassette(suite, "../absolute.yaml", "absolute")
    before = near.read_bytes()

    done = run(suite)

    assert done.outcomes == {"passed": 2}
    assert provider.billed() == 1
    assert near.read_bytes() == before
    written = (suite.root / "cassettes/test_a/test_order.yaml").read_text()
    places = [written.index(f'"kept": "{name}"') for name in ("own", "near", "absolute", "far")]
    assert places == sorted(places)
    assert written.count("method: POST") == 5
    assert not (suite.root / "cassettes/test_a/test_far.yaml").exists()


def test_rewrite_replaces_a_cassette_when_there_is_something_new(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask, ask_quietly

        @pytest.mark.vcr
        def test_new(vcr):
            ask_quietly("new")

        @pytest.mark.vcr
        def test_broken():
            raise RuntimeError("before its call")
        """,
    )
    new = write_cassette(suite, "test_a/test_new.yaml", "old", "older")
    broken = write_cassette(suite, "test_a/test_broken.yaml", "old")
    before = new.read_bytes(), broken.read_bytes()

    held = run(suite, "--record-mode=rewrite", ONETAKE_MODE="replay")

    assert held.outcomes == {"passed": 1, "failed": 1}
    assert (new.read_bytes(), broken.read_bytes()) == before
    assert provider.billed() == 0

    run(suite, "--record-mode=rewrite")

    assert provider.billed() == 1
    assert new.read_text().count("uri:") == 1
    assert "old" not in new.read_text()
    assert broken.read_bytes() == before[1]


def test_names_are_those_of_pytest_recording(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        pytestmark = pytest.mark.vcr(record_mode="once")

        @pytest.mark.parametrize("x", ["x" * 300], ids=str)
        def test_long(x):
            ask("one")

        @pytest.mark.vcr(serializer="json")
        def test_json():
            ask("two")

        @pytest.mark.default_cassette("given.yaml")
        def test_given(default_cassette_name):
            assert default_cassette_name == "given.yaml"
            ask("three")

        @pytest.mark.default_cassette
        def test_nameless():
            ...

        @pytest.mark.parametrize("key", ["sk-proj-" + "a1B2" * 10], ids=str)
        def test_key(key):
            ask("no secret")

        class TestFolder:
            @pytest.fixture
            def vcr_cassette_dir(self, tmp_path_factory):
                return str(tmp_path_factory.getbasetemp())

            def test_elsewhere(self, vcr, tmp_path_factory):
                ask("four")
                assert vcr._path == str(tmp_path_factory.getbasetemp() / "TestFolder.test_elsewhere.yaml")
        """,
    )
    done = run(suite)
    assert done.outcomes == {"passed": 5, "error": 1}
    assert "The default_cassette marker of test_a.py::test_nameless has no name." in done.output
    names = [name.partition("/")[2] for name in cassettes(suite)]
    assert names[0] == "given.yaml"
    assert len(names) == 3
    assert not any("a1B2" in name for name in names)
    mark = hashlib.md5(f"test_long[{'x' * 300}]".encode()).hexdigest()
    assert f"test_long[{'x' * 205}...{mark}.yaml" in names
    assert [one.name for one in suite.root.rglob("*.json") if one.parent.name == "test_a"] == [
        "test_json.json"
    ]


BLOCKED = """
    import socket

    import pytest
    import requests
    from calls import URL, ask, ask_quietly
    from vcr.errors import CannotOverwriteExistingCassetteException

    DISABLED = "^Network is disabled for host '127.0.0.1'$"

    def call():
        return requests.post(URL, json={}, timeout=9).status_code

    @pytest.mark.block_network
    def test_blocked():
        with pytest.raises(RuntimeError, match=DISABLED):
            call()

    @pytest.mark.block_network(allowed_hosts=["10[.]", "127.0.*"])
    def test_allowed():
        assert call() == 200

    @pytest.mark.block_network
    @pytest.mark.vcr(record_mode="once")
    def test_recording():
        ask("one")

    @pytest.mark.block_network
    @pytest.mark.vcr
    def test_replaying():
        with pytest.raises(CannotOverwriteExistingCassetteException):
            ask("two")
        with pytest.raises(RuntimeError, match=DISABLED):
            socket.create_connection(("127.0.0.1", 1))

    @pytest.mark.block_network
    @pytest.mark.onetake
    def test_ours():
        ask("three")
        with pytest.raises(RuntimeError, match=DISABLED):
            socket.create_connection(("127.0.0.1", 1))

    def test_free():
        assert call() == 200
        assert socket.socket.connect.__name__ == "connect"
"""


def test_blocking_the_network(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write("test_a.py", BLOCKED)
    done = run(suite)
    assert done.outcomes == {"passed": 6}
    assert provider.billed() == 4
    held = run(suite, "--record-mode=none", "--block-network", "--allowed-hosts=10[.],127[.]1")
    assert held.outcomes == {"passed": 5, "failed": 1}
    assert "FAILED test_a.py::test_free - RuntimeError: Network is disabled" in held.output


def test_the_network_can_be_blocked_by_hand(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import socket

        import pytest
        from pytest_recording import network

        def connect():
            socket.create_connection(("127.0.0.1", 9), timeout=1)

        def test_contexts():
            with network.blocking_context():
                with network.blocking_context(allowed_hosts=["127"]):
                    with pytest.raises(OSError):
                        connect()
                with pytest.raises(RuntimeError, match="Network is disabled"):
                    connect()
                for one in socket.socketpair():
                    one.close()
            network.block(allowed_hosts=[])
            with pytest.raises(RuntimeError):
                connect()
            network.unblock()
            with pytest.raises(OSError):
                connect()

        @pytest.mark.block_network("127")
        def test_wrong():
            ...
        """,
    )
    done = run(suite)
    assert done.outcomes == {"passed": 1, "error": 1}
    assert "test_wrong takes allowed_hosts=[...] and nothing else, and has ['127']" in done.output


def test_two_marks_on_one_test(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        pytestmark = pytest.mark.vcr(record_mode="once")

        @pytest.mark.onetake
        def test_both():
            ask("one")
        """,
    )
    done = run(suite)
    assert done.outcomes == {"error": 1}
    assert "test_a.py::test_both is marked both vcr and onetake" in done.output
    assert provider.billed() == 0


def test_auto_mark_leaves_them_alone(suite: Suite) -> None:
    suite.write("onetake.toml", "auto_mark = true\n")
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        @pytest.mark.vcr(record_mode="once")
        def test_vcr():
            ask("one")

        def test_auto():
            ask("two")
        """,
    )
    assert run(suite).line("RECORDED") == "RECORDED 2"
    assert cassettes(suite) == ["test_a/test_vcr.yaml"]
    assert suite.cassettes() == ["cassettes/test_a/test_auto.json"]
    assert "for nothing: 2 calls replayed" in run(suite, "--onetake-plan").output


def test_gates_count_their_calls(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        @pytest.mark.vcr
        def test_a():
            ask("one")
        """,
    )
    recorded = run(suite, "--record-mode=once", "--onetake-max-live=0")
    assert recorded.code == 1
    assert "paid calls: 1 (recorded 1)" in recorded.output
    again = run(suite, "--record-mode=all", "--onetake-fail-on=leak", "--onetake-report=r.json")
    assert again.code == 0, again.output
    (test,) = json.loads((suite.root / "r.json").read_text())["tests"]
    assert (test["test"], test["verdict"]) == ("test_a.py::test_a", "RECORDED")


@pytest.mark.parametrize("option", ["--disable-recording", "--no-onetake"])
def test_switched_off(suite: Suite, provider: fakeprovider.Provider, option: str) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        @pytest.mark.vcr(record_mode="once")
        def test_a(vcr, disable_recording):
            assert vcr is None
            assert disable_recording
            ask("one")
        """,
    )
    done = run(suite, option)
    assert done.outcomes == {"passed": 1}
    assert provider.billed() == 1
    assert cassettes(suite) == []
    assert "mark it" not in done.output


ABSENT = """
    def pytest_addoption(parser):
        parser.addoption("--record-mode", default="mine")

    def pytest_configure(config):
        assert not config.pluginmanager.has_plugin("recording")
"""
ALONE = """
    import pytest

    def test_a(request):
        assert request.config.getoption("--record-mode") == "mine"
        assert "vcr" not in request.fixturenames
"""


def test_vcr_compat_is_off(suite: Suite) -> None:
    suite.write("conftest.py", ABSENT)
    suite.write("test_a.py", ALONE)
    assert run(suite, "-o", "vcr_compat=off").outcomes == {"passed": 1}


def test_a_wrong_name_in_vcr_compat(suite: Suite) -> None:
    suite.write("test_a.py", "def test_a(): ...")
    done = run(suite, "-o", "vcr_compat=pytest-rec")
    assert "vcr_compat is one of pytest-recording, pytest-vcr, off" in done.output
    assert done.code == pytest.ExitCode.USAGE_ERROR


VCR_OF_MODULE = """
    import pytest
    from calls import ask, ask_quietly
    from vcr import VCR
    from vcr.record_mode import RecordMode

    @pytest.fixture(scope="module")
    def vcr_config():
        return {"match_on": ["method", "uri", "body"]}

    @pytest.mark.vcr
    class TestMarked:
        def test_one(self, vcr_cassette, vcr):
            assert isinstance(vcr, VCR)
            ask_quietly("one")

    @pytest.mark.vcr(record_mode="none")
    def test_none():
        ask_quietly("two")

    def test_by_hand(vcr, vcr_cassette_dir):
        with vcr.use_cassette("given", allow_playback_repeats=True) as cassette:
            assert cassette._path == vcr_cassette_dir + "/given.yaml"
            ask_quietly("three")

    def test_plain():
        ...
"""


def test_the_fixtures_of_pytest_vcr(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write("pytest.ini", "[pytest]\naddopts = --strict-markers\nvcr_compat = pytest-vcr\n")
    suite.write("test_a.py", VCR_OF_MODULE)

    held = run(suite, "--vcr-record=none")
    assert held.outcomes == {"passed": 4}
    assert held.line("MISS") == "MISS 3  UNMARKED:NO_TRAFFIC 1"
    assert provider.billed() == 0
    run(suite)
    assert cassettes(suite) == ["TestMarked.test_one.yaml", "given.yaml"]
    assert run(suite, CI="1").line("MISS") == "MISS 1  HIT 2  UNMARKED:NO_TRAFFIC 1"
    run(suite, "--vcr-record=all", CI="1")
    assert cassettes(suite) == ["TestMarked.test_one.yaml", "given.yaml", "test_none.yaml"]
    assert provider.billed() == 5
    assert run(suite, "--disable-vcr").outcomes == {"passed": 4}
    assert provider.billed() == 8


def test_an_explicit_none_holds_cassettes_that_tests_open_themselves_and_onetakes_marks(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest, vcr
        from calls import ask

        def test_direct():
            with vcr.use_cassette("direct.yaml", record_mode="new_episodes"):
                ask("a")

        @pytest.mark.onetake(mode="auto")
        def test_marked():
            ask("b")
        """,
    )

    held = run(suite, "--record-mode=none")
    free = run(suite)

    assert held.code == 1
    assert "2 failed" in held.output
    assert free.code == 0, free.output
    assert provider.billed() == 2
