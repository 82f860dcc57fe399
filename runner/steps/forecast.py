"""What the rest of the runbook means to send, as far as it can be told before it does.

What cannot be told is refused, or reckoned at its worst: an order whose numbers are not known may
be as large as the limits allow, an exit at a price may fill today or not, and what is changed later
counts as the larger of before and after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from runner.language.runbook import Argument, Literal, Nested, OrderReference, Step
from runner.language.values import Plain
from runner.machine import Run, Steps
from runner.machine.arguments import known_value
from runner.machine.failures import Failure, refused
from runner.machine.interpreter import every_step
from runner.machine.own_orders import OwnOrder
from runner.steps.holdings import read_holdings
from runner.steps.planned import NUMBERS, Before, PlannedOrder, exit_of
from runner.world import Position

PRICES = ("limit_price", "stop_price", "trail_price", "trail_percent")
NEED_POSITIONS = ("target_position", "close_all")

Arguments = Mapping[str, Argument]


def planned_orders(run: Run) -> Steps[Sequence[PlannedOrder]]:
    """The orders of the steps after the running one, conditional ones included, and those of
    `on_failure` and `finally` where they are still to come. Before them stand the exits that work
    already.

    Raises `Failure` when what a step sends cannot be told: absence never passes.
    """
    body = run.runbook.body
    place = run.step.place if run.step is not None else ""
    if run.path != place:
        raise refused(
            "from inside a block the steps after it cannot be seen",
            help="Put assert_no_pdt_risk before the block.",
        )
    main, rescue = place.startswith("steps"), place.startswith("on_failure")
    later = [(step, False) for step in run.remaining_steps]
    later += [(step, True) for step in body.rescue if main]
    later += [(step, False) for step in body.always if main or rescue]
    held: Mapping[str, Position] = {}
    if any(step.action.name in NEED_POSITIONS for step, _ in later):
        held = yield from read_holdings(run, (), {})
    found = list(_working_exits(run))
    waits = 0
    for step, failed in later:
        waits += _may_last_overnight(step)
        _add(run, step, Before(found, held), PlannedOrder(
            "", "", when=" ".join(step.when.text.split()) if step.when is not None else "",
            on_failure=failed, waits=waits, source=step.id,
        ))  # fmt: skip
    return found


def _working_exits(run: Run) -> Iterator[PlannedOrder]:
    """Exits of this run that are at the broker already: each may close what it protects today."""
    exits = [own for own in run.orders.live if own.parent is not None or not own.opens]
    exits += [own for own in run.orders.live if own.order_class == "oco"]
    for symbol in dict.fromkeys(own.symbol for own in exits if own.symbol):
        yield exit_of(PlannedOrder(symbol, ""))


def _may_last_overnight(step: Step) -> bool:
    """Whether a step waits for an event that may belong to the next session."""
    until = step.arguments.get("until") if step.action.name == "wait" else None
    if until is None or "poll" in step.arguments:
        return False
    content = until.content
    target = content.value if isinstance(content, Literal) else None
    return getattr(target, "event", "open") in ("open", "premarket")


# ------------------------------------------------------------------------ action by action


def _add(run: Run, step: Step, before: Before, base: PlannedOrder) -> None:
    """Add what a step sends to what is planned, or change it there."""
    orders = before.orders
    inner = every_step(step.body) if step.body is not None else ()
    if any(one.action.sends or one.action.opens for one in inner):
        raise _untold(step)
    match step.action.name:
        case "submit_order":
            orders += _submitted(run, step, base)
        case "close_position":
            orders.append(_closing(run, step, base))
        case "target_position":
            orders += _targeted(run, step, before, base)
        case "close_all":
            orders += _closing_all(run, step, before, base)
        case "replace_order":
            several = sum(one.source == _reference(step).step_id for one in orders) > 1
            _change(run, before, _reference(step), lambda one: _larger(run, step, one, several))
        case "await_fill" if _may_go_at_market(run, step):
            for reference in _references(step):
                _change(run, before, reference, _at_any_price)
        case _ if step.action.sends or step.action.opens:
            raise _untold(step)


def _submitted(run: Run, step: Step, base: PlannedOrder) -> Iterator[PlannedOrder]:
    order_class = _known(run, step.arguments, "order_class") or "simple"
    if "order_class" in step.arguments and order_class == "simple":
        order_class = _needed(run, step, "order_class")
    if order_class == "mleg":
        yield from _legs(run, step, base)
        return
    order = replace(
        _sized(run, step, base),
        symbol=_needed(run, step, "symbol"),
        side=_needed(run, step, "side"),
    )
    if order_class != "oco":  # which is nothing but exits
        yield order
    if order_class != "simple":
        yield exit_of(order)


def _legs(run: Run, step: Step, base: PlannedOrder) -> Iterator[PlannedOrder]:
    """Each leg as an order of its own, at its own price: the net price bounds none of them."""
    argument = step.arguments.get("legs")
    content = argument.content if argument is not None else ()
    qty = _number(run, step.arguments, "qty")
    for item in content if isinstance(content, tuple) else ():
        leg = item.content.arguments if isinstance(item.content, Nested) else {}
        symbol, side = _known(run, leg, "symbol"), _known(run, leg, "side")
        ratio = _number(run, leg, "ratio") if "ratio" in leg else Decimal(1)
        if not isinstance(symbol, str) or not isinstance(side, str):
            raise _untold(step)
        yield replace(
            base, symbol=symbol, side=side, priced="limit_price" in step.arguments,
            qty=None if qty is None or ratio is None else qty * ratio,
        )  # fmt: skip


def _closing(run: Run, step: Step, base: PlannedOrder) -> PlannedOrder:
    return replace(
        _sized(run, step, base),
        symbol=_needed(run, step, "symbol"),
        partly="percent" in step.arguments and _known(run, step.arguments, "percent") != 1,
        whole_account=_known(run, step.arguments, "scope") == "account",
    )


def _targeted(run: Run, step: Step, before: Before, base: PlannedOrder) -> Iterator[PlannedOrder]:
    """The order for the difference; where that is not known, whatever it may come to."""
    symbol = _needed(run, step, "symbol")
    only = _needed(run, step, "only") if "only" in step.arguments else ""
    target, position = _number(run, step.arguments, "qty"), before.position(run, symbol)
    order = replace(_sized(run, step, base), symbol=symbol, qty=None)
    if target is None:
        if not only:
            raise _untold(step, "Say which side it may be on: `only: buy`, for example.")
        yield replace(order, partly=True)
        yield replace(order, side=only)
    elif position is not None and position * target >= 0:
        delta = target - position
        side = "buy" if delta > 0 else "sell"
        if delta != 0 and only in ("", side):
            closed = target == 0
            yield replace(
                order, side="" if closed else side, qty=None if closed else abs(delta),
                whole_account=closed,
            )  # fmt: skip
    elif target == 0:
        yield replace(order, whole_account=True, partly=bool(only))
    else:
        side = "buy" if target > 0 else "sell"
        if only in ("", "sell" if side == "buy" else "buy"):
            yield replace(order, partly=True)
        if only in ("", side):
            yield replace(order, side=side, qty=abs(target))


def _closing_all(
    run: Run, step: Step, before: Before, base: PlannedOrder
) -> Iterator[PlannedOrder]:
    scope = _needed(run, step, "scope") if "scope" in step.arguments else "symbols"
    planned = [order.symbol for order in before.orders]
    everything = (*planned, *run.orders.symbols, *before.held)
    symbols = run.runbook.symbols or () if scope == "symbols" else dict.fromkeys(everything)
    for symbol in symbols:
        yield replace(base, symbol=symbol, whole_account=True)


def _change(
    run: Run,
    before: Before,
    reference: OrderReference,
    larger: Callable[[PlannedOrder], PlannedOrder],
) -> None:
    """An order that is changed counts as the larger of before and after. An exit stays one."""
    if reference.output != "order_id":
        return
    changed = [at for at, one in enumerate(before.orders) if one.source == reference.step_id]
    for at in changed:
        before.orders[at] = larger(before.orders[at])
    own = run.order_named(reference)
    if changed or own is None or not own.may_be_live or own.order_class == "oco" or not own.opens:
        return
    if not own.symbol:
        raise refused(f"what changing order {own.client_order_id} comes to cannot be told")
    before.orders.append(larger(_as_planned(own)))


def _references(step: Step) -> list[OrderReference]:
    """The orders that a step names."""
    argument = step.arguments.get("order")
    content = argument.content if argument is not None else ()
    items = [one.content for one in content] if isinstance(content, tuple) else [content]
    return [one for one in items if isinstance(one, OrderReference)]


def _may_go_at_market(run: Run, step: Step) -> bool:
    """Whether an await_fill may send what is left of an order at the market."""
    given = _known(run, step.arguments, "on_timeout")
    return "on_timeout" in step.arguments and given not in ("fail", "cancel", "keep")


def _reference(step: Step) -> OrderReference:
    (found,) = _references(step)
    return found


def _as_planned(own: OwnOrder) -> PlannedOrder:
    """An order that works already, for what is left of it."""
    order = own.order
    return PlannedOrder(
        own.symbol, own.side, qty=order.remaining, limit_price=order.limit_price,
        stop_price=order.stop_price, priced=True,
    )  # fmt: skip


def _larger(run: Run, step: Step, order: PlannedOrder, several: bool) -> PlannedOrder:
    """As it is after a replace_order; of an order of several legs a new quantity is not told."""
    new = {name: _number(run, step.arguments, name) for name in NUMBERS if name in step.arguments}
    prices = [name for name in PRICES if name in step.arguments]
    qty = order.qty
    if "qty" in new:
        known = qty is not None and new["qty"] is not None and not several
        qty = _higher(qty, new["qty"]) if known else None
    return replace(
        order,
        qty=qty,
        limit_price=_higher(order.limit_price, new.get("limit_price")),
        stop_price=_higher(order.stop_price, new.get("stop_price")),
        partly=order.partly or "qty" in new,
        priced=order.priced or bool(prices),
        unsure=order.unsure or any(new.get(name) is None for name in prices),
    )


def _at_any_price(order: PlannedOrder) -> PlannedOrder:
    """As it is when its rest may go at the market: its limit bounds it no more."""
    return replace(order, limit_price=None, stop_price=_higher(order.stop_price, order.limit_price))


def _higher(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    known = [price for price in (one, other) if price is not None]
    return max(known) if known else None


# ----------------------------------------------------------------------- what is known now


def _sized(run: Run, step: Step, base: PlannedOrder) -> PlannedOrder:
    """The order with the numbers that its step gives."""
    given = step.arguments
    numbers = {name: _number(run, given, name) for name in (*NUMBERS, *PRICES, "collar")}
    percent, collar = numbers.pop("trail_percent"), numbers.pop("collar")
    at_collar = _known(run, given, "type") == "marketable_limit"
    if at_collar and "collar" not in given:
        collar = run.rules.limits.price_collar
    unknown = any(name in given and numbers.get(name, percent) is None for name in PRICES)
    return replace(
        base,
        **numbers,
        beyond=collar if at_collar else percent,
        priced=any(name in given for name in PRICES),
        unsure=unknown or (at_collar and collar is None),
    )


def _untold(step: Step, help: str = "") -> Failure:  # noqa: A002 - the word users read
    return refused(f"what {step.place} would send cannot be told before it runs", help=help)


def _needed(run: Run, step: Step, name: str) -> str:
    """A word that must be known now. Raises `Failure` when it is not."""
    value = _known(run, step.arguments, name)
    if not isinstance(value, str):
        raise _untold(step)
    return value


def _number(run: Run, arguments: Arguments, name: str) -> Decimal | None:
    value = _known(run, arguments, name)
    return value if isinstance(value, Decimal) else None


def _known(run: Run, arguments: Arguments, name: str) -> Plain:
    argument = arguments.get(name)
    return None if argument is None else known_value(run, argument)
