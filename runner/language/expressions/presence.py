"""What a condition tells about which values are there.

After `ran(entry) and …`, values of that step may be read; in `steps.x.y if ran(x) else 0` too.
"""

from __future__ import annotations

from runner.language.expressions.syntax import (
    Compare,
    Literal,
    Logic,
    Name,
    Node,
    Unary,
    asked_step,
    step_id,
)

Path = tuple[str, ...]
Facts = frozenset[Path] | None
"""Paths known to be there: `("steps", id)` for a step that ran, a full path for one value. None
where absence is provided for: inside the first argument of `default`."""

NOTHING_KNOWN: frozenset[Path] = frozenset()


def more(facts: Facts, learned: frozenset[Path]) -> Facts:
    """What is there by both."""
    return None if facts is None else facts | learned


def doubt(path: Path, optional: str, nullable: str, facts: Facts) -> str:
    """Why the value at this path may still be absent; empty when it is there."""
    if facts is None or path in facts:
        return ""
    return (optional if path[:2] not in facts else "") or nullable


def asked_presence(node: Node) -> Name | None:
    """The name in `name == none` or `name != none`."""
    if isinstance(node, Compare) and node.operator in ("==", "!="):
        match node.left, node.right:
            case (Name() as name, Literal(value=None)) | (Literal(value=None), Name() as name):
                return name
    return None


def learned(node: Node, truth: bool) -> frozenset[Path]:
    """What is there when the condition came out as `truth`."""
    step = asked_step(node)
    if step:
        return frozenset({("steps", step_id(step))}) if truth else NOTHING_KNOWN
    name = asked_presence(node)
    if name and isinstance(node, Compare):
        return frozenset({name.path}) if (node.operator == "!=") is truth else NOTHING_KNOWN
    match node:
        case Unary(operator="not"):
            return learned(node.operand, not truth)
        case Logic():
            told = [learned(operand, truth) for operand in node.operands]
            # A true `and` means that every operand was true, a true `or` that some one was.
            if (node.operator == "and") is truth:
                return NOTHING_KNOWN.union(*told)
            return told[0].intersection(*told[1:])
    return NOTHING_KNOWN
