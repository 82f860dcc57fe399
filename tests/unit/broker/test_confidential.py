"""What of a `.env` is a secret, and what is left because half of the log would go with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.broker.confidential import Confidential, confidential
from runner.broker.credentials import find_credentials
from runner.broker.targets import resolve

KEY, SECRET = "PKTESTKEY123456789AB", "s3cr3t-of-the-paper-account-0001"


def of(folder: Path, text: str) -> dict[str, bool]:
    """The values of a `.env` that are secrets, and whether each is a key."""
    (folder / ".env").write_text(text, encoding="utf-8")
    return {one.value: one.key for one in confidential({}, [folder])}


def test_every_env_file_is_read_and_the_environment_too(tmp_path: Path) -> None:
    beside, working = tmp_path / "beside", tmp_path / "working"
    for folder, name in ((beside, "ALPACA_SECRET_KEY"), (working, "BOT_TOKEN")):
        folder.mkdir()
        (folder / ".env").write_text(f"{name}=from-{folder.name}-1\n", encoding="utf-8")
    found = confidential({"APCA_API_SECRET_KEY": SECRET, "HOME": "/root"}, [beside, working])
    assert {one.value for one in found} == {SECRET, "from-beside-1", "from-working-1"}


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (f"ALPACA_API_KEY={KEY}", True),
        (f"export ALPACA_SECRET_KEY='{SECRET}'", True),
        ("DB_PASSWORD=sesame", True),
        ("SLACK_WEBHOOK=https://hooks.slack.com/services/T0/B0/xyz", True),
        ("HOOK=https://hooks.example.com/services/T0/B0/xyz", False),
        ("DATABASE=postgres://me:word@db.example.com/trades", False),
        ("CHAT=-100123456789", False),
        ("ACCOUNT=987654321", False),
        ("DESK=desk-7x", False),
        ("MIXED=aBcDeFgHiJ", False),
    ],
)
def test_a_secret(tmp_path: Path, line: str, key: bool) -> None:
    assert list(of(tmp_path, line).values()) == [key]


@pytest.mark.parametrize(
    "line",
    [
        "DEBUG=1",
        "PAPER=true",
        "PIN=12345",
        "API_KEY=x",
        "EMPTY=",
        "NOTHING",
        "LEVEL=filled",
        "STAGE=production",
        "CRYPTO=BTC/USD",
        "SYMBOLS=AAPL,MSFT,GOOGL",
        "MAX_NOTIONAL=1000000",
        "BUDGET=12500.50",
        "RISK=0.0125%",
        "SINCE=2026-11-23",
        "AT=2026-11-23T14:30:00Z",
        "OPENS=09:30:00",
        "RUNBOOK_AUDIT_DIR=/home/me/audit2",
        "LOGS=./logs-2026/x",
        "APCA_API_BASE_URL=https://paper-api.alpaca.markets",
        "BROKER=http://127.0.0.1:8080",
    ],
)
def test_what_is_left_in_a_log(tmp_path: Path, line: str) -> None:
    assert of(tmp_path, line) == {}


def test_a_file_that_cannot_be_read_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"KEY=\xff\xfe\xfd\xfc\xfb\xfa\n")
    assert confidential({}, [tmp_path]) == ()
    assert confidential({}, [tmp_path / "none"]) == ()


def test_the_embedded_exchange_is_sent_no_key_and_the_keys_are_still_known(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"ALPACA_API_KEY={KEY}\n", encoding="utf-8")
    found = find_credentials(resolve("sim"), {"ALPACA_SECRET_KEY": SECRET}, [tmp_path])
    assert found.made_up
    assert {one.value for one in found.never_written} == {KEY, SECRET}
    assert KEY not in repr(found)
    assert SECRET not in repr(found)
    assert "value" not in repr(Confidential("NAME", "value", key=True))
