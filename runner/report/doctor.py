"""What `runbook doctor` found, as a table for people and as one object for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.broker.targets import Target
from runner.drive.doctor_checks import Check, Examination, State
from runner.report.diagnostics import visible
from runner.report.run_text import pad, paint, wrap

STYLES = {
    State.OK: "green",
    State.WARNING: "yellow",
    State.PROBLEM: "bold red",
    State.UNKNOWN: "bold red",
}
WIDTH = 80
_STATE, _NAME = 9, 17

Line = list[tuple[str, str]]
"""One line of the screen: texts, each with its style."""


def target_in_words(target: Target) -> str:
    """The target as a person names it."""
    names = {
        "sim": "the simulated exchange",
        "paper": "Alpaca paper trading",
        "live": "Alpaca LIVE trading, with real money",
    }
    return names.get(target.kind, visible(target.base_url))


def doctor_text(found: Examination, *, width: int | None, color: bool) -> str:
    """The table; 80 columns where no width is given."""
    lines = _lines(found, width or WIDTH)
    return "".join(
        "".join(paint(text, style, color=color) for text, style in line).rstrip() + "\n"
        for line in lines
    )


def doctor_json(found: Examination) -> dict[str, Any]:
    """The same as one object."""
    target = found.target
    return {
        "exit_code": found.exit_code,
        "target": {"kind": target.kind, "base_url": target.base_url or None},
        "simulated": target.kind == "sim",
        "checks": [
            {
                "name": one.name,
                "state": one.state.value,
                "message": one.message,
                "todo": one.todo or None,
                "command": one.command or None,
            }
            for one in found.checks
        ],
        "sent": 0,
    }


def _lines(found: Examination, width: int) -> Iterator[Line]:
    yield [(f"runbook doctor on {target_in_words(found.target)}", "bold")]
    yield []
    for one in found.checks:
        yield from _check(one, width)
    yield []
    yield [_verdict(found)]


def _check(one: Check, width: int) -> Iterator[Line]:
    under = " " * (_STATE + _NAME)
    words = wrap(visible(one.message), width - len(under))
    yield [(pad(one.state.value, _STATE), STYLES[one.state]), (pad(one.name, _NAME), ""),
           (words[0], "")]  # fmt: skip
    for line in words[1:]:
        yield [(f"{under}{line}", "")]
    if one.todo and one.state is not State.UNKNOWN:
        for line in wrap(f"To do: {visible(one.todo)}", width - len(under)):
            yield [(f"{under}{line}", "bold")]
    if one.command:  # never broken, so that it can be copied
        yield [(f"{under}{visible(one.command)}", "bold")]


def _verdict(found: Examination) -> tuple[str, str]:
    """The last line: how many of what, and that nothing was sent."""
    problems, warnings = found.count(State.PROBLEM), found.count(State.WARNING)
    untold = found.count(State.UNKNOWN)
    parts = [_count(problems, "problem"), _count(warnings, "warning")]
    if untold:
        parts.append(f"{untold} not examined")
    worst = State.PROBLEM if problems or untold else State.WARNING if warnings else State.OK
    return f"{', '.join(parts)}. Nothing was sent.", STYLES[worst]


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
