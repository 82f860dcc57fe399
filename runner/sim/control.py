"""The control API under `/sim`: the world that the exchange lives in, and what happened in it.

Loopback only, like the exchange itself, and not for browsers. Nothing of it exists at Alpaca. Its
answers are JSON; a refusal is an object with a `message` in plain words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from runner.sim import control_history as history
from runner.sim import control_orders as orders
from runner.sim import control_state as state
from runner.sim import control_world as world
from runner.sim.messages import Refusal, Request, Response
from runner.sim.scenario_values import ScenarioError

if TYPE_CHECKING:
    from runner.sim.server import Served

LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]", "::1")

Handler = Callable[["Served", Request, list[str]], Response]


def control(served: Served, request: Request) -> Response:
    """The answer to a request to `/sim` or below."""
    try:
        _require_local(request)
        handler, parts = _route(request)
        with served.lock:
            response = handler(served, request, parts)
    except Refusal as refusal:
        return Response(refusal.status, {"message": refusal.message})
    except ScenarioError as error:
        return Response(422, {"message": str(error)})
    served.tell_watchers()
    return response


def _require_local(request: Request) -> None:
    """Keeps web pages out: their browser would carry their request to loopback."""
    host = request.header("host")
    name = host if host.startswith("[") and host.endswith("]") else host.rpartition(":")[0] or host
    if name not in LOCAL_NAMES or request.header("origin"):
        raise Refusal(403, None, "the control API is for programs on this machine only")


def _route(request: Request) -> tuple[Handler, list[str]]:
    parts = [part for part in request.path.split("/")[2:] if part]
    for (method, pattern), handler in ROUTES.items():
        wanted = pattern.split("/") if pattern else []
        if method == request.method and len(wanted) == len(parts):
            pairs = list(zip(wanted, parts, strict=True))
            if all(word in ("*", part) for word, part in pairs):
                return handler, [part for word, part in pairs if word == "*"]
    known = ", ".join(f"{method} /sim/{pattern}".rstrip("/") for method, pattern in ROUTES)
    raise Refusal(404, None, f"there is no {request.method} {request.path}; there are {known}")


ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", ""): world.overview,
    ("GET", "clock"): world.get_clock,
    ("POST", "clock"): world.post_clock,
    ("GET", "prices"): world.get_prices,
    ("POST", "prices"): world.post_prices,
    ("GET", "faults"): state.get_faults,
    ("POST", "faults"): state.post_faults,
    ("DELETE", "faults"): state.delete_faults,
    ("DELETE", "faults/*"): state.delete_faults,
    ("GET", "scenarios"): state.get_scenarios,
    ("POST", "scenario"): state.post_scenario,
    ("POST", "scenarios/*"): state.post_scenario,
    ("GET", "snapshots"): state.get_snapshots,
    ("PUT", "snapshots/*"): state.put_snapshot,
    ("POST", "snapshots/*/restore"): state.restore,
    ("DELETE", "snapshots/*"): state.delete_snapshot,
    ("GET", "orders"): history.get_orders,
    ("POST", "orders/*"): orders.post_order,
    ("GET", "events"): history.get_events,
    ("GET", "requests"): history.get_requests,
}
