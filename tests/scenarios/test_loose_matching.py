"""Scenario 6, and rules: values that are new on each run do not cost another call, and all else does."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import fakeprovider
from tests.plugin.suite import Run, Suite, new_suite
from tests.support.clients import CLIENTS
from tests.support.runs import result, run_program

EVERY_CLIENT = sorted(CLIENTS)
UPLOADING = sorted(set(CLIENTS) - {"urllib"})  # urllib makes no multipart forms

_PROGRAM = """
    import datetime, json, os, sys, time, uuid
    import onetake
    from tests.support.clients import Ask, observe

    url, client = sys.argv[1:]
    n = int(os.environ.get("ROUND", "1"))
    new, other, trace, now = str(uuid.uuid4()), str(uuid.uuid4()), uuid.uuid4().hex, time.time()
    reason = ""
    try:
        with onetake.use_cassette("main") as cassette:
            seen = [observe(client, ask) for ask in {asks}]
    except onetake.MissError as miss:
        reason = miss.reason
    calls = [[[hit.path, hit.kind] for hit in call.loose] for call in cassette.calls]
    for answer in seen:
        answer["chunks"] = [bytes.fromhex(chunk).decode("latin-1") for chunk in answer["chunks"]]
    text = json.dumps(seen)
    for name, value in (("new", new), ("other", other), ("trace", trace), ("short", new[:8])):
        text = text.replace(value, name)  # an id that a program made is carried into what is replayed
    print(json.dumps([cassette.verdict, cassette.counts.get("loose", 0), calls, json.loads(text), reason]))
