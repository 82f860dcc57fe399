"""What the broker says of itself, of the account and of a quote: the checks that need its answer.

The account is asked for first. Where that fails the broker is not asked again for the rest: one
cause is one problem.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from runner.broker.credentials import Credentials
from runner.drive import doctor_account
from runner.drive.doctor_asking import Asked, Stopwatch, trouble_of, unread
from runner.drive.doctor_checks import (
    Check,
    Subject,
    ok,
    problem,
    stand_alone,
    unknown,
    warning,
)
from runner.drive.read_only import look
from runner.effects import (
    Answer,
    Problem,
    ReadAccount,
    ReadClock,
    ReadQuote,
    Reason,
    Status,
)
from runner.guards.clock_skew import MOST
from runner.guards.reference import FRESH, FRESH_ON
from runner.guards.rules import Policy
from runner.world import Account, Clock, Quote

NAMES = ("target", "clock", "account", "buying power", "configuration", "data feed")
BARELY = timedelta(seconds=1)
"""How far the clocks may be apart before it is worth a word (FINRA Rule 6820: a second)."""


def examine(
    subject: Subject,
    credentials: Credentials | None,
    policy: Policy | None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Sequence[Check]:
    """The checks that the broker answers; all unknown without credentials."""
    if credentials is None:
        return [unknown(name, "not asked: there is no key for this target") for name in NAMES]

    def ask() -> Sequence[Check]:
        watch = Stopwatch(monotonic)
        with look(subject.target, credentials, subject.timeouts, watch) as looking:
            watch.now = looking.now
            return list(_checks(Asked(subject, looking, watch, policy)))

    return stand_alone("target", ask)


def _checks(asked: Asked) -> Iterator[Check]:
    account = asked.look.gateway.perform(ReadAccount(), 1)
    if account.status is not Status.OK:
        yield from _not_answered(asked, account)
        return
    clock = asked.look.gateway.perform(ReadClock(), 2)
    where = asked.look.target.base_url if asked.kind != "sim" else "the simulated exchange"
    yield ok("target", f"{where} answers, in {asked.watch.seconds * 1000:.0f} ms")
    yield from stand_alone("clock", lambda: [_clock(asked, clock)])
    told = Account.read(account.data)
    yield from stand_alone("account", lambda: [doctor_account.status(asked, told)])
    yield from stand_alone("buying power", lambda: [doctor_account.means(told)])
    yield from stand_alone("configuration", lambda: [doctor_account.configuration(asked)])
    now = Clock.read(clock.data) if clock.status is Status.OK else None
    yield from stand_alone("data feed", lambda: [_feed(asked, now)])


# ------------------------------------------------------------------------ the broker itself


def _not_answered(asked: Asked, account: Answer) -> Iterator[Check]:
    """The account could not be read: why, and what that leaves open."""
    trouble = trouble_of(account)
    base = asked.look.target.base_url
    refused = trouble.reason in (Reason.CREDENTIALS, Reason.FORBIDDEN)
    if refused:
        yield ok("target", f"{base} answers")
        yield unknown("clock", "not asked: the broker refuses the credentials")
        yield problem(
            "account",
            f"the broker refuses the credentials: {trouble.message}",
            "Check that the key and its secret are this account's own and not revoked; make a new "
            "pair in Alpaca's dashboard where in doubt.",
            broker=True,
        )
        for name in NAMES[3:]:
            yield unknown(name, "not asked: the broker refuses the credentials")
    else:
        words = f"the account could not be read: {trouble.message}"
        yield problem("target", words, _reach(asked, trouble), broker=True)
        for name in NAMES[1:]:
            yield unknown(name, "not asked: the broker could not be asked")


def _reach(asked: Asked, trouble: Problem) -> str:
    if trouble.reason is Reason.RATE_LIMITED:
        return "Wait a minute; something else may be using this account's requests."
    if trouble.reason is Reason.UNREADABLE or (trouble.status or 500) < 500:
        return "Check the address: what answers there does not speak the Trading API."
    if asked.kind == "url":
        return f"Check that a server runs at {asked.look.target.base_url}."
    return "Check the network and the proxy of this machine, and status.alpaca.markets."


def _clock(asked: Asked, answer: Answer) -> Check:
    at = Clock.read(answer.data).timestamp if answer.status is Status.OK else None
    if at is None:
        words = f"the broker's clock could not be read: {trouble_of(answer).message}"
        return unread("clock", words, answer, "No run can judge a time without it: try again.")
    between = asked.watch.between or asked.look.now()
    apart = at - between
    if asked.kind == "sim":
        return ok("clock", f"{at:%Y-%m-%d %H:%M:%S} UTC, the simulation's own time")
    words = f"this machine is {_apart(apart)} the server (give or take {_half(asked)})"
    if asked.kind == "url":
        return ok("clock", f"{words}; only told, because a server may keep a time of its own")
    most = (asked.policy.ceilings.max_clock_skew if asked.policy else None) or MOST
    todo = "Synchronise this machine's clock (on systemd: timedatectl set-ntp true)."
    if abs(apart) > most:
        limit = f"more than {most.total_seconds():g} s, so nothing that opens risk is sent"
        return problem("clock", f"{words}: {limit}", todo)
    if abs(apart) > BARELY:
        return warning("clock", words, todo)
    return ok("clock", words)


def _apart(apart: timedelta) -> str:
    seconds = abs(apart.total_seconds())
    amount = f"{seconds:.3f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))
    return f"{amount} {'behind' if apart > timedelta(0) else 'ahead of'}"


def _half(asked: Asked) -> str:
    return f"{asked.watch.seconds / 2:.3f} s"


# ------------------------------------------------------------------------------------ prices


def _feed(asked: Asked, clock: Clock | None) -> Check:
    name, symbol = "data feed", asked.subject.symbol
    answer = asked.look.gateway.perform(ReadQuote(symbol), 4)
    if answer.status is Status.ABSENT:
        words = f"there is no quote of {symbol}"
        return problem(name, words, "Name a symbol that trades: --symbol AAPL.")
    if answer.status is not Status.OK:
        words = f"no quote of {symbol} could be read: {trouble_of(answer).message}"
        return problem(name, words, _prices(asked))
    quote = Quote.read(answer.data)
    words = _quoted(quote, symbol)
    if quote.at is None or clock is None or clock.timestamp is None:
        which = "the quote" if quote.at is None else "the broker's clock"
        todo = "Orders are measured by the last trade, or refused: try again."
        return warning(name, f"{words}; its age is unknown: {which} has no time", todo)
    age = clock.timestamp - quote.at
    words += f", {_age(age)} old"
    if clock.is_open is None:
        todo = "Orders are measured by what was seen last, or refused: try again."
        return warning(name, f"{words}; whether the market is open is unknown", todo)
    if not clock.is_open:
        return ok(name, f"{words}; the market is closed")
    fresh = FRESH_ON.get(quote.feed or "", FRESH)
    if abs(age) > fresh:
        words += f": more than {fresh.total_seconds():g} s, while the market is open"
        todo = "Orders are measured by the last trade, or refused; a thin symbol may be the cause."
        return warning(name, words, todo)
    if quote.bid is None or quote.ask is None:
        todo = "Orders are measured by the last trade, or refused."
        return warning(name, f"{words}, without {'bid' if quote.bid is None else 'ask'}", todo)
    return ok(name, words)


def _quoted(quote: Quote, symbol: str) -> str:
    sides = [f"{side:f}" if side is not None else "none" for side in (quote.bid, quote.ask)]
    feeds = {
        "sip": "SIP (every exchange)",
        "iex": "IEX (one exchange; SIP needs a subscription)",
        "default": "the server's own feed",
        "simulated": "the simulated tape",
        None: "a feed without a name",
    }
    return f"{feeds.get(quote.feed, quote.feed)}: {symbol} bid {sides[0]}, ask {sides[1]}"


def _prices(asked: Asked) -> str:
    if asked.kind == "url":
        return "Check that the server has market data, or name one that does with --data-url."
    return "Orders that open risk are refused without prices: check the data subscription."


def _age(age: timedelta) -> str:
    seconds = age.total_seconds()
    return f"{seconds:.1f} s" if seconds < 90 else str(timedelta(seconds=round(seconds)))
