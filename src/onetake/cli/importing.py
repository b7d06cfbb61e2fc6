"""`onetake import`: recordings of other programs into a store, redacted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from msgspec import Struct

from onetake.care.workplace import Workplace
from onetake.cassettes.decisions import Slot
from onetake.cassettes.fold import Take
from onetake.cli.options import with_store
from onetake.cli.printing import echo, echo_json, left_out, say, warn
from onetake.diagnosis import one_line
from onetake.errors import CassetteError, StoreError, UsageError
from onetake.formats import betamax, har, vcr, vcr_text
from onetake.formats.taken import Taken, take
from onetake.matching import Matcher
from onetake.messages import Interaction, read_url
from onetake.recorder.principals import Principals
from onetake.reports.terminal import of_noun
from onetake.stores.files import FileCassette
from onetake.stores.vcr_files import SUFFIXES, base_of, fit_to_write, is_own
from onetake.stores.whole_files import read_text

KINDS = ("vcr", "har", "betamax")

_SUFFIXES = (*SUFFIXES, ".json", ".har")
_SKIPPED = {"node_modules", "site-packages", "__pycache__", "blobs"}
_MOST_SHOWN = 20


class _Source(Struct, frozen=True):
    """A file, the name of the cassette to be, and its interactions as they may be written."""

    path: Path
    kind: str
    name: str
    interactions: tuple[Interaction, ...]
    redacted: int
    left: tuple[tuple[int, str], ...]


class _Imported(Struct, frozen=True):
    source: _Source
    added: int


@click.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--from", "kind", type=click.Choice(KINDS), help="What wrote it; guessed by its content."
)
@with_store
@click.option("--yes", is_flag=True, help="Do it; without, only show what would be taken.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def import_(
    paths: Sequence[str], kind: str | None, store: str | None, *, yes: bool, as_json: bool
) -> None:
    """Take over recordings of vcrpy, betamax, Ruby's VCR, browsers and proxies (HAR).

    PATH is a file or a folder. A file becomes the cassette of its name, redacted; the file itself stays.
    What the cassette holds already is not added twice. Exit code 1 where something is there and --yes is
    missing, or something could not be taken.
    """
    place = Workplace(store)
    problems: list[str] = []
    named = {place.here / path for path in paths}
    read = (
        _read(place, path, kind, problems, is_named=path in named) for path in _files(place, paths)
    )
    sources = [one for one in read if one is not None]
    if sources:
        place.check_has_store()  # what --yes would say
    done = [_Imported(one, _publish(place, one) if yes else 0) for one in sources]
    if as_json:
        echo_json(
            {
                "dry_run": not yes,
                "files": [_to_data(place, one) for one in done],
                "unreadable": problems,
            }
        )
    else:
        left_out(problems)
        _show(place, done, yes=yes)
    is_whole = not problems and not any(one.left for one in sources)
    click.get_current_context().exit(0 if is_whole and (yes or not sources) else 1)


def _files(place: Workplace, paths: Sequence[str]) -> Iterator[Path]:
    """Those that are named, and those in folders that may be of another program. Raises `UsageError`."""
    for name in dict.fromkeys(paths):
        path = place.here / name
        if path.is_file():
            yield path
        elif path.is_dir():
            yield from (
                one
                for one in sorted(path.rglob("*"))
                if one.name.endswith(_SUFFIXES) and one.is_file() and not _is_skipped(one, path)
            )
        else:
            raise UsageError(
                f"There is no file or folder {name}.", remedy="Give the path of a recording."
            )


def _is_skipped(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    return any(part.startswith(".") or part in _SKIPPED for part in parts)


def _read(
    place: Workplace, path: Path, kind: str | None, problems: list[str], *, is_named: bool
) -> _Source | None:
    """None where it is not of another program, or cannot be read, which `problems` gets then."""
    shown = place.shown(path)
    try:
        text = read_text(path)
        if is_own(text):
            if is_named:
                problems.append(f"{shown} is a cassette of onetake already.")
            return None
        tree = vcr_text.read_tree(text, shown, is_vcr=kind == "vcr")
        found = kind or _guessed(tree)
        if found is None:
            if is_named:
                problems.append(f"{shown} is no recording that is known: say --from.")
            return None
        taken = _taken(tree, found, shown)
    except (CassetteError, StoreError) as error:
        problems.append(error.message)
        return None
    calls = _with_principals(taken.interactions)
    safe = fit_to_write(calls)
    redacted = sum(old != new for old, new in zip(calls, safe, strict=True))
    return _Source(path, found, _name(place, path), tuple(safe), redacted, taken.left)


def _guessed(tree: object) -> str | None:
    if har.is_har(tree):
        return "har"
    if betamax.is_betamax(tree):
        return "betamax"
    return "vcr" if isinstance(tree, dict) and "interactions" in tree else None


def _taken(tree: object, kind: str, path: str) -> Taken:
    if kind == "har":
        return har.from_tree(tree, path)
    if kind == "betamax":
        return betamax.from_tree(tree, path)
    return take(vcr.entries_of(tree, path), vcr.interaction_of)


def _with_principals(interactions: Sequence[Interaction]) -> list[Interaction]:
    """Who asked is told by the credential, as long as that is there."""
    principals = Principals()
    return [
        one.replace(
            request=one.request.replace(
                principal=principals.of(one.request, read_url(one.request.url).netloc)
            )
        )
        for one in interactions
    ]


def _name(place: Workplace, path: Path) -> str:
    """As the test that has recorded it will look for it: its path in the project, without `cassettes`."""
    base = path.name.removesuffix(".har") if path.suffix == ".har" else base_of(path)
    if not path.is_relative_to(place.root):
        return base
    folders = list(path.relative_to(place.root).parent.parts)
    if "cassettes" in folders:
        folders.remove("cassettes")
    return "/".join((*folders, base))


def _publish(place: Workplace, source: _Source) -> int:
    """How many were added. Raises `OnetakeError`."""
    cassette = place.shelf.cassette(source.name)
    matcher: Matcher = place.matcher
    if isinstance(cassette, FileCassette) and cassette.path.resolve() == source.path.resolve():
        return cassette.take_over()
    counts: Counter[bytes] = Counter()
    takes: list[Take] = []
    for one in source.interactions:
        key = matcher.key(one.request)
        takes.append(Take(Slot(key, counts[key]), one))
        counts[key] += 1
    return cassette.publish(takes, matcher.key, replacing_run=None).added if takes else 0


def _show(place: Workplace, done: Sequence[_Imported], *, yes: bool) -> None:
    for one in done[:_MOST_SHOWN]:
        source = one.source
        facts = [of_noun(len(source.interactions), "interaction"), f"{source.redacted} redacted"]
        if yes:
            facts.append(f"{one.added} added")
        echo(one_line(f"{place.shown(source.path)} ({source.kind}) -> {source.name}"))
        echo(f"  {', '.join(facts)}")
        for number, reason in source.left[:_MOST_SHOWN]:
            warn(f"  left: entry {number}: {reason}")
        if len(source.left) > _MOST_SHOWN:
            warn(f"  and {len(source.left) - _MOST_SHOWN} more (--json has them all)")
    if len(done) > _MOST_SHOWN:
        echo(f"and {of_noun(len(done) - _MOST_SHOWN, 'more file')} (--json has them all)")
    if not done:
        echo("There is nothing to import.")
    elif yes:
        total = sum(one.added for one in done)
        say(f"{of_noun(total, 'interaction')} added in {place.shelf.place}.")
    else:
        echo("To import this: the same with --yes")


def _to_data(place: Workplace, one: _Imported) -> dict[str, object]:
    source = one.source
    return {
        "file": place.shown(source.path),
        "from": source.kind,
        "cassette": source.name,
        "interactions": len(source.interactions),
        "redacted": source.redacted,
        "added": one.added,
        "left": [{"entry": number, "reason": reason} for number, reason in source.left],
    }
