"""The grammar of paths: what is printed is read back, and what names nothing is refused where it stands."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.config.paths import (
    PART_FACTS,
    ROOTS,
    Deep,
    Every,
    Glob,
    Path,
    parse_path,
    path_text,
    step_fits,
)
from onetake.errors import UsageError


@pytest.mark.parametrize(
    ("text", "root", "steps"),
    [
        ("method", "method", ()),
        ("url.scheme", "url", ("scheme",)),
        ("url.host", "url", ("host",)),
        ("url.path", "url", ("path",)),
        ("query.sig", "query", ("sig",)),
        ('query["page[size]"]', "query", ("page[size]",)),
        ('query[""]', "query", ("",)),
        ("query.X-Amz-*", "query", (Glob("X-Amz-*"),)),
        ('query["a*"]', "query", ("a*",)),
        ("header.x-session-*", "header", (Glob("x-session-*"),)),
        ("form.user", "form", ("user",)),
        ("body", "body", ()),
        ("body.metadata.trace_id", "body", ("metadata", "trace_id")),
        ("body.messages[0].content", "body", ("messages", 0, "content")),
        ("body.messages[*].id", "body", ("messages", Every(), "id")),
        ("body.**.request_id", "body", (Deep(), "request_id")),
        ("body.**", "body", (Deep(),)),
        ("body.**.**.x", "body", (Deep(), "x")),
        ("body[0][1]", "body", (0, 1)),
        ("body.$ref", "body", ("$ref",)),
        ("body.1", "body", ("1",)),
        ("body.größe", "body", ("größe",)),
        (r'body["a\"b\\c\n"]', "body", ('a"b\\c\n',)),
        ('body["a\tb"]', "body", ("a\tb",)),
        (r'body["\u00e9"].x', "body", ("é", "x")),
        ("part.file", "part", ("file",)),
        ("part.file.filename", "part", ("file", "filename")),
        ("part.file.type", "part", ("file", "type")),
        ("part.file.content", "part", ("file", "content")),
        ("part.*.content", "part", (Glob("*"), "content")),
        ("part.meta.content.user.id", "part", ("meta", "content", "user", "id")),
        ('part["image[]"].filename', "part", ("image[]", "filename")),
    ],
)
def test_every_form_of_a_path_is_read(text, root, steps):
    assert parse_path(text) == Path(root, steps, text)


steps = st.lists(st.text(max_size=8) | st.integers(0, 10**6), max_size=4)


@given(steps)
def test_a_path_into_a_body_is_read_as_it_is_written_whatever_the_names(names):
    assert parse_path(path_text("body", names)).steps == tuple(names)


@given(st.sampled_from(["query", "header", "form", "part"]), st.text(max_size=20))
def test_any_name_of_a_pair_a_header_or_a_part_can_be_written(root, name):
    assert parse_path(path_text(root, (name,))) == Path(root, (name,), path_text(root, (name,)))


@given(st.text(max_size=8), st.sampled_from(PART_FACTS), steps)
def test_a_path_into_a_part_is_read_as_it_is_written(name, fact, names):
    further = {"content": names, "header": (name,)}
    names = (name, fact, *further.get(fact, ()))

    assert parse_path(path_text("part", names)).steps == names


def test_a_plain_name_is_written_without_brackets():
    assert (
        path_text("body", ("messages", 0, "tool_calls", "x-y")) == "body.messages[0].tool_calls.x-y"
    )
    assert path_text("query", ("page[size]",)) == 'query["page[size]"]'
    assert path_text("query", ("a*",)) == 'query["a*"]'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not begin with one of method, url"),
        ("bod.x", "does not begin with"),
        ("metadata.trace_id", "does not begin with"),
        ("Body.x", "does not begin with"),
        (".body", "does not begin with"),
        ("body.", "from character 5 ('.')"),
        ("body..x", "from character 5 ('..x')"),
        ("body.a b", "from character 7 (' b')"),
        ("body.a[", "from character 7 ('[')"),
        ("body.a[-1]", "from character 7 ('[-1]')"),
        ("body.a[x]", "from character 7"),
        ('body["a]', "from character 5"),
        (r'body["\x"]', "from character 5"),
        ("body[" + "9" * 5000 + "]", "from character 5"),
        ("body.**x", "from character 8"),
        ("body_x", "from character 5"),
        ("method.x", "method has no parts"),
        ("url", "url has the parts scheme, host, path"),
        ("url.port", "url has the parts"),
        ("url.*", "url has the parts"),
        ("url.path.x", "url has the parts"),
        ("query", "query is followed by one name"),
        ("query.a.b", "query is followed by one name"),
        ("query[0]", "query is followed by a name"),
        ("query[*]", "query is followed by a name"),
        ("header.**", "header is followed by a name"),
        ("form[0]", "form is followed by a name"),
        ("part", "part is followed by a name"),
        ("part[0].filename", "part is followed by a name"),
        ("part.**", "part is followed by a name"),
        ("part.file.name", "a part has filename, type, header, content"),
        ("part.file.filename.x", "only a part's content goes deeper"),
    ],
)
def test_what_is_no_path_is_refused_where_it_stands(text, said):
    with pytest.raises(UsageError) as caught:
        parse_path(text)

    assert said in str(caught.value)
    assert "body.messages[*].id" in caught.value.remedy


@given(st.text(max_size=12) | st.tuples(st.sampled_from(ROOTS), st.text(max_size=8)).map("".join))
def test_a_text_is_a_path_or_a_usage_error(text):
    with contextlib.suppress(UsageError):
        assert parse_path(text).text == text


@pytest.mark.parametrize(
    ("text", "steps", "fits"),
    [
        ("body.a.b", ("a", "b"), True),
        ("body.a.b", ("a",), False),
        ("body.a", ("a", "b"), False),
        ("body[*].a", (7, "a"), True),
        ("body[*].a", ("7", "a"), False),
        ("body.*", (0,), False),
        ("body.x-*", ("x-",), True),
        ("body.**", (), True),
        ("body.**.a", ("a",), True),
        ("body.**.a", ("b", 0, "a"), True),
        ("body.**.a", ("a", "b"), False),
        ("body.**.a.**.b", ("x", "a", "a", "y", "b"), True),
        ("body[0]", (0,), True),
        ("body[0]", ("0",), False),
    ],
)
def test_a_path_names_places(text, steps, fits):
    assert parse_path(text).fits(steps) is fits


@given(st.text(max_size=10))
def test_a_name_fits_itself_and_only_itself(name):
    assert step_fits(name, name)
    assert not step_fits(name, name + "x")
    assert step_fits(Glob("*"), name)
