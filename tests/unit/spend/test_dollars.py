"""What answers cost, beside a figure worked out by hand from the published prices.

Each row ends in `dollars((count, price per million), ...)`: the prices stand there as numbers, so a reader
can check a row against the maker's page: platform.openai.com/docs/pricing, claude.com/pricing,
ai.google.dev/gemini-api/docs/pricing, aws.amazon.com/bedrock/pricing, and the like. They hold at AT_S.
"""

from __future__ import annotations

import base64
import json

import pytest

from fakeprovider.bedrock import encode_message
from onetake.messages import Body, Headers, Request, Response
from onetake.spend import price_of, usage_of

AT_S = 1_795_651_200  # 2026-11-26, so that no row moves with the day

OPENAI = "https://api.openai.com/v1"
AZURE = "https://acme.openai.azure.com/openai"
ANTHROPIC = "https://api.anthropic.com/v1/messages"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/models"
VERTEX = "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1"
BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model"


def dollars(*rows: tuple[float, float]) -> float:
    return sum(count * per_million for count, per_million in rows) / 1e6


def exchange(url, asked, answered, **headers):
    sent = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    kind = "application/json"
    if isinstance(answered, bytes):
        framed = answered.startswith(b"\0")
        kind = "application/vnd.amazon.eventstream" if framed else "text/event-stream"
    data = answered if isinstance(answered, bytes) else json.dumps(answered).encode()
    lines = {"content-type": kind} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    boundary = sent.split(b"\r\n")[0][2:].decode() if isinstance(asked, bytes) else ""
    sent_as = f"multipart/form-data; boundary={boundary}" if boundary else "application/json"
    return (
        Request(method="POST", url=url, headers=Headers((("content-type", sent_as),)), body=sent),
        Response(status=200, headers=Headers(tuple(lines.items())), body=Body(data=data)),
    )


def events(*values, named=False, done=False):
    lines = [
        (f"event: {one['type']}\n" if named else "") + f"data: {json.dumps(one)}\n\n"
        for one in values
    ]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


def frames(*events):
    """A stream of AWS: (event type, payload)."""
    return b"".join(
        encode_message(
            {":event-type": name, ":message-type": "event"}, json.dumps(payload).encode()
        )
        for name, payload in events
    )


def pieces(*values):
    """The events of a model, as InvokeModelWithResponseStream wraps them."""
    texts = [base64.b64encode(json.dumps(one).encode()).decode() for one in values]
    return frames(*(("chunk", {"bytes": text, "p": "abcdefgh"}) for text in texts))


def form(**fields):
    parts = [
        f'--b0\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    file = '--b0\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n'
    return ("".join(parts) + file + "--b0--\r\n").encode()


def chat(model, prompt, completion, *, read=None, written=None, **more):
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        **({"prompt_tokens_details": read} if read else {}),
        **({"completion_tokens_details": written} if written else {}),
    }
    message = {"role": "assistant", "content": "Hello"}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return {"object": "chat.completion", "model": model, "choices": choices, "usage": usage} | more


def chunks(model, usage, *, early=None):
    chunk = {"object": "chat.completion.chunk", "model": model, "usage": None}
    delta = {"choices": [{"index": 0, "delta": {"content": "Hello"}}]}
    first = chunk | delta | ({"usage": early} if early else {})
    return events(first, chunk | {"choices": [], "usage": usage}, done=True)


def response_of(model, read, written, *, cached=0, reasoning=0, output=(), **more):
    usage = {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": read + written,
    }
    answer = {"object": "response", "status": "completed", "model": model, "output": list(output)}
    return answer | {"usage": usage} | more


def message(model, **usage):
    content = [{"type": "text", "text": "Hello"}]
    return {"type": "message", "model": model, "content": content, "usage": usage}


def candidates(model, **usage):
    content = {"parts": [{"text": "Hello"}], "role": "model"}
    found = [{"content": content, "finishReason": "STOP"}]
    return {"candidates": found, "usageMetadata": usage, "modelVersion": model}


SONNET = "claude-sonnet-4-5-20250929"
GPT = {"model": "gpt-4o"}

