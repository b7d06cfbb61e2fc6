"""The answers that may stand for calls that were not made."""

from __future__ import annotations

from onetake.messages import Ended, Interaction


def is_worth_keeping(interaction: Interaction) -> bool:
    """Return whether what a failed or killed opening was answered is worth keeping.

    An answer that was not read to its end would stand for the whole one, and a failure that may pass would
    become permanent: such calls are made anew.
    """
    return interaction.ended is Ended.COMPLETE and not may_pass(interaction)


def may_pass(interaction: Interaction) -> bool:
    """Return whether a call failed in a way that the next one may not: then another answer is to come."""
    response = interaction.response
    if response is None or interaction.ended in (Ended.CUT, Ended.CANCELLED):
        return True
    return response.status in (408, 429) or response.status >= 500


def is_part(interaction: Interaction) -> bool:
    """Return whether the program has left the answer before its end."""
    return interaction.ended is Ended.CLOSED and interaction.response is not None
