"""`get_quote`: the market now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from runner.effects import ReadPreviousClose, ReadQuote
from runner.language.declare import Action, Output, arg
from runner.language.kinds import AVERAGE, DURATION, PRICE, SYMBOL, TEXT
from runner.language.values import Plain, written
from runner.machine import Run, Steps
from runner.machine.failures import refused
from runner.machine.sessions import read_clock
from runner.world import Quote, decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class GetQuote:
    symbol: str = arg(SYMBOL, "The symbol to quote.", required=True, example="AAPL")
    max_age: timedelta | None = arg(
        DURATION, "Refuse a quote older than this.", above="0s", example="10s"
    )


OUTPUTS = {
    "bid": Output(PRICE, "The best bid.", market=True),
    "ask": Output(PRICE, "The best ask.", market=True),
    "mid": Output(AVERAGE, "Halfway between; round it before using it as a price.", market=True),
    "spread": Output(AVERAGE, "Ask minus bid.", market=True),
    "age": Output(DURATION, "How old the quote is.", market=True),
    "feed": Output(TEXT, "Where the quote comes from."),
    "prev_close": Output(PRICE, "The last session's close.", optional="when there was none"),
}


def get_quote(args: GetQuote, run: Run) -> Steps[Mapping[str, Plain]]:
    data = yield from run.read(ReadQuote(args.symbol))
    if data is None:
        raise refused(f"there is no quote for {args.symbol}")
    quote = Quote.read(data)
    if quote.bid is None or quote.ask is None:
        missing = "bid" if quote.bid is None else "ask"
        raise refused(f"the quote for {args.symbol} has no {missing}")
    clock = yield from read_clock(run)
    age = None
    if quote.at is not None and clock.timestamp is not None:
        age = max(clock.timestamp - quote.at, timedelta(0))
    if args.max_age is not None:
        if age is None:
            raise refused(f"the quote for {args.symbol} does not say when it was made")
        if age > args.max_age:
            raise refused(
                f"the quote for {args.symbol} is {written(age)} old, more than "
                f"{written(args.max_age)}"
            )
    close = yield from run.read(ReadPreviousClose(args.symbol))
    bar = close.get("bar") if close is not None else None
    return {
        "bid": quote.bid,
        "ask": quote.ask,
        "mid": quote.mid,
        "spread": quote.ask - quote.bid,
        "age": age,
        "feed": quote.feed,
        "prev_close": decimal(bar.get("c")) if isinstance(bar, Mapping) else None,
    }


ACTION = Action(
    "get_quote",
    "The latest quote, its age and feed, and the previous close.",
    GetQuote,
    OUTPUTS,
    get_quote,
    polls=True,
)
