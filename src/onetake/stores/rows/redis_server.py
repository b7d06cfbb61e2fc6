"""The border to redis-py: a client of one server or cluster, its errors, and whose namespace it is.

What is asked is a step, run again after a pause while the connection fails. What a lost connection leaves
unknown (did the command run?) is the step's to find out: it is told that it is a further try.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from onetake.errors import CassetteError, StoreError, UsageError
from onetake.runtime.context import passing
from onetake.stores.port import PATIENCE, Patience

_FORMAT = b"onetake 1"
_NAMESPACE = re.compile(r"[\w.:/-]+", re.ASCII)
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 1.0
_SHOWN = {"db", "namespace", "cluster"}  # of a URL's query; any other value may be a secret

_T = TypeVar("_T")


class RedisServer:
    """The server or cluster at `url`, and a `namespace` of it. Nothing is connected before the first use."""

    def __init__(
        self, url: str, *, namespace: str = "onetake", patience: Patience = PATIENCE
    ) -> None:
        try:
            parts = urlsplit(url)
            address = parts.hostname or "localhost"
            address = f"[{address}]" if ":" in address else address
            address += f":{parts.port}" if parts.port else ""
        except ValueError:
            raise _bad_url() from None  # the reason may quote a part of the password
        if parts.scheme not in {"redis", "rediss"}:
            raise _bad_url()
        query = parse_qsl(parts.query, keep_blank_values=True)
        own = {name: value for name, value in query if name in {"namespace", "cluster"}}
        self.namespace = own.get("namespace", namespace)
        if not _NAMESPACE.fullmatch(self.namespace):
            raise UsageError(
                f"The namespace {self.namespace!r} is refused.",
                remedy="Use letters, digits and . : / _ - in it.",
            )
        shown = urlencode([(name, value) for name, value in query if name in _SHOWN], safe="/:")
        self.place = urlunsplit((parts.scheme, address, parts.path, shown, ""))
        rest = urlencode([(name, value) for name, value in query if name not in own])
        self._url = urlunsplit((parts.scheme, parts.netloc, parts.path, rest, ""))
        self._wants_cluster = own.get("cluster", "").lower() in {"1", "true", "yes", "on"}
        self._timeouts = {
            "socket_connect_timeout": patience.connect_s,
            "socket_timeout": patience.command_s,
        }
        self._retries = patience.retries
        self._own = _Own()

    @property
    def _marker(self) -> str:
        """The key that says whose the namespace is."""
        return f"{self.namespace}:format"

    def close(self) -> None:
        """Give connections back. It may be used again."""
        own, self._own = self._own, _Own()
        if own.pid == os.getpid():
            own.close()

    def run(
        self,
        step: Callable[[Any, bool], _T],
        *,
        writing: bool = False,
        retries: int | None = None,
    ) -> _T:
        """`step(client, is_a_further_try)`, again after a pause while the connection fails."""
        redis = library()
        retries = self._retries if retries is None else retries
        tried = 0
        while True:
            try:
                with passing(), self._own_in_use() as own:
                    return step(self._client(own, writing=writing), tried > 0)
            except (redis.RedisError, redis.exceptions.RedisClusterException, OSError) as error:
                if tried >= retries or not _may_pass(error):
                    raise self._translated(error) from error
            time.sleep(min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**tried))
            tried += 1

    @contextmanager
    def _own_in_use(self) -> Iterator[_Own]:
        """What this process has; `close` in another thread leaves it open until the end of this."""
        own = self._own
        while own.pid != os.getpid() or not own.enter():
            if self._own is own:  # neither sockets nor locks cross a fork
                self._own = _Own()
            own = self._own
        try:
            yield own
        finally:
            own.leave()

    def _client(self, own: _Own, *, writing: bool) -> Any:
        """The client. The namespace's marker is checked, and made if `writing`."""
        if own.client is None:
            # Not under the lock: threads that wait for a dead server wait side by side.
            client = self._connected()
            with own.lock:
                if own.client is None:
                    own.client, client = client, None
            if client is not None:
                client.close()
        if writing and not own.is_marked:
            key = self._marker
            with own.client.pipeline(transaction=False) as pipe:
                pipe.set(key, _FORMAT, nx=True)
                pipe.get(key)
                self._check(pipe.execute()[1])
            own.is_marked = True
        return own.client

    def _connected(self) -> Any:
        """A new client that has talked to the server."""
        redis = library()
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        key = self._marker

        def make(kind: Any) -> Any:
            try:
                return kind.from_url(
                    self._url, protocol=2, retry=Retry(NoBackoff(), 0), **self._timeouts
                )
            except (TypeError, ValueError, AttributeError):
                raise _bad_url() from None

        if not self._wants_cluster:
            client = make(redis.Redis)
            try:
                with client.pipeline(transaction=False) as pipe:
                    pipe.info("cluster")
                    pipe.get(key)
                    told, marker = pipe.execute(raise_on_error=False)
                is_one = not (isinstance(told, dict) and told.get("cluster_enabled"))
                if is_one and not isinstance(marker, redis.exceptions.AskError):  # or MovedError
                    if isinstance(marker, Exception):
                        raise marker
                    self._check(marker)
                    return client
            except TypeError:  # redis-py finds unknown options as late as this
                client.close()
                raise _bad_url() from None
            except BaseException:
                client.close()
                raise
            client.close()
        client = make(redis.RedisCluster)
        try:
            self._check(client.get(key))
        except BaseException:
            client.close()
            raise
        return client

    def _check(self, marker: bytes | None) -> None:
        """Raises `StoreError` where the namespace has another marker than ours."""
        if marker is None or marker == _FORMAT:
            return
        if marker.startswith(b"onetake "):
            version = marker[8:40].decode("utf-8", "replace")
            message = (
                f"{self.place} has the format {version!r} in the namespace {self.namespace!r}, "
                "which is newer than this onetake's '1'."
            )
            remedy = "Update onetake, or use another namespace."
        else:
            message = (
                f"The namespace {self.namespace!r} of {self.place} belongs to another program."
            )
            remedy = "Use another namespace (?namespace=NAME)."
        raise StoreError(message, remedy=remedy, path=self.place)

    def _translated(self, error: BaseException) -> CassetteError | StoreError:
        if "WRONGTYPE" in str(error):
            return CassetteError(
                f"A key of the namespace {self.namespace!r} of {self.place} was written by another "
                "program.",
                remedy="Delete it and record anew, or use another namespace (?namespace=NAME).",
                path=self.place,
            )
        reason, remedy = _reason(error)
        return StoreError(
            f"The store {self.place} cannot be used: {reason}.", remedy=remedy, path=self.place
        )


