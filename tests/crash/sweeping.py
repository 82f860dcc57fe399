"""One runbook struck at one point after the other, and what became of it counted."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from runner.audit.log import read_log

from .cases import FALLEN, Case
from .checks import ENDED, differences, doubled, lost, orders_of, result_of, unaccounted
from .exchange import Remote
from .points import Point, Strike, interrupt, kill
from .runs import Runs, Turn

WHILE_DEAD = 7.0
"""Seconds of the exchange's time that pass between a kill and the resume."""

TOO_LONG = 11 * 60.0
"""Seconds after which the steps of a run do not go on."""


@dataclass
class Report:
    """What a sweep came to. Times are the longest from a crash to the settlement, in seconds."""

    points: int = 0
    pairs: int = 0
    interrupts: int = 0
    moved: int = 0
    duplicates: int = 0
    losses: int = 0
    longest_virtual: float = 0
    longest_wall: float = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Report) -> None:
        """Count another one in."""
        for name in ("points", "pairs", "interrupts", "moved", "duplicates", "losses"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.longest_virtual = max(self.longest_virtual, other.longest_virtual)
        self.longest_wall = max(self.longest_wall, other.longest_wall)
        self.wrong += other.wrong

    def __str__(self) -> str:
        return (
            f"{self.points} crash points, {self.pairs} with a second kill, {self.interrupts} "
            f"interrupts, {self.moved} resumed in another market; {self.duplicates} duplicates, "
            f"{self.losses} losses, {len(self.wrong)} wrong; crash to reconciled at most "
            f"{self.longest_virtual:.1f} s of the run's time and {self.longest_wall:.2f} s of the "
            "wall's"
        )


class Sweep:
    """The sweep of one case, against a served exchange or with the one inside."""

    def __init__(self, case: Case, folder: Path, remote: Remote | None) -> None:
        self.runs = Runs(case, folder, remote)
        self.remote = remote
        self.name = f"{case.name} ({'served' if remote else 'inside'})"
        self.report = Report()
        self.runs.begin()
        turn = self.runs.run({})
        assert turn.data["exit_code"] == case.exit_code, turn.data["error"]
        assert self.runs.distrusted() == []
        self.counts = turn.counts
        self.meant = orders_of(self._orders(turn))
        self.held = remote.positions() if remote else {}
        self.result = result_of(turn.data)

    def _orders(self, turn: Turn) -> list[dict[str, Any]]:
        if self.remote is not None:
            return self.remote.orders()
        return turn.orders or []

    # ------------------------------------------------------------------ killed

    def kill_at(self, first: Point, second: Point | None = None) -> bool:
        """Kill the run at a point, and its resume at another; it must end as if nothing had been.

        Whether the second point was reached.
        """
        self.runs.begin()
        turn = self.runs.run({first: kill})
        self.report.points += second is None
        if not turn.killed:
            self._wrong([first], "the point was not reached")
            return False
        died = [self._dies()]
        reached = False
        if second is not None and self._begun():
            reached = self.runs.resume({second: kill}).killed
            if reached:
                self.report.pairs += 1
                died.append(self._dies())
        self._must_end_the_same([first, *([second] if second and reached else [])], died)
        return reached

    def _begun(self) -> bool:
        """Whether the run's log has a first record: before that nothing was sent."""
        log = self.runs.log
        return log.exists() and b"\n" in log.read_bytes()

    def _dies(self) -> datetime | None:
        """A while passes at the exchange. Gives the moment of the death, by its clock."""
        if self.remote is None:
            return None
        at = self.remote.now()
        self.remote.pass_time(WHILE_DEAD)
        return at

    def _must_end_the_same(self, points: list[Point], died: list[datetime | None]) -> None:
        began = time.time()
        if not self._begun():
            orders = self.remote.orders() if self.remote else []
            if orders:
                self._wrong(points, f"orders without a log: {orders}")
            return
        turn = self.runs.resume({})
        if turn.refused:
            self._wrong(points, turn.refused)
            return
        found = orders_of(self._orders(turn))
        if self.remote is not None or not turn.ended:
            self.report.duplicates += doubled(found, self.meant)
            self.report.losses += lost(found, self.meant)
            if found != self.meant:
                self._wrong(points, f"orders {found} instead of {self.meant}")
        if self.remote is not None and self.remote.positions() != self.held:
            self._wrong(points, f"positions {self.remote.positions()} instead of {self.held}")
        for wrong in differences(result_of(turn.data), self.result) + self.runs.distrusted():
            self._wrong(points, wrong)
        again = self.runs.resume({})
        if not again.ended or again.data["exit_code"] != turn.data["exit_code"]:
            self._wrong(points, "a finished run did not say so")
        self._measure(died, began)

    def _measure(self, died: list[datetime | None], began: float) -> None:
        """How long it took until the settlement was on record."""
        at = ""
        for record in read_log(self.runs.log).records:
            if record.type == "effect.outcome":
                at = record.data["at"]
            elif record.type == "effect.reconciled":
                wall = datetime.fromisoformat(record.ts[:26] + "+00:00").timestamp() - began
                self.report.longest_wall = max(self.report.longest_wall, wall)
                if died[-1] is not None:
                    took = datetime.fromisoformat(at) - died[-1] - timedelta(seconds=WHILE_DEAD)
                    virtual = took.total_seconds()
                    self.report.longest_virtual = max(self.report.longest_virtual, virtual)

    # ------------------------------------------------------------------ the world moved on

    def fallen_at(self, point: Point) -> None:
        """Kill the run; the price falls meanwhile. An order that no guard lets pass any more does
        not go out, and one that is there is there once."""
        had, turn = self._resumed_later(point, WHILE_DEAD, FALLEN)
        if turn is None:
            return
        allowed = {0} if had else {4}
        if turn.data["exit_code"] not in allowed:
            self._wrong([point], f"exit code {turn.data['exit_code']}: {turn.data['error']}")

    def late_at(self, point: Point) -> None:
        """Kill the run and take it up too late: its steps do not go on, nothing that opens a
        position is left or sent. A run that was killed while it cleaned up, or had nothing left to
        do, ends as it would have."""
        _, turn = self._resumed_later(point, TOO_LONG, {})
        if turn is None:
            return
        error = turn.data["error"] or {}
        timed_out = {6} if error.get("cause") == "run_timed_out" else set()
        if turn.data["exit_code"] not in {130, self.result["exit_code"], *timed_out}:
            self._wrong([point], f"exit code {turn.data['exit_code']}: {turn.data['error']}")

    def _resumed_later(
        self, point: Point, seconds: float, prices: dict[str, str]
    ) -> tuple[int, Turn | None]:
        """How many orders to buy there were at the death, and what the resume came to."""
        assert self.remote is not None
        self.runs.begin()
        self.runs.run({point: kill})
        self.report.moved += 1
        had = _bought(self.remote.orders())
        if prices:
            self.remote.ask("POST", "/sim/prices", prices)
        self.remote.pass_time(seconds)
        if not self._begun():
            return had, None
        turn = self.runs.resume({})
        if turn.refused:
            self._wrong([point], turn.refused)
            return had, None
        rows = self.remote.orders()
        if _bought(rows) > had:
            self.report.duplicates += 1
            self._wrong([point], f"an order to buy was sent: {orders_of(rows)}")
        if any(one["side"] == "buy" and one["status"] not in ENDED for one in rows):
            self._wrong([point], "an order to buy was left open")
        for wrong in unaccounted(turn, rows) + self.runs.distrusted():
            self._wrong([point], wrong)
        return had, turn

    # ------------------------------------------------------------------ interrupted

    def interrupt_at(self, first: Point, second: Point | None = None) -> None:
        """Ctrl-C at a point, and once more at another, which leaves at once; then it is resumed.

        Whatever it came to: it says what is live, nothing was sent twice, nothing is forgotten.
        """
        strikes: dict[Point, Strike] = {first: interrupt}
        if second is not None:
            strikes[second] = interrupt
        points = [first, *([second] if second else [])]
        self.runs.begin()
        turn = self.runs.run(strikes)
        self.report.interrupts += 1
        allowed = {130, self.result["exit_code"], 8} if second else {130, self.result["exit_code"]}
        if turn.data["exit_code"] not in allowed:
            self._wrong(points, f"exit code {turn.data['exit_code']}: {turn.data['error']}")
        rows = self._orders(turn)
        if turn.data.get("left") or turn.data["exit_code"] == 8:
            if self.remote is None:
                return
            self._dies()
            turn = self.runs.resume({})
            if turn.refused:
                self._wrong(points, turn.refused)
                return
            if turn.data["exit_code"] not in (130, self.result["exit_code"], 0):
                self._wrong(points, f"resumed to {turn.data['exit_code']}: {turn.data['error']}")
            rows = self._orders(turn)
        found = orders_of(rows)
        surplus = doubled(found, self.meant)
        self.report.duplicates += surplus if len(found) > len(self.meant) else 0
        opens = [one for one in rows if one["status"] not in ENDED and one["side"] == "buy"]
        if opens:
            self._wrong(points, f"an opening order was left: {opens}")
        for wrong in unaccounted(turn, rows) + self.runs.distrusted():
            self._wrong(points, wrong)

    def _wrong(self, points: list[Point], what: str) -> None:
        text = f"{self.name}, {' then '.join(map(str, points))}: {what}"
        self.report.wrong.append(text)
        print(text, file=sys.stderr, flush=True)


def _bought(rows: list[dict[str, Any]]) -> int:
    return sum(1 for one in rows if one["side"] == "buy" and not one["replaces"])
