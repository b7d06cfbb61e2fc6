"""Recordings put into a store through its port."""

from __future__ import annotations

import time

from onetake.cassettes.fold import Take, free_slot
from onetake.matching import Matcher
from onetake.messages import Body, Ended, Failure, Headers, Interaction, Request, Response
from onetake.stores.shelf import Shelf

MATCHER = Matcher()
DAY_S = 86_400
_JSON = Headers((("content-type", "application/json"),))


def call(
    question: str,
    *,
    status: int = 200,
    host: str = "api.example.test",
    days: float = 0,
    answer: bytes = b"",
) -> Interaction:
    """One paid call, made `days` ago; without an answer where the status is 0."""
    response = Response(
        status=status, headers=_JSON, body=Body(data=answer or b'{"to": "%s"}' % question.encode())
    )
    return Interaction(
        request=Request(
            method="POST",
            url=f"https://{host}/v1/chat",
            headers=_JSON,
            body=b'{"ask": "%s"}' % question.encode(),
        ),
        response=response if status else None,
        failure=None if status else Failure(kind="refused", type="httpcore.ConnectError"),
        ended=Ended.COMPLETE if status else Ended.CUT,
        at=int(time.time() - days * DAY_S),
    )


def put(shelf: Shelf, name: str, *calls: Interaction, replacing: str | None = None) -> None:
    """Add them to a cassette, behind what it has."""
    cassette = shelf.cassette(name)
    held = cassette.load(MATCHER.key, MATCHER.fingerprint).slots
    filled = set() if replacing else set(held)
    takes: list[Take] = []
    for one in calls:
        key = MATCHER.key(one.request)
        slot = free_slot(key, filled)
        filled.add(slot)
        takes.append(Take(slot, one))
    cassette.publish(takes, MATCHER.key, replacing_run=replacing)


def questions(shelf: Shelf, name: str) -> list[str]:
    """What was asked in the recordings of a cassette, in order."""
    bodies = [one.stored.request.body for one in shelf.recordings(name)]
    return [body.split(b'"')[3].decode() for body in bodies]


def snapshot(shelf: Shelf) -> dict[str, list[bytes]]:
    """Everything a store holds."""
    return {name: [one.stored.raw for one in shelf.recordings(name)] for name in shelf.names()}
