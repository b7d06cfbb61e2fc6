"""The options of both plugins."""

from __future__ import annotations

import pytest

RECORD_MODES = ("once", "new_episodes", "none", "all", "rewrite")
VCR_MODES = RECORD_MODES[:-1]


def add(parser: pytest.Parser, name: str) -> bool:
    """Those of the plugin `name`; False where another plugin has taken one of them."""
    try:
        if name == "pytest-vcr":
            _add_of_pytest_vcr(parser)
        else:
            _add_of_pytest_recording(parser)
    except ValueError:  # so pytest says that a name is taken
        return False
    return True


def _add_of_pytest_recording(parser: pytest.Parser) -> None:
    group = parser.getgroup("recording")
    group.addoption(
        "--record-mode",
        choices=RECORD_MODES,
        help="The VCR.py record mode. Default: none. An explicit none holds against marks too.",
    )
    group.addoption(
        "--block-network",
        action="store_true",
        help="let no test connect to anything, save where a cassette records",
    )
    group.addoption(
        "--allowed-hosts",
        metavar="REGEXES",
        help="hosts that tests may connect to all the same, by regular expressions with commas between",
    )
    group.addoption(
        "--disable-recording",
        action="store_true",
        help="use no cassettes: calls go to the network, and nothing is kept of them",
    )


def _add_of_pytest_vcr(parser: pytest.Parser) -> None:
    group = parser.getgroup("vcr")
    group.addoption(
        "--vcr-record",
        "--vcr-record-mode",
        dest="vcr_record",
        choices=VCR_MODES,
        help="The VCR.py record mode, whatever tests say. Default: once.",
    )
    group.addoption(
        "--disable-vcr",
        action="store_true",
        help="play nothing from cassettes, and record nothing: calls go to the network",
    )
