"""urllib3, and with it requests and botocore.

Seam: `HTTPConnectionPool._make_request`: one attempt, below retries and redirects, so each attempt is an
interaction of its own. The request is written once to a stand-in connection with a socket in memory: what it
would put on the wire is what is recorded. On replay urllib3 is given its own response over one of
`http.client`, which reads the recorded bytes. Live, the pool's own connection sends the same body. A
proxy's tunnel (`HTTPSConnectionPool._prepare_proxy`) is opened only when a call goes live.

urllib3-future and urllib3 before 2 have another `_make_request`: there nothing is installed.
"""

from __future__ import annotations

import inspect
import io
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from itertools import chain
from socket import getdefaulttimeout
from types import ModuleType
from typing import Any

from onetake.interceptors import http_client_streams as streams
from onetake.interceptors.socket_failures import (
    BEFORE_WAITING,
    kind_of,
    name_of,
    rebuilt,
    to_error,
)
from onetake.messages import Failure, Request
from onetake.runtime.context import Owner, current, is_passing, passing
from onetake.runtime.driver import begin, let_through, recall
from onetake.runtime.playback import Playback
from onetake.runtime.recording import Recording
from onetake.runtime.seams import Seam
from onetake.runtime.seams import install as install_seams
from onetake.wire.http1 import parse_request

_log = logging.getLogger("onetake")

_NEEDED = {
    "conn", "method", "url", "body", "headers", "retries", "timeout", "chunked", "response_conn",
    "preload_content", "decode_content", "enforce_content_length",
}  # fmt: skip
_DEFERRED = "_onetake_tunnel"  # on a connection: its tunnel is still to be opened
_READ_SIZE = 16_384  # bytes; what urllib3 reads of a file at a time


def install(module: ModuleType) -> None:
    """Stand in `urllib3.connectionpool`, if it is one that is known here."""
    if not is_supported(module):
        _log.warning(
            "onetake neither records nor replays this urllib3: it needs urllib3 2 or later, "
            "and not urllib3-future"
        )
        return
    streams.install()
    _own_connection()
    install_seams(
        Seam(module.HTTPConnectionPool, "_make_request", _make_request, "urllib3"),
        Seam(module.HTTPSConnectionPool, "_prepare_proxy", _prepare_proxy, "urllib3"),
    )


@cache
def _own_connection() -> Any:
    """urllib3's, whatever somebody puts in its place later."""
    from urllib3.connection import HTTPConnection

    return HTTPConnection


def _is_fake(conn: Any) -> bool:
    """Whether a connection answers by itself, as vcrpy's do: then the call is none of ours."""
    ways = type(conn).request, type(conn).getresponse  # whoever changes one of them still sends
    return all(way.__module__.partition(".")[0] not in ("urllib3", "http") for way in ways)


def is_supported(module: ModuleType) -> bool:
    """Whether this is urllib3 2 or later, and not urllib3-future under the same name."""
    import urllib3

    version = str(getattr(urllib3, "__version__", "0"))
    if not version.partition(".")[0].isdigit() or int(version.partition(".")[0]) < 2:
        return False
    make_request = getattr(module.HTTPConnectionPool, "_make_request", None)
    if make_request is None or not hasattr(module.HTTPSConnectionPool, "_prepare_proxy"):
        return False
    parameters = set(inspect.signature(make_request).parameters)
    return parameters >= _NEEDED and not any("multiplex" in name for name in parameters)


def _prepare_proxy(original: Callable[..., Any]) -> Callable[..., Any]:
    def _prepare_proxy(self: Any, conn: Any) -> Any:
        if current() is None or is_passing():
            return original(self, conn)
        conn.__dict__[_DEFERRED] = True
        return None

    return _prepare_proxy


