"""What cassettes of a run may do, whatever marks and fixtures say.

The command line and the environment are stronger than they, as for onetake's own tests: an explicit `none`
or `replay` holds, and so does CI, unless a mode is asked for by name.
"""

from __future__ import annotations

from typing import ClassVar

import pytest

from onetake.config import Mode, Settings
from onetake.recorder import Recorder
from onetake_vcr.bridge import MODES
from vcr import VCR
from vcr.cassette import Cassette
from vcr.record_mode import RecordMode, validate_record_mode

_RUN = pytest.StashKey["RunModes"]()
_RECORD_MODES = {
    Mode.REPLAY: RecordMode.NONE,
    Mode.ONCE: RecordMode.ONCE,
    Mode.AUTO: RecordMode.NEW_EPISODES,
    Mode.RECORD: RecordMode.ALL,
}


class RunModes:
    """Settles record modes. `option` is the command line's for them, and `value` what it says, if anything.

    Where `is_off` all goes to the network.
    """

    def __init__(self, option: str, value: str | None, *, is_off: bool = False) -> None:
        self._option = option if value is not None else ""
        self._is_none = value == RecordMode.NONE
        self._is_off = is_off
        self._recorder = Recorder()
        self._settled: dict[RecordMode, Settings] = {}

    @classmethod
    def of(cls, config: pytest.Config, option: str, *, is_off: bool = False) -> RunModes:
        """Return the modes of the run, made at its first cassette."""
        if _RUN not in config.stash:
            config.stash[_RUN] = cls(option, config.getoption(option), is_off=is_off)
        return config.stash[_RUN]

    def settle(self, wanted: RecordMode | str) -> Settings:
        """Return the settings whose mode is what becomes of `wanted`. Raises ValueError for what is no mode."""
        mode = RecordMode.NONE if self._is_none else validate_record_mode(wanted)
        if mode not in self._settled:
            asked = Mode.LIVE if self._is_off else MODES[mode]
            self._settled[mode] = self._recorder.settings_with(
                {"mode": asked.value, "store": ""},
                said_by=self._option or "its record mode",
                lifts_ceiling=bool(self._option) or self._is_off,
                is_strongest=self._is_none,
            )
        return self._settled[mode]

    def may_record(self, wanted: RecordMode | str) -> bool:
        return self.settle(wanted).mode is not Mode.REPLAY

    def vcr(self, **settings: object) -> VCR:
        """A VCR whose cassettes are held to what the run allows, however they are opened."""
        vcr = VCR(**settings)  # type: ignore[arg-type]
        vcr.cassette_class = type("Cassette", (_Held,), {"_modes": self})
        return vcr


class _Held(Cassette):
    _modes: ClassVar[RunModes]

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)  # type: ignore[arg-type]
        self.settled = self._modes.settle(self.record_mode)
        self.record_mode = _RECORD_MODES.get(self.settled.mode, self.record_mode)
