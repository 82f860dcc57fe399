"""A question on the terminal: all that a person must know, and nothing wider than the terminal."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.effects import AskPerson, Command, Event, Json, Notify, Outcome, Status
from runner.language.check import check
from runner.language.runbook import Runbook
from runner.language.source import Source
from runner.machine.own_orders import OwnOrder, Sent
from runner.report.run_plain import PlainView
from runner.report.run_progress import Progress
from runner.report.run_question import PROMPT, question_text
from runner.report.run_screen import Size, screen
from runner.report.run_text import columns
from runner.report.run_words import About
from runner.steps import ACTIONS

AT = datetime(2026, 11, 23, 15, tzinfo=UTC)
UNTIL = AT + timedelta(minutes=5)
LONG = "Buy 10 AAPL at about 189.20, with a stop at 185.00, before the number at half past ten?"


def asking(question: str, live: list[OwnOrder], *coming: str, width: int) -> str:
    return question_text(AskPerson(question, UNTIL, coming), live, AT, width=width)


def own(sent: Sent = Sent.ACCEPTED) -> OwnOrder:
    body = {"symbol": "AAPL", "side": "buy", "qty": "10", "type": "limit", "limit_price": "180.00",
            "time_in_force": "day"}  # fmt: skip
    data = {"id": "1", "client_order_id": "rb-1", "status": "new", "qty": "10", "filled_qty": "0"}
    return OwnOrder("rb-1", "steps[0]", "AAPL", "buy", body, True, AT, sent=sent, data=data)


def test_it_says_the_question_what_is_live_and_how_long_it_stands() -> None:
    text = asking("Go on?", [own()], width=200)
    assert text.splitlines() == [
        "",
        "? Go on?",
        "  Live now, as last read: buy 10 AAPL limit 180.00 day, new, 0 of 10 filled (rb-1).",
        "  Stands for 5m 00s, until 10:05:00 New York. "
        "y and Enter approves, anything else refuses.",
        PROMPT,
    ]


def test_nothing_live_is_said_too_and_an_unknown_order_may_be_live() -> None:
    assert "no open order of this run." in asking("Go on?", [], width=80)
    assert "may be live (rb-1)" in asking("?", [own(Sent.UNKNOWN)], width=80)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = asking(LONG, [own(), own()], width=width).splitlines()
    assert max(map(columns, lines)) <= width


def test_a_question_cannot_command_the_terminal() -> None:
    text = asking("Go\x1b[2J\non?\r", [], width=80)
    assert "\x1b" not in text
    assert "\r" not in text


def test_what_is_about_to_be_sent_is_shown_and_a_long_list_is_cut() -> None:
    steps = [f"steps[{n}]: close_position {{symbol S{n}}}" for n in range(7)]
    lines = asking("Go on?", [], *steps, width=80).splitlines()
    assert lines[2:7] == [f"  To be sent: {one}" for one in steps[:5]]
    assert lines[7] == "  and 2 more: `runbook plan` shows all of them."


# ------------------------------------------------------------------------- in the views


def runbook() -> Runbook:
    head = "runbook: 1\nname: asked\nsymbols: [AAPL]\nsteps:\n"
    text = f"{head}  - confirm: {LONG}\n  - notify: {LONG}"
    checked = check(Source("plan.yaml", text), ACTIONS)
    assert checked.runbook is not None
    return checked.runbook


def drawn(progress: Progress, width: int = 80) -> list[str]:
    return ["".join(text for text, _ in line) for line in screen(progress, Size(width), AT, 0)]


@pytest.mark.parametrize("width", [40, 80])
def test_the_table_keeps_questions_and_messages_whole(width: int) -> None:
    progress = Progress(runbook())
    asks, tells = Command("steps[0]", AskPerson(LONG, UNTIL)), Command("steps[1]", Notify(LONG))
    told: tuple[tuple[Command, dict[str, Json], dict[str, Json]], ...] = (
        (asks, {"approved": True, "by": "ann"}, {"approved_by": "ann"}),
        (tells, {"delivered": False, "why": "exit code 7"}, {"delivered": "false"}),
    )
    for command, data, outputs in told:
        action = "confirm" if command is asks else "notify"
        progress.event(Event(command.step, "step.started", {"action": action, "args": {}}), AT)
        progress.command(command, AT)
        progress.outcome(command, Outcome(AT, Status.OK, data))
        finished: dict[str, Json] = {"action": action, "status": "done", "outputs": outputs}
        progress.event(Event(command.step, "step.finished", finished), AT)
    lines = drawn(progress, width)
    assert max(map(columns, lines)) <= width
    whole = " ".join(" ".join(lines).split())
    assert whole.count(LONG) == 2
    assert f"{LONG} (not delivered: exit code 7)" in whole
    if width == 80:
        assert "approved by ann" in whole


def test_a_question_that_stands_is_not_drawn_twice_and_counts_down() -> None:
    progress = Progress(runbook())
    progress.event(Event("steps[0]", "step.started", {"action": "confirm", "args": {}}), AT)
    progress.command(Command("steps[0]", AskPerson(LONG, UNTIL)), AT)
    whole = " ".join(drawn(progress))
    assert "5m 00s left · for an answer" in whole
    assert "half past ten" not in whole


def test_a_pipe_gets_question_message_and_what_went_wrong_each_on_a_line() -> None:
    out = io.StringIO()
    about = About(runbook(), "run", "sim", "http://127.0.0.1", Path("log"))
    view = PlainView(about, out, color=False)
    asks, tells = Command("steps[0]", AskPerson(LONG, UNTIL)), Command("steps[1]", Notify(LONG))
    view.command(asks, AT)
    view.asks(asks, AT)
    view.outcome(asks, Outcome(AT, Status.OK, {"approved": True}))
    view.command(tells, AT)
    view.outcome(tells, Outcome(AT, Status.OK, {"delivered": False, "why": "exit code 7"}))
    lines = out.getvalue().splitlines()
    assert lines[0].endswith(f"asks     {LONG}")
    assert lines[1].endswith(f"message  {LONG}")
    assert lines[2].startswith("!")
    assert lines[2].endswith("not delivered: exit code 7")
