"""What a cassette of vcrpy holds answers before anything that onetake could say by itself."""

from __future__ import annotations

import json

import pytest

from tests.support.runs import result, run_program

TOKEN_URL = "http://login.test:9/oauth/access_token"
FORM = "grant_type=client_credentials&client_id=me"
TRACES_URL = "http://otlp.arize.com/v1/traces"
TRACES = '{"resourceSpans": []}'

PROGRAM = """
    import json, sys, requests
    from onetake.errors import OnetakeError
    way, url, body, kind, mode = sys.argv[1:6]
    headers = {"content-type": kind}
    def ask():
        try:
            answer = requests.post(url, data=body, headers=headers, timeout=9)
        except OnetakeError as error:
            return type(error).__name__
        return answer.status_code, answer.text
    if way == "vcr":
        import vcr
        with vcr.use_cassette("c.yaml", record_mode=mode) as cassette:
            seen = [ask() for _ in range(3)]
        counts = [cassette.play_count, dict(cassette.play_counts), cassette.all_played]
    else:
        import onetake
        with onetake.use_cassette("c.yaml", mode=mode, telemetry="local") as cassette:
            seen = [ask() for _ in range(3)]
        counts = [cassette.counts.get("replayed", 0)]
    print(json.dumps([seen, counts]))
"""


def write(project, *answers: tuple[int, str], url: str = TOKEN_URL, body: str = FORM) -> None:
    entries = [
        {
            "request": {"method": "POST", "uri": url, "body": body, "headers": {}},
            "response": {
                "status": {"code": code, "message": ""},
                "headers": {},
                "body": {"string": text},
            },
        }
        for code, text in answers
    ]
    (project / "c.yaml").write_text(json.dumps({"version": 1, "interactions": entries}))


RECORDED = '{"access_token": "recorded", "scope": "read", "refresh_token": "again"}'


@pytest.mark.parametrize("mode", ["none", "new_episodes"])
def test_a_recorded_token_and_a_recorded_refusal_are_given_through_vcr(project, mode):
    write(project, (401, "no"), (200, RECORDED))
    kind = "application/x-www-form-urlencoded"

    seen, counts = result(run_program(PROGRAM, project, "vcr", TOKEN_URL, FORM, kind, mode))

    assert seen[:2] == [[401, "no"], [200, RECORDED]]
    assert "onetake-synthetic-token" in seen[2][1]  # the cassette has no third
    assert counts == [2, {"0": 1, "1": 1}, True]


@pytest.mark.parametrize("mode", ["replay", "auto"])
def test_a_recorded_token_is_given_in_place_too(project, mode):
    write(project, (401, "no"), (200, RECORDED))
    kind = "application/x-www-form-urlencoded"

    seen, counts = result(run_program(PROGRAM, project, "native", TOKEN_URL, FORM, kind, mode))

    assert seen[:2] == [[401, "no"], [200, RECORDED]]
    assert "onetake-synthetic-token" in seen[2][1]
    assert counts == [2]


def test_a_recorded_answer_of_a_telemetry_server_is_given(project):
    write(project, (503, "later"), url=TRACES_URL, body=TRACES)
    kind = "application/json"

    seen, counts = result(
        run_program(PROGRAM, project, "native", TRACES_URL, TRACES, kind, "replay")
    )

    assert seen[0] == [503, "later"]
    assert [status for status, _ in seen[1:]] == [200, 200]
    assert counts == [1]


def test_what_a_rule_blocks_stays_blocked(project):
    write(project, (200, "hello"), url="http://api.test:9/x", body="{}")
    (project / "onetake.toml").write_text(
        '[[rules]]\nhost = "api.test:9"\npath = "/**"\nmode = "block"\n'
    )

    done = run_program(
        PROGRAM, project, "native", "http://api.test:9/x", "{}", "text/plain", "auto"
    )

    assert "Connection" in done.stderr


EXCHANGE = """
    import json, sys, requests, vcr
    url, mode = sys.argv[1:3]
    with vcr.use_cassette("c.yaml", record_mode=mode) as cassette:
        form = {"grant_type": "client_credentials", "client_id": "me", "client_secret": "s3cret-of-mine"}
        token = requests.post(url + "/oauth/token", data=form, timeout=9)
        key = {"authorization": "Bearer " + token.json()["access_token"]}
        answer = requests.get(url + "/what", headers=key, timeout=9)
    told = [token.status_code, token.json()["scope"], answer.status_code]
    print(json.dumps([told, len(cassette), cassette.play_count]))
"""


@pytest.mark.parametrize("mode", ["once", "new_episodes", "all"])
def test_a_mode_that_records_keeps_what_a_token_endpoint_answers_through_vcr(
    provider, project, mode
):
    token = "a1B2" * 10
    body = json.dumps({"access_token": token, "scope": "read", "refresh_token": "c3D4" * 10})
    json_lines = [["content-type", "application/json"]]
    url = provider.script({"headers": json_lines, "chunks": [body.encode()]})
    if mode == "all":  # also where the cassette is there already
        result(run_program(EXCHANGE, project, url, "once"))
    provider.reset()

    recorded = result(run_program(EXCHANGE, project, url, mode))
    paid = provider.billed()
    replayed = result(run_program(EXCHANGE, project, url, "none"))

    assert recorded[0] == replayed[0] == [200, "read", 200]
    assert replayed[1:] == [2, 2]
    assert paid == provider.billed() == 2
    written = [one for one in project.rglob("*") if one.is_file()]
    assert not [one for one in written if token.encode() in one.read_bytes()]
