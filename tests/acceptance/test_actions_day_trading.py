"""`assert_no_pdt_risk` under both regimes: what it counts, and that nothing passes on absence."""

from __future__ import annotations

from decimal import Decimal

import pytest
from acceptance.harness import SHORTING, WIDE, Ended, RunPlan, plan_of
from unit.machine.scripted import ACCOUNT, drive, ok
from unit.machine.scripted import plan as scripted_plan

from runner.effects import Json, ReadAccount
from runner.steps.exposure import Opened, day_trades, left_overnight
from runner.steps.planned import PlannedOrder

AT_100 = "tape: {AAPL: [[0s, 100]], MSFT: [[0s, 100]]}"
LEGACY = "regime: legacy_pdt"
BUY_10 = "submit_order: {symbol: AAPL, side: buy, qty: 10}"
SELL_10 = "submit_order: {symbol: AAPL, side: sell, qty: 10}"
CLOSE = "close_position: {symbol: AAPL}"


def plan(check: str, *after: str, limits: str = "", tail: str = "", before: str = "") -> str:
    """A plan that stops after its check, whatever the check says: nothing is sent."""
    lines = [before] if before else []
    lines += [f"{{id: risk, assert_no_pdt_risk: {check}}}", "assert: 1 > 2", *after]
    head = f"symbols: [AAPL, MSFT]\nlimits: {{{limits}}}" if limits else "symbols: [AAPL, MSFT]"
    return plan_of("\n".join(f"  - {line}" for line in lines), head=head, tail=tail)


def passed(ended: Ended) -> bool:
    """Whether the check passed; its own refusal names it as the step that ended the run."""
    assert ended.exit_code == 4
    assert ended.sent() == []
    status: str = next(one["status"] for one in ended.data["steps"] if one["id"] == "risk")
    return status == "done"


def why(ended: Ended) -> str:
    message: str = ended.data["error"]["message"]
    return message


# ------------------------------------------------------------------------- the classic rule


@pytest.mark.parametrize(
    ("scenario", "check", "plans", "passes"),
    [
        ("daytrade_count: 3, cash: 10000", "{}", [BUY_10], True),
        ("daytrade_count: 3, cash: 10000", "{}", [BUY_10, CLOSE], False),
        ("daytrade_count: 3, cash: 10000", "{}", [BUY_10, SELL_10], False),
        ("daytrade_count: 2, cash: 10000", "{}", [BUY_10, CLOSE], True),
        ("daytrade_count: 2, cash: 10000", "{}", [BUY_10, CLOSE, BUY_10, CLOSE], False),
        ("daytrade_count: 4, cash: 10000", "{}", [BUY_10], False),
        ("daytrade_count: 3, cash: 30000", "{}", [BUY_10, CLOSE], True),
        ("daytrade_count: 3, cash: 30000, last_equity: 24999", "{}", [BUY_10, CLOSE], False),
        ("daytrade_count: 3, cash: 30000", "{max_day_trades: 3}", [BUY_10, CLOSE], False),
        ("daytrade_count: 3, cash: 30000", "{min_equity: 40000}", [BUY_10, CLOSE], False),
        ("daytrade_count: 0, cash: 10000", "{max_day_trades: 0}", [BUY_10, CLOSE], False),
        ("daytrade_count: 0, cash: 10000", "{max_day_trades: 0}", [BUY_10], True),
        ("pattern_day_trader: true, cash: 24000", "{}", [BUY_10], False),
        ("pattern_day_trader: true, cash: 26000", "{}", [BUY_10, CLOSE], True),
        ("pattern_day_trader: true, cash: 26000, last_equity: 24000", "{}", [BUY_10], False),
    ],
)
def test_where_the_retired_fields_are_the_classic_rule_holds(
    run_plan: RunPlan, scenario: str, check: str, plans: list[str], passes: bool
) -> None:
    given = f"{{regime: legacy_pdt, {scenario}, {AT_100}}}"
    ended = run_plan(plan(check, *plans), scenario=given)
    assert passed(ended) is passes
    if passes:
        assert ended.outputs("risk")["regime"] == "pdt"


