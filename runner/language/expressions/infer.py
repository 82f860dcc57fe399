"""What an expression gives, found before the run, and every reason why it cannot."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from runner.language.diagnostics import Report, did_you_mean
from runner.language.expressions import presence, rules
from runner.language.expressions.evaluate import (
    EvaluationError,
    constant_at,
    evaluate,
    no_value,
    not_run,
)
from runner.language.expressions.functions import FUNCTIONS, Argument, Function
from runner.language.expressions.presence import Facts
from runner.language.expressions.rules import Mismatch, describe
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
)
from runner.language.kinds import BOOLEAN, Family, Kind


class Known(Struct, frozen=True):
    """A name that may be read here.

    `optional` says why it may be absent because its step may not have run (`step 'entry' has a
    when`): `ran(entry)` settles it. `nullable` says why it may be absent although its step ran
    (`nothing may have filled`): only `default(…)` or a comparison with `none` settles that.
    """

    kind: Kind
    optional: str = ""
    nullable: str = ""


class Missing(Struct, frozen=True):
    """A name that may not be read here: the finding's code (RB3xx), message and help."""

    code: str
    message: str
    help: str = ""


class Scope(Protocol):
    """What the place of an expression can see."""

    def resolve(self, path: tuple[str, ...]) -> Known | Missing:
        """What a dotted name stands for."""

    def ran(self, step_id: str) -> Missing | None:
        """Why `ran(step_id)` cannot be asked here; None when it can."""


def infer(expression: Expression, scope: Scope, report: Report) -> Kind | None:
    """The kind that the expression gives; None after errors, all of which are reported."""
    inference = _Inference(expression, scope, report)
    kind = inference.of(expression.root, presence.NOTHING_KNOWN)
    inference.computable()
    return None if inference.failed else kind


def expect_boolean(expression: Expression, scope: Scope, report: Report) -> bool:
    """Whether the expression is sound and true or false; reports why not, RB403 if it gives
    something else."""
    inference = _Inference(expression, scope, report)
    inference.boolean(expression.root, presence.NOTHING_KNOWN)
    inference.computable()
    return not inference.failed


