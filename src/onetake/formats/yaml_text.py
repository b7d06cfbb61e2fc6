"""YAML as vcrpy writes it: the only importer of YAML libraries.

A cassette from elsewhere builds nothing but plain values. Of the tags that name Python objects those few
are read that vcrpy itself has written; every other one is refused. References (`*a`) are read where what
they stand for stays small, and nesting ends where libyaml ends it: at 1,000 levels.

PyYAML is the judge. A large text goes to py-yaml12 first, which is five times as fast and reads YAML 1.2: what
the two versions may read differently, and what could harm it, is looked for before, and any value that is not
what vcrpy writes there (`12e4` is a text in 1.1, and a number in 1.2) sends the text to the judge.
"""

from __future__ import annotations

import re
from base64 import decodebytes
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from onetake.errors import CassetteError, UsageError

_TAG = "tag:yaml.org,2002:"
_ITERATED = f"{_TAG}python/object/apply:builtins.iter"
_FILE_LIKE = f"{_TAG}python/object/new:_io.BytesIO"
# Where an anchor may stand. Texts that look like one cost the check of sizes, and nothing else.
_ANCHOR = re.compile(r"(?:^|[\s\[{,:])&[^\s&]")
_LONGEST_NUMBER = 400  # characters: what is longer, no client has sent as a number
_ALWAYS_NODES, _MOST_TIMES = 100_000, 4  # values that references may make of one
_LIMITED_FROM = (0, 2, 6)  # the libyaml whose nesting is limited
_DEEPEST = 1000  # levels


_FAST_FROM = 100_000  # characters: what is shorter takes PyYAML 20 ms
# Each begins with a literal: ten megabytes are looked through in a tenth of a second.
_UNSURE = (
    # Documents, directives, long keys, and nesting that its parser, which recurs, may not survive.
    re.compile(r"\n(?:---|\.\.\.|%| *\? |[ ?:-]{200})"),
    # Lists and mappings in one line, but for empty ones: vcrpy writes none.
    re.compile(r"\n *(?:(?:- )+|(?:- )*[A-Za-z][\w.-]*: +)[\[{](?![\]}]\n)"),
    # Anchors, tags, merges.
    re.compile(r"&(?<=[\s\[{,:]&)[^\s&]"),
    re.compile(r"!(?<=[\s\[{,:]!)(?!!binary[ \n])"),
    re.compile(r"<<(?<=[\s\[{,:]<<)"),
    # vcrpy writes nothing beyond ASCII, and what line ends and spaces are there is told in two ways.
    re.compile(r"[^\n\x20-\x7e]"),
)
_START = "interactions:\n"
_WHOLE = "\nversion: 1\n"
"""How a file ends that vcrpy has written, and that was not torn."""
_NUMBERS = ("code", "version", "status_code")  # what vcrpy itself writes as one


class FileLike(bytes):
    """A body that the recording program gave as an open file: its content."""

    __slots__ = ()


class Iterated(list[object]):
    """A body that the recording program gave as an iterator: its items."""

    __slots__ = ()


# Makes a value from the library's loader and a node of it.
Constructor = Callable[[Any, Any], object]
_NONE: Mapping[str, Constructor] = MappingProxyType({})


def load(text: str, constructors: Mapping[str, Constructor] = _NONE) -> object:
    """The one document of `text`, of plain values, `FileLike` and `Iterated`; None for an empty text.

    `constructors` by tag make what else is read.

    Raises `CassetteError`, without a path, for what is no YAML or is refused, and `UsageError` without
    the extra.
    """
    library = _library()
    if not constructors and len(text) >= _FAST_FROM and _is_usual(text):
        tree = _fast(text)
        if _is_sure(tree):
            return tree
    try:
        if library.limits_nesting is False:
            _check_nesting(library, text)
        tree = library.yaml.load(text, Loader=library.loader_with(constructors))
    except library.yaml.constructor.ConstructorError as error:
        raise CassetteError(f"{_said(error)}.", remedy=_REFUSED) from error
    except library.yaml.YAMLError as error:
        raise CassetteError(f"{_said(error)}.") from error
    except RecursionError as error:
        raise CassetteError("Its values are nested too deeply.") from error
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError) as error:
        raise CassetteError(f"A value in it cannot be read: {error}.") from error
    if _ANCHOR.search(text):
        _check_size(tree, _ALWAYS_NODES + _MOST_TIMES * len(text))
    return tree


