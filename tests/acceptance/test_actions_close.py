"""`close_position`, `cancel_order` and `cancel_all` of a run that is alone with its account."""

from __future__ import annotations

from decimal import Decimal

import pytest
from acceptance.harness import SHORTING, RunPlan, plan_of

AT_100 = "tape: {AAPL: [[0s, 100, 99.99, 100.01]], F: [[0s, 12, 11.99, 12.01]]}"
HELD = "positions: {AAPL: {qty: 7, avg_entry_price: 90}}"
SHORT = "positions: {AAPL: {qty: -7, avg_entry_price: 90}}"
BUY = "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 5}}"
FILL = "await_fill: {order: entry, timeout: 10s}"
OUT = "{id: out, await_fill: {order: exit, timeout: 8h}}"
LOW = "submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, limit_price: 80}"


def steps(*lines: str, head: str = "symbols: [AAPL, F]", tail: str = "") -> str:
    return plan_of("\n".join(f"  - {line}" for line in lines), head=head, tail=tail)


def close(more: str = "") -> str:
    return f"{{id: exit, close_position: {{symbol: AAPL{more}}}}}"


def left(qty: str) -> str:
    return f"check_position: {{symbol: AAPL, qty: {qty}}}"


# ------------------------------------------------------------------------- close_position


@pytest.mark.parametrize(
    ("more", "scenario", "sold", "stays"),
    [
        ("", HELD, "5", "7"),
        (", scope: account", HELD, "12", "0"),
        (", qty: 2", HELD, "2", "10"),
        (", qty: 50", HELD, "5", "7"),  # a ceiling
        (", percent: 40%", HELD, "2", "10"),
        (", percent: 50%", HELD, "2", "10"),  # whole shares stay whole
        (", percent: 100%", HELD, "5", "7"),
        (", scope: account, percent: 50%", HELD, "6", "6"),
        (", scope: account, percent: 50%, qty: 4", HELD, "4", "8"),
        (", type: limit, limit_price: 99", HELD, "5", "7"),
        (", type: limit, limit_price: 99, time_in_force: gtc", HELD, "5", "7"),
        (", time_in_force: ioc", HELD, "5", "7"),
        (", time_in_force: cls", HELD, "5", "7"),
        ("", "", "5", "0"),
        (", scope: account", "", "5", "0"),
    ],
)
def test_it_closes_what_it_says_and_nothing_else(
    run_plan: RunPlan, more: str, scenario: str, sold: str, stays: str
) -> None:
    text = steps(BUY, FILL, close(more), OUT, left(stays))
    ended = run_plan(text, scenario=f"{AT_100}\n{scenario}")
    assert ended.exit_code == 0, ended.data["error"]
    entry, exit_ = ended.sent()
    assert (exit_["side"], float(exit_["qty"])) == ("sell", float(sold))
    assert exit_["position_intent"] == "sell_to_close"
    assert exit_["client_order_id"] != entry["client_order_id"]
    assert ended.outputs("exit")["qty"] == sold
    assert ended.sent("DELETE") == []


def test_a_short_is_covered(run_plan: RunPlan) -> None:
    short = BUY.replace("side: buy", "side: sell, position_intent: sell_to_open")
    text = steps(short, FILL, close(), OUT, left("-7"), close().replace("exit", "more"))
    ended = run_plan(text, scenario=f"{AT_100}\n{SHORT}", policy=SHORTING)
    assert ended.exit_code == 0
    assert (ended.sent()[1]["side"], ended.sent()[1]["position_intent"]) == ("buy", "buy_to_close")
    assert ended.outputs("more") == {"status": "none", "symbol": "AAPL", "qty": "0"}
    text = steps(close(", scope: account"), OUT, left("0"))
    assert run_plan(text, scenario=f"{AT_100}\n{SHORT}").exit_code == 0


@pytest.mark.parametrize(
    ("before", "scope"), [("", "account"), ("", "run"), (LOW, "run"), (LOW, "account")]
)
def test_nothing_held_is_nothing_to_close_and_no_order(
    run_plan: RunPlan, before: str, scope: str
) -> None:
    lines = [before] if before else []
    ended = run_plan(steps(*lines, close(f", scope: {scope}")), scenario=AT_100)
    assert ended.exit_code == 0
    assert ended.outputs("exit") == {"status": "none", "symbol": "AAPL", "qty": "0"}
    assert [one["status"] for one in ended.data["orders"]] == ["canceled"] * len(lines)


