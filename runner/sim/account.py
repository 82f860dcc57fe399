"""The account: cash, margin, buying power, its settings and its JSON shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from runner.sim.contracts import Contract
from runner.sim.messages import malformed
from runner.sim.option_margin import requirement
from runner.sim.positions import Position
from runner.sim.scenario import LEGACY_PDT, Scenario
from runner.sim.wire import CENT, ZERO, decimal_text, derived_uuid, read_bool

HALF = Decimal("0.5")
MARGIN_MINIMUM = Decimal(2000)  # Regulation T: below this equity there is no margin
PDT_MINIMUM = Decimal(25000)
PDT_LIMIT = 3
APPROVED_OPTIONS_LEVEL = 3


@dataclass(frozen=True, slots=True)
class Margin:
    """What the positions are worth and require at one moment; dollars."""

    equity: Decimal
    long_value: Decimal
    short_value: Decimal
    initial: Decimal
    maintenance: Decimal
    multiplier: int  # the one in force
    marginable: Decimal  # absolute value of positions that may be held on margin
    unmarginable: Decimal  # absolute value of positions that must be paid in full

    def power(self, multiplier: int) -> Decimal:
        """Dollars of stock that could still be held at a multiplier."""
        return multiplier * (self.equity - self.unmarginable) - self.marginable


@dataclass(slots=True)
class Account:
    """The account's own state. What follows from prices is computed, never stored."""

    id: str
    number: str
    cash: Decimal
    multiplier: int
    status: str
    trading_blocked: bool
    account_blocked: bool
    shorting_enabled: bool
    last_equity: Decimal
    last_maintenance: Decimal
    balance_day: date
    created_at: datetime
    legacy: bool
    flagged: bool  # pattern_day_trader, legacy regime only
    earlier_day_trades: int
    omit: frozenset[str]
    configuration: dict[str, Any]
    day_trades: list[date] = field(default_factory=list)

    @classmethod
    def of(cls, scenario: Scenario, seed: int, balance_day: date) -> Account:
        """The account at a scenario's begin."""
        configuration: dict[str, Any] = {
            "disable_overnight_trading": False,
            "fractional_trading": True,
            "max_margin_multiplier": "4",
            "max_options_trading_level": 3,
            "no_shorting": False,
            "ptp_no_exception_entry": False,
            "suspend_trade": scenario.trade_suspended_by_user,
            "trade_confirm_email": "all",
        }
        if scenario.regime == LEGACY_PDT:
            configuration |= {"dtbp_check": "entry", "pdt_check": "entry"}
        return cls(
            id=derived_uuid(seed, "account"),
            number=f"SIM{seed % 10**8:08d}",
            cash=scenario.cash,
            multiplier=scenario.multiplier,
            status=scenario.status,
            trading_blocked=scenario.trading_blocked,
            account_blocked=scenario.account_blocked,
            shorting_enabled=scenario.shorting_enabled,
            last_equity=ZERO,
            last_maintenance=ZERO,
            balance_day=balance_day,
            created_at=scenario.start,
            legacy=scenario.regime == LEGACY_PDT,
            flagged=scenario.pattern_day_trader,
            earlier_day_trades=scenario.daytrade_count,
            omit=scenario.omit,
            configuration=configuration,
        )

    # ------------------------------------------------------------------ margin

    def margin(self, positions: Iterable[Position], price: Callable[[str], Decimal]) -> Margin:
        """Values and requirements of positions at the prices that `price` gives."""
        long_value = short_value = maintenance = marginable = unmarginable = option_value = ZERO
        options: list[tuple[Contract, Decimal]] = []
        for position in positions:
            asset = position.asset
            value = position.qty * price(asset.symbol) * asset.size
            if asset.contract is not None:
                options.append((asset.contract, position.qty))
                long_value, short_value = (
                    long_value + max(value, ZERO),
                    short_value + min(value, ZERO),
                )
                option_value += value
                continue
            size = abs(value)
            if value > 0:
                long_value += value
                required = asset.margin_requirement_long
            else:
                short_value += value
                required = asset.margin_requirement_short
            # rule: account.margin
            maintenance += size * required / 100
            if asset.marginable:
                marginable += size
            else:
                unmarginable += size
        # rule: options.margin
        required = requirement(options) + max(option_value, ZERO) if options else ZERO
        maintenance += required
        unmarginable += required
        equity = self.cash + long_value + short_value
        return Margin(
            equity=equity,
            long_value=long_value,
            short_value=short_value,
            initial=marginable * HALF + unmarginable,
            maintenance=maintenance,
            multiplier=self._multiplier(equity),
            marginable=marginable,
            unmarginable=unmarginable,
        )

    def _multiplier(self, equity: Decimal) -> int:
        # rule: account.minimum-equity
        if equity < MARGIN_MINIMUM:
            return 1
        return min(self.multiplier, int(self.configuration["max_margin_multiplier"]))

    def buying_power(self, margin: Margin, reserved: Decimal) -> Decimal:
        """Dollars of stock that may still be bought; open buy orders already taken off."""
        # rule: account.buying-power
        return _cents(margin.power(margin.multiplier) - reserved)

    def cash_power(self, margin: Margin, reserved: Decimal) -> Decimal:
        """Dollars for what must be paid in full: options and crypto."""
        overnight = min(margin.multiplier, 2)
        excess = margin.power(overnight) / overnight - reserved / margin.multiplier
        return _cents(min(self.cash, excess))

    @property
    def options_level(self) -> int:
        """The options trading level in force: the approved one or the user's own limit."""
        return min(APPROVED_OPTIONS_LEVEL, int(self.configuration["max_options_trading_level"]))

    # ------------------------------------------------------------------ day trades (legacy)

    def day_trade_count(self, since: date) -> int:
        """Day trades of the scenario and of this run since a day."""
        return self.earlier_day_trades + sum(day >= since for day in self.day_trades)

    # ------------------------------------------------------------------ JSON

    def body(self, margin: Margin, reserved: Decimal, day_trades: int) -> dict[str, Any]:
        """The account as `/v2/account` gives it."""
        # rule: shape.account
        power = self.buying_power(margin, reserved)
        overnight = min(margin.multiplier, 2)
        regt = margin.power(overnight) - reserved
        excess = regt / overnight
        body: dict[str, Any] = {
            "id": self.id,
            "admin_configurations": {},
            "user_configurations": None,
            "account_number": self.number,
            "status": self.status,
            "crypto_status": "ACTIVE",
            "crypto_tier": 1,
            "options_approved_level": APPROVED_OPTIONS_LEVEL,
            "options_trading_level": self.options_level,
            "currency": "USD",
            "buying_power": decimal_text(power),
            "regt_buying_power": decimal_text(_cents(regt)),
            "effective_buying_power": decimal_text(power),
            "non_marginable_buying_power": decimal_text(_cents(min(self.cash, excess))),
            "options_buying_power": decimal_text(_cents(excess)),
            "cash": decimal_text(self.cash),
            "accrued_fees": "0",
            "portfolio_value": decimal_text(margin.equity),
            "trading_blocked": self.trading_blocked,
            "transfers_blocked": False,
            "account_blocked": self.account_blocked,
            "created_at": self.created_at.isoformat(timespec="microseconds")[:26] + "Z",
            "trade_suspended_by_user": self.configuration["suspend_trade"],
            "multiplier": str(margin.multiplier),
            "shorting_enabled": self.may_short(margin),
            "equity": decimal_text(margin.equity),
            "last_equity": decimal_text(self.last_equity),
            "long_market_value": decimal_text(margin.long_value),
            "short_market_value": decimal_text(margin.short_value),
            "position_market_value": decimal_text(margin.long_value - margin.short_value),
            "initial_margin": decimal_text(margin.initial),
            "maintenance_margin": decimal_text(margin.maintenance),
            "last_maintenance_margin": decimal_text(self.last_maintenance),
            "sma": decimal_text(margin.equity),
            "balance_asof": self.balance_day.isoformat(),
            "intraday_adjustments": "0",
            "pending_reg_taf_fees": "0",
        }
        if self.legacy:
            # rule: pdt.legacy
            body["pattern_day_trader"] = self.flagged
            body["daytrade_count"] = day_trades
            body["daytrading_buying_power"] = decimal_text(power) if self.flagged else "0"
        for key in self.omit:
            body.pop(key, None)
        return body

    def may_short(self, margin: Margin) -> bool:
        """Whether short sales are allowed at all."""
        # rule: account.shorting
        return (
            self.shorting_enabled
            and not self.configuration["no_shorting"]
            and margin.multiplier > 1
            and margin.equity >= MARGIN_MINIMUM
        )

    def configure(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Applies a PATCH of the configuration; nulls and unknown keys change nothing."""
        # rule: configuration.patch
        read = {name: _read_setting(name, changes.get(name)) for name in self.configuration}
        self.configuration |= {name: value for name, value in read.items() if value is not None}
        return self.configuration_body()

    def configuration_body(self) -> dict[str, Any]:
        """The configuration as `/v2/account/configurations` gives it."""
        # rule: shape.configuration
        return dict(self.configuration)


CHOICES: dict[str, tuple[str, ...]] = {
    "max_margin_multiplier": ("1", "2", "4"),
    "max_options_trading_level": ("0", "1", "2", "3"),
    "trade_confirm_email": ("all", "none"),
    "dtbp_check": ("both", "entry", "exit"),
    "pdt_check": ("both", "entry", "exit"),
}


def _read_setting(name: str, value: object) -> object:
    if value is None or value == "":
        return None
    if name not in CHOICES:
        return read_bool(value, name)
    if str(value) not in CHOICES[name]:
        raise malformed(f"{name} is invalid")
    return int(str(value)) if name == "max_options_trading_level" else str(value)


def _cents(amount: Decimal) -> Decimal:
    return Decimal(max(amount, ZERO)).quantize(CENT, ROUND_DOWN)
