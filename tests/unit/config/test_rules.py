"""Rules as data: from a file, the environment or a call, with errors that point at their place."""

from __future__ import annotations

from pathlib import Path

import pytest

import onetake
from onetake.config import Source, resolve
from onetake.config.paths import parse_path
from onetake.config.rules import Replacement, Rule, parse_rules
from onetake.errors import UsageError
from onetake.project import environment_source, file_source

ONE = {"host": "api.example.com", "path": "/v1/*", "method": "POST", "ignore": ["body.id"]}


def error_of(values: object, lines: tuple[int, ...] = ()) -> UsageError:
    with pytest.raises(UsageError) as caught:
        parse_rules(values, "here.toml", lines)
    return caught.value


def test_a_rule_says_every_kind_of_thing():
    rule = parse_rules(
        [
            {
                **ONE,
                "replace": {"body.user": "user", "url.path": {"name": "n", "pattern": r"\d+"}},
                "match_on": ["method", "url"],
                "volatile": [],
                "mode": "live",
                "class": "telemetry",
                "telemetry": "record",
                "repeats": "last",
            }
        ],
        "here.toml",
    )[0]

    assert rule.ignored == (parse_path("body.id"),)
    assert rule.replaced == (
        (parse_path("body.user"), Replacement("user")),
        (parse_path("url.path"), Replacement("n", r"\d+")),
    )
    assert (rule.match_on, rule.volatile, rule.class_) == (("method", "url"), (), "telemetry")
    assert (rule.mode, rule.telemetry, rule.repeats) == ("live", "record", "last")


def test_one_text_may_stand_where_a_list_is_meant():
    one = {"ignore": "body.id", "match_on": "method", "volatile": "uuid"}

    assert parse_rules([one], "x") == parse_rules([{k: [v] for k, v in one.items()}], "x")


def test_a_rule_may_be_a_value_and_is_checked_like_one():
    rule = Rule(host="h", ignore=("body.id",))

    assert parse_rules([rule], "x") == (rule,)
    with pytest.raises(UsageError, match=r"'ignore' of rule 1 in x: The path 'bodi\.id'"):
        parse_rules([Rule(ignore=("bodi.id",))], "x")


@pytest.mark.parametrize(
    ("rule", "parts"),
    [
        ({"ignor": ["body"]}, ["Unknown key 'ignor'", "Did you mean 'ignore'?"]),
        ({"klass": "telemetry"}, ["Unknown key 'klass'", "Did you mean 'class'?"]),
        ({"class_": "telemetry"}, ["Unknown key 'class_'", "Did you mean 'class'?"]),
        ({"zzz": 1}, ["Unknown key 'zzz'", "Known: host, path, method, ignore"]),
        ({"ignore": ["bodi.x"]}, ["'ignore' of", "'bodi.x'"]),
        ({"ignore": ["body.a["]}, ["'ignore' of", "from character 7"]),
        ({"ignore": [1]}, ["ignore[0]"]),
        ({"ignore": "body", "host": ["a", "b"]}, ["host"]),
        ({"replace": {"bodi": "x"}}, ["'replace' of", "'bodi'"]),
        ({"replace": ["body"]}, ["replace"]),
        ({"replace": {"body.x": {"name": "n", "patern": "x"}}}, ["body.x", "'pattern'"]),
        ({"replace": {"body.x": {"pattern": "x"}}}, ["name"]),
        ({"replace": {"body.x": {"name": "n", "pattern": "("}}}, ["'replace' of", "body.x", "'('"]),
        ({"replace": {"body.x": {"name": "n", "pattern": "x*"}}}, ["also finds nothing at all"]),
        ({"replace": {"body.x": ""}}, ["body.x", "is no name"]),
        ({"replace": {"body.x": {"name": "a\n"}}}, ["body.x", "is no name"]),
        ({"class": "telemetri"}, ["'class' of", "'telemetri'", "Did you mean 'telemetry'?"]),
        ({"telemetry": "locale"}, ["'telemetry' of", "Did you mean 'local'?"]),
        ({"mode": "blok"}, ["'mode' of", "Did you mean 'block'?"]),
        ({"mode": "record"}, ["'mode' of", "Known: replay, once, auto, live, block"]),
        ({"repeats": "first"}, ["'repeats' of", "Known: none, last"]),
        ({"repeats": 1}, ["repeats"]),
        ({"host": "h"}, ["says nothing"]),
        ("body.id", ["is not a table"]),
    ],
)
def test_a_wrong_rule_is_one_error_with_its_place_and_the_remedy(rule, parts):
    text = str(error_of([ONE, rule]))

    assert "rule 2 in here.toml" in text
    assert all(part in text for part in parts), text
    assert "rule 2 (line 31) in here.toml" in str(error_of([ONE, rule], (7, 31)))


