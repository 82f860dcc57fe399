"""The tree of an expression. Every node knows where it stands in the expression's text."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from runner.language.kinds import TEXT, Family, Kind
from runner.language.source import Span
from runner.language.tree import Scalar
from runner.language.values import Plain

NOTHING = Kind("none", Family.TEXT, "no value", TEXT.read, {})
"""The kind of `none`, which stands only beside `==` and `!=`."""


class Literal(Struct, frozen=True):
    """A value written out: a number, text, `true`, `3%`, `90s`, `9:30`, or `none` (`None`)."""

    value: Plain
    kind: Kind
    start: int
    end: int


class Name(Struct, frozen=True):
    """A dotted name, such as `steps.fill.filled_qty`."""

    path: tuple[str, ...]
    start: int
    end: int

    @property
    def dotted(self) -> str:
        return ".".join(self.path)


class Unary(Struct, frozen=True):
    """`-x` or `not x`."""

    operator: str
    operand: Node
    start: int
    end: int


class Binary(Struct, frozen=True):
    """Arithmetic: `+ - * / //`."""

    operator: str
    left: Node
    right: Node
    start: int
    end: int


class Compare(Struct, frozen=True):
    """`== != < <= > >=`, `in` or `not in`."""

    operator: str
    left: Node
    right: Node
    start: int
    end: int


class Logic(Struct, frozen=True):
    """`a and b and c` or `a or b or c`, one node for the whole chain."""

    operator: str
    operands: tuple[Node, ...]
    start: int
    end: int


class Conditional(Struct, frozen=True):
    """`then if condition else otherwise`."""

    then: Node
    condition: Node
    otherwise: Node
    start: int
    end: int


class Call(Struct, frozen=True):
    """A function's name and its arguments. `name_end` is where the name ends."""

    function: str
    arguments: tuple[Node, ...]
    start: int
    end: int
    name_end: int


class ListOf(Struct, frozen=True):
    """`[a, b]`."""

    items: tuple[Node, ...]
    start: int
    end: int


Node = Literal | Name | Unary | Binary | Compare | Logic | Conditional | Call | ListOf


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below, in reading order."""
    match node:
        case Unary():
            return (node.operand,)
        case Binary() | Compare():
            return (node.left, node.right)
        case Logic():
            return node.operands
        case Conditional():
            return (node.then, node.condition, node.otherwise)
        case Call():
            return node.arguments
        case ListOf():
            return node.items
    return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in reading order."""
    yield node
    for child in children(node):
        yield from walk(child)


def asked_step(node: Node) -> Name | None:
    """The step that `ran(step)` asks about, when the node is such a call with a usable argument:
    a bare id, or `steps.<id>`."""
    if isinstance(node, Call) and node.function == "ran" and len(node.arguments) == 1:
        argument = node.arguments[0]
        if isinstance(argument, Name) and _step_id(argument.path):
            return argument
    return None


def step_id(name: Name) -> str:
    """The id that a `ran(…)` argument names; empty when it names none."""
    return _step_id(name.path)


def _step_id(path: tuple[str, ...]) -> str:
    if len(path) == 1:
        return path[0]
    return path[1] if len(path) == 2 and path[0] == "steps" else ""


class Reference(Struct, frozen=True):
    """A name that an expression uses, and where."""

    path: tuple[str, ...]
    span: Span

    @property
    def dotted(self) -> str:
        return ".".join(self.path)


class Expression(Struct, frozen=True):
    """A parsed expression. `text` begins `offset` characters into the scalar's text."""

    text: str
    root: Node
    scalar: Scalar
    offset: int

    @property
    def names(self) -> tuple[Reference, ...]:
        """Every use of a name whose value is read, in reading order. What `ran(…)` asks about is
        not read and stands in `asked`."""
        asked = {id(step) for node in walk(self.root) if (step := asked_step(node))}
        return tuple(
            Reference(node.path, self.span_of(node))
            for node in walk(self.root)
            if isinstance(node, Name) and id(node) not in asked
        )

    @property
    def asked(self) -> tuple[Reference, ...]:
        """The steps that `ran(…)` asks about, each path being the step's id alone."""
        steps = (step for node in walk(self.root) if (step := asked_step(node)))
        return tuple(Reference((step_id(step),), self.span_of(step)) for step in steps)

    def span_of(self, node: Node) -> Span:
        """Where the node stands in the runbook."""
        return self.span(node.start, node.end)

    def span(self, start: int, end: int) -> Span:
        """Where characters `start` to `end` of the expression stand in the runbook."""
        return self.scalar.part(self.offset + start, self.offset + end)

    def written(self, node: Node) -> str:
        """The node as it is written, with line breaks and runs of blanks made one blank."""
        return " ".join(self.text[node.start : node.end].split())
