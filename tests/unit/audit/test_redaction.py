"""Credentials never reach a record."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from runner.audit.redact import REDACTED, Redactor

KEY = "PKTESTKEY123456789AB"
SECRET = 's3cr3t/with+signs=and"quotes'


@pytest.mark.parametrize(
    "name",
    ["APCA-API-KEY-ID", "apca-api-secret-key", "Authorization", "Cookie", "set-cookie"],
)
def test_headers_that_carry_credentials_lose_their_value(name: str) -> None:
    redacted = Redactor([]).headers({name: "anything", "Accept": "application/json"})
    assert redacted == {name: REDACTED, "Accept": "application/json"}


@pytest.mark.parametrize(
    "hidden",
    [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps(SECRET),
        json.dumps(SECRET).replace("/", "\\/"),
        base64.b64encode(SECRET.encode()).decode(),
        "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode(),
        f"key={KEY}&again={KEY}",
    ],
)
def test_a_known_secret_is_removed_wherever_it_stands(hidden: str) -> None:
    redacted = Redactor([KEY, SECRET]).text(f"before {hidden} after")
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")
    assert REDACTED in redacted
    for part in (KEY, SECRET, hidden):
        assert part not in redacted


def test_data_is_redacted_in_depth_and_keeps_its_shape() -> None:
    data = {"a": [1, None, True, {"url": f"http://x/?k={KEY}"}], KEY: "x", "n": 3}
    assert Redactor([KEY]).data(data) == {
        "a": [1, None, True, {"url": f"http://x/?k={REDACTED}"}],
        REDACTED: "x",
        "n": 3,
    }


def test_a_secret_inside_another_does_not_leave_the_rest() -> None:
    assert Redactor(["abcdefgh", "abcdefghijkl"]).text("abcdefghijkl") == REDACTED


def test_without_secrets_text_stays_as_it_is() -> None:
    assert Redactor(["", ""]).text("qty=1") == "qty=1"
