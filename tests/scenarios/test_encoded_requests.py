"""Requests with content codings: what they say counts, not how it was compressed."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode

import pytest

from tests.support.clients import CLIENTS
from tests.support.packed import CODINGS
from tests.support.runs import result, run_program
from tests.support.twice import run, twice

REPLAY = {"ONETAKE_MODE": "replay"}
SECOND = REPLAY | {"ROUND": "2"}

PLAIN = """
    from tests.support.packed import packed
    data = b'{{"model": "m", "input": ["x", "y", 1.50]}}'
    return [Ask(method="POST", url=url + "/echo", content=packed(data, "{coding}", n),
                headers=(("content-encoding", "{coding}"), ("content-type", "application/json")))]
"""
CHANGING = """
    from tests.support.packed import packed_json
    return [Ask(method="POST", url=url + "/echo", content=packed_json("{coding}", n{fields}),
                headers=(("content-encoding", "{coding}"), ("content-type", "application/json")))]
"""


def asks(source: str, **names: str) -> str:
    """Indent the body of `asks(url, n)` as the program of `twice` needs it."""
    return (
        source.format(**({"coding": "gzip", "fields": ""} | names))
        .replace("\n    ", "\n        ")
        .strip()
    )


def recorded_requests(project):
    entries = json.loads((project / "cassettes" / "main.json").read_text())["interactions"]
    return [one["request"] for one in entries]


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_gzip_of_another_second_is_the_same_request(provider, project, client):
    body = asks(PLAIN)

    recorded = run(provider, project, client, body)
    replayed = run(provider, project, client, body, **SECOND)

    assert recorded.billed == 1
    assert (replayed.billed, replayed.verdict, replayed.counts) == (0, "HIT", {"replayed": 1})
    assert replayed.seen == recorded.seen  # the answer echoes the bytes of the first run


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("client", ["httpx", "requests", "urllib3", "aiohttp"])
def test_a_cassette_holds_readable_json_and_the_coding(provider, project, client, coding):
    body = asks(PLAIN, coding=coding)

    run(provider, project, client, body)
    replayed = run(provider, project, client, body, **SECOND)

    (request,) = recorded_requests(project)
    assert request["encoding"] == coding
    assert request["body"]["json"] == {"model": "m", "input": ["x", "y", 1.5]}
    assert f"content-encoding: {coding}" in [line.lower() for line in request["headers"]]
    assert (replayed.billed, replayed.counts) == (0, {"replayed": 1})


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("client", ["httpx-async", "requests", "aiohttp"])
def test_a_uuid_and_another_order_of_keys_are_forgiven_within(provider, project, client, coding):
    body = asks(CHANGING, coding=coding)

    run(provider, project, client, body)
    replayed = run(provider, project, client, body, **SECOND)

    assert (replayed.billed, replayed.counts) == (0, {"loose": 1, "replayed": 1})


@pytest.mark.parametrize("client", ["httpx", "requests", "aiohttp", "urllib3"])
def test_rules_reach_into_a_compressed_body(provider, project, client):
    body = asks(CHANGING, fields=", turn=n, user={'name': 'u%d' % n}")
    rules = json.dumps(
        [
            {
                "ignore": ["body.turn", "body.id"],
                "replace": {"body.user.name": {"name": "user", "pattern": r"u\d"}},
            }
        ]
    )

    run(provider, project, client, body, ONETAKE_RULES=rules)
    replayed = run(provider, project, client, body, ONETAKE_RULES=rules, **SECOND)

    assert (replayed.billed, replayed.counts) == (0, {"replayed": 1})


MISSED = """
    import json, sys, onetake
    from tests.support.clients import Ask, observe
    from tests.support.packed import packed
    client, url, coding, text = sys.argv[1:]
    data = json.dumps({{"model": "m", "messages": [{{"content": text}}]}}).encode()
    try:
        with onetake.use_cassette("main"):
            observe(client, Ask(method="POST", url=url + "/echo", content=packed(data, coding, {run}),
                    headers=(("content-encoding", coding), ("content-type", "application/json"))))
        print(json.dumps(""))
    except onetake.MissError as miss:
        print(json.dumps(str(miss)))
