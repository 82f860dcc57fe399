"""What `runbook drill` showed, as a table for people and as one object for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.drive.drill import Drill, Fed
from runner.guards import Verdict
from runner.report.diagnostics import visible
from runner.report.doctor import WIDTH, Line, target_in_words
from runner.report.run_text import pad, paint, wrap
from runner.report.run_words import order_in_words

WORDS = {
    "refuse": ("refused", "green"),
    "off": ("off", "yellow"),
    "unset": ("not set", "yellow"),
    "pass": ("PASSED", "bold red"),
    "silent": ("SILENT", "bold red"),
    "failed": ("FAILED", "bold red"),
}
_VERDICT, _GUARD = 9, 23


def drill_text(held: Drill, *, width: int | None, color: bool) -> str:
    """The table; 80 columns where no width is given."""
    return "".join(
        "".join(paint(text, style, color=color) for text, style in line).rstrip() + "\n"
        for line in _lines(held, width or WIDTH)
    )


def drill_json(held: Drill) -> dict[str, Any]:
    """The same as one object."""
    target = held.target
    return {
        "exit_code": held.exit_code,
        "target": {"kind": target.kind, "base_url": target.base_url},
        "simulated": target.kind == "sim",
        "symbol": held.symbol,
        "base": {
            "order": dict(held.base),
            "verdicts": [
                {
                    "guard": one.guard,
                    "verdict": one.verdict,
                    "message": one.message,
                    "values": dict(one.values),
                }
                for one in held.verdicts
            ],
        },
        "guards": [
            {
                "guard": one.guard,
                "given": one.given,
                "order": dict(one.body),
                "verdict": one.verdict,
                "message": one.message,
                "refuses_base": one.anyhow,
            }
            for one in held.fed
        ],
        "refused": held.refused,
        "not_set": [one.guard for one in held.fed if one.verdict == "unset"],
        "not_refused": [one.guard for one in held.fallen],
        "sent": 0,
    }


def _lines(held: Drill, width: int) -> Iterator[Line]:
    yield [(f"runbook drill on {target_in_words(held.target)}", "bold")]
    yield []
    yield from _text(f"The base order: {order_in_words(held.base)}", width)
    yield from _base(held, width)
    yield []
    yield from _text("What each guard was given in its place, and what it said:", width)
    for one in held.fed:
        yield from _fed(one, width)
    yield []
    for one in held.fallen:
        words = f"{one.guard} DID NOT REFUSE ITS BAD ORDER. Do not trade until it does."
        yield from _text(words, width, style="bold red")
    words, style = _verdict(held)
    yield from _text(words, width, style=style)


def _base(held: Drill, width: int) -> Iterator[Line]:
    """What every guard says of an order that should pass; those that object, by name."""
    against = [one for one in held.verdicts if one.verdict == "refuse"]
    if not against:
        count = sum(one.verdict == "pass" for one in held.verdicts)
        yield from _text(f"No guard refuses it: {count} let it pass.", width, "  ", "green")
    for one in against:
        words = f"refused already by {one.guard}: {_message(one)}"
        yield from _text(words, width, "  ", "yellow")


def _fed(one: Fed, width: int) -> Iterator[Line]:
    word, style = WORDS.get(one.verdict, (one.verdict.upper(), "bold red"))
    under = " " * (_VERDICT + _GUARD)
    given, *more = wrap(visible(one.given), width - len(under))
    yield [(pad(word, _VERDICT), style), (pad(one.guard, _GUARD), ""), (given, "")]
    for line in more:
        yield [(f"{under}{line}", "")]
    said = f"{_message(one)} (so it says of the base order)" if one.anyhow else _message(one)
    yield from _text(said, width, f"{under}  ", "dim" if one.stood else "bold red")


def _message(one: Fed | Verdict) -> str:
    return visible(one.message)


def _text(text: str, width: int, indent: str = "", style: str = "") -> Iterator[Line]:
    for line in wrap(text, width, indent):
        yield [(line, style)]


def _verdict(held: Drill) -> tuple[str, str]:
    """The last words: how many refused, and that nothing was sent."""
    count, asked = held.refused, sum(one.asked for one in held.fed)
    off, unset = (sum(one.verdict == word for one in held.fed) for word in ("off", "unset"))
    tail = f" {off} {'is' if off == 1 else 'are'} turned off." if off else ""
    tail += f" {unset} {'has' if unset == 1 else 'have'} no limit set." if unset else ""
    if held.fallen:
        return f"Only {count} of {asked} guards refused.{tail} Nothing was sent.", "bold red"
    guards = "guard" if count == 1 else "guards"
    orders = "order" if count == 1 else "orders"
    return f"{count} {guards} refused {count} bad {orders}.{tail} Nothing was sent.", "green"
