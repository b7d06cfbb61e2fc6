"""Usage is what an answer says; what it does not say is None."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.messages import Body, Headers, Request, Response
from onetake.spend import Price, Usage, price_of, usage_of

CHAT = "https://api.openai.com/v1/chat/completions"
MESSAGES = "https://api.anthropic.com/v1/messages"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent"
RESPONSES = "https://api.openai.com/v1/responses"
BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model"
PLACES = [
    *(CHAT, MESSAGES, GEMINI, RESPONSES),
    *(
        f"https://api.openai.com/v1/{name}"
        for name in ("embeddings", "images/edits", "audio/speech")
    ),
    "https://acme.openai.azure.com/openai/deployments/a/audio/transcriptions",
    *(f"{BEDROCK}/{name}" for name in ("amazon.nova-pro-v1:0/converse", "x%2Fy/invoke")),
    "https://us-central1-aiplatform.googleapis.com/v1/publishers/google/models/e:predict",
    "https://api.cohere.com/v2/rerank",
    "http://[half/v1/messages",
    "",
]


def used(
    url, answered, *, asked=None, method="POST", status=200, kind="application/json", headers=()
):
    data = answered if isinstance(answered, bytes) else json.dumps(answered).encode()
    body = json.dumps(asked or {}).encode()
    lines = Headers((("content-type", kind), *headers))
    return usage_of(
        Request(method=method, url=url, body=body),
        Response(status=status, headers=lines, body=Body(data=data)),
    )


def chat(**usage):
    return {"model": "gpt-4o", "usage": usage}


def test_every_class_has_its_place():
    usage = used(
        CHAT,
        chat(
            prompt_tokens=30,
            completion_tokens=20,
            total_tokens=50,
            prompt_tokens_details={"cached_tokens": 10, "audio_tokens": 5},
            completion_tokens_details={"reasoning_tokens": 8, "audio_tokens": 4},
        ),
    )
    assert usage == Usage(
        provider="openai",
        model="gpt-4o",
        input_tokens=30,
        cache_read_tokens=10,
        input_audio_tokens=5,
        output_tokens=20,
        reasoning_tokens=8,
        output_audio_tokens=4,
    )


def test_what_is_not_said_is_none_and_what_is_said_to_be_nothing_is_zero():
    usage = used(MESSAGES, {"model": "claude", "usage": {"input_tokens": 3, "output_tokens": 0}})
    assert (usage.output_tokens, usage.cache_read_tokens) == (0, None)


@pytest.mark.parametrize(
    "answered",
    [
        *(b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000),
        {"model": "gpt-4o"},
        {"model": "gpt-4o", "usage": None},
        {"model": "gpt-4o", "usage": {}},
        chat(prompt_tokens="12", completion_tokens=-1),
        chat(prompt_tokens=True, completion_tokens=2**60),
        {"usage": {"prompt_tokens": 3}},  # of no model
    ],
)
def test_an_answer_without_usage_has_none(answered):
    assert used(CHAT, answered) is None


@pytest.mark.parametrize(
    "how",
    [
        {"method": "GET"},
        {"status": 429},
        {"url": "https://api.openai.com/v1/responses/resp_1/cancel"},
        {"url": "https://api.anthropic.com/v1/messages/count_tokens"},
        {"url": "https://api.example.com/usage"},
    ],
)
def test_what_is_no_generation_uses_nothing(how):
    assert used(**{"url": RESPONSES, "answered": chat(input_tokens=3)} | how) is None


def test_a_stream_without_its_usage_has_none():
    stream = b'data: {"model":"gpt-4o","usage":null,"choices":[]}\n\ndata: [DONE]\n\n'
    assert used(CHAT, stream, kind="text/event-stream") is None


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_stream_says_its_model_in_front_and_its_usage_at_the_end(line_end):
    """The example of user text must not be taken for a usage, and is not read at all."""
    text = 'data: {"model":"gpt-4o","choices":[{"delta":{"content":"\\"usage\\": {"}}]}'
    last = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}'
    stream = (line_end * 2).join([text, text, last, "data: [DONE]", ""]).encode()
    usage = used(CHAT, stream, asked={"model": "other"}, kind="text/event-stream")
    assert usage == Usage(provider="openai", model="gpt-4o", input_tokens=3, output_tokens=2)


def test_a_stream_that_is_cut_is_a_lower_bound_and_says_so():
    start = {"type": "message_start", "message": {"model": "claude", "usage": {"input_tokens": 9}}}
    usage = used(MESSAGES, f"event: message_start\ndata: {json.dumps(start)}\n\n".encode())
    assert (usage.input_tokens, usage.complete) == (9, False)


@pytest.mark.parametrize(
    ("said", "tier"),
    [
        ({"service_tier": "standard", "inference_geo": "global", "speed": "standard"}, ""),
        ({"service_tier": "priority"}, "priority"),
        ({"speed": "fast"}, "fast"),
        ({"inference_geo": "us"}, "us"),
    ],
)
def test_terms_that_are_not_the_standard_ones_are_told(said, tier):
    usage = used(MESSAGES, {"model": "claude-opus-4-5", "usage": {"input_tokens": 9} | said})
    assert usage.tier == tier
    assert (price_of(usage) is None) == bool(tier)


def test_a_tool_that_is_charged_apart_makes_the_count_a_lower_bound():
    answer = chat(input_tokens=9, output_tokens=1) | {"output": [{"type": "image_generation_call"}]}
    assert not used(RESPONSES, answer).complete


def test_images_are_counted_where_no_tokens_are_said():
    asked = {"model": "dall-e-3"}
    answer = {"created": 1, "data": [{"url": "https://x"}, {"url": "https://y"}]}
    usage = used("https://api.openai.com/v1/images/generations", answer, asked=asked)
    assert usage == Usage(provider="openai", model="dall-e-3", images=2)


def test_the_reranker_counts_its_searches():
    answer = {"results": [], "meta": {"billed_units": {"search_units": 1}}}
    usage = used("https://api.cohere.com/v2/rerank", answer, asked={"model": "rerank-v3.5"})
    assert (usage.model, usage.rerank_searches) == ("rerank-v3.5", 1)


def test_the_headers_of_bedrock_leave_the_cache_beside_the_input():
    names = ("Input", "Output", "Cache-Read-Input")
    headers = [(f"X-Amzn-Bedrock-{name}-Token-Count", "7") for name in names]
    usage = used(f"{BEDROCK}/eu.cohere.command-r-v1%3A0/invoke", b"\x00", headers=headers)
    assert (usage.model, usage.input_tokens, usage.cache_read_tokens) == (
        "eu.cohere.command-r-v1:0",
        14,
        7,
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda one: (
        st.lists(one, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "usage",
                        "model",
                        "prompt_tokens",
                        "completion_tokens",
                        "total_tokens",
                        "cost",
                    ),
                    *("prompt_tokens_details", "cached_tokens", "audio_tokens", "reasoning_tokens"),
                    *(
                        "usageMetadata",
                        "promptTokenCount",
                        "cacheTokensDetails",
                        "modality",
                        "seconds",
                    ),
                    *("tokenCount", "message", "response", "input_tokens", "output_tokens", "data"),
                    *("cache_creation", "meta", "billed_units", "output", "type", "predictions"),
                    *("embeddings", "statistics", "serviceTier", "cacheDetails", "x_groq", "input"),
                    *("cache_read_input_tokens", "service_tier", "duration", "delta", "speed"),
                ]
            ),
            one,
            max_size=5,
        )
    ),
    max_leaves=12,
)
MODELS = [
    "gpt-4o",
    "gpt-image-1",
    "whisper-1",
    "gemini-2.5-flash",
    "claude-sonnet-4-5",
    "",
    "ü/\x00",
]


def bodies():
    objects = json_values.map(lambda one: json.dumps(one).encode())
    streams = st.lists(objects, max_size=3).map(
        lambda all_: b"".join(b"data: %b\n\n" % x for x in all_)
    )
    return st.binary(max_size=200) | objects | streams


@given(
    url=st.sampled_from(PLACES) | st.text(max_size=30),
    asked=bodies(),
    answered=bodies(),
    kind=st.sampled_from(
        ["application/json", "text/event-stream", "multipart/form-data; boundary=b", "x"]
    ),
    model=st.sampled_from(MODELS),
    count=st.text(max_size=5) | st.integers().map(str),
)
def test_no_exchange_is_too_odd(url, asked, answered, kind, model, count):
    lines = Headers((("content-type", kind), ("x-amzn-bedrock-input-token-count", count)))
    request = Request(method="POST", url=url, headers=lines, body=asked)
    usage = usage_of(request, Response(status=200, headers=lines, body=Body(data=answered)))
    if usage is not None:
        price = price_of(
            msgspec.structs.replace(usage, model=model or usage.model), table={"ü*": Price()}
        )
        assert price is None or price >= 0


counts = st.none() | st.integers(0, 10**6)


@given(
    st.fixed_dictionaries(
        {
            name: counts
            for name in Usage.__struct_fields__
            if name.endswith(("_tokens", "_searches")) or name in ("images", "input_characters")
        }
    ),
    st.sampled_from(["openai", "gemini", "anthropic", "", "nobody"]),
    st.sampled_from(MODELS),
    st.sampled_from(["", "flex", "acme"]),
    st.none() | st.integers(),
)
def test_no_usage_is_too_odd_for_a_price(fields, provider, model, tier, at_s):
    usage = Usage(provider=provider, model=model, tier=tier, **fields)
    for table in ({}, {model: Price(input=1, output=2, cache_read=0.5, input_audio=3)}):
        price = price_of(usage, table=table, at_s=at_s)
        assert price is None or price >= 0