"""


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("client", ["httpx", "aiohttp"])
def test_a_miss_names_the_path_within_a_compressed_body(provider, project, client, coding):
    first = run_program(MISSED.format(run=1), project, client, provider.url, coding, "one")
    assert result(first) == ""

    text = result(
        run_program(MISSED.format(run=2), project, client, provider.url, coding, "two", **REPLAY)
    )

    assert "body.messages[0].content" in text
    assert '"one"' in text or "one" in text.split("body.messages[0].content")[1]
    assert "body.model" not in text
    assert provider.billed() == 1


def test_two_contents_never_share_an_answer(provider, project):
    body = """return [Ask(method="POST", url=url + "/echo", headers=(("content-encoding", "gzip"),),
            content=__import__("gzip").compress(b'{"n": %d}' % i, mtime=n)) for i in range(2)]"""

    found = twice(provider, project, "httpx", body)

    assert found.is_faithful()
    assert found.recorded.seen[0] != found.recorded.seen[1]
    assert found.recorded.billed == 2


# Clients that compress by themselves.

AIOHTTP = """
    import aiohttp, asyncio, json, os, sys, uuid, onetake
    async def main(url, run):
        value = {{"model": "m", "id": str(uuid.uuid4()), "input": "x" * 100}}
        body = dict(sorted(value.items(), reverse=bool(run % 2)))
        async with aiohttp.ClientSession() as session:
            async with session.post(url + "/echo", json=body, compress={compress}) as answer:
                return await answer.json()
    with onetake.use_cassette("main") as cassette:
        said = asyncio.run(main(sys.argv[1], int(os.environ["ROUND"])))
    print(json.dumps([cassette.counts, said["body"]]))
"""


@pytest.mark.parametrize("compress", ["True", "'deflate'", "'gzip'"])
def test_what_aiohttp_compresses_is_recognised(provider, project, compress):
    program = AIOHTTP.format(compress=compress)

    recorded, sent = result(run_program(program, project, provider.url, ROUND="1"))
    replayed, echoed = result(run_program(program, project, provider.url, **SECOND))

    assert (recorded, replayed) == ({"recorded": 1}, {"loose": 1, "replayed": 1})
    assert sent == echoed
    (request,) = recorded_requests(project)
    assert request["encoding"] == ("gzip" if "gzip" in compress else "deflate")
    assert request["body"]["json"]["model"] == "m"


HTTP_CLIENT = """
    import http.client, json, os, sys, onetake
    from tests.support.packed import packed_json
    run = int(os.environ["ROUND"])
    with onetake.use_cassette("main") as cassette:
        connection = http.client.HTTPConnection(sys.argv[1].removeprefix("http://"))
        lines = {"content-encoding": "gzip", "content-type": "application/json"}
        connection.request("POST", "/echo", packed_json("gzip", run), lines)
        status = connection.getresponse().status
        connection.close()
    print(json.dumps([status, cassette.counts]))
"""

CLOUDWATCH = """
    import json, os, sys, boto3, onetake
    from botocore.config import Config
    from tests.support.packed import let_gzip_write
    let_gzip_write(int(os.environ["ROUND"]))
    settings = Config(request_min_compression_size_bytes=100, retries={"total_max_attempts": 1})
    with onetake.use_cassette("main") as cassette:
        client = boto3.client("cloudwatch", endpoint_url=sys.argv[1], region_name="us-east-1", config=settings,
                              aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="x")
        data = [{"MetricName": f"calls-{n}", "Value": n, "Unit": "Count"} for n in range(200)]
        answer = client.put_metric_data(Namespace="tests", MetricData=data)
        client.close()
    print(json.dumps([answer["ResponseMetadata"]["HTTPStatusCode"], cassette.counts]))
