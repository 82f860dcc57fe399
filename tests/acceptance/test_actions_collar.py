"""`type: marketable_limit`: a limit at the collar, on the costly side of a fresh quote."""

from __future__ import annotations

from decimal import Decimal

import pytest
from acceptance.harness import SHORTING, RunPlan, plan_of
from unit.machine.scripted import ACCOUNT, ASSET, CLOCK, QUOTE, STAMP, drive, ok, plan

from runner.effects import Effect, Outcome, ReadWorld, Submit

AT_100 = "tape: {AAPL: [[0s, 100, 99.99, 100.01]]}"
PENNY = "tape: {AAPL: [[0s, 0.5, 0.4999, 0.5001]]}"
AROUND_A_DOLLAR = "tape: {AAPL: [[0s, 1, 0.9999, 1.0001]]}"
HELD = "positions: {AAPL: {qty: 10, avg_entry_price: 90}}"
CALL = "AAPL261204C00270000"
FILL = "{id: fill, await_fill: {order: entry, timeout: 30s}}"


def steps(order: str, *more: str, head: str = "symbols: [AAPL]") -> str:
    entry = f"{{id: entry, submit_order: {{symbol: AAPL, type: marketable_limit, {order}}}}}"
    return plan_of("\n".join(f"  - {line}" for line in (entry, *more)), head=head)


@pytest.mark.parametrize(
    ("order", "scenario", "limit", "price"),
    [
        ("side: buy, qty: 1, collar: 1%", AT_100, "101.01", "100.01"),
        ("side: buy, qty: 1, collar: 0.005%", AT_100, "100.01", "100.01"),  # rounded down
        ("side: sell, qty: 1, collar: 1%", AT_100, "99.00", "99.99"),  # 98.9901 rounded up
        ("side: sell, qty: 1, collar: 2.5%", AT_100, "97.50", "99.99"),
        ("side: buy, qty: 1, collar: 1%", PENNY, "0.5051", "0.5001"),
        ("side: sell, qty: 1, collar: 1%", PENNY, "0.4950", "0.4999"),
        ("side: buy, qty: 1, collar: 1%", AROUND_A_DOLLAR, "1.01", "1.0001"),
        ("side: sell, qty: 1, collar: 1%", AROUND_A_DOLLAR, "0.9900", "0.9999"),
        ("side: buy, notional: 250, collar: 1%", AT_100, "101.01", "100.01"),
    ],
)
def test_it_leaves_as_a_limit_within_the_collar_and_takes_the_market(
    run_plan: RunPlan, order: str, scenario: str, limit: str, price: str
) -> None:
    if order.startswith("side: sell"):
        order += ", position_intent: sell_to_open"
    ended = run_plan(steps(order, FILL), scenario=scenario, policy=SHORTING)
    assert ended.exit_code == 0, ended.data["error"]
    (body,) = ended.sent()
    assert (body["type"], body["limit_price"]) == ("limit", limit)
    assert "collar" not in body
    assert Decimal(ended.outputs("entry")["limit_price"]) == Decimal(limit)
    assert Decimal(ended.outputs("fill")["filled_avg_price"]) == Decimal(price)


def test_the_runbooks_own_collar_is_the_default_and_the_guard_agrees(run_plan: RunPlan) -> None:
    head = "symbols: [AAPL]\nlimits: {price_collar: 3%}"
    ended = run_plan(steps("side: buy, qty: 1", FILL, head=head), scenario=AT_100)
    assert ended.exit_code == 0, ended.data["error"]
    assert ended.sent()[0]["limit_price"] == "103.01"
    verdicts = [one.data["verdict"] for one in ended.records
                if one.type == "guard" and one.data["guard"] == "price_collar"]  # fmt: skip
    assert verdicts == ["pass"]


def test_a_collar_wider_than_the_limits_is_refused_by_the_guard(run_plan: RunPlan) -> None:
    head = "symbols: [AAPL]\nlimits: {price_collar: 1%}"
    ended = run_plan(steps("side: buy, qty: 1, collar: 2%", head=head), scenario=AT_100)
    assert (ended.exit_code, ended.sent()) == (4, [])
    assert ended.data["error"]["message"].startswith("price_collar:")


def test_without_a_collar_anywhere_it_is_invalid(run_plan: RunPlan) -> None:
    ended = run_plan(steps("side: buy, qty: 1"), scenario=AT_100)
    assert ended.exit_code == 3
    assert "RB518" in ended.stderr


@pytest.mark.parametrize(
    "scenario",
    [
        f"{AT_100}\nfaults: [{{fault: alter, path: '/v2/stocks/*', "
        "set: {quote.bp: '0', trade.p: '0'}}]",
        f"{AT_100}\nfaults: [{{fault: alter, path: '/v2/stocks/*', omit: [quote.ap, trade.p]}}]",
        f"{AT_100}\nfaults: [{{fault: stale_data, symbol: AAPL, time: 10m}}]\n"
        "start: 2026-11-23 11:00",
    ],
    ids=["no bid", "no ask", "old"],
)
def test_a_price_that_cannot_be_told_refuses_it_with_nothing_sent(
    run_plan: RunPlan, scenario: str
) -> None:
    ended = run_plan(steps("side: buy, qty: 1, collar: 1%"), scenario=scenario)
    assert (ended.exit_code, ended.data["status"], ended.sent()) == (4, "refused", [])
    assert "the market's price of AAPL cannot be told" in ended.data["error"]["message"]


