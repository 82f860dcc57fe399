"""A mapping that remembers the latest keys and forgets older ones, so that memory has a bound."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

Value = TypeVar("Value")

REMEMBERED: Final = 100_000
"""Orders. At 200 requests a minute, Alpaca's limit, a session of 390 minutes has at most 78,000."""


class Recent(Generic[Value]):
    """Remembers at least the last `limit` keys that were set or looked up, at most twice as many.

    `forgot` says whether it ever let go of one.
    """

    __slots__ = ("_limit", "_new", "_old", "forgot")

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._new: dict[str, Value] = {}
        self._old: dict[str, Value] = {}
        self.forgot = False

    def get(self, key: str) -> Value | None:
        """The value of a key, or None."""
        found = self._new.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.set(key, found)
        return found

    def set(self, key: str, value: Value) -> None:
        """Give a key its value."""
        self._new[key] = value
        if len(self._new) >= self._limit:
            self.forgot = self.forgot or bool(self._old)
            self._old, self._new = self._new, {}
