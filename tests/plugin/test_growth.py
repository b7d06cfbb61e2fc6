"""A cassette that each run adds to is OVERFLOW on its second such run, and the run says what varies."""

from __future__ import annotations

import secrets

import pytest

from onetake.cassettes.growth import by_run
from onetake.stores import history
from onetake.stores.rows.redis_ import RedisStore
from tests.plugin.suite import Run, Suite

_TESTS = """
    import os

    import httpx
    import pytest
    from calls import URL, ask

    @pytest.mark.onetake
    def test_varies():
        words = os.environ["WORDS"]
        httpx.post(URL, json={"model": "m", "messages": [{"content": f"Tell me of {words}."}]})

    @pytest.mark.onetake
    def test_stable():
        assert ask("always the same")
"""


@pytest.fixture(params=["files", "sqlite", "redis"])
def store(request: pytest.FixtureRequest) -> str:
    if request.param == "redis":
        return f"{request.getfixturevalue('redis_url')}?namespace={secrets.token_hex(4)}"
    return {"files": "", "sqlite": "sqlite:store.sqlite"}[request.param]


def runs(suite: Suite, store: str, words: list[str], *arguments: str, **extra: str) -> list[Run]:
    plugins = ("xdist",) if "-n" in arguments else ()
    return [
        suite.run("-v", *arguments, plugins=plugins, ONETAKE_STORE=store, WORDS=one, **extra)
        for one in words
    ]


def in_one(run: Run) -> str:
    return " ".join(run.output.split())


@pytest.mark.parametrize("parallel", [(), ("-n", "2")], ids=["alone", "workers"])
def test_the_second_run_that_grows_is_named_with_the_field(suite, store, parallel):
    suite.write("test_a.py", _TESTS)

    first, second, third = runs(suite, store, ["green apples", "old ships", "cold rain"], *parallel)

    assert "OVERFLOW" not in first.output + second.output
    assert "OVERFLOW 1 HIT 1" in in_one(third)
    assert (
        "OVERFLOW: test_a.py::test_varies: grew on 2 runs running; "
        "varies: body.messages[0].content (text)"
    ) in in_one(third)
    assert "test_stable: grew" not in third.output
    assert third.code == 0


def test_a_uuid_that_no_rule_forgives_comes_with_its_rule(suite):
    suite.write("test_a.py", _TESTS)
    words = [f"{n}eefcafe-0000-4000-8000-00000000000{n}" for n in (1, 2, 3)]

    last = runs(suite, "", words, ONETAKE_VOLATILE="iso-time")[-1]

    assert "varies: body.messages[0].content (uuid); rule: " in in_one(last)


def test_a_prompt_that_was_changed_once_is_no_growth(suite):
    suite.write("test_a.py", _TESTS)

    last = runs(suite, "", ["before", "after", "after"])[-1]

    assert "OVERFLOW" not in last.output
    assert "HIT 2" in last.output


def test_a_cassette_that_more_and_more_tests_share_does_not_grow(suite):
    for n in range(4):
        suite.write(
            f"test_{n}.py",
            f"""
            import pytest
            from calls import ask

            @pytest.mark.onetake("shared")
            def test_it():
                assert ask("question {n}")
            """,
        )
        run = suite.run("-v")
        assert "OVERFLOW" not in run.output
    assert "RECORDED 1  HIT 3" in run.output


def test_a_new_endpoint_is_no_growth(suite):
    suite.write("test_a.py", _TESTS.replace("URL, json", "URL + os.environ['WORDS'], json"))

    for run in runs(suite, "", ["", "/a", "/b"]):
        assert "OVERFLOW" not in run.output


def test_a_failed_test_has_not_grown(suite):
    suite.write(
        "test_a.py",
        """
        import os

        import pytest
        from calls import ask

        @pytest.mark.onetake
        def test_it():
            ask(os.environ["WORDS"])
            assert os.environ["WORDS"] == "one"
        """,
    )

    for run in runs(suite, "", ["one", "two", "three"]):
        assert "OVERFLOW" not in run.output


def test_each_run_of_a_shared_store_is_remembered_there(suite, redis_url):
    url = f"{redis_url}?namespace={secrets.token_hex(4)}"
    suite.write("test_a.py", _TESTS)

    runs(suite, url, ["green apples", "old ships", "old ships"], "-n", "2")

    store = RedisStore(url)
    stable = by_run(history.decode(history.read(store, "test_a/test_stable")))
    varies = by_run(history.decode(history.read(store, "test_a/test_varies")))
    store.close()
    assert [(one.recorded, one.replayed, len(one.grew)) for one in stable] == [
        (1, 0, 0),
        (0, 1, 0),
        (0, 1, 0),
    ]
    assert [(one.recorded, one.replayed, len(one.grew)) for one in varies] == [
        (1, 0, 0),
        (1, 0, 1),
        (0, 1, 0),
    ]


def test_size_alone_is_a_note(suite):
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        @pytest.mark.onetake(max_interactions=3)
        def test_it():
            for n in range(4):
                ask(f"question {n}")
        """,
    )
    note = "note: cassettes/test_a/test_it.json holds 4 recordings (max_interactions is 3)"

    for _ in range(2):
        run = suite.run()
        assert note in run.output
        assert "OVERFLOW" not in run.output
