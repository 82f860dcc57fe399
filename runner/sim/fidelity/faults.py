"""The stream, faults, and the control API."""

from __future__ import annotations

from runner.sim.fidelity.grades import (
    ASSUMED,
    CHOICE,
    DOCS,
    DOCUMENTED,
    OBSERVED,
    RECORDED,
    SPEC,
    Rule,
)

RULES_OF_FAULTS: tuple[Rule, ...] = (
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
        "Late rejections, also of replacements, fills while a cancel is pending, stuck cancels,"
        " positions behind orders and lookups by client order id that come too early.",
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
        "faults.interrupt",
        "An order is suspended, done for the day, stopped, calculated or accepted for bidding only"
        " by a fault or the control API: it does not trade, and may be canceled. Done for the day"
        " ends at 4:00 of the next session, stopped with a fill.",
        DOCUMENTED,
        f"{SPEC}; when it begins and ends is chosen, and that it cannot be replaced is assumed",
    ),
    Rule(
        "faults.market",
        "Market data of a symbol stops, or lags behind, while orders go on trading at the present"
        " price.",
        ASSUMED,
        CHOICE,
    ),
    Rule(
        "faults.combine",
        "A delay and another fault around one request both act, the other's answer coming late; of"
        " several others, of several delays, and of several on one update, the one that was armed"
        " first acts. Faults in the life of an order act each for itself.",
        ASSUMED,
        CHOICE,
    ),
    Rule(
        "faults.chance",
        "A chance is drawn from the seed, the fault's number and its count of matches.",
        ASSUMED,
        CHOICE,
    ),
    Rule(
        "faults.virtual",
        "On a virtual clock a delay is over at once; an answer that never comes keeps the client"
        " waiting for its own read timeout, a minute at most.",
        ASSUMED,
        CHOICE,
    ),
    Rule(
        "control.price",
        "A price that is set holds from then on, in place of the tape, until another is set; orders"
        " that it concerns meet it 150 ms after their POST at the earliest.",
        ASSUMED,
        CHOICE,
    ),
)
