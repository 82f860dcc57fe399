"""Whether an output can be absent, by what is written of its step and of the orders it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runner.language.declare import Output
from runner.language.expressions import Expression
from runner.language.runbook import Literal, OrderReference, Step
from runner.language.shape import WrittenStep

Find = Callable[[str], WrittenStep | None]
"""The step of an id."""


def may_lack(output: Output, written: WrittenStep, find: Find, *, main: bool) -> bool:
    """Whether one of the things is so under which alone an optional output is absent; `main` says
    that its step is one of `steps`, where no order that it names was left out."""
    if not output.only_if or written.step is None:
        return True
    return any(_holds(one, written.step, written.keys, find, main) for one in output.only_if)


def _holds(condition: str, step: Step, keys: frozenset[str], find: Find, main: bool) -> bool:
    """Whether a condition of `only_if` holds, for all that is known before the run."""
    key, _, word = condition.partition("=")
    owner, _, ordered = key.rpartition(".")
    if key == "unsent":
        return not main
    if key == "several_symbols":
        return len(_symbols_of_orders(step, find)) > 1
    if owner:
        senders = [find(one.step_id) for one in _orders_named(step)]
        return any(ordered in sender.keys for sender in senders if sender is not None)
    return _may_be(step, key, word) if word else key in keys


def _symbols_of_orders(step: Step, find: Find) -> set[str]:
    """The symbols of the orders that a step names; one without counts by itself."""
    symbols = set()
    for named in _orders_named(step):
        found = find(named.step_id)
        sender = found.step if found is not None else None
        argument = sender.arguments.get("symbol") if sender is not None else None
        content = argument.content if argument is not None else None
        if isinstance(content, Literal):
            symbols.add(str(content.value))
        elif isinstance(content, Expression):
            symbols.add(f"={''.join(content.text.split())}")  # gives the same each time
        else:
            symbols.add(f"steps.{named.step_id}")
    return symbols


def _orders_named(step: Step) -> Iterator[OrderReference]:
    """The orders that a step's arguments name."""
    for argument in step.arguments.values():
        items = argument.content if isinstance(argument.content, tuple) else (argument,)
        for item in items:
            if isinstance(item.content, OrderReference):
                yield item.content


def _may_be(step: Step, key: str, word: str) -> bool:
    """Whether an argument may come to what the word writes."""
    field = step.action.fields[key]
    if key not in step.arguments:
        return field.default == word
    content = step.arguments[key].content
    return not isinstance(content, Literal) or bool(content.value == field.kind.read(word))
