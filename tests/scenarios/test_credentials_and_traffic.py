"""Scenarios 7, 8, 9 and 20: who asks, how one gets to ask, and traffic that is no call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import fakeprovider
from tests.plugin.suite import Suite, new_suite
from tests.support.clients import CLIENTS
from tests.support.runs import result, run_program
from tests.support.twice import Twice, run, twice

EVERY_CLIENT = sorted(CLIENTS)


def holding(folder: Path, *secrets: str) -> list[str]:
    """The files below `folder`, hidden ones too, that hold any of `secrets`."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files, "nothing was written at all"
    return [
        f"{path.relative_to(folder)}: {secret}"
        for path in files
        for secret in secrets
        if secret.encode() in path.read_bytes()
    ]


def statuses(found: Twice) -> list[int]:
    return [seen["status"] for seen in found.replayed.seen]


# Scenario 7: signatures.

AKID, SECRET = "AKIDGOOD000000000001", "good-secret-0123456789abcdef"

_CLOCK = """
    import datetime, json, os, sys
    import boto3, botocore.auth, botocore.config, botocore.exceptions, httpx, onetake

    days = datetime.timedelta(days=int(os.environ.get("DAYS", "0")))
    def clock(remove_tzinfo=True):
        now = datetime.datetime.now(datetime.UTC) + days
        return now.replace(tzinfo=None) if remove_tzinfo else now
    botocore.auth.get_current_datetime = clock

    def client(service, key=None, **more):
        secret = None if key is None else "a secret of " + key
        return boto3.client(service, region_name="us-east-1", endpoint_url=sys.argv[1],
                            aws_access_key_id=key, aws_secret_access_key=secret, **more)
"""

_CONVERSE = (
    _CLOCK
    + """
    messages = [{"role": "user", "content": [{"text": "hello"}]}]
    with onetake.use_cassette("main") as cassette:
        seen = []
        for key in (sys.argv[2:] or [None]):
            try:
                answer = client("bedrock-runtime", key).converse(modelId="m", messages=messages)
                seen.append(answer["output"]["message"]["content"][0]["text"])
            except botocore.exceptions.ClientError as error:
                seen.append(error.response["ResponseMetadata"]["HTTPStatusCode"])
    print(json.dumps([seen, cassette.verdict]))
"""
)


def aws(project: Path, **extra: str) -> dict[str, str]:
    """The environment of a program with one access key and nothing else of AWS."""
    keys = {"AWS_ACCESS_KEY_ID": AKID, "AWS_SECRET_ACCESS_KEY": SECRET}
    return {"HOME": str(project), "AWS_EC2_METADATA_DISABLED": "true"} | keys | extra


def test_7_bedrock_replays_a_day_later(provider, project):
    recorded, verdict = result(run_program(_CONVERSE, project, provider.url, **aws(project)))
    assert verdict == "RECORDED"
    sent = str(provider.requests()[0]["headers"])
    assert f"Credential={AKID}/" in sent

    later = aws(project, DAYS="1", ONETAKE_MODE="replay", AWS_SESSION_TOKEN="another-token-0123456")
    replayed, verdict = result(run_program(_CONVERSE, project, provider.url, **later))

    assert (replayed, verdict) == (recorded, "HIT")
    assert provider.billed() == 1
    assert holding(project, AKID, SECRET, "another-token-0123456") == []


def test_7_two_access_keys_are_two_principals(provider, project):
    keys = (AKID, "AKIDBAD0000000000001")
    recorded, _ = result(run_program(_CONVERSE, project, provider.url, *keys, **aws(project)))
    assert isinstance(recorded[0], str)
    assert recorded[1] == 403

    replay = aws(project, ONETAKE_MODE="replay", DAYS="1")
    replayed, verdict = result(run_program(_CONVERSE, project, provider.url, *keys, **replay))

    assert (replayed, verdict) == (recorded, "HIT")
    assert provider.billed() == 2
    assert holding(project, *keys) == []