def _is_usual(text: str) -> bool:
    """Whether both versions of YAML read the text alike, as far as its characters tell."""
    return (
        text.startswith(_START)
        and text.endswith(_WHOLE)
        and not any(one.search(text) for one in _UNSURE)
    )


def _fast(text: str) -> object:
    """Return what py-yaml12 reads; None where it is not installed, or does not read the text."""
    try:
        import yaml12
    except ImportError:
        return None
    try:
        tree: object = yaml12.parse_yaml(text, handlers={f"{_TAG}binary": _bytes_of})
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # a panic in Rust is no Exception
        return None
    return tree


def _bytes_of(written: str) -> bytes:
    return decodebytes(written.encode("ascii"))  # as PyYAML does it


def _is_sure(tree: object) -> bool:
    """Whether every value is one that both versions of YAML read so."""
    if not isinstance(tree, dict):
        return False
    waiting: list[object] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            for name, value in node.items():
                if type(name) is not str:
                    return False
                if not (type(value) is int and name in _NUMBERS):
                    waiting.append(value)
        elif isinstance(node, list):
            waiting += node
        elif node is not None and type(node) not in (str, bytes):
            return False
    return True


def dump(tree: object, constructors: Mapping[str, Constructor] = _NONE) -> str:
    """`tree` as vcrpy's serializer writes it.

    Raises `UsageError` for an object that `load` would refuse with these `constructors`, and without the extra.
    """
    library = _library()
    text: str = library.yaml.dump(tree, Dumper=library.dumper_with(constructors))
    return text


_REFUSED = "It was written by another program than vcrpy; record it anew."


class _Library:
    """PyYAML, with a loader of ours."""

    def __init__(self, yaml: Any) -> None:
        self.yaml = yaml
        self.parser_loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.loader = _loader_of(self.parser_loader)
        self.base_dumper: Any = getattr(yaml, "CDumper", yaml.Dumper)
        self.dumper = _dumper_of(self.base_dumper, self.loader.yaml_constructors)
        native = getattr(yaml, "_yaml", None)
        self.limits_nesting = native is None or native.get_version() >= _LIMITED_FROM

    def loader_with(self, constructors: Mapping[str, Constructor]) -> Any:
        if not constructors:
            return self.loader

        class Loader(self.loader):  # type: ignore[misc, name-defined]
            pass

        for tag, constructor in constructors.items():
            Loader.add_constructor(tag, constructor)
        return Loader

    def dumper_with(self, constructors: Mapping[str, Constructor]) -> Any:
        if not constructors:
            return self.dumper
        return _dumper_of(self.base_dumper, self.loader_with(constructors).yaml_constructors)


@cache
def _library() -> _Library:
    try:
        import yaml
    except ImportError:
        raise UsageError(
            "YAML is read and written with PyYAML, which is not installed.",
            remedy="Run: pip install 'onetake[vcr]'",
        ) from None
    return _Library(yaml)


