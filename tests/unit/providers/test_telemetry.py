"""Exports of telemetry are known and answered as their product answers; other calls are not."""

from __future__ import annotations

import gzip
import json
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.content import opened, plain_value, read_request
from onetake.messages import Headers, Request, Response
from onetake.providers import (
    GENERIC_TELEMETRY,
    TELEMETRY,
    Telemetry,
    telemetry_answer,
    telemetry_for,
)

JSON = ("content-type", "application/json")
PROTOBUF = ("content-type", "application/x-protobuf")
PYTHON_EXPORTER = ("user-agent", "OTel-OTLP-Exporter-Python/1.38.0")
UUID = "0198c0de-1111-7222-8333-444455556666"


def answer_to(kind, request):
    return telemetry_answer(kind, request, plain_value(read_request(request)))


def export(method: str, url: str, *lines: tuple[str, str], body: object = None) -> Request:
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Request(method=method, url=url, headers=Headers(lines), body=data)


def otlp(url: str, *lines: tuple[str, str]) -> Request:
    return export("POST", url, PROTOBUF, *lines, body=b"\n\x05spans")


def post(url: str, *lines: tuple[str, str], body: object = ()) -> Request:
    return export("POST", url, JSON, *lines, body=list(body) if body == () else body)


WEAVE_BATCH = {
    "batch": [
        {"mode": "start", "req": {"start": {"id": "c1", "trace_id": "t1", "op_name": "f"}}},
        {"mode": "end", "req": {"end": {"id": "c1"}}},
    ]
}

