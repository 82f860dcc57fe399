"""The corpus (`tests/replays`): what past runs decided is decided again by today's engine."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from acceptance.harness import ROOT, invoke
from acceptance.leaks import ALWAYS

from runner.audit.canonical import canonical_bytes
from runner.audit.log import read_log
from runner.audit.verify import verify
from runner.drive.replaying import replay_log
from runner.effects import ABI

REPLAYS = ROOT / "tests" / "replays"
LOGS = sorted(path for path in REPLAYS.glob("*.jsonl") if path.name != "ledger.jsonl")
LIBRARY = sorted(path.stem for path in (ROOT / "runbooks").glob("*.yaml"))

OF_THIS_MACHINE = re.compile(r"/(?:home|root|tmp|work|Users|private|var)/")
OF_A_BROKER = re.compile(r"\b(?:PK|AK|CK)[A-Z0-9]{18}\b|\bPA[0-9][A-Z0-9]{9}\b")


def name_of(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", LOGS, ids=name_of)
def test_a_past_run_is_decided_again_as_it_was(path: Path) -> None:
    replayed = replay_log(path)
    assert replayed.divergence is None, replayed.divergence
    finished = any(one.type == "run.finished" for one in read_log(path).records)
    assert replayed.complete == finished or "stop" in modes(path)


def modes(path: Path) -> set[str]:
    """How a run was resumed."""
    return {one.data["mode"] for one in read_log(path).records if one.type == "run.resumed"}


def test_every_log_of_the_corpus_can_be_believed() -> None:
    reports = verify(REPLAYS)
    assert len(reports) == len(LOGS) + 1, "and the ledger"
    found = {one.path.name: [str(finding) for finding in one.findings] for one in reports}
    open_ones = {"left-open.jsonl", "order-unknown.jsonl"}
    assert {name for name, findings in found.items() if findings} <= open_ones, found


@pytest.mark.parametrize("path", [*LOGS, REPLAYS / "ledger.jsonl"], ids=name_of)
def test_the_corpus_holds_no_secrets_and_nothing_of_the_machine_that_recorded_it(
    path: Path,
) -> None:
    text = path.read_text(encoding="utf-8")
    for secret in (*ALWAYS, "PKTEST"):
        assert secret not in text
    assert not OF_THIS_MACHINE.search(text)
    assert not OF_A_BROKER.search(text)
    assert set(re.findall(r"127\.0\.0\.1:\d+", text)) <= {"127.0.0.1:8787"}
    if path in LOGS:
        assert not Path(read_log(path).header["runbook"]["file"]).is_absolute()


def test_the_corpus_shows_every_runbook_of_the_library_and_every_way_to_end() -> None:
    headers = [read_log(path).header for path in LOGS]
    kept = {one["runbook"]["file"] for one in headers}
    assert {f"runbooks/{name}.yaml" for name in LIBRARY} <= kept
    ends, resumed = set(), set()
    for path in LOGS:
        ends.add(read_log(path).records[-1].data.get("status", "open"))
        resumed |= modes(path)
    assert ends >= {
        "completed", "refused", "failed", "timed_out", "interrupted", "halted", "open",
    }  # fmt: skip
    assert resumed == {"settle", "continue", "stop"}


def test_the_page_of_the_corpus_says_what_each_log_shows() -> None:
    page = (REPLAYS / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(.*?\.jsonl)` \| .{10,}\|", page, re.MULTILINE) != []
    assert set(re.findall(r"^\| `(.*?\.jsonl)` \|", page, re.MULTILINE)) == {
        path.name for path in LOGS
    }


def test_the_whole_corpus_stays_small() -> None:
    assert sum(path.stat().st_size for path in LOGS) < 5_000_000


# -------------------------------------------------------------- logs of other versions


def resealed(into: Path, change: Any) -> Path:
    """The log of a completed run with each record changed, in a chain of its own."""
    lines, previous = [], "0" * 64
    for line in (REPLAYS / "first-live-trade.completed.jsonl").read_bytes().splitlines():
        record = change(json.loads(line))
        del record["hash"]
        record["prev"] = previous
        previous = hashlib.sha256(canonical_bytes(record)).hexdigest()
        lines.append(canonical_bytes({**record, "hash": previous}) + b"\n")
    path = into / "other.jsonl"
    path.write_bytes(b"".join(lines))
    return path


def test_a_log_that_was_only_sealed_again_replays(tmp_path: Path) -> None:
    assert invoke("replay", str(resealed(tmp_path, lambda one: one))).exit_code == 0


@pytest.mark.parametrize("version", [0, 2])
def test_a_log_of_another_record_version_is_refused_by_that_version(
    tmp_path: Path, version: int
) -> None:
    log = resealed(tmp_path, lambda one: {**one, "v": version})
    for command in (["replay"], ["audit", "verify"]):
        told = invoke(*command, str(log))
        assert told.exit_code == 9
        said = " ".join((told.stdout + told.stderr).split())
        assert f"version {version} is not 1" in said
        assert "Traceback" not in said


@pytest.mark.parametrize(("abi", "whose"), [(ABI + 1, "a newer engine"), (ABI - 1, "an engine")])
def test_a_log_of_another_engine_is_refused_by_its_abi(
    tmp_path: Path, abi: int, whose: str
) -> None:
    def of_that_engine(record: dict[str, Any]) -> dict[str, Any]:
        if record["type"] == "run.started":
            record["data"]["engine"]["abi"] = abi
        return record

    told = invoke("replay", str(resealed(tmp_path, of_that_engine)))
    assert told.exit_code == 10
    assert f"was written by {whose}" in told.stderr
    assert f"(ABI {abi}; this is {ABI})" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_decision_that_comes_out_otherwise_is_seen(tmp_path: Path) -> None:
    """What the corpus is for: here the past run bought 2 shares where its runbook says 1."""

    def bought_two(record: dict[str, Any]) -> dict[str, Any]:
        if record["type"] == "run.started":
            record["data"]["params"]["qty"] = "2"
        return record

    told = invoke("replay", str(resealed(tmp_path, bought_two)))
    assert told.exit_code == 10
    assert "The first difference: record" in told.stdout


def test_a_log_whose_last_line_was_cut_off_is_replayed_as_far_as_it_goes_and_is_9(
    tmp_path: Path,
) -> None:
    cut = tmp_path / LOGS[0].name
    cut.write_bytes(LOGS[0].read_bytes()[:-2])
    ended = invoke("replay", str(cut))
    assert ended.exit_code == 9
    assert "its last line was cut off" in ended.stderr
    assert "equal" in ended.stdout
