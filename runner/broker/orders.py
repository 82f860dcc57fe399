"""An intended order body, as the request object that alpaca-py wants.

alpaca-py's request classes check an order and then turn its decimals into floats, so that
`0.000000001` leaves as `1e-09`; their base class drops a limit price without a word (facts page
0.8, 0.9). Here its own class for the order's type is built, so its checks run, and the class is
narrowed in one respect: what it sends is the intended body, decimals as strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from runner.effects import Json

if TYPE_CHECKING:
    from alpaca.common.requests import NonEmptyRequest
    from alpaca.trading.requests import OrderRequest, ReplaceOrderRequest

_Request = TypeVar("_Request", bound="NonEmptyRequest")

_NUMBERS = frozenset(
    {
        "qty",
        "ratio_qty",
        "notional",
        "limit_price",
        "stop_price",
        "trail",
        "trail_price",
        "trail_percent",
    }
)


class NotAnOrder(Exception):  # noqa: N818 - it says what the body is
    """alpaca-py's own checks refuse the body; the message is theirs. Nothing was sent."""


def order_request(body: Mapping[str, Json]) -> OrderRequest:
    """The request for `submit_order` that sends exactly `body`. Raises NotAnOrder."""
    from alpaca.trading import requests as sdk  # noqa: PLC0415 - slow: see runner.broker.sdk

    classes: dict[Json, type[OrderRequest]] = {
        "market": sdk.MarketOrderRequest,
        "limit": sdk.LimitOrderRequest,
        "stop": sdk.StopOrderRequest,
        "stop_limit": sdk.StopLimitOrderRequest,
        "trailing_stop": sdk.TrailingStopOrderRequest,
    }
    if body.get("type") not in classes:
        raise NotAnOrder(f"type {body.get('type')!r} is not a type of order")
    fields = _as_floats(body)
    for name, part in (
        ("take_profit", sdk.TakeProfitRequest),
        ("stop_loss", sdk.StopLossRequest),
        ("legs", sdk.OptionLegRequest),
    ):
        if isinstance(fields.get(name), dict):
            fields[name] = _checked(part, fields[name])
        elif isinstance(fields.get(name), list):
            fields[name] = [_checked(part, leg) for leg in fields[name]]
    return _checked(classes[body["type"]], fields, exactly=body)


def replace_request(body: Mapping[str, Json]) -> ReplaceOrderRequest:
    """The request for `replace_order_by_id` that sends exactly `body`. Raises NotAnOrder."""
    from alpaca.trading.requests import ReplaceOrderRequest  # noqa: PLC0415 - as above

    return _checked(ReplaceOrderRequest, _as_floats(body), exactly=body)


def _checked(
    request: type[_Request], fields: dict[str, Any], exactly: Mapping[str, Json] | None = None
) -> _Request:
    """An instance of `request` that has passed its checks, and sends `exactly` when given."""
    try:
        if exactly is None:
            return request(**fields)
        built = _exact(request)(**fields)
    except (ValueError, TypeError, AttributeError) as error:
        raise NotAnOrder(_sentence(error)) from None
    built._exactly = dict(exactly)
    return cast("_Request", built)


@cache
def _exact(request: type[NonEmptyRequest]) -> Any:
    from pydantic import PrivateAttr  # noqa: PLC0415 - comes with alpaca-py

    class Exact(request):  # type: ignore[misc, valid-type]
        """The SDK's own class, sending the intended body instead of its own rendering of it."""

        _exactly: dict[str, Json] = PrivateAttr(default_factory=dict)

        def to_request_fields(self) -> dict[str, Json]:
            return self._exactly

    return Exact


def _as_floats(body: Mapping[str, Json]) -> dict[str, Any]:
    """The body with its decimals as the floats that alpaca-py's checks compare."""

    def convert(name: str, value: Json) -> Any:
        if isinstance(value, dict):
            return _as_floats(value)
        if isinstance(value, list):
            return [convert(name, item) for item in value]
        if name in _NUMBERS and isinstance(value, str):
            try:
                number = Decimal(value)
            except InvalidOperation:
                raise NotAnOrder(f"{name} {value!r} is not a number") from None
            if not number.is_finite():
                raise NotAnOrder(f"{name} {value!r} is not a number")
            return float(number)
        return value

    return {name: convert(name, value) for name, value in body.items()}


def _sentence(error: Exception) -> str:
    """What alpaca-py's check says, without pydantic's frame around it."""
    details = getattr(error, "errors", None)
    if details is None:
        return str(error)
    return "; ".join(
        ": ".join([*map(str, detail["loc"]), detail["msg"].removeprefix("Value error, ")])
        for detail in details()
    )
