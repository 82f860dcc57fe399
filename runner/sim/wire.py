"""How values are written on the wire and read from it, as Alpaca writes and accepts them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from runner.sim.messages import Refusal, malformed

NEW_YORK = ZoneInfo("America/New_York")
ZERO = Decimal(0)
CENT = Decimal("0.01")
NANO = Decimal("0.000000001")
LARGEST_EXPONENT = 12  # beyond it products would leave the precision of 28 digits
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4096)
def decimal_text(value: Decimal) -> str:
    """A decimal as Alpaca's trading API writes it: plain digits, trailing zeros trimmed."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def optional_text(value: Decimal | None) -> str | None:
    """`decimal_text`, or null."""
    return None if value is None else decimal_text(value)


def read_decimal(value: object, name: str) -> Decimal | None:
    """A number sent as a JSON number or string; None for null and the empty string.

    Raises `Refusal` (422) when it is not a finite number.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise malformed(f"{name} is invalid")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise malformed(f"{name} is invalid") from None
    if not number.is_finite() or abs(number.adjusted()) > LARGEST_EXPONENT:
        raise malformed(f"{name} is invalid")
    return number


def read_bool(value: object, name: str) -> bool:
    """A flag as SDKs send it: true, `true`, `True`, 1; null and absent are false."""
    if value is None or value == "":
        return False
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in ("true", "1", "t"):
        return True
    if text in ("false", "0", "f"):
        return False
    raise malformed(f"{name} is invalid")


def read_int(value: str | None, name: str, default: int, low: int, high: int) -> int:
    """An integer of a query, clipped to a range; `default` when absent."""
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise malformed(f"{name} is invalid") from None
    return min(max(number, low), high)


def read_moment(value: str, name: str) -> datetime:
    """An RFC 3339 moment or a plain date (midnight UTC), as an aware UTC datetime.

    Nanoseconds are cut to microseconds; what is before 1900 or after 2200 is taken as that.
    Raises `Refusal` (422) for anything else.
    """
    text = value.strip().replace(" ", "+")  # an unescaped "+" arrives as a space
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return min(max(moment.astimezone(UTC), EARLIEST), LATEST)
    except OverflowError:
        return EARLIEST if moment.year == 1 else LATEST
    except ValueError:
        raise malformed(f"{name} is invalid") from None


def read_date(value: str, name: str) -> date:
    """A date, or the date of an RFC 3339 moment."""
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        raise malformed(f"{name} is invalid") from None


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a request body, its numbers as `int` and `Decimal`.

    Raises `Refusal` (400) when the body is not a JSON object.
    """
    try:
        if b"\\u" in body:
            orjson.loads(body)  # half a surrogate pair could never be written again
        value = DECODER.decode(body.decode())
    except (ValueError, InvalidOperation, RecursionError):
        value = None
    if not isinstance(value, dict):
        # rule: error.malformed-json
        raise Refusal(400, 40010000, "request body format is invalid")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)


@lru_cache(maxsize=4096)
def stamp(moment: datetime, nanoseconds: int = 0) -> str:
    """A UTC moment with nanoseconds, ending in Z. `nanoseconds` (0 to 999) are the last digits."""
    return f"{moment.isoformat(timespec='microseconds')[:26]}{nanoseconds:03d}Z"


def optional_stamp(moment: datetime | None, nanoseconds: int = 0) -> str | None:
    """`stamp`, or null."""
    return None if moment is None else stamp(moment, nanoseconds)


@lru_cache(maxsize=1024)
def whole_stamp(moment: datetime) -> str:
    """A UTC moment on a whole second, without a fraction, ending in Z."""
    return moment.isoformat(timespec="seconds")[:19] + "Z"


def derived_uuid(*parts: object) -> str:
    """A UUID made from the parts alone: the same parts give the same id."""
    text = blake2b("\x1f".join(map(str, parts)).encode(), digest_size=16).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def encode(body: Any) -> bytes:
    """A response body as JSON bytes; a Decimal becomes a JSON number with its own digits."""
    return orjson.dumps(body, default=_number)


def _number(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(decimal_text(value))
    raise TypeError(f"a response cannot hold {type(value).__name__}")
