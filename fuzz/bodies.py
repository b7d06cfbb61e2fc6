"""Bodies put to `content/`: whatever they are, reading tells the same before and after an edit of one leaf."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from itertools import islice

from onetake.content import Content, Kind, Leaf, assignments, edited, meaning_of, read_request
from onetake.matching.bodies import body_identity, meaning_identity
from onetake.messages import Headers, Request

_TYPES = (
    "", "application/json", "application/x-www-form-urlencoded", "text/plain; charset=latin-1",
    "multipart/mixed; boundary=b", "message/rfc822", "application/http", "text/event-stream", "text/xml",
    "application/vnd.amazon.eventstream", "application/octet-stream", "text/plain; charset=shift_jis",
    "application/json; charset=utf-16", "multipart/form-data; boundary=outer", "image/png", "application/x-ndjson",
)  # fmt: skip
_CODINGS = ("", "", "", "gzip", "deflate", "br", "zstd", "gzip, deflate")
_COMPARED = (Kind.JSON, Kind.LINES, Kind.FORM)  # by value
_DIVIDED = (*_COMPARED, Kind.MULTIPART, Kind.MESSAGE)
_MOST = 2  # leaves of one body that are edited


def read_body(data: bytes) -> None:
    """Read a body; its first byte chooses what it claims to be, the second its content codings."""
    if len(data) < 2:
        return
    lines = [("content-type", _TYPES[data[0] % len(_TYPES)])]
    if coding := _CODINGS[data[1] % len(_CODINGS)]:
        lines.append(("content-encoding", coding))
    request = Request(
        method="POST", url="http://x.test/", headers=Headers(tuple(lines)), body=data[2:]
    )
    content = read_request(request)
    assert body_identity(request) == meaning_identity(meaning_of(content))
    assert isinstance(content.problem, str)
    _ = content.value
    leaves = list(content.leaves())
    for leaf in leaves:
        assert 0 <= leaf.start <= leaf.end <= len(leaf.holder.text)
        for named in islice(assignments(leaf), _MOST):
            edited(content, [named.edit(b"Zq7x")])
    step = max(1, -(-len(leaves) // _MOST))
    for number in range(data[-1] % step, len(leaves), step):
        _edit(content, leaves, number)


def _edit(content: Content, leaves: list[Leaf], number: int) -> None:
    leaf = leaves[number]
    assert edited(content, [leaf.edit(leaf.value)]) == content.data
    new = b"0" if leaf.is_number else b"Zq7x"
    changed = edited(content, [leaf.edit(new)])
    kinds = [one.holder.kind for one in (leaf, *_outer(leaf))]
    if kinds[0] not in _COMPARED or not all(kind in _DIVIDED for kind in kinds):
        return
    others = [one for one in leaves if one is not leaf and leaf not in _outer(one)]
    after = list(Content(changed, content.content_type).leaves())
    assert len(after) == len(others) + 1
    made = after.pop(number)
    assert (made.root, made.steps, made.value) == (leaf.root, leaf.steps, new)
    for one, other in zip(others, after, strict=True):
        assert (one.root, one.steps) == (other.root, other.steps)
        assert one.value == other.value or one in _outer(leaf)


def _outer(leaf: Leaf) -> list[Leaf]:
    """Return the leaves that hold the body in which `leaf` stands, the innermost first."""
    within = leaf.holder.within
    return [] if within is None else [within, *_outer(within)]


def _frame(payload: bytes) -> bytes:
    start = struct.pack(">II", 16 + len(payload), 0)
    start += struct.pack(">I", zlib.crc32(start)) + payload
    return start + struct.pack(">I", zlib.crc32(start))


_INNER = json.dumps(
    {"user": 'é\n"x"', "n": 1.50, "form": "a=1&b=%C3%A9+x", "deep": json.dumps({"k": ["v"]})}
)
_JSON = json.dumps(
    {"model": "m", "payload": _INNER, "list": [1, "two", None, {"x": "\u20ac"}]}
).encode()
_PARTS = (
    b'--b\r\nContent-Disposition: form-data; name="meta"\r\nContent-Type: application/json\r\n\r\n%b\r\n'
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="/tmp/a b.txt"; filename*=UTF-8\'\'a%%20b+c.txt\r\n\r\n'
    b"a=1&b=2\r\n--b\r\nContent-Type: multipart/mixed; boundary=inner\r\nX: folded\r\n line\r\n\r\n--inner\r\n"
    b"Content-Type: application/http\r\nContent-ID: <1>\r\n\r\nPOST /v1/x HTTP/1.1\r\nContent-Type: application/json\r\n"
    b'\r\n{"k": "v"}\r\n--inner--\r\n\r\n--b--\r\n'
) % _JSON
_XML = b'<?xml version="1.0"?><a b="1 &amp; 2" c=\'&#233;\'><!-- note --><p>x</p> y <d><![CDATA[{"k": "<v>"}]]></d></a>'

BODIES = (
    b"\0\0" + _JSON,
    b"\1\0" + _JSON.decode().encode("utf-16"),
    b"\x0c\0" + _JSON.decode().encode("utf-16-be"),
    b"\1\3" + gzip.compress(_JSON, mtime=0),
    b"\1\4" + zlib.compress(_JSON),
    b"\1\7" + zlib.compress(gzip.compress(_JSON, mtime=0)),
    b"\0\0\xef\xbb\xbf" + _JSON,
    b'\x0f\0{"a": 1}\n\x1e{"b": "x"}\n',
    b"\2\0user=a+b&payload=%7B%22k%22%3A%22v%22%7D&bare&x=",
    b"\0\0client_id=a&client_secret=b%20c==",
    b"\4\0" + _PARTS,
    b"\0\0" + _PARTS,
    b"\5\0Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + _PARTS,
    b"\7\0event: a\nid: 7\n: note\ndata: " + _JSON + b"\n\ndata: [DONE]\n\n",
    b"\x08\0" + _XML,
    b"\x09\0" + _frame(b'{"bytes": "eyJ9"}') + _frame(b"text") + _frame(b"{}")[:20],
    b'\x0a\0{"query": "mutation { login(password: \\"x\\") { token } }", "cut": "abc\\u12',
    b"\3\0name: caf\xe9\npassword: 'x y'\nurl: https://a.test\n",
    b"\x0b\0\x83\x65\x83\x58\x83\x67=1",
    b"\x0e\0\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    b"\0\0" + gzip.compress(_JSON, mtime=0),
)  # fmt: skip
