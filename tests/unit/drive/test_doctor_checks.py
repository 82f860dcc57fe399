"""What `doctor` and `drill` find, where a command line cannot bring it about: a real broker's clock
that is off, a disk that is full, a guard that is broken, a house of 1,000 runs."""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from runner.audit.lock import Holder, acquire
from runner.audit.log import LEDGER_NAME
from runner.audit.records import GENESIS, seal
from runner.broker.credentials import Credentials
from runner.broker.targets import Target
from runner.broker.wire import Timeouts
from runner.drive import doctor_directories
from runner.drive.doctor import examine
from runner.drive.doctor_checks import (
    Check,
    Examination,
    State,
    Subject,
    ok,
    problem,
    stand_alone,
    unknown,
    warning,
)
from runner.drive.drill import drill
from runner.drive.read_only import look
from runner.effects import Cancel, Reason, Status, Submit
from runner.guards import BUILT_IN, GUARDS, Judged
from runner.guards.draft import let_pass
from runner.report.drill import drill_text
from runner.sim import Exchange, FlowingClock, Served, default_scenario, serve

KEYS = {"ALPACA_API_KEY": "PKABCDEFGHIJKLMNWXYZ", "ALPACA_SECRET_KEY": "a-secret"}


@contextmanager
def exchange(start: datetime) -> Iterator[Served]:
    scenario = default_scenario(start=start)
    with serve(Exchange(scenario), FlowingClock(start)) as served:
        yield served


def subject(tmp_path: Path, target: Target, **environment: str) -> Subject:
    house = {"RUNBOOK_STATE_DIR": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path)}
    return Subject(
        target, tmp_path / "audit", "AAPL", {**house, **KEYS, **environment}, [],
        timeouts=Timeouts(0.3, 5),
    )  # fmt: skip


def paper_at(url: str) -> Target:
    """A target that is judged as the paper account is, on this machine."""
    return Target(kind="paper", base_url=url, data_url=url, loopback=True)


def named(found: Examination, name: str) -> Check:
    (one,) = [one for one in found.checks if one.name == name]
    return one


# ---------------------------------------------------------------------------------- the clock


@pytest.mark.parametrize(
    ("ahead", "state", "words"),
    [
        (timedelta(0), State.OK, "the server"),
        (timedelta(seconds=3), State.WARNING, "behind the server"),
        (timedelta(seconds=-3), State.WARNING, "ahead of the server"),
        (timedelta(seconds=60), State.PROBLEM, "more than 5 s"),
        (timedelta(hours=-9), State.PROBLEM, "ahead of the server"),
    ],
)
def test_a_clock_that_is_off_the_brokers_is_told_and_by_more_than_guards_bear_a_problem(
    tmp_path: Path, ahead: timedelta, state: State, words: str
) -> None:
    with exchange(datetime.now(UTC) + ahead) as served:
        found = examine(subject(tmp_path, paper_at(served.url)))
    assert named(found, "clock").state is state
    assert words in named(found, "clock").message
    assert found.exit_code == (4 if state is State.PROBLEM else 0)


