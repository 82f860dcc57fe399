"""Text with values in it: `Bought ${steps.fill.filled_qty} of ${params.symbol}`.

`$${` writes `${`. A lone `$` is a dollar sign.
"""

from __future__ import annotations

import re

from msgspec import Struct

from runner.language.diagnostics import Report
from runner.language.expressions.evaluate import (
    Evaluation,
    EvaluationError,
    Lookup,
    Ran,
    evaluate,
    unknown,
)
from runner.language.expressions.infer import Scope, infer
from runner.language.expressions.parser import parse
from runner.language.expressions.syntax import Expression
from runner.language.kinds import TEXT
from runner.language.tree import Scalar
from runner.language.values import Certainty, Value, written

_OPENING = re.compile(r"\$\$\{|\$\{")
_INSIDE = re.compile(r"(?:[^'\"{}]|'[^']*'|\"[^\"]*\")*")


class Text(Struct, frozen=True):
    """Text without values in it, `$${` already undone."""

    text: str


class Template(Struct, frozen=True):
    """Text and expressions in turn."""

    parts: tuple[str | Expression, ...]
    scalar: Scalar

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return tuple(part for part in self.parts if isinstance(part, Expression))


def parse_template(scalar: Scalar, report: Report) -> Template | Text | None:
    """What the text holds; None after errors (RB401, RB407), all of which are reported."""
    text, at = scalar.text, 0
    parts: list[str | Expression] = []
    failed = False
    while opening := _OPENING.search(text, at):
        parts.append(text[at : opening.start()])
        at = opening.end()
        if opening.group() == "$${":
            parts.append("${")
            continue
        inside = _INSIDE.match(text, at)
        end = inside.end() if inside else at
        if text[end : end + 1] != "}":
            span = scalar.part(opening.start(), len(text))
            help = "Close it with }, or write $${ for the characters themselves."  # noqa: A001
            report.error("RB401", "this ${ has no matching }", span, help=help)
            return None
        expression = parse(text[at:end], scalar, at, report)
        failed = failed or expression is None
        parts.extend([expression] if expression else [])
        at = end + 1
    parts.append(text[at:])
    if failed:
        return None
    if any(isinstance(part, Expression) for part in parts):
        return Template(tuple(part for part in parts if part != ""), scalar)
    return Text("".join(str(part) for part in parts))


def check_template(template: Template, scope: Scope, report: Report) -> bool:
    """Whether every expression in the text is sound; reports why not."""
    found = [infer(expression, scope, report) for expression in template.expressions]
    return None not in found


def evaluate_template(template: Template, lookup: Lookup, ran: Ran) -> Evaluation:
    """The text with its values written out, numbers without an exponent.

    What nobody can tell yet is written `(unknown)`, and the text's certainty says so.

    Raises:
        EvaluationError: as `evaluate`; `start` and `end` count from where the scalar's text
            begins.
    """
    written_parts: list[str] = []
    inputs: dict[str, Value] = {}
    certainty = Certainty.COMPUTED
    for part in template.parts:
        if isinstance(part, str):
            written_parts.append(part)
            continue
        try:
            found = evaluate(part, lookup, ran)
        except EvaluationError as failure:
            failure.start += part.offset
            failure.end += part.offset
            raise
        inputs |= {value.origin: value for value in found.inputs}
        certainty = max(certainty, found.value.certainty)
        value = found.value
        written_parts.append("(unknown)" if unknown(value) else written(value.value))
    text = Value("".join(written_parts), TEXT, certainty, template.scalar.text)
    return Evaluation(text, tuple(inputs.values()))
