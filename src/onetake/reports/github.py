"""A run as GitHub shows it: annotations beside the code, and the summary of the job in Markdown.

GitHub shows ten errors and ten warnings of a step and drops the rest, so no more are made. What stands in
Markdown may come from a request: every character that Markdown or HTML could take for its own is escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from onetake.errors import printable
from onetake.reports.accounts import Account, Reason, Summary
from onetake.reports.dollars import Dollars
from onetake.reports.leaks import paid_egress
from onetake.reports.terminal import of_noun
from onetake.spend import in_dollars

_MOST = 10  # https://docs.github.com/en/actions: annotations of a kind in a step
_LONGEST = 1000  # characters of an annotation
_LIMIT_BYTES = 64_000  # of a job's summary, far below GitHub's MiB
_MARKUP = frozenset("&<>|`*_[]\\~$#@!\"'")


class Annotation(Struct, frozen=True, kw_only=True):
    """A remark on the run, or on a line of a file. `level` is `error` or `warning`; 0 is no line."""

    level: str
    title: str
    text: str
    file: str = ""
    line: int = 0

    @property
    def command(self) -> str:
        """The workflow command that makes it."""
        facts = [("file", self.file), ("line", str(self.line) if self.file and self.line else "")]
        facts.append(("title", f"onetake: {self.title}"))
        told = ",".join(f"{name}={_property(value)}" for name, value in facts if value)
        text = self.text if len(self.text) <= _LONGEST else f"{self.text[: _LONGEST - 1]}…"
        return f"::{self.level} {told}::{_data(text)}"


def annotations_of(summary: Summary, root: Path, workspace: Path | None) -> list[Annotation]:
    """What to look at, the worst first; at most ten of each level. Files are named from `workspace`."""
    found = list(_annotations(summary, root, workspace))
    return [
        *_bounded([one for one in found if one.level == "error"]),
        *_bounded([one for one in found if one.level == "warning"]),
    ]


def _bounded(some: Sequence[Annotation]) -> list[Annotation]:
    if len(some) <= _MOST:
        return list(some)
    more = of_noun(len(some) - _MOST + 1, "other")
    rest = Annotation(level=some[0].level, title="more", text=f"And {more}.")
    return [*some[: _MOST - 1], rest]


def _annotations(summary: Summary, root: Path, workspace: Path | None) -> Iterator[Annotation]:
    for reason in summary.failed:
        yield Annotation(level="error", title=f"FAILED ({reason.gate})", text=_of_reason(reason))
    last = _last(summary)
    for test, account in last.items():
        file = _file(test, root, workspace)
        for event in account.events:
            if event["outcome"] == "missed":
                yield Annotation(
                    level="error",
                    title="MISS",
                    text=_of_miss(test, event),
                    file=file,
                    line=account.line_number,
                )
        if account.error:
            yield Annotation(
                level="error",
                title="NOT_PERSISTED",
                text=f"{test}: {account.error}",
                file=file,
                line=account.line_number,
            )
    for place, counts in summary.degraded.items():
        if counts["failures"]:
            text = f"{place}: {of_noun(counts['failures'], 'failure')}"
            if place in summary.last_errors:
                text += f"; last error: {summary.last_errors[place]}"
            yield Annotation(level="warning", title="DEGRADED", text=text)
    for test, account in last.items():
        file = _file(test, root, workspace)
        for title, text in _remarks(account, summary):
            yield Annotation(
                level="warning",
                title=title,
                text=f"{test}: {text}",
                file=file,
                line=account.line_number,
            )


def _last(summary: Summary) -> dict[str, Account]:
    """The last attempt of each test."""
    return {account.test: account for account in summary.accounts if not account.is_part}


def _remarks(account: Account, summary: Summary) -> Iterator[tuple[str, str]]:
    if not account.is_marked and account.counts.get("live"):
        hosts = ", ".join(sorted(account.hosts)) or "a host that is not known"
        count = of_noun(account.counts["live"], "live call")
        yield "UNMARKED:LIVE", f"{count} without a cassette, to {hosts}; mark the test to record"
    if growth := summary.growth.get(account.test):
        text = f"grew on {growth['runs']} runs running"
        if growth["varies"]:
            text += f"; varies: {growth['varies']}"
        if growth["rule"]:
            text += f"; this rule stops it:\n{growth['rule']}"
        yield "OVERFLOW", text
    if account.counts.get("stale"):
        yield "STALE", f"{of_noun(account.counts['stale'], 'answer')} replayed past the ttl"


def _of_reason(reason: Reason) -> str:
    return "\n".join([reason.text, *(f"  {one}" for one in reason.shown)])


def _of_miss(test: str, event: dict[str, object]) -> str:
    miss = event["miss"]
    assert isinstance(miss, dict)
    lines = [f"{test}: {miss['request_line']}", miss.get("cause", "")]
    if rule := miss.get("rule"):
        lines += ["this rule makes them equal:", rule]
    else:
        lines.append(miss.get("advice", ""))
    return "\n".join(line for line in lines if line)


def _file(test: str, root: Path, workspace: Path | None) -> str:
    """The test's file as GitHub knows it; empty where it is none of the repository's."""
    name, separator, _ = test.partition("::")
    path = root / name
    if not separator:
        return ""
    if workspace is None:
        return name
    return path.relative_to(workspace).as_posix() if path.is_relative_to(workspace) else ""


def _data(text: str) -> str:
    """As the runner reads it: https://github.com/actions/toolkit, packages/core/src/command.ts."""
    return printable(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def to_markdown(summary: Summary, *, title: str = "onetake") -> str:
    """The summary of a job, whole sections of it up to 64 kB."""
    text = ""
    left = _LIMIT_BYTES
    for piece in _pieces(summary, title):
        size = len(piece.encode("utf-8", "replace"))
        if size > left:
            return f"{text}\n(More than fits here: see the log.)\n"
        text += piece
        left -= size
    return text


def _pieces(summary: Summary, title: str) -> Iterator[str]:
    """Each can stand without those behind it."""
    yield f"## {escaped(title)}\n\n"
    verdicts = summary.verdicts
    if verdicts:
        rows = [(escaped(verdict), str(count)) for verdict, count in verdicts.items()]
        yield _table(("verdict", "tests"), rows)
    yield _money(summary)
    for reason in summary.failed:
        yield f"\n**Failed ({escaped(reason.gate)}): {escaped(reason.text)}**\n\n"
        yield "".join(f"- {escaped(one)}\n" for one in reason.shown)
    for place, counts in summary.degraded.items():
        if counts["failures"]:
            error = escaped(summary.last_errors.get(place, ""))
            count = of_noun(counts["failures"], "failure")
            yield f"\n**DEGRADED: {escaped(place)}**: {count}; last error: {error}\n"
    yield from _causes(summary)
    yield from _leaking(summary)


def _money(summary: Summary) -> str:
    calls = summary.calls
    rows = [
        ("paid", str(summary.paid), _dollars(summary, "paid")),
        ("of these recorded", str(calls["recorded"]), _dollars(summary, "recorded")),
        ("leaked", str((summary.leaks or Counter()).total()), _dollars(summary, "leaked")),
        ("replayed (saved)", str(calls["replayed"]), _dollars(summary, "saved")),
    ]
    if calls["missed"]:
        rows.append(("missed", str(calls["missed"]), ""))
    text = "\n" + _table(("calls", "number", "dollars"), rows)
    total = summary.spending.total if summary.spending is not None else Dollars()
    unpriced = Counter(total.unpriced) + Counter(total.unpriced_saved)
    if unpriced:
        named = ", ".join(f"{name} x{count}" for name, count in unpriced.most_common(_MOST))
        text += f"\nPrice not known, and not in the dollars: {escaped(named)}\n"
    return text


def _dollars(summary: Summary, name: str) -> str:
    """Empty where no price is known."""
    known = getattr(summary.spending.total, name) if summary.spending is not None else 0.0
    return in_dollars(known) if known else ""


def _causes(summary: Summary) -> Iterator[str]:
    groups = summary.groups
    if not groups:
        return
    from onetake.diagnosis.miss import settings_file

    yield "\n### What was not replayed, by cause\n"
    for one in groups[:_MOST]:
        what = "missed" if one.outcome == "missed" else "paid again"
        tests = ", ".join(escaped(test) for test in one.tests[:3])
        if len(one.tests) > 3:
            tests += f" and {len(one.tests) - 3} more"
        text = f"\n{of_noun(one.count, 'call')} {what}: {escaped(one.title)}; in {tests}\n"
        if one.rule:
            text += f"\nThis rule makes them equal (in {escaped(settings_file(one.rule))}):\n\n"
            text += fenced(one.rule, "toml")
        elif one.advice:
            text += f"\n{escaped(one.advice)}\n"
        yield text
    if len(groups) > _MOST:
        yield f"\nAnd {of_noun(len(groups) - _MOST, 'other cause')}.\n"


def _leaking(summary: Summary) -> Iterator[str]:
    calls = summary.leaks
    if not calls:
        return
    hosts: dict[str, set[str]] = {}
    for one in summary.accounts:
        hosts.setdefault(one.test, set()).update(one.hosts, paid_egress(one))
    spent = summary.spending.tests if summary.spending is not None else {}
    dollars = {test: one.leaked for test, one in spent.items() if one.leaked}
    rows = [
        (
            escaped(test),
            str(count),
            escaped(", ".join(sorted(hosts[test]))),
            escaped(in_dollars(dollars[test])) if test in dollars else "",
        )
        for test, count in sorted(
            calls.items(), key=lambda one: (-dollars.get(one[0], 0.0), -one[1], one[0])
        )[:_MOST]
    ]
    more = f" (the first {_MOST} of {len(calls)})" if len(calls) > _MOST else ""
    yield f"\n### Tests that leak{more}\n\n" + _table(("test", "live", "hosts", "dollars"), rows)


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def fenced(text: str, language: str = "") -> str:
    """As a block of code, fenced by more backticks than are in it."""
    text, fence = printable(text), "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}\n"


def escaped(text: str) -> str:
    """`text` as Markdown that shows it, in one line of at most 500 characters."""
    line = printable(" ".join(text.split()))
    if len(line) > 500:
        line = f"{line[:499]}…"
    return "".join(f"&#{ord(one)};" if one in _MARKUP else one for one in line)
