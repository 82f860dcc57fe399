"""What a plan comes to in one line: orders, dollars, and whether it would run."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from runner.drive.projection import Line, Projection
from runner.report.plan_orders import refusing

FILL = "fill"


@dataclass(frozen=True, slots=True)
class Totals:
    """Of the main line. `notional` is dollars of all orders that would be sent, buys and sells,
    those that the broker would refuse aside; `unpriced` is how many have no known worth. `reason`
    is why the verdict is not simply `runs`.
    """

    orders: int
    changes: int
    cancels: int
    notional: Decimal
    opening_notional: Decimal
    unpriced: int
    verdict: str
    reason: str

    @classmethod
    def of(cls, projection: Projection) -> Totals:
        main = projection.main
        sent = [one for one in main.orders if one.effect == "submit"]
        worths = [
            Decimal(str(one.notional.value))
            for one in sent
            if one.notional is not None and one.notional.value is not None and not one.problem
        ]
        return cls(
            orders=len(sent),
            changes=sum(one.effect == "replace" for one in main.orders),
            cancels=sum(one.effect == "cancel" for one in main.orders),
            notional=sum(worths, Decimal(0)),
            opening_notional=main.notional,
            unpriced=sum(one.notional is None or one.notional.value is None for one in sent),
            verdict=projection.verdict,
            reason=reason_of(projection),
        )


def _open_conditions(projection: Projection) -> set[tuple[str, str]]:
    """The conditions that decide whether it ends well, and that cannot be told."""
    return {
        (line.parted.step, line.parted.about)
        for line in projection.branches
        if line.exit_code and line.parted is not None and line.parted.kind != FILL
    }


def reason_of(projection: Projection) -> str:
    """Why it would not simply run; empty when it would."""
    main = projection.main
    if main.exit_code:
        guard = refusing(main.refusals)
        return f"{guard.guard}: {guard.message}" if guard is not None else _error(main)
    open_ones = len(_open_conditions(projection))
    if not open_ones:
        return ""
    return f"{open_ones} condition{' depends' if open_ones == 1 else 's depend'} on the market"


def _error(main: Line) -> str:
    error = main.result.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return str(message) if message else main.status.replace("_", " ")


def exit_code(projection: Projection) -> int:
    """0 when it would run or that cannot be told, 7 when the target could not be read, else 4."""
    code = projection.main.exit_code
    return code if code in (0, 1, 7) else 4
