"""A condition on estimates is told where being a little wrong changes nothing, else asked."""

from __future__ import annotations

from typing import Any

import pytest
from unit.machine.scripted import QUOTE, Driven, drive, ok, plan

from runner import effects
from runner.effects import Effect, Outcome
from runner.language.values import Certainty

READING = "  - id: quote\n    get_quote: {symbol: AAPL}\n"


def driven(condition: str, certainty: Certainty, verdict: bool = True) -> Driven:
    """A run whose quote (99.99 and 100.01) is as certain as that."""

    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.ReadQuote):
            return ok(QUOTE, certainty=certainty)
        return ok({"verdict": verdict}) if isinstance(effect, effects.Choose) else None

    return drive(plan(f"{READING}  - assert: {condition}"), answer)


def test_a_run_on_what_was_read_is_never_asked() -> None:
    found = driven("steps.quote.ask < 100.5", Certainty.READ)
    assert found.asked(effects.Choose) == []
    assert found.result.status == "completed"
    values: list[Any] = [event.data["values"] for event in found.said("decision")]
    assert {one["certainty"] for rows in values for one in rows} == {"read"}


@pytest.mark.parametrize(
    ("condition", "asked"),
    [
        ("steps.quote.ask < 102", 0),
        ("steps.quote.ask < 101", 1),
        ("steps.quote.ask > 98", 0),
        ("steps.quote.ask > 99.5", 1),
        ("steps.quote.ask < 98", 0),
        ("steps.quote.ask == steps.quote.ask", 0),
        ("steps.quote.ask > steps.quote.bid", 1),
        ("steps.quote.ask > steps.quote.bid * 90%", 0),
        ("1 / (steps.quote.bid - 100.98) < 0", 1),
        ("not (steps.quote.ask < 102)", 0),
        ("steps.quote.feed == 'iex'", 0),
        ("steps.quote.ask < 102 and steps.quote.bid > 99.5", 1),
        ("steps.quote.age < 1m", 0),
    ],
)
def test_an_estimate_may_be_one_percent_wrong_either_way(condition: str, asked: int) -> None:
    found = driven(condition, Certainty.ESTIMATED)
    assert len(found.asked(effects.Choose)) == asked


def test_the_answer_is_followed() -> None:
    assert driven("steps.quote.ask < 100.5", Certainty.ESTIMATED, True).result.exit_code == 0
    assert driven("steps.quote.ask < 100.5", Certainty.ESTIMATED, False).result.exit_code == 4


def test_an_answer_that_says_nothing_is_no_yes() -> None:
    def answer(effect: Effect) -> Outcome | None:
        return ok(QUOTE, certainty=Certainty.ESTIMATED) if effect.name == "read_quote" else None

    found = drive(plan(f"{READING}  - assert: steps.quote.ask < 100.5"), answer)
    assert found.result.exit_code == 4


def test_it_is_asked_about_the_condition_as_it_is_written() -> None:
    found = driven("steps.quote.ask < 100.5", Certainty.ESTIMATED)
    assert found.asked(effects.Choose) == [effects.Choose("assert", "steps.quote.ask < 100.5")]


def test_many_estimates_are_moved_alone_and_all_together() -> None:
    lines = "".join(f"  - id: q{number}\n    get_quote: {{symbol: AAPL}}\n" for number in range(8))
    total = " + ".join(f"steps.q{number}.ask" for number in range(8))

    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.ReadQuote):
            return ok(QUOTE, certainty=Certainty.ESTIMATED)
        return ok({"verdict": True}) if isinstance(effect, effects.Choose) else None

    for most, asked in ((810, 0), (807, 1), (800.5, 1)):
        found = drive(plan(f"{lines}  - assert: {total} < {most}"), answer)
        assert len(found.asked(effects.Choose)) == asked


def test_only_what_depends_on_the_market_is_an_estimate() -> None:
    found = driven("steps.quote.feed == 'iex'", Certainty.ESTIMATED)
    outputs = found.run.outputs["quote"]
    loose = {name for name, one in outputs.items() if one.certainty is Certainty.ESTIMATED}
    assert loose == {"bid", "ask", "mid", "spread", "age"}


def test_a_condition_that_is_waited_for_is_asked_while_it_is_not_so() -> None:
    asked: list[Any] = []

    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.ReadQuote):
            return ok(QUOTE, certainty=Certainty.ESTIMATED)
        if isinstance(effect, effects.Choose):
            asked.append(effect)
            return ok({"verdict": len(asked) == 3})
        return None

    found = drive(
        plan("  - wait: {poll: {get_quote: {symbol: AAPL}}, until: polled.bid > 120}"), answer
    )
    assert found.result.status == "completed"
    assert len(found.asked(effects.Sleep)) == 2
