"""What both plugins say and refuse in a run."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

_MODE = "ONETAKE_MODE"


def is_off(config: pytest.Config, option: str) -> bool:
    """Whether tests get no cassettes: by the plugin's own option, or as onetake is switched off."""
    return bool(config.getoption(option) or config.getoption("no_onetake", False))


def hold_to_none(config: pytest.Config, mode: str | None) -> None:
    """An explicit `none` holds for the whole run: cassettes that tests open themselves, and onetake's marks."""
    if mode == "none" and not os.environ.get(_MODE):
        os.environ[_MODE] = "replay"
        config.add_cleanup(_let_go)


def _let_go() -> None:
    os.environ.pop(_MODE, None)


def header(config: pytest.Config, mode: str, option: str) -> str:
    """Return the line that a run begins with: the mode in force."""
    said = "off: calls go to the network" if is_off(config, option) else mode
    return f"onetake for tests marked vcr: {said}"


def fail_if_both(item: pytest.Item) -> None:
    """Fail the set-up of a test that has two cassettes."""
    __tracebackhide__ = True
    if item.get_closest_marker("vcr") and item.get_closest_marker("onetake"):
        pytest.fail(
            f"{item.nodeid} is marked both vcr and onetake, and a call can only be in one cassette.\n"
            "Take one of the marks away; a mark of its class or module counts too.",
            pytrace=False,
        )


def add_fixtures(item: pytest.Item, added: Sequence[str]) -> None:
    """Let the test have these fixtures of function scope as if they were autouse: behind all wider ones."""
    names: list[str] = getattr(item, "fixturenames", [])
    known = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    others = [name for name in names if name not in added]
    at = len(others)
    for place, name in enumerate(others):
        if name in known and known[name][-1].scope == "function":
            at = place
            break
    names[:] = [*others[:at], *added, *others[at:]]


_WORDS = ("record_mode", "serializer", "register_persister", "register_serializer")


def has_say(item: pytest.Item, fixtures: Sequence[str]) -> bool:
    """Tell whether code of the suite chooses a test's cassette or its mode, which only a run shows."""
    from onetake.pytest_plugin.overrides import overrides  # late: `onetake plan` alone asks

    where = {"config": "vcr_config", "hook": "pytest_recording_configure"}
    return overrides(item, *fixtures, **where, words=_WORDS)
