"""The branches of a plan: each from where it parts, what it sends, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from runner.drive.projection import MAIN, AccountAfter, Assumption, PlannedOrder, PlannedStep
from runner.drive.projection import Line as Way
from runner.report.diagnostics import visible
from runner.report.plan_account import NONE, positions
from runner.report.plan_orders import order_lines, refusal_lines
from runner.report.plan_steps import Steps, table
from runner.report.plan_text import ABOUT, Line, cents, estimate, wrapped
from runner.report.run_words import order_in_words

INDENT = "  "
FILL = "fill"


def branch_lines(branch: Way, parent: Way, steps: Steps, width: int | None) -> Iterator[Line]:
    """One branch: what was assumed, the steps from there on, its orders and its end."""
    title = f"Branch {visible(branch.name)}"
    if branch.parent != MAIN:
        title += f", off branch {visible(branch.parent)}"
    parted = assumed(branch.parted, steps) if branch.parted is not None else ""
    yield from ([(text, "bold")] for text in wrapped(f"{title}: {parted}", width, INDENT))
    later = later_steps(branch, parent)
    yield from table(steps.tell(branch, later, whole=False), width)
    yield from order_lines(branch.orders, shared_orders(branch, parent), steps, width)
    yield from refusal_lines(later_refusals(branch, parent), later, steps, width)
    yield from end_lines(branch, later, width)


def assumed(choice: Assumption, steps: Steps) -> str:
    """Where a branch parts, and what is assumed there."""
    rarely = " (less likely)" if choice.kind != FILL and not choice.likely else ""
    return f"{visible(choice.words)}{rarely}, at {steps.named(choice.step)}"


def later_steps(branch: Way, parent: Way) -> Sequence[PlannedStep]:
    """The steps from where the branch parts on."""
    return branch.steps[_shared(branch.steps, parent.steps) :]


def shared_orders(branch: Way, parent: Way) -> int:
    """How many orders both send. What becomes of one of those is told by the steps."""
    ours, theirs = map(_sent, branch.orders), map(_sent, parent.orders)
    return _shared([*ours], [*theirs])


def later_refusals(branch: Way, parent: Way) -> Sequence[Any]:
    """The refusals that only the branch meets."""
    return [one for one in branch.refusals if one not in parent.refusals]


def _sent(order: PlannedOrder) -> tuple[Any, ...]:
    return (order.step, order.phase, order.effect, order.order_id, order.body)


def _shared(ours: Sequence[object], theirs: Sequence[object]) -> int:
    pairs = zip(ours, theirs, strict=False)
    return len([*takewhile(lambda pair: pair[0] == pair[1], pairs)])


def end_lines(way: Way, told: Sequence[PlannedStep], width: int | None) -> Iterator[Line]:
    """How a line ends, and what it leaves. What a step has told is not told again."""
    for text in wrapped(f"ends: {ending(way, told)}", width, INDENT):
        yield [(text, "bold red" if way.exit_code else "green")]
    for text in wrapped(f"leaves: {left(way)}", width, INDENT):
        yield [(text, "")]


def ending(way: Way, told: Sequence[PlannedStep]) -> str:
    """`completed`, or how else, with the exit code and the reason."""
    words = visible(way.status).replace("_", " ")
    if not way.exit_code:
        return words
    error = way.result.get("error")
    reason = str(error.get("message", "")) if isinstance(error, Mapping) else ""
    known = any(step.error is not None and step.error.get("message") == reason for step in told)
    return f"{words} (exit code {way.exit_code}){'' if known else f': {visible(reason)}'}"


def left(way: Way) -> str:
    """What is held and open when the line ends, and the account then; what it comes to once the
    orders that are open have filled, where that is something else."""
    held = [
        f"{one['run_qty']} {one['symbol']} by this run's fills, {one['protected_qty']} protected"
        for one in _rows(way.result, "positions")
        if one.get("run_qty") not in (None, "0")
    ]
    found = way.result.get("open_orders")
    names = found if isinstance(found, list) else []
    orders = {one.get("client_order_id"): one for one in _rows(way.result, "orders")}
    loose = {str(one.value) for order in way.orders for one in order.estimates.values()}
    working = [_working(orders[name], loose) if name in orders else "an order" for name in names]
    facts = [*map(visible, held)]
    if working:
        facts.append(f"open: {', '.join(working)}")
    own = "; ".join(facts) or "no position and no open order of this run"
    at_end = way.left or way.end
    if at_end is None:
        return own
    words = f"{own}. The account: {_account(at_end)}"
    if way.end is not None and positions(way.end) != positions(at_end):
        words += f". Once filled: {_account(way.end)}"
    return words


def _account(one: AccountAfter) -> str:
    held = positions(one)
    cash = "cash unknown" if one.cash is None else f"cash {ABOUT} {cents(one.cash)}"
    return f"{'no position' if held == NONE else held}, {cash}"


def _working(order: Mapping[str, Any], loose: set[str]) -> str:
    """An open order in words; a price that is an estimate in the plan is marked."""
    prices = {
        key: estimate(str(order[key]), estimated=str(order[key]) in loose)
        for key in ("limit_price", "stop_price")
        if order.get(key) is not None
    }
    return order_in_words({**order, **prices})


def _rows(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = data.get(key)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
