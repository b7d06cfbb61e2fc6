"""What a program names by a new uuid it finds again in replay (failure B4)."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.support.clients import CLIENTS
from tests.support.runs import result, run_program

READ_BACK = """
    import json, os, sys, onetake
    from tests.support.clients import Ask, observe
    url, client, name, listing = sys.argv[1:]
    asks = [
        Ask(method="PUT", url=f"{url}/echo?object=inputs/{name}.jsonl", json={"name": name}),
        Ask(url=listing),
    ]
    with onetake.use_cassette("main") as cassette:
        seen = [observe(client, ask) for ask in asks]
    texts = [bytes.fromhex("".join(one["chunks"])).decode() for one in seen]
    loose = [[(hit.path, hit.kind) for hit in call.loose] for call in cassette.calls]
    print(json.dumps([texts, cassette.verdict, loose]))
"""


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_an_object_that_was_put_under_a_new_name_is_in_the_list(provider, project, client):
    first, second = str(uuid.UUID(int=1 << 100, version=4)), str(uuid.UUID(int=2 << 90, version=4))
    listing = provider.script({"chunks": [b'{"keys": ["inputs/', first.encode(), b'.jsonl"]}']})

    recorded, verdict, _ = result(
        run_program(READ_BACK, project, provider.url, client, first, listing)
    )
    assert verdict == "RECORDED"
    paid = provider.billed()
    replayed, verdict, loose = result(
        run_program(
            READ_BACK, project, provider.url, client, second, listing, ONETAKE_MODE="replay"
        )
    )

    assert verdict == "HIT"
    assert provider.billed() == paid
    assert loose == [[["query.object", "uuid"], ["body.name", "uuid"]], []]
    assert json.loads(replayed[0])["query"] == {"object": f"inputs/{second}.jsonl"}
    assert json.loads(replayed[1]) == {"keys": [f"inputs/{second}.jsonl"]}
    assert first in recorded[1]


def test_nothing_is_carried_without_a_loose_hit(provider, project):
    name = str(uuid.UUID(int=1 << 100, version=4))
    listing = provider.script({"chunks": [name.encode()]})
    arguments = (provider.url, "httpx", name, listing)

    recorded = result(run_program(READ_BACK, project, *arguments))
    replayed = result(run_program(READ_BACK, project, *arguments, ONETAKE_MODE="replay"))

    assert replayed == [recorded[0], "HIT", [[], []]]