class _Own:
    """What one process has, and how many of its threads are using it."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = Lock()
        self.client: Any = None
        self.is_marked = False
        self._users = 0
        self._is_closed = False

    def enter(self) -> bool:
        """False where it is closed."""
        with self.lock:
            self._users += not self._is_closed
            return not self._is_closed

    def leave(self) -> None:
        with self.lock:
            self._users -= 1
        self._close_unused()

    def close(self) -> None:
        """Once the last has left."""
        with self.lock:
            self._is_closed = True
        self._close_unused()

    def _close_unused(self) -> None:
        client = None
        with self.lock:
            if self._is_closed and not self._users:
                client, self.client = self.client, None
        if client is not None:
            client.close()


def library() -> Any:
    try:
        import redis
    except ImportError as error:
        raise UsageError(
            "A redis:// store needs the package redis, which is not installed.",
            remedy="pip install 'onetake[redis]'",
        ) from error
    return redis


def _bad_url() -> UsageError:
    return UsageError(
        "The URL of the Redis store is not understood.",
        remedy="Write redis://[user:password@]host[:port][/database]; %-encode / : @ ? # in passwords.",
    )


# Nodes. `None` names the only one.


def is_cluster(client: Any) -> bool:
    return isinstance(client, library().RedisCluster)


def primaries(client: Any) -> list[str | None]:
    if not is_cluster(client):
        return [None]
    return [node.name for node in client.get_primaries()]


def client_of(client: Any, name: str | None) -> Any:
    """A client of that node alone."""
    if name is None:
        return client
    return client.get_redis_connection(client.get_node(node_name=name))


# Errors.


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _may_pass(error: BaseException) -> bool:
    """Whether the same may succeed in a moment: the connection failed, or the cluster is changing."""
    known = library().exceptions
    lasting = (known.AuthenticationError, known.AuthorizationError, ssl.SSLError)
    if any(isinstance(one, lasting) for one in _chain(error)):
        return False
    return isinstance(
        error,
        (
            known.ConnectionError,
            known.TimeoutError,
            known.RedisClusterException,
            known.ClusterDownError,
            known.TryAgainError,
            known.AskError,
            OSError,
        ),
    )


def _reason(error: BaseException) -> tuple[str, str]:
    """Why, in the words of whoever must act, and what to do. Never quotes a command or its data."""
    known = library().exceptions
    errors = list(_chain(error))
    text = " ".join(str(one) for one in errors)
    reach = "Start the server, or correct the store's URL."

    def has(*kinds: type[BaseException]) -> bool:
        return any(isinstance(one, kinds) for one in errors)

    if has(known.AuthenticationError, known.AuthenticationWrongNumberOfArgsError) or re.search(
        r"WRONGPASS|NOAUTH|invalid password|invalid username-password", text
    ):
        return (
            "it refuses the user or password",
            "Correct the user and password in the store's URL.",
        )
    if has(known.NoPermissionError) or "NOPERM" in text:
        return (
            "the user lacks a permission (ACL)",
            "Allow the user the data commands on the namespace's keys, or use another user.",
        )
    if has(ssl.SSLError, ssl.CertificateError) or "SSL" in text:
        return (
            "no TLS connection could be made",
            "Use redis:// for a server without TLS, or give its authority (?ssl_ca_certs=FILE).",
        )
    if has(known.ReadOnlyError) or "READONLY" in text:
        return "it is a read-only replica", "Use the primary's address."
    if has(known.OutOfMemoryError) or re.search(r"\bOOM\b", text):
        return (
            "its memory is full (maxmemory, noeviction)",
            "Remove cassettes, or raise the server's maxmemory.",
        )
    if "MISCONF" in text:
        return "it cannot save to its disk and refuses writes", "Repair the server's persistence."
    if "NOREPLICAS" in text:
        return "it has too few replicas to write", "Bring the replicas back."
    if has(known.BusyLoadingError):
        return "it is still loading its data", "Run again in a moment."
    if has(known.ClusterDownError, known.SlotNotCoveredError) or "CLUSTERDOWN" in text:
        return "the cluster is down or incomplete", "Repair the cluster."
    if has(socket.gaierror):
        return "its host name is not known", reach
    if has(ConnectionRefusedError) or "refused" in text:
        return "the connection was refused", reach
    if has(known.TimeoutError, TimeoutError):
        return "it did not answer in time", reach
    if has(known.WatchError):
        return "too many others write at this moment", "Run again."
    if has(known.AskError):
        return "the cluster is being changed", "Run again in a moment."
    if re.search(r"'db'|\bdb index|\bdatabase", text, re.IGNORECASE):
        return (
            "it does not have this database",
            "Use another database number; a cluster has only 0.",
        )
    if has(known.ConnectionError, known.RedisClusterException, OSError):
        return "the connection failed", reach
    word = re.search(r"(?:caused error: |^)([A-Z]{3,20}) ", str(error))
    return (
        f"it answered with the error {word[1]}" if word else "it answered with an error",
        "Check the server; onetake needs Redis 6 or Valkey.",
    )
