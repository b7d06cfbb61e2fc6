"""Knowledge about each API, as data: hosts, credentials, telemetry, exchanges of credentials."""

from onetake.providers.cookies import is_of_network
from onetake.providers.credentials import Principal, is_key, principal
from onetake.providers.exchanges import (
    EXCHANGES,
    GENERIC_EXCHANGE,
    SYNTHETIC,
    Exchange,
    exchange_at,
    exchange_for,
    synthetic_answer,
)
from onetake.providers.parameters import is_bookkeeping, is_parameter
from onetake.providers.presets import COMMON, CREDENTIAL_HEADERS, PROVIDERS, Provider, provider_of
from onetake.providers.signatures import unsigned
from onetake.providers.telemetry import (
    GENERIC_TELEMETRY,
    TELEMETRY,
    Telemetry,
    telemetry_answer,
    telemetry_at,
    telemetry_for,
)

__all__ = [
    "COMMON",
    "CREDENTIAL_HEADERS",
    "EXCHANGES",
    "GENERIC_EXCHANGE",
    "GENERIC_TELEMETRY",
    "PROVIDERS",
    "SYNTHETIC",
    "TELEMETRY",
    "Exchange",
    "Principal",
    "Provider",
    "Telemetry",
    "exchange_at",
    "exchange_for",
    "is_bookkeeping",
    "is_key",
    "is_of_network",
    "is_parameter",
    "principal",
    "provider_of",
    "synthetic_answer",
    "telemetry_answer",
    "telemetry_at",
    "telemetry_for",
    "unsigned",
]
