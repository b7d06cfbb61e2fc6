"""Chats as the real SDKs ask them and the real APIs answer them, with ids and times of their own."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable

from onetake.cassettes.decisions import Slot
from onetake.cassettes.fold import Take
from onetake.messages import Body, Chunk, Headers, Interaction, Request, Response

SUBJECTS = (
    "tides", "sourdough", "glaciers", "violins", "compost", "lighthouses", "monsoons", "bicycles",
    "looms", "volcanoes", "orchards", "canals", "sundials", "bees", "bridges", "kites", "clay",
    "magnets", "ferns", "harbours",
)  # fmt: skip
PROMPT = (
    "I teach a mixed-age evening class and next Tuesday we reach {0}. Half of the group has read a "
    "chapter, the rest walked in from the pottery workshop next door. Draft me a passage that opens "
    "with one surprising observation about {0}, moves on to what causes it, and closes with a small "
    "experiment that fits on a kitchen table. Avoid jargon; nobody wants to hear 'paradigm'. Please "
    "stay under two hundred words and mention at least one mistake that beginners make with {0}."
)
ANSWER = (
    "Stand beside {0} long enough and you notice that nothing about them keeps still. A farmer from "
    "the valley once told me she set her clock by them, then laughed, since the clock always lost.\n\n"
    "The reason is plain balance: whatever is pushed in at one end has to leave by the other, and "
    "along the way it slows, warms, and gathers grit. When the push weakens the whole arrangement "
    "settles lower, and that settling is what our eyes take for movement.\n\n"
    "Beginners usually blame the weather. It matters, though far less than the ground beneath. Try "
    "this at home: fill a shallow tray with damp sand, tilt it on a pencil, and pour water from a "
    "spoon. Mark the edge every minute. By the seventh mark you will have drawn, without planning "
    "it, the same curve that a surveyor would draw for {0}, and you may keep the tray for tea."
)


def opaque(chance: random.Random, size: int) -> str:
    return "".join(
        chance.choice("ABCDEFGHJKLMNPQRSTabcdefghjkmnpqrstuvwxyz123456789") for _ in range(size)
    )


def unalike(n: int) -> tuple[str, str]:
    """A prompt of 40 words and an answer of 150 in which no sentence of another call comes again."""
    from pydoc_data.topics import topics  # English prose that every Python has

    words = " ".join(topics[name] for name in sorted(topics)).split()
    at = n * 190 % (len(words) - 190)
    return " ".join(words[at : at + 40]), " ".join(words[at + 40 : at + 190])


def chat(n: int, texts: tuple[str, str] = (PROMPT, ANSWER)) -> Interaction:
    """Make a call as the openai SDK asks and its API answers, with ids and times of its own.

    `{0}` in prompt and answer becomes a subject.
    """
    prompt, spoken = (text.replace("{0}", SUBJECTS[n % 20]) for text in texts)
    chance = random.Random(n)
    request = json.dumps(
        {
            "messages": [
                {"role": "developer", "content": "Reply as a patient museum guide."},
                {"role": "user", "content": prompt},
            ],
            "model": "gpt-4.1-mini",
            "max_completion_tokens": 700,
            "temperature": 0.7,
        },
        separators=(",", ":"),
    ).encode()
    asked, told = chance.randint(120, 180), chance.randint(180, 260)
    answer = json.dumps(
        {
            "id": f"chatcmpl-{opaque(chance, 29)}",
            "object": "chat.completion",
            "created": 1781234000 + 7 * n,
            "model": "gpt-4.1-mini-2025-04-14",
            "choices": [
                {
                    "index": 0,
                    "message": {
                        "role": "assistant",
                        "content": spoken,
                        "refusal": None,
                        "annotations": [],
                    },
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": asked,
                "completion_tokens": told,
                "total_tokens": asked + told,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                "completion_tokens_details": {
                    "reasoning_tokens": 0,
                    "audio_tokens": 0,
                    "accepted_prediction_tokens": 0,
                    "rejected_prediction_tokens": 0,
                },
            },
            "service_tier": "default",
            "system_fingerprint": f"fp_{chance.randbytes(6).hex()}",
        },
        indent=2,
    ).encode()
    ms = chance.randint(900, 4000)
    return Interaction(
        request=Request(
            method="POST",
            url="https://api.openai.com/v1/chat/completions",
            headers=Headers(
                (
                    ("Host", "api.openai.com"),
                    ("Accept-Encoding", "gzip, deflate"),
                    ("Connection", "keep-alive"),
                    ("Accept", "application/json"),
                    ("Content-Type", "application/json"),
                    ("User-Agent", "OpenAI/Python 1.109.1"),
                    ("X-Stainless-Lang", "python"),
                    ("X-Stainless-Package-Version", "1.109.1"),
                    ("X-Stainless-OS", "MacOS"),
                    ("X-Stainless-Arch", "arm64"),
                    ("X-Stainless-Runtime", "CPython"),
                    ("X-Stainless-Runtime-Version", "3.11.7"),
                    ("Authorization", "REDACTED-authorization"),
                    ("X-Stainless-Async", "false"),
                    ("x-stainless-retry-count", "0"),
                    ("x-stainless-read-timeout", "600"),
                    ("Content-Length", str(len(request))),
                )
            ),
            body=request,
        ),
        response=Response(
            status=200,
            reason="OK",
            headers=Headers(
                (
                    ("Date", f"Fri, 12 Jun 2026 03:{n:02}:11 GMT"),
                    ("Content-Type", "application/json"),
                    ("Transfer-Encoding", "chunked"),
                    ("Connection", "keep-alive"),
                    ("access-control-expose-headers", "X-Request-ID"),
                    ("openai-organization", "REDACTED-organization"),
                    ("openai-processing-ms", str(ms - 90)),
                    ("openai-version", "2020-10-01"),
                    ("x-envoy-upstream-service-time", str(ms - 70)),
                    ("x-ratelimit-limit-requests", "5000"),
                    ("x-ratelimit-limit-tokens", "4000000"),
                    ("x-ratelimit-remaining-requests", "4999"),
                    ("x-ratelimit-remaining-tokens", str(3999000 + n)),
                    ("x-ratelimit-reset-requests", "12ms"),
                    ("x-ratelimit-reset-tokens", "2ms"),
                    ("x-request-id", f"req_{chance.randbytes(16).hex()}"),
                    ("cf-cache-status", "DYNAMIC"),
                    ("Set-Cookie", "REDACTED-cookie"),
                    ("X-Content-Type-Options", "nosniff"),
                    ("Server", "cloudflare"),
                    ("CF-RAY", f"{chance.randbytes(8).hex()}-AMS"),
                    ("Content-Encoding", "gzip"),
                    ("alt-svc", 'h3=":443"; ma=86400'),
                )
            ),
            body=Body(data=answer, chunks=(Chunk(len(answer), ms + 2),), encoding="gzip"),
        ),
        at=1781234000 + 7 * n,
        ms=ms,
    )


def streamed(n: int, texts: tuple[str, str] = (PROMPT, ANSWER)) -> Interaction:
    """Make a call as the anthropic SDK streams: one event a few words, each in a chunk of its own."""
    prompt, spoken = (text.replace("{0}", SUBJECTS[n % 20]) for text in texts)
    chance = random.Random(100 + n)
    plain = chat(n)
    events: list[tuple[str, dict[str, object]]] = [
        (
            "message_start",
            {
                "message": {
                    "model": "claude-haiku-4-5-20251001",
                    "id": f"msg_01{opaque(chance, 22)}",
                    "type": "message",
                    "role": "assistant",
                    "content": [],
                    "stop_reason": None,
                    "stop_sequence": None,
                    "usage": {"input_tokens": 171, "output_tokens": 3, "service_tier": "standard"},
                }
            },
        ),
        ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
    ]
    words = spoken.split(" ")
    while words:
        taken = chance.randint(1, 6)
        text = " ".join(words[:taken]) + " "
        words = words[taken:]
        delta = {"type": "text_delta", "text": text}
        events.append(("content_block_delta", {"index": 0, "delta": delta}))
    events += [
        ("content_block_stop", {"index": 0}),
        (
            "message_delta",
            {
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": 222},
            },
        ),
        ("message_stop", {}),
    ]
    data, chunks, ms = b"", [], chance.randint(500, 900)
    first = ms
    for name, event in events:
        text = json.dumps({"type": name} | event, separators=(",", ":"))
        data += f"event: {name}\ndata: {text}\n\n".encode()
        ms += chance.randint(5, 60)
        chunks.append(Chunk(len(data), ms))
    request = json.dumps(
        {
            "max_tokens": 700,
            "messages": [{"role": "user", "content": prompt}],
            "model": "claude-haiku-4-5",
            "stream": True,
        }
    ).encode()
    headers = plain.request.headers.replacing("host", "api.anthropic.com")
    headers = headers.replacing("user-agent", "Anthropic/Python 0.71.0").without("authorization")
    headers = Headers(
        (
            *headers.items,
            ("X-Api-Key", "REDACTED-x-api-key"),
            ("anthropic-version", "2023-06-01"),
        )
    )
    answered = Headers(
        (
            ("Date", f"Fri, 12 Jun 2026 04:{n:02}:51 GMT"),
            ("Content-Type", "text/event-stream; charset=utf-8"),
            ("Transfer-Encoding", "chunked"),
            ("Connection", "keep-alive"),
            ("Cache-Control", "no-cache"),
            ("anthropic-ratelimit-requests-limit", "1000"),
            ("anthropic-ratelimit-requests-remaining", str(999 - n)),
            ("anthropic-ratelimit-requests-reset", f"2026-06-12T04:{n:02}:51Z"),
            ("request-id", f"req_011{opaque(chance, 21)}"),
            ("via", "1.1 google"),
            ("Server", "cloudflare"),
            ("CF-RAY", f"{chance.randbytes(8).hex()}-AMS"),
        )
    )
    return Interaction(
        request=Request(
            method="POST",
            url="https://api.anthropic.com/v1/messages",
            headers=headers,
            body=request,
        ),
        response=Response(
            status=200,
            reason="OK",
            headers=answered,
            body=Body(data=data, chunks=tuple(chunks)),
        ),
        at=1781239000 + n,
        ms=first,
    )


def takes_of(calls: Iterable[Interaction], key: Callable[[Request], bytes]) -> list[Take]:
    """What one opening takes of them: the n-th equal request fills the n-th slot of its key."""
    asked: Counter[bytes] = Counter()
    takes: list[Take] = []
    for one in calls:
        exact = key(one.request)
        takes.append(Take(Slot(exact, asked[exact]), one))
        asked[exact] += 1
    return takes
