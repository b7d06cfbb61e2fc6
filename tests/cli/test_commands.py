"""The command `onetake`, as it is typed in a project."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.support.runs import result, run_program, run_python


def onetake(project: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return run_python(project, "-m", "onetake", *arguments, **extra)


GROWING = """
    import json, sys, time, uuid
    from datetime import datetime, timezone
    import httpx, onetake
    url, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    verdicts = set()
    for n in range(first, last):
        with onetake.use_cassette("main") as cassette:
            httpx.post(
                url + "/echo",
                files={"image": ("a.png", b"\\x89PNG one")},
                data={
                    "prompt": f"Edit {uuid.uuid4()} please",
                    "metadata": json.dumps({"sent_at": datetime.now(timezone.utc).isoformat()}),
                    "run": str(n),
                },
            )
            httpx.post(
                url + "/v1/chat/completions",
                headers={"authorization": "Bearer sk-test-0123456789"},
                json={
                    "model": "m",
                    "messages": [{"role": "user", "content": f"Hello {uuid.uuid4()}"}],
                    "metadata": {"at": time.time()},
                    "counter": n,
                },
            )
        verdicts.add(cassette.verdict)
    print(json.dumps([sorted(verdicts), len(cassette.interactions)]))
"""


def test_doctor_brings_51_runs_to_one_interaction_a_call(provider, project):
    grown = result(run_program(GROWING, project, provider.url, "100", "151"))
    assert grown == [["RECORDED"], 102]
    before = (project / "cassettes" / "main.json").read_bytes()

    done = onetake(project, "doctor", "--json")

    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    fields = {
        one["path"]: (one["kind"], one["values"])
        for proposal in report["proposals"]
        for cluster in proposal["clusters"]
        for one in cluster["varying"]
    }
    assert fields == {
        "part.prompt.content": ("uuid", 51),
        "part.metadata.content.sent_at": ("iso-time", 51),
        "part.run.content": ("counter", 51),
        "header.content-type": ("boundary", 51),
        "body.messages[0].content": ("uuid", 51),
        "body.metadata.at": ("epoch", 51),
        "body.counter": ("counter", 51),
    }
    assert [one["merges"] for one in report["proposals"]] == [50, 50]
    assert report["unsolved"] == []

    written = onetake(project, "doctor", "--write")

    assert written.returncode == 0, written.stderr
    assert "+ignore" in written.stdout
    assert (project / "cassettes" / "main.json").read_bytes() == before
    again = onetake(project, "doctor")
    assert (again.returncode, "nothing to mend" in again.stdout) == (0, True)
    paid = provider.billed()
    assert result(run_program(GROWING, project, provider.url, "500", "502")) == [["HIT"], 102]
    assert provider.billed() == paid


def test_doctor_shows_each_field_and_the_rule_in_80_columns(provider, project):
    run_program(GROWING, project, provider.url, "100", "104")

    done = onetake(project, "doctor", "main")

    assert done.returncode == 1
    assert "part.run.content  (counter, 4 values)" in done.stdout
    assert "2 rules would merge 6 of 8 interactions." in done.stdout
    assert "onetake doctor --write" in done.stdout
    prose = [line for line in done.stdout.splitlines() if "pattern =" not in line]
    assert max(map(len, prose)) <= 80


def test_doctor_adds_to_pyproject_and_keeps_what_is_there(provider, project):
    (project / "onetake.toml").unlink()
    settings = project / "pyproject.toml"
    settings.write_text('# ours\n[project]\nname = "x"\n\n[tool.onetake]\nrepeats = "none"\n')
    run_program(GROWING, project, provider.url, "100", "104")

    done = onetake(project, "doctor", "--write")

    assert done.returncode == 0, done.stderr
    text = settings.read_text()
    assert text.startswith('# ours\n[project]\nname = "x"\n\n[tool.onetake]\nrepeats = "none"\n\n')
    assert len(tomllib.loads(text)["tool"]["onetake"]["rules"]) == 2


def test_doctor_keeps_the_line_ends_of_the_file(provider, project):
    settings = project / "onetake.toml"
    settings.write_bytes(b'# ours\r\nrepeats = "none"\r\n')
    run_program(GROWING, project, provider.url, "100", "104")

    assert onetake(project, "doctor", "--write").returncode == 0

    lines = settings.read_bytes().split(b"\n")
    assert lines[:2] == [b"# ours\r", b'repeats = "none"\r']
    assert all(line.endswith(b"\r") for line in lines[:-1])


LOOP = """
    import sys, httpx, onetake
    with onetake.use_cassette("main"):
        for n in range(5):
            httpx.post(sys.argv[1] + "/echo", json={"question_no": n})
