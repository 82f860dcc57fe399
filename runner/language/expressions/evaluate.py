"""What an expression comes to, from what, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from runner.language.expressions import arithmetic, rules
from runner.language.expressions.functions import FUNCTIONS, Argument
from runner.language.expressions.presence import asked_presence
from runner.language.expressions.rules import Mismatch
from runner.language.expressions.syntax import (
    NOTHING,
    Binary,
    Call,
    Compare,
    Conditional,
    Expression,
    ListOf,
    Literal,
    Logic,
    Name,
    Node,
    Unary,
    asked_step,
    step_id,
    walk,
)
from runner.language.kinds import BOOLEAN, NUMBER, Family, Kind
from runner.language.values import Certainty, Plain, Value, written

Lookup = Callable[[tuple[str, ...]], Value | None]
Ran = Callable[[str], bool]


class EvaluationError(Exception):
    """Why an expression came to nothing, in words for a trader. `start` and `end` are where in
    the expression's text."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end


class AbsentError(EvaluationError):
    """A name had no value; `default(…)` would have provided for it."""


class Evaluation(Struct, frozen=True):
    """The value, and every value that was read for it, in the order of reading, each once.

    An input that was absent has the value None and the kind `none`. `ran(…)` is an input too.
    """

    value: Value
    inputs: tuple[Value, ...]


def evaluate(expression: Expression, lookup: Lookup, ran: Ran) -> Evaluation:
    """What the expression comes to.

    `lookup` gives None for a name without a value. A value whose certainty is unknown and which
    is None makes everything computed from it unknown (None) as well; `default` does not cover it.

    Raises:
        EvaluationError: division by zero, an absent value, a number out of range, a value that
            is not what its kind says. Nothing else.
    """
    reading = Walk(lookup, ran)
    result = reading.of(expression.root)
    inputs = tuple(reading.inputs.values())
    certainty = max((value.certainty for value in inputs), default=Certainty.READ)
    if not isinstance(expression.root, Name | Literal):
        certainty = max(certainty, Certainty.COMPUTED)
        origin = expression.written(expression.root)
        result = replace(result, origin=origin)
    return Evaluation(replace(result, certainty=certainty), inputs)


def constant(expression: Expression) -> Value | None:
    """The value of an expression that uses no names; None when it uses some or cannot be
    computed."""
    if expression.names or expression.asked:
        return None
    try:
        return evaluate(expression, no_value, not_run).value
    except EvaluationError:
        return None


def constant_at(node: Node) -> Plain:
    """The value of a part that uses no names; None when it uses some or cannot be computed."""
    if any(isinstance(part, Name) for part in walk(node)):
        return None
    try:
        return Walk(no_value, not_run).of(node).value
    except EvaluationError:
        return None


def no_value(_: tuple[str, ...]) -> Value | None:
    """The lookup of an expression without names."""
    return None


def not_run(_: str) -> bool:
    """Beside `no_value`."""
    return False


