"""What a project uses of vcrpy and its plugins, found in the text of its files, and what becomes of it.

Only names are looked at: nothing of the project is imported or run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from msgspec import Struct


class Fate(StrEnum):
    """What becomes of a use."""

    SAME = "as it is"
    UNJUDGED = "works, and is judged in part"
    DIFFERS = "differs"
    NO = "not supported"


class Use(Struct, frozen=True):
    """One use: `kind` and `name` of what, in which line (from 1), and what there is to say of it."""

    kind: str
    name: str
    line: int
    fate: Fate = Fate.SAME
    note: str = ""


_PACKAGES = ("vcr", "pytest_recording", "pytest_vcr", "betamax", "betamax_matchers", "cassetter")
_INSIDES = "It is of vcrpy's insides, which onetake has none of: guard the import, or drop it."
_IMPORTS: Mapping[str, tuple[Fate, str]] = {
    "vcr.stubs": (Fate.NO, _INSIDES),
    "vcr.patch": (Fate.NO, _INSIDES),
    "pytest_recording._vcr": (Fate.NO, "Use the fixture vcr, or vcr.VCR."),
    "betamax": (Fate.NO, "Run onetake import on its cassettes, and use onetake.use_cassette."),
    "betamax_matchers": (Fate.NO, "Name what is compared in match_on."),
    "cassetter": (Fate.NO, "Use onetake.use_cassette, or the marker onetake; its HTTP cassettes are read."),
    "tornado": (Fate.NO, "Calls of tornado's own client are not intercepted: they go live, and are counted."),
    "pycurl": (Fate.NO, "Calls of libcurl are not intercepted: they go live."),
}  # fmt: skip
_OF_ITS_OWN = (
    Fate.UNJUDGED,
    (
        "What it saves is read again, and a run fails where less was kept (NOT_PERSISTED). Which of its "
        "recordings no test used is not told."
    ),
)
_ARGUMENTS: Mapping[str, tuple[Fate, str]] = {
    **dict.fromkeys(
        (
            "additional_matchers", "after_load_interaction", "allow_playback_repeats", "before_record",
            "before_record_request", "before_record_response", "before_save_interaction",
            "cassette_library_dir", "custom_patches", "decode_compressed_response",
            "drop_unused_requests", "filter_headers", "filter_nested_post_data_parameters",
            "filter_post_data_parameters", "filter_query_parameters", "func_path_generator",
            "ignore_hosts", "ignore_localhost", "inject_cassette", "match_on", "path",
            "path_transformer", "record_mode", "record_on_exception", "serializer",
            "with_current_defaults", "allowed_hosts",
        ),
        (Fate.SAME, ""),
    ),
    "persister": _OF_ITS_OWN,
    "skip_patchers": (Fate.DIFFERS, "It is accepted and does nothing: a cassette patches no client."),
    "filter_sensitive_data": (
        Fate.DIFFERS,
        (
            "What onetake knows as secret (keys, tokens, values of secret variables) is redacted before, and "
            "is not put back on replay."
        ),
    ),
}  # fmt: skip
_OPENERS = ("VCR", "use_cassette")
_MARKS = ("vcr", "default_cassette", "block_network", "allowed_hosts")
_FIXTURES = (
    *("vcr_config", "vcr_cassette_dir", "vcr_markers", "default_cassette_name", "record_mode"),
    *("disable_recording", "block_network", "vcr", "vcr_cassette", "vcr_cassette_name", "vcr_kwargs"),
)  # fmt: skip
_HOOKS = ("pytest_recording_configure",)
_REGISTRATIONS: Mapping[str, tuple[Fate, str]] = {
    **dict.fromkeys(("register_matcher", "test_case"), (Fate.SAME, "")),
    **dict.fromkeys(("register_serializer", "register_persister"), _OF_ITS_OWN),
}
_CASES = ("VCRTestCase", "VCRMixin")
_OPTIONS = re.compile(
    r"(?<![\w-])--(?:record-mode|block-network|allowed-hosts|disable-recording|vcr-record|disable-vcr)\b"
)


def uses_in_python(text: str) -> list[Use]:
    """Those of a Python file. SyntaxError, ValueError where it is none."""
    tree = ast.parse(text)
    found: list[Use] = []
    for node in ast.walk(tree):
        found += _of_node(node)
    if not any(one.kind in ("import", "marker", "fixture", "hook") for one in found):
        return []  # names such as use_cassette may be anybody's
    return sorted(found, key=lambda one: one.line)


def uses_in_settings(text: str) -> list[Use]:
    """The plugins' options in the text of a settings or workflow file."""
    return [
        Use("option", found[0], text.count("\n", 0, found.start()) + 1)
        for found in _OPTIONS.finditer(text)
    ]


def _of_node(node: ast.AST) -> Iterator[Use]:
    match node:
        case ast.Import(names=names):
            for one in names:
                yield from _of_import(one.name, node.lineno)
        case ast.ImportFrom(module=str(module), level=0, names=names):
            inner = [f"{module}.{one.name}" for one in names]
            special = [imported for imported in inner if imported in _IMPORTS]
            for imported in special or [module]:
                yield from _of_import(imported, node.lineno)
        case ast.Call(func=func, keywords=keywords) if _last(func) in _OPENERS:
            yield Use("call", _last(func), node.lineno)
            yield from _of_arguments(keywords)
        case ast.Call(func=func) if _last(func) in _REGISTRATIONS:
            yield Use("call", _last(func), node.lineno, *_REGISTRATIONS[_last(func)])
        case ast.Call(func=ast.Attribute(attr="vcr", value=inner), keywords=keywords) if (
            _last(inner) == "mark"
        ):
            yield from _of_arguments(keywords)
        case ast.Attribute(attr=attr, value=inner) if attr in _MARKS and _last(inner) == "mark":
            yield Use("marker", attr, node.lineno)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            if name in _HOOKS:
                yield Use("hook", name, node.lineno)
            elif name in _FIXTURES and _is_fixture(node):
                yield Use("fixture", name, node.lineno)
                yield from _of_config(node)
        case ast.ClassDef(bases=bases):
            for base in bases:
                if _last(base) in _CASES:
                    yield Use("class", _last(base), node.lineno)


def _of_import(name: str, line: int) -> Iterator[Use]:
    parts = name.split(".")
    heads = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    special = next((head for head in heads if head in _IMPORTS), None)
    if special is None and parts[0] not in _PACKAGES:
        return
    fate, note = _IMPORTS[special] if special is not None else (Fate.SAME, "")
    yield Use("import", special or name, line, fate, note)


def _of_arguments(keywords: Iterable[ast.keyword]) -> Iterator[Use]:
    for one in keywords:
        if one.arg is not None:
            yield _argument(one.arg, one.value.lineno)


def _of_config(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Use]:
    """The keys of the dict that a fixture vcr_config returns."""
    for node in ast.walk(function):
        match node:
            case ast.Return(value=ast.Dict(keys=keys)):
                for key in keys:
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        yield _argument(key.value, key.lineno)


def _argument(name: str, line: int) -> Use:
    unknown = Fate.DIFFERS, "vcrpy and onetake pass over an argument of that name."
    return Use("argument", name, line, *_ARGUMENTS.get(name, unknown))


def _is_fixture(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(
        _last(one.func if isinstance(one, ast.Call) else one) == "fixture"
        for one in function.decorator_list
    )


def _last(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""
