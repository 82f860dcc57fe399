"""A broker by protocol, with orders that rest, fill, are replaced and bring exits.

It does what Alpaca does (facts page 2.2) at once, unless a test makes it slow: a replacement has
the whole quantity, an entry's exits go live when it is filled, the end of one exit is the end of
the other. A test changes the world with `instead`, which is called before each effect and may
answer it, or with `meanwhile`, while the machine waits for a change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from unit.machine.scripted import ACCOUNT, ASSET, CLOCK, QUOTE, START, absent, ok, order, refused

from runner import effects
from runner.effects import Effect, Json, Outcome, Reason, Status
from runner.world import TERMINAL, fingerprint

PRICE = "100"
Instead = Callable[[Effect], Outcome | None]


@dataclass
class Broker:
    """Orders by id, in the order they came; `held` is the account's position in AAPL."""

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    held: Decimal = Decimal(0)
    slow: bool = False  # a replacement is carried out only when the machine waits
    status: str = "new"  # of an order that is accepted
    meanwhile: list[Callable[[], object]] = field(default_factory=list)
    instead: Instead = lambda effect: None
    seen: list[Effect] = field(default_factory=list)
    due: dict[str, str] = field(default_factory=dict)  # replacements by the id they replace

    def __call__(self, effect: Effect) -> Outcome | None:
        self.seen.append(effect)
        return self.instead(effect) or self.answer(effect)

    # ------------------------------------------------------------------ what happens

    def place(self, client_order_id: str, **more: Json) -> dict[str, Any]:
        """A new order; its id counts the orders: o1, o2, …"""
        shown: dict[str, Any] = {
            **order(client_order_id, self.status, filled_qty="0", filled_avg_price=None),
            "id": f"o{len(self.orders) + 1}",
            **more,
        }
        self.orders[shown["id"]] = shown
        return shown

    def fill(self, order_id: str, qty: str) -> None:
        """So many shares more of an order are filled."""
        one = self.orders[order_id]
        filled = Decimal(one["filled_qty"]) + Decimal(qty)
        whole = filled == Decimal(one["qty"])
        one |= {
            "filled_qty": f"{filled}", "filled_avg_price": PRICE,
            "status": "filled" if whole else "partially_filled",
        }  # fmt: skip
        self.held += Decimal(qty) if one["side"] == "buy" else -Decimal(qty)
        for leg in self.legs_of(order_id) if whole else []:
            leg["status"] = "new" if leg["type"] == "limit" else "held"
        for other in self.siblings_of(order_id) if whole else []:
            other["status"] = "canceled"

    def end(self, order_id: str, status: str = "canceled") -> None:
        """An order ends, and with it those of its group."""
        for one in (self.orders[order_id], *self.legs_of(order_id), *self.siblings_of(order_id)):
            if one["status"] not in TERMINAL:
                one["status"] = status

    def replace(self, order_id: str, client_order_id: str, **changes: Json) -> dict[str, Any]:
        """What a PATCH begins."""
        old = self.orders[order_id]
        kept = {key: old[key] for key in old if key not in ("id", "legs", "filled_avg_price")}
        kept |= {"filled_qty": "0", "client_order_id": client_order_id, "replaces": order_id}
        trail = changes.pop("trail", None)
        unit = "trail_percent" if old.get("trail_percent") else "trail_price"
        changes |= {unit: trail} if trail else {}
        new = self.place(**{**kept, **changes, "status": "pending_new"})
        self.due[order_id] = new["id"]
        old["before"], old["status"] = old["status"], "pending_replace"
        if self.slow:
            self.meanwhile.append(self.carry_out)
        else:
            self.carry_out()
        return new

    def carry_out(self) -> None:
        """Replacements take the place of the old orders, unless those have ended meanwhile."""
        for order_id, new_id in self.due.items():
            old, new = self.orders[order_id], self.orders[new_id]
            if old["status"] in TERMINAL or new["status"] in TERMINAL:
                new["status"] = "canceled" if new["status"] == "canceled" else "rejected"
                if old["status"] not in TERMINAL:
                    old["status"] = old["before"]
                continue
            old |= {"status": "replaced", "replaced_by": new_id}
            new["status"] = old["before"] if old["before"] == "held" else "new"
            for leg in self.legs_of(order_id):
                leg["parent"] = new_id
        self.due.clear()

    def reject_changes(self) -> None:
        """Replacements that are under way are rejected; the old orders stay as they were."""
        for order_id, new_id in self.due.items():
            self.orders[new_id]["status"] = "rejected"
            old = self.orders[order_id]
            old["status"] = "partially_filled" if old["filled_qty"] != "0" else old["before"]
        self.due.clear()

    def legs_of(self, order_id: str) -> list[dict[str, Any]]:
        return [one for one in self.orders.values() if one.get("parent") == order_id]

    def siblings_of(self, order_id: str) -> list[dict[str, Any]]:
        parent = self.orders[order_id].get("parent")
        group = self.legs_of(parent) if parent else []
        return [one for one in group if one["id"] != order_id]

    @property
    def live(self) -> list[dict[str, Any]]:
        return [one for one in self.orders.values() if one["status"] not in TERMINAL]

    @property
    def filled(self) -> Decimal:
        """Shares bought less shares sold, over all orders."""
        return sum((Decimal(one["filled_qty"]) * (1 if one["side"] == "buy" else -1)
                    for one in self.orders.values()), Decimal(0))  # fmt: skip

    # ------------------------------------------------------------------ what it answers

    def shown(self, order_id: str) -> dict[str, Any]:
        """An order as it is now, its legs beneath it."""
        legs: list[Json] = [dict(leg) for leg in self.legs_of(order_id)]
        return {**self.orders[order_id], "legs": legs or None}

    def answer(self, effect: Effect) -> Outcome | None:
        match effect:
            case effects.Submit(client_order_id, body):
                return ok(self.submit(client_order_id, dict(body)))
            case effects.Replace(order_id, client_order_id, body):
                return self.patch(order_id, client_order_id, dict(body))
            case effects.Cancel(order_id):
                if self.orders[order_id]["status"] in TERMINAL:
                    return refused(Reason.NOT_OPEN, "already closed")
                self.end(order_id)
                return ok()
            case effects.ReadOrder(order_id):
                return ok(self.shown(order_id)) if order_id in self.orders else absent()
            case effects.ReadOrderByClientId(client_order_id):
                found = [one for one in self.orders.values()
                         if one["client_order_id"] == client_order_id]  # fmt: skip
                return ok(self.shown(found[-1]["id"])) if found else absent()
            case effects.AwaitChange(ids, known, until):
                return self.wait(ids, dict(known), until)
            case effects.ReadWorld():
                return ok({"account": ACCOUNT, "position": self.position(), "quote": QUOTE,
                           "open_orders": self.open_orders(), "asset": ASSET,
                           "clock": CLOCK})  # fmt: skip
            case effects.ReadPosition():
                position = self.position()
                return ok(position) if position else absent()
            case effects.ReadPositions():
                position = self.position()
                return ok({"positions": [position] if position else []})
            case effects.ReadActivities():
                return ok({"activities": [
                    {"order_id": one["id"], **{key: one[key] for key in ("symbol", "side")},
                     "qty": one["filled_qty"]}
                    for one in self.orders.values() if one["filled_qty"] != "0"
                ]})  # fmt: skip
            case effects.ReadOpenOrders():
                return ok({"orders": self.open_orders()})
            case effects.Sleep(until):
                return Outcome(until, Status.OK)
        return None

    def submit(self, client_order_id: str, body: dict[str, Any]) -> dict[str, Any]:
        exits = {name: body.pop(name) for name in ("take_profit", "stop_loss") if name in body}
        body["order_class"] = body.get("order_class", "")
        made = self.place(**{**body, "client_order_id": client_order_id})
        for name, prices in exits.items():
            self.place(
                f"{name}-of-{made['id']}", qty=made["qty"], parent=made["id"], status="held",
                side="sell" if made["side"] == "buy" else "buy", order_class=body["order_class"],
                type="limit" if name == "take_profit" else "stop", **prices,
            )  # fmt: skip
        if made["type"] == "market":
            self.fill(made["id"], made["qty"])
        return self.shown(made["id"])

    def patch(self, order_id: str, client_order_id: str, body: dict[str, Any]) -> Outcome:
        body.pop("client_order_id")
        if any(one["client_order_id"] == client_order_id for one in self.orders.values()):
            return refused(Reason.DUPLICATE_CLIENT_ORDER_ID, "client_order_id must be unique")
        status = self.orders[order_id]["status"]
        if status not in ("new", "partially_filled", "held"):
            return refused(Reason.NOT_REPLACEABLE, f"cannot replace order in {status} status")
        return ok(dict(self.replace(order_id, client_order_id, **body)))

    def wait(self, ids: tuple[str, ...], known: dict[str, str], until: Any) -> Outcome:
        """The orders as soon as one differs from what is known, or nothing more will happen."""
        while True:
            seen: dict[str, Json] = {one: self.shown(one) for one in ids}
            changed = any(fingerprint(seen[one]) != known[one] for one in ids)  # type: ignore[arg-type]
            if changed or not self.meanwhile:
                at = START if changed else until
                return Outcome(at, Status.OK, {"orders": seen, "polls": 1})
            self.meanwhile.pop(0)()

    def position(self) -> dict[str, Json] | None:
        if self.held == 0:
            return None
        side = "sell" if self.held > 0 else "buy"
        held: dict[Any, Decimal] = {}
        for one in self.live:
            if one["side"] == side and one["status"] != "held":
                left = Decimal(one["qty"]) - Decimal(one["filled_qty"])
                group = one.get("parent") or one["id"]
                held[group] = max(held.get(group, Decimal(0)), left)
        free = abs(self.held) - sum(held.values(), Decimal(0))
        return {"symbol": "AAPL", "qty": f"{self.held}", "qty_available": f"{free}"}

    def open_orders(self) -> list[Json]:
        tops = dict.fromkeys(one.get("parent") or one["id"] for one in self.live)
        return [self.shown(top) for top in tops]
