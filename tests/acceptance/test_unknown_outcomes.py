"""Faults between us and the broker: each intended order exists at most once, and is accounted for.

Every run goes through a real HTTP proxy that loses, cuts, delays and falsifies answers. Time is the
exchange's own, so that half a minute of waiting for certainty costs nothing.
"""

from __future__ import annotations

import http.client
import io
import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from acceptance.faulty_broker import (
    ABSENT,
    ARRIVES_THEN_429,
    ARRIVES_THEN_500,
    ARRIVES_THEN_504,
    CUT_CONNECTION,
    CUT_JSON,
    DOUBLED,
    EMPTY,
    HUNG,
    LOST,
    LOST_AND_HUNG,
    LOST_WITH_500,
    LOST_WITH_504,
    ODD_STATUS,
    PASS,
    PORTAL,
    SWALLOWED,
    TOO_MANY,
    TOO_MANY_UNTIL,
    Fault,
    FaultyBroker,
    faulty,
    late,
    with_fields,
    without,
)
from acceptance.harness import invoke, plan_of

from runner.audit.log import read_log
from runner.broker.credentials import Credentials
from runner.broker.targets import resolve
from runner.broker.wire import Timeouts
from runner.drive.session import Plan, begin
from runner.drive.signals import Signals
from runner.language.check import check
from runner.language.source import Source
from runner.machine import Result
from runner.report.run_views import view_of
from runner.sim import (
    Exchange,
    Scenario,
    Served,
    VirtualClock,
    default_scenario,
    read_scenario,
    serve,
)
from runner.steps import ACTIONS

BUY = "  - id: entry\n    submit_order: {symbol: AAPL, side: buy, qty: 1}"
REST = (
    "  - id: entry\n"
    "    submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, limit_price: 150.00}"
)
ROUND_TRIP = f"""\
{BUY}
  - await_fill: {{order: entry, timeout: 60s}}
  - id: exit
    close_position: {{symbol: AAPL}}
  - await_fill: {{order: exit, timeout: 60s}}
  - check_position: {{symbol: AAPL, qty: 0}}"""
GIVE_UP = f"{REST}\n  - await_fill: {{order: entry, timeout: 30s, on_timeout: cancel}}"
FLATTEN = "finally:\n  - {id: out, close_position: {symbol: AAPL}}\n  - await_fill: {order: out}"
CLEAN_UP = "finally:\n  - cancel_all: {scope: run}"
ORDER = "/v2/orders/*"
LOOKUP = "/v2/orders:by_client_order_id"
SEARCHED = 52
"""Lookups in the two minutes before an order is given up, each tried four times."""


@dataclass
class Outcome:
    """What a run came to, and what the exchange behind the faults holds."""

    result: Result
    shown: str
    log: Path
    orders: list[dict[str, Any]]
    position: Decimal

    @property
    def last_line(self) -> str:
        return self.shown.rstrip().splitlines()[-1]

    @property
    def live(self) -> list[dict[str, Any]]:
        gone = ("filled", "canceled", "expired", "rejected", "replaced")
        return [one for one in self.orders if one["status"] not in gone]


