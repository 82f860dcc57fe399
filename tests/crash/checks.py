"""What must hold after a run was struck and brought to its end: each intended order exactly once.

A run that was killed and resumed must come to what the uninterrupted run came to: the same orders
at the exchange, the same positions, the same result. What may differ is listed here, with why.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from .runs import Turn

ORDER_FIELDS = ("client_order_id", "symbol", "side", "qty", "type", "limit_price", "stop_price",
                "order_class", "filled_qty", "filled_avg_price")  # fmt: skip
ENDED = ("filled", "canceled", "expired", "rejected", "replaced")
DIFFERS = {
    "order_id": "the broker gives it",
    "filled_at": "a run that died goes on later",
    "waited": "a run that died goes on later",
}
"""Outputs that need not be those of the uninterrupted run, and why."""

AS_OF_THEN = {
    "submit_order": ("status",),
    "close_position": ("status",),
    "replace_order": ("status", "filled_qty"),
}
"""Outputs that say what the broker said when it took an order: an order whose answer was lost is
read later, when it may be filled."""


def orders_of(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Orders of the exchange as they can be compared: a broker-given id of a leg cannot."""
    return sorted(
        (*(str(_plain(row, name)) for name in ORDER_FIELDS), _standing(row)) for row in rows
    )


def _standing(row: dict[str, Any]) -> str:
    return str(row["status"]) if row["status"] in ENDED else "open"


def _plain(row: dict[str, Any], name: str) -> Any:
    value = row.get(name)
    return "" if name == "client_order_id" and not str(value).startswith("rb-") else value


def doubled(found: list[tuple[Any, ...]], meant: list[tuple[Any, ...]]) -> int:
    """How many orders are at the exchange that the uninterrupted run did not send."""
    return (Counter(map(_identity, found)) - Counter(map(_identity, meant))).total()


def lost(found: list[tuple[Any, ...]], meant: list[tuple[Any, ...]]) -> int:
    """How many orders of the uninterrupted run are not at the exchange."""
    return (Counter(map(_identity, meant)) - Counter(map(_identity, found))).total()


def _identity(order: tuple[Any, ...]) -> tuple[Any, ...]:
    return order[:6]


def result_of(data: dict[str, Any]) -> dict[str, Any]:
    """A result without what may differ."""
    steps = [{**step, "outputs": _outputs(step)} for step in data["steps"]]
    orders = [{**order, "order_id": None, "client_order_id": _plain(order, "client_order_id"),
               "status": _standing(order)}
              for order in data["orders"]]  # fmt: skip
    names = ("status", "exit_code", "positions", "error")
    open_orders = sum(1 for _ in data["open_orders"])
    return {**{name: data[name] for name in names}, "steps": steps, "orders": orders,
            "open_orders": open_orders}  # fmt: skip


def _outputs(step: dict[str, Any]) -> dict[str, Any]:
    left_out = {*DIFFERS, *AS_OF_THEN.get(step["action"], ())}
    return {name: value for name, value in step["outputs"].items() if name not in left_out}


def differences(found: dict[str, Any], meant: dict[str, Any]) -> list[str]:
    """Where two results differ, in words."""
    wrong = []
    for name, other in meant.items():
        one = found[name]
        if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            rows = zip(one, other, strict=True)
            wrong += [f"{name}: {this} instead of {that}" for this, that in rows if this != that]
        elif one != other:
            wrong.append(f"{name}: {one} instead of {other}")
    return wrong


def unaccounted(turn: Turn, rows: list[dict[str, Any]]) -> list[str]:
    """What holds of any end: every order at the exchange is in the result, with its fill; what is
    open is said to be."""
    known = {one["order_id"]: one for one in turn.data["orders"]}
    wrong = []
    for row in rows:
        said = known.get(row["id"])
        in_vain = row["status"] == "rejected" and row["replaces"]  # the fill won against a change
        if row["status"] == "replaced" or in_vain:
            continue
        if said is None:
            wrong.append(f"order {row['client_order_id']} is not in the result")
        elif said["filled_qty"] != row["filled_qty"] and not _after_replacement(row):
            wrong.append(f"{row['filled_qty']} of {row['client_order_id']} are filled; it says "
                         f"{said['filled_qty']}")  # fmt: skip
        live = row["status"] not in ENDED
        if live and said is not None and said["client_order_id"] not in turn.data["open_orders"]:
            wrong.append(f"order {row['client_order_id']} is open, and not said to be")
    return wrong


def _after_replacement(row: dict[str, Any]) -> bool:
    return bool(row.get("replaces"))
