"""The short way gives what the long way gives, for every request: the same decision, answer and account."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onetake.cassettes.decisions import Local, Record, Refuse, Replay
from onetake.config import Mode, Settings
from onetake.config.rules import parse_rules
from onetake.interceptors.httpcore_ import head_of, request_of
from onetake.matching import Matcher
from onetake.messages import Body, Chunk, Ended, Headers, Interaction, Response
from onetake.recorder import Cassette, Recorder
from onetake.recorder.opening import Opening

EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "80"))
drawn = settings(
    max_examples=EXAMPLES,
    derandomize="HYPOTHESIS_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

KEY = "sk-proj-4f9Kq2LmX8vT1cZ7bN3wR6yD"
UUID = "3f2a1b4c-9d8e-4f70-8a61-b2c3d4e5f60"
BODIES = (
    b"",
    b"plain",
    b"plain ",
    b'{"model":"m","a":1,"b":[1.0,2]}',
    b'{"b":[1.0,2],"a":1,"model":"m"}',
    b'{"model": "m", "a": 1, "b": [1.0, 2]}',
    b'{"password":"correct-horse-battery"}',
    b'{"password":"other-horse-battery"}',
    b'{"text":"use %b"}' % KEY.encode(),
    b'{"text":"REDACTED-openai-key-1"}',
    b'{"id":"%b1"}' % UUID.encode(),
    b'{"id":"%b2"}' % UUID.encode(),
    b"a=1&b=2",
    b"b=2&a=1",
    b"grant_type=client_credentials&client_secret=correct-horse-battery",
    b'\xef\xbb\xbf{"a":1}',
)
TARGETS = (
    *(b"/v1/chat/completions", b"/v1/chat/completions?a=1&b=2", b"/v1/chat/completions?b=2&a=1"),
    *(b"/v1/x?key=AIzaSyA1234567890abcdefghijklmnopqrstu", b"/v1/traces", b"/oauth/token"),
    *(b"/v1/x?id=%b1" % UUID.encode(), b"/v1/AIzaSyA1234567890abcdefghijklmnopqrstu/x"),
)
LINES = (
    (),
    ((b"Authorization", b"Bearer " + KEY.encode()),),
    ((b"Authorization", b"Bearer another-key-of-somebody-else-1"),),
    ((b"X-Api-Key", b"dummy"), (b"X-Request-Id", b"7")),
)
KINDS = (b"application/json", b"text/plain", b"application/x-www-form-urlencoded", b"")
CODINGS = (b"", b"", b"", b"gzip")

Wire = tuple[bytes, bytes, bytes, int | None, bytes, tuple[tuple[bytes, bytes], ...], bytes]


@st.composite
def wires(draw: st.DrawFn) -> Wire:
    """A request as the pool of httpcore sees it."""
    body = draw(st.sampled_from(BODIES))
    lines = [*draw(st.sampled_from(LINES)), (b"Content-Length", str(len(body)).encode())]
    if kind := draw(st.sampled_from(KINDS)):
        lines.append((b"Content-Type", kind))
    if coding := draw(st.sampled_from(CODINGS)):
        lines.append((b"Content-Encoding", coding))
    method, host = draw(st.sampled_from((b"POST", b"POST", b"GET"))), b"api.example.com"
    return method, b"https", host, None, draw(st.sampled_from(TARGETS)), tuple(lines), body


def answer(n: int, ended: Ended) -> tuple[Response, Ended]:
    data = json.dumps({"n": n, "id": UUID + "1", "usage": {"prompt_tokens": n}}).encode()
    body = Body(data=data, chunks=(Chunk(len(data), 9),))
    headers = Headers((("content-type", "application/json"),))
    return Response(status=200, reason="OK", headers=headers, body=body), ended


@contextmanager
def opened(folder: Path, mode: Mode, **more: Any) -> Iterator[Cassette]:
    recorder = Recorder(settings=Settings(mode=mode, **more), root=folder)
    cassette = recorder.open(str(folder / "cassette.json"))
    try:
        yield cassette
    finally:
        cassette.close(passed=True)


def asked(opening: Opening, wire: Wire, n: int, *, is_short: bool, ended: Ended) -> Any:
    """What becomes of a request, and what a client of it would see. A live call gets answer `n`."""
    *parts, body = wire
    if is_short:
        found = opening.recall(head_of(*parts), body, lambda: request_of(*wire), "httpx")
        if found is not None:
            return "replayed", found.response, found.ended
    decision = opening.decide(request_of(*wire), "httpx")
    match decision:
        case Replay(interaction):
            return "replayed", interaction.response, interaction.ended
        case Local(interaction):
            return "local", interaction.response and interaction.response.status
        case Record(call):
            response, how = answer(n, ended)
            at = 1_790_000_000
            call.keep(
                Interaction(request=request_of(*wire), response=response, ended=how, at=at, ms=5)
            )
            return "recorded", n
        case Refuse(error):
            return "refused", str(error)
        case other:
            return type(other).__name__, repr(other)


def told(
    folder: Path, wires: Sequence[Wire], mode: Mode, *, is_short: bool, **more: Any
) -> tuple[list[Any], list[Any]]:
    """Each decision, and the account of all of them."""
    with opened(folder, mode, **more) as cassette:
        opening = cassette.opening
        found = [
            asked(opening, wire, 100 + n, is_short=is_short, ended=Ended.COMPLETE)
            for n, wire in enumerate(wires)
        ]
    account = [cassette.calls, cassette.counts, cassette.verdict, cassette.warnings]
    events, spoken_for = opening.closing.events, opening.closing.spoken_for
    used = [id(entry) in spoken_for for entry in opening.entries]
    return found, [*account, list(map(str, cassette.misses)), events, used]


def both(
    folder: Path,
    recorded: Sequence[tuple[Wire, Ended]],
    sent: Sequence[Wire],
    mode: Mode,
    **more: Any,
) -> None:
    first = folder / "long"
    first.mkdir()
    with opened(first, Mode.AUTO) as cassette:
        for n, (wire, ended) in enumerate(recorded):
            asked(cassette.opening, wire, n, is_short=False, ended=ended)
    shutil.copytree(first, folder / "short")
    expected = told(folder / "long", sent, mode, is_short=False, **more)

    found = told(folder / "short", sent, mode, is_short=True, **more)

    # As texts, without the folder, which messages name.
    texts = [str(part).replace(f"{folder}/long", "") for part in (*expected[0], *expected[1])]
    assert [str(part).replace(f"{folder}/short", "") for part in (*found[0], *found[1])] == texts
    if mode is Mode.AUTO:  # what was added is the same too
        after = [
            (folder / name / "cassette.json").read_text().count('"request"')
            for name in ("long", "short")
        ]
        assert after[0] == after[1]


ends = st.sampled_from((Ended.COMPLETE, Ended.COMPLETE, Ended.COMPLETE, Ended.CLOSED, Ended.CUT))
recordings = st.lists(st.tuples(wires(), ends), min_size=1, max_size=6)
rules = st.sampled_from(
    (
        (),
        ({"path": "/v1/x", "ignore": ["query.id"]},),
        ({"host": "other.example.com", "mode": "live"},),
        ({"path": "/v1/traces", "class": "ordinary"},),
        ({"ignore": ["body.id", "body.a"]},),
        ({"path": "/v1/chat/*", "match_on": ["path"]}, {"ignore": ["query.id", "query.a"]}),
        ({"replace": {"body.text": "said"}},),
        ({"match_on": ["method", "path"]},),
        ({"match_on": ["method", "headers"]},),
        ({"volatile": []},),
        ({"redact": ["body.model"]},),
        ({"ttl": "1h"},),
        ({"repeats": "last"},),
        ({"path": "/v1/AIzaSy*", "match_on": ["method"]},),
    )
)


@drawn
@given(
    recorded=recordings,
    others=st.lists(wires(), max_size=3),
    order=st.randoms(use_true_random=False),
    in_order=st.sampled_from((None, 1, 2, 4, 6)),
    mode=st.sampled_from((Mode.REPLAY, Mode.AUTO, Mode.ONCE)),
    repeats=st.sampled_from(("none", "last")),
    rule=rules,
)
def test_both_ways_agree(recorded, others, order, in_order, mode, repeats, rule):
    sent = [wire for wire, _ in recorded]
    further = others + [wire for wire in sent + others if order.random() < 0.4]
    if in_order is None:
        sent += further
        order.shuffle(sent)
    else:
        order.shuffle(further)
        sent = sent[:in_order] + further + sent[in_order:]
    with tempfile.TemporaryDirectory() as folder:
        more = {"repeats": repeats, "rules": parse_rules(list(rule), "a test")}
        both(Path(folder), recorded, sent, mode, **more)


@pytest.mark.parametrize(
    "more",
    [{}, {"ttl": 86_400.0}, {"match_on": ("method", "url", "headers")}, {"match_on": ("path",)}],
)
@pytest.mark.parametrize("mode", [Mode.REPLAY, Mode.AUTO])
def test_both_ways_agree_on_all_bodies(tmp_path, mode, more):
    host = b"api.example.com"
    lines = ((b"Content-Type", b"application/json"), *LINES[1])
    sent = [(b"POST", b"https", host, None, TARGETS[0], lines, body) for body in BODIES]

    both(tmp_path, [(wire, Ended.COMPLETE) for wire in sent], sent[::-1] + sent, mode, **more)


def test_the_short_way_is_taken_for_a_plain_call(tmp_path):
    lines = ((b"Content-Type", b"application/json"), *LINES[1])
    wire = (b"POST", b"https", b"api.example.com", None, TARGETS[0], lines, BODIES[3])
    with opened(tmp_path, Mode.AUTO) as cassette:
        asked(cassette.opening, wire, 7, is_short=False, ended=Ended.COMPLETE)

    with opened(tmp_path, Mode.REPLAY) as cassette:
        read = partial(request_of, *wire)
        found = cassette.opening.recall(head_of(*wire[:-1]), wire[-1], read, "httpx")

    assert found is not None
    assert found.response.body.data == answer(7, Ended.COMPLETE)[0].body.data
    assert [call.outcome for call in cassette.calls] == ["replayed"]


def bodies_of(count: int) -> list[Wire]:
    host = b"api.example.com"
    lines = ((b"Content-Type", b"application/json"), *LINES[1])
    bodies = [b'{"n":%d}' % n for n in range(count)]
    return [(b"POST", b"https", host, None, TARGETS[0], lines, body) for body in bodies]


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs of requests whose keys are computed."""
    asked: list[str] = []
    key = Matcher.key

    def told(self, request, active=None):
        asked.append(request.url)
        return key(self, request, active)

    monkeypatch.setattr(Matcher, "key", told)
    return asked


