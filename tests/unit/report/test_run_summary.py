"""What a person reads when a run is over; the last line says what is live."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from unit.report.run_sample import CLIENT_ID, LOG, RUN_ID, about, result

from runner.report.run_summary import last_line, render
from runner.report.run_text import columns

LIVE = {"status": "new", "filled_qty": "0", "filled_avg_price": None, "limit_price": "180.00"}
LOST = {**LIVE, "status": "unknown", "order_id": None}


def said(status: str = "completed", exit_code: int = 0, *, simulated: bool = False,
         log: Path = LOG, **data: Any) -> str:  # fmt: skip
    ended = result(status, exit_code, **data)
    return last_line({**ended.data, "status": status}, simulated=simulated, log=log)


def test_the_last_line_of_a_run_that_left_nothing() -> None:
    assert said() == "Nothing of this run is live: no open order, no position."


def test_the_last_line_of_a_run_that_sent_nothing() -> None:
    assert said("refused", 4, orders=[], positions=[]) == (
        "Nothing of this run is live: no order was sent."
    )


def test_the_last_line_names_an_open_order_and_the_position() -> None:
    line = said(
        "failed", 5, order=LIVE, open_orders=[CLIENT_ID],
        positions=[{"symbol": "AAPL", "run_qty": "1", "protected_qty": "0"}],
    )  # fmt: skip
    assert line == (
        f"Live: order {CLIENT_ID} (buy 1 AAPL limit 180.00, new). "
        "Position: 1 AAPL by this run's fills, 0 protected."
    )


def test_the_last_line_says_which_orders_a_step_kept_working() -> None:
    line = said(order={**LIVE, "kept": True}, open_orders=[CLIENT_ID])
    assert line.endswith("(buy 1 AAPL limit 180.00, new, kept working by its step).")


def test_the_last_line_of_an_unknown_order_says_what_to_do() -> None:
    line = said("unknown", 8, order=LOST, open_orders=[CLIENT_ID])
    assert line == (
        f"UNKNOWN: order {CLIENT_ID} (buy 1 AAPL limit 180.00) may be live. Before you send "
        f"anything else, settle it: runbook resume {LOG}"
    )


def test_a_cancel_that_was_never_confirmed_is_unknown_too() -> None:
    line = said("unknown", 8, order=LIVE, open_orders=[CLIENT_ID])
    assert line.startswith("UNKNOWN: what became of an order or a cancel was not confirmed. Live:")
    assert line.endswith(f"Before you send anything else, settle it: runbook resume {LOG}")


def test_a_run_that_was_left_never_says_that_nothing_is_live() -> None:
    line = said("interrupted", 130, orders=[], positions=[], left=True)
    assert "Nothing" not in line
    assert line.endswith(f"Before you send anything else, settle it: runbook resume {LOG}")


def test_a_quantity_that_cannot_be_read_is_not_taken_for_nothing() -> None:
    line = said(positions=[{"symbol": "AAPL", "run_qty": "?", "protected_qty": None}])
    assert line == "Position: ? AAPL by this run's fills, 0 protected."


def test_an_open_order_that_the_list_does_not_show_is_not_lost() -> None:
    assert said("failed", 5, open_orders=["rb-other"]).startswith("UNKNOWN: order rb-other may")


def test_the_command_can_be_copied_when_the_path_has_spaces() -> None:
    line = said("unknown", 8, order=LOST, open_orders=[CLIENT_ID], log=Path("my audit/x.jsonl"))
    assert line.endswith("runbook resume 'my audit/x.jsonl'")


def test_everything_of_a_simulated_run_says_so() -> None:
    text = render(about(kind="sim"), result(), width=None, color=False)
    assert text.splitlines()[0] == "Simulated run completed · exit code 0"
    assert "\nSimulated orders\n" in text
    assert "\nSimulated positions of this run\n" in text
    assert text.splitlines()[-1].startswith("Simulated. Nothing of this run is live")


ERROR = {
    "cause": "failed",
    "step": "steps[1]",
    "message": "the broker refused buy 1 AAPL: insufficient buying power",
    "help": "Sell something first.",
    "broker": {
        "reason": "buying_power",
        "message": "insufficient buying power",
        "status": 403,
        "code": 40310000,
        "extra": {"buying_power": "12.50"},
    },
}


def test_a_failure_says_where_what_the_broker_said_and_what_to_do() -> None:
    late = {"path": "finally[0]", "id": None, "action": "cancel_all", "status": "failed",
            "outputs": {}, "error": {"message": "the positions could not be read"}}  # fmt: skip
    ended = result("failed", 5, error=ERROR, steps=[late], order={"status": "refused"})
    assert render(about(), ended, width=None, color=False).splitlines() == [
        "Run failed · exit code 5",
        "  at steps[1] · plan.yaml:8:5",
        "  the broker refused buy 1 AAPL: insufficient buying power",
        "  The broker said: insufficient buying power "
        "(HTTP 403, code 40310000, buying_power 12.50)",
        "  What to do: Sell something first.",
        "  Also failed: finally[0] cancel_all: the positions could not be read",
        "Orders",
        "  symbol  side  qty  type   status   filled  average  client order id",
        f"  AAPL    buy   1    limit  refused  1       179.99   {CLIENT_ID}",
        "Positions of this run",
        "  AAPL: none",
        f"Log: {LOG}",
        "Nothing of this run is live: no open order, no position.",
    ]


def test_the_table_at_80_columns_puts_the_id_below() -> None:
    text = render(about(), result(), width=80, color=False)
    assert text.splitlines()[1:4] == [
        "Orders",
        "  symbol  side  qty  type   status  filled  average",
        "  AAPL    buy   1    limit  filled  1       179.99",
    ]
    assert text.splitlines()[4] == f"    {CLIENT_ID}"


def test_the_table_at_40_columns_is_a_phrase_and_the_whole_id() -> None:
    text = render(about(), result(order={"qty": None, "notional": "1500.50"}), width=40,
                  color=False)  # fmt: skip
    assert text.splitlines()[1:5] == [
        "Orders",
        "  buy $1,500.50 AAPL limit: filled, 1",
        "  filled at 179.99",
        CLIENT_ID,
    ]


@pytest.mark.parametrize("width", [40, 80])
def test_only_what_is_to_be_copied_is_wider_than_the_screen(width: int) -> None:
    text = render(about(), result("failed", 5, error=ERROR), width=width, color=False)
    wide = [line for line in text.splitlines() if columns(line) > width]
    assert all(line.startswith(("Log: ", "Nothing of this run")) for line in wide)
    assert f"Log: {LOG}" in text.splitlines()


def test_a_position_is_not_called_none_while_an_order_is_unknown() -> None:
    text = render(about(), result("unknown", 8, order=LOST, open_orders=[CLIENT_ID]), width=None,
                  color=False)  # fmt: skip
    assert "  0 AAPL by this run's fills, 0 protected, as far as is known\n" in text


def test_control_characters_never_pass() -> None:
    bad = "\x1b[31m\x07\u202e"
    hostile = dict.fromkeys(("symbol", "side", "qty", "type", "status", "client_order_id"), bad)
    ended = result("failed", 5, order=hostile, error={**ERROR, "message": bad, "step": bad,
                   "help": bad}, open_orders=[bad],
                   positions=[{"symbol": bad, "run_qty": bad, "protected_qty": bad}])  # fmt: skip
    for width in (None, 80, 40):
        text = render(about(), ended, width=width, color=False)
        assert all(char == "\n" or char.isprintable() for char in text)


def test_colour_changes_nothing_but_the_colour() -> None:
    ended = result("failed", 5, error=ERROR)
    painted = render(about(), ended, width=80, color=True)
    assert "\x1b[1;31mRun failed · exit code 5\x1b[0m" in painted
    assert "\x1b" not in render(about(), ended, width=80, color=False)


def test_the_heading_names_the_target() -> None:
    assert about(kind="live").heading.splitlines()[0] == (
        "one-share on Alpaca LIVE trading, with real money"
    )
    url = about(kind="url", base_url="https://broker.example").heading
    assert url.splitlines() == ["one-share on https://broker.example", f"run {RUN_ID}",
                                f"log {LOG}"]  # fmt: skip
