"""The network guard: connections that bypass every interceptor are seen by the interpreter's audit events.

Python tells each name look-up and each connection before it is made (PEP 578), whichever library makes it;
an error raised there stops it. What an interceptor or a store of onetake connects to is marked by
`context.passing`, and is none of this. Networking that is not Python's is not seen: docs/egress.md.

A hook sees *every* event of a process and stays for its life, so its first line is one look-up.
"""

from __future__ import annotations

import _socket
import sys
import time
from collections.abc import Callable
from typing import Any

from onetake.config.hosts import (
    address_of,
    is_near,
    leads_near,
    read_host,
)
from onetake.errors import GuardError
from onetake.runtime.connections import Egress
from onetake.runtime.context import current_of_connection, is_passing, passing

_REMEMBERED_S = 60.0
_DNS_PORT = 53

_monotonic = time.monotonic  # bound early: fake clocks do not reach us
_installed = False
_looked_up: dict[str, tuple[float, bool]] = {}


def install() -> None:
    """Watch from now on, for the life of the process."""
    global _installed
    if not _installed:
        _installed = True
        sys.addaudithook(_hook)


def is_local(host: str) -> bool:
    """Whether `host` (of `read_host`) is this machine or of its networks; may look it up in the DNS.

    A name of a known provider is not, wherever it leads: a private endpoint is paid too.
    """
    near = is_near(host, _own_name())
    if near is not None:
        return near
    from onetake.providers import provider_of  # late: most runs look nothing up

    return provider_of(host) is None and _is_private(host)


def is_near_by(host: str) -> bool:
    """Return whether `host` is near, as far as that can be told without a look-up."""
    return is_near(host, _own_name()) is True


def _own_name() -> str:
    return read_host(_socket.gethostname())


def _is_private(name: str) -> bool:
    """Whether `name` leads to private or link-local addresses only, asked once a minute."""
    at, found = _looked_up.get(name, (-_REMEMBERED_S, False))
    now = _monotonic()
    if now - at < _REMEMBERED_S:
        return found
    is_own = name.partition(".")[0] == _own_name().partition(".")[0]
    found = leads_near(_addresses(name), is_own=is_own)
    _looked_up[name] = (now, found)
    return found


def _addresses(name: str) -> set[str]:
    try:
        with passing():  # this look-up is an event too
            rows = _socket.getaddrinfo(name, None)
    except (OSError, UnicodeError):
        return set()
    return {str(address[0]) for *_, address in rows}


# Events.


def _on_name(host: object, *_: object) -> None:
    egress = _watching()
    if egress is None:
        return
    name = read_host(host)
    if not is_local(name):
        egress.see_name(name)


def _on_connect(sock: Any, address: Any) -> None:
    # A datagram socket's connect sends nothing: programs ask so for their own address.
    _reach(sock, address, lambda _egress, _name: not _is_datagram(sock))


def _on_send(sock: Any, address: Any) -> None:
    # Who asks a name server connects next. Of datagrams to one address the first is counted.
    _reach(sock, address, lambda egress, name: address[1] != _DNS_PORT and name not in egress.hosts)


def _reach(sock: Any, address: Any, counts: Callable[[Egress, str], bool]) -> None:
    """A name or an address is sent to; `counts` says whether an address is to be looked at."""
    egress = _watching()
    if egress is None or not (name := _inet_host(sock, address)):
        return
    if address_of(name) is None:
        if not is_local(name):
            egress.see_name(name)
    elif counts(egress, name) and not is_local(name):
        egress.see_address(name)


def _watching() -> Egress | None:
    """Return the egress of the owner, unless onetake itself makes this connection."""
    if is_passing():
        return None
    owner = current_of_connection()
    return None if owner is None else owner.egress


def _inet_host(sock: Any, address: Any) -> str:
    """ "" where the socket is of another family, or already connected."""
    if sock.family not in (_socket.AF_INET, _socket.AF_INET6) or not isinstance(address, tuple):
        return ""
    return read_host(address[0])


def _is_datagram(sock: Any) -> bool:
    return bool(sock.type & 0xF == _socket.SOCK_DGRAM)


_EVENTS: dict[str, Callable[..., None]] = {
    "socket.getaddrinfo": _on_name,
    "socket.gethostbyname": _on_name,
    "socket.connect": _on_connect,
    "socket.sendto": _on_send,
    "socket.sendmsg": _on_send,
}


def _hook(
    event: str,
    args: tuple[Any, ...],
    find: Callable[[str], Callable[..., None] | None] = _EVENTS.get,
    refusal: type[Exception] = GuardError,
) -> None:
    see = find(event)
    if see is None:
        return
    try:
        see(*args)
    except refusal:
        raise
    except Exception:  # never our own trouble: also while the interpreter is being taken down
        return
