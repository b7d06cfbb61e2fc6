"""The network guard in a program: what its cassette's block connects to."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

import onetake
from onetake.errors import GuardError
from onetake.runtime.context import passing

NOWHERE = ("api.nowhere.test", 80)


def connect() -> str:
    """How it failed: there is nothing to connect to."""
    try:
        socket.create_connection(NOWHERE).close()
    except OSError as error:
        return type(error).__name__
    return ""


def test_a_connection_is_refused_in_replay_with_all_that_its_reader_needs(project: Path) -> None:
    with (
        onetake.use_cassette("one", mode="replay") as cassette,
        cassette.expect_miss(),
        pytest.raises(GuardError) as caught,
    ):
        socket.create_connection(NOWHERE)

    error = caught.value
    assert isinstance(error, OSError)
    assert (error.host, error.reason) == ("api.nowhere.test", "egress")
    assert error.message.endswith(
        " connects, past onetake, to api.nowhere.test, and in mode replay "
        "(use_cassette(...)) nothing goes to the network."
    )
    assert error.message.startswith(error.test)
    assert error.remedy.startswith('Add "api.nowhere.test" to allow_hosts, ')


def test_a_refusal_that_was_swallowed_is_raised_at_the_end_once_a_host(project: Path) -> None:
    with pytest.raises(GuardError), onetake.use_cassette("one", mode="replay") as cassette:
        assert [connect(), connect()] == ["GuardError", "GuardError"]

    assert cassette.counts == {"refused": 2}
    assert cassette.verdict == "MISS"
    assert [type(one) for one in cassette.misses] == [GuardError]


def test_outside_of_replay_and_outside_of_cassettes_nothing_is_refused(project: Path) -> None:
    with onetake.use_cassette("one", mode="auto"):
        inside = connect()

    assert (inside, connect()) == ("gaierror", "gaierror")


TCP = (socket.AF_INET, socket.SOCK_STREAM)
UDP = (socket.AF_INET, socket.SOCK_DGRAM)


@pytest.mark.parametrize(
    ("kind", "reach"),
    [
        (TCP, lambda _: socket.getaddrinfo("api.nowhere.test", 80)),
        (TCP, lambda _: socket.getaddrinfo(b"api.nowhere.test", "http")),
        (TCP, lambda _: socket.gethostbyname("api.nowhere.test")),
        (TCP, lambda _: socket.gethostbyname_ex("api.nowhere.test")),
        (TCP, lambda one: one.connect(("0xc0.0.2.1", 80))),  # read as the C library does
        (TCP, lambda one: one.connect_ex(("192.0.2.1", 80))),
        ((socket.AF_INET6, socket.SOCK_STREAM), lambda one: one.connect(("2001:db8::1", 80, 0, 0))),
        (UDP, lambda one: one.sendto(b"x", ("3221225985", 80))),
        (UDP, lambda one: one.sendto(b"x", ("192.0.2.1", 80))),
        (UDP, lambda one: one.sendmsg([b"x"], [], 0, ("192.0.2.1", 80))),
    ],
)
def test_every_way_to_a_host_is_seen(
    project: Path, kind: tuple[int, int], reach: Callable[[socket.socket], object]
) -> None:
    with (
        socket.socket(*kind) as one,
        onetake.use_cassette("one", mode="replay") as cassette,
        cassette.expect_miss(),
        pytest.raises(GuardError),
    ):
        reach(one)


def test_what_a_decided_call_looks_up_in_an_executor_passes(project: Path) -> None:
    with onetake.use_cassette("one", mode="replay") as cassette, ThreadPoolExecutor(1) as pool:
        with passing():
            decided = pool.submit(connect).result()
        with cassette.expect_miss():
            other = pool.submit(connect).result()

    assert (decided, other) == ("gaierror", "GuardError")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_is_refused_too(project: Path) -> None:
    with onetake.use_cassette("one", mode="replay"):
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                os._exit(7 if connect() == "GuardError" else 1)
            os._exit(2)
        _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 7
