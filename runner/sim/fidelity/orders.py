"""The life of an order, its replacement, and orders that belong together."""

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

RULES_OF_ORDERS: tuple[Rule, ...] = (
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
        " and `until` are exclusive and concern `submitted_at`, `after_order_id` and"
        " `before_order_id` the order in which they came; options are found by their underlying"
        " with `asset_class=us_option`.",
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
        " nor when it is done; 422. Nor while it is suspended or in a status like it.",
        OBSERVED,
        f"{ERRORS}; {SPEC}; while suspended is assumed",
    ),
    Rule(
        "replace.multi-leg",
        "A multi-leg order is replaced as a whole, by limit price and quantity, with new legs that"
        " name the old ones; a leg alone is refused with 422.",
        DOCUMENTED,
        f"{SPEC}; what legs show, and the texts, are assumed",
    ),
    Rule(
        "replace.multi-leg-calendar",
        "Replacing an order that closes legs of several expirations is refused with 403"
        " `insufficient qty available`: what the old order holds is counted against the new one.",
        OBSERVED,
        "Alpaca-API issue 282",
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
        "Groups are DAY or GTC, and so are their legs when they are replaced.",
        OBSERVED,
        f"{ERRORS}; of replaced legs it is assumed",
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
)
