"""Knowledge about each API, as data: hosts, credentials, telemetry, exchanges of credentials."""

from onetake.providers.credentials import Principal, principal
from onetake.providers.exchanges import (
    EXCHANGES,
    GENERIC_EXCHANGE,
    SYNTHETIC,
    Exchange,
    exchange_for,
    synthetic_answer,
)
from onetake.providers.parameters import PARAMETERS
from onetake.providers.presets import COMMON, CREDENTIAL_HEADERS, PROVIDERS, Provider, provider_of
from onetake.providers.signatures import unsigned
from onetake.providers.telemetry import (
    GENERIC_TELEMETRY,
    TELEMETRY,
    Telemetry,
    telemetry_answer,
    telemetry_for,
)

__all__ = [
    "COMMON",
    "CREDENTIAL_HEADERS",
    "EXCHANGES",
    "GENERIC_EXCHANGE",
    "GENERIC_TELEMETRY",
    "PARAMETERS",
    "PROVIDERS",
    "SYNTHETIC",
    "TELEMETRY",
    "Exchange",
    "Principal",
    "Provider",
    "Telemetry",
    "exchange_for",
    "principal",
    "provider_of",
    "synthetic_answer",
    "telemetry_answer",
    "telemetry_for",
    "unsigned",
]
