"""The symbols that the exchange knows, and the flags that decide what may be done with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from runner.sim.contracts import SIZE, UNDERLYINGS, Contract, chain, parse
from runner.sim.wire import decimal_text, derived_uuid

KNOWN_IDS = {"AAPL": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415"}  # from Alpaca's own examples
FULL_MARGIN = Decimal(100)
SHORTEST_OPTION = 16  # characters of the shortest option symbol


@dataclass(frozen=True, slots=True)
class Asset:
    """One US equity, crypto pair or option contract.

    Margin requirements are percentages of market value.
    """

    symbol: str
    name: str
    exchange: str = "NASDAQ"
    status: str = "active"
    tradable: bool = True
    marginable: bool = True
    shortable: bool = True
    easy_to_borrow: bool = True
    fractionable: bool = True
    margin_requirement_long: Decimal = Decimal(30)
    margin_requirement_short: Decimal = Decimal(30)
    attributes: tuple[str, ...] = ("fractional_eh_enabled", "has_options", "overnight_tradable")
    asset_class: str = "us_equity"
    id: str = ""
    contract: Contract | None = None  # of an option

    @property
    def size(self) -> int:
        """Shares that a quantity of one stands for."""
        return SIZE if self.contract else 1

    @property
    def crypto(self) -> bool:
        """Whether it is a crypto pair, such as BTC/USD."""
        return self.asset_class == "crypto"

    @property
    def position_symbol(self) -> str:
        """The symbol of a position in it."""
        # rule: crypto.symbols
        return self.symbol.replace("/", "") if self.crypto else self.symbol

    def __post_init__(self) -> None:
        if not self.id:
            known = KNOWN_IDS.get(self.symbol) or derived_uuid("asset", self.symbol)
            object.__setattr__(self, "id", known)

    @property
    def overnight(self) -> bool:
        """Whether it trades from 20:00 to 4:00 New York time."""
        return "overnight_tradable" in self.attributes and "overnight_halted" not in self.attributes

    def by_day(self) -> Asset:
        """The asset as it is for an account that does not trade overnight."""
        kept = tuple(name for name in self.attributes if name != "overnight_tradable")
        return replace(self, attributes=kept)

    def body(self) -> dict[str, Any]:
        """The asset as `/v2/assets` gives it."""
        # rule: shape.asset
        body = {
            "id": self.id,
            "class": self.asset_class,
            "exchange": self.exchange,
            "symbol": self.symbol,
            "name": self.name,
            "status": self.status,
            "tradable": self.tradable,
            "marginable": self.marginable,
            "maintenance_margin_requirement": self.margin_requirement_long,
            "margin_requirement_long": decimal_text(self.margin_requirement_long),
            "margin_requirement_short": decimal_text(self.margin_requirement_short),
            "shortable": self.shortable,
            "easy_to_borrow": self.easy_to_borrow,
            "borrow_status": "easy_to_borrow" if self.easy_to_borrow else "hard_to_borrow",
            "fractionable": self.fractionable,
            "attributes": list(self.attributes),
        }
        if self.crypto:
            # rule: crypto.asset
            body |= {
                "min_order_size": "0.000000001",
                "min_trade_increment": "0.000000001",
                "price_increment": "0.01",
            }
        return body


class Assets:
    """Every symbol of a scenario, found by symbol or id."""

    def __init__(self, assets: Iterable[Asset], prices: Mapping[str, Decimal], start: date) -> None:
        self._by_symbol = {asset.symbol: asset for asset in assets}
        self._by_id = {asset.id: asset for asset in self._by_symbol.values()}
        self._pairs = {a.position_symbol: a for a in self._by_symbol.values() if a.crypto}
        self._prices, self._start = prices, start
        self._options: dict[str, Asset] = {}
        self._optioned: set[str] = set()  # the symbols that have options, once those are made
        self._options_by_id: dict[str, Asset] = {}

    def find(self, symbol_or_id: str) -> Asset | None:
        """The asset of a symbol or an asset id, or None."""
        listed = self._by_symbol.get(symbol_or_id) or self._by_id.get(symbol_or_id.lower())
        return listed or self._pairs.get(symbol_or_id) or self.option(symbol_or_id)

    def package(self, symbol: str) -> Asset:
        """What stands for a combination of options where an order needs one asset."""
        return Asset(symbol, "", "", fractionable=False, attributes=(), asset_class="us_option")

    def option(self, symbol_or_id: str) -> Asset | None:
        """The option contract of a symbol or id, or None."""
        if len(symbol_or_id) < SHORTEST_OPTION:
            return None
        options = self.options()
        return options.get(symbol_or_id) or self._options_by_id.get(symbol_or_id.lower())

    def options(self) -> dict[str, Asset]:
        """Every option contract by symbol, underlying by underlying; made when first asked for."""
        if not self._options:
            for underlying in UNDERLYINGS:
                if underlying in self._by_symbol:
                    for contract in chain(underlying, self._prices[underlying], self._start):
                        self._options[contract.symbol] = _option(contract)
            for symbol in self._prices:
                named = parse(symbol)
                if named is not None and named.underlying in self._by_symbol:
                    self._options.setdefault(symbol, _option(named))
            self._optioned = {a.contract.underlying for a in self._options.values() if a.contract}
            self._options_by_id = {asset.id: asset for asset in self._options.values()}
        return self._options

    def has_options(self, symbol: str) -> bool:
        """Whether contracts on a symbol may be in positions and orders: none before one is read."""
        return symbol in self._optioned

    def all(self) -> list[Asset]:
        """Every asset, by symbol."""
        return [self._by_symbol[symbol] for symbol in sorted(self._by_symbol)]


def _option(contract: Contract) -> Asset:
    return Asset(
        contract.symbol,
        contract.name,
        "OPRA",
        marginable=False,
        shortable=True,
        fractionable=False,
        margin_requirement_long=FULL_MARGIN,
        margin_requirement_short=FULL_MARGIN,
        attributes=(),
        asset_class="us_option",
        contract=contract,
    )


def _pair(symbol: str, name: str, price: str) -> tuple[Asset, Decimal]:
    asset = Asset(
        symbol,
        name,
        "CRYPTO",
        marginable=False,
        shortable=False,
        easy_to_borrow=False,
        margin_requirement_long=FULL_MARGIN,
        margin_requirement_short=FULL_MARGIN,
        attributes=(),
        asset_class="crypto",
    )
    return asset, Decimal(price)


def _plain(symbol: str, name: str, exchange: str, price: str) -> tuple[Asset, Decimal]:
    return Asset(symbol, name, exchange), Decimal(price)


# Real tickers under their own names, with a plausible price each; and invented ones, named
# "Simulated …", each with one flag that a plan must be able to meet.
DEFAULT_MARKET: tuple[tuple[Asset, Decimal], ...] = (
    _plain("AAPL", "Apple Inc. Common Stock", "NASDAQ", "270.00"),
    _plain("AMD", "Advanced Micro Devices, Inc. Common Stock", "NASDAQ", "215.00"),
    _plain("AMZN", "Amazon.com, Inc. Common Stock", "NASDAQ", "225.00"),
    _plain("BAC", "Bank of America Corporation Common Stock", "NYSE", "52.00"),
    _plain("BRK.B", "Berkshire Hathaway Inc. Class B", "NYSE", "505.00"),
    _plain("DIA", "SPDR Dow Jones Industrial Average ETF Trust", "ARCA", "465.00"),
    _plain("F", "Ford Motor Company Common Stock", "NYSE", "13.20"),
    _plain("GE", "GE Aerospace Common Stock", "NYSE", "305.00"),
    _plain("GLD", "SPDR Gold Shares", "ARCA", "375.00"),
    _plain("GOOGL", "Alphabet Inc. Class A Common Stock", "NASDAQ", "290.00"),
    _plain("INTC", "Intel Corporation Common Stock", "NASDAQ", "36.00"),
    _plain("IWM", "iShares Russell 2000 ETF", "ARCA", "240.00"),
    _plain("JPM", "JPMorgan Chase & Co. Common Stock", "NYSE", "305.00"),
    _plain("KO", "Coca-Cola Company Common Stock", "NYSE", "71.00"),
    _plain("META", "Meta Platforms, Inc. Class A Common Stock", "NASDAQ", "610.00"),
    _plain("MSFT", "Microsoft Corporation Common Stock", "NASDAQ", "480.00"),
    _plain("NVDA", "NVIDIA Corporation Common Stock", "NASDAQ", "182.00"),
    _plain("ON", "ON Semiconductor Corporation Common Stock", "NASDAQ", "48.50"),
    _plain("PLTR", "Palantir Technologies Inc. Class A Common Stock", "NASDAQ", "165.00"),
    _plain("QQQ", "Invesco QQQ Trust, Series 1", "NASDAQ", "600.00"),
    _plain("SPY", "SPDR S&P 500 ETF Trust", "ARCA", "665.00"),
    _plain("T", "AT&T Inc.", "NYSE", "26.00"),
    _plain("TSLA", "Tesla, Inc. Common Stock", "NASDAQ", "405.00"),
    _plain("VTI", "Vanguard Total Stock Market ETF", "ARCA", "327.00"),
    _pair("BTC/USD", "Bitcoin / US Dollar", "92000.00"),
    _pair("ETH/USD", "Ethereum / US Dollar", "3050.00"),
    _plain("NO", "Simulated company with a ticker that YAML reads as false", "NYSE", "20.00"),
    _plain("PENY", "Simulated company below one dollar", "NASDAQ", "0.4321"),
    (
        Asset("NOFR", "Simulated company without fractional shares", fractionable=False),
        Decimal("75.00"),
    ),
    (
        Asset(
            "NOSH",
            "Simulated company that cannot be sold short",
            shortable=False,
            easy_to_borrow=False,
        ),
        Decimal("31.00"),
    ),
    (
        Asset(
            "NOMG",
            "Simulated company that cannot be bought on margin",
            marginable=False,
            shortable=False,
            easy_to_borrow=False,
            margin_requirement_long=FULL_MARGIN,
            margin_requirement_short=FULL_MARGIN,
        ),
        Decimal("8.00"),
    ),
    (
        Asset("NOXH", "Simulated company without fractional extended hours", attributes=()),
        Decimal("42.00"),
    ),
    (
        Asset("NOTR", "Simulated company that is not tradable", tradable=False, status="inactive"),
        Decimal("5.00"),
    ),
)
