"""From a request to what an interceptor does with it: the same for sync and async clients."""

from __future__ import annotations

from typing import assert_never

from onetake.cassettes.decisions import Forward, Local, Record, Refuse, Replay
from onetake.messages import Request
from onetake.runtime.context import Owner
from onetake.runtime.playback import Playback
from onetake.runtime.recording import Recording


def begin(owner: Owner, request: Request, client: str) -> Playback | Recording | None:
    """Decide on `request`: answer it (`Playback`), send and keep it (`Recording`), or just send it (None).

    Raises the `OnetakeError` of a refusal. Call it once per request, at the moment of sending.
    """
    decision = owner.decide(request, client)
    match decision:
        case Replay(interaction) | Local(interaction):
            return Playback(interaction, owner.speed, owner.fast_retries)
        case Record(seq):
            return Recording(owner, request, seq)
        case Forward():
            return None
        case Refuse(error):
            raise error
        case _:
            assert_never(decision)
