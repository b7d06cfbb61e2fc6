from __future__ import annotations

from functools import partial

import pytest

from onetake.errors import CassetteError
from onetake.formats.document import Stored, parse
from onetake.formats.vcr_entry import VcrEntry
from onetake.messages import Ended, Request

ASKED = {"method": "get", "uri": "http://h/a", "headers": {"x": ["1"]}, "body": None}
ANSWER = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": "hello"}}


def entry(request: object = ASKED, response: object = ANSWER, **more: object) -> VcrEntry:
    return VcrEntry(lambda: {"request": request, "response": response}, ("c.yaml", 2), **more)


def test_a_request_is_read_without_its_answer_and_an_answer_without_its_request():
    assert entry(response={}).request.line == "GET http://h/a"
    answering = entry(request={}).answering(Request(method="GET", url="http://h/b"))
    assert answering.request.url == "http://h/b"
    assert answering.response is not None
    assert answering.response.body.data == b"hello"


def test_nothing_is_read_before_it_is_asked_for():
    def fail() -> object:
        raise AssertionError

    made = VcrEntry(fail, ("c.yaml", 0))
    assert (made.at, made.has_values_redacted) == (0.0, False)


def test_a_request_is_made_fit_once():
    fitted: list[Request] = []

    def fit(request: Request) -> Request:
        fitted.append(request)
        return request.replace(url="http://h/fit")

    made = entry(fit=fit)
    assert made.request.url == made.interaction.request.url == "http://h/fit"
    assert made.line == ("GET", "http://h/fit")
    assert len(fitted) == 1


def test_its_text_is_an_entry_of_our_own_format():
    made = entry(response={**ANSWER, "ended": "closed"})
    text = b'{"onetake": 1, "interactions": [' + made.raw + b"]}"
    (read,) = parse(text, "c.json", partial(pytest.fail, "no blob")).entries
    assert isinstance(read, Stored)
    assert read.interaction == made.interaction
    assert made.interaction.ended is Ended.CLOSED


@pytest.mark.parametrize("broken", [entry(request=None), entry(response={}), entry(response=None)])
def test_an_error_names_the_file_and_the_place(broken: VcrEntry):
    with pytest.raises(CassetteError, match=r"Interaction 3 of c\.yaml cannot be read") as caught:
        _ = broken.interaction
    assert caught.value.path == "c.yaml"
