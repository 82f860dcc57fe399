"""Each written argument against its field: references, types, bounds, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from runner.language.declare import Field, Form, SentBefore
from runner.language.diagnostics import Report
from runner.language.document import fields_of
from runner.language.expressions import (
    EvaluationError,
    Expression,
    Missing,
    Template,
    assignable,
    check_template,
    evaluate,
    expect_boolean,
    infer,
)
from runner.language.fields import out_of_bounds
from runner.language.runbook import Argument, Literal, Nested, OrderReference, Poll
from runner.language.scope import View
from runner.language.source import Span
from runner.language.values import Value, written

Values = Mapping[str, Value]


class ArgumentCheck:
    """Judges the arguments of one place. `params` holds the values that are known so far, `sent`
    what is known of the orders of earlier steps, by their ids."""

    def __init__(
        self,
        view: View,
        params: Values,
        report: Report,
        sent: Mapping[str, SentBefore] | None = None,
    ) -> None:
        self.view = view
        self.params = params
        self.report = report
        self.sent = sent or {}

    def block(self, arguments: Mapping[str, Argument]) -> dict[str, Any]:
        """Check the arguments written together; returns those whose values are certain already."""
        polled = next(
            (one.content for one in arguments.values() if isinstance(one.content, Poll)), None
        )
        known = {}
        for key, argument in arguments.items():
            judge = self
            if argument.field.form is Form.UNTIL:
                if polled is None or not polled.action.polls:
                    continue  # what is polled is an error itself
                judge = self._polling(polled)
            value = judge.one(argument)
            if value is not None:
                known[key] = value
        return known

    def one(self, argument: Argument) -> Any:
        """Check one argument; returns its value when that is certain, else None."""
        content = argument.content
        match content:
            case Literal():
                return content.value
            case tuple():
                values = tuple(self.one(item) for item in content)
                return None if None in values else values
            case OrderReference():
                return self._order(argument.span, content)
            case Poll():
                self.block(content.arguments)
            case Nested():
                return _defaults(content) | self.block(content.arguments)
            case Template():
                judgeable = [self._judgeable(one) for one in content.expressions]
                if all(judgeable):
                    check_template(content, self.view, self.report)
            case Expression():
                return self._expression(argument.field, content)
        return None

    def condition(self, expression: Expression) -> None:
        if self._judgeable(expression):
            expect_boolean(expression, self.view, self.report)

    def _judgeable(self, expression: Expression) -> bool:
        """Whether the kinds of all names are known. If not, that is an error elsewhere, and only
        the other names are looked at."""
        broken = [name for name in expression.names if self.view.names.broken_name(name.path)]
        for name in expression.names if broken else ():
            found = self.view.resolve(name.path) if name not in broken else None
            if isinstance(found, Missing):
                self.report.error(found.code, found.message, name.span, help=found.help)
        return not broken

    def _polling(self, poll: Poll) -> ArgumentCheck:
        view = replace(self.view, polled=poll.action.outputs)
        return ArgumentCheck(view, self.params, self.report, self.sent)

    def _order(self, span: Span, reference: OrderReference) -> SentBefore | None:
        """Check the reference; returns what is known of the order that it names."""
        missing = self.view.order(reference)
        if missing:
            self.report.error(missing.code, missing.message, span, help=missing.help)
            return None
        sent = self.sent.get(reference.step_id)
        leg = "" if reference.output == "order_id" else reference.output
        return replace(sent, leg=leg) if sent is not None else None

    def _expression(self, field: Field, expression: Expression) -> Any:
        if field.form in (Form.CONDITION, Form.UNTIL):
            self.condition(expression)
            return None
        if not self._judgeable(expression):
            return None
        kind = infer(expression, self.view, self.report)
        if kind is None:
            return None
        misfit = assignable(kind, field.kind)
        if misfit:
            self.report.error(
                misfit.code,
                f"'{field.name}': {misfit.message}",
                expression.span_of(expression.root),
                help=misfit.help,
            )
            return None
        return self._known(field, expression)

    def _known(self, field: Field, expression: Expression) -> Any:
        """The value of an expression that only parameters decide, within the field's bounds."""
        names = [reference.path for reference in expression.names]
        if expression.asked or not all(
            len(path) == 2 and path[0] == "params" and path[1] in self.params for path in names
        ):
            return None
        try:
            value = evaluate(
                expression, lambda path: self.params.get(path[1]), lambda _: False
            ).value.value
        except EvaluationError as failure:
            span = expression.span(failure.start, failure.end)
            self.report.error("RB408", failure.message, span)
            return None
        why = _unfit(field, value)
        if why:
            self.report.error(
                "RB203",
                f"'{field.name}' comes to {written(value)}: {why}",
                expression.span_of(expression.root),
                label=f"expected {field.kind.expected}",
            )
            return None
        return value


def _defaults(nested: Nested) -> dict[str, Any]:
    """The declared defaults of the keys of a mapping that are not written."""
    return {
        name: field.kind.read(field.default)
        for name, field in fields_of(nested.declared).items()
        if name not in nested.arguments and field.default is not None
    }


def _unfit(field: Field, value: Any) -> str:
    """Why a computed value cannot stand in a field of a fitting kind."""
    if field.kind.values and value not in field.kind.values:
        return f"this is not one of {', '.join(field.kind.values)}"
    if field.kind.name == "integer" and value != int(value):
        return "this must be a whole number"
    return out_of_bounds(field, value)
