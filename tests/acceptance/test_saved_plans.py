"""A saved plan is carried out only while the world is the one that it was shown for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from acceptance.faulty_broker import faulty
from acceptance.harness import FIRST_RUNBOOK, Ended, RunPlan, invoke, plan_of, policy_file
from acceptance.test_actions_beside_others import MARKET, Account

from runner.audit.canonical import canonical_bytes, digest
from runner.audit.commitment import commitment
from runner.audit.log import read_log
from runner.audit.records import Record
from runner.drive.admission import Admission, not_listed_any_more
from runner.drive.drift import drift
from runner.drive.live_gate import lacking
from runner.drive.saved_plan import load
from runner.guards import BUILT_IN, Policy
from runner.language.check import check
from runner.language.source import Source
from runner.sim import Exchange, VirtualClock, read_scenario, serve
from runner.sim.sources import Point
from runner.steps import ACTIONS

BUY = """\
  - id: entry
    submit_order: {symbol: AAPL, side: buy, qty: 5, type: limit, limit_price: 101.00}
"""
CLOSE = "  - close_all: {scope: symbols}\n"


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """A served exchange whose clock stands still unless a test moves it."""
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("RUNBOOK_POLICY", raising=False)
    for name in ("ALPACA_API_KEY", "ALPACA_SECRET_KEY", "APCA_API_KEY_ID", "APCA_API_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    scenario = read_scenario(MARKET)
    with ExitStack() as stack:
        served = stack.enter_context(serve(Exchange(scenario), VirtualClock(scenario.start)))
        yield Account(served, stack.enter_context(faulty(served.url)), tmp_path / "audit")


def saved(account: Account, steps: str = BUY, *options: str) -> Path:
    """A plan of these steps, saved."""
    folder = account.audit.parent
    head = "symbols: [AAPL, MSFT]"
    (folder / "plan.yaml").write_text(plan_of(steps, head=head), encoding="utf-8")
    file = folder / "plan.json"
    made = invoke(
        "plan", str(folder / "plan.yaml"), "--on", account.served.url, "-o", str(file),
        "--audit-dir", str(account.audit), *options,
    )  # fmt: skip
    assert made.exit_code == 0, made.stdout + made.stderr
    return file


def carry_out(account: Account, file: Path, *options: str) -> Ended:
    ended = invoke(
        "run", "--plan", str(file), "--json", "--audit-dir", str(account.audit), *options
    )
    data = json.loads(ended.stdout) if ended.stdout else {}
    log = Path(data["audit_log"]) if data.get("audit_log") else None
    return Ended(ended.exit_code, ended.stdout, ended.stderr, data, log)


def posts(account: Account) -> list[str]:
    """The ids of the account's orders, whatever became of them."""
    found = account.ask("GET", "/v2/orders?status=all&limit=500")
    return [one["id"] for one in found]


def refused(account: Account, file: Path, words: str, *options: str) -> None:
    """The plan is refused in these words, with 11, nothing sent, and the refusal on record."""
    before = posts(account)
    ended = carry_out(account, file, *options)
    assert ended.exit_code == 11, ended.stderr
    assert words in ended.stderr
    assert "Nothing was sent." in ended.stderr
    assert "Traceback" not in ended.stderr
    assert posts(account) == before
    ledger = read_log(account.audit / "ledger.jsonl").records
    assert (ledger[-1].type, ledger[-1].data["exit_code"]) == ("refused", 11)


def set_price(account: Account, symbol: str, price: str) -> None:
    value, cent = Decimal(price), Decimal("0.01")
    point = Point(account.served.exchange.now, value, value - cent, value + cent)
    account.served.exchange.tape.set_price(symbol, point)


def test_a_plan_of_an_unmoved_world_is_carried_out_and_the_log_names_it(account: Account) -> None:
    file = saved(account)
    ended = carry_out(account, file)
    assert ended.exit_code == 0, ended.stderr
    assert [one["qty"] for one in ended.data["orders"]] == ["5"]
    plan = load(file)
    assert ended.records[0].data["plan"] == {
        "sha256": plan.digest, "approved_by": "", "approved_how": "",
    }  # fmt: skip
    assert ended.records[0].data["runbook"]["text"] == plan_of(BUY, head="symbols: [AAPL, MSFT]")
    assert ended.log is not None
    assert invoke("audit", "verify", str(ended.log)).exit_code == 0
    assert invoke("replay", str(ended.log)).exit_code == 0


