"""The account at the end of a run."""

from __future__ import annotations

import fakeprovider
from tests.plugin.suite import Suite

MANY = """
    import pytest
    from calls import ask, chat

    @pytest.fixture(scope="session")
    def wide():
        ask("wide")

    @pytest.mark.onetake
    @pytest.mark.parametrize("n", range(10))
    def test_many(n, wide):
        ask(f"call {n}")
        ask(f"call {n}")

    @pytest.mark.onetake
    def test_quiet(): ...

    def test_unmarked():
        chat("unmarked")
"""


def test_the_last_lines_are_the_account(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write("test_a.py", MANY)
    run = suite.run()
    host = suite.url.partition("//")[2]
    assert run.output.partition(" onetake -")[2].splitlines()[1:-1] == [
        "RECORDED 11  NO_TRAFFIC 1  UNMARKED:LIVE 1",
        "after the dots: r RECORDED, u UNMARKED:LIVE",
        "paid calls: 22 (recorded 21, unmarked 1); replayed: 0",
        "spend: paid $0.0000087 (leaked $0.0000087)",
        "leaks: 1 live call fills no new cassette",
        f"  test_a.py::test_unmarked: 1 to {host}, without a cassette: mark it",
        "recordings: cassettes",
    ]
    assert provider.billed() == 22


def test_quiet_is_one_line(suite: Suite) -> None:
    suite.write("test_a.py", MANY)
    assert suite.run("-q").line("onetake:") == (
        "onetake: 11 RECORDED, 1 NO_TRAFFIC, 1 UNMARKED:LIVE; "
        "paid calls: 22 (recorded 21, unmarked 1); replayed: 0"
    )


def test_workers_say_nothing_and_are_all_counted(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("test_a.py", MANY)
    assert suite.run("test_a.py").code == 0
    provider.reset()
    run = suite.run("-v", "-n2", plugins=("xdist.plugin",))
    assert run.outcomes == {"passed": 12}
    assert len([verdict for verdict in run.verdicts if "test_many" in verdict]) == 10
    assert run.line("HIT") == "HIT 11  NO_TRAFFIC 1  UNMARKED:LIVE 1"
    assert run.line("paid calls").startswith("paid calls: 1 (unmarked 1); replayed: 2")
    assert run.output.count("paid calls") == 1
    assert provider.billed() == 1


def test_an_empty_upload_is_warned_about(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import httpx
        import pytest
        from calls import URL

        @pytest.mark.onetake
        def test_upload(tmp_path):
            path = tmp_path / "a.txt"
            path.write_text("text")
            with path.open("rb") as file:
                file.read()
                httpx.post(URL, files={"upload": ("a.txt", file.read())})
        """,
    )
    warning = " ".join(suite.run().output.partition("warning: test_a.py::test_upload:")[2].split())
    assert "the upload part 'upload' is empty" in warning
