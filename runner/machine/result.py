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
    Cause.INTERRUPTED: ("interrupted", 130),
    Cause.INTERNAL: ("failed", 1),
}
_ONLY_BEFORE_AN_ORDER = (4, 7)


def ending(failure: Failure | None, *, accepted: bool, unknown: bool) -> tuple[str, int]:
    """Status and exit code (design section 5).

    Refused and unreachable are said only while no order of the run was accepted; after that they
    are failures. An unknown outcome wins over everything.
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
            "open_orders": [own.client_order_id for own in run.orders.live],
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


def _order(own: OwnOrder) -> dict[str, Json]:
    order = own.order
    status = order.status if own.sent is Sent.ACCEPTED else own.sent.value
    return {
        "client_order_id": own.client_order_id,
        "order_id": order.id or None,
        "symbol": own.symbol,
        "side": own.side,
        "qty": own.body.get("qty") if order.qty is None else _number(order.qty),
        "notional": own.body.get("notional"),
        "type": own.body.get("type"),
        "limit_price": own.body.get("limit_price"),
        "stop_price": own.body.get("stop_price"),
        "status": status,
        "filled_qty": _number(own.filled_qty),
        "filled_avg_price": _number(order.filled_avg_price),
        "kept": own.kept,
    }


def _number(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
