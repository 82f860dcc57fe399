"""An average price is of one symbol: the checker knows where there may be none."""

from __future__ import annotations

import pytest

from runner.language.check import check
from runner.language.source import Source
from runner.steps import ACTIONS

ENTRY = "  - id: entry\n    submit_order: {symbol: AAPL, side: buy, qty: 10}\n"
MORE = "  - id: more\n    submit_order: {symbol: AAPL, side: buy, qty: 5}\n"
OTHER = "  - id: other\n    submit_order: {symbol: MSFT, side: buy, qty: 5}\n"


def problems(orders: str, sent: str, price: str = "steps.fill.filled_avg_price") -> list[str]:
    text = (
        "runbook: 1\nname: x\nsymbols: [AAPL, MSFT]\nlimits: {max_order_notional: 10000}\nsteps:\n"
        f"{sent}  - id: fill\n    await_fill: {{order: {orders}}}\n  - assert: {price} > 1.00\n"
    )
    return [
        f"{one.code} {one.message}"
        for one in check(Source("x.yaml", text), ACTIONS).report.sorted()
    ]


@pytest.mark.parametrize("orders", ["entry", "[entry]", "[entry, more]"])
def test_orders_in_one_symbol_have_an_average_price(orders: str) -> None:
    assert problems(orders, ENTRY + MORE) == []


def test_orders_in_several_symbols_may_have_no_average_price() -> None:
    (found,) = problems("[entry, other]", ENTRY + OTHER)
    assert found.startswith("RB303 steps.fill.filled_avg_price may have no value")
    assert "more than one symbol" in found
    default = "default(steps.fill.filled_avg_price, 2.00)"
    assert problems("[entry, other]", ENTRY + OTHER, default) == []
