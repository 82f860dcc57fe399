"""The live view's picture at 80 and 40 columns, and how it moves through a long runbook."""

from __future__ import annotations

from datetime import datetime

import pytest
from unit.report.run_sample import (
    CLIENT_ID,
    PLAN,
    SUBMIT,
    Told,
    about,
    at,
    begin,
    buy,
    lose_the_answer,
    runbook,
    wait_for_fill,
    whole_run,
)

from runner.effects import Command, Event, Outcome
from runner.report.run_progress import Progress
from runner.report.run_rows import Note
from runner.report.run_screen import Line, Size, screen
from runner.report.run_text import columns


class Watching:
    """An observer that only keeps the progress and its loud notes."""

    def __init__(self, text: str = PLAN) -> None:
        self.progress = Progress(runbook(text))
        self.loud: list[Note] = []

    def command(self, command: Command, at: datetime) -> None:
        self._keep(self.progress.command(command, at))

    def outcome(self, command: Command, outcome: Outcome) -> None:
        self._keep(self.progress.outcome(command, outcome))

    def event(self, event: Event, at: datetime) -> None:
        self._keep(self.progress.event(event, at))

    def polled(self, command: Command, polls: int, at: datetime) -> None:
        self.progress.polled(at)

    def signal(self, name: str) -> None:
        self.progress.stopping = name

    def asks(self, command: Command, at: datetime) -> None: ...
    def notice(self, command: Command, text: str, at: datetime) -> None: ...

    def _keep(self, notes: list[Note]) -> None:
        self.loud += [note for note in notes if note.loud]

    def picture(self, width: int, height: int | None = None, now: float | None = None) -> list[str]:
        moment = at(now) if now is not None else self.progress.at
        return text_of(screen(self.progress, Size(width, height), moment, 0, self.loud))


def text_of(lines: list[Line]) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def watching(*parts: object, text: str = PLAN) -> Watching:
    seen = Watching(text)
    for part in parts:
        part(Told(seen))  # type: ignore[operator]
    return seen


def test_a_wait_at_80_columns() -> None:
    assert watching(begin, buy, wait_for_fill).picture(80, now=18.5) == [
        "✓ 1 check_account         equity 100,000.5 · buying power 400,000           0.3s",
        "✓ 2 Buy below the market  buy 1 AAPL limit 180.00 day · new, 0 of 1 fil…    0.2s",
        "⠋ 3 await_fill entry      42s left · new, 0 of 1 filled                      18s",
        "· 4 assert",
        "· 6 finally: cancel_all",
        "",
    ]


def test_a_wait_at_40_columns() -> None:
    assert watching(begin, buy, wait_for_fill).picture(40, now=18.5) == [
        "✓ 1 check_account                   0.3s",
        "✓ 2 Buy below the market            0.2s",
        "⠋ 3 await_fill entry                 18s",
        "    42s left · new, 0 of 1 filled",
        "· 4 assert",
        "· 6 finally: cancel_all",
        "",
    ]


def test_the_finished_table_shows_what_became_of_the_order() -> None:
    seen = watching(whole_run)
    seen.progress.finish()
    assert f"buy 1 AAPL limit 180.00 day · filled 1 at 179.99 · {CLIENT_ID}" in seen.picture(160)[1]
    assert seen.picture(80)[2:] == [
        "✓ 3 await_fill entry      1 of 1 filled at 179.99                            12s",
        "✓ 4 assert                steps.fill.filled_qty == 1",
        "✓ 6 finally: cancel_all   0 cancelled · 0 kept · 0 already done",
    ]


def test_what_went_wrong_is_written_out_whole() -> None:
    words = "the broker refused buy 1 AAPL: insufficient buying power (buying_power 0.00, cost 180)"

    def fail(told: Told) -> None:
        told.started(1, "steps[1]", "submit_order")
        told.finished(1.2, "steps[1]", "submit_order", "failed", error={"message": words})

    seen = watching(begin, fail)
    for width in (80, 40):
        picture = seen.picture(width)
        assert picture[1].startswith("! 2 Buy below the market")
        assert words in " ".join(line.strip() for line in picture)


