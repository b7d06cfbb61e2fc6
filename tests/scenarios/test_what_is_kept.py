"""What of an answer is worth keeping: small media, and the statuses that were asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import s3
from tests.support.runs import result, run_program
from tests.support.stores import EVERY, url_of

_IMAGE = """
    import base64, json, sys
    import httpx
    import onetake

    with onetake.use_cassette("image") as cassette, httpx.Client(timeout=60) as client:
        answer = client.post(sys.argv[1] + "/v1/images/generations", json={
            "model": "gpt-image-1", "prompt": "a cat", "size_bytes": 2_000_000})
    value = answer.json()
    image = base64.b64decode(value["data"][0].pop("b64_json"))
    length = answer.headers.get("content-length")
    print(json.dumps({
        "rest": value, "size": len(image), "head": image[:8].hex(), "counts": cassette.counts,
        "is_consistent": length is None or int(length) == len(answer.content),
    }))
"""

_STATUSES = """
    import json, sys
    import httpx
    import onetake

    with onetake.use_cassette("statuses") as cassette, httpx.Client() as client:
        statuses = [client.get(f"{sys.argv[1]}/status/{n}").status_code for n in (200, 404, 503, 200)]
    calls = [(call.outcome, call.reason) for call in cassette.calls]
    print(json.dumps({"statuses": statuses, "counts": cassette.counts, "verdict": cassette.verdict,
                      "calls": calls, "warnings": cassette.warnings}))
"""


def run(program: str, folder: Path, provider: Any, store: str, **settings: str) -> Any:
    folder.mkdir(exist_ok=True)
    (folder / "onetake.toml").write_text("")
    extra = s3.ENVIRONMENT | {"ONETAKE_STORE": store} | settings
    return result(run_program(program, folder, provider.url, **extra))


def stored_size(folder: Path) -> int:
    names = ("store.sqlite", "store.sqlite-wal")
    kept = [path for path in folder.rglob("*") if path.is_file() and ".onetake" not in path.parts]
    return sum(path.stat().st_size for path in kept if path.name not in names[1:])


@pytest.mark.parametrize("kind", EVERY)
def test_34_an_image_of_two_megabytes_is_kept_below_a_hundredth(kind, request, tmp_path, provider):
    store = url_of(kind, request, tmp_path)

    first = run(_IMAGE, tmp_path / "p", provider, store, ONETAKE_SHRINK="true")
    again = run(_IMAGE, tmp_path / "p", provider, store, ONETAKE_MODE="replay")

    assert first["size"] >= 2_000_000
    assert provider.billed() == 1
    assert again["counts"] == {"replayed": 1}
    assert again["size"] < 2_000
    assert (again["head"], again["rest"]) == (first["head"], first["rest"])
    assert again["is_consistent"]
    if kind in ("files", "object-files"):
        assert stored_size(tmp_path) < 20_000


def test_an_image_is_kept_whole_unless_asked_for(tmp_path, provider):
    first = run(_IMAGE, tmp_path / "p", provider, "")

    assert run(_IMAGE, tmp_path / "p", provider, "", ONETAKE_MODE="replay") == first | {
        "counts": {"replayed": 1}
    }


def test_only_the_statuses_that_were_asked_for_are_kept(tmp_path, provider):
    kept = {"ONETAKE_RECORD_STATUSES": "2xx,404"}

    first = run(_STATUSES, tmp_path / "p", provider, "", **kept)
    again = run(_STATUSES, tmp_path / "p", provider, "", **kept)

    assert first["statuses"] == again["statuses"] == [200, 404, 503, 200]
    assert first["counts"] == {"recorded": 3, "live": 1}
    assert again["counts"] == {"replayed": 3, "live": 1}
    assert again["verdict"] == "LIVE"
    assert ["live", "status 503 is not in record_statuses"] in again["calls"]
    assert "status 503 is not in record_statuses, so it is paid on each run" in again["warnings"][0]


_RETRIED = """
    import json, sys
    import httpx
    import onetake

    with onetake.use_cassette("retried") as cassette, httpx.Client() as client:
        body = {"model": "fake-429", "messages": [{"role": "user", "content": "hi"}]}
        url = sys.argv[1] + "/v1/chat/completions"
        statuses = [client.post(url, json=body).status_code for _ in range(3)]
    print(json.dumps({"statuses": statuses, "counts": cassette.counts}))
"""


@pytest.mark.parametrize("kind", ["files", "sqlite"])
def test_what_is_not_kept_leaves_no_gap(kind, request, tmp_path, provider):
    store, kept = url_of(kind, request, tmp_path), {"ONETAKE_RECORD_STATUSES": "2xx"}

    first = run(_RETRIED, tmp_path / "p", provider, store, **kept)
    again = run(_RETRIED.replace("range(3)", "range(1)"), tmp_path / "p", provider, store)

    assert first["statuses"] == [429, 429, 200]
    assert (again["statuses"], again["counts"]) == ([200], {"replayed": 1})


def test_every_status_is_kept_unless_asked_for(tmp_path, provider):
    run(_STATUSES, tmp_path / "p", provider, "")

    assert run(_STATUSES, tmp_path / "p", provider, "")["counts"] == {"replayed": 4}
