"""The content codings of a message (RFC 9110, section 8.4), undone for reading."""

from __future__ import annotations

from onetake.wire.encodings import TooLargeError, decoder

_MOST_CODINGS = 4  # in a row


def undone(codings: str, data: bytes) -> tuple[bytes, str, str]:
    """Undo `codings`, a list as in a `content-encoding` header, the last first.

    Returns the plain bytes, the codings that were undone (`gzip, br`, as the header lists them), and why they
    were not undone, if so: then the bytes are those given. A body is decoded only where it ends whole, exactly
    once, so that encoding it again could give what was sent.
    """
    names = [name for one in codings.split(",") if (name := one.strip().lower())]
    names = [name for name in names if name != "identity"]
    if not names:
        return data, "", ""
    if len(names) > _MOST_CODINGS:
        return data, "", f"it has {len(names)} content codings"
    plain = data
    for name in reversed(names):
        coder = decoder(name)
        if coder is None:
            return data, "", f"the content coding {name} cannot be undone here"
        try:
            decoded = coder.feed(plain) + coder.finish()
        except TooLargeError:
            return data, "", f"its {name} grows too large when it is decoded"
        except Exception:  # each coding's library has its own errors
            return data, "", f"it is not the {name} that it claims to be"
        if not coder.is_whole():
            return data, "", f"its {name} does not end where the body ends"
        plain = decoded
    return plain, ", ".join(names), ""
