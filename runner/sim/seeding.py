"""An exchange that goes on from what another broker said: its account, positions and open orders.

A plan is carried out on it. Prices stand still at the last quote that was read: a buy fills at the
ask, a sale at the bid. What other hands have ordered stays open and is never filled. What the
broker's account allows and this exchange reckons differently is made up for by a difference that is
taken once, at the begin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from runner.sim import calendar
from runner.sim.account import Account, Margin
from runner.sim.assets import FULL_MARGIN, Asset, Assets
from runner.sim.contracts import parse
from runner.sim.exchange import Exchange
from runner.sim.messages import Refusal
from runner.sim.scenario import INTRADAY_MARGIN, LEGACY_PDT, Scenario
from runner.sim.seeded_orders import seed_orders
from runner.sim.sources import Point
from runner.sim.tickets import Ticket
from runner.sim.wire import CENT, ZERO

Json = Mapping[str, Any]


SEED = 7_308_332_045_624_043_886
"""Makes the ids of new orders others than those of an exchange that somebody else has started."""


class KnownAssets(Assets):
    """The assets that were read, and no others."""

    def __init__(self) -> None:
        self._known: dict[str, Asset] = {}

    def add(self, asset: Asset) -> None:
        """Takes in an asset, or what is known of it now."""
        self._known[asset.symbol] = asset

    def find(self, symbol_or_id: str) -> Asset | None:
        """The asset of a symbol, of a position's symbol, or of an id."""
        found = self._known.get(symbol_or_id)
        names = (symbol_or_id, symbol_or_id.lower())
        return found or next(
            (
                one
                for one in self._known.values()
                if one.position_symbol in names or one.id in names
            ),
            None,
        )

    def option(self, symbol_or_id: str) -> Asset | None:
        """The option contract of a symbol or id, or None."""
        found = self.find(symbol_or_id)
        return found if found is not None and found.contract is not None else None

    def options(self) -> dict[str, Asset]:
        """The option contracts by symbol."""
        return {symbol: one for symbol, one in self._known.items() if one.contract is not None}

    def has_options(self, symbol: str) -> bool:
        """Whether contracts on a symbol are known."""
        return any(
            one.contract is not None and one.contract.underlying == symbol
            for one in self._known.values()
        )

    def all(self) -> list[Asset]:
        """Every asset, by symbol."""
        return [self._known[symbol] for symbol in sorted(self._known)]


@dataclass(slots=True)
class SeededAccount(Account):
    """An account whose powers differ by fixed dollars from what this exchange reckons."""

    power_offset: Decimal = ZERO
    cash_offset: Decimal = ZERO

    def buying_power(self, margin: Margin, reserved: Decimal) -> Decimal:
        """Dollars of stock that may still be bought."""
        power = margin.power(margin.multiplier) - reserved + self.power_offset
        return max(power, ZERO).quantize(CENT)

    def cash_power(self, margin: Margin, reserved: Decimal) -> Decimal:
        """Dollars for what must be paid in full."""
        return max(_cash_power(self, margin, reserved) + self.cash_offset, ZERO).quantize(CENT)


