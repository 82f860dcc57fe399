"""The closed vocabulary between the machine and whoever drives it.

The machine yields an `Event` (something it decided; the log keeps it, nobody answers) or a
`Command` (an effect it wants performed; the driver answers with an `Outcome`). That is the whole
interface: the same machine runs live, from a recorded log, resumed, or projected for a plan,
because each driver speaks these types and nothing else.

Order of operations for a command, whoever drives:

1. The driver may answer `not_performed` when an interruption arrived before the effect began. The
   machine raises the interruption then and there; nothing was done.
2. The intent is recorded; for a write it is on disk before the first byte leaves.
3. The effect is performed; the outcome is recorded and told to the machine. An interruption that
   arrived meanwhile rides on the outcome as a flag and is raised in place of the *next* effect,
   so no outcome is ever lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from msgspec import Struct, field

from runner.language.values import Certainty

ABI = 2
"""The engine's behaviour version. Behaviour that changes is gated on it, so old logs replay. 1 was
before the first release, and no log of it is replayed."""

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]
"""What records and outcomes hold: no floats; numbers of money are strings."""


# --------------------------------------------------------------------------- effects


class Effect(Struct, frozen=True):
    """Something the machine asks for. Immutable; equal effects have equal canonical forms."""

    name: ClassVar[str] = ""
    writes: ClassVar[bool] = False


class Bind(Effect, frozen=True):
    """Bind the run to its account: the first effect, and the lock that keeps other runs away.

    `data`: the account object. Refused with `locked` while another run holds one of the symbols
    (none named means any) of the same account, and with `not_admitted` where the owner's policy
    or the plan is for another account. `opens` is false for a runbook that provably only
    cancels and closes: it goes past the lock.
    """

    symbols: tuple[str, ...]
    opens: bool = True
    name: ClassVar[str] = "bind"


class ReadAccount(Effect, frozen=True):
    """The account as the broker reports it. `data`: the account object."""

    name: ClassVar[str] = "read_account"


class ReadConfiguration(Effect, frozen=True):
    """The account's configuration. `data`: the configuration object."""

    name: ClassVar[str] = "read_configuration"


class ReadPositions(Effect, frozen=True):
    """Every open position. `data`: `{"positions": [...]}`."""

    name: ClassVar[str] = "read_positions"


class ReadPosition(Effect, frozen=True):
    """One position. `data`: the position object; `absent` when there is none."""

    symbol: str
    name: ClassVar[str] = "read_position"


class ReadOrder(Effect, frozen=True):
    """One order by the broker's id, its legs nested. `data`: the order object."""

    order_id: str
    name: ClassVar[str] = "read_order"


class ReadOrderByClientId(Effect, frozen=True):
    """One order by the id this run gave it. `data`: the order object; `absent` on 404."""

    client_order_id: str
    name: ClassVar[str] = "read_order_by_client_id"


class ReadOpenOrders(Effect, frozen=True):
    """Open orders, legs nested; of all symbols when none is named. `data`: `{"orders": [...]}`."""

    symbols: tuple[str, ...] = ()
    name: ClassVar[str] = "read_open_orders"


class ReadAsset(Effect, frozen=True):
    """One asset's flags. `data`: the asset object; `absent` on 404."""

    symbol: str
    name: ClassVar[str] = "read_asset"


class ReadClock(Effect, frozen=True):
    """The broker's clock. `data`: `timestamp`, `is_open`, `next_open`, `next_close` (RFC 3339)."""

    name: ClassVar[str] = "read_clock"


class ReadCalendar(Effect, frozen=True):
    """Trading sessions from `start` to `end` inclusive. `data`: `{"days": [...]}`."""

    start: date
    end: date
    name: ClassVar[str] = "read_calendar"


class ReadQuote(Effect, frozen=True):
    """The latest quote. `data`: `{"symbol", "feed", "quote": {"bp", "ap", "bs", "as", "t"}}`."""

    symbol: str
    name: ClassVar[str] = "read_quote"


class ReadTrade(Effect, frozen=True):
    """The latest trade. `data`: `{"symbol", "feed", "trade": {"p", "s", "t"}}`."""

    symbol: str
    name: ClassVar[str] = "read_trade"


class ReadPreviousClose(Effect, frozen=True):
    """The last regular session's closing price. `data`: `{"symbol", "bar": {...}}` or `absent`."""

    symbol: str
    name: ClassVar[str] = "read_previous_close"


class ReadActivities(Effect, frozen=True):
    """Activities of one type after a moment, oldest first. `data`: `{"activities": [...]}`."""

    activity_type: str
    after: datetime
    name: ClassVar[str] = "read_activities"


