"""A plan says what a run would do, and does nothing."""

from __future__ import annotations

from collections.abc import Container, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from acceptance.harness import ROOT
from acceptance.projecting import bodies, held, money, runbook_of, step
from acceptance.projecting import target as target  # noqa: PLC0414 - a fixture

from runner.drive.projection import Line

LIBRARY = sorted((ROOT / "runbooks").glob("*.yaml"))

BUY = "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 5}}"
FILL = "{id: fill, await_fill: {order: entry, timeout: 30s}}"


RESTING = (
    "{id: rests, submit_order: {symbol: AAPL, side: sell, qty: 2, type: limit, limit_price: 130}}"
)


# --------------------------------------------------------------- as it would be carried out


@pytest.mark.parametrize("begin", ["nothing", "positions", "orders"])
@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: file.stem)
def test_the_orders_of_a_library_runbook_are_those_of_its_run(
    target: Any, file: Path, begin: str
) -> None:
    runbook = runbook_of(file.read_text())
    positions = held(AAPL="7", MSFT="1") if begin != "nothing" else {}
    with target(positions=positions) as at:
        if begin == "orders" and file.stem == "flatten":
            at.order(side="sell", qty="3", limit_price="120")
            at.order("MSFT", limit_price="40")
        planned = at.plan_of(runbook)
        sent = at.run(runbook)
    assert sent or begin == "nothing"
    found = [line for line in planned.lines if _same(line, sent)]
    assert found, (sent, [bodies(line) for line in planned.lines])
    if file.stem != "patient-buy":  # whose bid is assumed to fill, and does not
        assert found[0] is planned.main


def _same(line: Line, sent: list[tuple[str, dict[str, Any]]]) -> bool:
    """Whether a line plans exactly what was sent, ids and estimates aside."""
    planned = bodies(line)
    if [method for method, _ in planned] != [method for method, _ in sent]:
        return False
    return all(
        _without(body, order.estimates) == _without(real, {"client_order_id", *order.estimates})
        for order, (_, body), (_, real) in zip(line.orders, planned, sent, strict=True)
    )


def _without(body: Mapping[str, Any], estimates: Container[str], prefix: str = "") -> Any:
    return {
        name: _without(one, estimates, f"{prefix}{name}.") if isinstance(one, dict) else one
        for name, one in body.items()
        if f"{prefix}{name}" not in estimates
    }


def test_on_prices_that_stand_still_even_the_estimates_are_those_of_the_run(target: Any) -> None:
    runbook = runbook_of((ROOT / "runbooks" / "bracket-entry.yaml").read_text())
    with target() as at:
        planned, sent = at.plan_of(runbook), at.run(runbook)
    for (_, body), (_, real) in zip(bodies(planned.main), sent, strict=True):
        assert body == {name: one for name, one in real.items() if name != "client_order_id"}


# ------------------------------------------------------------------------- what is known


def test_what_is_known_is_plain_and_what_depends_on_the_market_has_its_basis(target: Any) -> None:
    with target() as at:
        main = at.plan(
            "{id: quote, get_quote: {symbol: AAPL}}",
            "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 5, type: limit, "
            "limit_price: =round_tick(steps.quote.ask * 101%), order_class: bracket, "
            "take_profit: =round_tick(steps.quote.ask * 110%), stop_loss: 90}}",
            FILL,
        ).main
    order = main.orders[0]
    assert {name: (one.value, one.basis) for name, one in order.estimates.items()} == {
        "limit_price": ("101.01", "ask at 10:00:00"),
        "take_profit.limit_price": ("110.01", "ask at 10:00:00"),
    }
    fill = step(main, "steps[2]").outputs
    assert (fill["filled_qty"].value, fill["filled_qty"].estimated) == ("5", False)
    price = fill["filled_avg_price"]
    assert (price.value, price.certainty, price.basis) == ("100.01", "estimated", "ask at 10:00:00")


def test_a_condition_on_an_assumed_fill_is_told(target: Any) -> None:
    with target() as at:
        planned = at.plan(BUY, FILL, "assert: steps.fill.filled_qty == 5")
    assert [one.kind for one in planned.main.assumed] == ["fill"]
    assert planned.verdict == "runs"


