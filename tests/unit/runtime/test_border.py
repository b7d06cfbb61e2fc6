"""Nothing leaves memory but through the border: each writer of the package is listed here.

Who adds one sees this test fail, and passes its text through `onetake.runtime.secrets`, or says here why not.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from onetake.runtime import secrets
from tests.support.sources import modules

WRITERS = {
    *(
        "write",
        "write_bytes",
        "write_text",
        "write_line",
        "writelines",
        "put_in_place",
        "append_private",
        "put_of_run",
        "echo_via_pager",
    ),
    *("print", "warn", "warning", "error", "debug", "exception", "set_property"),
}
FUNCTIONS = {"print", "put_in_place"}
MODULES = {"click": {"echo", "secho", "style"}}

SAFE = "safe_"  # its argument passes the border in the same call
RECORDED = "what an opening has redacted, or the text of an entry as it was kept"
NUMBERS = "numbers, and names of models and hosts"
EXPECTED = {
    "cli/printing.py": SAFE,
    "pytest_plugin/telling.py": SAFE,
    "pytest_plugin/github.py": SAFE,
    "pytest_plugin/plan.py": SAFE,
    "reports/json_report.py": SAFE,
    "stores/diary.py": SAFE,
    "stores/reports.py": SAFE,
    "stores/runs.py": SAFE,
    "stores/tallies.py": SAFE,
    "stores/journal.py": RECORDED,
    "stores/files.py": RECORDED,
    "stores/file_history.py": "numbers, ids of runs and digests of tests",
    "stores/file_keys.py": "digests of recordings and of their keys",
    "stores/whole_files.py": "recordings that are redacted, and tokens",
    "stores/vcr_files.py": RECORDED,
    "stores/run_files.py": "what its callers, all of which are in this list, pass to it",
    "stores/placing.py": "what `put_in_place` was given",
    "vcr/migration.py": "a cassette of another format, which it replaces; names of files",
    "vcr/persisters/filesystem.py": "a cassette as its opening gave it",
    "vcr/request.py": "a text without a value in it",
    "stores/budget.py": NUMBERS,
    "stores/prices.py": NUMBERS,
    "stores/private.py": "what the writers of this list open",
    "stores/usage.py": "names of cassettes and when they were used",
    "project.py": "rules, in the project's settings file",
    "interceptors/aiohttp_.py": "the request, to the server or to nobody",
    "interceptors/urllib3_.py": "a text without a value in it",
}


def writes_of(path: Path) -> list[str]:
    """The calls in a module that write or print."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Attribute):
            owner = function.value.id if isinstance(function.value, ast.Name) else ""
            if function.attr in WRITERS or function.attr in MODULES.get(owner, ()):
                found.append(ast.unparse(node))
        elif isinstance(function, ast.Name) and function.id in FUNCTIONS:
            found.append(ast.unparse(node))
    return found


def every_writer() -> dict[str, list[str]]:
    writers = {name: writes_of(path) for name, path in modules().items()}
    return {name: calls for name, calls in writers.items() if calls}


def test_every_writer_is_known():
    assert sorted(every_writer()) == sorted(EXPECTED)


def test_those_that_tell_pass_the_border():
    past = [
        (path, call)
        for path, calls in every_writer().items()
        if EXPECTED.get(path) == SAFE
        for call in calls
        if "safe_text(" not in call and "safe_bytes(" not in call
    ]
    assert past == []


def test_the_border_knows_the_environment_also_after_it_changed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOME_API_KEY", "zq7XWv9kk2border")
    assert secrets.safe_text("see zq7XWv9kk2border") == "see REDACTED-env-1"
    monkeypatch.delenv("SOME_API_KEY")
    assert secrets.safe_bytes(b'{"a":"zq7XWv9kk2border"}') == b'{"a":"REDACTED-env-1"}'


def test_the_border_keeps_ordinary_texts():
    text = "3 misses: `body.messages[0].content` changed\n  in test_a.py::test_b[key-1]"
    assert secrets.safe_text(text) == text