"""


@dataclass(frozen=True)
class Played:
    verdict: str
    loose: int
    hits: list[list[tuple[str, str]]]  # of each call
    seen: list[dict[str, Any]]  # with the names of the program's own ids in their place
    reason: str
    billed: int


@dataclass(frozen=True)
class Project:
    provider: fakeprovider.Provider
    root: Path

    def play(self, client: str, asks: str, source: str = _PROGRAM, **extra: str) -> Played:
        """Run `asks` (a list of `Ask`s, of `url`, `new`, `now` and `n`) in a process of its own."""
        before = self.provider.billed()
        program = source.replace("{asks}", asks)
        done = run_program(program, self.root, self.provider.url, client, **extra)
        verdict, loose, calls, seen, reason = result(done)
        hits = [[(path, kind) for path, kind in call] for call in calls]
        return Played(verdict, loose, hits, seen, reason, self.provider.billed() - before)

    def twice(self, client: str, asks: str, **extra: str) -> Played:
        """The replay of what one process recorded in another one; it paid nothing and saw the same."""
        recorded = self.play(client, asks, **extra)
        replayed = self.play(client, asks, ONETAKE_MODE="replay", **extra)
        assert (recorded.verdict, recorded.loose) == ("RECORDED", 0)
        assert recorded.billed > 0
        assert (replayed.verdict, replayed.billed) == ("HIT", 0), replayed
        assert replayed.seen == recorded.seen
        return replayed

    def configure(self, text: str) -> None:
        (self.root / "onetake.toml").write_text(text)


@pytest.fixture
def here(provider: fakeprovider.Provider, project: Path) -> Project:
    return Project(provider, project)


def chat(content: str, further: str = "") -> str:
    """An `Ask` of a chat whose prompt is the f-string `content`."""
    return f"""Ask(method="POST", url=url + "/v1/chat/completions",
                headers=(("authorization", "Bearer sk-test-0123456789"),),
                json={{"model": "m", "messages": [{{"role": "user", "content": f"{content}"}}]{further}}})"""


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_6_a_prompt_with_a_uuid_and_the_time_is_replayed_and_says_so(here, client):
    played = here.twice(client, f"[{chat('Request {new} of {now}.')}]")

    path = "body.messages[0].content"
    assert played.hits == [[(path, "uuid"), (path, "epoch")]]
    assert played.loose == 1


@pytest.mark.parametrize("client", EVERY_CLIENT)
@pytest.mark.parametrize(
    "text", ["Order {1234567890 + n}.", "Order {1234567890 + n}, {new} at {now}."]
)
def test_6_two_order_ids_of_ten_digits_are_two_requests(here, client, text):
    here.play(client, f"[{chat(text)}]")

    other = here.play(client, f"[{chat(text)}]", ONETAKE_MODE="replay", ROUND="2")

    assert (other.verdict, other.billed) == ("MISS", 0)
    assert other.reason


def test_6_the_openai_sdk_is_replayed_with_new_values_in_prompt_and_metadata(here):
    program = """
        import json, sys, time, uuid, openai, onetake
        client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="sk-test-0123456789")
        with onetake.use_cassette("main") as cassette:
            answer = client.chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": f"{uuid.uuid4()} at {time.time()}: say it."}],
                metadata={"trace_id": uuid.uuid4().hex, "started": str(time.time_ns() // 10**6)},
            )
        calls = [[[hit.path, hit.kind] for hit in call.loose] for call in cassette.calls]
        print(json.dumps([cassette.verdict, 0, calls, [answer.id], ""]))
    """
    recorded = here.play("", "", program)
    replayed = here.play("", "", program, ONETAKE_MODE="replay")

    assert (recorded.verdict, recorded.billed) == ("RECORDED", 1)
    assert (replayed.verdict, replayed.billed, replayed.seen) == ("HIT", 0, recorded.seen)
    assert sorted(replayed.hits[0]) == [
        ("body.messages[0].content", "epoch"),
        ("body.messages[0].content", "uuid"),
        ("body.metadata.started", "epoch"),
        ("body.metadata.trace_id", "hex"),
    ]


def test_6_a_recording_of_another_day_answers_a_prompt_with_the_time_of_now(here):
    asks = f"[{chat('It is {now}. Order 1234567890.')}]"
    here.play("httpx", asks)
    cassette = here.root / "cassettes" / "main.json"
    document = json.loads(cassette.read_text())
    (interaction,) = document["interactions"]
    then = interaction["recorded"]["at"] - 30 * 86_400
    interaction["recorded"]["at"] = then
    text = json.dumps(document)
    start = text.index("It is ") + len("It is ")
    end = text.index(". Order", start)
    cassette.write_text(f"{text[:start]}{then}.25{text[end:]}")

    replayed = here.play("httpx", asks, ONETAKE_MODE="replay")

    assert (replayed.verdict, replayed.billed) == ("HIT", 0), replayed
    assert replayed.hits == [[("body.messages[0].content", "epoch")]]


@pytest.mark.parametrize("client", UPLOADING)
def test_a_new_uuid_in_a_field_and_in_a_file_name_makes_no_other_upload(here, client):
    ask = """Ask(method="POST", url=url + "/echo", form=(("user", f"user {new}"), ("model", "m")),
                 files=(("file", f"clip-{new}.mp3", b"\\xff\\xfb\\x00 sound"),))"""

    played = here.twice(client, f"[{ask}]")

    assert sorted(played.hits[0]) == [("part.file.filename", "uuid"), ("part.user.content", "uuid")]


def test_a_changed_byte_of_a_file_is_another_upload_beside_a_new_uuid(here):
    ask = """Ask(method="POST", url=url + "/echo", form=(("user", new),),
                 files=(("file", "clip.mp3", b"\\xff\\xfb\\x00 sound %d" % n),))"""
    here.play("httpx", f"[{ask}]")

    other = here.play("httpx", f"[{ask}]", ONETAKE_MODE="replay", ROUND="2")

    assert (other.verdict, other.billed) == ("MISS", 0)


@pytest.mark.parametrize("client", EVERY_CLIENT)
@pytest.mark.parametrize(
    ("ask", "hits"),
    [
        (
            'Ask(url=url + f"/echo?a=1&trace={new}&t={int(now)}")',
            [("query.t", "epoch"), ("query.trace", "uuid")],
        ),
        (
            'Ask(method="POST", url=url + "/echo", form=(("id", new), ("at", str(now))))',
            [("form.at", "epoch"), ("form.id", "uuid")],
        ),
        (
            """Ask(method="POST", url=url + "/echo", headers=(("content-type", "application/jsonl"),),
                   content=f'{{"n":1}}\\n{{"custom_id":"{new}"}}\\n'.encode())""",
            [("body[1].custom_id", "uuid")],
        ),
        (
            """Ask(method="POST", url=url + "/echo", headers=(("content-type", "text/plain"),),
                   content=f"{datetime.datetime.now(datetime.UTC)}: {new}".encode())""",
            [("body", "iso-time"), ("body", "uuid")],
        ),
    ],
    ids=["query", "form", "JSON lines", "text"],
)  # fmt: skip
def test_new_values_are_known_wherever_a_request_has_them(here, client, ask, hits):
    played = here.twice(client, f"[{ask}]", ROUND="7")

    # A clock that went over a second between the runs tells an integer from an equal one.
    assert set(played.hits[0]) <= set(hits)
    assert [hit for hit in played.hits[0] if hit[1] == "uuid"] == [
        h for h in hits if h[1] == "uuid"
    ]


def test_a_new_uuid_in_a_path_makes_no_other_request(here):
    address = here.provider.script({"status": 200, "headers": [], "chunks": ["b2s="]})

    played = here.twice("httpx", f'[Ask(url="{address}" + f"/v1/files/{{new}}.jsonl")]')

    assert played.hits == [[("url.path", "uuid")]]


def test_a_header_that_is_matched_may_hold_a_trace_id(here):
    here.configure('match_on = ["method", "url", "headers"]\nmatch_headers = ["traceparent"]\n')
    ask = 'Ask(url=url + "/echo", headers=(("traceparent", f"00-{trace}-01"),))'

    assert here.twice("httpx", f"[{ask}]").hits == [[("header.traceparent", "hex")]]


def test_jobs_with_new_names_are_each_polled_to_their_end(here):
    states = [b"a1", b"b1", b"a2", b"b2", b"a3", b"b3"]
    sequence = [
        {"status": 200, "headers": [], "chunks": [b64encode(state).decode()]} for state in states
    ]
    address = here.provider.script({"sequence": sequence})
    asks = f"""[Ask(url="{address}" + f"?job={{job}}") for job in [new, other] * 3]"""

    played = here.twice("httpx", asks)

    assert ["".join(seen["chunks"]).encode() for seen in played.seen] == states
    assert played.hits == [[("query.job", "uuid")]] * 6


def test_with_volatile_values_switched_off_each_is_another_request(here):
    here.configure("volatile = []\n")
    asks = f"[{chat('{new}')}]"
    here.play("httpx", asks)

    other = here.play("httpx", asks, ONETAKE_MODE="replay")

    assert (other.verdict, other.billed) == ("MISS", 0)


def test_a_kind_of_ones_own_is_declared_by_its_expression(here):
    here.configure("[volatile_patterns]\nbatch = 'litellm-batch-[0-9a-f]{8}'\n")

    played = here.twice("httpx", f"[{chat('In litellm-batch-{new[:8]}.')}]")

    assert played.hits == [[("body.messages[0].content", "batch")]]


def test_an_equal_request_is_no_loose_one(here):
    played = here.twice("httpx", f"[{chat('Hello.')}]")

    assert (played.hits, played.loose) == ([[]], 0)


# Rules, end to end.

COUNTED = """Ask(method="POST", url=url + "/echo", json={"prompt": "Hi", "meta": {"count": n, "x": %s}})"""


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_a_field_that_a_rule_ignores_makes_no_other_request(here, client):
    here.configure('[[rules]]\nhost = "127.0.0.1"\npath = "/echo"\nignore = ["body.meta.count"]\n')
    first = here.play(client, f"[{COUNTED % '1'}]")
    second = here.play(client, f"[{COUNTED % '1'}]", ROUND="2")

    assert (first.verdict, second.verdict, second.billed) == ("RECORDED", "HIT", 0)
    assert second.seen == first.seen
    assert (second.hits, second.loose) == ([[]], 0)

    other = here.play(client, f"[{COUNTED % '2'}]", ROUND="2", ONETAKE_MODE="replay")
    assert (other.verdict, other.billed) == ("MISS", 0)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('ignore = ["body.meta.count"]', "HIT"),
        ('method = "POST"\nreplace = { "body.meta.count" = "count" }', "HIT"),
        ('replace = { "body.meta.count" = { name = "count", pattern = \'^\\d$\' } }', "HIT"),
        ('match_on = ["method", "url"]', "HIT"),
        ('host = "127.0.0.1:*"\nignore = ["body.**.count"]', "HIT"),
        ('host = "api.example.com"\nignore = ["body.meta.count"]', "MISS"),
        ('method = "GET"\nignore = ["body.meta.count"]', "MISS"),
        ('path = "/v1/*"\nignore = ["body.meta.count"]', "MISS"),
        ('ignore = ["body.meta.counter"]', "MISS"),
        ('replace = { "body.meta.count" = { name = "count", pattern = \'x\' } }', "MISS"),
    ],
)
def test_each_kind_of_rule_in_a_settings_file(here, rule, expected):
    here.configure(f"[[rules]]\n{rule}\n")
    here.play("httpx", f"[{COUNTED % '1'}]")

    other = here.play("httpx", f"[{COUNTED % '1'}]", ROUND="2", ONETAKE_MODE="replay")

    assert (other.verdict, other.billed) == (expected, 0)


def test_rules_of_the_environment_hold_too(here):
    rules = '[{"host": "127.0.0.1", "ignore": ["body.meta.count"]}]'
    here.play("httpx", f"[{COUNTED % '1'}]", ONETAKE_RULES=rules)

    other = here.play("httpx", f"[{COUNTED % '1'}]", ROUND="2", ONETAKE_RULES=rules)

    assert (other.verdict, other.billed) == ("HIT", 0)


def test_a_recorder_has_rules_of_its_own(here):
    program = _PROGRAM.replace(
        'onetake.use_cassette("main")',
        'onetake.Recorder(rules=[{"ignore": "body.meta.count"}]).use_cassette("main")',
    )
    here.play("httpx", f"[{COUNTED % '1'}]", program)

    other = here.play("httpx", f"[{COUNTED % '1'}]", program, ROUND="2")

    assert (other.verdict, other.billed) == ("HIT", 0)


def test_a_rule_says_that_the_last_answer_repeats(here):
    here.configure('[[rules]]\npath = "/echo"\nrepeats = "last"\n')
    here.play("httpx", '[Ask(url=url + "/echo")] * 2')

    more = here.play("httpx", '[Ask(url=url + "/echo")] * 4', ONETAKE_MODE="replay")

    assert (more.verdict, more.billed) == ("HIT", 0)
    assert more.seen[1] == more.seen[2] == more.seen[3] != more.seen[0]


COUNTING_TEST = """
    import os
    import pytest
    from calls import ask
    {above}
    {marker}
    def test_counted():
        ask("run " + os.environ["ROUND"])
"""


@pytest.fixture
def suite(tmp_path: Path, provider: fakeprovider.Provider) -> Suite:
    return new_suite(tmp_path, provider.url)


@pytest.mark.parametrize(
    ("above", "marker"),
    [
        ("", '@pytest.mark.onetake(rules=[{"ignore": "body.prompt"}])'),
        (
            '@pytest.fixture\n    def onetake_config():\n        return {"rules": [{"ignore": "body.prompt"}]}',
            "@pytest.mark.onetake",
        ),
    ],
    ids=["marker", "fixture"],
)
def test_a_marker_and_a_fixture_have_rules(suite, provider, above, marker):
    suite.write("test_a.py", COUNTING_TEST.format(above=above, marker=marker))

    first: Run = suite.run("-v", ROUND="1")
    second: Run = suite.run("-v", "--onetake-mode=replay", ROUND="2")

    assert (first.outcomes, second.outcomes) == ({"passed": 1}, {"passed": 1}), second.output
    assert provider.billed() == 1


def test_a_wrong_rule_ends_the_run_with_its_file_and_line(suite):
    suite.write("test_a.py", COUNTING_TEST.format(above="", marker="@pytest.mark.onetake"))
    suite.write("onetake.toml", '[[rules]]\nignore = "body.a"\n\n[[rules]]\nignor = "body.b"\n')

    run = suite.run(ROUND="1")

    assert run.code == 4
    line = run.line("ERROR: onetake:")
    assert "rule 2 (line 4) in" in line
    assert "onetake.toml" in line
    assert "'ignore'" in run.output