@pytest.mark.parametrize(
    ("where", "counts"),
    [
        ("finally:\n  - close_position: {symbol: AAPL}", True),
        ("on_failure:\n  - close_position: {symbol: AAPL}", True),
        ("finally:\n  - close_position: {symbol: MSFT}", False),
        ("finally:\n  - cancel_all: {}", False),
    ],
)
def test_a_close_in_the_clean_up_is_a_day_trade_too(
    run_plan: RunPlan, where: str, counts: bool
) -> None:
    scenario = f"{{regime: legacy_pdt, daytrade_count: 3, cash: 10000, {AT_100}}}"
    ended = run_plan(plan("{}", BUY_10, tail=where), scenario=scenario)
    assert passed(ended) is not counts


@pytest.mark.parametrize("field", ["pattern_day_trader", "daytrade_count", "last_equity", "equity"])
def test_a_classic_account_that_says_only_half_is_refused(run_plan: RunPlan, field: str) -> None:
    scenario = f"{{{LEGACY}, omit: [{field}], {AT_100}}}"
    ended = run_plan(plan("{}", BUY_10), scenario=scenario)
    assert not passed(ended)
    assert f"did not report {field}" in why(ended)


def test_asking_for_the_classic_rule_where_its_fields_are_gone_is_refused(
    run_plan: RunPlan,
) -> None:
    ended = run_plan(plan("{regime: pdt}", BUY_10), scenario=AT_100)
    assert not passed(ended)
    assert "2026-06-04" in why(ended)
    assert "auto" in ended.data["error"]["help"]


# ------------------------------------------------------------------------- intraday margin


@pytest.mark.parametrize(
    ("scenario", "plans", "limits", "passes"),
    [
        # Equity 10,000; AAPL at 100 needs 30% maintenance; 5% of equity, 500, must stay free.
        ("cash: 10000", ["{symbol: AAPL, side: buy, qty: 300}"], "", True),
        ("cash: 10000", ["{symbol: AAPL, side: buy, qty: 320}"], "", False),
        ("cash: 10000", ["{symbol: AAPL, side: buy, qty: 170}",
                              "{symbol: MSFT, side: buy, qty: 170}"], "", False),
        ("cash: 10000", ["{symbol: AAPL, side: sell, qty: 320}"], "", False),
        ("cash: 10000", ["{symbol: AAPL, side: buy, notional: 32000}"], "", False),
        # A stop buys at its price or above, a short sale at its limit or above.
        ("cash: 10000", ["{symbol: AAPL, side: buy, qty: 290, type: stop, stop_price: 120}"],
         "", False),
        ("cash: 10000", ["{symbol: AAPL, side: sell, qty: 320, type: limit,"
                              " limit_price: 50}"], "", False),
        ("cash: 10000", ["{symbol: AAPL, side: buy, qty: 320, type: limit,"
                              " limit_price: 50}"], "", True),
        # What is not known yet counts as the limit; without one it is refused.
        ("cash: 10000", ["{symbol: AAPL, side: buy, qty: =steps.size.qty}"],
         "max_order_notional: 31000", True),
        ("cash: 10000", ["{symbol: AAPL, side: buy, qty: =steps.size.qty}"],
         "max_order_notional: 32000", False),
        ("cash: 10000", ["{symbol: AAPL, side: buy, qty: =steps.size.qty}"], "", False),
        # Not marginable: all of it is required, of a market order 4% more than its ask.
        ("cash: 10000, assets: {AAPL: {marginable: false}}",
         ["{symbol: AAPL, side: buy, qty: 91}"], "", True),
        ("cash: 10000, assets: {AAPL: {marginable: false}}",
         ["{symbol: AAPL, side: buy, qty: 92}"], "", False),
        # Margin needs 2,000 dollars of equity.
        ("cash: 1999, multiplier: 1", ["{symbol: AAPL, side: buy, qty: 1}"], "", True),
        ("cash: 1999, multiplier: 1", ["{symbol: AAPL, side: sell, qty: 1}"], "", False),
        ("cash: 2000", ["{symbol: AAPL, side: buy, qty: 1}"], "", True),
    ],
)  # fmt: skip
def test_the_margin_excess_after_the_planned_orders_must_stay(
    run_plan: RunPlan, scenario: str, plans: list[str], limits: str, passes: bool
) -> None:
    after = ["{id: size, check_position: {symbol: MSFT}}"]
    after += [f"submit_order: {order}" for order in plans]
    exits = "finally:\n" + "".join(
        f"  - close_position: {{symbol: {symbol}}}\n" for symbol in ("AAPL", "MSFT")
    )
    ended = run_plan(plan("{}", *after, limits=limits, tail=exits), policy=f"{WIDE}\n{SHORTING}",
                     scenario=f"{{{scenario}, {AT_100}}}")  # fmt: skip
    assert passed(ended) is passes, why(ended)
    if passes:
        assert ended.outputs("risk")["regime"] == "intraday_margin"


