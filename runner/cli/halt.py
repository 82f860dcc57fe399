"""`runbook halt` and `runbook unhalt`: the kill switch.

The switch is written first. Everything else, the ledger's entry too, is best effort after that.
"""

from __future__ import annotations

import os
import pwd
import shlex
import socket
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson
from click.core import ParameterSource

from runner.audit.errors import AuditError
from runner.audit.ledger import Ledger
from runner.cli import options
from runner.drive.halt import Change, Level, Place, Scope, Switch, halt, lift, read_switch
from runner.report.diagnostics import visible
from runner.report.run_stream import Outlet

FAILED = 9
"""The switch could not be written or taken away."""

WHAT_RUNS_DO = """\
Runs under way stop within about a second: no further step begins, their clean-up runs, and orders
of theirs that open risk are cancelled. New runs end with exit code 12, nothing sent. Runbooks that
only cancel and close go on, as far as their orders still go through.
This sends nothing itself: positions stay, and so do orders of runs that are not running any more
(`runbook resume LOG` settles those)."""

_audit_dir = click.option(
    "--audit-dir",
    type=click.Path(path_type=Path),  # whether it is any good must not stop a halt
    default=Path("audit"),
    envvar="RUNBOOK_AUDIT_DIR",
    help="Besides yours, the switch of this directory of logs, which every user's runs in it obey.",
)
_as_json = options.as_json("Print one JSON object on stdout, everything else on stderr.")


@click.command("halt", short_help="Stop all runs, and keep new ones from starting.")
@click.option("--reason", default="", metavar="TEXT", help="Why; every run that stops says it.")
@click.option(
    "--all", "everything", is_flag=True, help="Stop orders that reduce a position too: only "
    "cancels go through.",
)  # fmt: skip
@_audit_dir
@_as_json
@click.pass_context
def halt_command(
    context: click.Context, reason: str, audit_dir: Path, *, everything: bool, as_json: bool
) -> None:
    """Set the kill switch: nothing that opens risk is sent any more, by any run of yours.

    Runs that are under way stop safely; new ones end with exit code 12, nothing sent. Cancels and
    orders that only reduce a position go through. It needs no network and no configuration.
    """
    level, reason = Level.ALL if everything else Level.OPENING, _without_secrets(reason)
    said = _Said(context, audit_dir, as_json=as_json)
    said.halt(level, reason)
    said.end("halted", {"level": level.value, "reason": reason})


@click.command("unhalt", short_help="Lift the kill switch.")
@click.option("--reason", required=True, metavar="TEXT", help="Why it may go on; it is recorded.")
@_audit_dir
@_as_json
@click.pass_context
def unhalt_command(context: click.Context, reason: str, audit_dir: Path, *, as_json: bool) -> None:
    """Lift the kill switch that `runbook halt` set with the same options."""
    if not reason.strip():
        raise click.UsageError("--reason must say why it may go on")
    reason = _without_secrets(reason)
    said = _Said(context, audit_dir, as_json=as_json)
    said.lift()
    said.end("unhalted", {"reason": reason})


def _without_secrets(reason: str) -> str:
    """A reason as it may be written. Whatever is wrong with a `.env` must not stop a halt."""
    from runner.drive.secrecy import known_here  # noqa: PLC0415 - a halt begins without it

    try:
        return known_here().text(reason)
    except Exception:  # noqa: BLE001 - nothing of it is worth a halt that is not set
        return reason


