"""How a JSON body was written: the recipe that turns its structure back into its exact bytes.

The structure is the body without its looks. Its compact form (UTF-8, no white space, the shortest
escapes, number literals as they were) is what msgspec writes; a recipe holds only what differs from it:

- `indent` spaces a level, or a text of white space; `line` the line end, where it is not `\\n`
- `item`, `key` the separators, where they are not `,` and `:` (with an indent: `,` and `: `)
- `ascii` true: every character beyond ASCII is a `\\uXXXX`; `escape` further characters that are
- `lead`, `tail` white space around it
"""

from __future__ import annotations

import re
from typing import TypeGuard

import msgspec

from onetake.errors import CassetteError
from onetake.wire.late import late_pattern

MAX_DEPTH = 100  # of nesting; a deeper body is kept as text, so that reading never meets a limit

# Numbers with a fraction or an exponent keep their literal; integers are exact anyhow.
_decoder = msgspec.json.Decoder(float_hook=msgspec.Raw)
_encoder = msgspec.json.Encoder()

_SPACE = b" \t\r\n"
_ESCAPABLE = "<>&='/\x7f\u2028\u2029"  # what Go, gson, PHP and Rails write escaped
_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_SEPARATOR = late_pattern(_STRING + rb"|([ \t]*[,:][ \t]*)")
_STRING_OR_MARK = late_pattern(_STRING + rb"|,|: ?")
_FIRST_INDENT = late_pattern(rb"[\[{](\r?\n)([ \t]*)")
_LINE_START = late_pattern(rb"\n( *)")
_RULES: dict[str, re.Pattern[str]] = {
    "line": late_pattern(r"\r?\n"),
    "item": late_pattern(r"[ \t]*,[ \t]*"),
    "key": late_pattern(r"[ \t]*:[ \t]*"),
    "escape": late_pattern(f"[{_ESCAPABLE}]*"),
    "lead": late_pattern(r"[ \t\r\n]*"),
    "tail": late_pattern(r"[ \t\r\n]*"),
}


def compact(structure: object) -> bytes:
    """The shortest text of a structure. Raises what msgspec raises."""
    return _encoder.encode(structure)


def structure_of(text: bytes) -> object:
    """Raises MsgspecError, ValueError or RecursionError where it is not JSON."""
    return _decoder.decode(text)


def is_shallow(structure: object) -> bool:
    level = [structure]
    for _ in range(MAX_DEPTH):
        below: list[object] = []
        for one in level:
            if isinstance(one, dict):
                below += one.values()
            elif isinstance(one, list):
                below += one
        if not below:
            return True
        level = below
    return False


def find_recipe(data: bytes, text: bytes) -> dict[str, object] | None:
    """The recipe by which `render` makes `data` of the compact `text`, None where there is none."""
    body = data.strip(_SPACE)
    start = data.find(body)
    recipe: dict[str, object] = {}
    if data[:start]:
        recipe["lead"] = data[:start].decode()
    if data[start + len(body) :]:
        recipe["tail"] = data[start + len(body) :].decode()
    if body != text:
        if not text.isascii() and body.isascii():
            recipe["ascii"] = True
        escaped = "".join(
            mark
            for mark in _ESCAPABLE
            if mark.encode() in text and _is_escaped(mark, body)
            if mark.isascii() or "ascii" not in recipe
        )
        if escaped:
            recipe["escape"] = escaped
        recipe |= _spacing(body)
    return recipe if render(text, recipe) == data else None


def _spacing(body: bytes) -> dict[str, object]:
    recipe: dict[str, object] = {}
    item, key = ",", ":"
    if first := _FIRST_INDENT.match(body):
        line, indent = first[1].decode(), first[2].decode()
        recipe["indent"] = indent if "\t" in indent else len(indent)
        if line != "\n":
            recipe["line"] = line
        key = ": "
    for mark in (b",", b":"):
        found = next((m[1] for m in _SEPARATOR.finditer(body) if m[1] and mark in m[1]), None)
        text = found.decode() if found else ""
        if mark == b"," and text and text != item:
            recipe["item"] = text
        if mark == b":" and text and text != key:
            recipe["key"] = text
    return recipe


def render(text: bytes, recipe: dict[str, object]) -> bytes:
    """The compact `text` written by `recipe`. Raises `CassetteError` for what is no recipe."""
    _check(recipe)
    for mark in _text(recipe, "escape"):
        text = text.replace(mark.encode(), _escape(mark))
    if recipe.get("ascii") and not text.isascii():
        text = _to_ascii(text.decode())
    item, key = _text(recipe, "item", ","), recipe.get("key")
    indent = recipe.get("indent")
    if indent is None:
        if item == ", " and key == ": ":
            text = msgspec.json.format(text, indent=0)  # one line, written as Python does
        elif item != "," or key is not None:
            text = _separated(text, item, _text(recipe, "key", ":"))
    else:
        text = msgspec.json.format(text, indent=indent if isinstance(indent, int) and indent else 1)
        if item != "," or key is not None:
            text = _separated(text, item, _text(recipe, "key", ": "))
        if not isinstance(indent, int) or not indent:
            step = indent.encode() if isinstance(indent, str) else b""
            text = _LINE_START.sub(lambda m: b"\n" + step * len(m[1]), text)
        if line := _text(recipe, "line"):
            text = text.replace(b"\n", line.encode())
    return _text(recipe, "lead").encode() + text + _text(recipe, "tail").encode()


def _check(recipe: dict[str, object]) -> None:
    for name, value in recipe.items():
        if name == "indent":
            good = _is_indent(value)
        elif name == "ascii":
            good = isinstance(value, bool)
        else:
            rule = _RULES.get(name)
            good = bool(rule and isinstance(value, str) and rule.fullmatch(value))
        if not good:
            raise CassetteError(f"The form of a JSON body has no {name[:40]!r} like that.")


def _is_indent(value: object) -> TypeGuard[int | str]:
    if isinstance(value, str):
        return len(value) <= 16 and not value.strip(" \t")
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 16


def _text(recipe: dict[str, object], name: str, default: str = "") -> str:
    value = recipe.get(name)
    return value if isinstance(value, str) else default


def _separated(text: bytes, item: str, key: str) -> bytes:
    by_mark = {b",": item.encode(), b":": key.encode(), b": ": key.encode()}
    return _STRING_OR_MARK.sub(lambda m: by_mark.get(m[0], m[0]), text)


def _escape(mark: str) -> bytes:
    return b"\\/" if mark == "/" else b"\\u%04x" % ord(mark)


def _is_escaped(mark: str, body: bytes) -> bool:
    """Whether `mark` is written as its escape, not as a backslash (itself escaped) and more."""
    escape = _escape(mark)
    return escape in body and bool(re.search(rb"(?<!\\)(?:\\\\)*" + re.escape(escape), body))


def _to_ascii(text: str) -> bytes:
    """Escape what is not ASCII by the standard library's escaper in C, and undo its other escapes.

    Every quote then has exactly one backslash of its own, and what is left are pairs of backslashes
    and `\\u`, which a scan from the left cannot confuse.
    """
    from json.encoder import encode_basestring_ascii

    quoted = encode_basestring_ascii(text)[1:-1]
    return quoted.replace('\\"', '"').replace("\\\\", "\\").encode()
