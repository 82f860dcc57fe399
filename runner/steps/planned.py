"""What the rest of the runbook means to send, as far as it can be told before it does."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from runner.effects import Json
from runner.guards import Draft
from runner.language.expressions import EvaluationError, Expression, evaluate
from runner.language.runbook import Argument, Literal, Step
from runner.language.values import Plain
from runner.machine import Run
from runner.machine.failures import refused

NUMBERS = ("qty", "notional", "limit_price", "stop_price")
PRICES = ("limit_price", "stop_price", "trail_price", "trail_percent")


class PlannedOrder(Struct, frozen=True):
    """One order to come. A number that is None is not given, or not known yet.

    `side` is empty for one that closes, whichever side that takes. `partly`: it may close less
    than everything. `when`: its condition, as written. `on_failure`: only a failure leads to it.
    `priced`: it fills only if the market goes there. `waits`: how many waits for a time or an
    event stand before it, each of which may last until another day.
    """

    symbol: str
    side: str
    qty: Decimal | None = None
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    partly: bool = False
    whole_account: bool = False
    when: str = ""
    on_failure: bool = False
    priced: bool = False
    waits: int = 0

    @property
    def closes(self) -> bool:
        return not self.side

    @property
    def draft(self) -> Draft:
        """The order as guards reckon with it."""
        known = {name: getattr(self, name) for name in NUMBERS}
        body: dict[str, Json] = {k: f"{v:f}" for k, v in known.items() if v is not None}
        return Draft(self.symbol, self.side, body)


def planned_orders(run: Run) -> Sequence[PlannedOrder]:
    """The orders of the steps after the running one, conditional ones included, and those of
    `on_failure` and `finally` where they are still to come.

    Raises `Failure` when a step's symbol or side cannot be told: absence never passes.
    """
    body = run.runbook.body
    place = run.step.place if run.step is not None else ""
    main, rescue = place.startswith("steps"), place.startswith("on_failure")
    later = [(step, False) for step in run.remaining_steps]
    later += [(step, True) for step in body.rescue if main]
    later += [(step, False) for step in body.always if main or rescue]
    found, waits = [], 0
    for step, failed in later:
        waits += _may_last_overnight(step)
        if step.action.sends:
            found.append(_planned(run, step, failed, waits))
    return found


def _may_last_overnight(step: Step) -> bool:
    """Whether a step waits for an event that may belong to the next session."""
    until = step.arguments.get("until") if step.action.name == "wait" else None
    if until is None or "poll" in step.arguments:
        return False
    content = until.content
    target = content.value if isinstance(content, Literal) else None
    return getattr(target, "event", "open") in ("open", "premarket")


def _planned(run: Run, step: Step, on_failure: bool, waits: int) -> PlannedOrder:
    symbol, side = _known(run, step, "symbol"), _known(run, step, "side")
    closes = "side" not in step.action.fields
    if not isinstance(symbol, str) or not (closes or isinstance(side, str)):
        raise refused(f"what {step.place} would send cannot be told before it runs")
    percent = _known(run, step, "percent")
    return PlannedOrder(
        symbol=symbol,
        side=side if isinstance(side, str) else "",
        **{name: _number(run, step, name) for name in NUMBERS},
        partly="percent" in step.arguments and percent != 1,
        whole_account=_known(run, step, "scope") == "account",
        when=" ".join(step.when.text.split()) if step.when is not None else "",
        on_failure=on_failure,
        priced=any(name in step.arguments for name in PRICES),
        waits=waits,
    )


def _number(run: Run, step: Step, name: str) -> Decimal | None:
    value = _known(run, step, name)
    return value if isinstance(value, Decimal) else None


def _known(run: Run, step: Step, name: str) -> Plain:
    argument: Argument | None = step.arguments.get(name)
    if argument is None:
        return None
    if isinstance(argument.content, Literal):
        return argument.content.value
    if isinstance(argument.content, Expression):
        try:
            result = evaluate(argument.content, run.lookup, lambda step_id: step_id in run.ran)
        except EvaluationError:
            return None
        return result.value.value
    return None
