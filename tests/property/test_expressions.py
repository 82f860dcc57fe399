"""Expressions against Python's own reading of the same text, and against nonsense."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction

from hypothesis import assume, event, example, given, settings
from hypothesis import strategies as st

from runner.language import kinds
from runner.language.diagnostics import Report
from runner.language.expressions import (
    AbsentError,
    Evaluation,
    EvaluationError,
    Expression,
    Known,
    Missing,
    Template,
    assignable,
    check_template,
    evaluate,
    evaluate_template,
    explain,
    infer,
    on_grid,
    parse,
    parse_template,
    round_to_grid,
)
from runner.language.expressions.parser import MAX_NODES
from runner.language.expressions.syntax import walk
from runner.language.kinds import Family, Kind
from runner.language.source import Source, Span
from runner.language.tree import Scalar
from runner.language.values import Certainty, Plain, Value

# ---------------------------------------------------------------------- a reference in Python

LIMIT = Decimal(10**18)


class Refused(Exception):  # noqa: N818 - an outcome of the reference, not an error of it
    """The reference says that the expression must fail."""


class Number:
    """A decimal that computes with 34 digits and refuses what the language refuses."""

    def __init__(self, value: Decimal | str) -> None:
        self.value = Decimal(value)
        if abs(self.value) > LIMIT:
            raise Refused

    def _with(self, other: Number, compute: Callable[[Decimal, Decimal], Decimal]) -> Number:
        with localcontext(Context(prec=34, rounding=ROUND_HALF_EVEN, Emin=-99)) as context:
            context.clear_traps()
            return Number(compute(self.value, other.value))

    def __add__(self, other: Number) -> Number:
        return self._with(other, lambda one, two: one + two)

    def __sub__(self, other: Number) -> Number:
        return self._with(other, lambda one, two: one - two)

    def __mul__(self, other: Number) -> Number:
        return self._with(other, lambda one, two: one * two)

    def __truediv__(self, other: Number) -> Number:
        if other.value == 0:
            raise Refused
        return self._with(other, lambda one, two: one / two)

    def __floordiv__(self, other: Number) -> Number:
        if other.value == 0:
            raise Refused
        return Number(str(Fraction(self.value) // Fraction(other.value)))

    def __neg__(self) -> Number:
        return Number("0") - self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and self.value == other.value

    def __lt__(self, other: Number) -> bool:
        return self.value < other.value

    def __le__(self, other: Number) -> bool:
        return self.value <= other.value

    def __hash__(self) -> int:
        return hash(self.value)


def rounded(way: str) -> Callable[..., Number]:
    def function(number: Number, places: Number | None = None) -> Number:
        unit = Decimal(10) ** -int(places.value if places else 0)
        with localcontext(Context(prec=60)):
            return Number(number.value.quantize(unit, way))

    return function


NAMED = {"a": "2.5", "b": "-0.0004", "c": "1000003", "z": "0"}
REFERENCE = {
    **{name: Number(value) for name, value in NAMED.items()},
    "true": True,
    "false": False,
    "N": Number,
    "min": min,
    "max": max,
    "abs": lambda number: max(number, -number),
    "floor": rounded(ROUND_FLOOR),
    "ceil": rounded(ROUND_CEILING),
    "round": rounded(ROUND_HALF_EVEN),
    "__builtins__": {},
}
LITERAL = re.compile(r"(?<![\w'])(\d+(?:\.\d+)?)(%?)")


def reference(text: str) -> Plain:
    """What Python makes of the same text, its numbers replaced."""

    def number(match: re.Match[str]) -> str:
        value = Decimal(match[1]).scaleb(-2 if match[2] else 0)
        return f"N('{value:f}')"

    result = eval(LITERAL.sub(number, text), dict(REFERENCE))
    return result.value if isinstance(result, Number) else result


literals = st.one_of(
    st.integers(0, 12).map(str),
    st.decimals(0, 99999, places=3).map(lambda number: f"{number:f}"),
    st.integers(0, 200).map(lambda number: f"{number}%"),
    st.sampled_from(["999999999999999999", "0.000000001"]),
)


def numeric(
    deeper: st.SearchStrategy[str], condition: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    two = st.tuples(deeper, deeper)
    return st.one_of(
        st.tuples(deeper, st.sampled_from(["+", "-", "*", "/", "//"]), deeper).map(" ".join),
        deeper.map(lambda text: f"-{text}"),
        deeper.map(lambda text: f"({text})"),
        st.tuples(deeper, condition, deeper).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.tuples(st.sampled_from(["min", "max"]), two).map(lambda t: f"{t[0]}({', '.join(t[1])})"),
        st.tuples(st.sampled_from(["abs", "floor", "ceil"]), deeper).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        st.tuples(deeper, st.integers(0, 9)).map(lambda t: f"round({t[0]}, {t[1]})"),
    )


def boolean(
    numbers: st.SearchStrategy[str], deeper: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    compare = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    return st.one_of(
        st.tuples(numbers, compare, numbers).map(" ".join),
        st.tuples(numbers, st.sampled_from(["in", "not in"]), numbers, numbers).map(
            lambda t: f"{t[0]} {t[1]} [{t[2]}, {t[3]}]"
        ),
        st.tuples(deeper, st.sampled_from(["and", "or"]), deeper).map(" ".join),
        deeper.map(lambda text: f"not {text}"),
        deeper.map(lambda text: f"({text})"),
    )


numbers_0 = literals | st.sampled_from(list(NAMED))
conditions_0 = st.sampled_from(["true", "false"])
conditions_1 = boolean(numbers_0, conditions_0)
numbers_1 = numbers_0 | numeric(numbers_0, conditions_1)
conditions_2 = boolean(numbers_1, conditions_1)
numbers_2 = numbers_0 | numeric(numbers_1, conditions_2)
conditions_3 = boolean(numbers_2, conditions_2)
numbers_3 = numeric(numbers_2, conditions_3)


def read(text: str) -> tuple[Expression | None, Report]:
    report = Report(Source("plan.yaml", text))
    return parse(text, Scalar(text, Span(1, 1, 1, 1 + len(text))), 0, report), report


@settings(max_examples=250, deadline=None)
@given(numbers_3 | conditions_3)
@example("-7 // 2")
@example("2 - 3 - 4")
@example("8 // 3 * 2")
@example("not 1 < 2 and false")
def test_arithmetic_agrees_with_python(text: str) -> None:
    expression, report = read(text)
    if expression is None:
        assert {found.code for found in report.found} == {"RB407"}, report.found
        return

    def lookup(path: tuple[str, ...]) -> Value:
        return Value(Decimal(NAMED[path[0]]), kinds.NUMBER)

    try:
        expected: Plain = reference(text)
    except Refused:
        event("refused")
        try:
            assert evaluate(expression, lookup, lambda _: False) is None
        except EvaluationError:
            return
    found = evaluate(expression, lookup, lambda _: False).value.value
    assert type(found) is type(expected)
    assert found == expected


# ---------------------------------------------------------------------- kinds before and at run

PRICES = st.one_of(
    st.decimals(1, 5000, places=2),
    st.decimals("0.0001", "0.9999", places=4),
)
NAMES: dict[str, tuple[Kind, st.SearchStrategy[Plain]]] = {
    "params.qty": (kinds.QUANTITY, st.decimals(-100, 100, places=2)),
    "params.cash": (kinds.MONEY, st.decimals(0, 100_000, places=2)),
    "params.limit": (kinds.PRICE, PRICES),
    "params.mid": (kinds.AVERAGE, st.decimals(0, 500, places=5)),
    "params.part": (kinds.PERCENT, st.decimals(0, 2, places=4)),
    "params.count": (kinds.INTEGER, st.integers(-3, 9).map(Decimal)),
    "params.side": (kinds.choice("buy", "sell"), st.sampled_from(["buy", "sell"])),
    "params.symbol": (kinds.SYMBOL, st.sampled_from(["AAPL", "ON"])),
    "params.flag": (kinds.BOOLEAN, st.booleans()),
    "params.patience": (kinds.DURATION, st.timedeltas(timedelta(0), timedelta(days=2))),
    "params.last": (kinds.TIME, st.times()),
    "run.at": (kinds.MOMENT, st.datetimes(timezones=st.just(UTC))),
    "steps.all.symbols": (kinds.list_of(kinds.SYMBOL), st.just(("AAPL", "ON"))),
    "steps.e.qty": (kinds.QUANTITY, st.decimals(0, 100, places=2)),
    "steps.e.average": (kinds.AVERAGE, st.decimals(1, 500, places=4)),
}


class World:
    """The names above; step `e` may be skipped, and its average may be absent though it ran."""

    def resolve(self, path: tuple[str, ...]) -> Known | Missing:
        dotted = ".".join(path)
        if dotted not in NAMES:
            return Missing("RB301", f"there is no {dotted}")
        optional = "it may be skipped" if path[:2] == ("steps", "e") else ""
        return Known(NAMES[dotted][0], optional, "unfilled" if path[-1] == "average" else "")

    def ran(self, step_id: str) -> Missing | None:
        return None if step_id == "e" else Missing("RB301", f"there is no {step_id}")


Texts = st.SearchStrategy[str]


def shaped(shape: str, *parts: Texts) -> Texts:
    """Texts put into the shape's `{}` in turn."""
    return st.tuples(*parts).map(lambda found: shape.format(*found))


