"""What `assert_no_pdt_risk` sees coming: every action that sends, reckoned at its worst."""

from __future__ import annotations

import pytest
from acceptance.harness import SHORTING, WIDE, RunPlan, plan_of
from acceptance.test_actions_day_trading import AT_100, BUY_10, passed, plan, why

CALL, PUT = "AAPL261218C00100000", "AAPL261218P00100000"
NO_TRADES = "{max_day_trades: 0}"
HELD = "positions: {AAPL: {qty: 10, avg_entry_price: 100}}"
EXITS = "take_profit: 120, stop_loss: 90"
BUY_300 = "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 300}}"


def target(qty: object, more: str = "") -> str:
    return f"target_position: {{symbol: AAPL, qty: {qty}{more}}}"


def buy(more: str) -> str:
    return f"{{id: entry, submit_order: {{symbol: AAPL, side: buy, {more}}}}}"


@pytest.mark.parametrize(
    ("held", "plans", "trades"),
    [
        ("", [target(10)], 0),
        ("", [target(10), target(20), target(20)], 0),
        ("", [target(10), target(0)], 1),
        ("", [target(10), target(4), target(0)], 1),
        ("", [target(10), target(0), target(10), target(0)], 2),
        ("", [target(10), target(4, ", only: buy")], 0),
        ("", [target(-10), target(-4)], 1),
        (HELD, [target(0)], 0),
        (HELD, [target(0), target(10)], 0),
        (HELD, [target(20), target(0)], 1),
        (HELD, [target(10)], 0),
        ("", [target(10, ", type: limit, limit_price: 99"), target(4)], 1),
        ("", [BUY_10, "close_all: {}"], 1),
        ("", [BUY_10, "close_all: {}", "close_all: {}"], 1),
        (HELD, ["close_all: {}"], 0),
        ("", [buy(f"qty: 10, order_class: bracket, {EXITS}")], 1),
        ("", [buy(f"qty: 10, order_class: bracket, {EXITS}"), "close_position: {symbol: AAPL}"], 1),
        ("", [buy("qty: 10, order_class: oto, stop_loss: 90")], 1),
        (HELD, [f"submit_order: {{symbol: AAPL, side: sell, qty: 10, order_class: oco, type: limit,"
                f" {EXITS}}}"], 0),
        ("", [BUY_10, f"submit_order: {{symbol: AAPL, side: sell, qty: 10, order_class: oco,"
              f" type: limit, {EXITS}}}"], 1),
        ("", [buy("qty: 10, type: limit, limit_price: 99"),
              "replace_order: {order: entry, limit_price: 98}", target(0)], 1),
    ],
)  # fmt: skip
def test_the_day_trades_of_every_action_are_counted(
    run_plan: RunPlan, held: str, plans: list[str], trades: int
) -> None:
    for budget in {max(trades - 1, 0), trades}:
        ended = run_plan(plan(f"{{max_day_trades: {budget}}}", *plans),
                         scenario=f"{{{held + ', ' if held else ''}{AT_100}}}")  # fmt: skip
        assert passed(ended) is (budget >= trades), why(ended)
        if budget >= trades:
            assert ended.outputs("risk")["day_trades"] == str(trades)
        else:
            assert "house budget" in why(ended)


@pytest.mark.parametrize(
    ("plans", "limits", "passes"),
    [
        # Equity 10,000; AAPL at 100 needs 30% maintenance; 500 must stay free.
        ([target(300)], "", True),
        ([target(320)], "", False),
        ([target(-320)], "", False),
        ([target(200), target(320)], "", False),
        ([target(200), target(100), target(200)], "", True),
        # A position that is not certain by then: the whole target counts.
        (["{id: x, when: 1 < 2, submit_order: {symbol: AAPL, side: buy, qty: 20}}", target(300)],
         "", False),
        ([target("=steps.size.qty")], "max_order_notional: 1000", False),
        ([target("=steps.size.qty", ", only: buy")], "max_order_notional: 31000", True),
        ([target("=steps.size.qty", ", only: buy")], "max_order_notional: 32000", False),
        ([target("=steps.size.qty", ", only: buy")], "", False),
        ([buy(f"qty: 320, order_class: bracket, {EXITS}")], "", False),
        ([buy(f"qty: 300, order_class: bracket, {EXITS}")], "", True),
        # What is changed counts as the larger of before and after.
        ([buy("qty: 300, type: limit, limit_price: 100"),
          "replace_order: {order: entry, qty: 320}"], "", False),
        ([buy("qty: 300, type: limit, limit_price: 100"),
          "replace_order: {order: entry, limit_price: 107}"], "", False),
        ([buy("qty: 300, type: limit, limit_price: 100"),
          "replace_order: {order: entry, limit_price: 90, qty: 200}"], "", True),
        ([buy("qty: 320, type: limit, limit_price: 50")], "", True),
        ([buy("qty: 320, type: limit, limit_price: 50"),
          "await_fill: {order: entry, timeout: 5s, on_timeout: market}"], "", False),
        # A trailing stop and a collar may pay more than the ask.
        ([buy("qty: 300, type: trailing_stop, trail_percent: 10%")], "", False),
        ([buy("qty: 300, type: trailing_stop, trail_price: 10")], "", False),
        ([buy("qty: 300, type: marketable_limit, collar: 10%")], "", False),
        ([buy("qty: 300, type: marketable_limit, collar: 1%")], "", True),
        ([buy("qty: 300, type: marketable_limit")], "price_collar: 10%", False),
        # A price that is not known yet bounds nothing.
        ([buy("qty: 1, type: limit, limit_price: =round_tick(steps.q.ask)")], "", False),
        ([buy("qty: 1, type: limit, limit_price: =round_tick(steps.q.ask)")],
         "max_order_notional: 31000", True),
    ],
)  # fmt: skip
def test_the_margin_of_every_action_is_reckoned_at_its_worst(
    run_plan: RunPlan, plans: list[str], limits: str, passes: bool
) -> None:
    after = ["{id: size, check_position: {symbol: MSFT}}", "{id: q, get_quote: {symbol: AAPL}}"]
    text = plan("{}", *after, *plans, limits=limits, tail="finally:\n  - close_all: {}")
    scenario = f"{{cash: 10000, {AT_100}}}"
    ended = run_plan(text, scenario=scenario, policy=f"{WIDE}\n{SHORTING}")
    assert passed(ended) is passes, why(ended)


