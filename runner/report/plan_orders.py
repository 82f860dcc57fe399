"""The orders of a plan: each as it would be sent, what is assumed of it, and what guards say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runner.drive.projection import GuardSeen, PlannedOrder, PlannedStep, Refusal
from runner.report.diagnostics import visible
from runner.report.plan_body import Numbers, flow, in_words, numbers_of
from runner.report.plan_steps import Steps
from runner.report.plan_text import Line, cents_of, told, with_basis, wrapped
from runner.report.run_text import new_york

INDENT = "     "
REDUCES = "reducing"
FATES = {"held": "held back until it is needed", "new": "works, not filled"}
VERDICTS = ("pass", "exempt", "off", "refuse")


def order_lines(
    orders: Sequence[PlannedOrder], after: int, steps: Steps, width: int | None
) -> Iterator[Line]:
    """The orders of a line after the first so many: in words, the exact body, and what is assumed.

    Each has its number in the line.
    """
    numbers = numbers_of(orders)
    for number, order in enumerate(orders[after:], after + 1):
        first, *more = wrapped(_head(order, numbers, steps), width, INDENT)
        yield [(f"{number:>3}{first[3:]}", "bold")]
        yield from ([(text, "bold")] for text in more)
        yield from _body(order, width)
        for text in wrapped(_fate(order), width, INDENT):
            yield [(text, "bold red" if order.problem else "")]


def _head(order: PlannedOrder, numbers: Numbers, steps: Steps) -> str:
    facts = [in_words(order, numbers)]
    if order.notional is not None and order.notional.value is not None:
        worth = cents_of(order.notional.value) or visible(str(order.notional.value))
        facts.append(f"{'about ' if order.notional.estimated else ''}${worth}")
    if order.effect == "submit" and not order.opens:
        facts.append("only reduces a position")
    if not order.own:
        facts.append("not an order of this runbook")
    return " · ".join([*facts, steps.called(order.step)])


def _body(order: PlannedOrder, width: int | None) -> Iterator[Line]:
    known = flow(order.body, frozenset(order.estimates))
    if known:
        yield from ([(text, "")] for text in wrapped(known, width, INDENT))
    for name, value in sorted(order.estimates.items(), key=lambda one: "." in one[0]):
        words = f"{visible(name)}: {with_basis(value)}"
        yield from ([(text, "yellow")] for text in wrapped(words, width, INDENT))


def _fate(order: PlannedOrder) -> str:
    """What is assumed to become of it."""
    if order.problem:
        return f"the broker would refuse it: {visible(order.problem)}"
    facts = []
    if order.queued_until is not None:
        facts.append(f"waits for its market until {new_york(order.queued_until)}")
    if order.effect == "cancel":
        facts.append(f"then: {visible(order.fate)}")
    else:
        facts.append(f"assumed: {_filled(order)}")
    return "; ".join(facts)


def _filled(order: PlannedOrder) -> str:
    if not order.filled_qty:
        return FATES.get(order.fate, visible(order.fate).replace("_", " "))
    words = visible(order.fate).replace("_", " ")
    price = f" at {with_basis(order.filled_avg_price)}" if order.filled_avg_price else ""
    return f"{words}, {order.filled_qty:f}{price}"


# ---------------------------------------------------------------------------------- guards


def guard_lines(orders: Sequence[tuple[int, PlannedOrder]], width: int | None) -> Iterator[Line]:
    """Every guard's verdict on every order; orders with the same verdicts stand together."""
    groups: dict[tuple[tuple[str, str, str], ...], list[int]] = {}
    for number, order in orders:
        if order.guards:
            key = tuple((one.guard, one.verdict, _reason(one)) for one in order.guards)
            groups.setdefault(key, []).append(number)
    for key, numbers in groups.items():
        plural = "s" if len(numbers) > 1 else ""
        yield [(f"  order{plural} {', '.join(map(str, numbers))}", "")]
        yield from _verdicts(key, width)


def _verdicts(key: Sequence[tuple[str, str, str]], width: int | None) -> Iterator[Line]:
    for verdict in VERDICTS:
        found: dict[str, list[str]] = {}
        for guard, said, reason in key:
            if said == verdict:
                found.setdefault(reason, []).append(guard)
        for reason, guards in found.items():
            names = ", ".join(dict.fromkeys(map(visible, guards)))
            words = f"{verdict}: {names}{f' ({reason})' if reason else ''}"
            style = {"pass": "green", "refuse": "bold red"}.get(verdict, "yellow")
            yield from ([(text, style)] for text in wrapped(words, width, INDENT))


def _reason(one: GuardSeen) -> str:
    """Why a guard is not simply passed."""
    if one.verdict == "pass":
        return ""
    if one.verdict == "exempt" and one.message == REDUCES:
        return "the order only reduces a position"
    return visible(one.message)


def refusal_lines(
    refusals: Sequence[Refusal], planned: Sequence[PlannedStep], steps: Steps, width: int | None
) -> Iterator[Line]:
    """The orders that would not be sent, each with the guard that refuses, in full."""
    asked = {step.path: step.args for step in planned}
    for refusal in refusals:
        place = steps.named(refusal.step)
        for one in refusal.guards:
            if one.verdict == "refuse":
                words = f"! {place}: {visible(one.guard)} refuses: {visible(one.message)}"
                yield from ([(text, "bold red")] for text in wrapped(words, width, "  "))
        args = asked.get(refusal.step, {})
        written = ", ".join(
            f"{visible(name)}: {told(value)}"
            for name, value in args.items()
            if value.value != "none"
        )
        if written:
            yield from ([(text, "")] for text in wrapped(f"asked: {written}", width, INDENT))
        others = tuple(
            (one.guard, one.verdict, _reason(one))
            for one in refusal.guards
            if one.verdict != "refuse"
        )
        yield from _verdicts(others, width)


def refusing(refusals: Sequence[Refusal]) -> GuardSeen | None:
    """The first guard that refuses."""
    seen = (one for refusal in refusals for one in refusal.guards)
    return next((one for one in seen if one.verdict == "refuse"), None)
