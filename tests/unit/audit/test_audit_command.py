"""`runbook audit` says what the logs say, in plain text that cannot harm a terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from unit.audit.audit_sample import (
    ORDER,
    new_id,
    order,
    outcome,
    started,
    whole_run,
    write,
    write_whole,
)

from runner.cli.audit import audit


def run(*arguments: str | Path, **environment: str) -> Result:
    result = CliRunner().invoke(audit, [str(each) for each in arguments], env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_verify_believes_a_whole_directory(tmp_path: Path) -> None:
    write_whole(tmp_path, seed=1)
    write(tmp_path, whole_run(new_id(2))[:5], new_id(2), close=None)
    result = run("verify", tmp_path)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[-1] == "3 checked, 0 damaged."
    assert f"ok       {new_id(1)}  finished (completed), 17 records" in lines
    assert any("open" in line for line in lines)


def test_verify_explains_damage_and_exits_9(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"AAPL"', b'"MSFT"', 1))
    result = run("verify", path)
    assert result.exit_code == 9
    assert "line 3: the content was changed after it was written" in result.output
    assert "[hash]" in result.output
    assert result.output.splitlines()[-1] == "1 checked, 1 damaged."
    assert all(len(line) <= 80 for line in result.output.splitlines())


def test_verify_does_not_flood_the_screen(tmp_path: Path) -> None:
    script = whole_run(new_id())
    script[1:1] = [("effect.unknown", {"n": 9})] * 30
    path = write(tmp_path, script, new_id())
    output = run("verify", path).output
    assert output.count("[intent]") == 20
    assert "… and 10 more; --json has all" in output


def test_verify_as_json_is_one_object(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    result = run("verify", path, "--json")
    assert result.exit_code == 9
    content = json.loads(result.output)
    assert content["exit_code"] == 9
    assert {"torn", "ledger"} == {each["rule"] for each in content["reports"][0]["findings"]}


@pytest.mark.parametrize("command", ["verify", "list"])
def test_a_missing_directory_is_a_usage_error(tmp_path: Path, command: str) -> None:
    result = run(command, "--audit-dir", tmp_path / "gone")
    assert result.exit_code == 2
    assert "gone" in result.output


def test_the_audit_directory_comes_from_the_environment(tmp_path: Path) -> None:
    write_whole(tmp_path / "elsewhere")
    result = run("verify", RUNBOOK_AUDIT_DIR=str(tmp_path / "elsewhere"))
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "2 checked, 0 damaged.")


def test_an_empty_directory_is_no_error(tmp_path: Path) -> None:
    assert run("verify", tmp_path).output == "There is nothing to check.\n"
    assert run("list", "--audit-dir", tmp_path).output == f"No runs in {tmp_path}.\n"


def test_list_shows_how_each_run_ended_and_what_it_sent(tmp_path: Path) -> None:
    write_whole(tmp_path, seed=1)
    write(tmp_path, whole_run(new_id(2))[:5], new_id(2), close=None)
    write(tmp_path, [], new_id(3), close=None)
    damaged = write_whole(tmp_path, seed=4)
    damaged.write_bytes(b"x" + damaged.read_bytes())
    result = run("list", "--audit-dir", tmp_path)
    assert result.exit_code == 9
    assert [line.split() for line in result.output.splitlines()[1:8]] == [
        ["2026-11-28"],
        ["14:30", "aeaqcaib", "sim", "completed", "0", "1", "200.20", "0.00", "first-live-trade"],
        ["left", "open:", "2", "AAPL"],
        ["14:30", "aibaeaqc", "sim", "open", "0", "0.00", "0.00", "first-live-trade"],
        ["2026-11-23"],
        ["14:30", "ambqgayd", "empty"],
        ["14:30", "aqcaibae", "damaged"],
    ]
    assert "       damaged: line 1: not a JSON object" in result.output
    runs = json.loads(run("list", "--audit-dir", tmp_path, "--json").output)["runs"]
    assert [each["status"] for each in runs] == ["completed", "open", "empty", "damaged"]
    assert (runs[0]["orders"], runs[0]["exit_code"], runs[0]["run_id"]) == (1, 0, new_id(1))


SHOWN = """\
TIME          STEP      WHAT HAPPENED
2026-11-23
14:30:01.000  steps[0]  run started: first-live-trade on sim
14:30:01.000  steps[0]  account: account_id a1, account_number PA1, status
                        ACTIVE
14:30:01.000  steps[0]  Buy: submit_order (symbol AAPL)
14:30:02.000  steps[0]  read_clock: ok
14:30:02.000  steps[0]  guard max_orders: pass (max_orders 4)
14:30:02.000  steps[0]  intends to submit buy 2 AAPL market as
                        rb-aaaaaaaaaaaaaaaa-ID
14:30:02.000  steps[0]  submit: ok, order 5f0c2c9e buy AAPL new, filled 0 of 2
                        at 100.10
