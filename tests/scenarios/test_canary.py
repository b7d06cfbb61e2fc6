"""Nothing secret is written: some sixty secrets go through every place, and none is found anywhere after."""

from __future__ import annotations

import base64
import json
import random
import re
import string
from pathlib import Path
from urllib.parse import quote

import pytest

import fakeprovider
from tests.plugin.suite import Run, new_suite
from tests.support.runs import run_program
from tests.support.valkey import Valkey

LETTERS = string.ascii_letters + string.digits
_dice = random.Random(6)


def some(size: int, alphabet: str = LETTERS) -> str:
    """Random letters; the last ones see to it that each sort is among them."""
    return "".join(_dice.choices(alphabet, k=size - 3)) + "".join(
        (alphabet[0], alphabet[len(alphabet) // 2], alphabet[-1])
    )


def jwt() -> str:
    parts = {"alg": "HS256", "typ": "JWT"}, {"sub": some(12), "exp": 4_000_000_000}
    coded = (base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in parts)
    return ".".join([*(one.decode() for one in coded), some(43)])


def pem() -> str:
    lines = "\n".join(some(64) for _ in range(3))
    return f"-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n"


SHAPES = {
    **{
        f"shape-{prefix}": prefix + some(size)
        for prefix, size in {
            "sk-": 48,
            "sk-proj-": 64,
            "sk-ant-api03-": 93,
            "sk-or-v1-": 64,
            "xai-": 80,
            "gsk_": 52,
            "hf_": 34,
            "r8_": 37,
            "pplx-": 48,
            "nvapi-": 64,
            "AIza": 35,
            "ya29.": 60,
            "GOCSPX-": 28,
            "ghp_": 36,
            "gho_": 36,
            "ghs_": 36,
            "github_pat_": 82,
            "glpat-": 20,
            "npm_": 36,
            "sk_live_": 24,
            "rk_live_": 24,
            "sk_test_": 24,
            "whsec_": 32,
            "tvly-": 32,
        }.items()
    },
    "shape-akia": "AKIA" + some(16, string.ascii_uppercase + "234567"),
    "shape-asia": "ASIA" + some(16, string.ascii_uppercase + "234567"),
    "shape-xoxb": f"xoxb-{some(12, string.digits)}-{some(24)}",
    "shape-xoxp": f"xoxp-{some(12, string.digits)}-{some(32)}",
    "shape-sendgrid": f"SG.{some(22)}.{some(43)}",
    "shape-jwt": jwt(),
    "shape-pem": pem(),
}
NAMES = {
    name: f"{some(10)}{some(14)}"
    for name in (
        *("bearer", "api-key", "goog-key", "auth-token", "cookie", "userinfo", "query-token"),
        *("query-key", "query-sig", "json-password", "json-secret", "json-deep", "form-password"),
        *("part-password", "answer-token", "answer-cookie", "answer-location", "answer-sse"),
    )
}
VALUES = {
    "MY_SERVICE_KEY": some(24),
    "DB_PASSWORD": "p@ss/w+rd=" + some(10),
    "SOME_SECRET": some(9),
    "DEPLOY_TOKEN": f"tok {some(20)}",
    "STORE_CREDENTIALS": some(40),
    "BILLING_APIKEY": some(32),
    "DATABASE_URL": f"postgres://app:{some(20)}@db.internal/x",
}
OF_URL = VALUES["DATABASE_URL"][len("postgres://app:") : -len("@db.internal/x")]
_PARTS = [*SHAPES["shape-pem"].split("\n")[1:-2], *SHAPES["shape-jwt"].split(".")[1:]]
EVERY = [*SHAPES.values(), *_PARTS, *NAMES.values(), *list(VALUES.values())[:-1], OF_URL]

# What programs do, once with each client: every place has some of the secrets.
PROGRAM = r'''
import base64, gzip, json, logging, os
from pathlib import Path
from urllib.parse import quote
import pytest
import onetake
from tests.support.clients import Ask, observe

S = json.loads(Path(os.environ["CANARIES"]).read_text())
FAILING = bool(os.environ.get("FAILING"))
URL = os.environ["PROVIDER_URL"]
GOT = os.environ.get("GOT")  # a file for what a replay gives to programs
log = logging.getLogger("onetake")
log.setLevel(logging.DEBUG)
log.addHandler(logging.FileHandler("onetake.log"))
shapes = sorted(name for name in S if name.startswith("shape-"))
values = [os.environ[name] for name in S["env"]]
plain = [S[name] for name in shapes if name != "shape-pem"]


def q(text):
    return quote(text, safe="")


def sent(client, ask):
    seen = observe(client, ask)
    if GOT:
        chunks = [bytes.fromhex(one) for one in seen["chunks"]]
        with open(GOT, "ab") as file:
            file.write(repr((seen["headers"], seen["error"])).encode() + b"".join(chunks) + b"\n")
            if ask.url.endswith("/pieces"):
                events = b"".join(chunks).split(b"\n\n")
                said = [json.loads(one[6:])["choices"][0]["delta"]["content"] for one in events if one]
                file.write("".join(said).encode() + b"\n")
    return seen


def through(client):
    """Every place of a request, and of its answer, which echoes it."""
    named = (("Authorization", "Bearer " + S["bearer"]), ("X-Api-Key", S["api-key"]),
             ("x-goog-api-key", S["goog-key"]), ("X-Auth-Token", S["auth-token"]),
             ("Cookie", "sid=" + S["cookie"]))
    odd = tuple(("X-Odd-%d" % i, text) for i, text in enumerate(plain))
    odd += tuple(("X-Env-%d" % i, text) for i, text in enumerate(values))
    query = "&".join("q%d=%s" % (i, q(text)) for i, text in enumerate([*plain, *values]))
    named_query = "token=%s&key=%s&sig=%s" % (q(S["query-token"]), q(S["query-key"]), q(S["query-sig"]))
    seen = [sent(client, Ask(url=URL + "/echo?" + query + "&" + named_query, headers=named + odd))]
    segments = "/".join(q(text) for text in [*plain, *values])
    seen.append(sent(client, Ask(url=URL + "/scripted/segments/" + segments)))
    prompt = "use " + " and ".join([*S["every-shape"], *values]) + " please"
    coded = [base64.b64encode(b"x" * n + text.encode()).decode() for text in values for n in range(3)]
    body = {"model": "m", "messages": [{"role": "user", "content": prompt}],
            "password": S["json-password"], "auth": {"client_secret": S["json-secret"],
            "a": [{"refresh_token": S["json-deep"]}]}, "coded": coded, "quoted": [q(text) for text in values]}
    seen.append(sent(client, Ask(method="POST", url=URL + "/echo", json=body, headers=named)))
    seen.append(sent(client, Ask(url=URL.replace("//", "//user:%s@" % S["userinfo"]) + "/echo")))
    text = Ask(method="POST", url=URL + "/echo", content=prompt.encode(),
               headers=(("content-type", "text/plain"),))
    seen.append(sent(client, text))
    form = tuple(("f%d" % i, text) for i, text in enumerate([*plain, *values]))
    seen.append(sent(client, Ask(method="POST", url=URL + "/echo",
                                 form=(*form, ("password", S["form-password"])))))
    packed = gzip.compress(" ".join(S["every-shape"]).encode())  # values: they must be the same to be met
    files = (("kept", "log.gz", packed), ("log", "log.txt", prompt.encode()))
    seen.append(sent(client, Ask(method="POST", url=URL + "/echo", files=files)))
    b = "bound"
    parts = [("p%d" % i, text) for i, text in enumerate([*plain, *values])] + [("password", S["part-password"])]
    content = "".join('--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (b, name, text)
                      for name, text in parts) + "--%s--\r\n" % b
    seen.append(sent(client, Ask(method="POST", url=URL + "/echo", content=content.encode(),
                                 headers=(("content-type", "multipart/form-data; boundary=" + b),))))
    seen.append(sent(client, Ask(url=URL + "/scripted/answers")))
    seen.append(sent(client, Ask(url=URL + "/scripted/events")))
    seen.append(sent(client, Ask(url=URL + "/scripted/pieces")))
    refused = "http://127.0.0.1:9/" + segments + "?token=" + q(S["query-token"])
    seen.append(sent(client, Ask(url=refused)))
    return seen


def chat():
    import openai
    with openai.OpenAI(api_key=S["shape-sk-"], base_url=URL + "/v1", max_retries=0) as client:
        for stream in (False, True):
            got = client.chat.completions.create(model="gpt-4o-mini", stream=stream, messages=[
                {"role": "user", "content": "my keys: " + " ".join([*plain, *values])}])
            list(got) if stream else got


@pytest.mark.onetake
@pytest.mark.parametrize("client", ["httpx", "httpx-async", "requests", "aiohttp", "urllib"])
def test_passes(client):
    through(client)


@pytest.mark.onetake
def test_sdk():
    chat()


@pytest.mark.parametrize("store", ["sqlite", "redis", "objects", "down"])
def test_shared(store, recorder_of):
    with recorder_of(store).use_cassette("shared"):
        through("httpx")


@pytest.fixture
def recorder_of():
    return lambda name: onetake.Recorder(store=os.environ["STORE_" + name.upper()])


@pytest.mark.onetake
def test_fails():
    through("httpx")
    assert not FAILING


@pytest.mark.onetake
def test_misses():
    more = os.environ.get("MISSING", "")
    prompt = {"prompt": "%s %s" % (more, " ".join([*plain, *values])), "password": S["json-password"]}
    url = URL + "/echo?token=" + q(S["query-token"]) + "&n=" + plain[0]
    sent("httpx", Ask(method="POST", url=url, json=prompt))
'''

COMMANDS = """
    import sys
    from click.testing import CliRunner
    from onetake.cli import main
    for words in (["ls"], ["ls", "--json"], ["explain"], ["explain", "--json"],
                  ["explain", "test_misses"], ["stats"], ["promote"], ["promote", "--json"],
                  ["doctor"], ["receipt"], ["receipt", "--json"], ["receipt", "--markdown"],
                  ["report", "merge", "first.json"], ["report", "merge", "first.json", "-o", "merged.json"],
                  ["prune", "--orphans", "--json"], ["show", "test_canary/test_passes[httpx]"],
                  ["show", "test_canary/test_passes[httpx]", "--json"],
                  ["show", "test_canary/test_passes[httpx]", "3"],
                  ["diff", "test_canary/test_passes[httpx]", "test_canary/test_passes[requests]"],
                  ["diff", "test_canary/test_passes[httpx]", "test_canary/test_misses", "--json"]):
        done = CliRunner().invoke(main, words)
        print(words, "exit", done.exit_code, done.output)
"""


def forms(secret: str) -> dict[str, bytes]:
    """The spellings in which a secret would be one: raw, in URLs, in JSON, in base64 wherever it begins."""
    raw = secret.encode()
    found = {"raw": raw, "quoted": quote(secret, safe="").encode()}
    found["json"] = json.dumps(secret)[1:-1].encode()
    for before in range(3):
        core = base64.b64encode(b"\0" * before + raw)
        core = core[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        found[f"base64+{before}"] = core
        found[f"base64url+{before}"] = core.replace(b"+", b"-").replace(b"/", b"_")
    return found


def leaks(where: dict[str, bytes], *, secrets: list[str]) -> list[str]:
    names = {secret: name for name, secret in {**SHAPES, **NAMES, **VALUES}.items()}
    return sorted(
        f"{place}: {names.get(secret, 'url')} {form}"
        for secret in secrets
        for form, spelling in forms(secret).items()
        for place, data in where.items()
        if spelling in data
    )


def written(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def scripts(provider: fakeprovider.Provider) -> None:
    provider.script({"id": "segments", "chunks": [b'{"ok":true}']})
    answer = {
        "access_token": SHAPES["shape-jwt"],
        "refresh_token": NAMES["answer-token"],
        "text": " ".join([*SHAPES.values(), *VALUES.values()]),
    }
    headers = [
        ["content-type", "application/json"],
        ["set-cookie", f"sid={NAMES['answer-cookie']}; Path=/"],
        ["x-next", f"/cb?access_token={NAMES['answer-location']}"],
        ["link", f"</cb?access_token={NAMES['answer-location']}>; rel=next"],
        ["x-key", SHAPES["shape-ghp_"]],
    ]
    headers = [line for line in headers if line[0] != "x-next"]
    body = json.dumps(answer).encode()
    provider.script({"id": "answers", "headers": headers, "chunks": [body[:100], body[100:]]})
    events = [
        {"access_token": NAMES["answer-sse"]},
        *({"delta": text} for text in [*SHAPES.values(), *VALUES.values()]),
    ]
    said = " and ".join([*SHAPES.values(), *VALUES.values()]).replace("\n", " ")
    pieces = [
        {"choices": [{"index": 0, "delta": {"content": said[at : at + 3]}}]}
        for at in range(0, len(said), 3)
    ]
    chunks = [f"data: {json.dumps(one)}\n\n".encode() for one in pieces]
    sse = [["content-type", "text/event-stream"]]
    provider.script({"id": "pieces", "headers": sse, "chunks": chunks, "framing": "chunked"})
    chunks = [f"data: {json.dumps(one)}\n\n".encode() for one in events]
    provider.script(
        {
            "id": "events",
            "headers": sse,
            "chunks": [*chunks, b"data: [DONE]\n\n"],
            "framing": "chunked",
        }
    )


@pytest.fixture(scope="module")
def valkey() -> Valkey:
    server = Valkey(password=some(20), is_persistent=True)
    server.start()
    yield server
    server.kill()


def test_no_secret_is_written_in_any_form_and_every_call_replays(
    provider: fakeprovider.Provider, tmp_path: Path, valkey: Valkey
) -> None:
    scripts(provider)
    project, beside = tmp_path / "project", tmp_path / "beside"
    project.mkdir()
    beside.mkdir()
    canaries = {**SHAPES, **NAMES, "env": list(VALUES), "every-shape": list(SHAPES.values())}
    (beside / "canaries.json").write_text(json.dumps(canaries))
    suite = new_suite(project, provider.url)
    suite.write("test_canary.py", PROGRAM)
    suite.write("pyproject.toml", "[tool.onetake]\n")
    fixed = {
        "CANARIES": str(beside / "canaries.json"),
        "STORE_SQLITE": f"sqlite:{project}/store.sqlite",
        "STORE_REDIS": f"{valkey.url}/0",
        "STORE_OBJECTS": f"file://{project}/objects",
        "STORE_DOWN": f"redis://user:{NAMES['userinfo']}@127.0.0.1:9/0",
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(project / "summary.md"),
    }
    outputs: dict[str, bytes] = {}

    def run(name: str, *words: str, **extra: str) -> Run:
        report = f"--onetake-report={project}/{name}.json"
        junit = f"--junit-xml={project}/{name}.xml"
        words = ("-v", "--tb=long", "--onetake-fail-on=leak", report, junit, *words)
        done = suite.run(*words, **{**fixed, **VALUES, **extra})
        outputs[name] = done.output.encode()
        return done

    def command(name: str) -> None:
        told = run_program(COMMANDS, project, **{**fixed, **VALUES})
        outputs[name] = (told.stdout + told.stderr).encode()
        assert told.returncode == 0, told.stderr

    planned = run("planned", "--onetake-plan")
    assert "onetake plan" in planned.output, planned.output
    failed = run("first", FAILING="1")
    assert failed.outcomes == {"passed": 11, "failed": 1}, failed.output
    assert "12 recordings kept on this machine" in failed.output, failed.output
    command("commands")
    second = run("second", MISSING="now", ONETAKE_MODE="auto")
    assert second.outcomes == {"passed": 12}, second.output

    provider.reset()
    others = {name: f"dummy-{i}-of-elsewhere" for i, name in enumerate(VALUES)}
    others["DATABASE_URL"] = (
        f"postgres://app:{'-' * 20}@db.internal/x"  # as long: base64 goes on behind it
    )
    others |= {"ONETAKE_MODE": "replay", "GOT": str(project / "got")}
    replayed = run("replayed", "-k", "not down", MISSING="now", **others)
    assert replayed.outcomes == {"passed": 11}, replayed.output
    assert provider.counts() == {}
    some = "httpx] or misses"
    missed = run("missed", ONETAKE_MODE="replay", MISSING="never")
    assert missed.outcomes == {"passed": 11, "failed": 1}, missed.output
    assert "::error" in missed.output
    command("commands after")
    run("planned after", "--onetake-plan", MISSING="never")

    # The other modes, of some of the tests.
    for mode in "record", "once", "live":
        store = f"--onetake-store=files:{mode}"
        done = run(mode, store, "-k", some, ONETAKE_MODE=mode, MISSING="then")
        assert done.outcomes["passed"] == 2, done.output

    held = {
        str(key): (client.dump(key) or b"") + repr(_value(client, key)).encode()
        for client in [valkey.client()]
        for key in client.scan_iter()
    }
    assert len(held) > 1
    where = {**written(project), **outputs, **held}
    assert len(EVERY) >= 60
    assert len(leaks({"beside": json.dumps(EVERY).encode()}, secrets=EVERY)) >= len(EVERY)
    kinds = set(re.findall(rb"REDACTED-([a-z_-]+)", b"".join(where.values())))
    assert len(kinds) > 25, kinds
    assert b"exit 2" not in outputs["commands after"] + outputs["commands"]
    assert leaks(where, secrets=EVERY) == []
    secret_of_store = valkey.url.split(":")[2].split("@")[0]
    assert [place for place, data in where.items() if secret_of_store.encode() in data] == []


def _value(client: object, key: bytes) -> object:
    kind = client.type(key)
    return {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda name: client.lrange(name, 0, -1),
        b"set": client.smembers,
        b"zset": lambda name: client.zrange(name, 0, -1),
    }.get(kind, lambda _: None)(key)
