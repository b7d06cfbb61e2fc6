"""The readers, each as a function of bytes that raises nothing but what is documented, and its seeds.

A reader is given what lies in a file, a row or an answer, and goes on as the program would: what was read is
replayed, compared, matched, redacted, printed. What it must not do (answer with a header line that ends
early, lead out of the store) is asserted here.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec

from fuzz.bodies import BODIES, read_body
from onetake import project
from onetake.care.receipt import cassettes_of, read_receipt
from onetake.config import Settings, resolve
from onetake.config.paths import parse_path
from onetake.config.rules import parse_rules
from onetake.content import plain_value, read_request
from onetake.diagnosis import compare, explain_miss, line_of, one_line, render
from onetake.diagnosis.nearest import nearest
from onetake.diagnosis.unredacted import Cleaner, in_text
from onetake.errors import CassetteError, OnetakeError, RedactionError, StoreError, UsageError
from onetake.formats import betamax, har, vcr, vcr_text
from onetake.formats.blobs import blob_name
from onetake.formats.document import encode_entry, encode_interaction, join, parse
from onetake.formats.lines import decode_plain, encode_plain
from onetake.formats.media import shrink
from onetake.formats.packing import pack, pack_plain, unpack
from onetake.formats.reading import read_entries, recognised
from onetake.matching import Matcher
from onetake.messages import (
    Body,
    Chunk,
    Ended,
    Failure,
    Headers,
    Interaction,
    Request,
    Response,
    read_url,
)
from onetake.providers import telemetry
from onetake.pytest_plugin.unmarked import Unmarked
from onetake.redaction import Redactor, Values
from onetake.reports.json_report import to_json
from onetake.reports.merging import merge, read_report
from onetake.runtime.playback import Playback
from onetake.spend import estimate_of, usage_of
from onetake.spend.answers import answers_of
from onetake.stores import diary, history, runs, tallies
from onetake.stores.budget import Budget
from onetake.stores.file_names import check_name, locate, name_in
from onetake.stores.files import read_cassette
from onetake.stores.journal import all_apart, read_quarantine
from onetake.stores.port import Held, Row
from onetake.stores.rows.objects import ObjectStore
from onetake.stores.shared import SharedCassette
from onetake.stores.usage import read_usage
from onetake.wire import event_stream, http1, multipart
from onetake.wire.encodings import decoder, encoder
from onetake.wire.sse import read_events
from onetake.wire.terminators import is_terminated


class Reader(NamedTuple):
    """`errors` are those that it may raise."""

    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    errors: tuple[type[Exception], ...] = ()


_JSON = Headers((("Content-Type", "application/json"), ("Authorization", "Bearer x")))
CALL = Interaction(
    request=Request(
        method="POST",
        url="https://api.openai.com/v1/chat/completions?key=a",
        headers=_JSON,
        body=b'{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}',
    ),
    response=Response(
        status=200,
        reason="OK",
        headers=Headers((("content-type", "application/json"), ("content-length", "70"))),
        body=Body(
            data=b'{"model":"gpt-4o-mini","usage":{"prompt_tokens":2,"completion_tokens":3}}',
            chunks=(Chunk(10, 5), Chunk(73, 900)),
        ),
    ),
    at=1_769_000_000,
    ms=4,
)
_FORM = Interaction(
    request=Request(
        method="POST",
        url="https://api.example.test/v1/files",
        headers=Headers((("content-type", "multipart/form-data; boundary=b"),)),
        body=b'--b\r\nContent-Disposition: form-data; name="a"; filename="x"\r\n\r\n1\r\n--b--\r\n',
    ),
    response=Response(
        status=200,
        headers=Headers((("content-type", "text/event-stream"),)),
        body=Body(data=b'data: {"id": 1}\n\ndata: [DONE]\n\n', encoding="gzip"),
    ),
)
_IMAGE = CALL.replace(
    request=CALL.request.replace(body=b'{"a": 1.50,\n "image": "%s"}' % (b"QUJD" * 5500))
)
_FAILED = Interaction(
    request=Request(method="GET", url="http://x.test/"),
    failure=Failure(kind="refused", type="httpcore.ConnectError", args=("no", "2")),
    ended=Ended.CUT,
)
CALLS = (CALL, _FORM, _IMAGE, _FAILED)


def _text(*calls: Interaction, name: str | None = None) -> bytes:
    return join([encode_interaction(one, {}) for one in calls], name)


def _blob(_name: str) -> bytes:
    return b"a blob" * 10


_MATCHER = Matcher()
_VALUES = Values(("zq7XWv9kk2",))


def _use(one: Interaction) -> None:
    """What comes of an interaction that was read."""
    _check_lines(one)
    played = Playback(one, Unmarked(), "httpx")
    whole = played.whole()
    if one.response is not None and played.response is not None:
        head = http1.render_head(played.response)
        assert head.count(b"\r\n") <= 2 + 2 * len(one.response.headers.items) + head.count(
            b"\r\n "
        ) + head.count(b"\r\n\t")
        answers_of(one.response)
        usage_of(one.request, one.response)
        shrink(one.response)
        played.headers.to_bytes()
    assert isinstance(whole, bytes)
    assert played.waits_s is None or played.waits_s < 4000
    assert "\x1b" not in line_of(one.request)
    assert _MATCHER.key(one.request) == _MATCHER.key(one.request)
    estimate_of(one.request, None)
    compare(one, CALL)
    safe = Redactor()
    safe.interaction(one.replace(request=safe.request(one.request)))


def _check_lines(one: Interaction) -> None:
    texts = [one.request.method, one.request.url]
    lines = list(one.request.headers.items)
    if one.response is not None:
        texts += [one.response.reason, one.response.http_version]
        lines += one.response.headers.items
    texts += [name for name, _ in lines]
    assert not any(mark in text for text in texts for mark in "\r\n\0")
    for _, value in lines:
        unfolded = value.replace("\r\n ", "").replace("\r\n\t", "")
        assert not any(mark in unfolded for mark in "\r\n\0")


def _document(data: bytes) -> None:
    found = parse(data, "a.json", _blob)
    for entry in found.entries:
        _ = entry.line, entry.raw
        try:
            _ = entry.at, entry.outcome
            one = entry.interaction
            assert entry.answering(one.request) == one
        except CassetteError:
            continue
        _use(one)
    join([entry.raw for entry in found.entries], found.name)


def _journal_line(data: bytes) -> None:
    seq, one = decode_plain(data)
    _use(one)
    assert decode_plain(encode_plain(one, seq))[1].request == one.request


@cache
def _folder() -> Path:
    """Kept until the process ends."""
    made = tempfile.TemporaryDirectory(
        prefix="onetake-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None
    )
    _kept.append(made)
    return Path(made.name)


_kept: list[Any] = []


def _in(*names: str) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = _folder().joinpath(*names)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return write


def _cache_of(name: str) -> Path:
    return _folder() / name / ".onetake"


def _journal(data: bytes) -> None:
    _in("journal", ".onetake", "quarantine", "0" * 20, "a.jsonl")(data)
    all_apart(_cache_of("journal"), [])
    read_quarantine(_cache_of("journal"), "0" * 20, "t.py::t")


def _unredacted(data: bytes) -> None:
    in_text(data, _VALUES)
    if recognised(data, "a.json"):
        readable = []
        for entry in read_entries(data, "a.json", _blob):
            with suppress(CassetteError):
                readable.append(entry.read())
        Cleaner(_MATCHER, Redactor(values=_VALUES)).clean(readable)


def _usages(data: bytes) -> None:
    read_usage([_in("usage", ".onetake", "usage", "a.jsonl")(data)])


def _runs(data: bytes) -> None:
    _in("runs", ".onetake", "runs", "a.jsonl")(data)
    runs.last_run(_cache_of("runs"))


def _tallies(data: bytes) -> None:
    _in("tallies", ".onetake", "tallies", "a.jsonl")(data)
    for one in tallies.recall(Settings(), _cache_of("tallies").parent):
        assert one.sum.calls >= 0


def _diary(data: bytes) -> None:
    _in("diary", ".onetake", "diaries", "r", "gw0.jsonl")(data)
    list(diary.read(_cache_of("diary"), "r", "gw0"))


def _budget(data: bytes) -> None:
    _in("budget", ".onetake", "spend", "r.jsonl")(data)
    _in("budget", ".onetake", "spend", "largest.json")(data)
    found = Budget(_cache_of("budget"), "r")
    assert found.balance().usd >= 0
    found.largest("m")


def _history(data: bytes) -> None:
    history.decode(data.split(b"\n"))


def _report(data: bytes) -> None:
    path = _in("report", "a.json")(data)
    try:
        report = read_report(path)
        cassettes_of(report)
        to_json(
            merge([report, read_report(_in("report", "b.json")(_REPORT.replace(b'"r1"', b'"r2"')))])
        )
    finally:
        pass


def _receipt(data: bytes) -> None:
    read_receipt(data, "a")


def _packed(data: bytes) -> None:
    unpack(data)


def _row(data: bytes) -> None:
    """Up to the first line end the row's name, then what it holds."""
    name, _, held = data.partition(b"\n")
    rows = (Row(name.decode("utf-8", "replace"), held), *_ROWS)
    store = SimpleNamespace(
        place="test:", read=lambda _: Held(rows), blobs=lambda names: dict.fromkeys(names, held)
    )
    cassette = SharedCassette(store, "a", fingerprint="f")  # type: ignore[arg-type]
    for entry in cassette.load(_MATCHER.key, "f").entries:
        try:
            _use(entry.interaction)
        except CassetteError:
            continue