class _Said:
    """One invocation: what was done to each switch, and what is said of it."""

    def __init__(self, context: click.Context, audit_dir: Path, *, as_json: bool) -> None:
        source = context.get_parameter_source("audit_dir")
        self.named = source is ParameterSource.COMMANDLINE
        self.audit_dir = audit_dir
        self.as_json = as_json
        self.out = Outlet(sys.stderr if as_json else sys.stdout)
        self.by = f"{_user()} on {socket.gethostname()}"
        self.places = [Place.of_user()]
        if self.named:
            self.places.append(Place.of_directory(audit_dir))
        self.done: list[dict[str, Any]] = []
        self.failed = False
        self.changed = False

    # ---------------------------------------------------------------------------- halting

    def halt(self, level: Level, reason: str) -> None:
        """Set the switches, and say what holds now."""
        since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        self.changed = True  # a halt that changes nothing is on record as well
        for place in self.places:
            try:
                now, change = halt(place, level, by=self.by, since=since, reason=reason)
            except OSError as error:
                self._not_set(place, level, error)
                continue
            if now.damage:
                self._warn(f"The disk took no more than an empty file, {now.place.path}. It halts, "
                           "and says neither who nor why.")  # fmt: skip
            self._is_set(now, change, level)
        if all(read_switch(place) is None for place in self.places):
            self.say("NOTHING IS HALTED. Stop your runs with Ctrl-C or `kill -INT`, or give "
                     "RUNBOOK_STATE_DIR a directory that can be written, to them too.")  # fmt: skip
            return
        self.say(WHAT_RUNS_DO)
        self.say(f"Lift it with: runbook unhalt --reason TEXT{self._option()}")

    def _is_set(self, now: Switch, change: Change, asked: Level) -> None:
        if change is Change.KEPT:
            stays = "the stricter stays" if asked is not now.level else "that stays as it is"
            self.say(f"It was halted already: {stays}.")
        elif change is Change.STRICTER:
            self.say("It was halted already, less strictly.")
        self.say(f"HALTED: {_whose(now.place)} {_let_through(now.level)}.")
        self._about(now)
        self._note(now.place, now, change.value)

    def _not_set(self, place: Place, level: Level, error: OSError) -> None:
        """It could not be written as asked; what cannot be read halts all the same."""
        now = read_switch(place)
        why = error.strerror or str(error)
        self.failed = self.failed or now is None or now.level is not level
        if now is None:
            self.say(f"NOT HALTED: {_whose(place)} go on. {visible(str(place.path))} could not be "
                     f"written: {why}.")  # fmt: skip
        else:
            self.say(f"{visible(str(place.path))} could not be written: {why}.")
            self.say(f"HALTED: {_whose(place)} {_let_through(now.level)}, because a switch that "
                     "cannot be read counts as set.")  # fmt: skip
        self._note(place, now, "failed", why)

    # ---------------------------------------------------------------------------- lifting

    def lift(self) -> None:
        """Take the switches away, and say what is left."""
        for place in self.places:
            try:
                before = lift(place)
            except OSError as error:
                self.failed = True
                why = error.strerror or str(error)
                self.say(f"STILL HALTED: {_whose(place)}. {visible(str(place.path))} could not be "
                         f"taken away: {why}.")  # fmt: skip
                self._note(place, read_switch(place), "failed", why)
                continue
            if before is None:
                self.say(f"Not halted: {_whose(place)}. There was nothing to lift.")
            else:
                self.changed = True
                self.say(f"No longer halted: {_whose(place)} send orders again.")
                self.say(f"  it was halted {visible(before.words)}")
            self._note(place, None, "none" if before is None else "lifted")
        if not self.named:
            self._other_switch()

    def _other_switch(self) -> None:
        """The switch of the directory that runs use by default was not asked for."""
        other = read_switch(Place.of_directory(self.audit_dir))
        if other is not None:
            folder = shlex.quote(str(self.audit_dir))
            self.say(f"STILL HALTED: {_whose(other.place)}, {visible(other.words)}.")
            self.say(f"Lift it with: runbook unhalt --reason TEXT --audit-dir {visible(folder)}")
            self._note(other.place, other, "left")

    # ------------------------------------------------------------------------------ saying

    def say(self, text: str) -> None:
        self.out.write(f"{text}\n")

    def end(self, kind: str, data: Mapping[str, Any]) -> None:
        """Put it into the ledger where that works, print the JSON object, and exit."""
        ledger = self._record(kind, data) if self.changed else None
        exit_code = FAILED if self.failed else 0
        if self.as_json:
            halted = any(one["halted"] for one in self.done)
            said = {"halted": halted, "exit_code": exit_code, "by": self.by}
            whole = {**said, "switches": self.done, "ledger": ledger}
            text = orjson.dumps(whole, option=orjson.OPT_INDENT_2).decode()
            Outlet(sys.stdout).write(f"{text}\n")
        sys.exit(exit_code)

    def _record(self, kind: str, data: Mapping[str, Any]) -> dict[str, Any] | None:
        ledger = Ledger(self.audit_dir, wall=time.time_ns)
        try:
            if not self.named and not ledger.path.exists():
                return None  # a halt makes no directory of logs where it happens to be typed
            text = {key: str(one).encode("utf-8", "replace").decode() for key, one in data.items()}
            switches = [place.scope.value for place in self.places]
            ledger.append(kind, {**text, "by": self.by, "switches": switches})
        except (AuditError, OSError, ValueError) as error:
            self._warn(f"It is not in the ledger: {error} The switch does not depend on that.")
            return {"path": str(ledger.path), "recorded": False, "problem": str(error)}
        return {"path": str(ledger.path), "recorded": True}

    def _warn(self, text: str) -> None:
        Outlet(sys.stderr).write(f"Warning: {visible(text)}\n")

    def _about(self, now: Switch) -> None:
        if now.damage:
            return
        self.say(f"  since   {now.since}, by {visible(now.by)}")
        if now.reason:
            self.say(f"  reason  {visible(now.reason)}")
        self.say(f"  switch  {visible(str(now.place.path))}")

    def _note(self, place: Place, now: Switch | None, done: str, problem: str = "") -> None:
        about = {"scope": place.scope.value, "path": str(place.path), "done": done}
        held: dict[str, Any] = {"halted": now is not None}
        if now is not None:
            held |= {"level": now.level.value, "by": now.by, "since": now.since,
                     "reason": now.reason, "damage": now.damage or None}  # fmt: skip
        self.done.append({**about, **held, "problem": problem or None})

    def _option(self) -> str:
        folder = visible(shlex.quote(str(self.audit_dir)))
        return f" --audit-dir {folder}" if self.named else ""


def _whose(place: Place) -> str:
    if place.scope is Scope.USER:
        return "all your runs"
    return f"all runs that log into {visible(str(place.path.parent))}"


def _let_through(level: Level) -> str:
    if level is Level.ALL:
        return "send no order at all; only cancels go through"
    return "send nothing that opens risk; cancels and orders that only reduce go through"


def _user() -> str:
    """The name of the user that this process runs as."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
