"""What later steps will ask of the account's buying power, reckoned when an order is judged."""

from __future__ import annotations

import pytest
from unit.machine.scripted import ACCOUNT, ASSET, CLOCK, QUOTE, Driven, drive, ok, plan

from runner.effects import Effect, Json, Outcome, ReadWorld, Submit

FIRST = "  - {id: one, submit_order: {symbol: AAPL, side: buy, qty: 1}}"  # 104.0104
BUY = "submit_order: {symbol: AAPL, side: buy, qty: 2}"  # 208.0208
LIMIT = "submit_order: {symbol: AAPL, side: buy, qty: =1 + 1, type: limit, limit_price: 100}"


def with_power(power: str, *later: str) -> Driven:
    """A run of one order and later steps on an account with so much buying power."""

    def answer(effect: Effect) -> Outcome | None:
        if not isinstance(effect, ReadWorld):
            return None
        account: dict[str, Json] = {**ACCOUNT, "buying_power": power}
        return ok({"account": account, "position": None, "positions": [], "open_orders": [],
                   "quote": QUOTE, "asset": ASSET, "clock": CLOCK})  # fmt: skip

    lines = "\n".join([FIRST, *(f"  - {{{one}}}" for one in later)])
    return drive(plan(lines, head="symbols: [AAPL, MSFT]"), answer)


def needed(*later: str) -> dict[str, str]:
    """The values of the first order's verdict on buying power."""
    driven = with_power("100000", *later)
    said = [one.data for one in driven.said("guard") if one.data["guard"] == "buying_power"]
    values = said[0]["values"]
    assert isinstance(values, dict)
    return {name: str(values[name]) for name in ("cost", "later", "later_untold")}


@pytest.mark.parametrize(
    ("later", "dollars", "untold"),
    [
        ([], "0", "0"),
        ([BUY], "208.0208", "0"),
        ([BUY, LIMIT], "408.0208", "0"),
        (["submit_order: {symbol: AAPL, side: buy, notional: 500}"], "500", "0"),
        (["submit_order: {symbol: MSFT, side: buy, qty: 2, type: limit, limit_price: 50}"],
         "100", "0"),
        # What cannot be told stops nothing.
        (["submit_order: {symbol: MSFT, side: buy, qty: 2}"], "0", "1"),
        ([f"when: 1 < 2, {BUY}"], "0", "1"),
        (["target_position: {symbol: AAPL, qty: 5}"], "0", "1"),
        (["get_quote: {symbol: AAPL}", BUY], "208.0208", "0"),
        # What comes after a step that may free buying power is not needed at once.
        (["close_position: {symbol: AAPL}", BUY], "0", "0"),
        (["cancel_all: {scope: run}", BUY], "0", "0"),
        (["submit_order: {symbol: AAPL, side: sell, qty: 1}", BUY], "0", "0"),
        ([BUY, "target_position: {symbol: AAPL, qty: 0}", BUY], "208.0208", "0"),
        (["submit_order: {symbol: AAPL, side: sell, qty: 1, type: limit, order_class: oco,"
          " take_profit: 110, stop_loss: 90}", BUY], "208.0208", "0"),
        (["submit_order: {symbol: AAPL, side: sell, qty: 1, position_intent: sell_to_open}"],
         "103.0103", "0"),
    ],
)  # fmt: skip
def test_later_orders_count_up_to_the_step_that_may_free_buying_power(
    later: list[str], dollars: str, untold: str
) -> None:
    assert needed(*later) == {"cost": "104.0104", "later": dollars, "later_untold": untold}


def test_a_plan_that_cannot_be_paid_whole_is_refused_before_its_first_order() -> None:
    driven = with_power("312", BUY)
    assert driven.asked(Submit) == []
    assert driven.result.exit_code == 4
    (refusal,) = [one.data for one in driven.said("guard") if one.data["verdict"] == "refuse"]
    assert "$208.02 of it for later steps" in str(refusal["message"])
    assert len(with_power("312.0312", BUY).asked(Submit)) == 2
