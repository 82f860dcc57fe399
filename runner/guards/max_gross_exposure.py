"""The most dollars that all positions, long and short, may come to together."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.exposure import gross_after
from runner.guards.guard import NO_LIMIT, Guard, Scope

CODE = "max_gross_exposure"


def judge(one: Judged) -> Verdict | None:
    """Refuses an order that would bring it further, with open orders, or when it is not known."""
    most = one.bounds.rules.limits.max_gross_exposure
    if most is None:
        return None
    after = gross_after(one)
    if after is None:
        words = (
            "what all positions would be worth cannot be told: a position, an open order or a "
            "price is missing"
        )
        return refuse(CODE, words, max_gross_exposure=most)
    values = {"after": after, "max_gross_exposure": most}
    words = f"all positions may come to about ${after:,.2f} with open orders"
    if after > most:
        return refuse(CODE, f"{words}, more than ${most:,.2f}", **values)
    return let_pass(CODE, f"{words}, at most ${most:,.2f}", **values)


def known_bad(one: Judged) -> Judged:
    """An order for one dollar more than everything may be worth, with nothing held."""
    most = one.bounds.rules.limits.max_gross_exposure or Decimal(1)
    rules = one.bounds.rules.with_limits(max_gross_exposure=most)
    world = replace(one.world, positions=(), open_orders=())
    draft = one.draft.worth(most + 1)
    return replace(one, draft=draft, world=world, bounds=replace(one.bounds, rules=rules))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="all positions, long and short, open orders of everybody and the order would be worth "
    "more, or that cannot be told",
    default=NO_LIMIT,
    reason="The account as a whole, whoever opened what is in it.",
    source="house rule; SEC Rule 15c3-5(c)(1)(i): credit thresholds, in the aggregate",
    limit=CODE,
    scope=Scope.WHOLE,
)
