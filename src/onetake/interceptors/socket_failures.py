"""Errors of sockets, TLS and `http.client` as `Failure` values, and back as the same exceptions.

A class is looked up by name only in the modules listed here: a cassette cannot name any other.
"""

from __future__ import annotations

import builtins
import errno
import http.client
import re
import socket
from types import ModuleType
from typing import Any

from onetake.messages import Failure

_ERRNO = re.compile(r"-?[0-9]{1,9}")

# Failures that the client meets while it connects or sends, not while it waits for the answer.
BEFORE_WAITING = frozenset(
    {"refused", "connect-timeout", "write-timeout", "dns", "tls", "write", "network", "proxy"}
)


def kind_of(error: BaseException, *, connecting: bool) -> str:
    """The neutral kind of `error`; `connecting` says that the request was not yet sent."""
    match error:
        case ConnectionRefusedError():
            return "refused"
        case socket.gaierror():
            return "dns"
        case TimeoutError():
            return "connect-timeout" if connecting else "read-timeout"
        case OSError() if type(error).__module__ == "ssl":
            return "tls"
        case ConnectionError():
            return "write" if connecting else "disconnected"
        case http.client.HTTPException():
            return "protocol"
        case OSError() if str(error).startswith("Tunnel connection failed"):
            return "proxy"
    return "network" if connecting else "read"


def name_of(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def to_failure(error: BaseException, *, connecting: bool) -> Failure:
    return Failure(
        kind=kind_of(error, connecting=connecting),
        type=name_of(error),
        args=tuple(str(argument) for argument in error.args),
    )


def to_error(failure: Failure) -> Exception:
    """The exception that was recorded, or `http.client`'s own of that kind."""
    try:
        return rebuilt(failure.type, failure.args) or _by_kind(failure)
    except (TypeError, ValueError, OverflowError):  # not what that class was ever made of
        return _by_kind(failure)


def rebuilt(name: str, args: tuple[str, ...]) -> Exception | None:
    """The exception of class `name`, if it is one that sockets, TLS or `http.client` raise."""
    module_name, _, class_name = name.rpartition(".")
    module = _module(module_name)
    cls = getattr(module, class_name, None) if module is not None else None
    if not (isinstance(cls, type) and issubclass(cls, OSError | http.client.HTTPException)):
        return None
    values: tuple[Any, ...] = args
    if issubclass(cls, OSError) and len(args) >= 2 and _ERRNO.fullmatch(args[0]):
        values = (int(args[0]), *args[1:])
    if issubclass(cls, http.client.IncompleteRead):  # its text is made of a number
        values = (
            args[0] if args else "",
            int(args[1]) if _ERRNO.fullmatch("".join(args[1:2])) else None,
        )
    try:
        error: Exception = cls(*values)
    except TypeError:
        error = cls.__new__(cls)
    if error.args != values:
        error.args = values
    return error


def _module(name: str) -> ModuleType | None:
    match name:
        case "builtins":
            return builtins
        case "socket":
            return socket
        case "http.client":
            return http.client
        case "ssl":
            import ssl

            return ssl
    return None


def _by_kind(failure: Failure) -> Exception:
    match failure.kind:
        case "refused":
            return ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        case "dns":
            return socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        case "connect-timeout" | "read-timeout" | "write-timeout" | "pool-timeout":
            return TimeoutError("timed out")
        case "tls":
            import ssl

            return ssl.SSLError(1, " ".join(failure.args))
        case "disconnected":
            return http.client.RemoteDisconnected("Remote end closed connection without response")
        case "protocol":
            return http.client.BadStatusLine(" ".join(failure.args))
    return ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