@pytest.mark.parametrize(
    ("condition", "verdict", "forks"),
    [
        ("steps.fill.filled_avg_price < 102", "runs", 0),
        ("steps.fill.filled_avg_price < 100.5", "cannot tell", 1),
        ("steps.fill.filled_avg_price < 99.5", "cannot tell", 1),
        ("steps.fill.filled_avg_price < 98", "fails", 0),
        ("steps.fill.filled_avg_price / steps.fill.filled_avg_price == 1", "runs", 0),
        ("steps.quote.ask - steps.quote.bid < 1", "cannot tell", 1),
    ],
)
def test_a_condition_on_an_estimate_is_told_where_one_percent_changes_nothing(
    target: Any, condition: str, verdict: str, forks: int
) -> None:
    with target() as at:
        planned = at.plan(
            "{id: quote, get_quote: {symbol: AAPL}}", BUY, FILL, f"assert: {condition}"
        )
    assert planned.verdict == verdict
    assert len([one for one in planned.main.assumed if one.kind == "condition"]) == forks


def test_both_sides_of_a_condition_that_cannot_be_told_are_shown_to_their_end(target: Any) -> None:
    with target() as at:
        planned = at.plan(
            "{id: quote, get_quote: {symbol: AAPL}}",
            "{when: steps.quote.ask < 100.5, submit_order: {symbol: AAPL, side: buy, qty: 1}}",
            "{when: steps.quote.ask >= 100.5, submit_order: {symbol: MSFT, side: buy, qty: 2}}",
        )
    names = {line.name: [one.symbol for one in line.orders] for line in planned.lines}
    assert names["main"] == ["AAPL"]
    assert ["AAPL", "MSFT"] in names.values() or ["MSFT"] in names.values()
    first = planned.branches[0]
    assert first.parted is not None
    assert (first.parent, first.parted.words) == ("main", "steps.quote.ask < 100.5 is not true")


def test_another_tolerance_tells_more(target: Any) -> None:
    with target() as at:
        lines = (BUY, FILL, "assert: steps.fill.filled_avg_price < 100.5")
        planned = at.plan(*lines, tolerance=money("0.001"))
    assert (planned.verdict, planned.tolerance) == ("runs", money("0.001"))


# ---------------------------------------------------------------------------- assumptions


def test_a_wait_for_a_fill_has_a_branch_without_it(target: Any) -> None:
    with target() as at:
        planned = at.plan(BUY, "{await_fill: {order: entry, timeout: 30s, on_timeout: cancel}}")
    branch = planned.branches[0]
    assert planned.main.status == "completed"
    assert [one.effect for one in branch.orders] == ["submit", "cancel"]
    assert (branch.status, branch.exit_code) == ("timed_out", 6)
    assert branch.orders[0].fate == "canceled"


@pytest.mark.parametrize(
    ("on_timeout", "writes", "exit_code"),
    [
        ("fail", ["submit", "cancel"], 6),
        ("cancel", ["submit", "cancel"], 6),
        ("keep", ["submit"], 0),
        ("market", ["submit", "cancel", "submit"], 0),
    ],
)
def test_the_branch_without_a_fill_does_what_on_timeout_says(
    target: Any, on_timeout: str, writes: list[str], exit_code: int
) -> None:
    with target() as at:
        planned = at.plan(
            "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 5, type: limit, "
            "limit_price: 99}}",
            f"{{await_fill: {{order: entry, timeout: 30s, on_timeout: {on_timeout}}}}}",
        )
    assert planned.main.orders[0].filled_avg_price is not None
    assert planned.main.orders[0].filled_avg_price.value == "99"
    branch = planned.branches[0]
    assert [one.effect for one in branch.orders] == writes
    assert branch.exit_code == exit_code


def test_branches_are_followed_up_to_a_bound_and_the_rest_is_counted(target: Any) -> None:
    lines = []
    for number in range(6):
        lines += [
            f"{{id: o{number}, submit_order: {{symbol: AAPL, side: buy, qty: 1}}}}",
            f"{{await_fill: {{order: o{number}, timeout: 30s, on_timeout: keep}}}}",
        ]
    with target() as at:
        planned = at.plan(*lines, most_branches=4)
    assert len(planned.branches) == 4
    assert planned.not_followed > 0
    assert "PL004" in {note.code for note in planned.notes}
    assert [line.parent for line in planned.branches] == ["main"] * 4


