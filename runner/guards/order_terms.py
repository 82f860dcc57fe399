"""Which type of order may have which time in force, by asset class, order class and session.

The rows are what the broker accepts, each with its source, checked on `AS_OF`. What no row allows
is refused. A row allows extended hours only for the times in force in `extended`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from runner.guards.bracket_geometry import GROUPS
from runner.guards.draft import Draft, Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard

CODE = "order_terms"
AS_OF = date(2026, 11, 22)
"""When the rows were checked against their sources."""

EXTENDED_FRACTIONS = "fractional_eh_enabled"
OVERNIGHT = "overnight_tradable"
NEW_YORK = ZoneInfo("America/New_York")
OVERNIGHT_FROM, OVERNIGHT_TO = time(20), time(4)


class Terms(Struct, frozen=True):
    """What one form of order in one class of assets may be.

    `form` is the order class; a simple order for a fraction or for dollars is `fractional`.
    """

    asset_class: str
    form: str
    types: tuple[str, ...]
    in_force: tuple[str, ...]
    extended: tuple[str, ...]
    source: str


STOPS = ("stop", "stop_limit")
ENTRIES = ("market", "limit", *STOPS)
ANY = ("day", "gtc", "opg", "cls", "ioc", "fok")
LASTING = ("day", "gtc")
ORDERS_PAGE = "Alpaca, Placing Orders, 2026-09"
OPTIONS_PAGE = "Alpaca options trading page, 2026-09-16; Trading API description, 2026-08"
ERRORS = "error texts of the paper API, 2026 (facts page 2.3)"

TERMS: tuple[Terms, ...] = (
    Terms("us_equity", "simple", ("market",), ANY, (),
          "Alpaca changelog 2026-05-05: equities take day, gtc, opg, cls, ioc and fok"),
    Terms("us_equity", "simple", ("limit",), ANY, LASTING,
          "as market; extended hours take day or gtc limit orders since May 2026 " + ERRORS),
    Terms("us_equity", "simple", STOPS, ("day", "gtc", "ioc", "fok"), (),
          "as market; auctions take market and limit orders, extended hours no stops: " + ERRORS),
    Terms("us_equity", "simple", ("trailing_stop",), LASTING, (), ORDERS_PAGE),
    Terms("us_equity", "fractional", ("market", *STOPS), ("day",), (), ERRORS),
    Terms("us_equity", "fractional", ("limit",), ("day",), ("day",),
          ERRORS + "; extended hours where the asset has " + EXTENDED_FRACTIONS),
    Terms("us_equity", "bracket", ENTRIES, LASTING, (), ERRORS),
    Terms("us_equity", "oto", ENTRIES, LASTING, (), ERRORS),
    Terms("us_equity", "oco", ("limit",), LASTING, (), ERRORS + "; " + ORDERS_PAGE),
    Terms("crypto", "simple", ("market", "limit", "stop_limit"), ("gtc", "ioc"), (), ERRORS),
    Terms("us_option", "simple", ("market", "limit"), ("day",), (), OPTIONS_PAGE),
    Terms("us_option", "mleg", ("market", "limit"), ("day",), (), OPTIONS_PAGE),
)  # fmt: skip

_BY_TYPE = {(row.asset_class, row.form, kind): row for row in TERMS for kind in row.types}
_NAMES = {"us_equity": "stock", "us_option": "option"}


def judge(one: Judged) -> Verdict | None:
    """Refuses what no row allows, and what the hour or the asset's attributes rule out."""
    draft, form = one.draft, _form(one)
    kind, in_force = draft.type, str(draft.body.get("time_in_force") or "")
    extended = draft.body.get("extended_hours") is True
    values = {"asset_class": one.asset_class, "form": form, "type": kind,
              "time_in_force": in_force, "extended_hours": extended}  # fmt: skip
    what = f"{_NAMES.get(one.asset_class, one.asset_class)} order"
    what = what if form == "simple" else f"{form} {what}"
    row = _BY_TYPE.get((one.asset_class, form, kind))
    if row is None:
        kinds = [r for r in TERMS if (r.asset_class, r.form) == (one.asset_class, form)]
        known = ", ".join(kind for r in kinds for kind in r.types)
        words = f"a {what} is {known}, not {kind or 'of no type'}" if known else (
            f"no terms are known for a {what}")  # fmt: skip
        return refuse(CODE, words, **values)
    if in_force not in row.in_force:
        may = " or ".join(row.in_force)
        words = f"a {kind} {what} is {may}, not {in_force or 'of no time in force'}"
        return refuse(CODE, words, **values)
    if extended and in_force not in row.extended:
        words = f"a {in_force} {kind} {what} cannot trade in extended hours"
        return refuse(CODE, words, **values)
    return _asset_and_hour(one, row, extended=extended, **values)


def _asset_and_hour(one: Judged, row: Terms, *, extended: bool, **values: object) -> Verdict:
    asset, clock, symbol = one.world.asset, one.world.clock, one.draft.symbol
    values["extended_hours"] = extended
    attributes = asset.attributes if asset is not None else None
    if extended and row.form == "fractional" and EXTENDED_FRACTIONS not in (attributes or ()):
        words = f"{symbol} is not known to trade fractions in extended hours"
        return refuse(CODE, words, attributes=_listed(attributes), **values)
    if row.asset_class == "us_option" and one.draft.type == "market" and clock.is_open is not True:
        words = "option orders at the market are taken while the market is open only"
        return refuse(CODE, words, is_open=clock.is_open, **values)
    words = f"the broker takes such orders (terms of {AS_OF.isoformat()})"
    if extended and _is_night(one) and OVERNIGHT not in (attributes or ()):
        words += f"; it waits for 4:00: {symbol} is not known to trade overnight"
    return let_pass(CODE, words, source=row.source, **values)


def _form(one: Judged) -> str:
    order_class = one.draft.order_class
    if order_class in GROUPS and one.draft.instead:
        return "bracket"  # a changed order of a group is the entry or an exit of it
    return "fractional" if order_class == "simple" and one.fractional else order_class


def _is_night(one: Judged) -> bool:
    now = one.world.clock.timestamp
    if now is None:
        return False
    local = now.astimezone(NEW_YORK).time()
    return local >= OVERNIGHT_FROM or local < OVERNIGHT_TO


def _listed(attributes: tuple[str, ...] | None) -> str | None:
    return None if attributes is None else ", ".join(attributes)


def judge_legs(draft: Draft, legs: Sequence[Judged]) -> Verdict | None:
    """The same of the whole order: its legs have no terms of their own."""
    return judge(replace(legs[-1], draft=draft))


def known_bad(one: Judged) -> Judged:
    """A trailing stop that is to fill at once or never."""
    body = {"symbol": one.draft.symbol, "side": "buy", "type": "trailing_stop",
            "time_in_force": "fok", "qty": "1", "trail_percent": "1"}  # fmt: skip
    return replace(one, draft=Draft(one.draft.symbol, "buy", body))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="a combination of type, time in force, order class, session and asset class that the "
    "broker does not take",
    default="always",
    reason="The broker refuses it in the middle of the run.",
    source=f"a table with a source per row, checked on {AS_OF.isoformat()} (facts page 2.3, 2.4)",
    judge_legs=judge_legs,
)
