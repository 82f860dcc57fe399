"""`runbook plan`: what it shows is what a run then does, and nothing is ever sent."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from acceptance.faulty_broker import answered
from acceptance.harness import ROOT, Ended, RunPlan, invoke, plan_of, policy_file
from acceptance.processes import PATIENCE, a_market
from acceptance.terminals import at_terminal
from jsonschema import Draft202012Validator

from runner.broker.credentials import find_credentials
from runner.broker.targets import resolve
from runner.broker.wire import Timeouts
from runner.cli.checking import check_file
from runner.drive.branches import project
from runner.drive.planning import HALTED, look_ahead
from runner.drive.projection import NOTES, Projection
from runner.drive.readings import Reads
from runner.effects import Answer, Reason, Status, Submit
from runner.guards.rules import BUILT_IN
from runner.language.runbook import Runbook
from runner.report.plan_schema import plan_schema
from runner.report.plan_screen import Planned, render
from runner.report.run_text import columns
from runner.report.run_words import order_in_words
from runner.sim import default_scenario
from runner.sim.scenario import Holding

LIBRARY = sorted((ROOT / "runbooks").glob("*.yaml"))
FIRST = ROOT / "runbooks" / "first-live-trade.yaml"
HELD = (
    "positions:\n  AAPL: {qty: 10, avg_entry_price: 250}\n  MSFT: {qty: 3, avg_entry_price: 400}\n"
)
NUMBER = "SIM00000000"
PLANS = Draft202012Validator({**plan_schema(), "anyOf": [{"$ref": "#/$defs/plan"}]})
EVERY = Draft202012Validator(plan_schema())

BUY = """\
  - id: entry
    name: Buy
    submit_order: {symbol: AAPL, side: buy, qty: 60, type: market}
  - await_fill: {order: entry, timeout: 60s}
"""


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from the developer's own configuration, state and logs."""
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("RUNBOOK_POLICY", raising=False)
    for name in ("ALPACA_API_KEY", "ALPACA_SECRET_KEY", "APCA_API_KEY_ID", "APCA_API_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUNBOOK_AUDIT_DIR", str(tmp_path / "audit"))


def plan(file: Path | str, *options: str, folder: Path | None = None) -> Ended:
    """One plan; a text is written into a file of the folder first."""
    if isinstance(file, str):
        assert folder is not None
        (folder / "plan.yaml").write_text(file, encoding="utf-8")
        file = folder / "plan.yaml"
    return invoke("plan", str(file), *options)


def data_of(file: Path | str, *options: str, folder: Path | None = None) -> Any:
    ended = plan(file, "--json", *options, folder=folder)
    data = json.loads(ended.stdout)
    PLANS.validate(data)
    return data


def held(folder: Path) -> str:
    (folder / "held.yaml").write_text(HELD, encoding="utf-8")
    return str(folder / "held.yaml")


# ------------------------------------------------------------------- what it shows is what is done


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: file.stem)
@pytest.mark.parametrize("start", ["fresh", "held"])
def test_every_order_that_the_run_sends_is_in_the_plan_and_on_its_screen(
    run_plan: RunPlan, tmp_path: Path, file: Path, start: str
) -> None:
    options = ["--scenario", held(tmp_path)] if start == "held" else []
    data = data_of(file, *options)
    screen = plan(file, *options).stdout
    ended = run_plan(file, "--yes", *options)
    assert ended.exit_code == data["totals"]["exit_code"] == 0, ended.stderr
    planned = [order for line in data["lines"] for order in line["orders"]]
    for body in ended.sent("POST"):
        body.pop("client_order_id")
        found = [one for one in planned if one["effect"] == "submit" and same(one, body)]
        assert found, body
        assert any(order_in_words(one["body"]) in plain(screen) for one in found)
    for body in ended.sent("PATCH"):
        body.pop("client_order_id", None)
        assert any(one["effect"] == "replace" and same(one, body) for one in planned), body


