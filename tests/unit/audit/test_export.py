"""`audit export` writes tables that a spreadsheet and a database take in as they are."""

from __future__ import annotations

import csv
import io
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from unit.audit.audit_sample import new_id, whole_run, write, write_whole
from unit.audit.order_story import Told, shown

from runner.audit.tables import TABLES
from runner.cli.audit import audit
from runner.report.audit_export import cell, write_csv, write_json, write_jsonl


def export(*arguments: str | Path, where: Path) -> Result:
    given = ["export", *map(str, arguments), "--audit-dir", str(where)]
    return CliRunner().invoke(audit, given, catch_exceptions=False)


def rows(what: str, where: Path) -> list[dict[str, str]]:
    result = export("--what", what, where=where)
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout, newline="")))


@pytest.fixture
def traded(tmp_path: Path) -> Path:
    """A directory with one run that bought in two fills."""
    told = Told()
    told.submit("a", data=shown("a"))
    told.read(shown("a", status="partially_filled", filled_qty="4", filled_avg_price="100.10"))
    told.read(shown("a", status="filled", filled_qty="10", filled_avg_price="100.25"))
    values = [{"name": "params.qty", "value": "10", "certainty": "read"}]
    decision = {"about": "qty", "expression": "params.qty", "verdict": "10", "values": values}
    guard = {"guard": "max_orders", "verdict": "pass", "message": "1 of 4", "values": {"sent": "0"}}
    told.script[1:1] = [("decision", decision), ("guard", guard)]
    told.finish(orders=[], positions=[], open_orders=[])
    told.write(tmp_path)
    return tmp_path


@pytest.mark.parametrize("what", TABLES)
@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
def test_every_table_has_its_columns_in_every_format(traded: Path, what: str, form: str) -> None:
    result = export("--what", what, "--format", form, where=traded)
    assert result.exit_code == 0
    if form == "csv":
        found: Any = list(csv.DictReader(io.StringIO(result.stdout, newline="")))
    else:
        lines = result.stdout.splitlines()
        found = json.loads(result.stdout) if form == "json" else [*map(json.loads, lines)]
    assert found
    for row in found:
        assert list(row) == [column.name for column in TABLES[what]]
        assert row["run_id"] == new_id()


def test_fills_add_up_to_what_was_paid(traded: Path) -> None:
    fills = rows("fills", traded)
    assert [(one["qty"], one["price"], one["dollars"]) for one in fills] == [
        ("4", "100.1", "400.40"),
        ("6", "100.35", "602.10"),
    ]
    assert rows("orders", traded)[0]["dollars"] == "1002.50"


def test_an_effect_stands_with_its_outcome(traded: Path) -> None:
    first = rows("effects", traded)[0]
    assert (first["effect"], first["writes"], first["status"]) == ("submit", "true", "ok")
    assert json.loads(first["asked"])["body"]["qty"] == "10"
    assert (first["asked_at"], first["at"]) == (
        "2026-11-23T14:30:01.000000Z",
        "2026-11-23T14:30:01.000000Z",
    )


def test_an_effect_without_outcome_is_there(tmp_path: Path) -> None:
    write(tmp_path, whole_run(new_id())[:9], new_id(), close=None)
    last = rows("effects", tmp_path)[-1]
    assert (last["effect"], last["status"], last["at"]) == ("submit", "", "")


FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\uff1d1",
    "\n=1",
    '=HYPERLINK("http://x")',
    "-",
    "+5",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("number", ["-5", "-0.25", "1002.50", "0"])
def test_a_number_stays_a_number(number: str) -> None:
    assert cell(number) == number


def test_a_formula_in_a_log_reaches_the_table_as_text(tmp_path: Path) -> None:
    told = Told()
    guard = {"guard": "=cmd()", "verdict": "pass", "message": "-2+3+cmd|' /C calc'!A0"}
    told.script.append(("guard", guard))
    told.write(tmp_path)
    (row,) = rows("guards", tmp_path)
    assert (row["guard"], row["message"]) == ("'=cmd()", "'-2+3+cmd|' /C calc'!A0")


