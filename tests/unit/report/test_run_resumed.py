"""What a resumed run looks like: what its log holds, what was found, and what happens now."""

from __future__ import annotations

import io
from datetime import datetime

import pytest
from unit.report.run_sample import (
    CLIENT_ID,
    LOG,
    LOOKUP,
    ORDER_ID,
    RUN_ID,
    Told,
    about,
    at,
    awaits,
    begin,
    buy,
    lose_the_answer,
    order,
    runbook,
    seen,
    wait_for_fill,
)

from runner.effects import Answer, Command, Effect, Event, Json, Outcome, ReadOrder, Status
from runner.report.run_plain import PlainView
from runner.report.run_progress import Progress
from runner.report.run_resumed import Resumed
from runner.report.run_screen import Size, screen
from runner.report.run_words import About

LATE = "12 minutes have passed since its last record, more than 10"


def taken_up(told: Told, effect: Effect, status: Status = Status.NOT_PERFORMED) -> None:
    """The first outcome of a new process."""
    command = Command("steps[2]", effect)
    told.observer.outcome(command, Outcome(at(100), status, resumed=True))


def settled(told: Told, *problems: str, goes_on: bool = True) -> None:
    told.event(102, "steps[2]", "effect.reconciled",
               orders=[{"client_order_id": CLIENT_ID, "status": "", "filled_qty": ""}],
               problems=list(problems), goes_on=goes_on)  # fmt: skip


def reads(told: Told, status: str, filled: str) -> None:
    read = Answer(Status.OK, order(status, filled))
    told.does(101, 101.5, "steps[2]", ReadOrder(ORDER_ID), read)


def resumed_about(earlier: int = 0) -> About:
    here = about()
    return About(here.runbook, RUN_ID, here.kind, here.base_url, LOG, Resumed(18, earlier))


def shown(
    status: str = "new", filled: str = "0", *problems: str, goes_on: bool = True
) -> list[str]:
    stream = io.StringIO()
    view = PlainView(resumed_about(), stream, color=False)
    view.start()
    told = Told(view)
    for part in (begin, buy, wait_for_fill):
        part(told)
    taken_up(told, awaits(60.5))
    reads(told, status, filled)
    settled(told, *problems, goes_on=goes_on)
    told.answered(110, "steps[2]", awaits(160.5), seen("filled", "1"))
    told.finished(110, "steps[2]", "await_fill", outputs={"status": "filled", "filled_qty": "1"})
    return stream.getvalue().splitlines()


def test_a_resumed_run_begins_with_how_much_its_log_answers() -> None:
    assert shown()[3] == "resumed · 18 recorded effects answered from the log"


def test_what_the_log_holds_is_marked_and_what_happens_now_is_not() -> None:
    marks = [line[0] for line in shown()[5:]]
    assert marks == ["|", "|", "|", "|", " ", " "]


def test_an_order_that_filled_meanwhile_is_said_before_the_steps_go_on() -> None:
    assert (
        " resumed · 1 order read again, since then buy 1 AAPL limit 180.00 day: filled 1 at 179.99;"
        " the steps go on"
    ) in shown("filled", "1")


def test_an_order_that_stands_as_it_stood_is_said_to_be_unchanged() -> None:
    assert " resumed · 1 order read again, unchanged; the steps go on" in shown("accepted")


def test_steps_that_do_not_go_on_say_why_and_loudly() -> None:
    said = shown("new", "0", LATE, goes_on=False)
    assert f"!resumed · 1 order read again, unchanged; the steps do not go on: {LATE}" in said


def test_steps_that_go_on_all_the_same_say_what_speaks_against_it() -> None:
    said = shown("new", "0", LATE)
    assert (
        f"!resumed · 1 order read again, unchanged; the steps go on all the same, although {LATE}"
    ) in said


@pytest.mark.parametrize(
    ("step", "part"),
    [("steps[2]", "the steps go on"), ("finally[0]", "the clean-up goes on"),
     ("", "the safe stop goes on")],
)  # fmt: skip
def test_what_goes_on_is_named(step: str, part: str) -> None:
    progress = Progress(runbook(), Resumed(18))
    data: dict[str, Json] = {"orders": [], "problems": [], "goes_on": True}
    (note,) = progress.event(Event(step, "effect.reconciled", data), at(102))
    assert note.text == f"· no order to read again; {part}"


def test_a_second_resume_counts_the_first_as_the_past() -> None:
    progress = Progress(runbook(), Resumed(20, earlier=1))
    told = Told(_Progressing(progress))
    for part in (begin, buy, wait_for_fill):
        part(told)
    taken_up(told, awaits(60.5))
    settled(told)
    assert progress.past
    assert progress.settled is None
    taken_up(told, LOOKUP)
    assert not progress.past


def test_the_picture_tells_what_was_logged_from_what_runs() -> None:
    progress = Progress(runbook(), Resumed(18))
    told = Told(_Progressing(progress))
    for part in (begin, buy, wait_for_fill):
        part(told)
    taken_up(told, awaits(60.5))
    reads(told, "filled", "1")
    settled(told)
    lines = ["".join(text for text, _ in line) for line in screen(progress, Size(100), at(110), 0)]
    assert lines[0].startswith("resumed · 1 order read again, since then buy 1 AAPL")
    rows = [line for line in lines if "/" in line or line[:1] in "✓⠋"]
    assert [line.endswith("logged") for line in rows[:3]] == [True, True, False]


def test_an_alarm_of_the_log_is_none_of_now() -> None:
    stream = io.StringIO()
    view = PlainView(resumed_about(), stream, color=False)
    lose_the_answer(Told(view))
    assert [line[0] for line in stream.getvalue().splitlines()] == ["|"]


@pytest.mark.parametrize(("count", "words"), [(1, "1 recorded effect"), (0, "0 recorded effects")])
def test_effects_are_counted_in_words(count: int, words: str) -> None:
    here = about()
    heading = About(here.runbook, RUN_ID, "paper", "", LOG, Resumed(count)).heading
    assert f"resumed · {words} answered" in heading


class _Progressing:
    """An observer that only keeps the progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def command(self, command: Command, at: datetime) -> None:
        self._progress.command(command, at)

    def outcome(self, command: Command, outcome: Outcome) -> None:
        self._progress.outcome(command, outcome)

    def event(self, event: Event, at: datetime) -> None:
        self._progress.event(event, at)

    def asks(self, command: Command, at: datetime) -> None: ...
    def polled(self, command: Command, polls: int, at: datetime) -> None: ...
    def notice(self, command: Command, text: str, at: datetime) -> None: ...
    def signal(self, name: str) -> None: ...
