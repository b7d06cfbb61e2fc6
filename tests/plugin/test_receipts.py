"""What a run can show for itself afterwards: `onetake receipt`."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import fakeprovider
from tests.plugin.suite import Suite
from tests.support.runs import run_python

_TESTS = """
    import os

    import pytest
    from calls import ask

    @pytest.mark.onetake
    @pytest.mark.parametrize("n", range(3))
    def test_marked(n):
        ask(f"{n} {os.environ.get('WORDS')}")
        ask(f"{n} again")
        if os.environ.get("MORE"):
            ask(f"{n} more")

    @pytest.mark.onetake("shared")
    @pytest.mark.parametrize("n", range(2))
    def test_sharing(n):
        ask(f"shared {n}")
"""


def receipt(suite: Suite, *words: str, cwd: Path | None = None) -> tuple[int, str]:
    done = run_python(
        cwd or suite.root, "-c", "from onetake.cli import main; main()", "receipt", *words
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def data(suite: Suite, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(receipt(suite, "--json", *words)[1])
    return found


def test_a_run_that_only_replayed_has_a_clean_receipt(suite: Suite) -> None:
    suite.write("test_a.py", _TESTS)
    suite.run()
    suite.run("--onetake-mode=replay", "-n2", plugins=("xdist",))
    code, text = receipt(suite)

    assert code == 0, text
    first, second, third = text.splitlines()
    assert first == "Replayed 8 calls of 5 tests from 8 recordings; paid 0; egress 0"
    assert second.startswith("recordings sha256:")
    assert third.startswith("onetake ")
    assert third.endswith("; mode replay")
    code, text = receipt(suite, "--markdown")
    assert text.startswith("**onetake receipt: clean**\n\n```\nReplayed 8 calls")


def test_a_run_that_paid_says_what_and_to_whom(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("test_a.py", _TESTS)
    suite.run()
    code, text = receipt(suite)
    host = suite.url.partition("//")[2]

    assert code == 1
    assert text.splitlines()[:3] == [
        "NOT CLEAN:",
        "  8 calls went live (8 recorded)",
        f"    test_a.py::test_marked[0]: 2 to {host}",
    ]
    assert "; paid 8; egress 0" in text

    suite.run("--onetake-mode=replay", WORDS="other")
    code, text = receipt(suite)
    assert code == 1
    assert "ended with exit code 1" in text
    assert "  3 calls were missed" in text


def test_a_receipt_is_checked_on_another_machine(suite: Suite, tmp_path: Path) -> None:
    suite.write("test_a.py", _TESTS)
    suite.run(MORE="1")
    suite.run("--onetake-mode=replay")  # leaves three
    text = receipt(suite, "--json")[1]
    (suite.root / "receipt.json").write_text(text)
    digest = json.loads(text)["digest"]
    assert json.loads(text)["recordings"] == 8

    elsewhere = tmp_path / "elsewhere" / "deep"
    shutil.copytree(suite.root, elsewhere, ignore=shutil.ignore_patterns(".onetake", "elsewhere"))
    code, said = receipt(suite, "--check", "receipt.json", cwd=elsewhere)
    assert (code, said) == (0, f"The same 8 recordings: {digest}\n")
    there = replace(suite, root=elsewhere)
    assert there.run("--onetake-mode=replay").code == 0
    assert receipt(there, "--check", digest) == (0, f"The same 8 recordings: {digest}\n")

    path = elsewhere / "cassettes/test_a/test_marked[0].json"
    path.write_text(path.read_text().replace("0 again", "0 agein"))
    code, said = receipt(suite, "--check", "receipt.json", cwd=elsewhere)
    assert code == 1
    assert said.splitlines()[:2] == [
        "OTHER RECORDINGS:",
        "  cassettes/test_a/test_marked[0].json: has changed since it was used",
    ]
    code, said = receipt(there)
    assert code == 1
    assert "NOT CLEAN" in said
    path.unlink()
    assert "cannot be read" in receipt(suite, "--check", "receipt.json", cwd=elsewhere)[1]


def test_shards_have_one_receipt_and_the_same_digest(suite: Suite) -> None:
    suite.write("test_a.py", _TESTS)
    suite.run()
    suite.run("--onetake-mode=replay")
    whole = data(suite)
    suite.run("--onetake-report=1.json", "test_a.py", "-k", "marked or sharing and 0")
    suite.run("--onetake-report=2.json", "test_a.py", "-k", "sharing and 1")

    joined = data(suite, "1.json", "2.json")
    assert joined["digest"] == whole["digest"]
    assert (joined["replayed"], joined["paid"], joined["tests"]) == (8, 0, 5)
    assert data(suite, "2.json")["recordings"] == 1


def test_recordings_in_a_store_are_named_by_it(suite: Suite) -> None:
    suite.write("test_a.py", _TESTS)
    words = ("--onetake-store=sqlite:store.db",)
    suite.run(*words)
    suite.run(*words)

    code, text = receipt(suite, "--store=sqlite:store.db")
    assert code == 0, text
    assert "from 8 recordings" in text
    assert "which is not the store of this project" in receipt(suite)[1].replace("\n  ", " ")


def test_without_a_run_there_is_no_receipt(suite: Suite) -> None:
    suite.write("pyproject.toml", "")
    code, text = receipt(suite)

    assert code == 2
    assert "No run of pytest here has left a report" in text
    assert receipt(suite, "--check", "sha256:abc")[0] == 2
