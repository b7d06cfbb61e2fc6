"""Why onetake does not meet some budgets: where the time goes, from profiles on an idle machine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class _Reason(NamedTuple):
    budgets: tuple[str, ...]  # how their names start
    text: str


_REASONS = (
    _Reason(
        ("replay, httpx", "replay, 20 kB"),
        """httpx and httpx2: the answer of the mock comes read to its end. Where the mock gives the same answer
        as a stream, as every answer from the network is one, a call costs 1.2 to 1.3 times as much (column
        streamed). A replayed call costs 1.2 to 1.3 times that: the digest of its bytes, the decoding of its
        recording, and the account. Of 100,000 recordings, chosen at random, nothing is in the processor's
        caches.""",
    ),
    _Reason(
        ("replay, requests", "replay, aiohttp"),
        """requests and aiohttp beside cassetter: onetake gives the answer to the client's own parser, chunk by
        chunk; cassetter makes the client's answer itself.""",
    ),
    _Reason(
        ("recording,", "first byte,"),
        """Recording: a third of what it adds for 200 kB is the search for secrets by their shape, in the
        request before it is sent and in the answer before it is written; the rest is the key (a sixth), the
        journal (a seventh), the search by name, the cassette's JSON and the reading of usage (a twelfth each).
        requests writes its request twice, at first into memory, so that its bytes are known.""",
    ),
    _Reason(
        ("no cassette, requests",),
        """No cassette, requests: a call passes two seams, that of urllib3 and that of http.client below it, and
        each asks whether a cassette is open.""",
    ),
    _Reason(
        ("a marked test without calls",),
        """A marked test opens a cassette even if it makes no call: it looks up its settings and its file, and
        reads the file if there is one.""",
    ),
    _Reason(
        ("a key, the first rule",),
        "A rule that names a field has the body decoded, and written again in a canonical form.",
    ),
    _Reason(
        ("explaining what was recorded anew",),
        "Explaining stops after two seconds, and ends with the comparison that is under way.",
    ),
    _Reason(
        ("first opening",),
        "The first opening of a shared store connects, asks for the names, and reads the rows.",
    ),
)


def reasons_of(missed: Iterable[str]) -> list[str]:
    """Return why the budgets `missed` are not met; a reason that several have is there once."""
    names = tuple(missed)
    return [
        " ".join(reason.text.split())
        for reason in _REASONS
        if any(name.startswith(reason.budgets) for name in names)
    ]
