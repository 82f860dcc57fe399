"""What the exchange imitates, rule by rule, and how each rule is known.

The registry is the source of `docs/fidelity.md`; a test holds the two together and finds each id
at the code that applies it.
"""

from __future__ import annotations

from runner.sim.fidelity_assets import RULES_OF_ASSETS
from runner.sim.fidelity_grades import (
    ASSUMED,
    DOCS,
    DOCUMENTED,
    ERRORS,
    GRADES,
    OBSERVED,
    PAPER,
    RECORDED,
    SPEC,
    Rule,
)

RULES: tuple[Rule, ...] = (
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
        "a choice of this simulator",
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
        "a choice of this simulator",
    ),
    Rule(
        "refusal.no-trace",
        "An order refused at its POST has no id and no row and does not spend its client order id.",
        OBSERVED,
        "paper API, 2026-09-15",
    ),
    # ------------------------------------------------------------------ life of an order
    Rule(
        "life.transitions",
        "An order only makes the transitions of the status table; terminal is terminal.",
        DOCUMENTED,
        DOCS,
    ),
    Rule(
        "life.new",
        "An order is `pending_new` in the answer to its POST and `new` a moment later, when"
        " `submitted_at` is rewritten.",
        RECORDED,
        PAPER,
    ),
    Rule(
        "life.delays",
        "`new` after 20 ms, a market order filled after 150 ms, a cancel done after 60 ms.",
        OBSERVED,
        "paper API: 3 ms to 1 s; the exact figures are chosen",
    ),
    Rule(
        "life.accepted",
        "An order for a later session is `accepted` until 04:00 New York time of that day, then"
        " `new`; market orders wait for the open.",
        OBSERVED,
        "paper API, 2026",
    ),
    Rule(
        "life.expiry",
        "A DAY order lasts until its session's close (until 20:00 with extended hours); a GTC"
        " order for 90 days, until 16:15.",
        DOCUMENTED,
        DOCS,
    ),
    Rule(
        "life.expired",
        "What is unfilled at its end is `expired`; a GTC order at the end of its days `canceled`.",
        DOCUMENTED,
        DOCS,
    ),
    Rule(
        "life.cancel",
        "A cancel answers 204 and is done later, a fill may come first; again on a canceled order"
        " it answers 204, on a filled one 422.",
        OBSERVED,
        "paper API, 2026-09-15",
    ),
    Rule(
        "orders.by-id",
        "An unknown order id is 404 `order not found for <id>`.",
        OBSERVED,
        ERRORS,
    ),
    Rule(
        "orders.cancel-all",
        "Cancelling all answers 207 with an id and 200 for each open order.",
        DOCUMENTED,
        SPEC,
    ),
    Rule(
        "orders.listing",
        "Orders are listed open, newest first and 50 unless asked otherwise, 500 at most; `after`"
        " and `until` are exclusive and concern `submitted_at`.",
        DOCUMENTED,
        SPEC,
    ),
    Rule(
        "client-id.unique",
        "A client order id is spent for ever: 42210000 while the earlier order is open, 40010001"
        " when it is done.",
        OBSERVED,
        "paper API, 2026-09-15",
    ),
    Rule("client-id.length", "At most 128 characters.", DOCUMENTED, SPEC),
    Rule(
        "events.each-change",
        "Each change of an order's status and each fill is one event, named as trade updates name"
        " it.",
        DOCUMENTED,
        f"{DOCS}; that rare ones such as pending_cancel always come is assumed",
    ),
    Rule(
        "events.shape",
        "An event carries `at`, `event_id` (a ULID) and the order with `cancel_requested_at`; a"
        " fill also its price, quantity, position and settlement; pending ones no `execution_id`.",
        RECORDED,
        PAPER,
    ),
    Rule(
        "life.cancel-while-replacing",
        "A cancel is refused with 422 while the order is being replaced.",
        DOCUMENTED,
        f"{SPEC}; the text is assumed",
    ),
    Rule(
        "orders.nested",
        "With `nested` a group is listed once, as its first order with the others in `legs`;"
        " without it each order stands for itself, its `legs` null. A group is listed when any of"
        " its orders is asked for.",
        DOCUMENTED,
        f"{SPEC}; when a group is listed is assumed",
    ),
    # ------------------------------------------------------------------ replacing
    Rule(
        "replace.status",
        "An order is not replaced while accepted, pending_new, pending_cancel or pending_replace,"
        " nor when it is done; 422.",
        OBSERVED,
        f"{ERRORS}; {SPEC}",
    ),
    Rule(
        "replace.notional", "Notional orders are not replaced.", DOCUMENTED, f"{SPEC}; text assumed"
    ),
    Rule(
        "replace.prices",
        "Only the prices that the order's type has can be changed.",
        OBSERVED,
        "Alpaca's forum, thread 11938",
    ),
    Rule(
        "replace.trail",
        "`trail` is the new distance or percentage; the water mark stays.",
        DOCUMENTED,
        f"{SPEC}; that the mark stays is assumed",
    ),
    Rule("replace.unchanged", "A PATCH that changes nothing is 422.", OBSERVED, ERRORS),
    Rule(
        "replace.qty",
        "A new quantity is whole and above what is filled. The new order starts with nothing filled"
        " and the whole quantity, also when the old one was partly filled.",
        OBSERVED,
        f"{ERRORS}; Alpaca-API issue 165",
    ),
    Rule(
        "replace.group-qty",
        "The quantity of a group's orders cannot be changed.",
        ASSUMED,
        "no recording",
    ),
    Rule(
        "replace.checks",
        "The new order passes the checks of a new one, as if the old one were gone; legs are not"
        " checked against each other again.",
        ASSUMED,
        "no recording",
    ),
    Rule(
        "replace.reserves",
        "While it is being replaced, the larger of the two orders is set aside.",
        DOCUMENTED,
        SPEC,
    ),
    Rule(
        "replace.race",
        "The answer is `pending_new` with `replaces`; 60 ms later the old order is `replaced` and"
        " names the new one, or has filled meanwhile and the new one is `rejected`.",
        DOCUMENTED,
        f"{SPEC}; the delay is assumed",
    ),
    # ------------------------------------------------------------------ groups
    Rule(
        "group.answer",
        "The answer to the POST of a bracket, OCO or OTO order has its legs, `held`, with ids of"
        " their own.",
        OBSERVED,
        "paper API, 2026",
    ),
    Rule(
        "group.legs",
        "A bracket has both legs, an OTO one of them, an OCO both prices.",
        OBSERVED,
        f"{ERRORS}; some texts are assumed",
    ),
    Rule(
        "group.simple-ignores-legs",
        "Legs given with a simple order are ignored without a word.",
        ASSUMED,
        "no recording; the dangerous reading",
    ),
    Rule(
        "group.trail-dropped",
        "A `trail_percent` or `trail_price` in `stop_loss` is ignored without a word.",
        OBSERVED,
        ERRORS,
    ),
    Rule(
        "group.oco-parent",
        "The first order of an OCO is its take-profit limit order, the stop is its leg.",
        DOCUMENTED,
        DOCS,
    ),
    Rule(
        "group.time-in-force",
        "Groups are DAY or GTC.",
        OBSERVED,
        ERRORS,
    ),
    Rule("group.extended-hours", "Groups have no extended hours; 403.", OBSERVED, ERRORS),
    Rule("group.whole-shares", "Groups are for whole shares.", OBSERVED, ERRORS),
    Rule(
        "group.entry-type",
        "The entry of a group is a market, limit, stop or stop_limit order.",
        ASSUMED,
        f"{DOCS} say only that legs never trail; the text is assumed",
    ),
    Rule(
        "group.direction",
        "A bracket opens a position, an OCO closes one; 403.",
        DOCUMENTED,
        f"{DOCS}; the texts are second-hand",
    ),
    Rule(
        "group.geometry",
        "Profit and stop lie a cent or more on their sides of the entry's limit or stop, or of the"
        " last price; an OCO's stop on its side of the market; 422 with `base_price`.",
        OBSERVED,
        f"{ERRORS}; the base of an OCO is assumed",
    ),
    Rule(
        "group.live",
        "Legs go live when the entry is completely filled; what a partly filled entry bought before"
        " it ended stays without protection.",
        OBSERVED,
        "paper API, 2026; after a partly filled entry ended it is assumed, the dangerous reading",
    ),
    Rule(
        "group.stop-held",
        "Of two live exits the profit order is `new`, the stop stays `held` until its price is"
        " reached; then the profit order is canceled and the stop goes to the market.",
        DOCUMENTED,
        "Alpaca staff in its forum, thread 3697",
    ),
    Rule(
        "group.one-cancels-other",
        "A fill of one exit cancels the other, a part of it makes the other smaller; together they"
        " hold the shares once.",
        DOCUMENTED,
        f"{DOCS}; that it takes no time is assumed",
    ),
    Rule(
        "group.cancel",
        "When one order of a group ends without a fill, the others are canceled a second later.",
        OBSERVED,
        "paper API, 2026",
    ),
    Rule(
        "group.nothing-to-close",
        "A leg is rejected when it goes live and the shares are gone or held elsewhere.",
        ASSUMED,
        "no recording",
    ),
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
    Rule(
        "absent.replace-multi-leg",
        "Replacing a multi-leg order is refused with 422 and a plain sentence.",
        ASSUMED,
        "not carried yet",
    ),
    # ------------------------------------------------------------------ account
    Rule(
        "account.cash",
        "Cash moves at the fill, in whole cents.",
        OBSERVED,
        "paper API, 2026",
    ),
    Rule(
        "account.buying-power",
        "Buying power is the multiplier times equity, less the positions' value and what open"
        " orders set aside; more than that is refused with 403.",
        DOCUMENTED,
        f"{SPEC} at multiplier 2; assumed to hold alike at 4",
    ),
    Rule(
        "account.collar",
        "A market or stop buy sets aside 2.5 percent above the ask or stop, a short sale the larger"
        " of its limit and 3 percent above the ask.",
        DOCUMENTED,
        "Alpaca order page (2.5 to 4 percent)",
    ),
    Rule(
        "account.margin",
        "Maintenance margin is each asset's percentage, initial margin half, all of what is not"
        " marginable.",
        DOCUMENTED,
        f"{SPEC}; Regulation T",
    ),
    Rule(
        "account.minimum-equity",
        "Below 2,000 dollars of equity there is no margin and no shorting.",
        DOCUMENTED,
        "FINRA Rule 4210(b); Regulation T",
    ),
    Rule(
        "account.shorting",
        "Short sales need a margin account that allows them.",
        OBSERVED,
        ERRORS,
    ),
    Rule("short.allowed", "Short sales need a shortable asset.", OBSERVED, ERRORS),
    Rule(
        "account.last-equity",
        "`last_equity` is taken at the last close's prices and changes at 20:00 New York time.",
        ASSUMED,
        f"{SPEC}; the moment of the change is assumed",
    ),
    Rule(
        "configuration.patch",
        "Nulls and unknown keys of a PATCH change nothing.",
        ASSUMED,
        "alpaca-py sends nulls",
    ),
    Rule(
        "positions.close",
        "Closing a position is a market DAY order; a percentage of whole shares is whole.",
        DOCUMENTED,
        SPEC,
    ),
    Rule(
        "positions.close-all",
        "Closing all answers 207, one row a position; with `cancel_orders` every open order is"
        " canceled at once before.",
        DOCUMENTED,
        f"{SPEC}; at once is assumed",
    ),
    Rule(
        "pdt.legacy",
        "Only with `regime: legacy_pdt`: the three account fields exist, and below 25,000 dollars"
        " the fourth day trade in five sessions is refused with 403/40310100.",
        DOCUMENTED,
        "Alpaca's rules before 2026-06-04",
    ),
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
        "a choice of this simulator",
    ),
    Rule(
        "market.bars",
        "Daily bars are of regular hours; high and low are taken minute by minute; bars reach back"
        " two years before the scenario's start.",
        ASSUMED,
        "a choice of this simulator",
    ),
    Rule(
        "market.unknown-symbol",
        "Market data refuses an unknown symbol with 400 and a message.",
        ASSUMED,
        "no recording",
    ),
    # ------------------------------------------------------------------ the stream
    Rule(
        "stream.authenticate",
        "`/stream` answers `authenticate` with authorized or unauthorized, and a `listen` before it"
        " with unauthorized; the older form with the keys beside `action` is read too.",
        DOCUMENTED,
        f"{DOCS}, streaming page",
    ),
    Rule(
        "stream.listen",
        "`listen` replaces the set of streams and is acknowledged with it; only `trade_updates`"
        " exists, an empty list ends it. What happened before is not sent again.",
        DOCUMENTED,
        f"{DOCS}, streaming page",
    ),
    Rule(
        "stream.frames",
        "Frames are binary JSON, or MessagePack when the connection asks for `Content-Type:"
        " application/msgpack`; text and binary are read.",
        RECORDED,
        "paper API, 2026; MessagePack is documented",
    ),
    Rule(
        "stream.one-connection",
        "An account has one connection; another is refused with HTTP 429 while it is open.",
        OBSERVED,
        "alpaca-py issue 740",
    ),
    # ------------------------------------------------------------------ faults and control
    Rule(
        "faults.request",
        "A fault around a request takes effect before, after or instead of the exchange's answer;"
        " a dropped connection is closed without a byte.",
        OBSERVED,
        "reports of users of Alpaca's SDKs, 2019 to 2026; when they strike is chosen",
    ),
    Rule(
        "faults.order",
        "Late rejections, fills while a cancel is pending, stuck cancels, positions behind orders"
        " and lookups by client order id that come too early.",
        OBSERVED,
        "reports of users of Alpaca's SDKs, 2019 to 2026; when they strike is chosen",
    ),
    Rule(
        "faults.stream",
        "Lost, doubled, swapped and empty updates, silence, connections lost or refused.",
        OBSERVED,
        "reports of users of Alpaca's SDKs, 2019 to 2026; when they strike is chosen",
    ),
    Rule(
        "faults.chance",
        "A chance is drawn from the seed, the fault's number and its count of matches.",
        ASSUMED,
        "a choice of this simulator",
    ),
    Rule(
        "faults.virtual",
        "On a virtual clock a delay is over at once; an answer that never comes keeps the client"
        " waiting for its own read timeout, a minute at most.",
        ASSUMED,
        "a choice of this simulator",
    ),
    Rule(
        "control.price",
        "A price that is set holds from then on, in place of the tape, until another is set; orders"
        " that it concerns meet it 150 ms after their POST at the earliest.",
        ASSUMED,
        "a choice of this simulator",
    ),
    *RULES_OF_ASSETS,
)