def test_steps_for_failures_are_shown_once_they_happen() -> None:
    def fail(told: Told) -> None:
        told.started(1, "on_failure[0]", "cancel_order")

    assert not any("on_failure" in line for line in watching(begin).picture(80))
    assert any("on_failure: cancel_order" in line for line in watching(begin, fail).picture(80))


def test_a_lost_answer_stays_in_sight() -> None:
    picture = watching(begin, lose_the_answer).picture(80)
    assert (
        "! no clear answer to buy 1 AAPL limit 180.00 day: no answer within 20s. It may" in picture
    )
    assert "⠋ 2 Buy below the market  looking up" in " ".join(picture)


def test_a_signal_stays_in_sight_at_any_width() -> None:
    seen = watching(begin)
    seen.signal("SIGINT")
    for width in (80, 40):
        said = " ".join(seen.picture(width))
        assert "SIGINT: stopping safely: no further step begins; finishing cleanup." in said
        assert "Press Ctrl-C again to leave at once." in said


def test_time_that_jumps_is_no_problem() -> None:
    seen = watching(begin, buy, wait_for_fill)
    assert "0s left" in " ".join(seen.picture(80, now=9_999))
    assert "1m 00s left" in " ".join(seen.picture(80, now=0.5))


@pytest.mark.parametrize("width", [20, 27, 40, 59, 60, 61, 80, 200])
@pytest.mark.parametrize("height", [4, 8, None])
def test_no_line_is_wider_than_the_screen_and_no_picture_higher(
    width: int, height: int | None
) -> None:
    name = "Kaufe 株式 " * 9
    text = PLAN.replace("name: Buy below the market", f"name: {name}")
    for seen in (watching(begin, lose_the_answer, text=text), watching(whole_run, text=text)):
        seen.loud.clear()
        picture = seen.picture(width, height)
        assert all(columns(line) <= width for line in picture)
        assert height is None or len(picture) <= height


def test_a_long_runbook_scrolls_with_the_running_step() -> None:
    steps = "".join(f"  - name: Look {number}\n    check_account:\n" for number in range(1, 101))
    seen = watching(text=f"runbook: 1\nname: long\nsymbols: [AAPL]\nsteps:\n{steps}")
    Told(seen).started(0, "steps[0]", "check_account")
    assert seen.picture(40, 8)[:1] == ["⠋   1 Look 1"]
    assert seen.picture(40, 8)[-2:] == ["  … 94 more", ""]
    for number in range(100):
        Told(seen).started(number, f"steps[{number}]", "check_account")
        picture = seen.picture(40, 8)
        assert any(f"Look {number + 1}" in line for line in picture)
        assert len(picture) <= 8
        Told(seen).finished(number, f"steps[{number}]", "check_account", outputs={})
    assert picture[0] == "  … 94 above"
    assert len(seen.picture(40)) == 101


def test_nested_steps_stand_below_their_parent() -> None:
    def loop(told: Told) -> None:
        for turn in (0, 1):
            path = f"steps[1].for_each[{turn}].steps[0]"
            told.started(turn, path, "check_account")
            told.finished(turn, path, "check_account", outputs={"equity": "5000"})

    picture = watching(loop).picture(80)
    assert [line[:42].rstrip() for line in picture[1:4]] == [
        "· 2 Buy below the market",
        "✓ 2   for_each[0] check_account  equity 5,",
        "✓ 2   for_each[1] check_account  equity 5,",
    ]


def test_without_unicode_the_marks_are_plain() -> None:
    seen = watching(begin, buy, wait_for_fill)
    picture = text_of(screen(seen.progress, Size(80, None, True), at(1), 1))
    assert [line[0] for line in picture[:4]] == ["+", "+", "/", "."]


def test_a_step_that_was_left_is_not_shown_as_done() -> None:
    seen = watching(begin)
    Told(seen).started(1, "steps[1]", "submit_order")
    Told(seen).asked(1, "steps[1]", SUBMIT)
    seen.progress.finish()
    picture = seen.picture(80)
    assert picture[1].startswith("! 2 Buy below the market  left")
    assert picture[2] == "    left while sending buy 1 AAPL limit 180.00 day"
    assert about().where("steps[1]") == "plan.yaml:8:5"
