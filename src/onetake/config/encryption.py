"""The setting `encrypt` and the keys in the variable that it names: 32 random bytes each, as text.

A passphrase is refused: what one can remember, others can guess.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode

from onetake.errors import UsageError

_SIZE = 32
_FEW = 16  # of 32 random bytes some 30 are unlike each other; fewer than 16 are never seen
_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{43}=?")
_VARIABLE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")
_OWN = re.compile(r"ONETAKE_KEY(?:_[A-Za-z0-9_]+)?")

MAKE_ONE = 'python -c "import secrets; print(secrets.token_hex(32))"'


def is_key_variable(name: str) -> bool:
    """Whether an `ONETAKE_` variable holds keys, and so is no setting."""
    return _OWN.fullmatch(name) is not None


def parse_encrypt(value: object, place: str) -> str:
    """The setting as it is kept. Raises `UsageError` naming `place`, and never tells what may be a key."""
    found = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise UsageError(
            f'{place} is not "env:" and the name of a variable.',
            remedy='Write encrypt = "env:ONETAKE_KEY" and put the key into that variable.',
        )
    name = found[1]
    if name.startswith("ONETAKE_") and not is_key_variable(name):
        raise UsageError(
            f"{place} names {name}, which would be taken for a setting.",
            remedy="Use ONETAKE_KEY, ONETAKE_KEY_<WORD>, or a name that does not begin with ONETAKE_.",
        )
    return found[0]


def variable_of(encrypt: str) -> str:
    """The name of the variable."""
    return encrypt.removeprefix("env:")


def parse_keys(text: str, variable: str) -> tuple[bytes, ...]:
    """The keys in `text`, separated by commas: the first is for writing, all are for reading.

    Raises `UsageError` naming the `variable`, never the value.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise UsageError(
            f"encrypt names the variable {variable}, which is not set.",
            remedy=f"Set it to the key that your team shares. To make one: {MAKE_ONE}",
        )
    keys: list[bytes] = []
    for number, part in enumerate(parts, 1):
        key = _to_bytes(part)
        if key is None or len(set(key)) < _FEW:
            which = variable if len(parts) == 1 else f"Key {number} of {len(parts)} in {variable}"
            raise UsageError(
                f"{which} is no key of 32 random bytes, as hex or base64; passphrases are guessed.",
                remedy=f"Make one: {MAKE_ONE}",
            )
        keys.append(key)
    return tuple(dict.fromkeys(keys))


def _to_bytes(text: str) -> bytes | None:
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    if not _BASE64.fullmatch(text):
        return None
    try:
        alphabet = b"-_" if set("-_") & set(text) else b"+/"
        key = b64decode(text.rstrip("=") + "=", altchars=alphabet, validate=True)
    except binascii.Error:
        return None
    return key if len(key) == _SIZE else None
