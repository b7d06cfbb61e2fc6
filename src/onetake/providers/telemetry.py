"""Telemetry exports, and the success that their protocol answers with.

Only exports are listed, by method and path: fetching prompts or datasets from the same hosts is an
ordinary call. Sources: OTLP 1.x (https://opentelemetry.io/docs/specs/otlp/) and the public ingestion
APIs of each product.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec
from msgspec import Struct

from onetake.messages import Body, Headers, Request, Response, media_type, read_url
from onetake.providers.hosts import HostTable


class Telemetry(Struct, frozen=True, kw_only=True):
    """Export requests of one product: globs of hosts ("" is any), methods, an expression for the path.

    `answer` names how success looks: `json`, `empty`, `otlp`, `batch-ids` (Langfuse), `per-event`
    (Honeycomb).
    """

    name: str
    hosts: tuple[str, ...] = ("",)
    methods: tuple[str, ...] = ("POST",)
    path: str
    status: int = 200
    answer: str = "json"
    body: str = "{}"
    needs_otlp: bool = False


_OTLP_PATH = r".*/v1/(?:traces|metrics|logs)/?"

TELEMETRY = (
    Telemetry(
        name="langfuse",
        path=r"(?:/.*)?/api/public/ingestion",
        status=207,
        answer="batch-ids",
    ),
    Telemetry(name="langfuse-otel", path=r"(?:/.*)?/api/public/otel/v1/traces", answer="otlp"),
    Telemetry(
        name="langsmith",
        hosts=("api.smith.langchain.com", "*.smith.langchain.com", "api.langsmith.com"),
        methods=("POST", "PATCH"),
        path=r"(?:/api/v1)?/runs(?:/batch|/multipart|/[0-9a-fA-F-]{36})?",
        status=202,
    ),
    Telemetry(
        name="langsmith-otel",
        hosts=("api.smith.langchain.com", "*.smith.langchain.com"),
        path=r"/otel/v1/traces",
        answer="otlp",
    ),
    Telemetry(
        name="arize",
        hosts=("otlp.arize.com", "*.arize.com", "app.phoenix.arize.com"),
        path=r".*/v1/(?:traces|spans|metrics|logs)|/v1/log",
        answer="otlp",
    ),
    Telemetry(
        name="traceloop",
        hosts=("api.traceloop.com", "api-staging.traceloop.com"),
        path=r"/v1/(?:traces|metrics|logs)",
        answer="otlp",
    ),
    Telemetry(
        name="braintrust",
        hosts=("api.braintrust.dev", "api.braintrustdata.com", "*.braintrust.dev"),
        path=r"/logs3|/otel/v1/traces|/api/project_logs/[^/]+/insert|/v1/project_logs/[^/]+/insert",
        body='{"ids":[],"row_ids":[]}',
    ),
    Telemetry(
        name="opik",
        hosts=("www.comet.com", "*.comet.com"),
        methods=("POST", "PATCH", "PUT"),
        path=r"/opik/api/v1/private/(?:traces|spans)(?:/batch)?|.*/v1/private/(?:traces|spans)/batch",
        status=204,
        answer="empty",
    ),
    Telemetry(
        name="comet",
        hosts=("www.comet.com", "*.comet.ml", "*.comet.com"),
        path=r"/clientlib/(?:batch|status-report|experiment|log|logger|notify).*",
    ),
    Telemetry(
        name="wandb",
        hosts=("api.wandb.ai", "*.wandb.ai"),
        path=r"/files/[^/]+/[^/]+/[^/]+/file_stream|/system/v2/.*|/api/tracelog",
    ),
    Telemetry(
        name="weave",
        hosts=("trace.wandb.ai",),
        path=r"/(?:call|calls)/(?:upsert_batch|start|end)|/otel/v1/traces|/feedback/create",
        body='{"res":[]}',
    ),
    Telemetry(
        name="honeycomb-batch",
        hosts=("api.honeycomb.io", "api.eu1.honeycomb.io"),
        path=r"/1/batch/[^/]+",
        answer="per-event",
    ),
    Telemetry(
        name="honeycomb",
        hosts=("api.honeycomb.io", "api.eu1.honeycomb.io"),
        path=r"/1/events/[^/]+|/v1/(?:traces|metrics|logs)",
        answer="empty",
    ),
    Telemetry(
        name="signoz",
        hosts=("ingest.*.signoz.cloud", "*.signoz.cloud", "*.signoz.io"),
        path=_OTLP_PATH,
        answer="otlp",
    ),
    Telemetry(
        name="datadog",
        hosts=("*.datadoghq.com", "*.datadoghq.eu", "*.ddog-gov.com"),
        path=r"/api/(?:v2/(?:llmobs|logs|spans|series)|v1/(?:series|distribution_points)|intake/llm-obs/.*|v0\.2/.*)",
        status=202,
    ),
    Telemetry(
        name="datadog-agent",
        methods=("POST", "PUT"),
        path=r"/(?:v0\.[3-7]/traces|evp_proxy/v\d/api/.*|telemetry/proxy/.*|v0\.6/stats)",
    ),
    Telemetry(name="sentry", path=r"(?:/.*)?/api/\d+/(?:envelope|store)/", body='{"id":""}'),
    Telemetry(
        name="posthog",
        hosts=("*.posthog.com",),
        path=r"/(?:batch|capture|e|i/v0/e|i/v0/ai)/?",
        body='{"status":1}',
    ),
    Telemetry(
        name="segment",
        hosts=("api.segment.io", "*.segmentapis.com"),
        path=r"/v1/(?:batch|track|identify|import|b|t|i)",
        body='{"success":true}',
    ),
    Telemetry(
        name="mixpanel",
        hosts=("api.mixpanel.com", "api-eu.mixpanel.com", "api-js.mixpanel.com"),
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
        path=r"/(?:log/v1|metric/v1|trace/v1|v1/(?:traces|metrics|logs)|agent_listener/.*)",
        status=202,
    ),
    Telemetry(
        name="helicone",
        hosts=("api.worker.helicone.ai", "api.hconeai.com", "api.helicone.ai"),
        path=r"/(?:oai/v1/log|anthropic/v1/log|custom/v1/log|v1/trace/.*)",
    ),
    Telemetry(
        name="logfire",
        hosts=("logfire-api.pydantic.dev", "logfire-*.pydantic.dev"),
        path=r"/v1/(?:traces|metrics|logs)",
        answer="otlp",
    ),
    Telemetry(
        name="openai-traces",
        hosts=("api.openai.com",),
        path=r"/v1/traces/ingest",
        status=204,
        answer="empty",
    ),
    Telemetry(name="otlp", path=_OTLP_PATH, answer="otlp", needs_otlp=True),
)
GENERIC_TELEMETRY = Telemetry(name="telemetry", path=".*", answer="otlp")
"""What a rule with `class = "telemetry"` answers."""

_TABLE = HostTable((one.hosts, (one, re.compile(one.path))) for one in TELEMETRY)
_OTLP_AGENT = re.compile(r"otel-otlp-|opentelemetry|otlp-exporter", re.IGNORECASE)


def telemetry_for(request: Request) -> Telemetry | None:
    """The kind of export that `request` is. Never raises."""
    if request.method.upper() not in ("POST", "PATCH", "PUT"):
        return None
    found = _at(request.method.upper(), request.url)
    if found is not None and found.needs_otlp and not _speaks_otlp(request):
        return None
    return found


@lru_cache(maxsize=1024)
def _at(method: str, url: str) -> Telemetry | None:
    place = read_url(url)
    host, path = place.host, place.path
    for one, expression in _TABLE.at(host):
        if method in one.methods and expression.fullmatch(path):
            return one
    return None


def _speaks_otlp(request: Request) -> bool:
    """An ordinary API may have /v1/logs too."""
    claim = media_type(request.headers.get("content-type"))
    return claim == "application/x-protobuf" or bool(
        _OTLP_AGENT.search(request.headers.get("user-agent"))
    )


def telemetry_answer(kind: Telemetry, request: Request) -> Response:
    """The success of `kind` for `request`."""
    content_type, data = "application/json", kind.body.encode()
    match kind.answer:
        case "empty":
            content_type, data = "", b""
        case "otlp":
            # A success without partial success is an empty message, in protobuf no byte at all.
            claim = media_type(request.headers.get("content-type"))
            if claim == "application/x-protobuf":
                content_type, data = claim, b""
        case "batch-ids":
            data = msgspec.json.encode(
                {
                    "successes": [{"id": one, "status": 201} for one in _ids(request.body)],
                    "errors": [],
                }
            )
        case "per-event":
            data = msgspec.json.encode([{"status": 202}] * _length(request.body))
    lines = [("content-type", content_type)] if content_type else []
    if kind.status != 204:
        lines.append(("content-length", str(len(data))))
    return Response(status=kind.status, headers=Headers(tuple(lines)), body=Body(data=data))


def _ids(body: bytes) -> list[str]:
    try:
        batch = msgspec.json.decode(body, type=dict[str, object]).get("batch")
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return []
    events = batch if isinstance(batch, list) else []
    return [str(event["id"]) for event in events if isinstance(event, dict) and "id" in event]


def _length(body: bytes) -> int:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return 1
    return len(found) if isinstance(found, list) else 1