# Name of the entry: real export requests, status, body of the answer (bytes, or JSON as a value).
REAL: dict[str, list[tuple[Request, int, object]]] = {
    "langfuse": [
        (
            post(
                "https://cloud.langfuse.com/api/public/ingestion",
                body={"batch": [{"id": "e1", "type": "trace-create"}, {"id": "e2"}]},
            ),
            207,
            {"successes": [{"id": "e1", "status": 201}, {"id": "e2", "status": 201}], "errors": []},
        ),
        (
            post("http://langfuse.internal:3000/lf/api/public/ingestion", body={"batch": []}),
            207,
            {"successes": [], "errors": []},
        ),
    ],
    "langfuse-otel": [
        (otlp("https://us.cloud.langfuse.com/api/public/otel/v1/traces"), 200, b""),
        (
            post(
                "https://cloud.langfuse.com/api/public/otel/v1/traces", body={"resourceSpans": []}
            ),
            200,
            {},
        ),
    ],
    "langsmith": [
        (post("https://api.smith.langchain.com/runs"), 202, {}),
        (post("https://api.smith.langchain.com/runs/batch"), 202, {}),
        (
            export(
                "POST",
                "https://eu.api.smith.langchain.com/runs/multipart",
                ("content-type", "multipart/form-data; boundary=b"),
                body=b"--b--\r\n",
            ),
            202,
            {},
        ),
        (
            export("PATCH", f"https://api.smith.langchain.com/runs/{UUID}", JSON, body={}),
            202,
            {},
        ),
    ],
    "langsmith-otel": [(otlp("https://api.smith.langchain.com/otel/v1/traces"), 200, b"")],
    "arize": [
        (otlp("https://otlp.arize.com/v1/traces"), 200, b""),
        (otlp("https://app.phoenix.arize.com/v1/traces"), 200, b""),
        (otlp("https://app.phoenix.arize.com/s/space/v1/traces"), 200, b""),
    ],
    "arize-log": [(post("https://api.arize.com/v1/log"), 200, {})],
    "traceloop": [(otlp("https://api.traceloop.com/v1/traces"), 200, b"")],
    "braintrust": [
        (
            post("https://api.braintrust.dev/logs3", body={"rows": [], "api_version": 2}),
            200,
            {"ids": [], "row_ids": []},
        ),
        (
            post("https://api.braintrust.dev/v1/project_logs/p/insert"),
            200,
            {"ids": [], "row_ids": []},
        ),
    ],
    "braintrust-otel": [(otlp("https://api.braintrust.dev/otel/v1/traces"), 200, b"")],
    "opik": [
        (post("https://www.comet.com/opik/api/v1/private/traces/batch"), 204, b""),
        (post("https://www.comet.com/opik/api/v1/private/spans"), 204, b""),
        (
            export(
                "PATCH", f"https://www.comet.com/opik/api/v1/private/spans/{UUID}", JSON, body={}
            ),
            204,
            b"",
        ),
        (
            export(
                "PUT",
                "https://www.comet.com/opik/api/v1/private/traces/feedback-scores",
                JSON,
                body={},
            ),
            204,
            b"",
        ),
    ],
    "opik-otel": [(otlp("https://www.comet.com/opik/api/v1/private/otel/v1/traces"), 200, b"")],
    "comet": [(post("https://www.comet.com/clientlib/batch/logger/experiment/metric"), 200, {})],
    "wandb": [
        (
            post("https://api.wandb.ai/files/entity/project/run1/file_stream", body={"files": {}}),
            200,
            {"exitcode": None, "limits": {}},
        )
    ],
    "weave-batch": [
        (
            post("https://trace.wandb.ai/call/upsert_batch", body=WEAVE_BATCH),
            200,
            {"res": [{"id": "c1", "trace_id": "t1"}, {}]},
        )
    ],
    "weave": [
        (
            post(
                "https://trace.wandb.ai/call/start",
                body={"start": {"id": "c1", "trace_id": "t1", "op_name": "f"}},
            ),
            200,
            {"id": "c1", "trace_id": "t1"},
        ),
        (post("https://trace.wandb.ai/call/end", body={"end": {"id": "c1"}}), 200, {}),
    ],
    "weave-otel": [(otlp("https://trace.wandb.ai/otel/v1/traces"), 200, b"")],
    "honeycomb-batch": [
        (
            post("https://api.honeycomb.io/1/batch/dataset", body=[{"data": {}}] * 3),
            200,
            [{"status": 202}] * 3,
        ),
        (post("https://api.eu1.honeycomb.io/1/batch/d", body=[]), 200, []),
    ],
    "honeycomb": [(post("https://api.honeycomb.io/1/events/d", body={"a": 1}), 200, b"")],
    "honeycomb-otel": [(otlp("https://api.honeycomb.io/v1/traces"), 200, b"")],
    "signoz": [(otlp("https://ingest.us.signoz.cloud:443/v1/traces"), 200, b"")],
    "datadog": [
        (post("https://http-intake.logs.datadoghq.com/api/v2/logs"), 202, {}),
        (post("https://llmobs-intake.datadoghq.eu/api/v2/llmobs", body={}), 202, {}),
        (
            post("https://api.us3.datadoghq.com/api/intake/llm-obs/v1/eval-metric", body={}),
            202,
            {},
        ),
        (post("https://api.datadoghq.com/api/v2/series", body={}), 202, {}),
    ],
    "datadog-agent": [
        (
            export(
                "PUT",
                "http://localhost:8126/v0.5/traces",
                ("content-type", "application/msgpack"),
                body=b"\x92\x90\x90",
            ),
            200,
            {"rate_by_service": {}},
        ),
        (
            post("http://localhost:8126/evp_proxy/v2/api/v2/llmobs", body={}),
            200,
            {"rate_by_service": {}},
        ),
    ],
    "sentry": [
        (
            export(
                "POST",
                "https://o1.ingest.sentry.io/api/42/envelope/",
                ("content-type", "application/x-sentry-envelope"),
                ("x-sentry-auth", "Sentry sentry_key=k, sentry_version=7"),
                body=b"{}\n",
            ),
            200,
            {"id": ""},
        ),
        (
            post("https://sentry.acme.example/x/api/42/store/?sentry_key=k", body={}),
            200,
            {"id": ""},
        ),
    ],
    "posthog": [
        (post("https://us.i.posthog.com/batch/", body={"batch": []}), 200, {"status": 1}),
        (post("https://eu.i.posthog.com/i/v0/e/", body={}), 200, {"status": 1}),
    ],
    "segment": [(post("https://api.segment.io/v1/batch", body={}), 200, {"success": True})],
    "mixpanel": [(post("https://api.mixpanel.com/track"), 200, {"status": 1, "error": ""})],
    "amplitude": [(post("https://api2.amplitude.com/2/httpapi", body={}), 200, {"code": 200})],
    "newrelic": [(post("https://log-api.newrelic.com/log/v1"), 202, {})],
    "newrelic-otel": [(otlp("https://otlp.nr-data.net/v1/traces"), 200, b"")],
    "helicone": [(post("https://api.worker.helicone.ai/custom/v1/log", body={}), 200, {})],
    "logfire": [(otlp("https://logfire-us.pydantic.dev/v1/traces"), 200, b"")],
    "openai-traces": [
        (post("https://api.openai.com/v1/traces/ingest", body={"data": []}), 204, b"")
    ],
    "huggingface": [(export("HEAD", "https://huggingface.co/api/telemetry/gradio/x"), 200, b"")],
    "otlp": [
        (otlp("http://localhost:4318/v1/traces"), 200, b""),
        (otlp("http://collector.internal:4318/prefix/v1/metrics"), 200, b""),
        (
            post("http://localhost:4318/v1/logs", PYTHON_EXPORTER, body={"resourceLogs": []}),
            200,
            {},
        ),
        (
            post("http://localhost:4318/v1/logs", ("User-Agent", "OTel OTLP Exporter Go/1.3")),
            200,
            {},
        ),
    ],
}


