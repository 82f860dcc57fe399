"""Damage is found, named and explained; what is merely unfinished is not called damage."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unit.audit.audit_sample import (
    AT,
    BASE_URL,
    ORDER,
    TARGET,
    Script,
    finished,
    intent,
    new_id,
    order,
    outcome,
    request,
    response,
    rewrite,
    started,
    ticking,
    whole_run,
    write,
    write_whole,
)

from runner.audit.canonical import digest
from runner.audit.errors import LogDamaged
from runner.audit.findings import MEANINGS, Report
from runner.audit.journal import Journal
from runner.audit.ledger import Ledger
from runner.audit.log import iter_records, read_log
from runner.audit.records import Rule, seal
from runner.audit.verify import verify, verify_directory, verify_ledger, verify_log

RUN = new_id()


def judge(path: Path) -> Report:
    """The report of one log against the ledger beside it."""
    return verify_log(path, verify_ledger(path.parent)[1])


def broken(report: Report) -> set[Rule]:
    return {finding.rule for finding in report.findings}


def judge_script(directory: Path, script: Script) -> Report:
    return judge(write(directory, script, RUN))


# ------------------------------------------------------------------- what can be believed


def test_a_whole_run_is_believed(tmp_path: Path) -> None:
    report = judge(write_whole(tmp_path))
    assert report.findings == ()
    assert report.notes == ()
    assert (report.state, report.status, report.tail_checked) == ("finished", "completed", True)
    assert report.exit_code == 0


def test_an_unfinished_log_is_open_not_damaged(tmp_path: Path) -> None:
    report = judge(write(tmp_path, whole_run(RUN)[:9], RUN, close=None))
    assert (report.state, report.exit_code, report.tail_checked) == ("open", 0, False)
    assert "may be live" in report.notes[0]


def test_without_a_ledger_the_tail_is_said_to_be_unchecked(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    (tmp_path / "ledger.jsonl").unlink()
    report = judge(path)
    assert report.exit_code == 0
    assert report.notes == ("tail not checked: there is no ledger beside the log",)


def test_a_log_from_elsewhere_is_said_to_be_unchecked(tmp_path: Path) -> None:
    write_whole(tmp_path / "here")
    path = write_whole(tmp_path / "there", seed=1)
    shutil.copy(path, tmp_path / "here")
    report = judge(tmp_path / "here" / path.name)
    assert report.exit_code == 0
    assert report.notes == ("tail not checked: the ledger does not name this log",)


def test_a_run_killed_before_its_closing_entry_is_not_damaged(tmp_path: Path) -> None:
    report = judge(write(tmp_path, whole_run(RUN), RUN, close=None))
    assert (report.state, report.exit_code) == ("finished", 0)
    assert report.notes == ("tail not checked: the ledger has no closing entry for this log",)


def test_a_log_without_a_record_did_nothing(tmp_path: Path) -> None:
    report = judge(write(tmp_path, [], RUN, close=None))
    assert (report.state, report.exit_code) == ("empty", 0)


def test_a_resumed_run_is_believed_before_and_after_its_second_closing(tmp_path: Path) -> None:
    suspended = SUSPEND | {"n": 3}
    script = [*whole_run(RUN)[:12], ("effect.intent", suspended)]
    script.append(("run.finished", finished(status="unknown", exit_code=8)))
    path = write(tmp_path, script, RUN, close=8)
    assert judge(path).findings == ()
    ledger = Ledger(tmp_path, wall=ticking())
    ledger.resumed(path, RUN)
    with Journal.reopen(path, wall=ticking()) as journal:
        assert judge(path).findings == ()
        journal.append("run.resumed", {"target": TARGET | {"base_url": "http://127.0.0.1:5"}})
        journal.append("effect.outcome", outcome(3, resumed=True))
        journal.append("run.finished", finished())
        assert judge(path).findings == ()
        ledger.closed(journal, 0)
    report = judge(path)
    assert (report.findings, report.tail_checked) == ((), True)


# --------------------------------------------------------------------- damage to the bytes


def small_log(directory: Path) -> Path:
    script = whole_run(RUN)
    return write(directory, [*script[:2], script[-1]], RUN)


@pytest.mark.parametrize(
    "damage",
    [
        lambda byte: bytes([byte ^ 0x01]),
        lambda byte: b" " if byte == 0x0A else b"\n",
        lambda byte: b"",
    ],
    ids=["lowest bit", "newline", "removed"],
)
def test_a_changed_byte_is_found_wherever_it_is(
    tmp_path: Path, damage: Callable[[int], bytes]
) -> None:
    path = small_log(tmp_path)
    _, ledger = verify_ledger(tmp_path)
    content = path.read_bytes()
    assert verify_log(path, ledger).exit_code == 0
    for offset, byte in enumerate(content):
        path.write_bytes(content[:offset] + damage(byte) + content[offset + 1 :])
        assert verify_log(path, ledger).exit_code == 9, f"byte {offset}"


def test_a_changed_byte_of_the_ledger_is_found_wherever_it_is(tmp_path: Path) -> None:
    path = write_whole(tmp_path).with_name("ledger.jsonl")
    content = path.read_bytes()
    for offset, byte in enumerate(content):
        path.write_bytes(content[:offset] + bytes([byte ^ 0x01]) + content[offset + 1 :])
        report, _ = verify_ledger(tmp_path)
        assert report is not None
        assert report.exit_code == 9, f"byte {offset}"


def test_one_damaged_record_is_one_finding_that_names_it(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[8] = lines[8].replace(b'"qty":"2"', b'"qty":"9"')
    path.write_bytes(b"".join(lines))
    (finding,) = judge(path).findings
    assert (finding.rule, finding.line) == (Rule.HASH, 9)
    assert "changed after it was written" in finding.message
    assert "broker" in finding.meaning
    with pytest.raises(LogDamaged, match="line 9 ") as damaged:
        read_log(path)
    assert damaged.value.offset == sum(len(line) for line in lines[:8])
    with pytest.raises(LogDamaged):
        list(iter_records(path))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"v":1}',
        b"\xff\xfe",
        b'{"v":1e400}',
        b"[" * 100_000,
        b'{"data":{},"hash":"x","prev":"x","run":"r","seq":1,"ts":"x","type":"t","v":1}',
        b'{"data":{},"hash":"' + b"0" * 64 + b'","prev":"' + b"0" * 64 + b'","seq":true,'
        b'"ts":"2026-11-23T14:30:01.123456789Z","type":"t","v":1}',
    ],
    ids=lambda line: line[:12],
)
def test_a_line_that_is_no_record_is_found(tmp_path: Path, line: bytes) -> None:
    path = write_whole(tmp_path)
    lines = path.read_bytes().split(b"\n")
    lines[5] = line
    path.write_bytes(b"\n".join(lines))
    assert broken(judge(path)) == {Rule.BYTES}


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b'"v":1', b'"v": 1'),
        (b'"v":1', b'"v":1.0'),
        (b'"v":1', b'"v":2'),
        (b'"v":1}', b'"v":1,"x":1}'),
        (b'"ok"', b'"\\u006fk"'),
        (b'"n":1', b'"n":1,"n":1'),
        (b'"n":1', b'"n":9007199254740993'),
        (b'"seq":7', b'"seq":-7'),
    ],
)
def test_another_spelling_of_the_same_record_is_found(
    tmp_path: Path, was: bytes, becomes: bytes
) -> None:
    path = write_whole(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    assert was in lines[6]
    lines[6] = lines[6].replace(was, becomes)
    path.write_bytes(b"".join(lines))
    assert broken(judge(path)) == {Rule.BYTES}


def test_a_torn_last_line_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path, whole_run(RUN)[:5], RUN, close=None)
    path.write_bytes(path.read_bytes()[:-1])
    (finding,) = judge(path).findings
    assert (finding.rule, finding.line) == (Rule.TORN, 5)
    assert "may be live" in finding.meaning


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [*lines[:4], *lines[5:]],
        lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]],
        lambda lines: [*lines[:5], lines[4], *lines[5:]],
        lambda lines: lines[1:],
    ],
    ids=["removed", "exchanged", "repeated", "first removed"],
)
def test_removed_moved_and_repeated_records_are_found(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    path = write_whole(tmp_path)
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    assert Rule.CHAIN in broken(judge(path))


@pytest.mark.parametrize("change", [{"seq": 3}, {"prev": "0" * 64}], ids=["number", "ancestor"])
def test_a_sealed_record_that_does_not_follow_the_last_is_found(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    path = write(tmp_path, whole_run(RUN)[:1], RUN, close=None)
    (first,) = read_log(path).records
    place: dict[str, Any] = {"seq": 2, "prev": first.hash} | change
    _, line = seal(**place, wall_ns=0, run=RUN, type="signal", step=None, data={"name": "SIGINT"})
    path.write_bytes(path.read_bytes() + line)
    assert broken(judge(path)) == {Rule.CHAIN}


# ------------------------------------------------------------- what only the ledger can show


@pytest.mark.parametrize("cut", [1, 5, 16, 17])
def test_a_cut_tail_is_found(tmp_path: Path, cut: int) -> None:
    path = write_whole(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-cut]))
    report = judge(path)
    assert broken(report) == {Rule.LEDGER}
    assert f"closed with {len(lines)} records" in report.findings[0].message


def test_a_removed_log_is_found(tmp_path: Path) -> None:
    write_whole(tmp_path, seed=1).unlink()
    write_whole(tmp_path, seed=2)
    states = {report.path.stem: report.state for report in verify_directory(tmp_path)}
    assert states == {"ledger": "ledger", new_id(1): "missing", new_id(2): "finished"}
    assert max(report.exit_code for report in verify(tmp_path)) == 9


def test_a_rewritten_log_whose_hashes_are_right_again_is_found(tmp_path: Path) -> None:
    path = write_whole(tmp_path)

    def change(script: Script) -> Script:
        return [(kind, outcome(1) if data.get("n") == 1 and "at" in data else data)
                for kind, data in script]  # fmt: skip

    rewrite(path, change)
    assert read_log(path).torn is None
    report = judge(path)
    assert broken(report) == {Rule.LEDGER}
    assert "not the one with which the log was closed" in report.findings[0].message


def test_records_added_after_the_closing_are_found(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    closed_at = len(read_log(path).records)
    with Journal.reopen(path, wall=ticking()) as journal:
        journal.append("run.resumed", {"target": TARGET})
    report = judge(path)
    assert broken(report) == {Rule.LEDGER}
    assert report.findings[0].seq == closed_at + 1


def test_a_log_put_in_the_place_of_another_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, whole_run(RUN), RUN, close=None)
    other = write_whole(tmp_path / "other", seed=1)
    path.write_bytes(other.read_bytes())
    assert Rule.LEDGER in broken(judge(path))


def test_an_exit_code_that_the_ledger_contradicts_is_found(tmp_path: Path) -> None:
    assert broken(judge(write(tmp_path, whole_run(RUN), RUN, close=5))) == {Rule.LEDGER}


def test_a_damaged_ledger_is_reported_with_the_log(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes()[:-1])
    torn, log = verify(path)
    assert (torn.state, broken(torn), log.exit_code) == ("ledger", {Rule.TORN}, 0)
    assert "next run" in torn.findings[0].meaning


def test_a_ledger_record_that_lacks_what_it_must_hold_is_found(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, wall=ticking())
    ledger.append("closed", {"log": "x.jsonl"})
    report, records = verify_ledger(tmp_path)
    assert report is not None
    assert {finding.message for finding in report.findings} >= {
        "data.head is missing",
        "run is missing",
    }
    assert records == ()


# --------------------------------------------------------------------- what no run records


def without(script: Script, *places: int) -> Script:
    return [record for at, record in enumerate(script) if at not in places]


def replaced(script: Script, place: int, data: dict[str, Any]) -> Script:
    return [(kind, data if at == place else old) for at, (kind, old) in enumerate(script)]


def script() -> Script:
    return whole_run(RUN)


SUSPEND = {"n": 4, "effect": {"effect": "suspend"}, "digest": digest({"effect": "suspend"})}

INTENT_BREAKS: dict[str, tuple[Script, str]] = {
    "an outcome without its intent": (without(script(), 12), "no intent 3 is open"),
    "an intent without its outcome": (without(script(), 13), "finished with intent 3"),
    "an intent passed over": (without(script(), 11), "2 (submit) has no outcome"),
    "a number left out": (
        [*script()[:7], *script()[12:]],
        "intent 3 follows intent 1",
    ),
    "an outcome told twice": (
        [*script()[:7], ("effect.outcome", outcome(1)), *script()[7:]],
        "an outcome of 1",
    ),
    "an order that nothing announced": (without(script(), 8), "no intent announced it"),
    "an order outside of any effect": (
        [*script()[:2], ("wire.request", request(2, RUN, n=0)), *script()[2:]],
        "no intent announced it",
    ),
    "an order under a reading intent": (
        replaced(script(), 4, request(2, RUN, n=1)),
        "under an intent that only reads",
    ),
    "an order under another client id": (
        replaced(script(), 9, request(2, RUN, body='{"client_order_id":"rb-other"}')),
        "sent as rb-other",
    ),
    "an order without a client id": (
        replaced(script(), 9, request(2, RUN, body="{}")),
        "sent as no client order id",
    ),
    "an answer to nothing": (without(script(), 9), "never sent"),
    "a digest of something else": (
        replaced(script(), 3, {**intent(1, RUN), "digest": "0" * 64}),
        "digest of intent 1",
    ),
    "a suspension that a finished run leaves open": (
        [*script()[:-1], ("effect.intent", SUSPEND), script()[-1]],
        "finished with intent 4 (suspend) unanswered",
    ),
    "doubt about nothing": (
        [*script()[:-1], ("effect.unknown", {"n": 9}), script()[-1]],
        "effect.unknown of 9",
    ),
}


@pytest.mark.parametrize("case", INTENT_BREAKS)
def test_what_no_intent_announced_is_found(tmp_path: Path, case: str) -> None:
    changed, message = INTENT_BREAKS[case]
    report = judge_script(tmp_path, changed)
    assert broken(report) == {Rule.INTENT}
    assert any(message in finding.message for finding in report.findings), report.findings


def test_a_reading_request_before_the_first_effect_needs_no_intent(tmp_path: Path) -> None:
    early: Script = [("wire.request", request(1, RUN, n=0)), ("wire.response", {**response(0)})]
    assert judge_script(tmp_path, [script()[0], *early, *script()[1:]]).findings == ()


CHANGE = {
    "effect": "replace",
    "order_id": ORDER,
    "client_order_id": "rb-x",
    "body": {"qty": "3", "client_order_id": "rb-x"},
}
SENT_CHANGE = {
    "method": "PATCH",
    "url": f"{BASE_URL}/v2/orders/{ORDER}",
    "body": '{"qty": "3", "client_order_id": "rb-x"}',
}


def changing(**request_changes: Any) -> Script:
    """A run whose second effect changes an order."""
    changed = replaced(script(), 8, {"n": 2, "effect": CHANGE, "digest": digest(CHANGE)})
    return replaced(changed, 9, request(2, RUN, **{**SENT_CHANGE, **request_changes}))


def test_a_change_as_it_was_announced_is_believed(tmp_path: Path) -> None:
    assert judge_script(tmp_path, changing()).findings == ()


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"body": '{"qty": "3"}'}, "was sent as no client order id"),
        ({"body": '{"qty": "30", "client_order_id": "rb-x"}'}, "otherwise than its intent"),
        ({"url": f"{BASE_URL}/v2/orders/another"}, "its intent announced PATCH"),
        ({"method": "DELETE"}, "its intent announced PATCH"),
    ],
)
def test_a_change_that_leaves_otherwise_than_announced_is_found(
    tmp_path: Path, sent: dict[str, str], words: str
) -> None:
    findings = judge_script(tmp_path, changing(**sent)).findings
    assert {finding.rule for finding in findings} == {Rule.INTENT}
    assert any(words in finding.message for finding in findings)


def test_a_second_write_under_one_intent_is_found(tmp_path: Path) -> None:
    again = [("wire.request", request(2, RUN, attempt=2)), ("wire.response", response(2))]
    twice = [*script()[:11], *again, *script()[11:]]
    (finding,) = judge_script(tmp_path, twice).findings
    assert "sent a second time under one intent" in finding.message


def test_a_result_that_counts_a_fill_twice_is_found(tmp_path: Path) -> None:
    """What an order filled before it was replaced and since is one sum, and no more than that."""
    first = {**order("1", "replaced"), "client_order_id": "rb-a"}
    second = {**order("1", "filled"), "id": "second", "client_order_id": "rb-b"}
    told = replaced(script(), 13, outcome(3, data={"orders": {"a": first, "b": second}}))
    told = replaced(told, 11, outcome(2, data={**order("0", "new"), "client_order_id": "rb-a"}))
    for counted, rules in (("2", set()), ("3", {Rule.FILLS})):
        row = {"client_order_id": "rb-b", "replaces": ["rb-a"], "filled_qty": counted}
        ended = replaced(told, 16, finished(result={"orders": [row]}))
        assert broken(judge_script(tmp_path / counted, ended)) == rules


def test_a_filled_quantity_that_shrinks_is_found_in_the_order_that_it_happens(
    tmp_path: Path,
) -> None:
    legs = {"id": "parent", "filled_qty": "0", "legs": [order("1.5")]}
    changed = replaced(script(), 11, outcome(2, data={"order": legs}))
    (finding,) = judge_script(
        tmp_path, replaced(changed, 13, outcome(3, data={"orders": [order("1")]}))
    ).findings
    assert (finding.rule, finding.seq) == (Rule.FILLS, 14)
    assert "1 filled, after 1.5 were" in finding.message


def test_one_outcome_may_hold_an_order_twice(tmp_path: Path) -> None:
    data = {"a": order("2"), "b": order("1")}
    changed = replaced(script(), 11, outcome(2, data=data))
    assert judge_script(tmp_path, changed).findings == ()


def test_a_filled_quantity_that_is_no_number_is_found(tmp_path: Path) -> None:
    for at, text in enumerate(["lots", "NaN"]):
        changed = replaced(script(), 11, outcome(2, data=order(text)))
        assert broken(judge_script(tmp_path / str(at), changed)) == {Rule.FILLS}


def paper(**changes: Any) -> dict[str, Any]:
    return {"kind": "paper", "base_url": "https://paper-api.alpaca.markets", **changes}


TARGET_BREAKS: dict[str, Script] = {
    "resumed on live": [
        ("run.started", started(target=paper())),
        ("run.resumed", {"target": paper(kind="live", base_url="https://api.alpaca.markets")}),
    ],
    "resumed as live": [
        ("run.started", started(target=paper())),
        ("run.resumed", {"target": paper(kind="live")}),
    ],
    "resumed elsewhere": [
        ("run.started", started(target=paper())),
        ("run.resumed", {"target": paper(base_url="https://elsewhere.example")}),
    ],
    "another account": [
        ("run.started", started()),
        ("run.bound", {"account_id": "a1"}),
        ("run.bound", {"account_id": "a2"}),
    ],
    "a paper run that reads live": [
        ("run.started", started(target=paper())),
        ("wire.request", request(0, RUN, url="https://api.alpaca.markets/v2/account")),
    ],
    "a request to no place": [
        ("run.started", started(target=paper())),
        ("wire.request", request(0, RUN, url="https://[paper-api.alpaca.markets/v2/account")),
    ],
}


@pytest.mark.parametrize("case", TARGET_BREAKS)
def test_paper_and_live_never_mix(tmp_path: Path, case: str) -> None:
    path = write(tmp_path, TARGET_BREAKS[case], RUN, close=None)
    assert broken(judge(path)) == {Rule.TARGET}


@pytest.mark.parametrize(
    ("target", "url"),
    [
        (paper(), "https://data.alpaca.markets/v2/stocks/quotes/latest"),
        (paper(), "https://paper-api.alpaca.markets:443/v2/clock"),
        (paper(data_url="http://127.0.0.1:9"), "http://127.0.0.1:9/v2/stocks/quotes/latest"),
    ],
)
def test_market_data_may_come_from_where_the_target_says(
    tmp_path: Path, target: dict[str, Any], url: str
) -> None:
    log: Script = [
        ("run.started", started(target=target)),
        ("wire.request", request(0, RUN, url=url)),
    ]
    assert judge(write(tmp_path, log, RUN, close=None)).findings == ()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (script()[1:], "not run.started"),
        ([script()[0], *script()], "second run.started"),
        ([*script(), ("signal", {"name": "SIGINT"})], "after run.finished"),
    ],
)
def test_records_in_an_order_that_no_run_writes_are_found(
    tmp_path: Path, changed: Script, message: str
) -> None:
    report = judge(write(tmp_path, changed, RUN, close=None))
    assert broken(report) == {Rule.ORDER}
    assert message in report.findings[0].message


def test_a_record_that_lacks_what_its_type_promises_is_found(tmp_path: Path) -> None:
    report = judge_script(tmp_path, replaced(script(), 11, {"n": 2, "status": "fine"}))
    assert broken(report) == {Rule.SHAPE}
    assert [finding.message for finding in report.findings] == [
        "data.at is missing",
        "data.status is not one of ok, absent, refused, unavailable, unknown, not_performed",
    ]
    assert AT not in report.findings[0].message


def test_every_rule_says_what_it_means_for_a_trader() -> None:
    assert set(MEANINGS) == set(Rule)
    assert all(meaning.endswith(".") for meaning in MEANINGS.values())


def test_what_cannot_be_read_is_a_finding_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").mkdir()
    path = tmp_path / f"{RUN}.jsonl"
    path.mkdir()
    assert verify_log(path, None).exit_code == 9
    ledger, _ = verify_ledger(tmp_path)
    assert ledger is not None
    assert ledger.exit_code == 9
    with pytest.raises(FileNotFoundError):
        verify(tmp_path / "gone.jsonl")