def test_a_part_that_rounds_to_no_share_closes_none(run_plan: RunPlan) -> None:
    text = steps(BUY, FILL, close(", percent: 10%"), left("5"))
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 0
    assert ended.outputs("exit") == {"status": "none", "symbol": "AAPL", "qty": "0"}


def test_another_holding_is_not_this_runs_to_close(run_plan: RunPlan) -> None:
    ended = run_plan(steps(close(), left("7")), scenario=f"{AT_100}\n{HELD}")
    assert (ended.exit_code, ended.sent()) == (0, [])


def test_a_close_that_cannot_fill_is_not_called_closed(run_plan: RunPlan) -> None:
    """Its order protects: the clean-up leaves it, and the last word says so."""
    text = steps(BUY, FILL, close(", type: limit, limit_price: 150"), OUT.replace("8h", "5s"),
                 tail="finally:\n  - {id: tidy, cancel_all: {}}")  # fmt: skip
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 6
    order = ended.data["orders"][1]
    assert order["status"] == "new"
    assert ended.data["open_orders"] == [order["client_order_id"]]
    assert ended.data["positions"] == [{"symbol": "AAPL", "run_qty": "5", "protected_qty": "5"}]
    assert ended.outputs("tidy") == {"canceled": "0", "kept": "1", "already_done": "0"}


def test_the_runs_own_orders_on_the_symbol_are_cancelled_before_it_closes(
    run_plan: RunPlan,
) -> None:
    """Each of them would hold the shares or be a wash trade; those of other symbols stay."""
    text = steps(
        BUY,
        FILL,
        "submit_order: {symbol: AAPL, side: sell, qty: 5, type: limit, limit_price: 120}",
        LOW,
        LOW.replace("AAPL", "F").replace("80", "8"),
        close(),
        OUT,
    )
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 0
    assert [one["status"] for one in ended.data["orders"]] == [
        "filled", "canceled", "canceled", "new", "filled",
    ]  # fmt: skip
    sent = [one.data for one in ended.records if one.type == "wire.request"]
    order = [one["method"] for one in sent if one["method"] in ("POST", "DELETE")]
    assert order == ["POST", "POST", "POST", "POST", "DELETE", "DELETE", "POST"]


@pytest.mark.parametrize("force", ["gtc", "opg", "ioc"])
def test_a_fraction_can_be_closed_whatever_the_default_time_in_force(
    run_plan: RunPlan, force: str
) -> None:
    text = steps(
        "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 1.5, time_in_force: day}}",
        FILL, close(", percent: 50%"), OUT, left("0.75"),
        head=f"symbols: [AAPL]\ndefaults: {{time_in_force: {force}}}",
    )  # fmt: skip
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 0, ended.data["error"]
    assert ended.sent()[1]["time_in_force"] == "day"


def test_a_notional_position_is_closed_to_the_last_fraction(run_plan: RunPlan) -> None:
    text = steps("{id: entry, submit_order: {symbol: AAPL, side: buy, notional: 123.45}}", FILL,
                 close(), OUT, left("0"))  # fmt: skip
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 0
    assert Decimal(ended.data["positions"][0]["run_qty"]) == 0


def test_limits_never_keep_a_run_in_its_position(run_plan: RunPlan) -> None:
    limits = "limits: {max_orders: 1, max_order_notional: 521, max_run_notional: 521}"
    rises = "tape: {AAPL: [[0s, 100, 99.99, 100.01], [60s, 200, 190, 210]]}"
    text = steps(BUY, FILL, "wait: {for: 2m}", close(), OUT, head=f"symbols: [AAPL]\n{limits}")
    ended = run_plan(text, scenario=rises)
    assert ended.exit_code == 0
    assert ended.outputs("out")["filled_avg_price"] == "190"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (", type: limit", "RB502"),
        (", limit_price: 99", "RB503"),
        (", percent: 101%", "RB203"),
        (", percent: 0%", "RB203"),
        (", qty: 0", "RB203"),
        (", extended_hours: true", "RB506"),
        (", type: limit, limit_price: 99.999", "RB501"),
    ],
)
def test_a_close_that_alpaca_forbids_is_found_before_the_run(
    run_plan: RunPlan, more: str, code: str
) -> None:
    ended = run_plan(steps(BUY, FILL, close(more)))
    assert (ended.exit_code, ended.log) == (3, None)
    assert code in ended.stderr