def is_right(answer: Response, status: int, body: object) -> bool:
    data = answer.body.data
    if isinstance(body, bytes):
        return (answer.status, data) == (status, body)
    return (answer.status, json.loads(data)) == (status, body)


@pytest.mark.parametrize("kind", TELEMETRY, ids=lambda kind: kind.name)
def test_a_real_export_is_known_and_answered_with_success(kind):
    assert kind.name in REAL, "every entry needs a real export here"
    known = [telemetry_for(request) for request, _, _ in REAL[kind.name]]
    assert kind in known
    for (request, status, body), found in zip(REAL[kind.name], known, strict=True):
        assert found is not None, request.line
        assert found.name == kind.name, request.line
        answer = answer_to(found, request)
        assert is_right(answer, status, body), (request.line, answer)


@pytest.mark.parametrize("kind", TELEMETRY, ids=lambda kind: kind.name)
def test_an_answer_says_what_it_holds(kind):
    for request, status, body in REAL[kind.name]:
        answer = answer_to(kind, request)
        headers = dict(answer.headers)
        if status == 204:
            assert "content-length" not in headers
        else:
            assert headers["content-length"] == str(len(answer.body.data))
        if not isinstance(body, bytes):
            assert headers["content-type"] == "application/json"


def test_an_empty_protobuf_has_the_type_that_was_sent():
    request = otlp("http://localhost:4318/v1/traces")
    kind = telemetry_for(request)
    assert kind is not None

    assert answer_to(kind, request).headers.items == (
        PROTOBUF,
        ("content-length", "0"),
    )


