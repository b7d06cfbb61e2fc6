"""No live call starts that would bring the run above `max_spend`, in whichever process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import fakeprovider
from fakeprovider.prose import answer_to, prompt_of, tokens_in
from tests.plugin.suite import Run, Suite
from tests.support.runs import environment

_CHAT = """
import os

import httpx

URL = os.environ["PROVIDER_URL"] + "/v1/chat/completions"


def chat(text, model="gpt-fake", **fields):
    body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
    with httpx.Client(headers={"authorization": "Bearer sk-test"}) as client:
        return client.post(URL, json=body).json()


def chat_quietly(text, **fields):
    try:
        chat(text, **fields)
    except Exception:
        pass
"""

_MANY = """
    import pytest
    from chats import chat

    @pytest.mark.onetake
    @pytest.mark.parametrize("n", range(40))
    def test_many(n):
        chat(f"question {n:02}", max_tokens=TOKENS)
"""

TOKENS = tokens_in(answer_to(prompt_of([[{"role": "user", "content": "question 00"}]])))
PRICES = json.dumps({"gpt-fake": {"input": 0, "output": 10_000}})  # a cent for each token
ONE_USD = TOKENS * 0.01


@pytest.fixture
def chats(suite: Suite) -> Suite:
    suite.write("chats.py", _CHAT)
    return suite


def priced(suite: Suite, *arguments: str, limit: float, **more: str) -> Run:
    plugins = ("xdist",) if "-n" in arguments else ()
    option = f"--onetake-max-spend={limit}"
    return suite.run(option, *arguments, plugins=plugins, ONETAKE_PRICES=PRICES, **more)


@pytest.mark.parametrize("workers", [(), ("-n", "4")], ids=["alone", "workers"])
def test_the_limit_holds_over_all_workers(
    chats: Suite, provider: fakeprovider.Provider, workers: tuple[str, ...]
) -> None:
    chats.write("test_many.py", _MANY.replace("TOKENS", str(TOKENS)))

    run = priced(chats, *workers, limit=20.5 * ONE_USD)

    assert run.code == 1
    assert provider.billed() == 20
    assert run.outcomes == {"failed": 20, "passed": 20}
    limit = f"${20.5 * ONE_USD:,.2f}"
    spent = f"${20 * ONE_USD:,.2f}"
    assert run.line("max_spend:") == f"max_spend: {spent} of {limit} spent; 20 calls refused"
    failed = f"FAILED: {spent} spent, and max_spend is {limit}: 20 calls refused"
    assert run.line("FAILED: $") == failed
    assert "may cost $" in run.output
    assert "Allow more with --onetake-max-spend" in run.output

    again = priced(chats, *workers, limit=40 * ONE_USD)
    assert (again.code, provider.billed()) == (0, 40)  # what was recorded costs nothing again


def test_a_refusal_that_the_code_swallows_fails_the_test(chats: Suite) -> None:
    chats.write(
        "test_a.py",
        """
        import pytest
        from chats import chat_quietly

        @pytest.mark.onetake
        def test_marked():
            chat_quietly("a", max_tokens=5)

        def test_unmarked():
            chat_quietly("b", max_tokens=5)

        @pytest.fixture(scope="module")
        def wide():
            chat_quietly("c", max_tokens=5)

        @pytest.mark.onetake
        def test_of_fixture(wide):
            pass
        """,
    )
    run = priced(chats, "-v", limit=0)

    assert run.code == 1
    assert run.outcomes == {"failed": 2, "error": 1}
    assert "[MISS] refused=1" in run.verdicts
    assert "test_a.py::test_unmarked: a live call to 127.0.0.1" in run.output


def test_calls_without_a_cassette_are_held_too(
    chats: Suite, provider: fakeprovider.Provider
) -> None:
    chats.write(
        "test_a.py",
        """
        import pytest
        from calls import ask
        from chats import chat

        @pytest.mark.onetake
        def test_marked():
            pass

        @pytest.mark.parametrize("n", range(4))
        def test_unmarked(n):
            chat("question 00", max_tokens=5)

        def test_of_a_server_of_our_own():
            ask("free")
        """,
    )
    run = priced(chats, limit=2 * ONE_USD)

    assert run.code == 1
    assert run.outcomes == {"failed": 2, "passed": 4}
    assert provider.billed() == 3
    assert run.line("max_spend:").endswith("; 2 calls refused")


def test_what_has_no_known_price_counts_and_is_named(
    chats: Suite, provider: fakeprovider.Provider
) -> None:
    chats.write("test_many.py", _MANY.replace("TOKENS", "5").replace("40", "4"))

    run = chats.run(
        "--onetake-max-spend=0.10", "--onetake-report=report.json", ONETAKE_UNKNOWN_PRICE_USD="0.04"
    )

    assert run.code == 1
    assert provider.billed() == 2
    line = "max_spend: $0.08 of $0.10 spent; of unknown price: gpt-fake x2 (prices)"
    assert run.line("max_spend:") == f"{line}; 2 calls"
    report = json.loads((chats.root / "report.json").read_text())
    assert report["runs"][0]["spend"] == {
        "limit": 0.1,
        "spent": 0.08,
        "reserved": 0.0,
        "over": 0.0,
        "refused": 2,
        "unpriced": {"gpt-fake": 2},
    }
    assert [one["gate"] for one in report["gates"]] == ["max-spend"]


def test_an_answer_dearer_than_it_seemed_is_the_overshoot(chats: Suite) -> None:
    """The fake provider does not keep to `max_tokens`; nor may others, where they think first."""
    chats.write("test_many.py", _MANY.replace("TOKENS", "1").replace("40", "3"))

    run = priced(chats, limit=0.05)

    assert run.code == 1
    over = f"${ONE_USD - 0.05:.2f}"
    assert f"2 calls refused; {over} above the limit" in " ".join(run.output.split())
    assert run.line("FAILED: $").endswith(f"2 calls refused, {over} above it")


def test_an_error_costs_nothing(chats: Suite) -> None:
    chats.write(
        "test_a.py",
        """
        import pytest
        from chats import chat

        @pytest.mark.onetake
        @pytest.mark.parametrize("n", range(3))
        def test_refused(n):
            chat(f"{n}", model="fake-400", max_tokens=5)
        """,
    )
    run = priced(chats, limit=0.06)

    assert run.code == 0
    assert run.line("max_spend:") == "max_spend: $0.00 of $0.06 spent"


def test_without_a_limit_no_account_is_kept(chats: Suite) -> None:
    chats.write("test_many.py", _MANY.replace("TOKENS", "5").replace("40", "2"))

    run = chats.run(ONETAKE_PRICES=PRICES)

    assert run.code == 0
    assert "max_spend" not in run.output
    assert not (chats.root / ".onetake" / "spend").exists()


def test_where_no_account_can_be_kept_nothing_is_paid(
    chats: Suite, provider: fakeprovider.Provider
) -> None:
    chats.write("test_many.py", _MANY.replace("TOKENS", "5").replace("40", "2"))
    (chats.root / ".onetake").mkdir()
    (chats.root / ".onetake" / "spend").write_text("a file where the folder should be")

    run = priced(chats, limit=100)

    assert (run.code, provider.billed()) == (1, 0)
    assert "Cannot keep account of what is spent" in run.output
    assert "leave out max_spend" in run.output


def test_a_worker_that_is_killed_leaves_its_reservation(
    chats: Suite, provider: fakeprovider.Provider
) -> None:
    chats.write(
        "test_a.py",
        """
        import os, signal, threading, time
        import pytest
        from chats import chat

        @pytest.mark.onetake
        def test_killed():
            hang = {"model": "fake-hang", "max_tokens": 100}
            threading.Thread(target=chat, args=("a",), kwargs=hang, daemon=True).start()
            for _ in range(200):
                found = [one for one in os.listdir(".onetake/spend")] if os.path.isdir(
                    ".onetake/spend"
                ) else []
                if found and os.path.getsize(f".onetake/spend/{found[0]}"):
                    os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(0.05)
        """,
    )
    prices = json.dumps({"fake-hang": {"input": 0, "output": 10_000}})
    run = chats.run(
        *("--onetake-max-spend=5", "-n", "1", "--max-worker-restart=0"),
        plugins=("xdist",),
        ONETAKE_PRICES=prices,
    )

    assert run.code != 0
    assert "max_spend: $1.00 of $5.00 spent, $1.00 of it reserved" in run.output


def test_programs_are_held_too(tmp_path: Path, provider: fakeprovider.Provider) -> None:
    (tmp_path / "chats.py").write_text(_CHAT)
    (tmp_path / "pyproject.toml").write_text(
        f"[tool.onetake]\nmax_spend = {ONE_USD + 0.01:.2f}\n\n"
        '[tool.onetake.prices."gpt-fake"]\n'
        "input = 0\noutput = 10_000\n"
    )
    code = """if True:
        import onetake
        from chats import chat

        with onetake.use_cassette("a"):
            chat("question 00", max_tokens=5)
            try:
                chat("question 01", max_tokens=5)
            except onetake.GuardError as error:
                print(error.reason, error.host, error)
    """
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(PROVIDER_URL=provider.url, PYTHONPATH=f"{tmp_path}:{':'.join(sys.path)}"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.startswith("spend 127.0.0.1")
    assert "A live call" in done.stdout
    assert done.returncode == 1  # the refusal was swallowed inside
    assert provider.billed() == 1
