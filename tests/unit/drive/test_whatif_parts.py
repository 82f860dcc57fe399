"""What a log holds, what was told so far, and two courses of a run side by side."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.audit.journal import Journal
from runner.audit.log import Log, read_log
from runner.audit.visits import Visit, Visits, visits_of
from runner.drive.differences import StepPair, Verdict, side_by_side
from runner.drive.held import Held, NotHeld
from runner.drive.looking import ProjectedTime
from runner.drive.overlay import Overlay
from runner.drive.replaying import Unreplayable, fresh_run
from runner.drive.supposed import Renewed
from runner.drive.supposing import kept_values
from runner.drive.told import Told
from runner.effects import (
    AwaitChange,
    Effect,
    ReadOpenOrders,
    ReadOrder,
    ReadPositions,
    ReadQuote,
    ReadWorld,
    Submit,
    canonical,
    instant,
)

BEGAN = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
TEXT = (
    "runbook: 1\nname: a-plan\nsymbols: [AAPL]\nparams: {qty: {type: quantity, default: 1}}\n"
    + ("steps:\n  - submit_order: {symbol: AAPL, side: buy, qty: =params.qty}\n")
)
ORDER: Mapping[str, Any] = {
    "id": "o-1", "client_order_id": "c-1", "symbol": "AAPL", "side": "buy", "qty": "2",
    "status": "new", "filled_qty": "0", "type": "limit",
}  # fmt: skip
FILLED = {**ORDER, "status": "filled", "filled_qty": "2", "filled_avg_price": "270.01"}


def ask(told: Told, effect: Effect) -> Any:
    """The data of what was last told."""
    return told.ask(effect).data


def at(seconds: int) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def a_log(
    folder: Path,
    *effects: tuple[str, Effect, Any],
    abi: int = 2,
    qty: str = "1",
    text: str = TEXT,
) -> Log:
    """A log of effects, each at a step and answered `ok` with data a second after the other.

    One with None is an open intent.
    """
    from hashlib import sha256  # noqa: PLC0415

    journal = Journal.create(folder, "20261123T150000Z-abcdefghijklmnop", wall=lambda: 10**18)
    header = {
        "runbook": {
            "name": "a-plan",
            "file": "a-plan.yaml",
            "text": text,
            "sha256": sha256(text.encode()).hexdigest(),
        },
        "params": {"qty": qty},
        "limits": {},
        "policy": {"file": "", "sha256": "", "rules": {}},
        "target": {"kind": "sim", "base_url": "http://127.0.0.1:1"},
        "engine": {"abi": abi, "version": "0", "alpaca_py": "0", "python": "3"},
        "started_at": instant(BEGAN),
    }
    journal.append("run.started", header, durable=True)
    for n, (step, effect, data) in enumerate(effects, start=1):
        form = canonical(effect)
        journal.append("effect.intent", {"n": n, "effect": form, "digest": "0" * 64}, step=step)
        if data is not None:
            told = {"n": n, "at": instant(at(n)), "status": "ok", "data": data}
            journal.append("effect.outcome", told, step=step)
    journal.close()
    return read_log(journal.path)


# ------------------------------------------------------------------------ what the log holds


def test_a_reading_is_found_by_step_and_effect_and_given_out_once_in_turn(tmp_path: Path) -> None:
    quote = ReadQuote("AAPL")
    log = a_log(tmp_path, ("steps[0]", quote, {"bid": "1"}), ("steps[0]", quote, {"bid": "2"}))
    held = Held(log.records)
    told = [held.take("steps[0]", quote) for _ in range(3)]
    assert [one.told.data["bid"] for one in told if one and one.told] == ["1", "2"]
    assert told[2] is None
    assert held.at_its_end


def test_a_reading_of_another_step_or_symbol_is_not_given_out(tmp_path: Path) -> None:
    held = Held(a_log(tmp_path, ("steps[0]", ReadQuote("AAPL"), {"bid": "1"})).records)
    assert held.take("steps[1]", ReadQuote("AAPL")) is None
    assert held.take("steps[0]", ReadQuote("MSFT")) is None


def test_a_wait_is_found_whatever_its_end_but_not_for_another_state(tmp_path: Path) -> None:
    wait = AwaitChange(("o-1",), {"o-1": "new"}, at(60))
    held = Held(a_log(tmp_path, ("steps[0]", wait, {"orders": {}, "polls": 1})).records)
    other = AwaitChange(("o-1",), {"o-1": "filled"}, at(30))
    assert held.take_wait("steps[0]", other) is None
    assert held.take_wait("steps[1]", wait) is None
    assert held.take_wait("steps[0]", AwaitChange(("o-1",), {"o-1": "new"}, at(30))) is not None
    assert held.take("steps[0]", wait) is None


@pytest.mark.parametrize(
    "effect",
    [
        ReadQuote("AAPL"),
        ReadOpenOrders(("AAPL",)),
        AwaitChange(("o-1",), {"o-1": "new"}, at(60)),
        Submit("c-1", {"qty": "2", "take_profit": {"limit_price": "1"}}, opens=False),
    ],
)
def test_an_effect_is_made_again_from_its_canonical_form(tmp_path: Path, effect: Effect) -> None:
    (entry,) = Held(a_log(tmp_path, ("steps[0]", effect, {})).records).entries
    assert entry.effect == effect


def test_an_intent_that_was_never_answered_is_held_without_an_answer(tmp_path: Path) -> None:
    held = Held(a_log(tmp_path, ("steps[0]", ReadQuote("AAPL"), None)).records)
    entry = held.take("steps[0]", ReadQuote("AAPL"))
    assert entry is not None
    assert entry.told is None


# ------------------------------------------------------------------------ what was told so far


def world(positions: list[Any], orders: list[Any]) -> dict[str, Any]:
    return {
        "account": {"id": "a", "cash": "1000"},
        "position": None,
        "positions": positions,
        "open_orders": orders,
        "quote": {"symbol": "AAPL", "quote": {"bp": "1", "ap": "2"}},
        "asset": None,
        "clock": {"is_open": True},
    }


def test_what_was_never_read_is_named() -> None:
    told = Told()
    for effect, words in (
        (ReadPositions(), "the positions"),
        (ReadQuote("MSFT"), "the quote of MSFT"),
        (ReadOrder("o-9"), "order o-9"),
    ):
        with pytest.raises(NotHeld, match=f"the log does not hold {words}"):
            told.ask(effect)


def test_fills_that_were_told_after_the_positions_are_in_the_positions() -> None:
    told = Told()
    told.learn(ReadWorld("AAPL"), world([], []), at(0))
    told.learn(Submit("c-1", {}), dict(ORDER), at(1))
    assert [one["id"] for one in ask(told, ReadOpenOrders())["orders"]] == ["o-1"]
    wait = AwaitChange(("o-1",), {}, at(9))
    told.learn(wait, {"orders": {"o-1": FILLED}, "polls": 1}, at(2))
    (position,) = ask(told, ReadPositions())["positions"]
    assert (position["symbol"], position["qty"], position["side"]) == ("AAPL", "2", "long")
    assert ask(told, ReadOpenOrders())["orders"] == []
    told.learn(wait, {"orders": {"o-1": FILLED}, "polls": 1}, at(3))
    assert ask(told, ReadPositions())["positions"][0]["qty"] == "2"


def test_a_sale_that_was_told_closes_the_position() -> None:
    told = Told()
    told.learn(ReadWorld("AAPL"), world([{"symbol": "AAPL", "qty": "2"}], []), at(0))
    told.learn(ReadOrder("o-1"), {**FILLED, "side": "sell"}, at(1))
    assert ask(told, ReadPositions())["positions"] == []


def test_once_frozen_only_the_market_goes_on() -> None:
    told = Told()
    told.learn(ReadWorld("AAPL"), world([], []), at(0))
    told.frozen = True
    later = world([{"symbol": "AAPL", "qty": "9"}], [dict(ORDER)])
    later["quote"] = {"symbol": "AAPL", "quote": {"bp": "5", "ap": "6"}}
    told.learn(ReadWorld("AAPL"), later, at(5))
    assert ask(told, ReadPositions())["positions"] == []
    assert ask(told, ReadQuote("AAPL"))["quote"]["ap"] == "6"


def test_a_quote_is_as_old_when_it_is_told_later_as_it_was_when_it_was_read() -> None:
    told, time = Told(), ProjectedTime(at(0), at(0))
    quote = {"symbol": "AAPL", "quote": {"bp": "1", "ap": "2", "t": instant(at(3))}}
    told.learn(ReadQuote("AAPL"), quote, at(5))
    looking = Renewed(told, Overlay(told, at(0)), time)
    assert looking.read(ReadQuote("AAPL")).data == quote
    time.now = at(65)
    data: Any = looking.read(ReadQuote("AAPL")).data
    assert data["quote"]["t"] == instant(at(63))


# ------------------------------------------------------------------------ side by side


def visit(path: str, *bodies: Mapping[str, Any], status: str = "done", **said: Any) -> Visit:
    """A visit that sends orders, after decisions and guards."""
    visits = Visits(BEGAN)
    for decision in said.get("decisions", ()):
        visits.say("decision", path, decision)
    visits.say("step.started", path, {"action": "submit_order", "args": {}})
    for guard in said.get("guards", ()):
        visits.say("guard", path, guard)
    for number, body in enumerate(bodies):
        form = canonical(Submit(f"c-{id(body)}", dict(body)))
        order = {"at": instant(at(1)), "status": "ok", "data": {"id": f"o-{number}"}}
        visits.tell(visits.ask(path, form), order)
    visits.say("step.finished", path, {"action": "submit_order", "status": status})
    return visits.all[0]


def pair(was: Visit, now: Visit) -> StepPair:
    (found,) = side_by_side([was], [now], ends=False)
    return found


def test_a_client_order_id_is_no_difference_and_a_quantity_is() -> None:
    one = visit("steps[0]", {"qty": "1", "client_order_id": "a"})
    assert pair(one, visit("steps[0]", {"qty": "1", "client_order_id": "b"})).verdict == "same"
    assert pair(one, visit("steps[0]", {"qty": "2"})).verdict == "differs"


def test_a_second_order_is_new_and_one_that_is_missing_is_gone() -> None:
    one, two = visit("steps[0]", {"qty": "1"}), visit("steps[0]", {"qty": "1"}, {"qty": "3"})
    assert [order.verdict for order in pair(one, two).orders] == ["same", "new"]
    assert [order.verdict for order in pair(two, one).orders] == ["same", "gone"]


def test_a_decision_differs_by_its_verdict_and_not_by_its_values() -> None:
    def decided(verdict: str, value: str) -> Visit:
        values = [{"name": "x", "value": value, "certainty": "read"}]
        data = {"about": "when", "expression": "x > 1", "verdict": verdict, "values": values}
        return visit("steps[0]", decisions=[data])

    assert pair(decided("true", "2"), decided("true", "3")).verdict is Verdict.SAME
    assert pair(decided("true", "2"), decided("false", "1")).verdict is Verdict.DIFFERS


def test_a_guard_that_refuses_differs_and_those_after_it_are_not_listed() -> None:
    passed = [{"guard": name, "verdict": "pass", "message": ""} for name in ("a", "b", "c")]
    refused = [passed[0], {"guard": "b", "verdict": "refuse", "message": "too much"}]
    found = pair(
        visit("steps[0]", guards=passed), visit("steps[0]", guards=refused, status="refused")
    )
    assert [one.shown["guard"] for one in found.guards] == ["b"]
    assert found.verdict is Verdict.DIFFERS


def test_steps_of_one_side_stand_where_they_would() -> None:
    was = [visit(f"steps[{number}]") for number in range(3)]
    now = [was[0], was[2], visit("finally[0]")]
    found = side_by_side(was, now, ends=False)
    assert [(one.visit.path, one.verdict.value) for one in found] == [
        ("steps[0]", "same"), ("steps[1]", "gone"), ("steps[2]", "same"), ("finally[0]", "new"),
    ]  # fmt: skip


def test_what_comes_after_the_end_of_the_comparison_is_not_gone() -> None:
    was = [visit(f"steps[{number}]") for number in range(4)]
    visits = Visits(BEGAN)
    visits.ask("steps[2]", {"effect": "read_quote"})  # never answered: it ends here
    found = side_by_side(was, [was[0], visits.all[0]], ends=True)
    assert [(one.visit.path, one.verdict.value) for one in found] == [
        ("steps[0]", "same"), ("steps[1]", "gone"), ("steps[2]", "same"),
    ]  # fmt: skip
    assert found[-1].ends


# ------------------------------------------------------------------------ the log


def test_visits_keep_what_each_step_asked_and_how_long_it_took(tmp_path: Path) -> None:
    quote = ReadQuote("AAPL")
    log = a_log(tmp_path, ("", quote, {}), ("steps[0]", quote, {}), ("steps[0]", quote, {}))
    begin, step = visits_of(log.records)
    assert (begin.path, step.path, len(step.effects)) == ("", "steps[0]", 2)
    assert step.took == timedelta(seconds=2)


def test_a_log_of_an_old_engine_is_refused_by_its_version(tmp_path: Path) -> None:
    with pytest.raises(Unreplayable, match="ABI 1; this is 2"):
        fresh_run(a_log(tmp_path, abi=1))


@pytest.mark.parametrize(("qty", "kept"), [("1", []), ("5", ["qty"])])
def test_a_value_that_was_the_texts_default_is_not_taken_along(
    tmp_path: Path, qty: str, kept: list[str]
) -> None:
    assert list(kept_values(a_log(tmp_path, qty=qty))) == kept
