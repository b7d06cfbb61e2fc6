"""The project that a run belongs to: its root, its settings file, its cache directory, its environment.

All reading of files and environment for configuration happens here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from onetake.config import Source
from onetake.errors import UsageError

_RUN_ID = "ONETAKE_RUN_ID"


def find_root(start: Path) -> Path:
    """The nearest folder upwards with onetake.toml or pyproject.toml, else `start` itself."""
    for folder in (start, *start.parents):
        if (folder / "onetake.toml").is_file() or (folder / "pyproject.toml").is_file():
            return folder
    return start


def file_source(root: Path) -> Source:
    """The settings in onetake.toml, else in `[tool.onetake]` of pyproject.toml. Raises `UsageError`."""
    own = root / "onetake.toml"
    if own.is_file():
        table, text = _load(own)
        return Source(str(own), _with_rules(table, str(own), _RULES.finditer(text)))
    shared = root / "pyproject.toml"
    if shared.is_file():
        data, text = _load(shared)
        name = f"{shared} [tool.onetake]"
        table = data.get("tool", {}).get("onetake", {})
        return Source(name, _with_rules(table, name, _TOOL_RULES.finditer(text)))
    return Source("no settings file", {})


def settings_file(root: Path) -> tuple[Path, str]:
    """The file that settings are read from (or would be), and how a table of `rules` begins in it."""
    shared = root / "pyproject.toml"
    if shared.is_file() and not (root / "onetake.toml").is_file():
        return shared, "[[tool.onetake.rules]]"
    return root / "onetake.toml", "[[rules]]"


def with_tables(path: Path, tables: Sequence[str]) -> tuple[str, str]:
    """The text of the settings file `path`, and the same with `tables` (of rules, as TOML) at its end.

    Raises `UsageError` where they cannot simply be added, as `rules` is written as one list.
    """
    import tomllib

    try:
        old = path.read_bytes().decode("utf-8") if path.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"Cannot read {path}: {error}.", remedy="Correct the file.") from None
    added = "\n\n".join(tables)
    new = f"{old.rstrip()}\n\n{added}\n" if old.strip() else f"{added}\n"
    if "\r\n" in old:
        new = new.replace("\r\n", "\n").replace("\n", "\r\n")
    try:
        tomllib.loads(new)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(
            f"The rules cannot be added to {path}: {error}.",
            remedy=f"Write the rules there as tables, or add these by hand:\n{added}",
        ) from None
    return old, new


def rewrite(path: Path, text: str) -> None:
    """Put `text` in the place of the file, whole or not at all. Raises `UsageError`."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(text.encode("utf-8"))
        if path.exists():
            beside.chmod(path.stat().st_mode)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UsageError(
            f"Cannot write {path}: {error.strerror}.",
            remedy="Make it writable, or add the rules by hand.",
        ) from None


_RULES = re.compile(r"^[ \t]*\[\[[ \t]*rules[ \t]*\]\]", re.MULTILINE)
_TOOL_RULES = re.compile(r"^[ \t]*\[\[[ \t]*tool\.onetake\.rules[ \t]*\]\]", re.MULTILINE)


def _load(path: Path) -> tuple[dict[str, Any], str]:
    import tomllib  # late, like every import that a start without a settings file can do without

    try:
        text = path.read_text("utf-8")
        return tomllib.loads(text), text
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"Cannot read {path}: {error}.", remedy="Correct the file.") from None


def _with_rules(
    table: dict[str, Any], name: str, headers: Iterable[re.Match[str]]
) -> dict[str, Any]:
    """The rules checked here, where the lines on which they begin are known."""
    if "rules" not in table:
        return table
    from onetake.config.rules import parse_rules

    lines = [found.string.count("\n", 0, found.start()) + 1 for found in headers]
    if not isinstance(table["rules"], list) or len(lines) != len(table["rules"]):
        lines = []
    return table | {"rules": parse_rules(table["rules"], name, lines)}


def _is_setting(variable: str) -> bool:
    """Whether a variable of ours is one: neither the run's id nor keys."""
    if not variable.startswith("ONETAKE_KEY"):
        return variable.startswith("ONETAKE_") and variable != _RUN_ID
    from onetake.config.encryption import is_key_variable

    return not is_key_variable(variable)


def environment_source(environ: Mapping[str, str]) -> Source:
    """Every `ONETAKE_<SETTING>` variable."""
    values = {
        name.removeprefix("ONETAKE_").lower(): value
        for name, value in environ.items()
        if value != "" and _is_setting(name)
    }
    return Source("the environment (ONETAKE_...)", values, lifts_ceiling=True)


def is_ci(environ: Mapping[str, str]) -> bool:
    """CI is set, and not to `0`, `false` or nothing."""
    return environ.get("CI", "").strip().lower() not in ("", "0", "false")


def digest_key(environ: Mapping[str, str]) -> bytes:
    """The key of keyed digests. Raises `UsageError` where there is none.

    Of several keys for `encrypt` it is the last, which was there first: that of the recordings.
    """
    key = environ.get("ONETAKE_KEY", "")
    if not key:
        raise UsageError(
            'credential = "digest" needs a key, and ONETAKE_KEY is not set.',
            remedy='Set ONETAKE_KEY to a secret of your team, or use credential = "ordinal".',
        )
    if "," in key:
        from onetake.config.encryption import parse_keys

        with suppress(UsageError):  # some other secret with a comma
            parse_keys(key, "ONETAKE_KEY")
            key = [part.strip() for part in key.split(",") if part.strip()][-1]
    return key.encode("utf-8", "surrogateescape")


def run_id() -> str:
    """One id for a run: shared with every process that this one starts (pytest-xdist workers too)."""
    if _RUN_ID not in os.environ:
        os.environ[_RUN_ID] = os.urandom(8).hex()
    return os.environ[_RUN_ID]