@pytest.mark.parametrize(("qty", "passes"), [(160, True), (170, False)])
def test_more_of_the_excess_can_be_asked_for(run_plan: RunPlan, qty: int, passes: bool) -> None:
    order = f"submit_order: {{symbol: AAPL, side: buy, qty: {qty}}}"
    ended = run_plan(plan("{min_margin_excess: 50%}", order, CLOSE),
                     scenario=f"{{cash: 10000, {AT_100}}}")  # fmt: skip
    assert passed(ended) is passes


def test_margin_with_less_than_its_minimum_equity_is_refused() -> None:
    """Even where the broker still calls the account one of margin."""
    poor: dict[str, Json] = {**ACCOUNT, "equity": "1999.99", "multiplier": "2"}
    book = scripted_plan(f"  - assert_no_pdt_risk: {{}}\n  - {BUY_10}\n  - {CLOSE}")
    driven = drive(book, lambda one: ok(poor) if isinstance(one, ReadAccount) else None)
    assert driven.result.exit_code == 4
    assert driven.run.failure is not None
    assert "below the 2000 that margin requires" in driven.run.failure.message


@pytest.mark.parametrize(
    ("plans", "passes"),
    [
        (["sell, qty: 100", "buy, qty: 10"], True),  # reduces, then enlarges a little
        (["sell, qty: 100", "buy, qty: 3000"], False),  # the second one opens, whatever came first
        (["sell, qty: 100", "sell, qty: 3000"], False),  # beyond what is held it is a short
        (["sell, qty: 50", "sell, qty: 50"], True),
        (["sell, qty: 3100"], False),  # across zero
        (["buy, qty: 10", "sell, qty: 3000"], False),
    ],
)
def test_what_is_held_is_reckoned_with_order_by_order(
    run_plan: RunPlan, plans: list[str], passes: bool
) -> None:
    held = "positions: {AAPL: {qty: 100, avg_entry_price: 100}}"
    after = [f"submit_order: {{symbol: AAPL, side: {one}}}" for one in plans]
    ended = run_plan(plan("{}", *after, tail="finally:\n  - close_position: {symbol: AAPL}"),
                     scenario=f"{{cash: 40000, {held}, {AT_100}}}")  # fmt: skip
    assert passed(ended) is passes, why(ended)


@pytest.mark.parametrize(
    ("after", "tail", "passes"),
    [
        ([], "", False),  # 30,000 dollars overnight, and Regulation T lends 20,000
        ([CLOSE], "", True),
        ([SELL_10], "", False),  # sells 10 of 300
        (["submit_order: {symbol: AAPL, side: sell, qty: 300}"], "", True),
        (["submit_order: {symbol: AAPL, side: sell, qty: =steps.fill.filled_qty}"], "", True),
        (["close_position: {symbol: AAPL, qty: 10}"], "", False),
        (["close_position: {symbol: AAPL, percent: 50%}"], "", False),
        (["close_position: {symbol: AAPL, percent: 100%}"], "", True),
        (["{when: steps.risk.regime == 'x', close_position: {symbol: AAPL}}"], "", False),
        ([], "finally:\n  - close_position: {symbol: AAPL}", True),
        ([], "on_failure:\n  - close_position: {symbol: AAPL}", False),
        (["close_position: {symbol: MSFT}"], "", False),
    ],
)
def test_a_plan_that_stays_overnight_must_fit_overnight_buying_power(
    run_plan: RunPlan, after: list[str], tail: str, passes: bool
) -> None:
    entry = "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 300}}"
    fill = "{id: fill, await_fill: {order: entry, timeout: 10s}}"
    ended = run_plan(plan("{}", entry, fill, *after, tail=tail),
                     scenario=f"{{cash: 10000, {AT_100}}}")  # fmt: skip
    assert passed(ended) is passes, why(ended)
    if not passes:
        assert "overnight" in why(ended)


