"""Looking a host up among globs: exact names first, then by their endings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from onetake.messages import glob

_T = TypeVar("_T")


class HostTable(Generic[_T]):
    """`hosts` are exact names or globs; "" stands for every host."""

    def __init__(self, rows: Iterable[tuple[Iterable[str], _T]]) -> None:
        self._exact: dict[str, list[_T]] = {}
        self._globs: list[
            tuple[str, str, str, _T]
        ] = []  # with what stands before and after any `*`
        self._anywhere: list[_T] = []
        for hosts, value in rows:
            for host in hosts:
                if not host:
                    self._anywhere.append(value)
                elif "*" in host:
                    start, end = host.partition("*")[0], host.rpartition("*")[2]
                    self._globs.append((host, start, end, value))
                else:
                    self._exact.setdefault(host, []).append(value)
        self._found: dict[str, tuple[_T, ...]] = {}

    def at(self, host: str) -> tuple[_T, ...]:
        """Every value for `host` (lower case, no port), those of its exact name first."""
        found = self._found.get(host)
        if found is None:
            if len(self._found) > 1024:
                self._found.clear()
            found = self._found[host] = tuple(self._all(host.removesuffix(".")))
        return found

    def _all(self, host: str) -> Iterator[_T]:
        yield from self._exact.get(host, ())
        for text, start, end, value in self._globs:
            # Compiled where it may fit: all of them would cost each start some milliseconds.
            if host.endswith(end) and host.startswith(start) and glob(text).fullmatch(host):
                yield value
        yield from self._anywhere
