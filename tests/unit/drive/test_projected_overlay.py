"""What an overlay says of things that a plan has not touched is what the target said of them."""

from __future__ import annotations

from unit.drive.recorded_account import ACCOUNT, ASSET, NOW, ORDER, POSITION, RecordedAccount

from runner.drive.overlay import Overlay
from runner.drive.readings import Readings
from runner.effects import (
    Cancel,
    ReadAccount,
    ReadOpenOrders,
    ReadOrder,
    ReadPosition,
    ReadPositions,
    Status,
    Submit,
)

MSFT = {**POSITION, "symbol": "MSFT", "asset_id": "another", "an_unknown_key": "kept"}
THEIRS = {**ORDER, "symbol": "MSFT", "an_unknown_key": "kept"}
BUY = {
    "symbol": "AAPL",
    "side": "buy",
    "type": "market",
    "time_in_force": "day",
    "qty": "1",
    "client_order_id": "ours",
}


def overlay_after_a_buy() -> Overlay:
    broker = RecordedAccount(
        read_positions={"positions": [POSITION, MSFT]}, read_open_orders={"orders": [THEIRS]}
    )
    overlay = Overlay(Readings(broker), NOW)
    assert overlay.write(Submit("ours", BUY)).status is Status.OK
    return overlay


def test_before_anything_is_written_everything_is_the_targets() -> None:
    overlay = Overlay(Readings(RecordedAccount()), NOW)
    assert not overlay.changed
    assert overlay.read(ReadAccount()).data is ACCOUNT


def test_an_untouched_position_and_order_stay_to_the_key() -> None:
    overlay = overlay_after_a_buy()
    overlay.advance(NOW.replace(second=5))
    assert overlay.read(ReadPosition("MSFT")).data == MSFT
    orders = overlay.read(ReadOpenOrders(("MSFT",))).data["orders"]
    assert orders == [THEIRS]
    assert overlay.read(ReadOrder(str(THEIRS["id"]))).data == THEIRS


def test_a_touched_position_moves_and_keeps_what_only_the_broker_knows() -> None:
    overlay = overlay_after_a_buy()
    overlay.advance(NOW.replace(second=5))
    found = overlay.read(ReadPosition("AAPL")).data
    assert found["qty"] == found["qty_available"] == "21"
    assert (found["asset_id"], found["lastday_price"]) == (ASSET["id"], "180")
    rows = overlay.read(ReadPositions()).data["positions"]
    assert isinstance(rows, list)
    assert len(rows) == 2


def test_an_order_that_is_cancelled_keeps_all_but_what_that_changes() -> None:
    overlay = overlay_after_a_buy()
    assert overlay.write(Cancel(str(THEIRS["id"]))).status is Status.OK
    overlay.advance(NOW.replace(second=5))
    found = overlay.read(ReadOrder(str(THEIRS["id"]))).data
    assert found["status"] == "canceled"
    changed = {key for key, one in found.items() if one != THEIRS.get(key)}
    assert {"status", "canceled_at", "updated_at"} <= changed
    assert found["an_unknown_key"] == "kept"
    assert found["created_at"] == THEIRS["created_at"]
    assert overlay.read(ReadOpenOrders()).data["orders"] == []


def test_the_account_keeps_every_key_that_trading_does_not_move() -> None:
    overlay = overlay_after_a_buy()
    overlay.advance(NOW.replace(second=5))
    found = overlay.read(ReadAccount()).data
    assert set(found) == set(ACCOUNT)
    for key in ("id", "accrued_fees", "last_equity", "options_trading_level", "balance_asof"):
        assert found[key] == ACCOUNT[key]


def test_a_write_that_is_refused_changes_nothing_that_is_read() -> None:
    overlay = Overlay(Readings(RecordedAccount()), NOW)
    answer = overlay.write(Submit("ours", {**BUY, "qty": "1.5", "time_in_force": "gtc"}))
    assert answer.status is Status.REFUSED
    assert overlay.read(ReadAccount()).data == ACCOUNT
    assert overlay.read(ReadOpenOrders()).data["orders"] == []
