"""The runs of a directory in 80 columns, whatever they are called and wherever they ran."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from runner.audit.summary import Held, Summary
from runner.report.audit_list import table


def summary(**changes: Any) -> Summary:
    run = "20261123T143001Z-aeaqcaibaeaqcaib"
    given: dict[str, Any] = {
        "path": Path(f"{run}.jsonl"),
        "run": run,
        "status": "completed",
        "started_at": "2026-11-23T14:30:01.000000001Z",
        "name": "first-live-trade",
        "target": "sim",
        "exit_code": 0,
        **changes,
    }
    return Summary(**given)


def lines(*summaries: Summary) -> list[str]:
    return list(table(summaries, 80))


def test_a_url_is_named_by_its_server() -> None:
    shown = lines(summary(target="url", server="http://127.0.0.1:4711"))
    assert shown[2].split()[2] == "127.0.0.1:4711"


def test_a_server_too_long_for_the_table_stands_below() -> None:
    server = "https://a-broker-with-a-long-name.example.com:8443/api/v2"
    shown = lines(summary(target="url", server=server))
    assert shown[2].split()[2] == "url"
    assert shown[3].strip() == f"on {server}"


def test_each_day_has_its_heading() -> None:
    later = summary(started_at="2026-11-24T09:00:00.000000001Z")
    assert [line for line in lines(summary(), summary(), later) if len(line) == 10] == [
        "2026-11-23",
        "2026-11-24",
    ]


def test_a_run_without_a_header_is_dated_by_its_id() -> None:
    shown = lines(summary(started_at="", name="", status="damaged", damage="line 1: no JSON"))
    assert shown[1] == "2026-11-23"
    assert shown[2].split() == ["14:30", "aeaqcaib", "sim", "damaged", "0"]
    assert shown[3].strip() == "damaged: line 1: no JSON"


def test_what_is_left_open_stands_below_its_run() -> None:
    held = (Held("AAPL", "10", "4"), Held("MSFT", "-2", None))
    shown = lines(summary(held=held, open_orders=("a",)))
    assert shown[3].strip() == "left open: 10 AAPL, 4 protected; -2 MSFT; 1 order"
    so_far = lines(summary(open_orders=("a", "b"), exit_code=None, status="open"))
    assert so_far[3].strip() == "left open so far: 2 orders"


def test_an_amount_that_cannot_be_told_is_no_zero() -> None:
    cells = lines(summary(bought=None, sold=Decimal("1234567.891")))[2].split()
    assert cells[-3:-1] == ["?", "1,234,567.89"]


def test_no_line_is_wider_than_80_columns() -> None:
    wide = summary(
        name="a-name-that-is-far-too-long-for-any-table-of-eighty-columns",
        target="url",
        server="https://trade.example:443",
        status="interrupted",
        exit_code=130,
        orders=100,
        bought=Decimal("123456789.12"),
        sold=Decimal("123456789.12"),
    )
    shown = lines(wide)
    assert all(len(line) <= 80 for line in shown)
    assert "…" in shown[2]


def test_control_characters_never_reach_the_terminal() -> None:
    hostile = "\x1b[2J\x9b\u202e\n"
    text = "\n".join(
        lines(
            summary(name=hostile, target=hostile, status=hostile, started_at=hostile,
                    damage=hostile, open_orders=(hostile,), held=(Held(hostile, hostile, hostile),))
        )
    )  # fmt: skip
    assert all(char.isprintable() or char == "\n" for char in text)
