"""Bodies are read in `wire/` and `content/` alone; whoever decodes something else says here what it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.support.sources import modules

READERS = ("wire", "content")

# Functions that take a body apart, by the last two words of their name.
DECODING = {
    "json.decode", "json.loads", "msgpack.decode", "msgpack.loads", "parse.parse_qs", "parse_qs",
    "parse_qsl", "multipart.parse", "read_events", "event_stream.read_frames", "read_frames",
    "json.Decoder", "msgpack.Decoder", "parse_lines", "read_scalars", "decoder", "ElementTree.fromstring",
}  # fmt: skip

# What is decoded elsewhere, and is no body of a message: files of our own, settings, tokens, lines of logs.
OTHER_TEXTS = {
    "stores": "its own rows, journals and files",
    "reports": "reports",
    "care/receipt.py": "receipts",
    "config": "settings",
    "cli": "its own output and files",
    "formats": "files of recordings, whose bodies it stores and does not judge",
    "redaction": "tokens, and what content/ gives it",
    "providers/credentials.py": "the claims of a token",
    "providers/exchanges.py": "the query of a URL",
    "spend/answers.py": "texts that content/ gives it, with a type",
    "diagnosis/unredacted.py": "files of any format",
    "vcr/": "what vcrpy decodes, for its matchers and filters",
    "runtime/recording.py": "content codings, as chunks come",
}


def calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ".".join(ast.unparse(node.func).split(".")[-2:])


def test_no_body_is_read_outside_wire_and_content():
    strangers = []
    for name, path in modules().items():
        if name.startswith(READERS) or any(name.startswith(known) for known in OTHER_TEXTS):
            continue
        found = DECODING.intersection(calls(ast.parse(path.read_text())))
        strangers += [f"{name}: {call}" for call in sorted(found)]

    assert strangers == []


def test_every_exception_is_still_needed():
    for known in OTHER_TEXTS:
        paths = [path for name, path in modules().items() if name.startswith(known)]
        found = {call for path in paths for call in calls(ast.parse(path.read_text()))}
        assert DECODING & found, known
