"""Random faults and kills together, each drawn from a seed that is printed when something is wrong.

    python -m tests.crash.storm --seconds 60       as many seeds as fit, from 0 on
    python -m tests.crash.storm --seed 4711        one of them again

A run meets up to three faults of the exchange and is killed up to three times, also while it is
being resumed, at random points; the price may move meanwhile. At the end the faults are over and it
is resumed once more. Then nothing of it is unknown: no order exists twice, no more was bought than
was meant, every fill is in the result, nothing that opens a position is open, and its log is
believed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from .cases import CASES, Case
from .checks import ENDED, unaccounted
from .exchange import Remote, an_exchange
from .points import AFTER, BEFORE, RECORD, REQUEST, TORN, Point, kill
from .runs import Runs, Turn

ON = ("tutorial", "replace", "replace-partly-filled", "timeout-market", "bracket-closed",
      "close-all", "guarded")  # fmt: skip
REQUESTS = ("{method: POST, path: /v2/orders}", "{method: PATCH}", "{method: DELETE}",
            "{method: GET, path: '/v2/orders*'}", "{method: GET}")  # fmt: skip
AROUND = (
    "fault: drop",
    "fault: drop, commit: no",
    "fault: drop, commit: late, time: 4s",
    "fault: drop, commit: late, time: 20s",
    "fault: answer, status: 504, body: html, commit: yes",
    "fault: answer, status: 500",
    "fault: answer, status: 429",
    "fault: answer, status: 429, commit: yes",
    "fault: truncate",
    "fault: empty",
    "fault: delay, time: 3s, commit: late",
    "fault: alter, omit: [status]",
)
IN_ORDERS = (
    "fault: late_reject, time: 10ms",
    "fault: fill_on_cancel",
    "fault: fill_on_cancel, part: 50%",
    "fault: stuck_cancel, time: 20s",
    "fault: partial_fill, part: 50%, time: 5s",
    "fault: lag_positions, time: 3s",
    "fault: hide_client_id, time: 10s",
)
BUYS = {"tutorial": 1, "replace": 2, "bracket-closed": 2, "close-all": 4, "guarded": 2}
"""Shares that a plan means to buy in all; 10 unless named."""


def faults_of(dice: random.Random) -> str:
    """Up to three faults, as a scenario has them."""
    drawn = []
    for _ in range(dice.randint(0, 3)):
        if dice.random() < 0.7:
            where = dice.choice(REQUESTS).strip("{}")
            times = dice.choice(["first: 1", "first: 3", f"nth: {dice.randint(1, 12)}"])
            drawn.append(f"{dice.choice(AROUND)}, {where}, {times}")
        else:
            drawn.append(f"{dice.choice(IN_ORDERS)}, first: {dice.randint(1, 2)}")
    return "".join(f"  - {{{one}}}\n" for one in drawn)


def weather(seed: int) -> tuple[Case, list[Point], random.Random]:
    """What a seed stands for: a case among faults, and where it is killed."""
    dice = random.Random(seed)
    case = CASES[dice.choice(ON)]
    head, _, already = case.scenario.partition("faults:\n")
    drawn = already + faults_of(dice)
    scenario = head + (f"faults:\n{drawn}" if drawn else "")
    points = [
        Point(RECORD, dice.randint(2, 150), dice.choice([BEFORE, AFTER, TORN]))
        if dice.random() < 0.7
        else Point(REQUEST, dice.randint(1, 50), dice.choice([BEFORE, AFTER]))
        for _ in range(dice.randint(0, 3))
    ]
    return case._replace(scenario=scenario), points, dice


def blow(seed: int, folder: Path, remote: Remote) -> list[str]:
    """Have one seed's weather pass over a run; what is wrong afterwards."""
    case, points, dice = weather(seed)
    runs = Runs(case, folder, remote)
    runs.begin()
    strikes = [{point: kill} for point in points] + [{}]
    turn = runs.run(strikes.pop(0))
    while turn.killed and strikes:
        remote.pass_time(dice.choice([0, 1, 7, 40]))
        if dice.random() < 0.2:
            remote.ask("POST", "/sim/prices", {"AAPL": dice.choice(["150.00", "189.00", "205.00"])})
        if not runs.log.exists() or b"\n" not in runs.log.read_bytes():
            return [] if not remote.orders() else ["orders without a log"]
        turn = runs.resume(strikes.pop(0))
    if turn.data.get("exit_code") == 8:
        remote.ask("DELETE", "/sim/faults")
        remote.pass_time(60)
        turn = runs.resume({})
    return _wrong(case, turn, remote, runs)


def _wrong(case: Case, turn: Turn, remote: Remote, runs: Runs) -> list[str]:
    if turn.refused:
        return [f"not resumed: {turn.refused}"]
    rows = remote.orders()
    found = [*runs.distrusted(), *unaccounted(turn, rows)]
    if turn.data["exit_code"] in (1, 8):
        found.append(f"exit code {turn.data['exit_code']}: {turn.data['error']}")
    ids = Counter(one["client_order_id"] for one in rows)
    found += [f"order {name} exists {count} times" for name, count in ids.items() if count > 1]
    bought = sum((Decimal(one["filled_qty"]) for one in rows if one["side"] == "buy"), Decimal(0))
    if bought > BUYS.get(case.name, 10):
        found.append(f"{bought} shares bought")
    found += [f"{one['client_order_id']} is open" for one in rows
              if one["side"] == "buy" and one["status"] not in ENDED]  # fmt: skip
    said = {one["symbol"]: Decimal(one["run_qty"]) for one in turn.data["positions"]}
    held = {symbol: Decimal(qty) for symbol, qty in remote.positions().items()}
    if {symbol: qty for symbol, qty in said.items() if qty} != held:
        found.append(f"positions {held}; the result says {said}")
    return found


def main() -> int:
    """Blow as the command line says; 0 when everything held."""
    parser = argparse.ArgumentParser("tests.crash.storm")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seconds", type=float, default=60, help="how long")
    given = parser.parse_args()
    failed, seed, over = 0, given.first, time.monotonic() + given.seconds
    with an_exchange() as remote, tempfile.TemporaryDirectory() as folder:
        while given.seed is not None or time.monotonic() < over:
            number = seed if given.seed is None else given.seed
            for wrong in blow(number, Path(folder), remote):
                failed += 1
                print(f"seed {number} ({_described(number)}): {wrong}", flush=True)
            seed += 1
            if given.seed is not None:
                break
    print(f"{seed - given.first} seeds from {given.first}, {failed} wrong")
    return 1 if failed else 0


def _described(seed: int) -> str:
    case, points, _ = weather(seed)
    faults: Any = case.scenario.partition("faults:")[2].split("\n")
    return f"{case.name}; killed {', '.join(map(str, points)) or 'never'}; {' '.join(faults)}"


if __name__ == "__main__":
    sys.exit(main())
