"""What a person reads of a plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from unit.report.plan_sample import (
    ACCOUNT_NUMBER,
    ASK,
    AT,
    after,
    line,
    order,
    planned,
    projection,
    refused,
    screen,
    step,
    unfilled,
)

from runner.drive.projection import Assumption, Holding, Note, Shown
from runner.guards.rules import Policy
from runner.report.plan_screen import last_line, render
from runner.report.plan_totals import exit_code
from runner.report.run_text import columns


def test_it_says_first_where_it_looked_and_that_nothing_was_sent() -> None:
    head = screen().splitlines()
    assert head[0] == "Plan of one-share on Alpaca paper trading. Nothing was sent."
    assert "  runbook  plan.yaml" in head
    assert "  params   qty 1" in head
    assert "  account  ends in ER77 · ACTIVE" in head
    assert "  read at  Mon 23 Nov 09:31:02 New York, the broker's time · market open" in head
    assert "  quote    AAPL bid 184.20, ask 184.22 at 09:31:02 (feed iex)" in head


def test_the_account_number_is_never_whole() -> None:
    assert ACCOUNT_NUMBER not in screen()


def test_an_account_without_a_number_or_status_is_not_taken_for_a_good_one() -> None:
    found = projection()
    nameless = replace(found, observed=replace(found.observed, account={"id": "x"}))
    assert "  account  number not told · status unknown\n" in screen(nameless)


def test_open_orders_of_the_account_are_named() -> None:
    found = projection()
    resting = {"symbol": "MSFT", "side": "buy", "qty": "2", "type": "limit", "limit_price": "400",
               "time_in_force": "gtc"}  # fmt: skip
    crowded = replace(found, observed=replace(found.observed, open_orders=(resting,) * 12))
    shown = screen(crowded)
    assert shown.count("  open     buy 2 MSFT limit 400 gtc\n") == 10
    assert "  open     and 2 more\n" in shown


def test_an_order_stands_there_with_every_field_of_its_body_and_what_is_assumed_of_it() -> None:
    assert (
        "  1  buy 1 AAPL market day · about $184.22 · step 2\n"
        "     symbol: AAPL, side: buy, qty: 1, type: market, time_in_force: day\n"
        "     assumed: filled, 1 at ≈ 184.22, ask at 09:31:02\n"
    ) in screen()


def test_an_estimate_is_marked_with_its_basis_and_what_is_known_is_not() -> None:
    body = {"symbol": "AAPL", "side": "buy", "qty": "1", "type": "limit", "limit_price": "184.22",
            "order_class": "bracket", "stop_loss": {"stop_price": "180.00"},
            "take_profit": {"limit_price": "190.00"}}  # fmt: skip
    estimates = {"take_profit.limit_price": Shown("190.00", "estimated", "ask at 09:31:02"),
                 "limit_price": ASK}  # fmt: skip
    shown = screen(projection(line(orders=(order(body=body, estimates=estimates),))))
    assert (
        "  1  buy 1 AAPL limit ≈ 184.22 (bracket, take profit ≈ 190.00, stop loss 180.00)"
        " · about $184.22 · step 2\n"
        "     symbol: AAPL, side: buy, qty: 1, type: limit, order_class: bracket, "
        "stop_loss: {stop_price: 180.00}\n"
        "     limit_price: ≈ 184.22, ask at 09:31:02\n"
        "     take_profit.limit_price: ≈ 190.00, ask at 09:31:02\n"
    ) in shown


def test_every_guard_has_its_verdict_and_one_that_is_off_its_reason() -> None:
    assert (
        "Guards\n"
        "  order 1\n"
        "     pass: listed_symbol\n"
        "     exempt: max_order_notional (the order only reduces a position)\n"
        "     off: price_collar (turned off by the policy: tested by hand)\n"
    ) in screen()


def test_orders_with_the_same_verdicts_share_them() -> None:
    both = line(orders=(order(), order(step="steps[2]")))
    assert screen(projection(both)).count("listed_symbol") == 1
    assert "  orders 1, 2\n" in screen(projection(both))


def test_cash_buying_power_margin_day_trades_and_positions_stand_after_each_order() -> None:
    shown = screen().partition("\nAccount\n")[2].splitlines()
    head, *rows = [one.split() for one in shown[:4]]
    assert " ".join(head) == "after cash buying power margin excess new day trades positions"
    assert rows == [
        ["now", "100,000.00", "400,000.00", "100,000.00", "0", "none"],
        ["step", "2", "≈", "100,000.00", "≈", "400,000.00", "≈", "100,000.00", "0", "none"],
        ["step", "3", "≈", "99,815.78", "≈", "399,263.12", "≈", "99,815.78", "0", "1", "AAPL"],
    ]


def test_a_field_that_the_broker_did_not_report_is_unknown_and_not_zero() -> None:
    begin = replace(line().begin, cash=None, day_trades=None)  # type: ignore[type-var]
    row = next(one for one in screen(projection(line(begin=begin))).splitlines() if " now " in one)
    assert row.split() == ["now", "unknown", "400,000.00", "100,000.00", "unknown", "none"]


def test_a_branch_is_shown_from_where_it_parts_with_its_orders_and_its_end() -> None:
    branch = screen().partition("If it goes otherwise\n")[2].partition("\n\n")[0]
    assert branch == (
        "  Branch 1: buy 1 AAPL: not filled by 09:32:02, at step 3 (await_fill fill)\n"
        "  3  await_fill entry     failed  0 of 1 filled when the time was up\n"
        "  5  finally: cancel_all  done\n"
        "  2  cancel order 1, to buy AAPL · step 3\n"
        "     then: canceled\n"
        "  ends: timed out (exit code 6)\n"
        "  leaves: no position and no open order of this run. The account: no position, "
        "cash ≈ 100,000.00"
    ).replace("(await_fill fill)", "(await_fill entry)")


def test_what_stays_open_and_held_at_the_end_is_said() -> None:
    resting = {"client_order_id": "c1", "symbol": "AAPL", "side": "sell", "qty": "1",
               "type": "limit", "limit_price": "184.22"}  # fmt: skip
    result = {**line().result, "orders": [resting], "open_orders": ["c1"]}
    price = Shown("184.22", "estimated", "ask at 09:31:02")
    shown = screen(projection(line(result=result, orders=(order(estimates={"x": price}),))))
    assert (
        "  leaves: 1 AAPL by this run's fills, 0 protected; open: sell 1 AAPL limit ≈ 184.22."
        " The account: 1 AAPL, cash ≈ 99,815.78\n"
    ) in shown


def test_what_cleanup_would_do_is_said() -> None:
    assert "  cleanup: nothing to cancel, change or send\n" in screen()
    cancel = order(phase="finally", effect="cancel", body={}, step="finally[0]", fate="canceled")
    assert "  cleanup: cancel the order to buy AAPL\n" in screen(projection(line(orders=(cancel,))))
    both = line(orders=(order(), cancel))
    assert "  cleanup: cancel order 1, to buy AAPL\n" in screen(projection(both))


def test_a_refusal_names_the_guard_what_it_says_and_what_was_asked() -> None:
    shown = screen(projection(refused()))
    assert (
        "Orders\n"
        "  none would be sent\n"
        "\n"
        "Refused\n"
        "  ! step 2 (Buy one): max_order_notional refuses: $9,000.00 is more than $5,000.00\n"
        "     asked: symbol: AAPL, qty: 49\n"
        "     pass: listed_symbol\n"
    ) in shown
    assert shown.endswith(
        "\n0 orders · refused: max_order_notional: $9,000.00 is more than $5,000.00\n"
    )
    assert "   3  await_fill entry     not reached\n".strip() in shown
    assert exit_code(projection(refused())) == 4


def test_an_order_that_the_broker_would_refuse_says_so_and_counts_for_no_money() -> None:
    bad = line(orders=(order(problem="potential wash trade", fate="refused"),), exit_code=5,
               status="failed", result={**line().result, "error": {"message": "no"}})  # fmt: skip
    shown = screen(projection(bad))
    assert "     the broker would refuse it: potential wash trade\n" in shown
    assert shown.endswith("\n1 order · would fail: no\n")
    assert exit_code(projection(bad)) == 4


def test_an_order_that_waits_for_its_market_says_until_when() -> None:
    opens = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
    queued = order(queued_until=opens, fate="accepted", filled_qty=None)
    words = "     waits for its market until Tue 24 Nov 09:30 New York; assumed: accepted\n"
    assert words in screen(projection(line(orders=(queued,))))


def test_a_condition_is_true_false_or_cannot_be_told() -> None:
    when = Assumption("steps[3]", "condition", "steps.fill.filled_qty == 1", "it is", True, True)
    shown = screen(projection(line(assumed=(when,))))
    assert "  cannot tell  steps.fill.filled_qty == 1: taken as true\n" in shown
    assert "  true   steps.fill.filled_qty == 1\n" in screen()
    skipped = replace(line(), steps=(*line().steps[:3], step("steps[3]", "assert", "skipped")))
    assert "  false" in screen(projection(skipped))


def test_a_fill_that_may_not_come_leaves_it_at_would_run() -> None:
    assert screen().endswith("\n1 order · about $184.22 · would run\n")
    assert exit_code(projection()) == 0


def test_a_condition_that_would_end_it_otherwise_leaves_it_at_cannot_tell() -> None:
    about = Assumption("steps[3]", "condition", "steps.fill.filled_qty == 1", "no", False, False)
    found = projection(line(), unfilled(parted=about))
    end = "\n1 order · about $184.22 · cannot tell: 1 condition depends on the market\n"
    assert screen(found).endswith(end)
    assert exit_code(found) == 0


def test_an_order_of_unknown_worth_is_not_counted_as_nothing() -> None:
    found = projection(line(orders=(order(notional=None),)))
    assert last_line(planned(found)) == "1 order · 1 order of unknown worth · would run"


def test_on_a_simulated_exchange_everything_is_labelled() -> None:
    shown = screen(kind="sim")
    assert "\nSimulated orders\n" in shown
    assert "\nSimulated account\n" in shown
    assert "  Simulated: account, prices and fills are the embedded exchange's.\n" in shown
    assert shown.splitlines()[-1] == "Simulated: 1 order · about $184.22 · would run"
    assert "imulated" not in screen(kind="live")
    assert "Alpaca LIVE trading, with real money" in screen(kind="live")


def test_warnings_have_their_codes_and_forks_that_were_left_out_are_counted() -> None:
    shown = screen(projection(not_followed=3))
    assert "  PL005 a person is assumed to approve (step 1)\n" in shown
    assert "  3 forks not followed; what happens there is open\n" in shown


def test_the_policy_that_holds_is_shown_with_what_is_turned_off() -> None:
    owner = Policy(file="/home/me/policy.yaml", sha256="0" * 64, symbols=("AAPL",),
                   off={"spread": "only auctions"})  # fmt: skip
    shown = screen(policy=owner)
    assert "  /home/me/policy.yaml, tightened by the runbook's limits\n" in shown
    assert "max_order_notional 5,000" in shown
    assert "  symbols AAPL · sides buy, sell · short selling not allowed" in shown
    assert "  off: spread: only auctions\n" in shown
    assert "  no policy file: the built-in ceilings, tightened" in screen()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("found", [projection(), projection(refused())], ids=["runs", "refused"])
def test_no_line_is_wider_than_the_terminal(found: object, width: int) -> None:
    shown = screen(found, width)  # type: ignore[arg-type]
    assert max(columns(one) for one in shown.splitlines()) <= width


def test_a_quantity_stays_with_its_symbol() -> None:
    held = tuple(Holding(name, Decimal(3), Decimal(300)) for name in ("AAPL", "MSFT", "TSLA"))
    rich = replace(after("100000"), positions=held)
    for width in range(40, 120):
        shown = screen(projection(line(begin=rich, end=rich)), width)
        assert shown.count("3 MSFT") == 2
        assert "\x00" not in shown


def test_a_mark_stays_with_its_number() -> None:
    for width in range(40, 100):
        assert not any(one.rstrip().endswith("≈") for one in screen(width=width).splitlines())


def test_without_a_terminal_nothing_is_cut_or_wrapped() -> None:
    long = Note("PL011", "x" * 300, "", "")
    assert f"  PL011 {'x' * 300}\n" in screen(projection(notes=(long,)))


def test_words_of_a_file_or_broker_cannot_speak_to_the_terminal() -> None:
    evil = Note("PL011", "\x1b[2J[red]gone", "", "")
    bad = order(problem="\x1b]0;title\x07", step="steps[1]")
    shown = screen(projection(line(orders=(bad,)), notes=(evil,)))
    assert "\x1b" not in shown
    assert "[red]gone" in shown


def test_colour_is_only_there_when_asked_for() -> None:
    assert "\x1b[" not in screen()
    assert "\x1b[32m" in render(planned(), width=80, color=True)


def test_the_same_projection_gives_the_same_text() -> None:
    assert screen() == screen()
    assert AT.tzinfo is UTC
