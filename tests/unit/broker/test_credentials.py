from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.broker.credentials import Credentials, CredentialsError, find_credentials
from runner.broker.targets import Target, resolve

PAPER, LIVE = resolve("paper"), resolve("live")
LOOPBACK, REMOTE = resolve("http://127.0.0.1:9"), resolve("https://host.example")
PAPER_KEY, LIVE_KEY = "PKABCDEFGHIJKLMNOPQR", "AKABCDEFGHIJKLMNOPQR"


def alpaca(key: str = PAPER_KEY, secret: str = "secret-1") -> dict[str, str]:
    return {"ALPACA_API_KEY": key, "ALPACA_SECRET_KEY": secret}


def apca(key: str = PAPER_KEY, secret: str = "secret-2") -> dict[str, str]:
    return {"APCA_API_KEY_ID": key, "APCA_API_SECRET_KEY": secret}


def dotenv(folder: Path, values: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    lines = [f"{name}={value}\n" for name, value in values.items()]
    (folder / ".env").write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.mark.parametrize("values", [alpaca(), apca()])
def test_either_pair_of_variables_is_found(values: dict[str, str]) -> None:
    found = find_credentials(PAPER, values, [])
    assert (found.key_id, found.secret) == tuple(values.values())


def test_the_environment_wins_over_a_dotenv_file(tmp_path: Path) -> None:
    folder = dotenv(tmp_path, alpaca(secret="from-file"))
    assert find_credentials(PAPER, apca(), [folder]).secret == "secret-2"
    assert find_credentials(PAPER, {}, [folder]).secret == "from-file"


def test_the_first_folder_with_credentials_wins(tmp_path: Path) -> None:
    beside = dotenv(tmp_path / "beside", {"OTHER": "x"})
    working = dotenv(tmp_path / "working", alpaca(secret="working"))
    later = dotenv(tmp_path / "later", alpaca(secret="later"))
    nothing = tmp_path / "nothing"
    assert find_credentials(PAPER, {}, [nothing, beside, working, later]).secret == "working"


def test_a_dotenv_file_changes_no_environment_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALPACA_SECRET_KEY", raising=False)
    find_credentials(PAPER, {}, [dotenv(tmp_path, alpaca())])
    assert "ALPACA_SECRET_KEY" not in os.environ


def test_a_dollar_sign_in_a_secret_is_not_a_variable(tmp_path: Path) -> None:
    folder = dotenv(tmp_path, alpaca(secret="'a${HOME}b'"))
    assert find_credentials(PAPER, {}, [folder]).secret == "a${HOME}b"


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({"ALPACA_API_KEY": PAPER_KEY}, "ALPACA_SECRET_KEY"),
        ({"ALPACA_SECRET_KEY": "s"}, "ALPACA_API_KEY"),
        ({"APCA_API_KEY_ID": PAPER_KEY, "APCA_API_SECRET_KEY": " "}, "APCA_API_SECRET_KEY"),
        ({"ALPACA_API_KEY": PAPER_KEY, "APCA_API_SECRET_KEY": "s"}, "ALPACA_SECRET_KEY"),
        ({"ALPACA_API_KEY": PAPER_KEY, **apca()}, "ALPACA_SECRET_KEY"),
    ],
)
def test_half_a_pair_names_the_missing_variable(
    values: dict[str, str], missing: str, tmp_path: Path
) -> None:
    for environ, folders in ((values, []), ({}, [dotenv(tmp_path, values)])):
        with pytest.raises(CredentialsError, match=f"{missing} is not"):
            find_credentials(PAPER, environ, folders)


def test_half_a_pair_in_the_environment_is_not_completed_from_a_file(tmp_path: Path) -> None:
    folder = dotenv(tmp_path, alpaca())
    with pytest.raises(CredentialsError, match="ALPACA_SECRET_KEY is not"):
        find_credentials(PAPER, {"ALPACA_API_KEY": PAPER_KEY}, [folder])


@pytest.mark.parametrize("target", [PAPER, LIVE, REMOTE])
def test_without_a_key_no_remote_target_can_be_used(target: Target) -> None:
    with pytest.raises(CredentialsError, match="ALPACA_API_KEY and ALPACA_SECRET_KEY"):
        find_credentials(target, {}, [])


def test_without_a_key_a_server_on_this_machine_gets_a_fixed_one() -> None:
    assert find_credentials(LOOPBACK, {}, []) == find_credentials(resolve("sim"), {}, [])


def test_the_embedded_exchange_never_gets_a_real_key(tmp_path: Path) -> None:
    folder = dotenv(tmp_path, alpaca())
    for key in (PAPER_KEY, LIVE_KEY):
        found = find_credentials(resolve("sim"), alpaca(key), [folder])
        assert found.key_id not in (PAPER_KEY, LIVE_KEY)
        assert found.secret != "secret-1"


def test_a_paper_key_is_refused_for_the_live_account() -> None:
    with pytest.raises(CredentialsError, match="paper key"):
        find_credentials(LIVE, alpaca(PAPER_KEY), [])


def test_a_live_key_is_refused_for_the_paper_account() -> None:
    with pytest.raises(CredentialsError, match="not a paper key"):
        find_credentials(PAPER, alpaca(LIVE_KEY), [])


def test_a_live_key_goes_to_the_live_host() -> None:
    assert find_credentials(LIVE, alpaca(LIVE_KEY), []).key_id == LIVE_KEY


@pytest.mark.parametrize("target", [LOOPBACK, REMOTE])
@pytest.mark.parametrize("key", [LIVE_KEY, "CKABCDEFGHIJKLMNOPQR", "XY0123456789ABCDEFGH"])
def test_a_key_that_may_be_live_goes_to_no_other_server(target: Target, key: str) -> None:
    with pytest.raises(CredentialsError, match="live key goes only to"):
        find_credentials(target, alpaca(key), [])


def test_a_made_up_key_is_good_enough_for_a_server_on_this_machine_only() -> None:
    assert find_credentials(LOOPBACK, alpaca("test-key"), []).key_id == "test-key"
    with pytest.raises(CredentialsError):
        find_credentials(REMOTE, alpaca("test-key"), [])
    elsewhere = resolve("http://127.0.0.1:9", data_url="https://prices.example")
    with pytest.raises(CredentialsError, match="market data"):
        find_credentials(elsewhere, alpaca("test-key"), [])


@pytest.mark.parametrize("target", [LOOPBACK, REMOTE])
def test_a_paper_key_may_go_to_another_server(target: Target) -> None:
    assert find_credentials(target, alpaca(), []).key_id == PAPER_KEY


def test_a_secret_never_shows() -> None:
    assert "hidden" not in repr(Credentials("PKKEY", "hidden"))
    with pytest.raises(CredentialsError) as caught:
        find_credentials(PAPER, alpaca(LIVE_KEY, "hidden"), [])
    assert "hidden" not in str(caught.value)


def test_a_key_with_a_stray_character_is_refused_without_showing_it() -> None:
    with pytest.raises(CredentialsError, match="copy the key again") as caught:
        find_credentials(PAPER, alpaca(secret="hid\nden"), [])
    assert "hid" not in str(caught.value)


def test_an_unreadable_dotenv_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"ALPACA_API_KEY=\xff\xfe\n")
    with pytest.raises(CredentialsError, match=r"\.env cannot be read"):
        find_credentials(PAPER, {}, [tmp_path])