def _loader_of(base: Any) -> Any:
    class Loader(base):  # type: ignore[misc]
        def __init__(self, stream: str) -> None:
            super().__init__(stream)
            # No honest file has more pairs than half its characters, whatever it merges.
            self.pairs_left = _ALWAYS_NODES + len(stream)

        def flatten_mapping(self, node: Any) -> None:
            super().flatten_mapping(node)
            self.pairs_left -= len(node.value)
            if self.pairs_left < 0:
                raise ValueError("it merges more than it holds")

    def text(loader: Any, node: Any) -> str:
        found: str = loader.construct_scalar(node)
        return found

    def number(loader: Any, node: Any) -> object:
        # `1:20` and `1_000` are numbers in YAML 1.1 alone, and nobody has meant one.
        if len(node.value) > _LONGEST_NUMBER or ":" in node.value or "_" in node.value:
            return text(loader, node)
        return base.construct_yaml_int(loader, node)

    def word(loader: Any, node: Any) -> object:
        """`yes` and `off` are texts, as in YAML 1.2."""
        written = text(loader, node)
        return {"true": True, "false": False}.get(written.lower(), written)

    def file_like(loader: Any, node: Any) -> FileLike:
        state = loader.construct_mapping(node, deep=True).get("state") or (b"",)
        data = state[0] or b""
        return FileLike(data.encode() if isinstance(data, str) else data)

    def iterated(loader: Any, node: Any) -> Iterated:
        args: Any
        if node.id == "sequence":  # one that was used up has no state, and is written in short
            args = loader.construct_sequence(node, deep=True)
        else:
            args = loader.construct_mapping(node, deep=True).get("args")
        return Iterated(args[0] if args else ())

    def tuple_of(loader: Any, node: Any) -> tuple[object, ...]:
        return tuple(loader.construct_sequence(node, deep=True))

    Loader.add_constructor(f"{_TAG}int", number)
    Loader.add_constructor(f"{_TAG}bool", word)
    Loader.add_constructor(f"{_TAG}timestamp", text)  # JSON, and HTTP, know none
    Loader.add_constructor("!binary", base.construct_yaml_binary)  # Ruby's
    Loader.add_constructor(f"{_TAG}python/str", text)
    Loader.add_constructor(f"{_TAG}python/unicode", text)
    Loader.add_constructor(f"{_TAG}python/tuple", tuple_of)
    Loader.add_constructor(_FILE_LIKE, file_like)
    Loader.add_constructor(_ITERATED, iterated)
    return Loader


def _dumper_of(base: Any, readable: Mapping[str, object]) -> Any:
    """Python objects have tags of their own: what could not be read again is not written, except that any kind
    of text is one (aiohttp has its own for the names of headers)."""

    class Dumper(base):  # type: ignore[misc]
        def represent_data(self, data: object) -> Any:
            node = super().represent_data(data)
            if not node.tag.startswith(f"{_TAG}python/") or node.tag in readable:
                return node
            match data:
                case str():
                    return super().represent_data(str.__str__(data))
                case bytes():
                    return super().represent_data(bytes(data))
            raise UsageError(
                f"The request or response holds a Python object that no cassette can give back ({node.tag}).",
                remedy="Turn it into text in a hook, or register the serializer that "
                "vcr.serializers.yamlserializer.with_custom_tags makes for its tag.",
            )

    def iterated(dumper: Any, data: Iterated) -> Any:
        return dumper.represent_mapping(_ITERATED, {"args": [list(data)], "state": 0})

    def file_like(dumper: Any, data: FileLike) -> Any:
        return dumper.represent_mapping(_FILE_LIKE, {"state": (bytes(data), 0, None)})

    Dumper.add_representer(Iterated, iterated)
    Dumper.add_representer(FileLike, file_like)
    return Dumper


def _said(error: Any) -> str:
    """What the library says, with the place."""
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    mark = getattr(error, "problem_mark", None)
    problem = problem[:200].replace(_TAG, "!!")
    return f"{problem} at line {mark.line + 1}, column {mark.column + 1}" if mark else problem


def _check_nesting(library: _Library, text: str) -> None:
    """Older parsers end the process with a deep document: their events do not nest."""
    depth = 0
    events = library.yaml.events
    for event in library.yaml.parse(text, Loader=library.parser_loader):
        if isinstance(event, events.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise CassetteError("Its values are nested too deeply.")
        elif isinstance(event, events.CollectionEndEvent):
            depth -= 1


def _check_size(tree: object, limit: int) -> None:
    """Raises `CassetteError` where references make more values than `limit`, or lead back to themselves."""
    sizes: dict[int, int] = {}  # of what is done; 0 while it is looked at
    waiting: list[tuple[object, bool]] = [(tree, False)]
    while waiting:
        node, is_done = waiting.pop()
        if not isinstance(node, dict | list | tuple):
            continue
        inner = list(node.values()) if isinstance(node, dict) else node
        if is_done:
            size = 1 + sum(sizes.get(id(one), 1) for one in inner)
            if size > limit:
                raise CassetteError("References in it make it far larger than it is.")
            sizes[id(node)] = size
        elif id(node) not in sizes:
            sizes[id(node)] = 0
            waiting.append((node, True))
            waiting += [(one, False) for one in inner]
        elif sizes[id(node)] == 0:
            raise CassetteError("A reference in it leads back to itself.")
