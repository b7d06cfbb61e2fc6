"""A rule reaches what a path names within compressed bodies, batches, e-mails and uploads within uploads."""

from __future__ import annotations

import gzip
import json

import pytest

from onetake.config.rules import parse_rules
from onetake.diagnosis.differences import changes
from onetake.matching import Matcher
from onetake.messages import Headers, Request


def request(body: str, content_type: str, coding: str = "") -> Request:
    lines = [("content-type", content_type)]
    data = body.replace("\n", "\r\n").encode()
    if coding:
        lines.append(("content-encoding", coding))
        data = gzip.compress(data)
    return Request(method="POST", url="http://a.test/x", headers=Headers(tuple(lines)), body=data)


def batch(
    boundary: str, inner: str, line: str, accept: str, name: str, cid: str, file: str
) -> Request:
    body = f"""--{boundary}
Content-Type: application/http
Content-ID: <{cid}>

{line} HTTP/1.1
Accept: {accept}
Content-Type: application/json

{{"name": "{name}"}}
--{boundary}
Content-Disposition: form-data; name="sub"
Content-Type: multipart/mixed; boundary={inner}

--{inner}

first
--{inner}
Content-Disposition: attachment; filename="{file}"

{{"k": "{name}"}}
--{inner}--

--{boundary}--
"""
    return request(body, f"multipart/mixed; boundary={boundary}")


def of_batch(**changed: str) -> Request:
    names = {
        "line": "POST /v1",
        "accept": "text/html",
        "name": "n",
        "cid": "one",
        "file": "/a/x.txt",
    }
    return batch(**({"boundary": "outer", "inner": "inner"} | names | changed))


def mail(subject: str, text: str, boundary: str) -> Request:
    body = f"""Subject: {subject}
Content-Type: multipart/mixed; boundary={boundary}

--{boundary}
Content-Type: text/plain

{text}
--{boundary}--
"""
    return request(body, "message/rfc822")


def packed(**fields: str) -> Request:
    return request(json.dumps(fields), "application/json", "gzip")


CASES = {
    'part["0"].header.content-id': (of_batch(), of_batch(boundary="b2", cid="two")),
    'part["0"].content.line': (of_batch(), of_batch(inner="i2", line="PUT /v2")),
    'part["0"].content.header.accept': (of_batch(), of_batch(accept="*/*")),
    'part.sub.content["1"].filename': (of_batch(), of_batch(file="/b/y.txt")),
    "body.header.subject": (mail("one", "text", "b1"), mail("two", "text", "b2")),
    'body.content["0"].content': (mail("one", "text", "b1"), mail("one", "other", "b2")),
    "body.user": (packed(user="a", model="m"), packed(model="m", user="b")),
}


@pytest.mark.parametrize("path", CASES)
def test_a_difference_says_the_path_that_a_rule_ignores(path):
    recorded, sent = CASES[path]
    plain = Matcher()
    ruled = Matcher(rules=parse_rules(json.dumps([{"ignore": [path]}]), "a test"))

    assert plain.key(recorded) != plain.key(sent)
    assert [one.path for one in changes(recorded, sent)] == [path]
    assert ruled.key(recorded) == ruled.key(sent)


def test_every_place_of_a_value_is_named():
    recorded, sent = of_batch(), of_batch(name="other")

    found = [one.path for one in changes(recorded, sent)]

    assert found == ['part["0"].content.content.name', 'part.sub.content["1"].content.k']
    rules = parse_rules(json.dumps([{"ignore": found}]), "a test")
    assert Matcher(rules=rules).key(recorded) == Matcher(rules=rules).key(sent)


def test_a_folder_of_a_file_is_no_part_of_identity():
    assert Matcher().key(of_batch()) == Matcher().key(of_batch(file="C:\\folder\\x.txt"))
    assert list(changes(of_batch(), of_batch(file="/other/x.txt"))) == []


@pytest.mark.parametrize("path", ["part.sub.content.k.deeper", "part.sub.content.a"])
def test_a_path_that_leads_nowhere_changes_nothing(path):
    rules = parse_rules(json.dumps([{"ignore": [path]}]), "a test")
    matcher = Matcher(rules=rules)

    assert matcher.key(of_batch()) != matcher.key(of_batch(name="other"))


def test_a_path_below_a_pair_of_a_form_in_a_part_leaves_the_pair():
    sent = [
        request(
            f'--b\nContent-Disposition: form-data; name="f"\n\na={n}&c=1\n--b--\n',
            "multipart/form-data; boundary=b",
        )
        for n in (1, 2)
    ]
    for path, is_equal in (("part.f.content.a.b", False), ("part.f.content.a", True)):
        matcher = Matcher(rules=parse_rules(json.dumps([{"ignore": [path]}]), "a test"))
        assert (matcher.key(sent[0]) == matcher.key(sent[1])) is is_equal
