"""Two sides of a difference stand beside each other, field by field, in 80 columns."""

from __future__ import annotations

from runner.drive.recorded import Divergence
from runner.report.replay_divergence import divergence_lines, fields, side_by_side


def test_every_plain_value_is_a_field() -> None:
    nested = {"a": {"b": [1, {"c": None}]}, "empty": {}, "none": []}
    assert fields(nested) == {"a.b.0": 1, "a.b.1.c": None, "empty": {}, "none": []}


def test_what_only_one_side_has_is_said() -> None:
    lines = list(side_by_side({"qty": "1"}, {"qty": "1", "notional": "5"}, 80))
    assert [line.split() for line in lines[1:]] == [
        ["qty", "1", "1"],
        ["≠", "notional", "(absent)", "5"],
    ]


def test_an_absent_value_and_none_are_not_the_same() -> None:
    lines = list(side_by_side({"a": None}, {}, 80))
    assert lines[1].split() == ["≠", "a", "none", "(absent)"]


def test_many_equal_fields_are_counted() -> None:
    same = {f"field-{number}": "x" for number in range(40)}
    lines = list(side_by_side({**same, "a": 1}, {**same, "a": 2}, 80))
    assert [line.split()[0] for line in lines[1:]] == ["≠", "and"]
    assert lines[-1] == "  and 40 fields that are equal"


def test_long_values_are_wrapped_beside_each_other() -> None:
    words = "a sentence that is longer than its column " * 3
    lines = list(side_by_side({"message": words}, {"message": "short"}, 80))
    assert len(lines) > 3
    assert all(len(line) <= 80 for line in lines)


def test_control_characters_are_escaped_on_both_sides() -> None:
    hostile = "\x1b[2J\u202e\n"
    parted = Divergence(3, hostile, {hostile: hostile}, {hostile: "b"})
    text = "\n".join(divergence_lines(parted, None, None, 80))
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "\\x1b[2J" in text