@dataclass
class World:
    """An exchange behind a proxy, and the way to run a plan against it."""

    served: Served
    broker: FaultyBroker
    audit: Path
    signals: Signals = field(default_factory=Signals)

    def interrupt(self) -> None:
        """Ctrl-C, at the moment at which this is called."""
        self.signals.raise_flag("SIGINT")

    def run(
        self, steps: str, tail: str = "", head: str = "symbols: [AAPL]", *, all_faults: bool = True
    ) -> Outcome:
        """Run a plan and check what must hold; `all_faults`: whether each must have happened."""
        text = plan_of(steps, head=head, tail=tail)
        checked = check(Source("plan.yaml", text), ACTIONS, {})
        assert checked.runbook is not None, list(checked.findings)
        plan = Plan(
            checked.runbook,
            resolve(self.broker.url),
            Credentials("PKTEST", "a-secret"),
            self.audit,
            Timeouts(connect=2, read=0.25, total=1),
            behind=self.served,
        )
        session = begin(plan)
        stream = io.StringIO()
        with view_of(
            stream, plan.runbook, session.run_id, plan.target, session.log, color=False
        ) as view:
            result = session.carry_out(view, self.signals)
            view.conclude(result)
        assert view.errors == []
        ended = Outcome(
            result,
            stream.getvalue(),
            session.log,
            self.ask("GET", "/v2/orders?status=all&limit=500"),
            sum((Decimal(one["qty"]) for one in self.ask("GET", "/v2/positions")), Decimal(0)),
        )
        unused = self.broker.unused() if all_faults else []
        assert unused == [], "a fault that was scripted did not happen"
        self.check(ended)
        return ended

    def ask(self, method: str, path: str, body: str | None = None) -> Any:
        """What the exchange itself says, past the proxy."""
        keys = {"APCA-API-KEY-ID": "PKTEST", "APCA-API-SECRET-KEY": "a-secret"}
        with closing(http.client.HTTPConnection(urlsplit(self.served.url).netloc)) as connection:
            connection.request(method, path, body, keys)
            response = connection.getresponse()
            said = json.loads(response.read())
        assert response.status == 200, said
        return said

    def check(self, ended: Outcome) -> None:
        """What holds whatever went wrong: nothing twice, nothing lost, a log that is believed."""
        data: Any = ended.result.data
        held = Counter(one["client_order_id"] for one in ended.orders)
        steps = Counter((one["side"], one["qty"]) for one in ended.orders
                        if one["status"] not in ("canceled", "replaced", "rejected"))  # fmt: skip
        assert all(count == 1 for count in held.values())
        assert all(count == 1 for count in steps.values()), "an intended order exists twice"
        assert ended.position in (0, 1)
        listed = {one["client_order_id"] for one in data["orders"]}
        listed |= {earlier for one in data["orders"] for earlier in one["replaces"]}
        ours = {one for one in held if one.startswith("rb-")}
        assert ours <= listed, "an order at the exchange is not in the result"
        live = {one["client_order_id"] for one in ended.live}
        assert live <= set(data["open_orders"]), "a live order is not called open"
        for order_id in data["open_orders"]:
            assert order_id in ended.last_line
        if not data["open_orders"]:
            known = sum((Decimal(one["run_qty"]) for one in data["positions"]), Decimal(0))
            assert known == ended.position
        assert ended.result.exit_code != 1
        assert invoke("audit", "verify", str(ended.log)).exit_code == 0
        replayed = invoke("replay", str(ended.log), "--json")
        assert replayed.exit_code == 0, replayed.stdout
        finished = any(one.type == "run.finished" for one in read_log(ended.log).records)
        assert finished == (ended.result.status != "unknown")


@contextmanager
def a_world(folder: Path, scenario: Scenario) -> Iterator[World]:
    """An exchange with its own time, behind a proxy that has no faults yet."""
    with (
        serve(Exchange(scenario), VirtualClock(scenario.start)) as served,
        faulty(served.url) as broker,
    ):
        yield World(served, broker, folder / "audit")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    with a_world(tmp_path, default_scenario()) as made:
        yield made


NO_CLEAR_ANSWER = {
    "lost on the way": LOST,
    "arrived, answer lost": SWALLOWED,
    "arrived, 504": ARRIVES_THEN_504,
    "lost, 504": LOST_WITH_504,
    "arrived, 500 in HTML": ARRIVES_THEN_500,
    "lost, 500 in HTML": LOST_WITH_500,
    "429": TOO_MANY,
    "429 that says when": TOO_MANY_UNTIL,
    "arrived, 429": ARRIVES_THEN_429,
    "arrived twice": DOUBLED,
    "arrived, JSON cut short": CUT_JSON,
    "arrived, connection cut": CUT_CONNECTION,
    "arrived, empty answer": EMPTY,
    "arrived, HTML with 200": PORTAL,
    "arrived, unknown status": ODD_STATUS,
    "arrived, no id": without("id"),
    "arrived, no client order id": without("client_order_id"),
    "arrived, another's client order id": with_fields(client_order_id="another"),
    "arrived, no status": without("status"),
    "arrived, no filled_qty": without("filled_qty"),
    "arrived, no qty": without("qty"),
    "arrived, answer too late": HUNG,
    "lost, no answer in time": LOST_AND_HUNG,
    "arrives while it is looked for": late(3),
    "arrives after its absence was proven": late(14),
    "arrives after it was sent again": late(22),
}
each_fault = pytest.mark.parametrize(
    "fault", [pytest.param(fault, id=name) for name, fault in NO_CLEAR_ANSWER.items()]
)


