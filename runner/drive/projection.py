"""What a plan would do to an account: the records of a projection. Nothing here is formatted.

Numbers are decimals in dollars or shares, moments are aware UTC datetimes. A number that depends on
the market or on an assumption is an `Estimate` of certainty `estimated`, with its basis in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from runner.effects import Json

MAIN = "main"
FILL, CONDITION, UNTIL = "fill", "condition", "until"  # kinds of assumptions
REFUSED = 4  # the exit code of a run that a check or a guard has refused

NOTES: Mapping[str, str] = {
    "PL001": "the market is closed",
    "PL002": "an order waits for the next open",
    "PL003": "a wait ends before its order can trade",
    "PL004": "some forks were not followed",
    "PL005": "a confirmation is assumed to be given",
    "PL006": "an account field is missing",
    "PL007": "an open order of the account could not be read, and is left out of the projection",
    "PL008": "somebody else's open order may fill meanwhile",
    "PL009": "a price is not known",
    "PL010": "a condition is assumed to come true",
    "PL011": "the observed state could not be read whole",
    "PL012": "the broker would refuse an order",
    "PL013": "a notification is not sent",
    "PL014": "day trades could not be counted",
    "PL015": "a part could not be projected",
    "PL016": "the kill switch is set",
}
"""The stable codes of notes, and what each is about."""


class Note(Struct, frozen=True):
    """Something that a person should know. `line` is the line it is about, empty for all."""

    code: str
    message: str
    step: str = ""
    line: str = ""


class Shown(Struct, frozen=True):
    """A value as data, as `runner.language.values.recorded` gives it, and how sure it is.

    `certainty` is read, computed, estimated or unknown. `basis` says what an estimate rests on,
    such as "ask at 09:31:02", New York time; empty for what is known.
    """

    value: Json
    certainty: str = "read"
    basis: str = ""

    @property
    def estimated(self) -> bool:
        return self.certainty == "estimated"


class QuoteSeen(Struct, frozen=True):
    """One quote as it was read. A side without interest is None."""

    symbol: str
    feed: str
    bid: Decimal | None
    ask: Decimal | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Observed:
    """What was read of the target, once. The objects are the broker's own.

    `at` is the broker's time, which is the run's time at its begin; None where it was not read.
    """

    at: datetime | None
    account: Mapping[str, Any]
    positions: tuple[Mapping[str, Any], ...]
    open_orders: tuple[Mapping[str, Any], ...]
    quotes: tuple[QuoteSeen, ...]
    assets: tuple[Mapping[str, Any], ...]
    clock: Mapping[str, Any]


class Assumption(Struct, frozen=True):
    """One choice of a line. `kind` is fill, condition or until.

    `about` is the condition, or the orders that are awaited, in words; `words` what is assumed of
    it; `likely` whether it is the more likely side.
    """

    step: str
    kind: str
    about: str
    words: str
    holds: bool
    likely: bool


class GuardSeen(Struct, frozen=True):
    """One guard's verdict on one order: pass, refuse, exempt or off."""

    guard: str
    verdict: str
    message: str
    values: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a line. `phase` is steps, on_failure or finally.

    `status` is done, failed, skipped, refused or unknown, as a run would report it. `after` is the
    account after it where it changed something.
    """

    path: str
    id: str
    name: str
    action: str
    phase: str
    status: str
    args: Mapping[str, Shown]
    outputs: Mapping[str, Shown]
    error: Mapping[str, Json] | None
    after: AccountAfter | None


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """One write of a line: what would be sent, and what is assumed to become of it.

    `effect` is submit, replace or cancel; `phase` as of a step, or safe_stop. `body` is the exact
    body without `client_order_id`, empty for a cancel; `estimates` the fields of it that are
    estimates, by dotted name (`take_profit.limit_price`). `symbol` and `side` are empty for a
    multi-leg order. `own` is false for an order that the plan did not send itself. `notional` is in
    dollars, None for a cancel and where no price is known. `fate` is refused, or the status that
    the order is assumed to end with, `canceled` included; `problem` the broker's own words where it
    would refuse. `queued_until` is when an order that is sent while its market is closed goes to
    the market.
    """

    step: str
    phase: str
    effect: str
    order_id: str
    body: Mapping[str, Json]
    estimates: Mapping[str, Shown]
    symbol: str
    side: str
    own: bool
    notional: Shown | None
    opens: bool
    guards: tuple[GuardSeen, ...]
    fate: str
    filled_qty: Decimal | None
    filled_avg_price: Shown | None
    problem: str
    queued_until: datetime | None


class Holding(Struct, frozen=True):
    """Shares of one symbol, negative when short; `value` in dollars, an estimate, may be untold."""

    symbol: str
    qty: Decimal
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class AccountAfter:
    """The account as it would be. Dollars; None where the broker did not report the field.

    `margin_excess` is equity minus maintenance margin. `day_trades` is how many the line has made
    so far, None when the account's fills of today could not be read.
    """

    cash: Decimal | None
    buying_power: Decimal | None
    equity: Decimal | None
    margin_excess: Decimal | None
    positions: tuple[Holding, ...]
    day_trades: int | None


class Refusal(Struct, frozen=True):
    """An order that a guard refused, so that nothing of it would be sent; the last one did."""

    step: str
    phase: str
    guards: tuple[GuardSeen, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One way that the run may go, to its end.

    `name` is `main`, or its number among the branches. `assumed` are its choices from the begin,
    `parted` the one in which it differs from the line it branches off (`parent`). `result` is what
    the run would print with `--json`; its ids are placeholders. `left` is the account at the same
    moment, `end` once what is under way then has happened, and what waits for the next open.
    """

    name: str
    parent: str
    parted: Assumption | None
    assumed: tuple[Assumption, ...]
    steps: tuple[PlannedStep, ...]
    orders: tuple[PlannedOrder, ...]
    refusals: tuple[Refusal, ...]
    begin: AccountAfter | None
    end: AccountAfter | None
    ended_at: datetime
    status: str
    exit_code: int
    result: Mapping[str, Json]
    left: AccountAfter | None = None

    @property
    def cleanup(self) -> tuple[PlannedOrder, ...]:
        """What on_failure, finally and the safe stop would send, change and cancel."""
        return tuple(order for order in self.orders if order.phase != "steps")

    @property
    def notional(self) -> Decimal:
        """Dollars of all orders that would be sent and open risk, those of unknown worth aside."""
        worths = (
            order.notional.value
            for order in self.orders
            if order.effect == "submit" and order.opens and order.notional is not None
        )
        return sum((Decimal(str(worth)) for worth in worths), Decimal(0))


@dataclass(frozen=True, slots=True)
class Projection:
    """The whole answer: what was seen, the main line and then its branches, and notes.

    `not_followed` is how many forks were left out because of the bound. `tolerance` is the part by
    which estimates were moved. `requests` is how many readings the target was asked for.
    """

    observed: Observed
    lines: tuple[Line, ...]
    notes: tuple[Note, ...]
    not_followed: int
    tolerance: Decimal
    requests: int

    @property
    def main(self) -> Line:
        return self.lines[0]

    @property
    def branches(self) -> tuple[Line, ...]:
        return self.lines[1:]

    @property
    def verdict(self) -> str:
        """How the run would end: `runs`, to its end; `refused`, a check or a guard says no before
        any order; `fails` otherwise. `cannot tell`, when a condition that the readings leave open
        decides whether it runs.
        """
        ends = {
            line.exit_code == 0
            for line in self.lines
            if line.parted is None or line.parted.kind != FILL
        }
        if len(ends) > 1:
            return "cannot tell"
        if self.main.exit_code == 0:
            return "runs"
        return "refused" if self.main.exit_code == REFUSED else "fails"
