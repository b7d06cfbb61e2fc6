"""Every call is in the account of whose it is: with its tokens, and whatever happens to the process."""

from __future__ import annotations

import json
from typing import Any

import pytest

import fakeprovider
from tests.plugin.suite import Run, Suite

_CHATS = """
    import os

    import httpx
    import pytest

    URL = os.environ["PROVIDER_URL"] + "/v1/chat/completions"

    def chat(text, model="gpt-4o-mini", client=httpx):
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        return client.post(URL, json=body)
"""


def report(suite: Suite, name: str = "report.json") -> dict[str, Any]:
    data: dict[str, Any] = json.loads((suite.root / name).read_text("utf-8"))
    return data


def test_each_call_is_in_the_report_with_what_it_used(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        _CHATS
        + """
    @pytest.mark.onetake
    def test_marked():
        chat("one")
        chat("two", model="unheard-of")

    @pytest.mark.onetake(mode="live")
    def test_live():
        chat("three")

    def test_unmarked():
        chat("four")
""",
    )
    first = suite.run("--onetake-report=a.json")
    second = suite.run("--onetake-report=b.json")

    recorded, live, unmarked = (
        report(suite, "a.json")["tests"][n] for n in (1, 0, 2)
    )  # in the order of their names
    assert [call["outcome"] for call in recorded["calls"]] == ["recorded"] * 2
    assert [call["status"] for call in recorded["calls"]] == [200, 200]
    assert [call.get("dollars") is None for call in recorded["calls"]] == [False, True]
    assert recorded["dollars"]["unpriced"] == {"unheard-of": 1}
    price = recorded["calls"][0]["dollars"]
    used = recorded["calls"][0]["usage"]
    # gpt-4o-mini: $0.15 and $0.60 for a million tokens.
    assert price == pytest.approx((used["input_tokens"] * 0.15 + used["output_tokens"] * 0.6) / 1e6)
    for one in (live, unmarked):
        assert [call["outcome"] for call in one["calls"]] == ["live"]
        assert one["dollars"]["live"] == one["dollars"]["leaked"] > 0
    [replayed, _] = report(suite, "b.json")["tests"][1]["calls"]
    assert (replayed["outcome"], replayed["tier"], replayed["dollars"]) == (
        "replayed",
        "exact",
        price,
    )
    assert replayed["interaction"] == recorded["calls"][0]["interaction"]
    assert "; saved $" not in first.output
    assert "saved $" in second.line("spend: ")
    assert "unheard-of x1" in second.output
    assert report(suite, "b.json")["files"]["test_a.py"]["saved"] == pytest.approx(price)


