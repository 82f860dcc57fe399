"""A run, and its resumptions, each in a forked process that can be killed.

Everything is imported before the fork, so that a point costs what its requests cost.
"""

from __future__ import annotations

import json
import os
import shutil
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

from runner import sim
from runner.audit.records import Rule
from runner.audit.verify import verify
from runner.broker import sdk
from runner.broker.credentials import Credentials
from runner.broker.targets import resolve
from runner.broker.wire import Timeouts
from runner.drive import session
from runner.drive.observer import Nobody
from runner.drive.replaying import replay_log
from runner.drive.resuming import take_up
from runner.drive.signals import Signals
from runner.drive.unfinished import Ended, NotResumed, look_at
from runner.language.check import check
from runner.language.runbook import Runbook
from runner.language.source import Source
from runner.machine import Result
from runner.sim import Scenario, Served, shell  # noqa: F401 - imported before the fork
from runner.sim.scenario_file import parse_scenario
from runner.sim.wire import encode
from runner.steps import ACTIONS

from .cases import Case
from .exchange import Remote
from .points import Counts, Point, Strike, struck_at

RUN_ID = "20261123T150000Z-abcdefghijklmnop"
"""The same in every run, so that client order ids can be compared."""

sdk.load()


class Turn(NamedTuple):
    """What became of one process: killed, or what it came to and how far it got.

    `orders` are those of the exchange inside, which dies with it; `ended` when the log said that
    the run had finished before.
    """

    killed: bool
    data: dict[str, Any]
    counts: Counts
    orders: list[dict[str, Any]] | None = None
    refused: str = ""
    ended: bool = False


@dataclass
class Runs:
    """One case on one exchange: a served one that outlives it, or one inside the run's process."""

    case: Case
    folder: Path
    remote: Remote | None

    def __post_init__(self) -> None:
        checked = check(Source("plan.yaml", self.case.runbook), ACTIONS, {})
        assert checked.runbook is not None, (self.case.name, list(checked.findings))
        self.runbook: Runbook = checked.runbook
        self.scenario: Scenario = parse_scenario(self.case.scenario.encode(), "scenario", None)
        os.environ["RUNBOOK_STATE_DIR"] = str(self.folder / "state")
        os.environ["XDG_CONFIG_HOME"] = str(self.folder / "config")
        os.environ.pop("RUNBOOK_POLICY", None)

    @property
    def audit(self) -> Path:
        return self.folder / "audit"

    @property
    def log(self) -> Path:
        return self.audit / f"{RUN_ID}.jsonl"

    def begin(self) -> None:
        """The world before a run."""
        shutil.rmtree(self.audit, ignore_errors=True)
        if self.remote is not None:
            self.remote.begin(self.case.scenario)

    def run(self, strikes: dict[Point, Strike]) -> Turn:
        """Carry the runbook out, struck at points."""
        return self._forked(strikes, self._run)

    def resume(self, strikes: dict[Point, Strike], *, go_on: bool = False) -> Turn:
        """Take the run up again, struck at points."""
        return self._forked(strikes, lambda signals: self._resume(signals, go_on=go_on))

    def _run(self, signals: Signals) -> Result:
        session.run_id = lambda at, randomness: RUN_ID  # type: ignore[attr-defined]
        remote = self.remote
        plan = session.Plan(
            self.runbook,
            resolve(remote.url if remote else "sim"),
            Credentials("PKTEST", "a-secret"),
            self.audit,
            Timeouts(connect=2, read=5, total=10),
            None if remote else session.Inside(self.scenario, self.case.scenario),
            cast(Served, remote),
            yes=True,
        )
        return session.begin(plan).carry_out(Nobody(), signals)

    def _resume(self, signals: Signals, *, go_on: bool) -> Result | Ended:
        found = look_at(self.log)
        if isinstance(found, Ended):
            return found
        run = take_up(
            found,
            found.target,
            Credentials("PKTEST", "a-secret"),
            timeouts=Timeouts(connect=2, read=5, total=10),
            behind=cast(Served, self.remote),
            yes=True,
        )
        return run.carry_out(Nobody(), signals, go_on=go_on)

    def _forked(
        self, strikes: dict[Point, Strike], work: Callable[[Signals], Result | Ended]
    ) -> Turn:
        said = self.folder / "said"
        said.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            try:
                if self.remote is not None:
                    self.remote.reconnect()
                said.write_text(json.dumps(self._worked(strikes, work)), encoding="utf-8")
            except BaseException:  # noqa: BLE001 - a forked process must not go on as its parent
                said.write_text(json.dumps({"error": traceback.format_exc()}), encoding="utf-8")
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            return Turn(True, {}, Counts(0, 0))
        told = json.loads(said.read_text(encoding="utf-8"))
        assert "error" not in told, told["error"]
        return Turn(False, told["data"], Counts(*told["counts"]), told["orders"],
                    told["refused"], told["ended"])  # fmt: skip

    def _worked(
        self, strikes: dict[Point, Strike], work: Callable[[Signals], Result | Ended]
    ) -> dict[str, Any]:
        counted = struck_at(strikes)
        inside: list[dict[str, Any]] = []
        data: dict[str, Any] = {}
        refused, ended, signals = "", False, Signals()
        with _watched(inside), signals.installed():
            try:
                result = work(signals)
            except NotResumed as error:
                refused = f"{error.exit_code}: {error}"
            else:
                ended = isinstance(result, Ended)
                data = dict(result.result if isinstance(result, Ended) else result.data)
        orders = None if self.remote is not None else inside
        return {
            "data": data,
            "counts": counted(),
            "orders": orders,
            "refused": refused,
            "ended": ended,
        }

    # ------------------------------------------------------------------ what the log says

    def distrusted(self) -> list[str]:
        """Why the log cannot be believed, or does not replay; nothing when it does."""
        found = [
            f"{one.path.name}: {finding.message}"
            for one in verify(self.audit)
            for finding in one.findings
            # The next append to the ledger sets a torn line of it aside.
            if not (one.state == "ledger" and finding.rule is Rule.TORN)
        ]
        replayed = replay_log(self.log)
        if replayed.divergence is not None:
            found.append(f"replay: {replayed.divergence}")
        return found


@contextmanager
def _watched(orders: list[dict[str, Any]]) -> Iterator[None]:
    """Keep the orders of an exchange that is served inside, as they are when it ends."""
    serve = sim.serve

    @contextmanager
    def watched(*arguments: Any, **named: Any) -> Iterator[Served]:
        with serve(*arguments, **named) as served:
            try:
                yield served
            finally:
                exchange = served.exchange
                orders[:] = [
                    json.loads(encode(exchange.order_body(one)))
                    for one in exchange.book.oldest_first()
                ]

    sim.serve = watched
    try:
        yield
    finally:
        sim.serve = serve
