"""Fixtures of plugins that a suite has overridden: what of them is known although none is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


def overrides(item: pytest.Item, *names: str, config: str, words: set[str]) -> bool:
    """Tell whether a suite has a fixture of these `names`, or one called `config` that says one of `words`."""
    if any(own_fixture(item, name) is not None for name in names):
        return True
    own = own_fixture(item, config)
    return own is not None and not words.isdisjoint(_texts(getattr(own, "__code__", None)))


def _texts(value: Any) -> Iterator[str]:
    """Give the texts that are constants of a function, and of functions in it."""
    match value:
        case str():
            yield value
        case CodeType():
            yield from _texts(value.co_consts)
        case tuple() | frozenset():
            for one in value:
                yield from _texts(one)
