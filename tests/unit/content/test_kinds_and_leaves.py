"""Bodies put to `content/`: what each is, and the values that it holds with their places and quoting."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from base64 import b64encode

import brotli
import pytest
from msgspec import Struct

from fakeprovider.bedrock import encode_message
from onetake.config.paths import path_text
from onetake.content import Content, read
from onetake.messages import Headers
from onetake.wire.encodings import encoder

J, F, X, P, G = "json", "form", "xml", "plain", "gzip"


class Case(Struct, frozen=True):
    """A body, what it claims to be, and what is read: leaves are (path, name, value, quoting)."""

    data: bytes
    kind: str
    leaves: list[tuple[str, str, str, str]]
    claim: str = ""
    coding: str = ""
    charset: str = "utf-8"
    encoding: str = ""
    problem: str = ""


def zstd(data: bytes) -> bytes:
    coder = encoder("zstd", packs=True)
    assert coder is not None
    return coder.feed(data) + coder.finish()


def parts(*bodies: bytes, boundary: bytes = b"b") -> bytes:
    return (
        b"".join(b"--%b\r\n%b\r\n" % (boundary, body) for body in bodies) + b"--%b--\r\n" % boundary
    )


JSON = b'{"k": "v"}'
K = [("body.k", "k", "v", J)]
DEEP = json.dumps({"a": json.dumps({"b": "c"})}).encode()
DEEPER = json.dumps({"x": DEEP.decode()}).encode()
JSON_PART = b"Content-Type: application/json\r\n\r\n" + JSON
HTTP_PART = (
    b"Content-Type: application/http\r\nContent-ID: <1+2>\r\n\r\n"
    b"POST /v1/x?a=1 HTTP/1.1\r\nContent-Type: application/json\r\n\r\n" + JSON
)
CHANGESET = parts(HTTP_PART, boundary=b"change")
ODATA = parts(b"Content-Type: multipart/mixed; boundary=change\r\n\r\n" + CHANGESET)
MIME = b"Subject: hi\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + parts(JSON_PART)
FRAMES = encode_message({":event-type": "chunk"}, JSON) + encode_message({}, b"text")
NOT_READ = "it claims to be {} and does not read as such"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"

CASES = {
    # JSON
    "json": Case(JSON, "json", K, "application/json"),
    "json without a claim": Case(JSON, "json", K),
    "json that claims to be text": Case(JSON, "json", K, "text/plain"),
    "json that claims to be a form": Case(JSON, "json", K, "application/x-www-form-urlencoded"),
    "json that claims to be an upload": Case(
        JSON,
        "json",
        K,
        "multipart/form-data; boundary=b",
        problem=NOT_READ.format("multipart/form-data"),
    ),
    "json with blanks around": Case(b" \n\t" + JSON + b"\n", "json", K),
    "json in latin letters": Case('{"k": "é"}'.encode(), "json", [("body.k", "k", "é", J)]),
    "json with escapes": Case(
        rb'{"k": "\u00e9\n\"\ud83d\ude00\/"}', "json", [("body.k", "k", 'é\n"😀/', J)]
    ),
    "json of numbers and lists": Case(
        b'[1, -2.50, true, null, ["x"], {"a": {"b": [3]}}]',
        "json",
        [
            ("body[0]", "", "1", P),
            ("body[1]", "", "-2.50", P),
            ("body[4][0]", "", "x", J),
            ("body[5].a.b[0]", "b", "3", P),
        ],
    ),
    "json with names in brackets": Case(
        b'{"a b": {"": "x"}}', "json", [('body["a b"][""]', "", "x", J)]
    ),
    "a json string by its claim": Case(b'"x"', "json", [("body", "", "x", J)], "application/json"),
    "a json string without a claim": Case(b'"x"', "text", [("body", "", '"x"', P)]),
    "json behind a mark": Case(b"\xef\xbb\xbf" + JSON, "json", K),
    "json in utf-16": Case(JSON.decode().encode("utf-16"), "json", K, charset="utf-16-le"),
    "json in utf-16-be behind a mark": Case(
        b"\xfe\xff" + JSON.decode().encode("utf-16-be"), "json", K, charset="utf-16-be"
    ),
    "json in utf-16-le without a mark": Case(
        JSON.decode().encode("utf-16-le"), "json", K, charset="utf-16-le"
    ),
    "json in utf-16-be without a mark": Case(
        JSON.decode().encode("utf-16-be"), "json", K, charset="utf-16-be"
    ),
    "json in utf-32": Case(JSON.decode().encode("utf-32"), "json", K, charset="utf-32-le"),
    "json in utf-32-be without a mark": Case(
        JSON.decode().encode("utf-32-be"), "json", K, charset="utf-32-be"
    ),
    "json in utf-32-le without a mark": Case(
        JSON.decode().encode("utf-32-le"), "json", K, charset="utf-32-le"
    ),
    "json in latin-1 by its claim": Case(
        b'{"k": "\xe9"}',
        "json",
        [("body.k", "k", "é", J)],
        "application/json; charset=ISO-8859-1",
        charset="iso8859-1",
    ),
    "json lines": Case(
        b'{"a": 1}\n\n{"a": "x"}\n',
        "lines",
        [("body[0].a", "a", "1", P), ("body[1].a", "a", "x", J)],
    ),
    "json text sequence": Case(b'\x1e{"a": "x"}\n', "lines", [("body[0].a", "a", "x", J)]),
    "json in a json string": Case(
        DEEP, "json", [("body.a", "a", '{"b": "c"}', J), ("body.a.b", "b", "c", J)]
    ),
    "json in a json string in a json string": Case(
        DEEPER,
        "json",
        [
            ("body.x", "x", DEEP.decode(), J),
            ("body.x.a", "a", '{"b": "c"}', J),
            ("body.x.a.b", "b", "c", J),
        ],
    ),
    "a form in a json string": Case(
        b'{"q": "user=a&pin=%41"}',
        "json",
        [
            ("body.q", "q", "user=a&pin=%41", J),
            ("body.q.user", "user", "a", F),
            ("body.q.pin", "pin", "A", F),
        ],
    ),
    "an upload in a json string": Case(
        json.dumps({"raw": parts(JSON_PART).decode()}).encode(),
        "json",
        [
            ("body.raw", "raw", parts(JSON_PART).decode(), J),
            ('body.raw["0"].header.content-type', "content-type", "application/json", P),
            ('body.raw["0"].content.k', "k", "v", J),
        ],
    ),
    "json that is cut in a string": Case(
        b'{"a": "x", "b": "y\\u00',
        "text",
        [
            ("body.a", "a", "x", J),
            ("body.b", "b", "y\\u00", J),
            ("body", "", '{"a": "x", "b": "y\\u00', P),
        ],
        "application/json",
        problem=NOT_READ.format("application/json"),
    ),
    "json with a broken escape": Case(
        rb'{"a": "\q\u0041"}',
        "text",
        [("body.a", "a", r"\qA", J), ("body", "", r'{"a": "\q\u0041"}', P)],
    ),
    "two json documents in a row": Case(
        b'{"a": "x"}{"a": "y"}',
        "text",
        [("body.a", "a", "x", J), ("body.a", "a", "y", J), ("body", "", '{"a": "x"}{"a": "y"}', P)],
    ),
    "a claim of json that lies": Case(
        b"hello",
        "text",
        [("body", "", "hello", P)],
        "application/json",
        problem=NOT_READ.format("application/json"),
    ),
    # Forms
    "form": Case(
        b"user=a+b&pin=%C3%A9&user=c",
        "form",
        [
            ("form.user", "user", "a b", F),
            ("form.pin", "pin", "é", F),
            ("form.user", "user", "c", F),
        ],
        "application/x-www-form-urlencoded",
    ),
    "form sent as text": Case(
        b"grant_type=x&client_secret=a%20b",
        "form",
        [
            ("form.grant_type", "grant_type", "x", F),
            ("form.client_secret", "client_secret", "a b", F),
        ],
        "text/plain",
    ),
    "form without a claim": Case(b"key=c2VjcmV0==", "form", [("form.key", "key", "c2VjcmV0==", F)]),
    "form in raw UTF-8": Case(
        "name=José&b=1".encode(),
        "form",
        [("form.name", "name", "José", F), ("form.b", "b", "1", F)],
    ),
    "form with a bare value": Case(
        b"secret&a=",
        "form",
        [("form", "", "secret", F), ("form.a", "a", "", F)],
        "application/x-www-form-urlencoded",
    ),
    "form with broken escapes": Case(
        b"a=%zz",
        "text",
        [("body", "", "a=%zz", P)],
        "application/x-www-form-urlencoded",
        problem=NOT_READ.format("application/x-www-form-urlencoded"),
    ),
    "json in a form field": Case(
        b"payload=%7B%22k%22%3A+%22v%22%7D",
        "form",
        [("form.payload", "payload", '{"k": "v"}', F), ("form.payload.k", "k", "v", J)],
    ),
    "text with an equals sign": Case(b"a = b, c = d", "text", [("body", "", "a = b, c = d", P)]),
    # Uploads and messages
    "upload": Case(
        parts(b'Content-Disposition: form-data; name="f"; filename="/tmp/x/a.txt"\r\n\r\nhello'),
        "multipart",
        [("part.f.filename", "filename", "/tmp/x/a.txt", P), ("part.f.content", "f", "hello", P)],
        "multipart/form-data; boundary=b",
    ),
    "upload without a claim": Case(
        parts(JSON_PART),
        "multipart",
        [
            ('part["0"].header.content-type', "content-type", "application/json", P),
            ('part["0"].content.k', "k", "v", J),
        ],
        "application/octet-stream",
    ),
    "upload with an extended file name": Case(
        parts(b"Content-Disposition: form-data; name=f; filename*=UTF-8''a%20+%C3%A9\r\n\r\nx"),
        "multipart",
        [("part.f.filename", "filename", "a +é", "percent"), ("part.f.content", "f", "x", P)],
        "multipart/form-data; boundary=b",
    ),
    "upload with a folded header line": Case(
        parts(b"X-A: one\r\n two\r\nX-B: three\r\n\r\nx"),
        "multipart",
        [
            ('part["0"].header.x-a', "x-a", "one\r\n two", P),
            ('part["0"].header.x-b', "x-b", "three", P),
            ('part["0"].content', "", "x", P),
        ],
        "multipart/mixed; boundary=b",
    ),
    "upload that is cut": Case(
        b"--b\r\nX-A: 1\r\n\r\nx",
        "text",
        [("body", "", "--b\r\nX-A: 1\r\n\r\nx", P)],
        "multipart/mixed; boundary=b",
        problem=NOT_READ.format("multipart/mixed"),
    ),
    "an upload in a part in a part": Case(
        parts(
            b"Content-Type: multipart/mixed; boundary=m\r\n\r\n"
            + parts(
                b"Content-Type: multipart/mixed; boundary=i\r\n\r\n"
                + parts(b"\r\n" + JSON, boundary=b"i"),
                boundary=b"m",
            )
        ),
        "multipart",
        [
            ('part["0"].header.content-type', "content-type", "multipart/mixed; boundary=m", P),
            (
                'part["0"].content["0"].header.content-type',
                "content-type",
                "multipart/mixed; boundary=i",
                P,
            ),
            ('part["0"].content["0"].content["0"].content.k', "k", "v", J),
        ],
        "multipart/mixed; boundary=b",
    ),
    "a batch of Google": Case(
        parts(HTTP_PART),
        "multipart",
        [
            ('part["0"].header.content-type', "content-type", "application/http", P),
            ('part["0"].header.content-id', "content-id", "<1+2>", P),
            ('part["0"].content.header.content-type', "content-type", "application/json", P),
            ('part["0"].content.content.k', "k", "v", J),
        ],
        "multipart/mixed; boundary=b",
    ),
    "a changeset of OData": Case(
        ODATA,
        "multipart",
        [
            (
                'part["0"].header.content-type',
                "content-type",
                "multipart/mixed; boundary=change",
                P,
            ),
            ('part["0"].content["0"].header.content-type', "content-type", "application/http", P),
            ('part["0"].content["0"].header.content-id', "content-id", "<1+2>", P),
            (
                'part["0"].content["0"].content.header.content-type',
                "content-type",
                "application/json",
                P,
            ),
            ('part["0"].content["0"].content.content.k', "k", "v", J),
        ],
        "multipart/mixed; boundary=b",
    ),
    "an e-mail": Case(
        MIME,
        "message",
        [
            ("body.header.subject", "subject", "hi", P),
            ("body.header.content-type", "content-type", "multipart/mixed; boundary=b", P),
            ('body.content["0"].header.content-type', "content-type", "application/json", P),
            ('body.content["0"].content.k', "k", "v", J),
        ],
        "message/rfc822",
    ),
    "no e-mail": Case(
        b"\x00\xff", "binary", [("body", "", "\x00\ufffd", P)], "message/rfc822", charset=""
    ),
    # Streams
    "server-sent events": Case(
        b'event: a\nid: 7\n: note\ndata: {"k": "v"}\r\n\r\ndata: [DONE]\n\ndata: text\n\n',
        "sse",
        [
            ("body[0]", "event", "a", P),
            ("body[0]", "id", "7", P),
            ("body[0]", "", "note", P),
            ("body[0].k", "k", "v", J),
            ("body[2]", "", "text", P),
        ],
        "text/event-stream",
    ),
    "server-sent events without a claim": Case(b"data: a\n\n", "sse", [("body[0]", "", "a", P)]),
    "lines that claim to be events": Case(
        b"password: x\nplain\n",
        "sse",
        [("body[0]", "password", "x", P), ("body[0]", "", "plain", P)],
        "text/event-stream",
    ),
    "AWS event stream": Case(
        FRAMES,
        "events",
        [("body[0].k", "k", "v", J), ("body[1]", "", "text", P)],
        "application/vnd.amazon.eventstream",
        charset="",
    ),
    "AWS event stream that is cut": Case(
        FRAMES[:-8],
        "events",
        [("body[0].k", "k", "v", J), ("body[1]", "", FRAMES[-20:-8].decode("utf-8", "replace"), P)],
        "application/octet-stream",
        charset="",
    ),
    # Markup
    "xml with attributes and CDATA": Case(
        b"<?xml version='1.0'?><a:r xmlns=\"u\"><k x='&#233;&amp;'>v</k> tail "
        b"<d><![CDATA[<x>1</x>]]></d><e/>end</a:r>",
        "xml",
        [
            ("body", "version", "1.0", X),
            ("body", "xmlns", "u", X),
            ("body", "x", "é&", X),
            ("body", "k", "v", X),
            ("body", "", " tail ", X),
            ("body", "d", "<x>1</x>", P),
            ("body", "", "end", X),
        ],
        "text/xml",
    ),
    "xml with an angle in an attribute": Case(
        b'<a password="x>y">z</a>', "xml", [("body", "password", "x>y", X), ("body", "a", "z", X)]
    ),
    "html with a comment": Case(
        b"<p>one<!-- two --><b>three",
        "xml",
        [("body", "p", "one", X), ("body", "", " two ", P), ("body", "b", "three", X)],
    ),
    "xml in utf-16": Case(
        "<k>é</k>".encode("utf-16"), "xml", [("body", "k", "é", X)], charset="utf-16-le"
    ),
    # Texts
    "graphql": Case(
        b'mutation { login(password: "x") { token } }',
        "text",
        [("body", "", 'mutation { login(password: "x") { token } }', P)],
        "application/graphql",
    ),
    "yaml": Case(
        b"id: 1\npassword: x\n",
        "text",
        [("body", "", "id: 1\npassword: x\n", P)],
        "application/yaml",
    ),
    "base64": Case(b64encode(JSON), "text", [("body", "", b64encode(JSON).decode(), P)]),
    "latin-1 by its claim": Case(
        b"caf\xe9",
        "text",
        [("body", "", "café", P)],
        "text/plain; charset=latin-1",
        charset="iso8859-1",
    ),
    "latin-1 without a claim": Case(
        b"caf\xe9", "binary", [("body", "", "caf\ufffd", P)], "text/plain", charset=""
    ),
    "shift_jis by its claim": Case(
        "name: テスト".encode("shift_jis"),
        "text",
        [("body", "", "name: テスト", P)],
        "text/plain; charset=shift_jis",
        charset="shift_jis",
    ),
    "a character set that there is not": Case(
        b"\xe9", "binary", [("body", "", "\ufffd", P)], "text/plain; charset=klingon", charset=""
    ),
    "nothing": Case(b"", "empty", [], "application/json"),
    # Bytes
    "png": Case(
        PNG, "binary", [("body", "", PNG.decode("utf-8", "replace"), P)], "image/png", charset=""
    ),
    "png that claims to be json": Case(
        PNG,
        "binary",
        [("body", "", PNG.decode("utf-8", "replace"), P)],
        "application/json",
        charset="",
        problem=NOT_READ.format("application/json"),
    ),
    "small numbers of 16 bits": Case(
        struct.pack("<4h", 1, 2, 3, 4), "binary", [("body", "", "\1\0\2\0\3\0\4\0", P)]
    ),
    "a gzip file": Case(
        gzip.compress(JSON, mtime=0),
        "binary",
        [("body", "", JSON.decode(), G)],
        "application/gzip",
        charset="",
    ),
    "a gzip file of two members": Case(
        gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0),
        "binary",
        [("body", "", "ab", G)],
        charset="",
    ),
    # Content codings
    "gzip": Case(gzip.compress(JSON), "json", K, "application/json", "gzip", encoding="gzip"),
    "x-gzip": Case(gzip.compress(JSON), "json", K, "", "x-gzip", encoding="x-gzip"),
    "deflate": Case(zlib.compress(JSON), "json", K, "", "deflate", encoding="deflate"),
    "raw deflate": Case(
        zlib.compress(JSON, wbits=-15), "json", K, "", "deflate", encoding="deflate"
    ),
    "br": Case(brotli.compress(JSON), "json", K, "", "br", encoding="br"),
    "zstd": Case(zstd(JSON), "json", K, "", "zstd", encoding="zstd"),
    "gzip, then br": Case(
        brotli.compress(gzip.compress(JSON)),
        "json",
        K,
        "",
        "GZIP, identity, br",
        encoding="gzip, br",
    ),
    "zstd, deflate and gzip": Case(
        gzip.compress(zlib.compress(zstd(JSON))),
        "json",
        K,
        "",
        "zstd,deflate,gzip",
        encoding="zstd, deflate, gzip",
    ),
    "gzip of nothing": Case(gzip.compress(b""), "empty", [], "", "gzip", encoding="gzip"),
    "five codings": Case(
        JSON, "json", K, "", "gzip, gzip, gzip, gzip, gzip", problem="it has 5 content codings"
    ),
    "a coding that nobody knows": Case(
        JSON, "json", K, "", "rot13", problem="the content coding rot13 cannot be undone here"
    ),
    "json that claims to be gzip": Case(
        JSON,
        "json",
        K,
        "application/json",
        "gzip",
        problem="it is not the gzip that it claims to be",
    ),
}

LYING = {
    "gzip": "it is not the gzip that it claims to be",
    "deflate": "it is not the deflate that it claims to be",
    "br": "it is not the br that it claims to be",
    "zstd": "it is not the zstd that it claims to be",
}
COMPRESSED = {
    "gzip": gzip.compress(JSON, mtime=0),
    "deflate": zlib.compress(JSON),
    "br": brotli.compress(JSON),
    "zstd": zstd(JSON),
}


def content_of(case: Case):
    lines = [("Content-Type", case.claim)] if case.claim else []
    if case.coding:
        lines.append(("Content-Encoding", case.coding))
    return read(Headers(tuple(lines)), case.data)


@pytest.mark.parametrize("name", CASES)
def test_a_body_is_known_with_its_leaves(name):
    case = CASES[name]

    content = content_of(case)

    found = [
        (
            path_text(one.root, one.steps),
            one.name,
            one.value.decode("utf-8", "replace"),
            str(one.quoting),
        )
        for one in content.leaves()
    ]
    assert (content.kind, content.charset, content.encoding) == (
        case.kind,
        case.charset,
        case.encoding,
    )
    assert content.problem == case.problem
    assert found == case.leaves


def test_there_are_at_least_sixty_bodies():
    assert len(CASES) >= 60


@pytest.mark.parametrize("coding", COMPRESSED)
@pytest.mark.parametrize("size", [1, 5, -1])
def test_a_coding_that_is_cut_is_not_undone(coding, size):
    content = read(Headers((("content-encoding", coding),)), COMPRESSED[coding][:size])

    assert (content.encoding, content.data) == ("", COMPRESSED[coding][:size])
    assert content.problem in (LYING[coding], f"its {coding} does not end where the body ends")


@pytest.mark.parametrize("coding", COMPRESSED)
@pytest.mark.parametrize("junk", [b"junk", b"\0", b"member"])
def test_what_follows_a_coding_stays(coding, junk):
    data = COMPRESSED[coding] + (COMPRESSED[coding] if junk == b"member" else junk)

    content = read(Headers((("content-encoding", coding),)), data)

    if (
        coding == "zstd" and junk == b"member"
    ):  # frames in a row are one content (RFC 8878, section 3.1)
        assert (content.data, content.encoding) == (JSON * 2, "zstd")
    else:
        assert (content.data, content.encoding) == (data, "")
        assert content.problem in (LYING[coding], f"its {coding} does not end where the body ends")


@pytest.mark.parametrize("coding", COMPRESSED)
def test_a_bomb_stays_as_it_came_and_says_so(coding):
    coder = encoder(coding, packs=True)
    bomb = coder.feed(bytes(40 << 20)) + coder.finish()

    content = read(Headers((("content-encoding", coding),)), bomb)

    assert (content.data, content.encoding) == (bomb, "")
    assert content.problem == f"its {coding} grows too large when it is decoded"


def test_numbers_are_passed_over_where_nobody_wants_them():
    body = Content(b'{"a": [1, 2.5, "x"], "b": "{\\"c\\": 3, \\"d\\": \\"y\\"}"}')
    texts = [leaf.value for leaf in body.leaves(numbers=False)]
    assert texts == [leaf.value for leaf in body.leaves() if not leaf.is_number]
    assert b"y" in texts
