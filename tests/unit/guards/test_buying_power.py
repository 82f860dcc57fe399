"""Buying power: which number of the account an order is measured by, and what it needs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from unit.guards.guard_sample import OPTION, D, asked, bounds, draft, quoted, verdicts, world
from unit.machine.scripted import ACCOUNT, ASSET

from runner.guards import Draft, Judged, Verdict, judge
from runner.world import World

PUT = "AAPL261218P00200000"


def account(**power: str | None) -> dict[str, Any]:
    fields = {"buying_power": None, "options_buying_power": None,
              "non_marginable_buying_power": None}  # fmt: skip
    return {**ACCOUNT, **fields, **power}


def needs(order: Draft, field: str, amount: str, **more: Any) -> None:
    """An order passes with exactly so much buying power, and not with a cent less."""
    asset = more.pop("asset", ASSET)
    enough = world(account=account(**{field: amount}), asset=asset, **more)
    short = f"{D(amount) - D('0.01'):f}"
    assert asked("buying_power", order, enough) == "pass"
    less = world(account=account(**{field: short}), asset=asset, **more)
    assert asked("buying_power", order, less) == "refuse"


@pytest.mark.parametrize(
    ("order", "amount"),
    [
        (draft("buy", qty="10"), "1040.104"),
        (draft("buy", qty="10", type="limit", limit_price="100"), "1000"),
        (draft("buy", notional="500"), "500"),
        (draft("sell", qty="10"), "1030.103"),
        (draft("sell", qty="10", type="limit", limit_price="90"), "1030.103"),
        (draft("sell", qty="10", type="limit", limit_price="110"), "1100"),
    ],
)
def test_an_order_needs_what_the_broker_reserves_for_it(order: Draft, amount: str) -> None:
    needs(order, "buying_power", amount)


def test_what_cannot_be_bought_on_margin_needs_cash() -> None:
    order = draft("buy", qty="10", type="limit", limit_price="100")
    for marginable in (False, None):
        asset = {**ASSET, "marginable": marginable}
        needs(order, "non_marginable_buying_power", "1000", asset=asset)


def test_crypto_and_options_have_buying_power_of_their_own() -> None:
    crypto = draft("buy", "BTC/USD", qty="1", type="limit", limit_price="100")
    needs(crypto, "non_marginable_buying_power", "100")
    option = draft("buy", OPTION, qty="2", type="limit", limit_price="1.50")
    needs(option, "options_buying_power", "300")
    put = draft("sell", PUT, qty="2", type="limit", limit_price="1.50")
    needs(put, "options_buying_power", "40000")
    call = draft("sell", OPTION, qty="2", type="limit", limit_price="1.50")
    assert asked("buying_power", call, world(account=account(options_buying_power="0"))) == "pass"


@pytest.mark.parametrize("order", [draft("buy"), draft("sell")])
def test_what_the_broker_does_not_say_refuses(order: Draft) -> None:
    assert asked("buying_power", order, world(account=account())) == "refuse"
    assert asked("buying_power", order, world(quote=None)) == "refuse"


def test_what_is_reserved_for_the_order_it_replaces_is_free_for_it() -> None:
    resting = {"id": "1", "symbol": "AAPL", "side": "buy", "qty": "10", "filled_qty": "4",
               "limit_price": "99", "status": "new"}  # fmt: skip
    seen = world(account=account(buying_power="6"), open_orders=[resting])
    order = draft("buy", qty="6", type="limit", limit_price="100")
    assert asked("buying_power", order, seen) == "refuse"
    assert asked("buying_power", replace(order, instead=seen.open_orders), seen) == "pass"


# ------------------------------------------------------------------------ the steps to come

ORDER = draft("buy", qty="10", type="limit", limit_price="100")


def test_opening_orders_of_later_steps_must_be_covered_too() -> None:
    later = (draft("buy", qty="5"), draft("buy", "MSFT", qty="2", limit_price="50"))
    for power, said in (("1620.052", "pass"), ("1620.05", "refuse")):
        seen = world(account=account(buying_power=power))
        assert asked("buying_power", ORDER, seen, later=later) == said


def test_what_cannot_be_told_of_later_steps_is_said_and_stops_nothing() -> None:
    later = (draft("buy", "MSFT", qty="5"), draft("buy", OPTION, qty="1", limit_price="1"))
    seen = world(account=account(buying_power="1000"))
    verdict = verdicts(ORDER, seen, later=later, untold=1)["buying_power"]
    assert (verdict.verdict, verdict.values["later_untold"]) == ("pass", "3")
    assert "what 3 later steps need cannot be told yet" in verdict.message


# ------------------------------------------------------------------------ several legs


def leg(side: str, symbol: str, qty: str = "1", bid: str = "1.00", ask: str = "1.02") -> Any:
    quote = {**quoted(bid, ask, feed="opra"), "symbol": symbol}
    return Draft(symbol, side, {"qty": qty}), world(quote=quote)


def spread(*legs: tuple[Draft, World], power: str, **body: str) -> Verdict:
    fields = {"qty": "1", "type": "limit", "order_class": "mleg", **body}
    order = Draft("", "", fields, tuple(one for one, _ in legs))
    funds = world(account=account(options_buying_power=power)).account
    parts = [Judged(one, replace(seen, account=funds), bounds()) for one, seen in legs]
    (found,) = [one for one in judge(order, parts) if one.guard == "buying_power"]
    return found


def option(kind: str, strike: int, expires: str = "261218") -> str:
    return f"AAPL{expires}{kind}{strike * 1000:08d}"


@pytest.mark.parametrize(
    ("legs", "price", "amount"),
    [
        # a debit spread costs its debit
        ([leg("buy", option("C", 200)), leg("sell", option("C", 210))], "4.00", "400"),
        # a credit spread the distance of its strikes less the credit
        ([leg("sell", option("P", 200)), leg("buy", option("P", 190))], "-3.00", "700"),
        # an iron condor loses on one side only
        ([leg("sell", option("P", 200)), leg("buy", option("P", 190)),
          leg("sell", option("C", 220)), leg("buy", option("C", 230))], "-4.00", "600"),
        # a straddle that is bought costs its premium
        ([leg("buy", option("P", 200)), leg("buy", option("C", 200))], "9.00", "900"),
        # a put that is sold is secured by its strike
        ([leg("sell", option("P", 200)), leg("buy", option("C", 300))], "-1.00", "19900"),
        # a calendar: the bought one lives longer
        ([leg("sell", option("C", 200)), leg("buy", option("C", 200, "270115"))], "2.00", "200"),
        # two for one
        ([leg("sell", option("P", 200), "2"), leg("buy", option("P", 190), "2")], "-3.00", "1700"),
    ],
)  # fmt: skip
def test_several_legs_need_what_they_can_lose(legs: Any, price: str, amount: str) -> None:
    exact = spread(*legs, power=amount, limit_price=price)
    assert exact.verdict == "pass", exact.message
    less = f"{Decimal(amount) - Decimal('0.01'):f}"
    assert spread(*legs, power=less, limit_price=price).refused


@pytest.mark.parametrize(
    "legs",
    [
        [leg("sell", option("C", 200)), leg("buy", option("P", 200))],
        # the bought one ends before the sold one does
        [leg("sell", option("C", 200, "270115")), leg("buy", option("C", 190))],
        [leg("sell", option("C", 200), "2"), leg("buy", option("C", 190))],
    ],
)
def test_a_loss_without_a_bound_refuses(legs: Any) -> None:
    assert spread(*legs, power="1000000", limit_price="1.00").refused


def test_a_spread_at_the_market_needs_quotes_of_all_its_legs() -> None:
    bought, sold = leg("buy", option("C", 200), bid="5", ask="5.1"), leg("sell", option("C", 210))
    assert spread(bought, sold, power="410", type="market").verdict == "pass"
    assert spread(bought, sold, power="409", type="market").refused
    assert spread(bought, (sold[0], world(quote=None)), power="10000", type="market").refused
