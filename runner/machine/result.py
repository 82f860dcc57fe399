"""What a run came to: its status, its exit code, and what is live."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from runner.effects import Json
from runner.machine.failures import Cause, Failure
from runner.machine.own_orders import OwnOrder, Sent
from runner.machine.run import Run


class Result(Struct, frozen=True):
    """The end of a run. `data` is what `run.finished` records and `--json` prints of it."""

    status: str
    exit_code: int
    data: dict[str, Json]


_ENDINGS = {
    Cause.REFUSED: ("refused", 4),
    Cause.FAILED: ("failed", 5),
    Cause.TIMED_OUT: ("timed_out", 6),
    Cause.RUN_TIMED_OUT: ("timed_out", 6),
    Cause.UNREACHABLE: ("failed", 7),
    Cause.UNKNOWN: ("unknown", 8),
    Cause.NOT_APPROVED: ("refused", 11),
    Cause.HALTED: ("halted", 12),
    Cause.INTERRUPTED: ("interrupted", 130),
    Cause.INTERNAL: ("failed", 1),
}
_ONLY_BEFORE_AN_ORDER = (4, 7, 11, 12)


def ending(failure: Failure | None, *, accepted: bool, unknown: bool) -> tuple[str, int]:
    """Status and exit code (design section 5).

    Refused, unreachable and halted are said only while no order of the run was accepted; after
    that they are failures. An unknown outcome wins over everything.
    """
    if unknown:
        return "unknown", 8
    if failure is None:
        return "completed", 0
    if failure.cause is Cause.UNKNOWN:  # and settled since
        return "failed", 5
    status, code = _ENDINGS[failure.cause]
    if accepted and code in _ONLY_BEFORE_AN_ORDER:
        return "failed", 5
    return status, code


def conclude(run: Run) -> Result:
    """Draw up the result of a run."""
    unknown = bool(run.in_doubt)
    status, code = ending(run.failure, accepted=run.orders.any_accepted, unknown=unknown)
    return Result(
        status,
        code,
        {
            "status": status,
            "exit_code": code,
            "steps": [
                {
                    "path": one.path,
                    "id": one.id or None,
                    "action": one.action,
                    "status": one.status,
                    "outputs": dict(one.outputs),
                    "error": dict(one.error) if one.error else None,
                }
                for one in run.results
            ],
            "orders": [_order(own) for own in run.orders.all if own.sent is not Sent.NO],
            "positions": [
                {
                    "symbol": symbol,
                    "run_qty": _number(run.orders.held(symbol)),
                    "protected_qty": _number(run.orders.protected(symbol)),
                }
                for symbol in run.orders.symbols
            ],
            "error": _error(run.failure, unknown=unknown),
            "open_orders": [one for own in run.orders.live for one in _ids_live(own)],
        },
    )


def _error(failure: Failure | None, *, unknown: bool) -> dict[str, Json] | None:
    if failure is None:
        return None
    data = failure.to_data()
    if failure.cause is Cause.UNKNOWN and not unknown:
        data["message"] = f"{failure.message}; it was settled afterwards"
        data.pop("help", None)
    return data


def _ids_live(own: OwnOrder) -> list[str]:
    """The client order ids under which an order may be live: also that of a change that may have
    been carried out, and that of the order before one that may be rejected yet."""
    before = [one.client_order_id for key, one in own.past.items() if key in own.unread]
    return [one for one in (_id_now(own), own.replacing, *before) if one]


def _id_now(own: OwnOrder) -> str:
    """The client order id that it has at the broker: a replaced order goes on under another."""
    return own.order.client_order_id or own.client_order_id


def _order(own: OwnOrder) -> dict[str, Json]:
    order = own.order
    status = order.status if own.sent is Sent.ACCEPTED else own.sent.value
    before = [one.client_order_id for one in own.past.values()]
    return {
        "client_order_id": _id_now(own),
        "order_id": order.id or None,
        "leg_of": _id_now(own.parent) if own.parent is not None else None,
        "replaces": list[Json](before),
        "continues": _id_now(own.continues) if own.continues is not None else None,
        "symbol": own.symbol or None,
        "side": own.side or None,
        "qty": own.body.get("qty") if order.qty is None else _number(order.qty),
        "notional": own.body.get("notional"),
        "type": own.body.get("type"),
        "limit_price": _now(own, "limit_price"),
        "stop_price": _now(own, "stop_price"),
        "status": status,
        "filled_qty": _number(own.filled_qty),
        "filled_avg_price": _number(_average(own)),
        "kept": own.kept,
    }


def _average(own: OwnOrder) -> Decimal | None:
    """Dollars a share, over what it filled before it was replaced too."""
    if not own.past:
        return own.order.filled_avg_price
    return own.cost / own.filled_qty if own.cost is not None and own.filled_qty else None


def _now(own: OwnOrder, price: str) -> Json:
    """A price as it is since the order was last changed, else as it was sent."""
    value = getattr(own.order, price)
    return own.body.get(price) if value is None else _number(value)


def _number(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