def test_waiting_takes_no_time_and_time_goes_on(target: Any) -> None:
    with target() as at:
        began = at.served.now()
        main = at.plan("wait: {for: 2h}", "{id: m, check_market: {open: true}}", BUY, FILL).main
    assert main.status == "completed"
    assert 7190 < (main.ended_at - began).total_seconds() < 7300


def test_a_plan_that_waits_past_the_close_sees_it_closed(target: Any) -> None:
    with target() as at:
        main = at.plan("wait: {for: 8h}", "check_market: {open: true}").main
    assert (main.status, main.exit_code) == ("refused", 4)


def test_a_condition_that_is_waited_for_is_assumed_and_has_a_branch_without_it(
    target: Any,
) -> None:
    with target() as at:
        planned = at.plan(
            "wait: {poll: {get_quote: {symbol: AAPL}}, until: polled.bid >= 120, "
            "give_up_after: 2h}",
            BUY,
        )
    assert planned.main.status == "completed"
    assert [line.exit_code for line in planned.branches] == [6]
    assert "PL010" in {note.code for note in planned.notes}


def test_a_poll_for_an_own_order_assumes_its_fill(target: Any) -> None:
    with target() as at:
        planned = at.plan(
            "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 5, type: limit, "
            "limit_price: 99}}",
            "wait: {poll: {check_order: {order: entry}}, until: 'polled.status == \"filled\"'}",
            "check_position: {symbol: AAPL, qty: 5}",
        )
    assert planned.main.status == "completed"
    assert [line.exit_code for line in planned.branches] == [6]


def test_a_question_is_assumed_to_be_approved_and_nobody_is_told_anything(target: Any) -> None:
    with target() as at:
        planned = at.plan("confirm: Go on?", "notify: It went on.")
    assert planned.main.status == "completed"
    assert {note.code for note in planned.notes} == {"PL005", "PL013"}


# ---------------------------------------------------------------------------- the account


def test_the_account_after_each_step_moves_from_what_the_broker_said(target: Any) -> None:
    with target(positions=held(MSFT="10")) as at:
        before = at.ask("GET", "/v2/account")
        main = at.plan(
            BUY, FILL, "{id: exit, close_position: {symbol: AAPL}}", "await_fill: {order: exit}"
        ).main
    bought, sold = step(main, "steps[1]").after, step(main, "steps[3]").after
    assert bought is not None
    assert sold is not None
    assert bought.cash == money(before["cash"]) - 5 * money("100.01")
    assert {one.symbol: one.qty for one in bought.positions} == {"AAPL": 5, "MSFT": 10}
    assert sold.cash == money(before["cash"]) - money("0.1")
    assert {one.symbol: one.qty for one in sold.positions} == {"MSFT": 10}
    assert (bought.day_trades, sold.day_trades) == (0, 1)
    assert main.begin is not None
    assert main.begin.buying_power == money(before["buying_power"])


def test_the_account_after_is_that_of_a_run(target: Any) -> None:
    runbook = runbook_of((ROOT / "runbooks" / "rebalance.yaml").read_text())
    with target(positions=held(AAPL="7", MSFT="1")) as at:
        end = at.plan_of(runbook).main.end
        at.run(runbook)
        account = at.ask("GET", "/v2/account")
    assert end is not None
    told = (end.cash, end.buying_power, end.equity, end.margin_excess)
    excess = money(account["equity"]) - money(account["maintenance_margin"])
    known = [money(account[name]) for name in ("cash", "buying_power", "equity")]
    assert list(told) == [*known, excess]


def test_a_field_that_the_exchange_does_not_know_stays_as_the_broker_said_it(target: Any) -> None:
    with target(omit=["sma", "multiplier"]) as at:
        planned = at.plan(BUY, FILL)
    assert "PL006" in {note.code for note in planned.notes}


# ------------------------------------------------------------------------ what was there before


def test_a_partly_held_position_is_closed_after_others_orders_are_cancelled(target: Any) -> None:
    with target(positions=held(AAPL="5", MSFT="3")) as at:
        other = at.order(side="sell", qty="3", limit_price="120")
        main = at.plan(
            "{id: exit, close_position: {symbol: AAPL, scope: account, "
            "cancel_conflicting: symbol}}",
            "await_fill: {order: exit, timeout: 30s}",
        ).main
    assert [(one.effect, one.own) for one in main.orders] == [("cancel", False), ("submit", True)]
    assert main.orders[0].order_id == other
    assert main.orders[1].order_id not in ("", other)
    assert main.orders[1].body["qty"] == "5"
    assert main.orders[0].fate == "canceled"