ROWS = {
    # OpenAI: chat completions
    "chat": (
        exchange(f"{OPENAI}/chat/completions", GPT, chat("gpt-4o-2024-08-06", 1000, 200)),
        dollars((1000, 2.50), (200, 10.00)),
    ),
    "chat, cached": (
        exchange(
            f"{OPENAI}/chat/completions",
            GPT,
            chat("gpt-4o-2024-08-06", 2000, 300, read={"cached_tokens": 1024, "audio_tokens": 0}),
        ),
        dollars((976, 2.50), (1024, 1.25), (300, 10.00)),
    ),
    "chat, reasoning is a part of the output": (
        exchange(
            f"{OPENAI}/chat/completions",
            {"model": "o3"},
            chat("o3-2025-04-16", 75, 1186, written={"reasoning_tokens": 1024}),
        ),
        dollars((75, 2.00), (1186, 8.00)),
    ),
    "chat, streamed with its usage": (
        exchange(
            f"{OPENAI}/chat/completions",
            {"model": "gpt-4o-mini", "stream": True},
            chunks(
                "gpt-4o-mini-2024-07-18",
                {
                    "prompt_tokens": 1500,
                    "completion_tokens": 90,
                    "prompt_tokens_details": {"cached_tokens": 1408},
                },
            ),
        ),
        dollars((92, 0.15), (1408, 0.075), (90, 0.60)),
    ),
    "chat, audio in and out": (
        exchange(
            f"{OPENAI}/chat/completions",
            {"model": "gpt-audio", "modalities": ["text", "audio"]},
            chat(
                "gpt-audio-2025-08-28",
                120,
                260,
                read={"audio_tokens": 100, "text_tokens": 20, "cached_tokens": 0},
                written={"audio_tokens": 200, "text_tokens": 60, "reasoning_tokens": 0},
            ),
        ),
        dollars((20, 2.50), (100, 32.00), (60, 10.00), (200, 64.00)),
    ),
    "chat, priority": (
        exchange(
            f"{OPENAI}/chat/completions",
            GPT,
            chat("gpt-4o-2024-08-06", 1000, 100, service_tier="priority"),
        ),
        dollars((1000, 4.25), (100, 17.00)),
    ),
    "chat, flex": (
        exchange(
            f"{OPENAI}/chat/completions", {}, chat("gpt-5-mini", 1000, 100, service_tier="flex")
        ),
        dollars((1000, 0.125), (100, 1.00)),
    ),
    # OpenAI: responses
    "responses, cached and reasoning": (
        exchange(
            f"{OPENAI}/responses",
            {"model": "gpt-5-mini"},
            response_of("gpt-5-mini-2025-08-07", 3000, 900, cached=2048, reasoning=640),
        ),
        dollars((952, 0.25), (2048, 0.025), (900, 2.00)),
    ),
    "responses, streamed": (
        exchange(
            f"{OPENAI}/responses",
            {"model": "gpt-4.1", "stream": True},
            events(
                {"type": "response.created", "response": {"model": "gpt-4.1", "usage": None}},
                {"type": "response.output_text.delta", "delta": "Hello"},
                {
                    "type": "response.completed",
                    "response": response_of("gpt-4.1-2025-04-14", 500, 70),
                },
                named=True,
            ),
        ),
        dollars((500, 2.00), (70, 8.00)),
    ),
    "responses, two web searches": (
        exchange(
            f"{OPENAI}/responses",
            {"model": "gpt-4.1"},
            response_of("gpt-4.1-2025-04-14", 500, 70, output=[{"type": "web_search_call"}] * 2),
        ),
        dollars((500, 2.00), (70, 8.00), (2, 10_000)),  # $10 per thousand
    ),
    "responses, cut at the limit of output": (
        exchange(
            f"{OPENAI}/responses",
            {"model": "o4-mini", "stream": True},
            events(
                {
                    "type": "response.incomplete",
                    "response": response_of("o4-mini-2025-04-16", 100, 256, reasoning=256),
                },
                named=True,
            ),
        ),
        dollars((100, 1.10), (256, 4.40)),
    ),
    # OpenAI: embeddings, images, audio
    "embeddings": (
        exchange(
            f"{OPENAI}/embeddings",
            {"model": "text-embedding-3-small"},
            {
                "object": "list",
                "data": [{"embedding": [0.1], "index": 0}],
                "model": "text-embedding-3-small",
                "usage": {"prompt_tokens": 8000, "total_tokens": 8000},
            },
        ),
        dollars((8000, 0.02)),
    ),
    "images, made of text": (
        exchange(
            f"{OPENAI}/images/generations",
            {"model": "gpt-image-1", "prompt": "a cat"},
            {
                "data": [{"b64_json": "iVBORw0KGgo="}],
                "usage": {
                    "input_tokens": 50,
                    "input_tokens_details": {"text_tokens": 50, "image_tokens": 0},
                    "output_tokens": 1056,
                    "total_tokens": 1106,
                },
            },
        ),
        dollars((50, 5.00), (1056, 40.00)),
    ),
    "images, edited, asked as a form": (
        exchange(
            f"{OPENAI}/images/edits",
            form(model="gpt-image-1", prompt="a hat on it"),
            {
                "data": [{"b64_json": "iVBORw0KGgo="}],
                "usage": {
                    "input_tokens": 373,
                    "input_tokens_details": {"text_tokens": 50, "image_tokens": 323},
                    "output_tokens": 1056,
                    "total_tokens": 1429,
                },
            },
        ),
        dollars((50, 5.00), (323, 10.00), (1056, 40.00)),
    ),
    "transcription by tokens": (
        exchange(
            f"{OPENAI}/audio/transcriptions",
            form(model="gpt-4o-transcribe"),
            {
                "text": "Hello",
                "usage": {
                    "type": "tokens",
                    "input_tokens": 114,
                    "input_token_details": {"text_tokens": 14, "audio_tokens": 100},
                    "output_tokens": 30,
                    "total_tokens": 144,
                },
            },
        ),
        # OpenAI's page of the model (developers.openai.com/api/docs/models/gpt-4o-transcribe) now gives
        # 2.50 for audio too; genai-prices 0.2.3 has 6.00, the price of the older page. Too high by
        # 100 * 3.50 / 1e6 here: an upper bound.
        dollars((14, 2.50), (100, 6.00), (30, 10.00)),
    ),
    "transcription by seconds": (
        exchange(
            f"{OPENAI}/audio/transcriptions",
            form(model="whisper-1"),
            {"text": "Hello", "usage": {"type": "duration", "seconds": 90}},
        ),
        1.5 * 0.006,  # minutes
    ),
    "transcription, verbose": (
        exchange(
            f"{OPENAI}/audio/translations",
            form(model="whisper-1", response_format="verbose_json"),
            {"task": "translate", "duration": 30.0, "text": "Hello", "segments": []},
        ),
        0.5 * 0.006,
    ),
    "speech by characters": (
        exchange(
            f"{OPENAI}/audio/speech", {"model": "tts-1", "input": "Grüße " * 100}, b"\xff\xf3"
        ),
        dollars((600, 15.00)),
    ),
    # Azure OpenAI: the path names a deployment, the answer the model
    "azure chat": (
        exchange(
            f"{AZURE}/deployments/prod-a/chat/completions?api-version=2024-10-21",
            {},
            chat("gpt-4o-2024-08-06", 2000, 300, read={"cached_tokens": 1024}),
        ),
        dollars((976, 2.50), (1024, 1.25), (300, 10.00)),
    ),
    "azure responses": (
        exchange(f"{AZURE}/v1/responses", {"model": "dep"}, response_of("gpt-4.1", 500, 70)),
        dollars((500, 2.00), (70, 8.00)),
    ),
    # Anthropic
    "anthropic": (
        exchange(ANTHROPIC, {}, message(SONNET, input_tokens=1000, output_tokens=500)),
        dollars((1000, 3.00), (500, 15.00)),
    ),
    "anthropic, cache written for five minutes and an hour, and read": (
        exchange(
            ANTHROPIC,
            {},
            message(
                SONNET,
                input_tokens=500,
                cache_creation_input_tokens=1000,
                cache_creation={"ephemeral_5m_input_tokens": 600, "ephemeral_1h_input_tokens": 400},
                cache_read_input_tokens=2000,
                output_tokens=300,
                service_tier="standard",
            ),
        ),
        dollars((500, 3.00), (600, 3.75), (400, 6.00), (2000, 0.30), (300, 15.00)),
    ),
    "anthropic, streamed": (
        exchange(
            ANTHROPIC,
            {"stream": True},
            events(
                {
                    "type": "message_start",
                    "message": message(
                        "claude-haiku-4-5-20251001",
                        input_tokens=472,
                        cache_read_input_tokens=4096,
                        output_tokens=2,
                    ),
                },
                {"type": "content_block_delta", "index": 0, "delta": {"text": "Hello"}},
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": "end_turn"},
                    "usage": {"output_tokens": 89},
                },
                {"type": "message_stop"},
                named=True,
            ),
        ),
        dollars((472, 1.00), (4096, 0.10), (89, 5.00)),
    ),
    "anthropic, a web search, whose results come with the delta": (
        exchange(
            ANTHROPIC,
            {"stream": True},
            events(
                {
                    "type": "message_start",
                    "message": message(SONNET, input_tokens=2000, output_tokens=3),
                },
                {
                    "type": "message_delta",
                    "usage": {
                        "input_tokens": 9000,
                        "output_tokens": 400,
                        "server_tool_use": {"web_search_requests": 1},
                    },
                },
                named=True,
            ),
        ),
        dollars((9000, 3.00), (400, 15.00), (1, 10_000)),
    ),
    "anthropic, beyond 200,000 tokens": (
        exchange(ANTHROPIC, {}, message(SONNET, input_tokens=250_000, output_tokens=1000)),
        dollars((250_000, 6.00), (1000, 22.50)),
    ),
    # Google
    "gemini, thoughts are beside the candidates": (
        exchange(
            f"{GEMINI}/gemini-2.5-pro:generateContent",
            {},
            candidates(
                "gemini-2.5-pro",
                promptTokenCount=1000,
                candidatesTokenCount=200,
                thoughtsTokenCount=700,
                totalTokenCount=1900,
            ),
        ),
        dollars((1000, 1.25), (900, 10.00)),
    ),
    "gemini, beyond 200,000 tokens": (
        exchange(
            f"{GEMINI}/gemini-2.5-pro:generateContent",
            {},
            candidates("gemini-2.5-pro", promptTokenCount=300_000, candidatesTokenCount=100),
        ),
        dollars((300_000, 2.50), (100, 15.00)),
    ),
    "gemini, audio and cache by modality": (
        exchange(
            f"{GEMINI}/gemini-2.5-flash:generateContent",
            {},
            candidates(
                "gemini-2.5-flash",
                promptTokenCount=3000,
                cachedContentTokenCount=1500,
                promptTokensDetails=[
                    {"modality": "TEXT", "tokenCount": 2000},
                    {"modality": "AUDIO", "tokenCount": 1000},
                ],
                cacheTokensDetails=[
                    {"modality": "TEXT", "tokenCount": 1100},
                    {"modality": "AUDIO", "tokenCount": 400},
                ],
                candidatesTokenCount=250,
            ),
        ),
        dollars((900, 0.30), (600, 1.00), (1100, 0.03), (400, 0.10), (250, 2.50)),
    ),
    "gemini, an image drawn": (
        exchange(
            f"{GEMINI}/gemini-2.5-flash-image:generateContent",
            {},
            candidates(
                "gemini-2.5-flash-image",
                promptTokenCount=270,
                promptTokensDetails=[
                    {"modality": "TEXT", "tokenCount": 12},
                    {"modality": "IMAGE", "tokenCount": 258},
                ],
                candidatesTokenCount=1310,
                candidatesTokensDetails=[{"modality": "IMAGE", "tokenCount": 1290}],
            ),
        ),
        dollars((270, 0.30), (20, 2.50), (1290, 30.00)),
    ),
    "gemini, streamed: the last sums count": (
        exchange(
            f"{GEMINI}/gemini-2.5-flash:streamGenerateContent?alt=sse",
            {},
            events(
                candidates("gemini-2.5-flash", promptTokenCount=40, candidatesTokenCount=3),
                candidates(
                    "gemini-2.5-flash",
                    promptTokenCount=40,
                    candidatesTokenCount=120,
                    thoughtsTokenCount=60,
                ),
            ),
        ),
        dollars((40, 0.30), (180, 2.50)),
    ),
    "vertex, streamed as a list": (
        exchange(
            f"{VERTEX}/publishers/google/models/gemini-2.5-flash:streamGenerateContent",
            {},
            [
                candidates("gemini-2.5-flash", trafficType="ON_DEMAND"),
                candidates(
                    "gemini-2.5-flash",
                    promptTokenCount=40,
                    candidatesTokenCount=120,
                    trafficType="ON_DEMAND",
                ),
            ],
        ),
        dollars((40, 0.30), (120, 2.50)),
    ),
    "vertex, claude": (
        exchange(
            f"{VERTEX}/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
            {},
            message(SONNET, input_tokens=100, cache_read_input_tokens=900, output_tokens=50),
        ),
        dollars((100, 3.00), (900, 0.30), (50, 15.00)),
    ),
    # Amazon Bedrock
    "bedrock converse, cached": (
        exchange(
            f"{BEDROCK}/amazon.nova-pro-v1%3A0/converse",
            {},
            {
                "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
                "usage": {
                    "inputTokens": 100,
                    "cacheReadInputTokens": 900,
                    "cacheWriteInputTokens": 0,
                    "outputTokens": 50,
                    "totalTokens": 1050,
                },
            },
        ),
        dollars((100, 0.80), (900, 0.20), (50, 3.20)),
    ),
    "bedrock invoke, claude through a profile of the US": (
        exchange(
            f"{BEDROCK}/us.anthropic.{SONNET}-v1%3A0/invoke",
            {},
            message(
                SONNET,
                input_tokens=100,
                cache_creation_input_tokens=2000,
                cache_read_input_tokens=900,
                output_tokens=50,
            ),
        ),
        # The regional endpoint costs a tenth more than the global one.
        dollars((100, 3.30), (2000, 4.125), (900, 0.33), (50, 16.50)),
    ),
    "bedrock invoke, told by headers": (
        exchange(
            f"{BEDROCK}/meta.llama3-3-70b-instruct-v1:0/invoke",
            {},
            {"generation": "Hello", "prompt_token_count": 25, "generation_token_count": 9},
            X_Amzn_Bedrock_Input_Token_Count="25",
            X_Amzn_Bedrock_Output_Token_Count="9",
        ),
        dollars((25, 0.72), (9, 0.72)),
    ),
    "bedrock converse, streamed": (
        exchange(
            f"{BEDROCK}/amazon.nova-pro-v1%3A0/converse-stream",
            {},
            frames(
                ("messageStart", {"role": "assistant"}),
                ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "usage"}}),
                ("messageStop", {"stopReason": "end_turn"}),
                (
                    "metadata",
                    {
                        "usage": {
                            "inputTokens": 100,
                            "cacheReadInputTokens": 900,
                            "outputTokens": 50,
                            "totalTokens": 1050,
                        },
                        "metrics": {"latencyMs": 321},
                    },
                ),
            ),
        ),
        dollars((100, 0.80), (900, 0.20), (50, 3.20)),
    ),
    "bedrock invoke, claude streamed": (
        exchange(
            f"{BEDROCK}/us.anthropic.{SONNET}-v1%3A0/invoke-with-response-stream",
            {},
            pieces(
                {
                    "type": "message_start",
                    "message": message(
                        SONNET, input_tokens=100, cache_read_input_tokens=900, output_tokens=1
                    ),
                },
                {"type": "content_block_delta", "index": 0, "delta": {"text": "Hello"}},
                {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 50}},
                {
                    "type": "message_stop",
                    "amazon-bedrock-invocationMetrics": {
                        "inputTokenCount": 100,
                        "outputTokenCount": 50,
                        "cacheReadInputTokenCount": 900,
                    },
                },
            ),
        ),
        dollars((100, 3.30), (900, 0.33), (50, 16.50)),
    ),
    "bedrock invoke, streamed by a model that counts nothing itself": (
        exchange(
            f"{BEDROCK}/meta.llama3-3-70b-instruct-v1:0/invoke-with-response-stream",
            {},
            pieces(
                {"generation": "Hel", "prompt_token_count": 25, "generation_token_count": 4},
                {
                    "generation": "lo",
                    "amazon-bedrock-invocationMetrics": {
                        "inputTokenCount": 25,
                        "outputTokenCount": 9,
                    },
                },
            ),
        ),
        dollars((25, 0.72), (9, 0.72)),
    ),
    # Further hosts
    "mistral": (
        exchange(
            "https://api.mistral.ai/v1/fim/completions", {}, chat("codestral-latest", 1000, 200)
        ),
        dollars((1000, 0.30), (200, 0.90)),
    ),
    "cohere, second version": (
        exchange(
            "https://api.cohere.com/v2/chat",
            {"model": "command-a-03-2025"},
            {
                "message": {"role": "assistant"},
                "usage": {
                    "billed_units": {"input_tokens": 500, "output_tokens": 100},
                    "tokens": {"input_tokens": 700, "output_tokens": 110},
                },
            },
        ),
        dollars((500, 2.50), (100, 10.00)),
    ),
    "cohere, streamed": (
        exchange(
            "https://api.cohere.com/v2/chat",
            {"model": "command-r-08-2024", "stream": True},
            events(
                {"type": "content-delta", "delta": {"message": {}}},
                {
                    "type": "message-end",
                    "delta": {
                        "usage": {"billed_units": {"input_tokens": 500, "output_tokens": 100}}
                    },
                },
                named=True,
            ),
        ),
        dollars((500, 0.15), (100, 0.60)),
    ),
    "cohere, embeddings of the first version": (
        exchange(
            "https://api.cohere.ai/v1/embed",
            {"model": "embed-v4.0"},
            {"embeddings": [[0.1]], "meta": {"billed_units": {"input_tokens": 800}}},
        ),
        dollars((800, 0.12)),
    ),
    "groq, streamed, beside the choices": (
        exchange(
            "https://api.groq.com/openai/v1/chat/completions",
            {"stream": True},
            events(
                {"model": "llama-3.3-70b-versatile", "choices": []},
                {
                    "model": "llama-3.3-70b-versatile",
                    "choices": [],
                    "x_groq": {"usage": {"prompt_tokens": 1000, "completion_tokens": 100}},
                },
                done=True,
            ),
        ),
        dollars((1000, 0.59), (100, 0.79)),
    ),
    "xai: reasoning is beside the output": (
        exchange(
            "https://api.x.ai/v1/chat/completions",
            {},
            chat("grok-3-mini", 100, 40, written={"reasoning_tokens": 300})
            | {
                "usage": {
                    "prompt_tokens": 100,
                    "completion_tokens": 40,
                    "total_tokens": 440,
                    "completion_tokens_details": {"reasoning_tokens": 300},
                }
            },
        ),
        dollars((100, 0.30), (340, 0.50)),
    ),
    "openrouter states its charge": (
        exchange(
            "https://openrouter.ai/api/v1/chat/completions",
            {},
            chat("acme/never-heard-of", 100, 40)
            | {"usage": {"prompt_tokens": 100, "completion_tokens": 40, "cost": 0.0123}},
        ),
        0.0123,
    ),
    "a gateway of one's own": (
        exchange(
            "https://llm.acme.example/v1/chat/completions", {}, chat("openai/gpt-4o", 1000, 200)
        ),
        dollars((1000, 2.50), (200, 10.00)),
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_an_answer_costs_what_the_published_prices_make_of_it(row):
    (request, response), expected = ROWS[row]
    usage = usage_of(request, response)
    assert usage is not None
    assert usage.complete
    assert price_of(usage, at_s=AT_S) == pytest.approx(expected, rel=1e-9)