"""


def test_doctor_writes_what_is_to_be_looked_at_first_only_when_told_to(provider, project):
    run_program(LOOP, project, provider.url)

    looked = onetake(project, "doctor", "--write")

    assert looked.returncode == 1
    assert "1 rule is to be looked at first" in looked.stdout
    assert (project / "onetake.toml").read_text() == ""
    assert onetake(project, "doctor", "--write", "--all").returncode == 0
    assert "question_no" in (project / "onetake.toml").read_text()


def test_doctor_outside_a_project_wants_a_place(tmp_path):
    done = onetake(tmp_path, "doctor")

    assert done.returncode == 2
    assert "is no project" in done.stderr


def test_what_a_terminal_would_obey_is_not_printed(provider, project):
    run_program(LOOP, project, provider.url)
    path = project / "cassettes" / "main.json"
    path.write_text(path.read_text().replace("/echo", "/echo\\u001b]0;gotcha\\u0007"))

    for verb in (("doctor",), ("diff", "main#1", "main#2")):
        assert "\x1b" not in onetake(project, *verb).stdout


def test_doctor_reads_deeply_nested_bodies(provider, project):
    program = """
        import sys, httpx, onetake
        for n in range(2):
            with onetake.use_cassette("main"):
                httpx.post(sys.argv[1] + "/echo", content=b"[" * 900 + b"%d" % n + b"]" * 900,
                           headers={"content-type": "application/json"})
    """
    run_program(program, project, provider.url)

    assert "Traceback" not in onetake(project, "doctor").stderr


def test_doctor_refuses_to_add_to_a_list_and_shows_what_to_add(provider, project):
    settings = project / "onetake.toml"
    settings.write_text('rules = [{ ignore = ["body.x"] }]\n')
    run_program(GROWING, project, provider.url, "100", "104")

    done = onetake(project, "doctor", "--write")

    assert done.returncode == 2
    assert "add these by hand" in done.stderr
    assert settings.read_text() == 'rules = [{ ignore = ["body.x"] }]\n'


def test_doctor_says_which_cassette_it_cannot_read(provider, project):
    folder = project / "cassettes"
    folder.mkdir()
    (folder / "torn.json").write_text('{"onetake": 1, "interactions": [{')

    done = onetake(project, "doctor")

    assert done.returncode == 0
    assert "torn.json" in done.stderr
    assert "Traceback" not in done.stderr


MISSING = """
    import json, sys, httpx, onetake
    try:
        with onetake.use_cassette("main"):
            httpx.post(sys.argv[1] + "/echo", json={"prompt": sys.argv[2], "run": int(sys.argv[3])})
    except onetake.MissError as miss:
        print(json.dumps(miss.reason))
"""


def test_explain_tells_the_last_run_and_its_remedy(provider, project):
    run_program(MISSING, project, provider.url, "one", "1")
    assert (
        result(run_program(MISSING, project, provider.url, "one", "2", ONETAKE_MODE="replay"))
        == "changed"
    )

    done = onetake(project, "explain")

    assert done.returncode == 0, done.stderr
    assert "1 miss, 0 paid again" in done.stdout
    assert "body.run  (counter)" in done.stdout
    assert 'ignore = ["body.run"]' in done.stdout


def test_a_clean_run_is_the_last_run_too(provider, project):
    run_program(MISSING, project, provider.url, "one", "1")
    run_program(MISSING, project, provider.url, "one", "2", ONETAKE_MODE="replay")
    run_program(MISSING, project, provider.url, "one", "1", ONETAKE_MODE="replay")

    assert "every request that was recorded was found" in onetake(project, "explain").stdout


def test_explain_as_json_has_groups_and_events(provider, project):
    run_program(MISSING, project, provider.url, "one", "1")
    run_program(MISSING, project, provider.url, "one", "2", ONETAKE_MODE="replay")

    found = json.loads(onetake(project, "explain", "--json").stdout)

    assert [(one["cause"], one["count"]) for one in found["groups"]] == [
        ("`body.run` changes with each run (counter)", 1)
    ]
    (event,) = found["events"]
    assert event["miss"]["differences"][0]["path"] == "body.run"
    assert (event["outcome"], event["mode"]) == ("missed", "replay")


def test_explain_without_a_run_or_a_fit_says_so(provider, project):
    done = onetake(project, "explain")
    assert (done.returncode, "Nothing is on record" in done.stdout) == (0, True)

    run_program(MISSING, project, provider.url, "one", "1")
    run_program(MISSING, project, provider.url, "one", "2", ONETAKE_MODE="replay")
    done = onetake(project, "explain", "test_nowhere")

    assert done.returncode == 2
    assert "Nothing in the last run fits 'test_nowhere'" in done.stderr


def test_diff_compares_interactions_and_cassettes(provider, project):
    for name, prompt in (("a", "France"), ("b", "Italy")):
        program = MISSING.replace('"main"', f'"{name}"')
        run_program(program, project, provider.url, f"the capital of {prompt}", "1")

    same = onetake(project, "diff", "a", "cassettes/a.json")
    whole = onetake(project, "diff", "a", "b")
    one = onetake(project, "diff", "a#1", "b#1", "--json")

    assert (same.returncode, same.stdout.splitlines()[0]) == (
        0,
        "1 the same, 0 differ, 0 only in A, 0 only in B",
    )
    assert whole.returncode == 1
    assert "body.prompt" in whole.stdout
    assert '"the capital of Italy"' in whole.stdout
    (pair,) = json.loads(one.stdout)["pairs"]
    assert pair["differences"][0]["recorded"] == '"the capital of France"'


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ("a#1", "a", "One of the two is an interaction"),
        ("a#9", "a#1", "has no interaction 9"),
        ("a#x", "a", "no number behind '#'"),
        ("nowhere", "a", "There is no cassette 'nowhere'"),
    ],
)
def test_diff_refuses_what_it_cannot_compare(provider, project, a, b, message):
    run_program(MISSING.replace('"main"', '"a"'), project, provider.url, "x", "1")

    done = onetake(project, "diff", a, b)

    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_every_verb_has_help(project):
    top = onetake(project, "--help").stdout
    verbs = [line.split()[0] for line in top.partition("Commands:")[2].splitlines() if line.strip()]

    assert {"diff", "doctor", "explain"} <= set(verbs)
    for verb in verbs:
        done = onetake(project, verb, "--help")
        assert done.returncode == 0
        assert done.stdout.startswith("Usage: onetake")


def test_a_wrong_setting_is_one_clear_sentence(project):
    (project / "onetake.toml").write_text('repeat = "last"\n')

    done = onetake(project, "doctor")

    assert done.returncode == 2
    assert "Unknown setting 'repeat'" in done.stderr
    assert "Traceback" not in done.stderr
