"""`assert`: a condition of the plan's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.language.declare import Action, Form, arg
from runner.language.expressions import Expression
from runner.language.kinds import BOOLEAN, TEXT
from runner.language.values import Plain
from runner.machine import Run, Steps
from runner.machine.decisions import holds, spelled_out
from runner.machine.failures import refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Assert:
    that: Expression = arg(
        BOOLEAN,
        "The expression that must be true.",
        required=True,
        form=Form.CONDITION,
        example="steps.fill.filled_qty == params.qty",
    )
    message: str | None = arg(
        TEXT, "What to say when it is not; `${…}` writes values out.", form=Form.TEMPLATE
    )


def assert_(args: Assert, run: Run) -> Steps[Mapping[str, Plain]]:
    if not (yield from holds(run, args.that, "assert")):
        reason = f"'{args.that.text.strip()}' is not true: {spelled_out(run, args.that)}"
        raise refused(f"{args.message} ({reason})" if args.message else reason)
    return {}


ACTION = Action(
    "assert",
    "An expression must be true, or the run is refused.",
    Assert,
    {},
    assert_,
    bare="that",
)