def test_equal_observations_at_an_equal_clock_reading_give_equal_bytes(tmp_path: Path) -> None:
    made = []
    for start in ("2026-11-23T15:00:00Z", "2026-11-23T15:00:00Z", "2026-11-23T15:00:01Z"):
        (tmp_path / "s.yaml").write_text(f"start: {start}\n", encoding="utf-8")
        file = tmp_path / "p.json"
        options = ["--scenario", str(tmp_path / "s.yaml"), "--audit-dir", str(tmp_path / "audit")]
        invoke("plan", str(FIRST_RUNBOOK), "-o", str(file), *options)
        data = json.loads(file.read_bytes())
        del data["scenario"], data["digest"]
        made.append(canonical_bytes(data))
    assert made[0] == made[1] != made[2]


def test_a_position_that_somebody_opened_meanwhile_is_drift(account: Account) -> None:
    file = saved(account)
    account.order("MSFT", side="buy", qty=2, type="market", time_in_force="day")
    account.settle()
    refused(account, file, "position in MSFT 0 → 2")


def test_an_order_that_somebody_placed_meanwhile_is_drift(account: Account) -> None:
    file = saved(account)
    account.order("MSFT", side="buy", qty=2, type="limit", limit_price="40", time_in_force="day")
    refused(account, file, "open order buy 2 MSFT limit 40 is new")


def test_a_quote_that_moved_is_drift_and_the_collar_that_now_refuses_is_said(
    account: Account,
) -> None:
    steps = BUY.replace("101.00", "104.00")
    file = saved(account, steps)
    set_price(account, "AAPL", "98.00")
    refused(account, file, "AAPL ask 100.01 → 98.01 (-2.0%, more than 1%)")
    refused(account, file, "price_collar now refuses steps[0]")


def test_a_move_within_the_tolerance_is_none(account: Account) -> None:
    file = saved(account)
    set_price(account, "AAPL", "100.90")
    assert carry_out(account, file).exit_code == 0


def test_buying_power_that_was_spent_elsewhere_is_drift(account: Account) -> None:
    file = saved(account, BUY.replace("qty: 5", "qty: 90"))
    account.served.exchange.account.cash = Decimal("2300")
    refused(account, file, "does not cover the plan's")


def test_a_size_that_is_reckoned_anew_is_drift_although_it_was_an_estimate(
    account: Account,
) -> None:
    steps = """\
  - id: a
    check_account:
  - id: q
    get_quote: {symbol: AAPL}
  - id: entry
    submit_order: {symbol: AAPL, side: buy, qty: =floor(steps.a.cash * 2% / steps.q.ask)}
  - await_fill: {order: entry, timeout: 60s}
"""
    file = saved(account, steps)
    account.served.exchange.account.cash *= Decimal("1.5")
    refused(account, file, "qty 29, side buy, symbol AAPL")


def test_an_order_that_was_not_in_the_plan_is_drift(account: Account) -> None:
    steps = """\
  - id: a
    check_account:
  - id: entry
    submit_order: {symbol: AAPL, side: buy, qty: 1}
  - await_fill: {order: entry, timeout: 60s}
  - id: more
    when: steps.a.cash > 140000
    submit_order: {symbol: MSFT, side: buy, qty: 50}
"""
    file = saved(account, steps)
    account.served.exchange.account.cash *= 2
    refused(account, file, "steps[3] would also submit")


def test_an_order_that_the_plan_had_and_the_run_would_not_send_is_drift(account: Account) -> None:
    steps = """\
  - id: a
    check_account:
  - id: entry
    when: steps.a.cash > 80000
    submit_order: {symbol: AAPL, side: buy, qty: 1}
"""
    file = saved(account, steps)
    account.served.exchange.account.cash /= 2
    refused(account, file, "steps[1] would no longer submit")


def test_a_market_that_closed_meanwhile_is_drift(account: Account) -> None:
    exchange = account.served.exchange
    account.served.clock.advance_to(exchange.now.replace(hour=20, minute=55))
    file = saved(account, BUY + "  - await_fill: {order: entry, timeout: 60s}\n")
    account.served.clock.advance_to(exchange.now.replace(hour=21, minute=5))
    refused(account, file, "the market was open and is closed")


def test_a_guard_that_now_refuses_an_entry_that_is_awaited_is_drift(
    account: Account, run_plan: RunPlan
) -> None:
    owner = policy_file(account.audit.parent / "owner.yaml", "limits: {max_day_orders: 1}")
    steps = BUY + "  - await_fill: {order: entry, timeout: 60s}\n"
    file = saved(account, steps, "--policy", str(owner))
    resting = BUY.replace("101.00", "90.00")
    assert run_plan(plan_of(resting), "--on", account.served.url).exit_code == 0
    refused(account, file, "max_day_orders now refuses steps[0]", "--policy", str(owner))


