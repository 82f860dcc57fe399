"""What the broker says, read tolerantly into typed views.

A field that is missing or unreadable becomes None, never a default that looks fine: whoever needs
it decides what its absence means, and a check fails on it. Unknown statuses and keys are kept.
Quantities are shares, money and prices are dollars, moments are aware UTC datetimes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

TERMINAL = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})
"""Statuses after which an order changes no more. `replaced` goes on as its successor. Everything
else, an unknown word included, may still fill (facts page 1.5)."""

WORKING = frozenset({"new", "accepted", "partially_filled"})
"""Statuses of an order that is at work in the market, or will be when it opens."""

STATUSES = (
    TERMINAL
    | WORKING
    | {"pending_new", "accepted_for_bidding", "held", "stopped", "suspended", "calculated"}
    | {"done_for_day", "pending_cancel", "pending_replace", "pending_review"}
)
"""Every status that is known (facts page 1.5). Another word is not terminal: it is warned of."""

STALE = timedelta(minutes=5)
"""How old a quote may be while the market is open. A house rule: single-exchange feeds quote thin
symbols seldom, and an hour-old price is no price."""


def decimal(value: object) -> Decimal | None:
    """A number as the broker wrote it, or None. Floats never reach this point."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def moment(value: object) -> datetime | None:
    """An RFC 3339 moment in UTC (nanoseconds cut to microseconds), or None."""
    if not isinstance(value, str) or not value:
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return read.astimezone(UTC) if read.tzinfo is not None else None


def text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


class Order(Struct, frozen=True):
    """One order. `filled_qty` is None only when the broker did not say."""

    id: str
    client_order_id: str
    symbol: str
    side: str
    position_intent: str
    status: str
    type: str
    order_class: str
    time_in_force: str
    qty: Decimal | None
    notional: Decimal | None
    filled_qty: Decimal | None
    filled_avg_price: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None
    extended_hours: bool | None
    created_at: datetime | None
    filled_at: datetime | None
    replaced_by: str | None
    replaces: str | None
    legs: tuple[Order, ...]

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Order:
        return cls(
            id=text(data.get("id")) or "",
            client_order_id=text(data.get("client_order_id")) or "",
            symbol=text(data.get("symbol")) or "",
            side=text(data.get("side")) or "",
            position_intent=text(data.get("position_intent")) or "",
            status=text(data.get("status")) or "",
            type=text(data.get("type")) or text(data.get("order_type")) or "",
            order_class=text(data.get("order_class")) or "simple",
            time_in_force=text(data.get("time_in_force")) or "",
            qty=decimal(data.get("qty")),
            notional=decimal(data.get("notional")),
            filled_qty=decimal(data.get("filled_qty")),
            filled_avg_price=decimal(data.get("filled_avg_price")),
            limit_price=decimal(data.get("limit_price")),
            stop_price=decimal(data.get("stop_price")),
            extended_hours=flag(data.get("extended_hours")),
            created_at=moment(data.get("created_at")),
            filled_at=moment(data.get("filled_at")),
            replaced_by=text(data.get("replaced_by")),
            replaces=text(data.get("replaces")),
            legs=tuple(Order.read(leg) for leg in _objects(data.get("legs"))),
        )

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def remaining(self) -> Decimal | None:
        """Shares still to fill; None when it cannot be told (a notional order, a missing field)."""
        if self.qty is None or self.filled_qty is None:
            return None
        return self.qty - self.filled_qty


def fingerprint(data: Mapping[str, Any]) -> str:
    """What of an order changes while it works. Two readings that agree in it are the same state."""
    order = Order.read(data)
    own = (order.status, order.qty, order.filled_qty, order.filled_avg_price, order.limit_price,
           order.stop_price, order.replaced_by)  # fmt: skip
    words = ["" if part is None else str(part) for part in own]
    return "|".join([*words, *(f"[{fingerprint(leg)}]" for leg in _objects(data.get("legs")))])


def unfamiliar(data: Mapping[str, Any]) -> list[str]:
    """What to say of an order, and of its legs, whose status is a word that is not known."""
    order = Order.read(data)
    return [
        f"order {one.client_order_id or one.id} has "
        + (
            f"the status {one.status}, which this version does not know"
            if one.status
            else "no status"
        )
        + ": it counts as live"
        for one in (order, *order.legs)
        if one.status not in STATUSES
    ]