ABSENT: tuple[str, ...] = (
    "replacing multi-leg orders",
    "IPO orders and tokenization; option orders other than market and limit; level changes",
    "the market data sockets; server-sent events",
    "corporate actions, dividends, interest, fees, borrow costs, margin calls and liquidations",
    "the market's depth: size never moves a price and never limits a fill",
    "halts, auctions' own prices, price bands and the check for limits far from the market",
    "the limit of a position at 600 percent of equity, and deductions for intraday margin deficits",
    "settlement: proceeds are cash at once",
    "account documents, wallets and transfers",
    "the statuses done_for_day, suspended, stopped and calculated, for which no cause is known",
    "`disable_overnight_trading` and `ptp_no_exception_entry`: kept, and without effect",
    "the cut-off for options on their last day, early assignment, and margin calls at expiry",
    "open interest, greeks, and `sma` as brokers compute it",
    "quotes and trades of the past; only the latest are given, and bars",
)


def page() -> str:
    """The text of `docs/fidelity.md`."""
    lines = [
        "# Fidelity of the embedded exchange",
        "",
        "Everything that the embedded exchange answers is simulated. This page lists each rule it",
        "applies and how the rule is known, so that nobody takes a rehearsal for more than it is.",
        "It is written from `runner/sim/fidelity.py`, and a test holds the two together.",
        "",
        "| grade | what it means | rules |",
        "|---|---|---|",
    ]
    for grade, meaning in GRADES.items():
        count = sum(rule.grade == grade for rule in RULES)
        lines.append(f"| {grade} | {meaning} | {count} |")
    lines += ["", "## Rules", "", "| rule | what it says | grade | source |", "|---|---|---|---|"]
    lines += [f"| `{r.id}` | {r.sentence} | {r.grade} | {r.source} |" for r in RULES]
    lines += ["", "## Knowingly absent", ""]
    lines += [f"- {sentence}" for sentence in ABSENT]
    return "\n".join(lines) + "\n"