def test_an_order_that_the_broker_would_refuse_is_refused_in_its_words(target: Any) -> None:
    with target(positions=held(AAPL="5")) as at:
        at.order(side="buy", type="stop", stop_price="110", limit_price=None)
        planned = at.plan(
            "{id: exit, submit_order: {symbol: AAPL, side: sell, qty: 2, type: limit, "
            "limit_price: 100.5}}"
        )
    order = planned.main.orders[0]
    assert (order.fate, order.problem) == (
        "refused",
        "potential wash trade detected. use complex orders",
    )
    assert planned.verdict == "fails"
    assert "PL012" in {note.code for note in planned.notes}


def test_a_short_position_a_pair_and_shares_are_all_closed(target: Any) -> None:
    with target(positions=held(AAPL="5", MSFT="-3", BTC_USD="1")) as at:
        at.order(side="sell", qty="3", limit_price="120")
        planned = at.plan("close_all: {scope: account, timeout: 1m}")
    main = planned.main
    assert main.status == "completed"
    sent = {one.symbol: (one.side, one.fate) for one in main.orders if one.effect == "submit"}
    assert sent == {
        "AAPL": ("sell", "filled"),
        "MSFT": ("buy", "filled"),
        "BTC/USD": ("sell", "filled"),
    }
    assert main.end is not None
    assert main.end.positions == ()


def test_others_orders_are_listed_as_they_are(target: Any) -> None:
    with target(positions=held(AAPL="5")) as at:
        at.order(side="sell", qty="3", limit_price="120")
        at.order("MSFT", limit_price="40")
        main = at.plan("{id: before, list_orders: }", RESTING, "{id: after, list_orders: }").main
    assert step(main, "steps[0]").outputs["count"].value == "2"
    assert step(main, "steps[2]").outputs["count"].value == "3"


def test_an_order_of_the_plan_is_never_taken_for_one_that_is_there(target: Any) -> None:
    with target() as at:
        done = at.order(type="market", limit_price=None)
        other = at.order("MSFT", limit_price="40")
        main = at.plan(BUY, FILL, "{id: gone, cancel_all: {scope: account}}").main
    assert main.status == "completed", main.result["error"]
    assert [(one.effect, one.order_id) for one in main.orders][1:] == [("cancel", other)]
    assert done not in str(main.result)


def test_the_legs_of_somebody_elses_group_go_with_it(target: Any) -> None:
    with target(positions=held(AAPL="5")) as at:
        at.order(
            side="sell",
            qty="5",
            order_class="oco",
            take_profit={"limit_price": "110"},
            stop_loss={"stop_price": "90"},
        )
        main = at.plan(
            "cancel_all: {scope: account, protective: cancel}",
            "{id: exit, close_position: {symbol: AAPL, scope: account}}",
            "await_fill: {order: exit, timeout: 30s}",
        ).main
    assert main.status == "completed"
    assert main.orders[-1].fate == "filled"


# --------------------------------------------------------------------------- kinds of orders


def test_the_exits_of_a_bracket_stand_and_one_of_them_ends_the_other(target: Any) -> None:
    with target() as at:
        main = at.plan(
            "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 5, order_class: bracket, "
            "take_profit: 110, stop_loss: 90}}",
            FILL,
            "{id: stops, await_fill: {order: entry.stop_loss, timeout: 30m}}",
            "check_position: {symbol: AAPL, qty: 0}",
        ).main
    assert main.status == "completed"
    assert step(main, "steps[2]").outputs["filled_avg_price"].value == "90"


def test_of_an_oco_one_exit_fills(target: Any) -> None:
    with target(positions=held(AAPL="5")) as at:
        planned = at.plan(
            "{id: entry, submit_order: {symbol: AAPL, side: sell, qty: 5, order_class: oco, "
            "type: limit, take_profit: 110, stop_loss: 90, time_in_force: gtc}}",
            "{id: fill, await_fill: {order: entry, timeout: 30m, on_timeout: keep}}",
        )
    assert [one.words for one in planned.main.assumed] == ["sell 5 AAPL fills at its limit 110"]
    assert planned.main.end is not None
    assert planned.main.end.positions == ()
    assert len(planned.branches) == 1