class _Inference:
    """One walk. `of` gives None below an error that is reported, so nothing is reported twice."""

    def __init__(self, expression: Expression, scope: Scope, report: Report) -> None:
        self.expression = expression
        self.scope = scope
        self.report = report
        self.failed = False

    def error(self, code: str, message: str, node: Node, help: str = "", label: str = "") -> None:  # noqa: A002
        self.failed = True
        span = self.expression.span_of(node)
        self.report.error(code, message, span, help=help, label=label)

    def computable(self) -> None:
        """Computes an otherwise sound expression without names now, for what would fail later."""
        if self.failed or self.expression.names or self.expression.asked:
            return
        try:
            evaluate(self.expression, no_value, not_run)
        except EvaluationError as failure:
            self.failed = True
            span = self.expression.span(failure.start, failure.end)
            self.report.error("RB408", failure.message, span)

    def text(self, node: Node) -> str:
        return self.expression.written(node)

    def of(self, node: Node, facts: Facts) -> Kind | None:
        match node:
            case Literal():
                return self.literal(node)
            case Name():
                return self.name(node, facts)
            case Unary():
                return self.unary(node, facts)
            case Binary():
                return self.binary(node, facts)
            case Compare():
                return self.compare(node, facts)
            case Logic():
                return self.logic(node, facts)
            case Conditional():
                return self.conditional(node, facts)
            case Call():
                return self.call(node, facts)
            case ListOf():
                return self.list_of(node, facts)

    def literal(self, node: Literal) -> Kind | None:
        if node.kind != NOTHING:
            return node.kind
        help = "Leave a field out to give it no value."  # noqa: A001
        self.error("RB402", "none stands only beside == or !=, after a name", node, help)
        return None

    def name(self, node: Name, facts: Facts) -> Kind | None:
        found = self.scope.resolve(node.path)
        if isinstance(found, Missing):
            self.error(found.code, found.message, node, found.help)
            return None
        reason = presence.doubt(node.path, found.optional, found.nullable, facts)
        if reason:
            help = f"Write default({node.dotted}, …)"  # noqa: A001
            if reason == found.optional and len(node.path) > 2 and node.path[0] == "steps":
                help += f", or ask ran({node.path[1]}) first"  # noqa: A001
            message = f"{node.dotted} may have no value: {reason}"
            self.error("RB303", message, node, f"{help}.")
            return None
        return found.kind

    def boolean(self, node: Node, facts: Facts, help: str = "") -> None:  # noqa: A002
        kind = self.of(node, facts)
        if kind is None or kind.family is Family.BOOLEAN:
            return
        if not help and kind.numeric:
            help = f"Compare it, such as {self.text(node)} > 0."  # noqa: A001
        what = f"{self.text(node)} is {describe(kind)}, where true or false is needed"
        self.error("RB403", what, node, help)

    def unary(self, node: Unary, facts: Facts) -> Kind | None:
        if node.operator == "not":
            self.boolean(node.operand, facts)
            return BOOLEAN
        kind = self.of(node.operand, facts)
        if kind is None or kind.numeric or kind.family is Family.DURATION:
            return kind
        what = f"{self.text(node.operand)} is {describe(kind)}, which has no sign"
        self.error("RB402", what, node)
        return None

    def binary(self, node: Binary, facts: Facts) -> Kind | None:
        left, right = self.of(node.left, facts), self.of(node.right, facts)
        if left is None or right is None:
            return None
        kind = rules.calculation(node.operator, left, right)
        if isinstance(kind, Mismatch):
            self.mismatch(kind, node, (node.left, left), (node.right, right))
            return None
        if node.operator in ("/", "//") and constant_at(node.right) == Decimal(0):
            self.error("RB408", "division by zero", node.right)
            return None
        return kind

    def mismatch(
        self, found: Mismatch, node: Node, left: tuple[Node, Kind], right: tuple[Node, Kind]
    ) -> None:
        words = {
            "left": f"{self.text(left[0])} ({describe(left[1])})",
            "right": f"{self.text(right[0])} ({describe(right[1])})",
            "left_text": self.text(left[0]),
            "right_text": self.text(right[0]),
        }
        self.error("RB402", found.message.format(**words), node, found.help.format(**words))

    def compare(self, node: Compare, facts: Facts) -> Kind | None:
        if node.operator in ("in", "not in"):
            return self.membership(node, facts)
        asked = presence.asked_presence(node)
        if asked:
            return BOOLEAN if self.of(asked, None) else None
        left, right = self.of(node.left, facts), self.of(node.right, facts)
        if left and right:
            self.comparable(node, node.operator, (node.left, left), (node.right, right))
        return BOOLEAN

    def comparable(
        self, node: Node, operator: str, left: tuple[Node, Kind], right: tuple[Node, Kind]
    ) -> None:
        found = rules.comparison(operator, left[1], right[1])
        if found:
            self.mismatch(found, node, left, right)

    def membership(self, node: Compare, facts: Facts) -> Kind | None:
        left = self.of(node.left, facts)
        if isinstance(node.right, ListOf):
            for item in node.right.items:
                kind = self.of(item, facts)
                if left and kind:
                    self.comparable(item, "==", (node.left, left), (item, kind))
            return BOOLEAN
        right = self.of(node.right, facts)
        if left is None or right is None:
            return BOOLEAN
        if right.family is not Family.LIST:
            what = f"{self.text(node.right)} is {describe(right)}, where a list is needed"
            self.error("RB402", what, node.right, "Write a list, such as ['day', 'gtc'].")
        elif inner := rules.item_of(right):
            self.comparable(node, "==", (node.left, left), (node.right, inner))
        return BOOLEAN

    def logic(self, node: Logic, facts: Facts) -> Kind:
        before: Node | None = None
        for operand in node.operands:
            self.boolean(operand, facts, self.meant_list(node, before, operand))
            facts = presence.more(facts, presence.learned(operand, node.operator == "and"))
            before = operand
        return BOOLEAN

    def meant_list(self, node: Logic, before: Node | None, operand: Node) -> str:
        """Help for `side == 'buy' or 'sell'`."""
        if node.operator == "or" and isinstance(operand, Literal) and isinstance(before, Compare):
            values = f"[{self.text(before.right)}, {self.text(operand)}]"
            return f"Write {self.text(before.left)} in {values}."
        return ""

    def conditional(self, node: Conditional, facts: Facts) -> Kind | None:
        self.boolean(node.condition, facts)
        holds = presence.more(facts, presence.learned(node.condition, True))
        fails = presence.more(facts, presence.learned(node.condition, False))
        then, otherwise = self.of(node.then, holds), self.of(node.otherwise, fails)
        return self.joined(node, (node.then, then), (node.otherwise, otherwise))

    def joined(
        self, node: Node, one: tuple[Node, Kind | None], other: tuple[Node, Kind | None]
    ) -> Kind | None:
        if one[1] is None or other[1] is None:
            return None
        kind = rules.join(one[1], other[1])
        if isinstance(kind, Mismatch):
            self.mismatch(kind, node, (one[0], one[1]), (other[0], other[1]))
            return None
        return kind

    def list_of(self, node: ListOf, facts: Facts) -> Kind | None:
        found = [(item, self.of(item, facts)) for item in node.items]
        first, kind = found[0]
        for item, other in found[1:]:
            kind = self.joined(node, (first, kind), (item, other))
        return rules.listed(kind) if kind else None

    def call(self, node: Call, facts: Facts) -> Kind | None:
        function = FUNCTIONS.get(node.function)
        if function is None:
            help = did_you_mean(node.function, list(FUNCTIONS))  # noqa: A001
            named = Name((node.function,), node.start, node.name_end)
            self.error("RB405", f"there is no function '{node.function}'", named, help)
            return None
        if not self.counted(function, node):
            return None
        if node.function == "ran":
            return self.ran(node)
        if node.function == "default":
            value, fallback = node.arguments
            kind = self.of(value, None)
            return self.joined(node, (value, kind), (fallback, self.of(fallback, facts)))
        found = [(argument, self.of(argument, facts)) for argument in node.arguments]
        arguments = tuple(
            Argument(self.text(argument), kind, constant_at(argument))
            for argument, kind in found
            if kind
        )
        if len(arguments) < len(found):
            return None
        return self.applied(function, node, arguments)

    def counted(self, function: Function, node: Call) -> bool:
        count = len(node.arguments)
        if function.takes(count):
            return True
        wanted = f"at least {function.least}" if function.most is None else str(function.least)
        if function.most is not None and function.most > function.least:
            wanted = f"{function.least} or {function.most}"
        message = f"{function.name} takes {wanted} value{'s' * (wanted != '1')}, not {count}"
        self.error("RB406", message, node, f"Write {function.signature}.")
        return False

    def applied(
        self, function: Function, node: Call, arguments: tuple[Argument, ...]
    ) -> Kind | None:
        kind = function.rule(arguments)
        if isinstance(kind, Mismatch):
            self.error("RB406", kind.message.format(), node, f"Write {function.signature}.")
            return None
        return kind

    def ran(self, node: Call) -> Kind | None:
        step = asked_step(node)
        if step is None:
            message = f"{self.text(node.arguments[0])} is not the id of a step"
            self.error("RB406", message, node, "Write ran(entry), with the id of a step.")
            return None
        missing = self.scope.ran(step_id(step))
        if missing:
            self.error(missing.code, missing.message, step, missing.help)
            return None
        return BOOLEAN
