"""Rules: what they make equal, what they never make equal, and for which requests."""

from __future__ import annotations

import json

import pytest

from onetake.config.rules import Rule, parse_rules
from onetake.errors import UsageError
from onetake.matching import Matcher, fields
from onetake.messages import Headers, Request

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=xyz"
EVERYTHING = ("method", "url", "body", "headers")
UUIDS = ("3f2a1b4c-9d8e-4f70-8a61-b2c3d4e5f607", "00112233-4455-4677-8899-aabbccddeeff")


def matcher(*rules: dict[str, object], **how) -> Matcher:
    how = {"match_on": EVERYTHING, "match_headers": ("x-session", "x-run")} | how
    return Matcher(rules=parse_rules(list(rules), "a test"), **how)


def request(
    body: object = b"",
    content_type: str = "application/json",
    url: str = "https://api.example.com/v1/chat?sig=1&a=2",
    method: str = "POST",
    headers: tuple[tuple[str, str], ...] = (("X-Session", "s"), ("X-Run", "r")),
) -> Request:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = (*headers, ("Content-Type", content_type))
    return Request(method=method, url=url, headers=Headers(lines), body=data)


def lines(*values: object) -> Request:
    return request("\n".join(map(json.dumps, values)).encode(), "application/x-ndjson")


def form(text: str) -> Request:
    return request(text.encode(), FORM)


def upload(
    content: str = "data", *, name: str = "file", filename: str = "a.png", kind: str = "image/png"
) -> Request:
    head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: {kind}'
    further = '--xyz\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n'
    return request(f"--xyz\r\n{head}\r\n\r\n{content}\r\n{further}--xyz--\r\n".encode(), MULTIPART)


CHAT = {
    "model": "m",
    "metadata": {"trace_id": "t1", "user": "u"},
    "messages": [{"id": 1, "c": "x"}],
}


def chat(**changes: object) -> Request:
    return request(CHAT | changes)


BASE = request(CHAT)

