"""From a miss to a sentence: the nearest recording, what differs, and what to do about it.

Works on redacted requests alone, so its texts may be shown anywhere.
"""

from onetake.diagnosis.differences import Difference, differences
from onetake.diagnosis.miss import Candidate, Miss, explain_miss, render
from onetake.diagnosis.uploads import empty_uploads

__all__ = [
    "Candidate",
    "Difference",
    "Miss",
    "differences",
    "empty_uploads",
    "explain_miss",
    "render",
]
