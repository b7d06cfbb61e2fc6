"""`http.client`, and with it `urllib.request` and `xmlrpc.client`.

Seams: `putrequest`, `request`, `getresponse` of `HTTPConnection`, and `connect` of it and of
`HTTPSConnection`. From `putrequest` on, the connection writes to a socket in memory, so that the request
is captured as it is on the wire. What happens to it is decided when it is whole: at the end of `request`,
or at `getresponse` for a caller that sends by hand. Live, the same bytes then go to the real socket.

urllib3's connections are subclasses; they are left to urllib3's own interceptor.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from socket import getdefaulttimeout
from types import ModuleType
from typing import Any

from onetake.interceptors import http_client_streams as streams
from onetake.interceptors.socket_failures import BEFORE_WAITING, to_error, to_failure
from onetake.messages import Request
from onetake.runtime.context import Owner, current, is_passing, passing
from onetake.runtime.driver import begin, let_through
from onetake.runtime.playback import Playback
from onetake.runtime.recording import Recording
from onetake.runtime.seams import Seam
from onetake.runtime.seams import install as install_seams
from onetake.wire.http1 import parse_request

_HEAD_END = b"\r\n\r\n"
_STEP = "_onetake_step"  # on a connection: what its sent request is answered by
_foreign: dict[type, bool] = {}


def install(module: ModuleType) -> None:
    """Stand in `http.client`."""
    streams.install()
    connection = module.HTTPConnection
    install_seams(
        Seam(connection, "putrequest", _putrequest, "http"),
        Seam(connection, "request", _request, "http"),
        Seam(connection, "getresponse", _getresponse, "http"),
        Seam(connection, "connect", _connect, "http"),
    )
    if hasattr(module, "HTTPSConnection"):
        install_seams(Seam(module.HTTPSConnection, "connect", _connect, "http"))


class _Capture(streams.MemorySocket):
    """The socket of a connection whose request is being written, and of one that is answered by us.

    `real` is the open socket that it stands before, if there is one.
    """

    def __init__(self, connection: Any, owner: Owner, real: Any) -> None:
        super().__init__()
        self.settimeout(_timeout_of(connection))
        self.real = real
        self.owner = owner
        self._connection = connection

    def sendall(self, data: Any, _flags: int = 0) -> None:
        super().sendall(data)
        if len(self.sent) > self.owner.max_request_body:
            head = bytes(self.sent).partition(_HEAD_END)[0]
            request = _to_request(self._connection, head + _HEAD_END).replace(body=b"")
            let_through(self.owner, request, "http.client")
            _send_live(self._connection, self)

    def setsockopt(self, *args: Any) -> None:
        if self.real is not None:
            self.real.setsockopt(*args)

    def close(self) -> None:
        if self.real is not None:
            self.real.close()


def _timeout_of(connection: Any) -> float | None:
    """Return the seconds that the connection's socket would wait; None where it waits for ever."""
    timeout = getattr(connection, "timeout", None)
    return timeout if isinstance(timeout, int | float | None) else getdefaulttimeout()


def _is_foreign(connection: Any) -> bool:
    """Whether another interceptor stands above this class of connections."""
    cls = type(connection)
    found = _foreign.get(cls)
    if found is None:
        found = any(base.__module__.partition(".")[0] == "urllib3" for base in cls.__mro__)
        _foreign[cls] = found
    return found


def _connect(original: Callable[..., Any]) -> Callable[..., Any]:
    def connect(self: Any) -> Any:
        owner = current()
        if owner is None or is_passing() or _is_foreign(self):
            return original(self)
        # A subclass that goes on with the socket after this call needs a real one.
        if type(self).connect.__module__ != __name__:
            with passing():  # whatever is sent over it is decided later
                return original(self)
        self.sock = _Capture(self, owner, None)
        return None

    return connect