def of_family(deeper: dict[str, Texts]) -> dict[str, Texts]:
    """Expressions a level deeper: the families are right, the units often are not."""
    number, truth, span, word = (deeper[key] for key in ("number", "truth", "span", "word"))
    either = st.one_of(*(shaped("({} if {} else {})", number, truth, number) for _ in range(2)))
    return {
        "number": number
        | either
        | shaped("({} {} {})", number, st.sampled_from(["+", "-", "*", "/", "//"]), number)
        | shaped("(-{})", number)
        | shaped("default({}, {})", number, number)
        | shaped("{}({}, {})", st.sampled_from(["min", "max", "round_lot"]), number, number)
        | shaped("{}({})", st.sampled_from(["abs", "floor", "ceil", "round_tick"]), number)
        | shaped("({} / {})", span, span),
        "truth": truth
        | shaped("({} {} {})", truth, st.sampled_from(["and", "or"]), truth)
        | shaped("(not {})", truth)
        | shaped("({} {} {})", number, st.sampled_from(["==", "!=", "<", ">="]), number)
        | shaped("({} {} {})", span, st.sampled_from(["==", ">"]), span)
        | shaped("({} {} {})", word, st.sampled_from(["==", "!="]), word)
        | shaped("({} in [{}, {}])", number, number, number)
        | shaped("({} not in steps.all.symbols)", word),
        "span": span
        | shaped("({} {} {})", span, st.sampled_from(["+", "-"]), span)
        | shaped("({} {} {})", span, st.sampled_from(["*", "/"]), number)
        | shaped("({} - {})", st.just("run.at"), st.just("run.at")),
        "word": word | shaped("({} if {} else {})", word, truth, word),
    }


