"""What the programs that tests start have to say is seen where a test fails."""

from __future__ import annotations

import sys

import pytest

from tests.support import nurseries, runs
from tests.support.nurseries import Nursery
from tests.support.runs import ROOT, environment, run_python

_FAILING = """
    from tests.support.runs import run_program

    def test_that_does_not_look_at_errors(tmp_path):
        done = run_program("import sys; print('so far'); sys.exit('the reason')", tmp_path)
        assert done.stdout == "something else"
"""


def test_the_errors_of_a_program_stand_beside_the_failure(tmp_path):
    (tmp_path / "conftest.py").write_text("from tests.conftest import *")
    (tmp_path / "test_it.py").write_text("if True:" + _FAILING)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    plugins = [
        word for name in ("onetake", "asyncio", "cacheprovider") for word in ("-p", f"no:{name}")
    ]
    done = run_python(tmp_path, "-m", "pytest", *plugins)

    assert "Program of the test, ended with 1" in done.stdout
    assert "so far\nthe reason\n" in done.stdout


def test_a_nursery_that_cannot_start_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(nurseries, "_TIMEOUT_S", 30.0)
    hidden = environment(PYTHONPATH=str(tmp_path))
    (tmp_path / "msgspec.py").write_text("raise ImportError('no such thing here')")
    nursery = Nursery("programs", hidden)
    try:
        with pytest.raises(RuntimeError, match="no such thing here"):
            nursery.run(["-c", ""], tmp_path, hidden)
    finally:
        nursery.close()


def test_what_a_program_that_never_ends_has_said_is_kept(tmp_path, monkeypatch):
    for _ in range(2):
        run_python(tmp_path, "-c", "")  # both nurseries are there
    monkeypatch.setattr(nurseries, "_TIMEOUT_S", 2.0)
    with pytest.raises(runs.subprocess.TimeoutExpired):
        run_python(tmp_path, "-c", "import time; print('so far', flush=True); time.sleep(60)")

    assert "so far" in runs.ended[-1].stdout


# The interpreters that `make test PYTHON=...` finds.


def interpreter(name: str, **extra: str):
    import subprocess

    return subprocess.run(
        [str(ROOT / ".ci" / "interpreter"), name],
        capture_output=True,
        text=True,
        check=False,
        env=environment(**extra),
    )


def test_an_interpreter_that_runs_is_taken_by_its_path():
    assert interpreter(sys.executable).stdout.strip() == sys.executable


def test_an_interpreter_that_is_only_known_to_pyenv_is_found(tmp_path):
    for name, text in {"python3.99": "exit 127", "pyenv": 'echo "/versions/$2"'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    found = interpreter("python3.99", PATH=f"{tmp_path}:/usr/bin:/bin")

    assert found.stdout == "/versions/3.99/bin/python\n"


def test_an_interpreter_that_nobody_has_is_an_error_with_a_remedy():
    missing = interpreter("python3.98")

    assert (missing.returncode, missing.stdout) == (1, "")
    assert "python3.98 is no interpreter here" in missing.stderr
