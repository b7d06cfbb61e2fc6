"""HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/): what browsers and proxies export.

A body there is what the page saw: decoded. What was not kept (bodies that were too large or gone, uploads of
files, WebSockets, calls that were blocked) is left, and said.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode, urlsplit

from onetake.errors import CassetteError
from onetake.formats.foreign import RESTORE
from onetake.formats.moments import to_iso, to_seconds
from onetake.formats.taken import Taken, take
from onetake.formats.vcr import Tree, interaction_of
from onetake.messages import Body, Headers, Interaction, Request, Response, media_type

VERSION = "1.2"

_LONGEST_MS = 1 << 40
_SWITCHING = 101
_FORM = "application/x-www-form-urlencoded"


def is_har(tree: object) -> bool:
    return isinstance(tree, dict) and isinstance(tree.get("log"), dict)


def read(text: bytes, path: str) -> Taken:
    """Raises `CassetteError` that names `path` for what is no HAR."""
    try:
        tree = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise CassetteError(
            f"{path} is not a whole HAR: {error}.", remedy="Export it again.", path=path
        ) from error
    return from_tree(tree, path)


def from_tree(tree: object, path: str) -> Taken:
    """Take the recordings of a HAR that was read as JSON. Raises `CassetteError`."""
    match tree:
        case {"log": {"entries": list(entries)}}:
            return take(entries, _interaction)
    raise CassetteError(f"{path} is no HAR: it has no log with entries.", remedy=RESTORE, path=path)


def _interaction(entry: object) -> Interaction:
    fields = entry if isinstance(entry, dict) else {}
    asked, answer = fields.get("request"), fields.get("response")
    if not isinstance(asked, dict) or not isinstance(answer, dict):
        raise CassetteError("It has no request, or no response.")
    url, status = asked.get("url"), answer.get("status")
    if not isinstance(url, str) or urlsplit(url).scheme.lower() not in ("http", "https"):
        raise CassetteError("It went to no server over HTTP.")
    if status == _SWITCHING or fields.get("_webSocketMessages") is not None:
        raise CassetteError("It is a WebSocket.")
    if not status:
        said = answer.get("_error") or fields.get("_error")
        raise CassetteError(f"It had no answer{f': {said}' if isinstance(said, str) else ''}.")
    one = interaction_of(
        {
            "request": {
                "method": asked.get("method"),
                "uri": url,
                "headers": _pairs(asked),
                "body": _sent(asked.get("postData")),
            },
            "response": {
                "status": {"code": status, "message": answer.get("statusText") or ""},
                "headers": _pairs(answer),
                "body": {"string": _received(answer.get("content"))},
            },
        }
    )
    assert one.response is not None
    response = one.response.replace(http_version=_version(answer.get("httpVersion")))
    return one.replace(
        response=response, at=to_seconds(fields.get("startedDateTime")), ms=_head_ms(fields)
    )


def _pairs(message: Tree) -> list[object]:
    """Return the headers without HTTP/2's pseudo-headers; Chrome joins lines of one name with line ends."""
    headers = message.get("headers")
    pairs: list[object] = []
    for one in headers if isinstance(headers, list) else ():
        match one:
            case {"name": str(name), "value": str(value)} if not name.startswith(":"):
                pairs += [(name, line) for line in value.split("\n")]
    return pairs


def _sent(posted: object) -> bytes:
    fields = posted if isinstance(posted, dict) else {}
    text, params = fields.get("text"), fields.get("params")
    if isinstance(text, str) and text:
        return b64decode(text) if fields.get("encoding") == "base64" else text.encode()
    if not isinstance(params, list) or not params:
        return b""
    if media_type(str(fields.get("mimeType", ""))) != _FORM:
        raise CassetteError("Its upload was not kept.")
    return urlencode([_pair(one) for one in params]).encode()


def _pair(one: object) -> tuple[str, str]:
    match one:
        case {"name": str(name), "value": str(value)}:
            return name, value
        case {"name": str(name)}:
            return name, ""
    raise CassetteError("Its form was not kept.")


def _received(content: object) -> bytes:
    match content:
        case {"text": str(text), "encoding": "base64"}:
            return b64decode(text)
        case {"text": str(text)}:
            return text.encode()
        case {"size": int(size)} if size > 0:
            raise CassetteError("The body of its answer was not kept.")
    return b""


def _version(stored: object) -> str:
    name = str(stored or "").lower()
    if name in ("h2", "http/2", "http/2.0"):
        return "HTTP/2"
    return "HTTP/1.0" if name == "http/1.0" else "HTTP/1.1"


def _head_ms(entry: Tree) -> int:
    match entry:
        case {"timings": {"wait": int() | float() as wait}} if 0 <= wait < _LONGEST_MS:
            return int(wait)
    return 0


def to_har(interactions: Iterable[Interaction], version: str) -> bytes:
    """`version` is that of onetake. An error of the network is an answer with status 0, as browsers do it."""
    log = {
        "version": VERSION,
        "creator": {"name": "onetake", "version": version},
        "entries": [_to_entry(one) for one in interactions],
    }
    return (json.dumps({"log": log}, indent=2, ensure_ascii=False) + "\n").encode()


def _to_entry(one: Interaction) -> Tree:
    chunks = one.response.body.chunks if one.response is not None else ()
    end = max(one.ms, chunks[-1].ms if chunks else 0)
    return {
        "startedDateTime": to_iso(one.at),
        "time": end,
        "request": _to_asked(one.request),
        "response": _to_answer(one),
        "cache": {},
        "timings": {"send": 0, "wait": one.ms, "receive": end - one.ms},
    }


def _to_asked(request: Request) -> Tree:
    query = request.url.partition("?")[2]
    asked: Tree = {
        "method": request.method,
        "url": request.url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _to_pairs(request.headers),
        "queryString": [
            {"name": name, "value": value}
            for name, value in parse_qsl(query, keep_blank_values=True)
        ],
        "headersSize": -1,
        "bodySize": len(request.body),
    }
    if request.body:
        kind = request.headers.get("content-type", "application/octet-stream")
        asked["postData"] = {"mimeType": kind, **_to_text(request.body)}
    return asked


def _to_answer(one: Interaction) -> Tree:
    answer = one.response or Response(status=0, http_version="", body=Body())
    found: Tree = {
        "status": answer.status,
        "statusText": answer.reason,
        "httpVersion": answer.http_version,
        "cookies": [],
        "headers": _to_pairs(answer.headers),
        "content": {
            "size": len(answer.body.data),
            "mimeType": answer.headers.get("content-type", "x-unknown"),
            **_to_text(answer.body.data),
        },
        "redirectURL": answer.headers.get("location"),
        "headersSize": -1,
        "bodySize": -1,
    }
    if one.failure is not None:
        found["_error"] = one.failure.type
    return found


def _to_pairs(headers: Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _to_text(data: bytes) -> dict[str, str]:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"text": b64encode(data).decode(), "encoding": "base64"}
