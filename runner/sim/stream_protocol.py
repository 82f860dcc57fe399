"""The protocol of `/stream`: what a client may say, and what it is answered.

A pure state machine; the connection around it is in `stream`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import orjson

TRADE_UPDATES = "trade_updates"
Message = dict[str, Any]


class Codec:
    """How frames are written on one connection, and read: JSON, or MessagePack when asked for."""

    def __init__(self, content_type: str = "") -> None:
        # rule: stream.frames
        self.msgpack = (
            content_type.split(";", maxsplit=1)[0].strip().lower() == "application/msgpack"
        )

    def write(self, message: Message) -> bytes:
        """The bytes of a frame."""
        return msgspec.msgpack.encode(message) if self.msgpack else orjson.dumps(message)

    def read(self, frame: bytes | str) -> Message:
        """What a frame says; an empty message when it cannot be read."""
        try:
            if self.msgpack and isinstance(frame, bytes):
                found = msgspec.msgpack.decode(frame)
            else:
                found = orjson.loads(frame)
        except (ValueError, RecursionError):
            found = None
        return found if isinstance(found, dict) else {}


class Session:
    """One client's state: whether it is authorized, and which streams it listens to."""

    def __init__(self, allowed: Callable[[str, str], bool]) -> None:
        self._allowed = allowed
        self.authorized = False
        self.streams: list[str] = []

    @property
    def listening(self) -> bool:
        """Whether trade updates are sent."""
        return TRADE_UPDATES in self.streams

    def hear(self, message: Message) -> Message | None:
        """Takes in a message of the client; gives the answer, or None when there is none."""
        action = message.get("action")
        if action in ("authenticate", "auth"):
            return self._authenticate(message)
        if action == "listen":
            return self._listen(message)
        return None

    def _authenticate(self, message: Message) -> Message:
        # rule: stream.authenticate
        data = message.get("data")
        given = data if isinstance(data, dict) else message
        key = given.get("key_id", given.get("key"))
        secret = given.get("secret_key", given.get("secret"))
        self.authorized = (
            isinstance(key, str) and isinstance(secret, str) and self._allowed(key, secret)
        )
        return _authorization("authenticate", authorized=self.authorized)

    def _listen(self, message: Message) -> Message:
        if not self.authorized:
            return _authorization("listen", authorized=False)
        # rule: stream.listen
        data = message.get("data")
        asked = data.get("streams") if isinstance(data, dict) else None
        names = asked if isinstance(asked, list) else []
        self.streams = [TRADE_UPDATES] if TRADE_UPDATES in names else []
        return {"stream": "listening", "data": {"streams": list(self.streams)}}


def _authorization(action: str, *, authorized: bool) -> Message:
    status = "authorized" if authorized else "unauthorized"
    return {"stream": "authorization", "data": {"status": status, "action": action}}