@each_fault
def test_an_entry_without_a_clear_answer_exists_once_and_the_run_goes_on(
    world: World, fault: Fault
) -> None:
    world.broker.on("POST", "/v2/orders", fault)
    ended = world.run(ROUND_TRIP, CLEAN_UP)
    assert ended.result.exit_code == 0
    assert ended.position == 0


@each_fault
def test_an_exit_without_a_clear_answer_never_sells_twice(world: World, fault: Fault) -> None:
    world.broker.on("POST", "/v2/orders", PASS, fault)
    ended = world.run(ROUND_TRIP, CLEAN_UP)
    assert ended.result.exit_code == 0
    assert ended.position == 0


@each_fault
def test_a_resting_order_without_a_clear_answer_is_followed_and_cancelled(
    world: World, fault: Fault
) -> None:
    world.broker.on("POST", "/v2/orders", fault)
    ended = world.run(GIVE_UP, CLEAN_UP)
    assert ended.result.exit_code == 6
    assert ended.live == []
    assert [one["status"] for one in ended.orders] == ["canceled"]


# --------------------------------------------------------------------------- the lookup


@pytest.mark.parametrize("lookups", [1, 3, 6])
def test_a_lookup_that_lags_acceptance_finds_the_order_in_the_end(
    world: World, lookups: int
) -> None:
    world.broker.on("POST", "/v2/orders", SWALLOWED)
    world.broker.on("GET", LOOKUP, *[ABSENT] * lookups)
    ended = world.run(GIVE_UP)
    assert ended.result.exit_code == 6
    assert len(world.broker.orders_sent()) == 1


def test_a_resting_order_that_lookups_deny_is_found_among_the_open_ones(world: World) -> None:
    world.broker.on("POST", "/v2/orders", SWALLOWED)
    world.broker.on("GET", LOOKUP, ABSENT, for_ever=True)
    ended = world.run(GIVE_UP)
    assert ended.result.exit_code == 6
    assert len(world.broker.orders_sent()) == 1
    assert [one["status"] for one in ended.orders] == ["canceled"]


def test_a_filled_order_that_lookups_deny_is_found_by_its_fill(world: World) -> None:
    world.broker.on("POST", "/v2/orders", SWALLOWED)
    world.broker.on("GET", LOOKUP, ABSENT, for_ever=True)
    ended = world.run(ROUND_TRIP, CLEAN_UP)
    assert ended.result.exit_code == 0
    assert len(world.broker.orders_sent()) == 2


@pytest.mark.parametrize("fault", [LOST_WITH_500, EMPTY, PORTAL, CUT_JSON, LOST])
def test_an_order_that_cannot_be_looked_up_ends_the_run_with_8_and_its_id(
    world: World, fault: Fault
) -> None:
    world.broker.on("POST", "/v2/orders", SWALLOWED)
    world.broker.on("GET", LOOKUP, fault, for_ever=True)
    ended = world.run(ROUND_TRIP, CLEAN_UP)
    assert ended.result.exit_code == 8
    assert "UNKNOWN" in ended.last_line
    assert len(world.broker.orders_sent()) == 1
    last = read_log(ended.log).records[-1]
    assert (last.type, last.data["effect"]["effect"]) == ("effect.intent", "suspend")


