"""`confirm`: a person must say yes before the run goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from runner.effects import AskPerson
from runner.language.declare import Action, Form, Output, arg
from runner.language.kinds import DURATION, MOMENT, TEXT
from runner.language.values import Plain
from runner.machine import Run, Steps
from runner.machine.failures import Cause, Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    question: str = arg(
        TEXT,
        "What the person reads; `${…}` writes values out.",
        required=True,
        form=Form.TEMPLATE,
        example="Buy ${params.qty} AAPL?",
    )
    within: timedelta = arg(
        DURATION, "How long the question stands; after that it is not approved.", default="5m",
        above="0s", most="24h",
    )  # fmt: skip


def confirm(args: Confirm, run: Run) -> Steps[Mapping[str, Plain]]:
    # Asked again after a resume it expires at the same moment: what it is about has aged.
    outcome = yield from run.ask(AskPerson(args.question, run.until(args.within)))
    if outcome.data.get("approved") is not True:
        raise _not_approved(args, run, str(outcome.data.get("why") or "there was no answer"))
    return {"approved_by": str(outcome.data.get("by", "")), "at": outcome.at}


def _not_approved(args: Confirm, run: Run, why: str) -> Failure:
    """The failure; where a signal or the run's timeout ended the wait, it is that one, because
    after it only `finally` runs. The step's own timeout only makes the question expire earlier."""
    try:
        run.raise_what_is_due()
    except Failure as due:
        if due.stops_the_run:
            return due
    return Failure(
        Cause.NOT_APPROVED,
        f"not approved: {why} ({args.question})",
        help="Run it again on a terminal and answer y in time; --yes approves without asking.",
    )


ACTION = Action(
    "confirm",
    "Asks the person at the terminal; only `y` or `yes` approves. Another answer, no answer in "
    "time, or no terminal to ask on ends the run with exit 11, or with 5 once an order of it was "
    "accepted. `run --yes` approves without asking. It cannot stand in `finally`. See "
    "`docs/people.md`.",
    Confirm,
    {
        "approved_by": Output(TEXT, "The user who approved, or `--yes`."),
        "at": Output(MOMENT, "When, by the run's clock."),
    },
    confirm,
    bare="question",
    asks=True,
)
