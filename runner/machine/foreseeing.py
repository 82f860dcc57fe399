"""What the steps to come will ask of the account's buying power, as far as it is known now.

Each action says that of itself (`Action.foresee`). A step with a condition may not run at all, so
nothing is reckoned for it. What comes after a step that may free buying power is left out: that
much is not needed at once.
"""

from __future__ import annotations

from runner.guards import Draft, Foreseen
from runner.language.runbook import Step
from runner.machine.arguments import known_value
from runner.machine.run import Run


def foreseen(run: Run) -> tuple[tuple[Draft, ...], int]:
    """The orders that later steps of the running block will open, and the count of those steps
    that may open what cannot be told yet."""
    orders: list[Draft] = []
    untold = 0
    for step in run.remaining_steps:
        told = _of(run, step)
        if told.frees:
            break
        if told.untold or (told.orders and step.when is not None):
            untold += 1
        else:
            orders += told.orders
    return tuple(orders), untold


def _of(run: Run, step: Step) -> Foreseen:
    if step.action.foresee is None:
        return Foreseen()
    known = {name: known_value(run, argument) for name, argument in step.arguments.items()}
    told = step.action.foresee(known)
    if not isinstance(told, Foreseen):
        raise TypeError(f"{step.action.name} foresees {type(told).__name__}")
    return told
