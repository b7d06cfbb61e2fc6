"""What an answer says that it used.

The path tells the API, the host the provider, the answer (else the request) the model. So gateways and
look-alike hosts are read like the API that they imitate, and what is no generation (a look at an earlier
answer, a list, a failed call) uses nothing that could be counted twice.
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import unquote

from msgspec import Struct

from onetake.messages import Request, Response, Url, read_url
from onetake.providers import provider_of
from onetake.spend.bodies import answer_objects, request_fields
from onetake.spend.counts import (
    Counts,
    Fields,
    amount_of,
    anthropic_counts,
    bedrock_header_counts,
    billed_usd,
    cohere_counts,
    converse_counts,
    count_of,
    fields_of,
    gemini_counts,
    objects_of,
    openai_counts,
)


class Usage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens by class, and what else is billed. None is what the answer does not say.

    `input_tokens` and `output_tokens` are whole; the other classes are parts of them, and
    `cache_audio_read_tokens` is a part of both the cached and the audio. `provider` is a name of
    `onetake.providers` or "" for a host that is none's. `tier` is "" for the standard terms,
    else the word of the answer (`flex`, `priority`, `batch`, `fast`, `us`).
    `billed_usd` is the charge where the answer states it. `complete` is False where more was used than
    is counted: a stream was cut before its last count, or a tool ran that is charged apart.
    """

    provider: str
    model: str
    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    input_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    cache_audio_read_tokens: int | None = None
    cache_image_read_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    output_audio_tokens: int | None = None
    output_image_tokens: int | None = None
    images: int | None = None
    audio_seconds: float | None = None
    input_characters: int | None = None
    web_searches: int | None = None
    storage_searches: int | None = None
    rerank_searches: int | None = None
    tier: str = ""
    billed_usd: float | None = None
    complete: bool = True


