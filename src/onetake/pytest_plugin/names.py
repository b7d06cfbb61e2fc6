"""How the cassette of a test is called: as pytest-recording calls it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec import Struct

from onetake.config import Settings
from onetake.runtime.secrets import safe_id
from onetake.stores.names import file_safe

_XUNIT = re.compile(r"_(?:xunit|unittest)_(\w+?)_fixture_(.*)")


class CassetteName(Struct, frozen=True, kw_only=True):
    """`name` in the store beside `directory`; `stored_name` is the raw name where it differs.

    One that `is_given` was chosen by a marker.
    """

    name: str
    directory: Path
    stored_name: str | None = None
    is_given: bool = False


def of_test(item: pytest.Item, settings: Settings) -> CassetteName:
    """`<module>/<TestClass.>test_name[param-id]`."""
    owner = item.getparent(pytest.Class)
    raw = f"{owner.name}.{item.name}" if owner is not None else item.name
    return _in_module(raw, item.path, item.config.rootpath, settings)


def of_fixture(
    fixture: pytest.FixtureDef[object], request: pytest.FixtureRequest, settings: Settings
) -> CassetteName:
    """`<module>/@<fixture>[param]`: the module that asks, or for session and package scope the one
    that defines the fixture, so that the name does not hang on which test comes first."""
    raw = "@" + (_readable(fixture.argname))
    if hasattr(request, "param"):
        raw += f"[{_param_id(fixture, request)}]"
    path = request.path if fixture.scope in ("module", "class") else _home(fixture, request)
    return _in_module(raw, path, request.config.rootpath, settings)


def _in_module(raw: str, path: Path, root: Path, settings: Settings) -> CassetteName:
    raw = safe_id(raw)
    safe = file_safe(raw)
    name = f"{path.stem}/{safe}"
    if settings.store and path.parent.is_relative_to(root):
        folder = path.parent.relative_to(root).as_posix()
        name = name if folder == "." else f"{folder}/{name}"
    return CassetteName(name=name, directory=path.parent, stored_name=raw if safe != raw else None)


def _home(fixture: pytest.FixtureDef[object], request: pytest.FixtureRequest) -> Path:
    """The file that defines the fixture; a file of the root folder for an installed plugin's."""
    root = request.config.rootpath
    code = getattr(getattr(fixture.func, "__func__", fixture.func), "__code__", None)
    if code is None:
        return root / "conftest.py"
    path = Path(code.co_filename)
    return path if path.is_relative_to(root) else root / path.name


def _readable(argname: str) -> str:
    """`TestC.setup_class` for what pytest makes of xunit and unittest set-ups."""
    found = _XUNIT.fullmatch(argname)
    if found is None:
        return argname
    kind, owner = found.groups()
    return kind if kind == "setup_module" else f"{owner}.{kind}"


def _param_id(fixture: pytest.FixtureDef[object], request: pytest.FixtureRequest) -> str:
    index: int = getattr(request, "param_index", 0)
    ids = fixture.ids
    if ids is not None and not callable(ids) and index < len(ids) and ids[index] is not None:
        return str(ids[index])
    param = request.param
    if isinstance(param, str | int | float | bool | None):
        return str(param)
    return f"{fixture.argname}{index}"