def _putrequest(original: Callable[..., Any]) -> Callable[..., Any]:
    def putrequest(self: Any, *args: Any, **options: Any) -> Any:
        result = original(self, *args, **options)
        owner = current()
        sock = self.sock
        if type(sock) is _Capture:  # left from an earlier answer, or from a deferred connect
            if not sock.sent and sock.owner is owner and not is_passing():
                return result
            self.sock = sock = sock.real
        if owner is None or is_passing() or _is_foreign(self):
            return result
        self.__dict__.pop(_STEP, None)
        if sock is not None or self.auto_open:
            self.sock = _Capture(self, owner, sock)
        return result

    return putrequest


def _request(original: Callable[..., Any]) -> Callable[..., Any]:
    def request(self: Any, *args: Any, **options: Any) -> Any:
        if current() is None or is_passing() or _is_foreign(self):
            return original(self, *args, **options)
        __tracebackhide__ = True
        result = original(self, *args, **options)
        if type(self.sock) is _Capture:
            step = _decide(self, self.sock)
            if isinstance(step, Playback) and step.failure is not None:
                _raise_failure(self, step, before_waiting=True)
        return result

    return request


def _getresponse(original: Callable[..., Any]) -> Callable[..., Any]:
    def getresponse(self: Any) -> Any:
        step = self.__dict__.pop(_STEP, None)
        sock = self.sock
        if step is None and (type(sock) is not _Capture or not sock.sent):
            return original(self)
        __tracebackhide__ = True
        if step is None:
            step = _decide(self, sock)
            self.__dict__.pop(_STEP, None)
        if isinstance(step, Playback):
            return _replayed(self, step, original)
        if step is None:
            return original(self)
        try:
            with streams.teed_to(step):
                return original(self)
        except BaseException as error:
            streams.failed(step, error, to_failure(error, connecting=False))
            raise

    return getresponse


def _decide(connection: Any, sock: _Capture) -> Playback | Recording | None:
    """What answers the captured request; when that is the server, the request is sent."""
    step = begin(sock.owner, _to_request(connection, bytes(sock.sent)), "http.client")
    if isinstance(step, Playback):
        sock.sent.clear()
        sock.play(step)
    else:
        try:
            _send_live(connection, sock)
        except BaseException as error:
            if step is not None:
                streams.failed(step, error, to_failure(error, connecting=True))
            raise
    connection.__dict__[_STEP] = step
    return step


def _send_live(connection: Any, sock: _Capture) -> None:
    """Connect, if need be, and write what was captured; from here on the connection is a real one."""
    connection.sock = sock.real
    with passing():
        if connection.sock is None:
            connection.connect()
        connection.sock.sendall(sock.sent)


def _to_request(connection: Any, sent: bytes) -> Request:
    message = parse_request(sent)
    url = message.target
    if not url.lower().startswith(("http://", "https://")):  # else in absolute form, for a proxy
        scheme = "https" if connection.default_port == 443 else "http"
        tunnelled = connection._tunnel_host
        host = tunnelled or connection.host
        port = connection._tunnel_port if tunnelled else connection.port
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        netloc = host if port in (None, connection.default_port) else f"{host}:{port}"
        url = f"{scheme}://{netloc}{url}"
    return Request(
        method=message.method,
        url=url.partition("#")[0],
        headers=message.headers,
        body=message.body,
    )


def _replayed(connection: Any, step: Playback, original: Callable[..., Any]) -> Any:
    if step.failure is not None:
        _raise_failure(connection, step, before_waiting=False)
    if step.response is None:
        time.sleep(step.waits_s or 0.0)
        raise step.unanswered()
    sock = connection.sock
    response = original(connection)
    if connection.sock is None and sock is not None:  # the answer closed the connection
        sock.close()
    return response


def _raise_failure(connection: Any, step: Playback, *, before_waiting: bool) -> None:
    """Raise the recorded failure, if this is the moment at which it came."""
    failure = step.failure
    assert failure is not None
    if before_waiting and failure.kind not in BEFORE_WAITING:
        return
    if step.delay_s:
        time.sleep(step.delay_s)
    connection.__dict__.pop(_STEP, None)
    sock, connection.sock = connection.sock, None
    if sock is not None:
        sock.close()
    raise to_error(failure)
