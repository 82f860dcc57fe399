"""Sessions of the market, and waiting for a time, an event or a condition."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from acceptance.harness import RunPlan, plan_of
from unit.machine.scripted import drive
from unit.machine.scripted import plan as scripted_plan

from runner.effects import Effect, Outcome, ReadAccount, Sleep, Status

AT_100 = "tape: {AAPL: [[0s, 100]]}"


def steps(*lines: str, head: str = "symbols: [AAPL]") -> str:
    return plan_of("\n".join(f"  - {line}" for line in lines), head=head)


# ------------------------------------------------------------------------- check_market


@pytest.mark.parametrize(
    ("start", "session"),
    [
        ("2026-11-23 03:59", "overnight"),
        ("2026-11-23 04:00", "premarket"),
        ("2026-11-23 09:29:59", "premarket"),
        ("2026-11-23 09:30", "regular"),
        ("2026-11-23 15:59:59", "regular"),
        ("2026-11-23 16:00", "afterhours"),
        ("2026-11-23 19:59:59", "afterhours"),
        ("2026-11-23 20:00", "overnight"),
        ("2026-11-20 20:00", "closed"),  # Friday night
        ("2026-11-21 12:00", "closed"),  # Saturday
        ("2026-11-22 19:59", "closed"),  # Sunday
        ("2026-11-22 20:00", "overnight"),  # Sunday night, before Monday's session
        ("2026-11-25 21:00", "closed"),  # the night before Thanksgiving
        ("2026-11-26 11:00", "closed"),  # Thanksgiving
        ("2026-11-26 21:00", "overnight"),  # before the short day after it
        ("2026-11-27 12:59:59", "regular"),
        ("2026-11-27 13:00", "afterhours"),
        ("2026-11-27 16:59:59", "afterhours"),
        ("2026-11-27 17:00", "closed"),
        ("2026-06-22 09:30", "regular"),  # daylight saving time
    ],
)
def test_every_session_has_its_name(run_plan: RunPlan, start: str, session: str) -> None:
    wrong = "closed" if session != "closed" else "regular"
    text = steps(
        f"{{id: market, check_market: {{session: {session}, open: "
        f"{'true' if session == 'regular' else 'false'}}}}}",
        f"check_market: {{session: {wrong}}}",
    )
    ended = run_plan(text, scenario=f"start: {start}")
    assert ended.exit_code == 4
    assert ended.outputs("market")["session"] == session
    assert ended.outputs("market")["is_open"] == str(session == "regular").lower()
    assert f"the session is {session}, not {wrong}" in ended.data["error"]["message"]


@pytest.mark.parametrize(
    ("start", "least", "passes"),
    [
        ("2026-11-23 15:29", "30m", True),
        ("2026-11-23 15:31", "30m", False),
        ("2026-11-27 12:29", "30m", True),  # closes at 13:00
        ("2026-11-27 12:31", "30m", False),
        ("2026-11-23 09:00", "30m", False),  # not open yet: there is no close to be far from
        ("2026-11-21 12:00", "30m", False),
    ],
)
def test_the_time_left_counts_to_the_close_of_that_day(
    run_plan: RunPlan, start: str, least: str, passes: bool
) -> None:
    step = steps(f"check_market: {{min_time_to_close: {least}}}")
    assert run_plan(step, scenario=f"start: {start}").exit_code == (0 if passes else 4)


@pytest.mark.parametrize(("wanted", "code"), [("true", 4), ("false", 0)])
def test_a_closed_market_is_not_open(run_plan: RunPlan, wanted: str, code: int) -> None:
    ended = run_plan(steps(f"check_market: {{open: {wanted}}}"), scenario="start: 2026-11-21 12:00")
    assert ended.exit_code == code


# ------------------------------------------------------------------------- wait, for and until


@pytest.mark.parametrize(
    ("start", "until", "arrives"),
    [
        ("2026-11-23 10:00", "15:50", "2026-11-23 15:50"),
        ("2026-11-23 10:00", "close-10m", "2026-11-23 15:50"),
        ("2026-11-23 10:00", "close", "2026-11-23 16:00"),
        ("2026-11-23 10:00", "close+5m", "2026-11-23 16:05"),
        ("2026-11-23 16:02", "close+5m", "2026-11-23 16:05"),
        ("2026-11-23 09:00", "open", "2026-11-23 09:30"),
        ("2026-11-23 09:00", "open-5m", "2026-11-23 09:25"),
        ("2026-11-23 09:45", "open+30m", "2026-11-23 10:00"),
        ("2026-11-23 16:30", "open", "2026-11-24 09:30"),
        ("2026-11-23 16:30", "close-10m", "2026-11-24 15:50"),
        ("2026-11-23 01:00", "premarket", "2026-11-23 04:00"),
        ("2026-11-20 21:00", "open", "2026-11-23 09:30"),  # over the weekend
        ("2026-11-25 17:00", "close", "2026-11-27 13:00"),  # over Thanksgiving, to an early close
    ],
)
def test_a_wait_ends_at_its_moment(run_plan: RunPlan, start: str, until: str, arrives: str) -> None:
    ended = run_plan(steps(f"wait: {{until: {until}}}"), scenario=f"start: {start}")
    assert ended.exit_code == 0
    slept = [one.data["at"] for one in ended.records if one.type == "effect.outcome"][-1]
    woke = datetime.fromisoformat(slept).astimezone(ZoneInfo("America/New_York"))
    assert f"{woke:%Y-%m-%d %H:%M}" == arrives


@pytest.mark.parametrize(
    ("until", "said"),
    [("9:30", "09:30"), ("open", "open"), ("open+20m", "open+1200s"), ("premarket", "premarket")],
)
def test_a_moment_that_has_passed_is_refused_unless_now_will_do(
    run_plan: RunPlan, until: str, said: str
) -> None:
    ended = run_plan(steps(f"wait: {{until: {until}}}"))
    assert ended.exit_code == 4
    assert f"{said} has passed" in ended.data["error"]["message"]
    ended = run_plan(steps(f"{{id: now, wait: {{until: {until}, if_past: now}}}}"))
    assert ended.exit_code == 0
    assert float(ended.outputs("now")["waited"].rstrip("s")) < 1


def test_waiting_for_a_while_takes_that_while(run_plan: RunPlan) -> None:
    ended = run_plan(steps("{id: rest, wait: {for: 1h30m}}", "{id: zero, wait: {for: 0s}}"))
    assert ended.exit_code == 0
    assert ended.outputs("rest")["waited"] == "5400s"
    assert ended.outputs("zero")["waited"] == "0s"


@pytest.mark.parametrize(("late", "goes_on"), [(120, True), (121, False)])
def test_waking_too_late_fails(late: int, goes_on: bool) -> None:
    """A machine that slept through the moment must not trade on as if it were now."""

    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, Sleep):
            return Outcome(effect.until + timedelta(seconds=late), Status.OK)
        return None

    driven = drive(scripted_plan("  - wait: {for: 10s}\n  - check_account: {}"), answer)
    assert driven.result.exit_code == (0 if goes_on else 5)
    assert bool(driven.asked(ReadAccount)) == goes_on


# ------------------------------------------------------------------------- wait, polling


POLL = "{{id: seen, wait: {{poll: {{get_quote: {{symbol: AAPL}}}}, until: {until}{more}}}}}"


def test_a_polled_condition_ends_the_wait_as_soon_as_it_holds(run_plan: RunPlan) -> None:
    text = steps(POLL.format(until="polled.bid <= 98", more=", every: 2s, give_up_after: 5m"))
    ended = run_plan(text, scenario="tape: {AAPL: [[0s, 100], [60s, 97]]}")
    assert ended.exit_code == 0
    assert 60 <= float(ended.outputs("seen")["waited"].rstrip("s")) < 63


def test_a_polled_condition_that_never_holds_times_out(run_plan: RunPlan) -> None:
    text = steps(POLL.format(until="polled.bid > 200", more=", give_up_after: 20s"))
    ended = run_plan(text, scenario=AT_100)
    assert (ended.exit_code, ended.data["status"]) == (6, "timed_out")
    assert "did not become true within 20s" in ended.data["error"]["message"]


def test_a_polled_condition_without_an_end_gives_up_at_the_close(run_plan: RunPlan) -> None:
    """Nothing waits for ever, and nothing fills a disk while it does."""
    text = steps(POLL.format(until="polled.bid > 200", more=", every: 5m"))
    ended = run_plan(text, scenario=f"start: 2026-11-23 15:30\n{AT_100}")
    assert ended.exit_code == 6
    assert "did not become true before the session ended" in ended.data["error"]["message"]


def test_a_reading_that_is_refused_ends_the_polling(run_plan: RunPlan) -> None:
    text = steps(
        "wait: {poll: {check_account: {min_cash: 1000000}}, until: polled.cash > 0,"
        " give_up_after: 20s}"
    )
    ended = run_plan(text)
    assert ended.exit_code == 4
    assert "cash is 100000" in ended.data["error"]["message"]


def test_what_is_polled_may_be_an_order_or_a_position(run_plan: RunPlan) -> None:
    text = steps(
        "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 2, type: limit,"
        " limit_price: 99}}",
        "wait: {poll: {check_order: {order: entry}}, until: polled.status == 'filled',"
        " give_up_after: 1m}",
        "wait: {poll: {check_position: {symbol: AAPL}}, until: polled.qty == 2,"
        " give_up_after: 10s}",
    )
    ended = run_plan(text, scenario="tape: {AAPL: [[0s, 100], [30s, 98]]}")
    assert ended.exit_code == 0
