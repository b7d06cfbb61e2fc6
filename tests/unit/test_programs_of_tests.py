"""What the programs that tests start have to say is seen where a test fails."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from tests.support import nurseries, runs
from tests.support.nurseries import Nursery
from tests.support.runs import ROOT, environment, result, run_program, run_python

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
    done = run_python(tmp_path, "-m", "pytest", *plugins, is_bare=True)

    assert "Program of the test, ended with 1" in done.stdout
    assert "so far\nthe reason\n" in done.stdout


def test_a_nursery_that_cannot_start_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(nurseries, "_TIMEOUT_S", 30.0)
    hidden = environment(PYTHONPATH=str(tmp_path))
    (tmp_path / "msgspec.py").write_text("raise ImportError('no such thing here')")
    with (
        Nursery("programs", hidden) as nursery,
        pytest.raises(RuntimeError, match="no such thing here"),
    ):
        nurseries.run_in(nursery.address, ["-c", ""], tmp_path, hidden)


def test_what_a_program_that_never_ends_has_said_is_kept(tmp_path, monkeypatch):
    program = "import time; print('so far', flush=True); time.sleep(600)"

    def said_within(seconds: float) -> str:
        monkeypatch.setattr(nurseries, "_TIMEOUT_S", seconds)
        with pytest.raises(subprocess.TimeoutExpired):
            run_python(tmp_path, "-c", program)
        return runs.ended[-1].stdout

    assert any("so far" in said_within(seconds) for seconds in (1.0, 8.0, 64.0))


# What a nursery has loaded already.

_IMPORTS = """
    import importlib, json, sys

    ROOTS = {"onetake", "vcr", "httpx", "httpcore", "requests", "urllib3", "aiohttp", "botocore"}

    class Witness:
        def find_spec(self, name, path, target=None):
            if name.partition(".")[0] in ROOTS or name == "http.client":
                seen.append(name)

    seen = []
    sys.meta_path.insert(0, Witness())
    loaded = sorted(name for name in sys.modules if name.partition(".")[0] in ROOTS)
    steps = [loaded]
    for name in (
        *("onetake", "onetake.recorder.recorder", "onetake.cli", "vcr"),
        *("httpx", "requests", "aiohttp", "botocore.session"),
    ):
        seen.clear()
        importlib.import_module(name)
        steps.append([name for name in seen if name in sys.modules])
    print(json.dumps(steps))
"""


def test_a_program_imports_what_it_would_import_in_a_process_from_nothing(tmp_path):
    source = textwrap.dedent(_IMPORTS)
    cold = subprocess.run(
        [sys.executable, "-c", source],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    here = result(run_python(tmp_path, "-c", source))

    assert here == result(cold)
    assert here[0] == []
    assert all(here[1:])


def test_a_program_that_looks_for_a_module_is_told_where_it_lies(tmp_path):
    program = """
        import importlib.util, sys

        spec = importlib.util.find_spec("vcr")
        assert "vcr" not in sys.modules
        import vcr

        assert spec.has_location and spec.origin == vcr.__file__
        import httpx

        assert isinstance(httpx.__version__, str)  # and not the module of that name
    """
    assert run_program(program, tmp_path).returncode == 0


def test_a_module_that_is_dropped_and_imported_again_comes_from_its_file(tmp_path):
    program = """
        import sys
        import httpx

        first, spec = httpx, httpx.__spec__
        del sys.modules["httpx"]
        import httpx

        assert httpx is not first
        assert httpx.__spec__.origin == spec.origin == httpx.__file__
    """
    assert run_program(program, tmp_path).returncode == 0


# How a program ends.


@pytest.mark.parametrize(
    "last",
    [
        *("", "sys.exit()", "sys.exit(3)", "sys.exit(-1)", "sys.exit('the reason')", "os._exit(4)"),
        *("raise ValueError('no')", "raise KeyboardInterrupt", "open(__import__('os').devnull)"),
        "os.kill(os.getpid(), 15)",
    ],
)
def test_a_program_ends_as_a_process_from_nothing_would(tmp_path, last):
    source = f"""
        import atexit, json, os, sys, threading

        class Last:
            def __del__(self, tell=print, name=json.__name__):
                tell("cleared", name, json is None)

        last = Last()
        atexit.register(print, "at exit")
        print("no line's end", end="")
        waits = threading.Thread(target=lambda: threading.main_thread().join() or print("in a thread"))
        waits.start()
        {last}
    """
    source = textwrap.dedent(source)
    cold = subprocess.run(
        [sys.executable, "-c", source],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    done = run_python(tmp_path, "-c", source)

    assert (done.returncode, done.stdout) == (cold.returncode, cold.stdout)
    assert last_lines(done.stderr) == last_lines(cold.stderr)


def last_lines(errors: str) -> list[str]:
    """Return what is said of an error, without the frames of the nursery."""
    return [
        line for line in errors.splitlines() if line and not line.startswith((" ", "Traceback"))
    ]


# The interpreters that `make test PYTHON=...` finds.


def interpreter(name: str, **extra: str):
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
