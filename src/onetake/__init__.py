"""onetake: record every paid API call once, replay it for ever, and never pay twice unknowingly.

Everything public is here; modules load when they are first needed.
(PYTEST_DONT_REWRITE: the plugin's entry point may find this imported already, and that is no fault.)
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # typing itself costs some milliseconds at import
if TYPE_CHECKING:
    from typing import Any

    from onetake.errors import (
        CassetteError,
        GuardError,
        MissError,
        OnetakeError,
        RedactionError,
        StoreError,
        UsageError,
    )
    from onetake.messages import Headers, Interaction, Request, Response
    from onetake.recorder import Cassette, Recorder, register_matcher, use_cassette

__version__ = "0.1.0"

_HOMES = {
    "Cassette": "recorder",
    "CassetteError": "errors",
    "GuardError": "errors",
    "Headers": "messages",
    "Interaction": "messages",
    "MissError": "errors",
    "OnetakeError": "errors",
    "Recorder": "recorder",
    "RedactionError": "errors",
    "Request": "messages",
    "Response": "messages",
    "StoreError": "errors",
    "UsageError": "errors",
    "register_matcher": "recorder",
    "use_cassette": "recorder",
}

__all__ = [
    "Cassette",
    "CassetteError",
    "GuardError",
    "Headers",
    "Interaction",
    "MissError",
    "OnetakeError",
    "Recorder",
    "RedactionError",
    "Request",
    "Response",
    "StoreError",
    "UsageError",
    "register_matcher",
    "use_cassette",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'onetake' has no attribute {name!r}")
    return getattr(import_module(f"onetake.{home}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
