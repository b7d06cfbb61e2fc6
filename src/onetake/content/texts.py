"""The texts of a request that somebody may take out of it, each with its place."""

from __future__ import annotations

from urllib.parse import parse_qsl

from onetake.content.body import read_request
from onetake.messages import Request, read_url


def texts_in(request: Request) -> frozenset[tuple[str, str]]:
    """Return the texts of headers (also without the name of a scheme), of the query and of the body."""
    found: list[tuple[str, str]] = []
    for name, value in request.headers.items:
        found += [(f"header.{name}", value), (f"header.{name}", value.partition(" ")[2])]
    query = parse_qsl(read_url(request.url).query)
    found += [(f"query.{name}", text) for name, text in query]
    for leaf in read_request(request).leaves():
        steps = [step for step in leaf.steps if isinstance(step, str)]
        found.append((".".join((leaf.root, *steps)), leaf.value.decode("utf-8", "replace")))
    return frozenset(found)
