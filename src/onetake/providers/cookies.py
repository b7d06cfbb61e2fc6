"""Cookies that a network in front of an API sets, and that open nothing.

Cloudflare: https://developers.cloudflare.com/fundamentals/reference/policies-compliances/cloudflare-cookies/,
AWS: Elastic Load Balancing's "sticky sessions", Google: "session affinity" of Cloud Load Balancing, Azure: "ARR
affinity" of App Service, Akamai: Bot Manager.
"""

from __future__ import annotations

_NAMES = frozenset(
    {
        *("__cf_bm", "_cfuvid", "__cfruid", "__cflb", "__cfseq", "__cfwaitingroom", "cf_clearance"),
        *("awsalb", "awsalbcors", "awsalbtg", "awsalbtgcors", "awselb", "awselbcors"),
        *("gclb", "gaesa", "arraffinity", "arraffinitysamesite"),
        *("ak_bmsc", "bm_sv", "bm_sz", "_abck"),
    }
)


def is_of_network(name: str) -> bool:
    """Whether the cookie `name` says by which way requests came, not whose they are."""
    return name.strip().lower() in _NAMES
