"""The runbooks that the sweeps run, each with the exchange that it meets.

Prices stand still, so that a run that was resumed later fills at the same ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

FIRST_RUNBOOK = Path(__file__).resolve().parents[2] / "runbooks" / "first-live-trade.yaml"
STILL = "tape:\n  AAPL: [[0s, 190.00]]\n  MSFT: [[0s, 400.00]]\n"
HALF_OF_THE_FIRST = (
    STILL + "faults:\n  - {fault: partial_fill, part: 40%, first: 1, symbol: AAPL}\n"
)
CLEAN_UP = "finally:\n  - cancel_all: {scope: run}\n"
CLOSE = """\
  - id: exit
    close_position: {symbol: AAPL}
  - await_fill: {order: exit, timeout: 60s}
"""


class Case(NamedTuple):
    """A runbook and the scenario that it meets. `exit_code` is that of the whole run."""

    name: str
    runbook: str
    scenario: str = STILL
    exit_code: int = 0


def _plan(steps: str, tail: str = "", head: str = "symbols: [AAPL]") -> str:
    return f"runbook: 1\nname: a-plan\n{head}\ntimeout: 1h\nsteps:\n{steps}{tail}"


GUARDED = Case(
    "guarded",
    _plan(
        """\
  - id: entry
    submit_order: {symbol: AAPL, side: buy, qty: 2, type: limit, limit_price: 191.00}
  - await_fill: {order: entry, timeout: 60s}
"""
        + CLOSE,
        CLEAN_UP,
        "symbols: [AAPL]\nlimits:\n  price_collar: 3%",
    ),
)
"""Its order is refused once the price has fallen."""

FALLEN = {"AAPL": "150.00"}

CASES = {
    case.name: case
    for case in (
        Case("tutorial", FIRST_RUNBOOK.read_text(encoding="utf-8")),
        Case(
            "replace",
            _plan(
                """\
  - id: entry
    submit_order: {symbol: AAPL, side: buy, qty: 2, type: limit, limit_price: 180.00}
  - replace_order: {order: entry, limit_price: 191.00}
  - await_fill: {order: entry, timeout: 60s}
"""
                + CLOSE,
                CLEAN_UP,
            ),
        ),
        Case(
            "replace-partly-filled",
            _plan(
                """\
  - id: entry
    submit_order: {symbol: AAPL, side: buy, qty: 10, type: limit, limit_price: 191.00}
  - await_fill: {order: entry, until: any, timeout: 60s}
  - replace_order: {order: entry, limit_price: 191.50}
  - await_fill: {order: entry, timeout: 60s}
"""
                + CLOSE,
                CLEAN_UP,
            ),
            HALF_OF_THE_FIRST,
        ),
        Case(
            "timeout-market",
            _plan(
                """\
  - id: entry
    submit_order: {symbol: AAPL, side: buy, qty: 10, type: limit, limit_price: 191.00}
  - id: fill
    await_fill: {order: entry, timeout: 90s, on_timeout: market}
  - assert: steps.fill.filled_qty == 10
"""
                + CLOSE,
                CLEAN_UP,
            ),
            HALF_OF_THE_FIRST,
        ),
        Case(
            "timeout-cancel",
            _plan(
                """\
  - id: entry
    submit_order: {symbol: AAPL, side: buy, qty: 10, type: limit, limit_price: 191.00}
  - await_fill: {order: entry, timeout: 90s, on_timeout: cancel}
""",
                "finally:\n  - id: out\n    close_position: {symbol: AAPL}\n"
                "  - await_fill: {order: out}\n",
            ),
            HALF_OF_THE_FIRST,
            exit_code=6,
        ),
        Case(
            "bracket",
            _plan(
                """\
  - id: entry
    submit_order:
      {symbol: AAPL, side: buy, qty: 2, order_class: bracket, take_profit: 210, stop_loss: 170}
  - await_fill: {order: entry, timeout: 60s}
""",
                CLEAN_UP,
            ),
        ),
        Case(
            "bracket-closed",
            _plan(
                """\
  - id: entry
    submit_order:
      {symbol: AAPL, side: buy, qty: 2, order_class: bracket, take_profit: 210, stop_loss: 170}
  - await_fill: {order: entry, timeout: 60s}
  - replace_order: {order: entry.stop_loss, stop_price: 175.00}
"""
                + CLOSE,
                CLEAN_UP,
            ),
        ),
        Case(
            "close-all",
            _plan(
                """\
  - id: first
    submit_order: {symbol: AAPL, side: buy, qty: 2}
  - id: second
    submit_order: {symbol: MSFT, side: buy, qty: 1}
  - await_fill: {order: [first, second], timeout: 60s}
  - id: resting
    submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, limit_price: 180.00}
  - close_all: {scope: symbols}
""",
                CLEAN_UP,
                "symbols: [AAPL, MSFT]",
            ),
        ),
        Case(
            "stop-kept",
            _plan(
                """\
  - id: entry
    submit_order: {symbol: AAPL, side: buy, qty: 1}
  - await_fill: {order: entry, timeout: 60s}
  - id: stop
    submit_order:
      {symbol: AAPL, side: sell, qty: 1, type: stop, stop_price: 180.00, time_in_force: gtc}
""",
                CLEAN_UP,
            ),
        ),
        Case(
            "wait",
            _plan(
                """\
  - id: entry
    submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, limit_price: 180.00}
  - wait: {for: 45s}
  - cancel_order: {order: entry}
""",
                CLEAN_UP,
            ),
        ),
        GUARDED,
    )
}
