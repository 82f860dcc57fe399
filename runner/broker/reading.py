"""JSON from a broker, read so that nothing is lost and nothing can break the log.

Numbers that are not small integers keep their exact text: `100.10` stays `100.10`, and no float
ever exists. The result is `Json` as records hold it.
"""

from __future__ import annotations

import json

from runner.effects import Json

MAX_DEPTH = 32
"""Levels of nesting. An order with legs has four."""

_SAFE_INTEGER = 2**53
_UNREADABLE_LENGTH = 80


class Unreadable(Exception):  # noqa: N818 - it says what the text is
    """The text is not JSON, or is nested deeper than any answer of a broker is."""


def read_json(text: str) -> Json:
    """The value that `text` holds: objects, lists, text, booleans, null and integers below 2^53.

    Every other number, NaN and Infinity included, becomes text exactly as written. Of a repeated
    key the last value counts. Keys keep ASCII; other characters in them are escaped.

    Raises Unreadable.
    """
    try:
        value = json.loads(
            text.removeprefix("\ufeff"), parse_float=str, parse_int=_integer, parse_constant=str
        )
    except (ValueError, RecursionError):
        shown = text[:_UNREADABLE_LENGTH] + ("…" if len(text) > _UNREADABLE_LENGTH else "")
        raise Unreadable(f"not JSON: {shown!r}" if text else "empty") from None
    return _plain(value, MAX_DEPTH)


def _integer(digits: str) -> int | str:
    small = len(digits) <= 17 and abs(int(digits)) < _SAFE_INTEGER
    return int(digits) if small else digits


def _plain(value: object, levels: int) -> Json:
    if levels == 0:
        raise Unreadable(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        return {_ascii(key): _plain(inner, levels - 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, levels - 1) for inner in value]
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if value is None or isinstance(value, int):
        return value
    raise Unreadable(f"an unexpected {type(value).__name__}")  # pragma: no cover - json has no more


def _ascii(key: str) -> str:
    return key if key.isascii() else key.encode("ascii", "backslashreplace").decode()