def test_the_runs_timeout_does_not_cut_the_search_for_an_order_short(world: World) -> None:
    world.broker.on("POST", "/v2/orders", SWALLOWED)
    world.broker.on("GET", LOOKUP, LOST_WITH_500, for_ever=True)
    ended = world.run(BUY, head="symbols: [AAPL]\ntimeout: 20s")
    assert ended.result.exit_code == 8
    assert world.broker.asked.count(("GET", LOOKUP)) < 150


def test_an_order_found_after_all_is_cancelled_and_nothing_is_called_unknown(
    world: World,
) -> None:
    world.broker.on("POST", "/v2/orders", SWALLOWED)
    world.broker.on("GET", LOOKUP, *[LOST_WITH_500] * SEARCHED)
    ended = world.run(GIVE_UP)
    assert ended.result.exit_code == 5
    assert ended.result.data["open_orders"] == []
    assert [one["status"] for one in ended.orders] == ["canceled"]


# ------------------------------------------------------------------------------ cancelling

CANCEL_FAULTS = {
    name: fault
    for name, fault in NO_CLEAR_ANSWER.items()
    if (fault.change is None or fault is DOUBLED) and not fault.late
}
each_cancel_fault = pytest.mark.parametrize(
    "fault", [pytest.param(fault, id=name) for name, fault in CANCEL_FAULTS.items()]
)


@each_cancel_fault
def test_a_cancel_without_a_clear_answer_is_asked_for_until_it_is_certain(
    world: World, fault: Fault
) -> None:
    world.broker.on("DELETE", ORDER, fault)
    ended = world.run(GIVE_UP)
    assert ended.result.exit_code == 6
    assert [one["status"] for one in ended.orders] == ["canceled"]
    assert ended.result.data["open_orders"] == []


@each_cancel_fault
def test_a_safe_stop_does_not_give_up_after_one_lost_cancel(world: World, fault: Fault) -> None:
    world.broker.on("DELETE", ORDER, fault)
    ended = world.run(f"{REST}\n  - assert: 1 == 2")
    assert ended.result.exit_code == 5
    assert [one["status"] for one in ended.orders] == ["canceled"]


@pytest.mark.parametrize("fault", [LOST, LOST_WITH_500, LOST_WITH_504, TOO_MANY])
def test_an_order_that_cannot_be_cancelled_ends_the_run_with_8_and_is_named(
    world: World, fault: Fault
) -> None:
    world.broker.on("DELETE", ORDER, fault, for_ever=True)
    ended = world.run(GIVE_UP, CLEAN_UP)
    assert ended.result.exit_code == 8
    assert len(ended.live) == 1
    assert ended.live[0]["client_order_id"] in ended.last_line
    assert world.broker.asked.count(("DELETE", "/v2/orders/" + ended.live[0]["id"])) < 60


def test_a_cancel_that_succeeds_late_leaves_nothing_unknown(world: World) -> None:
    world.broker.on("DELETE", ORDER, *[LOST] * 20)
    ended = world.run(GIVE_UP, CLEAN_UP)
    assert ended.result.exit_code == 5
    assert ended.live == []
    assert "Nothing of this run is live" in ended.last_line


def test_a_fill_that_wins_against_the_cancel_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    falls = read_scenario({"tape": {"AAPL": [["0s", "190"], ["33s", "140"]]}})
    with a_world(tmp_path, falls) as world:
        world.broker.on("DELETE", ORDER, LOST)
        ended = world.run(GIVE_UP, FLATTEN)
    assert [one["status"] for one in ended.orders] == ["filled", "filled"]
    assert ended.position == 0
    assert ended.live == []


def replace_by_hand(world: World) -> None:
    """What a person does in the broker's app while the run goes on."""
    (own,) = world.ask("GET", "/v2/orders?status=open")
    world.ask("PATCH", f"/v2/orders/{own['id']}", '{"limit_price": "151.00"}')


