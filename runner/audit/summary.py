"""One run in one line: how it ended, what it bought and sold, and what it left open.

A finished run says all of this in its last record, so only the ends of its log are read. A log
without that record is read whole, because what it left open matters most. Neither says whether the
log can be believed: `verify` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from runner.audit.ends import Ends, Listed, ends, listed
from runner.audit.errors import LogDamaged
from runner.audit.log import logs_in, scan
from runner.audit.records import Record
from runner.audit.sent import Sent, filled_dollars, mapping
from runner.effects import Json
from runner.world import decimal


@dataclass(frozen=True, slots=True)
class Held:
    """What a run's own fills left of one symbol, in shares (negative: sold short), and how many of
    them an exit of the run protects; None where that is not known."""

    symbol: str
    qty: str
    protected: str | None


@dataclass(frozen=True, slots=True)
class Summary:
    """One run in one line. Nothing in it is made fit for a terminal.

    `status` is the run's, or `open`, `empty`, `damaged`, `unreadable`, or `missing` where only the
    ledger knows the log; `damage` says why. `orders` counts the orders sent, those of unknown fate
    included, without their legs. `bought` and `sold` are dollars filled, fees left out; None when
    they cannot be told. `held` and `open_orders` are what was left at the run's end.
    """

    path: Path
    run: str
    status: str
    started_at: str = ""
    name: str = ""
    target: str = ""
    server: str = ""
    exit_code: int | None = None
    orders: int = 0
    bought: Decimal | None = Decimal(0)
    sold: Decimal | None = Decimal(0)
    held: tuple[Held, ...] = ()
    open_orders: tuple[str, ...] = ()
    damage: str = ""

    def to_data(self) -> dict[str, Json]:
        return {
            "audit_log": str(self.path),
            "run_id": self.run,
            "started_at": self.started_at,
            "name": self.name,
            "target": self.target,
            "server": self.server,
            "status": self.status,
            "exit_code": self.exit_code,
            "orders": self.orders,
            "bought": None if self.bought is None else f"{self.bought:f}",
            "sold": None if self.sold is None else f"{self.sold:f}",
            "positions": [
                {"symbol": one.symbol, "run_qty": one.qty, "protected_qty": one.protected}
                for one in self.held
            ],
            "open_orders": list[Json](self.open_orders),
            "damage": self.damage or None,
        }


@dataclass(frozen=True, slots=True)
class Listing:
    """Every run of a directory, oldest first, those included whose log is gone. `ledger` says what
    is wrong with the ledger, if anything: then a cut-off end does not show."""

    runs: tuple[Summary, ...]
    ledger: str


def summaries(directory: Path) -> Listing:
    """The runs of a directory. A file that is damaged, or no log, is a run of status `damaged`."""
    known, wrong = listed(directory)
    found = [summarize(path, known.get(path.name)) for path in logs_in(directory)]
    present = {one.path.name for one in found}
    gone = [
        Summary(directory / name, entry.run or "", "missing", damage="the ledger names it")
        for name, entry in known.items()
        if name not in present
    ]
    return Listing(tuple(sorted([*found, *gone], key=_by_start)), wrong)


def _by_start(one: Summary) -> tuple[str, str]:
    """Oldest first; run ids tell seconds only, and a log without a start has nothing better."""
    return one.path.name[:15], one.started_at or one.path.name


def summarize(path: Path, entry: Listed | None = None) -> Summary:
    """One run. `entry` is what the ledger says of its log; where it closed the log, the last record
    must be the one with which it did."""
    try:
        found = ends(path)
        if found is None:
            return Summary(path, path.stem, "empty")
        says = found.last.type == "run.finished" and "orders" in found.last.data["result"]
        summary = _by_its_end(path, found) if says else _by_all(path, found)
        return _against(summary, found, entry)
    except LogDamaged as error:
        return Summary(path, path.stem, "damaged", damage=_where(error))
    except OSError as error:
        return Summary(path, path.stem, "unreadable", damage=error.strerror or str(error))


def left_open(summary: Summary) -> Iterator[str]:
    """In words, one phrase each: positions and orders that the run left."""
    for one in summary.held:
        protected = "" if one.protected is None else f", {one.protected} protected"
        yield f"{one.qty} {one.symbol}{protected}"
    if summary.open_orders:
        count = len(summary.open_orders)
        yield f"{count} {'order' if count == 1 else 'orders'}"


def _by_its_end(path: Path, found: Ends) -> Summary:
    data = found.last.data
    result = mapping(data["result"])
    orders = [mapping(one) for one in _list(result.get("orders"))]
    sent = [one for one in orders if not one.get("leg_of") and one.get("status") != "refused"]
    held = [mapping(one) for one in _list(result.get("positions"))]
    return Summary(
        **_header(path, found.first),
        status=data["status"],
        exit_code=data["exit_code"],
        orders=len(sent),
        bought=_dollars(orders, "buy"),
        sold=_dollars(orders, "sell"),
        held=tuple(
            Held(_text(one, "symbol"), _text(one, "run_qty"), _text(one, "protected_qty"))
            for one in held
            if decimal(one.get("run_qty")) != 0
        ),
        open_orders=tuple(str(one) for one in _list(result.get("open_orders"))),
    )


def _by_all(path: Path, found: Ends) -> Summary:
    sent, damage = Sent(), ""
    for line in scan(path):
        if line.torn is not None:
            break
        if line.broken or line.record is None:
            damage = f"line {line.number} (byte {line.offset}): {line.reason}"
            break
        sent.see(line.record)
    orders = list(sent.orders.values())
    terms = [one.terms for one in orders]
    end = found.last.data if found.last.type == "run.finished" else {}
    return Summary(
        **_header(path, found.first),
        status="damaged" if damage else str(end.get("status", "open")),
        exit_code=None if damage else end.get("exit_code"),
        orders=sum(1 for one in orders if one.effect and not one.terms.get("replaces")
                   and one.reached),
        bought=_dollars(terms, "buy"),
        sold=_dollars(terms, "sell"),
        held=tuple(_net(terms)),
        open_orders=tuple(one.client_order_id for one in orders if one.may_be_live),
        damage=damage,
    )  # fmt: skip


def _against(summary: Summary, found: Ends, entry: Listed | None) -> Summary:
    """The summary, unless the ledger closed the log with another record than its last."""
    if entry is None or entry.closing is None:
        return summary
    last, closing = found.last, entry.closing
    if (last.seq, last.hash) == (closing["records"], closing["head"]):
        return summary
    why = f"the ledger closed it with record {closing['records']}, and another is its last"
    return Summary(**_header(summary.path, found.first), status="damaged", damage=why)


def _header(path: Path, first: Record) -> dict[str, Any]:
    data = first.data
    target = data["target"]
    return {
        "path": path,
        "run": first.run or path.stem,
        "started_at": first.ts,
        "name": data["runbook"]["name"],
        "target": target["kind"],
        "server": target["base_url"],
    }


def _dollars(orders: list[Mapping[str, Any]] | list[dict[str, str]], side: str) -> Decimal | None:
    """What the fills of one side came to; None as soon as one of them cannot be told."""
    total = Decimal(0)
    for one in orders:
        if one.get("side") == side and one.get("symbol"):
            dollars = filled_dollars(one)
            if dollars is None and one.get("filled_qty") is not None:
                return None
            total += dollars or 0
    return total


def _net(orders: list[dict[str, str]]) -> Iterator[Held]:
    """Shares by symbol that the fills of an unfinished run come to."""
    net: dict[str, Decimal] = {}
    for one in orders:
        filled = decimal(one.get("filled_qty")) or Decimal(0)
        if one.get("symbol"):
            signed = filled if one.get("side") == "buy" else -filled
            net[one["symbol"]] = net.get(one["symbol"], Decimal(0)) + signed
    for symbol, qty in net.items():
        if qty:
            yield Held(symbol, f"{qty:f}", None)


def _where(error: LogDamaged) -> str:
    return f"line {error.line}: {error.reason}" if error.line else error.reason


def _text(one: Mapping[str, Any], key: str) -> str:
    value = one.get(key)
    return "" if value is None else str(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
