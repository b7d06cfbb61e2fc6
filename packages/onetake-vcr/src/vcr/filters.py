"""What takes secrets out of requests, and codings off answers, before a cassette sees them.

Replacements are pairs of a name and a text, None (the thing goes), or a function that is given `key`, `value`
and `request` and returns either. Each function changes the request that it is given, and returns it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any
from urllib.parse import unquote_plus, urlencode, urlsplit

from msgspec import structs

from onetake.wire import multipart
from onetake.wire.encodings import TooLargeError, decoder
from vcr.request import Request
from vcr.util import CaseInsensitiveDict

Replacements = Iterable[tuple[str, Any]] | Mapping[str, Any]
Hook = Callable[[Any, Any], tuple[Any, Any]]

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


def replace_headers(request: Request, replacements: Replacements) -> Request:
    headers = request.headers.copy()
    for name, replacement in dict(replacements).items():
        if name in headers:
            value = _replaced(replacement, name, headers.pop(name), request)
            if value is not None:
                headers[name] = value
    request.headers = headers
    return request


def remove_headers(request: Request, headers_to_remove: Iterable[str]) -> Request:
    return replace_headers(request, dict.fromkeys(headers_to_remove))


def replace_query_parameters(request: Request, replacements: Replacements) -> Request:
    """The query is written anew: sorted, without pairs that have no value, as cassettes have it."""
    wanted = dict(replacements)
    pairs = [
        (name, _replaced(wanted[name], name, value, request) if name in wanted else value)
        for name, value in request.query
    ]
    query = urlencode([(name, value) for name, value in pairs if value is not None])
    request.uri = urlsplit(request.uri)._replace(query=query).geturl()
    return request


def remove_query_parameters(request: Request, query_parameters_to_remove: Iterable[str]) -> Request:
    return replace_query_parameters(request, dict.fromkeys(query_parameters_to_remove))


def replace_body_parameters(
    request: Request, replacements: Replacements, recursive: bool = False
) -> Request:
    """In a form, in the fields of a multipart form, or in the keys of JSON and of a mapping, which are looked
    for at any depth where `recursive`. A body that is not what its header says stays as it is, and so do
    files and iterators."""
    body = request.body
    if not body or not isinstance(body, bytes | bytearray | Mapping):
        return request
    wanted = dict(replacements)
    in_keys = _in_keys_everywhere if recursive else _in_top_keys
    content_type = _text(request.headers.get("Content-Type", ""))
    if isinstance(body, Mapping):
        request.body = in_keys(dict(body), wanted, request)
    elif content_type.partition(";")[0].strip().lower() == "application/json":
        request.body = _in_json(bytes(body), in_keys, wanted, request)
    elif content_type.lower().startswith("multipart/form-data"):
        request.body = _in_multipart(content_type, bytes(body), wanted, request)
    else:
        request.body = _in_form(bytes(body), wanted, request)
    return request


def replace_post_data_parameters(
    request: Request, replacements: Replacements, recursive: bool = False
) -> Request:
    """Replace values in the body of a `POST`; other requests stay as they are."""
    if request.method != "POST":
        return request
    return replace_body_parameters(request, replacements, recursive)


def remove_post_data_parameters(
    request: Request, post_data_parameters_to_remove: Iterable[str]
) -> Request:
    return replace_post_data_parameters(request, dict.fromkeys(post_data_parameters_to_remove))


def decode_response(response: dict[str, Any]) -> dict[str, Any]:
    """A copy without the content codings that are known here, its length corrected.

    Many clients hand on a decoded body beside the header: whether it is coded, its bytes tell. What would
    become too large stays coded.
    """
    response = copy.deepcopy(response)
    headers = CaseInsensitiveDict(response["headers"])
    body = response.get("body") or {}
    content = body.get("string")
    codings = _listed(headers.get("content-encoding"))
    count = len(codings)
    while codings and isinstance(content, bytes):
        decoded = _decoded(codings[-1], content)
        if decoded is None:
            break
        content = decoded
        codings.pop()
    if content is None or len(codings) == count:
        return response
    if codings:
        headers["content-encoding"] = codings
    else:
        del headers["content-encoding"]
    headers["content-length"] = [str(len(content))]
    return {**response, "headers": dict(headers), "body": {**body, "string": content}}


def decompress_gzip(body: bytes) -> bytes:
    """What is packed with gzip, unpacked; anything else as it is."""
    return _decoded("gzip", body) or body


def decompress_brotli(body: bytes) -> bytes:
    """What is packed with brotli, unpacked where a library for it is installed; anything else as it is."""
    return _decoded("br", body) or body


def decompress_deflate(body: bytes) -> bytes:
    """What is packed with deflate, unpacked; anything else as it is."""
    return _decoded("deflate", body) or body


def sensitive_data_hooks(
    sensitive_data: Mapping[str, Any] | Iterable[tuple[str, Any]],
) -> tuple[Hook, Hook]:
    """Two functions of a request and its response: the first puts a placeholder wherever the value it stands
    for occurs, the second puts the values back.

    `sensitive_data` gives placeholders and their values; a value may be a function of request and response.
    """
    every = list(dict(sensitive_data).items())

    def hook(*, restoring: bool) -> Hook:
        def exchange(request: Any, response: Any) -> tuple[Any, Any]:
            for placeholder, value in every:
                known = value(request, response) if callable(value) else value
                if known is None or not str(known) or not str(placeholder):
                    continue
                old, new = str(known), str(placeholder)
                if restoring:
                    old, new = new, old
                request = type(request)._from_dict(replace_text(request._to_dict(), old, new))
                response = replace_text(response, old, new)
            return request, response

        return exchange

    return hook(restoring=False), hook(restoring=True)


def replace_text(obj: Any, text: str, replacement: str) -> Any:
    """A copy of `obj` with `replacement` for `text` in each text, bytes (as UTF-8) and key, at any depth."""
    match obj:
        case str():
            return obj.replace(text, replacement)
        case bytes() | bytearray():
            return bytes(obj).replace(text.encode(), replacement.encode())
        case BytesIO():
            return BytesIO(replace_text(obj.getvalue(), text, replacement))
        case Mapping():
            return {
                replace_text(key, text, replacement): replace_text(value, text, replacement)
                for key, value in obj.items()
            }
        case list():
            return [replace_text(one, text, replacement) for one in obj]
        case tuple():
            return tuple(replace_text(one, text, replacement) for one in obj)
    return obj


def _replaced(replacement: Any, key: str, value: Any, request: Request) -> Any:
    if callable(replacement):
        return replacement(key=key, value=value, request=request)
    return replacement


_Keys = Callable[[Any, dict[str, Any], Request], Any]


def _in_top_keys(data: Any, wanted: dict[str, Any], request: Request) -> Any:
    """What is replaced comes last, in the order of the replacements: so it stands in cassettes."""
    if not isinstance(data, dict):
        return data
    new = dict(data)
    for key, replacement in wanted.items():
        if key in new:
            value = _replaced(replacement, key, new.pop(key), request)
            if value is not None:
                new[key] = value
    return new


def _in_keys_everywhere(data: Any, wanted: dict[str, Any], request: Request) -> Any:
    if isinstance(data, list):
        return [_in_keys_everywhere(one, wanted, request) for one in data]
    if not isinstance(data, dict):
        return data
    new: dict[Any, Any] = {}
    for key, value in data.items():
        if key not in wanted:
            new[key] = _in_keys_everywhere(value, wanted, request)
        elif (other := _replaced(wanted[key], key, value, request)) is not None:
            new[key] = other
    return new


def _in_json(body: bytes, in_keys: _Keys, wanted: dict[str, Any], request: Request) -> bytes:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return body
    return json.dumps(in_keys(data, wanted, request)).encode()


def _in_multipart(
    content_type: str, body: bytes, wanted: dict[str, Any], request: Request
) -> bytes:
    form = multipart.parse(content_type, body)
    if form is None:
        return body
    parts: list[multipart.Part] = []
    for part in form.parts:
        if part.name in wanted:
            value = _replaced(wanted[part.name], part.name, _text(part.body), request)
            if value is None:
                continue
            part = structs.replace(part, body=_bytes(value))  # noqa: PLW2901
        parts.append(part)
    return multipart.render(structs.replace(form, parts=tuple(parts)))


def _in_form(body: bytes, wanted: dict[str, Any], request: Request) -> bytes:
    """Names are found encoded and decoded; values are given and put in as they are sent."""
    pieces: list[bytes] = []
    try:
        for piece in body.split(b"&"):
            encoded, equals, value = piece.partition(b"=")
            name = encoded.decode()
            if name not in wanted:
                name = unquote_plus(name)
            if not equals or name not in wanted:
                pieces.append(piece)
            elif (new := _replaced(wanted[name], name, value.decode(), request)) is not None:
                pieces.append(b"%s=%s" % (encoded, _bytes(new)))
    except UnicodeError:
        return body  # no form
    return b"&".join(pieces)


def _text(value: Any) -> Any:
    """Bytes as the text they are, if they are one."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _listed(value: Any) -> list[str]:
    """The members of a header, which is a text, bytes, or a list of them."""
    values = value if isinstance(value, list | tuple) else [value or ""]
    members = (str(_text(one)).split(",") for one in values)
    return [one.strip() for several in members for one in several if one.strip()]


def _decoded(coding: str, content: bytes) -> bytes | None:
    """`content` without the coding, and as it is where it has none; None where that cannot be done here."""
    known = decoder(coding)
    if known is None:
        return None
    if not _may_be_coded(coding.lower(), content):
        return content
    try:
        return known.feed(content) + known.finish()
    except TooLargeError:
        return None
    except Exception:
        return content


def _may_be_coded(coding: str, content: bytes) -> bool:
    match coding:
        case "gzip" | "x-gzip":
            return content.startswith(_GZIP)
        case "zstd":
            return content.startswith(_ZSTD)
        case "deflate":  # has a header (RFC 1950) or is no text
            has_header = content[:1] == b"\x78" and int.from_bytes(content[:2]) % 31 == 0
            return has_header or isinstance(_text(content), bytes)
    return bool(content)
