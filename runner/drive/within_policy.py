"""What a runbook asks for beyond the owner's policy, found before anything is sent.

Codes: PO201 a limit looser than the policy's, PO202 a symbol outside of it, PO203 an order that
opens on a side that it does not allow, PO204 shorting. What can only be told while it runs (which
side opens, what a parameter's symbol is) is left to the guards.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from runner.guards.rules import Policy, limit_text, looser
from runner.language import tree
from runner.language.diagnostics import Diagnostic, Report
from runner.language.loader import load
from runner.language.runbook import Literal, Runbook, Step
from runner.language.source import Span
from runner.machine import every_step
from runner.world import is_option


def beyond(policy: Policy, runbook: Runbook) -> list[Diagnostic]:
    """Everything that the runbook asks for and the policy does not allow, in reading order.

    It is the policy's business only where a runbook can open risk: one that provably only gets out
    is never kept from it.
    """
    steps = [step for step in every_step(runbook.body) if _can_open(step)]
    if not steps:
        return []
    found = [*_limits(policy, runbook), *_symbols(policy, runbook)]
    for step in steps:
        found += _opening(policy, step)
    return sorted(found, key=lambda one: one.span)


def _can_open(step: Step) -> bool:
    """Whether a step may open risk: not where what is written out rules that out.

    A target of 0 only closes. The broker refuses an order that says that it closes where it would
    open anything (position intent mismatch, facts page 2.3).
    """
    if not step.action.opens:
        return False
    if step.action.name == "target_position":
        qty = _literal(step, "qty")
        return not qty or Decimal(qty) != 0
    simple = not {"order_class", "legs", "take_profit", "stop_loss"} & set(step.arguments)
    return not (simple and _literal(step, "position_intent").endswith("_to_close"))


def _limits(policy: Policy, runbook: Runbook) -> Iterator[Diagnostic]:
    for name in looser(policy, runbook.limits):
        own = limit_text(name, getattr(runbook.limits, name))
        most = limit_text(name, getattr(policy.widest, name))
        yield Diagnostic(
            "PO201",
            f"'{name}' is {own}, looser than the policy's {most}",
            _written(runbook, "limits", name),
            f"the policy allows {most}",
            f"Write {most} or tighter, or leave it out. {policy.source_of(name)}",
        )


def _symbols(policy: Policy, runbook: Runbook) -> Iterator[Diagnostic]:
    allowed = policy.symbols
    if allowed is None:
        return
    words = ", ".join(allowed)
    help_ = f"The policy allows {words} ({policy.file})."
    if runbook.symbols is None:
        message = "this runbook may trade any symbol, and the policy allows only some"
        span = _written(runbook, "symbols")
        yield Diagnostic("PO202", message, span, "looser than the policy", help_)
        return
    for at, symbol in enumerate(runbook.symbols):
        if symbol not in allowed:
            message = f"'{symbol}' is not among the policy's symbols"
            span = _written(runbook, "symbols", at)
            yield Diagnostic("PO202", message, span, "not allowed by the policy", help_)


def _opening(policy: Policy, step: Step) -> Iterator[Diagnostic]:
    """What a step says by itself that it opens; only what is written out is judged."""
    argument = step.arguments.get("position_intent")
    intent, symbol = _literal(step, "position_intent"), _literal(step, "symbol")
    if argument is None or not intent.endswith("_to_open"):
        return
    side = intent.removesuffix("_to_open")
    where = f"The policy is {policy.file}." if policy.file else policy_would_be(policy)
    if side not in policy.sides:
        message = f"this opens a position with a {side} order, and the policy does not let it"
        yield Diagnostic("PO203", message, argument.span, "not a side of the policy's", where)
    elif side == "sell" and symbol and not is_option(symbol) and not policy.allow_shorting:
        message = f"this sells {symbol} short, and the policy does not allow shorting"
        help_ = f"Shorting needs `allow_shorting: true`. {where}"
        yield Diagnostic("PO204", message, argument.span, "shorting", help_)


def policy_would_be(policy: Policy) -> str:
    """Where a policy would be found, for somebody who has none."""
    return f"No policy file was found; it would be {policy.looked_for or 'named by --policy'}."


def _literal(step: Step, key: str) -> str:
    argument = step.arguments.get(key)
    content = argument.content if argument is not None else None
    return str(content.value) if isinstance(content, Literal) else ""


def _written(runbook: Runbook, *path: str | int) -> Span:
    """Where a value stands in the runbook's text; the nearest place that is known."""
    node: tree.Node | None = load(runbook.source, Report(runbook.source))
    span = Span(1, 1, 1, 1)
    for part in path:
        if isinstance(node, tree.Mapping):
            node = node.get(str(part))
        elif isinstance(node, tree.Sequence) and isinstance(part, int):
            node = node.items[part] if part < len(node.items) else node
        if node is None:
            break
        span = node.span
    return span
