"""The calls: distinct chat requests to one URL, and their answers.

Call n differs from the others in one number of fixed width, so that every tool sees the same sizes.
"""

from __future__ import annotations

import gzip
import json
import random
from functools import cache

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
    """Requests and answers of about `size` bytes each, answered as `kind` says.

    `json` answers at once, `gzip` does so compressed (to a request of 0.7 kB), and `sse` answers in 100 events,
    each in a chunk of its own, whatever `size` is.
    """

    def __init__(self, size: int, kind: str = "json") -> None:
        self.size = size
        self.kind = kind
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
        missing = (size if kind == "json" else 700) - len(json.dumps(request))
        request["messages"][1]["content"] += prose(missing, 1)  # type: ignore[index]
        missing = size - len(json.dumps(answer))
        answer["choices"][0]["message"]["content"] += prose(missing, 2)  # type: ignore[index]
        self._request = json.dumps(request, separators=(",", ":"))
        self._answer = json.dumps(answer, separators=(",", ":"))

    def request(self, n: int) -> bytes:
        return self._request.replace(_NUMBER, f"{n:08}").encode()

    def answer(self, n: int) -> bytes:
        """The body of answer `n` as a program reads it."""
        return b"".join(self.pieces(n))

    def pieces(self, n: int) -> list[bytes]:
        """The decoded body of answer `n`, by chunks."""
        if self.kind == "sse":
            words = (f"Summary {n:08}: word {k}" for k in range(100))
            return [f'data: {{"delta": {{"text": "{text} "}}}}\n\n'.encode() for text in words]
        return [self._answer.replace(_NUMBER, f"{n:08}").encode()]

    @cache
    def wire(self, n: int) -> list[bytes]:
        """The body of answer `n` as it is sent, by chunks."""
        if self.kind != "gzip":
            return self.pieces(n)
        return [gzip.compress(piece, 6) for piece in self.pieces(n)]

    def check(self, n: int, answer: bytes) -> None:
        """Raise unless `answer` is that of call `n`; a peer may have spelt its JSON anew."""
        if f"Summary {n:08}:".encode() not in answer:
            raise AssertionError(f"call {n} got another answer: {answer[:60]!r}")

    def answer_headers(self, n: int = 0) -> list[tuple[str, str]]:
        kinds = {"sse": "text/event-stream; charset=utf-8"}
        headers = [("content-type", kinds.get(self.kind, "application/json"))]
        if self.kind == "sse":
            headers.append(("transfer-encoding", "chunked"))
        else:
            headers.append(("content-length", str(sum(map(len, self.wire(n))))))
        if self.kind == "gzip":
            headers.append(("content-encoding", "gzip"))
        return [
            *headers,
            ("date", "Sun, 01 Nov 2026 10:00:00 GMT"),
            ("server", "bench"),
            ("x-request-id", "req-bench"),
        ]

    def answer_wire(self, n: int) -> list[bytes]:
        """The whole answer as HTTP/1.1; the first chunk comes with the head."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.answer_headers(n))
        head = f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode()
        chunks = self.wire(n)
        if self.kind == "sse":
            chunks = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks]
            chunks[-1] += b"0\r\n\r\n"
        return [head + chunks[0], *chunks[1:]]


def number_of(request: bytes) -> int:
    """The n of a request's bytes."""
    at = request.index(b"Document ") + 9
    return int(request[at : at + 8])
