"""`wait`: for a while, until a time or market event, or until something polled is so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from msgspec import Struct

from runner.effects import Sleep
from runner.language.declare import Action, Finding, Form, Output, arg
from runner.language.expressions import Expression
from runner.language.kinds import DURATION, Family, Kind, choice, read_duration, read_time
from runner.language.runbook import Poll
from runner.language.values import Plain, Value, written
from runner.machine import Run, Steps
from runner.machine.arguments import build
from runner.machine.decisions import holds
from runner.machine.failures import Cause, Failure, refused
from runner.machine.sessions import (
    NEW_YORK,
    Session,
    at_new_york,
    end_of_session,
    read_clock,
    read_sessions,
)

LATE = timedelta(minutes=2)
"""Waking later than this past the target fails: a machine that slept must not trade on."""

EVENTS = ("premarket", "open", "close")
_EVENT = re.compile(r"(premarket|open|close)(?:([+-])(\S+))?\Z")


class Target(Struct, frozen=True):
    """A time of day, or a market event with an offset."""

    at: time | None = None
    event: str = ""
    offset: timedelta = timedelta(0)

    def __str__(self) -> str:
        if self.at is not None:
            return written(self.at)
        sign = "-" if self.offset < timedelta(0) else "+"
        return f"{self.event}{sign}{written(abs(self.offset))}" if self.offset else self.event


def _read_target(text: str) -> Target:
    match = _EVENT.match(text)
    if match:
        event, sign, offset = match.groups()
        distance = read_duration(offset) if offset else timedelta(0)
        return Target(event=event, offset=-distance if sign == "-" else distance)
    try:
        return Target(at=read_time(text))
    except ValueError:
        raise ValueError(
            "write a time in New York (15:50) or open, close, premarket, close-10m"
        ) from None


UNTIL = Kind(
    "target",
    Family.TIME,
    "a time in New York (15:50) or a market event (open, premarket, close-10m)",
    _read_target,
    {"type": ["string", "boolean"]},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Exactly one of `for` and `until`. With `poll`, `until` is a condition over `polled`."""

    for_: timedelta | None = arg(
        DURATION, "How long to wait.", key="for", least="0s", example="30s"
    )
    until: Any = arg(
        UNTIL,
        "A time in New York or a market event; with `poll`, a condition such as "
        "`polled.bid >= 190`.",
        form=Form.UNTIL,
        example="close-10m",
    )
    poll: Poll | None = arg(
        UNTIL, "A reading action to repeat, such as `get_quote`.", form=Form.POLL
    )
    every: timedelta = arg(
        DURATION, "How often to repeat it.", default="5s", least="1s", most="10m"
    )
    give_up: timedelta | None = arg(
        DURATION,
        "How long a polled condition may take; until the end of the session unless given.",
        key="give_up_after",
        above="0s",
    )
    if_past: str = arg(
        choice("fail", "now"), "What a target that has already passed does.", default="fail"
    )


def wait(args: Wait, run: Run) -> Steps[Mapping[str, Plain]]:
    began = run.at
    if args.for_ is not None:
        yield from _sleep_until(run, run.at + args.for_)
    elif args.poll is not None:
        yield from _poll(run, args, args.poll)
    else:
        yield from _wait_for_target(run, args)
    return {"waited": run.at - began}


def _sleep_until(run: Run, target: datetime) -> Steps[None]:
    """Sleep to a moment; shorter sleeps (a resumed one, a step's deadline) are continued."""
    while run.at < target:
        yield from run.ask(Sleep(run.until(target - run.at)))
    if run.at - target > LATE:
        raise Failure(
            Cause.FAILED,
            f"woke {written(run.at - target)} late: the machine was asleep or the process stopped",
            help="Look at the market and the account before running on.",
        )


def _wait_for_target(run: Run, args: Wait) -> Steps[None]:
    clock = yield from read_clock(run)
    now = clock.timestamp
    if now is None:
        raise refused("the broker's clock does not say the time")
    target = _moment(args.until, now, (yield from read_sessions(run, now)))
    if now > target:
        if args.if_past == "fail":
            raise refused(
                f"{args.until} has passed: it is {now.astimezone(NEW_YORK):%H:%M:%S} in New York",
                help="Write `if_past: now` to go on at once.",
            )
        return
    yield from _sleep_until(run, run.at + (target - now))


def _moment(target: Target, now: datetime, sessions: Sequence[Session]) -> datetime:
    """When a target is: a time today, or an event of the session that is on or comes next."""
    if target.at is not None:
        return at_new_york(now.astimezone(NEW_YORK).date(), target.at)
    for session in sessions:
        event = {"premarket": session.premarket, "open": session.opens, "close": session.closes}
        moment = event[target.event] + target.offset
        if now < max(session.closes, moment):
            return moment
    raise refused("the broker's calendar shows no session to come")


def _poll(run: Run, args: Wait, poll: Poll) -> Steps[None]:
    give_up = run.at + args.give_up if args.give_up else (yield from end_of_session(run))
    condition: Expression = args.until
    while True:
        arguments = yield from build(run, poll.action.arguments, poll.arguments)
        outputs = yield from poll.action.perform(arguments, run)
        polled: dict[tuple[str, ...], Value] = {
            ("polled", name): Value(
                value, poll.action.outputs[name].kind, run.certainty, f"polled.{name}"
            )
            for name, value in outputs.items()
            if value is not None
        }
        if (yield from holds(run, condition, "until", polled)):
            return
        if run.at >= give_up:
            limit = (
                f"within {written(args.give_up)}" if args.give_up else "before the session ended"
            )
            raise Failure(
                Cause.TIMED_OUT, f"'{condition.text.strip()}' did not become true {limit}"
            )
        yield from run.sleep(min(args.every, give_up - run.at))


def check(known: Mapping[str, Any], given: frozenset[str]) -> Iterator[Finding]:
    if ("for" in given) == ("until" in given):
        yield Finding(
            "RB208", "for", "wait takes exactly one of for and until", "Keep one of the two."
        )
    if "poll" in given and "until" not in given:
        yield Finding("RB208", "poll", "poll needs an until that says when to stop", "Add until.")


ACTION = Action(
    "wait",
    "Waits for a duration, until a time or market event, or until something polled is so.",
    Wait,
    {"waited": Output(DURATION, "How long it took.", market=True)},
    wait,
    check=check,
)
