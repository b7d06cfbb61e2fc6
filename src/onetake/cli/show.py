"""`onetake show`: what a cassette holds, made safe for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click
import msgspec

from onetake.care.selection import Selection, one_cassette, recording_to_data
from onetake.care.workplace import Workplace
from onetake.cli.options import with_selection
from onetake.cli.printing import echo, echo_json, fitted, in_lines, to_age, to_size, to_status, warn
from onetake.diagnosis import one_line
from onetake.errors import CassetteError, UsageError
from onetake.formats.blobs import BLOB_THRESHOLD, blob_name, take_out
from onetake.messages import Headers, Interaction
from onetake.reports.terminal import of_noun
from onetake.stores.shelf import Kept
from onetake.wire import multipart


@click.command()
@with_selection(pattern=False)
@click.argument("cassette")
@click.argument("number", type=int, required=False, metavar="[N]")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def show(
    place: Workplace, selection: Selection, cassette: str, number: int | None, *, as_json: bool
) -> None:
    """Show the interactions of a cassette in short, or its Nth in full.

    CASSETTE is a name, a part of one that no other has, a test's id or a file.
    """
    name = one_cassette(place.shelf, cassette)
    held = place.shelf.recordings(name)
    if number is None:
        chosen = [(n, one) for n, one in enumerate(held, 1) if selection.fits(one)]
    elif 1 <= number <= len(held):
        chosen = [(number, held[number - 1])]
    else:
        raise UsageError(
            f"{name} has no interaction {number}.",
            remedy=f"It has {len(held)}; they count from 1.",
        )
    if as_json:
        data = [_to_data(n, one, in_full=number is not None) for n, one in chosen]
        echo_json({"name": name, "place": place.shelf.where(name), "interactions": data})
        return
    echo(f"{one_line(name)}  ({of_noun(len(held), 'interaction')})")
    for n, one in chosen:
        if number is None:
            echo(_in_short(n, one, selection.now_s))
        else:
            _in_full(one.stored.interaction, selection.now_s)


def _in_short(number: int, one: Kept, now_s: float) -> str:
    outcome = one.stored.outcome
    up, down = _sizes(one)
    method, url = one.stored.line or ("?", "?")
    head = f"{number:4}  {to_status(outcome):<12} {to_age(outcome.at, now_s):>4} old, "
    sizes = "" if up is None or down is None else f"{to_size(up)} up, {to_size(down)} down"
    return f"{head}{sizes}\n      {fitted(one_line(f'{method} {url}'), 74)}"


def _sizes(one: Kept) -> tuple[int | None, int | None]:
    """Of both bodies; None where they cannot be had."""
    try:
        found = one.stored.interaction
    except CassetteError as error:
        warn(error.message)
        return None, None
    return len(found.request.body), len(found.response.body.data) if found.response else 0


def _in_full(one: Interaction, now_s: float) -> None:
    asked, answer, failure = one.request, one.response, one.failure
    echo()
    echo(one_line(asked.line), bold=True)
    _show_message(asked.headers, asked.body)
    echo()
    if answer is not None:
        echo(one_line(f"{answer.http_version} {answer.status} {answer.reason}"), bold=True)
        _show_message(answer.headers, answer.body.data)
        echo()
    if failure is not None:
        told = ", ".join(failure.args)
        echo(one_line(f"{failure.kind}: {failure.type}({told})"), fg="red")
    chunks = len(answer.body.chunks) if answer is not None else 0
    facts = [f"ended: {one.ended.value}", f"{to_age(one.at, now_s)} old", f"head after {one.ms} ms"]
    echo(", ".join(facts + [f"{of_noun(chunks, 'chunk')}"] * (chunks > 1)))


def _show_message(headers: Headers, body: bytes) -> None:
    for name, value in headers:
        echo(one_line(f"{name}: {value}"))
    lines = list(_readable(body, headers.get("content-type")))
    if lines:
        echo()
    for line in lines:
        echo(line)


def _readable(body: bytes, content_type: str) -> Iterator[str]:
    """A body as lines: JSON with indents, text, the parts of a form, or what binary there is."""
    if not body:
        return
    found = multipart.parse(content_type, body)
    if found is not None:
        for part in found.parts:
            yield "--"
            for name, value in part.headers:
                yield one_line(f"{name}: {value}")
            yield ""
            yield from _readable(part.body, part.content_type)
        return
    try:
        text = body.decode()
    except UnicodeDecodeError:
        yield f"<{to_size(len(body))} binary, {blob_name(body)}>"
        return
    if body.lstrip()[:1] in (b"{", b"["):
        text = _indented(text)
    yield in_lines(text)


def _indented(text: str) -> str:
    """JSON with indents, the name of a blob for each large base64 in it; other text as it is."""
    try:
        if len(text) >= BLOB_THRESHOLD:
            structure, _ = take_out(msgspec.json.decode(text), {})
            text = msgspec.json.encode(structure).decode()
        return msgspec.json.format(text, indent=2)
    except (msgspec.MsgspecError, RecursionError):
        return text


def _to_data(number: int, one: Kept, *, in_full: bool) -> dict[str, object]:
    outcome = one.stored.outcome
    up, down = _sizes(one)
    data = recording_to_data(number, one) | {
        "failure": outcome.failure or None,
        "ended": outcome.ended,
        "ms": outcome.ms,
        "request_bytes": up,
        "response_bytes": down,
    }
    if in_full:
        found = one.stored.interaction
        data["request"] = _message(found.request.headers, found.request.body)
        if (answer := found.response) is not None:
            data["response"] = _message(answer.headers, answer.body.data)
    return data


def _message(headers: Headers, body: bytes) -> dict[str, object]:
    lines: Sequence[tuple[str, str]] = headers.items
    try:
        return {"headers": lines, "body": body.decode()}
    except UnicodeDecodeError:
        return {"headers": lines, "body": None, "bytes": len(body), "blob": blob_name(body)}
