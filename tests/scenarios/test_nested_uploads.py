"""Uploads within uploads: no boundary counts at any depth, headers of parts and names of files do."""

from __future__ import annotations

import json
from itertools import takewhile
from textwrap import dedent

import pytest

from tests.support.clients import CLIENTS
from tests.support.runs import result, run_program

REPLAY = {"ONETAKE_MODE": "replay", "ROUND": "2"}

# `say` is what a run says, `miss` what differs where it is refused.
FRAME = """
    import json, os, sys, uuid, onetake
    url, round_number = sys.argv[1] + "/echo", int(os.environ.get("ROUND", "1"))
    text = os.environ.get("TEXT", "one")
    {source}
    counts, miss = {{}}, ""
    try:
        with onetake.use_cassette("main") as cassette:
            ask()
    except onetake.MissError as error:
        miss = str(error)
    print(json.dumps([cassette.counts, miss]))
"""

AIOHTTP = """
    import aiohttp, asyncio
    async def send():
        with aiohttp.MultipartWriter("mixed") as outer, aiohttp.MultipartWriter("related") as inner:
            inner.append_json({"text": text})
            inner.append("plain", {"X-Note": "note"})
            outer.append(inner)
            outer.append("last")
            async with aiohttp.ClientSession() as session:
                async with session.post(url, data=outer) as answer:
                    await answer.read()
    def ask():
        asyncio.run(send())
"""

EMAIL = """
    from email.mime.multipart import MIMEMultipart
    from email.mime.text import MIMEText
    import httpx
    def ask():
        mail = MIMEMultipart("mixed")
        mail["Subject"], mail["To"] = "report", "a@example.test"
        mail.attach(MIMEText(text, "plain", "us-ascii"))
        mail.attach(MIMEText("<p>x</p>", "html", "us-ascii"))
        httpx.post(url, content=mail.as_bytes(), headers={"content-type": "message/rfc822"})
"""

FORWARDED = """
    from email.mime.message import MIMEMessage
    from email.mime.multipart import MIMEMultipart
    from email.mime.text import MIMEText
    import requests
    def ask():
        mail, outer = MIMEMultipart("alternative"), MIMEMultipart("related")
        mail.attach(MIMEText(text, "plain", "us-ascii"))
        outer.attach(MIMEMessage(mail))
        data = outer.as_bytes().partition(b"\\n\\n")[2]
        boundary = outer.get_boundary()
        requests.post(url, data=data, headers={"content-type": f'multipart/related; boundary="{boundary}"'})
"""

CHANGESET = """
    import httpx
    def ask():
        batch, changes = f"batch_{uuid.uuid4()}", f"changeset_{uuid.uuid4()}"
        body = json.dumps({"name": text}, separators=((",", ":"), (", ", ": "))[round_number % 2])
        lines = [
            f"--{batch}", f"Content-Type: multipart/mixed; boundary={changes}", "",
            f"--{changes}", "Content-Type: application/http", "Content-Transfer-Encoding: binary",
            "Content-ID: 1", "",
            "POST /api/data/v9.2/accounts HTTP/1.1",
            "Content-Type: application/json", "", body,
            f"--{changes}--", "", f"--{batch}--", "",
        ]
        httpx.post(url, content="\\r\\n".join(lines).encode(),
                   headers={"content-type": f"multipart/mixed; boundary={batch}"})
"""

GOOGLE = """
    import httpx
    def ask():
        batch, base = uuid.uuid4().hex, uuid.uuid4()
        parts = []
        for number in range(2):
            parts += [f"--{batch}", "Content-Type: application/http", "MIME-Version: 1.0",
                      f"Content-ID: <{base} + {number + 1}>", "",
                      f"POST /calendar/v3/events?n={number} HTTP/1.1", "Content-Type: application/json",
                      "accept: application/json", "", json.dumps({"summary": text}), ""]
        httpx.post(url, content="\\r\\n".join([*parts, f"--{batch}--", ""]).encode(),
                   headers={"content-type": f'multipart/mixed; boundary="{batch}"'})
"""

# What differs where the text does.
PATHS = {
    "aiohttp": (AIOHTTP, 'part["0"].content["0"].content.text'),
    "email": (EMAIL, 'body.content["0"].content'),
    "forwarded": (FORWARDED, 'part["0"].content.content["0"].content'),
    "changeset": (CHANGESET, 'part["0"].content["0"].content.content.name'),
    "google": (GOOGLE, 'part["0"].content.content.summary'),
}


