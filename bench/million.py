"""Section 8: a store with very many interactions against one with few: opening and appending, in turns.

Without the cache in front, so that nothing hides what the store itself does. Both stores are there at the
same time, and each round opens a cassette taken at random from either and adds to it.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench.chats import chat, streamed, takes_of, unalike
from bench.measure import gc_held, timed
from bench.stores import redis_server

BUDGET = 1.2  # times the same with few
_IN_ONE = 50  # interactions of a cassette


def work(store: str, sizes: list[int], rounds: int) -> dict[str, Any]:
    """Median milliseconds by number of interactions. Runs in a worker."""
    from onetake.cassettes.fold import Take
    from onetake.matching import Matcher
    from onetake.stores.shared import SharedCassette

    matcher, chance = Matcher(), random.Random(7)

    def takes_from(*numbers: int) -> list[Take]:
        calls = ((chat if n % 2 else streamed)(n, unalike(n)) for n in numbers)
        return takes_of(calls, matcher.key)

    takes, added = takes_from(*range(_IN_ONE)), iter(range(_IN_ONE, 1 << 30))
    times: dict[str, dict[int, list[float]]] = {
        what: {size: [] for size in sizes} for what in ("open", "append")
    }
    with ExitStack() as stack:
        stores = {}
        begun = time.monotonic()
        for size in sizes:
            made = stores[size] = stack.enter_context(_opened(store))
            first = SharedCassette(made, _name(0), fingerprint=matcher.fingerprint)
            first.publish(takes, matcher.key, replacing_run=None)
            rows = made.read(_name(0)).rows
            for n in range(1, size // _IN_ONE):
                made.append(_name(n), rows)
        filled_s = time.monotonic() - begun
        for turn in range(rounds + 3):
            for size in chance.sample(sizes, len(sizes)):
                name = _name(chance.randrange(size // _IN_ONE))
                one = SharedCassette(stores[size], name, fingerprint=matcher.fingerprint)
                (new,) = takes_from(next(added))
                with gc_held():
                    open_ms = timed(lambda one=one: one.load(matcher.key, matcher.fingerprint))
                    append_ms = timed(
                        lambda one=one, new=new: one.publish([new], matcher.key, replacing_run=None)
                    )
                if turn >= 3:  # the first ones warm up
                    times["open"][size].append(open_ms)
                    times["append"][size].append(append_ms)
    return {
        **{
            what: {str(size): median(some) for size, some in by_size.items()}
            for what, by_size in times.items()
        },
        "filled_s": filled_s,
    }


@contextmanager
def _opened(store: str) -> Iterator[Any]:
    """An empty store of its own, with a server of its own."""
    from onetake.stores.rows.objects import ObjectStore
    from onetake.stores.rows.redis_ import RedisStore
    from onetake.stores.rows.sqlite import SqliteStore

    with ExitStack() as stack:
        if store == "redis":
            url, _ = stack.enter_context(redis_server())
            yield RedisStore(url)
            return
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="onetake-bench-"))
        made = SqliteStore(Path(folder, "s.sqlite")) if store == "sqlite" else None
        yield stack.enter_context(closing(made or ObjectStore(f"file://{folder}")))


def _name(n: int) -> str:
    return f"tests/test_module_{n % 97}/test_{n}"
