"""Before a call is made: what it may use at most, from its request."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.messages import Headers, Request
from onetake.spend import estimate_of, model_of

OPENAI = "https://api.openai.com/v1"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/models"
BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model"


def request_to(url, **fields):
    return Request(method="POST", url=url, body=json.dumps(fields).encode())


def chat(**fields):
    return request_to(f"{OPENAI}/chat/completions", model="gpt-4o", **fields)


@pytest.mark.parametrize(
    ("request_", "output"),
    [
        (chat(max_tokens=50), 50),
        (chat(max_completion_tokens=60, n=3), 180),
        (request_to(f"{OPENAI}/responses", model="gpt-5", max_output_tokens=70), 70),
        (request_to("https://api.anthropic.com/v1/messages", model="claude", max_tokens=80), 80),
        (
            request_to(
                f"{GEMINI}/gemini-2.5-pro:generateContent",
                generationConfig={"maxOutputTokens": 90, "candidateCount": 2},
            ),
            180,
        ),
        (request_to(f"{BEDROCK}/amazon.nova-pro/converse", inferenceConfig={"maxTokens": 9}), 9),
        (request_to(f"{OPENAI}/embeddings", model="text-embedding-3-small", input="a"), 0),
        (request_to(f"{GEMINI}/gemini-embedding-001:embedContent", content={}), 0),
    ],
)
def test_the_output_is_what_the_request_allows(request_, output):
    assert estimate_of(request_, 1000).output_tokens == output


def test_without_a_limit_the_output_is_that_of_the_largest_answer_known():
    assert estimate_of(chat(), 700).output_tokens == 700
    assert estimate_of(chat(n=2), 700).output_tokens == 1400
    assert estimate_of(chat(), None) is None


def test_the_input_is_about_four_bytes_a_token():
    usage = estimate_of(chat(max_tokens=1, messages=[{"content": "word " * 4000}]), None)
    assert 5000 <= usage.input_tokens <= 5100


def test_an_attachment_is_no_text():
    image = base64.b64encode(bytes(range(256)) * 4000).decode()
    content = [{"image_url": {"url": f"data:image/png;base64,{image}"}}]
    sent = estimate_of(chat(max_tokens=1, messages=content), None)
    linked = estimate_of(
        chat(max_tokens=1, messages=[{"image_url": {"url": "https://x/y.png"}}]), None
    )
    assert 5000 < sent.input_tokens < 5100
    assert 5000 < linked.input_tokens < 5100


@pytest.mark.parametrize(
    "request_",
    [
        request_to(f"{OPENAI}/images/generations", model="dall-e-3"),
        request_to(f"{OPENAI}/audio/speech", model="tts-1", input="a"),
        chat(max_tokens=5, modalities=["text", "audio"]),
        request_to("https://api.example.com/echo", max_tokens=5),
        request_to(f"{OPENAI}/chat/completions", max_tokens=5),  # of no model
    ],
)
def test_what_is_not_paid_by_the_text_is_not_estimated(request_):
    assert estimate_of(request_, 100) is None


def test_a_model_is_told_with_its_provider():
    assert model_of(chat()) == "openai/gpt-4o"
    assert (
        model_of(request_to(f"{GEMINI}/Gemini-2.5-pro:generateContent")) == "gemini/gemini-2.5-pro"
    )
    assert model_of(request_to("https://api.example.com/echo", model="a")) == ""


@given(
    st.sampled_from([f"{OPENAI}/chat/completions", f"{GEMINI}/a:predict", f"{BEDROCK}/m/invoke"]),
    st.binary(max_size=100) | st.just(b"[" * 50_000) | st.just(b'{"model":"a","n":[1]}'),
    st.none() | st.integers(0, 10),
)
def test_no_request_is_too_odd(url, body, largest):
    request = Request(method="POST", url=url, headers=Headers(), body=body)
    estimate_of(request, largest)
    model_of(request)