def _make_request(original: Callable[..., Any]) -> Callable[..., Any]:
    def _make_request(
        self: Any, conn: Any, method: str, url: str, *args: Any, **options: Any
    ) -> Any:
        owner = current()
        if owner is None or is_passing() or _is_fake(conn):
            if conn.__dict__.pop(_DEFERRED, False):
                _open_tunnel(self, conn)
            return original(self, conn, method, url, *args, **options)
        __tracebackhide__ = True
        if args:  # urlopen names them all; others may not
            options = _named(original, self, conn, method, url, args, options)
        body, rest = _read(options.get("body"), owner.max_request_body)
        if rest is not None:
            let_through(owner, _written(self, method, url, {**options, "body": None}), "urllib3")
            options["body"] = rest
            return _live(self, conn, method, url, original, options)
        options["body"] = body
        step: Playback | Recording | None = _recalled(owner, self, method, url, options)
        step = step or begin(owner, _written(self, method, url, options), "urllib3")
        if step is None:
            return _live(self, conn, method, url, original, options)
        if isinstance(step, Playback):
            return _replayed(self, conn, method, url, step, options)
        try:
            with streams.teed_to(step):
                return _live(self, conn, method, url, original, options)
        except BaseException as error:
            streams.failed(step, error, _to_failure(error))
            raise

    return _make_request


def _named(
    original: Callable[..., Any],
    pool: Any,
    conn: Any,
    method: str,
    url: str,
    args: tuple[Any, ...],
    options: dict[str, Any],
) -> dict[str, Any]:
    bound = inspect.signature(original).bind(pool, conn, method, url, *args, **options)
    return {
        name: value
        for name, value in bound.arguments.items()
        if name not in {"self", "conn", "method", "url"}
    }


def _live(
    pool: Any, conn: Any, method: str, url: str, original: Callable[..., Any], options: Any
) -> Any:
    with passing():
        if conn.__dict__.pop(_DEFERRED, False):
            _open_tunnel(pool, conn)
        return original(pool, conn, method, url, **options)


def _open_tunnel(pool: Any, conn: Any) -> None:
    """Do what `urlopen` does for a new connection through a proxy."""
    with passing():
        try:
            pool._prepare_proxy(conn)
        except OSError as error:
            pool._raise_timeout(err=error, url=pool.proxy.url, timeout_value=conn.timeout)
            raise


def _read(body: Any, limit: int) -> tuple[Any, Any]:
    """The body as bytes or as a list of its pieces; or, above `limit`, an iterable that resumes it.

    A list is framed by urllib3 as the file or iterable that it was read from would be.
    """
    if body is None:
        return None, None
    if isinstance(body, str):
        body = body.encode()
    if hasattr(body, "read"):
        pieces: Iterable[Any] = _blocks(body)
    else:
        try:
            whole = bytes(memoryview(body))
        except TypeError:
            pieces = body
        else:
            return (whole, None) if len(whole) <= limit else (whole, whole)
    found: list[bytes] = []
    size = 0
    following = iter(pieces)
    for piece in following:
        data = piece.encode() if isinstance(piece, str) else piece
        found.append(bytes(data))
        size += len(found[-1])
        if size > limit:
            return found, chain(found, following)
    return found, None


def _blocks(file: Any) -> Iterator[bytes]:
    while block := file.read(_READ_SIZE):
        yield block.encode() if isinstance(file, io.TextIOBase) else block


def _written(pool: Any, method: str, url: str, options: dict[str, Any]) -> Request:
    """Return the request that urllib3 puts on the wire, by having a connection of its own write to memory."""
    stand_in: Any = _own_connection()(pool.host, pool.port)
    stand_in.default_port = 443 if pool.scheme == "https" else 80
    stand_in.sock = streams.MemorySocket()
    with passing():
        stand_in.request(
            method,
            url,
            body=options["body"],
            headers=options.get("headers"),
            chunked=options.get("chunked", False),
            preload_content=options.get("preload_content", True),
            decode_content=options.get("decode_content", True),
            enforce_content_length=options.get("enforce_content_length", True),
        )
    return _to_request(pool, url, bytes(stand_in.sock.sent))


