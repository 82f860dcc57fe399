"""A condition's values in a few lines, for the message of a failed assertion."""

from __future__ import annotations

from collections.abc import Iterator

from runner.language.expressions.evaluate import EvaluationError, Lookup, Ran, Walk, unknown
from runner.language.expressions.presence import asked_presence
from runner.language.expressions.syntax import Compare, Expression, Logic, Node, Unary
from runner.language.values import Value, written


def explain(expression: Expression, lookup: Lookup, ran: Ran) -> list[str]:
    """Why the expression came out as it did.

    The comparisons that were decided, each as written and with its values, and then every name
    with its value: `0.5 == 1`, `steps.fill.filled_qty is 0.5`, `params.qty is 1`. Never raises.
    """
    walk = Walk(lookup, ran)
    lines = list(_comparisons(expression, expression.root, walk))
    return lines + [f"{value.origin} is {_shown(value)}" for value in walk.inputs.values()]


def _comparisons(expression: Expression, node: Node, walk: Walk) -> Iterator[str]:
    try:
        match node:
            case Logic():
                for operand in node.operands:
                    yield from _comparisons(expression, operand, walk)
                    if walk.truth(operand) is not (node.operator == "and"):
                        return
            case Unary(operator="not"):
                yield from _comparisons(expression, node.operand, walk)
            case Compare() if not asked_presence(node):
                left, right = _shown(walk.of(node.left)), _shown(walk.of(node.right))
                values = f"{left} {node.operator} {right}"
                text = expression.written(node)
                whole = node is expression.root or text == values
                yield values if whole else f"{text}: {values}"
            case _:
                walk.of(node)
    except EvaluationError as failure:
        yield failure.message


def _shown(value: Value) -> str:
    if unknown(value):
        return "unknown"
    text = written(value.value)
    return f"'{text}'" if isinstance(value.value, str) else text
