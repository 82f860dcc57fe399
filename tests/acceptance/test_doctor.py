"""`runbook doctor`: what is missing is named, one failed check stops no other, and it only reads.

Against the served exchange over real HTTP, with faults, and over real directories.
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from acceptance.faulty_broker import PORTAL, Fault, answered, faulty, without
from acceptance.harness import FIRST_RUNBOOK, Ended, invoke, plan_of, policy_file
from acceptance.processes import RESTING, a_market

from runner.audit.ids import RANDOM_BYTES, run_id
from runner.audit.journal import Journal
from runner.audit.ledger import Ledger
from runner.broker import connection
from runner.sim import Exchange, FlowingClock, Served, default_scenario, read_scenario, serve

QUICK = ("--connect-timeout", "0.3", "--read-timeout", "5")
NAMES = ("ALPACA_API_KEY", "ALPACA_SECRET_KEY", "APCA_API_KEY_ID", "APCA_API_SECRET_KEY")
KEY, SECRET = "PKABCDEFGHIJKLMNWXYZ", "a-secret-of-forty-characters-0123456789"
ACCOUNT = "/v2/account"


@pytest.fixture(autouse=True)
def own_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A house of the test's own: nothing of the developer's is read."""
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in (*NAMES, "RUNBOOK_POLICY", "RUNBOOK_AUDIT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(connection, "_FIRST_PAUSE", 0.01)  # reads are tried again, and sooner


@contextmanager
def exchange(**scenario: Any) -> Iterator[Served]:
    """A served exchange whose time flows; keyword arguments are a scenario's."""
    made = read_scenario(scenario) if scenario else default_scenario()
    with serve(Exchange(made), FlowingClock(made.start)) as served:
        yield served


def examined(on: str, *more: str) -> Ended:
    """`runbook doctor --json`; its `data` is the object."""
    ended = invoke("doctor", "--on", on, "--json", *QUICK, *more)
    return Ended(ended.exit_code, ended.stdout, ended.stderr, json.loads(ended.stdout))


def checks(ended: Ended, name: str) -> list[dict[str, Any]]:
    return [one for one in ended.data["checks"] if one["name"] == name]


def check(ended: Ended, name: str) -> dict[str, Any]:
    (found,) = checks(ended, name)
    return found


def states(ended: Ended) -> dict[str, str]:
    return {one["name"]: one["state"] for one in ended.data["checks"]}


def with_account(fault: Fault) -> Ended:
    """What is found where reading the account goes wrong."""
    with exchange() as served, faulty(served.url) as broker:
        broker.on("GET", ACCOUNT, fault, for_ever=True)
        return examined(broker.url)


# ------------------------------------------------------------------------------- all is well


def test_where_all_is_well_it_is_0_and_the_server_saw_reads_only(tmp_path: Path) -> None:
    (tmp_path / "audit").mkdir()
    with exchange() as served:
        ended = examined(served.url)
        received = served.received.after(0, 1000)
    assert ended.exit_code == 0
    assert set(states(ended).values()) == {"ok"}
    assert {one.request.method for one in received} == {"GET"}
    assert len(received) == 4
    assert [*(tmp_path / "audit").iterdir()] == []


def test_a_first_look_makes_no_directory(tmp_path: Path) -> None:
    ended = invoke("doctor")
    assert ended.exit_code == 0
    assert [*tmp_path.iterdir()] == []
    assert "audit is not there yet" in ended.stdout


def test_it_is_read_without_a_terminal_in_80_columns_and_says_that_it_is_simulated() -> None:
    ended = invoke("doctor")
    lines = ended.stdout.splitlines()
    assert lines[0] == "runbook doctor on the simulated exchange"
    assert "the simulated account ending in" in ended.stdout
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in ended.stdout
    assert lines[-1] == "no problems, no warnings. Nothing was sent."


def test_the_account_is_named_by_its_last_4_only() -> None:
    with exchange(seed=12345678) as served:
        ended = examined(served.url)
    assert "ending in 5678" in check(ended, "account")["message"]
    assert "SIM12345678" not in ended.stdout + ended.stderr


# -------------------------------------------------------------------------------- the broker


def test_a_broker_that_cannot_be_reached_is_7_and_the_house_is_examined_all_the_same() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    ended = examined(url)
    assert ended.exit_code == 7
    found = states(ended)
    assert found["target"] == "problem"
    assert {found[name] for name in ("clock", "account", "data feed")} == {"unknown"}
    assert {found[name] for name in ("policy", "log directory", "kill switch")} == {"ok"}
    assert "a server runs at" in check(ended, "target")["todo"]
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("fault", [PORTAL, answered(404, b'{"message":"endpoint not found"}')])
def test_what_does_not_speak_the_trading_api_is_7(fault: Fault) -> None:
    ended = with_account(fault)
    assert ended.exit_code == 7
    assert "does not speak the Trading API" in check(ended, "target")["todo"]


def test_keys_that_the_broker_refuses_are_7(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPACA_API_KEY", KEY)
    monkeypatch.setenv("ALPACA_SECRET_KEY", SECRET)
    with exchange(keys={"key": "PKANOTHERKEY", "secret": "another-secret"}) as served:
        ended = examined(served.url)
    assert ended.exit_code == 7
    assert check(ended, "target")["state"] == "ok"
    assert "refuses the credentials" in check(ended, "account")["message"]
    assert check(ended, "configuration")["state"] == "unknown"


def test_paper_without_a_key_is_7_and_nothing_is_asked() -> None:
    ended = examined("paper")
    assert ended.exit_code == 7
    assert "No API key is set" in check(ended, "credentials")["message"]
    assert check(ended, "target")["state"] == "unknown"


def test_a_key_of_the_wrong_environment_is_7(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APCA_API_KEY_ID", KEY)
    monkeypatch.setenv("APCA_API_SECRET_KEY", SECRET)
    ended = examined("live")
    assert ended.exit_code == 7
    assert "is a paper key" in check(ended, "credentials")["message"]


@pytest.mark.parametrize(("mode", "state"), [(0o600, "ok"), (0o644, "warning")])
def test_where_a_key_was_found_is_said_and_only_its_last_4(
    tmp_path: Path, mode: int, state: str
) -> None:
    file = tmp_path / ".env"
    file.write_text(f"ALPACA_API_KEY={KEY}\nALPACA_SECRET_KEY={SECRET}\n", encoding="utf-8")
    file.chmod(mode)
    with exchange() as served:
        ended = examined(served.url)
    said = check(ended, "credentials")
    assert said["state"] == state
    assert "ending in WXYZ" in said["message"]
    assert str(file) in said["message"]
    assert KEY not in ended.stdout + ended.stderr
    assert SECRET not in ended.stdout + ended.stderr
    assert ended.exit_code == 0


def test_a_server_that_repeats_the_key_does_not_get_it_on_the_screen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALPACA_API_KEY", KEY)
    monkeypatch.setenv("ALPACA_SECRET_KEY", SECRET)
    body = json.dumps({"message": f"{KEY}:{SECRET} [bold]no[/bold] \x1b[31mred"}).encode()
    ended = with_account(answered(403, body))
    assert ended.exit_code == 7
    assert KEY not in ended.stdout + ended.stderr
    assert SECRET not in ended.stdout + ended.stderr
    assert "[bold]no[/bold]" in ended.stderr
    assert "\x1b" not in ended.stderr


# -------------------------------------------------------------------------------- the account


@pytest.mark.parametrize(
    ("scenario", "name", "words"),
    [
        ({"trading_blocked": True}, "account", "trading_blocked set"),
        ({"account_blocked": True}, "account", "account_blocked set"),
        ({"status": "ACCOUNT_CLOSED"}, "account", "ACCOUNT_CLOSED, not ACTIVE"),
        ({"trade_suspended_by_user": True}, "configuration", "suspend_trade is set"),
        ({"omit": ["trading_blocked"]}, "account", "did not say whether trading_blocked"),
        ({"omit": ["status"]}, "account", "of no known status"),
        ({"omit": ["buying_power", "equity"]}, "buying power", "did not say equity and"),
    ],
)
def test_an_account_that_cannot_trade_or_does_not_say_so_is_4(
    scenario: dict[str, Any], name: str, words: str
) -> None:
    with exchange(**scenario) as served:
        ended = examined(served.url)
    assert ended.exit_code == 4
    assert check(ended, name)["state"] == "problem"
    assert words in check(ended, name)["message"]
    assert check(ended, name)["todo"]
    assert check(ended, "data feed")["state"] == "ok"


def test_a_configuration_that_does_not_say_suspend_trade_is_4() -> None:
    with exchange() as served, faulty(served.url) as broker:
        broker.on("GET", "/v2/account/configurations", without("suspend_trade"), for_ever=True)
        ended = examined(broker.url)
    assert ended.exit_code == 4
    assert "did not say whether suspend_trade" in check(ended, "configuration")["message"]


def test_a_level_that_is_not_told_is_a_warning() -> None:
    with exchange(omit=["options_trading_level"]) as served:
        ended = examined(served.url)
    assert ended.exit_code == 0
    assert check(ended, "buying power")["state"] == "warning"
    assert "options level unknown" in check(ended, "buying power")["message"]


def test_a_server_without_a_clock_is_4_and_the_age_of_a_quote_is_unknown() -> None:
    with exchange() as served, faulty(served.url) as broker:
        broker.on("GET", "/v2/clock", without("timestamp"), for_ever=True)
        ended = examined(broker.url, "--connect-timeout", "0.2")
    assert ended.exit_code == 4
    assert check(ended, "clock")["state"] == "problem"
    assert "its age is unknown" in check(ended, "data feed")["message"]


# --------------------------------------------------------------------------------- the market


def test_a_stale_quote_is_a_warning() -> None:
    with exchange(faults=[{"fault": "stale_data", "symbol": "AAPL", "time": "2m"}]) as served:
        ended = examined(served.url)
    assert ended.exit_code == 0
    said = check(ended, "data feed")
    assert said["state"] == "warning"
    assert "more than 10 s, while the market is open" in said["message"]


def test_an_old_quote_of_a_closed_market_is_as_it_should_be() -> None:
    with exchange(start="2026-11-22 12:00") as served:
        ended = examined(served.url)
    assert check(ended, "data feed")["state"] == "ok"
    assert "the market is closed" in check(ended, "data feed")["message"]


def test_no_market_data_is_4() -> None:
    with exchange() as served, faulty(served.url) as broker:
        body = b'{"message":"subscription does not permit querying this data"}'
        broker.on("GET", "/v2/stocks/*", answered(403, body), for_ever=True)
        ended = examined(broker.url)
    assert ended.exit_code == 4
    assert "does not permit" in check(ended, "data feed")["message"]


def test_a_symbol_that_nobody_quotes_is_4_and_one_that_is_none_is_2() -> None:
    with exchange() as served:
        assert examined(served.url, "--symbol", "NOSUCH").exit_code == 4
        assert invoke("doctor", "--on", served.url, "--symbol", "a b").exit_code == 2
    assert invoke("doctor", "--on", "nowhere").exit_code == 2


# --------------------------------------------------------------------------------- the policy


def test_every_mistake_in_the_policy_is_told_with_its_place(tmp_path: Path) -> None:
    keys = "limits: {max_orders: many}\nsidess: [buy]"
    file = policy_file(tmp_path / "policy.yaml", keys)
    ended = examined("sim", "--policy", str(file))
    assert ended.exit_code == 4
    said = [one["message"] for one in checks(ended, "policy")]
    assert len(said) == 2
    assert re.match(rf"{re.escape(str(file))}:2:\d+: ", said[0])
    assert re.match(rf"{re.escape(str(file))}:3:1: ", said[1])


def test_what_the_policy_sets_and_which_guards_are_off_is_told(tmp_path: Path) -> None:
    keys = (
        "accounts: ['123456789']\nlimits: {max_orders: 3}\n"
        "guards_off: [{guard: wash_trade, reason: one bot only}]"
    )
    file = policy_file(tmp_path / "policy.yaml", keys)
    ended = examined("sim", "--policy", str(file))
    assert ended.exit_code == 0
    assert "it lists 1 account" in check(ended, "policy")["message"]
    assert "max_orders 3" in check(ended, "ceilings")["message"]
    assert "wash_trade is turned off: one bot only" in check(ended, "guard off")["message"]
    assert "123456789" not in ended.stdout + ended.stderr


def test_live_without_a_policy_is_a_problem_that_is_told_without_asking_alpaca() -> None:
    ended = examined("live")
    assert check(ended, "policy")["state"] == "problem"
    assert "under `accounts`" in check(ended, "policy")["todo"]


# ----------------------------------------------------------------------------- the directories


def test_a_log_directory_that_cannot_be_written_is_4(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    file.write_text("not a directory", encoding="utf-8")
    below = examined("sim", "--audit-dir", str(file / "logs"))
    assert below.exit_code == 4
    assert check(below, "log directory")["state"] == "problem"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="a directory nobody can write")
def test_a_read_only_log_directory_is_4_even_for_root() -> None:
    ended = examined("sim", "--audit-dir", "/proc/self/task")
    assert ended.exit_code == 4
    assert "cannot be written" in check(ended, "log directory")["message"]
    assert "RUNBOOK_AUDIT_DIR" in check(ended, "log directory")["todo"]


def test_a_state_directory_that_cannot_be_written_is_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "taken"))
    ended = examined("sim")
    assert ended.exit_code == 4
    assert check(ended, "state directory")["state"] == "problem"


def rehearsed(tmp_path: Path) -> Path:
    """The ledger of a directory with one finished run."""
    assert invoke("run", str(FIRST_RUNBOOK), "--audit-dir", str(tmp_path / "audit")).exit_code == 0
    return tmp_path / "audit" / "ledger.jsonl"


def test_a_damaged_ledger_is_4_and_what_it_would_tell_is_unknown(tmp_path: Path) -> None:
    ledger = rehearsed(tmp_path)
    assert states(examined("sim"))["ledger"] == "ok"
    ledger.write_bytes(ledger.read_bytes().replace(b'"exit_code":0', b'"exit_code":5'))
    ended = examined("sim")
    assert ended.exit_code == 4
    assert "damaged: line 2" in check(ended, "ledger")["message"]
    assert check(ended, "ledger")["command"] == "runbook audit verify audit"
    assert check(ended, "unfinished runs")["state"] == "unknown"


def test_a_log_that_is_gone_is_4(tmp_path: Path) -> None:
    ledger = rehearsed(tmp_path)
    for log in ledger.parent.glob("*.jsonl"):
        if log != ledger:
            log.unlink()
    ended = examined("sim")
    assert ended.exit_code == 4
    assert "which is not there" in check(ended, "ledger")["message"]


def test_a_ledger_whose_last_line_was_cut_off_is_a_warning(tmp_path: Path) -> None:
    ledger = rehearsed(tmp_path)
    with ledger.open("ab") as file:
        file.write(b'{"data":')
    ended = examined("sim")
    assert ended.exit_code == 0
    assert check(ended, "ledger")["state"] == "warning"


def test_a_run_under_way_is_named_with_its_locks_and_one_that_died_with_how_to_settle_it(
    tmp_path: Path,
) -> None:
    with a_market(tmp_path) as market:
        running = market.awaiting(plan_of(RESTING))
        during = examined(market.served.url)
        running.send("SIGKILL")
        running.end()
        after = examined(market.served.url)
        methods = [one.request.method for one in market.served.received.after(0, 10_000)]
        log = market.log
    assert during.exit_code == 0
    assert f"{log.stem} is under way" in check(during, "unfinished runs")["message"]
    assert f"{log.stem} holds AAPL" in check(during, "locks")["message"]
    assert after.exit_code == 4
    said = check(after, "unfinished runs")
    assert "may be live" in said["message"]
    # relative to where the command was typed, so that it can be typed there
    assert said["command"] == f"runbook resume {Path('audit') / log.name}"
    assert check(after, "locks")["message"] == "no run holds one"
    assert methods.count("POST") == 1  # the run's own order
    assert not set(methods) - {"GET", "POST"}


def test_a_run_that_never_wrote_a_record_is_nothing_to_settle(tmp_path: Path) -> None:
    ledger = rehearsed(tmp_path)
    journal = Journal.create(
        ledger.parent, run_id(datetime.now(UTC), b"0" * RANDOM_BYTES), wall=time.time_ns
    )
    Ledger(ledger.parent, wall=time.time_ns).opened(journal)
    assert "is under way" in check(examined("sim"), "unfinished runs")["message"]
    journal.close()
    assert check(examined("sim"), "unfinished runs")["message"] == "none"


def test_a_simulated_run_that_was_cut_short_left_nothing_live(tmp_path: Path) -> None:
    ledger = rehearsed(tmp_path)
    (log,) = (one for one in ledger.parent.glob("*.jsonl") if one != ledger)
    for file in (ledger, log):  # as a crash right before the end leaves them
        lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join(lines[:-1]))
    ended = examined("sim")
    assert ended.exit_code == 0
    said = check(ended, "unfinished runs")
    assert said["state"] == "warning"
    assert "nothing of it is live" in said["message"]