@pytest.mark.parametrize(
    "request_",
    [
        # Reading from the same hosts.
        export("GET", "https://cloud.langfuse.com/api/public/v2/prompts/movie-critic"),
        export("GET", "https://cloud.langfuse.com/api/public/ingestion"),
        post("https://cloud.langfuse.com/api/public/datasets", body={"name": "d"}),
        export("GET", f"https://api.smith.langchain.com/runs/{UUID}"),
        post("https://api.smith.langchain.com/runs/query", body={"filter": "x"}),
        export("GET", "https://api.smith.langchain.com/commits/-/prompt/latest"),
        post("https://api.smith.langchain.com/datasets", body={"name": "d"}),
        post("https://app.phoenix.arize.com/v1/spans", body={"queries": []}),
        post("https://api.arize.com/v2/spans", body={"project_id": "p"}),
        export("GET", "https://app.phoenix.arize.com/v1/datasets"),
        export("GET", "https://api.traceloop.com/v1/traceloop/prompts"),
        post("https://api.braintrust.dev/v1/prompt", body={}),
        post("https://api.braintrust.dev/btql", body={"query": "select"}),
        post("https://api.braintrust.dev/v1/proxy/chat/completions", body={}),
        post("https://api.braintrust.dev/v1/project_logs/p/fetch", body={}),
        post("https://www.comet.com/opik/api/v1/private/traces/search", body={}),
        post("https://www.comet.com/opik/api/v1/private/prompts/versions/retrieve", body={}),
        export("GET", "https://www.comet.com/api/rest/v2/experiments"),
        post("https://api.wandb.ai/graphql", body={"query": "{}"}),
        post("https://trace.wandb.ai/calls/stream_query", body={}),
        post("https://trace.wandb.ai/obj/read", body={}),
        export("GET", "https://api.honeycomb.io/1/auth"),
        post("https://api.honeycomb.io/1/queries/d", body={}),
        post("https://api.datadoghq.com/api/v2/logs/events/search", body={}),
        post("https://api.datadoghq.com/api/v2/spans/events/search", body={}),
        export("GET", "https://api.datadoghq.com/api/v1/validate"),
        post("https://us.i.posthog.com/flags/?v=2", body={}),
        post("https://us.i.posthog.com/decide/?v=3", body={}),
        post("https://api.newrelic.com/graphql", body={}),
        export("GET", "https://api.openai.com/v1/traces/ingest"),
        post("https://api.openai.com/v1/chat/completions", body={}),
        export("GET", "https://huggingface.co/api/models/gpt2"),
        export("HEAD", "https://huggingface.co/gpt2/resolve/main/config.json"),
        # Ordinary APIs whose paths only look like an export's.
        post("https://api.example.com/v1/logs", body={"text": "x"}),
        post("https://api.example.com/v1/traces"),
        post("https://api.example.com/api/5/store/", body={"apples": 3}),
        export("GET", "http://localhost:4318/v1/traces", PROTOBUF),
        # Hosts that only look like it.
        post("https://api.honeycomb.io.example.com/1/batch/d"),
        post("https://evil-trace.wandb.ai.example.com/call/upsert_batch"),
        post("https://us.i.posthog.com.example.com/batch/", body={}),
    ],
    ids=lambda request: f"{request.method} {request.url[8:]}",
)
def test_an_ordinary_call_is_no_export(request_):
    assert telemetry_for(request_) is None


def _deflated(data: bytes) -> bytes:
    return zlib.compress(data)


@pytest.mark.parametrize(("coding", "encode"), [("gzip", gzip.compress), ("deflate", _deflated)])
def test_an_encoded_batch_is_answered_event_by_event(coding, encode):
    for request, status, body in (
        *REAL["langfuse"],
        *REAL["honeycomb-batch"],
        *REAL["weave-batch"],
    ):
        lines = (*request.headers.items, ("Content-Encoding", coding))
        sent = request.replace(headers=Headers(lines), body=encode(request.body))
        kind = telemetry_for(opened(sent))
        assert kind is not None
        assert is_right(answer_to(kind, opened(sent)), status, body), request.line


def test_honeycomb_takes_msgpack():
    sent = export(
        "POST",
        "https://api.honeycomb.io/1/batch/d",
        ("content-type", "application/msgpack"),
        body=msgspec.msgpack.encode([{"data": {}}, {"data": {}}]),
    )
    kind = telemetry_for(sent)
    assert kind is not None

    assert is_right(answer_to(kind, sent), 200, [{"status": 202}] * 2)


@given(
    st.sampled_from([*TELEMETRY, GENERIC_TELEMETRY]),
    st.binary() | st.recursive(st.none() | st.text(), st.lists, max_leaves=5),
    st.sampled_from(["", "gzip", "deflate", "br", "nonsense", "identity"]),
    st.sampled_from(["application/json", "application/msgpack", "application/x-protobuf", "x"]),
)
def test_no_body_makes_an_answer_fail(kind, body, coding, content_type):
    data = body if isinstance(body, bytes) else json.dumps({"batch": body, "start": body}).encode()
    lines = (("content-type", content_type), ("content-encoding", coding))
    request = Request(method="POST", url="https://h/p", headers=Headers(lines), body=data)

    answer = answer_to(kind, request)

    assert 200 <= answer.status < 300


@given(st.text(), st.text(), st.text())
def test_no_request_makes_the_question_fail(method, url, value):
    for one in (method, "POST"):
        lines = Headers(((value, value), ("content-type", value)))
        found = telemetry_for(Request(method=one, url=url, headers=lines))
        assert found is None or isinstance(found, Telemetry)
