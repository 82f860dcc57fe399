"""The stream of trade updates wakes a run, and decides nothing.

Real runs with alpaca-py's TradingStream on an exchange whose time flows. Whatever the stream does,
the run ends as it would without it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acceptance.harness import Ended, RunPlan, plan_of, without
from acceptance.processes import RESTING, Market, Running, a_market, eventually
from alpaca.trading.client import TradingClient
from alpaca.trading.requests import ReplaceOrderRequest
from websockets.sync.client import connect

from runner.broker.credentials import Credentials
from runner.broker.targets import resolve
from runner.drive.clock import ExchangeClock, WallClock
from runner.drive.connecting import open_updates
from runner.drive.signals import Signals
from runner.sim import Exchange, FlowingClock, Served, default_scenario, serve
from runner.sim.faults_reader import read_fault

THERE_AND_BACK = plan_of(
    "  - id: entry\n"
    "    submit_order: {symbol: AAPL, side: buy, qty: 2, type: market}\n"
    "  - await_fill: {order: entry, timeout: 20s}\n"
    "  - id: exit\n"
    "    close_position: {symbol: AAPL}\n"
    "  - await_fill: {order: exit, timeout: 20s}\n"
    "  - check_position: {symbol: AAPL, qty: 0}"
)
REPEATED = without("duplicates")
"""A policy under which a run may send what another has just sent."""

RARELY = "symbols: [AAPL]\ndefaults: {poll: 20s}"
"""A run that by itself would look at an order three times a minute."""

SOON = 3.0
"""Seconds that are far from such a look, on a machine that does other things."""


@pytest.fixture
def served() -> Iterator[Served]:
    scenario = default_scenario()
    with serve(Exchange(scenario), FlowingClock(scenario.start)) as running:
        yield running


def arm(served: Served, fault: str, **keys: Any) -> None:
    with served.lock:
        served.exchange.faults.arm(read_fault({"fault": fault, **keys}), served.now())


def told(ended: Ended) -> tuple[object, ...]:
    """What a run came to, without times and ids."""
    orders = [(one["side"], one["qty"], one["status"], one["filled_qty"])
              for one in ended.data["orders"]]  # fmt: skip
    steps = [(one["action"], one["status"]) for one in ended.data["steps"]]
    return ended.exit_code, ended.data["status"], orders, steps, ended.data["open_orders"]


def notices(ended: Ended) -> list[str]:
    """What the log's outcomes remark on."""
    outcomes = [one.data for one in ended.records if one.type == "effect.outcome"]
    return [notice for one in outcomes for notice in one.get("data", {}).get("notices", [])]


def no_thread_is_left() -> bool:
    return not any(one.name == "trade-updates" for one in threading.enumerate())


def set_price(served: Served, price: str) -> None:
    body = json.dumps({"AAPL": price}).encode()
    with urllib.request.urlopen(f"{served.url}/sim/prices", body) as answer:
        assert answer.status == 200


def test_a_fill_wakes_the_run_long_before_its_next_look(served: Served, run_plan: RunPlan) -> None:
    began = time.monotonic()
    plan = THERE_AND_BACK.replace("symbols: [AAPL]", RARELY)
    ended = run_plan(plan, "--on", served.url)
    assert ended.exit_code == 0, ended.stderr
    assert time.monotonic() - began < 2 * SOON
    assert no_thread_is_left()


GIVES_UP = plan_of(
    "  - id: entry\n"
    "    submit_order: {symbol: AAPL, side: buy, qty: 2, type: limit, limit_price: 150.00}\n"
    "  - await_fill: {order: entry, timeout: 1s, on_timeout: cancel, accept_partial: true}\n"
    "  - id: exit\n"
    "    close_position: {symbol: AAPL}\n"
    "  - await_fill: {order: exit, timeout: 20s}"
)


