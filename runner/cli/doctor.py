"""`runbook doctor`: whether everything that a run needs is there."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click
import orjson

from runner.broker.wire import Timeouts
from runner.cli import options, target
from runner.cli.checking import wants_color
from runner.drive.doctor import examine
from runner.drive.doctor_checks import Subject
from runner.report.doctor import doctor_json, doctor_text
from runner.report.run_stream import Outlet


@click.command(short_help="Check keys, account, clock, policy, logs and data.")
@target.options
@options.policy
@options.audit_dir
@options.timeouts
@options.as_json("Print one JSON object on stdout, the table on stderr.")
@options.no_color
def doctor(symbol: str, audit_dir: Path, *, as_json: bool, **given: Any) -> None:
    """Look at everything that a run needs, and say what to do where something is missing.

    It only reads. Exit code 0: no problem, warnings aside. 4: something is a problem. 7: the broker
    cannot be asked, or refuses the credentials.
    """
    subject = Subject(
        target.target_named(given["on"], given["data_url"]),
        audit_dir,
        symbol,
        os.environ,
        [Path.cwd()],
        given["policy_file"],
        Timeouts(given["connect_timeout"], given["read_timeout"]),
    )
    found = examine(subject)
    out = Outlet(sys.stderr if as_json else sys.stdout)
    color = wants_color(given["no_color"], out)
    out.write(doctor_text(found, width=target.width_of(out), color=color))
    if as_json:
        Outlet(sys.stdout).write(f"{orjson.dumps(doctor_json(found)).decode()}\n")
    sys.exit(found.exit_code)
