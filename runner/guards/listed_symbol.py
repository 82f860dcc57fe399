"""A run trades only the symbols its runbook lists."""

from __future__ import annotations

from runner.guards.draft import Bounds, Draft, Verdict
from runner.world import World

NAME = "listed_symbol"


def judge(draft: Draft, world: World, bounds: Bounds) -> Verdict | None:
    if bounds.symbols is None:
        return Verdict(NAME, "pass", "the runbook trades any symbol")
    values = {"symbols": ", ".join(bounds.symbols)}
    if draft.symbol not in bounds.symbols:
        return Verdict(NAME, "refuse", f"{draft.symbol} is not in the runbook's symbols", values)
    return Verdict(NAME, "pass", f"{draft.symbol} is in the runbook's symbols", values)
