"""Logs of runs that send orders, made record by record, for the tests of what is read from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unit.audit.audit_sample import Script, new_id, started, ticking

from runner.audit.canonical import digest
from runner.audit.journal import Journal
from runner.audit.ledger import Ledger


class Told:
    """A run's records as they are added: effects are numbered, and time moves a second each."""

    def __init__(self, **header: Any) -> None:
        self.script: Script = [("run.started", started(**header))]
        self.n = 0

    @property
    def at(self) -> str:
        return f"2026-11-23T14:{30 + self.n // 60:02d}:{self.n % 60:02d}.000000Z"

    def effect(self, effect: dict[str, Any], status: str = "ok", **outcome: Any) -> None:
        """An effect and what became of it."""
        self.n += 1
        intent = {"n": self.n, "effect": effect, "digest": digest(effect)}
        self.script.append(("effect.intent", intent))
        told = {"n": self.n, "at": self.at, "status": status, **outcome}
        self.script.append(("effect.outcome", told))

    def submit(self, identity: str, status: str = "ok", **outcome: Any) -> None:
        body = {"symbol": "AAPL", "side": "buy", "qty": "10", "type": "limit",
                "limit_price": "100.50", "client_order_id": identity}  # fmt: skip
        effect = {"effect": "submit", "client_order_id": identity, "body": body}
        self.effect(effect, status, **outcome)

    def read(self, *orders: dict[str, Any]) -> None:
        """Orders as a wait reads them."""
        shown = {one["id"]: one for one in orders}
        self.effect({"effect": "await_change", "orders": list(shown)}, data={"orders": shown})

    def finish(self, **result: Any) -> None:
        data = {"status": "completed", "exit_code": 0, "result": result}
        self.script.append(("run.finished", data))

    def write(self, directory: Path, seed: int = 0, *, close: int | None = 0) -> Path:
        return write_steps(directory, self.script, new_id(seed), close=close)


def write_steps(directory: Path, script: Script, run: str, *, close: int | None = 0) -> Path:
    """Write a script as a run would; all that is not about the run itself is of `steps[0]`."""
    wall = ticking()
    ledger = Ledger(directory, wall=wall)
    with Journal.create(directory, run, wall=wall) as journal:
        ledger.opened(journal)
        for kind, data in script:
            outside = kind.startswith(("run.", "wire."))
            journal.append(kind, data, step=None if outside else "steps[0]")
        if close is not None:
            ledger.closed(journal, close)
    return journal.path


def shown(identity: str, **changes: Any) -> dict[str, Any]:
    """An order as the broker shows it."""
    return {
        "id": f"id-of-{identity}",
        "client_order_id": identity,
        "symbol": "AAPL",
        "side": "buy",
        "type": "limit",
        "qty": "10",
        "limit_price": "100.50",
        "status": "new",
        "filled_qty": "0",
        "filled_avg_price": None,
        "legs": None,
        **changes,
    }
