from __future__ import annotations

from decimal import Decimal

import orjson
import pytest

from runner.broker.reading import MAX_DEPTH, Unreadable, read_json
from runner.effects import Json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100.10", "100.10"),
        ("1e-09", "1e-09"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("-0.0", "-0.0"),
        ("9007199254740991", 9007199254740991),
        ("9007199254740992", "9007199254740992"),
        ("-9007199254740993", "-9007199254740993"),
        ("9" * 5000, "9" * 5000),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("true", True),
        ("null", None),
        ('"100.10"', "100.10"),
        ("[]", []),
        (' {"a": [1, {"b": 2.50}]} ', {"a": [1, {"b": "2.50"}]}),
        ('\ufeff{"a": 1}', {"a": 1}),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('{"prix_é": 1}', {"prix_\\xe9": 1}),
        ('{"a": "é€"}', {"a": "é€"}),
    ],
)
def test_numbers_keep_their_text_and_nothing_becomes_a_float(text: str, value: Json) -> None:
    found = read_json(text)
    assert found == value
    assert type(found) is type(value)


def test_a_number_is_the_same_decimal_as_on_the_wire() -> None:
    found = read_json('{"qty": 0.000000001}')
    assert isinstance(found, dict)
    assert Decimal(str(found["qty"])) == Decimal("0.000000001")


def test_whatever_is_read_can_be_written_to_the_log() -> None:
    found = read_json('{"\\ud800": "\\ud800 é", "\\u00e9": ["\\u0000", NaN, 1e400]}')
    assert orjson.loads(orjson.dumps(found)) == found
    assert isinstance(found, dict)
    assert all(key.isascii() for key in found)


@pytest.mark.parametrize(
    "text", ["", " ", "<html></html>", '{"a": 1', "{'a': 1}", '{"a": 1} x', "1 2", "[1,]"]
)
def test_what_is_not_json_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read_json(text)


def test_nesting_is_bounded() -> None:
    read_json("[" * (MAX_DEPTH - 1) + "1" + "]" * (MAX_DEPTH - 1))
    for depth in (MAX_DEPTH, 500, 100_000):
        with pytest.raises(Unreadable):
            read_json("[" * depth + "1" + "]" * depth)


def test_an_unreadable_text_is_quoted_only_in_part() -> None:
    with pytest.raises(Unreadable) as caught:
        read_json("x" * 10_000)
    assert len(str(caught.value)) < 200