def test_a_plan_is_carried_out_once(account: Account) -> None:
    file = saved(account)
    assert carry_out(account, file).exit_code == 0
    refused(account, file, "has carried out this plan")


def test_crypto_is_paid_from_the_buying_power_that_is_not_marginable() -> None:
    base = {"positions": {}, "open_orders": {}, "market_open": "true", "quotes": {},
            "tolerance": "0.01", "main": "main", "exit_code": 0, "orders": {}, "verdicts": {},
            "needs": {"buying_power": "0", "options_buying_power": "0",
                      "non_marginable_buying_power": "5000"}}  # fmt: skip
    have = {"buying_power": "400000", "options_buying_power": None}
    enough = {**base, "buying_power": {**have, "non_marginable_buying_power": "5250"}}
    short = {**base, "buying_power": {**have, "non_marginable_buying_power": "5249.99"}}
    assert drift(enough, enough) == []
    assert drift(enough, short) == [
        "non marginable buying power $5,249.99 does not cover the plan's $5,000.00 with 5% to spare"
    ]


def test_an_expired_plan_is_refused_by_the_brokers_clock(account: Account) -> None:
    file = saved(account)
    account.served.clock.advance_to(account.served.exchange.now + timedelta(minutes=15))
    refused(account, file, "holds until")


@pytest.mark.parametrize("key", ["params", "runbook", "basis", "account", "at"])
def test_a_plan_edited_by_hand_is_refused(account: Account, key: str) -> None:
    file = saved(account)
    data = json.loads(file.read_bytes())
    data[key] = data[key] + "0" if isinstance(data[key], str) else {**data[key], "x": "1"}
    file.write_text(json.dumps(data), encoding="utf-8")
    refused(account, file, "was changed after it was saved")


def test_a_plan_for_another_account_is_refused(account: Account) -> None:
    file = saved(account)
    data = json.loads(file.read_bytes())
    del data["digest"]
    data["account"]["id"] = "another-account"
    file.write_bytes(canonical_bytes({**data, "digest": digest(data)}))
    refused(account, file, "made for another account")


def test_a_plan_under_another_policy_is_refused(account: Account) -> None:
    file = saved(account)
    other = policy_file(account.audit.parent / "other.yaml", "limits: {max_orders: 3}")
    refused(account, file, "policy is another one", "--policy", str(other))


def test_a_plan_for_elsewhere_is_refused_and_its_own_target_may_be_repeated(
    account: Account,
) -> None:
    file = saved(account)
    refused(account, file, "not for paper", "--on", "paper")
    refused(account, file, "not for sim", "--on", "sim")
    assert carry_out(account, file, "--on", account.served.url).exit_code == 0


def test_the_wrong_digest_does_not_approve_and_the_right_one_is_on_record(
    account: Account,
) -> None:
    file = saved(account)
    refused(account, file, "is not the plan's digest", "--approve", "0123456789ab")
    plan = load(file)
    ended = carry_out(account, file, "--approve", plan.digest[:8])
    assert ended.exit_code == 0
    approved = ended.records[0].data["plan"]
    assert (approved["sha256"], approved["approved_how"]) == (plan.digest, "--approve")
    assert approved["approved_by"]


@pytest.mark.parametrize(
    "options", [(), (str(FIRST_RUNBOOK), "--plan", "x"), ("--plan", "x", "-p", "qty=1")]
)
def test_a_file_or_a_plan_and_not_both(options: tuple[str, ...]) -> None:
    assert invoke("run", *options).exit_code == 2


def test_a_plan_that_would_be_refused_is_not_saved(account: Account) -> None:
    folder = account.audit.parent
    (folder / "plan.yaml").write_text(plan_of(BUY.replace("5", "5000")), encoding="utf-8")
    made = invoke(
        "plan", str(folder / "plan.yaml"), "--on", account.served.url, "-o", str(folder / "p.json")
    )
    assert made.exit_code == 4
    assert "Not saved" in made.stderr
    assert not (folder / "p.json").exists()


