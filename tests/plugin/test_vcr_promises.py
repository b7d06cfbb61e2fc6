"""Suites of vcrpy are judged as onetake's own tests are: what they lose, and what they pay for again."""

from __future__ import annotations

import pytest

import fakeprovider
from tests.plugin.suite import Run, Suite
from tests.support.runs import run_python

PLUGIN = ("onetake_vcr.plugin",)
RECORDING = "--record-mode=new_episodes"

# What a persister in somebody's conftest keeps: nothing (an outage that it swallows), or the first two.
PERSISTER = """
    import sys
    sys.path.insert(0, __file__.rpartition("/")[0])
    from vcr.persisters.filesystem import FilesystemPersister

    KEPT = {kept}

    class Capped(FilesystemPersister):
        @staticmethod
        def save_cassette(cassette_path, cassette_dict, serializer):
            if KEPT:
                cut = {{name: some[:KEPT] for name, some in cassette_dict.items()}}
                FilesystemPersister.save_cassette(cassette_path, cut, serializer)

    def pytest_recording_configure(config, vcr):
        vcr.register_persister(Capped)
"""
THREE_CALLS = """
    from base64 import b64decode

    import pytest
    from calls import ask

    @pytest.mark.vcr(match_on=["method", "uri", "body"])
    def test_a():
        for text in (b"one", b"two", b"three"):
            assert text in b64decode(ask(text.decode())["body"])
"""


def run(suite: Suite, *arguments: str, **extra: str) -> Run:
    return suite.run("-v", *arguments, plugins=PLUGIN, **extra)


@pytest.mark.parametrize("ci", ["", "1"])
@pytest.mark.parametrize(("kept", "lost"), [(0, 3), (2, 1)])
def test_what_a_persister_does_not_keep_is_told_and_fails_each_run(
    suite: Suite, provider: fakeprovider.Provider, kept: int, lost: int, ci: str
) -> None:
    suite.write("conftest.py", PERSISTER.format(kept=kept))
    suite.write("test_a.py", THREE_CALLS)

    runs = [run(suite, RECORDING, CI=ci) for _ in range(2)]

    for one in runs:
        assert one.code == 1, one.output
        assert one.outcomes == {"passed": 1}
        assert one.verdicts[0].startswith("[NOT_PERSISTED]")
        assert f"lacks {lost} of" in " ".join(one.output.split())
    assert "leaks: 3 live calls fill no new cassette" in runs[0].output
    assert provider.billed() == 3  # the second run has what the first one set apart


def test_in_a_fresh_checkout_a_persister_that_keeps_nothing_fails_the_run_again(
    suite: Suite, provider: fakeprovider.Provider, tmp_path
) -> None:
    suite.write("conftest.py", PERSISTER.format(kept=0))
    suite.write("test_a.py", THREE_CALLS)
    run(suite, RECORDING)
    (suite.root / ".onetake").rename(suite.root.parent / "elsewhere")

    again = run(suite, RECORDING, CI="1")

    assert again.code == 1
    assert again.verdicts == ["[NOT_PERSISTED] recorded=3 quarantined=3"]
    assert "leaks: 3 live calls" in again.output