@pytest.mark.parametrize("values", [7, {"host": "h"}, None])
def test_what_is_no_list_of_rules_is_refused(values):
    assert "'rules' in here.toml is not a list" in error_of(values).message


WRONG = """\
# A comment about [[rules]].
{before}
[[{table}]]
host = "a"
ignore = ["body.id"]

  [[ {table} ]]
host = "b"
ignor = ["body.id"]
"""


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.write_text(text)
    return path


def test_an_error_points_into_onetake_toml(tmp_path):
    path = write(tmp_path, "onetake.toml", WRONG.format(before='mode = "auto"', table="rules"))

    with pytest.raises(UsageError) as caught:
        file_source(tmp_path)

    assert f"Unknown key 'ignor' in rule 2 (line 7) in {path}." in caught.value.message
    assert caught.value.remedy == "Did you mean 'ignore'?"


def test_an_error_points_into_pyproject_toml(tmp_path):
    before = '[project]\nname = "x"\n[tool.onetake]\nmode = "auto"'
    text = WRONG.format(before=before, table="tool.onetake.rules")
    path = write(tmp_path, "pyproject.toml", text)

    with pytest.raises(UsageError) as caught:
        file_source(tmp_path)

    assert f"rule 2 (line 10) in {path} [tool.onetake]." in caught.value.message


def test_rules_in_one_line_have_their_number_alone(tmp_path):
    path = write(tmp_path, "onetake.toml", 'rules = [{ ignore = "body.id" }, { ignore = "x" }]')

    with pytest.raises(UsageError) as caught:
        file_source(tmp_path)

    assert f"'ignore' of rule 2 in {path}: The path 'x'" in caught.value.message


def test_rules_of_a_file_become_settings(tmp_path):
    write(
        tmp_path,
        "onetake.toml",
        '[[rules]]\nhost = "h"\nignore = "body.id"\n[rules.replace]\n"body.user" = "user"\n'
        '[[rules]]\nhost = "i"\nclass = "telemetry"\n',
    )

    settings = resolve([file_source(tmp_path)], ci=False)

    assert settings.rules == (
        Rule(host="h", ignore=("body.id",), replace={"body.user": "user"}),
        Rule(host="i", class_="telemetry"),
    )


def test_rules_of_the_environment_are_json():
    source = environment_source({"ONETAKE_RULES": '[{"host": "h", "ignore": "body.id"}]'})

    assert resolve([source], ci=False).rules == (Rule(host="h", ignore=("body.id",)),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "is not JSON"),
        ('{"host": "h"}', "is not a list"),
        ('[{"hosst": "h"}]', "Did you mean 'host'?"),
    ],
)
def test_wrong_rules_of_the_environment_name_it(text, said):
    with pytest.raises(UsageError) as caught:
        resolve([environment_source({"ONETAKE_RULES": text})], ci=False)

    assert said in str(caught.value)
    assert "the environment" in caught.value.message


def test_rules_of_every_source_add_up_in_their_order():
    sources = [Source(name, {"rules": [{"host": name, "ignore": "body"}]}) for name in "abc"]

    assert [rule.host for rule in resolve(sources, ci=False).rules] == ["a", "b", "c"]


def test_a_recorder_takes_rules_and_adds_them_to_those_of_the_file(project):
    (project / "onetake.toml").write_text('[[rules]]\nhost = "h"\nignore = "body.id"\n')

    recorder = onetake.Recorder(rules=[{"host": "i", "mode": "live"}])

    assert [rule.host for rule in recorder.settings.rules] == ["h", "i"]


def test_a_wrong_rule_of_a_recorder_names_the_call(project):
    with pytest.raises(UsageError, match=r"'mode' of rule 1 in Recorder\(\.\.\.\) is 'liv'"):
        onetake.Recorder(rules=[{"host": "i", "mode": "liv"}])