def test_a_plan_for_the_exchange_inside_brings_its_scenario(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    (tmp_path / "s.yaml").write_text("cash: 20000\nseed: 7\n", encoding="utf-8")
    file = tmp_path / "p.json"
    made = invoke(
        "plan", str(FIRST_RUNBOOK), "--scenario", str(tmp_path / "s.yaml"), "-o", str(file),
        "--audit-dir", str(tmp_path / "audit"),
    )  # fmt: skip
    assert made.exit_code == 0, made.stderr
    ended = invoke("run", "--plan", str(file), "--json", "--audit-dir", str(tmp_path / "audit"))
    assert ended.exit_code == 0, ended.stderr
    log = Path(json.loads(ended.stdout)["audit_log"])
    assert read_log(log).header["scenario"]["text"] == "cash: 20000\nseed: 7\n"
    assert invoke("replay", str(log)).exit_code == 0


# ------------------------------------------------------------------------------------- live


def runbook(steps: str) -> Any:
    checked = check(Source("plan.yaml", plan_of(steps)), ACTIONS)
    assert checked.runbook is not None, checked.findings
    return checked.runbook


def pieces(steps: str, tmp_path: Path, **given: Any) -> list[str]:
    """The names of what is missing for a live run, each the beginning of its line."""
    asked: dict[str, Any] = {"policy": BUILT_IN, "plan": None, "approve": None, "can_ask": True}
    asked |= given
    lines = lacking(runbook(steps), audit_dir=tmp_path, **asked)
    return [line.partition(":")[0].partition(" in ")[0] for line in lines]


LISTED = Policy(accounts=("123456789",))


def test_every_missing_piece_of_a_live_run_is_a_line(tmp_path: Path) -> None:
    assert pieces(BUY, tmp_path, keys="No API key is set.") == [
        "live keys", "a policy that lists the account", "a saved plan",
        "a rehearsal of exactly this runbook",
    ]  # fmt: skip


def test_what_only_gets_out_needs_the_keys_and_the_account_alone(tmp_path: Path) -> None:
    assert pieces(CLOSE, tmp_path, policy=LISTED) == []
    assert pieces(CLOSE, tmp_path) == ["a policy that lists the account"]


def test_a_plan_and_a_rehearsal_and_a_person_or_the_digest_are_enough(
    run_plan: RunPlan, account: Account, tmp_path: Path
) -> None:
    plan = load(saved(account))
    given: dict[str, Any] = {"policy": LISTED, "plan": plan}
    rehearsal = ["a rehearsal of exactly this runbook"]
    assert pieces(BUY, account.audit, **given) == rehearsal
    ended = run_plan(plan_of(BUY))
    assert (ended.exit_code, ended.data["status"]) == (0, "completed")
    assert pieces(BUY, account.audit, **given) == []
    assert pieces(BUY, account.audit, **given, can_ask=False) == ["your approval"]
    assert pieces(BUY, account.audit, **given, approve=plan.short) == []
    assert pieces(BUY, account.audit, **given, approve="ffffffff") == ["your approval of this plan"]
    changed = pieces(BUY.replace("5", "6"), account.audit, **given)
    assert changed == rehearsal, "another runbook was never rehearsed"


@pytest.mark.parametrize("status", ["failed", "refused"])
def test_a_rehearsal_that_did_not_complete_is_none(
    run_plan: RunPlan, tmp_path: Path, status: str
) -> None:
    steps = BUY + "  - assert: 1 == 2\n" if status == "failed" else BUY.replace("5", "5000")
    assert run_plan(plan_of(steps)).data["status"] == status
    missing = pieces(steps, tmp_path / "audit", policy=LISTED)
    assert "a rehearsal of exactly this runbook" in missing


@pytest.mark.parametrize(
    ("admission", "words"),
    [
        (Admission(("1",)), "does not list the number of this account"),
        (Admission(planned="another"), "made for another account"),
        (Admission(("SIM00000000",)), ""),
        (Admission((), ""), "does not list"),
        (Admission(), ""),
    ],
)
def test_an_account_is_admitted_only_where_the_policy_lists_it(
    account: Account, admission: Admission, words: str
) -> None:
    why = admission.refuses(account.ask("GET", "/v2/account"))
    assert (words in why) if words else not why
    assert "SIM00000000" not in why


def test_an_account_without_a_number_is_not_admitted() -> None:
    assert Admission(("1",)).refuses({"id": "a"})


def test_a_live_run_does_not_go_on_when_its_account_is_not_listed_any_more() -> None:
    commit = commitment(b"k" * 32)
    bound = {"account_id": "a", "account_number": commit("123456789")}
    record = Record(2, "", "run", "run.bound", None, bound, "", "")
    assert not_listed_any_more(("123456789",), [record], commit) == ""
    assert not_listed_any_more(("987654321",), [record], commit)
    assert not_listed_any_more((), [record], commit)
    assert not_listed_any_more(("123456789",), [record], commitment(b"x" * 32)), "another machine"
    assert not_listed_any_more((), [], commit) == ""
