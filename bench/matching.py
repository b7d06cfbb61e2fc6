"""Section 6: what a miss, a rule, a loose hit and the explanations at the end cost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

from bench import tools
from bench.clients import calling
from bench.measure import Calls, Subject, gc_held, measure
from bench.workload import PATH, REQUEST_HEADERS, URL, Workload, prose

MISS_BUDGET_MS = 50.0
RULE_BUDGET_US = 10.0
CLOSING_BUDGET_MS = 2_000.0

_HOST = URL.removesuffix(PATH)
_ACTIVE, _INACTIVE = (0, 1, 5, 20), (20, 200)

# A miss: what is recorded, and the request that is nearly the n-th of it.


def _chat(workload: Workload, n: int) -> Any:
    return tools.onetake_request(workload.request(n))


def _at_own_path(workload: Workload, n: int) -> Any:
    return tools.onetake_request(workload.request(n), f"{_HOST}/v1/files/{n:08}/summary")


def _upload(workload: Workload, n: int, boundary: str = "recorded", spelt: str = "ledger") -> Any:
    half = workload.size // 2
    lines = (
        *(f"--{boundary}", 'Content-Disposition: form-data; name="purpose"', "", "batch"),
        *(f"--{boundary}", 'Content-Disposition: form-data; name="file"; filename="a.txt"'),
        *(
            "Content-Type: text/plain",
            "",
            f"Batch {n:08}: {prose(half, 3)} {spelt} {prose(half, 4)}",
        ),
        *(f"--{boundary}--", ""),
    )
    content_type = f"multipart/form-data; boundary={boundary}"
    return tools.onetake_request("\r\n".join(lines).encode(), f"{_HOST}/v1/files", content_type)


def _uuid(n: int) -> str:
    return f"{n:08x}-5eed-4bad-8ace-{n * 7919:012x}"


def _with_trace(workload: Workload, n: int, trace: int | None = None) -> Any:
    body = json.loads(workload.request(n))
    body["metadata"] = {"trace_id": _uuid(n if trace is None else trace)}
    return tools.onetake_request(json.dumps(body).encode())


RECORDED: dict[str, Callable[[Workload, int], Any]] = {
    "chat": _chat,
    "uploads": _upload,
    "paths": _at_own_path,
    "traces": _with_trace,
}


def _word(workload: Workload, n: int) -> Any:
    body = workload.request(n)
    start = body.index(b" ", len(body) // 2) + 1
    return _chat(workload, n).replace(
        body=body[:start] + b"zebra" + body[body.index(b" ", start) :]
    )


def _number(workload: Workload, n: int) -> Any:
    body = workload.request(n).replace(b'"max_tokens":512', b'"max_tokens":1024')
    return tools.onetake_request(body)


def _first_message(workload: Workload, n: int) -> Any:
    body = json.loads(workload.request(n))
    body["messages"][0]["content"] = "You answer as briefly as you can."
    return tools.onetake_request(json.dumps(body).encode())


def _new_prompt(workload: Workload, n: int) -> Any:
    body = json.loads(workload.request(n))
    words = (f"{(n + k) * 7919:x}"[-7:] for k in range(workload.size // 8))
    body["messages"][1]["content"] = " ".join(words)
    return tools.onetake_request(json.dumps(body).encode())


def _byte_of_upload(workload: Workload, n: int) -> Any:
    return _upload(workload, n, boundary=f"sent{n:08}", spelt="ledgex")


def _path(workload: Workload, n: int) -> Any:
    request = _at_own_path(workload, n)
    return request.replace(url=request.url.replace("summary", "summaries"))


MISSES: dict[str, tuple[str, Callable[[Workload, int], Any], bool]] = {
    "a word in the middle": ("chat", _word, True),
    "a number": ("chat", _number, True),
    "the first message": ("chat", _first_message, True),
    "all of the prompt": ("chat", _new_prompt, False),
    "a byte of an upload": ("uploads", _byte_of_upload, True),
    "the path, all differ": ("paths", _path, True),
}
"""By what has changed: what is recorded, the request, and whether one recording is the right one."""


def file_name(recorded: str, size: int) -> str:
    return f"matching-{recorded}-{size}.json"


def work(part: str, **spec: Any) -> Any:
    """One part; runs in a worker."""
    return {"miss": _miss, "rules": _rules, "loose": _loose, "closing": _closing, "write": _write}[
        part
    ](**spec)


def _write(recorded: str, path: str, size: int, body: int) -> None:
    workload = Workload(body)
    requests = (RECORDED[recorded](workload, n) for n in range(size))
    tools.write_onetake(Path(path), requests, workload)


def _miss(what: str, path: str, size: int, body: int, calls: int) -> dict[str, Any]:
    """Milliseconds of the first and of later failing calls through httpx, and of their explanations."""
    from onetake import diagnosis

    workload = Workload(body)
    recorded, changed, has_right_one = MISSES[what]
    explained: list[float] = []
    found: list[Any] = []
    explain = diagnosis.explain_miss

    def timed_explain(*args: Any, **options: Any) -> Any:
        start = time.perf_counter_ns()
        miss = explain(*args, **options)
        explained.append((time.perf_counter_ns() - start) / 1e6)
        found.append(miss)
        return miss

    called: list[float] = []
    wrong = 0
    with _opened(tools.opening("onetake", Path(path))), _sending("httpx") as send:
        send(RECORDED[recorded](workload, 0))  # one hit: what is cold is the miss
        with mock.patch.object(diagnosis, "explain_miss", timed_explain):
            for k in range(calls + 1):
                n = (k * 6_151 + size * 7 // 9) % size
                request = changed(workload, n)
                with gc_held():
                    start = time.perf_counter_ns()
                    try:
                        send(request)
                    except Exception as error:
                        called.append((time.perf_counter_ns() - start) / 1e6)
                        if type(error).__name__ != "MissError":
                            raise
                right = found[-1].nearest_line.startswith(f"no. {n + 1} of ")
                wrong += has_right_one and not right
    return {
        "explained_ms": {"first": explained[0], "later": median(explained[1:])},
        "called_ms": {"first": called[0], "later": median(called[1:])},
        "wrong": wrong,
        "calls": calls + 1,
    }


@contextmanager
def _opened(scope: Any) -> Iterator[None]:
    """Entered, and left without the complaint that misses were swallowed."""
    scope.__enter__()
    try:
        yield
    finally:
        try:
            scope.__exit__(None, None, None)
        except Exception as error:
            if type(error).__name__ != "MissError":
                raise


@contextmanager
def _sending(client: str) -> Iterator[Callable[[Any], bytes]]:
    from importlib import import_module

    with import_module(client).Client(trust_env=False) as session:

        def send(request: Any) -> bytes:
            headers = REQUEST_HEADERS | {"Content-Type": request.headers.get("content-type")}
            content: bytes = session.post(
                request.url, content=request.body, headers=headers
            ).content
            return content

        yield send


def _rules(path: str, size: int, body: int, calls: int, rounds: int) -> dict[str, Any]:
    """µs of a key, and of a hit through httpx2, by the number of rules: active, then inactive ones."""
    from onetake.config.rules import Rule
    from onetake.matching import Matcher

    workload = Workload(body)
    sets = {
        f"{count} active": [
            Rule(host=_HOST.removeprefix("https://"), ignore=(f"body.metadata.trace_{k}",))
            for k in range(count)
        ]
        for count in _ACTIVE
    } | {
        f"{count} inactive": [
            Rule(host=f"api-{k}.invalid", ignore=("body.metadata",)) for k in range(count)
        ]
        for count in _INACTIVE
    }
    requests = [tools.onetake_request(workload.request(n)) for n in range(calls)]
    keys: dict[str, list[float]] = {name: [] for name in sets}
    matchers = {name: Matcher(rules=rules) for name, rules in sets.items()}
    for _ in range(rounds):
        for name, matcher in matchers.items():
            with gc_held():
                start = time.perf_counter_ns()
                for request in requests:
                    matcher.key(request)
                keys[name].append((time.perf_counter_ns() - start) / 1000 / calls)

    def opener(rules: Any) -> Any:
        @contextmanager
        def opened() -> Iterator[Calls]:
            with (
                tools.onetake_with_rules(Path(path), rules),
                calling("httpx2", workload) as run,
            ):
                yield run

        return opened

    subjects = [Subject(name, opener(rules)) for name, rules in sets.items()]
    cells = measure(subjects, size=size, calls=calls, rounds=rounds, budget_s=10)
    return {
        "key_us": {name: min(times) for name, times in keys.items()},
        "cells": {name: asdict(cell) for name, cell in cells.items()},
    }


def per_rule(us: dict[str, float]) -> dict[str, float]:
    """µs that the first active rule adds, that each further one does, and each that is not active."""
    most, idle = _ACTIVE[-1], _INACTIVE[-1]
    return {
        "the first rule": us["1 active"] - us["0 active"],
        f"each of {most - 1} further": (us[f"{most} active"] - us["1 active"]) / (most - 1),
        f"each of {idle} inactive": (us[f"{idle} inactive"] - us["0 active"]) / idle,
    }


def _loose(path: str, size: int, body: int, calls: int) -> dict[str, Any]:
    """ms of hits through httpx2: exact ones, the first loose one (it computes loose keys), later ones."""
    workload = Workload(body)
    exact: list[float] = []
    loose: list[float] = []
    with tools.opening("onetake", Path(path)) as cassette, _sending("httpx2") as send:
        workload.check(0, send(_with_trace(workload, 0)))
        with gc_held():
            for n in range(1, 2 * calls + 2):
                request = _with_trace(workload, n, trace=n if n % 2 else n + size)
                start = time.perf_counter_ns()
                answer = send(request)
                (exact if n % 2 else loose).append((time.perf_counter_ns() - start) / 1e6)
                workload.check(n, answer)
        if cassette.counts["loose"] != calls:
            raise AssertionError(f"{cassette.counts['loose']} loose hits of {calls}")
    return {"exact_ms": median(exact), "first_ms": loose[0], "later_ms": median(loose[1:])}


def _closing(path: str, size: int, body: int, calls: int) -> dict[str, Any]:
    """ms of explaining, at the end, `calls` requests that were recorded anew, and how many were."""
    from onetake.cassettes.decisions import Shortage
    from onetake.config import Settings
    from onetake.formats.document import parse
    from onetake.matching import Matcher
    from onetake.recorder.explanations import Explanations

    workload = Workload(body)
    entries = parse(Path(path).read_bytes(), path, lambda _: b"").entries
    explanations = Explanations(entries, Matcher(), Settings(), place=path, test="bench")
    recorded = [(_word(workload, n % size), 1790000100.0, Shortage()) for n in range(calls)]
    with gc_held():
        start = time.perf_counter_ns()
        explanations.add_recorded(recorded)
        ms = (time.perf_counter_ns() - start) / 1e6
    done = sum(event.miss.reason == "changed" for event in explanations.events)
    return {"ms": ms, "explained": done, "calls": calls}
