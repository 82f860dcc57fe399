"""Looking ahead on a target: a read-only connection, and the projection over what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from runner.audit.errors import HistoryUnknown
from runner.broker.credentials import Credentials
from runner.broker.gateway import Gateway
from runner.broker.targets import Target
from runner.broker.wire import Timeouts
from runner.drive.branches import project
from runner.drive.clock import ExchangeClock, WallClock
from runner.drive.connecting import history_of
from runner.drive.halt import KillSwitch
from runner.drive.projection import Note, Projection
from runner.drive.secrecy import WithoutSecrets, redactor_of
from runner.drive.signals import Signals
from runner.effects import Answer, Effect, Problem, Reason, Status
from runner.guards.rules import Policy, Rules
from runner.language.runbook import Runbook
from runner.language.values import as_given

if TYPE_CHECKING:
    from runner.audit.history import History
    from runner.sim import Scenario, Served

HALTED = "PL016"
"""The code of the warning that the kill switch is set."""


def look_ahead(
    runbook: Runbook,
    target: Target,
    credentials: Credentials,
    policy: Policy,
    *,
    audit_dir: Path,
    timeouts: Timeouts,
    scenario: Scenario | None = None,
) -> Projection:
    """What carrying out a runbook on a target would do. Nothing but readings can leave.

    `scenario` is given exactly when the target is the exchange inside, and is what it begins with.
    A halt is a warning: a plan sends nothing that it could stop.
    """
    # A plan makes no directory: where there is none yet, no run has been.
    history = history_of(target, audit_dir, "") if audit_dir.exists() else None
    with _exchange(scenario) as served:
        if served is not None:
            target = target.with_base(served.url)
        clock = ExchangeClock(served, Signals()) if served else WallClock(Signals())
        gateway = Gateway(target, credentials, timeouts=timeouts, read_only=True)
        said = [runbook.source.text, *(as_given(one) for one in runbook.params.values())]
        redactor = redactor_of(credentials, said, accounts=policy.accounts)
        reads = _Reads(WithoutSecrets(gateway, redactor), history, clock.now)
        try:
            rules = Rules.of(policy, runbook.limits, target.kind)
            found = project(
                runbook, reads, now=clock.now(), rules=rules, history=reads.what_others_did
            )
        finally:
            gateway.close()
    halted = KillSwitch.of(audit_dir).words()
    if not halted:
        return found
    note = Note(HALTED, f"halted {halted}: a run would be stopped until `runbook unhalt`")
    return replace(found, notes=(note, *found.notes))


class _Reads:
    """A gateway that remembers whose account it has read: the history is asked about that one."""

    def __init__(
        self,
        gateway: WithoutSecrets,
        history: History | None,
        now: Callable[[], datetime],
    ) -> None:
        self._gateway = gateway
        self._history = history
        self._now = now
        self._account_id = ""

    def perform(self, effect: Effect, n: int) -> Answer:
        """What the target says."""
        answer = self._gateway.perform(effect, n)
        if effect.name == "read_account":
            self._account_id = str(answer.data.get("id") or "")
        return answer

    def what_others_did(self) -> Answer:
        """The orders of other runs of the log directory, as `ReadHistory` gives them."""
        if self._history is None:
            return Answer(Status.OK, {"orders": []})
        try:
            orders = self._history.orders(self._account_id, self._now())
        except HistoryUnknown as error:
            return Answer(Status.UNAVAILABLE, problem=Problem(Reason.UNREADABLE, str(error)))
        return Answer(Status.OK, {"orders": orders})


@contextmanager
def _exchange(scenario: Scenario | None) -> Iterator[Served | None]:
    """The exchange inside, on loopback; None for any other target."""
    if scenario is None:
        yield None
        return
    from runner.sim import Exchange, VirtualClock, serve  # noqa: PLC0415 - not for a real broker

    with serve(Exchange(scenario), VirtualClock(scenario.start)) as served:
        yield served