shallow: dict[str, Texts] = {
    "number": st.sampled_from(
        [name for name, (kind, _) in NAMES.items() if kind.numeric]
        + ["0", "1", "2.5", "0.001", "3%", "steps.e.qty", "steps.e.average"]
    ),
    "truth": st.sampled_from(
        [
            "ran(e)",
            "(not ran(e))",
            "params.flag",
            "true",
            "(steps.e.qty != none)",
            "(none == steps.e.average)",
            "(steps.e.average != none)",
        ]
    ),
    "span": st.sampled_from(["params.patience", "90s", "(params.last - 9:30)"]),
    "word": st.sampled_from(["params.side", "params.symbol", "'buy'", "'sell'", "'AAPL'", "'x'"]),
}
deep = of_family(of_family(shallow))
PYTHON_TYPES: dict[Family, tuple[type, ...]] = {
    Family.NUMBER: (Decimal,),
    Family.TEXT: (str,),
    Family.BOOLEAN: (bool,),
    Family.DURATION: (timedelta,),
    Family.TIME: (time, datetime),
    Family.LIST: (tuple,),
}


def outcome(
    expression: Expression, lookup: Callable[[tuple[str, ...]], Value | None], ran: bool
) -> Evaluation | EvaluationError:
    try:
        return evaluate(expression, lookup, lambda _: ran)
    except EvaluationError as failure:
        return failure


