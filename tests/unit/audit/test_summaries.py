"""`audit list` says how each run ended and what it left open, and survives any file."""

from __future__ import annotations

import json
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from unit.audit.audit_sample import TARGET, new_id, rewrite, write, write_whole
from unit.audit.order_story import Told, shown

from runner.audit.records import LONGEST_LINE
from runner.audit.summary import Summary, summaries, summarize


def result_order(**changes: Any) -> dict[str, Any]:
    return {
        "client_order_id": "a",
        "leg_of": None,
        "symbol": "AAPL",
        "side": "buy",
        "status": "filled",
        "filled_qty": "10",
        "filled_avg_price": "100.25",
        **changes,
    }


def finished(directory: Path, *orders: dict[str, Any], **result: Any) -> Summary:
    told = Told()
    told.finish(orders=list(orders), **{"positions": [], "open_orders": [], **result})
    return summarize(told.write(directory))


def test_a_finished_run_says_what_it_bought_and_sold_and_left(tmp_path: Path) -> None:
    summary = finished(
        tmp_path,
        result_order(),
        result_order(client_order_id="b", leg_of="a", side="sell", filled_qty="4",
                     filled_avg_price="101"),
        result_order(client_order_id="c", status="refused", filled_qty="0", filled_avg_price=None),
        positions=[{"symbol": "AAPL", "run_qty": "6", "protected_qty": "6"},
                   {"symbol": "MSFT", "run_qty": "0", "protected_qty": "0"}],
        open_orders=["b"],
    )  # fmt: skip
    assert (summary.status, summary.exit_code, summary.orders) == ("completed", 0, 1)
    assert (summary.bought, summary.sold) == (Decimal("1002.50"), Decimal(404))
    assert [(one.symbol, one.qty, one.protected) for one in summary.held] == [("AAPL", "6", "6")]
    assert summary.open_orders == ("b",)


def test_a_contract_counts_a_hundredfold_and_a_missing_price_makes_the_sum_unknown(
    tmp_path: Path,
) -> None:
    option = result_order(symbol="AAPL261218C00200000", filled_avg_price="2")
    assert finished(tmp_path / "one", option).bought == Decimal(2000)
    unpriced = result_order(filled_avg_price=None)
    assert finished(tmp_path / "two", result_order(), unpriced).bought is None


def test_an_unfinished_run_is_read_whole_for_what_it_left_open(tmp_path: Path) -> None:
    told = Told()
    told.submit("a", data=shown("a"))
    told.read(shown("a", status="partially_filled", filled_qty="4", filled_avg_price="100"))
    summary = summarize(told.write(tmp_path, close=None))
    assert (summary.status, summary.exit_code, summary.orders) == ("open", None, 1)
    assert (summary.bought, summary.open_orders) == (Decimal(400), ("a",))
    assert [(one.symbol, one.qty) for one in summary.held] == [("AAPL", "4")]


def test_a_finished_log_is_not_read_between_its_ends(tmp_path: Path) -> None:
    told = Told()
    told.submit("a", data=shown("a"))
    told.finish(orders=[], positions=[], open_orders=[])
    path = told.write(tmp_path)
    first, *_, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b"what stands here does not matter\n" + last)
    assert summarize(path).status == "completed"


def test_an_end_that_was_cut_off_shows_by_the_ledger(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-3]))
    (run,) = summaries(tmp_path).runs
    assert run.status == "damaged"
    assert "the ledger closed it with record 17" in run.damage
    assert run.name == "first-live-trade"


def test_an_end_that_was_exchanged_shows_by_the_ledger(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    rewrite(path, lambda script: script)
    assert summaries(tmp_path).runs[0].status == "damaged"


def test_a_log_that_is_gone_is_listed(tmp_path: Path) -> None:
    write_whole(tmp_path, seed=1)
    write_whole(tmp_path, seed=2).unlink()
    assert [one.status for one in summaries(tmp_path).runs] == ["completed", "missing"]
    assert summaries(tmp_path).runs[1].run == new_id(2)


def test_a_damaged_ledger_is_said_and_not_believed(tmp_path: Path) -> None:
    write_whole(tmp_path)
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b'"records":17', b'"records":99'))
    listing = summaries(tmp_path)
    assert "line 2" in listing.ledger
    assert [one.status for one in listing.runs] == ["completed"]


FOREIGN = {
    "empty.jsonl": (b"", "empty"),
    "text.jsonl": (b"hello\nworld\n", "damaged"),
    "text-without-end.jsonl": (b"hello", "damaged"),
    "binary.jsonl": (bytes(range(256)) * 40, "damaged"),
    "json.jsonl": (b'{"a":1}\n', "damaged"),
    "not-utf-8.jsonl": (b'{"data":"\xff\xfe"}\n', "damaged"),
    "lines.jsonl": (b"\n\n\n", "damaged"),
    "deep.jsonl": (b"[" * 100_000 + b"\n", "damaged"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_damaged_and_the_list_goes_on(tmp_path: Path, name: str) -> None:
    content, status = FOREIGN[name]
    write_whole(tmp_path)
    (tmp_path / name).write_bytes(content)
    runs = {one.path.name: one for one in summaries(tmp_path).runs}
    assert runs[name].status == status
    assert runs[f"{new_id()}.jsonl"].status == "completed"


def test_a_directory_and_a_dangling_link_are_no_logs(tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "gone")
    assert not summaries(tmp_path).runs


def test_a_huge_file_without_line_ends_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.jsonl"
    with path.open("wb") as file:
        file.truncate(8 * LONGEST_LINE)  # takes no room on the disk
    tracemalloc.start()
    try:
        assert summarize(path).status == "damaged"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * LONGEST_LINE


def test_a_run_on_a_url_says_which(tmp_path: Path) -> None:
    told = Told(target={**TARGET, "kind": "url", "base_url": "https://broker.example:8443/v2"})
    told.finish(orders=[])
    summary = summarize(told.write(tmp_path))
    assert (summary.target, summary.server) == ("url", "https://broker.example:8443/v2")


def test_every_summary_is_data(tmp_path: Path) -> None:
    write_whole(tmp_path, seed=1)
    write(tmp_path, [], new_id(2), close=None)
    for one in summaries(tmp_path).runs:
        json.dumps(one.to_data())
