"""What the log of a run tells of it before it is taken up again: where it stands, and whose it is.

Nothing here writes or asks a broker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from runner.audit.errors import LogDamaged
from runner.audit.log import Log, read_log
from runner.audit.records import Record, Rule
from runner.audit.verify import verify_ledger, verify_log
from runner.broker.targets import Target, resolve
from runner.drive.replaying import recorded_runbook
from runner.drive.stopping import run_without_steps
from runner.effects import Json
from runner.language.runbook import Runbook
from runner.machine import Result
from runner.machine.result import conclude


class NotResumed(Exception):  # noqa: N818 - it says what did not happen
    """The run was not taken up; nothing was sent. `exit_code` is the command's."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that can be resumed, as its log has it. Read only."""

    log: Log
    audit_dir: Path

    @property
    def run_id(self) -> str:
        return str(self.log.run)

    @property
    def open_orders(self) -> list[str]:
        """The orders that may be live, by client order id, as far as the log tells."""
        return [str(one) for one in self._as_left()["open_orders"]]

    def refused(self, exit_code: int, reason: str) -> Result:
        """What the log alone tells, where the run could not be taken up.

        Exit 8 where an order of it may be live, unless another process is carrying it out (4).
        """
        live = bool(self.open_orders) and exit_code != 4
        status, code = ("unknown", 8) if live else ("refused", exit_code)
        error: dict[str, Json] = {"cause": status, "message": reason}
        data = {**self._as_left(), "status": status, "exit_code": code, "error": error}
        return Result(status, code, {**data, "left": True})

    def _as_left(self) -> dict[str, Any]:
        records = self.log.records
        return dict(conclude(run_without_steps(records, last_moment(records))).data)

    @property
    def runbook_file(self) -> str:
        """Where the runbook was read from; `.env` files are looked for beside it."""
        return str(self.log.header["runbook"]["file"])

    @property
    def target(self) -> Target:
        """Where the run trades; the exchange inside has no address until it is made again."""
        return _target(self.log)

    @property
    def runbook_name(self) -> str:
        return str(self.log.header["runbook"]["name"])

    @property
    def runbook(self) -> Runbook:
        """The runbook as the log holds it. Raises `Unreplayable`."""
        return recorded_runbook(self.log)

    @property
    def account_id(self) -> str:
        """The account that the run was bound to; empty before it was."""
        binds = False
        for record in self.log.records:
            if record.type == "effect.intent":
                binds = record.data["effect"]["effect"] == "bind"
            elif record.type == "effect.outcome" and binds and record.data["status"] == "ok":
                return str(record.data["data"].get("id", ""))
        return ""

    @property
    def binding(self) -> tuple[tuple[str, ...], bool]:
        """The symbols that the run was bound to, and whether it may open risk."""
        for record in self.log.records:
            if record.type == "effect.intent" and record.data["effect"]["effect"] == "bind":
                effect = record.data["effect"]
                return tuple(effect["symbols"]), bool(effect.get("opens", True))
        return (), True

    @property
    def stopped(self) -> bool:
        """Whether a person has stopped it without its steps: they never go on after that."""
        return any(
            record.type == "run.resumed" and record.data.get("mode") == "stop"
            for record in self.log.records
        )


HARMLESS = (Rule.TORN, Rule.FILLS, Rule.STATUS, Rule.IDENTITY, Rule.GUARD, Rule.SECRET)
"""What does not keep a run from being resumed: a line that the crash cut off, a broker whose
readings contradict one another (recorded truly, and the machine does not believe them either), an
order that should not have left (it may be live all the same), and a secret that reached the log."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that has finished, and how."""

    run_id: str
    name: str
    target: Target
    status: str
    exit_code: int
    result: Mapping[str, Any]


def look_at(path: Path) -> Unfinished | Ended:
    """What a log tells of its run. Writes nothing.

    Raises `NotResumed` (9) when the log cannot be believed or read, or holds no run.
    """
    ledger_report, entries = verify_ledger(path.parent)
    reports = [verify_log(path, entries), *([ledger_report] if ledger_report else [])]
    for report in reports:
        damage = [finding for finding in report.findings if finding.rule not in HARMLESS]
        if damage:
            raise NotResumed(
                9,
                f"{report.path} cannot be believed: {damage[0].message}. Nothing was sent: look "
                "this run's orders up at the broker by their client order ids. "
                "`runbook audit verify` says more.",
            )
    try:
        log = read_log(path)
    except (LogDamaged, OSError) as error:
        raise NotResumed(9, f"{error}") from None
    if not log.records:
        raise NotResumed(
            9, f"{path} ends before its first record: its run sent nothing. Nothing is to be done."
        )
    if not log.header or log.run is None:
        raise NotResumed(9, f"{path} holds no run.")
    last = log.records[-1]
    if last.type == "run.finished":
        return Ended(
            log.run,
            str(log.header["runbook"]["name"]),
            _target(log),
            str(last.data["status"]),
            int(last.data["exit_code"]),
            last.data["result"],
        )
    return Unfinished(log, path.parent)


def _target(log: Log) -> Target:
    turns = [one for one in log.records if one.type in ("run.started", "run.resumed")]
    kept: Mapping[str, Any] = turns[-1].data["target"]
    if kept["kind"] == "sim":
        return resolve("sim")
    return resolve(str(kept["base_url"]), str(kept.get("data_url") or "") or None)


def last_moment(records: Sequence[Record]) -> datetime:
    """The run's time of its last outcome or heartbeat, or of its start."""
    told = [one.data["at"] for one in records if one.type in ("effect.outcome", "heartbeat")]
    return datetime.fromisoformat(str(max(told) if told else records[0].data["started_at"]))


def last_heartbeat(records: Sequence[Record]) -> str:
    """When a run that died was last known to wait after its last outcome; empty if it was not."""
    at = ""
    for record in records:
        if record.type in ("effect.outcome", "heartbeat"):
            at = str(record.data["at"]) if record.type == "heartbeat" else ""
    return at


def untold_signal(records: Sequence[Record]) -> str:
    """A signal that is on record and that no outcome has told the machine; or empty."""
    name = ""
    for record in records:
        if record.type == "signal" and "not_performed" not in record.data:
            name = str(record.data["name"])
        elif record.type == "effect.outcome" and record.data.get("interrupt"):
            name = ""
    return name
