"""From a recorded request and its answer to tokens and dollars. What is not known is None, never zero."""

from typing import TYPE_CHECKING

from onetake.config.prices import Price
from onetake.spend.facts import NEVER_SENT, Spent, Usage, is_free
from onetake.wire.late import late_names

if TYPE_CHECKING:
    from onetake.spend.dollars import in_dollars
    from onetake.spend.estimates import estimate_of, model_of
    from onetake.spend.package import Said, is_installed, learn, said
    from onetake.spend.prices import price_of
    from onetake.spend.usage import is_priced_api, usage_of

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

# Every run tells what it paid for; few of them read an answer or a price.
__getattr__ = late_names(
    __name__,
    {
        "dollars": ("in_dollars",),
        "estimates": ("estimate_of", "model_of"),
        "package": ("Said", "is_installed", "learn", "said"),
        "prices": ("price_of",),
        "usage": ("is_priced_api", "usage_of"),
    },
)
