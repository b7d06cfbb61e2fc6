"""Telemetry exports, and the success that their protocol answers with.

Only exports are listed, by method and path: fetching prompts or datasets from the same hosts is an
ordinary call. Sources: OTLP 1.x (https://opentelemetry.io/docs/specs/otlp/) and the public ingestion
APIs of each product.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

import msgspec
from msgspec import Struct

from onetake.messages import Body, Headers, Request, Response, media_type, read_url
from onetake.providers.hosts import HostTable

Form = Literal["json", "empty", "otlp", "langfuse", "honeycomb", "weave", "weave-start"]
Proof = Literal["", "otlp", "sentry"]


class Telemetry(Struct, frozen=True, kw_only=True):
    """Export requests of one product: globs of hosts ("" is any), methods, an expression for the path.

    `answer` names how success looks (`json` is `body`). `proof` names what else must show in a request
    whose path an ordinary API may have too.
    """

    name: str
    hosts: tuple[str, ...] = ("",)
    methods: tuple[str, ...] = ("POST",)
    path: str
    status: int = 200
    answer: Form = "json"
    body: str = "{}"
    proof: Proof = ""


_OTLP = r"/v1/(?:traces|metrics|logs)/?"
_UUID = r"[0-9a-fA-F-]{36}"

TELEMETRY = (
    Telemetry(
        name="langfuse", path=r"(?:/.*)?/api/public/ingestion", status=207, answer="langfuse"
    ),
    Telemetry(name="langfuse-otel", path=rf"(?:/.*)?/api/public/otel{_OTLP}", answer="otlp"),
    Telemetry(
        name="langsmith",
        hosts=("*.smith.langchain.com",),
        methods=("POST", "PATCH"),
        path=rf"(?:/api/v1)?/runs(?:/batch|/multipart|/{_UUID})?",
        status=202,
    ),
    Telemetry(
        name="langsmith-otel",
        hosts=("*.smith.langchain.com",),
        path=rf"(?:/api/v1)?/otel{_OTLP}",
        answer="otlp",
    ),
    Telemetry(name="arize", hosts=("*.arize.com",), path=rf"(?:/.*)?{_OTLP}", answer="otlp"),
    Telemetry(name="arize-log", hosts=("api.arize.com",), path=r"/v1/log"),
    Telemetry(
        name="traceloop",
        hosts=("api.traceloop.com", "api-staging.traceloop.com"),
        path=_OTLP,
        answer="otlp",
    ),
    Telemetry(
        name="braintrust",
        hosts=("api.braintrust.dev", "*.braintrust.dev", "api.braintrustdata.com"),
        path=r"/logs3|/(?:api|v1)/project_logs/[^/]+/insert",
        body='{"ids":[],"row_ids":[]}',
    ),
    Telemetry(
        name="braintrust-otel",
        hosts=("api.braintrust.dev", "*.braintrust.dev"),
        path=rf"/otel{_OTLP}",
        answer="otlp",
    ),
    Telemetry(
        name="opik",
        hosts=("*.comet.com",),
        path=r"/opik/api/v1/private/(?:traces|spans)(?:/batch)?",
        status=204,
        answer="empty",
    ),
    Telemetry(
        name="opik",
        hosts=("*.comet.com",),
        methods=("PATCH", "PUT"),
        path=rf"/opik/api/v1/private/(?:traces|spans)/(?:{_UUID}|feedback-scores)",
        status=204,
        answer="empty",
    ),
    Telemetry(
        name="opik-otel",
        hosts=("*.comet.com",),
        path=rf"/opik/api/v1/private/otel{_OTLP}",
        answer="otlp",
    ),
    Telemetry(
        name="comet",
        hosts=("*.comet.com", "*.comet.ml"),
        path=r"/clientlib/(?:batch|status-report|log|logger|notify)(?:/.*)?",
    ),
    Telemetry(
        name="wandb",
        hosts=("*.wandb.ai",),
        path=r"/files/[^/]+/[^/]+/[^/]+/file_stream",
        body='{"exitcode":null,"limits":{}}',
    ),
    Telemetry(
        name="weave-batch",
        hosts=("trace.wandb.ai",),
        path=r"/call/upsert_batch|/v2/[^/]+/[^/]+/calls/complete",
        answer="weave",
    ),
    Telemetry(name="weave", hosts=("trace.wandb.ai",), path=r"/call/start", answer="weave-start"),
    Telemetry(name="weave", hosts=("trace.wandb.ai",), path=r"/call/end"),
    Telemetry(name="weave-otel", hosts=("trace.wandb.ai",), path=rf"/otel{_OTLP}", answer="otlp"),
    Telemetry(
        name="honeycomb-batch",
        hosts=("api.honeycomb.io", "api.*.honeycomb.io"),
        path=r"/1/batch/[^/]+",
        answer="honeycomb",
    ),
    Telemetry(
        name="honeycomb",
        hosts=("api.honeycomb.io", "api.*.honeycomb.io"),
        path=r"/1/events/[^/]+",
        answer="empty",
    ),
    Telemetry(
        name="honeycomb-otel",
        hosts=("api.honeycomb.io", "api.*.honeycomb.io"),
        path=_OTLP,
        answer="otlp",
    ),
    Telemetry(
        name="signoz",
        hosts=("*.signoz.cloud", "*.signoz.io"),
        path=rf"(?:/.*)?{_OTLP}",
        answer="otlp",
    ),
    Telemetry(
        name="datadog",
        hosts=("*.datadoghq.com", "*.datadoghq.eu", "*.ddog-gov.com"),
        path=(
            r"/api/(?:v2/(?:llmobs|logs|series|apmtelemetry)|v1/(?:series|distribution_points)|"
            r"intake/llm-obs/.*|v0\.2/(?:traces|stats))|/v1/input"
        ),
        status=202,
    ),
    Telemetry(
        name="datadog-agent",
        methods=("POST", "PUT"),
        path=r"/(?:v0\.[3-7]/traces|evp_proxy/v\d/api/.*|telemetry/proxy/.*|v0\.6/stats)",
        body='{"rate_by_service":{}}',
    ),
    Telemetry(
        name="sentry",
        path=r"(?:/.*)?/api/\d+/(?:envelope|store)/",
        body='{"id":""}',
        proof="sentry",
    ),
    Telemetry(
        name="posthog",
        hosts=("*.posthog.com",),
        path=r"/(?:batch|capture|e|i/v0/e|i/v0/ai)/?",
        body='{"status":1}',
    ),
    Telemetry(
        name="segment",
        hosts=("api.segment.io", "*.segmentapis.com"),
        path=r"/v1/(?:batch|track|identify|page|screen|group|alias|import|b|t|i|p)",
        body='{"success":true}',
    ),
    Telemetry(
        name="mixpanel",
        hosts=("api.mixpanel.com", "api-*.mixpanel.com"),
        path=r"/(?:track|engage|import|groups)/?",
        body='{"status":1,"error":""}',
    ),
    Telemetry(
        name="amplitude",
        hosts=("api2.amplitude.com", "api.amplitude.com", "api.eu.amplitude.com"),
        path=r"/(?:2/httpapi|batch|identify|httpapi)",
        body='{"code":200}',
    ),
    Telemetry(
        name="newrelic",
        hosts=("*.newrelic.com", "*.nr-data.net"),
        path=r"/(?:log/v1|metric/v1|trace/v1|agent_listener/.*)",
        status=202,
    ),
    Telemetry(name="newrelic-otel", hosts=("*.nr-data.net",), path=_OTLP, answer="otlp"),
    Telemetry(
        name="helicone",
        hosts=("api.worker.helicone.ai", "api.hconeai.com", "api.helicone.ai"),
        path=r"/(?:oai/v1/log|anthropic/v1/log|custom/v1/log|v1/trace/.*)",
    ),
    Telemetry(
        name="logfire",
        hosts=("logfire-api.pydantic.dev", "logfire-*.pydantic.dev"),
        path=_OTLP,
        answer="otlp",
    ),
    Telemetry(
        name="openai-traces",
        hosts=("api.openai.com", "*.api.openai.com"),
        path=r"/v1/traces/ingest",
        status=204,
        answer="empty",
    ),
    Telemetry(
        name="huggingface",
        hosts=("huggingface.co",),
        methods=("HEAD",),
        path=r"/api/telemetry/.*",
        answer="empty",
    ),
    Telemetry(name="otlp", path=rf"(?:/.*)?{_OTLP}", answer="otlp", proof="otlp"),
)
GENERIC_TELEMETRY = Telemetry(name="telemetry", path=".*", answer="otlp")
"""What a rule with `class = "telemetry"` answers to a request of no known product."""

_TABLE = HostTable((one.hosts, one) for one in TELEMETRY)
_OTLP_AGENT = re.compile(r"otel[- ]otlp[- ]|opentelemetry|otlp-exporter", re.IGNORECASE)
_METHODS = frozenset(method for one in TELEMETRY for method in one.methods)


def telemetry_for(request: Request) -> Telemetry | None:
    """The kind of export that `request` is. Never raises."""
    method = request.method.upper()
    if method not in _METHODS:
        return None
    for found in telemetry_at(method, request.url):
        if not found.proof or _PROOFS[found.proof](request):
            return found
    return None


@lru_cache(maxsize=1024)
def telemetry_at(method: str, url: str) -> tuple[Telemetry, ...]:
    """Return the exports that a request of this method (in upper case) and URL may be."""
    place = read_url(url)
    host, path = place.host, place.path
    return tuple(
        one
        for one in _TABLE.at(host)
        if method in one.methods and re.fullmatch(one.path, path)  # compiled where it may fit
    )


def _speaks_otlp(request: Request) -> bool:
    """An ordinary API may have /v1/logs too."""
    claim = media_type(request.headers.get("content-type"))
    return claim == "application/x-protobuf" or bool(
        _OTLP_AGENT.search(request.headers.get("user-agent"))
    )


def _speaks_sentry(request: Request) -> bool:
    return "x-sentry-auth" in request.headers or "sentry_key=" in request.url


_PROOFS = {"otlp": _speaks_otlp, "sentry": _speaks_sentry}


def telemetry_answer(kind: Telemetry, request: Request, said: object) -> Response:
    """Return the success of `kind` for `request`, whose body is the plain value `said`. Never raises."""
    content_type, data = "application/json", kind.body.encode()
    match kind.answer:
        case "empty":
            content_type, data = "", b""
        case "otlp":
            # A success without partial success is an empty message, in protobuf no byte at all.
            claim = media_type(request.headers.get("content-type"))
            if claim == "application/x-protobuf":
                content_type, data = claim, b""
        case "langfuse":
            ids = [one["id"] for one in _objects(_batch(said)) if "id" in one]
            successes = [{"id": one, "status": 201} for one in ids]
            data = msgspec.json.encode({"successes": successes, "errors": []})
        case "honeycomb":
            count = len(said) if isinstance(said, list) else 1
            data = msgspec.json.encode([{"status": 202}] * count)
        case "weave":
            data = msgspec.json.encode({"res": [_weave(one) for one in _objects(_batch(said))]})
        case "weave-start":
            start = said.get("start") if isinstance(said, dict) else None
            data = msgspec.json.encode(_started(start))
        case "json":
            pass
    lines = [("content-type", content_type)] if content_type else []
    if kind.status != 204:
        lines.append(("content-length", str(len(data))))
    return Response(status=kind.status, headers=Headers(tuple(lines)), body=Body(data=data))


def _weave(item: dict[str, object]) -> dict[str, object]:
    """What one event of a Weave batch is answered with: a start by the ids that its client made."""
    request = item.get("req")
    start = request.get("start") if isinstance(request, dict) else None
    return _started(start) if item.get("mode") == "start" else {}


def _started(start: object) -> dict[str, object]:
    given = start if isinstance(start, dict) else {}
    return {name: str(given.get(name) or "") for name in ("id", "trace_id")}


def _batch(said: object) -> object:
    return said.get("batch") if isinstance(said, dict) else None


def _objects(value: object) -> list[dict[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
