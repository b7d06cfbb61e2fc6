"""No connection leaves a test, save to hosts that are allowed: what `block_network` is made of.

Whoever connects gets a RuntimeError. Local servers are refused too, as nothing tells them from others here;
sockets that are made as pairs are let be, which an event loop needs where the system has none of its own.
"""

from __future__ import annotations

import re
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_original_socketpair = socket.socketpair
_pairing = threading.local()


class _Block(NamedTuple):
    """What is let through: hosts by regular expressions, and what `is_exempt` says while it is made."""

    allowed_hosts: tuple[str, ...]
    is_exempt: Callable[[], bool]

    def check(self, host: str | bytes | bytearray) -> None:
        """Raises RuntimeError for a host that may not be connected to."""
        text = host if isinstance(host, str) else bytes(host).decode()
        if self.is_exempt() or any(re.match(one, text) for one in self.allowed_hosts):
            return
        raise RuntimeError(f"Network is disabled for host {host!r}")


_block: _Block | None = None
_replaced: list[tuple[Any, str, Any]] = []  # what stood there before, None where it was inherited


def block(allowed_hosts: Iterable[str] | None = None) -> None:
    """Until `unblock`. A second block takes the place of the first."""
    _set(_Block(tuple(allowed_hosts or ()), _never))


def unblock() -> None:
    _set(None)


@contextmanager
def blocking_context(
    allowed_hosts: Iterable[str] | None = None, *, is_exempt: Callable[[], bool] | None = None
) -> Iterator[None]:
    """Block inside; at the end it is as it was before."""
    before = _block
    _set(_Block(tuple(allowed_hosts or ()), is_exempt or _never))
    try:
        yield
    finally:
        _set(before)


def _never() -> bool:
    return False


def _set(block: _Block | None) -> None:
    global _block
    _block = block
    if block is None:
        while _replaced:
            _restore(*_replaced.pop())
    elif not _replaced:
        for name in ("connect", "connect_ex"):
            _replace(socket.socket, name, _guarded(getattr(socket.socket, name)))
        _replace(socket, "socketpair", _unguarded_pair)
        if curl := _curl():
            _replace(curl, "Curl", _guarded_curl(curl))


def _replace(owner: Any, name: str, value: Any) -> None:
    _replaced.append((owner, name, vars(owner).get(name)))
    setattr(owner, name, value)


def _restore(owner: Any, name: str, before: Any) -> None:
    if before is None:
        delattr(owner, name)
    else:
        setattr(owner, name, before)


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    def network_guard(self: socket.socket, address: Any, *args: Any, **kwargs: Any) -> Any:
        if (block := _block) is not None and not getattr(_pairing, "is_under_way", False):
            try:
                block.check(_host_of(self.family, address))
            except RuntimeError:
                self.close()  # callers do so for an OSError only
                raise
        return connect(self, address, *args, **kwargs)

    return network_guard


def _host_of(family: int, address: Any) -> Any:
    """A path for a socket of the file system; "" for one of a family that knows no hosts."""
    if family in (socket.AF_INET, socket.AF_INET6):
        return address[0]
    return address if family == getattr(socket, "AF_UNIX", None) else ""


def _unguarded_pair(*args: Any, **kwargs: Any) -> Any:
    """Where pairs are made by a connection to the process itself, it is let through in this thread."""
    _pairing.is_under_way = True
    try:
        return _original_socketpair(*args, **kwargs)
    finally:
        _pairing.is_under_way = False


def _curl() -> Any:
    """libcurl connects by itself, past Python's sockets."""
    if "pycurl" not in sys.modules:
        try:
            __import__("pycurl")
        except ImportError:
            return None
    return sys.modules["pycurl"]


def _guarded_curl(curl: Any) -> Any:
    class Curl(curl.Curl):  # type: ignore[misc]
        def perform(self) -> Any:
            url = self.getinfo(curl.EFFECTIVE_URL)
            if (block := _block) is not None and (host := urlsplit(url or "").hostname):
                block.check(host)
            return super().perform()

    return Curl