def test_an_order_for_dollars_makes_its_shares_an_estimate(target: Any) -> None:
    with target() as at:
        main = at.plan(
            "{id: entry, submit_order: {symbol: AAPL, side: buy, notional: 250}}",
            FILL,
            "{id: exit, close_position: {symbol: AAPL}}",
            "await_fill: {order: exit, timeout: 30s}",
            "check_position: {symbol: AAPL, qty: 0}",
        ).main
    assert main.status == "completed"
    filled = step(main, "steps[1]").outputs["filled_qty"]
    assert (filled.value, filled.estimated) == ("2.499750024", True)


def test_crypto_loses_its_fee(target: Any) -> None:
    with target(tape={}) as at:
        main = at.plan(
            "{id: entry, submit_order: {symbol: BTC/USD, side: buy, qty: 0.01, "
            "time_in_force: gtc}}",
            FILL,
            "{id: exit, close_position: {symbol: BTC/USD, time_in_force: gtc}}",
            "await_fill: {order: exit, timeout: 30s}",
        ).main
    assert main.status == "completed"
    assert main.orders[1].body["qty"] == "0.009975"


def test_options_are_bought_and_sold_as_contracts_of_a_hundred(target: Any) -> None:
    with target(tape={}) as at:
        main = at.plan(
            "{id: entry, submit_order: {symbol: AAPL261218C00270000, side: buy, qty: 1, "
            "type: limit, limit_price: 10.10}}",
            FILL,
        ).main
    order = main.orders[0]
    assert main.status == "completed", main.result["error"]
    assert order.notional is not None
    assert money(order.notional.value) == 1010
    assert main.begin is not None
    assert main.end is not None
    assert main.begin.cash is not None
    assert order.filled_avg_price is not None
    assert main.end.cash == main.begin.cash - 100 * money(order.filled_avg_price.value)


@pytest.mark.parametrize("limit", ["2", "3.20"])
def test_a_spread_moves_the_position_in_each_leg_and_the_cash_by_its_net_price(
    target: Any, limit: str
) -> None:
    with target(tape={}) as at:
        main = at.plan(
            "{id: entry, submit_order: {order_class: mleg, qty: 1, type: limit, limit_price: "
            f"{limit}, "
            "legs: [{symbol: AAPL261218C00270000, side: buy, position_intent: buy_to_open}, "
            "{symbol: AAPL261218C00275000, side: sell, position_intent: sell_to_open}]}}",
            FILL,
        ).main
    assert main.end is not None
    assert {one.symbol: one.qty for one in main.end.positions} == {
        "AAPL261218C00270000": 1,
        "AAPL261218C00275000": -1,
    }
    (order,) = main.orders
    assert main.begin is not None
    assert order.filled_avg_price is not None
    net = Decimal(str(order.filled_avg_price.value))
    assert net <= Decimal(limit)
    assert main.begin.cash - main.end.cash == net * 100


def test_an_order_is_replaced_and_cancelled(target: Any) -> None:
    with target() as at:
        main = at.plan(
            "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 5, type: limit, "
            "limit_price: 99}}",
            "{id: change, replace_order: {order: entry, limit_price: 99.5}}",
            "{id: gone, cancel_order: {order: entry}}",
        ).main
    assert [(one.effect, one.fate) for one in main.orders] == [
        ("submit", "replaced"),
        ("replace", "canceled"),
        ("cancel", "canceled"),
    ]
    assert main.assumed == ()


def test_an_immediate_order_away_from_the_market_is_expected_to_lapse(target: Any) -> None:
    with target() as at:
        planned = at.plan(
            "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, "
            "limit_price: 99.5, time_in_force: ioc}}",
            FILL,
        )
    assert planned.main.orders[0].fate == "canceled"
    assert planned.branches[0].orders[0].fate == "filled"


# ------------------------------------------------------------------------------ market hours

SATURDAY = "2026-11-21T12:00:00-05:00"


def test_an_order_for_a_closed_market_fills_at_the_next_open(target: Any) -> None:
    with target(tape={}, start=SATURDAY) as at:
        planned = at.plan(BUY, "{await_fill: {order: entry}}")
    order = planned.main.orders[0]
    assert planned.main.status == "completed"
    assert order.queued_until is not None
    assert order.queued_until.isoformat() == "2026-11-23T14:30:00+00:00"
    assert order.filled_avg_price is not None
    assert order.filled_avg_price.estimated
    assert {"PL001", "PL002"} <= {note.code for note in planned.notes}


