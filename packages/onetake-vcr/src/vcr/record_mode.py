"""The record modes by vcrpy's names."""

from __future__ import annotations

from enum import Enum


class RecordMode(str, Enum):  # noqa: UP042  (a StrEnum prints its value; suites compare the texts of these)
    """When a cassette records. Members equal their values: `RecordMode.ONCE == "once"`.

    `ONCE` records where there was no cassette, `NEW_EPISODES` whatever the cassette lacks, `NONE` nothing,
    `ALL` everything anew; `ANY` is kept for suites that name it.
    """

    ALL = "all"
    ANY = "any"
    NEW_EPISODES = "new_episodes"
    NONE = "none"
    ONCE = "once"


def validate_record_mode(record_mode: RecordMode | str) -> RecordMode:
    """The mode of that name. ValueError, naming those there are, for any other value."""
    try:
        return RecordMode(record_mode)
    except ValueError:
        names = ", ".join(repr(mode.value) for mode in RecordMode)
        text = f"{record_mode!r} is not a valid record_mode. Valid modes are: {names}."
        raise ValueError(text) from None
