"""From a miss to a sentence: the nearest recording, what differs, the rule or what else to do about it.

Works on redacted requests alone, so its texts may be shown anywhere.
"""

from onetake.diagnosis.clusters import Cluster, Proposal, Report, Varying, examine
from onetake.diagnosis.comparison import Counterparts, compare, compare_cassettes
from onetake.diagnosis.differences import Change, Difference, changes, to_difference
from onetake.diagnosis.excerpts import line_of, one_line, wrapped
from onetake.diagnosis.grouping import Event, Group, group, to_lines
from onetake.diagnosis.kinds import kind_of
from onetake.diagnosis.miss import Miss, expired_miss, explain_miss, render
from onetake.diagnosis.nearest import Recording, nearest
from onetake.diagnosis.uploads import empty_uploads

__all__ = [
    "Change",
    "Cluster",
    "Counterparts",
    "Difference",
    "Event",
    "Group",
    "Miss",
    "Proposal",
    "Recording",
    "Report",
    "Varying",
    "changes",
    "compare",
    "compare_cassettes",
    "empty_uploads",
    "examine",
    "expired_miss",
    "explain_miss",
    "group",
    "kind_of",
    "line_of",
    "nearest",
    "one_line",
    "render",
    "to_difference",
    "to_lines",
    "wrapped",
]
