"""A broker that answers readings as Alpaca's paper account does (facts page 2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from runner.drive.branches import project
from runner.drive.projection import Projection
from runner.effects import (
    Answer,
    Effect,
    Problem,
    ReadAccount,
    ReadActivities,
    ReadAsset,
    ReadCalendar,
    ReadClock,
    ReadConfiguration,
    ReadOpenOrders,
    ReadPositions,
    ReadPreviousClose,
    ReadQuote,
    Reason,
    Status,
    canonical,
)
from runner.guards import BUILT_IN, Policy, Rules
from runner.language.check import check
from runner.language.source import Source
from runner.steps import ACTIONS

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)

ACCOUNT: dict[str, Any] = {
    "id": "11111111-2222-4333-8444-555555555555",
    "account_number": "PA0000000000",
    "admin_configurations": {},
    "user_configurations": None,
    "status": "ACTIVE",
    "crypto_status": "ACTIVE",
    "crypto_tier": 1,
    "currency": "USD",
    "cash": "100005.83",
    "buying_power": "400023.32",
    "effective_buying_power": "400023.32",
    "regt_buying_power": "200011.66",
    "non_marginable_buying_power": "100005.83",
    "options_buying_power": "100005.83",
    "options_approved_level": 3,
    "options_trading_level": 3,
    "equity": "100005.83",
    "portfolio_value": "100005.83",
    "last_equity": "100003.74258806517",
    "long_market_value": "0",
    "short_market_value": "0",
    "position_market_value": "0",
    "initial_margin": "0",
    "maintenance_margin": "0",
    "last_maintenance_margin": "0",
    "sma": "100003.74",
    "multiplier": "4",
    "shorting_enabled": True,
    "trading_blocked": False,
    "account_blocked": False,
    "transfers_blocked": False,
    "trade_suspended_by_user": False,
    "accrued_fees": "0.17",
    "intraday_adjustments": "0",
    "pending_reg_taf_fees": "0",
    "balance_asof": "2026-11-20",
    "created_at": "2026-01-05T10:00:00.000000Z",
}
ASSET: dict[str, Any] = {
    "id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
    "class": "us_equity",
    "exchange": "NASDAQ",
    "symbol": "AAPL",
    "name": "Apple Inc. Common Stock",
    "status": "active",
    "tradable": True,
    "marginable": True,
    "shortable": True,
    "easy_to_borrow": True,
    "borrow_status": "easy_to_borrow",
    "fractionable": True,
    "maintenance_margin_requirement": 30,
    "margin_requirement_long": "30",
    "margin_requirement_short": "30",
    "attributes": ["fractional_eh_enabled", "has_options", "overnight_tradable"],
}
CLOCK = {
    "timestamp": "2026-11-23T10:00:00.123456789-05:00",
    "is_open": True,
    "next_open": "2026-11-24T09:30:00-05:00",
    "next_close": "2026-11-23T16:00:00-05:00",
}
QUOTE = {
    "symbol": "AAPL",
    "feed": "iex",
    "quote": {"bp": "183.98", "ap": "184.22", "bs": 2, "as": 1, "t": "2026-11-23T14:59:58.5Z"},
}
ORDER: dict[str, Any] = {
    "id": "aaaaaaaa-0000-4000-8000-000000000001",
    "client_order_id": "somebody-elses",
    "symbol": "AAPL",
    "side": "buy",
    "type": "limit",
    "order_type": "limit",
    "order_class": "",
    "time_in_force": "gtc",
    "status": "new",
    "qty": "10",
    "notional": None,
    "filled_qty": "0",
    "filled_avg_price": None,
    "limit_price": "150",
    "stop_price": None,
    "position_intent": "buy_to_open",
    "extended_hours": False,
    "created_at": "2026-11-20T15:00:00.123456789Z",
    "submitted_at": "2026-11-20T15:00:00.123456789Z",
    "updated_at": "2026-11-20T15:00:00.123456789Z",
    "expires_at": "2027-02-18T21:15:00Z",
    "replaced_by": None,
    "replaces": None,
    "legs": None,
    "source": None,
    "subtag": None,
}
POSITION: dict[str, Any] = {
    "asset_id": ASSET["id"],
    "symbol": "AAPL",
    "exchange": "NASDAQ",
    "asset_class": "us_equity",
    "asset_marginable": True,
    "qty": "20",
    "qty_available": "20",
    "avg_entry_price": "101.123456",
    "side": "long",
    "market_value": "3682",
    "cost_basis": "2022.46912",
    "unrealized_pl": "1659.53",
    "current_price": "184.1",
    "lastday_price": "180",
    "change_today": "0.02",
}


class RecordedAccount:
    """Answers readings; counts them; a write is an error of the test."""

    def __init__(self, **changes: Any) -> None:
        self.asked: list[dict[str, Any]] = []
        self.data: dict[str, Mapping[str, Any] | None] = {
            "read_account": ACCOUNT,
            "read_clock": CLOCK,
            "read_positions": {"positions": []},
            "read_open_orders": {"orders": []},
            "read_asset": ASSET,
            "read_quote": QUOTE,
            "read_configuration": {"suspend_trade": False, "fractional_trading": True,
                                   "no_shorting": False, "max_options_trading_level": None},
            "read_activities": {"activities": []},
            "read_previous_close": {"symbol": "AAPL", "bar": {"c": "180"}},
            "read_calendar": {"days": [{"date": "2026-11-23", "open": "09:30", "close": "16:00"}]},
            **changes,
        }  # fmt: skip

    def perform(self, effect: Effect, n: int) -> Answer:
        assert not effect.writes
        assert isinstance(
            effect,
            ReadAccount
            | ReadClock
            | ReadPositions
            | ReadOpenOrders
            | ReadAsset
            | ReadQuote
            | ReadPreviousClose
            | ReadConfiguration
            | ReadActivities
            | ReadCalendar,
        ), effect
        self.asked.append(canonical(effect))
        assert n > 0
        data = self.data[effect.name]
        if data is None:
            return Answer(Status.UNAVAILABLE, problem=Problem(Reason.TIMEOUT, "no answer in time"))
        return Answer(Status.OK, data)

    def plan(self, *lines: str, policy: Policy = BUILT_IN, **more: Any) -> Projection:
        """Plan the steps that are written, each on a line of its own."""
        steps = "".join(f"  - {line}\n" for line in lines)
        text = f"runbook: 1\nname: a-plan\nsymbols: any\nsteps:\n{steps}"
        checked = check(Source("plan.yaml", text), ACTIONS, {})
        assert checked.runbook is not None, list(checked.findings)
        rules = Rules.of(policy, checked.runbook.limits, "paper")
        return project(checked.runbook, self, now=NOW, rules=rules, **more)
