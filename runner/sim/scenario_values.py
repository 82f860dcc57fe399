"""How each kind of value in a scenario is read from its text, and its place in the JSON Schema.

One declaration serves both readers: `Kind.read` for the exchange, `Kind.schema` for editors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any, NamedTuple

from runner.sim.wire import NEW_YORK

UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
DURATION_PATTERN = r"^(?:[0-9.]+(?:ms|s|m|h|d))*[0-9.]*$"


class ScenarioError(ValueError):
    """A scenario that cannot be used; each message says where and what to write instead.

    A message begins with the place in the scenario, such as `tape.AAPL[2]`, and a colon.
    """

    def __init__(self, *messages: str) -> None:
        super().__init__("\n".join(messages))
        self.messages = messages


class Problems:
    """Collects what is wrong in several places, so that one reading tells all of it.

    `with problems:` goes on after a `ScenarioError`; `end` raises one for all that was found.
    """

    def __init__(self) -> None:
        self._found: list[str] = []

    def __enter__(self) -> Problems:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, ScenarioError):
            return False
        self._found += error.messages
        return True

    def end(self) -> None:
        """Raises `ScenarioError` when anything was found."""
        if self._found:
            raise ScenarioError(*self._found)


def unknown(where: str, name: str, what: str, known: Iterable[str]) -> ScenarioError:
    """The error for a name that is not among the known ones, with the closest of them."""
    place = f"{where}.{name}" if where else name
    return ScenarioError(f"{place}: is not {what}; {suggest(name, known)}")


def suggest(name: str, known: Iterable[str]) -> str:
    """`did you mean x?` for the closest known name, else all of them."""
    names = list(known)
    close = get_close_matches(name, names, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(names)}"


class Kind(NamedTuple):
    """One kind of value: what reads it (value, place) or raises `ScenarioError`, and its schema."""

    read: Callable[[object, str], Any]
    schema: Mapping[str, Any]

    def __call__(self, value: object, where: str) -> Any:
        """The value read; `where` names its place in messages."""
        return self.read(value, where)


def as_mapping(value: object, where: str) -> Mapping[str, Any]:
    """A mapping as it is; nothing at all counts as an empty one."""
    if value in (None, ""):
        return {}
    if not isinstance(value, Mapping):
        raise ScenarioError(f"{where}: expected a mapping, not {value!r}")
    return value


# ------------------------------------------------------------------------- numbers


def _number(value: object, where: str) -> Decimal:
    try:
        number = Decimal(str(value).replace("_", ""))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite():
        raise ScenarioError(f"{where}: expected a number, not {value!r}")
    return number


def _price(value: object, where: str) -> Decimal:
    price = _number(value, where)
    if price <= 0:
        raise ScenarioError(f"{where}: a price is above 0, not {value!r}")
    return price


def _prices(value: object, where: str) -> dict[str, Decimal]:
    problems, found = Problems(), {}
    for symbol, price in as_mapping(value, where).items():
        with problems:
            found[symbol] = _price(price, f"{where}.{symbol}")
    problems.end()
    return found


def _chance(value: object, where: str) -> Decimal:
    text = str(value)
    chance = _number(text[:-1], where) / 100 if text.endswith("%") else _number(value, where)
    if not 0 <= chance <= 1:
        raise ScenarioError(f"{where}: expected a chance such as 10%, not {value!r}")
    return chance


def _integer(value: object, where: str) -> int:
    number = _number(value, where)
    if number != number.to_integral_value() or number < 0:
        raise ScenarioError(f"{where}: expected a whole number, not {value!r}")
    return int(number)


def _count(value: object, where: str) -> int:
    number = _integer(value, where)
    if number < 1:
        raise ScenarioError(f"{where}: counting begins with 1, not {value!r}")
    return number


NUMBER = Kind(_number, {"type": ["number", "string"]})
PRICE = Kind(_price, {"type": ["number", "string"], "description": "Dollars, above 0."})
PRICES = Kind(_prices, {"type": ["object", "null"], "additionalProperties": dict(PRICE.schema)})
CHANCE = Kind(
    _chance, {"type": ["number", "string"], "description": "Such as 10%, or a number from 0 to 1."}
)
INTEGER = Kind(_integer, {"type": ["integer", "string"], "minimum": 0})
COUNT = Kind(_count, {"type": ["integer", "string"], "minimum": 1})


# ------------------------------------------------------------------------- words


def _flag(value: object, where: str) -> bool:
    text = str(value).lower()
    if text in ("true", "yes"):
        return True
    if text in ("false", "no"):
        return False
    raise ScenarioError(f"{where}: expected true or false, not {value!r}")


def choice(*choices: str) -> Kind:
    """One of a few words."""

    def read(value: object, where: str) -> str:
        if str(value) not in choices:
            close = get_close_matches(str(value), choices, n=1)
            if close:
                raise ScenarioError(f"{where}: {value!r} is not known; did you mean {close[0]}?")
            raise ScenarioError(f"{where}: expected one of {', '.join(choices)}, not {value!r}")
        return str(value)

    return Kind(read, {"enum": list(choices)})


def _multiplier(value: object, where: str) -> int:
    return int(choice("1", "2", "4")(value, where))


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise ScenarioError(f"{where}: expected a text, not {value!r}")
    return value


def _names(value: object, where: str) -> frozenset[str]:
    if not isinstance(value, list | tuple):
        raise ScenarioError(f"{where}: expected a list of field names, not {value!r}")
    return frozenset(_text(name, where) for name in value)


def _rate(value: object, where: str) -> int | None:
    return None if str(value).lower() in ("off", "false", "no") else _integer(value, where)


def _keys(value: object, where: str) -> tuple[str, str]:
    pair = as_mapping(value, where)
    if set(pair) != {"key", "secret"}:
        raise ScenarioError(f"{where}: expected {{key: …, secret: …}}")
    return _text(pair["key"], f"{where}.key"), _text(pair["secret"], f"{where}.secret")


FLAG = Kind(_flag, {"type": ["boolean", "string"], "enum": [True, False, "yes", "no"]})
MULTIPLIER = Kind(_multiplier, {"enum": [1, 2, 4, "1", "2", "4"]})
TEXT = Kind(_text, {"type": "string", "minLength": 1})
NAMES = Kind(_names, {"type": "array", "items": dict(TEXT.schema)})
RATE = Kind(
    _rate,
    {"type": ["integer", "string", "boolean"], "description": "Requests a minute, or off."},
)
KEYS = Kind(
    _keys,
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["key", "secret"],
        "properties": {"key": dict(TEXT.schema), "secret": dict(TEXT.schema)},
    },
)


# ------------------------------------------------------------------------- time


def _moment(value: object, where: str) -> datetime:
    text = str(value)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=NEW_YORK)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ScenarioError(
            f"{where}: expected a New York time such as `2026-11-23 10:00`, or RFC 3339 with an"
            f" offset, not {text!r}"
        ) from None


def _duration(value: object, where: str) -> timedelta:
    total, number = timedelta(), ""
    text = str(value).strip()
    while text:
        if text[0].isdigit() or text[0] == ".":
            number, text = number + text[0], text[1:]
            continue
        unit = "ms" if text.startswith("ms") else text[0]
        if unit not in UNITS or not number:
            number = "?"
            break
        total += _span(number, unit, where)
        number, text = "", text[len(unit) :]
    if number == "?" or (number and total):
        raise ScenarioError(
            f"{where}: expected a time from the start or a duration, such as"
            f" 90s or 1h30m, not {value!r}"
        )
    return total + _span(number, "s", where) if number else total


def _span(number: str, unit: str, where: str) -> timedelta:
    amount = _number(number, where) * 1000
    factor = timedelta(**{UNITS[unit]: 1})
    try:
        return int(amount) * factor / 1000
    except OverflowError:
        raise ScenarioError(f"{where}: is longer than can be counted") from None


MOMENT = Kind(
    _moment,
    {
        "type": "string",
        "description": "A New York time such as 2026-11-23 10:00, or RFC 3339 with an offset.",
    },
)
DURATION = Kind(
    _duration,
    {
        "type": ["number", "string"],
        "pattern": DURATION_PATTERN,
        "description": "Seconds, or such as 150ms, 90s, 1h30m.",
    },
)
