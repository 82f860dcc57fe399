"""A quiet market and a small order, for tests of guards; each test changes what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from unit.machine.scripted import ACCOUNT, ASSET, CLOCK, QUOTE

from runner.guards import Bounds, Draft, Judged, PastOrder, Rules, Tally, Verdict, judge
from runner.world import Configuration, Trade, World

AT = datetime(2026, 11, 23, 15, tzinfo=UTC)
D = Decimal
CONFIGURATION = Configuration.read(
    {"suspend_trade": False, "no_shorting": False, "fractional_trading": True,
     "max_options_trading_level": 3}
)  # fmt: skip
OPTION = "AAPL261218C00200000"


def world(qty: str = "0", **changes: Any) -> World:
    position = {"symbol": "AAPL", "qty": qty, "qty_available": qty} if qty != "0" else None
    data = {"account": ACCOUNT, "position": position, "open_orders": [], "quote": QUOTE,
            "asset": ASSET, "clock": CLOCK, "positions": [], **changes}  # fmt: skip
    return World.read("AAPL", data)


def draft(side: str = "buy", symbol: str = "AAPL", **body: Any) -> Draft:
    fields = {"type": "market", "time_in_force": "day", **({} if body else {"qty": "1"}), **body}
    return Draft(symbol, side, {"symbol": symbol, "side": side, **fields})


def quoted(
    bid: str, ask: str, *, feed: str = "iex", age: float = 0, **more: Any
) -> Mapping[str, Any]:
    """A quote of so many seconds ago."""
    at = (AT - timedelta(seconds=age)).isoformat()
    return {"symbol": "AAPL", "feed": feed, "quote": {"bp": bid, "ap": ask, "t": at, **more}}


def traded(price: str, age: float = 0) -> Trade:
    """A last trade of so many seconds ago."""
    return Trade("AAPL", "iex", D(price), AT - timedelta(seconds=age))


def closed(**more: Any) -> Mapping[str, Any]:
    """The clock while the market is closed."""
    return {**CLOCK, "is_open": False, **more}


def bounds(*, expected: str | None = "0", tally: Tally | None = None, **more: Any) -> Bounds:
    """Bounds without any limit that is not given in `more` by its own name."""
    rules = more.pop("rules", None) or Rules()
    names = {name: more.pop(name) for name in list(more) if name in rules.limits.__slots__}
    return Bounds(
        rules=rules.with_limits(**names),
        symbols=more.pop("symbols", ("AAPL",)),
        tally=tally or Tally(),
        at=AT,
        expected=None if expected is None else D(expected),
        configuration=CONFIGURATION,
        runbook="digest",
        **more,
    )


def past(**changes: Any) -> PastOrder:
    """An order that another run sent a minute and a half ago, worth 100 dollars."""
    fields: dict[str, Any] = {
        "at": AT - timedelta(seconds=90), "run": "other", "runbook": "another", "symbol": "MSFT",
        "side": "buy", "type": "market", "qty": D(1), "notional": None, "limit_price": None,
        "stop_price": None, "worth": D(100), **changes,
    }  # fmt: skip
    return PastOrder(**fields)


def verdicts(order: Draft, seen: World | None = None, **more: Any) -> dict[str, Verdict]:
    """Every guard's verdict by its code; of several the first that refuses."""
    one = Judged(order, seen or world(), bounds(**more))
    found: dict[str, Verdict] = {}
    for verdict in judge(order, [one]):
        if verdict.guard not in found or verdict.refused:
            found[verdict.guard] = verdict
    return found


def refusals(order: Draft, seen: World | None = None, **more: Any) -> list[str]:
    """The codes of the guards that refuse an order, in order."""
    return [code for code, verdict in verdicts(order, seen, **more).items() if verdict.refused]


def asked(code: str, order: Draft, seen: World | None = None, **more: Any) -> str:
    """What one guard says of an order: pass, refuse, exempt, off, or "" for nothing."""
    verdict = verdicts(order, seen, **more).get(code)
    return "" if verdict is None else verdict.verdict
