"""The calls: distinct chat requests to one URL, and their answers.

Call n differs from the others in one number of fixed width, so that every tool sees the same sizes.
"""

from __future__ import annotations

import json
import random

HOST = "https://api.bench.invalid"  # never resolves: nothing here can reach a network
PATH = "/v1/chat/completions"
URL = HOST + PATH
REQUEST_HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer bench-key-0001"}

_NUMBER = "00000000"
_WORDS = (
    "answer",
    "budget",
    "cassette",
    "chunk",
    "client",
    "design",
    "ledger",
    "opening",
    "prompt",
)


def prose(size: int, seed: int) -> str:
    words = random.Random(seed)
    text = ""
    while len(text) < size:
        text += words.choice(_WORDS) + words.choice((" ", " ", " ", ", ", ". "))
    return text[:size]


class Workload:
    """Requests and answers of about `size` bytes each."""

    def __init__(self, size: int) -> None:
        self.size = size
        request = {
            "model": "bench-1",
            "temperature": 0.2,
            "max_tokens": 512,
            "messages": [
                {"role": "system", "content": "You summarise documents in plain words."},
                {"role": "user", "content": f"Document {_NUMBER}: "},
            ],
        }
        answer = {
            "id": f"chatcmpl-{_NUMBER}",
            "object": "chat.completion",
            "created": 1790000000,
            "model": "bench-1",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": f"Summary {_NUMBER}: "},
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 410, "completion_tokens": 370, "total_tokens": 780},
        }
        missing = size - len(json.dumps(request))
        request["messages"][1]["content"] += prose(missing, 1)  # type: ignore[index]
        missing = size - len(json.dumps(answer))
        answer["choices"][0]["message"]["content"] += prose(missing, 2)  # type: ignore[index]
        self._request = json.dumps(request, separators=(",", ":"))
        self._answer = json.dumps(answer, separators=(",", ":"))

    def request(self, n: int) -> bytes:
        return self._request.replace(_NUMBER, f"{n:08}").encode()

    def answer(self, n: int) -> bytes:
        return self._answer.replace(_NUMBER, f"{n:08}").encode()

    def check(self, n: int, answer: bytes) -> None:
        """It must be the answer of call n; a peer may have spelt its JSON anew."""
        if f"Summary {n:08}:".encode() not in answer:
            raise AssertionError(f"call {n} got another answer: {answer[:60]!r}")

    def answer_headers(self) -> list[tuple[str, str]]:
        return [
            ("content-type", "application/json"),
            ("content-length", str(len(self._answer))),
            ("date", "Sun, 01 Nov 2026 10:00:00 GMT"),
            ("server", "bench"),
            ("x-request-id", "req-bench"),
        ]

    def answer_wire(self, n: int) -> bytes:
        """The whole answer as HTTP/1.1."""
        head = "".join(f"{name}: {value}\r\n" for name, value in self.answer_headers())
        return b"HTTP/1.1 200 OK\r\n" + head.encode() + b"\r\n" + self.answer(n)


def number_of(request: bytes) -> int:
    """The n of a request's bytes."""
    at = request.index(b"Document ") + 9
    return int(request[at : at + 8])
