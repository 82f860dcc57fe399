"""What holds after any sequence of orders, cancels and jumps; and that it is repeatable."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from runner.sim import Exchange, Request, default_scenario
from runner.sim.activities import Fill
from runner.sim.faults_reader import read_faults
from runner.sim.orders import TERMINAL, TRANSITIONS, Order
from runner.sim.wire import encode

KEYS = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}
SYMBOLS = ("AAPL", "PENY", "TSLA")
TROUBLES = read_faults(
    [
        {"fault": "interrupt", "to": "suspended", "time": "30s", "chance": "20%"},
        {"fault": "interrupt", "to": "done_for_day", "chance": "20%"},
        {"fault": "interrupt", "to": "stopped", "chance": "20%"},
        {"fault": "fill_on_cancel", "part": "50%", "chance": "20%"},
        {"fault": "stuck_cancel", "time": "1m", "chance": "20%"},
        {"fault": "late_reject", "time": "1s", "chance": "5%"},
    ],
    "faults",
)

submits = st.tuples(
    st.just("submit"),
    st.sampled_from(SYMBOLS),
    st.sampled_from(["buy", "sell"]),
    st.sampled_from(["market", "limit", "stop", "stop_limit", "trailing_stop"]),
    st.sampled_from(["day", "gtc", "opg", "cls", "ioc", "fok"]),
    st.sampled_from(["1", "7", "100", "0.5", "$50"]),
    st.integers(-40, 40),
    st.booleans(),
)
groups = st.tuples(
    st.just("group"),
    st.sampled_from(SYMBOLS),
    st.sampled_from(["buy", "sell"]),
    st.sampled_from(["market", "limit"]),
    st.sampled_from(["day", "gtc"]),
    st.sampled_from(["bracket", "oco", "oto"]),
    st.sampled_from(["7", "100"]),
    st.integers(1, 20),
)
replaces = st.tuples(
    st.just("replace"),
    st.integers(0, 30),
    st.sampled_from(["limit_price", "stop_price", "trail", "qty", "time_in_force"]),
    st.integers(-20, 20),
)
cancels = st.tuples(st.just("cancel"), st.integers(0, 30))
jumps = st.tuples(
    st.just("jump"),
    st.one_of(
        st.integers(1, 500).map(lambda n: timedelta(milliseconds=n)),
        st.integers(1, 7200).map(lambda n: timedelta(seconds=n)),
        st.integers(1, 40).map(lambda n: timedelta(hours=n)),
    ),
)
actions = st.lists(
    st.one_of(submits, submits, groups, replaces, cancels, jumps), min_size=1, max_size=25
)


class Session:
    """Plays actions against one exchange and keeps what was answered."""

    def __init__(self, seed: int) -> None:
        self.exchange = Exchange(
            default_scenario(
                seed=seed,
                partial_fills=Decimal("0.5"),
                rate_limit=None,
                faults=TROUBLES if seed > 1 else (),
            )
        )
        self.at: datetime = self.exchange.now
        self.ids: list[str] = []
        self.answers: list[bytes] = []

    def send(self, method: str, path: str, body: Any = None) -> Any:
        self.at += timedelta(milliseconds=3)
        content = b"" if body is None else json.dumps(body).encode()
        answer = self.exchange.apply(Request(method, f"/v2/{path}", {}, KEYS, content), self.at)
        assert answer.status < 500
        self.answers.append(encode([answer.status, answer.body, dict(answer.headers)]))
        return answer

    def play(self, action: tuple[Any, ...]) -> None:
        kind, *rest = action
        if kind == "submit":
            answer = self.send("POST", "orders", self.order(rest))
            self.note(answer)
        elif kind == "group":
            self.note(self.send("POST", "orders", self.group(rest)))
        elif kind == "replace" and self.ids:
            self.note(self.send("PATCH", f"orders/{self.pick(rest[0])}", self.change(rest)))
        elif kind == "cancel" and self.ids:
            self.send("DELETE", f"orders/{self.pick(rest[0])}")
        elif kind == "jump":
            self.at += rest[0]
            self.exchange.advance(self.at)

    def note(self, answer: Any) -> None:
        if answer.status == 200:
            legs = answer.body["legs"] or []
            self.ids += [order["id"] for order in (answer.body, *legs)]

    def pick(self, number: int) -> str:
        return self.ids[number % len(self.ids)]

    def price(self, symbol: str, ticks: int) -> str:
        last = self.exchange.tape.last(symbol, self.exchange.now)
        step = Decimal("0.05") if last >= 1 else Decimal("0.0005")
        return str(max(last + ticks * step, step))

    def group(self, drawn: list[Any]) -> dict[str, Any]:
        symbol, side, kind, tif, order_class, size, ticks = drawn
        up = ticks if (side == "buy") != (order_class == "oco") else -ticks
        body = {
            "symbol": symbol,
            "side": side,
            "type": "limit" if order_class == "oco" else kind,
            "time_in_force": tif,
            "qty": size,
            "order_class": order_class,
            "take_profit": {"limit_price": self.price(symbol, up)},
            "stop_loss": {"stop_price": self.price(symbol, -up)},
        }
        if kind == "limit":
            body["limit_price"] = self.price(symbol, 0)
        if order_class == "oto":
            del body["take_profit" if ticks % 2 else "stop_loss"]
        return body

    def change(self, drawn: list[Any]) -> dict[str, Any]:
        number, name, ticks = drawn
        if name == "time_in_force":
            return {name: "gtc" if ticks > 0 else "day"}
        if name in ("qty", "trail"):
            return {name: str(1 + abs(ticks))}
        order = self.exchange.book.find(self.pick(number))
        assert order is not None
        return {name: self.price(order.asset.symbol, ticks)}

    def order(self, drawn: list[Any]) -> dict[str, Any]:
        symbol, side, kind, tif, size, ticks, extended = drawn
        price = self.price(symbol, ticks)
        body = {"symbol": symbol, "side": side, "type": kind, "time_in_force": tif}
        body |= {"notional": size[1:]} if size.startswith("$") else {"qty": size}
        if kind in ("limit", "stop_limit"):
            body["limit_price"] = price
        if kind in ("stop", "stop_limit"):
            body["stop_price"] = price
        if kind == "trailing_stop":
            body["trail_percent"] = str(1 + abs(ticks) % 5)
        return body | ({"extended_hours": "true"} if extended else {})


def check(session: Session, before: dict[str, tuple[str, Decimal]]) -> None:
    exchange = session.exchange
    book, orders = exchange.book, list(exchange.book.oldest_first())
    shares = dict.fromkeys(SYMBOLS, Decimal(0))
    cash = exchange.scenario.cash
    for fill in exchange.activities:
        assert isinstance(fill, Fill)
        order = book.find(fill.order_id)
        assert order is not None
        ticket = order.ticket
        signed = fill.qty if ticket.side == "buy" else -fill.qty
        shares[fill.symbol] += signed
        cash -= (signed * fill.price).quantize(Decimal("0.01"))
        if ticket.limit_price is not None:
            assert (fill.price - ticket.limit_price) * (1 if signed > 0 else -1) <= 0
    assert exchange.account.cash == cash
    assert {symbol: exchange.positions.qty(symbol) for symbol in SYMBOLS} == shares
    assert book.reserved == sum((order.reserved for order in orders), Decimal(0))
    for order in orders:
        assert order.reserved >= 0
        assert order.held >= 0
        assert order.open or not (order.reserved or order.held)
        assert order.ticket.qty is None or order.filled_qty <= order.ticket.qty
        status, filled = before.get(order.id, (order.status, Decimal(0)))
        assert order.filled_qty >= filled
        assert status not in TERMINAL or order.status == status
        if status != order.status:
            assert order.status in reachable(status)
        check_group(order)
        check_replacement(exchange, order)
    for symbol in SYMBOLS:
        for side in ("buy", "sell"):
            working = book.working(symbol, side)
            held = sum((order.held for order in working), Decimal(0))
            assert book.held(symbol, side) == held


def check_group(order: Order) -> None:
    if order.parent is not None:
        assert (
            order in order.parent.legs or order.status in ("replaced", "rejected") or order.replaces
        )
        assert order.ticket.order_class == order.parent.ticket.order_class
        return
    if order.ticket.order_class in ("bracket", "oto") and order.legs:
        live = [leg for leg in order.legs if leg.status not in (*TERMINAL, "held")]
        assert (
            not live
            or order.status == "filled"
            or all(leg.status in ("pending_cancel", "pending_replace") for leg in live)
        )
        exits = order.legs
    else:
        exits = order.family() if order.ticket.order_class == "oco" else []
    # Whichever exit trades, together they close no more than the group is for.
    if exits and order.ticket.qty is not None:
        assert sum(leg.filled_qty for leg in exits) <= max(leg.ticket.qty or 0 for leg in exits)
        assert sum(bool(leg.held) for leg in exits if leg.open) <= 1


def check_replacement(exchange: Exchange, order: Order) -> None:
    if order.replaced_by is not None:
        following = exchange.book.find(order.replaced_by)
        assert following is not None
        assert following.replaces == order.id
    assert (order.status == "replaced") == (order.replaced_by is not None)
    if order.status == "pending_replace":
        waiting = [o for o in exchange.book.open_orders() if o.replaces == order.id]
        assert len(waiting) == 1


def reachable(status: str) -> set[str]:
    found: set[str] = set()
    ahead = [status]
    while ahead:
        for following in TRANSITIONS[ahead.pop()] - found:
            found.add(following)
            ahead.append(following)
    return found


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 3), played=actions)
def test_any_sequence_keeps_the_invariants(seed: int, played: list[tuple[Any, ...]]) -> None:
    session = Session(seed)
    for action in played:
        before = {
            order.id: (order.status, order.filled_qty)
            for order in session.exchange.book.oldest_first()
        }
        session.play(action)
        check(session, before)
    account = session.exchange.account.body(
        session.exchange.margin(), session.exchange.book.reserved, 0
    )
    assert Decimal(account["buying_power"]) >= 0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 3), played=actions, peeks=st.lists(st.booleans(), max_size=25))
def test_the_same_requests_give_the_same_bytes_however_time_is_cut(
    seed: int, played: list[tuple[Any, ...]], peeks: list[bool]
) -> None:
    first, second = Session(seed), Session(seed)
    for number, action in enumerate(played):
        first.play(action)
        if number < len(peeks) and peeks[number]:
            # Looking for the next event, and stopping there on the way, changes nothing.
            event = second.exchange.next_event_at(second.at + timedelta(days=2))
            if event is not None and action[0] == "jump":
                second.exchange.advance(min(event, second.at + action[1]))
        second.play(action)
    assert second.answers == first.answers
    for path in ("orders?status=all", "account", "positions", "account/activities"):
        assert first.send("GET", path.partition("?")[0]).body == (
            second.send("GET", path.partition("?")[0]).body
        )


def test_another_seed_gives_other_ids_and_prices(broker: Callable[..., Any]) -> None:
    one, two = broker(seed=1).filled(symbol="AAPL"), broker(seed=2).filled(symbol="AAPL")
    assert one["id"] != two["id"]
    later = [broker(seed=seed) for seed in (1, 2)]
    for desk in later:
        desk.wait(600)
    prices = [desk.ask("stocks/AAPL/trades/latest")["trade"]["p"] for desk in later]
    assert prices[0] != prices[1]