def recall(cassette: Cassette, wire: Wire) -> int | None:
    *parts, body = wire
    found = cassette.opening.recall(head_of(*parts), body, partial(request_of, *wire), "httpx")
    return None if found is None else json.loads(found.response.body.data)["n"]


def test_recordings_that_are_asked_for_in_order_need_no_keys(tmp_path, keyed):
    sent = bodies_of(5)
    with opened(tmp_path, Mode.AUTO) as cassette:
        for n, wire in enumerate(sent):
            asked(cassette.opening, wire, n, is_short=False, ended=Ended.COMPLETE)
    keyed.clear()

    with opened(tmp_path, Mode.REPLAY) as cassette:
        assert [recall(cassette, wire) for wire in sent[:3]] == [0, 1, 2]
        assert keyed == []

        assert [recall(cassette, wire) for wire in (sent[4], sent[3])] == [4, 3]
        assert len(keyed) == 5

    names = [call.interaction for call in cassette.calls]
    assert len(set(names)) == 5
    assert [name.partition(".")[2] for name in names] == ["0"] * 5


def test_a_recording_that_cannot_be_read_is_an_error_when_it_is_asked_for(tmp_path):
    sent = bodies_of(3)
    with opened(tmp_path, Mode.AUTO) as cassette:
        for n, wire in enumerate(sent):
            asked(cassette.opening, wire, n, is_short=False, ended=Ended.COMPLETE)
    file = tmp_path / "cassette.json"
    file.write_text(
        file.read_text().replace('"json": {\n            "n": 1', '"yaml": {\n            "n": 1')
    )

    with opened(tmp_path, Mode.REPLAY) as cassette:
        told = asked(cassette.opening, sent[0], 0, is_short=True, ended=Ended.COMPLETE)

    assert told[0] == "refused"
    assert "Interaction 2 of" in told[1]
