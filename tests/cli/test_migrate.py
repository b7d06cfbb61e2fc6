"""`onetake migrate --check` over projects of every kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from onetake.cli import main

CASSETTE = """\
interactions:
- request: {body: null, headers: {}, method: GET, uri: 'http://a.test/'}
  response: {body: {string: 'yes'}, headers: {}, status: {code: 200, message: OK}}
version: 1
"""

PART = "works, and is judged in part"


def check(project: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["migrate", "--check", *more, str(project)])


def write(project: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = project / name.replace("__", "/").replace("_py", ".py").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_suite_of_pytest_recording_goes_on_as_it_is(tmp_path: Path) -> None:
    write(
        tmp_path,
        conftest_py="""
import pytest

@pytest.fixture(scope="module")
def vcr_config():
    return {"filter_headers": ["authorization"], "ignore_localhost": True}

def pytest_recording_configure(config, vcr):
    vcr.register_matcher("x", print)
""",
        tests__test_a_py="""
import pytest

@pytest.mark.vcr("extra.yaml", match_on=["method"])
@pytest.mark.block_network(allowed_hosts=["a"])
def test_a(vcr): ...
""",
        tests__cassettes__test_a__test_a_yaml=CASSETTE,
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --record-mode=none --block-network\n")

    done = check(tmp_path)
    data = json.loads(check(tmp_path, "--json").output)

    assert done.exit_code == 0, done.output
    assert "1 cassette of vcrpy in 1 folder can be read." in done.output
    assert "pip install onetake-vcr" in done.output
    names = {f"{one['kind']} {one['name']}" for uses in data["uses"].values() for one in uses}
    assert names >= {
        "fixture vcr_config", "argument filter_headers", "argument ignore_localhost", "marker vcr",
        "hook pytest_recording_configure", "call register_matcher", "argument match_on",
        "marker block_network", "option --record-mode", "option --block-network",
    }  # fmt: skip
    assert all(one["fate"] == "as it is" for uses in data["uses"].values() for one in uses)


@pytest.mark.parametrize(
    ("source", "name", "fate"),
    [
        ("import vcr\nfrom vcr.stubs import VCRConnection", "vcr.stubs", "not supported"),
        ("import vcr\nfrom vcr import patch", "vcr.patch", "not supported"),
        ("import vcr\nvcr.VCR(skip_patchers=['x'])", "skip_patchers", "differs"),
        ("import vcr\nvcr.use_cassette('a', filter_sensitive_data={})", "filter_sensitive_data", "differs"),
        ("import vcr\nvcr.use_cassette('a', colour=1)", "colour", "differs"),
        ("import vcr, tornado.httpclient", "tornado", "not supported"),
        ("import betamax", "betamax", "not supported"),
        ("from vcr.unittest import VCRTestCase\nclass T(VCRTestCase): ...", "VCRTestCase", "as it is"),
        ("from vcr.unittest import VCRMixin\nclass T(VCRMixin): ...", "VCRMixin", "as it is"),
        ("import vcr\nvcr.use_cassette('a')", "use_cassette", "as it is"),
        ("import vcr\nvcr.VCR().register_persister(P)", "register_persister", PART),
        ("import vcr\nvcr.VCR().register_serializer('x', S)", "register_serializer", PART),
        ("import vcr\nvcr.use_cassette('a', persister=P)", "persister", PART),
    ],
)  # fmt: skip
def test_what_differs_or_is_not_supported_is_named_with_its_line(
    tmp_path: Path, source: str, name: str, fate: str
) -> None:
    write(tmp_path, test_a_py=source)

    done = check(tmp_path)
    data = json.loads(check(tmp_path, "--json").output)

    found = [one for one in data["uses"]["test_a.py"] if one["name"] == name]
    assert [one["fate"] for one in found] == [fate]
    assert done.exit_code == (1 if fate == "not supported" else 0)
    if fate != "as it is":
        assert f"test_a.py:{found[0]['line']}" in done.output
        assert found[0]["note"]


def test_a_project_without_any_of_it_is_told_so(tmp_path: Path) -> None:
    """Also where its names are like those of vcrpy."""
    write(tmp_path, a_py="def use_cassette(match_on): ...\nuse_cassette(match_on=1)\n")
    (tmp_path / "docker-compose.yml").write_text("version: 1\nservices: {}\n")
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    (tmp_path / "venv" / "b.py").write_text("import vcr\n")

    done = check(tmp_path)

    assert done.exit_code == 0
    assert "Nothing of vcrpy" in done.output


def test_files_that_cannot_be_read_are_named_and_hide_no_others(tmp_path: Path) -> None:
    write(
        tmp_path,
        broken_py="def (:\n",
        test_a_py="import vcr\n",
        cassettes__bad_yaml=CASSETTE.replace("null", "!!python/object/apply:os.system [ls]"),
        cassettes__good_yaml=CASSETTE,
    )

    done = check(tmp_path)

    assert done.exit_code == 1
    assert "broken.py" in done.output
    assert "cassettes/bad.yaml" in done.output
    assert "1 cassette of vcrpy in 1 folder can be read." in done.output
    assert "import vcr (1)" in done.output


def test_cassettes_of_a_serializer_with_a_suffix_of_its_own_are_counted(tmp_path: Path) -> None:
    write(tmp_path, test_a_py="import vcr\n", tests__cassettes__a_yaml=CASSETTE)
    for name in "deep/b.pretty", "c":
        path = tmp_path / "tests" / "cassettes" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(CASSETTE)
    (tmp_path / "tests" / "cassettes" / "notes.txt").write_text("made by hand")

    data = json.loads(check(tmp_path, "--json").output)

    assert data["cassettes"] == {"tests/cassettes": 2, "tests/cassettes/deep": 1}
    assert data["unreadable"] == {}