def test_beside_a_quote_that_is_no_measure_the_last_trade_is_one(run_plan: RunPlan) -> None:
    no_bid = "faults: [{fault: alter, path: '/v2/stocks/*', set: {quote.bp: '0'}}]"
    ended = run_plan(steps("side: buy, qty: 1, collar: 2%", FILL), scenario=f"{AT_100}\n{no_bid}")
    assert ended.exit_code == 0, ended.data["error"]
    assert ended.sent()[0]["limit_price"] == "102.00"
    (said,) = [one.data["values"]["basis"] for one in ended.records
               if one.type == "guard" and one.data["guard"] == "price_collar"]  # fmt: skip
    assert said == "last trade"


def test_an_exit_at_the_collar_reduces_and_is_priced_all_the_same(run_plan: RunPlan) -> None:
    head = "symbols: [AAPL]\nlimits: {max_orders: 0, price_collar: 1%}"
    text = steps("side: sell, qty: 10, collar: 2%", FILL, head=head)
    ended = run_plan(text, scenario=f"{AT_100}\n{HELD}")
    assert ended.exit_code == 0, ended.data["error"]
    assert ended.sent()[0]["limit_price"] == "98.00"


def test_a_bracket_at_the_collar_is_judged_by_its_price(run_plan: RunPlan) -> None:
    order = "side: buy, qty: 1, collar: 1%, order_class: bracket, stop_loss: 95, take_profit: "
    ended = run_plan(steps(f"{order}110", FILL), scenario=AT_100)
    assert ended.exit_code == 0, ended.data["error"]
    assert ended.sent()[0]["order_class"] == "bracket"
    ended = run_plan(steps(f"{order}101"), scenario=AT_100)
    assert (ended.exit_code, ended.sent()) == (5, [])
    assert "RB515" in ended.data["error"]["message"]


def test_a_collar_that_leaves_no_price_of_the_grid_refuses_the_order(run_plan: RunPlan) -> None:
    text = steps("side: buy, qty: 1, collar: 0.001%")
    ended = run_plan(text, scenario="tape: {AAPL: [[0s, 100, 99.999, 100.001]]}")
    assert (ended.exit_code, ended.sent()) == (4, [])
    assert "no price of the grid" in ended.data["error"]["message"]


def test_an_option_is_priced_in_cents(run_plan: RunPlan) -> None:
    text = plan_of(
        f"  - {{id: entry, submit_order: {{symbol: {CALL}, side: buy, qty: 1,"
        " type: marketable_limit, collar: 1%}}\n"
        f"  - {FILL}",
        head=f"symbols: [{CALL}]",
    )
    ended = run_plan(text, scenario=f"tape: {{{CALL}: [[0s, 0.55, 0.54, 0.56]]}}")
    assert ended.exit_code == 0, ended.data["error"]
    assert Decimal(ended.sent()[0]["limit_price"]) == Decimal("0.56")


# ------------------------------------------------------------------------- a market that moves


class Moving:
    """A market whose ask is another at each reading; orders are accepted and filled."""

    def __init__(self, *asks: str) -> None:
        self.asks = list(asks)

    def __call__(self, effect: Effect) -> Outcome | None:
        if isinstance(effect, ReadWorld):
            ask = self.asks.pop(0) if len(self.asks) > 1 else self.asks[0]
            bid = f"{Decimal(ask) - Decimal('0.02'):f}"
            quote = {**QUOTE, "quote": {"bp": bid, "ap": ask, "t": STAMP}}
            return ok({"account": ACCOUNT, "position": None, "open_orders": [], "quote": quote,
                       "asset": ASSET, "clock": CLOCK})  # fmt: skip
        return None


AT_COLLAR = plan(
    "  - submit_order: {symbol: AAPL, side: buy, qty: 1, type: marketable_limit}",
    head="symbols: [AAPL]\nlimits: {price_collar: 1%}",
)


def test_a_market_that_moves_away_before_the_guards_look_is_priced_anew() -> None:
    driven = drive(AT_COLLAR, Moving("100.00", "99.90", "99.90"))
    (sent,) = driven.asked(Submit)
    assert sent.body["limit_price"] == "100.89"  # 99.90 and one percent, rounded down
    verdicts = [one.data["verdict"] for one in driven.said("guard")
                if one.data["guard"] == "price_collar"]  # fmt: skip
    assert verdicts == ["refuse", "pass"]


def test_a_market_that_keeps_moving_away_refuses_the_order_in_the_end() -> None:
    falling = [f"{100 - n}.00" for n in range(9)]
    driven = drive(AT_COLLAR, Moving(*falling))
    assert driven.asked(Submit) == []
    assert driven.result.exit_code == 4
    assert len(driven.asked(ReadWorld)) == 6  # priced three times, judged three times


def test_another_refusal_is_not_tried_again() -> None:
    listed = plan(
        "  - submit_order: {symbol: AAPL, side: buy, qty: 9, type: marketable_limit, collar: 1%}",
        head="symbols: [AAPL]\nlimits: {max_order_qty: 5}",
    )
    driven = drive(listed, Moving("100.00"))
    assert (driven.asked(Submit), len(driven.asked(ReadWorld))) == ([], 2)
