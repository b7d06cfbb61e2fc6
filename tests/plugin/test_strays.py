"""Requests of threads that no running test has started, while a cassette of a vcrpy suite is open."""

from __future__ import annotations

from textwrap import dedent

import pytest

import fakeprovider
from tests.plugin.suite import Suite

PLUGIN = ("onetake_vcr.plugin",)
WORKER = """
    import queue
    import threading

    import pytest
    from calls import ask

    class Worker:
        def __init__(self):
            self.asked, self.answered = queue.Queue(), queue.Queue()
            threading.Thread(target=self.work, daemon=True).start()

        def work(self):
            while True:
                text = self.asked.get()
                try:
                    self.answered.put(ask(text))
                except Exception as error:
                    self.answered.put(type(error).__name__)

        def ask(self, text):
            self.asked.put(text)
            return self.answered.get(timeout=20)

    AT_IMPORT = Worker()
    WORKERS = []

    @pytest.fixture(scope="session")
    def of_session():
        return Worker()

    @pytest.fixture
    def before_the_cassette():
        return Worker()
"""
TESTS = {
    "at import": """
        @pytest.mark.vcr
        def test_a(vcr):
            check(AT_IMPORT, vcr)
    """,
    "a session fixture": """
        @pytest.mark.vcr
        def test_a(of_session, vcr):
            check(of_session, vcr)
    """,
    "a test that has ended": """
        @pytest.mark.vcr
        def test_0():
            WORKERS.append(Worker())

        @pytest.mark.vcr
        def test_a(vcr):
            check(WORKERS[0], vcr)
    """,
    "an unmarked test that has ended": """
        def test_0():
            WORKERS.append(Worker())

        @pytest.mark.vcr
        def test_a(vcr):
            check(WORKERS[0], vcr)
    """,
    "a test before its cassette": """
        import vcr as vcrpy

        def test_a(before_the_cassette, pytestconfig):
            mode = pytestconfig.getoption("--record-mode")
            with vcrpy.use_cassette("cassettes/test_a/test_a.yaml", record_mode=mode) as cassette:
                check(before_the_cassette, cassette)
    """,
}
CHECK = """
    def check(worker, cassette):
        assert isinstance(worker.ask("one"), dict)
        assert len(cassette) == 1
"""


@pytest.mark.parametrize("started", TESTS)
def test_a_request_of_a_thread_belongs_to_the_cassette_that_is_open(
    suite: Suite, provider: fakeprovider.Provider, started: str
) -> None:
    suite.write("workers.py", WORKER)
    suite.write("conftest.py", (suite.root / "conftest.py").read_text() + "from workers import *\n")
    head = "import pytest\nfrom workers import *\n"
    suite.write("test_a.py", head + dedent(CHECK) + dedent(TESTS[started]))

    recorded = suite.run("--record-mode=once", plugins=PLUGIN)
    replayed = suite.run("--record-mode=none", plugins=PLUGIN)
    held = suite.run(plugins=PLUGIN)

    assert recorded.code == 0, recorded.output
    assert replayed.code == 0, replayed.output
    assert provider.billed() == 1
    if started != "a test before its cassette":  # its own mode is none by then
        assert held.code == 0, held.output
    assert (suite.root / "cassettes" / "test_a" / "test_a.yaml").exists()


def test_a_native_cassette_takes_no_request_of_another_test(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("workers.py", WORKER)
    suite.write(
        "test_a.py",
        """
        import pytest
        from workers import *

        @pytest.mark.onetake
        def test_0():
            WORKERS.append(Worker())
            WORKERS[0].ask("zero")

        @pytest.mark.onetake
        def test_a(cassette):
            WORKERS[0].ask("one")
            assert cassette.counts.get("recorded", 0) == 0
        """,
    )

    suite.run(plugins=PLUGIN)

    assert suite.cassettes() == ["cassettes/test_a/test_0.json"]


def test_adopt_takes_requests_of_tests_that_have_ended(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("onetake.toml", "adopt = true\n")
    suite.write("workers.py", WORKER)
    suite.write(
        "test_a.py",
        """
        import pytest
        from workers import *

        @pytest.mark.onetake
        def test_0():
            WORKERS.append(Worker())
            assert isinstance(WORKERS[0].ask("zero"), dict)

        @pytest.mark.onetake
        def test_a():
            assert isinstance(WORKERS[0].ask("one"), dict)
        """,
    )

    suite.run()
    replayed = suite.run("--onetake-mode=replay")

    assert replayed.code == 0, replayed.output
    assert provider.billed() == 2
    assert suite.cassettes() == ["cassettes/test_a/test_0.json", "cassettes/test_a/test_a.json"]
