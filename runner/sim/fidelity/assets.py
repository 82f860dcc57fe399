"""Crypto and options."""

from __future__ import annotations

from runner.sim.fidelity.grades import (
    ASSUMED,
    CHOICE,
    DOCS,
    DOCUMENTED,
    ERRORS,
    OBSERVED,
    OPTIONS_PAGE,
    SPEC,
    Rule,
)

RULES_OF_ASSETS: tuple[Rule, ...] = (
    # ------------------------------------------------------------------ crypto
    Rule("crypto.hours", "Crypto trades all day, every day.", DOCUMENTED, DOCS),
    Rule(
        "crypto.symbols",
        "An order's symbol has a slash (BTC/USD), a position's has none (BTCUSD).",
        OBSERVED,
        "paper API, 2026",
    ),
    Rule("crypto.asset", "A pair's asset has its increments.", DOCUMENTED, SPEC),
    Rule(
        "crypto.order",
        "Crypto orders are market, limit or stop_limit, GTC or IOC, simple.",
        OBSERVED,
        f"{ERRORS}; only the text about time in force is known",
    ),
    Rule("crypto.places", "Quantities are cut to nine decimals without a word.", OBSERVED, ERRORS),
    Rule("crypto.minimum", "An order is for ten dollars or more; 403.", OBSERVED, ERRORS),
    Rule(
        "crypto.balance",
        "Crypto is bought with cash and sold from what is held; 403 `insufficient balance`.",
        OBSERVED,
        f"{ERRORS}; what a market buy sets aside is assumed",
    ),
    Rule(
        "crypto.fee",
        "A quarter of a percent of what is received is taken: coins of a buy, dollars of a sale.",
        OBSERVED,
        "paper API, 2026; the tiers of volume are left out",
    ),
    # ------------------------------------------------------------------ options
    Rule(
        "options.chain",
        "A few underlyings have weekly and monthly calls and puts around their first price.",
        ASSUMED,
        CHOICE,
    ),
    Rule(
        "options.premium",
        "A contract's price follows from its underlying, strike and time left, once a minute.",
        ASSUMED,
        CHOICE,
    ),
    Rule(
        "options.priced",
        "A contract that the scenario gives a price or a tape is listed and has that price; a price"
        " that is set by hand holds as for a stock. At its end it is worth what exercising is.",
        ASSUMED,
        CHOICE,
    ),
    Rule(
        "options.contracts",
        "Active contracts until the next weekend are listed unless asked otherwise, 100 a page.",
        DOCUMENTED,
        SPEC,
    ),
    Rule(
        "options.order",
        "Option orders are market or limit, DAY, whole, simple or mleg, without extended hours.",
        DOCUMENTED,
        f"{SPEC}; {OPTIONS_PAGE}; the texts are assumed",
    ),
    Rule(
        "options.market-hours",
        "Market orders are taken in regular hours only.",
        DOCUMENTED,
        OPTIONS_PAGE,
    ),
    Rule(
        "options.level",
        "Selling covered needs level 1, buying level 2, several legs level 3.",
        DOCUMENTED,
        OPTIONS_PAGE,
    ),
    Rule(
        "options.covered",
        "A call is sold against 100 free shares, which it locks, a put against its strike in cash.",
        DOCUMENTED,
        OPTIONS_PAGE,
    ),
    Rule(
        "options.buying-power",
        "Options are paid from cash, not margin; 403 with the figures.",
        DOCUMENTED,
        OPTIONS_PAGE,
    ),
    Rule(
        "options.spread",
        "A short leg is covered by a long one of its kind that lives as long, and then requires the"
        " distance of the strikes.",
        DOCUMENTED,
        f"{OPTIONS_PAGE}; the order in which legs are paired is assumed",
    ),
    Rule(
        "options.legs",
        "A multi-leg order has two to four legs with ratios in lowest terms; a positive limit is a"
        " debit, a negative one a credit.",
        DOCUMENTED,
        f"{SPEC}; {OPTIONS_PAGE}; the texts are assumed",
    ),
    Rule(
        "options.one-underlying",
        "All legs have one underlying.",
        ASSUMED,
        OPTIONS_PAGE,
    ),
    Rule(
        "options.legs-follow",
        "Legs have the status of their order, fill with it, and tell no updates of their own.",
        DOCUMENTED,
        f"{SPEC}; that there are no updates is assumed",
    ),
    Rule(
        "options.leg-price",
        "Each leg trades at its own bid or ask; the order's price is their sum.",
        ASSUMED,
        CHOICE,
    ),
    Rule(
        "options.spread-cost",
        "A multi-leg order sets aside its debit and what the positions would require more; a credit"
        " counts against that.",
        DOCUMENTED,
        OPTIONS_PAGE,
    ),
    Rule(
        "shape.multi-leg",
        "A multi-leg order has an empty symbol, asset and side; its legs have a `ratio_qty` and an"
        " empty type.",
        DOCUMENTED,
        SPEC,
    ),
    Rule(
        "options.margin",
        "What long options are worth and short ones require is not there to buy shares with.",
        ASSUMED,
        "no recording",
    ),
    Rule(
        "options.exercise",
        "Exercising takes all free contracts and moves the shares at once; not between the close"
        " and midnight.",
        DOCUMENTED,
        f"{SPEC}; status and text of the refusal by hour are assumed",
    ),
    Rule(
        "options.expiry",
        "At 20:00 of its last day a contract a cent or more in the money is exercised or assigned"
        " at the close's price, any other is gone. Nobody is assigned earlier.",
        DOCUMENTED,
        f"{SPEC}; the hour is assumed, and that the money for it is not asked for",
    ),
)
