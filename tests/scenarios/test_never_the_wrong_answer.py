"""Requests that mean different things never share an answer, and what is paid again is named."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.support.runs import result, run_program

IDS = [str(uuid.UUID(int=n << 100, version=4)) for n in range(1, 8)]

ASK_ALL = """
    import json, os, sys, httpx, onetake
    url, asks = sys.argv[1], json.loads(sys.argv[2])
    seen = []
    with onetake.use_cassette("main") as cassette, httpx.Client() as client:
        for one in asks:
            try:
                answer = client.request(one.get("method", "GET"), url + one["path"],
                                        headers=one.get("headers"), json=one.get("json"))
                seen.append(answer.text)
            except onetake.MissError as miss:
                seen.append(miss.reason)
        missed = list(cassette.misses)
        cassette.opening.misses.unexpected.clear()
    events = [[one.outcome, one.miss.cause] for one in cassette.opening.closing.events]
    print(json.dumps([seen, cassette.counts, events]))
"""


def ask_all(project, provider, *asks: dict[str, object], **extra: str):
    return result(run_program(ASK_ALL, project, provider.url, json.dumps(asks), **extra))


def test_an_exact_hit_gets_its_own_answer_after_a_loose_one(provider, project):
    asks = [{"path": f"/echo?id={one}"} for one in IDS[:2]]
    ask_all(project, provider, *asks)

    seen, counts, _ = ask_all(
        project, provider, {"path": f"/echo?id={IDS[5]}"}, asks[0], asks[1], ONETAKE_MODE="replay"
    )

    assert [json.loads(one)["query"]["id"] for one in seen] == [IDS[5], IDS[0], IDS[1]]
    assert counts == {"replayed": 3, "loose": 1}


def test_words_under_a_name_that_is_sometimes_secret_stay_apart(provider, project):
    asks = [{"path": f"/echo?key={word}"} for word in ("alpha", "beta", "reports/2026-11.pdf")]
    recorded, _, _ = ask_all(project, provider, *asks)

    replayed, _, _ = ask_all(project, provider, *reversed(asks), ONETAKE_MODE="replay")
    other, _, _ = ask_all(project, provider, {"path": "/echo?key=gamma"}, ONETAKE_MODE="replay")

    assert replayed == recorded[::-1]
    assert other == ["changed"]


def test_a_token_request_takes_no_number_from_the_calls(provider, project):
    login = {"path": "/scripted/nowhere/oauth/token", "method": "POST"}
    login |= {"json": {"grant_type": "client_credentials", "client": "a"}}
    login |= {"headers": {"authorization": "Basic YTpzZWNyZXQtMTIzNDU2"}}
    call = {"path": "/echo", "headers": {"authorization": "Bearer a-token-0123456789"}}
    ask_all(project, provider, login, call)

    seen, counts, _ = ask_all(project, provider, call, ONETAKE_MODE="replay")

    assert counts == {"replayed": 1}
    assert seen[0].startswith("{")


@pytest.mark.parametrize("where", ["path", "body"])
def test_one_call_more_under_a_new_id_is_paid_once_and_named(provider, project, where):
    def asks(name: str, count: int) -> list[dict[str, object]]:
        one: dict[str, object] = {"path": f"/scripted/job/{name}", "method": "POST"}
        if where == "body":
            one = {"path": "/scripted/job", "method": "POST", "json": {"job": name}}
        return [one] * count

    states = [{"chunks": [state]} for state in (b"one", b"two", b"three", b"four")]
    provider.script({"id": "job", "sequence": states})
    ask_all(project, provider, *asks(IDS[0], 2))

    runs = [ask_all(project, provider, *asks(name, 3)) for name in IDS[1:4]]

    assert [seen for seen, _, _ in runs] == [["one", "two", "three"]] * 3
    assert [counts.get("recorded", 0) for _, counts, _ in runs] == [1, 0, 0]
    assert [len(events) for _, _, events in runs] == [1, 0, 0]
    assert "more often than recorded" in runs[0][2][0][1]
    stored = json.loads((project / "cassettes" / "main.json").read_text())["interactions"]
    assert len(stored) == 3
    assert IDS[1] not in json.dumps(stored)


def test_a_fraction_in_a_list_is_explained_and_costs_no_recording(provider, project):
    first = {"path": "/echo", "method": "POST", "json": {"m": [{"w": 0.5}]}}
    other = {"path": "/echo", "method": "POST", "json": {"m": [{"w": 0.75}]}}
    ask_all(project, provider, first)

    missed, _, _ = ask_all(project, provider, other, ONETAKE_MODE="replay")
    _, counts, events = ask_all(project, provider, other)
    _, again, _ = ask_all(project, provider, first, other, ONETAKE_MODE="replay")

    assert missed == ["changed"]
    assert (counts, [outcome for outcome, _ in events]) == ({"recorded": 1}, ["recorded"])
    assert again == {"replayed": 2}


def test_a_hex_document_is_no_random_number(provider, project):
    texts = [(f"pay {n} EUR " * 20).encode().hex() for n in (100, 200)]
    asks = [{"path": "/echo", "method": "POST", "json": {"attachment": text}} for text in texts]
    ask_all(project, provider, asks[0])

    seen, _, _ = ask_all(project, provider, asks[1], ONETAKE_MODE="replay")

    assert seen == ["changed"]


@pytest.mark.parametrize(
    ("mode", "rule", "expected"),
    [
        ("replay", "auto", ["no-recording"]),
        ("replay", "live", ["no-recording"]),
        ("live", "replay", ["no-recording"]),
        ("auto", "replay", ["no-recording"]),
        ("auto", "once", None),
        ("replay", "block", None),
    ],
)
def test_a_stricter_mode_always_wins(provider, project, mode, rule, expected):
    (project / "onetake.toml").write_text(f'mode = "{mode}"\n[[rules]]\nmode = "{rule}"\n')
    if rule == "block":
        done = run_program(ASK_ALL, project, provider.url, json.dumps([{"path": "/echo"}]))
        assert "ConnectError" in done.stderr
        assert provider.billed() == 0
        return

    seen, _, _ = ask_all(project, provider, {"path": "/echo"})

    assert provider.billed() == (0 if expected else 1)
    assert expected is None or seen == expected


def test_secrets_on_the_command_line_are_not_on_record(provider, project):
    key = "sk-proj-0123456789abcdef"
    ask_all(project, provider, {"path": "/echo?a=1"})
    program = ASK_ALL.replace("sys.argv[1]", "sys.argv[2]").replace(
        "json.loads(sys.argv[2])", "json.loads(sys.argv[3])"
    )
    asks = json.dumps([{"path": "/echo?a=2"}])

    run_program(program, project, f"--openai-key={key}", provider.url, asks, ONETAKE_MODE="replay")

    texts = [path.read_text() for path in (project / ".onetake" / "runs").iterdir()]
    assert any("--openai-key" in text for text in texts)
    assert not any(key in text for text in texts)