def test_7_a_dummy_access_key_replays(provider, project):
    recorded, _ = result(run_program(_CONVERSE, project, provider.url, **aws(project)))

    dummy = aws(project, ONETAKE_MODE="replay") | {"AWS_ACCESS_KEY_ID": "dummy"}
    replayed, verdict = result(run_program(_CONVERSE, project, provider.url, **dummy))

    assert (replayed, verdict) == (recorded, "HIT")


def test_7_with_digests_another_access_key_is_a_miss(provider, project):
    digests = {"ONETAKE_CREDENTIAL": "digest", "ONETAKE_KEY": "a secret of the team"}
    recorded, _ = result(run_program(_CONVERSE, project, provider.url, **aws(project, **digests)))
    replay = aws(project, ONETAKE_MODE="replay", DAYS="1", **digests)

    same = result(run_program(_CONVERSE, project, provider.url, **replay))
    other = replay | {"AWS_ACCESS_KEY_ID": "AKIDOTHER00000000001"}
    missed = run_program(_CONVERSE, project, provider.url, **other)

    assert same == [recorded, "HIT"]
    assert missed.returncode != 0
    assert "MissError" in missed.stderr
    assert provider.billed() == 1
    assert holding(project, AKID, digests["ONETAKE_KEY"], "AKIDOTHER00000000001") == []


def test_7_digests_need_a_key(provider, project):
    done = run_program(
        _CONVERSE, project, provider.url, **aws(project, ONETAKE_CREDENTIAL="digest")
    )

    assert done.returncode != 0
    assert "ONETAKE_KEY" in done.stderr
    assert provider.billed() == 0


_PRESIGNED = (
    _CLOCK
    + """
    path = sys.argv[2].removeprefix(sys.argv[1] + "/scripted/")
    config = botocore.config.Config(signature_version="s3v4", s3={"addressing_style": "path"})
    url = client("s3", config=config).generate_presigned_url(
        "get_object", Params={"Bucket": "scripted", "Key": path + "/report.pdf"})
    with onetake.use_cassette("main") as cassette:
        answer = httpx.get(url)
    print(json.dumps([answer.text, cassette.verdict, url]))
"""
)


def test_7_a_url_presigned_a_day_later_replays(provider, project):
    file = provider.script({"status": 200, "headers": [], "chunks": [b"the report"]})
    session = {"AWS_SESSION_TOKEN": "session-token-0123456789"}
    recorded, verdict, url = result(
        run_program(_PRESIGNED, project, provider.url, file, **aws(project, **session))
    )
    assert (recorded, verdict) == ("the report", "RECORDED")

    replay = aws(project, ONETAKE_MODE="replay", DAYS="1", **session)
    replayed, verdict, later = result(
        run_program(_PRESIGNED, project, provider.url, file, **replay)
    )

    assert later != url
    assert (replayed, verdict) == ("the report", "HIT")
    assert provider.billed() == 1
    signature = url.rpartition("X-Amz-Signature=")[2].partition("&")[0]
    assert len(signature) == 64
    assert holding(project, AKID, signature, "session-token-0123456789") == []


# Scenario 8: exchanges of credentials.

_EXCHANGE = """
    import base64, json, os, sys, time, uuid, onetake
    from tests.support.clients import Ask, observe

    url, client, exchange, count = sys.argv[1:]

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    def token():
        now = int(time.time())
        claims = {"iss": "me@example.com", "aud": "x", "iat": now, "exp": now + 3600,
                  "jti": str(uuid.uuid4())}
        assertion = part({"alg": "RS256"}) + "." + part(claims) + ".c2lnbmF0dXJlLW9mLXRoZS1qd3Q"
        asked = Ask(method="POST", url=exchange, form=(
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion)))
        return json.loads(bytes.fromhex("".join(observe(client, asked)["chunks"])))

    def chat(token, text):
        return observe(client, Ask(
            method="POST", url=url + "/v1/chat/completions",
            headers=(("authorization", "Bearer " + token["access_token"]),),
            json={"model": "m", "messages": [{"role": "user", "content": text}]}))

    try:
        with onetake.use_cassette("main") as cassette:
            got = token()
            seen = [chat(got, text) for text in ["one", "two", "three"][:int(count)]]
        miss = ""
    except onetake.MissError as error:
        seen, miss = [], str(error)
    print(json.dumps({"seen": seen, "miss": miss, "verdict": cassette.verdict, "expires": got["expires_in"],
                      "token": got["access_token"], "counts": cassette.counts}))
"""
LIVE_TOKEN = "opaque-live-token-0123456789"
OF_EXCHANGE = (LIVE_TOKEN, "jwt-bearer", "oauth2/token", "c2lnbmF0dXJlLW9mLXRoZS1qd3Q")


