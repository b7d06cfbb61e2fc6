"""Settings of a run: where they come from, and what a wrong one says."""

from __future__ import annotations

import pytest

from tests.plugin.suite import Suite

PLAIN = """
    import pytest

    @pytest.mark.onetake
    def test_plain():
        pass
"""


def test_the_header_says_mode_reason_and_store(suite: Suite) -> None:
    suite.write("test_a.py", PLAIN)
    assert (
        suite.run().line("onetake:")
        == "onetake: mode auto (default), store cassettes/ beside each test module"
    )


def test_ci_holds_local_recordings_to_replay(suite: Suite) -> None:
    suite.write("test_a.py", PLAIN)
    assert suite.run(CI="true").line("onetake:").startswith("onetake: mode replay (CI is set")


def test_the_command_line_lifts_the_ceiling_of_ci(suite: Suite) -> None:
    suite.write("test_a.py", PLAIN)
    run = suite.run("--onetake-mode=auto", CI="true")
    assert run.line("onetake:").startswith("onetake: mode auto (explicit: --onetake-mode)")


@pytest.mark.parametrize(
    ("arguments", "extra", "said"),
    [
        (["--onetake-mode=replai"], {}, "Unknown mode 'replai' in --onetake-mode. Did you mean"),
        (["--onetake-store=ftp:x"], {}, "Unknown store in --onetake-store"),
        ([], {"ONETAKE_MODUS": "auto"}, "Unknown setting 'modus' in the environment"),
    ],
)
def test_a_wrong_setting_ends_the_run_in_one_line(
    suite: Suite, arguments: list[str], extra: dict[str, str], said: str
) -> None:
    run = suite.run(*arguments, **extra)
    assert run.code == 4
    assert said in run.line("ERROR: onetake:")
    assert "Traceback" not in run.output


def test_a_wrong_setting_in_the_file_names_the_file(suite: Suite) -> None:
    suite.write("onetake.toml", "mod = 'auto'")
    run = suite.run()
    assert "onetake.toml" in run.line("ERROR: onetake: Unknown setting 'mod'")


def test_wrong_markers_fail_their_test_by_name_without_a_traceback(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest

        @pytest.mark.onetake(mdoe="auto")
        def test_unknown_setting(): ...

        @pytest.mark.onetake("a", "b")
        def test_two_names(): ...

        @pytest.mark.onetake(7)
        def test_number(): ...

        @pytest.mark.onetake("../a")
        def test_outside(): ...

        def test_unmarked(cassette): ...

        @pytest.mark.onetake
        def test_right(cassette):
            assert cassette.verdict == "NO_TRAFFIC"
        """,
    )
    run = suite.run()
    assert run.outcomes == {"passed": 1, "error": 5}
    for text in (
        "Unknown setting 'mdoe' in the onetake marker of test_a.py::test_unknown_setting",
        "The onetake marker of test_a.py::test_two_names has 2 positional",
        "The onetake marker of test_a.py::test_number has the name 7",
        "The cassette name '../a' is refused",
        "test_a.py::test_unmarked asks for the fixture 'cassette' but has no cassette",
    ):
        assert text in run.output
    assert "src/onetake" not in run.output


def test_a_misspelt_marker_fails_its_test(suite: Suite) -> None:
    suite.write("pytest.ini", "[pytest]\nmarkers =\n    one_take: of our own\n")
    suite.write(
        "test_a.py",
        """
        import pytest

        @pytest.mark.onetke
        def test_misspelt(): ...

        @pytest.mark.one_take
        def test_of_our_own(): ...

        @pytest.mark.onetime
        def test_another_word(): ...
        """,
    )
    run = suite.run("-W", "ignore::pytest.PytestUnknownMarkWarning")
    assert run.outcomes == {"passed": 2, "error": 1}
    assert "test_a.py::test_misspelt has the unknown marker 'onetke'" in run.output
    assert "Did you mean 'onetake'?" in run.output


def test_the_closest_setting_wins(suite: Suite) -> None:
    suite.write("onetake.toml", "mode = 'once'")
    suite.write(
        "test_a.py",
        """
        import pytest

        pytestmark = pytest.mark.onetake("of-module", mode="replay")

        @pytest.fixture(scope="module")
        def onetake_config():
            return {"mode": "live", "repeats": "last"}

        def settings(cassette):
            return str(cassette.opening.settings.mode), cassette.opening.settings.repeats

        def test_module(cassette):
            assert settings(cassette) == ("replay", "last")
            assert cassette.name == "of-module"

        @pytest.mark.onetake("of-class", repeats="none")
        class TestClass:
            def test_class(self, cassette):
                assert settings(cassette) == ("replay", "none")
                assert cassette.name == "of-class"

            @pytest.mark.onetake(mode="auto")
            def test_function(self, cassette):
                assert settings(cassette) == ("auto", "none")
                assert cassette.name == "of-class"

            @pytest.mark.parametrize(
                "n", [pytest.param(1, marks=pytest.mark.onetake("of-param", mode="live"))]
            )
            @pytest.mark.onetake("of-function", mode="auto")
            def test_param(self, n, cassette):
                assert settings(cassette) == ("live", "none")
                assert cassette.name == "of-param"
        """,
    )
    assert suite.run().outcomes == {"passed": 4}


def test_a_config_fixture_that_returns_no_settings_fails_the_test(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest

        @pytest.fixture(scope="module")
        def onetake_config():
            return "replay"

        @pytest.mark.onetake
        def test_a(): ...
        """,
    )
    run = suite.run()
    assert run.outcomes == {"error": 1}
    assert "The fixture onetake_config returned str." in run.output


def test_settings_may_be_the_parameters_of_a_test(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest

        @pytest.mark.onetake
        @pytest.mark.parametrize("onetake_config", [{"mode": "replay"}, {"bogus": 1}])
        def test_a(onetake_config): ...
        """,
    )
    run = suite.run()
    assert run.outcomes == {"passed": 1, "error": 1}
    assert "bogus" in run.output


def test_nothing_is_said_where_nothing_happened(suite: Suite) -> None:
    suite.write("test_a.py", "def test_a(): ...")
    assert "onetake" not in suite.run("-v", "--no-header").output.replace("onetake.pytest", "")


def test_switched_off_it_does_nothing(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        @pytest.mark.onetake
        def test_live():
            ask("a")

        @pytest.mark.onetake
        def test_cassette(cassette): ...
        """,
    )
    run = suite.run("--no-onetake")
    assert run.outcomes == {"passed": 1, "skipped": 1}
    assert suite.cassettes() == []
    assert "onetake:" not in run.output


def test_names_that_nobody_registered_stop_the_run_at_its_start(suite: Suite) -> None:
    suite.write("test_a.py", "import pytest\n@pytest.mark.onetake\ndef test_a(): ...\n")
    for text, message in (
        ('match_on = ["method", "tail"]', "match_on names 'tail'"),
        ('volatile = ["uid"]', "Did you mean 'uuid'?"),
        ('credential = "digest"', "ONETAKE_KEY is not set"),
        ('[[rules]]\nhost = "https://h"\nignore = ["body.x"]', "which is no host name"),
        ('[[rules]]\npath = "echo"\nignore = ["body.x"]', "which no request can have"),
    ):
        suite.write("onetake.toml", text)
        run = suite.run()
        assert run.code == 4, run.output
        assert message in run.output
        assert "Traceback" not in run.output
