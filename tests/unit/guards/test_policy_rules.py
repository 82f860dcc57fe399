"""The tighter of policy and runbook holds, and what today's policy forbids more is found."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from runner.guards.rules import BUILT_IN, LIMITS, Bound, Policy, Rules, looser
from runner.language.runbook import Limits
from runner.language.source import Span

NOBODY = Limits()


def test_without_a_policy_the_ceilings_of_the_house_hold() -> None:
    limits = Rules.of(BUILT_IN, NOBODY, "paper").limits
    assert limits.max_order_notional == 10_000
    assert limits.max_run_notional == 25_000
    assert limits.max_day_notional == 50_000
    assert limits.max_orders == 20
    assert limits.max_orders_per_minute == 10


@pytest.mark.parametrize("name", LIMITS)
def test_of_every_limit_the_tighter_value_holds(name: str) -> None:
    wide, narrow = ends(name)
    for policy, own in ((wide, narrow), (narrow, wide), (None, narrow), (narrow, None)):
        rules = Rules.of(Policy(limits=limits(name, policy)), limits(name, own), "sim")
        assert getattr(rules.limits, name) == narrow
    asked = looser(Policy(limits=limits(name, narrow)), limits(name, wide))
    assert list(asked) == [name]
    assert not looser(Policy(limits=limits(name, wide)), limits(name, narrow))
    assert not looser(Policy(limits=limits(name, wide)), limits(name, wide))


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_that_became_tighter_forbids_more_and_a_wider_one_does_not(name: str) -> None:
    wide, narrow = (Rules(limits=limits(name, one)) for one in ends(name))
    assert name in narrow.forbids_more(wide)
    assert not wide.forbids_more(narrow)
    assert not wide.forbids_more(wide)
    assert "unbounded" in narrow.forbids_more(Rules(limits=NOBODY))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"symbols": ("AAPL",)}, "symbols are AAPL, and were any"),
        ({"sides": ("sell",)}, "sides are sell, and were buy, sell"),
        ({"allow_shorting": False}, "shorting is not allowed any more"),
        ({"off": {}}, "wash_trade was turned off, and judges again"),
    ],
)
def test_everything_else_that_a_policy_takes_back_is_named(
    change: dict[str, Any], words: str
) -> None:
    before = Rules(allow_shorting=True, off={"wash_trade": "why"})
    after: Rules = replace(before, **change)
    assert after.forbids_more(before) == words
    assert not before.forbids_more(after)


@pytest.mark.parametrize(
    ("said", "target", "may"),
    [
        (None, "sim", True), (None, "paper", True), (None, "url", True), (None, "live", False),
        (True, "live", True), (False, "sim", False),
    ],
)  # fmt: skip
def test_yes_answers_everywhere_but_live_unless_the_policy_says_otherwise(
    said: bool | None, target: str, may: bool
) -> None:
    assert Policy(allow_yes=said).lets_yes_answer(target) is may


def test_where_a_ceiling_comes_from_is_said() -> None:
    built_in = replace(BUILT_IN, looked_for="/home/me/policy.yaml")
    assert "no policy file was found" in built_in.source_of("max_orders")
    assert "/home/me/policy.yaml" in built_in.source_of("max_orders")
    own = Policy(file="p.yaml", places={"max_orders": Span(3, 5, 3, 7)})
    assert own.source_of("max_orders") == "The ceiling is the policy's: p.yaml:3:5."
    assert "built in, because the policy does not set it" in own.source_of("max_run_notional")


def test_rules_come_out_of_a_log_as_they_went_in() -> None:
    rules = Rules(
        limits=Limits(price_collar=Decimal("0.025"), duplicate_window=timedelta(seconds=90)),
        symbols=("AAPL",),
        sides=("buy",),
        off={"wash_trade": "why"},
        target="paper",
    )
    assert Rules.from_data(rules.to_data()) == rules


def ends(name: str) -> tuple[Bound, Bound]:
    """A wide and a narrow value of a limit."""
    if name in ("duplicate_window", "max_clock_skew"):
        short, long = timedelta(seconds=5), timedelta(seconds=60)
        return (short, long) if name == "duplicate_window" else (long, short)
    return Decimal(9), Decimal(3)


def limits(name: str, value: Bound) -> Limits:
    return NOBODY if value is None else dataclasses.replace(NOBODY, **{name: value})  # type: ignore[arg-type]