def _object(data: bytes) -> None:
    from onetake.stores.rows import objects

    store = object.__new__(ObjectStore)
    store.place = "test:"
    found = store._decode(data, objects._Entry)
    view = objects._View((), (found,))
    _ = view.rows, view.runs
    for slot, row in view.rows.items():
        objects._name(slot)
        for _, lines in history._decoded([Row(slot, row)]):
            history.decode(line for _, _, line in lines)


def _multipart(data: bytes) -> None:
    kind, _, body = data.partition(b"\n")
    found = multipart.parse(kind.decode("latin-1"), body)
    if found is not None:
        assert multipart.render(found) == body
        _ = [(part.name, part.filename, part.content_type) for part in found.parts]


def _events(data: bytes) -> None:
    list(read_events(data))
    is_terminated("text/event-stream", data)
    _use_answer("text/event-stream", data)


def _frames(data: bytes) -> None:
    for frame in event_stream.read_frames(data):
        event_stream.unwrapped(frame.payload)
    _use_answer("application/vnd.amazon.eventstream", data)


def _use_answer(kind: str, data: bytes) -> None:
    answer = Response(status=200, headers=Headers((("content-type", kind),)), body=Body(data=data))
    for url in (
        "https://api.openai.com/v1/chat/completions",
        "https://api.anthropic.com/v1/messages",
        "https://generativelanguage.googleapis.com/v1beta/models/g:generateContent",
        "https://api.cohere.com/v2/chat",
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/a/invoke-with-response-stream",
    ):
        usage_of(Request(method="POST", url=url, headers=_JSON, body=CALL.request.body), answer)


