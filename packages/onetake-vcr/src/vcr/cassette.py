"""A cassette as suites use it: a list of requests and answers, with counts of what was played.

It can be used by itself. Entered (`use_cassette`) it belongs to an opening of onetake, which asks it what
answers a request, and adds to it what it has recorded.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import (
    Callable,
    Container,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from threading import Lock
from typing import Any, Self

from onetake.config import Mode, Settings
from onetake.runtime.secrets import safe_text, safe_value
from onetake_vcr.context import CassetteContextDecorator
from onetake_vcr.lookup import Lookup, Pair, view_of_any
from onetake_vcr.safety import safe_pair
from onetake_vcr.stored import digest, hooked, hooks_of, without
from vcr.errors import MissingMetadataError, UnhandledHTTPRequestError
from vcr.filters import sensitive_data_hooks
from vcr.matchers import (
    Failure,
    Matcher,
    get_matchers_results,
    method,
    requests_match,
    uri,
)
from vcr.persisters.filesystem import (
    CassetteDecodeError,
    CassetteNotFoundError,
    FilesystemPersister,
)
from vcr.record_mode import RecordMode
from vcr.request import Request
from vcr.serializers import jsonserializer, yamlserializer

__all__ = [
    "Cassette",
    "CassetteContextDecorator",
    "CassetteDecodeError",
    "CassetteNotFoundError",
    "Pair",
]


class Cassette:
    """What `use_cassette` gives. Its constructor takes what `VCR.get_merged_config` returns."""

    settled: Settings | None = None
    """Of what mode an opening is, where more was asked than the record mode and the project's settings."""

    @classmethod
    def load(cls, **kwargs: Any) -> Self:
        """The cassette with what its file holds."""
        cassette = cls(**kwargs)
        cassette._load()
        return cassette

    @classmethod
    def use(cls, **kwargs: Any) -> CassetteContextDecorator:
        return CassetteContextDecorator.from_args(cls, **kwargs)

    @classmethod
    def use_arg_getter(cls, arg_getter: Callable[[], dict[str, Any]]) -> CassetteContextDecorator:
        return CassetteContextDecorator(cls, arg_getter)

    def __init__(
        self,
        path: Any,
        serializer: Any = None,
        persister: Any = None,
        record_mode: RecordMode = RecordMode.ONCE,
        match_on: Iterable[Matcher] = (uri, method),
        before_record_request: Callable[[Request], Request | None] | None = None,
        before_record_response: Callable[[Any], Any] | None = None,
        custom_patches: Iterable[tuple[Any, str, Any]] = (),
        inject: bool = False,
        allow_playback_repeats: bool = False,
        drop_unused_requests: bool = False,
        filter_sensitive_data: Iterable[Any] = (),
        before_save_interaction: Any = None,
        after_load_interaction: Any = None,
        skip_patchers: Iterable[str] = (),
    ) -> None:
        self._path = path
        self._serializer = serializer or yamlserializer
        self._persister = persister or FilesystemPersister
        self.record_mode = record_mode
        self._match_on = tuple(match_on)
        self._before_record_request = before_record_request or _unchanged
        self._before_record_response = before_record_response or _unchanged
        self.custom_patches = tuple(custom_patches)
        self.inject = inject
        self.allow_playback_repeats = allow_playback_repeats
        self.drop_unused_requests = drop_unused_requests
        self.skip_patchers = tuple(skip_patchers)
        self._before_save_interaction = hooks_of(before_save_interaction)
        self._after_load_interaction = hooks_of(after_load_interaction)
        self.hide: Callable[[Any, Any], Pair] | None = None  # what the suite calls sensitive
        self.sensitive: dict[str, Any] = dict(filter_sensitive_data)
        if self.sensitive:
            self.hide, restore = sensitive_data_hooks(self.sensitive)
            self._before_save_interaction.append(self.hide)
            self._after_load_interaction.insert(0, restore)
        self.data: list[Pair] = []
        self.play_counts: Counter[int] = Counter()
        self.dirty = False
        self.rewound = False
        self._metadata: dict[str, Any] = {}
        self.dropped: list[
            Pair
        ] = []  # of what was published last, what a hook of the suite left out
        self._loaded = 0  # of `data`, how many came from the file
        self._raw: Sequence[Pair] = ()  # what the file held, before any hook
        self._raw_places: Sequence[int] = ()  # where in it each loaded one is
        self._taken: set[int] = set()  # of `data`, those that an opening records and publishes
        self._unreal: set[int] = set()  # of those, what holds placeholders in place of secrets
        self._saved: set[int] = set()  # of those added by hand, what is in the file
        self._played: set[int] = set()  # of `data`, ever
        self._lookup = Lookup(self._match_on, _agree)
        self._lock = Lock()
        # What counts instead of `record_mode`, and why.
        self.held_to: tuple[Mode, str] | None = None

    # What users read.

    @property
    def path(self) -> Any:
        return self._path

    @property
    def requests(self) -> list[Any]:
        return [request for request, _ in self.data]

    @property
    def responses(self) -> list[Any]:
        return [response for _, response in self.data]

    @property
    def play_count(self) -> int:
        return self.play_counts.total()

    @property
    def all_played(self) -> bool:
        """Whether each answer was played since the cassette was last rewound."""
        return len(self.play_counts) == len(self)

    @property
    def write_protected(self) -> bool:
        """Whether a request that it lacks is an error."""
        if self.record_mode == RecordMode.ONCE:
            return self.rewound
        return self.record_mode == RecordMode.NONE

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.data)

    def __contains__(self, request: Any) -> bool:
        """Whether an answer to `request` is left."""
        return self._next(self._before_record_request(request)) is not None

    def __repr__(self) -> str:
        return f"<Cassette containing {len(self)} recorded response(s)>"

    def rewind(self) -> None:
        """Play it from its beginning again."""
        self.play_counts = Counter()

    def filter_request(self, request: Request) -> Request | None:
        """`request` as it is compared and recorded; None where it is left alone."""
        return self._before_record_request(request)

    def responses_of(self, request: Any) -> list[Any]:
        """Every answer to `request`. Raises `UnhandledHTTPRequestError` where there is none."""
        filtered = self._before_record_request(request)
        found = [] if filtered is None else [self.data[at][1] for at in self.equals(filtered)]
        if not found:
            raise self._unhandled(request)
        return found

    def can_play_response_for(self, request: Any) -> bool:
        filtered = self._before_record_request(request)
        return bool(filtered) and self.next_for(view_of_any(filtered)) is not None

    def play_response(self, request: Any) -> Any:
        """The next answer to `request`, now played. Raises `UnhandledHTTPRequestError`."""
        index = self._next(self._before_record_request(request))
        if index is None:
            raise self._unhandled(request)
        return self.data[self.play(index)][1]

    def append(self, request: Any, response: Any) -> None:
        """Add an interaction, as the hooks leave it.

        What the program is given stays its own: a hook changes a copy.
        """
        filtered = self._before_record_request(request)
        if not filtered:
            return
        answer = self._before_record_response(copy.deepcopy(response))
        if answer is None:
            return
        self.data.append((filtered, answer))
        self.dirty = True

    def get_metadata(self, key: str, default: Any) -> Any:
        """The value kept under `key`, which is `default` from now on where there is none.

        Raises `MissingMetadataError` where the record mode lets nothing be added.
        """
        if key not in self._metadata:
            if self.write_protected:
                raise MissingMetadataError(cassette=self, key=key)
            self._metadata[key] = default
            self.dirty = True
        return self._metadata[key]

    def find_requests_with_most_matches(
        self, request: Any
    ) -> list[tuple[Any, list[str], list[Failure]]]:
        """The recorded requests nearest to `request`, with the matchers that agree and those that do not."""
        wanted = view_of_any(self._before_record_request(request))
        if wanted is None:
            return []
        found = [(one, *get_matchers_results(wanted, one, self._match_on)) for one in self._views()]
        most = max((len(agreed) for _, agreed, _ in found), default=0)
        return [one for one in found if most and len(one[1]) == most]

    # What an opening asks.

    def next_for(self, view: Any) -> int | None:
        """The index of what answers a request, as matchers see it; None where nothing may.

        What was recorded now answers only where answers may repeat, and never with a placeholder for a secret.
        """
        if self._records_anew or not (self.rewound or self.allow_playback_repeats):
            return None
        return self._next_like(view, self._unreal if self.allow_playback_repeats else self._taken)

    @property
    def _records_anew(self) -> bool:
        if self.held_to is not None:
            return self.held_to[0] is Mode.RECORD
        return self.record_mode == RecordMode.ALL

    def play(self, index: int) -> int:
        """Count it as played; returns the index."""
        self.play_counts[index] += 1
        self._played.add(index)
        return index

    def agree(self, one: Any, other: Any) -> bool:
        """Whether two requests, as the hooks leave them, are equal under this cassette's matchers."""
        return _agree(view_of_any(one), view_of_any(other), self._match_on)

    def equals(self, request: Any) -> Iterator[int]:
        """Return the indexes of what equals a request that is as the hooks leave it."""
        return self._lookup.find(view_of_any(request), self.data)

    def answered(self, request: Any, response: Any, *, is_real: bool = True) -> None:
        """Both as they are to be kept: an opening has recorded them, and will publish them."""
        with self._lock:
            index = len(self.data)
            self._taken.add(index)
            if not is_real:
                self._unreal.add(index)
            self.data.append((request, response))
            self.dirty = True

    def publish(self, recorded: Sequence[Pair], *, may_drop: bool = True) -> tuple[int, int]:
        """Into the file as it is now: how many were added, and how many others had added already.

        What the file holds stays as it is there, whatever the hooks make of it here; `may_drop`: unless it
        is to be dropped, as nothing has played it. Under the cassette's lock.
        """
        drops = self.drop_unused_requests and may_drop
        stored, metadata = self._in_file()
        digests = [*map(digest, stored)]
        loaded = [*map(digest, self._raw)]
        by_hand = [index for index in self._by_hand if index not in self._saved]
        by_suite = self._to_save(self.data[index] for index in by_hand)
        added = [safe_pair(*pair) for pair in by_suite if pair is not None]
        if self._records_anew:
            new = [*recorded]
            left = without(stored, digests, loaded if drops else ())
            kept = self._not_recorded_anew(left, [*added, *new])
        else:
            others = [self._filtered(*one) for one in without(stored, digests, loaded)]
            new = self.without_twins(recorded, others)
            kept = without(stored, digests, self._unplayed(loaded) if drops else ())
        to_save = self._to_save(new)
        self.dropped = [pair for pair, one in zip(new, to_save, strict=True) if one is None]
        saved = [pair for pair in to_save if pair is not None]
        if self._before_save_interaction:  # hooks may have put in what must not be written
            saved = [safe_pair(*pair) for pair in saved]
        self._persist([*kept, *added, *saved], metadata)
        self._saved.update(by_hand)
        self.dirty = False
        return len(new), len(recorded) - len(new)

    def _unplayed(self, loaded: Sequence[bytes]) -> list[bytes]:
        """Return those of the digests `loaded` whose recording was not played."""
        played = {self._raw_places[index] for index in self._played if index < self._loaded}
        return [digest for at, digest in enumerate(loaded) if at not in played]

    def _not_recorded_anew(self, stored: Sequence[Pair], new: Sequence[Pair]) -> list[Pair]:
        compared = [self._filtered(*pair) for pair in stored]
        lookup = Lookup(self._match_on, _agree)
        gone = {
            index for request, _ in new for index in lookup.find(view_of_any(request), compared)
        }
        return [pair for index, pair in enumerate(stored) if index not in gone]

    def without_twins(self, recorded: Sequence[Pair], others: Sequence[Pair]) -> list[Pair]:
        """Return those of `recorded` without a twin among `others`, which are as the hooks leave them.

        Each of the others is the twin of one, unless answers may repeat.
        """
        lookup, taken, new = Lookup(self._match_on, _agree), set[int](), list[Pair]()
        for pair in recorded:
            found = lookup.find(view_of_any(pair[0]), others)
            at = next((index for index in found if index not in taken), None)
            if at is None:
                new.append(pair)
            elif not self.allow_playback_repeats:
                taken.add(at)
        return new

    def not_kept(self, recorded: Sequence[Pair]) -> list[Pair]:
        """Return those of `recorded`, which were published, that are not there when the cassette is read again.

        What onetake itself writes into a file is there.
        """
        if not recorded or self._is_written_by_onetake:
            return []
        found = (pair for _, pair in self._as_loaded(self._in_file()[0]))
        wanted = [pair for pair in recorded if not any(pair is one for one in self.dropped)]
        return self.without_twins(wanted, [self._filtered(*pair) for pair in found])

    @property
    def is_one_file(self) -> bool:
        """Whether all that it holds lies in one file of vcrpy's form, which onetake itself writes."""
        return self._is_written_by_onetake and not getattr(self._persister, "extra_paths", ())

    @property
    def _is_written_by_onetake(self) -> bool:
        save = getattr(self._persister, "save_cassette", None)
        is_known = self._serializer in (yamlserializer, jsonserializer)
        return is_known and bool(getattr(save, "writes_files", False))

    def is_unsaved(self, *, may_drop: bool) -> bool:
        """Whether something was added, or is to be dropped, that no opening has published."""
        if self.dirty and self._taken and self._saved.issuperset(self._by_hand):
            return False  # the opening could not publish it, and has set it apart
        return self.dirty or (may_drop and self._drops_some)

    @property
    def _drops_some(self) -> bool:
        if not self.drop_unused_requests or self._records_anew:
            return False
        return any(index not in self._played for index in range(self._loaded))

    @property
    def _by_hand(self) -> Sequence[int]:
        """Where in `data` stands what was appended by hand."""
        return [i for i in range(self._loaded, len(self.data)) if i not in self._taken]

    # Matching.

    def _next(self, request: Any) -> int | None:
        return None if request is None else self._next_like(view_of_any(request))

    def _next_like(self, view: Any, but: Container[int] = ()) -> int | None:
        for index in self._lookup.find(view, self.data):
            is_left = self.allow_playback_repeats or not self.play_counts[index]
            if is_left and index not in but:
                return index
        return None

    def _views(self) -> list[Any]:
        return [self._lookup.recorded(index, self.data) for index in range(len(self.data))]

    def _unhandled(self, request: Any) -> UnhandledHTTPRequestError:
        return UnhandledHTTPRequestError(
            safe_text(
                f"The cassette ({self._path!r}) doesn't contain the request ({request!r}) asked for"
            )
        )

    # Loading and saving.

    def _load(self) -> None:
        try:
            pairs, metadata = self._pairs_in_file()
        except CassetteNotFoundError:
            return
        self._metadata = metadata or {}
        loaded = self._as_loaded(pairs)
        self._raw, self._raw_places = pairs, [at for at, _ in loaded]
        self.data = [self._filtered(*pair) for _, pair in loaded]
        self._loaded = len(loaded)
        self._lookup.forget()
        self.dirty, self.rewound = False, True

    def _as_loaded(self, pairs: Sequence[Pair]) -> list[tuple[int, Pair]]:
        """Return what the hooks after loading leave of stored pairs, each with its place among them."""
        hooks = self._after_load_interaction
        if not hooks:
            return [*enumerate(pairs)]
        found = ((at, hooked(hooks, copy.deepcopy(one), self)) for at, one in enumerate(pairs))
        return [(at, pair) for at, pair in found if pair is not None]

    def _in_file(self) -> tuple[list[Pair], dict[str, Any]]:
        """What is there now, before any hook."""
        try:
            pairs, metadata = self._pairs_in_file()
        except CassetteNotFoundError:
            return [], {}
        return list(pairs), metadata or {}

    def _pairs_in_file(self) -> tuple[list[Pair], dict[str, Any] | None]:
        requests, responses, *metadata = self._persister.load_cassette(
            self._path, serializer=self._serializer
        )
        return [*zip(requests, responses, strict=False)], metadata[0] if metadata else None

    def _filtered(self, request: Any, response: Any) -> Pair:
        """A stored interaction as the hooks leave it; what a hook would leave out was paid for, and stays."""
        filtered = self._before_record_request(request)
        change = self._before_record_response
        answer = change(copy.deepcopy(response) if _may_change(change) else response)
        return (request if filtered is None else filtered), (response if answer is None else answer)

    def _save(self, force: bool = False) -> None:
        """Write all of it, where something has changed."""
        if force or self.dirty or self._drops_some:
            self.publish([self.data[index] for index in sorted(self._taken)])

    def _to_save(self, pairs: Iterable[Pair]) -> list[Pair | None]:
        """Return the pairs as the hooks before saving leave them, and None for each that one drops."""
        hooks = self._before_save_interaction
        if not hooks:
            return list(pairs)
        return [hooked(hooks, copy.deepcopy(pair), self) for pair in pairs]

    def _persist(self, pairs: Sequence[Pair], metadata: Mapping[str, Any]) -> None:
        cassette: dict[str, Any] = {
            "requests": [request for request, _ in pairs],
            "responses": [response for _, response in pairs],
        }
        if metadata := {**metadata, **safe_value(self._metadata)}:
            cassette["metadata"] = metadata
        self._persister.save_cassette(self._path, cassette, serializer=self._serializer)


def _agree(one: Any, other: Any, match_on: tuple[Matcher, ...]) -> bool:
    return requests_match(one, other, match_on)  # by this name: suites replace it here


def _may_change(hook: Any) -> bool:
    """Tell whether `hook` may change what it is given; onetake's own filters never do."""
    return hook is not _unchanged and not getattr(hook, "leaves_original", False)


def _unchanged(value: Any) -> Any:
    return value
