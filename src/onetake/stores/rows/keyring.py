"""Sealing what leaves for a shared store: AES-256-GCM, under one of several keys.

A sealed value is `04 01`, the id of its key (8 bytes), a random nonce (12 bytes), the ciphertext and a tag
(16 bytes). What it is and where it lies are authenticated with it, so that it can be read nowhere else. The
key for the cipher and the id are derived (HKDF-SHA256, RFC 5869) from the key that is given, which may so
serve for keyed digests too. Nonces are random: good for 2**32 values under one key (NIST SP 800-38D, 8.3).
"""

from __future__ import annotations

import hmac
import os
from functools import lru_cache
from typing import Any

from onetake.config.encryption import parse_keys, variable_of
from onetake.errors import CassetteError, StoreError, UsageError
from onetake.formats.packing import ENCRYPTED, key_id

_VERSION = b"\x01"
_START = ENCRYPTED + _VERSION
_ID_SIZE, _NONCE_SIZE, _TAG_SIZE = 8, 12, 16
_HEAD_SIZE = len(_START) + _ID_SIZE
_SALT = b"onetake encryption at rest 1"


class Keyring:
    """The first of `keys` seals, all of them open. Safe to share between threads and after a fork."""

    def __init__(self, keys: tuple[bytes, ...], encrypt: str) -> None:
        """`encrypt` is the setting, for messages. Raises `UsageError` where the extra is missing."""
        cipher = _library()
        self._variable = variable_of(encrypt)
        self._ciphers: dict[bytes, Any] = {
            _derived(key, b"id", _ID_SIZE): cipher(_derived(key, b"cipher", 32)) for key in keys
        }
        first = next(iter(self._ciphers))
        self._seal = self._ciphers[first]
        self._head = _START + first
        self.ids = tuple(one.hex() for one in self._ciphers)

    def seal(self, data: bytes, place: bytes) -> bytes:
        """`data` for this `place` alone."""
        nonce = os.urandom(_NONCE_SIZE)
        sealed: bytes = self._seal.encrypt(nonce, data, self._head + place)
        return self._head + nonce + sealed

    def open(self, data: bytes, place: bytes, told: str) -> bytes:
        """What was sealed for this `place`, which messages call `told`; as it is what never was sealed.

        Raises `StoreError` where its key is not here, `CassetteError` where it was changed or moved.
        """
        if data[:1] != ENCRYPTED:
            return data
        if data[1:2] != _VERSION:
            raise StoreError(
                f"{told} is encrypted in a form that this onetake does not know.",
                remedy="Upgrade onetake.",
            )
        head = data[:_HEAD_SIZE]
        cipher = self._ciphers.get(head[len(_START) :])
        if cipher is None and len(data) > _HEAD_SIZE:
            raise StoreError(
                f"{told} is encrypted with the key {key_id(data)}, and {self._variable} (encrypt) "
                f"holds {' and '.join(self.ids)}.",
                remedy=f"Add that key to {self._variable}, behind a comma.",
            )
        nonce, sealed = (
            data[_HEAD_SIZE : _HEAD_SIZE + _NONCE_SIZE],
            data[_HEAD_SIZE + _NONCE_SIZE :],
        )
        try:
            if cipher is None or len(sealed) < _TAG_SIZE:
                raise ValueError("It breaks off.")
            content: bytes = cipher.decrypt(nonce, sealed, head + place)
        except Exception:  # InvalidTag, which cannot be named without importing it
            raise CassetteError(
                f"{told} cannot be decrypted: it was changed, or belongs elsewhere.",
                remedy="Remove it from the store and record anew; find out who has changed it.",
            ) from None
        return content

    def is_current(self, data: bytes) -> bool:
        """Whether it is sealed with the first key."""
        return data.startswith(self._head)


def keyring_of(encrypt: str) -> Keyring:
    """The keys that the setting `encrypt` (`env:NAME`) names.

    Raises `UsageError` where there are none, where one is no key, and where the extra is missing.
    """
    return _made(os.environ.get(variable_of(encrypt), ""), encrypt)


@lru_cache(maxsize=4)  # every opening asks
def _made(text: str, encrypt: str) -> Keyring:
    return Keyring(parse_keys(text, variable_of(encrypt)), encrypt)


def _library() -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise UsageError(
            "encrypt needs the package cryptography, which is not installed.",
            remedy="pip install 'onetake[encrypt]'",
        ) from error
    return AESGCM


def _derived(key: bytes, purpose: bytes, size: int) -> bytes:
    """HKDF-SHA256 of one block."""
    secret = hmac.digest(_SALT, key, "sha256")
    return hmac.digest(secret, purpose + b"\x01", "sha256")[:size]
