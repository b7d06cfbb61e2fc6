"""From a request to its match key: what makes two requests the same. Pure and total.

Matching works on the redacted request, so a stored recording and a live request meet.
"""

from onetake.matching.by_value import Template, paths_by_value, templates_of
from onetake.matching.fields import Fields, Value, fields_of
from onetake.matching.matcher import BUILT_IN, DEFAULT_HEADERS, Active, Loose, Matcher, MatchKey
from onetake.matching.volatile import DAY_S, KINDS, TIMES, Found, Volatile

__all__ = [
    "BUILT_IN",
    "DAY_S",
    "DEFAULT_HEADERS",
    "KINDS",
    "TIMES",
    "Active",
    "Fields",
    "Found",
    "Loose",
    "MatchKey",
    "Matcher",
    "Template",
    "Value",
    "Volatile",
    "fields_of",
    "paths_by_value",
    "templates_of",
]
