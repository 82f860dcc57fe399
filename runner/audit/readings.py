"""What a run was told by its readings, and where in an answer the value of an output stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runner.audit.sent import mapping
from runner.world import decimal, moment

BROKER_NAMES: Mapping[str, frozenset[str]] = {
    "bid": frozenset({"bp"}),
    "ask": frozenset({"ap"}),
    "price": frozenset({"p"}),
    "prev_close": frozenset({"c"}),
    "order_id": frozenset({"id"}),
    "class": frozenset({"class", "asset_class"}),
    "approved_by": frozenset({"by"}),
}
"""What an answer calls an output of a step, where the two names differ."""

_OTHERS = frozenset({"open_orders", "positions"})
"""Parts of an answer that also show what is not this run's."""

_MARKET = ("quote", "trade")


@dataclass(frozen=True, slots=True)
class Reading:
    """One outcome: effect number `n`, told by record `seq` at `at` of the run's clock."""

    seq: int
    n: int
    effect: str
    step: str
    at: str
    data: Mapping[str, Any]
    status: str

    def made(self, part: str) -> str:
        """When the answer's quote or trade was made, by its own word; empty for any other part."""
        if part not in _MARKET:
            return ""
        told = mapping(self.data.get(part))
        return str((told if "t" in told else mapping(told.get(part))).get("t") or "")


def carried(output: str, value: Any, data: Mapping[str, Any]) -> tuple[str, ...]:
    """Where in an answer the value of an output stands under its name; the shallowest place."""
    last = output.rpartition(".")[2]
    names = {last} | BROKER_NAMES.get(last, frozenset())
    found = [
        path for path, leaf in _leaves(data, ()) if path[-1] in names and same(leaf, value)
        and _OTHERS.isdisjoint(path)
    ]  # fmt: skip
    return min(found, key=len, default=())


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, str(index)))
    elif path:
        yield path, value


def same(leaf: Any, value: Any) -> bool:
    """Whether two spellings are one value: 100 and 100.00, a moment in two zones, true and True."""
    if isinstance(leaf, bool):
        leaf = "true" if leaf else "false"
    if leaf is None or value is None:
        return False
    if leaf == value:
        return True
    one, other = decimal(leaf), decimal(value)
    if one is not None and other is not None:
        return one == other
    return moment(leaf) is not None and moment(leaf) == moment(value)
