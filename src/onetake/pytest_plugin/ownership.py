"""Entering the owner where the code of tests and fixtures runs.

Plain functions run in the context of the hook that calls them. Coroutines run in a task whose
context somebody else made (pytest-asyncio copies one per test, anyio keeps one task for all), so they
are wrapped, and the owner is entered inside. Around them there is no owner: the task and the loop
that are made on the way would keep it.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import pytest

from onetake.runtime.context import Owner, _owner, owned_by


def is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def owned(function: Callable[..., Any], owner: Owner | None) -> Callable[..., Any]:
    """The coroutine or async generator function (or bound method) with `owner` inside its task."""
    inner = getattr(function, "__func__", function)
    wrapped = (
        _owned_generator(inner, owner)
        if inspect.isasyncgenfunction(inner)
        else _owned_coroutine(inner, owner)
    )
    if inner is function:
        return wrapped
    bound: Callable[..., Any] = wrapped.__get__(function.__self__)  # type: ignore[attr-defined]
    return bound


def _owned_coroutine(function: Callable[..., Any], owner: Owner | None) -> Callable[..., Any]:
    @wraps(function)
    async def in_task(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        with owned_by(owner):
            return await function(*args, **kwargs)

    return in_task


def _owned_generator(function: Callable[..., Any], owner: Owner | None) -> Callable[..., Any]:
    """Each step is entered by itself: set-up and teardown may run in different contexts."""

    @wraps(function)
    async def in_task(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        __tracebackhide__ = True
        steps = function(*args, **kwargs)
        while True:
            with owned_by(owner):
                try:
                    value = await anext(steps)
                except StopAsyncIteration:
                    return
            try:
                yield value
            except GeneratorExit:
                with owned_by(owner):
                    await steps.aclose()
                raise

    return in_task


@contextmanager
def around_fixture(
    fixture: pytest.FixtureDef[Any], owner: Owner | None, failed: Callable[[], None]
) -> Iterator[None]:
    """The set-up of `fixture` belongs to `owner`, and so do the finalizers that it registers.

    `failed` is told when the set-up, or later a finalizer, raises.
    """
    function = fixture.func
    outside = None if is_async(function) else owner
    if outside is not owner:
        fixture.func = owned(function, owner)  # type: ignore[misc]
    register = fixture.addfinalizer

    def register_owned(finalizer: Callable[[], object]) -> None:
        def finalize() -> object:
            __tracebackhide__ = True
            with owned_by(outside):
                try:
                    return finalizer()
                except BaseException:
                    failed()
                    raise

        register(finalize)

    fixture.addfinalizer = register_owned  # type: ignore[method-assign]
    try:
        with owned_by(outside):
            yield
    except BaseException:
        failed()
        raise
    finally:
        del fixture.addfinalizer
        if outside is not owner:
            fixture.func = function  # type: ignore[misc]


@contextmanager
def around_call(item: pytest.Item, owner: Owner | None) -> Iterator[None]:
    """The call of `item` belongs to `owner`: its function, and setUp and tearDown of unittest."""
    holder, name = _coroutine_of(item)
    function = getattr(holder, name, None)
    if not is_async(function):
        _enter_test_case(item, owner)
        with owned_by(owner):
            yield
        return
    setattr(holder, name, owned(function, owner))  # type: ignore[arg-type]
    _enter_test_case(item, owner)
    try:
        with owned_by(None):
            yield
    finally:
        setattr(holder, name, function)


def _coroutine_of(item: pytest.Item) -> tuple[object, str]:
    """Where the test function lies; hypothesis keeps what it calls many times inside."""
    handle = getattr(getattr(item, "obj", None), "hypothesis", None)
    if is_async(getattr(handle, "inner_test", None)):
        return handle, "inner_test"
    return item, "obj"


def _enter_test_case(item: pytest.Item, owner: Owner | None) -> None:
    """`IsolatedAsyncioTestCase` runs all in a context made with the instance, for one test."""
    context = getattr(getattr(item, "instance", None), "_asyncioTestContext", None)
    if context is not None:
        context.run(_owner.set, owner)