def _recalled(
    owner: Owner, pool: Any, method: str, url: str, options: dict[str, Any]
) -> Playback | None:
    """Return the answer to a request that its owner knows by its bytes, before any of it is written.

    What urllib3 writes follows from what it is given, so that stands for the head. Only the length of the body
    is left out, where it is the true one. A body that is sent in chunks is for the long way.
    """
    body, headers = options["body"], options.get("headers")
    if options.get("chunked") or isinstance(body, list):
        return None
    length = str(len(body or b""))
    lines: list[tuple[str, str]] = []
    for name, value in headers.items() if headers else ():
        if not isinstance(name, str) or not isinstance(value, str):
            return None
        match name.lower():
            case "transfer-encoding":
                return None
            case "content-length" if value == length:
                lines.append((name, ""))
            case _:
                lines.append((name, value))
    head = (pool.scheme, pool.host, pool.port, method, url, body is None, *lines)
    return recall(
        owner, head, body or b"", partial(_written, pool, method, url, options), "urllib3"
    )


def _to_request(pool: Any, url: str, sent: bytes) -> Request:
    message = parse_request(sent)
    if not url.lower().startswith(("http://", "https://")):  # else in absolute form, for a proxy
        default = 443 if pool.scheme == "https" else 80
        host = pool.host.rstrip(".")
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        port = "" if pool.port in (None, default) else f":{pool.port}"
        url = f"{pool.scheme}://{host}{port}{message.target}"
    return Request(
        method=message.method,
        url=url.partition("#")[0],
        headers=message.headers,
        body=message.body,
    )


def _replayed(
    pool: Any, conn: Any, method: str, url: str, step: Playback, options: dict[str, Any]
) -> Any:
    pool.num_requests += 1
    conn.__dict__.pop(_DEFERRED, None)
    if step.failure is not None:
        if step.delay_s:
            time.sleep(step.delay_s)
        if _was_beyond_proxy(step.failure, conn):
            conn._has_connected_to_proxy = True  # or urlopen would call it the proxy's failure
        raise _to_error(step.failure, pool, conn, url)
    if step.response is None:
        time.sleep(step.waits_s or 0.0)
        raise step.unanswered()
    inner = streams.answered(step, method, _patience(options) if step.was_left else None)
    response = _answer(inner, method, url, options)
    response.retries = options.get("retries")
    response._connection = options.get("response_conn")
    response._pool = pool
    return response


def _patience(options: dict[str, Any]) -> float | None:
    """Return how many seconds the client waits for bytes; None where it does so for ever."""
    timeout: Any = options.get("timeout")
    if not hasattr(timeout, "read_timeout"):
        return None
    begun = timeout.clone()
    begun.start_connect()
    seconds = begun.read_timeout
    return seconds if isinstance(seconds, int | float | None) else getdefaulttimeout()


def _answer(inner: Any, method: str, url: str, options: dict[str, Any]) -> Any:
    """Return urllib3's response over one of `http.client`, as urllib3's own `getresponse` does."""
    from urllib3._collections import HTTPHeaderDict
    from urllib3.response import HTTPResponse

    return HTTPResponse(
        body=inner,
        headers=HTTPHeaderDict(inner.headers.items()),
        status=inner.status,
        version=inner.version,
        reason=inner.reason,
        preload_content=options.get("preload_content", True),
        decode_content=options.get("decode_content", True),
        original_response=inner,
        enforce_content_length=options.get("enforce_content_length", True),
        request_method=method,
        request_url=url,
        **_newer_options(),
    )


@cache
def _newer_options() -> dict[str, Any]:
    """Return the arguments that newer versions of urllib3 give to a response besides."""
    from urllib3.response import HTTPResponse

    told = {"version_string": "HTTP/1.1", "sock_shutdown": streams.MemorySocket().shutdown}
    known = inspect.signature(HTTPResponse).parameters
    return {name: value for name, value in told.items() if name in known}


def _was_beyond_proxy(failure: Failure, conn: Any) -> bool:
    """Whether a connection through a proxy had got past it; to a plain one no TLS is spoken."""
    if failure.kind == "tls":
        return conn.proxy is not None and conn.proxy.scheme == "http"
    return failure.kind not in BEFORE_WAITING