def test_an_extended_hours_close_trades_after_the_bell(run_plan: RunPlan) -> None:
    text = steps(close(", scope: account, type: limit, limit_price: 99, extended_hours: true"),
                 "await_fill: {order: exit, timeout: 10s}", left("0"))  # fmt: skip
    ended = run_plan(text, scenario=f"start: 2026-11-23 17:00\n{AT_100}\n{HELD}")
    assert ended.exit_code == 0


def test_closing_again_replaces_the_close_that_did_not_fill(run_plan: RunPlan) -> None:
    """Never both: the shares are sold once."""
    text = steps(BUY, FILL, close(", type: limit, limit_price: 150").replace("exit", "dear"),
                 "wait: {for: 5s}", close(), OUT, left("0"))  # fmt: skip
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 0
    assert [one["status"] for one in ended.data["orders"]] == ["filled", "canceled", "filled"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_failure_in_the_middle_of_a_fill_closes_exactly_what_was_filled(
    run_plan: RunPlan, seed: int
) -> None:
    text = steps(
        BUY.replace("qty: 5", "qty: 90"), "wait: {for: 1300ms}", "assert: 1 > 2",
        tail="on_failure:\n"
        f"  - {close()}\n  - {OUT}\n  - {left('7')}\n",
    )  # fmt: skip
    ended = run_plan(text, scenario=f"{AT_100}\n{HELD}\npartial_fills: 100%\nseed: {seed}")
    assert ended.exit_code == 5
    assert ended.step(-1)["status"] == "done"
    entry, exit_ = ended.data["orders"]
    assert (entry["status"], exit_["status"]) == ("canceled", "filled")
    assert 0 < int(exit_["filled_qty"]) == int(entry["filled_qty"]) < 90


# ------------------------------------------------------------------------- cancelling


def test_cancel_order_says_what_became_of_it(run_plan: RunPlan) -> None:
    text = steps(
        f"{{id: low, {LOW}}}", "{id: gone, cancel_order: {order: low}}",
        "{id: again, cancel_order: {order: low}}",
        BUY, FILL, "{id: late, cancel_order: {order: entry}}",
        "check_order: {order: low, status: canceled}",
    )  # fmt: skip
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 0
    assert ended.outputs("gone") == {"status": "canceled", "filled_qty": "0"}
    assert ended.outputs("again") == {"status": "canceled", "filled_qty": "0"}
    assert ended.outputs("late") == {"status": "filled", "filled_qty": "5"}
    assert len(ended.sent("DELETE")) == 1  # what is over is not cancelled again


def test_cancel_all_of_a_run_keeps_what_protects_unless_told_otherwise(run_plan: RunPlan) -> None:
    stop = "submit_order: {symbol: AAPL, side: sell, qty: 5, type: stop, stop_price: 90}"
    low = LOW.replace("AAPL", "F").replace("80", "8")
    text = steps(BUY, FILL, stop, low, "{id: tidy, cancel_all: {}}",
                 "{id: more, cancel_all: {protective: cancel}}",
                 "{id: done, cancel_all: {protective: cancel}}")  # fmt: skip
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 0
    assert ended.outputs("tidy") == {"canceled": "1", "kept": "1", "already_done": "0"}
    assert ended.outputs("more") == {"canceled": "1", "kept": "0", "already_done": "0"}
    assert ended.outputs("done") == {"canceled": "0", "kept": "0", "already_done": "0"}
    assert ended.data["open_orders"] == []


@pytest.mark.parametrize(("held", "kept"), [(SHORT, 1), (HELD, 0), ("", 0)])
def test_a_buy_protects_only_a_short(run_plan: RunPlan, held: str, kept: int) -> None:
    buy = "submit_order: {symbol: AAPL, side: buy, qty: 7, type: limit, limit_price: 90}"
    ended = run_plan(steps(buy, "{id: tidy, cancel_all: {}}"), scenario=f"{AT_100}\n{held}")
    tidy = ended.outputs("tidy")
    assert (tidy["kept"], tidy["canceled"]) == (str(kept), str(1 - kept))
