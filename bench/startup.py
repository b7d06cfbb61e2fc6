"""Section 5: what `import onetake` and the pytest plugin add to a start, in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from bench.measure import environment

IMPORT_BUDGET_MS = 25.0
PLUGIN_BUDGET_MS = 40.0

_CLIENTS = (
    "httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3", "aiohttp", "botocore",
    "openai", "anthropic", "yaml", "click", "rich",
)  # fmt: skip
_LOADED = f"import json, sys; print(json.dumps([n for n in {_CLIENTS!r} if n in sys.modules]))"
_STARTS = {
    "import onetake": "import onetake",
    "onetake.use_cassette": "import onetake; onetake.use_cassette",
    "a first Recorder": "import onetake; onetake.Recorder(root=__import__('pathlib').Path('/'))",
}


def run(rounds: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Added milliseconds (median over rounds, each against a bare start beside it)."""
    result: dict[str, Any] = {"imports": {}, "plugin": {}}
    for name, code in _STARTS.items():
        tell(name)
        result["imports"][name] = _added(["-c", "pass"], ["-c", code], rounds)
        result["imports"][name]["clients"] = _loaded_by(code)
    tell("import time")
    result["importtime"] = _importtime()
    if find_spec("pytest") is None:
        result["plugin"] = {"note": "pytest is not installed here"}
        return result
    tell("pytest plugin")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder, "pytest.ini").write_text("[pytest]\n")
        Path(folder, "test_empty.py").write_text("def test_empty(): ...\n")
        bare = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "."]
        plugin = [*bare[:-1], "-p", "onetake.pytest_plugin", "."]
        result["plugin"] = _added(bare, plugin, rounds, folder)
    result["plugin"]["clients"] = _loaded_by("import pytest, onetake.pytest_plugin")
    return result


def _added(bare: list[str], more: list[str], rounds: int, folder: str | None = None) -> Any:
    times: dict[str, list[float]] = {"bare": [], "more": []}
    differences: list[float] = []
    for _ in range(rounds + 1):  # the first fills the file cache and writes .pyc files
        try:
            without = _wall_ms(bare, folder)
            with_it = _wall_ms(more, folder)
        except subprocess.CalledProcessError as error:
            lines = error.stderr.strip().splitlines() or error.stdout.strip().splitlines()
            return {"note": f"failed: {lines[-1] if lines else error.returncode}"[:90]}
        times["bare"].append(without)
        times["more"].append(with_it)
        differences.append(with_it - without)
    return {
        "bare_ms": median(times["bare"][1:]),
        "with_ms": median(times["more"][1:]),
        "added_ms": median(differences[1:]),
    }


def _wall_ms(arguments: list[str], folder: str | None) -> float:
    start = time.perf_counter()
    _python(arguments, folder)
    return (time.perf_counter() - start) * 1000


def _python(arguments: list[str], folder: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**environment(), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=True,
    )


def _loaded_by(code: str) -> list[str] | str:
    try:
        found: list[str] = json.loads(_python(["-c", f"{code}\n{_LOADED}"]).stdout)
    except subprocess.CalledProcessError as error:
        return error.stderr.strip().splitlines()[-1][:90]
    return found


def _importtime() -> dict[str, float]:
    """The slowest modules below `onetake.use_cassette`: own milliseconds by `-X importtime`."""
    try:
        text = _python(["-X", "importtime", "-c", _STARTS["onetake.use_cassette"]]).stderr
    except subprocess.CalledProcessError:
        return {}
    own: dict[str, float] = {}
    for line in text.splitlines():
        parts = line.removeprefix("import time:").split("|")
        if len(parts) == 3 and parts[0].strip().isdigit():
            own[parts[2].strip()] = int(parts[0]) / 1000
    bare = _python(["-X", "importtime", "-c", "pass"]).stderr
    slow = sorted(own.items(), key=lambda item: -item[1])
    return dict([item for item in slow if f" {item[0]}\n" not in bare][:8])
