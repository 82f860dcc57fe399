"""How a guard is declared: once, with its reason, its source, and an order that it must refuse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from runner.guards.draft import Draft, Judged, Verdict
from runner.guards.rules import Rules

NO_LIMIT: Final = "none"
"""The default of a guard that has nothing to say until its limit is set."""


class Scope(StrEnum):
    """What a guard is asked about where an order has several legs."""

    EACH = "each"  # every leg by itself
    WHOLE = "whole"  # the order as one, for the money of all its legs
    SINGLE = "single"  # not at all: it is about orders of one symbol


class Guard(Struct, frozen=True):
    """One rule. `code` is stable: policies, logs and messages name the guard by it.

    `judge` gives its verdict, None where it has nothing to say of such an order; it raises
    nothing. `known_bad` turns any order into one that it must refuse: what `runbook drill` shows.
    `always`: an order that only reduces a position is not exempt from it. `limit` is the key of
    `limits` that sets it, empty for a rule without a number; `default` says in words what holds
    where nobody sets it. `refuses`, `reason` and `source` are for people. `judge_legs` is asked in
    its place where an order has several legs.
    """

    code: str
    judge: Callable[[Judged], Verdict | None]
    known_bad: Callable[[Judged], Judged]
    refuses: str
    default: str
    reason: str
    source: str
    limit: str = ""
    scope: Scope = Scope.EACH
    always: bool = False
    judge_legs: Callable[[Draft, Sequence[Judged]], Verdict | None] | None = None

    def is_unset(self, rules: Rules) -> bool:
        """Whether it judges nothing, because nobody has set its limit and it has no default."""
        return self.default == NO_LIMIT and getattr(rules.limits, self.limit) is None
