"""A live call, the same call while it is recorded, and its replay are the same to the program.

hypothesis draws requests and scripted answers; four clients make each of them three times. The answers'
header names and values, bodies and chunk splits are compared exactly.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import os
import tempfile
import zlib
from pathlib import Path
from typing import Any

import brotli
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import onetake
from onetake.config import Settings
from onetake.redaction.headers import treatment
from onetake.redaction.names import field_kind
from tests.support.clients import Ask, observe

EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "25"))

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
bodies = st.binary(max_size=2000) | st.text(max_size=500).map(lambda text: text.encode("utf-8"))
# No names of secrets (hypothesis also draws words of our own source): those are redacted on purpose.
tokens = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8).filter(
    lambda name: not treatment(f"x-{name}") and not field_kind(name)
)
visible = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


@st.composite
def asks(draw: st.DrawFn) -> dict[str, Any]:
    """What is sent, without the address."""
    method = draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]))
    kind = (
        "none"
        if method == "GET"
        else draw(st.sampled_from(["content", "pieces", "json", "files", "form", "none"]))
    )
    ask: dict[str, Any] = {
        "method": method,
        "headers": tuple(
            (f"x-{name}", value)
            for name, value in draw(st.dictionaries(tokens, visible, max_size=3)).items()
        ),
    }
    match kind:
        case "content":
            ask["content"] = draw(bodies)
        case "pieces":
            ask["pieces"] = tuple(draw(st.lists(st.binary(min_size=1, max_size=200), max_size=4)))
        case "json":
            ask["json"] = draw(st.dictionaries(st.text(max_size=8), json_values, max_size=4))
        case "files":
            ask["files"] = tuple(
                draw(
                    st.lists(
                        st.tuples(
                            tokens,
                            tokens.map(lambda n: n + ".bin"),
                            st.binary(min_size=1, max_size=500),
                        ),
                        min_size=1,
                        max_size=3,
                    )
                )
            )
            ask["form"] = tuple(draw(st.dictionaries(tokens, visible, max_size=2)).items())
        case "form":
            ask["form"] = tuple(
                draw(
                    st.dictionaries(
                        tokens,
                        st.text(st.characters(codec="utf-8"), max_size=20),
                        min_size=1,
                        max_size=3,
                    )
                ).items()
            )
    return ask


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Any]:
    """A script for the provider: `whole` says that its decoded bytes can be told."""
    data = draw(bodies | json_values.map(lambda value: json.dumps(value).encode()))
    coding = draw(st.sampled_from(["", "", "gzip", "deflate", "br"]))
    encoded = {
        "": lambda: data,
        "gzip": lambda: gzip.compress(data, mtime=0),
        "deflate": lambda: zlib.compress(data),
        "br": lambda: brotli.compress(data),
    }[coding]()
    cuts = sorted(draw(st.lists(st.integers(0, len(encoded)), max_size=4)))
    edges = [0, *cuts, len(encoded)]
    chunks = [encoded[a:b] for a, b in itertools.pairwise(edges) if a < b]
    headers = [[f"x-{n}", v] for n, v in draw(st.lists(st.tuples(tokens, visible), max_size=4))]
    headers.append(
        [
            "Content-Type",
            draw(
                st.sampled_from(
                    ["application/json", "text/plain; charset=utf-8", "application/octet-stream"]
                )
            ),
        ]
    )
    if coding:
        headers.append(["Content-Encoding", coding])
    return {
        "status": draw(st.sampled_from([200, 200, 201, 202, 400, 404, 429, 500])),
        "reason": draw(st.sampled_from(["OK", "Fine", "Not Quite"])),
        "headers": headers,
        "chunks": [base64.b64encode(chunk).decode() for chunk in chunks],
        "framing": draw(st.sampled_from(["chunked", "chunked", "length"])),
        "delay_ms": 0,
    }


def _comparable(seen: dict[str, Any], framing: str) -> dict[str, Any]:
    """What is promised: of a body with a declared length the bytes, of a chunked one the pieces too."""
    seen = dict(seen)
    if any(name.lower() == "content-encoding" for name, _ in seen["headers"]):
        # Encoded anew: the decoded bytes are promised, the encoded length is regenerated.
        seen["headers"] = [line for line in seen["headers"] if line[0].lower() != "content-length"]
    if framing == "length":
        seen["chunks"] = "".join(seen["chunks"])
    return seen


@pytest.mark.parametrize("client", ["httpx", "httpx-async", "httpx2", "requests", "aiohttp"])
@settings(
    max_examples=EXAMPLES,
    derandomize="HYPOTHESIS_EXAMPLES" not in os.environ,  # a bounded fuzzing run draws anew
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(ask=asks(), script=answers())
def test_live_recorded_and_replayed_are_the_same(shared_provider, client, ask, script):
    with tempfile.TemporaryDirectory() as folder:
        url = shared_provider.script(script) + "/x?q=1"
        request = Ask(url=url, **ask)
        recorder = onetake.Recorder(settings=Settings(fast_retries=False), root=Path(folder))

        start = shared_provider.billed()
        live = observe(client, request)
        with recorder.use_cassette("main"):
            recorded = observe(client, request)
        before = shared_provider.billed()
        sent = before > start
        with recorder.use_cassette("main", mode="replay") as cassette:
            replayed = observe(client, request)

        assert shared_provider.billed() == before
        # Some clients refuse to serialise a JSON infinity: then nothing was sent, three times.
        assert cassette.verdict == ("HIT" if sent else "NO_TRAFFIC")
        framing = script["framing"]
        assert _comparable(recorded, framing) == _comparable(live, framing)
        assert _comparable(replayed, framing) == _comparable(recorded, framing)
