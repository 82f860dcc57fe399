"""`close_all`: everything is closed once, whatever is in the way; what is not flat is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from acceptance.faulty_broker import ARRIVES_THEN_504, LOST, LOST_WITH_504, PASS, Fault, answered
from acceptance.harness import RunPlan, plan_of
from acceptance.shared_account import Shared, outputs, shared

__all__ = ["shared"]

CALL, HIGHER = "AAPL261218C00250000", "AAPL261218C00260000"
TAPE = {"AAPL": [["0s", "100", "99.99", "100.01"]], "MSFT": [["0s", "50", "49.99", "50.01"]],
        "F": [["0s", "12", "11.99", "12.01"]], "BTC/USD": [["0s", "50000", "49990", "50010"]],
        CALL: [["0s", "5", "4.90", "5.10"]], HIGHER: [["0s", "2", "1.90", "2.10"]]}  # fmt: skip
ALL = "{id: flat, close_all: {scope: account}}"
LISTED = "{id: flat, close_all: {}}"
ANY = "symbols: any"
TWO = "symbols: [AAPL, MSFT]"


def scenario(*faults: dict[str, Any], start: str = "", **held: str) -> dict[str, Any]:
    """Positions by symbol, BTC for BTC/USD."""
    names = {"BTC": "BTC/USD"}
    positions = {names.get(one, one): {"qty": qty, "avg_entry_price": "60"}
                 for one, qty in held.items()}  # fmt: skip
    more = {"start": start} if start else {}
    return {"tape": TAPE, "positions": positions, "faults": list(faults), **more}


def sold(world: Shared) -> list[tuple[str, str, str]]:
    """What filled at the exchange, in the order it was sent."""
    return [(one["symbol"], one["side"], one["filled_qty"])
            for one in reversed(world.orders) if one["status"] == "filled"]  # fmt: skip


def refused(data: Any) -> str:
    message: str = data["error"]["message"]
    return message


def test_every_kind_of_position_is_closed_with_one_order_each(shared: Any) -> None:
    with shared(scenario(AAPL="7", MSFT="-3", F="2.5", BTC="0.5", **{CALL: "2"})) as world:
        data = world.run(ALL, head=ANY)
        assert data["exit_code"] == 0, data["error"]
        assert outputs(data, "flat") == {"closed": "5", "canceled": "0"}
        assert world.positions == {}
        assert sorted(sold(world)) == sorted([
            ("AAPL", "sell", "7"), ("MSFT", "buy", "3"), ("F", "sell", "2.5"),
            ("BTC/USD", "sell", "0.5"), (CALL, "sell", "2"),
        ])  # fmt: skip
        assert sold(world)[0][0] == "MSFT", "what is bought goes first"
        sent = world.broker.orders_sent()
        assert len({one["client_order_id"] for one in sent}) == 5
        assert {one.get("position_intent") for one in sent} == {
            "buy_to_close", "sell_to_close", None,
        }  # fmt: skip
        assert [one.method for one in world.broker.reached if one.method == "DELETE"] == []


def test_only_the_symbols_that_are_listed_are_closed(shared: Any) -> None:
    with shared(scenario(AAPL="7", MSFT="-3", F="5")) as world:
        other = world.order("F", side="sell", qty="5", limit_price="20")
        data = world.run(LISTED, head=TWO)
        assert (data["exit_code"], world.positions) == (0, {"F": "5"})
        assert world.status(other) == "new"


def test_nothing_held_is_flat(shared: Any) -> None:
    with shared(scenario()) as world:
        data = world.run(ALL, head=ANY)
        assert (data["exit_code"], world.orders) == (0, [])
        assert outputs(data, "flat") == {"closed": "0", "canceled": "0"}


def test_everybodys_orders_on_the_symbols_go_first_and_are_confirmed(shared: Any) -> None:
    """They hold the shares, would be a wash trade, or open a position again."""
    with shared(scenario(AAPL="7", MSFT="3")) as world:
        others = [
            world.order(side="sell", qty="7", limit_price="150"),
            world.order("MSFT", limit_price="10"),
        ]
        own = "submit_order: {symbol: MSFT, side: buy, qty: 1, type: limit, limit_price: 20}"
        elsewhere = world.order("F", limit_price="10")
        data = world.run(own, LISTED, head=TWO)
        assert data["exit_code"] == 0
        assert outputs(data, "flat") == {"closed": "2", "canceled": "3"}
        assert [world.status(one) for one in others] == ["canceled", "canceled"]
        assert world.status(elsewhere) == "new"
        asked = [one.method for one in world.broker.reached if one.method in ("POST", "DELETE")]
        assert asked == ["POST", "DELETE", "DELETE", "DELETE", "POST", "POST"]


def test_all_are_sent_before_any_is_awaited(shared: Any) -> None:
    with shared(scenario(AAPL="7", MSFT="3", F="5")) as world:
        data = world.run(ALL, head=ANY)
        assert data["exit_code"] == 0
        ids = {one["id"] for one in world.orders}
        asked = world.broker.asked
        last_sent = max(at for at, one in enumerate(asked) if one == ("POST", "/v2/orders"))
        reads = [("GET", f"/v2/orders/{one}") for one in ids]
        first_read = next(at for at, one in enumerate(asked) if one in reads)
        assert last_sent < first_read


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "late_reject", "time": "1s", "symbol": "MSFT"},
        {"fault": "interrupt", "to": "suspended", "symbol": "MSFT"},
        {"fault": "answer", "status": 403, "method": "POST", "symbol": "MSFT"},
        {"fault": "partial_fill", "part": "40%", "symbol": "MSFT", "nth": 1},
    ],
    ids=["rejected later", "halted", "refused", "filled in part"],
)
def test_trouble_with_one_symbol_does_not_stop_the_others(
    shared: Any, fault: dict[str, Any]
) -> None:
    with shared(scenario(fault, AAPL="7", MSFT="-5", F="5")) as world:
        data = world.run(ALL, head=ANY)
        assert set(world.positions) == {"MSFT"}
        assert data["exit_code"] in (5, 6)
        assert refused(data).startswith("not flat: MSFT: ")
        assert "AAPL" not in refused(data)
        assert outputs(data, "flat")["closed"] == "2"
        if fault["fault"] == "partial_fill":
            assert "2 of 5 filled" in refused(data)


def test_a_fill_in_parts_is_awaited_to_the_end(shared: Any) -> None:
    fault = {"fault": "partial_fill", "part": "40%", "time": "3s", "first": 3}
    with shared(scenario(fault, AAPL="100", MSFT="-50")) as world:
        data = world.run(LISTED, head=TWO)
        assert (data["exit_code"], world.positions) == (0, {})
        assert len(world.orders) == 2


@pytest.mark.parametrize(("lag", "code"), [("8s", 0), ("15s", 0), ("60s", 5)])
def test_a_position_that_still_shows_what_was_closed_is_not_closed_again(
    shared: Any, lag: str, code: int
) -> None:
    """Sold by this run just before, and still shown; it is waited for, and never sold twice."""
    with shared(scenario({"fault": "lag_positions", "time": lag}, AAPL="7", MSFT="3")) as world:
        data = world.run(
            "{id: exit, close_position: {symbol: AAPL, scope: account}}",
            "{id: out, await_fill: {order: exit, timeout: 9s}}",
            LISTED, head=TWO,
        )  # fmt: skip
        assert data["exit_code"] == code, data["error"]
        assert sorted(sold(world)) == [("AAPL", "sell", "7"), ("MSFT", "sell", "3")]
        world.served.sleep_until(world.served.now().replace(minute=59))
        assert world.positions == {}


@pytest.mark.parametrize(("step", "head"), [(LISTED, TWO), (ALL, ANY)], ids=["symbols", "account"])
def test_a_position_that_does_not_show_this_runs_fills_is_never_called_flat(
    shared: Any, step: str, head: str
) -> None:
    with shared(scenario({"fault": "lag_positions", "time": "60s"})) as world:
        data = world.run(
            "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 5}}",
            "{id: fill, await_fill: {order: entry, timeout: 9s}}",
            step, head=head,
        )  # fmt: skip
        assert data["exit_code"] == 5
        assert "AAPL: the position in AAPL is 0" in refused(data)
        assert "should be 5" in refused(data)


@pytest.mark.parametrize(
    "fault", [ARRIVES_THEN_504, LOST_WITH_504, LOST], ids=["arrived", "lost with 504", "lost"]
)
def test_orders_without_a_clear_answer_exist_once(shared: Any, fault: Fault) -> None:
    with shared(scenario(AAPL="7", MSFT="-3")) as world:
        world.broker.on("POST", "/v2/orders", fault, fault)
        data = world.run(LISTED, head=TWO)
        assert (data["exit_code"], world.positions) == (0, {})
        assert sorted(sold(world)) == [("AAPL", "sell", "7"), ("MSFT", "buy", "3")]


def test_an_order_that_stays_unknown_does_not_keep_the_others_from_being_closed(
    shared: Any,
) -> None:
    with shared(scenario(AAPL="7", MSFT="-3", F="5")) as world:
        world.broker.on("POST", "/v2/orders", LOST)
        world.broker.on("GET", "/v2/orders:by_client_order_id", answered(500), for_ever=True)
        data = world.run(ALL, head=ANY)
        assert data["exit_code"] == 8
        assert world.positions == {"MSFT": "-3"}
        assert "MSFT: what became of order" in refused(data)


def test_a_cancel_that_stays_undecided_leaves_the_rest_to_be_closed(shared: Any) -> None:
    fault = {"fault": "stuck_cancel", "symbol": "AAPL"}
    with shared(scenario(fault, AAPL="7", MSFT="3")) as world:
        stuck = world.order(side="sell", qty="5", limit_price="150")
        data = world.run(LISTED, head=TWO)
        assert data["exit_code"] == 8
        assert world.positions == {"AAPL": "5"}, "what was free is closed"
        assert "is still pending_cancel" in refused(data)
        assert world.status(stuck) == "pending_cancel"


def test_a_fill_that_wins_against_the_cancel_is_closed_too(shared: Any) -> None:
    faults = [{"fault": "fill_on_cancel", "symbol": "AAPL"},
              {"fault": "lag_positions", "time": "5s"}]  # fmt: skip
    with shared(scenario(*faults)) as world:
        world.order(qty="4", limit_price="90")
        data = world.run(LISTED, head=TWO)
        assert (data["exit_code"], world.positions) == (0, {}), data["error"]
        assert sold(world) == [("AAPL", "buy", "4"), ("AAPL", "sell", "4")]


def test_when_the_market_is_closed_nothing_is_torn_down_for_an_order_that_cannot_fill(
    shared: Any,
) -> None:
    with shared(scenario(start="2026-11-23 18:00", AAPL="7", BTC="0.5")) as world:
        stop = world.order(side="sell", qty="7", type="stop", stop_price="80", limit_price=None)
        data = world.run(ALL, head=ANY)
        assert data["exit_code"] == 5
        assert world.positions == {"AAPL": "7"}
        assert world.status(stop) in ("new", "accepted")
        assert refused(data).startswith("not flat: AAPL: the market is closed")


@pytest.mark.parametrize("shares", ["100", "130"])
def test_a_spread_and_a_covered_call_are_closed_leg_by_leg(shared: Any, shares: str) -> None:
    with shared(scenario(AAPL=shares, **{CALL: "2", HIGHER: "-3"})) as world:
        data = world.run(ALL, head=ANY)
        assert (data["exit_code"], world.positions) == (0, {}), data["error"]


def test_a_refusal_that_stood_on_another_position_is_tried_once_more(shared: Any) -> None:
    with shared(scenario(AAPL="7", MSFT="3")) as world:
        world.broker.on("POST", "/v2/orders", answered(
            403, b'{"code":40310000,"message":"insufficient options buying power"}'))  # fmt: skip
        data = world.run(LISTED, head=TWO)
        assert (data["exit_code"], world.positions) == (0, {})
        ids = [one["client_order_id"] for one in world.broker.orders_sent()]
        assert len(set(ids)) == 2


def test_ctrl_c_while_it_sends_stops_it_and_keeps_what_was_sent(shared: Any) -> None:
    with shared(scenario(AAPL="7", MSFT="3", F="5")) as world:
        world.interrupt_at("POST", "/v2/orders")
        data = world.run(ALL, head=ANY)
        assert data["exit_code"] == 130
        assert len(world.orders) == 1
        assert "not known to be flat: " in refused(data)


def test_in_the_clean_up_it_is_carried_out_although_the_run_was_interrupted(shared: Any) -> None:
    with shared(scenario(AAPL="7", MSFT="3")) as world:
        world.interrupt_at("GET", "/v2/clock")
        data = world.run("check_market: {}", "wait: {for: 1h}", head=TWO,
                         tail="finally:\n  - close_all: {}")  # fmt: skip
        assert (data["exit_code"], world.positions) == (130, {})


def test_the_clean_ups_own_timeout_says_what_is_not_flat(shared: Any) -> None:
    fault = {"fault": "interrupt", "to": "suspended", "symbol": "MSFT"}
    with shared(scenario(fault, AAPL="7", MSFT="3")) as world:
        data = world.run("check_market: {}", head=TWO,
                         tail="finally:\n  - {close_all: {timeout: 5m}, timeout: 30s}")  # fmt: skip
        assert (data["exit_code"], world.positions) == (6, {"MSFT": "3"})
        assert refused(data) == "the step's timeout has passed; not known to be flat: MSFT"


def test_limits_and_a_full_day_never_keep_it_from_closing(shared: Any) -> None:
    limits = "limits: {max_orders: 0, max_order_notional: 1, max_order_qty: 0.5}"
    with shared(scenario(AAPL="7", MSFT="-3")) as world:
        data = world.run(LISTED, head=f"{TWO}\n{limits}")
        assert (data["exit_code"], world.positions) == (0, {})


@pytest.mark.parametrize("missing", ["qty", "qty_available"])
def test_a_position_that_does_not_say_its_size_is_named(shared: Any, missing: str) -> None:
    alter = {"fault": "alter", "path": "/v2/positions", "omit": [missing]}
    with shared(scenario(alter, AAPL="7")) as world:
        data = world.run(ALL, head=ANY)
        assert (data["exit_code"], world.orders) == (4, [])
        assert "AAPL: the broker does not say how much is held" in refused(data)


@pytest.mark.parametrize(
    ("head", "step"),
    [("symbols: [AAPL]", "close_all: {scope: account}"), (ANY, "close_all: {}")],
)
def test_a_scope_that_does_not_fit_the_symbols_is_found_before_the_run(
    run_plan: RunPlan, head: str, step: str
) -> None:
    ended = run_plan(plan_of(f"  - {step}", head=head))
    assert (ended.exit_code, ended.log) == (3, None)
    assert "RB521" in ended.stderr


def test_other_hands_that_close_meanwhile_are_not_outdone(shared: Any) -> None:
    """Somebody sells the shares after they were read: the broker refuses to go across zero."""
    with shared(scenario(AAPL="7", MSFT="3")) as world:

        def sell() -> None:
            world.order(side="sell", qty="7", type="market", limit_price=None)

        world.broker.on("POST", "/v2/orders", replace(PASS, before=sell))
        data = world.run(LISTED, head=TWO)
        assert all(not qty.startswith("-") for qty in world.positions.values())
        assert "MSFT" not in world.positions
        assert data["exit_code"] in (0, 5)