class Seeded(Exchange):
    """The exchange that goes on. `unread` are ids of open orders that could not be taken over."""

    account: SeededAccount

    def __init__(
        self,
        account: Json,
        positions: Sequence[Json],
        open_orders: Sequence[Json],
        configuration: Json | None,
        at: datetime,
    ) -> None:
        self._scripts: dict[str, tuple[Point, ...]] = {}
        scenario = _scenario(account, at, self._scripts)
        super().__init__(scenario, SEED)
        self._told = account
        self.assets: KnownAssets = KnownAssets()
        before = calendar.session_before(calendar.trading_day(at).day)
        self.account = cast("SeededAccount", SeededAccount.of(scenario, self.seed, before.day))
        self.account.last_equity = _number(account.get("last_equity")) or ZERO
        if configuration is not None:
            with suppress(Refusal):  # a setting that this exchange does not have
                self.account.configure(dict(configuration))
        for row in positions:
            self._hold(row)
        self.unread = seed_orders(self, open_orders)
        self._base = self.money()
        self._calibrate()

    def learn(self, symbol: str, asset: Json | None, quote: Json | None, last: Json | None) -> bool:
        """Takes in what was read of a symbol; whether its price is known.

        `quote` has `bp` and `ap`, `last` is a trade with `p`. What a position is worth at the price
        known now changes nothing that the broker said of the account.
        """
        before = self.money()
        if asset is not None:
            self._know(_asset(symbol, asset))
        elif self.assets.find(symbol) is None:
            self._know(_unread_asset(symbol, {}))
        known = self.assets.find(symbol)
        assert known is not None
        self._price(known, quote, last)
        after = self.money()
        self._base = {name: self._base[name] + after[name] - before[name] for name in after}
        self._calibrate()
        return known.symbol in self._scripts

    def _know(self, asset: Asset) -> None:
        self.assets.add(asset)
        held = self.positions.find(asset.symbol)
        if held is not None:
            held.asset = asset

    def _price(self, asset: Asset, quote: Json | None, last: Json | None) -> None:
        bid, ask = (_number((quote or {}).get(side)) or None for side in ("bp", "ap"))
        traded = _number((last or {}).get("p"))
        known = self._scripts.get(asset.symbol)
        if known is not None and self.positions.find(asset.symbol) is not None:
            traded = known[0].price
        middle = (bid + ask) / 2 if bid and ask else bid or ask
        price = traded or middle or (known[0].price if known else None)
        if price is None:
            return
        self.set_price(asset.symbol, price, bid or price, ask or price)

    def set_price(self, symbol: str, price: Decimal, bid: Decimal, ask: Decimal) -> None:
        """The last price, bid and ask of a symbol, in dollars, from now on for ever."""
        self._scripts[symbol] = (Point(self.scenario.start, price, bid, ask),)
        self.tape._sources.pop(symbol, None)
        self.tape._remember()

    def _hold(self, row: Json) -> None:
        symbol, qty = str(row.get("symbol", "")), _number(row.get("qty"))
        if not symbol or not qty:
            return
        asset = _unread_asset(symbol, row)
        self.assets.add(asset)
        entry = _number(row.get("avg_entry_price")) or ZERO
        price = _number(row.get("current_price")) or entry
        close = _number(row.get("lastday_price")) or price
        if asset.contract is not None and asset.contract.underlying not in self._scripts:
            strike = asset.contract.strike  # until more is known: it must have some price
            self.set_price(asset.contract.underlying, strike, strike, strike)
        self.set_price(asset.symbol, price, price, price)
        self.positions.start_with(asset, qty, entry, close)

    def asset_of_order(self, ticket: Ticket, row: Json) -> Asset:
        """The asset of an open order, known by its symbol if by nothing else."""
        if ticket.legs:
            return self.assets.package(ticket.symbol)
        known = self.assets.find(ticket.symbol)
        if known is None:
            known = _unread_asset(ticket.symbol, row)
            self.assets.add(known)
        return known

    def price_or_none(self, symbol: str) -> Decimal | None:
        """The last price of a symbol in dollars, if it is known."""
        points = self._scripts.get(symbol)
        return points[0].price if points else None

    # ------------------------------------------------------------------ money

    def money(self) -> dict[str, Decimal]:
        """What this exchange makes of the account's money, in dollars, by the broker's names."""
        margin, reserved = self.margin(), self.book.reserved
        overnight = min(margin.multiplier, 2)
        power = margin.power(margin.multiplier) - reserved
        regt = margin.power(overnight) - reserved
        return {
            "cash": self.account.cash,
            "equity": margin.equity,
            "portfolio_value": margin.equity,
            "sma": margin.equity,
            "buying_power": power,
            "effective_buying_power": power,
            "daytrading_buying_power": power,
            "regt_buying_power": regt,
            "options_buying_power": regt / overnight,
            "non_marginable_buying_power": _cash_power(self.account, margin, reserved),
            "long_market_value": margin.long_value,
            "short_market_value": margin.short_value,
            "position_market_value": margin.long_value - margin.short_value,
            "initial_margin": margin.initial,
            "maintenance_margin": margin.maintenance,
        }

    def _calibrate(self) -> None:
        base, account = self._base, self.account
        power = _number(self._told.get("buying_power"))
        cash = _number(self._told.get("non_marginable_buying_power"))
        account.power_offset = ZERO if power is None else power - base["buying_power"]
        account.cash_offset = ZERO if cash is None else cash - base["non_marginable_buying_power"]

    def account_now(self) -> dict[str, Any]:
        """The broker's account object, its money moved by what has happened here since.

        What this exchange knows nothing of stays as the broker said it.
        """
        found = dict(self._told)
        for name, now in self.money().items():
            told, change = _number(found.get(name)), now - self._base[name]
            if told is None or not change:
                continue
            moved = told + change
            moved = max(moved, ZERO) if name.endswith("buying_power") else moved
            found[name] = f"{moved.quantize(CENT):f}"
        if found.get("daytrade_count") is not None:
            found["daytrade_count"] = self.day_trades()
        return found


