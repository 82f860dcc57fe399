"""What the guards of one run measure against: the owner's policy, tightened by the runbook.

A policy belongs to the owner of the account and holds for every runbook, whoever wrote it. A
runbook's `limits` may be tighter than the policy's and never looser: `looser` says which are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from msgspec import Struct, field
from msgspec.structs import replace

from runner.effects import Json
from runner.language.declare import declared_fields
from runner.language.runbook import Limits
from runner.language.source import Span
from runner.language.values import Value, as_given

CEILINGS = Limits(
    max_order_notional=Decimal(10_000),
    max_run_notional=Decimal(25_000),
    max_day_notional=Decimal(50_000),
    max_orders=Decimal(20),
    max_orders_per_minute=Decimal(10),
)
"""What holds where the owner says nothing: a house rule, small enough to survive a mistake."""

WIDEST = Limits(
    price_collar=Decimal("0.25"),
    max_spread=Decimal("0.3"),
    stop_distance=Decimal("0.5"),
    max_repeats=Decimal(10),
    duplicate_window=timedelta(seconds=30),
    max_clock_skew=timedelta(seconds=5),
)
"""How wide a runbook may make what the owner says nothing of: the guards' own defaults, those of
options where stocks have tighter ones. Wider takes the owner's word."""

WIDER_IS_TIGHTER = ("duplicate_window",)
"""Limits of which the larger value refuses more."""

LIMITS = tuple(declared_fields(Limits))


Bound = Decimal | timedelta | None


class Policy(Struct, frozen=True):
    """What the owner of the account allows. `file` and `sha256` are empty for the built-in one.

    `file` is the path that it was read from, `looked_for` the path where a file would be found if
    there were one. `symbols` None is any. `off` maps a guard that is turned off to the reason.
    `allow_yes`: whether `--yes` may answer a `confirm`; None leaves that to the target. `accounts`
    never get into a log. `places` says where in the file each of its limits stands.
    """

    file: str = ""
    sha256: str = ""
    looked_for: str = ""
    accounts: tuple[str, ...] = ()
    symbols: tuple[str, ...] | None = None
    sides: tuple[str, ...] = ("buy", "sell")
    allow_shorting: bool = False
    allow_yes: bool | None = None
    limits: Limits = field(default_factory=Limits)
    off: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Span] = field(default_factory=dict)

    @property
    def ceilings(self) -> Limits:
        """Its limits, and the built-in ones where it says nothing."""
        return _merged(self.limits, CEILINGS)

    @property
    def widest(self) -> Limits:
        """What a runbook's own limits may be at the most."""
        return _merged(self.ceilings, WIDEST)

    def lets_yes_answer(self, target: str) -> bool:
        """Whether `--yes` may answer a runbook's questions on a target (sim, paper, live, url)."""
        return target != "live" if self.allow_yes is None else self.allow_yes

    def source_of(self, limit: str) -> str:
        """Where the ceiling of a limit comes from, and how to raise it; a sentence."""
        if limit in self.places:
            place = self.places[limit]
            return f"The ceiling is the policy's: {self.file}:{place.line}:{place.column}."
        if self.file:
            return (
                f"The ceiling is built in, because the policy does not set it; to raise it, write "
                f"`{limit}` under `limits` in {self.file}."
            )
        return (
            "The ceiling is built in, because no policy file was found; to raise it, write one: "
            f"{self.looked_for or 'docs/policy.md says where'}."
        )


BUILT_IN = Policy()


