"""`confirm`: a person must say yes before the run goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from runner.effects import AskPerson
from runner.language.declare import Action, Form, Output, arg
from runner.language.expressions import EvaluationError, Expression, evaluate
from runner.language.kinds import DURATION, MOMENT, TEXT
from runner.language.runbook import Literal, Nested, OrderReference
from runner.language.values import Plain, written
from runner.machine import Run, Steps, every_step
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
    question = AskPerson(args.question, run.until(args.within), tuple(_coming(run)))
    outcome = yield from run.ask(question)
    if outcome.data.get("approved") is not True:
        raise _not_approved(args, run, str(outcome.data.get("why") or "there was no answer"))
    return {"approved_by": str(outcome.data.get("by", "")), "at": outcome.at}


def _coming(run: Run) -> Iterator[str]:
    """What the steps after this one would send, each in words; what is not known yet as written."""
    for step in run.remaining_steps:
        inner = every_step(step.body) if step.body is not None else ()
        for one in (step, *inner):
            if one.action.sends or one.action.opens:
                told = ", ".join(
                    f"{key} {_in_words(run, argument.content)}"
                    for key, argument in one.arguments.items()
                )
                condition = f" when {one.when.text.strip()}" if one.when is not None else ""
                yield f"{one.id or one.place}: {one.action.name} {{{told}}}{condition}"


def _in_words(run: Run, content: object) -> str:
    match content:
        case Literal(value):
            return written(value)
        case Expression():
            try:
                result = evaluate(content, run.lookup, lambda step_id: step_id in run.ran)
            except EvaluationError:
                return f"={content.text.strip()}"
            return written(result.value.value)
        case OrderReference(step_id, output):
            return step_id if output == "order_id" else f"{step_id}.{output}"
        case Nested(_, arguments):
            told = (f"{key} {_in_words(run, one.content)}" for key, one in arguments.items())
            return f"{{{', '.join(told)}}}"
        case tuple():
            return f"[{', '.join(_in_words(run, one.content) for one in content)}]"
    return "…"


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
        "at": Output(MOMENT, "When, by the run's clock.", market=True),
    },
    confirm,
    bare="question",
    asks=True,
)
