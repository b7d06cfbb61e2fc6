"""Settings and rules: their names, types, defaults, and the order in which sources win."""

from onetake.config.paths import Path, parse_path, path_text, step_text
from onetake.config.rules import Replacement, Rule, parse_rules
from onetake.config.settings import MODES, Mode, Settings, Source, resolve

__all__ = [
    "MODES",
    "Mode",
    "Path",
    "Replacement",
    "Rule",
    "Settings",
    "Source",
    "parse_path",
    "parse_rules",
    "path_text",
    "resolve",
    "step_text",
]
