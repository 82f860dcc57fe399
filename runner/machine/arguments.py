"""From written arguments to the values a step is given."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from runner.effects import Json
from runner.language.declare import Field, Form, attribute_of
from runner.language.expressions import (
    EvaluationError,
    Expression,
    Template,
    evaluate,
    on_grid,
)
from runner.language.runbook import Argument, Literal, Nested, OrderReference, Poll
from runner.language.values import Plain, written
from runner.machine.decisions import decide, fill_in
from runner.machine.failures import Cause, Failure
from runner.machine.run import Run, Steps

MOST_PLACES = 9
"""Alpaca takes quantities to nine decimal places and cuts the rest (facts page 2.4)."""


def build(run: Run, arguments_class: type, written_arguments: Mapping[str, Argument]) -> Steps[Any]:
    """The arguments object of a step, every expression evaluated and within its bounds.

    Conditions and polls are handed over as they are: the step evaluates them when it must.
    """
    values = {}
    for key, argument in written_arguments.items():
        values[attribute_of(arguments_class, key)] = yield from _value(run, argument)
    return arguments_class(**values)


def _value(run: Run, argument: Argument) -> Steps[Any]:
    content = argument.content
    if isinstance(content, tuple):
        values = []
        for item in content:
            values.append((yield from _value(run, item)))
        return tuple(values)
    if isinstance(content, Nested):
        return (yield from build(run, content.declared, content.arguments))
    if isinstance(content, Literal):
        return content.value
    if isinstance(content, Template):
        return fill_in(run, content)
    if isinstance(content, Expression) and argument.field.form is Form.VALUE:
        result = yield from decide(run, content, argument.field.name)
        _check_bounds(argument.field, result.value)
        return result.value
    return content


def known_value(run: Run, argument: Argument) -> Plain:
    """The value that an argument has by now, None where only a later step decides it."""
    content = argument.content
    if isinstance(content, Literal):
        return content.value
    if isinstance(content, Expression):
        try:
            result = evaluate(content, run.lookup, lambda step_id: step_id in run.ran)
        except EvaluationError:
            return None
        return result.value.value
    return None


def _check_bounds(field: Field, value: Plain) -> None:
    """A computed value obeys what a literal would have had to obey."""
    wrong = ""
    if value is None:
        wrong = "is absent"
    elif field.least is not None and value < field.kind.read(field.least):
        wrong = f"is {written(value)}, less than {field.least}"
    elif field.most is not None and value > field.kind.read(field.most):
        wrong = f"is {written(value)}, more than {field.most}"
    elif field.above is not None and value <= field.kind.read(field.above):
        wrong = f"is {written(value)}, not more than {field.above}"
    elif isinstance(value, Decimal) and _places(value) > MOST_PLACES:
        wrong = f"is {written(value)}, which has more than {MOST_PLACES} decimal places: round it"
    elif isinstance(value, Decimal) and field.kind.on_tick and not on_grid(value):
        wrong = f"is {written(value)}, which is not on the price grid"
    elif field.kind.name == "integer" and value != int(value):  # type: ignore[arg-type]
        wrong = f"is {written(value)}, which is not a whole number"
    elif field.kind.values and value not in field.kind.values:
        wrong = f"is {written(value)}, not one of {', '.join(field.kind.values)}"
    if wrong:
        raise Failure(Cause.FAILED, f"{field.name} {wrong}")


def _places(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def shown(written_arguments: Mapping[str, Argument], built: Any, arguments_class: type) -> Json:
    """The arguments as the log shows them: values where known, source text where not."""
    record: dict[str, Json] = {}
    for key, argument in written_arguments.items():
        record[key] = _show(argument, getattr(built, attribute_of(arguments_class, key)))
    return record


def _show(argument: Argument, value: Any) -> Json:
    content = argument.content
    if isinstance(content, OrderReference):
        leg = "" if content.output == "order_id" else f".{content.output}"
        return f"{content.step_id}{leg}"
    if isinstance(content, Poll):
        return content.action.name
    if isinstance(content, Nested):
        return shown(content.arguments, value, content.declared)
    if isinstance(content, tuple):
        return [_show(item, one) for item, one in zip(content, value, strict=True)]
    if isinstance(value, Expression):
        return value.text.strip()
    return str(written(value))  # `until` has values of its own, which say themselves as text
