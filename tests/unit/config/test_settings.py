"""Where settings come from, which wins, and what is said of a wrong one."""

from __future__ import annotations

import math

import pytest

from onetake.config import Mode, Settings, Source, resolve, without_secrets
from onetake.errors import UsageError
from onetake.project import environment_source, is_ci


def mode_of(*sources: Source, ci: bool = False) -> Mode:
    return resolve(sources, ci=ci).mode


FILE = Source("pyproject.toml", {"mode": "once"})
MARKER = Source("marker", {"mode": "record"})
OPTION = Source("--onetake-mode", {"mode": "auto"}, lifts_ceiling=True)
LOCKED = Source("--onetake-mode", {"mode": "none"}, lifts_ceiling=True)


def test_the_strongest_source_wins():
    assert mode_of() is Mode.AUTO
    assert mode_of(FILE) is Mode.ONCE
    assert mode_of(FILE, MARKER) is Mode.RECORD
    assert mode_of(FILE, MARKER, OPTION) is Mode.AUTO


def test_an_explicit_replay_is_a_ceiling_for_everything():
    assert mode_of(FILE, MARKER, LOCKED) is Mode.REPLAY

    locked = resolve([FILE, LOCKED], ci=False)
    assert resolve([MARKER], ci=False, base=locked).mode is Mode.REPLAY


def test_ci_with_local_files_holds_files_and_markers_to_replay():
    assert mode_of(FILE, MARKER, ci=True) is Mode.REPLAY
    assert mode_of(FILE, MARKER, OPTION, ci=True) is Mode.AUTO
    assert mode_of(MARKER, Source("store", {"store": "memory:"}), ci=True) is Mode.RECORD
    assert "CI is set" in resolve([MARKER], ci=True).mode_reason


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("true", True), ("0", False), ("false", False), ("", False)],
)
def test_ci_is_what_says_so(value, expected):
    assert is_ci({"CI": value}) is expected


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"mood": "auto"}, ["'mood'", "here.toml", "'mode'"]),
        ({"mode": "repaly"}, ["'repaly'", "here.toml", "'replay'"]),
        ({"mode": "verify"}, ["later version"]),
        ({"mode": 3}, ["Unknown mode 3"]),
        ({"speed": "quick"}, ["'speed'", "'quick'", "here.toml"]),
        ({"repeats": "first"}, ['"none" or "last"']),
        ({"store": "mysql://user:secret@host/0"}, ["'mysql'", "redis://HOST"]),
        ({"store": "recordings"}, ["files:recordings"]),
        ({"auto_mark": "perhaps"}, ["'auto_mark'"]),
    ],
)
def test_a_wrong_setting_is_one_error_that_names_it_and_the_remedy(values, parts):
    with pytest.raises(UsageError) as caught:
        resolve([Source("here.toml", values)], ci=False)

    text = str(caught.value)
    assert all(part in text for part in parts)
    assert "secret" not in text


def test_texts_from_the_environment_become_values():
    source = environment_source(
        {"ONETAKE_SPEED": "1.5", "ONETAKE_AUTO_MARK": "true", "ONETAKE_MATCH_ON": "method, url"}
    )

    assert resolve([source], ci=False) == Settings(
        speed=1.5, auto_mark=True, match_on=("method", "url")
    )


def test_our_other_variables_are_no_settings():
    assert environment_source({"ONETAKE_RUN_ID": "x", "PATH": "y"}).values == {}


def test_a_store_is_shown_without_its_secrets():
    assert without_secrets("redis://user:secret@host:1/0?password=x") == "redis://host:1/0"
    assert without_secrets("s3://bucket/a/b?key=x") == "s3://bucket/a/b"
    assert without_secrets("sqlite:a.sqlite") == "sqlite:a.sqlite"


def test_a_store_says_how_old_its_recordings_may_become():
    of_store = Source("here.toml", {"store": "redis://host/0?ttl=7d&namespace=team&max_age=30d"})

    settings = resolve([of_store], ci=False)
    by_marker = resolve([of_store, Source("marker", {"ttl": "1h"})], ci=False)
    elsewhere = resolve([of_store, Source("marker", {"store": "sqlite:a.db"})], ci=False)

    assert settings.store == "redis://host/0?namespace=team"
    assert settings.lifetime == (7 * 86_400, 30 * 86_400)
    assert by_marker.lifetime == (3600, 30 * 86_400)
    assert elsewhere.lifetime == (math.inf, math.inf)
    assert resolve([of_store, Source("marker", {"ttl": "inf"})], ci=False).lifetime[0] == math.inf


def test_a_wrong_age_in_a_stores_url_is_named():
    with pytest.raises(UsageError, match=r"'ttl' of the store's URL in here\.toml is 'soon'"):
        resolve([Source("here.toml", {"store": "redis://host/0?ttl=soon"})], ci=False)
