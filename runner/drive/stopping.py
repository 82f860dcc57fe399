"""`resume --stop`: ends a run without its steps, so that no engine change can trap it.

Nothing is replayed. The orders that the log announces are taken from its records; they are looked
up at the broker, settled and stopped as at the end of every run: what is open and opens risk is
cancelled until that is certain, exits stay because they protect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from runner.audit.records import Record
from runner.drive.timing import resend_within
from runner.effects import Reason
from runner.guards import Rules
from runner.language.runbook import Block, Runbook
from runner.language.source import Source
from runner.machine import Run
from runner.machine.failures import Cause, Failure
from runner.machine.own_order import Before, OwnOrder, Sent
from runner.machine.own_orders import OwnOrders
from runner.machine.resolving import SETTLE
from runner.world import World

WHY = "the run was stopped by `resume --stop`, without its steps"


def run_without_steps(records: Sequence[Record], at: datetime) -> Run:
    """A run that knows its orders and has nothing to do but to stop, at a moment of its clock."""
    header, run_id = records[0].data, records[0].run
    kept = header["runbook"]
    runbook = Runbook(str(kept["name"]), Source(str(kept["file"]), ""), Block(()), None)
    within = resend_within(str(header["target"]["kind"]))
    # An old log has none: stopping sends nothing that they judge.
    rules = Rules.from_data(header["policy"]["rules"]) if "policy" in header else Rules()
    run = Run(runbook, str(run_id), at, rules, orders=announced(records), resend_within=within)
    run.failure = Failure(Cause.INTERRUPTED, WHY)
    return run


def announced(records: Sequence[Record]) -> OwnOrders:
    """The orders that a log announces, each as the log knows it; the last answer may be missing."""
    orders = OwnOrders()
    effect: Mapping[str, Any] = {}
    worlds: dict[str, World] = {}
    for record in records:
        if record.type == "effect.intent":
            effect = record.data["effect"]
            if effect["effect"] == "submit":
                _intended(orders, record, effect, worlds)
            elif effect["effect"] == "replace":
                _changing(orders, effect)
        elif record.type == "effect.outcome":
            data = record.data.get("data", {})
            if effect.get("effect") == "read_world" and record.data["status"] == "ok":
                worlds[str(effect["symbol"])] = World.read(str(effect["symbol"]), data)
            elif effect.get("effect") == "submit":
                _answered(orders, effect, record.data)
            elif effect.get("effect") == "replace":
                _changed(orders, effect, record.data)
    return orders


def _intended(
    orders: OwnOrders, record: Record, effect: Mapping[str, Any], worlds: Mapping[str, World]
) -> None:
    client_order_id, body = str(effect["client_order_id"]), effect["body"]
    own = orders.get(client_order_id)
    if own is None:
        legs = body.get("legs")
        named = [str(leg["symbol"]) for leg in legs] if isinstance(legs, list) else []
        symbols = [str(body["symbol"])] if body.get("symbol") else named
        seen = [worlds[symbol] for symbol in symbols if symbol in worlds]
        clock = seen[0].clock.timestamp if seen else None
        own = OwnOrder(
            client_order_id=client_order_id,
            step=record.step or "",
            symbol=str(body.get("symbol") or ""),
            side=str(body.get("side") or ""),
            body=body,
            opens=bool(effect.get("opens", True)),
            intended_at=datetime.fromisoformat(record.ts[:26] + "Z"),
            before=Before(
                clock,
                {symbol: worlds[symbol].position.qty for symbol in symbols if symbol in worlds},
            ),
            not_before=clock - SETTLE if clock is not None else None,
        )
        orders.add(own)
    own.sent = Sent.UNKNOWN


def _answered(orders: OwnOrders, effect: Mapping[str, Any], outcome: Mapping[str, Any]) -> None:
    """What the broker said of an order. A refusal proves nothing about an earlier copy of it."""
    own = orders.get(str(effect["client_order_id"]))
    assert own is not None
    if outcome["status"] == "ok":
        own.fold(outcome.get("data", {}))
        return
    reason = outcome.get("problem", {}).get("reason")
    taken = reason == Reason.DUPLICATE_CLIENT_ORDER_ID.value
    own.doubted = own.doubted or taken or outcome["status"] == "unknown"
    own.limited = own.limited or reason == Reason.RATE_LIMITED.value
    if not own.doubted:
        own.sent = Sent.REFUSED if outcome["status"] == "refused" and not own.limited else Sent.NO


def _changing(orders: OwnOrders, effect: Mapping[str, Any]) -> None:
    own = _with_id(orders, str(effect["order_id"]))
    if own is not None:
        own.replacing = str(effect["client_order_id"])


def _changed(orders: OwnOrders, effect: Mapping[str, Any], outcome: Mapping[str, Any]) -> None:
    own = _with_id(orders, str(effect["order_id"]))
    if own is not None and outcome["status"] == "ok":
        own.succeed(outcome.get("data", {}))
    elif own is not None and outcome["status"] in ("refused", "not_performed"):
        own.replacing = ""


def _with_id(orders: OwnOrders, order_id: str) -> OwnOrder | None:
    return next((own for own in orders.all if own.order_id == order_id), None)