# A path, two requests that differ there, and one that differs from the second somewhere else as well.
IGNORED = [
    ("method", BASE, BASE.replace(method="PUT"), chat(model="n").replace(method="PUT")),
    (
        "url.scheme",
        BASE,
        BASE.replace(url=BASE.url.replace("https", "http")),
        BASE.replace(url=BASE.url.replace("https", "http") + "1"),
    ),
    (
        "url.host",
        BASE,
        BASE.replace(url="https://eu.example.com:8443/v1/chat?sig=1&a=2"),
        BASE.replace(url="https://eu.example.com:8443/v1/files?sig=1&a=2"),
    ),
    (
        "url.path",
        BASE,
        BASE.replace(url="https://api.example.com/v2/x?sig=1&a=2"),
        BASE.replace(url="https://api.example.com/v2/x?sig=1&a=3"),
    ),
    (
        "query.sig",
        BASE,
        BASE.replace(url=BASE.url.replace("sig=1", "sig=2%26")),
        BASE.replace(url=BASE.url.replace("sig=1", "sign=2")),
    ),
    (
        "query.sig",
        BASE,
        BASE.replace(url="https://api.example.com/v1/chat?a=2"),
        BASE.replace(url="https://api.example.com/v1/chat?a=2&a=2"),
    ),
    (
        "query.*",
        BASE,
        BASE.replace(url="https://api.example.com/v1/chat"),
        BASE.replace(url="https://api.example.com/v1/cha"),
    ),
    (
        "header.X-Session",
        BASE,
        request(CHAT, headers=(("x-session", "z"), ("x-run", "r"))),
        request(CHAT, headers=(("x-session", "s"), ("x-run", "z"))),
    ),
    (
        "header.x-*",
        BASE,
        request(CHAT, headers=(("x-session", "z"),)),
        request(CHAT | {"model": "n"}, headers=()),
    ),
    ("form.user", form("a=1&user=2"), form("user=x&a=1"), form("user=2&a=2")),
    ("form.user", form("a=1&user=2"), form("a=1"), form("a=1&User=2")),
    ('form["user[id]"]', form("a=1&user[id]=2"), form("a=1&user%5Bid%5D=3"), form("a=1&user=2")),
    ("body", BASE, request(b"anything", "text/plain"), BASE.replace(method="GET")),
    (
        "body.metadata.trace_id",
        BASE,
        chat(metadata={"user": "u", "trace_id": {"a": [2]}}),
        chat(metadata={"user": "v", "trace_id": "t1"}),
    ),
    (
        "body.metadata.trace_id",
        BASE,
        chat(metadata={"user": "u"}),
        chat(metadata={"user": "u"}, trace_id="t1"),
    ),
    ("body.metadata", BASE, chat(metadata=None), chat(metadata=None, model="n")),
    (
        "body.messages[0].id",
        BASE,
        chat(messages=[{"id": 2, "c": "x"}]),
        chat(messages=[{"id": 1, "c": "y"}]),
    ),
    (
        "body.messages[0]",
        BASE,
        chat(messages=["other"]),
        chat(messages=[{"id": 1, "c": "x"}, {"id": 1, "c": "x"}]),
    ),
    (
        "body.messages[*].id",
        chat(messages=[{"id": 1}, {"id": 2, "n": 1}]),
        chat(messages=[{"id": 3}, {"n": 1}]),
        chat(messages=[{"id": 1}, {"id": 2, "n": 2}]),
    ),
    (
        "body.**.trace_id",
        chat(trace_id=1, messages=[{"trace_id": 1, "c": [{"trace_id": {}}]}]),
        chat(trace_id=2, messages=[{"c": [{"trace_id": []}]}], metadata={"user": "u"}),
        chat(trace_id=1, messages=[{"trace_id": 1, "c": [{"trace_ids": {}}]}]),
    ),
    (
        "body.metadata.tr*",
        BASE,
        chat(metadata={"user": "u", "trail": 1}),
        chat(metadata={"user": "u", "tr": 1, "xtr": 1}),
    ),
    (
        "body[*].custom_id",
        lines({"custom_id": 1, "n": 1}, {"custom_id": 2}),
        lines({"custom_id": 3, "n": 1}, {}),
        lines({"custom_id": 1, "n": 1}, {"custom_id": 2}, {}),
    ),
    (
        "part.file.filename",
        upload(),
        upload(filename="b.png"),
        upload("datb", filename="a.png"),
    ),
    ("part.file.type", upload(), upload(kind="image/jpeg"), upload(filename="b.png")),
    ("part.file.content", upload(), upload("other"), upload("data", kind="image/jpeg")),
    ("part.file", upload(), upload("x", filename="b", kind="c"), upload(name="file2")),
    ("part.f*", upload(), upload("x", name="fi"), upload("x", name="gi")),
    (
        "part.file.content.user.id",
        upload('{"user": {"id": 1, "n": 2}}'),
        upload('{"user": {"n": 2}}'),
        upload('{"user": {"id": 1, "n": 3}}'),
    ),
    (
        "part.file.content[*].custom_id",
        upload('{"custom_id": 1, "n": 2}\n{"n": 3}'),
        upload('{"n": 2}\n{"custom_id": 9, "n": 3}'),
        upload('{"custom_id": 1, "n": 2}\n{"n": 4}'),
    ),
]


@pytest.mark.parametrize(("path", "one", "other", "further"), IGNORED)
def test_what_is_ignored_does_not_count_and_all_else_does(path, one, other, further):
    plain, with_rule = matcher(), matcher({"ignore": path})

    assert plain.key(one) != plain.key(other)
    assert with_rule.key(one) == with_rule.key(other)
    assert with_rule.key(one) != with_rule.key(further)


THERE_IN_BOTH = (
    *("method", "url.scheme", "url.host", "url.path", "query.sig", "header.X-Session", "form.user"),
    *("body", "body.metadata.trace_id", "body.metadata", "body.messages[0].id", "body.messages[0]"),
    *("part.file.filename", "part.file.type", "part.file.content", "part.file"),
)


@pytest.mark.parametrize("path", THERE_IN_BOTH)
def test_values_with_a_name_are_equal_and_all_else_counts(path):
    one, other, further = next(case[1:] for case in IGNORED if case[0] == path)
    named = matcher({"replace": {path: "anything"}})

    assert named.key(one) == named.key(other)
    assert named.key(one) != named.key(further)


