"""The embedded exchange: a broker that is a function of its scenario, seed, and requests.

It has no clock, network, randomness or threads. Time comes with each request: the state is first
advanced to that moment, every step that is due in between happening in order of time. The same
scenario, seed and requests at the same moments give the same answers, byte for byte.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from runner.sim import calendar, changes, lifecycle, option_margin, option_routes, routes
from runner.sim.account import Account, Margin
from runner.sim.activities import Activities
from runner.sim.agenda import Agenda
from runner.sim.assets import Asset, Assets
from runner.sim.book import OrderBook
from runner.sim.contracts import SIZE
from runner.sim.events import Events
from runner.sim.faults import Faults
from runner.sim.matching import Step, follow
from runner.sim.messages import Request, Response, not_found
from runner.sim.orders import Order
from runner.sim.positions import Position, Positions
from runner.sim.ratelimit import RateLimit
from runner.sim.scenario import Scenario
from runner.sim.tape import Tape
from runner.sim.watchlists import Watchlists
from runner.sim.wire import ZERO


class Exchange:
    """One account at one broker. Not thread-safe; `serve` puts a lock around it."""

    def __init__(self, scenario: Scenario, seed: int | None = None) -> None:
        self.scenario = scenario
        self.seed = scenario.seed if seed is None else seed
        self.now = scenario.start
        self.served = 0  # requests answered so far
        self.assets = Assets(scenario.assets, scenario.prices, calendar.local_day(self.now))
        self.tape = Tape(
            scenario.start, scenario.prices, scenario.tape, scenario.previous_closes, self.seed
        )
        self.book = OrderBook()
        self.positions = Positions()
        self.activities = Activities()
        self.events = Events(self.seed)
        self.faults = Faults(scenario.faults, self.seed, self.now)
        self.watchlists = Watchlists()
        self.limit = RateLimit(scenario.rate_limit, scenario.start)
        self.agenda = Agenda()
        self._session = calendar.trading_day(self.now)
        before = calendar.session_before(self._session.day)
        self.account = Account.of(scenario, self.seed, before.day)
        for held in scenario.positions:
            asset = self.find_asset(held.symbol)
            close = self.tape.previous_close(held.symbol, self.now)
            self.positions.start_with(asset, held.qty, held.avg_entry_price, close)
        self._note_last_day(before)
        if scenario.last_equity is not None:
            self.account.last_equity = scenario.last_equity

    # ------------------------------------------------------------------ requests

    def apply(self, request: Request, at: datetime) -> Response:
        """The answer to a request that arrives at `at` (aware, UTC; earlier than now is now)."""
        self.advance(at)
        return routes.answer(self, request)

    # ------------------------------------------------------------------ time

    def advance(self, at: datetime) -> None:
        """Moves to `at`; every step that is due until then happens, in order of time."""
        while True:
            moment = self._session.post_close
            due, expiry = self.agenda.first(), self.agenda.first_expiry()
            if expiry is not None and expiry < moment:
                moment = expiry
            if due is not None and due.at < moment:
                moment = due.at
            if moment > at:
                break
            self.now = max(self.now, moment)
            if due is not None and due.at == moment:
                lifecycle.perform_next(self)
            elif expiry == moment:
                lifecycle.expire_next(self)
            else:
                self._begin_day()
        self.now = max(self.now, at)

    def next_event_at(self, limit: datetime) -> datetime | None:
        """The earliest moment up to `limit` at which an open order changes; None when none does."""
        while True:
            due, expiry = self.agenda.first(), self.agenda.first_expiry()
            if due is not None and (expiry is None or due.at <= expiry):
                if due.at > limit:
                    return None
                if due.step is Step.REPLACE:
                    return due.at
                order = self.book.find_open(due.order_id)
                if order is None:
                    self.agenda.take()
                elif due.step is Step.LOOK:
                    self.agenda.take()
                    changes.look(self, order, due.at)
                elif due.step is Step.ACTIVATE and order.status not in ("accepted", "pending_new"):
                    self.agenda.take()
                else:
                    return due.at
            else:
                return expiry if expiry is not None and expiry <= limit else None

    def _begin_day(self) -> None:
        # rule: account.last-equity
        ended, self._session = self._session, calendar.session_after(self._session.day)
        option_routes.settle_expired(self, ended.day, ended.close)
        for position in self.positions:
            close = self.tape.closing_price(position.asset.symbol, ended)
            position.day_cost = position.qty * close
        self._note_last_day(ended)

    def _note_last_day(self, ended: calendar.Session) -> None:
        margin = self.account.margin(
            self.positions, lambda symbol: self.tape.closing_price(symbol, ended)
        )
        self.account.last_equity = margin.equity
        self.account.last_maintenance = margin.maintenance
        self.account.balance_day = ended.day

    # ------------------------------------------------------------------ asking

    def find_asset(self, symbol_or_id: str) -> Asset:
        """The asset of a symbol or id. Raises `Refusal` (404)."""
        asset = self.assets.find(symbol_or_id)
        if asset is None:
            raise not_found(f"asset not found for {symbol_or_id}")
        return asset

    def margin(self) -> Margin:
        """What the positions are worth and require now."""
        return self.account.margin(self.positions, lambda symbol: self.tape.last(symbol, self.now))

    def day_trades(self) -> int:
        """Day trades in the current and the four sessions before it (legacy regime)."""
        if not self.account.legacy:
            return 0
        session = self._session
        for _ in range(4):
            session = calendar.session_before(session.day)
        return self.account.day_trade_count(session.day)

    def price(self, symbol: str, moment: datetime) -> Decimal:
        """Dollars that one share or contract of a symbol is worth at a moment."""
        asset = self.find_asset(symbol)
        return self.tape.last(asset.symbol, moment) * asset.size

    def book_change(self, asset: Asset, qty: Decimal, price: Decimal, cash: Decimal) -> bool:
        """Changes a position at a price, and the cash; says whether it ended a day trade.

        Whoever calls this tells `activities` of it: they are the record of what was changed.
        """
        self.account.cash += cash
        return self.positions.trade(asset, qty, price, calendar.local_day(self.now))

    def locked(self, symbol: str) -> Decimal:
        """Shares of a symbol that cover calls sold on them."""
        if not self.assets.has_options(symbol):
            return ZERO
        legs = [
            (position.asset.contract, position.qty)
            for position in self.positions
            if position.asset.contract and position.asset.contract.underlying == symbol
        ]
        pending = option_margin.pending_calls(self.book.open_option_orders(), symbol)
        return option_margin.uncovered_calls(legs, pending) * SIZE

    def available(self, position: Position) -> Decimal:
        """Shares of a position that no open order holds, signed as the position is."""
        side = "sell" if position.qty > 0 else "buy"
        held = self.book.held(position.asset.symbol, side)
        held += self.locked(position.asset.symbol) if position.qty > 0 else ZERO
        free = max(abs(position.qty) - held, ZERO)
        return free if position.qty > 0 else -free

    def order_body(self, order: Order, *, nested: bool = False) -> dict[str, Any]:
        """An order's JSON, its trailing stop brought up to now; `nested` shows its legs inside."""
        for member in order.family() if nested else (order,):
            if member.open:
                follow(member, self.now, self.tape)
        return order.body(nested=nested)

    def position_body(self, position: Position) -> dict[str, Any]:
        """A position's JSON at the current price."""
        symbol = position.asset.symbol
        return position.body(
            self.tape.last(symbol, self.now),
            self.tape.previous_close(symbol, self.now),
            self.available(position),
        )