def _answer(data: bytes) -> None:
    _use_answer("application/json", data)
    _use(CALL.replace(response=Response(status=200, body=Body(data=data), headers=_JSON)))


def _request(data: bytes) -> None:
    """The bytes of a whole request as a client writes it."""
    message = http1.parse_request(data)
    request = Request(
        method=message.method,
        url=f"https://api.example.test{message.target}",
        headers=message.headers,
        body=message.body,
    )
    key = _MATCHER.key(request)
    safe = Redactor().request(request)
    assert isinstance(key, bytes)
    for kind in _KINDS:
        telemetry.telemetry_answer(kind, request, plain_value(read_request(request)))
    held = nearest(request, [_RECORDING])
    text = render(explain_miss(request, [_RECORDING], _MATCHER), "a", "replay") if held else ""
    assert "\x1b" not in one_line(text)
    stored = CALL.replace(request=safe)
    encode_entry(stored, {})


def _chunked(data: bytes) -> None:
    framer = http1.BodyFramer(chunked=True)
    for at in range(0, len(data), 97):
        framer.feed(data[at : at + 97])
    framer.rest()


def _coded(data: bytes) -> None:
    """The first byte chooses the coding and the size of the pieces."""
    coder = decoder(("gzip", "deflate", "br", "zstd")[data[0] % 4]) if data else None
    if coder is None:
        return
    step, size = (1 << 16) >> (data[0] // 4 % 16) or 1, 0
    try:
        for at in range(1, len(data), step):
            size += len(coder.feed(data[at : at + step]))
        size += len(coder.finish())
    except Exception:
        pass
    assert size <= 33 << 20


def _file(data: bytes) -> None:
    path = _in("cassettes", "a.json")(data)
    name_in(path)
    for entry in read_cassette(path):
        try:
            _ = entry.interaction
        except CassetteError:
            continue


def _vcr(data: bytes) -> None:
    calls = vcr_text.read(data, "a.yaml")
    for one in calls:
        _use(one)
    again = vcr_text.read(vcr_text.to_yaml(vcr.to_tree(calls)), "a.yaml")
    assert [one.request.body for one in again] == [one.request.body for one in calls]


def _vcr_file(data: bytes) -> None:
    path = _in("vcr", "a.yaml")(data)
    for entry in read_cassette(path):
        _use(entry.interaction)


def _har(data: bytes) -> None:
    for one in har.read(data, "a.har").interactions:
        _use(one)


def _betamax(data: bytes) -> None:
    for one in betamax.read(data, "a.json").interactions:
        _use(one)


def _name(data: bytes) -> None:
    name = data.decode("utf-8", "surrogateescape")
    root = Path("/project")
    check_name(name)
    path, _ = locate(name, store="files:kept", directory=root / "tests", root=root)
    assert ".." not in path.parts
    assert Path(name).is_absolute() or path.is_relative_to(root)


def _settings(data: bytes) -> None:
    _in("settings", "onetake.toml")(data)
    resolve([project.file_source(_folder() / "settings")], ci=False)


def _rules(data: bytes) -> None:
    rules = parse_rules(data.decode("utf-8", "replace"), "a")
    Matcher(rules=rules).key(CALL.request)


def _path(data: bytes) -> None:
    parse_path(data.decode("utf-8", "replace"))


def _url(data: bytes) -> None:
    text = data.decode("latin-1")
    url = read_url(text)
    assert url.path
    request = Request(method="GET", url=text)
    _ = Redactor().request(request), line_of(request), _MATCHER.key(request)


def _frame(payload: bytes) -> bytes:
    import struct
    import zlib

    head = b"\x0b:event-type\x07\x00\x05chunk"
    start = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    start += struct.pack(">I", zlib.crc32(start)) + head + payload
    return start + struct.pack(">I", zlib.crc32(start))


def _encoded(coding: str, number: int) -> bytes:
    coder = encoder(coding)
    assert coder is not None
    return bytes([number]) + coder.feed(b"Hello, hello. " * 20) + coder.finish()


def _bomb(number: int) -> bytes:
    return bytes([number]) + gzip.compress(bytes(1 << 24))


_ENTRY = encode_entry(CALL, {})
_KEY = _MATCHER.key(CALL.request).hex()


def _row_of(entry: bytes) -> bytes:
    return msgspec.msgpack.encode((1, (1, 0), b"", entry))


_ROWS = (
    Row(f"{_KEY}.0", _row_of(pack(_ENTRY))),
    Row(f"{_KEY}.1", _row_of(pack_plain(_ENTRY))),
)
_RECORDING = next(iter(parse(_text(CALL), "a.json", _blob).entries))
_KINDS = (*telemetry.TELEMETRY, telemetry.GENERIC_TELEMETRY)
_HEAD = b'{"journal":1,"cassette":"00000000000000000000","test":"t.py::t","place":"/x/a.json"}\n'
_REPORT = msgspec.json.encode(
    {
        "onetake_report": 1,
        "runs": [
            {
                "id": "r1", "onetake": "1", "mode": "auto", "mode_reason": "", "store": "", "started": "",
                "seconds": 1.0, "exit_code": 0, "is_whole": True,
            }
        ],
        "totals": {"tests": 1, "calls": {"replayed": 1}},
        "tests": [{"test": "a.py::b", "verdict": "HIT", "counts": {"replayed": 1}, "hosts": {"x": 1}}],
        "degraded": [{"place": "r", "failures": 1, "spooled": 1, "delivered": 0, "last_error": ""}],
        "capacity": [{"place": "r", "used": 1, "limit": 2}],
        "overflow": [{"test": "a.py::b", "runs": 2}],
        "unused": [{"place": "c", "unused": 1, "held": 2}],
        "recordings": [
            {"place": "c", "cassette": "c", "store": "", "held": 1, "unused": [], "digest": "d"}
        ],
    }
)  # fmt: skip
_RECEIPT = msgspec.json.encode(
    {
        "onetake_receipt": 1, "digest": "sha256:0", "recordings": 1, "cassettes": [{"name": "a"}], "tests": 1,
        "replayed": 1, "paid": 0, "missed": 0, "egress": 0, "runs": [{"id": "r"}],
    }
)  # fmt: skip
_STREAM = (
    b'event: message_start\ndata: {"type":"message_start","message":{"model":"claude","usage":{"input_tokens":1}}}\n\n'
    b'data: {"type":"message_delta","usage":{"output_tokens":5}}\n\nevent: message_stop\ndata: {}\n\ndata: [DONE]\n\n'
)

_EXPRESSIBLE = [one for one in CALLS if vcr.is_expressible(one)]
_VCR = vcr_text.to_yaml(vcr.to_tree(_EXPRESSIBLE))
_VCR_OLD = b"""\
interactions:
- request: {body: !!python/object/new:_io.BytesIO {state: !!python/tuple [!!binary aGk=, 0, null]},
    headers: &h {a: [!!binary aGk=]}, method: put, uri: http://a.test/}
  response: {status_code: 200, headers: [[content-encoding, gzip]], content: !!binary H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==}
- request: {body: !!python/object/apply:builtins.iter {args: [[!!binary aGk=]]}, headers: *h, method: GET, uri: 'http://a.test/?a'}
  response: {body: {string: hi}, headers: {<<: *h}, status: {code: 200, message: null}}
- request: {parsed_body: {a: 1.5}, headers: {}, method: POST, uri: http://a.test/}
  response: {parsed_body: [1], headers: {}, status: {code: 200, message: OK}}
version: 1
"""
_VCR_TYPED = b"""{"interactions": [{"request": {"body": {"type": "binary", "content": "6869"}, "headers": {}, "method":
"POST", "uri": "http://a.test/?a=\\ud83d\\ude00"}, "response": {"body": {"type": "json", "content": [1]}, "headers": {},
"status": {"code": 200, "message": "OK"}}}], "version": 1}"""
_BETAMAX = b"""{"http_interactions": [{"recorded_at": "2026-11-26T12:50:00", "request": {"body": {"encoding": "utf-8",
"string": "a=1"}, "headers": {"A": ["b"]}, "method": "POST", "uri": "http://a.test/"}, "response": {"body":
{"base64_string": "aGk=", "encoding": null}, "headers": {"C": "d"}, "status": {"code": 200, "message": "OK"}}}],
"recorded_with": "betamax/0.9.0"}"""

READERS: dict[str, Reader] = {
    "vcr_yaml": Reader(_vcr, (_VCR, _VCR_OLD, gzip.compress(_VCR)), (CassetteError,)),
    "vcr_json": Reader(
        _vcr, (vcr_text.to_json(vcr.to_tree(_EXPRESSIBLE)), _VCR_TYPED), (CassetteError,)
    ),
    "vcr_file": Reader(_vcr_file, (_VCR, _VCR_OLD), (CassetteError, StoreError)),
    "har": Reader(_har, (har.to_har(CALLS, "1"),), (CassetteError,)),
    "betamax": Reader(_betamax, (_BETAMAX,), (CassetteError,)),
    "document": Reader(_document, (_text(*CALLS, name="a"), _text(CALL)), (CassetteError,)),
    "file": Reader(_file, (_text(*CALLS, name="a/b"),), (CassetteError, StoreError)),
    "journal-line": Reader(
        _journal_line, tuple(encode_plain(one, 3) for one in CALLS), (CassetteError,)
    ),
    "journal": Reader(
        _journal, (_HEAD + encode_plain(CALL, 0) + b"\n" + encode_plain(_FAILED, 1) + b"\n",)
    ),
    "unredacted": Reader(
        _unredacted,
        (
            _text(*CALLS),
            _HEAD + encode_plain(CALL, 0) + b"\n",
            _VCR,
            _VCR_OLD,
            _VCR_TYPED,
            gzip.compress(_VCR, mtime=0),
            _BETAMAX,
            har.to_har(CALLS, "1"),
            b"a: !!binary |\n  QmVhcmVyIHNrLXByb2otQWIzZEVmNmhJajlr\n  TG1OMHBRcjVTdFV2\nb: %73k-\nc: H4sIAAAA",
        ),
        (CassetteError, RedactionError),
    ),
    "packed": Reader(
        _packed,
        (pack(_ENTRY), pack_plain(b"x")),
        (CassetteError, StoreError),
    ),
    "row": Reader(
        _row,
        (f"{_KEY}.2\n".encode() + _row_of(pack(_ENTRY)),),
        (CassetteError, StoreError),
    ),
    "object": Reader(
        _object,
        (
            msgspec.msgpack.encode(
                ("t", [("", pack(msgspec.msgpack.encode([("c", b"{}")])))], ["u"], True)
            ),
        ),
        (CassetteError, StoreError),
    ),
    "usage": Reader(
        _usages,
        (
            b'{"usage":1,"at":1,"is_whole":true,"all_passed":true,"lying":["a"]}\n'
            b'{"place":"a","cassette":"a","store":"files:c","tests":["t"],"passed":true,"held":2,"unused":["x"]}\n',
        ),
        (StoreError,),
    ),
    "runs": Reader(
        _runs,
        (
            b'{"run":1,"at":1,"command":"pytest"}\n{"test":"t","cassette":"c","outcome":"missed","miss":'
            b'{"request_line":"GET x","cause":"c","advice":"a"}}\n',
        ),
    ),
    "tallies": Reader(
        _tallies, (b'{"run":"a","at":1.5,"tests":{"t":{"replayed":2,"saved":0.5}},"grew":["x"]}\n',)
    ),
    "diary": Reader(_diary, (b'[1,"t",true,"live","","host"]\n',)),
    "budget": Reader(
        _budget,
        (
            b'["reserved","a",0.5,""]\n["settled","a",0.1,"m"]\n',
            b'{"m":{"output_tokens":3,"usd":0.1}}',
        ),
    ),
    "history": Reader(_history, (b'{"run":"a","at":1,"recorded":2,"grew":["x"]}\n',)),
    "report": Reader(_report, (_REPORT,), (UsageError,)),
    "receipt": Reader(_receipt, (_RECEIPT,), (UsageError,)),
    "content": Reader(read_body, BODIES),
    "multipart": Reader(_multipart, (b"multipart/form-data; boundary=b\n" + _FORM.request.body,)),
    "events": Reader(_events, (_STREAM, b"data: 1\r\n\r\n: c\revent: x\rdata\r\r")),
    "frames": Reader(
        _frames, (_frame(b'{"bytes":"e30="}') + _frame(b'{"usage":{"inputTokens":1}}'),)
    ),
    "answer": Reader(
        _answer, (CALL.response.body.data if CALL.response else b"", _STREAM, b'[{"usage":{}}]')
    ),
    "request": Reader(
        _request,
        (
            b"POST /v1/chat?key=a HTTP/1.1\r\nHost: x\r\ncontent-type: application/json\r\n\r\n"
            + CALL.request.body,
            b"POST /f HTTP/1.1\r\ntransfer-encoding: chunked\r\n a\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded\r\n\r\na=1&password=hunter2222",
            b"POST /d HTTP/1.1\r\ncontent-type: application/json\r\n\r\n" + b"[" * 700 + b"]" * 700,
            b"POST /d HTTP/1.1\r\ncontent-type: application/json\r\n\r\n" + b"[" * 250 + b"]" * 250,
            b"POST /d HTTP/1.1\r\ncontent-type: application/json\r\n\r\n"
            + b"[" * 9999
            + b"]" * 9999,
            b"POST /u HTTP/1.1\r\ncontent-type: multipart/form-data; boundary=b\r\n\r\n"
            + _FORM.request.body,
        ),
        (ValueError, OnetakeError),
    ),
    "chunked": Reader(_chunked, (b"3\r\nabc\r\n0;x=1\r\nA: b\r\n\r\n",)),
    "codings": Reader(
        _coded,
        (
            *(_encoded(name, at) for at, name in enumerate(("gzip", "deflate", "br", "zstd"))),
            _bomb(0),
            _bomb(48),
        ),
    ),
    "names": Reader(
        _name, (b"test_a/test_one[x]", b"/abs/x.json", b"../x", b"C:\\x"), (UsageError,)
    ),
    "settings": Reader(
        _settings,
        (
            b'mode = "auto"\nstore = "sqlite:x?ttl=1d"\n[[rules]]\nhost = "*.a.test"\nignore = ["body.a[*].b"]\n',
        ),
        (UsageError,),
    ),
    "rules": Reader(
        _rules, (b'[{"host": "a*", "ignore": ["query.sig"], "ttl": "3h"}]',), (UsageError,)
    ),
    "paths": Reader(
        _path, (b"body.messages[*].content", b'header."x-y"', b"body.**.id"), (UsageError,)
    ),
    "urls": Reader(
        _url, (b"https://u:p@api.test:443/a;b?key=secret&x=%41#f", b"http://[::1]:80/?a")
    ),
}


def check(name: str, data: bytes) -> None:
    """Raises what no reader may raise."""
    reader = READERS[name]
    try:
        reader.read(data)
    except reader.errors:
        pass


__all__ = ["CALL", "CALLS", "READERS", "Reader", "blob_name", "check"]
