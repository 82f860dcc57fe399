"""Which values of a line are estimates, and on what each rests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.drive.projection import Shown
from runner.drive.readings import Readings, clock_of
from runner.drive.wording import clock_time, fill_basis, quote_basis
from runner.effects import AwaitChange, Command, Event, Json, ReadOrder, ReadQuote
from runner.language.values import Certainty
from runner.machine import Run
from runner.machine.interpreter import certainty_of
from runner.world import decimal, moment

ESTIMATED = Certainty.ESTIMATED.name.lower()

FIELDS = {
    "take_profit": "take_profit.limit_price",
    "stop_loss": "stop_loss.stop_price",
    "stop_loss_limit": "stop_loss.limit_price",
}
"""Where the arguments of an order stand in its body, if not under their own names."""

OF_QUOTES = ("bid", "ask", "mid", "spread", "age")
OF_FILLS = ("filled_avg_price", "filled_at", "filled_qty", "remaining_qty")
OF_TIME = ("waited", "at")
OF_ORDERS = ("limit_price", "stop_price")
AT_THE_COLLAR = "marketable_limit"


class Estimates:
    """Follows what a line says and is told, and knows the basis of each of its estimates."""

    def __init__(self, run: Run, readings: Readings) -> None:
        self._run = run
        self._readings = readings
        self._bases: dict[str, str] = {}  # of named values, such as steps.quote.ask
        self._decided: dict[str, Shown] = {}  # what expressions of the running step came to
        self._args: dict[str, Shown] = {}
        self._symbol = ""  # whose quote the step has read
        self._fill: Mapping[str, Any] = {}  # the order that was last read
        self._prices: dict[str, str] = {}  # the basis of prices that were sent
        self._step = ""

    def decision(self, event: Event) -> None:
        """An expression was evaluated."""
        self._begin(event.step)
        bases = []
        for value in _rows(event.data.get("values")):
            if value.get("certainty") == ESTIMATED:
                name = str(value.get("name"))
                bases.append(self._bases.get(name) or self._basis(name.rpartition(".")[2]))
        certainty = str(event.data.get("certainty"))
        basis = ", ".join(dict.fromkeys(bases))
        self._decided[str(event.data["about"])] = Shown(event.data["verdict"], certainty, basis)

    def started(self, event: Event) -> dict[str, Shown]:
        """The arguments of a step, each as sure as the expression that it was computed by."""
        self._begin(event.step)
        args = event.data.get("args")
        shown = {}
        for name, value in args.items() if isinstance(args, dict) else ():
            decided = self._decided.get(name)
            shown[name] = (
                Shown(value, decided.certainty, decided.basis) if decided else Shown(value)
            )
        self._args = shown
        return shown

    def told(self, command: Command, data: Mapping[str, Any]) -> None:
        """An effect has come back."""
        self._begin(command.step)
        match command.effect:
            case ReadQuote(symbol):
                self._symbol = symbol
            case ReadOrder():
                self._fill = data
            case AwaitChange():
                orders = list((data.get("orders") or {}).values())
                filled = [one for one in orders if one.get("filled_avg_price") is not None]
                self._fill = next(iter([*filled, *orders]), self._fill)

    def finished(self, event: Event) -> dict[str, Shown]:
        """The outputs of a step that has ended."""
        self._begin(event.step)
        outputs = event.data.get("outputs")
        rows = outputs if isinstance(outputs, dict) else {}
        declared = self._run.step.action.outputs if self._run.step is not None else {}
        shown = {}
        for name, value in rows.items():
            output = declared.get(name)
            sure = certainty_of(self._run, output) if output is not None else Certainty.READ
            if name in OF_ORDERS and not self._priced(value):
                sure = Certainty.READ
            basis = self._basis(name, value) if sure is Certainty.ESTIMATED else ""
            shown[name] = Shown(value, sure.name.lower(), basis)
            if basis and event.data.get("id"):
                self._bases[f"steps.{event.data['id']}.{name}"] = basis
        return shown

    def of_body(self, body: Mapping[str, Json]) -> dict[str, Shown]:
        """The fields of an order's body that are estimates, by dotted name."""
        found = {}
        for name, decided in self._decided.items():
            path = FIELDS.get(name, name)
            value = _at(body, path)
            if decided.estimated and value is not None:
                found[path] = Shown(value, ESTIMATED, decided.basis)
        kind = self._args.get("type")
        if kind is not None and kind.value == AT_THE_COLLAR and body.get("limit_price") is not None:
            side = "ask" if body.get("side") == "buy" else "bid"
            basis = f"{quote_basis(self._readings, str(body.get('symbol')), side)}, and the collar"
            found["limit_price"] = Shown(body["limit_price"], ESTIMATED, basis)
        self._prices |= {str(shown.value): shown.basis for shown in found.values()}
        return found

    def _priced(self, value: Json) -> bool:
        """Whether a price of an order depends on the market: it was computed, or it trails."""
        trails = self._fill.get("type") == "trailing_stop"
        return trails or any(_same(value, price) for price in self._prices)

    def _begin(self, step: str) -> None:
        if step != self._step:
            self._step, self._decided, self._args = step, {}, {}
            self._symbol = ""

    def _basis(self, name: str, value: Json = None) -> str:
        if name in OF_QUOTES and self._symbol:
            side = name if name in ("bid", "ask") else "quote"
            return quote_basis(self._readings, self._symbol, side)
        if name in OF_FILLS:
            return fill_basis(self._readings, self._fill)
        if name in OF_TIME:
            return "projected time"
        if name in OF_ORDERS:
            found = [basis for price, basis in self._prices.items() if _same(value, price)]
            return found[0] if found else "it trails the market"
        at = moment(clock_of(self._readings).get("timestamp"))
        return f"account at {clock_time(at)}" if at is not None else "account"


def _same(value: Json, price: str) -> bool:
    one = decimal(value)
    return one is not None and one == decimal(price)


def _at(body: Mapping[str, Json], path: str) -> Json:
    value: Json = dict(body)
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _rows(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
