"""The orders of a run as its views know them, through changes."""

from __future__ import annotations

from runner.report.run_orders import SentOrders

BODY = {"symbol": "AAPL", "side": "buy", "qty": "5", "type": "limit", "limit_price": "99"}
OLD = {**BODY, "id": "one", "client_order_id": "mine", "status": "replaced", "filled_qty": "0"}
NEW = {**OLD, "id": "two", "client_order_id": "mine-2", "status": "new", "replaces": "one"}


def test_an_order_goes_on_as_the_one_that_replaced_it() -> None:
    orders = SentOrders()
    orders.send("mine", BODY)
    for reading in ({**OLD, "status": "new"}, NEW, OLD):
        orders.fold(reading)
    known = orders.known_as("two")
    assert known is not None
    assert (known.client_order_id, known.state) == ("mine", "new, 0 of 5 filled")


def test_an_order_whose_replacement_was_rejected_is_the_order_again() -> None:
    orders = SentOrders()
    orders.send("mine", BODY)
    for reading in ({**OLD, "status": "new"}, NEW, {**NEW, "status": "rejected"}):
        orders.fold(reading)
    orders.fold({**OLD, "status": "filled", "filled_qty": "5"})
    known = orders.known_as("one")
    assert known is not None
    assert not known.working