class ReadHistory(Effect, frozen=True):
    """The house's own history on the run's account: what other runs of this log directory did.

    `data`: `{"orders": [{"at", "run", "runbook", "symbol", "side", "qty", "notional", "type",
    "limit_price", "stop_price", "worth"}, ...]}`: the orders that opened risk and were sent since
    New York's midnight, or in the last hour where that is longer, oldest first; decimals as
    strings, `runbook` the digest of its text, `worth` in dollars, absent keys null. This run's own
    are not in it. `unavailable` when a log of that time cannot be read.
    """

    name: ClassVar[str] = "read_history"


class ReadWorld(Effect, frozen=True):
    """The one composite read before every write.

    `data`: `{"account", "position" (or null), "positions" (all), "open_orders" (all symbols),
    "quote" (or null), "asset" (or null), "clock" (or null)}`, each as the single reads give it;
    `open_orders` and `positions` are lists.
    """

    symbol: str
    name: ClassVar[str] = "read_world"


class Submit(Effect, frozen=True):
    """Send one new order. `body` is the exact outgoing JSON body, decimals as strings.

    `opens` is false for an order that can only reduce a position: it goes out even when the log
    cannot be written any more.
    """

    client_order_id: str
    body: Mapping[str, Json]
    opens: bool = True
    name: ClassVar[str] = "submit"
    writes: ClassVar[bool] = True


class Replace(Effect, frozen=True):
    """Change one open order; the changed order takes `client_order_id`. `body` is exact.

    `opens` is false for an order that can only reduce a position, as changed.
    """

    order_id: str
    client_order_id: str
    body: Mapping[str, Json]
    opens: bool = True
    name: ClassVar[str] = "replace"
    writes: ClassVar[bool] = True


class Cancel(Effect, frozen=True):
    """Ask for one order to be cancelled. Accepted is not cancelled: await the change."""

    order_id: str
    name: ClassVar[str] = "cancel"
    writes: ClassVar[bool] = True


class AwaitChange(Effect, frozen=True):
    """Wait until one of `orders` differs from what is known of it, or until a moment.

    `known` maps an order id to the fingerprint last seen (see `runner.world.fingerprint`).
    `data`: `{"orders": {id: order object}, "polls": n}`, the orders as last read, all of them.
    The driver polls or streams; it records the change and a count, not every poll. `notices`, when
    there are any, is what a reader of the log should know: a status that is not known, a stream of
    updates that was not there.
    """

    orders: tuple[str, ...]
    known: Mapping[str, str]
    until: datetime
    poll: Decimal | None = None
    name: ClassVar[str] = "await_change"


class Sleep(Effect, frozen=True):
    """Let time pass until a moment of the run's clock. `data`: `{}`."""

    until: datetime
    name: ClassVar[str] = "sleep"


class AskPerson(Effect, frozen=True):
    """Ask a person to approve. `data`: `{"approved": bool, "by": who, "why": in words}`.

    Nobody to ask, or no answer before `until`, is not approved. `coming` says, one step each, what
    the run is about to send: it is on record with the answer.
    """

    question: str
    until: datetime
    coming: tuple[str, ...] = ()
    name: ClassVar[str] = "ask_person"


class Notify(Effect, frozen=True):
    """Tell people something. `data`: `{"delivered": bool, "to": where, "why": in words}`.

    A message that does not arrive stops nothing.
    """

    message: str
    name: ClassVar[str] = "notify"


class Choose(Effect, frozen=True):
    """A condition that a plan cannot tell. `data`: `{"verdict": bool}`.

    Only a projected driver is asked: it answers one way here and the other way in a branch.
    """

    about: str
    expression: str
    name: ClassVar[str] = "choose"


class Suspend(Effect, frozen=True):
    """The last effect of a run that ends with the fate of own orders unknown.

    A live driver records it and ends the run with exit 8. A resumed driver answers it, and the
    machine settles those orders and never goes on with the steps.
    """

    client_order_ids: tuple[str, ...]
    name: ClassVar[str] = "suspend"


EFFECTS: Mapping[str, type[Effect]] = {cls.name: cls for cls in Effect.__subclasses__()}


# -------------------------------------------------------------------------- outcomes


class Status(StrEnum):
    """What became of an effect. Only `unknown` leaves a write's fate open."""

    OK = "ok"
    ABSENT = "absent"  # the broker says there is no such thing (404)
    REFUSED = "refused"  # the broker said no; nothing happened
    UNAVAILABLE = "unavailable"  # a read that could not be completed, retries included
    UNKNOWN = "unknown"  # a write that may or may not have happened
    NOT_PERFORMED = "not_performed"  # interrupted or resumed before it began


