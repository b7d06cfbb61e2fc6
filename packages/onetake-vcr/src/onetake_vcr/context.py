"""Entering a cassette: a context manager, and a decorator for functions, coroutines and generators."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self

_NOT_OF_CASSETTES = ("path_transformer", "func_path_generator", "record_on_exception")


class CassetteContextDecorator:
    """Each entry, and each call of a decorated function, has a cassette of its own, loaded anew.

    The arguments are asked for at each entry, so that a VCR object may be changed after decoration.
    """

    def __init__(self, cls: Any, args_getter: Callable[[], dict[str, Any]]) -> None:
        self.cls = cls
        self._args_getter = args_getter
        self._entered: ExitStack | None = None

    @classmethod
    def from_args(cls, cassette_class: Any, **kwargs: Any) -> Self:
        return cls(cassette_class, lambda: dict(kwargs))

    def __enter__(self) -> Any:
        assert self._entered is None, "Cassette already open."
        stack = ExitStack()
        cassette = stack.enter_context(_opened(self.cls, self._args_getter()))
        self._entered = stack
        return cassette

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stack, self._entered = self._entered, None
        assert stack is not None
        stack.__exit__(kind, error, trace)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def in_task(*args: Any, **kwargs: Any) -> Any:
                with self._anew(function) as cassette:
                    return await function(*_injected(cassette, args, function), **kwargs)

            return in_task
        if inspect.isasyncgenfunction(function):

            @functools.wraps(function)
            async def in_steps(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
                with self._anew(function) as cassette:
                    async for one in function(*_injected(cassette, args, function), **kwargs):
                        yield one

            return in_steps
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generated(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
                with self._anew(function) as cassette:
                    return (yield from function(*_injected(cassette, args, function), **kwargs))

            return generated

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            with self._anew(function) as cassette:
                return function(*_injected(cassette, args, function), **kwargs)

        return called

    def _anew(self, function: Callable[..., Any]) -> Self:
        """Another context of the same arguments, with a path made from the function where none was given."""

        def args_getter() -> dict[str, Any]:
            args = self._args_getter()
            if "path" not in args:
                args["path"] = (args.get("func_path_generator") or _name)(function)
            return args

        return type(self)(self.cls, args_getter)


def _name(function: Callable[..., Any]) -> str:
    return function.__name__


def _injected(
    cassette: Any, args: tuple[Any, ...], function: Callable[..., Any]
) -> tuple[Any, ...]:
    if not cassette.inject:
        return args
    is_method = "." in function.__qualname__.rpartition("<locals>.")[2] and args
    return (args[0], cassette, *args[1:]) if is_method else (cassette, *args)


@contextmanager
def _opened(cls: Any, args: dict[str, Any]) -> Iterator[Any]:
    rest = {name: value for name, value in args.items() if name not in _NOT_OF_CASSETTES}
    if "path" not in rest:
        raise TypeError(
            "use_cassette() needs a path as a context manager: only a function that it decorates can give "
            "the cassette its name."
        )
    if transform := args.get("path_transformer"):
        rest["path"] = transform(rest["path"])
    cassette = cls.load(**rest)
    from onetake_vcr.bridge import entered  # late: it brings the recorder with it

    keeps_failed = args.get("record_on_exception", True)
    with _patched(cassette.custom_patches), entered(cassette, keeps_failed=keeps_failed):
        yield cassette


@contextmanager
def _patched(patches: Any) -> Iterator[None]:
    """The user's own replacements, while the cassette is open."""
    before: list[tuple[Any, str, Any]] = []
    try:
        for owner, name, replacement in patches:
            before.append((owner, name, getattr(owner, name)))
            setattr(owner, name, replacement)
        yield
    finally:
        for owner, name, old in reversed(before):
            setattr(owner, name, old)
