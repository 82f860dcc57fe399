"""Text for a terminal or a pipe: widths, styles, amounts and times as people read them.

Widths are columns of a terminal. Texts must have passed through `visible` before they come here.
"""

from __future__ import annotations

import textwrap
import unicodedata
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from runner.world import decimal

NEW_YORK = ZoneInfo("America/New_York")
STYLES = {"bold": "1", "dim": "2", "green": "32", "yellow": "33", "cyan": "36", "bold red": "1;31"}


def paint(text: str, style: str, *, color: bool) -> str:
    """The text in a style of `STYLES`; unchanged without colour."""
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if color and style and text else text


def columns(text: str) -> int:
    """How many columns of a terminal a visible text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(char) in ("Mn", "Me") else
        2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )  # fmt: skip


def pad(text: str, width: int) -> str:
    """The text, filled with spaces to a number of columns."""
    return text + " " * max(0, width - columns(text))


def cut(text: str, width: int) -> str:
    """The text in at most so many columns, ending in an ellipsis when some of it is left out."""
    if columns(text) <= width:
        return text
    shown = ""
    for char in text:
        if columns(shown + char) > width - 1:
            break
        shown += char
    return shown + "…" if width > 0 else ""


def wrap(text: str, width: int | None, indent: str = "") -> list[str]:
    """The text in indented lines of at most `width` columns; one line when it is None."""
    if width is None:
        return [indent + text]
    room = max(width - len(indent), 10)
    lines = textwrap.wrap(text, room, break_on_hyphens=False)
    return [indent + line for line in lines] or [indent]


def money(text: str) -> str:
    """An amount with thousands separators, every decimal kept: `100,000.50`."""
    whole, point, places = text.partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    if not digits.isascii() or not digits.isdigit():
        return text
    return f"{sign}{int(digits):,}{point}{places}"


def spoken(span: timedelta) -> str:
    """A duration as it is read: `0.4s`, `12s`, `2m 05s`, `1h 02m`, `3d 04h`."""
    seconds = max(span.total_seconds(), 0.0)
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = int(seconds + 0.5)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d {whole % 86400 // 3600:02d}h"


def time_left(left: timedelta) -> str:
    """A countdown in whole seconds: `42s left`."""
    whole = timedelta(seconds=max(0, round(left.total_seconds())))
    return f"{spoken(whole).replace('.0s', 's')} left"


def new_york(at: datetime) -> str:
    """A moment as a trader reads it: `Mon 23 Nov 15:50 New York`."""
    return f"{at.astimezone(NEW_YORK):%a %d %b %H:%M} New York"


def average(text: str) -> str:
    """An average price with at most six decimal places."""
    number = decimal(text)
    if number is None or -int(number.as_tuple().exponent) <= 6:
        return text
    return f"{number:.6f}".rstrip("0").rstrip(".")
