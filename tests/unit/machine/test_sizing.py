"""What is sized by a position waits for it: how long, and what an interruption leaves undone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace
from unit.machine.scripted import CLOCK, Driven, absent, drive, ok, plan

from runner import effects
from runner.effects import Effect, Json, Outcome

BUY = "  - {id: entry, submit_order: {symbol: AAPL, side: buy, qty: 1}}\n"
TARGET = "  - target_position: {symbol: AAPL, qty: 3}\n"
READ = "  - {id: held, check_position: {symbol: AAPL}}\n"


def position(qty: int, symbol: str = "AAPL") -> dict[str, Json]:
    return {"symbol": symbol, "qty": str(qty), "qty_available": str(qty)}


def shown_at_reading(number: int, qty: int = 1) -> Callable[[Effect], Outcome | None]:
    """The position is there only from a reading on; they come a second apart."""
    readings = 0

    def answer(effect: Effect) -> Outcome | None:
        nonlocal readings
        if not isinstance(effect, effects.ReadPosition):
            return None
        readings += 1
        return ok(position(qty)) if readings >= number else absent()

    return answer


def sizes(driven: Driven) -> list[Json]:
    return [effect.body["qty"] for effect in driven.asked(effects.Submit)]


@pytest.mark.parametrize(("reading", "sent"), [(1, ["1", "2"]), (11, ["1", "2"]), (12, ["1"])])
def test_a_target_waits_ten_seconds_for_the_position_and_no_longer(
    reading: int, sent: list[str]
) -> None:
    driven = drive(plan(BUY + TARGET), shown_at_reading(reading))
    assert sizes(driven) == sent
    assert driven.result.exit_code == (0 if len(sent) == 2 else 5)
    assert len(driven.asked(effects.ReadPosition)) == min(reading, 11)


@pytest.mark.parametrize(
    ("within", "reading", "code"), [("10s", 11, 0), ("10s", 12, 5), ("3s", 4, 0), ("3s", 5, 5)]
)
def test_a_position_is_waited_for_as_long_as_the_step_says(
    within: str, reading: int, code: int
) -> None:
    read = READ.replace("AAPL}", f"AAPL, within: {within}}}")
    driven = drive(plan(BUY + read), shown_at_reading(reading))
    assert driven.result.exit_code == code


def test_a_position_of_a_run_that_sent_nothing_is_read_once() -> None:
    driven = drive(plan(READ), lambda _: None)
    assert driven.result.exit_code == 0
    assert len(driven.asked(effects.ReadPosition)) == 1


def test_the_steps_own_timeout_ends_the_wait_and_nothing_is_sent() -> None:
    target = TARGET.rstrip().replace("- target", "- timeout: 4s\n    target") + "\n"
    driven = drive(plan(BUY + target), shown_at_reading(99))
    assert sizes(driven) == ["1"]
    assert driven.result.exit_code == 6
    assert driven.run.at - driven.run.started_at < timedelta(seconds=9)


def both(effect: Effect) -> Outcome | None:
    """Two positions, until an order for each was sent."""
    if isinstance(effect, effects.ReadPositions):
        return ok({"positions": [position(7), position(-3, "MSFT")]})
    if isinstance(effect, effects.ReadWorld):
        qty = 7 if effect.symbol == "AAPL" else -3
        world: dict[str, Json] = {
            "account": {"status": "ACTIVE"}, "open_orders": [], "clock": CLOCK, "quote": None,
            "asset": None, "position": position(qty, effect.symbol),
        }  # fmt: skip
        return ok(world)
    return None


FLATTEN = plan("  - close_all: {}\n", head="symbols: [AAPL, MSFT]")


def test_everything_is_sent_before_anything_is_awaited() -> None:
    driven = drive(FLATTEN, both)
    kinds = [type(effect).__name__ for effect in driven.effects]
    assert kinds.count("Submit") == 2
    assert "AwaitChange" not in kinds[: kinds.index("Submit")]
    first, second = driven.asked(effects.Submit)
    assert (first.body["side"], first.body["position_intent"]) == ("buy", "buy_to_close")
    assert (second.body["side"], second.opens) == ("sell", False)
    assert driven.result.exit_code == 5, "they are shown as held to the end"
    assert driven.run.failure is not None
    assert "AAPL: the account shows 7; MSFT: the account shows -3" in driven.run.failure.message


def interrupted_at(
    moment: int, answer: Callable[[Effect], Outcome | None]
) -> Callable[[Effect], Outcome | None]:
    """Ctrl-C that arrives with the outcome of one effect."""
    seen = 0

    def press(effect: Effect) -> Outcome | None:
        nonlocal seen
        seen += 1
        outcome = answer(effect)
        if seen != moment + 1:
            return outcome
        return replace(outcome or ok(CLOCK), interrupt="SIGINT")

    return press


@pytest.mark.parametrize(
    ("steps", "world"),
    [(BUY + TARGET, lambda: shown_at_reading(3)), ("  - close_all: {}\n", lambda: both)],
    ids=["target_position", "close_all"],
)
def test_an_interruption_while_it_reads_sends_nothing_more(
    steps: str, world: Callable[[], Callable[[Effect], Outcome | None]]
) -> None:
    runbook = plan(steps, head="symbols: [AAPL, MSFT]")
    reads = (effects.ReadPosition, effects.ReadPositions, effects.ReadClock)
    whole = drive(runbook, world()).effects
    last = max(at for at, effect in enumerate(whole) if isinstance(effect, effects.Submit))
    moments = [at for at, effect in enumerate(whole[:last]) if isinstance(effect, reads)]
    assert len(moments) >= 2
    for moment in moments:
        driven = drive(runbook, interrupted_at(moment, world()))
        assert driven.result.exit_code == 130
        later = driven.effects[moment + 1 :]
        assert not any(isinstance(effect, effects.Submit) for effect in later)
