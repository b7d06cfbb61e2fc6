"""Sealing: what comes out is what went in, or an error."""

from __future__ import annotations

import secrets

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from onetake.errors import CassetteError, StoreError
from onetake.formats.packing import unpack
from onetake.stores.rows.encrypted import place_of
from onetake.stores.rows.keyring import Keyring, _derived

ONE, OTHER = secrets.token_bytes(32), secrets.token_bytes(32)
KEYRING = Keyring((ONE,), "env:TEAM_KEY")
PLACES = st.tuples(st.sampled_from(["row", "blob", "claim"]), st.text(), st.text())


def place(kind: str, name: str, rest: str) -> bytes:
    return place_of(kind, name) + rest.encode("utf-8", "surrogatepass")


@given(st.binary(), PLACES)
def test_what_was_sealed_is_opened_where_it_belongs(data, where):
    sealed = KEYRING.seal(data, place(*where))

    assert KEYRING.open(sealed, place(*where), "It") == data
    assert len(sealed) == len(data) + 38
    assert KEYRING.is_current(sealed)


@given(st.binary(max_size=50), st.integers(min_value=0), st.integers(1, 255))
def test_no_byte_can_be_changed(data, at, change):
    sealed = bytearray(KEYRING.seal(data, b"here"))
    sealed[at % len(sealed)] ^= change

    try:
        opened = KEYRING.open(bytes(sealed), b"here", "It")
    except (CassetteError, StoreError):
        return
    # The first byte alone says that it is sealed: without it, it is something else's.
    assert (at % len(sealed), opened) == (0, bytes(sealed))


@given(st.binary(max_size=50), st.integers(min_value=1))
def test_no_byte_can_be_cut_off(data, cut):
    sealed = KEYRING.seal(data, b"here")

    with pytest.raises((CassetteError, StoreError)):
        KEYRING.open(sealed[: max(1, len(sealed) - cut)], b"here", "It")


@given(PLACES, PLACES)
def test_no_two_places_are_the_same(one, other):
    assert (place(*one) == place(*other)) == (one == other)


def test_what_is_elsewhere_cannot_be_opened():
    with pytest.raises(CassetteError, match="It cannot be decrypted: it was changed, or belongs"):
        KEYRING.open(KEYRING.seal(b"data", b"here"), b"there", "It")


def test_equal_data_looks_different_each_time():
    assert len({KEYRING.seal(b"data", b"here") for _ in range(100)}) == 100


def test_what_never_was_sealed_is_left_as_it_is():
    assert KEYRING.open(b"\x00plain", b"here", "It") == b"\x00plain"
    assert KEYRING.open(b"", b"here", "It") == b""
    assert not KEYRING.is_current(b"\x00plain")


def test_all_keys_open_and_the_first_seals():
    sealed = KEYRING.seal(b"data", b"here")
    both = Keyring((OTHER, ONE), "env:TEAM_KEY")

    assert both.open(sealed, b"here", "It") == b"data"
    assert not both.is_current(sealed)
    assert both.ids[1] == KEYRING.ids[0]
    with pytest.raises(StoreError) as caught:
        KEYRING.open(both.seal(b"data", b"here"), b"here", "It")
    assert both.ids[0] in str(caught.value)
    assert KEYRING.ids[0] in str(caught.value)
    assert "TEAM_KEY" in caught.value.remedy


def test_whoever_has_no_key_is_told_which_one_is_needed():
    with pytest.raises(StoreError, match=f"the key {KEYRING.ids[0]}") as caught:
        unpack(KEYRING.seal(b"data", b"here"))

    assert 'encrypt = "env:ONETAKE_KEY"' in caught.value.remedy


def test_a_newer_form_is_told():
    with pytest.raises(StoreError, match="Upgrade"):
        KEYRING.open(b"\x04\x02" + bytes(60), b"here", "It")


def test_keys_are_derived_as_rfc_5869_says():
    made = HKDF(SHA256(), 32, b"onetake encryption at rest 1", b"cipher").derive(ONE)

    assert _derived(ONE, b"cipher", 32) == made
