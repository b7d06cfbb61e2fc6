"""The look-up of recorded requests by what a suite's matchers compare."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

from vcr.matchers import HashableParts, Matcher, hashable_parts
from vcr.request import Request

Pair = tuple[Any, Any]
"""A request and its answer."""
_Line = tuple[str, str]  # method and URI
_KeysOf = Callable[[Request], frozenset[Hashable]]
_Agree = Callable[[Any, Any, tuple[Matcher, ...]], bool]


class Lookup:
    """Finds recorded requests by the hashes of what the matchers compare; other matchers are called.

    First by method and URI, which are at hand; headers and bodies are looked at only where these agree, one
    request after the other until what is sought is found, and once.
    """

    def __init__(self, match_on: tuple[Matcher, ...], agree: _Agree) -> None:
        """`agree` calls the matchers on two requests."""
        self._match_on = match_on
        self._agree = agree
        self._parts = hashable_parts(match_on)
        self._of_line: dict[_Line, frozenset[Hashable] | None] = {}
        self.forget()

    def forget(self) -> None:
        self._indexes: dict[Hashable, list[int]] = {}  # by the keys of a line
        self._unhashed: list[int] = []  # of what is no request
        self._known = 0
        self._of_content: dict[int, frozenset[Hashable] | None] = {}
        self._views: dict[int, Any] = {}

    def recorded(self, index: int, data: Sequence[Pair]) -> Any:
        """A recorded request as matchers see it."""
        if index not in self._views:
            self._views[index] = view_of_any(data[index][0])
        return self._views[index]

    def find(self, view: Any, data: Sequence[Pair]) -> Iterator[int]:
        """The indexes of what equals a request, as matchers see it, in order."""
        self._index(data)
        wanted = _Wanted(view, self._parts)
        for index in self._with_line(wanted.line, len(data)):
            if self._agrees(wanted, index, data):
                yield index

    def _with_line(self, keys: frozenset[Hashable] | None, count: int) -> Sequence[int]:
        if keys is None:
            return range(count)
        lists = [self._indexes[key] for key in keys if key in self._indexes]
        if len(lists) == 1 and not self._unhashed:
            return tuple(lists[0])
        return sorted({*self._unhashed, *chain(*lists)})

    def _agrees(self, wanted: _Wanted, index: int, data: Sequence[Pair]) -> bool:
        is_sure = wanted.line is not None and index not in self._unhashed
        if is_sure and self._parts.of_content is not None:
            keys = self._content_keys(index, data)
            if keys is None or wanted.content is None:
                is_sure = False
            elif keys.isdisjoint(wanted.content):
                return False
        if is_sure and not self._parts.others:
            return True
        return self._agree(wanted.view, self.recorded(index, data), self._match_on)

    def _index(self, data: Sequence[Pair]) -> None:
        if len(data) < self._known:
            self.forget()
        for index in range(self._known, len(data)):
            keys = self._line_keys(_line_of(data[index][0]))
            if keys is None:
                self._unhashed.append(index)
            else:
                for key in keys:
                    self._indexes.setdefault(key, []).append(index)
        self._known = len(data)

    def _line_keys(self, line: _Line | None) -> frozenset[Hashable] | None:
        """Return the keys of a request line; None where there is no request."""
        if line is not None and line not in self._of_line:
            self._of_line[line] = _keys(self._parts.of_line, view_of_any(Request(*line)))
        return self._of_line.get(line) if line is not None else None

    def _content_keys(self, index: int, data: Sequence[Pair]) -> frozenset[Hashable] | None:
        if index not in self._of_content:
            keys = _keys(self._parts.of_content, self.recorded(index, data))
            self._of_content[index] = keys
        return self._of_content[index]


class _Wanted:
    """A request that is looked for, as matchers see it."""

    def __init__(self, view: Any, parts: HashableParts) -> None:
        self.view = view
        self._of_content = parts.of_content
        self.line = _keys(parts.of_line, view)

    @cached_property
    def content(self) -> frozenset[Hashable] | None:
        return _keys(self._of_content, self.view)


def _keys(of: _KeysOf | None, request: Any) -> frozenset[Hashable] | None:
    if of is None or not isinstance(request, Request):
        return None
    try:
        return of(request)
    except Exception:  # of a matcher's part, on a request that is none: it is called instead
        return None


def _line_of(request: Any) -> _Line | None:
    return (request.method, request.uri) if isinstance(request, Request) else None


def view_of_any(request: Any) -> Any:
    """`request` as matchers see it: without its secrets, and with all placeholders of a kind equal."""
    from onetake_vcr.views import view_of  # late: a cassette is made more often than asked

    return view_of(request) if isinstance(request, Request) else request
