"""What Alpaca refuses at the moment of a POST, judged on the account, the market and the hour.

`check` runs every rule in a fixed order and raises the first refusal. A refused order leaves no
trace: no id, no row, no spent client order id. Status, code, message and extra keys follow the
error table of the fidelity page.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from decimal import ROUND_UP, Decimal

from runner.sim import calendar
from runner.sim.account import PDT_LIMIT, PDT_MINIMUM
from runner.sim.assets import Asset
from runner.sim.crypto_rules import check_crypto, check_crypto_balance
from runner.sim.group_reader import check_group_time_in_force
from runner.sim.group_rules import check_group
from runner.sim.matching import AUCTIONS
from runner.sim.messages import Refusal, forbidden, malformed, unprocessable
from runner.sim.option_rules import check_option, option_cost
from runner.sim.orders import Order
from runner.sim.situation import COLLAR, Situation, Verdict
from runner.sim.spread_rules import check_spread
from runner.sim.tickets import Ticket
from runner.sim.wash_rules import check_wash_trade
from runner.sim.wire import CENT, NANO, ZERO, decimal_text

SHORT_COLLAR = Decimal("1.03")


def check(ticket: Ticket, seen: Situation) -> Verdict:
    """The verdict on a ticket. Raises `Refusal` when Alpaca would."""
    _client_order_id(ticket, seen)
    _account(seen)
    if ticket.legs:
        return check_spread(ticket, seen)
    _asset(seen.asset)
    _kind(ticket, seen)
    intent = _intent(ticket, seen)
    _stop_side(ticket, seen)
    if ticket.order_class:
        check_group(ticket, intent, seen.last)
    check_wash_trade(ticket, seen)
    shares = _shares(ticket, seen)
    reserved = ZERO
    if seen.asset.crypto:
        reserved = check_crypto_balance(ticket, seen, shares)
    elif intent.endswith("_close"):
        _available(ticket, seen, shares)
    elif seen.asset.contract:
        reserved = option_cost(ticket, seen, shares, intent)
    else:
        if intent == "sell_to_open":
            _short(ticket, seen)
        reserved = _buying_power(ticket, seen, shares, intent)
    _day_trades(ticket, seen, intent)
    return Verdict(intent, reserved, shares)


def check_replacement(ticket: Ticket, seen: Situation, order: Order) -> Verdict:
    """The verdict on a ticket that is to replace an open order. Raises `Refusal`."""
    # rule: replace.checks
    seen = replace(seen, instead_of=order, buying_power=seen.buying_power + order.reserved)
    intent = order.position_intent
    _client_order_id(ticket, seen)
    _account(seen)
    if ticket.legs:
        return check_spread(ticket, seen)
    if ticket.order_class:
        check_group_time_in_force(ticket)
    _kind(ticket, seen)
    if not order.triggered:
        _stop_side(ticket, seen)
    check_wash_trade(ticket, seen)
    if order.status == "held":
        return Verdict(intent, ZERO, ZERO)
    shares = _shares(ticket, seen)
    if seen.asset.crypto:
        return Verdict(intent, check_crypto_balance(ticket, seen, shares), shares)
    if intent.endswith("_close"):
        _available(ticket, seen, shares)
        return Verdict(intent, ZERO, shares)
    if seen.asset.contract:
        return Verdict(intent, option_cost(ticket, seen, shares, intent), shares)
    return Verdict(intent, _buying_power(ticket, seen, shares, intent), shares)


# ------------------------------------------------------------------------- who and what


def _client_order_id(ticket: Ticket, seen: Situation) -> None:
    # rule: client-id.unique
    earlier = seen.book.by_client_id(ticket.client_order_id) if ticket.client_order_id else None
    if earlier is not None:
        error = unprocessable if earlier.open else malformed
        raise error("client_order_id must be unique")


def _account(seen: Situation) -> None:
    # rule: account.blocked
    if seen.account.configuration["suspend_trade"]:
        raise forbidden("new orders are rejected by user request (suspend_trade)")
    if seen.account.status != "ACTIVE" or seen.account.trading_blocked:
        raise forbidden("account is not authorized to trade")
    if seen.account.account_blocked:
        raise forbidden("account is blocked")


def _asset(asset: Asset) -> None:
    # rule: asset.tradable
    if not asset.tradable or asset.status != "active":
        raise unprocessable(f'asset "{asset.symbol}" is not tradable')


def _kind(ticket: Ticket, seen: Situation) -> None:
    """What orders in this kind of asset may look like."""
    if seen.asset.crypto:
        check_crypto(ticket)
        return
    _price_grid(ticket)
    if seen.asset.contract:
        check_option(ticket, seen)
        return
    _fractions(ticket, seen)
    _hours(ticket, seen)
    _trailing(ticket)


def _price_grid(ticket: Ticket) -> None:
    # rule: price.sub-penny
    stop_loss = ticket.stop_loss
    for name, price in (
        ("limit_price", ticket.limit_price),
        ("stop_price", ticket.stop_price),
        ("take_profit.limit_price", ticket.take_profit),
        ("stop_loss.stop_price", stop_loss.stop_price if stop_loss else None),
        ("stop_loss.limit_price", stop_loss.limit_price if stop_loss else None),
    ):
        if price is None:
            continue
        tick = Decimal("0.01") if price >= 1 else Decimal("0.0001")
        if price % tick:
            raise unprocessable(
                f"invalid {name} {decimal_text(price)}. sub-penny increment does not fulfill"
                " minimum pricing criteria"
            )


def _fractions(ticket: Ticket, seen: Situation) -> None:
    if not ticket.fractional:
        return
    # rule: fraction.asset
    if not seen.asset.fractionable or not seen.account.configuration["fractional_trading"]:
        raise forbidden(f'asset "{seen.asset.symbol}" is not fractionable')
    # rule: fraction.order
    if ticket.type == "trailing_stop":
        raise unprocessable("fractional orders must be market, limit, stop, or stop_limit orders")
    if ticket.time_in_force != "day":
        if ticket.time_in_force == "gtc" and ticket.type in ("stop", "stop_limit"):
            raise unprocessable("stop/stop_limit fractional GTC orders are not enabled")
        raise unprocessable("fractional orders must be DAY orders")
    if ticket.extended_hours and "fractional_eh_enabled" not in seen.asset.attributes:
        raise unprocessable(
            f'asset "{seen.asset.symbol}" does not accept fractional orders in extended hours'
        )


def _hours(ticket: Ticket, seen: Situation) -> None:
    # rule: hours.extended-order
    if ticket.extended_hours:
        if ticket.type in ("stop", "stop_limit", "trailing_stop"):
            raise unprocessable("stop orders are not eligible for extended hours trading")
        if ticket.type != "limit" or ticket.time_in_force not in ("day", "gtc"):
            raise unprocessable("extended hours order must be DAY or GTC limit orders")
    if ticket.time_in_force not in AUCTIONS:
        return
    if ticket.type not in ("market", "limit"):
        raise malformed("invalid time_in_force")
    # rule: hours.auction-cutoff
    session = calendar.session(calendar.local_day(seen.now))
    if session is None:
        return
    reopening = calendar.new_york(session.day, time(19))
    if ticket.time_in_force == "opg":
        if session.open - timedelta(minutes=2) <= seen.now < reopening:
            raise forbidden("opg orders must be submitted after 7:00pm and before 9:28am")
    elif session.close - timedelta(minutes=10) <= seen.now < reopening:
        raise forbidden("cls orders must be submitted after 7:00pm and before 3:50pm")


def _trailing(ticket: Ticket) -> None:
    # rule: trailing.time-in-force
    if ticket.type == "trailing_stop" and ticket.time_in_force not in ("day", "gtc"):
        raise malformed("invalid time_in_force")


# ------------------------------------------------------------------------- direction


def _intent(ticket: Ticket, seen: Situation) -> str:
    # rule: intent.inferred
    if ticket.side == "buy":
        inferred = "buy_to_close" if seen.held < 0 else "buy_to_open"
    else:
        inferred = "sell_to_close" if seen.held > 0 else "sell_to_open"
    if ticket.position_intent not in (None, inferred):
        raise unprocessable(
            f"position intent mismatch, inferred: {inferred}, specified: {ticket.position_intent}"
        )
    return inferred


def _stop_side(ticket: Ticket, seen: Situation) -> None:
    # rule: price.stop-side
    stop = ticket.stop_price
    if stop is None:
        return
    wrong = stop <= seen.last if ticket.side == "buy" else stop >= seen.last
    if wrong:
        word = "greater" if ticket.side == "buy" else "less"
        raise unprocessable(
            f"stop price must be {word} than current price",
            market_price=decimal_text(seen.last),
            stop_price=decimal_text(stop),
        )


# ------------------------------------------------------------------------- size


def _shares(ticket: Ticket, seen: Situation) -> Decimal:
    """Shares the order is for; of a notional order, as many as its dollars buy now."""
    if ticket.qty is not None:
        return ticket.qty
    assert ticket.notional is not None
    price = ticket.limit_price or (seen.quote.ask if ticket.side == "buy" else seen.quote.bid)
    return (ticket.notional / price).quantize(NANO, ROUND_UP)


def _available(ticket: Ticket, seen: Situation, shares: Decimal) -> None:
    # rule: size.available
    symbol, existing = seen.asset.symbol, abs(seen.held)
    own = seen.instead_of.held if seen.instead_of else ZERO
    held = min(seen.book.held(symbol, ticket.side) - own + seen.locked, existing)
    available = existing - held
    if shares <= available:
        return
    related = [order.id for order in seen.book.working(symbol, ticket.side)]
    extra: dict[str, object] = {"related_orders": related} if related else {}
    raise forbidden(
        "insufficient qty available for order"
        f" (requested: {decimal_text(shares)}, available: {decimal_text(available)})",
        available=decimal_text(available),
        existing_qty=decimal_text(existing),
        held_for_orders=decimal_text(held),
        symbol=symbol,
        **extra,
    )


def _short(ticket: Ticket, seen: Situation) -> None:
    # rule: short.allowed
    if not seen.account.may_short(seen.margin):
        raise forbidden("account is not allowed to short")
    if not seen.asset.shortable:
        raise unprocessable(f'asset "{seen.asset.symbol}" cannot be sold short')
    if ticket.fractional:
        # rule: fraction.short
        raise unprocessable("fractional orders cannot be sold short")


def _buying_power(ticket: Ticket, seen: Situation, shares: Decimal, intent: str) -> Decimal:
    """Dollars of buying power that an opening order sets aside."""
    cost = _cost(ticket, seen, shares)
    if intent == "buy_to_open" and ticket.fractional and cost < 1:
        # rule: size.minimum
        raise forbidden("cost basis must be >= minimal amount of order 1")
    weight = 1 if seen.asset.marginable else seen.margin.multiplier
    # Whole cents, so that what all orders set aside adds up exactly for ever.
    reserved = (cost * weight).quantize(CENT, ROUND_UP)
    # rule: account.buying-power
    if reserved > seen.buying_power:
        raise forbidden(
            "insufficient buying power",
            buying_power=decimal_text(seen.buying_power),
            cost_basis=decimal_text(cost),
        )
    return reserved


def _cost(ticket: Ticket, seen: Situation, shares: Decimal) -> Decimal:
    # rule: account.collar
    if ticket.notional is not None:
        return ticket.notional
    ask = seen.quote.ask
    if ticket.side == "sell":
        return shares * max(ticket.limit_price or ZERO, ask * SHORT_COLLAR)
    if ticket.limit_price is not None:
        return shares * ticket.limit_price
    return shares * max(ask, ticket.stop_price or ZERO) * COLLAR


# ------------------------------------------------------------------------- legacy day trading


def _day_trades(ticket: Ticket, seen: Situation, intent: str) -> None:
    # rule: pdt.legacy
    account = seen.account
    if not account.legacy or seen.margin.equity >= PDT_MINIMUM:
        return
    if intent.endswith("_open"):
        refused = account.flagged
    else:
        today = calendar.local_day(seen.now)
        opened_today = seen.position is not None and seen.position.opened_on == today
        refused = opened_today and seen.day_trades >= PDT_LIMIT
    if refused:
        raise Refusal(403, 40310100, "trade denied due to pattern day trading protection")