def same(planned: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether a body is the planned one, but for what the plan calls an estimate."""
    loose = {name.partition(".")[0] for name in planned["estimates"]}
    ours = {key: value for key, value in planned["body"].items() if key not in loose}
    return ours == {key: value for key, value in body.items() if key not in loose}


def plain(screen: str) -> str:
    return screen.replace("≈ ", "")


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: file.stem)
def test_a_plan_of_the_library_would_run_and_is_the_same_every_time(file: Path) -> None:
    first, again = plan(file, "--json"), plan(file, "--json")
    assert first.exit_code == 0, first.stderr
    assert first.stdout == again.stdout
    data = json.loads(first.stdout)
    assert data["totals"]["verdict"] == "runs"
    PLANS.validate(data)


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: file.stem)
def test_every_estimate_is_marked_with_its_basis(tmp_path: Path, file: Path) -> None:
    data = data_of(file, "--scenario", held(tmp_path))
    screen = plan(file, "--scenario", held(tmp_path)).stdout
    for order in data["lines"][0]["orders"]:
        for name, one in order["estimates"].items():
            assert one["certainty"] == "estimated"
            assert f"{name}: ≈ {one['value']}, {one['basis']}" in screen


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: file.stem)
def test_the_account_number_is_nowhere(file: Path) -> None:
    for ended in (plan(file), plan(file, "--json")):
        assert NUMBER not in ended.stdout + ended.stderr


# ----------------------------------------------------------------------------- verdicts and codes


def test_a_plan_that_a_guard_refuses_names_the_guard_and_ends_with_4(tmp_path: Path) -> None:
    ended = plan(plan_of(BUY), folder=tmp_path)
    assert ended.exit_code == 4
    assert "max_order_notional refuses: " in ended.stdout
    assert ended.stdout.splitlines()[-1].startswith("Simulated: 0 orders · refused: max_order_not")
    data = data_of(plan_of(BUY), folder=tmp_path)
    (refusal,) = data["lines"][0]["refusals"]
    assert refusal["guards"][-1]["guard"] == "max_order_notional"
    assert refusal["guards"][-1]["verdict"] == "refuse"


def test_what_a_line_leaves_and_its_account_are_of_one_moment(tmp_path: Path) -> None:
    """An order that is still open at the end has not filled yet in the account beside it."""
    text = plan_of("  - submit_order: {symbol: AAPL, side: buy, qty: 1, type: market}")
    (main, *_) = data_of(text, folder=tmp_path)["lines"]
    assert main["left"]["positions"] == []
    assert [one["symbol"] for one in main["end"]["positions"]] == ["AAPL"]
    shown = plan(text, folder=tmp_path).stdout
    assert (
        "  leaves: open: buy 1 AAPL market. The account: no position, cash ≈ 100,000.00."
        " Once filled: 1 AAPL, cash ≈ 99,729.99\n"
    ) in shown


def test_a_sale_that_waits_for_the_next_open_is_not_counted_before_it(tmp_path: Path) -> None:
    late = "start: 2026-11-23 16:30\n" + HELD
    (tmp_path / "late.yaml").write_text(late, encoding="utf-8")
    text = plan_of("  - close_position: {symbol: AAPL, scope: account}")
    shown = plan(text, "--scenario", str(tmp_path / "late.yaml"), folder=tmp_path).stdout
    (leaves,) = [line for line in shown.splitlines() if line.startswith("  leaves: ")]
    assert re.search(r"open: sell 10 AAPL .*The account: 10 AAPL, .*Once filled: 3 MSFT", leaves)


def test_a_check_that_refuses_ends_with_4(tmp_path: Path) -> None:
    ended = plan(plan_of("  - check_account: {min_cash: 1000000}"), folder=tmp_path)
    assert ended.exit_code == 4
    assert "refused: " in ended.stdout.splitlines()[-1]


def test_a_condition_on_the_market_cannot_be_told_and_ends_with_0(tmp_path: Path) -> None:
    steps = "  - id: q\n    get_quote: {symbol: AAPL}\n  - assert: steps.q.ask < 270.50"
    ended = plan(plan_of(steps), folder=tmp_path)
    assert ended.exit_code == 0
    assert "cannot tell  steps.q.ask < 270.50: taken as true" in ended.stdout
    last = "Simulated: 0 orders · cannot tell: 1 condition depends on the market"
    assert ended.stdout.splitlines()[-1] == last


def test_the_owners_policy_holds_in_a_plan(tmp_path: Path) -> None:
    policy = policy_file(tmp_path / "policy.yaml", "limits: {max_order_notional: 100}")
    steps = "  - submit_order: {symbol: AAPL, side: buy, qty: 1, type: market}"
    ended = plan(plan_of(steps), "--policy", str(policy), folder=tmp_path)
    assert ended.exit_code == 4
    assert "max_order_notional refuses" in ended.stdout
    assert "  max_orders 20" in ended.stdout


def test_a_runbook_that_is_looser_than_the_policy_is_refused_before_anything_is_read(
    tmp_path: Path,
) -> None:
    text = plan_of(BUY, head="symbols: [AAPL]\nlimits: {max_order_notional: 99999}")
    ended = plan(text, "--json", folder=tmp_path)
    EVERY.validate(json.loads(ended.stdout))
    assert ended.exit_code == 4
    assert "max_order_notional" in ended.stderr


def test_an_invalid_runbook_ends_with_3_and_its_findings(tmp_path: Path) -> None:
    ended = plan(plan_of("  - buy_low: {}"), "--json", folder=tmp_path)
    data = json.loads(ended.stdout)
    EVERY.validate(data)
    assert (ended.exit_code, data["exit_code"], data["plan"]) == (3, 3, None)
    assert data["findings"][0]["line"] == 5
    assert "Nothing was sent." in ended.stderr


@pytest.mark.parametrize("options", [["--on", "sim", "--data-url", "https://x.example"],
                                     ["--on", "nonsense"],
                                     ["--on", "paper", "--seed", "1"]])  # fmt: skip
def test_options_that_make_no_sense_end_with_2(options: list[str]) -> None:
    assert plan(FIRST, *options).exit_code == 2


def test_without_credentials_it_ends_with_7_and_says_where_they_come_from(tmp_path: Path) -> None:
    ended = plan(FIRST, "--on", "paper", "--json")
    EVERY.validate(json.loads(ended.stdout))
    assert ended.exit_code == 7
    assert "ALPACA_API_KEY" in ended.stderr


def test_a_refused_key_is_said_in_sentences_with_one_full_stop(tmp_path: Path) -> None:
    with a_market(tmp_path) as market:
        said = answered(401, b'{"message":"unauthorized."}')
        market.broker.on("GET", "/v2/account", said, for_ever=True)
        ended = plan(plan_of(BUY), "--on", market.broker.url, folder=tmp_path)
    assert ended.exit_code == 7
    assert "unauthorized. Nothing was sent." in ended.stderr
    assert ".." not in ended.stderr


def test_a_server_that_nobody_serves_ends_with_7_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_keys(monkeypatch)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    ended = plan(FIRST, "--on", url, "--connect-timeout", "0.5", "--json")
    EVERY.validate(json.loads(ended.stdout))
    assert ended.exit_code == 7
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.endswith("Nothing was sent.\n")


def with_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPACA_API_KEY", "PKTEST")
    monkeypatch.setenv("ALPACA_SECRET_KEY", "a-secret")


# ------------------------------------------------------------------------------- nothing is done


def test_only_readings_reach_a_server_and_the_account_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_keys(monkeypatch)
    with a_market(tmp_path) as market:
        before = market.ask("/v2/account")
        ended = plan(FIRST, "--on", market.broker.url)
        assert ended.exit_code == 0, ended.stdout + ended.stderr
        assert {method for method, _ in market.broker.asked} == {"GET"}
        assert market.orders == []
        assert market.ask("/v2/account") == before
    assert f"Plan of first-live-trade on {market.broker.url}. Nothing was sent." in ended.stdout


def test_a_write_that_is_attempted_in_a_plan_cannot_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_keys(monkeypatch)
    told: list[Answer] = []

    def attempt(runbook: Runbook, reads: Reads, **more: Any) -> Projection:
        body = {"symbol": "AAPL", "side": "buy", "qty": "1", "type": "market",
                "time_in_force": "day", "client_order_id": "mine"}  # fmt: skip
        told.append(reads.perform(Submit("mine", body), 1))
        return project(runbook, reads, **more)

    monkeypatch.setattr("runner.drive.planning.project", attempt)
    with a_market(tmp_path) as market:
        assert plan(FIRST, "--on", market.broker.url).exit_code == 0
        assert {method for method, _ in market.broker.asked} == {"GET"}
        assert market.orders == []
    (answer,) = told
    assert answer.status is Status.REFUSED
    assert answer.problem is not None
    assert answer.problem.reason is Reason.NOT_SENT


def test_a_plan_leaves_no_file_behind(tmp_path: Path) -> None:
    assert plan(FIRST).exit_code == 0
    assert [*tmp_path.iterdir()] == []


def test_what_other_runs_sent_counts_in_a_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_keys(monkeypatch)
    policy = policy_file(tmp_path / "policy.yaml", "limits: {max_day_orders: 1}")
    with a_market(tmp_path) as market:
        options = ["--on", market.broker.url, "--policy", str(policy)]
        assert plan(FIRST, *options).exit_code == 0
        assert invoke("run", str(FIRST), *options).exit_code == 0
        ended = plan(FIRST, *options)
    assert ended.exit_code == 4
    assert "max_day_orders refuses: this would be order 2 of at most 1" in ended.stdout


def test_a_halt_is_a_warning(tmp_path: Path) -> None:
    assert invoke("halt", "--reason", "lunch").exit_code == 0
    ended = plan(FIRST)
    assert ended.exit_code == 0
    assert re.search(r"\n  PL016 halted .*lunch", ended.stdout)


# ------------------------------------------------------------------------------------- terminals


def screen_of(file: Path, width: int, **scenario: Any) -> str:
    runbook = check_file(file, {})[0].runbook  # type: ignore[union-attr]
    assert runbook is not None
    target = resolve("sim")
    found = look_ahead(
        runbook, target, find_credentials(target, {}, []), BUILT_IN,
        audit_dir=Path("nowhere"), timeouts=Timeouts(), scenario=default_scenario(**scenario),
    )  # fmt: skip
    planned = Planned(found, runbook, f"runbooks/{file.name}", target, BUILT_IN)
    return render(planned, width=width, color=False)


@pytest.mark.parametrize("width", [80, 60])
@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: file.stem)
def test_it_fits_its_width(file: Path, width: int) -> None:
    shown = screen_of(file, width, positions=(Holding("AAPL", Decimal(10), Decimal(250)),))
    assert max(map(columns, shown.splitlines())) <= width


def test_the_screen_on_its_page_is_the_one_that_is_shown() -> None:
    """But for the names of the guards, which have a page of their own."""
    guards = re.compile(r"^     (pass|exempt): .*?(?=^  order|\n$)", re.MULTILINE | re.DOTALL)
    page = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")
    _, _, rest = page.partition("```console\n$ runbook plan runbooks/first-live-trade.yaml\n")
    on_page, _, _ = rest.partition("```")
    assert guards.sub("", on_page) == guards.sub("", screen_of(FIRST, 80))


def test_every_code_of_a_warning_is_on_its_page() -> None:
    page = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")
    assert {*NOTES, HALTED} == set(re.findall(r"^\| (PL\d+) \|", page, re.MULTILINE))


@pytest.mark.parametrize("options", [(), ("--no-color",)])
def test_at_a_terminal_it_wraps_and_has_colour_unless_refused(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    arguments = ["plan", str(FIRST), *options]
    narrow = {"COLUMNS": "60", "NO_COLOR": ""}
    with at_terminal(tmp_path, arguments, environment=narrow) as terminal:
        assert terminal.end() == 0, terminal.shown
    assert max(map(columns, terminal.shown.splitlines())) <= 60
    assert ("\x1b[" in terminal.written) == (not options)
    assert "Simulated: 2 orders · about $540.00 · would run" in terminal.shown


def test_a_stream_without_the_mark_gets_another(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "runner", "plan", str(FIRST)],
        env=environment, cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"filled, 1 at ~ 270.01, ask at 10:00:00" in done.stdout


def test_ctrl_c_prints_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_keys(monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-m", "runner", "plan", str(FIRST), "--on", url],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        silent.settimeout(PATIENCE)
        connection, _ = silent.accept()
        connection.recv(1024)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        connection.close()
    assert (process.returncode, out, err) == (130, "", "Interrupted. Nothing was sent.\n")