@pytest.mark.parametrize("unread", [0, 8])
def test_an_order_that_was_replaced_by_hand_is_cancelled_as_its_successor(
    world: World, unread: int
) -> None:
    world.broker.on("DELETE", ORDER, replace(PASS, before=lambda: replace_by_hand(world)))
    world.broker.on("GET", ORDER, PASS, *[LOST_WITH_500] * unread)
    ended = world.run(f"{REST}\n  - wait: {{for: 5s}}\n  - assert: 1 == 2")
    assert sorted(one["status"] for one in ended.orders) == ["canceled", "replaced"]
    assert ended.result.exit_code == 5
    assert ended.result.data["open_orders"] == []


# ------------------------------------------------------------------------------ changing

CHANGE = f"{REST}\n  - replace_order: {{order: entry, limit_price: 151.00}}"
CHANGE_AND_GIVE_UP = f"{CHANGE}\n{GIVE_UP.splitlines()[-1]}"


@each_fault
def test_a_change_without_a_clear_answer_is_made_once_and_followed(
    world: World, fault: Fault
) -> None:
    world.broker.on("PATCH", ORDER, fault)
    ended = world.run(CHANGE_AND_GIVE_UP, CLEAN_UP, all_faults=fault.late < 14)
    assert ended.result.exit_code == 6
    assert sorted(one["status"] for one in ended.orders) == ["canceled", "replaced"]
    assert {one["limit_price"] for one in ended.orders} == {"150", "151"}
    assert len({one.body["client_order_id"] for one in world.broker.reached
                if one.method == "PATCH"}) == 1  # fmt: skip


@each_fault
def test_a_stop_while_a_change_has_no_clear_answer_leaves_nothing_live(
    world: World, fault: Fault
) -> None:
    world.broker.on("PATCH", ORDER, replace(fault, before=world.interrupt))
    ended = world.run(CHANGE_AND_GIVE_UP, CLEAN_UP, all_faults=fault.late < 14)
    assert ended.result.exit_code == 130
    assert ended.live == []
    assert ended.result.data["open_orders"] == []


@pytest.mark.parametrize("seed", range(8))
def test_no_mixture_of_faults_doubles_or_loses_a_change(world: World, seed: int) -> None:
    dice = random.Random(1000 + seed)
    share = dice.choice([0.1, 0.3, 0.6])
    writes, anywhere = [*NO_CLEAR_ANSWER.values()], [*READ_FAULTS.values()]

    def draw(kinds: list[Fault], count: int) -> list[Fault]:
        drawn = [dice.choice(kinds) if dice.random() < share else PASS for _ in range(count)]
        return [replace(one, before=world.interrupt) if dice.random() < 0.02 else one
                for one in drawn if not one.held]  # fmt: skip

    world.broker.on("PATCH", "*", *draw(writes, 6))
    world.broker.on("DELETE", "*", *draw(anywhere, 20))
    world.broker.on("GET", "*", *draw(anywhere, 60))
    world.run(CHANGE_AND_GIVE_UP, dice.choice([CLEAN_UP, ""]), all_faults=False)


# ------------------------------------------------------------------- stopped in the middle


@each_fault
def test_a_stop_while_an_order_has_no_clear_answer_waits_until_it_is_settled(
    world: World, fault: Fault
) -> None:
    world.broker.on("POST", "/v2/orders", replace(fault, before=world.interrupt))
    ended = world.run(GIVE_UP, CLEAN_UP)
    assert ended.result.exit_code == 130
    assert ended.live == []


def test_a_stop_while_an_order_cannot_be_found_still_ends_with_8_and_its_id(world: World) -> None:
    world.broker.on("POST", "/v2/orders", SWALLOWED)
    world.broker.on("GET", LOOKUP, LOST_WITH_500, replace(LOST_WITH_500, before=world.interrupt),
                    LOST_WITH_500, for_ever=True)  # fmt: skip
    ended = world.run(GIVE_UP, CLEAN_UP)
    assert ended.result.exit_code == 8
    assert "may be live" in ended.last_line
    assert read_log(ended.log).records[-1].data["effect"]["effect"] == "suspend"


