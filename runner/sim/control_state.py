"""The control API's faults, scenarios and snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.sim.control_world import overview
from runner.sim.exchange import Exchange
from runner.sim.faults_reader import fault_body, read_fault
from runner.sim.messages import Refusal, Request, Response
from runner.sim.scenario_file import parse_scenario, shipped_scenario, shipped_scenarios
from runner.sim.snapshot import restore_snapshot, take_snapshot
from runner.sim.wire import read_object, stamp

if TYPE_CHECKING:
    from runner.sim.server import Served

MOST_SNAPSHOTS = 100


def get_faults(served: Served, _request: Request, _parts: list[str]) -> Response:
    return Response(200, [fault_body(armed) for armed in served.exchange.faults])


def post_faults(served: Served, request: Request, _parts: list[str]) -> Response:
    fault = read_fault(read_object(request.body))
    return Response(201, fault_body(served.exchange.faults.arm(fault, served.now())))


def delete_faults(served: Served, _request: Request, parts: list[str]) -> Response:
    if parts and not parts[0].isdecimal():
        raise Refusal(404, None, f"a fault is named by its number, not {parts[0]!r}")
    ended = served.exchange.faults.clear(int(parts[0]) if parts else None)
    if parts and not ended:
        raise Refusal(404, None, f"there is no fault {parts[0]}")
    return Response(204)


# ------------------------------------------------------------------------- scenarios and snapshots


def get_scenarios(_served: Served, _request: Request, _parts: list[str]) -> Response:
    return Response(200, shipped_scenarios())


def post_scenario(served: Served, request: Request, parts: list[str]) -> Response:
    if parts:
        scenario = shipped_scenario(parts[0])
    else:
        scenario = parse_scenario(request.body, "scenario", None)
    served.replace(Exchange(scenario))
    return overview(served, request, [])


def get_snapshots(served: Served, _request: Request, _parts: list[str]) -> Response:
    return Response(200, sorted(served.snapshots))


def put_snapshot(served: Served, _request: Request, parts: list[str]) -> Response:
    if parts[0] not in served.snapshots and len(served.snapshots) >= MOST_SNAPSHOTS:
        raise Refusal(422, None, f"there are {MOST_SNAPSHOTS} snapshots; delete one first")
    served.exchange.advance(served.now())
    served.snapshots[parts[0]] = take_snapshot(served.exchange)
    return Response(201, {"snapshot": parts[0], "now": stamp(served.exchange.now)})


def restore(served: Served, request: Request, parts: list[str]) -> Response:
    served.replace(restore_snapshot(_snapshot(served, parts[0])))
    return overview(served, request, [])


def delete_snapshot(served: Served, _request: Request, parts: list[str]) -> Response:
    _snapshot(served, parts[0])
    del served.snapshots[parts[0]]
    return Response(204)


def _snapshot(served: Served, name: str) -> bytes:
    if name not in served.snapshots:
        raise Refusal(404, None, f"there is no snapshot {name!r}")
    return served.snapshots[name]
