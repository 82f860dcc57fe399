"""Parameters that are declared and never read: usually a name that was meant elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from runner.language.diagnostics import Report
from runner.language.expressions import Expression, Template
from runner.language.parameters import Declared
from runner.language.runbook import Argument, Nested, Poll, Step
from runner.language.shape import Shape


def report_unused(shape: Shape, declared: Declared, report: Report) -> None:
    """RB605: a parameter that nothing reads. Only worth saying when all else is sound."""
    used = set(_params_in(shape))
    for name, parameter in declared.parameters.items():
        if name not in used:
            report.warn(
                "RB605",
                f"the parameter '{name}' is never used",
                parameter.span,
                label="never used",
                help=f"Use it as `=params.{name}`, or remove it.",
            )


def _params_in(shape: Shape) -> Iterator[str]:
    arguments = [*shape.top.values(), *(shape.symbols or ())]
    for section in shape.sections.values():
        arguments.extend(section.values())
    expressions = [expression for one in arguments for expression in _expressions(one)]
    for steps in shape.steps.values():
        for written in steps:
            if written.step is not None:
                expressions.extend(_expressions_of(written.step))
    for expression in expressions:
        for reference in expression.names:
            if reference.path[0] == "params":
                yield reference.path[-1]


def _expressions_of(step: Step) -> Iterator[Expression]:
    if step.when is not None:
        yield step.when
    for argument in (*step.arguments.values(), *((step.timeout,) if step.timeout else ())):
        yield from _expressions(argument)


def _expressions(argument: Argument) -> Iterator[Expression]:
    match argument.content:
        case Expression() as expression:
            yield expression
        case Template() as template:
            yield from template.expressions
        case tuple() as items:
            for item in items:
                yield from _expressions(item)
        case Poll() | Nested() as block:
            for inner in block.arguments.values():
                yield from _expressions(inner)
