"""A store on another machine that is down when a program begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support import s3, valkey
from tests.support.runs import result, run_program

_PROGRAM = """
    import json, os, sys
    import httpx
    import onetake

    url, calls, start = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with onetake.use_cassette("shared/cassette") as cassette, httpx.Client() as client:
        answers = [
            client.post(url + "/v1/chat/completions", json={
                "model": "m", "messages": [{"role": "user", "content": f"question {n}"}]}).text
            for n in range(start, start + calls)
        ]
    from onetake.stores.opening import drain_trouble
    trouble = [one.last_error for one in drain_trouble()]
    print(json.dumps({"answers": answers, "counts": cassette.counts, "trouble": trouble}))
"""


def run(project: Path, url: str, provider: str, calls: int, start: int = 0, **extra: str) -> Any:
    project.mkdir(exist_ok=True)
    (project / "onetake.toml").write_text("")
    environment = s3.ENVIRONMENT | {"ONETAKE_STORE": url} | extra
    done = run_program(_PROGRAM, project, provider, str(calls), str(start), **environment)
    return result(done)


def test_what_is_recorded_while_the_store_is_down_is_delivered_later(tmp_path, provider):
    with valkey.Valkey() as server:
        run(tmp_path / "one", server.url, provider.url, 3)
        server.stop()
        down = run(tmp_path / "one", server.url, provider.url, 5)
        again = run(tmp_path / "one", server.url, provider.url, 5)
        server.start()
        run(tmp_path / "one", server.url, provider.url, 1)
        other = run(tmp_path / "other", server.url, provider.url, 5, start=3)

    assert down["counts"] in ({"replayed": 3, "recorded": 2}, {"recorded": 5})
    assert "refused" in down["trouble"][0]
    assert again["counts"] == {"replayed": 5}
    assert other["counts"]["replayed"] == 2


def test_replay_goes_nowhere_because_a_store_is_down(tmp_path, provider):
    with valkey.Valkey() as server:
        url = server.url
    (tmp_path / "onetake.toml").write_text("")
    done = run_program(
        _PROGRAM, tmp_path, provider.url, "1", "0", ONETAKE_STORE=url, ONETAKE_MODE="replay"
    )

    assert done.returncode != 0
    assert "MissError" in done.stderr
    assert provider.billed() == 0