@pytest.mark.parametrize(
    ("field", "word"),
    [("equity", "equity"), ("maintenance_margin", "maintenance_margin"),
     ("multiplier", "multiplier"), ("regt_buying_power", "regt_buying_power")],
)  # fmt: skip
def test_a_margin_account_that_does_not_say_is_refused(
    run_plan: RunPlan, field: str, word: str
) -> None:
    ended = run_plan(plan("{}", BUY_10), scenario=f"{{omit: [{field}], {AT_100}}}")
    assert not passed(ended)
    assert f"did not report the account's {word}" in why(ended)


def test_a_buy_that_rests_already_takes_its_part(run_plan: RunPlan) -> None:
    text = plan_of(
        "  - {id: rest, submit_order: {symbol: AAPL, side: buy, qty: 90, type: limit,"
        " limit_price: 90}}\n"
        "  - {id: risk, assert_no_pdt_risk: {}}\n"
        "  - submit_order: {symbol: AAPL, side: buy, qty: 50}\n",
        tail="finally:\n  - cancel_all: {}\n  - close_position: {symbol: AAPL}",
    )
    ended = run_plan(text, scenario=f"{{cash: 10000, {AT_100}}}")
    assert ended.exit_code == 5
    assert "margin excess" in why(ended)
    assert [one["status"] for one in ended.data["orders"]] == ["canceled"]


# ------------------------------------------------------------------------- the house's budget

ROUND_TRIP = """\
  - {id: entry, submit_order: {symbol: AAPL, side: buy, qty: 10}}
  - {id: fill, await_fill: {order: entry, timeout: 10s}}
"""
OUT = """\
  - {id: exit, submit_order: {symbol: AAPL, side: sell, qty: 10}}
  - {id: out, await_fill: {order: exit, timeout: 10s}}
"""
IN_TWO = OUT.replace("10}", "4}") + OUT.replace("10}", "6}").replace("exit", "rest").replace(
    "id: out", "id: last"
)
RISK = "  - {id: risk, assert_no_pdt_risk: {max_day_trades: %d}}\n"


@pytest.mark.parametrize(
    ("before", "after", "trades"),
    [
        ("", ROUND_TRIP, 0),
        ("", ROUND_TRIP + OUT, 1),
        (ROUND_TRIP, "", 0),
        (ROUND_TRIP, OUT, 1),  # bought by this run, sold by what follows
        (ROUND_TRIP, "  - close_position: {symbol: AAPL}\n", 1),
        (ROUND_TRIP + OUT, "", 1),
        (ROUND_TRIP + IN_TWO, "", 1),  # closed in two parts: one day trade
        (ROUND_TRIP + OUT, ROUND_TRIP.replace("entry", "entry2").replace("fill,", "fill2,"), 1),
    ],
)
def test_the_house_budget_counts_what_was_filled_and_what_is_planned(
    run_plan: RunPlan, before: str, after: str, trades: int
) -> None:
    for budget in {max(trades - 1, 0), trades}:
        text = plan_of(before + RISK % budget + after)
        ended = run_plan(text, scenario=AT_100)
        assert ended.step(before.count("\n"))["status"] == (
            "done" if budget >= trades else "refused"
        )
        if budget >= trades:
            assert ended.outputs("risk")["day_trades"] == str(trades)
        else:
            assert "house budget" in why(ended)


