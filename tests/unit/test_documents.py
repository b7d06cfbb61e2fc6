"""What the documents show is true: settings resolve, paths parse, names exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from onetake.config import MODES, Settings, Source, resolve
from onetake.config.paths import parse_path
from onetake.config.settings import NAMES
from onetake.matching import BUILT_IN, KINDS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for path in DOCUMENTS:
        for number, text in enumerate(
            re.findall(
                rf"^```{language}\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL
            )
        ):
            found.append((f"{path.name}:{number}", text))
    return found


@pytest.mark.parametrize(("name", "text"), blocks("toml"))
def test_every_example_of_settings_can_be_used(name, text):
    table = tomllib.loads(text)["tool"]["onetake"]

    assert isinstance(resolve([Source(name, table)], ci=False), Settings)


@pytest.mark.parametrize(("name", "text"), blocks("python"))
def test_every_example_of_code_compiles(name, text):
    compile(text, name, "exec")


def test_every_path_of_the_grammar_can_be_read():
    text = (ROOT / "docs" / "matching.md").read_text("utf-8")
    table = text.partition("### Paths")[2].partition("## ")[0]
    paths = [
        path
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for path in re.findall(r"`([^`]+)`", row)
        if not path.startswith(".")
    ]

    assert len(paths) > 10
    for path in paths:
        assert parse_path(path)


def test_every_setting_is_in_the_table():
    text = (ROOT / "README.md").read_text("utf-8")
    named = set(re.findall(r"`(\w+)`", text.partition("## Settings")[2].partition("\n## ")[0]))

    assert set(NAMES) - named == set()
    assert {mode for mode in MODES if f"`{mode}`" not in text} == set()


def test_every_kind_and_part_is_named():
    text = (ROOT / "docs" / "matching.md").read_text("utf-8")

    assert {name for name in (*KINDS, *BUILT_IN) if f"`{name}`" not in text} == set()


def test_every_command_is_in_the_readme():
    from onetake.cli import main

    text = (ROOT / "README.md").read_text("utf-8")

    assert {
        verb for verb in main.commands if not re.search(rf"`(?:onetake )?{verb}\b", text)
    } == set()
