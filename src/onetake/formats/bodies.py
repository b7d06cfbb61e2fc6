"""Bodies in storage: readable where they can be, and every byte can be had back.

A stored body is JSON: None for an empty one, else a dict of one of these kinds.

- `json` the structure; `form` how it was written where that is not compact (`json_text`), or
  `{"exact": <stored body>, "digest": ...}` where no recipe gives the bytes: it holds as long as the
  structure is the one of the digest, so an edit by hand of the structure wins; `blobs` where in the
  structure the name of a blob stands for its base64
- `text` one line, or a list of lines split at `\\n`
- `multipart` its boundary and its parts, whose bodies are stored bodies
- `base64` small binary; `blob` the name of a large one, with its `size`
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import blake2b

import msgspec

from onetake.errors import CassetteError
from onetake.formats.blobs import BLOB_THRESHOLD, blob_name, fetch, put_back, take_out
from onetake.formats.header_lines import from_lines, to_lines
from onetake.formats.json_text import compact, find_recipe, is_shallow, render, structure_of
from onetake.messages import Headers
from onetake.wire import multipart
from onetake.wire.late import late_decoder, late_pattern

__all__ = [
    "BLOB_THRESHOLD",
    "RawBody",
    "StoredBody",
    "blob_name",
    "from_raw",
    "from_stored",
    "to_plain",
    "to_stored",
]

StoredBody = dict[str, object]
RawBody = dict[str, msgspec.Raw]
"""A stored body whose fields are not decoded yet."""

_CONTROL = late_pattern(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MAX_MULTIPART_DEPTH = 8


def to_plain(data: bytes, _: Headers | None = None) -> StoredBody | None:
    """Return the cheapest stored form, whatever the header lines say: one text, or base64."""
    if not data:
        return None
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": b64encode(data).decode()}


def to_stored(
    data: bytes, content_type: str, blobs: dict[str, bytes], *, _depth: int = 0
) -> StoredBody | None:
    """The readable stored form. Large binaries are added to `blobs` under their names. Never raises."""
    if not data:
        return None
    if content_type.lstrip()[:10].lower() == "multipart/" and _depth < _MAX_MULTIPART_DEPTH:
        parts = _to_multipart(data, content_type, blobs, _depth)
        if parts is not None:
            return parts
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _to_binary(data, blobs)
    if data.lstrip()[:1] in (b"{", b"[") or "json" in content_type.lower():
        structured = _to_json(data, text, blobs)
        if structured is not None:
            return structured
    return _to_binary(data, blobs) if _CONTROL.search(text) else _to_text(text)


_texts: msgspec.json.Decoder[str | list[str]] = late_decoder(str | list[str])  # type: ignore[arg-type]


def from_raw(stored: RawBody | None, blob: Callable[[str], bytes]) -> bytes:
    """Return the bytes of a stored body as `from_stored` does, mostly without making values of JSON."""
    if stored is None:
        return b""
    if "json" in stored and (len(stored) == 1 or stored.keys() == {"json", "form"}):
        try:
            form = structure_of(stored["form"]) if "form" in stored else {}
            if isinstance(form, dict) and "exact" not in form:
                text = msgspec.json.format(stored["json"], indent=-1)
                return render(text, form) if form else text
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise CassetteError("A stored JSON body cannot be written as JSON.") from error
    if len(stored) == 1 and "text" in stored:
        try:
            text_or_lines = _texts.decode(stored["text"])
        except msgspec.MsgspecError as error:
            raise CassetteError("A stored text is no text, and no list of texts.") from error
        return _encoded(
            text_or_lines if isinstance(text_or_lines, str) else "\n".join(text_or_lines)
        )
    return from_stored({name: structure_of(raw) for name, raw in stored.items()}, blob)


def from_stored(stored: object, blob: Callable[[str], bytes]) -> bytes:
    """The bytes of a stored body; `blob` gives a blob's bytes and is called for those needed only.

    Raises `CassetteError` for what is no stored body, and what `blob` raises.
    """
    if stored is None:
        return b""
    if not isinstance(stored, dict):
        raise CassetteError("A stored body is no object.")
    match stored:
        case {"json": structure}:
            try:
                return compact(structure) if len(stored) == 1 else _from_json(stored, blob)
            except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
                raise CassetteError("A stored JSON body cannot be written as JSON.") from error
        case {"text": str(text)}:
            return _encoded(text)
        case {"text": list(lines)}:
            if not all(isinstance(line, str) for line in lines):
                raise CassetteError("The lines of a stored text are not all texts.")
            return _encoded("\n".join(lines))
        case {"base64": str(text)}:
            try:
                return b64decode(text, validate=True)
            except ValueError as error:
                raise CassetteError("A stored binary body is not valid base64.") from error
        case {"blob": name}:
            data = fetch(name, blob)
            if stored.get("size", len(data)) != len(data):
                raise CassetteError(f"The blob {name} has not the size that is stored with it.")
            return data
        case {"multipart": dict(parts)}:
            return _from_multipart(parts, blob, 0)
    raise CassetteError("A stored body is of no known kind.")


def _to_text(text: str) -> StoredBody:
    return {"text": text.split("\n") if "\n" in text else text}


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise CassetteError("A stored text holds half a surrogate pair.") from error


def _to_binary(data: bytes, blobs: dict[str, bytes]) -> StoredBody:
    if len(data) < BLOB_THRESHOLD:
        return {"base64": b64encode(data).decode()}
    name = blob_name(data)
    blobs[name] = data
    return {"blob": name, "size": len(data)}


def _to_json(data: bytes, text: str, blobs: dict[str, bytes]) -> StoredBody | None:
    """None where it is not JSON, or not one that a structure can stand for."""
    try:
        structure = structure_of(data)
        plain = compact(structure)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if not is_shallow(structure):
        return None
    recipe = {} if plain == data else find_recipe(data, plain)
    if recipe is None and _has_double_keys(text):
        return None
    stored: StoredBody = {"json": structure}
    places: list[dict[str, str]] = []
    if len(data) >= BLOB_THRESHOLD:
        stored["json"], places = take_out(structure, blobs)
    if recipe is None:
        exact = _to_binary(data, blobs) if places else _to_text(text)
        recipe = {"exact": exact, "digest": _digest(compact(stored["json"]))}
    if recipe:
        stored["form"] = recipe
    if places:
        stored["blobs"] = places
    return stored


def _from_json(stored: StoredBody, blob: Callable[[str], bytes]) -> bytes:
    structure = stored["json"]
    form = stored.get("form", {})
    if not isinstance(form, dict):
        raise CassetteError("The form of a stored JSON body is not an object.")
    if "exact" in form:
        exact = form["exact"]
        if not isinstance(exact, dict) or not exact.keys() <= {"text", "blob", "size", "base64"}:
            raise CassetteError("The exact form of a stored JSON body is not a stored body.")
        if form.get("digest") == _digest(compact(structure)):
            return from_stored(exact, blob)
        form = {}
    if "blobs" in stored:
        structure = put_back(structure, stored["blobs"], blob)
    return render(compact(structure), form)


def _digest(text: bytes) -> str:
    return blake2b(text, digest_size=8).hexdigest()


def _has_double_keys(text: str) -> bool:
    import json

    double = False

    def pairs(items: list[tuple[str, object]]) -> None:
        nonlocal double
        double = double or len({name for name, _ in items}) < len(items)

    try:
        json.loads(text, object_pairs_hook=pairs, parse_int=len, parse_float=len)
    except (ValueError, RecursionError):
        return True  # not what others take for JSON
    return double


def _to_multipart(
    data: bytes, content_type: str, blobs: dict[str, bytes], depth: int
) -> StoredBody | None:
    found = multipart.parse(content_type, data)
    if found is None or any(part.head for part in found.parts):
        return None
    parts: list[StoredBody] = []
    for part in found.parts:
        kept: StoredBody = {"headers": to_lines(part.headers)}
        body = to_stored(part.body, part.content_type, blobs, _depth=depth + 1)
        parts.append({**kept, "body": body} if body is not None else kept)
    stored: StoredBody = {"boundary": found.boundary, "parts": parts}
    if found.preamble:
        stored["preamble"] = found.preamble.decode("latin-1")
    if found.line_end != b"\r\n":
        stored["line"] = found.line_end.decode()
    if found.epilogue != found.line_end:
        stored["epilogue"] = found.epilogue.decode("latin-1")
    return {"multipart": stored}


def _from_multipart(stored: StoredBody, blob: Callable[[str], bytes], depth: int) -> bytes:
    line = stored.get("line", "\r\n")
    match stored:
        case {"boundary": str(boundary), "parts": list(kept)} if line in ("\r\n", "\n"):
            pass
        case _:
            raise CassetteError("A stored multipart body has no boundary or no parts.")
    if depth >= _MAX_MULTIPART_DEPTH:
        raise CassetteError("A stored multipart body is nested too deeply.")
    parts: list[multipart.Part] = []
    for part in kept:
        match part:
            case {"headers": list(lines)} if all(isinstance(line, str) for line in lines):
                headers = from_lines(lines)
            case {"headers": list(lines)} if all(_is_line(line) for line in lines):
                headers = from_lines(one if isinstance(one, str) else tuple(one) for one in lines)
            case _:
                raise CassetteError("A part of a stored multipart body has no headers.")
        body = part.get("body")
        match body:
            case {"multipart": dict(inner)}:
                data = _from_multipart(inner, blob, depth + 1)
            case _:
                data = from_stored(body, blob)
        parts.append(multipart.Part(headers=headers, body=data))
    preamble, epilogue = stored.get("preamble", ""), stored.get("epilogue", line)
    try:
        return multipart.render(
            multipart.Multipart(
                boundary=boundary,
                parts=tuple(parts),
                preamble=str(preamble).encode("latin-1"),
                epilogue=str(epilogue).encode("latin-1"),
                line_end=str(line).encode(),
            )
        )
    except UnicodeEncodeError as error:
        raise CassetteError("A stored multipart body holds more than latin-1.") from error


def _is_line(line: object) -> bool:
    match line:
        case str() | [str(), str()]:
            return True
    return False