"""

ELASTIC = """
    import json, os, sys, onetake
    from elastic_transport import NodeConfig, Transport
    from tests.support.packed import let_gzip_write
    let_gzip_write(int(os.environ["ROUND"]))
    host, _, port = sys.argv[1].removeprefix("http://").partition(":")
    with onetake.use_cassette("main") as cassette:
        node = NodeConfig("http", host, int(port), http_compress=True)
        transport = Transport([node], node_class=sys.argv[2], max_retries=0)
        lines = {"content-type": "application/json", "accept": "application/json"}
        body = {"query": {"match": {"title": "x" * 100}}}
        answer = transport.perform_request("POST", "/echo", body=body, headers=lines)
        transport.close()
    print(json.dumps([answer.meta.status, cassette.counts]))
"""

INFLUX = """
    import json, os, sys, onetake
    from influxdb_client import InfluxDBClient, Point
    from influxdb_client.client.write_api import SYNCHRONOUS
    from tests.support.packed import let_gzip_write
    let_gzip_write(int(os.environ["ROUND"]))
    with onetake.use_cassette("main") as cassette:
        with InfluxDBClient(sys.argv[1], token="t", org="o", enable_gzip=True) as client:
            points = [Point("calls").tag("n", str(n)).field("ms", n) for n in range(100)]
            with client.write_api(write_options=SYNCHRONOUS) as writer:
                writer.write(bucket="b", record=points)
    print(json.dumps([204, cassette.counts]))
"""


def test_what_http_client_sends_compressed_is_recognised(provider, project):
    assert result(run_program(HTTP_CLIENT, project, provider.url, ROUND="1")) == [
        200,
        {"recorded": 1},
    ]
    assert result(run_program(HTTP_CLIENT, project, provider.url, **SECOND)) == [
        200,
        {"loose": 1, "replayed": 1},
    ]


def test_metrics_that_boto3_compresses_are_recognised(provider, project):
    headers = [["content-type", "application/cbor"], ["smithy-protocol", "rpc-v2-cbor"]]
    url = provider.script({"headers": headers, "chunks": [b"\xa0"]})

    assert result(run_program(CLOUDWATCH, project, url, ROUND="1")) == [200, {"recorded": 1}]
    assert result(run_program(CLOUDWATCH, project, url, **SECOND)) == [200, {"replayed": 1}]
    (request,) = recorded_requests(project)
    assert request["encoding"] == "gzip"


@pytest.mark.parametrize("node", ["urllib3", "requests"])
def test_what_elastic_transport_compresses_is_recognised(provider, project, node):
    assert result(run_program(ELASTIC, project, provider.url, node, ROUND="1")) == [
        200,
        {"recorded": 1},
    ]
    assert result(run_program(ELASTIC, project, provider.url, node, **SECOND)) == [
        200,
        {"replayed": 1},
    ]
    (request,) = recorded_requests(project)
    assert request["body"]["json"] == {"query": {"match": {"title": "x" * 100}}}


def test_points_that_influxdb_client_compresses_are_recognised(provider, project):
    url = provider.script({"status": 204, "headers": []})

    assert result(run_program(INFLUX, project, url, ROUND="1")) == [204, {"recorded": 1}]
    assert result(run_program(INFLUX, project, url, **SECOND)) == [204, {"replayed": 1}]
    (request,) = recorded_requests(project)
    assert request["encoding"] == "gzip"
    assert "calls,n=7 ms=7i" in str(request["body"]["text"])


# What was recorded before codings were undone.


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_a_cassette_with_compressed_bodies_still_replays(provider, project, client):
    body = asks(PLAIN)
    recorded = run(provider, project, client, body)
    path = project / "cassettes" / "main.json"
    document = json.loads(path.read_text())
    (entry,) = document["interactions"]
    data = json.dumps({"input": ["x", "y", 1.50], "model": "m"}).encode().replace(b"1.5", b"1.50")
    del entry["request"]["encoding"]
    entry["request"]["body"] = {"base64": b64encode(gzip.compress(data, mtime=1)).decode()}
    path.write_text(json.dumps(document))

    replayed = run(provider, project, client, body, **SECOND)

    assert (replayed.billed, replayed.counts) == (0, {"replayed": 1})
    assert replayed.seen == recorded.seen