@pytest.mark.parametrize("where", ["user", "directory"])
def test_a_halt_is_4_and_says_by_whom_why_and_how_it_ends(tmp_path: Path, where: str) -> None:
    named = ("--audit-dir", str(tmp_path / "audit")) if where == "directory" else ()
    assert invoke("halt", "--reason", "odd fills", *named).exit_code == 0
    ended = examined("sim")
    assert ended.exit_code == 4
    said = checks(ended, "kill switch")
    assert len(said) == (2 if where == "directory" else 1)
    assert all("odd fills" in one["message"] for one in said)
    assert said[-1]["command"].startswith("runbook unhalt --reason")


# --------------------------------------------------------------------------------- the screen


def test_every_problem_says_what_to_do_on_the_screen(tmp_path: Path) -> None:
    invoke("halt")
    ended = invoke("doctor", "--on", "paper", "--audit-dir", str(tmp_path / "audit"))
    assert ended.exit_code == 7
    assert max(map(len, ended.stdout.splitlines())) <= 80
    assert ended.stdout.count("To do: ") == 2
    assert ended.stdout.splitlines()[-1] == (
        "2 problems, no warnings, 6 not examined. Nothing was sent."
    )


def test_json_is_one_object_on_stdout_and_the_table_is_on_stderr() -> None:
    ended = examined("sim")
    assert ended.stdout.count("\n") == 1
    assert ended.data["exit_code"] == 0
    assert ended.data["simulated"] is True
    assert ended.stderr.startswith("runbook doctor on the simulated exchange")


def test_proxies_are_told_without_their_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2@proxy.example:3128")
    ended = examined("sim")
    assert "https_proxy proxy.example:3128" in check(ended, "environment")["message"]
    assert "hunter2" not in ended.stdout + ended.stderr
    assert os.environ["HTTPS_PROXY"].endswith("3128")
