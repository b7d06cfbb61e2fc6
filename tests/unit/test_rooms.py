"""No module of a room needs another one that needs it, so that each can be read by itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support.sources import CORE, PACKAGE

ROOMS = sorted(path.parent.name for path in CORE.glob("*/__init__.py"))

# Imports that may point back. Everywhere else also those in functions and those for types alone count.
ALLOWED = {
    "content": {"types", "late"},  # a body may hold bodies, which are read as it is
}


def imports(tree: ast.AST, package: str, kind: str = "first") -> Iterator[tuple[str, str]]:
    """Each name that a module imports, as `package.module.name`, and when: first, late or for types."""
    for node in ast.iter_child_nodes(tree):
        within = kind
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and kind == "first":
            within = "late"
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            within = "types"
        if isinstance(node, ast.Import):
            yield from ((alias.name, kind) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            yield from ((f"{base}.{alias.name}", kind) for alias in node.names)
        else:
            yield from imports(node, package, within)


def graph_of(files: Mapping[str, str], allowed: set[str]) -> dict[str, set[str]]:
    """The modules that each module imports; `files` are their texts by name, `allowed` does not count."""
    packages = {name.rpartition(".")[0] for name in files}
    graph: dict[str, set[str]] = {name: set() for name in files}
    for name, text in files.items():
        package = name if name in packages else name.rpartition(".")[0]
        for wanted, kind in imports(ast.parse(text), package):
            module = wanted if wanted in files else wanted.rpartition(".")[0]
            if module in files and kind not in allowed:
                graph[name].add(module)
    return graph


def circle_in(graph: Mapping[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [str(name) for name in error.args[1]]
    return []


def files_of(source: Path, folder: Path) -> dict[str, str]:
    """The texts of the modules in `folder` by name; imports begin at `source`."""
    found: dict[str, str] = {}
    for path in folder.rglob("*.py"):
        parts = path.relative_to(source).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path.read_text("utf-8")
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_no_import_circle(room):
    files = files_of(CORE.parent, CORE / room)
    assert circle_in(graph_of(files, ALLOWED.get(room, set()))) == []


def test_the_distribution_onetake_vcr_has_no_import_circle():
    """Its three packages are one room; only types may point back."""
    assert circle_in(graph_of(files_of(PACKAGE, PACKAGE), {"types"})) == []


def test_the_distribution_onetake_vcr_stays_small():
    lines = [len(path.read_text("utf-8").splitlines()) for path in PACKAGE.rglob("*.py")]
    assert sum(lines) <= 4_500


@pytest.mark.parametrize(
    ("text", "allowed", "is_circle"),
    [
        ("from room.b import x", set(), True),
        ("from room import b", set(), True),
        ("from .b import x", set(), True),
        ("from . import b", set(), True),
        ("import room.b", set(), True),
        ("def f():\n    from room.b import x", set(), True),
        ("def f():\n    from room.b import x", {"late"}, False),
        ("if TYPE_CHECKING:\n    from room.b import x", set(), True),
        ("if TYPE_CHECKING:\n    from room.b import x", {"types"}, False),
        ("from other.b import x", set(), False),
        ("from room.c import x", set(), False),
    ],
)
def test_a_circle_is_found_however_the_import_is_written(text, allowed, is_circle):
    files = {"room": "", "room.a": text, "room.b": "from room.a import y", "room.c": ""}

    assert bool(circle_in(graph_of(files, allowed))) is is_circle
