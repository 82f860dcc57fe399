"""Text to tree: a precedence-climbing parser.

The parser stops at the first thing that it cannot read. What it accepts is bounded before it is
built, so no text can make it slow or exhaust the stack.
"""

from __future__ import annotations

import re
from dataclasses import replace

from msgspec import structs

from runner.language import kinds
from runner.language.diagnostics import Report
from runner.language.expressions.grid import on_grid
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
    children,
)
from runner.language.expressions.tokens import (
    INSTEAD,
    WORDS,
    Token,
    UnreadableError,
    no_index,
    tokens,
)
from runner.language.kinds import Kind
from runner.language.tree import Scalar
from runner.language.values import Plain

MAX_LENGTH = 1000
MAX_DEPTH = 32
MAX_NODES = 200

_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "in", "not in")
_POWER = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(_COMPARISONS, 4),
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "//": 6,
}
_NOT, _MINUS = 3, 7


def parse(text: str, scalar: Scalar, offset: int, report: Report) -> Expression | None:
    """The expression in `text`, which begins `offset` characters into the scalar's text (past a
    leading `=`). Findings: RB401 what cannot be read, RB407 what is too long, deep or large."""
    try:
        root = _Parser(text).whole()
    except UnreadableError as refused:
        span = scalar.part(offset + refused.start, offset + refused.end)
        report.error(refused.code, refused.message, span, help=refused.help)
        return None
    return Expression(text, root, scalar, offset)


class _Parser:
    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            message = f"this expression has {len(text)} characters; at most {MAX_LENGTH} are read"
            raise _costly(message, 0, len(text))
        self.length = len(text)
        self.tokens = tokens(text)
        self.at = 0
        self.nodes = 0
        self.nesting = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def advance(self) -> Token:
        token = self.next
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def accept(self, text: str) -> bool:
        if self.next.kind in ("sign", "word") and self.next.text == text:
            self.advance()
            return True
        return False

    def expect(self, text: str, why: str) -> Token:
        token = self.next
        if not self.accept(text):
            raise self.unexpected(f"expected '{text}' {why}")
        return token

    def unexpected(self, expected: str) -> UnreadableError:
        token = self.next
        help = INSTEAD.get(token.text, "")  # noqa: A001
        if token.kind == "name" and token.text.lower() in WORDS:
            help = f"Write '{token.text.lower()}' in small letters."  # noqa: A001
        return UnreadableError(f"{expected}, found {token.shown}", token.start, token.end, help)

    def whole(self) -> Node:
        if self.next.kind == "end":
            raise UnreadableError("an expression is missing here", 0, self.length)
        root = self.expression()
        if self.next.kind != "end":
            raise self.unexpected("expected an operator or the end")
        _measure(root)
        return root

    def counted(self, node: Node) -> Node:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _costly(f"this expression has more than {MAX_NODES} parts", 0, self.length)
        return node

    def deeper(self, start: int) -> None:
        self.nesting += 1
        if self.nesting > MAX_DEPTH:
            raise _costly(f"this is nested more than {MAX_DEPTH} levels deep", start, self.length)

    def expression(self) -> Node:
        self.deeper(self.next.start)
        node = self.binary(0)
        if self.accept("if"):
            condition = self.binary(0)
            self.expect("else", "and what to take otherwise")
            otherwise = self.expression()
            node = self.counted(Conditional(node, condition, otherwise, node.start, otherwise.end))
        self.nesting -= 1
        return node

    def operator(self) -> str:
        token = self.next
        if token.kind not in ("sign", "word"):
            return ""
        if token.text == "not":
            return "not in" if self.tokens[self.at + 1].text == "in" else ""
        return token.text if token.text in _POWER else ""

    def binary(self, least: int) -> Node:
        left = self.prefix(least)
        previous = ""
        while (operator := self.operator()) and _POWER[operator] > least:
            if operator in _COMPARISONS and previous in _COMPARISONS:
                help = "Write each comparison, joined with and: a < b and b < c."  # noqa: A001
                token = self.next
                raise UnreadableError("comparisons cannot be chained", token.start, token.end, help)
            for _ in operator.split():
                self.advance()
            right = self.binary(_POWER[operator])
            left = self.counted(_joined(operator, left, right, flat=operator == previous))
            previous = operator
        return left

    def prefix(self, least: int) -> Node:
        token = self.next
        if token.text not in ("not", "-") or token.kind not in ("word", "sign"):
            return self.primary()
        power = _NOT if token.text == "not" else _MINUS
        if power < least:
            message = "'not' must stand in parentheses here"
            raise UnreadableError(message, token.start, token.end, "Write (not …).")
        self.advance()
        self.deeper(token.start)
        operand = self.binary(power) if token.text == "not" else self.prefix(power)
        self.nesting -= 1
        return self.counted(Unary(token.text, operand, token.start, operand.end))

    def primary(self) -> Node:
        token = self.next
        if token.kind == "number":
            return self.counted(_number(self.advance()))
        if token.kind == "text":
            self.advance()
            text = token.text[1:-1]
            return self.counted(Literal(text, kinds.choice(text), token.start, token.end))
        if token.kind == "name":
            return self.name()
        if token.text in ("true", "false", "none") and token.kind == "word":
            self.advance()
            value, kind = _CONSTANTS[token.text]
            return self.counted(Literal(value, kind, token.start, token.end))
        if self.accept("("):
            inner = self.expression()
            close = self.expect(")", "to close the parenthesis")
            return structs.replace(inner, start=token.start, end=close.end)
        if self.accept("["):
            items = self.values("]", "to close the list")
            if not items:
                raise UnreadableError("a list holds at least one value", token.start, self.last_end)
            return self.counted(ListOf(items, token.start, self.last_end))
        raise self.unexpected("expected a value")

    @property
    def last_end(self) -> int:
        return self.tokens[self.at - 1].end

    def name(self) -> Node:
        token = self.next
        called = self.tokens[self.at + 1].text == "(" and self.tokens[self.at + 1].kind == "sign"
        if token.text == "null" or (token.text.lower() in WORDS and not called):
            raise self.unexpected("expected a value")
        self.advance()
        if not called:
            if self.next.text == "[" and self.next.kind == "sign":
                raise no_index(self.next.start, self.next.end)
            path = tuple(token.text.split("."))
            return self.counted(Name(path, token.start, token.end))
        if "." in token.text:
            raise UnreadableError(f"{token.text} is not a function", token.start, token.end)
        self.advance()
        arguments = self.values(")", "to close the arguments")
        return self.counted(Call(token.text, arguments, token.start, self.last_end, token.end))

    def values(self, close: str, why: str) -> tuple[Node, ...]:
        if self.accept(close):
            return ()
        found = [self.expression()]
        while self.accept(","):
            found.append(self.expression())
        self.expect(close, why)
        return tuple(found)


