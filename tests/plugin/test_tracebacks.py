"""A miss shows the lines of the suite, and no frames of the client library."""

from __future__ import annotations

import pytest

import fakeprovider
from tests.plugin.suite import Suite

TEST = """
    import pytest
    import requests
    from calls import URL

    def helper():
        return requests.get(URL, timeout=9)

    @pytest.mark.{mark}
    def test_a():
        helper()
"""


@pytest.mark.parametrize(
    ("mark", "option"), [("onetake", "--onetake-mode=replay"), ("vcr", "--record-mode=none")]
)
def test_a_miss_shows_the_lines_of_the_suite_alone(
    suite: Suite, provider: fakeprovider.Provider, mark: str, option: str
) -> None:
    suite.write("test_a.py", TEST.format(mark=mark))

    short = suite.run(option, plugins=("onetake_vcr.plugin",))
    whole = suite.run(option, "--full-trace", plugins=("onetake_vcr.plugin",))

    assert short.outcomes == whole.outcomes == {"failed": 1}
    assert "return requests.get(URL, timeout=9)" in short.output
    assert "requests/sessions.py" not in short.output
    assert "urllib3/connectionpool.py" not in short.output
    assert "requests/sessions.py" in whole.output


def test_the_frames_of_a_failure_that_is_no_miss_stay(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        import requests

        @pytest.mark.onetake
        def test_a():
            requests.get("no-url", timeout=9)
        """,
    )

    done = suite.run("--onetake-mode=replay")

    assert "requests/sessions.py" in done.output
