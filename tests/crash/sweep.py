"""The crash-point sweep: every run is killed at every point, taken up again, and must end the same.

    python -m tests.crash.sweep                    every point of every runbook
    python -m tests.crash.sweep --pairs 3          and for each, three seeded second kills
    python -m tests.crash.sweep --pairs all        and for each, every second kill (many hours)
    python -m tests.crash.sweep --every 7 --seed 3 every seventh point, from the third on

A point lies before, in the middle of, or after a record that is written, or before or after a
request that is sent. It is really killed there (SIGKILL), or interrupted (SIGINT, and once more).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from .cases import CASES, GUARDED
from .exchange import an_exchange
from .points import AFTER, BEFORE, RECORD, Counts, Point
from .sweeping import Report, Sweep

ALL = -1
"""Every second kill, instead of so many."""


# ------------------------------------------------------------------------- which points


def points_of(counts: Counts, every: int, seed: int) -> list[Point]:
    """Every point, or every so many-th in an order that only the seed decides."""
    points = list(counts.points())
    if every > 1:
        random.Random(seed).shuffle(points)
    return points[seed % every :: every]


def sweep_kills(sweep: Sweep, every: int, pairs: int, seed: int) -> None:
    """Kill at the points; with `pairs` second kills for each of them, or `ALL`."""
    dice = random.Random(seed)
    for first in points_of(sweep.counts, every, seed):
        sweep.kill_at(first)
        if pairs == ALL:
            _every_second(sweep, first)
        most = sweep.counts.records, sweep.counts.requests
        for _ in range(max(pairs, 0)):
            sweep.kill_at(first, dice.choice(list(Counts(*most).points())))


def _every_second(sweep: Sweep, first: Point) -> None:
    for kind in {(point.what, point.place) for point in Counts(1, 1).points()}:
        for number in count(1):
            if not sweep.kill_at(first, Point(kind[0], number, kind[1])):
                break


def sweep_interrupts(sweep: Sweep, every: int, seed: int) -> None:
    """Interrupt at every record, once and twice."""
    dice = random.Random(seed)
    for number in range(1 + seed % every, sweep.counts.records + 1, every):
        first = Point(RECORD, number, AFTER)
        sweep.interrupt_at(first)
        sweep.interrupt_at(first, Point(RECORD, number + dice.randint(1, 12), BEFORE))


def sweep_moved(sweep: Sweep, every: int, seed: int) -> None:
    """Kill at the points, and take up in another market: too late, or after the price fell."""
    if sweep.remote is None:
        return
    for point in points_of(sweep.counts, every, seed):
        sweep.late_at(point)
        if sweep.runs.case is GUARDED:
            sweep.fallen_at(point)


# ------------------------------------------------------------------------- the command


def main() -> int:
    """Sweep as the command line says; 0 when everything held."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("tests.crash.sweep", description=__doc__, formatter_class=raw)
    parser.add_argument("--case", action="append", choices=[*CASES], help="only this runbook")
    parser.add_argument("--every", type=int, default=1, help="only every so many-th point")
    parser.add_argument("--pairs", default="0", help="second kills for each point, or all")
    parser.add_argument("--seed", type=int, default=0, help="which points, of those left out")
    parser.add_argument("--where", choices=["served", "inside"], help="only this exchange")
    parser.add_argument("--kind", choices=["kills", "interrupts", "moved"], help="only this kind")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    pairs = ALL if given.pairs == "all" else int(given.pairs)
    total = Report()
    for report in _swept(given, pairs):
        total.add(report)
    print(json.dumps(vars(total)) if given.json else f"In all: {total}")
    return 1 if total.wrong or total.duplicates or total.losses else 0


def _swept(given: argparse.Namespace, pairs: int) -> Iterator[Report]:
    with an_exchange() as remote, tempfile.TemporaryDirectory() as folder:
        for name in given.case or CASES:
            for place in (remote, None):
                if given.where and (given.where == "served") != (place is not None):
                    continue
                began = time.monotonic()
                inner = Path(folder) / f"{name}-{'served' if place else 'inside'}"
                inner.mkdir()
                sweep = Sweep(CASES[name], inner, place)
                if given.kind in (None, "kills"):
                    sweep_kills(sweep, given.every, pairs, given.seed)
                if given.kind in (None, "interrupts"):
                    sweep_interrupts(sweep, given.every, given.seed)
                if given.kind in (None, "moved"):
                    sweep_moved(sweep, given.every, given.seed)
                if not given.json:
                    took = time.monotonic() - began
                    print(f"{sweep.name}: {sweep.report} ({took:.0f} s)", flush=True)
                yield sweep.report


if __name__ == "__main__":
    sys.exit(main())
