"""What a driver needs of the outside for one target: a gateway, locks, and the engine's name."""

from __future__ import annotations

import os
import platform
import socket
import time
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from runner import __version__
from runner.audit.history import History
from runner.audit.lock import Holder
from runner.broker.credentials import Credentials
from runner.broker.gateway import DEFAULT_RATE_LIMIT, Gateway
from runner.broker.stream import TradeUpdates
from runner.broker.targets import Target
from runner.broker.wire import Tap, Timeouts
from runner.drive.clock import Clock, ExchangeClock
from runner.drive.halt import KillSwitch
from runner.drive.locks import Locks
from runner.drive.signals import Signals
from runner.effects import ABI, instant
from runner.language.runbook import Runbook
from runner.machine import every_step


def open_gateway(
    target: Target,
    credentials: Credentials,
    *,
    timeouts: Timeouts,
    clock: Clock,
    tap: Tap,
    signals: Signals,
) -> Gateway:
    """The gateway of one run. The exchange in this process has its own clock and no rival."""
    inside = isinstance(clock, ExchangeClock)
    return Gateway(
        target,
        credentials,
        timeouts=timeouts,
        tap=tap,
        sleep=lambda seconds: clock.sleep_until(clock.now() + timedelta(seconds=seconds)),
        now=(lambda: clock.now().timestamp()) if inside else time.monotonic,
        rate_limit=None if inside else DEFAULT_RATE_LIMIT,
        interrupted=lambda: signals.pending,
    )


def open_updates(
    target: Target, credentials: Credentials, clock: Clock, wanted: bool | None
) -> TradeUpdates | None:
    """The stream of trade updates of one run, not started yet; None for a run without.

    Where nothing is said, a run on an exchange on this machine has it. An account has one such
    connection, and elsewhere the user's own bot may hold it. The exchange in this process needs
    none: waiting jumps to the next change there.
    """
    if isinstance(clock, ExchangeClock):
        return None
    if wanted or (wanted is None and target.kind == "url" and target.loopback):
        return TradeUpdates(target.base_url, credentials, paper=target.kind != "live")
    return None


def locks_of(target: Target, run: str, since: datetime) -> Locks:
    """The locks that a run takes when it is bound."""
    holder = Holder(run, os.getpid(), socket.gethostname(), instant(since))
    return Locks.of("" if target.kind == "sim" else target.base_url, holder, os.environ)


def switch_of(audit_dir: Path, runbook: Runbook | None, signals: Signals) -> KillSwitch:
    """The kill switch that a run obeys. It stops a run that may open risk; one that provably only
    cancels and closes goes on, and only its orders are judged. None is a run without steps."""
    switch = KillSwitch.of(audit_dir)
    if runbook is not None and any(one.action.opens for one in every_step(runbook.body)):
        signals.watch(switch.words)
    return switch


def history_of(target: Target, audit_dir: Path, run: str) -> History | None:
    """What other runs did on the target; None for the exchange inside, where each run has an
    account of its own."""
    if target.kind == "sim":
        return None
    kind, base_url = target.kind, target.base_url
    return History(audit_dir, run, kind=kind, base_url=base_url, wall=time.time_ns)


def described(target: Target) -> dict[str, Any]:
    """The target as a record holds it."""
    return {"kind": target.kind, "base_url": target.base_url, "data_url": target.data_url}


def engine() -> dict[str, Any]:
    """Who carries the run out, as a record holds it."""
    return {
        "abi": ABI,
        "version": __version__,
        "alpaca_py": version("alpaca-py"),
        "python": platform.python_version(),
    }
