"""`assert_no_pdt_risk`: the plan cannot run into a day-trading restriction.

The pattern-day-trader rule ended on 2026-06-04 (FINRA Rule 4210 as amended, Regulatory Notice
26-10) and Alpaca removed its fields on 2026-07-06, so `pattern_day_trader` and `daytrade_count`
are absent from today's accounts. An absent field never passes anything here: where the fields are
present the classic rule is applied; where they are absent, the margin rules that replaced it
(facts page 3, design section 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from runner.effects import Json, ReadAccount
from runner.language.declare import Action, Output, arg
from runner.language.kinds import COUNT, INTEGER, MONEY, PERCENT, TEXT, choice
from runner.language.values import Plain
from runner.machine import Run, Steps
from runner.machine.day_trades import count_day_trades
from runner.machine.failures import refused
from runner.steps.exposure import day_trades, left_overnight, opening_parts
from runner.steps.fills import opened_today
from runner.steps.forecast import planned_orders
from runner.steps.planned import PlannedOrder
from runner.world import Account, Order, World, is_option

RETIRED = (
    "the pattern-day-trader rule ended on 2026-06-04 and the broker removed its fields on "
    "2026-07-06"
)
PDT_MINIMUM = Decimal(25000)
PDT_DAY_TRADES = 3
MARGIN_MINIMUM = Decimal(2000)
"""Regulation T's minimum equity for margin, unchanged by the amendment (facts page 3)."""

HUNDRED = Decimal(100)
ZERO = Decimal(0)
Known = TypeVar("Known")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertNoPdtRisk:
    regime: str = arg(
        choice("auto", "pdt", "intraday_margin"),
        "Which rules apply; auto goes by whether the account has the retired PDT fields.",
        default="auto",
    )
    max_day_trades: Decimal | None = arg(
        COUNT,
        "Day trades in five trading days, the plan's included: 3 under the PDT rule unless given; "
        "otherwise a house budget.",
        least="0",
    )
    min_equity: Decimal = arg(
        MONEY, "Under the PDT rule, last equity that makes day trades unlimited.",
        default="25000", least="0",
    )  # fmt: skip
    min_margin_excess: Decimal = arg(
        PERCENT,
        "Equity above maintenance margin that must stay after the plan's orders, of equity.",
        default="5%",
        least="0%",
    )


OUTPUTS = {
    "regime": Output(TEXT, "pdt or intraday_margin."),
    "day_trades": Output(INTEGER, "Day trades counted, the plan's included.",
                         optional="under intraday_margin without max_day_trades"),
    "margin_excess": Output(MONEY, "Equity above maintenance margin after the plan's orders.",
                            optional="under pdt", market=True),
}  # fmt: skip


def assert_no_pdt_risk(args: AssertNoPdtRisk, run: Run) -> Steps[Mapping[str, Plain]]:
    account = Account.read((yield from run.read(ReadAccount())) or {})
    orders = yield from planned_orders(run)
    present = account.pattern_day_trader is not None or account.daytrade_count is not None
    if args.regime == "pdt" or (args.regime == "auto" and present):
        return (yield from _pdt(args, run, account, orders))
    return (yield from _intraday_margin(args, run, account, orders))


# ----------------------------------------------------------------------- the classic rule


def _pdt(
    args: AssertNoPdtRisk, run: Run, account: Account, orders: Sequence[PlannedOrder]
) -> Steps[Mapping[str, Plain]]:
    flagged = _needed(account.pattern_day_trader, "pattern_day_trader")
    count = _needed(account.daytrade_count, "daytrade_count")
    last_equity = _needed(account.last_equity, "last_equity")
    equity = _needed(account.equity, "equity")
    planned = day_trades(orders, (yield from opened_today(run, orders)))
    most = args.max_day_trades if args.max_day_trades is not None else Decimal(PDT_DAY_TRADES)
    total = count + planned
    values = {
        "regime": "pdt",
        "pattern_day_trader": str(flagged).lower(),
        "daytrade_count": f"{count:f}",
        "planned_day_trades": str(planned),
        "max_day_trades": f"{most:f}",
        "last_equity": f"{last_equity:f}",
        "min_equity": f"{args.min_equity:f}",
    }
    unlimited = last_equity >= args.min_equity and args.max_day_trades is None
    refusal = ""
    if flagged and min(equity, last_equity) < args.min_equity:
        refusal = (
            f"the account is flagged as a pattern day trader and its equity is below "
            f"{args.min_equity:f}"
        )
    elif total > most and not unlimited:
        below = f", with last equity {last_equity:f} below {args.min_equity:f}"
        refusal = (
            f"{count:f} day trades in five days and {planned} planned make {total:f}, more than "
            f"{most:f}{below if last_equity < args.min_equity else ''}"
        )
    yield from _record(run, refusal, values)
    return {"regime": "pdt", "day_trades": total}


def _needed(value: Known | None, name: str) -> Known:
    if value is None:
        raise refused(
            f"the broker did not report {name}: {RETIRED}",
            help="Write `regime: auto` to apply the margin rules where those fields are absent.",
        )
    return value


# ------------------------------------------------------------- the rules that replaced it


