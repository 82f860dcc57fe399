"""Expressions at run time: every one that decides something is put on record with its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from itertools import product

from msgspec.structs import replace

from runner.effects import Choose
from runner.language.expressions import (
    EvaluationError,
    Expression,
    Template,
    evaluate,
    evaluate_template,
    explain,
)
from runner.language.values import Certainty, Value, written
from runner.machine.failures import Cause, Failure
from runner.machine.run import Run, Steps

Overlay = Mapping[tuple[str, ...], Value]
Lookup = Callable[[tuple[str, ...]], Value | None]

UNTIL = "until"
"""What a condition that is waited for is about."""

MOST_COMBINED = 6
"""Estimates in one condition of which all combinations are tried: 64 of them."""


def decide(
    run: Run, expression: Expression, about: str, overlay: Overlay | None = None
) -> Steps[Value]:
    """Evaluate an expression, record it with every value it was made from, and return its value.

    `about` says what it decides (`when`, `qty`). `overlay` adds names, such as `polled.bid`.
    Raises `Failure` when it cannot be evaluated: nothing is ever guessed.
    """

    try:
        result = evaluate(expression, _names(run, overlay), lambda step_id: step_id in run.ran)
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
    if result.value.certainty >= Certainty.ESTIMATED:
        run.certainty = max(run.certainty, result.value.certainty)
    return result.value


def _names(run: Run, overlay: Overlay | None) -> Lookup:
    def lookup(path: tuple[str, ...]) -> Value | None:
        if overlay is not None and path in overlay:
            return overlay[path]
        return run.lookup(path)

    return lookup


def holds(
    run: Run, expression: Expression, about: str, overlay: Overlay | None = None
) -> Steps[bool]:
    """Whether a condition holds. Anything but a plain true is not true.

    A plan knows some values by estimate only. Where these decide, and might decide otherwise, the
    driver says how it goes on; so it does for what is waited for and is not so yet.
    """
    value = yield from decide(run, expression, about, overlay)
    truth = value.value is True
    if value.certainty is not Certainty.ESTIMATED:
        return truth
    told = verdicts(expression, _names(run, overlay), run) == {truth}
    if told and (truth or about != UNTIL):
        return truth
    outcome = yield from run.ask(Choose(about, expression.text.strip()))
    return outcome.data.get("verdict") is True


def verdicts(expression: Expression, lookup: Lookup, run: Run) -> set[bool]:
    """What a condition comes to when each estimate in it is moved up and down by the tolerance.

    All combinations are tried while there are few estimates, else each alone and all together.
    """
    named = {name.path for name in expression.names}
    values = {path: value for path in sorted(named) if (value := lookup(path)) is not None}
    loose = [path for path, value in values.items() if _movable(value)]
    if len(loose) <= MOST_COMBINED:
        moves = [
            dict(zip(loose, signs, strict=True)) for signs in product((1, -1), repeat=len(loose))
        ]
    else:
        moves = [{path: sign} for path in loose for sign in (1, -1)]
        moves += [dict.fromkeys(loose, sign) for sign in (1, -1)]
    found = set()
    for signs in moves:

        def moved(
            path: tuple[str, ...], signs: Mapping[tuple[str, ...], int] = signs
        ) -> Value | None:
            value = lookup(path)
            return _move(value, signs[path] * run.tolerance) if value and path in signs else value

        try:
            result = evaluate(expression, moved, lambda step_id: step_id in run.ran)
        except EvaluationError:
            found |= {True, False}
        else:
            found.add(result.value.value is True)
    return found


def _movable(value: Value) -> bool:
    number = isinstance(value.value, Decimal | timedelta) and not isinstance(value.value, bool)
    return number and value.certainty is Certainty.ESTIMATED


def _move(value: Value, part: Decimal) -> Value:
    plain = value.value
    if isinstance(plain, Decimal):
        return replace(value, value=plain * (1 + part))
    assert isinstance(plain, timedelta)
    return replace(value, value=plain + plain * int(part * 10_000) / 10_000)


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