@pytest.mark.parametrize(
    ("after", "tail", "passes"),
    [
        ([target(300)], "", False),  # 30,000 dollars overnight, and Regulation T lends 20,000
        ([target(300), target(0)], "", True),
        ([target(300), target(200)], "", False),
        ([target(300), target(0, ", only: buy")], "", False),
        ([target(300), target(0, ", type: limit, limit_price: 150")], "", False),
        ([BUY_300, "close_all: {}"], "", True),
        ([BUY_300, "{id: out, submit_order: {symbol: AAPL, side: sell, qty: 300}}"], "", True),
        ([BUY_300, "{id: out, submit_order: {symbol: AAPL, side: sell, qty: 300}}",
          "replace_order: {order: out, qty: 100}"], "", False),
        ([BUY_300], "finally:\n  - close_all: {}", True),
        ([BUY_300], "on_failure:\n  - close_all: {}", False),
        ([buy(f"qty: 300, order_class: bracket, {EXITS}")], "", False),
    ],
)  # fmt: skip
def test_only_what_is_sure_to_close_is_not_held_overnight(
    run_plan: RunPlan, after: list[str], tail: str, passes: bool
) -> None:
    ended = run_plan(plan("{}", *after, tail=tail), scenario=f"{{cash: 10000, {AT_100}}}")
    assert passed(ended) is passes, why(ended)
    if not passes:
        assert "overnight" in why(ended)


def legs(*sides: str) -> str:
    written = ", ".join(f"{{symbol: {symbol}, side: {side}}}"
                        for symbol, side in zip((CALL, PUT), sides, strict=True))  # fmt: skip
    return f"submit_order: {{order_class: mleg, qty: 2, legs: [{written}]}}"


@pytest.mark.parametrize(
    ("order", "passes", "words"),
    [
        (legs("buy", "buy"), True, ""),
        (legs("buy", "sell"), False, "sold to open cannot be told"),
        (legs("buy", "buy").replace("qty: 2", "qty: 2000"), False, "margin excess"),
    ],
)
def test_each_leg_of_several_is_reckoned(
    run_plan: RunPlan, order: str, passes: bool, words: str
) -> None:
    prices = f"{AT_100[:-1]}, {CALL}: [[0s, 5, 4.9, 5.1]], {PUT}: [[0s, 5, 4.9, 5.1]]}}"
    text = plan("{}", order).replace("symbols: [AAPL", f"symbols: [{CALL}, {PUT}, AAPL")
    ended = run_plan(text, scenario=f"{{cash: 10000, {prices}}}")
    assert passed(ended) is passes, why(ended)
    assert words in why(ended)


def test_an_exit_that_works_already_may_close_today(run_plan: RunPlan) -> None:
    text = plan_of(
        f"  - {buy(f'qty: 10, order_class: bracket, {EXITS}')}\n"
        "  - await_fill: {order: entry, timeout: 10s}\n"
        f"  - {{id: risk, assert_no_pdt_risk: {NO_TRADES}}}\n"
    )
    ended = run_plan(text, scenario=f"{{{AT_100}}}")
    assert ended.exit_code == 5
    assert "1 day trades" in why(ended)
    ended = run_plan(
        text.replace("max_day_trades: 0", "max_day_trades: 1"), scenario=f"{{{AT_100}}}"
    )
    assert ended.exit_code == 0


def test_an_order_that_works_already_counts_as_it_will_be_changed(run_plan: RunPlan) -> None:
    text = plan_of(
        f"  - {buy('qty: 10, type: limit, limit_price: 90')}\n"
        "  - {id: risk, assert_no_pdt_risk: {}}\n"
        "  - replace_order: {order: entry, qty: 320}\n",
        tail="finally:\n  - cancel_all: {}\n  - close_all: {}",
    )
    ended = run_plan(text, scenario=f"{{cash: 10000, {AT_100}}}")
    assert ended.exit_code == 5
    assert "margin excess" in why(ended)


def test_the_whole_account_is_closed_with_what_was_opened_today(run_plan: RunPlan) -> None:
    text = plan(NO_TRADES, BUY_10, "close_all: {scope: account}")
    text = text.replace("symbols: [AAPL, MSFT]", "symbols: any")
    ended = run_plan(text, scenario=f"{{{AT_100}}}")
    assert not passed(ended)
    assert "1 day trades" in why(ended)
