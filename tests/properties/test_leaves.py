"""An edit of a leaf changes its value and nothing else, however deep it lies and however it is quoted."""

from __future__ import annotations

import json
from urllib.parse import quote_plus
from xml.sax.saxutils import escape, quoteattr

from hypothesis import given, settings
from hypothesis import strategies as st

from fakeprovider.bedrock import encode_message
from onetake.content import Content, Kind, Leaf, Quoting, edited, meaning_of
from onetake.content.quoting import Escapes, quote, unquote
from onetake.wire.edits import Edit

QUOTED = (Quoting.JSON, Quoting.FORM, Quoting.PERCENT, Quoting.XML)
LETTERS = "aé😀\"\\'/ +%&<>;#u0041\n"
texts = st.text(LETTERS, min_size=1, max_size=12).map(lambda text: "a" + text)
spelled = st.lists(
    st.sampled_from(
        [b"a", b"u", b"0041", b"\xc3\xa9", b"\\", b"\\n", b"\\u00e9", b"\\ud83d\\ude00", b"\\ud83d",
         b"\\q", b"%", b"%C3",
         b"%A9", b"%zz", b"+", b"&", b"&amp;", b"&#233;", b"&#1;", b"&nothing;", b";", b"\xff"]
    ),
    max_size=12,
).map(b"".join)  # fmt: skip


def _json(values: list[str], *, is_ascii: bool) -> str:
    return json.dumps({"list": [1.5, *values], "n": None}, ensure_ascii=is_ascii)


def _form(values: list[str]) -> str:
    return "&".join(f"f{number}={quote_plus(value)}" for number, value in enumerate(values))


def _upload(values: list[str], name: str) -> str:
    lines = f'Content-Disposition: form-data; name="{name}"\r\nX-Note: one\r\n two'
    return (
        "".join(f"--{name}\r\n{lines}\r\n\r\n{value}\r\n" for value in values) + f"--{name}--\r\n"
    )


def _deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, min_size=1, max_size=3)
    names = st.sampled_from(["x1", "y22", "z333"])
    return st.one_of(
        st.builds(_json, several, is_ascii=st.booleans()),
        st.builds(_form, several),
        st.builds(_upload, several, names),
    )


bodies = _deeper(st.recursive(texts, _deeper, max_leaves=6))


def _xml(values: list[str]) -> str:
    inner = "".join(f"<v a={quoteattr(text)}>{escape(text)}</v> t" for text in values)
    return f"<r><!-- c -->{inner}<d><![CDATA[<x>]]></d></r>"


def _event(value: str) -> str:
    return f"event: e\ndata: {json.dumps({'delta': value})}\n\n"


xmls = st.lists(texts, min_size=1, max_size=3).map(_xml)
streams = st.lists(texts, min_size=1, max_size=3).map(lambda values: "".join(map(_event, values)))
CHARSETS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-le")


def _outer(leaf: Leaf) -> list[Leaf]:
    within = leaf.holder.within
    return [] if within is None else [within, *_outer(within)]


def _is_raw(leaf: Leaf) -> bool:
    """Whether a value of the leaf stands as it is somewhere, where not every text may stand."""
    return any(one.quoting is Quoting.PLAIN for one in (leaf, *_outer(leaf)))


def _check(content: Content, number: int, new: str) -> None:
    leaves = list(content.leaves())
    leaf = leaves[number % len(leaves)]
    place = next(at for at, one in enumerate(leaves) if one is leaf)
    value = b"0" if leaf.is_number else b"Zq7" if _is_raw(leaf) else new.encode()

    changed = edited(content, [leaf.edit(value)])

    assert edited(content, [leaf.edit(leaf.value)]) == content.data
    after = list(Content(changed, content.content_type).leaves())
    others = [one for one in leaves if one is not leaf and leaf not in _outer(one)]
    mine = after.pop(place)
    assert (mine.root, mine.steps, mine.value) == (leaf.root, leaf.steps, value)
    assert [(one.root, one.steps) for one in after] == [(one.root, one.steps) for one in others]
    for one, other in zip(others, after, strict=True):
        assert one.value == other.value or one in _outer(leaf)


@given(bodies, st.sampled_from(CHARSETS), st.integers(0, 99), texts)
@settings(max_examples=200)
def test_an_edit_changes_one_leaf_at_any_depth(text, charset, number, new):
    data = text.encode(charset)
    if text.startswith("--") and not charset.startswith("utf-8"):
        data = text.encode()  # header lines of parts are ASCII
    _check(Content(data), number, new)


