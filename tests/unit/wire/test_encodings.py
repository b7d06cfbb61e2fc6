"""Content codings: what comes back, in whatever pieces it came, and how far a bomb gets."""

from __future__ import annotations

import gzip
import zlib

import pytest

from onetake.errors import CassetteError
from onetake.formats.packing import pack, pack_plain, unpack
from onetake.wire.encodings import TooLargeError, decoder, encoder, zstd_library

MEGABYTE = 1 << 20
CODINGS = ["gzip", "deflate", "br", "zstd"]


def encoded(coding: str, *pieces: bytes, packs: bool = True) -> bytes:
    coder = encoder(coding, packs=packs)
    assert coder is not None
    return b"".join([coder.feed(one) for one in pieces] + [coder.finish()])


def decoded(coding: str, data: bytes, step: int) -> bytes:
    coder = decoder(coding)
    assert coder is not None
    return (
        b"".join([coder.feed(data[at : at + step]) for at in range(0, len(data), step)])
        + coder.finish()
    )


@pytest.mark.parametrize("packs", [False, True])
@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("step", [1, 7, 1 << 30])
def test_what_was_encoded_comes_back_in_whatever_pieces(coding, step, packs):
    pieces = [bytes(range(256)) * 300, b"Hello. " * 500, b"", b"x"]

    assert decoded(coding, encoded(coding, *pieces, packs=packs), step) == b"".join(pieces)


@pytest.mark.parametrize("packs", [False, True])
@pytest.mark.parametrize("coding", CODINGS)
def test_each_piece_can_be_read_before_the_next_comes(coding, packs):
    out, back = encoder(coding, packs=packs), decoder(coding)
    pieces = [b"first", b"", b"second" * 20_000, b"\0"]

    assert [back.feed(out.feed(piece)) for piece in pieces] == pieces


@pytest.mark.parametrize("pieces", [[], [b""], [b"Hello"], [bytes(70_000), b"x" * 0xFFFF]])
def test_what_is_stored_is_read_by_zlib_with_its_checksum(pieces):
    whole = b"".join(pieces)

    assert gzip.decompress(encoded("gzip", *pieces, packs=False)) == whole
    assert zlib.decompress(encoded("deflate", *pieces, packs=False)) == whole


def test_a_replayed_body_is_not_compressed_and_one_that_is_kept_is():
    text = b"Hello. " * 5000

    assert len(encoded("gzip", text, packs=False)) > len(text)
    assert len(encoded("gzip", text)) < len(text) / 20


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("step", [1000, 1 << 30])
def test_a_bomb_is_not_decoded(coding, step):
    bomb = encoded(coding, *[bytes(MEGABYTE)] * 8)

    with pytest.raises(TooLargeError):
        decoded(coding, bomb, step)


@pytest.mark.parametrize("coding", CODINGS)
def test_what_is_small_may_be_packed_as_tightly_as_it_likes(coding):
    assert decoded(coding, encoded(coding, bytes(4 * MEGABYTE)), 1 << 30) == bytes(4 * MEGABYTE)


def test_several_members_of_gzip_share_one_limit():
    member = zlib.compressobj(9, zlib.DEFLATED, 31)
    member_data = member.compress(bytes(3 * MEGABYTE)) + member.flush()

    with pytest.raises(TooLargeError):
        decoded("gzip", member_data * 3, 1 << 30)


def test_a_packed_recording_that_unpacks_to_far_more_is_refused():
    library = zstd_library()
    bomb = b"\x01" + library.compress(bytes(80 * MEGABYTE))

    with pytest.raises(CassetteError, match="more than"):
        unpack(bomb)


@pytest.mark.parametrize("size", [5 * MEGABYTE, 65 * MEGABYTE])
def test_what_would_look_like_a_bomb_is_stored_as_it_is(size):
    data = bytes(size)

    assert pack(data) == pack_plain(data)
    assert unpack(pack(data)) == data
