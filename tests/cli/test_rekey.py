"""`onetake rekey`, and other commands over encrypted stores."""

from __future__ import annotations

import secrets

import pytest

from onetake.stores.opening import open_shelf, open_store
from onetake.stores.rows.keyring import keyring_of
from tests.cli.recordings import MATCHER, call, put, questions

ENCRYPT = "env:ONETAKE_KEY"
ONE, OTHER = secrets.token_hex(32), secrets.token_hex(32)
EVERY_KIND = pytest.mark.parametrize(
    "url", ["sqlite", "redis", "s3", "cluster", "object-files"], indirect=True
)


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("ONETAKE_KEY", ONE)


@pytest.fixture
def encrypted(monkeypatch):
    monkeypatch.setenv("ONETAKE_ENCRYPT", ENCRYPT)


def shelf_of(url, project, encrypt=ENCRYPT):
    return open_shelf(url, project, MATCHER.fingerprint, encrypt)


@EVERY_KIND
def test_a_store_changes_its_key(url, project, encrypted, monkeypatch, told, typed):
    put(
        shelf_of(url, project),
        "tests/test_a/test_one",
        call("a"),
        call("b", answer=secrets.token_bytes(20_000)),
    )
    put(shelf_of(url, project), "main", call("c"))
    old = keyring_of(ENCRYPT).ids[0]
    monkeypatch.setenv("ONETAKE_KEY", f"{OTHER},{ONE}")
    new = keyring_of(ENCRYPT).ids[0]

    shown = typed("rekey")
    assert (shown.exit_code, f"under the key {old}" in shown.stdout) == (1, True)
    assert f"Would encrypt with the key {new}" in shown.stdout
    assert ONE not in shown.output
    done = told("rekey", "--yes")
    assert (done["key"], done["cassettes"], done["dry_run"]) == (new, 2, False)
    assert done["rows"]["by_key"] == {old: done["rows"]["held"]}
    assert done["blobs"] == {"held": 1, "outdated": 1, "by_key": {old: 1}}
    again = typed("rekey", "--yes")
    assert (again.exit_code, f"are under the key {new}" in again.stdout) == (0, True)

    monkeypatch.setenv("ONETAKE_KEY", OTHER)
    assert questions(shelf_of(url, project), "tests/test_a/test_one") == ["a", "b"]
    assert told("ls")["cassettes"][0]["interactions"] == 1
    assert typed("rekey").exit_code == 0


def test_what_is_in_plain_is_encrypted(project, monkeypatch, typed, encrypted):
    monkeypatch.setenv("ONETAKE_STORE", "sqlite:store.db")
    put(shelf_of("sqlite:store.db", project, ""), "c", call("a"))

    assert "1  in plain" in typed("rekey").stdout
    assert typed("rekey", "--yes").exit_code == 0
    rows = open_store("sqlite:store.db", project).read("c").rows
    assert [row.data[:1] for row in rows] == [b"\x04"]


def test_a_key_that_is_gone_is_asked_for_and_what_is_done_stays(
    project, monkeypatch, typed, encrypted
):
    monkeypatch.setenv("ONETAKE_STORE", "sqlite:store.db")
    put(shelf_of("sqlite:store.db", project), "b", call("b"))
    lost = keyring_of(ENCRYPT).ids[0]
    put(shelf_of("sqlite:store.db", project, ""), "a", call("a"))
    monkeypatch.setenv("ONETAKE_KEY", OTHER)

    done = typed("rekey", "--yes")
    assert done.exit_code == 2
    assert lost in done.output
    assert "1 of 2 cassettes are done" in done.output
    monkeypatch.setenv("ONETAKE_KEY", f"{OTHER},{ONE}")
    assert typed("rekey", "--yes").exit_code == 0
    assert questions(shelf_of("sqlite:store.db", project), "b") == ["b"]


def test_recordings_go_from_files_into_an_encrypted_store_and_back(
    project, monkeypatch, typed, encrypted
):
    monkeypatch.setenv("ONETAKE_STORE", "sqlite:store.db")
    put(open_shelf("files:kept", project, MATCHER.fingerprint), "c", call("a"))

    pushed = typed("push", "--from", "files:kept", "--to", "sqlite:store.db")
    pulled = typed("pull", "--from", "sqlite:store.db", "--to", "files:back")

    assert (pushed.exit_code, pulled.exit_code) == (0, 0), pushed.output + pulled.output
    back = open_shelf("files:back", project, MATCHER.fingerprint)
    assert questions(back, "c") == ["a"]
    assert open_store("sqlite:store.db", project).read("c").rows[0].data[:1] == b"\x04"


def test_without_encrypt_there_is_no_key(project, monkeypatch, typed):
    monkeypatch.setenv("ONETAKE_STORE", "sqlite:store.db")

    done = typed("rekey")
    assert (done.exit_code, 'encrypt = "env:ONETAKE_KEY"' in done.output) == (2, True)


def test_files_hold_nothing_that_is_encrypted(project, typed):
    (project / "onetake.toml").write_text(f'store = "sqlite:a.db"\nencrypt = "{ENCRYPT}"\n')

    done = typed("rekey", "--store", "files:kept")
    assert (done.exit_code, "--store URL" in done.output) == (2, True)
