"""Recordings in Redis or Valkey (6 and later, one node or a cluster): a store shared by machines.

All keys begin with the namespace. A cassette is one hash, slot to data, with a few fields of our own,
whose names begin with `!`; it and its history share a cluster slot, so that MULTI holds over both.
What a lost connection leaves unknown (did the command run?) is found out when it is tried again, so an
append never takes its own rows for another writer's.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from onetake.errors import StoreError, UsageError
from onetake.stores.names import digest
from onetake.stores.port import Capacity, Held, Row

_FORMAT = b"onetake 1"
_NAME, _BORN, _VERSION, _RUN = b"!name", b"!born", b"!version", b"!run"
_OURS = (_NAME, _BORN, _VERSION, _RUN)
_NAMESPACE = re.compile(r"[\w.:/-]+", re.ASCII)
_SCAN_COUNT = 500
_BLOBS_AT_ONCE = 50
_ROUNDS = 200  # of an optimistic change; each lost one means that somebody else's went through
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 1.0
_SHOWN = {"db", "namespace", "cluster"}  # of a URL's query; any other value may be a secret

_T = TypeVar("_T")


class RedisStore:
    """Every cassette under `namespace` of the server at `url` (`redis://`, `rediss://`).

    The URL's query may name the `namespace` and say `cluster=true`; a cluster is also found by asking.
    All else in it is for redis-py. Nothing is connected before the first use.
    """

    def __init__(
        self,
        url: str,
        *,
        namespace: str = "onetake",
        connect_timeout_s: float = 2.0,
        command_timeout_s: float = 5.0,
        retries: int = 2,
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
        self._namespace = own.get("namespace", namespace)
        if not _NAMESPACE.fullmatch(self._namespace):
            raise UsageError(
                f"The namespace {self._namespace!r} is refused.",
                remedy="Use letters, digits and . : / _ - in it.",
            )
        shown = urlencode([(name, value) for name, value in query if name in _SHOWN], safe="/:")
        self.place = urlunsplit((parts.scheme, address, parts.path, shown, ""))
        rest = urlencode([(name, value) for name, value in query if name not in own])
        self._url = urlunsplit((parts.scheme, parts.netloc, parts.path, rest, ""))
        self._wants_cluster = own.get("cluster", "").lower() in {"1", "true", "yes", "on"}
        self._timeouts = {
            "socket_connect_timeout": connect_timeout_s,
            "socket_timeout": command_timeout_s,
        }
        self._retries = retries
        self._own = _Own()

    # Rows.

    def read(self, cassette: str, *, known: str = "") -> Held:
        key = self._cassette_key(cassette)

        def step(client: Any, _again: bool) -> Held:
            if known and _version(client.hmget(key, [_BORN, _VERSION])) == known:
                return Held((), known, True)
            fields: dict[bytes, bytes] = client.hgetall(key)
            if not fields:
                return Held()
            version = _version([fields.get(_BORN), fields.get(_VERSION)])
            if version == known:
                return Held((), version, True)
            rows = tuple(
                Row(_to_slot(field), data) for field, data in fields.items() if field not in _OURS
            )
            return Held(rows, version)

        return self._run(step)

    def append(
        self,
        cassette: str,
        rows: Sequence[Row],
        *,
        replacing_run: str | None = None,
        keep_s: float | None = None,
    ) -> frozenset[str]:
        key, history = self._cassette_key(cassette), self._history_key(cassette)
        name, run = _encoded(cassette), None if replacing_run is None else _encoded(replacing_run)
        born = secrets.token_hex(8)

        def add(pipe: Any) -> None:
            for row in rows:
                pipe.hsetnx(key, _to_field(row.slot), row.data)
            pipe.hsetnx(key, _NAME, name)
            pipe.hsetnx(key, _BORN, born)
            pipe.hincrby(key, _VERSION, 1)
            for one in (key, history):
                if keep_s is None:
                    pipe.persist(one)
                else:
                    pipe.pexpire(one, _to_ms(keep_s))

        def replace(pipe: Any) -> int:
            is_new = pipe.hget(key, _RUN) != run
            pipe.multi()
            if is_new:
                pipe.delete(key)
                pipe.hset(key, _RUN, run)
            add(pipe)
            return 2 if is_new else 0

        def step(client: Any, again: bool) -> frozenset[str]:
            if run is None:
                with client.pipeline(transaction=True) as pipe:
                    add(pipe)
                    results = pipe.execute()
            else:
                skipped, results = _optimistically(client, key, replace)
                results = results[skipped:]
            done = {row.slot for row, result in zip(rows, results, strict=False) if result}
            missed = [row for row in rows if row.slot not in done] if again else []
            if missed:  # the try before this one may have got through unheard
                there = client.hmget(key, [_to_field(row.slot) for row in missed])
                done |= {
                    row.slot for row, data in zip(missed, there, strict=True) if data == row.data
                }
            return frozenset(done)

        return self._run(step, writing=True)

    def remove(self, cassette: str, slots: Sequence[str] | None = None, *, known: str = "") -> int:
        key, history = self._cassette_key(cassette), self._history_key(cassette)

        def take(pipe: Any) -> None:
            version = _version(pipe.hmget(key, [_BORN, _VERSION]))
            is_there = bool(version) and (not known or version == known)
            pipe.multi()
            if is_there and slots:
                pipe.hdel(key, *map(_to_field, slots))
                pipe.hincrby(key, _VERSION, 1)
            elif slots is None and (is_there or not known):
                pipe.hlen(key)
                pipe.hmget(key, list(_OURS))
                pipe.delete(key, history)

        def step(client: Any, _again: bool) -> int:
            _, results = _optimistically(client, key, take)
            if not results or slots is not None:
                return int(results[0]) if results else 0
            return int(results[0]) - sum(value is not None for value in results[1])

        return self._run(step, writing=True)

    def cassettes(self) -> Iterator[str]:
        seen: set[bytes] = set()
        for node in self._run(lambda client, _again: _primaries(client)):
            cursor: int | None = 0
            while cursor is not None:
                cursor, names = self._scanned(node, cursor)
                for name in names:
                    if name not in seen:  # a scan may tell one twice
                        seen.add(name)
                        yield name.decode("utf-8", "surrogatepass")

    def _scanned(self, node: str | None, cursor: int) -> tuple[int | None, list[bytes]]:
        """Where to go on (None: that was all) and the names of some cassettes."""

        def step(client: Any, _again: bool) -> tuple[int | None, list[bytes]]:
            alone = _node(client, node)
            following, keys = alone.scan(
                cursor, match=f"{self._namespace}:c:{{*}}", count=_SCAN_COUNT
            )
            with alone.pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.hget(key, _NAME)
                names = pipe.execute() if keys else []
            return int(following) or None, [name for name in names if name is not None]

        return self._run(step)

    # Blobs.

    def blobs(self, names: Sequence[str]) -> dict[str, bytes]:
        if not names:
            return {}
        keys = [self._key("b", name) for name in names]

        def step(client: Any, _again: bool) -> list[bytes | None]:
            if not _is_cluster(client):
                return list(client.mget(keys))
            with client.pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.get(key)
                return list(pipe.execute())

        found = zip(names, self._run(step), strict=True)
        return {name: data for name, data in found if data is not None}

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        if not blobs:
            return

        moments = dict.fromkeys(map(_encoded, blobs), time.time())

        def step(client: Any, _again: bool) -> None:
            with client.pipeline(transaction=False) as pipe:
                pipe.zadd(self._puts_key, moments)  # before: see `remove_blobs`
                for name, data in blobs.items():
                    pipe.set(self._key("b", name), data, nx=True)
                pipe.execute()

        self._run(step, writing=True)

    def old_blobs(self, older_than_s: float) -> list[str]:
        latest = time.time() - older_than_s

        def step(client: Any, _again: bool) -> list[bytes]:
            return list(client.zrangebyscore(self._puts_key, "-inf", latest))

        return [name.decode("utf-8", "surrogatepass") for name in self._run(step)]

    def remove_blobs(self, names: Sequence[str], older_than_s: float) -> int:
        latest = time.time() - older_than_s
        some = (names[at : at + _BLOBS_AT_ONCE] for at in range(0, len(names), _BLOBS_AT_ONCE))
        return sum(self._remove_blobs(these, latest) for these in some)

    def _remove_blobs(self, names: Sequence[str], latest: float) -> int:
        """Blobs and the set of moments share no cluster slot. So the moment goes first, then the blob,
        and where there is a moment again by then, the blob comes back: whoever puts one tells the
        moment before the blob.
        """
        held, gone = self.blobs(names), set[str]()

        def forget(pipe: Any) -> list[str]:
            scores = {name: pipe.zscore(self._puts_key, _encoded(name)) for name in held}
            old = [name for name, at in scores.items() if at is not None and at <= latest]
            pipe.multi()
            if old:
                pipe.zrem(self._puts_key, *map(_encoded, old))
            return old

        def step(client: Any, _again: bool) -> list[str]:
            gone.update(_optimistically(client, self._puts_key, forget)[0])
            with client.pipeline(transaction=False) as pipe:
                for name in gone:
                    pipe.delete(self._key("b", name))
                pipe.execute()
            return [n for n in gone if client.zscore(self._puts_key, _encoded(n)) is not None]

        put_meanwhile = self._run(step, writing=True) if held else []
        self.put_blobs({name: held[name] for name in put_meanwhile})
        return len(gone) - len(put_meanwhile)

    # Claims, runs, tokens.

    def claim(self, name: str, holder: str, ttl_s: float) -> bool:
        key, own, ttl_ms = self._key("claim", digest(name)), _encoded(holder), _to_ms(ttl_s)

        def renew(pipe: Any) -> bool:
            owner = pipe.get(key)
            pipe.multi()
            if owner is None or owner == own:
                pipe.set(key, own, px=ttl_ms)
            return owner is None or owner == own

        def step(client: Any, _again: bool) -> bool:
            if client.set(key, own, nx=True, px=ttl_ms):
                return True
            return _optimistically(client, key, renew)[0]

        return self._run(step, writing=True)

    def release(self, name: str, holder: str) -> None:
        key, own = self._key("claim", digest(name)), _encoded(holder)

        def give_free(pipe: Any) -> None:
            is_own = pipe.get(key) == own
            pipe.multi()
            if is_own:
                pipe.delete(key)

        self._run(lambda client, _again: _optimistically(client, key, give_free), writing=True)

    def history(self, cassette: str) -> list[bytes]:
        key = self._history_key(cassette)
        return self._run(lambda client, _again: list(client.lrange(key, 0, -1)))

    def add_history(self, cassette: str, line: bytes, *, kept: int = 20) -> None:
        key = self._history_key(cassette)

        def step(client: Any, again: bool) -> None:
            if again and client.lrange(key, -1, -1) == [line]:
                return  # the try before got through unheard
            with client.pipeline(transaction=True) as pipe:
                pipe.rpush(key, line)
                pipe.ltrim(key, -kept, -1)
                pipe.execute()

        self._run(step, writing=True)

    def once(self, token: str) -> bool:
        key, own = self._key("once", digest(token)), secrets.token_bytes(12)

        def step(client: Any, again: bool) -> bool:
            return bool(client.set(key, own, nx=True)) or (again and client.get(key) == own)

        return self._run(step, writing=True)

    def capacity(self) -> Capacity | None:
        def step(client: Any, _again: bool) -> Capacity | None:
            try:
                told = [_node(client, node).info("memory") for node in _primaries(client)]
            except _library().exceptions.NoPermissionError:
                return None  # an ACL may well hide it
            limits = [int(one.get("maxmemory", 0)) for one in told]
            if not limits or 0 in limits:
                return None
            return Capacity(sum(int(one["used_memory"]) for one in told), sum(limits))

        return self._run(step)

    def close(self) -> None:
        own, self._own = self._own, _Own()
        if own.pid == os.getpid():
            own.close()

    # Keys.

    def _key(self, kind: str, name: str) -> bytes:
        return _encoded(f"{self._namespace}:{kind}:{name}")

    def _cassette_key(self, cassette: str) -> bytes:
        return self._key("c", f"{{{digest(cassette)}}}")

    @property
    def _puts_key(self) -> bytes:
        return self._key("put", "")[:-1]

    def _history_key(self, cassette: str) -> bytes:
        return self._key("h", f"{{{digest(cassette)}}}")

    # The border: connections, further tries, errors.

    def _run(self, step: Callable[[Any, bool], _T], *, writing: bool = False) -> _T:
        """`step(client, is_a_further_try)`, again after a pause while the connection fails."""
        redis = _library()
        tried = 0
        while True:
            try:
                with self._own_in_use() as own:
                    return step(self._client(own, writing=writing), tried > 0)
            except (redis.RedisError, redis.exceptions.RedisClusterException, OSError) as error:
                if tried >= self._retries or not _may_pass(error):
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
            key = self._key("format", "")[:-1]
            with own.client.pipeline(transaction=False) as pipe:
                pipe.set(key, _FORMAT, nx=True)
                pipe.get(key)
                self._check(pipe.execute()[1])
            own.is_marked = True
        return own.client

    def _connected(self) -> Any:
        """A new client that has talked to the server."""
        redis = _library()
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        key = self._key("format", "")[:-1]

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
                f"{self.place} has the format {version!r} in the namespace {self._namespace!r}, "
                "which is newer than this onetake's '1'."
            )
            remedy = "Update onetake, or use another namespace."
        else:
            message = (
                f"The namespace {self._namespace!r} of {self.place} belongs to another program."
            )
            remedy = "Use another namespace (?namespace=NAME)."
        raise StoreError(message, remedy=remedy, path=self.place)

    def _translated(self, error: BaseException) -> StoreError:
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


def _library() -> Any:
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


def _is_cluster(client: Any) -> bool:
    return isinstance(client, _library().RedisCluster)


def _primaries(client: Any) -> list[str | None]:
    if not _is_cluster(client):
        return [None]
    return [node.name for node in client.get_primaries()]


def _node(client: Any, name: str | None) -> Any:
    """A client of that node alone."""
    if name is None:
        return client
    return client.get_redis_connection(client.get_node(node_name=name))


def _optimistically(client: Any, key: bytes, change: Callable[[Any], _T]) -> tuple[_T, list[Any]]:
    """What `change` gave and the results of what it queued, run only if nobody touched `key`.

    `change` reads, calls `multi` and queues; it is called anew where somebody else was faster.
    """
    watch_error = _library().WatchError
    for _ in range(_ROUNDS - 1):
        with suppress(watch_error):
            return _try_once(client, key, change)
    return _try_once(client, key, change)


def _try_once(client: Any, key: bytes, change: Callable[[Any], _T]) -> tuple[_T, list[Any]]:
    with client.pipeline(transaction=True) as pipe:
        pipe.watch(key)
        told = change(pipe)
        return told, pipe.execute()


# Names and values.


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _to_field(slot: str) -> bytes:
    return _encoded(f"!{slot}" if slot.startswith("!") else slot)


def _to_slot(field: bytes) -> str:
    return field.decode("utf-8", "surrogatepass").removeprefix("!")


def _to_ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _version(told: Sequence[bytes | None]) -> str:
    """Of birth and counter: unlike any before, also after the cassette was removed and made anew."""
    return b".".join(part or b"" for part in told).decode() if any(told) else ""


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
    known = _library().exceptions
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
    known = _library().exceptions
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
    if "WRONGTYPE" in text:
        return (
            "a key of the namespace was written by another program",
            "Use another namespace (?namespace=NAME).",
        )
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
