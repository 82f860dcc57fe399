"""Orders for a part of a share or for dollars have rules of their own."""

from __future__ import annotations

from msgspec.structs import replace

from runner.guards.draft import Draft, Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope
from runner.guards.holding import beyond_holding
from runner.world import is_option

CODE = "fractional"


def judge(one: Judged) -> Verdict | None:
    """Refuses an order with qty and notional, or neither, and a fraction that cannot be traded.

    What types and times in force fractions take is in `order_terms`, whether the asset has them in
    `asset_flags`, and what the smallest order is in `smallest_order`.
    """
    body, configuration = one.draft.body, one.bounds.configuration
    given = [name for name in ("qty", "notional") if body.get(name) is not None]
    if len(given) != 1:
        words = "an order is for a quantity or for dollars, one of the two"
        return refuse(CODE, words, qty=body.get("qty"), notional=body.get("notional"))
    if is_option(one.draft.symbol) and given == ["notional"]:
        return refuse(CODE, "options are not traded for dollars", notional=body.get("notional"))
    if not one.fractional:
        return None
    what = "an order for dollars" if given == ["notional"] else "an order for part of a share"
    values = {given[0]: body[given[0]]}
    if one.draft.order_class != "simple":
        return refuse(CODE, f"{what} cannot have exits of its own: it is a simple order", **values)
    enabled = configuration.fractional_trading if configuration is not None else None
    values["fractional_trading"] = enabled
    if enabled is None:
        words = "the broker did not say whether the account trades fractions"
        return refuse(CODE, words, **values)
    if not enabled:
        words = "the account's configuration has fractional_trading switched off"
        return refuse(CODE, words, **values)
    if one.draft.side == "sell":
        beyond = beyond_holding(one)
        if beyond is None:
            return refuse(CODE, f"whether {what} would sell short cannot be told", **values)
        if beyond > 0:
            return refuse(CODE, f"{what} cannot be sold short: that takes whole shares", **values)
    return let_pass(CODE, f"{what} can be taken", **values)


def known_bad(one: Judged) -> Judged:
    """An order for a quantity and for dollars at once."""
    symbol = one.draft.symbol
    body = {"symbol": symbol, "side": "buy", "type": "market", "time_in_force": "day", "qty": "1",
            "notional": "100"}  # fmt: skip
    return replace(one, draft=Draft(symbol, "buy", body))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="qty and notional together or neither; fractions with exits, sold short, or where the "
    "account's configuration has them off or does not say",
    default="always",
    reason="The broker refuses it in the middle of the run.",
    source="error texts of the paper API, 2026 (facts page 2.3, 2.4)",
    scope=Scope.SINGLE,
)
