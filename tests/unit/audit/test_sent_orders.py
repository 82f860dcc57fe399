"""A run's orders and fills are read from its log, and nothing is made up."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from unit.audit.order_story import Told, shown

from runner.audit.log import read_log
from runner.audit.sent import Fill, Sent


def read(told: Told, directory: Path) -> tuple[Sent, list[Fill]]:
    sent, fills = Sent(), list[Fill]()
    for record in read_log(told.write(directory)).records:
        fills += sent.see(record)
    return sent, fills


def test_each_growth_of_a_fill_has_its_own_price(tmp_path: Path) -> None:
    told = Told()
    told.submit("a", data=shown("a"))
    told.read(shown("a", status="partially_filled", filled_qty="4", filled_avg_price="100.10"))
    told.read(shown("a", status="partially_filled", filled_qty="4", filled_avg_price="100.10"))
    told.read(shown("a", status="filled", filled_qty="10", filled_avg_price="100.25"))
    sent, fills = read(told, tmp_path)
    assert [(one.qty, one.dollars, one.price) for one in fills] == [
        (Decimal(4), Decimal("400.40"), Decimal("100.1")),
        (Decimal(6), Decimal("602.10"), Decimal("100.35")),
    ]
    assert sent.orders["a"].dollars == Decimal("1002.50")
    assert not sent.orders["a"].may_be_live


def test_a_fill_without_a_price_is_worth_nothing_that_can_be_told(tmp_path: Path) -> None:
    told = Told()
    told.submit("a", data=shown("a", status="filled", filled_qty="10"))
    sent, fills = read(told, tmp_path)
    assert (fills[0].qty, fills[0].dollars, fills[0].price) == (Decimal(10), None, None)
    assert sent.orders["a"].dollars is None


def test_an_option_contract_is_for_a_hundred_shares(tmp_path: Path) -> None:
    told = Told()
    option = {"symbol": "AAPL261218C00200000", "filled_qty": "2", "filled_avg_price": "1.50"}
    told.submit("a", data=shown("a", **option))
    _, fills = read(told, tmp_path)
    assert (fills[0].dollars, fills[0].price) == (Decimal(300), Decimal("1.5"))


def test_orders_of_others_are_not_counted(tmp_path: Path) -> None:
    told = Told()
    told.submit("a", data=shown("a"))
    other = shown("theirs", filled_qty="7", filled_avg_price="1")
    told.effect({"effect": "read_open_orders"}, data={"orders": [other, shown("a")]})
    sent, fills = read(told, tmp_path)
    assert list(sent.orders) == ["a"]
    assert not fills


def test_legs_are_rows_of_their_own(tmp_path: Path) -> None:
    told = Told()
    leg = shown("leg-by-the-broker", side="sell", status="held")
    told.submit("a", data=shown("a", legs=[leg]))
    filled = {**leg, "status": "filled", "filled_qty": "10", "filled_avg_price": "99"}
    told.read(shown("a", status="filled", filled_qty="10", filled_avg_price="100", legs=[filled]))
    sent, fills = read(told, tmp_path)
    assert sent.orders["leg-by-the-broker"].leg_of == "a"
    assert [one.order.client_order_id for one in fills] == ["a", "leg-by-the-broker"]


def test_a_multi_leg_order_fills_in_its_legs_alone(tmp_path: Path) -> None:
    told = Told()
    leg = shown("leg", filled_qty="1", filled_avg_price="2", symbol="AAPL261218C00200000")
    combo = shown("a", filled_qty="1", filled_avg_price="2", symbol="", legs=[leg])
    told.effect(
        {"effect": "submit", "client_order_id": "a", "body": {"order_class": "mleg"}}, data=combo
    )
    sent, fills = read(told, tmp_path)
    assert [one.order.client_order_id for one in fills] == ["leg"]
    assert (sent.orders["a"].dollars, sent.orders["leg"].dollars) == (None, Decimal(200))


def test_a_changed_order_goes_on_as_another_row(tmp_path: Path) -> None:
    told = Told()
    told.submit("a", data=shown("a"))
    change = {"effect": "replace", "order_id": "id-of-a", "client_order_id": "b",
              "body": {"limit_price": "101"}}  # fmt: skip
    told.effect(change, data=shown("b", limit_price="101", replaces="id-of-a"))
    told.read(shown("a", status="replaced", replaced_by="id-of-b"))
    sent, _ = read(told, tmp_path)
    assert [(one.client_order_id, one.status) for one in sent.orders.values()] == [
        ("a", "replaced"),
        ("b", "new"),
    ]
    assert sent.orders["b"].terms["qty"] == "10"
    assert [one.client_order_id for one in sent.orders.values() if one.may_be_live] == ["b"]


def test_an_order_that_was_found_again_is_not_unknown_any_more(tmp_path: Path) -> None:
    told = Told()
    told.submit("a", "unknown", problem={"reason": "timeout", "message": "no answer"})
    told.effect({"effect": "read_order_by_client_id"}, data=shown("a"))
    sent, _ = read(told, tmp_path)
    assert (sent.orders["a"].status, sent.orders["a"].reason) == ("new", "")


def test_what_became_of_an_order_without_an_answer_is_not_guessed(tmp_path: Path) -> None:
    told = Told()
    told.submit("refused", "refused", problem={"reason": "buying_power", "message": "no"})
    told.submit("unknown", "unknown", problem={"reason": "timeout", "message": "no answer"})
    told.submit("stopped", "not_performed", interrupt="SIGINT")
    told.n += 1
    told.script.append(told.script[-2])  # an intent that the log ends with
    sent, _ = read(told, tmp_path)
    status = {one.client_order_id: (one.status, one.reason) for one in sent.orders.values()}
    assert status == {
        "refused": ("refused", "buying_power"),
        "unknown": ("unknown", "timeout"),
        "stopped": ("not_sent", ""),
    }
    live = [one.client_order_id for one in sent.orders.values() if one.may_be_live]
    assert live == ["unknown"]
