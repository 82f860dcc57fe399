"""How far closing many positions has come, and what is held at each moment of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from msgspec.structs import replace

from runner.machine import Run, Steps
from runner.machine.agreement import AGAIN, AGREE_WITHIN, shows_own_fills
from runner.machine.failures import Cause, Failure, refused
from runner.machine.own_orders import OwnOrder
from runner.steps.holdings import read_holdings
from runner.steps.position import disagreement
from runner.world import Position, no_position

ZERO = Decimal(0)


@dataclass(slots=True)
class Closing:
    """How far it has come: by symbol what is held, the order that closes it, and what went wrong.

    `doubts` are troubles that do not keep a symbol from being closed as far as it can be.
    """

    symbols: tuple[str, ...]  # none named: those of the account
    names: dict[str, str] = field(default_factory=dict)
    held: dict[str, Position] = field(default_factory=dict)
    orders: dict[str, OwnOrder] = field(default_factory=dict)
    trouble: dict[str, Failure] = field(default_factory=dict)
    doubts: dict[str, Failure] = field(default_factory=dict)
    late: dict[str, Decimal] = field(default_factory=dict)  # filled by orders of others meanwhile
    settled: set[str] = field(default_factory=set)  # whose position is certain, and all of it free
    canceled: int = 0

    @property
    def open(self) -> list[str]:
        """The symbols with a position, or one whose size the broker does not say."""
        return [symbol for symbol, position in self.held.items() if position.qty != 0]

    @property
    def calm(self) -> list[Position]:
        """What is held in the symbols that have no trouble."""
        return [one for symbol, one in self.held.items() if symbol not in self.trouble]

    @property
    def working(self) -> list[OwnOrder]:
        return [own for own in self.orders.values() if own.may_be_live]

    @property
    def unfinished(self) -> list[str]:
        """The symbols of which more was held than has been closed since."""
        return [
            symbol
            for symbol in self.open
            if symbol not in self.orders
            or self.orders[symbol].filled_qty < abs(self.held[symbol].qty or ZERO)
        ]

    @property
    def worth_another_try(self) -> list[str]:
        """Those unfinished because the broker refused, or because something else held the shares,
        now that orders have filled: one may have stood on the other, as an option on its cover."""
        if not any(own.order.status == "filled" for own in self.orders.values()):
            return []
        working = [own.symbol for own in self.working]
        passing = [one for one, why in self.trouble.items()
                   if why.cause is not Cause.FAILED or why.guard]  # fmt: skip
        return [one for one in self.unfinished if one not in working and one not in passing]


def read_positions(run: Run, closing: Closing) -> Steps[None]:
    """Read what is held in every symbol that is to be closed, or ever was."""
    found = yield from read_holdings(run, closing.symbols, closing.names)
    own = closing.symbols or run.orders.symbols
    known = dict.fromkeys([*own, *closing.held, *found])
    closing.held = {symbol: found.get(symbol, no_position(symbol)) for symbol in known}


def settle(run: Run, closing: Closing) -> Steps[None]:
    """Read positions until each shows what was traded, and its shares are free."""
    first = {symbol: position.qty for symbol, position in closing.held.items()}

    def shows(position: Position) -> bool:
        late = closing.late.get(position.symbol, ZERO)
        if position.symbol not in run.baselines:
            return late == 0 or position.qty != first[position.symbol]
        return shows_own_fills(run, replace(position, qty=(position.qty or ZERO) - late))

    def settled(position: Position) -> bool:
        qty, free = position.qty, position.qty_available
        return qty is not None and free is not None and abs(free) >= abs(qty) and shows(position)

    yield from poll(run, closing, lambda: all(settled(one) for one in closing.calm))
    closing.settled = {one.symbol for one in closing.calm if settled(one)}
    for position in closing.calm:
        qty, expected = position.qty, run.expected_position(position.symbol) or ZERO
        if qty is None or position.qty_available is None:
            closing.trouble[position.symbol] = refused("the broker does not say how much is held")
        elif not shows(position) and (qty * expected < 0 or abs(qty) < abs(expected)):
            closing.doubts[position.symbol] = refused(disagreement(run, position))


def poll(run: Run, closing: Closing, done: Callable[[], bool]) -> Steps[None]:
    """Read positions until it is done, for as long as they may lag."""
    give_up = run.at + AGREE_WITHIN
    while True:
        yield from read_positions(run, closing)
        if done() or run.at >= give_up:
            return
        yield from run.sleep(min(AGAIN, give_up - run.at))
