"""An interaction from the quarantine, as openings take recordings."""

from __future__ import annotations

from msgspec import Struct

from onetake.messages import Interaction, Request


class Apart(Struct, frozen=True):
    """One that a failed or killed test has paid for, already decoded."""

    interaction: Interaction

    @property
    def request(self) -> Request:
        return self.interaction.request

    @property
    def at(self) -> float:
        return float(self.interaction.at)

    def answering(self, request: Request) -> Interaction:
        return self.interaction.replace(request=request)
