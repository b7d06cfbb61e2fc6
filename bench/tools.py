"""onetake, vcrpy and cassetter: making a cassette of n calls, opening it, recording into a new one.

All three compare method, URL and body. Files are made through each tool's own writer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate
from pathlib import Path
from typing import Any

from bench.workload import HOST, PATH, REQUEST_HEADERS, URL, Workload

TOOLS = ("onetake", "vcrpy", "cassetter")


def missing(tool: str) -> str:
    """Why `tool` cannot be measured here; empty if it can."""
    try:
        if tool == "onetake":
            import onetake.formats.document
            import onetake.recorder  # noqa: F401
        elif tool == "vcrpy":
            import vcr  # noqa: F401
        else:
            import cassetter  # noqa: F401
    except ImportError as error:
        return f"not importable: {error}"[:90]
    return ""


def onetake_folder() -> str:
    import onetake

    return str(Path(onetake.__file__).parent)


def versions() -> dict[str, str]:
    found = {}
    for name in (*TOOLS, "httpx2", "httpx", "requests", "urllib3", "aiohttp", "msgspec"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "source tree" if name == "onetake" else "-"
    return found


def file_name(tool: str, size: int, body: int, kind: str = "json") -> str:
    return f"{tool}-{kind}-{size}-{body}.{'json' if tool == 'onetake' else 'yaml'}"


def write_cassette(tool: str, path: Path, size: int, workload: Workload) -> None:
    {"onetake": _write_onetake, "vcrpy": _write_vcrpy, "cassetter": _write_cassetter}[tool](
        path, size, workload
    )


def opening(tool: str, path: Path) -> AbstractContextManager[Any]:
    """A cassette opened for replay only."""
    if tool == "onetake":
        return _onetake("replay", path)
    if tool == "vcrpy":
        return _vcrpy("none", path)
    import cassetter

    return cassetter.use_cassette(path, record_mode="none", match_on=["method", "uri", "body"])


def recording(tool: str, path: Path) -> AbstractContextManager[Any]:
    """A new cassette that records every call."""
    if tool == "onetake":
        return _onetake("record", path)
    if tool == "vcrpy":
        return _vcrpy("all", path)
    import cassetter

    return cassetter.use_cassette(path, record_mode="all", match_on=["method", "uri", "body"])


# onetake


def _onetake(mode: str, path: Path) -> AbstractContextManager[Any]:
    from onetake.config import Mode, Settings
    from onetake.recorder import Recorder

    recorder = Recorder(settings=Settings(mode=Mode(mode)), root=path.parent)
    return recorder.use_cassette(str(path))


def onetake_with_rules(path: Path, rules: Sequence[Any]) -> AbstractContextManager[Any]:
    """A cassette opened for replay, by `rules`."""
    from onetake.config import Mode, Settings
    from onetake.recorder import Recorder

    settings = Settings(mode=Mode.REPLAY, rules=tuple(rules))
    return Recorder(settings=settings, root=path.parent).use_cassette(str(path))


def onetake_request(body: bytes, url: str = URL, content_type: str = "") -> Any:
    from onetake.messages import Headers, Request

    headers = REQUEST_HEADERS | ({"Content-Type": content_type} if content_type else {})
    return Request(method="POST", url=url, headers=Headers(tuple(headers.items())), body=body)


def _write_onetake(path: Path, size: int, workload: Workload) -> None:
    requests = (onetake_request(workload.request(n)) for n in range(size))
    write_onetake(path, requests, workload)


def write_onetake(path: Path, requests: Iterable[Any], workload: Workload) -> None:
    """A cassette of `requests`, made in 2026, each with its answer of `workload`."""
    from onetake.formats.document import encode_interaction, join
    from onetake.messages import Body, Chunk, Headers, Interaction, Response
    from onetake.redaction import Redactor

    redactor = Redactor()
    blobs: dict[str, bytes] = {}
    texts = []
    for n, request in enumerate(requests):
        received = Headers(tuple(workload.answer_headers(n)))
        pieces = workload.pieces(n)
        ends = accumulate(map(len, pieces))
        chunks = tuple(Chunk(end, 812 + k) for k, end in enumerate(ends))
        encoding = "gzip" if workload.kind == "gzip" else ""
        body = Body(data=b"".join(pieces), chunks=chunks, encoding=encoding)
        one = Interaction(
            request=request,
            response=Response(status=200, reason="OK", headers=received, body=body),
            at=1790000000,
            ms=811,
        )
        texts.append(encode_interaction(redactor.interaction(one), blobs))
    path.write_bytes(join(texts, None))
    for name, data in blobs.items():
        blob = path.parent / "blobs" / name
        blob.parent.mkdir(exist_ok=True)
        blob.write_bytes(data)


# vcrpy


def _vcrpy(mode: str, path: Path, persister: Any = None) -> AbstractContextManager[Any]:
    import vcr

    maker = vcr.VCR(record_mode=mode, match_on=("method", "uri", "body"))
    if persister is not None:
        maker.register_persister(persister)
    cassette: AbstractContextManager[Any] = maker.use_cassette(str(path))
    return cassette


def _vcrpy_response(n: int, workload: Workload) -> dict[str, Any]:
    return {
        "status": {"code": 200, "message": "OK"},
        "headers": {name: [value] for name, value in workload.answer_headers(n)},
        "body": {"string": b"".join(workload.wire(n))},
    }


def _write_vcrpy(path: Path, size: int, workload: Workload) -> None:
    """One interaction through its serialiser, repeated: its YAML writer needs minutes for 20,000."""
    from vcr.request import Request
    from vcr.serialize import serialize
    from vcr.serializers import yamlserializer

    request = Request("POST", URL, workload.request(0), dict(REQUEST_HEADERS))
    one = {"requests": [request], "responses": [_vcrpy_response(0, workload)]}
    text = serialize(one, yamlserializer)
    start = text.index("- request")
    end = text.index("version:")
    with path.open("w") as file:
        file.write(text[:start])
        for n in range(size):
            file.write(text[start:end].replace("00000000", f"{n:08}"))
        file.write(text[end:])


@contextmanager
def vcrpy_in_memory(size: int, workload: Workload) -> Iterator[Any]:
    """An open cassette that was not read from a file, which would take minutes at 20,000."""
    from vcr.request import Request

    class Memory:
        @classmethod
        def load_cassette(cls, _path: str, serializer: Any) -> Any:  # noqa: ARG003
            headers = dict(REQUEST_HEADERS)
            requests = [Request("POST", URL, workload.request(n), headers) for n in range(size)]
            return requests, [_vcrpy_response(n, workload) for n in range(size)]

        @staticmethod
        def save_cassette(_path: str, _cassette: Any, serializer: Any) -> None: ...

    with _vcrpy("none", Path("memory"), Memory) as cassette:
        yield cassette


# cassetter


def _write_cassetter(path: Path, size: int, workload: Workload) -> None:
    """One interaction through its writer, repeated, as for vcrpy."""
    from cassetter._core import (
        Cassette,
        HttpInteraction,
        HttpRequest,
        HttpResponse,
        process_body,
    )

    cassette = Cassette()
    sent = {"content-type": ["application/json"]}
    received = {name: [value] for name, value in workload.answer_headers()}
    request = process_body(workload.request(0), "application/json", None)
    answer = process_body(workload.answer(0), "application/json", None)
    cassette.add_interaction(
        HttpInteraction(
            HttpRequest("POST", HOST + PATH, sent, request),
            HttpResponse(200, received, answer),
            "2026-11-01T10:00:00Z",
        )
    )
    cassette.save(str(path))
    text = path.read_text()
    start = text.index("- request")
    with path.open("w") as file:
        file.write(text[:start])
        for n in range(size):
            file.write(text[start:].replace("00000000", f"{n:08}"))
