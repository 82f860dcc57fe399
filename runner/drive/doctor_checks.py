"""What an examination is made of: checks, each with what it came to, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from runner.broker.targets import Target
from runner.broker.wire import Timeouts


class State(StrEnum):
    """What a check came to."""

    OK = "ok"
    WARNING = "warning"  # a run can do without it, or it may become a problem
    PROBLEM = "problem"  # a run would be refused, or could not be believed
    UNKNOWN = "unknown"  # something that it needs could not be read


class Check(Struct, frozen=True):
    """One line of the examination. `todo` says what to do where it is not ok, and `command` is what
    to type, if that is it. `broker`: the broker could not be asked, or refused the credentials."""

    name: str
    state: State
    message: str
    todo: str = ""
    command: str = ""
    broker: bool = False


class Subject(Struct, frozen=True):
    """What is examined. `folders` are where a `.env` may be, `policy_file` what `--policy` names,
    `symbol` the one whose quote is read."""

    target: Target
    audit_dir: Path
    symbol: str
    environment: Mapping[str, str]
    folders: Sequence[Path]
    policy_file: Path | None = None
    timeouts: Timeouts = Timeouts()


class Examination(Struct, frozen=True):
    """Every check, in the order in which people read them."""

    target: Target
    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> int:
        """7 when the broker cannot be asked or refuses the credentials, 4 when something else is a
        problem, 0 otherwise."""
        wrong = [one for one in self.checks if one.state in (State.PROBLEM, State.UNKNOWN)]
        if any(one.broker for one in wrong):
            return 7
        return 4 if wrong else 0

    def count(self, state: State) -> int:
        """How many checks came to a state."""
        return sum(one.state is state for one in self.checks)


def ok(name: str, message: str) -> Check:
    """Nothing is wrong."""
    return Check(name, State.OK, message)


def warning(name: str, message: str, todo: str, command: str = "") -> Check:
    """Something to know of; a run can do without it."""
    return Check(name, State.WARNING, message, todo, command)


def problem(
    name: str, message: str, todo: str, command: str = "", *, broker: bool = False
) -> Check:
    """Something that keeps runs from what they are for."""
    return Check(name, State.PROBLEM, message, todo, command, broker)


def unknown(name: str, message: str) -> Check:
    """Not examined, because something else is a problem."""
    return Check(name, State.UNKNOWN, message, "Settle the problem above first.")


def stand_alone(name: str, make: Callable[[], Sequence[Check]]) -> Sequence[Check]:
    """The checks that `make` gives; a defect in it becomes a problem and stops nothing else."""
    try:
        return make()
    except OSError as error:
        words = f"it could not be examined: {error.filename or name}: {error.strerror or error}"
        return [problem(name, words, "Make it readable, or name another one.")]
    except Exception as error:  # noqa: BLE001 - the other checks must be made
        words = f"it could not be examined: internal error: {type(error).__name__}: {error}"
        return [problem(name, words, "This is a defect of runbook; the other lines stand.")]
