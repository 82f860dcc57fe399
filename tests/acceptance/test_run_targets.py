"""Where a run trades: what is refused before anything is sent, and how that is said."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from acceptance.faulty_broker import answered, faulty
from acceptance.harness import FIRST_RUNBOOK, Ended, RunPlan, invoke, plan_of

from runner.audit.log import scan
from runner.sim import Exchange, FlowingClock, VirtualClock, default_scenario, serve

KEYS = {
    "run_id", "name", "status", "exit_code", "target", "audit_log", "steps", "orders", "positions",
    "error", "open_orders",
}  # fmt: skip
QUICK = ("--connect-timeout", "0.3", "--read-timeout", "0.3")
PAPER_KEY = "PKABCDEFGHIJKLMNOPQR"
LIVE_KEY = "AKABCDEFGHIJKLMNOPQR"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "audit" / "ledger.jsonl"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` of the developer's own, and a proxy that would notice every request."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A proxy that the environment names, and that must not be asked anything."""
    with listening() as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.getsockname()[1]}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A server that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def url_of(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}"


def closed_port() -> str:
    with listening() as server:
        return url_of(server)


def refusals(ledger: Path) -> list[dict[str, Any]]:
    if not ledger.exists():
        return []
    return [line.record.data for line in scan(ledger)
            if line.record is not None and line.record.type == "refused"]  # fmt: skip


def one_sentence(ended: Ended) -> str:
    """What a person is told: no traceback, no library's name, and nothing was sent."""
    assert "Traceback" not in ended.stderr
    assert "urllib3" not in ended.stderr
    assert "HTTPConnectionPool" not in ended.stderr
    message: str = ended.data["error"]["message"]
    assert "object at 0x" not in message
    assert set(ended.data) >= KEYS
    assert ended.data["exit_code"] == ended.exit_code
    assert ended.data["orders"] == ended.data["open_orders"] == []
    assert ended.sent() == ended.sent("DELETE") == []
    return message


@pytest.mark.usefixtures("proxy")
@pytest.mark.parametrize(
    "on", ["live", "https://api.alpaca.markets", "https://API.alpaca.markets:443/v2"]
)
def test_live_is_refused_without_a_request_and_every_missing_piece_is_a_line(
    run_plan: RunPlan, ledger: Path, on: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPACA_API_KEY", PAPER_KEY)
    ended = run_plan(FIRST_RUNBOOK, "--on", on)
    assert ended.exit_code == 11
    first, *missing = ended.stderr.splitlines()
    assert first == "Not live yet. Nothing was sent. Missing:"
    starts = ("live keys: ", "a policy that lists the account: ", "a saved plan: ",
              "a rehearsal of exactly this runbook ")  # fmt: skip
    assert [line[4:].startswith(start) for line, start in zip(missing, starts, strict=True)] == [
        True
    ] * 4
    assert ended.data["target"] == "live"
    assert ended.log is None
    assert [one["exit_code"] for one in refusals(ledger)] == [11]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "No API key is set"),
        ({"ALPACA_API_KEY": PAPER_KEY}, "ALPACA_SECRET_KEY"),
        ({"APCA_API_SECRET_KEY": "s"}, "APCA_API_KEY_ID"),
        ({"ALPACA_API_KEY": LIVE_KEY, "ALPACA_SECRET_KEY": "s"}, "not a paper key"),
        ({"ALPACA_API_KEY": "PK\nX", "ALPACA_SECRET_KEY": "s"}, "no key has"),
    ],
)
@pytest.mark.usefixtures("proxy")
def test_keys_that_cannot_be_used_on_paper_are_7_and_on_record(
    run_plan: RunPlan, ledger: Path, keys: dict[str, str], words: str
) -> None:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in keys.items():
            environment.setenv(name, value)
        ended = run_plan(FIRST_RUNBOOK, "--on", "paper")
    assert ended.exit_code == 7
    assert words in one_sentence(ended)
    (entry,) = refusals(ledger)
    assert entry["exit_code"] == 7
    assert all(secret not in json.dumps(entry) for secret in ("PK\\nX", LIVE_KEY))


