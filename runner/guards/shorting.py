"""What is not held is sold only on purpose, by an owner and a broker that allow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from runner.guards.covered import uncovered_in_words
from runner.guards.draft import Draft, Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard
from runner.guards.holding import beyond_holding
from runner.guards.spread import contract_of
from runner.world import no_position

CODE = "shorting"
ON_PURPOSE = "sell_to_open"
LEAST_EQUITY = Decimal(2000)
"""Regulation T's and FINRA 4210's minimum equity for margin (facts page 3)."""


def judge(one: Judged) -> Verdict | None:
    """Refuses a sale of more than is held, unless everything that it takes is there.

    That is `position_intent: sell_to_open` in the order and a policy that allows shorting; for a
    stock also an account and a configuration that may, an asset that can be borrowed easily, and
    the minimum equity; for a call what covers it. The cash for a sold put is `buying_power`'s.
    Says nothing of a buy.
    """
    verdict = _judge(one, one.draft.body.get("position_intent"))
    return _with_cover(verdict, (one,))


def _with_cover(verdict: Verdict | None, legs: Sequence[Judged]) -> Verdict | None:
    """The same, but a refusal where an order that it lets pass sells a call without cover."""
    if verdict is None or verdict.refused:
        return verdict
    opening = any(leg.draft.side == "sell" and beyond_holding(leg) != 0 for leg in legs)
    words = uncovered_in_words(legs) if opening else ""
    return refuse(CODE, words, **verdict.values) if words else verdict


def _judge(one: Judged, intent: object) -> Verdict | None:
    draft = one.draft
    if draft.side != "sell":
        return None
    beyond = beyond_holding(one)
    values: dict[str, object] = {"position": one.world.position.qty, "beyond": beyond}
    if beyond is None:
        words = f"whether {draft.symbol} would be sold short cannot be told"
        return refuse(CODE, words, **values)
    if beyond == 0:
        return let_pass(CODE, "no more is sold than is held", **values)
    asset, configuration, account = one.world.asset, one.bounds.configuration, one.world.account
    values |= {"position_intent": intent, "allow_shorting": one.bounds.rules.allow_shorting}
    selling = f"{beyond:f} {draft.symbol} would be sold short"
    if intent != ON_PURPOSE:
        words = f"{selling}, and the order does not say position_intent: {ON_PURPOSE}"
        return refuse(CODE, words + _disagreement(one), **values)
    if not one.bounds.rules.allow_shorting:
        words = f"{selling}, and no policy allows that (allow_shorting: true in policy.yaml)"
        return refuse(CODE, words, **values)
    match one.asset_class:
        case "us_option":
            return let_pass(CODE, "meant and allowed by the policy", **values)
        case "crypto":
            return refuse(CODE, f"{selling}: crypto cannot be", **values)
    no_shorting = configuration.no_shorting if configuration is not None else None
    needed = (
        ("shorting_enabled", account.shorting_enabled, "the account"),
        ("no_shorting", None if no_shorting is None else not no_shorting, "the configuration"),
        ("shortable", asset.shortable if asset is not None else None, "the asset"),
        ("easy_to_borrow", asset.easy_to_borrow if asset is not None else None, "the asset"),
    )
    for name, may, whose in needed:
        values[name] = no_shorting if name == "no_shorting" else may
        if may is None:
            words = f"{selling}, and the broker does not say {name} of {whose}"
            return refuse(CODE, words, **values)
        if not may:
            words = f"{selling}, and {whose} does not allow it ({name})"
            return refuse(CODE, words, **values)
    values["equity"] = account.equity
    if account.equity is None or account.equity < LEAST_EQUITY:
        has = "is not known" if account.equity is None else f"is {account.equity:f}"
        words = f"{selling}, and equity {has}: that takes {LEAST_EQUITY:f}"
        return refuse(CODE, words, **values)
    return let_pass(CODE, "meant, and allowed by policy and broker", **values)


def _disagreement(one: Judged) -> str:
    """What to do where only one of two readings shows that enough is held."""
    shown, expected = one.world.position.qty, one.bounds.expected
    if shown is None or expected is None or shown == expected:
        return ""
    return (
        f" (the account shows {shown:f}, and it should hold {expected:f}: an exit that says "
        "position_intent: sell_to_close is left to the broker)"
    )


def judge_legs(draft: Draft, legs: Sequence[Judged]) -> Verdict | None:
    """The same of each leg that is sold, unless the order buys what covers it.

    A covered leg is no short sale: what the order can lose is bounded, and the broker reserves it.
    """
    if _covered(legs):
        return let_pass(CODE, "what is sold beyond the holding is covered by what is bought")
    intents = _intents(draft)
    verdicts = [_judge(leg, intents.get(leg.draft.symbol, _replaced(leg))) for leg in legs]
    said = [verdict for verdict in verdicts if verdict is not None]
    refused = [verdict for verdict in said if verdict.refused]
    return _with_cover(next(iter([*refused, *said]), None), legs)


def _covered(legs: Sequence[Judged]) -> bool:
    """Whether of each kind as many contracts are bought to open as are sold to open, of the same
    underlying and living as long."""
    sold: dict[tuple[str, bool], Decimal] = {}
    last = ""
    for leg in legs:
        contract, beyond = contract_of(leg.draft.symbol), beyond_holding(leg)
        if contract is None or beyond is None:
            return False
        if leg.draft.side == "sell" and beyond > 0:
            kind = (contract.root, contract.is_call)
            sold[kind] = sold.get(kind, Decimal(0)) + beyond
            last = max(last, contract.expires)
    for leg in legs:
        contract, beyond = contract_of(leg.draft.symbol), beyond_holding(leg)
        if leg.draft.side == "buy" and contract is not None and contract.expires >= last:
            kind = (contract.root, contract.is_call)
            sold[kind] = sold.get(kind, Decimal(0)) - (beyond or Decimal(0))
    return all(open_ <= 0 for open_ in sold.values())


def _intents(draft: Draft) -> dict[str, object]:
    legs = draft.body.get("legs")
    rows = [leg for leg in legs if isinstance(leg, Mapping)] if isinstance(legs, list) else []
    return {str(leg.get("symbol")): leg.get("position_intent") for leg in rows}


def _replaced(leg: Judged) -> str | None:
    """What the leg in whose place this one comes was meant to do."""
    return leg.draft.instead[0].position_intent if leg.draft.instead else None


def known_bad(one: Judged) -> Judged:
    """A sale of one where nothing is held, by an order that does not say that it is meant."""
    symbol = one.draft.symbol
    body = {"symbol": symbol, "side": "sell", "type": "market", "time_in_force": "day", "qty": "1"}
    world = replace(one.world, position=no_position(symbol), open_orders=())
    bounds = replace(one.bounds, expected=Decimal(0))
    return replace(one, draft=Draft(symbol, "sell", body), world=world, bounds=bounds)


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="more is sold than is held without `position_intent: sell_to_open`, without a policy "
    "with `allow_shorting`, or where account, configuration, asset or equity do not allow it; a "
    "sold call that neither held calls nor free shares cover",
    default="not allowed",
    reason="The loss of a short position has no bound, and a wrong quantity opens one unnoticed.",
    source="house rule; Alpaca: account is not allowed to short, asset cannot be sold short (facts "
    "page 2.3); Regulation T and FINRA 4210: 2,000 dollars",
    limit="allow_shorting",
    judge_legs=judge_legs,
)
