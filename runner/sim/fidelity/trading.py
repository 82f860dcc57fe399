"""When and at what price orders trade, and which are refused."""

from __future__ import annotations

from runner.sim.fidelity.grades import (
    ASSUMED,
    DOCS,
    DOCUMENTED,
    ERRORS,
    OBSERVED,
    PAPER,
    RECORDED,
    SPEC,
    Rule,
)

RULES_OF_TRADING: tuple[Rule, ...] = (
    # ------------------------------------------------------------------ matching
    Rule(
        "match.quote",
        "A buy fills at the ask, a sell at the bid, whatever the size.",
        DOCUMENTED,
        "Alpaca paper trading page",
    ),
    Rule(
        "match.limit",
        "A limit order fills at the quote once that is within its limit, never outside.",
        DOCUMENTED,
        "Alpaca paper trading page; the price of a resting order is assumed",
    ),
    Rule(
        "match.stop-trigger",
        "A stop is set off by the last trade's price at or through it, in regular hours, and then"
        " is a market or limit order.",
        DOCUMENTED,
        DOCS,
    ),
    Rule(
        "match.trailing",
        "A trailing stop follows the best last price since its POST, in regular hours; `hwm` and"
        " `stop_price` show it.",
        DOCUMENTED,
        DOCS,
    ),
    Rule(
        "match.auction",
        "OPG and CLS orders trade at the last price of 9:30 and of the close, or are canceled.",
        ASSUMED,
        f"{DOCS}; the price is assumed",
    ),
    Rule(
        "match.immediate",
        "IOC and FOK have one chance, 150 ms after the POST or at the next open, then are"
        " canceled.",
        ASSUMED,
        f"{DOCS}; outside regular hours is assumed",
    ),
    Rule(
        "match.partial",
        "With `partial_fills` a fill is for 20 to 80 percent with that chance, the rest a second"
        " later; never for FOK or notional orders.",
        DOCUMENTED,
        "Alpaca paper trading page (10 percent of fills); off by default, as seen on new accounts",
    ),
    Rule(
        "hours.extended",
        "With `extended_hours` an order trades from 4:00 to 20:00, and overnight when the asset"
        " does.",
        DOCUMENTED,
        DOCS,
    ),
    # ------------------------------------------------------------------ refusals
    Rule(
        "size.one-of",
        "Exactly one of `qty` and `notional`, above 0.",
        OBSERVED,
        ERRORS,
    ),
    Rule(
        "size.places",
        "A quantity or notional has at most nine decimals.",
        DOCUMENTED,
        f"{SPEC}; the message is assumed",
    ),
    Rule(
        "size.minimum",
        "A notional or fractional buy is for at least one dollar.",
        OBSERVED,
        ERRORS,
    ),
    Rule(
        "size.available",
        "What closes a position is at most what no open order holds; 403 with the quantities.",
        RECORDED,
        f"{ERRORS}; that a buy may not cross zero either is assumed",
    ),
    Rule(
        "price.required",
        "Each order type has its prices and no others.",
        OBSERVED,
        f"{ERRORS}; some texts are assumed",
    ),
    Rule(
        "price.sub-penny",
        "Limit and stop prices have two decimals from one dollar on, four below.",
        DOCUMENTED,
        "SEC Rule 612; Alpaca's error text",
    ),
    Rule(
        "price.stop-side",
        "A sell stop is below the last price, a buy stop above; 422 names both prices.",
        OBSERVED,
        ERRORS,
    ),
    Rule(
        "fraction.asset",
        "Fractions only of fractionable assets; 403.",
        RECORDED,
        ERRORS,
    ),
    Rule(
        "fraction.order",
        "Fractional orders are DAY, and market, limit, stop or stop_limit.",
        OBSERVED,
        f"{ERRORS}; some texts are assumed",
    ),
    Rule("fraction.short", "No fractional short sales.", DOCUMENTED, f"{DOCS}; text assumed"),
    Rule(
        "fraction.notional",
        "A notional order fills for its dollars at the fill's price, to nine decimals, rounded"
        " down; its `qty` stays null.",
        RECORDED,
        f"{PAPER}; the rounding is assumed",
    ),
    Rule(
        "hours.extended-order",
        "Extended hours take DAY and GTC limit orders only.",
        OBSERVED,
        ERRORS,
    ),
    Rule(
        "hours.overnight-disabled",
        "With `disable_overnight_trading` an order with extended hours waits until 4:00.",
        DOCUMENTED,
        f"{SPEC}; that it waits and is not refused is assumed",
    ),
    Rule(
        "hours.auction-cutoff",
        "OPG is refused from 9:28, CLS from 15:50 (ten minutes before an early close), both until"
        " 19:00.",
        DOCUMENTED,
        f"{SPEC}; the texts are second-hand",
    ),
    Rule("trailing.time-in-force", "Trailing stops are DAY or GTC.", DOCUMENTED, DOCS),
    Rule(
        "intent.inferred",
        "`position_intent` follows from side and position; another one is refused with 422.",
        OBSERVED,
        ERRORS,
    ),
    Rule(
        "wash-trade.matrix",
        "An opposite market or stop order on either side, or a buy limit at or above a sell limit,"
        " is a potential wash trade; trailing stops and orders of a group or with several legs are"
        " exempt.",
        DOCUMENTED,
        "Alpaca user protection page, 2026-09-16; two of the reasons are assumed",
    ),
    Rule(
        "asset.tradable",
        "An unknown symbol and one that is not tradable are refused with 422.",
        OBSERVED,
        ERRORS,
    ),
    Rule(
        "account.blocked",
        "A suspended, blocked or inactive account places no orders; 403.",
        OBSERVED,
        f"{ERRORS}; only the text of `suspend_trade` is known",
    ),
)
