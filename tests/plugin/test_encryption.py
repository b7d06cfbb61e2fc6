"""Tests whose recordings lie encrypted in a shared store: without the key nothing is replayed, or paid."""

from __future__ import annotations

import secrets
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.support.runs import environment

ONE, OTHER = secrets.token_hex(32), secrets.token_hex(32)
_SETTINGS = 'store = "sqlite:store.db"\nencrypt = "env:ONETAKE_KEY"\n'
_TESTS = """
    import pytest
    from calls import ask

    @pytest.mark.onetake
    def test_it():
        assert ask("question")

    def test_without_calls():
        pass
"""


def test_without_the_key_nothing_is_replayed_and_nothing_paid(suite, provider):
    suite.write("onetake.toml", _SETTINGS)
    suite.write("test_a.py", _TESTS)
    recorded = suite.run(ONETAKE_KEY=ONE)
    replayed = suite.run("--onetake-mode=replay", ONETAKE_KEY=f"{OTHER},{ONE}")
    refused = [
        suite.run("--onetake-mode=auto", ONETAKE_KEY=OTHER),
        suite.run("--onetake-mode=auto"),
        suite.run("--onetake-mode=auto", ONETAKE_KEY="correct-horse-battery"),
    ]
    suite.write("onetake.toml", 'store = "sqlite:store.db"\n')
    refused.append(suite.run("--onetake-mode=auto", ONETAKE_KEY=ONE))

    without_cassettes = suite.run("-k", "without_calls")

    assert recorded.outcomes == replayed.outcomes == {"passed": 2}
    assert "replayed: 1" in replayed.output
    wrong, none, passphrase, off = refused
    assert [run.outcomes for run in (wrong, off)] == [{"passed": 1, "error": 1}] * 2
    assert [run.code for run in (none, passphrase)] == [pytest.ExitCode.USAGE_ERROR] * 2
    assert without_cassettes.outcomes == {"passed": 1}
    wrong, none, passphrase, off = (" ".join(run.output.split()) for run in refused)
    assert none.count("ONETAKE_KEY") == wrong.count("ONETAKE_KEY (encrypt)") == 1
    assert "Traceback" not in none + passphrase
    assert "is encrypted with the key" in wrong
    assert "ONETAKE_KEY (encrypt) holds" in wrong
    assert "encrypt names the variable ONETAKE_KEY, which is not set" in none
    assert "ONETAKE_KEY is no key of 32 random bytes" in passphrase
    assert "correct-horse" not in passphrase
    assert 'Set encrypt = "env:ONETAKE_KEY"' in off
    assert provider.counts() == {"POST /echo": 1}


def test_with_workers_the_missing_key_is_one_error_too(suite):
    suite.write("onetake.toml", _SETTINGS)
    suite.write("test_a.py", _TESTS)
    run = suite.run("-n2", plugins=("xdist",))

    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert run.output.count("ONETAKE_KEY") == 1


def fresh(source: str, folder: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """A program in a process into which nothing was loaded before."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        cwd=folder,
        env=environment(**extra),
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_the_package_the_error_says_what_to_install(tmp_path):
    (tmp_path / "onetake.toml").write_text(_SETTINGS)
    done = fresh(
        """
        import sys
        sys.modules["cryptography"] = None
        import onetake
        with onetake.use_cassette("c"):
            pass
        """,
        tmp_path,
        ONETAKE_KEY=ONE,
    )

    assert "UsageError: encrypt needs the package cryptography" in done.stderr
    assert "pip install 'onetake[encrypt]'" in done.stderr


def test_the_package_is_not_imported_for_others(tmp_path):
    (tmp_path / "onetake.toml").write_text('store = "sqlite:store.db"\n')
    done = fresh(
        """
        import sys
        import onetake
        with onetake.use_cassette("c"):
            print("cryptography" in sys.modules)
        """,
        tmp_path,
    )

    assert done.stdout.strip() == "False"
