"""What other runs did: what may have been sent counts, and damage never passes for nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from unit.audit.audit_sample import TEXT, new_id, rewrite
from unit.audit.past_log import ACCOUNT, NOON, PAPER, PastLog

from runner.audit.errors import HistoryUnknown
from runner.audit.history import History, window_start
from runner.audit.ledger import Ledger

SHA = hashlib.sha256(TEXT.encode()).hexdigest()
HOUR = timedelta(hours=1)


def history(directory: Path, **changes: Any) -> History:
    given: dict[str, Any] = {**PAPER, "wall": time.time_ns, **changes}
    return History(directory, given.pop("run", new_id(99)), **given)


def orders(directory: Path, at: datetime = NOON + HOUR, **changes: Any) -> list[Any]:
    return list(history(directory, **changes).orders(ACCOUNT, at))


def worths(directory: Path, at: datetime = NOON + HOUR) -> list[str | None]:
    return [one["worth"] for one in orders(directory, at)]


# ------------------------------------------------------------------------- what counts


def test_an_order_is_told_with_what_it_was_and_what_it_was_worth(tmp_path: Path) -> None:
    log = PastLog(tmp_path)
    log.reads_world()
    log.sends(type="limit", limit_price="150.10")
    assert orders(tmp_path) == [
        {
            "at": "2026-11-23T17:00:01.000000Z",
            "run": log.run,
            "runbook": SHA,
            "symbol": "AAPL",
            "side": "buy",
            "qty": "2",
            "notional": None,
            "type": "limit",
            "limit_price": "150.10",
            "stop_price": None,
            "worth": "300",
        }
    ]


def test_orders_come_oldest_first_whichever_log_they_are_in(tmp_path: Path) -> None:
    late, early = PastLog(tmp_path, 1, at=NOON + HOUR), PastLog(tmp_path, 2, at=NOON)
    late.sends("b", "2")
    early.sends("a", "1")
    late.sends("c", "3")
    assert worths(tmp_path) == ["1", "2", "3"]


def an_answer(log: PastLog, status: str, reason: str = "") -> None:
    log.submits("one")
    if reason:
        log.told(status, problem={"reason": reason, "message": "so it says"})
    elif status:
        log.told(status)


@pytest.mark.parametrize(
    ("status", "reason", "count"),
    [
        ("ok", "", 1),
        ("unknown", "timeout", 1),
        ("unknown", "crash", 1),
        ("", "", 1),  # the process died
        ("refused", "buying_power", 0),
        ("refused", "halted", 0),
        ("refused", "duplicate_client_order_id", 1),  # the broker has it already
        ("not_performed", "", 0),
    ],
)
def test_an_order_counts_unless_it_was_certainly_not_sent(
    tmp_path: Path, status: str, reason: str, count: int
) -> None:
    an_answer(PastLog(tmp_path), status, reason)
    assert len(orders(tmp_path)) == count


def test_an_order_that_may_have_arrived_counts_although_its_second_copy_was_refused(
    tmp_path: Path,
) -> None:
    log = PastLog(tmp_path)
    log.judged("300")
    log.submits("one")
    log.told("unknown", problem={"reason": "timeout", "message": "no answer"})
    log.submits("one")
    log.refused()
    assert worths(tmp_path) == ["300"]


def test_an_order_sent_again_under_its_id_is_one_order(tmp_path: Path) -> None:
    log = PastLog(tmp_path)
    log.submits("one")
    log.told("unknown", problem={"reason": "timeout", "message": "no answer"})
    log.sends("one")
    assert worths(tmp_path) == ["300"]


def test_an_order_that_only_reduces_is_not_told(tmp_path: Path) -> None:
    log = PastLog(tmp_path)
    log.submits("one", opens=False)
    log.taken("one", "ONE")
    assert orders(tmp_path) == []


def test_a_run_that_was_never_bound_sent_nothing(tmp_path: Path) -> None:
    log = PastLog(tmp_path, account=None)
    log.sends()  # as no run does
    assert orders(tmp_path) == []


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"account": "account-2"},
        {"target": {"kind": "live", "base_url": "https://api.alpaca.markets"}},
        {"target": {"kind": "paper", "base_url": "https://broker.example"}},
        {"target": {"kind": "url", "base_url": PAPER["base_url"]}},
    ],
)
def test_another_account_or_target_is_of_no_concern_not_even_its_damage(
    tmp_path: Path, elsewhere: dict[str, Any]
) -> None:
    log = PastLog(tmp_path, **elsewhere)
    log.sends()
    with log.path.open("ab") as file:
        file.write(b"rubbish\n")
    assert orders(tmp_path) == []


def test_two_spellings_of_one_server_are_one(tmp_path: Path) -> None:
    PastLog(tmp_path, target={"kind": "url", "base_url": "http://localhost:4711"}).sends()
    assert len(orders(tmp_path, kind="url", base_url="http://127.0.0.1:4711/")) == 1


def test_the_asking_run_is_not_part_of_its_own_history(tmp_path: Path) -> None:
    log = PastLog(tmp_path)
    log.sends()
    assert orders(tmp_path, run=log.run) == []
    renamed = log.path.rename(tmp_path / "renamed.jsonl")
    assert orders(tmp_path, run=log.run) == []
    renamed.rename(log.path).write_text("not looked at\n")
    assert orders(tmp_path, run=log.run) == []


def test_a_copy_of_a_log_counts_once_and_the_ledger_is_no_run(tmp_path: Path) -> None:
    log = PastLog(tmp_path)
    log.sends()
    shutil.copy(log.path, tmp_path / "copy.jsonl")
    Ledger(tmp_path, wall=time.time_ns).opened(log.journal)
    (tmp_path / "notes.txt").write_text("not a log")
    assert len(orders(tmp_path)) == 1


# ------------------------------------------------------------------------------ changes


def replaced(tmp_path: Path, worth: str | None, **answer: Any) -> PastLog:
    log = PastLog(tmp_path)
    log.sends("one", "300", type="limit", limit_price="150")
    log.reads_world()
    if worth is not None:
        log.judged(worth)
    log.replaces("two", "ONE", limit_price="160")
    return log


@pytest.mark.parametrize(("worth", "counted"), [("320", "320"), ("280", "300")])
def test_a_change_counts_instead_of_the_order_and_for_the_larger_worth_of_both(
    tmp_path: Path, worth: str, counted: str
) -> None:
    log = replaced(tmp_path, worth)
    log.taken("two", "TWO", limit_price="160")
    (one,) = orders(tmp_path)
    assert (one["worth"], one["limit_price"], one["symbol"], one["qty"]) == (
        counted, "160", "AAPL", "2"
    )  # fmt: skip
    assert one["type"] == "limit"
    assert one["at"] > "2026-11-23T17:00:01"


def test_a_change_without_an_answer_is_one_order_of_the_larger_worth(tmp_path: Path) -> None:
    replaced(tmp_path, "320")
    assert worths(tmp_path) == ["320"]


def test_a_refused_change_leaves_the_order_as_it_was(tmp_path: Path) -> None:
    log = replaced(tmp_path, "320")
    log.refused("not_replaceable")
    (one,) = orders(tmp_path)
    assert (one["worth"], one["limit_price"]) == ("300", "150")


def test_a_change_whose_worth_cannot_be_told_has_none(tmp_path: Path) -> None:
    log = PastLog(tmp_path)
    log.sends("one", "300")
    log.replaces("two", "ONE", qty="3")
    assert worths(tmp_path) == [None]


def test_a_change_of_an_order_of_unknown_worth_has_none(tmp_path: Path) -> None:
    log = PastLog(tmp_path)
    log.sends("one", None)
    log.judged("300")
    log.replaces("two", "ONE", qty="3")
    assert worths(tmp_path) == [None]


def test_an_order_that_was_found_later_is_known_when_it_is_changed(tmp_path: Path) -> None:
    log = PastLog(tmp_path)
    log.judged("300")
    log.submits("one")
    log.told("unknown", problem={"reason": "timeout", "message": "no answer"})
    log.reads_world()
    seen = {"id": "ONE", "client_order_id": "one", "symbol": "AAPL", "side": "buy"}
    log.told(data={"open_orders": [seen]})
    log.judged("310")
    log.replaces("two", "ONE", limit_price="155")
    assert worths(tmp_path) == ["310"]


def test_a_changed_order_changed_again_is_still_one(tmp_path: Path) -> None:
    log = replaced(tmp_path, "320")
    log.taken("two", "TWO", limit_price="160")
    log.judged("340")
    log.replaces("three", "TWO", limit_price="170")
    log.taken("three", "THREE", limit_price="170")
    assert worths(tmp_path) == ["340"]


def test_a_leg_that_grows_counts_beside_its_entry(tmp_path: Path) -> None:
    log = PastLog(tmp_path)
    log.judged("300")
    log.submits("one", order_class="bracket")
    leg = {"id": "LEG", "client_order_id": "the-brokers", "symbol": "AAPL", "side": "sell"}
    log.taken("one", "ONE", legs=[leg])
    log.judged("400")
    log.replaces("two", "LEG", qty="4")
    assert [(one["worth"], one["side"]) for one in orders(tmp_path)] == [
        ("300", "buy"), ("400", "sell")
    ]  # fmt: skip


def test_a_change_that_only_reduces_leaves_the_order_counted(tmp_path: Path) -> None:
    log = PastLog(tmp_path)
    log.sends("one", "300")
    log.replaces("two", "ONE", opens=False, qty="1")
    log.taken("two", "TWO")
    assert worths(tmp_path) == ["300"]


# -------------------------------------------------------------------------------- worth


def test_each_order_is_worth_what_its_own_guards_said(tmp_path: Path) -> None:
    log = PastLog(tmp_path)
    log.judged("999")  # of an order that then was not sent
    log.reads_world()
    log.sends("one", "300")
    log.sends("two", None)
    log.judged(None)  # turned off by the policy
    log.sends("three", None)
    log.judged(None)
    log.judged("500", "max_run_notional")
    log.sends("four", None)
    log.judged("600")
    log.judged("700", "max_run_notional")
    log.sends("five", None)
    assert worths(tmp_path) == ["300", None, None, "500", "600"]


@pytest.mark.parametrize(
    ("body", "worth"),
    [
        ({"type": "limit", "limit_price": "150.10"}, "300.20"),
        ({"qty": None, "notional": "750.5"}, "750.5"),
        ({"symbol": "AAPL261218C00200000", "limit_price": "1.50"}, "300.00"),
        ({"side": "sell", "limit_price": "150.10"}, None),  # it may bring more
        ({"type": "market"}, None),
        ({"type": "stop", "stop_price": "150"}, None),
        ({"qty": "much", "limit_price": "150"}, None),
        ({"symbol": None, "order_class": "mleg", "limit_price": "1"}, None),
    ],
)
def test_without_that_guard_it_is_reckoned_where_the_order_bounds_it(
    tmp_path: Path, body: dict[str, Any], worth: str | None
) -> None:
    PastLog(tmp_path).sends("one", None, **body)
    assert worths(tmp_path) == [worth]


# ------------------------------------------------------------------------------- window


@pytest.mark.parametrize(
    ("at", "since"),
    [
        ("2026-11-23T17:00:00Z", "2026-11-23T05:00:00Z"),  # winter: five hours behind UTC
        ("2026-07-01T17:00:00Z", "2026-07-01T04:00:00Z"),  # summer: four
        ("2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z"),  # the day of the change
        ("2026-11-24T03:00:00Z", "2026-11-23T05:00:00Z"),  # still the 23rd in New York
        ("2026-11-24T05:20:00Z", "2026-11-24T04:20:00Z"),  # just past midnight: the last hour
        ("2026-11-24T06:00:00Z", "2026-11-24T05:00:00Z"),
    ],
)
def test_the_window_begins_at_new_yorks_midnight_or_an_hour_ago(at: str, since: str) -> None:
    start = window_start(datetime.fromisoformat(at))
    assert start == datetime.fromisoformat(since)
    assert start.utcoffset() == timedelta(0)


def test_orders_before_the_window_are_left_out(tmp_path: Path) -> None:
    midnight = datetime(2026, 11, 23, 5, tzinfo=UTC)
    log = PastLog(tmp_path, at=midnight - timedelta(seconds=2))
    for name in ("a", "b", "c"):
        log.sends(name, name.encode().hex())  # two seconds, one second before, and at midnight
    assert worths(tmp_path, NOON) == ["63"]
    assert len(orders(tmp_path, midnight + timedelta(minutes=30))) == 3


def test_a_log_that_nothing_was_appended_to_since_is_passed_over_unread(tmp_path: Path) -> None:
    log = PastLog(tmp_path)
    log.sends()
    log.path.write_bytes(b"rubbish\n")
    hours_ago = time.time() - 13.5 * 3600  # at noon the window is 12 hours long
    os.utime(log.path, (hours_ago, hours_ago))
    assert orders(tmp_path, NOON) == []
    os.utime(log.path, (hours_ago + 3600, hours_ago + 3600))
    with pytest.raises(HistoryUnknown):
        orders(tmp_path, NOON)


# -------------------------------------------------------------------------- incremental


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    log, asked = PastLog(tmp_path), history(tmp_path)
    log.sends("one", "1")
    assert len(asked.orders(ACCOUNT, NOON)) == 1
    # What has been read is not read again: its damage is not seen, by the same file and size.
    content = log.path.read_bytes()
    with log.path.open("r+b") as file:
        file.write(b"x" * 100)
    assert len(asked.orders(ACCOUNT, NOON)) == 1
    log.sends("two", "2")
    again: list[Any] = asked.orders(ACCOUNT, NOON)
    assert [one["worth"] for one in again] == ["1", "2"]
    assert log.path.stat().st_size > len(content)


def test_an_answer_that_comes_later_is_seen(tmp_path: Path) -> None:
    log, asked = PastLog(tmp_path), history(tmp_path)
    log.submits("one")
    assert len(asked.orders(ACCOUNT, NOON)) == 1
    log.refused()
    assert asked.orders(ACCOUNT, NOON) == []


def test_a_run_that_begins_later_and_one_that_is_bound_later_are_seen(tmp_path: Path) -> None:
    asked = history(tmp_path)
    assert asked.orders(ACCOUNT, NOON) == []
    log = PastLog(tmp_path, account=None)
    assert asked.orders(ACCOUNT, NOON) == []
    log.journal.append("run.bound", {"account_id": ACCOUNT})
    log.sends()
    assert len(asked.orders(ACCOUNT, NOON)) == 1


def test_a_torn_last_line_is_read_once_it_is_whole(tmp_path: Path) -> None:
    log, asked = PastLog(tmp_path), history(tmp_path)
    log.sends("one", "1")
    before = log.path.stat().st_size
    log.submits("two")
    whole = log.path.read_bytes()
    os.truncate(log.path, before + 40)
    assert len(asked.orders(ACCOUNT, NOON)) == 1
    with log.path.open("ab") as file:
        file.write(whole[before + 40 :])
    assert len(asked.orders(ACCOUNT, NOON)) == 2


def test_a_log_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    log, asked = PastLog(tmp_path), history(tmp_path)
    log.sends("one", "1")
    log.sends("two", "2")
    assert len(asked.orders(ACCOUNT, NOON)) == 2
    other = PastLog(tmp_path / "other", 1)
    for name in ("one", "two", "three"):
        other.sends(name)
    other.path.replace(log.path)
    assert len(asked.orders(ACCOUNT, NOON)) == 3


# ------------------------------------------------------------------ what cannot be told


def first_byte(path: Path) -> None:
    path.write_bytes(b"x" + path.read_bytes()[1:])


def changed_number(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"notional":"300"', b'"notional":"3"'))


def no_newline_between(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"}\n{", b"}{", 1))


def removed_order(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(one for one in lines if b'"submit"' not in one))


def without_start(path: Path) -> None:
    rewrite(path, lambda script: script[1:])


def without_status(path: Path) -> None:
    def change(script: list[Any]) -> list[Any]:
        return [(kind, {k: v for k, v in data.items() if k != "status"}) for kind, data in script]

    rewrite(path, change)


def another_time(path: Path) -> None:
    rewrite(path, lambda script: [(k, {**d, **({"at": "noon"} if "at" in d else {})})
                                  for k, d in script])  # fmt: skip


@pytest.mark.parametrize(
    "damage",
    [first_byte, changed_number, no_newline_between, removed_order, without_start, without_status,
     another_time],
)  # fmt: skip
def test_a_damaged_log_makes_the_history_unknown_and_is_named(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    log = PastLog(tmp_path)
    log.sends()
    log.reads_world()
    damage(log.path)
    asked = history(tmp_path)
    for _ in range(2):  # it stays unknown
        with pytest.raises(HistoryUnknown, match=f"{log.path}: line ") as told:
            asked.orders(ACCOUNT, NOON)
        assert f"runbook audit verify {log.path}" in str(told.value)
        assert "no order that opens a position is sent" in str(told.value)


def test_a_file_without_line_ends_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.audit.history.LONGEST_LINE", 1000)
    (tmp_path / "endless.jsonl").write_bytes(b"0" * 5000)
    with pytest.raises(HistoryUnknown, match=r"endless\.jsonl: line 1 "):
        orders(tmp_path)


def test_a_log_that_cannot_be_read_makes_the_history_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = PastLog(tmp_path)
    log.sends()
    opened = Path.open

    def closed(path: Path, *arguments: Any) -> Any:
        if path == log.path:
            raise PermissionError(13, "Permission denied")  # as it would be for another user
        return opened(path, *arguments)

    monkeypatch.setattr(Path, "open", closed)
    with pytest.raises(HistoryUnknown, match=f"{log.path} cannot be read: Permission denied"):
        orders(tmp_path)


def test_a_log_that_vanishes_makes_the_history_unknown(tmp_path: Path) -> None:
    log, asked = PastLog(tmp_path), history(tmp_path)
    log.sends()
    assert len(asked.orders(ACCOUNT, NOON)) == 1
    kept = log.path.rename(tmp_path / "kept.away")
    with pytest.raises(HistoryUnknown, match=f"{log.path} was there a moment ago and is gone"):
        asked.orders(ACCOUNT, NOON)
    kept.rename(log.path)
    assert len(asked.orders(ACCOUNT, NOON)) == 1


def test_a_log_of_another_account_may_vanish(tmp_path: Path) -> None:
    log, asked = PastLog(tmp_path, account="account-2"), history(tmp_path)
    assert asked.orders(ACCOUNT, NOON) == []
    log.path.unlink()
    assert asked.orders(ACCOUNT, NOON) == []


def test_a_directory_that_is_not_there_makes_the_history_unknown(tmp_path: Path) -> None:
    with pytest.raises(HistoryUnknown, match="cannot be read: No such file or directory"):
        orders(tmp_path / "nowhere")


def test_without_an_account_there_is_no_history(tmp_path: Path) -> None:
    with pytest.raises(HistoryUnknown, match="no account"):
        history(tmp_path).orders("", NOON)


def test_an_empty_log_is_of_a_run_that_sent_nothing(tmp_path: Path) -> None:
    (tmp_path / f"{new_id(3)}.jsonl").touch()
    assert orders(tmp_path) == []