def test_a_day_trade_counts_for_five_trading_days_and_holidays_are_none(run_plan: RunPlan) -> None:
    """Traded on Monday the 23rd; with Thanksgiving the fifth trading day is Monday the 30th."""
    budget = "  - {id: %s, assert_no_pdt_risk: {max_day_trades: 9}}\n"
    text = plan_of(
        ROUND_TRIP + OUT + "  - wait: {for: 7d}\n" + budget % "monday"
        + "  - wait: {for: 1d}\n" + budget % "tuesday"
    )  # fmt: skip
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 0
    assert ended.outputs("monday")["day_trades"] == "1"
    assert ended.outputs("tuesday")["day_trades"] == "0"


def test_a_short_that_is_covered_is_a_day_trade_and_its_order_may_still_work(
    run_plan: RunPlan,
) -> None:
    """The short is not filled yet when the budget is asked: it counts all the same."""
    text = plan_of(
        "  - {id: short, submit_order: {symbol: AAPL, side: sell, qty: 5, type: limit,"
        " limit_price: 101, position_intent: sell_to_open}}\n"
        + RISK % 0
        + "  - {id: cover, submit_order: {symbol: AAPL, side: buy, qty: 5}}\n"
    )
    ended = run_plan(text, scenario=AT_100, policy=SHORTING)
    assert ended.exit_code == 5
    assert "1 day trades" in why(ended)


def test_a_position_of_another_day_closes_without_a_day_trade(run_plan: RunPlan) -> None:
    text = plan_of(
        RISK % 0 + "  - {id: exit, close_position: {symbol: AAPL, scope: account}}\n"
        "  - await_fill: {order: exit, timeout: 10s}\n"
    )
    held = "positions: {AAPL: {qty: 10, avg_entry_price: 100}}"
    ended = run_plan(text, scenario=f"{{{held}, {AT_100}}}")
    assert ended.exit_code == 0
    assert ended.outputs("risk")["day_trades"] == "0"


# ------------------------------------------------------------------------- the reckoning itself


def orders(text: str) -> list[PlannedOrder]:
    """`b10` buys 10, `s` sells an unknown number, `c` closes, `c5` at most 5, `h` a part."""
    found = []
    for word in text.split():
        number = Decimal(word[1:]) if word[1:] else None
        side = {"b": "buy", "s": "sell"}.get(word[0], "")
        found.append(PlannedOrder("AAPL", side, number, partly=word[0] == "h"))
    return found


@pytest.mark.parametrize(
    ("plans", "today", "trades"),
    [
        ("b10", None, 0),
        ("b10 s10", None, 1),
        ("b10 s5 s5", None, 1),  # closing in parts is one day trade
        ("b10 s5 b5 s10", None, 2),
        ("b10 s20 b10", None, 2),  # across zero, and back
        ("b10 s b10 s", None, 2),
        ("s10 b10", None, 1),
        ("b10 c c", None, 1),
        ("b10 h c", None, 1),
        ("b10 c5 b5 c", None, 2),
        ("c", None, 0),  # of another day
        ("c", Opened("buy"), 1),
        ("s5", Opened("buy"), 1),
        ("b5", Opened("buy"), 0),
        ("b5", Opened("sell"), 1),
        ("s5", Opened("buy", Decimal(10), counted=True), 0),
        ("b5 s5", Opened("buy", Decimal(10), counted=True), 1),
    ],
)
def test_day_trades_are_reckoned_from_the_orders_of_a_day(
    plans: str, today: Opened | None, trades: int
) -> None:
    assert day_trades(orders(plans), {"AAPL": today} if today else {}) == trades


@pytest.mark.parametrize(
    ("plans", "stays"),
    [
        ("b10", True),
        ("b10 s10", False),
        ("b10 s4", True),
        ("b10 s4 s6", False),
        ("b10 s20", True),
        ("b10 s20 b10", False),
        ("b10 b10 s10", True),
        ("b10 c", False),
        ("b10 c4", True),
        ("b10 h", True),
        ("b s", False),
        ("b10 s", False),
        ("c", False),
    ],
)
def test_what_stays_overnight_is_reckoned_from_the_same_orders(plans: str, stays: bool) -> None:
    assert left_overnight(orders(plans)) == (["AAPL"] if stays else [])