@pytest.mark.parametrize(
    ("path", "other"),
    [
        ("query.sig", BASE.replace(url="https://api.example.com/v1/chat?a=2")),
        ("header.x-run", request(CHAT, headers=(("x-session", "s"),))),
        ("body.model", request({name: CHAT[name] for name in ("metadata", "messages")})),
    ],
)
def test_a_value_with_a_name_is_not_one_that_is_missing(path, other):
    named, ignoring = matcher({"replace": {path: "anything"}}), matcher({"ignore": path})

    assert named.key(BASE) != named.key(other)
    assert ignoring.key(BASE) == ignoring.key(other)


@pytest.mark.parametrize(
    ("path", "pattern", "one", "other", "further"),
    [
        (
            "url.path",
            r"f-\d+",
            *(BASE.replace(url=f"https://h/{n}/x") for n in ("f-1", "f-22", "f-")),
        ),
        (
            "url.host",
            r"^eu\d",
            *(BASE.replace(url=f"https://{n}.h/") for n in ("eu1", "eu2", "us1")),
        ),
        (
            "query.sig",
            r"^\d+",
            *(BASE.replace(url=f"https://h/?sig={n}") for n in ("1a", "22a", "1b")),
        ),
        (
            "header.x-run",
            "[0-9]+",
            *(request(CHAT, headers=(("x-run", f"run {n}"),)) for n in ("1", "22", "x")),
        ),
        ("form.user", r"\d+", form("user=u1"), form("user=u22"), form("user=v1")),
        (
            "body.messages[*].c",
            r"turn \d+",
            *(chat(messages=[{"c": f"{n} of 3"}]) for n in ("turn 1", "turn 22", "step 1")),
        ),
        ("body.**", r"turn \d+", *(chat(x=[{"y": f"{n}"}]) for n in ("turn 1", "turn 2", "turn"))),
        ("body.n", "^12", chat(n=123), chat(n=123), chat(n=133)),
        ("body", r"\d+", *(request(t, "text/plain") for t in (b"a 1", b"a 22", b"b 1"))),
        ("body", r"turn \d+", *(chat(x=[n]) for n in ("turn 1", "turn 22", "step 1"))),
        ("body", r"turn\d+", *(lines({"a": n}) for n in ("turn1", "turn22", "step1"))),
        ("body", r"\d+", form("a=u1"), form("a=u22"), form("a=v1")),
        ("body", r"turn\d+", *(upload(n) for n in ("turn1", "turn22", "step1"))),
        ("part.file.filename", r"\d+", *(upload(filename=n) for n in ("a1", "a22", "b1"))),
        ("part.file.type", r"v=\d", *(upload(kind=n) for n in ("a; v=1", "a; v=2", "b; v=1"))),
        ("part.file.content", r"\d+", upload("id 1"), upload("id 22"), upload("no 1")),
        (
            "part.file.content.id",
            r"\d+",
            *(upload(json.dumps({"id": n, "u": 1})) for n in ("a1", "a22", "b1")),
        ),
    ],
)
def test_of_a_value_only_what_the_expression_finds_is_named(path, pattern, one, other, further):
    named = matcher({"replace": {path: {"name": "turn", "pattern": pattern}}})

    assert named.key(one) == named.key(other)
    assert named.key(one) != named.key(further)


def test_two_names_are_two_values():
    one, other = (matcher({"replace": {"body.model": name}}).key(BASE) for name in ("a", "b"))

    assert one != other


def test_an_expression_that_finds_nothing_changes_nothing():
    rule = {"replace": {"body.model": {"name": "x", "pattern": "zzz"}}}

    assert matcher(rule).key(BASE) == matcher().key(BASE)


def test_binary_contents_are_left_alone_by_an_expression():
    one, other = (
        upload().replace(body=upload().body.replace(b"data", b"\xff\x00" + n)) for n in (b"1", b"2")
    )
    named = matcher({"replace": {"part.file.content": {"name": "n", "pattern": r"\d"}}})

    assert named.key(one) != named.key(other)


@pytest.mark.parametrize(
    "path",
    [
        "query.none",
        "header.none",
        "form.none",
        "body.none",
        "body[3]",
        "part.none",
        "part.f.content.x",
    ],
)
@pytest.mark.parametrize(
    "one",
    [
        BASE,
        upload(),
        upload('{"a": 1}'),
        form("a=1&b"),
        form("a=%zz"),
        lines(1, {"a": 2}),
        request(b"text", "text/plain"),
        request(b""),
        request(b"[1.50, 1E5]"),
        BASE.replace(url="https://h/?a=%zz"),
    ],
)
def test_a_rule_for_what_is_not_there_changes_no_key(path, one):
    assert matcher({"ignore": path}).key(one) == matcher().key(one)
    assert matcher({"replace": {path: "x"}}).key(one) == matcher().key(one)


