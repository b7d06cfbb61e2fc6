"""vcrpy's interface over onetake: change the import, keep the suite.

Where vcrpy is not installed, the import name `vcr` is this package too (`onetake.compat.alias`).
"""

from onetake.compat.vcr.config import VCR
from onetake.compat.vcr.record_mode import RecordMode as mode  # noqa: N813  (its public name)
from onetake.compat.vcr.request import Request

__all__ = ["VCR", "Request", "default_vcr", "mode", "use_cassette"]

__version__ = "9.4.2"
"""The vcrpy whose interface this is."""

default_vcr = VCR()
use_cassette = default_vcr.use_cassette
