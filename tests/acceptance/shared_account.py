"""An account that a run shares with other hands, on any scenario, with Ctrl-C at any request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from acceptance.faulty_broker import Fault, faulty
from acceptance.harness import invoke, plan_of
from acceptance.test_actions_beside_others import Account

from runner.broker.credentials import Credentials
from runner.broker.targets import resolve
from runner.drive.observer import Nobody
from runner.drive.session import Plan, begin
from runner.drive.signals import Signals
from runner.language.check import check
from runner.language.source import Source
from runner.sim import Exchange, VirtualClock, read_scenario, serve
from runner.steps import ACTIONS


@dataclass
class Shared(Account):
    """As `Account`, with signals."""

    signals: Signals = field(default_factory=Signals)

    def interrupt_at(self, method: str, path: str, *before: Fault) -> None:
        """Ctrl-C while a request of a kind is on its way, after those that go before."""
        press = Fault(
            change=lambda answer: answer, before=lambda: self.signals.raise_flag("SIGINT")
        )
        self.broker.on(method, path, *before, press)

    def run(self, *lines: str, head: str = "symbols: [AAPL]", tail: str = "") -> Any:
        text = plan_of("\n".join(f"  - {line}" for line in lines), head=head, tail=tail)
        checked = check(Source("plan.yaml", text), ACTIONS, {})
        assert checked.runbook is not None, list(checked.findings)
        target, keys = resolve(self.broker.url), Credentials("PKTEST", "a-secret")
        session = begin(Plan(checked.runbook, target, keys, self.audit, behind=self.served))
        result = session.carry_out(Nobody(), self.signals)
        assert invoke("audit", "verify", str(session.log)).exit_code == 0
        replayed = invoke("replay", str(session.log), "--json")
        assert replayed.exit_code == 0, replayed.stdout
        return result.data

    @property
    def orders(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("GET", "/v2/orders?status=all&limit=500")
        return found

    @property
    def positions(self) -> dict[str, str]:
        return {one["symbol"]: one["qty"] for one in self.ask("GET", "/v2/positions")}


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An account on the scenario that is given."""
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))

    @contextmanager
    def opened(scenario: Mapping[str, Any]) -> Iterator[Shared]:
        read = read_scenario({"rate_limit": "off", **scenario})
        with (
            serve(Exchange(read), VirtualClock(read.start)) as served,
            faulty(served.url) as broker,
        ):
            yield Shared(served, broker, tmp_path / "audit")

    return opened


def outputs(data: Any, step_id: str) -> Any:
    """The outputs of the step with an id."""
    return next(one["outputs"] for one in data["steps"] if one["id"] == step_id)
