"""Every fault of the exchange, times every kind of write: what each comes to, in one table.

Whatever goes wrong: no order exists twice, none is forgotten, and the last line says what is live.
Mixtures of faults and a broker behind a lying proxy are in `test_unknown_outcomes.py`.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from acceptance.harness import invoke

from runner.broker.credentials import Credentials
from runner.broker.targets import resolve
from runner.broker.wire import Timeouts
from runner.drive.session import Plan, begin
from runner.drive.signals import Signals
from runner.language.check import check
from runner.language.source import Source
from runner.report.run_views import view_of
from runner.sim import Exchange, VirtualClock, serve
from runner.sim.faults import EFFECTS
from runner.sim.scenario_file import parse_scenario
from runner.sim.wire import encode
from runner.steps import ACTIONS

PRICES = "tape:\n  AAPL: [[0s, 190.00]]\n"
BUY = "  - id: entry\n    submit_order: {symbol: AAPL, side: buy, qty: 2"
REST = f"{BUY}, type: limit, limit_price: 180.00}}\n"
FILL = "  - await_fill: {order: entry, timeout: 60s}\n"


class Write(NamedTuple):
    """One kind of write: the steps that make it, and the request that it is."""

    steps: str
    method: str = "POST"
    path: str = "/v2/orders"
    nth: int = 1


WRITES = {
    "market": Write(f"{BUY}}}\n{FILL}"),
    "limit": Write(f"{REST}  - await_fill: {{order: entry, timeout: 20s, on_timeout: keep}}\n"),
    "bracket": Write(f"{BUY}, order_class: bracket, take_profit: 210, stop_loss: 170}}\n{FILL}"),
    "replace": Write(
        f"{REST}  - replace_order: {{order: entry, limit_price: 181.00}}\n", "PATCH", "/v2/orders/*"
    ),
    "cancel": Write(f"{REST}  - cancel_order: {{order: entry}}\n", "DELETE", "/v2/orders/*"),
    "close": Write(
        f"{BUY}}}\n{FILL}  - id: exit\n    close_position: {{symbol: AAPL}}\n"
        "  - await_fill: {order: exit, timeout: 60s}\n",
        nth=2,
    ),
}

REQUEST_FAULTS = {
    "delay": "fault: delay, time: 5s",
    "delay, late": "fault: delay, time: 5s, commit: late",
    "hang": "fault: hang",
    "hang, lost": "fault: hang, commit: no",
    "hang, late": "fault: hang, commit: late, time: 4s",
    "drop": "fault: drop",
    "drop, lost": "fault: drop, commit: no",
    "drop, late": "fault: drop, commit: late, time: 4s",
    "500": "fault: answer, status: 500, commit: yes",
    "500, lost": "fault: answer, status: 500, body: html",
    "503, lost": "fault: answer, status: 503, body: empty",
    "504": "fault: answer, status: 504, body: html, commit: yes",
    "504, lost": "fault: answer, status: 504, body: html",
    "429": "fault: answer, status: 429",
    "429 and arrived": "fault: answer, status: 429, commit: yes",
    "401": "fault: answer, status: 401",
    "403": "fault: answer, status: 403",
    "truncate": "fault: truncate",
    "empty": "fault: empty",
    "alter, unknown status": "fault: alter, set: {status: under_a_new_regime}",
    "alter, no id": "fault: alter, omit: [id]",
}
ORDER_FAULTS = {
    "late_reject": "fault: late_reject, time: 10ms, symbol: AAPL",
    "fill_on_cancel": "fault: fill_on_cancel, symbol: AAPL",
    "fill_on_cancel, part": "fault: fill_on_cancel, part: 50%, symbol: AAPL",
    "stuck_cancel": "fault: stuck_cancel, time: 20s, symbol: AAPL",
    "stuck_cancel for ever": "fault: stuck_cancel, symbol: AAPL",
    "partial_fill": "fault: partial_fill, part: 50%, time: 5s, symbol: AAPL, first: 1",
    "partial_fill for ever": "fault: partial_fill, part: 50%, symbol: AAPL, first: 1",
    "lag_positions": "fault: lag_positions, time: 5s",
    "hide_client_id": "fault: hide_client_id, time: 10s",
    "interrupt, suspended": "fault: interrupt, to: suspended, time: 10s",
    "interrupt, done_for_day": "fault: interrupt, to: done_for_day",
    "interrupt, stopped": "fault: interrupt, to: stopped, time: 1s",
    "interrupt, calculated": "fault: interrupt, to: calculated, time: 10s",
    "interrupt, accepted_for_bidding": "fault: interrupt, to: accepted_for_bidding, time: 10s",
    "stale_data": "fault: stale_data, symbol: AAPL",
}
STREAM_FAULTS = {name: f"fault: {name}" for name in EFFECTS if name.startswith("stream_")}


class Came(NamedTuple):
    """What a run came to: its exit code, and the orders at the exchange as `side status filled`."""

    exit_code: int
    orders: tuple[str, ...]


def test_every_fault_of_the_exchange_is_in_the_matrix() -> None:
    texts = (*REQUEST_FAULTS.values(), *ORDER_FAULTS.values(), *STREAM_FAULTS.values())
    named = {text.split()[1].rstrip(",") for text in texts}
    assert named == set(EFFECTS)


def came_to(folder: Path, write: Write, fault: str) -> Came:
    """Run one write under one fault and check what holds in every cell."""
    text = f"runbook: 1\nname: a-plan\nsymbols: [AAPL]\ntimeout: 1h\nsteps:\n{write.steps}"
    faults = f"faults:\n  - {{{fault}}}\n" if fault else ""
    checked = check(Source("plan.yaml", text), ACTIONS, {})
    assert checked.runbook is not None, list(checked.findings)
    scenario = parse_scenario((PRICES + faults).encode(), "scenario", None)
    with serve(Exchange(scenario), VirtualClock(scenario.start)) as served:
        plan = Plan(
            checked.runbook,
            resolve(served.url),
            Credentials("PKTEST", "a-secret"),
            folder / "audit",
            Timeouts(connect=2, read=0.3, total=1),
            behind=served,
            stream="stream_" in fault,
        )
        session, stream = begin(plan), io.StringIO()
        with view_of(
            stream, plan.runbook, session.run_id, plan.target, session.log, color=False
        ) as view:
            result = session.carry_out(view, Signals())
            view.conclude(result)
        exchange = served.exchange
        rows = [
            json.loads(encode(exchange.order_body(one))) for one in exchange.book.oldest_first()
        ]
    assert view.errors == []
    last = stream.getvalue().rstrip().splitlines()[-1]
    must_hold(dict(result.data), rows, last)
    assert invoke("audit", "verify", str(session.log)).exit_code == 0
    replayed = invoke("replay", str(session.log))
    assert replayed.exit_code == 0, replayed.stdout
    orders = (f"{one['side']} {one['status']} {one['filled_qty']}" for one in rows)
    return Came(result.exit_code, tuple(orders))


ENDED = ("filled", "canceled", "expired", "rejected", "replaced")


def must_hold(data: dict[str, Any], rows: list[dict[str, Any]], last: str) -> None:
    """No order twice, none lost, and the last line says what is live."""
    assert set(Counter(one["client_order_id"] for one in rows).values()) <= {1}
    known = {one["order_id"] for one in data["orders"]}
    for one in rows:
        live = one["status"] not in ENDED
        assert one["status"] == "replaced" or one["id"] in known, "an order is not in the result"
        if live:
            assert one["client_order_id"] in data["open_orders"], "an open order is not said to be"
            assert one["client_order_id"] in last
    bought = sum((Decimal(one["filled_qty"]) * (1 if one["side"] == "buy" else -1) for one in rows),
                 Decimal(0))  # fmt: skip
    if data["exit_code"] != 8:
        said = sum((Decimal(one["run_qty"]) for one in data["positions"]), Decimal(0))
        assert said == bought, "a fill is not in the result"
    nothing = not data["open_orders"] and not bought and data["exit_code"] != 8
    assert nothing == ("Nothing of this run is live" in last), last
    assert data["exit_code"] != 1


USUAL = {
    "market": Came(0, ("buy filled 2",)),
    "limit": Came(0, ("buy new 0",)),
    "bracket": Came(0, ("buy filled 2", "sell new 0", "sell held 0")),
    "replace": Came(0, ("buy replaced 0", "buy new 0")),
    "cancel": Came(0, ("buy canceled 0",)),
    "close": Came(0, ("buy filled 2", "sell filled 2")),
}
"""What a write comes to without a fault, and with every fault that the next table does not name."""

GONE = ("sell canceled 0", "sell canceled 0")
NOT_CHANGED = Came(5, ("buy canceled 0",))
EXPECTED: dict[str, dict[str, Came]] = {
    # Refused: nothing was done, and what the run had sent before is stopped.
    "401": {
        "market": Came(7, ()),
        "limit": Came(7, ()),
        "bracket": Came(7, ()),
        "replace": NOT_CHANGED,
        "close": Came(5, ("buy filled 2",)),
    },
    "403": {
        "market": Came(5, ()),
        "limit": Came(5, ()),
        "bracket": Came(5, ()),
        "replace": NOT_CHANGED,
        "close": Came(5, ("buy filled 2",)),
    },
    "late_reject": {
        "market": Came(5, ("buy rejected 0",)),
        "limit": Came(5, ("buy rejected 0",)),
        "bracket": Came(5, ("buy rejected 0", *GONE)),
        "replace": Came(5, ("buy rejected 0",)),
        "close": Came(5, ("buy rejected 0",)),
    },
    # The fill, or a part of it, won against the cancel.
    "fill_on_cancel": {"cancel": Came(0, ("buy filled 2",))},
    "fill_on_cancel, part": {"cancel": Came(0, ("buy canceled 1",))},
    "stuck_cancel for ever": {"cancel": Came(8, ("buy pending_cancel 0",))},
    # The rest never fills: the time is up, and the entry is cancelled.
    "partial_fill for ever": {
        "market": Came(6, ("buy canceled 1",)),
        "bracket": Came(6, ("buy canceled 1", *GONE)),
        "close": Came(6, ("buy canceled 1",)),
    },
    # Alpaca does not change an order that is not at work.
    "interrupt, suspended": {"replace": NOT_CHANGED},
    "interrupt, calculated": {"replace": NOT_CHANGED},
    "interrupt, accepted_for_bidding": {"replace": NOT_CHANGED},
    "interrupt, done_for_day": {
        "market": Came(6, ("buy canceled 0",)),
        "limit": Came(0, ("buy done_for_day 0",)),
        "bracket": Came(6, ("buy canceled 0", *GONE)),
        "replace": NOT_CHANGED,
        "close": Came(6, ("buy canceled 0",)),
    },
    # A stopped order is sure of its fill.
    "interrupt, stopped": {
        "limit": Came(0, ("buy filled 2",)),
        "bracket": Came(0, ("buy filled 2", "sell filled 2", "sell canceled 0")),
        "replace": NOT_CHANGED,
    },
}
"""Cells that end otherwise than usual, by fault and write."""

CELLS = [
    pytest.param(fault, write, id=f"{fault} x {write}")
    for fault in (*REQUEST_FAULTS, *ORDER_FAULTS, *STREAM_FAULTS)
    for write in WRITES
]


@pytest.mark.parametrize("write", WRITES)
def test_without_a_fault_a_write_comes_to_what_is_usual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    assert came_to(tmp_path, WRITES[write], "") == USUAL[write]


@pytest.mark.parametrize(("fault", "write"), CELLS)
def test_a_fault_and_a_write_come_to_what_the_table_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, write: str
) -> None:
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    text = {**REQUEST_FAULTS, **ORDER_FAULTS, **STREAM_FAULTS}[fault]
    method, path, nth = WRITES[write][1:]
    if fault in REQUEST_FAULTS:
        text += f", method: {method}, path: '{path}', nth: {nth}"
    assert came_to(tmp_path, WRITES[write], text) == EXPECTED.get(fault, {}).get(
        write, USUAL[write]
    )
