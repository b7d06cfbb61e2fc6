"""The default cassette with others behind it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_recording._vcr import CombinedPersister
from vcr.persisters.filesystem import CassetteNotFoundError
from vcr.serializers import jsonserializer


def write(path: Path, *names: str) -> str:
    response = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": ""}}
    requests = [
        {"method": "GET", "uri": f"http://one/{name}", "headers": {}, "body": None}
        for name in names
    ]
    interactions = [{"request": one, "response": response} for one in requests]
    path.write_text(json.dumps({"version": 1, "interactions": interactions}))
    return str(path)


def read(persister: CombinedPersister, path: str) -> list[str]:
    requests, *_ = persister.load_cassette(path, jsonserializer)
    return [one.path.removeprefix("/") for one in requests]


def test_what_others_add_to_the_default_one_comes_last(tmp_path: Path) -> None:
    own = write(tmp_path / "own.json", "a", "b")
    extra = write(tmp_path / "extra.json", "c")
    persister = CombinedPersister([extra, own, extra, str(tmp_path / "missing.json")])

    assert read(persister, own) == ["a", "b", "c"]

    write(tmp_path / "own.json", "a", "b", "d")
    write(tmp_path / "extra.json", "e")
    assert read(persister, own) == ["a", "b", "c", "d"]


def test_what_is_rewritten_is_not_read(tmp_path: Path) -> None:
    own = write(tmp_path / "own.json", "a")
    extra = write(tmp_path / "extra.json", "c")

    assert read(CombinedPersister([extra], rewrites=True), own) == ["c"]
    with pytest.raises(CassetteNotFoundError):
        read(CombinedPersister([], rewrites=True), own)