@pytest.mark.parametrize(
    ("plan", "fault", "exit_code"),
    [(THERE_AND_BACK, {"fault": "partial_fill", "part": "50%", "time": "500ms", "nth": 1}, 0),
     (THERE_AND_BACK, {"fault": "late_reject", "time": "500ms", "nth": 1}, 5),
     (GIVES_UP, {"fault": "fill_on_cancel"}, 0),
     (GIVES_UP, {"fault": "fill_on_cancel", "part": "50%"}, 0),
     (GIVES_UP, {"fault": "stuck_cancel", "time": "500ms"}, 6)],
    ids=["partial fills", "rejected late", "filled while cancelled", "partly filled so", "stuck"],
)  # fmt: skip
def test_whatever_becomes_of_an_order_is_noticed_at_once_and_comes_to_the_same(
    run_plan: RunPlan, plan: str, fault: dict[str, Any], exit_code: int
) -> None:
    came_to, scenario = [], default_scenario()
    for option in ("--no-stream", "--stream"):
        with serve(Exchange(scenario), FlowingClock(scenario.start)) as served:
            arm(served, **fault)
            began = time.monotonic()
            head = RARELY if option == "--stream" else "symbols: [AAPL]"
            ended = run_plan(plan.replace("symbols: [AAPL]", head), "--on", served.url, option)
            assert time.monotonic() - began < 2 * SOON
            assert ended.exit_code == exit_code, ended.stderr
            came_to.append(told(ended))
    assert came_to[0] == came_to[1]


FAULTS = (
    "stream_silence",
    "stream_lose",
    "stream_duplicate",
    "stream_reorder",
    "stream_null",
    "stream_drop",
    "stream_no_ack",
    "stream_refuse",
)


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_the_stream_does_the_run_ends_as_without_it(
    served: Served, run_plan: RunPlan, fault: str
) -> None:
    alone = run_plan(THERE_AND_BACK, "--on", served.url, "--no-stream")
    arm(served, fault)
    ended = run_plan(THERE_AND_BACK, "--on", served.url, "--stream", policy=REPEATED)
    assert told(ended) == told(alone)
    assert ended.exit_code == 0
    assert no_thread_is_left()
    assert "Traceback" not in ended.stderr


def test_every_fourth_update_is_lost_doubled_late_or_empty(
    served: Served, run_plan: RunPlan
) -> None:
    alone = run_plan(THERE_AND_BACK, "--on", served.url, "--no-stream")
    for number, fault in enumerate(FAULTS[1:6]):
        arm(served, fault, every=number + 2)
    ended = run_plan(THERE_AND_BACK, "--on", served.url, policy=REPEATED)
    assert told(ended) == told(alone)


