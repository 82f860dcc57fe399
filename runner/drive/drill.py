"""`runbook drill`: every guard is given an order that it must refuse, over the target's real world.

1. The world, the configuration and the history are read once, as before an order is sent.
2. A small order is made that should pass: it is judged by all guards, so that one sees which of
   them would refuse anything at present.
3. Each guard turns that order, or the world around it, into one that it must refuse, and judges it
   by the limits that hold. One that nobody has set a limit for would let everything pass: it is
   shown as not set, and does not count.

Nothing is sent: the gateway only reads, and no bad order ever reaches it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from runner.audit.errors import HistoryUnknown
from runner.audit.history import History
from runner.broker.targets import Target
from runner.drive.read_only import Look
from runner.drive.readings import Readings
from runner.effects import Answer, Command, Json, Outcome, Problem, ReadWorld, Reason, Status
from runner.guards import GUARDS, Draft, Guard, Judged, Policy, Rules, Verdict, judge
from runner.language.runbook import Block, Limits, Runbook
from runner.language.source import Source
from runner.machine import Run, Steps
from runner.machine.judging import read_for
from runner.world import Account, World

NAME = "drill"
NOTHING_GIVEN = "nothing: no limit is set, so it lets everything pass"
_PAYS = Decimal("1.00")
"""Dollars: the limit of the base order where nothing tells the price."""


class Fed(Struct, frozen=True):
    """One guard and the bad order that it was given: in words, and its body.

    `verdict` is refuse, off, unset (it has no limit, so it was given nothing), pass, silent (it had
    nothing to say) or failed (a defect). `anyhow`: it refuses the base order in the same words, so
    this proves less.
    """

    guard: str
    given: str
    body: Mapping[str, Json]
    verdict: str
    message: str
    anyhow: bool = False

    @property
    def stood(self) -> bool:
        """Whether it did what it is for, or was not asked to."""
        return self.verdict == "refuse" or not self.asked

    @property
    def asked(self) -> bool:
        """Whether it was given an order at all."""
        return self.verdict not in ("off", "unset")


class Drill(Struct, frozen=True):
    """What a drill showed: the base order, every verdict on it, and what became of the bad ones."""

    target: Target
    symbol: str
    base: Mapping[str, Json]
    verdicts: tuple[Verdict, ...]
    fed: tuple[Fed, ...]

    @property
    def refused(self) -> int:
        """How many guards refused their bad order."""
        return sum(one.verdict == "refuse" for one in self.fed)

    @property
    def fallen(self) -> Sequence[Fed]:
        """The guards that let their bad order pass."""
        return [one for one in self.fed if not one.stood]

    @property
    def exit_code(self) -> int:
        """0 when every guard that was asked refused, else 4."""
        return 4 if self.fallen else 0


def drill(
    looking: Look,
    symbol: str,
    policy: Policy,
    history: History | None,
    guards: Sequence[Guard] = GUARDS,
) -> Drill:
    """Hold a drill over the world of one symbol. `history` is None where no other run shares the
    account. Raises `Failure` when the world cannot be read."""

    def past() -> Answer:
        return _past(history, readings, looking.now())

    readings = Readings(looking.told, past)
    rules = Rules.of(policy, Limits(), looking.target.kind)
    run = Run(Runbook(NAME, Source(NAME, ""), Block(()), (symbol,)), NAME, looking.now(), rules)
    draft, parts = _driven(_base(run, symbol), readings, looking.now)
    verdicts = tuple(judge(draft, parts))
    fed = tuple(_feed(guard, parts[0], verdicts, policy) for guard in guards)
    return Drill(looking.target, symbol, draft.body, verdicts, fed)


# ------------------------------------------------------------------------------ the base order


def base_order(symbol: str, world: World) -> Draft:
    """One share, or contract, that opens a position and should pass: a buy at the bid, or a sale
    at the ask where the account is short, because a buy would only reduce that."""
    short = world.position.qty is not None and world.position.qty < 0
    side = "sell" if short else "buy"
    quote = world.quote
    sides = [] if quote is None else [quote.bid, quote.ask][:: -1 if short else 1]
    known = [price for price in (*sides, world.position.current_price) if price]
    body: dict[str, Json] = {
        "symbol": symbol,
        "side": side,
        "type": "limit",
        "time_in_force": "gtc" if "/" in symbol else "day",
        "qty": "1",
        "limit_price": f"{known[0] if known else _PAYS:f}",
    }
    if short:
        body["position_intent"] = "sell_to_open"
    return Draft(symbol, side, body)


def _base(run: Run, symbol: str) -> Steps[tuple[Draft, tuple[Judged, ...]]]:
    world = yield from run.read_world(symbol)
    draft = base_order(symbol, world)
    parts = yield from read_for(run, draft)
    return draft, parts


def _driven(
    steps: Steps[tuple[Draft, tuple[Judged, ...]]],
    readings: Readings,
    now: Callable[[], datetime],
) -> tuple[Draft, tuple[Judged, ...]]:
    """What the machine's own reading comes to, each distinct thing read once."""
    outcome: Outcome | None = None
    try:
        while True:
            said = steps.send(outcome)
            outcome = None
            if isinstance(said, Command):
                told = readings.ask(said.effect)
                outcome = Outcome(now(), told.status, told.data, told.problem)
    except StopIteration as end:
        result: tuple[Draft, tuple[Judged, ...]] = end.value
        return result


def _past(history: History | None, readings: Readings, at: datetime) -> Answer:
    """What other runs sent; of the account that the world was read of."""
    if history is None:
        return Answer(Status.OK, {"orders": []})
    accounts = [Account.read(data["account"]).id for _, data in readings.seen(ReadWorld)]
    try:
        return Answer(Status.OK, {"orders": history.orders(accounts[0] or "", at)})
    except HistoryUnknown as error:
        return Answer(Status.UNAVAILABLE, problem=Problem(Reason.UNREADABLE, str(error)))


# ------------------------------------------------------------------------------ the bad orders


def _feed(guard: Guard, base: Judged, verdicts: Sequence[Verdict], policy: Policy) -> Fed:
    given = _in_words(guard)
    reason = base.bounds.rules.off.get(guard.code)
    if reason is not None:
        return Fed(guard.code, given, {}, "off", f"turned off by the policy: {reason}")
    if guard.is_unset(base.bounds.rules):
        return Fed(guard.code, NOTHING_GIVEN, {}, "unset", _how_to_set(guard, policy))
    body: Mapping[str, Json] = {}
    try:
        bad = guard.known_bad(base)
        body = bad.draft.body
        verdict = guard.judge(bad)
    except Exception as error:  # noqa: BLE001 - the other guards must be drilled
        return Fed(guard.code, given, body, "failed", f"{type(error).__name__}: {error}")
    if verdict is None:
        return Fed(guard.code, given, body, "silent", "it had nothing to say")
    anyhow = verdict.refused and any(
        one.guard == guard.code and one.refused and one.message == verdict.message
        for one in verdicts
    )
    return Fed(guard.code, given, body, verdict.verdict, verdict.message, anyhow)


def _how_to_set(guard: Guard, policy: Policy) -> str:
    where = policy.file or policy.looked_for or "a policy file"
    return f"to bound it, write `{guard.limit}` under `limits` of {where}, or of the runbook"


def _in_words(guard: Guard) -> str:
    """What its bad order is: the guard's own description of it, else what it refuses."""
    said = inspect.getdoc(guard.known_bad)
    words = " ".join(said.split("\n\n")[0].split()) if said else guard.refuses
    return words.rstrip(".")