def test_how_far_the_clock_may_be_off_is_the_policys(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("policy: 1\nlimits: {max_clock_skew: 90s}\n", encoding="utf-8")
    with exchange(datetime.now(UTC) + timedelta(seconds=60)) as served:
        one = replace(subject(tmp_path, paper_at(served.url)), policy_file=file)
        assert named(examine(one), "clock").state is State.WARNING


def test_the_clock_of_another_server_is_told_and_not_judged(tmp_path: Path) -> None:
    with exchange(datetime.now(UTC) + timedelta(hours=9)) as served:
        target = replace(paper_at(served.url), kind="url")
        clock = named(examine(subject(tmp_path, target)), "clock")
    assert clock.state is State.OK
    assert "may keep a time of its own" in clock.message


def test_which_feed_answers_is_told(tmp_path: Path) -> None:
    with exchange(datetime.now(UTC)) as served:
        feed = named(examine(subject(tmp_path, paper_at(served.url))), "data feed")
    assert feed.message.startswith("SIP (every exchange): AAPL bid ")


def test_an_account_that_the_policy_does_not_list_is_a_problem_on_live_only(
    tmp_path: Path,
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("policy: 1\naccounts: ['123456789']\n", encoding="utf-8")
    live_key = {"ALPACA_API_KEY": "AKABCDEFGHIJKLMNWXYZ"}
    with exchange(datetime.now(UTC)) as served:
        at = paper_at(served.url)
        paper = replace(subject(tmp_path, at), policy_file=file)
        live = replace(subject(tmp_path, replace(at, kind="live"), **live_key), policy_file=file)
        assert named(examine(paper), "account").state is State.OK
        said = named(examine(live), "account")
    assert said.state is State.PROBLEM
    assert "does not list the account ending in 0000" in said.message


# -------------------------------------------------------------------------------- only reading


@pytest.mark.parametrize("kind", ["sim", "url"])
def test_whatever_is_asked_of_a_look_nothing_is_sent(kind: str) -> None:
    body = {"symbol": "AAPL", "side": "buy", "type": "market", "time_in_force": "day", "qty": "1"}
    order = Submit("an-id", {**body, "client_order_id": "an-id"})
    with exchange(datetime.now(UTC)) as served:
        target = paper_at(served.url)
        target = replace(target, kind="sim", base_url="") if kind == "sim" else target
        with look(target, Credentials("PKTEST", "a-secret"), Timeouts()) as looking:
            for effect in (order, Cancel("an-order")):
                answer = looking.gateway.perform(effect, 1)
                assert answer.status is Status.REFUSED
                assert answer.problem is not None
                assert answer.problem.reason is Reason.NOT_SENT
        assert served.received.total == 0


# ------------------------------------------------------------------------------ the directories


@contextmanager
def disk_full() -> Iterator[None]:
    """No file can grow while it lasts."""
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def directories(tmp_path: Path) -> dict[str, Check]:
    found = doctor_directories.examine(subject(tmp_path, paper_at("http://127.0.0.1:1")))
    return {one.name: one for one in found}


def test_a_disk_that_takes_nothing_is_a_problem_and_the_probe_is_removed(tmp_path: Path) -> None:
    (tmp_path / "audit").mkdir()
    (tmp_path / "state").mkdir()
    with disk_full():
        found = directories(tmp_path)
    assert found["log directory"].state is State.PROBLEM
    assert found["state directory"].state is State.PROBLEM
    assert [*(tmp_path / "audit").iterdir()] == [*(tmp_path / "state").iterdir()] == []


def test_little_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "audit").mkdir()
    monkeypatch.setattr(doctor_directories, "LITTLE", 10**18)
    assert directories(tmp_path)["log directory"].state is State.WARNING
    monkeypatch.setattr(doctor_directories, "TOO_LITTLE", 10**18)
    assert directories(tmp_path)["log directory"].state is State.PROBLEM


def house_of(audit: Path, runs: int) -> None:
    """A directory of finished runs, as their ledger tells it."""
    audit.mkdir()
    head = GENESIS
    lines: list[bytes] = []
    for number in range(runs):
        run = f"20261120T{number // 3600:02d}{number // 60 % 60:02d}{number % 60:02d}Z-aaaaaaaa"
        (audit / f"{run}.jsonl").write_bytes(b"{}\n" * 200)
        log = {"log": f"{run}.jsonl"}
        closing = {**log, "head": GENESIS, "records": 200, "exit_code": 0}
        for kind, data in (("opened", log), ("closed", closing)):
            record, line = seal(
                seq=len(lines) + 1, wall_ns=10**18, run=run, type=kind, step=None, data=data,
                prev=head,
            )  # fmt: skip
            head = record.hash
            lines.append(line)
    (audit / LEDGER_NAME).write_bytes(b"".join(lines))


def test_a_house_of_1000_runs_is_examined_without_reading_their_logs(tmp_path: Path) -> None:
    house_of(tmp_path / "audit", 1000)
    began = time.monotonic()
    found = directories(tmp_path)
    assert time.monotonic() - began < 2
    assert found["ledger"].message == "whole, 2000 records"
    assert found["unfinished runs"].message == "none"
    assert found["log directory"].message.startswith(f"{tmp_path / 'audit'}: 1000 logs, ")


def test_locks_that_a_killed_process_left_behind_are_not_told_and_none_is_tried(
    tmp_path: Path,
) -> None:
    mine = Holder("a-run", os.getpid(), socket.gethostname(), "2026-11-23T15:00:00Z")
    gone = replace_pid(mine, 2**22 + 1)
    state = tmp_path / "state"
    with acquire("https://host", "one", ["AAPL", "F"], mine, directory=state):
        assert "a-run holds AAPL, F (process" in directories(tmp_path)["locks"].message
        with acquire("https://host", "two", "any", gone, directory=state):
            assert "holds any" not in directories(tmp_path)["locks"].message
    assert directories(tmp_path)["locks"].message == "no run holds one"


def replace_pid(holder: Holder, pid: int) -> Holder:
    return Holder(holder.run, pid, holder.host, holder.since)


# --------------------------------------------------------------------------- what is made of it


def test_a_check_with_a_defect_stops_no_other_and_is_a_problem() -> None:
    def defect() -> list[Check]:
        raise ZeroDivisionError("of ours")

    (found,) = stand_alone("clock", defect)
    assert found.state is State.PROBLEM
    assert "internal error: ZeroDivisionError" in found.message


@pytest.mark.parametrize(
    ("checks", "exit_code"),
    [
        ([ok("a", "")], 0),
        ([ok("a", ""), warning("b", "", "do")], 0),
        ([warning("b", "", "do"), problem("c", "", "do")], 4),
        ([problem("c", "", "do"), problem("d", "", "do", broker=True)], 7),
        ([ok("a", ""), unknown("e", "")], 4),
    ],
)
def test_the_exit_code_is_of_the_worst_and_unknown_is_never_fine(
    checks: list[Check], exit_code: int
) -> None:
    target = Target(kind="sim", base_url="", data_url="", loopback=True)
    assert Examination(target, tuple(checks)).exit_code == exit_code


# ------------------------------------------------------------------------------------ the drill


def lets_pass(one: Judged) -> Any:
    del one
    return let_pass("broken", "as you like")


def says_nothing(one: Judged) -> Any:
    del one


def breaks(one: Judged) -> Judged:
    raise NotImplementedError


GUARD = GUARDS[0]


@pytest.mark.parametrize(
    ("broken", "verdict"),
    [
        (replace(GUARD, code="broken", judge=lets_pass), "pass"),
        (replace(GUARD, code="broken", judge=says_nothing), "silent"),
        (replace(GUARD, code="broken", known_bad=breaks), "failed"),
    ],
)
def test_a_guard_that_does_not_refuse_its_bad_order_is_4_and_said_loudly(
    broken: Any, verdict: str
) -> None:
    sim = Target(kind="sim", base_url="", data_url="", loopback=True)
    with look(sim, Credentials("PKTEST", "a-secret"), Timeouts()) as looking:
        held = drill(looking, "AAPL", BUILT_IN, None, (GUARD, broken))
    assert held.exit_code == 4
    assert [one.verdict for one in held.fed] == ["refuse", verdict]
    text = drill_text(held, width=None, color=False)
    assert "broken DID NOT REFUSE ITS BAD ORDER." in text
    assert text.endswith("Only 1 of 2 guards refused. Nothing was sent.\n")