def exchange_at(provider: fakeprovider.Provider) -> str:
    """A token endpoint on `provider`."""
    token = {"access_token": LIVE_TOKEN, "expires_in": 3599, "token_type": "Bearer"}
    answer = {
        "status": 200,
        "headers": [["content-type", "application/json"]],
        "chunks": [json.dumps(token).encode()],
    }
    return provider.script(answer) + "/oauth2/token"


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_8_an_exchange_is_not_stored_and_replays_without_a_network(project, client):
    with fakeprovider.running() as provider:
        there = (provider.url, client, exchange_at(provider), "2")
        recorded = result(run_program(_EXCHANGE, project, *there))
        assert provider.billed() == 3
    assert (recorded["verdict"], recorded["token"]) == ("RECORDED", LIVE_TOKEN)
    assert recorded["counts"] == {"exchanged": 1, "recorded": 2}
    assert holding(project, *OF_EXCHANGE) == []

    # The provider has ended: what is not answered here fails.
    replayed = result(run_program(_EXCHANGE, project, *there, ONETAKE_MODE="replay"))

    assert replayed["seen"] == recorded["seen"]
    assert (replayed["verdict"], replayed["token"]) == ("HIT", "onetake-synthetic-token")
    assert replayed["counts"] == {"local": 1, "replayed": 2}
    assert replayed["expires"] > 60


@pytest.mark.parametrize("client", ["httpx", "requests", "aiohttp"])
def test_8_a_synthetic_token_never_goes_live(provider, project, client):
    there = (provider.url, client, exchange_at(provider))
    recorded = result(run_program(_EXCHANGE, project, *there, "1"))
    provider.reset()

    replayed = result(run_program(_EXCHANGE, project, *there, "1"))
    missed = result(run_program(_EXCHANGE, project, *there, "2"))

    assert replayed["seen"] == recorded["seen"]
    assert provider.billed() == 0
    assert missed["verdict"] == "MISS"
    assert "/v1/chat/completions" in missed["miss"]
    assert "ONETAKE_CREDENTIAL_EXCHANGE=live" in missed["miss"]


def test_8_with_a_live_exchange_new_calls_are_recorded(provider, project):
    there = (provider.url, "httpx", exchange_at(provider))
    result(run_program(_EXCHANGE, project, *there, "1"))
    provider.reset()

    live = {"ONETAKE_CREDENTIAL_EXCHANGE": "live"}
    recorded = result(run_program(_EXCHANGE, project, *there, "2", **live))
    assert provider.billed() == 2  # the exchange and the new call
    assert (recorded["token"], recorded["verdict"]) == (LIVE_TOKEN, "PARTIAL")
    assert holding(project, *OF_EXCHANGE) == []

    replayed = result(run_program(_EXCHANGE, project, *there, "2", ONETAKE_MODE="replay", **live))
    assert replayed["seen"] == recorded["seen"]
    assert (replayed["verdict"], provider.billed()) == ("HIT", 2)


