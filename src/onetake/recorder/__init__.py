"""Where everything is wired: `Recorder`, `use_cassette`, and the `Cassette` that they give."""

from onetake.interceptors import install
from onetake.recorder.cassette import Call, Cassette
from onetake.recorder.recorder import Entry, Recorder, matcher_of, register_matcher, use_cassette
from onetake.recorder.traffic import is_unreal

__all__ = [
    "Call",
    "Cassette",
    "Entry",
    "Recorder",
    "install",
    "is_unreal",
    "matcher_of",
    "register_matcher",
    "use_cassette",
]
