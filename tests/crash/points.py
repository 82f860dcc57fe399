"""Where a run is struck: at a record it writes, or at a request it sends.

`struck_at` is called in the process that is to be struck, and only there. It wraps the one function
through which every line of the log and the ledger goes, and the one that sends a request.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from requests.adapters import HTTPAdapter

from runner.audit import journal, ledger

RECORD, REQUEST = "record", "request"
BEFORE, AFTER, TORN = "before", "after", "torn"
PLACES = {RECORD: (BEFORE, AFTER, TORN), REQUEST: (BEFORE, AFTER)}


class Point(NamedTuple):
    """Before, after or in the middle of the record or request of this number, counted from 1."""

    what: str
    number: int
    place: str

    def __str__(self) -> str:
        return f"{self.place} {self.what} {self.number}"


class Counts(NamedTuple):
    """How many records and requests a run came to."""

    records: int
    requests: int

    def points(self) -> Iterator[Point]:
        """Every point of such a run, in no particular order."""
        for what, number in ((RECORD, self.records), (REQUEST, self.requests)):
            for place in PLACES[what]:
                yield from (Point(what, one, place) for one in range(1, number + 1))


Strike = Callable[[], None]


def kill() -> None:
    """End this process as a power cut would: nothing of it runs any more."""
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt() -> None:
    """Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def struck_at(strikes: dict[Point, Strike]) -> Callable[[], Counts]:
    """Have this process struck at points. What comes back tells how far it has come."""
    done = {RECORD: 0, REQUEST: 0}

    def at(what: str, place: str) -> None:
        strike = strikes.get(Point(what, done[what], place))
        if strike is not None:
            strike()

    write_all, send = journal.write_all, HTTPAdapter.send

    def write(fd: int, content: bytes) -> None:
        done[RECORD] += 1
        at(RECORD, BEFORE)
        torn = strikes.get(Point(RECORD, done[RECORD], TORN))
        if torn is not None:
            write_all(fd, content[: len(content) // 2])
            torn()
            content = content[len(content) // 2 :]
        write_all(fd, content)
        at(RECORD, AFTER)

    def sent(self: HTTPAdapter, *arguments: Any, **named: Any) -> Any:
        done[REQUEST] += 1
        at(REQUEST, BEFORE)
        response = send(self, *arguments, **named)
        at(REQUEST, AFTER)
        return response

    for module in (journal, ledger):
        module.write_all = write  # type: ignore[attr-defined]
    HTTPAdapter.send = sent  # type: ignore[method-assign]
    return lambda: Counts(done[RECORD], done[REQUEST])
