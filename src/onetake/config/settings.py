"""One frozen value holds every setting; `resolve` makes it from the sources, the strongest last.

Precedence (DESIGN section 11): command line, environment, marker, fixture, file, default, beneath the
ceiling: an explicit `replay`, and CI with recordings in local files, hold everything weaker to `replay`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from msgspec.structs import fields, replace

from onetake.config.choices import TELEMETRY, VOLATILE
from onetake.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from onetake.config.prices import Price
    from onetake.config.rules import Rule
else:
    Price = Rule = Any  # rules, prices, durations and patterns load where there are some


class Mode(StrEnum):
    REPLAY = "replay"
    ONCE = "once"
    AUTO = "auto"
    RECORD = "record"
    LIVE = "live"


MODES: dict[str, Mode] = {
    **{mode.value: mode for mode in Mode},
    "none": Mode.REPLAY,
    "new_episodes": Mode.AUTO,
    "all": Mode.RECORD,
    "rewrite": Mode.RECORD,
}


class Settings(Struct, frozen=True, kw_only=True):
    """What can be set, with the defaults. Documented in the README's table of settings."""

    mode: Mode = Mode.AUTO
    store: str = ""  # "" is `cassettes/` beside the test module or the project file
    encrypt: str = ""  # or "env:NAME"; shared stores only
    format: str = "onetake"  # or "vcrpy"; files only
    match_on: tuple[str, ...] = ("method", "url", "body", "credential")
    match_headers: tuple[str, ...] = ()  # () is the matcher's own allow-list
    rules: tuple[Rule, ...] = ()  # those of every source add up
    volatile: tuple[str, ...] = VOLATILE
    volatile_patterns: dict[str, str] = {}
    volatile_window: float = 86_400.0  # seconds; a duration where it is set
    credential: str = "ordinal"  # or "digest"
    telemetry: str | None = None  # None: "local" in tests, else "live"
    credential_exchange: str = "auto"  # or "live"; "record" is for cassettes of vcrpy alone
    allow_hosts: tuple[str, ...] = ()
    guard: str = "count"  # or "refuse": what tests without a cassette, and nobody, connect to
    repeats: str = "none"
    speed: float = 0.0
    fast_retries: bool | None = None  # None: on at speed 0
    exact_encoding: bool = False
    max_request_body: int = 64 * 1024 * 1024
    publish_on_error: bool = False
    ttl: float | None = None  # seconds; a duration where it is set. None: what the store's URL says
    max_age: float | None = None  # as ttl
    refresh: str = "auto"  # or "soft"
    single_flight: float = 60.0  # seconds; a duration where it is set, 0 is off
    record_statuses: tuple[str, ...] = ()  # () is every status
    shrink: bool = False
    max_interactions: int = 50  # a cassette that holds more is named
    strict: bool = False
    max_live: int | None = None  # calls of a whole run; None is any number
    max_spend: float | None = None  # dollars of a whole run; None is any amount
    prices: dict[str, Price] = {}  # by lower-case name; those of every source add up
    unknown_price_usd: float = 0.05  # what a call of unknown price counts as, for max_spend
    fail_on: tuple[str, ...] | None = None  # None: where CI is set, some (reports.gates)
    auto_mark: bool = False
    adopt: bool = False
    # Why the mode is what it is; said in the session header and in misses.
    mode_reason: str = "default"
    # Whether nothing may go live: an explicit replay, or CI with local files.
    is_ceiling: bool = False
    # What the store's URL says of ages, for recordings of which nothing else does.
    store_ages: tuple[float, float] = (math.inf, math.inf)

    @property
    def lifetime(self) -> tuple[float, float]:
        """`ttl` and `max_age` in seconds, where no rule says more."""
        ttl, max_age = self.store_ages
        return (
            ttl if self.ttl is None else self.ttl,
            max_age if self.max_age is None else self.max_age,
        )


_NOT_SETTABLE = {"mode_reason", "is_ceiling", "store_ages"}
_KINDS = {field.name: field.type for field in fields(Settings)}  # asking for them takes 0.5 ms
NAMES = tuple(name for name in _KINDS if name not in _NOT_SETTABLE)


class Source(Struct, frozen=True):
    """Settings from one place. `name` is told in errors (`pyproject.toml`, `ONETAKE_MODE`, ...)."""

    name: str
    values: Mapping[str, Any]
    lifts_ceiling: bool = False  # the command line and the environment do


