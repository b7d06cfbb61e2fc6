"""From a recorded request and its answer to tokens and dollars. What is not known is None, never zero."""

from onetake.config.prices import Price
from onetake.spend.dollars import in_dollars
from onetake.spend.estimates import estimate_of, model_of
from onetake.spend.package import Said, is_installed, learn, said
from onetake.spend.prices import price_of
from onetake.spend.usage import NEVER_SENT, Spent, Usage, is_free, is_priced_api, usage_of

__all__ = [
    "NEVER_SENT",
    "Price",
    "Said",
    "Spent",
    "Usage",
    "estimate_of",
    "in_dollars",
    "is_free",
    "is_installed",
    "is_priced_api",
    "learn",
    "model_of",
    "price_of",
    "said",
    "usage_of",
]
