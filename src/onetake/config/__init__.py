"""Settings and rules: their names, types, defaults, and the order in which sources win.

Rules and their paths (`config.rules`, `config.paths`) are imported by those who need them: most runs have
none, and start the sooner.
"""

from onetake.config.choices import TELEMETRY, VOLATILE
from onetake.config.settings import (
    MODES,
    Mode,
    Settings,
    Source,
    is_local,
    is_shared,
    named_store,
    resolve,
    without_secrets,
)

__all__ = [
    "MODES",
    "TELEMETRY",
    "VOLATILE",
    "Mode",
    "Settings",
    "Source",
    "is_local",
    "is_shared",
    "named_store",
    "resolve",
    "without_secrets",
]
