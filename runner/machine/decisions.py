"""Expressions at run time: every one that decides something is put on record with its values."""

from __future__ import annotations

from collections.abc import Mapping

from runner.language.expressions import (
    EvaluationError,
    Expression,
    Template,
    evaluate,
    evaluate_template,
    explain,
)
from runner.language.values import Value, written
from runner.machine.failures import Cause, Failure
from runner.machine.run import Run, Steps

Overlay = Mapping[tuple[str, ...], Value]


def decide(
    run: Run, expression: Expression, about: str, overlay: Overlay | None = None
) -> Steps[Value]:
    """Evaluate an expression, record it with every value it was made from, and return its value.

    `about` says what it decides (`when`, `qty`). `overlay` adds names, such as `polled.bid`.
    Raises `Failure` when it cannot be evaluated: nothing is ever guessed.
    """

    def lookup(path: tuple[str, ...]) -> Value | None:
        if overlay is not None and path in overlay:
            return overlay[path]
        return run.lookup(path)

    try:
        result = evaluate(expression, lookup, lambda step_id: step_id in run.ran)
    except EvaluationError as error:
        raise Failure(
            Cause.FAILED, f"'{expression.text.strip()}' has no value: {error.message}"
        ) from None
    yield from run.emit(
        "decision",
        {
            "about": about,
            "expression": expression.text.strip(),
            "verdict": written(result.value.value),
            "certainty": result.value.certainty.name.lower(),
            "values": [
                {
                    "name": one.origin,
                    "value": written(one.value),
                    "certainty": one.certainty.name.lower(),
                }
                for one in result.inputs
            ],
        },
    )
    return result.value


def holds(
    run: Run, expression: Expression, about: str, overlay: Overlay | None = None
) -> Steps[bool]:
    """Whether a condition holds. Anything but a plain true is not true."""
    value = yield from decide(run, expression, about, overlay)
    return value.value is True


def spelled_out(run: Run, expression: Expression) -> str:
    """A condition with its values in place, for the person who reads why it did not hold."""
    return "; ".join(explain(expression, run.lookup, lambda step_id: step_id in run.ran))


def fill_in(run: Run, template: Template) -> str:
    """Text with its `${…}` written out. Raises `Failure` when one has no value."""
    try:
        result = evaluate_template(template, run.lookup, lambda step_id: step_id in run.ran)
    except EvaluationError as error:
        raise Failure(Cause.FAILED, f"the text cannot be written: {error.message}") from None
    return written(result.value.value)
