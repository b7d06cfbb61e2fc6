"""What is kept of an answer, by the settings."""

from __future__ import annotations

from onetake.config import Settings
from onetake.messages import Interaction


def left_out(answer: Interaction, settings: Settings) -> str:
    """Why it is not worth keeping; "" where it is."""
    statuses = settings.record_statuses
    if not statuses or answer.response is None:
        return ""
    from onetake.config.statuses import holds

    status = answer.response.status
    return "" if holds(statuses, status) else f"status {status} is not in record_statuses"


def shrunk(answer: Interaction, settings: Settings) -> Interaction:
    """With tiny media, where that is wanted."""
    if not settings.shrink or answer.response is None:
        return answer
    from onetake.formats.media import shrink  # late: few ask for it

    return answer.replace(response=shrink(answer.response))
