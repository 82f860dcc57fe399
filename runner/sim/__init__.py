"""The embedded exchange: an Alpaca-compatible broker with its own clock, tape and seed.

    from runner.sim import Exchange, VirtualClock, default_scenario, serve

    scenario = default_scenario()
    exchange = Exchange(scenario)
    with serve(exchange, VirtualClock(scenario.start)) as served:
        client = TradingClient("key", "secret", url_override=served.url)

Everything it answers is simulated; `docs/fidelity.md` says how each rule is known.
"""

from __future__ import annotations

from runner.sim.clock import Clock, FlowingClock, VirtualClock
from runner.sim.exchange import Exchange
from runner.sim.messages import Request, Response
from runner.sim.scenario import Holding, Scenario, default_scenario
from runner.sim.scenario_file import load_scenario
from runner.sim.scenario_reader import read_scenario
from runner.sim.scenario_values import ScenarioError
from runner.sim.server import Served, ServeError, serve

__all__ = [
    "Clock",
    "Exchange",
    "FlowingClock",
    "Holding",
    "Request",
    "Response",
    "Scenario",
    "ScenarioError",
    "ServeError",
    "Served",
    "VirtualClock",
    "default_scenario",
    "load_scenario",
    "read_scenario",
    "serve",
]
