"""What an answer says that it used.

The path tells the API, the host the provider, the answer (else the request) the model. So gateways and
look-alike hosts are read like the API that they imitate, and what is no generation (a look at an earlier
answer, a list, a failed call) uses nothing that could be counted twice.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

from msgspec import Struct

from onetake.messages import Request, Response, read_url
from onetake.providers import provider_of
from onetake.spend.answers import Answer, answers_of, objects_in, request_fields, within
from onetake.spend.counts import (
    Counts,
    Fields,
    amount_of,
    anthropic_counts,
    bedrock_header_counts,
    bedrock_metrics_counts,
    billed_usd,
    cohere_counts,
    converse_counts,
    count_of,
    fields_of,
    gemini_counts,
    openai_counts,
)
from onetake.spend.facts import Usage
from onetake.wire.late import late_pattern


class _Reading(Struct, kw_only=True):
    """What a reader found in one answer."""

    counts: Counts
    model: object = None
    tier: object = None
    billed_usd: float | None = None
    complete: bool = True


Api = Literal[
    "openai", "images", "transcription", "speech", "anthropic", "gemini", "cohere", "bedrock"
]

_APIS: tuple[tuple[str, Api], ...] = (
    (
        r".*/model/([^/]+)/(?:converse(?:-stream)?|invoke(?:-with-response-stream)?)",
        "bedrock",
    ),
    (r".*/publishers/anthropic/models/([^/:]+):(?:rawPredict|streamRawPredict)", "anthropic"),
    (
        r".*/(?:models|tunedModels)/([^/:]+):(?:(?:generate|streamGenerate|embed)Content|predict)",
        "gemini",
    ),
    (r"(?:.*/deployments/([^/]+)|.*)/images/(?:generations|edits|variations)", "images"),
    (r"(?:.*/deployments/([^/]+)|.*)/audio/(?:transcriptions|translations)", "transcription"),
    (r"(?:.*/deployments/([^/]+)|.*)/audio/speech", "speech"),
    (r".*/v1/messages", "anthropic"),
    (
        r"(?:.*/deployments/([^/]+)|.*)/(?:(?:(?:chat|fim|agents)/)?completions|responses|embeddings)",
        "openai",
    ),
)
_COHERE = late_pattern(r"/v[12]/(?:chat|generate|embed|rerank|classify)")
_TABLE = tuple((late_pattern(path), api) for path, api in _APIS)
_STANDARD = frozenset({"", "default", "standard", "auto", "on_demand", "unspecified"})
_CHARGED_APART = frozenset({"image_generation_call", "code_interpreter_call"})


def is_priced_api(request: Request) -> bool:
    """Whether an answer to `request` may state what it used: its path is one of an API known here."""
    return request.method.upper() == "POST" and place_of(request.url) is not None


def usage_of(request: Request, response: Response) -> Usage | None:
    """What the answer used, or None where it does not say, or is of no API known here. Never raises.

    Not read: WebSocket sessions, results of batches, and a background answer that is fetched later.
    """
    if not 200 <= response.status < 300 or request.method.upper() != "POST":
        return None
    place = place_of(request.url)
    if place is None:
        return None
    reading = _read(place.api, request, response)
    model = next((one for one in (reading.model, place.model) if isinstance(one, str) and one), "")
    model = model or model_in(request)
    if not model or (not reading.counts and reading.billed_usd is None):
        return None
    tier = reading.tier.lower() if isinstance(reading.tier, str) else ""
    whole = {name: n if name == "audio_seconds" else int(n) for name, n in reading.counts.items()}
    return Usage(
        provider=place.provider,
        model=model.removeprefix("models/"),
        tier="" if tier in _STANDARD else tier,
        billed_usd=reading.billed_usd,
        complete=reading.complete,
        **whole,  # type: ignore[arg-type]  # the one float is `audio_seconds`
    )


class Place(Struct, frozen=True):
    """Where a paid call goes: `model` is the one that the path names, or ""."""

    provider: str
    api: Api
    model: str


@lru_cache(maxsize=2048)
def place_of(url: str) -> Place | None:
    """The API at `url`, or None where none is known that is paid by the call."""
    parts = read_url(url)
    known = provider_of(parts.host.partition(":")[0])
    provider = known.name if known else ""
    path = parts.path.rstrip("/")
    if provider == "cohere" and _COHERE.fullmatch(path):
        return Place(provider, "cohere", "")
    for expression, api in _TABLE:
        if match := expression.fullmatch(path):
            named = unquote(match[1] or "") if match.re.groups else ""
            return Place(provider, api, named.rpartition("/")[2] if api == "bedrock" else named)
    return None


def model_in(request: Request) -> str:
    """The model that the body asks for, or ""."""
    asked = request_fields(request).get("model")
    return asked if isinstance(asked, str) else ""


def _read(api: Api, request: Request, response: Response) -> _Reading:
    answers = answers_of(response)
    match api:
        case "openai":
            return _openai(answers)
        case "anthropic":
            return _anthropic(answers)
        case "gemini":
            return _gemini(answers)
        case "bedrock":
            return _bedrock(answers, response)
        case "cohere":
            return _cohere(answers)
        case "images":
            return _images(answers)
        case "transcription":
            return _transcription(answers)
        case "speech":
            return _speech(answers, request)


def _openai(answers: list[Answer]) -> _Reading:
    """The last usage of a chat, a completion, an embedding or a response, streamed or not."""
    found = _Reading(counts={})
    for one in answers:
        # Events of the Responses API hold the response; Groq's last chunk its usage under `x_groq`.
        answer = within(one.response) or one
        found.model = answer.model or found.model
        found.tier = answer.service_tier or found.tier
        usage = fields_of(answer.usage) or fields_of(fields_of(one.x_groq).get("usage"))
        if not usage:
            continue
        found.counts = openai_counts(usage)
        found.billed_usd = billed_usd(usage)
        found.complete = True
        if b"_call" in bytes(answer.output):
            _add_tools(found, [item.get("type") for item in objects_in(answer.output)])
    return found


def _add_tools(found: _Reading, kinds: list[object]) -> None:
    for name, kind in (
        ("web_searches", "web_search_call"),
        ("storage_searches", "file_search_call"),
    ):
        if kind in kinds:
            found.counts[name] = kinds.count(kind)
    found.complete = not any(kind in _CHARGED_APART for kind in kinds if isinstance(kind, str))


def _images(answers: list[Answer]) -> _Reading:
    """Tokens where the model is billed by them, else how many images came."""
    found = _openai(answers)
    if not found.counts:
        for one in answers:
            if images := objects_in(one.data):
                found.counts = {"images": len(images)}
    return found


def _transcription(answers: list[Answer]) -> _Reading:
    found = _openai(answers)
    if not found.counts:
        for one in answers:
            seconds = amount_of(one.duration)  # of `verbose_json`
            if seconds is not None:
                found.counts = {"audio_seconds": seconds}
    return found


def _speech(answers: list[Answer], request: Request) -> _Reading:
    """Speech is bytes: only its event stream states tokens. The characters asked for are known."""
    found = _openai(answers)
    if not found.counts:
        text = request_fields(request).get("input")
        if isinstance(text, str):
            found.counts = {"input_characters": len(text)}
    return found


def _anthropic(answers: list[Answer]) -> _Reading:
    """`message_start` holds the input, `message_delta` the sums so far; a message both."""
    found, usage = _message(answers)
    found.counts = anthropic_counts(usage)
    speed = usage.get("speed")
    found.tier = usage.get("service_tier") if speed in (None, "standard") else speed
    if usage.get("inference_geo") == "us":  # a tenth dearer
        found.tier = "us"
    return found


def _message(answers: list[Answer]) -> tuple[_Reading, Fields]:
    """The last count of each class that a message or its events state."""
    usage: Fields = {}
    found = _Reading(counts={})
    for one in answers:
        message = within(one.message) or one
        found.model = message.model or found.model
        said = fields_of(message.usage)
        usage |= {name: value for name, value in said.items() if value is not None}
        if said:
            found.complete = one.type != "message_start"
    return found, usage


def _gemini(answers: list[Answer]) -> _Reading:
    """Each piece of a stream holds the sums so far."""
    found = _Reading(counts={})
    for one in answers:
        found.model = one.modelVersion or found.model
        if usage := fields_of(one.usageMetadata):
            found.counts = gemini_counts(usage)
            # Vertex says how it was served, the Gemini API at which tier.
            found.tier = usage.get("serviceTier") or usage.get("trafficType")
        if predictions := objects_in(one.predictions):
            found.counts = _predictions(predictions)
    return found


def _predictions(predictions: list[Fields]) -> Counts:
    """Vertex `predict`: embeddings with their tokens, or images."""
    images = sum("bytesBase64Encoded" in one or "gcsUri" in one for one in predictions)
    if images:
        return {"images": images}
    tokens = [
        count_of(fields_of(fields_of(one.get("embeddings")).get("statistics")).get("token_count"))
        for one in predictions
    ]
    known = [one for one in tokens if one is not None]
    return {"input_tokens": sum(known)} if len(known) == len(tokens) else {}


def _cohere(answers: list[Answer]) -> _Reading:
    """Read Cohere's counts: version 2 has `usage`, version 1 `meta`; streams hold it in the last event."""
    found = _Reading(counts={})
    for one in answers:
        for place in (one, within(one.delta), within(one.response)):
            if place is None:
                continue
            usage = fields_of(place.usage) or fields_of(place.meta)
            units = fields_of(usage.get("billed_units"))
            if units:
                found.counts = cohere_counts(units)
    return found


def _bedrock(answers: list[Answer], response: Response) -> _Reading:
    """Converse, Anthropic's and Amazon's bodies and events; for all others what Bedrock counted."""
    found, usage = _message(answers)
    found.model = None  # the path has the name under which Bedrock sells it
    found.counts = anthropic_counts(usage) or converse_counts(usage)
    for one in answers:
        found.tier = fields_of(one.serviceTier).get("type") or usage.get("service_tier")
        if not found.counts and (metrics := fields_of(one.metrics)):
            found.counts = bedrock_metrics_counts(metrics)
    if not found.counts:
        lines = {name.lower(): value for name, value in response.headers}
        found.counts = bedrock_header_counts(lines)
    return found
