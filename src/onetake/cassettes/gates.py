"""Which answers may stand for others that were not made."""

from __future__ import annotations

from onetake.messages import Ended, Interaction


def is_worth_keeping(interaction: Interaction) -> bool:
    """Whether it is no failure that may pass: those are made anew, so that none becomes permanent."""
    response = interaction.response
    if response is None or interaction.ended in (Ended.CUT, Ended.CANCELLED):
        return False
    return response.status not in (408, 429) and response.status < 500
