"""Exact, bounded arithmetic on numbers, durations and times.

Numbers are decimals of 34 digits that round half to even, whatever the thread's own decimal
context says; a result beyond 10^18 fails. Functions raise `ValueError` with a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from decimal import (
    MAX_EMAX,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)

from runner.language.values import Plain

CONTEXT = Context(
    prec=34,
    rounding=ROUND_HALF_EVEN,
    Emin=-99,
    Emax=MAX_EMAX,
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
LARGEST = Decimal(10**18)
LONGEST = timedelta(days=10_000)
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)


def bounded(number: Decimal) -> Decimal:
    """The number, when its size is at most 10^18; zero without a sign."""
    if not number.is_finite() or abs(number) > LARGEST:
        raise ValueError("the result is larger than 10^18")
    return number if number else number.copy_abs()


def in_range(number: Decimal) -> bool:
    """Whether a number from outside can be calculated with: at most 10^18, at most 99 places."""
    if not number.is_finite() or abs(number) > LARGEST:
        return False
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -99


def negated(value: Plain) -> Plain:
    match value:
        case Decimal():
            return bounded(CONTEXT.minus(value))
        case timedelta():
            return -value
    raise ValueError("only numbers and durations have a sign")


def calculated(operator: str, left: Plain, right: Plain) -> Plain:
    """`left operator right` for numbers, durations, and times with durations."""
    try:
        match left, right:
            case Decimal(), Decimal():
                return bounded(_NUMBERS[operator](left, right))
            case timedelta(), timedelta():
                return _durations(operator, left, right)
            case timedelta(), Decimal() if operator in ("*", "/"):
                return _scaled(operator, left, right)
            case Decimal(), timedelta() if operator == "*":
                return _scaled(operator, right, left)
            case datetime(), timedelta() if operator in ("+", "-"):
                return left + right if operator == "+" else left - right
            case datetime(), datetime() if operator == "-":
                return _long_enough(left - right)
            case time(), timedelta() if operator in ("+", "-"):
                return _time_of_day(_since_midnight(left), right if operator == "+" else -right)
            case time(), time() if operator == "-":
                return _since_midnight(left) - _since_midnight(right)
    except OverflowError:
        raise ValueError("the result is out of range") from None
    except TypeError:
        raise ValueError("only one of these two moments says its time zone") from None
    raise ValueError(f"these two values have no '{operator}'")


def compared(operator: str, left: Plain, right: Plain) -> bool:
    """`left operator right` for two values of one type."""
    if operator in ("==", "!="):
        return same(left, right) is (operator == "==")
    match left, right:
        case (Decimal(), Decimal()) | (timedelta(), timedelta()):
            return _ORDERS[operator](left, right)
        case datetime(), datetime() if _same_clock(left, right):
            return _ORDERS[operator](left, right)
        case time(), time() if _same_clock(left, right):
            return _ORDERS[operator](left, right)
    raise ValueError("these two values have no order")


def _same_clock(left: datetime | time, right: datetime | time) -> bool:
    return (left.utcoffset() is None) == (right.utcoffset() is None)


def same(left: Plain, right: Plain) -> bool:
    """Whether both are the same value of the same type: true is not 1."""
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


def rounded(number: Decimal, places: int, rounding: str) -> Decimal:
    """The number with exactly `places` decimal places."""
    return bounded(number.quantize(Decimal(1).scaleb(-places), rounding, CONTEXT))


def whole_quotient(left: Decimal, right: Decimal) -> Decimal:
    """How often `right` goes into `left`, rounded down, without an intermediate rounding."""
    above, below = left.as_integer_ratio()
    over, under = right.as_integer_ratio()
    if over == 0:
        raise ValueError("division by zero")
    return Decimal((above * under) // (below * over))


def _quotient(left: Decimal, right: Decimal) -> Decimal:
    if right == 0:
        raise ValueError("division by zero")
    return CONTEXT.divide(left, right)


_NUMBERS: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": CONTEXT.add,
    "-": CONTEXT.subtract,
    "*": CONTEXT.multiply,
    "/": _quotient,
    "//": whole_quotient,
}
_ORDERS: dict[str, Callable[..., bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def _durations(operator: str, left: timedelta, right: timedelta) -> Plain:
    if operator in ("+", "-"):
        return _long_enough(left + right if operator == "+" else left - right)
    if operator == "/":
        return bounded(_quotient(_microseconds(left), _microseconds(right)))
    raise ValueError(f"two durations have no '{operator}'")


def _scaled(operator: str, duration: timedelta, factor: Decimal) -> timedelta:
    exact = bounded(_NUMBERS[operator](_microseconds(duration), factor))
    return _long_enough(timedelta(microseconds=int(rounded(exact, 0, ROUND_HALF_EVEN))))


def _microseconds(duration: timedelta) -> Decimal:
    return Decimal(duration // _MICROSECOND)


def _long_enough(duration: timedelta) -> timedelta:
    if abs(duration) > LONGEST:
        raise ValueError("the result is longer than 10000 days")
    return duration


def _since_midnight(of_day: time) -> timedelta:
    return timedelta(
        hours=of_day.hour,
        minutes=of_day.minute,
        seconds=of_day.second,
        microseconds=of_day.microsecond,
    )


def _time_of_day(since_midnight: timedelta, change: timedelta) -> time:
    total = since_midnight + change
    if not timedelta(0) <= total < _DAY:
        raise ValueError("the result is past midnight")
    return (datetime(1, 1, 1) + total).time()  # noqa: DTZ001 - a carrier for the time of day
