"""`check_market`: whether the market is in the session that the plan needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from runner.language.declare import Action, Output, arg
from runner.language.kinds import BOOLEAN, DURATION, MOMENT, TEXT, choice
from runner.language.values import Plain, written
from runner.machine import Run, Steps
from runner.machine.failures import refused
from runner.machine.sessions import name_of, read_clock, read_sessions

SESSION = choice("premarket", "regular", "afterhours", "overnight", "closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckMarket:
    open: bool | None = arg(BOOLEAN, "Whether the regular session must be open.")
    session: str | None = arg(SESSION, "The session that it must be.")
    min_time_to_close: timedelta | None = arg(
        DURATION, "The least time left until the regular close.", above="0s", example="30m"
    )


OUTPUTS = {
    "is_open": Output(BOOLEAN, "Whether the regular session is open."),
    "session": Output(TEXT, "premarket, regular, afterhours, overnight or closed."),
    "next_open": Output(MOMENT, "When the next regular session opens."),
    "next_close": Output(MOMENT, "When the next regular session closes."),
}


def check_market(args: CheckMarket, run: Run) -> Steps[Mapping[str, Plain]]:
    clock = yield from read_clock(run)
    now = clock.timestamp
    if now is None:
        raise refused("the broker's clock does not say the time")
    session = name_of(now, (yield from read_sessions(run, now, days_before=1)))
    if args.open is not None and clock.is_open != args.open:
        raise refused(f"the market is {'open' if clock.is_open else 'closed'}")
    if args.session is not None and session != args.session:
        raise refused(f"the session is {session}, not {args.session}")
    if args.min_time_to_close is not None:
        if not clock.is_open or clock.next_close is None:
            raise refused("the market is not open, so there is no time to the close")
        left = clock.next_close - now
        if left < args.min_time_to_close:
            raise refused(
                f"the market closes in {written(left)}, less than {written(args.min_time_to_close)}"
            )
    return {
        "is_open": clock.is_open,
        "session": session,
        "next_open": clock.next_open,
        "next_close": clock.next_close,
    }


ACTION = Action(
    "check_market",
    "The market is open, in a session, or far enough from its close.",
    CheckMarket,
    OUTPUTS,
    check_market,
    polls=True,
)
