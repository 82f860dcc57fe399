"""The checked, typed runbook: what the machine carries out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from runner.language.declare import Action, Field, Form, arg
from runner.language.expressions import Expression, Template
from runner.language.kinds import (
    BOOLEAN,
    COUNT,
    DURATION,
    ID,
    MONEY,
    PERCENT,
    QUANTITY,
    TEXT,
    Kind,
    choice,
)
from runner.language.source import Source, Span
from runner.language.values import Plain, Value

TIME_IN_FORCE = choice("day", "gtc", "opg", "cls", "ioc", "fok")


class Literal(Struct, frozen=True):
    """An argument known before the run."""

    value: Plain


class OrderReference(Struct, frozen=True):
    """An order named by the step that sends it; `output` names one of its legs, if any."""

    step_id: str
    output: str = "order_id"


class Poll(Struct, frozen=True):
    """A reading action that `wait` repeats, with its own arguments."""

    action: Action
    arguments: Mapping[str, Argument]


class Nested(Struct, frozen=True):
    """One mapping of a nested list; `declared` is the arguments class that its keys belong to."""

    declared: type
    arguments: Mapping[str, Argument]


class Argument(Struct, frozen=True):
    """One written argument: its declaration, where it stands, and what fills it.

    `content` is a literal, an expression, a template, an order reference, a nested reading
    action, or a tuple of these for a field that takes several; of a nested list each is a mapping.
    """

    field: Field
    span: Span
    content: Literal | Expression | Template | OrderReference | Poll | Nested | tuple[Argument, ...]


class Step(Struct, frozen=True):
    """One step. `place` is its address within its block: `steps[3]`, `finally[0]`."""

    place: str
    action: Action
    arguments: Mapping[str, Argument]
    span: Span
    id: str = ""
    name: str = ""
    when: Expression | None = None
    timeout: Argument | None = None
    on_error: str = "fail"
    body: Block | None = None


class Block(Struct, frozen=True):
    """Steps, what runs when one of them fails (`rescue`), and what always runs (`always`).

    The one recursive form: the runbook itself is a block, and so is every loop body to come.
    """

    steps: tuple[Step, ...]
    rescue: tuple[Step, ...] = ()
    always: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepKeys:
    """The keys that every step may carry besides its action."""

    id: str | None = arg(
        ID, "A name for the step; later steps refer to it.", literal=True, example="entry"
    )
    name: str | None = arg(TEXT, "What people see for this step.", literal=True)
    when: bool | None = arg(
        BOOLEAN, "The step runs only when this expression is true.", form=Form.CONDITION
    )
    timeout: timedelta | None = arg(
        DURATION, "The step fails after this long.", above="0s", example="90s"
    )
    on_error: str | None = arg(
        choice("fail", "continue"),
        "What a failure of this step does. `continue` never covers an unknown outcome, a guard or "
        "the kill switch.",
        default="fail",
        literal=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what is sent. An order that would cross one is refused, nothing sent.

    The owner's policy sets them for every run; a runbook's own may only be tighter.
    """

    max_orders: Decimal | None = arg(
        COUNT, "How many orders that open risk one run may send.", least="0"
    )
    max_orders_per_minute: Decimal | None = arg(
        COUNT, "How many orders that open risk may be sent in 60 seconds.", least="0"
    )
    max_day_orders: Decimal | None = arg(
        COUNT,
        "How many orders that open risk all runs of the log directory may send in one day of "
        "New York.",
        least="0",
    )
    max_order_qty: Decimal | None = arg(
        QUANTITY, "The most shares one order may be for.", above="0"
    )
    max_order_notional: Decimal | None = arg(
        MONEY, "The most dollars one order may be worth.", above="0"
    )
    max_run_notional: Decimal | None = arg(
        MONEY, "The most dollars all opening orders of one run may be worth together.", above="0"
    )
    max_day_notional: Decimal | None = arg(
        MONEY,
        "The most dollars the opening orders of all runs of the log directory may be worth in one "
        "day of New York.",
        above="0",
    )
    max_position_qty: Decimal | None = arg(
        QUANTITY,
        "The most shares, long or short, that a symbol's position may come to, with open orders.",
        above="0",
    )
    max_position_notional: Decimal | None = arg(
        MONEY,
        "The most dollars that a symbol's position may come to, with open orders.",
        above="0",
    )
    max_gross_exposure: Decimal | None = arg(
        MONEY,
        "The most dollars that all positions, long and short, may come to, with open orders.",
        above="0",
    )
    price_collar: Decimal | None = arg(
        PERCENT,
        "How far from the market an order's price may lie on the costly side.",
        above="0%",
        example="3%",
    )
    stop_distance: Decimal | None = arg(
        PERCENT,
        "How far from the market the stop price of an order may lie.",
        above="0%",
        example="20%",
    )
    max_spread: Decimal | None = arg(
        PERCENT,
        "How wide the quote may be, as a part of its middle, for an order without a limit price.",
        above="0%",
        example="2%",
    )
    max_day_trades: Decimal | None = arg(
        COUNT,
        "A house budget of day trades in five sessions; at it, nothing is opened.",
        least="0",
    )
    max_repeats: Decimal | None = arg(
        COUNT, "How many runs of the same runbook may open risk within an hour.", least="0"
    )
    duplicate_window: timedelta | None = arg(
        DURATION,
        "An order equal to one that another run sent within this time is refused.",
        least="0s",
        example="30s",
    )
    max_clock_skew: timedelta | None = arg(
        DURATION,
        "How far this machine's clock may be from the broker's, on paper and live.",
        above="0s",
        example="5s",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What steps use where they say nothing."""

    time_in_force: str | None = arg(
        TIME_IN_FORCE, "How long an order works.", literal=True, default="day"
    )
    timeout: timedelta | None = arg(DURATION, "How long a step may take.", above="0s")
    poll: timedelta | None = arg(
        DURATION, "How often an awaited order is read.", least="200ms", most="60s"
    )


class Parameter(Struct, frozen=True):
    """A declared parameter. `default`, `least` and `most` are values of its kind or None."""

    name: str
    kind: Kind
    span: Span
    default: Plain = None
    least: Plain = None
    most: Plain = None
    description: str = ""


class Runbook(Struct, frozen=True):
    """Everything the machine needs, checked and typed.

    `symbols` is what the run may trade, or None for any. `params` holds every parameter's value.
    `timeout` bounds the whole run; `valid_until` is the moment (UTC) after which it must not
    start.
    """

    name: str
    source: Source
    body: Block
    symbols: tuple[str, ...] | None
    description: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    params: Mapping[str, Value] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    defaults: Defaults = field(default_factory=Defaults)
    timeout: timedelta | None = None
    valid_until: datetime | None = None
