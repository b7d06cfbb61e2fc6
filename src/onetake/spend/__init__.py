"""From a recorded request and its answer to tokens and dollars. What is not known is None, never zero."""

from onetake.spend.prices import Price, price_of
from onetake.spend.usage import Spent, Usage, is_priced_api, usage_of

__all__ = ["Price", "Spent", "Usage", "is_priced_api", "price_of", "usage_of"]
