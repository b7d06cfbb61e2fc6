"""The matcher of a recorder: one for equal settings, and never with a function that was replaced."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import onetake
from onetake.config import Settings
from onetake.formats.document import encode_interaction, join
from onetake.messages import Interaction, Request, Response
from onetake.recorder import recorder as module
from onetake.stores.files import FileCassette

SETTINGS = Settings(match_on=("method", "tail"))


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    before = dict(module._functions)
    onetake.register_matcher("tail", lambda request: request.body[-1:])
    yield
    module._functions.clear()
    module._functions.update(before)


def asked(body: bytes) -> Request:
    return Request(method="POST", url="https://api.example.com/", body=body)


def test_equal_settings_share_a_matcher(tmp_path):
    recorder = onetake.Recorder(settings=SETTINGS, root=tmp_path)

    assert recorder._matcher(SETTINGS) is recorder._matcher(Settings(match_on=("method", "tail")))


def test_a_function_that_is_registered_anew_is_asked_from_then_on(tmp_path):
    recorder = onetake.Recorder(settings=SETTINGS, root=tmp_path)
    key = recorder._matcher(SETTINGS).key
    assert key(asked(b"first")) != key(asked(b"second"))

    onetake.register_matcher("tail", lambda request: request.body[:0])

    key = recorder._matcher(SETTINGS).key
    assert key(asked(b"first")) == key(asked(b"second"))


def test_keys_that_a_function_has_a_part_in_are_not_kept(tmp_path):
    texts = [
        encode_interaction(Interaction(request=asked(b"%d" % n), response=Response(status=200)), {})
        for n in range(120)
    ]
    (tmp_path / "c.json").write_bytes(join(texts, None))

    def loaded() -> list[bytes]:
        matcher = onetake.Recorder(settings=SETTINGS, root=tmp_path)._matcher(SETTINGS)
        held = FileCassette(tmp_path / "c.json", tmp_path / "blobs", cache=tmp_path / ".onetake")
        return list(held.load(matcher.key, matcher.fingerprint).keys)

    assert len(set(loaded())) == 10

    onetake.register_matcher("tail", lambda request: request.body[:0])

    assert len(set(loaded())) == 1