class Account(Struct, frozen=True):
    """The account. PDT fields are None where the broker no longer has them (facts page 3)."""

    id: str | None
    number: str | None
    status: str | None
    currency: str | None
    cash: Decimal | None
    equity: Decimal | None
    last_equity: Decimal | None
    buying_power: Decimal | None
    regt_buying_power: Decimal | None
    maintenance_margin: Decimal | None
    initial_margin: Decimal | None
    multiplier: Decimal | None
    trading_blocked: bool | None
    account_blocked: bool | None
    trade_suspended_by_user: bool | None
    shorting_enabled: bool | None
    options_trading_level: Decimal | None
    pattern_day_trader: bool | None
    daytrade_count: Decimal | None
    options_buying_power: Decimal | None
    non_marginable_buying_power: Decimal | None
    crypto_status: str | None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Account:
        return cls(
            id=text(data.get("id")),
            number=text(data.get("account_number")),
            status=text(data.get("status")),
            currency=text(data.get("currency")),
            cash=decimal(data.get("cash")),
            equity=decimal(data.get("equity")),
            last_equity=decimal(data.get("last_equity")),
            buying_power=decimal(data.get("buying_power")),
            regt_buying_power=decimal(data.get("regt_buying_power")),
            maintenance_margin=decimal(data.get("maintenance_margin")),
            initial_margin=decimal(data.get("initial_margin")),
            multiplier=decimal(data.get("multiplier")),
            trading_blocked=flag(data.get("trading_blocked")),
            account_blocked=flag(data.get("account_blocked")),
            trade_suspended_by_user=flag(data.get("trade_suspended_by_user")),
            shorting_enabled=flag(data.get("shorting_enabled")),
            options_trading_level=decimal(data.get("options_trading_level")),
            pattern_day_trader=flag(data.get("pattern_day_trader")),
            daytrade_count=decimal(data.get("daytrade_count")),
            options_buying_power=decimal(data.get("options_buying_power")),
            non_marginable_buying_power=decimal(data.get("non_marginable_buying_power")),
            crypto_status=text(data.get("crypto_status")),
        )


class Configuration(Struct, frozen=True):
    """What the account's owner has switched on and off at the broker (facts page 1.5, 2.3)."""

    suspend_trade: bool | None
    no_shorting: bool | None
    fractional_trading: bool | None
    max_options_trading_level: Decimal | None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Configuration:
        return cls(
            suspend_trade=flag(data.get("suspend_trade")),
            no_shorting=flag(data.get("no_shorting")),
            fractional_trading=flag(data.get("fractional_trading")),
            max_options_trading_level=decimal(data.get("max_options_trading_level")),
        )


class Position(Struct, frozen=True):
    """One position. Short positions have a negative `qty`."""

    symbol: str
    qty: Decimal | None
    qty_available: Decimal | None
    avg_entry_price: Decimal | None
    market_value: Decimal | None
    unrealized_pl: Decimal | None
    current_price: Decimal | None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Position:
        return cls(
            symbol=text(data.get("symbol")) or "",
            qty=decimal(data.get("qty")),
            qty_available=decimal(data.get("qty_available")),
            avg_entry_price=decimal(data.get("avg_entry_price")),
            market_value=decimal(data.get("market_value")),
            unrealized_pl=decimal(data.get("unrealized_pl")),
            current_price=decimal(data.get("current_price")),
        )


def same_symbol(one: str, other: str) -> bool:
    """Whether two spellings name one symbol: positions and fills say BTCUSD for BTC/USD."""
    return one == other or one.replace("/", "") == other.replace("/", "")


_OPTION = re.compile(r"[A-Z0-9]{1,6}\d{6}[CP]\d{8}")


def is_option(symbol: str) -> bool:
    """Whether it names an option contract, such as AAPL261218C00200000."""
    return len(symbol) > 15 and _OPTION.fullmatch(symbol) is not None


def no_position(symbol: str) -> Position:
    """What the absence of a position means: zero shares."""
    zero = Decimal(0)
    return Position(symbol, zero, zero, None, zero, zero, None)