def test_8_a_token_kept_by_a_client_never_goes_live_from_another_cassette(provider, project):
    program = """
        import json, sys, httpx, onetake
        url, exchange = sys.argv[1:]
        form = {"grant_type": "client_credentials", "client_id": "c", "client_secret": "s"}
        kept = {}
        def call(name, text):
            with onetake.use_cassette(name):
                if not kept:
                    kept.update(httpx.post(exchange, data=form).json())
                line = {"authorization": "Bearer " + kept["access_token"]}
                return httpx.post(url + "/echo", headers=line, json=[text]).status_code
        seen = []
        for name in json.loads(sys.argv[3]) if len(sys.argv) > 3 else ["one"]:
            try:
                seen.append(call(name, name))
            except onetake.MissError as error:
                seen.append("ONETAKE_CREDENTIAL_EXCHANGE=live" in str(error))
        print(json.dumps(seen))
    """.replace("url, exchange = sys.argv[1:]", "url, exchange = sys.argv[1:3]")
    there = (provider.url, exchange_at(provider))
    assert result(run_program(program, project, *there)) == [200]
    provider.reset()

    assert result(run_program(program, project, *there, '["one", "two"]')) == [200, True]
    assert provider.billed() == 0


# Scenario 9: keys.

GOOD, BAD = "sk-good-0123456789abcdef", "sk-bad-0123456789abcdef"
_BY_KEY = {
    "bearer": """return [Ask(method="POST", url=url + "/v1/chat/completions",
            headers=(("authorization", "Bearer " + key),),
            json={"model": "m", "messages": [{"role": "user", "content": "hello"}]})""",
    "x-api-key": """return [Ask(method="POST", url=url + "/v1/messages",
            headers=(("x-api-key", key),),
            json={"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})""",
    "x-goog-api-key": """return [Ask(method="POST", url=url + "/v1beta/models/g:generateContent",
            headers=(("x-goog-api-key", key),),
            json={"contents": [{"parts": [{"text": "hello"}]}]})""",
    "query": """return [Ask(method="POST",
            url=url + "/v1beta/models/g:generateContent?alt=json&key=" + key,
            json={"contents": [{"parts": [{"text": "hello"}]}]})""",
}


def asks(way: str, *keys: str) -> str:
    return f"{_BY_KEY[way]} for key in {keys!r}]"


@pytest.mark.parametrize("way", _BY_KEY)
@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_9_a_bad_key_never_gets_a_good_keys_answer(provider, project, client, way):
    found = twice(provider, project, client, asks(way, GOOD, BAD, GOOD))

    assert statuses(found) == [200, 401, 200]
    assert found.is_faithful()
    assert found.recorded.billed == 3
    assert holding(project, GOOD, BAD) == []


@pytest.mark.parametrize("way", _BY_KEY)
def test_9_the_order_of_later_calls_does_not_mix_keys(provider, project, way):
    body = f"keys = [{GOOD!r}, {BAD!r}, {GOOD!r}, {BAD!r}]\n        "
    body += "order = [0, 1, 0, 1] if n == 1 else [0, 0, 1, 1]\n        "
    body += f"{_BY_KEY[way]} for key in map(keys.__getitem__, order)]"
    recorded = run(provider, project, "httpx", body)
    replayed = run(provider, project, "httpx", body, ONETAKE_MODE="replay", ROUND="2")

    assert [seen["status"] for seen in recorded.seen] == [200, 401, 200, 401]
    assert [seen["status"] for seen in replayed.seen] == [200, 200, 401, 401]
    assert replayed.billed == 0


@pytest.mark.parametrize("way", _BY_KEY)
def test_9_with_digests_a_bad_key_alone_is_a_miss(provider, project, way):
    digests = {"ONETAKE_CREDENTIAL": "digest", "ONETAKE_KEY": "a secret of the team"}
    run(provider, project, "httpx", asks(way, GOOD), **digests)
    replay = {"ONETAKE_MODE": "replay", **digests}

    again = run(provider, project, "httpx", asks(way, GOOD), **replay)
    assert (again.verdict, again.billed) == ("HIT", 0)
    with pytest.raises(AssertionError, match="MissError"):
        run(provider, project, "httpx", asks(way, BAD), **replay)
    assert provider.billed() == 1
    assert holding(project, GOOD, BAD, digests["ONETAKE_KEY"]) == []


def test_9_dummy_keys_replay(provider, project):
    recorded = run(provider, project, "httpx", asks("bearer", GOOD, BAD))
    replayed = run(
        provider, project, "httpx", asks("bearer", "dummy", "fake"), ONETAKE_MODE="replay"
    )

    assert replayed.seen == recorded.seen
    assert replayed.verdict == "HIT"


