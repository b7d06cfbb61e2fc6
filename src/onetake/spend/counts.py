"""What each API's usage object says, under one set of names: those of the fields of `Usage`.

One idea: `input_tokens` and `output_tokens` are whole, and every other class is a part of one of them.
The APIs differ in what is inside what, and that is all that this file knows. Sources: the API references
of OpenAI (chat, responses, images, audio), Anthropic, Google (`UsageMetadata`), Amazon Bedrock
(`TokenUsage`), Cohere (`billed_units`), xAI, DeepSeek, Moonshot, OpenRouter and Perplexity.
"""

from __future__ import annotations

from collections.abc import Mapping

Fields = dict[str, object]
Counts = dict[str, float]

_MOST = 2**53  # above it a number is no count


def fields_of(value: object) -> Fields:
    """The object that `value` is, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects_of(value: object) -> list[Fields]:
    """The objects in the list that `value` is, or none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def count_of(value: object) -> int | None:
    """A whole number that is not negative, also where it is written as 12.0."""
    if type(value) is int:
        return value if 0 <= value <= _MOST else None
    if isinstance(value, float) and value.is_integer():
        return count_of(int(value))
    return None


def amount_of(value: object) -> float | None:
    """A number that is not negative."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST:
        return float(value)
    return None


_Rows = tuple[tuple[str, str], ...]
"""Our name and theirs; of two rows for one name the first that is there counts."""

_OPENAI_WHOLE: _Rows = (
    ("input_tokens", "prompt_tokens"),
    ("input_tokens", "input_tokens"),
    ("output_tokens", "completion_tokens"),
    ("output_tokens", "output_tokens"),
)
_OPENAI_READ: _Rows = (
    ("cache_read_tokens", "cached_tokens"),
    ("cache_write_tokens", "cache_write_tokens"),
    ("cache_write_tokens", "cache_creation_tokens"),
    ("input_audio_tokens", "audio_tokens"),
    ("input_image_tokens", "image_tokens"),
)
_OPENAI_CACHED: _Rows = (
    ("cache_audio_read_tokens", "audio_tokens"),
    ("cache_image_read_tokens", "image_tokens"),
)
_OPENAI_WRITTEN: _Rows = (
    ("reasoning_tokens", "reasoning_tokens"),
    ("output_audio_tokens", "audio_tokens"),
    ("output_image_tokens", "image_tokens"),
)
_OPENAI_BESIDE: _Rows = (
    ("reasoning_tokens", "reasoning_tokens"),
    ("cache_read_tokens", "cached_tokens"),
    ("cache_read_tokens", "prompt_cache_hit_tokens"),  # DeepSeek
)


def openai_counts(usage: Fields) -> Counts:
    """Chat, responses, embeddings, images, audio, and every API made after them.

    Cached, audio and image tokens are inside the two sums. Reasoning is inside the output with OpenAI and
    beside it with xAI and some others; `total_tokens` tells which.
    """
    read = fields_of(usage.get("prompt_tokens_details")) or fields_of(
        usage.get("input_tokens_details") or usage.get("input_token_details")
    )
    written = fields_of(usage.get("completion_tokens_details")) or fields_of(
        usage.get("output_tokens_details") or usage.get("output_token_details")
    )
    counts: Counts = {}
    _take(counts, usage, _OPENAI_WHOLE)
    if read:
        _take(counts, read, _OPENAI_READ)
        if cached := fields_of(read.get("cached_tokens_details")):
            _take(counts, cached, _OPENAI_CACHED)
    if written:
        _take(counts, written, _OPENAI_WRITTEN)
    _take(counts, usage, _OPENAI_BESIDE)
    total = count_of(usage.get("total_tokens"))
    # Embeddings of some APIs have a total only.
    if total is not None and not counts.keys() & {"input_tokens", "output_tokens"}:
        counts["input_tokens"] = total
    reasoning = counts.get("reasoning_tokens", 0)
    if reasoning and "output_tokens" in counts:
        apart = counts.get("input_tokens", 0) + counts["output_tokens"] + reasoning == total
        if apart or reasoning > counts["output_tokens"]:
            counts["output_tokens"] += reasoning
    if usage.get("type") == "duration":  # transcriptions of whisper-1
        counts |= _known(audio_seconds=amount_of(usage.get("seconds")))
    return counts


def anthropic_counts(usage: Fields) -> Counts:
    """`input_tokens` is what was neither read from the cache nor written to it."""
    by_age = fields_of(usage.get("cache_creation"))
    hour = count_of(by_age.get("ephemeral_1h_input_tokens"))
    written = count_of(usage.get("cache_creation_input_tokens"))
    if written is None and by_age:
        written = (hour or 0) + (count_of(by_age.get("ephemeral_5m_input_tokens")) or 0)
    counts = _beside_cache(
        count_of(usage.get("input_tokens")),
        count_of(usage.get("cache_read_input_tokens")),
        written,
        count_of(usage.get("output_tokens")),
    )
    searches = fields_of(usage.get("server_tool_use")).get("web_search_requests")
    return counts | _known(cache_write_1h_tokens=hour, web_searches=count_of(searches))


def converse_counts(usage: Fields) -> Counts:
    """Bedrock's Converse, and Amazon's own models under InvokeModel: the cache is beside the input."""
    written = _first(usage, "cacheWriteInputTokens", "cacheWriteInputTokenCount")
    counts = _beside_cache(
        count_of(usage.get("inputTokens")),
        _first(usage, "cacheReadInputTokens", "cacheReadInputTokenCount"),
        written,
        count_of(usage.get("outputTokens")),
    )
    hours = [
        count_of(one.get("inputTokens")) or 0
        for one in objects_of(usage.get("cacheDetails"))
        if one.get("ttl") == "1h"
    ]
    return counts | (_known(cache_write_1h_tokens=sum(hours)) if hours else {})


def bedrock_header_counts(headers: Mapping[str, str]) -> Counts:
    """What Bedrock says of every InvokeModel beside the body; `headers` by lower-case name."""

    def said(name: str) -> int | None:
        text = headers.get(f"x-amzn-bedrock-{name}-token-count", "").strip()
        return count_of(int(text)) if text.isascii() and text.isdigit() and len(text) < 17 else None

    return _beside_cache(
        said("input"), said("cache-read-input"), said("cache-write-input"), said("output")
    )


def bedrock_metrics_counts(metrics: Fields) -> Counts:
    """`amazon-bedrock-invocationMetrics`, in the last event of InvokeModelWithResponseStream."""
    return _beside_cache(
        count_of(metrics.get("inputTokenCount")),
        count_of(metrics.get("cacheReadInputTokenCount")),
        count_of(metrics.get("cacheWriteInputTokenCount")),
        count_of(metrics.get("outputTokenCount")),
    )


def gemini_counts(usage: Fields) -> Counts:
    """The cache is inside the prompt; thoughts and the prompts of tools are beside the two sums."""
    prompt = count_of(usage.get("promptTokenCount"))
    answer = _first(usage, "candidatesTokenCount", "responseTokenCount")
    thoughts = count_of(usage.get("thoughtsTokenCount"))
    tools = count_of(usage.get("toolUsePromptTokenCount"))
    cached = count_of(usage.get("cachedContentTokenCount"))
    read = _modalities(usage.get("promptTokensDetails"))
    of_tools = _modalities(usage.get("toolUsePromptTokensDetails"))
    written = _modalities(
        usage.get("candidatesTokensDetails") or usage.get("responseTokensDetails")
    )
    counts = _known(
        input_tokens=None if prompt is None else prompt + (tools or 0),
        output_tokens=None
        if answer is None and thoughts is None
        else (answer or 0) + (thoughts or 0),
        reasoning_tokens=thoughts,
        cache_read_tokens=cached,
        output_audio_tokens=written.get("AUDIO"),
        output_image_tokens=written.get("IMAGE"),
    )
    for modality in ("AUDIO", "IMAGE"):
        if modality in read or modality in of_tools:
            name = f"input_{modality.lower()}_tokens"
            counts[name] = read.get(modality, 0) + of_tools.get(modality, 0)
    if "cacheTokensDetails" in usage:
        of_cache = _modalities(usage.get("cacheTokensDetails"))
        counts["cache_audio_read_tokens"] = of_cache.get("AUDIO", 0)
        counts["cache_image_read_tokens"] = of_cache.get("IMAGE", 0)
    # A blocked prompt, or an embedding, has no candidates: nothing was written.
    if "input_tokens" in counts and counts["input_tokens"] == count_of(
        usage.get("totalTokenCount")
    ):
        counts.setdefault("output_tokens", 0)
    return counts


def cohere_counts(units: Fields) -> Counts:
    """`billed_units`: what is charged, which is less than what the model saw."""
    return _known(
        input_tokens=count_of(units.get("input_tokens")),
        output_tokens=count_of(units.get("output_tokens")),
        images=count_of(units.get("images")),
        rerank_searches=count_of(units.get("search_units")),
    )


def billed_usd(usage: Fields) -> float | None:
    """The charge that OpenRouter (`cost`) and Perplexity (`cost.total_cost`) state in the answer."""
    cost = usage.get("cost")
    if isinstance(cost, dict):
        return amount_of(cost.get("total_cost"))
    # With the caller's own key OpenRouter states its fee only; the maker charges the rest.
    return None if usage.get("is_byok") else amount_of(cost)


def _beside_cache(
    rest: int | None, read: int | None, written: int | None, output: int | None
) -> Counts:
    whole = None if rest is None else rest + (read or 0) + (written or 0)
    return _known(
        input_tokens=whole, cache_read_tokens=read, cache_write_tokens=written, output_tokens=output
    )


def _modalities(details: object) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in objects_of(details):
        name, count = one.get("modality"), count_of(one.get("tokenCount"))
        if isinstance(name, str) and count is not None:
            found[name] = found.get(name, 0) + count
    return found


def _take(counts: Counts, fields: Fields, rows: _Rows) -> None:
    """Add what `fields` has of `rows` and `counts` does not have yet."""
    for ours, theirs in rows:
        if theirs in fields and ours not in counts:
            count = count_of(fields[theirs])
            if count is not None:
                counts[ours] = count


def _first(fields: Fields, *names: str) -> int | None:
    for name in names:
        count = count_of(fields.get(name))
        if count is not None:
            return count
    return None


def _known(**counts: float | None) -> Counts:
    return {name: count for name, count in counts.items() if count is not None}
