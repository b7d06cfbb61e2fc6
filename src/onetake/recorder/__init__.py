"""Where everything is wired: `Recorder`, `use_cassette`, and the `Cassette` that they give."""

from onetake.interceptors import install
from onetake.recorder.cassette import Call, Cassette
from onetake.recorder.recorder import Entry, Recorder, matcher_of, register_matcher, use_cassette

__all__ = [
    "Call",
    "Cassette",
    "Entry",
    "Recorder",
    "install",
    "matcher_of",
    "register_matcher",
    "use_cassette",
]