@pytest.mark.parametrize("client", EVERY_CLIENT)
@pytest.mark.parametrize("where", ["header", "query"])
def test_9_a_place_of_credentials_that_a_rule_names_is_one(provider, project, client, where):
    (project / "onetake.toml").write_text(
        '[[rules]]\nhost = "127.0.0.1"\ncredential = ["header.x-gateway", "query.gw"]\n'
    )
    answers = [{"status": status, "chunks": [b"{}"]} for status in (200, 401, 200)]
    url = provider.script({"sequence": answers})
    keys = (GOOD, BAD, GOOD)
    if where == "header":
        asks = [f'Ask(url={url!r}, headers=(("x-gateway", "{key}"),))' for key in keys]
    else:
        asks = [f'Ask(url="{url}?gw={key}")' for key in keys]

    found = twice(provider, project, client, f"return [{', '.join(asks)}]")

    assert statuses(found) == [200, 401, 200]
    assert found.is_faithful()
    assert [one["request"].get("credential", 0) for one in found.interactions] == [0, 1, 0]
    assert holding(project, GOOD, BAD) == []


# Telemetry.

_SPANS = """
    import httpx
    import os

    def export():
        return httpx.post(
            os.environ["PROVIDER_URL"] + "/v1/traces",
            headers={"content-type": "application/x-protobuf"}, content=b"a span")
"""
_TESTS = """
    import pytest
    from calls import ask
    from spans import export

    @pytest.mark.onetake
    def test_traced():
        ask("hello")
        answer = export()
        assert (answer.status_code, answer.content) == (EXPECTED, CONTENT), answer
        assert answer.headers["content-type"] == "application/x-protobuf"
"""


@pytest.fixture
def suite(tmp_path: Path, provider: fakeprovider.Provider) -> Suite:
    suite = new_suite(tmp_path, provider.url)
    suite.write("spans.py", _SPANS)
    suite.write("test_a.py", _TESTS.replace("EXPECTED", "200").replace("CONTENT", "b''"))
    return suite


@pytest.mark.parametrize("mode", ["auto", "once", "record", "replay"])
def test_telemetry_of_a_test_is_answered_here_and_never_stored(suite, provider, mode):
    assert suite.run().outcomes == {"passed": 1}
    provider.reset()

    done = suite.run("-v", f"--onetake-mode={mode}")

    assert done.outcomes == {"passed": 1}, done.output
    assert provider.counts() == ({"POST /echo": 1} if mode == "record" else {})
    assert suite.cassettes() == ["cassettes/test_a/test_traced.json"]
    assert holding(suite.root / "cassettes", "v1/traces", "a span") == []


def test_telemetry_of_a_test_can_be_recorded(suite, provider):
    suite.write(
        "test_a.py",
        """
        import pytest
        from spans import export

        @pytest.mark.onetake(telemetry="record")
        def test_traced():
            assert export().status_code == 404  # the answer of the provider here
        """,
    )

    assert suite.run().outcomes == {"passed": 1}
    assert suite.run("--onetake-mode=replay").outcomes == {"passed": 1}
    assert provider.counts() == {"POST /v1/traces": 1}
    assert holding(suite.root / "cassettes", "v1/traces") != []


def test_telemetry_of_a_test_can_go_live(suite, provider):
    assert suite.run(ONETAKE_TELEMETRY="live").outcomes == {"failed": 1}  # it got the real answer
    assert provider.counts() == {"POST /echo": 1, "POST /v1/traces": 1}


def test_a_rule_says_what_is_telemetry(suite, provider):
    suite.write(
        "onetake.toml",
        """
        [[rules]]
        path = "/collect"
        class = "telemetry"
        """,
    )
    suite.write(
        "test_a.py",
        """
        import os
        import httpx
        import pytest

        @pytest.mark.onetake
        def test_collected():
            answer = httpx.post(os.environ["PROVIDER_URL"] + "/collect", json={"event": "x"})
            assert (answer.status_code, answer.json()) == (200, {})
        """,
    )

    assert suite.run().outcomes == {"passed": 1}
    assert provider.billed() == 0
    assert suite.cassettes() == []


