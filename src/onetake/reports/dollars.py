"""Dollars of calls: of one test, and of a run."""

from msgspec import Struct


class Dollars(Struct, kw_only=True, omit_defaults=True):
    """US dollars of calls whose price is known, and how many calls have none, by model, else by host.

    `leaked` is the part of what was paid (`recorded` and `live`) that was a leak (`reports.leaks`).
    """

    recorded: float = 0.0
    live: float = 0.0
    leaked: float = 0.0
    saved: float = 0.0
    unpriced: dict[str, int] = {}
    unpriced_saved: dict[str, int] = {}

    @property
    def paid(self) -> float:
        return self.recorded + self.live

    @property
    def is_empty(self) -> bool:
        return not (self.paid or self.saved or self.unpriced or self.unpriced_saved)


class Spending(Struct, kw_only=True):
    """The cost of a run: `tokens` paid for by class, and dollars in all and by test."""

    total: Dollars
    tests: dict[str, Dollars] = {}
    tokens: dict[str, int] = {}
    saved_tokens: dict[str, int] = {}
