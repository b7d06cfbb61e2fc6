"""From a miss to a sentence: the nearest recording, what differs, the rule or what else to do about it.

Works on redacted requests alone, so its texts may be shown anywhere.
"""

from typing import TYPE_CHECKING

from onetake.diagnosis.facts import Difference, Event, Miss
from onetake.wire.late import late_names

if TYPE_CHECKING:
    from onetake.diagnosis.clusters import Cluster, Proposal, Report, Varying, examine
    from onetake.diagnosis.comparison import Counterparts, compare, compare_cassettes
    from onetake.diagnosis.differences import Change, changes, to_difference
    from onetake.diagnosis.excerpts import line_of, one_line, wrapped
    from onetake.diagnosis.grouping import Group, group, to_lines
    from onetake.diagnosis.kinds import kind_of
    from onetake.diagnosis.miss import expired_miss, explain_miss, render
    from onetake.diagnosis.nearest import Recording
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
    "one_line",
    "render",
    "to_difference",
    "to_lines",
    "wrapped",
]

# The process that prints a run reads events; few runs explain or compare anything.
__getattr__ = late_names(
    __name__,
    {
        "clusters": ("Cluster", "Proposal", "Report", "Varying", "examine"),
        "comparison": ("Counterparts", "compare", "compare_cassettes"),
        "differences": ("Change", "changes", "to_difference"),
        "excerpts": ("line_of", "one_line", "wrapped"),
        "grouping": ("Group", "group", "to_lines"),
        "kinds": ("kind_of",),
        "miss": ("expired_miss", "explain_miss", "render"),
        "nearest": ("Recording",),
        "uploads": ("empty_uploads",),
    },
)
