"""From a request to its match key: what makes two requests the same. Pure and total.

Matching works on the redacted request, so a stored recording and a live request meet.
"""

from onetake.matching.bodies import Kind, body_kind
from onetake.matching.matcher import BUILT_IN, DEFAULT_HEADERS, Matcher, MatchKey
from onetake.matching.pairs import Pair, read_pairs
from onetake.matching.urls import Url, read_url

__all__ = [
    "BUILT_IN",
    "DEFAULT_HEADERS",
    "Kind",
    "MatchKey",
    "Matcher",
    "Pair",
    "Url",
    "body_kind",
    "read_pairs",
    "read_url",
]