def go(source, project, provider, **extra):
    return result(run_program(FRAME.format(source=source.strip()), project, provider.url, **extra))


def paths_of(miss):
    """The paths that a miss names: the lines below its heading that stand two blanks in."""
    lines = takewhile(
        lambda line: line.startswith("  "), miss.split("What differs:\n")[1].splitlines()
    )
    return [line.split("  (")[0].strip() for line in lines if line[2] != " "]


@pytest.mark.parametrize("name", sorted(set(PATHS) - {"google"}))
def test_inner_boundaries_are_no_part_of_identity(provider, project, name):
    source, _ = PATHS[name]

    assert go(source, project, provider) == [{"recorded": 1}, ""]
    assert go(source, project, provider, **REPLAY) == [{"replayed": 1}, ""]
    assert provider.billed() == 1


@pytest.mark.parametrize("name", PATHS)
def test_a_miss_names_the_path_within_the_inner_part(provider, project, name):
    source, path = PATHS[name]
    go(source, project, provider)

    _, miss = go(source, project, provider, TEXT="two", **REPLAY)

    assert path in paths_of(miss), miss
    assert all(one == path or one.endswith(("content-id", "summary")) for one in paths_of(miss))
    assert provider.billed() == 1


def test_content_ids_of_a_batch_are_forgiven_and_named(provider, project):
    assert go(GOOGLE, project, provider) == [{"recorded": 1}, ""]

    counts, miss = go(GOOGLE, project, provider, **REPLAY)

    assert (counts, miss) == ({"loose": 1, "replayed": 1}, "")
    assert provider.billed() == 1


@pytest.mark.parametrize("path", ['part["0"].header.content-id', "part.*.header.content-id"])
def test_a_rule_may_name_a_header_of_a_part(provider, project, path):
    rules = json.dumps([{"ignore": [path, 'part["1"].header.content-id']}])
    go(GOOGLE, project, provider, ONETAKE_RULES=rules)

    assert go(GOOGLE, project, provider, ONETAKE_RULES=rules, **REPLAY) == [{"replayed": 1}, ""]


def test_without_a_second_look_a_miss_gives_the_rule_for_the_headers_of_parts(provider, project):
    never = "[[rules]]\nvolatile = []\n"
    (project / "onetake.toml").write_text(never)
    go(GOOGLE, project, provider)

    _, miss = go(GOOGLE, project, provider, **REPLAY)

    assert paths_of(miss) == ['part["0"].header.content-id', 'part["1"].header.content-id'], miss
    rule = miss.split("(in onetake.toml):\n")[1].split("If the change")[0]
    (project / "onetake.toml").write_text(never + dedent(rule))
    assert go(GOOGLE, project, provider, **REPLAY) == [{"replayed": 1}, ""]


UPLOAD = """
    from tests.support.clients import Ask, observe
    def ask():
        name = f"/tmp/checkout-{{round_number}}/data/{file}"
        observe("{client}", Ask(method="POST", url=url, files=(("file", name, text.encode()),)))
"""


@pytest.mark.parametrize("client", sorted(set(CLIENTS) - {"urllib"}))
def test_of_a_file_s_path_only_its_name_counts(provider, project, client):
    source = UPLOAD.format(client=client, file="a.pdf")

    assert go(source, project, provider) == [{"recorded": 1}, ""]
    assert go(source, project, provider, **REPLAY) == [{"replayed": 1}, ""]


LITELLM = """
    import httpx, pathlib, tempfile
    def ask():
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, os.environ.get("FILE", "batch.jsonl"))
            path.write_text('{"custom_id": "a"}\\n')
            with path.open("rb") as file:  # the whole path is sent, as litellm does
                httpx.post(url, files={"file": (file.name, file)}, data={"purpose": "batch"})
"""


def test_an_open_file_of_another_folder_is_the_same_upload(provider, project):
    assert go(LITELLM, project, provider) == [{"recorded": 1}, ""]
    assert go(LITELLM, project, provider, **REPLAY) == [{"replayed": 1}, ""]

    _, miss = go(LITELLM, project, provider, FILE="other.jsonl", **REPLAY)

    differences = miss.partition("What differs:")[2]
    assert "part.file.filename" in differences
    assert "other.jsonl" in differences
    assert "/tmp" not in differences
    assert provider.billed() == 1