def _intraday_margin(
    args: AssertNoPdtRisk, run: Run, account: Account, orders: Sequence[PlannedOrder]
) -> Steps[Mapping[str, Plain]]:
    equity = _reported(account.equity, "equity")
    maintenance = _reported(account.maintenance_margin, "maintenance_margin")
    multiplier = _reported(account.multiplier, "multiplier")
    cost, required, short = ZERO, ZERO, False
    world: World | None = None
    for symbol in dict.fromkeys(order.symbol for order in orders if not order.closes):
        world = yield from run.read_world(symbol)
        held = _reported(world.position.qty, f"quantity of {symbol}")
        mine = [order for order in orders if order.symbol == symbol]
        for order, part in opening_parts(mine, world, held):
            worth = _worth(run, order, world) * part
            cost += worth
            required += worth * _requirement(order, world) / HUNDRED
            short = short or order.side == "sell"
    resting = _resting_buys(world)
    excess = equity - maintenance - required - resting
    floor = args.min_margin_excess * equity
    overnight = left_overnight(orders)
    values = {
        "regime": "intraday_margin",
        "note": f"{RETIRED}; the margin rules apply",
        "equity": f"{equity:f}",
        "maintenance_margin": f"{maintenance:f}",
        "planned_cost": f"{cost:f}",
        "planned_maintenance": f"{required:f}",
        "resting_buys": f"{resting:f}",
        "margin_excess": f"{excess:f}",
        "min_margin_excess": f"{floor:f}",
        "multiplier": f"{multiplier:f}",
        "left_overnight": ", ".join(overnight) or "none",
    }
    refusal = ""
    if excess <= floor:
        refusal = (
            f"the margin excess after the plan's orders would be {excess:.2f}, not above "
            f"{floor:.2f}"
        )
    elif (multiplier > 1 or short) and equity < MARGIN_MINIMUM:
        refusal = f"equity is {equity:f}, below the {MARGIN_MINIMUM:f} that margin requires"
    elif overnight:
        regt = _reported(account.regt_buying_power, "regt_buying_power")
        values["regt_buying_power"] = f"{regt:f}"
        if cost > regt:
            refusal = (
                f"the plan holds {', '.join(overnight)} overnight and costs {cost:.2f}, more than "
                f"the overnight buying power of {regt:f}"
            )
    counted: int | None = None
    if not refusal and args.max_day_trades is not None:
        done = yield from count_day_trades(run)
        counted = done + day_trades(orders, (yield from opened_today(run, orders)))
        values["house_day_trades"] = str(counted)
        values["max_day_trades"] = f"{args.max_day_trades:f}"
        if counted > args.max_day_trades:
            refusal = (
                f"{counted} day trades in five trading days, the plan's included, are more than "
                f"the house budget of {args.max_day_trades:f}"
            )
    yield from _record(run, refusal, values)
    return {
        "regime": "intraday_margin",
        "day_trades": None if counted is None else Decimal(counted),
        "margin_excess": excess,
    }


def _reported(value: Decimal | None, name: str) -> Decimal:
    if value is None:
        raise refused(f"the broker did not report the account's {name}; it cannot be assumed")
    return value


def _worth(run: Run, order: PlannedOrder, world: World) -> Decimal:
    """Dollars the order may be worth; `max_order_notional` when its size is not known yet."""
    worth = None if order.unsure else order.draft.notional(world)
    if worth is not None:
        return worth
    most = run.rules.limits.max_order_notional
    if most is None:
        raise refused(
            f"what the order in {order.symbol} is worth cannot be told before it runs",
            help="Give limits.max_order_notional: an unknown order counts as that much.",
        )
    return most


def _requirement(order: PlannedOrder, world: World) -> Decimal:
    """Maintenance margin of the asset in percent of value; all of it when not marginable."""
    if is_option(order.symbol):
        if order.side == "buy":
            return HUNDRED  # options are bought without credit
        raise refused(
            f"what margin {order.symbol} takes when it is sold to open cannot be told",
            help="Remove assert_no_pdt_risk from this plan, or the sold option.",
        )
    asset = world.asset
    if asset is None or asset.marginable is None:
        raise refused(f"the broker did not report whether {order.symbol} is marginable")
    if not asset.marginable:
        return HUNDRED
    percent = (
        asset.margin_requirement_short if order.side == "sell" else asset.margin_requirement_long
    )
    if percent is None:
        raise refused(f"the broker did not report the margin requirement of {order.symbol}")
    return percent


def _resting_buys(world: World | None) -> Decimal:
    """Dollars that buys already resting at the broker would take, at their full price."""
    resting = [order for order in world.open_orders if order.side == "buy"] if world else []
    return sum((_resting(order) for order in resting), ZERO)


def _resting(order: Order) -> Decimal:
    if order.notional is not None:
        return order.notional
    price = order.limit_price if order.limit_price is not None else order.stop_price
    if price is None or order.remaining is None:
        raise refused(
            f"an open buy of {order.symbol} ({order.client_order_id}) has no price to reckon with",
            help="Cancel it, or wait until it has filled.",
        )
    return order.remaining * price


def _record(run: Run, refusal: str, values: Mapping[str, Json]) -> Steps[None]:
    """Put the verdict and its inputs on record; raise when it is a refusal."""
    yield from run.emit(
        "guard",
        {
            "guard": "no_pdt_risk",
            "verdict": "refuse" if refusal else "pass",
            "message": refusal or "no day-trading restriction in sight",
            "values": dict(values),
        },
    )
    if refusal:
        failure = refused(refusal)
        failure.guard = True  # `on_error: continue` does not cover it
        raise failure


ACTION = Action(
    "assert_no_pdt_risk",
    "The plan cannot run into a day-trading restriction, under the old rule or the new ones.",
    AssertNoPdtRisk,
    OUTPUTS,
    assert_no_pdt_risk,
)
