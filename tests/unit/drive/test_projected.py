"""A projection goes on from what a real account says, and reads each thing once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from unit.drive.recorded_account import ACCOUNT, ASSET, NOW, ORDER, POSITION, QUOTE, RecordedAccount

from runner.effects import Answer, Problem, Reason, Status
from runner.guards import GUARDS, Policy

UNGUARDED = Policy(
    off=dict.fromkeys([guard.code for guard in GUARDS], "what the broker would say is looked at")
)
BUY = "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 5}}"
FILL = "{id: fill, await_fill: {order: entry, timeout: 30s}}"
CLOSE = "{id: exit, close_position: {symbol: AAPL, scope: account}}"


def test_each_distinct_thing_is_read_once_for_all_lines() -> None:
    broker = RecordedAccount()
    planned = broker.plan(BUY, FILL, "check_account:", "check_position: {symbol: AAPL, qty: 5}")
    assert len(planned.lines) > 1
    assert len(broker.asked) == len({str(one) for one in broker.asked})
    assert planned.requests >= len(broker.asked)


def test_equal_readings_give_an_equal_projection() -> None:
    lines = (BUY, FILL, "assert: steps.fill.filled_avg_price < 185", CLOSE)
    assert RecordedAccount().plan(*lines) == RecordedAccount().plan(*lines)


def test_no_id_or_time_of_the_planning_gets_into_it() -> None:
    order = RecordedAccount().plan(BUY).main.orders[0]
    assert "client_order_id" not in order.body
    assert RecordedAccount().plan(BUY).observed.at is not None


def test_what_the_broker_says_and_the_exchange_does_not_reckon_with_stays() -> None:
    account = {**ACCOUNT, "buying_power": "12345.67", "equity": "99999", "cash": "100005.83"}
    main = RecordedAccount(read_account=account).plan(BUY, FILL).main
    after = main.steps[1].after
    assert main.begin is not None
    assert after is not None
    assert main.begin.buying_power == Decimal("12345.67")
    assert after.cash == Decimal("100005.83") - 5 * Decimal("184.22")
    # Five shares at 184.22 that are worth 184.10 each, on a margin of one in four.
    lost = 5 * (Decimal("184.22") - Decimal("184.10"))
    assert after.equity == Decimal(99999) - lost
    spent = 5 * Decimal("184.10") + 4 * lost
    assert after.buying_power == Decimal("12345.67") - spent


def test_less_buying_power_than_the_exchange_reckons_is_what_counts() -> None:
    account = {**ACCOUNT, "buying_power": "900"}
    planned = RecordedAccount(read_account=account).plan(BUY)
    assert planned.verdict == "refused"


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("{symbol: AAPL, side: buy, qty: 5}", "insufficient buying power"),
        (
            "{symbol: BTC/USD, side: buy, qty: 0.01, type: limit, limit_price: 92000, "
            "time_in_force: gtc}",
            "insufficient balance for USD (requested: 920, available: 400)",
        ),
    ],
)
def test_the_broker_refuses_what_the_account_it_described_cannot_pay(
    order: str, words: str
) -> None:
    account = {**ACCOUNT, "buying_power": "900", "non_marginable_buying_power": "400"}
    asset = {**ASSET, "class": "crypto"} if "BTC" in order else ASSET
    broker = RecordedAccount(read_account=account, read_asset=asset)
    planned = broker.plan(f"{{id: entry, submit_order: {order}}}", policy=UNGUARDED)
    assert [(one.fate, one.problem) for one in planned.main.orders] == [("refused", words)]
    assert planned.verdict == "fails"


def test_an_estimate_names_the_quote_it_rests_on() -> None:
    price = RecordedAccount().plan(BUY, FILL).main.orders[0].filled_avg_price
    assert price is not None
    assert (price.value, price.basis) == ("184.22", "ask at 09:59:58")


def test_somebody_elses_orders_stay_as_the_broker_described_them() -> None:
    broker = RecordedAccount(read_open_orders={"orders": [ORDER]})
    main = broker.plan(
        BUY,
        "{id: all, list_orders: }",
        "{id: gone, cancel_all: {scope: account}}",
    ).main
    assert main.status == "completed", main.result["error"]
    assert main.steps[1].outputs["count"].value == "2"
    cancelled = [one for one in main.orders if one.effect == "cancel"]
    assert {(one.order_id, one.own, one.fate) for one in cancelled} >= {
        (ORDER["id"], False, "canceled")
    }


def test_the_exits_of_an_entry_that_has_filled_are_taken_over_with_it() -> None:
    profit = {
        **ORDER,
        "id": "aaaaaaaa-0000-4000-8000-000000000011",
        "client_order_id": "profit",
        "side": "sell",
        "qty": "20",
        "limit_price": "210",
        "order_class": "bracket",
        "position_intent": "sell_to_close",
    }
    loss = {
        **profit,
        "id": "aaaaaaaa-0000-4000-8000-000000000012",
        "client_order_id": "loss",
        "type": "stop",
        "status": "held",
        "limit_price": None,
        "stop_price": "150",
    }
    entry = {
        **ORDER,
        "status": "filled",
        "qty": "20",
        "filled_qty": "20",
        "filled_avg_price": "101.12",
        "order_class": "bracket",
        "legs": [profit, loss],
    }
    broker = RecordedAccount(
        read_open_orders={"orders": [entry]},
        read_positions={"positions": [{**POSITION, "qty_available": "0"}]},
    )
    main = broker.plan(
        "{id: exit, close_position: {symbol: AAPL, scope: account, cancel_conflicting: symbol}}",
        "await_fill: {order: exit, timeout: 30s}",
    ).main
    assert main.status == "completed", main.result["error"]
    assert {one.fate for one in main.orders if one.effect == "cancel"} == {"canceled"}
    assert main.orders[-1].body["qty"] == "20"
    assert main.end is not None
    assert main.end.positions == ()


def test_an_order_that_trails_the_market_stays_as_it_was_described() -> None:
    trailing = {
        **ORDER,
        "symbol": "XYZ",
        "side": "sell",
        "type": "trailing_stop",
        "limit_price": None,
        "stop_price": "95",
        "trail_percent": "5",
        "hwm": "100",
        "position_intent": "sell_to_close",
    }
    broker = RecordedAccount(read_open_orders={"orders": [trailing]})
    planned = broker.plan(BUY, FILL, "{id: all, list_orders: }", "cancel_all: {scope: run}")
    assert planned.main.status == "completed", planned.main.result["error"]
    assert "PL015" not in {note.code for note in planned.notes}


def test_the_power_that_somebody_elses_order_holds_is_freed_with_it() -> None:
    broker = RecordedAccount(read_open_orders={"orders": [ORDER]})
    main = broker.plan("cancel_all: {scope: account}").main
    assert main.end is not None
    assert main.end.buying_power == Decimal("400023.32") + 1500


def test_an_open_order_that_cannot_be_understood_is_said_and_left_out() -> None:
    strange = {**ORDER, "id": "aaaaaaaa-0000-4000-8000-000000000002", "qty": "many"}
    planned = RecordedAccount(read_open_orders={"orders": [strange]}).plan(BUY, FILL)
    assert "PL007" in {note.code for note in planned.notes}


def test_a_status_that_is_not_known_is_said_and_left_out() -> None:
    strange = {**ORDER, "status": "pending_review"}
    planned = RecordedAccount(read_open_orders={"orders": [strange]}).plan(
        "{id: exit, close_position: {symbol: AAPL, scope: account}}"
    )
    assert planned.main.status == "completed"


def test_a_position_keeps_what_only_the_broker_knows() -> None:
    broker = RecordedAccount(read_positions={"positions": [POSITION]})
    main = broker.plan(
        "{id: exit, close_position: {symbol: AAPL, scope: account, qty: 5}}",
        "await_fill: {order: exit, timeout: 30s}",
        "{id: left, check_position: {symbol: AAPL}}",
    ).main
    left = main.steps[2].outputs
    assert left["qty"].value == "15"
    assert left["avg_entry_price"].value == "101.123456"
    assert main.orders[0].opens is False
    assert main.end is not None
    assert main.end.cash == Decimal("100005.83") + 5 * Decimal("183.98")


@pytest.mark.parametrize("what", ["read_positions", "read_open_orders"])
def test_what_cannot_be_read_ends_a_plan_as_it_ends_a_run(what: str) -> None:
    planned = RecordedAccount(**{what: None}).plan(BUY)
    assert (planned.main.status, planned.main.exit_code) == ("failed", 7)
    assert planned.verdict == "fails"


def test_without_the_brokers_time_a_plan_shows_that_a_guard_refuses() -> None:
    planned = RecordedAccount(read_clock=None).plan(BUY)
    assert (planned.main.status, planned.main.exit_code) == ("refused", 4)
    assert planned.main.orders == ()


def test_an_account_that_cannot_be_read_is_not_asked_for_again() -> None:
    broker = RecordedAccount(read_account=None)
    planned = broker.plan(BUY)
    assert planned.main.exit_code == 7
    assert [one["effect"] for one in broker.asked] == ["read_account"]
    assert planned.observed.account == {}
    assert "PL011" in {note.code for note in planned.notes}


def test_an_order_without_a_price_to_go_by_is_not_projected_as_fine() -> None:
    planned = RecordedAccount(read_quote=None).plan(BUY)
    assert planned.main.exit_code != 0


def test_fields_that_an_account_lacks_are_said() -> None:
    account = {key: one for key, one in ACCOUNT.items() if key != "maintenance_margin"}
    planned = RecordedAccount(read_account=account).plan("check_market:")
    notes = {note.code: note.message for note in planned.notes}
    assert "maintenance_margin" in notes["PL006"]


def test_the_houses_history_is_asked_for_once() -> None:
    asked = []

    def history() -> Answer:
        asked.append(1)
        return Answer(Status.OK, {"orders": []})

    RecordedAccount().plan(BUY, FILL, CLOSE, history=history)
    assert asked == [1]


def test_a_history_that_cannot_be_read_lets_no_order_open() -> None:
    def history() -> Answer:
        return Answer(Status.UNAVAILABLE, problem=Problem(Reason.UNREADABLE, "a damaged log"))

    planned = RecordedAccount().plan(BUY, history=history)
    assert planned.verdict == "refused"


def test_a_quote_is_assumed_to_be_renewed_while_time_passes() -> None:
    main = (
        RecordedAccount()
        .plan("wait: {for: 1h}", "{id: later, get_quote: {symbol: AAPL, max_age: 10s}}")
        .main
    )
    assert main.status == "completed", main.result["error"]
    assert main.ended_at - NOW >= timedelta(hours=1)


def test_what_was_learned_of_a_fill_before_is_an_estimate_still() -> None:
    main = RecordedAccount().plan(BUY, FILL, "{id: again, await_fill: {order: entry}}").main
    assert main.steps[2].outputs["filled_avg_price"].estimated
    planned = RecordedAccount().plan(
        BUY,
        FILL,
        "{id: again, await_fill: {order: entry}}",
        "assert: steps.again.filled_avg_price < 184.5",
    )
    assert planned.verdict == "cannot tell"


def test_an_order_that_nobody_waits_for_ends_as_the_market_lets_it() -> None:
    main = (
        RecordedAccount()
        .plan(
            BUY,
            "{id: rests, submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, "
            "limit_price: 180}}",
        )
        .main
    )
    assert [one.fate for one in main.orders] == ["filled", "new"]
    assert main.end is not None
    assert {one.symbol: one.qty for one in main.end.positions} == {"AAPL": Decimal(5)}


def test_what_is_known_for_certain_is_no_estimate() -> None:
    main = RecordedAccount().plan(BUY, FILL, "{id: q, get_quote: {symbol: AAPL}}").main
    certain: dict[str, Any] = {
        name: one.certainty for step in main.steps for name, one in step.outputs.items()
    }
    assert "estimated" not in {certain["filled_qty"], certain["status"], certain["feed"]}
    assert certain["bid"] == certain["filled_avg_price"] == "estimated"
    assert QUOTE["feed"] == "iex"