@pytest.mark.parametrize(
    "on", ["ftp://host", "http://example.com", "file:///etc/passwd", "paperr", "http://", "ws://a"]
)
def test_what_is_no_server_is_2(run_plan: RunPlan, ledger: Path, on: str) -> None:
    ended = run_plan(FIRST_RUNBOOK, "--on", on)
    assert ended.exit_code == 2
    assert "--on" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not ledger.exists()


def test_a_port_on_which_nobody_listens_is_7(run_plan: RunPlan) -> None:
    began = time.monotonic()
    ended = run_plan(FIRST_RUNBOOK, "--on", closed_port(), *QUICK)
    assert ended.exit_code == 7
    message = one_sentence(ended)
    assert "account" in message
    assert "no connection" in message
    assert time.monotonic() - began < 10


def test_a_host_that_does_not_exist_is_7(
    run_plan: RunPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPACA_API_KEY", PAPER_KEY)
    monkeypatch.setenv("ALPACA_SECRET_KEY", "secret")
    ended = run_plan(FIRST_RUNBOOK, "--on", "https://no-such-host.invalid", *QUICK)
    assert ended.exit_code == 7
    assert "no-such-host.invalid" in one_sentence(ended)


def test_a_server_that_never_answers_is_7_after_the_timeouts(run_plan: RunPlan) -> None:
    with listening() as server:
        ended = run_plan(FIRST_RUNBOOK, "--on", url_of(server), *QUICK)
    assert ended.exit_code == 7
    assert "did not answer in time" in one_sentence(ended)


def test_a_server_that_speaks_no_tls_is_7(
    run_plan: RunPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as server:
        url = url_of(server).replace("http:", "https:")
        ended = run_plan(FIRST_RUNBOOK, "--on", url, *QUICK)
    assert ended.exit_code == 7
    one_sentence(ended)


@pytest.mark.parametrize("path", ["", "/somewhere"])
def test_credentials_that_the_server_refuses_are_7_and_sent_once(
    run_plan: RunPlan, path: str
) -> None:
    scenario = default_scenario(keys=("PKRIGHT", "right"))
    with (
        serve(Exchange(scenario), VirtualClock(scenario.start)) as served,
        faulty(served.url) as broker,
    ):
        ended = run_plan(FIRST_RUNBOOK, "--on", broker.url + path)
        asked = list(broker.asked)
    assert ended.exit_code == 7
    message = one_sentence(ended)
    if not path:
        assert "refused the credentials" in message
        assert "ALPACA_API_KEY" in ended.data["error"]["help"]
        assert asked == [("GET", "/v2/account")]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b'{"detail":"Not Found"}'),
        (404, b'{"code":40410000,"message":"not found"}'),
        (403, b'{"message":"forbidden."}'),
        (302, b""),
        (200, b"<html>a hotel's portal</html>"),
        (200, b'[]'),
    ],
)  # fmt: skip
def test_a_server_that_is_no_trading_api_is_7(run_plan: RunPlan, status: int, body: bytes) -> None:
    scenario = default_scenario()
    with (
        serve(Exchange(scenario), VirtualClock(scenario.start)) as served,
        faulty(served.url) as broker,
    ):
        broker.on("GET", "/v2/account", answered(status, body), for_ever=True)
        ended = run_plan(FIRST_RUNBOOK, "--on", broker.url, *QUICK)
    assert ended.exit_code == 7
    assert "account" in one_sentence(ended)


@pytest.mark.usefixtures("proxy")
def test_no_proxy_is_used_on_this_machine(run_plan: RunPlan) -> None:
    scenario = default_scenario()
    with serve(Exchange(scenario), FlowingClock(scenario.start)) as served:
        ended = run_plan(plan_of("  - check_account:"), "--on", served.url)
    assert ended.exit_code == 0
    assert ended.data["target"] == served.url


def test_an_invalid_runbook_is_3_and_one_json_object(run_plan: RunPlan) -> None:
    ended = run_plan("runbook: 1\nname: x\nsteps:\n  - fly:\n")
    assert ended.exit_code == 3
    assert set(ended.data) >= KEYS
    assert ended.data["status"] == "refused"


def test_refusals_in_text_are_one_line_on_stderr(tmp_path: Path) -> None:
    ended = invoke("run", str(FIRST_RUNBOOK), "--on", "paper", "--audit-dir", str(tmp_path / "a"))
    assert ended.exit_code == 7
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
