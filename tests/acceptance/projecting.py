"""Plans over a real TradingClient and real HTTP against a served exchange, which must not change.

The exchange's time stands still but for waits. Every projection that a test makes is made twice and
must be equal; the exchange must have received nothing but GETs, and be the same afterwards.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from acceptance.harness import plan_of

from runner.audit.log import read_log
from runner.broker.credentials import Credentials
from runner.broker.gateway import Gateway
from runner.broker.targets import resolve
from runner.drive.branches import project
from runner.drive.observer import Nobody
from runner.drive.projection import Line, PlannedStep, Projection
from runner.drive.session import Plan, begin
from runner.drive.signals import Signals
from runner.guards import BUILT_IN, Policy, Rules
from runner.language.check import check
from runner.language.runbook import Runbook
from runner.language.source import Source
from runner.sim import Exchange, Served, VirtualClock, read_scenario, serve
from runner.steps import ACTIONS

KEYS = {"APCA-API-KEY-ID": "PKTEST", "APCA-API-SECRET-KEY": "a-secret"}
STILL: dict[str, Any] = {
    "tape": {
        "AAPL": [["0s", "100", "99.99", "100.01"]],
        "MSFT": [["0s", "50", "49.99", "50.01"]],
    },
    "rate_limit": "off",
}


@dataclass
class Target:
    """A served exchange, and who reads and trades there."""

    served: Served
    audit: Path
    policy: Policy = BUILT_IN
    asked: int = field(default=0)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        address = urlsplit(self.served.url).netloc
        with closing(http.client.HTTPConnection(address)) as connection:
            connection.request(method, path, json.dumps(body) if body else None, KEYS)
            response = connection.getresponse()
            said = response.read()
        assert response.status < 300, said
        return json.loads(said) if said else None

    def order(self, symbol: str = "AAPL", **fields: Any) -> str:
        """Somebody else's order; gives its id."""
        kind = {"side": "buy", "qty": "1", "type": "limit", "time_in_force": "gtc", **fields}
        body = {"symbol": symbol, **{name: one for name, one in kind.items() if one is not None}}
        order_id: str = self.ask("POST", "/v2/orders", body)["id"]
        self.served.sleep_until(self.served.now() + timedelta(seconds=1))
        return order_id

    def state(self) -> tuple[Any, ...]:
        """What the account is and has, times aside."""
        rows = self.ask("GET", "/v2/orders?status=all&limit=500&nested=true")
        return self.ask("GET", "/v2/account"), self.ask("GET", "/v2/positions"), rows

    def plan(
        self, *lines: str, head: str = "symbols: any", tail: str = "", **more: Any
    ) -> Projection:
        """Plan the steps that are written, each on a line of its own."""
        text = plan_of("\n".join(f"  - {line}" for line in lines), head=head, tail=tail)
        return self.plan_of(runbook_of(text), **more)

    def plan_of(self, runbook: Runbook, **more: Any) -> Projection:
        """Plan a runbook, twice, and look at what reached the exchange."""
        before, now = self.state(), self.served.now()
        first = self.served.received.total
        found = [self._project(runbook, now, more) for _ in range(2)]
        received = self.served.received.after(first, 10_000)
        assert {one.request.method for one in received} == {"GET"}
        assert self.state() == before
        assert repr(found[0]) == repr(found[1])
        return found[0]

    def _project(self, runbook: Runbook, now: Any, more: Mapping[str, Any]) -> Projection:
        gateway = Gateway(
            resolve(self.served.url),
            Credentials("PKTEST", "a-secret"),
            read_only=True,
            rate_limit=None,
        )
        rules = Rules.of(self.policy, runbook.limits, "url")
        try:
            return project(runbook, gateway, now=now, rules=rules, **more)
        finally:
            gateway.close()

    def run(self, runbook: Runbook) -> list[tuple[str, dict[str, Any]]]:
        """Carry a runbook out; gives method and body of each write, in order."""
        session = begin(
            Plan(
                runbook,
                resolve(self.served.url),
                Credentials("PKTEST", "a-secret"),
                self.audit,
                behind=self.served,
                yes=True,
                policy=self.policy,
            )
        )
        result = session.carry_out(Nobody(), Signals())
        assert result.exit_code == 0, result.data
        return [
            (one.data["method"], json.loads(one.data["body"]) if one.data["body"] else {})
            for one in read_log(session.log).records
            if one.type == "wire.request" and one.data["method"] != "GET"
        ]


def runbook_of(text: str) -> Runbook:
    """A checked runbook."""
    checked = check(Source("plan.yaml", text), ACTIONS, {})
    assert checked.runbook is not None, list(checked.findings)
    return checked.runbook


def held(**positions: str) -> dict[str, Any]:
    """Positions of a scenario; BTC_USD is BTC/USD."""
    return {
        name.replace("_", "/"): {"qty": qty, "avg_entry_price": "90"}
        for name, qty in positions.items()
    }


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A target on the scenario that is given, prices standing still."""
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    @contextmanager
    def opened(policy: Policy = BUILT_IN, **scenario: Any) -> Iterator[Target]:
        read = read_scenario({**STILL, **scenario})
        with serve(Exchange(read), VirtualClock(read.start, latency=timedelta(0))) as served:
            yield Target(served, tmp_path / "audit", policy)

    return opened


def step(line: Line, path: str) -> PlannedStep:
    """The step of a line at a path."""
    return next(one for one in line.steps if one.path == path)


def bodies(line: Line) -> list[tuple[str, dict[str, Any]]]:
    """Method and body of each write that a line plans, in order."""
    methods = {"submit": "POST", "replace": "PATCH", "cancel": "DELETE"}
    return [(methods[one.effect], dict(one.body)) for one in line.orders]


def money(value: object) -> Decimal:
    return Decimal(str(value))