def test_a_stop_in_the_last_look_for_an_order_still_suspends_the_run(world: World) -> None:
    world.broker.on("POST", "/v2/orders", SWALLOWED)
    world.broker.on("GET", LOOKUP, *[LOST_WITH_500] * (SEARCHED + 3),
                    replace(LOST_WITH_500, before=world.interrupt))  # fmt: skip
    ended = world.run(GIVE_UP)
    assert ended.result.exit_code == 8
    assert read_log(ended.log).records[-1].data["effect"]["effect"] == "suspend"


@each_cancel_fault
def test_a_stop_while_a_cancel_has_no_clear_answer_still_confirms_it(
    world: World, fault: Fault
) -> None:
    world.broker.on("DELETE", ORDER, replace(fault, before=world.interrupt))
    ended = world.run(GIVE_UP)
    assert ended.live == []
    assert ended.result.exit_code == 130


# ----------------------------------------------------------------------------------- reads

READS = {
    "account": "/v2/account",
    "positions": "/v2/positions",
    "position": "/v2/positions/AAPL",
    "open orders": "/v2/orders",
    "one order": ORDER,
    "asset": "/v2/assets/AAPL",
    "clock": "/v2/clock",
    "quote": "/v2/stocks/AAPL/quotes/latest",
}
READ_FAULTS = {
    "lost": LOST,
    "answer lost": SWALLOWED,
    "500 in HTML": LOST_WITH_500,
    "504": LOST_WITH_504,
    "429": TOO_MANY,
    "429 that says when": TOO_MANY_UNTIL,
    "JSON cut short": CUT_JSON,
    "connection cut": CUT_CONNECTION,
    "empty": EMPTY,
    "HTML with 200": PORTAL,
    "too late": HUNG,
}
each_read_fault = pytest.mark.parametrize(
    "fault", [pytest.param(one, id=name) for name, one in READ_FAULTS.items()]
)


@pytest.mark.parametrize("path", [pytest.param(path, id=name) for name, path in READS.items()])
@pytest.mark.parametrize("fault", [SWALLOWED, LOST_WITH_500, TOO_MANY_UNTIL, CUT_JSON])
def test_a_read_that_fails_once_changes_nothing(world: World, path: str, fault: Fault) -> None:
    world.broker.on("GET", path, fault)
    ended = world.run(ROUND_TRIP, CLEAN_UP)
    assert ended.result.exit_code == 0
    assert ended.position == 0


@each_read_fault
def test_an_awaited_order_that_is_hard_to_read_is_still_awaited(world: World, fault: Fault) -> None:
    world.broker.on("GET", ORDER, PASS, *[fault] * 6)
    ended = world.run(ROUND_TRIP, CLEAN_UP)
    assert ended.result.exit_code == 0
    assert ended.position == 0


@each_read_fault
def test_a_broker_that_cannot_be_read_is_7_with_nothing_sent(world: World, fault: Fault) -> None:
    world.broker.on("GET", "/v2/account", fault, for_ever=True)
    ended = world.run(ROUND_TRIP, CLEAN_UP)
    assert ended.result.exit_code == 7
    assert world.broker.orders_sent() == []
    assert "no order was sent" in ended.last_line


@pytest.mark.parametrize("path", ["/v2/account", "/v2/positions", "/v2/orders"])
def test_a_broker_that_goes_dark_before_the_order_is_7_with_nothing_sent(
    world: World, path: str
) -> None:
    spared = [PASS] if path == "/v2/account" else []
    world.broker.on("GET", path, *spared, LOST_WITH_500, for_ever=True)
    ended = world.run(ROUND_TRIP, CLEAN_UP)
    assert ended.result.exit_code == 7
    assert world.broker.orders_sent() == []


