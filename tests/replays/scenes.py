"""What the corpus shows: each scene is one log. To add one, add it here and record again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

STILL = "tape: {AAPL: [[0s, 190.00]], MSFT: [[0s, 400.00]]}\n"
HALF_FIRST = STILL + "faults: [{fault: partial_fill, part: 40%, first: 1, symbol: AAPL}]\n"
ORDERS = "method: POST, path: /v2/orders, nth: 1"
GATEWAY = f"{{fault: answer, status: 504, body: html, {ORDERS}"
CLEAN_UP = "finally:\n  - cancel_all: {scope: run}\n"
BUY = "  - id: entry\n    submit_order: {symbol: AAPL, side: buy, qty: 2}\n"
REST = (
    "  - id: entry\n"
    "    submit_order: {symbol: AAPL, side: buy, qty: 2, type: limit, limit_price: 180.00}\n"
)
BID = (
    "  - id: entry\n"
    "    submit_order: {symbol: AAPL, side: buy, qty: 10, type: limit, limit_price: 191.00}\n"
)
FILL = "  - id: fill\n    await_fill: {order: entry, timeout: 60s}\n"
CLOSE = "  - id: exit\n    close_position: {symbol: AAPL}\n  - await_fill: {order: exit}\n"
BRACKET = (
    "  - id: entry\n"
    "    submit_order: {symbol: AAPL, side: buy, qty: 2, order_class: bracket,"
    " take_profit: 210, stop_loss: 170}\n"
)
LONG, SHORT = "AAPL261204C00270000", "AAPL261204C00280000"


@dataclass(frozen=True, slots=True)
class Strike:
    """What happens to the process `before` or `after` it writes the record that holds all `words`,
    or sends the request of that `method`; `nth` of them."""

    what: Literal["kill", "interrupt", "halt"]
    words: tuple[str, ...] = ()
    method: str = ""
    nth: int = 1
    place: Literal["before", "after"] = "after"


@dataclass(frozen=True, slots=True)
class Turn:
    """One process: the run itself, a resume that settles or goes on, or `resume --stop`. Before it
    the price of AAPL may have moved, and it comes so many seconds `after` the one before."""

    kind: Literal["run", "settle", "continue", "stop"] = "run"
    strike: Strike | None = None
    price: str = ""
    after: int = 5


@dataclass(frozen=True, slots=True)
class Scene:
    """One log. `runbook` is a name of the library, or a text. `inside`: on the exchange of the
    run's own process, else on one that is served and outlives it. `ends` is the last status, empty
    for a log that is left open."""

    name: str
    shows: str
    runbook: str
    scenario: str = ""
    ends: str = "completed"
    params: Mapping[str, str] = field(default_factory=dict)
    turns: tuple[Turn, ...] = (Turn(),)
    inside: bool = True
    yes: bool = True


def plan(steps: str, tail: str = CLEAN_UP, head: str = "symbols: [AAPL]") -> str:
    """A runbook around steps."""
    return f"runbook: 1\nname: a-plan\n{head}\ntimeout: 1h\nsteps:\n{steps}{tail}"


def intent(effect: str, nth: int = 1) -> Strike:
    """A kill once an effect is on record and not yet performed."""
    return Strike("kill", ('"type":"effect.intent"', f'"effect":"{effect}"'), nth=nth)


def sent(method: str, nth: int = 1) -> Strike:
    """A kill once the broker has answered and the answer is not yet on record."""
    return Strike("kill", method=method, nth=nth)


SCENES = (
    # ------------------------------------------------------------------------- the library
    *(
        Scene(f"{name}.completed", f"the library's {name}, carried out to its end", name)
        for name in ("first-live-trade", "bracket-entry", "flatten", "patient-buy", "rebalance")
    ),
    Scene(
        "first-live-trade.refused", "an account that must not trade: nothing is sent",
        "first-live-trade", "trading_blocked: true\n", "refused",
    ),
    Scene(
        "first-live-trade.rejected", "an accepted order is rejected two seconds later",
        "first-live-trade", "faults: [{fault: late_reject, symbol: AAPL, time: 2s}]\n", "failed",
    ),
    Scene(
        "first-live-trade.broker-error", "the broker answers the order with an error",
        "first-live-trade", f"faults: [{{fault: answer, status: 403, {ORDERS}}}]\n", "failed",
    ),
    Scene(
        "first-live-trade.killed-and-resumed",
        "kill -9 between the intent of an order and its request; the exchange is made again",
        "first-live-trade", STILL,
        turns=(Turn(strike=intent("submit")), Turn("continue")),
    ),
    Scene(
        "bracket-entry.partly-filled", "the entry of a bracket fills in two parts",
        "bracket-entry", "faults: [{fault: partial_fill, part: 40%, first: 1, time: 20s}]\n",
    ),
    Scene(
        "bracket-entry.killed-and-continued",
        "kill -9 once the broker has the order and before its answer is on record; --continue",
        "bracket-entry", STILL, inside=False,
        turns=(Turn(strike=sent("POST")), Turn("continue")),
    ),
    Scene(
        "patient-buy.stopped", "kill -9 while a bid stands; resume --stop cancels it",
        "patient-buy", STILL, ends="interrupted", inside=False,
        turns=(Turn(strike=intent("await_change")), Turn("stop")),
    ),
    Scene(
        "patient-buy.halted", "the kill switch is set while a bid stands",
        "patient-buy", STILL, ends="failed",
        turns=(Turn(strike=Strike("halt", ('"type":"step.started"', '"await_fill"'))),),
    ),
    Scene(
        "first-live-trade.halted", "the kill switch is set before any order was sent",
        "first-live-trade", STILL, ends="halted",
        turns=(Turn(strike=Strike("halt", ('"type":"step.started"', '"check_position"'))),),
    ),
    Scene(
        "rebalance.interrupted", "Ctrl-C between two orders: clean-up only",
        "rebalance", STILL, ends="interrupted",
        turns=(Turn(strike=Strike("interrupt", ('"type":"step.finished"',), nth=7)),),
    ),
    Scene("flatten.denied", "a question that nobody can answer", "flatten", ends="refused",
          yes=False),
    # -------------------------------------------------------------------------- how runs end
    Scene("timed-out", "an order that does not fill in time is cancelled",
          plan("  - id: entry\n    submit_order: {symbol: AAPL, side: buy, qty: 2, type: limit,"
               " limit_price: 180.00}\n  - await_fill: {order: entry, timeout: 90s,"
               " on_timeout: cancel}\n"), STILL, "timed_out"),
    Scene("run-timed-out", "the whole run's time is over",
          plan(REST + "  - await_fill: {order: entry, timeout: 50m}\n").replace("1h", "5m"),
          STILL, "timed_out"),
    Scene("guard-refused", "a limit price outside the collar: the guard refuses, nothing is sent",
          plan(BID.replace("191", "195"), head="symbols: [AAPL]\nlimits: {price_collar: 1%}"),
          STILL, "refused"),
    Scene("assertion-failed", "an assertion fails after a fill; the position is closed",
          plan(BUY + FILL + "  - assert: steps.fill.filled_avg_price < 100\n",
               "on_failure:\n  - close_position: {symbol: AAPL}\n" + CLEAN_UP), STILL, "failed"),
    Scene("broker-unreachable", "the account cannot be read: nothing is sent",
          plan(BUY), "faults: [{fault: answer, status: 503, path: /v2/account, first: 9}]\n",
          "failed"),
    Scene("interrupted-while-waiting", "Ctrl-C while an order rests: it is cancelled",
          plan(REST + FILL), STILL, "interrupted",
          turns=(Turn(strike=Strike("interrupt", ('"type":"effect.intent"', '"await_change"'))),)),
    Scene("left-open", "a run that was killed and never resumed", plan(REST + FILL), STILL, "",
          inside=False, turns=(Turn(strike=intent("await_change")),)),
    # ------------------------------------------------------------------------- unknown outcomes
    Scene("gateway-timeout-landed", "a 504 whose order landed: found by its client id, not resent",
          plan(BUY + FILL + CLOSE), STILL + f"faults: [{GATEWAY}, commit: yes}}]\n"),
    Scene("gateway-timeout-lost", "a 504 whose order was lost: sent again under the same id",
          plan(BUY + FILL + CLOSE), STILL + f"faults: [{GATEWAY}, commit: no}}]\n"),
    Scene("order-unknown", "an order whose fate cannot be learned: it is left to a resume",
          plan(BUY + FILL),
          STILL + f"faults: [{{fault: drop, {ORDERS}}}, {{fault: answer, status: 503,"
          " path: '/v2/orders:by_client_order_id*', method: GET}]\n", ""),
    Scene("order-unknown.resumed", "the same, and a resume that finds the order filled",
          plan(BUY + FILL + CLOSE),
          STILL + f"faults: [{{fault: drop, {ORDERS}}}, {{fault: answer, status: 503,"
          " path: '/v2/orders:by_client_order_id*', method: GET, until: 10m}]\n",
          "failed", inside=False, turns=(Turn(), Turn("settle", after=600))),
    # ------------------------------------------------------------------------------- resumes
    Scene("killed-and-settled", "kill -9 while an order rests; it filled before the resume",
          plan(REST + FILL + CLOSE), STILL, inside=False,
          turns=(Turn(strike=intent("await_change")), Turn("settle", price="179.00"))),
    Scene("killed-twice", "kill -9 in the run and again in its resume",
          plan(BUY + FILL + CLOSE), STILL, inside=False,
          turns=(Turn(strike=intent("submit")),
                 Turn("continue", Strike("kill", ('"type":"effect.intent"',), nth=6)),
                 Turn("continue"))),
    Scene("killed-in-a-replace", "kill -9 once the broker has replaced the order",
          plan(REST + "  - replace_order: {order: entry, limit_price: 191.00}\n" + FILL + CLOSE),
          STILL, inside=False, turns=(Turn(strike=sent("PATCH")), Turn("continue"))),
    # ----------------------------------------------------------------------------- the actions
    Scene("replaced-partly-filled", "an order is replaced when part of it has filled",
          plan(BID + "  - await_fill: {order: entry, until: any, timeout: 60s}\n"
               "  - replace_order: {order: entry, limit_price: 191.50}\n" + FILL + CLOSE),
          HALF_FIRST),
    Scene("bracket-closed", "a bracket's stop is moved, then the position is closed",
          plan(BRACKET + FILL + "  - replace_order: {order: entry.stop_loss, stop_price: 175.00}\n"
               + CLOSE), STILL),
    Scene("bracket-stopped-out", "the stop of a bracket fills when the price falls",
          plan(BRACKET + FILL + "  - id: out\n    await_fill: {order: entry.stop_loss,"
               " timeout: 30m}\n"),
          "tape: {AAPL: [[0s, 190.00], [10m, 165.00]]}\n"),
    Scene("one-cancels-the-other", "exits of a position that is held already",
          plan(BUY + FILL + "  - id: exits\n    submit_order: {symbol: AAPL, side: sell, qty: 2,"
               " type: limit, order_class: oco, take_profit: 195, stop_loss: 180}\n"
               "  - await_fill: {order: exits, timeout: 30m}\n"),
          "tape: {AAPL: [[0s, 190.00], [10m, 196.00]]}\n"),
    Scene("everything-closed", "two positions and a resting order: close_all",
          plan("  - id: first\n    submit_order: {symbol: AAPL, side: buy, qty: 2}\n"
               "  - id: second\n    submit_order: {symbol: MSFT, side: buy, qty: 1}\n"
               "  - await_fill: {order: [first, second], timeout: 60s}\n"
               + REST.replace("entry", "resting") + "  - close_all: {scope: symbols}\n",
               head="symbols: [AAPL, MSFT]"), STILL),
    Scene("option-spread", "a call spread as one order of two legs, opened and closed",
          plan("  - id: entry\n    submit_order: {order_class: mleg, qty: 2, type: limit,"
               f" limit_price: 2.95, legs: [{{symbol: {LONG}, side: buy, ratio: 1,"
               f" position_intent: buy_to_open}}, {{symbol: {SHORT}, side: sell, ratio: 1,"
               " position_intent: sell_to_open}]}\n  - await_fill: {order: entry, timeout: 30s}\n"
               "  - id: exit\n    submit_order: {order_class: mleg, qty: 2, type: limit,"
               f" limit_price: -2.65, legs: [{{symbol: {LONG}, side: sell, ratio: 1,"
               f" position_intent: sell_to_close}}, {{symbol: {SHORT}, side: buy, ratio: 1,"
               " position_intent: buy_to_close}]}\n  - await_fill: {order: exit, timeout: 30s}\n",
               head=f"symbols: [{LONG}, {SHORT}]"),
          "tape: {AAPL: [[0s, 270, 269.99, 270.01]],"
          f" {LONG}: [[0s, 6.65, 6.60, 6.70]], {SHORT}: [[0s, 3.85, 3.80, 3.90]]}}\n"),
    Scene("crypto", "a fraction of a coin, bought for an amount and sold",
          plan("  - id: entry\n    submit_order: {symbol: BTC/USD, side: buy, notional: 500,"
               " time_in_force: gtc}\n  - await_fill: {order: entry, timeout: 60s}\n"
               "  - id: exit\n    close_position: {symbol: BTC/USD}\n"
               "  - await_fill: {order: exit, timeout: 60s}\n", head="symbols: [BTC/USD]")),
    Scene("notional-and-trailing", "shares for an amount, and a trailing stop that is kept",
          plan("  - id: part\n    submit_order: {symbol: MSFT, side: buy, notional: 500}\n"
               "  - await_fill: {order: part, timeout: 60s}\n" + BUY + FILL +
               "  - id: trail\n    submit_order: {symbol: AAPL, side: sell, qty: 2,"
               " type: trailing_stop, trail_percent: 2%, time_in_force: gtc}\n",
               head="symbols: [AAPL, MSFT]"), STILL),
    Scene("flow", "a step that may fail, one that is skipped, and waits",
          plan("  - id: quote\n    get_quote: {symbol: AAPL}\n"
               "  - on_error: continue\n    assert: steps.quote.bid > 1000\n"
               "  - when: steps.quote.bid > 1000\n    submit_order: {symbol: AAPL, side: buy,"
               " qty: 1}\n  - wait: {for: 30s}\n  - wait:\n      until: polled.bid >= 195\n"
               "      poll: {get_quote: {symbol: AAPL}}\n      every: 3m\n"
               "      give_up_after: 20m\n  - notify: the price was ${steps.quote.bid}\n"),
          "tape: {AAPL: [[0s, 190.00], [10m, 196.00]]}\n"),
    Scene("day-trading-rule", "an account of before June 2026, with its day trades counted",
          plan("  - assert_no_pdt_risk: {max_day_trades: 1}\n" + BUY + FILL + CLOSE),
          STILL + "regime: legacy_pdt\ncash: 18000\ndaytrade_count: 0\n"),
)  # fmt: skip
