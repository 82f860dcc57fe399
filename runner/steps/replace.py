"""`replace_order`: change an open order, and wait until the broker says so.

An order that is partly filled cannot simply be changed: Alpaca would give the new one the whole
quantity again (Alpaca-API issue 165). It is cancelled, and what is left goes out as a new order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from msgspec.structs import replace

from runner.effects import Json
from runner.guards import Draft
from runner.language.declare import Action, Finding, Form, GivenKeys, Output, SentBefore, arg
from runner.language.kinds import ORDER, PERCENT, PRICE, QUANTITY, TEXT
from runner.language.runbook import TIME_IN_FORCE, OrderReference
from runner.language.values import Plain
from runner.machine import Run, Steps
from runner.machine.failures import Cause, Failure
from runner.machine.following import read_again
from runner.machine.judging import pass_guards, without
from runner.machine.own_orders import OwnOrder, Sent
from runner.machine.replacing import Change, replace_once
from runner.machine.sending import send_once
from runner.steps.cancel import cancel_or_fail
from runner.steps.foreseen import untold
from runner.steps.order_legs import GROUPS, TRAILS, in_words
from runner.steps.order_rules import TAKES, check_prices_on_grid
from runner.steps.position import await_free
from runner.steps.submit import rejected
from runner.world import decimal

ZERO = Decimal(0)
CHANGES = ("qty", "limit_price", "stop_price", "trail_price", "trail_percent", "time_in_force")

_PRICES = ("limit_price", "stop_price", *TRAILS)
_OTHER = {"trail_price": "trail_percent", "trail_percent": "trail_price"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceOrder:
    order: OrderReference = arg(
        ORDER,
        "The step that sent the order; `entry.stop_loss` is one of its legs.",
        required=True,
        form=Form.ORDER,
        example="entry",
    )
    qty: Decimal | None = arg(
        QUANTITY, "Shares it shall come to, those filled already included.", above="0"
    )
    limit_price: Decimal | None = arg(
        PRICE, "The new limit; of an mleg order negative for a credit.", example="189.25"
    )
    stop_price: Decimal | None = arg(PRICE, "The new trigger.", above="0")
    trail_price: Decimal | None = arg(PRICE, "The new distance in dollars.", above="0")
    trail_percent: Decimal | None = arg(PERCENT, "The new distance in percent.", above="0%")
    time_in_force: str | None = arg(TIME_IN_FORCE, "How long the order works from now on.")


def replace_order(args: ReplaceOrder, run: Run) -> Steps[Mapping[str, Plain]]:
    own = run.order_named(args.order)
    if own is None or not own.reached:
        return {"status": "none", "filled_qty": ZERO}
    if own.sent is Sent.UNKNOWN or own.replacing:
        raise Failure(
            Cause.UNKNOWN,
            f"what became of order {own.client_order_id} is not known: it cannot be changed",
            help="Look it up at the broker by that client order id.",
        )
    yield from read_again(run, own)
    _check_changeable(args, own)
    wanted = args.qty or own.asked_in_all
    changed = own.may_be_live and _is_already(args, own)
    if own.may_be_live and not changed and own.order.filled_qty == 0:
        meant = partial(_change, args, own, wanted)
        changed = yield from replace_once(run, own, meant)
    if own.may_be_live and (not changed or own.asked_in_all != wanted):
        own, changed = (yield from _send_the_rest(args, run, own, wanted)), True
    _raise_unless_as_wanted(own, wanted, changed=changed)
    return _outputs(own)


def _check_changeable(args: ReplaceOrder, own: OwnOrder) -> None:
    """Raises `Failure` when this change cannot be made of this order, or would not be what is
    meant."""
    order = own.order
    if order.qty is None:
        raise Failure(Cause.FAILED, "Alpaca does not change an order for an amount in dollars")
    if own.may_be_live and order.filled_qty is None:
        raise Failure(
            Cause.FAILED,
            f"the broker does not say how much of order {own.client_order_id} is filled, so it "
            "cannot be changed without the danger of filling too much",
        )
    if args.limit_price is not None and args.limit_price <= 0 and own.order_class != "mleg":
        raise Failure(Cause.FAILED, f"limit_price must be more than 0, not {args.limit_price:f}")
    for given, now in (("trail_price", "trail_percent"), ("trail_percent", "trail_price")):
        if getattr(args, given) is not None and own.data.get(now) is not None:
            # Alpaca takes one number, `trail`, in the unit that the order was sent with.
            raise Failure(
                Cause.FAILED,
                f"order {own.client_order_id} trails by {now}: {given} cannot take its place",
                help=f"Write {now}.",
            )


def _is_already(args: ReplaceOrder, own: OwnOrder) -> bool:
    """Whether it is as it shall be: Alpaca refuses a change that changes nothing."""
    now = {name: decimal(own.data.get(name)) for name in _numbers(args)}
    return (
        all(Decimal(str(value)) == now[name] for name, value in _numbers(args).items())
        and args.qty in (None, own.asked_in_all)
        and args.time_in_force in (None, own.order.time_in_force)
    )


def _send_the_rest(
    args: ReplaceOrder, run: Run, own: OwnOrder, wanted: Decimal | None
) -> Steps[OwnOrder]:
    """Cancel an order that is partly filled, and send what is left of it as it shall be.

    Guards judge what is left before anything is cancelled, and again before it is sent.
    """
    if own.parent is not None or own.order_class != "simple":
        raise (yield from _not_in_part(run, own, wanted))
    left = (wanted or ZERO) - own.filled_in_all
    if left > 0:
        draft = replace(_draft(args, own, left), instead=(own.order,))
        yield from pass_guards(run, draft, without(run.tally, own))
    yield from cancel_or_fail(run, [own])
    if own.fill_untold:
        raise Failure(
            Cause.UNKNOWN,
            f"the broker does not say how much of order {own.client_order_id} was filled, so what "
            "is left of it was not sent",
            help="Look at the order and the position at the broker.",
        )
    left = (wanted or ZERO) - own.filled_in_all
    if left <= 0 or own.order.status == "rejected":
        return own
    yield from await_free(run, own.symbol, own.side, left)
    return (yield from send_once(run, _draft(args, own, left), continues=own))


def _not_in_part(run: Run, own: OwnOrder, wanted: Decimal | None) -> Steps[Failure]:
    """What ends the step for an order of a group. One that was filled in part while it was changed
    would open more than was wanted: it is cancelled."""
    too_much = wanted is None or (own.asked_in_all or ZERO) > wanted
    if own.opens and too_much:
        yield from cancel_or_fail(run, [own])
    return Failure(
        Cause.FAILED,
        f"order {own.client_order_id} is partly filled ({own.filled_in_all:f}): Alpaca replaces it "
        "by one for the whole quantity, and its group cannot be sent again in part; it is "
        f"{own.order.status}",
        help="Cancel it, and send what is left as an order of its own.",
        outputs=_outputs(own),
    )


def _raise_unless_as_wanted(own: OwnOrder, wanted: Decimal | None, *, changed: bool) -> None:
    """Raises `Failure` when more is filled than was wanted, or no more can come of it."""
    if own.order.status == "rejected":
        raise rejected(own)
    filled = own.filled_in_all
    if wanted is not None and filled > wanted:
        raise Failure(
            Cause.FAILED,
            f"{filled:f} of order {own.client_order_id} are filled, more than the {wanted:f} that "
            "were wanted: the fills came before the change",
            help="Close what is too much (close_position with qty).",
            outputs=_outputs(own),
        )
    if not own.may_be_live and filled != wanted:
        words = "was changed, and then ended" if changed else "ended before it could be changed"
        raise Failure(
            Cause.FAILED,
            f"order {own.client_order_id} {words}: it is {own.order.status}, {filled:f} filled",
            outputs=_outputs(own),
        )


def _change(args: ReplaceOrder, own: OwnOrder, wanted: Decimal | None) -> Change:
    """The change of an order that has filled nothing since it was last changed."""
    body = _numbers(args)
    trail = body.pop("trail_price", None) or body.pop("trail_percent", None)
    if trail is not None:
        body["trail"] = trail
    left = None if wanted is None else wanted - own.filled_in_all
    if args.qty is not None and left is not None:
        body["qty"] = f"{left:f}"
    if args.time_in_force is not None:
        body["time_in_force"] = args.time_in_force
    return Change(body, _draft(args, own, left))


def _draft(args: ReplaceOrder, own: OwnOrder, qty: Decimal | None) -> Draft:
    """The order as it will be, whole, as guards judge it and as it would be sent anew."""
    order = own.order
    body: dict[str, Json] = {
        "symbol": own.symbol,
        "side": own.side,
        "type": order.type,
        "time_in_force": args.time_in_force or order.time_in_force,
    }
    kept = {
        "qty": qty,
        "limit_price": order.limit_price,
        "stop_price": order.stop_price if order.type in ("stop", "stop_limit") else None,
        "trail_price": decimal(own.data.get("trail_price")),
        "trail_percent": decimal(own.data.get("trail_percent")),
    }
    body |= {name: f"{value:f}" for name, value in kept.items() if value is not None}
    for name in ("extended_hours", "position_intent"):
        if name in own.body:
            body[name] = own.body[name]
    body |= _numbers(args)
    # A leg that grows would be more than what its entry brings.
    grows = qty is None or order.qty is None or qty > order.qty
    bound = own.parent is not None and own.parent.exits != [] and not grows
    return Draft(own.symbol, own.side, body, _legs(own, qty), exits=bound)


def _legs(own: OwnOrder, qty: Decimal | None) -> tuple[Draft, ...]:
    """The legs of a multi-leg order as it will be, each for all its contracts."""
    if own.order_class != "mleg" or qty is None or not own.order.qty:
        return ()
    share = qty / own.order.qty
    return tuple(
        Draft(
            leg.symbol,
            leg.side,
            {} if leg.order.qty is None else {"qty": f"{leg.order.qty * share:f}"},
            instead=(leg.order,),
        )
        for leg in own.legs.values()
    )


def _numbers(args: ReplaceOrder) -> dict[str, Json]:
    percent = args.trail_percent * 100 if args.trail_percent is not None else None
    numbers = {
        "limit_price": args.limit_price,
        "stop_price": args.stop_price,
        "trail_price": args.trail_price,
        "trail_percent": percent.normalize() if percent is not None else None,
    }
    return {name: f"{value:f}" for name, value in numbers.items() if value is not None}


def _outputs(own: OwnOrder) -> Mapping[str, Plain]:
    return {
        "status": own.order.status,
        "filled_qty": own.filled_in_all,
        "qty": own.asked_in_all,
        "limit_price": own.order.limit_price,
        "stop_price": own.order.stop_price,
    }


def check(known: Mapping[str, Any], given: frozenset[str]) -> Iterator[Finding]:
    """Something must change; prices lie on the grid; one trail at the most."""
    if not given.intersection(CHANGES):
        yield Finding(
            "RB512", "order", "replace_order changes nothing", "Add limit_price, for example."
        )
    if {"trail_price", "trail_percent"} <= given:
        yield Finding("RB503", "trail_percent", "give trail_price or trail_percent, not both")
    yield from check_prices_on_grid(known, given)
    sent = known.get("order")
    if sent is not None:
        yield from _fits(sent, given)


def _fits(sent: SentBefore, given: GivenKeys) -> Iterator[Finding]:
    """Each type of order has its own prices; the orders of a group keep their size (facts page 2.3:
    what the broker answers to a change)."""
    kind, order_class = _type_of(sent), sent.known.get("order_class", "simple")
    what = f"{sent.step_id}.{sent.leg}" if sent.leg else sent.step_id
    for name in sorted(set(_PRICES) & given):
        if kind is None:
            continue
        if name not in TAKES[kind]:
            takes = ", ".join(TAKES[kind]) or "no price"
            words = f"'{what}' is a {kind} order, which has no {name}"
            yield Finding("RB503", name, words, f"A {kind} order has {takes}.")
        elif name in TRAILS and name not in sent.given:
            words = f"'{what}' trails by {_OTHER[name]}: {name} cannot take its place"
            yield Finding("RB503", name, words, f"Write {_OTHER[name]}.")
    if "qty" in given and order_class in GROUPS:
        yield Finding(
            "RB522",
            "qty",
            f"'{what}' is part of {in_words(order_class)}, whose size cannot be changed",
            "Cancel it (cancel_order), and send it anew with the other size.",
        )
    if "notional" in sent.given:
        words = f"'{what}' is for an amount in dollars: Alpaca does not change such an order"
        yield Finding("RB522", "order", words, "Cancel it (cancel_order), and send it anew.")


def _type_of(sent: SentBefore) -> str | None:
    """The type that the order has at the broker; None when that is not certain."""
    if sent.leg == "take_profit":
        return "limit"
    if sent.leg == "stop_loss":
        return "stop_limit" if "stop_loss_limit" in sent.given else "stop"
    kind = sent.known.get("type")
    return "limit" if kind == "marketable_limit" else kind


ACTION = Action(
    "replace_order",
    "Changes one open order of this run and waits until the broker says so.",
    ReplaceOrder,
    {
        "status": Output(TEXT, "Its status as changed, or filled when the fill won."),
        "filled_qty": Output(QUANTITY, "Shares filled, before the change and since."),
        "qty": Output(
            QUANTITY,
            "Shares asked for in all.",
            optional="if no order was sent",
            only_if=("unsent",),
        ),
        "limit_price": Output(PRICE, "Its limit now.", optional="for other types", market=True),
        "stop_price": Output(PRICE, "Its stop now.", optional="for other types", market=True),
    },
    replace_order,
    check=check,
    foresee=untold,
    opens=True,
)
