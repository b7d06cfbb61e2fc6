"""The setting `encrypt`, and what counts as a key."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256

import pytest

from onetake import project
from onetake.config import Source, resolve
from onetake.config.encryption import parse_keys
from onetake.errors import UsageError

ONE, OTHER = sha256(b"one").digest(), sha256(b"other").digest()


@pytest.mark.parametrize(
    "text",
    [
        ONE.hex(),
        ONE.hex().upper(),
        b64encode(ONE).decode(),
        urlsafe_b64encode(ONE).decode(),
        urlsafe_b64encode(ONE).decode().rstrip("="),
        f" {ONE.hex()} ,",
        f"{ONE.hex()},{b64encode(ONE).decode()}",
    ],
)
def test_a_key_is_32_bytes_as_hex_or_base64(text):
    assert parse_keys(text, "KEY") == (ONE,)


def test_of_several_keys_the_first_is_first():
    assert parse_keys(f"{ONE.hex()}, {b64encode(OTHER).decode()}", "KEY") == (ONE, OTHER)


@pytest.mark.parametrize(
    "text",
    [
        "correct horse battery staple",
        "hunter2",
        ONE.hex()[:-2],
        ONE.hex() + "00",
        b64encode(ONE[:31]).decode(),
        "0" * 64,
        "a" * 43,
        f"{ONE.hex()},hunter2",
    ],
)
def test_a_passphrase_is_refused_and_not_told(text):
    with pytest.raises(UsageError, match="no key of 32 random bytes") as caught:
        parse_keys(text, "TEAM_KEY")

    assert "TEAM_KEY" in caught.value.message
    assert "secrets.token_hex(32)" in caught.value.remedy
    assert not any(part in str(caught.value) for part in text.split(","))


def test_no_key_is_an_error_that_says_how_to_make_one():
    with pytest.raises(UsageError, match="TEAM_KEY, which is not set"):
        parse_keys(" ", "TEAM_KEY")


def resolved(**values):
    return resolve([Source("here", values)], ci=False)


@pytest.mark.parametrize("name", ["ONETAKE_KEY", "ONETAKE_KEY_STORE", "TEAM_KEY"])
def test_encrypt_names_a_variable(name):
    assert resolved(store="redis://host", encrypt=f"env:{name}").encrypt == f"env:{name}"


@pytest.mark.parametrize("value", [ONE.hex(), "ONETAKE_KEY", "env:", "env:A B", True, ""])
def test_anything_else_is_an_error_that_does_not_tell_it(value):
    with pytest.raises(UsageError, match="Setting 'encrypt' in here is not") as caught:
        resolved(store="redis://host", encrypt=value)

    assert ONE.hex() not in str(caught.value)


def test_a_variable_that_would_be_a_setting_is_an_error():
    with pytest.raises(UsageError, match="ONETAKE_SECRET"):
        resolved(store="redis://host", encrypt="env:ONETAKE_SECRET")


@pytest.mark.parametrize("store", [{}, {"store": ""}, {"store": "files:kept"}])
def test_files_are_not_encrypted(store):
    with pytest.raises(UsageError, match="compared in version control"):
        resolved(**store, encrypt="env:ONETAKE_KEY")


def test_who_chooses_files_over_the_store_of_the_project_may():
    project_file = Source("file", {"store": "redis://host", "encrypt": "env:ONETAKE_KEY"})
    files = Source("environment", {"store": "files:kept"})
    redis = Source("command line", {"store": "redis://other"})

    assert resolve([project_file, files], ci=False).store == "files:kept"
    assert resolve([project_file, files, redis], ci=False).encrypt == "env:ONETAKE_KEY"
    with pytest.raises(UsageError, match="encrypt in command line"):
        resolve([files, Source("command line", {"encrypt": "env:ONETAKE_KEY"})], ci=False)


def test_variables_of_keys_are_no_settings():
    environ = {"ONETAKE_KEY": "a", "ONETAKE_KEY_STORE": "b", "ONETAKE_ENCRYPT": "env:A"}

    assert project.environment_source(environ).values == {"encrypt": "env:A"}


def test_keyed_digests_stay_what_they_are_while_keys_change():
    def digest_key(text: str) -> bytes:
        return project.digest_key({"ONETAKE_KEY": text})

    old, new = ONE.hex(), OTHER.hex()
    assert digest_key(old) == old.encode()
    assert digest_key(f"{new}, {old}") == old.encode()
    assert digest_key("some, other secret") == b"some, other secret"
