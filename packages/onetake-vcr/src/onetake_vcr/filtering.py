"""The filters and hooks that requests and answers go through before a cassette sees them."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from vcr.request import Request

_RequestHook = Callable[[Request], Request | None]
_Value = TypeVar("_Value")


class RequestFilter:
    """Passes a request on as it is compared and recorded, or None where the cassette is not to see it.

    A request that nothing may change is passed on itself, else a copy is.
    """

    def __init__(
        self,
        built_in: Iterable[_RequestHook],
        hosts: Iterable[str | re.Pattern[str]],
        hooks: Iterable[_RequestHook],
    ) -> None:
        self._built_in, self._hooks = tuple(built_in), tuple(hooks)
        self.hosts = tuple(hosts)
        self.has_built_in = bool(self._built_in)
        self.is_empty = not (self._built_in or self._hooks or self.hosts)

    def __call__(self, request: Request) -> Request | None:
        return self.pass_hooks(self.pass_built_in(request))

    def pass_built_in(self, request: Request) -> Request | None:
        """Return what the ignored hosts and the built-in filters leave of a request."""
        if self.hosts and self.ignores(request):
            return None
        if not (self._built_in or self._hooks):
            return request
        return _passed(copy.deepcopy(request), self._built_in)

    def pass_hooks(self, request: Request | None) -> Request | None:
        """Return what the suite's own hooks make of a request that has passed the built-in filters."""
        return _passed(request, self._hooks)

    def ignores(self, request: Any) -> bool:
        """Return whether a request goes to a host that is to be left alone."""
        host = getattr(request, "host", None)
        return isinstance(host, str) and any(
            one.fullmatch(host) is not None if isinstance(one, re.Pattern) else one == host
            for one in self.hosts
        )


class ResponseFilter:
    """Passes an answer on as it is kept, or None where it is not to be kept."""

    def __init__(
        self, built_in: Iterable[Callable[[Any], Any]], hooks: Iterable[Callable[[Any], Any]]
    ) -> None:
        hooks = tuple(hooks)
        self._hooks = (*built_in, *hooks)
        self.leaves_original = not hooks
        """False where a suite's own hook may change the answer that it is given."""

    def __call__(self, response: Any) -> Any:
        return _passed(response, self._hooks)


def _passed(
    value: _Value | None, hooks: Iterable[Callable[[_Value], _Value | None]]
) -> _Value | None:
    for hook in hooks:
        if value is None:
            break
        value = hook(value)
    return value