def _to_failure(error: BaseException) -> Failure:
    return Failure(kind=_kind(error), type=name_of(error), args=_arguments(error))


def _kind(error: BaseException) -> str:
    from urllib3 import exceptions

    match error:
        case exceptions.NameResolutionError():
            return "dns"
        case exceptions.NewConnectionError():
            return "refused" if "refused" in str(error).lower() else "network"
        case exceptions.ConnectTimeoutError():
            return "connect-timeout"
        case exceptions.ReadTimeoutError():
            return "read-timeout"
        case exceptions.SSLError():
            return "tls"
        case exceptions.ProxyError():
            return "proxy"
        case exceptions.HTTPError():
            return "protocol"
    return kind_of(error, connecting=False)


def _arguments(error: BaseException) -> tuple[str, ...]:
    """The texts from which `_rebuilt` makes the error: no pool, no connection; a cause is spelt out."""
    from urllib3 import exceptions

    match error:
        case exceptions.NameResolutionError():
            # The private names came with 2.5; `raise ... from` has the reason before.
            host = getattr(error, "_host", error.conn.host)
            reason = getattr(error, "_reason", error.__cause__)
            return (host, *map(str, reason.args if reason else ()))
        case exceptions.PoolError() | exceptions.NewConnectionError():
            message = getattr(error, "_message", None)
            return (str(message or str(error).partition(": ")[2]),)
        case exceptions.ConnectTimeoutError():
            return tuple(map(str, error.args[1:]))
    texts: list[str] = []
    for argument in error.args:
        if isinstance(argument, BaseException):
            return (*texts, name_of(argument), *_arguments(argument))
        texts.append(str(argument))
    return tuple(texts)


def _to_error(failure: Failure, pool: Any, conn: Any, url: str) -> Exception:
    try:
        error = _rebuilt(failure.type, failure.args, pool, conn, url)
    except (TypeError, ValueError, IndexError):  # not what that class was ever made of
        error = None
    if error is not None:
        return error
    # Recorded by another client: urllib3's own error of that kind.
    failed = "Failed to establish a new connection"
    kinds = {
        "refused": ("NewConnectionError", f"{failed}: [Errno 111] Connection refused"),
        "network": ("NewConnectionError", failed),
        "dns": ("NewConnectionError", f"Failed to resolve {pool.host!r}"),
        "connect-timeout": ("ConnectTimeoutError", f"Connection to {pool.host} timed out."),
        "read-timeout": ("ReadTimeoutError", "Read timed out."),
    }
    name, text = kinds.get(failure.kind, ("", ""))
    error = _rebuilt(f"urllib3.exceptions.{name}", (text,), pool, conn, url) if name else None
    return error or to_error(failure)


def _rebuilt(name: str, args: tuple[str, ...], pool: Any, conn: Any, url: str) -> Exception | None:
    from urllib3 import exceptions

    module, _, class_name = name.rpartition(".")
    if module != "urllib3.exceptions":
        return rebuilt(name, args)
    cls: Any = getattr(exceptions, class_name, None)
    if not (isinstance(cls, type) and issubclass(cls, exceptions.HTTPError)):
        return None
    error: Exception
    if issubclass(cls, exceptions.NameResolutionError):
        reason: Any = rebuilt("socket.gaierror", args[1:])
        error = cls(args[0], conn, reason)
    elif issubclass(cls, exceptions.RequestError):
        error = cls(pool, url, *args)
    elif issubclass(cls, exceptions.PoolError):
        error = cls(pool, *args)
    elif issubclass(cls, exceptions.ConnectTimeoutError):
        error = cls(conn, *args)
    else:
        values: list[Any] = list(args)
        for number, text in enumerate(args):
            cause = _rebuilt(text, args[number + 1 :], pool, conn, url) if "." in text else None
            if cause is not None:
                values[number:] = [cause]
                break
        error = cls(*values)
    return error