@given(st.one_of(xmls, streams), st.sampled_from(CHARSETS), st.integers(0, 99), texts)
@settings(max_examples=100)
def test_an_edit_changes_one_leaf_of_markup_and_streams(text, charset, number, new):
    _check(Content(text.encode(charset)), number, new)


@given(st.lists(texts, min_size=1, max_size=4), st.integers(0, 99), texts)
@settings(max_examples=50)
def test_an_edit_changes_one_leaf_of_an_AWS_event_stream(values, number, new):
    stream = b"".join(
        encode_message({":event-type": "e"}, _json([one], is_ascii=True).encode()) for one in values
    )

    content = Content(stream)

    assert content.kind is Kind.EVENTS
    _check(content, number, new)


@given(bodies, st.lists(st.integers(0, 99), max_size=6, unique=True), texts)
@settings(max_examples=100)
def test_several_edits_are_those_of_each_leaf(text, numbers, new):
    content = Content(text.encode())
    leaves = [one for one in content.leaves() if one.content is None and not _is_raw(one)]
    chosen = [
        leaf for number, leaf in enumerate(leaves) if number in numbers and not leaf.is_number
    ]

    changed = Content(edited(content, [leaf.edit(new.encode()) for leaf in chosen]))

    values = [one.value for one in changed.leaves() if one.content is None and not _is_raw(one)]
    assert values == [new.encode() if leaf in chosen else leaf.value for leaf in leaves]


@given(bodies)
@settings(max_examples=100)
def test_a_body_says_the_same_in_every_character_set(text):
    expected = Content(text.encode())
    for charset in CHARSETS[1:] if not text.startswith("--") else ():
        content = Content(text.encode(charset))
        assert (content.kind, meaning_of(content).value) == (
            expected.kind,
            meaning_of(expected).value,
        )


@given(st.text(max_size=20), st.sampled_from(QUOTED))
def test_what_is_quoted_is_read_back(text, quoting):
    value = text.encode("utf-8", "replace")

    assert unquote(quote(value, quoting), quoting) == value


@given(spelled, st.sampled_from(QUOTED), st.data())
@settings(max_examples=300)
def test_places_in_a_value_lead_to_its_spelling(raw, quoting, data):
    value = unquote(raw, quoting)
    escapes = Escapes(raw, quoting)
    start = data.draw(st.integers(0, len(value)))
    end = data.draw(st.integers(start, len(value)))

    first, last = escapes.span(start, end)

    assert 0 <= first <= last <= len(raw)
    before, within, after = (
        unquote(one, quoting) for one in (raw[:first], raw[first:last], raw[last:])
    )
    assert before + within + after == value  # no escape is cut in two
    if start < end:
        assert len(before) <= start
        assert end <= len(before + within)
        assert value[start:end] in within
    else:
        assert within == b""


@given(spelled, st.sampled_from(QUOTED), st.data())
def test_spans_of_a_value_do_not_overlap_and_cover_it(raw, quoting, data):
    value = unquote(raw, quoting)
    escapes = Escapes(raw, quoting)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(value)), max_size=4)))
    places = [escapes.span(at, at)[0] for at in cuts]

    assert places == sorted(places)
    first, last = escapes.span(0, len(value))
    assert unquote(raw[:first], quoting) == unquote(raw[last:], quoting) == b""


@given(spelled, st.sampled_from(QUOTED), st.data())
def test_an_edit_within_a_value_is_read_back(raw, quoting, data):
    value = unquote(raw, quoting)
    start = data.draw(st.integers(0, len(value)))
    end = data.draw(st.integers(start, len(value)))
    first, last = Escapes(raw, quoting).span(start, end)
    before, after = unquote(raw[:first], quoting), unquote(raw[last:], quoting)

    made = raw[:first] + quote(b"Zq7", quoting) + raw[last:]

    is_open = quoting is Quoting.JSON and b"\\" in (raw[first - 1 : first], raw[-1:])
    assert is_open or unquote(made, quoting) == before + b"Zq7" + after


def test_an_edit_says_what_was_there():
    (leaf,) = Content(b'{"a": "b\\u0063d"}').leaves()

    assert leaf.edit(b"x", 1, 2) == Edit(8, 14, b"x")