def test_a_broker_that_does_not_say_the_time_gets_no_opening_order(world: World) -> None:
    """An order that only closes needs no clock, so its absence is left to the guards."""
    world.broker.on("GET", "/v2/clock", LOST_WITH_500, for_ever=True)
    ended = world.run(ROUND_TRIP, CLEAN_UP)
    assert ended.result.exit_code == 4
    assert world.broker.orders_sent() == []


@pytest.mark.parametrize("fault", [LOST, LOST_WITH_500, CUT_JSON, TOO_MANY])
def test_a_broker_that_goes_dark_after_the_order_leaves_it_named(
    world: World, fault: Fault
) -> None:
    def go_dark() -> None:
        for path in (ORDER, "/v2/positions"):
            world.broker.on("GET", path, fault, for_ever=True)

    world.broker.on("POST", "/v2/orders", replace(PASS, before=go_dark))
    world.broker.on("DELETE", ORDER, LOST, for_ever=True)
    ended = world.run(GIVE_UP, CLEAN_UP)
    assert ended.result.exit_code == 8
    assert len(ended.live) == 1


# ------------------------------------------------------------------- what is not as expected


def test_an_order_status_that_nobody_knows_is_not_taken_for_an_end(world: World) -> None:
    world.broker.on("GET", ORDER, ODD_STATUS, for_ever=True)
    ended = world.run(GIVE_UP)
    assert ended.result.exit_code == 8
    assert ended.result.data["open_orders"] != []


@pytest.mark.parametrize("name", ["status", "filled_qty", "id"])
def test_an_order_read_without_a_field_that_matters_never_counts_as_done(
    world: World, name: str
) -> None:
    world.broker.on("GET", ORDER, without(name), without(name), without(name))
    ended = world.run(ROUND_TRIP, CLEAN_UP)
    assert ended.result.exit_code == 0
    assert ended.position == 0


def test_an_order_that_never_shows_its_status_is_not_called_done(world: World) -> None:
    world.broker.on("GET", ORDER, without("status"), for_ever=True)
    world.broker.on("POST", "/v2/orders", without("status"))
    ended = world.run(ROUND_TRIP, CLEAN_UP)
    assert ended.result.exit_code != 0


@pytest.mark.parametrize("accepted", [PASS, without("filled_qty")], ids=["with", "without"])
def test_an_order_that_is_filled_without_a_number_is_filled_whole(
    world: World, accepted: Fault
) -> None:
    world.broker.on("GET", ORDER, without("filled_qty"), for_ever=True)
    world.broker.on("POST", "/v2/orders", accepted, accepted)
    ended = world.run(ROUND_TRIP, CLEAN_UP)
    assert ended.position == 0
    assert ended.result.data["open_orders"] == []


def test_a_cancelled_order_that_does_not_say_how_much_was_filled_is_unknown(world: World) -> None:
    world.broker.on("GET", ORDER, without("filled_qty"), for_ever=True)
    ended = world.run(GIVE_UP, CLEAN_UP)
    assert ended.result.exit_code == 8


# ---------------------------------------------------------------------------- any of it at once


@pytest.mark.parametrize("seed", range(24))
def test_no_mixture_of_faults_doubles_or_loses_an_order(world: World, seed: int) -> None:
    dice = random.Random(seed)
    share = dice.choice([0.1, 0.3, 0.6])
    faults = [*NO_CLEAR_ANSWER.values()]
    anywhere = [*READ_FAULTS.values()]

    def draw(kinds: list[Fault], count: int) -> list[Fault]:
        drawn = [dice.choice(kinds) if dice.random() < share else PASS for _ in range(count)]
        return [replace(one, before=world.interrupt) if dice.random() < 0.02 else one
                for one in drawn if not one.held]  # fmt: skip

    world.broker.on("POST", "*", *draw(faults, 6))
    world.broker.on("DELETE", "*", *draw(anywhere, 20))
    world.broker.on("GET", "*", *draw(anywhere, 60))
    plan, tail = dice.choice([(ROUND_TRIP, CLEAN_UP), (ROUND_TRIP, ""), (GIVE_UP, CLEAN_UP)])
    world.run(plan, tail, all_faults=False)
