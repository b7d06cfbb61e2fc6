"""`onetake doctor`: why a store grows, and the rules that would stop it."""

from __future__ import annotations

import difflib
import textwrap

import click

from onetake import project
from onetake.care import doctor as care
from onetake.care.workplace import Workplace
from onetake.cli.printing import echo, echo_json, progress
from onetake.diagnosis import Cluster, Report
from onetake.reports.terminal import of_noun

_MOST_SHOWN = 20


@click.command()
@click.argument("places", nargs=-1, metavar="[CASSETTE]...")
@click.option("--write", is_flag=True, help="Add the rules to the settings file.")
@click.option("--all", "every", is_flag=True, help="With --write: also those to look at first.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def doctor(places: tuple[str, ...], write: bool, every: bool, as_json: bool) -> None:
    """Find interactions that differ in nothing that means something, and propose rules.

    Reads every cassette of the project, or those named (files, folders, names), and changes none. Rules for
    numbers that may mean something are to be looked at first. Exit code 1 where rules are proposed and not
    written.
    """
    place = Workplace()
    found = care.examined(place, places, progress(quiet=as_json))
    report, name = found.report, place.shown(found.path)
    if as_json:
        echo_json(_to_data(found))
    else:
        _show(found)
    chosen = found.chosen(every=every) if write else []
    if chosen:
        old, new = found.with_rules(chosen)
        if not as_json:
            _show_change(old, new, name)
        project.rewrite(found.path, new)
        if not as_json:
            echo(f"Written to {name}.")
    if len(chosen) < len(report.proposals):
        if not as_json:
            _show_how_to_add(name, report, write=write)
        click.get_current_context().exit(1)


def _show_how_to_add(path: str, report: Report, *, write: bool) -> None:
    unsure = sum(not one.is_sure for one in report.proposals)
    if not write and unsure < len(report.proposals):
        echo(f"\nTo add what is sure to {path}: onetake doctor --write")
    if unsure:
        to_look_at = "1 rule is" if unsure == 1 else f"{unsure} rules are"
        echo(f"{to_look_at} to be looked at first; --write --all adds it too.")


def _to_data(found: care.Examined) -> dict[str, object]:
    report = found.report
    return {
        "interactions": report.interactions,
        "unreadable": [
            *found.unreadable,
            *([f"{report.unreadable} interactions"] * bool(report.unreadable)),
        ],
        "proposals": [
            {
                "rule": one.rule,
                "toml": one.to_toml(found.header),
                "merges": one.merged,
                "note": one.note,
                "clusters": one.clusters,
            }
            for one in report.proposals
        ],
        "unsolved": report.unsolved,
    }


def _show(found: care.Examined) -> None:
    report = found.report
    echo(f"{of_noun(found.cassettes, 'cassette')}, {of_noun(report.interactions, 'interaction')}.")
    for text in found.unreadable:
        echo(f"left out: {text}", fg="yellow", err=True)
    for number, one in enumerate(report.proposals, 1):
        echo()
        for cluster in one.clusters[:_MOST_SHOWN]:
            _show_cluster(cluster)
        if len(one.clusters) > _MOST_SHOWN:
            echo(f"  and {len(one.clusters) - _MOST_SHOWN} more like these")
        echo(f"Rule {number} merges {one.merged} of them:", bold=True)
        for line in one.to_toml(found.header).split("\n"):
            echo(f"  {line}")
        if one.note:
            for line in textwrap.wrap(f"Look first: {one.note}", 78, break_on_hyphens=False):
                echo(f"  {line}", fg="yellow")
    for cluster in report.unsolved[:_MOST_SHOWN]:
        echo()
        _show_cluster(cluster)
        echo("  No rule is right here: what varies may mean something. Take it out of the request.")
    if len(report.unsolved) > _MOST_SHOWN:
        echo(f"and {len(report.unsolved) - _MOST_SHOWN} more without a rule (--json has them)")
    merged = sum(one.merged for one in report.proposals)
    if merged:
        rules = of_noun(len(report.proposals), "rule")
        echo(f"\n{rules} would merge {merged} of {of_noun(report.interactions, 'interaction')}.")
    elif not report.unsolved:
        echo("No two of them are near-equal: nothing to mend.")


def _show_cluster(cluster: Cluster) -> None:
    echo(f"{cluster.cassette}: {cluster.keys} near-equal interactions of")
    echo(f"  {cluster.line}, which differ in")
    for one in cluster.varying:
        echo(f"  {one.path}", nl=False, bold=True)
        if not one.is_compared:
            echo(f"  ({one.kind}; never compared, needs no rule)")
            continue
        echo(f"  ({one.kind}, {of_noun(one.values, 'value')})")
        for example in one.examples:
            echo(f"    {example}")


def _show_change(old: str, new: str, name: str) -> None:
    echo()
    for line in difflib.unified_diff(old.splitlines(), new.splitlines(), name, name, lineterm=""):
        echo(line, fg="green" if line.startswith("+") else None)