class Reason(StrEnum):
    """Why the broker said no or could not be asked: one closed set for every error.

    Source: facts page 2.3 (status, code, message and extra keys of each).
    """

    CREDENTIALS = "credentials"
    FORBIDDEN = "forbidden"
    BUYING_POWER = "buying_power"
    QUANTITY_HELD = "quantity_held"
    WASH_TRADE = "wash_trade"
    NOT_FRACTIONABLE = "not_fractionable"
    SHORTING = "shorting"
    DAY_TRADING = "day_trading"
    ACCOUNT_RESTRICTED = "account_restricted"
    OPTIONS_LEVEL = "options_level"
    MARKET_HOURS = "market_hours"
    MINIMUM_SIZE = "minimum_size"
    NOT_FOUND = "not_found"
    NOT_TRADABLE = "not_tradable"
    DUPLICATE_CLIENT_ORDER_ID = "duplicate_client_order_id"
    PRICE_INCREMENT = "price_increment"
    PRICE_RELATION = "price_relation"
    INTENT_MISMATCH = "intent_mismatch"
    NOT_OPEN = "not_open"
    NOT_REPLACEABLE = "not_replaceable"
    INVALID_ORDER = "invalid_order"
    RATE_LIMITED = "rate_limited"
    BROKER_FAULT = "broker_fault"
    UNREADABLE = "unreadable"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    NOT_SENT = "not_sent"  # stopped on our side before a byte left: body differs from the intent
    HALTED = "halted"  # stopped on our side by the kill switch
    NOT_ADMITTED = "not_admitted"  # the owner has not allowed this account, or not this plan on it
    LOCKED = "locked"  # another run holds the account's symbol
    CRASH = "crash"  # the process died between intent and outcome
    OTHER = "other"  # refused for a reason this version does not know


class Problem(Struct, frozen=True):
    """One error, classified, with the broker's own words kept.

    `status` is the HTTP status or None when no answer came; `code` is the broker's own code or
    None; `message` is the broker's sentence, or ours when it gave none; `extra` holds the other
    keys of the error body (`buying_power`, `available`, `market_price`, …) as strings.
    """

    reason: Reason
    message: str
    status: int | None = None
    code: int | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)

    def to_data(self) -> dict[str, Json]:
        data: dict[str, Json] = {"reason": self.reason.value, "message": self.message}
        if self.status is not None:
            data["status"] = self.status
        if self.code is not None:
            data["code"] = self.code
        if self.extra:
            data["extra"] = dict(self.extra)
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Problem:
        return cls(
            reason=Reason(data["reason"]),
            message=data["message"],
            status=data.get("status"),
            code=data.get("code"),
            extra=data.get("extra", {}),
        )


class Answer(Struct, frozen=True):
    """What a gateway says of one effect: an outcome without the run's time."""

    status: Status
    data: Mapping[str, Json] = field(default_factory=dict)
    problem: Problem | None = None


class Outcome(Struct, frozen=True):
    """What the machine is told. `at` is the run's time; there is no other `now`."""

    at: datetime
    status: Status
    data: Mapping[str, Json] = field(default_factory=dict)
    problem: Problem | None = None
    interrupt: str | None = None  # the signal that arrived, such as "SIGINT"
    certainty: Certainty = Certainty.READ
    resumed: bool = False  # the first outcome told after a crash

    def to_data(self) -> dict[str, Json]:
        """The record of this outcome, defaults omitted; `from_data` is its inverse."""
        record: dict[str, Json] = {"at": instant(self.at), "status": self.status.value}
        if self.data:
            record["data"] = dict(self.data)
        if self.problem is not None:
            record["problem"] = self.problem.to_data()
        if self.interrupt is not None:
            record["interrupt"] = self.interrupt
        if self.certainty is not Certainty.READ:
            record["certainty"] = self.certainty.name.lower()
        if self.resumed:
            record["resumed"] = True
        return record

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Outcome:
        problem = data.get("problem")
        return cls(
            at=datetime.fromisoformat(data["at"]),
            status=Status(data["status"]),
            data=data.get("data", {}),
            problem=Problem.from_data(problem) if problem is not None else None,
            interrupt=data.get("interrupt"),
            certainty=Certainty[data.get("certainty", "read").upper()],
            resumed=data.get("resumed", False),
        )


# ----------------------------------------------------------------- what the machine yields


class Command(Struct, frozen=True):
    """An effect, and the path of the step that wants it (`steps[3]`)."""

    step: str
    effect: Effect


class Event(Struct, frozen=True):
    """Something the machine decided or finished: a record in the log, answered by nobody."""

    step: str
    type: str  # step.started, step.finished, step.skipped, decision, guard
    data: Mapping[str, Json]


# ------------------------------------------------------------------------ canonical form


def instant(moment: datetime) -> str:
    """A UTC moment as RFC 3339 text with microseconds, ending in Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def canonical(effect: Effect) -> dict[str, Json]:
    """The one canonical form of an effect: its name and its fields, defaults omitted.

    Two effects are the same effect exactly when these are equal; replay compares nothing else.
    """
    form: dict[str, Json] = {"effect": effect.name}
    names, defaults = effect.__struct_fields__, effect.__struct_defaults__
    required = len(names) - len(defaults)
    for index, name in enumerate(names):
        value = getattr(effect, name)
        if index < required or value != defaults[index - required]:
            form[name] = _plain(value)
    return form


def _plain(value: object) -> Json:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    raise TypeError(f"an effect cannot hold {type(value).__name__}")