def test_an_answer_that_is_read_on_its_way_arrives_as_it_came(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
    import os

    import openai

    def test_unmarked():
        client = openai.OpenAI(base_url=os.environ["PROVIDER_URL"] + "/v1", api_key="x")
        words = client.chat.completions.create(
            model="gpt-4o-mini",
            messages=[{"role": "user", "content": "hello"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        assert len([one for one in words]) > 2
""",
    )
    run = suite.run("--onetake-report=report.json")

    assert run.outcomes == {"passed": 1}
    [call] = report(suite)["tests"][0]["calls"]
    assert call["usage"]["output_tokens"] > 0
    assert "paid $" in run.line("spend: ")


_UPLOAD = """
    import httpx
    import pytest
    from calls import URL

    @pytest.mark.onetake(max_request_body=100)
    def test_large():
        httpx.post(URL, content=b"x" * 1000)
"""


def test_an_upload_too_large_to_be_read_is_accounted_for_and_refused_in_replay(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("test_a.py", _UPLOAD)
    live = suite.run("-v")
    refused = suite.run("-v", "--onetake-mode=replay")

    assert live.verdicts == ["[LIVE] live=1"]
    assert refused.verdicts == ["[MISS] missed=1"]
    assert "max_request_body" in refused.output
    assert provider.billed() == 1


_CRASH = (
    _CHATS
    + """
    import signal

    @pytest.mark.onetake
    def test_a_before():
        chat("before")

    @pytest.mark.onetake
    def test_b_dies():
        chat("one")
        chat("two")
        if not os.path.exists("alive"):
            os.kill(os.getpid(), signal.SIGKILL)

    def test_c_unmarked():
        chat("three")
        if os.path.exists("dying"):
            os.kill(os.getpid(), signal.SIGKILL)
"""
)


def _crashed(suite: Suite) -> tuple[Run, dict[str, Any]]:
    run = suite.run("--onetake-report=report.json", "-n1", plugins=("xdist",))
    return run, report(suite)


def test_a_worker_that_dies_loses_no_call(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write("test_a.py", _CRASH)
    run, told = _crashed(suite)

    tests = {one["test"].partition("::")[2]: one for one in told["tests"]}
    assert run.code == 1
    assert told["totals"]["paid"] == provider.billed() == 4
    assert tests["test_a_before"]["verdict"] == "RECORDED"
    assert tests["test_b_dies"]["verdict"] == "NOT_PERSISTED"
    assert tests["test_b_dies"]["counts"] == {"recorded": 2}
    assert tests["test_b_dies"]["hosts"] == {suite.url.partition("//")[2]: 2}
    assert not (suite.root / ".onetake" / "diaries").exists()

    # What it had paid for is not paid for again.
    (suite.root / "alive").touch()
    run, told = _crashed(suite)
    assert run.outcomes == {"passed": 3}
    assert told["totals"]["calls"] == {"replayed": 3}
    assert provider.billed() == 5  # the unmarked one

    (suite.root / "dying").touch()
    run, told = _crashed(suite)
    [unmarked] = [one for one in told["tests"] if "unmarked" in one["test"]]
    assert (unmarked["verdict"], unmarked["counts"]) == ("UNMARKED:LIVE", {"live": 1})


def test_skipped_tests_are_told_with_their_reasons(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        _CHATS
        + """
    @pytest.mark.onetake
    @pytest.mark.parametrize("n", range(2))
    @pytest.mark.skip(reason="needs a key")
    def test_never(n): ...

    @pytest.mark.onetake
    def test_in_the_middle():
        chat("one")
        pytest.skip("not today")

    @pytest.mark.onetake
    @pytest.mark.xfail(reason="known")
    def test_xfail():
        assert False
""",
    )
    run = suite.run("-v")
    assert sorted(run.verdicts) == [
        "[NO_TRAFFIC]",
        "[NO_TRAFFIC] skipped",
        "[NO_TRAFFIC] skipped",
        "[RECORDED] recorded=1 skipped",
    ]
    assert run.line("skipped: ") == ("skipped: 3 marked tests: needs a key x2, not today x1")


def test_what_a_broken_session_cassette_refuses_is_told(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask_quietly

        ask_quietly("at import")

        @pytest.mark.onetake
        def test_one(): ...
        """,
    )
    suite.write("cassettes/@session.json", '{"onetake": 1, "interactions": [')
    run = suite.run()

    assert run.code == 1
    assert run.outcomes == {"passed": 1}
    assert "missed: 1" in run.line("paid calls:")
    assert "@session" in run.line("warning: @session:")


_INSIDE = (
    _CHATS
    + """
    import onetake

    def test_block():
        with onetake.use_cassette("inner"):
            chat("one")
            chat("two")

    @onetake.use_cassette("decorated")
    def test_decorated():
        chat("three")

    @pytest.mark.onetake
    def test_marked():
        chat("outer")
        with onetake.use_cassette("within"):
            chat("four")
"""
)


def test_cassettes_that_tests_open_by_themselves_are_in_the_account(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("test_a.py", _INSIDE)
    first = suite.run("-v", "--onetake-max-live=0", "--onetake-report=report.json")

    told = report(suite)
    assert first.code == 1
    assert provider.billed() == told["totals"]["paid"] == 5
    assert {one["test"]: one["verdict"] for one in told["tests"]} == {
        "test_a.py::test_block": "RECORDED",
        "test_a.py::test_decorated": "RECORDED",
        "test_a.py::test_marked": "RECORDED",
    }
    assert first.verdicts.count("[RECORDED] recorded=2") == 1

    second = suite.run("--onetake-mode=replay", "--onetake-fail-on=leak", "-n2", plugins=("xdist",))
    assert second.outcomes == {"passed": 3}
    assert provider.billed() == 5
    assert "HIT 3" in second.output

    refused = suite.run("--onetake-store=sqlite:other.sqlite", "--onetake-mode=replay")
    assert refused.outcomes == {"failed": 3}
    assert "MISS 3" in refused.output
    assert provider.billed() == 5


def test_the_limit_of_a_run_holds_for_them(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write("test_a.py", _INSIDE)
    run = suite.run("--onetake-max-spend=0")
    assert run.code == 1
    assert provider.billed() == 0
    assert "calls refused" in run.output


@pytest.mark.parametrize("parallel", [(), ("-n2",)], ids=["alone", "workers"])
def test_calls_of_forked_processes_are_counted_and_kept(
    suite: Suite, provider: fakeprovider.Provider, parallel: tuple[str, ...]
) -> None:
    suite.write(
        "test_a.py",
        _CHATS
        + """
    import multiprocessing

    @pytest.mark.onetake
    def test_marked():
        with multiprocessing.get_context("fork").Pool(2) as pool:
            pool.map(chat, ["one", "two", "three"])

    def test_unmarked():
        if os.fork() == 0:
            chat("four")
            os._exit(0)
        os.wait()
""",
    )
    plugins = ("xdist",) if parallel else ()
    run = suite.run("--onetake-report=report.json", *parallel, plugins=plugins)

    assert provider.billed() == report(suite)["totals"]["paid"] == 4
    assert "test_a.py::test_unmarked: 1 to 127.0.0.1" in run.output
    assert suite.run(*parallel, plugins=plugins).outcomes == {"passed": 2}
    assert provider.billed() == 5  # the one without a cassette


def test_an_interrupted_run_of_workers_tells_what_they_paid(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write(
        "test_a.py",
        _CHATS
        + """
    import signal, time

    def test_that_ends_with_its_process():
        chat("one")
        os.kill(int(os.environ["CONTROLLER"]), signal.SIGINT)
        while True:
            time.sleep(0.01)
""",
    )
    suite.write(
        "conftest.py",
        """
        import os

        os.environ.setdefault("CONTROLLER", str(os.getpid()))
        """,
    )
    run = suite.run("-n1", "--onetake-report=report.json", plugins=("xdist",))

    assert run.code == 2
    assert provider.billed() == report(suite)["totals"]["paid"] == 1


def test_what_never_left_the_machine_is_recorded_and_not_paid(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
    import httpx
    import pytest

    def ask():
        with pytest.raises(httpx.ConnectError):
            httpx.post("http://127.0.0.1:1/v1/chat/completions", json={"model": "gpt-4o-mini"})

    @pytest.mark.onetake
    def test_marked():
        ask()

    def test_unmarked():
        ask()
""",
    )
    run = suite.run("-v", "--onetake-max-live=0")

    assert run.outcomes == {"passed": 2}
    assert run.verdicts == ["[RECORDED] recorded=1 unsent=1", "[UNMARKED:LIVE] live=1 unsent=1"]
    assert run.line("paid calls:") == ("paid calls: 0 (recorded 1, never sent 1); replayed: 0")
    assert "leaks: none" in run.output