_OUTSIDE = """
    import json, sys, onetake
    from tests.support.clients import Ask, observe
    spans = Ask(method="POST", url=sys.argv[1] + "/v1/traces", content=b"a span",
                headers=(("content-type", "application/x-protobuf"),))
    with onetake.use_cassette("main") as cassette:
        seen = observe(sys.argv[2], spans)
    print(json.dumps([seen["status"], cassette.verdict, len(cassette.interactions)]))
"""


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_telemetry_of_a_program_passes_and_is_not_stored(provider, project, client):
    status, _, held = result(run_program(_OUTSIDE, project, provider.url, client))

    assert (status, held) == (404, 0)  # the provider's own answer
    assert provider.billed() == 1

    replay = {"ONETAKE_MODE": "replay"}
    status, verdict, _ = result(run_program(_OUTSIDE, project, provider.url, client, **replay))
    assert (status, verdict) == (200, "NO_TRAFFIC")
    assert provider.billed() == 1


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_telemetry_of_a_program_can_be_recorded(provider, project, client):
    record = {"ONETAKE_TELEMETRY": "record"}
    recorded = result(run_program(_OUTSIDE, project, provider.url, client, **record))
    replayed = result(
        run_program(_OUTSIDE, project, provider.url, client, ONETAKE_MODE="replay", **record)
    )

    assert recorded == [404, "RECORDED", 1]
    assert replayed == [404, "HIT", 1]
    assert provider.billed() == 1


@pytest.mark.parametrize("days", [("-400", "-399"), ("0", "1"), ("0", "30")])
def test_7_a_presigned_url_replays_whatever_the_clocks(provider, project, days):
    file = provider.script({"status": 200, "headers": [], "chunks": [b"the report"]})
    there = (_PRESIGNED, project, provider.url, file)
    for loose in ({}, {"ONETAKE_VOLATILE": "uuid"}):
        runs = [result(run_program(*there, **aws(project, DAYS=day, **loose))) for day in days]
        assert [one[0] for one in runs] == ["the report"] * 2
        assert runs[1][1] == "HIT"
    assert provider.billed() == 1


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_8_with_digests_a_token_of_an_exchange_is_no_principal(provider, project, client):
    digests = {"ONETAKE_CREDENTIAL": "digest", "ONETAKE_KEY": "a secret of the team"}
    there = (provider.url, client, exchange_at(provider), "2")
    recorded = result(run_program(_EXCHANGE, project, *there, **digests))
    replayed = result(run_program(_EXCHANGE, project, *there, ONETAKE_MODE="replay", **digests))

    assert replayed["seen"] == recorded["seen"]
    assert replayed["verdict"] == "HIT"
    assert holding(project, *OF_EXCHANGE) == []


def test_8_a_token_that_was_renewed_meanwhile_is_the_same_principal(provider, project):
    tokens = [json.dumps({"access_token": f"opaque-{n}-0123456789"}).encode() for n in range(2)]
    answers = [{"status": 200, "headers": [], "chunks": [token]} for token in tokens]
    login = provider.script({"sequence": answers})
    program = """
        import json, sys, httpx, onetake
        url, login = sys.argv[1:]
        seen = []
        with onetake.use_cassette("main") as cassette:
            for n in range(2):
                got = httpx.post(login, data={"grant_type": "client_credentials"}).json()
                line = {"authorization": "Bearer " + got["access_token"]}
                seen.append(httpx.post(url + "/echo", headers=line, json=[n]).status_code)
        print(json.dumps([seen, cassette.verdict]))
    """
    for path in ("/oauth/token", "/login"):  # an exchange, and an ordinary call that gives a token
        there = (project, provider.url, login + path)
        assert result(run_program(program, *there)) == [[200, 200], "RECORDED"]
        replay = result(run_program(program, *there, ONETAKE_MODE="replay"))
        assert replay == [[200, 200], "HIT"]
        (project / "cassettes" / "main.json").unlink()
        provider.reset()
