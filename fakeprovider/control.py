"""`/_control/...` (never billed) and the answers scripted through it."""

from __future__ import annotations

import base64
import re
import uuid

from fakeprovider.fields import Fields, json_fields, whole_number
from fakeprovider.messages import Answer, Call, Framing, HeaderLines, RefusalError, json_answer

_MOST_DELAY_MS = 600_000
_LAST_STATUS = 999
_FRAMINGS: dict[str, Framing] = {"chunked": "chunked", "length": "length", "close": "close"}
_KNOWN = {
    *("id", "sequence", "status", "reason", "headers", "chunks"),
    *("framing", "delay_ms", "head_delay_ms", "cut"),
}


def read_counts(call: Call) -> Answer:
    """GET /_control/counts."""
    return json_answer({"billed": call.state.billed, "counts": dict(call.state.counts)})


def read_requests(call: Call) -> Answer:
    """GET /_control/requests: the last 50, oldest first."""
    return json_answer(call.state.last_requests())


def reset(call: Call) -> Answer:
    """POST /_control/reset."""
    call.state.reset()
    return json_answer({"billed": 0})


def open_gate(call: Call) -> Answer:
    """POST /_control/gates/{name}: what waits there goes on, and so does all that comes later."""
    call.state.gates[call.groups[0]].set()
    return json_answer({"open": call.groups[0]})


def put_script(call: Call) -> Answer:
    """PUT /_control/scripts: a new script, or another one under the same id."""
    fields = json_fields(call.request)
    name = fields.get("id") or uuid.uuid4().hex[:12]
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9._~-]+", name):
        raise RefusalError(400, "'id' may have letters, digits, '.', '_', '~' and '-'")
    sequence = fields.get("sequence")
    if sequence is None:
        answers = [_scripted_answer(fields)]
    elif isinstance(sequence, list) and sequence:
        base = {key: value for key, value in fields.items() if key not in {"id", "sequence"}}
        answers = [_scripted_answer({**base, **_object(item)}) for item in sequence]
    else:
        raise RefusalError(400, "'sequence' must be a list of one answer or more")
    call.state.scripts[name] = tuple(answers)
    call.state.script_calls.pop(name, None)
    return json_answer({"id": name, "path": f"/scripted/{name}"}, status=201)


def scripted(call: Call) -> Answer:
    """ANY /scripted/{id}[/anything]; after the end of a sequence its last answer repeats."""
    name = call.groups[0]
    answers = call.state.scripts.get(name)
    if answers is None:
        raise RefusalError(404, f"no script has the id {name!r}")
    number = call.state.script_calls[name]
    call.state.script_calls[name] += 1
    return answers[min(number, len(answers) - 1)]


def _object(value: object) -> Fields:
    if not isinstance(value, dict):
        raise RefusalError(400, "each answer must be an object")
    return value


def _scripted_answer(fields: Fields) -> Answer:
    if unknown := set(fields) - _KNOWN:
        raise RefusalError(400, f"unknown fields: {', '.join(sorted(unknown))}")
    code = whole_number(fields.get("status", 200), "status", most=_LAST_STATUS)
    if code < 100:
        raise RefusalError(400, "'status' must have three digits")
    reason = fields.get("reason")
    if reason is not None and not _is_latin(reason):
        raise RefusalError(400, "'reason' must be a latin-1 string")
    framing = _FRAMINGS.get(str(fields.get("framing", "length")))
    if framing is None:
        raise RefusalError(400, f"'framing' must be one of {', '.join(_FRAMINGS)}")
    return Answer(
        status=code,
        reason=None if reason is None else str(reason),
        headers=_header_lines(fields.get("headers", [])),
        chunks=_chunks(fields.get("chunks", [])),
        framing=framing,
        delay_ms=whole_number(fields.get("delay_ms", 0), "delay_ms", most=_MOST_DELAY_MS),
        head_delay_ms=whole_number(
            fields.get("head_delay_ms", 0), "head_delay_ms", most=_MOST_DELAY_MS
        ),
        cut=fields.get("cut") is True,
    )


def _is_latin(value: object) -> bool:
    return isinstance(value, str) and all(ord(letter) < 256 for letter in value)


def _header_lines(value: object) -> HeaderLines:
    problem = RefusalError(400, "'headers' must be a list of [name, value] in latin-1")
    if not isinstance(value, list):
        raise problem
    lines = []
    for line in value:
        if not isinstance(line, list) or len(line) != 2 or not all(map(_is_latin, line)):
            raise problem
        lines.append((str(line[0]), str(line[1])))
    return tuple(lines)


def _chunks(value: object) -> tuple[bytes, ...]:
    problem = RefusalError(400, "'chunks' must be a list of base64 strings")
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise problem
    try:
        return tuple(base64.b64decode(item, validate=True) for item in value)
    except ValueError:
        raise problem from None