class Rules(Struct, frozen=True):
    """The effective rules of one run. `target` is sim, paper, live or url."""

    limits: Limits = CEILINGS
    symbols: tuple[str, ...] | None = None  # the policy's; the runbook's own come beside
    sides: tuple[str, ...] = ("buy", "sell")
    allow_shorting: bool = False
    off: Mapping[str, str] = field(default_factory=dict)
    target: str = "sim"

    @classmethod
    def of(cls, policy: Policy, own: Limits, target: str) -> Rules:
        """A policy tightened by a runbook's own limits. The tighter of both holds."""
        ceilings = policy.ceilings
        tight = {
            name: tighter(name, getattr(ceilings, name), getattr(own, name)) for name in LIMITS
        }
        return cls(
            limits=dataclasses.replace(ceilings, **tight),  # type: ignore[arg-type]
            symbols=policy.symbols,
            sides=policy.sides,
            allow_shorting=policy.allow_shorting,
            off=policy.off,
            target=target,
        )

    def with_limits(self, **limits: Bound) -> Rules:
        """The same rules with some limits changed."""
        return replace(self, limits=dataclasses.replace(self.limits, **limits))  # type: ignore[arg-type]

    def forbids_more(self, before: Rules) -> str:
        """What these rules forbid and those before allowed: the first difference in words, or
        empty."""
        for name in LIMITS:
            one, other = getattr(self.limits, name), getattr(before.limits, name)
            if one is not None and tighter(name, one, other) != other:
                was = "unbounded" if other is None else limit_text(name, other)
                return f"{name} is {limit_text(name, one)}, and was {was}"
        for name, now, then in (
            ("symbols", self.symbols, before.symbols),
            ("sides", self.sides, before.sides),
        ):
            if now is not None and (then is None or not set(then) <= set(now)):
                return f"{name} are {', '.join(now)}, and were {', '.join(then or ('any',))}"
        if before.allow_shorting and not self.allow_shorting:
            return "shorting is not allowed any more"
        again = sorted(set(before.off) - set(self.off))
        return f"{again[0]} was turned off, and judges again" if again else ""

    def to_data(self) -> dict[str, Json]:
        """The rules as the log holds them; `from_data` is its inverse."""
        return {
            "limits": limits_as_data(self.limits),
            "symbols": None if self.symbols is None else list[Json](self.symbols),
            "sides": list[Json](self.sides),
            "allow_shorting": self.allow_shorting,
            "off": dict(self.off),
            "target": self.target,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Json]) -> Rules:
        """The rules that a log holds. Raises `KeyError` or `ValueError` for anything else."""
        symbols, sides, off, limits = (data[k] for k in ("symbols", "sides", "off", "limits"))
        assert isinstance(sides, list)
        assert isinstance(off, dict)
        assert isinstance(limits, dict)
        return cls(
            limits=limits_from_data(limits),
            symbols=tuple(map(str, symbols)) if isinstance(symbols, list) else None,
            sides=tuple(map(str, sides)),
            allow_shorting=data["allow_shorting"] is True,
            off={name: str(reason) for name, reason in off.items()},
            target=str(data["target"]),
        )


def tighter(name: str, one: Bound, other: Bound) -> Bound:
    """The bound of two that refuses more; the given one where the other is missing."""
    if one is None or other is None:
        return other if one is None else one
    pick = max if name in WIDER_IS_TIGHTER else min
    return pick(one, other)


def looser(policy: Policy, own: Limits) -> Sequence[str]:
    """The limits of a runbook that are looser than the policy lets them be."""
    found = []
    for name in LIMITS:
        given, most = getattr(own, name), getattr(policy.widest, name)
        if given is not None and most is not None and tighter(name, given, most) != given:
            found.append(name)
    return found


def limits_as_data(limits: Limits) -> dict[str, Json]:
    """Limits as text that a person would write; those that are not set are left out."""
    return {
        name: limit_text(name, value)
        for name in LIMITS
        if (value := getattr(limits, name)) is not None
    }


def limit_text(name: str, value: Bound) -> str:
    """A limit's value as a person would write it."""
    return as_given(Value(value, declared_fields(Limits)[name].kind))


def limits_from_data(data: Mapping[str, Json]) -> Limits:
    """The inverse of `limits_as_data`. Raises `ValueError` for text that is no limit."""
    fields = declared_fields(Limits)
    return Limits(**{name: fields[name].kind.read(str(text)) for name, text in data.items()})


def _merged(first: Limits, second: Limits) -> Limits:
    """The first limits, and the second ones where those say nothing."""
    missing = {name: getattr(second, name) for name in LIMITS if getattr(first, name) is None}
    return dataclasses.replace(first, **missing)
