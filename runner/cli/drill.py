"""`runbook drill`: shows that every guard refuses what it is there to refuse."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click
import orjson

from runner.broker.credentials import CredentialsError, find_credentials
from runner.broker.wire import Timeouts
from runner.cli import options, target
from runner.cli.checking import show, wants_color
from runner.drive.connecting import history_of
from runner.drive.drill import NAME, Drill
from runner.drive.drill import drill as hold
from runner.drive.policy import PolicyRefused, find_policy
from runner.drive.read_only import look
from runner.machine.failures import Failure
from runner.report.diagnostics import visible
from runner.report.drill import drill_json, drill_text
from runner.report.run_stream import Outlet


@click.command(short_help="Show that every guard refuses what it should.")
@target.options
@options.policy
@options.audit_dir
@options.timeouts
@options.as_json("Print one JSON object on stdout, everything else on stderr.")
@options.no_color
def drill(*, as_json: bool, **given: Any) -> None:
    """Read the target's account and market, and give every guard an order that it must refuse.

    It only reads, and sends nothing. Exit code 0: every guard refused. 4: one did not. 3: the
    policy cannot be used. 7: the target cannot be read.
    """
    try:
        held = _held(given)
    except PolicyRefused as error:
        show([(error.source, error.findings)], color=wants_color(given["no_color"], sys.stderr))
        _end_without(3, str(error), as_json=as_json)
    except CredentialsError as error:
        _end_without(7, f"{error} Nothing was sent.", as_json=as_json)
    except Failure as error:
        _end_without(7, f"{error.message}. {error.help} Nothing was sent.", as_json=as_json)
    out = Outlet(sys.stderr if as_json else sys.stdout)
    color = wants_color(given["no_color"], out)
    out.write(drill_text(held, width=target.width_of(out), color=color))
    if as_json:
        Outlet(sys.stdout).write(f"{orjson.dumps(drill_json(held)).decode()}\n")
    sys.exit(held.exit_code)


def _held(given: dict[str, Any]) -> Drill:
    """The drill that the options ask for."""
    at = target.target_named(given["on"], given["data_url"])
    policy = find_policy(given["policy_file"], os.environ)
    credentials = find_credentials(at, os.environ, [Path.cwd()])
    timeouts = Timeouts(given["connect_timeout"], given["read_timeout"])
    logs: Path = given["audit_dir"]
    history = history_of(at, logs, NAME) if logs.exists() else None  # nobody has run anything yet
    with look(at, credentials, timeouts) as looking:
        return hold(looking, given["symbol"], policy, history)


def _end_without(exit_code: int, reason: str, *, as_json: bool) -> NoReturn:
    """No drill could be held: say why."""
    words = " ".join(reason.replace("..", ".").split())
    Outlet(sys.stderr).write(f"{visible(words)}\n")
    if as_json:
        said = {"exit_code": exit_code, "error": {"message": words}, "guards": [], "sent": 0}
        Outlet(sys.stdout).write(f"{orjson.dumps(said).decode()}\n")
    sys.exit(exit_code)
