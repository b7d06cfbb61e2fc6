"""Recordings in Redis or Valkey (6 and later, one node or a cluster): a store shared by machines.

All keys begin with the namespace. A cassette is one hash, slot to data, with a few fields of our own,
whose names begin with `!`. What a lost connection leaves unknown (did the command run?) is found out when
it is tried again, so an append never takes its own rows for another writer's.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from onetake.stores.names import digest, to_name
from onetake.stores.port import PATIENCE, Capacity, Claim, Held, Patience, Row
from onetake.stores.rows.redis_server import RedisServer, client_of, is_cluster, library, primaries

_NAME, _BORN, _VERSION, _RUN = b"!name", b"!born", b"!version", b"!run"
_OURS = (_NAME, _BORN, _VERSION, _RUN)
_SCAN_COUNT = 500
_CLAIMS_AT_ONCE = 500
_ROUNDS = 200  # of an optimistic change; each lost one means that somebody else's went through

_T = TypeVar("_T")


class RedisStore:
    """Every cassette under `namespace` of the server at `url` (`redis://`, `rediss://`).

    The URL's query may name the `namespace` and say `cluster=true`; a cluster is also found by asking.
    All else in it is for redis-py. Nothing is connected before the first use.
    """

    def __init__(
        self, url: str, *, namespace: str = "onetake", patience: Patience = PATIENCE
    ) -> None:
        self._server = RedisServer(url, namespace=namespace, patience=patience)
        self.place = self._server.place
        self._namespace = self._server.namespace
        self._run = self._server.run

    # Rows.

    def read(self, cassette: str, *, known: str = "", slots: Collection[str] | None = None) -> Held:
        key = self._cassette_key(cassette)
        fields = None if slots is None else [_BORN, _VERSION, *map(_to_field, slots)]

        def step(client: Any, _again: bool) -> Held:
            if known and _version(client.hmget(key, [_BORN, _VERSION])) == known:
                return Held((), known, True)
            held: dict[bytes, bytes | None]
            if fields is None:
                held = client.hgetall(key)
            else:
                held = dict(zip(fields, client.hmget(key, fields), strict=True))
            version = _version([held.get(_BORN), held.get(_VERSION)])
            if version == known:
                return Held((), version, bool(version))
            rows = (
                Row(_to_slot(field), data)
                for field, data in held.items()
                if field not in _OURS and data is not None
            )
            return Held(tuple(rows), version)

        return self._run(step)

    def names(self, cassette: str | None = None) -> Iterator[str]:
        if cassette is not None:
            key = self._cassette_key(cassette)
            fields = self._run(lambda client, _again: list(client.hkeys(key)))
            yield from (_to_slot(field) for field in fields if field not in _OURS)
            return
        seen: set[bytes] = set()
        for node in self._run(lambda client, _again: primaries(client)):
            cursor: int | None = 0
            while cursor is not None:
                cursor, names = self._scanned(node, cursor)
                for name in names:
                    if name not in seen:  # a scan may tell one twice
                        seen.add(name)
                        yield to_name(name)

    def _scanned(self, node: str | None, cursor: int) -> tuple[int | None, list[bytes]]:
        """Return where to go on (None: that was all) and the names of some cassettes."""
        pattern = f"{self._namespace}:c:{{*}}"

        def scan(client: Any, _again: bool) -> tuple[int | None, list[bytes]]:
            alone = client_of(client, node)
            following, keys = alone.scan(cursor, match=pattern, count=_SCAN_COUNT)
            return int(following) or None, list(keys)

        following, keys = self._run(scan)

        def read(client: Any, _again: bool) -> list[bytes]:
            with client_of(client, node).pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.hget(key, _NAME)
                return [name for name in pipe.execute() if name is not None]

        return following, self._run(read) if keys else []

    def append(
        self, cassette: str, rows: Sequence[Row], *, replacing_run: str | None = None
    ) -> frozenset[str]:
        key, born = self._cassette_key(cassette), secrets.token_hex(8)
        name, run = _encoded(cassette), None if replacing_run is None else _encoded(replacing_run)

        def add(pipe: Any) -> None:
            for row in rows:
                pipe.hsetnx(key, _to_field(row.slot), row.data)
            pipe.hsetnx(key, _NAME, name)
            pipe.hsetnx(key, _BORN, born)
            pipe.hincrby(key, _VERSION, 1)

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
        key = self._cassette_key(cassette)

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
                pipe.delete(key)

        def step(client: Any, _again: bool) -> int:
            _, results = _optimistically(client, key, take)
            if not results or slots is not None:
                return int(results[0]) if results else 0
            return int(results[0]) - sum(value is not None for value in results[1])

        return self._run(step, writing=True)

    def rewrite(self, cassette: str, rows: Sequence[Row], *, known: str) -> bool:
        key = self._cassette_key(cassette)
        fields = {_to_field(row.slot): row.data for row in rows}

        def put(pipe: Any) -> bool:
            version = _version(pipe.hmget(key, [_BORN, _VERSION]))
            there = set(pipe.hkeys(key))
            pipe.multi()
            if not version or version != known:
                return False
            if own := {field: data for field, data in fields.items() if field in there}:
                pipe.hset(key, mapping=own)
            pipe.hincrby(key, _VERSION, 1)
            return True

        return self._run(lambda client, _again: _optimistically(client, key, put)[0], writing=True)

    # Claims.

    def claim(self, name: str, holder: str, ttl_s: float) -> Claim:
        key, own, until = self._key("claim", digest(name)), _claim(holder), _until(ttl_s)

        def renew(pipe: Any) -> Claim:
            found = pipe.get(key)
            pipe.multi()
            if found is None or found.startswith(own):
                pipe.set(key, found or own, **until)
            return _told(found or own, own)

        def step(client: Any, _again: bool) -> Claim:
            with client.pipeline(transaction=False) as pipe:
                pipe.set(key, own, nx=True, **until)
                pipe.get(key)
                is_new, found = pipe.execute()
            if is_new:
                return Claim(True, holder=holder)
            if found is not None and not found.startswith(own):
                return _told(found, own)
            return _optimistically(client, key, renew)[0]

        return self._run(step, writing=True)

    def settle(self, name: str, holder: str, data: bytes, ttl_s: float) -> None:
        key = self._key("claim", digest(name))
        self._run(
            lambda client, _again: client.set(key, _claim(holder) + data, **_until(ttl_s)),
            writing=True,
        )

    def release(self, names: Sequence[str], holder: str) -> None:
        own, keys = _claim(holder), [self._key("claim", digest(name)) for name in names]

        def give_free(pipe: Any, some: Sequence[bytes]) -> None:
            found = [pipe.get(key) for key in some] if len(some) == 1 else pipe.mget(some)
            pipe.multi()
            for key, value in zip(some, found, strict=True):
                if value is not None and value.startswith(own):
                    pipe.delete(key)

        def step(client: Any, _again: bool) -> None:
            # Keys of a cluster lie on many nodes, and a transaction on one.
            at_once = 1 if is_cluster(client) else _CLAIMS_AT_ONCE
            for at in range(0, len(keys), at_once):
                some = keys[at : at + at_once]
                _optimistically(client, some, partial(give_free, some=some))

        self._run(step, writing=True)

    def capacity(self) -> Capacity | None:
        def step(client: Any, _again: bool) -> Capacity | None:
            try:
                told = [client_of(client, node).info("memory") for node in primaries(client)]
            except library().exceptions.NoPermissionError:
                return None  # an ACL may well hide it
            limits = [int(one.get("maxmemory", 0)) for one in told]
            if not limits or 0 in limits:
                return None
            return Capacity(sum(int(one["used_memory"]) for one in told), sum(limits))

        return self._run(step, retries=0)  # a run that ends does not wait for it

    def close(self) -> None:
        self._server.close()

    # Keys.

    def _key(self, kind: str, name: str) -> bytes:
        return _encoded(f"{self._namespace}:{kind}:{name}")

    def _cassette_key(self, cassette: str) -> bytes:
        return self._key("c", f"{{{digest(cassette)}}}")


def _optimistically(
    client: Any, key: bytes | Sequence[bytes], change: Callable[[Any], _T]
) -> tuple[_T, list[Any]]:
    """What `change` gave and the results of what it queued, run only if nobody touched `key`.

    `change` reads, calls `multi` and queues; it is called anew where somebody else was faster.
    """
    watch_error = library().WatchError
    for _ in range(_ROUNDS - 1):
        with suppress(watch_error):
            return _try_once(client, key, change)
    return _try_once(client, key, change)


def _try_once(
    client: Any, key: bytes | Sequence[bytes], change: Callable[[Any], _T]
) -> tuple[_T, list[Any]]:
    with client.pipeline(transaction=True) as pipe:
        pipe.watch(*([key] if isinstance(key, bytes) else key))
        told = change(pipe)
        return told, pipe.execute()


# Names and values.


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _claim(holder: str) -> bytes:
    """What a claim's value begins with; behind it comes what the holder has left."""
    return _encoded(holder) + b"\0"


def _told(value: bytes, own: bytes) -> Claim:
    holder, _, data = value.partition(b"\0")
    return Claim(value.startswith(own), data, to_name(holder))


def _to_field(slot: str) -> bytes:
    return _encoded(f"!{slot}" if slot.startswith("!") else slot)


def _to_slot(field: bytes) -> str:
    return to_name(field).removeprefix("!")


def _until(ttl_s: float) -> dict[str, int]:
    """Return the option by which a value ends after a time, none where it never does."""
    return {} if math.isinf(ttl_s) else {"px": max(1, round(ttl_s * 1000))}


def _version(told: Sequence[bytes | None]) -> str:
    """Make a version of birth and counter, unlike any before, also after the cassette was made anew."""
    return to_name(b".".join(part or b"" for part in told)) if any(told) else ""
