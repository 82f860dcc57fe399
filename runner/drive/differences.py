"""Two courses of one runbook side by side, step by step: the log's, and what would have been.

What counts is what a run decides and what it sends: decisions, guards' verdicts, orders, and how
each step ends. Client order ids, order ids and times never make a difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import Any

from runner.audit.visits import Asked, Data, Visit


class Verdict(StrEnum):
    """How one thing compares. `cut` is a step in which the comparison ends."""

    SAME = "same"
    DIFFERS = "differs"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class DecisionPair:
    """One decision. `was` and `would_be` are the log's own data of it; None where there is none."""

    verdict: Verdict
    was: Data | None
    would_be: Data | None

    @property
    def shown(self) -> Data:
        """The one that there is."""
        return self.would_be if self.would_be is not None else self.was or {}


@dataclass(frozen=True, slots=True)
class OrderPair:
    """One write: submit, replace or cancel. `projected` says that what it came to is projected."""

    verdict: Verdict
    was: Asked | None
    would_be: Asked | None

    @property
    def effect(self) -> str:
        one = self.would_be or self.was
        assert one is not None
        return one.name

    @property
    def projected(self) -> bool:
        return self.would_be is not None and self.would_be.projected


@dataclass(frozen=True, slots=True)
class StepPair:
    """One visit of one step. `ends` is whether the comparison ends in it."""

    was: Visit | None
    would_be: Visit | None
    verdict: Verdict
    decisions: tuple[DecisionPair, ...] = ()
    guards: tuple[DecisionPair, ...] = ()
    orders: tuple[OrderPair, ...] = ()
    ends: bool = False

    @property
    def visit(self) -> Visit:
        one = self.would_be or self.was
        assert one is not None
        return one


def side_by_side(was: Sequence[Visit], would_be: Sequence[Visit], *, ends: bool) -> list[StepPair]:
    """Every step that either has, in the order of what would be.

    `ends`: the second course ends for want of readings, so what comes after is not compared.
    """
    recorded = {one.key: one for one in was}
    ids: dict[str, str] = {}
    pairs: list[StepPair] = []
    last = -1
    for visit in would_be:
        before = recorded.pop(visit.key, None)
        if before is not None:
            last = max(last, was.index(before))
        cut = ends and any(one.outcome is None for one in visit.effects)
        pairs.append(_pair(before, visit, ids, cut=cut))
    left = [one for one in was[: last + 1] if one.key in recorded] if ends else [
        one for one in was if one.key in recorded
    ]  # fmt: skip
    for visit in left:
        pairs.insert(_place(pairs, was, visit), _pair(visit, None, ids, cut=False))
    return pairs


def _place(pairs: Sequence[StepPair], was: Sequence[Visit], visit: Visit) -> int:
    """Where a step that is gone stands: after the one that came before it in the log."""
    earlier = {one.key for one in was[: was.index(visit)]}
    places = [at + 1 for at, one in enumerate(pairs) if one.was and one.was.key in earlier]
    return max(places, default=0)


def _pair(was: Visit | None, now: Visit | None, ids: dict[str, str], *, cut: bool) -> StepPair:
    decisions = _decisions(was, now, cut=cut)
    guards = _guards(was, now, cut=cut)
    orders = _orders(was, now, ids, cut=cut)
    if was is None or now is None:
        # A step that is only looked at because the comparison ends in it is not new.
        found = Verdict.NEW if was is None else Verdict.GONE
        skipped = (now or was).status == "skipped"  # type: ignore[union-attr]
        verdict = Verdict.SAME if skipped and was is not None else found
        return StepPair(was, now, verdict, decisions, guards, orders, cut)
    ended = cut or (was.status, _cause(was)) == (now.status, _cause(now))
    same = ended and was.action == (now.action or was.action)
    verdicts = {one.verdict for one in (*decisions, *guards)} | {one.verdict for one in orders}
    same = same and verdicts <= {Verdict.SAME}
    verdict = Verdict.SAME if same else Verdict.DIFFERS
    return StepPair(was, now, verdict, decisions, guards, orders, cut)


def _cause(visit: Visit) -> object:
    return (visit.error or {}).get("cause")


def _decisions(was: Visit | None, now: Visit | None, *, cut: bool) -> tuple[DecisionPair, ...]:
    """Decisions in turn, those about the same thing side by side."""
    found = []
    before = list(was.decisions if was else ())
    for made in now.decisions if now else ():
        about = next((one for one in before if one.get("about") == made.get("about")), None)
        if about is not None:
            before.remove(about)
        found.append(_compared(about, made, "verdict"))
    if not cut:
        found += [_compared(one, None, "verdict") for one in before]
    return tuple(found)


def _guards(was: Visit | None, now: Visit | None, *, cut: bool) -> tuple[DecisionPair, ...]:
    """Guards that judge otherwise; those that come after a refusal were not asked."""
    before, after = ({str(one.get("guard")): one for one in side.guards} if side else {}
                     for side in (was, now))  # fmt: skip
    refused = any(
        one.get("verdict") == "refuse" for side in (before, after) for one in side.values()
    )
    found = []
    for name in dict.fromkeys([*before, *after]):
        one, other = before.get(name), after.get(name)
        if (one is None or other is None) and (refused or cut or not before or not after):
            silent = one is None and other is not None and other.get("verdict") == "refuse"
            if not silent:
                continue
        pair = _compared(one, other, "verdict")
        if pair.verdict is not Verdict.SAME:
            found.append(pair)
    return tuple(found)


def _compared(was: Data | None, now: Data | None, by: str) -> DecisionPair:
    if was is None or now is None:
        return DecisionPair(Verdict.NEW if was is None else Verdict.GONE, was, now)
    same = was.get(by) == now.get(by)
    return DecisionPair(Verdict.SAME if same else Verdict.DIFFERS, was, now)


def _orders(
    was: Visit | None, now: Visit | None, ids: dict[str, str], *, cut: bool
) -> tuple[OrderPair, ...]:
    before = was.writes if was else []
    after = now.writes if now else []
    found = []
    for one, other in zip_longest(before, after):
        if other is None:
            if not cut:
                found.append(OrderPair(Verdict.GONE, one, None))
        elif one is None or one.name != other.name:
            if one is not None and not cut:
                found.append(OrderPair(Verdict.GONE, one, None))
            found.append(OrderPair(Verdict.NEW, None, other))
        else:
            same = one.body == other.body
            same = same and ids.get(other.order_id, other.order_id) == one.order_id
            found.append(OrderPair(Verdict.SAME if same else Verdict.DIFFERS, one, other))
            ids |= _ids(one.data, other.data)
    return tuple(found)


def _ids(was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """The broker's ids of the second order and its legs, by which the log's go."""
    found = {}
    if now.get("id") and was.get("id"):
        found[str(now["id"])] = str(was["id"])
    for one, other in zip(was.get("legs") or (), now.get("legs") or (), strict=False):
        found |= _ids(one, other)
    return found
