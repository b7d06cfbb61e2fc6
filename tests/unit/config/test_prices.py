"""The price table as settings say it, and what is said of a wrong one."""

from __future__ import annotations

import pytest

from onetake.config import Settings, Source, resolve
from onetake.config.prices import Price
from onetake.errors import UsageError


def prices_of(*values):
    sources = [Source(f"place {number}", {"prices": one}) for number, one in enumerate(values, 1)]
    return resolve(sources, ci=False).prices


def test_a_table_and_its_json_text_are_prices_by_lower_case_name():
    expected = {"my-model": Price(input=0.5, output=1.5)}
    assert prices_of({"My-Model": {"input": 0.5, "output": 1.5}}) == expected
    assert prices_of('{"my-model": {"input": 0.5, "output": 1.5}}') == expected
    assert prices_of({"my-model": Price(input=0.5, output=1.5)}) == expected
    assert Settings().prices == {}


def test_those_of_every_source_add_up_and_the_stronger_wins_by_name():
    weak = {"a": {"input": 1}, "b": {"input": 1}}
    strong = {"B": {"output": 2}}
    assert prices_of(weak, strong) == {"a": Price(input=1.0), "b": Price(output=2.0)}


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ({"m": {"inptu": 1}}, ["'m'", "'inptu'", "Did you mean 'input'?"]),
        ({"m": {"zebra": 1}}, ["'zebra'", "Known: input, cache_read,"]),
        ({"m": {"input": "1"}}, ["'m'", "input = '1'", "no amount"]),
        ({"m": {"input": True}}, ["no amount"]),
        ({"m": {"input": -1}}, ["0 or more"]),
        ({"m": {"input": float("nan")}}, ["no amount"]),
        ({"m": {}}, ["'m'", "says nothing"]),
        ({"m": 3}, ["'m'", "no table"]),
        ({"": {"input": 1}}, ["no name of a model"]),
        ([], ["no table", '"my-model"']),
        ("{", ["not JSON"]),
    ],
)
def test_a_wrong_price_is_one_error_that_names_place_model_and_field(value, parts):
    with pytest.raises(UsageError) as caught:
        prices_of(value)
    assert all(part in str(caught.value) for part in ["'prices'", "place 1", *parts])
