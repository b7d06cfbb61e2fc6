"""Section 5: what onetake adds to starts of Python and pytest and to tests, in processes of their own.

All figures are CPU time, of a process and all that it started.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench import tools
from bench.measure import environment
from bench.workload import HOST, PATH, Workload

IMPORT_BUDGET_MS = 25.0
UNMARKED_BUDGET_MS = 40.0
MARKED_BUDGET_MS = 110.0
TEST_BUDGET_MS = 0.7
RESPX_BUDGET = 1.1
"""Times the CPU time of a suite that respx answers."""

_OURS = ("-p", "onetake.pytest_plugin")
"""The plugin that an installed onetake brings; those of other packages are left out on both sides."""

_STARTS = {
    "import onetake": "import onetake",
    "onetake.use_cassette": "import onetake; onetake.use_cassette",
    "a first Recorder": "import onetake; onetake.Recorder(root=__import__('pathlib').Path('/'))",
}
_MODULES = 20
_QUIET = {
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONHASHSEED": "0",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}

_CONFTEST = """
import httpx
import pytest

@pytest.fixture(scope="session")
def post():
    with httpx.Client(trust_env=False) as client:
        def send(body):
            return client.post(URL, content=body, headers={"Content-Type": "application/json"}).content
        yield send
""".replace("URL", repr(HOST + PATH))


def run(rounds: int, tests: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Milliseconds of CPU time that each thing adds, and the suite of `tests` tests against respx."""
    added: dict[str, float] = {}
    for name, code in _STARTS.items():
        tell(name)
        added[name] = _added(("-c", "pass"), ("-c", code), rounds)
    if find_spec("pytest") is None:
        return {"added_ms": added, "note": "pytest is not installed here"}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        for marked, what in ((False, "no marked test"), (True, "a marked test")):
            tell(f"pytest, {what}")
            place = _project(folder / what.replace(" ", "-"), 1, "onetake" if marked else "")
            added[f"pytest, {what}"] = _added(_pytest(), (*_pytest(), *_OURS), rounds, place)
        tell("marked tests")
        plain = _project(folder / "plain", tests, "")
        marked_tests = _project(folder / "marked", tests, "onetake")
        alone = added["pytest, a marked test"]
        with_marks = _cpu_ms((*_pytest(), *_OURS), marked_tests) - _cpu_ms(_pytest(), plain)
        result: dict[str, Any] = {
            "added_ms": added,
            "test_ms": max(with_marks - alone, 0.0) / tests,
            "tests": tests,
        }
        if find_spec("respx") is not None and find_spec("xdist") is not None:
            tell("tests with one call each, against respx")
            result["suites_ms"] = _against_respx(folder, tests, max(rounds // 4, 1))
    return result


def _against_respx(folder: Path, tests: int, rounds: int) -> dict[str, float]:
    """The cheapest runs on two workers, by what answers."""
    on_two = (*_pytest(), "-p", "xdist.plugin", "-n", "2")
    suites = {
        "respx": (
            (*on_two, "-p", "respx.plugin"),
            _project(folder / "respx", tests, "respx", calls=True),
        ),
        "onetake": ((*on_two, *_OURS), _project(folder / "onetake", tests, "onetake", calls=True)),
    }
    times: dict[str, list[float]] = {name: [] for name in suites}
    for _ in range(rounds + 1):  # the first writes byte code
        for name, (arguments, place) in suites.items():
            times[name].append(_cpu_ms(arguments, place))
    return {name: min(some) for name, some in times.items()}


def _project(folder: Path, tests: int, mark: str, *, calls: bool = False) -> Path:
    """A project of `tests` tests, each with a cassette of its own where onetake answers."""
    workload = Workload(700)
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    if calls:
        (folder / "conftest.py").write_text(_CONFTEST)
    modules = min(_MODULES, tests)
    for m in range(modules):
        lines = ["import pytest, httpx"] if mark == "respx" else ["import pytest"]
        for n in range(m, tests, modules):
            lines += _test(n, mark, calls, workload)
            if mark == "onetake":
                path = folder / "cassettes" / f"test_{m:02}" / f"test_{n}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                request = tools.onetake_request(workload.request(n))
                tools.write_onetake(path, [request], workload)
        (folder / f"test_{m:02}.py").write_text("\n".join(lines) + "\n")
    return folder


def _test(n: int, mark: str, calls: bool, workload: Workload) -> list[str]:
    lines = [f"@pytest.mark.{mark}"] if mark else []
    if not calls:
        return [*lines, f"def test_{n}(): ..."]
    if mark == "onetake":
        return [
            *lines,
            f"def test_{n}(post):",
            f"    assert b'Summary ' in post({workload.request(n)!r})",
        ]
    answer = f"httpx.Response(200, headers={workload.answer_headers()!r}, content={workload.answer(n)!r})"
    return [
        f"def test_{n}(post, respx_mock):",
        f"    respx_mock.post({HOST + PATH!r}).mock(return_value={answer})",
        f"    assert b'Summary ' in post({workload.request(n)!r})",
    ]


def _pytest() -> tuple[str, ...]:
    return ("-m", "pytest", "-q", "-p", "no:cacheprovider")


def _added(
    bare: Sequence[str], more: Sequence[str], rounds: int, folder: Path | None = None
) -> float:
    times: dict[Any, list[float]] = {bare: [], more: []}
    for _ in range(rounds + 1):  # the first fills the file cache and writes byte code
        for arguments in (bare, more):
            times[arguments].append(_cpu_ms(arguments, folder))
    return min(times[more]) - min(times[bare])


def _cpu_ms(arguments: Sequence[str], folder: Path | None) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**environment(), **_QUIET},
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines() or [str(done.returncode)]
        raise RuntimeError(lines[-1][:90])
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used * 1000