ELSEWHERE = "https://api.example.com/v1/files/1?sig=9&a=2"


@pytest.mark.parametrize(
    ("place", "url", "fits"),
    [
        ({}, ELSEWHERE, True),
        ({"host": "api.example.com"}, ELSEWHERE, True),
        ({"host": "API.example.*"}, ELSEWHERE, True),
        ({"host": "*.example.com"}, "https://example.com/v1/files/1?sig=9&a=2", False),
        ({"host": "example.com"}, ELSEWHERE, False),
        ({"host": "127.0.0.1"}, "http://127.0.0.1:8080/?sig=9", True),
        ({"host": "127.0.0.1:8080"}, "http://127.0.0.1:8080/?sig=9", True),
        ({"host": "127.0.0.1:*"}, "http://127.0.0.1:8080/?sig=9", True),
        ({"host": "127.0.0.1:8081"}, "http://127.0.0.1:8080/?sig=9", False),
        ({"host": "[::1]"}, "http://[::1]:8080/?sig=9", True),
        ({"host": "[::1]:8080"}, "http://[::1]:8080/?sig=9", True),
        ({"host": "[::1]:8081"}, "http://[::1]:8080/?sig=9", False),
        ({"path": "/v1/files/*"}, ELSEWHERE, True),
        ({"path": "/v1/files"}, ELSEWHERE, False),
        ({"path": "/V1/files/1"}, ELSEWHERE, False),
        ({"path": "*/files/*"}, ELSEWHERE, True),
        ({"method": "post"}, ELSEWHERE, True),
        ({"method": "P*"}, ELSEWHERE, True),
        ({"method": "GET"}, ELSEWHERE, False),
        ({"host": "api.example.com", "path": "/v2/*"}, ELSEWHERE, False),
        ({"host": "api.example.com", "path": "/v1/*", "method": "POST"}, ELSEWHERE, True),
    ],
)
def test_a_rule_holds_for_a_host_a_path_and_a_method(place, url, fits):
    one = request(url=url)
    other = request(url=url.replace("sig=9", "sig=8"))
    with_rule = matcher({**place, "ignore": "query.sig"})

    assert (with_rule.key(one) == with_rule.key(other)) is fits


def test_the_edits_of_several_rules_add_up():
    both = matcher(
        {"ignore": "body.model"},
        {"host": "api.*", "ignore": ["query.sig"], "replace": {"body.metadata.user": "u"}},
        {"host": "other", "ignore": "body"},
    )
    changed = chat(model="n", metadata={"trace_id": "t1", "user": "w"})
    changed = changed.replace(url=changed.url.replace("sig=1", "sig=2"))

    assert both.key(BASE) == both.key(changed)
    assert both.key(BASE) != both.key(chat(metadata={"trace_id": "t2", "user": "u"}))


def test_of_what_does_not_add_up_the_last_rule_wins():
    active = matcher(
        {"match_on": "method", "mode": "live", "repeats": "last", "class": "telemetry"},
        {"match_on": ["method", "path"], "mode": "auto", "telemetry": "record"},
        {"host": "other", "mode": "block"},
    ).active(BASE)

    assert (active.match_on, active.mode, active.repeats) == (("method", "path"), "auto", "last")
    assert (active.traffic, active.telemetry) == ("telemetry", "record")


def test_where_no_rule_fits_nothing_is_said():
    active = matcher({"host": "other", "mode": "live", "volatile": []}).active(BASE)

    assert (active.edits, active.mode, active.traffic, active.repeats) == ((), None, None, None)
    assert active.match_on == EVERYTHING
    assert active.volatile.kinds == Matcher().active(BASE).volatile.kinds


