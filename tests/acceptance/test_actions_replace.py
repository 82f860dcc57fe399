"""`replace_order`: what is changed, what stays, and that no share is bought twice on the way."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from acceptance.harness import Ended, RunPlan, plan_of

AT_100 = "tape: {AAPL: [[0s, 100, 99.99, 100.01]]}"
FALLS_LATER = "tape: {AAPL: [[0s, 100, 99.99, 100.01], [30s, 97, 96.99, 97.01]]}"
REST = "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 10, type: limit, limit_price: 90}}"
MARKET = "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 10}}"
EXITS = "order_class: bracket, take_profit: 110.00, stop_loss: 95.00"
BRACKET = f"{{id: entry, submit_order: {{symbol: AAPL, side: buy, qty: 10, {EXITS}}}}}"
FILL = "{id: fill, await_fill: {order: entry, timeout: 60s}}"
LOOK = "{id: look, check_order: {order: entry}}"


def steps(*lines: str, head: str = "symbols: [AAPL]", tail: str = "") -> str:
    return plan_of("\n".join(f"  - {line}" for line in lines), head=head, tail=tail)


def change(what: str, order: str = "entry") -> str:
    return f"{{id: change, replace_order: {{order: {order}, {what}}}}}"


def faults(*lines: str, tape: str = AT_100) -> str:
    return f"{tape}\nfaults:\n" + "".join(f"  - {{{line}}}\n" for line in lines)


def statuses(ended: Ended) -> list[str]:
    return [str(one["status"]) for one in ended.data["orders"]]


def held(ended: Ended) -> dict[str, Any]:
    return next(dict(one) for one in ended.data["positions"] if one["symbol"] == "AAPL")


# ------------------------------------------------------------------------- what can be changed


@pytest.mark.parametrize(
    ("order", "what", "sent", "seen"),
    [
        ("type: limit, limit_price: 90", "limit_price: 91.50", {"limit_price": "91.50"},
         {"limit_price": "91.5", "qty": "10"}),
        ("type: limit, limit_price: 90", "qty: 4", {"qty": "4"}, {"qty": "4"}),
        ("type: limit, limit_price: 90", "time_in_force: gtc", {"time_in_force": "gtc"}, {}),
        ("type: stop, stop_price: 120", "stop_price: 121", {"stop_price": "121"},
         {"stop_price": "121"}),
        ("type: stop_limit, stop_price: 120, limit_price: 122",
         "stop_price: 121, limit_price: 123", {"stop_price": "121", "limit_price": "123"},
         {"stop_price": "121", "limit_price": "123"}),
        ("type: trailing_stop, trail_percent: 5%", "trail_percent: 6%", {"trail": "6"}, {}),
        ("type: trailing_stop, trail_price: 5", "trail_price: 6.50", {"trail": "6.50"}, {}),
    ],
)  # fmt: skip
def test_an_open_order_is_changed_in_one_request(
    run_plan: RunPlan, order: str, what: str, sent: dict[str, str], seen: dict[str, str]
) -> None:
    entry = f"{{id: entry, submit_order: {{symbol: AAPL, side: buy, qty: 10, {order}}}}}"
    ended = run_plan(steps(entry, change(what), LOOK), scenario=AT_100)
    assert ended.exit_code == 0
    (body,) = ended.sent("PATCH")
    (shown,) = ended.data["orders"]
    assert body == {**sent, "client_order_id": shown["client_order_id"]}
    assert len(ended.sent("POST")) == 1
    assert ended.outputs("change") == {
        **ended.outputs("change"), "status": "new", "filled_qty": "0", **seen
    }  # fmt: skip
    assert ended.outputs("look")["status"] == "new"
    assert ended.data["open_orders"] == [shown["client_order_id"]]


def test_a_changed_order_is_awaited_and_filled_under_its_new_price(run_plan: RunPlan) -> None:
    ended = run_plan(steps(REST, change("limit_price: 98"), FILL), scenario=FALLS_LATER)
    assert ended.exit_code == 0
    assert ended.outputs("fill")["filled_qty"] == "10"
    (shown,) = ended.data["orders"]
    assert (shown["status"], shown["filled_qty"], len(shown["replaces"])) == ("filled", "10", 1)
    assert held(ended)["run_qty"] == "10"


def test_an_order_changed_twice_is_still_one_order(run_plan: RunPlan) -> None:
    again = "replace_order: {order: entry, limit_price: 92}"
    ended = run_plan(steps(REST, change("limit_price: 91"), again), scenario=AT_100)
    (shown,) = ended.data["orders"]
    assert (shown["limit_price"], len(shown["replaces"])) == ("92", 2)
    assert len(ended.sent("PATCH")) == 2


def test_what_already_is_as_it_shall_be_is_not_sent(run_plan: RunPlan) -> None:
    ended = run_plan(steps(REST, change("limit_price: 90.00, qty: 10")), scenario=AT_100)
    assert (ended.exit_code, ended.sent("PATCH")) == (0, [])


def of_a_type_told_late(kind: str, *otherwise: str) -> tuple[str, str]:
    """Two steps: the type of the order is only known once they run."""
    keys = ", ".join(["symbol: AAPL", "side: buy", "qty: 10", *otherwise])
    kind = f"\"='{kind}' if steps.acct.cash > 0 else 'market'\""
    return (
        "{id: acct, check_account: {}}",
        f"{{id: entry, submit_order: {{{keys}, type: {kind}}}}}",
    )


def test_a_trail_in_the_other_unit_is_refused_before_anything_is_sent(run_plan: RunPlan) -> None:
    entry = of_a_type_told_late("trailing_stop", "trail_percent: 5%")
    ended = run_plan(steps(*entry, change("trail_price: 5")), scenario=AT_100)
    assert (ended.exit_code, ended.sent("PATCH")) == (5, [])
    assert "trails by trail_percent" in ended.data["error"]["message"]


def test_what_the_broker_refuses_fails_and_leaves_the_order_as_it_was(run_plan: RunPlan) -> None:
    tail = "on_failure:\n  - {id: look, check_order: {order: entry}}\n"
    entry = of_a_type_told_late("limit", "limit_price: 90")
    ended = run_plan(steps(*entry, change("stop_price: 95"), tail=tail), scenario=AT_100)
    assert ended.exit_code == 5
    assert "the broker refused to change order" in ended.data["error"]["message"]
    assert ended.outputs("look")["status"] == "new"
    assert statuses(ended) == ["canceled"]


def test_an_order_that_waits_for_the_open_is_not_changed_and_says_why(run_plan: RunPlan) -> None:
    ended = run_plan(steps(REST, change("limit_price: 91")),
                     scenario=f"start: 2026-11-22 12:00\n{AT_100}")  # fmt: skip
    assert ended.exit_code == 5
    assert "cannot replace order in accepted status" in ended.data["error"]["message"]
    assert ended.data["open_orders"] == []


def test_an_order_that_is_filled_is_not_changed(run_plan: RunPlan) -> None:
    ended = run_plan(steps(MARKET, FILL, change("time_in_force: gtc")), scenario=AT_100)
    assert (ended.exit_code, ended.sent("PATCH")) == (0, [])
    assert ended.outputs("change")["status"] == "filled"
    more = run_plan(steps(MARKET, FILL, change("qty: 12")), scenario=AT_100)
    assert (more.exit_code, more.sent("PATCH")) == (5, [])
    assert "ended before it could be changed" in more.data["error"]["message"]


# ------------------------------------------------------------------------- guards


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ("price_collar: 5%", 5),
        ("max_order_notional: 1050", 5),
        ("max_order_notional: 1200, max_run_notional: 1150, max_orders: 1, price_collar: 20%", 0),
    ],
)
def test_a_change_passes_the_guards_as_the_order_that_it_makes(
    run_plan: RunPlan, limits: str, code: int
) -> None:
    head = f"symbols: [AAPL]\nlimits: {{{limits}}}"
    stop = REST.replace("type: limit, limit_price: 90", "type: stop_limit, stop_price: 101, "
                        "limit_price: 102")  # fmt: skip
    ended = run_plan(steps(stop, change("limit_price: 110"), head=head), scenario=AT_100)
    assert ended.exit_code == code
    assert len(ended.sent("PATCH")) == (1 if code == 0 else 0)
    if code:
        assert "the order stays as it was" in ended.data["error"]["message"]


def test_a_reducing_orders_change_is_exempt_and_stays_after_a_failure(run_plan: RunPlan) -> None:
    head = "symbols: [AAPL]\nlimits: {max_orders: 1, max_order_notional: 1100, price_collar: 1%}"
    order = "{symbol: AAPL, side: sell, qty: 10, type: limit, limit_price: 120}"
    out = f"{{id: out, submit_order: {order}}}"
    text = steps(MARKET, FILL, out, change("limit_price: 130", "out"), "assert: 1 > 2", head=head,
                 tail="finally:\n  - cancel_all: {scope: run}\n")  # fmt: skip
    ended = run_plan(text, scenario=AT_100)
    assert statuses(ended) == ["filled", "new"]
    assert ended.data["orders"][1]["limit_price"] == "130"
    assert held(ended) == {"symbol": "AAPL", "run_qty": "10", "protected_qty": "10"}


# ------------------------------------------------------------------------- partly filled

PARTLY = "fault: partial_fill, part: 40%, nth: 1"


@pytest.mark.parametrize(
    ("what", "total"), [("limit_price: 101", 10), ("qty: 7", 7), ("qty: 12", 12)]
)
def test_an_order_that_is_partly_filled_ends_at_exactly_what_was_wanted(
    run_plan: RunPlan, what: str, total: int
) -> None:
    """A PATCH would buy the whole quantity again (Alpaca-API issue 165)."""
    entry = REST.replace("limit_price: 90", "limit_price: 100.50")
    some = "{id: some, await_fill: {order: entry, until: any}}"
    text = steps(entry, some, change(what), FILL)
    ended = run_plan(text, scenario=faults(PARTLY))
    assert ended.exit_code == 0
    assert ended.sent("PATCH") == []
    assert [body["qty"] for body in ended.sent("POST")] == ["10", str(total - 4)]
    assert statuses(ended) == ["canceled", "filled"]
    assert ended.outputs("fill")["filled_qty"] == str(total)
    assert ended.data["orders"][1]["continues"] == ended.data["orders"][0]["client_order_id"]
    assert held(ended)["run_qty"] == str(total)


def _read_of(ended: Ended) -> str:
    """What became of the order that was to replace the first; nothing when it was not sent."""
    ids = [body["client_order_id"] for body in ended.sent("PATCH")]
    seen = [one.data["body"] for one in ended.records if one.type == "wire.response"]
    rejected = any(one_id in body and '"rejected"' in body for one_id in ids for body in seen)
    return "rejected" if rejected else "replaced" if ids else ""


def test_a_fill_that_wins_the_race_is_the_end_of_the_order(run_plan: RunPlan) -> None:
    """The price comes through the limit while the change is on its way."""
    found = set()
    for wait in ("29900ms", "29920ms", "29940ms", "29960ms"):
        tape = "tape: {AAPL: [[0s, 100, 99.99, 100.01], [30.03s, 89, 88.99, 89.01]]}"
        text = steps(REST, f"wait: {{for: {wait}}}", change("limit_price: 89.50"), FILL)
        ended = run_plan(text, scenario=tape)
        assert ended.exit_code == 0
        assert held(ended)["run_qty"] == "10"
        assert statuses(ended) == ["filled"]
        found.add(_read_of(ended))
    assert "rejected" in found


def test_what_fills_while_the_order_is_replaced_is_not_bought_again(run_plan: RunPlan) -> None:
    """The replacement has the whole quantity again: what is too much of it is taken back."""
    tape = "tape: {AAPL: [[0s, 100, 99.99, 100.01], [30.03s, 89, 88.99, 89.01]]}"
    seen = set()
    for wait in ("29900ms", "29910ms", "29920ms", "29930ms"):
        text = steps(REST, f"wait: {{for: {wait}}}", change("limit_price: 85"), LOOK,
                     "{id: gone, cancel_order: {order: entry}}")  # fmt: skip
        ended = run_plan(text, scenario=faults("fault: partial_fill, part: 40%, nth: 1", tape=tape))
        assert ended.exit_code == 0
        assert ended.outputs("change")["qty"] == "10"
        assert ended.outputs("look")["qty"] in ("10", "6")
        assert ended.outputs("gone")["filled_qty"] == held(ended)["run_qty"] == "4"
        seen.add(len(ended.data["orders"][0]["replaces"]))
    assert 1 in seen, "in one of them the fill came while the order was being replaced"


# ------------------------------------------------------------------------- faults


@pytest.mark.parametrize("fault", [
    "fault: answer, status: 504, body: html, commit: yes, method: PATCH, nth: 1",
    "fault: drop, method: PATCH, nth: 1",
    "fault: drop, commit: no, method: PATCH, nth: 1",
    "fault: drop, commit: late, time: 4s, method: PATCH, nth: 1",
    "fault: answer, status: 429, method: PATCH, nth: 1",
    "fault: answer, status: 429, commit: yes, method: PATCH, nth: 1",
    "fault: answer, status: 422, commit: yes, method: PATCH, nth: 1",
    "fault: truncate, method: PATCH, nth: 1",
])  # fmt: skip
@pytest.mark.parametrize("slow", ["", "fault: hide_client_id, time: 2s"])
def test_a_change_without_a_clear_answer_is_made_once(
    run_plan: RunPlan, fault: str, slow: str
) -> None:
    text = steps(REST, change("limit_price: 98"), FILL)
    ended = run_plan(text, scenario=faults(*filter(None, (fault, slow)), tape=FALLS_LATER))
    (shown,) = ended.data["orders"]
    assert (shown["status"], shown["filled_qty"], shown["limit_price"]) == ("filled", "10", "98")
    assert held(ended)["run_qty"] == "10"
    assert len({body["client_order_id"] for body in ended.sent("PATCH")}) == 1


def test_a_change_that_is_rejected_afterwards_leaves_the_order_and_says_so(
    run_plan: RunPlan,
) -> None:
    text = steps(REST, change("limit_price: 91"))
    scenario = faults("fault: late_reject, time: 10ms, nth: 2")
    ended = run_plan(text, scenario=scenario)
    assert ended.exit_code == 5
    assert "rejected it afterwards; the order stays as it was" in ended.data["error"]["message"]
    assert statuses(ended) == ["canceled"], "the safe stop cancelled the order that was live again"


# ------------------------------------------------------------------------- a leg


@pytest.mark.parametrize(
    ("leg", "what", "seen"),
    [("stop_loss", "stop_price: 97", "97"), ("take_profit", "limit_price: 108", "108")],
)
def test_a_leg_is_changed_and_both_exits_stand(
    run_plan: RunPlan, leg: str, what: str, seen: str
) -> None:
    head = "symbols: [AAPL]\nlimits: {max_orders: 1, max_order_notional: 1100, price_collar: 5%}"
    text = steps(BRACKET, FILL, change(what, f"entry.{leg}"), "assert: 1 > 2", head=head,
                 tail="finally:\n  - cancel_all: {scope: run}\n")  # fmt: skip
    ended = run_plan(text, scenario=AT_100)
    assert len(ended.sent("PATCH")) == 1
    assert ended.outputs("change")["qty"] == "10"
    assert seen in (
        ended.outputs("change").get("stop_price"),
        ended.outputs("change").get("limit_price"),
    )
    assert len(ended.data["open_orders"]) == 2
    assert held(ended) == {"symbol": "AAPL", "run_qty": "10", "protected_qty": "10"}
    entry = ended.data["orders"][0]["client_order_id"]
    assert [one["leg_of"] for one in ended.data["orders"]] == [None, entry, entry]


def test_a_changed_stop_that_is_hit_closes_the_position_and_takes_the_profit_leg_with_it(
    run_plan: RunPlan,
) -> None:
    out = "{id: out, await_fill: {order: [entry.take_profit, entry.stop_loss], timeout: 5m}}"
    text = steps(BRACKET, FILL, change("stop_price: 98", "entry.stop_loss"), out)
    ended = run_plan(text, scenario=FALLS_LATER)
    assert ended.exit_code == 0
    assert ended.outputs("out")["filled_qty"] == "10"
    assert (ended.data["open_orders"], held(ended)["run_qty"]) == ([], "0")


def test_a_leg_is_changed_while_its_entry_still_waits(run_plan: RunPlan) -> None:
    entry = BRACKET.replace("qty: 10", "qty: 10, type: limit, limit_price: 98")
    out = "{id: out, await_fill: {order: [entry.take_profit, entry.stop_loss], timeout: 5m}}"
    tape = "tape: {AAPL: [[0s, 100], [30s, 97.50], [60s, 96.50]]}"
    text = steps(entry, change("stop_price: 97", "entry.stop_loss"), FILL, out)
    ended = run_plan(text, scenario=tape)
    assert ended.exit_code == 0
    assert Decimal(ended.outputs("out")["filled_avg_price"]) > 96
    assert (ended.data["open_orders"], held(ended)["run_qty"]) == ([], "0")
