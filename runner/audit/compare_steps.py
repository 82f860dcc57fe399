"""The steps of two runs side by side: how each ended, what it decided, sent and read.

Ids and moments are never a difference; how often a wait was woken is none either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.audit.tolerances import AMOUNTS, Tolerances
from runner.audit.visits import Asked, Visit
from runner.world import decimal

SAME, CHANGED, ADDED, MISSING = "same", "changed", "added", "missing"

UNIMPORTANT = frozenset(
    {"effect", "client_order_id", "order_id", "orders", "known", "until", "poll", "after", "body",
     "client_order_ids", "start", "end", "opens"}
)  # fmt: skip
"""What of an effect is an id or a moment, or is compared apart."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing of a step. `verdict` is changed, added (only the second has it) or missing.

    `what` says what it is (`submit`, `decision`, `ends`, …), `about` which one; `first` and
    `second` are its values, of an order by key.
    """

    verdict: str
    what: str
    about: str
    first: Any = None
    second: Any = None


@dataclass(frozen=True, slots=True)
class StepDiff:
    """One visit of one step. `slower` is whether the durations differ by more than tolerated."""

    first: Visit | None
    second: Visit | None
    verdict: str
    differences: tuple[Difference, ...] = ()
    slower: bool = False

    @property
    def visit(self) -> Visit:
        one = self.first or self.second
        assert one is not None
        return one


def compare_steps(
    first: Sequence[Visit], second: Sequence[Visit], within: Tolerances
) -> list[StepDiff]:
    """Every step that either run has, in the order of the first."""
    after = {one.key: one for one in second}
    found = []
    for visit in first:
        found.append(_step(visit, after.pop(visit.key, None), within))
    for visit in after.values():
        earlier = {one.key for one in second[: second.index(visit)]}
        place = max(
            (at + 1 for at, one in enumerate(found) if one.second and one.second.key in earlier),
            default=0,
        )
        found.insert(place, _step(None, visit, within))
    return found


def _step(first: Visit | None, second: Visit | None, within: Tolerances) -> StepDiff:
    if first is None or second is None:
        return StepDiff(first, second, ADDED if first is None else MISSING)
    parts = (*_ends(first, second), *_decided(first, second, within),
             *_written(first, second, within), *_read(first, second))  # fmt: skip
    slower = not within.durations_agree(first.took, second.took)
    return StepDiff(first, second, CHANGED if parts else SAME, parts, slower)


def _ends(first: Visit, second: Visit) -> Iterator[Difference]:
    if first.action != second.action:
        yield Difference(CHANGED, "action", "", first.action, second.action)
    causes = [(one.error or {}).get("cause") for one in (first, second)]
    if (first.status, causes[0]) != (second.status, causes[1]):
        yield Difference(CHANGED, "ends", "", _ending(first), _ending(second))


def _ending(visit: Visit) -> str:
    message = (visit.error or {}).get("message")
    return f"{visit.status or 'open'}: {message}" if message else visit.status or "open"


def _decided(first: Visit, second: Visit, within: Tolerances) -> Iterator[Difference]:
    """Decisions that came out otherwise: numbers by more than the tolerance for prices."""
    left = list(second.decisions)
    for made in first.decisions:
        other = next((one for one in left if one.get("about") == made.get("about")), None)
        about = str(made.get("about", ""))
        if other is None:
            yield Difference(MISSING, "decision", about, made.get("verdict"))
            continue
        left.remove(other)
        one, two = made.get("verdict"), other.get("verdict")
        name = "qty" if about in AMOUNTS else "limit_price"
        if one != two and (decimal(one) is None or not within.values_agree(name, one, two)):
            yield Difference(CHANGED, "decision", about, one, two)
    for one in left:
        yield Difference(ADDED, "decision", str(one.get("about", "")), None, one.get("verdict"))


def _written(first: Visit, second: Visit, within: Tolerances) -> Iterator[Difference]:
    """Orders, changes and cancels, in turn."""
    for name in ("submit", "replace", "cancel"):
        before, after = (
            [one for one in visit.effects if one.name == name] for visit in (first, second)
        )
        for one, other in zip(before, after, strict=False):
            values = _changed(one, other, within)
            if values:
                yield Difference(
                    CHANGED,
                    name,
                    str(one.body.get("symbol") or ""),
                    {key: value[0] for key, value in values.items()},
                    {key: value[1] for key, value in values.items()},
                )
        for one in before[len(after) :]:
            yield Difference(MISSING, name, str(one.body.get("symbol") or ""), one.body)
        for one in after[len(before) :]:
            yield Difference(ADDED, name, str(one.body.get("symbol") or ""), None, one.body)


def _changed(one: Asked, other: Asked, within: Tolerances) -> dict[str, tuple[Any, Any]]:
    before, after = dict(_flat(one.body)), dict(_flat(other.body))
    before["answer"], after["answer"] = _answer(one), _answer(other)
    found = {}
    for name in dict.fromkeys([*before, *after]):
        values = before.get(name), after.get(name)
        if not within.values_agree(name.rpartition(".")[2], *values):
            found[name] = values
    return found


def _answer(asked: Asked) -> str:
    problem = (asked.outcome or {}).get("problem")
    message = problem.get("message") if isinstance(problem, Mapping) else None
    said = {"ok": "accepted", "": "no answer"}.get(asked.status, asked.status)
    return f"{said}: {message}" if message else said


def _flat(body: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in body.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            inner = {str(at): one for at, one in enumerate(value)}
            yield from _flat(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _read(first: Visit, second: Visit) -> Iterator[Difference]:
    """Readings and waits that only one of both made, however often."""
    before, after = (
        {_words(one): None for one in visit.effects if not one.writes} for visit in (first, second)
    )
    yield from (Difference(MISSING, one, "") for one in before if one not in after)
    yield from (Difference(ADDED, one, "") for one in after if one not in before)


def _words(asked: Asked) -> str:
    """What an effect is, without ids and moments."""
    said = [str(value) for key, value in asked.form.items()
            if key not in UNIMPORTANT and isinstance(value, str)]  # fmt: skip
    symbols = asked.form.get("symbols")
    said += map(str, symbols if isinstance(symbols, list) else [])
    return " ".join([asked.name, *said]) if asked.name not in ("ask_person", "notify") else (
        asked.name
    )  # fmt: skip
