"""How a run's log ends: finished and vouched for, or left open for `resume`."""

from __future__ import annotations

from runner.audit.errors import AuditError
from runner.audit.journal import Journal
from runner.audit.ledger import Ledger
from runner.drive.live import LOG_BROKEN
from runner.drive.recorder import Recorder
from runner.effects import Effect, Replace, Submit
from runner.machine import Result, Run
from runner.machine.own_orders import Sent
from runner.machine.result import conclude


def close(result: Result, recorder: Recorder, journal: Journal, ledger: Ledger) -> Result:
    """Finish the log and have the ledger vouch for it; a run that `resume` must settle stays
    unfinished. Where that fails, the run ends as one without a log that can be believed."""
    settled = result.status != "unknown" and not result.data.get("left")
    if settled:
        recorder.finished(result.status, result.exit_code, result.data)
    if recorder.broken:
        return _unrecorded(result, recorder.broken)
    try:
        ledger.closed(journal, result.exit_code)
    except AuditError as error:
        return _unrecorded(result, str(error)) if settled else result
    return result


def left(run: Run, unanswered: Effect | None) -> Result:
    """What is said after a second Ctrl-C: the run is as it is, and can be resumed.

    An order that was being sent or changed at that moment may have arrived.
    """
    if isinstance(unanswered, Submit):
        own = run.orders.get(unanswered.client_order_id)
        if own is not None and own.sent is Sent.NO:
            own.sent = Sent.UNKNOWN
    if isinstance(unanswered, Replace):
        for own in run.orders.all:
            if own.order_id == unanswered.order_id:
                own.replacing = unanswered.client_order_id
    result = conclude(run)
    live = bool(result.data["open_orders"])
    status, code = ("unknown", 8) if live else ("interrupted", 130)
    data = {**result.data, "status": status, "exit_code": code, "left": True}
    return Result(status, code, data)


def _unrecorded(result: Result, why: str) -> Result:
    """The end of a run whose log could not be written to its end."""
    live = result.status == "unknown" or bool(result.data["open_orders"])
    status, code = ("unknown", 8) if live else ("failed", 9)
    before = result.data.get("error")
    stopped_by_it = isinstance(before, dict) and LOG_BROKEN in str(before.get("message"))
    if not isinstance(before, dict) or stopped_by_it:
        before = {"cause": "failed", "message": why}
    elif why not in str(before["message"]):
        before = {**before, "message": f"{before['message']} Besides: {why}"}
    data = {**result.data, "status": status, "exit_code": code, "error": before}
    return Result(status, code, data)