def test_a_persister_that_was_mended_gets_what_was_set_apart(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("conftest.py", PERSISTER.format(kept=2))
    suite.write("test_a.py", THREE_CALLS)
    run(suite, RECORDING)
    suite.write("conftest.py", PERSISTER.format(kept=9))

    mended = run(suite, RECORDING)
    replayed = run(suite)

    assert mended.code == replayed.code == 0, mended.output
    assert replayed.verdicts == ["[HIT] replayed=3"]
    assert provider.billed() == 3
    assert (suite.root / "cassettes/test_a/test_a.yaml").read_text().count("uri:") == 3


def test_a_program_is_told_by_an_error(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write(
        "test_a.py",
        """
        import vcr
        from calls import ask
        from vcr.persisters.filesystem import FilesystemPersister

        class Forgetful(FilesystemPersister):
            save_cassette = staticmethod(lambda path, data, serializer: None)

        my_vcr = vcr.VCR()
        my_vcr.register_persister(Forgetful)
        try:
            with my_vcr.use_cassette("c.yaml"):
                ask("a")
        except Exception as error:
            print(f"told: {error}")
        """,
    )
    done = run_python(suite.root, "test_a.py", PROVIDER_URL=suite.url)

    assert "told: The cassette c.yaml was saved, and read again it lacks 1 of 1 new" in done.stdout


SERIALIZED = """
    import json
    import sys
    sys.path.insert(0, __file__.rpartition("/")[0])

    class Own:
        @staticmethod
        def serialize(tree):
            return json.dumps({"own": tree}, default=lambda value: value.decode())

        @staticmethod
        def deserialize(text):
            return json.loads(text)["own"]

    def pytest_recording_configure(config, vcr):
        vcr.register_serializer("yaml", Own)
"""


@pytest.mark.parametrize("mode", ["once", "new_episodes", "all", "rewrite"])
def test_a_serializer_that_keeps_all_is_not_complained_of(suite: Suite, mode: str) -> None:
    suite.write("conftest.py", SERIALIZED)
    suite.write("test_a.py", THREE_CALLS)

    recorded = run(suite, f"--record-mode={mode}")
    again = run(suite, f"--record-mode={mode}")

    assert recorded.code == again.code == 0, recorded.output + again.output
    assert recorded.verdicts == ["[RECORDED] recorded=3"]


GROWING = """
    import time
    import httpx
    import pytest
    from calls import URL

    @pytest.mark.vcr(match_on={match_on})
    def test_a():
        httpx.post({url}, json={{"prompt": "a", "at": {at}}})
"""
VARIED = {
    "query": ("['method', 'uri']", "URL + f'?t={time.time_ns()}'", "1"),
    "body": ("['method', 'uri', 'body']", "URL", "time.time_ns()"),
    "deep": ("['method', 'uri', 'body']", "URL", "{'of': [time.time_ns()]}"),
}
ADVICE = {
    "query": "filter_query_parameters=['t']",
    "body": "filter_post_data_parameters=['at']",
    "deep": "before_record_request",
}


@pytest.mark.parametrize("what", VARIED)
def test_a_cassette_that_grows_is_overflow_on_the_second_run_with_advice_that_works_there(
    suite: Suite, provider: fakeprovider.Provider, what: str
) -> None:
    match_on, url, at = VARIED[what]
    suite.write("test_a.py", GROWING.format(match_on=match_on, url=url, at=at))

    runs = [run(suite, RECORDING) for _ in range(3)]
    in_ci = run(suite, RECORDING, CI="1")

    assert [one.code for one in runs] == [0, 0, 0], runs[2].output
    assert runs[0].verdicts == ["[RECORDED] recorded=1"]
    assert runs[1].verdicts == ["[RECORDED] recorded=1"]
    assert runs[2].verdicts == ["[OVERFLOW] recorded=1"]
    assert in_ci.code == 1
    assert "FAILED: 1 cassette grew again" in in_ci.output
    told = " ".join(runs[2].output.split())
    assert ADVICE[what] in told
    assert "rule" not in told


def test_the_advice_ends_the_growth(suite: Suite, provider: fakeprovider.Provider) -> None:
    match_on, url, at = VARIED["query"]
    suite.write("test_a.py", GROWING.format(match_on=match_on, url=url, at=at))
    run(suite, RECORDING)
    mended = f"{match_on}, filter_query_parameters=['t']"
    suite.write("test_a.py", GROWING.format(match_on=mended, url=url, at=at))

    again = run(suite, RECORDING)

    assert again.verdicts == ["[HIT] replayed=1"]


@pytest.mark.parametrize("serializer", ["yaml", "own"])
def test_what_a_hook_leaves_out_when_it_is_saved_is_told_and_fails_nothing(
    suite: Suite, provider: fakeprovider.Provider, serializer: str
) -> None:
    suite.write("conftest.py", SERIALIZED.replace('"yaml"', '"own"'))
    drop = "before_save_interaction=lambda asked, answer: None if b'two' in asked.body else (asked, answer)"
    mark = f"match_on=['method', 'uri', 'body'], serializer='{serializer}', {drop}"
    suite.write("test_a.py", THREE_CALLS.replace('match_on=["method", "uri", "body"]', mark))

    runs = [run(suite, RECORDING) for _ in range(2)]

    assert [one.code for one in runs] == [0, 0], runs[1].output
    assert runs[1].verdicts == ["[PARTIAL] replayed=2 recorded=1"]
    for one in runs:
        told = " ".join(one.output.split())
        assert "/echo: before_save_interaction leaves it out, so it is paid on each run." in told
    assert provider.billed() == 4
