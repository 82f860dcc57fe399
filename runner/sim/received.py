"""The requests that the served exchange received, for the control API: the last so many of them."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import Any

from msgspec import Struct

from runner.sim.faults_http import Delivery
from runner.sim.messages import Request
from runner.sim.wire import stamp

KEPT = 10_000


class Received(Struct, frozen=True):
    """One request; `status` is None when no answer was given. Headers hold keys: not kept."""

    number: int
    at: datetime
    request: Request
    status: int | None
    fault: str | None

    def body(self) -> dict[str, Any]:
        """Its JSON."""
        return {
            "number": self.number,
            "at": stamp(self.at),
            "method": self.request.method,
            "path": self.request.path,
            "query": dict(self.request.query),
            "body": self.request.body.decode("utf-8", "replace"),
            "status": self.status,
            "fault": self.fault,
        }


class ReceivedRequests:
    """The last requests, numbered from 1 in the order of their arrival."""

    def __init__(self) -> None:
        self._kept: deque[Received] = deque(maxlen=KEPT)
        self.total = 0

    def add(self, at: datetime, request: Request, delivery: Delivery) -> None:
        """Notes a request and what became of it."""
        self.total += 1
        response = delivery.response
        status = None if response is None else response.status
        bare = Request(request.method, request.path, request.query, {}, request.body)
        self._kept.append(Received(self.total, at, bare, status, delivery.fault))

    def after(self, number: int, limit: int) -> list[Received]:
        """At most `limit` of them that came after the one of this number."""
        skipped = max(number - (self.total - len(self._kept)), 0)
        return list(self._kept)[skipped : skipped + limit]
