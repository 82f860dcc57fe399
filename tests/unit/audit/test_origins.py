"""A value is followed back only where the log proves it, and its age is by the run's clock."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from unit.audit.order_story import Told

from runner.audit.log import read_log
from runner.audit.origins import Origin, Trail
from runner.audit.why import literals


def gave(told: Told, identity: str, **outputs: Any) -> None:
    told.script.append(("step.finished", {"id": identity, "status": "done", "outputs": outputs}))


def decided(told: Told, directory: Path, name: str, value: Any, about: str = "qty") -> Origin:
    """The origin of one value of a decision that is added at the end."""
    values = [{"name": name, "value": value, "certainty": "read"}]
    data = {"about": about, "expression": name, "verdict": value, "values": values}
    told.script.append(("decision", data))
    trail = Trail(read_log(told.write(directory)).records)
    record, at = trail.decisions["steps[0]"][-1]
    return trail.origin(values[0], record, at)


def test_an_equal_value_of_another_name_is_no_origin(tmp_path: Path) -> None:
    """An account of tier 1 did not say that one share was bought."""
    told = Told()
    told.effect({"effect": "read_account"}, data={"crypto_tier": 1, "equity": "5"})
    gave(told, "fill", qty="1")
    origin = decided(told, tmp_path, "steps.fill.qty", "1")
    (reading,) = origin.sources
    assert (reading.kind, reading.path) == ("reading", "")


def test_a_value_of_the_same_name_that_differs_is_no_origin(tmp_path: Path) -> None:
    told = Told()
    told.effect({"effect": "read_account"}, data={"equity": "5"})
    gave(told, "acct", equity="6")
    assert decided(told, tmp_path, "steps.acct.equity", "6").sources[0].kind == "reading"


def test_one_number_in_two_spellings_is_one_number(tmp_path: Path) -> None:
    told = Told()
    told.effect({"effect": "read_account"}, data={"equity": "5.00"})
    gave(told, "acct", equity="5")
    (answer,) = decided(told, tmp_path, "steps.acct.equity", "5").sources
    assert (answer.kind, answer.path) == ("answer", "data.equity")


def test_an_order_of_somebody_else_is_no_origin(tmp_path: Path) -> None:
    told = Told()
    told.effect({"effect": "read_world", "symbol": "AAPL"}, data={"open_orders": [{"qty": "3"}]})
    gave(told, "entry", qty="3")
    assert decided(told, tmp_path, "steps.entry.qty", "3").sources[0].kind == "reading"


def test_a_quote_is_as_old_as_it_says_itself(tmp_path: Path) -> None:
    told = Told()
    quote = {"quote": {"ap": "100", "t": "2026-11-23T14:29:31.000000000Z"}}
    told.effect({"effect": "read_quote", "symbol": "AAPL"}, data=quote)  # told at 14:30:01
    gave(told, "q", ask="100")
    told.effect({"effect": "read_clock"}, data={})  # told at 14:30:02
    origin = decided(told, tmp_path, "steps.q.ask", "100")
    (answer,) = origin.sources
    assert (answer.age, answer.since_told) == (Decimal(31), Decimal(1))
    assert (origin.age, origin.since_told) == (Decimal(31), Decimal(1))


def test_an_output_comes_from_the_last_time_that_its_step_ran(tmp_path: Path) -> None:
    told = Told()
    for bid in ("1", "2"):
        told.effect({"effect": "read_quote"}, data={"quote": {"bp": bid}})
        gave(told, "q", bid=bid)
    origin = decided(told, tmp_path, "steps.q.bid", "2")
    (answer,) = origin.sources
    assert (origin.record, answer.record) == (7, 6)


def test_what_was_polled_comes_from_the_last_answer(tmp_path: Path) -> None:
    told = Told()
    for bid in ("1", "2"):
        told.effect({"effect": "read_quote"}, data={"quote": {"bp": bid}})
    (answer,) = decided(told, tmp_path, "polled.bid", "2", "until").sources
    assert (answer.record, answer.path) == (5, "data.quote.bp")


def test_what_is_not_in_the_log_is_not_made_up(tmp_path: Path) -> None:
    told = Told()
    assert decided(told, tmp_path / "a", "steps.gone.bid", "1").kind == "absent"
    assert decided(told, tmp_path / "b", "somewhere.else", "1").kind == "untraced"
    assert decided(told, tmp_path / "c", "params.unknown", "1").kind == "untraced"


def test_literals_of_an_expression_are_named_once() -> None:
    found = [one.name for one in literals('a.b * 99.9% > 2 and a.c == "x" or 2 > 1')]
    assert found == ["99.9%", "2", '"x"', "1"]
    assert not list(literals("this is (no expression"))