def _cash_power(account: Account, margin: Margin, reserved: Decimal) -> Decimal:
    overnight = min(margin.multiplier, 2)
    return min(account.cash, margin.power(overnight) / overnight - reserved / margin.multiplier)


def _scenario(account: Json, at: datetime, scripts: Mapping[str, tuple[Point, ...]]) -> Scenario:
    legacy = any(account.get(name) is not None for name in ("pattern_day_trader", "daytrade_count"))
    return Scenario(
        start=at,
        cash=_number(account.get("cash")) or ZERO,
        multiplier=int(_number(account.get("multiplier")) or 1),
        status=str(account.get("status") or ""),
        trading_blocked=account.get("trading_blocked") is True,
        account_blocked=account.get("account_blocked") is True,
        trade_suspended_by_user=account.get("trade_suspended_by_user") is True,
        shorting_enabled=account.get("shorting_enabled") is not False,
        regime=LEGACY_PDT if legacy else INTRADAY_MARGIN,
        pattern_day_trader=account.get("pattern_day_trader") is True,
        daytrade_count=int(_number(account.get("daytrade_count")) or 0),
        assets=(),
        prices={},
        tape=scripts,
        rate_limit=None,
    )


# --------------------------------------------------------------------------- assets


def _asset(symbol: str, said: Json) -> Asset:
    """An asset, or an option contract, as the broker described it."""
    contract = parse(symbol)
    long = _number(said.get("margin_requirement_long"))
    short = _number(said.get("margin_requirement_short"))
    house = _number(said.get("maintenance_margin_requirement"))
    attributes = said.get("attributes")
    asset = Asset(
        symbol=symbol,
        name=str(said.get("name") or symbol),
        exchange=str(said.get("exchange") or ""),
        status=str(said.get("status") or "active"),
        tradable=said.get("tradable") is not False,
        marginable=said.get("marginable") is not False and contract is None,
        shortable=said.get("shortable") is True,
        easy_to_borrow=said.get("easy_to_borrow") is True,
        fractionable=said.get("fractionable") is True,
        margin_requirement_long=_first(long, house, Decimal(30)),
        margin_requirement_short=_first(short, house, Decimal(30)),
        attributes=tuple(map(str, attributes)) if isinstance(attributes, list) else (),
        asset_class=str(said.get("class") or ("us_option" if contract else "us_equity")),
        id=str(said.get("id") or ""),
        contract=contract,
    )
    return replace(asset, margin_requirement_long=FULL_MARGIN) if contract is not None else asset


def _unread_asset(symbol: str, row: Json) -> Asset:
    """What is known of an asset from a position in it, or from its symbol alone."""
    contract = parse(symbol)
    kind = str(row.get("asset_class") or ("crypto" if "/" in symbol else "us_equity"))
    kind = "us_option" if contract is not None else kind
    said = {
        "class": kind,
        "id": row.get("asset_id"),
        "exchange": row.get("exchange"),
        "marginable": row.get("asset_marginable") is not False and kind == "us_equity",
        "shortable": True,
        "fractionable": True,
    }
    return _asset(_pair(symbol) if kind == "crypto" else symbol, said)


def _pair(symbol: str) -> str:
    """A crypto position's symbol as orders spell it: BTCUSD is BTC/USD."""
    if "/" in symbol:
        return symbol
    for quote in ("USDT", "USDC", "USD", "BTC"):
        if symbol.endswith(quote) and symbol != quote:
            return f"{symbol.removesuffix(quote)}/{quote}"
    return symbol


def _first(*values: Decimal | None) -> Decimal:
    return next(value for value in values if value is not None)


def _number(value: object) -> Decimal | None:
    """A number as a broker writes it, or None."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        number = Decimal(value)
    except ArithmeticError:
        return None
    return number if number.is_finite() else None
