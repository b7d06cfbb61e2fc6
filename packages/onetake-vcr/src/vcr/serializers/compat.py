"""Bodies between bytes, as clients have them, and text, as people read them in cassettes."""

from __future__ import annotations

from typing import Any


def convert_to_bytes(resp: Any) -> Any:
    """A response of a cassette with the text of its body as UTF-8; what has none is as it was."""
    match resp:
        case {"body": {"string": str(text)}}:
            try:
                content = text.encode()
            except UnicodeEncodeError:
                return resp
            return {**resp, "body": {**resp["body"], "string": content}}
    return resp


def convert_to_unicode(resp: Any) -> Any:
    """A request or response, or a body alone, with bytes that are UTF-8 as text; all else is as it was."""
    match resp:
        case {"body": {"string": content}}:
            return {**resp, "body": {**resp["body"], "string": _text(content)}}
        case {"body": content}:
            return {**resp, "body": _text(content)}
    return _text(resp)


convert_body_to_bytes = convert_to_bytes
convert_body_to_unicode = convert_to_unicode


def _text(content: Any) -> Any:
    if not isinstance(content, bytes | bytearray):
        return content
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content