def test_an_order_that_is_left_to_the_next_open_is_projected_to_fill_there(target: Any) -> None:
    with target(tape={}, start=SATURDAY) as at:
        planned = at.plan(BUY, "{await_fill: {order: entry, timeout: 30s, on_timeout: keep}}")
    order = planned.main.orders[0]
    assert (planned.main.status, order.fate) == ("completed", "filled")
    assert order.filled_avg_price is not None
    assert order.filled_avg_price.basis.endswith("not before 2026-11-23 09:30:00")


def test_an_order_for_the_closing_auction_fills_in_it(target: Any) -> None:
    with target() as at:
        planned = at.plan(
            "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 1, time_in_force: cls}}",
            "{id: fill, await_fill: {order: entry}}",
        )
    assert planned.main.status == "completed", planned.main.result["error"]
    assert [line.status for line in planned.branches] == ["failed"]


def test_a_wait_that_ends_before_the_open_is_told_to_time_out(target: Any) -> None:
    with target(tape={}, start=SATURDAY) as at:
        planned = at.plan(BUY, FILL)
    assert (planned.main.status, planned.main.exit_code) == ("timed_out", 6)
    assert planned.branches == ()
    assert "PL003" in {note.code for note in planned.notes}


def test_an_order_for_extended_hours_fills_in_them(target: Any) -> None:
    with target(start="2026-11-23T08:00:00-05:00") as at:
        main = at.plan(
            "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, "
            "limit_price: 100.05, extended_hours: true}}",
            FILL,
        ).main
    assert main.status == "completed"
    assert main.orders[0].queued_until is None


def test_a_run_that_waits_for_the_open_trades_at_fresh_prices(target: Any) -> None:
    with target(tape={}, start="2026-11-23T08:00:00-05:00") as at:
        main = at.plan("wait: {until: open}", BUY, FILL).main
    assert main.status == "completed", main.result["error"]


# ------------------------------------------------------------------------- guards and endings


def test_every_guards_verdict_stands_beside_its_order(target: Any) -> None:
    with target() as at:
        main = at.plan(BUY).main
    guards = {one.guard: one.verdict for one in main.orders[0].guards}
    assert guards["price_collar"] == "pass"
    assert set(guards.values()) <= {"pass", "exempt", "off"}


def test_an_order_that_a_guard_refuses_is_not_planned(target: Any) -> None:
    with target() as at:
        planned = at.plan(
            "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 5}}",
            head="symbols: any\nlimits: {max_order_qty: 2}",
        )
    assert planned.main.orders == ()
    assert planned.main.refusals[0].guards[-1].guard == "max_order_qty"
    assert planned.verdict == "refused"


def test_the_clean_up_is_what_on_failure_finally_and_the_safe_stop_send(target: Any) -> None:
    with target() as at:
        planned = at.plan(
            BUY,
            FILL,
            "assert: 1 > 2",
            tail="on_failure:\n  - {id: out, close_position: {symbol: AAPL}}\n"
            "finally:\n  - {await_fill: {order: out, timeout: 10s}}\n",
        )
    assert [(one.phase, one.effect, one.side) for one in planned.main.cleanup] == [
        ("on_failure", "submit", "sell")
    ]
    assert planned.main.end is not None
    assert planned.main.end.positions == ()
    unfilled = planned.branches[0]
    assert [(one.phase, one.effect) for one in unfilled.cleanup] == [("on_failure", "cancel")]


def test_an_order_that_a_failed_run_leaves_is_cancelled_by_the_safe_stop(target: Any) -> None:
    with target() as at:
        planned = at.plan(BUY, FILL)
    assert [(one.phase, one.effect) for one in planned.branches[0].cleanup] == [
        ("safe_stop", "cancel")
    ]


def test_refused_credentials_end_a_plan_as_they_end_a_run(target: Any) -> None:
    with target(keys={"key": "PKOTHER", "secret": "another"}) as at:
        gateway_sees = at.served.received.total
        projection = at._project(runbook_of(_text(BUY)), at.served.now(), {})
    assert (projection.main.status, projection.main.exit_code) == ("failed", 7)
    assert at.served.received.total == gateway_sees + 1
    assert projection.observed.account == {}


def _text(line: str) -> str:
    return f"runbook: 1\nname: a-plan\nsymbols: any\nsteps:\n  - {line}\n"
