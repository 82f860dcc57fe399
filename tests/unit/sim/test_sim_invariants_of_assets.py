"""What holds after any sequence of crypto, option and multi-leg orders, exercises and jumps."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from runner.sim import Exchange, Holding, Request, default_scenario
from runner.sim.option_margin import uncovered_calls
from runner.sim.wire import encode

KEYS = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}
PAIRS = ("BTC/USD", "ETH/USD")
OPTIONS = tuple(
    f"AAPL{expires}{kind}00{strike}000"
    for expires in ("261127", "261204")
    for kind in "CP"
    for strike in (265, 270, 280)
)
sides = st.sampled_from(["buy", "sell"])
coins = st.tuples(
    st.just("coin"),
    st.sampled_from(PAIRS),
    sides,
    st.sampled_from(["market", "limit"]),
    st.sampled_from(["gtc", "ioc"]),
    st.sampled_from(["0.1", "0.01", "0.000123456789", "$200"]),
    st.integers(-30, 30),
)
contracts = st.tuples(
    st.just("contract"),
    st.sampled_from(OPTIONS),
    sides,
    st.sampled_from(["market", "limit"]),
    st.integers(1, 3),
    st.integers(-40, 40),
)
spreads = st.tuples(
    st.just("spread"),
    st.lists(st.tuples(st.sampled_from(OPTIONS), sides, st.integers(1, 2)), min_size=2, max_size=4),
    st.integers(1, 5),
    st.one_of(st.none(), st.integers(-900, 900)),
)
others = st.one_of(
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("replace"), st.integers(0, 20), st.integers(1, 2000)),
    st.tuples(st.just("exercise"), st.sampled_from(OPTIONS)),
    st.tuples(st.just("close"), st.sampled_from([*OPTIONS, "BTCUSD", "AAPL"])),
    st.tuples(st.just("shares"), sides, st.integers(1, 150)),
    st.tuples(st.just("jump"), st.integers(1, 300_000)),
    st.tuples(st.just("jump"), st.integers(1, 5)),
)
actions = st.lists(st.one_of(coins, contracts, spreads, others), min_size=1, max_size=20)


class Session:
    """Plays actions against one exchange and keeps what was answered."""

    def __init__(self, seed: int) -> None:
        held = (Holding("AAPL", Decimal(200), Decimal(250)),)
        self.exchange = Exchange(
            default_scenario(
                seed=seed, partial_fills=Decimal("0.4"), rate_limit=None, positions=held
            )
        )
        self.at = self.exchange.now
        self.ids: list[str] = []
        self.answers: list[bytes] = []

    def send(self, method: str, path: str, body: Any = None) -> Any:
        self.at += timedelta(milliseconds=3)
        content = b"" if body is None else json.dumps(body).encode()
        answer = self.exchange.apply(Request(method, f"/v2/{path}", {}, KEYS, content), self.at)
        assert answer.status < 500
        self.answers.append(encode([answer.status, answer.body]))
        if method in ("POST", "PATCH") and path.startswith("orders") and answer.status == 200:
            self.ids += [order["id"] for order in (answer.body, *(answer.body["legs"] or []))]
        return answer

    def play(self, action: tuple[Any, ...]) -> None:
        kind, *rest = action
        if kind == "coin":
            symbol, side, order_type, tif, size, ticks = rest
            body = {"symbol": symbol, "side": side, "type": order_type, "time_in_force": tif}
            body |= {"notional": size[1:]} if size.startswith("$") else {"qty": size}
            self.priced(body, ticks * 10)
        elif kind == "contract":
            symbol, side, order_type, number, ticks = rest
            body = {"symbol": symbol, "side": side, "type": order_type, "time_in_force": "day"}
            self.priced(body | {"qty": str(number)}, ticks)
        elif kind == "spread":
            self.spread(*rest)
        elif kind == "cancel" and self.ids:
            self.send("DELETE", f"orders/{self.pick(rest[0])}")
        elif kind == "replace" and self.ids:
            number = rest[1]
            other = {"qty": number % 7, "limit_price": str(Decimal(number - 900) / 100)}
            change = other if number % 2 else {"limit_price": str(number)}
            self.send("PATCH", f"orders/{self.pick(rest[0])}", change)
        elif kind == "exercise":
            self.send("POST", f"positions/{rest[0]}/exercise")
        elif kind == "close":
            self.send("DELETE", f"positions/{rest[0]}")
        elif kind == "shares":
            side, number = rest
            body = {"symbol": "AAPL", "side": side, "type": "market", "time_in_force": "day"}
            self.send("POST", "orders", body | {"qty": number})
        elif kind == "jump":
            self.at += timedelta(seconds=rest[0])
            self.exchange.advance(self.at)

    def pick(self, number: int) -> str:
        return self.ids[number % len(self.ids)]

    def priced(self, body: dict[str, Any], cents: int) -> None:
        if body["type"] == "limit":
            last = self.exchange.tape.last(body["symbol"], self.at)
            body["limit_price"] = str(max(last + Decimal(cents) / 100, Decimal("0.01")))
        self.send("POST", "orders", body)

    def spread(self, legs: list[tuple[str, str, int]], number: int, cents: int | None) -> None:
        body: dict[str, Any] = {
            "order_class": "mleg",
            "type": "market" if cents is None else "limit",
            "time_in_force": "day",
            "qty": number,
            "legs": [{"symbol": s, "side": side, "ratio_qty": n} for s, side, n in legs],
        }
        if cents is not None:
            body["limit_price"] = str(Decimal(cents) / 100)
        self.send("POST", "orders", body)


def check(session: Session) -> None:
    exchange = session.exchange
    shares: Counter[str] = Counter()
    cash = exchange.scenario.cash
    for activity in exchange.activities:
        qty, paid = activity.changes(exchange.find_asset(activity.symbol).size)
        shares[activity.symbol] += qty  # type: ignore[assignment]
        cash += paid
    shares["AAPL"] += Decimal(200)  # type: ignore[assignment]
    assert exchange.account.cash == cash
    assert {s: n for s, n in shares.items() if n} == {
        position.asset.symbol: position.qty for position in exchange.positions
    }
    for pair in PAIRS:
        assert exchange.positions.qty(pair) >= 0
    book, orders = exchange.book, list(exchange.book.oldest_first())
    assert book.reserved == sum((order.reserved for order in orders), Decimal(0))
    for order in orders:
        assert order.reserved >= 0
        assert order.held >= 0
        assert order.open or not (order.reserved or order.held)
        if order.ticket.legs:
            assert {leg.status for leg in order.legs} == {order.status}
            for leg in order.legs:
                assert leg.filled_qty == order.filled_qty * (leg.ticket.ratio or 0)
        side = order.ticket.side
        held = sum(o.held for o in book.working(order.asset.symbol, side))
        assert book.held(order.asset.symbol, side) == held
    account = exchange.account.body(exchange.margin(), book.reserved, 0)
    for name in ("buying_power", "options_buying_power", "non_marginable_buying_power"):
        assert Decimal(account[name]) >= 0
    if not any(order.asset.symbol == "AAPL" for order in orders):
        # Nobody sold the shares, and exercising only takes them for puts that were bought.
        legs = [(p.asset.contract, p.qty) for p in exchange.positions if p.asset.contract]
        assert uncovered_calls(legs) * 100 <= max(exchange.positions.qty("AAPL"), Decimal(200))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 3), played=actions)
def test_any_sequence_keeps_the_invariants(seed: int, played: list[tuple[Any, ...]]) -> None:
    session = Session(seed)
    for action in played:
        session.play(action)
        check(session)
    for path in ("account", "positions", "orders", "account/activities"):
        assert session.send("GET", path).status == 200


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 3), played=actions)
def test_the_same_requests_give_the_same_bytes_however_time_is_cut(
    seed: int, played: list[tuple[Any, ...]]
) -> None:
    first, second = Session(seed), Session(seed)
    for action in played:
        first.play(action)
        event = second.exchange.next_event_at(second.at + timedelta(days=2))
        if event is not None and action[0] == "jump":
            second.exchange.advance(min(event, second.at + timedelta(seconds=action[1])))
        second.play(action)
    assert second.answers == first.answers
