"""A run is never alone: other orders of the account, other hands, and positions that lag behind.

The exchange is served over HTTP and keeps its own time. What others do is sent to it directly; a
real proxy stands between it and the run where a reading must lag.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from acceptance.faulty_broker import (
    ABSENT,
    PASS,
    Answer,
    Fault,
    FaultyBroker,
    faulty,
    with_fields,
    without,
)
from acceptance.harness import invoke, plan_of

from runner.broker.credentials import Credentials
from runner.broker.targets import resolve
from runner.drive.observer import Nobody
from runner.drive.session import Plan, begin
from runner.drive.signals import Signals
from runner.language.check import check
from runner.language.source import Source
from runner.sim import Exchange, Served, VirtualClock, read_scenario, serve
from runner.steps import ACTIONS

KEYS = {"APCA-API-KEY-ID": "PKTEST", "APCA-API-SECRET-KEY": "a-secret"}
MARKET: dict[str, Any] = {
    "tape": {"AAPL": [["0s", "100", "99.99", "100.01"]], "MSFT": [["0s", "50", "49.99", "50.01"]]},
    "rate_limit": "off",
}
BUY = "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 5}}"
FILL = "{id: fill, await_fill: {order: entry, timeout: 10s}}"
CLEAR = "{id: exit, close_position: {symbol: AAPL, scope: account, cancel_conflicting: symbol}}"
STOP = "{id: stop, submit_order: {symbol: AAPL, side: sell, qty: 5, type: stop, stop_price: 90}}"


@dataclass
class Account:
    """The exchange, who else trades there, and the runs of the plan under test."""

    served: Served
    broker: FaultyBroker
    audit: Path

    def ask(self, method: str, path: str, body: object = None) -> Any:
        address = urlsplit(self.served.url).netloc
        with closing(http.client.HTTPConnection(address)) as connection:
            connection.request(method, path, json.dumps(body) if body else None, KEYS)
            response = connection.getresponse()
            said = response.read()
        assert response.status < 300, said
        return json.loads(said) if said else None

    def order(self, symbol: str = "AAPL", **fields: Any) -> str:
        """Somebody else's order; gives its id."""
        kind = {"side": "buy", "qty": "1", "type": "limit", "time_in_force": "gtc", **fields}
        body = {"symbol": symbol, **{name: one for name, one in kind.items() if one is not None}}
        order_id: str = self.ask("POST", "/v2/orders", body)["id"]
        self.settle()
        return order_id

    def settle(self) -> None:
        """Let a second pass at the exchange."""
        self.served.sleep_until(self.served.now() + timedelta(seconds=1))

    def status(self, order_id: str) -> str:
        found: str = self.ask("GET", f"/v2/orders/{order_id}")["status"]
        return found

    def held(self, symbol: str = "AAPL") -> Decimal:
        rows = self.ask("GET", "/v2/positions")
        return sum((Decimal(one["qty"]) for one in rows if one["symbol"] == symbol), Decimal(0))

    def run(self, *lines: str, head: str = "symbols: [AAPL]", tail: str = "") -> Any:
        """Run a plan; gives what `run.finished` says, after the log was verified and replayed."""
        text = plan_of("\n".join(f"  - {line}" for line in lines), head=head, tail=tail)
        checked = check(Source("plan.yaml", text), ACTIONS, {})
        assert checked.runbook is not None, list(checked.findings)
        target, keys = resolve(self.broker.url), Credentials("PKTEST", "a-secret")
        session = begin(Plan(checked.runbook, target, keys, self.audit, behind=self.served))
        result = session.carry_out(Nobody(), Signals())
        assert invoke("audit", "verify", str(session.log)).exit_code == 0
        assert invoke("replay", str(session.log)).exit_code == 0
        return result.data


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An account with the positions that are given."""
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))

    @contextmanager
    def opened(**positions: int) -> Iterator[Account]:
        held = {name: {"qty": str(qty), "avg_entry_price": "90"} for name, qty in positions.items()}
        scenario = read_scenario({**MARKET, "positions": held})
        with (
            serve(Exchange(scenario), VirtualClock(scenario.start)) as served,
            faulty(served.url) as broker,
        ):
            yield Account(served, broker, tmp_path / "audit")

    return opened


def outputs(data: Any, step_id: str) -> Any:
    return next(one["outputs"] for one in data["steps"] if one["id"] == step_id)


# ------------------------------------------------------------------------- cancel_all


@pytest.mark.parametrize(
    ("arguments", "gone", "counted"),
    [
        ("{}", "", (0, 0)),
        ("{scope: run, protective: cancel}", "", (0, 0)),
        ("{scope: symbols}", "entry", (1, 1)),
        ("{scope: symbols, protective: cancel}", "entry exit", (2, 0)),
        ("{scope: account}", "entry elsewhere", (2, 1)),
        ("{scope: account, protective: cancel}", "entry exit elsewhere", (3, 0)),
    ],
)
def test_cancel_all_reaches_as_far_as_it_says(
    account: Any, arguments: str, gone: str, counted: tuple[int, int]
) -> None:
    with account(AAPL=10) as world:
        others = {
            "entry": world.order(limit_price="80"),
            "exit": world.order(side="sell", qty="10", limit_price="120"),
            "elsewhere": world.order("MSFT", limit_price="10"),
        }
        data = world.run(f"{{id: tidy, cancel_all: {arguments}}}")
        assert data["exit_code"] == 0
        assert {one for one, order in others.items() if world.status(order) == "canceled"} == set(
            gone.split()
        )
        tidy = outputs(data, "tidy")
        assert (int(tidy["canceled"]), int(tidy["kept"])) == counted


def test_the_symbols_of_a_runbook_for_any_symbol_are_not_the_whole_account(account: Any) -> None:
    with account() as world:
        other = world.order(limit_price="80")
        data = world.run("cancel_all: {scope: symbols}", head="symbols: any")
        assert data["exit_code"] == 4
        assert "scope: account" in data["error"]["help"]
        assert world.status(other) == "new"


def test_the_clean_up_of_a_failed_run_leaves_others_alone(account: Any) -> None:
    with account() as world:
        other = world.order(limit_price="80")
        rest = "{submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, limit_price: 81}}"
        data = world.run(rest, "assert: 1 > 2", tail="finally:\n  - cancel_all: {}")
        assert data["exit_code"] == 5
        assert data["orders"][0]["status"] == "canceled"
        assert world.status(other) == "new"


# ------------------------------------------------------------------------- close_position


def test_own_orders_that_hold_the_shares_are_cancelled_first(account: Any) -> None:
    """And what another's order holds of another's shares is left where it is."""
    with account(AAPL=3) as world:
        other = world.order(side="sell", qty="3", type="trailing_stop", trail_price="20",
                            limit_price=None)  # fmt: skip
        data = world.run(BUY, FILL, STOP, "{id: exit, close_position: {symbol: AAPL}}",
                         "await_fill: {order: exit, timeout: 5s}")  # fmt: skip
        assert data["exit_code"] == 0
        assert outputs(data, "exit")["qty"] == "5"
        assert [one["status"] for one in data["orders"]] == ["filled", "canceled", "filled"]
        assert (world.status(other), world.held()) == ("new", 3)


def test_a_close_that_is_not_free_fails_and_cancel_conflicting_frees_it(account: Any) -> None:
    with account(AAPL=8) as world:
        other = world.order(side="sell", qty="6", limit_price="120")
        data = world.run("{id: exit, close_position: {symbol: AAPL, scope: account}}")
        assert data["exit_code"] == 5
        assert "only 2 of 8 shares of AAPL are free" in data["error"]["message"]
        assert "cancel_conflicting: symbol" in data["error"]["help"]
        assert (data["orders"], world.status(other), world.held()) == ([], "new", 8)
        data = world.run("{id: exit, close_position: {symbol: AAPL, scope: account, qty: 2}}",
                         "await_fill: {order: exit, timeout: 5s}")  # fmt: skip
        assert (data["exit_code"], world.held()) == (0, 6)
        data = world.run(CLEAR, "await_fill: {order: exit, timeout: 5s}")
        assert (data["exit_code"], world.held()) == (0, 0)
        assert world.status(other) == "canceled"


def test_conflicts_of_other_symbols_are_no_conflicts(account: Any) -> None:
    with account(AAPL=8) as world:
        other = world.order("MSFT", limit_price="10")
        data = world.run(CLEAR)
        assert (data["exit_code"], world.status(other)) == (0, "new")


@pytest.mark.parametrize(
    ("before", "meanwhile", "sold"),
    [
        (0, 3, 2),  # somebody sold three of this run's five: two are left to close
        (7, 3, 5),  # of twelve, nine are left: five of them are this run's
        (7, 9, 3),
        (-9, 0, 0),  # the five only covered a part of a short: selling would enlarge it again
    ],
)
def test_it_closes_no_more_than_there_is_and_never_across_zero(
    account: Any, before: int, meanwhile: int, sold: int
) -> None:
    """Somebody else sells at the market while the plan waits for its limit to be far away."""
    with account(**({"AAPL": before} if before else {})) as world:

        def sell(answer: Answer) -> Answer:
            if meanwhile:
                world.order(side="sell", qty=str(meanwhile), type="market", time_in_force="day")
            return answer

        world.broker.on("GET", "/v2/clock", PASS, Fault(change=sell))
        data = world.run(BUY, FILL, "check_market: {open: true}",
                         "{id: exit, close_position: {symbol: AAPL}}")  # fmt: skip
        assert data["exit_code"] == 0
        assert outputs(data, "exit")["qty"] == str(sold)
        world.settle()
        assert world.held() == before + 5 - meanwhile - sold


def test_what_somebody_else_has_closed_is_not_sold_again_and_not_called_closed(
    account: Any,
) -> None:
    with account() as world:

        def sell(answer: Answer) -> Answer:
            world.order(side="sell", qty="5", type="market", time_in_force="day")
            return answer

        world.broker.on("GET", "/v2/clock", PASS, Fault(change=sell))
        data = world.run(BUY, FILL, "check_market: {open: true}", "close_position: {symbol: AAPL}")
        assert data["exit_code"] == 5
        assert "own fills hold 5 AAPL, but the account shows 0" in data["error"]["message"]
        assert (len(data["orders"]), world.held()) == (1, 0)


# ------------------------------------------------------------------------- positions that lag


def lagging(world: Account, reads: int) -> None:
    """The next readings of the position do not show it yet."""
    world.broker.on("GET", "/v2/positions/AAPL", PASS, *[ABSENT] * reads)


@pytest.mark.parametrize("scope", ["run", "account"])
def test_a_fill_that_the_position_does_not_show_yet_is_closed_all_the_same(
    account: Any, scope: str
) -> None:
    with account() as world:
        lagging(world, 4)
        close = f"{{id: exit, close_position: {{symbol: AAPL, scope: {scope}}}}}"
        data = world.run(BUY, FILL, close, "await_fill: {order: exit, timeout: 5s}")
        assert data["exit_code"] == 0
        assert outputs(data, "exit")["qty"] == "5"
        assert world.held() == 0


def test_a_whole_position_is_closed_with_the_fill_that_it_does_not_show_yet(account: Any) -> None:
    with account(AAPL=7) as world:
        old = with_fields(qty="7", qty_available="7")
        world.broker.on("GET", "/v2/positions/AAPL", PASS, old, old, old)
        data = world.run(BUY, FILL, "{id: exit, close_position: {symbol: AAPL, scope: account}}",
                         "await_fill: {order: exit, timeout: 5s}")  # fmt: skip
        assert data["exit_code"] == 0
        assert outputs(data, "exit")["qty"] == "12"
        assert world.held() == 0


def test_an_exit_sent_right_after_the_fill_is_no_order_that_opens(account: Any) -> None:
    """The limits would refuse it, and the clean-up would leave the position without it."""
    with account() as world:
        lagging(world, 4)
        data = world.run(BUY, FILL, STOP, "assert: 1 > 2",
                         head="symbols: [AAPL]\nlimits: {max_orders: 1, max_order_notional: 600}",
                         tail="finally:\n  - {id: tidy, cancel_all: {}}")  # fmt: skip
        assert data["error"]["cause"] == "refused"
        stop = data["orders"][1]
        world.settle()
        assert world.status(stop["order_id"]) == "new"
        assert data["open_orders"] == [stop["client_order_id"]]
        assert outputs(data, "tidy")["kept"] == "1"
        assert data["positions"] == [{"symbol": "AAPL", "run_qty": "5", "protected_qty": "5"}]


def test_an_exit_waits_for_the_shares_that_a_cancel_frees(account: Any) -> None:
    """A cancelled stop holds its shares a moment longer than its order says."""
    with account() as world:
        held = with_fields(qty_available="0")
        world.broker.on("GET", "/v2/positions/AAPL", PASS, PASS, PASS, held, held, held)
        data = world.run(
            BUY, FILL, STOP, "cancel_order: {order: stop}",
            "{id: exit, submit_order: {symbol: AAPL, side: sell, qty: 5}}",
            "await_fill: {order: exit, timeout: 5s}",
            head="symbols: [AAPL]\nlimits: {max_orders: 1}",
        )  # fmt: skip
        assert data["exit_code"] == 0, data["error"]
        assert world.held() == 0


def test_an_exit_of_this_runs_own_shares_is_never_cleaned_away(account: Any) -> None:
    """The position shows up too late for anybody to see that the stop protects it."""
    with account() as world:
        world.broker.on("GET", "/v2/positions/AAPL", ABSENT, for_ever=True)
        data = world.run(BUY, FILL, STOP, "assert: 1 > 2")
        stop = data["orders"][1]
        world.settle()
        assert world.status(stop["order_id"]) == "new"
        assert data["open_orders"] == [stop["client_order_id"]]
        assert data["positions"] == [{"symbol": "AAPL", "run_qty": "5", "protected_qty": "5"}]


def test_an_exit_is_kept_even_while_positions_are_not_listed(account: Any) -> None:
    with account() as world:
        world.broker.on("GET", "/v2/positions", nothing_held(), for_ever=True)
        stop = STOP.replace("type: stop", "position_intent: sell_to_close, type: stop")
        data = world.run(BUY, FILL, stop, "assert: 1 > 2",
                         tail="finally:\n  - {id: tidy, cancel_all: {}}")  # fmt: skip
        world.settle()
        assert world.status(data["orders"][1]["order_id"]) == "new"
        assert outputs(data, "tidy")["kept"] == "1"


def nothing_held() -> Fault:
    return Fault(change=lambda answer: replace(answer, body=b"[]"))


def test_a_check_of_the_position_waits_for_it(account: Any) -> None:
    with account() as world:
        world.broker.on("GET", "/v2/positions/AAPL", PASS, *[ABSENT] * 5)
        data = world.run(BUY, FILL, "check_position: {symbol: AAPL, qty: 5, within: 8s}")
        assert data["exit_code"] == 0
        world.broker.on("GET", "/v2/positions/AAPL", ABSENT, for_ever=True)
        data = world.run("check_position: {symbol: AAPL, qty: 5, within: 3s}")
        assert data["exit_code"] == 4
        assert "is 0, not 5" in data["error"]["message"]


# ------------------------------------------------------------------------- the configuration


@pytest.mark.parametrize(
    ("fault", "arguments", "words"),
    [
        (with_fields(suspend_trade=True), "", "suspend_trade set"),
        (without("suspend_trade"), "", "did not report the account's suspend_trade"),
        (with_fields(no_shorting=True), "shorting: true", "may not sell short"),
        (without("no_shorting"), "shorting: true", "did not report"),
        (without("no_shorting"), "shorting: false", "did not report"),
    ],
)
def test_what_the_account_is_configured_to_refuse_is_refused_first(
    account: Any, fault: Fault, arguments: str, words: str
) -> None:
    with account() as world:
        world.broker.on("GET", "/v2/account/configurations", fault)
        data = world.run(f"check_account: {{{arguments}}}")
        assert data["exit_code"] == 4
        assert words in data["error"]["message"]


# ------------------------------------------------------------------------- quotes


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        ({"t": "2026-11-23T14:59:00Z"}, "old, more than 10s"),
        ({"bp": 0}, "has no bid"),
        ({"ap": 0}, "has no ask"),
    ],
)
def test_a_quote_that_is_old_or_one_sided_is_refused(
    account: Any, quote: dict[str, Any], words: str
) -> None:
    def changed(answer: Answer) -> Answer:
        body = json.loads(answer.body)
        shown = body["quote"] if "quote" in body else body["quotes"]["AAPL"]
        shown.update(quote)
        return replace(answer, body=json.dumps(body).encode())

    with account() as world:
        world.broker.on("GET", "*quotes/latest", Fault(change=changed), for_ever=True)
        data = world.run("get_quote: {symbol: AAPL, max_age: 10s}")
        assert data["exit_code"] == 4
        assert words in data["error"]["message"]
        guarded = "symbols: [AAPL]\nlimits: {price_collar: 3%}"
        if "bp" in quote or "ap" in quote:
            data = world.run(BUY, head=guarded)
            assert (data["exit_code"], data["orders"]) == (4, [])