class Spent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A call that was paid for (`recorded`, `live`), or would have been (`replayed`), of the API at `host`.

    `usage` is None where the answer does not say, or where nobody has read it.
    """

    outcome: str
    host: str
    usage: Usage | None = None


class _Reading(Struct, kw_only=True):
    """What a reader found in one answer."""

    counts: Counts
    model: object = None
    tier: object = None
    billed_usd: float | None = None
    complete: bool = True


_Api = Literal[
    "openai", "images", "transcription", "speech", "anthropic", "gemini", "cohere", "bedrock"
]

_APIS: tuple[tuple[str, _Api], ...] = (
    (r".*/model/([^/]+)/(?:converse|invoke)", "bedrock"),
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
_COHERE = re.compile(r"/v[12]/(?:chat|generate|embed|rerank|classify)")
_TABLE = tuple((re.compile(path), api) for path, api in _APIS)
_STANDARD = frozenset({"", "default", "standard", "auto", "on_demand", "unspecified"})
_CHARGED_APART = frozenset({"image_generation_call", "code_interpreter_call"})


def is_priced_api(request: Request) -> bool:
    """Whether an answer to `request` may state what it used: its path is one of an API known here."""
    if request.method.upper() != "POST":
        return False
    url = read_url(request.url)
    known = provider_of(url.host.partition(":")[0])
    return _api_at(known.name if known else "", url) is not None


def usage_of(request: Request, response: Response) -> Usage | None:
    """What the answer used, or None where it does not say, or is of no API known here. Never raises.

    Not read: AWS event streams (ConverseStream, InvokeModelWithResponseStream), WebSocket sessions,
    results of batches, and a background answer that is fetched later.
    """
    if request.method.upper() != "POST" or not 200 <= response.status < 300:
        return None
    url = read_url(request.url)
    known = provider_of(url.host.partition(":")[0])
    provider = known.name if known else ""
    found = _api_at(provider, url)
    if found is None:
        return None
    api, in_path = found
    reading = _read(api, request, response)
    model = next((one for one in (reading.model, in_path) if isinstance(one, str) and one), "")
    if not model:
        asked = request_fields(request).get("model")
        model = asked if isinstance(asked, str) else ""
    if not model or (not reading.counts and reading.billed_usd is None):
        return None
    tier = reading.tier.lower() if isinstance(reading.tier, str) else ""
    whole = {name: n if name == "audio_seconds" else int(n) for name, n in reading.counts.items()}
    return Usage(
        provider=provider,
        model=model.removeprefix("models/"),
        tier="" if tier in _STANDARD else tier,
        billed_usd=reading.billed_usd,
        complete=reading.complete,
        **whole,  # type: ignore[arg-type]  # the one float is `audio_seconds`
    )


def _api_at(provider: str, url: Url) -> tuple[_Api, str] | None:
    """The API of a place, and the model that the path names."""
    path = url.path.rstrip("/")
    if provider == "cohere" and _COHERE.fullmatch(path):
        return "cohere", ""
    for expression, api in _TABLE:
        if match := expression.fullmatch(path):
            named = unquote(match[1] or "") if match.re.groups else ""
            return api, named.rpartition("/")[2] if api == "bedrock" else named
    return None


def _read(api: _Api, request: Request, response: Response) -> _Reading:
    match api:
        case "speech":
            return _speech(request, response)
        case "bedrock":
            return _bedrock(response)
    objects = answer_objects(response)
    match api:
        case "anthropic":
            return _anthropic(objects)
        case "gemini":
            return _gemini(objects)
        case "cohere":
            return _cohere(objects)
        case "images":
            return _images(objects)
        case "transcription":
            return _transcription(objects)
        case "openai":
            return _openai(objects)


def _openai(objects: list[Fields]) -> _Reading:
    """The last usage of a chat, a completion, an embedding or a response, streamed or not."""
    found = _Reading(counts={})
    for one in objects:
        # Events of the Responses API hold the response; Groq's last chunk its usage under `x_groq`.
        answer = fields_of(one.get("response")) or one
        found.model = answer.get("model") or found.model
        found.tier = answer.get("service_tier") or found.tier
        usage = fields_of(answer.get("usage")) or fields_of(
            fields_of(one.get("x_groq")).get("usage")
        )
        if not usage:
            continue
        found.counts = openai_counts(usage)
        found.billed_usd = billed_usd(usage)
        kinds = [item.get("type") for item in objects_of(answer.get("output"))]
        for name, kind in (
            ("web_searches", "web_search_call"),
            ("storage_searches", "file_search_call"),
        ):
            if kind in kinds:
                found.counts[name] = kinds.count(kind)
        found.complete = not any(kind in _CHARGED_APART for kind in kinds if isinstance(kind, str))
    return found


def _images(objects: list[Fields]) -> _Reading:
    """Tokens where the model is billed by them, else how many images came."""
    found = _openai(objects)
    if not found.counts:
        for one in objects:
            if images := objects_of(one.get("data")):
                found.counts = {"images": len(images)}
    return found


def _transcription(objects: list[Fields]) -> _Reading:
    found = _openai(objects)
    if not found.counts:
        for one in objects:
            seconds = amount_of(one.get("duration"))  # of `verbose_json`
            if seconds is not None:
                found.counts = {"audio_seconds": seconds}
    return found


def _speech(request: Request, response: Response) -> _Reading:
    """Speech is bytes: only its event stream states tokens. The characters asked for are known."""
    found = _openai(answer_objects(response))
    text = request_fields(request).get("input")
    if not found.counts and isinstance(text, str):
        found.counts = {"input_characters": len(text)}
    return found


def _anthropic(objects: list[Fields]) -> _Reading:
    """`message_start` holds the input, `message_delta` the sums so far; a message both."""
    usage: Fields = {}
    found = _Reading(counts={})
    for one in objects:
        message = fields_of(one.get("message")) or one
        found.model = message.get("model") or found.model
        said = fields_of(message.get("usage"))
        usage |= {name: value for name, value in said.items() if value is not None}
        if said:
            found.complete = one.get("type") != "message_start"
    found.counts = anthropic_counts(usage)
    speed = usage.get("speed")
    found.tier = usage.get("service_tier") if speed in (None, "standard") else speed
    if usage.get("inference_geo") == "us":  # a tenth dearer
        found.tier = "us"
    return found


def _gemini(objects: list[Fields]) -> _Reading:
    """Each piece of a stream holds the sums so far."""
    found = _Reading(counts={})
    for one in objects:
        found.model = one.get("modelVersion") or found.model
        usage = fields_of(one.get("usageMetadata"))
        if usage:
            found.counts = gemini_counts(usage)
            # Vertex says how it was served, the Gemini API at which tier.
            found.tier = usage.get("serviceTier") or usage.get("trafficType")
        if predictions := objects_of(one.get("predictions")):
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


def _cohere(objects: list[Fields]) -> _Reading:
    """Its second version has `usage`, the first `meta`; streams hold it in the last event."""
    found = _Reading(counts={})
    for one in objects:
        for place in (one, fields_of(one.get("delta")), fields_of(one.get("response"))):
            usage = fields_of(place.get("usage")) or fields_of(place.get("meta"))
            units = fields_of(usage.get("billed_units"))
            if units:
                found.counts = cohere_counts(units)
    return found


def _bedrock(response: Response) -> _Reading:
    """Converse, Anthropic's and Amazon's bodies, and for all others the headers."""
    found = _Reading(counts={})
    for one in answer_objects(response):
        usage = fields_of(one.get("usage"))
        found.counts = anthropic_counts(usage) or converse_counts(usage)
        found.tier = fields_of(one.get("serviceTier")).get("type") or usage.get("service_tier")
    if not found.counts:
        lines = {name.lower(): value for name, value in response.headers}
        found.counts = bedrock_header_counts(lines)
    return found
