"""What stands for an account number: equal for equal numbers, and no way back."""

from __future__ import annotations

import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runner.audit.commitment import COMMITTED, KEY_FILE, commitment, commitment_in

NUMBER = "987654321"


def test_a_commitment_is_a_keyed_hash_of_the_number() -> None:
    key = bytes(range(32))
    mac = hmac.new(key, NUMBER.encode(), hashlib.sha256).hexdigest()
    assert commitment(key)(NUMBER) == f"acct-{mac[:16]}"
    assert COMMITTED.fullmatch(commitment(key)(NUMBER))


def test_the_key_is_made_once_and_is_its_owners_only(tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = commitment_in(state)(NUMBER)
    key = state / KEY_FILE
    assert key.stat().st_mode & 0o777 == 0o600
    assert commitment_in(state)(NUMBER) == first
    assert commitment_in(state)("123456789") != first
    assert [one.name for one in state.iterdir()] == [KEY_FILE], "no draft is left"


def test_of_two_processes_that_make_the_key_at_once_both_use_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: commitment_in(tmp_path / "state")(NUMBER), range(32)))
    assert len(set(told)) == 1


def test_another_machine_has_another_key_and_a_copied_key_compares(tmp_path: Path) -> None:
    here = commitment_in(tmp_path / "here")(NUMBER)
    assert commitment_in(tmp_path / "there")(NUMBER) != here
    (tmp_path / "there" / KEY_FILE).write_bytes((tmp_path / "here" / KEY_FILE).read_bytes())
    assert commitment_in(tmp_path / "there")(NUMBER) == here


@pytest.mark.parametrize("content", [b"", b"not hexadecimal", b"ab12\n", b"\xff\xfe"])
def test_a_key_that_is_no_key_is_left_alone_and_compares_within_one_run(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / KEY_FILE).write_bytes(content)
    commit = commitment_in(tmp_path)
    assert commit(NUMBER) == commit(NUMBER)
    assert commitment_in(tmp_path)(NUMBER) != commit(NUMBER)
    assert (tmp_path / KEY_FILE).read_bytes() == content


def test_a_state_directory_that_cannot_be_made_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    commit = commitment_in(tmp_path / "file" / "state")
    assert COMMITTED.fullmatch(commit(NUMBER))
