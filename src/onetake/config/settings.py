"""One frozen value holds every setting; `resolve` makes it from the sources, the strongest last.

Precedence (DESIGN section 11): command line, environment, marker, fixture, file, default, beneath the
ceiling: an explicit `replay`, and CI with recordings in local files, hold everything weaker to `replay`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import fields, replace

from onetake.errors import UsageError


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
    match_on: tuple[str, ...] = ("method", "url", "body")
    match_headers: tuple[str, ...] = ()  # () is the matcher's own allow-list
    repeats: str = "none"
    speed: float = 0.0
    fast_retries: bool | None = None  # None: on at speed 0
    exact_encoding: bool = False
    max_request_body: int = 64 * 1024 * 1024
    publish_on_error: bool = False
    auto_mark: bool = False
    adopt: bool = False
    # Why the mode is what it is; said in the session header and in misses.
    mode_reason: str = "default"


_NOT_SETTABLE = {"mode_reason"}
NAMES = tuple(f.name for f in fields(Settings) if f.name not in _NOT_SETTABLE)


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
        settings = replace(settings, **changes)
    lifted = settings.mode_reason.startswith("explicit")
    if ci and not lifted and is_local(settings.store) and settings.mode is not Mode.REPLAY:
        settings = replace(
            settings,
            mode=Mode.REPLAY,
            mode_reason="CI is set and recordings are local files; "
            "only --onetake-mode or ONETAKE_MODE lifts this",
        )
    return settings


def is_local(store: str) -> bool:
    """Whether recordings live in local files."""
    return store == "" or store.startswith("files:")


def _value(key: str, value: Any, source: str) -> Any:
    if key not in NAMES:
        near = difflib.get_close_matches(key, NAMES, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known settings: {', '.join(NAMES)}."
        raise UsageError(f"Unknown setting {key!r} in {source}.", remedy=hint)
    if key == "mode":
        return _mode(value, source)
    if key == "repeats" and value not in ("none", "last"):
        raise UsageError(
            f"Setting 'repeats' in {source} is {value!r}.", remedy='Use "none" or "last".'
        )
    if key == "store":
        _check_store(value, source)
    try:
        kind = next(f.type for f in fields(Settings) if f.name == key)
        strict = not isinstance(value, str)
        if isinstance(value, str) and key in ("match_on", "match_headers"):
            value = [part.strip() for part in value.split(",") if part.strip()]
        return msgspec.convert(value, kind, strict=strict)
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
        near = difflib.get_close_matches(str(value), MODES, 1)
        raise UsageError(
            f"Unknown mode {value!r} in {source}.",
            remedy=(f"Did you mean {near[0]!r}? " if near else "") + f"Modes: {', '.join(Mode)}.",
        )
    return MODES[value]


_LATER_STORES = ("sqlite:", "redis:", "rediss:", "s3:", "gs:", "az:")


def _check_store(value: Any, source: str) -> None:
    if isinstance(value, str) and (is_local(value) or value == "memory:"):
        return
    scheme = str(value).split(":", 1)[0]
    if str(value).startswith(_LATER_STORES):
        raise UsageError(
            f"Store {scheme!r} in {source} is not available in this version of onetake.",
            remedy="Use files:PATH or memory: .",
        )
    raise UsageError(
        f"Unknown store in {source}: {scheme!r}.",
        remedy=f"Use files:PATH (here perhaps files:{value}) or memory: .",
    )
