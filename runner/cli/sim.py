"""`runbook sim`: serves the embedded exchange to any Alpaca client on this machine."""

from __future__ import annotations

import signal
import sys
import threading
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from runner.sim import Scenario


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True,
              help="The loopback address; others are refused.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=8787, show_default=True,
              help="The port; 0 takes a free one.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), help="Decides prices and order ids.")
@click.option("--scenario", "scenario_file", metavar="FILE|NAME",
              help="A YAML file (account, positions, prices, faults), or the name of one that"
                   " comes with the exchange.")  # fmt: skip
@click.option("--start", metavar="TIME",
              help="Its time at the start: a time in New York, or RFC 3339.")  # fmt: skip
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), default=1.0,
              show_default=True, help="How much faster than the wall its time flows.")  # fmt: skip
def sim(
    *,
    host: str,
    port: int,
    seed: int | None,
    scenario_file: str | None,
    start: str | None,
    speed: float,
) -> None:
    """Serve the embedded exchange on loopback until interrupted.

    Without options: a fresh margin account of 100,000 dollars in an open session. The control API
    is under /sim/ at the same address; docs/simulator.md shows how to use it.
    """
    from runner.sim import Exchange, FlowingClock, ScenarioError, ServeError, serve  # noqa: PLC0415

    try:
        scenario = _scenario(scenario_file, seed, start)
    except ScenarioError as error:
        raise click.UsageError(str(error)) from None
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        clock = FlowingClock(scenario.start, Decimal(str(speed)))
        with serve(Exchange(scenario), clock, host=host, port=port) as served:
            click.echo(f"Simulated exchange on {served.url} (not Alpaca: no real orders)")
            click.echo(f"Its time is {scenario.start:%Y-%m-%d %H:%M:%S} UTC, {speed:g}x the wall.")
            click.echo(f"Use it with: runbook run FILE --on {served.url}")
            click.echo(f"Look at it with: curl {served.url}/sim")
            keys = "Only the scenario's" if scenario.keys else "Any"
            click.echo(f"{keys} key and secret are accepted. Ctrl-C ends it.")
            sys.stdout.flush()
            stop.wait()
    except ServeError as error:
        click.echo(str(error), err=True)
        sys.exit(2)


def _scenario(file: str | None, seed: int | None, start: str | None) -> Scenario:
    """The scenario of the options. Raises `ScenarioError`."""
    from runner.sim import default_scenario, read_scenario  # noqa: PLC0415
    from runner.sim.scenario_file import find_scenario  # noqa: PLC0415

    if file is None:
        scenario = default_scenario()
    else:
        scenario, _ = find_scenario(file)
    if seed is not None:
        scenario = replace(scenario, seed=seed)
    if start is not None:
        scenario = replace(scenario, start=read_scenario({"start": start}).start)
    return scenario
