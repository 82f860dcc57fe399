"""Shapes of answers, and what holds for every request."""

from __future__ import annotations

from runner.sim.fidelity.grades import (
    ASSUMED,
    CHOICE,
    DOCS,
    DOCUMENTED,
    ERRORS,
    OBSERVED,
    PAPER,
    RECORDED,
    SPEC,
    Rule,
)

RULES_OF_ANSWERS: tuple[Rule, ...] = (
    # ------------------------------------------------------------------ shapes
    Rule(
        "shape.account",
        "The account has exactly the keys of a margin account after the day-trading fields were"
        " removed on 2026-07-06; money is decimal strings with trailing zeros trimmed.",
        RECORDED,
        PAPER,
    ),
    Rule(
        "shape.configuration",
        "The configuration has the eight keys that remained after 2026-07-06.",
        DOCUMENTED,
        SPEC,
    ),
    Rule(
        "shape.order",
        "An order always has all its keys, nulls included; `order_class` is empty for a simple"
        " order, `legs` null; stamps are UTC nanoseconds ending in Z, `expires_at` whole seconds.",
        RECORDED,
        f"{PAPER}; {SPEC}",
    ),
    Rule(
        "shape.position",
        "A short position has a negative quantity; profit and loss fractions are strings.",
        RECORDED,
        PAPER,
    ),
    Rule(
        "shape.asset",
        "An asset still carries `easy_to_borrow` beside `borrow_status`, and both margin"
        " requirements as strings.",
        RECORDED,
        PAPER,
    ),
    Rule(
        "assets.listing",
        "Assets are listed by exchange and symbol, those of stocks unless another class is asked"
        " for. Option contracts have a list of their own.",
        DOCUMENTED,
        SPEC,
    ),
    Rule(
        "clock.next-open",
        "While the market is open, `next_open` is the following session's; stamps carry the New"
        " York offset.",
        RECORDED,
        PAPER,
    ),
    Rule(
        "calendar.shape",
        "Calendar days give `open` and `close` as HH:MM, the session as HHMM, and settlement on"
        " the next session.",
        DOCUMENTED,
        SPEC,
    ),
    Rule(
        "activities.id",
        "A fill's id begins with its time in New York, then `::` and a UUID.",
        RECORDED,
        PAPER,
    ),
    Rule(
        "activities.fill",
        "Fills are listed newest first, 100 a page at most; `page_token` is the last id seen.",
        DOCUMENTED,
        SPEC,
    ),
    Rule(
        "market.quote-shape",
        "Market data prices are JSON numbers under the short keys of the market data API.",
        DOCUMENTED,
        DOCS,
    ),
    # ------------------------------------------------------------------ requests
    Rule(
        "auth.keys",
        "Any key and secret, or bearer token, is accepted unless the scenario names the pair; else"
        " 401 `unauthorized.` without a code.",
        DOCUMENTED,
        DOCS,
    ),
    Rule(
        "rate.bucket",
        "200 requests a minute, as a bucket that refills evenly; market data is not counted.",
        DOCUMENTED,
        "Alpaca support page; the shape of the bucket is assumed",
    ),
    Rule(
        "rate.headers",
        "`X-RateLimit-Limit`, `-Remaining` and `-Reset` on each answer; 429 with code 42910000.",
        OBSERVED,
        ERRORS,
    ),
    Rule(
        "rate.virtual",
        "On a virtual clock a request that meets an empty bucket takes as long as it needs instead"
        " of a 429, as a patient client would.",
        ASSUMED,
        CHOICE,
    ),
    Rule(
        "error.malformed-json",
        "A body that is not a JSON object is refused with 400 and code 40010000.",
        ASSUMED,
        "no recording",
    ),
    Rule(
        "error.unknown-route",
        "An unknown method or path is 404 with code 40410000.",
        ASSUMED,
        "no recording",
    ),
    Rule(
        "error.internal",
        "A defect of the simulator is a 500 with code 50010000 that names itself as one.",
        ASSUMED,
        CHOICE,
    ),
    Rule(
        "refusal.no-trace",
        "An order refused at its POST has no id and no row and does not spend its client order id.",
        OBSERVED,
        "paper API, 2026-09-15",
    ),
)
