"""`notify`: tell people something. A message that does not arrive stops nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.effects import Notify as Tell
from runner.language.declare import Action, Form, Output, arg
from runner.language.kinds import BOOLEAN, TEXT
from runner.language.values import Plain
from runner.machine import Run, Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    message: str = arg(
        TEXT,
        "What to say; `${…}` writes values out.",
        required=True,
        form=Form.TEMPLATE,
        example="Bought ${steps.fill.filled_qty} AAPL",
    )


def notify(args: Notify, run: Run) -> Steps[Mapping[str, Plain]]:
    outcome = yield from run.ask(Tell(args.message))
    return {"delivered": outcome.data.get("delivered") is True}


ACTION = Action(
    "notify",
    "Shows a message on the terminal and hands it to the command in `RUNBOOK_NOTIFY`, if there is "
    "one. A message that does not arrive never fails the step: the log and the screen say why. "
    "See `docs/people.md`.",
    Notify,
    {"delivered": Output(BOOLEAN, "Whether it arrived everywhere.")},
    notify,
    bare="message",
)