def test_text_with_line_breaks_commas_and_quotes_comes_back_the_same(tmp_path: Path) -> None:
    text = 'first, "quoted"\nsecond; ende'
    told = Told()
    told.script.append(("guard", {"guard": "g", "verdict": "pass", "message": text}))
    told.write(tmp_path)
    assert rows("guards", tmp_path)[0]["message"] == text


def test_control_characters_are_escaped_in_csv_and_kept_in_json(tmp_path: Path) -> None:
    text = "a\x1b[2Jb\x9bc\u202ed\re"
    told = Told()
    told.script.append(("guard", {"guard": "g", "verdict": "pass", "message": text}))
    told.write(tmp_path)
    assert rows("guards", tmp_path)[0]["message"] == r"a\x1b[2Jb\x9bc\u202ed\re"
    exact = export("--what", "guards", "--format", "json", where=tmp_path).stdout
    assert exact.isascii()
    assert "\x1b" not in exact
    assert json.loads(exact)[0]["message"] == text


def test_rows_are_written_as_they_come() -> None:
    """Nothing waits for the last row: the memory that a table takes is that of a row."""
    for write_rows in (write_csv, write_json, write_jsonl):
        sizes: list[int] = []
        to = io.StringIO()

        def made(to: io.StringIO = to, sizes: list[int] = sizes) -> Iterator[dict[str, Any]]:
            for number in range(100):
                sizes.append(to.tell())
                yield {"a": number}

        write_rows(["a"], made(), to)
        assert sizes == sorted(set(sizes))


def test_an_empty_table_is_whole_in_every_format(tmp_path: Path) -> None:
    tmp_path.joinpath("sub").mkdir()
    empty = tmp_path / "sub"
    assert json.loads(export("--what", "fills", "--format", "json", where=empty).stdout) == []
    assert export("--what", "fills", "--format", "jsonl", where=empty).stdout == ""
    assert export("--what", "fills", where=empty).stdout.startswith("run_id,record,at,")


def test_a_damaged_log_gives_what_stands_before_the_damage(tmp_path: Path) -> None:
    whole = write_whole(tmp_path, seed=1)
    damaged = write_whole(tmp_path, seed=2)
    damaged.write_bytes(damaged.read_bytes().replace(b'"done"', b'"lost"'))
    (tmp_path / "foreign.jsonl").write_bytes(b"\xff\xfe\n")
    result = export("--what", "effects", where=tmp_path)
    assert result.exit_code == 9
    assert "foreign.jsonl: line 1" in result.stderr
    assert "line 15" in result.stderr
    found = list(csv.DictReader(io.StringIO(result.stdout, newline="")))
    assert {row["run_id"] for row in found} == {whole.stem, damaged.stem}


def test_a_file_is_written_whole_and_for_its_owner_only(traded: Path, tmp_path: Path) -> None:
    output = tmp_path / "fills.csv"
    assert export("--what", "fills", "-o", output, where=traded).exit_code == 0
    assert output.read_text(encoding="utf-8") == export("--what", "fills", where=traded).stdout
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert not list(tmp_path.glob("*.part"))


def test_an_export_is_never_taken_for_a_log(traded: Path) -> None:
    log = traded / f"{new_id()}.jsonl"
    before = log.read_bytes()
    for name in (log.name, "ledger.jsonl", "rows.jsonl"):
        result = export("--format", "jsonl", "-o", traded / name, where=traded)
        assert result.exit_code == 2
        assert "taken for a log" in result.output
    assert log.read_bytes() == before


def test_a_place_that_cannot_be_written_is_a_usage_error(traded: Path) -> None:
    result = export("-o", traded / "no" / "such.csv", where=traded)
    assert result.exit_code == 2
    assert "cannot be written" in result.output
