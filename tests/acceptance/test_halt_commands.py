"""`runbook halt` and `unhalt`: a halt halts whatever else is broken, and says what is so."""

from __future__ import annotations

import os
import pwd
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from acceptance.halting import alone, halt, ledger, run, unhalt
from acceptance.harness import invoke

from runner.audit.log import read_log
from runner.drive.halt import FILE_NAME

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return alone(tmp_path, monkeypatch)


def test_halting_says_what_is_so_who_why_and_how_to_lift_it(folder: Path) -> None:
    ended = invoke("halt", "--reason", "prices look wrong")
    assert ended.exit_code == 0
    assert "HALTED: all your runs send nothing that opens risk" in ended.stdout
    assert f"by {ME} on " in ended.stdout
    assert "prices look wrong" in ended.stdout
    assert str(folder / "state" / FILE_NAME) in ended.stdout
    assert "end with exit code 12" in ended.stdout
    assert "runbook unhalt --reason TEXT" in ended.stdout
    assert not (folder / "audit").exists(), "it makes no directory of logs where it is typed"
    again = invoke("halt", "--all")
    assert "It was halted already, less strictly" in again.stdout
    assert "send no order at all; only cancels go through" in again.stdout
    assert "prices look wrong" in again.stdout
    third = invoke("halt")
    assert "It was halted already: the stricter stays" in third.stdout
    lifted = invoke("unhalt", "--reason", "looked at it")
    assert lifted.exit_code == 0
    assert "No longer halted: all your runs" in lifted.stdout
    assert "prices look wrong" in lifted.stdout


def test_unhalting_what_is_not_halted_says_so_and_is_0(folder: Path) -> None:
    ended = invoke("unhalt", "--reason", "to be sure")
    assert ended.exit_code == 0
    assert "Not halted" in ended.stdout
    assert unhalt()["halted"] is False


@pytest.mark.parametrize("options", [(), ("--reason", "  ")])
def test_unhalting_needs_a_reason(folder: Path, options: tuple[str, ...]) -> None:
    halt()
    assert invoke("unhalt", *options).exit_code == 2
    assert (folder / "state" / FILE_NAME).exists()


def test_with_a_directory_its_switch_is_set_and_lifted_as_well(folder: Path) -> None:
    said = halt("--audit-dir", "elsewhere")
    assert [(one["scope"], one["done"]) for one in said["switches"]] == [
        ("user", "set"),
        ("directory", "set"),
    ]
    assert unhalt()["halted"] is False, "as far as is known here"
    ended = run("--audit-dir", "elsewhere")
    assert ended.exit_code == 12
    assert "for this audit directory: enough" in ended.data["error"]["message"]
    assert run("--audit-dir", "other").exit_code == 0
    assert unhalt("--audit-dir", "elsewhere")["halted"] is False
    assert run("--audit-dir", "elsewhere").exit_code == 0
    kinds = [one.type for one in read_log(Path("elsewhere/ledger.jsonl")).records]
    assert [one for one in kinds if "halted" in one] == ["halted", "unhalted"]


def test_a_directory_that_stays_halted_is_named_when_the_users_switch_is_lifted(
    folder: Path,
) -> None:
    halt("--audit-dir", "audit")
    assert unhalt()["halted"] is True
    lifted = invoke("unhalt", "--reason", "looked at it")
    assert "STILL HALTED: all runs that log into audit" in lifted.stdout
    assert "runbook unhalt --reason TEXT --audit-dir audit" in lifted.stdout


def test_the_ledger_has_it_where_there_is_one(folder: Path) -> None:
    assert run().exit_code == 0
    halt("--all")
    unhalt()
    halted, lifted = ledger(folder)[-2:]
    assert (halted.type, halted.data["level"], halted.data["reason"]) == ("halted", "all", "enough")
    assert halted.data["by"].startswith(f"{ME} on ")
    assert (lifted.type, lifted.data["reason"]) == ("unhalted", "looked at it")
    assert invoke("audit", "verify").exit_code == 0


@pytest.mark.parametrize("damage", ["garbage", "a directory"])
def test_a_ledger_that_cannot_be_written_is_only_a_warning(folder: Path, damage: str) -> None:
    path = folder / "audit" / "ledger.jsonl"
    path.parent.mkdir()
    if damage == "garbage":
        path.write_bytes(b"not a record\n")
    else:
        path.mkdir()
    for options in ([], ["--audit-dir", "audit"]):
        ended = invoke("halt", "--reason", "enough", *options)
        assert ended.exit_code == 0, ended.stderr
        assert "HALTED" in ended.stdout
        assert "Warning: It is not in the ledger" in ended.stderr
    assert halt()["ledger"]["recorded"] is False


def test_an_audit_directory_that_is_none_does_not_keep_the_users_switch_from_being_set(
    folder: Path,
) -> None:
    (folder / "audit").write_text("a file")
    ended = invoke("halt", "--audit-dir", "audit")
    assert "HALTED: all your runs" in ended.stdout
    assert "audit/halt.json could not be written" in ended.stdout
    assert (folder / "state" / FILE_NAME).exists()
    assert run("--audit-dir", "other").exit_code == 12


def limited(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command on a disk that is full: no file may grow."""
    return subprocess.run(
        [sys.executable, "-m", "runner", *arguments],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_on_a_full_disk_an_empty_file_halts(folder: Path) -> None:
    ended = limited("halt", "--reason", "enough")
    assert ended.returncode == 0, ended.stderr
    assert "HALTED" in ended.stdout
    assert "no more than an empty file" in ended.stderr
    assert (folder / "state" / FILE_NAME).read_bytes() == b""
    refused = run()
    assert refused.exit_code == 12
    assert "is empty" in refused.data["error"]["message"]
    lifted = invoke("unhalt", "--reason", "room again")
    assert "No longer halted" in lifted.stdout
    assert run().exit_code == 0


def test_on_a_full_disk_it_is_said_that_all_could_not_be_stopped(folder: Path) -> None:
    ended = limited("halt", "--all")
    assert ended.returncode == 9
    assert "could not be written: File too large" in ended.stdout
    assert "HALTED: all your runs send nothing that opens risk" in ended.stdout


@pytest.mark.parametrize("damage", ["empty", "garbage", "a directory", "no state directory"])
def test_a_switch_that_cannot_be_believed_counts_as_halted(folder: Path, damage: str) -> None:
    path = folder / "state" / FILE_NAME
    if damage == "no state directory":
        path.parent.write_text("a file")
    else:
        path.parent.mkdir()
        if damage == "a directory":
            path.mkdir()
        else:
            path.write_bytes({"empty": b"", "garbage": b"{"}[damage])
    ended = run()
    assert ended.exit_code == 12
    assert ended.data["status"] == "halted"
    assert "cannot be believed" in ended.data["error"]["message"]
    assert str(path) in ended.data["error"]["message"]
    halted = invoke("halt", "--reason", "enough")
    assert "HALTED: all your runs" in halted.stdout
    if damage in ("empty", "garbage"):
        unhalt()
        assert run().exit_code == 0
    else:
        refused = invoke("unhalt", "--reason", "to be sure")
        assert refused.exit_code == 9
        assert "STILL HALTED" in refused.stdout
