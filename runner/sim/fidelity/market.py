"""The calendar, prices, and market data."""

from __future__ import annotations

from runner.sim.fidelity.grades import (
    ASSUMED,
    CHOICE,
    DOCS,
    DOCUMENTED,
    Rule,
)

RULES_OF_MARKET: tuple[Rule, ...] = (
    # ------------------------------------------------------------------ market
    Rule(
        "calendar.sessions",
        "NYSE holidays and early closes; 4:00, 9:30, 16:00 (13:00), 20:00 (17:00).",
        DOCUMENTED,
        f"holidays library; {DOCS}",
    ),
    Rule(
        "market.penny-grid",
        "Prices are on the cent, below one dollar on the hundredth of a cent.",
        DOCUMENTED,
        "SEC Rule 612",
    ),
    Rule(
        "market.spread",
        "Bid and ask are half a basis point, at least a tick, off the last price, unless scripted.",
        ASSUMED,
        CHOICE,
    ),
    Rule(
        "market.bars",
        "Daily bars are of regular hours; high and low are taken minute by minute; bars reach back"
        " two years before the scenario's start.",
        ASSUMED,
        CHOICE,
    ),
    Rule(
        "market.unknown-symbol",
        "Market data refuses an unknown symbol with 400 and a message.",
        ASSUMED,
        "no recording",
    ),
    Rule(
        "market.other-quotes",
        "Crypto and option data have the paths and shapes of their own clients.",
        DOCUMENTED,
        DOCS,
    ),
    Rule(
        "market.option-chain",
        "An underlying's snapshots hold the latest trade and quote of each contract, no greeks.",
        DOCUMENTED,
        f"{DOCS}; without greeks is a choice of this simulator",
    ),
    Rule(
        "market.quote-age",
        "While its market is closed the latest quote and trade of a symbol are those of when it was"
        " open last (stocks until 20:00, options until the close), or of a later change by script"
        " or by hand; while it is open they are of the present second.",
        ASSUMED,
        "no recording; the overnight session counts for stocks that trade in it",
    ),
)