def resolve(sources: Sequence[Source], *, ci: bool, base: Settings | None = None) -> Settings:
    """Settings from `sources`, weakest first, on top of `base` (default: the defaults).

    `ci` says whether the environment variable CI is set. Raises `UsageError` naming the source, the
    setting and the nearest known name or value.
    """
    settings = base or Settings()
    explicit = base is not None and base.mode_reason.startswith("explicit")
    for source in sources:
        changes = {key: _value(key, value, source.name) for key, value in source.values.items()}
        if "mode" in changes:
            if explicit and not source.lifts_ceiling:
                del changes["mode"]
            else:
                changes["mode_reason"] = (
                    f"explicit: {source.name}" if source.lifts_ceiling else source.name
                )
                explicit = source.lifts_ceiling and changes["mode"] is Mode.REPLAY
        if "store" in changes:
            changes["store"], changes["store_ages"] = _without_ages(changes["store"], source.name)
        if "rules" in changes:
            changes["rules"] = (*settings.rules, *changes["rules"])
        if "prices" in changes:
            changes["prices"] = settings.prices | changes["prices"]
        if "volatile_patterns" in changes:
            changes["volatile_patterns"] = settings.volatile_patterns | changes["volatile_patterns"]
            named = tuple(changes["volatile_patterns"])
            kinds = changes.get("volatile", settings.volatile)
            changes["volatile"] = tuple(dict.fromkeys((*kinds, *named)))
        settings = replace(settings, **changes)
    if settings.encrypt and is_local(settings.store):
        _check_encrypt(sources)
    lifted = settings.mode_reason.startswith("explicit")
    if ci and not lifted and is_local(settings.store) and settings.mode is not Mode.REPLAY:
        settings = replace(
            settings,
            mode=Mode.REPLAY,
            mode_reason="CI is set and recordings are local files; "
            "only --onetake-mode or ONETAKE_MODE lifts this",
        )
    _check_kinds(settings)
    held = explicit or (ci and not lifted and is_local(settings.store))
    return replace(settings, is_ceiling=held and settings.mode is Mode.REPLAY)


def _check_encrypt(sources: Sequence[Source]) -> None:
    """Whoever chooses files over the shared store of a weaker source may; else something is wrong."""
    for source in reversed(sources):
        if "encrypt" in source.values:
            raise UsageError(
                f"encrypt in {source.name} is for shared stores, and recordings lie in files: "
                "these are there to be read and compared in version control.",
                remedy="Take encrypt out, or keep recordings in sqlite:PATH, redis://HOST or a bucket.",
            )
        if "store" in source.values:
            return


def _check_kinds(settings: Settings) -> None:
    known = (*VOLATILE, *settings.volatile_patterns)
    named = [("Setting 'volatile'", settings.volatile)]
    named += [
        (f"'volatile' of rule {number}", rule.volatile or ())
        for number, rule in enumerate(settings.rules, 1)
    ]
    for place, kinds in named:
        for kind in kinds:
            if kind not in known:
                hint = f"Known: {', '.join(known)}; volatile_patterns adds to them."
                raise UsageError(
                    f"{place} names {kind!r}, which is unknown.",
                    remedy=f"{did_you_mean(kind, known)} {hint}".lstrip(),
                )


def is_local(store: str) -> bool:
    """Whether recordings live in local files."""
    return store == "" or store.startswith("files:")


_CHOICES = {
    "format": ("onetake", "vcrpy"),
    "repeats": ("none", "last"),
    "credential": ("ordinal", "digest"),
    "telemetry": TELEMETRY,
    "credential_exchange": ("auto", "live"),
    "refresh": ("auto", "soft"),
    "guard": ("count", "refuse"),
}
_LISTS = ("match_on", "match_headers", "volatile", "allow_hosts", "record_statuses")
_DURATIONS = ("single_flight", "volatile_window", "ttl", "max_age")


def _patterns(value: Any, source: str) -> dict[str, str]:
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            value = None
    if not isinstance(value, Mapping):
        raise UsageError(
            f"Setting 'volatile_patterns' in {source} is no table.",
            remedy='Write names and regular expressions: { run-id = "run-[0-9]+" }.',
        )
    from onetake.config.patterns import check_pattern

    for name, pattern in value.items():
        if name in VOLATILE:
            raise UsageError(
                f"Setting 'volatile_patterns' in {source} has {name!r}, which is built in.",
                remedy="Give it another name.",
            )
        check_pattern(str(pattern), f"'volatile_patterns' in {source}, {name}")
    return {str(name): str(pattern) for name, pattern in value.items()}


