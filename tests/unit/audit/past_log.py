"""A log of another run, written record by record as that run would have written it."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from unit.audit.audit_sample import STARTED, TEXT, started

from runner.audit.canonical import digest
from runner.audit.ids import run_id
from runner.audit.journal import Journal
from runner.effects import Effect, ReadWorld, Replace, Submit, canonical, instant

ACCOUNT = "account-1"
PAPER = {"kind": "paper", "base_url": "https://paper-api.alpaca.markets"}
NOON = datetime(2026, 11, 23, 17, tzinfo=STARTED.tzinfo)
"""Noon in New York."""

MARKET_BUY = {"symbol": "AAPL", "side": "buy", "type": "market", "qty": "2"}


class PastLog:
    """A run of `seed` that began at `at`; the steps of its time are seconds."""

    def __init__(
        self,
        directory: Path,
        seed: int = 1,
        *,
        at: datetime = NOON,
        target: dict[str, str] | None = None,
        account: str | None = ACCOUNT,
        text: str = TEXT,
    ) -> None:
        self.run = run_id(STARTED, bytes([seed]) * 10)
        self.at = at
        self.journal = Journal.create(directory, self.run, wall=self._wall)
        self.path = self.journal.path
        self._n = 0
        sha = hashlib.sha256(text.encode()).hexdigest()
        runbook = {**started()["runbook"], "text": text, "sha256": sha}
        began = started(target=target or PAPER, started_at=instant(at), runbook=runbook)
        self.journal.append("run.started", began)
        if account is not None:
            self.journal.append("run.bound", {"account_id": account})

    def _wall(self) -> int:
        return int(self.at.timestamp()) * 1_000_000_000

    def judged(self, notional: str | None, guard: str = "max_order_notional") -> None:
        values = {} if notional is None else {"notional": notional}
        self.journal.append(
            "guard", {"guard": guard, "verdict": "pass", "values": values}, step="steps[0]"
        )

    def intends(self, effect: Effect) -> None:
        self._n += 1
        form = canonical(effect)
        data = {"n": self._n, "effect": form, "digest": digest(form)}
        self.journal.append("effect.intent", data, step="steps[0]")

    def told(self, status: str = "ok", **more: Any) -> None:
        self.at += timedelta(seconds=1)
        data = {"n": self._n, "at": instant(self.at), "status": status, **more}
        self.journal.append("effect.outcome", data, step="steps[0]")

    def refused(self, reason: str = "buying_power") -> None:
        self.told("refused", problem={"reason": reason, "message": "no"})

    def reads_world(self) -> None:
        self.intends(ReadWorld("AAPL"))
        self.told(data={"open_orders": []})

    def submits(self, identity: str, *, opens: bool = True, **body: Any) -> None:
        whole = {**MARKET_BUY, **body, "client_order_id": identity}
        self.intends(Submit(identity, whole, opens))

    def replaces(self, identity: str, order_id: str, *, opens: bool = True, **body: Any) -> None:
        whole = {**body, "client_order_id": identity}
        self.intends(Replace(order_id, identity, whole, opens))

    def taken(self, identity: str, order_id: str, **order: Any) -> None:
        """The broker took the order."""
        kept = {**MARKET_BUY, "status": "new", "filled_qty": "0", **order}
        self.told(data={"id": order_id, "client_order_id": identity, **kept})

    def sends(self, identity: str = "one", worth: str | None = "300", **body: Any) -> None:
        """An order from its guards to the broker's answer; its id there is its own in capitals."""
        if worth is not None:
            self.judged(worth)
        self.submits(identity, **body)
        self.taken(identity, identity.upper(), **body)

    def ends(self, status: str = "completed") -> None:
        data = {"status": status, "exit_code": 0, "result": {}}
        self.journal.append("run.finished", data)
        self.journal.close()