class Asset(Struct, frozen=True):
    """One asset's flags. Margin requirements are percent of value (30 means 30%)."""

    symbol: str
    asset_class: str | None
    status: str | None
    tradable: bool | None
    fractionable: bool | None
    shortable: bool | None
    marginable: bool | None
    margin_requirement_long: Decimal | None
    margin_requirement_short: Decimal | None
    multiplier: Decimal | None  # shares that one option contract stands for
    easy_to_borrow: bool | None
    attributes: tuple[str, ...] | None
    min_order_size: Decimal | None  # of a crypto pair, in its base
    min_trade_increment: Decimal | None
    price_increment: Decimal | None
    expires: str | None  # an option contract's last day, as YYYY-MM-DD

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Asset:
        house = decimal(data.get("maintenance_margin_requirement"))
        long = decimal(data.get("margin_requirement_long"))
        short = decimal(data.get("margin_requirement_short"))
        return cls(
            symbol=text(data.get("symbol")) or "",
            asset_class=text(data.get("class")),
            status=text(data.get("status")),
            tradable=flag(data.get("tradable")),
            fractionable=flag(data.get("fractionable")),
            shortable=flag(data.get("shortable")),
            marginable=flag(data.get("marginable")),
            margin_requirement_long=long if long is not None else house,
            margin_requirement_short=short if short is not None else house,
            multiplier=decimal(data.get("multiplier")),
            easy_to_borrow=_borrowable(data),
            attributes=_words(data.get("attributes")),
            min_order_size=decimal(data.get("min_order_size")),
            min_trade_increment=decimal(data.get("min_trade_increment")),
            price_increment=decimal(data.get("price_increment")),
            expires=text(data.get("expiration_date")),
        )


def _borrowable(data: Mapping[str, Any]) -> bool | None:
    """Whether it is easy to borrow; the flag gives way to `borrow_status` (facts page 1.7)."""
    status = text(data.get("borrow_status"))
    return flag(data.get("easy_to_borrow")) if status is None else status == "easy_to_borrow"


def _words(value: object) -> tuple[str, ...] | None:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else None


class Quote(Struct, frozen=True):
    """The latest quote. A side without interest (price 0) is None."""

    symbol: str
    feed: str | None
    bid: Decimal | None
    ask: Decimal | None
    at: datetime | None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Quote:
        quote = data.get("quote")
        fields: Mapping[str, Any] = quote if isinstance(quote, Mapping) else {}
        bid, ask = decimal(fields.get("bp")), decimal(fields.get("ap"))
        return cls(
            symbol=text(data.get("symbol")) or "",
            feed=text(data.get("feed")),
            bid=bid if bid else None,
            ask=ask if ask else None,
            at=moment(fields.get("t")),
        )

    @property
    def mid(self) -> Decimal | None:
        if self.bid is None or self.ask is None:
            return None
        return (self.bid + self.ask) / 2


class Trade(Struct, frozen=True):
    """The latest trade."""

    symbol: str
    feed: str | None
    price: Decimal | None
    at: datetime | None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Trade:
        trade = data.get("trade")
        fields: Mapping[str, Any] = trade if isinstance(trade, Mapping) else {}
        return cls(
            symbol=text(data.get("symbol")) or "",
            feed=text(data.get("feed")),
            price=decimal(fields.get("p")) or None,
            at=moment(fields.get("t")),
        )


class Clock(Struct, frozen=True):
    """The broker's clock and the next session boundaries."""

    timestamp: datetime | None
    is_open: bool | None
    next_open: datetime | None
    next_close: datetime | None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Clock:
        return cls(
            timestamp=moment(data.get("timestamp")),
            is_open=flag(data.get("is_open")),
            next_open=moment(data.get("next_open")),
            next_close=moment(data.get("next_close")),
        )


class World(Struct, frozen=True):
    """The one composite read before every write."""

    account: Account
    position: Position
    open_orders: tuple[Order, ...]
    quote: Quote | None
    asset: Asset | None
    clock: Clock
    positions: tuple[Position, ...] | None = None  # every one; None when they are not known

    @property
    def market(self) -> Quote | None:
        """The quote, if it can be reckoned with: while the market is open, as that of crypto always
        is, a quote without a time, or an old one, says nothing of the price now."""
        quote, now = self.quote, self.clock.timestamp
        if quote is None or (self.clock.is_open is False and "/" not in quote.symbol):
            return quote
        if quote.at is None or now is None or now - quote.at > STALE:
            return None
        return quote

    @classmethod
    def read(cls, symbol: str, data: Mapping[str, Any]) -> World:
        position, quote, asset = data.get("position"), data.get("quote"), data.get("asset")
        return cls(
            account=Account.read(data["account"]),
            position=Position.read(position) if position else no_position(symbol),
            open_orders=tuple(Order.read(order) for order in _objects(data.get("open_orders"))),
            quote=Quote.read(quote) if quote else None,
            asset=Asset.read(asset) if asset else None,
            clock=Clock.read(data.get("clock") or {}),
            positions=_positions(data.get("positions")),
        )


def _positions(value: object) -> tuple[Position, ...] | None:
    return tuple(map(Position.read, _objects(value))) if isinstance(value, list) else None