@settings(max_examples=400, deadline=None)
@given(st.one_of(*deep.values()), st.data())
def test_what_was_found_sound_gives_what_was_inferred(text: str, data: st.DataObject) -> None:
    expression, report = read(text)
    assert expression, report.found
    kind = infer(expression, World(), report)
    assert (kind is None) is report.failed
    if kind is None:
        event(report.found[0].code)
        return
    ran = data.draw(st.booleans())
    unknown = data.draw(st.sampled_from(["", *sorted({name.dotted for name in expression.names})]))
    looked_up: list[str] = []

    def lookup(path: tuple[str, ...]) -> Value | None:
        dotted = ".".join(path)
        looked_up.append(dotted)
        kind, values = NAMES[dotted]
        if path[:2] == ("steps", "e") and not ran:
            return None
        if path[-1] == "average" and data.draw(st.booleans()):
            return None
        if dotted == unknown:
            return Value(None, kind, Certainty.UNKNOWN)
        return Value(data.draw(values), kind)

    result = outcome(expression, lookup, ran)
    if isinstance(result, EvaluationError):
        event("evaluation error")
        assert not isinstance(result, AbsentError), "an absent value was read"
        assert 0 <= result.start <= result.end <= len(text)
        return
    assert len(looked_up) == len(set(looked_up))
    event("computed")
    if result.value.value is None:
        assert result.value.certainty is Certainty.UNKNOWN
        return
    assert isinstance(result.value.value, PYTHON_TYPES[kind.family])
    if kind.on_tick:
        assert isinstance(result.value.value, Decimal)
        assert on_grid(result.value.value)
    if kind.values and isinstance(result.value.value, str):
        assert result.value.value in kind.values


# ---------------------------------------------------------------------- nonsense

WORDS = "1~2.5~3%~90s~9:30~==~//~none~not ~ in ~ if ~ else ~ and ~ or ~true~min(~ran(~default(~e"
ODDITIES = ["${", "}", "$${", "1,000", "'buy'", "\u00d7", "\ud800", "\x00", "nope"]
pieces = st.sampled_from(
    [*NAMES, *"()[]+-*/<>=!&|%$'\".,:; \n", *WORDS.split("~"), *ODDITIES],
)
nonsense = st.lists(pieces, max_size=30).map("".join) | st.text(max_size=60)


def surely_absent(_: tuple[str, ...]) -> Value | None:
    return None


@settings(max_examples=600, deadline=None)
@given(nonsense)
@example("].")
def test_nonsense_gives_findings_and_never_an_exception(text: str) -> None:
    expression, report = read(text)
    assert (expression is None) is report.failed
    for found in report.found:
        assert 1 <= found.span.column <= found.span.end_column <= len(text) + 1
    if expression:
        infer(expression, World(), report)
        explain(expression, surely_absent, lambda _: True)
        try:
            evaluate(expression, surely_absent, lambda _: True)
        except EvaluationError:
            event("evaluation error")


@settings(max_examples=300, deadline=None)
@given(nonsense)
def test_nonsense_inside_text_gives_findings_and_never_an_exception(text: str) -> None:
    report = Report(Source("plan.yaml", text))
    found = parse_template(Scalar(text, Span(1, 1, 1, 1 + len(text))), report)
    assert (found is None) is report.failed
    if isinstance(found, Template):
        check_template(found, World(), report)
        try:
            evaluate_template(found, surely_absent, lambda _: True)
        except EvaluationError:
            event("evaluation error")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["(", "-", "not ", "1+", "a if b else ", "min(", "[", "1,"])))
def test_no_text_exhausts_the_stack_or_builds_a_large_tree(parts: list[str]) -> None:
    text = ("".join(parts) or "(") * (1100 // max(len("".join(parts)), 1))
    for candidate in (text[:1000], text, f"{text[:900]}1"):
        expression, report = read(candidate)
        assert (expression is None) is report.failed
        if expression:
            assert sum(1 for _ in walk(expression.root)) <= MAX_NODES


# ---------------------------------------------------------------------- rounding


@given(st.decimals("-100000", "100000", places=8))
def test_rounding_to_the_grid_brackets_the_price(price: Decimal) -> None:
    assume(abs(price) >= Decimal("0.0001") or price <= 0)
    down, up = round_to_grid(price, "down"), round_to_grid(price, "up")
    nearest = round_to_grid(price)
    assert down <= price <= up
    assert nearest in (down, up)
    assert all(on_grid(one) for one in (down, up, nearest))
    assert (down == price == up) is on_grid(price)
    assert abs(nearest - price) == min(price - down, up - price)


@given(st.sampled_from([kind for kind, _ in NAMES.values()]))
def test_every_kind_fits_itself(kind: Kind) -> None:
    assert assignable(kind, kind) is None