def test_match_on_of_a_rule_says_what_is_compared():
    with_rule = matcher({"path": "/v1/*", "match_on": ["method", "path"]})
    elsewhere = [one.replace(url="https://h/v2") for one in (BASE, chat(model="n"))]

    assert with_rule.key(BASE) == with_rule.key(chat(model="n").replace(url="http://x/v1/chat"))
    assert with_rule.key(elsewhere[0]) != with_rule.key(elsewhere[1])


def test_volatile_of_a_rule_says_which_kinds_are():
    one, other = chat(id=UUIDS[0]), chat(id=UUIDS[1])
    off, on = matcher({"volatile": []}), matcher({"volatile": "uuid"}, volatile=[])

    assert off.loose(one, 0) is None
    assert on.loose(one, 0) is not None
    assert on.loose(one, 0).key == on.loose(other, 0).key
    assert matcher(volatile=[]).loose(one, 0) is None


def test_an_ignored_value_is_not_volatile():
    with_rule = matcher({"ignore": "body.id"})

    assert with_rule.loose(chat(id=UUIDS[0]), 0) is None
    assert with_rule.loose(chat(id=UUIDS[0], n=UUIDS[1]), 0).values[0].path == "body.n"


def test_a_broken_query_is_compared_as_it_is_whatever_is_ignored():
    with_rule = matcher({"ignore": "query.sig"})
    one, other = (BASE.replace(url=f"https://h/?sig={n}&a=%zz") for n in "12")

    assert with_rule.key(one) != with_rule.key(other)


@pytest.mark.parametrize(
    ("rule", "parts"),
    [
        ({"match_on": ["method", "bodyy"]}, ["match_on of rule 2", "'bodyy'", "'body'"]),
        ({"volatile": ["uid"]}, ["volatile of rule 2", "'uid'", "'uuid'"]),
        ({"host": "h", "path": "/p", "volatile": ["uid"]}, ["(host = 'h', path = '/p')"]),
        ({"match_on": []}, ["match_on of rule 2", "empty"]),
    ],
)
def test_an_unknown_name_in_a_rule_is_refused_at_the_start(rule, parts):
    with pytest.raises(UsageError) as caught:
        matcher({"ignore": "body"}, rule)

    assert all(part in str(caught.value) for part in parts)


def test_a_function_and_a_users_kind_may_be_named_in_a_rule():
    with_rule = Matcher(
        functions={"tail": lambda request: request.body[-1:]},
        patterns={"run": r"run-\d+"},
        rules=parse_rules([{"match_on": "tail", "volatile": "run"}], "a test"),
    )

    assert with_rule.key(request(b"ab")) == with_rule.key(request(b"cb"))
    assert with_rule.key(request(b"ab")) != with_rule.key(request(b"ac"))


@pytest.mark.parametrize("count", [1, 50])
def test_a_body_is_read_once_however_many_rules_fit(monkeypatch, count):
    read: list[Request] = []

    def counting(request: Request):
        read.append(request)
        return request_meaning(request)

    request_meaning = fields.request_meaning
    monkeypatch.setattr(fields, "request_meaning", counting)
    with_rules = matcher(*({"ignore": f"body.field_{n}"} for n in range(count)))

    with_rules.key(BASE)

    assert read == [BASE]


def test_a_body_is_not_taken_apart_where_no_rule_edits_it(monkeypatch):
    monkeypatch.setattr(fields, "request_meaning", None)
    with_rules = matcher({"host": "other", "ignore": "body"}, {"mode": "live"})

    assert with_rules.key(BASE) == matcher().key(BASE)


def test_rules_are_part_of_the_fingerprint():
    rules = [{"ignore": "body.a"}, {"ignore": "body.b"}, {"host": "h", "ignore": "body.a"}]
    prints = {matcher(rule).fingerprint for rule in rules}

    assert len(prints | {matcher().fingerprint}) == 4
    assert matcher(rules[0]).fingerprint == matcher(dict(rules[0])).fingerprint


def test_the_same_matcher_with_other_rules_keeps_the_rest():
    first = matcher({"ignore": "body.model"}, volatile=["uuid"], window_s=5.0)
    second = first.with_rules([Rule(ignore=("query.sig",))])

    assert second.match_on == first.match_on
    assert second.active(BASE).volatile.kinds == ("uuid",)
    assert second.key(BASE) == second.key(BASE.replace(url=BASE.url.replace("sig=1", "sig=2")))
    assert second.key(BASE) != second.key(chat(model="n"))
