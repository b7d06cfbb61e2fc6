"""Requests of no test and no fixture: import time, foreign threads, live servers."""

from __future__ import annotations

import fakeprovider
from tests.plugin.suite import Suite
from tests.plugin.test_owners import replays

_FOREIGN_THREAD = """
    import queue
    import threading
    import pytest
    from calls import ask

    asked, answered = queue.Queue(), queue.Queue()

    def work():
        while True:
            text = asked.get()
            try:
                answered.put(ask(text))
            except Exception as error:
                answered.put(error)

    threading.Thread(target=work, daemon=True).start()  # at import time: it is no test's

    def ask_there(text):
        asked.put(text)
        return answered.get(timeout=20)
"""


def test_import_time_calls_are_recorded_in_the_session_cassette(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        MODELS = ask("models")

        @pytest.mark.onetake
        def test_one():
            assert ask("one")
        """,
    )

    replays(suite, provider, 2)
    assert suite.cassettes() == ["cassettes/@session.json", "cassettes/test_a/test_one.json"]
    assert suite.run().line("ownerless: ").startswith("ownerless: 1 replayed")


def test_a_foreign_thread_belongs_to_the_session(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("there.py", _FOREIGN_THREAD)
    suite.write(
        "test_a.py",
        """
        import pytest
        from there import ask_there

        @pytest.mark.onetake
        def test_one():
            assert isinstance(ask_there("one"), dict)
        """,
    )

    replays(suite, provider, 1)
    assert suite.cassettes() == ["cassettes/@session.json"]


def test_an_ownerless_miss_fails_the_run(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask_quietly

        ask_quietly("never recorded")

        @pytest.mark.onetake
        def test_one():
            pass
        """,
    )

    run = suite.run("--onetake-mode=replay")

    assert run.code == 1
    assert run.outcomes == {"passed": 1}
    assert run.line("ownerless: ").startswith("ownerless: 1 missed")
    assert provider.billed() == 0


def test_adopt_gives_them_to_the_running_test(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("there.py", _FOREIGN_THREAD)
    suite.write(
        "test_a.py",
        """
        import queue
        import threading
        import pytest
        from calls import ask
        from there import ask_there

        @pytest.fixture(scope="module")
        def server():
            asked, answered = queue.Queue(), queue.Queue()
            def serve():
                while (text := asked.get()) is not None:
                    answered.put(ask(text))
            thread = threading.Thread(target=serve)
            thread.start()
            def call(text):
                asked.put(text)
                return answered.get(timeout=20)
            yield call
            asked.put(None)
            thread.join()

        @pytest.mark.onetake(adopt=True)
        @pytest.mark.parametrize("word", ["a", "b"])
        def test_adopts(server, word):
            assert isinstance(server("served " + word), dict)
            assert isinstance(ask_there("foreign " + word), dict)

        @pytest.mark.onetake
        def test_does_not(server):
            assert isinstance(server("alone"), dict)
        """,
    )

    replays(suite, provider, 5)
    assert suite.cassettes() == [
        "cassettes/test_a/@server.json",
        "cassettes/test_a/test_adopts[a].json",
        "cassettes/test_a/test_adopts[b].json",
    ]


def test_a_run_without_marked_tests_is_left_alone(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("there.py", _FOREIGN_THREAD)
    suite.write(
        "test_a.py",
        """
        from there import ask_there

        def test_one():
            assert isinstance(ask_there("one"), dict)
        """,
    )

    run = suite.run()

    assert run.code == 0, run.output
    assert provider.billed() == 1
    assert suite.cassettes() == []


def test_workers_share_the_session_cassette(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        MODELS = ask("models")

        @pytest.mark.onetake
        @pytest.mark.parametrize("n", range(4))
        def test_one(n):
            assert ask(f"one {n}")
        """,
    )

    first = suite.run("-n", "2", plugins=("xdist",))
    assert first.code == 0, first.output
    paid = provider.billed()
    second = suite.run("-n", "2", "--onetake-mode=replay", plugins=("xdist",))

    assert second.code == 0, second.output
    assert provider.billed() == paid
    assert "paid calls: 0" in second.output
