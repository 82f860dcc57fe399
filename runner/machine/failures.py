"""How a run can go wrong, as one closed set.

Exit codes are design section 5; the machine alone decides them, so that a replay ends with the
same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from runner.effects import Json, Problem
from runner.language.values import Plain


class Cause(StrEnum):
    """What ended a step or a run."""

    REFUSED = "refused"  # a check, an assertion or a guard said no
    NOT_APPROVED = "not_approved"  # a person said no, or nobody answered
    FAILED = "failed"  # the broker refused, or the order ended otherwise than asked
    TIMED_OUT = "timed_out"
    RUN_TIMED_OUT = "run_timed_out"
    UNREACHABLE = "unreachable"  # the broker could not be asked, or refused the credentials
    UNKNOWN = "unknown"  # an order may be live
    INTERRUPTED = "interrupted"
    HALTED = "halted"  # the kill switch is set
    INTERNAL = "internal"  # a defect of ours


class Failure(Exception):  # noqa: N818 - it ends a step; it is not a programming error
    """Raised inside the machine to end a step. `message` stands alone; `help` says what to do."""

    def __init__(
        self,
        cause: Cause,
        message: str,
        *,
        help: str = "",  # noqa: A002 - the word users read
        problem: Problem | None = None,
        outputs: Mapping[str, Plain] | None = None,
        guard: bool = False,
    ) -> None:
        super().__init__(message)
        self.cause = cause
        self.message = message
        self.help = help
        self.problem = problem
        self.outputs = outputs or {}  # what the step already knew when it failed
        self.guard = guard
        self.step = ""

    def to_data(self) -> dict[str, Json]:
        """The failure as the log and `--json` show it."""
        data: dict[str, Json] = {"cause": self.cause.value, "message": self.message}
        if self.step:
            data["step"] = self.step
        if self.help:
            data["help"] = self.help
        if self.problem is not None:
            data["broker"] = self.problem.to_data()
        return data

    @property
    def stops_the_run(self) -> bool:
        """Whether only `finally` may run after it: no rescue, no `on_error: continue`."""
        return self.cause in STOPPING


STOPPING = (
    Cause.INTERRUPTED,
    Cause.HALTED,
    Cause.RUN_TIMED_OUT,
    Cause.UNKNOWN,
    Cause.INTERNAL,
)

HALT = "halt: "
"""What the name of an interruption by the kill switch begins with; who set it follows."""

HOW_TO_UNHALT = (
    "See first why it was halted. `runbook unhalt --reason TEXT` lifts the switch, with "
    "`--audit-dir DIR` that of a directory too; then start anew."
)


def interrupted(name: str) -> Failure:
    """The failure of a run that something outside asked to stop: a signal, or the kill switch."""
    if name.startswith(HALT):
        words = f"halted {name.removeprefix(HALT)}"
        return Failure(Cause.HALTED, words, help=HOW_TO_UNHALT)
    return Failure(Cause.INTERRUPTED, f"interrupted by {name}")


def defect(error: Exception) -> Failure:
    """An error of ours inside a step: the run ends, but not without its clean-up."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f" in {frame.tb_frame.f_code.co_qualname}" if frame is not None else ""
    return Failure(
        Cause.INTERNAL,
        f"internal error{where}: {type(error).__name__}: {error}",
        help="This is a defect of runbook, not of your plan. Please report it with the log.",
    )


def refused(message: str, help: str = "") -> Failure:  # noqa: A002
    """A check, assertion or guard that does not hold."""
    return Failure(Cause.REFUSED, message, help=help)
