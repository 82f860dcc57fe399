"""The reading actions: what they refuse, what they report, and that absence passes nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from acceptance.harness import RunPlan, plan_of

AT_100 = "tape: {AAPL: [[0s, 100]]}"
BOUGHT = """\
  - {id: entry, submit_order: {symbol: AAPL, side: buy, qty: 3}}
  - {id: fill, await_fill: {order: entry, timeout: 10s}}
"""


def one(step: str, head: str = "symbols: [AAPL]") -> str:
    return plan_of(f"  - {step}", head=head)


# ------------------------------------------------------------------------- check_account


@pytest.mark.parametrize(
    ("arguments", "scenario", "words"),
    [
        ("{min_equity: 25000}", "cash: 24999.99", "equity is 24999.99, less than 25000"),
        ("{min_cash: 1000}", "cash: 999", "cash is 999, less than 1000"),
        ("{min_buying_power: 500000}", "cash: 100000", "buying_power is 400000"),
        ("{status: ONBOARDING}", "", "the account's status is ACTIVE, not ONBOARDING"),
        ("{shorting: true}", "shorting_enabled: false", "may not sell short"),
        ("{shorting: false}", "", "may sell short"),
        ("{shorting: true}", "omit: [shorting_enabled]", "did not report"),
        ("{options_level: 3}", "omit: [options_trading_level]", "did not report"),
        ("", "omit: [status]", "status is missing"),
        ("", "omit: [account_blocked]", "did not report the account's account_blocked"),
        ("", "omit: [trade_suspended_by_user]", "did not report"),
        ("", "omit: [equity]", "did not report the account's equity"),
        ("", "omit: [cash]", "did not report the account's cash"),
        ("", "omit: [multiplier]", "did not report the account's multiplier"),
    ],
)
def test_check_account_refuses_what_does_not_hold_or_is_not_said(
    run_plan: RunPlan, arguments: str, scenario: str, words: str
) -> None:
    ended = run_plan(one(f"check_account: {arguments}"), scenario=scenario)
    assert (ended.exit_code, ended.data["status"]) == (4, "refused")
    assert words in ended.data["error"]["message"]


def test_check_account_reports_what_later_steps_reckon_with(run_plan: RunPlan) -> None:
    text = plan_of(
        "  - id: acct\n"
        "    check_account: {min_equity: 5000, min_cash: 5000, min_buying_power: 5000,"
        " shorting: false, options_level: 0}\n"
        "  - assert: steps.acct.equity / 2 == 2500 and steps.acct.multiplier == 1\n"
    )
    ended = run_plan(text, scenario="{cash: 5000, multiplier: 1, shorting_enabled: false}")
    assert ended.exit_code == 0
    assert ended.outputs("acct") == {
        "status": "ACTIVE",
        "equity": "5000",
        "cash": "5000",
        "buying_power": "5000",
        "maintenance_margin": "0",
        "multiplier": "1",
    }


# ------------------------------------------------------------------------- assert


def test_a_false_assertion_is_refused_with_its_values(run_plan: RunPlan) -> None:
    text = plan_of(
        "  - {id: quote, get_quote: {symbol: AAPL}}\n"
        "  - assert:\n"
        "      that: steps.quote.ask < params.cap\n"
        "      message: ${steps.quote.ask} is above the cap of ${params.cap} dollars\n",
        head="symbols: [AAPL]\nparams:\n  cap: {type: price, default: 99}",
    )
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 4
    message = ended.data["error"]["message"]
    assert message.startswith("100.01 is above the cap of 99 dollars (")
    assert "'steps.quote.ask < params.cap' is not true" in message


def test_an_assertion_over_a_value_that_is_absent_fails(run_plan: RunPlan) -> None:
    """`none` is not below the limit: what cannot be told ends the run."""
    text = plan_of(
        "  - {id: pos, check_position: {symbol: AAPL}}\n"
        "  - assert: default(steps.pos.avg_entry_price, 1000) < 200\n"
    )
    assert run_plan(text).exit_code == 4


# ------------------------------------------------------------------------- check_asset


@pytest.mark.parametrize(
    ("arguments", "asset", "words"),
    [
        ("", "{tradable: false}", "AAPL is not tradable"),
        ("", "{status: inactive}", "AAPL is inactive, not active"),
        (", fractionable: true", "{fractionable: false}", "AAPL is not fractionable"),
        (", shortable: true", "{shortable: false}", "AAPL is not shortable"),
        (", marginable: true", "{marginable: false}", "AAPL is not marginable"),
        (", shortable: false", "{}", "AAPL is shortable"),
    ],
)
def test_check_asset_refuses_what_the_broker_does_not_allow(
    run_plan: RunPlan, arguments: str, asset: str, words: str
) -> None:
    step = one(f"check_asset: {{symbol: AAPL{arguments}}}")
    ended = run_plan(step, scenario=f"assets: {{AAPL: {asset}}}")
    assert ended.exit_code == 4
    assert words in ended.data["error"]["message"]


def test_check_asset_of_a_symbol_that_does_not_exist_is_refused(run_plan: RunPlan) -> None:
    ended = run_plan(one("check_asset: {symbol: ZZZZ}", head="symbols: any"))
    assert ended.exit_code == 4
    assert "knows no asset ZZZZ" in ended.data["error"]["message"]


def test_check_asset_may_ask_for_what_is_not_tradable(run_plan: RunPlan) -> None:
    text = one("{id: asset, check_asset: {symbol: AAPL, tradable: false}}")
    ended = run_plan(text, scenario="assets: {AAPL: {tradable: false}}")
    assert ended.exit_code == 0
    assert ended.outputs("asset")["tradable"] == "false"


# ------------------------------------------------------------------------- check_position


@pytest.mark.parametrize(
    ("arguments", "held", "passes"),
    [
        ("qty: 7", 7, True),
        ("qty: 7, side: long", 7, True),
        ("qty: -3, side: short", -3, True),
        ("side: flat", 0, True),
        ("qty: 0", 0, True),
        ("qty: 7", 6, False),
        ("side: long", 0, False),
        ("side: flat", 1, False),
        ("side: long", -3, False),
    ],
)
def test_check_position_holds_the_account_to_what_is_expected(
    run_plan: RunPlan, arguments: str, held: int, passes: bool
) -> None:
    held_now = f"positions: {{AAPL: {{qty: {held}, avg_entry_price: 100}}}}" if held else ""
    step = one(f"{{id: pos, check_position: {{symbol: AAPL, {arguments}}}}}")
    ended = run_plan(step, scenario=f"{AT_100}\n{held_now}")
    assert ended.exit_code == (0 if passes else 4)
    if passes:
        assert ended.outputs("pos")["qty"] == str(held)
    else:
        assert "looked for 10s" in ended.data["error"]["message"]


def test_check_position_waits_for_a_fill_that_is_still_coming(run_plan: RunPlan) -> None:
    """The limit is only reached after eight seconds: a position that lags is looked for again."""
    text = plan_of(
        "  - {id: entry, submit_order: {symbol: AAPL, side: buy, qty: 2, type: limit,"
        " limit_price: 99}}\n"
        "  - {id: pos, check_position: {symbol: AAPL, qty: 2, within: 20s}}\n"
        "  - {id: again, check_position: {symbol: AAPL, qty: 3, within: 2s}, on_error: continue}\n"
    )
    ended = run_plan(text, scenario="tape: {AAPL: [[0s, 100], [8s, 98]]}")
    assert ended.exit_code == 0
    assert ended.outputs("pos")["avg_entry_price"] == "98.01"
    assert "looked for 2s" in ended.step(2)["error"]["message"]


def test_a_position_that_is_held_back_by_an_order_is_not_available(run_plan: RunPlan) -> None:
    text = plan_of(
        BOUGHT + "  - {id: stop, submit_order: {symbol: AAPL, side: sell, qty: 2, type: stop,"
        " stop_price: 90}}\n"
        "  - {id: pos, check_position: {symbol: AAPL, qty: 3}}\n"
        "  - assert: steps.pos.qty_available == 1\n"
    )
    assert run_plan(text, scenario=AT_100).exit_code == 0


# ------------------------------------------------------------------------- check_order


def test_check_order_reads_the_order_from_the_broker(run_plan: RunPlan) -> None:
    text = plan_of(
        BOUGHT + "  - {id: order, check_order: {order: entry, status: filled, filled_qty: 3}}\n"
        "  - assert: steps.order.remaining_qty == 0 and steps.order.side == 'buy'\n"
    )
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 0
    assert ended.outputs("order")["filled_avg_price"] == "100.01"
    assert ended.outputs("order")["order_id"] == ended.data["orders"][0]["order_id"]


@pytest.mark.parametrize(
    ("expected", "words"),
    [("status: canceled", "the order is filled, not canceled"), ("filled_qty: 2", "3 shares are")],
)
def test_check_order_after_an_accepted_order_fails_the_run(
    run_plan: RunPlan, expected: str, words: str
) -> None:
    ended = run_plan(plan_of(f"{BOUGHT}  - check_order: {{order: entry, {expected}}}\n"),
                     scenario=AT_100)  # fmt: skip
    assert (ended.exit_code, ended.data["status"]) == (5, "failed")
    assert words in ended.data["error"]["message"]


# ------------------------------------------------------------------------- get_quote


def test_get_quote_reports_the_market_as_it_is_quoted(run_plan: RunPlan) -> None:
    scenario = "tape: {AAPL: [[0s, 100.00, 99.97, 100.05]]}\nprevious_closes: {AAPL: 98.50}"
    text = plan_of(
        "  - {id: quote, get_quote: {symbol: AAPL, max_age: 5s}}\n"
        "  - assert: default(steps.quote.prev_close, 0) == 98.50\n"
    )
    ended = run_plan(text, scenario=scenario)
    assert ended.exit_code == 0
    quote = ended.outputs("quote")
    assert [Decimal(quote[name]) for name in ("bid", "ask", "mid", "spread")] == [
        Decimal("99.97"),
        Decimal("100.05"),
        Decimal("100.01"),
        Decimal("0.08"),
    ]


def test_get_quote_of_a_symbol_that_does_not_exist_is_a_failure(run_plan: RunPlan) -> None:
    ended = run_plan(one("get_quote: {symbol: ZZZZ}", head="symbols: any"))
    assert ended.exit_code == 5
    assert "invalid symbol: ZZZZ" in ended.data["error"]["message"]
