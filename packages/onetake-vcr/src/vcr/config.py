"""`VCR`: the settings of a suite, and the cassettes that it opens with them."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Any

from onetake_vcr.context import CassetteContextDecorator
from onetake_vcr.filtering import RequestFilter, ResponseFilter
from vcr import filters, matchers
from vcr.cassette import Cassette
from vcr.matchers import Matcher
from vcr.persisters.filesystem import FilesystemPersister
from vcr.record_mode import RecordMode, validate_record_mode
from vcr.request import Request
from vcr.serializers import jsonserializer, yamlserializer
from vcr.util import auto_decorate, compose

_LOCAL = ("localhost", "0.0.0.0", "127.0.0.1", "::1")  # noqa: S104  (names, not an address to bind)

_SETTINGS: dict[str, Any] = {
    "path_transformer": None,
    "before_record_request": None,
    "filter_query_parameters": (),
    "ignore_hosts": (),
    "record_mode": RecordMode.ONCE,
    "ignore_localhost": False,
    "filter_headers": (),
    "before_record_response": None,
    "filter_post_data_parameters": (),
    "filter_nested_post_data_parameters": False,
    "match_on": ("method", "scheme", "host", "port", "path", "query"),
    "inject_cassette": False,
    "serializer": "yaml",
    "cassette_library_dir": None,
    "func_path_generator": None,
    "decode_compressed_response": False,
    "record_on_exception": True,
    "drop_unused_requests": False,
    "filter_sensitive_data": (),
    "before_save_interaction": None,
    "after_load_interaction": None,
    "skip_patchers": (),
}

_OF_NAME = [*_SETTINGS]
_AT = _OF_NAME.index("inject_cassette")
_POSITIONAL = (*_OF_NAME[2:_AT], "before_record", *_OF_NAME[_AT:])
"""The arguments of `VCR` behind `custom_patches`."""


class VCR:
    """Keyword arguments, all optional, are those of vcrpy 9.4; each is an attribute that may be changed.

    An unknown one is a TypeError here and ignored by `use_cassette`, as suites rely on.
    """

    serializer: str
    match_on: Iterable[str]
    record_mode: RecordMode
    cassette_library_dir: Any

    cassette_class: type[Cassette] = Cassette

    def __init__(
        self,
        path_transformer: Callable[[Any], Any] | None = None,
        before_record_request: Any = None,
        custom_patches: Iterable[tuple[Any, str, Any]] = (),
        *more: Any,
        before_record: Any = None,
        **settings: Any,
    ) -> None:
        """`more` are further arguments by position, in vcrpy's order."""
        settings |= zip(_POSITIONAL, more, strict=False)
        before_record = settings.pop("before_record", before_record)
        if unknown := settings.keys() - _SETTINGS.keys():
            raise TypeError(f"VCR() has no argument {min(unknown)!r}.")
        self.serializers: dict[str, Any] = {"yaml": yamlserializer, "json": jsonserializer}
        self.matchers: dict[str, Matcher] = {
            name: getattr(matchers, name)
            for name in (*_SETTINGS["match_on"], "uri", "headers", "raw_body", "body")
        }
        self.matchers["url"] = matchers.uri
        self.persister: Any = FilesystemPersister
        for name, default in _SETTINGS.items():
            setattr(self, name, settings.get(name, default))
        self.path_transformer = path_transformer
        self.before_record_request = before_record_request or before_record
        self.record_mode = validate_record_mode(self.record_mode)
        self._custom_patches = tuple(custom_patches)

    def use_cassette(self, path: Any = None, **kwargs: Any) -> Any:
        """A context manager, and a decorator with or without arguments."""
        if path is not None and not isinstance(path, str | os.PathLike):
            return self._context(kwargs)(path)
        return self._context({"path": path, **kwargs})

    def _context(self, kwargs: dict[str, Any]) -> CassetteContextDecorator:
        if kwargs.pop("with_current_defaults", False):
            return self.cassette_class.use(**self.get_merged_config(**kwargs))
        return self.cassette_class.use_arg_getter(partial(self.get_merged_config, **kwargs))

    def get_merged_config(self, **kwargs: Any) -> dict[str, Any]:
        """What `Cassette`, and the context around it, are made with: `kwargs` before the attributes."""
        of = partial(self._of, kwargs)
        library, name_of = of("cassette_library_dir"), of("func_path_generator")
        transform = of("path_transformer")
        if library:
            transform = compose(partial(_in_library, os.fspath(library)), transform)
        elif not name_of:
            name_of = _beside_its_module
        names = (*of("match_on"), *kwargs.get("additional_matchers", ()))
        config = {
            "serializer": self._registered(self.serializers, "Serializer", of("serializer")),
            "persister": of("persister"),
            "match_on": [self._registered(self.matchers, "Matcher", name) for name in names],
            "record_mode": validate_record_mode(of("record_mode")),
            "before_record_request": self._build_before_record_request(kwargs),
            "before_record_response": self._build_before_record_response(kwargs),
            "custom_patches": self._custom_patches + tuple(kwargs.get("custom_patches", ())),
            "inject": of("inject_cassette"),
            "path_transformer": transform,
            "func_path_generator": name_of,
            "allow_playback_repeats": kwargs.get("allow_playback_repeats", False),
            "record_on_exception": of("record_on_exception"),
            "drop_unused_requests": of("drop_unused_requests"),
            "filter_sensitive_data": of("filter_sensitive_data"),
            "before_save_interaction": of("before_save_interaction"),
            "after_load_interaction": of("after_load_interaction"),
            "skip_patchers": of("skip_patchers"),
        }
        return config | ({"path": kwargs["path"]} if kwargs.get("path") else {})

    def _of(self, options: dict[str, Any], name: str) -> Any:
        return options.get(name, getattr(self, name))

    @staticmethod
    def _registered(known: dict[str, Any], kind: str, name: str) -> Any:
        if name not in known:
            raise KeyError(f"{kind} {name} doesn't exist or isn't registered")
        return known[name]

    def _build_before_record_request(self, options: dict[str, Any]) -> RequestFilter:
        of = partial(self._of, options)
        hooks: list[Callable[[Request], Request | None]] = []
        for name, replace in (
            ("filter_headers", filters.replace_headers),
            ("filter_query_parameters", filters.replace_query_parameters),
            (
                "filter_post_data_parameters",
                partial(
                    filters.replace_body_parameters,
                    recursive=of("filter_nested_post_data_parameters"),
                ),
            ),
        ):
            if wanted := of(name):
                pairs = [one if isinstance(one, tuple) else (one, None) for one in wanted]
                hooks.append(partial(replace, replacements=pairs))
        own = options.get("before_record_request", options.get("before_record", _NOT_GIVEN))
        if own is _NOT_GIVEN:
            own = self.before_record_request
        hosts = (*of("ignore_hosts"), *(_LOCAL if of("ignore_localhost") else ()))
        return RequestFilter(hooks, hosts, _listed(own))

    def _build_before_record_response(self, options: dict[str, Any]) -> ResponseFilter:
        of = partial(self._of, options)
        decoding = [filters.decode_response] if of("decode_compressed_response") else []
        return ResponseFilter(decoding, _listed(of("before_record_response")))

    def register_serializer(self, name: str, serializer: Any) -> None:
        """`serializer` has `serialize(dict) -> str` and `deserialize(str) -> dict`; `name` may be built in."""
        self.serializers[name] = serializer

    def register_matcher(self, name: str, matcher: Matcher) -> None:
        """`matcher(new, recorded)` returns a truth value or raises AssertionError."""
        self.matchers[name] = matcher

    def register_persister(self, persister: Any) -> None:
        """`persister` has `load_cassette(path, serializer)` and `save_cassette(path, dict, serializer)`."""
        self.persister = persister

    def test_case(self, predicate: Callable[[str, Any], bool] | None = None) -> type:
        """A base class whose methods that `predicate` (default: test methods) accepts are decorated."""
        metaclass: Any = auto_decorate(self.use_cassette, predicate or self.is_test_method)
        case: type = metaclass("temporary_class", (), {})
        return case

    @staticmethod
    def is_test_method(method_name: str, function: Any) -> bool:
        return method_name.startswith("test") and isinstance(function, FunctionType)

    @staticmethod
    def ensure_suffix(suffix: str) -> Callable[[Any], str]:
        """A path transformer that appends `suffix` where a path has not got it."""

        def ensure(path: Any) -> str:
            text = str(os.fspath(path))
            return text if text.endswith(suffix) else text + suffix

        return ensure


_NOT_GIVEN = object()


def _listed(hooks: Any) -> list[Any]:
    if not hooks:
        return []
    return list(hooks) if isinstance(hooks, Iterable) else [hooks]


def _in_library(library: str, path: Any) -> str:
    text = os.fspath(path)
    return text if text.startswith(library) else os.path.join(library, text)


def _beside_its_module(function: Callable[..., Any]) -> str:
    return str(Path(inspect.getfile(function)).parent / function.__name__)
