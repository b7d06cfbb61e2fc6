"""A run loads what it uses: modules, and not milliseconds, are compared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.sources import CORE

PROGRAM = """
import json, sys, pytest
code = pytest.main(["-q", "-p", "no:cacheprovider", "-p", "onetake.pytest_plugin"])
print(json.dumps([int(code), sorted(sys.modules)]))
"""
PLUGIN = "onetake.pytest_plugin"
PLAIN = "def test_it(): ...\n"
MARKED = "import pytest\n@pytest.mark.onetake\ndef test_it(): ...\n"


def loaded(folder: Path, test: str) -> set[str]:
    """The modules of onetake after a run of `test`, which passes."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(test)
    environment = {
        name: text for name, text in os.environ.items() if name not in ("CI", "PYTEST_PLUGINS")
    }
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(CORE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0, done.stdout
    return {name for name in modules if name.startswith("onetake.")}


def rooms(modules: set[str]) -> set[str]:
    return {name.split(".")[1] for name in modules}


def test_a_run_without_a_marked_test_loads_nothing_that_records(tmp_path):
    modules = loaded(tmp_path, PLAIN)

    unused = {
        "content",
        "diagnosis",
        "formats",
        "matching",
        "providers",
        "recorder",
        "redaction",
        "spend",
    }
    assert rooms(modules).isdisjoint(unused)


def test_a_marked_test_without_calls_loads_nothing_that_explains_and_nothing_that_prices(tmp_path):
    modules = loaded(tmp_path, MARKED)

    assert "recorder" in rooms(modules)
    assert rooms(modules).isdisjoint({"diagnosis", "cli"})
    assert modules.isdisjoint(
        {
            "onetake.formats.reading",
            "onetake.formats.vcr",
            "onetake.spend.estimates",
            "onetake.spend.package",
            "onetake.spend.prices",
            "onetake.spend.usage",
            "onetake.stores.prices",
            "onetake.stores.shared",
            "onetake.stores.rows.sqlite",
        }
    )


LOADERS = """
import sys
def test_who_loads_them():
    ours = [module for name, module in sys.modules.items() if name.startswith("onetake.")]
    print("\\n".join(
        f"{one.__name__} {type(one.__spec__.loader).__name__}" for one in ours
    ))
"""


def test_pytest_rewrites_none_of_the_modules_that_the_plugin_needs(tmp_path):
    (tmp_path / "test_it.py").write_text(LOADERS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-qs", "-p", "no:cacheprovider", "-p", PLUGIN],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(CORE.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaders = dict(line.split() for line in done.stdout.splitlines() if line.startswith("onetake."))
    rewritten = {name for name, loader in loaders.items() if loader != "SourceFileLoader"}
    assert f"{PLUGIN}.session" in loaders
    # They are there before the plugin can put its finder in front.
    first = {"", ".fixtures", ".markers", ".options", ".unrewritten", ".fixture_names"}
    assert rewritten <= {PLUGIN + name for name in first}
