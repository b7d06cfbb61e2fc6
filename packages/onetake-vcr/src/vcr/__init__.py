"""vcrpy's interface over onetake: suites keep their imports and their cassettes.

Everything here loads when it is first asked for, its modules too: `import vcr` alone is enough for
`vcr.cassette.Cassette`, as with vcrpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vcr.config import VCR
    from vcr.record_mode import RecordMode as mode  # noqa: N813  (its public name)
    from vcr.request import Request

    default_vcr: VCR
    use_cassette = VCR().use_cassette

__all__ = ["VCR", "Request", "default_vcr", "mode", "use_cassette"]

__version__ = "9.4.2"
"""The vcrpy whose interface this is."""

_HOMES = {"VCR": "config.VCR", "mode": "record_mode.RecordMode", "Request": "request.Request"}
_MODULES = (
    *(
        "cassette",
        "config",
        "errors",
        "filters",
        "matchers",
        "persisters",
        "record_mode",
        "request",
    ),
    *("serialize", "serializers", "util"),
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})


def __getattr__(name: str) -> Any:
    match name:
        case "default_vcr":
            value: Any = __getattr__("VCR")()
        case "use_cassette":
            value = (globals().get("default_vcr") or __getattr__("default_vcr")).use_cassette
        case _ if name in _HOMES:
            module, _, thing = _HOMES[name].partition(".")
            value = getattr(import_module(f"vcr.{module}"), thing)
        case _ if name in _MODULES:
            value = import_module(f"vcr.{name}")
            if hasattr(value, "__path__"):
                import_module("vcr.config")  # which brings what is in that folder
        case _:
            raise AttributeError(f"module 'vcr' has no attribute {name!r}", name=name)
    globals()[name] = value
    return value
