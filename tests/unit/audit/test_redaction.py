"""Credentials and account numbers never reach a record."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from runner.audit.commitment import commitment, last_four
from runner.audit.redact import REDACTED, Redactor

KEY = "PKTESTKEY123456789AB"
SECRET = 's3cr3t/with+signs=and"quotes'
NUMBER = "PA3XNUMBER77"
LIVE = "987654321"

commit = commitment(b"k" * 32)


def numbers_only() -> Redactor:
    return Redactor([], number=commit)


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
        quote(SECRET, safe="").lower(),
        json.dumps(SECRET),
        json.dumps(SECRET).replace("/", "\\/"),
        json.dumps({"body": json.dumps({"key": SECRET})}),
        SECRET.replace('"', "&quot;"),
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


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", '{"key": "'])
def test_a_secret_is_removed_from_the_middle_of_other_base64(before: str) -> None:
    hidden = base64.b64encode(f"{before}{KEY} and more".encode()).decode()
    shown = Redactor([KEY]).text(hidden)
    assert REDACTED in shown
    pieces = [one for one in shown.split(REDACTED) if one]
    assert all(len(one) < 24 for one in pieces), "only what surrounds the secret is left"


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


def test_a_word_is_removed_only_where_it_stands_alone() -> None:
    redactor = Redactor([], words=["desk-7/east"])
    assert redactor.text("from desk-7/east.") == f"from {REDACTED}."
    assert redactor.text("from desk-7%2Feast.") == f"from {REDACTED}."
    assert redactor.text("desk-7/eastern") == "desk-7/eastern"


# ------------------------------------------------------------------------- account numbers


def test_an_account_number_becomes_a_commitment_wherever_it_occurs_from_then_on() -> None:
    redactor = numbers_only()
    body = json.dumps({"id": "e6fe16f3", "account_number": NUMBER, "cash": "5"})
    told = json.loads(redactor.text(body))
    assert told == {"id": "e6fe16f3", "account_number": commit(NUMBER), "cash": "5"}
    assert redactor.data({"message": f"account {NUMBER} is restricted"}) == {
        "message": f"account {commit(NUMBER)} is restricted"
    }
    assert redactor.text(quote(f"x/{NUMBER}", safe="")) == f"x%2F{commit(NUMBER)}"


def test_the_text_of_an_answer_and_its_data_hold_the_same_commitment() -> None:
    account = {"account_number": NUMBER}
    in_text = json.loads(numbers_only().text(json.dumps(account)))
    assert in_text == numbers_only().data(account) == {"account_number": commit(NUMBER)}


@pytest.mark.parametrize("said", [NUMBER, LIVE, 987654321, "PA1", "TEST"])
def test_the_field_of_the_number_is_replaced_whatever_it_holds(said: object) -> None:
    assert numbers_only().data({"account_number": said}) == {"account_number": commit(str(said))}


@pytest.mark.parametrize("said", [None, ""])
def test_an_account_without_a_number_stays_without(said: object) -> None:
    assert numbers_only().data({"account_number": said}) == {"account_number": said}


@pytest.mark.parametrize(
    "text",
    [
        f'{{"code": 40310000, "message": "account {LIVE} is restricted"}}',
        f"account number: {LIVE}",
        f"{NUMBER} is not allowed to trade",
        json.dumps({"body": json.dumps({"account_number": LIVE})}),
    ],
)
def test_a_number_in_an_error_is_replaced_before_the_account_was_ever_read(text: str) -> None:
    shown = numbers_only().text(text)
    assert LIVE not in shown
    assert NUMBER not in shown
    assert "acct-" in shown


def test_redacting_twice_is_redacting_once() -> None:
    redactor = numbers_only()
    once = redactor.data({"account_number": NUMBER, "text": f"account {NUMBER}"})
    assert redactor.data(once) == once


def test_digits_within_a_price_a_moment_or_a_longer_number_stay() -> None:
    redactor = Redactor([], number=commit, accounts=[LIVE])
    for text in (f"1.{LIVE}", f"2026-11-23T14:30:01.{LIVE}Z", f"{LIVE}0", f"4{LIVE}"):
        assert redactor.text(text) == text
    assert redactor.text(f"[{LIVE}]") == f"[{commit(LIVE)}]"


@pytest.mark.parametrize(
    "text",
    ["account: 100000.00", "account 250000 is a lot", "account_number is missing", "PART filled"],
)
def test_amounts_and_words_are_not_taken_for_account_numbers(text: str) -> None:
    redactor = numbers_only()
    assert redactor.text(text) == text
    assert redactor.data({"cash": "100000.00", "equity": "250000", "why": "missing"}) == {
        "cash": "100000.00", "equity": "250000", "why": "missing",
    }  # fmt: skip


def test_on_a_screen_the_last_four_may_stand() -> None:
    assert last_four(NUMBER) == "…ER77"
    assert last_four("1234") == "…"