def _value(key: str, value: Any, source: str) -> Any:
    if key not in NAMES:
        hint = did_you_mean(key, NAMES) or f"Known settings: {', '.join(NAMES)}."
        raise UsageError(f"Unknown setting {key!r} in {source}.", remedy=hint)
    if key == "mode":
        return _mode(value, source)
    if key == "rules":
        from onetake.config.rules import parse_rules

        return parse_rules(value, source)
    if key in _DURATIONS:
        from onetake.config.durations import parse_duration

        return parse_duration(value, f"Setting {key!r} in {source}")
    if key == "prices":
        from onetake.config.prices import parse_prices

        return parse_prices(value, source)
    if key in ("fail_on", "max_live", "max_spend", "unknown_price_usd") and value is not None:
        from onetake.config import gates

        parse = {"fail_on": gates.parse_gates, "max_live": gates.parse_limit}
        return parse.get(key, gates.parse_usd)(value, f"Setting {key!r} in {source}")
    if key in _CHOICES and value not in _CHOICES[key]:
        known = " or ".join(f'"{choice}"' for choice in _CHOICES[key])
        raise UsageError(f"Setting {key!r} in {source} is {value!r}.", remedy=f"Use {known}.")
    if key == "volatile_patterns":
        value = _patterns(value, source)
    if key == "store":
        _check_store(value, source)
    if key == "encrypt":
        from onetake.config.encryption import parse_encrypt

        return parse_encrypt(value, f"Setting 'encrypt' in {source}")
    try:
        strict = not isinstance(value, str)
        if isinstance(value, str) and key in _LISTS:
            value = [part.strip() for part in value.split(",") if part.strip()]
        if key == "record_statuses":
            from onetake.config.statuses import parse_statuses

            return parse_statuses(value, f"Setting {key!r} in {source}")
        return msgspec.convert(value, _KINDS[key], strict=strict)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"Setting {key!r} in {source} is {value!r}: {str(error).lower()}.",
            remedy="See the table of settings in the README.",
        ) from None


def _mode(value: Any, source: str) -> Mode:
    if isinstance(value, Mode):
        return value
    if value == "verify":
        raise UsageError(
            f"Mode 'verify' in {source} comes in a later version of onetake.",
            remedy="Use record to record anew and review the change in version control.",
        )
    if not isinstance(value, str) or value not in MODES:
        raise UsageError(
            f"Unknown mode {value!r} in {source}.",
            remedy=f"{did_you_mean(value, MODES)} Modes: {', '.join(Mode)}.".lstrip(),
        )
    return MODES[value]


SHARED_STORES = ("sqlite:", "redis://", "rediss://", "s3://", "gs://", "az://", "file:///")
"""How the URLs of stores begin that hold many cassettes as rows."""


def is_shared(store: str) -> bool:
    """Whether the store holds many cassettes as rows."""
    return store.startswith(SHARED_STORES)


def without_secrets(store: str) -> str:
    """A store's URL as it may be shown: no user, no password, no query."""
    if not is_shared(store) or "//" not in store:
        return store
    scheme, _, rest = store.partition("//")
    address, slash, path = rest.partition("?")[0].partition("/")
    return f"{scheme}//{address.rpartition('@')[2]}{slash}{path}"


def named_store(store: str) -> str:
    """Name a store as its user calls it, without secrets; also that of the default, which has no URL."""
    return without_secrets(store) or "cassettes/ beside each test module"


def _without_ages(store: str, source: str) -> tuple[str, tuple[float, float]]:
    """The URL of a shared store without `ttl` and `max_age`, and these in seconds."""
    address, _, query = store.partition("?")
    if not query or not is_shared(store):
        return store, (math.inf, math.inf)
    from onetake.config.durations import parse_duration

    ages = {"ttl": math.inf, "max_age": math.inf}
    kept: list[str] = []
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name in ages:
            ages[name] = parse_duration(value, f"{name!r} of the store's URL in {source}")
        else:
            kept.append(pair)
    rest = "&".join(kept)
    return f"{address}?{rest}" if rest else address, (ages["ttl"], ages["max_age"])


def _check_store(value: Any, source: str) -> None:
    if isinstance(value, str):
        if value == "files:":
            raise UsageError(
                f"The store in {source} names no folder.",
                remedy="Write files:PATH, such as files:kept.",
            )
        if is_local(value) or value == "memory:":
            return
        if is_shared(value) and value not in SHARED_STORES:
            return
    # Only the scheme is told: the rest may hold a password.
    scheme = str(value).split(":", 1)[0]
    if str(value).rstrip("/") in ("redis:", "rediss:"):
        raise UsageError(
            f"The store in {source} names no host.",
            remedy="Write redis://HOST, such as redis://localhost.",
        )
    is_path = ":" not in str(value)
    hint = f" (here perhaps files:{value})" if is_path else ""
    raise UsageError(
        f"Unknown store in {source}: {value if is_path else scheme!r}.",
        remedy=f"Use files:PATH{hint}, sqlite:PATH, redis://HOST, s3://BUCKET/PREFIX or memory: .",
    )
