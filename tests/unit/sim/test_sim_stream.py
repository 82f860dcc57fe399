"""The stream's protocol, without a network."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from runner.sim.stream_protocol import Codec, Session

LISTEN = {"action": "listen", "data": {"streams": ["trade_updates"]}}
KEYS = {"action": "authenticate", "data": {"key_id": "k", "secret_key": "s"}}


def session() -> Session:
    return Session(lambda key, secret: (key, secret) == ("k", "s"))


@pytest.mark.parametrize("message", [KEYS, {"action": "auth", "key": "k", "secret": "s"}])
def test_the_right_keys_are_authorized_in_either_form(message: dict[str, Any]) -> None:
    client = session()
    assert client.hear(message) == {
        "stream": "authorization",
        "data": {"status": "authorized", "action": "authenticate"},
    }
    assert client.hear(LISTEN) == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
    assert client.listening


@pytest.mark.parametrize(
    "data", [{"key_id": "k", "secret_key": "x"}, {"key_id": 5, "secret_key": None}, {}, None, "k"]
)
def test_wrong_keys_are_unauthorized(data: Any) -> None:
    answer = session().hear({"action": "authenticate", "data": data})
    assert answer is not None
    assert answer["data"]["status"] == "unauthorized"


def test_nobody_listens_before_being_authorized() -> None:
    client = session()
    assert client.hear(LISTEN) == {
        "stream": "authorization",
        "data": {"status": "unauthorized", "action": "listen"},
    }
    assert not client.listening


def test_listening_replaces_the_set_of_streams() -> None:
    client = session()
    client.hear(KEYS)
    client.hear(LISTEN)
    answer = client.hear({"action": "listen", "data": {"streams": []}})
    assert answer == {"stream": "listening", "data": {"streams": []}}
    assert not client.listening


@pytest.mark.parametrize(
    "frame",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", "words", b'{"action": 5}', b"[" * 100_000],
    ids=lambda frame: repr(frame[:8]),
)
def test_what_cannot_be_read_is_not_answered(frame: bytes | str) -> None:
    assert session().hear(Codec().read(frame)) is None


def test_frames_are_json_unless_messagepack_is_asked_for() -> None:
    assert json.loads(Codec().write(KEYS)) == KEYS
    packed = Codec("application/msgpack; charset=binary")
    assert msgspec.msgpack.decode(packed.write(KEYS)) == KEYS
    assert packed.read(packed.write(KEYS)) == KEYS
    assert packed.read('{"action": "listen"}') == {"action": "listen"}
