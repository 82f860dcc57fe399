"""`list_orders`, and a position that is read for its size: nothing passes that was not said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from acceptance.faulty_broker import PASS
from acceptance.harness import RunPlan, plan_of
from acceptance.shared_account import outputs, shared

from runner.language.check import check
from runner.language.source import Source
from runner.steps import ACTIONS

__all__ = ["shared"]

TAPE = {"AAPL": [["0s", "100", "99.90", "100.10"]], "MSFT": [["0s", "50", "49.9", "50.1"]]}
MARKET = {"tape": TAPE,
          "positions": {"AAPL": {"qty": "30", "avg_entry_price": "60"}}}  # fmt: skip
ANY = "symbols: any"


def listed(more: str = "") -> str:
    return f"{{id: open, list_orders: {{{more}}}}}"


def others(world: Any) -> dict[str, str]:
    """What somebody else has at the broker: two buys, two sales and one elsewhere."""
    far = world.order(qty="4", limit_price="90")
    near = world.order(qty="2", limit_price="99")
    world.served.sleep_until(world.served.now().replace(minute=45))
    sale = world.order(side="sell", qty="3", limit_price="110")
    stop = world.order(
        side="sell", qty="5", type="trailing_stop", trail_price="5", limit_price=None
    )
    elsewhere = world.order("MSFT", qty="1", limit_price="40")
    return {far: "far", near: "near", sale: "sale", stop: "stop", elsewhere: "elsewhere"}


@pytest.mark.parametrize(
    ("more", "found", "buys", "sells"),
    [
        ("", "far near sale stop elsewhere", "7", "8"),
        ("symbol: AAPL", "far near sale stop", "6", "8"),
        ("side: sell", "sale stop", "0", "8"),
        ("symbol: MSFT, side: sell", "", "0", "0"),
        ("scope: run", "", "0", "0"),
        ("older_than: 10m", "far near", "6", "0"),
        ("older_than: 2h", "", "0", "0"),
        ("symbol: AAPL, farther_than: 6%", "far sale", "4", "3"),
        ("symbol: AAPL, farther_than: 4%", "far sale stop", "4", "8"),
        ("symbol: AAPL, farther_than: 0%", "far near sale stop", "6", "8"),
        ("symbol: AAPL, farther_than: 4%, older_than: 10m", "far", "4", "0"),
    ],
)
def test_it_lists_what_is_asked_for_and_adds_it_up(
    shared: Any, more: str, found: str, buys: str, sells: str
) -> None:
    with shared(MARKET) as world:
        names = others(world)
        data = world.run(listed(more))
        assert data["exit_code"] == 0, data["error"]
        said = outputs(data, "open")
        assert {names[one["order_id"]] for one in said["orders"]} == set(found.split())
        assert (said["count"], said["buy_qty"], said["sell_qty"]) == (
            str(len(found.split())), buys, sells,
        )  # fmt: skip
        assert ("oldest" in said) == bool(found)
        if found:
            assert said["oldest"] == min(one["created_at"] for one in said["orders"])


def test_each_order_is_a_small_object_in_the_log_and_in_json(run_plan: RunPlan) -> None:
    text = plan_of(
        "  - submit_order: {symbol: AAPL, side: buy, qty: 4, type: limit, limit_price: 90}\n"
        "  - wait: {for: 2s}\n"
        "  - {id: open, list_orders: {scope: run}}\n"
        "  - notify: 'open: ${steps.open.orders}'\n"
    )
    ended = run_plan(text, scenario="tape: {AAPL: [[0s, 100]]}")
    assert ended.exit_code == 0
    said: Any = ended.outputs("open")
    (one,) = said["orders"]
    assert one == {
        "order_id": ended.data["orders"][0]["order_id"],
        "client_order_id": ended.data["orders"][0]["client_order_id"],
        "symbol": "AAPL", "side": "buy", "type": "limit", "status": "new", "remaining_qty": "4",
        "limit_price": "90", "created_at": said["oldest"],
    }  # fmt: skip
    logged = [one.data["outputs"] for one in ended.records if one.type == "step.finished"]
    assert said in logged


def test_a_fill_in_part_leaves_the_rest(shared: Any) -> None:
    fault = {"fault": "partial_fill", "part": "40%", "symbol": "AAPL"}
    with shared({**MARKET, "faults": [fault]}) as world:
        world.order(qty="10", limit_price="101")
        assert outputs(world.run(listed()), "open")["buy_qty"] == "6"


def test_exits_that_cancel_each_other_count_once(shared: Any) -> None:
    bracket = {"order_class": "bracket", "take_profit": {"limit_price": "120"},
               "stop_loss": {"stop_price": "80"}}  # fmt: skip
    with shared(MARKET) as world:
        world.order(qty="10", limit_price="90", **bracket)
        said = outputs(world.run(listed()), "open")
        assert (said["count"], said["buy_qty"], said["sell_qty"]) == ("3", "10", "10")
    with shared(MARKET) as world:
        world.order(qty="10", limit_price="101", **bracket)
        said = outputs(world.run(listed()), "open")
        assert (said["count"], said["buy_qty"], said["sell_qty"]) == ("2", "0", "10")


def test_an_order_for_dollars_leaves_the_shares_untold(shared: Any) -> None:
    with shared({**MARKET, "start": "2026-11-23 18:00"}) as world:
        world.order(qty=None, notional="500", type="market", limit_price=None, time_in_force="day")
        said = outputs(world.run(listed()), "open")
        assert (said["count"], said["sell_qty"]) == ("1", "0")
        assert "buy_qty" not in said
        untold = world.run(listed(), "assert: default(steps.open.buy_qty, -1) == -1")
        assert untold["exit_code"] == 0


@pytest.mark.parametrize(
    ("more", "change", "words"),
    [
        ("older_than: 1s", {"omit": ["created_at"]}, "does not say when order"),
        ("older_than: 1s", {"set": {"created_at": "yesterday"}}, "does not say when order"),
        ("farther_than: 1%", {"omit": ["limit_price"]}, "at which price"),
        ("side: buy", {"omit": ["side"]}, "without its id, symbol or side"),
        ("", {"omit": ["symbol"]}, "without its id, symbol or side"),
    ],
)
def test_an_order_that_does_not_say_what_is_asked_of_it_is_refused(
    shared: Any, more: str, change: dict[str, Any], words: str
) -> None:
    alter = {"fault": "alter", "method": "GET", "path": "/v2/orders", **change}
    with shared({**MARKET, "faults": [alter]}) as world:
        world.order(qty="4", limit_price="90")
        data = world.run(listed(more))
        assert data["exit_code"] == 4
        assert words in data["error"]["message"]


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "stale_data", "time": "10m"},
        {"fault": "alter", "path": "*quotes/latest", "set": {"quotes.*.bp": 0, "quote.bp": 0}},
        {"fault": "answer", "path": "*quotes/latest", "status": 404},
    ],
    ids=["old", "one-sided", "none"],
)
def test_without_a_quote_to_go_by_no_distance_is_told(shared: Any, fault: dict[str, Any]) -> None:
    with shared({**MARKET, "faults": [fault]}) as world:
        world.order(qty="4", limit_price="90")
        world.served.sleep_until(world.served.now().replace(minute=55))
        data = world.run(listed("farther_than: 1%"))
        assert data["exit_code"] == 4
        assert "no recent two-sided quote" in data["error"]["message"]


def test_a_wait_goes_by_its_count(shared: Any) -> None:
    with shared(MARKET) as world:
        low = "submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, limit_price: 90}"
        data = world.run(
            f"{{id: low, {low}}}",
            "wait: {until: polled.count == 0, poll: {list_orders: {scope: run}}, every: 5m,"
            " give_up_after: 8h}",
            "{id: seen, check_order: {order: low, status: expired}}",
        )  # fmt: skip
        assert data["exit_code"] == 0, data["error"]


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("steps.open.orders == 1", "RB402"),
        ("steps.open.orders == steps.open.orders", "RB402"),
        ("1 in steps.open.orders", "RB402"),
        ("'AAPL' in steps.open.orders", "RB402"),
        ("steps.open.orders + 1 > 2", "RB402"),
        ("steps.open.orders", "RB403"),
        ("max(steps.open.orders, steps.open.orders) == 1", "RB406"),
    ],
)
def test_the_list_is_only_passed_on(expression: str, code: str) -> None:
    text = plan_of(f'  - {listed()}\n  - assert: "{expression}"')
    found = check(Source("plan.yaml", text), ACTIONS, {}).findings
    assert [one.code for _, one in found if one.severity == "error"] == [code]


# ------------------------------------------------------------------------- a position to size by

BUY = "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 5}}"
FILL = "{id: fill, await_fill: {order: entry, timeout: 9s}}"
READ = "{id: held, check_position: {symbol: AAPL}}"


@pytest.mark.parametrize(("lag", "code"), [("8s", 0), ("20s", 5)])
@pytest.mark.parametrize("more", ["", ", side: long"])
def test_a_position_is_reported_once_it_shows_this_runs_own_fills(
    run_plan: RunPlan, lag: str, code: int, more: str
) -> None:
    text = plan_of("\n".join(f"  - {one}" for one in (
        BUY, FILL, READ.replace("AAPL}", f"AAPL{more}}}"),
        "submit_order: {symbol: AAPL, side: sell, qty: =steps.held.qty}")))  # fmt: skip
    scenario = {"tape": "{AAPL: [[0s, 100, 99.99, 100.01]]}",
                "positions": "{AAPL: {qty: 7, avg_entry_price: 60}}",
                "faults": f"[{{fault: lag_positions, time: {lag}}}]"}  # fmt: skip
    ended = run_plan(text, scenario="\n".join(f"{key}: {one}" for key, one in scenario.items()))
    assert ended.exit_code == code, ended.data["error"]
    assert [one["qty"] for one in ended.sent()] == (["5", "12"] if code == 0 else ["5"])
    if code:
        assert (
            "is 7, but with this run's own fills it should be 12"
            in (ended.data["error"]["message"])
        )


def test_a_fill_that_nobody_awaited_is_waited_for_too(run_plan: RunPlan) -> None:
    text = plan_of(f"  - {BUY}\n  - wait: {{for: 2s}}\n  - {READ}")
    scenario = "tape: {AAPL: [[0s, 100]]}\nfaults: [{fault: lag_positions, time: 8s}]"
    ended = run_plan(text, scenario=scenario)
    assert (ended.exit_code, ended.outputs("held")["qty"]) == (0, "5")


def test_an_exit_that_filled_while_nobody_looked_is_this_runs_own(run_plan: RunPlan) -> None:
    stop = "submit_order: {symbol: AAPL, side: sell, qty: 5, type: stop, stop_price: 90}"
    text = plan_of(f"  - {BUY}\n  - {FILL}\n  - {stop}\n  - wait: {{for: 2m}}\n  - {READ}")
    scenario = "tape: {AAPL: [[0s, 100], [60s, 80]]}"
    ended = run_plan(text, scenario=scenario)
    assert (ended.exit_code, ended.outputs("held")["qty"]) == (0, "0")


def test_a_run_that_has_not_traded_reports_what_the_broker_says(shared: Any) -> None:
    """Somebody else trades while it looks: there is nothing of its own that could be behind."""
    with shared(MARKET) as world:
        rest = "{submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, limit_price: 90}}"
        world.broker.on("POST", "/v2/orders", replace(PASS, before=lambda: world.order(
            qty="4", type="market", limit_price=None)))  # fmt: skip
        data = world.run(rest, READ, tail="finally:\n  - cancel_all:")
        assert data["exit_code"] == 0, data["error"]
        assert outputs(data, "held")["qty"] == "34"
