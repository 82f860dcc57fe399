"""Why a step did what it did, as a tree for a terminal.

Each value stands with where it came from and how old it was when it was decided by. Everything
comes from a log, so everything is made visible here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from runner.audit.origins import Origin
from runner.audit.story import value_in_words, visible
from runner.audit.why import Decided, Guarded, Judged, Reasons
from runner.report.audit_show import hanging
from runner.report.run_text import spoken, wrap

_MINUTE = 60


def why_lines(reasons: Reasons, width: int) -> Iterator[str]:
    """The decisions of one step, what of it was written in the runbook, and its guards."""
    named = f"{reasons.name} ({reasons.action})" if reasons.name else reasons.action
    title = f"{reasons.path}  {named}" + (f" as {reasons.id}" if reasons.id else "")
    yield from wrap(visible(title), width)
    if not reasons.decisions:
        yield from wrap("Nothing was computed or compared: it has no expression.", width, "  ")
    for decided in reasons.decisions:
        yield ""
        yield from _decision(decided, width)
    if reasons.literals:
        yield ""
        told = ", ".join(f"{key} {value_in_words(one)}" for key, one in reasons.literals.items())
        yield from hanging(visible(told), "written in the runbook: ", width, 2)
    for judged in reasons.judged:
        yield ""
        yield from _guards(judged, width)


def age_in_words(seconds: Decimal) -> str:
    """How old something was: to the millisecond below a minute, then as a person says it."""
    if seconds < 0:
        return f"{-seconds:.3f} s after it"
    if seconds < _MINUTE:
        return f"{seconds:.3f} s old"
    return f"{spoken(timedelta(seconds=float(seconds)))} old"


def _decision(decided: Decided, width: int) -> Iterator[str]:
    sure = _sure(decided.certainty)
    head = f"{decided.about or 'condition'} = {value_in_words(decided.verdict)}{sure}"
    when = f"record {decided.seq}, at {decided.at[11:23]}"
    yield from hanging(visible(f"{head}  ({when})"), "", width, 2)
    yield from hanging(visible(f"= {decided.expression}"), "  ", width)
    yield from _tree(decided.values, "  ", width)


def _tree(origins: Sequence[Origin], indent: str, width: int) -> Iterator[str]:
    for index, one in enumerate(origins):
        last = index == len(origins) - 1
        under = indent + ("   " if last else "│  ")
        lead = f"{indent}{'└─' if last else '├─'} "
        head, *rest = [visible(text) for text in _words(one)]
        yield from _branch(head, lead, under, width)
        for text in rest:
            more = "│  " if one.sources else "   "
            yield from wrap(text, width, f"{under}{more}")
        yield from _tree(one.sources, under, width)


def _branch(text: str, lead: str, under: str, width: int) -> Iterator[str]:
    lines = wrap(text, max(width - len(lead), 10))
    yield f"{lead}{lines[0]}"
    for line in lines[1:]:
        yield f"{under}  {line}"


def _words(one: Origin) -> Iterator[str]:
    """What a value is; then where it came from and how old it was."""
    value = f"{one.name} = {value_in_words(one.value)}{_sure(one.certainty)}"
    record = f"record {one.record}"
    match one.kind:
        case "parameter":
            yield value
            yield f"parameter of the run, {record}"
        case "output":
            yield value
            age = "" if one.sources else f", {_age(one)}"
            told = f", {record}{age}" if one.record else ""
            yield f"told by {one.step} {one.about}".rstrip() + told
        case "decision":
            yield f"{one.name} = {value_in_words(one.value)}{_sure(one.certainty)}"
            yield f"decided in {one.step}: {one.about}, {record}, {_age(one)}"
        case "answer":
            yield f"{one.about} told {one.path.removeprefix('data.')}"
            yield f"{record}, {_ages(one)}"
        case "reading":
            yield f"made from {one.about}"
            yield f"{record}, {_ages(one)}"
        case "literal":
            yield f"{one.name}  written in the runbook"
        case "run":
            yield value
            yield "known to the run itself" + (f", {record}" if one.record else "")
        case "absent":
            yield value
            yield "nothing had given it a value"
        case _:
            yield value
            yield "where it came from cannot be told from the log"


def _sure(certainty: str) -> str:
    return f" ({certainty})" if certainty in ("estimated", "unknown") else ""


def _ages(one: Origin) -> str:
    """How old by its own time, where it says when it was made; and how long ago it was read."""
    if not one.made:
        return _age(one)
    read = "" if one.since_told is None else f"; read {one.since_told:.3f} s before"
    return f"{_age(one)} by its own time{read}"


def _age(one: Origin) -> str:
    return "how old is not known" if one.age is None else age_in_words(one.age)


def _guards(judged: Judged, width: int) -> Iterator[str]:
    yield "guards, over these readings:" if judged.readings else "guards:"
    for one in judged.readings:
        quotes = [f"; its quote {_age(quote)}" for quote in one.sources]
        text = f"{one.about}, record {one.record}, {_ages(one)}{''.join(quotes)}"
        yield from hanging(visible(text), "  ", width)
    for guard in judged.guards:
        yield from hanging(visible(_guard(guard)), f"  {visible(guard.verdict):<6}  ", width)


def _guard(guard: Guarded) -> str:
    message = f": {guard.message}" if guard.message else ""
    values = ", ".join(f"{key} {value_in_words(one)}" for key, one in guard.values.items())
    return f"{guard.guard}{message}" + (f" ({values})" if values else "")