14:30:02.000  steps[0]  read_clock: ok, order 5f0c2c9e buy AAPL filled, filled 2
                        of 2 at 100.10
14:30:02.000  steps[0]  done (order_id 5f0c2c9e-0000-4000-8000-000000000001)
14:30:02.000            steps.entry.filled_qty == 2 is true
                        (steps.entry.filled_qty 2)
14:30:02.000  steps[0]  run finished: completed, exit code 0
"""


def test_show_tells_the_run_in_order(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    shown = run("show", path, "--all")
    assert shown.exit_code == 0
    identity = whole_run(path.stem)[8][1]["effect"]["client_order_id"].rpartition("-")[2]
    assert shown.output.replace(identity, "ID") == SHOWN


def test_show_finds_a_run_by_any_unique_part_of_its_id(tmp_path: Path) -> None:
    write_whole(tmp_path, seed=1)
    write_whole(tmp_path, seed=2)
    where = ("--audit-dir", tmp_path)
    assert run("show", new_id(1), *where).exit_code == 0
    assert run("show", new_id(2)[-16:-4], *where).exit_code == 0
    several = run("show", "20261123", *where)
    assert several.exit_code == 2
    assert "fits 2 runs" in several.output
    none = run("show", "zzz", *where)
    assert none.exit_code == 2
    assert "audit list" in none.output


def test_show_with_the_wire_has_every_request_and_answer(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    shown = run("show", path, "--wire").output
    assert "> GET http://127.0.0.1:4711/v2/clock" in shown
    assert "< 200 {}" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_show_as_json_has_every_record(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    content = json.loads(run("show", path, "--json").output)
    assert [each["seq"] for each in content["records"]] == list(range(1, 18))
    assert (content["run_id"], content["damage"]) == (path.stem, None)


def test_show_of_a_damaged_log_tells_what_stands_before_the_damage(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    path.write_bytes(path.read_bytes()[:-5])
    result = run("show", path, "--all")
    assert result.exit_code == 9
    assert "steps[0]  done (order_id" in result.stdout
    assert result.stderr.startswith("Damaged: line 17 ")


TELLING: list[tuple[str, dict[str, Any], str]] = [
    ("run.resumed", {"target": {"kind": "paper"}}, "run resumed on paper"),
    ("step.skipped", {"reason": "its condition is false"}, "skipped: its condition is false"),
    ("step.finished", {"status": "failed", "error": "no fill", "outputs": {}}, "failed: no fill"),
    ("signal", {"name": "SIGINT"}, "signal SIGINT"),
    ("log.recovered", {"bytes": 9, "torn": ""}, "set aside (9 bytes)"),
    ("effect.unknown", {"n": 2}, "effect.unknown n 2"),
    (
        "guard",
        {"guard": "collar", "verdict": "refuse", "message": "too far"},
        "guard collar: refuse, too far",
    ),
    (
        "effect.outcome",
        outcome(
            1,
            status="refused",
            problem={"reason": "buying_power", "message": "insufficient buying power"},
            interrupt="SIGTERM",
            data={"orders": [order("1")]},
        ),
        "refused, buying_power: insufficient buying power, order 5f0c2c9e buy AAPL",
    ),
    ("decision", {"expression": "1 < 2", "verdict": None, "values": []}, "1 < 2 is none"),
    ("run.finished", {"status": "failed", "exit_code": 5, "result": {}}, "failed, exit code 5"),
]


@pytest.mark.parametrize(("kind", "data", "told"), TELLING, ids=[each[0] for each in TELLING])
def test_show_puts_each_kind_of_record_in_words(
    tmp_path: Path, kind: str, data: dict[str, Any], told: str
) -> None:
    path = write(tmp_path, [("run.started", started()), (kind, data)], new_id(), close=None)
    assert told in " ".join(run("show", path, "--all").output.split())


def test_control_characters_of_a_log_never_reach_the_terminal(tmp_path: Path) -> None:
    hostile = "a\x1b]0;owned\x07\x1b[2J\x9b31m\u202eb\r\n[bold]:smile:"
    script = whole_run(new_id())
    runbook = started()["runbook"] | {"name": hostile}
    script[0] = ("run.started", started(runbook=runbook))
    script[1] = ("run.bound", {hostile.encode().decode("ascii", "ignore"): hostile})
    script[10] = ("wire.response", {**script[10][1], "body": hostile})
    script[-1] = ("run.finished", {"status": hostile, "exit_code": 0, "result": {}})
    path = write(tmp_path, script, new_id())
    for arguments in (
        ("show", path, "--wire"),
        ("show", path),
        ("show", path, "--why", "steps[0]"),
        ("show", path, "--step", "steps[0]"),
        ("export", path, "--what", "effects"),
        ("verify", path),
        ("list",),
    ):
        output = run(*arguments, "--audit-dir", tmp_path).output
        assert all(char.isprintable() or char == "\n" for char in output)
    assert "[bold]:smile:" in run("show", path, "--wire").output
    assert ORDER[:8] in run("show", path, "--all").output
