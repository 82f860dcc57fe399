"""Day trades counted from the account's fills and from what this run's own orders have filled."""

from __future__ import annotations

from typing import Any

import pytest
from unit.machine.scripted import ACCOUNT, ASSET, CLOCK, QUOTE, STAMP, Driven, drive, ok, plan

from runner import effects
from runner.effects import Effect, Outcome

LIMITED = "symbols: [AAPL]\nlimits: {max_day_trades: %s}"
BUY = "  - submit_order: {symbol: AAPL, side: buy, qty: 1}"
SELL = "  - submit_order: {symbol: AAPL, side: sell, qty: 1}"
DAYS = [{"date": f"2026-11-{day}", "open": "09:30", "close": "16:00"}
        for day in (16, 17, 18, 19, 20, 23)]  # fmt: skip


def fill(order_id: str, side: str, at: str) -> dict[str, Any]:
    return {"symbol": "AAPL", "order_id": order_id, "side": side, "qty": "1", "price": "100",
            "transaction_time": at}  # fmt: skip


def bought_and_sold(
    budget: str, *, shows: bool, earlier: list[dict[str, Any]] | None = None, days: int = 6
) -> Driven:
    """A run that buys, sells and buys again. `shows`: the account shows its fills at once."""
    sent: list[effects.Submit] = []

    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            sent.append(effect)
        if isinstance(effect, effects.ReadCalendar):
            return ok({"days": DAYS[-days:]})
        held = "1" if len(sent) % 2 else "0"
        position = {"symbol": "AAPL", "qty": held, "qty_available": held}
        if isinstance(effect, effects.ReadPosition) and held == "1":
            return ok(position)
        if isinstance(effect, effects.ReadPositions):
            return ok({"positions": [position] if held == "1" else []})
        if isinstance(effect, effects.ReadActivities):
            own = [fill(f"id-of-{one.client_order_id}", str(one.body["side"]), STAMP)
                   for one in sent]  # fmt: skip
            return ok({"activities": [*(earlier or []), *(own if shows else [])]})
        if isinstance(effect, effects.ReadWorld):
            return ok({"account": ACCOUNT, "position": position if held == "1" else None,
                       "open_orders": [], "quote": QUOTE, "asset": ASSET,
                       "clock": CLOCK})  # fmt: skip
        return None

    return drive(plan(f"{BUY}\n{SELL}\n{BUY}", head=LIMITED % budget), answer)


def message(driven: Driven) -> str:
    error = driven.result.data["error"]
    assert isinstance(error, dict)
    return str(error["message"])


@pytest.mark.parametrize("shows", [True, False])
def test_this_runs_round_trip_counts_once_whether_or_not_the_account_shows_it(shows: bool) -> None:
    assert bought_and_sold("2", shows=shows).result.exit_code == 0
    refused = bought_and_sold("1", shows=shows)
    assert len(refused.asked(effects.Submit)) == 2
    assert "1 day trades in five sessions, and the house's budget is 1" in message(refused)


def test_only_the_last_five_sessions_count() -> None:
    def trip(day: str) -> list[dict[str, Any]]:
        return [fill(f"{day}-{side}", side, f"2026-11-{day}T15:0{minute}:00Z")
                for minute, side in enumerate(("buy", "sell"))]  # fmt: skip

    assert "2 day trades" in message(bought_and_sold("2", shows=True, earlier=trip("17")))
    assert bought_and_sold("3", shows=True, earlier=trip("17")).result.exit_code == 0


def test_a_calendar_without_five_sessions_refuses() -> None:
    refused = bought_and_sold("3", shows=True, days=4)
    assert refused.asked(effects.Submit) == []
    assert "could not be counted" in message(refused)


def test_an_order_that_reduces_asks_for_no_fills() -> None:
    assert len(bought_and_sold("3", shows=True).asked(effects.ReadActivities)) == 2
