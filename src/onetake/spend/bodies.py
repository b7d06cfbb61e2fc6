"""Bodies as the readers of usage want them: objects, whatever was sent. Nothing here raises."""

from __future__ import annotations

import msgspec

from onetake.messages import Request, Response, media_type
from onetake.spend.counts import Fields, fields_of, objects_of
from onetake.wire import multipart
from onetake.wire.sse import read_events

_MOST_FIELD = 65_536  # bytes of a form field that can be the name of a model or a text to speak


def request_fields(request: Request) -> Fields:
    """The fields of a JSON body, or the short ones of a form."""
    content_type = request.headers.get("content-type")
    if media_type(content_type) == "multipart/form-data":
        form = multipart.parse(content_type, request.body)
        return {
            part.name: part.body.decode("utf-8", "replace")
            for part in (form.parts if form else ())
            if part.filename is None and len(part.body) <= _MOST_FIELD
        }
    return fields_of(_json(request.body))


def answer_objects(response: Response) -> list[Fields]:
    """The one object of a JSON answer, or those of its events or its list, in order."""
    data = response.body.data
    kind = media_type(response.headers.get("content-type"))
    if kind == "text/event-stream" or data.lstrip()[:6] in (b"data: ", b"event:"):
        events = (fields_of(_json(one.data)) for one in read_events(data) if "{" in one.data)
        return [one for one in events if one]
    if data.lstrip()[:1] not in (b"{", b"["):
        return []
    found = _json(data)
    return [found] if isinstance(found, dict) else objects_of(found)


def _json(data: bytes | str) -> object:
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
