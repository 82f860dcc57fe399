"""The requests that the served exchange received, for the control API."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Any

from msgspec import Struct

from runner.sim.archive import Log
from runner.sim.faults_http import Delivery
from runner.sim.messages import Request
from runner.sim.wire import stamp


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
    """Every request, numbered from 1 in the order of its arrival; earlier ones are on disk."""

    def __init__(self) -> None:
        self._log: Log[Received] = Log(kind=Received)

    @property
    def total(self) -> int:
        """How many there were."""
        return len(self._log)

    def add(self, at: datetime, request: Request, delivery: Delivery) -> None:
        """Notes a request and what became of it."""
        response = delivery.response
        status = None if response is None else response.status
        bare = Request(request.method, request.path, request.query, {}, request.body)
        self._log.append(Received(self.total + 1, at, bare, status, delivery.fault))

    def after(self, number: int, limit: int) -> list[Received]:
        """At most `limit` of them that came after the one of this number."""
        return list(islice(self._log.since(number), limit))
