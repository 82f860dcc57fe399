"""Which result may be put in which place."""

from __future__ import annotations

import pytest
from unit.language.expressions_sample import kind_of

from runner.language import kinds
from runner.language.expressions import assignable
from runner.language.kinds import Kind

SIDE = kinds.choice("buy", "sell")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("params.qty", kinds.QUANTITY),
        ("floor(steps.acct.equity * 0.5% / 2)", kinds.QUANTITY),
        ("params.budget / params.limit", kinds.QUANTITY),
        ("floor(params.budget / steps.acct.cash)", kinds.QUANTITY),
        ("params.slices", kinds.QUANTITY),
        ("10", kinds.QUANTITY),
        ("params.limit", kinds.PRICE),
        ("189.25", kinds.PRICE),
        ("-0.35", kinds.PRICE),
        ("max(params.limit, 100)", kinds.PRICE),
        ("round_tick(params.limit * 99%)", kinds.PRICE),
        ("round_tick(params.budget / 3)", kinds.PRICE),
        ("steps.quote.mid", kinds.AVERAGE),
        ("params.limit", kinds.MONEY),
        ("params.qty * params.limit", kinds.MONEY),
        ("3%", kinds.PERCENT),
        ("params.risk * 2", kinds.PERCENT),
        ("(steps.quote.ask - steps.quote.bid) / steps.quote.bid", kinds.PERCENT),
        ("2.5 * 1%", kinds.PERCENT),
        ("3%", kinds.NUMBER),
        ("params.slices + 1", kinds.INTEGER),
        ("'buy'", SIDE),
        ("'buy' if params.aggressive else 'sell'", SIDE),
        ("params.side", SIDE),
        ("params.side", kinds.choice("buy", "sell", "sell_short")),
        ("params.symbol", kinds.TEXT),
        ("params.side", kinds.TEXT),
        ("'AAPL'", kinds.SYMBOL),
        ("params.symbol", kinds.SYMBOL),
        ("params.patience * 2", kinds.DURATION),
        ("params.last - 10m", kinds.TIME),
        ("params.qty > 1", kinds.BOOLEAN),
        ("[params.symbol, 'MSFT']", kinds.list_of(kinds.SYMBOL)),
        ("['AAPL', 'MSFT']", kinds.list_of(kinds.SYMBOL)),
        ("steps.orders.symbols", kinds.list_of(kinds.SYMBOL)),
    ],
)
def test_what_fits(text: str, place: Kind) -> None:
    assert assignable(kind_of(text), place) is None


@pytest.mark.parametrize(
    ("text", "place", "code", "message"),
    [
        ("params.budget", kinds.QUANTITY, "RB402", "this is an amount in dollars; needed is a num"),
        ("params.limit", kinds.QUANTITY, "RB402", "this is a price"),
        ("params.qty", kinds.PRICE, "RB402", "this is a number of shares"),
        ("params.qty", kinds.MONEY, "RB402", "this is a number of shares"),
        ("3%", kinds.QUANTITY, "RB402", "this is a percentage"),
        ("3%", kinds.PRICE, "RB402", "this is a percentage"),
        ("3%", kinds.COUNT, "RB402", "this is a percentage"),
        ("50", kinds.PERCENT, "RB402", "needed is a percentage"),
        ("params.slices", kinds.PERCENT, "RB402", "needed is a percentage"),
        ("default(params.risk, 3)", kinds.PERCENT, "RB402", "needed is a percentage"),
        (
            "(steps.quote.ask - steps.quote.bid) / steps.quote.bid * 100",
            kinds.PERCENT,
            "RB402",
            "needed is a percentage",
        ),
        ("params.limit * 99%", kinds.PRICE, "RB404", "the grid"),
        ("params.limit * 2", kinds.PRICE, "RB404", "the grid"),
        ("steps.quote.mid", kinds.PRICE, "RB404", "the grid"),
        ("params.budget", kinds.PRICE, "RB404", "the grid"),
        ("189.255", kinds.PRICE, "RB404", "the grid"),
        ("max(params.limit, 100.001)", kinds.PRICE, "RB404", "the grid"),
        ("params.qty", kinds.TEXT, "RB402", "needed is text"),
        ("params.qty", SIDE, "RB402", "needed is one of buy, sell"),
        ("'by'", SIDE, "RB402", "'by' is not one of buy, sell"),
        ("params.note", SIDE, "RB402", "needed is one of buy, sell"),
        ("params.side", kinds.choice("buy"), "RB402", "'sell' is not one of buy"),
        ("params.note", kinds.SYMBOL, "RB402", "needed is a symbol"),
        ("params.side", kinds.SYMBOL, "RB402", "'buy': symbols are written in capitals: BUY"),
        ("'a{b}'", kinds.SYMBOL, "RB402", "'a{b}': this is not a symbol"),
        ("params.last", kinds.DURATION, "RB402", "needed is a duration"),
        ("run.at", kinds.TIME, "RB402", "needed is a time of day"),
        ("params.qty > 1", kinds.QUANTITY, "RB402", "this is true or false"),
        ("params.qty", kinds.BOOLEAN, "RB402", "needed is true or false"),
        ("['buy']", kinds.list_of(kinds.QUANTITY), "RB402", "this is text"),
        ("params.symbol", kinds.list_of(kinds.SYMBOL), "RB402", "needed is a list"),
    ],
)
def test_what_does_not_fit_is_told_apart(text: str, place: Kind, code: str, message: str) -> None:
    misfit = assignable(kind_of(text), place)
    assert misfit
    assert misfit.code == code
    assert message in misfit.message
