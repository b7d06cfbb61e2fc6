"""Fixtures of plugins that a suite has overridden: what of them is known although none is called."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from types import CodeType
from typing import Any

import pytest


def own_fixture(item: pytest.Item, name: str) -> Callable[..., object] | None:
    """Return the function by which somebody overrides a plugin's fixture for this test, if anybody does."""
    if getattr(item, "_fixtureinfo", None) is None:
        return None
    definitions = item.session._fixturemanager.getfixturedefs(name, item)
    if not definitions or definitions[-1].func.__module__ == definitions[0].func.__module__:
        return None
    return definitions[-1].func


def overrides(
    item: pytest.Item, *names: str, config: str, hook: str, words: Container[str]
) -> bool:
    """Tell whether a suite has a fixture of these `names`, or says one of `words` in `config` or `hook`.

    `config` is a fixture and `hook` a hook of pytest; both are looked at, and not called.
    """
    if any(own_fixture(item, name) is not None for name in names):
        return True
    hooks = getattr(item.ihook, hook, None)
    functions = [own_fixture(item, config)]
    functions += [one.function for one in hooks.get_hookimpls()] if hooks is not None else []
    return any(word in words for one in functions for word in _words(_code_of(one)))


def _code_of(function: object) -> object:
    return getattr(function, "__code__", None)


def _words(value: Any) -> Iterator[str]:
    """Give the texts and names that a function says, and those of functions in it."""
    match value:
        case str():
            yield value
        case CodeType():
            yield from value.co_names
            yield from _words(value.co_consts)
        case tuple() | frozenset():
            for one in value:
                yield from _words(one)
