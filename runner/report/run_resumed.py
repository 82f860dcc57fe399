"""A resumed run in words: that it is one, what was found at the broker, and whether it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.effects import Event
from runner.report.diagnostics import visible


@dataclass(frozen=True, slots=True)
class Resumed:
    """A run that was taken up: how many effects its log answers, and how often it had been taken up
    before."""

    effects: int
    earlier: int = 0

    @property
    def heading(self) -> str:
        """The line that a resumed run begins with."""
        effects = "effect" if self.effects == 1 else "effects"
        return f"resumed · {self.effects} recorded {effects} answered from the log"


def found_in_words(settled: Event, since: Sequence[str]) -> tuple[str, bool]:
    """What an `effect.reconciled` event says, and whether something speaks against going on.

    `since` are the orders that stand otherwise than when the run was cut short, in words.
    """
    problems, orders = settled.data.get("problems"), settled.data.get("orders")
    against = [visible(str(one)) for one in problems] if isinstance(problems, list) else []
    count = len(orders) if isinstance(orders, list) else 0
    found = "no order to read again"
    if count:
        found = f"{count} {'order' if count == 1 else 'orders'} read again"
    if since:
        found += f", since then {'; '.join(since)}"
    elif count:
        found += ", unchanged"
    part = {"": "safe stop goes", "steps": "steps go"}.get(
        settled.step.partition("[")[0], "clean-up goes"
    )
    if settled.data.get("goes_on") is not True:
        ends = f"the steps do not go on: {'; '.join(against)}"
    elif against:
        ends = f"the {part} on all the same, although {'; '.join(against)}"
    else:
        ends = f"the {part} on"
    return f"· {found}; {ends}", bool(against)
