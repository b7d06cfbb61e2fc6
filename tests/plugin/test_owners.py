"""Whose call is it: tests and fixtures of every kind."""

from __future__ import annotations

import fakeprovider
from tests.plugin.suite import Suite


def replays(suite: Suite, provider: fakeprovider.Provider, calls: int, *plugins: str) -> None:
    """A first run pays `calls`; a second one passes in replay and pays nothing."""
    first = suite.run("-v", plugins=plugins)
    assert first.code == 0, first.output
    assert provider.billed() == calls
    assert f"paid calls: {calls} (recorded {calls}); replayed: 0" in first.output
    second = suite.run("-v", "--onetake-mode=replay", plugins=plugins)
    assert second.code == 0, second.output
    assert provider.billed() == calls
    assert f"paid calls: 0; replayed: {calls}" in second.output


def test_plain_tests_and_fixtures(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write(
        "test_a.py",
        """
        import unittest
        import pytest
        from calls import ask, ask_async

        pytestmark = pytest.mark.onetake

        @pytest.fixture
        def answer():
            return ask("fixture")

        @pytest.fixture
        def around(request):
            request.addfinalizer(lambda: ask("finalizer"))
            ask("before")
            yield
            ask("after")

        def test_function(answer, around, cassette):
            ask("test")
            assert [call.outcome for call in cassette.calls][0] in ("recorded", "replayed")
            assert len(cassette.calls) == 3

        class TestClass:
            def setup_method(self):
                ask("setup_method")

            def test_method(self, cassette):
                ask("method")
                assert len(cassette.calls) == 2

        class TestCase(unittest.TestCase):
            def setUp(self):
                ask("setUp")

            def tearDown(self):
                ask("tearDown")

            def test_case(self):
                ask("case")

        class TestAsync(unittest.IsolatedAsyncioTestCase):
            async def asyncSetUp(self):
                await ask_async("asyncSetUp")
                self.addAsyncCleanup(ask_async, "cleanup")

            async def test_async(self):
                await ask_async("async")
        """,
    )
    replays(suite, provider, 13)


def test_fixtures_wider_than_a_function(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        pytestmark = pytest.mark.onetake

        @pytest.fixture(scope="session", params=["x", "y"])
        def of_session(request):
            ask("session" + request.param)
            yield
            ask("session ends")

        @pytest.fixture(scope="module")
        def of_module():
            ask("module")

        class TestClass:
            @classmethod
            def setup_class(cls):
                ask("class")

            def test_a(self, of_session, of_module):
                ask("a")

        def test_b(of_module): ...
        """,
    )
    replays(suite, provider, 8)
    assert suite.cassettes() == [
        "cassettes/test_a/@TestClass.setup_class.json",
        "cassettes/test_a/@of_module.json",
        "cassettes/test_a/@of_session[x].json",
        "cassettes/test_a/@of_session[y].json",
        "cassettes/test_a/TestClass.test_a[x].json",
        "cassettes/test_a/TestClass.test_a[y].json",
    ]


ASYNC = """
    import pytest
    {imports}
    from calls import ask_async

    pytestmark = [pytest.mark.onetake{mark}]

    @{fixture}(scope="module")
    async def of_module({argument}):
        await ask_async("module")
        yield
        await ask_async("module ends")

    @{fixture}
    async def around({argument}):
        await ask_async("before")
        yield
        await ask_async("after")

    @{fixture}
    async def answer({argument}):
        return await ask_async("answer")

    async def test_function(of_module, around, answer, cassette):
        await ask_async("test")
        assert len(cassette.calls) == 3

    class TestClass:
        @{fixture}
        async def own(self{argument_too}):
            await ask_async("own")
            yield self
            await ask_async("own ends")

        async def test_method(self, own):
            assert own is self
            await ask_async("method")
"""


LOOPS = """\
[pytest]
asyncio_default_fixture_loop_scope = module
asyncio_default_test_loop_scope = module
"""


def test_pytest_asyncio(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write(
        "test_a.py",
        ASYNC.format(
            imports="import pytest_asyncio",
            mark=", pytest.mark.asyncio",
            fixture="pytest_asyncio.fixture",
            argument="",
            argument_too="",
        ),
    )
    suite.write("pytest.ini", LOOPS)
    replays(suite, provider, 9, "pytest_asyncio.plugin")


def test_pytest_asyncio_in_auto_mode(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write(
        "test_a.py",
        ASYNC.format(
            imports="",
            mark="",
            fixture="pytest.fixture",
            argument="",
            argument_too="",
        ),
    )
    suite.write("pytest.ini", LOOPS + "asyncio_mode = auto\n")
    replays(suite, provider, 9, "pytest_asyncio.plugin")


def test_anyio_on_asyncio_and_trio(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write(
        "test_a.py",
        ASYNC.format(
            imports="",
            mark=", pytest.mark.anyio",
            fixture="pytest.fixture",
            argument="anyio_backend",
            argument_too=", anyio_backend",
        ),
    )
    first = suite.run(plugins=("anyio.pytest_plugin",))
    # The module's fixture lives twice and has one cassette: its second life replays the first.
    assert first.line("paid calls") == "paid calls: 16 (recorded 16); replayed: 2", first.output
    second = suite.run("--onetake-mode=replay", plugins=("anyio.pytest_plugin",))
    assert second.line("paid calls") == "paid calls: 0; replayed: 18"
    assert provider.billed() == 16


def test_unmarked_tests_go_live_and_are_counted(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import chat

        @pytest.fixture(scope="module")
        def wide():
            chat("wide")

        def test_live(wide):
            chat("a")
            chat("a")

        def test_quiet(): ...
        """,
    )
    run = suite.run("-v")
    assert run.verdicts == ["[UNMARKED:LIVE] live=2", "[UNMARKED:LIVE] live=1 test_a/@wide"]
    assert run.line("paid calls") == "paid calls: 3 (unmarked 3); replayed: 0"
    assert provider.billed() == 3
    assert suite.cassettes() == []


def test_auto_mark_gives_every_test_a_cassette(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("onetake.toml", "auto_mark = true")
    suite.write("test_a.py", "from calls import ask\n\ndef test_a():\n    ask('a')\n")
    replays(suite, provider, 1)


def test_which_test_comes_first_does_not_decide_about_a_session_fixture(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        @pytest.fixture(scope="session")
        def login():
            return ask("login")

        def test_unmarked(login): ...

        @pytest.mark.onetake
        def test_marked(login): ...
        """,
    )
    replays(suite, provider, 1)


def test_cassettes_that_fixtures_open_are_those_of_the_test(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    """Also of tests in tasks, and until a fixture of a module is torn down."""
    suite.write(
        "test_a.py",
        """
        import onetake, pytest
        from calls import ask, ask_async

        @pytest.fixture
        def opened():
            with onetake.use_cassette("of_function") as cassette:
                yield cassette

        @pytest.fixture
        async def opened_async():
            with onetake.use_cassette("of_async") as cassette:
                yield cassette

        @pytest.fixture
        def asked(opened):
            return ask("a later fixture")

        @pytest.fixture(scope="module")
        def wide():
            with onetake.use_cassette("of_module") as cassette:
                yield cassette

        def test_sync(asked, opened):
            ask("sync")
            assert len(opened.calls) == 2

        async def test_async(opened):
            await ask_async("async")
            assert len(opened.calls) == 1

        async def test_async_fixture(opened_async):
            await ask_async("async fixture")
            assert len(opened_async.calls) == 1

        def test_in_module(wide):
            ask("first")

        async def test_in_module_too(wide):
            await ask_async("second")
            assert len(wide.calls) == 2

        @pytest.mark.onetake
        def test_marked(wide, cassette):
            ask("own")
            assert len(cassette.calls) == 1 and len(wide.calls) == 2
        """,
    )
    suite.write(
        "test_b.py",
        """
        from onetake.runtime import context

        def test_outside():
            assert type(context.current()).__name__ == "Unmarked"
        """,
    )
    suite.write("pytest.ini", LOOPS + "asyncio_mode = auto\n")
    replays(suite, provider, 7, "pytest_asyncio.plugin")
