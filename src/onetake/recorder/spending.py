"""The spend stop: asked before a live call is sent, told after it. Where no limit is set there is none."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from onetake.config import Mode, Settings
from onetake.errors import GuardError, StoreError
from onetake.messages import Ended, Interaction, Request, read_url
from onetake.recorder.traffic import is_own_server
from onetake.spend import (
    NEVER_SENT,
    Usage,
    estimate_of,
    in_dollars,
    is_free,
    model_of,
    price_of,
    usage_of,
)
from onetake.stores import prices
from onetake.stores.budget import Budget, Refusal, budget_of


class Reservation(Struct, frozen=True, kw_only=True):
    """What is held for a live call: dollars, the model as `provider/model` ("" where none is known), and
    `unpriced`, what is without a known price, else ""."""

    token: str
    usd: float
    model: str
    unpriced: str


class Purse:
    """The money for calls of `test`: the limit of its run, as the settings say it. Thread-safe."""

    def __init__(self, settings: Settings, limit: float, budget: Budget, test: str = "") -> None:
        self._test = test
        self._prices = settings.prices
        self._unknown_usd = settings.unknown_price_usd
        self._limit = limit
        self._budget = budget

    def reserve(self, request: Request) -> Reservation | GuardError | None:
        """What is held for `request`, why it may not be sent, or None where it costs nothing.

        What was held and never settled, kept or given back counts as spent. The error tells the host and
        the model of `request`, and no more.
        """
        host = read_url(request.url).netloc
        if is_free(request.method) or is_own_server(request):
            return None
        usd, model, unpriced = self._expected(request, host)
        try:
            found = self._budget.reserve(usd, self._limit, unpriced=unpriced)
        except StoreError as error:
            return GuardError(
                f"A live call to {host} was not sent. {error.message}",
                remedy=error.remedy,
                host=host,
                test=self._test,
                reason="spend",
            )
        if isinstance(found, Refusal):
            return _refusal(found, usd, self._limit, host=host, test=self._test, unpriced=unpriced)
        return Reservation(token=found, usd=usd, model=model, unpriced=unpriced)

    def settle(self, held: Reservation, request: Request, answer: Interaction) -> None:
        """The call has ended. It has cost what its answer says, nothing where that is an error, else what
        was held: also where the answer is cut, and says less than was used."""
        response = answer.response
        usage = None if response is None else usage_of(request, response)
        dollars = None if usage is None else self._price_of(usage)
        if usage is not None and dollars is not None:
            self._budget.settle(held.token, dollars if usage.complete else max(dollars, held.usd))
            self._budget.saw(held.model, usage.output_tokens or 0, dollars)
        elif _costs_nothing(answer):
            self._budget.settle(held.token, 0.0)
        else:
            self.spend(held)

    def spend(self, held: Reservation) -> None:
        """The call was made, and nobody knows what it has cost: what was held."""
        self._budget.settle(held.token, held.usd, unpriced=held.unpriced)

    def pay(self, request: Request) -> GuardError | None:
        """A call of which nobody sees the end: why it may not be sent, else it has cost what it may cost."""
        held = self.reserve(request)
        if isinstance(held, GuardError):
            return held
        if held is not None:
            self.spend(held)
        return None

    def give_back(self, held: Reservation) -> None:
        """The call was not sent."""
        self._budget.settle(held.token, 0.0)

    def saw(self, replays: Iterable[tuple[Request, Interaction]]) -> None:
        """Recorded answers were replayed: calls of a model without a limit are taken for as large."""
        for request, answer in replays:
            response = answer.response
            usage = None if response is None else usage_of(request, response)
            if usage is None or not (model := model_of(request)):
                continue
            tokens = usage.output_tokens or 0
            self._budget.saw(model, tokens, 0.0 if tokens else self._price_of(usage) or 0.0)

    def _price_of(self, usage: Usage) -> float | None:
        return price_of(usage, table=self._prices)

    def _expected(self, request: Request, host: str) -> tuple[float, str, str]:
        """Dollars that the call may cost, its model, and what has no known price."""
        model = model_of(request)
        largest = self._budget.largest(model)
        estimate = estimate_of(request, largest.output_tokens or None)
        usd = None
        if estimate is not None:
            usd = self._price_of(estimate)
        if usd is None:
            usd = largest.usd or None
        if usd is None:
            return self._unknown_usd, model, model or host
        return usd, model, ""


def purse_of(settings: Settings, cache: Path, run_id: str, test: str) -> Purse | None:
    """Return the purse of a new owner; None where the run has no limit."""
    if settings.max_spend is None:
        return None
    if settings.mode is not Mode.REPLAY:
        _load_prices(cache)
    return Purse(settings, settings.max_spend, budget_of(cache, run_id), test)


@lru_cache(maxsize=1)
def _load_prices(cache: Path) -> None:
    """Before the first call: while it takes a quarter of a second no event loop is to wait for it."""
    prices.load(cache)
    price_of(Usage(provider="openai", model="gpt-4o", input_tokens=1))


def _costs_nothing(interaction: Interaction) -> bool:
    """An error is not charged for, nor is what never left."""
    if interaction.response is not None:
        return interaction.response.status >= 300
    if interaction.ended is Ended.CANCELLED or interaction.failure is None:
        return False
    return interaction.failure.kind in NEVER_SENT


def _refusal(
    found: Refusal, usd: float, limit: float, *, host: str, test: str, unpriced: str
) -> GuardError:
    whose = f"{test}: a live call" if test else "A live call"
    price = f", the price of {unpriced} being unknown (unknown_price_usd)" if unpriced else ""
    return GuardError(
        f"{whose} to {host} was not sent: {in_dollars(found.usd)} of {in_dollars(limit)} is spent or reserved, "
        f"and it may cost {in_dollars(usd)}{price}.",
        remedy="Allow more with --onetake-max-spend (max_spend), or record less in one run.",
        host=host,
        test=test,
        reason="spend",
    )
