"""Settings: their names, types, defaults, and the order in which sources win."""

from onetake.config.settings import MODES, Mode, Settings, Source, resolve

__all__ = ["MODES", "Mode", "Settings", "Source", "resolve"]