_CONSTANTS: dict[str, tuple[Plain, Kind]] = {
    "true": (True, kinds.BOOLEAN),
    "false": (False, kinds.BOOLEAN),
    "none": (None, NOTHING),
}


def _joined(operator: str, left: Node, right: Node, *, flat: bool) -> Node:
    if operator in ("and", "or"):
        operands = (*left.operands, right) if flat and isinstance(left, Logic) else (left, right)
        return Logic(operator, operands, left.start, right.end)
    make = Compare if operator in _COMPARISONS else Binary
    return make(operator, left, right, left.start, right.end)


def _number(token: Token) -> Literal:
    """A number, percentage, duration or time of day, by its last character or its colon."""
    text = token.text
    try:
        if text.endswith("%"):
            return Literal(kinds.PERCENT.read(text), kinds.PERCENT, token.start, token.end)
        if ":" in text:
            return Literal(kinds.read_time(text), kinds.TIME, token.start, token.end)
        if text[-1].isalpha() and not re.match(r"[\d.]+e", text):
            return Literal(kinds.read_duration(text), kinds.DURATION, token.start, token.end)
        number = kinds.read_number(text)
    except ValueError as refused:
        raise UnreadableError(f"'{text}': {refused}", token.start, token.end) from None
    kind = replace(kinds.NUMBER, on_tick=on_grid(number))
    return Literal(number, kind, token.start, token.end)


def _costly(message: str, start: int, end: int) -> UnreadableError:
    return UnreadableError(message, start, end, "Compute part of it in a step of its own.", "RB407")


def _measure(root: Node) -> None:
    """Refuses a tree of more than `MAX_DEPTH` levels, counted without recursion."""
    level: list[Node] = [root]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in children(node)]
        if not level:
            return
    message = f"this expression is nested more than {MAX_DEPTH} levels deep"
    raise _costly(message, root.start, root.end)
