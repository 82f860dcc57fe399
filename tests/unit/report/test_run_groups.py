"""Orders with exits and orders of several legs, wherever people see them."""

from __future__ import annotations

from typing import Any

import pytest
from unit.report.run_sample import LOG, about, runbook

from runner.machine.result import Result
from runner.report.run_orders import SentOrders
from runner.report.run_summary import last_line, render
from runner.report.run_text import columns
from runner.report.run_words import label, order_in_words, top_steps

LONG, SHORT = "AAPL261218C00200000", "AAPL261218C00210000"
WHOLE, BOUGHT, SOLD = "rb-k3v7c2mqzt5a6yrx-4q2xabcdefghijklmnop", "leg-1", "leg-2"
BUY = {"symbol": "AAPL", "side": "buy", "qty": "10", "type": "market", "time_in_force": "day"}
LEGS = [{"symbol": LONG, "side": "buy", "ratio_qty": "1"},
        {"symbol": SHORT, "side": "sell", "ratio_qty": "2"}]  # fmt: skip


def row(client_order_id: str, **more: Any) -> dict[str, Any]:
    """One order as a result lists it: a leg of the whole unless told otherwise."""
    return {
        "client_order_id": client_order_id, "order_id": f"id-{client_order_id}", "leg_of": WHOLE,
        "symbol": None, "side": None, "qty": "2", "notional": None, "type": "", "status": "new",
        "limit_price": None, "stop_price": None, "filled_qty": "0", "filled_avg_price": None,
        "kept": False, **more,
    }  # fmt: skip


SPREAD = [
    row(WHOLE, leg_of=None, type="limit", limit_price="-1.20"),
    row(BOUGHT, symbol=LONG, side="buy"),
    row(SOLD, symbol=SHORT, side="sell"),
]


def result(orders: list[dict[str, Any]], status: str = "completed", **more: Any) -> Result:
    data: dict[str, Any] = {
        "steps": [], "orders": orders, "positions": [], "error": None, "open_orders": [WHOLE],
    }  # fmt: skip
    return Result(status, 0, {**data, **more})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({**BUY, "order_class": "bracket", "take_profit": {"limit_price": "110"},
          "stop_loss": {"stop_price": "95"}},
         "buy 10 AAPL market day (bracket, take profit 110, stop loss 95)"),
        ({**BUY, "order_class": "oto", "stop_loss": {"stop_price": "95", "limit_price": "94"}},
         "buy 10 AAPL market day (oto, stop loss 95 limit 94)"),
        ({**BUY, "order_class": "simple"}, "buy 10 AAPL market day"),
        ({**BUY, "order_class": ""}, "buy 10 AAPL market day"),
        ({**BUY, "legs": None}, "buy 10 AAPL market day"),
        ({"order_class": "mleg", "qty": "2", "type": "market", "time_in_force": "day",
          "legs": LEGS}, f"2 x (buy 1 {LONG} + sell 2 {SHORT}) market day"),
        ({"qty": "1", "type": "limit", "limit_price": "4.10", "legs": LEGS[:1]},
         f"1 x (buy 1 {LONG}) limit 4.10 debit"),
        ({"qty": "1", "type": "limit", "limit_price": "-1.20", "legs": LEGS[:1]},
         f"1 x (buy 1 {LONG}) limit 1.20 credit"),
        ({"qty": "1", "type": "limit", "limit_price": "0", "legs": LEGS[:1]},
         f"1 x (buy 1 {LONG}) limit 0"),
        ({"qty": "1", "type": "market", "legs": []}, "1 x (several legs) market"),
        ({**BUY, "take_profit": "x", "order_class": "bracket\x1b"},
         "buy 10 AAPL market day (bracket<U+001B>)"),
    ],
)  # fmt: skip
def test_an_order_is_told_with_its_exits_or_its_legs(body: dict[str, Any], words: str) -> None:
    assert order_in_words(body) == words


def test_a_step_of_several_legs_is_called_by_what_it_trades() -> None:
    text = f"""\
runbook: 1
name: spread
symbols: [{LONG}, {SHORT}]
params: {{short: {{type: symbol, default: {SHORT}}}}}
steps:
  - submit_order:
      order_class: mleg
      qty: 1
      legs:
        - {{symbol: {LONG}, side: buy}}
        - {{symbol: =params.short, side: sell}}
"""
    assert [label(step) for step in top_steps(runbook(text))] == [f"submit_order {LONG}"]


def test_a_leg_that_is_read_is_known_by_what_it_does() -> None:
    orders = SentOrders()
    orders.send(WHOLE, {**BUY, "order_class": "bracket"})
    stop = {"id": "id-stop", "client_order_id": "leg-stop", "symbol": "AAPL", "side": "sell",
            "qty": "10", "type": "stop", "stop_price": "95", "status": "held",
            "filled_qty": "0"}  # fmt: skip
    orders.fold({"id": "id-entry", "client_order_id": WHOLE, "status": "filled", "legs": [stop]})
    leg = orders.known_as("id-stop")
    assert leg is not None
    assert (leg.words, leg.state) == ("sell 10 AAPL stop 95", "held, 0 of 10 filled")
    orders.fold({"orders": {"id-stop": {**stop, "status": "filled", "filled_qty": "10"}}})
    assert orders.states(("id-stop",)) == "filled 10"
    moved = {**stop, "id": "id-new", "client_order_id": "leg-new", "replaces": "id-stop"}
    orders.fold({**moved, "status": "new"})
    assert orders.known_as("id-new") is leg
    assert not orders.any_working or orders.known_as("id-entry") is not None


def test_the_table_puts_legs_under_their_order() -> None:
    text = render(about(), result(SPREAD), width=None, color=False)
    table = [line.split("  ") for line in text.splitlines() if "legs" in line or LONG in line]
    assert next(one for one in table[0] if one).strip() == "2 legs"
    assert table[1][0] == ""
    assert "None" not in text
    assert f"    {LONG}" in text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
def test_the_summary_of_several_legs_fits_its_width(width: int) -> None:
    text = render(about(), result(SPREAD), width=width, color=False)
    table = [line for line in text.splitlines() if "live" not in line.lower() and "Log" not in line]
    longest = max(columns(line) for line in table if WHOLE not in line)
    assert longest <= width
    assert "None" not in text


def test_the_last_line_says_what_an_order_of_several_legs_is() -> None:
    data = {**result(SPREAD).data, "status": "completed"}
    line = last_line(data, simulated=False, log=LOG)
    words = f"(2 x (buy {LONG} + sell {SHORT}) limit 1.20 credit, new)"
    assert line == f"Live: order {WHOLE} {words}."


def test_an_order_of_several_legs_whose_fate_is_unknown_is_named_too() -> None:
    lost = row(WHOLE, leg_of=None, type="market", status="unknown")
    data = {**result([lost], "unknown").data, "status": "unknown"}
    line = last_line(data, simulated=False, log=LOG)
    assert line.startswith(f"UNKNOWN: order {WHOLE} (2 x (several legs) market) may be live.")
    text = render(about(), result([lost], "unknown"), width=80, color=False)
    assert "several legs" in text
