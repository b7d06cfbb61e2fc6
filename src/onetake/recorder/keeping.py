"""Answers on their way into a cassette: redacted, shrunk where wanted, and safe in a journal at once."""

from __future__ import annotations

from msgspec import Struct

from onetake.config import Settings
from onetake.errors import GuardError, OnetakeError
from onetake.messages import Interaction
from onetake.recorder.live_call import LiveCall
from onetake.recorder.lookup import Lookup
from onetake.recorder.misses import Misses
from onetake.stores.journal import Journal


class Trouble(Struct):
    """The things that an opening could not do, for its owner to tell at the end."""

    warnings: list[str]
    error: OnetakeError | None = None  # why recordings could not be kept
    journal: OSError | None = None  # why they were not safe from a crash


class Keeping(Struct):
    """Keeps the answers of the live calls of one opening, of the cassette at `place`."""

    lookup: Lookup
    settings: Settings
    journal: Journal
    misses: Misses
    trouble: Trouble
    place: str
    is_closed: bool = False  # the opening is

    def refused(self, call: LiveCall, error: GuardError) -> None:
        self.misses.add(error, call.request, call.key, call.client)

    def safe(self, call: LiveCall, interaction: Interaction) -> Interaction | str:
        if call.slot is not None:
            return self._kept_of(call, interaction)
        if call.why == "credential-exchange":
            self.lookup.learn(interaction)
        return call.why

    def keep(self, call: LiveCall, answer: Interaction) -> None:
        try:
            self.journal.append(call.number, answer)
        except OSError as error:
            self.trouble.journal = error
        if self.is_closed:
            self.trouble.warnings.append(
                f"{call.request.line} was answered after {self.place} was closed; "
                "the answer is kept for the next run."
            )

    def _kept_of(self, call: LiveCall, interaction: Interaction) -> Interaction | str:
        """The answer as it is kept, else why it is not."""
        try:
            safe = self.lookup.written(interaction, call.request)
        except OnetakeError as error:
            self.trouble.error = self.trouble.error or error
            return "it cannot be redacted"
        if reason := _left_out(safe, self.settings):
            line = call.request.line
            self.trouble.warnings.append(f"{line}: {reason}, so it is paid on each run.")
            return reason
        return _shrunk(safe, self.settings)


def _left_out(answer: Interaction, settings: Settings) -> str:
    """Say why an answer is not worth keeping; "" where it is."""
    statuses = settings.record_statuses
    if not statuses or answer.response is None:
        return ""
    from onetake.config.statuses import holds

    status = answer.response.status
    return "" if holds(statuses, status) else f"status {status} is not in record_statuses"


def _shrunk(answer: Interaction, settings: Settings) -> Interaction:
    """The answer with tiny media, where that is wanted."""
    if not settings.shrink or answer.response is None:
        return answer
    from onetake.formats.media import shrink  # late: few ask for it

    return answer.replace(response=shrink(answer.response))
