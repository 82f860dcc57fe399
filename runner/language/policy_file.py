"""The owner's policy file: its keys, declared as a runbook's are, and how it is read.

Codes: PO101 a file that cannot be used, PO102 unknown key, PO103 missing key, PO104 a value of the
wrong kind or shape, PO105 a guard that does not exist, PO106 a guard turned off twice, PO107 a
limit that makes no sense. What is wrong with the YAML itself has a runbook's codes, RB1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace as changed

from runner.language import tree
from runner.language.declare import Field, arg
from runner.language.diagnostics import Diagnostic, Report, did_you_mean, likeliest
from runner.language.document import (
    LISTED_SYMBOL,
    SYMBOLS_EXPECTED,
    fields_of,
    section_fields,
    takes,
)
from runner.language.fields import absent, out_of_bounds, unreadable
from runner.language.kinds import BOOLEAN, ID, INTEGER, TEXT, Kind, choice
from runner.language.loader import load
from runner.language.runbook import Limits
from runner.language.source import Source, Span
from runner.language.wording import shape_of

FORMAT = 1
"""The version of the policy format that this package reads."""


def _read_format(text: str) -> Decimal:
    if text != str(FORMAT):
        raise ValueError(f"this version reads policies of format {FORMAT}")
    return Decimal(FORMAT)


def _read_account(text: str) -> str:
    if not re.fullmatch(r"[A-Z0-9]{5,32}", text, re.ASCII):
        raise ValueError("account numbers are capitals and digits, as Alpaca shows them")
    return text


def _read_reason(text: str) -> str:
    if not text.strip():
        raise ValueError("say why, so that whoever reads the log knows")
    return text


POLICY_VERSION: Kind = replace(
    INTEGER, expected=f"the format version, {FORMAT}", read=_read_format, schema={"const": FORMAT}
)
ACCOUNT: Kind = replace(
    TEXT,
    name="account",
    expected="an account number, such as 123456789",
    read=_read_account,
    schema={"type": ["string", "number"], "pattern": "^[A-Z0-9]{5,32}$", "minimum": 0},
)
REASON: Kind = replace(
    TEXT,
    expected="a reason",
    read=_read_reason,
    schema={"type": ["string", "number", "boolean"], "pattern": r"\S"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardOff:
    """One guard that does not judge, and why."""

    guard: str = arg(ID, "The guard's code.", required=True, literal=True, example="wash_trade")
    reason: str = arg(
        REASON,
        "Why; it is shown at the start of every run and is in its log.",
        required=True,
        literal=True,
        example="the other account is not mine",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyKeys:
    """The keys of a policy, besides its symbols and its limits."""

    policy: Decimal = arg(
        POLICY_VERSION,
        "The version of the policy format.",
        required=True,
        literal=True,
        example="1",
    )
    accounts: tuple[str, ...] | None = arg(
        ACCOUNT,
        "The account numbers that live runs may trade. Without one nothing is live.",
        many=True,
        literal=True,
        example="123456789",
    )
    sides: tuple[str, ...] | None = arg(
        choice("buy", "sell"),
        "The sides of orders that may open risk. Without it, both.",
        many=True,
        literal=True,
        example="buy",
    )
    allow_shorting: bool | None = arg(
        BOOLEAN, "Whether shares that are not held may be sold.", literal=True, default="false"
    )
    allow_yes: bool | None = arg(
        BOOLEAN,
        "Whether `--yes` may answer a `confirm`. Without it, everywhere but live.",
        literal=True,
    )
    guards_off: tuple[GuardOff, ...] | None = arg(
        TEXT, "Guards that do not judge, each with its reason.", many=True, of=GuardOff
    )


SECTIONS = {
    "symbols": "What any runbook may trade: a list of symbols, or the word any. Without it, any.",
    "limits": "The ceilings. A runbook's own limits may only be tighter.",
}
"""The keys that are read in a way of their own, and what they are for."""


def limit_fields() -> Mapping[str, Field]:
    """The limits as a policy has them: the same keys as in a runbook, and nothing computed."""
    fields = section_fields("limits").items()
    return {name: changed(declared, literal=True) for name, declared in fields}


class PolicyFile(Struct, frozen=True):
    """A policy as it is written. `off` maps each guard that is turned off to its reason; `places`
    says where each limit stands, by its key."""

    keys: PolicyKeys
    symbols: tuple[str, ...] | None = None
    limits: Limits = field(default_factory=Limits)
    off: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Span] = field(default_factory=dict)


def read_policy(
    source: Source, guards: Sequence[str], ceilings: Limits, report: Report
) -> PolicyFile | None:
    """The policy in a text, or None when anything is wrong with it; findings go to `report`.

    `guards` are the codes that exist, `ceilings` the limits that hold where it says nothing. Never
    raises for anything that a file can hold.
    """
    root = load(source, report)
    if root is None:
        report.found = [_of_a_policy(one) for one in report.found]
        return None
    return _Reader(report, guards, ceilings).whole(root)


def _of_a_policy(found: Diagnostic) -> Diagnostic:
    """The loader speaks of runbooks where the file is no mapping at all."""
    if found.code != "RB112":
        return found
    message = "a policy is keys and values"
    return changed(found, code="PO104", message=message, help="Begin it with `policy: 1`.")


class _Reader:
    def __init__(self, report: Report, guards: Sequence[str], ceilings: Limits) -> None:
        self.report = report
        self.guards = guards
        self.ceilings = ceilings

    def whole(self, root: tree.Mapping) -> PolicyFile | None:
        values = self._block("a policy", fields_of(PolicyKeys), root, also=SECTIONS)
        symbols = self._symbols(root.get("symbols"))
        limits, places = self._limits(root.get("limits"))
        off = self._off(values.pop("guards_off", ()))
        if self.report.failed:
            return None
        return PolicyFile(PolicyKeys(**values), symbols, limits, off, places)

    def _block(
        self,
        place: str,
        fields: Mapping[str, Field],
        node: tree.Mapping,
        *,
        also: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The values of a mapping's keys, those that could be read."""
        values: dict[str, Any] = {}
        strange = [
            one.key for one in node.entries if one.key.text not in {**fields, **(also or {})}
        ]
        for key in strange:
            self.report.error(
                "PO102",
                f"'{key.text}' is not a key of {place}",
                key.span,
                label="unknown key",
                help=did_you_mean(key.text, [*fields, *(also or {})]),
            )
        for entry in node.entries:
            if entry.key.text in fields:
                value = self._value(fields[entry.key.text], entry.value)
                if value is not None:
                    values[entry.key.text] = value
        at = node.entries[0].key.span if node.entries else node.span
        for name, declared in fields.items():
            meant = likeliest(name, [key.text for key in strange])
            if declared.required and node.key(name) is None and not meant:
                self.report.error(
                    "PO103",
                    f"{place} needs the key '{name}'",
                    at,
                    label=f"'{name}' is missing",
                    help=f"Add `{name}: {declared.example}`. {declared.doc}",
                )
        return values

    def _value(self, declared: Field, node: tree.Node) -> Any:
        """One key's value, None after an error; of a key that takes several, those that can be
        read."""
        if not declared.many:
            return self._one(declared, node)
        items = node.items if isinstance(node, tree.Sequence) else (node,)
        if not items or (declared.of is not None and not isinstance(node, tree.Sequence)):
            self._wrong(declared.name, takes(declared), node)
            return None
        values = [self._one(declared, item) for item in items]
        return tuple(one for one in values if one is not None)

    def _one(self, declared: Field, node: tree.Node) -> Any:
        if declared.of is not None:
            if isinstance(node, tree.Mapping):
                entry = f"an entry of '{declared.name}'"
                return node, self._block(entry, fields_of(declared.of), node)
            self._wrong(declared.name, takes(declared), node)
            return None
        if not isinstance(node, tree.Scalar) or absent(node):
            self._wrong(declared.name, takes(declared), node)
            return None
        try:
            if node.text.startswith("="):
                raise ValueError("a policy computes nothing")
            value = declared.kind.read(node.text)
            if declared.kind is BOOLEAN and not node.plain:
                raise ValueError(f"write {node.text} without quotes")
            if why := out_of_bounds(declared, value):
                raise ValueError(why)
        except ValueError as why:
            unreadable(
                self.report,
                "PO104",
                declared.name,
                node,
                why=str(why),
                expected=declared.kind.expected,
            )
            return None
        return value

    def _wrong(self, name: str, expected: str, node: tree.Node) -> None:
        span, found = node.span, shape_of(node)
        if not isinstance(node, tree.Scalar):
            span = Span(span.line, span.column, span.line, span.column + 1)
        help_ = "Write a value, or leave the key out." if "empty" in found else ""
        message = f"'{name}' takes {expected}"
        self.report.error("PO104", message, span, label=f"this is {found}", help=help_)

    def _symbols(self, node: tree.Node | None) -> tuple[str, ...] | None:
        if node is None or (isinstance(node, tree.Scalar) and node.text == "any"):
            return None
        if not isinstance(node, tree.Sequence) or not node.items:
            self._wrong("symbols", SYMBOLS_EXPECTED, node)
            return None
        declared = Field("symbols", LISTED_SYMBOL, "")
        found = (self._one(declared, item) for item in node.items)
        return tuple(dict.fromkeys(one for one in found if one is not None))

    def _limits(self, node: tree.Node | None) -> tuple[Limits, Mapping[str, Span]]:
        if node is None:
            return Limits(), {}
        if not isinstance(node, tree.Mapping):
            self._wrong("limits", "keys with values", node)
            return Limits(), {}
        values = self._block("'limits'", limit_fields(), node)
        places = {one.key.text: one.value.span for one in node.entries if one.key.text in values}
        for name, why, instead in _senseless(values, self.ceilings):
            self.report.error("PO107", f"'{name}' makes no sense: {why}", places[name],
                              label="it can never be reached", help=instead)  # fmt: skip
        return Limits(**values), places

    def _off(self, entries: Sequence[tuple[tree.Mapping, Mapping[str, Any]]]) -> dict[str, str]:
        off: dict[str, str] = {}
        for node, values in entries:
            code, written = values.get("guard"), node.get("guard")
            if code is None or written is None:
                continue
            if code not in self.guards:
                self.report.error(
                    "PO105",
                    f"there is no guard '{code}'",
                    written.span,
                    label="unknown guard",
                    help=did_you_mean(code, list(self.guards)) or "docs/guards.md lists them.",
                )
            elif code in off:
                self.report.error(
                    "PO106",
                    f"'{code}' is turned off twice",
                    written.span,
                    label="turned off before",
                    help="Keep one entry, with one reason.",
                )
            else:
                off[code] = values.get("reason", "")
        return off


_WITHIN = (
    ("max_order_notional", "max_run_notional"),
    ("max_run_notional", "max_day_notional"),
    ("max_orders", "max_day_orders"),
    ("max_order_qty", "max_position_qty"),
    ("max_position_notional", "max_gross_exposure"),
)
"""A limit, and the wider one that it lies within."""

_PARTS = ("price_collar", "stop_distance", "max_spread")
"""Limits that are a part of a price."""


def _senseless(written: Mapping[str, Any], ceilings: Limits) -> Iterator[tuple[str, str, str]]:
    """Each limit that nothing could ever reach: its key, why, and what to do."""
    for name in _PARTS:
        if name in written and written[name] >= 1:
            yield name, "no price is that far from another one", "Write less than 100%."
    for name, wider in _WITHIN:
        most = written.get(wider, getattr(ceilings, wider))
        if name in written and most is not None and written[name] > most:
            by = "" if wider in written else ", which is built in"
            yield (
                name,
                f"{wider} is {most:f}{by}",
                f"Write `{wider}: {written[name]:f}` or more, or lower this.",
            )
