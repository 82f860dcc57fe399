"""The exchange inside a process died with it: this makes it again from the run's own log.

The exchange is deterministic: started with the same scenario and seed, it answers the same effects
at the same times with the same words. So every recorded effect is performed again on a fresh one,
and must come to what the log says. A request without a recorded answer died with the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.audit.commitment import COMMITTED
from runner.audit.redact import Redactor
from runner.broker.gateway import Gateway
from runner.drive.clock import Clock
from runner.drive.live import LiveDriver
from runner.drive.locks import Locks
from runner.drive.observer import Nobody
from runner.drive.recorder import Unrecorded
from runner.drive.signals import Signals
from runner.effects import AwaitChange, Command, Outcome, Sleep, Status

if TYPE_CHECKING:
    from runner.sim import Scenario


_SOME_ACCOUNT = "acct-"


class NotRebuilt(Exception):  # noqa: N818 - it says what could not be done
    """The exchange does not come to what the log says; the message says where."""


class Rebuilding:
    """Performs recorded effects again. `gateway` leads to the fresh exchange, `clock` is its."""

    def __init__(self, gateway: Gateway, clock: Clock, locks: Locks) -> None:
        self._clock = clock
        # The key under which the log commits to account numbers need not be on this machine.
        self._redactor = Redactor([], number=lambda number: _SOME_ACCOUNT)
        signals = Signals()
        self._driver = LiveDriver(
            gateway,
            clock,
            Unrecorded(None, self._redactor, signals),
            signals,
            observer=Nobody(),
            locks=locks,
        )
        self._n = 0

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def redo(self, command: Command, recorded: Outcome) -> None:
        """Perform an effect again. Raises `NotRebuilt` when it comes to something else."""
        self._n += 1
        effect = command.effect
        waited = isinstance(effect, AwaitChange | Sleep) and recorded.interrupt is not None
        done = recorded.status is not Status.NOT_PERFORMED and not recorded.resumed
        if done and not waited and effect.name not in ("suspend", "ask_person", "notify"):
            answer = self._driver.perform(command, self._n)
            told, kept = dict(answer.data), _of_some_account(self._redactor.data(recorded.data))
            if (answer.status, told) != (recorded.status, kept):
                raise NotRebuilt(
                    f"the embedded exchange cannot be made again as it was: effect {self._n} "
                    f"({effect.name}) came to something else this time"
                )
        self._clock.sleep_until(recorded.at)


def _of_some_account(value: Any) -> Any:
    """Recorded data with every commitment to an account number replaced."""
    if isinstance(value, str):
        return COMMITTED.sub(_SOME_ACCOUNT, value)
    if isinstance(value, Mapping):
        return {key: _of_some_account(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_of_some_account(inner) for inner in value]
    return value


def scenario_of(header: Mapping[str, Any]) -> Scenario:
    """The scenario that a run's exchange started with. Raises `ScenarioError` or `NotRebuilt`."""
    # Imported here: a run on a real broker does not need the exchange.
    from runner.sim import default_scenario  # noqa: PLC0415
    from runner.sim.scenario_file import parse_scenario  # noqa: PLC0415

    kept = header.get("scenario")
    if not isinstance(kept, dict):
        raise NotRebuilt("the log does not say what its exchange started with")
    text, file = str(kept.get("text", "")), str(kept.get("file", ""))
    folder = Path(file).parent if file else None
    scenario = (
        parse_scenario(text.encode(), file or "the log's scenario", folder)
        if text
        else default_scenario()
    )
    return replace(scenario, seed=int(str(kept.get("seed", "0"))))