class Walk:
    """One evaluation. Every name is looked up at most once."""

    def __init__(self, lookup: Lookup, ran: Ran) -> None:
        self.lookup = lookup
        self.asks = ran
        self.inputs: dict[str, Value] = {}

    def of(self, node: Node) -> Value:
        match node:
            case Literal():
                return Value(node.value, node.kind, origin=written(node.value))
            case Name():
                return self.name(node)
            case Unary():
                return self.unary(node)
            case Binary():
                return self.binary(node)
            case Compare():
                return self.compare(node)
            case Logic():
                return self.logic(node)
            case Conditional():
                return self.conditional(node)
            case Call():
                return self.call(node)
            case ListOf():
                return self.list_of(node)

    def computed(self, node: Node, kind: Kind, compute: Callable[..., Plain], *of: Value) -> Value:
        """The value computed from others: unknown as soon as one of them is."""
        if any(unknown(value) for value in of):
            return Value(None, kind, Certainty.UNKNOWN)
        try:
            return Value(compute(*(value.value for value in of)), kind, Certainty.COMPUTED)
        except ValueError as failure:
            raise EvaluationError(str(failure), node.start, node.end) from None

    def read(self, node: Name) -> Value:
        if node.dotted not in self.inputs:
            found = self.lookup(node.path) or Value(None, NOTHING)
            self.inputs[node.dotted] = replace(found, origin=found.origin or node.dotted)
        return self.inputs[node.dotted]

    def name(self, node: Name) -> Value:
        value = self.read(node)
        if unknown(value):
            return value
        if value.value is None:
            raise AbsentError(f"{node.dotted} has no value", node.start, node.end)
        problem = _unlike_its_kind(value)
        if problem:
            raise EvaluationError(f"{node.dotted} {problem}", node.start, node.end)
        return value

    def truth(self, node: Node) -> bool | None:
        """Whether a condition holds; None when that is unknown."""
        value = self.of(node)
        if unknown(value) or isinstance(value.value, bool):
            return None if unknown(value) else value.value is True
        message = f"{written(value.value)} is neither true nor false"
        raise EvaluationError(message, node.start, node.end)

    def unary(self, node: Unary) -> Value:
        if node.operator == "not":
            truth = self.truth(node.operand)
            return _verdict(None if truth is None else not truth)
        value = self.of(node.operand)
        return self.computed(node, value.kind, arithmetic.negated, value)

    def binary(self, node: Binary) -> Value:
        left, right = self.of(node.left), self.of(node.right)
        kind = rules.calculation(node.operator, left.kind, right.kind)
        if isinstance(kind, Mismatch):
            # Which branch of an if was taken can make a kind narrower than it was inferred.
            kind = NUMBER

        def compute(one: Plain, other: Plain) -> Plain:
            return arithmetic.calculated(node.operator, one, other)

        return self.computed(node, kind, compute, left, right)

    def compare(self, node: Compare) -> Value:
        asked = asked_presence(node)
        if asked:
            value = self.read(asked)
            there = None if unknown(value) else value.value is not None
            return _verdict(None if there is None else there is (node.operator == "!="))
        left, right = self.of(node.left), self.of(node.right)
        compute = _contained if "in" in node.operator else arithmetic.compared

        def verdict(one: Plain, other: Plain) -> Plain:
            return compute(node.operator, one, other)

        return self.computed(node, BOOLEAN, verdict, left, right)

    def logic(self, node: Logic) -> Value:
        decisive = node.operator == "or"
        for operand in node.operands:
            truth = self.truth(operand)
            if truth is None or truth is decisive:
                return _verdict(truth)
        return _verdict(not decisive)

    def conditional(self, node: Conditional) -> Value:
        truth = self.truth(node.condition)
        if truth is not None:
            return self.of(node.then if truth else node.otherwise)
        for branch in (node.then, node.otherwise):
            try:
                return Value(None, self.of(branch).kind, Certainty.UNKNOWN)
            except EvaluationError:
                continue
        return Value(None, NUMBER, Certainty.UNKNOWN)

    def list_of(self, node: ListOf) -> Value:
        items = [self.of(item) for item in node.items]

        def compute(*values: Plain) -> Plain:
            return values

        return self.computed(node, rules.listed(items[0].kind), compute, *items)

    def call(self, node: Call) -> Value:
        step = asked_step(node)
        if step:
            return self.ran(step_id(step))
        function = FUNCTIONS.get(node.function)
        if function is None or node.function == "ran" or not function.takes(len(node.arguments)):
            message = f"there is no function '{node.function}' for this"
            raise EvaluationError(message, node.start, node.end)
        if node.function == "default":
            value, fallback = node.arguments
            try:
                return self.of(value)
            except AbsentError:
                return self.of(fallback)
        values = [self.of(argument) for argument in node.arguments]
        kind = function.rule(tuple(Argument("", value.kind) for value in values))
        known = NUMBER if isinstance(kind, Mismatch) else kind
        return self.computed(node, known, function.compute, *values)

    def ran(self, step: str) -> Value:
        name = f"ran({step})"
        if name not in self.inputs:
            self.inputs[name] = Value(self.asks(step), BOOLEAN, origin=name)
        return self.inputs[name]


def unknown(value: Value) -> bool:
    """Whether nobody can tell yet what stands here, which is not the same as nothing."""
    return value.value is None and value.certainty is Certainty.UNKNOWN


def _verdict(truth: bool | None) -> Value:
    certainty = Certainty.UNKNOWN if truth is None else Certainty.COMPUTED
    return Value(truth, BOOLEAN, certainty)


def _contained(operator: str, value: Plain, values: Plain) -> bool:
    if not isinstance(values, tuple):
        raise ValueError("only a list can be searched")
    found = any(arithmetic.same(value, one) for one in values)
    return found is (operator == "in")


_HOLDS: dict[Family, tuple[type, ...]] = {
    Family.NUMBER: (Decimal,),
    Family.TEXT: (str,),
    Family.ORDER: (str,),
    Family.BOOLEAN: (bool,),
    Family.DURATION: (timedelta,),
    Family.TIME: (time, datetime),
    Family.LIST: (tuple,),
    Family.RECORD: (Mapping,),
}


def _unlike_its_kind(value: Value) -> str:
    """How a value that was read differs from what its kind promises; empty when it does not."""
    plain = value.value
    if not isinstance(plain, _HOLDS[value.kind.family]):
        return f"holds '{written(plain)}', which is not {value.kind.expected}"
    if isinstance(plain, Decimal) and not arithmetic.in_range(plain):
        return "holds a number that is out of range"
    return ""