def test_a_connection_that_a_bot_holds_is_left_to_it_and_said_once(
    served: Served, run_plan: RunPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.broker.stream.GRACE", 0.05)
    with connect(f"{served.url.replace('http', 'ws')}/stream"):
        ended = run_plan(THERE_AND_BACK, "--on", served.url)
    assert ended.exit_code == 0
    assert ended.stderr.count("no trade updates from the stream") == 1
    assert "another program holds the account's one stream connection" in ended.stderr
    (notice,) = notices(ended)
    assert "no trade updates" in notice


def test_without_being_asked_only_a_server_on_this_machine_is_listened_to(served: Served) -> None:
    keys = Credentials("PKTEST", "a-secret")
    wall, jumping = WallClock(Signals()), ExchangeClock(served, Signals())

    def listens(on: str, wanted: bool | None) -> bool:
        return open_updates(resolve(on), keys, wall, wanted) is not None

    assert listens(served.url, None)
    assert not listens(served.url, False)
    for elsewhere in ("paper", "live", "https://broker.example"):
        assert not listens(elsewhere, None)
        assert listens(elsewhere, True)
    assert open_updates(resolve("sim"), keys, jumping, True) is None


def test_ctrl_c_ends_a_run_that_listens_at_once(tmp_path: Path) -> None:
    with a_market(tmp_path) as market:
        plan = plan_of(RESTING, head=RARELY)
        running = market.start(plan, on=market.served.url)
        eventually(lambda: market.served.listening and market.open_orders, "it listens")
        time.sleep(0.1)
        running.send("SIGINT")
        began = time.monotonic()
        assert running.end() == 130
        assert time.monotonic() - began < SOON
        assert [one["status"] for one in market.orders] == ["canceled"]


def test_the_cancel_of_a_clean_up_is_confirmed_by_the_stream(tmp_path: Path) -> None:
    """The run that is stopped waits for `canceled`, and would look for it every 20 seconds."""
    with a_market(tmp_path) as market:
        arm(market.served, "stuck_cancel", time="1s")
        plan = plan_of(RESTING, head=RARELY, tail="finally:\n  - cancel_all: {scope: run}")
        running = market.start(plan, on=market.served.url)
        eventually(lambda: market.served.listening and market.open_orders, "it listens")
        running.send("SIGTERM")
        began = time.monotonic()
        assert running.end() == 130
        assert time.monotonic() - began < 1 + SOON
        assert market.open_orders == []


def test_an_order_that_somebody_replaces_is_followed_at_once(tmp_path: Path) -> None:
    with a_market(tmp_path) as market:
        running = market.start(plan_of(RESTING, head=RARELY), on=market.served.url)
        eventually(lambda: market.served.listening and market.open_orders, "it listens")
        eventually(lambda: market.open_orders[0]["status"] == "new", "it can be replaced")
        (order,) = market.open_orders
        client = TradingClient("PKTEST", "a-secret", url_override=market.served.url)
        client.replace_order_by_id(order["id"], ReplaceOrderRequest(limit_price=151))
        time.sleep(0.3)
        began = time.monotonic()
        set_price(market.served, "150.50")
        assert running.end() == 0, running.shown
        assert time.monotonic() - began < SOON
        assert [one["status"] for one in market.orders] == ["filled", "replaced"]


def resume(market: Market) -> Running:
    """Take the only run up again, in a process of its own."""
    command = [sys.executable, "-m", "runner", "resume", str(market.log), "--continue"]
    process = subprocess.Popen(
        command, cwd=market.folder, env=market.environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    running = Running(process)
    running.read()
    market.started.append(running)
    return running


def test_a_resumed_run_listens_too(tmp_path: Path) -> None:
    with a_market(tmp_path) as market:
        running = market.start(plan_of(RESTING, head=RARELY), on=market.served.url)
        eventually(lambda: market.served.listening and market.open_orders, "it listens")
        running.process.kill()
        running.end()
        eventually(lambda: not market.served.streaming, "the connection of the dead is gone")
        resumed = resume(market)
        eventually(lambda: market.served.listening, "it listens again")
        time.sleep(0.3)
        began = time.monotonic()
        set_price(market.served, "149.00")
        assert resumed.end() == 0, resumed.stderr
        assert time.monotonic() - began < SOON


UNKNOWN_AT_FIRST = (
    "faults:\n"
    "  - {fault: alter, method: GET, path: /v2/orders/*, first: 3,"
    " set: {status: under_a_new_regime}}\n"
)


def test_an_unknown_status_is_waited_out_and_warned_of_once(run_plan: RunPlan) -> None:
    ended = run_plan(THERE_AND_BACK, scenario=UNKNOWN_AT_FIRST)
    assert ended.exit_code == 0, ended.stderr
    assert ended.stderr.count("has the status under_a_new_regime") == 1
    assert "which this version does not know: it counts as live" in ended.stderr
    noted = notices(ended)
    assert noted
    assert all("under_a_new_regime" in notice for notice in noted)


def test_a_status_that_stays_unknown_is_never_taken_for_an_end(run_plan: RunPlan) -> None:
    plan = plan_of(
        "  - id: entry\n"
        "    submit_order: {symbol: AAPL, side: buy, qty: 1, type: market}\n"
        "  - await_fill: {order: entry, timeout: 10s}"
    )
    for_ever = UNKNOWN_AT_FIRST.replace(" first: 3,", "")
    ended = run_plan(plan, scenario=for_ever)
    assert ended.exit_code == 8, ended.stderr
    assert ended.data["open_orders"] != []
